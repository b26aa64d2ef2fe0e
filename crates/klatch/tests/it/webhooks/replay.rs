//! Once more: the same delivery, with a signature of its own.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::Method;
use insta::assert_snapshot;
use klatch::webhook::sign;
use serde_json::json;

use super::{DAY, HOUR, any_group, delivery, in_flight, post, rename, run_due, subscribe};
use crate::admin::refusal;
use crate::support::TestApp;
use crate::support::receiver::{Behaviour, Receiver, status};

#[tokio::test]
async fn a_replay_is_the_same_delivery_with_a_new_signature() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let subscription = subscribe(&app, "sinch", &receiver).await;
    any_group(&app).await;
    run_due(&app).await;
    let first = receiver.nth(1).await;
    app.clock.advance(DAY);
    let path = format!("/deliveries/{}/replay", first.id());
    let replayed = app.admin(Method::POST, &path, None).await;
    assert_snapshot!(replayed.shown(), @r#"
    202 Accepted
    {
      "replayed": 1
    }
    "#);
    let pending = subscription.only(&app).await;
    assert_eq!((&pending["state"], pending.get("settled_at")), (&json!("pending"), None));
    run_due(&app).await;
    let second = receiver.nth(2).await;
    assert_eq!((first.id(), &first.body), (second.id(), &second.body));
    assert_eq!(first.header("webhook-timestamp"), "1755548877");
    assert_eq!(second.header("webhook-timestamp"), "1755635277");
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));
    for seen in [&first, &second] {
        assert!(sign::is_right(&seen.headers, &subscription.secret, &seen.body));
    }
    let delivered = subscription.only(&app).await;
    assert_eq!((&delivered["state"], &delivered["attempts"]), (&json!("delivered"), &json!(2)));
}

#[tokio::test]
async fn a_group_is_replayed_in_order() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    subscribe(&app, "meta", &receiver).await;
    let group = any_group(&app).await;
    for number in 1..=20 {
        rename(&app, &group, &format!("Name {number}")).await;
    }
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 22);
    let of_group = |receiver: &Receiver| -> Vec<String> {
        let seen = receiver.seen().into_iter().filter(|seen| seen.news()["group_id"] == group);
        seen.map(|seen| seen.id().to_owned()).collect()
    };
    let first = of_group(&receiver);
    receiver.forget();
    let replayed = post(&app, "/deliveries/replay", json!({ "group_id": group })).await;
    assert_eq!(replayed.ok(), json!({ "replayed": 21 }));
    run_due(&app).await;
    assert_eq!(receiver.ids(), first);
}

#[tokio::test]
async fn a_time_is_replayed() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let subscription = subscribe(&app, "d360", &receiver).await;
    for _ in 0..3 {
        any_group(&app).await;
        any_group(&app).await;
        app.clock.advance(HOUR);
    }
    run_due(&app).await;
    let all: Vec<String> = subscription
        .deliveries(&app)
        .await
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    for (asked, expected) in [
        (json!({ "from": "2025-08-18T21:27:57Z", "to": "2025-08-18T22:27:57Z" }), &all[2..4]),
        (json!({ "from": "2025-08-18T21:27:57.001Z" }), &all[4..]),
        (json!({ "to": "2025-08-18T21:27:57Z" }), &all[..2]),
        (json!({ "to": "2025-08-18T20:27:57Z" }), &all[..0]),
        (json!({ "from": "2030-01-01T00:00:00Z" }), &all[..0]),
        (json!({ "from": "2020-01-01T00:00:00+02:00", "state": "delivered" }), &all[..]),
        (json!({ "state": "dead" }), &all[..0]),
    ] {
        receiver.forget();
        let replayed = post(&app, "/deliveries/replay", asked.clone()).await;
        assert_eq!(replayed.ok(), json!({ "replayed": expected.len() }), "{asked}");
        run_due(&app).await;
        let mut ids = receiver.ids();
        ids.sort_by_key(|id| all.iter().position(|one| one == id));
        assert_eq!(ids, expected, "{asked}");
    }
}

