//! `Idempotency-Key`: the same call twice is the call once.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use futures_util::future::join_all;
use insta::assert_snapshot;
use klatch::sandbox;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, form, jpeg, with_json};

/// A call that can be made any number of times.
#[derive(Clone)]
struct Call {
    method: Method,
    path: String,
    body: Value,
    api_key: String,
    key: HeaderValue,
}

impl Call {
    fn new(method: Method, path: impl Into<String>, body: Value) -> Self {
        let (api_key, key) = (sandbox::KEY.to_owned(), HeaderValue::from_static("once"));
        Self { method, path: path.into(), body, api_key, key }
    }

    /// A person taps the link.
    fn tap(wa_id: &str, link: &str) -> Self {
        let path = format!("/klatch/v1/people/{wa_id}/join");
        Self::new(Method::POST, path, json!({ "invite_link": link }))
    }

    fn key(self, key: &str) -> Self {
        Self { key: HeaderValue::from_str(key).unwrap(), ..self }
    }

    async fn send(&self, app: &TestApp) -> Answer {
        let request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header("D360-API-KEY", &self.api_key)
            .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::ADMIN_TOKEN))
            .header("Idempotency-Key", &self.key);
        app.send(with_json(request, Some(self.body.clone()))).await
    }

    /// Makes the call, which goes well, and again: the second answer is the first.
    async fn twice(&self, app: &TestApp) -> Value {
        let first = self.send(app).await;
        let body = first.ok();
        app.clock.advance(Duration::from_mins(1));
        let second = self.send(app).await;
        assert_eq!((second.status, &second.bytes), (first.status, &first.bytes), "{}", self.path);
        body
    }
}

fn create() -> Call {
    Call::new(Method::POST, "/groups", json!({ "subject": "Once" }))
}

async fn groups(app: &TestApp, api_key: &str) -> usize {
    let list = app.d360_as(api_key, Method::GET, "/groups?limit=1024", None).await.ok();
    list["data"]["groups"].as_array().unwrap().len()
}

/// How much has happened to a group.
async fn version(app: &TestApp, group: &str) -> u64 {
    let id = domain::ids::GroupId::parse(group).unwrap();
    app.store.history(&id, 1, u32::MAX).await.unwrap().last().unwrap().version
}

/// A group that wants to be asked, and a person who has asked.
async fn asked(app: &TestApp) -> (String, String) {
    let group = app.group("Closed", "approval_required").await;
    let link = app.link(&group).await;
    let request = app.tap("16505550101", &link).await.text("join_request_id");
    (group, request)
}

#[tokio::test]
async fn a_group_is_created_once() {
    let app = TestApp::new().await;
    let first = create().twice(&app).await;
    assert_eq!(groups(&app, sandbox::KEY).await, 1);
    // The same path under its other name is the same call.
    let v1 = Call { path: "/v1/groups".to_owned(), ..create() };
    assert_eq!(v1.send(&app).await.ok(), first);
    let other = create().key("twice").send(&app).await.ok();
    assert_ne!(other["id"], first["id"]);
    assert_eq!(groups(&app, sandbox::KEY).await, 2);
    // Even a group that is gone by now was created once.
    let path = format!("/groups/{}", first["id"].as_str().unwrap());
    app.d360(Method::DELETE, &path, None).await.ok();
    assert_eq!(create().send(&app).await.ok(), first);
    assert_eq!(groups(&app, sandbox::KEY).await, 1);
}

#[tokio::test]
async fn a_link_is_reset_once() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/groups/{group}/invite_link");
    let reset = Call::new(Method::POST, &path, json!({ "messaging_product": "whatsapp" }));
    let first = reset.twice(&app).await;
    assert_eq!(first["invite_link"], app.link(&group).await);
    // The answer stays what it was, though the link is dead by now.
    let second = reset.clone().key("again").send(&app).await.ok();
    assert_eq!(reset.send(&app).await.ok(), first);
    assert_eq!(second["invite_link"], app.link(&group).await);
    assert_eq!(version(&app, &group).await, 3);
}

#[tokio::test]
async fn requests_are_answered_once_failures_included() {
    let app = TestApp::new().await;
    for (method, word) in
        [(Method::POST, "approved_join_requests"), (Method::DELETE, "rejected_join_requests")]
    {
        let (group, request) = asked(&app).await;
        let path = format!("/groups/{group}/join_requests");
        let body = json!({ "join_requests": ["never", request] });
        let answer = Call::new(method, path, body).key(word).twice(&app).await;
        assert_eq!(answer[word], json!([request]));
        assert_eq!(answer["failed_join_requests"][0]["join_request_id"], "never");
        assert_eq!(answer["errors"][0]["code"], 131_213);
        assert_eq!(version(&app, &group).await, 3);
        app.assert_log_folds(&group).await;
    }
}

