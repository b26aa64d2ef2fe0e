//! Every operation that the vendors' machine-readable descriptions have, called by a client that
//! takes nothing but what they declare: the status, the fields that are there, and their types.

use axum::body::Body;
use axum::http::{Method, Request, header};
use klatch::sandbox;
use serde_json::{Value, json};

use crate::support::receiver::{Receiver, status};
use crate::support::{Answer, TestApp, form, jpeg};

/// Whether a value has the declared shape: a word for a scalar, a list of one for a list, an object
/// for an object. A field with `?` may be missing. What is not declared is let pass, as generated
/// clients do; what is declared is looked at.
fn check(place: &str, found: &Value, declared: &Value) -> Result<(), String> {
    match declared {
        Value::String(kind) => {
            let fits = match kind.as_str() {
                "string" => found.is_string(),
                "integer" => found.is_i64() || found.is_u64(),
                "boolean" => found.is_boolean(),
                other => return Err(format!("{place}: there is no kind {other}")),
            };
            if fits { Ok(()) } else { Err(format!("{place} is {found} and not {kind}")) }
        }
        Value::Array(item) => {
            let items = found.as_array().ok_or(format!("{place} is {found} and not a list"))?;
            items
                .iter()
                .enumerate()
                .try_for_each(|(index, found)| check(&format!("{place}[{index}]"), found, &item[0]))
        }
        Value::Object(fields) => {
            let object = found.as_object().ok_or(format!("{place} is {found}, not an object"))?;
            fields.iter().try_for_each(|(name, declared)| {
                let (name, optional) = match name.strip_suffix('?') {
                    Some(name) => (name, true),
                    None => (name.as_str(), false),
                };
                match object.get(name) {
                    Some(found) => check(&format!("{place}.{name}"), found, declared),
                    None if optional => Ok(()),
                    None => Err(format!("{place}.{name} is missing in {found}")),
                }
            })
        }
        other => Err(format!("{place}: {other} declares nothing")),
    }
}

#[track_caller]
fn holds(operation: &str, answer: &Answer, status: u16, declared: &Value) -> Value {
    assert_eq!(answer.status, status, "{operation}: {answer:?}");
    if declared.is_null() {
        return Value::Null;
    }
    let body = answer.json();
    if let Err(problem) = check(operation, &body, declared) {
        panic!("{problem}");
    }
    body
}

#[test]
fn the_client_is_strict() {
    let declared =
        json!({ "id": "string", "people?": [{ "wa_id": "string" }], "count": "integer" });
    let fits = |found: Value| check("it", &found, &declared);
    assert_eq!(fits(json!({ "id": "a", "count": 1, "more": [] })), Ok(()));
    assert_eq!(fits(json!({ "id": "a", "count": 1, "people": [{ "wa_id": "1" }] })), Ok(()));
    for (found, problem) in [
        (json!({ "count": 1 }), "it.id is missing"),
        (json!({ "id": 1, "count": 1 }), "it.id is 1 and not string"),
        (json!({ "id": "a", "count": "1" }), "it.count is \"1\" and not integer"),
        (json!({ "id": "a", "count": 1, "people": {} }), "it.people is {} and not a list"),
        (json!({ "id": "a", "count": 1, "people": [{}] }), "it.people[0].wa_id is missing"),
        (json!([]), "it is [], not an object"),
    ] {
        let told = fits(found).unwrap_err();
        assert!(told.starts_with(problem), "{told}");
    }
}

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

