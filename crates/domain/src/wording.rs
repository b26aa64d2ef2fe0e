//! Counts in sentences.

use std::fmt::Display;

/// A count with what it counts: "1 participant", "8 participants". For words with a regular plural;
/// that of "entry" is "entries".
#[must_use]
pub fn counted(count: impl Display, thing: &str) -> String {
    let count = count.to_string();
    match thing.strip_suffix('y') {
        _ if count == "1" => format!("{count} {thing}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_every_other_count_is_plural() {
        for (count, expected) in
            [(0, "0 groups"), (1, "1 group"), (2, "2 groups"), (11, "11 groups"), (21, "21 groups")]
        {
            assert_eq!(counted(count, "group"), expected);
        }
        assert_eq!(counted(1_u32, "entry"), "1 entry");
        assert_eq!(counted(8_usize, "entry"), "8 entries");
    }
}
