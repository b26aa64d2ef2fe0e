//! What an operator can get wrong, and what a disk can: each is answered or refused in words, and
//! nothing is half done.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use klatch::metrics::Metrics;
use klatch::runtime::Runtime;
use klatch::sandbox;
use klatch::store::migrate::Migration;
use klatch::store::sqlite::{OpenError, Sqlite};
use serde_json::json;
use tokio::net::TcpSocket;

use crate::support::process::Sandbox;
use crate::support::receiver::Receiver;
use crate::support::{TestApp, with_json};

fn open(folder: &Path) -> Result<Sqlite, OpenError> {
    Sqlite::open(folder, &Runtime::system(), &Metrics::default())
}

fn refused(folder: &Path) -> String {
    open(folder).err().expect("the store must not open").to_string()
}

/// The system lets the program write no further than so many bytes into any file, as a full disk
/// would; then it does again. Sixteen callers at a time, so that whole batches fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_5xx_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start_limited(folder.path(), 512 * 1_024);
    let create = || async {
        let body = json!({ "subject": "Much", "description": "x".repeat(2_048) });
        sandbox.call(Method::POST, "/groups", Some(body)).await.unwrap()
    };
    let mut answers = Vec::new();
    while answers.iter().all(|(status, _)| *status == 200) {
        answers.extend(futures_util::future::join_all((0..16).map(|_| create())).await);
    }
    let (status, body) = answers.iter().find(|(status, _)| *status != 200).unwrap();
    assert_eq!(*status, 503, "{body}");
    let said = body["error"].as_str().unwrap();
    assert!(said.starts_with("The outcome is unknown"), "the COMMIT is what failed: {said}");
    answers.push(create().await);
    // The batch that failed was rolled back, and may have left room for single groups.
    while answers.last().is_none_or(|(status, _)| *status == 200) {
        answers.push(create().await);
    }
    let reads = sandbox.call(Method::GET, "/groups?limit=1", None).await.unwrap();
    assert_eq!(reads.0, 200, "reads go on");

    sandbox.lift_limit();
    assert_eq!(create().await.0, 200, "it goes on by itself");
    assert_eq!(sandbox.terminate(), Some(0));

    let answered = answers.iter().filter(|(status, _)| *status == 200);
    let told: BTreeSet<&str> = answered.map(|(_, body)| body["id"].as_str().unwrap()).collect();
    let klatch = TestApp::with(Arc::new(open(folder.path()).unwrap()), true).await;
    let list = klatch.d360(Method::GET, "/groups?limit=1024", None).await.ok();
    let groups = list["data"]["groups"].as_array().unwrap();
    let kept: BTreeSet<&str> = groups.iter().map(|group| group["id"].as_str().unwrap()).collect();
    assert!(told.is_subset(&kept), "an answered change was lost");
    assert_eq!(kept.len(), told.len() + 1, "what was refused is not there");
    for group in kept {
        klatch.assert_log_folds(group).await;
    }
}

/// With a hundred files at a time, one address that opens connections without end does not keep the
/// others from being answered, nor changes from being written and delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_low_limit_of_open_files_leaves_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let sandbox = Sandbox::start_with_files(folder.path(), 100);
    let address: SocketAddr = sandbox.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut held = Vec::new();
    for _ in 0..200 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 7], 0).into()).unwrap();
        held.push(socket.connect(address).await.unwrap());
    }
    let hook = Some(json!({ "url": receiver.url("/hook") }));
    let (status, body) =
        sandbox.call(Method::POST, "/v1/configs/webhook", hook).await.expect("no answer");
    assert_eq!(status, 200, "{body}");
    for number in 1..=5 {
        let group = Some(json!({ "subject": format!("Group {number}") }));
        let (status, body) = sandbox.call(Method::POST, "/groups", group).await.expect("no answer");
        assert_eq!(status, 200, "{body}");
        assert_eq!(receiver.nth(number).await.kind(), "group_create");
    }
    let (status, _) = sandbox.call(Method::GET, "/groups", None).await.expect("no answer");
    assert_eq!(status, 200);
    drop(held);
    assert_eq!(sandbox.terminate(), Some(0));
}

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let why = refused(folder.path());
    assert!(why.contains("in use by another klatch"), "{why}");
    assert!(why.contains(&folder.path().display().to_string()), "{why}");
    drop(first);
    open(folder.path()).unwrap();
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("klatch.db"), "this is not a database at all").unwrap();
    let why = refused(folder.path());
    assert!(why.contains("damaged or not an SQLite database"), "{why}");
    let kept = std::fs::read(folder.path().join("klatch.db")).unwrap();
    assert_eq!(kept, b"this is not a database at all", "and not touched");
}

