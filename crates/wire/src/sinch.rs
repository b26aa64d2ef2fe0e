//! Sinch's WhatsApp API, the group operations as they were from September 2019 to October 2020.

pub mod answer;
pub mod error;
pub mod request;
pub mod spec;
pub mod webhook;

use domain::GroupState;

/// The name by which this API knows a group: the number that made it, and a second of its own.
#[must_use]
pub fn alias(group: &GroupState) -> String {
    spelled(group.business.as_str(), group.alias_second)
}

/// The name of the group of a number that has this alias second.
pub fn spelled(business: &str, alias_second: impl std::fmt::Display) -> String {
    format!("group:{business}-{alias_second}")
}
