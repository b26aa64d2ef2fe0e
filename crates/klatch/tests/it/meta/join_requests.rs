//! Join requests: who waits, who is let in, who is turned away.

use axum::http::Method;
use insta::assert_snapshot;
use serde_json::json;

use super::{Refusals, answer_requests, ask, members, operate, send_pairs, whatsapp};
use crate::support::{Answer, TestApp};

const ANN: &str = "16505550101";
const BEN: &str = "4915112345678";
const CLEO: &str = "16505550103";

async fn list(app: &TestApp, group: &str) -> Answer {
    app.meta(Method::GET, &format!("/{group}/join_requests"), None).await
}

async fn profile(app: &TestApp, wa_id: &str, profile: serde_json::Value) {
    app.admin(Method::PUT, &format!("/people/{wa_id}"), Some(profile)).await.ok();
}

#[tokio::test]
async fn requests_are_listed_approved_and_rejected() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    assert_snapshot!(list(&app, &group).await.shown(), @r#"
    200 OK
    {
      "data": [],
      "paging": {}
    }
    "#);
    let link = app.link(&group).await;
    let (ann, ben) = (ask(&app, ANN, &link).await, ask(&app, BEN, &link).await);
    assert_snapshot!(list(&app, &group).await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "wa_id": "16505550101",
          "user_id": "US.10675678526246432575",
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
    let approved = answer_requests(&app, Method::POST, &group, &[&ann]).await;
    assert_snapshot!(approved.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "approved_join_requests": [
        "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz"
      ]
    }
    "#);
    let rejected = answer_requests(&app, Method::DELETE, &group, &[&ben]).await;
    assert_snapshot!(rejected.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "rejected_join_requests": [
        "NDkxNTExMjM0NTY3ODoxMjAzNjM2MDU3NTg4NzY3ODM="
      ]
    }
    "#);
    assert_eq!(list(&app, &group).await.ok()["data"], json!([]));
    assert_eq!(members(&app, &group).await, [ANN]);
    // Whoever was turned away may ask again, and it is the same request.
    assert_eq!(ask(&app, BEN, &link).await, ben);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers stand beside the calls")]
async fn what_cannot_be_answered_fails_alone() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    profile(&app, BEN, json!({ "terms_accepted": false })).await;
    let (ann, ben) = (ask(&app, ANN, &link).await, ask(&app, BEN, &link).await);
    let never = "MTY1MDU1NTAxMDE6MTIwMzYzMDAwMDAwMDAwMDAw";
    let answer = answer_requests(&app, Method::POST, &group, &[never, &ann, &ben]).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "approved_join_requests": [
        "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz"
      ],
      "failed_join_requests": [
        {
          "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzMDAwMDAwMDAwMDAw",
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
          "join_request_id": "NDkxNTExMjM0NTY3ODoxMjAzNjM2MDU3NTg4NzY3ODM=",
          "errors": [
            {
              "code": 131203,
              "message": "(#131203) the person has not accepted the present terms of service and privacy policy",
              "title": "Unable to add participant to group",
              "error_data": {
                "details": "the person has not accepted the present terms of service and privacy policy"
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
        },
        {
          "code": 131203,
          "message": "(#131203) the person has not accepted the present terms of service and privacy policy",
          "title": "Unable to add participant to group",
          "error_data": {
            "details": "the person has not accepted the present terms of service and privacy policy"
          }
        }
      ]
    }
    "#);
    assert_eq!(members(&app, &group).await, [ANN]);
    // Handled is as unknown as never made.
    let answer = answer_requests(&app, Method::DELETE, &group, &[&ann, never]).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "rejected_join_requests": [],
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
        },
        {
          "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzMDAwMDAwMDAwMDAw",
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
    // Nobody has to accept anything to be turned away.
    let answer = answer_requests(&app, Method::DELETE, &group, &[&ben]).await.ok();
    assert_eq!(answer["rejected_join_requests"], json!([ben]));
    // Once the terms are accepted, the next request can be approved.
    profile(&app, BEN, json!({})).await;
    let ben = ask(&app, BEN, &link).await;
    let answer = answer_requests(&app, Method::POST, &group, &[&ben]).await.ok();
    assert_eq!(answer["approved_join_requests"], json!([ben]));
}

#[tokio::test]
async fn a_full_group_takes_who_fits() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    operate(&app, json!({ "limits": { "participants": 1 } })).await;
    let full = app.group("Small", "approval_required").await;
    let link = app.link(&full).await;
    let (ann, cleo) = (ask(&app, ANN, &link).await, ask(&app, CLEO, &link).await);
    let answer = answer_requests(&app, Method::POST, &full, &[&ann, &cleo]).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "approved_join_requests": [
        "MTY1MDU1NTAxMDE6MTIwMzYzMzA0NDAxOTQ0Mzcw"
      ],
      "failed_join_requests": [
        {
          "join_request_id": "MTY1MDU1NTAxMDM6MTIwMzYzMzA0NDAxOTQ0Mzcw",
          "errors": [
            {
              "code": 131204,
              "message": "(#131204) the group already holds 1 participant",
              "title": "Participant overlimit",
              "error_data": {
                "details": "the group already holds 1 participant"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131204,
          "message": "(#131204) the group already holds 1 participant",
          "title": "Participant overlimit",
          "error_data": {
            "details": "the group already holds 1 participant"
          }
        }
      ]
    }
    "#);
    assert_eq!(members(&app, &full).await, [ANN]);
    let left = list(&app, &full).await.ok();
    assert_eq!(left["data"][0]["join_request_id"], *cleo);
    // A request means nothing in another group.
    let answer = answer_requests(&app, Method::POST, &group, &[&cleo]).await.ok();
    assert_eq!(answer["errors"][0]["code"], 131_213);
}

#[tokio::test]
async fn lists_that_are_wrong_are_refused_whole() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let ann = ask(&app, ANN, &app.link(&group).await).await;
    let many: Vec<String> = (0..1_025).map(|n| format!("id{n}")).collect();
    let mut refusals = Refusals::default();
    for (what, body) in [
        ("no list", json!({})),
        ("null", json!({ "join_requests": null })),
        ("an empty list", json!({ "join_requests": [] })),
        ("a boolean", json!({ "join_requests": true })),
        ("an object", json!({ "join_requests": { "id": ann } })),
        ("objects", json!({ "join_requests": [{ "join_request_id": ann }] })),
        ("a fraction", json!({ "join_requests": [ann, 1.5] })),
        ("null in it", json!({ "join_requests": [null] })),
        ("an empty id", json!({ "join_requests": [ann, ""] })),
        ("a blank", json!({ "join_requests": [" "] })),
        ("a long id", json!({ "join_requests": ["x".repeat(257)] })),
        ("twice", json!({ "join_requests": [ann, "x", ann] })),
        ("too many", json!({ "join_requests": many })),
    ] {
        for method in [Method::POST, Method::DELETE] {
            let path = format!("/{group}/join_requests");
            let answer = app.meta(method.clone(), &path, Some(whatsapp(body.clone()))).await;
            refusals.add(&format!("{method} {what}"), &answer);
        }
    }
    let bare = json!({ "join_requests": [ann] });
    let answer = app.meta(Method::POST, &format!("/{group}/join_requests"), Some(bare)).await;
    refusals.add("no product", &answer);
    assert_snapshot!(refusals.shown(), @"
    POST no list => 400 100 (#100) The parameter join_requests is required.: join_requests is missing
    DELETE no list => 400 100 (#100) The parameter join_requests is required.: join_requests is missing
    POST null => 400 100 (#100) The parameter join_requests is required.: join_requests is missing
    DELETE null => 400 100 (#100) The parameter join_requests is required.: join_requests is missing
    POST an empty list => 400 100 (#100) Invalid parameter: join_requests must not be empty
    DELETE an empty list => 400 100 (#100) Invalid parameter: join_requests must not be empty
    POST a boolean => 400 100 (#100) Param join_requests must be an array.: join_requests has the wrong type: boolean, expected a list
    DELETE a boolean => 400 100 (#100) Param join_requests must be an array.: join_requests has the wrong type: boolean, expected a list
    POST an object => 400 100 (#100) Param join_requests must be an array.: join_requests has the wrong type: object, expected a list
    DELETE an object => 400 100 (#100) Param join_requests must be an array.: join_requests has the wrong type: object, expected a list
    POST objects => 400 100 (#100) Param join_requests[0] must be a string.: join_requests[0] has the wrong type: object, expected an id
    DELETE objects => 400 100 (#100) Param join_requests[0] must be a string.: join_requests[0] has the wrong type: object, expected an id
    POST a fraction => 400 100 (#100) Param join_requests[1] must be a string.: join_requests[1] has the wrong type: floating point, expected an id
    DELETE a fraction => 400 100 (#100) Param join_requests[1] must be a string.: join_requests[1] has the wrong type: floating point, expected an id
    POST null in it => 400 100 (#100) Param join_requests[0] must be a string.: join_requests[0] has the wrong type: null, expected an id
    DELETE null in it => 400 100 (#100) Param join_requests[0] must be a string.: join_requests[0] has the wrong type: null, expected an id
    POST an empty id => 400 100 (#100) Invalid parameter: join_requests[1] must be an id of 1 to 256 bytes without blanks
    DELETE an empty id => 400 100 (#100) Invalid parameter: join_requests[1] must be an id of 1 to 256 bytes without blanks
    POST a blank => 400 100 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    DELETE a blank => 400 100 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    POST a long id => 400 100 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    DELETE a long id => 400 100 (#100) Invalid parameter: join_requests[0] must be an id of 1 to 256 bytes without blanks
    POST twice => 400 131202 (#131202) Duplicate participant: join_requests[2] repeats join_requests[0]: MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz
    DELETE twice => 400 131202 (#131202) Duplicate participant: join_requests[2] repeats join_requests[0]: MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz
    POST too many => 400 100 (#100) Invalid parameter: join_requests must not have more than 1024 entries (it has 1025)
    DELETE too many => 400 100 (#100) Invalid parameter: join_requests must not have more than 1024 entries (it has 1025)
    no product => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    ");
    assert_eq!(list(&app, &group).await.ok()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_list_in_a_form_is_written_as_json() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    let (ann, ben) = (ask(&app, ANN, &link).await, ask(&app, BEN, &link).await);
    let path = format!("/{group}/join_requests");
    let list = json!([ann]).to_string();
    let pairs = [("messaging_product", "whatsapp"), ("join_requests", &list)];
    let answer = send_pairs(&app, Method::POST, &path, &pairs).await.ok();
    assert_eq!(answer["approved_join_requests"], json!([ann]));
    let list = format!(" {}", json!([ben]));
    let parts: [(&str, Option<&str>, &[u8]); 2] =
        [("messaging_product", None, b"whatsapp"), ("join_requests", None, list.as_bytes())];
    let answer = super::send_form(&app, &path, &parts).await.ok();
    assert_eq!(answer["approved_join_requests"], json!([ben]));
}
