//! WhatsApp groups as pure state.
//!
//! A group is asked to change by a [`Command`], answers with a [`Decision`] or a [`Refusal`], and
//! changes only by applying an [`Event`]:
//!
//! ```text
//! Command ──decide──▶ Decision { event, refused } ──apply──▶ Group
//!             └─────▶ Refusal
//! ```
//!
//! Nothing here does I/O, reads a clock, draws a random number, or knows how anything looks on the
//! wire or on disk. Codes and ids are minted by the caller and arrive inside the command.
//!
//! Reading order: [`values`] and [`ids`] are what everything is made of; [`person`] is who;
//! [`group`] is the aggregate; [`command`], [`event`] and [`refusal`] are its vocabulary;
//! [`limits`] holds every number.

pub mod command;
pub mod event;
pub mod group;
pub mod ids;
pub mod limits;
pub mod person;
mod phone;
pub mod refusal;
pub mod values;
pub mod visible;
pub mod wording;

pub use command::{Command, CreateGroup, NewGroup};
pub use event::Event;
pub use group::{Decision, Group, GroupState, GroupSummary, Status};
pub use limits::Limits;
pub use person::{Person, PersonRef};
pub use refusal::Refusal;
