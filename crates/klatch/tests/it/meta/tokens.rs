//! What programs ask before they do anything: an app's token, what a token opens, who it is.

use axum::body::Body;
use axum::http::{Method, Request, header};
use insta::assert_snapshot;
use klatch::sandbox::{self, APP_ID, APP_SECRET, PHONE_NUMBER_ID, WABA_ID};
use serde_json::{Value, json};

use super::{Refusals, key, neighbour};
use crate::support::{Answer, TestApp, form};

const TOKEN: &str = "/v19.0/oauth/access_token";

fn own_token() -> String {
    format!("{APP_ID}|{APP_SECRET}")
}

fn pairs(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A call without a key.
async fn bare(app: &TestApp, method: Method, path: &str, kind: &str, body: String) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
    app.send(request.body(Body::from(body)).unwrap()).await
}

async fn get(app: &TestApp, token: &str, path: &str) -> Answer {
    app.bearer(token, Method::GET, path, None).await
}

/// What `/debug_token` says of a token.
async fn debug(app: &TestApp, token: &str, input: &str) -> Answer {
    let query = pairs(&[("input_token", input)]);
    get(app, token, &format!("/v23.0/debug_token?{query}")).await
}

#[tokio::test]
async fn an_app_gets_its_token_by_its_secret() {
    let app = TestApp::new().await;
    let given = [
        ("grant_type", "client_credentials"),
        ("client_id", APP_ID),
        ("client_secret", APP_SECRET),
    ];
    let form_kind = "application/x-www-form-urlencoded";
    let posted = bare(&app, Method::POST, TOKEN, form_kind, pairs(&given)).await;
    assert_snapshot!(posted.shown(), @r#"
    200 OK
    {
      "access_token": "155507838810001|klatch-app-secret",
      "token_type": "bearer"
    }
    "#);
    let json = given.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let json = Value::Object(json.collect()).to_string();
    let parts = given.map(|(name, value)| (name, None, value.as_bytes()));
    let (multipart, parts) = form(&parts);
    let in_query = format!("{TOKEN}?{}", pairs(&given));
    let half = format!("{TOKEN}?{}", pairs(&given[..2]));
    for (method, path, kind, body) in [
        (Method::GET, &in_query, "", String::new()),
        (Method::POST, &in_query, "", String::new()),
        (Method::POST, &TOKEN.to_owned(), "application/json", json),
        (Method::POST, &TOKEN.to_owned(), &*multipart, String::from_utf8(parts).unwrap()),
        (Method::POST, &half, form_kind, pairs(&given[2..])),
        (Method::POST, &"/oauth/access_token".to_owned(), form_kind, pairs(&given)),
    ] {
        let answer = bare(&app, method.clone(), path, kind, body).await;
        assert_eq!(answer.ok(), posted.ok(), "{method} {path} {kind}");
    }
    // It is the token that opens what is the app's.
    let token = posted.text("access_token");
    get(&app, &token, &format!("/v23.0/{APP_ID}/subscriptions")).await.ok();
}

#[tokio::test]
async fn nobody_gets_the_token_of_an_app_without_its_secret() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    let right = ("grant_type", "client_credentials");
    for (what, given) in [
        ("nothing", vec![]),
        ("no secret", vec![right, ("client_id", APP_ID)]),
        ("no app", vec![right, ("client_secret", APP_SECRET)]),
        ("no grant", vec![("client_id", APP_ID), ("client_secret", APP_SECRET)]),
        (
            "another grant",
            vec![
                ("grant_type", "fb_exchange_token"),
                ("client_id", APP_ID),
                ("client_secret", APP_SECRET),
            ],
        ),
        ("a wrong secret", vec![right, ("client_id", APP_ID), ("client_secret", "klatch")]),
        ("an empty secret", vec![right, ("client_id", APP_ID), ("client_secret", "")]),
        ("another app", vec![right, ("client_id", "17"), ("client_secret", APP_SECRET)]),
        ("an account", vec![right, ("client_id", sandbox::ACCOUNT), ("client_secret", APP_SECRET)]),
    ] {
        let answer =
            bare(&app, Method::GET, &format!("{TOKEN}?{}", pairs(&given)), "", String::new()).await;
        refusals.add(what, &answer);
    }
    assert_snapshot!(refusals.shown(), @r#"
    nothing => 400 101 Missing client_id parameter.
    no secret => 400 101 Missing client_secret parameter.
    no app => 400 101 Missing client_id parameter.
    no grant => 400 100 (#100) The parameter grant_type is required.: grant_type is missing
    another grant => 400 100 (#100) Invalid parameter: grant_type must be client_credentials, got "fb_exchange_token"
    a wrong secret => 400 1 Error validating client secret.
    an empty secret => 400 1 Error validating client secret.
    another app => 400 101 Error validating application. Cannot get application info due to a system error.
    an account => 400 101 Error validating application. Cannot get application info due to a system error.
    "#);
    let given = [right, ("client_id", APP_ID), ("client_secret", "klatch")];
    let wrong =
        bare(&app, Method::GET, &format!("{TOKEN}?{}", pairs(&given)), "", String::new()).await;
    assert_snapshot!(wrong.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "Error validating client secret.",
        "type": "OAuthException",
        "code": 1
      }
    }
    "#);
}

#[tokio::test]
async fn a_token_can_be_asked_what_it_opens() {
    let app = TestApp::new().await;
    assert_snapshot!(debug(&app, &own_token(), sandbox::KEY).await.shown(), @r#"
    200 OK
    {
      "data": {
        "app_id": "155507838810001",
        "type": "SYSTEM_USER",
        "application": "Dev",
        "data_access_expires_at": 0,
        "expires_at": 0,
        "is_valid": true,
        "scopes": [
          "whatsapp_business_management",
          "whatsapp_business_messaging"
        ],
        "granular_scopes": [
          {
            "scope": "whatsapp_business_management",
            "target_ids": [
              "102290129340398"
            ]
          },
          {
            "scope": "whatsapp_business_messaging",
            "target_ids": [
              "102290129340398"
            ]
          }
        ],
        "user_id": "671208686332485"
      }
    }
    "#);
    assert_snapshot!(debug(&app, &own_token(), &own_token()).await.shown(), @r#"
    200 OK
    {
      "data": {
        "app_id": "155507838810001",
        "type": "APP",
        "application": "Dev",
        "data_access_expires_at": 0,
        "expires_at": 0,
        "is_valid": true,
        "scopes": [],
        "granular_scopes": []
      }
    }
    "#);
    assert_snapshot!(debug(&app, &own_token(), "nonsense").await.shown(), @r#"
    200 OK
    {
      "data": {
        "error": {
          "code": 190,
          "message": "Invalid OAuth access token - Cannot parse access token"
        },
        "is_valid": false,
        "scopes": []
      }
    }
    "#);
    // A key says the same of itself.
    let by_app = debug(&app, &own_token(), sandbox::KEY).await.ok();
    assert_eq!(debug(&app, sandbox::KEY, sandbox::KEY).await.ok(), by_app);
    // One of the whole account opens all of its WABAs, and may ask about other keys.
    neighbour(&app).await;
    let (id, whole) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let shown = debug(&app, &whole, &whole).await.ok();
    let targets = &shown["data"]["granular_scopes"][0]["target_ids"];
    assert_eq!(targets.as_array().unwrap().len(), 2);
    assert!(targets.as_array().unwrap().contains(&json!(WABA_ID)));
    assert_eq!(debug(&app, &whole, sandbox::KEY).await.ok(), by_app);
    // A revoked one is invalid.
    app.admin(Method::DELETE, &format!("/keys/{id}"), None).await.ok();
    let revoked = debug(&app, &own_token(), &whole).await;
    assert_eq!(revoked.ok()["data"]["is_valid"], false);
}

#[tokio::test]
async fn a_token_of_another_business_is_as_invalid_as_nonsense() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let nonsense = debug(&app, &own_token(), "nonsense").await;
    assert_eq!(debug(&app, &own_token(), &stranger).await.bytes, nonsense.bytes);
    let (_, whole) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    assert_eq!(debug(&app, &whole, &stranger).await.bytes, nonsense.bytes);
    let mut refusals = Refusals::default();
    // A key of one number may ask about itself only.
    for input in [&*own_token(), "nonsense", sandbox::KEY] {
        refusals.add(input, &debug(&app, &stranger, input).await);
    }
    refusals.add("no input", &get(&app, sandbox::KEY, "/v23.0/debug_token").await);
    refusals.add("a wrong token", &debug(&app, "wrong", "wrong").await);
    refusals.add("an app", &get(&app, &stranger, &format!("/v23.0/{APP_ID}")).await);
    refusals.add("no app", &get(&app, &stranger, "/v23.0/155507838810002").await);
    assert_snapshot!(refusals.shown(), @"
    155507838810001|klatch-app-secret => 400 100 (#100) You must provide an app access token, or a user access token that is an owner or developer of the app
    nonsense => 400 100 (#100) You must provide an app access token, or a user access token that is an owner or developer of the app
    klatch-dev => 400 100 (#100) You must provide an app access token, or a user access token that is an owner or developer of the app
    no input => 400 100 (#100) The parameter input_token is required.: input_token is missing
    a wrong token => 401 190 Invalid OAuth access token
    an app => 400 100/33 Unsupported get request. Object with ID '155507838810001' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    no app => 400 100/33 Unsupported get request. Object with ID '155507838810002' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    ");
}

#[tokio::test]
async fn a_token_says_who_it_is() {
    let app = TestApp::new().await;
    let me = get(&app, sandbox::KEY, "/v23.0/me").await;
    assert_snapshot!(me.shown(), @r#"
    200 OK
    {
      "name": "Dev",
      "id": "671208686332485"
    }
    "#);
    let id = me.text("id");
    let by_debug = debug(&app, sandbox::KEY, sandbox::KEY).await.ok();
    assert_eq!(by_debug["data"]["user_id"], *id);
    assert_eq!(get(&app, sandbox::KEY, &format!("/v23.0/{id}")).await.bytes, me.bytes);
    let only_id = get(&app, sandbox::KEY, "/v23.0/me?fields=id").await.ok();
    assert_eq!(only_id, json!({ "id": id }));
    let of_token = get(&app, sandbox::KEY, "/v23.0/app").await;
    assert_snapshot!(of_token.shown(), @r#"
    200 OK
    {
      "id": "155507838810001",
      "name": "Dev",
      "link": "https://www.facebook.com/games/?app_id=155507838810001"
    }
    "#);
    for token in [sandbox::KEY, &own_token()] {
        for path in ["/v23.0/app".to_owned(), format!("/v23.0/{APP_ID}")] {
            assert_eq!(get(&app, token, &path).await.bytes, of_token.bytes, "{token} {path}");
        }
    }
    let selected = get(&app, &own_token(), "/v23.0/app?fields=name,category").await.ok();
    assert_eq!(selected, json!({ "id": APP_ID, "name": "Dev" }));
    let mut refusals = Refusals::default();
    refusals.add("an app", &get(&app, &own_token(), "/v23.0/me").await);
    refusals.add("a field", &get(&app, sandbox::KEY, "/v23.0/me?fields=email").await);
    refusals.add("a field", &get(&app, sandbox::KEY, "/v23.0/app?fields=secret").await);
    let other = app.stranger().await;
    refusals.add("another user", &get(&app, &other, &format!("/v23.0/{id}")).await);
    refusals.add("change me", &app.bearer(sandbox::KEY, Method::POST, "/v23.0/me", None).await);
    for method in [Method::POST, Method::DELETE] {
        for id in [APP_ID, WABA_ID, &id] {
            let path = format!("/v23.0/{id}");
            refusals.add(id, &app.bearer(sandbox::KEY, method.clone(), &path, None).await);
        }
    }
    let number = format!("/v23.0/{PHONE_NUMBER_ID}");
    refusals.add("a number", &get(&app, &own_token(), &number).await);
    assert_snapshot!(refusals.shown(), @"
    an app => 400 2500 An active access token must be used to query information about the current user.
    a field => 400 100 (#100) Invalid parameter: fields must only name id, name; email is unknown
    a field => 400 100 (#100) Invalid parameter: fields must only name id, name, link; secret is unknown
    another user => 400 100/33 Unsupported get request. Object with ID '671208686332485' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    change me => 400 100/33 Unsupported post request. Object with ID 'me' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    155507838810001 => 400 100/33 Unsupported post request. Object with ID '155507838810001' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    102290129340398 => 400 100/33 Unsupported post request. Object with ID '102290129340398' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    671208686332485 => 400 100/33 Unsupported post request. Object with ID '671208686332485' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    155507838810001 => 400 100/33 Unsupported delete request. Object with ID '155507838810001' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    102290129340398 => 400 100/33 Unsupported delete request. Object with ID '102290129340398' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    671208686332485 => 400 100/33 Unsupported delete request. Object with ID '671208686332485' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    a number => 401 190 Invalid OAuth access token
    ");
}
