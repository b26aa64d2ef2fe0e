//! Receivers that misbehave, and names that do: every attempt is written down, nothing is lost, and
//! nobody is reached who must not be.

use std::time::Duration;

use axum::http::Method;
use klatch::directory::{Actor, RecordChange, Secret};
use klatch::webhook::egress::Rules;
use klatch::webhook::retry::later;
use klatch::webhook::send::ANSWER_HEAD_BYTES_MAX;
use klatch::webhook::sign;
use serde_json::json;
use wire::Dialect;

use super::{
    DAY, HOUR, any_group, delivery, get, in_flight, new, next_attempt, post, problem, rename,
    run_due, subscribe, subscribed,
};
use crate::admin::refusal;
use crate::support::TestApp;
use crate::support::receiver::{Behaviour, Names, Receiver, answer, status};

/// Without TLS, at any port, but only to public addresses.
fn public_only() -> Rules {
    Rules { allow: Vec::new(), allow_http: true }
}

#[tokio::test]
async fn a_receiver_that_refuses_connections_gets_it_once_it_is_there() {
    let app = TestApp::new().await;
    let mut receiver = Receiver::refusing();
    let subscription = subscribe(&app, "d360", &receiver).await;
    any_group(&app).await;
    run_due(&app).await;
    let failed = subscription.only(&app).await;
    assert!(problem(&failed).starts_with("no connection: "), "{failed}");
    assert_eq!(subscription.shown(&app).await["failing_since"], "2025-08-18T20:27:57Z");

    receiver.open();
    app.clock.set(next_attempt(&failed));
    run_due(&app).await;
    let delivered = subscription.only(&app).await;
    assert_eq!((&delivered["state"], &delivered["attempts"]), (&json!("delivered"), &json!(2)));
    assert_eq!(receiver.nth(1).await.id(), delivered["id"]);
    assert_eq!(subscription.shown(&app).await.get("failing_since"), None);
}

#[tokio::test]
async fn one_that_hangs_is_waited_for_no_longer_than_agreed() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(Behaviour::Hang(200));
    let mut body = new("d360", &receiver.url("/hook"));
    body["timeout_secs"] = json!(1);
    let subscription = subscribed(&app, body).await;
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!(problem(&subscription.only(&app).await), "no answer within 1 s");
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn half_a_header_is_no_answer() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(Behaviour::HalfAHeader);
    let subscription = subscribe(&app, "d360", &receiver).await;
    any_group(&app).await;
    run_due(&app).await;
    let why = problem(&subscription.only(&app).await);
    assert!(why.starts_with("the connection broke: "), "{why}");
}

