//! Field selection as Graph has it: `fields=subject,participants.limit(2){wa_id}`.
//!
//! A selection names fields, separated by commas. Braces select inside an object or a list;
//! `.limit(n)` shortens a list. Source: Graph's guide to field expansion.

use serde::Serialize;
use serde_json::Value;

use crate::paging::LIMIT_MAX;
use crate::problem::Problem;

/// Longest selection, in bytes. Ours.
const BYTES_MAX: usize = 4_096;
/// Names in one selection, nested ones included. Ours.
const NAMES_MAX: usize = 128;
/// Levels of braces. Ours: one more than any object here has.
const DEPTH_MAX: usize = 4;

/// A field that an object has.
#[derive(Debug)]
pub struct Known {
    /// The name, as Graph publishes it.
    pub name: &'static str,
    /// What can be selected inside of it.
    pub inside: Inside,
}

/// What can be selected inside a field.
#[derive(Debug, Clone, Copy)]
pub enum Inside {
    /// Nothing: a text, a number or a boolean.
    Nothing,
    /// The fields of the object.
    Object(&'static [Known]),
    /// The fields of each object in the list, which can be shortened with `.limit(n)`.
    List(&'static [Known]),
    /// Anything: Graph has the field, this server has no value for it and leaves it out.
    Unsupported,
}

impl Known {
    /// A field that holds a text, a number or a boolean.
    #[must_use]
    pub const fn value(name: &'static str) -> Self {
        Self { name, inside: Inside::Nothing }
    }

    /// A field of Graph's that this server leaves out of every answer.
    #[must_use]
    pub const fn unsupported(name: &'static str) -> Self {
        Self { name, inside: Inside::Unsupported }
    }
}

/// The fields that a caller has selected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(Vec<Field>);

/// A selected field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    /// The longest list that the caller wants; only for lists.
    pub limit: Option<u16>,
    /// What is selected inside; nothing selected is everything.
    pub inside: Fields,
}

impl Fields {
    /// Reads a selection. Nothing, or nothing but commas and blanks, selects nothing.
    ///
    /// # Errors
    ///
    /// The selection is too long or too deep, it cannot be read, or it names a field that is not
    /// `known`.
    pub fn parse(text: Option<&str>, known: &'static [Known]) -> Result<Self, Problem> {
        let text = text.unwrap_or_default();
        if text.len() > BYTES_MAX {
            return Err(wrong(format!("must be at most {BYTES_MAX} bytes, got {}", text.len())));
        }
        let mut reader = Reader { text, at: 0, names: 0 };
        let names = reader.list(0)?;
        resolve(&names, known, "")
    }

    /// Whether no field was selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this field was selected.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The selection of this field, if it was selected.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// Writes an object that has the selected fields, each narrowed to what was selected inside.
    ///
    /// # Errors
    ///
    /// [`Problem::Internal`], if the object cannot be written: a fault of this program.
    pub fn write(&self, object: &impl Serialize) -> Result<Vec<u8>, Problem> {
        let narrowed = |field: &Field| field.limit.is_some() || !field.inside.is_empty();
        let written = if self.0.iter().any(narrowed) {
            let whole = serde_json::to_value(object).map_err(|_| Problem::Internal)?;
            serde_json::to_vec(&self.narrow(whole))
        } else {
            serde_json::to_vec(object)
        };
        written.map_err(|_| Problem::Internal)
    }

    /// Writes a page that has a list of such objects under `data`.
    ///
    /// # Errors
    ///
    /// [`Problem::Internal`], if the page cannot be written: a fault of this program.
    pub fn write_list(&self, page: &impl Serialize) -> Result<Vec<u8>, Problem> {
        let mut page = serde_json::to_value(page).map_err(|_| Problem::Internal)?;
        if let Some(items) = page.get_mut("data").and_then(Value::as_array_mut) {
            for item in items {
                *item = self.narrow(item.take());
            }
        }
        serde_json::to_vec(&page).map_err(|_| Problem::Internal)
    }

