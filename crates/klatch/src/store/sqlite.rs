//! The embedded store: one SQLite file, written by one thread.
//!
//! SQLite has one writer at a time anyway, so there is one: a thread that takes what has queued up
//! while the last transaction was on its way to the disk, writes all of it in one transaction, and
//! answers each caller after the fsync. Readers have connections of their own and, in WAL mode,
//! never wait for the writer. Groups and keys that are in use are kept in a cache.

pub mod backup;
mod cache;
mod read;
mod revisions;
mod write;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError as TryFileLockError};
use std::hash::Hash;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::GroupSummary;
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use domain::values::{BusinessNumber, InviteCode, Timestamp, WaId};
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use self::cache::Cache;
use self::revisions::Revisions;
use self::write::{Other, Shared, Sweeping, Write, Writer};
use super::migrate::{self, Applied, MigrateError, Migration};
use super::outbox::{
    Amend, Amended, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId, Exchange, Exchanged,
    LogFilter, Logged, Notice, Notices, Owed, Sweep,
};
use super::{
    ChangeError, Commit, CommitError, Deliveries, Directory, Groups, Log, PersonStanding, Receipt,
    Receivers, Recorded, Revision, Scope, Store, StoreError, Stored,
};
use crate::directory::{
    Account, Actor, Changed, Key, KeyHash, Number, Opening, Place, Profile, RecordChange,
    Subscription, SubscriptionId,
};
use crate::metrics::Metrics;
use crate::page::{Page, Slice};
use crate::runtime::Runtime;

/// The migrations with these names, from the files of the same names.
macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration::new(
            $name,
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
        )),*]
    };
}

const MIGRATIONS: &[Migration] = migrations![
    "0001_initial",
    "0002_webhooks",
    "0003_dialects",
    "0004_faults",
    "0005_answers",
    "0006_people",
    "0007_registration",
    "0008_leases",
    "0009_notices",
    "0010_actors",
];

/// Marks the file as ours in its header ("Klat").
const APPLICATION_ID: i32 = 0x4B6C_6174;
/// Connections for reading.
const READERS: usize = 4;
/// Groups kept in memory: about 1 KB each as long as they are small.
const CACHED_GROUPS: usize = 16_384;
/// People in a group, beyond which it is not kept in memory: about 10 KB.
const CACHED_PEOPLE: usize = 64;
/// Keys and numbers kept in memory.
const CACHED_RECORDS: usize = 4_096;
/// Groups in a page that still counts as a look-up.
const SHORT_PAGE: u16 = 32;
/// Prepared statements kept by each connection.
const STATEMENTS: usize = 64;
/// Pages in the write-ahead log before it is worked into the file: 16 MB.
const CHECKPOINT_PAGES: u32 = 4_096;
/// Page cache of each reading connection, in KB: holds the inner pages of the indices of a few
/// million groups, so that a look-up only fetches leaves.
const READER_CACHE_KB: i32 = 8_192;
/// Page cache of the writing connection, in KB.
const WRITER_CACHE_KB: i32 = 16_384;

/// Why the store did not open. Each says what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another klatch: stop that one, or choose another data folder", .0.display())]
    Locked(PathBuf),
    /// Another program has the file.
    #[error("{} is in use by another program: close that one", .0.display())]
    Busy(PathBuf),
    /// The folder or the file cannot be created or opened.
    #[error("cannot open {}", path.display())]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file may be read but not written.
    #[error("{} is read-only: give klatch's user the right to write there", .0.display())]
    ReadOnly(PathBuf),
    /// The file is not a database, or a damaged one.
    #[error("{} is damaged or not an SQLite database: restore a backup", .0.display())]
    Damaged(PathBuf),
    /// A database, but not of this program.
    #[error("{} belongs to another program", .0.display())]
    Foreign(PathBuf),
    /// The schema is not one that this program can bring up to date.
    #[error("{} cannot be used: {problem}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: MigrateError,
    },
    /// Whatever else SQLite has to say.
    #[error("cannot open {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
}

