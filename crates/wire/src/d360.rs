//! 360dialog's Messaging API, the group operations of its specification 1.41.0: Meta's formats, with
//! errors and answers of its own.

pub mod answer;
pub mod error;
pub mod spec;
pub mod webhook;
