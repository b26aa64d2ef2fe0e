//! Groups from their making to their end, and what cannot be asked of them.

use axum::body::Body;
use axum::http::{Method, Request};
use insta::assert_snapshot;
use klatch::sandbox::{self, PHONE_NUMBER_ID};
use serde_json::{Value, json};

use super::{
    Refusals, all, everything, made, our_groups, refusal, send_form, send_pairs, suspend, whatsapp,
};
use crate::support::{Answer, TestApp, jpeg};

async fn create(app: &TestApp, body: Value) -> Answer {
    app.meta(Method::POST, &our_groups(), Some(body)).await
}

async fn update(app: &TestApp, group: &str, body: Value) -> Answer {
    app.meta(Method::POST, &format!("/{group}"), Some(body)).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers stand beside the calls")]
async fn a_group_is_made_seen_changed_and_ended() {
    let app = TestApp::new().await;
    let body = whatsapp(json!({
        "subject": "  New Purchase Inquiry ",
        "description": "About the blue one",
        "join_approval_mode": "approval_required",
    }));
    let created = create(&app, body).await;
    assert_snapshot!(created.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "request_id": "B1470F7F2B56BFE903E78BCD463D2AC2"
    }
    "#);
    let group = made(&app, &created).await;
    assert_snapshot!(app.meta(Method::GET, &format!("/{group}"), None).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD"
    }
    "#);
    assert_snapshot!(everything(&app, &group).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "subject": "New Purchase Inquiry",
      "description": "About the blue one",
      "creation_timestamp": 1755548877,
      "suspended": false,
      "total_participant_count": 0,
      "participants": [],
      "join_approval_mode": "approval_required"
    }
    "#);
    assert_snapshot!(app.meta(Method::GET, &our_groups(), None).await.shown(), @r#"
    200 OK
    {
      "data": {
        "groups": [
          {
            "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
            "subject": "New Purchase Inquiry",
            "created_at": "1755548877"
          }
        ]
      },
      "paging": {
        "cursors": {
          "before": "NzU0MDAyNTAxNTYxNzAzNTkxMg==",
          "after": "NzU0MDAyNTAxNTYxNzAzNTkxMg=="
        }
      }
    }
    "#);
    let body = whatsapp(json!({ "subject": "Sold", "description": "" }));
    assert_snapshot!(update(&app, &group, body).await.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "26E3FAC3F851BF89A8EAE7B77323D69D"
    }
    "#);
    let info = everything(&app, &group).await.ok();
    assert_eq!((&info["subject"], info.get("description")), (&json!("Sold"), None));
    assert_snapshot!(app.meta(Method::DELETE, &format!("/{group}"), None).await.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    let gone = app.meta(Method::DELETE, &format!("/{group}"), None).await;
    assert_snapshot!(gone.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#131041) Group unknown",
        "type": "OAuthException",
        "code": 131041,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "the group does not exist"
        }
      }
    }
    "#);
    assert_snapshot!(app.meta(Method::GET, &our_groups(), None).await.shown(), @r#"
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
async fn a_group_may_be_made_with_any_kind_of_form() {
    let app = TestApp::new().await;
    let pairs = [
        ("messaging_product", "whatsapp"),
        ("subject", "Größe & Farbe"),
        ("description", "a=b"),
        ("join_approval_mode", "approval_required"),
    ];
    let by_pairs = made(&app, &send_pairs(&app, Method::POST, &our_groups(), &pairs).await).await;
    let parts = pairs.map(|(name, value)| (name, None, value.as_bytes()));
    let by_form = made(&app, &send_form(&app, &our_groups(), &parts).await).await;
    let by_json = create(&app, json!(std::collections::BTreeMap::from(pairs))).await;
    let by_json = made(&app, &by_json).await;
    let mut shown: Vec<Value> = Vec::new();
    for group in [by_json, by_pairs, by_form] {
        let mut info = everything(&app, &group).await.ok();
        assert_eq!(info["id"].take(), *group);
        shown.push(info);
    }
    assert_eq!(shown[0]["subject"], "Größe & Farbe");
    assert_eq!((&shown[0], &shown[0]), (&shown[1], &shown[2]));
    // A subject alone is enough, and a form with parts need not say the product.
    let bare = send_form(&app, &our_groups(), &[("subject", None, b"Bare")]).await;
    let bare = made(&app, &bare).await;
    assert_snapshot!(everything(&app, &bare).await.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0NDI4MjEzNjgwMzkZD",
      "subject": "Bare",
      "creation_timestamp": 1755548877,
      "suspended": false,
      "total_participant_count": 0,
      "participants": [],
      "join_approval_mode": "auto_approve"
    }
    "#);
}

#[tokio::test]
async fn a_group_may_be_changed_with_any_kind_of_form() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/{group}");
    let pairs = [("messaging_product", "whatsapp"), ("subject", "A"), ("description", "1\n2")];
    send_pairs(&app, Method::POST, &path, &pairs).await.ok();
    let info = everything(&app, &group).await.ok();
    assert_eq!((&info["subject"], &info["description"]), (&json!("A"), &json!("1\n2")));
    for (part, side) in [("file", 192), ("profile_picture_file", 640)] {
        let picture = jpeg(side, side);
        let parts: [(&str, Option<&str>, &[u8]); 3] = [
            ("messaging_product", None, b"whatsapp"),
            ("subject", None, part.as_bytes()),
            (part, Some("us.png"), &picture),
        ];
        let answer = send_form(&app, &path, &parts).await.ok();
        assert_eq!(answer["success"], true);
        assert_eq!(everything(&app, &group).await.ok()["subject"], part);
        let shown = app.admin(Method::GET, &format!("/groups/{group}/picture"), None).await;
        assert_eq!(shown.bytes, picture);
    }
    // A form may leave out what it is about.
    send_form(&app, &path, &[("description", None, b"")]).await.ok();
    assert_eq!(everything(&app, &group).await.ok().get("description"), None);
}

#[tokio::test]
async fn what_a_group_cannot_be_called() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let (fits, long) = ("ä".repeat(128), "ä".repeat(129));
    let (text, long_text) = ("🚗".repeat(2_048), "🚗".repeat(2_049));
    let mut refusals = Refusals::default();
    for (what, body) in [
        ("no subject", json!({})),
        ("null", json!({ "subject": null })),
        ("empty", json!({ "subject": "" })),
        ("blank", json!({ "subject": " \t " })),
        ("long", json!({ "subject": long })),
        ("two lines", json!({ "subject": "a\nb" })),
        ("a zero", json!({ "subject": "a\u{0}b" })),
        ("a long description", json!({ "subject": "A", "description": long_text })),
        ("a zero below", json!({ "subject": "A", "description": "a\u{0}b" })),
        ("a mode", json!({ "subject": "A", "join_approval_mode": "none" })),
        ("an empty mode", json!({ "subject": "A", "join_approval_mode": "" })),
        ("another case", json!({ "subject": "A", "join_approval_mode": "AUTO_APPROVE" })),
    ] {
        refusals.add(&format!("create, {what}"), &create(&app, whatsapp(body.clone())).await);
        let answer = update(&app, &group, whatsapp(body)).await;
        if answer.status.is_success() {
            refusals.0.push(format!("update, {what} => fine"));
        } else {
            refusals.add(&format!("update, {what}"), &answer);
        }
    }
    for (what, body) in [
        ("a path", whatsapp(json!({ "profile_picture_file": "/tmp/us.jpg" }))),
        ("no product", json!({ "subject": "A" })),
        ("another product", json!({ "messaging_product": "sms", "subject": "A" })),
        ("an empty product", json!({ "messaging_product": "", "subject": "A" })),
    ] {
        refusals.add(&format!("update, {what}"), &update(&app, &group, body).await);
    }
    assert_snapshot!(refusals.shown(), @r#"
    create, no subject => 400 100 (#100) The parameter subject is required.: subject is missing
    update, no subject => 400 100 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    create, null => 400 100 (#100) The parameter subject is required.: subject is missing
    update, null => 400 100 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    create, empty => 400 100 (#100) Invalid parameter: subject must not be empty
    update, empty => 400 100 (#100) Invalid parameter: subject must not be empty
    create, blank => 400 100 (#100) Invalid parameter: subject must not be empty
    update, blank => 400 100 (#100) Invalid parameter: subject must not be empty
    create, long => 400 100 (#100) Param subject must be at most 128 characters long.: subject must not be longer than 128 characters (it has 129)
    update, long => 400 100 (#100) Param subject must be at most 128 characters long.: subject must not be longer than 128 characters (it has 129)
    create, two lines => 400 100 (#100) Invalid parameter: subject must not contain the control character U+000A
    update, two lines => 400 100 (#100) Invalid parameter: subject must not contain the control character U+000A
    create, a zero => 400 100 (#100) Invalid parameter: subject must not contain the control character U+0000
    update, a zero => 400 100 (#100) Invalid parameter: subject must not contain the control character U+0000
    create, a long description => 400 100 (#100) Param description must be at most 2048 characters long.: description must not be longer than 2048 characters (it has 2049)
    update, a long description => 400 100 (#100) Param description must be at most 2048 characters long.: description must not be longer than 2048 characters (it has 2049)
    create, a zero below => 400 100 (#100) Invalid parameter: description must not contain the control character U+0000
    update, a zero below => 400 100 (#100) Invalid parameter: description must not contain the control character U+0000
    create, a mode => 400 100 (#100) Param join_approval_mode must be one of {AUTO_APPROVE, APPROVAL_REQUIRED} - got "none".: join_approval_mode must be one of auto_approve, approval_required
    update, a mode => 400 100 (#100) Invalid parameter: join_approval_mode cannot be changed once the group is there
    create, an empty mode => 400 100 (#100) Param join_approval_mode must be one of {AUTO_APPROVE, APPROVAL_REQUIRED} - got "".: join_approval_mode must be one of auto_approve, approval_required
    update, an empty mode => 400 100 (#100) Invalid parameter: join_approval_mode cannot be changed once the group is there
    create, another case => 400 100 (#100) Param join_approval_mode must be one of {AUTO_APPROVE, APPROVAL_REQUIRED} - got "AUTO_APPROVE".: join_approval_mode must be one of auto_approve, approval_required
    update, another case => 400 100 (#100) Invalid parameter: join_approval_mode cannot be changed once the group is there
    update, a path => 400 100 (#100) Invalid parameter: profile_picture_file must be uploaded as multipart/form-data, a path is of no use here
    update, no product => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    update, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "sms".: messaging_product must be whatsapp
    update, an empty product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "".: messaging_product must be whatsapp
    "#);
    let body = whatsapp(json!({ "subject": fits, "description": text }));
    create(&app, body.clone()).await.ok();
    update(&app, &group, body).await.ok();
}

#[tokio::test]
async fn fields_are_told_one_by_one() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    app.tap("16505550101", &app.link(&group).await).await.ok();
    update(&app, &group, whatsapp(json!({ "description": "Words" }))).await.ok();
    let mut shown = Vec::new();
    for fields in [
        "",
        "%20,%20,",
        "id",
        "messaging_product",
        "subject",
        "description",
        "join_approval_mode",
        "suspended",
        "creation_timestamp",
        "participants",
        "total_participant_count",
        "%20subject%20,,subject,",
        "subject&fields=description",
        "suspended%2Cid",
        // Refused.
        "invite_link",
        "Subject",
        "subject,nonsense",
        "participants%7Bphone%7D",
        "subject.limit(1)",
        "display_phone_number",
        "%F0%9F%9A%97",
    ] {
        let answer = app.meta(Method::GET, &format!("/{group}?fields={fields}"), None).await;
        let told = if answer.status.is_success() {
            let mut body = answer.ok();
            assert_eq!(
                (&body["id"], &body["messaging_product"]),
                (&json!(group), &json!("whatsapp"))
            );
            let body = body.as_object_mut().unwrap();
            body.retain(|name, _| name != "id" && name != "messaging_product");
            serde_json::to_string(&body).unwrap()
        } else {
            refusal(&answer)
        };
        shown.push(format!("{fields} => {told}"));
    }
    assert_snapshot!(shown.join("\n"), @r#"
     => {}
    %20,%20, => {}
    id => {}
    messaging_product => {}
    subject => {"subject":"Hello"}
    description => {"description":"Words"}
    join_approval_mode => {"join_approval_mode":"auto_approve"}
    suspended => {"suspended":false}
    creation_timestamp => {"creation_timestamp":1755548877}
    participants => {"participants":[{"wa_id":"16505550101","user_id":"US.10675678526246432575"}]}
    total_participant_count => {"total_participant_count":1}
    %20subject%20,,subject, => {"subject":"Hello"}
    subject&fields=description => {"description":"Words"}
    suspended%2Cid => {"suspended":false}
    invite_link => 400 100 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; invite_link is unknown
    Subject => 400 100 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; Subject is unknown
    subject,nonsense => 400 100 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; nonsense is unknown
    participants%7Bphone%7D => 400 100 (#100) Invalid parameter: fields must only name wa_id, user_id, parent_user_id, username inside participants; participants{phone} is unknown
    subject.limit(1) => 400 100 (#100) Invalid parameter: fields cannot limit subject: it is not a list
    display_phone_number => 400 100 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; display_phone_number is unknown
    %F0%9F%9A%97 => 400 100 (#100) Invalid parameter: fields must only name messaging_product, id, subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; 🚗 is unknown
    "#);
}

#[tokio::test]
async fn a_number_is_an_object_too() {
    let app = TestApp::new().await;
    let at = |fields: &str| format!("/{PHONE_NUMBER_ID}?fields={fields}");
    let bare = app.meta(Method::GET, &format!("/{PHONE_NUMBER_ID}"), None).await;
    assert_snapshot!(bare.shown(), @r#"
    200 OK
    {
      "id": "106540352242922",
      "display_phone_number": "15550783881",
      "verified_name": "Dev"
    }
    "#);
    let all = "display_phone_number,verified_name,is_official_business_account,\
               webhook_configuration";
    assert_snapshot!(app.meta(Method::GET, &at(all), None).await.shown(), @r#"
    200 OK
    {
      "id": "106540352242922",
      "display_phone_number": "15550783881",
      "verified_name": "Dev",
      "is_official_business_account": true,
      "webhook_configuration": {}
    }
    "#);
    let one = app.meta(Method::GET, &at("verified_name"), None).await.ok();
    assert_eq!(one, json!({ "id": PHONE_NUMBER_ID, "verified_name": "Dev" }));
    let mut refusals = Refusals::default();
    for fields in ["subject", "verified_name,messaging_product", "webhook_configuration{x}"] {
        refusals.add(fields, &app.meta(Method::GET, &at(fields), None).await);
    }
    let path = format!("/{PHONE_NUMBER_ID}");
    refusals.add("DELETE", &app.meta(Method::DELETE, &path, None).await);
    refusals.add("POST subject", &update(&app, PHONE_NUMBER_ID, json!({ "subject": "A" })).await);
    for id in [sandbox::BOT_ID, sandbox::ACCOUNT] {
        refusals.add(id, &app.meta(Method::GET, &format!("/{id}"), None).await);
    }
    assert_snapshot!(refusals.shown(), @"
    subject => 400 100 (#100) Invalid parameter: fields must only name id, display_phone_number, verified_name, is_official_business_account, status, code_verification_status, platform_type, is_pin_enabled, health_status, webhook_configuration; subject is unknown
    verified_name,messaging_product => 400 100 (#100) Invalid parameter: fields must only name id, display_phone_number, verified_name, is_official_business_account, status, code_verification_status, platform_type, is_pin_enabled, health_status, webhook_configuration; messaging_product is unknown
    webhook_configuration{x} => 400 100 (#100) Invalid parameter: fields must only name phone_number, whatsapp_business_account, application inside webhook_configuration; webhook_configuration{x} is unknown
    DELETE => 400 100/33 Unsupported delete request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    POST subject => 400 100 (#100) Invalid parameter: webhook_configuration is missing
    klatch => 400 100/33 Unsupported get request. Object with ID 'klatch' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    acc_dev => 400 100/33 Unsupported get request. Object with ID 'acc_dev' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    ");
}

#[tokio::test]
async fn a_suspended_group_can_be_looked_at_and_no_more() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    suspend(&app, &group).await;
    let mut answers = Vec::new();
    for operation in super::of_group(&group) {
        let answer = operation.send(&app, sandbox::KEY).await;
        let shown = if answer.status.is_success() { "fine".to_owned() } else { refusal(&answer) };
        answers.push(format!("{} => {shown}", operation.name));
    }
    assert_snapshot!(answers.join("\n"), @"
    info => fine
    info with fields => fine
    update => 403 131207 (#131207) Group suspended: the group is suspended
    update with a picture => 403 131207 (#131207) Group suspended: the group is suspended
    invite link => fine
    reset => 403 131207 (#131207) Group suspended: the group is suspended
    delete the link => 403 131207 (#131207) Group suspended: the group is suspended
    join requests => fine
    a page of join requests => fine
    approve => 403 131207 (#131207) Group suspended: the group is suspended
    reject => 403 131207 (#131207) Group suspended: the group is suspended
    add => 403 131207 (#131207) Group suspended: the group is suspended
    remove => 403 131207 (#131207) Group suspended: the group is suspended
    by ids => fine
    delete => 403 131207 (#131207) Group suspended: the group is suspended
    ");
    assert_eq!(everything(&app, &group).await.ok()["suspended"], true);
    let body = whatsapp(json!({ "subject": "New" }));
    assert_snapshot!(update(&app, &group, body).await.shown(), @r#"
    403 Forbidden
    {
      "error": {
        "message": "(#131207) Group suspended",
        "type": "OAuthException",
        "code": 131207,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "the group is suspended"
        }
      }
    }
    "#);
    let list = app.meta(Method::GET, &our_groups(), None).await.ok();
    assert_eq!(list["data"]["groups"][0]["id"], *group);
}

#[tokio::test]
async fn what_was_deleted_is_unknown() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    app.meta(Method::DELETE, &format!("/{group}"), None).await.ok();
    for operation in super::of_group(&group) {
        let answer = operation.send(&app, sandbox::KEY).await;
        let expected = "400 131041 (#131041) Group unknown: the group does not exist";
        assert_eq!(refusal(&answer), expected, "{}", operation.name);
    }
}

const BASE: &str = "http://klatch.example:8080";

/// The page at this address.
async fn page(app: &TestApp, address: &str) -> Value {
    let path = address.strip_prefix(BASE).unwrap_or_else(|| panic!("{address} is not ours"));
    let request = Request::get(path)
        .header("Host", BASE.trim_start_matches("http://"))
        .header("Authorization", "Bearer klatch-dev");
    app.send(request.body(Body::empty()).unwrap()).await.ok()
}

fn ids(page: &Value) -> Vec<String> {
    let groups = page["data"]["groups"].as_array().or(page["data"].as_array()).unwrap();
    let id = |one: &Value| one.get("id").or(one.get("join_request_id")).unwrap().clone();
    groups.iter().map(|one| id(one).as_str().unwrap().to_owned()).collect()
}

/// Reads a list by its own addresses to its end and back again, in pages of this length.
async fn assert_pages(app: &TestApp, address: &str, limit: usize, list: &[String]) {
    let mut forth = vec![page(app, &format!("{BASE}{address}?limit={limit}&note=kept")).await];
    while let Some(next) = forth.last().unwrap()["paging"]["next"].as_str() {
        assert!(next.starts_with(&format!("{BASE}{address}?")), "{next}");
        assert!(next.contains("note=kept"), "{next}");
        let next = page(app, next).await;
        forth.push(next);
    }
    assert_eq!(forth.iter().flat_map(ids).collect::<Vec<_>>(), list, "{address} {limit}");
    assert_eq!(forth.len(), list.len().div_ceil(limit));
    let mut back = vec![forth.last().unwrap().clone()];
    while let Some(previous) = back.last().unwrap()["paging"]["previous"].as_str() {
        let previous = page(app, previous).await;
        back.push(previous);
    }
    back.reverse();
    assert_eq!(back, forth, "{address} {limit}");
}

#[tokio::test]
async fn pages_are_followed_under_the_address_that_was_used() {
    let app = TestApp::new().await;
    let mut list = Vec::new();
    for n in 1..=5 {
        list.insert(0, app.group(&format!("Group {n}"), "approval_required").await);
    }
    let group = list[2].clone();
    let link = app.link(&group).await;
    let mut requests = Vec::new();
    for n in 1..=5 {
        requests.push(super::ask(&app, &format!("1650555010{n}"), &link).await);
    }
    for mount in ["", "/v23.0", "/v999.0", "/meta", "/meta/v24.0"] {
        for limit in [1, 2, 5, 6] {
            assert_pages(&app, &format!("{mount}{}", our_groups()), limit, &list).await;
            let path = format!("{mount}/{group}/join_requests");
            assert_pages(&app, &path, limit, &requests).await;
        }
    }
    let second = page(&app, &format!("{BASE}/meta/v23.0{}?limit=1", our_groups())).await;
    let second = page(&app, second["paging"]["next"].as_str().unwrap()).await;
    assert_snapshot!(serde_json::to_string_pretty(&second).unwrap(), @r#"
    {
      "data": {
        "groups": [
          {
            "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0NDI4MjEzNjgwMzkZD",
            "subject": "Group 4",
            "created_at": "1755548877"
          }
        ]
      },
      "paging": {
        "cursors": {
          "before": "NzU0MDAyNTAyOTExMjY3MjA4MA==",
          "after": "NzU0MDAyNTAyOTExMjY3MjA4MA=="
        },
        "next": "http://klatch.example:8080/meta/v23.0/106540352242922/groups?limit=1&after=NzU0MDAyNTAyOTExMjY3MjA4MA%3D%3D",
        "previous": "http://klatch.example:8080/meta/v23.0/106540352242922/groups?limit=1&before=NzU0MDAyNTAyOTExMjY3MjA4MA%3D%3D"
      }
    }
    "#);
}

#[tokio::test]
async fn pages_that_are_none() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    app.group("Hello again", "approval_required").await;
    super::ask(&app, "16505550101", &app.link(&group).await).await;
    let first = app.meta(Method::GET, &our_groups(), None).await.ok();
    let cursor = first["paging"]["cursors"]["after"].as_str().unwrap();
    let requests = format!("/{group}/join_requests");
    let mut refusals = Refusals::default();
    for query in [
        "limit=0",
        "limit=1025",
        "limit=-1",
        "limit=ten",
        "limit=1e1",
        "after=damaged",
        "before=damaged",
        "after=%FF",
        "limit=0&after=damaged",
        "before=x&after=x",
        "after=MTAxNTExOTQ1MjAwNzI5NDE=",
    ] {
        refusals
            .add(query, &app.meta(Method::GET, &format!("{}?{query}", our_groups()), None).await);
        let answer = app.meta(Method::GET, &format!("{requests}?{query}"), None).await;
        refusals.add(query, &answer);
    }
    let foreign = app.meta(Method::GET, &format!("{requests}?after={cursor}"), None).await;
    refusals.add("a cursor of another list", &foreign);
    let both = format!("{}?after={cursor}&before={cursor}", our_groups());
    refusals.add("both", &app.meta(Method::GET, &both, None).await);
    assert_snapshot!(refusals.shown(), @"
    limit=0 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=0 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=1025 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=1025 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=-1 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=-1 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=ten => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=ten => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=1e1 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=1e1 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    after=damaged => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after=damaged => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    before=damaged => 400 131059 (#131059) Invalid cursor: before is not a cursor of this list; start again from the first page
    before=damaged => 400 131059 (#131059) Invalid cursor: before is not a cursor of this list; start again from the first page
    after=%FF => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after=%FF => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    limit=0&after=damaged => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    limit=0&after=damaged => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    before=x&after=x => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    before=x&after=x => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after=MTAxNTExOTQ1MjAwNzI5NDE= => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    after=MTAxNTExOTQ1MjAwNzI5NDE= => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    a cursor of another list => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    both => 400 100 (#100) Invalid parameter: before cannot be combined with after
    ");
    assert_snapshot!(foreign.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#131059) Invalid cursor",
        "type": "OAuthException",
        "code": 131059,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "after is not a cursor of this list; start again from the first page"
        }
      }
    }
    "#);
    for query in ["limit=1024", "limit=1&limit=2", "after=&before=", "limit=%32", "limit=%2B2"] {
        app.meta(Method::GET, &format!("{}?{query}", our_groups()), None).await.ok();
    }
}

#[tokio::test]
async fn the_other_api_sees_the_same_groups() {
    let app = TestApp::new().await;
    let group = made(&app, &create(&app, whatsapp(json!({ "subject": "Hello" }))).await).await;
    for fields in ["", "?fields=subject,suspended,participants,creation_timestamp"] {
        let meta = app.meta(Method::GET, &format!("/{group}{fields}"), None).await;
        let d360 = app.d360(Method::GET, &format!("/groups/{group}{fields}"), None).await;
        assert_eq!(meta.bytes, d360.bytes);
    }
    assert_eq!(all(&group).len(), 35, "every operation is in the tables of these tests");
}
