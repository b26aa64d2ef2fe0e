//! What happens between reading and writing, and a write whose outcome is not known.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode};
use domain::ids::{AccountId, PhoneNumberId};
use insta::assert_snapshot;
use klatch::directory::{
    Activity, Actor, NumberChange, Place, PlaceChange, Reach, RecordChange, Role, Secret, Secrets,
    Subscription, SubscriptionId, Target,
};
use klatch::sandbox;
use klatch::store::Store;
use serde_json::{Value, json};
use wire::Dialect;
use wire::news::Topic;

use crate::support::interposed::{Instead, Interposed};
use crate::support::receiver::Receiver;
use crate::support::{Answer, TestApp, with_json};

/// A Klatch whose store can be interfered with, and the store without that.
async fn interposed() -> (TestApp, Arc<Interposed>, Arc<dyn Store>) {
    let inner = TestApp::memory();
    let interposed = Interposed::new(Arc::clone(&inner));
    let app = TestApp::with(Arc::clone(&interposed) as Arc<dyn Store>, true).await;
    (app, interposed, inner)
}

fn account() -> AccountId {
    AccountId::parse(sandbox::ACCOUNT).unwrap()
}

fn number() -> PhoneNumberId {
    PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap()
}

/// A receiver of the whole account, as the operator adds one.
fn receiver(name: &str, dialect: Dialect, role: Role) -> Subscription {
    Subscription {
        id: SubscriptionId::parse(&format!("sub_{name}")).unwrap(),
        account: account(),
        reach: Reach::Account,
        dialect,
        role,
        target: Target {
            url: format!("https://{name}.example.com/").parse().unwrap(),
            headers: Vec::new(),
            timeout: Duration::from_secs(5),
        },
        topics: None,
        fields: Vec::new(),
        secrets: Secrets { current: Secret::new("sixteen-letters!".to_owned()), old: None },
        vendor_signature: false,
        verify_token: None,
        created_at: domain::values::Timestamp::from_millis(0),
        lease_until: None,
        failing_since: None,
        activity: Activity::On,
    }
}

fn first(inner: &Arc<dyn Store>, change: RecordChange) -> Instead {
    let inner = Arc::clone(inner);
    Instead::First(Box::pin(async move {
        inner.change(&Actor::Operator, change).await.unwrap();
    }))
}

