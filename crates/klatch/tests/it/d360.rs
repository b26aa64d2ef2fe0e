//! The 360dialog API as its callers see it: whole answers, and what becomes of bad requests.

mod auth;
mod bad_input;
mod groups;
mod invite_link;
mod join_requests;
pub(crate) mod paging;
mod participants;
mod pictures;
mod tolerance;
mod webhook;

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request, header};
use klatch::sandbox;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, form, jpeg, with_json};

/// A request with the sandbox's key; the test adds what is odd about it.
fn request(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("D360-API-KEY", sandbox::KEY)
}

/// Sends these very bytes as JSON.
async fn send_bytes(app: &TestApp, method: Method, path: &str, bytes: impl Into<Body>) -> Answer {
    let request = request(method, path).header(header::CONTENT_TYPE, "application/json");
    app.send(request.body(bytes.into()).unwrap()).await
}

/// Sends a form to a group.
pub(crate) async fn send_form(
    app: &TestApp,
    group: &str,
    parts: &[(&str, Option<&str>, &[u8])],
) -> Answer {
    let (kind, bytes) = form(parts);
    let request = request(Method::POST, &format!("/groups/{group}"));
    app.send(request.header(header::CONTENT_TYPE, kind).body(bytes.into()).unwrap()).await
}

/// Status and words of a refusal. Its shape is checked on the way: `error` and nothing else, except
/// for the gateway's statuses, for which 360dialog publishes no body: they come with `meta`.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    let body = answer.json();
    let status = answer.status.as_u16();
    let text = body["error"].as_str().unwrap_or_else(|| panic!("{body} has no error"));
    let expected = if matches!(status, 408 | 413 | 431 | 503) {
        let meta = json!({ "success": false, "http_code": status, "developer_message": text });
        json!({ "error": text, "meta": meta })
    } else {
        json!({ "error": text })
    };
    assert_eq!(body, expected);
    assert!(status >= 400, "{status} with {body}");
    format!("{status} {text}")
}

/// A table of refusals, for a snapshot beside the test.
#[derive(Default)]
struct Refusals(Vec<String>);

impl Refusals {
    #[track_caller]
    fn add(&mut self, what: &str, answer: &Answer) {
        self.0.push(format!("{what}: {}", refusal(answer)));
    }

    fn shown(&self) -> String {
        self.0.join("\n")
    }
}

/// A request as a value that can be sent with any key.
struct Operation {
    name: &'static str,
    method: Method,
    path: String,
    kind: &'static str,
    body: Vec<u8>,
}

impl Operation {
    async fn send(&self, app: &TestApp, key: &str) -> Answer {
        let request = Request::builder().method(self.method.clone()).uri(&self.path);
        let request = request.header("D360-API-KEY", key).header(header::CONTENT_TYPE, self.kind);
        app.send(request.body(self.body.clone().into()).unwrap()).await
    }
}

/// What only looks at a group.
fn reads(group: &str) -> Vec<Operation> {
    let read = |name, path: &str| Operation {
        name,
        method: Method::GET,
        path: format!("/groups/{group}{path}"),
        kind: "application/json",
        body: Vec::new(),
    };
    vec![
        read("info", ""),
        read("info with fields", "?fields=subject,description,participants"),
        read("invite link", "/invite_link"),
        read("join requests", "/join_requests"),
        read("a page of join requests", "/join_requests?limit=1"),
    ]
}

/// What changes a group, or tries to. Nothing is wrong with any of these bodies.
fn changes(group: &str) -> Vec<Operation> {
    let change = |name, method, path: &str, body: Option<Value>| Operation {
        name,
        method,
        path: format!("/groups/{group}{path}"),
        kind: "application/json",
        body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
    };
    let subject = json!({ "subject": "Mine now" });
    let requests = json!({ "join_requests": ["MTY1MDU1NTAxMDE6MTIwMzYzMDAwMDAwMDAwMDAw"] });
    let people = json!({ "participants": [{ "user": "+16505550101" }] });
    let (kind, picture) = form(&[("file", Some("us.jpg"), &jpeg(192, 192))]);
    assert_eq!(kind, "multipart/form-data; boundary=+++");
    vec![
        change("update", Method::POST, "", Some(subject)),
        Operation {
            kind: "multipart/form-data; boundary=+++",
            body: picture,
            ..change("update with a picture", Method::POST, "", None)
        },
        change("reset", Method::POST, "/invite_link", None),
        change("approve", Method::POST, "/join_requests", Some(requests.clone())),
        change("reject", Method::DELETE, "/join_requests", Some(requests)),
        change("remove", Method::DELETE, "/participants", Some(people)),
        change("delete", Method::DELETE, "", None),
    ]
}

/// Everything that can be asked of a group.
fn operations(group: &str) -> Vec<Operation> {
    reads(group).into_iter().chain(changes(group)).collect()
}

/// All that the API shows of a group.
async fn everything(app: &TestApp, group: &str) -> Answer {
    let fields = "subject,description,join_approval_mode,suspended,creation_timestamp,\
                  participants,total_participant_count";
    app.d360(Method::GET, &format!("/groups/{group}?fields={fields}"), None).await
}

/// A change of the limits of the sandbox's number.
async fn set_limits(app: &TestApp, limits: Value) {
    let path = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    app.admin(Method::PATCH, &path, Some(json!({ "limits": limits }))).await.ok();
}

/// A person asks to join; gives the id of the request.
pub(crate) async fn ask(app: &TestApp, wa_id: &str, link: &str) -> String {
    app.tap(wa_id, link).await.text("join_request_id")
}

/// Approves or rejects.
pub(crate) async fn answer_requests(
    app: &TestApp,
    method: Method,
    group: &str,
    ids: &[&str],
) -> Answer {
    let body = json!({ "messaging_product": "whatsapp", "join_requests": ids });
    app.d360(method, &format!("/groups/{group}/join_requests"), Some(body)).await
}

/// Removes people.
pub(crate) async fn remove(app: &TestApp, group: &str, users: &[&str]) -> Answer {
    let users: Vec<Value> = users.iter().map(|user| json!({ "user": user })).collect();
    let body = json!({ "messaging_product": "whatsapp", "participants": users });
    app.d360(Method::DELETE, &format!("/groups/{group}/participants"), Some(body)).await
}

/// The phone numbers of those who are in, in the order in which the API names them.
async fn members(app: &TestApp, group: &str) -> Vec<String> {
    let info = everything(app, group).await.ok();
    let people = info["participants"].as_array().unwrap();
    assert_eq!(info["total_participant_count"], people.len());
    people.iter().map(|person| person["wa_id"].as_str().unwrap().to_owned()).collect()
}

/// The phone numbers of those who wait.
async fn waiting(app: &TestApp, group: &str) -> Vec<String> {
    let path = format!("/groups/{group}/join_requests?limit=1024");
    let page = app.d360(Method::GET, &path, None).await.ok();
    let requests = page["data"].as_array().unwrap();
    requests.iter().map(|one| one["wa_id"].as_str().unwrap().to_owned()).collect()
}

/// The same request with JSON, by any key and under any path.
fn json_request(method: Method, path: &str, body: Value) -> Request<Body> {
    with_json(request(method, path), Some(body))
}
