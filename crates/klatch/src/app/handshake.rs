//! Asking a receiver whether it wants to be one.

use domain::ids::AccountId;
use wire::Dialect;

use super::App;
use crate::directory::{Secret, Target};
use crate::webhook::send::HandshakeFailure;

/// Why a receiver is not taken.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The dialect has a handshake, and there is no verify token to do it with.
    #[error("the verify token is missing")]
    NoToken,
    /// The receiver did not repeat the challenge.
    #[error("the receiver {0}")]
    Failed(#[from] HandshakeFailure),
}

/// Asks a receiver with the client of its account, if the dialect has a handshake.
///
/// # Errors
///
/// [`HandshakeError::NoToken`] if the dialect has a handshake and no token is given;
/// [`HandshakeError::Failed`] if the receiver does not answer with the challenge.
pub(super) async fn shake_hands(
    app: &App,
    account: &AccountId,
    dialect: Dialect,
    target: &Target,
    token: Option<&Secret>,
) -> Result<(), HandshakeError> {
    if !dialect.webhooks.has_handshake {
        return Ok(());
    }
    let token = token.ok_or(HandshakeError::NoToken)?;
    let challenge = app.mint.challenge();
    Ok(app.outbound.of(account).shake_hands(dialect, target, token, &challenge).await?)
}
