//! People who have a username, hide their number, have a parent id, or have not accepted the terms.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use insta::assert_snapshot;
use klatch::sandbox;
use klatch::webhook::dispatch;
use serde_json::{Value, json};

use super::{answer_requests, ask, everything, name_people, operate, whatsapp};
use crate::admin;
use crate::support::receiver::{Receiver, Seen};
use crate::support::{Answer, TestApp};

const ANN: &str = "16505550101";
const BEN: &str = "4915112345678";

async fn set(app: &TestApp, wa_id: &str, profile: Value) -> Answer {
    app.admin(Method::PUT, &format!("/people/{wa_id}"), Some(profile)).await
}

/// Ann hides her number, and is known by everything else.
async fn hide(app: &TestApp) {
    let profile =
        json!({ "username": "ann.lee", "phone_hidden": true, "with_parent_user_id": true });
    set(app, ANN, profile).await.ok();
}

/// Nothing of an answer says the number, in any spelling in which it could be read.
#[track_caller]
fn assert_hidden(bytes: &[u8]) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(!text.contains(ANN) && !text.contains(&ANN[1..]), "{text}");
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        for skip in 0..word.len().min(4) {
            let whole = word.len() - skip - (word.len() - skip) % 4;
            if let Ok(decoded) = STANDARD_NO_PAD.decode(&word[skip..skip + whole]) {
                let decoded = String::from_utf8_lossy(&decoded).into_owned();
                assert!(!decoded.contains(&ANN[1..]), "{word} is {decoded}");
            }
        }
    }
}

async fn requests(app: &TestApp, group: &str) -> Answer {
    app.meta(Method::GET, &format!("/{group}/join_requests"), None).await
}

