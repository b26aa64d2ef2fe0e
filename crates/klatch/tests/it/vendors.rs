//! Every operation that the vendors publish, called by a client that takes nothing but what they
//! declare: the status, the fields, and their types. Where a number's `answers` are `published`, a
//! field that is not declared fails the test. The bodies of both kinds of answers stand beside it.

use axum::body::Body;
use axum::http::{Method, Request, header};
use insta::assert_snapshot;
use klatch::sandbox::{self, APP_ID, KEY, PHONE_NUMBER_ID, WABA_ID};
use serde_json::{Value, json};
use wire::Answers;
use wire::Dialect;

use crate::support::receiver::{Receiver, status};
use crate::support::{Answer, TestApp, form, jpeg, with_json};

/// Whether a value has the declared shape: a word for a scalar, a list of one for a list, an object
/// for an object. A field with `?` may be missing. Fields that are not declared are errors in
/// `published` answers, and ignored in a `superset`.
fn check(place: &str, found: &Value, declared: &Value, answers: Answers) -> Result<(), String> {
    match declared {
        Value::String(kind) => {
            let fits = match kind.as_str() {
                "string" => found.is_string(),
                "integer" => found.is_i64() || found.is_u64(),
                "boolean" => found.is_boolean(),
                "map" => found.is_object(),
                other => return Err(format!("{place}: there is no kind {other}")),
            };
            if fits { Ok(()) } else { Err(format!("{place} is {found} and not {kind}")) }
        }
        Value::Array(item) => {
            let items = found.as_array().ok_or(format!("{place} is {found} and not a list"))?;
            items.iter().enumerate().try_for_each(|(index, found)| {
                check(&format!("{place}[{index}]"), found, &item[0], answers)
            })
        }
        Value::Object(fields) => {
            let object = found.as_object().ok_or(format!("{place} is {found}, not an object"))?;
            let names = || fields.keys().map(|name| name.strip_suffix('?').unwrap_or(name));
            let unknown = object.keys().find(|name| names().all(|known| known != name.as_str()));
            if let (Answers::Published, Some(unknown)) = (answers, unknown) {
                return Err(format!("{place}.{unknown} is not declared"));
            }
            fields.iter().try_for_each(|(name, declared)| {
                let (name, optional) = match name.strip_suffix('?') {
                    Some(name) => (name, true),
                    None => (name.as_str(), false),
                };
                match object.get(name) {
                    Some(found) => check(&format!("{place}.{name}"), found, declared, answers),
                    None if optional => Ok(()),
                    None => Err(format!("{place}.{name} is missing in {found}")),
                }
            })
        }
        other => Err(format!("{place}: {other} declares nothing")),
    }
}

#[test]
fn the_client_is_strict() {
    let declared =
        json!({ "id": "string", "people?": [{ "wa_id": "string" }], "count": "integer" });
    let fits = |found: Value, answers| check("it", &found, &declared, answers);
    for answers in Answers::ALL {
        let people = json!([{ "wa_id": "1" }]);
        assert_eq!(fits(json!({ "id": "a", "count": 1, "people": people }), answers), Ok(()));
        for (found, problem) in [
            (json!({ "count": 1 }), "it.id is missing"),
            (json!({ "id": 1, "count": 1 }), "it.id is 1 and not string"),
            (json!({ "id": "a", "count": "1" }), "it.count is \"1\" and not integer"),
            (json!({ "id": "a", "count": 1, "people": {} }), "it.people is {} and not a list"),
            (json!({ "id": "a", "count": 1, "people": [{}] }), "it.people[0].wa_id is missing"),
            (json!([]), "it is [], not an object"),
        ] {
            let told = fits(found, answers).unwrap_err();
            assert!(told.starts_with(problem), "{told}");
        }
    }
    for (more, problem) in [
        (json!({ "id": "a", "count": 1, "more": 1 }), "it.more is not declared"),
        (
            json!({ "id": "a", "count": 1, "people": [{ "wa_id": "1", "user_id": "US.1" }] }),
            "it.people[0].user_id is not declared",
        ),
    ] {
        assert_eq!(fits(more.clone(), Answers::Published), Err(problem.to_owned()));
        assert_eq!(fits(more, Answers::Superset), Ok(()));
    }
}

/// The client, and a line for each answer that it got.
struct Client {
    app: TestApp,
    dialect: Dialect,
    answers: Answers,
    /// What receivers listen at; the port is another one each time.
    receiver: Receiver,
    shown: Vec<String>,
}

impl Client {
    async fn new(dialect: Dialect, answers: Answers) -> Self {
        let app = TestApp::new().await;
        let path = format!("/numbers/{PHONE_NUMBER_ID}");
        assert_eq!(app.admin(Method::GET, &path, None).await.text("answers"), "published");
        let body = json!({ "answers": answers.as_str() });
        app.admin(Method::PATCH, &path, Some(body)).await.ok();
        Self { app, dialect, answers, receiver: Receiver::start(), shown: Vec::new() }
    }

    /// Checks an answer; gives its body.
    #[track_caller]
    fn holds(&mut self, operation: &str, answer: &Answer, status: u16, declared: &Value) -> Value {
        assert_eq!(answer.status, status, "{operation}: {answer:?}");
        let body = if declared.is_null() {
            assert!(answer.bytes.is_empty(), "{operation}: {answer:?}");
            Value::Null
        } else {
            let body = answer.json();
            if let Err(problem) = check(operation, &body, declared, self.answers) {
                panic!("{problem}");
            }
            body
        };
        let text = match &body {
            Value::Null => "nothing".to_owned(),
            body => named(String::new(), body.clone()).to_string(),
        };
        let text = text.replace(&self.receiver.url(""), "http://receiver");
        self.shown.push(format!("{operation} => {status} {text}"));
        body
    }

