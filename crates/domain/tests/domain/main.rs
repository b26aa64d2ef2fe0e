//! The domain's own tests: what a group answers to every command, what holds whatever is asked of
//! it, and which texts are values.

mod common;
mod laws;
mod phones;
mod scenarios;
mod values;
mod visible;
