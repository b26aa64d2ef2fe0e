//! Lease, send, settle. A supervisor learns which subscriptions have something due — from commits
//! as they happen, and from the database every second, which is also what finds the deliveries of a
//! crash — and keeps one pump running for each of them.
//!
//! A pump takes no input: it looks at what is due for its subscription, sends it, and hands back
//! what came of it together with the question for more, in one write. Receivers are thereby apart:
//! one that hangs or fails holds up nobody else. It is given less at a time, and in the end one
//! delivery now and then, until it takes something again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::values::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use rand::RngExt;
use tokio::sync::Notify;
use tokio::task::{self, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::memory::{CONCURRENCY, Memory};
use super::retry::{self, Verdict};
use super::send::{AccountClient, Answer, Outbound};
use super::sign::{self, Signing};
use crate::directory::{
    Activity, Actor, Changed, RecordChange, Subscription, SubscriptionChange, SubscriptionEvent,
    SubscriptionId,
};
use crate::metrics::{AttemptLabels, DialectLabels, Metrics};
use crate::runtime::{Instant, Runtime, Stream};
use crate::store::outbox::{Attempt, Exchange, Exchanged, Fate, Leased, Settlement};
use crate::store::{ChangeError, Store, StoreError};
use crate::telemetry;

/// Deliveries that are laid ready for a receiver that takes what it is sent.
const READY: usize = 15 * CONCURRENCY;
/// Outcomes that are written down in one go, while there is more to send meanwhile.
const SETTLED_TOGETHER: usize = 5 * CONCURRENCY;
/// How long an outcome may wait for others.
const UNSETTLED_MAX: Duration = Duration::from_millis(20);
/// How long a lease lasts: longer than any attempt.
const LEASE: Duration = Duration::from_mins(2);
/// How often the database is asked what is due.
const POLL: Duration = Duration::from_secs(1);
/// A receiver that has taken nothing for so long is switched off. Ours.
pub const OFF_AFTER: Duration = Duration::from_hours(72);

/// What deliveries are made with. Clones share it.
#[derive(Clone)]
pub struct Dispatcher(Arc<Parts>);

struct Parts {
    store: Arc<dyn Store>,
    runtime: Runtime,
    outbound: Outbound,
    metrics: Metrics,
    memory: Memory,
}

impl Dispatcher {
    /// Nothing is sent before [`run`].
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        runtime: Runtime,
        outbound: Outbound,
        metrics: Metrics,
    ) -> Self {
        Self(Arc::new(Parts { store, runtime, outbound, metrics, memory: Memory::default() }))
    }

    /// Says that something is due for these subscriptions.
    pub fn hint(&self, subscriptions: impl IntoIterator<Item = SubscriptionId>) {
        self.0.memory.hint(subscriptions);
    }

    /// Says that subscriptions were changed or removed: whatever their receivers were like, they
    /// have a new chance.
    pub fn reconfigured(&self, changed: &Changed) {
        for id in changed.subscriptions.iter().chain(&changed.removed) {
            self.0.memory.forgive(id);
        }
        self.hint(changed.subscriptions.iter().cloned());
    }

    /// How many deliveries a receiver may have on their way now.
    fn allowance(&self, id: &SubscriptionId) -> usize {
        self.0.memory.allowance(id, self.0.runtime.now())
    }

    /// The subscriptions that have something due, in order.
    async fn due(&self) -> BTreeSet<SubscriptionId> {
        match self.0.store.due(self.0.runtime.now()).await {
            Ok(due) => due.into_iter().collect(),
            Err(error) => {
                error.log();
                BTreeSet::new()
            }
        }
    }

    async fn switch_off(&self, subscription: &Subscription, reason: String) {
        let id = subscription.id.as_str();
        tracing::warn!(
            subscription = id,
            host = subscription.target.url.host_str(),
            reason,
            "a receiver was switched off: its deliveries wait until it is resumed"
        );
        if let Err(error) = self.write_off(&subscription.id, reason).await {
            let error = telemetry::chain(&error);
            tracing::warn!(subscription = id, error, "the receiver could not be switched off");
        }
    }

    /// Writes down that a receiver is switched off.
    async fn write_off(&self, id: &SubscriptionId, reason: String) -> Result<(), ChangeError> {
        let now = self.0.runtime.now();
        let event = SubscriptionEvent::SwitchedOff { reason: reason.clone() };
        let activity = Some(Activity::Off { since: now, reason });
        let change = SubscriptionChange { activity, ..SubscriptionChange::default() };
        let change = RecordChange::ChangeSubscription(id.clone(), change, event, now);
        self.reconfigured(&self.0.store.change(&Actor::Timer, change).await?);
        Ok(())
    }
}

