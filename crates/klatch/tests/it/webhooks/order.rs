//! Who is told, and what comes first.

use axum::http::Method;
use domain::ids::{AccountId, PhoneNumberId};
use klatch::directory::{
    Activity, Actor, NumberChange, Reach, RecordChange, Role, Secret, Secrets, Subscription, Target,
};
use klatch::sandbox;
use klatch::store::outbox::{Amend, Amendment};
use klatch::store::outbox::{DeliveryFilter, DeliveryId};
use serde_json::json;
use wire::Dialect;
use wire::news::Topic;

use super::{
    DAY, HOUR, Subscribed, any_group, delivery, in_flight, new, post, rename, run_due, subscribe,
    subscribed,
};
use crate::support::TestApp;
use crate::support::receiver::{Behaviour, Receiver, status};

/// Whether the extra receivers of the sandbox's number are told.
fn extra_receivers(on: bool) -> RecordChange {
    let change = NumberChange { extra_receivers: Some(on), ..NumberChange::default() };
    RecordChange::ChangeNumber(number(), change)
}

#[tokio::test]
async fn a_group_is_told_in_order_while_others_go_their_way() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    subscribe(&app, "meta", &receiver).await;
    receiver.then([Behaviour::Hang(200)]);
    for _ in 0..2 {
        let group = any_group(&app).await;
        rename(&app, &group, "First").await;
        rename(&app, &group, "Second").await;
    }
    let flying = in_flight(&app, &receiver).await;
    let held = receiver.nth(1).await.news()["group_id"].clone();
    // One group is held up by its first delivery, and the other gets through.
    receiver.nth(4).await;
    let seen = receiver.seen();
    assert!(seen[1..].iter().all(|seen| seen.news()["group_id"] != held));
    receiver.release();
    flying.await.unwrap();
    let told = |of_held: bool| -> Vec<String> {
        let news = receiver.seen().into_iter().map(|seen| seen.news());
        news.filter(|news| (news["group_id"] == held) == of_held)
            .map(|news| news["group_subject"]["text"].as_str().unwrap_or("created").to_owned())
            .collect()
    };
    for of_held in [true, false] {
        assert_eq!(told(of_held), ["created", "First", "Second"]);
    }
}

/// Order is promised for first attempts; whoever fails comes back later.
#[tokio::test]
async fn a_delivery_that_fails_does_not_hold_back_the_next() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    subscribe(&app, "meta", &receiver).await;
    receiver.then([status(500)]);
    let group = any_group(&app).await;
    for number in 1..=50 {
        rename(&app, &group, &format!("Name {number}")).await;
    }
    run_due(&app).await;
    app.clock.advance(HOUR);
    run_due(&app).await;
    let told: Vec<String> = receiver
        .seen()
        .iter()
        .map(|seen| seen.news()["group_subject"]["text"].as_str().unwrap_or("created").to_owned())
        .collect();
    let mut expected = vec!["created".to_owned()];
    expected.extend((1..=50).map(|number| format!("Name {number}")));
    expected.push("created".to_owned());
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_given_up_at_the_head_lets_the_rest_go() {
    for by_age in [true, false] {
        let app = TestApp::new().await;
        let receiver = Receiver::start();
        let subscription = subscribe(&app, "meta", &receiver).await;
        app.admin(Method::POST, &subscription.path("/pause"), None).await.ok();
        let group = any_group(&app).await;
        app.clock.advance(DAY * 4);
        rename(&app, &group, "Renamed").await;
        rename(&app, &group, "Renamed again").await;
        let list = subscription.deliveries(&app).await;
        let head = DeliveryId::parse(list[0]["id"].as_str().unwrap()).unwrap();
        if by_age {
            app.clock.advance(DAY * 4);
            assert_eq!(app.app.sweep().await.unwrap(), 1);
        } else {
            let amend = Amend {
                now: app.app.runtime.now(),
                amendment: Amendment::GiveUp { reason: "nobody wants it".to_owned() },
                filter: DeliveryFilter { id: Some(head), ..DeliveryFilter::default() },
                after: 0,
                limit: 10,
            };
            assert_eq!(app.store.amend(amend).await.unwrap().count, 1);
        }
        assert_eq!(delivery(&app, &head.to_string()).await["state"], "dead");
        subscription.resume(&app).await;
        run_due(&app).await;
        assert_eq!(receiver.kinds(), ["group_settings_update", "group_settings_update"]);
        let last = subscription.deliveries(&app).await.pop().unwrap();
        assert_eq!(receiver.ids().last().map(String::as_str), last["id"].as_str());
    }
}

