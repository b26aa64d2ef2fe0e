//! How fast a business may ask for changes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Refusal;
use domain::ids::PhoneNumberId;
use domain::values::Timestamp;

/// The span that limits are stated for, in microseconds: a minute.
const WINDOW_US: i64 = 60_000_000;

/// How much of its limit a number has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// In per cent.
    pub percent: u32,
    /// Seconds until the next operation is possible.
    pub free_in_secs: u32,
}

/// When each number would have used up what it has asked for, if it had kept to an even pace: the
/// generic cell rate algorithm. Kept in memory, for this process.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<HashMap<PhoneNumberId, i64>>);

impl Pace {
    /// How much of its limit a number has used.
    pub(super) fn used(&self, number: &PhoneNumberId, limit: Option<u32>, now: Timestamp) -> Usage {
        let Some(limit) = limit else { return Usage::default() };
        let standing = Standing::of(self.marks().get(number), limit, now);
        let used = (standing.mark - standing.now) * 100 / WINDOW_US;
        Usage { percent: u32::try_from(used).unwrap_or(100), free_in_secs: standing.wait_secs() }
    }

    /// Lets one more operation through, or says when the next one is possible.
    pub(super) fn admit(
        &self,
        number: &PhoneNumberId,
        limit: Option<u32>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(limit) = limit else { return Ok(()) };
        let mut marks = self.marks();
        let standing = Standing::of(marks.get(number), limit, now);
        standing.check(limit)?;
        marks.insert(number.clone(), standing.mark + standing.each);
        Ok(())
    }

    /// The same without letting anything through.
    pub(super) fn would_admit(
        &self,
        number: &PhoneNumberId,
        limit: Option<u32>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(limit) = limit else { return Ok(()) };
        Standing::of(self.marks().get(number), limit, now).check(limit)
    }

    fn marks(&self) -> MutexGuard<'_, HashMap<PhoneNumberId, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a number stands, all in microseconds.
struct Standing {
    now: i64,
    mark: i64,
    each: i64,
}

impl Standing {
    fn of(mark: Option<&i64>, limit: u32, now: Timestamp) -> Self {
        let now = now.as_millis().saturating_mul(1_000);
        // A mark beyond the window was made before the clock was put back.
        let mark = mark.copied().unwrap_or(now).clamp(now, now + WINDOW_US);
        Self { now, mark, each: WINDOW_US / i64::from(limit.max(1)) }
    }

    /// Until there is room for one more, in whole seconds.
    fn wait_secs(&self) -> u32 {
        let wait = (self.mark + self.each - self.now - WINDOW_US).max(0);
        u32::try_from((wait + 999_999) / 1_000_000).unwrap_or(60)
    }

    fn check(&self, limit: u32) -> Result<(), Refusal> {
        match self.wait_secs() {
            0 => Ok(()),
            retry_after_secs => Err(Refusal::TooManyOperations { limit, retry_after_secs }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(1_755_548_877_000 + secs * 1_000)
    }

    #[test]
    fn so_many_at_once_and_then_one_after_the_other() {
        let (pace, number) = (Pace::default(), PhoneNumberId::parse("1").unwrap());
        let ask = |limit, secs| pace.admit(&number, limit, at(secs));
        for _ in 0..3 {
            assert_eq!(ask(Some(3), 0), Ok(()));
        }
        let refused = Refusal::TooManyOperations { limit: 3, retry_after_secs: 20 };
        assert_eq!(ask(Some(3), 0), Err(refused));
        let used = pace.used(&number, Some(3), at(0));
        assert_eq!(used, Usage { percent: 100, free_in_secs: 20 });
        assert_eq!(pace.used(&number, Some(3), at(30)), Usage { percent: 50, free_in_secs: 0 });
        assert!(pace.would_admit(&number, Some(3), at(0)).is_err());
        assert_eq!(pace.would_admit(&number, Some(3), at(30)), Ok(()));
        assert!(ask(Some(3), 19).is_err());
        assert_eq!(ask(Some(3), 20), Ok(()));
        assert!(ask(Some(3), 20).is_err());
        // The operator lifts the limit, and sets it again.
        assert_eq!(ask(None, 20), Ok(()));
        assert!(ask(Some(3), 20).is_err());
        // A minute later all is as it was.
        for _ in 0..3 {
            assert_eq!(ask(Some(3), 100), Ok(()));
        }
    }

    #[test]
    fn a_clock_that_is_put_back_holds_nobody_up_for_longer_than_a_minute() {
        let (pace, number) = (Pace::default(), PhoneNumberId::parse("1").unwrap());
        assert_eq!(pace.admit(&number, Some(1), at(1_000_000)), Ok(()));
        assert!(pace.admit(&number, Some(1), at(0)).is_err());
        assert_eq!(
            pace.admit(&number, Some(1), at(61)),
            Err(Refusal::TooManyOperations { limit: 1, retry_after_secs: 60 })
        );
    }
}