/// The embedded store.
pub struct Sqlite {
    runtime: Runtime,
    writer: Writer,
    readers: Vec<Arc<Mutex<Connection>>>,
    next_reader: AtomicUsize,
    caches: Arc<Caches>,
    // Held, not used: gives the folder back when the store is dropped.
    _lock: Option<File>,
}

/// What is kept in memory. The writer keeps it true: it replaces groups, and counts up the revision
/// of an account whose configuration it has changed, so that nothing else has to be forgotten.
struct Caches {
    groups: Cache<GroupId, Arc<Stored>>,
    openings: Records<KeyHash, Opening>,
    numbers: Records<PhoneNumberId, Number>,
    receivers: Records<PhoneNumberId, Receivers>,
    revisions: Revisions,
}

/// Parts of an account's configuration, each with the revision that it was read at.
type Records<K, V> = Cache<K, (Revision, Arc<V>)>;

/// Whether a group is worth its place in memory: the cache counts groups, not bytes.
fn is_small(stored: &Stored) -> bool {
    let state = stored.group.state();
    state.participants.len() + state.requests.len() + state.removed.len() <= CACHED_PEOPLE
}

impl Sqlite {
    /// Opens `klatch.db` in the folder, which is created where it is missing. One process at a
    /// time.
    pub fn open(folder: &Path, runtime: &Runtime, metrics: &Metrics) -> Result<Self, OpenError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source: std::io::Error| match source.kind() {
                std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                    OpenError::ReadOnly(path)
                }
                _ => OpenError::Io { path, source },
            }
        };
        // Phone numbers and pictures are nobody else's business.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io(folder))?;
        let lock = File::create(folder.join("klatch.lock")).map_err(io(folder))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryFileLockError::WouldBlock) => return Err(OpenError::Locked(folder.to_owned())),
            Err(TryFileLockError::Error(source)) => return Err(io(folder)(source)),
        }
        let path = folder.join("klatch.db");
        // SQLite gives the files beside it the same rights.
        let private = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        drop(private.map_err(io(&path))?);
        let failed = |source| open_error(&path, source);
        let mut writer = Connection::open(&path).map_err(failed)?;
        // SQLite opens a file that it may not write without a word.
        if writer.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
            return Err(OpenError::ReadOnly(path));
        }
        check_owner(&writer, &path)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        // Written before it is answered: an fsync for each transaction, not one now and then.
        writer.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        // The journal of a savepoint, one for each write of a batch, then grows by 1 KB and not by 64:
        // blocks of that size go back to the system each time that they are freed.
        writer.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(failed)?;
        prepare(&mut writer, &path)?;
        // Whoever had leases is no more: this process has the folder.
        write::outbox::take_leases_back(&writer).map_err(failed)?;
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(&path, flags).map_err(failed)?;
            keep_plans(&reader).map_err(failed)?;
            reader.pragma_update(None, "query_only", true).map_err(failed)?;
            reader.pragma_update(None, "cache_size", -READER_CACHE_KB).map_err(failed)?;
            reader.set_prepared_statement_cache_capacity(STATEMENTS);
            readers.push(Arc::new(Mutex::new(reader)));
        }
        let writer = Arc::new(Mutex::new(writer));
        Ok(Self::assemble(writer, readers, Some(lock), runtime, metrics))
    }

    /// A store that lives as long as the value: everything works, nothing is kept.
    pub fn in_memory(runtime: &Runtime, metrics: &Metrics) -> Result<Self, OpenError> {
        let path = Path::new(":memory:");
        let mut only = Connection::open_in_memory().map_err(|error| open_error(path, error))?;
        prepare(&mut only, path)?;
        let only = Arc::new(Mutex::new(only));
        Ok(Self::assemble(Arc::clone(&only), vec![only], None, runtime, metrics))
    }

    fn assemble(
        writer: Arc<Mutex<Connection>>,
        readers: Vec<Arc<Mutex<Connection>>>,
        lock: Option<File>,
        runtime: &Runtime,
        metrics: &Metrics,
    ) -> Self {
        let caches = Arc::new(Caches {
            groups: Cache::new(CACHED_GROUPS),
            openings: Cache::new(CACHED_RECORDS),
            numbers: Cache::new(CACHED_RECORDS),
            receivers: Cache::new(CACHED_RECORDS),
            revisions: Revisions::default(),
        });
        let writer = Writer::start(writer, Arc::clone(&caches), metrics.clone());
        let (runtime, next_reader) = (runtime.clone(), AtomicUsize::new(0));
        Self { runtime, writer, readers, next_reader, caches, _lock: lock }
    }

    /// Runs a query that fetches a few pages at most, here and now if a connection is free: to hand
    /// it to another thread costs more than it takes.
    async fn look_up<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        for reader in &self.readers {
            match reader.try_lock() {
                Ok(connection) => return query(&connection),
                Err(TryLockError::Poisoned(poisoned)) => return query(&poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.read(query).await
    }

    /// A part of an account's configuration: from memory, if it is still true, else looked up. What
    /// is not there is not remembered: whoever guesses must not drive out what is.
    async fn record<K: Hash + Eq, V: Send + Sync + 'static>(
        &self,
        cache: &Records<K, V>,
        key: K,
        account_of: impl Fn(&V) -> &AccountId,
        query: impl FnOnce(&Connection, Revision) -> Result<Option<V>, StoreError> + Send + 'static,
    ) -> Result<Option<Arc<V>>, StoreError> {
        let revisions = &self.caches.revisions;
        if let Ok((revision, value)) = cache.get(&key)
            && revisions.is_current(account_of(&value), revision)
        {
            return Ok(Some(value));
        }
        let revision = revisions.now();
        let found = self.look_up(move |connection| query(connection, revision)).await?;
        let found = found.map(Arc::new);
        if let Some(value) = &found {
            cache.put(key, (revision, Arc::clone(value)));
        }
        Ok(found)
    }

    /// Runs a query on a thread where waiting for the disk is nobody else's wait.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let next = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let reader = Arc::clone(&self.readers[next]);
        self.runtime.spawn_blocking(move || query(&locked(&reader))).await.map_err(unavailable)?
    }
}