#[test]
fn a_file_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
    theirs.execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    drop(theirs);
    let why = refused(folder.path());
    assert!(why.contains("belongs to another program"), "{why}");
}

#[test]
fn a_newer_or_edited_schema_is_refused() {
    for (change, expected) in [
        ("INSERT INTO migrations VALUES (9999, 'later', 'x')", "written by a newer klatch"),
        ("UPDATE migrations SET checksum = 'x' WHERE number = 1", "changed by hand"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()).unwrap());
        let file = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
        file.execute_batch(change).unwrap();
        drop(file);
        let why = refused(folder.path());
        assert!(why.contains(expected), "{why}");
    }
}

/// What the first schema held is there afterwards, and goes on.
#[tokio::test]
async fn a_folder_of_the_first_schema_is_brought_up_to_date() {
    // Rows as they have always been written, from a database of today.
    let now = tempfile::tempdir().unwrap();
    let app = TestApp::with(Arc::new(open(now.path()).unwrap()), true).await;
    let group = app.group("From the beginning", "auto_approve").await;
    app.tap("16505550101", &app.link(&group).await).await.ok();
    drop(app);

    let before = tempfile::tempdir().unwrap();
    let file = rusqlite::Connection::open(before.path().join("klatch.db")).unwrap();
    let step = Migration {
        number: 1,
        name: "0001_initial",
        sql: include_str!("../../migrations/sqlite/0001_initial.sql"),
    };
    file.execute_batch(step.sql).unwrap();
    let attach = "ATTACH DATABASE ?1 AS new";
    file.execute(attach, [now.path().join("klatch.db").to_str().unwrap()]).unwrap();
    file.execute_batch(
        "PRAGMA application_id = 1265394036;
         CREATE TABLE migrations (
             number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
         ) STRICT;
         INSERT INTO accounts SELECT seq, id, name, created_at FROM new.accounts;
         INSERT INTO numbers
             SELECT seq, id, account_id, display_number, waba_id, bot_id, participants_limit,
                    groups_limit, created_at
             FROM new.numbers;
         INSERT INTO number_usage SELECT * FROM new.number_usage;
         INSERT INTO keys SELECT * FROM new.keys;
         INSERT INTO groups SELECT * FROM new.groups;
         INSERT INTO standings SELECT * FROM new.standings;
         INSERT INTO events
             SELECT seq, group_seq, version, at, request_id, event FROM new.events;",
    )
    .unwrap();
    let taken = "INSERT INTO migrations VALUES (?1, ?2, ?3)";
    file.execute(taken, (step.number, step.name, step.checksum())).unwrap();
    drop(file);

    let app = TestApp::with(Arc::new(open(before.path()).unwrap()), true).await;
    app.assert_log_folds(&group).await;
    app.tap("16505550102", &app.link(&group).await).await.ok();
    app.assert_log_folds(&group).await;
    let path = format!("/events?phone_number_id={}", sandbox::PHONE_NUMBER_ID);
    let events = app.admin(Method::GET, &path, None).await.ok();
    let mut old = events["data"].as_array().unwrap().iter().take(2);
    assert!(old.all(|event| event.get("actor").is_none()), "{events}");
    let kinds: Vec<_> = events["data"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["created", "participant_joined", "participant_joined"]);
}

