//! Where webhooks go, and who is told what: on real sockets.

use axum::http::{Method, StatusCode};
use hmac::{Hmac, KeyInit as _, Mac as _};
use insta::assert_snapshot;
use klatch::sandbox::{self, APP_ID, APP_SECRET, PHONE_NUMBER_ID, WABA_ID};
use klatch::webhook::dispatch;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Refusals, key, neighbour, operate, refusal, send_pairs};
use crate::support::receiver::{Receiver, Seen, answer, status};
use crate::support::{Answer, TestApp};

fn apps() -> String {
    format!("/{WABA_ID}/subscribed_apps")
}

fn app_path() -> String {
    format!("/{APP_ID}/subscriptions")
}

fn number() -> String {
    format!("/{PHONE_NUMBER_ID}")
}

fn shown(answer: &Answer, receivers: &[&Receiver]) -> String {
    receivers
        .iter()
        .fold(answer.shown(), |text, receiver| text.replace(&receiver.port.to_string(), "PORT"))
}

/// What it takes to set an app's receiver.
fn whole(url: &str) -> Value {
    json!({
        "object": "whatsapp_business_account",
        "callback_url": url,
        "verify_token": "our-token",
    })
}

/// What it takes to put a receiver in the place of others.
fn instead(url: &str) -> Value {
    json!({ "override_callback_uri": url, "verify_token": "our-token" })
}

async fn set_number(app: &TestApp, configuration: Value) -> Answer {
    let body = json!({ "webhook_configuration": configuration });
    app.meta(Method::POST, &number(), Some(body)).await
}

/// The app is subscribed to the WABA: without that no receiver can be put in the place of its own.
async fn subscribe(app: &TestApp) {
    app.meta(Method::POST, &apps(), None).await.ok();
}

/// Where the number's webhooks go, as the API tells it.
async fn configuration(app: &TestApp) -> Value {
    let path = format!("{}?fields=webhook_configuration", number());
    app.meta(Method::GET, &path, None).await.ok()["webhook_configuration"].clone()
}

/// The receiver was asked once, as Meta asks, with this token.
#[track_caller]
fn assert_shaken(receiver: &Receiver, token: &str) {
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let query = seen[0].query();
    assert_eq!((seen[0].method.as_str(), query["hub.mode"].as_str()), ("GET", "subscribe"));
    assert_eq!(query["hub.verify_token"], token);
    let challenge = &query["hub.challenge"];
    assert!(!challenge.is_empty() && challenge.bytes().all(|byte| byte.is_ascii_digit()));
    receiver.forget();
}

/// The delivery is signed with this secret, as Meta signs.
#[track_caller]
fn assert_signed(seen: &Seen, secret: &str) {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&seen.body);
    let digest = mac.finalize().into_bytes();
    let expected = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_eq!(seen.header("x-hub-signature-256"), format!("sha256={expected}"));
}