fn info() -> Value {
    json!({
        "id": "string",
        "messaging_product": "string",
        "join_approval_mode": "string",
        "subject": "string",
        "description": "string",
        "suspended": "boolean",
        "creation_timestamp": "integer",
        "participants": [{ "wa_id": "string" }],
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

fn requests() -> Value {
    let request =
        json!({ "join_request_id": "string", "wa_id": "string", "creation_timestamp": "integer" });
    json!({ "data": [request], "paging": paging() })
}

/// Two people ask; gives their requests, and one that nobody made.
async fn asked(app: &TestApp, link: &str) -> Value {
    let ann = app.tap("16505550101", link).await.text("join_request_id");
    json!([ann, "bm9ib2R5"])
}

const ALL_FIELDS: &str = "?fields=subject,description,join_approval_mode,suspended,\
                          creation_timestamp,participants,total_participant_count";

/// A picture, sent as a form to this address.
async fn picture(app: &TestApp, path: &str, name: &str, value: &str) -> Answer {
    let parts: [(&str, Option<&str>, &[u8]); 2] =
        [("messaging_product", None, b"whatsapp"), ("file", Some("photo.jpg"), &jpeg(640, 640))];
    let (kind, bytes) = form(&parts);
    let request = Request::post(path).header(name, value).header(header::CONTENT_TYPE, kind);
    app.send(request.body(Body::from(bytes)).unwrap()).await
}

#[tokio::test]
async fn metas() {
    let app = TestApp::new().await;
    let call = async |method, path: &str, body| app.meta(method, path, body).await;
    let at_groups = format!("/{}/groups", sandbox::PHONE_NUMBER_ID);
    let body = json!({
        "messaging_product": "whatsapp",
        "subject": "Strict",
        "description": "By the book.",
        "join_approval_mode": "approval_required",
    });
    let created = call(Method::POST, &at_groups, Some(body)).await;
    let declared = json!({ "messaging_product": "string", "request_id": "string" });
    let created = holds("createGroup", &created, 200, &declared);
    let group = created["id"].as_str().unwrap();
    let at = |tail: &str| format!("/{group}{tail}");

    let groups = json!([{ "id": "string", "subject": "string", "created_at": "string" }]);
    let declared = json!({ "data": { "groups": groups }, "paging": paging() });
    let list = call(Method::GET, &format!("{at_groups}?limit=1"), None).await;
    holds("getActiveGroups", &list, 200, &declared);

    let product = json!({ "messaging_product": "whatsapp" });
    let reset = call(Method::POST, &at("/invite_link"), Some(product.clone())).await;
    let reset = holds("createGroupInviteLink", &reset, 200, &link());
    let invite = reset["invite_link"].as_str().unwrap();

    let ids = asked(&app, invite).await;
    let listed = call(Method::GET, &at("/join_requests"), None).await;
    holds("getJoinRequests", &listed, 200, &requests());
    let body = json!({ "messaging_product": "whatsapp", "join_requests": ids });
    let approved = call(Method::POST, &at("/join_requests"), Some(body)).await;
    holds("approveJoinRequests", &approved, 200, &answered("approved_join_requests"));
    let bob = app.tap("16505550102", invite).await.text("join_request_id");
    let body = json!({ "messaging_product": "whatsapp", "join_requests": [bob, "bm9ib2R5"] });
    let rejected = call(Method::DELETE, &at("/join_requests"), Some(body)).await;
    holds("rejectJoinRequests", &rejected, 200, &answered("rejected_join_requests"));

    let found = call(Method::GET, &at(ALL_FIELDS), None).await;
    let found = holds("getGroupInfo", &found, 200, &info());
    assert_eq!(found["total_participant_count"], 1);
    holds(
        "getGroupInfo",
        &call(Method::GET, &at(""), None).await,
        200,
        &json!({
            "id": "string",
            "messaging_product": "string",
        }),
    );

    let someone = |digits: &str| {
        let people = json!([{ "user": digits }]);
        Some(json!({ "messaging_product": "whatsapp", "participants": people }))
    };
    for (operation, method) in
        [("addGroupParticipants", Method::POST), ("removeGroupParticipants", Method::DELETE)]
    {
        let body = someone("+1 650-555-0109");
        // Declared without a body; what clients have been seen to read is there.
        let declared = json!({ "success": "boolean", "request_id": "string" });
        let answer = call(method, &at("/participants"), body).await;
        holds(operation, &answer, 200, &declared);
    }

    let body = json!({ "messaging_product": "whatsapp", "subject": "Stricter" });
    let updated = call(Method::POST, &at(""), Some(body)).await;
    holds("updateGroupSettings", &updated, 200, &json!({ "success": "boolean" }));
    let token = format!("Bearer {}", sandbox::KEY);
    let uploaded = picture(&app, &format!("/v23.0/{group}"), "Authorization", &token).await;
    holds("updateGroupSettings", &uploaded, 200, &json!({ "success": "boolean" }));

    let deleted = call(Method::DELETE, &at("/invite_link"), Some(product)).await;
    let declared = json!({ "messaging_product": "string", "success": "string" });
    let deleted = holds("deleteGroupInviteLink", &deleted, 200, &declared);
    assert_eq!(deleted["success"], "true");
    let deleted = call(Method::DELETE, &at(""), None).await;
    holds("deleteGroup", &deleted, 200, &json!({ "success": "boolean" }));

    let error = json!({ "error": { "message": "string", "type": "string", "code": "integer" } });
    holds("BadRequest", &call(Method::GET, &at(""), None).await, 400, &error);
    let answer = app.bearer("wrong", Method::GET, &format!("/v23.0{at_groups}"), None).await;
    holds("Unauthorized", &answer, 401, &error);
}

#[tokio::test]
async fn those_of_360dialog() {
    let app = TestApp::new().await;
    let call = async |method, path: &str, body| app.d360(method, path, body).await;
    let body = json!({
        "messaging_product": "whatsapp",
        "subject": "Strict",
        "description": "By the book.",
        "join_approval_mode": "approval_required",
    });
    let created = call(Method::POST, "/groups", Some(body)).await;
    let created = holds("create-group", &created, 200, &json!({ "id": "string" }));
    let group = created["id"].as_str().unwrap();
    let at = |tail: &str| format!("/groups/{group}{tail}");

    let groups = json!([{ "id": "string", "subject": "string", "created_at": "integer" }]);
    let declared = json!({ "data": { "groups": groups }, "paging": paging() });
    holds("get-active-groups", &call(Method::GET, "/groups", None).await, 200, &declared);
    holds("get-invite", &call(Method::GET, &at("/invite_link"), None).await, 200, &link());
    let product = json!({ "messaging_product": "whatsapp" });
    let reset = call(Method::POST, &at("/invite_link"), Some(product)).await;
    let reset = holds("reset-invite", &reset, 200, &link());
    let invite = reset["invite_link"].as_str().unwrap();

    let ids = asked(&app, invite).await;
    let listed = call(Method::GET, &at("/join_requests"), None).await;
    holds("get-join-requests", &listed, 200, &requests());
    let body = json!({ "messaging_product": "whatsapp", "join_requests": ids });
    let approved = call(Method::POST, &at("/join_requests"), Some(body)).await;
    holds("approve-join-requests", &approved, 200, &answered("approved_join_requests"));
    let bob = app.tap("16505550102", invite).await.text("join_request_id");
    let body = json!({ "messaging_product": "whatsapp", "join_requests": [bob, "bm9ib2R5"] });
    let rejected = call(Method::DELETE, &at("/join_requests"), Some(body)).await;
    holds("reject-join-requests", &rejected, 200, &answered("rejected_join_requests"));

    let found = call(Method::GET, &at(ALL_FIELDS), None).await;
    let found = holds("get-group-info", &found, 200, &info());
    assert_eq!(found["participants"].as_array().unwrap().len(), 1);
    let done = json!({ "success": "boolean" });
    let people = json!({ "participants": [{ "user": "+16505550101" }] });
    let removed = call(Method::DELETE, &at("/participants"), Some(people)).await;
    holds("remove-group-participants", &removed, 200, &done);
    let body = json!({ "messaging_product": "whatsapp", "description": "Even more so." });
    let updated = call(Method::POST, &at(""), Some(body)).await;
    holds("update-group-settings", &updated, 200, &done);
    let uploaded = picture(&app, &at(""), "D360-API-KEY", sandbox::KEY).await;
    holds("update-group-settings", &uploaded, 200, &done);
    holds("delete-group", &call(Method::DELETE, &at(""), None).await, 200, &done);

    let error = json!({ "error": "string" });
    holds("not found", &call(Method::GET, &at(""), None).await, 404, &error);
    holds("bad request", &call(Method::POST, "/groups", None).await, 400, &error);
    let wrong = app.d360_as("wrong", Method::GET, "/groups", None).await;
    holds("unauthorized", &wrong, 401, &error);
}

#[tokio::test]
async fn sinchs() {
    let app = TestApp::new().await;
    let call = async |method, path: &str, body| app.sinch(method, path, body).await;
    let body = json!({ "subject": "Strict" });
    let created = call(Method::POST, "/groups", Some(body)).await;
    let created = holds("createGroup", &created, 200, &json!({ "group_id": "string" }));
    let group = created["group_id"].as_str().unwrap();
    let at = |tail: &str| format!("/groups/{group}{tail}");

    let listed = call(Method::GET, "/groups", None).await;
    let listed = holds("listGroups", &listed, 200, &json!({ "groups": ["string"] }));
    assert_eq!(listed["groups"], json!([group]));
    let invite = call(Method::GET, &at("/invite"), None).await;
    let invite = holds("getGroupInvite", &invite, 200, &json!({ "invite_link": "string" }));
    app.tap("16505550101", invite["invite_link"].as_str().unwrap()).await.ok();
    let icons = Receiver::start();
    icons.usually(status(404));
    let numbers = json!({ "numbers": ["16505550101"] });
    for (operation, method, path, body) in [
        ("updateGroupSubject", Method::PATCH, "", Some(json!({ "subject": "Stricter" }))),
        ("addGroupAdmins", Method::POST, "/admin", Some(numbers.clone())),
        ("removeGroupAdmins", Method::DELETE, "/admin", Some(numbers.clone())),
        ("updateGroupIcon", Method::POST, "/icon", Some(json!({ "url": icons.url("/a.png") }))),
        ("deleteGroupInvite", Method::DELETE, "/invite", None),
        ("removeGroupMembers", Method::DELETE, "/member", Some(numbers)),
    ] {
        let answer = call(method, &at(path), body).await;
        holds(operation, &answer, 200, &Value::Null);
        assert!(answer.bytes.is_empty(), "{operation}: {answer:?}");
    }
    let found = call(Method::GET, &at(""), None).await;
    let found = holds(
        "getGroupInformation",
        &found,
        200,
        &json!({
            "admins": ["string"],
            "creation_time": "string",
            "creator": "string",
            "members": ["string"],
            "subject": "string",
        }),
    );
    assert_eq!(found["creation_time"], "2025-08-18T20:27:57.000Z");
    let left = call(Method::DELETE, &at(""), None).await;
    holds("leaveGroup", &left, 200, &Value::Null);
    assert!(left.bytes.is_empty());

    let error = json!({ "message": "string", "reason": "string" });
    let answer = call(Method::POST, "/groups", Some(json!({}))).await;
    let body = holds("Bad request", &answer, 400, &error);
    assert_eq!(body["reason"], "Field [subject] can not be empty");
    let path = format!("/whatsapp/v1/{}/groups", sandbox::BOT_ID);
    let answer = app.bearer("wrong", Method::GET, &path, None).await;
    let body = holds("Unauthorized bot", &answer, 401, &error);
    assert_eq!((&body["message"], &body["reason"]), (&json!("401"), &json!("Unauthorized bot")));
    holds("unknown group", &call(Method::GET, &at(""), None).await, 406, &error);
}
