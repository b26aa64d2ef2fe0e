//! The one writer: a thread, a queue, and a transaction for all that has queued up.

pub(super) mod outbox;
mod records;

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use domain::Event;
use domain::event::{Author, Standing};
use domain::values::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::super::outbox::{Amend, Amended, DeliveryId, Exchange, Exchanged, Owed};
use super::super::{
    ChangeError, Commit, CommitError, RECEIPT_HORIZON_MS, Receipt, StoreError, rows,
};
use super::read::{Amendable, TooOld};
use super::{Caches, failed, is_small, locked, not_committed, unavailable};
use crate::directory::{Actor, Changed, RecordChange};
use crate::metrics::Metrics;

/// Writes that share a transaction at most.
const BATCH_MAX: usize = 256;
/// Writes that may wait; whoever comes then waits for a place.
const QUEUE_MAX: usize = 1_024;
/// Receipts forgotten in one go, so that a sweep never holds up a commit for long.
const SWEEP_MAX: u32 = 500;

type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// What the writer can be asked for.
pub(super) enum Write {
    /// Written together with others of its kind.
    Shared(Shared),
    /// Written alone.
    Other(Other),
}

/// Writes that come in numbers, and share a transaction.
pub(super) enum Shared {
    Commit(Box<Prepared>, Reply<(), CommitError>),
    Exchange(Box<Exchange>, Reply<Exchanged, StoreError>),
    Probe(Reply<(), StoreError>),
}

/// Writes that come seldom.
pub(super) enum Other {
    Remember(Receipt, Reply<(), CommitError>),
    Change(Box<(Actor, RecordChange)>, Reply<Changed, ChangeError>),
    Enqueue(Owed, Timestamp, Reply<Option<DeliveryId>, StoreError>),
    Amend(Amend, Vec<Amendable>, Reply<Amended, StoreError>),
    Sweep(Sweeping, Reply<usize, StoreError>),
    Saw(Timestamp, Reply<(), StoreError>),
}

/// What is to be given up and forgotten in one go.
pub(super) struct Sweeping {
    pub(super) now: Timestamp,
    pub(super) receipts_before: Timestamp,
    pub(super) deliveries: TooOld,
}

/// A commit with its rows written out, so that the writer does nothing but write.
pub(super) struct Prepared {
    commit: Commit,
    state: String,
    event: String,
    refused: String,
}

impl From<Commit> for Prepared {
    fn from(commit: Commit) -> Self {
        Self {
            state: rows::write_state(commit.stored.group.state()),
            event: rows::write_event(&commit.recorded.event),
            refused: commit
                .receipt
                .as_ref()
                .map(|receipt| rows::write_failed(&receipt.refused))
                .unwrap_or_default(),
            commit,
        }
    }
}

/// The writer's end that others hold.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Write>>,
    thread: Option<JoinHandle<()>>,
}

/// The writer's thread is gone: it panicked, or the store is being dropped.
#[derive(Debug, thiserror::Error)]
#[error("the writer has stopped")]
struct Stopped;

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        unavailable(stopped)
    }
}

impl Writer {
    pub(super) fn start(
        connection: Arc<Mutex<Connection>>,
        caches: Arc<Caches>,
        metrics: Metrics,
    ) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE_MAX);
        #[expect(clippy::disallowed_methods, reason = "the writer is a thread, and not a task")]
        let thread = std::thread::spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut batch = vec![first];
                while batch.len() < BATCH_MAX
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                write(&mut locked(&connection), &caches, &metrics, batch);
            }
        });
        Self { queue: Some(queue), thread: Some(thread) }
    }

    /// Queues a write and waits for its answer.
    pub(super) async fn ask<T, E>(
        &self,
        write: impl FnOnce(Reply<T, E>) -> Write,
    ) -> Result<Result<T, E>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(Stopped)?;
        queue.send(write(reply)).await.map_err(|_| Stopped)?;
        Ok(answer.await.map_err(|_| Stopped)?)
    }
}

