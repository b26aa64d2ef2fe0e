//! What the two APIs of Graph's family share: bodies, answers, fields, codes and payloads.

pub mod answer;
pub mod code;
pub mod fields;
pub mod person;
pub mod request;
pub mod value;
pub mod webhook;

/// The one value that `messaging_product` may have.
pub const PRODUCT: &str = "whatsapp";
