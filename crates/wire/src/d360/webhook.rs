//! How 360dialog tells receivers: Meta's bodies, passed on.

use std::time::Duration;

use crate::graph::webhook::GRAPH;
use crate::spec::{Proof, UrlRule, Webhooks};

/// Seconds before the first and the last retry. 360dialog publishes an exponential back-off; its
/// beginning and its end are ours.
const FIRST_SECS: u64 = 5;
const LAST_SECS: u64 = 8 * 60 * 60;

pub(super) const WEBHOOKS: Webhooks = Webhooks {
    format: &GRAPH,
    wait_secs: |failed| {
        let doubled = 2_u64.saturating_pow(failed.saturating_sub(1));
        Some(FIRST_SECS.saturating_mul(doubled).min(LAST_SECS))
    },
    // Published: exactly 200.
    is_received: |status| status == 200,
    is_refused: |_| false,
    // Published.
    timeout: Duration::from_secs(5),
    proofs: &[Proof::HubSha256],
    always_signs: false,
    has_handshake: false,
    agents: None,
    url_rules: &[UrlRule::PlainHost],
};
