//! 360dialog's Messaging API as a row of the table of dialects.

use super::webhook::WEBHOOKS;
use crate::spec::Spec;

/// 360dialog's Messaging API.
pub static SPEC: Spec = Spec {
    name: "d360",
    other_names: &["360dialog"],
    title: "360dialog's, which passes Meta's payloads on",
    hosts: &["waba-v2.360dialog.io", "waba-sandbox.360dialog.io", "waba.360dialog.io"],
    mount: "/360dialog",
    owns_path,
    header: Some("d360-api-key"),
    prefix: |_| 0,
    webhooks: WEBHOOKS,
};

/// How 360dialog's paths begin, with or without `/v1`.
const BEGINNINGS: [&str; 10] = [
    "groups",
    "configs",
    "waba_webhook",
    "multi_webhook",
    "messages",
    "media",
    "health_status",
    "marketing_messages",
    "whatsapp_business",
    "health",
];

fn owns_path(path: &str) -> bool {
    let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    BEGINNINGS.contains(&first)
}
