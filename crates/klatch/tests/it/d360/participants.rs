//! `/groups/{group_id}/participants`.

use axum::http::Method;
use insta::assert_snapshot;
use klatch::sandbox;
use serde_json::{Value, json};

use super::{Refusals, ask, members, remove};
use crate::support::TestApp;

/// A group with these people in it, and its link.
async fn group_of(app: &TestApp, people: &[&str]) -> (String, String) {
    let group = app.group("Hello", "auto_approve").await;
    let link = app.link(&group).await;
    for wa_id in people {
        app.tap(wa_id, &link).await.ok();
    }
    (group, link)
}

#[tokio::test]
async fn whoever_is_removed_stays_out() {
    let app = TestApp::new().await;
    let (group, link) = group_of(&app, &["16505550101", "16505550102"]).await;
    let answer = remove(&app, &group, &["+16505550101"]).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_eq!(members(&app, &group).await, ["16505550102"]);

    assert_eq!(app.tap("16505550101", &link).await.json()["error"]["code"], "removed_by_business");
    // Nor does a new link help.
    let path = format!("/groups/{group}/invite_link");
    let new = app.d360(Method::POST, &path, None).await.text("invite_link");
    assert_eq!(app.tap("16505550101", &new).await.json()["error"]["code"], "removed_by_business");
    assert_eq!(members(&app, &group).await, ["16505550102"]);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn whoever_is_removed_cannot_even_ask() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let request = ask(&app, "16505550101", &link).await;
    super::answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    remove(&app, &group, &["16505550101"]).await.ok();
    assert_eq!(app.tap("16505550101", &link).await.json()["error"]["code"], "removed_by_business");
    // Elsewhere they are as welcome as before.
    let other = app.group("Other", "auto_approve").await;
    assert_eq!(app.tap("16505550101", &app.link(&other).await).await.text("result"), "joined");
}

