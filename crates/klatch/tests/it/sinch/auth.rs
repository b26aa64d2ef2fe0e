//! Tokens and bots: who gets in, and what they cannot see.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, header};
use domain::ids::GroupId;
use insta::assert_snapshot;
use klatch::sandbox;
use klatch::store::Scope;
use serde_json::{Value, json};

use super::{
    ANN, BEN, UNAUTHORIZED, UNKNOWN, bot_operations, create, group_of, id_of, info, operations,
    people, refusal, seen,
};
use crate::support::TestApp;

/// Where a stranger's bot is: its name is the number's digits.
const STRANGER: &str = "447700900123";

/// A new key; gives its id and the secret.
async fn key(app: &TestApp, body: Value) -> (String, String) {
    let answer = app.admin(Method::POST, "/keys", Some(body)).await;
    (answer.text("id"), answer.text("key"))
}

/// A new number with this bot; gives the number's id.
async fn bot(app: &TestApp, account: &str, digits: &str, bot: &str) -> String {
    let body = json!({ "account_id": account, "display_phone_number": digits, "bot_id": bot });
    app.admin(Method::POST, "/numbers", Some(body)).await.text("phone_number_id")
}

#[tokio::test]
async fn without_the_right_token_there_is_nothing() {
    let app = TestApp::new().await;
    let refused = app.bearer("wrong", Method::GET, "/whatsapp/v1/klatch/groups", None).await;
    assert_snapshot!(refused.shown(), @r#"
    401 Unauthorized
    {
      "message": "401",
      "reason": "Unauthorized bot",
      "details": "Unauthorized bot"
    }
    "#);
    let stranger = format!("Bearer {}", app.stranger().await);
    let same = seen(refused);
    let authorization = header::AUTHORIZATION;
    let d360 = HeaderName::from_static("d360-api-key");
    for (what, name, value) in [
        ("none", HeaderName::from_static("x-other"), &b"Bearer klatch-dev"[..]),
        ("empty", authorization.clone(), b""),
        ("only the scheme", authorization.clone(), b"Bearer"),
        ("nothing behind the scheme", authorization.clone(), b"Bearer "),
        ("wrong", authorization.clone(), b"Bearer klatch-deV"),
        ("cut off", authorization.clone(), b"Bearer klatch-de"),
        ("longer", authorization.clone(), b"Bearer klatch-dev klatch-dev"),
        ("no scheme", authorization.clone(), b"klatch-dev"),
        ("another scheme", authorization.clone(), b"Token klatch-dev"),
        ("basic", authorization.clone(), b"Basic a2xhdGNoOmtsYXRjaC1kZXY="),
        ("basic with a token", authorization.clone(), b"Basic klatch-dev"),
        ("the key's id", authorization.clone(), b"Bearer key_dev"),
        ("the app's secret", authorization.clone(), b"Bearer klatch-app-secret"),
        ("the admin token", authorization.clone(), b"Bearer klatch-admin"),
        ("not text", authorization.clone(), b"Bearer klatch-dev\xFF"),
        ("the stranger's", authorization.clone(), stranger.as_bytes()),
        ("as 360dialog has it", d360, b"klatch-dev"),
    ] {
        let value = HeaderValue::from_bytes(value).unwrap();
        for path in ["/whatsapp/v1/klatch/groups", "/whatsapp/v1/klatch/groups?access_token=x"] {
            let request = Request::get(path).header(&name, &value).body(Body::empty()).unwrap();
            assert_eq!(seen(app.send(request).await), same, "{what}");
        }
    }
    // The scheme's case and blanks around the token do not matter.
    for value in ["bearer klatch-dev", "BEARER  klatch-dev "] {
        let request = Request::get("/whatsapp/v1/klatch/groups").header(&authorization, value);
        app.send(request.body(Body::empty()).unwrap()).await.ok();
    }
}

#[tokio::test]
async fn a_token_opens_its_own_bot_and_no_other() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    bot(&app, sandbox::ACCOUNT, "+1 555 078 3882", "neighbour").await;
    let refused = app.bearer("wrong", Method::GET, "/whatsapp/v1/klatch/groups", None).await;
    let same = seen(refused);
    for (token, bot) in [
        (sandbox::KEY, "nobody"),
        (sandbox::KEY, "Klatch"),
        (sandbox::KEY, "klatch%20"),
        (sandbox::KEY, "klatch%00"),
        (sandbox::KEY, "%FF"),
        (sandbox::KEY, sandbox::DISPLAY_NUMBER),
        (sandbox::KEY, sandbox::PHONE_NUMBER_ID),
        (sandbox::KEY, "neighbour"),
        (sandbox::KEY, STRANGER),
        (&stranger, sandbox::BOT_ID),
        (&stranger, "neighbour"),
        (&stranger, "nobody"),
    ] {
        for path in ["/groups", "/callbacks/notifications", "/callbacks/status/x"] {
            let path = format!("/whatsapp/v1/{bot}{path}");
            let answer = app.bearer(token, Method::GET, &path, None).await;
            assert_eq!(seen(answer), same, "{path}");
        }
    }
    // A bot may be written in any way that means the same.
    app.bearer(sandbox::KEY, Method::GET, "/whatsapp/v1/%6Blatch/groups", None).await.ok();
    let path = format!("/whatsapp/v1/{STRANGER}/groups");
    app.bearer(&stranger, Method::GET, &path, None).await.ok();
}

