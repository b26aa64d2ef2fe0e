//! The architecture as assertions: what a line of code may know and touch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use klatch::openapi::DOCUMENTS;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below, with their path from the root of the repository.
fn files(below: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(below), &mut found);
    found.sort();
    found
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .map(|path| (path.strip_prefix(root()).unwrap().display().to_string(), text(&path)))
        .collect()
}

/// The lines of code, without comments and without the tests at a file's end.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn the_domain_is_pure() {
    let manifest = text(&root().join("crates/domain/Cargo.toml"));
    let dependencies = manifest
        .split("[dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name.trim()))
        .collect::<Vec<_>>();
    assert_eq!(dependencies, ["thiserror"]);
    for (path, text) in files("crates/domain/src", ".rs") {
        let text = text.to_lowercase().replace("$doc:meta", "");
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for word in ["360dialog", "d360", "sinch", "meta", "graph", "sqlite", "serde", "axum"] {
            assert!(!words.contains(word), "{path} knows of {word}");
        }
    }
}

#[test]
fn dialects_know_neither_the_store_nor_each_other() {
    for (path, text) in files("crates/klatch/src/dialect", ".rs") {
        let room = path.split('/').nth(4).unwrap().trim_end_matches(".rs");
        for line in code(&text) {
            assert!(!line.contains("store::"), "{path} reaches for the store: {line}");
            for other in ["d360", "meta", "sinch"].iter().filter(|other| **other != room) {
                let reaches = line.contains(&format!("{other}::"));
                assert!(!reaches, "{path} reaches for {other}: {line}");
            }
        }
    }
}

/// In which files a piece of code stands.
fn standing(piece: &str) -> Vec<String> {
    let all = files("crates/klatch/src", ".rs");
    let holds = |text: &str| code(text).any(|line| line.contains(piece));
    all.into_iter().filter(|(_, text)| holds(text)).map(|(path, _)| path).collect()
}

#[test]
fn only_execute_commits() {
    assert_eq!(standing("store.commit("), ["crates/klatch/src/app/execute.rs"]);
    assert_eq!(standing(".decide("), ["crates/klatch/src/app/execute.rs"]);
    assert_eq!(standing("Group::create("), ["crates/klatch/src/app/execute.rs"]);
}

/// A document names schemas by their types alone: of two with one name, one is lost silently.
#[test]
fn no_two_schemas_of_a_document_have_one_name() {
    let source = files("crates/klatch/src", ".rs");
    for rooms in [
        &["dialect/meta", "dialect/graph", "http"][..],
        &["dialect/d360", "dialect/graph", "http"],
        &["dialect/sinch", "http"],
        &["admin", "http"],
    ] {
        let mut seen = BTreeSet::new();
        for (path, text) in &source {
            if !rooms.iter().any(|room| path.contains(&format!("src/{room}"))) {
                continue;
            }
            for derived in text.split("ToSchema)]").skip(1) {
                let words = derived.split(|c: char| !c.is_alphanumeric());
                let name = words.skip_while(|word| !["struct", "enum"].contains(word)).nth(1);
                assert!(seen.insert(name.unwrap()), "{path}: another schema is called {name:?}");
            }
        }
        assert!(!seen.is_empty(), "{rooms:?} have no schemas");
    }
}

#[test]
fn only_config_reads_the_environment() {
    for piece in ["env::var", "env = \"KLATCH_"] {
        let elsewhere: Vec<_> =
            standing(piece).into_iter().filter(|path| !path.ends_with("src/config.rs")).collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?} read the environment");
    }
}

#[test]
fn only_one_place_talks_to_receivers() {
    let clients = standing("Client::builder()");
    assert_eq!(clients, ["crates/klatch/src/cli/client.rs", "crates/klatch/src/webhook/send.rs"]);
}

/// Lints forbid to take time, tasks and random numbers from anywhere else than from a `Runtime`.
/// Besides, the settings look at the environment, and the store has a thread.
#[test]
fn time_and_chance_are_arguments() {
    let excepted = [
        "crates/klatch/src/config.rs",
        "crates/klatch/src/runtime.rs",
        "crates/klatch/src/store/sqlite/write.rs",
    ];
    assert_eq!(standing("clippy::disallowed_methods"), excepted);
}

/// Where several branches are ready, `select!` draws one, unless it is told to take the first.
#[test]
fn no_choice_between_tasks_is_random() {
    for (path, text) in files("crates/klatch/src", ".rs") {
        for choice in text.split("select! {").skip(1) {
            assert!(choice.trim_start().starts_with("biased;"), "{path} takes a branch by chance");
        }
    }
}

