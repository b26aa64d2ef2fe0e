//! Errors of Meta's dialect: `wire` says how they look.

use utoipa::IntoResponses;
use wire::meta::error::ErrorBody;

use crate::http::reply::Refused;

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
