//! Invite links: one that works, or none.

use axum::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{send_bytes, send_form, send_pairs, whatsapp};
use crate::support::{Answer, TestApp};

const ANN: &str = "16505550101";

async fn link(app: &TestApp, method: Method, group: &str, body: Option<Value>) -> Answer {
    app.meta(method, &format!("/{group}/invite_link"), body).await
}

#[tokio::test]
async fn a_link_is_shown_replaced_and_deleted() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let first = link(&app, Method::GET, &group, None).await;
    assert_snapshot!(first.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "invite_link": "https://chat.whatsapp.com/AqnxzaRqG07LsGY7OrIQxr"
    }
    "#);
    assert_eq!(link(&app, Method::GET, &group, None).await.bytes, first.bytes);
    let second = link(&app, Method::POST, &group, Some(whatsapp(json!({})))).await;
    assert_snapshot!(second.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "invite_link": "https://chat.whatsapp.com/6XoQZEjyVBMpijvgrntEYE"
    }
    "#);
    let (first, second) = (first.text("invite_link"), second.text("invite_link"));
    assert_ne!(first, second);
    assert_eq!(link(&app, Method::GET, &group, None).await.text("invite_link"), second);
    assert_eq!(app.tap(ANN, &first).await.status, 404);
    app.tap(ANN, &second).await.ok();

    let deleted = link(&app, Method::DELETE, &group, Some(whatsapp(json!({})))).await;
    assert_snapshot!(deleted.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "success": "true"
    }
    "#);
    // Text, where all other answers have a truth value.
    assert!(deleted.ok()["success"].is_string());
    for dead in [&first, &second] {
        assert_eq!(app.tap("16505550102", dead).await.status, 404);
    }
    let third = link(&app, Method::GET, &group, None).await.text("invite_link");
    assert!(third != first && third != second);
    app.tap("16505550102", &third).await.ok();
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn a_link_that_is_not_there_can_be_deleted_again() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for _ in 0..2 {
        let deleted = link(&app, Method::DELETE, &group, None).await.ok();
        assert_eq!(deleted["success"], "true");
    }
    let reset = link(&app, Method::POST, &group, Some(whatsapp(json!({})))).await;
    app.tap(ANN, &reset.text("invite_link")).await.ok();
}

#[tokio::test]
async fn what_a_link_is_about_can_be_said_in_any_way() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/{group}/invite_link");
    let pairs = [("messaging_product", "whatsapp")];
    let json = r#"{"messaging_product":"whatsapp"}"#;
    let mut links = std::collections::BTreeSet::new();
    links.insert(send_pairs(&app, Method::POST, &path, &pairs).await.text("invite_link"));
    let form = send_form(&app, &path, &[("messaging_product", None, b"whatsapp")]).await;
    links.insert(form.text("invite_link"));
    // As curl says it when it is told nothing else.
    let kind = "application/x-www-form-urlencoded";
    links.insert(send_bytes(&app, Method::POST, &path, kind, json).await.text("invite_link"));
    assert_eq!(links.len(), 3);
    send_pairs(&app, Method::DELETE, &path, &pairs).await.ok();
    send_bytes(&app, Method::DELETE, &path, kind, json).await.ok();
    let wrong = link(&app, Method::DELETE, &group, Some(json!({ "messaging_product": "x" }))).await;
    assert_snapshot!(wrong.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#100) Param messaging_product must be one of {WHATSAPP} - got \"x\".",
        "type": "OAuthException",
        "code": 100,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "messaging_product must be whatsapp"
        }
      }
    }
    "#);
}

#[tokio::test]
async fn requests_that_are_open_outlast_the_link() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let request = super::ask(&app, ANN, &app.link(&group).await).await;
    link(&app, Method::DELETE, &group, None).await.ok();
    let approved = super::answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    assert_eq!(approved["approved_join_requests"], json!([request]));
}
