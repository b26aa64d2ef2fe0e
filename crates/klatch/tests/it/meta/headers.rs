//! What stands around an answer: version, ids, limits, tags.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use insta::assert_snapshot;
use klatch::sandbox::{self, PHONE_NUMBER_ID};
use serde_json::{Value, json};

use super::{all, key, made, operate, our_groups, refusal, whatsapp};
use crate::support::{Answer, TestApp, meta_token};

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.headers.get(name).unwrap_or_else(|| panic!("no {name} in {answer:?}"));
    value.to_str().unwrap()
}

/// Reads this path, if it is not this any more.
async fn read(app: &TestApp, path: &str, known: &str) -> Answer {
    let request = Request::get(format!("/v23.0{path}"))
        .header("Authorization", format!("Bearer {}", meta_token(path)))
        .header(header::IF_NONE_MATCH, known);
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_answer_has_the_headers_of_graph() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut ids = std::collections::BTreeSet::new();
    for operation in all(&group) {
        for key in [sandbox::KEY, "wrong"] {
            let answer = operation.send(&app, key).await;
            let id = header(&answer, "x-request-id").to_owned();
            for name in ["x-fb-request-id", "x-fb-trace-id", "x-fb-debug"] {
                assert_eq!(header(&answer, name), id, "{}", operation.name);
            }
            assert_eq!(header(&answer, "facebook-api-version"), "v23.0");
            assert_eq!(header(&answer, "x-fb-rev"), env!("CARGO_PKG_VERSION"));
            assert_eq!(header(&answer, "content-type"), "application/json");
            let told = answer.headers.contains_key("x-app-usage");
            // An app's token is no number's.
            let of_number = key == sandbox::KEY && !operation.path.contains(sandbox::APP_ID);
            assert_eq!(told, of_number, "{}", operation.name);
            assert_eq!(answer.headers.contains_key("x-business-use-case-usage"), told);
            assert!(ids.insert(id), "each call has an id of its own");
        }
    }
    for path in ["/v23.0/x/nothing", "/v23/x", "/x/nothing"] {
        let answer = app.bearer(sandbox::KEY, Method::GET, path, None).await;
        refusal(&answer);
        assert_eq!(header(&answer, "x-fb-trace-id"), header(&answer, "x-request-id"), "{path}");
        header(&answer, "facebook-api-version");
    }
}

#[tokio::test]
async fn a_trace_id_is_the_same_in_body_and_headers() {
    let app = TestApp::new().await;
    let answer = app.meta(Method::GET, "/17", None).await;
    let body: Value = serde_json::from_slice(&answer.bytes).unwrap();
    let id = body["error"]["fbtrace_id"].as_str().unwrap();
    assert_eq!((header(&answer, "x-fb-trace-id"), header(&answer, "x-request-id")), (id, id));
}

#[tokio::test]
async fn reads_have_a_tag_by_which_they_are_known_again() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for operation in all(&group) {
        if operation.method != Method::GET {
            let answer = operation.clone().send(&app, "wrong").await;
            assert_eq!(answer.headers.get(header::ETAG), None);
            continue;
        }
        let path = operation.path.trim_start_matches("/v23.0");
        let first = operation.send(&app, sandbox::KEY).await;
        first.ok();
        let tag = header(&first, "etag").to_owned();
        let again = read(&app, path, &tag).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{}", operation.name);
        assert!(again.bytes.is_empty());
        assert_eq!(header(&again, "etag"), tag);
        assert_eq!(header(&again, "facebook-api-version"), "v23.0");
        // As a list, or as proxies write it that have compressed the answer.
        for known in [format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let again = read(&app, path, &known).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{known}");
        }
        for known in ["\"other\"", "", &tag[1..], "W/", ","] {
            let again = read(&app, path, known).await;
            assert_eq!((again.status, &again.bytes), (StatusCode::OK, &first.bytes), "{known}");
        }
        // A tag opens nothing.
        let request = Request::get(&operation.path).header(header::IF_NONE_MATCH, &tag);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.headers.get("etag")), (401, None));
    }
    let path = format!("/{group}?fields=subject");
    let tag = header(&read(&app, &path, "").await, "etag").to_owned();
    let body = whatsapp(json!({ "subject": "Changed" }));
    app.meta(Method::POST, &format!("/{group}"), Some(body)).await.ok();
    let changed = read(&app, &path, &tag).await;
    assert_eq!(changed.ok()["subject"], "Changed");
    assert_ne!(header(&changed, "etag"), tag);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for path in [our_groups(), format!("/{group}"), format!("/{group}/invite_link")] {
        let answer = app.meta(Method::HEAD, &path, None).await;
        assert_eq!((answer.status, answer.bytes.len()), (StatusCode::OK, 0));
    }
}

/// What the number has used, as two headers say it.
#[track_caller]
fn usage(answer: &Answer) -> String {
    format!("{} {}", header(answer, "x-app-usage"), header(answer, "x-business-use-case-usage"))
}

