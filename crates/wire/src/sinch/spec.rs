//! Sinch's WhatsApp API as a row of the table of dialects.

use super::webhook::WEBHOOKS;
use crate::spec::Spec;

/// Sinch's WhatsApp API.
pub static SPEC: Spec = Spec {
    name: "sinch",
    other_names: &[],
    title: "Sinch's",
    hosts: &["us1.whatsapp.api.sinch.com", "eu1.whatsapp.api.sinch.com"],
    mount: "/sinch",
    owns_path: |path| {
        let rest = path.strip_prefix("/whatsapp/v1");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    },
    header: None,
    prefix: |_| 0,
    webhooks: WEBHOOKS,
};