/// Adds a subscription as a vendor's configuration call would.
async fn configured(
    app: &TestApp,
    role: Role,
    reach: Reach,
    dialect: Dialect,
    receiver: &Receiver,
) -> Subscribed {
    let secret = Secret::new(app.app.mint.signing_secret());
    let subscription = Subscription {
        id: app.app.mint.subscription_id(),
        account: AccountId::parse(sandbox::ACCOUNT).unwrap(),
        reach,
        dialect,
        role,
        target: Target {
            url: receiver.url("/hook").parse().unwrap(),
            headers: Vec::new(),
            timeout: dialect.webhooks.timeout,
        },
        topics: None,
        fields: Vec::new(),
        secrets: Secrets { current: secret.clone(), old: None },
        vendor_signature: false,
        verify_token: None,
        created_at: app.app.runtime.now(),
        lease_until: None,
        failing_since: None,
        activity: Activity::On,
    };
    let id = subscription.id.to_string();
    app.app.change(&Actor::Operator, RecordChange::AddSubscription(subscription)).await.unwrap();
    Subscribed { id, secret }
}

fn number() -> PhoneNumberId {
    PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap()
}

fn of_number() -> Reach {
    Reach::Number(number())
}

fn of_waba() -> Reach {
    Reach::Waba(sandbox::WABA_ID.to_owned())
}

const MAIN: Role = Role::Main { over_all: false };

fn extra(name: &str) -> Role {
    Role::Extra { name: name.to_owned() }
}

#[tokio::test]
async fn extra_receivers_are_told_once_the_main_one_was() {
    let app = TestApp::new().await;
    let (main, first, second) = (Receiver::start(), Receiver::start(), Receiver::start());
    configured(&app, MAIN, of_number(), Dialect::D360, &main).await;
    let waiting = configured(&app, extra("crm"), of_number(), Dialect::D360, &first).await;
    configured(&app, extra("bi"), of_number(), Dialect::D360, &second).await;
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!((main.seen().len(), first.seen().len()), (1, 0), "they are not switched on");

    app.app.change(&Actor::Operator, extra_receivers(true)).await.unwrap();
    main.then([status(500), status(503)]);
    let group = any_group(&app).await;
    rename(&app, &group, "Renamed").await;
    run_due(&app).await;
    assert_eq!((first.seen().len(), second.seen().len()), (0, 0), "the main one has not got it");
    let held = waiting.deliveries(&app).await;
    assert!(held.iter().all(|one| one["state"] == "pending"), "{held:?}");
    // Neither can be asked for before its turn.
    let path = format!("/deliveries/{}/replay", held[0]["id"].as_str().unwrap());
    assert_eq!(app.admin(Method::POST, &path, None).await.status, 409);
    app.clock.advance(HOUR);
    run_due(&app).await;
    for receiver in [&first, &second] {
        let mut kinds = receiver.kinds();
        kinds.sort_unstable();
        assert_eq!(kinds, ["group_create", "group_settings_update"]);
    }

    // Whose main receiver is told nothing is told nothing.
    app.app.change(&Actor::Operator, extra_receivers(false)).await.unwrap();
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!((main.seen().len(), first.seen().len()), (6, 2));
}