#[tokio::test]
async fn whoever_asks_for_too_much_is_told_when_to_come_back() {
    let app = TestApp::new().await;
    operate(&app, json!({ "limits": { "operations_per_minute": 4 } })).await;
    let create = async || {
        let body = whatsapp(json!({ "subject": "Hello" }));
        app.meta(Method::POST, &our_groups(), Some(body)).await
    };
    let mut used = vec![usage(&app.meta(Method::GET, &our_groups(), None).await)];
    for _ in 0..4 {
        let created = create().await;
        created.ok();
        used.push(usage(&created));
    }
    let refused = create().await;
    assert_snapshot!(refused.shown(), @r#"
    429 Too Many Requests
    {
      "error": {
        "message": "(#131208) Group Rate Limit Hit",
        "type": "OAuthException",
        "code": 131208,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "the number has used up its 4 group operations a minute; the next one is possible in 15 s"
        },
        "is_transient": true
      }
    }
    "#);
    assert_eq!(header(&refused, "retry-after"), "15");
    used.push(usage(&refused));
    // Reading is free, and so is asking for what cannot be.
    let read = app.meta(Method::GET, &our_groups(), None).await;
    read.ok();
    used.push(usage(&read));
    app.clock.advance(Duration::from_secs(14));
    assert_eq!(create().await.status, 429);
    app.clock.advance(Duration::from_secs(1));
    create().await.ok();
    app.clock.advance(Duration::from_mins(2));
    used.push(usage(&app.meta(Method::GET, &our_groups(), None).await));
    assert_snapshot!(used.join("\n"), @r#"
    {"call_count":0,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":0,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":0}]}
    {"call_count":25,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":25,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":0}]}
    {"call_count":50,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":50,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":0}]}
    {"call_count":75,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":75,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":0}]}
    {"call_count":100,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":100,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":1}]}
    {"call_count":100,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":100,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":1}]}
    {"call_count":100,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":100,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":1}]}
    {"call_count":0,"total_cputime":0,"total_time":0} {"102290129340398":[{"type":"whatsapp_business_management","call_count":0,"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":0}]}
    "#);
    // The other APIs share the limit: it is the number's.
    for _ in 0..4 {
        create().await.ok();
    }
    let body = Some(json!({ "subject": "Hello" }));
    let answer = app.d360(Method::POST, "/groups", body).await;
    assert_eq!(answer.status, 429);
}

#[tokio::test]
async fn each_operation_that_changes_something_counts() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    operate(&app, json!({ "limits": { "operations_per_minute": 1 } })).await;
    let body = whatsapp(json!({ "subject": "The only one" }));
    app.meta(Method::POST, &our_groups(), Some(body)).await.ok();
    let mut answers = Vec::new();
    for operation in all(&group) {
        let answer = operation.send(&app, sandbox::KEY).await;
        answers.push(format!("{} => {}", operation.name, answer.status.as_u16()));
    }
    assert_snapshot!(answers.join("\n"), @r#"
    groups => 200
    a page of groups => 200
    create => 429
    number => 200
    number with fields => 200
    change the number => 429
    delete the number => 400
    subscribed apps => 200
    subscribe => 429
    unsubscribe => 429
    app => 200
    set the app's receiver => 429
    remove the app's receiver => 429
    info => 200
    info with fields => 200
    update => 429
    update with a picture => 429
    invite link => 200
    reset => 429
    delete the link => 429
    join requests => 200
    a page of join requests => 200
    approve => 429
    reject => 429
    add => 429
    remove => 429
    delete => 429
    "#);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table, and the answers to it")]