#[tokio::test]
async fn the_dead_come_back() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let subscription = subscribe(&app, "sinch", &receiver).await;
    receiver.then([status(404), status(200), status(500)]);
    any_group(&app).await;
    run_due(&app).await;
    let id = receiver.nth(1).await.id().to_owned();
    assert_eq!(delivery(&app, &id).await["state"], "dead");
    // The receiver is well: it takes the next one.
    any_group(&app).await;
    run_due(&app).await;
    app.clock.advance(DAY * 8);
    let asked = json!({ "state": "dead", "subscription_id": subscription.id });
    assert_eq!(post(&app, "/deliveries/replay", asked).await.ok(), json!({ "replayed": 1 }));
    run_due(&app).await;
    // It is owed since the replay: it is not given up for its age.
    app.app.sweep().await.unwrap();
    let failing = delivery(&app, &id).await;
    assert_eq!((&failing["state"], failing.get("reason")), (&json!("failing"), None));
    app.clock.advance(Duration::from_secs(6));
    run_due(&app).await;
    let delivered = delivery(&app, &id).await;
    assert_eq!((&delivered["state"], &delivered["attempts"]), (&json!("delivered"), &json!(3)));
}

#[tokio::test]
async fn what_is_just_being_made_is_not_made_once_more() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(Behaviour::Hang(200));
    let subscription = subscribe(&app, "d360", &receiver).await;
    any_group(&app).await;
    let flying = in_flight(&app, &receiver).await;
    let id = receiver.nth(1).await.id().to_owned();
    let path = format!("/deliveries/{id}/replay");
    assert_eq!(
        refusal(&app.admin(Method::POST, &path, None).await),
        "409 not_replayed: The delivery is just being made, waits for another one, or its \
         subscription was removed"
    );
    let asked = json!({ "subscription_id": subscription.id });
    assert_eq!(post(&app, "/deliveries/replay", asked).await.ok(), json!({ "replayed": 0 }));
    receiver.release();
    flying.await.unwrap();
    assert_eq!(receiver.seen().len(), 1);
    app.admin(Method::POST, &path, None).await.ok();
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 2);
}

#[tokio::test]
async fn wrong_replays_are_refused_by_field() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    subscribe(&app, "d360", &receiver).await;
    any_group(&app).await;
    let mut shown = String::new();
    for body in [
        json!({}),
        json!({ "state": "lost" }),
        json!({ "subscription_id": "acc_1" }),
        json!({ "group_id": "" }),
        json!({ "from": "yesterday" }),
        json!({ "to": 17 }),
        json!({ "delivery_id": "msg_1_0000000000000001" }),
    ] {
        let answer = post(&app, "/deliveries/replay", body.clone()).await;
        writeln!(shown, "{body}\n    {}", refusal(&answer)).unwrap();
    }
    for id in ["msg_1_0000000000000001", "msg_1_1", "msg_9_0000000000000001", "1", "msg__"] {
        let path = format!("/deliveries/{id}/replay");
        let answer = app.admin(Method::POST, &path, None).await;
        writeln!(shown, "{id}\n    {}", refusal(&answer)).unwrap();
    }
    assert_snapshot!(shown, @r#"
    {}
        400 invalid_field (state): state or group_id, subscription_id, from or to must be given
    {"state":"lost"}
        400 invalid_field (state): state must be one of pending, failing, delivered, dead
    {"subscription_id":"acc_1"}
        400 invalid_field (subscription_id): subscription_id must be an id that begins with sub_
    {"group_id":""}
        400 invalid_field (group_id): group_id must be an id of 1 to 256 bytes without blanks
    {"from":"yesterday"}
        400 invalid_field (from): from must be a moment such as 2026-01-31T12:00:00Z
    {"to":17}
        400 invalid_field (to): to has the wrong type: integer, expected a string
    {"delivery_id":"msg_1_0000000000000001"}
        400 invalid_field (delivery_id): delivery_id is not valid: unknown field `delivery_id`, expected one of `state`, `subscription_id`, `group_id`, `from`, `to`
    msg_1_0000000000000001
        404 unknown (delivery_id): delivery_id does not exist
    msg_1_1
        404 unknown (delivery_id): delivery_id does not exist
    msg_9_0000000000000001
        404 unknown (delivery_id): delivery_id does not exist
    1
        404 unknown (delivery_id): delivery_id does not exist
    msg__
        404 unknown (delivery_id): delivery_id does not exist
    "#);
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 1, "nothing was replayed");
}
