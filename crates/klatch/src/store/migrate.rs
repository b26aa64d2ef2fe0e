//! Which migrations a database still needs, whatever kind of database it is.

use sha2::{Digest as _, Sha256};

/// One step of the schema, embedded in the program.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order, from 1.
    pub number: u32,
    /// Its file name.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

impl Migration {
    /// A step whose name begins with its number in four digits: `0001_initial`.
    ///
    /// # Panics
    ///
    /// If the name begins with anything else; in a constant, that is an error of compilation.
    #[must_use]
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        match u32::from_str_radix(name.split_at(4).0, 10) {
            Ok(number) => Self { number, name, sql },
            Err(_) => panic!("the name of a migration begins with four digits"),
        }
    }

    /// SHA-256 of the statements, in hex: notices a step that was edited after it was applied.
    #[must_use]
    pub fn checksum(&self) -> String {
        crate::hex(&Sha256::digest(self.sql))
    }
}

/// A step that the database says it has taken.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its place in the order.
    pub number: u32,
    /// Its checksum when it was applied.
    pub checksum: String,
}

/// Why a database cannot be brought up to date.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MigrateError {
    /// Written by a newer version of this program.
    #[error(
        "it was written by a newer klatch (schema {found}, this one knows {known}): \
         use that version, or restore a backup"
    )]
    Newer {
        /// The database's latest step.
        found: u32,
        /// Our latest step.
        known: u32,
    },
    /// A step is not the one that we know under its number.
    #[error("its schema step {number} is not the one this klatch knows: it was changed by hand")]
    Changed {
        /// The step.
        number: u32,
    },
}

/// The steps to take, in order, given those taken.
pub fn pending<'a>(
    known: &'a [Migration],
    applied: &[Applied],
) -> Result<Vec<&'a Migration>, MigrateError> {
    for step in applied {
        let Some(ours) = known.iter().find(|migration| migration.number == step.number) else {
            let latest = known.last().map_or(0, |migration| migration.number);
            return Err(MigrateError::Newer { found: step.number, known: latest });
        };
        if ours.checksum() != step.checksum {
            return Err(MigrateError::Changed { number: step.number });
        }
    }
    let is_applied = |migration: &Migration| applied.iter().any(|a| a.number == migration.number);
    Ok(known.iter().filter(|migration| !is_applied(migration)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Migration; 2] =
        [Migration::new("0001_one", "SELECT 1"), Migration::new("0002_two", "SELECT 2")];

    fn applied(number: u32, sql: &'static str) -> Applied {
        Applied { number, checksum: Migration { number, name: "", sql }.checksum() }
    }

    #[test]
    fn takes_what_is_missing_and_refuses_what_it_does_not_know() {
        assert_eq!(pending(&KNOWN, &[]).unwrap().len(), 2);
        assert_eq!(pending(&KNOWN, &[applied(1, "SELECT 1")]).unwrap()[0].number, 2);
        let gap = pending(&KNOWN, &[applied(2, "SELECT 2")]).unwrap();
        assert_eq!((gap.len(), gap[0].number), (1, 1), "each step is looked for by its number");
        let all = [applied(1, "SELECT 1"), applied(2, "SELECT 2")];
        assert!(pending(&KNOWN, &all).unwrap().is_empty());

        let newer = [applied(1, "SELECT 1"), applied(2, "SELECT 2"), applied(3, "SELECT 3")];
        assert_eq!(
            pending(&KNOWN, &newer).unwrap_err(),
            MigrateError::Newer { found: 3, known: 2 }
        );
        assert_eq!(
            pending(&KNOWN, &[applied(1, "SELECT 9")]).unwrap_err(),
            MigrateError::Changed { number: 1 }
        );
    }
}
