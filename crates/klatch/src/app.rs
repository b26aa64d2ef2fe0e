//! The composition root: everything a request needs, put together once.

pub mod accounts;
pub mod backoff;
pub mod caller;
pub mod deliveries;
mod execute;
mod fetch;
pub mod handshake;
mod idempotency;
pub mod keys;
pub mod leases;
pub mod notices;
pub mod numbers;
mod pace;
pub mod people;
mod problem;
mod read;
pub mod shares;
pub mod subscriptions;
pub mod webhooks;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::Refusal;
use domain::ids::{AccountId, PhoneNumberId};

use self::backoff::Backoff;
pub use self::execute::{Change, Outcome};
use self::fetch::FETCHES_PER_NUMBER_MAX;
pub use self::fetch::MayFetch;
use self::pace::Pace;
pub use self::pace::Usage;
use self::shares::Shares;
use crate::directory::{KeyHash, PersonIds};
use crate::kit::choice::Hosts;
use crate::kit::peer::Proxies;
use crate::metrics::Metrics;
use crate::mint::Mint;
use crate::runtime::Runtime;
use crate::store::{Deliveries, Directory, Groups, Log, Store, StoreError};
use crate::telemetry::Warnings;
use crate::webhook::dispatch::Dispatcher;
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
    /// Time, tasks and random numbers.
    pub runtime: Runtime,
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
    /// Makes deliveries.
    pub dispatch: Dispatcher,
    /// Places in memory for bodies that are large, for each number.
    pub large_bodies: Shares,
    turns: Vec<tokio::sync::Mutex<()>>,
    aliases: Mutex<HashMap<PhoneNumberId, i64>>,
    /// Of the accounts whose people have been introduced; an account's never change.
    person_ids: Mutex<HashMap<AccountId, PersonIds>>,
    pace: Pace,
    fetching: Shares,
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
        runtime: Runtime,
        metrics: Metrics,
        outbound: Outbound,
        settings: AppSettings,
    ) -> Self {
        let turns = std::iter::repeat_with(tokio::sync::Mutex::default).take(TURNS).collect();
        let dispatch =
            Dispatcher::new(Arc::clone(&store), runtime.clone(), outbound.clone(), metrics.clone());
        Self(Arc::new(Parts {
            groups: Arc::clone(&store) as Arc<dyn Groups>,
            directory: Arc::clone(&store) as Arc<dyn Directory>,
            deliveries: Arc::clone(&store) as Arc<dyn Deliveries>,
            log: Arc::clone(&store) as Arc<dyn Log>,
            store,
            mint: Mint::new(runtime.clone()),
            metrics,
            settings,
            outbound,
            warnings: Warnings::default(),
            backoff: Backoff::default(),
            dispatch,
            large_bodies: Shares::new(runtime.clone(), LARGE_BODIES_EACH),
            turns,
            aliases: Mutex::default(),
            person_ids: Mutex::default(),
            pace: Pace::default(),
            fetching: Shares::new(runtime.clone(), FETCHES_PER_NUMBER_MAX),
            runtime,
            readiness: tokio::sync::Mutex::default(),
        }))
    }
}

impl App {
    /// Compares the clock with the time of the last run. To be called before anything is dispatched
    /// or swept.
    pub async fn watch_clock(&self) -> Result<(), StoreError> {
        self.runtime.watch_clock(self.store.last_seen().await?);
        Ok(())
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
