//! The toy's formats, in the same files as any dialect's.

pub(super) mod answer;
pub(super) mod error;
pub(super) mod request;
pub(super) mod spec;
pub(super) mod webhook;
