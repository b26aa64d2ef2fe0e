//! Values that are parsed once and are valid for ever after.

use crate::limits::{DESCRIPTION_CHARS_MAX, PICTURE_BYTES_MAX, SUBJECT_CHARS_MAX};
pub use crate::phone::{BusinessNumber, WaId};
use crate::visible::shows_something;
use crate::wording::counted;

/// Why a text is not the value that it was offered as. Reads on after the name of the field:
/// "subject" + "must not be empty".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing is left after trimming, or nothing that can be seen.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed; both figures in the unit that the limit is stated in.
    #[error("must not be longer than {} (it has {found})", counted(max, "character"))]
    TooLong {
        /// The limit.
        max: usize,
        /// What was offered.
        found: usize,
    },
    /// Holds a character that no client can show.
    #[error("must not contain the control character U+{code:04X}")]
    ControlCharacter {
        /// The character's number.
        code: u32,
    },
    /// Not one of a closed set of words.
    #[error("must be {}{}", if allowed.len() > 1 { "one of " } else { "" }, allowed.join(", "))]
    NotOneOf {
        /// The set.
        allowed: &'static [&'static str],
    },
    /// Not a phone number in any of the usual notations.
    #[error("must be a phone number of 5 to 15 digits")]
    NotAPhoneNumber,
    /// Not a business-scoped user id.
    #[error("must be a user id such as US.13491208655302741918")]
    NotAUserId,
    /// Not an id: empty, endless, or with blanks in it.
    #[error("must be an id of 1 to {max} bytes without blanks")]
    NotAnId {
        /// Bytes allowed.
        max: usize,
    },
    /// Not the code at the end of an invite link.
    #[error("must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv")]
    NotAnInvite,
    /// More entries than one call may carry.
    #[error("must not have more than {} (it has {found})", counted(max, "entry"))]
    TooManyEntries {
        /// The limit.
        max: usize,
        /// What was offered.
        found: usize,
    },
    /// Outside a range.
    #[error("must be a whole number from {min} to {max}")]
    OutOfRange {
        /// Smallest allowed.
        min: u64,
        /// Largest allowed.
        max: u64,
    },
}

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: what the vendors print.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment, so many milliseconds earlier.
    #[must_use]
    pub const fn minus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_sub(millis))
    }
}

/// The name of a group: 1 to 128 characters after trimming, one line, at least one of them visible.
/// Characters that only direct or join others may stand beside those: names and emoji need them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject(String);

impl Subject {
    /// Trims white space, then checks the length and the characters.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let subject = Self::restore(text.trim())?;
        if shows_something(&subject.0) { Ok(subject) } else { Err(Problem::Empty) }
    }

    /// Reads a subject that was accepted earlier, perhaps before it had to show something.
    pub fn restore(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        check_length(text, SUBJECT_CHARS_MAX)?;
        check_visible(text, |_| false)?;
        // Line and paragraph separators are no control characters to Unicode, but two lines to us.
        if let Some(c) = text.chars().find(|c| matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(Problem::ControlCharacter { code: u32::from(c) });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a group says about itself: at most 2,048 characters, several lines allowed, may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Description(String);

impl Description {
    /// Takes the text as it is, line breaks and tabs included.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        check_length(text, DESCRIPTION_CHARS_MAX)?;
        check_visible(text, |c| matches!(c, '\n' | '\r' | '\t'))?;
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check_length(text: &str, max: usize) -> Result<(), Problem> {
    let found = text.chars().count();
    if found > max { Err(Problem::TooLong { max, found }) } else { Ok(()) }
}

fn check_visible(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), Problem> {
    match text.chars().find(|c| c.is_control() && !allowed(*c)) {
        Some(c) => Err(Problem::ControlCharacter { code: u32::from(c) }),
        None => Ok(()),
    }
}

/// Whether a tap on the invite link is enough to come in. Fixed when the group is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum JoinApprovalMode {
    /// Whoever taps the link is in.
    #[default]
    AutoApprove,
    /// Whoever taps the link may ask; the business decides.
    ApprovalRequired,
}

impl JoinApprovalMode {
    /// Reads the vendors' literal.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "auto_approve" => Ok(Self::AutoApprove),
            "approval_required" => Ok(Self::ApprovalRequired),
            _ => Err(Problem::NotOneOf { allowed: &["auto_approve", "approval_required"] }),
        }
    }

    /// The vendors' literal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AutoApprove => "auto_approve",
            Self::ApprovalRequired => "approval_required",
        }
    }
}

