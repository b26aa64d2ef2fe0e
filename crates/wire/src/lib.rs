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
//! [`graph`] is what Meta and 360dialog share. [`dialect`] is the table of dialects, whose
//! rows are [`spec`]s; [`news`] is what there
//! is to tell, [`problem`] is what can be wrong with a request before any rule of a group is asked.

pub mod answers;
pub mod d360;
pub mod dialect;
pub mod graph;
mod json;
pub mod meta;
pub mod news;
pub mod paging;
pub mod problem;
pub mod sinch;
pub mod spec;

pub use answers::{Answers, Effect};
pub use dialect::Dialect;
pub use spec::Spec;