/// What the program is made of, from the bottom up: nothing imports what stands above it.
#[test]
fn webhooks_and_what_is_below_know_nothing_of_the_app() {
    let below = |path: &str| {
        let name = path.trim_start_matches("crates/klatch/src/");
        let room = name.split(['/', '.']).next().unwrap();
        ["webhook", "store", "directory", "mint", "runtime", "telemetry", "metrics"].contains(&room)
    };
    for (path, text) in files("crates/klatch/src", ".rs") {
        for line in code(&text).filter(|_| below(&path)) {
            assert!(!line.contains("crate::app"), "{path}: {line}");
        }
    }
    for (file, rooms) in [
        ("telemetry", &["store", "http"][..]),
        ("mint", &["webhook", "store"]),
        ("runtime", &["webhook", "store", "telemetry"]),
    ] {
        let path = format!("crates/klatch/src/{file}.rs");
        let text = text(&root().join(&path));
        for (room, line) in rooms.iter().flat_map(|room| code(&text).map(move |line| (room, line)))
        {
            assert!(!line.contains(&format!("crate::{room}")), "{path}: {line}");
        }
    }
}

#[test]
fn a_refusal_is_matched_without_a_wildcard() {
    for path in ["dialect/d360/error.rs", "admin/error.rs", "dialect/graph/code.rs"] {
        let text = text(&root().join("crates/klatch/src").join(path));
        let of_refusals = text
            .split("match ")
            .skip(1)
            .filter(|arms| arms.contains("Refusal::GroupUnknown"))
            .map(|arms| arms.split("\n    }\n").next().unwrap())
            .collect::<Vec<_>>();
        assert!(!of_refusals.is_empty(), "{path} says nothing about refusals");
        for arms in of_refusals {
            assert!(!arms.contains(" _ =>"), "{path} has a wildcard:\n{arms}");
        }
    }
}

#[test]
fn no_test_sleeps_or_is_ignored() {
    for folder in ["crates/klatch/tests", "crates/domain/tests"] {
        for (path, text) in files(folder, ".rs") {
            if path.ends_with("tidy.rs") {
                continue;
            }
            for piece in ["thread::sleep", "time::sleep", "#[ignore"] {
                assert!(!text.contains(piece), "{path}: {piece}");
            }
        }
    }
}

#[test]
fn files_are_rooms_and_not_halls() {
    for folder in ["crates/klatch/src", "crates/domain/src", "crates/bench/src"] {
        for (path, text) in files(folder, ".rs") {
            let lines = text.lines().count();
            assert!(lines <= 800, "{path} has {lines} lines: is it one room, or two?");
        }
    }
}

/// Every file or folder that the documents name in backticks is there.
#[test]
fn paths_in_the_documents_exist() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/operating.md",
        "docs/dialects.md",
        "docs/webhooks.md",
    ] {
        let text = text(&root().join(document));
        for (index, quoted) in text.split('`').enumerate() {
            let is_path = index % 2 == 1
                && ["crates/", "docs/", ".ci/", "./check"]
                    .iter()
                    .any(|start| quoted.starts_with(start))
                && !quoted.contains([' ', '*', '{', '<']);
            if is_path {
                let path = root().join(quoted.trim_start_matches("./"));
                assert!(path.exists(), "{document} names {quoted}, which is not there");
            }
        }
    }
}

/// Operations of our documents, as `GET /groups`.
fn operations(name: &str) -> BTreeSet<String> {
    let document = DOCUMENTS.iter().find(|document| document.name == name).unwrap().json();
    let document: Value = serde_json::from_str(&document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

/// Operations that a document lists in the first column of its tables, as `GET /groups`.
fn documented(document: &str, prefix: &str) -> BTreeSet<String> {
    let text = text(&root().join(document));
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|cell| {
            cell.split_once(" /").is_some_and(|(method, path)| {
                method.chars().all(|c| c.is_ascii_uppercase())
                    && format!("/{path}").starts_with(prefix)
            })
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_operation_is_documented_and_the_reverse() {
    let of_dialects = ["meta", "d360", "sinch"].iter().flat_map(|name| operations(name));
    assert_eq!(documented("docs/dialects.md", "/"), of_dialects.collect());
    assert_eq!(documented("docs/operating.md", "/klatch/v1/"), operations("klatch"));
}

#[test]
fn every_figure_and_setting_is_documented() {
    let operating = text(&root().join("docs/operating.md"));
    let figures = klatch::metrics::Metrics::default().render();
    for line in figures.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(operating.contains(&format!("`{name}")), "docs/operating.md lacks {name}");
    }
    let settings = klatch::config::EXAMPLE.lines().filter_map(|line| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        line.split_once(" = ").map(|(name, _)| name).filter(|name| !name.contains(' '))
    });
    for name in settings {
        assert!(operating.contains(&format!("`{name}`")), "docs/operating.md lacks {name}");
    }
}
