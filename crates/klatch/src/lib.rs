//! Klatch: one server for WhatsApp group management that speaks several vendors' APIs.
//!
//! ```text
//! port ─▶ api (parse) ─▶ app (execute) ─▶ domain ─▶ store ─▶ api (render) ─▶ port
//!                             └─▶ webhook (plan, send)
//! ```
//!
//! The modules, in the order in which a newcomer reads them: [`config`] and [`lifecycle`] start and
//! stop the program; [`port`] listens and chooses the API; [`api`] has a folder for each vendor and
//! one for our own API, [`kit`] what their handlers are built of; [`app`] has the use cases;
//! [`store`] keeps; [`webhook`] tells receivers; [`directory`], [`mint`] and [`page`] are values they
//! share; [`runtime`] gives all of them time, tasks and random numbers; [`sandbox`] is what `klatch
//! dev` begins with; [`telemetry`] and [`metrics`] tell what goes on; [`openapi`] describes the routes;
//! [`cli`] is the terminal. The vendors' formats are a crate of their own, [`wire`].

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
mod descriptors;
pub mod directory;
mod hex;
pub mod kit;
pub mod lifecycle;
pub mod metrics;
pub mod mint;
pub mod openapi;
pub mod page;
pub mod picture;
pub mod port;
pub mod runtime;
pub mod sandbox;
mod serde_text;
pub mod store;
pub mod telemetry;
pub mod webhook;
mod words;

pub(crate) use hex::{hex, unhex};