#[tokio::test]
async fn whoever_left_may_return() {
    let app = TestApp::new().await;
    let (group, link) = group_of(&app, &["16505550101", "16505550102"]).await;
    let leave = json!({ "group_id": group });
    app.admin(Method::POST, "/people/16505550101/leave", Some(leave)).await.ok();
    assert_eq!(members(&app, &group).await, ["16505550102"]);
    assert_eq!(app.tap("16505550101", &link).await.text("result"), "joined");
    assert_eq!(members(&app, &group).await, ["16505550102", "16505550101"]);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn every_usual_spelling_of_a_phone_number_will_do() {
    let app = TestApp::new().await;
    for spelling in [
        "16505550101",
        "+16505550101",
        " +1 650 555 01 01 ",
        "1-650-555-0101",
        "+1 (650) 555.0101",
        "+1\u{a0}650\u{a0}5550101",
    ] {
        let (group, _) = group_of(&app, &["16505550101", "16505550102"]).await;
        remove(&app, &group, &[spelling]).await.ok();
        assert_eq!(members(&app, &group).await, ["16505550102"], "{spelling:?}");
    }
}

#[tokio::test]
async fn a_person_can_be_named_by_user_id() {
    let app = TestApp::new().await;
    for field in ["user", "user_id"] {
        let (group, _) = group_of(&app, &["16505550101", "16505550102"]).await;
        let user_id = app.user_id(sandbox::KEY, &group, "16505550101").await;
        let body = json!({ "participants": [{ field: user_id }] });
        app.d360(Method::DELETE, &format!("/groups/{group}/participants"), Some(body)).await.ok();
        assert_eq!(members(&app, &group).await, ["16505550102"], "{field}");
    }
}

#[tokio::test]
async fn who_is_not_in_does_not_spoil_the_call() {
    let app = TestApp::new().await;
    let (group, link) = group_of(&app, &["16505550101", "16505550102"]).await;
    for users in [
        vec!["16505550199"],
        vec![sandbox::DISPLAY_NUMBER],
        vec!["16505550199", "16505550101", "US.13491208655302741918", sandbox::DISPLAY_NUMBER],
    ] {
        assert_eq!(remove(&app, &group, &users).await.ok()["success"], true, "{users:?}");
    }
    assert_eq!(members(&app, &group).await, ["16505550102"]);
    // Who was not in was not removed either, and may come.
    assert_eq!(app.tap("16505550199", &link).await.text("result"), "joined");
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn eight_can_be_removed_at_once() {
    let app = TestApp::new().await;
    let people: Vec<String> = (1..=8).map(|n| format!("1650555010{n}")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let (group, _) = group_of(&app, &people).await;
    assert_eq!(members(&app, &group).await.len(), 8);
    remove(&app, &group, &people).await.ok();
    assert_eq!(members(&app, &group).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_list_of_people_must_be_sound() {
    let app = TestApp::new().await;
    let (group, _) = group_of(&app, &["16505550101", "16505550102"]).await;
    let user_id = app.user_id(sandbox::KEY, &group, "16505550101").await;
    let user = |user: &str| json!({ "user": user });
    let nine: Vec<Value> = (1..=9).map(|n| user(&format!("1650555010{n}"))).collect();
    let mut refusals = Refusals::default();
    for (what, participants) in [
        ("null", Value::Null),
        ("empty", json!([])),
        ("not a list", user("16505550101")),
        ("a list of texts", json!(["16505550101"])),
        ("a number", json!([user("16505550101"), { "user": 16_505_550_101_u64 }])),
        ("no user", json!([{}])),
        ("another name", json!([{ "wa_id": "16505550101" }])),
        ("null user", json!([{ "user": null }])),
        ("empty user", json!([user("16505550101"), user("")])),
        ("blank user", json!([user("  ")])),
        ("letters", json!([user("call me")])),
        ("too short", json!([user("1234")])),
        ("too long", json!([user("1234567890123456")])),
        ("a plus inside", json!([user("1+6505550101")])),
        ("other digits", json!([user("١٦٥٠٥٥٥٠١٠١")])),
        ("empty user id", json!([{ "user_id": "" }])),
        ("both", json!([{ "user": "16505550101", "user_id": user_id }])),
        ("nine", json!(nine)),
        ("twice", json!([user("16505550101"), user("16505550101")])),
        ("two spellings", json!([user("16505550101"), user("+1 650-555-0101")])),
        ("two names", json!([user("16505550102"), user("16505550101"), { "user_id": user_id }])),
        ("two spellings of a stranger", json!([user("16505550199"), user("+16505550199")])),
    ] {
        let body = json!({ "messaging_product": "whatsapp", "participants": participants });
        let path = format!("/groups/{group}/participants");
        refusals.add(what, &app.d360(Method::DELETE, &path, Some(body)).await);
    }
    let path = format!("/groups/{group}/participants");
    refusals.add("no list", &app.d360(Method::DELETE, &path, Some(json!({}))).await);
    refusals.add("no body", &app.d360(Method::DELETE, &path, None).await);
    let body = json!({ "messaging_product": "", "participants": [user("16505550101")] });
    refusals.add("product", &app.d360(Method::DELETE, &path, Some(body)).await);
    let shown = refusals.shown().replace(&user_id, "<user id>");
    assert_snapshot!(shown, @"
    null: 400 (#100) Invalid parameter: participants is missing
    empty: 400 (#100) Invalid parameter: participants must not be empty
    not a list: 400 (#100) Invalid parameter: participants has the wrong type: object, expected a list
    a list of texts: 400 (#100) Invalid parameter: participants[0] has the wrong type: string, expected an object
    a number: 400 (#131202) Duplicate participant: participants[1] repeats participants[0]: 16505550101
    no user: 400 (#100) Invalid parameter: participants[0].user is missing
    another name: 400 (#100) Invalid parameter: participants[0].user is missing
    null user: 400 (#100) Invalid parameter: participants[0].user is missing
    empty user: 400 (#100) Invalid parameter: participants[1].user must be a phone number of 5 to 15 digits
    blank user: 400 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    letters: 400 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    too short: 400 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    too long: 400 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    a plus inside: 400 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    other digits: 400 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    empty user id: 400 (#100) Invalid parameter: participants[0].user_id must be a user id such as US.13491208655302741918
    both: 400 (#100) Invalid parameter: participants[0].user_id cannot be combined with user
    nine: 400 (#100) Invalid parameter: participants must not have more than 8 entries (it has 9)
    twice: 400 (#131202) Duplicate participant: participants[1] repeats participants[0]: 16505550101
    two spellings: 400 (#131202) Duplicate participant: participants[1] repeats participants[0]: +1 650-555-0101
    two names: 400 (#131202) Duplicate participant: participants[2] repeats participants[1]: <user id>
    two spellings of a stranger: 400 (#131202) Duplicate participant: participants[1] repeats participants[0]: +16505550199
    no list: 400 (#100) Invalid parameter: participants is missing
    no body: 400 (#100) Invalid parameter: participants is missing
    product: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    ");
    assert_eq!(members(&app, &group).await, ["16505550101", "16505550102"]);
}

#[tokio::test]
async fn nobody_can_be_added() {
    let app = TestApp::new().await;
    let (group, _) = group_of(&app, &[]).await;
    let body = json!({ "participants": [{ "user": "16505550101" }] });
    let path = format!("/groups/{group}/participants");
    let answer = app.d360(Method::POST, &path, Some(body)).await;
    assert_snapshot!(answer.shown(), @r#"
    405 Method Not Allowed
    {
      "error": "Method POST is not allowed here"
    }
    "#);
    assert_eq!(members(&app, &group).await, Vec::<String>::new());
}
