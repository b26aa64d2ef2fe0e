//! The Meta API as its callers see it: whole answers, and what becomes of bad requests.

mod auth;
mod bad_input;
mod batch;
mod groups;
mod headers;
mod invite_link;
mod join_requests;
mod params;
mod participants;
mod people;
mod registration;
mod tokens;
mod waba;
mod webhook;

use axum::body::Body;
use axum::http::{Method, Request, header};
use klatch::sandbox::{self, APP_ID, PHONE_NUMBER_ID, WABA_ID};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, form, jpeg, meta_token};

/// Sends these very bytes, and says that they are of this kind.
async fn send_bytes(
    app: &TestApp,
    method: Method,
    path: &str,
    kind: &str,
    bytes: impl Into<Body>,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/v23.0{path}"))
        .header("Authorization", format!("Bearer {}", meta_token(path)))
        .header(header::CONTENT_TYPE, kind);
    app.send(request.body(bytes.into()).unwrap()).await
}

/// Sends a multipart form.
async fn send_form(app: &TestApp, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
    let (kind, bytes) = form(parts);
    send_bytes(app, Method::POST, path, &kind, bytes).await
}

/// Sends a url-encoded form.
async fn send_pairs(app: &TestApp, method: Method, path: &str, pairs: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    send_bytes(app, method, path, "application/x-www-form-urlencoded", body).await
}

/// The body with the word that Meta wants in it.
fn whatsapp(mut body: Value) -> Value {
    body["messaging_product"] = json!("whatsapp");
    body
}

/// Where the groups of the sandbox's number are.
fn our_groups() -> String {
    format!("/{PHONE_NUMBER_ID}/groups")
}

/// The id of the group that this call created.
async fn made(app: &TestApp, created: &Answer) -> String {
    created.text("request_id");
    app.newest(sandbox::KEY, &format!("/v23.0{}", our_groups())).await
}