#[tokio::test]
async fn what_the_main_receiver_never_takes_its_followers_never_get() {
    let app = TestApp::new().await;
    let (main, follower) = (Receiver::that(status(404)), Receiver::start());
    app.app.change(&Actor::Operator, extra_receivers(true)).await.unwrap();
    let first = configured(&app, MAIN, of_number(), Dialect::SINCH, &main).await;
    let second = configured(&app, extra("crm"), of_number(), Dialect::SINCH, &follower).await;
    any_group(&app).await;
    run_due(&app).await;
    let dead = first.only(&app).await;
    assert_eq!(dead["state"], "dead");
    let given_up = second.only(&app).await;
    assert_eq!(
        (&given_up["state"], &given_up["reason"]),
        (&json!("dead"), &json!("the main receiver has not taken it"))
    );
    // Unless it takes it after all.
    any_group(&app).await;
    run_due(&app).await;
    main.usually(status(200));
    let path = format!("/deliveries/{}/replay", dead["id"].as_str().unwrap());
    app.admin(Method::POST, &path, None).await.ok();
    run_due(&app).await;
    assert_eq!(follower.ids(), [second.deliveries(&app).await[0]["id"].as_str().unwrap()]);
    let last = second.deliveries(&app).await.pop().unwrap();
    assert_eq!(last["state"], "dead");
    assert_eq!(follower.seen().len(), 1);
}

#[tokio::test]
async fn one_main_receiver_of_each_vendor_is_told() {
    let app = TestApp::new().await;
    let whole = Role::Main { over_all: true };
    let mut ranked = Vec::new();
    // Added in the opposite of their order.
    for (role, reach) in [(MAIN, of_waba()), (MAIN, of_number())] {
        let receiver = Receiver::start();
        let main = configured(&app, role, reach, Dialect::D360, &receiver).await;
        ranked.insert(0, (main, receiver));
    }
    let (of_meta, added) = (Receiver::start(), Receiver::start());
    configured(&app, MAIN, of_waba(), Dialect::META, &of_meta).await;
    subscribe(&app, "d360", &added).await;
    while !ranked.is_empty() {
        for (_, receiver) in &ranked {
            receiver.forget();
        }
        any_group(&app).await;
        run_due(&app).await;
        let told: Vec<usize> = ranked.iter().map(|(_, receiver)| receiver.seen().len()).collect();
        let mut expected = vec![0; ranked.len()];
        expected[0] = 1;
        assert_eq!(told, expected);
        let (first, _) = ranked.remove(0);
        app.admin(Method::DELETE, &first.path(""), None).await.ok();
    }
    assert_eq!((of_meta.seen().len(), added.seen().len()), (2, 2), "these stand beside them");

    // A WABA's that is put over all comes before the number's.
    let (of_whole, of_one) = (Receiver::start(), Receiver::start());
    configured(&app, MAIN, of_number(), Dialect::D360, &of_one).await;
    configured(&app, whole, of_waba(), Dialect::D360, &of_whole).await;
    any_group(&app).await;
    run_due(&app).await;
    assert_eq!((of_whole.seen().len(), of_one.seen().len()), (1, 0));
}

#[tokio::test]
async fn fields_are_chosen_by() {
    let app = TestApp::new().await;
    let mut receivers = Vec::new();
    for topic in Topic::ALL {
        let receiver = Receiver::start();
        let mut body = new("d360", &receiver.url("/hook"));
        body["fields"] = json!([topic.as_str()]);
        subscribed(&app, body).await;
        receivers.push(receiver);
    }
    let group = any_group(&app).await;
    app.tap("16505550101", &app.link(&group).await).await.ok();
    rename(&app, &group, "Renamed").await;
    app.admin(Method::POST, &format!("/groups/{group}/suspend"), None).await.ok();
    app.admin(Method::POST, &format!("/groups/{group}/restore"), None).await.ok();
    app.d360(Method::DELETE, &format!("/groups/{group}"), None).await.ok();
    run_due(&app).await;
    let told: Vec<Vec<String>> = receivers.iter().map(Receiver::kinds).collect();
    assert_eq!(
        told,
        [
            vec!["group_create", "group_delete"],
            vec!["group_participants_add"],
            vec!["group_settings_update"],
            vec!["group_suspend", "group_suspend_cleared"],
        ]
    );
}

