//! Everything that is tested from outside a module, in one binary: it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests are the world around the server, with its own tasks and timers"
)]

mod support;

mod actors;
mod admin;
mod architecture;
mod backup;
mod cli;
mod crash;
mod crowd;
mod d360;
mod faults;
mod idempotency;
mod listen;
mod lost_updates;
mod meta;
mod openapi;
mod parity;
mod people;
mod port;
mod secrets;
mod server;
mod sinch;
mod spellings;
mod store_contract;
mod tidy;
mod toy;
mod vendors;
mod webhook_crash;
mod webhooks;
mod webhooks_doc;