#[tokio::test]
async fn people_are_removed_once() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    app.tap("16505550101", &app.link(&group).await).await.ok();
    let users = json!([{ "user": "16505550101" }, { "user": "16505550102" }]);
    let path = format!("/groups/{group}/participants");
    Call::new(Method::DELETE, path, json!({ "participants": users })).twice(&app).await;
    assert_eq!(version(&app, &group).await, 3);
}

#[tokio::test]
async fn settings_are_changed_once_and_a_group_is_deleted_once() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/groups/{group}");
    Call::new(Method::POST, &path, json!({ "subject": "New" })).key("a").twice(&app).await;
    assert_eq!(version(&app, &group).await, 2);

    let (kind, bytes) = form(&[("file", None, &jpeg(192, 192))]);
    let upload = async || {
        let request = Request::post(&path)
            .header("D360-API-KEY", sandbox::KEY)
            .header(header::CONTENT_TYPE, &kind)
            .header("Idempotency-Key", "b");
        app.send(request.body(bytes.clone().into()).unwrap()).await.ok()
    };
    assert_eq!(upload().await, upload().await);
    assert_eq!(version(&app, &group).await, 3);

    Call::new(Method::DELETE, &path, json!({})).key("c").twice(&app).await;
    assert_eq!(version(&app, &group).await, 4);
}

