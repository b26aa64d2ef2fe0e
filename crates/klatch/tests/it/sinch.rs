//! The Sinch API as its callers see it: whole answers, and what becomes of bad requests.

mod admins;
mod auth;
mod bad_input;
mod callbacks;
mod groups;
mod icon;
mod invite_link;
mod participants;

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use domain::ids::{GroupId, PhoneNumberId};
use klatch::sandbox;
use klatch::store::Scope;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, with_json};

const ANN: &str = "16505550101";
const BEN: &str = "16505550102";
const CEM: &str = "16505550103";

/// What is said of a group that is not there.
const UNKNOWN: &str = "406 406: the group does not exist";
/// What is said to whoever may not come in.
const UNAUTHORIZED: &str = "401 401: Unauthorized bot";

/// A request with the sandbox's key, below the sandbox's bot; the test adds what is odd about it.
fn request(method: Method, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(format!("/whatsapp/v1/{}{path}", sandbox::BOT_ID))
        .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::KEY))
}

/// Sends these very bytes as JSON.
async fn send_bytes(app: &TestApp, method: Method, path: &str, bytes: impl Into<Body>) -> Answer {
    let request = request(method, path).header(header::CONTENT_TYPE, "application/json");
    app.send(request.body(bytes.into()).unwrap()).await
}

/// The same request with an `Idempotency-Key`.
async fn send_once(
    app: &TestApp,
    key: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Answer {
    app.send(with_json(request(method, path).header("Idempotency-Key", key), body)).await
}

/// Status and words of a refusal. Its shape is checked on the way.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    let body = answer.json();
    let status = answer.status.as_u16();
    let reason = body["reason"].as_str().unwrap_or_else(|| panic!("{body} has no reason"));
    let message = if status == 400 { "Validation error".to_owned() } else { status.to_string() };
    assert_eq!(body, json!({ "message": message, "reason": reason, "details": reason }));
    assert!((400..500).contains(&status), "{status} with {body}");
    format!("{status} {message}: {reason}")
}

/// A table of refusals, for a snapshot beside the test.
#[derive(Default)]
struct Refusals(Vec<String>);

impl Refusals {
    #[track_caller]
    fn add(&mut self, what: &str, answer: &Answer) {
        self.0.push(format!("{what} => {}", refusal(answer)));
    }

    fn shown(&self) -> String {
        self.0.join("\n")
    }
}

/// A call that went well and has nothing to tell.
#[track_caller]
fn empty(answer: &Answer) {
    assert_eq!((answer.status, answer.bytes.len()), (StatusCode::OK, 0), "{answer:?}");
    assert!(!answer.headers.contains_key(header::CONTENT_TYPE), "{answer:?}");
}

/// All of an answer but the id that every answer has of its own.
#[track_caller]
fn seen(answer: Answer) -> (StatusCode, HeaderMap, Bytes) {
    let Answer { status, mut headers, bytes } = answer;
    assert!(headers.remove("x-request-id").is_some(), "{headers:?}");
    (status, headers, bytes)
}

