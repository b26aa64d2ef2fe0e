//! What tells one vendor's API from another's, wherever the server has to know it.

use std::fmt;
use std::time::Duration;

use crate::news::{News, Payload};

/// What there is to know about a dialect besides its bodies.
#[derive(Debug)]
pub struct Spec {
    /// The word for settings, rows, logs and figures.
    pub name: &'static str,
    /// Other words that are understood.
    pub other_names: &'static [&'static str],
    /// What people call it, for help texts.
    pub title: &'static str,
    /// The vendor's own hosts. A request whose `Host` is one of them means this dialect.
    pub hosts: &'static [&'static str],
    /// The path under which the dialect can be reached whatever else a request looks like.
    pub mount: &'static str,
    /// Whether a path without a mount can only be this dialect's.
    pub owns_path: fn(&str) -> bool,
    /// The header that only this dialect's callers send, in lower case, if there is one.
    pub header: Option<&'static str>,
    /// Bytes at the beginning of a path, behind the mount, that the dialect's own routes do not have:
    /// a version.
    pub prefix: fn(&str) -> usize,
    /// How receivers are told.
    pub webhooks: Webhooks,
}

/// How a dialect tells receivers.
#[derive(Debug)]
pub struct Webhooks {
    /// The bodies. Dialects that have the same share the bytes.
    pub format: &'static Format,
    /// Seconds to wait after so many failed attempts, at least one; `None` if there is no next try.
    pub wait_secs: fn(failed: u32) -> Option<u64>,
    /// Whether an answer with this status says that a delivery has arrived.
    pub is_received: fn(status: u16) -> bool,
    /// Whether an answer with this status says that the receiver will never take a delivery.
    pub is_refused: fn(status: u16) -> bool,
    /// How long an answer may take unless the subscription says otherwise.
    pub timeout: Duration,
    /// The vendor's own signatures, sent besides that of Standard Webhooks where they are wanted.
    pub proofs: &'static [Proof],
    /// Whether the vendor signs always, with a secret that the caller knows from elsewhere.
    pub always_signs: bool,
    /// Whether a receiver is asked with a challenge before it is told anything.
    pub has_handshake: bool,
    /// `User-Agent` of deliveries and of handshakes, where receivers expect the vendor's own.
    pub agents: Option<Agents>,
    /// What the address of a receiver must not have.
    pub url_rules: &'static [UrlRule],
}

/// The shape of a payload.
pub struct Format {
    /// Its name. Two formats with the same name are the same.
    pub name: &'static str,
    /// Puts news into words. `None` where the vendor does not tell of such things.
    pub render: fn(&News<'_>) -> Option<Payload>,
}

/// A vendor's own signature over the body of a delivery, an HMAC with the secret of the
/// subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// `X-Hub-Signature-256`: SHA-256 over the body, in hex behind `sha256=`.
    HubSha256,
    /// `X-Hub-Signature`: SHA-1 over the body, in hex behind `sha1=`.
    HubSha1,
    /// `Sinch-Whatsapp-Callback-Signature`: SHA-256 over the body, a dot and a nonce, in base64; the
    /// nonce and the name of the algorithm in two headers besides.
    SinchNonce,
}

/// What requests to receivers say they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agents {
    /// `User-Agent` of a delivery.
    pub delivery: &'static str,
    /// `User-Agent` of a handshake.
    pub handshake: &'static str,
}

/// A rule for the address of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlRule {
    /// No port, and no underscore in the host; not where plain HTTP is allowed, for developers.
    PlainHost,
    /// No `+` in the path.
    NoPlus,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
