//! One person, however the phone number is spelled: in every dialect, for people who act, and in
//! folders from before.

use std::path::Path;
use std::sync::Arc;

use axum::http::Method;
use insta::assert_snapshot;
use klatch::metrics::Metrics;
use klatch::runtime::Runtime;
use klatch::sandbox::PHONE_NUMBER_ID;
use klatch::store::sqlite::Sqlite;
use klatch::webhook::dispatch;
use serde_json::{Value, json};

use crate::support::receiver::Receiver;
use crate::support::{Answer, TestApp};

/// A mobile number of Belo Horizonte as its owner writes it, and as WhatsApp keeps it.
const WRITTEN: &str = "+55 31 99688-3193";
const KEPT: &str = "553196883193";

/// A Klatch with a receiver of Graph's family and one of Sinch's.
struct Told {
    app: TestApp,
    graph: Receiver,
    sinch: Receiver,
}

impl Told {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let [graph, sinch] = [(); 2].map(|()| Receiver::start());
        for (dialect, receiver) in [("d360", &graph), ("sinch", &sinch)] {
            let body = json!({ "phone_number_id": PHONE_NUMBER_ID, "dialect": dialect,
                               "url": receiver.url("/hook") });
            app.admin(Method::POST, "/subscriptions", Some(body)).await.ok();
        }
        Self { app, graph, sinch }
    }

    /// What the receivers are told of the latest call: the group's news, where Graph has any, and
    /// who acted on whom.
    async fn latest(&self) -> String {
        dispatch::run_due(&self.app.app.dispatch).await;
        let sinch = self.sinch.seen().pop().unwrap().json();
        let sinch = sinch["notifications"].as_array().unwrap().iter();
        let sinch: Vec<_> = sinch.map(|one| (&one["from"], &one["message"]["members"])).collect();
        let mut shown = format!("{}\n", json!(sinch));
        for told in self.graph.seen() {
            let mut news = told.json()["entry"][0]["changes"][0]["value"]["groups"][0].clone();
            for member in ["timestamp", "group_id", "request_id"] {
                news.as_object_mut().unwrap().remove(member);
            }
            shown += &serde_json::to_string_pretty(&news).unwrap();
        }
        self.graph.forget();
        self.sinch.forget();
        shown
    }

    async fn meta(&self, method: Method, group: &str, people: &[&str]) -> Answer {
        let people: Vec<_> = people.iter().map(|user| json!({ "user": user })).collect();
        let body = json!({ "messaging_product": "whatsapp", "participants": people });
        self.app.meta(method, &format!("/{group}/participants"), Some(body)).await
    }

    async fn sinch(&self, method: Method, what: &str, people: &[&str]) -> Answer {
        let groups = self.app.sinch(Method::GET, "/groups", None).await.ok();
        let group = groups["groups"][0].as_str().unwrap().to_owned();
        let body = json!({ "numbers": people });
        self.app.sinch(method, &format!("/groups/{group}/{what}"), Some(body)).await
    }
}

/// Status and code of a refusal of our own API.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    format!("{} {}", answer.status.as_u16(), answer.json()["error"]["code"].as_str().unwrap())
}

