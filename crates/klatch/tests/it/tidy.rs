//! The house rules as assertions: what the sources and documents may say. What a module may import
//! is in `architecture.rs`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use klatch::openapi::DOCUMENTS;
use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below, with their path from the root of the repository.
pub(crate) fn files(below: &str, ending: &str) -> Vec<(String, String)> {
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
    let source = files("crates", ".rs");
    for rooms in [
        &["api/meta", "api/graph", "kit", "meta", "graph", "paging"][..],
        &["api/d360", "api/graph", "kit", "d360", "graph", "paging"],
        &["api/sinch", "kit", "sinch"],
        &["api/klatch", "kit", "paging"],
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
fn only_config_names_variables_of_the_environment() {
    assert_eq!(standing("env = \"KLATCH_"), ["crates/klatch/src/config.rs"]);
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
    for folder in ["crates/klatch/src", "crates/domain/src", "crates/wire/src", "crates/bench/src"]
    {
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
    let document = DOCUMENTS.iter().find(|document| document.name == name).unwrap();
    let document: Value = serde_json::from_str(document.json()).unwrap();
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
