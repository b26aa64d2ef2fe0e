//! Whether the wall clock can be believed, where something is given up because of its age.
//!
//! A machine can start with a clock that is days ahead, and a clock can be set while the program
//! runs. Both look like a long stop. Until it is clear, nothing is given up, expired or swept for
//! its age.

use std::time::Duration;

use domain::values::Timestamp;

/// The wall clock and the monotonic clock, read at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// The wall clock.
    pub(super) wall: Timestamp,
    /// The monotonic clock: the time since some fixed moment of this process.
    pub(super) monotonic: Duration,
}

/// How far the wall clock may run away from what was expected. Ours.
pub(super) const JUMP: Duration = Duration::from_hours(1);
/// How long it has to run evenly before a time that nobody expected is believed. Ours: long enough
/// for an operator to see the warning and to set the clock.
pub(super) const GRACE: Duration = Duration::from_hours(24);

/// What an observation has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noticed {
    /// The clock has jumped ahead, or the program was stopped, for so many milliseconds.
    Jumped(i64),
    /// The clock is where it was expected to be again.
    CameBack,
    /// The clock has run evenly for the grace period: it is believed.
    Settled,
}

/// What is known about the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watch {
    last: Reading,
    doubt: Option<Doubt>,
}

/// A jump that was not yet confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubt {
    /// How many milliseconds the wall clock is ahead of what was expected.
    ahead: i64,
    /// The monotonic time of the latest jump.
    since: Duration,
}

impl Watch {
    /// Begins. `last_seen` is the latest time that was believed before the start, if there is one.
    #[must_use]
    pub(super) fn start(last_seen: Option<Timestamp>, now: Reading) -> (Self, Option<Noticed>) {
        let ahead = last_seen.map_or(0, |seen| now.wall.as_millis() - seen.as_millis());
        let jumped = ahead > millis(JUMP);
        let doubt = jumped.then_some(Doubt { ahead, since: now.monotonic });
        (Self { last: now, doubt }, jumped.then_some(Noticed::Jumped(ahead)))
    }

    /// Whether the wall clock is believed.
    #[must_use]
    pub(super) const fn is_believed(&self) -> bool {
        self.doubt.is_none()
    }

    /// Takes another look at both clocks.
    pub(super) fn observe(&mut self, now: Reading) -> Option<Noticed> {
        let passed = millis(now.monotonic.saturating_sub(self.last.monotonic));
        let drift = now.wall.as_millis() - self.last.wall.as_millis() - passed;
        self.last = now;
        let jumped = drift.abs() > millis(JUMP);
        let Some(doubt) = &mut self.doubt else {
            // A clock that was put back makes nothing older than it is.
            if drift <= millis(JUMP) {
                return None;
            }
            self.doubt = Some(Doubt { ahead: drift, since: now.monotonic });
            return Some(Noticed::Jumped(drift));
        };
        doubt.ahead += drift;
        if jumped {
            doubt.since = now.monotonic;
        }
        if doubt.ahead <= millis(JUMP) {
            self.doubt = None;
            return Some(Noticed::CameBack);
        }
        if now.monotonic.saturating_sub(doubt.since) >= GRACE {
            self.doubt = None;
            return Some(Noticed::Settled);
        }
        (jumped && drift > 0).then_some(Noticed::Jumped(drift))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1_000;
    const START: i64 = 1_755_548_877_000;

    /// Wall clock and monotonic clock, in hours since the start.
    fn at(wall: i64, monotonic: u64) -> Reading {
        let wall = Timestamp::from_millis(START + wall * HOUR);
        Reading { wall, monotonic: Duration::from_hours(monotonic) }
    }

    #[test]
    fn a_time_is_believed_once_it_is_plausible() {
        use Noticed::{CameBack, Jumped, Settled};
        let jumped = |hours: i64| Some(Jumped(hours * HOUR));
        // The hour of the last time that was believed, and what each reading then comes to.
        for (name, last_seen, readings) in [
            ("a first start", None, vec![((0, 0), None, true), ((1, 1), None, true)]),
            ("a short stop", Some(-1), vec![((0, 0), None, true)]),
            (
                "a stop of a week, or a clock that is a week ahead",
                Some(-168),
                vec![
                    ((0, 0), jumped(168), false),
                    ((23, 23), None, false),
                    ((24, 24), Some(Settled), true),
                    ((48, 48), None, true),
                ],
            ),
            (
                "a clock that is set right after the start",
                Some(-168),
                vec![((0, 0), jumped(168), false), ((-166, 2), Some(CameBack), true)],
            ),
            (
                "a jump while it runs, and back",
                Some(0),
                vec![
                    ((0, 0), None, true),
                    ((2, 2), None, true),
                    ((52, 3), jumped(49), false),
                    ((53, 4), None, false),
                    ((5, 5), Some(CameBack), true),
                ],
            ),
            (
                "a second jump begins the grace period anew",
                Some(0),
                vec![
                    ((0, 0), None, true),
                    ((50, 0), jumped(50), false),
                    ((70, 20), None, false),
                    ((120, 20), jumped(50), false),
                    ((143, 43), None, false),
                    ((144, 44), Some(Settled), true),
                ],
            ),
            (
                "a clock that is put back makes nothing old",
                Some(0),
                vec![((0, 0), None, true), ((-500, 1), None, true), ((-499, 2), None, true)],
            ),
            (
                "a clock that was set back while it was stopped",
                Some(90),
                vec![((0, 0), None, true)],
            ),
        ] {
            let last_seen = last_seen.map(|hours: i64| at(hours, 0).wall);
            let mut watch = None;
            for (index, ((wall, monotonic), noticed, believed)) in readings.into_iter().enumerate()
            {
                let now = at(wall, monotonic);
                let found = match &mut watch {
                    None => {
                        let (begun, noticed) = Watch::start(last_seen, now);
                        watch = Some(begun);
                        noticed
                    }
                    Some(watch) => watch.observe(now),
                };
                let is_believed = watch.as_ref().is_some_and(Watch::is_believed);
                assert_eq!((found, is_believed), (noticed, believed), "{name}, reading {index}");
            }
        }
    }
}
