//! Participants: who is added, who is removed, and for whom it comes to nothing.

use axum::http::{Method, StatusCode};
use insta::assert_snapshot;
use klatch::sandbox;
use serde_json::{Value, json};

use super::{Refusals, ask, members, name_people, operate, send_pairs, whatsapp};
use crate::support::{Answer, TestApp};

const ANN: &str = "16505550101";
const BEN: &str = "4915112345678";
const CLEO: &str = "16505550103";

async fn send(app: &TestApp, method: Method, group: &str, people: Value) -> Answer {
    let body = whatsapp(json!({ "participants": people }));
    app.meta(method, &format!("/{group}/participants"), Some(body)).await
}

#[tokio::test]
async fn people_are_added_and_removed() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let added = name_people(&app, Method::POST, &group, &["+1 (650) 555-0101", BEN]).await;
    assert_snapshot!(added.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "26E3FAC3F851BF89A8EAE7B77323D69D"
    }
    "#);
    assert_eq!(members(&app, &group).await, [ANN, BEN]);
    let removed = name_people(&app, Method::DELETE, &group, &[ANN, BEN]).await;
    assert_snapshot!(removed.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "904683A80B0B69E5E1B1AABD9A215962"
    }
    "#);
    assert_eq!(members(&app, &group).await, [""; 0]);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers stand beside the calls")]
