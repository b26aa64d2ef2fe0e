//! Bodies, fields and error codes of Graph's family: what Meta's API and those that pass it through
//! have in common.

pub mod answer;
pub mod ask;
pub mod code;

/// The one value that `messaging_product` may have.
pub const PRODUCT: &str = "whatsapp";
