//! What is odd, but clear: it is taken.

use axum::body::Body;
use axum::http::{Method, Request, header};
use klatch::sandbox;
use serde_json::json;

use super::{
    answer_requests, ask, everything, json_request, members, operations, request, send_bytes,
    waiting,
};
use crate::support::{TestApp, form, jpeg};

#[tokio::test]
async fn every_path_works_below_v1_too() {
    let app = TestApp::new().await;
    let body = json!({ "subject": "Hello", "join_approval_mode": "approval_required" });
    let group = app.d360(Method::POST, "/v1/groups", Some(body)).await.text("id");
    app.d360(Method::GET, "/v1/groups", None).await.ok();
    for mut operation in operations(&group) {
        operation.path.insert_str(0, "/v1");
        let answer = operation.send(&app, sandbox::KEY).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", operation.name);
    }
}

#[tokio::test]
async fn json_is_taken_for_what_it_is_whatever_it_is_called() {
    let app = TestApp::new().await;
    for kind in [
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("APPLICATION/JSON"),
        Some("application/vnd.api+json"),
        Some("text/json"),
        Some("text/plain;charset=UTF-8"),
        // What curl -d says unless it is told otherwise.
        Some("application/x-www-form-urlencoded"),
        Some("application/octet-stream"),
        Some(""),
        None,
    ] {
        let mut request = request(Method::POST, "/groups");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let body = json!({ "subject": format!("{kind:?}") }).to_string();
        let group = app.send(request.body(body.into()).unwrap()).await.text("id");
        assert_eq!(everything(&app, &group).await.ok()["subject"], format!("{kind:?}"));
    }
}

#[tokio::test]
async fn unknown_fields_and_blanks_around_are_ignored() {
    let app = TestApp::new().await;
    for body in [
        r#"{"subject":"Hello","participants":[{"user":"1"}],"colour":{"deep":[1,null]}}"#,
        " \r\n\t{ \"subject\" : \"Hello\" }\n\n",
        r#"{"subject":"Hello","description":null,"join_approval_mode":null}"#,
        r#"{"subject":"\u0048ello","messaging_product":null}"#,
        "\u{feff}{\"subject\":\"Hello\"}",
        r#"{"subject":"World","subject":"Hello"}"#,
    ] {
        let group = send_bytes(&app, Method::POST, "/groups", body).await.text("id");
        assert_eq!(everything(&app, &group).await.ok()["subject"], "Hello", "{body}");
    }
}

#[tokio::test]
async fn a_get_may_have_any_body() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for path in [
        "/groups".to_owned(),
        format!("/groups/{group}?fields=subject"),
        format!("/groups/{group}/invite_link"),
        format!("/groups/{group}/join_requests"),
    ] {
        let plain = app.d360(Method::GET, &path, None).await;
        for body in [
            Body::from(json!({ "messaging_product": "whatsapp" }).to_string()),
            Body::from("not json"),
            Body::from(vec![0; klatch::kit::body::JSON_BYTES_MAX + 1]),
            Body::from_stream(futures_util::stream::pending::<std::io::Result<bytes::Bytes>>()),
        ] {
            let answer = send_bytes(&app, Method::GET, &path, body).await;
            assert_eq!((answer.status, answer.bytes), (plain.status, plain.bytes.clone()));
        }
    }
}

#[tokio::test]
async fn a_reset_needs_no_words() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let path = format!("/groups/{group}/invite_link");
    let mut links = vec![app.link(&group).await];
    for body in ["", "  \n", "{}", r#"{"messaging_product":"whatsapp"}"#] {
        let link = send_bytes(&app, Method::POST, &path, body).await.text("invite_link");
        assert!(!links.contains(&link), "{body:?}");
        links.push(link);
    }
}

