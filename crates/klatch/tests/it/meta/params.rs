//! Graph reads its parameters from anywhere, in any notation.

use std::io::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use insta::assert_snapshot;
use klatch::kit::body::{FORM_BYTES_MAX, JSON_BYTES_MAX};
use klatch::sandbox::{self, APP_ID, APP_SECRET, PHONE_NUMBER_ID};
use serde_json::{Value, json};

use super::{Refusals, ask, everything, our_groups, refusal, send_bytes, send_form, whatsapp};
use crate::support::receiver::Receiver;
use crate::support::{Answer, TestApp, form, jpeg};

const JSON: &str = "application/json";
const PAIRS: &str = "application/x-www-form-urlencoded";

/// Sends a request without a token in its header.
async fn bare(
    app: &TestApp,
    method: Method,
    path: &str,
    kind: &str,
    body: impl Into<Body>,
) -> Answer {
    let request = Request::builder().method(method).uri(format!("/v23.0{path}"));
    app.send(request.header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()).await
}

/// The subjects of all groups, oldest first.
async fn subjects(app: &TestApp) -> Vec<String> {
    let list = app.meta(Method::GET, &our_groups(), None).await.ok();
    let groups = list["data"]["groups"].as_array().unwrap();
    let subject = |group: &Value| group["subject"].as_str().unwrap().to_owned();
    groups.iter().rev().map(subject).collect()
}

async fn members(app: &TestApp, group: &str) -> Vec<String> {
    let participants = everything(app, group).await.ok()["participants"].clone();
    let wa_id = |person: &Value| person["wa_id"].as_str().unwrap().to_owned();
    participants.as_array().unwrap().iter().map(wa_id).collect()
}

