//! Invite links.

use axum::http::Method;
use insta::assert_snapshot;

use super::{
    ANN, BEN, UNKNOWN, create, empty, id_of, info, invite, news, refusal, send_once, set_suspended,
    version,
};
use crate::admin;
use crate::support::{Answer, TestApp};

async fn delete(app: &TestApp, group: &str) -> Answer {
    app.sinch(Method::DELETE, &format!("/groups/{group}/invite"), None).await
}

#[tokio::test]
async fn a_link_lets_people_in_at_once() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let link = app.sinch(Method::GET, &format!("/groups/{group}/invite"), None).await;
    assert_snapshot!(link.shown(), @r#"
    200 OK
    {
      "invite_link": "https://chat.whatsapp.com/AqnxzaRqG07LsGY7OrIQxr"
    }
    "#);
    // Looking at it changes nothing, and all APIs see the same one.
    assert_eq!(invite(&app, &group).await, link.text("invite_link"));
    assert_eq!(app.link(&id_of(&app, &group).await).await, link.text("invite_link"));
    assert_eq!(version(&app, &group).await, 1);
    app.tap(ANN, &link.text("invite_link")).await.ok();
    assert_eq!(info(&app, &group).await["members"][1], ANN);
}

#[tokio::test]
async fn a_deleted_link_is_dead_and_asking_makes_a_new_one() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let old = invite(&app, &group).await;
    empty(&delete(&app, &group).await);
    let dead = "404 invite_link_dead: The invite link is no longer valid";
    assert_eq!(admin::refusal(&app.tap(ANN, &old).await), dead);
    // What is gone can be deleted again; that is no event.
    empty(&delete(&app, &group).await);
    assert_eq!(version(&app, &group).await, 2);

    let new = invite(&app, &group).await;
    assert_ne!(new, old);
    assert_eq!(invite(&app, &group).await, new, "it stays");
    assert_eq!(admin::refusal(&app.tap(ANN, &old).await), dead);
    app.tap(BEN, &new).await.ok();
    assert_eq!(info(&app, &group).await["members"][1], BEN);
    // Deleting is told of; a link in place of none is not.
    assert_eq!(
        news(&app).await,
        [
            "group_created 15550783881",
            "group_invite_link_revoked",
            &format!("group_user_joined {BEN}"),
        ]
    );
    app.assert_log_folds(&id_of(&app, &group).await).await;
}

#[tokio::test]
async fn a_suspended_group_shows_its_link_and_makes_no_new_one() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let link = invite(&app, &group).await;
    set_suspended(&app, &group, true).await;
    assert_eq!(invite(&app, &group).await, link);
    assert_eq!(refusal(&delete(&app, &group).await), "406 406: the group is suspended");
    set_suspended(&app, &group, false).await;
    empty(&delete(&app, &group).await);
    set_suspended(&app, &group, true).await;
    let answer = app.sinch(Method::GET, &format!("/groups/{group}/invite"), None).await;
    assert_eq!(refusal(&answer), "406 406: the group is suspended");
}

#[tokio::test]
async fn a_link_is_deleted_once() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let path = format!("/groups/{group}/invite");
    empty(&send_once(&app, "once", Method::DELETE, &path, None).await);
    let new = invite(&app, &group).await;
    // Repeated, it does not reach the link that has been made since.
    empty(&send_once(&app, "once", Method::DELETE, &path, None).await);
    assert_eq!(invite(&app, &group).await, new);
    empty(&send_once(&app, "twice", Method::DELETE, &path, None).await);
    assert_ne!(invite(&app, &group).await, new);
}

#[tokio::test]
async fn a_group_that_was_left_has_no_link() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let link = invite(&app, &group).await;
    empty(&app.sinch(Method::DELETE, &format!("/groups/{group}"), None).await);
    let answer = app.sinch(Method::GET, &format!("/groups/{group}/invite"), None).await;
    assert_eq!(refusal(&answer), UNKNOWN);
    assert_eq!(refusal(&delete(&app, &group).await), UNKNOWN);
    let dead = "404 invite_link_dead: The invite link is no longer valid";
    assert_eq!(admin::refusal(&app.tap(ANN, &link).await), dead);
}
