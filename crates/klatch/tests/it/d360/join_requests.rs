//! `/groups/{group_id}/join_requests`.

use std::time::Duration;

use axum::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Refusals, answer_requests, ask, members, set_limits, waiting};
use crate::support::TestApp;

#[tokio::test]
async fn the_list_begins_with_who_waits_longest() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let path = format!("/groups/{group}/join_requests");
    assert_snapshot!(app.d360(Method::GET, &path, None).await.shown(), @r#"
    200 OK
    {
      "data": [],
      "paging": {}
    }
    "#);

    let link = app.link(&group).await;
    ask(&app, "16505550101", &link).await;
    app.clock.advance(Duration::from_mins(1));
    ask(&app, "4915112345678", &link).await;
    assert_snapshot!(app.d360(Method::GET, &path, None).await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "wa_id": "16505550101",
          "creation_timestamp": 1755548877
        },
        {
          "join_request_id": "NDkxNTExMjM0NTY3ODoxMjAzNjM2MDU3NTg4NzY3ODM=",
          "wa_id": "4915112345678",
          "creation_timestamp": 1755548937
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
}

#[tokio::test]
async fn approving_lets_people_in() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let first = ask(&app, "16505550101", &link).await;
    let second = ask(&app, "16505550102", &link).await;
    ask(&app, "16505550103", &link).await;
    assert_eq!(members(&app, &group).await, Vec::<String>::new());

    let answer = answer_requests(&app, Method::POST, &group, &[&second, &first]).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "approved_join_requests": [
        "MTY1MDU1NTAxMDI6MTIwMzYzNjA1NzU4ODc2Nzgz",
        "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz"
      ]
    }
    "#);
    assert_eq!(members(&app, &group).await, ["16505550102", "16505550101"]);
    assert_eq!(waiting(&app, &group).await, ["16505550103"]);
    assert_eq!(app.tap("16505550101", &link).await.json()["error"]["code"], "already_participant");
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn whoever_is_rejected_may_ask_again() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let request = ask(&app, "16505550101", &link).await;

    let answer = answer_requests(&app, Method::DELETE, &group, &[&request]).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "rejected_join_requests": [
        "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz"
      ]
    }
    "#);
    assert_eq!(waiting(&app, &group).await, Vec::<String>::new());
    assert_eq!(members(&app, &group).await, Vec::<String>::new());

    assert_eq!(ask(&app, "16505550101", &link).await, request);
    assert_eq!(waiting(&app, &group).await, ["16505550101"]);
    answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    assert_eq!(members(&app, &group).await, ["16505550101"]);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn asking_twice_is_asking_once() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let first = app.tap("16505550101", &link).await;
    app.clock.advance(Duration::from_mins(1));
    let second = app.tap("16505550101", &link).await;
    assert_eq!((first.status, &first.bytes), (second.status, &second.bytes));

    let path = format!("/groups/{group}/join_requests");
    let list = app.d360(Method::GET, &path, None).await.ok();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    // The moment is that of the first time.
    assert_eq!(list["data"][0]["creation_timestamp"], 1_755_548_877);
}

