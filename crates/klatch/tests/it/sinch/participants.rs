//! Removing members.

use axum::http::Method;
use insta::assert_snapshot;
use klatch::sandbox;
use serde_json::{Value, json};

use super::{
    ANN, BEN, CEM, Refusals, create, empty, group_of, hide, id_of, info, invite, last_told, news,
    people, refusal, send_once, set_suspended, version,
};
use crate::admin;
use crate::support::{Answer, TestApp};

async fn remove(app: &TestApp, group: &str, numbers: &[&str]) -> Answer {
    people(app, Method::DELETE, group, "member", numbers).await
}

async fn members(app: &TestApp, group: &str) -> Vec<String> {
    let info = info(app, group).await;
    serde_json::from_value(info["members"].clone()).unwrap()
}

#[tokio::test]
async fn members_are_removed_for_good() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN, BEN, CEM]).await;
    empty(&remove(&app, &group, &[ANN, BEN]).await);
    assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER, CEM]);
    let callback = serde_json::to_string_pretty(&last_told(&app).await).unwrap();
    assert_snapshot!(callback, @r#"
    {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "BDDD6F61D3137F7DF165AF2A9A53250C00",
          "message": {
            "type": "group_event",
            "event_type": "group_user_left",
            "body": "‎‎+16505550101, +16505550102 were removed‎",
            "members": [
              "16505550101",
              "16505550102"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
    let link = invite(&app, &group).await;
    assert_eq!(
        admin::refusal(&app.tap(ANN, &link).await),
        "403 removed_by_business: The person was removed from the group by the business"
    );
    app.assert_log_folds(&id_of(&app, &group).await).await;
}

#[tokio::test]
async fn of_strangers_a_callback_tells() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    empty(&remove(&app, &group, &["+1 (650) 555-0102", ANN, CEM]).await);
    let callback = serde_json::to_string_pretty(&last_told(&app).await).unwrap();
    assert_snapshot!(callback, @r#"
    {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "904683A80B0B69E5E1B1AABD9A21596200",
          "message": {
            "type": "group_event",
            "event_type": "group_user_left",
            "body": "‎‎+16505550101 was removed‎",
            "members": [
              "16505550101"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        },
        {
          "from": "15550783881",
          "message_id": "904683A80B0B69E5E1B1AABD9A21596201",
          "message": {
            "type": "group_event",
            "event_type": "group_error_removing_user",
            "body": "‎‎+16505550102, +16505550103 could not be removed‎",
            "members": [
              "16505550102",
              "16505550103"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
    // Nobody but strangers, and the bot itself: it is no error of the call either.
    empty(&remove(&app, &group, &[BEN]).await);
    empty(&remove(&app, &group, &[sandbox::DISPLAY_NUMBER]).await);
    assert_eq!(
        news(&app).await[2..],
        [
            format!("group_user_left {ANN}"),
            format!("group_error_removing_user {BEN} {CEM}"),
            format!("group_error_removing_user {BEN}"),
            format!("group_error_removing_user {}", sandbox::DISPLAY_NUMBER),
        ]
    );
    assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER]);
}

#[tokio::test]
async fn a_number_can_be_written_in_many_ways() {
    let app = TestApp::new().await;
    for spelled in [
        "16505550101",
        "+16505550101",
        " +1 650 555 0101 ",
        "+1 (650) 555-0101",
        "1.650.555.0101",
        "1-650-555-0101",
        "+1\u{a0}650\u{a0}5550101",
    ] {
        let group = group_of(&app, &[ANN]).await;
        empty(&remove(&app, &group, &[spelled]).await);
        assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER], "{spelled}");
    }
    // A national number names whoever has just these digits.
    let group = group_of(&app, &["0732001122"]).await;
    empty(&remove(&app, &group, &["073-200 11 22"]).await);
    assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER]);
}

#[tokio::test]
async fn who_shows_no_number_is_removed_by_what_is_shown() {
    let app = TestApp::new().await;
    hide(&app, ANN, "ann").await;
    let group = group_of(&app, &[ANN, BEN]).await;
    let shown = members(&app, &group).await[1].clone();
    assert!(shown.starts_with("US."), "{shown}");
    empty(&people(&app, Method::POST, &group, "admin", &[&shown]).await);
    assert_eq!(info(&app, &group).await["admins"], json!([sandbox::DISPLAY_NUMBER, shown]));
    empty(&people(&app, Method::DELETE, &group, "admin", &[&shown]).await);
    empty(&remove(&app, &group, &[&shown]).await);
    assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER, BEN]);
}

