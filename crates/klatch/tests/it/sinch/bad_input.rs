//! Requests that are wrong before any group is asked.

use axum::body::Body;
use axum::http::{Method, header};
use bytes::Bytes;
use futures_util::future::join_all;
use insta::assert_snapshot;
use klatch::kit::body::JSON_BYTES_MAX;
use klatch::sandbox;
use serde_json::json;

use super::{
    ANN, Refusals, bot_operations, create, empty, group_of, info, list, operations, refusal,
    request, send_bytes, set_number, version,
};
use crate::support::{TestApp, form, jpeg};

/// Every operation that reads a body, with its path.
fn with_bodies(group: &str) -> [(&'static str, Method, String); 7] {
    let path = |rest: &str| format!("/groups/{group}{rest}");
    [
        ("create", Method::POST, "/groups".to_owned()),
        ("rename", Method::PATCH, path("")),
        ("remove", Method::DELETE, path("/member")),
        ("promote", Method::POST, path("/admin")),
        ("demote", Method::DELETE, path("/admin")),
        ("icon", Method::POST, path("/icon")),
        ("notifications", Method::GET, "/callbacks/notifications".to_owned()),
    ]
}

/// The same bytes about another field.
fn replaced(bytes: &[u8], field: &[u8]) -> Vec<u8> {
    let word = b"subject";
    match bytes.windows(word.len()).position(|window| window == word) {
        None => bytes.to_vec(),
        Some(at) => {
            let rest = replaced(&bytes[at + word.len()..], field);
            [&bytes[..at], field, &rest].concat()
        }
    }
}

#[tokio::test]
async fn what_is_not_a_json_object_is_refused_by_all() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let rows: [(&str, &[u8]); 13] = [
        ("words", b"subject=Hello"),
        ("half", br#"{"subject":"Hello""#),
        ("a trailing comma", br#"{"subject":"Hello",}"#),
        ("two objects", br#"{"subject":"Hello"}{"subject":"Hello"}"#),
        ("not UTF-8", b"{\"subject\":\"a\xFF\"}"),
        ("UTF-16", b"\xFF\xFE{\0}\0"),
        ("half a surrogate", br#"{"subject":"\ud83d"}"#),
        ("a raw control", b"{\"subject\":\"a\nb\"}"),
        ("a list", br#"[{"subject":"Hello"}]"#),
        ("a text", br#""subject""#),
        ("a number", b"17"),
        ("null", b"null"),
        ("a zero byte", b"\0"),
    ];
    let mut tables = Vec::new();
    for (name, method, path) in with_bodies(&group) {
        let mut refusals = Refusals::default();
        for (what, bytes) in rows {
            // What is not read may be anything: the text stands in a field that is.
            let read = match name {
                "notifications" => replaced(bytes, b"from"),
                "icon" => replaced(bytes, b"url"),
                "create" | "rename" => bytes.to_vec(),
                _ => replaced(bytes, b"numbers"),
            };
            refusals.add(what, &send_bytes(&app, method.clone(), &path, read).await);
        }
        tables.push(refusals.shown());
    }
    assert_snapshot!(tables[0], @r"
    words => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    half => 400 Validation error: Invalid JSON in request body: EOF while parsing an object at line 1 column 18
    a trailing comma => 400 Validation error: Invalid JSON in request body: trailing comma at line 1 column 20
    two objects => 400 Validation error: Invalid JSON in request body: trailing characters at line 1 column 20
    not UTF-8 => 400 Validation error: Invalid JSON in request body: invalid unicode code point at line 1 column 14
    UTF-16 => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    half a surrogate => 400 Validation error: Invalid JSON in request body: unexpected end of hex escape at line 1 column 19
    a raw control => 400 Validation error: Invalid JSON in request body: control character (\u0000-\u001F) found while parsing a string at line 2 column 0
    a list => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    a text => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    a number => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    null => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    a zero byte => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    ");
    for ((name, ..), table) in with_bodies(&group).iter().zip(&tables) {
        let refused = table.lines().all(|line| line.contains(" => 400 Validation error: "));
        assert!(refused && table.lines().count() == rows.len(), "{name}: {table}");
    }
    // Depth costs nothing, and bursts no stack.
    let deep = format!("{{\"unknown\":{}", "[".repeat(200_000));
    let answer = send_bytes(&app, Method::POST, "/groups", deep).await;
    assert!(refusal(&answer).starts_with("400 "), "{answer:?}");
    assert_eq!(version(&app, &group).await, 2);
    assert_eq!(list(&app).await, [group]);
}

#[tokio::test]
async fn fields_of_the_wrong_type_are_named() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let mut refusals = Refusals::default();
    for (name, method, path) in with_bodies(&group) {
        let field = match name {
            "create" | "rename" => "subject",
            "icon" => "url",
            "notifications" => "page",
            _ => "numbers",
        };
        for value in [json!(true), json!(-1.5), json!({}), json!([[]]), json!("")] {
            let body = json!({ field: value });
            let answer = app.sinch(method.clone(), &path, Some(body.clone())).await;
            refusals.add(&format!("{name} {body}"), &answer);
        }
    }
    assert_snapshot!(refusals.shown(), @r#"
    create {"subject":true} => 400 Validation error: Field [subject] has the wrong type: boolean, expected a string
    create {"subject":-1.5} => 400 Validation error: Field [subject] has the wrong type: floating point, expected a string
    create {"subject":{}} => 400 Validation error: Field [subject] has the wrong type: object, expected a string
    create {"subject":[[]]} => 400 Validation error: Field [subject] has the wrong type: list, expected a string
    create {"subject":""} => 400 Validation error: Field [subject] can not be empty
    rename {"subject":true} => 400 Validation error: Field [subject] has the wrong type: boolean, expected a string
    rename {"subject":-1.5} => 400 Validation error: Field [subject] has the wrong type: floating point, expected a string
    rename {"subject":{}} => 400 Validation error: Field [subject] has the wrong type: object, expected a string
    rename {"subject":[[]]} => 400 Validation error: Field [subject] has the wrong type: list, expected a string
    rename {"subject":""} => 400 Validation error: Field [subject] can not be empty
    remove {"numbers":true} => 400 Validation error: Field [numbers] has the wrong type: boolean, expected a list
    remove {"numbers":-1.5} => 400 Validation error: Field [numbers] has the wrong type: floating point, expected a list
    remove {"numbers":{}} => 400 Validation error: Field [numbers] has the wrong type: object, expected a list
    remove {"numbers":[[]]} => 400 Validation error: Field [numbers[0]] has the wrong type: list, expected a string
    remove {"numbers":""} => 400 Validation error: Field [numbers] has the wrong type: string, expected a list
    promote {"numbers":true} => 400 Validation error: Field [numbers] has the wrong type: boolean, expected a list
    promote {"numbers":-1.5} => 400 Validation error: Field [numbers] has the wrong type: floating point, expected a list
    promote {"numbers":{}} => 400 Validation error: Field [numbers] has the wrong type: object, expected a list
    promote {"numbers":[[]]} => 400 Validation error: Field [numbers[0]] has the wrong type: list, expected a string
    promote {"numbers":""} => 400 Validation error: Field [numbers] has the wrong type: string, expected a list
    demote {"numbers":true} => 400 Validation error: Field [numbers] has the wrong type: boolean, expected a list
    demote {"numbers":-1.5} => 400 Validation error: Field [numbers] has the wrong type: floating point, expected a list
    demote {"numbers":{}} => 400 Validation error: Field [numbers] has the wrong type: object, expected a list
    demote {"numbers":[[]]} => 400 Validation error: Field [numbers[0]] has the wrong type: list, expected a string
    demote {"numbers":""} => 400 Validation error: Field [numbers] has the wrong type: string, expected a list
    icon {"url":true} => 400 Validation error: Field [url] has the wrong type: boolean, expected a string
    icon {"url":-1.5} => 400 Validation error: Field [url] has the wrong type: floating point, expected a string
    icon {"url":{}} => 400 Validation error: Field [url] has the wrong type: object, expected a string
    icon {"url":[[]]} => 400 Validation error: Field [url] has the wrong type: list, expected a string
    icon {"url":""} => 400 Validation error: Field [url] can not be empty
    notifications {"page":true} => 400 Validation error: Field [page] has the wrong type: boolean, expected a whole number
    notifications {"page":-1.5} => 400 Validation error: Field [page] has the wrong type: floating point, expected a whole number
    notifications {"page":{}} => 400 Validation error: Field [page] has the wrong type: object, expected a whole number
    notifications {"page":[[]]} => 400 Validation error: Field [page] has the wrong type: list, expected a whole number
    notifications {"page":""} => 400 Validation error: Field [page] has the wrong type: string, expected a whole number
    "#);
    assert_eq!(version(&app, &group).await, 2);
}

#[tokio::test]
async fn without_a_body_the_field_is_missing() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let mut refusals = Refusals::default();
    for (name, method, path) in with_bodies(&group) {
        if name == "notifications" {
            continue;
        }
        let nothing = app.sinch(method.clone(), &path, None).await;
        refusals.add(name, &nothing);
        for bytes in ["", "  \r\n", "{}", " {} "] {
            let answer = send_bytes(&app, method.clone(), &path, bytes).await;
            assert_eq!(refusal(&answer), refusal(&nothing), "{name} {bytes:?}");
        }
    }
    assert_snapshot!(refusals.shown(), @"
    create => 400 Validation error: Field [subject] can not be empty
    rename => 400 Validation error: Field [subject] can not be empty
    remove => 400 Validation error: Field [numbers] can not be empty
    promote => 400 Validation error: Field [numbers] can not be empty
    demote => 400 Validation error: Field [numbers] can not be empty
    icon => 400 Validation error: Field [url] can not be empty
    ");
    send_bytes(&app, Method::GET, "/callbacks/notifications", "").await.ok();
}

#[tokio::test]
async fn a_subject_has_its_limits() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    let rows = [
        ("missing", json!({})),
        ("null", json!({ "subject": null })),
        ("empty", json!({ "subject": "" })),
        ("blank", json!({ "subject": " \t\n\u{a0}" })),
        ("129 characters", json!({ "subject": "x".repeat(129) })),
        ("129 wide ones", json!({ "subject": "\u{1f600}".repeat(129) })),
        ("a line break", json!({ "subject": "a\nb" })),
        ("a zero", json!({ "subject": "a\u{0}b" })),
        ("a number", json!({ "subject": 5 })),
        ("another field", json!({ "Subject": "Hello", "name": "Hello" })),
    ];
    let mut tables = Vec::new();
    for (method, path) in
        [(Method::POST, "/groups".to_owned()), (Method::PATCH, format!("/groups/{group}"))]
    {
        let mut refusals = Refusals::default();
        for (what, body) in &rows {
            refusals.add(what, &app.sinch(method.clone(), &path, Some(body.clone())).await);
        }
        tables.push(refusals.shown());
    }
    assert_snapshot!(tables[0], @"
    missing => 400 Validation error: Field [subject] can not be empty
    null => 400 Validation error: Field [subject] can not be empty
    empty => 400 Validation error: Field [subject] can not be empty
    blank => 400 Validation error: Field [subject] can not be empty
    129 characters => 400 Validation error: Field [subject] must not be longer than 128 characters (it has 129)
    129 wide ones => 400 Validation error: Field [subject] must not be longer than 128 characters (it has 129)
    a line break => 400 Validation error: Field [subject] must not contain the control character U+000A
    a zero => 400 Validation error: Field [subject] must not contain the control character U+0000
    a number => 400 Validation error: Field [subject] has the wrong type: integer, expected a string
    another field => 400 Validation error: Field [subject] can not be empty
    ");
    assert_eq!(tables[0], tables[1]);
    assert_eq!(list(&app).await, [group.as_str()]);
    assert_eq!(version(&app, &group).await, 1);
    // The longest fits, and trimming comes first.
    let longest = format!("  {}  ", "\u{1f600}".repeat(128));
    let longest = create(&app, &longest).await;
    assert_eq!(info(&app, &longest).await["subject"], "\u{1f600}".repeat(128));
}

#[tokio::test]
async fn what_is_not_known_does_not_matter() {
    let app = TestApp::new().await;
    let url = "http://127.0.0.1:9/";
    let more = json!({ "subject": "New", "numbers": [ANN], "url": url, "else": {} });
    for index in 0..7 {
        let group = group_of(&app, &[ANN]).await;
        let (name, method, path) = with_bodies(&group)[index].clone();
        let path = format!("{path}?else=1&access_token=x&subject=y");
        let answer = app.sinch(method, &path, Some(more.clone())).await;
        assert_eq!(answer.status, 200, "{name} {answer:?}");
    }
    // Bodies where none is read, and kinds that tools send by themselves.
    let group = create(&app, "Hello").await;
    for (method, path) in [
        (Method::GET, "/groups".to_owned()),
        (Method::GET, format!("/groups/{group}")),
        (Method::GET, format!("/groups/{group}/invite")),
        (Method::GET, "/callbacks/status/x".to_owned()),
        (Method::DELETE, format!("/groups/{group}/invite")),
        (Method::DELETE, format!("/groups/{group}")),
    ] {
        for bytes in ["{\"a\":1}", "not json"] {
            if method == Method::DELETE && bytes == "not json" && !path.ends_with("/invite") {
                continue;
            }
            let answer = send_bytes(&app, method.clone(), &path, bytes).await;
            assert_eq!(answer.status, 200, "{method} {path} {answer:?}");
        }
    }
    for kind in [
        "",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "application/vnd.sinch+json",
    ] {
        let request = request(Method::POST, "/groups").header(header::CONTENT_TYPE, kind);
        app.send(request.body(r#"{"subject":"Hello"}"#.into()).unwrap()).await.text("group_id");
    }
    let without = request(Method::POST, "/groups").body(r#"{"subject":"Hello"}"#.into());
    app.send(without.unwrap()).await.text("group_id");
}

#[tokio::test]
async fn other_media_types_are_refused_by_name() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let mut refusals = Refusals::default();
    let kinds = [
        "application/xml",
        "json",
        "multipart/form-data",
        "image/jpeg",
        "text/html; charset=utf-8",
        "application/yaml",
        "\u{fc}/x",
    ];
    for ((name, method, path), kind) in with_bodies(&group).into_iter().zip(kinds) {
        let request = request(method, &path).header(header::CONTENT_TYPE, kind);
        let answer = app.send(request.body(r#"{"subject":"New"}"#.into()).unwrap()).await;
        refusals.add(name, &answer);
    }
    let (kind, bytes) =
        form(&[("subject", None, b"New"), ("file", Some("a.jpg"), &jpeg(192, 192))]);
    let request = request(Method::POST, "/groups").header(header::CONTENT_TYPE, kind);
    refusals.add("create with a form", &app.send(request.body(bytes.into()).unwrap()).await);
    assert_snapshot!(refusals.shown(), @"
    create => 415 415: Content-Type application/xml is not supported here: send application/json
    rename => 415 415: Content-Type json is not supported here: send application/json
    remove => 415 415: Content-Type multipart/form-data is not supported here: send application/json
    promote => 415 415: Content-Type image/jpeg is not supported here: send application/json
    demote => 415 415: Content-Type text/html; charset=utf-8 is not supported here: send application/json
    icon => 415 415: Content-Type application/yaml is not supported here: send application/json
    notifications => 415 415: Content-Type ü/x is not supported here: send application/json
    create with a form => 415 415: Content-Type multipart/form-data; boundary=+++ is not supported here: send application/json
    ");
    assert_eq!(version(&app, &group).await, 2);
}

/// A body that would be right, but for its length.
fn padded(bytes: usize) -> Vec<u8> {
    let empty = json!({ "subject": "Large", "numbers": [ANN], "padding": "" }).to_string();
    let padding = "x".repeat(bytes - empty.len());
    let body = json!({ "subject": "Large", "numbers": [ANN], "padding": padding }).to_string();
    assert_eq!(body.len(), bytes);
    body.into_bytes()
}

#[tokio::test]
async fn a_body_has_a_longest_length() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let invite = format!("/groups/{group}/invite");
    let more =
        [("invite", Method::DELETE, invite), ("leave", Method::DELETE, format!("/groups/{group}"))];
    for (name, method, path) in with_bodies(&group).into_iter().chain(more) {
        for bytes in [padded(1_000_000), padded(JSON_BYTES_MAX + 1)] {
            let pieces: Vec<_> = bytes
                .chunks(10_000)
                .map(|piece| std::io::Result::Ok(Bytes::copy_from_slice(piece)))
                .collect();
            let unsaid = Body::from_stream(futures_util::stream::iter(pieces));
            for body in [Body::from(bytes), unsaid] {
                let answer = send_bytes(&app, method.clone(), &path, body).await;
                let expected = "413 413: The request body is longer than 262144 bytes";
                assert_eq!(refusal(&answer), expected, "{name}");
            }
        }
    }
    assert_eq!(version(&app, &group).await, 2);
    send_bytes(&app, Method::POST, "/groups", padded(JSON_BYTES_MAX)).await.text("group_id");
}

#[tokio::test]
async fn a_body_that_does_not_end_is_not_waited_for() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    let endless = with_bodies(&group).into_iter().map(|(_, method, path)| {
        let begun = futures_util::stream::iter([std::io::Result::Ok(Bytes::from_static(b"{"))]);
        let stream = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
        send_bytes_owned(&app, method, path, Body::from_stream(stream))
    });
    for answer in join_all(endless).await {
        assert_eq!(refusal(&answer), "408 408: The request body did not arrive in time");
    }
    let pieces = [Ok(Bytes::from_static(br#"{"subject":"Hello"}"#)), Err("connection reset")];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = send_bytes(&app, Method::POST, "/groups", body).await;
    assert_eq!(refusal(&answer), "400 Validation error: The request body broke off");
    assert_eq!(list(&app).await, [group]);
}

async fn send_bytes_owned(
    app: &TestApp,
    method: Method,
    path: String,
    body: Body,
) -> crate::support::Answer {
    send_bytes(app, method, &path, body).await
}

#[tokio::test]
async fn headers_have_a_longest_length() {
    let app = TestApp::new().await;
    let request = request(Method::GET, "/groups").header("X-Padding", "x".repeat(17_000));
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        refusal(&answer),
        "431 431: The headers are longer than 16384 bytes; the longest is x-padding"
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_the_same_shape() {
    let app = TestApp::new().await;
    let lost = "404 404: There is nothing at this path";
    for path in [
        "/",
        "",
        "/group",
        "/groups/",
        "/groups/x/",
        "/groups/x/members",
        "/groups/x/invite_link",
        "/groups/x/member/16505550101",
        "/callbacks",
        "/callbacks/status",
        "/callbacks/status/",
        "/callbacks/notifications/x",
        "/messages",
        "/capability",
        "/provision/optin",
        "//groups",
        "/GROUPS",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = app.sinch(method.clone(), path, None).await;
            assert_eq!(refusal(&answer), lost, "{method} {path}");
        }
    }
    for path in
        ["/whatsapp/v1", "/whatsapp/v1/", "/sinch", "/sinch/", "/sinch/whatsapp/v2/klatch/groups"]
    {
        // Nobody needs a token to be told so.
        for token in [sandbox::KEY, "wrong"] {
            let answer = app.bearer(token, Method::GET, path, None).await;
            assert_eq!(refusal(&answer), lost, "{path}");
        }
    }
    for (method, path, allowed) in [
        (Method::PUT, "/groups", "GET,HEAD,POST"),
        (Method::DELETE, "/groups", "GET,HEAD,POST"),
        (Method::POST, "/groups/x", "DELETE,GET,HEAD,PATCH"),
        (Method::PUT, "/groups/x", "DELETE,GET,HEAD,PATCH"),
        (Method::POST, "/groups/x/member", "DELETE"),
        (Method::GET, "/groups/x/member", "DELETE"),
        (Method::GET, "/groups/x/admin", "DELETE,POST"),
        (Method::POST, "/groups/x/invite", "DELETE,GET,HEAD"),
        (Method::DELETE, "/groups/x/icon", "POST"),
        (Method::GET, "/groups/x/icon", "POST"),
        (Method::POST, "/callbacks/notifications", "GET,HEAD"),
        (Method::DELETE, "/callbacks/status/x", "GET,HEAD"),
        (Method::OPTIONS, "/groups", "GET,HEAD,POST"),
        (Method::from_bytes(b"BREW").unwrap(), "/groups", "GET,HEAD,POST"),
    ] {
        let answer = app.sinch(method.clone(), path, None).await;
        let expected = format!("405 405: Method {method} is not allowed here");
        assert_eq!(refusal(&answer), expected, "{path}");
        let mut allow: Vec<&str> =
            answer.headers[header::ALLOW].to_str().unwrap().split(',').collect();
        allow.sort_unstable();
        assert_eq!(allow.join(","), allowed, "{path}");
    }
}

#[tokio::test]
async fn changes_are_counted_and_looks_are_not() {
    let app = TestApp::new().await;
    let group = group_of(&app, &[ANN]).await;
    set_number(&app, json!({ "limits": { "operations_per_minute": 2 } })).await;
    let rename = async |subject: &str| {
        let path = format!("/groups/{group}");
        app.sinch(Method::PATCH, &path, Some(json!({ "subject": subject }))).await
    };
    // What is wrong in itself is not counted either.
    for _ in 0..5 {
        assert_eq!(rename("").await.status, 400);
    }
    empty(&rename("One").await);
    empty(&rename("Two").await);
    let refused = rename("Three").await;
    assert_snapshot!(refused.shown(), @r#"
    429 Too Many Requests
    {
      "message": "429",
      "reason": "the number has used up its 2 group operations a minute; the next one is possible in 30 s",
      "details": "the number has used up its 2 group operations a minute; the next one is possible in 30 s"
    }
    "#);
    assert_eq!(refused.headers[header::RETRY_AFTER], "30");
    for operation in operations(&group).into_iter().chain(bot_operations()) {
        let answer = operation.send(&app, sandbox::KEY, sandbox::BOT_ID).await;
        if operation.method == Method::GET {
            assert_eq!(answer.status, 200, "{}", operation.name);
        } else {
            assert_eq!(refusal(&answer), refusal(&refused), "{}", operation.name);
            assert_eq!(answer.headers[header::RETRY_AFTER], "30", "{}", operation.name);
        }
    }
    assert_eq!(info(&app, &group).await["subject"], "Two");
    // Another number is not held up; and the time does pass.
    let stranger = app.stranger().await;
    let body = Some(json!({ "subject": "Theirs" }));
    app.bearer(&stranger, Method::POST, "/whatsapp/v1/447700900123/groups", body).await.ok();
    app.clock.advance(std::time::Duration::from_secs(30));
    empty(&rename("Three").await);
}
