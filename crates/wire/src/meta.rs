//! Meta's Cloud API, the group operations of Graph as they were in version 23.0 and are since.

pub mod answer;
pub mod error;
pub mod spec;
pub mod webhook;
