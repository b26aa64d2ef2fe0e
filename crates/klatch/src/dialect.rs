//! One room for each vendor's API, all with the same furniture:
//!
//! | file | holds |
//! | --- | --- |
//! | `auth` | which header carries the key, what a caller is, and what the path names |
//! | `groups`, `invite_link`, `join_requests`, `participants` | one handler for each operation: parse, execute, render |
//! | `admins`, `icon`, `callbacks`; `number` | the same, for what only one vendor has |
//! | `error` | every [`Refusal`](domain::Refusal), [`Problem`](crate::http::problem::Problem) and [`Failure`](crate::app::Failure) in the vendor's words |
//! | `webhook` | what receivers are told, in the vendor's words; or how the vendor has them configured |
//!
//! [`graph`] holds what the two APIs of Graph's family share: bodies, answers, codes, payloads, and
//! what a call does once its caller is known. To add a dialect: a room with this furniture, a
//! variant of [`Dialect`], a line in [`Choice::of`](crate::http::choice::Choice::of), a column in
//! `docs/dialects.md`.

pub mod d360;
pub mod graph;
pub mod meta;
pub mod sinch;

use crate::webhook::{News, Topic};

/// In whose words a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Dialect {
    /// Meta's Cloud API.
    Meta,
    /// 360dialog's, which passes Meta's payloads on.
    #[value(alias = "360dialog")]
    D360,
    /// Sinch's.
    Sinch,
}

/// The shape of a payload. Dialects that share one share the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Meta's envelope.
    Graph,
    /// Sinch's callbacks.
    Sinch,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Meta, Self::D360, Self::Sinch];

    /// The word for settings, rows, logs and figures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::D360 => "d360",
            Self::Sinch => "sinch",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text)
    }

    /// Whether a receiver is asked before it is taken.
    #[must_use]
    pub const fn has_handshake(self) -> bool {
        matches!(self, Self::Meta)
    }

    /// Whether the vendor signs whatever it sends. The others sign once a secret was agreed upon.
    #[must_use]
    pub const fn always_signs(self) -> bool {
        matches!(self, Self::Meta)
    }

    /// The shape of its payloads.
    #[must_use]
    pub const fn format(self) -> Format {
        match self {
            Self::Meta | Self::D360 => Format::Graph,
            Self::Sinch => Format::Sinch,
        }
    }
}

impl Format {
    /// Puts news into words: topic and body. `None` where the vendor does not tell of such things.
    #[must_use]
    pub fn render(self, news: &News<'_>) -> Option<(Topic, Vec<u8>)> {
        match self {
            Self::Graph => graph::webhook::render(news),
            Self::Sinch => sinch::webhook::render(news),
        }
    }
}
