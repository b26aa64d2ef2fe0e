//! Callbacks that are asked for instead of being sent.

use std::time::Duration;

use axum::http::Method;
use domain::values::Timestamp;
use insta::assert_snapshot;
use klatch::sandbox;
use klatch::webhook::dispatch;
use serde_json::{Value, json};

use super::{
    ANN, BEN, CEM, Refusals, alias_of, create, empty, group_of, hide, id_of, info, invite, news,
    people, refusal, told,
};
use crate::support::receiver::{Receiver, Seen};
use crate::support::{Answer, BEGINNING_MS, TestApp};

const NOTIFICATIONS: &str = "/callbacks/notifications";

async fn ask(app: &TestApp, query: &str) -> Answer {
    app.sinch(Method::GET, &format!("{NOTIFICATIONS}?{query}"), None).await
}

async fn ask_in_body(app: &TestApp, body: Value) -> Answer {
    app.sinch(Method::GET, NOTIFICATIONS, Some(body)).await
}

/// The kinds of what an answer tells of.
#[track_caller]
fn kinds(answer: &Answer) -> Vec<String> {
    let body = answer.ok();
    let results = body["results"].as_array().unwrap().iter();
    let all = results.flat_map(|callback| callback["notifications"].as_array().unwrap());
    all.map(|one| one["message"]["event_type"].as_str().unwrap().to_owned()).collect()
}

async fn rename(app: &TestApp, group: &str, subject: &str) {
    let body = Some(json!({ "subject": subject }));
    empty(&app.sinch(Method::PATCH, &format!("/groups/{group}"), body).await);
}

#[tokio::test]
async fn nothing_has_happened_yet() {
    let app = TestApp::new().await;
    let answer = app.sinch(Method::GET, NOTIFICATIONS, None).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "results": []
    }
    "#);
    for id in ["01DPNXZ0WCF9XD19MH84XD0P62", "x", "%20", "%00", "%FF"] {
        let path = format!("/callbacks/status/{id}");
        let statuses = app.sinch(Method::GET, &path, None).await;
        assert_eq!(statuses.ok(), json!({ "results": [] }), "{id}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a whole answer")]
