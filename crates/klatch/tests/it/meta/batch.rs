//! Several calls in one: what each of them is answered, in which order, and where it ends.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use insta::assert_snapshot;
use klatch::sandbox::{self, APP_ID, APP_SECRET, PHONE_NUMBER_ID, WABA_ID};
use serde_json::{Value, json};

use super::{Refusals, key, operate, our_groups, refusal, send_form, send_pairs};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::{Answer, TestApp};

async fn batch(app: &TestApp, operations: Value) -> Answer {
    let body = json!({ "batch": operations, "include_headers": false });
    app.meta(Method::POST, "/", Some(body)).await
}

/// Code and body of each operation, for a snapshot. The trace id is another one each time.
fn shown(answer: &Answer) -> String {
    let all = answer.ok();
    let one = |one: &Value| {
        if one.is_null() {
            return "null".to_owned();
        }
        assert_eq!(one.as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "body"]);
        let mut body: Value = serde_json::from_str(one["body"].as_str().unwrap()).unwrap();
        if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
            error.remove("fbtrace_id");
        }
        format!("{} {body}", one["code"])
    };
    all.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join("\n")
}

async fn groups(app: &TestApp) -> usize {
    let list = app.meta(Method::GET, &our_groups(), None).await.ok();
    list["data"]["groups"].as_array().unwrap().len()
}