    /// Calls an operation and checks its answer; gives the body.
    async fn call(
        &mut self,
        operation: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
        declared: &Value,
    ) -> Value {
        let answer = match self.dialect.name {
            "meta" => self.app.meta(method, path, body).await,
            "d360" => self.app.d360(method, path, body).await,
            _ => self.app.sinch(method, path, body).await,
        };
        self.holds(operation, &answer, status, declared)
    }

    /// A person taps a link and asks to be let in; gives the request.
    async fn asks(&self, person: &str, link: &str) -> String {
        self.app.tap(person, link).await.text("join_request_id")
    }

    /// A picture, sent as a form to this path.
    async fn picture(&self, path: &str, name: &str, value: &str) -> Answer {
        let parts: [(&str, Option<&str>, &[u8]); 2] = [
            ("messaging_product", None, b"whatsapp"),
            ("file", Some("photo.jpg"), &jpeg(640, 640)),
        ];
        let (kind, bytes) = form(&parts);
        let request = Request::post(path).header(name, value).header(header::CONTENT_TYPE, kind);
        self.app.send(request.body(Body::from(bytes)).unwrap()).await
    }

    fn shown(&self) -> String {
        self.shown.join("\n")
    }
}

/// The same body with words for what is minted. `at` is the name of the field that it stands in.
fn named(at: String, body: Value) -> Value {
    let word = |text: &str| match at.as_str() {
        "id" | "group_id" => text.starts_with("Y2FwaV9").then_some("GROUP_ID"),
        "request_id" => (text.len() == 32).then_some("REQUEST_ID"),
        "invite_link" => text.starts_with("https://chat.whatsapp.com/").then_some("INVITE_LINK"),
        "user_id" => text.starts_with("US.").then_some("USER_ID"),
        "before" | "after" => Some("CURSOR"),
        "join_request_id" | "approved_join_requests" | "rejected_join_requests" => {
            (text != NOBODYS).then_some("JOIN_REQUEST_ID")
        }
        _ => None,
    };
    match body {
        Value::String(text) => json!(word(&text).unwrap_or(&text)),
        Value::Array(items) => items.into_iter().map(|item| named(at.clone(), item)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name.clone(), named(name, value))).collect()
        }
        other => other,
    }
}

/// A join request that nobody has made.
const NOBODYS: &str = "bm9ib2R5";

/// An error inside a list, in Graph's family.
fn item() -> Value {
    json!({
        "code": "integer",
        "message": "string",
        "title": "string",
        "error_data": { "details": "string" },
    })
}

fn paging() -> Value {
    json!({
        "cursors?": { "before": "string", "after": "string" },
        "next?": "string",
        "previous?": "string",
    })
}

/// A group, with all fields; `participant` is as the vendor publishes one.
fn info(participant: &Value) -> Value {
    json!({
        "id": "string",
        "messaging_product": "string",
        "join_approval_mode": "string",
        "subject": "string",
        "description": "string",
        "suspended": "boolean",
        "creation_timestamp": "integer",
        "participants": [participant],
        "total_participant_count": "integer",
    })
}

fn answered(what: &str) -> Value {
    json!({
        "messaging_product": "string",
        what: ["string"],
        "failed_join_requests": [{ "join_request_id": "string", "errors": [item()] }],
        "errors": [item()],
    })
}

fn link() -> Value {
    json!({ "messaging_product": "string", "invite_link": "string" })
}

/// A page of join requests; `person` is as the vendor publishes one.
fn requests(mut person: Value) -> Value {
    person["join_request_id"] = json!("string");
    person["creation_timestamp"] = json!("integer");
    json!({ "data": [person], "paging": paging() })
}

const ALL_FIELDS: &str = "?fields=subject,description,join_approval_mode,suspended,\
                          creation_timestamp,participants,total_participant_count";

