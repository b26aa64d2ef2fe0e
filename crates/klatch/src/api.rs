//! One room for each vendor's API, all with the same furniture:
//!
//! | file | holds |
//! | --- | --- |
//! | `auth` | which header carries the key, what a caller is, and what the path names |
//! | `groups`, `invite_link`, `join_requests`, `participants` | one handler for each operation: parse, execute, render |
//! | `admins`, `icon`, `callbacks`; `number` | the same, for what only one vendor has |
//! | `error` | the dialect's errors as answers |
//! | `webhook` | how the vendor has receivers configured |
//!
//! What is sent and answered is in [`wire`], in a folder of the same name. [`graph`] holds what
//! handlers of Graph's family share. To add a dialect: a folder here and one in `wire`, a row in
//! [`wire::Dialect::ALL`] and one in [`SERVED`], a column in `docs/dialects.md`.

pub mod d360;
pub mod graph;
pub mod klatch;
pub mod meta;
pub mod sinch;

use crate::app::App;
use crate::kit::served::Served;

/// All dialects as the port serves them, in the order of [`wire::Dialect::ALL`].
pub const SERVED: [fn(App) -> Served; 3] = [meta::serve, d360::serve, sinch::serve];
