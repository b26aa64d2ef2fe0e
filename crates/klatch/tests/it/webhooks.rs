//! Webhooks from outside: what receivers get, and what becomes of it when they misbehave.

mod clock;
mod faults;
mod order;
mod payloads;
mod replay;
mod schedule;
mod shares;
mod subscriptions;

use std::time::Duration;

use axum::http::Method;
use domain::values::Timestamp;
use klatch::directory::{Secret, SubscriptionId};
use klatch::sandbox;
use klatch::webhook::dispatch;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::receiver::Receiver;
use crate::support::{Answer, TestApp};

/// Makes everything that is due.
async fn run_due(app: &TestApp) {
    dispatch::run_due(&app.app.dispatch).await;
}

/// Starts what is due, and gives it back once the receiver has the first request in its hands.
async fn in_flight(app: &TestApp, receiver: &Receiver) -> JoinHandle<()> {
    let same = app.app.dispatch.clone();
    let flying = tokio::spawn(async move { dispatch::run_due(&same).await });
    receiver.nth(1).await;
    flying
}

async fn post(app: &TestApp, path: &str, body: Value) -> Answer {
    app.admin(Method::POST, path, Some(body)).await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.admin(Method::GET, path, None).await
}

/// What it takes to subscribe to the sandbox's number.
fn new(dialect: &str, url: &str) -> Value {
    let mut new =
        json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID, "dialect": dialect, "url": url });
    if dialect == "meta" {
        new["verify_token"] = json!("our-token");
    }
    new
}

/// A subscription as its creator knows it.
struct Subscribed {
    id: String,
    secret: Secret,
}

impl Subscribed {
    fn id(&self) -> SubscriptionId {
        SubscriptionId::parse(&self.id).unwrap()
    }

    fn path(&self, rest: &str) -> String {
        format!("/subscriptions/{}{rest}", self.id)
    }

    async fn shown(&self, app: &TestApp) -> Value {
        get(app, &self.path("")).await.ok()
    }

    async fn resume(&self, app: &TestApp) {
        app.admin(Method::POST, &self.path("/resume"), None).await.ok();
    }

    /// All of its deliveries, oldest first.
    async fn deliveries(&self, app: &TestApp) -> Vec<Value> {
        let path = format!("/deliveries?limit=1024&subscription_id={}", self.id);
        let mut list = get(app, &path).await.ok()["data"].as_array().unwrap().clone();
        list.reverse();
        list
    }

    /// The only delivery, with its attempts.
    async fn only(&self, app: &TestApp) -> Value {
        let list = self.deliveries(app).await;
        assert_eq!(list.len(), 1, "{list:?}");
        delivery(app, list[0]["id"].as_str().unwrap()).await
    }

    /// What has happened to it.
    async fn kinds(&self, app: &TestApp) -> Vec<String> {
        let events = get(app, &format!("/events?subscription_id={}", self.id)).await.ok();
        let events = events["data"].as_array().unwrap();
        events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    }
}

/// Subscribes with a body that has everything in it.
async fn subscribed(app: &TestApp, body: Value) -> Subscribed {
    let created = post(app, "/subscriptions", body).await;
    Subscribed { id: created.text("id"), secret: Secret::new(created.text("secret")) }
}

/// Subscribes a receiver to the sandbox's number; the handshake is not seen afterwards.
async fn subscribe(app: &TestApp, dialect: &str, receiver: &Receiver) -> Subscribed {
    if dialect == "meta" {
        receiver.shakes_hands();
    }
    let subscribed = subscribed(app, new(dialect, &receiver.url("/hook"))).await;
    receiver.forget();
    subscribed
}

/// A delivery, with its attempts.
async fn delivery(app: &TestApp, id: &str) -> Value {
    get(app, &format!("/deliveries/{id}")).await.ok()
}

/// The problem of the latest attempt at a delivery, which has failed without an answer.
#[track_caller]
fn problem(delivery: &Value) -> String {
    let last = delivery["tried"].as_array().unwrap().last().unwrap();
    assert_eq!((&delivery["state"], last.get("status")), (&json!("failing"), None), "{delivery}");
    last["problem"].as_str().unwrap().to_owned()
}

/// When a failing delivery is tried next.
#[track_caller]
fn next_attempt(delivery: &Value) -> Timestamp {
    let next = delivery["next_attempt_at"].as_str().unwrap_or_else(|| panic!("{delivery}"));
    let next: jiff::Timestamp = next.parse().unwrap();
    Timestamp::from_millis(next.as_millisecond())
}

/// Milliseconds from now until then.
fn until(app: &TestApp, then: Timestamp) -> i64 {
    then.as_millis() - app.app.runtime.now().as_millis()
}

async fn rename(app: &TestApp, group: &str, subject: &str) {
    let body = json!({ "subject": subject });
    app.d360(Method::POST, &format!("/groups/{group}"), Some(body)).await.ok();
}

/// A group that nobody is in; what it is called does not matter.
async fn any_group(app: &TestApp) -> String {
    app.group("Any", "auto_approve").await
}

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
