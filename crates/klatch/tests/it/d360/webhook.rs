//! Where 360dialog's callers say where webhooks go.

use axum::http::{Method, StatusCode};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const CONFIG: &str = "/v1/configs/webhook";

async fn set(app: &TestApp, path: &str, body: Value) -> Answer {
    app.d360(Method::POST, path, Some(body)).await
}

async fn show(app: &TestApp, path: &str) -> Answer {
    app.d360(Method::GET, path, None).await
}

/// Whom the number's next event would be told: the addresses, in order.
async fn told(app: &TestApp) -> Vec<String> {
    let group = app.group("Told", "auto_approve").await;
    let path = format!("/deliveries?group_id={group}");
    let deliveries = app.admin(Method::GET, &path, None).await.ok();
    let mut urls = Vec::new();
    for delivery in deliveries["data"].as_array().unwrap().iter().rev() {
        let id = delivery["subscription_id"].as_str().unwrap();
        let path = format!("/subscriptions/{id}");
        urls.push(app.admin(Method::GET, &path, None).await.text("url"));
    }
    urls
}

#[tokio::test]
async fn a_number_has_a_receiver() {
    let app = TestApp::new().await;
    assert_snapshot!(show(&app, CONFIG).await.shown(), @r#"
    404 Not Found
    {
      "meta": {
        "success": false,
        "http_code": 404,
        "developer_message": "No webhook is set"
      }
    }
    "#);
    let config = json!({
        "url": "https://example.com/hook",
        "headers": { "Authorization": "Basic dXNlcjpwYXNz", "X-Team": "cars" },
    });
    assert_eq!(set(&app, CONFIG, config.clone()).await.ok(), config);
    assert_eq!(show(&app, CONFIG).await.ok(), config);
    // The same for clients whose base address ends in /v1, and for those whose does not.
    assert_eq!(show(&app, "/configs/webhook").await.ok(), config);
    assert_eq!(told(&app).await, ["https://example.com/hook"]);

    let bare = json!({ "url": "https://example.com/other" });
    assert_snapshot!(set(&app, CONFIG, bare).await.shown(), @r#"
    200 OK
    {
      "url": "https://example.com/other",
      "headers": {}
    }
    "#);
    assert_eq!(told(&app).await, ["https://example.com/other"]);
    let subscriptions = app.admin(Method::GET, "/subscriptions", None).await.ok();
    assert_eq!(subscriptions["data"].as_array().unwrap().len(), 1, "set again, not added");
}

#[tokio::test]
async fn a_receiver_can_be_removed() {
    let app = TestApp::new().await;
    let config = json!({ "url": "https://example.com/hook" });
    set(&app, CONFIG, config.clone()).await.ok();
    assert_snapshot!(app.d360(Method::DELETE, CONFIG, None).await.shown(), @r#"
    200 OK
    {
      "meta": {
        "success": true,
        "http_code": 200,
        "developer_message": "the webhook was removed"
      }
    }
    "#);
    assert_eq!(app.d360(Method::DELETE, CONFIG, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(told(&app).await, Vec::<String>::new());
    set(&app, CONFIG, config).await.ok();
    assert_snapshot!(set(&app, CONFIG, json!({ "url": "" })).await.shown(), @r#"
    200 OK
    {
      "url": "",
      "headers": {}
    }
    "#);
    assert_eq!(show(&app, CONFIG).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_wrong_is_named_in_the_shape_of_these_calls() {
    let app = TestApp::new().await;
    assert_snapshot!(set(&app, CONFIG, json!({})).await.shown(), @r##"
    400 Bad Request
    {
      "meta": {
        "success": false,
        "http_code": 400,
        "developer_message": "(#100) Invalid parameter: url is missing"
      }
    }
    "##);
    let message = async |path: &str, body: Value| {
        let answer = set(&app, path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        answer.json()["meta"]["developer_message"].as_str().unwrap().to_owned()
    };
    let long = format!("https://example.com/{}", "x".repeat(181));
    for (body, expected) in [
        (json!({ "url": "nowhere" }), "url must be an address"),
        (json!({ "url": "ftp://example.com" }), "url must begin with https://"),
        (json!({ "url": "https://u:p@example.com" }), "url must not hold a user name"),
        (json!({ "url": long }), "url must not be longer than 200 characters (it has 201)"),
        (json!({ "url": 1 }), "url has the wrong type"),
        (json!({ "url": "https://example.com", "headers": { "a b": "c" } }), "headers.a b is not"),
        (json!({ "url": "https://example.com", "headers": { "Host": "c" } }), "headers.Host is a"),
        (
            json!({ "url": "https://example.com", "headers": { "A": "b\nc" } }),
            "headers.A has a value",
        ),
    ] {
        for path in [CONFIG, "/waba_webhook"] {
            let message = message(path, body.clone()).await;
            assert!(message.contains(expected), "{message}");
        }
    }
    let wrong = app.d360_as("nonsense", Method::GET, CONFIG, None).await;
    assert_snapshot!(wrong.shown(), @r#"
    401 Unauthorized
    {
      "meta": {
        "success": false,
        "http_code": 401,
        "developer_message": "Invalid API key"
      }
    }
    "#);
}

#[tokio::test]
async fn a_waba_has_a_receiver_for_the_numbers_without_one() {
    let app = TestApp::new().await;
    let waba = json!({ "url": "https://example.com/waba" });
    assert_eq!(show(&app, "/waba_webhook").await.status, StatusCode::NOT_FOUND);
    assert_snapshot!(set(&app, "/waba_webhook", waba.clone()).await.shown(), @r#"
    200 OK
    {
      "url": "https://example.com/waba",
      "headers": {},
      "waba_id": "102290129340398",
      "numbers_on_this_waba": [
        "15550783881"
      ]
    }
    "#);
    assert_eq!(told(&app).await, ["https://example.com/waba"]);
    set(&app, CONFIG, json!({ "url": "https://example.com/number" })).await.ok();
    assert_eq!(told(&app).await, ["https://example.com/number"]);
    let over_all = json!({ "url": "https://example.com/waba", "override_all": true });
    set(&app, "/waba_webhook", over_all).await.ok();
    assert_eq!(told(&app).await, ["https://example.com/waba"]);
    // And back.
    set(&app, "/waba_webhook", waba).await.ok();
    assert_eq!(told(&app).await, ["https://example.com/number"]);
    set(&app, "/waba_webhook", json!({ "url": "" })).await.ok();
    assert_eq!(show(&app, "/waba_webhook").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn further_receivers_are_told_besides_a_main_one() {
    let app = TestApp::new().await;
    let multi = "/multi_webhook";
    assert_eq!(show(&app, multi).await.ok(), json!({ "enabled": false, "destinations": [] }));
    let destination =
        |name: &str| json!({ "name": name, "url": format!("https://{name}.example.com/") });
    let body = json!({ "enabled": true, "destinations": [destination("crm"), destination("bi")] });
    assert_snapshot!(set(&app, multi, body).await.shown(), @r#"
    200 OK
    {
      "message": "multi webhook was started: it is enabled"
    }
    "#);
    assert_snapshot!(set(&app, multi, json!({ "enabled": true })).await.shown(), @r#"
    409 Conflict
    {
      "message": "multi webhook is already enabled"
    }
    "#);
    assert_eq!(told(&app).await, Vec::<String>::new(), "nobody to follow");
    set(&app, CONFIG, json!({ "url": "https://example.com/main" })).await.ok();
    let all = ["https://example.com/main", "https://crm.example.com/", "https://bi.example.com/"];
    assert_eq!(told(&app).await, all);

    let patch = app.d360(Method::PATCH, multi, Some(destination("ops"))).await;
    assert_eq!(patch.ok()["message"], "the destination ops was set");
    let fourth = app.d360(Method::PATCH, multi, Some(destination("fourth"))).await;
    assert_eq!(
        fourth.json()["error"],
        "(#100) Invalid parameter: destinations must not be more than 3"
    );
    let put = json!({ "destinations": [destination("ops")] });
    app.d360(Method::PUT, multi, Some(put)).await.ok();
    assert_snapshot!(show(&app, multi).await.shown(), @r#"
    200 OK
    {
      "enabled": true,
      "destinations": [
        {
          "name": "ops",
          "url": "https://ops.example.com/",
          "headers": {}
        }
      ]
    }
    "#);
    for (body, expected) in [
        (json!({}), "destinations is missing"),
        (
            json!({ "destinations": [{ "url": "https://a.example.com" }] }),
            "destinations[0].name is missing",
        ),
        (json!({ "destinations": [{ "name": "a", "url": "x" }] }), "destinations[0].url must be"),
        (
            json!({ "destinations": [destination("a"), destination("a")] }),
            "destinations[1].name is given twice",
        ),
    ] {
        let answer = app.d360(Method::PUT, multi, Some(body)).await;
        let text = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(told(&app).await, ["https://example.com/main", "https://ops.example.com/"]);
    set(&app, multi, json!({ "enabled": false })).await.ok();
    assert_eq!(told(&app).await, ["https://example.com/main"]);
}

#[tokio::test]
async fn one_business_neither_sees_nor_hears_another() {
    let app = TestApp::new().await;
    let key = app.stranger().await;
    set(&app, CONFIG, json!({ "url": "https://example.com/ours" })).await.ok();
    set(&app, "/waba_webhook", json!({ "url": "https://example.com/ours" })).await.ok();
    for path in [CONFIG, "/waba_webhook"] {
        let theirs = app.d360_as(&key, Method::GET, path, None).await;
        assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    }
    let theirs = json!({ "url": "https://example.com/theirs" });
    app.d360_as(&key, Method::POST, CONFIG, Some(theirs)).await.ok();
    assert_eq!(told(&app).await, ["https://example.com/ours"]);
}
