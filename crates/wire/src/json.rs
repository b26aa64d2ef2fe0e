//! Values as JSON: plain for answers; in ASCII for webhooks, so that it survives every proxy and what
//! was signed is what arrives.

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// A value as JSON.
#[expect(clippy::expect_used, reason = "structs of strings and numbers always serialize")]
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("a body is made of strings and numbers")
}

/// JSON in nothing but ASCII: everything else as `\u` and four lower-case hex digits.
pub(super) fn ascii_json(value: &impl Serialize) -> Vec<u8> {
    written(value, Ascii { escape_slash: false })
}

/// JSON as Meta writes and signs it: in ASCII, and with `\/` for `/`.
pub(super) fn graph_json(value: &impl Serialize) -> Vec<u8> {
    written(value, Ascii { escape_slash: true })
}

#[expect(clippy::expect_used, reason = "structs of strings and numbers always serialize")]
fn written(value: &impl Serialize, formatter: Ascii) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .expect("a payload is made of strings and numbers");
    bytes
}

/// Compact, with further characters escaped.
struct Ascii {
    escape_slash: bool,
}

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        let mut units = [0; 2];
        let mut rest = fragment;
        let escaped = |c: char| !c.is_ascii() || (self.escape_slash && c == '/');
        while let Some(at) = rest.find(escaped) {
            let (plain, behind) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = behind.chars();
            match characters.next() {
                Some('/') => writer.write_all(b"\\/")?,
                Some(other) => {
                    for unit in other.encode_utf16(&mut units) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
                None => {}
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn escapes_are_lower_case_and_in_pairs_where_need_be() {
        let value = serde_json::json!({ "text": "äöå 🚗 \u{7f} \" \\ \n" });
        assert_eq!(
            String::from_utf8(ascii_json(&value)).unwrap(),
            "{\"text\":\"\\u00e4\\u00f6\\u00e5 \\ud83d\\ude97 \u{7f} \\\" \\\\ \\n\"}"
        );
    }

    #[test]
    fn graph_escapes_slashes_too() {
        let value = serde_json::json!({ "a/b": "https://é/\\/" });
        assert_eq!(
            String::from_utf8(graph_json(&value)).unwrap(),
            r#"{"a\/b":"https:\/\/\u00e9\/\\\/"}"#
        );
        assert_eq!(serde_json::from_slice::<Value>(&graph_json(&value)).unwrap(), value);
    }

    proptest! {
        #[test]
        fn whatever_is_escaped_comes_back(text: String) {
            for bytes in [ascii_json(&serde_json::json!({ "text": text })), graph_json(&serde_json::json!({ "text": text }))] {
                prop_assert!(bytes.is_ascii());
                let read: Value = serde_json::from_slice(&bytes).unwrap();
                prop_assert_eq!(read["text"].as_str(), Some(text.as_str()));
            }
        }
    }
}
