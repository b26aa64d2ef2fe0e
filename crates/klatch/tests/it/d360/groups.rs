//! `/groups` and `/groups/{group_id}`.

use std::time::Duration;

use axum::http::Method;
use insta::assert_snapshot;
use klatch::sandbox;
use klatch::store::Scope;
use serde_json::json;

use super::{
    Refusals, changes, everything, json_request, members, operations, reads, refusal, send_form,
    set_limits,
};
use crate::support::TestApp;

#[tokio::test]
async fn an_empty_list_has_no_cursors() {
    let app = TestApp::new().await;
    let answer = app.d360(Method::GET, "/groups", None).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "data": {
        "groups": []
      },
      "paging": {}
    }
    "#);
}

#[tokio::test]
async fn the_list_begins_with_the_newest() {
    let app = TestApp::new().await;
    app.group("First", "auto_approve").await;
    app.clock.advance(Duration::from_mins(1));
    app.group("Second", "approval_required").await;
    let answer = app.d360(Method::GET, "/groups", None).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "data": {
        "groups": [
          {
            "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjMzMDQ0MDE5NDQzNzAZD",
            "subject": "Second",
            "created_at": 1755548937
          },
          {
            "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
            "subject": "First",
            "created_at": 1755548877
          }
        ]
      },
      "paging": {
        "cursors": {
          "before": "NzU0MDAyNTI3MjgzNzkxMTc5Ng==",
          "after": "NzU0MDAyNTAxNTYxNzAzNTkxMg=="
        }
      }
    }
    "#);
}

#[tokio::test]
async fn create_answers_with_id_and_request_id() {
    let app = TestApp::new().await;
    let body = json!({
        "messaging_product": "whatsapp",
        "subject": "New Purchase Inquiry",
        "description": "Ask away",
        "join_approval_mode": "approval_required",
    });
    let answer = app.d360(Method::POST, "/groups", Some(body)).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD"
    }
    "#);
    let group = answer.text("id");
    assert_snapshot!(everything(&app, &group).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "subject": "New Purchase Inquiry",
      "description": "Ask away",
      "creation_timestamp": 1755548877,
      "suspended": false,
      "total_participant_count": 0,
      "participants": [],
      "join_approval_mode": "approval_required"
    }
    "#);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn a_group_of_few_words_joins_at_once_and_has_no_description() {
    let app = TestApp::new().await;
    let answer = app.d360(Method::POST, "/groups", Some(json!({ "subject": "Hello" }))).await;
    assert_snapshot!(everything(&app, &answer.text("id")).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "subject": "Hello",
      "creation_timestamp": 1755548877,
      "suspended": false,
      "total_participant_count": 0,
      "participants": [],
      "join_approval_mode": "auto_approve"
    }
    "#);
}

#[tokio::test]
async fn info_shows_participants_in_order_of_arrival() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let link = app.link(&group).await;
    for wa_id in ["4915112345678", "16505550101"] {
        app.tap(wa_id, &link).await.ok();
    }
    assert_snapshot!(everything(&app, &group).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "subject": "Hello",
      "creation_timestamp": 1755548877,
      "suspended": false,
      "total_participant_count": 2,
      "participants": [
        {
          "wa_id": "4915112345678"
        },
        {
          "wa_id": "16505550101"
        }
      ],
      "join_approval_mode": "auto_approve"
    }
    "#);
}

#[tokio::test]
async fn info_without_fields_tells_id_and_product_only() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let answer = app.d360(Method::GET, &format!("/groups/{group}"), None).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD"
    }
    "#);
}

