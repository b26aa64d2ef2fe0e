//! What the server takes from the machine it runs on besides files and sockets: the time, timers,
//! tasks and random numbers. A [`Runtime`] is passed to whoever needs one of them, and no other
//! module may take them from anywhere else; lints see to that. With a clock and a seed of its own, a
//! test decides what the server reads.
//!
//! Two things stay outside. The writer of the SQLite store is a thread of its own. And the libraries
//! for HTTP and DNS set timers themselves; like ours, theirs are tokio's, so that pausing tokio's
//! time pauses all of them.

mod plausible;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::values::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, Sleep};

use self::plausible::{Noticed, Reading, Watch};

/// A moment, for measuring and for deadlines.
pub type Instant = tokio::time::Instant;
/// Says that something took too long.
pub type Elapsed = tokio::time::error::Elapsed;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// The time since some fixed moment of this process. Setting the clock does not change it.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// Its monotonic time is counted from now.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it reads the clock")]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    pub fn new() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

macro_rules! streams {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// The kinds of random values. Each kind has a stream of its own, so that one more value of
        /// one kind does not change the values of another.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Stream {
            $($(#[$doc])+ $name,)+
        }

        impl Stream {
            /// All of them, in the order of their discriminants, with their names.
            const ALL: [(Self, &'static str); [$(stringify!($name)),+].len()] =
                [$((Self::$name, stringify!($name))),+];
        }
    };
}

streams! {
    /// Ids of accounts.
    AccountId,
    /// Ids of accounts' apps.
    AppId,
    /// Secrets of accounts' apps.
    AppSecret,
    /// What a receiver has to repeat in a handshake.
    Challenge,
    /// The random part of the ids of deliveries.
    DeliveryId,
    /// Serial numbers of groups.
    GroupSerial,
    /// Codes of invite links.
    InviteCode,
    /// By how much the wait before a retry is shortened or lengthened.
    Jitter,
    /// Ids of keys.
    KeyId,
    /// Names of leases on deliveries.
    Lease,
    /// Ids of requests in answers' headers and in the log.
    LogId,
    /// Keys by which accounts' ids of people are made.
    PersonKey,
    /// Ids of numbers.
    PhoneNumberId,
    /// Ids of calls that change something.
    RequestId,
    /// Keys and tokens.
    Secret,
    /// Secrets that sign webhooks.
    SigningSecret,
    /// Ids of subscriptions.
    SubscriptionId,
    /// Ids of WhatsApp Business Accounts.
    WabaId,
}

/// Time, timers, tasks and random numbers. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Runtime(Arc<Parts>);

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

struct Parts {
    clock: Arc<dyn Clock>,
    streams: [Mutex<StdRng>; Stream::ALL.len()],
    watch: Mutex<Watch>,
}

impl Runtime {
    /// The machine's clock, and random numbers that nobody can guess: the seed is the operating
    /// system's.
    ///
    /// # Panics
    /// The operating system has no random numbers.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the source that all others ask")]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock::new()), rand::make_rng::<StdRng>().random())
    }

    /// Another clock, and the same random numbers for the same seed.
    #[must_use]
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        let mut whole = [0; 32];
        whole[..8].copy_from_slice(&seed.to_le_bytes());
        Self::new(clock, whole)
    }

    fn new(clock: Arc<dyn Clock>, seed: [u8; 32]) -> Self {
        let streams = Stream::ALL.map(|(_, name)| {
            let own = Sha256::new().chain_update(seed).chain_update(name).finalize();
            Mutex::new(StdRng::from_seed(own.into()))
        });
        let watch = Mutex::new(Watch::start(None, read(&*clock)).0);
        Self(Arc::new(Parts { clock, streams, watch }))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Compares the clock with `last_seen`, the latest time that was believed in the last run.
    pub fn watch_clock(&self, last_seen: Option<Timestamp>) {
        let (watch, noticed) = Watch::start(last_seen, read(&*self.0.clock));
        *locked(&self.0.watch) = watch;
        log(noticed);
    }

    /// Whether the clock is believed, so that something may be given up because of its age.
    #[must_use]
    pub fn believes_clock(&self) -> bool {
        let mut watch = locked(&self.0.watch);
        log(watch.observe(read(&*self.0.clock)));
        watch.is_believed()
    }

    /// Draws a value of this kind.
    pub fn draw<T>(&self, stream: Stream, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut locked(&self.0.streams[stream as usize]))
    }
}

