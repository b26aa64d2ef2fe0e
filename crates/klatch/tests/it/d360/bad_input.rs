//! Requests that are wrong before any group is asked.

use axum::body::Body;
use axum::http::{Method, Request, header};
use bytes::Bytes;
use futures_util::future::join_all;
use insta::assert_snapshot;
use klatch::kit::body::JSON_BYTES_MAX;
use klatch::sandbox;
use serde_json::json;

use super::{Refusals, changes, everything, operations, refusal, request, send_bytes};
use crate::support::TestApp;

#[tokio::test]
async fn what_is_not_a_json_object_is_refused() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    let rows: [(&str, &[u8]); 18] = [
        ("words", b"subject=Hello"),
        ("half", br#"{"subject":"Hello""#),
        ("an open text", br#"{"subject":"Hel"#),
        ("a trailing comma", br#"{"subject":"Hello",}"#),
        ("single quotes", b"{'subject':'Hello'}"),
        ("a comment", br#"{"subject":"Hello"} // ok"#),
        ("two objects", br#"{"subject":"Hello"}{"subject":"Hello"}"#),
        ("something behind", br#"{"subject":"Hello"}]"#),
        ("no number", br#"{"subject":NaN}"#),
        ("half a surrogate", br#"{"subject":"\ud83d"}"#),
        ("a raw control", b"{\"subject\":\"a\nb\"}"),
        ("not UTF-8", b"{\"subject\":\"a\xFF\"}"),
        ("UTF-16", b"\xFF\xFE{\0}\0"),
        ("a list", br#"[{"subject":"Hello"}]"#),
        ("a text", br#""subject""#),
        ("a number", b"17"),
        ("null", b"null"),
        ("a zero byte", b"\0"),
    ];
    for (what, bytes) in rows {
        refusals.add(what, &send_bytes(&app, Method::POST, "/groups", bytes).await);
    }
    // Depth costs nothing, and bursts no stack.
    let deep = "[".repeat(200_000);
    refusals.add("deep", &send_bytes(&app, Method::POST, "/groups", deep).await);
    let deep = format!("{{\"subject\":{}", "[".repeat(200_000));
    refusals.add("deep in a field", &send_bytes(&app, Method::POST, "/groups", deep).await);
    let deep = format!("{{\"unknown\":{}", "{\"a\":".repeat(40_000));
    refusals.add("deep beside it", &send_bytes(&app, Method::POST, "/groups", deep).await);
    assert_snapshot!(refusals.shown(), @r"
    words: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    half: 400 (#100) Invalid parameter: Invalid JSON in request body: EOF while parsing an object at line 1 column 18
    an open text: 400 (#100) Invalid parameter: Invalid JSON in request body: EOF while parsing a string at line 1 column 15
    a trailing comma: 400 (#100) Invalid parameter: Invalid JSON in request body: trailing comma at line 1 column 20
    single quotes: 400 (#100) Invalid parameter: Invalid JSON in request body: key must be a string at line 1 column 2
    a comment: 400 (#100) Invalid parameter: Invalid JSON in request body: trailing characters at line 1 column 21
    two objects: 400 (#100) Invalid parameter: Invalid JSON in request body: trailing characters at line 1 column 20
    something behind: 400 (#100) Invalid parameter: Invalid JSON in request body: trailing characters at line 1 column 20
    no number: 400 (#100) Invalid parameter: Invalid JSON in request body: expected value at line 1 column 12
    half a surrogate: 400 (#100) Invalid parameter: Invalid JSON in request body: unexpected end of hex escape at line 1 column 19
    a raw control: 400 (#100) Invalid parameter: Invalid JSON in request body: control character (\u0000-\u001F) found while parsing a string at line 2 column 0
    not UTF-8: 400 (#100) Invalid parameter: Invalid JSON in request body: invalid unicode code point at line 1 column 14
    UTF-16: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    a list: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    a text: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    a number: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    null: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    a zero byte: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    deep: 400 (#100) Invalid parameter: Invalid JSON in request body: it must be a JSON object
    deep in a field: 400 (#100) Invalid parameter: Invalid JSON in request body: recursion limit exceeded at line 1 column 138
    deep beside it: 400 (#100) Invalid parameter: Invalid JSON in request body: recursion limit exceeded at line 1 column 642
    ");
    let list = app.d360(Method::GET, "/groups", None).await.ok();
    assert_eq!(list["data"]["groups"], json!([]));
}

#[tokio::test]
async fn every_operation_with_json_wants_an_object() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for (method, path) in [
        (Method::POST, ""),
        (Method::POST, "/invite_link"),
        (Method::POST, "/join_requests"),
        (Method::DELETE, "/join_requests"),
        (Method::DELETE, "/participants"),
    ] {
        for (bytes, text) in [
            ("[]", "Invalid JSON in request body: it must be a JSON object"),
            ("{", "Invalid JSON in request body: EOF while parsing an object at line 1 column 1"),
        ] {
            let path = format!("/groups/{group}{path}");
            let answer = send_bytes(&app, method.clone(), &path, bytes).await;
            let expected = format!("400 (#100) Invalid parameter: {text}");
            assert_eq!(refusal(&answer), expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_an_id_names_no_group() {
    let app = TestApp::new().await;
    let deleted = app.group("Gone", "auto_approve").await;
    app.d360(Method::DELETE, &format!("/groups/{deleted}"), None).await.ok();
    let group = app.group("Hello", "auto_approve").await;
    let (longest, too_long, huge) = ("x".repeat(256), "x".repeat(257), "x".repeat(30_000));
    let (cut_off, longer, lower) =
        (&group[..group.len() - 1], format!("{group}A"), group.to_lowercase());
    for id in [
        "x",
        "120363418770915618@g.us",
        "..",
        "%2E%2E%2Fgroups",
        "%FF",
        "%C3%28",
        "%00",
        "a%0Ab",
        "a%20b",
        "%20",
        "%F0%9F%99%82",
        "%27%20OR%20%271%27=%271",
        &longest,
        &too_long,
        &huge,
        cut_off,
        &longer,
        &lower,
        &deleted,
    ] {
        for operation in operations(id) {
            let answer = operation.send(&app, sandbox::KEY).await;
            let expected = "404 (#131041) Group unknown: the group does not exist";
            assert_eq!(refusal(&answer), expected, "{} {id}", operation.name);
        }
    }
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_the_same_shape() {
    let app = TestApp::new().await;
    for path in [
        "/",
        "/group",
        "/groups/",
        "/groups/x/",
        "/groups/x/invite",
        "/groups/x/participants/16505550101",
        "/v1",
        "/v1/",
        "/v2/groups",
        "/v1/v1/groups",
        "/messages",
        "/healthz/",
        "/GROUPS",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = app.d360(method, path, None).await;
            assert_eq!(refusal(&answer), "404 There is nothing at this path", "{path}");
        }
        // Nobody needs a key to be told so; without one it takes the mount to be understood.
        let mounted = format!("/360dialog{path}");
        let answer = app.send(Request::get(mounted).body(Body::empty()).unwrap()).await;
        assert_eq!(refusal(&answer), "404 There is nothing at this path", "{path}");
    }
    for (method, path, allowed) in [
        (Method::PUT, "/groups", "GET,HEAD,POST"),
        (Method::DELETE, "/groups", "GET,HEAD,POST"),
        (Method::PATCH, "/groups/x", "DELETE,GET,HEAD,POST"),
        (Method::PUT, "/groups/x", "DELETE,GET,HEAD,POST"),
        (Method::DELETE, "/groups/x/invite_link", "GET,HEAD,POST"),
        (Method::PATCH, "/groups/x/join_requests", "DELETE,GET,HEAD,POST"),
        (Method::POST, "/groups/x/participants", "DELETE"),
        (Method::GET, "/groups/x/participants", "DELETE"),
        (Method::OPTIONS, "/groups", "GET,HEAD,POST"),
        (Method::from_bytes(b"BREW").unwrap(), "/groups", "GET,HEAD,POST"),
    ] {
        for prefix in ["", "/v1"] {
            let answer = app.d360(method.clone(), &format!("{prefix}{path}"), None).await;
            let expected = format!("405 Method {method} is not allowed here");
            assert_eq!(refusal(&answer), expected, "{prefix}{path}");
            let mut allow: Vec<&str> =
                answer.headers[header::ALLOW].to_str().unwrap().split(',').collect();
            allow.sort_unstable();
            assert_eq!(allow.join(","), allowed, "{prefix}{path}");
        }
    }
}

#[tokio::test]
async fn other_media_types_are_refused_by_name() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut refusals = Refusals::default();
    for (method, path, kind) in [
        (Method::POST, "/groups".to_owned(), "application/xml"),
        (Method::POST, "/groups".to_owned(), "multipart/form-data; boundary=+++"),
        (Method::POST, "/groups".to_owned(), "json"),
        (Method::POST, format!("/groups/{group}"), "image/jpeg"),
        (Method::POST, format!("/groups/{group}"), "multipart/mixed; boundary=+++"),
        (Method::POST, format!("/groups/{group}/invite_link"), "text/html"),
        (Method::POST, format!("/groups/{group}/join_requests"), "application/yaml"),
        (Method::DELETE, format!("/groups/{group}/join_requests"), "application/jsonl"),
        (Method::DELETE, format!("/groups/{group}/participants"), "multipart/form-data"),
    ] {
        let request = request(method, &path).header(header::CONTENT_TYPE, kind);
        let answer = app.send(request.body(r#"{"subject":"New"}"#.into()).unwrap()).await;
        refusals.add(&path.replace(&group, "ID"), &answer);
    }
    assert_snapshot!(refusals.shown(), @"
    /groups: 415 Content-Type application/xml is not supported here: send application/json
    /groups: 400 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    /groups: 415 Content-Type json is not supported here: send application/json
    /groups/ID: 415 Content-Type image/jpeg is not supported here: send application/json
    /groups/ID: 415 Content-Type multipart/mixed; boundary=+++ is not supported here: send application/json
    /groups/ID/invite_link: 415 Content-Type text/html is not supported here: send application/json
    /groups/ID/join_requests: 415 Content-Type application/yaml is not supported here: send application/json
    /groups/ID/join_requests: 415 Content-Type application/jsonl is not supported here: send application/json
    /groups/ID/participants: 400 (#100) Invalid parameter: Invalid multipart request body: multipart boundary not found in Content-Type
    ");
}

/// A JSON object of exactly so many bytes.
fn padded(bytes: usize) -> Vec<u8> {
    let empty = r#"{"subject":"Large","padding":""}"#;
    let padding = "x".repeat(bytes - empty.len());
    let body = format!(r#"{{"subject":"Large","padding":"{padding}"}}"#).into_bytes();
    assert_eq!(body.len(), bytes);
    body
}

/// The same bytes without a word on their length, in pieces.
fn in_pieces(bytes: Vec<u8>) -> Body {
    let pieces: Vec<_> = bytes
        .chunks(1000)
        .map(|piece| std::io::Result::Ok(Bytes::copy_from_slice(piece)))
        .collect();
    Body::from_stream(futures_util::stream::iter(pieces))
}

#[tokio::test]
async fn a_body_has_a_longest_length() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for path in ["/groups".to_owned(), format!("/groups/{group}")] {
        let (fits, does_not) = (padded(JSON_BYTES_MAX), padded(JSON_BYTES_MAX + 1));
        send_bytes(&app, Method::POST, &path, fits.clone()).await.ok();
        send_bytes(&app, Method::POST, &path, in_pieces(fits)).await.ok();
        for body in [Body::from(does_not.clone()), in_pieces(does_not)] {
            let answer = send_bytes(&app, Method::POST, &path, body).await;
            assert_eq!(refusal(&answer), "413 The request body is longer than 262144 bytes");
        }
    }
    // Also where the body says nothing.
    let path = format!("/groups/{group}");
    let answer = send_bytes(&app, Method::DELETE, &path, padded(JSON_BYTES_MAX + 1)).await;
    assert_eq!(refusal(&answer), "413 The request body is longer than 262144 bytes");
    app.d360(Method::GET, &path, None).await.ok();
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let send = |method: Method, path: String, kind: &'static str| {
        let begun = futures_util::stream::iter([std::io::Result::Ok(Bytes::from_static(b"{"))]);
        let stream = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
        let request = request(method, &path).header(header::CONTENT_TYPE, kind);
        app.send(request.body(Body::from_stream(stream)).unwrap())
    };
    let create = send(Method::POST, "/groups".to_owned(), "application/json");
    let others = changes(&group);
    let others = others.iter().map(|one| send(one.method.clone(), one.path.clone(), one.kind));
    let answers = join_all(std::iter::once(create).chain(others)).await;
    assert_eq!(answers.len(), 8);
    for answer in answers {
        assert_eq!(refusal(&answer), "408 The request body did not arrive in time");
    }
    app.d360(Method::GET, &format!("/groups/{group}"), None).await.ok();
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let app = TestApp::new().await;
    let pieces = [Ok(Bytes::from_static(br#"{"subject":"Hello"}"#)), Err("connection reset")];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = send_bytes(&app, Method::POST, "/groups", body).await;
    assert_eq!(refusal(&answer), "400 (#100) Invalid parameter: The request body broke off");
    let list = app.d360(Method::GET, "/groups", None).await.ok();
    assert_eq!(list["data"]["groups"], json!([]));
}

#[tokio::test]
async fn headers_have_a_longest_length() {
    let app = TestApp::new().await;
    let ask = |bytes: usize| {
        let request = request(Method::GET, "/groups").header("X-Padding", "x".repeat(bytes));
        app.send(request.body(Body::empty()).unwrap())
    };
    ask(16_000).await.ok();
    assert_eq!(
        refusal(&ask(17_000).await),
        "431 The headers are longer than 16384 bytes; the longest is x-padding"
    );
}
