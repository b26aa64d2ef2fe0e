//! Who asks, where they may look, and how they say that a call is the same as an earlier one.

use sha2::{Digest as _, Sha256};

use crate::directory::Actor;
use crate::store::Scope;

/// What a call carries besides what it asks for.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asks. Kept in the log beside what the call brings about.
    pub actor: Actor,
    /// Where the caller may look.
    pub scope: Scope,
    /// Given where the caller wants to be able to repeat the call.
    pub idempotency: Option<Idempotency>,
}

/// Longest key, in visible ASCII characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// A caller's key, and what the call was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
}

impl Idempotency {
    /// Takes the header; `None` if its value is not a key.
    #[must_use]
    pub fn new(key: &[u8], method: &str, path: &str, body: &[u8]) -> Option<Self> {
        let well_formed = (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len())
            && key.iter().all(u8::is_ascii_graphic);
        let key = String::from_utf8(key.to_vec()).ok().filter(|_| well_formed)?;
        let fingerprint = Sha256::new()
            .chain_update(method)
            .chain_update([0])
            .chain_update(path)
            .chain_update([0])
            .chain_update(body)
            .finalize()
            .into();
        Some(Self { key, fingerprint })
    }
}
