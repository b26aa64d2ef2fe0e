//! One room for each vendor's API, all with the same furniture:
//!
//! | file | holds |
//! | --- | --- |
//! | `auth` | which header carries the key, and what a caller is |
//! | `groups`, `invite_link`, `join_requests`, `participants` | one handler for each operation: parse, execute, render |
//! | `error` | every [`Refusal`](domain::Refusal), [`Problem`](crate::http::problem::Problem) and [`Failure`](crate::app::Failure) in the vendor's words |
//!
//! [`graph`] holds what the two APIs of Graph's family share. To add a dialect: a room with this
//! furniture, a line in [`Api::of`](crate::http::Api::of), a column in `docs/dialects.md`.

pub mod d360;
pub mod graph;
