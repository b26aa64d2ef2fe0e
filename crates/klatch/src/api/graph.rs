//! What handlers of Graph's family share: the parameters of a call, and what a call does once its
//! caller is known.

pub mod calls;
pub mod params;
