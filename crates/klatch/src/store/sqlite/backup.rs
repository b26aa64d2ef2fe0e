//! A copy of a database that another process may be writing to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::APPLICATION_ID;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database, or none that can be read.
    #[error("cannot read {}", path.display())]
    Source {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The database is not one of ours.
    #[error("{} is not a database of klatch", .0.display())]
    Foreign(PathBuf),
    /// The file exists. It is not overwritten.
    #[error("{} exists already: choose another file, or remove it", .0.display())]
    Exists(PathBuf),
    /// The file cannot be created or flushed.
    #[error("cannot write {}", path.display())]
    Io {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The copy could not be written.
    #[error("cannot write {}", path.display())]
    Sqlite {
        /// The copy.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The copy has been written, and SQLite finds it damaged.
    #[error("the copy is damaged, and so may be the database: {0}")]
    Damaged(String),
}

/// Copies the database in a data folder to a new file, as of one moment, whether or not a server has
/// it open. The file is readable by its owner alone, checked, and on stable storage when this
/// returns. Nothing is left behind if it fails.
///
/// # Errors
/// See [`BackupError`].
pub fn backup(folder: &Path, to: &Path) -> Result<(), BackupError> {
    let from = folder.join("klatch.db");
    // SQLite takes names like :memory: and file:x for something else than files of these names.
    let absolute = std::path::absolute(to);
    let to = &absolute.map_err(|source| BackupError::Io { path: to.to_owned(), source })?;
    let unreadable = |source| BackupError::Source { path: from.clone(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(&from, flags).map_err(unreadable)?;
    let owner: i32 =
        source.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(unreadable)?;
    if owner != APPLICATION_ID {
        return Err(BackupError::Foreign(from));
    }
    // Created before SQLite sees it, so that it is never readable by others.
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let file = created.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => BackupError::Io { path: to.to_owned(), source },
    })?;
    let copied = copy(&source, &file, to);
    if copied.is_err() {
        // What is half written is of no use to anybody; the first error is the one that counts.
        let _ = std::fs::remove_file(to);
    }
    copied
}

fn copy(source: &Connection, file: &File, to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Sqlite { path: to.to_owned(), source };
    let name = to.to_str().ok_or_else(|| {
        let source = io::Error::new(io::ErrorKind::InvalidFilename, "its name is not UTF-8");
        BackupError::Io { path: to.to_owned(), source }
    })?;
    // One read transaction: what is committed meanwhile is not in the copy, not even in part.
    source.execute("VACUUM INTO ?1", [name]).map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(to, flags).map_err(failed)?;
    let verdict: String =
        copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if verdict != "ok" {
        return Err(BackupError::Damaged(verdict));
    }
    drop(copy);
    let io = |source| BackupError::Io { path: to.to_owned(), source };
    file.sync_all().map_err(io)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(io)
}
