//! Groups: made, listed, shown, renamed, left.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use domain::NewGroup;
use domain::ids::PhoneNumberId;
use domain::values::{Description, JoinApprovalMode, Subject, Timestamp};
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use insta::assert_snapshot;
use klatch::app::caller::Call;
use klatch::directory::Actor;
use klatch::sandbox;
use klatch::store::Scope;
use serde_json::{Value, json};
use wire::paging::LIMIT_MAX;

use super::{
    ANN, BEN, Refusals, UNKNOWN, alias_of, create, empty, group_of, hide, id_of, info, invite,
    list, news, operations, people, refusal, request, send_once, set_number, set_suspended,
    version,
};
use crate::support::{BEGINNING_MS, TestApp};

#[tokio::test]
async fn a_group_is_made_and_shown() {
    let app = TestApp::new().await;
    let none = app.sinch(Method::GET, "/groups", None).await;
    assert_snapshot!(none.shown(), @r#"
    200 OK
    {
      "groups": []
    }
    "#);
    let body = json!({ "subject": "  Test drives " });
    let created = app.sinch(Method::POST, "/groups", Some(body)).await;
    assert_snapshot!(created.shown(), @r#"
    200 OK
    {
      "group_id": "group:15550783881-1755548877"
    }
    "#);
    let group = created.text("group_id");
    let path = format!("/groups/{group}");
    assert_snapshot!(app.sinch(Method::GET, &path, None).await.shown(), @r#"
    200 OK
    {
      "admins": [
        "15550783881"
      ],
      "creator": "15550783881",
      "members": [
        "15550783881"
      ],
      "subject": "Test drives",
      "creation_time": "2025-08-18T20:27:57.000Z"
    }
    "#);
    assert_snapshot!(app.sinch(Method::GET, "/groups", None).await.shown(), @r#"
    200 OK
    {
      "groups": [
        "group:15550783881-1755548877"
      ]
    }
    "#);

    app.tap(ANN, &invite(&app, &group).await).await.ok();
    people(&app, Method::POST, &group, "admin", &[ANN]).await;
    app.tap(BEN, &invite(&app, &group).await).await.ok();
    assert_snapshot!(app.sinch(Method::GET, &path, None).await.shown(), @r#"
    200 OK
    {
      "admins": [
        "15550783881",
        "16505550101"
      ],
      "creator": "15550783881",
      "members": [
        "15550783881",
        "16505550101",
        "16505550102"
      ],
      "subject": "Test drives",
      "creation_time": "2025-08-18T20:27:57.000Z"
    }
    "#);
}

#[tokio::test]
async fn the_colon_may_be_written_in_either_way() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let plain = app.sinch(Method::GET, &format!("/groups/{group}"), None).await;
    for spelled in [
        group.replace(':', "%3A"),
        group.replace(':', "%3a"),
        group.replace('-', "%2D"),
        group.replace("group", "%67roup"),
    ] {
        let same = app.sinch(Method::GET, &format!("/groups/{spelled}"), None).await;
        assert_eq!(same.ok(), plain.ok(), "{spelled}");
        let path = format!("/groups/{spelled}");
        let body = json!({ "subject": "Hello" });
        empty(&app.sinch(Method::PATCH, &path, Some(body)).await);
        empty(&app.sinch(Method::DELETE, &format!("{path}/invite"), None).await);
    }
}

#[tokio::test]
async fn the_moment_has_three_digits_of_milliseconds() {
    let app = TestApp::new().await;
    for (millis, expected) in [
        (0, "2025-08-18T20:27:57.000Z"),
        (7, "2025-08-18T20:27:57.007Z"),
        (120, "2025-08-18T20:27:57.120Z"),
        (999, "2025-08-18T20:27:57.999Z"),
        (1_000, "2025-08-18T20:27:58.000Z"),
    ] {
        app.clock.set(Timestamp::from_millis(BEGINNING_MS + millis));
        let group = create(&app, "Hello").await;
        assert_eq!(info(&app, &group).await["creation_time"], expected, "{group}");
    }
}

#[tokio::test]
async fn groups_of_the_same_second_have_names_of_their_own() {
    let app = TestApp::new().await;
    let answers = join_all((0..50).map(|_| create(&app, "Hello"))).await;
    let mut names = answers.clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 50);
    assert_eq!(names[0], "group:15550783881-1755548877");
    assert_eq!(names[49], "group:15550783881-1755548926");
    let newest_first: Vec<String> = names.iter().rev().cloned().collect();
    assert_eq!(list(&app).await, newest_first);

    // A clock that is put back, or a name that was used before, gives no name twice.
    empty(&app.sinch(Method::DELETE, &format!("/groups/{}", names[49]), None).await);
    app.clock.put_back(Duration::from_hours(1));
    assert_eq!(create(&app, "Hello").await, "group:15550783881-1755548927");
    app.clock.advance(Duration::from_hours(3));
    assert_eq!(create(&app, "Hello").await, "group:15550783881-1755556077");
}

/// So many groups, made without the detour through an API.
async fn make(app: &TestApp, count: usize) {
    let id = PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap();
    let number = app.app.directory.number(&id).await.unwrap().unwrap();
    let call = Call { actor: Actor::Operator, scope: Scope::Number(id), idempotency: None };
    let new = NewGroup {
        subject: Subject::parse("Hello").unwrap(),
        description: Description::default(),
        mode: JoinApprovalMode::AutoApprove,
    };
    for _ in 0..count {
        app.app.create(&call, &number, &new).await.unwrap();
    }
}

#[tokio::test]
async fn the_list_is_whole_however_long_it_is() {
    let app = TestApp::new().await;
    let page = usize::from(LIMIT_MAX);
    let mut made = 0;
    for count in [page - 1, page, page + 1, 2 * page, 2 * page + 5] {
        make(&app, count - made).await;
        made = count;
        let names = list(&app).await;
        let expected = (0..count).map(|index| {
            let second = BEGINNING_MS / 1_000 + i64::try_from(count - 1 - index).unwrap();
            format!("group:15550783881-{second}")
        });
        assert!(names.iter().cloned().eq(expected), "{count} groups: {}", names.len());
    }
}

/// The list goes out while it is read; in between, its rest may go away.
#[tokio::test]
async fn a_list_whose_rest_has_gone_meanwhile_is_still_json() {
    let app = TestApp::new().await;
    make(&app, usize::from(LIMIT_MAX) + 2).await;
    let asked = request(Method::GET, "/groups").body(Body::empty()).unwrap();
    let answer = app.port.call(asked).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let oldest = BEGINNING_MS / 1_000;
    for second in [oldest, oldest + 1] {
        let path = format!("/groups/group:15550783881-{second}");
        empty(&app.sinch(Method::DELETE, &path, None).await);
    }
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let list: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(list["groups"].as_array().unwrap().len(), usize::from(LIMIT_MAX));
}

#[tokio::test]
async fn groups_of_the_other_apis_are_here_as_well() {
    let app = TestApp::new().await;
    let d360 = app.group("Open", "auto_approve").await;
    let asks = app.group("Closed", "approval_required").await;
    let body = json!({ "messaging_product": "whatsapp", "subject": "Metas" });
    let path = format!("/{}/groups", sandbox::PHONE_NUMBER_ID);
    app.meta(Method::POST, &path, Some(body)).await.ok();
    let meta = app.newest(sandbox::KEY, &format!("/v23.0{path}")).await;
    let ours = create(&app, "Ours").await;
    let mut expected = vec![ours.clone()];
    for id in [&meta, &asks, &d360] {
        expected.push(alias_of(&app, id).await);
    }
    assert_eq!(list(&app).await, expected);
    for (name, subject) in expected.iter().zip(["Ours", "Metas", "Closed", "Open"]) {
        assert_eq!(info(&app, name).await["subject"], subject);
    }

    // A group with approval can be managed, though nothing shows of those who ask.
    let closed = &expected[2];
    let link = invite(&app, closed).await;
    app.tap(ANN, &link).await.ok();
    let request = app.tap(BEN, &link).await.text("join_request_id");
    assert_eq!(info(&app, closed).await["members"], json!(["15550783881"]));
    let body = json!({ "join_requests": [request] });
    let path = format!("/groups/{asks}/join_requests");
    app.d360(Method::POST, &path, Some(body)).await.ok();
    assert_eq!(info(&app, closed).await["members"], json!(["15550783881", BEN]));
    empty(&people(&app, Method::POST, closed, "admin", &[BEN]).await);
    empty(&people(&app, Method::DELETE, closed, "member", &[BEN]).await);
    assert_eq!(info(&app, closed).await["admins"], json!(["15550783881"]));

    // And ours is one of theirs, with its new name.
    let path = format!("/groups/{ours}");
    empty(&app.sinch(Method::PATCH, &path, Some(json!({ "subject": "Still ours" }))).await);
    let id = id_of(&app, &ours).await;
    let shown = app.d360(Method::GET, &format!("/groups/{id}?fields=subject"), None).await.ok();
    assert_eq!(shown["subject"], "Still ours");
    app.d360(Method::DELETE, &format!("/groups/{id}"), None).await.ok();
    assert_eq!(refusal(&app.sinch(Method::GET, &path, None).await), UNKNOWN);
    assert!(!list(&app).await.contains(&ours));
}

#[tokio::test]
async fn people_without_a_number_are_shown_by_their_id() {
    let app = TestApp::new().await;
    hide(&app, ANN, "ann").await;
    let group = group_of(&app, &[ANN, BEN]).await;
    let answer = app.sinch(Method::GET, &format!("/groups/{group}"), None).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "admins": [
        "15550783881"
      ],
      "creator": "15550783881",
      "members": [
        "15550783881",
        "US.10675678526246432575",
        "16505550102"
      ],
      "subject": "Hello",
      "creation_time": "2025-08-18T20:27:57.000Z"
    }
    "#);
    assert!(!String::from_utf8_lossy(&answer.bytes).contains(ANN));
    let callbacks = app.sinch(Method::GET, "/callbacks/notifications", None).await;
    assert!(!String::from_utf8_lossy(&callbacks.bytes).contains(ANN), "{callbacks:?}");
}

/// People are played by the name that this API has for a group, too.
#[tokio::test]
async fn a_person_leaves_by_the_name_that_is_known_here() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let path = format!("/groups/{group}/invite");
    let link = app.sinch(Method::GET, &path, None).await.text("invite_link");
    app.tap("16505550101", &link).await.ok();
    let leave = async |group: &str| {
        let body = json!({ "group_id": group });
        app.admin(Method::POST, "/people/16505550101/leave", Some(body)).await
    };
    for unknown in ["group:15550783881-1", "group:19999999999-1755548877", "group:", "group:x-y"] {
        assert_eq!(leave(unknown).await.status, 404, "{unknown}");
    }
    leave(&group).await.ok();
    assert_eq!(info(&app, &group).await["members"], json!(["15550783881"]));
}

#[tokio::test]
async fn a_group_is_renamed() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let path = format!("/groups/{group}");
    let rename = async |subject: &str| {
        app.sinch(Method::PATCH, &path, Some(json!({ "subject": subject }))).await
    };
    empty(&rename(" Grüße \u{1f600} ").await);
    assert_eq!(info(&app, &group).await["subject"], "Grüße \u{1f600}");
    let longest = "\u{1f600}".repeat(128);
    empty(&rename(&longest).await);
    assert_eq!(info(&app, &group).await["subject"], longest);
    set_suspended(&app, &group, true).await;
    assert_eq!(refusal(&rename("New").await), "406 406: the group is suspended");
    assert_eq!(info(&app, &group).await["subject"], longest);
    set_suspended(&app, &group, false).await;
    empty(&rename("New").await);
    assert_eq!(
        news(&app).await,
        ["group_created 15550783881"]
            .into_iter()
            .chain(["group_subject_changed"; 3])
            .collect::<Vec<_>>()
    );
    app.assert_log_folds(&id_of(&app, &group).await).await;
}