async fn shown(app: &TestApp, wa_id: &str) -> Value {
    app.admin(Method::GET, &format!("/people/{wa_id}"), None).await.ok()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers and webhooks stand beside the calls")]
async fn one_person_in_every_dialect() {
    let told = Told::new().await;
    let app = &told.app;
    let group = app.group("Vizinhos", "auto_approve").await;
    let link = app.link(&group).await;

    let added = told.meta(Method::POST, &group, &[WRITTEN]).await;
    assert_snapshot!(added.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "26E3FAC3F851BF89A8EAE7B77323D69D"
    }
    "#);
    assert_snapshot!(told.latest().await, @r#"
    [["15550783881",["553196883193"]]]
    {
      "join_approval_mode": "auto_approve",
      "invite_link": "https://chat.whatsapp.com/AqnxzaRqG07LsGY7OrIQxr",
      "type": "group_create",
      "subject": "Vizinhos"
    }{
      "added_participants": [
        {
          "input": "+55 31 99688-3193",
          "wa_id": "553196883193",
          "user_id": "BR.14213626225696284705"
        }
      ],
      "type": "group_participants_add"
    }
    "#);
    let again = told.meta(Method::POST, &group, &["0055\u{a0}31\u{a0}9688\u{2011}3193"]).await;
    assert_snapshot!(again.shown(), @r#"
    200 OK
    {
      "success": true,
      "request_id": "904683A80B0B69E5E1B1AABD9A215962",
      "failed_participants": [
        {
          "input": "0055 31 9688‑3193",
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
        }
      ],
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
    }
    "#);
    assert_snapshot!(told.latest().await, @r#"
    [["15550783881",["553196883193"]]]
    {
      "errors": [
        {
          "code": 100,
          "message": "(#100) the person is already a participant of the group",
          "title": "Invalid parameter",
          "error_data": {
            "details": "the person is already a participant of the group"
          }
        }
      ],
      "failed_participants": [
        {
          "input": "0055 31 9688‑3193"
        }
      ],
      "type": "group_participants_add"
    }
    "#);
    let twice = told.meta(Method::DELETE, &group, &[WRITTEN, KEPT]).await;
    assert_snapshot!(twice.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#131202) Duplicate participant",
        "type": "OAuthException",
        "code": 131202,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "participants[1] repeats participants[0]: 553196883193"
        }
      }
    }
    "#);

    told.sinch(Method::POST, "admin", &["5531996883193"]).await;
    assert_snapshot!(told.latest().await, @r#"[["15550783881",["553196883193"]]]"#);
    let twice = told.sinch(Method::DELETE, "admin", &[WRITTEN, "\u{200e}+553196883193\u{feff}"]);
    assert_snapshot!(twice.await.shown(), @r#"
    400 Bad Request
    {
      "message": "Validation error",
      "reason": "Field [numbers[1]] repeats [numbers[0]]: ‎+553196883193﻿",
      "details": "Field [numbers[1]] repeats [numbers[0]]: ‎+553196883193﻿"
    }
    "#);
    let acted = app.sinch(Method::GET, "/callbacks/notifications?from=%2B553196883193", None).await;
    assert_eq!(acted.ok()["results"], json!([]), "a business acts, nobody else has");

    let body = json!({ "participants": [{ "user": "\u{200e}+55 31 99688\u{2011}3193" }] });
    let path = format!("/groups/{group}/participants");
    let removed = app.d360(Method::DELETE, &path, Some(body)).await;
    assert_snapshot!(removed.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_snapshot!(told.latest().await, @r#"
    [["15550783881",["553196883193"]]]
    {
      "removed_participants": [
        {
          "input": "‎+55 31 99688‑3193"
        }
      ],
      "initiated_by": "business",
      "type": "group_participants_remove"
    }
    "#);
    for spelling in [KEPT, "5531996883193", "005531996883193"] {
        assert_eq!(
            refusal(&app.tap(spelling, &link).await),
            "403 removed_by_business",
            "{spelling}"
        );
    }
    let person = shown(app, KEPT).await;
    assert_eq!(person["wa_id"], KEPT);
    assert_eq!(person["removed_from"][0]["group_id"], group);
    assert_eq!(shown(app, "5531996883193").await, person);

    // The business takes the removal back, and removes again, each time by another spelling.
    told.meta(Method::POST, &group, &[KEPT]).await.ok();
    told.sinch(Method::DELETE, "member", &[WRITTEN]).await;
    assert_snapshot!(told.latest().await, @r#"
    [["15550783881",["553196883193"]]]
    {
      "added_participants": [
        {
          "input": "553196883193",
          "wa_id": "553196883193",
          "user_id": "BR.14213626225696284705"
        }
      ],
      "type": "group_participants_add"
    }{
      "removed_participants": [
        {
          "input": "+55 31 99688-3193"
        }
      ],
      "initiated_by": "business",
      "type": "group_participants_remove"
    }
    "#);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn people_who_act_are_known_by_every_spelling() {
    let app = TestApp::new().await;
    let profile =
        json!({ "username": "lupita", "phone_hidden": true, "with_parent_user_id": false });
    app.admin(Method::PUT, "/people/525512345678", Some(profile)).await.ok();
    let person = shown(&app, "5215512345678").await;
    assert_eq!(
        (&person["wa_id"], &person["username"]),
        (&json!("5215512345678"), &json!("lupita"))
    );
    assert_eq!(person["phone_hidden"], true, "the profile is found by the other spelling");

    let asked = app.group("Asked", "approval_required").await;
    let link = app.link(&asked).await;
    let request = app.tap("5491158749895", &link).await.text("join_request_id");
    assert_eq!(app.tap("541158749895", &link).await.text("join_request_id"), request);
    let list = app.d360(Method::GET, &format!("/groups/{asked}/join_requests"), None).await.ok();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["data"][0]["wa_id"], "5491158749895");
    let body = json!({ "group_id": asked });
    let path = "/people/00541158749895/cancel";
    assert_eq!(app.admin(Method::POST, path, Some(body)).await.text("result"), "cancelled");

    let open = app.group("Open", "auto_approve").await;
    app.tap("541158749895", &app.link(&open).await).await.ok();
    let body = json!({ "group_id": open });
    let path = "/people/5491158749895/leave";
    assert_eq!(app.admin(Method::POST, path, Some(body)).await.text("result"), "left");
    assert_eq!(shown(&app, "541158749895").await["groups"], json!([]));
    app.assert_log_folds(&open).await;
    app.assert_log_folds(&asked).await;
}

#[tokio::test]
async fn a_business_keeps_its_spelling_and_is_no_other_for_it() {
    let app = TestApp::new().await;
    let account = app.admin(Method::POST, "/accounts", Some(json!({ "name": "Loja" }))).await;
    let account = account.text("id");
    let number = |digits: &str| {
        let body = json!({ "account_id": account, "display_phone_number": digits });
        app.admin(Method::POST, "/numbers", Some(body))
    };
    let created = number("+55 31 99688-0000").await;
    assert_eq!(created.text("display_phone_number"), "5531996880000");
    let taken = number("553196880000").await;
    assert_snapshot!(taken.shown(), @r#"
    409 Conflict
    {
      "error": {
        "code": "taken",
        "message": "display_phone_number is already in use",
        "field": "display_phone_number"
      }
    }
    "#);
    let key = json!({ "phone_number_id": created.text("phone_number_id") });
    let key = app.admin(Method::POST, "/keys", Some(key)).await.text("key");
    let group =
        app.d360_as(&key, Method::POST, "/groups", Some(json!({ "subject": "Loja" }))).await;
    let group = group.text("id");
    let path = format!("/groups/{group}/invite_link");
    let link = app.d360_as(&key, Method::GET, &path, None).await.text("invite_link");
    for spelling in ["5531996880000", "553196880000"] {
        assert_eq!(refusal(&app.tap(spelling, &link).await), "400 business_named", "{spelling}");
    }
}

fn open(folder: &Path) -> Arc<Sqlite> {
    Arc::new(Sqlite::open(folder, &Runtime::system(), &Metrics::default()).unwrap())
}

/// Rows as they were written before spellings were known, when user ids were made without a key
/// and a subject could be invisible.
#[tokio::test]
async fn people_in_a_folder_of_the_third_schema_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with(open(folder.path()), true).await;
    app.stranger().await;
    let [mut banned, mut member, mut both, mut later] = [const { String::new() }; 4];
    for group in [&mut banned, &mut member, &mut both, &mut later] {
        *group = app.group("From before", "auto_approve").await;
    }
    let asking = app.group("Asked before", "approval_required").await;
    for group in [&banned, &member, &both] {
        app.tap(KEPT, &app.link(group).await).await.ok();
    }
    let request = app.tap(KEPT, &app.link(&asking).await).await.text("join_request_id");
    let profile = json!({ "username": "ana", "phone_hidden": false, "with_parent_user_id": false });
    app.admin(Method::PUT, &format!("/people/{KEPT}"), Some(profile)).await.ok();
    let info = app.meta(Method::GET, &format!("/{member}?fields=participants"), None).await.ok();
    let user_id = info["participants"][0]["user_id"].as_str().unwrap().to_owned();
    let body = json!({ "participants": [{ "user": KEPT }] });
    app.d360(Method::DELETE, &format!("/groups/{banned}/participants"), Some(body)).await.ok();
    drop(app);

    let file = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
    file.execute_batch(
        "UPDATE groups SET state = replace(state, '553196883193', '5531996883193');
         UPDATE events SET event = replace(event, '553196883193', '5531996883193');
         UPDATE standings SET person = '5531996883193';
         UPDATE people SET wa_id = '5531996883193';
         -- Somebody was removed under the one spelling and came back under the other.
         INSERT INTO standings
             SELECT '553196883193', group_seq, 'removed', since FROM standings
             JOIN groups ON groups.seq = group_seq WHERE standing = 'participant';
         INSERT INTO people VALUES ('553196883193', 'ana.two', 0, 0, 1);
         UPDATE groups SET subject = char(0x3164) WHERE subject = 'Asked before';
         UPDATE events SET event = replace(event, 'Asked before', char(0x3164));
         DELETE FROM migrations WHERE number = 6;
         ALTER TABLE accounts DROP COLUMN person_key;",
    )
    .unwrap();
    drop(file);

    let app = TestApp::with(open(folder.path()), true).await;
    let person = shown(&app, "%2B55%2031%2099688-3193").await;
    let of = |list: &str| {
        let list = person[list].as_array().unwrap().iter();
        list.map(|one| one["group_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(person["username"], "ana.two", "the profile under the kept spelling stays");
    assert_eq!(of("groups"), [member.clone(), both.clone()], "who is in is in");
    assert_eq!(of("removed_from"), [banned.as_str()]);
    assert_eq!(of("join_requests"), [asking.as_str()]);
    for spelling in [KEPT, "5531996883193"] {
        let tap = app.tap(spelling, &app.link(&banned).await).await;
        assert_eq!(refusal(&tap), "403 removed_by_business", "{spelling}");
        let tap = app.tap(spelling, &app.link(&member).await).await;
        assert_eq!(refusal(&tap), "409 already_participant", "{spelling}");
        let tap = app.tap(spelling, &app.link(&asking).await).await;
        assert_eq!(tap.text("join_request_id"), request, "{spelling}");
    }
    let path = format!("/groups/{asking}?fields=subject");
    assert_eq!(app.d360(Method::GET, &path, None).await.text("subject"), "\u{3164}");
    // An id that was made without the key still names who had it.
    let body = json!({ "participants": [{ "user": user_id }] });
    app.d360(Method::DELETE, &format!("/groups/{member}/participants"), Some(body)).await.ok();
    let tap = app.tap(KEPT, &app.link(&member).await).await;
    assert_eq!(refusal(&tap), "403 removed_by_business");
    // From now on ids are made with the account's own key.
    app.tap(KEPT, &app.link(&later).await).await.ok();
    let info = app.meta(Method::GET, &format!("/{later}?fields=participants"), None).await.ok();
    assert_eq!(info["participants"][0]["wa_id"], KEPT);
    assert_ne!(info["participants"][0]["user_id"], user_id);
    for group in [&banned, &member, &both, &later, &asking] {
        app.assert_log_folds(group).await;
    }
    drop(app);
    let file = rusqlite::Connection::open(folder.path().join("klatch.db")).unwrap();
    let kept: (u32, u32) = file
        .query_row(
            "SELECT count(DISTINCT person_key), min(length(person_key)) FROM accounts",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(kept, (2, 32), "each account has a key of its own");
}
