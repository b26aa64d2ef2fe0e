//! Time: when a delivery is tried again, when it is given up, and when it is forgotten.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use klatch::metrics::Metrics;
use klatch::runtime::Runtime;
use klatch::store::outbox::Exchange;
use klatch::store::outbox::Owed;
use klatch::store::sqlite::Sqlite;
use klatch::webhook::dispatch;
use klatch::webhook::memory::CONCURRENCY;
use klatch::webhook::plan::{Plan, Planned};
use klatch::webhook::retry::later;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wire::news::Payload;
use wire::news::Topic;

use super::{
    DAY, HOUR, Subscribed, any_group, delivery, get, next_attempt, post, rename, run_due,
    subscribe, until,
};
use crate::support::receiver::{Behaviour, Receiver, status};
use crate::support::{TestApp, seeded};

#[tokio::test]
async fn retries_follow_the_schedule_of_the_dialect() {
    for (dialect, waits) in [
        ("meta", [1, 30, 120, 600, 1_800, 3_600]),
        ("d360", [5, 10, 20, 40, 80, 160]),
        ("sinch", [5, 10, 20, 40, 80, 160]),
    ] {
        let app = TestApp::new().await;
        let receiver = Receiver::that(status(500));
        let subscription = subscribe(&app, dialect, &receiver).await;
        any_group(&app).await;
        run_due(&app).await;
        for (index, wait) in waits.into_iter().enumerate() {
            let next = next_attempt(&subscription.only(&app).await);
            // A fifth more or less, so that what failed together does not come back together.
            let spread = wait * 800..=wait * 1_200;
            assert!(spread.contains(&until(&app, next)), "{dialect} {wait}");
            app.clock.set(next.minus_millis(1));
            run_due(&app).await;
            assert_eq!(receiver.seen().len(), index + 1, "{dialect} {wait}: too early");
            app.clock.set(next);
            run_due(&app).await;
            assert_eq!(receiver.seen().len(), index + 2, "{dialect} {wait}: too late");
        }
    }
}

/// Lets the only delivery fail, again and again, as long as it is tried; the operator resumes the
/// receiver whenever it is switched off, or does not.
async fn fail_until_the_end(app: &TestApp, subscription: &Subscribed, resumed: bool) -> Value {
    loop {
        run_due(app).await;
        let is_off = subscription.shown(app).await["status"] == "off";
        if is_off && resumed {
            subscription.resume(app).await;
        }
        let tried = subscription.only(app).await;
        if tried["state"] == "dead" || (is_off && !resumed) {
            return tried;
        }
        app.clock.set(next_attempt(&tried));
    }
}

#[tokio::test]
async fn what_nobody_takes_is_given_up() {
    for (dialect, from, to, attempts) in [
        ("meta", DAY * 6, DAY * 7, 25..=33),
        ("d360", DAY * 6, DAY * 7, 30..=38),
        // Fifteen retries, as published: that is less than two days and a half.
        ("sinch", HOUR * 36, HOUR * 55, 16..=16),
    ] {
        let app = TestApp::new().await;
        let receiver = Receiver::that(status(500));
        let subscription = subscribe(&app, dialect, &receiver).await;
        any_group(&app).await;
        let beginning = app.app.runtime.now();
        let dead = fail_until_the_end(&app, &subscription, true).await;
        assert_eq!(dead["reason"], "all retries have failed", "{dialect}");
        let lasted = u64::try_from(-until(&app, beginning)).unwrap();
        let lasted = Duration::from_millis(lasted);
        assert!((from..=to).contains(&lasted), "{dialect}: {lasted:?}");
        let count = dead["attempts"].as_u64().unwrap();
        assert!(attempts.contains(&count), "{dialect}: {count}");
        assert_eq!(receiver.seen().len() as u64, count);
        let mut ids = receiver.ids();
        ids.dedup();
        assert_eq!(ids, [dead["id"].as_str().unwrap()], "one delivery has one id");
        app.clock.advance(DAY * 3);
        run_due(&app).await;
        assert_eq!(receiver.seen().len() as u64, count, "dead is dead");
    }
}