#[tokio::test]
async fn a_group_that_was_left_is_gone_everywhere() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let other = create(&app, "Other").await;
    let id = id_of(&app, &group).await;
    empty(&app.sinch(Method::DELETE, &format!("/groups/{group}"), None).await);
    assert_eq!(list(&app).await, [other]);
    for operation in operations(&group) {
        let answer = operation.send(&app, sandbox::KEY, sandbox::BOT_ID).await;
        assert_eq!(refusal(&answer), UNKNOWN, "{}", operation.name);
    }
    let d360 = app.d360(Method::GET, &format!("/groups/{id}"), None).await;
    assert_eq!(d360.status, 404);
    assert_eq!(d360.json()["error"], "(#131041) Group unknown: the group does not exist");
    let meta = app.meta(Method::GET, &format!("/{id}"), None).await;
    assert_eq!(
        (meta.status, &meta.json()["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!(131_041))
    );
    let standings = app.admin(Method::GET, &format!("/people/{ANN}"), None).await.ok();
    assert!(!standings.to_string().contains(&id), "{standings}");
    assert_eq!(news(&app).await.last().unwrap(), "group_user_left 15550783881");
}

#[tokio::test]
async fn a_suspended_group_is_not_left() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    set_suspended(&app, &group, true).await;
    let answer = app.sinch(Method::DELETE, &format!("/groups/{group}"), None).await;
    assert_eq!(refusal(&answer), "406 406: the group is suspended");
    assert_eq!(list(&app).await, [group]);
}