/// Meta's OpenAPI file of version 23.0; people as in the page on business-scoped user ids of 2026.
/// Where neither declares a body, what clients have been seen to read.
#[expect(clippy::too_many_lines, reason = "one call after the other, all of them")]
async fn metas(answers: Answers) -> String {
    let mut client = Client::new(Dialect::META, answers).await;
    let at_groups = format!("/{PHONE_NUMBER_ID}/groups");
    let whatsapp = |mut body: Value| {
        body["messaging_product"] = json!("whatsapp");
        Some(body)
    };
    let person = json!({
        "wa_id?": "string",
        "user_id": "string",
        "parent_user_id?": "string",
        "username?": "string",
    });
    let done = json!({ "success": "boolean" });

    let path = format!("/{APP_ID}/subscriptions");
    let body = json!({
        "object": "whatsapp_business_account",
        "callback_url": client.receiver.url("/hook"),
        "verify_token": "our-token",
        "fields": "group_lifecycle_update",
    });
    client.call("setAppSubscription", Method::POST, &path, Some(body), 200, &done).await;
    let fields = json!([{ "name": "string", "version?": "string" }]);
    let app = json!({
        "object": "string", "callback_url": "string", "active": "boolean", "fields": fields,
    });
    client
        .call("getAppSubscriptions", Method::GET, &path, None, 200, &json!({ "data": [app] }))
        .await;
    let path = format!("/{WABA_ID}/subscribed_apps");
    client.call("subscribeApp", Method::POST, &path, None, 200, &done).await;
    let app = json!({ "id": "string", "link": "string", "name": "string" });
    let app = json!({ "whatsapp_business_api_data": app, "override_callback_uri?": "string" });
    client
        .call("getSubscribedApps", Method::GET, &path, None, 200, &json!({ "data": [app] }))
        .await;
    let path = format!("/{PHONE_NUMBER_ID}");
    let own = json!({
        "override_callback_uri": client.receiver.url("/own"),
        "verify_token": "our-token",
    });
    let body = json!({ "webhook_configuration": own });
    client.call("updatePhoneNumber", Method::POST, &path, Some(body), 200, &done).await;
    let places = json!({
        "phone_number?": "string",
        "whatsapp_business_account?": "string",
        "application?": "string",
    });
    let declared = json!({ "id": "string", "webhook_configuration": places });
    let path = format!("{path}?fields=webhook_configuration");
    client.call("getPhoneNumber", Method::GET, &path, None, 200, &declared).await;

    let body = whatsapp(json!({
        "subject": "Strict",
        "description": "By the book.",
        "join_approval_mode": "approval_required",
    }));
    let declared = json!({ "messaging_product": "string", "request_id": "string" });
    let created = client.call("createGroup", Method::POST, &at_groups, body, 200, &declared).await;
    let groups = json!([{ "id": "string", "subject": "string", "created_at": "string" }]);
    let declared = json!({ "data": { "groups": groups }, "paging": paging() });
    let path = format!("{at_groups}?limit=1");
    let list = client.call("getActiveGroups", Method::GET, &path, None, 200, &declared).await;
    let group = list["data"]["groups"][0]["id"].as_str().unwrap();
    assert_eq!(created.get("id"), answers.besides(&json!(group)));
    let at = |tail: &str| format!("/{group}{tail}");

    let product = || whatsapp(json!({}));
    client.call("getGroupInviteLink", Method::GET, &at("/invite_link"), None, 200, &link()).await;
    let reset = client
        .call("createGroupInviteLink", Method::POST, &at("/invite_link"), product(), 200, &link())
        .await;
    let invite = reset["invite_link"].as_str().unwrap();

    let profile = json!({ "username": "ann.lee", "phone_hidden": true });
    client.app.admin(Method::PUT, "/people/16505550101", Some(profile)).await.ok();
    let mut ids = Vec::new();
    for person in ["16505550101", "16505550102", "16505550103"] {
        ids.push(client.asks(person, invite).await);
    }
    let declared = requests(person.clone());
    client.call("getJoinRequests", Method::GET, &at("/join_requests"), None, 200, &declared).await;
    let body = whatsapp(json!({ "join_requests": [ids[0], ids[1], NOBODYS] }));
    let declared = answered("approved_join_requests");
    client
        .call("approveJoinRequests", Method::POST, &at("/join_requests"), body, 200, &declared)
        .await;
    let body = whatsapp(json!({ "join_requests": [ids[2], NOBODYS] }));
    let declared = answered("rejected_join_requests");
    client
        .call("rejectJoinRequests", Method::DELETE, &at("/join_requests"), body, 200, &declared)
        .await;

    let found =
        client.call("getGroupInfo", Method::GET, &at(ALL_FIELDS), None, 200, &info(&person)).await;
    assert_eq!(found["total_participant_count"], 2);
    let declared = json!({ "id": "string", "messaging_product": "string" });
    client.call("getGroupInfo, no fields", Method::GET, &at(""), None, 200, &declared).await;

    let people = |digits: &[&str]| {
        let people: Vec<_> = digits.iter().map(|digits| json!({ "user": digits })).collect();
        whatsapp(json!({ "participants": people }))
    };
    let at_people = at("/participants");
    let taken = json!({ "success": "boolean", "request_id": "string" });
    let mut partly = taken.clone();
    partly["failed_participants"] = json!([{ "input": "string", "errors": [item()] }]);
    partly["errors"] = json!([item()]);
    let one = people(&["+1 650-555-0109"]);
    client.call("addGroupParticipants", Method::POST, &at_people, one.clone(), 200, &taken).await;
    let two = people(&["+1 650-555-0109", "16505550110"]);
    client
        .call("removeGroupParticipants, in part", Method::DELETE, &at_people, two, 206, &partly)
        .await;
    let two = people(&["16505550102"]);
    client.call("removeGroupParticipants", Method::DELETE, &at_people, two, 200, &taken).await;

    let body = whatsapp(json!({ "subject": "Stricter" }));
    client.call("updateGroupSettings", Method::POST, &at(""), body, 200, &taken).await;
    let path = format!("/v23.0/{group}");
    let uploaded = client.picture(&path, "Authorization", &format!("Bearer {KEY}")).await;
    client.holds("updateGroupSettings, a form", &uploaded, 200, &taken);

    let declared = json!({ "messaging_product": "string", "success": "string" });
    let path = at("/invite_link");
    let deleted = client
        .call("deleteGroupInviteLink", Method::DELETE, &path, product(), 200, &declared)
        .await;
    assert_eq!(deleted["success"], "true");
    client.call("deleteGroup", Method::DELETE, &at(""), None, 200, &done).await;

    let error = json!({
        "message": "string",
        "type": "string",
        "code": "integer",
        "error_data?": { "messaging_product": "string", "details": "string" },
    });
    let error = json!({ "error": error });
    client.call("BadRequest", Method::GET, &at(""), None, 400, &error).await;
    let answer = client.app.bearer("wrong", Method::GET, &format!("/v23.0{at_groups}"), None).await;
    client.holds("Unauthorized", &answer, 401, &error);

    let path = format!("/{WABA_ID}/subscribed_apps");
    client.call("unsubscribeApp", Method::DELETE, &path, None, 200, &done).await;
    let path = format!("/{APP_ID}/subscriptions");
    client.call("removeAppSubscription", Method::DELETE, &path, None, 200, &done).await;
    client.shown()
}