async fn everything_is_told_oldest_first() {
    let app = TestApp::new().await;
    let one = create(&app, "One").await;
    let two = create(&app, "Two").await;
    app.tap(ANN, &invite(&app, &one).await).await.ok();
    rename(&app, &two, "Second").await;
    app.clock.advance(Duration::from_millis(1_500));
    empty(&people(&app, Method::POST, &one, "admin", &[ANN]).await);
    assert_snapshot!(app.sinch(Method::GET, NOTIFICATIONS, None).await.shown(), @r#"
    200 OK
    {
      "results": [
        {
          "type": "whatsapp",
          "notifications": [
            {
              "from": "15550783881",
              "message_id": "B1470F7F2B56BFE903E78BCD463D2AC200",
              "message": {
                "type": "group_event",
                "event_type": "group_created",
                "body": "‎‎+15550783881 created group \"One\"‎",
                "members": [
                  "15550783881"
                ],
                "in_group": "group:15550783881-1755548877"
              },
              "timestamp": "2025-08-18T20:27:57Z",
              "in_group": "group:15550783881-1755548877",
              "to": "klatch"
            }
          ]
        },
        {
          "type": "whatsapp",
          "notifications": [
            {
              "from": "15550783881",
              "message_id": "26E3FAC3F851BF89A8EAE7B77323D69D00",
              "message": {
                "type": "group_event",
                "event_type": "group_created",
                "body": "‎‎+15550783881 created group \"Two\"‎",
                "members": [
                  "15550783881"
                ],
                "in_group": "group:15550783881-1755548878"
              },
              "timestamp": "2025-08-18T20:27:57Z",
              "in_group": "group:15550783881-1755548878",
              "to": "klatch"
            }
          ]
        },
        {
          "type": "whatsapp",
          "notifications": [
            {
              "from": "16505550101",
              "message_id": "904683A80B0B69E5E1B1AABD9A21596200",
              "message": {
                "type": "group_event",
                "event_type": "group_user_joined",
                "body": "‎‎+16505550101 joined using this group's invite link‎",
                "members": [
                  "16505550101"
                ],
                "in_group": "group:15550783881-1755548877"
              },
              "timestamp": "2025-08-18T20:27:57Z",
              "in_group": "group:15550783881-1755548877",
              "to": "klatch"
            }
          ]
        },
        {
          "type": "whatsapp",
          "notifications": [
            {
              "from": "15550783881",
              "message_id": "7D8934FDA1ED80BA7284926B9225C07600",
              "message": {
                "type": "group_event",
                "event_type": "group_subject_changed",
                "body": "‎‎The subject is now \"Second\"‎",
                "in_group": "group:15550783881-1755548878"
              },
              "timestamp": "2025-08-18T20:27:57Z",
              "in_group": "group:15550783881-1755548878",
              "to": "klatch"
            }
          ]
        },
        {
          "type": "whatsapp",
          "notifications": [
            {
              "from": "15550783881",
              "message_id": "BDDD6F61D3137F7DF165AF2A9A53250C00",
              "message": {
                "type": "group_event",
                "event_type": "group_user_promoted",
                "body": "‎‎+16505550101 is now an admin‎",
                "members": [
                  "16505550101"
                ],
                "in_group": "group:15550783881-1755548877"
              },
              "timestamp": "2025-08-18T20:27:58Z",
              "in_group": "group:15550783881-1755548877",
              "to": "klatch"
            }
          ]
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_span_of_time_may_be_named() {
    let app = TestApp::new().await;
    let group = create(&app, "Hello").await;
    for _ in 0..3 {
        app.clock.advance(Duration::from_mins(1));
        rename(&app, &group, &format!("At {}", app.app.runtime.now().as_secs())).await;
    }
    // 20:27:57, :28:57, :29:57, :30:57.
    for (start, end, expected) in [
        (None, None, 4),
        (Some("2025-08-18T20:28:57Z"), None, 3),
        (Some("2025-08-18T20:28:57.001Z"), None, 2),
        (None, Some("2025-08-18T20:28:57Z"), 1),
        (None, Some("2025-08-18T20:28:57.001Z"), 2),
        (Some("2025-08-18T20:28:57Z"), Some("2025-08-18T20:29:57Z"), 1),
        (Some("2025-08-18T22:28:57+02:00"), Some("2025-08-18T20:30:57Z"), 2),
        (Some("2025-08-18T20:28:57Z"), Some("2025-08-18T20:28:57Z"), 0),
        (Some("2025-08-18T20:30:57Z"), Some("2025-08-18T20:27:57Z"), 0),
        (Some("2019-09-01T00:00:00Z"), Some("2999-01-01T00:00:00Z"), 4),
        (Some("-009999-01-03T00:00:00Z"), Some("9999-12-30T00:00:00Z"), 4),
        (Some("2999-01-01T00:00:00Z"), None, 0),
    ] {
        let answer = ask_in_body(&app, json!({ "start_time": start, "end_time": end })).await;
        assert_eq!(kinds(&answer).len(), expected, "{start:?} {end:?}");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let named = [("start_time", start), ("end_time", end)];
        for (name, value) in named.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
            query.append_pair(name, value);
        }
        let same = ask(&app, &query.finish()).await;
        assert_eq!(same.bytes, answer.bytes, "{start:?} {end:?}");
    }
}

#[tokio::test]
async fn only_what_one_person_did() {
    let app = TestApp::new().await;
    hide(&app, CEM, "cem").await;
    let group = group_of(&app, &[ANN, BEN, CEM]).await;
    let body = json!({ "group_id": id_of(&app, &group).await });
    app.admin(Method::POST, &format!("/people/{ANN}/leave"), Some(body)).await.ok();
    empty(&people(&app, Method::DELETE, &group, "member", &[BEN, ANN]).await);
    let of_ann = ["group_user_joined", "group_user_left"];
    for from in [ANN, "+1 (650) 555-0101"] {
        assert_eq!(kinds(&ask_in_body(&app, json!({ "from": from })).await), of_ann);
    }
    assert_eq!(kinds(&ask(&app, "from=%2B16505550101").await), of_ann);
    assert_eq!(kinds(&ask(&app, &format!("from={BEN}")).await), ["group_user_joined"]);
    assert_eq!(
        kinds(&ask(&app, "from=15550783881").await),
        ["group_created", "group_user_left", "group_error_removing_user"]
    );
    // Who shows no number did nothing under it, but under the id in its place.
    assert_eq!(kinds(&ask(&app, &format!("from={CEM}")).await), [""; 0]);
    let shown = info(&app, &group).await["members"][1].clone();
    let of_cem = ask_in_body(&app, json!({ "from": shown })).await;
    assert_eq!(kinds(&of_cem), ["group_user_joined"]);
    assert_eq!(kinds(&ask(&app, "from=99999999").await), [""; 0]);
    // Pages count what is wanted.
    assert_eq!(kinds(&ask(&app, &format!("from={ANN}&page_size=1&page=2")).await), of_ann[1..]);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of refusals")]
async fn what_cannot_be_meant_is_named() {
    let app = TestApp::new().await;
    create(&app, "Hello").await;
    let mut refusals = Refusals::default();
    for query in [
        "page=0",
        "page=-1",
        "page=1.5",
        "page=x",
        "page=",
        "page=4294967296",
        "page=99999999999999999999",
        "page_size=0",
        "page_size=1001",
        "page_size=-20",
        "page_size=20.0",
        "page_size=%2B",
        "start_time=yesterday",
        "start_time=",
        "start_time=2020-01-31",
        "start_time=2020-01-31T12:00:00",
        "start_time=1580472000",
        "start_time=2020-02-30T12:00:00Z",
        "start_time=2020-01-31T12:00:00+01:00",
        "end_time=99999-01-01T00:00:00Z",
        "from=ann",
        "from=",
        "from=klatch",
        "from=%00",
    ] {
        refusals.add(query, &ask(&app, query).await);
    }
    for body in [
        json!({ "page": "1" }),
        json!({ "page": 0 }),
        json!({ "page": -1 }),
        json!({ "page": 1.5 }),
        json!({ "page_size": 1_001 }),
        json!({ "page_size": true }),
        json!({ "start_time": 1_580_472_000 }),
        json!({ "end_time": "soon" }),
        json!({ "from": 16_505_550_101_u64 }),
        json!({ "from": ["16505550101"] }),
        json!([]),
    ] {
        refusals.add(&body.to_string(), &ask_in_body(&app, body).await);
    }
    assert_snapshot!(refusals.shown(), @r#"
    page=0 => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    page=-1 => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    page=1.5 => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    page=x => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    page= => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    page=4294967296 => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    page=99999999999999999999 => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    page_size=0 => 400 Validation error: Field [page_size] must be a whole number from 1 to 1000
    page_size=1001 => 400 Validation error: Field [page_size] must be a whole number from 1 to 1000
    page_size=-20 => 400 Validation error: Field [page_size] must be a whole number from 1 to 1000
    page_size=20.0 => 400 Validation error: Field [page_size] must be a whole number from 1 to 1000
    page_size=%2B => 400 Validation error: Field [page_size] must be a whole number from 1 to 1000
    start_time=yesterday => 400 Validation error: Field [start_time] must be a moment such as 2020-01-31T12:00:00Z
    start_time= => 400 Validation error: Field [start_time] must be a moment such as 2020-01-31T12:00:00Z
    start_time=2020-01-31 => 400 Validation error: Field [start_time] must be a moment such as 2020-01-31T12:00:00Z
    start_time=2020-01-31T12:00:00 => 400 Validation error: Field [start_time] must be a moment such as 2020-01-31T12:00:00Z
    start_time=1580472000 => 400 Validation error: Field [start_time] must be a moment such as 2020-01-31T12:00:00Z
    start_time=2020-02-30T12:00:00Z => 400 Validation error: Field [start_time] must be a moment such as 2020-01-31T12:00:00Z
    start_time=2020-01-31T12:00:00+01:00 => 400 Validation error: Field [start_time] must be a moment such as 2020-01-31T12:00:00Z
    end_time=99999-01-01T00:00:00Z => 400 Validation error: Field [end_time] must be a moment such as 2020-01-31T12:00:00Z
    from=ann => 400 Validation error: Field [from] must be a phone number of 5 to 15 digits
    from= => 400 Validation error: Field [from] must be a phone number of 5 to 15 digits
    from=klatch => 400 Validation error: Field [from] must be a phone number of 5 to 15 digits
    from=%00 => 400 Validation error: Field [from] must be a phone number of 5 to 15 digits
    {"page":"1"} => 400 Validation error: Field [page] has the wrong type: string, expected a whole number
    {"page":0} => 400 Validation error: Field [page] must be a whole number from 1 to 5000
    {"page":-1} => 400 Validation error: Field [page] is not valid: invalid value: integer, expected a whole number
    {"page":1.5} => 400 Validation error: Field [page] has the wrong type: floating point, expected a whole number
    {"page_size":1001} => 400 Validation error: Field [page_size] must be a whole number from 1 to 1000
    {"page_size":true} => 400 Validation error: Field [page_size] has the wrong type: boolean, expected a whole number
    {"start_time":1580472000} => 400 Validation error: Field [start_time] has the wrong type: integer, expected a string
    {"end_time":"soon"} => 400 Validation error: Field [end_time] must be a moment such as 2020-01-31T12:00:00Z
    {"from":16505550101} => 400 Validation error: Field [from] has the wrong type: integer, expected a string
    {"from":["16505550101"]} => 400 Validation error: Field [from] has the wrong type: list, expected a string
    [] => 400 Validation error: Invalid JSON in request body: it must be a JSON object
    "#);
    // What is not known does not matter, and what stands in the body counts.
    for (query, body) in [
        ("limit=0&page_number=x", json!({ "order": "newest" })),
        (
            "page=0&page_size=x&start_time=x",
            json!({
                "page": 1, "page_size": 1, "start_time": "2019-09-01T00:00:00Z",
            }),
        ),
        ("page=7&page=1", json!({ "page": null, "start_time": null, "from": null })),
    ] {
        let path = format!("{NOTIFICATIONS}?{query}");
        let answer = app.sinch(Method::GET, &path, Some(body)).await;
        assert_eq!(kinds(&answer), ["group_created"], "{query}");
    }
}

#[tokio::test]
async fn pages_hold_what_is_told_and_nothing_else() {
    let app = TestApp::new().await;
    let asks = app.group("Closed", "approval_required").await;
    let group = create(&app, "Hello").await;
    let link = app.link(&asks).await;
    // Of each three of these, one is told of; together they are more than are read in one go.
    let cancel = json!({ "group_id": asks });
    for index in 0..260 {
        app.tap(ANN, &link).await.ok();
        let path = format!("/people/{ANN}/cancel");
        app.admin(Method::POST, &path, Some(cancel.clone())).await.ok();
        rename(&app, &group, &format!("No. {index}")).await;
    }
    let all = told(&app).await;
    assert_eq!(all.len(), 2 + 260);
    let sentence = |one: &Value| one["notifications"][0]["message"]["body"].clone();
    for (index, one) in all[2..].iter().enumerate() {
        let expected = format!("\u{200e}\u{200e}The subject is now \"No. {index}\"\u{200e}");
        assert_eq!(sentence(one), expected);
    }
    for size in [1, 100, 131, 262, 263, 500] {
        let mut paged = Vec::new();
        for page in 1.. {
            if size == 1 && page == 6 {
                break;
            }
            let answer = ask(&app, &format!("page={page}&page_size={size}")).await.ok();
            let results = answer["results"].as_array().unwrap().clone();
            if results.is_empty() {
                break;
            }
            assert!(results.len() <= size);
            paged.extend(results);
        }
        assert_eq!(paged, all[..paged.len()], "{size}");
        assert!(paged.len() == all.len() || size == 1, "{size}: {}", paged.len());
    }
    // Twenty, unless somebody says otherwise.
    let usual = app.sinch(Method::GET, NOTIFICATIONS, None).await.ok();
    assert_eq!(usual["results"].as_array().unwrap()[..], all[..20]);
    assert_eq!(kinds(&ask(&app, "page=100&page_size=1000").await), [""; 0]);
}

#[tokio::test]
async fn what_is_asked_for_is_what_was_sent() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let body = json!({
        "phone_number_id": sandbox::PHONE_NUMBER_ID,
        "dialect": "sinch",
        "url": receiver.url("/hook"),
    });
    app.admin(Method::POST, "/subscriptions", Some(body)).await.ok();
    hide(&app, CEM, "cem").await;
    let group = group_of(&app, &[ANN, BEN, CEM]).await;
    rename(&app, &group, "Grüße \u{1f600} \"quoted\" \\").await;
    empty(&people(&app, Method::POST, &group, "admin", &[ANN, BEN]).await);
    empty(&people(&app, Method::DELETE, &group, "admin", &[BEN]).await);
    app.clock.advance(Duration::from_millis(61_234));
    empty(&people(&app, Method::DELETE, &group, "member", &[BEN, "4915112345678"]).await);
    let icon = Some(json!({ "url": receiver.url("/no-picture") }));
    empty(&app.sinch(Method::POST, &format!("/groups/{group}/icon"), icon).await);
    receiver.forget();
    empty(&app.sinch(Method::DELETE, &format!("/groups/{group}/invite"), None).await);
    invite(&app, &group).await;
    // Another API says more about it than this one can.
    let id = id_of(&app, &group).await;
    let body = json!({ "subject": "New", "description": "Of this nobody can ask here" });
    app.d360(Method::POST, &format!("/groups/{id}"), Some(body)).await.ok();
    let asks = app.group("Closed", "approval_required").await;
    let closed = alias_of(&app, &asks).await;
    app.tap(ANN, &app.link(&asks).await).await.ok();
    empty(&app.sinch(Method::DELETE, &format!("/groups/{group}"), None).await);
    app.d360(Method::DELETE, &format!("/groups/{asks}"), None).await.ok();

    dispatch::run_due(&app.app.dispatch).await;
    // Deliveries about one group come in order; groups do not wait for each other.
    let of_group = |all: &[Value], name: &str| -> Vec<Value> {
        all.iter().filter(|one| one["notifications"][0]["in_group"] == name).cloned().collect()
    };
    let sent: Vec<Value> = receiver.seen().iter().map(Seen::json).collect();
    let told = told(&app).await;
    for (name, count) in [(&group, 12), (&closed, 2)] {
        assert_eq!(of_group(&told, name), of_group(&sent, name));
        assert_eq!(of_group(&told, name).len(), count, "{name}: {:?}", news(&app).await);
    }
    assert_eq!((told.len(), sent.len()), (14, 14));
}

#[tokio::test]
async fn each_bot_is_told_of_its_own_groups() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    let path = "/whatsapp/v1/447700900123/groups";
    let body = Some(json!({ "subject": "Theirs" }));
    app.bearer(&stranger, Method::POST, path, body).await.ok();
    create(&app, "Ours").await;
    let theirs = "/whatsapp/v1/447700900123/callbacks/notifications";
    let theirs = app.bearer(&stranger, Method::GET, theirs, None).await.ok();
    let [ours] = &told(&app).await[..] else { panic!("more than one") };
    assert_eq!(ours["notifications"][0]["to"], "klatch");
    assert_eq!(theirs["results"][0]["notifications"][0]["to"], "447700900123");
    assert_eq!(theirs["results"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn groups_that_have_ended_keep_their_history() {
    let app = TestApp::new().await;
    let left = group_of(&app, &[ANN]).await;
    let deleted = app.group("Deleted elsewhere", "auto_approve").await;
    let name = alias_of(&app, &deleted).await;
    empty(&app.sinch(Method::DELETE, &format!("/groups/{left}"), None).await);
    app.d360(Method::DELETE, &format!("/groups/{deleted}"), None).await.ok();
    for callback in told(&app).await {
        let group = &callback["notifications"][0]["in_group"];
        assert!(*group == left || *group == name, "{callback}");
    }
    assert_eq!(
        news(&app).await,
        [
            "group_created 15550783881",
            &format!("group_user_joined {ANN}"),
            "group_created 15550783881",
            "group_user_left 15550783881",
            "group_ended",
        ]
    );
    let gone = app.sinch(Method::GET, &format!("/groups/{left}"), None).await;
    assert_eq!(refusal(&gone), super::UNKNOWN);
}

#[tokio::test]
async fn what_happens_in_this_very_millisecond_is_told() {
    let app = TestApp::new().await;
    app.clock.set(Timestamp::from_millis(BEGINNING_MS + 999));
    let group = create(&app, "Hello").await;
    assert_eq!(kinds(&app.sinch(Method::GET, NOTIFICATIONS, None).await), ["group_created"]);
    assert_eq!(info(&app, &group).await["creation_time"], "2025-08-18T20:27:57.999Z");
    // Callbacks have whole seconds.
    let told = told(&app).await;
    assert_eq!(told[0]["notifications"][0]["timestamp"], "2025-08-18T20:27:57Z");
}
