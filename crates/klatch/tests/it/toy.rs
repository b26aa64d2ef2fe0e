//! A dialect of nobody's, to see what it takes to add one: a folder of formats (`toy/wire`), a
//! folder of handlers (`toy/api`), and one row in the table that the port is given. Nothing else in
//! the server knows of it.

mod api;
mod wire;

use ::wire::news::{News, What};
use axum::body::Body;
use axum::http::{Method, Request, header};
use domain::Event;
use domain::ids::RequestId;
use insta::assert_snapshot;
use klatch::api::SERVED;
use klatch::directory::{Secret, Secrets};
use klatch::port::Port;
use klatch::sandbox;
use klatch::webhook::retry::{self, Verdict};
use klatch::webhook::sign::{self, Signing};
use serde_json::{Value, json};

use self::wire::spec::TOY;
use crate::support::{Answer, TestApp};

/// A sandbox whose port serves the toy besides the three vendors.
async fn sandbox_with_toy() -> TestApp {
    let mut app = TestApp::new().await;
    let [meta, d360, sinch] = SERVED;
    app.port = Port::serving(app.app.clone(), &[meta, d360, sinch, api::serve]);
    app
}

async fn ask(app: &TestApp, method: Method, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header("x-toy-key", sandbox::KEY);
    let request = request.header(header::CONTENT_TYPE, "application/json");
    app.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_dialect_is_two_folders_and_a_row() {
    let app = sandbox_with_toy().await;
    let made = ask(&app, Method::POST, "/toy/rooms", json!({ "name": "Blocks" })).await;
    let room = made.text("room");
    let path = format!("/rooms/{room}");
    let shown = ask(&app, Method::GET, &path, Value::Null).await.ok();
    assert_eq!(shown, json!({ "room": room, "name": "Blocks", "people": 0 }));
    // The others see the same group, and are reached as before.
    let through_d360 = app.d360(Method::GET, &format!("/groups/{room}?fields=subject"), None).await;
    assert_eq!(through_d360.text("subject"), "Blocks");
}

#[tokio::test]
async fn its_errors_have_its_shape() {
    let app = sandbox_with_toy().await;
    let mut told = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/toy/rooms", json!({})),
        (Method::POST, "/toy/rooms", json!({ "name": "x".repeat(129) })),
        (Method::POST, "/toy/rooms", json!([])),
        (Method::GET, "/toy/rooms/nowhere", Value::Null),
        (Method::GET, "/toy/attic", Value::Null),
        (Method::DELETE, "/toy/rooms", Value::Null),
    ] {
        told.push(ask(&app, method, path, body).await.shown());
    }
    let without_key = Request::get("/toy/rooms/nowhere").body(Body::empty()).unwrap();
    told.push(app.send(without_key).await.shown());
    assert_snapshot!(told.join("\n"), @r#"
    400 Bad Request
    {
      "toy_says": "name is missing"
    }
    400 Bad Request
    {
      "toy_says": "name must not be longer than 128 characters (it has 129)"
    }
    400 Bad Request
    {
      "toy_says": "Invalid JSON in request body: it must be a JSON object"
    }
    404 Not Found
    {
      "toy_says": "the group does not exist"
    }
    404 Not Found
    {
      "toy_says": "There is nothing at this path"
    }
    405 Method Not Allowed
    {
      "toy_says": "Method DELETE is not allowed here"
    }
    401 Unauthorized
    {
      "toy_says": "no key fits"
    }
    "#);
}

#[tokio::test]
async fn its_receivers_are_told_in_its_words() {
    let app = sandbox_with_toy().await;
    let room = ask(&app, Method::POST, "/toy/rooms", json!({ "name": "Blocks" })).await;
    let room = domain::ids::GroupId::parse(&room.text("room")).unwrap();
    let number = domain::ids::PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap();
    let number = app.app.directory.number(&number).await.unwrap().unwrap();
    let stored = app.app.group(&klatch::store::Scope::Everything, &room).await.unwrap();
    let request_id = RequestId::parse("R").unwrap();
    let news = |event| News {
        number: number.sender(),
        group: stored.group.state(),
        at: app.app.runtime.now(),
        request_id: &request_id,
        what: What::Happened(event),
    };
    let payload = (TOY.webhooks.format.render)(&news(&Event::Deleted)).unwrap();
    let body: Value = serde_json::from_slice(&payload.body).unwrap();
    assert_eq!(body, json!({ "room": room.as_str(), "did": "ended" }));
    assert!((TOY.webhooks.format.render)(&news(&Event::Suspended)).is_none());

    let secrets = Secrets { current: Secret::new("secret".to_owned()), old: None };
    let headers = sign::headers(Signing {
        dialect: TOY,
        vendor_signature: true,
        secrets: &secrets,
        id: "msg_1",
        at: app.app.runtime.now(),
        body: &payload.body,
    });
    assert!(headers.contains_key(sign::HUB_HEADER));
    assert!(!headers.contains_key(sign::HUB_SHA1_HEADER));
    assert_eq!(retry::wait(TOY, 1).unwrap().as_secs(), 3);
    assert_eq!(retry::wait(TOY, 4), None);
    assert_eq!(retry::verdict(TOY, Some(202)), Verdict::Delivered);
    assert_eq!(retry::verdict(TOY, Some(200)), Verdict::Failed);
    assert_eq!(retry::verdict(TOY, Some(404)), Verdict::Refused);
}