/// 360dialog's specification 1.41.0 for groups; its pages on webhooks for the rest.
#[expect(clippy::too_many_lines, reason = "one call after the other, all of them")]
async fn those_of_360dialog(answers: Answers) -> String {
    let mut client = Client::new(Dialect::D360, answers).await;
    let body = json!({
        "messaging_product": "whatsapp",
        "subject": "Strict",
        "description": "By the book.",
        "join_approval_mode": "approval_required",
    });
    let declared = json!({ "id": "string" });
    let created =
        client.call("create-group", Method::POST, "/groups", Some(body), 200, &declared).await;
    let group = created["id"].as_str().unwrap();
    let at = |tail: &str| format!("/groups/{group}{tail}");

    let groups = json!([{ "id": "string", "subject": "string", "created_at": "integer" }]);
    let declared = json!({ "data": { "groups": groups }, "paging": paging() });
    client.call("get-active-groups", Method::GET, "/groups", None, 200, &declared).await;
    client
        .call("get-group-invite-link", Method::GET, &at("/invite_link"), None, 200, &link())
        .await;
    let product = json!({ "messaging_product": "whatsapp" });
    let path = at("/invite_link");
    let reset = client
        .call("reset-group-invite-link", Method::POST, &path, Some(product), 200, &link())
        .await;
    let invite = reset["invite_link"].as_str().unwrap();

    let mut ids = Vec::new();
    for person in ["16505550101", "16505550102"] {
        ids.push(client.asks(person, invite).await);
    }
    let person = json!({ "wa_id": "string" });
    let path = at("/join_requests");
    client
        .call("get-join-requests", Method::GET, &path, None, 200, &requests(person.clone()))
        .await;
    let body = json!({ "messaging_product": "whatsapp", "join_requests": [ids[0], NOBODYS] });
    let declared = answered("approved_join_requests");
    client.call("approve-join-requests", Method::POST, &path, Some(body), 200, &declared).await;
    let body = json!({ "messaging_product": "whatsapp", "join_requests": [ids[1], NOBODYS] });
    let declared = answered("rejected_join_requests");
    client.call("reject-join-requests", Method::DELETE, &path, Some(body), 200, &declared).await;

    let found = client
        .call("get-group-info", Method::GET, &at(ALL_FIELDS), None, 200, &info(&person))
        .await;
    assert_eq!(found["participants"].as_array().unwrap().len(), 1);
    let done = json!({ "success": "boolean" });
    let body = json!({ "participants": [{ "user": "+16505550101" }] });
    client
        .call(
            "remove-group-participants",
            Method::DELETE,
            &at("/participants"),
            Some(body),
            200,
            &done,
        )
        .await;
    let body = json!({ "messaging_product": "whatsapp", "description": "Even more so." });
    client.call("update-group-settings", Method::POST, &at(""), Some(body), 200, &done).await;
    let uploaded = client.picture(&at(""), "D360-API-KEY", KEY).await;
    client.holds("update-group-settings, a form", &uploaded, 200, &done);

    // A person without a visible number cannot be shown as it is published: the user id stands in.
    let profile = json!({ "username": "ann.lee", "phone_hidden": true });
    client.app.admin(Method::PUT, "/people/16505550103", Some(profile)).await.ok();
    client.asks("16505550103", invite).await;
    let hidden = json!({ "user_id": "string" });
    let path = at("/join_requests");
    client
        .call("get-join-requests, hidden", Method::GET, &path, None, 200, &requests(hidden))
        .await;
    client.call("delete-group", Method::DELETE, &at(""), None, 200, &done).await;

    let error = json!({ "error": "string" });
    client.call("not found", Method::GET, &at(""), None, 404, &error).await;
    client.call("bad request", Method::POST, "/groups", None, 400, &error).await;
    let wrong = client.app.d360_as("wrong", Method::GET, "/groups", None).await;
    client.holds("unauthorized", &wrong, 401, &error);

    let receiver = json!({ "url": "string", "headers": "map" });
    let body = json!({ "url": "https://example.com/hook", "headers": { "X-Team": "cars" } });
    client
        .call(
            "set-webhook",
            Method::POST,
            "/v1/configs/webhook",
            Some(body.clone()),
            200,
            &receiver,
        )
        .await;
    client.call("get-webhook", Method::GET, "/v1/configs/webhook", None, 200, &receiver).await;
    let mut waba = receiver.clone();
    waba["waba_id"] = json!("string");
    waba["numbers_on_this_waba"] = json!(["string"]);
    client.call("set-waba-webhook", Method::POST, "/waba_webhook", Some(body), 200, &waba).await;
    client.call("get-waba-webhook", Method::GET, "/waba_webhook", None, 200, &waba).await;
    let body = json!({ "enabled": true });
    let message = json!({ "message": "string" });
    client
        .call(
            "switch-multi-webhook",
            Method::POST,
            "/multi_webhook",
            Some(body.clone()),
            200,
            &message,
        )
        .await;
    client
        .call(
            "switch-multi-webhook, again",
            Method::POST,
            "/multi_webhook",
            Some(body),
            409,
            &message,
        )
        .await;
    let one = json!({ "name": "crm", "url": "https://example.com/crm", "headers": {} });
    let body = json!({ "destinations": [one] });
    client
        .call("add-multi-webhook", Method::PUT, "/multi_webhook", Some(body), 200, &message)
        .await;
    client
        .call("change-multi-webhook", Method::PATCH, "/multi_webhook", Some(one), 200, &message)
        .await;
    let one = json!({ "name": "string", "url": "string", "headers": "map" });
    let declared = json!({ "enabled": "boolean", "destinations": [one] });
    client.call("get-multi-webhook", Method::GET, "/multi_webhook", None, 200, &declared).await;
    client.shown()
}

