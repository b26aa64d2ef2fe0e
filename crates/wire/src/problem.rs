//! What can be wrong besides what the rules of a group refuse: with a request, with a record, with
//! the server itself. Each API has its own words for it; status, text and field are the same for
//! all where a vendor has published nothing else.

use domain::Refusal;
use domain::values::{self, PictureProblem};

/// An error as a dialect answers it.
pub trait ErrorAnswer: From<Refusal> + From<Problem> + std::fmt::Debug + Send + 'static {
    /// The HTTP status.
    fn status(&self) -> u16;

    /// Seconds after which the same call may do better: the header `Retry-After`.
    fn retry_after_secs(&self) -> Option<u32>;

    /// What is wrong, for the log.
    fn reason(&self) -> String;

    /// The body, as JSON. `trace_id` is the id of the request, by which an operator finds it in the
    /// log.
    fn body(&self, trace_id: Option<String>) -> Vec<u8>;
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such path.
    NoSuchPath {
        /// The path, as the API's own routes see it.
        path: String,
    },
    /// The path is there, the method is not.
    NoSuchMethod {
        /// The method, in capital letters.
        method: String,
        /// The path, as the API's own routes see it.
        path: String,
    },
    /// All headers together are too long.
    HeadersTooLarge {
        /// The name of the longest.
        longest: String,
        /// Bytes allowed.
        max_bytes: usize,
    },
    /// The `Host` is none that a sandbox answers to.
    ForeignHost {
        /// What was sent, as far as it is text.
        host: String,
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
    /// Too many large bodies of the same caller are being read.
    Overloaded,
    /// The body is compressed in a way that is not supported.
    ContentEncoding {
        /// What was sent.
        found: String,
    },
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
        /// The same for programs, where an API has a sentence of its own for it.
        fault: Fault,
    },
    /// A cursor that is damaged or of another list.
    Cursor {
        /// The parameter that held it.
        name: &'static str,
    },
    /// A picture that breaks the published rules.
    Picture {
        /// The part of the form that it was uploaded as.
        part: String,
        /// What is wrong with it.
        problem: PictureProblem,
    },
    /// The `Idempotency-Key` was used for another request.
    KeyReused,
    /// The group is being changed by too many callers at once.
    GroupBusy,
    /// Too many pictures are being fetched for the same number or account.
    TooManyFetches,
    /// Another record has this value.
    Taken {
        /// The field, as our own API spells it.
        field: &'static str,
    },
    /// Another subscription sends the same events in the same dialect to the same URL.
    Subscribed {
        /// The id of the other subscription.
        subscription: String,
    },
    /// There is no such record.
    Unknown {
        /// The field that names it, as our own API spells it.
        field: &'static str,
    },
    /// The number has another two-step verification PIN.
    WrongPin,
    /// There would be more of them than there may be.
    TooMany {
        /// The field, as the vendor's API spells it.
        field: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// The store is not available. Nothing was changed.
    Unavailable,
    /// The store failed while it wrote: the change may or may not be there.
    OutcomeUnknown,
    /// We have a bug, or the store is damaged.
    Internal,
}

/// What a caller can do about [`Problem::OutcomeUnknown`], for every API's answer.
pub const OUTCOME_UNKNOWN: &str = "the change may or may not have been stored; repeat the call with \
                                   the same Idempotency-Key, or look before you repeat it";

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is required and was not sent.
    Missing,
    /// Its value is of another JSON type.
    WrongType(JsonType),
    /// It has more than this many characters.
    TooLong {
        /// Characters allowed.
        max: usize,
    },
    /// It is not one of a closed set of words.
    NotOneOf {
        /// The set.
        allowed: &'static [&'static str],
        /// What was sent.
        found: String,
    },
    /// Anything else.
    Other,
}

