//! Errors of 360dialog's dialect: `wire` says how they look.

use utoipa::IntoResponses;
use wire::d360::error::ErrorBody;
use wire::problem::Problem;

use crate::app::webhooks::ConfigureError;
use crate::kit::reply::Refused;

/// An answer that is not the one that was hoped for.
pub type Error = Refused<wire::d360::error::Error>;

impl From<wire::d360::error::Error> for Error {
    fn from(error: wire::d360::error::Error) -> Self {
        Self(error)
    }
}

/// What every call about one group can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum GroupErrors {
    /// A parameter, field or list is wrong, or the group is suspended
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The key is missing, wrong or revoked
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// No such group of this number
    #[response(status = 404)]
    NotFound(ErrorBody),
}

impl From<ConfigureError> for Error {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Handshake(error) => Problem::field("url", error.to_string()).into(),
            ConfigureError::Change(error) => error.into(),
        }
    }
}
