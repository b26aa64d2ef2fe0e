//! Logs: to standard error, for people at a terminal and as JSON elsewhere.
//!
//! `error` is for what an operator must look at, `warn` for what she may have to, `info` for the
//! program's own life and, under `klatch::access`, one line for each request.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::http::HeaderValue;
use domain::values::Timestamp;
use tracing_subscriber::EnvFilter;

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

/// A warning that strangers can bring about as often as they like: it is logged at most once a
/// minute, with the number of times.
#[derive(Debug)]
pub struct Repeated {
    message: &'static str,
    state: Mutex<Repetition>,
}

#[derive(Debug, Default)]
struct Repetition {
    /// Times that no line has said yet.
    unsaid: u64,
    /// When the last line was logged, in Unix milliseconds.
    said_at: Option<i64>,
    /// The address that it came from last.
    peer: Option<IpAddr>,
}

/// Milliseconds between two lines of one [`Repeated`].
const REPEAT_MS: i64 = 60_000;

impl Repeated {
    const fn new(message: &'static str) -> Self {
        let state = Repetition { unsaid: 0, said_at: None, peer: None };
        Self { message, state: Mutex::new(state) }
    }

    /// Counts one; logs a line if there was none within the last minute.
    pub fn note(&self, peer: Option<IpAddr>, now: Timestamp) {
        self.log(self.state().note(peer, now));
    }

    /// Logs what was counted since the last line, if that is a minute ago.
    pub fn flush(&self, now: Timestamp) {
        self.log(self.state().due(now));
    }

    /// Logs what was counted since the last line, however short a time ago that is.
    fn finish(&self) {
        let mut state = self.state();
        state.said_at = None;
        self.log(state.due(Timestamp::from_millis(0)));
    }

    fn state(&self) -> MutexGuard<'_, Repetition> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, line: Option<(u64, Option<IpAddr>)>) {
        if let Some((times, peer)) = line {
            let peer = peer.map(|peer| peer.to_string());
            tracing::warn!(times, last_peer = peer, "{}", self.message);
        }
    }
}

impl Repetition {
    fn note(&mut self, peer: Option<IpAddr>, now: Timestamp) -> Option<(u64, Option<IpAddr>)> {
        self.unsaid += 1;
        self.peer = peer;
        self.due(now)
    }

    /// The times that a line has to be logged for now, and the address that the last came from.
    fn due(&mut self, now: Timestamp) -> Option<(u64, Option<IpAddr>)> {
        let now = now.as_millis();
        let recent = self.said_at.is_some_and(|at| (0..REPEAT_MS).contains(&(now - at)));
        if self.unsaid == 0 || recent {
            return None;
        }
        self.said_at = Some(now);
        Some((std::mem::take(&mut self.unsaid), self.peer))
    }
}

/// The warnings that strangers can bring about.
#[derive(Debug)]
pub struct Warnings {
    /// Somebody has tried an admin token that is wrong.
    pub wrong_admin_tokens: Repeated,
    /// An address has all the connections that it may have, and wanted another.
    pub refused_connections: Repeated,
}

impl Default for Warnings {
    fn default() -> Self {
        Self {
            wrong_admin_tokens: Repeated::new("wrong admin tokens were refused"),
            refused_connections: Repeated::new(
                "connections were closed at once: their address has as many as it may have",
            ),
        }
    }
}

impl Warnings {
    /// Logs what was counted and not logged yet, where the last line is a minute old.
    pub fn flush(&self, now: Timestamp) {
        self.wrong_admin_tokens.flush(now);
        self.refused_connections.flush(now);
    }

    /// Logs what was counted and not logged yet.
    pub fn finish(&self) {
        self.wrong_admin_tokens.finish();
        self.refused_connections.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_warning_is_a_line_a_minute_and_counts_all() {
        let mut state = Repetition::default();
        let peer = Some(IpAddr::from([192, 0, 2, 1]));
        let at = |millis: i64| Timestamp::from_millis(1_755_548_877_000 + millis);
        assert_eq!(state.due(at(0)), None, "nothing has happened");
        assert_eq!(state.note(peer, at(0)), Some((1, peer)));
        for millis in 1..50 {
            assert_eq!(state.note(peer, at(millis)), None);
        }
        assert_eq!(state.due(at(59_999)), None);
        assert_eq!(state.due(at(60_000)), Some((49, peer)));
        assert_eq!(state.due(at(180_000)), None, "nothing has happened since");
        assert_eq!(state.note(None, at(180_000)), Some((1, None)));
        assert_eq!(state.note(peer, at(0)), Some((1, peer)), "the clock was put back");
    }
}
