//! Keys: who gets in, and what they cannot see.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use domain::ids::GroupId;
use insta::assert_snapshot;
use klatch::sandbox;
use klatch::store::Scope;
use serde_json::json;

use super::{Refusals, ask, operations, refusal, send_form};
use crate::support::{Answer, TestApp, jpeg};

/// A new key; gives its id and the secret.
async fn key(app: &TestApp, body: serde_json::Value) -> (String, String) {
    let answer = app.admin(Method::POST, "/keys", Some(body)).await;
    (answer.text("id"), answer.text("key"))
}

/// A new number; gives its id.
async fn number(app: &TestApp, account: &str, digits: &str) -> String {
    let body = json!({ "account_id": account, "display_phone_number": digits });
    app.admin(Method::POST, "/numbers", Some(body)).await.text("phone_number_id")
}

#[tokio::test]
async fn without_the_right_key_there_is_nothing() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    for (what, name, value) in [
        ("none", "X-Other", HeaderValue::from_static(sandbox::KEY)),
        ("empty", "D360-API-KEY", HeaderValue::from_static("")),
        ("blank", "D360-API-KEY", HeaderValue::from_static("  ")),
        ("wrong", "D360-API-KEY", HeaderValue::from_static("klatch-deV")),
        ("cut off", "D360-API-KEY", HeaderValue::from_static("klatch-de")),
        ("the key's id", "D360-API-KEY", HeaderValue::from_static("key_dev")),
        ("not text", "D360-API-KEY", HeaderValue::from_bytes(b"klatch-dev\xFF").unwrap()),
        ("as a bearer", "Authorization", HeaderValue::from_static("Bearer klatch-dev")),
        ("the admin token", "D360-API-KEY", HeaderValue::from_static(sandbox::ADMIN_TOKEN)),
    ] {
        let request = Request::get("/groups").header(name, value).body(Body::empty());
        refusals.add(what, &app.send(request.unwrap()).await);
    }
    assert_snapshot!(refusals.shown(), @"
    none: 401 Invalid API key: send it in the D360-API-KEY header
    empty: 401 Invalid API key: send it in the D360-API-KEY header
    blank: 401 Invalid API key: send it in the D360-API-KEY header
    wrong: 401 Invalid API key
    cut off: 401 Invalid API key
    the key's id: 401 Invalid API key
    not text: 401 Invalid API key: send it in the D360-API-KEY header
    as a bearer: 401 Invalid API key: send it in the D360-API-KEY header
    the admin token: 401 Invalid API key
    ");
    assert_snapshot!(app.d360_as("wrong", Method::GET, "/groups", None).await.shown(), @r#"
    401 Unauthorized
    {
      "error": "Invalid API key"
    }
    "#);
}

#[tokio::test]
async fn nothing_else_is_told_to_whoever_has_no_key() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for id in [&group, "never", "%FF"] {
        for operation in operations(id) {
            let answer = operation.send(&app, "wrong").await;
            assert_eq!(refusal(&answer), "401 Invalid API key", "{} {id}", operation.name);
        }
    }
    for (method, path, body) in [
        (Method::GET, "/groups?limit=0&after=damaged", None),
        (Method::POST, "/groups", Some(json!([]))),
        (Method::POST, "/v1/groups", Some(json!({ "subject": 5 }))),
    ] {
        let answer = app.d360_as("wrong", method, path, body).await;
        assert_eq!(refusal(&answer), "401 Invalid API key", "{path}");
    }
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_from_then_on() {
    let app = TestApp::new().await;
    let (id, secret) = key(&app, json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID })).await;
    app.d360_as(&secret, Method::GET, "/groups", None).await.ok();
    app.admin(Method::DELETE, &format!("/keys/{id}"), None).await.ok();
    let answer = app.d360_as(&secret, Method::GET, "/groups", None).await;
    assert_eq!(refusal(&answer), "401 Invalid API key");
    // The other key of the same number is not touched.
    app.d360(Method::GET, "/groups", None).await.ok();
}

#[tokio::test]
async fn keys_of_one_number_see_the_same_groups() {
    let app = TestApp::new().await;
    let (_, secret) = key(&app, json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID })).await;
    let group = app.group("Hello", "auto_approve").await;
    let one = app.d360(Method::GET, "/groups", None).await;
    let two = app.d360_as(&secret, Method::GET, "/groups", None).await;
    assert_eq!(one.bytes, two.bytes);
    app.d360_as(&secret, Method::DELETE, &format!("/groups/{group}"), None).await.ok();
}

