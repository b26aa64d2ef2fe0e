//! Who asks, and where they may look.

use std::sync::Arc;

use super::App;
use super::idempotency::Idempotency;
use crate::directory::{KeyHash, Opening};
use crate::store::{Scope, StoreError};

/// What a call carries besides what it asks for.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where the caller may look.
    pub scope: Scope,
    /// Given where the caller wants to be able to repeat the call.
    pub idempotency: Option<Idempotency>,
}

impl App {
    /// What a key opens; `None` for a key that is unknown or revoked.
    pub async fn opening(&self, secret: &str) -> Result<Option<Arc<Opening>>, StoreError> {
        self.store.opening(&KeyHash::of(secret)).await
    }
}
