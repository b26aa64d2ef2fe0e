//! What can be wrong with a request before any group is asked. Each API has its own words for it.

use axum::http::Method;
use domain::values;

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such path.
    NoSuchPath,
    /// The path is there, the method is not.
    NoSuchMethod {
        /// The method.
        method: Method,
    },
    /// All headers together are too long.
    HeadersTooLarge {
        /// The name of the longest.
        longest: String,
        /// Bytes allowed.
        max_bytes: usize,
    },
    /// The body is longer than the call allows.
    BodyTooLarge {
        /// Bytes allowed.
        max_bytes: usize,
    },
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The connection broke off in the middle of the body.
    BodyBroken,
    /// The body is of a kind that the call does not take.
    MediaType {
        /// What was sent.
        found: String,
    },
    /// The body is not JSON.
    NotJson {
        /// Where and why.
        detail: String,
    },
    /// The body is not a multipart form.
    NotMultipart {
        /// Where and why.
        detail: String,
    },
    /// A field, parameter or header has a value that it cannot have.
    Field {
        /// Its name, with the path to it.
        name: String,
        /// Reads on after the name: "must not be empty".
        detail: String,
    },
    /// A cursor that is damaged or of another list.
    Cursor {
        /// The parameter that held it.
        name: &'static str,
    },
    /// We have a bug.
    Panicked,
}

impl Problem {
    /// A field with a bad value.
    #[must_use]
    pub fn field(name: impl Into<String>, detail: impl ToString) -> Self {
        Self::Field { name: name.into(), detail: detail.to_string() }
    }

    /// In plain words, for the APIs that have no words of their own for it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::NoSuchPath => "There is nothing at this path".to_owned(),
            Self::NoSuchMethod { method } => format!("Method {method} is not allowed here"),
            Self::HeadersTooLarge { longest, max_bytes } => {
                format!("The headers are longer than {max_bytes} bytes; the longest is {longest}")
            }
            Self::BodyTooLarge { max_bytes } => {
                format!("The request body is longer than {max_bytes} bytes")
            }
            Self::BodyTooSlow => "The request body did not arrive in time".to_owned(),
            Self::BodyBroken => "The request body broke off".to_owned(),
            Self::MediaType { found } => {
                format!("Content-Type {found} is not supported here: send application/json")
            }
            Self::NotJson { detail } => format!("Invalid JSON in request body: {detail}"),
            Self::NotMultipart { detail } => format!("Invalid multipart request body: {detail}"),
            Self::Field { name, detail } => format!("{name} {detail}"),
            Self::Cursor { name } => {
                format!("{name} is not a cursor of this list; start again from the first page")
            }
            Self::Panicked => "Internal server error".to_owned(),
        }
    }
}

/// Parses a field, naming it if it is wrong.
pub fn parse<T>(
    name: &str,
    value: &str,
    f: impl FnOnce(&str) -> Result<T, values::Problem>,
) -> Result<T, Problem> {
    f(value).map_err(|problem| Problem::field(name, problem))
}

/// A field that has to be there.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::field(name, "is missing"))
}