#[tokio::test]
async fn a_profile_is_set_shown_and_taken_back() {
    let app = TestApp::new().await;
    let profile = json!({
        "username": "ann.lee",
        "phone_hidden": true,
        "with_parent_user_id": true,
        "terms_accepted": false,
    });
    assert_snapshot!(set(&app, ANN, profile).await.shown(), @r#"
    200 OK
    {
      "wa_id": "16505550101",
      "username": "ann.lee",
      "phone_hidden": true,
      "with_parent_user_id": true,
      "terms_accepted": false
    }
    "#);
    let shown = app.admin(Method::GET, &format!("/people/{ANN}"), None).await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "wa_id": "16505550101",
      "username": "ann.lee",
      "phone_hidden": true,
      "with_parent_user_id": true,
      "terms_accepted": false,
      "groups": [],
      "join_requests": [],
      "removed_from": []
    }
    "#);
    // What is left out is as with everybody else.
    assert_snapshot!(set(&app, ANN, json!({})).await.shown(), @r#"
    200 OK
    {
      "wa_id": "16505550101",
      "phone_hidden": false,
      "with_parent_user_id": false,
      "terms_accepted": true
    }
    "#);
    assert_eq!(set(&app, "+1%20650-555-0101", json!({})).await.text("wa_id"), ANN);
}

#[tokio::test]
async fn profiles_that_cannot_be() {
    let app = TestApp::new().await;
    set(&app, BEN, json!({ "username": "ben" })).await.ok();
    let mut refusals = Vec::new();
    for (what, wa_id, body) in [
        ("hidden without a name", ANN, json!({ "phone_hidden": true })),
        ("a short name", ANN, json!({ "username": "ab" })),
        ("a long name", ANN, json!({ "username": "a".repeat(36) })),
        ("an empty name", ANN, json!({ "username": "" })),
        ("a blank", ANN, json!({ "username": "ann lee" })),
        ("an at", ANN, json!({ "username": "@ann" })),
        ("letters of others", ANN, json!({ "username": "änn" })),
        ("a number as name", ANN, json!({ "username": 5 })),
        ("a text as truth", ANN, json!({ "username": "ann", "phone_hidden": "true" })),
        ("null as truth", ANN, json!({ "with_parent_user_id": null })),
        ("a number as truth", ANN, json!({ "terms_accepted": 1 })),
        ("an unknown field", ANN, json!({ "hides_phone": true })),
        ("a list", ANN, json!([])),
        ("taken", ANN, json!({ "username": "ben" })),
        ("no phone number", "nobody", json!({})),
        ("not UTF-8", "%FF", json!({})),
    ] {
        let answer = set(&app, wa_id, body).await;
        refusals.push(format!("{what} => {}", admin::refusal(&answer)));
    }
    let path = format!("/klatch/v1/people/{ANN}");
    let answer = app.bearer(sandbox::KEY, Method::PUT, &path, Some(json!({}))).await;
    refusals.push(format!("a number's key => {}", admin::refusal(&answer)));
    assert_snapshot!(refusals.join("\n"), @"
    hidden without a name => 400 invalid_field (username): username is missing: only a person with one can hide the phone number
    a short name => 400 invalid_field (username): username must be 3 to 35 small letters, digits, points and underscores
    a long name => 400 invalid_field (username): username must be 3 to 35 small letters, digits, points and underscores
    an empty name => 400 invalid_field (username): username must be 3 to 35 small letters, digits, points and underscores
    a blank => 400 invalid_field (username): username must be 3 to 35 small letters, digits, points and underscores
    an at => 400 invalid_field (username): username must be 3 to 35 small letters, digits, points and underscores
    letters of others => 400 invalid_field (username): username must be 3 to 35 small letters, digits, points and underscores
    a number as name => 400 invalid_field (username): username has the wrong type: integer, expected a string
    a text as truth => 400 invalid_field (phone_hidden): phone_hidden has the wrong type: string, expected a boolean
    null as truth => 400 invalid_field (with_parent_user_id): with_parent_user_id has the wrong type: null, expected a boolean
    a number as truth => 400 invalid_field (terms_accepted): terms_accepted has the wrong type: integer, expected a boolean
    an unknown field => 400 invalid_field (hides_phone): hides_phone is not valid: unknown field `hides_phone`, expected one of `username`, `phone_hidden`, `with_parent_user_id`, `terms_accepted`
    a list => 400 invalid_body: Invalid JSON in request body: it must be a JSON object
    taken => 409 taken (username): username is already in use
    no phone number => 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    not UTF-8 => 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    a number's key => 401 unauthorized (Authorization): This is not the admin token
    ");
    // Nothing of all that was kept.
    let shown = app.admin(Method::GET, &format!("/people/{ANN}"), None).await.ok();
    assert_eq!((shown.get("username"), &shown["phone_hidden"]), (None, &json!(false)));
    // A name is free again once it is given back, and one's own is never taken.
    set(&app, BEN, json!({ "username": "ben" })).await.ok();
    set(&app, BEN, json!({ "username": "benjamin" })).await.ok();
    set(&app, ANN, json!({ "username": "ben" })).await.ok();
}

#[tokio::test]
async fn a_hidden_number_does_not_show_in_the_group() {
    let app = TestApp::new().await;
    hide(&app).await;
    let group = app.group("Hello", "auto_approve").await;
    let link = app.link(&group).await;
    app.tap(ANN, &link).await.ok();
    app.tap(BEN, &link).await.ok();
    let path = format!("/{group}?fields=participants,total_participant_count");
    let shown = app.meta(Method::GET, &path, None).await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "total_participant_count": 2,
      "participants": [
        {
          "user_id": "US.10675678526246432575",
          "parent_user_id": "US.ENT.15971697390998067028",
          "username": "ann.lee"
        },
        {
          "wa_id": "4915112345678",
          "user_id": "DE.15697268186997280609"
        }
      ]
    }
    "#);
    assert_hidden(&shown.bytes);
    // 360dialog publishes phone numbers alone; where there is none, the user id takes its place.
    let d360 = app.d360(Method::GET, &format!("/groups{path}"), None).await;
    let people = json!([{ "user_id": "US.10675678526246432575" }, { "wa_id": BEN }]);
    assert_eq!(d360.ok()["participants"], people);
    operate(&app, json!({ "answers": "superset" })).await;
    let d360 = app.d360(Method::GET, &format!("/groups{path}"), None).await;
    assert_eq!(d360.bytes, shown.bytes);
}

#[tokio::test]
async fn a_hidden_number_does_not_show_in_a_request() {
    let app = TestApp::new().await;
    hide(&app).await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let request = ask(&app, ANN, &link).await;
    let open = ask(&app, BEN, &link).await;
    let shown = requests(&app, &group).await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "join_request_id": "VVMuMTA2NzU2Nzg1MjYyNDY0MzI1NzU6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "user_id": "US.10675678526246432575",
          "parent_user_id": "US.ENT.15971697390998067028",
          "username": "ann.lee",
          "creation_timestamp": 1755548877
        },
        {
          "join_request_id": "NDkxNTExMjM0NTY3ODoxMjAzNjM2MDU3NTg4NzY3ODM=",
          "wa_id": "4915112345678",
          "user_id": "DE.15697268186997280609",
          "creation_timestamp": 1755548877
        }
      ],
      "paging": {
        "cursors": {
          "before": "MTE4MTI3MzYyMzg=",
          "after": "MTU3OTM4NTQ3Mzc="
        }
      }
    }
    "#);
    assert_hidden(&shown.bytes);
    // Beside one that may be read.
    let decoded = STANDARD_NO_PAD.decode(open.trim_end_matches('=')).unwrap();
    assert!(String::from_utf8_lossy(&decoded).contains(BEN));
    let path = format!("/groups/{group}/join_requests");
    let d360 = app.d360(Method::GET, &path, None).await.ok();
    let first = json!({
        "join_request_id": request,
        "user_id": "US.10675678526246432575",
        "creation_timestamp": 1_755_548_877,
    });
    assert_eq!(d360["data"][0], first);
    operate(&app, json!({ "answers": "superset" })).await;
    assert_eq!(app.d360(Method::GET, &path, None).await.bytes, shown.bytes);
    // Asking twice is asking once, and asking again after a refusal is the same request.
    assert_eq!(ask(&app, ANN, &link).await, request);
    let rejected = answer_requests(&app, Method::DELETE, &group, &[&request]).await;
    assert_hidden(&rejected.bytes);
    assert_eq!(ask(&app, ANN, &link).await, request);
    let approved = answer_requests(&app, Method::POST, &group, &[&request]).await;
    assert_eq!(approved.ok()["approved_join_requests"], json!([request]));
    assert_hidden(&approved.bytes);
    app.assert_log_folds(&group).await;
}

