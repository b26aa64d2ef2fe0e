//! A clock that cannot be believed gives nothing up.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request};
use klatch::metrics::Metrics;
use klatch::runtime::Runtime;
use klatch::sandbox;
use klatch::store::sqlite::Sqlite;
use serde_json::json;

use super::{any_group, run_due, subscribe};
use crate::support::receiver::{Receiver, status};
use crate::support::{TestApp, with_json};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// The states of all deliveries, newest first.
async fn states(app: &TestApp) -> Vec<String> {
    let list = app.admin(Method::GET, "/deliveries", None).await.ok();
    let list = list["data"].as_array().unwrap().iter();
    list.map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

/// Whether the program was stopped for so long or the clock is wrong: a receiver that works gets
/// everything, and one that does not is tried before anything is given up.
#[tokio::test]
async fn a_start_that_is_days_later_gives_nothing_up_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        || Arc::new(Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap());
    let receiver = Receiver::that(status(500));
    let app = TestApp::with(open(), true).await;
    app.app.watch_clock().await.unwrap();
    let subscription = subscribe(&app, "meta", &receiver).await;
    let paused = subscribe(&app, "d360", &receiver).await;
    app.admin(Method::POST, &paused.path("/pause"), None).await.ok();
    any_group(&app).await;
    run_due(&app).await;
    any_group(&app).await;
    app.app.sweep().await.unwrap();
    drop(app);

    // The clock of each start begins at the same moment, and jumps from there.
    let app = TestApp::with(open(), true).await;
    app.clock.jump(DAY * 8);
    app.app.watch_clock().await.unwrap();
    let before = states(&app).await;
    assert_eq!(before, ["pending", "pending", "pending", "failing"]);
    assert_eq!(app.app.sweep().await.unwrap(), 0);
    run_due(&app).await;
    assert_eq!(states(&app).await, ["pending", "failing", "pending", "failing"], "tried, and kept");
    assert_eq!(subscription.shown(&app).await["status"], "on");
    app.clock.advance(HOUR * 10);
    run_due(&app).await;
    assert_eq!(app.app.sweep().await.unwrap(), 0);
    receiver.usually(status(200));
    app.clock.advance(HOUR * 10);
    run_due(&app).await;
    let delivered = ["pending", "delivered", "pending", "delivered"];
    assert_eq!(states(&app).await, delivered, "whoever is paused has lost nothing");
    // Once the clock has run evenly for a day it is believed.
    app.clock.advance(HOUR * 5);
    assert_eq!(app.app.sweep().await.unwrap(), 2, "what the paused receiver is owed");
    assert_eq!(states(&app).await, ["dead", "delivered", "dead", "delivered"]);
}

#[tokio::test]
async fn a_clock_that_jumps_and_comes_back_has_done_no_harm() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(status(500));
    let subscription = subscribe(&app, "meta", &receiver).await;
    any_group(&app).await;
    run_due(&app).await;
    app.clock.jump(DAY * 30);
    run_due(&app).await;
    assert_eq!(app.app.sweep().await.unwrap(), 0);
    assert_eq!(states(&app).await, ["failing"]);
    assert_eq!(subscription.shown(&app).await["status"], "on", "not failing for 72 hours");
    app.clock.put_back(DAY * 30);
    assert_eq!(app.app.sweep().await.unwrap(), 0);
    receiver.usually(status(200));
    app.clock.advance(HOUR);
    run_due(&app).await;
    assert_eq!(states(&app).await, ["delivered"]);
}

/// A key that was used yesterday is not free because the clock says that it is next week.
#[tokio::test]
async fn an_idempotency_key_does_not_expire_by_a_jump() {
    let app = TestApp::new().await;
    let create = async || {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/groups")
            .header("D360-API-KEY", sandbox::KEY)
            .header("Idempotency-Key", "once");
        app.send(with_json(request, Some(json!({ "subject": "Once" })))).await.text("id")
    };
    let first = create().await;
    app.clock.jump(DAY * 7);
    assert_eq!(create().await, first);
    app.clock.advance(HOUR * 23);
    assert_eq!(create().await, first);
    // Once the time is believed, it does.
    app.clock.advance(HOUR);
    assert_ne!(create().await, first);
}
