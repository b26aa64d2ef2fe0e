//! Talking to receivers. Deliveries and handshakes go the same way: what works for the one works
//! for the other.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use reqwest::{Client, RequestBuilder, Response};
use url::Url;

use super::egress::{Forbidden, Guard, Lookup, Rules};
use crate::directory::{Secret, Target};
use crate::telemetry;

/// Bytes of an answer that are kept, to show what a receiver has to say.
pub const ANSWER_HEAD_BYTES_MAX: usize = 1_024;
/// Bytes of an answer that are read, so that the connection can be used again; what is longer is
/// cut off with the connection.
const ANSWER_READ_BYTES_MAX: usize = 16 * 1_024;
/// How long an answer's body may take once its status is here.
const ANSWER_BODY_WAIT: Duration = Duration::from_secs(1);
/// How long a connection is kept without use.
const IDLE: Duration = Duration::from_secs(30);
/// Idle connections kept to one host, where there may be many receivers.
const IDLE_MAX: usize = 1_024;

/// What came of talking to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status; `None` if there was no answer.
    pub status: Option<u16>,
    /// What was wrong, where there was no answer.
    pub problem: Option<String>,
    /// How the answer begins, as text.
    pub head: String,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// How long it took.
    pub millis: u32,
}

/// The way out.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    guard: Guard,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Outbound {
    /// Builds the client.
    pub fn new(rules: Rules, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        // Somebody else may have installed it before; then it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Guard::new(rules, lookup);
        let client = Client::builder()
            .dns_resolver(guard.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .user_agent(concat!("klatch/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, guard })
    }

    /// Whither it may go.
    #[must_use]
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends a body with these headers and the target's own.
    pub async fn post(&self, target: &Target, headers: HeaderMap, body: Bytes) -> Answer {
        let mut request = self.client.post(target.url.clone());
        for (name, value) in &target.headers {
            request = request.header(name, value);
        }
        let json = header::HeaderValue::from_static("application/json");
        let request = request.headers(headers).header(header::CONTENT_TYPE, json).body(body);
        self.talk(&target.url, request, target.timeout).await
    }

    /// Asks a receiver whether it wants to be one, as Meta does; `Err` says what came back instead
    /// of the challenge.
    pub async fn shake_hands(
        &self,
        target: &Target,
        verify_token: &Secret,
        challenge: &str,
    ) -> Result<(), String> {
        let mut url = target.url.clone();
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", challenge)
            .append_pair("hub.verify_token", verify_token.reveal());
        let answer = self.talk(&target.url, self.client.get(url), target.timeout).await;
        match answer {
            Answer { status: Some(200), head, .. } if head.trim() == challenge => Ok(()),
            Answer { status: Some(status), head, .. } => {
                let head: String = head.chars().take(200).collect();
                Err(format!("answered {status} with {head:?} instead of 200 with the challenge"))
            }
            Answer { problem, .. } => {
                Err(format!("did not answer: {}", problem.unwrap_or_default()))
            }
        }
    }

    /// Fetches what is at an address, if it is no longer than that and comes in time; `Err` says why
    /// not.
    pub async fn fetch(
        &self,
        url: &Url,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Bytes, String> {
        let fetching = async {
            self.guard.rules().check_literal(url).map_err(|forbidden| forbidden.to_string())?;
            let mut response = self.client.get(url.clone()).send().await.map_err(describe)?;
            if response.status() != StatusCode::OK {
                let why = redirected(response.status()).map(|why| format!("; {why}"));
                let status = response.status().as_u16();
                return Err(format!("the answer was {status}{}", why.unwrap_or_default()));
            }
            let too_long = || format!("it is longer than {max_bytes} bytes");
            let said = response.content_length().unwrap_or(0);
            if usize::try_from(said).is_ok_and(|said| said > max_bytes) {
                return Err(too_long());
            }
            let mut bytes = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(describe)? {
                if bytes.len() + chunk.len() > max_bytes {
                    return Err(too_long());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes.freeze())
        };
        let late = || format!("it did not arrive within {} s", timeout.as_secs_f64());
        tokio::time::timeout(timeout, fetching).await.unwrap_or_else(|_| Err(late()))
    }

    async fn talk(&self, url: &Url, request: RequestBuilder, timeout: Duration) -> Answer {
        let begun = Instant::now();
        let answered = match self.guard.rules().check_literal(url) {
            Err(forbidden) => Err(forbidden.to_string()),
            Ok(()) => match tokio::time::timeout(timeout, request.send()).await {
                Err(_) => Err(format!("no answer within {} s", timeout.as_secs_f64())),
                Ok(Err(error)) => Err(describe(error)),
                Ok(Ok(response)) => Ok(response),
            },
        };
        let took = |begun: Instant| u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        match answered {
            Err(problem) => Answer {
                status: None,
                problem: Some(problem),
                head: String::new(),
                retry_after: None,
                millis: took(begun),
            },
            Ok(response) => {
                let millis = took(begun);
                let retry_after = response.headers().get(header::RETRY_AFTER);
                let retry_after = retry_after.and_then(|value| value.to_str().ok());
                Answer {
                    status: Some(response.status().as_u16()),
                    problem: redirected(response.status()),
                    retry_after: retry_after.map(str::to_owned),
                    head: head(response).await,
                    millis,
                }
            }
        }
    }
}

fn redirected(status: StatusCode) -> Option<String> {
    // 304 leads nowhere.
    let leads_on = status.is_redirection() && status != StatusCode::NOT_MODIFIED;
    leads_on.then(|| "redirects are not followed".to_owned())
}

/// How an answer begins. The status has decided by now: a body that does not come changes nothing.
async fn head(mut response: Response) -> String {
    if response.content_length() == Some(0) {
        return String::new();
    }
    let mut kept = Vec::new();
    let mut read = 0;
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = ANSWER_HEAD_BYTES_MAX - kept.len();
            kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            read += chunk.len();
            if read > ANSWER_READ_BYTES_MAX {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(ANSWER_BODY_WAIT, reading).await;
    // A database's text has no zero bytes. What stands for a byte that is no text is longer than it.
    let mut head = String::from_utf8_lossy(&kept).replace('\0', "\u{fffd}");
    head.truncate(head.floor_char_boundary(ANSWER_HEAD_BYTES_MAX));
    head
}

/// What went wrong, in words; without the address, which the reader knows.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    let mut last = None;
    while let Some(error) = cause {
        if let Some(forbidden) = error.downcast_ref::<Forbidden>() {
            return forbidden.to_string();
        }
        last = Some(error);
        cause = error.source();
    }
    let why = last.map_or_else(|| error.to_string(), telemetry::chain);
    let what = if error.is_connect() { "no connection" } else { "the connection broke" };
    format!("{what}: {why}")
}
