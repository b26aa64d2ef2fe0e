//! Words of the command line that stand for a value of [`wire`], which knows no command line.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use wire::{Answers, Dialect};

/// The dialects, by their names.
pub(crate) fn dialects() -> impl TypedValueParser<Value = Dialect> {
    let names = Dialect::ALL.map(|dialect| {
        PossibleValue::new(dialect.name).aliases(dialect.other_names.iter()).help(dialect.title)
    });
    PossibleValuesParser::new(names).try_map(|word| {
        let is_named = |dialect: &Dialect| {
            dialect.name == word || dialect.other_names.contains(&word.as_str())
        };
        Dialect::ALL.into_iter().find(is_named).ok_or("is no dialect")
    })
}

/// Which fields answers have.
pub(crate) fn answers() -> impl TypedValueParser<Value = Answers> {
    let words = Answers::ALL.map(|answers| {
        PossibleValue::new(answers.as_str()).help(match answers {
            Answers::Published => "Those that the vendor publishes, and no others",
            Answers::Superset => "Besides, those by which Klatch answers more than the vendor does",
        })
    });
    PossibleValuesParser::new(words)
        .try_map(|word| Answers::parse(&word).ok_or("is neither published nor superset"))
}