    /// Narrows the fields of an object to what was selected inside of them. The fields of the
    /// object itself stay, as does each `id`, which Graph always answers.
    fn narrow(&self, mut object: Value) -> Value {
        for field in &self.0 {
            if let Some(value) = object.get_mut(field.name) {
                let whole = value.take();
                *value = field.narrow(whole);
            }
        }
        object
    }

    /// The object with the selected fields only.
    fn select(&self, object: Value) -> Value {
        match self.narrow(object) {
            Value::Object(mut fields) if !self.is_empty() => {
                fields.retain(|name, _| name == "id" || self.has(name));
                Value::Object(fields)
            }
            other => other,
        }
    }
}

impl Field {
    fn narrow(&self, value: Value) -> Value {
        match value {
            Value::Array(mut items) => {
                items.truncate(self.limit.map_or(usize::MAX, usize::from));
                items.into_iter().map(|item| self.inside.select(item)).collect()
            }
            // An edge has its list under `data`, beside the paging.
            Value::Object(mut edge) if edge.get("data").is_some_and(Value::is_array) => {
                if let Some(data) = edge.get_mut("data") {
                    let whole = data.take();
                    *data = self.narrow(whole);
                }
                Value::Object(edge)
            }
            object => self.inside.select(object),
        }
    }
}

/// A name as it was written, before it is known whether there is such a field.
struct Name<'a> {
    text: &'a str,
    limit: Option<u16>,
    inside: Option<Vec<Name<'a>>>,
}

struct Reader<'a> {
    text: &'a str,
    /// The byte at which the reader stands.
    at: usize,
    names: usize,
}

impl<'a> Reader<'a> {
    /// Names up to the end of the text, or up to the brace that closes the list.
    fn list(&mut self, depth: usize) -> Result<Vec<Name<'a>>, Problem> {
        if depth > DEPTH_MAX {
            return Err(wrong(format!("must not be nested deeper than {DEPTH_MAX} levels")));
        }
        let mut names = Vec::new();
        loop {
            self.skip(|byte| byte.is_ascii_whitespace() || byte == b',');
            match self.peek() {
                None if depth == 0 => return Ok(names),
                Some(b'}') if depth > 0 => {
                    self.at += 1;
                    return Ok(names);
                }
                _ => names.push(self.name(depth)?),
            }
            self.skip_blanks();
            if !matches!(self.peek(), None | Some(b',' | b'}')) {
                return Err(self.expected("a comma"));
            }
        }
    }

    fn name(&mut self, depth: usize) -> Result<Name<'a>, Problem> {
        self.names += 1;
        if self.names > NAMES_MAX {
            return Err(wrong(format!("must not name more than {NAMES_MAX} fields")));
        }
        let text = self.word();
        if text.is_empty() {
            return Err(self.expected("the name of a field"));
        }
        let limit = self.modifiers()?;
        self.skip_blanks();
        let inside = if self.next_is(b'{') {
            let inside = self.list(depth + 1)?;
            if inside.is_empty() {
                return Err(wrong(format!("must name a field inside {text}{{}}")));
            }
            Some(inside)
        } else {
            None
        };
        Ok(Name { text, limit, inside })
    }

    fn modifiers(&mut self) -> Result<Option<u16>, Problem> {
        let mut limit = None;
        while self.next_is(b'.') {
            let modifier = self.word();
            if modifier != "limit" {
                let detail = format!("can only be modified by .limit(n), got .{modifier}");
                return Err(wrong(detail));
            }
            if !self.next_is(b'(') {
                return Err(self.expected("( and a number"));
            }
            let number = self.word();
            let number = number.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
            let Some(number) = number else {
                return Err(wrong(format!(
                    ".limit() must be a whole number from 1 to {LIMIT_MAX}"
                )));
            };
            limit = Some(number);
            if !self.next_is(b')') {
                return Err(self.expected(")"));
            }
        }
        Ok(limit)
    }

    /// What is left of the text until punctuation or a blank.
    fn word(&mut self) -> &'a str {
        let from = self.at;
        self.skip(|byte| !byte.is_ascii_whitespace() && !b",{}().".contains(&byte));
        &self.text[from..self.at]
    }

    fn skip_blanks(&mut self) {
        self.skip(|byte| byte.is_ascii_whitespace());
    }

    /// Goes on to the first byte that is not skipped. All that ends a word is ASCII, so that the
    /// reader never stands inside a character.
    fn skip(&mut self, skipped: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !skipped(*byte)).unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next_is(&mut self, wanted: u8) -> bool {
        let is = self.peek() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    fn expected(&self, what: &str) -> Problem {
        let place = self.text[..self.at].chars().count() + 1;
        wrong(format!("cannot be read: expected {what} at character {place}"))
    }
}