/// Something happens; which of the receivers are told, by their place in the list.
async fn told(app: &TestApp, receivers: &[&Receiver]) -> Vec<usize> {
    app.group("News", "auto_approve").await;
    dispatch::run_due(&app.app.dispatch).await;
    let mut told = Vec::new();
    for (index, receiver) in receivers.iter().enumerate() {
        for seen in receiver.seen() {
            assert_eq!(seen.kind(), "group_create");
            assert_signed(&seen, APP_SECRET);
            assert_eq!(seen.json()["entry"][0]["id"], WABA_ID);
            told.push(index);
        }
        receiver.forget();
    }
    told
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers, one after the other")]
async fn an_app_has_one_receiver() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    assert_snapshot!(app.meta(Method::GET, &app_path(), None).await.shown(), @r#"
    200 OK
    {
      "data": []
    }
    "#);
    let set = app.meta(Method::POST, &app_path(), Some(whole(&receiver.url("/hook")))).await;
    assert_snapshot!(set.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_shaken(&receiver, "our-token");
    let got = app.meta(Method::GET, &app_path(), None).await;
    assert_snapshot!(shown(&got, &[&receiver]), @r#"
    200 OK
    {
      "data": [
        {
          "object": "whatsapp_business_account",
          "callback_url": "http://127.0.0.1:PORT/hook",
          "active": true,
          "fields": [
            {
              "name": "group_lifecycle_update",
              "version": "v23.0"
            },
            {
              "name": "group_participants_update",
              "version": "v23.0"
            },
            {
              "name": "group_settings_update",
              "version": "v23.0"
            },
            {
              "name": "group_status_update",
              "version": "v23.0"
            }
          ]
        }
      ]
    }
    "#);
    // Another one comes in its place, with only what it wants to hear. What there are no events for
    // is kept and listed as well.
    let mut body = whole(&receiver.url("/other?tenant=7"));
    body["fields"] =
        json!("group_lifecycle_update, messages,group_status_update,,group_lifecycle_update");
    app.meta(Method::POST, &app_path(), Some(body)).await.ok();
    let got = app.meta(Method::GET, &app_path(), None).await;
    assert_snapshot!(shown(&got, &[&receiver]), @r#"
    200 OK
    {
      "data": [
        {
          "object": "whatsapp_business_account",
          "callback_url": "http://127.0.0.1:PORT/other?tenant=7",
          "active": true,
          "fields": [
            {
              "name": "group_lifecycle_update",
              "version": "v23.0"
            },
            {
              "name": "messages",
              "version": "v23.0"
            },
            {
              "name": "group_status_update",
              "version": "v23.0"
            }
          ]
        }
      ]
    }
    "#);
    let removed = app.meta(Method::DELETE, &app_path(), None).await;
    assert_snapshot!(removed.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    app.meta(Method::DELETE, &app_path(), None).await.ok();
    assert_eq!(app.meta(Method::GET, &app_path(), None).await.ok(), json!({ "data": [] }));
}

#[tokio::test]
async fn an_apps_receiver_can_be_named_in_the_query_or_in_a_form() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let url = receiver.url("/hook?a=b&c=%20");
    let pairs = [
        ("object", "whatsapp_business_account"),
        ("callback_url", &url),
        ("verify_token", "a&b=c%+"),
        ("fields", "group_settings_update"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    app.meta(Method::POST, &format!("{}?{query}", app_path()), None).await.ok();
    assert_shaken(&receiver, "a&b=c%+");
    let by_query = app.meta(Method::GET, &app_path(), None).await.ok();
    assert_eq!(by_query["data"][0]["callback_url"], url);
    app.meta(Method::DELETE, &app_path(), None).await.ok();
    send_pairs(&app, Method::POST, &app_path(), &pairs).await.ok();
    assert_shaken(&receiver, "a&b=c%+");
    assert_eq!(app.meta(Method::GET, &app_path(), None).await.ok(), by_query);
    // What the body says comes before what the query says.
    let path = format!("{}?{query}&callback_url=nonsense", app_path());
    let body = json!({ "callback_url": receiver.url("/body") });
    app.meta(Method::POST, &path, Some(body)).await.ok();
    let got = app.meta(Method::GET, &app_path(), None).await.ok();
    assert_eq!(got["data"][0]["callback_url"], receiver.url("/body"));
}

#[tokio::test]
async fn an_app_is_subscribed_to_a_waba_with_or_without_another_receiver() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    assert_snapshot!(app.meta(Method::GET, &apps(), None).await.shown(), @r#"
    200 OK
    {
      "data": []
    }
    "#);
    assert_snapshot!(app.meta(Method::POST, &apps(), None).await.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_snapshot!(app.meta(Method::GET, &apps(), None).await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "whatsapp_business_api_data": {
            "id": "155507838810001",
            "link": "https://www.facebook.com/games/?app_id=155507838810001",
            "name": "Dev"
          }
        }
      ]
    }
    "#);
    assert!(receiver.seen().is_empty());
    let body = instead(&receiver.url("/hook"));
    app.meta(Method::POST, &apps(), Some(body)).await.ok();
    assert_shaken(&receiver, "our-token");
    let got = app.meta(Method::GET, &apps(), None).await;
    assert_snapshot!(shown(&got, &[&receiver]), @r#"
    200 OK
    {
      "data": [
        {
          "whatsapp_business_api_data": {
            "id": "155507838810001",
            "link": "https://www.facebook.com/games/?app_id=155507838810001",
            "name": "Dev"
          },
          "override_callback_uri": "http://127.0.0.1:PORT/hook"
        }
      ]
    }
    "#);
    // Without an address it is the app's own again.
    app.meta(Method::POST, &apps(), Some(json!({ "verify_token": "our-token" }))).await.ok();
    let got = app.meta(Method::GET, &apps(), None).await.ok();
    assert_eq!(got["data"][0].get("override_callback_uri"), None);
    app.meta(Method::POST, &apps(), Some(instead(&receiver.url("/hook")))).await.ok();
    assert_snapshot!(app.meta(Method::DELETE, &apps(), None).await.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_eq!(app.meta(Method::GET, &apps(), None).await.ok(), json!({ "data": [] }));
    // Nor is there one in its place as long as it is not subscribed.
    let refused = app.meta(Method::POST, &apps(), Some(instead(&receiver.url("/hook")))).await;
    assert!(refusal(&refused).contains("must be subscribed to receive messages"));
    // Whoever comes back does so without the receiver of old.
    app.meta(Method::POST, &apps(), None).await.ok();
    let got = app.meta(Method::GET, &apps(), None).await.ok();
    assert_eq!(got["data"][0].get("override_callback_uri"), None);
}

#[tokio::test]
async fn a_number_may_have_a_receiver_of_its_own() {
    let app = TestApp::new().await;
    subscribe(&app).await;
    let (own, wabas, apps_own) = (Receiver::start(), Receiver::start(), Receiver::start());
    assert_eq!(configuration(&app).await, json!({}));
    let set = set_number(&app, instead(&own.url("/hook"))).await;
    assert_snapshot!(set.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_shaken(&own, "our-token");
    app.meta(Method::POST, &apps(), Some(instead(&wabas.url("/hook")))).await.ok();
    app.meta(Method::POST, &app_path(), Some(whole(&apps_own.url("/hook")))).await.ok();
    let path = format!("{}?fields=webhook_configuration", number());
    let got = app.meta(Method::GET, &path, None).await;
    assert_snapshot!(shown(&got, &[&own, &wabas, &apps_own]), @r#"
    200 OK
    {
      "id": "106540352242922",
      "webhook_configuration": {
        "phone_number": "http://127.0.0.1:PORT/hook",
        "whatsapp_business_account": "http://127.0.0.1:PORT/hook",
        "application": "http://127.0.0.1:PORT/hook"
      }
    }
    "#);
    for empty in [json!({ "override_callback_uri": "" }), instead("")] {
        set_number(&app, instead(&own.url("/hook"))).await.ok();
        set_number(&app, empty).await.ok();
        assert_eq!(configuration(&app).await.get("phone_number"), None);
    }
    // As a form, whose objects are JSON.
    let text = instead(&own.url("/form")).to_string();
    let pairs = [("webhook_configuration", text.as_str())];
    send_pairs(&app, Method::POST, &number(), &pairs).await.ok();
    assert_eq!(configuration(&app).await["phone_number"], own.url("/form"));
}

#[tokio::test]
async fn the_nearest_receiver_is_told_and_no_other() {
    let app = TestApp::new().await;
    let (own, wabas, apps_own) = (Receiver::start(), Receiver::start(), Receiver::start());
    let all = [&own, &wabas, &apps_own];
    app.meta(Method::POST, &app_path(), Some(whole(&apps_own.url("/hook")))).await.ok();
    apps_own.forget();
    assert_eq!(told(&app, &all).await, [0; 0], "the app is not subscribed");
    app.meta(Method::POST, &apps(), None).await.ok();
    assert_eq!(told(&app, &all).await, [2]);
    app.meta(Method::POST, &apps(), Some(instead(&wabas.url("/hook")))).await.ok();
    wabas.forget();
    assert_eq!(told(&app, &all).await, [1]);
    set_number(&app, instead(&own.url("/hook"))).await.ok();
    own.forget();
    assert_eq!(told(&app, &all).await, [0]);
    // And back, one by one.
    set_number(&app, instead("")).await.ok();
    assert_eq!(told(&app, &all).await, [1]);
    app.meta(Method::POST, &apps(), None).await.ok();
    assert_eq!(told(&app, &all).await, [2]);
    app.meta(Method::DELETE, &apps(), None).await.ok();
    assert_eq!(told(&app, &all).await, [0; 0]);
    app.meta(Method::POST, &apps(), None).await.ok();
    assert_eq!(told(&app, &all).await, [2]);
    app.meta(Method::DELETE, &app_path(), None).await.ok();
    assert_eq!(told(&app, &all).await, [0; 0]);
}

#[tokio::test]
async fn an_app_hears_of_what_it_wants_to_hear() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let mut body = whole(&receiver.url("/hook"));
    body["fields"] = json!("group_participants_update");
    app.meta(Method::POST, &app_path(), Some(body)).await.ok();
    app.meta(Method::POST, &apps(), None).await.ok();
    receiver.forget();
    let group = app.group("Hello", "auto_approve").await;
    app.tap("16505550101", &app.link(&group).await).await.ok();
    app.meta(Method::DELETE, &format!("/{group}"), None).await.ok();
    dispatch::run_due(&app.app.dispatch).await;
    assert_eq!(receiver.kinds(), ["group_participants_add"]);
    assert_signed(&receiver.nth(1).await, APP_SECRET);
}

#[tokio::test]
async fn only_the_number_whose_receiver_it_is_is_told_of() {
    let app = TestApp::new().await;
    let second = neighbour(&app).await;
    let (_, account) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let receiver = Receiver::start();
    // A key of the account may set it for either; a key of a number for its own only.
    subscribe(&app).await;
    let other = app.admin(Method::GET, &format!("/numbers/{second}"), None).await.text("waba_id");
    let other = format!("/v23.0/{other}/subscribed_apps");
    app.bearer(&account, Method::POST, &other, None).await.ok();
    let body = json!({ "webhook_configuration": instead(&receiver.url("/hook")) });
    let path = format!("/v23.0/{second}");
    let refused = app.bearer(sandbox::KEY, Method::POST, &path, Some(body.clone())).await;
    assert!(refusal(&refused).starts_with("400 100/33 "));
    assert!(receiver.seen().is_empty());
    app.bearer(&account, Method::POST, &path, Some(body)).await.ok();
    receiver.forget();
    assert_eq!(told(&app, &[&receiver]).await, [0; 0]);
    let path = format!("/v23.0/{second}/groups");
    let body = super::whatsapp(json!({ "subject": "Theirs" }));
    app.bearer(&account, Method::POST, &path, Some(body)).await.ok();
    dispatch::run_due(&app.app.dispatch).await;
    let seen = receiver.nth(1).await;
    let metadata = &seen.json()["entry"][0]["changes"][0]["value"]["metadata"];
    assert_eq!(metadata["phone_number_id"], *second);
    assert_signed(&seen, APP_SECRET);
}

#[tokio::test]
async fn the_app_is_opened_by_its_own_token_and_by_a_key_of_the_account() {
    let app = TestApp::new().await;
    let (_, account) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let receiver = Receiver::start();
    let own = format!("{APP_ID}|{APP_SECRET}");
    let path = format!("/v23.0{}", app_path());
    for token in [&own, &account] {
        let body = whole(&receiver.url("/hook"));
        app.bearer(token, Method::POST, &path, Some(body)).await.ok();
    }
    let one = app.bearer(&own, Method::GET, &path, None).await;
    assert_eq!(one.ok(), app.bearer(&account, Method::GET, &path, None).await.ok());
    for (what, token, expected) in [
        ("a number's key", sandbox::KEY.to_owned(), "403 200 (#200) Permissions error"),
        ("a wrong secret", format!("{APP_ID}|wrong"), "401 190 "),
        ("no secret", format!("{APP_ID}|"), "401 190 "),
        ("another app", format!("1|{APP_SECRET}"), "401 190 "),
        ("the secret alone", APP_SECRET.to_owned(), "401 190 "),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let refused = refusal(&app.bearer(&token, method, &path, None).await);
            assert!(refused.starts_with(expected), "{what}: {refused}");
        }
    }
    // The app's token opens what is the app's, and nothing else.
    for path in [apps(), super::our_groups(), format!("/{PHONE_NUMBER_ID}")] {
        let answer = app.bearer(&own, Method::GET, &format!("/v23.0{path}"), None).await;
        assert!(refusal(&answer).starts_with("401 190 "), "{path}");
    }
    // A key of a number speaks for the WABA as long as it is the number's alone.
    let path = format!("/v23.0{}", apps());
    app.bearer(sandbox::KEY, Method::POST, &path, None).await.ok();
    receiver.forget();
    assert_eq!(told(&app, &[&receiver]).await, [0], "set twice, told once");
    let second = json!({
        "account_id": sandbox::ACCOUNT,
        "display_phone_number": "+1 555 078 3889",
        "waba_id": WABA_ID,
    });
    app.admin(Method::POST, "/numbers", Some(second)).await.ok();
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let refused = app.bearer(sandbox::KEY, method.clone(), &path, None).await;
        assert!(refusal(&refused).starts_with("403 200 (#200) Permissions error"), "{method}");
        app.bearer(&account, method, &path, None).await.ok();
    }
}

/// Fields are ended one by one, and what is not the app's subscription is left alone.
#[tokio::test]
async fn an_apps_receiver_is_told_less_and_then_nothing() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let body = whole(&receiver.url("/hook"));
    app.meta(Method::POST, &app_path(), Some(body)).await.ok();
    let fields = async || {
        let shown = app.meta(Method::GET, &app_path(), None).await.ok();
        let fields = shown["data"][0]["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let path = format!("{}?object=page", app_path());
    let refused = refusal(&app.meta(Method::DELETE, &path, None).await);
    assert!(refused.contains("object must be whatsapp_business_account"), "{refused}");
    let path = format!("{}?fields=group_status_update,messages", app_path());
    app.meta(Method::DELETE, &path, None).await.ok();
    assert_eq!(
        fields().await,
        ["group_lifecycle_update", "group_participants_update", "group_settings_update"]
    );
    let rest = "group_lifecycle_update,group_participants_update,group_settings_update";
    let path = format!("{}?object=whatsapp_business_account&fields={rest}", app_path());
    app.meta(Method::DELETE, &path, None).await.ok();
    assert!(fields().await.is_empty());
}

#[tokio::test]
async fn one_business_neither_sees_nor_hears_another() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let numbers = app.admin(Method::GET, "/numbers", None).await.ok();
    let numbers = numbers["data"].as_array().unwrap();
    let theirs = numbers.iter().find(|one| one["phone_number_id"] != PHONE_NUMBER_ID).unwrap();
    let account = theirs["account_id"].as_str().unwrap();
    let account = app.admin(Method::GET, &format!("/accounts/{account}"), None).await.ok();
    let (app_id, secret) =
        (account["app_id"].as_str().unwrap(), account["app_secret"].as_str().unwrap());
    let receiver = Receiver::start();
    let path = format!("/v23.0/{app_id}/subscriptions");
    let token = format!("{app_id}|{secret}");
    app.bearer(&token, Method::POST, &path, Some(whole(&receiver.url("/hook")))).await.ok();
    let waba = theirs["waba_id"].as_str().unwrap();
    let path = format!("/v23.0/{waba}/subscribed_apps");
    app.bearer(&stranger, Method::POST, &path, None).await.ok();
    receiver.forget();
    assert_eq!(told(&app, &[&receiver]).await, [0; 0]);
    let path = format!("/v23.0/{}/groups", theirs["phone_number_id"].as_str().unwrap());
    let body = super::whatsapp(json!({ "subject": "Theirs" }));
    app.bearer(&stranger, Method::POST, &path, Some(body)).await.ok();
    dispatch::run_due(&app.app.dispatch).await;
    let seen = receiver.nth(1).await;
    assert_ne!(secret, APP_SECRET);
    assert_signed(&seen, secret);
    assert_eq!(app.meta(Method::GET, &app_path(), None).await.ok(), json!({ "data": [] }));
}

#[tokio::test]
async fn a_wabas_receiver_is_told_of_its_numbers_and_of_no_other_account() {
    let app = TestApp::new().await;
    let number = async |account: &str, digits: &str| {
        let body = json!({
            "account_id": account,
            "display_phone_number": digits,
            "waba_id": WABA_ID,
        });
        app.admin(Method::POST, "/numbers", Some(body)).await.text("phone_number_id")
    };
    let second = number(sandbox::ACCOUNT, "+1 555 078 3882").await;
    let other = app.admin(Method::POST, "/accounts", Some(json!({ "name": "Other" }))).await;
    // The same WABA, as far as the other account says.
    let third = number(&other.text("id"), "+44 7700 900123").await;
    let (_, second_key) = key(&app, json!({ "phone_number_id": second })).await;
    let (_, third_key) = key(&app, json!({ "phone_number_id": third })).await;
    let (ours, theirs) = (Receiver::start(), Receiver::start());
    let path = format!("/v23.0{}", apps());
    let (_, whole_key) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let body = instead(&ours.url("/hook"));
    app.bearer(&whole_key, Method::POST, &path, None).await.ok();
    app.bearer(&whole_key, Method::POST, &path, Some(body)).await.ok();
    let seen = app.bearer(&third_key, Method::GET, &path, None).await.ok();
    assert_eq!(seen, json!({ "data": [] }));
    let body = instead(&theirs.url("/hook"));
    app.bearer(&third_key, Method::POST, &path, None).await.ok();
    app.bearer(&third_key, Method::POST, &path, Some(body)).await.ok();
    ours.forget();
    theirs.forget();
    for (key, number) in [
        (sandbox::KEY, PHONE_NUMBER_ID),
        (second_key.as_str(), second.as_str()),
        (third_key.as_str(), third.as_str()),
    ] {
        let body = super::whatsapp(json!({ "subject": "News" }));
        let path = format!("/v23.0/{number}/groups");
        app.bearer(key, Method::POST, &path, Some(body)).await.ok();
    }
    dispatch::run_due(&app.app.dispatch).await;
    assert_eq!((ours.seen().len(), theirs.seen().len()), (2, 1));
    app.bearer(&third_key, Method::DELETE, &path, None).await.ok();
    let seen = app.bearer(&whole_key, Method::GET, &path, None).await.ok();
    assert_eq!(seen["data"][0]["override_callback_uri"], ours.url("/hook"));
}

/// The three ways of naming a receiver, each with this address and this token.
async fn each_way(app: &TestApp, url: Value, token: Value) -> [Answer; 3] {
    let both = json!({ "override_callback_uri": url, "verify_token": token });
    let body = json!({
        "object": "whatsapp_business_account",
        "callback_url": url,
        "verify_token": token,
    });
    [
        app.meta(Method::POST, &app_path(), Some(body)).await,
        app.meta(Method::POST, &apps(), Some(both.clone())).await,
        set_number(app, both).await,
    ]
}

#[tokio::test]
async fn whoever_does_not_answer_the_handshake_is_not_taken() {
    let app = TestApp::new().await;
    subscribe(&app).await;
    let good = Receiver::start();
    for answer in each_way(&app, json!(good.url("/good")), json!("our-token")).await {
        answer.ok();
    }
    let before = configuration(&app).await;
    let mut refusals = Refusals::default();
    for (what, behaviour) in [
        ("an error", status(500)),
        ("forbidden", status(403)),
        ("another challenge", answer(200, &[], "17")),
        ("nothing", status(200)),
        ("no content", status(204)),
        ("elsewhere", answer(302, &[("location", "http://127.0.0.1/")], "")),
        ("a page", answer(200, &[("content-type", "text/html")], "<html>Hello</html>")),
    ] {
        let receiver = Receiver::that(behaviour);
        let answers = each_way(&app, json!(receiver.url("/hook")), json!("our-token")).await;
        for (way, answer) in ["app", "waba", "number"].into_iter().zip(&answers) {
            refusals.add(&format!("{what}, {way}"), answer);
        }
    }
    let refusing = Receiver::refusing();
    let answers = each_way(&app, json!(refusing.url("/hook")), json!("our-token")).await;
    for (way, answer) in ["app", "waba", "number"].into_iter().zip(&answers) {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let shown = refusal(answer).replace(&refusing.port.to_string(), "PORT");
        refusals.0.push(format!("nobody, {way} => {shown}"));
    }
    assert_snapshot!(refusals.shown(), @"
    an error, app => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 500; HTTP Message = Internal Server Error: callback_url: the receiver could not be verified: it answered 500 Internal Server Error instead of 200 with the challenge
    an error, waba => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 500; HTTP Message = Internal Server Error: override_callback_uri: the receiver could not be verified: it answered 500 Internal Server Error instead of 200 with the challenge
    an error, number => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 500; HTTP Message = Internal Server Error: webhook_configuration.override_callback_uri: the receiver could not be verified: it answered 500 Internal Server Error instead of 200 with the challenge
    forbidden, app => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 403; HTTP Message = Forbidden: callback_url: the receiver could not be verified: it answered 403 Forbidden instead of 200 with the challenge
    forbidden, waba => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 403; HTTP Message = Forbidden: override_callback_uri: the receiver could not be verified: it answered 403 Forbidden instead of 200 with the challenge
    forbidden, number => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 403; HTTP Message = Forbidden: webhook_configuration.override_callback_uri: the receiver could not be verified: it answered 403 Forbidden instead of 200 with the challenge
    another challenge, app => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: callback_url: the receiver could not be verified: it answered 200 with another body than the challenge
    another challenge, waba => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: override_callback_uri: the receiver could not be verified: it answered 200 with another body than the challenge
    another challenge, number => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: webhook_configuration.override_callback_uri: the receiver could not be verified: it answered 200 with another body than the challenge
    nothing, app => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: callback_url: the receiver could not be verified: it answered 200 with another body than the challenge
    nothing, waba => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: override_callback_uri: the receiver could not be verified: it answered 200 with another body than the challenge
    nothing, number => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: webhook_configuration.override_callback_uri: the receiver could not be verified: it answered 200 with another body than the challenge
    no content, app => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 204; HTTP Message = No Content: callback_url: the receiver could not be verified: it answered 204 No Content instead of 200 with the challenge
    no content, waba => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 204; HTTP Message = No Content: override_callback_uri: the receiver could not be verified: it answered 204 No Content instead of 200 with the challenge
    no content, number => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 204; HTTP Message = No Content: webhook_configuration.override_callback_uri: the receiver could not be verified: it answered 204 No Content instead of 200 with the challenge
    elsewhere, app => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 302; HTTP Message = Found: callback_url: the receiver could not be verified: it answered 302 Found instead of 200 with the challenge
    elsewhere, waba => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 302; HTTP Message = Found: override_callback_uri: the receiver could not be verified: it answered 302 Found instead of 200 with the challenge
    elsewhere, number => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 302; HTTP Message = Found: webhook_configuration.override_callback_uri: the receiver could not be verified: it answered 302 Found instead of 200 with the challenge
    a page, app => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: callback_url: the receiver could not be verified: it answered 200 with another body than the challenge
    a page, waba => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: override_callback_uri: the receiver could not be verified: it answered 200 with another body than the challenge
    a page, number => 400 2200 (#2200) Callback verification failed with the following errors: HTTP Status Code = 200; HTTP Message = OK; Response does not match challenge: webhook_configuration.override_callback_uri: the receiver could not be verified: it answered 200 with another body than the challenge
    nobody, app => 400 2200 (#2200) Callback verification failed with the following errors: No response from the callback URL: callback_url: the receiver could not be verified: it did not answer: no connection: Connection refused (os error 111)
    nobody, waba => 400 2200 (#2200) Callback verification failed with the following errors: No response from the callback URL: override_callback_uri: the receiver could not be verified: it did not answer: no connection: Connection refused (os error 111)
    nobody, number => 400 2200 (#2200) Callback verification failed with the following errors: No response from the callback URL: webhook_configuration.override_callback_uri: the receiver could not be verified: it did not answer: no connection: Connection refused (os error 111)
    ");
    // What was there before stays.
    assert_eq!(configuration(&app).await, before);
    // Blanks around the challenge are forgiven, so that a line end does no harm.
    good.usually(answer(200, &[], "  "));
    let answers = each_way(&app, json!(good.url("/good")), json!("our-token")).await;
    assert!(answers.iter().all(|answer| answer.status == 400));
}

#[tokio::test]
async fn a_waba_whose_receiver_fails_is_not_subscribed() {
    let app = TestApp::new().await;
    operate(&app, json!({ "unsubscribed_overrides": true })).await;
    let receiver = Receiver::that(status(500));
    let body = instead(&receiver.url("/hook"));
    let answer = app.meta(Method::POST, &apps(), Some(body)).await;
    assert_snapshot!(answer.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#2200) Callback verification failed with the following errors: HTTP Status Code = 500; HTTP Message = Internal Server Error",
        "type": "OAuthException",
        "code": 2200,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "override_callback_uri: the receiver could not be verified: it answered 500 Internal Server Error instead of 200 with the challenge"
        }
      }
    }
    "#);
    assert_eq!(app.meta(Method::GET, &apps(), None).await.ok(), json!({ "data": [] }));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers, one after the other")]
async fn addresses_and_tokens_that_cannot_be() {
    let app = TestApp::new().await;
    subscribe(&app).await;
    let receiver = Receiver::start();
    let fine = receiver.url("/hook");
    let long = format!("https://example.com/{}", "x".repeat(200));
    let mut refusals = Refusals::default();
    for (what, url, token) in [
        ("no address", json!(null), json!("our-token")),
        ("a number", json!(5), json!("our-token")),
        ("words", json!("nowhere"), json!("our-token")),
        ("another scheme", json!("ftp://example.com/"), json!("our-token")),
        ("a long address", json!(long), json!("our-token")),
        ("a password", json!("https://a:b@example.com/"), json!("our-token")),
        ("a fragment", json!("https://example.com/#x"), json!("our-token")),
        ("port 0", json!("https://example.com:0/"), json!("our-token")),
        ("a plus", json!("https://example.com/a+b?c+d"), json!("our-token")),
        ("no token", json!(fine), json!(null)),
        ("an empty token", json!(fine), json!("")),
        ("a blank in it", json!(fine), json!("our token")),
        ("other letters", json!(fine), json!("größe")),
        ("a long token", json!(fine), json!("x".repeat(257))),
        ("a number as token", json!(fine), json!(5)),
    ] {
        let answers = each_way(&app, url, token).await;
        for (way, answer) in ["app", "waba", "number"].into_iter().zip(&answers) {
            if answer.status.is_success() {
                refusals.0.push(format!("{what}, {way} => fine"));
            } else {
                refusals.add(&format!("{what}, {way}"), answer);
            }
        }
    }
    assert_snapshot!(refusals.shown(), @"
    no address, app => 400 100 (#100) The parameter callback_url is required.: callback_url is missing
    no address, waba => fine
    no address, number => 400 100 (#100) The parameter webhook_configuration['override_callback_uri'] is required.: webhook_configuration.override_callback_uri is missing
    a number, app => 400 100 (#100) Param callback_url must be a string.: callback_url has the wrong type: number, expected a string
    a number, waba => 400 100 (#100) Param override_callback_uri must be a string.: override_callback_uri has the wrong type: number, expected a string
    a number, number => 400 100 (#100) Param webhook_configuration['override_callback_uri'] must be a string.: webhook_configuration.override_callback_uri has the wrong type: number, expected a string
    words, app => 400 100 (#100) Invalid parameter: callback_url must be an address such as https://example.com/hook: relative URL without a base
    words, waba => 400 100 (#100) Invalid parameter: override_callback_uri must be an address such as https://example.com/hook: relative URL without a base
    words, number => 400 100 (#100) Invalid parameter: webhook_configuration.override_callback_uri must be an address such as https://example.com/hook: relative URL without a base
    another scheme, app => 400 100 (#100) Invalid parameter: callback_url must begin with https://
    another scheme, waba => 400 100 (#100) Invalid parameter: override_callback_uri must begin with https://
    another scheme, number => 400 100 (#100) Invalid parameter: webhook_configuration.override_callback_uri must begin with https://
    a long address, app => 400 100 (#100) Invalid parameter: callback_url must not be longer than 200 characters (it has 220)
    a long address, waba => 400 100 (#100) Invalid parameter: override_callback_uri must not be longer than 200 characters (it has 220)
    a long address, number => 400 100 (#100) Invalid parameter: webhook_configuration.override_callback_uri must not be longer than 200 characters (it has 220)
    a password, app => 400 100 (#100) Invalid parameter: callback_url must not hold a user name or password: send them in headers
    a password, waba => 400 100 (#100) Invalid parameter: override_callback_uri must not hold a user name or password: send them in headers
    a password, number => 400 100 (#100) Invalid parameter: webhook_configuration.override_callback_uri must not hold a user name or password: send them in headers
    a fragment, app => 400 100 (#100) Invalid parameter: callback_url must not have a fragment (#…)
    a fragment, waba => 400 100 (#100) Invalid parameter: override_callback_uri must not have a fragment (#…)
    a fragment, number => 400 100 (#100) Invalid parameter: webhook_configuration.override_callback_uri must not have a fragment (#…)
    port 0, app => 400 100 (#100) Invalid parameter: callback_url must not have port 0
    port 0, waba => 400 100 (#100) Invalid parameter: override_callback_uri must not have port 0
    port 0, number => 400 100 (#100) Invalid parameter: webhook_configuration.override_callback_uri must not have port 0
    a plus, app => 400 100 (#100) Invalid parameter: callback_url must not have a + in its path: Meta sends a blank (%20) in its place, so that the request would go to another path
    a plus, waba => 400 100 (#100) Invalid parameter: override_callback_uri must not have a + in its path: Meta sends a blank (%20) in its place, so that the request would go to another path
    a plus, number => 400 100 (#100) Invalid parameter: webhook_configuration.override_callback_uri must not have a + in its path: Meta sends a blank (%20) in its place, so that the request would go to another path
    no token, app => 400 100 (#100) The parameter verify_token is required.: verify_token is missing
    no token, waba => 400 100 (#100) The parameter verify_token is required.: verify_token is missing
    no token, number => 400 100 (#100) The parameter webhook_configuration['verify_token'] is required.: webhook_configuration.verify_token is missing
    an empty token, app => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    an empty token, waba => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    an empty token, number => 400 100 (#100) Invalid parameter: webhook_configuration.verify_token must be 1 to 256 visible ASCII characters
    a blank in it, app => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    a blank in it, waba => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    a blank in it, number => 400 100 (#100) Invalid parameter: webhook_configuration.verify_token must be 1 to 256 visible ASCII characters
    other letters, app => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    other letters, waba => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    other letters, number => 400 100 (#100) Invalid parameter: webhook_configuration.verify_token must be 1 to 256 visible ASCII characters
    a long token, app => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    a long token, waba => 400 100 (#100) Invalid parameter: verify_token must be 1 to 256 visible ASCII characters
    a long token, number => 400 100 (#100) Invalid parameter: webhook_configuration.verify_token must be 1 to 256 visible ASCII characters
    a number as token, app => 400 100 (#100) Param verify_token must be a string.: verify_token has the wrong type: number, expected a string
    a number as token, waba => 400 100 (#100) Param verify_token must be a string.: verify_token has the wrong type: number, expected a string
    a number as token, number => 400 100 (#100) Param webhook_configuration['verify_token'] must be a string.: webhook_configuration.verify_token has the wrong type: number, expected a string
    ");
    assert!(receiver.seen().is_empty(), "nobody is asked before the rest is right");
    assert_eq!(configuration(&app).await, json!({}));
}

#[tokio::test]
async fn subscriptions_of_an_app_that_cannot_be() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let mut refusals = Refusals::default();
    for (what, field, value) in [
        ("no object", "object", json!(null)),
        ("another object", "object", json!("page")),
        ("an empty object", "object", json!("")),
        ("an empty address", "callback_url", json!("")),
        ("an unknown field", "fields", json!("group_lifecycle_update,group_lifecycle")),
        ("a field of another object", "fields", json!("messages,feed")),
        ("an empty list", "fields", json!("")),
        ("nothing but commas", "fields", json!(" , ,")),
        ("the other spelling", "fields", json!("group_participant_update")),
        ("no list", "fields", json!({ "group_lifecycle_update": true })),
        ("an empty list", "fields", json!("")),
        ("an empty list", "fields", json!([])),
    ] {
        let mut body = whole(&receiver.url("/hook"));
        body[field] = value;
        refusals.add(what, &app.meta(Method::POST, &app_path(), Some(body)).await);
    }
    let path = format!("{}?object=page", app_path());
    refusals.add("in the query", &app.meta(Method::POST, &path, None).await);
    let path = format!("/{PHONE_NUMBER_ID}/subscriptions");
    refusals.add("a number", &app.meta(Method::GET, &path, None).await);
    let path = format!("/{APP_ID}/subscribed_apps");
    refusals.add("an app as WABA", &app.meta(Method::GET, &path, None).await);
    assert_snapshot!(refusals.shown(), @r#"
    no object => 400 100 (#100) The parameter object is required.: object is missing
    another object => 400 100 (#100) Invalid parameter: object must be whatsapp_business_account
    an empty object => 400 100 (#100) Invalid parameter: object must be whatsapp_business_account
    an empty address => 400 100 (#100) Invalid parameter: callback_url must be an address such as https://example.com/hook: relative URL without a base
    an unknown field => 400 100 (#100) Invalid parameter: fields must be some of account_alerts, account_review_update, account_settings_update, account_update, automatic_events, business_capability_update, business_status_update, calls, flows, group_lifecycle_update, group_participants_update, group_settings_update, group_status_update, history, message_echoes, message_template_components_update, message_template_quality_update, message_template_status_update, messages, messaging_handovers, partner_solutions, payment_configuration_update, phone_number_name_update, phone_number_quality_update, security, smb_app_state_sync, smb_message_echoes, standby, template_category_update, template_correct_category_detection, tracking_events, user_id_update, user_preferences, web_app_data_sync, web_message_echoes; got "group_lifecycle"
    a field of another object => 400 100 (#100) Invalid parameter: fields must be some of account_alerts, account_review_update, account_settings_update, account_update, automatic_events, business_capability_update, business_status_update, calls, flows, group_lifecycle_update, group_participants_update, group_settings_update, group_status_update, history, message_echoes, message_template_components_update, message_template_quality_update, message_template_status_update, messages, messaging_handovers, partner_solutions, payment_configuration_update, phone_number_name_update, phone_number_quality_update, security, smb_app_state_sync, smb_message_echoes, standby, template_category_update, template_correct_category_detection, tracking_events, user_id_update, user_preferences, web_app_data_sync, web_message_echoes; got "feed"
    an empty list => 400 100 (#100) Invalid parameter: fields must name at least one field
    nothing but commas => 400 100 (#100) Invalid parameter: fields must name at least one field
    the other spelling => 400 100 (#100) Invalid parameter: fields must be some of account_alerts, account_review_update, account_settings_update, account_update, automatic_events, business_capability_update, business_status_update, calls, flows, group_lifecycle_update, group_participants_update, group_settings_update, group_status_update, history, message_echoes, message_template_components_update, message_template_quality_update, message_template_status_update, messages, messaging_handovers, partner_solutions, payment_configuration_update, phone_number_name_update, phone_number_quality_update, security, smb_app_state_sync, smb_message_echoes, standby, template_category_update, template_correct_category_detection, tracking_events, user_id_update, user_preferences, web_app_data_sync, web_message_echoes; got "group_participant_update"
    no list => 400 100 (#100) Param fields must be an array.: fields has the wrong type: object, expected a list
    an empty list => 400 100 (#100) Invalid parameter: fields must name at least one field
    an empty list => 400 100 (#100) Invalid parameter: fields must name at least one field
    in the query => 400 100 (#100) Invalid parameter: object must be whatsapp_business_account
    a number => 400 100/33 Unsupported get request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    an app as WABA => 401 190 Invalid OAuth access token
    "#);
    assert!(receiver.seen().is_empty());
}

/// What Meta has fields for is kept as it was asked for, whether or not there are events for it.
#[tokio::test]
async fn the_fields_of_an_app_are_listed_as_they_were_asked_for() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let own = format!("{APP_ID}|{APP_SECRET}");
    let mut body = whole(&receiver.url("/hook"));
    body["fields"] = json!("messages,account_update,group_settings_update,messages");
    let path = format!("/v19.0{}", app_path());
    app.bearer(&own, Method::POST, &path, Some(body.clone())).await.ok();
    let got = app.meta(Method::GET, &app_path(), None).await;
    assert_snapshot!(shown(&got, &[&receiver]), @r#"
    200 OK
    {
      "data": [
        {
          "object": "whatsapp_business_account",
          "callback_url": "http://127.0.0.1:PORT/hook",
          "active": true,
          "fields": [
            {
              "name": "messages",
              "version": "v19.0"
            },
            {
              "name": "account_update",
              "version": "v19.0"
            },
            {
              "name": "group_settings_update",
              "version": "v19.0"
            }
          ]
        }
      ]
    }
    "#);
    let fields = async || {
        let shown = app.meta(Method::GET, &app_path(), None).await.ok();
        let fields = shown["data"][0]["fields"].as_array().cloned().unwrap_or_default();
        let text = |field: &Value, name: &str| field[name].as_str().unwrap().to_owned();
        let each = fields.iter().map(|one| text(one, "name") + " " + &text(one, "version"));
        each.collect::<Vec<_>>().join(", ")
    };
    // Our own API sees and changes what there are events for; the others stay.
    let list = app.admin(Method::GET, "/subscriptions", None).await.ok();
    assert_eq!(list["data"][0]["fields"], json!(["group_settings_update"]));
    let id = list["data"][0]["id"].as_str().unwrap();
    let change = json!({ "fields": ["group_status_update"] });
    app.admin(Method::PATCH, &format!("/subscriptions/{id}"), Some(change)).await.ok();
    assert_eq!(fields().await, "messages v19.0, account_update v19.0, group_status_update v26.0");
    // Whoever asks again asks for the whole list, with the version of that call.
    body["fields"] = json!("account_update,group_lifecycle_update,group_status_update");
    app.meta(Method::POST, &app_path(), Some(body)).await.ok();
    assert_eq!(
        fields().await,
        "account_update v23.0, group_lifecycle_update v23.0, group_status_update v23.0"
    );
    // To end one leaves the others; to end none that can be read ends none.
    let ended = |names: &str| format!("{}?fields={names}", app_path());
    app.meta(Method::DELETE, &ended("group_lifecycle_update,messages"), None).await.ok();
    assert_eq!(fields().await, "account_update v23.0, group_status_update v23.0");
    for names in ["", ",", "nonsense", "account_update,nonsense"] {
        let refused = app.meta(Method::DELETE, &ended(names), None).await;
        assert!(refusal(&refused).starts_with("400 100 "), "{names}");
    }
    assert_eq!(fields().await, "account_update v23.0, group_status_update v23.0");
    app.meta(Method::DELETE, &ended("group_status_update"), None).await.ok();
    assert_eq!(fields().await, "account_update v23.0");
    subscribe(&app).await;
    receiver.forget();
    assert_eq!(told(&app, &[&receiver]).await, [0; 0]);
    app.meta(Method::DELETE, &ended("account_update"), None).await.ok();
    assert_eq!(app.meta(Method::GET, &app_path(), None).await.ok(), json!({ "data": [] }));
}

#[tokio::test]
async fn no_receiver_takes_the_place_of_an_app_that_is_not_subscribed() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let hook = || instead(&receiver.url("/hook"));
    let refused = app.meta(Method::POST, &apps(), Some(hook())).await;
    assert_snapshot!(refused.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#100) Before override the current callback uri, your app must be subscribed to receive messages for WhatsApp Business Account",
        "type": "OAuthException",
        "code": 100
      }
    }
    "#);
    assert_eq!(set_number(&app, hook()).await.shown(), refused.shown());
    assert!(receiver.seen().is_empty(), "nobody is asked");
    assert_eq!(app.meta(Method::GET, &apps(), None).await.ok(), json!({ "data": [] }));
    // What was there can be taken away all the same.
    set_number(&app, instead("")).await.ok();
    // The operator can let it be done.
    operate(&app, json!({ "unsubscribed_overrides": true })).await;
    set_number(&app, hook()).await.ok();
    app.meta(Method::POST, &apps(), Some(hook())).await.ok();
    app.meta(Method::DELETE, &apps(), None).await.ok();
    operate(&app, json!({ "unsubscribed_overrides": false })).await;
    assert_eq!(set_number(&app, hook()).await.status, StatusCode::BAD_REQUEST);
    subscribe(&app).await;
    set_number(&app, hook()).await.ok();
}