impl Drop for Writer {
    /// What is queued is still written; then the thread ends and the file is closed.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }
}

/// Why a write inside a transaction did not go through.
enum Trouble<E> {
    /// Refused before anything was written: the transaction can go on.
    Clean(E),
    /// Refused or failed in the middle: what it has written must be rolled back.
    Dirty(E),
}

/// Writes a batch: what can share a transaction in one, everything else one by one.
fn write(connection: &mut Connection, caches: &Caches, metrics: &Metrics, batch: Vec<Write>) {
    let mut shared = Vec::with_capacity(batch.len());
    let mut others = Vec::new();
    for write in batch {
        match write {
            Write::Shared(write) => shared.push(write),
            Write::Other(other) => others.push(other),
        }
    }
    if !shared.is_empty() {
        write_shared(connection, caches, metrics, shared);
    }
    for other in others {
        write_other(connection, caches, other);
    }
}

/// What came of a write that shared a transaction.
enum Done {
    Commit(Result<(), CommitError>),
    Exchange(Result<Exchanged, StoreError>),
    Probe(Result<(), StoreError>),
}

fn write_shared(
    connection: &mut Connection,
    caches: &Caches,
    metrics: &Metrics,
    writes: Vec<Shared>,
) {
    let outcomes = match write_together(connection, caches, &writes) {
        Together::Written(outcomes) => {
            metrics.commit_batches.inc();
            outcomes
        }
        Together::NotBegun(error) => {
            let why = error.to_string();
            writes.iter().map(|write| write.failed(failed_alike(&why))).collect()
        }
        Together::Spoiled => {
            metrics.commit_batches.inc_by(writes.len() as u64);
            writes.iter().map(|write| write_alone(connection, caches, write)).collect()
        }
        // Whoever was in it was in the same transaction, and is as uncertain.
        Together::NotCommitted(error) => {
            let alike = || failed_as(&error);
            writes.iter().map(|write| write.failed(alike())).collect()
        }
    };
    // Who asked may have gone away; what was written stays written.
    for (write, outcome) in writes.into_iter().zip(outcomes) {
        match (write, outcome) {
            (Shared::Commit(prepared, reply), Done::Commit(outcome)) => {
                let stored = prepared.commit.stored;
                let id = stored.group.state().id.clone();
                match &outcome {
                    Ok(()) => {
                        metrics.commits.inc();
                        if is_small(&stored) {
                            caches.groups.put(id, stored);
                        } else {
                            caches.groups.forget(&id);
                        }
                    }
                    Err(CommitError::Store(StoreError::OutcomeUnknown(_))) => {
                        caches.groups.forget(&id);
                    }
                    Err(_) => {}
                }
                let _ = reply.send(outcome);
            }
            (Shared::Exchange(_, reply), Done::Exchange(outcome)) => {
                let _ = reply.send(outcome);
            }
            (Shared::Probe(reply), Done::Probe(outcome)) => {
                let _ = reply.send(outcome);
            }
            // Each outcome was made from the write in its place.
            (Shared::Commit(..) | Shared::Exchange(..) | Shared::Probe(_), _) => {}
        }
    }
}

/// The same failure for several callers.
fn failed_alike(why: &str) -> StoreError {
    StoreError::Unavailable(why.into())
}

/// The same failure of a COMMIT for several callers.
fn failed_as(error: &StoreError) -> StoreError {
    let why = error.source().unwrap_or(error).to_string();
    match error {
        StoreError::OutcomeUnknown(_) => StoreError::OutcomeUnknown(why.into()),
        StoreError::Unavailable(_) | StoreError::Damaged(_) | StoreError::Corrupt { .. } => {
            failed_alike(&why)
        }
    }
}

