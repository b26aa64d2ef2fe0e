//! What people write where a receiver is meant, read under the rules of its dialect.

use axum::http::{HeaderName, HeaderValue};
use url::Url;
use wire::Dialect;
use wire::problem::Problem;
use wire::spec::UrlRule;

use super::egress::{Guard, Rules};
use super::{send, sign};
use crate::directory::Secret;

/// Longest address, in characters. Published by Meta.
pub const URL_CHARS_MAX: usize = 200;
/// Headers that can be sent along. Ours.
pub const HEADERS_MAX: usize = 20;
/// Longest value of such a header, in bytes. Ours.
pub const HEADER_VALUE_BYTES_MAX: usize = 4_096;
/// Shortest and longest time that a receiver can be given to answer, in seconds. Ours.
pub const TIMEOUT_SECS: std::ops::RangeInclusive<u64> = 1..=30;

/// Shortest and longest word for a handshake, in characters. Ours.
const VERIFY_TOKEN_CHARS: std::ops::RangeInclusive<usize> = 1..=256;

/// Headers that are ours to set, or the connection's.
const RESERVED: [&str; 13] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "user-agent",
];

/// Reads an address that we shall send requests to, out of the field of this name.
///
/// # Errors
///
/// All rules that the address breaks, in one answer.
pub async fn address(
    field: &str,
    text: &str,
    chars_max: usize,
    guard: &Guard,
) -> Result<Url, Problem> {
    let (url, reasons) = read(field, text, chars_max, guard.rules())?;
    reachable(field, url, reasons, guard).await
}

/// Reads the address of a receiver, out of the field of this name.
///
/// # Errors
///
/// All rules that the address breaks, in one answer.
pub async fn url(field: &str, text: &str, dialect: Dialect, guard: &Guard) -> Result<Url, Problem> {
    let (url, mut reasons) = read(field, text, URL_CHARS_MAX, guard.rules())?;
    for rule in dialect.webhooks.url_rules {
        match rule {
            // Where plain HTTP is allowed, so are a developer's ports and hosts.
            UrlRule::PlainHost if guard.rules().allow_http => {}
            UrlRule::PlainHost => {
                if url.port().is_some() || names_a_port(text) {
                    reasons.push("must not name a port".to_owned());
                }
                if url.host_str().unwrap_or_default().contains('_') {
                    reasons.push("must not have an underscore in its host name".to_owned());
                }
            }
            UrlRule::NoPlus if url.path().contains('+') => reasons.push(
                "must not have a + in its path: Meta sends a blank (%20) in its place, so that the \
                 request would go to another path"
                    .to_owned(),
            ),
            UrlRule::NoPlus => {}
        }
    }
    reachable(field, url, reasons, guard).await
}

/// Reads an address, and which rules it breaks as far as can be seen without looking anything up.
fn read(
    field: &str,
    text: &str,
    chars_max: usize,
    rules: &Rules,
) -> Result<(Url, Vec<String>), Problem> {
    let mut reasons = Vec::new();
    let characters = text.chars().count();
    if characters > chars_max {
        reasons
            .push(format!("must not be longer than {chars_max} characters (it has {characters})"));
    }
    let mut reason = |broken: bool, reason: &str| {
        if broken {
            reasons.push(reason.to_owned());
        }
    };
    let parsed = Url::parse(text.trim());
    let Ok(url) = parsed else {
        let why = parsed.err().map(|error| error.to_string()).unwrap_or_default();
        reason(true, &format!("must be an address such as https://example.com/hook: {why}"));
        return Err(refused(field, &reasons));
    };
    if !matches!(url.scheme(), "http" | "https") {
        // What follows has other meanings in other schemes.
        reason(true, "must begin with https://");
        return Err(refused(field, &reasons));
    }
    reason(
        url.scheme() == "http" && !rules.allow_http,
        "must begin with https:// (the operator can allow http with webhook_allow_http)",
    );
    reason(
        !url.username().is_empty() || url.password().is_some(),
        "must not hold a user name or password: send them in headers",
    );
    reason(url.fragment().is_some(), "must not have a fragment (#…)");
    reason(url.port() == Some(0), "must not have port 0");
    Ok((url, reasons))
}

/// Gives an address that breaks no rule and may be reached.
async fn reachable(
    field: &str,
    url: Url,
    mut reasons: Vec<String>,
    guard: &Guard,
) -> Result<Url, Problem> {
    if let Err(forbidden) = guard.check(&url).await {
        reasons.push(format!("cannot be reached: {forbidden}"));
    }
    if reasons.is_empty() { Ok(url) } else { Err(refused(field, &reasons)) }
}

fn refused(field: &str, reasons: &[String]) -> Problem {
    Problem::field(field, reasons.join("; "))
}

/// Reads what a handshake is to say.
pub fn verify_token(field: &str, text: String) -> Result<Secret, Problem> {
    visible(field, text, VERIFY_TOKEN_CHARS).map(Secret::new)
}

/// Reads a word that can stand in a header or an address.
pub fn visible(
    field: &str,
    text: String,
    chars: std::ops::RangeInclusive<usize>,
) -> Result<String, Problem> {
    if chars.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    let (min, max) = (chars.start(), chars.end());
    Err(Problem::field(field, format!("must be {min} to {max} visible ASCII characters")))
}

/// Reads headers that are to be sent along.
pub fn headers(
    given: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<(String, HeaderValue)>, Problem> {
    let mut headers: Vec<(String, HeaderValue)> = Vec::new();
    for (name, value) in given {
        if headers.len() == HEADERS_MAX {
            return Err(Problem::field("headers", format!("must not be more than {HEADERS_MAX}")));
        }
        let field = format!("headers.{}", shortened(&name));
        let wrong = |detail: String| Problem::field(field.clone(), detail);
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong("is not the name of a header".to_owned()))?;
        let ours = [
            sign::ID_HEADER,
            sign::TIMESTAMP_HEADER,
            sign::SIGNATURE_HEADER,
            sign::HUB_HEADER,
            sign::HUB_SHA1_HEADER,
        ];
        if RESERVED.contains(&parsed.as_str())
            || ours.contains(&parsed)
            || parsed.as_str().starts_with(send::OWN_HEADERS)
            || parsed.as_str().starts_with(sign::SINCH_HEADER.as_str())
        {
            return Err(wrong("is a header that klatch sets itself".to_owned()));
        }
        if value.len() > HEADER_VALUE_BYTES_MAX {
            let detail = format!("must not be longer than {HEADER_VALUE_BYTES_MAX} bytes");
            return Err(wrong(detail));
        }
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| wrong("has a value with line breaks or control characters".to_owned()))?;
        value.set_sensitive(true);
        if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(parsed.as_str())) {
            return Err(wrong("is given twice".to_owned()));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

/// Whether an address names a port, be it the usual one.
fn names_a_port(url: &str) -> bool {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
    let behind_brackets = authority.and_then(|authority| authority.rsplit(']').next());
    behind_brackets.is_some_and(|host| host.contains(':'))
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
