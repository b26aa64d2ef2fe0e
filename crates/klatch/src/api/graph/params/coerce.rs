//! Values as the call wants them: the type of a field decides how a text is understood.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde_json::{Error, Value};

use super::Param;

/// All parameters, or one of them, to be read.
#[derive(Clone, Copy)]
pub(super) enum Coerced<'a> {
    Root(&'a [(String, Param)]),
    Param(&'a Param),
    Value(&'a Value),
}

impl<'a> Coerced<'a> {
    pub(super) fn root(values: &'a [(String, Param)]) -> Self {
        Self::Root(values)
    }

    fn settled(self) -> Self {
        match self {
            Self::Param(Param::Value(value)) => Self::Value(value),
            Self::Param(Param::Map(map)) => Self::Root(map),
            other => other,
        }
    }

    /// The text, if it is one.
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn wrong(self, expected: &dyn serde::de::Expected) -> Error {
        let unexpected = match self {
            Self::Param(Param::Bytes) => return Error::custom("must be text in UTF-8"),
            Self::Param(Param::List(_)) => Unexpected::Seq,
            Self::Root(_) | Self::Param(Param::Map(_)) => Unexpected::Map,
            Self::Param(Param::Value(value)) | Self::Value(value) => match value {
                Value::Null => Unexpected::Unit,
                Value::Bool(_) => Unexpected::Other("boolean"),
                Value::Number(_) => Unexpected::Other("number"),
                Value::String(_) => Unexpected::Other("string"),
                Value::Array(_) => Unexpected::Seq,
                Value::Object(_) => Unexpected::Map,
            },
        };
        Error::invalid_type(unexpected, expected)
    }
}

impl<'a> IntoDeserializer<'_, Error> for Coerced<'a> {
    type Deserializer = Coerced<'a>;

    fn into_deserializer(self) -> Self {
        self.settled()
    }
}

/// JSON that was sent as text.
fn parsed(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| Error::custom(format!("not JSON: {error}")))
}

fn seq<'a, 'de, V: Visitor<'de>>(
    items: impl Iterator<Item = Coerced<'a>>,
    visitor: V,
) -> Result<V::Value, Error> {
    visitor.visit_seq(SeqDeserializer::new(items))
}

fn map<'a, 'de, V: Visitor<'de>>(
    entries: impl Iterator<Item = (&'a str, Coerced<'a>)>,
    visitor: V,
) -> Result<V::Value, Error> {
    visitor.visit_map(MapDeserializer::new(entries))
}

fn object<'de, V: Visitor<'de>>(
    object: &serde_json::Map<String, Value>,
    visitor: V,
) -> Result<V::Value, Error> {
    map(object.iter().map(|(key, value)| (key.as_str(), Coerced::Value(value))), visitor)
}

/// Reads a whole number out of a text, or as the number that it is.
macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.whole_number(visitor)
        })*
    };
}

impl Coerced<'_> {
    fn whole_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Self::Value(Value::Number(number)) = self {
            if let Some(number) = number.as_u64() {
                return visitor.visit_u64(number);
            }
            if let Some(number) = number.as_i64() {
                return visitor.visit_i64(number);
            }
        }
        let text = self.text().map(str::trim);
        match (text.and_then(|text| text.parse().ok()), text.and_then(|text| text.parse().ok())) {
            (Some(number), _) => visitor.visit_u64(number),
            (None, Some(number)) => visitor.visit_i64(number),
            (None, None) => Err(self.wrong(&visitor)),
        }
    }
}

impl<'de> Deserializer<'de> for Coerced<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.settled() {
            Self::Root(entries) => {
                map(entries.iter().map(|(key, one)| (key.as_str(), Self::Param(one))), visitor)
            }
            Self::Param(Param::List(list)) => seq(list.iter().map(Self::Param), visitor),
            Self::Value(Value::Null) => visitor.visit_unit(),
            Self::Value(Value::Bool(bool)) => visitor.visit_bool(*bool),
            Self::Value(Value::String(text)) => visitor.visit_str(text),
            Self::Value(Value::Array(list)) => seq(list.iter().map(Self::Value), visitor),
            Self::Value(Value::Object(entries)) => object(entries, visitor),
            Self::Value(Value::Number(number)) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            other => Err(other.wrong(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.settled() {
            Self::Value(Value::Null) => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text() {
            Some(text) => visitor.visit_str(text),
            None => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = match self {
            Self::Value(Value::Bool(bool)) => return visitor.visit_bool(*bool),
            Self::Value(Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        match (self.text().map(str::trim), number) {
            (Some("true" | "1"), _) | (None, Some(1)) => visitor.visit_bool(true),
            (Some("false" | "0"), _) | (None, Some(0)) => visitor.visit_bool(false),
            _ => Err(self.wrong(&visitor)),
        }
    }

    /// A list as it is, as JSON text, or as comma-separated text.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match (self, self.text().map(str::trim)) {
            (_, Some("")) => seq(std::iter::empty(), visitor),
            (_, Some(text)) if text.starts_with('[') => {
                Coerced::Value(&parsed(text)?).deserialize_seq(visitor)
            }
            (_, Some(text)) if text.starts_with('{') => Err(self.wrong(&visitor)),
            (_, Some(text)) => {
                let names = text.split(',').map(|name| Value::String(name.trim().to_owned()));
                let names: Vec<_> = names.collect();
                seq(names.iter().map(Coerced::Value), visitor)
            }
            (Self::Param(Param::List(list)), _) => seq(list.iter().map(Self::Param), visitor),
            (Self::Value(Value::Array(list)), _) => seq(list.iter().map(Self::Value), visitor),
            _ => Err(self.wrong(&visitor)),
        }
    }

    /// An object as it is or as JSON text. An empty list is an empty object: PHP does not know the
    /// difference.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match (self, self.text().map(str::trim)) {
            (_, Some(text)) if text.starts_with('{') => match parsed(text)? {
                Value::Object(entries) => object(&entries, visitor),
                other => Err(Coerced::Value(&other).wrong(&visitor)),
            },
            (_, Some("[]")) => map(std::iter::empty(), visitor),
            (Self::Root(entries), _) => {
                map(entries.iter().map(|(key, one)| (key.as_str(), Self::Param(one))), visitor)
            }
            (Self::Value(Value::Object(entries)), _) => object(entries, visitor),
            (Self::Value(Value::Array(list)), _) if list.is_empty() => {
                map(std::iter::empty(), visitor)
            }
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}