#[tokio::test]
async fn people_act_once() {
    let app = TestApp::new().await;
    let open = app.group("Open", "auto_approve").await;
    let closed = app.group("Closed", "approval_required").await;
    let (link, closed_link) = (app.link(&open).await, app.link(&closed).await);
    let join = Call::tap("16505550101", &link).key("join");
    let ask = Call::tap("16505550101", &closed_link).key("ask");
    let joined = join.twice(&app).await;
    let asked = ask.twice(&app).await;
    assert_eq!((&joined["result"], &asked["result"]), (&json!("joined"), &json!("requested")));

    let act = |what: &str, group: &str| {
        let path = format!("/klatch/v1/people/16505550101/{what}");
        Call::new(Method::POST, path, json!({ "group_id": group })).key(what)
    };
    act("leave", &open).twice(&app).await;
    act("cancel", &closed).twice(&app).await;
    assert_eq!((version(&app, &open).await, version(&app, &closed).await), (3, 3));
    for word in ["suspend", "restore"] {
        let path = format!("/klatch/v1/groups/{open}/{word}");
        Call::new(Method::POST, path, json!({})).key(word).twice(&app).await;
    }
    assert_eq!(version(&app, &open).await, 5);

    // What came of a tap does not change with the link.
    for group in [&open, &closed] {
        app.d360(Method::POST, &format!("/groups/{group}/invite_link"), None).await.ok();
    }
    assert_eq!(join.send(&app).await.ok(), joined);
    assert_eq!(ask.send(&app).await.ok(), asked);
    let person = app.admin(Method::GET, "/people/16505550101", None).await.ok();
    assert_eq!((&person["groups"], &person["join_requests"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_key_is_for_one_call() {
    let app = TestApp::new().await;
    let (group, request) = asked(&app).await;
    create().send(&app).await.ok();
    let requests = format!("/groups/{group}/join_requests");
    for other in [
        Call { body: json!({ "subject": "Another" }), ..create() },
        Call { body: json!({ "subject": "Once", "description": null }), ..create() },
        Call { path: format!("/groups/{group}"), ..create() },
        Call { path: requests.clone(), ..create() },
        Call::new(Method::POST, &requests, json!({ "join_requests": [request] })),
        Call::new(Method::DELETE, format!("/groups/{group}"), json!({})),
    ] {
        let answer = other.send(&app).await;
        if other.path == requests && other.body == create().body {
            // What is wrong by itself is told first.
            assert_eq!(answer.status, 400, "{answer:?}");
            continue;
        }
        assert_eq!(answer.status, 409, "{} {}: {answer:?}", other.path, other.body);
        assert_eq!(
            answer.json(),
            json!({ "error": "Idempotency-Key was used for another request; choose a new one" })
        );
    }
    assert_eq!(groups(&app, sandbox::KEY).await, 2);
    assert_eq!(version(&app, &group).await, 2);

    let approve = Call::new(Method::POST, &requests, json!({ "join_requests": [request] }));
    approve.clone().key("answer").send(&app).await.ok();
    let reject = Call { method: Method::DELETE, ..approve };
    assert_eq!(reject.key("answer").send(&app).await.status, 409);
}

#[tokio::test]
async fn the_operators_keys_are_for_one_call_too() {
    let app = TestApp::new().await;
    let group = app.group("Open", "auto_approve").await;
    let link = app.link(&group).await;
    Call::tap("16505550101", &link).send(&app).await.ok();
    assert_snapshot!(Call::tap("16505550102", &link).send(&app).await.shown(), @r#"
    409 Conflict
    {
      "error": {
        "code": "idempotency_key_reused",
        "message": "Idempotency-Key was used for another request; choose a new one",
        "field": "Idempotency-Key"
      }
    }
    "#);
    assert_eq!(version(&app, &group).await, 2);
}

#[tokio::test]
async fn each_number_has_keys_of_its_own() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let body = json!({ "account_id": sandbox::ACCOUNT, "display_phone_number": "15550783882" });
    let number = app.admin(Method::POST, "/numbers", Some(body)).await.text("phone_number_id");
    let body = json!({ "phone_number_id": number });
    let neighbour = app.admin(Method::POST, "/keys", Some(body)).await.text("key");

    let mut ids = Vec::new();
    for api_key in [sandbox::KEY.to_owned(), stranger.clone(), neighbour.clone()] {
        // The bodies differ, and nobody minds.
        let body = json!({ "subject": api_key });
        let call = Call { api_key: api_key.clone(), body, ..create() };
        ids.push(call.twice(&app).await["id"].clone());
        assert_eq!(groups(&app, &api_key).await, 1);
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    // Nor does the operator's.
    let group = ids[0].as_str().unwrap();
    let link = app.link(group).await;
    assert_eq!(Call::tap("16505550101", &link).send(&app).await.text("result"), "joined");
}

#[tokio::test]
async fn nobody_gets_the_answer_to_the_call_of_another() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let group = app.group("Private", "auto_approve").await;
    let path = format!("/groups/{group}/invite_link");
    let reset = Call::new(Method::POST, path, json!({}));
    let link = reset.send(&app).await.text("invite_link");
    let copied = Call { api_key: stranger, ..reset.clone() }.send(&app).await;
    assert_eq!(copied.status, 404, "{copied:?}");
    let nobody = Call { api_key: "wrong".to_owned(), ..reset }.send(&app).await;
    assert_eq!(nobody.status, 401, "{nobody:?}");
    assert_eq!(app.link(&group).await, link);
}

#[tokio::test]
async fn all_keys_of_a_number_share_what_was_done() {
    let app = TestApp::new().await;
    let body = json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID });
    let api_key = app.admin(Method::POST, "/keys", Some(body)).await.text("key");
    let first = create().send(&app).await;
    let second = Call { api_key, ..create() }.send(&app).await;
    assert_eq!(second.bytes, first.bytes);
    assert_eq!(groups(&app, sandbox::KEY).await, 1);
}

/// A millisecond less than 24 hours.
const ALMOST_A_DAY: Duration = Duration::from_millis(86_399_999);

#[tokio::test]
async fn after_a_day_a_key_is_free() {
    let app = TestApp::new().await;
    let first = create().send(&app).await.ok();
    app.clock.advance(ALMOST_A_DAY);
    assert_eq!(create().send(&app).await.ok(), first);
    let other = Call { body: json!({ "subject": "Another" }), ..create() };
    assert_eq!(other.send(&app).await.status, 409);

    app.clock.advance(Duration::from_millis(1));
    let second = other.send(&app).await.ok();
    assert_ne!(second["id"], first["id"]);
    // From now on it stands for the new call, for a day again.
    assert_eq!(create().send(&app).await.status, 409);
    app.clock.advance(ALMOST_A_DAY);
    assert_eq!(other.send(&app).await.ok(), second);
    assert_eq!(groups(&app, sandbox::KEY).await, 2);
}

#[tokio::test]
async fn sweeping_forgets_nothing_too_early() {
    let app = TestApp::new().await;
    let first = create().send(&app).await.ok();
    app.clock.advance(ALMOST_A_DAY);
    assert_eq!(app.app.sweep().await.unwrap(), 0);
    assert_eq!(create().send(&app).await.ok(), first);
    app.clock.advance(Duration::from_millis(2));
    assert_eq!(app.app.sweep().await.unwrap(), 1);
    assert_eq!(app.app.sweep().await.unwrap(), 0);
    assert_ne!(create().send(&app).await.ok()["id"], first["id"]);
}

#[tokio::test]
async fn a_refused_call_is_not_remembered() {
    let app = TestApp::new().await;
    let number = format!("/numbers/{}", sandbox::PHONE_NUMBER_ID);
    let limits = |groups: u32| Some(json!({ "limits": { "groups": groups } }));
    // Refused for its words, then for want of room.
    let bad = Call { body: json!({ "subject": "" }), ..create() };
    assert_eq!(bad.send(&app).await.status, 400);
    app.admin(Method::PATCH, &number, limits(0)).await.ok();
    assert_eq!(create().send(&app).await.status, 400);
    app.admin(Method::PATCH, &number, limits(10)).await.ok();
    let group = create().twice(&app).await;
    let group = group["id"].as_str().unwrap();

    let update =
        Call::new(Method::POST, format!("/groups/{group}"), json!({ "subject": "New" })).key("2");
    app.admin(Method::POST, &format!("/groups/{group}/suspend"), None).await.ok();
    assert_eq!(update.send(&app).await.status, 400);
    app.admin(Method::POST, &format!("/groups/{group}/restore"), None).await.ok();
    update.twice(&app).await;
}

/// A request has the same id when it is made again: a late repetition must not let somebody in.
#[tokio::test]
async fn a_call_that_changed_nothing_is_remembered_too() {
    let app = TestApp::new().await;
    let (group, request) = asked(&app).await;
    let cancel = json!({ "group_id": group });
    app.admin(Method::POST, "/people/16505550101/cancel", Some(cancel)).await.ok();
    let path = format!("/groups/{group}/join_requests");
    let approve = Call::new(Method::POST, path, json!({ "join_requests": [request] }));
    let first = approve.send(&app).await.ok();
    assert_eq!(first["approved_join_requests"], json!([]));
    app.tap("16505550101", &app.link(&group).await).await.ok();
    assert_eq!(approve.send(&app).await.ok(), first);
    let other = Call { body: json!({ "join_requests": ["bm9ib2R5"] }), ..approve };
    assert_eq!(other.send(&app).await.status, 409);
}

/// Who has asked already, and asks again with a key, has still only asked.
#[tokio::test]
async fn a_second_wish_that_is_repeated_is_still_a_wish() {
    let app = TestApp::new().await;
    let group = app.group("Asked", "approval_required").await;
    let link = app.link(&group).await;
    let first = app.tap("16505550101", &link).await.ok();
    let again = Call::tap("16505550101", &link);
    assert_eq!(again.send(&app).await.ok(), first);
    assert_eq!(again.send(&app).await.ok(), first);
    assert_eq!(first["result"], "requested");
}

/// Clients draw a new boundary for each attempt.
#[tokio::test]
async fn an_upload_is_the_same_under_another_boundary() {
    let app = TestApp::new().await;
    let group = app.group("Pictured", "auto_approve").await;
    let upload = async |boundary: &str, side: u16| {
        let (_, bytes) = form(&[("file", Some("a.jpg"), &jpeg(side, side))]);
        // The file's bytes are no text: replaced as bytes.
        let bytes = replace(&bytes, b"+++", boundary.as_bytes());
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/groups/{group}"))
            .header("D360-API-KEY", sandbox::KEY)
            .header("Idempotency-Key", "picture")
            .header("Content-Type", format!("multipart/form-data; boundary={boundary}"));
        app.send(request.body(Body::from(bytes)).unwrap()).await
    };
    let first = upload("one", 200).await.ok();
    assert_eq!(upload("another", 200).await.ok(), first);
    assert_eq!(upload("another", 300).await.status, 409);
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(byte) = rest.first() {
        if let Some(behind) = rest.strip_prefix(old) {
            replaced.extend(new);
            rest = behind;
        } else {
            replaced.push(*byte);
            rest = &rest[1..];
        }
    }
    replaced
}

/// What makes records cannot be repeated: a key's secret is shown once, and never again.
#[tokio::test]
async fn records_say_that_they_take_no_key() {
    let app = TestApp::new().await;
    for (path, body) in [
        ("accounts", json!({ "name": "Twice" })),
        ("keys", json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID })),
    ] {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/klatch/v1/{path}"))
            .header("Authorization", format!("Bearer {}", sandbox::ADMIN_TOKEN))
            .header("Idempotency-Key", "once")
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = app.send(request).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"]["field"], "Idempotency-Key", "{path}");
    }
}