#[tokio::test]
async fn deleting_a_group_needs_no_body_and_minds_none() {
    let app = TestApp::new().await;
    for body in ["", r#"{"messaging_product":"whatsapp"}"#, "null", "anything"] {
        let group = app.group("Hello", "auto_approve").await;
        let path = format!("/groups/{group}");
        assert_eq!(send_bytes(&app, Method::DELETE, &path, body).await.ok()["success"], true);
    }
}

#[tokio::test]
async fn the_product_may_be_left_out_everywhere() {
    let app = TestApp::new().await;
    let body = json!({ "subject": "Hello", "join_approval_mode": "approval_required" });
    let group = app.d360(Method::POST, "/groups", Some(body)).await.text("id");
    let path = format!("/groups/{group}/join_requests");
    let link = app.link(&group).await;
    let request = ask(&app, "16505550101", &link).await;
    let body = json!({ "join_requests": [request] });
    app.d360(Method::DELETE, &path, Some(body.clone())).await.ok();
    assert_eq!(waiting(&app, &group).await, Vec::<String>::new());
    ask(&app, "16505550101", &link).await;
    app.d360(Method::POST, &path, Some(body)).await.ok();
    assert_eq!(members(&app, &group).await, ["16505550101"]);
    let body = json!({ "participants": [{ "user": "16505550101" }] });
    app.d360(Method::DELETE, &format!("/groups/{group}/participants"), Some(body)).await.ok();
    assert_eq!(members(&app, &group).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_group_id_may_be_percent_encoded() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "approval_required").await;
    let request = ask(&app, "16505550101", &app.link(&group).await).await;
    let encoded = group.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
    assert_eq!(everything(&app, &encoded).await.bytes, everything(&app, &group).await.bytes);
    let answer = answer_requests(&app, Method::POST, &encoded, &[&request]).await.ok();
    assert_eq!(answer["approved_join_requests"], json!([request]));
    let answer = app.d360(Method::DELETE, &format!("/v1/groups/{encoded}"), None).await;
    assert_eq!(answer.ok()["success"], true);
}

#[tokio::test]
async fn the_key_may_have_blanks_around_it() {
    let app = TestApp::new().await;
    let key = format!(" {}\t", sandbox::KEY);
    app.d360_as(&key, Method::GET, "/groups", None).await.ok();
    // Another kind of credentials beside it does not matter.
    let request = Request::get("/groups")
        .header("D360-API-KEY", sandbox::KEY)
        .header("Authorization", "Bearer something");
    app.send(request.body(Body::empty()).unwrap()).await.ok();
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_the_last_of_two_counts() {
    let app = TestApp::new().await;
    app.group("One", "auto_approve").await;
    let group = app.group("Two", "auto_approve").await;
    let list = app.d360(Method::GET, "/groups?colour=red&limit=2&limit=1&&=", None).await.ok();
    assert_eq!(list["data"]["groups"].as_array().unwrap().len(), 1);
    let path = format!("/groups/{group}?fields=colour&fields=subject");
    assert_eq!(app.d360(Method::GET, &path, None).await.ok()["subject"], "Two");
}

#[tokio::test]
async fn a_boundary_may_be_quoted_and_the_type_in_capitals() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let (_, bytes) = form(&[("file", Some("us.png"), &jpeg(192, 192))]);
    for kind in [r#"multipart/form-data; boundary="+++""#, "Multipart/Form-Data;boundary=+++"] {
        let request = request(Method::POST, &format!("/groups/{group}"));
        let request = request.header(header::CONTENT_TYPE, kind);
        let answer = app.send(request.body(bytes.clone().into()).unwrap()).await;
        assert_eq!(answer.ok()["success"], true, "{kind}");
    }
}

#[tokio::test]
async fn an_answer_is_json_and_has_an_id() {
    let app = TestApp::new().await;
    let answer = app.send(json_request(Method::POST, "/groups", json!({ "subject": "A" }))).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    let id = answer.headers["x-request-id"].to_str().unwrap();
    assert_eq!(id.len(), 16, "{id}");
}