#[tokio::test]
async fn what_is_not_open_fails_alone() {
    let app = TestApp::new().await;
    let (one, two) =
        (app.group("One", "approval_required").await, app.group("Two", "approval_required").await);
    let good = ask(&app, "16505550101", &app.link(&one).await).await;
    let foreign = ask(&app, "16505550102", &app.link(&two).await).await;
    let cancelled = ask(&app, "16505550103", &app.link(&one).await).await;
    let cancel = json!({ "group_id": one });
    app.admin(Method::POST, "/people/16505550103/cancel", Some(cancel)).await.ok();

    let named = ["never-made", good.as_str(), foreign.as_str(), cancelled.as_str()];
    let answer = answer_requests(&app, Method::POST, &one, &named).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "approved_join_requests": [
        "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz"
      ],
      "failed_join_requests": [
        {
          "join_request_id": "never-made",
          "errors": [
            {
              "code": 131213,
              "message": "(#131213) the join request does not exist",
              "title": "Group join request does not exist.",
              "error_data": {
                "details": "the join request does not exist"
              }
            }
          ]
        },
        {
          "join_request_id": "MTY1MDU1NTAxMDI6MTIwMzYzMzA0NDAxOTQ0Mzcw",
          "errors": [
            {
              "code": 131213,
              "message": "(#131213) the join request does not exist",
              "title": "Group join request does not exist.",
              "error_data": {
                "details": "the join request does not exist"
              }
            }
          ]
        },
        {
          "join_request_id": "MTY1MDU1NTAxMDM6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "errors": [
            {
              "code": 131213,
              "message": "(#131213) the join request does not exist",
              "title": "Group join request does not exist.",
              "error_data": {
                "details": "the join request does not exist"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131213,
          "message": "(#131213) the join request does not exist",
          "title": "Group join request does not exist.",
          "error_data": {
            "details": "the join request does not exist"
          }
        }
      ]
    }
    "#);
    assert_eq!(members(&app, &one).await, ["16505550101"]);
    assert_eq!(members(&app, &two).await, Vec::<String>::new());
    assert_eq!(waiting(&app, &two).await, ["16505550102"]);

    app.assert_log_folds(&one).await;
}

#[tokio::test]
async fn a_request_is_answered_once() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let request = ask(&app, "16505550101", &app.link(&group).await).await;
    answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    assert_snapshot!(answer_requests(&app, Method::POST, &group, &[&request]).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "approved_join_requests": [],
      "failed_join_requests": [
        {
          "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "errors": [
            {
              "code": 131213,
              "message": "(#131213) the join request does not exist",
              "title": "Group join request does not exist.",
              "error_data": {
                "details": "the join request does not exist"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131213,
          "message": "(#131213) the join request does not exist",
          "title": "Group join request does not exist.",
          "error_data": {
            "details": "the join request does not exist"
          }
        }
      ]
    }
    "#);
    let rejected = answer_requests(&app, Method::DELETE, &group, &[&request]).await.ok();
    assert_eq!(rejected["rejected_join_requests"], json!([]));
    assert_eq!(rejected["errors"][0]["code"], 131_213);
    assert_eq!(members(&app, &group).await, ["16505550101"]);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn who_does_not_fit_in_any_more_fails_alone_and_goes_on_waiting() {
    let app = TestApp::new().await;
    set_limits(&app, json!({ "participants": 2 })).await;
    let group = app.group("Small", "approval_required").await;
    let link = app.link(&group).await;
    let mut ids = Vec::new();
    for n in 1..=4 {
        ids.push(ask(&app, &format!("1650555010{n}"), &link).await);
    }
    let named: Vec<&str> = ids.iter().map(String::as_str).collect();

    let answer = answer_requests(&app, Method::POST, &group, &named).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "approved_join_requests": [
        "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz",
        "MTY1MDU1NTAxMDI6MTIwMzYzNjA1NzU4ODc2Nzgz"
      ],
      "failed_join_requests": [
        {
          "join_request_id": "MTY1MDU1NTAxMDM6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "errors": [
            {
              "code": 131204,
              "message": "(#131204) the group already holds 2 participants",
              "title": "Participant overlimit",
              "error_data": {
                "details": "the group already holds 2 participants"
              }
            }
          ]
        },
        {
          "join_request_id": "MTY1MDU1NTAxMDQ6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "errors": [
            {
              "code": 131204,
              "message": "(#131204) the group already holds 2 participants",
              "title": "Participant overlimit",
              "error_data": {
                "details": "the group already holds 2 participants"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131204,
          "message": "(#131204) the group already holds 2 participants",
          "title": "Participant overlimit",
          "error_data": {
            "details": "the group already holds 2 participants"
          }
        }
      ]
    }
    "#);
    assert_eq!(members(&app, &group).await, ["16505550101", "16505550102"]);
    assert_eq!(waiting(&app, &group).await, ["16505550103", "16505550104"]);

    // One leaves, one place is free.
    let leave = json!({ "group_id": group });
    app.admin(Method::POST, "/people/16505550101/leave", Some(leave)).await.ok();
    let body = answer_requests(&app, Method::POST, &group, &named[2..]).await.ok();
    assert_eq!(body["approved_join_requests"], json!([ids[2]]));
    assert_eq!(body["failed_join_requests"][0]["join_request_id"], ids[3].as_str());
    assert_eq!(body["failed_join_requests"][0]["errors"][0]["code"], 131_204);
    assert_eq!(members(&app, &group).await, ["16505550102", "16505550103"]);
    // Asking at a full group is still possible.
    ask(&app, "16505550105", &link).await;
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn different_reasons_are_each_told_once() {
    let app = TestApp::new().await;
    set_limits(&app, json!({ "participants": 1 })).await;
    let group = app.group("Small", "approval_required").await;
    let link = app.link(&group).await;
    let first = ask(&app, "16505550101", &link).await;
    let second = ask(&app, "16505550102", &link).await;
    let third = ask(&app, "16505550103", &link).await;
    let named = [first.as_str(), "gone", &second, "gone-too", &third];
    let body = answer_requests(&app, Method::POST, &group, &named).await.ok();
    let codes = |errors: &Value| -> Vec<u64> {
        errors.as_array().unwrap().iter().map(|error| error["code"].as_u64().unwrap()).collect()
    };
    assert_eq!(codes(&body["errors"]), [131_213, 131_204]);
    let failed = body["failed_join_requests"].as_array().unwrap();
    let failed: Vec<_> = failed.iter().map(|one| codes(&one["errors"])).collect();
    assert_eq!(failed, [[131_213], [131_204], [131_213], [131_204]]);
}

#[tokio::test]
async fn a_list_of_requests_must_be_sound() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let open = ask(&app, "16505550101", &link).await;
    let many: Vec<String> = (0..1025).map(|n| format!("id{n}")).collect();
    let mut refusals = Refusals::default();
    for (what, body) in [
        ("nothing", json!({})),
        ("null", json!({ "join_requests": null })),
        ("empty", json!({ "join_requests": [] })),
        ("not a list", json!({ "join_requests": true })),
        ("an object", json!({ "join_requests": { "id": open } })),
        ("a fraction inside", json!({ "join_requests": [open, 1.5] })),
        ("null inside", json!({ "join_requests": [null] })),
        ("an empty id", json!({ "join_requests": [open, ""] })),
        ("a blank id", json!({ "join_requests": ["a b"] })),
        ("a control", json!({ "join_requests": ["a\u{0}"] })),
        ("a huge id", json!({ "join_requests": [open, "x".repeat(257)] })),
        ("1025", json!({ "join_requests": many })),
        ("twice", json!({ "join_requests": [open, "other", open] })),
        ("twice unknown", json!({ "join_requests": ["other", "other"] })),
        ("product", json!({ "join_requests": [open], "messaging_product": "sms" })),
    ] {
        for method in [Method::POST, Method::DELETE] {
            let path = format!("/groups/{group}/join_requests");
            let answer = app.d360(method.clone(), &path, Some(body.clone())).await;
            refusals.add(&format!("{what}, {method}"), &answer);
        }
    }
    assert_snapshot!(refusals.shown(), @"
    nothing, POST: 400 (#100) Invalid parameter: join_requests is missing
    nothing, DELETE: 400 (#100) Invalid parameter: join_requests is missing
    null, POST: 400 (#100) Invalid parameter: join_requests is missing
    null, DELETE: 400 (#100) Invalid parameter: join_requests is missing
    empty, POST: 400 (#100) Invalid parameter: join_requests must not be empty
    empty, DELETE: 400 (#100) Invalid parameter: join_requests must not be empty
    not a list, POST: 400 (#100) Invalid parameter: join_requests has the wrong type: boolean, expected a list
    not a list, DELETE: 400 (#100) Invalid parameter: join_requests has the wrong type: boolean, expected a list
    an object, POST: 400 (#100) Invalid parameter: join_requests has the wrong type: object, expected a list
    an object, DELETE: 400 (#100) Invalid parameter: join_requests has the wrong type: object, expected a list
    a fraction inside, POST: 400 (#100) Invalid parameter: join_requests[1] has the wrong type: floating point, expected an id
    a fraction inside, DELETE: 400 (#100) Invalid parameter: join_requests[1] has the wrong type: floating point, expected an id
    null inside, POST: 400 (#100) Invalid parameter: join_requests[0] has the wrong type: null, expected an id
    null inside, DELETE: 400 (#100) Invalid parameter: join_requests[0] has the wrong type: null, expected an id
    an empty id, POST: 400 (#100) Invalid parameter: join_requests[1] must be an id of 1 to 256 bytes without blanks
    an empty id, DELETE: 400 (#100) Invalid parameter: join_requests[1] must be an id of 1 to 256 bytes without blanks
    a blank id, POST: 400 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    a blank id, DELETE: 400 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    a control, POST: 400 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    a control, DELETE: 400 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    a huge id, POST: 400 (#100) Invalid parameter: join_requests[1] must be an id of 1 to 256 bytes without blanks
    a huge id, DELETE: 400 (#100) Invalid parameter: join_requests[1] must be an id of 1 to 256 bytes without blanks
    1025, POST: 400 (#100) Invalid parameter: join_requests must not have more than 1024 entries (it has 1025)
    1025, DELETE: 400 (#100) Invalid parameter: join_requests must not have more than 1024 entries (it has 1025)
    twice, POST: 400 (#131202) Duplicate participant: join_requests[2] repeats join_requests[0]: MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz
    twice, DELETE: 400 (#131202) Duplicate participant: join_requests[2] repeats join_requests[0]: MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz
    twice unknown, POST: 400 (#131202) Duplicate participant: join_requests[1] repeats join_requests[0]: other
    twice unknown, DELETE: 400 (#131202) Duplicate participant: join_requests[1] repeats join_requests[0]: other
    product, POST: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    product, DELETE: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    ");
    assert_eq!(waiting(&app, &group).await, ["16505550101"]);
}

#[tokio::test]
async fn as_many_requests_as_can_be_open_can_be_answered_at_once() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let open = ask(&app, "16505550101", &app.link(&group).await).await;
    let unknown: Vec<String> = (1..1024).map(|n| format!("id{n}")).collect();
    let named: Vec<&str> =
        unknown.iter().map(String::as_str).chain(std::iter::once(open.as_str())).collect();
    let body = answer_requests(&app, Method::DELETE, &group, &named).await.ok();
    assert_eq!(body["rejected_join_requests"], json!([open]));
    assert_eq!(body["failed_join_requests"].as_array().unwrap().len(), 1023);
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
}