/// Finds each name among the known fields; `at` is the path of the object that has them.
fn resolve(names: &[Name<'_>], known: &'static [Known], at: &str) -> Result<Fields, Problem> {
    let mut fields: Vec<Field> = Vec::with_capacity(names.len());
    for name in names {
        let path = || match at {
            "" => name.text.to_owned(),
            at => format!("{at}{{{}}}", name.text),
        };
        let Some(field) = known.iter().find(|field| field.name == name.text) else {
            let supported = |field: &&Known| !matches!(field.inside, Inside::Unsupported);
            let known: Vec<_> = known.iter().filter(supported).map(|field| field.name).collect();
            let known = known.join(", ");
            let inside = if at.is_empty() { String::new() } else { format!(" inside {at}") };
            return Err(wrong(format!("must only name {known}{inside}; {} is unknown", path())));
        };
        let inside = match (field.inside, &name.inside) {
            (Inside::Nothing, Some(_)) => {
                return Err(wrong(format!("cannot select inside {}: it has no fields", path())));
            }
            (Inside::Object(known) | Inside::List(known), Some(inside)) => {
                resolve(inside, known, &path())?
            }
            (Inside::Unsupported, _) | (_, None) => Fields::default(),
        };
        if name.limit.is_some() && matches!(field.inside, Inside::Nothing | Inside::Object(_)) {
            return Err(wrong(format!("cannot limit {}: it is not a list", path())));
        }
        match fields.iter_mut().find(|known| known.name == field.name) {
            // Named twice: what is selected by either is answered.
            Some(earlier) => {
                if earlier.inside.is_empty() || inside.is_empty() {
                    earlier.inside = Fields::default();
                } else {
                    earlier.inside.0.extend(inside.0);
                }
                earlier.limit = name.limit.or(earlier.limit);
            }
            None => fields.push(Field { name: field.name, limit: name.limit, inside }),
        }
    }
    Ok(Fields(fields))
}

fn wrong(detail: String) -> Problem {
    Problem::field("fields", detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const PERSON: &[Known] = &[Known::value("wa_id"), Known::value("user_id")];
    const PICTURE: &[Known] = &[Known::value("sha256"), Known::value("mime_type")];
    const GROUP: &[Known] = &[
        Known::value("subject"),
        Known { name: "participants", inside: Inside::List(PERSON) },
        Known { name: "picture", inside: Inside::Object(PICTURE) },
        Known::unsupported("throughput"),
    ];

    fn group() -> Value {
        json!({
            "id": "G",
            "subject": "Hello",
            "participants": [
                { "wa_id": "1", "user_id": "US.1" },
                { "wa_id": "2", "user_id": "US.2" },
                { "wa_id": "3", "user_id": "US.3" },
            ],
            "picture": { "sha256": "ff", "mime_type": "image/jpeg" },
        })
    }

    fn narrowed(text: &str) -> Value {
        Fields::parse(Some(text), GROUP).unwrap().narrow(group())
    }

    #[test]
    fn braces_select_and_limit_shortens() {
        let with = |name: &str, value: Value| {
            let mut expected = group();
            expected[name] = value;
            expected
        };
        for (text, expected) in [
            ("", group()),
            (" , ,", group()),
            ("subject,participants,picture", group()),
            ("participants{wa_id,user_id}", group()),
            ("participants{wa_id},participants", group()),
            ("participants{wa_id},participants{user_id}", group()),
            ("participants.limit(1024)", group()),
            (
                "participants{wa_id}",
                with("participants", json!([{ "wa_id": "1" }, { "wa_id": "2" }, { "wa_id": "3" }])),
            ),
            (
                "participants.limit(2) { user_id , },subject",
                with("participants", json!([{ "user_id": "US.1" }, { "user_id": "US.2" }])),
            ),
            (
                "participants.limit(3).limit(1){wa_id}",
                with("participants", json!([{ "wa_id": "1" }])),
            ),
            ("picture{sha256}", with("picture", json!({ "sha256": "ff" }))),
            ("throughput.limit(2){level{x}}", group()),
        ] {
            assert_eq!(narrowed(text), expected, "{text}");
        }
        let edge = Field { name: "edge", limit: Some(1), inside: Fields::default() };
        let list = json!({ "data": [{ "id": 1 }, { "id": 2 }], "paging": {} });
        assert_eq!(edge.narrow(list), json!({ "data": [{ "id": 1 }], "paging": {} }));
    }

    #[test]
    fn a_selection_that_cannot_be_is_refused_by_name() {
        let deep = format!("throughput{}", "{a".repeat(5));
        let many = "subject,".repeat(129);
        let long = " ".repeat(4_097);
        for (text, expected) in [
            ("Subject", "must only name subject, participants, picture; Subject is unknown"),
            (
                "participants{x}",
                "must only name wa_id, user_id inside participants; participants{x} is unknown",
            ),
            ("participants{}", "must name a field inside participants{}"),
            ("participants{wa_id", "cannot be read: expected the name of a field at character 19"),
            ("subject}", "cannot be read: expected the name of a field at character 8"),
            ("subject picture", "cannot be read: expected a comma at character 9"),
            ("participants .limit(2)", "cannot be read: expected a comma at character 14"),
            ("subject{x}", "cannot select inside subject: it has no fields"),
            ("subject.limit(1)", "cannot limit subject: it is not a list"),
            ("picture.limit(1)", "cannot limit picture: it is not a list"),
            ("participants.limit(0)", ".limit() must be a whole number from 1 to 1024"),
            ("participants.limit()", ".limit() must be a whole number from 1 to 1024"),
            ("participants.limit", "cannot be read: expected ( and a number at character 19"),
            ("participants.limit(1", "cannot be read: expected ) at character 21"),
            ("participants.as(p)", "can only be modified by .limit(n), got .as"),
            ("é(", "cannot be read: expected a comma at character 2"),
            (&deep, "must not be nested deeper than 4 levels"),
            (&many, "must not name more than 128 fields"),
            (&long, "must be at most 4096 bytes, got 4097"),
        ] {
            let problem = Fields::parse(Some(text), GROUP).unwrap_err();
            assert_eq!(problem, Problem::field("fields", expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,200}") {
            let _ = Fields::parse(Some(&text), GROUP);
        }

        #[test]
        fn whatever_is_selected_can_be_rendered(
            text in "([a-z_]{1,12}|subject|participants|picture|[{},.()0-9 ]|\\.limit\\(2\\)|\\{wa_id\\}){0,24}",
        ) {
            if let Ok(fields) = Fields::parse(Some(&text), GROUP) {
                let shown = fields.narrow(group());
                prop_assert_eq!(&shown["id"], "G");
                prop_assert!(shown["participants"].as_array().is_some_and(|all| all.len() <= 3));
            }
        }
    }
}
