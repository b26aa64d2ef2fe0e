//! Errors of Sinch's dialect: `wire` says how they look.

use utoipa::IntoResponses;
use wire::sinch::error::ErrorBody;

use crate::kit::reply::Refused;

/// An answer that is not the one that was hoped for.
pub type Error = Refused<wire::sinch::error::Error>;

impl From<wire::sinch::error::Error> for Error {
    fn from(error: wire::sinch::error::Error) -> Self {
        Self(error)
    }
}

/// What every call about one group can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum GroupErrors {
    /// A field is wrong
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The token is missing, wrong or revoked, or it is not the bot's
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// There is no such group, or it is not in a state for this
    #[response(status = 406)]
    NotAcceptable(ErrorBody),
    /// The number has asked for too many changes
    #[response(status = 429)]
    TooMany(ErrorBody),
}