async fn what_went_well_for_some_only_is_partial() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    name_people(&app, Method::POST, &group, &[ANN]).await.ok();
    let body = Some(json!({ "terms_accepted": false }));
    app.admin(Method::PUT, &format!("/people/{CLEO}"), body).await.ok();
    let added = name_people(&app, Method::POST, &group, &["+16505550101", BEN, CLEO]).await;
    assert_snapshot!(added.shown(), @r#"
    206 Partial Content
    {
      "success": true,
      "request_id": "904683A80B0B69E5E1B1AABD9A215962",
      "failed_participants": [
        {
          "input": "+16505550101",
          "errors": [
            {
              "code": 100,
              "message": "(#100) the person is already a participant of the group",
              "title": "Invalid parameter",
              "error_data": {
                "details": "the person is already a participant of the group"
              }
            }
          ]
        },
        {
          "input": "16505550103",
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
          "code": 131201,
          "message": "Failed to add some participants to the group",
          "title": "Not All Participants Add Succeeded",
          "error_data": {
            "details": "2 of the participants failed; each entry says why"
          }
        }
      ]
    }
    "#);
    let removed = name_people(&app, Method::DELETE, &group, &[CLEO, ANN]).await;
    assert_snapshot!(removed.shown(), @r#"
    206 Partial Content
    {
      "success": true,
      "request_id": "7D8934FDA1ED80BA7284926B9225C076",
      "failed_participants": [
        {
          "input": "16505550103",
          "errors": [
            {
              "code": 131212,
              "message": "(#131212) the person is not a participant of the group",
              "title": "Participant is not a part of the group.",
              "error_data": {
                "details": "the person is not a participant of the group"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131201,
          "message": "Failed to remove some participants from the group",
          "title": "Not All Participants Remove Succeeded",
          "error_data": {
            "details": "1 of the participants failed; its entry says why"
          }
        }
      ]
    }
    "#);
    assert_eq!(members(&app, &group).await, [BEN]);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers stand beside the calls")]
async fn what_went_well_for_nobody_was_taken_all_the_same() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let removed = name_people(&app, Method::DELETE, &group, &[ANN, BEN]).await;
    assert_snapshot!(removed.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "26E3FAC3F851BF89A8EAE7B77323D69D",
      "failed_participants": [
        {
          "input": "16505550101",
          "errors": [
            {
              "code": 131212,
              "message": "(#131212) the person is not a participant of the group",
              "title": "Participant is not a part of the group.",
              "error_data": {
                "details": "the person is not a participant of the group"
              }
            }
          ]
        },
        {
          "input": "4915112345678",
          "errors": [
            {
              "code": 131212,
              "message": "(#131212) the person is not a participant of the group",
              "title": "Participant is not a part of the group.",
              "error_data": {
                "details": "the person is not a participant of the group"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131212,
          "message": "(#131212) the person is not a participant of the group",
          "title": "Participant is not a part of the group.",
          "error_data": {
            "details": "the person is not a participant of the group"
          }
        }
      ]
    }
    "#);
    let people = [sandbox::DISPLAY_NUMBER];
    let added = name_people(&app, Method::POST, &group, &people).await;
    assert_snapshot!(added.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "904683A80B0B69E5E1B1AABD9A215962",
      "failed_participants": [
        {
          "input": "15550783881",
          "errors": [
            {
              "code": 100,
              "message": "(#100) the business is the group's creator and not one of its participants",
              "title": "Invalid parameter",
              "error_data": {
                "details": "the business is the group's creator and not one of its participants"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 100,
          "message": "(#100) the business is the group's creator and not one of its participants",
          "title": "Invalid parameter",
          "error_data": {
            "details": "the business is the group's creator and not one of its participants"
          }
        }
      ]
    }
    "#);
    let removed = name_people(&app, Method::DELETE, &group, &people).await;
    assert_eq!(removed.status, StatusCode::OK);
    assert_snapshot!(removed.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "7D8934FDA1ED80BA7284926B9225C076",
      "failed_participants": [
        {
          "input": "15550783881",
          "errors": [
            {
              "code": 100,
              "message": "(#100) the business is the group's creator and not one of its participants",
              "title": "Invalid parameter",
              "error_data": {
                "details": "the business is the group's creator and not one of its participants"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 100,
          "message": "(#100) the business is the group's creator and not one of its participants",
          "title": "Invalid parameter",
          "error_data": {
            "details": "the business is the group's creator and not one of its participants"
          }
        }
      ]
    }
    "#);
    assert_eq!(members(&app, &group).await, [""; 0]);
}

#[tokio::test]
async fn a_group_takes_as_many_as_it_holds() {
    let app = TestApp::new().await;
    operate(&app, json!({ "limits": { "participants": 2 } })).await;
    let group = app.group("Hello", "auto_approve").await;
    let added = name_people(&app, Method::POST, &group, &[ANN, BEN, CLEO]).await;
    assert_eq!(added.status, StatusCode::PARTIAL_CONTENT);
    let added = added.ok();
    assert_eq!(added["failed_participants"][0]["input"], CLEO);
    assert_eq!(added["failed_participants"][0]["errors"][0]["code"], 131_204);
    assert_eq!(members(&app, &group).await, [ANN, BEN]);
    let none = name_people(&app, Method::POST, &group, &[CLEO]).await;
    assert_snapshot!(none.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "904683A80B0B69E5E1B1AABD9A215962",
      "failed_participants": [
        {
          "input": "16505550103",
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
}

#[tokio::test]
async fn whoever_was_removed_is_kept_out_until_added() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    name_people(&app, Method::POST, &group, &[ANN]).await.ok();
    name_people(&app, Method::DELETE, &group, &[ANN]).await.ok();
    assert_eq!(app.tap(ANN, &link).await.status, 403);
    name_people(&app, Method::POST, &group, &[ANN]).await.ok();
    assert_eq!(members(&app, &group).await, [ANN]);
    let body = json!({ "group_id": group });
    app.admin(Method::POST, &format!("/people/{ANN}/leave"), Some(body)).await.ok();
    app.tap(ANN, &link).await.ok();
    // Adding somebody who waits answers the request.
    name_people(&app, Method::POST, &group, &[ANN]).await.ok();
    let path = format!("/{group}/join_requests");
    assert_eq!(app.meta(Method::GET, &path, None).await.ok()["data"], json!([]));
    // And removing somebody who waits does not.
    ask(&app, BEN, &link).await;
    let removed = name_people(&app, Method::DELETE, &group, &[BEN]).await.ok();
    assert_eq!(removed["errors"][0]["code"], 131_212);
    assert_eq!(app.meta(Method::GET, &path, None).await.ok()["data"].as_array().unwrap().len(), 1);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn a_person_can_be_named_in_three_ways_where_removed() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for (field, by_id) in [("user", false), ("user", true), ("user_id", true)] {
        name_people(&app, Method::POST, &group, &[ANN]).await.ok();
        let name =
            if by_id { app.user_id(sandbox::KEY, &group, ANN).await } else { ANN.to_owned() };
        let removed = send(&app, Method::DELETE, &group, json!([{ field: name }])).await;
        assert_eq!(removed.ok().get("failed_participants"), None, "{field}");
        assert_eq!(members(&app, &group).await, [""; 0]);
    }
    // The id of somebody who is not in, and one that nobody has.
    let people = json!([{ "user_id": "US.13491208655302741918" }]);
    let removed = send(&app, Method::DELETE, &group, people).await.ok();
    assert_eq!(removed["failed_participants"][0]["input"], "US.13491208655302741918");
    assert_eq!(removed["errors"][0]["code"], 131_212);
}

#[tokio::test]
async fn the_same_person_named_in_two_ways_is_a_duplicate() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    name_people(&app, Method::POST, &group, &[ANN, BEN]).await.ok();
    let id = app.user_id(sandbox::KEY, &group, ANN).await;
    let mut refusals = Refusals::default();
    for (method, people) in [
        (Method::POST, json!([{ "user": ANN }, { "user": ANN }])),
        (Method::POST, json!([{ "user": CLEO }, { "user": ANN }, { "user": "+1 650-555-0103" }])),
        (Method::DELETE, json!([{ "user": ANN }, { "user": "+16505550101" }])),
        (Method::DELETE, json!([{ "user": ANN }, { "user_id": id }])),
        (Method::DELETE, json!([{ "user": id }, { "user_id": id }])),
    ] {
        let shown = people.to_string().replace(&id, "ID");
        let answer = send(&app, method.clone(), &group, people).await;
        let told = super::refusal(&answer).replace(&id, "ID");
        refusals.0.push(format!("{method} {shown} => {told}"));
    }
    assert_snapshot!(refusals.shown(), @r#"
    POST [{"user":"16505550101"},{"user":"16505550101"}] => 400 131202 (#131202) Duplicate participant: participants[1] repeats participants[0]: 16505550101
    POST [{"user":"16505550103"},{"user":"16505550101"},{"user":"+1 650-555-0103"}] => 400 131202 (#131202) Duplicate participant: participants[2] repeats participants[0]: +1 650-555-0103
    DELETE [{"user":"16505550101"},{"user":"+16505550101"}] => 400 131202 (#131202) Duplicate participant: participants[1] repeats participants[0]: +16505550101
    DELETE [{"user":"16505550101"},{"user_id":"ID"}] => 400 131202 (#131202) Duplicate participant: participants[1] repeats participants[0]: ID
    DELETE [{"user":"ID"},{"user_id":"ID"}] => 400 131202 (#131202) Duplicate participant: participants[1] repeats participants[0]: ID
    "#);
    assert_eq!(members(&app, &group).await, [ANN, BEN]);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table, and the answers to it")]
async fn lists_that_are_wrong_are_refused_whole() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    name_people(&app, Method::POST, &group, &[ANN]).await.ok();
    let id = app.user_id(sandbox::KEY, &group, ANN).await;
    let nine: Vec<Value> = (1..=9).map(|n| json!({ "user": format!("1650555020{n}") })).collect();
    let mut refusals = Refusals::default();
    for (what, people) in [
        ("null", json!(null)),
        ("nobody", json!([])),
        ("nine", json!(nine)),
        ("a text", json!(ANN)),
        ("an object", json!({ "user": ANN })),
        ("texts", json!([ANN])),
        ("null in it", json!([null])),
        ("an empty object", json!([{ "user": ANN }, {}])),
        ("another name", json!([{ "wa_id": ANN }])),
        ("null as user", json!([{ "user": null }])),
        ("a number", json!([{ "user": 5 }])),
        ("empty", json!([{ "user": "" }])),
        ("no phone number", json!([{ "user": "1234" }])),
        ("a long one", json!([{ "user": "1".repeat(16) }])),
        ("words", json!([{ "user": "nobody" }])),
        ("both", json!([{ "user": ANN, "user_id": "US.1" }])),
        ("a phone number as id", json!([{ "user_id": ANN }])),
        ("an empty id", json!([{ "user_id": "" }])),
    ] {
        for method in [Method::POST, Method::DELETE] {
            let answer = send(&app, method.clone(), &group, people.clone()).await;
            refusals.add(&format!("{method} {what}"), &answer);
        }
    }
    for field in ["user", "user_id"] {
        let answer =
            send(&app, Method::POST, &group, json!([{ "user": BEN }, { field: id }])).await;
        refusals.add(&format!("POST an id as {field}"), &answer);
    }
    for method in [Method::POST, Method::DELETE] {
        let body = json!({ "participants": [{ "user": BEN }] });
        let path = format!("/{group}/participants");
        refusals.add("no product", &app.meta(method, &path, Some(body)).await);
    }
    assert_snapshot!(refusals.shown(), @"
    POST null => 400 100 (#100) The parameter participants is required.: participants is missing
    DELETE null => 400 100 (#100) The parameter participants is required.: participants is missing
    POST nobody => 400 100 (#100) Invalid parameter: participants must not be empty
    DELETE nobody => 400 100 (#100) Invalid parameter: participants must not be empty
    POST nine => 400 100 (#100) Invalid parameter: participants must not have more than 8 entries (it has 9)
    DELETE nine => 400 100 (#100) Invalid parameter: participants must not have more than 8 entries (it has 9)
    POST a text => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: string, expected an object
    DELETE a text => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: string, expected an object
    POST an object => 400 100 (#100) Param participants must be an array.: participants has the wrong type: object, expected a list
    DELETE an object => 400 100 (#100) Param participants must be an array.: participants has the wrong type: object, expected a list
    POST texts => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: string, expected an object
    DELETE texts => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: string, expected an object
    POST null in it => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: null, expected an object
    DELETE null in it => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: null, expected an object
    POST an empty object => 400 100 (#100) The parameter participants[1]['user'] is required.: participants[1].user is missing
    DELETE an empty object => 400 100 (#100) The parameter participants[1]['user'] is required.: participants[1].user is missing
    POST another name => 400 100 (#100) The parameter participants[0]['user'] is required.: participants[0].user is missing
    DELETE another name => 400 100 (#100) The parameter participants[0]['user'] is required.: participants[0].user is missing
    POST null as user => 400 100 (#100) The parameter participants[0]['user'] is required.: participants[0].user is missing
    DELETE null as user => 400 100 (#100) The parameter participants[0]['user'] is required.: participants[0].user is missing
    POST a number => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    DELETE a number => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    POST empty => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    DELETE empty => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    POST no phone number => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    DELETE no phone number => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    POST a long one => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    DELETE a long one => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    POST words => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    DELETE words => 400 100 (#100) Invalid parameter: participants[0].user must be a phone number of 5 to 15 digits
    POST both => 400 100 (#100) Invalid parameter: participants[0].user_id cannot be combined with user
    DELETE both => 400 100 (#100) Invalid parameter: participants[0].user_id cannot be combined with user
    POST a phone number as id => 400 100 (#100) Invalid parameter: participants[0].user_id cannot be used where participants are added: give a phone number as user
    DELETE a phone number as id => 400 100 (#100) Invalid parameter: participants[0].user_id must be a user id such as US.13491208655302741918
    POST an empty id => 400 100 (#100) Invalid parameter: participants[0].user_id cannot be used where participants are added: give a phone number as user
    DELETE an empty id => 400 100 (#100) Invalid parameter: participants[0].user_id must be a user id such as US.13491208655302741918
    POST an id as user => 400 100 (#100) Invalid parameter: participants[1].user must be a phone number where participants are added
    POST an id as user_id => 400 100 (#100) Invalid parameter: participants[1].user_id cannot be used where participants are added: give a phone number as user
    no product => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    no product => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    ");
    assert_eq!(members(&app, &group).await, [ANN]);
}

#[tokio::test]
async fn eight_is_not_too_many() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let eight: Vec<String> = (1..=8).map(|n| format!("1650555020{n}")).collect();
    let eight: Vec<&str> = eight.iter().map(String::as_str).collect();
    name_people(&app, Method::POST, &group, &eight).await.ok();
    assert_eq!(members(&app, &group).await, eight);
    let removed = name_people(&app, Method::DELETE, &group, &eight).await;
    assert_eq!((removed.status, removed.ok().get("errors")), (StatusCode::OK, None));
}

#[tokio::test]
async fn a_list_in_a_form_is_written_as_json() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/{group}/participants");
    let list = json!([{ "user": ANN }]).to_string();
    let pairs = [("messaging_product", "whatsapp"), ("participants", &list)];
    send_pairs(&app, Method::POST, &path, &pairs).await.ok();
    assert_eq!(members(&app, &group).await, [ANN]);
    send_pairs(&app, Method::DELETE, &path, &pairs).await.ok();
    let parts: [(&str, Option<&str>, &[u8]); 2] =
        [("messaging_product", None, b"whatsapp"), ("participants", None, list.as_bytes())];
    super::send_form(&app, &path, &parts).await.ok();
    assert_eq!(members(&app, &group).await, [ANN]);
}
