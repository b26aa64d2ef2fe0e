//! Bodies, fields and error codes of Graph's family: what Meta's API and those that pass it through
//! have in common.

pub mod answer;
pub mod ask;
pub mod calls;
pub mod code;
pub mod fields;
pub mod params;
pub mod person;
pub mod webhook;

/// The one value that `messaging_product` may have.
pub const PRODUCT: &str = "whatsapp";