/// Numbers, WABAs and accounts hear of their own groups, and of nobody else's.
#[tokio::test]
async fn nobody_hears_of_what_is_not_theirs() {
    let app = TestApp::new().await;
    // A second number of the same account in another WABA, and another account in the same WABA.
    let add = async |account: &str, digits: &str, waba: &str| {
        let body = json!({
            "account_id": account, "display_phone_number": digits, "waba_id": waba,
        });
        let number = post(&app, "/numbers", body).await.text("phone_number_id");
        let key = json!({ "phone_number_id": number });
        (number, post(&app, "/keys", key).await.text("key"))
    };
    post(&app, "/accounts", json!({ "id": "acc_other", "name": "Other" })).await.ok();
    let (_, beside) = add(sandbox::ACCOUNT, "447700900123", "200000000000000").await;
    let (theirs, their_key) = add("acc_other", "447700900124", sandbox::WABA_ID).await;
    let mut receivers = Vec::new();
    for reach in [
        json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID }),
        json!({ "waba_id": sandbox::WABA_ID, "account_id": sandbox::ACCOUNT }),
        json!({ "account_id": sandbox::ACCOUNT }),
        json!({ "phone_number_id": theirs, "account_id": "acc_other" }),
        json!({ "waba_id": sandbox::WABA_ID, "account_id": "acc_other" }),
        json!({ "account_id": "acc_other" }),
    ] {
        let receiver = Receiver::start();
        let mut body = reach;
        body["dialect"] = json!("d360");
        body["url"] = json!(receiver.url("/hook"));
        subscribed(&app, body).await;
        receivers.push(receiver);
    }
    let told = async |key: &str| -> Vec<usize> {
        let body = json!({ "subject": "Any" });
        app.d360_as(key, Method::POST, "/groups", Some(body)).await.ok();
        run_due(&app).await;
        let told = receivers.iter().map(|receiver| receiver.seen().len()).collect();
        receivers.iter().for_each(Receiver::forget);
        told
    };
    assert_eq!(told(sandbox::KEY).await, [1, 1, 1, 0, 0, 0]);
    assert_eq!(told(&beside).await, [0, 0, 1, 0, 0, 0]);
    assert_eq!(told(&their_key).await, [0, 0, 0, 1, 1, 1]);
}

/// Made once more, a follower waits for its leader once more; without it there is nothing to wait
/// for.
#[tokio::test]
async fn a_follower_is_not_replayed_before_its_leader() {
    let app = TestApp::new().await;
    let (main, follower) = (Receiver::that(status(404)), Receiver::start());
    app.app.change(&Actor::Operator, extra_receivers(true)).await.unwrap();
    configured(&app, MAIN, of_number(), Dialect::SINCH, &main).await;
    let second = configured(&app, extra("crm"), of_number(), Dialect::SINCH, &follower).await;
    any_group(&app).await;
    run_due(&app).await;
    let alone = format!("/deliveries/{}/replay", second.only(&app).await["id"].as_str().unwrap());
    assert_eq!(app.admin(Method::POST, &alone, None).await.status, 409);
    let both = post(&app, "/deliveries/replay", json!({ "state": "dead" })).await;
    assert_eq!(both.ok()["replayed"], 2);
    run_due(&app).await;
    assert_eq!((main.seen().len(), follower.seen().len()), (2, 0), "refused again");
    main.usually(status(200));
    post(&app, "/deliveries/replay", json!({ "state": "dead" })).await.ok();
    run_due(&app).await;
    assert_eq!((main.seen().len(), follower.seen().len()), (3, 1));
    // Once its leader is through, it can be had as often as one likes.
    app.admin(Method::POST, &alone, None).await.ok();
    run_due(&app).await;
    assert_eq!((main.seen().len(), follower.seen().len()), (3, 2));
}
