//! When to try again: pure functions of the dialect, of what has been tried, and of a number that
//! somebody has drawn.

use std::time::Duration;

use domain::values::Timestamp;
use wire::Dialect;

/// Up to how much a wait is shortened or lengthened, so that what failed together does not come
/// back together.
const JITTER: f64 = 0.2;
/// The longest wait that a receiver can ask for with `Retry-After`. Ours.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);
/// Longer than any wait that is ever set: what is due later than this was set by a clock that has
/// been put back since.
pub const LONGEST_WAIT_MS: i64 = 48 * 60 * 60 * 1_000;

/// How long a delivery is tried, counted from the event. Published: seven days by Meta and
/// 360dialog. Sinch's fifteen retries come to less than two days; the rest is room for receivers
/// that were switched off.
pub const HORIZON: Duration = Duration::from_hours(7 * 24);

/// The wait after so many failed attempts, before chance; `None` if there is no next try.
#[must_use]
pub fn wait(dialect: Dialect, failed: u32) -> Option<Duration> {
    (dialect.webhooks.wait_secs)(failed.max(1)).map(Duration::from_secs)
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived.
    Delivered,
    /// It has not; later it may.
    Failed,
    /// The receiver will never take it.
    Refused,
    /// The receiver says that it is no more.
    Gone,
}

impl Verdict {
    /// Whether the receiver has shown that it is there: whoever refuses something is.
    #[must_use]
    pub const fn alive(self) -> bool {
        matches!(self, Self::Delivered | Self::Refused)
    }
}

/// What an answer's status means in a dialect; `None` is no answer.
#[must_use]
pub fn verdict(dialect: Dialect, status: Option<u16>) -> Verdict {
    let Some(status) = status else { return Verdict::Failed };
    match status {
        410 => Verdict::Gone,
        _ if (dialect.webhooks.is_received)(status) => Verdict::Delivered,
        _ if (dialect.webhooks.is_refused)(status) => Verdict::Refused,
        _ => Verdict::Failed,
    }
}

/// What is known about a failed delivery.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// In whose manner to retry.
    pub dialect: Dialect,
    /// When it came to be owed.
    pub owed_since: Timestamp,
    /// Attempts that have failed, this one included.
    pub failed: u32,
    /// How long the receiver has asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the clock can be believed. If not, there is no horizon.
    pub expires: bool,
}

/// When to try again; `None` if the time is up. `drawn` is from 0 to 1.
#[must_use]
pub fn next(failure: Failure, now: Timestamp, drawn: f64) -> Option<Timestamp> {
    let wait = wait(failure.dialect, failure.failed)?;
    let wait = wait.mul_f64(1.0 + JITTER * (2.0 * drawn.clamp(0.0, 1.0) - 1.0));
    let horizon = if failure.expires {
        later(failure.owed_since, HORIZON)
    } else {
        Timestamp::from_millis(i64::MAX)
    };
    let due = later(now, wait);
    if due > horizon {
        return None;
    }
    // Whoever asks to be left alone is; but not beyond the horizon, where nothing would be left.
    let asked = failure.retry_after.map(|asked| later(now, asked.min(RETRY_AFTER_MAX)));
    Some(asked.map_or(due, |asked| due.max(asked)).min(horizon))
}

/// Reads `Retry-After`: seconds, or a date.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(header.trim()).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.as_millis()).ok()?);
    Some(since_epoch.saturating_sub(now))
}

/// A moment, so much later.
#[must_use]
pub fn later(at: Timestamp, wait: Duration) -> Timestamp {
    let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.as_millis().saturating_add(millis))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_755_548_877_000);

    fn waits(dialect: Dialect) -> Vec<u64> {
        let mut at = NOW;
        let mut waits = Vec::new();
        for failed in 1.. {
            let failure =
                Failure { dialect, owed_since: NOW, failed, retry_after: None, expires: true };
            let Some(due) = next(failure, at, 0.5) else { return waits };
            waits.push(u64::try_from((due.as_millis() - at.as_millis()) / 1_000).unwrap());
            at = due;
        }
        unreachable!()
    }

    #[test]
    fn each_dialect_has_its_schedule() {
        let meta = waits(Dialect::META);
        assert_eq!(meta[..9], [1, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800]);
        assert_eq!(meta.len(), 28);
        let d360 = waits(Dialect::D360);
        assert_eq!(d360[..5], [5, 10, 20, 40, 80]);
        assert_eq!(d360.iter().max(), Some(&28_800));
        let sinch = waits(Dialect::SINCH);
        assert_eq!(sinch.len(), 15);
        assert_eq!((sinch[0], sinch[14]), (5, 81_920));
        for waits in [meta, d360] {
            let week = 7 * 24 * 60 * 60;
            let total: u64 = waits.iter().sum();
            assert!((week - 28_800..=week).contains(&total), "{total}");
        }
    }

    #[test]
    fn each_dialect_reads_a_status_in_its_own_way() {
        use Verdict::{Delivered, Failed, Gone, Refused};
        for (status, expected) in [
            (Some(200), [Delivered, Delivered, Delivered]),
            (Some(201), [Delivered, Failed, Delivered]),
            (Some(204), [Delivered, Failed, Delivered]),
            (Some(301), [Failed, Failed, Failed]),
            (Some(400), [Failed, Failed, Refused]),
            (Some(404), [Failed, Failed, Refused]),
            (Some(408), [Failed, Failed, Failed]),
            (Some(410), [Gone, Gone, Gone]),
            (Some(429), [Failed, Failed, Failed]),
            (Some(500), [Failed, Failed, Failed]),
            (None, [Failed, Failed, Failed]),
        ] {
            assert_eq!(
                Dialect::ALL.map(|dialect| verdict(dialect, status)),
                expected,
                "{status:?}"
            );
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("120", NOW), Some(Duration::from_mins(2)));
        let in_a_minute = "Mon, 18 Aug 2025 20:28:57 GMT";
        assert_eq!(retry_after(in_a_minute, NOW), Some(Duration::from_mins(1)));
        let long_ago = "Mon, 18 Aug 2014 20:28:57 GMT";
        assert_eq!(retry_after(long_ago, NOW), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(retry_after(nonsense, NOW), None, "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn a_next_try_is_later_and_not_beyond_the_horizon(
            index in 0_usize..3,
            failed in 1_u32..10_000,
            age_ms in 0_i64..604_800_000,
            asked in proptest::option::of(0_u64..u64::MAX / 2_000),
            drawn in 0.0..=1.0_f64,
        ) {
            let dialect = Dialect::ALL[index];
            let owed_since = NOW.minus_millis(age_ms);
            let retry_after = asked.map(Duration::from_secs);
            let failure = Failure { dialect, owed_since, failed, retry_after, expires: true };
            // A clock that is not believed gives nothing up, however late it is.
            let late = Failure { expires: false, ..failure };
            if wait(dialect, failed).is_some() {
                prop_assert!(next(late, later(NOW, HORIZON * 9), drawn).is_some());
            }
            if let Some(due) = next(failure, NOW, drawn) {
                prop_assert!(due > NOW);
                prop_assert!(due <= later(owed_since, HORIZON));
                prop_assert!(due.as_millis() - NOW.as_millis() < LONGEST_WAIT_MS);
                let base = wait(dialect, failed).unwrap();
                prop_assert!(due >= later(NOW, base.mul_f64(0.799)));
                if asked.is_none() {
                    prop_assert!(due <= later(NOW, base.mul_f64(1.201)));
                }
            }
        }

        #[test]
        fn no_header_makes_it_panic(header: String) {
            let _ = retry_after(&header, NOW);
        }
    }
}
