//! Messages of serde without the values that they quote. A caller may have put a secret where
//! another type belongs, and messages go into answers and into the log.

/// The message without the value that it is about: of "invalid type: integer `123456`, expected a
/// string" it leaves "invalid type: integer, expected a string". Names of fields and of allowed
/// words stay.
pub(crate) fn without_values(message: &str) -> String {
    for prefix in ["invalid type: ", "invalid value: ", "unknown variant "] {
        let Some(rest) = message.strip_prefix(prefix) else { continue };
        // The value may hold anything, this separator too; what is expected never does.
        let (found, expected) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
        let kind = found.split(['`', '"']).next().unwrap_or_default().trim_end();
        let prefix = if kind.is_empty() { prefix.trim_end() } else { prefix };
        return match expected {
            "" => format!("{prefix}{kind}"),
            expected => format!("{prefix}{kind}, expected {expected}"),
        };
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    fn json<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        without_values(&serde_json::from_str::<T>(text).unwrap_err().to_string())
    }

    #[test]
    fn no_message_repeats_a_value() {
        for (message, expected) in [
            (json::<String>("987654"), "invalid type: integer, expected a string"),
            (json::<String>("-987654"), "invalid type: integer, expected a string"),
            (json::<String>("98.7654"), "invalid type: floating point, expected a string"),
            (json::<String>("true"), "invalid type: boolean, expected a string"),
            (json::<String>("null"), "invalid type: null, expected a string"),
            (json::<String>("[987654]"), "invalid type: sequence, expected a string"),
            (json::<bool>("\"987654\""), "invalid type: string, expected a boolean"),
            (json::<u8>("987654"), "invalid value: integer, expected u8"),
            (json::<char>("\"987654\""), "invalid value: string, expected a character"),
            (
                json::<u64>(r#""98, expected `7\" at line 654""#),
                "invalid type: string, expected u64",
            ),
            (json::<Word>("\"987654\""), "unknown variant, expected `one` or `two`"),
            (
                json::<BTreeMap<String, String>>(r#"{"token":987654}"#),
                "invalid type: integer, expected a string",
            ),
        ] {
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains("98") && !message.contains("654"), "{message}");
        }
        let toml = |text| {
            let error = toml::from_str::<BTreeMap<String, String>>(text).unwrap_err();
            without_values(error.message())
        };
        assert_eq!(toml("token = 987654"), "invalid type: integer, expected a string");
        assert_eq!(toml("token = 1987-06-05"), "invalid type: map, expected a string");
        assert!(matches!(serde_json::from_str("\"one\"").unwrap(), Word::One));
        assert!(matches!(serde_json::from_str("\"two\"").unwrap(), Word::Two));
    }

    #[test]
    fn other_messages_stay() {
        for message in ["missing field `name`", "EOF while parsing an object at line 1 column 1"] {
            assert_eq!(without_values(message), message);
        }
    }
}
