//! How the terminal talks to a running server.

use std::io::Write as _;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Map, Value};

use crate::config::ClientArgs;

/// How long an answer may take: longer than a handshake with a receiver.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Why there is no answer to be glad of.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// What was given as the server's address is none.
    #[error("{0} is not an address such as http://127.0.0.1:8080")]
    NotAnAddress(String),
    /// The file that should hold the admin token cannot be read.
    #[error("{0}")]
    NoToken(String),
    /// Nobody is there.
    #[error(
        "no server answers at {url} ({why}): start one with `klatch dev`, or name it with --url"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// What happened.
        why: String,
    },
    /// Somebody else is there.
    #[error("{url} is not the address of a klatch (status {status}): name it with --url")]
    NotKlatch {
        /// Where.
        url: String,
        /// Its status.
        status: StatusCode,
    },
    /// The server does not know the admin token.
    #[error(
        "the server does not accept the admin token: give the one that it was started with as \
         KLATCH_ADMIN_TOKEN, or with --token"
    )]
    WrongToken,
    /// The server said no.
    #[error("{message}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its words.
        message: String,
        /// The subscription that is in the way, where one is.
        subscription_id: Option<String>,
    },
}

/// The cause that says what happened, without the layers around it.
fn innermost<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

/// Makes a client that asks nobody for the way: no proxies, no redirects.
pub(super) fn build() -> Result<Client, reqwest::Error> {
    // Somebody else may have installed it before; then it is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
}

/// A JSON object of what was given.
pub(super) fn given<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter();
    let given = fields.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Asks the admin API and prints the answer.
pub(super) async fn ask(
    args: &ClientArgs,
    method: Method,
    path: &[&str],
    query: &[(&str, String)],
    body: Option<Value>,
) -> anyhow::Result<()> {
    let answer = call(args, method, path, query, body).await?;
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&answer)?)?)
}

/// Asks the admin API.
pub(super) async fn call(
    args: &ClientArgs,
    method: Method,
    path: &[&str],
    query: &[(&str, String)],
    body: Option<Value>,
) -> Result<Value, NoAnswer> {
    let unreachable = |error: reqwest::Error| NoAnswer::Unreachable {
        url: args.url.clone(),
        why: innermost(&error).to_string(),
    };
    let not_an_address = || NoAnswer::NotAnAddress(args.url.clone());
    let mut url = reqwest::Url::parse(&args.url).map_err(|_| not_an_address())?;
    // Segment by segment: what stands in them is escaped.
    url.path_segments_mut()
        .map_err(|()| not_an_address())?
        .pop_if_empty()
        .extend(["klatch", "v1"].iter().chain(path));
    let token = args.token().map_err(|error| NoAnswer::NoToken(format!("{error:#}")))?;
    let client = build().map_err(unreachable)?;
    let mut request = client.request(method, url).bearer_auth(token).query(query);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let text = response.text().await.map_err(unreachable)?;
    let answer: Value = serde_json::from_str(&text)
        .map_err(|_| NoAnswer::NotKlatch { url: args.url.clone(), status })?;
    if status.is_success() {
        return Ok(answer);
    }
    let error = &answer["error"];
    // Another API, at another path of the server or of somebody else's, has other errors.
    let (Some(_), Some(message)) = (error["code"].as_str(), error["message"].as_str()) else {
        return Err(NoAnswer::NotKlatch { url: args.url.clone(), status });
    };
    if status == StatusCode::UNAUTHORIZED {
        return Err(NoAnswer::WrongToken);
    }
    let message = message.to_owned();
    let subscription_id = error["subscription_id"].as_str().map(str::to_owned);
    Err(NoAnswer::Refused { status, message, subscription_id })
}