#[tokio::test]
async fn lists_that_cannot_be_right() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let many = |count: u64| {
        let numbers = (0..count).map(|index| (16_505_550_200 + index).to_string());
        json!({ "numbers": numbers.collect::<Vec<_>>() })
    };
    let rows = [
        ("missing", json!({})),
        ("null", json!({ "numbers": null })),
        ("nobody", json!({ "numbers": [] })),
        ("21 of them", many(21)),
        ("1,000 of them", many(1_000)),
        ("a number and no list", json!({ "numbers": ANN })),
        ("an object", json!({ "numbers": { "0": ANN } })),
        ("JSON numbers", json!({ "numbers": [16_505_550_101_u64] })),
        ("the second is null", json!({ "numbers": [ANN, null] })),
        ("a list in the list", json!({ "numbers": [[ANN]] })),
        ("empty", json!({ "numbers": [""] })),
        ("blank", json!({ "numbers": [ANN, "  "] })),
        ("letters", json!({ "numbers": ["1650555O101"] })),
        ("two in one", json!({ "numbers": ["16505550101,16505550102"] })),
        ("too short", json!({ "numbers": ["1650"] })),
        ("too long", json!({ "numbers": ["1650555010165055"] })),
        ("two plus signs", json!({ "numbers": ["++16505550101"] })),
        ("00 in front, too long", json!({ "numbers": ["001650555010165012"] })),
        ("other digits", json!({ "numbers": ["\u{661}6505550101"] })),
        ("a control character", json!({ "numbers": ["16505550101\u{0}"] })),
        ("a group", json!({ "numbers": [group] })),
        ("twice", json!({ "numbers": [ANN, BEN, ANN] })),
        ("twice, in two spellings", json!({ "numbers": [BEN, "+1 650 555 01 02"] })),
        ("another field", json!({ "number": [ANN] })),
    ];
    let mut tables = Vec::new();
    for (method, what) in
        [(Method::DELETE, "member"), (Method::POST, "admin"), (Method::DELETE, "admin")]
    {
        let mut refusals = Refusals::default();
        let path = format!("/groups/{group}/{what}");
        for (name, body) in &rows {
            let answer = app.sinch(method.clone(), &path, Some(body.clone())).await;
            refusals.add(name, &answer);
        }
        tables.push(refusals.shown());
    }
    assert_snapshot!(tables[0], @"
    missing => 400 Validation error: Field [numbers] can not be empty
    null => 400 Validation error: Field [numbers] can not be empty
    nobody => 400 Validation error: Field [numbers] can not be empty
    21 of them => 400 Validation error: Field [numbers] must not have more than 20 entries (it has 21)
    1,000 of them => 400 Validation error: Field [numbers] must not have more than 20 entries (it has 1000)
    a number and no list => 400 Validation error: Field [numbers] has the wrong type: string, expected a list
    an object => 400 Validation error: Field [numbers] has the wrong type: object, expected a list
    JSON numbers => 400 Validation error: Field [numbers[0]] has the wrong type: integer, expected a string
    the second is null => 400 Validation error: Field [numbers[1]] has the wrong type: null, expected a string
    a list in the list => 400 Validation error: Field [numbers[0]] has the wrong type: list, expected a string
    empty => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    blank => 400 Validation error: Field [numbers[1]] must be a phone number of 5 to 15 digits
    letters => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    two in one => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    too short => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    too long => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    two plus signs => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    00 in front, too long => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    other digits => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    a control character => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    a group => 400 Validation error: Field [numbers[0]] must be a phone number of 5 to 15 digits
    twice => 400 Validation error: Field [numbers[2]] repeats [numbers[0]]: 16505550101
    twice, in two spellings => 400 Validation error: Field [numbers[1]] repeats [numbers[0]]: +1 650 555 01 02
    another field => 400 Validation error: Field [numbers] can not be empty
    ");
    assert!(tables.iter().all(|table| *table == tables[0]), "{tables:?}");
    assert_eq!(version(&app, &group).await, 2);
    assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER, ANN]);
}

#[tokio::test]
async fn twenty_at_a_time() {
    let app = TestApp::new().await;
    super::set_number(&app, json!({ "limits": { "participants": 20 } })).await;
    let numbers: Vec<String> =
        (0..20).map(|index| (16_505_550_200_u64 + index).to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let group = group_of(&app, &numbers).await;
    assert_eq!(members(&app, &group).await.len(), 21);
    empty(&people(&app, Method::POST, &group, "admin", &numbers).await);
    assert_eq!(info(&app, &group).await["admins"].as_array().unwrap().len(), 21);
    empty(&people(&app, Method::DELETE, &group, "admin", &numbers).await);
    empty(&remove(&app, &group, &numbers).await);
    assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER]);
    let callback = last_told(&app).await;
    let notifications: &Vec<Value> = callback["notifications"].as_array().unwrap();
    assert_eq!(notifications.len(), 1);
    assert_eq!(notifications[0]["message"]["members"], json!(numbers));
    app.assert_log_folds(&id_of(&app, &group).await).await;
}

#[tokio::test]
async fn a_full_group_takes_nobody_and_gives_places_back() {
    let app = TestApp::new().await;
    super::set_number(&app, json!({ "limits": { "participants": 1 } })).await;
    let group = group_of(&app, &[ANN]).await;
    let link = invite(&app, &group).await;
    assert_eq!(
        admin::refusal(&app.tap(BEN, &link).await),
        "409 group_full: The group already holds 1 participant"
    );
    empty(&people(&app, Method::POST, &group, "admin", &[ANN]).await);
    empty(&remove(&app, &group, &[ANN]).await);
    app.tap(BEN, &link).await.ok();
    assert_eq!(info(&app, &group).await["admins"], json!([sandbox::DISPLAY_NUMBER]));
}

#[tokio::test]
async fn a_suspended_group_keeps_its_members() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    set_suspended(&app, &group, true).await;
    assert_eq!(refusal(&remove(&app, &group, &[ANN]).await), "406 406: the group is suspended");
    assert_eq!(members(&app, &group).await, [sandbox::DISPLAY_NUMBER, ANN]);
}

#[tokio::test]
async fn the_same_call_twice_removes_once() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let path = format!("/groups/{group}/member");
    for _ in 0..3 {
        let body = Some(json!({ "numbers": [BEN] }));
        empty(&send_once(&app, "once", Method::DELETE, &path, body).await);
    }
    assert_eq!(version(&app, &group).await, 2);
    assert_eq!(news(&app).await.len(), 2);
}