#[tokio::test]
async fn one_that_takes_nothing_for_three_days_is_switched_off() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(status(500));
    let subscription = subscribe(&app, "d360", &receiver).await;
    any_group(&app).await;
    let beginning = app.app.runtime.now();
    let old = fail_until_the_end(&app, &subscription, false).await;
    assert!(app.app.runtime.now() >= later(beginning, HOUR * 72));
    assert!(
        app.app.runtime.now() <= later(beginning, HOUR * 84),
        "at the first attempt after that"
    );
    let off = subscription.shown(&app).await;
    assert_eq!(off["status"], "off");
    assert_eq!(off["reason"], "the receiver has taken nothing for 72 hours");
    assert_eq!(off["failing_since"], "2025-08-18T20:27:57Z");
    let kinds = subscription.kinds(&app).await;
    assert_eq!(kinds, ["subscription_added", "subscription_switched_off"]);
    let tried = receiver.seen().len();

    any_group(&app).await;
    app.clock.set(later(beginning, DAY * 7 + HOUR));
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), tried);
    assert_eq!(app.app.sweep().await.unwrap(), 1, "only what is older than the horizon");
    let given_up = delivery(&app, old["id"].as_str().unwrap()).await;
    assert_eq!(
        (&given_up["state"], &given_up["reason"]),
        (&json!("dead"), &json!("nobody took it in time"))
    );

    receiver.usually(status(200));
    subscription.resume(&app).await;
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), tried + 2);
    let resumed = subscription.shown(&app).await;
    assert_eq!((&resumed["status"], resumed.get("failing_since")), (&json!("on"), None));
}

/// What has an hour in it is what the clock says, or what it said before it was put back.
#[tokio::test]
async fn a_clock_that_is_put_back_loses_nothing() {
    for (back, at_once) in [(HOUR * 3, false), (DAY * 3, true)] {
        let app = TestApp::new().await;
        let receiver = Receiver::start();
        let subscription = subscribe(&app, "d360", &receiver).await;
        receiver.then([status(500)]);
        let first = any_group(&app).await;
        run_due(&app).await;
        let stated = next_attempt(&subscription.only(&app).await);
        app.clock.put_back(back);
        rename(&app, &first, "Renamed").await;
        any_group(&app).await;
        run_due(&app).await;
        let ids = |receiver: &Receiver| {
            let mut ids = receiver.ids();
            ids.sort_unstable();
            ids.dedup();
            ids.len()
        };
        assert_eq!(ids(&receiver), 3, "first attempts go at once");
        // What would be due later than any retry ever is was set by another clock.
        assert_eq!(receiver.seen().len(), if at_once { 4 } else { 3 });
        app.clock.set(stated);
        run_due(&app).await;
        assert_eq!(receiver.seen().len(), 4, "a retry comes no later than stated");
        let all = subscription.deliveries(&app).await;
        assert!(all.iter().all(|delivery| delivery["state"] == "delivered"), "{all:?}");
    }
}

/// Takes whatever is due for a subscription out of the store, as a dispatcher does that dies of it.
async fn lease_and_die(app: &TestApp, subscription: &Subscribed) -> usize {
    let now = app.app.runtime.now();
    let exchange = Exchange {
        subscription: subscription.id(),
        now,
        settlements: Vec::new(),
        room: 16,
        lease: 1,
        lease_until: later(now, Duration::from_mins(2)),
    };
    app.store.exchange(exchange).await.unwrap().leased.len()
}

#[tokio::test]
async fn a_lease_that_nobody_keeps_runs_out() {
    // However the clock is put about meanwhile.
    for back in [Duration::ZERO, HOUR, DAY * 3] {
        let app = TestApp::new().await;
        let receiver = Receiver::start();
        let subscription = subscribe(&app, "d360", &receiver).await;
        let group = any_group(&app).await;
        rename(&app, &group, "Renamed").await;
        assert_eq!(lease_and_die(&app, &subscription).await, 1);
        app.clock.put_back(back);
        run_due(&app).await;
        assert_eq!(receiver.seen().len(), 0, "somebody may still be at it");
        let left = if back > DAY { Duration::ZERO } else { back };
        app.clock.advance(left + Duration::from_mins(2));
        run_due(&app).await;
        assert_eq!(receiver.seen().len(), 2, "{back:?}");
    }
}