/// Sinch's OpenAPI file of 2020, and its page on groups where that declares no body.
async fn sinchs(answers: Answers) -> String {
    let mut client = Client::new(Dialect::SINCH, answers).await;
    let body = json!({ "subject": "Strict" });
    let declared = json!({ "group_id": "string" });
    let created =
        client.call("createGroup", Method::POST, "/groups", Some(body), 200, &declared).await;
    let group = created["group_id"].as_str().unwrap();
    let at = |tail: &str| format!("/groups/{group}{tail}");

    let declared = json!({ "groups": ["string"] });
    let listed = client.call("listGroups", Method::GET, "/groups", None, 200, &declared).await;
    assert_eq!(listed["groups"], json!([group]));
    let declared = json!({ "invite_link": "string" });
    let invite =
        client.call("getGroupInvite", Method::GET, &at("/invite"), None, 200, &declared).await;
    client.app.tap("16505550101", invite["invite_link"].as_str().unwrap()).await.ok();
    client.receiver.usually(status(404));
    let icon = json!({ "url": client.receiver.url("/a.png") });
    let numbers = json!({ "numbers": ["16505550101"] });
    for (operation, method, path, body) in [
        ("updateGroupSubject", Method::PATCH, "", Some(json!({ "subject": "Stricter" }))),
        ("addGroupAdmins", Method::POST, "/admin", Some(numbers.clone())),
        ("removeGroupAdmins", Method::DELETE, "/admin", Some(numbers.clone())),
        ("updateGroupIcon", Method::POST, "/icon", Some(icon)),
        ("deleteGroupInvite", Method::DELETE, "/invite", None),
        ("removeGroupMembers", Method::DELETE, "/member", Some(numbers)),
    ] {
        client.call(operation, method, &at(path), body, 200, &Value::Null).await;
    }
    let declared = json!({
        "admins": ["string"],
        "creation_time": "string",
        "creator": "string",
        "members": ["string"],
        "subject": "string",
    });
    let found =
        client.call("getGroupInformation", Method::GET, &at(""), None, 200, &declared).await;
    assert_eq!(found["creation_time"], "2025-08-18T20:27:57.000Z");
    client.call("leaveGroup", Method::DELETE, &at(""), None, 200, &Value::Null).await;
    let path = "/callbacks/status/01DPNXZ0WCF9XD19MH84XD0P62";
    let results = json!({ "results": [] });
    let told = client
        .call("callbackStatus", Method::GET, path, None, 200, &json!({ "results": ["map"] }))
        .await;
    assert_eq!(told, results);

    // `message` and `reason` as in the page on groups, `details` as in the introduction.
    let error = json!({ "message": "string", "reason": "string", "details": "string" });
    let body =
        client.call("Bad request", Method::POST, "/groups", Some(json!({})), 400, &error).await;
    assert_eq!(body["reason"], "Field [subject] can not be empty");
    let path = format!("/whatsapp/v1/{}/groups", sandbox::BOT_ID);
    let answer = client.app.bearer("wrong", Method::GET, &path, None).await;
    let body = client.holds("Unauthorized bot", &answer, 401, &error);
    assert_eq!((&body["message"], &body["reason"]), (&json!("401"), &json!("Unauthorized bot")));
    client.call("unknown group", Method::GET, &at(""), None, 406, &error).await;
    client.shown()
}