/// What each dialect makes of a status: the delivery's state after one attempt.
#[tokio::test]
async fn each_dialect_reads_a_status_in_its_own_way() {
    let app = TestApp::new().await;
    let mut cases = Vec::new();
    for (code, states) in [
        (200, ["delivered", "delivered", "delivered"]),
        (201, ["delivered", "failing", "delivered"]),
        (204, ["delivered", "failing", "delivered"]),
        (400, ["failing", "failing", "dead"]),
        (404, ["failing", "failing", "dead"]),
        (500, ["failing", "failing", "failing"]),
        (503, ["failing", "failing", "failing"]),
    ] {
        for (dialect, state) in Dialect::ALL.into_iter().zip(states) {
            let said = if code == 204 { "" } else { "Noted" };
            let receiver = Receiver::start();
            let subscription = subscribe(&app, dialect.as_str(), &receiver).await;
            receiver.usually(answer(code, &[], said));
            cases.push((code, dialect, state, said, subscription, receiver));
        }
    }
    any_group(&app).await;
    run_due(&app).await;
    for (code, dialect, state, said, subscription, receiver) in cases {
        let tried = subscription.only(&app).await;
        assert_eq!(tried["state"], state, "{dialect:?} {code}");
        assert_eq!((&tried["tried"][0]["status"], receiver.seen().len()), (&json!(code), 1));
        assert_eq!(tried["tried"][0]["answer"], said);
        let reason = (state == "dead").then(|| json!(format!("the receiver answered {code}")));
        assert_eq!(tried.get("reason"), reason.as_ref());
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for code in [301, 302, 307, 308] {
        let app = TestApp::new().await;
        let elsewhere = Receiver::start();
        let location = elsewhere.url("/hook");
        let receiver = Receiver::that(answer(code, &[("Location", location.as_str())], ""));
        let subscription = subscribe(&app, "d360", &receiver).await;
        any_group(&app).await;
        run_due(&app).await;
        let failed = subscription.only(&app).await;
        let last = &failed["tried"][0];
        assert_eq!((&failed["state"], &last["status"]), (&json!("failing"), &json!(code)));
        assert_eq!(last["problem"], "redirects are not followed");
        assert_eq!(elsewhere.connections(), 0);
    }
}

#[tokio::test]
async fn one_that_is_gone_is_switched_off_and_still_owed() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(status(410));
    let subscription = subscribe(&app, "meta", &receiver).await;
    let group = any_group(&app).await;
    rename(&app, &group, "Renamed").await;
    run_due(&app).await;
    assert_eq!(receiver.kinds(), ["group_create"], "after that it is asked for nothing more");
    let off = subscription.shown(&app).await;
    assert_eq!(off["status"], "off");
    assert_eq!(off["status_since"], "2025-08-18T20:27:57Z");
    assert_eq!(off["reason"], "the receiver answered 410: it is gone");
    let kinds = subscription.kinds(&app).await;
    assert_eq!(kinds, ["subscription_added", "subscription_switched_off"]);
    let path = format!("/events?subscription_id={}", subscription.id);
    let events = get(&app, &path).await.ok();
    assert_eq!(events["data"][1]["reason"], "the receiver answered 410: it is gone");

    // What happens meanwhile is owed as well, and waits.
    rename(&app, &group, "Renamed again").await;
    app.clock.advance(DAY);
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 1);
    // To pause what is off would forget why it is.
    let paused = app.admin(Method::POST, &subscription.path("/pause"), None).await.ok();
    assert_eq!(paused["status"], "off");

    receiver.usually(status(200));
    subscription.resume(&app).await;
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 4);
    let states = subscription.deliveries(&app).await;
    assert!(states.iter().all(|delivery| delivery["state"] == "delivered"), "{states:?}");
    assert_eq!(subscription.kinds(&app).await[2], "subscription_resumed");
    assert_eq!(subscription.shown(&app).await["status"], "on");
}

