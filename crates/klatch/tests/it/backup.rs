//! `klatch backup`: a copy of what a running server has stored.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use axum::http::Method;
use klatch::metrics::Metrics;
use klatch::runtime::Runtime;
use klatch::store::sqlite::Sqlite;
use serde_json::json;

use crate::support::TestApp;
use crate::support::process::{Sandbox, complained, run};

fn backup(data: &Path, file: &Path) -> Output {
    run(&["backup", file.to_str().unwrap(), "--data", data.to_str().unwrap()])
}

/// Calls go on while it is copied: whatever was answered before is in it, and it is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_backed_up_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("klatch.db");
    let sandbox = Sandbox::start(Some(folder.path()));
    let create = async |subject: &str| {
        let body = json!({ "subject": subject });
        sandbox.call(Method::POST, "/groups", Some(body)).await.unwrap()
    };
    let (_, before) = create("Before").await;
    let (data, file) = (folder.path().to_owned(), copy.clone());
    let copying = tokio::task::spawn_blocking(move || backup(&data, &file));
    while !copying.is_finished() {
        assert_eq!(create("Meanwhile").await.0, 200);
    }
    let output = copying.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let why = complained(&backup(folder.path(), &copy));
    assert!(why.contains("exists already"), "{why}");
    assert_eq!(sandbox.terminate(), Some(0));

    // Restored: the copy is all that there is in the new folder.
    assert_eq!(place.path().read_dir().unwrap().count(), 1);
    let store = Sqlite::open(place.path(), &Runtime::system(), &Metrics::default()).unwrap();
    let klatch = TestApp::with(Arc::new(store), true).await;
    let id = before["id"].as_str().unwrap();
    klatch.d360(Method::GET, &format!("/groups/{id}"), None).await.ok();
    klatch.assert_log_folds(id).await;
    klatch.group("Afterwards", "auto_approve").await;
}

/// SQLite would take these names for a database in memory, and for the address of another file.
#[test]
fn a_copy_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    drop(Sqlite::open(&data, &Runtime::system(), &Metrics::default()).unwrap());
    for name in [":memory:", "file:x", "file:x?mode=memory"] {
        let output = Command::new(env!("CARGO_BIN_EXE_klatch"))
            .args(["backup", name, "--data", "data"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
        let copy = std::fs::read(folder.path().join(name)).unwrap();
        assert!(copy.starts_with(b"SQLite format 3\0"), "{name}: {} bytes", copy.len());
    }
}

#[test]
fn what_is_no_database_of_ours_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let why = complained(&backup(&folder.path().join("nowhere"), &copy));
    assert!(why.contains("cannot read") && why.contains("nowhere/klatch.db"), "{why}");
    let theirs = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
    theirs.execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    drop(theirs);
    let why = complained(&backup(folder.path(), &copy));
    assert!(why.contains("is not a database of klatch"), "{why}");
    std::fs::write(folder.path().join("klatch.db"), "this is not a database at all").unwrap();
    assert!(!backup(folder.path(), &copy).status.success());
    assert!(!copy.exists(), "nothing is left behind");
}

/// A copy of a damaged database is no backup.
#[test]
fn a_damaged_database_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    drop(Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap());
    let path = folder.path().join("klatch.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4_096).skip(1) {
        page.fill(0xA5);
    }
    std::fs::write(&path, bytes).unwrap();
    let copy = folder.path().join("copy.db");
    assert!(!backup(folder.path(), &copy).status.success());
    assert!(!copy.exists(), "nothing is left behind");
}
