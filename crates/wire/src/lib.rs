//! The formats of the vendors' APIs, in both directions: what callers send, what they are answered,
//! what they are told is wrong, and what receivers are told. Values in, values and bytes out; no
//! I/O, no clock, nothing of HTTP but numbers and names.
//!
//! One folder for each dialect, [`meta`], [`d360`] and [`sinch`], with the same files:
//!
//! | file | holds |
//! | --- | --- |
//! | `request` | bodies that callers send, and the commands that they mean |
//! | `answer` | bodies of answers |
//! | `error` | every [`Refusal`](domain::Refusal) and [`Problem`](problem::Problem) as the vendor answers it |
//! | `webhook` | what receivers are told, and how: bodies, retries, signatures |
//! | `spec` | the dialect as one value: names, hosts, paths, and the way of its webhooks |
//!
//! [`graph`] is what Meta and 360dialog share. [`dialect`] lists the dialects, [`news`] is what there
//! is to tell, [`problem`] is what can be wrong with a request before any rule of a group is asked.

pub mod answers;
mod ascii;
pub mod d360;
pub mod dialect;
pub mod graph;
pub mod meta;
pub mod news;
pub mod paging;
pub mod problem;
pub mod sinch;

pub use answers::{Answers, Effect};
pub use dialect::{Dialect, Spec};

/// A value as JSON.
#[expect(clippy::expect_used, reason = "structs of strings and numbers always serialize")]
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("a body is made of strings and numbers")
}
