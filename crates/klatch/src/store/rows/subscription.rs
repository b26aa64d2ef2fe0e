//! The parts of a subscription that have no column of their own.

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};
use wire::news::Topic;

use super::Damage;
use crate::directory::{Reach, Role, SubscriptionEvent, VendorField};

/// The columns of a reach: number and WABA; neither is the whole account.
pub(in crate::store) fn reach_columns(reach: &Reach) -> (Option<&str>, Option<&str>) {
    match reach {
        Reach::Number(number) => (Some(number.as_str()), None),
        Reach::Waba(waba_id) => (None, Some(waba_id)),
        Reach::Account => (None, None),
    }
}

/// The columns of a role: its word, whether it is over all, its name.
pub(in crate::store) fn role_columns(role: &Role) -> (&'static str, bool, Option<&str>) {
    match role {
        Role::Added => ("added", false, None),
        Role::Main { over_all } => ("main", *over_all, None),
        Role::Extra { name } => ("extra", false, Some(name)),
    }
}

/// Writes topics.
pub(in crate::store) fn write_topics(topics: &[Topic]) -> String {
    super::write(&topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>())
}

/// Reads them back.
pub(in crate::store) fn read_topics(text: &str) -> Result<Vec<Topic>, Damage> {
    let words: Vec<String> = super::read(text)?;
    words
        .iter()
        .map(|word| Topic::parse(word).ok_or_else(|| format!("{word:?} is not a topic")))
        .collect()
}

/// Writes the fields of a vendor's configuration: pairs of name and version, in order.
pub(in crate::store) fn write_fields(fields: &[VendorField]) -> String {
    let pairs = fields.iter().map(|field| (field.name.as_str(), field.version.as_str()));
    super::write(&pairs.collect::<Vec<_>>())
}

/// Reads them back.
pub(in crate::store) fn read_fields(text: &str) -> Result<Vec<VendorField>, Damage> {
    let pairs: Vec<(String, String)> = super::read(text)?;
    Ok(pairs.into_iter().map(|(name, version)| VendorField { name, version }).collect())
}

/// Writes headers: pairs of name and value, in order.
pub(in crate::store) fn write_headers(headers: &[(String, HeaderValue)]) -> String {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), text(value)));
    super::write(&pairs.collect::<Vec<_>>())
}

/// Reads them back.
pub(in crate::store) fn read_headers(text: &str) -> Result<Vec<(String, HeaderValue)>, Damage> {
    let pairs: Vec<(String, String)> = super::read(text)?;
    pairs
        .into_iter()
        .map(|(name, value)| {
            let mut value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("{name:?} does not have the value of a header"))?;
            value.set_sensitive(true);
            Ok((name, value))
        })
        .collect()
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SubscriptionEvent", tag = "kind")]
enum EventRow {
    #[serde(rename = "subscription_added")]
    Added,
    #[serde(rename = "subscription_changed")]
    Changed,
    #[serde(rename = "subscription_secret_rotated")]
    SecretRotated,
    #[serde(rename = "subscription_paused")]
    Paused,
    #[serde(rename = "subscription_resumed")]
    Resumed,
    #[serde(rename = "subscription_switched_off")]
    SwitchedOff { reason: String },
    #[serde(rename = "subscription_removed")]
    Removed,
}

#[derive(Serialize, Deserialize)]
struct Stored(#[serde(with = "EventRow")] SubscriptionEvent);

/// Writes what happened to a subscription.
pub(in crate::store) fn write_subscription_event(event: &SubscriptionEvent) -> String {
    super::write(&Stored(event.clone()))
}

/// Reads it back.
pub(in crate::store) fn read_subscription_event(text: &str) -> Result<SubscriptionEvent, Damage> {
    super::read(text).map(|Stored(event)| event)
}
