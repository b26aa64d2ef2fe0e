//! Logs: to standard error, for people at a terminal and as JSON elsewhere.
//!
//! `error` is for what an operator must look at, `warn` for what she may have to, `info` for the
//! program's own life and, under `klatch::access`, one line for each request.

use std::error::Error;
use std::fmt::Write as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::app::StoreError;

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

tokio::task_local! {
    /// The id of the request that is being answered.
    static REQUEST_ID: String;
}

/// Answers a request under its id.
pub async fn with_request_id<F: Future>(id: String, answering: F) -> F::Output {
    REQUEST_ID.scope(id, answering).await
}

/// The id of the request that is being answered, if one is.
#[must_use]
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// Starts logging. `filter` is in the notation of tracing: `info,klatch::access=warn`.
pub fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    use std::io::IsTerminal as _;

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
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
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
    match error {
        StoreError::Unavailable(_) => tracing::warn!(error = chain(error), "the store failed"),
        StoreError::Damaged(_) | StoreError::Corrupt { .. } => {
            tracing::error!(error = chain(error), "the store is damaged")
        }
    }
}