#[tokio::test]
async fn metas_published() {
    assert_snapshot!(metas(Answers::Published).await, @r#"
    setAppSubscription => 200 {"success":true}
    getAppSubscriptions => 200 {"data":[{"object":"whatsapp_business_account","callback_url":"http://receiver/hook","active":true,"fields":[{"name":"group_lifecycle_update","version":"v23.0"}]}]}
    subscribeApp => 200 {"success":true}
    getSubscribedApps => 200 {"data":[{"whatsapp_business_api_data":{"id":"155507838810001","link":"https://www.facebook.com/games/?app_id=155507838810001","name":"Dev"}}]}
    updatePhoneNumber => 200 {"success":true}
    getPhoneNumber => 200 {"id":"106540352242922","webhook_configuration":{"phone_number":"http://receiver/own","application":"http://receiver/hook"}}
    createGroup => 200 {"messaging_product":"whatsapp","request_id":"REQUEST_ID"}
    getActiveGroups => 200 {"data":{"groups":[{"id":"GROUP_ID","subject":"Strict","created_at":"1755548877"}]},"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    getGroupInviteLink => 200 {"messaging_product":"whatsapp","invite_link":"INVITE_LINK"}
    createGroupInviteLink => 200 {"messaging_product":"whatsapp","invite_link":"INVITE_LINK"}
    getJoinRequests => 200 {"data":[{"join_request_id":"JOIN_REQUEST_ID","user_id":"USER_ID","username":"ann.lee","creation_timestamp":1755548877},{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550102","user_id":"USER_ID","creation_timestamp":1755548877},{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550103","user_id":"USER_ID","creation_timestamp":1755548877}],"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    approveJoinRequests => 200 {"messaging_product":"whatsapp","approved_join_requests":["JOIN_REQUEST_ID","JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    rejectJoinRequests => 200 {"messaging_product":"whatsapp","rejected_join_requests":["JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    getGroupInfo => 200 {"messaging_product":"whatsapp","id":"GROUP_ID","subject":"Strict","description":"By the book.","creation_timestamp":1755548877,"suspended":false,"total_participant_count":2,"participants":[{"user_id":"USER_ID","username":"ann.lee"},{"wa_id":"16505550102","user_id":"USER_ID"}],"join_approval_mode":"approval_required"}
    getGroupInfo, no fields => 200 {"messaging_product":"whatsapp","id":"GROUP_ID"}
    addGroupParticipants => 200 {"success":true,"request_id":"REQUEST_ID"}
    removeGroupParticipants, in part => 206 {"success":true,"request_id":"REQUEST_ID","failed_participants":[{"input":"16505550110","errors":[{"code":131212,"message":"(#131212) the person is not a participant of the group","title":"Participant is not a part of the group.","error_data":{"details":"the person is not a participant of the group"}}]}],"errors":[{"code":131201,"message":"Failed to remove some participants from the group","title":"Not All Participants Remove Succeeded","error_data":{"details":"1 of the participants failed; its entry says why"}}]}
    removeGroupParticipants => 200 {"success":true,"request_id":"REQUEST_ID"}
    updateGroupSettings => 200 {"success":true,"request_id":"REQUEST_ID"}
    updateGroupSettings, a form => 200 {"success":true,"request_id":"REQUEST_ID"}
    deleteGroupInviteLink => 200 {"messaging_product":"whatsapp","success":"true"}
    deleteGroup => 200 {"success":true}
    BadRequest => 400 {"error":{"message":"(#131041) Group unknown","type":"OAuthException","code":131041,"error_data":{"messaging_product":"whatsapp","details":"the group does not exist"}}}
    Unauthorized => 401 {"error":{"message":"Invalid OAuth access token","type":"OAuthException","code":190}}
    unsubscribeApp => 200 {"success":true}
    removeAppSubscription => 200 {"success":true}
    "#);
}

#[tokio::test]
async fn metas_superset() {
    assert_snapshot!(metas(Answers::Superset).await, @r#"
    setAppSubscription => 200 {"success":true}
    getAppSubscriptions => 200 {"data":[{"object":"whatsapp_business_account","callback_url":"http://receiver/hook","active":true,"fields":[{"name":"group_lifecycle_update","version":"v23.0"}]}]}
    subscribeApp => 200 {"success":true}
    getSubscribedApps => 200 {"data":[{"whatsapp_business_api_data":{"id":"155507838810001","link":"https://www.facebook.com/games/?app_id=155507838810001","name":"Dev"}}]}
    updatePhoneNumber => 200 {"success":true}
    getPhoneNumber => 200 {"id":"106540352242922","webhook_configuration":{"phone_number":"http://receiver/own","application":"http://receiver/hook"}}
    createGroup => 200 {"messaging_product":"whatsapp","id":"GROUP_ID","request_id":"REQUEST_ID"}
    getActiveGroups => 200 {"data":{"groups":[{"id":"GROUP_ID","subject":"Strict","created_at":"1755548877"}]},"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    getGroupInviteLink => 200 {"messaging_product":"whatsapp","invite_link":"INVITE_LINK"}
    createGroupInviteLink => 200 {"messaging_product":"whatsapp","request_id":"REQUEST_ID","invite_link":"INVITE_LINK"}
    getJoinRequests => 200 {"data":[{"join_request_id":"JOIN_REQUEST_ID","user_id":"USER_ID","username":"ann.lee","creation_timestamp":1755548877},{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550102","user_id":"USER_ID","creation_timestamp":1755548877},{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550103","user_id":"USER_ID","creation_timestamp":1755548877}],"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    approveJoinRequests => 200 {"messaging_product":"whatsapp","request_id":"REQUEST_ID","approved_join_requests":["JOIN_REQUEST_ID","JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    rejectJoinRequests => 200 {"messaging_product":"whatsapp","request_id":"REQUEST_ID","rejected_join_requests":["JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    getGroupInfo => 200 {"messaging_product":"whatsapp","id":"GROUP_ID","subject":"Strict","description":"By the book.","creation_timestamp":1755548877,"suspended":false,"total_participant_count":2,"participants":[{"user_id":"USER_ID","username":"ann.lee"},{"wa_id":"16505550102","user_id":"USER_ID"}],"join_approval_mode":"approval_required"}
    getGroupInfo, no fields => 200 {"messaging_product":"whatsapp","id":"GROUP_ID"}
    addGroupParticipants => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    removeGroupParticipants, in part => 206 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID","failed_participants":[{"input":"16505550110","errors":[{"code":131212,"message":"(#131212) the person is not a participant of the group","title":"Participant is not a part of the group.","error_data":{"details":"the person is not a participant of the group"}}]}],"errors":[{"code":131201,"message":"Failed to remove some participants from the group","title":"Not All Participants Remove Succeeded","error_data":{"details":"1 of the participants failed; its entry says why"}}]}
    removeGroupParticipants => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    updateGroupSettings => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    updateGroupSettings, a form => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    deleteGroupInviteLink => 200 {"messaging_product":"whatsapp","success":"true","request_id":"REQUEST_ID"}
    deleteGroup => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    BadRequest => 400 {"error":{"message":"(#131041) Group unknown","type":"OAuthException","code":131041,"error_data":{"messaging_product":"whatsapp","details":"the group does not exist"}}}
    Unauthorized => 401 {"error":{"message":"Invalid OAuth access token","type":"OAuthException","code":190}}
    unsubscribeApp => 200 {"success":true}
    removeAppSubscription => 200 {"success":true}
    "#);
}

#[tokio::test]
async fn those_of_360dialog_published() {
    assert_snapshot!(those_of_360dialog(Answers::Published).await, @r#"
    create-group => 200 {"id":"GROUP_ID"}
    get-active-groups => 200 {"data":{"groups":[{"id":"GROUP_ID","subject":"Strict","created_at":1755548877}]},"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    get-group-invite-link => 200 {"messaging_product":"whatsapp","invite_link":"INVITE_LINK"}
    reset-group-invite-link => 200 {"messaging_product":"whatsapp","invite_link":"INVITE_LINK"}
    get-join-requests => 200 {"data":[{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550101","creation_timestamp":1755548877},{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550102","creation_timestamp":1755548877}],"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    approve-join-requests => 200 {"messaging_product":"whatsapp","approved_join_requests":["JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    reject-join-requests => 200 {"messaging_product":"whatsapp","rejected_join_requests":["JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    get-group-info => 200 {"messaging_product":"whatsapp","id":"GROUP_ID","subject":"Strict","description":"By the book.","creation_timestamp":1755548877,"suspended":false,"total_participant_count":1,"participants":[{"wa_id":"16505550101"}],"join_approval_mode":"approval_required"}
    remove-group-participants => 200 {"success":true}
    update-group-settings => 200 {"success":true}
    update-group-settings, a form => 200 {"success":true}
    get-join-requests, hidden => 200 {"data":[{"join_request_id":"JOIN_REQUEST_ID","user_id":"USER_ID","creation_timestamp":1755548877}],"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    delete-group => 200 {"success":true}
    not found => 404 {"error":"(#131041) Group unknown: the group does not exist"}
    bad request => 400 {"error":"(#100) Invalid parameter: subject is missing"}
    unauthorized => 401 {"error":"Invalid API key"}
    set-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"}}
    get-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"}}
    set-waba-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"},"waba_id":"102290129340398","numbers_on_this_waba":["15550783881"]}
    get-waba-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"},"waba_id":"102290129340398","numbers_on_this_waba":["15550783881"]}
    switch-multi-webhook => 200 {"message":"multi webhook was started: it is enabled"}
    switch-multi-webhook, again => 409 {"message":"multi webhook is already enabled"}
    add-multi-webhook => 200 {"message":"the destinations were added"}
    change-multi-webhook => 200 {"message":"the destination crm was changed"}
    get-multi-webhook => 200 {"enabled":true,"destinations":[{"name":"crm","url":"https://example.com/crm","headers":{}}]}
    "#);
}

#[tokio::test]
async fn those_of_360dialog_superset() {
    assert_snapshot!(those_of_360dialog(Answers::Superset).await, @r#"
    create-group => 200 {"messaging_product":"whatsapp","id":"GROUP_ID","request_id":"REQUEST_ID"}
    get-active-groups => 200 {"data":{"groups":[{"id":"GROUP_ID","subject":"Strict","created_at":1755548877}]},"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    get-group-invite-link => 200 {"messaging_product":"whatsapp","invite_link":"INVITE_LINK"}
    reset-group-invite-link => 200 {"messaging_product":"whatsapp","request_id":"REQUEST_ID","invite_link":"INVITE_LINK"}
    get-join-requests => 200 {"data":[{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550101","user_id":"USER_ID","creation_timestamp":1755548877},{"join_request_id":"JOIN_REQUEST_ID","wa_id":"16505550102","user_id":"USER_ID","creation_timestamp":1755548877}],"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    approve-join-requests => 200 {"messaging_product":"whatsapp","request_id":"REQUEST_ID","approved_join_requests":["JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    reject-join-requests => 200 {"messaging_product":"whatsapp","request_id":"REQUEST_ID","rejected_join_requests":["JOIN_REQUEST_ID"],"failed_join_requests":[{"join_request_id":"bm9ib2R5","errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}],"errors":[{"code":131213,"message":"(#131213) the join request does not exist","title":"Group join request does not exist.","error_data":{"details":"the join request does not exist"}}]}
    get-group-info => 200 {"messaging_product":"whatsapp","id":"GROUP_ID","subject":"Strict","description":"By the book.","creation_timestamp":1755548877,"suspended":false,"total_participant_count":1,"participants":[{"wa_id":"16505550101","user_id":"USER_ID"}],"join_approval_mode":"approval_required"}
    remove-group-participants => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    update-group-settings => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    update-group-settings, a form => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    get-join-requests, hidden => 200 {"data":[{"join_request_id":"JOIN_REQUEST_ID","user_id":"USER_ID","username":"ann.lee","creation_timestamp":1755548877}],"paging":{"cursors":{"before":"CURSOR","after":"CURSOR"}}}
    delete-group => 200 {"messaging_product":"whatsapp","success":true,"request_id":"REQUEST_ID"}
    not found => 404 {"error":"(#131041) Group unknown: the group does not exist"}
    bad request => 400 {"error":"(#100) Invalid parameter: subject is missing"}
    unauthorized => 401 {"error":"Invalid API key"}
    set-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"}}
    get-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"}}
    set-waba-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"},"override_all":false,"waba_id":"102290129340398","numbers_on_this_waba":["15550783881"]}
    get-waba-webhook => 200 {"url":"https://example.com/hook","headers":{"X-Team":"cars"},"override_all":false,"waba_id":"102290129340398","numbers_on_this_waba":["15550783881"]}
    switch-multi-webhook => 200 {"message":"multi webhook was started: it is enabled"}
    switch-multi-webhook, again => 409 {"message":"multi webhook is already enabled"}
    add-multi-webhook => 200 {"message":"the destinations were added"}
    change-multi-webhook => 200 {"message":"the destination crm was changed"}
    get-multi-webhook => 200 {"enabled":true,"destinations":[{"name":"crm","url":"https://example.com/crm","headers":{}}]}
    "#);
}

#[tokio::test]
async fn sinchs_are_the_same_either_way() {
    let published = sinchs(Answers::Published).await;
    assert_eq!(sinchs(Answers::Superset).await, published);
    assert_snapshot!(published, @r#"
    createGroup => 200 {"group_id":"group:15550783881-1755548877"}
    listGroups => 200 {"groups":["group:15550783881-1755548877"]}
    getGroupInvite => 200 {"invite_link":"INVITE_LINK"}
    updateGroupSubject => 200 nothing
    addGroupAdmins => 200 nothing
    removeGroupAdmins => 200 nothing
    updateGroupIcon => 200 nothing
    deleteGroupInvite => 200 nothing
    removeGroupMembers => 200 nothing
    getGroupInformation => 200 {"admins":["15550783881"],"creator":"15550783881","members":["15550783881"],"subject":"Stricter","creation_time":"2025-08-18T20:27:57.000Z"}
    leaveGroup => 200 nothing
    callbackStatus => 200 {"results":[]}
    Bad request => 400 {"message":"Validation error","reason":"Field [subject] can not be empty","details":"Field [subject] can not be empty"}
    Unauthorized bot => 401 {"message":"401","reason":"Unauthorized bot","details":"Unauthorized bot"}
    unknown group => 406 {"message":"406","reason":"the group does not exist","details":"the group does not exist"}
    "#);
}

#[tokio::test]
async fn a_repeated_call_gets_the_fields_of_the_first_answer() {
    for first in Answers::ALL {
        let client = Client::new(Dialect::META, first).await;
        let app = &client.app;
        let send = async |method: Method, path: &str, key: &str, body: Value| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("Authorization", format!("Bearer {KEY}"))
                .header("D360-API-KEY", KEY)
                .header("Idempotency-Key", key);
            let answer = app.send(with_json(request, Some(body))).await;
            (answer.status, answer.bytes)
        };
        let group = app.group("Closed", "approval_required").await;
        let body = |more: Value| {
            let mut body = more;
            body["messaging_product"] = json!("whatsapp");
            body
        };
        let nobody = json!([{ "user": "16505550109" }]);
        let calls = [
            (Method::POST, format!("/v23.0/{PHONE_NUMBER_ID}/groups"), json!({ "subject": "A" })),
            (Method::POST, "/groups".to_owned(), json!({ "subject": "B" })),
            (Method::POST, format!("/v23.0/{group}"), json!({ "subject": "C" })),
            (Method::POST, format!("/groups/{group}/invite_link"), json!({})),
            // Changes nothing, and is remembered all the same.
            (
                Method::DELETE,
                format!("/groups/{group}/join_requests"),
                json!({ "join_requests": ["never"] }),
            ),
            (
                Method::DELETE,
                format!("/v23.0/{group}/participants"),
                json!({ "participants": nobody }),
            ),
            (Method::DELETE, format!("/v23.0/{group}"), json!({})),
        ];
        let mut answered = Vec::new();
        for (index, (method, path, more)) in calls.iter().enumerate() {
            let key = index.to_string();
            let answer = send(method.clone(), path, &key, body(more.clone())).await;
            assert!(answer.0.is_success(), "{path}: {answer:?}");
            answered.push(answer);
        }
        let other = Answers::ALL.into_iter().find(|answers| *answers != first).unwrap();
        let change = json!({ "answers": other.as_str() });
        let path = format!("/numbers/{PHONE_NUMBER_ID}");
        app.admin(Method::PATCH, &path, Some(change)).await.ok();
        for (index, (method, path, more)) in calls.iter().enumerate() {
            let key = index.to_string();
            let again = send(method.clone(), path, &key, body(more.clone())).await;
            assert_eq!(again, answered[index], "{path}, first {first:?}");
        }
        // A new call is answered as the number is set now.
        let path = format!("/v23.0/{PHONE_NUMBER_ID}/groups");
        let (_, bytes) = send(Method::POST, &path, "new", body(json!({ "subject": "D" }))).await;
        let created: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(created.get("id").is_some(), other == Answers::Superset, "{created}");
    }
}