/// A pump as its supervisor sees it.
#[derive(Debug, Default)]
struct Handle {
    /// Something has become due since the pump last looked.
    wanted: AtomicBool,
    wake: Notify,
}

/// Dispatches until told to stop; then lets what is on its way finish.
pub async fn run(dispatcher: Dispatcher, stop: CancellationToken) {
    let mut ticks = dispatcher.0.runtime.interval(Duration::ZERO, POLL);
    let mut supervisor = Supervisor { dispatcher, pumps: JoinSet::new(), running: BTreeMap::new() };
    loop {
        // Hints come last, because they may never cease; pumps end only as often as they are woken.
        let wanted: BTreeSet<SubscriptionId> = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = ticks.tick() => supervisor.dispatcher.due().await,
            Some(ended) = supervisor.pumps.join_next_with_id() => {
                supervisor.ended(ended).into_iter().collect()
            }
            hinted = supervisor.dispatcher.0.memory.hinted() => hinted,
        };
        for id in wanted {
            supervisor.want(&stop, id);
        }
    }
    while supervisor.pumps.join_next().await.is_some() {}
}

/// Keeps one pump for each subscription that has something due.
struct Supervisor {
    dispatcher: Dispatcher,
    pumps: JoinSet<()>,
    running: BTreeMap<SubscriptionId, (task::Id, Arc<Handle>)>,
}

impl Supervisor {
    /// Something may be due for this subscription.
    fn want(&mut self, stop: &CancellationToken, id: SubscriptionId) {
        if let Some((_, handle)) = self.running.get(&id) {
            handle.wanted.store(true, Ordering::SeqCst);
            handle.wake.notify_one();
            return;
        }
        let handle = Arc::<Handle>::default();
        let pump = pump(self.dispatcher.clone(), id.clone(), Arc::clone(&handle), stop.clone());
        let task = self.dispatcher.0.runtime.spawn_in(&mut self.pumps, pump).id();
        self.running.insert(id, (task, handle));
    }

    /// A pump has ended. Gives whose, if something has become due that it has not seen.
    fn ended(&mut self, ended: Result<(task::Id, ()), JoinError>) -> Option<SubscriptionId> {
        let task = match ended {
            Ok((task, ())) => task,
            Err(error) => {
                tracing::error!(%error, "a webhook pump has failed");
                error.id()
            }
        };
        let mut of_task = self.running.iter().filter(|(_, (other, _))| *other == task);
        let id = of_task.next().map(|(id, _)| id.clone())?;
        let (_, handle) = self.running.remove(&id)?;
        handle.wanted.load(Ordering::SeqCst).then_some(id)
    }
}

/// Makes all deliveries that are due, and whatever becomes due by that, then returns: what
/// [`run`] does all the time, once. For tests, whose clock stands still.
pub async fn run_due(dispatcher: &Dispatcher) {
    loop {
        let mut due = dispatcher.due().await;
        due.retain(|id| dispatcher.allowance(id) > 0);
        if due.is_empty() {
            return;
        }
        for id in due {
            pump(dispatcher.clone(), id, Arc::default(), CancellationToken::new()).await;
        }
    }
}

