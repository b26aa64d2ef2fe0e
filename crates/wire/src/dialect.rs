//! The dialects, as one table.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::spec::Spec;
use crate::{d360, meta, sinch};

/// One vendor's API: a row of the table. Two are equal if they have the same name.
#[derive(Clone, Copy)]
pub struct Dialect(pub &'static Spec);

impl Dialect {
    /// Meta's Cloud API.
    pub const META: Self = Self(&meta::spec::SPEC);
    /// 360dialog's, which passes Meta's payloads on.
    pub const D360: Self = Self(&d360::spec::SPEC);
    /// Sinch's.
    pub const SINCH: Self = Self(&sinch::spec::SPEC);

    /// All of them. The first takes what no other is meant by.
    pub const ALL: [Self; 3] = [Self::META, Self::D360, Self::SINCH];

    /// The word for settings, rows, logs and figures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0.name
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name == text)
    }
}

impl Deref for Dialect {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        self.0
    }
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Dialect {}

impl Hash for Dialect {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
