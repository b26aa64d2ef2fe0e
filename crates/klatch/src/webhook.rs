//! Webhooks: whatever happens in a group reaches its receivers.
//!
//! The actors: [`plan`] says, inside the transaction of a change, what is owed to whom, with bodies
//! that never change again; [`dispatch`] takes what is due, sends it and writes down what came of
//! it, on the occasion of a commit or when the time has come; [`memory`] is what it knows without
//! asking. [`send`] talks to receivers, for deliveries and for handshakes alike; [`lookup`] finds
//! the addresses of a name and [`egress`] says which of them may be reached; [`retry`] when to try
//! again, and [`sign`] how to prove that it was us. [`target`] reads what people write where a
//! receiver is meant, [`sample`] makes up events to try a receiver with.
//!
//! The records: a subscription is a receiver; a delivery is one event owed to one subscription; an
//! attempt is one try at it.
//!
//! What is promised: at least once, as long as the receiver answers within the retry horizon; first
//! attempts in the order of the changes, for each group and subscription. What is not: exactly
//! once, or any order among retries. A lease on a delivery saves work; that nothing is lost never
//! depends on it.

pub mod dispatch;
pub mod egress;
pub mod lookup;
pub mod memory;
pub mod plan;
pub mod retry;
pub mod sample;
pub mod send;
pub mod sign;
pub mod target;