#[tokio::test]
async fn one_that_asks_to_be_left_alone_is() {
    let in_an_hour =
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(1_755_548_877) + HOUR);
    let app = TestApp::new().await;
    let mut cases = Vec::new();
    for (header, wait) in
        [("120", Duration::from_mins(2)), (in_an_hour.as_str(), HOUR), ("999999", DAY)]
    {
        for dialect in Dialect::ALL {
            let receiver = Receiver::start();
            let subscription = subscribe(&app, dialect.as_str(), &receiver).await;
            receiver.then([answer(429, &[("Retry-After", header)], "Slow down")]);
            cases.push((wait, subscription, receiver));
        }
    }
    any_group(&app).await;
    let beginning = app.app.runtime.now();
    run_due(&app).await;
    for (wait, subscription, _) in &cases {
        let next = next_attempt(&subscription.only(&app).await);
        assert_eq!(next, later(beginning, *wait));
    }
    for three in cases.chunks(3) {
        let next = later(beginning, three[0].0);
        for (moment, requests) in [(next.minus_millis(1), 1), (next, 2)] {
            app.clock.set(moment);
            run_due(&app).await;
            for (wait, _, receiver) in three {
                assert_eq!(receiver.seen().len(), requests, "{wait:?}");
            }
        }
    }
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_kept() {
    for byte in [b'x', 0xFF, 0] {
        let app = TestApp::new().await;
        let receiver = Receiver::that(answer(200, &[], vec![byte; 10 << 20]));
        let subscription = subscribe(&app, "d360", &receiver).await;
        any_group(&app).await;
        run_due(&app).await;
        let delivered = subscription.only(&app).await;
        assert_eq!(delivered["state"], "delivered");
        let kept = delivered["tried"][0]["answer"].as_str().unwrap();
        let most = ANSWER_HEAD_BYTES_MAX;
        assert!((most - 4..=most).contains(&kept.len()), "{} bytes of {byte}", kept.len());
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_not_trusted() {
    let names = Names::default().at("tls.test", "127.0.0.1");
    let app = TestApp::outbound(Rules::sandbox(), names).await;
    let receiver = Receiver::with_tls("tls.test");
    let url = format!("https://tls.test:{}/hook", receiver.port);
    let subscription = subscribed(&app, new("sinch", &url)).await;
    any_group(&app).await;
    run_due(&app).await;
    let why = problem(&subscription.only(&app).await);
    assert!(why.starts_with("no connection: ") && why.contains("certificate"), "{why}");
    assert_eq!((receiver.connections(), receiver.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_host_that_nobody_knows_may_be_known_later() {
    let receiver = Receiver::start();
    let names = Names::default();
    let app = TestApp::outbound(Rules::sandbox(), names.clone()).await;
    let url = receiver.url_at("later.test", "/hook");
    let subscription = subscribed(&app, new("d360", &url)).await;
    any_group(&app).await;
    run_due(&app).await;
    let failed = subscription.only(&app).await;
    let why = problem(&failed);
    assert!(why.starts_with("no connection: ") && why.contains("no such host"), "{why}");
    let _ = names.at("later.test", "127.0.0.1");
    app.clock.set(next_attempt(&failed));
    run_due(&app).await;
    assert_eq!(subscription.only(&app).await["state"], "delivered");
    assert_eq!(receiver.nth(1).await.header("host"), format!("later.test:{}", receiver.port));
}

/// The name is public when it is registered, and ours when it is used.
#[tokio::test]
async fn a_name_that_comes_to_mean_us_is_not_followed() {
    let receiver = Receiver::start();
    let names = Names::default().first_at("moves.test", &["93.184.216.34", "127.0.0.1"]);
    let app = TestApp::outbound(public_only(), names).await;
    let url = receiver.url_at("moves.test", "/hook");
    let subscription = subscribed(&app, new("d360", &url)).await;
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!(
        problem(&subscription.only(&app).await),
        "moves.test is not allowed (the operator can allow its network with webhook_allow)"
    );
    assert_eq!(receiver.connections(), 0);
}

/// The handshake is an attempt like any other.
#[tokio::test]
async fn nor_is_it_by_the_handshake() {
    let receiver = Receiver::start();
    let names = Names::default().first_at("moves.test", &["93.184.216.34", "::1"]);
    let app = TestApp::outbound(public_only(), names).await;
    let url = receiver.url_at("moves.test", "/hook");
    assert_eq!(
        refusal(&post(&app, "/subscriptions", new("meta", &url)).await),
        "400 handshake_failed (url): The handshake failed: the receiver did not answer: moves.test \
         is not allowed (the operator can allow its network with webhook_allow)"
    );
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_are_allowed_are_tried() {
    let receiver = Receiver::start();
    let names = Names::default()
        .at("both.test", "10.0.0.1")
        .first_at("both.test", &["10.0.0.1 127.0.0.1 fd00::1"]);
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let app = TestApp::outbound(Rules { allow, allow_http: true }, names).await;
    let url = receiver.url_at("both.test", "/hook");
    let subscription = subscribed(&app, new("sinch", &url)).await;
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!(subscription.only(&app).await["state"], "delivered");
}

/// An address that is written down needs no name; it is looked at all the same, even if it has
/// found its way into the store.
#[tokio::test]
async fn an_address_in_the_store_is_looked_at_again() {
    for literal in ["127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "0x7f.1"] {
        let receiver = Receiver::start();
        let names = Names::default().at("fine.test", "93.184.216.34");
        let app = TestApp::outbound(public_only(), names).await;
        let url = receiver.url_at("fine.test", "/hook");
        let subscription = subscribed(&app, new("d360", &url)).await;
        let url = receiver.url_at(literal, "/hook").parse().unwrap();
        let change = klatch::directory::SubscriptionChange {
            url: Some(url),
            ..klatch::directory::SubscriptionChange::default()
        };
        let event = klatch::directory::SubscriptionEvent::Changed;
        let change = RecordChange::ChangeSubscription(
            subscription.id(),
            change,
            event,
            app.app.runtime.now(),
        );
        app.app.change(&Actor::Operator, change).await.unwrap();
        any_group(&app).await;
        run_due(&app).await;
        let why = problem(&subscription.only(&app).await);
        assert!(why.contains(" is not allowed "), "{literal}: {why}");
        assert_eq!(receiver.connections(), 0, "{literal}");
    }
}

#[tokio::test]
async fn a_secret_that_changes_between_attempts_signs_the_next_one() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let subscription = subscribe(&app, "d360", &receiver).await;
    receiver.then([status(500)]);
    any_group(&app).await;
    run_due(&app).await;
    let rotated = post(&app, &subscription.path("/rotate"), json!({ "overlap_hours": 2 })).await;
    let (old, new) = (&subscription.secret, Secret::new(rotated.text("secret")));
    let failed = subscription.only(&app).await;
    app.clock.set(next_attempt(&failed));
    run_due(&app).await;
    let is_right = |number: usize, secret: &Secret| {
        let seen = receiver.seen()[number - 1].clone();
        sign::is_right(&seen.headers, secret, &seen.body)
    };
    assert!(is_right(1, old) && !is_right(1, &new));
    assert!(is_right(2, old) && is_right(2, &new));

    app.clock.advance(HOUR * 2);
    any_group(&app).await;
    run_due(&app).await;
    assert!(!is_right(3, old) && is_right(3, &new));
}

#[tokio::test]
async fn an_address_that_changes_between_attempts_gets_the_next_one() {
    let app = TestApp::new().await;
    let (first, second) = (Receiver::that(status(500)), Receiver::start());
    let subscription = subscribe(&app, "meta", &first).await;
    let group = any_group(&app).await;
    rename(&app, &group, "Renamed").await;
    run_due(&app).await;
    let body = json!({ "url": second.url("/moved") });
    app.admin(Method::PATCH, &subscription.path(""), Some(body)).await.ok();
    assert_eq!(second.nth(1).await.method, "GET", "a new address is asked first");
    second.forget();
    app.clock.advance(HOUR);
    run_due(&app).await;
    let (mut before, mut after) = (first.ids(), second.ids());
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, after);
    assert_eq!(second.seen()[0].target, "/moved");
    let bodies = |receiver: &Receiver| {
        let mut bodies: Vec<_> = receiver.seen().into_iter().map(|seen| seen.body).collect();
        bodies.sort_unstable();
        bodies
    };
    assert_eq!(bodies(&first), bodies(&second));
}

#[tokio::test]
async fn one_that_is_removed_in_flight_hears_nothing_more() {
    for (code, state) in [(500, "dead"), (200, "delivered")] {
        let app = TestApp::new().await;
        let receiver = Receiver::that(Behaviour::Hang(code));
        let subscription = subscribe(&app, "d360", &receiver).await;
        let group = any_group(&app).await;
        rename(&app, &group, "Renamed").await;
        let flying = in_flight(&app, &receiver).await;
        app.admin(Method::DELETE, &subscription.path(""), None).await.ok();
        receiver.release();
        flying.await.unwrap();
        let list = subscription.deliveries(&app).await;
        let first = delivery(&app, list[0]["id"].as_str().unwrap()).await;
        assert_eq!(first["state"], state);
        assert_eq!(first["tried"][0]["status"], code, "the attempt is kept");
        if state == "dead" {
            assert_eq!(first["reason"], "the subscription was removed");
        }
        let second = delivery(&app, list[1]["id"].as_str().unwrap()).await;
        assert_eq!((&second["state"], &second["tried"]), (&json!("dead"), &json!([])));
        assert_eq!(second["reason"], "the subscription was removed");
        rename(&app, &group, "Renamed again").await;
        app.clock.advance(DAY);
        run_due(&app).await;
        assert_eq!(receiver.seen().len(), 1);
        let path = format!("/deliveries/{}/replay", first["id"].as_str().unwrap());
        assert_eq!(app.admin(Method::POST, &path, None).await.status, 409, "nobody is there");
    }
}

#[tokio::test]
async fn one_that_is_paused_in_flight_waits_until_it_is_resumed() {
    let app = TestApp::new().await;
    let receiver = Receiver::that(Behaviour::Hang(500));
    let subscription = subscribe(&app, "d360", &receiver).await;
    let group = any_group(&app).await;
    rename(&app, &group, "Renamed").await;
    let flying = in_flight(&app, &receiver).await;
    app.admin(Method::POST, &subscription.path("/pause"), None).await.ok();
    receiver.release();
    flying.await.unwrap();
    app.clock.advance(DAY);
    run_due(&app).await;
    assert_eq!(receiver.seen().len(), 1);
    let list = subscription.deliveries(&app).await;
    assert_eq!((&list[0]["state"], &list[0]["attempts"]), (&json!("failing"), &json!(1)));
    assert_eq!((&list[1]["state"], &list[1]["attempts"]), (&json!("pending"), &json!(0)));

    receiver.usually(status(200));
    subscription.resume(&app).await;
    run_due(&app).await;
    let list = subscription.deliveries(&app).await;
    assert!(list.iter().all(|delivery| delivery["state"] == "delivered"), "{list:?}");
}

/// What an old address says is nobody's business any more.
#[tokio::test]
async fn one_that_was_left_cannot_switch_off_the_next() {
    let app = TestApp::new().await;
    let (old, new) = (Receiver::that(Behaviour::Hang(410)), Receiver::start());
    let subscription = subscribe(&app, "d360", &old).await;
    any_group(&app).await;
    let flying = in_flight(&app, &old).await;
    let moved = json!({ "url": new.url("/hook") });
    app.admin(Method::PATCH, &subscription.path(""), Some(moved)).await.ok();
    old.release();
    flying.await.unwrap();
    assert_eq!(subscription.shown(&app).await["status"], "on");
    app.clock.advance(HOUR);
    run_due(&app).await;
    assert_eq!((old.seen().len(), new.seen().len()), (1, 1));
}

#[tokio::test]
async fn another_address_starts_with_a_clean_record() {
    let app = TestApp::new().await;
    let (old, new) = (Receiver::that(status(500)), Receiver::that(status(500)));
    let subscription = subscribe(&app, "d360", &old).await;
    any_group(&app).await;
    run_due(&app).await;
    app.clock.advance(HOUR * 71);
    run_due(&app).await;
    assert!(subscription.shown(&app).await["failing_since"].is_string());
    let moved = json!({ "url": new.url("/hook") });
    let shown = app.admin(Method::PATCH, &subscription.path(""), Some(moved)).await.ok();
    assert_eq!(shown.get("failing_since"), None);
    app.clock.advance(HOUR * 10);
    run_due(&app).await;
    assert_eq!(new.seen().len(), 1);
    assert_eq!(subscription.shown(&app).await["status"], "on", "81 hours, but not of its own");
}

/// An operator who holds something back is not overruled by a business.
#[tokio::test]
async fn configuring_a_receiver_anew_leaves_it_paused() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let config = json!({ "url": receiver.url("/hook") });
    let configure = async || {
        app.d360(Method::POST, "/v1/configs/webhook", Some(config.clone())).await.ok();
        get(&app, "/subscriptions").await.ok()["data"][0].clone()
    };
    let id = configure().await["id"].as_str().unwrap().to_owned();
    post(&app, &format!("/subscriptions/{id}/pause"), json!({})).await.ok();
    assert_eq!(configure().await["status"], "paused");
    // What was switched off is on again.
    post(&app, &format!("/subscriptions/{id}/resume"), json!({})).await.ok();
    receiver.then([status(410)]);
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!(get(&app, "/subscriptions").await.ok()["data"][0]["status"], "off");
    assert_eq!(configure().await["status"], "on");
}