/// Timers and tasks. They are those of the tokio runtime that the caller runs in.
#[expect(clippy::disallowed_methods, reason = "these are the timers and tasks that all others use")]
impl Runtime {
    /// Now, for measuring and for deadlines.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// The time since then.
    #[must_use]
    pub fn elapsed(&self, since: Instant) -> Duration {
        self.instant().saturating_duration_since(since)
    }

    /// The moment when `duration` from now is over.
    #[must_use]
    pub fn deadline(&self, duration: Duration) -> Deadline {
        Deadline { runtime: self.clone(), at: self.instant() + duration }
    }

    /// Waits.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        tokio::time::sleep(duration)
    }

    /// Gives what the future gives, if that takes no longer than `duration`.
    ///
    /// # Errors
    /// It takes longer. The future is dropped.
    pub async fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        tokio::time::timeout(duration, future).await
    }

    /// Ticks every `period`, for the first time after `first`. Ticks that are missed are left out.
    #[must_use]
    pub fn interval(&self, first: Duration, period: Duration) -> Interval {
        let mut ticks = tokio::time::interval_at(self.instant() + first, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    /// Starts a task.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::spawn(task)
    }

    /// Starts a task that ends with the set.
    pub fn spawn_in<F>(&self, set: &mut JoinSet<F::Output>, task: F) -> AbortHandle
    where
        F: Future<Output: Send> + Send + 'static,
    {
        set.spawn(task)
    }

    /// Runs work that takes long or waits for the disk, where no task waits behind it.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        tokio::task::spawn_blocking(work)
    }
}

/// A moment until which something may take.
#[derive(Debug, Clone)]
pub struct Deadline {
    runtime: Runtime,
    at: Instant,
}

impl Deadline {
    /// The runtime whose time it is about.
    #[must_use]
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Gives what the future gives, if that is before the deadline.
    ///
    /// # Errors
    /// The deadline is over. The future is dropped.
    #[expect(clippy::disallowed_methods, reason = "this is the timer that all others use")]
    pub async fn limit<F: Future>(&self, future: F) -> Result<F::Output, Elapsed> {
        tokio::time::timeout_at(self.at, future).await
    }
}

fn read(clock: &dyn Clock) -> Reading {
    Reading { wall: clock.now(), monotonic: clock.monotonic() }
}

/// Logs what has become of the clock.
fn log(noticed: Option<Noticed>) {
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeded(seed: u64) -> Runtime {
        Runtime::seeded(Arc::new(SystemClock::new()), seed)
    }

    fn number(runtime: &Runtime, stream: Stream) -> u64 {
        runtime.draw(stream, RngExt::random)
    }

    #[test]
    fn each_stream_is_found_under_its_own_name() {
        for (place, (stream, name)) in Stream::ALL.into_iter().enumerate() {
            assert_eq!((stream as usize, format!("{stream:?}").as_str()), (place, name));
        }
    }

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        let draw = |runtime: Runtime| number(&runtime, Stream::Secret);
        assert_eq!(draw(seeded(1)), draw(seeded(1)));
        assert_ne!(draw(seeded(1)), draw(seeded(2)));
        assert_ne!(draw(Runtime::system()), draw(Runtime::system()));
    }

    #[test]
    fn a_value_of_one_kind_does_not_change_those_of_another() {
        let (one, other) = (seeded(1), seeded(1));
        let first = number(&one, Stream::LogId);
        assert_ne!(first, number(&one, Stream::LogId));
        for (stream, name) in Stream::ALL {
            let value = number(&other, stream);
            if stream == Stream::LogId {
                assert_eq!(value, first);
            } else {
                assert_ne!(value, first, "{name} has the stream of another");
                assert_eq!(value, number(&one, stream), "{name} depends on another stream");
            }
        }
    }
}
