//! The simulated people, and what only WhatsApp can do to a group.

use std::time::Duration;

use axum::http::{Method, Request, header};
use insta::assert_snapshot;
use klatch::sandbox;
use serde_json::{Value, json};

use crate::admin::refusal;
use crate::support::{Answer, TestApp, form, jpeg};

const ANN: &str = "16505550101";
const BEN: &str = "4915112345678";

async fn act(app: &TestApp, wa_id: &str, what: &str, body: Value) -> Answer {
    app.admin(Method::POST, &format!("/people/{wa_id}/{what}"), Some(body)).await
}

async fn show(app: &TestApp, wa_id: &str) -> Answer {
    app.admin(Method::GET, &format!("/people/{wa_id}"), None).await
}

async fn set_suspended(app: &TestApp, group: &str, suspended: bool) -> Answer {
    let word = if suspended { "suspend" } else { "restore" };
    app.admin(Method::POST, &format!("/groups/{group}/{word}"), None).await
}

#[tokio::test]
async fn a_tap_joins_or_asks() {
    let app = TestApp::new().await;
    let open = app.group("Open", "auto_approve").await;
    assert_snapshot!(app.tap(ANN, &app.link(&open).await).await.shown(), @r#"
    200 OK
    {
      "result": "joined",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD"
    }
    "#);
    let closed = app.group("Closed", "approval_required").await;
    assert_snapshot!(app.tap(ANN, &app.link(&closed).await).await.shown(), @r#"
    200 OK
    {
      "result": "requested",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjMzMDQ0MDE5NDQzNzAZD",
      "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzMzA0NDAxOTQ0Mzcw"
    }
    "#);
}

#[tokio::test]
async fn a_request_can_be_withdrawn_and_made_again() {
    let app = TestApp::new().await;
    let group = app.group("Closed", "approval_required").await;
    let link = app.link(&group).await;
    let asked = app.tap(ANN, &link).await;
    assert_snapshot!(act(&app, ANN, "cancel", json!({ "group_id": group })).await.shown(), @r#"
    200 OK
    {
      "result": "cancelled",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD"
    }
    "#);
    let path = format!("/groups/{group}/join_requests");
    assert_eq!(app.d360(Method::GET, &path, None).await.ok()["data"], json!([]));
    assert_eq!(
        refusal(&act(&app, ANN, "cancel", json!({ "group_id": group })).await),
        "404 join_request_unknown: The join request does not exist"
    );
    assert_eq!(app.tap(ANN, &link).await.bytes, asked.bytes);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn a_participant_can_leave() {
    let app = TestApp::new().await;
    let group = app.group("Open", "auto_approve").await;
    app.tap(ANN, &app.link(&group).await).await.ok();
    assert_snapshot!(act(&app, ANN, "leave", json!({ "group_id": group })).await.shown(), @r#"
    200 OK
    {
      "result": "left",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD"
    }
    "#);
    assert_eq!(
        refusal(&act(&app, ANN, "leave", json!({ "group_id": group })).await),
        "409 not_participant: The person is not a participant of the group"
    );
    assert_eq!(show(&app, ANN).await.ok()["groups"], json!([]));
}

#[tokio::test]
async fn a_person_stands_somewhere_in_each_group() {
    let app = TestApp::new().await;
    assert_snapshot!(show(&app, ANN).await.shown(), @r#"
    200 OK
    {
      "wa_id": "16505550101",
      "phone_hidden": false,
      "with_parent_user_id": false,
      "terms_accepted": true,
      "groups": [],
      "join_requests": [],
      "removed_from": []
    }
    "#);
    let stranger = app.stranger().await;
    let body = json!({ "subject": "Theirs" });
    let theirs = app.d360_as(&stranger, Method::POST, "/groups", Some(body)).await.text("id");
    let path = format!("/groups/{theirs}/invite_link");
    let their_link = app.d360_as(&stranger, Method::GET, &path, None).await.text("invite_link");
    let removed = app.group("Removed", "auto_approve").await;
    let asked = app.group("Asked", "approval_required").await;
    let deleted = app.group("Deleted", "auto_approve").await;
    app.tap(ANN, &app.link(&removed).await).await.ok();
    app.tap(ANN, &app.link(&asked).await).await.ok();
    app.tap(ANN, &app.link(&deleted).await).await.ok();
    app.clock.advance(Duration::from_mins(1));
    // One who is in a group of another account is one person to the operator.
    app.tap(ANN, &their_link).await.ok();
    let body = json!({ "participants": [{ "user": ANN }] });
    app.d360(Method::DELETE, &format!("/groups/{removed}/participants"), Some(body)).await.ok();
    app.d360(Method::DELETE, &format!("/groups/{deleted}"), None).await.ok();
    let shown = show(&app, ANN).await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "wa_id": "16505550101",
      "phone_hidden": false,
      "with_parent_user_id": false,
      "terms_accepted": true,
      "groups": [
        {
          "group_id": "Y2FwaV9ncm91cDo0NDc3MDA5MDAxMjM6MTIwMzYzNjA1NzU4ODc2Nzgz",
          "since": "2025-08-18T20:28:57Z"
        }
      ],
      "join_requests": [
        {
          "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjMxOTY4OTY3MzE4NDEZD",
          "since": "2025-08-18T20:27:57Z"
        }
      ],
      "removed_from": [
        {
          "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjMzMDQ0MDE5NDQzNzAZD",
          "since": "2025-08-18T20:28:57Z"
        }
      ]
    }
    "#);
    for spelling in ["+16505550101", "%2B1%20650%20555-0101", "1.650.555.0101"] {
        assert_eq!(show(&app, spelling).await.bytes, shown.bytes, "{spelling}");
    }
    assert_eq!(show(&app, BEN).await.ok()["groups"], json!([]));
}

#[tokio::test]
async fn links_are_taken_as_people_paste_them() {
    let app = TestApp::new().await;
    let group = app.group("Closed", "approval_required").await;
    let link = app.link(&group).await;
    let code = link.strip_prefix("https://chat.whatsapp.com/").unwrap();
    for pasted in [
        link.clone(),
        format!(" {link}\n"),
        format!("{link}/"),
        format!("{link}?mode=ac_t"),
        format!("{link}#top"),
        format!("http://chat.whatsapp.com/{code}"),
        format!("chat.whatsapp.com/{code}"),
    ] {
        assert_eq!(app.tap(ANN, &pasted).await.text("result"), "requested", "{pasted:?}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of answers, and the table itself")]
async fn what_a_person_cannot_do() {
    let app = TestApp::new().await;
    let limits = json!({ "limits": { "participants": 1 } });
    let number = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    app.admin(Method::PATCH, &number, Some(limits)).await.ok();
    let full = app.group("Full", "auto_approve").await;
    let full_link = app.link(&full).await;
    app.tap(ANN, &full_link).await.ok();
    let removed = app.group("Removed", "auto_approve").await;
    let removed_link = app.link(&removed).await;
    app.tap(ANN, &removed_link).await.ok();
    let body = json!({ "participants": [{ "user": ANN }] });
    app.d360(Method::DELETE, &format!("/groups/{removed}/participants"), Some(body)).await.ok();
    let suspended = app.group("Suspended", "approval_required").await;
    let suspended_link = app.link(&suspended).await;
    app.tap(ANN, &suspended_link).await.ok();
    set_suspended(&app, &suspended, true).await.ok();
    let deleted = app.group("Deleted", "auto_approve").await;
    let deleted_link = app.link(&deleted).await;
    app.d360(Method::DELETE, &format!("/groups/{deleted}"), None).await.ok();

    let link = |link: &str| json!({ "invite_link": link });
    let group = |group: &str| json!({ "group_id": group });
    let bare = full_link.strip_prefix("https://chat.whatsapp.com/").unwrap();
    let mut refusals = Vec::new();
    for (what, wa_id, action, body) in [
        ("no link", ANN, "join", json!({})),
        ("null", ANN, "join", json!({ "invite_link": null })),
        ("a number", ANN, "join", json!({ "invite_link": 5 })),
        ("empty", ANN, "join", link("")),
        ("a bare code", ANN, "join", link(bare)),
        ("another host", ANN, "join", link(&format!("https://example.com/{bare}"))),
        ("no code", ANN, "join", link("https://chat.whatsapp.com/")),
        ("a broken code", ANN, "join", link("https://chat.whatsapp.com/a-b")),
        ("a long code", ANN, "join", link(&format!("chat.whatsapp.com/{}", "x".repeat(65)))),
        ("a dead link", ANN, "join", link("https://chat.whatsapp.com/NeverMade")),
        ("other letters", ANN, "join", link(&full_link.to_lowercase())),
        ("a deleted group", ANN, "join", link(&deleted_link)),
        ("in already", ANN, "join", link(&full_link)),
        ("full", BEN, "join", link(&full_link)),
        ("removed", ANN, "join", link(&removed_link)),
        ("suspended", BEN, "join", link(&suspended_link)),
        ("the business itself", sandbox::DISPLAY_NUMBER, "join", link(&removed_link)),
        ("no number", "nobody", "join", link(&full_link)),
        ("a short number", "1234", "join", link(&full_link)),
        ("not UTF-8", "%FF", "join", link(&full_link)),
        ("a list", ANN, "join", json!([])),
        ("no group", ANN, "leave", json!({})),
        ("a number as group", ANN, "leave", json!({ "group_id": 5 })),
        ("an empty group", ANN, "leave", group("")),
        ("an unknown group", ANN, "leave", group("never")),
        ("a deleted group", ANN, "leave", group(&deleted)),
        ("not in", BEN, "leave", group(&full)),
        ("only asked", ANN, "leave", group(&suspended)),
        ("no number", "1234", "leave", group(&full)),
        ("no group", ANN, "cancel", json!({})),
        ("an unknown group", ANN, "cancel", group("never")),
        ("not asked", BEN, "cancel", group(&full)),
        ("in already", ANN, "cancel", group(&full)),
        ("suspended", ANN, "cancel", group(&suspended)),
        ("no number", "+", "cancel", group(&full)),
    ] {
        let answer = act(&app, wa_id, action, body).await;
        refusals.push(format!("{action}, {what}: {}", refusal(&answer)));
    }
    refusals.push(format!("show, no number: {}", refusal(&show(&app, "12x45").await)));
    assert_snapshot!(refusals.join("\n"), @"
    join, no link: 400 invalid_field (invite_link): invite_link is missing
    join, null: 400 invalid_field (invite_link): invite_link is missing
    join, a number: 400 invalid_field (invite_link): invite_link has the wrong type: integer, expected a string
    join, empty: 400 invalid_field (invite_link): invite_link must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv
    join, a bare code: 400 invalid_field (invite_link): invite_link must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv
    join, another host: 400 invalid_field (invite_link): invite_link must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv
    join, no code: 400 invalid_field (invite_link): invite_link must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv
    join, a broken code: 400 invalid_field (invite_link): invite_link must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv
    join, a long code: 400 invalid_field (invite_link): invite_link must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv
    join, a dead link: 404 invite_link_dead: The invite link is no longer valid
    join, other letters: 404 invite_link_dead: The invite link is no longer valid
    join, a deleted group: 404 invite_link_dead: The invite link is no longer valid
    join, in already: 409 already_participant: The person is already a participant of the group
    join, full: 409 group_full: The group already holds 1 participant
    join, removed: 403 removed_by_business: The person was removed from the group by the business
    join, suspended: 409 group_suspended: The group is suspended
    join, the business itself: 400 business_named: The business is the group's creator and not one of its participants
    join, no number: 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    join, a short number: 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    join, not UTF-8: 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    join, a list: 400 invalid_body: Invalid JSON in request body: it must be a JSON object
    leave, no group: 400 invalid_field (group_id): group_id is missing
    leave, a number as group: 400 invalid_field (group_id): group_id has the wrong type: integer, expected a string
    leave, an empty group: 400 invalid_field (group_id): group_id must be an id of 1 to 256 bytes without blanks
    leave, an unknown group: 404 group_unknown: The group does not exist
    leave, a deleted group: 404 group_unknown: The group does not exist
    leave, not in: 409 not_participant: The person is not a participant of the group
    leave, only asked: 409 group_suspended: The group is suspended
    leave, no number: 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    cancel, no group: 400 invalid_field (group_id): group_id is missing
    cancel, an unknown group: 404 group_unknown: The group does not exist
    cancel, not asked: 404 join_request_unknown: The join request does not exist
    cancel, in already: 404 join_request_unknown: The join request does not exist
    cancel, suspended: 409 group_suspended: The group is suspended
    cancel, no number: 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    show, no number: 400 invalid_field (wa_id): wa_id must be a phone number of 5 to 15 digits
    ");
    let standings = show(&app, BEN).await.ok();
    assert_eq!(standings["groups"], json!([]));
    assert_eq!(standings["join_requests"], json!([]));
}

#[tokio::test]
async fn suspending_and_restoring_say_what_is() {
    let app = TestApp::new().await;
    let group = app.group("Loud", "auto_approve").await;
    let suspended = set_suspended(&app, &group, true).await;
    assert_snapshot!(suspended.shown(), @r#"
    200 OK
    {
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "suspended": true
    }
    "#);
    assert_eq!(set_suspended(&app, &group, true).await.bytes, suspended.bytes);
    let path = format!("/groups/{group}?fields=suspended");
    assert_eq!(app.d360(Method::GET, &path, None).await.ok()["suspended"], true);

    let restored = set_suspended(&app, &group, false).await;
    assert_snapshot!(restored.shown(), @r#"
    200 OK
    {
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "suspended": false
    }
    "#);
    assert_eq!(set_suspended(&app, &group, false).await.bytes, restored.bytes);
    assert_eq!(app.d360(Method::GET, &path, None).await.ok()["suspended"], false);
    app.assert_log_folds(&group).await;

    app.d360(Method::DELETE, &format!("/groups/{group}"), None).await.ok();
    for id in [&group, "never", "%FF", "%20"] {
        for suspended in [true, false] {
            assert_eq!(
                refusal(&set_suspended(&app, id, suspended).await),
                "404 group_unknown: The group does not exist",
                "{id}"
            );
        }
    }
}

#[tokio::test]
async fn a_suspension_keeps_who_is_in_and_who_waits() {
    let app = TestApp::new().await;
    let group = app.group("Loud", "approval_required").await;
    let link = app.link(&group).await;
    let request = app.tap(ANN, &link).await.text("join_request_id");
    app.tap(BEN, &link).await.ok();
    let path = format!("/groups/{group}/join_requests");
    let body = json!({ "join_requests": [request] });
    app.d360(Method::POST, &path, Some(body)).await.ok();
    let before = (show(&app, ANN).await.bytes, show(&app, BEN).await.bytes);
    set_suspended(&app, &group, true).await.ok();
    assert_eq!((show(&app, ANN).await.bytes, show(&app, BEN).await.bytes), before);
    let leave = act(&app, ANN, "leave", json!({ "group_id": group })).await;
    assert_eq!(refusal(&leave), "409 group_suspended: The group is suspended");
    set_suspended(&app, &group, false).await.ok();
    act(&app, ANN, "leave", json!({ "group_id": group })).await.ok();
    act(&app, BEN, "cancel", json!({ "group_id": group })).await.ok();
}

#[tokio::test]
async fn where_people_are_off_only_the_records_are_there() {
    let app = TestApp::with(TestApp::memory(), false).await;
    let group = app.group("Real", "auto_approve").await;
    let link = app.link(&group).await;
    let off = "403 people_off: Simulated people are off; start with people = true to play them";
    assert_eq!(refusal(&app.tap(ANN, &link).await), off);
    assert_eq!(refusal(&show(&app, ANN).await), off);
    for action in ["cancel", "leave"] {
        assert_eq!(refusal(&act(&app, ANN, action, json!({ "group_id": group })).await), off);
    }
    for suspended in [true, false] {
        assert_eq!(refusal(&set_suspended(&app, &group, suspended).await), off);
        assert_eq!(refusal(&set_suspended(&app, "never", suspended).await), off);
    }
    // Whoever has no token is not even told that much.
    let request = Request::post(format!("/klatch/v1/people/{ANN}/join"));
    let request = request.header(header::AUTHORIZATION, "Bearer wrong");
    let answer = app.send(request.body("{}".into()).unwrap()).await;
    assert_eq!(refusal(&answer), "401 unauthorized (Authorization): This is not the admin token");

    let (kind, bytes) = form(&[("file", None, &jpeg(192, 192))]);
    let request = Request::post(format!("/groups/{group}"))
        .header("D360-API-KEY", sandbox::KEY)
        .header(header::CONTENT_TYPE, kind);
    app.send(request.body(bytes.into()).unwrap()).await.ok();
    let picture = app.admin(Method::GET, &format!("/groups/{group}/picture"), None).await;
    assert_eq!(picture.bytes, jpeg(192, 192));
    for list in ["/accounts", "/numbers", "/keys"] {
        app.admin(Method::GET, list, None).await.ok();
    }
    app.stranger().await;
    let path = format!("/groups/{group}?fields=participants");
    assert_eq!(app.d360(Method::GET, &path, None).await.ok()["participants"], json!([]));
}

#[tokio::test]
async fn a_picture_that_is_not_there() {
    let app = TestApp::new().await;
    let group = app.group("Faceless", "auto_approve").await;
    let mut refusals = Vec::new();
    for id in [&group, "never", "%FF"] {
        let answer = app.admin(Method::GET, &format!("/groups/{id}/picture"), None).await;
        refusals.push(refusal(&answer));
    }
    assert_snapshot!(refusals.join("\n"), @"
    404 unknown (picture): picture does not exist
    404 group_unknown: The group does not exist
    404 group_unknown: The group does not exist
    ");
}
