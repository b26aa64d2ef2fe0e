//! What callers send, and what it means.

use domain::PersonRef;
use domain::person::Entry;
use domain::values::{self, Batch, Subject};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::mint::person_ref;

/// Numbers in one call. Published.
const NUMBERS_PER_CALL_MAX: usize = 20;
/// What is said of a field that is missing or has nothing in it. Published.
const EMPTY: &str = "can not be empty";

/// Says how a group is called.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SubjectMessage {
    /// Name of the group, 1 to 128 characters after trimming. Required.
    #[schema(example = "Test drives", min_length = 1, max_length = 128, value_type = String)]
    subject: Option<String>,
}

impl SubjectMessage {
    /// As a value.
    pub(super) fn parse(self) -> Result<Subject, Problem> {
        parse("subject", &given("subject", self.subject)?, Subject::parse)
    }
}

/// Names people.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NumberList {
    /// One to twenty phone numbers, each once. Required.
    #[schema(example = json!(["46732001122"]), min_items = 1, max_items = 20, value_type = Vec<String>)]
    numbers: Option<Vec<String>>,
}

impl NumberList {
    /// As references to people, each with what the caller wrote.
    pub(super) fn parse(self) -> Result<Batch<Entry<PersonRef>>, Problem> {
        let numbers = given("numbers", self.numbers)?.into_iter().enumerate();
        let entries = numbers.map(|(index, input)| {
            let target = parse(&format!("numbers[{index}]"), &input, person_ref)?;
            Ok(Entry { input, target })
        });
        Batch::new(entries.collect::<Result<_, _>>()?, NUMBERS_PER_CALL_MAX)
            .map_err(|problem| wrong("numbers", problem))
    }
}

/// Says where a picture is.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct UrlMessage {
    /// Address of a JPEG or PNG of at most 5 MB, at most 2,048 characters. Required.
    #[schema(example = "https://www.example.com/group_icon.jpg", max_length = 2_048, value_type = String)]
    url: Option<String>,
}

impl UrlMessage {
    /// As it was written.
    pub(super) fn parse(self) -> Result<String, Problem> {
        let url = given("url", self.url)?;
        if url.trim().is_empty() { Err(Problem::field("url", EMPTY)) } else { Ok(url) }
    }
}

fn given<T>(field: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::field(field, EMPTY))
}

fn wrong(field: &str, problem: values::Problem) -> Problem {
    match problem {
        values::Problem::Empty => Problem::field(field, EMPTY),
        other => Problem::field(field, other),
    }
}

fn parse<T>(
    field: &str,
    text: &str,
    f: impl FnOnce(&str) -> Result<T, values::Problem>,
) -> Result<T, Problem> {
    f(text).map_err(|problem| wrong(field, problem))
}
