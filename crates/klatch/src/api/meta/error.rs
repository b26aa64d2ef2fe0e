//! Errors of Meta's dialect: `wire` says how they look.

use utoipa::IntoResponses;
use wire::meta::error::ErrorBody;
use wire::meta::error::HandshakeAnswer;
use wire::problem::Problem;

use crate::app::handshake::HandshakeError;
use crate::app::numbers::RegistrationError;
use crate::app::webhooks::ConfigureError;
use crate::kit::reply::Refused;
use crate::webhook::send::HandshakeFailure;

/// An answer that is not the one that was hoped for.
pub type Error = Refused<wire::meta::error::Error>;

impl From<wire::meta::error::Error> for Error {
    fn from(error: wire::meta::error::Error) -> Self {
        Self(error)
    }
}

/// What every call about one group can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum GroupErrors {
    /// A parameter, field or list is wrong, or there is no such group
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The token is missing, wrong or revoked
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The group is suspended
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The number has asked for too many changes
    #[response(status = 429)]
    TooMany(ErrorBody),
}

/// Webhooks were not configured. `field` is the one that holds the address of the receiver, and
/// `at` stands before the names of the fields.
pub(super) fn not_configured(at: &str, field: &str, error: ConfigureError) -> Error {
    match error {
        ConfigureError::Handshake(HandshakeError::Failed(failure)) => {
            handshake_failed(&format!("{at}{field}"), &failure).into()
        }
        ConfigureError::Handshake(HandshakeError::NoToken) => {
            Problem::missing(format!("{at}verify_token")).into()
        }
        ConfigureError::Change(error) => error.into(),
    }
}

fn handshake_failed(field: &str, failure: &HandshakeFailure) -> wire::meta::error::Error {
    let answer = match failure {
        HandshakeFailure::Status(status) => HandshakeAnswer::Status {
            status: status.as_u16(),
            reason: status.canonical_reason().unwrap_or("Unknown"),
        },
        HandshakeFailure::Body => HandshakeAnswer::OtherBody,
        HandshakeFailure::NoAnswer(_) => HandshakeAnswer::None,
    };
    wire::meta::error::Error::handshake_failed(field, answer, &failure.to_string())
}

impl From<RegistrationError> for Error {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::TooMany(refusal) => {
                wire::meta::error::Error::too_many_registrations(&refusal).into()
            }
            RegistrationError::Change(error) => error.into(),
        }
    }
}
