//! Klatch: one server for WhatsApp group management that speaks several vendors' APIs.
//!
//! ```text
//! http ─▶ dialect (auth, parse) ─▶ app::execute ─▶ domain ─▶ store ─▶ dialect (render) ─▶ http
//!              admin, people ─────────┘
//! ```
//!
//! The modules, in the order in which a newcomer reads them: [`config`] and [`lifecycle`] start and
//! stop the program; [`http`] is the one port; [`dialect`] has a room for each vendor; [`admin`] is
//! our own API; [`app`] executes; [`store`] keeps; [`webhook`] tells
//! receivers; [`directory`], [`mint`] and [`page`] are values they share; [`runtime`] gives all of them
//! time, tasks and random numbers; [`sandbox`] is what `klatch dev` begins with; [`telemetry`] and
//! [`metrics`] tell what goes on; [`openapi`] describes the routes; [`cli`] is the terminal.

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
mod descriptors;
pub mod dialect;
pub mod directory;
mod hex;
pub mod http;
pub mod lifecycle;
pub mod metrics;
pub mod mint;
pub mod openapi;
pub mod page;
pub mod picture;
pub mod runtime;
pub mod sandbox;
mod serde_text;
pub mod store;
pub mod telemetry;
pub mod webhook;
mod words;

pub(crate) use hex::{hex, unhex};
