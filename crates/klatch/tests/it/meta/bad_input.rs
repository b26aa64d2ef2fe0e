//! Requests that are wrong before any group is asked.

use axum::body::Body;
use axum::http::{Method, Request, header};
use bytes::Bytes;
use futures_util::future::join_all;
use insta::assert_snapshot;
use klatch::kit::body::{FORM_BYTES_MAX, JSON_BYTES_MAX};
use klatch::sandbox::{self, APP_ID, PHONE_NUMBER_ID, WABA_ID};
use serde_json::{Value, json};

use super::{
    Operation, Refusals, all, everything, made, of_group, our_groups, refusal, send_bytes,
    send_form, whatsapp,
};
use crate::support::{TestApp, form, jpeg, meta_token};

const JSON: &str = "application/json";
const PAIRS: &str = "application/x-www-form-urlencoded";

/// Every operation that reads a body, with a name of a field that is a text and one that is not.
fn readers(group: &str) -> Vec<(&'static str, Method, String, Value)> {
    let at = |path: &str| format!("/{group}{path}");
    let text = json!({ "messaging_product": 5 });
    vec![
        ("create", Method::POST, our_groups(), json!({ "subject": 5 })),
        ("update", Method::POST, at(""), json!({ "description": ["a"] })),
        ("reset", Method::POST, at("/invite_link"), text.clone()),
        ("delete the link", Method::DELETE, at("/invite_link"), text),
        ("approve", Method::POST, at("/join_requests"), json!({ "join_requests": {} })),
        ("reject", Method::DELETE, at("/join_requests"), json!({ "join_requests": [true] })),
        ("add", Method::POST, at("/participants"), json!({ "participants": ["16505550101"] })),
        (
            "remove",
            Method::DELETE,
            at("/participants"),
            json!({ "participants": [{ "user": 1.5 }] }),
        ),
        (
            "change the number",
            Method::POST,
            format!("/{PHONE_NUMBER_ID}"),
            json!({ "webhook_configuration": { "override_callback_uri": true } }),
        ),
        (
            "subscribe",
            Method::POST,
            format!("/{WABA_ID}/subscribed_apps"),
            json!({ "override_callback_uri": 5 }),
        ),
        (
            "set the app's receiver",
            Method::POST,
            format!("/{APP_ID}/subscriptions"),
            json!({ "object": {} }),
        ),
    ]
}

