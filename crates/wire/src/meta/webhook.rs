//! How Meta tells receivers: in the bodies of Graph's family.

use std::time::Duration;

use crate::graph::webhook::GRAPH;
use crate::spec::{Agents, Proof, UrlRule, Webhooks};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// After a failure: seconds to wait before the next try. The last one repeats until the horizon.
/// Published by Meta only as "immediately, then with falling frequency"; the figures are ours.
const WAIT_SECS: [u64; 9] =
    [1, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR];

pub(super) const WEBHOOKS: Webhooks = Webhooks {
    format: &GRAPH,
    wait_secs: |failed| {
        let place = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
        Some(WAIT_SECS[place.min(WAIT_SECS.len() - 1)])
    },
    is_received: |status| matches!(status, 200..=299),
    is_refused: |_| false,
    // Nothing is published.
    timeout: Duration::from_secs(10),
    // The older one for receivers from before the newer.
    proofs: &[Proof::HubSha256, Proof::HubSha1],
    always_signs: true,
    has_handshake: true,
    // As captured: some receivers refuse others.
    agents: Some(Agents {
        delivery: "facebookexternalua",
        handshake: "facebookplatform/1.0 (+http://developers.facebook.com)",
    }),
    url_rules: &[UrlRule::NoPlus],
};