/// The variable part of an invite link.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InviteCode(String);

impl InviteCode {
    /// What every invite link begins with; the vendors promise that it never varies.
    pub const LINK_PREFIX: &str = "https://chat.whatsapp.com/";
    /// Letters and digits in a code that we mint.
    pub const CHARS: usize = 22;

    /// Reads a bare code: up to 64 ASCII letters and digits.
    pub fn parse(code: &str) -> Result<Self, Problem> {
        let well_formed =
            (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if well_formed { Ok(Self(code.to_owned())) } else { Err(Problem::NotAnInvite) }
    }

    /// Reads a whole link as people paste it: with or without scheme, query and trailing slash,
    /// scheme and host in any case.
    pub fn from_link(link: &str) -> Result<Self, Problem> {
        fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
            let head = text.get(..prefix.len())?;
            head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
        }
        let link = link.trim();
        let rest = strip(link, "https://").or_else(|| strip(link, "http://")).unwrap_or(link);
        let rest = strip(rest, "chat.whatsapp.com/").ok_or(Problem::NotAnInvite)?;
        let rest = strip(rest, "invite/").unwrap_or(rest);
        let code = rest.split(['?', '#']).next().unwrap_or_default();
        Self::parse(code.trim_end_matches('/'))
    }

    /// The bare code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole link.
    #[must_use]
    pub fn link(&self) -> String {
        format!("{}{}", Self::LINK_PREFIX, self.0)
    }
}

/// A profile picture that has passed every check; the bytes themselves are kept beside the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Picture {
    /// SHA-256 of the bytes as uploaded.
    pub sha256: [u8; 32],
    /// Media type, such as `image/jpeg`.
    pub mime_type: String,
}

/// Why bytes are not a profile picture. Reads on after the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureProblem {
    /// Nothing was sent.
    #[error("must not be empty")]
    Empty,
    /// Longer than 5 MB.
    #[error("must not be larger than 5 MB ({max} bytes; it has {found})", max = PICTURE_BYTES_MAX)]
    TooLarge {
        /// Bytes sent.
        found: usize,
    },
    /// Something else, whatever its name says.
    #[error("must be a JPEG image (image/jpeg)")]
    NotJpeg,
    /// Neither of the two that can be an icon.
    #[error("must be a JPEG or PNG image")]
    NotImage,
    /// A PNG whose end is missing or whose structure is broken.
    #[error("must be a complete PNG image; this one is cut off or damaged")]
    DamagedPng,
    /// A JPEG whose end is missing or whose structure is broken.
    #[error("must be a complete JPEG image; this one is cut off or damaged")]
    Damaged,
    /// Width and height differ.
    #[error("must be square; this one is {width} x {height} pixels")]
    NotSquare {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// Shorter than 192 pixels.
    #[error("must be at least 192 x 192 pixels; this one is {side} x {side}")]
    TooSmall {
        /// Pixels.
        side: u16,
    },
}

/// What one call carries many of: at least one entry, and no more than the caller's API allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<T>(Vec<T>);

impl<T> Batch<T> {
    /// Takes the entries if there is at least one and there are no more than `max`.
    pub fn new(entries: Vec<T>, max: usize) -> Result<Self, Problem> {
        match entries.len() {
            0 => Err(Problem::Empty),
            found if found > max => Err(Problem::TooManyEntries { max, found }),
            _ => Ok(Self(entries)),
        }
    }

    /// The entries, in the caller's order.
    #[must_use]
    pub fn entries(&self) -> &[T] {
        &self.0
    }

    /// Other entries in place of these, or the reason why there is none for one.
    pub fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<Batch<U>, E> {
        self.0.into_iter().map(f).collect::<Result<_, _>>().map(Batch)
    }

    /// Other entries in place of these, each made of one of them and of what belongs to it. There
    /// have to be as many.
    #[must_use]
    pub fn zip<U, V>(self, others: Vec<U>, f: impl Fn(T, U) -> V) -> Batch<V> {
        debug_assert_eq!(self.0.len(), others.len());
        Batch(self.0.into_iter().zip(others).map(|(one, other)| f(one, other)).collect())
    }
}
