//! Logs: to standard error, for people at a terminal and as JSON elsewhere.
//!
//! `error` is for what an operator must look at, `warn` for what she may have to, `info` for the
//! program's own life and, under `klatch::access`, one line for each request.

use std::error::Error;
use std::fmt::{self, Write as _};

use anyhow::Context as _;
use axum::http::HeaderValue;
use tracing_subscriber::EnvFilter;

use crate::store::StoreError;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Human at a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// For machines: one object a line.
    Json,
}

/// The id by which a request is found again: in its answer's header, in log lines about it, in
/// error bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// Sixteen hex digits.
    #[must_use]
    pub fn new(id: u64) -> Self {
        let digits = id.to_be_bytes().map(|byte| {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            [digit(byte >> 4), digit(byte & 15)]
        });
        Self(std::array::from_fn(|place| digits[place / 2][place % 2]))
    }

    /// As a header.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "hex digits can stand in a header")]
    #[expect(clippy::expect_used, reason = "hex digits can stand in a header")]
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("hex digits")
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

/// Why an answer is an error, carried beside it for the log.
#[derive(Debug, Clone)]
pub struct Reason(pub String);

tokio::task_local! {
    /// The request that is being answered.
    static TRACE_ID: TraceId;
}

/// Answers a request under its id.
pub async fn traced<F: Future>(id: TraceId, answering: F) -> F::Output {
    TRACE_ID.scope(id, answering).await
}

/// The id of the request that is being answered, if one is.
#[must_use]
pub fn trace_id() -> Option<String> {
    TRACE_ID.try_with(TraceId::to_string).ok()
}

/// Starts logging. `filter` is in the notation of tracing: `info,klatch::access=warn`.
pub fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    use std::io::IsTerminal as _;

    // A word that is no level would be taken for the name of a module, and nothing be logged.
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in filter.split(',') {
        let level = directive.rsplit('=').next().unwrap_or(directive).trim();
        anyhow::ensure!(
            levels.contains(&level.to_ascii_lowercase().as_str()),
            "log = {filter:?}: {level:?} is not a level; use one of {}, or klatch::access=info",
            levels.join(", ")
        );
    }
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("log = {filter:?} is not a filter such as info or warn,klatch::access=info")
    })?;
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    let started = if json {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        builder.with_ansi(terminal).with_target(false).compact().try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))
}

/// An error and its causes in one line; each says only its own part.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a `String` cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Logs a failure of the store, once, where it becomes an answer.
pub fn store_failed(error: &StoreError) {
    let (request_id, why) = (trace_id(), chain(error));
    match error {
        StoreError::Unavailable(_) => tracing::warn!(request_id, error = why, "the store failed"),
        StoreError::OutcomeUnknown(_) => {
            tracing::error!(request_id, error = why, "the outcome of a write is unknown");
        }
        StoreError::Damaged(_) | StoreError::Corrupt { .. } => {
            tracing::error!(request_id, error = why, "the store is damaged");
        }
    }
}