#[tokio::test]
async fn each_operation_is_answered_as_if_it_were_alone() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let operations = json!([
        { "method": "GET", "relative_url": format!("{group}?fields=subject") },
        { "method": "POST", "relative_url": group, "body": "messaging_product=whatsapp&subject=A%26B" },
        { "method": "get", "relative_url": format!("/v19.0/{group}?fields=subject") },
        { "method": "GET", "relative_url": "17" },
        { "method": "GET", "relative_url": "nothing/at/all" },
        { "method": "POST", "relative_url": our_groups(), "body": "{\"messaging_product\":\"whatsapp\",\"subject\":\"C\"}" },
        { "method": "DELETE", "relative_url": format!("{group}/invite_link") },
        { "method": "PUT", "relative_url": group },
    ]);
    let answer = batch(&app, operations.clone()).await;
    assert_snapshot!(shown(&answer).replace(&group, "GROUP"), @r#"
    200 {"messaging_product":"whatsapp","id":"GROUP","subject":"Hello"}
    200 {"success":true,"request_id":"26E3FAC3F851BF89A8EAE7B77323D69D"}
    200 {"messaging_product":"whatsapp","id":"GROUP","subject":"A&B"}
    400 {"error":{"message":"Unsupported get request. Object with ID '17' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api","type":"GraphMethodException","code":100,"error_subcode":33}}
    400 {"error":{"message":"Unknown path components: /at/all","type":"OAuthException","code":2500}}
    200 {"messaging_product":"whatsapp","request_id":"904683A80B0B69E5E1B1AABD9A215962"}
    200 {"messaging_product":"whatsapp","success":"true"}
    400 {"error":{"message":"Unsupported put request. Object with ID 'GROUP' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api","type":"GraphMethodException","code":100,"error_subcode":33}}
    "#);
    assert_eq!(groups(&app).await, 2);
    // The same as a form of either kind, with headers.
    let reads = json!([operations[0], operations[3]]).to_string();
    let by_pairs = send_pairs(&app, Method::POST, "/", &[("batch", &reads)]).await.ok();
    let by_form = send_form(&app, "/", &[("batch", None, reads.as_bytes())]).await.ok();
    for all in [&by_pairs, &by_form] {
        let headers = all[0]["headers"].as_array().unwrap();
        for (name, value) in
            [("content-type", "application/json"), ("facebook-api-version", "v23.0")]
        {
            assert!(headers.contains(&json!({ "name": name, "value": value })), "{headers:?}");
        }
        assert_eq!((&all[0]["code"], &all[1]["code"]), (&json!(200), &json!(400)));
    }
    // An operation's own version is answered; without any it is the newest.
    let version = async |path: &str, url: &str| {
        let body = json!({ "batch": [{ "method": "GET", "relative_url": url }] });
        let request = Request::post(path)
            .header("Authorization", format!("Bearer {}", sandbox::KEY))
            .header(header::CONTENT_TYPE, "application/json");
        let all = app.send(request.body(Body::from(body.to_string())).unwrap()).await.ok();
        let headers = all[0]["headers"].as_array().unwrap().clone();
        let version = headers.iter().find(|one| one["name"] == "facebook-api-version").unwrap();
        version["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(version("/v21.0/", "me").await, "v21.0");
    assert_eq!(version("/v21.0", "v22.0/me").await, "v22.0");
    assert_eq!(version("/", "me").await, "v26.0");
    assert_eq!(version("/meta/v24.0/", "me").await, "v24.0");
}

#[tokio::test]
async fn an_operation_can_refer_to_an_earlier_one() {
    let app = TestApp::new().await;
    for name in ["One", "Two"] {
        app.group(name, "auto_approve").await;
    }
    let list = format!("{PHONE_NUMBER_ID}/groups?limit=2");
    let all = "?ids={result=list:$.data.groups.*.id}&fields=subject";
    let answer = batch(
        &app,
        json!([
            { "method": "GET", "relative_url": list, "name": "list" },
            { "method": "GET", "relative_url": all },
            {
                "method": "POST",
                "relative_url": "{result=list:$.data.groups[0].id}",
                "body": "messaging_product=whatsapp&subject=New {result=list:$.data.groups[1].subject}",
            },
            { "method": "GET", "relative_url": "{result=list:$.data.groups[0].id}?fields=subject" },
            { "method": "GET", "relative_url": "{result=list:$.data.groups[7].id}" },
        ]),
    )
    .await;
    let all = answer.ok();
    assert_eq!(all[0], Value::Null, "a success on which others depend is left out");
    let read = |index: usize| -> Value {
        serde_json::from_str(all[index]["body"].as_str().unwrap()).unwrap()
    };
    let subjects: Vec<_> = read(1).as_object().unwrap().values().cloned().collect();
    assert_eq!(subjects.iter().map(|one| &one["subject"]).collect::<Vec<_>>(), ["Two", "One"]);
    assert_eq!(read(3)["subject"], "New One");
    assert_eq!(all[4]["code"], 400);
    assert_snapshot!(read(4)["error"]["error_data"]["details"].as_str().unwrap(), @"batch[4].relative_url refers to something that batch[0] did not answer as a text, number or boolean");
    // It is answered where that is asked for.
    let operations = json!([
        { "method": "GET", "relative_url": "me", "name": "a", "omit_response_on_success": false },
        { "method": "GET", "relative_url": "app", "name": "b", "depends_on": "a" },
        { "method": "GET", "relative_url": "app", "omit_response_on_success": true },
        { "method": "GET", "relative_url": "17", "name": "c", "omit_response_on_success": true },
        { "method": "GET", "relative_url": "me", "depends_on": "c", "name": "d" },
        { "method": "GET", "relative_url": "{result=d:$.id}" },
        { "method": "GET", "relative_url": "me?fields=id" },
    ]);
    assert_snapshot!(shown(&batch(&app, operations).await), @r#"
    200 {"name":"Dev","id":"671208686332485"}
    200 {"id":"155507838810001","name":"Dev","link":"https://www.facebook.com/games/?app_id=155507838810001"}
    null
    400 {"error":{"message":"Unsupported get request. Object with ID '17' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api","type":"GraphMethodException","code":100,"error_subcode":33}}
    null
    null
    200 {"id":"671208686332485"}
    "#);
}

#[tokio::test]
async fn an_operation_may_have_a_token_of_its_own() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let own = format!("{APP_ID}|{APP_SECRET}");
    let subscriptions = format!("{APP_ID}/subscriptions");
    let answer = batch(
        &app,
        json!([
            { "method": "GET", "relative_url": format!("{WABA_ID}?fields=id") },
            { "method": "GET", "relative_url": format!("{WABA_ID}?access_token={stranger}") },
            { "method": "GET", "relative_url": WABA_ID, "access_token": "wrong" },
            { "method": "GET", "relative_url": subscriptions, "access_token": own },
            { "method": "GET", "relative_url": "app?fields=id", "access_token": own },
        ]),
    )
    .await;
    assert_snapshot!(shown(&answer), @r#"
    200 {"id":"102290129340398"}
    400 {"error":{"message":"Unsupported get request. Object with ID '102290129340398' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api","type":"GraphMethodException","code":100,"error_subcode":33}}
    401 {"error":{"message":"Invalid OAuth access token","type":"OAuthException","code":190}}
    200 {"data":[]}
    200 {"id":"155507838810001"}
    "#);
    // Without a token of its own the batch is nobody's.
    let body = json!({ "batch": [{ "method": "GET", "relative_url": "me", "access_token": own }] });
    let refused = app.bearer("wrong", Method::POST, "/v23.0/", Some(body)).await;
    assert_eq!(refusal(&refused), "401 190 Invalid OAuth access token");
}

#[tokio::test]
async fn an_operation_keeps_the_token_of_the_batch_unless_it_has_one_that_is_read() {
    let app = TestApp::new().await;
    let answer = batch(
        &app,
        json!([
            // The body of a GET is not read.
            { "method": "GET", "relative_url": "me?fields=id", "body": "access_token=another" },
            { "method": "GET", "relative_url": "me?fields=id&access_token=" },
            { "method": "POST", "relative_url": "me?method=get&fields=id", "body": "{\"access_token\":null}" },
        ]),
    )
    .await;
    let codes = answer.ok();
    for one in codes.as_array().unwrap() {
        assert_eq!(one["code"], 200, "{one}");
    }
}

#[tokio::test]
async fn each_operation_costs_what_it_costs_alone() {
    let app = TestApp::new().await;
    operate(&app, json!({ "limits": { "operations_per_minute": 2 } })).await;
    let create = |key: &str| {
        json!({
            "method": "POST",
            "relative_url": our_groups(),
            "body": "messaging_product=whatsapp&subject=A",
            "headers": [format!("Idempotency-Key: {key}"), "X-Other: 1"],
        })
    };
    let answer =
        batch(&app, json!([create("a"), create("a"), create("b"), create("c"), create("a")])).await;
    let codes = answer.ok();
    let codes: Vec<_> = codes.as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    assert_eq!(codes, [200, 200, 200, 429, 200]);
    assert_eq!(groups(&app).await, 2);
}

#[tokio::test]
async fn a_batch_that_cannot_be_changes_nothing() {
    let app = TestApp::new().await;
    let create = json!({
        "method": "POST",
        "relative_url": our_groups(),
        "body": "messaging_product=whatsapp&subject=A",
    });
    let with = |other: Value| json!([create, other]);
    let me = |change: Value| {
        let mut me = json!({ "method": "GET", "relative_url": "me" });
        me.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        me
    };
    let mut refusals = Refusals::default();
    for (what, operations) in [
        ("none", json!([])),
        ("too many", json!(vec![create.clone(); 51])),
        ("no list", json!({})),
        ("no object", with(json!("me"))),
        ("no method", with(json!({ "relative_url": "me" }))),
        ("another method", with(json!({ "method": "PATCH", "relative_url": "me" }))),
        ("no path", with(json!({ "method": "GET" }))),
        ("a file", with(me(json!({ "attached_files": "a" })))),
        ("nobody to depend on", with(me(json!({ "depends_on": "a" })))),
        ("itself", with(me(json!({ "depends_on": "a", "name": "a" })))),
        ("nobody to refer to", with(me(json!({ "relative_url": "{result=a:$.id}" })))),
        ("a deep path", with(me(json!({ "body": "a={result=a:$..id}" })))),
        ("one name twice", json!([create, me(json!({ "name": "a" })), me(json!({ "name": "a" }))])),
        ("a header", with(me(json!({ "headers": ["Content-Type"] })))),
    ] {
        refusals.add(what, &batch(&app, operations).await);
    }
    refusals.add("no batch", &app.meta(Method::POST, "/", Some(json!({}))).await);
    let body = json!({ "batch": [create], "include_headers": "perhaps" });
    refusals.add("a flag", &app.meta(Method::POST, "/", Some(body)).await);
    assert_snapshot!(refusals.shown(), @r#"
    none => 400 100 (#100) Invalid parameter: batch must hold 1 to 50 operations, got 0
    too many => 400 100 (#100) Invalid parameter: batch must hold 1 to 50 operations, got 51
    no list => 400 100 (#100) Param batch must be an array.: batch has the wrong type: object, expected a list
    no object => 400 100 (#100) Param batch[1] must be a JSON object.: batch[1] has the wrong type: string, expected an object
    no method => 400 100 (#100) The parameter batch[1]['method'] is required.: batch[1].method is missing
    another method => 400 100 (#100) Invalid parameter: batch[1].method must be GET, POST, PUT or DELETE, got "PATCH"
    no path => 400 100 (#100) The parameter batch[1]['relative_url'] is required.: batch[1].relative_url is missing
    a file => 400 100 (#100) Invalid parameter: batch[1].attached_files is not supported: send files in a request of their own
    nobody to depend on => 400 100 (#100) Invalid parameter: batch[1].depends_on must be the name of an earlier operation, got "a"
    itself => 400 100 (#100) Invalid parameter: batch[1].depends_on must be the name of an earlier operation, got "a"
    nobody to refer to => 400 100 (#100) Invalid parameter: batch[1].relative_url must refer to an earlier operation, got "a"
    a deep path => 400 100 (#100) Invalid parameter: batch[1].body must refer to an earlier operation, got "a"
    one name twice => 400 100 (#100) Invalid parameter: batch[2].name is used twice
    a header => 400 100 (#100) Invalid parameter: batch[1].headers[0] must be like Content-Type: text/plain
    no batch => 400 100 (#100) The parameter batch is required.: batch is missing
    a flag => 400 100 (#100) Param include_headers must be a boolean.: include_headers has the wrong type: string, expected a boolean
    "#);
    assert_eq!(groups(&app).await, 0);
}

#[tokio::test]
async fn a_batch_cannot_hold_a_batch_or_leave_the_api() {
    let app = TestApp::new().await;
    let inner = json!([{ "method": "GET", "relative_url": "me" }]).to_string();
    let inner =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("batch", &inner).finish();
    let operation = |url: &str| json!({ "method": "POST", "relative_url": url, "body": inner });
    let answer = batch(
        &app,
        json!([
            operation(""),
            operation("/"),
            operation("v23.0/"),
            operation("?x=1"),
            { "method": "GET", "relative_url": "http://example.com/me" },
            { "method": "GET", "relative_url": "//example.com/me" },
            { "method": "GET", "relative_url": "klatch/v1/accounts" },
            { "method": "GET", "relative_url": "groups" },
            { "method": "GET", "relative_url": "../me" },
            { "method": "GET", "relative_url": "a b" },
        ]),
    )
    .await;
    assert_snapshot!(shown(&answer), @r#"
    400 {"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,"error_data":{"messaging_product":"whatsapp","details":"batch cannot hold a batch"}}}
    400 {"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,"error_data":{"messaging_product":"whatsapp","details":"batch cannot hold a batch"}}}
    400 {"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,"error_data":{"messaging_product":"whatsapp","details":"batch cannot hold a batch"}}}
    400 {"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,"error_data":{"messaging_product":"whatsapp","details":"batch cannot hold a batch"}}}
    400 {"error":{"message":"Unknown path components: //example.com/me","type":"OAuthException","code":2500}}
    400 {"error":{"message":"Unknown path components: /me","type":"OAuthException","code":2500}}
    400 {"error":{"message":"Unknown path components: /v1/accounts","type":"OAuthException","code":2500}}
    400 {"error":{"message":"Unsupported get request. Object with ID 'groups' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api","type":"GraphMethodException","code":100,"error_subcode":33}}
    400 {"error":{"message":"Unknown path components: /me","type":"OAuthException","code":2500}}
    400 {"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,"error_data":{"messaging_product":"whatsapp","details":"batch[9].relative_url must be a path, percent-encoded"}}}
    "#);
}

#[tokio::test]
async fn a_batch_ends_when_its_time_is_over() {
    let app = TestApp::new().await;
    app.meta(Method::POST, &format!("/{WABA_ID}/subscribed_apps"), None).await.ok();
    let receiver = Receiver::that(Behaviour::Hang(500));
    let hook = json!({ "override_callback_uri": receiver.url("/hook"), "verify_token": "t" });
    let hook = json!({ "webhook_configuration": hook }).to_string();
    let operations = json!([
        { "method": "GET", "relative_url": "me?fields=id" },
        { "method": "POST", "relative_url": PHONE_NUMBER_ID, "body": hook },
        { "method": "GET", "relative_url": "me?fields=id" },
    ]);
    let (answer, ()) = tokio::join!(batch(&app, operations), async {
        receiver.nth(1).await;
        app.clock.advance(Duration::from_secs(30));
        receiver.release();
    });
    let all = answer.ok();
    assert_eq!(
        (&all[0]["code"], &all[1]["code"], &all[2]),
        (&json!(200), &json!(400), &json!(null))
    );
}

#[tokio::test]
async fn a_batch_ends_when_its_answers_are_long_enough() {
    let app = TestApp::new().await;
    // Each list is 170 KB long: fifty of them are more than a batch answers.
    let (_, whole) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let subject = "\u{1F697}".repeat(128);
    for _ in 0..250 {
        app.group(&subject, "auto_approve").await;
    }
    let list =
        json!({ "method": "GET", "relative_url": format!("{PHONE_NUMBER_ID}/groups?limit=1024") });
    let body = json!({ "batch": vec![list; 50], "include_headers": false });
    let all = app.bearer(&whole, Method::POST, "/v23.0/", Some(body)).await.ok();
    let all = all.as_array().unwrap();
    let length = |one: &Value| one["body"].as_str().map_or(0, str::len);
    let made = all.iter().filter(|one| !one.is_null()).count();
    let total: usize = all.iter().map(length).sum();
    assert!((2..50).contains(&made), "{made}");
    assert!(total - length(&all[0]) < 4 * 1_024 * 1_024, "{total}");
    assert!(all[made..].iter().all(Value::is_null));
}