/// What the second schema held, receivers and deliveries among it, is there afterwards as well; and
/// each account has an app of its own.
#[tokio::test]
async fn a_folder_of_the_second_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with(Arc::new(open(folder.path()).unwrap()), true).await;
    app.stranger().await;
    let receiver = Some(json!({ "url": "http://127.0.0.1:1/hook" }));
    app.d360(Method::POST, "/v1/configs/webhook", receiver).await.ok();
    let create = async |app: &TestApp| {
        let request = Request::post("/groups")
            .header("D360-API-KEY", sandbox::KEY)
            .header("Idempotency-Key", "once");
        let body = json!({ "subject": "From before" });
        app.send(with_json(request, Some(body))).await.ok()
    };
    let created = create(&app).await;
    let group = created["id"].as_str().unwrap().to_owned();
    let path = format!("/groups/{group}/invite_link");
    app.d360(Method::POST, &path, None).await.ok();
    app.tap("16505550101", &app.link(&group).await).await.ok();
    let deliveries = app.admin(Method::GET, "/deliveries", None).await.ok();
    drop(app);
    let file = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
    file.execute_batch(
        "DELETE FROM migrations WHERE number >= 3;
         DROP INDEX subscriptions_by_lease;
         ALTER TABLE subscriptions DROP COLUMN lease_until;
         ALTER TABLE numbers DROP COLUMN answers;
         ALTER TABLE receipts DROP COLUMN answers;
         DROP INDEX subscriptions_by_reach;
         DROP INDEX subscriptions_removed;
         DROP TABLE last_seen;
         DROP INDEX events_by_business;
         DROP INDEX events_by_people;
         DROP INDEX events_by_person;
         ALTER TABLE events DROP COLUMN actor;
         ALTER TABLE events DROP COLUMN acted_by;
         DROP INDEX numbers_by_waba;
         DROP TABLE paused_places;
         ALTER TABLE numbers DROP COLUMN registered;
         ALTER TABLE numbers DROP COLUMN pin;
         ALTER TABLE numbers DROP COLUMN unsubscribed_overrides;
         ALTER TABLE subscriptions DROP COLUMN fields;
         DROP INDEX accounts_by_app;
         DROP INDEX groups_by_alias;
         DROP TABLE people;
         DROP TABLE subscribed_wabas;
         ALTER TABLE accounts DROP COLUMN app_id;
         ALTER TABLE accounts DROP COLUMN person_key;
         ALTER TABLE accounts DROP COLUMN app_secret;
         ALTER TABLE numbers DROP COLUMN operations_limit;
         ALTER TABLE numbers DROP COLUMN eligibility;",
    )
    .unwrap();
    drop(file);

    let app = TestApp::with(Arc::new(open(folder.path()).unwrap()), true).await;
    app.assert_log_folds(&group).await;
    // The second schema is of a time when every number answered with the superset.
    assert_eq!(created.get("request_id"), None);
    let repeated = create(&app).await;
    assert_eq!(repeated["id"], created["id"]);
    assert!(repeated["request_id"].is_string(), "{repeated}");
    let path = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    assert_eq!(app.admin(Method::GET, &path, None).await.text("answers"), "published");
    assert_eq!(app.admin(Method::GET, "/deliveries", None).await.ok(), deliveries);
    let receiver = app.d360(Method::GET, "/v1/configs/webhook", None).await;
    assert_eq!(receiver.text("url"), "http://127.0.0.1:1/hook");
    let mut apps = std::collections::BTreeSet::new();
    let accounts = app.admin(Method::GET, "/accounts", None).await.ok();
    for account in accounts["data"].as_array().unwrap() {
        let path = format!("/accounts/{}", account["id"].as_str().unwrap());
        let shown = app.admin(Method::GET, &path, None).await;
        assert_eq!(shown.text("app_id").len(), 15);
        assert_eq!(shown.text("app_secret").len(), 32);
        assert!(apps.insert((shown.text("app_id"), shown.text("app_secret"))));
    }
    assert_eq!(apps.len(), 2);
    // The other dialects see it all: the link that was replaced, too.
    let told = app.sinch(Method::GET, "/callbacks/notifications", None).await.ok();
    let told_of_all = told["results"].as_array().unwrap();
    let kinds: Vec<_> =
        told_of_all.iter().map(|one| &one["notifications"][0]["message"]["event_type"]).collect();
    assert_eq!(kinds, ["group_created", "group_invite_link_revoked", "group_user_joined"]);
    let ann = app.sinch(Method::GET, "/callbacks/notifications?from=16505550101", None).await.ok();
    assert_eq!(ann["results"].as_array().unwrap()[..], told_of_all[2..]);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    // Not even root may make folders there.
    let why = refused(Path::new("/proc/klatch"));
    assert!(why.contains("/proc/klatch"), "{why}");
    // A file where the folder should be.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let why = refused(&file);
    assert!(why.contains(&file.display().to_string()), "{why}");
}