/// Whom the creation of a group is told, if the configuration changes after the deliveries were
/// planned and before they are written.
async fn told_if(app: &TestApp, store: &Interposed, meanwhile: Instead) -> Vec<String> {
    store.at_next_write(meanwhile);
    let group = app.group("Raced", "auto_approve").await;
    let path = format!("/deliveries?group_id={group}");
    let deliveries = app.admin(Method::GET, &path, None).await.ok();
    let list = deliveries["data"].as_array().unwrap().iter().rev();
    list.map(|one| one["subscription_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn whoever_is_added_between_planning_and_writing_is_told() {
    let (app, store, inner) = interposed().await;
    let [one, two] = ["one", "two"].map(|name| receiver(name, Dialect::D360, Role::Added));
    let added = |one: &Subscription| first(&inner, RecordChange::AddSubscription(one.clone()));
    assert_eq!(told_if(&app, &store, added(&one)).await, ["sub_one"]);
    assert_eq!(told_if(&app, &store, added(&two)).await, ["sub_one", "sub_two"]);

    let now = app.app.runtime.now();
    let removed = first(&inner, RecordChange::RemoveSubscription(one.id.clone(), now));
    assert_eq!(told_if(&app, &store, removed).await, ["sub_two"]);
    let change = klatch::directory::SubscriptionChange {
        topics: Some(vec![Topic::Settings]),
        ..Default::default()
    };
    let event = klatch::directory::SubscriptionEvent::Changed;
    let change = RecordChange::ChangeSubscription(two.id.clone(), change, event, now);
    let none: [&str; 0] = [];
    assert_eq!(told_if(&app, &store, first(&inner, change)).await, none, "not of creations");
    app.assert_log_folds(&app.group("Whole", "auto_approve").await).await;
}

#[tokio::test]
async fn a_number_or_an_app_that_is_switched_in_between_is_planned_again() {
    let (app, store, inner) = interposed().await;
    let main = Subscription {
        reach: Reach::Number(number()),
        ..receiver("main", Dialect::D360, Role::Main { over_all: false })
    };
    let extra = Subscription {
        reach: Reach::Number(number()),
        ..receiver("extra", Dialect::D360, Role::Extra { name: "extra".to_owned() })
    };
    let of_app = receiver("app", Dialect::META, Role::Main { over_all: false });
    for one in [main, extra, of_app] {
        inner.change(&Actor::Operator, RecordChange::AddSubscription(one)).await.unwrap();
    }
    let extras = NumberChange { extra_receivers: Some(true), ..NumberChange::default() };
    let extras = first(&inner, RecordChange::ChangeNumber(number(), extras));
    assert_eq!(told_if(&app, &store, extras).await, ["sub_main", "sub_extra"]);
    let (account, waba_id) = (account(), sandbox::WABA_ID.to_owned());
    let subscribe = RecordChange::SubscribeApp { account, waba_id, on: true };
    let told = told_if(&app, &store, first(&inner, subscribe)).await;
    assert_eq!(told, ["sub_app", "sub_main", "sub_extra"]);
}

/// Each configuration call is one write, so that nobody ever sees half of it.
#[tokio::test]
async fn a_configuration_call_is_one_write() {
    let (app, store, _) = interposed().await;
    let receiver = Receiver::start();
    receiver.shakes_hands();
    let url = receiver.url("/hook");
    let token = format!("{}|{}", sandbox::APP_ID, sandbox::APP_SECRET);
    let of_waba = format!("/v23.0/{}/subscribed_apps", sandbox::WABA_ID);
    let of_app = format!("/v23.0/{}/subscriptions", sandbox::APP_ID);
    let here = |name: &str| json!({ "name": name, "url": url });
    let meta = async |token: &str, method, path: &str, body| {
        app.bearer(token, method, path, body).await.ok();
    };
    let over = json!({ "override_callback_uri": url, "verify_token": "t" });
    let subscription = json!({
        "object": "whatsapp_business_account",
        "callback_url": url,
        "verify_token": "t",
    });
    let fewer = format!("{of_app}?fields=group_status_update");
    // Meta takes overrides once the app is subscribed.
    meta(sandbox::KEY, Method::POST, &of_waba, None).await;
    let mut before = store.changes();
    let mut assert_one = |call: &str| {
        assert_eq!(store.changes() - before, 1, "{call}");
        before = store.changes();
    };
    meta(sandbox::KEY, Method::POST, &of_waba, Some(over)).await;
    assert_one("subscribe with an override");
    meta(sandbox::KEY, Method::DELETE, &of_waba, None).await;
    assert_one("unsubscribe");
    meta(&token, Method::POST, &of_app, Some(subscription)).await;
    assert_one("set the app's receiver");
    meta(&token, Method::DELETE, &fewer, None).await;
    assert_one("end a field");
    let put = json!({ "destinations": [here("crm"), here("bi")] });
    app.d360(Method::PUT, "/multi_webhook", Some(put)).await.ok();
    assert_one("add destinations");
    let post = json!({ "enabled": true, "destinations": [here("bi"), here("ops")] });
    app.d360(Method::POST, "/multi_webhook", Some(post)).await.ok();
    assert_one("switch, and replace destinations");
}

#[tokio::test]
async fn of_two_fields_that_end_at_once_neither_stays() {
    let (app, store, inner) = interposed().await;
    let main = receiver("app", Dialect::META, Role::Main { over_all: false });
    inner.change(&Actor::Operator, RecordChange::AddSubscription(main)).await.unwrap();
    let place = Place {
        account: account(),
        dialect: Dialect::META,
        reach: Reach::Account,
        role: Role::Main { over_all: false },
    };
    let other = PlaceChange::EndFields(vec![Topic::Settings.as_str().to_owned()]);
    store.at_next_write(first(
        &inner,
        RecordChange::ChangePlace(place, other, app.app.runtime.now()),
    ));
    let path = format!("/{}/subscriptions", sandbox::APP_ID);
    app.meta(Method::DELETE, &format!("{path}?fields=group_status_update"), None).await.ok();
    let shown = app.meta(Method::GET, &path, None).await.ok();
    let fields = shown["data"][0]["fields"].as_array().unwrap().iter();
    let fields: Vec<_> = fields.map(|field| field["name"].as_str().unwrap()).collect();
    assert_eq!(fields, ["group_lifecycle_update", "group_participants_update"]);
}

/// A call with an `Idempotency-Key`, in each dialect.
async fn create(app: &TestApp, dialect: Dialect, key: &str) -> Answer {
    let (path, header, token) = match dialect.name {
        "meta" => {
            let path = format!("/v23.0/{}/groups", sandbox::PHONE_NUMBER_ID);
            (path, "Authorization", format!("Bearer {}", sandbox::KEY))
        }
        "d360" => ("/groups".to_owned(), "D360-API-KEY", sandbox::KEY.to_owned()),
        _ => {
            let path = format!("/whatsapp/v1/{}/groups", sandbox::BOT_ID);
            (path, "Authorization", format!("Bearer {}", sandbox::KEY))
        }
    };
    let request = Request::builder().method(Method::POST).uri(path).header(header, token);
    let body = json!({
        "messaging_product": "whatsapp", "subject": "Once", "members": ["+46732001122"],
    });
    app.send(with_json(request.header("Idempotency-Key", key), Some(body))).await
}

async fn groups(app: &TestApp) -> usize {
    let list = app.d360(Method::GET, "/groups", None).await.ok();
    list["data"]["groups"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_failed_commit_is_in_doubt_in_every_dialect() {
    let (app, store, _) = interposed().await;
    let mut answers = Vec::new();
    for dialect in Dialect::ALL {
        store.at_next_write(Instead::LostInDoubt);
        let answer = create(&app, dialect, dialect.as_str()).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!answer.headers.contains_key("retry-after"), "not to be repeated blindly");
        answers.push(answer.shown());
    }
    store.at_next_write(Instead::LostInDoubt);
    let answer = app.admin(Method::POST, "/accounts", Some(json!({ "name": "New" }))).await;
    assert!(!answer.headers.contains_key("retry-after"));
    answers.push(answer.shown());
    assert_snapshot!(answers.join("\n\n"), @r#"
    503 Service Unavailable
    {
      "error": {
        "message": "(#2) Service temporarily unavailable",
        "type": "OAuthException",
        "code": 2,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "the outcome is unknown: the change may or may not have been stored; repeat the call with the same Idempotency-Key, or look before you repeat it"
        }
      }
    }

    503 Service Unavailable
    {
      "error": "The outcome is unknown: the change may or may not have been stored; repeat the call with the same Idempotency-Key, or look before you repeat it",
      "meta": {
        "success": false,
        "http_code": 503,
        "developer_message": "The outcome is unknown: the change may or may not have been stored; repeat the call with the same Idempotency-Key, or look before you repeat it"
      }
    }

    503 Service Unavailable
    {
      "message": "503",
      "reason": "The outcome is unknown: the change may or may not have been stored; repeat the call with the same Idempotency-Key, or look before you repeat it",
      "details": "The outcome is unknown: the change may or may not have been stored; repeat the call with the same Idempotency-Key, or look before you repeat it"
    }

    503 Service Unavailable
    {
      "error": {
        "code": "outcome_unknown",
        "message": "The outcome is unknown: the change may or may not have been stored; repeat the call with the same Idempotency-Key, or look before you repeat it"
      }
    }
    "#);
    assert_eq!(groups(&app).await, 0);
}

/// Whether the change is there or not after all: the same call with the same key finds out, and
/// does not do it twice.
#[tokio::test]
async fn a_repeated_key_finds_the_true_outcome() {
    for dialect in Dialect::ALL {
        let (app, store, _) = interposed().await;
        for (count, instead) in [(1, Instead::WrittenInDoubt), (2, Instead::LostInDoubt)] {
            store.at_next_write(instead);
            let key = format!("{}-{count}", dialect.as_str());
            let doubtful = create(&app, dialect, &key).await;
            assert_eq!(doubtful.status, StatusCode::SERVICE_UNAVAILABLE);
            let outcome = create(&app, dialect, &key).await.ok();
            assert_eq!(groups(&app).await, count, "{dialect:?}");
            let again: Value = create(&app, dialect, &key).await.ok();
            assert_eq!(again, outcome);
            assert_eq!(groups(&app).await, count, "{dialect:?}");
        }
    }
}