#[tokio::test]
async fn one_group_has_one_name() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let (number, second) = (sandbox::DISPLAY_NUMBER, 1_755_548_877);
    assert_eq!(group, format!("group:{number}-{second}"));
    let id = id_of(&app, &group).await;
    let long = format!("group:{number}-{}", "1".repeat(20_000));
    for spelled in [
        format!("group:{number}-0{second}"),
        format!("group:{number}-+{second}"),
        format!("group:{number}-%2B{second}"),
        format!("group:{number}--{second}"),
        format!("group:{number}-{second}.0"),
        format!("group:{number}-{second}-"),
        format!("group:{number}-1-{second}"),
        format!("group:{number}-"),
        format!("group:{number}"),
        format!("group:0{number}-{second}"),
        format!("group:+{number}-{second}"),
        format!("group:15550783882-{second}"),
        format!("group:-{second}"),
        format!("group:{number}-{second}%20"),
        format!("%20group:{number}-{second}"),
        format!("group:%20{number}-{second}"),
        format!("group:{number}%20-%20{second}"),
        format!("group:{number}-{second}%0A"),
        format!("group:{number}-{second}%00"),
        format!("group:{number}-17%EF%BC%95%EF%BC%955548877"),
        format!("Group:{number}-{second}"),
        format!("group%253A{number}-{second}"),
        format!("group%EF%BC%9A{number}-{second}"),
        format!("group:group:{number}-{second}"),
        format!("{number}-{second}"),
        format!("{number}-{second}@g.us"),
        format!("{second}"),
        format!("group:{number}-9223372036854775807"),
        format!("group:{number}-9223372036854775808"),
        format!("group:{number}--9223372036854775808"),
        format!("group:{number}-99999999999999999999999999"),
        "group:".to_owned(),
        "group%3A".to_owned(),
        "group".to_owned(),
        "-".to_owned(),
        "%2D".to_owned(),
        "..".to_owned(),
        "%2E%2E%2Fgroups".to_owned(),
        "%FF".to_owned(),
        "%C3%28".to_owned(),
        format!("group:{number}-{second}%FF"),
        "%27%20OR%20%271%27=%271".to_owned(),
        id,
        long,
    ] {
        for operation in operations(&spelled) {
            let answer = operation.send(&app, sandbox::KEY, sandbox::BOT_ID).await;
            assert_eq!(refusal(&answer), UNKNOWN, "{} {spelled}", operation.name);
        }
    }
    assert_eq!(version(&app, &group).await, 1);
}

