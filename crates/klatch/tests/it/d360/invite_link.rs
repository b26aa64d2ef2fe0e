//! `/groups/{group_id}/invite_link`.

use axum::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Refusals, ask, waiting};
use crate::support::TestApp;

#[tokio::test]
async fn the_link_stays_until_it_is_reset() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/groups/{group}/invite_link");
    let answer = app.d360(Method::GET, &path, None).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "invite_link": "https://chat.whatsapp.com/AqnxzaRqG07LsGY7OrIQxr"
    }
    "#);
    assert_eq!(app.d360(Method::GET, &path, None).await.bytes, answer.bytes);

    let body = json!({ "messaging_product": "whatsapp" });
    let reset = app.d360(Method::POST, &path, Some(body)).await;
    assert_snapshot!(reset.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "invite_link": "https://chat.whatsapp.com/6XoQZEjyVBMpijvgrntEYE"
    }
    "#);
    let shown = app.d360(Method::GET, &path, None).await;
    assert_eq!(shown.text("invite_link"), reset.text("invite_link"));
}

#[tokio::test]
async fn reset_kills_all_older_links_and_keeps_who_waits() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let first = app.link(&group).await;
    let request = ask(&app, "16505550101", &first).await;

    let path = format!("/groups/{group}/invite_link");
    let second = app.d360(Method::POST, &path, None).await.text("invite_link");
    let third = app.d360(Method::POST, &path, None).await.text("invite_link");
    assert_eq!(third, app.link(&group).await);
    for dead in [&first, &second] {
        assert_ne!(*dead, third);
        for wa_id in ["16505550101", "16505550102"] {
            let answer = app.tap(wa_id, dead).await;
            assert_eq!(answer.json()["error"]["code"], "invite_link_dead", "{wa_id} {dead}");
        }
    }
    assert_eq!(waiting(&app, &group).await, ["16505550101"]);
    // The new link leads to the same request.
    assert_eq!(ask(&app, "16505550101", &third).await, request);
    ask(&app, "16505550102", &third).await;
    assert_eq!(waiting(&app, &group).await, ["16505550101", "16505550102"]);
    app.assert_log_folds(&group).await;
}

#[tokio::test]
async fn each_group_has_a_link_of_its_own() {
    let app = TestApp::new().await;
    let (one, two) =
        (app.group("One", "auto_approve").await, app.group("Two", "auto_approve").await);
    let (link_one, link_two) = (app.link(&one).await, app.link(&two).await);
    assert_ne!(link_one, link_two);
    assert_eq!(app.tap("16505550101", &link_one).await.text("group_id"), one);
    assert_eq!(app.tap("16505550101", &link_two).await.text("group_id"), two);
}

#[tokio::test]
async fn a_reset_says_nothing_wrong_about_the_product() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let link = app.link(&group).await;
    let mut refusals = Refusals::default();
    for body in [
        json!({ "messaging_product": "telegram" }),
        json!({ "messaging_product": 1 }),
        json!([]),
        Value::Null,
    ] {
        let path = format!("/groups/{group}/invite_link");
        refusals.add(&body.to_string(), &app.d360(Method::POST, &path, Some(body)).await);
    }
    assert_snapshot!(refusals.shown(), @r#"
    {"messaging_product":"telegram"}: 400 (#100) Invalid parameter: messaging_product must be whatsapp
    {"messaging_product":1}: 400 (#100) Invalid parameter: messaging_product has the wrong type: number, expected a string
    []: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    null: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    "#);
    assert_eq!(app.link(&group).await, link);
}
