//! How long an address that sends wrong admin tokens has to wait before another one is looked at.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use domain::values::Timestamp;
use lru::LruCache;

use crate::kit::peer::Peer;

/// Wrong tokens from one address that are answered without a wait. Ours.
const FREE: u32 = 5;
/// The longest wait, in milliseconds. Ours.
const WAIT_MAX_MS: i64 = 60_000;
/// How long an address's wrong tokens count after the last of them, in milliseconds. Ours.
const MEMORY_MS: i64 = 10 * 60_000;
/// How long an address is known for a right token, in milliseconds. Ours.
const KNOWN_MS: i64 = 60 * 60_000;
/// Addresses that are remembered; the one that was heard of least recently makes room.
const ADDRESSES_MAX: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// What becomes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
    /// It was not looked at: the address has sent too many wrong ones.
    Wait {
        /// Seconds until a token from this address is looked at again, at least 1.
        secs: u32,
    },
}

/// Wrong tokens of late, by address; in memory, for this process.
#[derive(Debug)]
pub struct Backoff(Mutex<LruCache<IpAddr, Record>>);

/// What is remembered of an address. Times are in Unix milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    wrong: u32,
    last_wrong: i64,
    last_right: Option<i64>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(ADDRESSES_MAX)))
    }
}

impl Backoff {
    /// Judges a token from this address. The wait grows with each wrong token beyond the free ones:
    /// 1 s, 2 s, 4 s, up to a minute. While it lasts no token is looked at, except where a right one
    /// came from the address within the hour: several share an address behind a NAT or a proxy, and
    /// one who guesses must not lock the operator out.
    pub fn judge(&self, peer: Peer, right: bool, now: Timestamp) -> Judgement {
        let now = now.as_millis();
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.get_or_insert_mut(peer.network(), Record::default);
        // If the clock was put back, nobody waits until it catches up.
        if !(0..MEMORY_MS).contains(&(now - record.last_wrong)) {
            *record = Record { last_right: record.last_right, ..Record::default() };
        }
        let known = record.last_right.is_some_and(|at| (0..KNOWN_MS).contains(&(now - at)));
        let left = record.last_wrong + record.wait_ms() - now;
        if left > 0 && !(right && known) {
            let secs = u32::try_from((left + 999) / 1_000).unwrap_or(1);
            return Judgement::Wait { secs };
        }
        if right {
            record.last_right = Some(now);
            return Judgement::Right;
        }
        record.wrong = record.wrong.saturating_add(1);
        record.last_wrong = now;
        Judgement::Wrong
    }
}

impl Record {
    fn wait_ms(self) -> i64 {
        match self.wrong.checked_sub(FREE) {
            None => 0,
            Some(beyond) => (1_000 << beyond.min(6)).min(WAIT_MAX_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use Judgement::{Right, Wait, Wrong};

    use super::*;

    const START: i64 = 1_755_548_877_000;

    fn peer(text: &str) -> Peer {
        Peer::new(text.parse().unwrap())
    }

    /// Feeds tokens of one address, each with its time in seconds, and compares what becomes of them.
    fn judged(steps: &[(i64, bool, Judgement)]) {
        let backoff = Backoff::default();
        for (step, (at, right, expected)) in steps.iter().enumerate() {
            let now = Timestamp::from_millis(START + at * 1_000);
            assert_eq!(backoff.judge(peer("192.0.2.1"), *right, now), *expected, "step {step}");
        }
    }

    #[test]
    fn the_wait_grows_and_ends() {
        judged(&[
            (0, false, Wrong),
            (0, false, Wrong),
            (0, false, Wrong),
            (0, false, Wrong),
            (0, false, Wrong),
            (0, false, Wait { secs: 1 }),
            (0, true, Wait { secs: 1 }),
            (1, false, Wrong),
            (1, false, Wait { secs: 2 }),
            (3, false, Wrong),
            (7, false, Wrong),
            (15, false, Wrong),
            (31, false, Wrong),
            (63, false, Wrong),
            (63, false, Wait { secs: 60 }),
            (100, false, Wait { secs: 23 }),
            (123, true, Right),
            // Ten minutes without a wrong one: as at first.
            (663, false, Wrong),
            (663, false, Wrong),
        ]);
    }

    #[test]
    fn an_operator_who_was_there_before_is_not_locked_out() {
        let wrong = [(10, false, Wrong); 5];
        let mut steps = vec![(0, true, Right)];
        steps.extend(wrong);
        steps.extend([
            (10, false, Wait { secs: 1 }),
            (10, true, Right),
            (10, false, Wait { secs: 1 }),
        ]);
        judged(&steps);
    }

    #[test]
    fn a_clock_that_is_put_back_lets_nobody_wait_for_it() {
        let mut steps = vec![(1_000, false, Wrong); 5];
        steps.extend([(1_000, false, Wait { secs: 1 }), (0, false, Wrong)]);
        judged(&steps);
    }

    #[test]
    fn addresses_are_apart_and_not_remembered_without_end() {
        let backoff = Backoff::default();
        let now = Timestamp::from_millis(START);
        for _ in 0..5 {
            backoff.judge(peer("2001:db8::1"), false, now);
        }
        let same_customer = backoff.judge(peer("2001:db8::2"), false, now);
        assert_eq!(same_customer, Wait { secs: 1 });
        for number in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(number);
            assert_eq!(backoff.judge(Peer::new(address.into()), false, now), Wrong);
        }
        assert_eq!(backoff.0.lock().unwrap().len(), ADDRESSES_MAX.get());
    }
}