/// A try at a delivery that is over.
struct Tried {
    settlement: Settlement,
    verdict: Verdict,
    /// Where it was sent.
    subscription: Arc<Subscription>,
    /// How often in a row the receiver had failed when it began.
    failures_before: u32,
}

/// Makes the deliveries of one subscription until none is due.
async fn pump(
    dispatcher: Dispatcher,
    id: SubscriptionId,
    handle: Arc<Handle>,
    stop: CancellationToken,
) {
    let mut pump = Pump {
        dispatcher: &dispatcher,
        id: &id,
        handle: &handle,
        stop: &stop,
        subscription: None,
        client: None,
        at_hand: VecDeque::new(),
        flying: JoinSet::new(),
        settlements: Vec::new(),
        unsettled_since: None,
        more: true,
        troubled: false,
        gone: None,
    };
    let mut exchanging: Option<Exchanging<'_>> = None;
    loop {
        pump.send_on();
        if exchanging.is_none()
            && let Some(exchange) = pump.next_exchange()
        {
            exchanging = Some(dispatcher.0.store.exchange(exchange));
        }
        if exchanging.is_none() && pump.flying.is_empty() {
            return;
        }
        // What is sent and what is written down do not wait for each other.
        tokio::select! {
            biased;
            exchanged = finished(&mut exchanging) => {
                exchanging = None;
                match exchanged {
                    Ok(exchanged) => pump.take(exchanged).await,
                    Err(error) => {
                        error.log();
                        // What was sent and could not be written down is sent again when its
                        // lease runs out; what is on its way shall arrive once at least.
                        while pump.flying.join_next().await.is_some() {}
                        return;
                    }
                }
            }
            Some(landed) = pump.flying.join_next() => pump.land(landed),
            () = handle.wake.notified() => {}
        }
    }
}

type Exchanging<'a> = Pin<Box<dyn Future<Output = Result<Exchanged, StoreError>> + Send + 'a>>;

/// Waits for the exchange that is under way; for ever, if none is.
async fn finished(exchanging: &mut Option<Exchanging<'_>>) -> Result<Exchanged, StoreError> {
    match exchanging {
        Some(exchanging) => exchanging.await,
        None => std::future::pending().await,
    }
}

/// What a pump has in its hands.
struct Pump<'a> {
    dispatcher: &'a Dispatcher,
    id: &'a SubscriptionId,
    handle: &'a Handle,
    stop: &'a CancellationToken,
    /// As the latest exchange has shown it.
    subscription: Option<Arc<Subscription>>,
    /// The account's, from the first exchange on.
    client: Option<AccountClient>,
    /// Leased, and not yet on their way.
    at_hand: VecDeque<Leased>,
    flying: JoinSet<Tried>,
    /// What came of those that were under way, not yet written down.
    settlements: Vec<Settlement>,
    /// Since when the first of them is not.
    unsettled_since: Option<Instant>,
    /// Whether more may be due than the latest exchange has leased.
    more: bool,
    /// Whether anything that it has settled had failed.
    troubled: bool,
    /// Where the receiver has said that it is gone.
    gone: Option<Url>,
}