#[tokio::test]
async fn what_a_number_may_not_do_is_not_acceptable() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let mut refusals = Refusals::default();
    let again = async || app.sinch(Method::POST, "/groups", Some(json!({ "subject": "x" }))).await;
    set_number(&app, json!({ "limits": { "groups": 1 } })).await;
    refusals.add("as many groups as it may have", &again().await);
    set_number(&app, json!({ "eligibility": "creation_disabled" })).await;
    refusals.add("no new groups at present", &again().await);
    set_number(&app, json!({ "eligibility": "not_eligible" })).await;
    refusals.add("no groups at all", &again().await);
    assert_snapshot!(refusals.shown(), @"
    as many groups as it may have => 406 406: the number already has 1 group
    no new groups at present => 406 406: the number cannot create groups at present
    no groups at all => 406 406: the number is not eligible for groups
    ");
    // It may look.
    assert_eq!(list(&app).await, [group.as_str()]);
    for operation in operations(&group) {
        let answer = operation.send(&app, sandbox::KEY, sandbox::BOT_ID).await;
        let looks = operation.method == Method::GET;
        assert_eq!(answer.status.as_u16(), if looks { 200 } else { 406 }, "{}", operation.name);
    }
    assert_eq!(version(&app, &group).await, 1);
    // And change what it has, where only new groups are refused.
    set_number(&app, json!({ "eligibility": "creation_disabled" })).await;
    empty(&app.sinch(Method::DELETE, &format!("/groups/{group}"), None).await);
    set_number(&app, json!({ "eligibility": "eligible" })).await;
    again().await.ok();
}