fn write_other(connection: &mut Connection, caches: &Caches, other: Other) {
    // Who asked may have gone away; that changes nothing.
    match other {
        Other::Remember(receipt, reply) => {
            let _ = reply.send(remember_alone(connection, &receipt));
        }
        Other::Change(change, reply) => {
            let (actor, change) = &*change;
            let _ = reply.send(records::change_alone(connection, caches, actor, change));
        }
        Other::Enqueue(owed, at, reply) => {
            let enqueued = alone(connection, |transaction| outbox::enqueue(transaction, &owed, at));
            let _ = reply.send(enqueued);
        }
        Other::Amend(amend, chosen, reply) => {
            let amended =
                alone(connection, |transaction| outbox::amend(transaction, &amend, &chosen));
            let _ = reply.send(amended);
        }
        Other::Sweep(sweeping, reply) => {
            let _ = reply.send(alone(connection, |transaction| sweep(transaction, &sweeping)));
        }
        Other::Saw(now, reply) => {
            let saw = alone(connection, |transaction| {
                transaction.execute(
                    "INSERT INTO last_seen (id, at) VALUES (1, ?1)
                     ON CONFLICT (id) DO UPDATE SET at = ?1",
                    [now.as_millis()],
                )
            });
            let _ = reply.send(saw.map(drop));
        }
    }
}

/// Does something in a transaction of its own.
fn alone<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction().map_err(failed)?;
    let done = work(&transaction).map_err(failed)?;
    transaction.commit().map_err(not_committed)?;
    Ok(done)
}

/// What came of the attempt to share a transaction.
enum Together {
    /// Each has its outcome.
    Written(Vec<Done>),
    /// There was no transaction to share; one of its own would not do better.
    NotBegun(rusqlite::Error),
    /// Nothing was written, since one of them needs a transaction of its own to fail in.
    Spoiled,
    /// All of it was written but for the last step.
    NotCommitted(StoreError),
}

fn write_together(connection: &mut Connection, caches: &Caches, writes: &[Shared]) -> Together {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => return Together::NotBegun(error),
    };
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        match write.perform(&transaction, caches) {
            Ok(done) | Err(Trouble::Clean(done)) => outcomes.push(done),
            Err(Trouble::Dirty(_)) => return Together::Spoiled,
        }
    }
    match transaction.commit() {
        Ok(()) => Together::Written(outcomes),
        Err(error) => Together::NotCommitted(not_committed(error)),
    }
}

fn write_alone(connection: &mut Connection, caches: &Caches, write: &Shared) -> Done {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => return write.failed(failed(error)),
    };
    match write.perform(&transaction, caches) {
        Ok(done) => match transaction.commit() {
            Ok(()) => done,
            Err(error) => write.failed(not_committed(error)),
        },
        Err(Trouble::Clean(done) | Trouble::Dirty(done)) => done,
    }
}

impl Shared {
    fn perform(&self, connection: &Connection, caches: &Caches) -> Result<Done, Trouble<Done>> {
        match self {
            Self::Commit(prepared, _) => match commit(connection, caches, prepared) {
                Ok(()) => Ok(Done::Commit(Ok(()))),
                Err(Trouble::Clean(error)) => Err(Trouble::Clean(Done::Commit(Err(error)))),
                Err(Trouble::Dirty(error)) => Err(Trouble::Dirty(Done::Commit(Err(error)))),
            },
            Self::Exchange(exchange, _) => match outbox::exchange(connection, exchange) {
                Ok(exchanged) => Ok(Done::Exchange(Ok(exchanged))),
                Err(error) => Err(Trouble::Dirty(Done::Exchange(Err(error)))),
            },
            Self::Probe(_) => match probe(connection) {
                Ok(()) => Ok(Done::Probe(Ok(()))),
                Err(error) => Err(Trouble::Dirty(Done::Probe(Err(failed(error))))),
            },
        }
    }

    fn failed(&self, error: StoreError) -> Done {
        match self {
            Self::Commit(..) => Done::Commit(Err(error.into())),
            Self::Exchange(..) => Done::Exchange(Err(error)),
            Self::Probe(_) => Done::Probe(Err(error)),
        }
    }
}