/// A request as a value that can be sent with any token to any bot.
struct Operation {
    name: &'static str,
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Operation {
    fn new(name: &'static str, method: Method, path: String, body: Option<Value>) -> Self {
        Self { name, method, path, body }
    }

    async fn send(&self, app: &TestApp, token: &str, bot: &str) -> Answer {
        let path = format!("/whatsapp/v1/{bot}{}", self.path);
        app.bearer(token, self.method.clone(), &path, self.body.clone()).await
    }
}

/// Everything that can be asked of a group. Nothing is wrong with any of these bodies.
fn operations(group: &str) -> Vec<Operation> {
    let ask = |name, method, path: &str, body| {
        Operation::new(name, method, format!("/groups/{group}{path}"), body)
    };
    let people = || Some(json!({ "numbers": [ANN] }));
    vec![
        ask("info", Method::GET, "", None),
        ask("rename", Method::PATCH, "", Some(json!({ "subject": "Mine now" }))),
        ask("remove", Method::DELETE, "/member", people()),
        ask("promote", Method::POST, "/admin", people()),
        ask("demote", Method::DELETE, "/admin", people()),
        ask("invite", Method::GET, "/invite", None),
        ask("delete invite", Method::DELETE, "/invite", None),
        ask("icon", Method::POST, "/icon", Some(json!({ "url": "http://127.0.0.1:9/a.jpg" }))),
        ask("leave", Method::DELETE, "", None),
    ]
}

/// What can be asked of a bot.
fn bot_operations() -> Vec<Operation> {
    let ask = |name, method, path: &str, body| Operation::new(name, method, path.to_owned(), body);
    vec![
        ask("list", Method::GET, "/groups", None),
        ask("create", Method::POST, "/groups", Some(json!({ "subject": "Hello" }))),
        ask("statuses", Method::GET, "/callbacks/status/01DPNXZ0WCF9XD19MH84XD0P62", None),
        ask("notifications", Method::GET, "/callbacks/notifications", None),
    ]
}

/// A group made through this API; gives its name here.
async fn create(app: &TestApp, subject: &str) -> String {
    let body = json!({ "subject": subject });
    app.sinch(Method::POST, "/groups", Some(body)).await.text("group_id")
}

/// A group that these people are in.
async fn group_of(app: &TestApp, people: &[&str]) -> String {
    let group = create(app, "Hello").await;
    let link = invite(app, &group).await;
    for person in people {
        app.tap(person, &link).await.ok();
    }
    group
}

async fn info(app: &TestApp, group: &str) -> Value {
    app.sinch(Method::GET, &format!("/groups/{group}"), None).await.ok()
}

async fn invite(app: &TestApp, group: &str) -> String {
    let path = format!("/groups/{group}/invite");
    app.sinch(Method::GET, &path, None).await.text("invite_link")
}

/// The names of all groups.
async fn list(app: &TestApp) -> Vec<String> {
    let list = app.sinch(Method::GET, "/groups", None).await.ok();
    serde_json::from_value(list["groups"].clone()).unwrap()
}

/// Removes, promotes or demotes.
async fn people(
    app: &TestApp,
    method: Method,
    group: &str,
    what: &str,
    numbers: &[&str],
) -> Answer {
    let path = format!("/groups/{group}/{what}");
    app.sinch(method, &path, Some(json!({ "numbers": numbers }))).await
}

/// The id under which the other APIs know a group.
async fn id_of(app: &TestApp, group: &str) -> String {
    let second = group.rsplit('-').next().unwrap().parse().unwrap();
    let number = PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap();
    app.app.groups.group_by_alias(&number, second).await.unwrap().unwrap().to_string()
}

/// The name under which this API knows a group.
async fn alias_of(app: &TestApp, id: &str) -> String {
    let id = GroupId::parse(id).unwrap();
    let stored = app.app.group(&Scope::Everything, &id).await.unwrap();
    let group = stored.group.state();
    format!("group:{}-{}", group.business, group.alias_second)
}

/// How much has happened to a group.
async fn version(app: &TestApp, group: &str) -> u64 {
    let id = GroupId::parse(&id_of(app, group).await).unwrap();
    app.store.history(&id, 1, u32::MAX).await.unwrap().last().unwrap().version
}

/// Everything that the bot was told, oldest first.
async fn told(app: &TestApp) -> Vec<Value> {
    let path = "/callbacks/notifications?page_size=1000";
    let answer = app.sinch(Method::GET, path, None).await.ok();
    answer["results"].as_array().unwrap().clone()
}

/// The kinds of everything that the bot was told, with the people whom it happened to.
async fn news(app: &TestApp) -> Vec<String> {
    let mut news = Vec::new();
    for callback in told(app).await {
        assert_eq!(callback["type"], "whatsapp");
        for one in callback["notifications"].as_array().unwrap() {
            let message = &one["message"];
            assert_eq!((&message["type"], &one["to"]), (&json!("group_event"), &json!("klatch")));
            let members = message["members"].as_array().into_iter().flatten();
            let members: Vec<&str> = members.map(|member| member.as_str().unwrap()).collect();
            let kind = message["event_type"].as_str().unwrap();
            news.push(format!("{kind} {}", members.join(" ")).trim_end().to_owned());
        }
    }
    news
}

/// The last thing that the bot was told.
async fn last_told(app: &TestApp) -> Value {
    told(app).await.pop().unwrap()
}

/// A change of the sandbox's number by its operator.
async fn set_number(app: &TestApp, change: Value) {
    let path = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    app.admin(Method::PATCH, &path, Some(change)).await.ok();
}

async fn set_suspended(app: &TestApp, group: &str, suspended: bool) {
    let word = if suspended { "suspend" } else { "restore" };
    let path = format!("/groups/{}/{word}", id_of(app, group).await);
    app.admin(Method::POST, &path, None).await.ok();
}

/// A person who shows nobody the phone number.
async fn hide(app: &TestApp, wa_id: &str, username: &str) {
    let body = json!({ "username": username, "phone_hidden": true });
    app.admin(Method::PUT, &format!("/people/{wa_id}"), Some(body)).await.ok();
}