#[tokio::test]
async fn nothing_else_is_told_to_whoever_has_no_token() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let of_groups = [&group, "group:1-1", "never", "%FF"].map(operations);
    for operation in of_groups.iter().flatten().chain(&bot_operations()) {
        for bot in [sandbox::BOT_ID, "nobody"] {
            let answer = operation.send(&app, "wrong", bot).await;
            assert_eq!(refusal(&answer), UNAUTHORIZED, "{} {}", operation.name, operation.path);
        }
    }
    for (method, path, body) in [
        (Method::POST, "/groups", json!([])),
        (Method::POST, "/groups", json!({ "subject": 5 })),
        (Method::GET, "/callbacks/notifications?page=0", json!({ "page": "x" })),
        (Method::DELETE, "/groups/x/member", json!({ "numbers": [] })),
    ] {
        let path = format!("/whatsapp/v1/klatch{path}");
        let answer = app.bearer("wrong", method, &path, Some(body)).await;
        assert_eq!(refusal(&answer), UNAUTHORIZED, "{path}");
    }
    assert_eq!(info(&app, &group).await["subject"], "Hello");
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_from_then_on() {
    let app = TestApp::new().await;
    let (id, token) = key(&app, json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID })).await;
    let list = async || app.bearer(&token, Method::GET, "/whatsapp/v1/klatch/groups", None).await;
    list().await.ok();
    app.admin(Method::DELETE, &format!("/keys/{id}"), None).await.ok();
    let wrong = app.bearer("wrong", Method::GET, "/whatsapp/v1/klatch/groups", None).await;
    assert_eq!(seen(list().await), seen(wrong));
    app.sinch(Method::GET, "/groups", None).await.ok();
}

#[tokio::test]
async fn a_token_of_an_account_opens_each_of_its_bots() {
    let app = TestApp::new().await;
    let body = json!({ "id": "acc_new", "name": "New" });
    app.admin(Method::POST, "/accounts", Some(body)).await.ok();
    let (_, token) = key(&app, json!({ "account_id": "acc_new" })).await;
    let list = async |bot: &str| {
        let path = format!("/whatsapp/v1/{bot}/groups");
        app.bearer(&token, Method::GET, &path, None).await
    };
    assert_eq!(refusal(&list("one").await), UNAUTHORIZED, "there is no bot yet");

    bot(&app, "acc_new", "+44 7700 900001", "one").await;
    bot(&app, "acc_new", "+44 7700 900002", "two").await;
    let body = || Some(json!({ "subject": "Hello" }));
    let of_one = app.bearer(&token, Method::POST, "/whatsapp/v1/one/groups", body()).await;
    let of_two = app.bearer(&token, Method::POST, "/whatsapp/v1/two/groups", body()).await;
    assert_eq!(of_one.text("group_id"), "group:447700900001-1755548877");
    assert_eq!(of_two.text("group_id"), "group:447700900002-1755548877");
    for (bot, own, other) in [("one", &of_one, &of_two), ("two", &of_two, &of_one)] {
        let (own, other) = (own.text("group_id"), other.text("group_id"));
        assert_eq!(list(bot).await.ok(), json!({ "groups": [own] }));
        // The right token, and yet it is the other bot's group.
        for operation in operations(&other) {
            let answer = operation.send(&app, &token, bot).await;
            assert_eq!(refusal(&answer), UNKNOWN, "{}", operation.name);
        }
    }
    assert_eq!(refusal(&list(sandbox::BOT_ID).await), UNAUTHORIZED);
    assert_eq!(refusal(&list("three").await), UNAUTHORIZED);
}

