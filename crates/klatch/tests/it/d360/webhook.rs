//! Where 360dialog's callers say where webhooks go.

use axum::http::{Method, StatusCode};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};
use klatch::sandbox;

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

    // To be set while it is switched on replaces them; `PUT` adds to them.
    let body = json!({ "enabled": true, "destinations": [destination("ops")] });
    set(&app, multi, body).await.ok();
    assert_eq!(told(&app).await, ["https://example.com/main", "https://ops.example.com/"]);
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
async fn further_receivers_are_added_all_or_none() {
    let app = TestApp::new().await;
    let destination =
        |name: &str| json!({ "name": name, "url": format!("https://{name}.example.com/") });
    let put = async |names: &[&str]| {
        let destinations: Vec<_> = names.iter().map(|name| destination(name)).collect();
        let body = json!({ "destinations": destinations });
        app.d360(Method::PUT, "/multi_webhook", Some(body)).await
    };
    let names = async || -> Vec<String> {
        let shown = show(&app, "/multi_webhook").await.ok();
        let list = shown["destinations"].as_array().unwrap().iter();
        list.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    put(&["crm"]).await.ok();
    assert_snapshot!(put(&["bi"]).await.shown(), @r#"
    200 OK
    {
      "message": "the destinations were added"
    }
    "#);
    assert_eq!(names().await, ["crm", "bi"], "the one that was there stays");
    assert_snapshot!(put(&["ops", "bi"]).await.shown(), @r#"
    400 Bad Request
    {
      "error": "(#100) Invalid parameter: destinations[1].name is in use already"
    }
    "#);
    assert_snapshot!(put(&["ops", "erp"]).await.shown(), @r#"
    400 Bad Request
    {
      "error": "(#100) Invalid parameter: destinations must not be more than 3"
    }
    "#);
    assert_eq!(names().await, ["crm", "bi"], "none of a call that was refused");
    put(&["ops"]).await.ok();
    assert_eq!(names().await, ["crm", "bi", "ops"]);
}

#[tokio::test]
async fn a_further_receiver_is_changed_in_part() {
    let app = TestApp::new().await;
    let bi = json!({ "name": "bi", "url": "https://bi.example.com/", "headers": { "X-A": "1" } });
    let body = json!({ "destinations": [bi] });
    app.d360(Method::PUT, "/multi_webhook", Some(body)).await.ok();
    let patch = async |body: Value| app.d360(Method::PATCH, "/multi_webhook", Some(body)).await;
    let unknown = json!({ "name": "nope", "url": "https://nope.example.com/" });
    assert_snapshot!(patch(unknown).await.shown(), @r#"
    404 Not Found
    {
      "error": "(#100) Invalid parameter: name names no destination: nope"
    }
    "#);
    let nothing = patch(json!({ "name": "bi" })).await;
    assert_eq!(nothing.json()["error"], "(#100) Invalid parameter: url or headers must be given");
    let headers = json!({ "name": "bi", "headers": { "X-B": "2" } });
    assert_snapshot!(patch(headers).await.shown(), @r#"
    200 OK
    {
      "message": "the destination bi was changed"
    }
    "#);
    assert_snapshot!(show(&app, "/multi_webhook").await.shown(), @r#"
    200 OK
    {
      "enabled": false,
      "destinations": [
        {
          "name": "bi",
          "url": "https://bi.example.com/",
          "headers": {
            "X-B": "2"
          }
        }
      ]
    }
    "#);
    let url = json!({ "name": "bi", "url": "https://bi2.example.com/" });
    patch(url).await.ok();
    let shown = show(&app, "/multi_webhook").await.ok();
    assert_eq!(
        shown["destinations"],
        json!([{ "name": "bi", "url": "https://bi2.example.com/", "headers": { "X-B": "2" } }])
    );
    // PHP writes an empty map as a list.
    for empty in [json!([]), json!(null), json!({})] {
        patch(json!({ "name": "bi", "headers": { "X-B": "2" } })).await.ok();
        patch(json!({ "name": "bi", "headers": empty })).await.ok();
        let shown = show(&app, "/multi_webhook").await.ok();
        assert_eq!(shown["destinations"][0]["headers"], json!({}));
        for path in [CONFIG, "/waba_webhook"] {
            let body = json!({ "url": "https://example.com/hook", "headers": empty });
            assert_eq!(set(&app, path, body).await.ok()["headers"], json!({}));
        }
    }
    let list = patch(json!({ "name": "bi", "headers": ["X-B"] })).await;
    assert_eq!(list.status, StatusCode::BAD_REQUEST);
    let text = list.json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains("headers has the wrong type"), "{text}");
}

/// With the key of one number: another number's receivers and headers are none of its business.
#[tokio::test]
async fn the_receiver_of_a_waba_with_several_numbers_is_refused() {
    let app = TestApp::new().await;
    let waba = json!({
        "url": "https://example.com/waba",
        "headers": { "Authorization": "Bearer secret-of-all" },
    });
    set(&app, "/waba_webhook", waba.clone()).await.ok();
    let second = json!({
        "account_id": sandbox::ACCOUNT,
        "display_phone_number": "+1 555 078 3882",
        "waba_id": sandbox::WABA_ID,
    });
    app.admin(Method::POST, "/numbers", Some(second)).await.ok();
    let shown = show(&app, "/waba_webhook").await;
    assert!(!String::from_utf8_lossy(&shown.bytes).contains("secret-of-all"));
    assert_snapshot!(shown.shown(), @r#"
    403 Forbidden
    {
      "meta": {
        "success": false,
        "http_code": 403,
        "developer_message": "The WABA has other numbers, which this API key does not open: its webhook can be shown and set only with the key of its only number"
      }
    }
    "#);
    for body in [json!({ "url": "https://example.com/mine" }), json!({ "url": "" })] {
        assert_eq!(set(&app, "/waba_webhook", body).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(told(&app).await, ["https://example.com/waba"], "it is still there");
}

/// A pause belongs to the place, not to the address that happens to be in it.
#[tokio::test]
async fn a_paused_place_stays_paused_when_it_is_emptied_and_set_again() {
    let app = TestApp::new().await;
    let config = json!({ "url": "https://example.com/hook" });
    set(&app, CONFIG, config.clone()).await.ok();
    let only = async || {
        let list = app.admin(Method::GET, "/subscriptions", None).await.ok();
        let list = list["data"].as_array().unwrap().clone();
        let [only] = <[Value; 1]>::try_from(list).unwrap();
        (only["id"].as_str().unwrap().to_owned(), only["status"].as_str().unwrap().to_owned())
    };
    let (id, _) = only().await;
    app.admin(Method::POST, &format!("/subscriptions/{id}/pause"), None).await.ok();
    set(&app, CONFIG, json!({ "url": "" })).await.ok();
    set(&app, CONFIG, config.clone()).await.ok();
    let (again, status) = only().await;
    assert_ne!(again, id);
    assert_eq!(status, "paused");
    app.admin(Method::POST, &format!("/subscriptions/{again}/resume"), None).await.ok();
    app.d360(Method::DELETE, CONFIG, None).await.ok();
    set(&app, CONFIG, config).await.ok();
    assert_eq!(only().await.1, "on");
}

/// Configuration calls are operations of the number, like changes to its groups.
#[tokio::test]
async fn configuration_calls_count_against_the_numbers_limit() {
    let app = TestApp::new().await;
    let path = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    let limits = json!({ "limits": { "operations_per_minute": 6 } });
    app.admin(Method::PATCH, &path, Some(limits)).await.ok();
    let here = |name: &str| json!({ "name": name, "url": "https://example.com/" });
    let calls = [
        (Method::POST, CONFIG, json!({ "url": "https://example.com/hook" })),
        (Method::POST, "/waba_webhook", json!({ "url": "https://example.com/hook" })),
        (Method::PUT, "/multi_webhook", json!({ "destinations": [here("crm")] })),
        (Method::PATCH, "/multi_webhook", here("crm")),
        (Method::POST, "/multi_webhook", json!({ "enabled": true })),
        (Method::DELETE, CONFIG, json!({})),
    ];
    for (method, path, body) in &calls {
        app.d360(method.clone(), path, Some(body.clone())).await.ok();
    }
    for (method, path, body) in &calls {
        // Before the name is looked up: this one would be refused for its address otherwise.
        let body = match body.get("url") {
            Some(_) => json!({ "name": "crm", "url": "https://no.such.host.invalid/" }),
            None => body.clone(),
        };
        if *path == "/multi_webhook" && *method == Method::POST {
            continue;
        }
        let refused = app.d360(method.clone(), path, Some(body)).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{method} {path}");
        assert_eq!(refused.headers["retry-after"], "10");
    }
    let group = app.d360(Method::POST, "/groups", Some(json!({ "subject": "X" }))).await;
    assert_eq!(group.status, StatusCode::TOO_MANY_REQUESTS, "one limit for both");
    // To look costs nothing.
    assert_eq!(show(&app, "/multi_webhook").await.status, StatusCode::OK);
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
