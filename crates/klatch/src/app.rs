//! The composition root: everything a request needs, put together once.

pub mod accounts;
pub mod backoff;
pub mod caller;
pub mod clock;
pub mod deliveries;
mod execute;
mod fetch;
pub mod handshake;
mod idempotency;
pub mod keys;
pub mod leases;
pub mod mint;
pub mod notices;
pub mod numbers;
pub mod outbox;
mod pace;
pub mod people;
pub mod person_ids;
mod plausible;
mod problem;
mod read;
pub mod shares;
pub mod subscriptions;
pub mod webhooks;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Refusal;
use domain::ids::{AccountId, PhoneNumberId};

use self::backoff::Backoff;
use self::clock::Clock;
pub use self::execute::{Change, Outcome};
use self::fetch::FETCHES_PER_NUMBER_MAX;
pub use self::fetch::MayFetch;
use self::mint::Mint;
use self::pace::Pace;
pub use self::pace::Usage;
use self::person_ids::PersonIds;
use self::plausible::{Noticed, Reading, Watch};
use self::shares::Shares;
use crate::directory::KeyHash;
use crate::http::choice::Hosts;
use crate::http::peer::Proxies;
use crate::metrics::Metrics;
use crate::store::StoreError;
use crate::store::{Deliveries, Directory, Groups, Log, Store};
use crate::telemetry::Warnings;
use crate::webhook::memory::Memory;
use crate::webhook::send::Outbound;

/// Settings that requests depend on.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// Opens our own API.
    pub admin_token: KeyHash,
    /// Whether simulated people may act.
    pub people: bool,
    /// Our own address as others see it, without a trailing slash; `None` goes by `Host`.
    pub public_url: Option<String>,
    /// Which `Host` a request may name.
    pub hosts: Hosts,
    /// Proxies that are believed what they say of their clients.
    pub proxies: Proxies,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// How long settled deliveries are kept.
    pub retention: Duration,
}

/// A handle to everything; clones are cheap and share it.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// All of the store, for the use cases.
    store: Arc<dyn Store>,
    /// Groups, as handlers may read them.
    pub groups: Arc<dyn Groups>,
    /// Accounts, numbers, keys and subscriptions, as handlers may read them.
    pub directory: Arc<dyn Directory>,
    /// Deliveries, as handlers may read them.
    pub deliveries: Arc<dyn Deliveries>,
    /// What happened, as handlers may read it.
    pub log: Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    /// Makes ids, codes and secrets.
    pub mint: Mint,
    /// Figures.
    pub metrics: Metrics,
    /// Settings.
    pub settings: AppSettings,
    /// The way to receivers.
    pub outbound: Outbound,
    /// Warnings that strangers can bring about.
    pub warnings: Warnings,
    /// Who has sent wrong admin tokens.
    pub backoff: Backoff,
    /// What the dispatcher keeps in memory.
    pub dispatch: Memory,
    /// Places in memory for bodies that are large, for each number.
    pub large_bodies: Shares,
    turns: Vec<tokio::sync::Mutex<()>>,
    aliases: Mutex<HashMap<PhoneNumberId, i64>>,
    /// Of the accounts whose people have been introduced; an account's never change.
    person_ids: Mutex<HashMap<AccountId, PersonIds>>,
    pace: Pace,
    fetching: Shares,
    watch: Mutex<Watch>,
    /// When the store was last asked whether it works, in Unix milliseconds, and its answer.
    readiness: tokio::sync::Mutex<Option<(i64, bool)>>,
}

/// Changes to one group in this process take turns, so that they seldom meet in the store. A turn
/// is shared by the groups that fall on the same place.
const TURNS: usize = 1_024;

/// Bodies beyond the size of JSON that are read for one number at a time, so that pictures cannot
/// fill the memory: 20 MB. Ours.
const LARGE_BODIES_EACH: usize = 4;

impl App {
    /// Puts everything together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        mint: Mint,
        metrics: Metrics,
        outbound: Outbound,
        settings: AppSettings,
    ) -> Self {
        let turns = std::iter::repeat_with(tokio::sync::Mutex::default).take(TURNS).collect();
        let reading = Reading { wall: clock.now(), monotonic: clock.monotonic() };
        let watch = Mutex::new(Watch::start(None, reading).0);
        Self(Arc::new(Parts {
            groups: Arc::clone(&store) as Arc<dyn Groups>,
            directory: Arc::clone(&store) as Arc<dyn Directory>,
            deliveries: Arc::clone(&store) as Arc<dyn Deliveries>,
            log: Arc::clone(&store) as Arc<dyn Log>,
            store,
            clock,
            mint,
            metrics,
            settings,
            outbound,
            warnings: Warnings::default(),
            backoff: Backoff::default(),
            dispatch: Memory::default(),
            large_bodies: Shares::new(LARGE_BODIES_EACH),
            turns,
            aliases: Mutex::default(),
            person_ids: Mutex::default(),
            pace: Pace::default(),
            fetching: Shares::new(FETCHES_PER_NUMBER_MAX),
            watch,
            readiness: tokio::sync::Mutex::default(),
        }))
    }
}

impl App {
    /// Compares the clock with the time of the last run. To be called before anything is dispatched
    /// or swept.
    pub async fn watch_clock(&self) -> Result<(), StoreError> {
        let last_seen = self.store.last_seen().await?;
        let (watch, noticed) = Watch::start(last_seen, self.reading());
        *self.watch() = watch;
        notice(noticed);
        Ok(())
    }

    /// Whether the clock is believed, so that something may be given up because of its age.
    pub(crate) fn believes_clock(&self) -> bool {
        let mut watch = self.watch();
        notice(watch.observe(self.reading()));
        watch.is_believed()
    }

    fn reading(&self) -> Reading {
        Reading { wall: self.clock.now(), monotonic: self.clock.monotonic() }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs what has become of the clock.
fn notice(noticed: Option<Noticed>) {
    match noticed {
        None => {}
        Some(Noticed::Jumped(millis)) => {
            let hours = millis / 3_600_000;
            tracing::warn!(
                hours,
                "the clock is ahead of what was expected: nothing is given up, expired or swept \
                 because of its age until the clock is set back or has run evenly for 24 hours"
            );
        }
        Some(Noticed::CameBack) => tracing::info!("the clock is where it was expected again"),
        Some(Noticed::Settled) => tracing::info!("the clock has run evenly and is believed now"),
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Why a call came to nothing, before any dialect has put it into words.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The group said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The `Idempotency-Key` belongs to another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// Too many changes to the same group at once.
    #[error("the group is being changed by too many callers at once")]
    Busy,
    /// Too many pictures are being fetched.
    #[error("too many pictures are being fetched at once")]
    TooManyFetches,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
