//! Admins: made and unmade.

use axum::http::Method;
use insta::assert_snapshot;
use klatch::sandbox;
use serde_json::json;

use super::{
    ANN, BEN, CEM, Refusals, create, empty, group_of, id_of, info, invite, last_told, news, people,
    send_once, set_number, set_suspended, version,
};
use crate::support::{Answer, TestApp};

const BOT: &str = sandbox::DISPLAY_NUMBER;

async fn promote(app: &TestApp, group: &str, numbers: &[&str]) -> Answer {
    people(app, Method::POST, group, "admin", numbers).await
}

async fn demote(app: &TestApp, group: &str, numbers: &[&str]) -> Answer {
    people(app, Method::DELETE, group, "admin", numbers).await
}

async fn admins(app: &TestApp, group: &str) -> Vec<String> {
    let info = info(app, group).await;
    serde_json::from_value(info["admins"].clone()).unwrap()
}

#[tokio::test]
async fn members_become_admins_and_stop_being_it() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN, BEN, CEM]).await;
    assert_eq!(admins(&app, &group).await, [BOT]);
    empty(&promote(&app, &group, &["+1 650-555 0101", CEM]).await);
    assert_eq!(admins(&app, &group).await, [BOT, ANN, CEM]);
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
            "event_type": "group_user_promoted",
            "body": "‎‎+16505550101, +16505550103 are now admins‎",
            "members": [
              "16505550101",
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
    empty(&demote(&app, &group, &[ANN]).await);
    assert_eq!(admins(&app, &group).await, [BOT, CEM]);
    let callback = serde_json::to_string_pretty(&last_told(&app).await).unwrap();
    assert_snapshot!(callback, @r#"
    {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "DFA374DC870DE895C3597533FE3FF00700",
          "message": {
            "type": "group_event",
            "event_type": "group_user_demoted",
            "body": "‎‎+16505550101 is no longer an admin‎",
            "members": [
              "16505550101"
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
    // Nobody is any less of a member.
    assert_eq!(info(&app, &group).await["members"], json!([BOT, ANN, BEN, CEM]));
    app.assert_log_folds(&id_of(&app, &group).await).await;
}

#[tokio::test]
async fn what_is_so_already_changes_nothing() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN, BEN]).await;
    empty(&promote(&app, &group, &[ANN]).await);
    let before = version(&app, &group).await;
    empty(&promote(&app, &group, &[ANN]).await);
    empty(&promote(&app, &group, &[BOT]).await);
    empty(&demote(&app, &group, &[BEN]).await);
    assert_eq!(version(&app, &group).await, before);
    // Of several, only those are told of to whom something happened.
    empty(&promote(&app, &group, &[BOT, ANN, BEN]).await);
    assert_eq!(news(&app).await.last().unwrap(), &format!("group_user_promoted {BEN}"));
    empty(&demote(&app, &group, &[ANN]).await);
    empty(&demote(&app, &group, &[ANN, BEN]).await);
    assert_eq!(news(&app).await.last().unwrap(), &format!("group_user_demoted {BEN}"));
    assert_eq!(admins(&app, &group).await, [BOT]);
}

#[tokio::test]
async fn all_of_them_or_none() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN, BEN]).await;
    let empty_group = create(&app, "Nobody").await;
    empty(&promote(&app, &group, &[BEN]).await);
    let before = version(&app, &group).await;
    let mut refusals = Refusals::default();
    refusals.add("promote a stranger", &promote(&app, &group, &[CEM]).await);
    refusals.add("promote a member and a stranger", &promote(&app, &group, &[ANN, CEM]).await);
    refusals.add("promote the bot and a stranger", &promote(&app, &group, &[BOT, CEM]).await);
    refusals.add("demote a stranger", &demote(&app, &group, &[CEM]).await);
    refusals.add("demote an admin and a stranger", &demote(&app, &group, &[BEN, CEM]).await);
    refusals.add("demote the bot", &demote(&app, &group, &[BOT]).await);
    refusals.add("demote an admin and the bot", &demote(&app, &group, &[BEN, BOT]).await);
    refusals.add("nobody is in", &promote(&app, &empty_group, &[ANN]).await);
    set_suspended(&app, &group, true).await;
    refusals.add("promote, suspended", &promote(&app, &group, &[ANN]).await);
    refusals.add("demote, suspended", &demote(&app, &group, &[BEN]).await);
    assert_snapshot!(refusals.shown(), @"
    promote a stranger => 406 406: the person is not a participant of the group
    promote a member and a stranger => 406 406: the person is not a participant of the group
    promote the bot and a stranger => 406 406: the person is not a participant of the group
    demote a stranger => 406 406: the person is not a participant of the group
    demote an admin and a stranger => 406 406: the person is not a participant of the group
    demote the bot => 406 406: the bot is an admin of its groups for ever
    demote an admin and the bot => 406 406: the bot is an admin of its groups for ever
    nobody is in => 406 406: the person is not a participant of the group
    promote, suspended => 406 406: the group is suspended
    demote, suspended => 406 406: the group is suspended
    ");
    set_suspended(&app, &group, false).await;
    assert_eq!(admins(&app, &group).await, [BOT, BEN]);
    // Suspending and restoring is all that has happened.
    assert_eq!(version(&app, &group).await, before + 2);
}