#[tokio::test]
async fn a_key_is_visible_ascii() {
    let app = TestApp::new().await;
    let group = app.group("Open", "auto_approve").await;
    let link = app.link(&group).await;
    let bad: [&[u8]; 6] = [b"", b" ", b"a b", b"a\tb", "ключ".as_bytes(), &[b'x'; 256]];
    for key in bad {
        let key = HeaderValue::from_bytes(key).unwrap();
        let calls = [
            create(),
            Call::new(Method::POST, format!("/groups/{group}"), json!({ "subject": "New" })),
            Call::new(Method::DELETE, format!("/groups/{group}"), json!({})),
            Call::new(Method::POST, format!("/groups/{group}/invite_link"), json!({})),
        ];
        for call in calls {
            let answer = Call { key: key.clone(), ..call }.send(&app).await;
            assert_eq!(answer.status, 400, "{key:?}: {answer:?}");
            let text = "(#100) Invalid parameter: Idempotency-Key must be 1 to 255 visible ASCII \
                        characters";
            assert_eq!(answer.json(), json!({ "error": text }), "{key:?}");
        }
        let answer = Call { key: key.clone(), ..Call::tap("16505550101", &link) }.send(&app).await;
        assert_eq!(
            crate::admin::refusal(&answer),
            "400 invalid_field (Idempotency-Key): Idempotency-Key must be 1 to 255 visible ASCII \
             characters",
            "{key:?}"
        );
    }
    assert_eq!(version(&app, &group).await, 1);
    for key in ["x".repeat(255), "!\"~".to_owned(), "0".to_owned()] {
        create().key(&key).twice(&app).await;
    }
    assert_eq!(groups(&app, sandbox::KEY).await, 4);
}

