//! Our own API: accounts, numbers and keys.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use insta::assert_snapshot;
use klatch::kit::peer::Peer;
use klatch::sandbox;
use serde_json::{Value, json};

use crate::d360::paging::assert_pages;
use crate::support::{Answer, TestApp};

/// Status, code, field and words of a refusal; its shape is checked on the way.
#[track_caller]
pub(crate) fn refusal(answer: &Answer) -> String {
    let body = answer.json();
    assert!(answer.status.as_u16() >= 400, "{answer:?}");
    let error = &body["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_else(|| panic!("{body} has no {name}"));
    let (code, message) = (text("code"), text("message"));
    let (expected, field) = match error.get("field") {
        Some(field) => {
            let field = field.as_str().unwrap();
            (json!({ "code": code, "message": message, "field": field }), format!(" ({field})"))
        }
        None => (json!({ "code": code, "message": message }), String::new()),
    };
    assert_eq!(body, json!({ "error": expected }));
    format!("{} {code}{field}: {message}", answer.status.as_u16())
}

async fn post(app: &TestApp, path: &str, body: Value) -> Answer {
    app.admin(Method::POST, path, Some(body)).await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.admin(Method::GET, path, None).await
}

#[tokio::test]
async fn accounts() {
    let app = TestApp::new().await;
    let body = json!({ "id": "acc_acme", "name": "  Acme Motors " });
    let created = post(&app, "/accounts", body).await;
    assert_snapshot!(created.shown(), @r#"
    201 Created
    {
      "id": "acc_acme",
      "name": "Acme Motors",
      "app_id": "604203244234322",
      "app_secret": "ee5b46b9f8e31ac5308b5e23974c887c",
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
    assert_eq!(get(&app, "/accounts/acc_acme").await.ok(), created.ok());

    app.clock.advance(Duration::from_millis(60_001));
    assert_snapshot!(post(&app, "/accounts", json!({ "name": "Größe" })).await.shown(), @r#"
    201 Created
    {
      "id": "acc_LIjGTTRcfTO7konT",
      "name": "Größe",
      "app_id": "901088713851819",
      "app_secret": "99f64afad1c88a5fe8c4412fa14cd872",
      "created_at": "2025-08-18T20:28:57.001Z"
    }
    "#);
    assert_snapshot!(get(&app, "/accounts").await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "id": "acc_dev",
          "name": "Dev",
          "app_id": "155507838810001",
          "created_at": "2025-08-18T20:27:57Z"
        },
        {
          "id": "acc_acme",
          "name": "Acme Motors",
          "app_id": "604203244234322",
          "created_at": "2025-08-18T20:27:57Z"
        },
        {
          "id": "acc_LIjGTTRcfTO7konT",
          "name": "Größe",
          "app_id": "901088713851819",
          "created_at": "2025-08-18T20:28:57.001Z"
        }
      ],
      "paging": {
        "cursors": {
          "before": "NzY3MjYyNzMzNQ==",
          "after": "MTUyODEzMzI0MzE="
        }
      }
    }
    "#);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers, one after the other")]
async fn numbers() {
    let app = TestApp::new().await;
    let body = json!({ "account_id": "acc_dev", "display_phone_number": "+44 7700 900123" });
    let created = post(&app, "/numbers", body).await;
    assert_snapshot!(created.shown(), @r#"
    201 Created
    {
      "phone_number_id": "662270429894862",
      "account_id": "acc_dev",
      "display_phone_number": "447700900123",
      "waba_id": "633366684841702",
      "bot_id": "447700900123",
      "limits": {
        "participants": 8,
        "groups": 10000,
        "operations_per_minute": 0
      },
      "eligibility": "eligible",
      "answers": "published",
      "registered": true,
      "unsubscribed_overrides": false,
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
    let path = format!("/numbers/{}", created.text("phone_number_id"));
    assert_eq!(get(&app, &path).await.ok(), created.ok());

    let body = json!({
        "account_id": "acc_dev",
        "display_phone_number": "49 151 (123) 456-78",
        "phone_number_id": "4711",
        "waba_id": "4712",
        "bot_id": "acmebot",
        "limits": { "participants": 1024, "groups": 10_000_000 },
    });
    assert_snapshot!(post(&app, "/numbers", body).await.shown(), @r#"
    201 Created
    {
      "phone_number_id": "4711",
      "account_id": "acc_dev",
      "display_phone_number": "4915112345678",
      "waba_id": "4712",
      "bot_id": "acmebot",
      "limits": {
        "participants": 1024,
        "groups": 10000000,
        "operations_per_minute": 0
      },
      "eligibility": "eligible",
      "answers": "published",
      "registered": true,
      "unsubscribed_overrides": false,
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
    assert_snapshot!(get(&app, "/numbers?limit=1").await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "phone_number_id": "106540352242922",
          "account_id": "acc_dev",
          "display_phone_number": "15550783881",
          "waba_id": "102290129340398",
          "bot_id": "klatch",
          "limits": {
            "participants": 8,
            "groups": 10000,
            "operations_per_minute": 0
          },
          "eligibility": "eligible",
          "answers": "published",
          "registered": true,
          "unsubscribed_overrides": false,
          "created_at": "2025-08-18T20:27:57Z"
        }
      ],
      "paging": {
        "cursors": {
          "before": "NDU0MzY5NzI3Mw==",
          "after": "NDU0MzY5NzI3Mw=="
        },
        "next": "http://localhost/klatch/v1/numbers?limit=1&after=NDU0MzY5NzI3Mw%3D%3D"
      }
    }
    "#);
}

#[tokio::test]
async fn limits_change_one_by_one() {
    let app = TestApp::new().await;
    let path = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    for (change, participants, groups, operations) in [
        (json!({}), 8, 10_000, 0),
        (json!({ "participants": 1024 }), 1024, 10_000, 0),
        (json!({ "groups": 0 }), 1024, 0, 0),
        (json!({ "operations_per_minute": 60 }), 1024, 0, 60),
        (json!({ "groups": null, "participants": 1 }), 1, 0, 60),
        (json!({ "operations_per_minute": 0 }), 1, 0, 0),
        (json!({ "operations_per_minute": 1_000_000 }), 1, 0, 1_000_000),
        (json!({ "participants": 256, "groups": 10_000_000 }), 256, 10_000_000, 1_000_000),
    ] {
        let body = json!({ "limits": change });
        let changed = app.admin(Method::PATCH, &path, Some(body)).await.ok();
        let expected = json!({
            "participants": participants,
            "groups": groups,
            "operations_per_minute": operations,
        });
        assert_eq!(changed["limits"], expected, "{change}");
        assert_eq!(get(&app, &path).await.ok(), changed, "{change}");
    }
    assert_snapshot!(get(&app, &path).await.shown(), @r#"
    200 OK
    {
      "phone_number_id": "106540352242922",
      "account_id": "acc_dev",
      "display_phone_number": "15550783881",
      "waba_id": "102290129340398",
      "bot_id": "klatch",
      "limits": {
        "participants": 256,
        "groups": 10000000,
        "operations_per_minute": 1000000
      },
      "eligibility": "eligible",
      "answers": "published",
      "registered": true,
      "unsubscribed_overrides": false,
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
}

#[tokio::test]
async fn keys() {
    let app = TestApp::new().await;
    let of_number = json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID });
    assert_snapshot!(post(&app, "/keys", of_number).await.shown(), @r#"
    201 Created
    {
      "id": "key_yKP7SQJ2xOCaICob",
      "account_id": "acc_dev",
      "phone_number_id": "106540352242922",
      "hint": "DpBg",
      "created_at": "2025-08-18T20:27:57Z",
      "key": "DpBgRre3IwCfZEKXujNj6S1FnYkoZCcO"
    }
    "#);
    let of_account = post(&app, "/keys", json!({ "account_id": "acc_dev" })).await;
    assert_snapshot!(of_account.shown(), @r#"
    201 Created
    {
      "id": "key_Mchhf9mfTP5hxffD",
      "account_id": "acc_dev",
      "hint": "tHKb",
      "created_at": "2025-08-18T20:27:57Z",
      "key": "tHKbGn7FUKsQrnchBhvRcMJs2fwy9hir"
    }
    "#);
    let both = json!({ "account_id": "acc_dev", "phone_number_id": sandbox::PHONE_NUMBER_ID });
    assert_eq!(post(&app, "/keys", both).await.text("phone_number_id"), sandbox::PHONE_NUMBER_ID);

    let path = format!("/keys/{}", of_account.text("id"));
    assert_snapshot!(get(&app, &path).await.shown(), @r#"
    200 OK
    {
      "id": "key_Mchhf9mfTP5hxffD",
      "account_id": "acc_dev",
      "hint": "tHKb",
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
    app.clock.advance(Duration::from_mins(1));
    let revoked = app.admin(Method::DELETE, &path, None).await;
    assert_snapshot!(revoked.shown(), @r#"
    200 OK
    {
      "id": "key_Mchhf9mfTP5hxffD",
      "account_id": "acc_dev",
      "hint": "tHKb",
      "created_at": "2025-08-18T20:27:57Z",
      "revoked_at": "2025-08-18T20:28:57Z"
    }
    "#);
    // The first time counts.
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(app.admin(Method::DELETE, &path, None).await.bytes, revoked.bytes);
    assert_eq!(get(&app, &path).await.bytes, revoked.bytes);
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let app = TestApp::new().await;
    let mut secrets = vec![sandbox::KEY.to_owned()];
    let mut paths = vec!["/keys".to_owned(), "/keys?account_id=acc_dev".to_owned()];
    for body in [
        json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID }),
        json!({ "account_id": sandbox::ACCOUNT }),
    ] {
        let created = post(&app, "/keys", body).await;
        let secret = created.text("key");
        assert_eq!(created.text("hint"), secret[..4]);
        assert_eq!(secret.len(), 32);
        paths.push(format!("/keys/{}", created.text("id")));
        secrets.push(secret);
    }
    for path in &paths {
        let mut answers = vec![get(&app, path).await];
        if path.starts_with("/keys/") {
            answers.push(app.admin(Method::DELETE, path, None).await);
            answers.push(get(&app, path).await);
        }
        for answer in answers {
            let text = answer.ok().to_string();
            assert!(text.contains(r#""hint":"#), "{path}: {text}");
            assert!(!text.contains(r#""key":"#), "{path}: {text}");
            assert!(!secrets.iter().any(|secret| text.contains(secret)), "{path}: {text}");
        }
    }
}

/// What the records of a page are called. Keys, too, have a number, but first of all an id.
pub(crate) fn ids(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().unwrap();
    let name = |record: &Value| record.get("id").map_or("phone_number_id", |_| "id");
    data.iter().map(|record| record[name(record)].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_in_pages_of_every_length() {
    let app = TestApp::new().await;
    let mut accounts = vec![sandbox::ACCOUNT.to_owned()];
    let mut numbers = vec![sandbox::PHONE_NUMBER_ID.to_owned()];
    let mut keys = vec!["key_dev".to_owned()];
    let (mut numbers_of_one, mut keys_of_one) = (Vec::new(), Vec::new());
    for n in 0..6 {
        // Ids whose order is not that of their creation.
        let account = format!("acc_{}", 9 - n);
        let body = json!({ "id": account, "name": "More" });
        accounts.push(post(&app, "/accounts", body).await.text("id"));
        let owner = if n % 2 == 0 { "acc_9" } else { sandbox::ACCOUNT };
        let digits = format!("4477009001{n:02}");
        let body = json!({ "account_id": owner, "display_phone_number": digits });
        let number = post(&app, "/numbers", body).await.text("phone_number_id");
        let body = json!({ "phone_number_id": number });
        let key = post(&app, "/keys", body).await.text("id");
        if owner == "acc_9" {
            numbers_of_one.push(number.clone());
            keys_of_one.push(key.clone());
        }
        numbers.push(number);
        keys.push(key);
    }
    // What was revoked stays in the list.
    app.admin(Method::DELETE, &format!("/keys/{}", keys[3]), None).await.ok();

    assert_pages(&app, "/klatch/v1/accounts?", ids, &accounts).await;
    assert_pages(&app, "/klatch/v1/numbers?", ids, &numbers).await;
    assert_pages(&app, "/klatch/v1/numbers?account_id=acc_9&", ids, &numbers_of_one).await;
    assert_pages(&app, "/klatch/v1/keys?", ids, &keys).await;
    assert_pages(&app, "/klatch/v1/keys?account_id=acc_9&", ids, &keys_of_one).await;
    for path in ["/numbers?account_id=acc_8", "/keys?account_id=nobody"] {
        let empty = json!({ "data": [], "paging": {} });
        assert_eq!(get(&app, path).await.ok(), empty, "{path}");
    }
}

#[tokio::test]
async fn without_the_admin_token_there_is_nothing() {
    let app = TestApp::new().await;
    let mut refusals = Vec::new();
    for (what, value) in [
        ("none", None),
        ("empty", Some(HeaderValue::from_static(""))),
        ("no scheme", Some(HeaderValue::from_static(sandbox::ADMIN_TOKEN))),
        ("no token", Some(HeaderValue::from_static("Bearer "))),
        ("another scheme", Some(HeaderValue::from_static("Basic klatch-admin"))),
        ("wrong", Some(HeaderValue::from_static("Bearer klatch-admiN"))),
        ("a number's key", Some(HeaderValue::from_static("Bearer klatch-dev"))),
        ("not text", Some(HeaderValue::from_bytes(b"Bearer klatch-admin\xFF").unwrap())),
    ] {
        let mut request = Request::get("/klatch/v1/accounts").header("D360-API-KEY", sandbox::KEY);
        if let Some(value) = value {
            request = request.header(header::AUTHORIZATION, value);
        }
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        refusals.push(format!("{what}: {}", refusal(&answer)));
    }
    assert_snapshot!(refusals.join("\n"), @"
    none: 401 unauthorized (Authorization): The admin token is missing: send it as Authorization: Bearer <token>
    empty: 401 unauthorized (Authorization): The admin token is missing: send it as Authorization: Bearer <token>
    no scheme: 401 unauthorized (Authorization): The admin token is missing: send it as Authorization: Bearer <token>
    no token: 401 unauthorized (Authorization): The admin token is missing: send it as Authorization: Bearer <token>
    another scheme: 401 unauthorized (Authorization): The admin token is missing: send it as Authorization: Bearer <token>
    wrong: 401 unauthorized (Authorization): This is not the admin token
    a number's key: 401 unauthorized (Authorization): This is not the admin token
    not text: 401 unauthorized (Authorization): The admin token is missing: send it as Authorization: Bearer <token>
    ");
    for value in ["bearer klatch-admin", "BEARER   klatch-admin "] {
        let request = Request::get("/klatch/v1/accounts").header(header::AUTHORIZATION, value);
        app.send(request.body(Body::empty()).unwrap()).await.ok();
    }
}

/// Each address waits for itself; one that a right token came from is let in again.
#[tokio::test]
async fn an_address_that_guesses_has_to_wait() {
    let app = TestApp::new().await;
    let attempt = async |address: &str, token: &str| {
        let authorization = format!("Bearer {token}");
        let request = Request::get("/klatch/v1/accounts").header("Authorization", authorization);
        let request = request.extension(Peer::new(address.parse().unwrap()));
        app.send(request.body(Body::empty()).unwrap()).await
    };
    let mut statuses = Vec::new();
    for _ in 0..50 {
        statuses.push(attempt("192.0.2.1", "wrong").await.status.as_u16());
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5..], [429; 45]);
    let refused = attempt("192.0.2.1", sandbox::ADMIN_TOKEN).await;
    assert_eq!(refused.headers["retry-after"], "1");
    assert_snapshot!(refusal(&refused), @"429 too_many_wrong_tokens (Authorization): Too many wrong admin tokens came from this address: the next one is looked at in 1 s");
    attempt("192.0.2.2", sandbox::ADMIN_TOKEN).await.ok();
    app.clock.advance(Duration::from_secs(1));
    attempt("192.0.2.1", sandbox::ADMIN_TOKEN).await.ok();
    assert_eq!(attempt("192.0.2.1", "wrong").await.status, 401);
    assert_eq!(attempt("192.0.2.1", "wrong").await.headers["retry-after"], "2");
    attempt("192.0.2.1", sandbox::ADMIN_TOKEN).await.ok();
}

#[tokio::test]
async fn every_route_wants_the_token_before_anything_else() {
    let app = TestApp::new().await;
    for (method, path) in [
        (Method::GET, "/accounts?limit=0"),
        (Method::POST, "/accounts"),
        (Method::GET, "/accounts/acc_dev"),
        (Method::GET, "/numbers"),
        (Method::POST, "/numbers"),
        (Method::GET, "/numbers/106540352242922"),
        (Method::PATCH, "/numbers/106540352242922"),
        (Method::GET, "/keys"),
        (Method::POST, "/keys"),
        (Method::GET, "/keys/key_dev"),
        (Method::DELETE, "/keys/key_dev"),
        (Method::GET, "/people/16505550101"),
        (Method::POST, "/people/16505550101/join"),
        (Method::POST, "/people/16505550101/cancel"),
        (Method::POST, "/people/16505550101/leave"),
        (Method::GET, "/groups/x/picture"),
        (Method::POST, "/groups/x/suspend"),
        (Method::POST, "/groups/x/restore"),
    ] {
        let request = Request::builder().method(&method).uri(format!("/klatch/v1{path}"));
        let request = request.header(header::AUTHORIZATION, "Bearer wrong");
        let answer = app.send(request.body("not json".into()).unwrap()).await;
        assert_eq!(
            refusal(&answer),
            "401 unauthorized (Authorization): This is not the admin token",
            "{method} {path}"
        );
    }
    // Nothing was revoked in passing.
    app.d360(Method::GET, "/groups", None).await.ok();
}

/// Posts each of the bodies, each of which is refused; gives both, for a snapshot.
pub(crate) async fn refused(
    app: &TestApp,
    path: &str,
    bodies: impl IntoIterator<Item = Value>,
) -> String {
    let mut refusals = Vec::new();
    for body in bodies {
        let sent = body.to_string();
        let shown = if sent.len() > 160 { "(long)" } else { &sent };
        refusals.push(format!("{shown}\n    {}", refusal(&post(app, path, body).await)));
    }
    refusals.join("\n")
}

#[tokio::test]
async fn bad_accounts_are_refused_by_field() {
    let app = TestApp::new().await;
    let bodies = [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": " \t" }),
        json!({ "name": "x".repeat(129) }),
        json!({ "name": "a\u{0}" }),
        json!({ "name": 5 }),
        json!({ "name": "A", "id": "" }),
        json!({ "name": "A", "id": "a b" }),
        json!({ "name": "A", "id": "x".repeat(257) }),
        json!({ "name": "A", "id": ["acc"] }),
        json!({ "name": "A", "id": "acc_dev" }),
        json!([]),
    ];
    assert_snapshot!(refused(&app, "/accounts", bodies).await, @r#"
    {}
        400 invalid_field (name): name is missing
    {"name":""}
        400 invalid_field (name): name must not be empty
    {"name":" \t"}
        400 invalid_field (name): name must not be empty
    {"name":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
        400 invalid_field (name): name must not be longer than 128 characters (it has 129)
    {"name":"a\u0000"}
        400 invalid_field (name): name must not contain the control character U+0000
    {"name":5}
        400 invalid_field (name): name has the wrong type: integer, expected a string
    {"name":"A","id":""}
        400 invalid_field (id): id must be an id of 1 to 256 bytes without blanks
    {"name":"A","id":"a b"}
        400 invalid_field (id): id must be an id of 1 to 256 bytes without blanks
    (long)
        400 invalid_field (id): id must be an id of 1 to 256 bytes without blanks
    {"name":"A","id":["acc"]}
        400 invalid_field (id): id has the wrong type: list, expected a string
    {"name":"A","id":"acc_dev"}
        409 taken (id): id is already in use
    []
        400 invalid_body: Invalid JSON in request body: it must be a JSON object
    "#);
    assert_eq!(ids(&get(&app, "/accounts").await.ok()), ["acc_dev"]);
}

#[tokio::test]
async fn bad_numbers_are_refused_by_field() {
    let app = TestApp::new().await;
    let mut bodies = vec![
        json!({}),
        json!({ "display_phone_number": "447700900123" }),
        json!({ "account_id": "acc_dev" }),
    ];
    for (field, value) in [
        ("account_id", json!("nobody")),
        ("account_id", json!("")),
        ("account_id", json!(1)),
        ("display_phone_number", json!("1234")),
        ("display_phone_number", json!("1234567890123456")),
        ("display_phone_number", json!("call me")),
        ("display_phone_number", json!(447_700_900_123_u64)),
        ("phone_number_id", json!(sandbox::PHONE_NUMBER_ID)),
        ("phone_number_id", json!("")),
        ("phone_number_id", json!(17)),
        ("waba_id", json!("a b")),
        ("bot_id", json!(sandbox::BOT_ID)),
        ("bot_id", json!("")),
        ("limits", json!({ "participants": 1025 })),
        ("limits", json!({ "members": 8 })),
        ("limits", json!([8])),
    ] {
        // The field that is wrong comes first, so that a glance at the snapshot finds it.
        let mut body = json!({ field: value });
        for (name, sound) in [("account_id", "acc_dev"), ("display_phone_number", "447700900123")] {
            if name != field {
                body[name] = json!(sound);
            }
        }
        bodies.push(body);
    }
    assert_snapshot!(refused(&app, "/numbers", bodies).await, @r#"
    {}
        400 invalid_field (display_phone_number): display_phone_number is missing
    {"display_phone_number":"447700900123"}
        400 invalid_field (account_id): account_id is missing
    {"account_id":"acc_dev"}
        400 invalid_field (display_phone_number): display_phone_number is missing
    {"account_id":"nobody","display_phone_number":"447700900123"}
        404 unknown (account_id): account_id does not exist
    {"account_id":"","display_phone_number":"447700900123"}
        400 invalid_field (account_id): account_id must be an id of 1 to 256 bytes without blanks
    {"account_id":1,"display_phone_number":"447700900123"}
        400 invalid_field (account_id): account_id has the wrong type: integer, expected a string
    {"display_phone_number":"1234","account_id":"acc_dev"}
        400 invalid_field (display_phone_number): display_phone_number must be a phone number of 5 to 15 digits
    {"display_phone_number":"1234567890123456","account_id":"acc_dev"}
        400 invalid_field (display_phone_number): display_phone_number must be a phone number of 5 to 15 digits
    {"display_phone_number":"call me","account_id":"acc_dev"}
        400 invalid_field (display_phone_number): display_phone_number must be a phone number of 5 to 15 digits
    {"display_phone_number":447700900123,"account_id":"acc_dev"}
        400 invalid_field (display_phone_number): display_phone_number has the wrong type: integer, expected a string
    {"phone_number_id":"106540352242922","account_id":"acc_dev","display_phone_number":"447700900123"}
        409 taken (phone_number_id): phone_number_id is already in use
    {"phone_number_id":"","account_id":"acc_dev","display_phone_number":"447700900123"}
        400 invalid_field (phone_number_id): phone_number_id must be an id of 1 to 256 bytes without blanks
    {"phone_number_id":17,"account_id":"acc_dev","display_phone_number":"447700900123"}
        400 invalid_field (phone_number_id): phone_number_id has the wrong type: integer, expected a string
    {"waba_id":"a b","account_id":"acc_dev","display_phone_number":"447700900123"}
        400 invalid_field (waba_id): waba_id must be an id of 1 to 256 bytes without blanks
    {"bot_id":"klatch","account_id":"acc_dev","display_phone_number":"447700900123"}
        409 taken (bot_id): bot_id is already in use
    {"bot_id":"","account_id":"acc_dev","display_phone_number":"447700900123"}
        400 invalid_field (bot_id): bot_id must be an id of 1 to 256 bytes without blanks
    {"limits":{"participants":1025},"account_id":"acc_dev","display_phone_number":"447700900123"}
        400 invalid_field (limits.participants): limits.participants must be a whole number from 1 to 1024
    {"limits":{"members":8},"account_id":"acc_dev","display_phone_number":"447700900123"}
        400 invalid_field (limits.members): limits.members is not valid: unknown field `members`, expected one of `participants`, `groups`, `operations_per_minute`
    {"limits":[8],"account_id":"acc_dev","display_phone_number":"447700900123"}
        400 invalid_field (limits): limits is not valid: invalid length 1, expected an object
    "#);
    assert_eq!(ids(&get(&app, "/numbers").await.ok()), [sandbox::PHONE_NUMBER_ID]);
}

#[tokio::test]
async fn bad_keys_are_refused_by_field() {
    let app = TestApp::new().await;
    post(&app, "/accounts", json!({ "id": "acc_other", "name": "Other" })).await.ok();
    let bodies = [
        json!({}),
        json!({ "phone_number_id": null, "account_id": null }),
        json!({ "phone_number_id": "nobody" }),
        json!({ "phone_number_id": "" }),
        json!({ "phone_number_id": 5 }),
        json!({ "account_id": "nobody" }),
        json!({ "account_id": "a b" }),
        json!({ "account_id": "acc_other", "phone_number_id": sandbox::PHONE_NUMBER_ID }),
        json!({ "account_id": "nobody", "phone_number_id": sandbox::PHONE_NUMBER_ID }),
    ];
    assert_snapshot!(refused(&app, "/keys", bodies).await, @r#"
    {}
        400 invalid_field (phone_number_id): phone_number_id or account_id must be given
    {"phone_number_id":null,"account_id":null}
        400 invalid_field (phone_number_id): phone_number_id or account_id must be given
    {"phone_number_id":"nobody"}
        404 unknown (phone_number_id): phone_number_id does not exist
    {"phone_number_id":""}
        400 invalid_field (phone_number_id): phone_number_id must be an id of 1 to 256 bytes without blanks
    {"phone_number_id":5}
        400 invalid_field (phone_number_id): phone_number_id has the wrong type: integer, expected a string
    {"account_id":"nobody"}
        404 unknown (account_id): account_id does not exist
    {"account_id":"a b"}
        400 invalid_field (account_id): account_id must be an id of 1 to 256 bytes without blanks
    {"account_id":"acc_other","phone_number_id":"106540352242922"}
        404 unknown (phone_number_id): phone_number_id does not exist
    {"account_id":"nobody","phone_number_id":"106540352242922"}
        404 unknown (account_id): account_id does not exist
    "#);
    assert_eq!(ids(&get(&app, "/keys").await.ok()), ["key_dev"]);
}

#[tokio::test]
async fn bad_changes_of_limits_change_nothing() {
    let app = TestApp::new().await;
    let path = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    let before = get(&app, &path).await.ok();
    let mut refusals = Vec::new();
    for body in [
        json!({}),
        json!({ "limits": null }),
        json!({ "limits": 5 }),
        json!({ "limits": { "participants": 0 } }),
        json!({ "limits": { "participants": 1025 } }),
        json!({ "limits": { "participants": 4_294_967_297_u64 } }),
        json!({ "limits": { "participants": 1.5 } }),
        json!({ "limits": { "participants": "8" } }),
        json!({ "limits": { "groups": 10_000_001 } }),
        json!({ "limits": { "groups": 1e30 } }),
        json!({ "limits": { "groups": -1 } }),
        json!({ "limits": { "groups": true } }),
        json!({ "limits": { "group": 1 } }),
        json!({ "limits": { "participants": 9, "groups": 10_000_001 } }),
        json!({ "limits": { "participants": 9 }, "bot_id": "other" }),
        json!({ "participants": 9 }),
        json!({ "answers": null }),
        json!({ "answers": "all" }),
        json!({ "answers": true }),
        json!([]),
    ] {
        let answer = app.admin(Method::PATCH, &path, Some(body.clone())).await;
        refusals.push(format!("{body}\n    {}", refusal(&answer)));
        assert_eq!(get(&app, &path).await.ok(), before, "{body}");
    }
    assert_snapshot!(refusals.join("\n"), @r#"
    {}
        400 invalid_field (limits): limits must be given, or eligibility, answers, registered or unsubscribed_overrides
    {"limits":null}
        400 invalid_field (limits): limits must be given, or eligibility, answers, registered or unsubscribed_overrides
    {"limits":5}
        400 invalid_field (limits): limits has the wrong type: integer, expected an object
    {"limits":{"participants":0}}
        400 invalid_field (limits.participants): limits.participants must be a whole number from 1 to 1024
    {"limits":{"participants":1025}}
        400 invalid_field (limits.participants): limits.participants must be a whole number from 1 to 1024
    {"limits":{"participants":4294967297}}
        400 invalid_field (limits.participants): limits.participants must be a whole number from 1 to 1024
    {"limits":{"participants":1.5}}
        400 invalid_field (limits.participants): limits.participants has the wrong type: floating point, expected a whole number
    {"limits":{"participants":"8"}}
        400 invalid_field (limits.participants): limits.participants has the wrong type: string, expected a whole number
    {"limits":{"groups":10000001}}
        400 invalid_field (limits.groups): limits.groups must be a whole number from 0 to 10000000
    {"limits":{"groups":1e+30}}
        400 invalid_field (limits.groups): limits.groups has the wrong type: floating point, expected a whole number
    {"limits":{"groups":-1}}
        400 invalid_field (limits.groups): limits.groups is not valid: invalid value: integer, expected a whole number
    {"limits":{"groups":true}}
        400 invalid_field (limits.groups): limits.groups has the wrong type: boolean, expected a whole number
    {"limits":{"group":1}}
        400 invalid_field (limits.group): limits.group is not valid: unknown field `group`, expected one of `participants`, `groups`, `operations_per_minute`
    {"limits":{"participants":9,"groups":10000001}}
        400 invalid_field (limits.groups): limits.groups must be a whole number from 0 to 10000000
    {"limits":{"participants":9},"bot_id":"other"}
        400 invalid_field (bot_id): bot_id is not valid: unknown field `bot_id`, expected one of `limits`, `eligibility`, `answers`, `registered`, `unsubscribed_overrides`
    {"participants":9}
        400 invalid_field (participants): participants is not valid: unknown field `participants`, expected one of `limits`, `eligibility`, `answers`, `registered`, `unsubscribed_overrides`
    {"answers":null}
        400 invalid_field (limits): limits must be given, or eligibility, answers, registered or unsubscribed_overrides
    {"answers":"all"}
        400 invalid_field (answers): answers must be one of published, superset
    {"answers":true}
        400 invalid_field (answers): answers has the wrong type: boolean, expected a string
    []
        400 invalid_body: Invalid JSON in request body: it must be a JSON object
    "#);
}

/// Sends each of the requests, each of which is refused; gives both, for a snapshot.
pub(crate) async fn refused_calls(app: &TestApp, calls: &[(Method, &str)]) -> String {
    let mut refusals = Vec::new();
    for (method, path) in calls {
        let body = Some(json!({ "name": "A", "limits": {} }));
        let body = body.filter(|_| *method == Method::PUT || *method == Method::POST);
        let answer = app.admin(method.clone(), path, body).await;
        refusals.push(format!("{method} {path}\n    {}", refusal(&answer)));
    }
    refusals.join("\n")
}

#[tokio::test]
async fn unknown_records() {
    let app = TestApp::new().await;
    let calls = [
        (Method::GET, "/accounts/nobody"),
        (Method::GET, "/accounts/%FF"),
        (Method::GET, "/accounts/a%20b"),
        (Method::GET, "/numbers/nobody"),
        (Method::GET, "/numbers/%00"),
        (Method::GET, "/keys/nobody"),
        (Method::GET, "/keys/klatch-dev"),
        (Method::DELETE, "/keys/nobody"),
        (Method::DELETE, "/keys/%FF"),
        (Method::GET, "/groups/nobody/picture"),
    ];
    assert_snapshot!(refused_calls(&app, &calls).await, @"
    GET /accounts/nobody
        404 unknown (account_id): account_id does not exist
    GET /accounts/%FF
        404 unknown (account_id): account_id does not exist
    GET /accounts/a%20b
        404 unknown (account_id): account_id does not exist
    GET /numbers/nobody
        404 unknown (phone_number_id): phone_number_id does not exist
    GET /numbers/%00
        404 unknown (phone_number_id): phone_number_id does not exist
    GET /keys/nobody
        400 invalid_field (key_id): key_id must be the key's id, which begins with key_, and not its secret
    GET /keys/klatch-dev
        400 invalid_field (key_id): key_id must be the key's id, which begins with key_, and not its secret
    DELETE /keys/nobody
        400 invalid_field (key_id): key_id must be the key's id, which begins with key_, and not its secret
    DELETE /keys/%FF
        400 invalid_field (key_id): key_id must be the key's id, which begins with key_, and not its secret
    GET /groups/nobody/picture
        404 group_unknown: The group does not exist
    ");
    let body = Some(json!({ "limits": {} }));
    let answer = app.admin(Method::PATCH, "/numbers/nobody", body).await;
    assert_eq!(refusal(&answer), "404 unknown (phone_number_id): phone_number_id does not exist");
}

#[tokio::test]
async fn unknown_paths_methods_and_parameters() {
    let app = TestApp::new().await;
    let calls = [
        (Method::GET, ""),
        (Method::GET, "/"),
        (Method::GET, "/account"),
        (Method::GET, "/keys/key_dev/secret"),
        (Method::PUT, "/accounts"),
        (Method::DELETE, "/accounts/acc_dev"),
        (Method::DELETE, "/numbers/106540352242922"),
        (Method::PATCH, "/keys/key_dev"),
        (Method::POST, "/people/16505550101"),
        (Method::GET, "/numbers?account_id="),
        (Method::GET, "/keys?account_id=a%20b"),
        (Method::GET, "/accounts?limit=0"),
        (Method::GET, "/accounts?limit=1025"),
        (Method::GET, "/numbers?limit=abc"),
        (Method::GET, "/keys?after=damaged"),
        (Method::GET, "/keys?before=MTc="),
    ];
    assert_snapshot!(refused_calls(&app, &calls).await, @"
    GET 
        404 no_such_path: There is nothing at this path
    GET /
        404 no_such_path: There is nothing at this path
    GET /account
        404 no_such_path: There is nothing at this path
    GET /keys/key_dev/secret
        404 no_such_path: There is nothing at this path
    PUT /accounts
        405 no_such_method: Method PUT is not allowed here
    DELETE /accounts/acc_dev
        405 no_such_method: Method DELETE is not allowed here
    DELETE /numbers/106540352242922
        405 no_such_method: Method DELETE is not allowed here
    PATCH /keys/key_dev
        405 no_such_method: Method PATCH is not allowed here
    POST /people/16505550101
        405 no_such_method: Method POST is not allowed here
    GET /numbers?account_id=
        400 invalid_field (account_id): account_id must be an id of 1 to 256 bytes without blanks
    GET /keys?account_id=a%20b
        400 invalid_field (account_id): account_id must be an id of 1 to 256 bytes without blanks
    GET /accounts?limit=0
        400 invalid_field (limit): limit must be a whole number from 1 to 1024
    GET /accounts?limit=1025
        400 invalid_field (limit): limit must be a whole number from 1 to 1024
    GET /numbers?limit=abc
        400 invalid_field (limit): limit must be a whole number from 1 to 1024
    GET /keys?after=damaged
        400 invalid_cursor (after): after is not a cursor of this list; start again from the first page
    GET /keys?before=MTc=
        400 invalid_cursor (before): before is not a cursor of this list; start again from the first page
    ");
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list() {
    let app = TestApp::new().await;
    let lists = ["/accounts", "/numbers", "/numbers?account_id=acc_dev", "/keys"];
    let mut cursors = Vec::new();
    for list in lists {
        let body = get(&app, list).await.ok();
        cursors.push(body["paging"]["cursors"]["after"].as_str().unwrap().to_owned());
    }
    for (list, own) in lists.iter().zip(&cursors) {
        for cursor in &cursors {
            let joint = if list.contains('?') { '&' } else { '?' };
            let path = format!("{list}{joint}after={cursor}");
            let answer = get(&app, &path).await;
            if cursor == own {
                assert_eq!(answer.ok()["data"], json!([]), "{path}");
            } else {
                assert_eq!(
                    refusal(&answer),
                    "400 invalid_cursor (after): after is not a cursor of this list; start again \
                     from the first page",
                    "{path}"
                );
            }
            let answer = get(&app, &format!("{path}&before={own}")).await;
            assert_eq!(answer.status, 400, "{path}");
        }
    }
}

#[tokio::test]
async fn bodies_are_refused_in_our_own_shape() {
    let app = TestApp::new().await;
    let token = format!("Bearer {}", sandbox::ADMIN_TOKEN);
    let mut refusals = Vec::new();
    let never = futures_util::stream::pending::<std::io::Result<bytes::Bytes>>();
    let broken = futures_util::stream::iter([Err::<bytes::Bytes, _>("connection reset")]);
    for (what, kind, body) in [
        ("words", "application/json", Body::from("name=A")),
        ("a list", "application/json", Body::from("[]")),
        ("a form", "multipart/form-data; boundary=+++", Body::from("--+++--\r\n")),
        ("xml", "application/xml", Body::from("<name>A</name>")),
        ("large", "application/json", Body::from(vec![b' '; 256 * 1024 + 1])),
        ("never", "application/json", Body::from_stream(never)),
        ("broken", "application/json", Body::from_stream(broken)),
    ] {
        let request = Request::post("/klatch/v1/accounts")
            .header(header::AUTHORIZATION, &token)
            .header(header::CONTENT_TYPE, kind);
        let answer = app.send(request.body(body).unwrap()).await;
        refusals.push(format!("{what}: {}", refusal(&answer)));
    }
    let request = Request::get("/klatch/v1/accounts")
        .header(header::AUTHORIZATION, &token)
        .header("X-Padding", "x".repeat(17_000));
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    refusals.push(format!("long headers: {}", refusal(&answer)));
    assert_snapshot!(refusals.join("\n"), @"
    words: 400 invalid_body: Invalid JSON in request body: it must be a JSON object
    a list: 400 invalid_body: Invalid JSON in request body: it must be a JSON object
    a form: 415 media_type (Content-Type): Content-Type multipart/form-data; boundary=+++ is not supported here: send application/json
    xml: 415 media_type (Content-Type): Content-Type application/xml is not supported here: send application/json
    large: 413 body_too_large: The request body is longer than 262144 bytes
    never: 408 body_too_slow: The request body did not arrive in time
    broken: 400 body_broken: The request body broke off
    long headers: 431 headers_too_large (x-padding): The headers are longer than 16384 bytes; the longest is x-padding
    ");
}
