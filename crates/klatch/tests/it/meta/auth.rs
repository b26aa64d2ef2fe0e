//! Tokens: who gets in, under which addresses, and what they cannot see.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use domain::ids::GroupId;
use insta::assert_snapshot;
use klatch::sandbox::{self, PHONE_NUMBER_ID, WABA_ID};
use klatch::store::Scope;
use serde_json::json;

use super::{
    Operation, Refusals, all, answer_requests, ask, key, neighbour, of_app, of_group, of_number,
    of_waba, our_groups, refusal, send_form, whatsapp,
};
use crate::support::{Answer, TestApp, jpeg};

/// Asks for the sandbox's groups, with this in the `Authorization` header and this behind the path.
async fn list(app: &TestApp, header: Option<HeaderValue>, query: &str) -> Answer {
    let request = Request::get(format!("/v23.0{}{query}", our_groups()));
    let request = match header {
        Some(value) => request.header("Authorization", value),
        None => request,
    };
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table, and the answers to it")]
async fn without_the_right_token_there_is_nothing() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    for (what, header, query) in [
        ("none", None, ""),
        ("empty", Some(""), ""),
        ("a scheme alone", Some("Bearer"), ""),
        ("a scheme and a blank", Some("Bearer "), ""),
        ("no scheme", Some("klatch-dev"), ""),
        ("basic", Some("Basic a2xhdGNoLWRldjo="), ""),
        ("another scheme", Some("D360-API-KEY klatch-dev"), ""),
        ("no blank", Some("Bearerklatch-dev"), ""),
        ("wrong", Some("Bearer klatch-deV"), ""),
        ("cut off", Some("Bearer klatch-de"), ""),
        ("two words", Some("Bearer klatch-dev klatch-dev"), ""),
        ("quoted", Some("Bearer \"klatch-dev\""), ""),
        ("the key's id", Some("Bearer key_dev"), ""),
        ("the admin token", Some("Bearer klatch-admin"), ""),
        ("the app's secret", Some("Bearer klatch-app-secret"), ""),
        ("an app's token", Some("Bearer 155507838810001|klatch-app-secret"), ""),
        ("an empty query", None, "?access_token="),
        ("a blank query", None, "?access_token=%20"),
        ("a wrong query", None, "?access_token=klatch-deV"),
        ("not text", None, "?access_token=klatch-dev%FF"),
        ("another name", None, "?token=klatch-dev"),
        ("upper case", None, "?ACCESS_TOKEN=klatch-dev"),
        ("right and wrong", Some("Bearer klatch-dev"), "?access_token=wrong"),
        ("wrong and right", Some("Bearer wrong"), "?access_token=klatch-dev"),
        ("the last counts", None, "?access_token=klatch-dev&access_token=wrong"),
    ] {
        let answer = list(&app, header.map(HeaderValue::from_static), query).await;
        refusals.add(what, &answer);
    }
    let odd = HeaderValue::from_bytes(b"Bearer klatch-dev\xFF").unwrap();
    refusals.add("not text either", &list(&app, Some(odd), "").await);
    assert_snapshot!(refusals.shown(), @"
    none => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    empty => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    a scheme alone => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    a scheme and a blank => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    no scheme => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    basic => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    another scheme => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    no blank => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    wrong => 401 190 Invalid OAuth access token
    cut off => 401 190 Invalid OAuth access token
    two words => 401 190 Invalid OAuth access token
    quoted => 401 190 Invalid OAuth access token
    the key's id => 401 190 Invalid OAuth access token
    the admin token => 401 190 Invalid OAuth access token
    the app's secret => 401 190 Invalid OAuth access token
    an app's token => 401 190 Invalid OAuth access token
    an empty query => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    a blank query => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    a wrong query => 401 190 Invalid OAuth access token
    not text => 401 190 Invalid OAuth access token
    another name => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    upper case => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    right and wrong => 401 190 Invalid OAuth access token: the request holds two different access tokens
    wrong and right => 401 190 Invalid OAuth access token: the request holds two different access tokens
    the last counts => 401 190 Invalid OAuth access token
    not text either => 401 104 An access token is required to request this resource: send the key as Authorization: Bearer <key>, or as the parameter access_token
    ");
    assert_snapshot!(list(&app, None, "").await.shown(), @r#"
    401 Unauthorized
    {
      "error": {
        "message": "An access token is required to request this resource",
        "type": "OAuthException",
        "code": 104,
        "error_data": {
          "messaging_product": "whatsapp",
          "details": "send the key as Authorization: Bearer <key>, or as the parameter access_token"
        }
      }
    }
    "#);
    let wrong = HeaderValue::from_static("Bearer wrong");
    assert_snapshot!(list(&app, Some(wrong), "").await.shown(), @r#"
    401 Unauthorized
    {
      "error": {
        "message": "Invalid OAuth access token",
        "type": "OAuthException",
        "code": 190
      }
    }
    "#);
}

#[tokio::test]
async fn a_token_may_stand_in_the_header_or_in_the_query() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    for (header, query) in [
        (Some("Bearer klatch-dev"), ""),
        (Some("bearer klatch-dev"), ""),
        (Some("BEARER   klatch-dev  "), ""),
        (None, "?access_token=klatch-dev"),
        (None, "?access_token=%20klatch%2Ddev+"),
        (None, "?access_token=wrong&access_token=klatch-dev"),
        (Some("Basic a2xhdGNoLWRldjo="), "?access_token=klatch-dev"),
        (Some("Bearer klatch-dev"), "?access_token=klatch-dev"),
        (Some("Bearer klatch-dev"), "?access_token="),
    ] {
        let answer = list(&app, header.map(HeaderValue::from_static), query).await;
        assert_eq!(answer.ok()["data"]["groups"][0]["id"], *group, "{header:?} {query}");
    }
    // Also where something is changed.
    let request = Request::delete(format!("/v23.0/{group}?access_token=klatch-dev"));
    app.send(request.body(Body::empty()).unwrap()).await.ok();
}

#[tokio::test]
async fn whoever_follows_an_address_as_it_stands_gets_in() {
    let app = TestApp::new().await;
    for _ in 0..2 {
        app.group("Hello", "auto_approve").await;
    }
    let answer = list(&app, None, "?access_token=klatch-dev&limit=1").await.ok();
    let next = answer["paging"]["next"].as_str().unwrap();
    let path = next.strip_prefix("http://localhost").unwrap();
    // The token is in it, as with Graph.
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.send(request).await.ok();
}

#[tokio::test]
async fn nothing_else_is_told_to_whoever_has_no_token() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let mut operations = all(&group);
    operations.extend(all("never"));
    operations.extend(all("%FF"));
    operations.extend(all("17"));
    assert_eq!(operations.len(), 4 * 35);
    for operation in &operations {
        let answer = operation.send(&app, "wrong").await;
        let expected = "401 190 Invalid OAuth access token";
        assert_eq!(refusal(&answer), expected, "{} {}", operation.name, operation.path);
        let answer = operation.send_bare(&app).await;
        assert!(refusal(&answer).starts_with("401 104 "), "{answer:?}");
    }
    for (method, path, body) in [
        (Method::GET, format!("{}?limit=0&after=damaged", our_groups()), None),
        (Method::POST, our_groups(), Some(json!([]))),
        (Method::POST, format!("/{group}"), Some(json!({ "subject": 5 }))),
        (Method::GET, format!("/{group}?fields=nonsense"), None),
    ] {
        let answer = app.bearer("wrong", method, &format!("/v23.0{path}"), body).await;
        assert_eq!(refusal(&answer), "401 190 Invalid OAuth access token", "{path}");
    }
    assert_eq!(super::everything(&app, &group).await.ok()["subject"], "Hello");
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_from_then_on() {
    let app = TestApp::new().await;
    let (id, secret) = key(&app, json!({ "phone_number_id": PHONE_NUMBER_ID })).await;
    let path = format!("/v23.0{}", our_groups());
    app.bearer(&secret, Method::GET, &path, None).await.ok();
    app.admin(Method::DELETE, &format!("/keys/{id}"), None).await.ok();
    let answer = app.bearer(&secret, Method::GET, &path, None).await;
    assert_eq!(refusal(&answer), "401 190 Invalid OAuth access token");
    let path = format!("{path}?access_token={secret}");
    let answer = app.send(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(refusal(&answer), "401 190 Invalid OAuth access token");
    // The other key of the same number is not touched.
    app.meta(Method::GET, &our_groups(), None).await.ok();
}

#[tokio::test]
async fn a_key_of_an_account_opens_all_of_its_numbers() {
    let app = TestApp::new().await;
    let second = neighbour(&app).await;
    let (_, secret) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let mut groups = BTreeMap::new();
    for number in [PHONE_NUMBER_ID, &second] {
        let path = format!("/v23.0/{number}/groups");
        let body = whatsapp(json!({ "subject": number }));
        app.bearer(&secret, Method::POST, &path, Some(body)).await.ok();
        let id = app.newest(&secret, &path).await;
        let list = app.bearer(&secret, Method::GET, &path, None).await.ok();
        assert_eq!(list["data"]["groups"].as_array().unwrap().len(), 1);
        assert_eq!(list["data"]["groups"][0]["id"], *id);
        let path = format!("/v23.0/{number}?fields=id");
        assert_eq!(app.bearer(&secret, Method::GET, &path, None).await.text("id"), number);
        groups.insert(number, id);
    }
    // Each group belongs to the number in whose path it was made, and to no other one.
    let both = format!("/v23.0/{}?fields=subject", groups[second.as_str()]);
    assert_eq!(app.bearer(&secret, Method::GET, &both, None).await.text("subject"), second);
    let answer = app.meta(Method::GET, &format!("/{}", groups[second.as_str()]), None).await;
    assert_eq!(refusal(&answer), "400 131041 (#131041) Group unknown: the group does not exist");
    app.meta(Method::GET, &format!("/{}", groups[PHONE_NUMBER_ID]), None).await.ok();
    // Which number has called is not known, so nobody's limits are told of.
    let answer = app.bearer(&secret, Method::GET, &both, None).await;
    assert_eq!(answer.headers.get("x-app-usage"), None);
    assert_eq!(answer.headers.get("x-business-use-case-usage"), None);
}

#[tokio::test]
async fn a_key_of_one_number_does_not_open_another() {
    let app = TestApp::new().await;
    let second = neighbour(&app).await;
    let mut refusals = Refusals::default();
    for operation in of_number(&second) {
        refusals.add(operation.name, &operation.send(&app, sandbox::KEY).await);
    }
    assert_snapshot!(refusals.shown(), @"
    groups => 400 100/33 Unsupported get request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    a page of groups => 400 100/33 Unsupported get request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    create => 400 100/33 Unsupported post request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    number => 400 100/33 Unsupported get request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    number with fields => 400 100/33 Unsupported get request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    change the number => 400 100/33 Unsupported post request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    delete the number => 400 100/33 Unsupported delete request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    deregister => 400 100/33 Unsupported post request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    register => 400 100/33 Unsupported post request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    ");
    let number = app.admin(Method::GET, &format!("/numbers/{second}"), None).await;
    for operation in of_waba(&number.text("waba_id")) {
        let answer = operation.send(&app, sandbox::KEY).await;
        assert!(refusal(&answer).starts_with("400 100/33 "), "{answer:?}");
    }
    assert_snapshot!(
        app.meta(Method::GET, &format!("/{second}/groups"), None).await.shown(),
        @r#"
    400 Bad Request
    {
      "error": {
        "message": "Unsupported get request. Object with ID '662270429894862' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api",
        "type": "GraphMethodException",
        "code": 100,
        "error_subcode": 33
      }
    }
    "#
    );
}

#[tokio::test]
async fn the_same_is_reached_by_many_addresses() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let number = our_groups();
    for (address, host, version) in [
        ("", None, "v26.0"),
        ("/v23.0", None, "v23.0"),
        ("/v999.0", None, "v999.0"),
        ("/v1.0", None, "v1.0"),
        ("/v26.17", None, "v26.17"),
        ("/meta", None, "v26.0"),
        ("/meta/v24.0", None, "v24.0"),
        ("", Some("graph.facebook.com"), "v26.0"),
        ("/v25.0", Some("graph.facebook.com"), "v25.0"),
        ("/v25.0", Some("Graph.Facebook.Com:443"), "v25.0"),
    ] {
        for path in [&number, &format!("/{group}"), &format!("/{group}/invite_link")] {
            let request = Request::get(format!("{address}{path}"))
                .header("Authorization", "Bearer klatch-dev")
                .header("Host", host.unwrap_or("localhost"));
            let answer = app.send(request.body(Body::empty()).unwrap()).await;
            answer.ok();
            assert_eq!(answer.headers["facebook-api-version"], version, "{address} {host:?}");
        }
    }
}

#[tokio::test]
async fn versions_that_are_none_are_refused() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    for address in [
        "/v1",
        "/v23",
        "/V23.0",
        "/V23",
        "/v23.0.1",
        "/v23.",
        "/v.0",
        "/v",
        "/23.0",
        "/v-1.0",
        "/v23,0",
        "/v23%2E0",
        "/v23.0/v23.0",
        "/meta/meta/v23.0",
        "/v23.0/meta",
        "/meta/v23",
    ] {
        let path = format!("{address}{}", our_groups());
        let answer = app.bearer(sandbox::KEY, Method::GET, &path, None).await;
        assert_eq!(answer.headers["facebook-api-version"].as_bytes()[..1], *b"v", "{address}");
        refusals.add(address, &answer);
    }
    // Where the path after it is a whole one as well.
    for address in ["/v1", "/v23", "/V23.0"] {
        let path = format!("{address}/{PHONE_NUMBER_ID}");
        refusals.add(&path, &app.bearer(sandbox::KEY, Method::GET, &path, None).await);
        refusals.add(address, &app.bearer(sandbox::KEY, Method::GET, address, None).await);
    }
    assert_snapshot!(refusals.shown(), @"
    /v1 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /v23 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /V23.0 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /V23 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /v23.0.1 => 400 2500 Unknown path components: /106540352242922/groups
    /v23. => 400 2500 Unknown path components: /106540352242922/groups
    /v.0 => 400 2500 Unknown path components: /106540352242922/groups
    /v => 400 2500 Unknown path components: /106540352242922/groups
    /23.0 => 400 2500 Unknown path components: /106540352242922/groups
    /v-1.0 => 400 2500 Unknown path components: /106540352242922/groups
    /v23,0 => 400 2500 Unknown path components: /106540352242922/groups
    /v23%2E0 => 400 2500 Unknown path components: /106540352242922/groups
    /v23.0/v23.0 => 400 2500 Unknown path components: /106540352242922/groups
    /meta/meta/v23.0 => 400 2500 Unknown path components: /v23.0/106540352242922/groups
    /v23.0/meta => 400 2500 Unknown path components: /106540352242922/groups
    /meta/v23 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /v1/106540352242922 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /v1 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /v23/106540352242922 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /v23 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /V23.0/106540352242922 => 400 100 (#100) Invalid parameter: version must be like v23.0
    /V23.0 => 400 100 (#100) Invalid parameter: version must be like v23.0
    ");
}

/// All of an answer but the ids that every answer has of its own, and the id that the caller sent.
fn seen(answer: Answer, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    let Answer { status, mut headers, bytes } = answer;
    let mut text = String::from_utf8(bytes.to_vec()).unwrap();
    let id = path.split(['/', '?']).nth(2).unwrap();
    text = text.replace(&format!("Object with ID '{id}'"), "Object with ID 'ID'");
    for name in ["x-request-id", "x-fb-request-id", "x-fb-trace-id", "x-fb-debug"] {
        let id = headers.remove(name).unwrap_or_else(|| panic!("no {name} in {headers:?}"));
        text = text.replace(id.to_str().unwrap(), "TRACE");
    }
    (status, headers, text.into())
}

/// A foreign operation beside the same on what never was: whoever asks cannot tell which is which.
async fn assert_same(app: &TestApp, caller: &str, foreign: &[Operation], never: &[Operation]) {
    assert_eq!(foreign.len(), never.len());
    for (foreign, never) in foreign.iter().zip(never) {
        assert_eq!((foreign.name, &foreign.method), (never.name, &never.method));
        assert_ne!(foreign.path, never.path);
        let foreign_answer = foreign.send(app, caller).await;
        assert_eq!(foreign_answer.status, 400, "{}: {foreign_answer:?}", foreign.name);
        refusal(&foreign_answer);
        let never_answer = never.send(app, caller).await;
        let foreign_seen = seen(foreign_answer, &foreign.path);
        assert_eq!(foreign_seen, seen(never_answer, &never.path), "{}", foreign.name);
    }
}

#[tokio::test]
async fn what_belongs_to_others_is_as_unknown_as_what_never_was() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let second = neighbour(&app).await;
    let (_, second) = key(&app, json!({ "phone_number_id": second })).await;

    let group = app.group("Private", "approval_required").await;
    let link = app.link(&group).await;
    let request = ask(&app, "16505550101", &link).await;
    answer_requests(&app, Method::POST, &group, &[&request]).await.ok();
    let open = ask(&app, "16505550102", &link).await;
    send_form(&app, &format!("/{group}"), &[("file", Some("us.jpg"), &jpeg(192, 192))]).await.ok();
    app.meta(Method::POST, &format!("/{WABA_ID}/subscribed_apps"), None).await.ok();
    let id = GroupId::parse(&group).unwrap();
    let before = app.app.group(&Scope::Everything, &id).await.unwrap();

    // As long as the real ones, so that not even the length of an answer could tell.
    let never_group = format!("{}{}", &group[..20], "x".repeat(group.len() - 20));
    let never_number = "1".repeat(PHONE_NUMBER_ID.len());
    for caller in [&stranger, &second] {
        assert_same(&app, caller, &of_group(&group), &of_group(&never_group)).await;
        assert_same(&app, caller, &of_number(PHONE_NUMBER_ID), &of_number(&never_number)).await;
        assert_same(&app, caller, &of_waba(WABA_ID), &of_waba(&never_number)).await;
        // With the id of a request that is really open.
        for method in [Method::POST, Method::DELETE] {
            let at = |group: &str| {
                let body = whatsapp(json!({ "join_requests": [open] }));
                let path = format!("/{group}/join_requests");
                [Operation::new("answer", method.clone(), &path, Some(body))]
            };
            assert_same(&app, caller, &at(&group), &at(&never_group)).await;
        }
    }
    // The app is the account's: to its other number it is no secret.
    let never_app = "1".repeat(sandbox::APP_ID.len());
    assert_same(&app, &stranger, &of_app(sandbox::APP_ID), &of_app(&never_app)).await;

    assert_eq!(app.app.group(&Scope::Everything, &id).await.unwrap(), before);
    let list = app.meta(Method::GET, &our_groups(), None).await.ok();
    assert_eq!(list["data"]["groups"].as_array().unwrap().len(), 1);
    let apps = app.meta(Method::GET, &format!("/{WABA_ID}/subscribed_apps"), None).await.ok();
    assert_eq!(apps["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_open_request_means_nothing_in_a_group_of_others() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let number = app.admin(Method::GET, "/numbers", None).await.ok();
    let numbers = number["data"].as_array().unwrap();
    let theirs = numbers.iter().find(|one| one["phone_number_id"] != PHONE_NUMBER_ID).unwrap();
    let theirs = theirs["phone_number_id"].as_str().unwrap();
    let group = app.group("Private", "approval_required").await;
    let open = ask(&app, "16505550102", &app.link(&group).await).await;
    let body = whatsapp(json!({ "subject": "Theirs", "join_approval_mode": "approval_required" }));
    let path = format!("/v23.0/{theirs}/groups");
    app.bearer(&stranger, Method::POST, &path, Some(body)).await.ok();
    let own = app.newest(&stranger, &path).await;
    let body = whatsapp(json!({ "join_requests": [open] }));
    let path = format!("/v23.0/{own}/join_requests");
    let answer = app.bearer(&stranger, Method::POST, &path, Some(body)).await.ok();
    assert_eq!(answer["approved_join_requests"], json!([]));
    assert_eq!(answer["errors"][0]["code"], 131_213);
}
