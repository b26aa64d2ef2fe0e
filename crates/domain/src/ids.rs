//! Names for things. All are opaque: compared and repeated, never taken apart.

use std::fmt;

use crate::limits::ID_BYTES_MAX;
use crate::values::Problem;

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes any text of 1 to 256 bytes without blanks or control characters.
            pub fn parse(text: &str) -> Result<Self, Problem> {
                let well_formed = (1..=ID_BYTES_MAX).contains(&text.len())
                    && !text.chars().any(|c| c.is_control() || c.is_whitespace());
                if well_formed {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Problem::NotAnId { max: ID_BYTES_MAX })
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_id! {
    /// A tenant: the boundary that nothing crosses.
    AccountId
}
opaque_id! {
    /// The API owner's id of a business phone number (not the number itself).
    PhoneNumberId
}
opaque_id! {
    /// A group, for ever: never given to another group.
    GroupId
}
opaque_id! {
    /// One person's wish to join one group.
    JoinRequestId
}
opaque_id! {
    /// One call that changed something; repeated in whatever is told about the change.
    RequestId
}

/// A person as one business knows them: country, a dot, and up to 128 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

impl UserId {
    /// Reads `US.13491208655302741918` or, for a parent portfolio, `US.ENT.11815799212886844830`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (country, rest) = text.split_once('.').ok_or(Problem::NotAUserId)?;
        let code = rest.strip_prefix("ENT.").unwrap_or(rest);
        let well_formed = country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if well_formed { Ok(Self(text.to_owned())) } else { Err(Problem::NotAUserId) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number that WhatsApp itself counts a group by: 18 digits, part of the ids that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupSerial(u64);

impl GroupSerial {
    /// Takes a number of exactly 18 digits.
    #[must_use]
    pub const fn new(serial: u64) -> Option<Self> {
        if serial >= 100_000_000_000_000_000 && serial < 1_000_000_000_000_000_000 {
            Some(Self(serial))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}
