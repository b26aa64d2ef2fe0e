use wire::{Dialect, Spec};

use super::webhook::WEBHOOKS;

/// The row.
pub(in super::super) const TOY: Dialect = Dialect(&SPEC);

static SPEC: Spec = Spec {
    name: "toy",
    other_names: &[],
    title: "Nobody's",
    hosts: &["api.toy.example"],
    mount: "/toy",
    owns_path: |path| path.starts_with("/rooms"),
    header: Some("x-toy-key"),
    prefix: |_| 0,
    webhooks: WEBHOOKS,
};