#[tokio::test]
async fn who_goes_and_comes_back_is_no_admin() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    empty(&promote(&app, &group, &[ANN]).await);
    let body = json!({ "group_id": id_of(&app, &group).await });
    app.admin(Method::POST, &format!("/people/{ANN}/leave"), Some(body)).await.ok();
    assert_eq!(admins(&app, &group).await, [BOT]);
    app.tap(ANN, &invite(&app, &group).await).await.ok();
    assert_eq!(admins(&app, &group).await, [BOT]);
    assert_eq!(info(&app, &group).await["members"], json!([BOT, ANN]));
}

#[tokio::test]
async fn the_other_apis_neither_show_nor_lose_admins() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN, BEN]).await;
    let id = id_of(&app, &group).await;
    let path = format!("/groups/{id}?fields=participants");
    let before = app.d360(Method::GET, &path, None).await.ok();
    empty(&promote(&app, &group, &[ANN]).await);
    assert_eq!(app.d360(Method::GET, &path, None).await.ok(), before);
    let body = json!({ "subject": "New" });
    app.d360(Method::POST, &format!("/groups/{id}"), Some(body)).await.ok();
    assert_eq!(admins(&app, &group).await, [BOT, ANN]);
    let body = json!({ "participants": [{ "user": ANN }] });
    app.d360(Method::DELETE, &format!("/groups/{id}/participants"), Some(body)).await.ok();
    assert_eq!(admins(&app, &group).await, [BOT]);
}

#[tokio::test]
async fn the_same_call_twice_promotes_once() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let path = format!("/groups/{group}/admin");
    let send = async |key: &str, method: Method| {
        let body = Some(json!({ "numbers": [ANN] }));
        empty(&send_once(&app, key, method, &path, body).await);
    };
    send("up", Method::POST).await;
    send("down", Method::DELETE).await;
    // A late repetition does not bring the right back.
    send("up", Method::POST).await;
    assert_eq!(admins(&app, &group).await, [BOT]);
}

#[tokio::test]
async fn a_refused_call_counts_as_one_that_was_made() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    set_number(&app, json!({ "limits": { "operations_per_minute": 1 } })).await;
    let mut refusals = Refusals::default();
    refusals.add("first", &promote(&app, &group, &[ANN]).await);
    let second = promote(&app, &group, &[ANN]).await;
    refusals.add("second", &second);
    assert_snapshot!(refusals.shown(), @"
    first => 406 406: the person is not a participant of the group
    second => 429 429: the number has used up its 1 group operation a minute; the next one is possible in 60 s
    ");
    assert_eq!(second.headers["retry-after"], "60");
}
