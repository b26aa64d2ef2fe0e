//! The log says who brought each event about.

use axum::http::{Method, Request};
use klatch::app::leases;
use klatch::sandbox;
use serde_json::{Value, json};

use crate::support::TestApp;

async fn actors(app: &TestApp, filter: &str) -> Vec<(Value, Value)> {
    let events = app.admin(Method::GET, &format!("/events?limit=100&{filter}"), None).await.ok();
    let events = events["data"].as_array().unwrap().iter();
    events.map(|event| (event["kind"].clone(), event["actor"].clone())).collect()
}

#[tokio::test]
async fn of_a_group() {
    let app = TestApp::new().await;
    let group = app.group("Who does what", "auto_approve").await;
    let key = json!({ "kind": "key", "key_id": "key_dev" });
    let person = json!({ "kind": "person", "wa_id": "16505550101" });
    let whatsapp = json!({ "kind": "whatsapp" });

    let link = app.link(&group).await;
    app.tap("16505550101", &link).await.ok();
    let body = Some(json!({ "group_id": group }));
    app.admin(Method::POST, "/people/16505550101/leave", body).await.ok();
    for call in ["suspend", "restore"] {
        app.admin(Method::POST, &format!("/groups/{group}/{call}"), None).await.ok();
    }
    app.meta(Method::DELETE, &format!("/{group}"), None).await.ok();
    let expected = [
        ("created", &key),
        ("participant_joined", &person),
        ("participant_left", &person),
        ("suspended", &whatsapp),
        ("restored", &whatsapp),
        ("deleted", &key),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(kind, actor)| (json!(kind), actor.clone())).collect();
    assert_eq!(actors(&app, &format!("group_id={group}")).await, expected);
}

#[tokio::test]
async fn of_a_subscription() {
    let app = TestApp::new().await;
    let body = json!({
        "account_id": sandbox::ACCOUNT, "url": "http://127.0.0.1:1/own", "dialect": "d360",
        "lease_secs": 10,
    });
    let leased = app.admin(Method::POST, "/subscriptions", Some(body)).await;
    let leased = leased.text("id");
    app.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(leases::end(&app.app).await.unwrap(), 1);
    let own = actors(&app, &format!("subscription_id={leased}")).await;
    assert_eq!(
        own,
        [
            (json!("subscription_added"), json!({ "kind": "operator" })),
            (json!("subscription_removed"), json!({ "kind": "timer" })),
        ]
    );

    let body = json!({ "url": "http://127.0.0.1:1/hook" });
    app.d360(Method::POST, "/v1/configs/webhook", Some(body)).await.ok();
    let key = json!({ "kind": "key", "key_id": "key_dev" });
    let added = (json!("subscription_added"), key);
    let all = actors(&app, &format!("phone_number_id={}", sandbox::PHONE_NUMBER_ID)).await;
    assert_eq!(all, [added]);

    // The app's own token removes what does not exist: nothing is logged.
    let token = format!("{}|{}", sandbox::APP_ID, sandbox::APP_SECRET);
    let request = Request::delete(format!("/v23.0/{}/subscriptions", sandbox::APP_ID));
    let request = request.header("Authorization", format!("Bearer {token}"));
    app.send(request.body(axum::body::Body::empty()).unwrap()).await.ok();
    assert_eq!(actors(&app, "").await.len(), 3);
}