#[tokio::test]
async fn a_parameter_may_stand_anywhere() {
    let app = TestApp::new().await;
    let groups = our_groups();
    let whole = format!("{groups}?messaging_product=whatsapp&subject=Query");
    send_bytes(&app, Method::POST, &whole, JSON, "").await.ok();
    let half = format!("{groups}?messaging_product=whatsapp&subject=Overridden");
    send_bytes(&app, Method::POST, &half, PAIRS, "subject=Form").await.ok();
    send_bytes(&app, Method::POST, &half, JSON, r#"{"subject":"JSON"}"#).await.ok();
    send_form(&app, &half, &[("subject", None, b"Parts")]).await.ok();
    assert_eq!(subjects(&app).await, ["Query", "Form", "JSON", "Parts"]);
}

#[tokio::test]
async fn the_token_may_stand_anywhere() {
    let app = TestApp::new().await;
    let groups = our_groups();
    let said = "messaging_product=whatsapp&subject=";
    let pairs = format!("access_token=klatch-dev&{said}Form");
    bare(&app, Method::POST, &groups, PAIRS, pairs).await.ok();
    let body = json!({ "access_token": "klatch-dev", "subject": "JSON" });
    bare(&app, Method::POST, &groups, JSON, whatsapp(body).to_string()).await.ok();
    let (kind, parts) =
        form(&[("subject", None, b"Parts"), ("access_token", None, b" klatch-dev\n")]);
    bare(&app, Method::POST, &groups, &kind, parts).await.ok();
    let query = format!("{groups}?access_token=klatch-dev&{said}Query");
    bare(&app, Method::POST, &query, JSON, "").await.ok();
    // The same token twice is one token.
    let both = format!("{groups}?access_token=klatch-dev");
    let pairs = format!("access_token=klatch-dev&{said}Both");
    send_bytes(&app, Method::POST, &both, PAIRS, pairs).await.ok();
    assert_eq!(subjects(&app).await, ["Form", "JSON", "Parts", "Query", "Both"]);
    // A picture may follow its token: it is read once the token is known.
    let group = app.group("Picture", "auto_approve").await;
    let (kind, parts) =
        form(&[("access_token", None, b"klatch-dev"), ("file", Some("us.jpg"), &jpeg(640, 640))]);
    bare(&app, Method::POST, &format!("/{group}"), &kind, parts).await.ok();
    // And so may the app's token.
    let path = format!("/{APP_ID}/subscriptions");
    let token = format!("access_token={APP_ID}|{APP_SECRET}");
    let answer = bare(&app, Method::DELETE, &path, PAIRS, token).await;
    assert_eq!(answer.ok()["success"], true);
}

#[tokio::test]
async fn a_wrong_token_is_refused_wherever_it_stands() {
    let app = TestApp::new().await;
    let groups = our_groups();
    let said = "messaging_product=whatsapp&subject=A";
    let mut refusals = Refusals::default();
    for (what, path, kind, body) in [
        ("none", groups.clone(), PAIRS, said.to_owned()),
        ("an empty one", groups.clone(), PAIRS, format!("access_token=&{said}")),
        ("a wrong one", groups.clone(), PAIRS, format!("access_token=wrong&{said}")),
        ("a wrong one in JSON", groups.clone(), JSON, r#"{"access_token":"wrong"}"#.to_owned()),
        ("a number", groups.clone(), JSON, r#"{"access_token":17}"#.to_owned()),
        (
            "two",
            format!("{groups}?access_token=klatch-dev"),
            PAIRS,
            format!("access_token=another&{said}"),
        ),
        // Whoever calls is known before it is known what is wrong.
        ("broken JSON", groups.clone(), JSON, "{".to_owned()),
        ("a long body", groups.clone(), JSON, " ".repeat(100_000)),
        ("no path", String::new(), JSON, String::new()),
        ("another path", "/a/b/c".to_owned(), PAIRS, "access_token=wrong".to_owned()),
    ] {
        refusals.add(what, &bare(&app, Method::POST, &path, kind, body).await);
    }
    let (kind, parts) = form(&[("file", Some("us.jpg"), &vec![b'x'; 100_000])]);
    refusals.add("a long form", &bare(&app, Method::POST, "/x", &kind, parts).await);
    for path in ["/v13.0/", "/v13.0", "/", "/v13.0/me?access_token=wrong"] {
        let request = Request::get(path).header("Authorization", "Bearer wrong");
        refusals.add(path, &app.send(request.body(Body::empty()).unwrap()).await);
    }
    assert_snapshot!(refusals.shown(), @"
    none => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    an empty one => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    a wrong one => 401 190 Invalid OAuth access token
    a wrong one in JSON => 401 190 Invalid OAuth access token
    a number => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    two => 401 190 Invalid OAuth access token: the request holds two different access tokens
    broken JSON => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    a long body => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    no path => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    another path => 401 190 Invalid OAuth access token
    a long form => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    /v13.0/ => 401 190 Invalid OAuth access token
    /v13.0 => 401 190 Invalid OAuth access token
    / => 401 190 Invalid OAuth access token
    /v13.0/me?access_token=wrong => 401 190 Invalid OAuth access token
    ");
    assert_eq!(subjects(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_body_of_an_unknown_caller_is_not_collected() {
    let app = TestApp::new().await;
    // What never ends is answered all the same: nobody waits for the rest of it.
    let endless = || {
        let chunk = Bytes::from_static(&[b' '; 8_192]);
        Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())))
    };
    let (kind, _) = form(&[]);
    for kind in [JSON, PAIRS, &kind] {
        for token in [None, Some("Bearer wrong")] {
            let mut request = Request::post(format!("/v23.0{}", our_groups()));
            if let Some(token) = token {
                request = request.header("Authorization", token);
            }
            let request = request.header(header::CONTENT_TYPE, kind);
            let answer = app.send(request.body(endless()).unwrap()).await;
            assert_eq!(answer.status, 401, "{kind}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_list_may_be_written_in_any_way() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/{group}/participants");
    let (kind, parts) = form(&[
        ("messaging_product", None, b"whatsapp"),
        ("participants[0][user]", None, b"16505550101"),
    ]);
    let encoded = "participants%5B0%5D%5Buser%5D=16505550101&messaging_product=whatsapp";
    for (kind, body) in [
        (PAIRS, "messaging_product=whatsapp&participants[0][user]=16505550101"),
        (PAIRS, "messaging_product=whatsapp&participants[7][user]=%2B1 650 555-0101"),
        (PAIRS, r#"messaging_product=whatsapp&participants=[{"user":"16505550101"}]"#),
        (PAIRS, r#"messaging_product=whatsapp&participants[]={"user":16505550101}"#),
        (PAIRS, encoded),
        (JSON, r#"{"messaging_product":"whatsapp","participants":[{"user":16505550101}]}"#),
        (JSON, r#"{"messaging_product":"whatsapp","participants":"[{\"user\":16505550101}]"}"#),
        (kind.as_str(), std::str::from_utf8(&parts).unwrap()),
    ] {
        for (method, expected) in
            [(Method::POST, vec!["16505550101"]), (Method::DELETE, Vec::new())]
        {
            send_bytes(&app, method.clone(), &path, kind, body.to_owned()).await.ok();
            assert_eq!(members(&app, &group).await, expected, "{method} {body}");
        }
    }
    // In the query of a DELETE, too.
    send_bytes(&app, Method::POST, &path, PAIRS, encoded).await.ok();
    send_bytes(&app, Method::DELETE, &format!("{path}?{encoded}"), JSON, "").await.ok();
    assert_eq!(members(&app, &group).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_list_of_ids_may_be_separated_by_commas() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let path = format!("/{group}/join_requests");
    let link = app.link(&group).await;
    for way in ["join_requests=ANN, BEN", "join_requests[]=ANN&join_requests[]=BEN"] {
        let ann = ask(&app, "16505550101", &link).await;
        let ben = ask(&app, "16505550102", &link).await;
        let body = way.replace("ANN", &ann).replace("BEN", &ben);
        let body = format!("messaging_product=whatsapp&{body}");
        let answer = send_bytes(&app, Method::DELETE, &path, PAIRS, body).await.ok();
        assert_eq!(answer["rejected_join_requests"], json!([ann, ben]), "{way}");
    }
}

#[tokio::test]
async fn fields_may_be_written_in_any_way() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let plain = app.meta(Method::GET, &format!("/{group}?fields=subject,suspended"), None).await;
    for query in [
        "fields=subject&fields=subject,suspended",
        "fields[]=subject&fields[]=suspended",
        "fields[1]=suspended&fields[0]=subject",
        r#"fields=["subject","suspended"]"#,
    ] {
        let query = query.replace('"', "%22");
        let answer = app.meta(Method::GET, &format!("/{group}?{query}"), None).await;
        assert_eq!(answer.bytes, plain.bytes, "{query}");
    }
    let answer = app.meta(Method::GET, &format!("/{group}?fields[a]=subject"), None).await;
    assert_eq!(
        refusal(&answer),
        "400 100 (#100) Param fields must be an array.: fields has the wrong type: object, \
         expected a list"
    );
}

#[tokio::test]
async fn what_narrows_a_subscription_is_never_ignored() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let path = format!("/{APP_ID}/subscriptions");
    let fields = async || {
        let shown = app.meta(Method::GET, &path, None).await.ok();
        let fields = shown["data"][0]["fields"].as_array().cloned().unwrap_or_default();
        let name = |field: &Value| field["name"].as_str().unwrap().to_owned();
        fields.iter().map(name).collect::<Vec<_>>()
    };
    let url = receiver.url("/hook");
    let whole = format!("object=whatsapp_business_account&callback_url={url}&verify_token=t");
    for narrowed in [
        "fields[]=group_lifecycle_update",
        "fields[0]=group_lifecycle_update",
        r#"fields=["group_lifecycle_update"]"#,
        "fields=group_lifecycle_update",
    ] {
        let body = format!("{whole}&{narrowed}");
        send_bytes(&app, Method::POST, &path, PAIRS, body).await.ok();
        assert_eq!(fields().await, ["group_lifecycle_update"], "{narrowed}");
        send_bytes(&app, Method::POST, &path, PAIRS, whole.clone()).await.ok();
        assert_eq!(fields().await.len(), 4);
        let body = format!("object=whatsapp_business_account&{narrowed}");
        send_bytes(&app, Method::DELETE, &path, PAIRS, body.clone()).await.ok();
        let left = fields().await;
        assert_eq!(left.len(), 3, "{narrowed}");
        assert!(!left.contains(&"group_lifecycle_update".to_owned()), "{narrowed}");
    }
    let before = fields().await;
    let mut refusals = Refusals::default();
    for body in ["fields=", "fields[a]=x", "fields[=x", "fields[0]=x&fields=y"] {
        let answer = send_bytes(&app, Method::DELETE, &path, PAIRS, body).await;
        refusals.add(&format!("DELETE {body}"), &answer);
        let body = format!("{whole}&{body}");
        let answer = send_bytes(&app, Method::POST, &path, PAIRS, body.clone()).await;
        refusals.add("POST the same", &answer);
    }
    assert_snapshot!(refusals.shown(), @"
    DELETE fields= => 400 100 (#100) Invalid parameter: fields must name at least one field
    POST the same => 400 100 (#100) Invalid parameter: fields must name at least one field
    DELETE fields[a]=x => 400 100 (#100) Param fields must be an array.: fields has the wrong type: object, expected a list
    POST the same => 400 100 (#100) Param fields must be an array.: fields has the wrong type: object, expected a list
    DELETE fields[=x => 400 100 (#100) Invalid parameter: fields[ has brackets that do not match
    POST the same => 400 100 (#100) Invalid parameter: fields[ has brackets that do not match
    DELETE fields[0]=x&fields=y => 400 100 (#100) Invalid parameter: fields is given in two ways that contradict each other
    POST the same => 400 100 (#100) Invalid parameter: fields is given in two ways that contradict each other
    ");
    assert_eq!(fields().await, before);
}

#[tokio::test]
async fn a_post_can_be_another_method() {
    let app = TestApp::new().await;
    let shown = async |group: &str| everything(&app, group).await.status.as_u16();
    for (kind, query, body) in [
        (JSON, "?method=delete", ""),
        (JSON, "?method=DELETE", "{}"),
        (JSON, "", r#"{"method":"delete"}"#),
        (PAIRS, "", "method=delete"),
    ] {
        let group = app.group("Hello", "auto_approve").await;
        let path = format!("/{group}{query}");
        let answer = send_bytes(&app, Method::POST, &path, kind, body).await;
        assert_eq!(answer.ok()["success"], true, "{query} {body}");
        assert_eq!(shown(&group).await, 400);
    }
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/{group}?method=get&fields=subject");
    let answer = send_bytes(&app, Method::POST, &path, PAIRS, "").await;
    assert_eq!(answer.ok()["subject"], "Hello");
    app.meta(Method::GET, &format!("/{group}?method=get"), None).await.ok();
    let mut refusals = Refusals::default();
    for (method, name) in [
        (Method::GET, "delete"),
        (Method::GET, "post"),
        (Method::DELETE, "get"),
        (Method::POST, "put"),
        (Method::POST, ""),
    ] {
        let path = format!("/{group}?method={name}");
        refusals.add(&format!("{method} as {name}"), &app.meta(method, &path, None).await);
    }
    for (kind, query, body) in [
        (JSON, "?method[]=delete", ""),
        (JSON, "?method[a]=get", ""),
        (PAIRS, "", "method[0]=get"),
        (JSON, "", r#"{"method":["delete"]}"#),
    ] {
        let path = format!("/{group}{query}");
        let answer = send_bytes(&app, Method::POST, &path, kind, body).await;
        refusals.add(&format!("POST {query}{body}"), &answer);
    }
    for name in ["limit[]", "after[a]", "before[", "access_token[]"] {
        let path = format!("{}?{name}=1", our_groups());
        refusals.add(&format!("GET {name}"), &app.meta(Method::GET, &path, None).await);
    }
    assert_snapshot!(refusals.shown(), @r#"
    GET as delete => 400 100 (#100) Invalid parameter: method can only be changed by a POST request, not by GET
    GET as post => 400 100 (#100) Invalid parameter: method can only be changed by a POST request, not by GET
    DELETE as get => 400 100 (#100) Invalid parameter: method can only be changed by a POST request, not by DELETE
    POST as put => 400 100 (#100) Param method must be one of {GET, POST, DELETE} - got "put".: method must be one of get, post, delete
    POST as  => 400 100 (#100) Param method must be one of {GET, POST, DELETE} - got "".: method must be one of get, post, delete
    POST ?method[]=delete => 400 100 (#100) Invalid parameter: method must be a single value
    POST ?method[a]=get => 400 100 (#100) Invalid parameter: method must be a single value
    POST method[0]=get => 400 100 (#100) Invalid parameter: method must be a single value
    POST {"method":["delete"]} => 400 100 (#100) Invalid parameter: method must be a single value
    GET limit[] => 400 100 (#100) Invalid parameter: limit must be a single value
    GET after[a] => 400 100 (#100) Invalid parameter: after must be a single value
    GET before[ => 400 100 (#100) Invalid parameter: before[ has brackets that do not match
    GET access_token[] => 400 100 (#100) Invalid parameter: access_token must be a single value
    "#);
    assert_eq!(shown(&group).await, 200);
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_body_may_be_compressed_or_marked() {
    let app = TestApp::new().await;
    let send = async |encoding: &str, kind: &str, body: Vec<u8>| {
        let request = Request::post(format!("/v23.0{}", our_groups()))
            .header("Authorization", format!("Bearer {}", sandbox::KEY))
            .header(header::CONTENT_TYPE, kind)
            .header(header::CONTENT_ENCODING, encoding);
        app.send(request.body(body.into()).unwrap()).await
    };
    let json = whatsapp(json!({ "subject": "gzip" })).to_string();
    send("gzip", JSON, packed(json.as_bytes())).await.ok();
    send("X-GZIP", PAIRS, packed(b"messaging_product=whatsapp&subject=pairs")).await.ok();
    let (kind, parts) = form(&[("subject", None, b"parts")]);
    send("gzip", &kind, packed(&parts)).await.ok();
    let marked = format!("\u{feff}{}", whatsapp(json!({ "subject": "marked" })));
    send("identity", JSON, marked.into_bytes()).await.ok();
    assert_eq!(subjects(&app).await, ["gzip", "pairs", "parts", "marked"]);
    let mut refusals = Refusals::default();
    let bomb = packed(&vec![b' '; JSON_BYTES_MAX + 1]);
    assert!(bomb.len() < 1_000);
    refusals.add("a bomb", &send("gzip", JSON, bomb).await);
    let bomb = packed(&vec![b' '; FORM_BYTES_MAX + 1]);
    refusals.add("a bomb of parts", &send("gzip", &kind, bomb).await);
    refusals.add("not gzip", &send("gzip", JSON, json.clone().into_bytes()).await);
    refusals.add("another", &send("br", JSON, json.into_bytes()).await);
    assert_snapshot!(refusals.shown(), @"
    a bomb => 413 100 (#100) Invalid parameter: The request body is longer than 262144 bytes
    a bomb of parts => 413 100 (#100) Invalid parameter: The request body is longer than 5308416 bytes
    not gzip => 400 100 (#100) Invalid parameter: Content-Encoding is gzip, but the body is not
    another => 415 100 (#100) Invalid parameter: Content-Encoding br is not supported: send gzip, or no encoding
    ");
}

#[tokio::test]
async fn one_number_cannot_use_up_the_memory_for_large_forms() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let group = app.group("Hello", "auto_approve").await;
    let (kind, large) = form(&[("file", Some("us.jpg"), &vec![0; JSON_BYTES_MAX + 1])]);
    let path = format!("/{group}");
    let mut held = Vec::new();
    for _ in 0..4 {
        let share = app.app.large_bodies.take(PHONE_NUMBER_ID, Duration::ZERO).await;
        held.push(share.unwrap());
    }
    let fifth = send_bytes(&app, Method::POST, &path, &kind, large.clone()).await;
    assert_eq!(
        refusal(&fifth),
        "503 2 (#2) Service temporarily unavailable: Too many large requests of this caller are \
         being read; try again"
    );
    // A compressed form may become large at once.
    let request = Request::post(format!("/v23.0{path}"))
        .header("Authorization", format!("Bearer {}", sandbox::KEY))
        .header(header::CONTENT_TYPE, &kind)
        .header(header::CONTENT_ENCODING, "gzip");
    let compressed = app.send(request.body(packed(&large).into()).unwrap()).await;
    assert_eq!(refusal(&compressed), refusal(&fifth));
    // Small forms of the same number need no place, and another tenant has places of its own.
    send_form(&app, &path, &[("subject", None, b"Hello again")]).await.ok();
    let request = Request::post("/v23.0/Y2FwaV9ncm91cDoxNzA1NTU1MDEzOQ")
        .header("Authorization", format!("Bearer {stranger}"))
        .header(header::CONTENT_TYPE, &kind);
    let theirs = app.send(request.body(large.into()).unwrap()).await;
    assert!(refusal(&theirs).starts_with("400 "), "{theirs:?}");
    drop(held);
    assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello again");
    // What was held is free again.
    let answer = send_form(&app, &path, &[("file", Some("us.jpg"), &jpeg(640, 640))]).await;
    assert_eq!(answer.ok()["success"], true);
}

#[tokio::test]
async fn a_key_is_for_the_parts_of_a_form_and_not_for_its_boundary() {
    let app = TestApp::new().await;
    let create = async |boundary: &str, subject: &str| {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"subject\"\r\n\r\n{subject}\r\n\
             --{boundary}--\r\n"
        );
        let request = Request::post(format!("/v23.0{}", our_groups()))
            .header("Authorization", format!("Bearer {}", sandbox::KEY))
            .header("Idempotency-Key", "the-same")
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"));
        app.send(request.body(body.into()).unwrap()).await
    };
    let first = create("+++", "C+++").await;
    first.ok();
    assert_eq!(create("other", "C+++").await.bytes, first.bytes);
    let other = create("+++", "C").await;
    assert_eq!(other.status, 409, "{other:?}");
    assert_eq!(subjects(&app).await, ["C+++"]);
    // What stands in the query is a part of the call, but for the token.
    let pairs = async |query: &str| {
        let request = Request::post(format!("/v23.0{}?{query}", our_groups()))
            .header("Authorization", format!("Bearer {}", sandbox::KEY))
            .header("Idempotency-Key", "another")
            .header(header::CONTENT_TYPE, PAIRS);
        app.send(request.body("messaging_product=whatsapp".into()).unwrap()).await
    };
    let first = pairs("subject=Query").await;
    first.ok();
    let again = pairs("access_token=klatch-dev&subject=Query").await;
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(pairs("subject=Query2").await.status, 409);
}

#[tokio::test]
async fn objects_and_edges_that_are_not_there() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut refusals = Refusals::default();
    for (method, path) in [
        (Method::POST, "/me".to_owned()),
        (Method::GET, "/17".to_owned()),
        (Method::POST, "/17".to_owned()),
        (Method::GET, format!("/{group}/messages")),
        (Method::POST, format!("/{PHONE_NUMBER_ID}/nonsense")),
        (Method::GET, format!("/{group}/participants")),
        (Method::GET, "/me/invite_link".to_owned()),
    ] {
        refusals.add(&format!("{method} {path}"), &app.meta(method, &path, None).await);
    }
    assert_snapshot!(refusals.shown(), @"
    POST /me => 400 100/33 Unsupported post request. Object with ID 'me' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    GET /17 => 400 100/33 Unsupported get request. Object with ID '17' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    POST /17 => 400 100/33 Unsupported post request. Object with ID '17' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    GET /Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD/messages => 400 2500 Unknown path components: /messages
    POST /106540352242922/nonsense => 400 2500 Unknown path components: /nonsense
    GET /Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD/participants => 400 100/33 Unsupported get request. Object with ID 'Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    GET /me/invite_link => 400 100/33 Unsupported get request. Object with ID 'me' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    ");
}