fn locked(connection: &Mutex<Connection>) -> std::sync::MutexGuard<'_, Connection> {
    // A panic in a query leaves the connection as it was: statements reset when they are dropped,
    // and a transaction rolls back.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// What SQLite says in the middle of the work: nothing was written.
fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged(Box::new(error))
        }
        _ => unavailable(error),
    }
}

/// What SQLite says to a COMMIT. The whole transaction may be in the write-ahead log, and reappear
/// when the file is opened again, unless the disk was too full for it or it was never written.
fn not_committed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy) => failed(error),
        _ => StoreError::OutcomeUnknown(Box::new(error)),
    }
}

fn open_error(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Damaged(path),
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly(path),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Busy(path),
        _ => OpenError::Sqlite { path, source },
    }
}

/// An empty file becomes ours; any other must be.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| open_error(path, source);
    let owner: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    match (owner, tables) {
        (APPLICATION_ID, _) => Ok(()),
        (0, 0) => connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed),
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}

/// A statement keeps the plan that it was prepared with. Otherwise SQLite looks at what is bound to
/// a `LIMIT` and the like, and compiles the statement anew whenever that may be another value:
/// which, with statements out of a cache, is each time.
fn keep_plans(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
}

/// Lets migrations call the domain's rule about phone numbers as `kept_spelling(text)`: the spelling
/// that WhatsApp keeps; a text that is no phone number stays as it is.
fn add_kept_spelling(connection: &Connection) -> Result<(), rusqlite::Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("kept_spelling", 1, flags, |context| {
        let text: String = context.get(0)?;
        Ok(WaId::parse(&text).map_or(text, |wa_id| wa_id.to_string()))
    })
}

