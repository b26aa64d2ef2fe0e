//! JSON that survives every proxy, so that what was signed is what arrives.

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// JSON in nothing but ASCII: everything else as `\u` and four lower-case hex digits, as Meta writes
/// and signs it.
#[expect(clippy::expect_used, reason = "structs of strings and numbers always serialize")]
pub(crate) fn ascii_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, Ascii(CompactFormatter)))
        .expect("a payload is made of strings and numbers");
    bytes
}

struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        let mut units = [0; 2];
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
            let (plain, behind) = rest.split_at(at);
            self.0.write_string_fragment(writer, plain)?;
            let mut characters = behind.chars();
            for unit in
                characters.next().into_iter().flat_map(|c| c.encode_utf16(&mut units).to_vec())
            {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn escapes_are_lower_case_and_in_pairs_where_need_be() {
        let value = json!({ "text": "äöå 🚗 \u{7f} \" \\ \n" });
        assert_eq!(
            String::from_utf8(ascii_json(&value)).unwrap(),
            "{\"text\":\"\\u00e4\\u00f6\\u00e5 \\ud83d\\ude97 \u{7f} \\\" \\\\ \\n\"}"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_escaped_comes_back(text: String) {
            let bytes = ascii_json(&json!({ "text": text }));
            prop_assert!(bytes.is_ascii());
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(read["text"].as_str(), Some(text.as_str()));
        }
    }
}
