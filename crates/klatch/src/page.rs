//! Keyset pages: a slice of an ordered list, found by the key of a neighbour and not by counting.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Items wanted, 1 to [`LIMIT_MAX`](wire::paging::LIMIT_MAX).
    pub limit: u16,
    /// Where to begin.
    pub seek: Seek,
}

/// Where a page begins. Keys are positive, unique within their list, and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// At the beginning of the list.
    First,
    /// Behind the item with this key, reading on.
    After(u64),
    /// Before the item with this key, reading back.
    Before(u64),
}

impl Page {
    /// How many rows to fetch: one more than asked for tells whether there are more.
    #[must_use]
    pub fn fetch(&self) -> usize {
        usize::from(self.limit) + 1
    }

    /// Makes a slice of what was fetched in reading direction, nearest first.
    #[must_use]
    pub fn slice<T>(&self, mut fetched: Vec<(u64, T)>) -> Slice<T> {
        let more = fetched.len() > usize::from(self.limit);
        fetched.truncate(usize::from(self.limit));
        let (more_before, more_after) = match self.seek {
            Seek::First => (false, more),
            Seek::After(_) => (true, more),
            Seek::Before(_) => (more, true),
        };
        if matches!(self.seek, Seek::Before(_)) {
            fetched.reverse();
        }
        Slice { items: fetched, more_before, more_after }
    }

    /// Cuts the page out of a whole list that is at hand, in list order.
    #[must_use]
    pub fn cut<T>(&self, list: impl DoubleEndedIterator<Item = (u64, T)>) -> Slice<T> {
        let fetched = match self.seek {
            Seek::First => list.take(self.fetch()).collect(),
            Seek::After(key) => list.filter(|item| item.0 > key).take(self.fetch()).collect(),
            Seek::Before(key) => {
                list.rev().filter(|item| item.0 < key).take(self.fetch()).collect()
            }
        };
        self.slice(fetched)
    }
}

/// A page of a list, each item with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items, in list order.
    pub items: Vec<(u64, T)>,
    /// Whether the list goes on before the first of them.
    pub more_before: bool,
    /// Whether the list goes on behind the last of them.
    pub more_after: bool,
}

/// A key as callers carry it around: base64 of a decimal number, as in Meta's samples. The lower
/// bits bind it to the list that it came from, so that a damaged cursor, or one of another list,
/// is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor;

impl Cursor {
    /// Writes the key down for the list of this name.
    #[must_use]
    pub fn encode(list: &str, key: u64) -> String {
        let number = (u128::from(key) << 32) | u128::from(tag(list, key));
        BASE64.encode(number.to_string())
    }

    /// Reads a cursor of the list of this name; `None` if it is damaged or of another list.
    #[must_use]
    pub fn decode(list: &str, text: &str) -> Option<u64> {
        // `+`, `/` and `=` do not survive every query string; digits in base64 need only the last.
        let padded = format!("{}{}", text, ["", "", "==", "="][text.len() % 4]);
        let number = String::from_utf8(BASE64.decode(padded).ok()?).ok()?;
        let number: u128 = number.parse().ok()?;
        let key = u64::try_from(number >> 32).ok()?;
        (number & u128::from(u32::MAX) == u128::from(tag(list, key))).then_some(key)
    }
}

fn tag(list: &str, key: u64) -> u32 {
    let digest = Sha256::new().chain_update(list).chain_update(key.to_be_bytes()).finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_meet_without_gap_or_overlap() {
        let list: Vec<(u64, u64)> = (1..=10).map(|key| (key, key)).collect();
        let cut = |limit, seek| Page { limit, seek }.cut(list.iter().copied());
        let keys = |slice: &Slice<u64>| slice.items.iter().map(|item| item.0).collect::<Vec<_>>();

        let first = cut(4, Seek::First);
        assert_eq!(
            (keys(&first), first.more_before, first.more_after),
            (vec![1, 2, 3, 4], false, true)
        );
        let second = cut(4, Seek::After(4));
        assert_eq!(
            (keys(&second), second.more_before, second.more_after),
            (vec![5, 6, 7, 8], true, true)
        );
        let last = cut(4, Seek::After(8));
        assert_eq!((keys(&last), last.more_after), (vec![9, 10], false));
        let back = cut(4, Seek::Before(9));
        assert_eq!(keys(&back), keys(&second));
        let front = cut(4, Seek::Before(5));
        assert_eq!((keys(&front), front.more_before), (keys(&first), false));
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_whole(key: u64) {
            let cursor = Cursor::encode("groups:1", key);
            prop_assert_eq!(Cursor::decode("groups:1", &cursor), Some(key));
            prop_assert_eq!(Cursor::decode("groups:1", cursor.trim_end_matches('=')), Some(key));
            prop_assert_eq!(Cursor::decode("groups:2", &cursor), None);
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            prop_assert_eq!(Cursor::decode("groups:1", &text), None);
        }
    }
}