impl Pump<'_> {
    /// How many deliveries may be on their way now.
    fn allowance(&self) -> usize {
        if self.gone.is_some() || self.stop.is_cancelled() {
            return 0;
        }
        self.dispatcher.allowance(self.id)
    }

    /// Sends what is at hand, as much at a time as the receiver may be given.
    fn send_on(&mut self) {
        let on = |subscription: &&Arc<Subscription>| subscription.activity == Activity::On;
        let subscription = self.subscription.as_ref().filter(on).cloned();
        let allowance = if subscription.is_some() { self.allowance() } else { 0 };
        let room = allowance.saturating_sub(self.flying.len());
        // A receiver that fails, or is to be told nothing for now, has nothing laid ready for it.
        if allowance < CONCURRENCY {
            let kept = room.min(self.at_hand.len());
            let given_back = self.at_hand.split_off(kept);
            self.settlements.extend(given_back.iter().map(Settlement::given_back));
        }
        let (Some(subscription), Some(client)) = (subscription, &self.client) else { return };
        let failures = self.dispatcher.0.memory.failures(self.id);
        let in_time = retry::later(self.dispatcher.0.runtime.now(), subscription.target.timeout);
        for leased in self.at_hand.drain(..room.min(self.at_hand.len())) {
            if leased.until <= in_time {
                self.settlements.push(Settlement::given_back(&leased));
                continue;
            }
            let (dispatcher, client) = (self.dispatcher.clone(), client.clone());
            let subscription = Arc::clone(&subscription);
            let attempt = attempt(dispatcher, client, subscription, leased, failures);
            self.dispatcher.0.runtime.spawn_in(&mut self.flying, attempt);
        }
    }

    /// What to hand back and to ask for, if there is anything.
    fn next_exchange(&mut self) -> Option<Exchange> {
        let allowance = self.allowance();
        // A receiver that takes what it is sent need not wait for the disk: more is laid ready.
        let ready = if allowance == CONCURRENCY { READY } else { 0 };
        let room = (allowance + ready).saturating_sub(self.flying.len() + self.at_hand.len());
        let due = self.more || self.handle.wanted.load(Ordering::SeqCst);
        let asks = due && room > ready / 2;
        // As long as there is enough to send, it pays to write down several outcomes at once; but a
        // group's next delivery may wait for one of them.
        let runtime = &self.dispatcher.0.runtime;
        let busy = self.flying.len() + self.at_hand.len() > CONCURRENCY;
        let long =
            self.unsettled_since.is_some_and(|since| runtime.elapsed(since) >= UNSETTLED_MAX);
        let settles = !self.settlements.is_empty()
            && (!busy || long || self.settlements.len() >= SETTLED_TOGETHER);
        if !asks && !settles {
            return None;
        }
        // Whatever becomes due from now on is asked for the next time.
        self.handle.wanted.store(false, Ordering::SeqCst);
        self.unsettled_since = None;
        self.troubled = self.settlements.iter().any(|settled| settled.alive == Some(false));
        let now = runtime.now();
        Some(Exchange {
            subscription: self.id.clone(),
            now,
            settlements: std::mem::take(&mut self.settlements),
            room,
            lease: runtime.draw(Stream::Lease, |rng| rng.random_range(0..i64::MAX)),
            lease_until: retry::later(now, LEASE),
        })
    }

    /// Takes what an exchange has given.
    async fn take(&mut self, exchanged: Exchanged) {
        let Exchanged { subscription, leased, room, released } = exchanged;
        self.dispatcher.hint(released);
        // A full house may not have been all.
        self.more = leased.len() == room;
        self.at_hand.extend(leased);
        self.subscription = subscription;
        let Some(subscription) = &self.subscription else { return };
        self.client.get_or_insert_with(|| self.dispatcher.0.outbound.of(&subscription.account));
        // Another address may have been set since: what the old one says is nobody's business.
        self.gone.take_if(|url| *url != subscription.target.url);
        let (gone, now) = (self.gone.is_some(), self.dispatcher.0.runtime.now());
        // Whoever is gone has said so; for how long one has failed is a question of the clock.
        let failed = self.troubled && (gone || self.dispatcher.0.runtime.believes_clock());
        if let Some(reason) = off_reason(subscription, gone, failed, now) {
            self.dispatcher.switch_off(subscription, reason).await;
        }
    }

    /// Takes what came of an attempt, and of whatever else has landed.
    fn land(&mut self, landed: Result<Tried, JoinError>) {
        let mut next = Some(landed);
        while let Some(landed) = next {
            match landed {
                Ok(tried) => self.note(tried),
                Err(error) => tracing::error!(%error, "an attempt at a delivery has failed"),
            }
            next = self.flying.try_join_next();
        }
    }

    fn note(&mut self, tried: Tried) {
        let Tried { settlement, verdict, subscription, failures_before } = tried;
        let Parts { runtime, memory, .. } = &*self.dispatcher.0;
        if verdict.alive() {
            memory.forgive(self.id);
        } else {
            memory.blame(self.id, failures_before, runtime.now());
        }
        if verdict == Verdict::Gone {
            self.gone = Some(subscription.target.url.clone());
        }
        self.unsettled_since.get_or_insert_with(|| runtime.instant());
        self.settlements.push(settlement);
    }
}