#[tokio::test]
async fn leases_of_a_process_that_died_are_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        || Arc::new(Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap());
    let app = TestApp::with(open(), true).await;
    let receiver = Receiver::start();
    let subscription = subscribe(&app, "d360", &receiver).await;
    any_group(&app).await;
    assert_eq!(lease_and_die(&app, &subscription).await, 1);
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 0);
    drop(app);
    let app = TestApp::with(open(), true).await;
    assert_eq!(app.store.due(app.app.runtime.now()).await.unwrap(), [subscription.id()]);
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn a_dead_receiver_holds_up_nobody() {
    let app = TestApp::new().await;
    let (dead, alive) = (Receiver::that(status(500)), Receiver::start());
    let of_dead = subscribe(&app, "d360", &dead).await;
    let of_alive = subscribe(&app, "d360", &alive).await;
    let mint = seeded(9);
    let owe = async |subscription: &Subscribed, count: usize| {
        let payload = Payload { topic: Topic::Status, body: b"{}".to_vec() };
        let planned = Planned { subscription: subscription.id(), payload: 0, follows: None };
        let plan = Plan { payloads: vec![payload], deliveries: vec![planned; count] };
        let nonces = (0..count).map(|_| mint.delivery_nonce()).collect();
        app.store.enqueue(Owed { plan, nonces }, app.app.runtime.now()).await.unwrap();
    };
    owe(&of_dead, 10_000).await;
    owe(&of_alive, 200).await;
    run_due(&app).await;
    assert_eq!(alive.seen().len(), 200);
    // Sixteen at a time, half as many after each failure, and a rest after the eighth.
    let until_rest = 16 + 8 + 4 + 2 + 1 + 1 + 1 + 1;
    assert!((8..=until_rest).contains(&dead.seen().len()), "{}", dead.seen().len());
    // Then it is tried one by one.
    for minutes in 1..=10 {
        app.clock.advance(Duration::from_mins(2));
        owe(&of_alive, 10).await;
        run_due(&app).await;
        assert_eq!(alive.seen().len(), 200 + minutes * 10);
        assert!(dead.seen().len() <= until_rest + minutes, "{}", dead.seen().len());
    }
    // Whoever gives it up gives up all of it.
    app.admin(Method::DELETE, &of_dead.path(""), None).await.ok();
    for state in ["pending", "failing"] {
        let path = format!("/deliveries?state={state}&subscription_id={}", of_dead.id);
        assert_eq!(get(&app, &path).await.ok()["data"], json!([]));
    }
}

/// How many rows there are of bodies, deliveries and attempts.
fn kept(folder: &std::path::Path) -> [i64; 3] {
    let file = rusqlite::Connection::open(folder.join("klatch.db")).unwrap();
    ["payloads", "deliveries", "attempts"].map(|table| {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    })
}

#[tokio::test]
async fn what_is_settled_is_forgotten_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap();
    let app = TestApp::with(Arc::new(store), true).await;
    let (one, other) = (Receiver::start(), Receiver::start());
    let of_one = subscribe(&app, "d360", &one).await;
    let of_other = subscribe(&app, "meta", &other).await;
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!(kept(folder.path()), [1, 2, 2], "two receivers share a body");
    let (first, second) = (of_one.only(&app).await, of_other.only(&app).await);
    assert_eq!(first["body"], second["body"]);

    app.clock.advance(DAY * 10);
    let id = second["id"].as_str().unwrap();
    post(&app, &format!("/deliveries/{id}/replay"), json!({})).await.ok();
    run_due(&app).await;
    app.clock.advance(DAY * 4);
    app.app.sweep().await.unwrap();
    assert_eq!(kept(folder.path()), [1, 2, 3], "to the millisecond");
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(app.app.sweep().await.unwrap(), 1);
    assert_eq!(kept(folder.path()), [1, 1, 2]);
    let gone = format!("/deliveries/{}", first["id"].as_str().unwrap());
    assert_eq!(get(&app, &gone).await.status, 404);
    assert_eq!(delivery(&app, id).await["body"], second["body"]);

    app.clock.advance(DAY * 10);
    assert_eq!(app.app.sweep().await.unwrap(), 1);
    assert_eq!(kept(folder.path()), [0, 0, 0]);
    assert_eq!(app.app.sweep().await.unwrap(), 0);
}

/// What was leased ahead and not sent is as due as before, without waiting for any lease to run out.
#[tokio::test]
async fn a_dispatcher_that_stops_gives_back_what_it_has_not_sent() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(Behaviour::Hang(200));
    subscribe(&app, "meta", &receiver).await;
    for _ in 0..40 {
        any_group(&app).await;
    }
    let stop = CancellationToken::new();
    let dispatching = tokio::spawn(dispatch::run(app.app.dispatch.clone(), stop.clone()));
    receiver.nth(CONCURRENCY).await;
    stop.cancel();
    receiver.release();
    dispatching.await.unwrap();
    assert_eq!(receiver.seen().len(), CONCURRENCY, "nothing was begun after the stop");
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 40);
}

/// The same for a receiver that begins to fail.
#[tokio::test]
async fn what_lies_ready_for_a_receiver_that_fails_is_given_back() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let subscription = subscribe(&app, "meta", &receiver).await;
    for _ in 0..100 {
        any_group(&app).await;
    }
    receiver.then([status(200), status(500)]);
    receiver.usually(status(500));
    run_due(&app).await;
    let tried = receiver.seen().len();
    assert!(tried < 60, "{tried}");
    let pending = get(&app, "/deliveries?state=pending&limit=1024").await.ok();
    assert_eq!(pending["data"].as_array().unwrap().len(), 100 - tried);
    receiver.usually(status(200));
    app.clock.advance(Duration::from_mins(5));
    run_due(&app).await;
    let all = subscription.deliveries(&app).await;
    assert!(all.iter().all(|delivery| delivery["state"] == "delivered"), "{all:?}");
}
