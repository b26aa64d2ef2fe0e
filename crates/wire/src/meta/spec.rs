//! Meta's Cloud API as a row of the table of dialects.

use super::webhook::WEBHOOKS;
use crate::spec::Spec;

/// Meta's Cloud API.
pub static SPEC: Spec = Spec {
    name: "meta",
    other_names: &[],
    title: "Meta's Cloud API",
    hosts: &["graph.facebook.com"],
    mount: "/meta",
    owns_path: |path| version(path).is_some_and(|version| version.contains('.')),
    header: None,
    prefix: |path| version(path).map_or(0, |version| version.len() + 1),
    webhooks: WEBHOOKS,
};

/// The first part of a path, if it looks like a version, right or wrong: `v`, digits, and perhaps a
/// point and digits.
#[must_use]
pub fn version(path: &str) -> Option<&str> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    let number = first.strip_prefix(['v', 'V'])?;
    let mut parts = number.splitn(2, '.');
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.next().is_some_and(digits) && parts.next().is_none_or(digits)).then_some(first)
}