/// Counts an attempt for as long as it lasts, however it ends.
struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Sends a delivery, once.
async fn attempt(
    dispatcher: Dispatcher,
    client: AccountClient,
    subscription: Arc<Subscription>,
    leased: Leased,
    failures_before: u32,
) -> Tried {
    let Parts { runtime, metrics, .. } = &*dispatcher.0;
    let _in_flight = InFlight::new(&metrics.webhooks_in_flight);
    let Leased { id, failed, owed_since, body, lease, .. } = leased;
    let at = runtime.now();
    let dialect = subscription.dialect;
    let name = id.to_string();
    let headers = sign::headers(Signing {
        dialect,
        vendor_signature: subscription.vendor_signature,
        secrets: &subscription.secrets,
        id: &name,
        at,
        body: &body,
    });
    let answer = client.post(dialect, &subscription.target, headers, body).await;
    let Answer { status, problem, head, retry_after, millis } = answer;
    let verdict = retry::verdict(dialect, status);
    let now = runtime.now();
    let fate = match verdict {
        Verdict::Delivered => Fate::Delivered,
        Verdict::Refused => {
            Fate::Dead { reason: format!("the receiver answered {}", status.unwrap_or_default()) }
        }
        Verdict::Failed | Verdict::Gone => {
            let retry_after = retry_after.and_then(|header| retry::retry_after(&header, now));
            let expires = runtime.believes_clock();
            let failure =
                retry::Failure { dialect, owed_since, failed: failed + 1, retry_after, expires };
            match retry::next(failure, now, runtime.draw(Stream::Jitter, RngExt::random)) {
                Some(due_at) => Fate::Retry { due_at },
                None => Fate::Dead { reason: "all retries have failed".to_owned() },
            }
        }
    };
    let delivered = verdict == Verdict::Delivered;
    let outcome = if delivered { "delivered" } else { "failed" };
    let dialect = dialect.as_str();
    metrics.webhook_attempts.get_or_create(&AttemptLabels { dialect, outcome }).inc();
    let seconds = Duration::from_millis(millis.into()).as_secs_f64();
    metrics.webhook_seconds.get_or_create(&DialectLabels { dialect }).observe(seconds);
    let (to, host) = (subscription.id.as_str(), subscription.target.url.host_str());
    match &fate {
        Fate::Delivered => tracing::debug!(delivery = name, status, millis, "delivered"),
        Fate::Dead { reason } => tracing::warn!(
            delivery = name,
            subscription = to,
            host,
            status,
            problem,
            reason,
            "a delivery was given up"
        ),
        Fate::Retry { .. } | Fate::GivenBack => tracing::info!(
            delivery = name,
            subscription = to,
            status,
            problem,
            millis,
            "a delivery failed"
        ),
    }
    let attempt = Some(Attempt { at, millis, status, problem, head });
    let settlement = Settlement { id, lease, attempt, fate, alive: Some(verdict.alive()) };
    Tried { settlement, verdict, subscription, failures_before }
}

/// Why a receiver is to be told nothing any more, if it is.
fn off_reason(
    subscription: &Subscription,
    gone: bool,
    failed: bool,
    now: Timestamp,
) -> Option<String> {
    if subscription.activity != Activity::On || !failed {
        return None;
    }
    if gone {
        return Some("the receiver answered 410: it is gone".to_owned());
    }
    let since = subscription.failing_since?;
    let hours = OFF_AFTER.as_secs() / 3_600;
    (retry::later(since, OFF_AFTER) <= now)
        .then(|| format!("the receiver has taken nothing for {hours} hours"))
}