#[tokio::test]
async fn a_mount_and_the_vendors_hosts_lead_here() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let plain = seen(app.sinch(Method::GET, "/groups", None).await);
    for (path, host) in [
        ("/sinch/whatsapp/v1/klatch/groups", "localhost"),
        ("/sinch/whatsapp/v1/klatch/groups", "waba-v2.360dialog.invalid"),
        ("/whatsapp/v1/klatch/groups", "us1.whatsapp.api.sinch.com"),
        ("/whatsapp/v1/klatch/groups", "EU1.whatsapp.api.sinch.com:443"),
    ] {
        let ask = |path: &str, token: &str| {
            let request = Request::get(path).header(header::HOST, host);
            let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            app.send(request.body(Body::empty()).unwrap())
        };
        assert_eq!(seen(ask(path, sandbox::KEY).await), plain, "{host} {path}");
        assert_eq!(refusal(&ask(path, "wrong").await), UNAUTHORIZED, "{host} {path}");
        let one = ask(&format!("{path}/{group}"), sandbox::KEY).await;
        assert_eq!(one.ok()["subject"], "Hello");
        let lost = ask(&format!("{path}/x/y/z"), sandbox::KEY).await;
        assert_eq!(refusal(&lost), "404 404: There is nothing at this path");
    }
    // Another vendor's host is another vendor's.
    let request = Request::get("/whatsapp/v1/klatch/groups");
    let request = request.header(header::HOST, "waba-v2.360dialog.io");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["error"], "There is nothing at this path");
}

#[tokio::test]
async fn the_group_of_another_bot_is_as_unknown_as_one_that_never_was() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let neighbour = bot(&app, sandbox::ACCOUNT, "+1 555 078 3882", "neighbour").await;
    let (_, neighbour) = key(&app, json!({ "phone_number_id": neighbour })).await;
    let (_, of_account) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;

    let group = group_of(&app, &[ANN, BEN]).await;
    people(&app, Method::POST, &group, "admin", &[ANN]).await;
    let id = GroupId::parse(&id_of(&app, &group).await).unwrap();
    let before = app.app.group(&Scope::Everything, &id).await.unwrap();
    let second = group.rsplit('-').next().unwrap();

    // As long as a real name, so that not even the length of an answer could tell.
    let never = group.replace("881-", "889-");
    for (token, bot, digits) in [
        (&stranger, STRANGER, STRANGER),
        (&neighbour, "neighbour", "15550783882"),
        (&of_account, "neighbour", "15550783882"),
    ] {
        let with_own_number = format!("group:{digits}-{second}");
        for foreign in [&group, &group.replace(':', "%3A"), &with_own_number, id.as_str()] {
            for (foreign, unknown) in operations(foreign).iter().zip(operations(&never)) {
                let foreign_answer = foreign.send(&app, token, bot).await;
                assert_eq!(refusal(&foreign_answer), UNKNOWN, "{} {bot}", foreign.name);
                let unknown_answer = unknown.send(&app, token, bot).await;
                assert_eq!(seen(foreign_answer), seen(unknown_answer), "{} {bot}", foreign.name);
            }
        }
        let path = format!("/whatsapp/v1/{bot}/groups");
        let list = app.bearer(token, Method::GET, &path, None).await;
        assert_eq!(list.ok(), json!({ "groups": [] }));
        let path = format!("/whatsapp/v1/{bot}/callbacks/notifications?from={ANN}");
        let callbacks = app.bearer(token, Method::GET, &path, None).await.ok();
        assert_eq!(callbacks, json!({ "results": [] }));
    }
    for token in [&stranger, &neighbour] {
        for (ours, unknown) in operations(&group).iter().zip(operations(&never)) {
            let our_answer = ours.send(&app, token, sandbox::BOT_ID).await;
            assert_eq!(refusal(&our_answer), UNAUTHORIZED, "{}", ours.name);
            let unknown_answer = unknown.send(&app, token, sandbox::BOT_ID).await;
            assert_eq!(seen(our_answer), seen(unknown_answer), "{}", ours.name);
        }
    }
    let after = app.app.group(&Scope::Everything, &id).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_is_wrong_with_a_body_does_not_tell_whether_there_is_a_group() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let group = create(&app, "Hello").await;
    let never = group.replace("881-", "889-");
    for (method, path) in [
        (Method::PATCH, ""),
        (Method::DELETE, "/member"),
        (Method::POST, "/admin"),
        (Method::DELETE, "/admin"),
        (Method::POST, "/icon"),
    ] {
        for body in [json!([]), json!({}), json!({ "numbers": 5, "subject": 5, "url": 5 })] {
            let ask = |group: &str| {
                let path = format!("/whatsapp/v1/{STRANGER}/groups/{group}{path}");
                let (method, body, stranger) = (method.clone(), body.clone(), &stranger);
                let app = &app;
                async move { app.bearer(stranger, method, &path, Some(body)).await }
            };
            let foreign = ask(&group).await;
            assert_eq!(refusal(&foreign), UNKNOWN, "{method} {path}");
            assert_eq!(seen(foreign), seen(ask(&never).await), "{method} {path}");
        }
    }
}
