//! Numbers that are registered, deregistered and registered again.

use axum::http::Method;
use insta::assert_snapshot;
use klatch::sandbox::{self, PHONE_NUMBER_ID};
use serde_json::{Value, json};

use super::{Refusals, all, operate, our_groups, refusal, send_pairs, whatsapp};
use crate::support::{Answer, TestApp};

fn at(edge: &str) -> String {
    format!("/{PHONE_NUMBER_ID}{edge}")
}

async fn register(app: &TestApp, pin: &str) -> Answer {
    app.meta(Method::POST, &at("/register"), Some(whatsapp(json!({ "pin": pin })))).await
}

async fn deregister(app: &TestApp) -> Answer {
    app.meta(Method::POST, &at("/deregister"), None).await
}

async fn state(app: &TestApp) -> Answer {
    let fields = "status,code_verification_status,platform_type,is_pin_enabled,health_status";
    app.meta(Method::GET, &at(&format!("?fields={fields}")), None).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "whole answers, one after the other")]
async fn a_number_is_registered_until_it_is_deregistered() {
    let app = TestApp::new().await;
    assert_snapshot!(state(&app).await.shown(), @r#"
    200 OK
    {
      "id": "106540352242922",
      "status": "CONNECTED",
      "code_verification_status": "VERIFIED",
      "platform_type": "CLOUD_API",
      "is_pin_enabled": false,
      "health_status": {
        "can_send_message": "AVAILABLE",
        "entities": [
          {
            "entity_type": "PHONE_NUMBER",
            "id": "106540352242922",
            "can_send_message": "AVAILABLE"
          },
          {
            "entity_type": "WABA",
            "id": "102290129340398",
            "can_send_message": "AVAILABLE"
          },
          {
            "entity_type": "APP",
            "id": "155507838810001",
            "can_send_message": "AVAILABLE"
          }
        ]
      }
    }
    "#);
    assert_snapshot!(deregister(&app).await.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    assert_snapshot!(state(&app).await.shown(), @r#"
    200 OK
    {
      "id": "106540352242922",
      "status": "DISCONNECTED",
      "code_verification_status": "VERIFIED",
      "platform_type": "NOT_APPLICABLE",
      "is_pin_enabled": false,
      "health_status": {
        "can_send_message": "BLOCKED",
        "entities": [
          {
            "entity_type": "PHONE_NUMBER",
            "id": "106540352242922",
            "can_send_message": "BLOCKED",
            "errors": [
              {
                "error_code": 133010,
                "error_description": "The phone number is not registered.",
                "possible_solution": "Register the phone number: POST /{phone_number_id}/register."
              }
            ]
          },
          {
            "entity_type": "WABA",
            "id": "102290129340398",
            "can_send_message": "AVAILABLE"
          },
          {
            "entity_type": "APP",
            "id": "155507838810001",
            "can_send_message": "AVAILABLE"
          }
        ]
      }
    }
    "#);
    assert_snapshot!(deregister(&app).await.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#133010) Account not registered",
        "type": "OAuthException",
        "code": 133010,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "the number is not registered"
        }
      }
    }
    "#);
    assert_snapshot!(register(&app, "123456").await.shown(), @r#"
    200 OK
    {
      "success": true
    }
    "#);
    let registered = state(&app).await.ok();
    assert_eq!(registered["status"], "CONNECTED");
    assert_eq!(registered["is_pin_enabled"], true);
    // The PIN stays, whether or not the number is registered.
    assert_snapshot!(register(&app, "123457").await.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#133005) Two step verification PIN Mismatch",
        "type": "OAuthException",
        "code": 133005,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "pin is not the number's two-step verification PIN"
        }
      }
    }
    "#);
    register(&app, "123456").await.ok();
    deregister(&app).await.ok();
    assert_eq!(register(&app, "123457").await.status, 400);
    assert_eq!(state(&app).await.ok()["status"], "DISCONNECTED");
    // It can be changed without being known.
    let change = json!({ "pin": "000007" });
    app.meta(Method::POST, &at(""), Some(change)).await.ok();
    let pairs = [("messaging_product", "whatsapp"), ("pin", "000007")];
    send_pairs(&app, Method::POST, &at("/register"), &pairs).await.ok();
    assert_eq!(state(&app).await.ok()["status"], "CONNECTED");
}