/// The JSON type that a field must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// Text.
    String,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl Problem {
    /// A field with a bad value.
    #[must_use]
    pub fn field(name: impl Into<String>, detail: impl ToString) -> Self {
        Self::Field { name: name.into(), detail: detail.to_string(), fault: Fault::Other }
    }

    /// A required field that was not sent.
    #[must_use]
    pub fn missing(name: impl Into<String>) -> Self {
        let (name, detail) = (name.into(), "is missing".to_owned());
        Self::Field { name, detail, fault: Fault::Missing }
    }

    /// A field that is not one of a closed set of words.
    #[must_use]
    pub fn not_one_of(
        name: impl Into<String>,
        allowed: &'static [&'static str],
        found: impl Into<String>,
    ) -> Self {
        let detail = values::Problem::NotOneOf { allowed }.to_string();
        Self::Field {
            name: name.into(),
            detail,
            fault: Fault::NotOneOf { allowed, found: found.into() },
        }
    }

    /// The same problem of a field inside another one: `prefix` stands before its name.
    #[must_use]
    pub fn inside(self, prefix: &str) -> Self {
        match self {
            Self::Field { name, detail, fault } => {
                Self::Field { name: format!("{prefix}{name}"), detail, fault }
            }
            other => other,
        }
    }

    /// The HTTP status, where a vendor has published no other.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BodyBroken
            | Self::NotJson { .. }
            | Self::NotMultipart { .. }
            | Self::Field { .. }
            | Self::Cursor { .. }
            | Self::Picture { .. } => 400,
            Self::ForeignHost { .. } => 403,
            Self::NoSuchPath { .. } | Self::Unknown { .. } => 404,
            Self::NoSuchMethod { .. } => 405,
            Self::BodyTooSlow => 408,
            Self::KeyReused
            | Self::Taken { .. }
            | Self::Subscribed { .. }
            | Self::WrongPin
            | Self::TooMany { .. } => 409,
            Self::BodyTooLarge { .. } => 413,
            Self::ContentEncoding { .. } | Self::MediaType { .. } => 415,
            Self::HeadersTooLarge { .. } => 431,
            Self::Internal => 500,
            Self::Overloaded
            | Self::GroupBusy
            | Self::TooManyFetches
            | Self::Unavailable
            | Self::OutcomeUnknown => 503,
        }
    }

    /// Whether nothing of the request can be used, whatever it asks for.
    #[must_use]
    pub const fn ends_reading(&self) -> bool {
        matches!(
            self,
            Self::BodyTooLarge { .. } | Self::BodyTooSlow | Self::BodyBroken | Self::Overloaded
        )
    }

    /// Seconds after which the same call may do better. Not where the outcome is unknown: a client
    /// that repeats by itself what may have been done may do it twice.
    #[must_use]
    pub const fn retry_after_secs(&self) -> Option<u32> {
        match self {
            Self::OutcomeUnknown => None,
            _ if self.status() == 503 => Some(1),
            _ => None,
        }
    }

    /// In plain words, for the APIs that have no words of their own for it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::NoSuchPath { .. } => "There is nothing at this path".to_owned(),
            Self::NoSuchMethod { method, .. } => format!("Method {method} is not allowed here"),
            Self::HeadersTooLarge { longest, max_bytes } => {
                format!("The headers are longer than {max_bytes} bytes; the longest is {longest}")
            }
            Self::ForeignHost { host } => format!(
                "This sandbox does not answer to the Host {host:?}, since a web page could stand \
                 behind it: use localhost, or start klatch dev with --public-url"
            ),
            Self::BodyTooLarge { max_bytes } => {
                format!("The request body is longer than {max_bytes} bytes")
            }
            Self::BodyTooSlow => "The request body did not arrive in time".to_owned(),
            Self::BodyBroken => "The request body broke off".to_owned(),
            Self::Overloaded => {
                "Too many large requests of this caller are being read; try again".to_owned()
            }
            Self::ContentEncoding { found } => {
                format!("Content-Encoding {found} is not supported: send gzip, or no encoding")
            }
            Self::MediaType { found } => {
                format!("Content-Type {found} is not supported here: send application/json")
            }
            Self::NotJson { detail } => format!("Invalid JSON in request body: {detail}"),
            Self::NotMultipart { detail } => format!("Invalid multipart request body: {detail}"),
            Self::Field { name, detail, .. } => format!("{name} {detail}"),
            Self::Cursor { name } => {
                format!("{name} is not a cursor of this list; start again from the first page")
            }
            Self::Picture { part, problem } => format!("{part} {problem}"),
            Self::KeyReused => {
                "Idempotency-Key was used for another request; choose a new one".to_owned()
            }
            Self::GroupBusy => {
                "The group is being changed by too many callers at once; try again".to_owned()
            }
            Self::TooManyFetches => "Try again".to_owned(),
            Self::Taken { field } => format!("{field} is already in use"),
            Self::Subscribed { subscription } => format!(
                "url is already subscribed to these events in this dialect by {subscription}: \
                 change or remove that subscription"
            ),
            Self::Unknown { field } => format!("{field} does not exist"),
            Self::WrongPin => "the two-step verification PIN is another one".to_owned(),
            Self::TooMany { field, max } => format!("{field} must not be more than {max}"),
            Self::Unavailable => "The store is not available; try again".to_owned(),
            Self::OutcomeUnknown => format!("The outcome is unknown: {OUTCOME_UNKNOWN}"),
            Self::Internal => "Internal server error".to_owned(),
        }
    }
}

/// Parses a field, naming it if it is wrong.
pub fn parse<T>(
    name: &str,
    value: &str,
    f: impl FnOnce(&str) -> Result<T, values::Problem>,
) -> Result<T, Problem> {
    f(value).map_err(|problem| {
        let fault = match problem {
            values::Problem::TooLong { max, .. } => Fault::TooLong { max },
            values::Problem::NotOneOf { allowed } => {
                Fault::NotOneOf { allowed, found: value.to_owned() }
            }
            _ => Fault::Other,
        };
        Problem::Field { name: name.to_owned(), detail: problem.to_string(), fault }
    })
}

/// A field that has to be there.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::missing(name))
}