#[tokio::test]
async fn what_is_not_a_json_object_is_refused_by_all() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let rows: [(&[u8], &str); 11] = [
        (b"subject=Hello", "it must be a JSON object"),
        (b"[]", "it must be a JSON object"),
        (b"\"subject\"", "it must be a JSON object"),
        (b"17", "it must be a JSON object"),
        (b"null", "it must be a JSON object"),
        (b"\0", "it must be a JSON object"),
        (b"\xEF\xBB\xBF[]", "it must be a JSON object"),
        (b"{", "EOF while parsing an object at line 1 column 1"),
        (b"{'a':1}", "key must be a string at line 1 column 2"),
        (b"{} {}", "trailing characters at line 1 column 4"),
        (b"{\"a\xFF\":1}", "invalid unicode code point at line 1 column 4"),
    ];
    for (name, method, path, _) in readers(&group) {
        for (bytes, why) in rows {
            let answer = send_bytes(&app, method.clone(), &path, JSON, bytes).await;
            let expected =
                format!("400 100 (#100) Invalid parameter: Invalid JSON in request body: {why}");
            assert_eq!(refusal(&answer), expected, "{name} {bytes:?}");
        }
        let deep = format!("{{\"unknown\":{}", "[".repeat(100_000));
        let answer = send_bytes(&app, method, &path, JSON, deep).await;
        assert!(refusal(&answer).starts_with("400 100 "), "{name}");
    }
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello");
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut refusals = Refusals::default();
    for (name, method, path, body) in readers(&group) {
        refusals.add(name, &app.meta(method, &path, Some(whatsapp_unless_said(body))).await);
    }
    assert_snapshot!(refusals.shown(), @"
    create => 400 100 (#100) Param subject must be a string.: subject has the wrong type: number, expected a string
    update => 400 100 (#100) Param description must be a string.: description has the wrong type: list, expected a string
    reset => 400 100 (#100) Param messaging_product must be a string.: messaging_product has the wrong type: number, expected a string
    delete the link => 400 100 (#100) Param messaging_product must be a string.: messaging_product has the wrong type: number, expected a string
    approve => 400 100 (#100) Param join_requests must be an array.: join_requests has the wrong type: object, expected a list
    reject => 400 100 (#100) Param join_requests[0] must be a string.: join_requests[0] has the wrong type: boolean, expected an id
    add => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: string, expected an object
    remove => 400 100 (#100) Param participants[0]['user'] must be a string.: participants[0].user has the wrong type: floating point, expected an id
    change the number => 400 100 (#100) Param webhook_configuration['override_callback_uri'] must be a string.: webhook_configuration.override_callback_uri has the wrong type: boolean, expected a string
    subscribe => 400 100 (#100) Param override_callback_uri must be a string.: override_callback_uri has the wrong type: number, expected a string
    set the app's receiver => 400 100 (#100) Param object must be a string.: object has the wrong type: object, expected a string
    ");
}

fn whatsapp_unless_said(body: Value) -> Value {
    if body.get("messaging_product").is_some() { body } else { whatsapp(body) }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut refusals = Refusals::default();
    for (name, method, path, _) in readers(&group) {
        // Where nothing has to be said, nothing is missing.
        if matches!(name, "delete the link" | "subscribe") {
            for body in ["", " ", "{}"] {
                send_bytes(&app, method.clone(), &path, JSON, body).await.ok();
            }
            continue;
        }
        let empty = send_bytes(&app, method.clone(), &path, JSON, "").await;
        let object = send_bytes(&app, method.clone(), &path, JSON, "{}").await;
        let pairs = send_bytes(&app, method.clone(), &path, PAIRS, "").await;
        let bare = app.meta(method.clone(), &path, None).await;
        for other in [object, pairs, bare] {
            assert_eq!(refusal(&other), refusal(&empty), "{name}");
        }
        refusals.add(name, &empty);
        let said = app.meta(method.clone(), &path, Some(whatsapp(json!({})))).await;
        if !said.status.is_success() {
            refusals.add(&format!("{name}, with a product"), &said);
        }
        let wrong = json!({ "messaging_product": "WhatsApp" });
        refusals
            .add(&format!("{name}, another product"), &app.meta(method, &path, Some(wrong)).await);
    }
    assert_snapshot!(refusals.shown(), @r#"
    create => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    create, with a product => 400 100 (#100) The parameter subject is required.: subject is missing
    create, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "WhatsApp".: messaging_product must be whatsapp
    update => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    update, with a product => 400 100 (#100) Invalid parameter: give at least one of subject, description and a picture (part file)
    update, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "WhatsApp".: messaging_product must be whatsapp
    reset => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    reset, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "WhatsApp".: messaging_product must be whatsapp
    approve => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    approve, with a product => 400 100 (#100) The parameter join_requests is required.: join_requests is missing
    approve, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "WhatsApp".: messaging_product must be whatsapp
    reject => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    reject, with a product => 400 100 (#100) The parameter join_requests is required.: join_requests is missing
    reject, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "WhatsApp".: messaging_product must be whatsapp
    add => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    add, with a product => 400 100 (#100) The parameter participants is required.: participants is missing
    add, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "WhatsApp".: messaging_product must be whatsapp
    remove => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    remove, with a product => 400 100 (#100) The parameter participants is required.: participants is missing
    remove, another product => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "WhatsApp".: messaging_product must be whatsapp
    change the number => 400 100 (#100) Invalid parameter: webhook_configuration is missing
    change the number, with a product => 400 100 (#100) Invalid parameter: webhook_configuration is missing
    change the number, another product => 400 100 (#100) Invalid parameter: webhook_configuration is missing
    set the app's receiver => 400 100 (#100) The parameter object is required.: object is missing
    set the app's receiver, with a product => 400 100 (#100) The parameter object is required.: object is missing
    set the app's receiver, another product => 400 100 (#100) The parameter object is required.: object is missing
    "#);
}

#[tokio::test]
async fn unknown_fields_and_parameters_are_ignored() {
    let app = TestApp::new().await;
    let body = whatsapp(json!({ "subject": "A", "colour": { "a": [1, null] }, "participants": 5 }));
    let path = format!("{}?colour=red&limit=none&fields=none", our_groups());
    let group = made(&app, &app.meta(Method::POST, &path, Some(body)).await).await;
    let body = whatsapp(json!({ "subject": "B", "size": null }));
    app.meta(Method::POST, &format!("/{group}?x"), Some(body)).await.ok();
    let parts: [(&str, Option<&str>, &[u8]); 3] =
        [("subject", None, b"C"), ("colour", None, b"\xFF"), ("", Some("x"), b"[")];
    send_form(&app, &format!("/{group}"), &parts).await.ok();
    assert_eq!(everything(&app, &group).await.ok()["subject"], "C");
    for path in ["/invite_link?a=%FF&&=&b", "/join_requests?limit=3&x[]=1"] {
        app.meta(Method::GET, &format!("/{group}{path}"), None).await.ok();
    }
}

#[tokio::test]
async fn a_body_where_nothing_is_asked_does_no_harm() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for operation in all(&group) {
        if operation.method != Method::GET {
            continue;
        }
        let plain = operation.send(&app, sandbox::KEY).await;
        for (kind, body) in [
            (JSON, &b"[broken"[..]),
            ("multipart/form-data", b"\xFF\xFE"),
            ("image/png", b"x"),
            ("\u{7}", b""),
        ] {
            let Ok(value) = header::HeaderValue::from_bytes(kind.as_bytes()) else { continue };
            let request = Request::get(&operation.path)
                .header("Authorization", format!("Bearer {}", meta_token(&operation.path)))
                .header(header::CONTENT_TYPE, value);
            let answer = app.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(answer.bytes, plain.bytes, "{}", operation.name);
        }
    }
    for (path, body) in
        [(format!("/{WABA_ID}/subscribed_apps"), "{"), (format!("/{group}"), "null")]
    {
        send_bytes(&app, Method::DELETE, &path, "image/png", body).await.ok();
    }
    // Which fields to remove may stand in it: what cannot be read may not widen what is removed.
    let path = format!("/{APP_ID}/subscriptions");
    for (kind, body) in [(JSON, "[broken"), ("image/png", "fields=x"), (PAIRS, "fields[=x")] {
        let answer = send_bytes(&app, Method::DELETE, &path, kind, body).await;
        assert!(answer.status.is_client_error(), "{kind} {body}");
    }
}

#[tokio::test]
async fn other_media_types_are_refused_by_name() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for (name, method, path, _) in readers(&group) {
        for kind in
            ["application/xml", "image/jpeg", "text/html", "json", "multipart/mixed; boundary=+++"]
        {
            let answer = send_bytes(&app, method.clone(), &path, kind, "{}").await;
            let expected = format!(
                "415 100 (#100) Invalid parameter: Content-Type {kind} is not supported here: \
                 send application/json"
            );
            assert_eq!(refusal(&answer), expected, "{name}");
        }
        // JSON under another name is JSON all the same.
        for kind in ["", "text/plain", "application/vnd.api+json", "APPLICATION/JSON; charset=x"] {
            let answer = send_bytes(&app, method.clone(), &path, kind, "[]").await;
            let shown = refusal(&answer);
            assert!(shown.ends_with("it must be a JSON object"), "{name} {kind}: {shown}");
        }
    }
}

#[tokio::test]
async fn forms_that_are_broken_are_refused() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let (kind, whole) = form(&[("messaging_product", None, b"whatsapp"), ("subject", None, b"A")]);
    let mut refusals = Refusals::default();
    for (what, kind, bytes) in [
        ("no boundary", "multipart/form-data", &whole[..]),
        ("an empty boundary", "multipart/form-data; boundary=", &whole[..]),
        ("another boundary", "multipart/form-data; boundary=---", &whole[..]),
        ("cut off", &kind, &whole[..whole.len() - 12]),
        ("empty", &kind, b""),
        ("no form", &kind, b"{\"messaging_product\":\"whatsapp\"}"),
        ("a part without a head", &kind, b"--+++\r\n\r\nx\r\n--+++--\r\n"),
    ] {
        for (name, path) in [("create", our_groups()), ("update", format!("/{group}"))] {
            let answer = send_bytes(&app, Method::POST, &path, kind, bytes.to_vec()).await;
            refusals.add(&format!("{what}, {name}"), &answer);
        }
    }
    for (what, parts) in [
        ("no UTF-8", [("subject", None, &b"\xFF"[..])]),
        ("a list", [("subject", None, b"[")]),
        ("no product", [("subject", None, b"A")]),
        ("a wrong product", [("messaging_product", None, b"sms")]),
        ("a long subject", [("subject", None, &[b'x'; 129])]),
        ("a mode", [("join_approval_mode", None, b"auto_approve")]),
        ("an empty picture", [("file", Some("us.jpg"), b"")]),
        ("no picture", [("file", Some("us.jpg"), b"GIF89a")]),
    ] {
        for (name, path) in [("create", our_groups()), ("update", format!("/{group}"))] {
            let answer = send_form(&app, &path, &parts).await;
            if answer.status.is_success() {
                refusals.0.push(format!("{what}, {name} => fine"));
            } else {
                refusals.add(&format!("{what}, {name}"), &answer);
            }
        }
    }
    assert_snapshot!(refusals.shown(), @r#"
    no boundary, create => 400 100 (#100) Invalid parameter: Invalid multipart request body: multipart boundary not found in Content-Type
    no boundary, update => 400 100 (#100) Invalid parameter: Invalid multipart request body: multipart boundary not found in Content-Type
    an empty boundary, create => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    an empty boundary, update => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    another boundary, create => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    another boundary, update => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    cut off, create => 400 100 (#100) Invalid parameter: Invalid multipart request body: field "subject" received with incomplete data
    cut off, update => 400 100 (#100) Invalid parameter: Invalid multipart request body: field "subject" received with incomplete data
    empty, create => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    empty, update => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    no form, create => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    no form, update => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    a part without a head, create => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    a part without a head, update => 400 100 (#100) Invalid parameter: Invalid multipart request body: incomplete multipart stream
    no UTF-8, create => 400 100 (#100) Invalid parameter: subject must be text in UTF-8
    no UTF-8, update => 400 100 (#100) Invalid parameter: subject must be text in UTF-8
    a list, create => fine
    a list, update => fine
    no product, create => fine
    no product, update => fine
    a wrong product, create => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "sms".: messaging_product must be whatsapp
    a wrong product, update => 400 100 (#100) Param messaging_product must be one of {WHATSAPP} - got "sms".: messaging_product must be whatsapp
    a long subject, create => 400 100 (#100) Param subject must be at most 128 characters long.: subject must not be longer than 128 characters (it has 129)
    a long subject, update => 400 100 (#100) Param subject must be at most 128 characters long.: subject must not be longer than 128 characters (it has 129)
    a mode, create => 400 100 (#100) The parameter subject is required.: subject is missing
    a mode, update => 400 100 (#100) Invalid parameter: join_approval_mode cannot be changed once the group is there
    an empty picture, create => 400 100 (#100) The parameter subject is required.: subject is missing
    an empty picture, update => 400 100 (#100) Invalid parameter: file must not be empty
    no picture, create => 400 100 (#100) The parameter subject is required.: subject is missing
    no picture, update => 400 100 (#100) Invalid parameter: file must be a JPEG image (image/jpeg)
    "#);
}

#[tokio::test]
async fn url_encoded_forms_are_read_as_graph_does() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut refusals = Refusals::default();
    let people = format!("/{group}/participants");
    for (what, path, body) in [
        ("no JSON", &people, "messaging_product=whatsapp&participants=[{"),
        ("a text", &people, "messaging_product=whatsapp&participants=16505550101"),
        ("an object", &people, "messaging_product=whatsapp&participants={\"user\":\"1\"}"),
        ("fractions in it", &people, "messaging_product=whatsapp&participants=[{\"user\":1.5}]"),
        ("half a bracket", &people, "messaging_product=whatsapp&participants[0][user=16505550101"),
        ("two ways", &people, "messaging_product=whatsapp&participants[0]=1&participants[a]=1"),
        ("no product", &people, "participants=[]"),
        ("an empty list", &people, "messaging_product=whatsapp&participants=[]"),
        ("no UTF-8", &our_groups(), "messaging_product=whatsapp&subject=%00"),
        ("blank", &our_groups(), "messaging_product=whatsapp&subject=+"),
        ("no hook", &format!("/{PHONE_NUMBER_ID}"), "webhook_configuration=https://example.com"),
        ("half a hook", &format!("/{PHONE_NUMBER_ID}"), "webhook_configuration={}"),
    ] {
        refusals.add(what, &send_bytes(&app, Method::POST, path, PAIRS, body).await);
    }
    assert_snapshot!(refusals.shown(), @"
    no JSON => 400 100 (#100) Invalid parameter: participants is not valid: not JSON: EOF while parsing an object
    a text => 400 100 (#100) Param participants[0] must be a JSON object.: participants[0] has the wrong type: string, expected an object
    an object => 400 100 (#100) Param participants must be an array.: participants has the wrong type: string, expected a list
    fractions in it => 400 100 (#100) Param participants[0]['user'] must be a string.: participants[0].user has the wrong type: floating point, expected an id
    half a bracket => 400 100 (#100) Invalid parameter: participants[0][user has brackets that do not match
    two ways => 400 100 (#100) Invalid parameter: participants[a] is given in two ways that contradict each other
    no product => 400 100 (#100) The parameter messaging_product is required.: messaging_product is missing
    an empty list => 400 100 (#100) Invalid parameter: participants must not be empty
    no UTF-8 => 400 100 (#100) Invalid parameter: subject must not contain the control character U+0000
    blank => 400 100 (#100) Invalid parameter: subject must not be empty
    no hook => 400 100 (#100) Param webhook_configuration must be a JSON object.: webhook_configuration has the wrong type: string, expected an object
    half a hook => 400 100 (#100) The parameter webhook_configuration['override_callback_uri'] is required.: webhook_configuration.override_callback_uri is missing
    ");
    // Depth costs nothing, and bursts no stack.
    let deep = format!("messaging_product=whatsapp&participants={}", "[".repeat(200_000));
    let answer = send_bytes(&app, Method::POST, &people, PAIRS, deep).await;
    assert!(refusal(&answer).contains("participants is not valid: not JSON"), "{answer:?}");
    // The last of two counts, as in a query.
    let body = "messaging_product=whatsapp&subject=A&subject=B";
    let created = send_bytes(&app, Method::POST, &our_groups(), PAIRS, body).await;
    let new = made(&app, &created).await;
    assert_eq!(everything(&app, &new).await.ok()["subject"], "B");
}

#[tokio::test]
async fn a_subject_may_begin_like_json() {
    let app = TestApp::new().await;
    for subject in ["[VIP] Customers", "[2024]", "{}", "{\"a\":1}", "[", "17", "null", "true"] {
        let pairs = [("messaging_product", "whatsapp"), ("subject", subject)];
        let created = super::send_pairs(&app, Method::POST, &our_groups(), &pairs).await;
        let new = made(&app, &created).await;
        assert_eq!(everything(&app, &new).await.ok()["subject"], subject);
        let path = format!("/{new}");
        let pairs = [("messaging_product", "whatsapp"), ("description", subject)];
        super::send_pairs(&app, Method::POST, &path, &pairs).await.ok();
        assert_eq!(everything(&app, &new).await.ok()["description"], subject);
        let parts: [(&str, Option<&str>, &[u8]); 2] =
            [("messaging_product", None, b"whatsapp"), ("subject", None, subject.as_bytes())];
        let new = made(&app, &send_form(&app, &our_groups(), &parts).await).await;
        assert_eq!(everything(&app, &new).await.ok()["subject"], subject);
    }
}

#[tokio::test]
async fn a_body_has_a_longest_length() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let long = format!(
        "413 100 (#100) Invalid parameter: The request body is longer than {JSON_BYTES_MAX} bytes"
    );
    let padded = |bytes: usize| {
        let empty = json!({ "padding": "" }).to_string().len();
        json!({ "padding": "x".repeat(bytes - empty) }).to_string()
    };
    for (name, method, path, _) in readers(&group) {
        let fits = send_bytes(&app, method.clone(), &path, JSON, padded(JSON_BYTES_MAX)).await;
        assert_ne!(fits.status, 413, "{name}");
        for bytes in [JSON_BYTES_MAX + 1, 1_024 * 1_024] {
            for kind in [JSON, PAIRS, "image/jpeg"] {
                let answer = send_bytes(&app, method.clone(), &path, kind, padded(bytes)).await;
                assert_eq!(refusal(&answer), long, "{name}");
            }
        }
    }
    // A form may hold a picture, and is longer.
    let picture = vec![0; FORM_BYTES_MAX];
    let parts: [(&str, Option<&str>, &[u8]); 1] = [("file", Some("us.jpg"), &picture)];
    let answer = send_form(&app, &format!("/{group}"), &parts).await;
    let shown = refusal(&answer);
    assert!(shown.ends_with(&format!("is longer than {FORM_BYTES_MAX} bytes")), "{shown}");
    let answer = send_form(&app, &our_groups(), &parts).await;
    assert_eq!(refusal(&answer), shown);
    // Also where the body says nothing.
    for operation in of_group(&group).iter().filter(|one| one.name == "delete") {
        let path = operation.path.trim_start_matches("/v23.0");
        let answer = send_bytes(&app, Method::DELETE, path, JSON, padded(300_000)).await;
        assert_eq!(refusal(&answer), long);
    }
    app.meta(Method::GET, &format!("/{group}"), None).await.ok();
}

#[tokio::test]
async fn a_body_that_never_ends_or_breaks_off_changes_nothing() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let all = all(&group);
    let changes: Vec<&Operation> =
        all.iter().filter(|operation| operation.method != Method::GET).collect();
    let with = |operation: &Operation, body: Body| {
        let request = Request::builder()
            .method(operation.method.clone())
            .uri(&operation.path)
            .header("Authorization", format!("Bearer {}", meta_token(&operation.path)))
            .header(header::CONTENT_TYPE, operation.kind);
        app.send(request.body(body).unwrap())
    };
    let endless = || {
        let begun = futures_util::stream::iter([std::io::Result::Ok(Bytes::from_static(b"{"))]);
        Body::from_stream(futures_util::StreamExt::chain(begun, futures_util::stream::pending()))
    };
    let answers = join_all(changes.iter().map(|operation| with(operation, endless()))).await;
    assert_eq!(answers.len(), 18);
    for answer in answers {
        let expected = "408 100 (#100) Invalid parameter: The request body did not arrive in time";
        assert_eq!(refusal(&answer), expected);
    }
    for operation in changes {
        let pieces = [Ok(Bytes::from(operation.body.clone())), Err("connection reset")];
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let expected = "400 100 (#100) Invalid parameter: The request body broke off";
        assert_eq!(refusal(&with(operation, body).await), expected, "{}", operation.name);
    }
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello");
}

#[tokio::test]
async fn what_cannot_be_an_id_names_nothing() {
    let app = TestApp::new().await;
    let deleted = app.group("Gone", "auto_approve").await;
    app.meta(Method::DELETE, &format!("/{deleted}"), None).await.ok();
    let group = app.group("Hello", "auto_approve").await;
    let (long, huge) = ("x".repeat(300), "x".repeat(30_000));
    let (cut_off, longer, lower) =
        (&group[..group.len() - 1], format!("{group}A"), group.to_lowercase());
    for id in [
        "x",
        "%FF",
        "%C3%28",
        "%00",
        "a%0Ab",
        "a%20b",
        "%20",
        "..",
        "%2E%2E%2Fgroups",
        "%27%20OR%20%271%27=%271",
        "%F0%9F%99%82",
        "\u{ff11}",
        &long,
        &huge,
        cut_off,
        &longer,
        &lower,
        &deleted,
    ] {
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
        let id = id.replace("%25", "%");
        // Of several ids a comma list is made: there, blanks are none.
        for operation in of_group(&id).iter().filter(|one| one.name != "by ids") {
            let answer = operation.send(&app, sandbox::KEY).await;
            let shown = refusal(&answer);
            // What looks like a group's id is one; what does not names an object of some kind.
            let expected = if id.starts_with(&group[..15]) {
                "400 131041 (#131041) Group unknown: the group does not exist".to_owned()
            } else {
                let method = operation.method.as_str().to_lowercase();
                format!("400 100/33 Unsupported {method} request. Object with ID '")
            };
            assert!(shown.starts_with(&expected), "{} {id}: {shown}", operation.name);
        }
        for path in [
            format!("/{id}/groups"),
            format!("/{id}/subscribed_apps"),
            format!("/{id}/subscriptions"),
        ] {
            let answer = app.meta(Method::GET, &path, None).await;
            assert!(refusal(&answer).starts_with("400 100/33 Unsupported get request."), "{id}");
            let answer = app.meta(Method::POST, &path, Some(json!({}))).await;
            assert!(refusal(&answer).starts_with("400 100/33 Unsupported post request."), "{id}");
        }
    }
    for id in ["0", "17", &"9".repeat(300)] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = app.meta(method, &format!("/{id}"), None).await;
            assert!(refusal(&answer).starts_with("400 100/33 "), "{id}");
        }
    }
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello");
}

#[tokio::test]
async fn ids_may_be_percent_encoded() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let encoded =
        |id: &str| id.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
    let (group, number) = (encoded(&group), encoded(PHONE_NUMBER_ID));
    for path in [
        format!("/{number}"),
        format!("/{number}/groups"),
        format!("/{}/subscribed_apps", encoded(WABA_ID)),
        format!("/{group}"),
        format!("/{group}/invite_link"),
        format!("/{group}/join_requests"),
    ] {
        app.meta(Method::GET, &path, None).await.ok();
    }
    let path = format!("/v23.0/{}/subscriptions", encoded(APP_ID));
    app.bearer(&meta_token(&format!("/{APP_ID}/")), Method::GET, &path, None).await.ok();
}

#[tokio::test]
async fn unknown_paths_and_methods_are_bad_requests() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    let brew = Method::from_bytes(b"BREW").unwrap();
    let group = our_groups();
    for (method, path) in [
        (Method::GET, ""),
        (Method::GET, "/"),
        (Method::POST, "/"),
        (Method::GET, "//"),
        (Method::GET, "//groups"),
        (Method::GET, "/x/"),
        (Method::GET, "/x/invite"),
        (Method::POST, "/x/messages"),
        (Method::GET, "/x/GROUPS"),
        (Method::GET, "/x/participants/16505550101"),
        (Method::GET, "/%2F%2F/%2F"),
        (Method::PUT, group.as_str()),
        (Method::DELETE, group.as_str()),
        (Method::PATCH, "/x"),
        (Method::PUT, "/x/invite_link"),
        (Method::GET, "/x/participants"),
        (Method::PUT, "/x/subscriptions"),
        (Method::OPTIONS, "/x"),
        (brew, "/x"),
    ] {
        refusals.add(&format!("{method} {path}"), &app.meta(method, path, None).await);
    }
    assert_snapshot!(refusals.shown(), @"
    GET  => 400 100 (#100) The parameter ids is required.: ids is missing
    GET / => 400 100 (#100) The parameter ids is required.: ids is missing
    POST / => 400 100 (#100) The parameter batch is required.: batch is missing
    GET // => 400 100/33 Unsupported get request. Object with ID '' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    GET //groups => 400 100/33 Unsupported get request. Object with ID '' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    GET /x/ => 400 100/33 Unsupported get request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    GET /x/invite => 400 2500 Unknown path components: /invite
    POST /x/messages => 400 2500 Unknown path components: /messages
    GET /x/GROUPS => 400 2500 Unknown path components: /GROUPS
    GET /x/participants/16505550101 => 400 2500 Unknown path components: /participants/16505550101
    GET /%2F%2F/%2F => 400 2500 Unknown path components: /%2F
    PUT /106540352242922/groups => 400 100/33 Unsupported put request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    DELETE /106540352242922/groups => 400 100/33 Unsupported delete request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    PATCH /x => 400 100/33 Unsupported patch request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    PUT /x/invite_link => 400 100/33 Unsupported put request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    GET /x/participants => 400 100/33 Unsupported get request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    PUT /x/subscriptions => 400 100/33 Unsupported put request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    OPTIONS /x => 400 100/33 Unsupported options request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    BREW /x => 400 100/33 Unsupported brew request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    ");
    assert_snapshot!(app.meta(Method::GET, "/x/invite", None).await.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "Unknown path components: /invite",
        "type": "OAuthException",
        "code": 2500
      }
    }
    "#);
    assert_snapshot!(app.meta(Method::PUT, "/x", None).await.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "Unsupported put request. Object with ID 'x' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api",
        "type": "GraphMethodException",
        "code": 100,
        "error_subcode": 33
      }
    }
    "#);
}

#[tokio::test]
async fn headers_have_a_longest_length() {
    let app = TestApp::new().await;
    let request = Request::get(format!("/v23.0{}", our_groups()))
        .header("Authorization", "Bearer klatch-dev")
        .header("X-Padding", "x".repeat(17_000));
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        refusal(&answer),
        "431 100 (#100) Invalid parameter: The headers are longer than 16384 bytes; the longest \
         is x-padding"
    );
}

#[tokio::test]
async fn a_picture_may_lie_under_either_name_but_has_to_be_one() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/{group}");
    let mut refusals = Refusals::default();
    let (wide, small, square) = (jpeg(300, 200), jpeg(191, 191), jpeg(640, 640));
    for (what, bytes) in [
        ("not square", &wide[..]),
        ("small", &small),
        ("cut off", &square[..10]),
        ("a PNG", b"\x89PNG\r\n\x1a\n"),
    ] {
        for part in ["file", "profile_picture_file"] {
            let answer = send_form(&app, &path, &[(part, Some("us.jpg"), bytes)]).await;
            refusals.add(&format!("{what} as {part}"), &answer);
        }
    }
    assert_snapshot!(refusals.shown(), @"
    not square as file => 400 131209 (#131209) Invalid Group Profile Picture Aspect Ratio: file must be square; this one is 300 x 200 pixels
    not square as profile_picture_file => 400 131209 (#131209) Invalid Group Profile Picture Aspect Ratio: profile_picture_file must be square; this one is 300 x 200 pixels
    small as file => 400 131210 (#131210) Image is Too Small to Process: file must be at least 192 x 192 pixels; this one is 191 x 191
    small as profile_picture_file => 400 131210 (#131210) Image is Too Small to Process: profile_picture_file must be at least 192 x 192 pixels; this one is 191 x 191
    cut off as file => 400 100 (#100) Invalid parameter: file must be a complete JPEG image; this one is cut off or damaged
    cut off as profile_picture_file => 400 100 (#100) Invalid parameter: profile_picture_file must be a complete JPEG image; this one is cut off or damaged
    a PNG as file => 400 100 (#100) Invalid parameter: file must be a JPEG image (image/jpeg)
    a PNG as profile_picture_file => 400 100 (#100) Invalid parameter: profile_picture_file must be a JPEG image (image/jpeg)
    ");
}