/// Brings the schema up to date and the writing connection into shape.
fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| open_error(path, source);
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    keep_plans(connection).map_err(failed)?;
    add_kept_spelling(connection).map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KB).map_err(failed)?;
    let transaction = connection.transaction().map_err(failed)?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (
                number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
            ) STRICT",
        )
        .map_err(failed)?;
    let applied = transaction
        .prepare("SELECT number, checksum FROM migrations ORDER BY number")
        .and_then(|mut select| {
            select
                .query_map([], |row| Ok(Applied { number: row.get(0)?, checksum: row.get(1)? }))?
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(failed)?;
    let pending = migrate::pending(MIGRATIONS, &applied)
        .map_err(|problem| OpenError::Schema { path: path.to_owned(), problem })?;
    for migration in pending {
        transaction.execute_batch(migration.sql).map_err(failed)?;
        transaction
            .execute(
                "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)",
                (migration.number, migration.name, migration.checksum()),
            )
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

#[async_trait]
impl Groups for Sqlite {
    async fn group(&self, scope: &Scope, id: &GroupId) -> Result<Option<Arc<Stored>>, StoreError> {
        let stored = match self.caches.groups.get(id) {
            Ok(stored) => Some(stored),
            Err(epoch) => {
                let wanted = id.clone();
                let found =
                    self.look_up(move |connection| read::group(connection, &wanted)).await?;
                let found = found.map(Arc::new);
                if let Some(stored) = &found
                    && is_small(stored)
                {
                    self.caches.groups.fill(id.clone(), Arc::clone(stored), &epoch);
                }
                found
            }
        };
        Ok(stored.filter(|stored| scope.covers(stored)))
    }

    async fn group_by_alias(
        &self,
        number: &PhoneNumberId,
        alias_second: i64,
    ) -> Result<Option<GroupId>, StoreError> {
        let number = number.clone();
        self.look_up(move |connection| read::group_by_alias(connection, &number, alias_second))
            .await
    }

    async fn groups(
        &self,
        number: &PhoneNumberId,
        page: Page,
    ) -> Result<Slice<GroupSummary>, StoreError> {
        let number = number.clone();
        let query = move |connection: &Connection| read::groups(connection, &number, page);
        if page.limit <= SHORT_PAGE { self.look_up(query).await } else { self.read(query).await }
    }

    async fn picture(
        &self,
        scope: &Scope,
        group: &GroupId,
    ) -> Result<Option<(String, Bytes)>, StoreError> {
        if self.group(scope, group).await?.is_none() {
            return Ok(None);
        }
        let group = group.clone();
        self.read(move |connection| read::picture(connection, &group)).await
    }
}

#[async_trait]
impl Directory for Sqlite {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        self.read(move |connection| read::account(connection, &id)).await
    }

    async fn account_of_app(&self, app_id: &str) -> Result<Option<Account>, StoreError> {
        let app_id = app_id.to_owned();
        self.read(move |connection| read::account_of_app(connection, &app_id)).await
    }

    async fn number(&self, id: &PhoneNumberId) -> Result<Option<Arc<Number>>, StoreError> {
        let wanted = id.clone();
        let query = move |connection: &Connection, _| read::number(connection, &wanted);
        self.record(&self.caches.numbers, id.clone(), |number| &number.account, query).await
    }

    async fn number_of_digits(
        &self,
        digits: &BusinessNumber,
    ) -> Result<Option<Number>, StoreError> {
        let digits = digits.clone();
        self.look_up(move |connection| read::number_of_digits(connection, &digits)).await
    }

    async fn number_of_bot(
        &self,
        account: &AccountId,
        bot_id: &str,
    ) -> Result<Option<Number>, StoreError> {
        let (account, bot_id) = (account.clone(), bot_id.to_owned());
        self.look_up(move |connection| read::number_of_bot(connection, &account, &bot_id)).await
    }

    async fn wabas(&self, account: &AccountId, limit: u16) -> Result<Vec<String>, StoreError> {
        let account = account.clone();
        self.read(move |connection| read::wabas(connection, &account, limit)).await
    }

    async fn key(&self, id: &str) -> Result<Option<Key>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| read::key(connection, &id)).await
    }

    async fn accounts(&self, page: Page) -> Result<Slice<Account>, StoreError> {
        self.read(move |connection| read::accounts(connection, page)).await
    }

    async fn numbers(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Number>, StoreError> {
        let account = account.cloned();
        self.read(move |connection| read::numbers(connection, account.as_ref(), page)).await
    }

    async fn numbers_of_waba(
        &self,
        account: &AccountId,
        waba_id: &str,
        page: Page,
    ) -> Result<Slice<Number>, StoreError> {
        let (account, waba_id) = (account.clone(), waba_id.to_owned());
        let query = move |connection: &Connection| {
            read::numbers_of_waba(connection, &account, &waba_id, page)
        };
        if page.limit <= SHORT_PAGE { self.look_up(query).await } else { self.read(query).await }
    }

    async fn keys(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Key>, StoreError> {
        let account = account.cloned();
        self.read(move |connection| read::keys(connection, account.as_ref(), page)).await
    }

    async fn holder(&self, place: &Place) -> Result<Option<Subscription>, StoreError> {
        let place = place.clone();
        self.read(move |connection| read::holder(connection, &place)).await
    }

    async fn subscription(&self, id: &SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        let id = id.clone();
        self.read(move |connection| read::subscription(connection, &id)).await
    }

    async fn subscriptions(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Subscription>, StoreError> {
        let account = account.cloned();
        self.read(move |connection| read::subscriptions(connection, account.as_ref(), page)).await
    }
}

#[async_trait]
impl Deliveries for Sqlite {
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: Page,
    ) -> Result<Slice<Delivery>, StoreError> {
        let filter = filter.clone();
        self.read(move |connection| read::deliveries(connection, &filter, page)).await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreError> {
        self.read(move |connection| read::delivery(connection, id)).await
    }
}

#[async_trait]
impl Log for Sqlite {
    async fn log(&self, filter: &LogFilter, page: Page) -> Result<Slice<Logged>, StoreError> {
        let filter = filter.clone();
        self.read(move |connection| read::log(connection, &filter, page)).await
    }

    async fn notices(
        &self,
        number: &PhoneNumberId,
        wanted: &Notices,
    ) -> Result<Vec<Notice>, StoreError> {
        let (number, wanted) = (number.clone(), wanted.clone());
        self.read(move |connection| read::notices(connection, &number, &wanted)).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn group_by_invite(&self, code: &InviteCode) -> Result<Option<GroupId>, StoreError> {
        let code = code.clone();
        self.look_up(move |connection| read::group_by_invite(connection, &code)).await
    }

    async fn history(
        &self,
        group: &GroupId,
        from_version: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let group = group.clone();
        self.read(move |connection| read::history(connection, &group, from_version, limit)).await
    }

    async fn standings(&self, person: &str) -> Result<Vec<PersonStanding>, StoreError> {
        let person = person.to_owned();
        self.read(move |connection| read::standings(connection, &person)).await
    }

    async fn profile(&self, wa_id: &WaId) -> Result<Option<Profile>, StoreError> {
        let wa_id = wa_id.clone();
        self.look_up(move |connection| read::profile(connection, &wa_id)).await
    }

    async fn receipt(&self, scope: &str, key: &str) -> Result<Option<Receipt>, StoreError> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.look_up(move |connection| read::receipt(connection, &scope, &key)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let prepared = Box::new(write::Prepared::from(commit));
        self.writer.ask(|reply| Write::Shared(Shared::Commit(prepared, reply))).await?
    }

    async fn remember(&self, receipt: Receipt) -> Result<(), CommitError> {
        self.writer.ask(|reply| Write::Other(Other::Remember(receipt, reply))).await?
    }

    async fn opening(&self, key: &KeyHash) -> Result<Option<Arc<Opening>>, StoreError> {
        let wanted = *key;
        let query = move |connection: &Connection, _| read::opening(connection, &wanted);
        self.record(&self.caches.openings, wanted, |opening| &opening.account, query).await
    }

    async fn change(&self, actor: &Actor, change: RecordChange) -> Result<Changed, ChangeError> {
        let change = Box::new((actor.clone(), change));
        self.writer.ask(|reply| Write::Other(Other::Change(change, reply))).await?
    }

    async fn last_alias(&self, number: &PhoneNumberId) -> Result<i64, StoreError> {
        let number = number.clone();
        self.read(move |connection| read::last_alias(connection, &number)).await
    }

    async fn receivers(
        &self,
        number: &PhoneNumberId,
    ) -> Result<Option<Arc<Receivers>>, StoreError> {
        let wanted = number.clone();
        let query = move |connection: &Connection, revision| {
            let Some(number) = read::number(connection, &wanted)? else { return Ok(None) };
            let subscriptions = read::receivers(connection, &number)?;
            Ok(Some(Receivers { number: Arc::new(number), subscriptions, revision }))
        };
        let cache = &self.caches.receivers;
        self.record(cache, number.clone(), |receivers| &receivers.number.account, query).await
    }

    async fn lapsed(&self, now: Timestamp) -> Result<Vec<SubscriptionId>, StoreError> {
        self.read(move |connection| read::lapsed(connection, now)).await
    }

    async fn enqueue(&self, owed: Owed, at: Timestamp) -> Result<Option<DeliveryId>, StoreError> {
        self.writer.ask(|reply| Write::Other(Other::Enqueue(owed, at, reply))).await?
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<SubscriptionId>, StoreError> {
        self.read(move |connection| read::due(connection, now)).await
    }

    async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError> {
        let exchange = Box::new(exchange);
        self.writer.ask(|reply| Write::Shared(Shared::Exchange(exchange, reply))).await?
    }

    async fn amend(&self, amend: Amend) -> Result<Amended, StoreError> {
        // Looked for where it holds up nobody, written down by key.
        let wanted = amend.clone();
        let chosen = self.read(move |connection| read::amendable(connection, &wanted)).await?;
        self.writer.ask(|reply| Write::Other(Other::Amend(amend, chosen, reply))).await?
    }

    async fn sweep(&self, sweep: Sweep) -> Result<usize, StoreError> {
        // Looked for where it holds up nobody, written down by key.
        let deliveries = self.read(move |connection| read::too_old(connection, &sweep)).await?;
        let Sweep { now, receipts_before, .. } = sweep;
        let sweeping = Sweeping { now, receipts_before, deliveries };
        self.writer.ask(|reply| Write::Other(Other::Sweep(sweeping, reply))).await?
    }

    async fn last_seen(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(read::last_seen).await
    }

    async fn saw(&self, now: Timestamp) -> Result<(), StoreError> {
        self.writer.ask(|reply| Write::Other(Other::Saw(now, reply))).await?
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.ask(|reply| Write::Shared(Shared::Probe(reply))).await??;
        self.read(read::probe).await
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// Root may write anywhere, so that a test run by root cannot bring all of these about.
    #[test]
    fn what_sqlite_says_is_put_into_words() {
        let path = Path::new("data/klatch.db");
        for (code, expected) in [
            (ffi::SQLITE_READONLY, "data/klatch.db is read-only: give klatch's user the right"),
            (ffi::SQLITE_CORRUPT, "data/klatch.db is damaged or not an SQLite database"),
            (ffi::SQLITE_NOTADB, "data/klatch.db is damaged or not an SQLite database"),
            (ffi::SQLITE_BUSY, "data/klatch.db is in use by another program"),
            (ffi::SQLITE_CANTOPEN, "cannot open data/klatch.db"),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let text = open_error(path, error).to_string();
            assert!(text.starts_with(expected), "{code}: {text}");
        }
    }
}
