//! Values that Graph takes in several notations.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// An id, a phone number or another name made of digits: a text, or the digits as a JSON number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Id;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an id")
            }

            fn visit_str<E>(self, text: &str) -> Result<Id, E> {
                Ok(Id(text.to_owned()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// A list of names as one comma-separated text, however it was sent: `fields`. Names may have lists
/// of their own in braces, so that it is not taken apart here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub String);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of names")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Names, E> {
                if !text.trim_start().starts_with('[') {
                    return Ok(Names(text.to_owned()));
                }
                let names: Vec<String> =
                    serde_json::from_str(text).map_err(|_| E::custom("must be a list of names"))?;
                Ok(Names(names.join(",")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element::<String>()? {
                    names.push(name);
                }
                Ok(Names(names.join(",")))
            }
        }
        deserializer.deserialize_any(List)
    }
}