/// Sixteen times the same call at once: every answer is the same.
async fn crowd(app: &TestApp, call: &Call) -> Value {
    let answers = join_all((0..16).map(|_| call.send(app))).await;
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.bytes),
            (answers[0].status, &answers[0].bytes),
            "{} {}",
            call.method,
            call.path
        );
    }
    answers[0].ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_creations_at_once_make_one_group() {
    let app = TestApp::new().await;
    crowd(&app, &create()).await;
    assert_eq!(groups(&app, sandbox::KEY).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_same_changes_at_once_are_one_change() {
    let app = TestApp::new().await;
    let (group, request) = asked(&app).await;
    let path = |tail: &str| format!("/groups/{group}{tail}");
    let link = app.link(&group).await;
    let ask = Call::tap("16505550102", &link).key("ask");
    assert_eq!(crowd(&app, &ask).await["result"], "requested");
    let named = json!({ "join_requests": [request, "never"] });
    let approve = Call::new(Method::POST, path("/join_requests"), named).key("approve");
    assert_eq!(crowd(&app, &approve).await["approved_join_requests"], json!([request]));
    let leave = json!({ "group_id": group });
    let leave = Call::new(Method::POST, "/klatch/v1/people/16505550101/leave", leave).key("leave");
    assert_eq!(crowd(&app, &leave).await["result"], "left");
    let reset = Call::new(Method::POST, path("/invite_link"), json!({})).key("reset");
    crowd(&app, &reset).await;
    let users = json!({ "participants": [{ "user": "16505550101" }] });
    let remove = Call::new(Method::DELETE, path("/participants"), users).key("remove");
    crowd(&app, &remove).await;
    app.assert_log_folds(&group).await;
    let delete = Call::new(Method::DELETE, path(""), json!({})).key("delete");
    crowd(&app, &delete).await;
    // Created, asked twice, approved, left, reset, removed, deleted.
    assert_eq!(version(&app, &group).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_for_sixteen_different_calls_serves_one_of_them() {
    let app = TestApp::new().await;
    let calls = (0..16).map(|n| Call { body: json!({ "subject": format!("{n}") }), ..create() });
    let calls: Vec<Call> = calls.collect();
    let answers = join_all(calls.iter().map(|call| call.send(&app))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[409; 15][..]));
    assert_eq!(groups(&app, sandbox::KEY).await, 1);
}