#[tokio::test]
async fn a_number_that_is_not_registered_can_look_and_change_nothing() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let link = app.link(&group).await;
    deregister(&app).await.ok();
    let mut answers = Vec::new();
    for operation in all(&group) {
        // These are about the registration itself.
        if matches!(operation.name, "register" | "deregister") {
            continue;
        }
        let answer = operation.send(&app, sandbox::KEY).await;
        let shown = if answer.status.is_success() || operation.path.contains("subscriptions") {
            answer.status.as_u16().to_string()
        } else {
            refusal(&answer)
        };
        answers.push(format!("{} => {shown}", operation.name));
    }
    assert_snapshot!(answers.join("\n"), @"
    me => 200
    app of the token => 200
    debug the token => 200
    groups => 200
    a page of groups => 200
    create => 400 133010 (#133010) Account not registered: the number is not registered
    number => 200
    number with fields => 200
    change the number => 200
    delete the number => 400 100/33 Unsupported delete request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    WABA => 200
    numbers => 200
    subscribed apps => 200
    subscribe => 200
    unsubscribe => 200
    app => 200
    set the app's receiver => 400
    remove the app's receiver => 200
    info => 200
    info with fields => 200
    update => 400 133010 (#133010) Account not registered: the number is not registered
    update with a picture => 400 133010 (#133010) Account not registered: the number is not registered
    invite link => 200
    reset => 400 133010 (#133010) Account not registered: the number is not registered
    delete the link => 400 133010 (#133010) Account not registered: the number is not registered
    join requests => 200
    a page of join requests => 200
    approve => 400 133010 (#133010) Account not registered: the number is not registered
    reject => 400 133010 (#133010) Account not registered: the number is not registered
    add => 400 133010 (#133010) Account not registered: the number is not registered
    remove => 400 133010 (#133010) Account not registered: the number is not registered
    by ids => 200
    delete => 400 133010 (#133010) Account not registered: the number is not registered
    ");
    let body = whatsapp(json!({ "subject": "Hello" }));
    let refused = app.meta(Method::POST, &our_groups(), Some(body)).await;
    assert_snapshot!(refused.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#133010) Account not registered",
        "type": "OAuthException",
        "code": 133010,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "the number is not registered"
        }
      }
    }
    "#);
    // It is the number that is not registered, whichever API asks. People go on.
    let body = json!({ "subject": "Hello" });
    let refused = app.d360(Method::POST, "/groups", Some(body.clone())).await;
    let text = refused.json()["error"].as_str().unwrap().to_owned();
    assert_eq!((refused.status.as_u16(), text.contains("133010")), (400, true), "{text}");
    let path = format!("/whatsapp/v1/{}/groups", sandbox::BOT_ID);
    let refused = app.bearer(sandbox::KEY, Method::POST, &path, Some(body.clone())).await;
    assert_eq!(refused.status, 406);
    app.tap("16505550101", &link).await.ok();
    register(&app, "123456").await.ok();
    app.meta(Method::POST, &our_groups(), Some(whatsapp(body))).await.ok();
}

#[tokio::test]
async fn registrations_that_cannot_be() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    for (what, body) in [
        ("nothing", json!({})),
        ("no PIN", whatsapp(json!({}))),
        ("no product", json!({ "pin": "123456" })),
        ("five digits", whatsapp(json!({ "pin": "12345" }))),
        ("seven digits", whatsapp(json!({ "pin": "1234567" }))),
        ("letters", whatsapp(json!({ "pin": "12345a" }))),
        ("other digits", whatsapp(json!({ "pin": "１２３４５６" }))),
        ("a region", whatsapp(json!({ "pin": "123456", "data_localization_region": "AE" }))),
        ("a backup", whatsapp(json!({ "pin": "123456", "backup": { "data": "x" } }))),
    ] {
        refusals.add(what, &app.meta(Method::POST, &at("/register"), Some(body)).await);
    }
    let pin = json!({ "pin": "1" });
    refusals.add("another PIN", &app.meta(Method::POST, &at(""), Some(pin)).await);
    refusals.add("GET", &app.meta(Method::GET, &at("/register"), None).await);
    assert_snapshot!(refusals.shown(), @"
    nothing => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    no PIN => 400 100 (#100) The parameter pin is required.: pin is missing
    no product => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    five digits => 400 100 (#100) Invalid parameter: pin must be six digits
    seven digits => 400 100 (#100) Invalid parameter: pin must be six digits
    letters => 400 100 (#100) Invalid parameter: pin must be six digits
    other digits => 400 100 (#100) Invalid parameter: pin must be six digits
    a region => 400 100 (#100) Invalid parameter: data_localization_region is not supported: leave it out
    a backup => 400 100 (#100) Invalid parameter: backup is not supported: leave it out
    another PIN => 400 100 (#100) Invalid parameter: pin must be six digits
    GET => 400 100/33 Unsupported get request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    ");
    assert_eq!(state(&app).await.ok()["is_pin_enabled"], false);
    // Guessing is limited as every operation of the number is.
    register(&app, "123456").await.ok();
    operate(&app, json!({ "limits": { "operations_per_minute": 2 } })).await;
    let tries = async |pin: &str| refusal(&register(&app, pin).await);
    let tries = [tries("111111").await, tries("222222").await, tries("123456").await];
    assert_snapshot!(tries.join("\n"), @"
    400 133005 (#133005) Two step verification PIN Mismatch: pin is not the number's two-step verification PIN
    400 133005 (#133005) Two step verification PIN Mismatch: pin is not the number's two-step verification PIN
    400 133016 (#133016) Account register deregister rate limit exceeded: the number has used up its 2 group operations a minute; the next one is possible in 30 s
    ");
    assert!(refusal(&deregister(&app).await).starts_with("400 133016 "));
}

#[tokio::test]
async fn the_operator_registers_and_deregisters_too() {
    let app = TestApp::new().await;
    let shown = async || {
        let number = app.admin(Method::GET, &format!("/numbers{}", at("")), None).await.ok();
        let keep = ["registered", "unsubscribed_overrides"];
        keep.map(|name| number[name].clone())
    };
    assert_eq!(shown().await, [true, false].map(Value::from));
    operate(&app, json!({ "registered": false, "unsubscribed_overrides": true })).await;
    assert_eq!(shown().await, [false, true].map(Value::from));
    assert_eq!(state(&app).await.ok()["status"], "DISCONNECTED");
    operate(&app, json!({ "registered": true })).await;
    assert_eq!(state(&app).await.ok()["status"], "CONNECTED");
    assert_eq!(shown().await, [true, true].map(Value::from));
}