async fn a_number_may_not_be_eligible() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let answers = async || {
        let mut answers = Vec::new();
        for operation in all(&group) {
            if operation.name == "delete" {
                continue;
            }
            let answer = operation.send(&app, sandbox::KEY).await;
            let shown = if answer.status.is_success() || operation.path.contains("subscriptions") {
                answer.status.as_u16().to_string()
            } else {
                refusal(&answer)
            };
            answers.push(format!("{} => {shown}", operation.name));
        }
        answers.join("\n")
    };
    operate(&app, json!({ "eligibility": "not_eligible" })).await;
    let number = format!("/{PHONE_NUMBER_ID}?fields=is_official_business_account");
    assert_eq!(
        app.meta(Method::GET, &number, None).await.ok()["is_official_business_account"],
        false
    );
    assert_snapshot!(answers().await, @"
    groups => 200
    a page of groups => 200
    create => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    number => 200
    number with fields => 200
    change the number => 200
    delete the number => 400 100/33 Unsupported delete request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    subscribed apps => 200
    subscribe => 200
    unsubscribe => 200
    app => 200
    set the app's receiver => 400
    remove the app's receiver => 200
    info => 200
    info with fields => 200
    update => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    update with a picture => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    invite link => 200
    reset => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    delete the link => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    join requests => 200
    a page of join requests => 200
    approve => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    reject => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    add => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    remove => 400 131215 (#131215) This phone number is not eligible to access Groups APIs: the number is not eligible for groups
    ");
    let body = whatsapp(json!({ "subject": "Hello" }));
    let answer = app.meta(Method::POST, &our_groups(), Some(body.clone())).await;
    assert_snapshot!(answer.shown(), @r#"
    400 Bad Request
    {
      "error": {
        "message": "(#131215) This phone number is not eligible to access Groups APIs",
        "type": "OAuthException",
        "code": 131215,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "the number is not eligible for groups"
        }
      }
    }
    "#);

    operate(&app, json!({ "eligibility": "creation_disabled" })).await;
    assert_eq!(
        app.meta(Method::GET, &number, None).await.ok()["is_official_business_account"],
        true
    );
    assert_snapshot!(answers().await, @"
    groups => 200
    a page of groups => 200
    create => 400 131214 (#131214) Group creation is temporarily disabled: the number cannot create groups at present
    number => 200
    number with fields => 200
    change the number => 200
    delete the number => 400 100/33 Unsupported delete request. Object with ID '106540352242922' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    subscribed apps => 200
    subscribe => 200
    unsubscribe => 200
    app => 200
    set the app's receiver => 400
    remove the app's receiver => 200
    info => 200
    info with fields => 200
    update => 200
    update with a picture => 200
    invite link => 200
    reset => 200
    delete the link => 200
    join requests => 200
    a page of join requests => 200
    approve => 200
    reject => 200
    add => 200
    remove => 200
    ");

    operate(&app, json!({ "eligibility": "eligible", "limits": { "groups": 1 } })).await;
    let answer = app.meta(Method::POST, &our_groups(), Some(body)).await;
    assert_snapshot!(refusal(&answer), @"400 131211 (#131211) Group create limit reached: the number already has 1 group");
}

#[tokio::test]
async fn a_call_can_be_repeated_under_its_key() {
    let app = TestApp::new().await;
    let send = async |path: &str, method: Method, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {}", meta_token(path)))
            .header("Idempotency-Key", "once")
            .header(header::CONTENT_TYPE, "application/json");
        app.send(request.body(body.to_string().into()).unwrap()).await
    };
    let path = format!("/v23.0{}", our_groups());
    let body = whatsapp(json!({ "subject": "Hello" }));
    let first = send(&path, Method::POST, body.clone()).await;
    let group = made(&app, &first).await;
    assert_eq!(send(&path, Method::POST, body.clone()).await.bytes, first.bytes);
    let other = send(&path, Method::POST, whatsapp(json!({ "subject": "Other" }))).await;
    assert_snapshot!(other.shown(), @r#"
    409 Conflict
    {
      "error": {
        "message": "(#100) Invalid parameter",
        "type": "OAuthException",
        "code": 100,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "Idempotency-Key was used for another request; choose a new one"
        }
      }
    }
    "#);
    let elsewhere = send(&format!("/v23.0/{group}"), Method::DELETE, json!({})).await;
    assert_eq!(elsewhere.status, 409);
    let list = app.meta(Method::GET, &our_groups(), None).await.ok();
    assert_eq!(list["data"]["groups"].as_array().unwrap().len(), 1);

    // A key of the account and one of the number mean the same number.
    let (_, account) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let request = Request::post(&path)
        .header("Authorization", format!("Bearer {account}"))
        .header("Idempotency-Key", "once")
        .header(header::CONTENT_TYPE, "application/json");
    let same = app.send(request.body(body.to_string().into()).unwrap()).await;
    assert_eq!(same.bytes, first.bytes);

    // What is about webhooks cannot keep what the key promises.
    for path in [
        format!("/v23.0/{PHONE_NUMBER_ID}"),
        format!("/v23.0/{}/subscribed_apps", sandbox::WABA_ID),
        format!("/v23.0/{}/subscriptions", sandbox::APP_ID),
    ] {
        let answer = send(&path, Method::POST, json!({})).await;
        let expected =
            "400 100 (#100) Invalid parameter: Idempotency-Key is not supported by this call";
        assert_eq!(refusal(&answer), expected, "{path}");
    }
}

#[tokio::test]
async fn a_call_that_half_failed_is_repeated_as_it_was() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    app.tap("16505550101", &app.link(&group).await).await.ok();
    let send = async |key: &str| {
        let body = whatsapp(json!({
            "participants": [{ "user": "16505550101" }, { "user": "16505550102" }],
        }));
        let request = Request::delete(format!("/v23.0/{group}/participants"))
            .header("Authorization", "Bearer klatch-dev")
            .header("Idempotency-Key", key)
            .header(header::CONTENT_TYPE, "application/json");
        app.send(request.body(body.to_string().into()).unwrap()).await
    };
    let first = send("one").await;
    assert_eq!(first.status, StatusCode::PARTIAL_CONTENT);
    let again = send("one").await;
    assert_eq!((again.status, again.bytes), (first.status, first.bytes));
    // Under another key it is another call: by now nobody is left to be removed.
    assert_eq!(send("two").await.status, StatusCode::OK);
}
