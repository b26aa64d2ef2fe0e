//! The checks find what they promise to find, in small crates.

use super::refusals::refusals;
use super::workspace::{Sources, Workspace};
use super::{Rooms, Tables};

const LAYERS: Rooms = &[
    ("domain", &[]),
    ("klatch::low", &["domain"]),
    ("klatch::store", &["klatch::low"]),
    ("klatch::app", &["klatch::store"]),
    ("klatch::lib", &[]),
];

/// A workspace of which every import is allowed and every row of the table is needed.
const SOUND: [(&str, &str); 8] = [
    ("domain/src/lib.rs", "pub mod refusal;"),
    ("domain/src/refusal.rs", "pub enum Refusal { Full { limit: u32 }, Unknown }"),
    ("klatch/src/lib.rs", "mod app; mod low; mod store;"),
    ("klatch/src/low.rs", "mod deep; use domain::refusal::Refusal;"),
    ("klatch/src/low/deep.rs", "use super::Low;"),
    ("klatch/src/store.rs", "use crate::low::Low;"),
    ("klatch/src/app.rs", "use crate::store::Store; mod read;"),
    ("klatch/src/app/read.rs", "use super::App;"),
];

/// The sound workspace with some text added to its files.
fn with(added: &[(&str, &str)]) -> Workspace {
    let mut sources = Sources::new();
    for (file, text) in SOUND.iter().chain(added) {
        let all = sources.entry(format!("crates/{file}")).or_default();
        all.push_str(text);
        all.push('\n');
    }
    Workspace::new(&sources)
}

fn faults(added: &[(&str, &str)]) -> Vec<String> {
    let tables = Tables { rooms: LAYERS, debts: &[], reexports: &[], reserved: &[] };
    tables.faults(&with(added))
}

/// The faults of a workspace with some text added to one file of the lowest room.
fn low(text: &str) -> Vec<String> {
    faults(&[("klatch/src/low/deep.rs", text)])
}

const UPWARD: &str = "crates/klatch/src/low/deep.rs:2: klatch::low imports from klatch::store";

#[test]
fn a_sound_workspace_has_no_faults() {
    assert_eq!(faults(&[]), [""; 0]);
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    for text in [
        "use crate::store::Store;",
        "use super::super::store::Store;",
        "use std::{fmt, io}; use crate::{low::Low, store::{Store as Kept}};",
        "use crate::store::*;",
        "use crate::store;",
        "fn f() { crate::store::open() }",
        "fn f() { use crate::store::open; }",
        "fn f(_: &dyn crate::store::Store) {}",
        "fn f() { assert!(crate::store::open()) }",
        "fn f() { some! { use crate::{low::Low, store::Store}; } }",
        "macro_rules! m { () => { $crate::store::open() } }",
        "#[serde(with = \"crate::store::text\")] struct S;",
    ] {
        assert_eq!(low(text).first().map(|fault| &fault[..UPWARD.len()]), Some(UPWARD), "{text}");
    }
}

#[test]
fn an_import_through_another_module_is_found() {
    let through = [
        ("klatch/src/low.rs", "use crate::store as kept;"),
        ("klatch/src/low/deep.rs", "fn f() { super::kept::open() }"),
    ];
    assert_eq!(
        faults(&through),
        [
            "crates/klatch/src/low.rs:2: klatch::low imports from klatch::store: klatch::store",
            "crates/klatch/src/low/deep.rs:2: klatch::low imports from klatch::store: \
             klatch::store::open",
        ]
    );
}

#[test]
fn an_export_of_another_module_is_found_and_followed() {
    let through = [
        ("klatch/src/store.rs", "pub use crate::low::Low as Kept;"),
        ("klatch/src/app.rs", "use crate::store::Kept;"),
    ];
    assert_eq!(
        faults(&through),
        [
            "crates/klatch/src/app.rs:2: klatch::app imports from klatch::low: klatch::low::Low",
            "crates/klatch/src/store.rs:2: klatch::store exports what belongs to klatch::low",
        ]
    );
}

#[test]
fn what_is_compiled_for_tests_only_may_import_anything() {
    assert_eq!(low("#[cfg(test)] mod tests { use crate::store::Store; }"), [""; 0]);
    assert_eq!(low("#[cfg(test)] use crate::store::Store;"), [""; 0]);
}

#[test]
fn tables_hold_nothing_that_is_not_needed() {
    let rooms: Rooms = &[
        ("domain", &[]),
        ("klatch::low", &["domain", "klatch::store"]),
        ("klatch::store", &["klatch::low", "domain"]),
        ("klatch::cellar", &[]),
        ("klatch::app", &["klatch::store"]),
    ];
    let tables = Tables {
        rooms,
        debts: &[("klatch::low", "klatch::app")],
        reexports: &[("klatch::app", "klatch::store")],
        reserved: &[("std::env", &["klatch::app"])],
    };
    assert_eq!(
        tables.faults(&with(&[])),
        [
            "ROOMS: klatch::low may not use klatch::store, which does not stand above it",
            "crates/klatch/src/lib.rs: klatch belongs to no room",
            "ROOMS: there is no module klatch::cellar",
            "ROOMS: klatch::low does not use klatch::store",
            "ROOMS: klatch::store does not use domain",
            "DEBTS: klatch::low does not use klatch::app",
            "REEXPORTS: klatch::app exports nothing of klatch::store",
            "RESERVED: klatch::app does not name std::env",
        ]
    );
}