/// Status, code and words of a refusal: `400 100/33 message: details`. Its shape is checked on the
/// way: Graph's envelope and nothing else, with the id by which the call can be found.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    let raw: Value = serde_json::from_slice(&answer.bytes).unwrap();
    assert!(raw["error"]["fbtrace_id"].as_str().is_some_and(|id| !id.is_empty()), "{raw}");
    let body = answer.json();
    let error = &body["error"];
    let status = answer.status.as_u16();
    assert!(status >= 400, "{answer:?}");
    let message = error["message"].as_str().unwrap_or_else(|| panic!("{body} has no message"));
    let code = error["code"].as_u64().unwrap_or_else(|| panic!("{body} has no code"));
    let kind = error["type"].as_str().unwrap();
    assert!(["OAuthException", "GraphMethodException"].contains(&kind), "{body}");
    let mut expected = json!({ "message": message, "type": kind, "code": code });
    let mut shown = format!("{status} {code}");
    if let Some(subcode) = error.get("error_subcode") {
        expected["error_subcode"] = json!(subcode.as_u64().unwrap());
        shown = format!("{shown}/{subcode}");
    }
    shown = format!("{shown} {message}");
    if let Some(data) = error.get("error_data") {
        let details = data["details"].as_str().unwrap();
        expected["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
        shown = format!("{shown}: {details}");
    }
    let later = answer.headers.contains_key(header::RETRY_AFTER);
    assert_eq!(later, matches!(status, 429 | 503), "{answer:?}");
    if later {
        expected["is_transient"] = json!(true);
    }
    assert_eq!(body, json!({ "error": expected }));
    shown
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

/// A request as a value that can be sent with any key.
#[derive(Clone)]
struct Operation {
    name: &'static str,
    method: Method,
    path: String,
    kind: &'static str,
    body: Vec<u8>,
}

impl Operation {
    fn new(name: &'static str, method: Method, path: &str, body: Option<Value>) -> Self {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        Self { name, method, path: format!("/v23.0{path}"), kind: "application/json", body }
    }

    /// With this key; where it is the sandbox's and the app is meant, with the app's own token.
    async fn send(&self, app: &TestApp, key: &str) -> Answer {
        let own = meta_token(&self.path);
        let key = if key == sandbox::KEY { &own } else { key };
        let request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header("Authorization", format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, self.kind);
        app.send(request.body(self.body.clone().into()).unwrap()).await
    }

    /// The same without a key.
    async fn send_bare(&self, app: &TestApp) -> Answer {
        let request = Request::builder().method(self.method.clone()).uri(&self.path);
        let request = request.header(header::CONTENT_TYPE, self.kind);
        app.send(request.body(self.body.clone().into()).unwrap()).await
    }
}

/// Everything that can be asked of a group. Nothing is wrong with any of these bodies.
fn of_group(group: &str) -> Vec<Operation> {
    let at = |name, method, path: &str, body| {
        Operation::new(name, method, &format!("/{group}{path}"), body)
    };
    let subject = whatsapp(json!({ "subject": "Mine now" }));
    let requests =
        whatsapp(json!({ "join_requests": ["MTY1MDU1NTAxMDE6MTIwMzYzMDAwMDAwMDAwMDAw"] }));
    let people = whatsapp(json!({ "participants": [{ "user": "+16505550101" }] }));
    let nothing = whatsapp(json!({}));
    let (kind, picture) = form(&[("file", Some("us.jpg"), &jpeg(192, 192))]);
    assert_eq!(kind, "multipart/form-data; boundary=+++");
    vec![
        at("info", Method::GET, "", None),
        at("info with fields", Method::GET, "?fields=subject,participants", None),
        at("update", Method::POST, "", Some(subject)),
        Operation {
            kind: "multipart/form-data; boundary=+++",
            body: picture,
            ..at("update with a picture", Method::POST, "", None)
        },
        at("invite link", Method::GET, "/invite_link", None),
        at("reset", Method::POST, "/invite_link", Some(nothing.clone())),
        at("delete the link", Method::DELETE, "/invite_link", Some(nothing)),
        at("join requests", Method::GET, "/join_requests", None),
        at("a page of join requests", Method::GET, "/join_requests?limit=1", None),
        at("approve", Method::POST, "/join_requests", Some(requests.clone())),
        at("reject", Method::DELETE, "/join_requests", Some(requests)),
        at("add", Method::POST, "/participants", Some(people.clone())),
        at("remove", Method::DELETE, "/participants", Some(people)),
        Operation::new("by ids", Method::GET, &format!("/?ids={group}"), None),
        at("delete", Method::DELETE, "", None),
    ]
}

/// Everything that can be asked of a number.
fn of_number(number: &str) -> Vec<Operation> {
    let at = |name, method, path: &str, body| {
        Operation::new(name, method, &format!("/{number}{path}"), body)
    };
    let group = whatsapp(json!({ "subject": "Mine" }));
    let hook = json!({ "webhook_configuration": { "override_callback_uri": "" } });
    vec![
        at("groups", Method::GET, "/groups", None),
        at("a page of groups", Method::GET, "/groups?limit=1", None),
        at("create", Method::POST, "/groups", Some(group)),
        at("number", Method::GET, "", None),
        at("number with fields", Method::GET, "?fields=webhook_configuration", None),
        at("change the number", Method::POST, "", Some(hook)),
        at("delete the number", Method::DELETE, "", None),
        at("deregister", Method::POST, "/deregister", None),
        at("register", Method::POST, "/register", Some(whatsapp(json!({ "pin": "123456" })))),
    ]
}

/// Everything that can be asked of a WABA.
fn of_waba(waba: &str) -> Vec<Operation> {
    let at = |name, method| Operation::new(name, method, &format!("/{waba}/subscribed_apps"), None);
    vec![
        Operation::new("WABA", Method::GET, &format!("/{waba}"), None),
        Operation::new("numbers", Method::GET, &format!("/{waba}/phone_numbers"), None),
        at("subscribed apps", Method::GET),
        at("subscribe", Method::POST),
        at("unsubscribe", Method::DELETE),
    ]
}

/// Everything that can be asked of an app.
fn of_app(app: &str) -> Vec<Operation> {
    let at =
        |name, method, body| Operation::new(name, method, &format!("/{app}/subscriptions"), body);
    let body = json!({
        "object": "whatsapp_business_account",
        "callback_url": "https://example.com/hook",
        "verify_token": "our-token",
    });
    vec![
        at("app", Method::GET, None),
        at("set the app's receiver", Method::POST, Some(body)),
        at("remove the app's receiver", Method::DELETE, None),
    ]
}

/// Everything that can be asked of a token.
fn of_token() -> Vec<Operation> {
    let at = |name, path| Operation::new(name, Method::GET, path, None);
    vec![
        at("me", "/me"),
        at("app of the token", "/app"),
        at("debug the token", "/debug_token?input_token=klatch-dev"),
    ]
}

/// All operations of the API, on the sandbox's number and this group.
fn all(group: &str) -> Vec<Operation> {
    let mut all = of_token();
    all.extend(of_number(PHONE_NUMBER_ID));
    all.extend(of_waba(WABA_ID));
    all.extend(of_app(APP_ID));
    all.extend(of_group(group));
    all
}

/// All that the API shows of a group.
async fn everything(app: &TestApp, group: &str) -> Answer {
    let fields = "subject,description,join_approval_mode,suspended,creation_timestamp,\
                  participants,total_participant_count";
    app.meta(Method::GET, &format!("/{group}?fields={fields}"), None).await
}

/// A new key; gives its id and the secret.
async fn key(app: &TestApp, body: Value) -> (String, String) {
    let answer = app.admin(Method::POST, "/keys", Some(body)).await;
    (answer.text("id"), answer.text("key"))
}

/// A new number of the sandbox's account, in a WABA of its own; gives its id.
async fn neighbour(app: &TestApp) -> String {
    let body = json!({
        "account_id": sandbox::ACCOUNT,
        "display_phone_number": "+1 555 078 3882",
    });
    app.admin(Method::POST, "/numbers", Some(body)).await.text("phone_number_id")
}

/// A change of the sandbox's number that only its operator can make.
async fn operate(app: &TestApp, change: Value) {
    app.admin(Method::PATCH, &format!("/numbers/{PHONE_NUMBER_ID}"), Some(change)).await.ok();
}

/// A person asks to join; gives the id of the request.
async fn ask(app: &TestApp, wa_id: &str, link: &str) -> String {
    app.tap(wa_id, link).await.text("join_request_id")
}

/// Approves or rejects.
async fn answer_requests(app: &TestApp, method: Method, group: &str, ids: &[&str]) -> Answer {
    let body = whatsapp(json!({ "join_requests": ids }));
    app.meta(method, &format!("/{group}/join_requests"), Some(body)).await
}

/// Adds or removes people by what stands under `user`.
async fn name_people(app: &TestApp, method: Method, group: &str, users: &[&str]) -> Answer {
    let users: Vec<Value> = users.iter().map(|user| json!({ "user": user })).collect();
    let body = whatsapp(json!({ "participants": users }));
    app.meta(method, &format!("/{group}/participants"), Some(body)).await
}

/// The phone numbers of those who are in, in the order in which the API names them.
async fn members(app: &TestApp, group: &str) -> Vec<String> {
    let info = everything(app, group).await.ok();
    let people = info["participants"].as_array().unwrap();
    assert_eq!(info["total_participant_count"], people.len());
    people.iter().map(|person| person["wa_id"].as_str().unwrap().to_owned()).collect()
}

async fn suspend(app: &TestApp, group: &str) {
    app.admin(Method::POST, &format!("/groups/{group}/suspend"), None).await.ok();
}