#[tokio::test]
async fn each_field_can_be_had_alone() {
    let app = TestApp::new().await;
    let body = json!({ "subject": "Hello", "description": "Words" });
    let group = app.d360(Method::POST, "/groups", Some(body)).await.text("id");
    let mut shown = Vec::new();
    for fields in [
        "",
        "id",
        "messaging_product",
        "subject",
        "description",
        "join_approval_mode",
        "suspended",
        "creation_timestamp",
        "participants",
        "total_participant_count",
        "subject,suspended",
        "%20suspended%20,,subject%2Csubject",
    ] {
        let path = format!("/groups/{group}?fields={fields}");
        let mut info = app.d360(Method::GET, &path, None).await.ok();
        let object = info.as_object_mut().unwrap();
        assert_eq!(object.remove("messaging_product"), Some(json!("whatsapp")), "{fields}");
        assert_eq!(object.remove("id"), Some(json!(group)), "{fields}");
        shown.push(format!("{fields}: {info}"));
    }
    assert_snapshot!(shown.join("\n"), @r#"
    : {}
    id: {}
    messaging_product: {}
    subject: {"subject":"Hello"}
    description: {"description":"Words"}
    join_approval_mode: {"join_approval_mode":"auto_approve"}
    suspended: {"suspended":false}
    creation_timestamp: {"creation_timestamp":1755548877}
    participants: {"participants":[]}
    total_participant_count: {"total_participant_count":0}
    subject,suspended: {"suspended":false,"subject":"Hello"}
    %20suspended%20,,subject%2Csubject: {"suspended":false,"subject":"Hello"}
    "#);
}

#[tokio::test]
async fn update_changes_what_is_given_and_leaves_the_rest() {
    let app = TestApp::new().await;
    let body = json!({ "subject": "Before", "description": "About" });
    let group = app.d360(Method::POST, "/groups", Some(body)).await.text("id");
    let path = format!("/groups/{group}");

    let body = json!({ "messaging_product": "whatsapp", "subject": " After\t" });
    let answer = app.d360(Method::POST, &path, Some(body)).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    for (body, subject, description) in [
        (json!({ "subject": "Again", "description": null }), "Again", json!("About")),
        (json!({ "description": "Line\nbreak", "subject": null }), "Again", json!("Line\nbreak")),
        // An empty description takes the old one away; it is then as if never set.
        (json!({ "description": "" }), "Again", json!(null)),
        (json!({ "subject": "Both", "description": "New" }), "Both", json!("New")),
    ] {
        app.d360(Method::POST, &path, Some(body.clone())).await.ok();
        let info = everything(&app, &group).await.ok();
        assert_eq!(info["subject"], subject, "{body}");
        assert_eq!(info.get("description").cloned().unwrap_or_default(), description, "{body}");
    }
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn update_takes_a_form_without_a_picture() {
    let app = TestApp::new().await;
    let group = app.group("Before", "auto_approve").await;
    let parts: [(&str, Option<&str>, &[u8]); 4] = [
        ("messaging_product", None, b"whatsapp"),
        ("subject", None, "Größe".as_bytes()),
        ("description", None, b"About"),
        ("whatever", None, b"\xFF"),
    ];
    let answer = send_form(&app, &group, &parts).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_snapshot!(everything(&app, &group).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "subject": "Größe",
      "description": "About",
      "creation_timestamp": 1755548877,
      "suspended": false,
      "total_participant_count": 0,
      "participants": [],
      "join_approval_mode": "auto_approve"
    }
    "#);
}

#[tokio::test]
async fn a_deleted_group_is_as_unknown_as_one_that_never_was() {
    let app = TestApp::new().await;
    let group = app.group("Short-lived", "auto_approve").await;
    let link = app.link(&group).await;
    app.tap("16505550101", &link).await.ok();

    let answer = app.d360(Method::DELETE, &format!("/groups/{group}"), None).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    for operation in operations(&group) {
        let answer = operation.send(&app, sandbox::KEY).await;
        assert_eq!(
            refusal(&answer),
            "404 (#131041) Group unknown: the group does not exist",
            "{}",
            operation.name
        );
    }
    let list = app.d360(Method::GET, "/groups", None).await.ok();
    assert_eq!(list["data"]["groups"], json!([]));
    // Nobody is in it any more, and its link leads nowhere.
    assert_eq!(app.tap("16505550102", &link).await.json()["error"]["code"], "invite_link_dead");
    let person = app.admin(Method::GET, "/people/16505550101", None).await.ok();
    assert_eq!(person["groups"], json!([]));
}

#[tokio::test]
async fn a_suspended_group_can_be_read_and_not_changed() {
    let app = TestApp::new().await;
    let group = app.group("Loud", "approval_required").await;
    let link = app.link(&group).await;
    app.tap("16505550101", &link).await.ok();
    app.admin(Method::POST, &format!("/groups/{group}/suspend"), None).await.ok();

    let before = app.app.group(&Scope::Everything, &id(&group)).await.unwrap();
    for operation in changes(&group) {
        let answer = operation.send(&app, sandbox::KEY).await;
        assert_eq!(
            refusal(&answer),
            "400 (#131207) Group suspended: the group is suspended",
            "{}",
            operation.name
        );
    }
    let after = app.app.group(&Scope::Everything, &id(&group)).await.unwrap();
    assert_eq!(before, after);

    for operation in reads(&group) {
        let answer = operation.send(&app, sandbox::KEY).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", operation.name);
    }
    assert_eq!(everything(&app, &group).await.ok()["suspended"], true);
    assert_eq!(app.link(&group).await, link);
    let list = app.d360(Method::GET, "/groups", None).await.ok();
    assert_eq!(list["data"]["groups"][0]["id"], group);

    app.admin(Method::POST, &format!("/groups/{group}/restore"), None).await.ok();
    app.assert_log_folds(&group).await;
    for operation in changes(&group) {
        let answer = operation.send(&app, sandbox::KEY).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", operation.name);
    }
}

fn id(group: &str) -> domain::ids::GroupId {
    domain::ids::GroupId::parse(group).unwrap()
}

#[tokio::test]
async fn a_number_has_so_many_groups_and_a_deleted_one_makes_room() {
    let app = TestApp::new().await;
    set_limits(&app, json!({ "groups": 2 })).await;
    let first = app.group("First", "auto_approve").await;
    app.group("Second", "auto_approve").await;
    let create = || json_request(Method::POST, "/groups", json!({ "subject": "Third" }));

    let full = "400 (#131211) Group create limit reached: the number already has 2 groups";
    assert_eq!(refusal(&app.send(create()).await), full);
    app.d360(Method::DELETE, &format!("/groups/{first}"), None).await.ok();
    app.send(create()).await.ok();
    assert_eq!(refusal(&app.send(create()).await), full);

    // A lowered limit takes nothing away; a raised one gives room at once.
    set_limits(&app, json!({ "groups": 0 })).await;
    let none = "400 (#131211) Group create limit reached: the number already has 0 groups";
    assert_eq!(refusal(&app.send(create()).await), none);
    let list = app.d360(Method::GET, "/groups", None).await.ok();
    assert_eq!(list["data"]["groups"].as_array().unwrap().len(), 2);
    set_limits(&app, json!({ "groups": 3 })).await;
    app.send(create()).await.ok();
}

#[tokio::test]
async fn another_number_has_room_of_its_own() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    set_limits(&app, json!({ "groups": 0 })).await;
    let body = json!({ "subject": "Room" });
    app.d360_as(&stranger, Method::POST, "/groups", Some(body)).await.ok();
}

#[tokio::test]
async fn the_operator_can_change_how_many_people_fit_in() {
    let app = TestApp::new().await;
    let group = app.group("Growing", "auto_approve").await;
    let link = app.link(&group).await;
    let person = |n: u32| format!("165055501{n:02}");
    for n in 1..=8 {
        app.tap(&person(n), &link).await.ok();
    }
    assert_eq!(app.tap(&person(9), &link).await.json()["error"]["code"], "group_full");

    set_limits(&app, json!({ "participants": 9 })).await;
    app.tap(&person(9), &link).await.ok();
    assert_eq!(app.tap(&person(10), &link).await.json()["error"]["code"], "group_full");

    // Whoever is in stays in, but nobody follows for whoever leaves.
    set_limits(&app, json!({ "participants": 1 })).await;
    assert_eq!(members(&app, &group).await.len(), 9);
    let leave = json!({ "group_id": group });
    app.admin(Method::POST, &format!("/people/{}/leave", person(1)), Some(leave)).await.ok();
    assert_eq!(app.tap(&person(1), &link).await.json()["error"]["code"], "group_full");
    assert_eq!(members(&app, &group).await.len(), 8);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn creating_needs_a_sound_subject_description_and_mode() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    for (what, body) in [
        ("nothing", json!({})),
        ("null", json!({ "subject": null })),
        ("empty", json!({ "subject": "" })),
        ("blank", json!({ "subject": " \t\u{a0}\u{3000}\n" })),
        ("a number", json!({ "subject": 5 })),
        ("a boolean", json!({ "subject": true })),
        ("a list", json!({ "subject": ["a"] })),
        ("an object", json!({ "subject": {} })),
        ("129 characters", json!({ "subject": "x".repeat(129) })),
        ("129 characters of four bytes", json!({ "subject": "🙂".repeat(129) })),
        ("65 accented pairs", json!({ "subject": "e\u{301}".repeat(65) })),
        ("a line break", json!({ "subject": "a\nb" })),
        ("a zero byte", json!({ "subject": "a\0b" })),
        ("delete", json!({ "subject": "a\u{7f}b" })),
        ("a C1 control", json!({ "subject": "a\u{85}b" })),
        ("2049", json!({ "subject": "s", "description": "x".repeat(2049) })),
        ("2049 of three bytes", json!({ "subject": "s", "description": "€".repeat(2049) })),
        ("a bell", json!({ "subject": "s", "description": "a\u{7}" })),
        ("a list as description", json!({ "subject": "s", "description": [] })),
        ("mode", json!({ "subject": "s", "join_approval_mode": "sometimes" })),
        ("empty mode", json!({ "subject": "s", "join_approval_mode": "" })),
        ("mode in capitals", json!({ "subject": "s", "join_approval_mode": "AUTO_APPROVE" })),
        ("mode as a number", json!({ "subject": "s", "join_approval_mode": 1 })),
        ("product", json!({ "subject": "s", "messaging_product": "telegram" })),
        ("empty product", json!({ "subject": "s", "messaging_product": "" })),
        ("product in capitals", json!({ "subject": "s", "messaging_product": "WhatsApp" })),
        ("product as a list", json!({ "subject": "s", "messaging_product": ["whatsapp"] })),
    ] {
        refusals.add(what, &app.d360(Method::POST, "/groups", Some(body)).await);
    }
    assert_snapshot!(refusals.shown(), @"
    nothing: 400 (#100) Invalid parameter: subject is missing
    null: 400 (#100) Invalid parameter: subject is missing
    empty: 400 (#100) Invalid parameter: subject must not be empty
    blank: 400 (#100) Invalid parameter: subject must not be empty
    a number: 400 (#100) Invalid parameter: subject has the wrong type: number, expected a string
    a boolean: 400 (#100) Invalid parameter: subject has the wrong type: boolean, expected a string
    a list: 400 (#100) Invalid parameter: subject has the wrong type: list, expected a string
    an object: 400 (#100) Invalid parameter: subject has the wrong type: object, expected a string
    129 characters: 400 (#100) Invalid parameter: subject must not be longer than 128 characters (it has 129)
    129 characters of four bytes: 400 (#100) Invalid parameter: subject must not be longer than 128 characters (it has 129)
    65 accented pairs: 400 (#100) Invalid parameter: subject must not be longer than 128 characters (it has 130)
    a line break: 400 (#100) Invalid parameter: subject must not contain the control character U+000A
    a zero byte: 400 (#100) Invalid parameter: subject must not contain the control character U+0000
    delete: 400 (#100) Invalid parameter: subject must not contain the control character U+007F
    a C1 control: 400 (#100) Invalid parameter: subject must not contain the control character U+0085
    2049: 400 (#100) Invalid parameter: description must not be longer than 2048 characters (it has 2049)
    2049 of three bytes: 400 (#100) Invalid parameter: description must not be longer than 2048 characters (it has 2049)
    a bell: 400 (#100) Invalid parameter: description must not contain the control character U+0007
    a list as description: 400 (#100) Invalid parameter: description has the wrong type: list, expected a string
    mode: 400 (#100) Invalid parameter: join_approval_mode must be one of auto_approve, approval_required
    empty mode: 400 (#100) Invalid parameter: join_approval_mode must be one of auto_approve, approval_required
    mode in capitals: 400 (#100) Invalid parameter: join_approval_mode must be one of auto_approve, approval_required
    mode as a number: 400 (#100) Invalid parameter: join_approval_mode has the wrong type: number, expected a string
    product: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    empty product: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    product in capitals: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    product as a list: 400 (#100) Invalid parameter: messaging_product has the wrong type: list, expected a string
    ");
    let list = app.d360(Method::GET, "/groups", None).await.ok();
    assert_eq!(list["data"]["groups"], json!([]));
}

#[tokio::test]
async fn updating_needs_a_sound_setting_and_at_least_one() {
    let app = TestApp::new().await;
    let group = app.group("Before", "auto_approve").await;
    let mut refusals = Refusals::default();
    for (what, body) in [
        ("nothing", json!({})),
        ("the product alone", json!({ "messaging_product": "whatsapp" })),
        ("nulls", json!({ "subject": null, "description": null })),
        ("only unknown fields", json!({ "join_approval_mode": "approval_required" })),
        ("empty subject", json!({ "subject": "" })),
        ("blank subject", json!({ "subject": "  " })),
        ("129 characters", json!({ "subject": "x".repeat(129) })),
        ("a control", json!({ "subject": "a\u{1b}[31m" })),
        ("2049 characters", json!({ "description": "x".repeat(2049) })),
        ("a number", json!({ "description": 1.5 })),
        ("product", json!({ "messaging_product": "sms", "subject": "s" })),
        ("a path", json!({ "profile_picture_file": "/local/path/file.jpg" })),
        ("an empty path", json!({ "subject": "s", "profile_picture_file": "" })),
        // One bad setting spoils the good one.
        ("good and bad", json!({ "subject": "Good", "description": "\u{0}" })),
    ] {
        let path = format!("/groups/{group}");
        refusals.add(what, &app.d360(Method::POST, &path, Some(body)).await);
    }
    assert_snapshot!(refusals.shown(), @"
    nothing: 400 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    the product alone: 400 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    nulls: 400 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    only unknown fields: 400 (#100) Invalid parameter: join_approval_mode cannot be changed once the group is there
    empty subject: 400 (#100) Invalid parameter: subject must not be empty
    blank subject: 400 (#100) Invalid parameter: subject must not be empty
    129 characters: 400 (#100) Invalid parameter: subject must not be longer than 128 characters (it has 129)
    a control: 400 (#100) Invalid parameter: subject must not contain the control character U+001B
    2049 characters: 400 (#100) Invalid parameter: description must not be longer than 2048 characters (it has 2049)
    a number: 400 (#100) Invalid parameter: description has the wrong type: number, expected a string
    product: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    a path: 400 (#100) Invalid parameter: profile_picture_file must be uploaded as multipart/form-data, a path is of no use here
    an empty path: 400 (#100) Invalid parameter: profile_picture_file must be uploaded as multipart/form-data, a path is of no use here
    good and bad: 400 (#100) Invalid parameter: description must not contain the control character U+0000
    ");
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Before");
}

#[tokio::test]
async fn the_longest_texts_fit_whatever_their_bytes() {
    let app = TestApp::new().await;
    for subject in ["x".repeat(128), "🙂".repeat(128), "e\u{301}".repeat(64), "s".to_owned()] {
        for description in ["x".repeat(2048), "€".repeat(2048), "\r\n\t".to_owned()] {
            // Blanks around a subject do not count.
            let body = json!({ "subject": format!("  {subject}\n"), "description": description });
            let group = app.d360(Method::POST, "/groups", Some(body)).await.text("id");
            let info = everything(&app, &group).await.ok();
            assert_eq!(info["subject"], subject);
            assert_eq!(info["description"], description);
        }
    }
}

#[tokio::test]
async fn unknown_fields_in_fields_are_refused_by_name() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut refusals = Refusals::default();
    for fields in ["invite_link", "subject,colour", "Subject", "subject;id", "%FF"] {
        let path = format!("/groups/{group}?fields={fields}");
        refusals.add(fields, &app.d360(Method::GET, &path, None).await);
    }
    assert_snapshot!(refusals.shown(), @"
    invite_link: 400 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; invite_link is unknown
    subject,colour: 400 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; colour is unknown
    Subject: 400 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; Subject is unknown
    subject;id: 400 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; subject;id is unknown
    %FF: 400 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; � is unknown
    ");
}