#[tokio::test]
async fn the_same_call_twice_is_the_call_once() {
    let app = TestApp::new().await;
    let body = || Some(json!({ "subject": "Once" }));
    let first = send_once(&app, "create", Method::POST, "/groups", body()).await;
    let second = send_once(&app, "create", Method::POST, "/groups", body()).await;
    assert_eq!(first.ok(), second.ok());
    let group = first.text("group_id");
    assert_eq!(list(&app).await, [group.as_str()]);
    let path = format!("/groups/{group}");
    let used = send_once(&app, "create", Method::PATCH, &path, body()).await;
    assert_eq!(
        refusal(&used),
        "409 409: Idempotency-Key was used for another request; choose a new one"
    );

    for (key, subject) in [("a", "One"), ("b", "Two"), ("a", "One")] {
        let body = Some(json!({ "subject": subject }));
        empty(&send_once(&app, key, Method::PATCH, &path, body).await);
    }
    assert_eq!(info(&app, &group).await["subject"], "Two");
    // What was done to a group is answered as it was, also once the group is gone.
    for _ in 0..2 {
        empty(&send_once(&app, "leave", Method::DELETE, &path, None).await);
    }
    let one = Some(json!({ "subject": "One" }));
    empty(&send_once(&app, "a", Method::PATCH, &path, one).await);
    assert_eq!(app.sinch(Method::DELETE, &path, None).await.status, 406);
    // Even a group that is gone by now was created once.
    assert_eq!(send_once(&app, "create", Method::POST, "/groups", body()).await.ok(), first.ok());
    let bad = send_once(&app, "not one word", Method::POST, "/groups", body()).await;
    assert_eq!(
        refusal(&bad),
        "400 Validation error: Field [Idempotency-Key] must be 1 to 255 visible ASCII characters"
    );
}

#[tokio::test]
async fn a_call_that_is_made_twice_at_once_is_made_once() {
    let app = TestApp::new().await;
    let calls = (0..8).map(|_| {
        send_once(&app, "once", Method::POST, "/groups", Some(json!({ "subject": "Once" })))
    });
    let mut names: Vec<String> =
        join_all(calls).await.iter().map(|answer| answer.text("group_id")).collect();
    names.dedup();
    assert_eq!(list(&app).await, names);
}

#[tokio::test]
async fn the_head_of_an_answer_comes_without_the_rest() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    for path in ["/groups".to_owned(), format!("/groups/{group}")] {
        let answer = app.sinch(Method::HEAD, &path, None).await;
        assert_eq!((answer.status, answer.bytes.len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{path}");
    }
}
