use std::time::Duration;

use domain::Event;
use serde_json::json;
use wire::news::{News, Payload, Topic, What};
use wire::spec::{Format, Proof, Webhooks};

static FORMAT: Format = Format { name: "toy", render };

pub(super) const WEBHOOKS: Webhooks = Webhooks {
    format: &FORMAT,
    wait_secs: |failed| (failed <= 3).then_some(3),
    is_received: |status| status == 202,
    is_refused: |status| status == 404,
    timeout: Duration::from_secs(2),
    proofs: &[Proof::HubSha256],
    always_signs: false,
    has_handshake: false,
    agents: None,
    url_rules: &[],
};

fn render(news: &News<'_>) -> Option<Payload> {
    let did = match news.what {
        What::Happened(Event::Created(_)) => "made",
        What::Happened(Event::Deleted) => "ended",
        _ => return None,
    };
    let body = json!({ "room": news.group.id.as_str(), "did": did }).to_string().into_bytes();
    Some(Payload { topic: Topic::Lifecycle, body })
}