/// Each probe used to be a transaction of its own on the only writer.
#[tokio::test]
async fn readiness_probes_share_one_write_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let klatch = TestApp::with(Arc::new(open(folder.path()).unwrap()), true).await;
    let file = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
    let written = || file.query_row("SELECT written FROM probe", [], |row| row.get::<_, u32>(0));
    let probe = || async {
        let request = Request::get("/readyz").body(Body::empty()).unwrap();
        klatch.send(request).await.status
    };
    let begun = written().unwrap();

    let answers = futures_util::future::join_all((0..50).map(|_| probe())).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK), "{answers:?}");
    assert_eq!(written().unwrap(), begun + 1, "concurrent probes share a write");
    klatch.clock.advance(Duration::from_millis(999));
    assert_eq!(probe().await, StatusCode::OK);
    assert_eq!(written().unwrap(), begun + 1, "a recent result is shared");
    klatch.clock.advance(Duration::from_millis(1));
    assert_eq!(probe().await, StatusCode::OK);
    assert_eq!(written().unwrap(), begun + 2, "an older one is not");

    file.execute_batch("ALTER TABLE probe RENAME TO elsewhere").unwrap();
    assert_eq!(probe().await, StatusCode::OK, "still the recent result");
    klatch.clock.advance(Duration::from_secs(1));
    assert_eq!(probe().await, StatusCode::SERVICE_UNAVAILABLE);
    klatch.group("Not disturbed", "auto_approve").await;
    file.execute_batch("ALTER TABLE elsewhere RENAME TO probe").unwrap();
    klatch.clock.put_back(Duration::from_mins(1));
    assert_eq!(probe().await, StatusCode::OK, "a clock that is put back keeps no result alive");
}

/// Damage that SQLite cannot see: a row that this program would never have written.
#[tokio::test]
async fn a_damaged_row_is_500_and_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let klatch = TestApp::with(Arc::new(open(folder.path()).unwrap()), true).await;
    let damaged = klatch.group("Damaged", "auto_approve").await;
    let sound = klatch.group("Sound", "auto_approve").await;
    drop(klatch);
    let file = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
    file.execute("UPDATE groups SET state = '{}' WHERE id = ?1", [&damaged]).unwrap();
    drop(file);

    let klatch = TestApp::with(Arc::new(open(folder.path()).unwrap()), true).await;
    let answer = klatch.d360(Method::GET, &format!("/groups/{damaged}"), None).await;
    insta::assert_snapshot!(answer.shown(), @r#"
    500 Internal Server Error
    {
      "error": "Internal server error"
    }
    "#);
    let answer = klatch.d360(Method::GET, &format!("/groups/{sound}"), None).await;
    assert_eq!(answer.status, StatusCode::OK);
}
