//! How fast a business may ask for changes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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
        let now = now.as_millis().saturating_mul(1_000);
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = marks.get(number).copied().unwrap_or(now).clamp(now, now + WINDOW_US);
        let used = mark - now;
        let wait = used + WINDOW_US / i64::from(limit.max(1)) - WINDOW_US;
        Usage {
            percent: u32::try_from(used * 100 / WINDOW_US).unwrap_or(100),
            free_in_secs: u32::try_from(wait.max(0).div_euclid(1_000_000)).unwrap_or(60),
        }
    }

    /// Lets one more operation through, or says when the next one is possible.
    pub(super) fn admit(
        &self,
        number: &PhoneNumberId,
        limit: Option<u32>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(limit) = limit else { return Ok(()) };
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = next_mark(marks.get(number).copied(), limit, now)?;
        marks.insert(number.clone(), mark);
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
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        next_mark(marks.get(number).copied(), limit, now).map(drop)
    }
}

/// Where the mark is after one more operation, if there is room for it.
fn next_mark(mark: Option<i64>, limit: u32, now: Timestamp) -> Result<i64, Refusal> {
    let now = now.as_millis().saturating_mul(1_000);
    let each = WINDOW_US / i64::from(limit.max(1));
    // A mark beyond the window was made before the clock was put back.
    let mark = mark.unwrap_or(now).clamp(now, now + WINDOW_US);
    let wait = mark + each - (now + WINDOW_US);
    if wait > 0 {
        let retry_after_secs = u32::try_from(wait.div_euclid(1_000_000) + 1).unwrap_or(60);
        return Err(Refusal::TooManyOperations { limit, retry_after_secs });
    }
    Ok(mark + each)
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
        let refused = Refusal::TooManyOperations { limit: 3, retry_after_secs: 21 };
        assert_eq!(ask(Some(3), 0), Err(refused));
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
            Err(Refusal::TooManyOperations { limit: 1, retry_after_secs: 61 })
        );
    }
}