impl<E: From<StoreError>> From<rusqlite::Error> for Trouble<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Dirty(failed(error).into())
    }
}

fn probe(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.prepare_cached("UPDATE probe SET written = written + 1")?.execute([]).map(drop)
}

fn commit(
    connection: &Connection,
    caches: &Caches,
    prepared: &Prepared,
) -> Result<(), Trouble<CommitError>> {
    let commit = &prepared.commit;
    if !caches.revisions.is_current(&commit.stored.account, commit.revision) {
        return Err(Trouble::Clean(CommitError::Conflict));
    }
    if let Some(receipt) = &commit.receipt {
        require_free(connection, receipt)?;
    }
    let group_seq = if commit.recorded.version == 1 {
        insert_group(connection, prepared)?
    } else {
        update_group(connection, prepared)?
    };
    let recorded = &commit.recorded;
    connection
        .prepare_cached(
            "INSERT INTO events (number_seq, group_seq, version, at, request_id, event, actor,
                                 acted_by)
             VALUES ((SELECT seq FROM numbers WHERE id = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            commit.stored.group.state().number.as_str(),
            group_seq,
            recorded.version,
            recorded.at.as_millis(),
            recorded.request_id.as_str(),
            &prepared.event,
            recorded.event.notice().map(|author| match author {
                Author::Business => "",
                Author::Person(person) => person.spelled(),
            }),
            recorded.actor.as_ref().map(rows::write_actor),
        ))?;
    write_standings(connection, group_seq, commit)?;
    outbox::owe(connection, Some((group_seq, recorded.version)), &commit.owed, recorded.at)?;
    if let Event::SettingsChanged { picture: Some(picture), .. } = &recorded.event
        && let Some(bytes) = &commit.picture
    {
        connection
            .prepare_cached(
                "INSERT INTO pictures (group_seq, mime_type, bytes) VALUES (?1, ?2, ?3)
                 ON CONFLICT (group_seq) DO UPDATE SET mime_type = ?2, bytes = ?3",
            )?
            .execute((group_seq, &picture.mime_type, bytes.as_ref()))?;
    }
    if let Some(receipt) = &commit.receipt {
        write_receipt(connection, receipt, &prepared.refused)?;
    }
    Ok(())
}

fn insert_group(connection: &Connection, prepared: &Prepared) -> Result<i64, Trouble<CommitError>> {
    let stored = &prepared.commit.stored;
    let state = stored.group.state();
    let counted = connection
        .prepare_cached(
            "UPDATE number_usage SET groups = groups + 1, last_alias = max(last_alias, ?2)
             WHERE number_id = ?1 AND groups < ?3",
        )?
        .execute((state.number.as_str(), state.alias_second, prepared.commit.groups_max))?;
    if counted == 0 {
        return Err(Trouble::Clean(CommitError::NoRoom));
    }
    let inserted = connection
        .prepare_cached(
            "INSERT INTO groups (id, account_id, number_id, alias_second, version, status,
                                 subject, created_at, invite_code, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO NOTHING",
        )?
        .execute((
            state.id.as_str(),
            stored.account.as_str(),
            state.number.as_str(),
            state.alias_second,
            state.version,
            rows::status(state.status),
            state.subject.as_str(),
            state.created_at.as_millis(),
            state.invite.as_ref().map(domain::values::InviteCode::as_str),
            &prepared.state,
        ))?;
    if inserted == 0 {
        return Err(Trouble::Dirty(CommitError::Conflict));
    }
    Ok(connection.last_insert_rowid())
}