#[tokio::test]
async fn a_key_of_an_account_works_as_long_as_it_is_clear_which_number_is_meant() {
    let app = TestApp::new().await;
    let body = json!({ "id": "acc_new", "name": "New" });
    app.admin(Method::POST, "/accounts", Some(body)).await.ok();
    let (_, secret) = key(&app, json!({ "account_id": "acc_new" })).await;
    let ambiguous = "401 Invalid API key: it opens an account and not one number; use a key of \
                     the number";
    let list = async || app.d360_as(&secret, Method::GET, "/groups", None).await;
    assert_eq!(refusal(&list().await), ambiguous, "no number");

    number(&app, "acc_new", "+44 7700 900001").await;
    list().await.ok();
    let body = json!({ "subject": "Theirs" });
    app.d360_as(&secret, Method::POST, "/groups", Some(body)).await.ok();

    number(&app, "acc_new", "+44 7700 900002").await;
    assert_eq!(refusal(&list().await), ambiguous, "two numbers");
}

/// All of an answer but the id that every answer has of its own.
fn seen(answer: Answer) -> (StatusCode, HeaderMap, Bytes) {
    let Answer { status, mut headers, bytes } = answer;
    assert!(headers.remove("x-request-id").is_some(), "{headers:?}");
    (status, headers, bytes)
}

#[tokio::test]
async fn the_group_of_another_number_is_as_unknown_as_one_that_never_was() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let neighbour = number(&app, sandbox::ACCOUNT, "+1 555 078 3882").await;
    let (_, neighbour) = key(&app, json!({ "phone_number_id": neighbour })).await;

    let group = app.group("Private", "approval_required").await;
    let link = app.link(&group).await;
    let request = ask(&app, "16505550101", &link).await;
    super::answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    let open = ask(&app, "16505550102", &link).await;
    send_form(&app, &group, &[("file", Some("us.jpg"), &jpeg(192, 192))]).await.ok();
    let before = app.app.group(&Scope::Everything, &GroupId::parse(&group).unwrap()).await;

    // As long as a real id, so that not even the length of an answer could tell.
    let never = "x".repeat(group.len());
    for caller in [&stranger, &neighbour] {
        for (foreign, unknown) in operations(&group).iter().zip(operations(&never)) {
            let foreign_answer = foreign.send(&app, caller).await;
            assert_eq!(
                refusal(&foreign_answer),
                "404 (#131041) Group unknown: the group does not exist",
                "{}",
                foreign.name
            );
            let unknown_answer = unknown.send(&app, caller).await;
            assert_eq!(seen(foreign_answer), seen(unknown_answer), "{}", foreign.name);
        }
        // With real ids of what is in it, too.
        let body = json!({ "join_requests": [open] });
        let path = format!("/groups/{group}/join_requests");
        for method in [Method::POST, Method::DELETE] {
            let answer = app.d360_as(caller, method, &path, Some(body.clone())).await;
            assert_eq!(answer.status, 404, "{answer:?}");
        }
        let list = app.d360_as(caller, Method::GET, "/groups", None).await.ok();
        assert_eq!(list["data"]["groups"], json!([]));
        // Nor does the request mean anything in a group of their own.
        let body = json!({ "subject": "Theirs", "join_approval_mode": "approval_required" });
        let own = app.d360_as(caller, Method::POST, "/groups", Some(body)).await.text("id");
        let path = format!("/groups/{own}/join_requests");
        let body = json!({ "join_requests": [open] });
        let answer = app.d360_as(caller, Method::POST, &path, Some(body)).await.ok();
        assert_eq!(answer["approved_join_requests"], json!([]));
        assert_eq!(answer["errors"][0]["code"], 131_213);
    }
    let after = app.app.group(&Scope::Everything, &GroupId::parse(&group).unwrap()).await;
    assert_eq!(before.unwrap(), after.unwrap());
}

#[tokio::test]
async fn the_same_person_has_another_user_id_in_another_account() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let mut user_ids = Vec::new();
    for key in [sandbox::KEY, &stranger] {
        let body = json!({ "subject": "Hello" });
        let group = app.d360_as(key, Method::POST, "/groups", Some(body)).await.text("id");
        let path = format!("/groups/{group}/invite_link");
        let link = app.d360_as(key, Method::GET, &path, None).await.text("invite_link");
        app.tap("16505550101", &link).await.ok();
        let path = format!("/groups/{group}?fields=participants");
        let info = app.d360_as(key, Method::GET, &path, None).await.ok();
        assert_eq!(info["participants"][0]["wa_id"], "16505550101");
        user_ids.push(app.user_id(key, &group, "16505550101").await);
    }
    assert_ne!(user_ids[0], user_ids[1]);
}