/// The news that a receiver has got, without what is the same in all.
fn news(seen: &[Seen]) -> String {
    let news = seen.iter().map(|seen| {
        let mut news = seen.news();
        let fields = news.as_object_mut().unwrap();
        fields.retain(|name, _| !matches!(name.as_str(), "timestamp" | "group_id" | "request_id"));
        serde_json::to_string_pretty(&news).unwrap()
    });
    news.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers stand beside the calls")]
async fn a_hidden_number_does_not_show_in_webhooks() {
    let app = TestApp::new().await;
    hide(&app).await;
    let group = app.group("Hello", "approval_required").await;
    let receivers = [Receiver::start(), Receiver::start()];
    for (dialect, receiver) in ["meta", "d360"].into_iter().zip(&receivers) {
        let body = json!({
            "phone_number_id": sandbox::PHONE_NUMBER_ID,
            "dialect": dialect,
            "url": receiver.url("/hook"),
            "verify_token": (dialect == "meta").then_some("our-token"),
        });
        app.admin(Method::POST, "/subscriptions", Some(body)).await.ok();
        receiver.forget();
    }
    let link = app.link(&group).await;
    ask(&app, ANN, &link).await;
    let person = format!("/people/{ANN}");
    let named = json!({ "group_id": group });
    app.admin(Method::POST, &format!("{person}/cancel"), Some(named.clone())).await.ok();
    let request = ask(&app, ANN, &link).await;
    answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    app.admin(Method::POST, &format!("{person}/leave"), Some(named)).await.ok();
    let request = ask(&app, ANN, &link).await;
    answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    let id = everything(&app, &group).await.ok()["participants"][0]["user_id"].clone();
    let body = whatsapp(json!({ "participants": [{ "user_id": id }] }));
    app.meta(Method::DELETE, &format!("/{group}/participants"), Some(body)).await.ok();
    dispatch::run_due(&app.app.dispatch).await;
    for receiver in &receivers {
        let seen = receiver.seen();
        assert_eq!(seen.len(), 8);
        for one in &seen {
            assert_hidden(&one.body);
        }
    }
    assert_eq!(news(&receivers[0].seen()), news(&receivers[1].seen()));
    assert_snapshot!(news(&receivers[0].seen()), @r#"
    {
      "type": "group_join_request_created",
      "join_request_id": "VVMuMTA2NzU2Nzg1MjYyNDY0MzI1NzU6MTIwMzYzNjA1NzU4ODc2Nzgz",
      "user_id": "US.10675678526246432575",
      "parent_user_id": "US.ENT.15971697390998067028",
      "username": "ann.lee"
    }
    {
      "type": "group_join_request_revoked",
      "join_request_id": "VVMuMTA2NzU2Nzg1MjYyNDY0MzI1NzU6MTIwMzYzNjA1NzU4ODc2Nzgz",
      "user_id": "US.10675678526246432575",
      "parent_user_id": "US.ENT.15971697390998067028",
      "username": "ann.lee"
    }
    {
      "type": "group_join_request_created",
      "join_request_id": "VVMuMTA2NzU2Nzg1MjYyNDY0MzI1NzU6MTIwMzYzNjA1NzU4ODc2Nzgz",
      "user_id": "US.10675678526246432575",
      "parent_user_id": "US.ENT.15971697390998067028",
      "username": "ann.lee"
    }
    {
      "type": "group_participants_add",
      "reason": "invite_link",
      "added_participants": [
        {
          "input": "US.10675678526246432575",
          "user_id": "US.10675678526246432575",
          "parent_user_id": "US.ENT.15971697390998067028",
          "username": "ann.lee"
        }
      ]
    }
    {
      "type": "group_participants_remove",
      "initiated_by": "participant",
      "removed_participants": [
        {
          "user_id": "US.10675678526246432575",
          "parent_user_id": "US.ENT.15971697390998067028",
          "username": "ann.lee"
        }
      ]
    }
    {
      "type": "group_join_request_created",
      "join_request_id": "VVMuMTA2NzU2Nzg1MjYyNDY0MzI1NzU6MTIwMzYzNjA1NzU4ODc2Nzgz",
      "user_id": "US.10675678526246432575",
      "parent_user_id": "US.ENT.15971697390998067028",
      "username": "ann.lee"
    }
    {
      "type": "group_participants_add",
      "reason": "invite_link",
      "added_participants": [
        {
          "input": "US.10675678526246432575",
          "user_id": "US.10675678526246432575",
          "parent_user_id": "US.ENT.15971697390998067028",
          "username": "ann.lee"
        }
      ]
    }
    {
      "type": "group_participants_remove",
      "initiated_by": "business",
      "removed_participants": [
        {
          "input": "US.10675678526246432575"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn whoever_hides_the_number_can_be_removed_by_either_name() {
    let app = TestApp::new().await;
    hide(&app).await;
    let group = app.group("Hello", "auto_approve").await;
    let link = app.link(&group).await;
    app.tap(ANN, &link).await.ok();
    let member = everything(&app, &group).await.ok()["participants"][0].clone();
    let id = member["user_id"].as_str().unwrap();
    // The parent's id is another one: nobody is in by that name.
    let parent = member["parent_user_id"].as_str().unwrap();
    for field in ["user", "user_id"] {
        let body = whatsapp(json!({ "participants": [{ field: id }] }));
        let path = format!("/{group}/participants");
        let removed = app.meta(Method::DELETE, &path, Some(body)).await;
        assert_eq!(removed.ok().get("errors"), None, "{field}");
        assert_hidden(&removed.bytes);
        name_people(&app, Method::POST, &group, &[ANN]).await.ok();
    }
    let body = whatsapp(json!({ "participants": [{ "user_id": parent }] }));
    let answer = app.meta(Method::DELETE, &format!("/{group}/participants"), Some(body)).await.ok();
    assert_eq!(answer["errors"][0]["code"], 131_212);
    let removed = name_people(&app, Method::DELETE, &group, &[ANN]).await.ok();
    assert_eq!(removed.get("errors"), None);
    assert_eq!(everything(&app, &group).await.ok()["participants"], json!([]));
    // Removed is removed, by whichever name.
    assert_eq!(app.tap(ANN, &link).await.status, 403);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn a_profile_counts_from_the_next_deed_on() {
    let app = TestApp::new().await;
    let old = app.group("Old", "auto_approve").await;
    app.tap(ANN, &app.link(&old).await).await.ok();
    let before = everything(&app, &old).await;
    hide(&app).await;
    // The business has seen the number, and knows it still.
    assert_eq!(everything(&app, &old).await.bytes, before.bytes);
    let new = app.group("New", "auto_approve").await;
    app.tap(ANN, &app.link(&new).await).await.ok();
    let hidden = everything(&app, &new).await.ok()["participants"][0].clone();
    let known = before.ok()["participants"][0].clone();
    assert_eq!((known["wa_id"].as_str(), hidden.get("wa_id")), (Some(ANN), None));
    assert_eq!(known["user_id"], hidden["user_id"]);
    assert_eq!(hidden["username"], "ann.lee");
    // And shows again to whoever comes later.
    set(&app, ANN, json!({ "username": "ann" })).await.ok();
    let third = app.group("Third", "auto_approve").await;
    app.tap(ANN, &app.link(&third).await).await.ok();
    assert_snapshot!(everything(&app, &third).await.ok()["participants"][0], @r#"{"wa_id":"16505550101","user_id":"US.10675678526246432575","username":"ann"}"#);
}

#[tokio::test]
async fn another_business_knows_another_id_and_nobody_the_number() {
    let app = TestApp::new().await;
    hide(&app).await;
    let stranger = app.stranger().await;
    let mut people = Vec::new();
    for key in [sandbox::KEY, &stranger] {
        let body = json!({ "subject": "Hello" });
        let group = app.d360_as(key, Method::POST, "/groups", Some(body)).await.text("id");
        let path = format!("/groups/{group}/invite_link");
        let link = app.d360_as(key, Method::GET, &path, None).await.text("invite_link");
        app.tap(ANN, &link).await.ok();
        let path = format!("/v23.0/{group}?fields=participants");
        let shown = app.bearer(key, Method::GET, &path, None).await;
        assert_hidden(&shown.bytes);
        people.push(shown.ok()["participants"][0].clone());
    }
    assert_eq!(people[0]["username"], people[1]["username"]);
    assert_ne!(people[0]["user_id"], people[1]["user_id"]);
    assert_ne!(people[0]["parent_user_id"], people[1]["parent_user_id"]);
}