fn update_group(connection: &Connection, prepared: &Prepared) -> Result<i64, Trouble<CommitError>> {
    let state = prepared.commit.stored.group.state();
    let group_seq = connection
        .prepare_cached(
            "UPDATE groups SET version = ?2, status = ?3, subject = ?4, invite_code = ?5, state = ?6
             WHERE id = ?1 AND version = ?2 - 1 RETURNING seq",
        )?
        .query_row(
            (
                state.id.as_str(),
                state.version,
                rows::status(state.status),
                state.subject.as_str(),
                state.invite.as_ref().map(domain::values::InviteCode::as_str),
                &prepared.state,
            ),
            |row| row.get(0),
        )
        .optional()?;
    let Some(group_seq) = group_seq else { return Err(Trouble::Clean(CommitError::Conflict)) };
    if !state.exists() {
        connection
            .prepare_cached("UPDATE number_usage SET groups = groups - 1 WHERE number_id = ?1")?
            .execute([state.number.as_str()])?;
        connection
            .prepare_cached("DELETE FROM pictures WHERE group_seq = ?1")?
            .execute([group_seq])?;
    }
    Ok(group_seq)
}

fn write_standings(
    connection: &Connection,
    group_seq: i64,
    commit: &Commit,
) -> Result<(), rusqlite::Error> {
    for (person, standing) in commit.recorded.event.standings() {
        let name = person.phone.as_ref().map_or(person.user_id.as_str(), |phone| phone.as_str());
        let word = match standing {
            Standing::Participant => "participant",
            Standing::Requested => "requested",
            Standing::Removed => "removed",
            Standing::None => {
                connection
                    .prepare_cached("DELETE FROM standings WHERE person = ?1 AND group_seq = ?2")?
                    .execute((name, group_seq))?;
                continue;
            }
        };
        connection
            .prepare_cached(
                "INSERT INTO standings (person, group_seq, standing, since)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (person, group_seq) DO UPDATE SET standing = ?3, since = ?4",
            )?
            .execute((name, group_seq, word, commit.recorded.at.as_millis()))?;
    }
    Ok(())
}

/// Looked at before anything is written, so that two same calls spoil nobody's transaction.
fn require_free(connection: &Connection, receipt: &Receipt) -> Result<(), Trouble<CommitError>> {
    let sql = "SELECT 1 FROM receipts WHERE scope = ?1 AND key = ?2 AND created_at > ?3";
    let horizon = receipt.created_at.minus_millis(RECEIPT_HORIZON_MS).as_millis();
    if exists(connection, sql, (&receipt.scope, &receipt.key, horizon))? {
        return Err(Trouble::Clean(CommitError::ReceiptTaken));
    }
    Ok(())
}

fn write_receipt(
    connection: &Connection,
    receipt: &Receipt,
    refused: &str,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO receipts (scope, key, fingerprint, group_id, request_id,
                                              version, refused, answers, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            &receipt.scope,
            &receipt.key,
            receipt.fingerprint,
            receipt.group.as_str(),
            receipt.request_id.as_str(),
            receipt.version,
            refused,
            receipt.answers.as_str(),
            receipt.created_at.as_millis(),
        ))?;
    Ok(())
}

fn remember_alone(connection: &mut Connection, receipt: &Receipt) -> Result<(), CommitError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    match require_free(&transaction, receipt) {
        Ok(()) => {}
        Err(Trouble::Clean(error) | Trouble::Dirty(error)) => return Err(error),
    }
    write_receipt(&transaction, receipt, &rows::write_failed(&receipt.refused)).map_err(failed)?;
    Ok(transaction.commit().map_err(not_committed)?)
}

/// Gives how many rows there were to sweep.
fn sweep(connection: &Connection, sweeping: &Sweeping) -> Result<usize, rusqlite::Error> {
    let Sweeping { now, receipts_before, deliveries } = sweeping;
    let receipts = connection
        .prepare_cached(
            "DELETE FROM receipts WHERE (scope, key) IN
             (SELECT scope, key FROM receipts WHERE created_at < ?1 LIMIT ?2)",
        )?
        .execute((receipts_before.as_millis(), SWEEP_MAX))?;
    Ok(receipts + outbox::sweep(connection, deliveries, *now)?)
}

/// Whether a query finds anything.
fn exists(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<bool, rusqlite::Error> {
    connection.prepare_cached(sql)?.exists(params)
}