#[test]
fn a_debt_covers_one_module_only() {
    let tables = Tables {
        rooms: LAYERS,
        debts: &[("klatch::low::deep", "klatch::store")],
        reexports: &[],
        reserved: &[],
    };
    let owing = ("klatch/src/low/deep.rs", "use crate::store::Store;");
    assert_eq!(tables.faults(&with(&[owing])), [""; 0]);
    let more = ("klatch/src/low.rs", "use crate::store::Store;");
    assert_eq!(
        tables.faults(&with(&[owing, more])),
        [
            "crates/klatch/src/low.rs:2: klatch::low imports from klatch::store: klatch::store::Store"
        ]
    );
}

#[test]
fn reserved_items_are_found_behind_imports_and_aliases() {
    let tables = Tables {
        rooms: LAYERS,
        debts: &[],
        reexports: &[],
        reserved: &[("std::time::Instant", &["klatch::app"])],
    };
    let allowed = ("klatch/src/app.rs", "use std::time::Instant;");
    for text in [
        "fn f() { std::time::Instant::now(); }",
        "use std::time; fn f() { time::Instant::now(); }",
        "use std::time::{self as t}; fn f() { t::Instant::now(); }",
    ] {
        let workspace = with(&[allowed, ("klatch/src/low.rs", text)]);
        assert_eq!(
            tables.faults(&workspace),
            ["crates/klatch/src/low.rs:2: klatch::low may not name std::time::Instant::now"],
            "{text}"
        );
    }
}

/// What is found in a match with these arms, in the module that is above the domain.
fn matched(arms: &str) -> Vec<String> {
    let text = format!("fn f() {{ match x {{ {arms} }} }}");
    refusals(&with(&[("klatch/src/low.rs", &text)])).0
}

#[test]
fn a_match_that_takes_refusals_together_is_found() {
    const AT: &str = "crates/klatch/src/low.rs:2:";
    for (arms, what) in [
        ("Refusal::Unknown => 1, _ => 2", "a wildcard"),
        ("Refusal::Unknown => 1, other => 2", "the binding `other`"),
        ("Refusal::Unknown | _ => 2", "a wildcard"),
        ("other if f() => 1, Refusal::Unknown => 2", "the binding `other`"),
        ("domain::refusal::Refusal::Unknown => 1, &_ => 2", "a wildcard"),
        ("Err(Refusal::Unknown) => 1, Err(_) => 2, Ok(_) => 3", "a wildcard"),
        ("Err(Refusal::Unknown) => 1, Err(..) => 2", "`..` in the place of a refusal"),
        (
            "E::No { of: Refusal::Unknown } => 1, E::No { .. } => 2",
            "`..` in the place of a refusal",
        ),
        ("(1, Refusal::Unknown) => 1, (2, rest) => 2", "the binding `rest`"),
        ("Some(Refusal::Unknown) => 1, all => 2", "the binding `all`"),
    ] {
        let found = format!("{AT} {what} in a match over refusals; name each");
        assert_eq!(matched(arms), [found], "{arms}");
    }
}

#[test]
fn a_match_that_names_each_refusal_is_left_alone() {
    for arms in [
        "Refusal::Unknown => 1, Refusal::Full { .. } => 2",
        "Err(Refusal::Unknown | Refusal::Full { limit: _ }) => 1, Ok(_) => 2",
        "(_, Refusal::Unknown) => 1, (any, whole @ Refusal::Full { .. }) => 2",
        "Kind::Unknown => 1, _ => 2",
    ] {
        assert_eq!(matched(arms), [""; 0], "{arms}");
    }
}

#[test]
fn a_match_over_refusals_is_found_under_other_names() {
    let own = "impl Refusal { fn f(&self) { match self { Self::Unknown => 1, _ => 2 } } }";
    let renamed =
        "use domain::refusal::Refusal as No; fn f() { match x { No::Unknown => 1, _ => 2 } }";
    for (file, text) in [("domain/src/refusal.rs", own), ("klatch/src/low.rs", renamed)] {
        let found = format!("crates/{file}:2: a wildcard in a match over refusals; name each");
        assert_eq!(refusals(&with(&[(file, text)])).0, [found]);
    }
    for hidden in
        ["use domain::refusal::Refusal::*;", "use domain::refusal::Refusal::Unknown as U;"]
    {
        assert_eq!(
            refusals(&with(&[("klatch/src/low.rs", hidden)])).0,
            ["crates/klatch/src/low.rs:2: imports variants of Refusal; write Refusal::…"]
        );
    }
}
