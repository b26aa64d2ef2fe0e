//! `/v1/subscriptions`: who is told, and every way of saying that wrongly.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use domain::Limits;
use domain::ids::{AccountId, PhoneNumberId};
use domain::values::BusinessNumber;
use insta::assert_snapshot;
use klatch::app::leases;
use klatch::directory::{Actor, Eligibility, Number, RecordChange, Registration};
use klatch::sandbox;
use klatch::webhook::egress::Rules;
use klatch::webhook::sample;
use serde_json::{Value, json};
use wire::Answers;
use wire::Dialect;

use super::{any_group, delivery, get, new, post, rename, run_due, subscribe, subscribed};
use crate::admin::{ids, refusal, refused, refused_calls};
use crate::d360::paging::assert_pages;
use crate::support::receiver::{Behaviour, Names, Receiver, answer, status};
use crate::support::{Answer, TestApp};

/// A public host, one that is ours, and one that is both.
fn names() -> Names {
    Names::default()
        .at("hook.example", "93.184.216.34")
        .at("hook_er.example", "93.184.216.34")
        .at("inside.example", "10.1.2.3")
        .at("inside6.example", "::ffff:192.168.0.1")
        .at("metadata.example", "169.254.169.254")
        .at("both.example", "10.1.2.3 93.184.216.34")
}

/// As in production: https, and public addresses only.
async fn strict() -> TestApp {
    TestApp::outbound(Rules::default(), names()).await
}

const HOOK: &str = "https://hook.example/in";

fn shown(answer: &Answer, receiver: &Receiver) -> String {
    answer.shown().replace(&receiver.port.to_string(), "PORT")
}

#[tokio::test]
async fn a_receiver_of_meta_is_asked_first() {
    let names = Names::default().at("hook.example", "127.0.0.1");
    let app = TestApp::outbound(Rules::sandbox(), names).await;
    let receiver = Receiver::start();
    let url = receiver.url_at("hook.example", "/in?tenant=7&x=%20");
    let mut body = new("meta", &url);
    body["verify_token"] = json!("a&b=c%+");
    body["fields"] = json!(["group_settings_update", "group_lifecycle_update"]);
    body["headers"] = json!({ "Authorization": "Bearer theirs", "X-Team": "ops" });
    let created = post(&app, "/subscriptions", body).await;
    assert_snapshot!(shown(&created, &receiver), @r#"
    201 Created
    {
      "id": "sub_M6ovRLRxx5NKBSgS",
      "account_id": "acc_dev",
      "phone_number_id": "106540352242922",
      "dialect": "meta",
      "url": "http://hook.example:PORT/in?tenant=7&x=%20",
      "fields": [
        "group_settings_update",
        "group_lifecycle_update"
      ],
      "headers": [
        "Authorization",
        "X-Team"
      ],
      "timeout_secs": 10,
      "vendor_signature": true,
      "role": "added",
      "status": "on",
      "created_at": "2025-08-18T20:27:57Z",
      "secret": "whsec_d+EJFQS1znAnkmBLdOo3ZjmUAZm6tQSH"
    }
    "#);
    let asked = receiver.nth(1).await;
    assert_eq!(asked.method, "GET");
    assert!(asked.target.starts_with("/in?tenant=7&x=%20&hub.mode=subscribe&hub.challenge="));
    let query = asked.query();
    assert_eq!(
        (query["hub.mode"].as_str(), query["hub.verify_token"].as_str()),
        ("subscribe", "a&b=c%+")
    );
    // Receivers read it as an integer of 32 bits.
    let challenge = &query["hub.challenge"];
    assert!(challenge.len() == 10 && challenge.parse::<i32>().is_ok(), "{challenge}");
    let agent = "facebookplatform/1.0 (+http://developers.facebook.com)";
    assert_eq!(asked.header("user-agent"), agent);
    assert!(asked.header("x-klatch-agent").starts_with("klatch/"));
    // What is sent along with deliveries is no part of the handshake.
    assert_eq!((asked.headers.get("authorization"), asked.body.len()), (None, 0));

    let group = any_group(&app).await;
    app.tap("16505550101", &app.link(&group).await).await.ok();
    rename(&app, &group, "Renamed").await;
    run_due(&app).await;
    let seen = receiver.seen();
    assert_eq!(seen.len(), 3);
    for seen in &seen[1..] {
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/in?tenant=7&x=%20"));
        assert_eq!((seen.header("authorization"), seen.header("x-team")), ("Bearer theirs", "ops"));
        assert_eq!(seen.header("content-type"), "application/json");
        assert_eq!(seen.header("user-agent"), "facebookexternalua");
        assert!(seen.header("x-klatch-agent").starts_with("klatch/"));
        assert!(seen.headers.contains_key("x-hub-signature-256"));
        assert!(seen.headers.contains_key("x-hub-signature"));
    }
}

/// One change would be delivered twice to one address.
#[tokio::test]
async fn the_same_subscription_is_not_made_twice() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    receiver.shakes_hands();
    let url = receiver.url("/hook");
    let first = subscribed(&app, new("d360", &url)).await;
    let again = post(&app, "/subscriptions", new("d360", &url)).await;
    assert_snapshot!(shown(&again, &receiver).replace(&first.id, "FIRST"), @r#"
    409 Conflict
    {
      "error": {
        "code": "already_subscribed",
        "message": "url is already subscribed to these events in this dialect by FIRST: change or remove that subscription",
        "field": "url",
        "subscription_id": "FIRST"
      }
    }
    "#);

    // Another dialect, other numbers, another address: each is another subscription.
    subscribed(&app, new("meta", &url)).await;
    let account = json!({ "account_id": sandbox::ACCOUNT, "dialect": "d360", "url": url });
    subscribed(&app, account).await;
    let second = subscribed(&app, new("d360", &receiver.url("/other"))).await;

    // Nor does a change make two alike; a subscription may keep its own address.
    let clash = app.admin(Method::PATCH, &second.path(""), Some(json!({ "url": url }))).await;
    assert_eq!(
        (clash.status.as_u16(), clash.json()["error"]["subscription_id"].as_str()),
        (409, Some(first.id.as_str()))
    );
    app.admin(Method::PATCH, &first.path(""), Some(json!({ "url": url }))).await.ok();

    // A vendor's configuration sets what it would set at the vendor, and is found likewise.
    app.d360(Method::POST, "/v1/configs/webhook", Some(json!({ "url": url }))).await.ok();
    app.admin(Method::DELETE, &first.path(""), None).await.ok();
    let again = post(&app, "/subscriptions", new("d360", &url)).await.json();
    assert_eq!(again["error"]["code"], "already_subscribed");
}

/// A receiver that is killed cannot unsubscribe.
#[tokio::test]
async fn a_lease_ends_unless_it_is_renewed() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let mut leased = new("d360", &receiver.url("/hook"));
    leased["lease_secs"] = json!(30);
    let leased = subscribed(&app, leased).await;
    let lasting = subscribed(&app, new("d360", &receiver.url("/other"))).await;
    assert_eq!(leased.shown(&app).await["lease_until"], "2025-08-18T20:28:27Z");

    app.clock.advance(Duration::from_secs(29));
    assert_eq!(leases::end(&app.app).await.unwrap(), 0);
    let renewed = post(&app, &leased.path("/renew"), json!({ "lease_secs": 10 })).await;
    assert_eq!(renewed.text("lease_until"), "2025-08-18T20:28:36Z");
    assert_eq!(renewed.ok(), leased.shown(&app).await);
    app.clock.advance(Duration::from_secs(9));
    assert_eq!(leases::end(&app.app).await.unwrap(), 0);
    let renewed = post(&app, &leased.path("/renew"), json!({})).await;
    assert_eq!(renewed.text("lease_until"), "2025-08-18T20:29:35Z");
    assert_eq!(leased.kinds(&app).await, ["subscription_added"], "a renewal is no event");

    let group = any_group(&app).await;
    rename(&app, &group, "Renamed").await;
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(leases::end(&app.app).await.unwrap(), 1);
    assert_eq!(leases::end(&app.app).await.unwrap(), 0);
    assert_eq!(leased.deliveries(&app).await[0]["state"], "dead");
    assert_eq!(lasting.shown(&app).await["status"], "on");
    let mut refusals = String::new();
    for (path, body) in [
        (leased.path("/renew"), json!({})),
        (lasting.path("/renew"), json!({})),
        (lasting.path("/renew"), json!({ "lease_secs": 9 })),
        (lasting.path("/renew"), json!({ "lease_secs": 3601 })),
        (
            "/subscriptions".to_owned(),
            json!({ "account_id": sandbox::ACCOUNT, "dialect": "d360", "url": receiver.url("/third"), "lease_secs": 0 }),
        ),
    ] {
        writeln!(refusals, "{}", refusal(&post(&app, &path, body).await)).unwrap();
    }
    assert_snapshot!(refusals, @"
    404 unknown (subscription_id): subscription_id does not exist
    409 no_lease: The subscription has no lease: it lasts until it is removed
    400 invalid_field (lease_secs): lease_secs must be a whole number from 10 to 3600
    400 invalid_field (lease_secs): lease_secs must be a whole number from 10 to 3600
    400 invalid_field (lease_secs): lease_secs must be a whole number from 10 to 3600
    ");
}

#[tokio::test]
async fn the_others_are_taken_at_their_word() {
    let app = strict().await;
    assert_snapshot!(post(&app, "/subscriptions", new("d360", HOOK)).await.shown(), @r#"
    201 Created
    {
      "id": "sub_M6ovRLRxx5NKBSgS",
      "account_id": "acc_dev",
      "phone_number_id": "106540352242922",
      "dialect": "d360",
      "url": "https://hook.example/in",
      "fields": [
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update"
      ],
      "headers": [],
      "timeout_secs": 5,
      "vendor_signature": false,
      "role": "added",
      "status": "on",
      "created_at": "2025-08-18T20:27:57Z",
      "secret": "whsec_d+EJFQS1znAnkmBLdOo3ZjmUAZm6tQSH"
    }
    "#);
    let body = json!({
        "waba_id": sandbox::WABA_ID,
        "account_id": sandbox::ACCOUNT,
        "dialect": "sinch",
        "url": "  https://HOOK.example:8443/ä?q=1  ",
        "secret": "sixteen-letters!",
        "timeout_secs": 30,
        "fields": ["group_status_update", "group_status_update"],
    });
    assert_snapshot!(post(&app, "/subscriptions", body).await.shown(), @r#"
    201 Created
    {
      "id": "sub_3QUNb0XXeTkpot4X",
      "account_id": "acc_dev",
      "waba_id": "102290129340398",
      "dialect": "sinch",
      "url": "https://hook.example:8443/%C3%A4?q=1",
      "fields": [
        "group_status_update"
      ],
      "headers": [],
      "timeout_secs": 30,
      "vendor_signature": true,
      "role": "added",
      "status": "on",
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
    let body = json!({
        "account_id": sandbox::ACCOUNT,
        "dialect": "d360",
        "url": "https://both.example",
        "vendor_signature": true,
    });
    let account_wide = post(&app, "/subscriptions", body).await.ok();
    assert_eq!(account_wide.get("phone_number_id"), None);
    assert_eq!(account_wide.get("waba_id"), None);
    assert_eq!(
        (&account_wide["vendor_signature"], &account_wide["timeout_secs"]),
        (&json!(true), &json!(5))
    );
    assert_eq!(account_wide["url"], "https://both.example/");
    assert_eq!(account_wide["fields"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let app = strict().await;
    let created = post(&app, "/subscriptions", new("d360", HOOK)).await;
    let (id, secret) = (created.text("id"), created.text("secret"));
    let rotated = post(&app, &format!("/subscriptions/{id}/rotate"), json!({})).await;
    let next = rotated.text("secret");
    assert_ne!(secret, next);
    let own = json!({ "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "overlap_hours": 0 });
    let own = post(&app, &format!("/subscriptions/{id}/rotate"), own).await;
    assert_snapshot!(own.shown(), @r#"
    200 OK
    {
      "id": "sub_M6ovRLRxx5NKBSgS",
      "account_id": "acc_dev",
      "phone_number_id": "106540352242922",
      "dialect": "d360",
      "url": "https://hook.example/in",
      "fields": [
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update"
      ],
      "headers": [],
      "timeout_secs": 5,
      "vendor_signature": false,
      "role": "added",
      "status": "on",
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
    for path in ["/subscriptions", &format!("/subscriptions/{id}"), "/events"] {
        let shown = String::from_utf8(get(&app, path).await.bytes.to_vec()).unwrap();
        assert!(!shown.contains("whsec_") && !shown.contains(&secret[6..]), "{shown}");
    }
}

#[tokio::test]
async fn a_subscription_can_be_changed() {
    let app = strict().await;
    let subscription = subscribed(&app, new("sinch", HOOK)).await;
    let change = json!({
        "url": "https://hook.example/elsewhere",
        "fields": ["group_lifecycle_update"],
        "headers": { "X-Team": "ops" },
        "timeout_secs": 1,
    });
    let changed = app.admin(Method::PATCH, &subscription.path(""), Some(change)).await;
    assert_snapshot!(changed.shown(), @r#"
    200 OK
    {
      "id": "sub_M6ovRLRxx5NKBSgS",
      "account_id": "acc_dev",
      "phone_number_id": "106540352242922",
      "dialect": "sinch",
      "url": "https://hook.example/elsewhere",
      "fields": [
        "group_lifecycle_update"
      ],
      "headers": [
        "X-Team"
      ],
      "timeout_secs": 1,
      "vendor_signature": false,
      "role": "added",
      "status": "on",
      "created_at": "2025-08-18T20:27:57Z"
    }
    "#);
    // What is left out stays.
    let change = json!({ "timeout_secs": 2 });
    app.admin(Method::PATCH, &subscription.path(""), Some(change)).await.ok();
    let mut expected = changed.ok();
    expected["timeout_secs"] = json!(2);
    assert_eq!(subscription.shown(&app).await, expected);
}

#[tokio::test]
async fn whoever_is_paused_or_goes_on_already_stays_as_it_is() {
    let app = strict().await;
    let subscription = subscribed(&app, new("sinch", HOOK)).await;
    let before = subscription.shown(&app).await;
    let post = async |what: &str| app.admin(Method::POST, &subscription.path(what), None).await;
    let paused = post("/pause").await.ok();
    assert_eq!(
        (&paused["status"], &paused["status_since"]),
        (&json!("paused"), &json!("2025-08-18T20:27:57Z"))
    );
    app.clock.advance(super::HOUR);
    assert_eq!(post("/pause").await.ok(), paused, "it is paused already");
    assert_eq!(post("/resume").await.ok(), before);
    assert_eq!(post("/resume").await.ok(), before);
    let kinds = subscription.kinds(&app).await;
    assert_eq!(kinds, ["subscription_added", "subscription_paused", "subscription_resumed"]);
}

#[tokio::test]
async fn whoever_is_removed_is_no_more() {
    let app = strict().await;
    let subscription = subscribed(&app, new("sinch", HOOK)).await;
    let removed = app.admin(Method::DELETE, &subscription.path(""), None).await;
    assert_snapshot!(removed.shown(), @r#"
    200 OK
    {
      "id": "sub_M6ovRLRxx5NKBSgS",
      "status": "removed"
    }
    "#);
    assert_snapshot!(get(&app, "/events?account_id=acc_dev").await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "account_id": "acc_dev",
          "phone_number_id": "106540352242922",
          "subscription_id": "sub_M6ovRLRxx5NKBSgS",
          "at": "2025-08-18T20:27:57Z",
          "actor": {
            "kind": "operator"
          },
          "kind": "subscription_added"
        },
        {
          "account_id": "acc_dev",
          "phone_number_id": "106540352242922",
          "subscription_id": "sub_M6ovRLRxx5NKBSgS",
          "at": "2025-08-18T20:27:57Z",
          "actor": {
            "kind": "operator"
          },
          "kind": "subscription_removed"
        }
      ],
      "paging": {
        "cursors": {
          "before": "ODA2MDUzNTYxNg==",
          "after": "MTI1MzYzODkwMzE="
        }
      }
    }
    "#);
    let mut refusals = String::new();
    for (method, rest, body) in [
        (Method::GET, "", None),
        (Method::PATCH, "", Some(json!({}))),
        (Method::DELETE, "", None),
        (Method::POST, "/pause", None),
        (Method::POST, "/resume", None),
        (Method::POST, "/rotate", Some(json!({}))),
        (Method::POST, "/test", Some(json!({}))),
    ] {
        let answer = app.admin(method.clone(), &subscription.path(rest), body).await;
        writeln!(refusals, "{method} {rest}: {}", refusal(&answer)).unwrap();
    }
    assert_snapshot!(refusals, @"
    GET : 404 unknown (subscription_id): subscription_id does not exist
    PATCH : 404 unknown (subscription_id): subscription_id does not exist
    DELETE : 404 unknown (subscription_id): subscription_id does not exist
    POST /pause: 404 unknown (subscription_id): subscription_id does not exist
    POST /resume: 404 unknown (subscription_id): subscription_id does not exist
    POST /rotate: 404 unknown (subscription_id): subscription_id does not exist
    POST /test: 404 unknown (subscription_id): subscription_id does not exist
    ");
    assert_eq!(get(&app, "/subscriptions").await.ok()["data"], json!([]));
}

/// What happened, on a page of events.
fn kinds(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_in_pages_of_every_length() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    post(&app, "/accounts", json!({ "id": "acc_other", "name": "Other" })).await.ok();
    let (mut all, mut of_other) = (Vec::new(), Vec::new());
    for n in 0..6 {
        let account = if n % 2 == 0 { "acc_other" } else { sandbox::ACCOUNT };
        let url = receiver.url(&format!("/hook/{n}"));
        let body = json!({ "account_id": account, "dialect": "d360", "url": url });
        let id = subscribed(&app, body).await.id;
        if account == "acc_other" {
            of_other.push(id.clone());
        }
        all.push(id);
    }
    assert_pages(&app, "/klatch/v1/subscriptions?", ids, &all).await;
    let path = "/klatch/v1/subscriptions?account_id=acc_other&";
    assert_pages(&app, path, ids, &of_other).await;

    let group = any_group(&app).await;
    rename(&app, &group, "Renamed").await;
    run_due(&app).await;
    let of_one = |page: &[Value], id: &str| -> Vec<String> {
        let of_one = page.iter().filter(|one| one["subscription_id"] == id);
        of_one.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let page = get(&app, "/deliveries?limit=100").await.ok();
    let page = page["data"].as_array().unwrap();
    let every: Vec<String> =
        page.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(every.len(), 6);
    assert_pages(&app, "/klatch/v1/deliveries?", ids, &every).await;
    assert_pages(&app, "/klatch/v1/deliveries?state=delivered&", ids, &every).await;
    let path = format!("/klatch/v1/deliveries?group_id={group}&");
    assert_pages(&app, &path, ids, &every).await;
    assert_eq!(of_one(page, &all[1]).len(), 2);

    let added = vec!["subscription_added".to_owned(); 3];
    let mut ours = added.clone();
    ours.extend(["created", "settings_changed"].map(str::to_owned));
    assert_pages(&app, "/klatch/v1/events?account_id=acc_other&", kinds, &added).await;
    assert_pages(&app, "/klatch/v1/events?account_id=acc_dev&", kinds, &ours).await;
}

/// Every made-up event in every dialect: it arrives, or the answer says that the dialect does not
/// tell of it.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table, and what comes of it")]
async fn every_made_up_event_arrives_or_is_refused() {
    let app = TestApp::new().await;
    let mut told = String::new();
    for dialect in Dialect::ALL {
        let receiver = Receiver::start();
        let subscription = subscribe(&app, dialect.as_str(), &receiver).await;
        writeln!(told, "{}:", dialect.as_str()).unwrap();
        for name in sample::NAMES {
            let body = json!({ "event": name });
            let tried = post(&app, &subscription.path("/test"), body).await;
            if tried.status == 400 {
                writeln!(told, "  {name}: {}", refusal(&tried)).unwrap();
                continue;
            }
            assert_eq!(tried.status, 202);
            assert_eq!(tried.text("event"), name);
            receiver.forget();
            run_due(&app).await;
            let seen = receiver.seen();
            assert_eq!(seen.len(), 1);
            let delivered = delivery(&app, &tried.text("delivery_id")).await;
            assert_eq!(
                (&delivered["state"], delivered.get("group_id")),
                (&json!("delivered"), None)
            );
            assert_eq!(delivered["body"].as_str().unwrap().as_bytes(), seen[0].body);
            let body = seen[0].json();
            let kinds = match dialect.name {
                "sinch" => body["notifications"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| one["message"]["event_type"].as_str().unwrap().to_owned())
                    .collect(),
                _ => vec![seen[0].kind()],
            };
            writeln!(
                told,
                "  {name}: {} {}",
                delivered["field"].as_str().unwrap(),
                kinds.join(" ")
            )
            .unwrap();
        }
    }
    assert_snapshot!(told, @"
    meta:
      group_create: group_lifecycle_update group_create
      group_create_failed: group_lifecycle_update group_create
      group_delete: group_lifecycle_update group_delete
      group_delete_failed: group_lifecycle_update group_delete
      group_participants_add: group_participants_update group_participants_add
      group_participants_add_approved: group_participants_update group_participants_add
      group_participants_add_partly_failed: group_participants_update group_participants_add
      group_join_request_created: group_participants_update group_join_request_created
      group_join_request_revoked: group_participants_update group_join_request_revoked
      group_participants_remove: group_participants_update group_participants_remove
      group_participants_remove_partly_failed: group_participants_update group_participants_remove
      group_participants_remove_failed: group_participants_update group_participants_remove
      group_participants_remove_left: group_participants_update group_participants_remove
      group_settings_update: group_settings_update group_settings_update
      group_settings_update_partly_failed: group_settings_update group_settings_update
      group_settings_update_failed: group_settings_update group_settings_update
      group_picture_failed: 400 invalid_field (event): event is nothing that meta tells of
      group_suspend: group_status_update group_suspend
      group_suspend_cleared: group_status_update group_suspend_cleared
      group_admins_promote: 400 invalid_field (event): event is nothing that meta tells of
      group_admins_demote: 400 invalid_field (event): event is nothing that meta tells of
    d360:
      group_create: group_lifecycle_update group_create
      group_create_failed: group_lifecycle_update group_create
      group_delete: group_lifecycle_update group_delete
      group_delete_failed: group_lifecycle_update group_delete
      group_participants_add: group_participants_update group_participants_add
      group_participants_add_approved: group_participants_update group_participants_add
      group_participants_add_partly_failed: group_participants_update group_participants_add
      group_join_request_created: group_participants_update group_join_request_created
      group_join_request_revoked: group_participants_update group_join_request_revoked
      group_participants_remove: group_participants_update group_participants_remove
      group_participants_remove_partly_failed: group_participants_update group_participants_remove
      group_participants_remove_failed: group_participants_update group_participants_remove
      group_participants_remove_left: group_participants_update group_participants_remove
      group_settings_update: group_settings_update group_settings_update
      group_settings_update_partly_failed: group_settings_update group_settings_update
      group_settings_update_failed: group_settings_update group_settings_update
      group_picture_failed: 400 invalid_field (event): event is nothing that d360 tells of
      group_suspend: group_status_update group_suspend
      group_suspend_cleared: group_status_update group_suspend_cleared
      group_admins_promote: 400 invalid_field (event): event is nothing that d360 tells of
      group_admins_demote: 400 invalid_field (event): event is nothing that d360 tells of
    sinch:
      group_create: group_lifecycle_update group_created
      group_create_failed: 400 invalid_field (event): event is nothing that sinch tells of
      group_delete: group_lifecycle_update group_ended
      group_delete_failed: 400 invalid_field (event): event is nothing that sinch tells of
      group_participants_add: group_participants_update group_user_joined
      group_participants_add_approved: group_participants_update group_user_joined
      group_participants_add_partly_failed: group_participants_update group_user_joined group_error_full_adding_users
      group_join_request_created: 400 invalid_field (event): event is nothing that sinch tells of
      group_join_request_revoked: 400 invalid_field (event): event is nothing that sinch tells of
      group_participants_remove: group_participants_update group_user_left
      group_participants_remove_partly_failed: group_participants_update group_user_left group_error_removing_user
      group_participants_remove_failed: group_participants_update group_error_removing_user
      group_participants_remove_left: group_participants_update group_user_left
      group_settings_update: group_settings_update group_subject_changed group_description_changed group_icon_changed
      group_settings_update_partly_failed: 400 invalid_field (event): event is nothing that sinch tells of
      group_settings_update_failed: 400 invalid_field (event): event is nothing that sinch tells of
      group_picture_failed: group_settings_update group_error_fetching_photo
      group_suspend: 400 invalid_field (event): event is nothing that sinch tells of
      group_suspend_cleared: 400 invalid_field (event): event is nothing that sinch tells of
      group_admins_promote: group_participants_update group_user_promoted
      group_admins_demote: group_participants_update group_user_demoted
    ");
}

#[tokio::test]
async fn a_trial_needs_a_number_and_a_name() {
    let app = strict().await;
    let subscription = subscribed(&app, new("d360", HOOK)).await;
    let path = subscription.path("/test");
    let tried = post(&app, &path, json!({})).await;
    assert_eq!((tried.status.as_u16(), tried.text("event")), (202, "group_create".to_owned()));
    let bodies =
        [json!({ "event": "" }), json!({ "event": "group_explode" }), json!({ "event": 1 })];
    assert_snapshot!(refused(&app, &path, bodies).await, @r#"
    {"event":""}
        400 invalid_field (event): event must be one of group_create, group_create_failed, group_delete, group_delete_failed, group_participants_add, group_participants_add_approved, group_participants_add_partly_failed, group_join_request_created, group_join_request_revoked, group_participants_remove, group_participants_remove_partly_failed, group_participants_remove_failed, group_participants_remove_left, group_settings_update, group_settings_update_partly_failed, group_settings_update_failed, group_picture_failed, group_suspend, group_suspend_cleared, group_admins_promote, group_admins_demote
    {"event":"group_explode"}
        400 invalid_field (event): event must be one of group_create, group_create_failed, group_delete, group_delete_failed, group_participants_add, group_participants_add_approved, group_participants_add_partly_failed, group_join_request_created, group_join_request_revoked, group_participants_remove, group_participants_remove_partly_failed, group_participants_remove_failed, group_participants_remove_left, group_settings_update, group_settings_update_partly_failed, group_settings_update_failed, group_picture_failed, group_suspend, group_suspend_cleared, group_admins_promote, group_admins_demote
    {"event":1}
        400 invalid_field (event): event has the wrong type: integer, expected a string
    "#);
    post(&app, "/accounts", json!({ "id": "acc_empty", "name": "Empty" })).await.ok();
    let body = json!({ "account_id": "acc_empty", "dialect": "d360", "url": HOOK });
    let nobody = subscribed(&app, body).await;
    assert_snapshot!(refusal(&post(&app, &nobody.path("/test"), json!({})).await), @"404 unknown (phone_number_id): phone_number_id does not exist");
}

/// An account may have more numbers than any page of them shows.
#[tokio::test]
async fn a_trial_finds_the_last_of_many_numbers() {
    let app = strict().await;
    let mut last = String::new();
    for n in 0..=wire::paging::LIMIT_MAX {
        last = format!("{}", 200_000_000_000_000 + u64::from(n));
        let number = Number {
            id: PhoneNumberId::parse(&last).unwrap(),
            account: AccountId::parse(sandbox::ACCOUNT).unwrap(),
            display_number: BusinessNumber::parse(&format!("44770090{n:04}")).unwrap(),
            waba_id: "1".to_owned(),
            bot_id: last.clone(),
            limits: Limits::default(),
            eligibility: Eligibility::Eligible,
            answers: Answers::Published,
            registration: Registration::default(),
            unsubscribed_overrides: false,
            app_subscribed: false,
            extra_receivers: false,
            created_at: app.app.runtime.now(),
        };
        app.app.change(&Actor::Operator, RecordChange::AddNumber(number)).await.unwrap();
    }
    let body = json!({ "phone_number_id": last, "dialect": "d360", "url": HOOK });
    let subscription = subscribed(&app, body).await;
    let tried = post(&app, &subscription.path("/test"), json!({})).await.text("delivery_id");
    let body = delivery(&app, &tried).await["body"].as_str().unwrap().to_owned();
    assert!(body.contains(&last), "{body}");
}

#[tokio::test]
async fn a_handshake_that_fails_says_what_came_back() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let location = receiver.url("/elsewhere");
    let mut told = String::new();
    for (what, behaviour) in [
        ("wrong challenge", answer(200, &[], "123456789012345")),
        ("no body", status(200)),
        ("no content", status(204)),
        ("created", status(201)),
        ("forbidden", answer(403, &[], "wrong token")),
        ("broken", answer(500, &[], "x".repeat(300))),
        ("redirect", answer(302, &[("Location", location.as_str())], "")),
        ("page", answer(200, &[], "<html>\n".repeat(1_500_000))),
    ] {
        receiver.then([behaviour]);
        let refused = post(&app, "/subscriptions", new("meta", &receiver.url("/in"))).await;
        writeln!(told, "{what}: {}", refusal(&refused)).unwrap();
    }
    assert_snapshot!(told, @"
    wrong challenge: 400 handshake_failed (url): The handshake failed: the receiver answered 200 with another body than the challenge
    no body: 400 handshake_failed (url): The handshake failed: the receiver answered 200 with another body than the challenge
    no content: 400 handshake_failed (url): The handshake failed: the receiver answered 204 No Content instead of 200 with the challenge
    created: 400 handshake_failed (url): The handshake failed: the receiver answered 201 Created instead of 200 with the challenge
    forbidden: 400 handshake_failed (url): The handshake failed: the receiver answered 403 Forbidden instead of 200 with the challenge
    broken: 400 handshake_failed (url): The handshake failed: the receiver answered 500 Internal Server Error instead of 200 with the challenge
    redirect: 400 handshake_failed (url): The handshake failed: the receiver answered 302 Found instead of 200 with the challenge
    page: 400 handshake_failed (url): The handshake failed: the receiver answered 200 with another body than the challenge
    ");
    assert!(receiver.seen().iter().all(|seen| seen.target.starts_with("/in?")), "not followed");

    // How a connection breaks is told in the words of the system.
    receiver.then([Behaviour::HalfAHeader]);
    let refused = refusal(&post(&app, "/subscriptions", new("meta", &receiver.url("/in"))).await);
    let start = "400 handshake_failed (url): The handshake failed: the receiver did not answer: ";
    assert!(refused.starts_with(&format!("{start}the connection broke: ")), "{refused}");
    let refusing = Receiver::refusing();
    let refused = refusal(&post(&app, "/subscriptions", new("meta", &refusing.url("/in"))).await);
    assert!(refused.starts_with(&format!("{start}no connection: ")), "{refused}");
    assert_eq!(get(&app, "/subscriptions").await.ok()["data"], json!([]), "nobody was added");

    // What was there before stays as it was.
    let subscription = subscribe(&app, "meta", &receiver).await;
    let before = subscription.shown(&app).await;
    for change in [
        json!({ "url": receiver.url("/moved"), "timeout_secs": 3 }),
        json!({ "verify_token": "another" }),
    ] {
        receiver.then([status(403)]);
        let refused = app.admin(Method::PATCH, &subscription.path(""), Some(change)).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]["code"]),
            (400, &json!("handshake_failed"))
        );
        assert_eq!(subscription.shown(&app).await, before);
    }
    receiver.forget();
    let change = json!({ "verify_token": "another" });
    app.admin(Method::PATCH, &subscription.path(""), Some(change)).await.ok();
    assert_eq!(receiver.nth(1).await.query()["hub.verify_token"], "another");
    let change = json!({ "fields": ["group_status_update"] });
    app.admin(Method::PATCH, &subscription.path(""), Some(change)).await.ok();
    assert_eq!(receiver.seen().len(), 1, "what the receiver is told of is not its business");
}

/// A body with one field more, or another one.
fn with(base: &Value, field: &str, value: Value) -> Value {
    let mut body = base.clone();
    body[field] = value;
    body
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table, and what comes of it")]
async fn bad_addresses_are_refused() {
    let app = strict().await;
    let mut told = String::new();
    for (dialect, url) in [
        ("d360", ""),
        ("d360", "hook.example/in"),
        ("d360", "/in"),
        ("d360", "https://"),
        ("d360", "https://hook.example:port/"),
        ("d360", "ftp://hook.example/"),
        ("d360", "file:///etc/passwd"),
        ("d360", "http://hook.example/"),
        ("meta", "https://hook.example:0/"),
        ("d360", "https://hook.example:8443/"),
        ("d360", "https://hook_er.example/"),
        ("meta", "https://me@hook.example/"),
        ("meta", "https://:secret@hook.example/"),
        ("meta", "https://hook.example/#top"),
        ("meta", "https://127.0.0.1/"),
        ("meta", "https://127.1/"),
        ("meta", "https://2130706433/"),
        ("meta", "https://0x7f.0.0.1/"),
        ("meta", "https://0177.0.0.1/"),
        ("meta", "https://0/"),
        ("meta", "https://10.0.0.1:8443/"),
        ("meta", "https://169.254.169.254/latest/meta-data"),
        ("meta", "https://[::1]/"),
        ("meta", "https://[::ffff:127.0.0.1]/"),
        ("meta", "https://[::ffff:7f00:1]/"),
        ("meta", "https://[64:ff9b::7f00:1]/"),
        ("meta", "https://[fd00::1]/"),
        ("meta", "https://１２７.０.０.１/"),
        ("meta", "https://inside.example/"),
        ("meta", "https://inside6.example/"),
        ("meta", "https://metadata.example/"),
        ("sinch", "https://metadata.example/"),
        // Translated, and an address of a cloud that looks public.
        ("meta", "https://[::ffff:0:7f00:1]/"),
        ("meta", "https://168.63.129.16/"),
        // A plus in the path goes astray at Meta, and only there.
        ("meta", "https://hook.example/a+b"),
        ("d360", "https://hook_er.example/a+b"),
        ("meta", "https://inside.example/?a+b#top"),
        // All that is wrong, at once.
        ("sinch", "http://metadata.example/"),
        ("d360", "http://me@hook_er.example:8080/#top"),
        ("meta", &format!("http://10.0.0.1:0/{}+", "x".repeat(200))),
    ] {
        let answer = post(&app, "/subscriptions", new(dialect, url)).await;
        let refused = refusal(&answer);
        let refused =
            refused.replace(" (the operator can allow its network with webhook_allow)", "…");
        writeln!(
            told,
            "{dialect} {url}\n    {}",
            refused.trim_start_matches("400 invalid_field (url): ")
        )
        .unwrap();
    }
    assert_snapshot!(told, @"
    d360 
        url must be an address such as https://example.com/hook: relative URL without a base
    d360 hook.example/in
        url must be an address such as https://example.com/hook: relative URL without a base
    d360 /in
        url must be an address such as https://example.com/hook: relative URL without a base
    d360 https://
        url must be an address such as https://example.com/hook: empty host
    d360 https://hook.example:port/
        url must be an address such as https://example.com/hook: invalid port number
    d360 ftp://hook.example/
        url must begin with https://
    d360 file:///etc/passwd
        url must begin with https://
    d360 http://hook.example/
        url must begin with https:// (the operator can allow http with webhook_allow_http)
    meta https://hook.example:0/
        url must not have port 0
    d360 https://hook.example:8443/
        url must not name a port
    d360 https://hook_er.example/
        url must not have an underscore in its host name
    meta https://me@hook.example/
        url must not hold a user name or password: send them in headers
    meta https://:secret@hook.example/
        url must not hold a user name or password: send them in headers
    meta https://hook.example/#top
        url must not have a fragment (#…)
    meta https://127.0.0.1/
        url cannot be reached: 127.0.0.1 is not allowed…
    meta https://127.1/
        url cannot be reached: 127.0.0.1 is not allowed…
    meta https://2130706433/
        url cannot be reached: 127.0.0.1 is not allowed…
    meta https://0x7f.0.0.1/
        url cannot be reached: 127.0.0.1 is not allowed…
    meta https://0177.0.0.1/
        url cannot be reached: 127.0.0.1 is not allowed…
    meta https://0/
        url cannot be reached: 0.0.0.0 is not allowed…
    meta https://10.0.0.1:8443/
        url cannot be reached: 10.0.0.1 is not allowed…
    meta https://169.254.169.254/latest/meta-data
        url cannot be reached: 169.254.169.254 is not allowed…
    meta https://[::1]/
        url cannot be reached: [::1] is not allowed…
    meta https://[::ffff:127.0.0.1]/
        url cannot be reached: [::ffff:7f00:1] is not allowed…
    meta https://[::ffff:7f00:1]/
        url cannot be reached: [::ffff:7f00:1] is not allowed…
    meta https://[64:ff9b::7f00:1]/
        url cannot be reached: [64:ff9b::7f00:1] is not allowed…
    meta https://[fd00::1]/
        url cannot be reached: [fd00::1] is not allowed…
    meta https://１２７.０.０.１/
        url cannot be reached: 127.0.0.1 is not allowed…
    meta https://inside.example/
        url cannot be reached: inside.example is not allowed…
    meta https://inside6.example/
        url cannot be reached: inside6.example is not allowed…
    meta https://metadata.example/
        url cannot be reached: metadata.example is not allowed…
    sinch https://metadata.example/
        url cannot be reached: metadata.example is not allowed…
    meta https://[::ffff:0:7f00:1]/
        url cannot be reached: [::ffff:0:7f00:1] is not allowed…
    meta https://168.63.129.16/
        url cannot be reached: 168.63.129.16 is not allowed…
    meta https://hook.example/a+b
        url must not have a + in its path: Meta sends a blank (%20) in its place, so that the request would go to another path
    d360 https://hook_er.example/a+b
        url must not have an underscore in its host name
    meta https://inside.example/?a+b#top
        url must not have a fragment (#…); cannot be reached: inside.example is not allowed…
    sinch http://metadata.example/
        url must begin with https:// (the operator can allow http with webhook_allow_http); cannot be reached: metadata.example is not allowed…
    d360 http://me@hook_er.example:8080/#top
        url must begin with https:// (the operator can allow http with webhook_allow_http); must not hold a user name or password: send them in headers; must not have a fragment (#…); must not name a port; must not have an underscore in its host name
    meta http://10.0.0.1:0/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+
        url must not be longer than 200 characters (it has 219); must begin with https:// (the operator can allow http with webhook_allow_http); must not have port 0; must not have a + in its path: Meta sends a blank (%20) in its place, so that the request would go to another path; cannot be reached: 10.0.0.1 is not allowed…
    ");
    // A change is looked at as a beginning is.
    let subscription = subscribed(&app, new("d360", HOOK)).await;
    let change = json!({ "url": "https://inside.example/" });
    let refused = app.admin(Method::PATCH, &subscription.path(""), Some(change)).await;
    assert_eq!(
        refusal(&refused),
        "400 invalid_field (url): url cannot be reached: inside.example is not allowed (the operator can allow its network with webhook_allow)"
    );

    let of_length = |length: usize| {
        let start = "https://hook.example/";
        new("d360", &format!("{start}{}", "x".repeat(length - start.len())))
    };
    post(&app, "/subscriptions", of_length(200)).await.ok();
    assert_eq!(
        refusal(&post(&app, "/subscriptions", of_length(201)).await),
        "400 invalid_field (url): url must not be longer than 200 characters (it has 201)"
    );
    // A name that nobody knows yet is nobody's secret.
    post(&app, "/subscriptions", new("d360", "https://unknown.example/")).await.ok();
    // The usual port is a port, and only 360dialog minds.
    assert_eq!(
        refusal(&post(&app, "/subscriptions", new("d360", "https://hook.example:443/")).await),
        "400 invalid_field (url): url must not name a port"
    );
    post(&app, "/subscriptions", new("sinch", "https://hook.example:443/")).await.ok();
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table, and what comes of it")]
async fn bad_fields_are_refused_by_name() {
    let app = strict().await;
    let base = new("sinch", HOOK);
    let headers: serde_json::Map<_, _> = (0..21).map(|n| (format!("X-{n}"), json!("x"))).collect();
    let bodies = [
        json!({}),
        json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID }),
        json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID, "url": HOOK }),
        with(&base, "dialect", json!("whatsapp")),
        with(&base, "dialect", json!("D360")),
        json!({ "phone_number_id": sandbox::PHONE_NUMBER_ID, "dialect": "meta", "url": HOOK }),
        with(&base, "verify_token", json!("")),
        with(&base, "verify_token", json!("two words")),
        with(&base, "fields", json!([])),
        with(&base, "fields", json!(["group_status_update", "messages"])),
        with(&base, "fields", json!("group_status_update")),
        with(&base, "secret", json!("fifteen-letters")),
        with(&base, "secret", json!("x".repeat(257))),
        with(&base, "secret", json!("sixteen letters!")),
        with(&base, "secret", json!("sechzehn-zeichen-ü")),
        with(&base, "secret", json!("whsec_not*base64*")),
        with(&base, "timeout_secs", json!(0)),
        with(&base, "timeout_secs", json!(31)),
        with(&base, "timeout_secs", json!(1.5)),
        with(&base, "timeout_secs", json!("5")),
        with(&base, "headers", json!({ "": "x" })),
        with(&base, "headers", json!({ "X Team": "x" })),
        with(&base, "headers", json!({ "X-Tëam": "x" })),
        with(&base, "headers", json!({ "Host": "x" })),
        with(&base, "headers", json!({ "content-TYPE": "x" })),
        with(&base, "headers", json!({ "Webhook-Id": "x" })),
        with(&base, "headers", json!({ "X-Hub-Signature-256": "x" })),
        with(&base, "headers", json!({ "x-hub-signature": "x" })),
        with(&base, "headers", json!({ "X-Klatch-Agent": "x" })),
        with(&base, "headers", json!({ "Sinch-WhatsApp-Callback-Signature-Nonce": "x" })),
        with(&base, "headers", json!({ "X-Team": "a\r\nHost: b" })),
        with(&base, "headers", json!({ "X-Team": "x", "x-team": "y" })),
        with(&base, "headers", json!({ "X-Team": "x".repeat(4_097) })),
        with(&base, "headers", json!({ "X-Team": 1 })),
        with(&base, "headers", Value::Object(headers)),
        with(&base, "phone_number_id", json!("999999999999999")),
        with(&base, "phone_number_id", json!("")),
        with(&base, "waba_id", json!(sandbox::WABA_ID)),
        with(&base, "account_id", json!("acc_other")),
        json!({ "waba_id": sandbox::WABA_ID, "dialect": "sinch", "url": HOOK }),
        json!({ "waba_id": "1", "account_id": "acc_dev", "dialect": "sinch", "url": HOOK }),
        json!({ "account_id": "acc_nobody", "dialect": "sinch", "url": HOOK }),
        json!({ "account_id": "", "dialect": "sinch", "url": HOOK }),
    ];
    assert_snapshot!(refused(&app, "/subscriptions", bodies).await, @r#"
    {}
        400 invalid_field (phone_number_id): phone_number_id or account_id must be given
    {"phone_number_id":"106540352242922"}
        400 invalid_field (dialect): dialect is missing
    {"phone_number_id":"106540352242922","url":"https://hook.example/in"}
        400 invalid_field (dialect): dialect is missing
    {"phone_number_id":"106540352242922","dialect":"whatsapp","url":"https://hook.example/in"}
        400 invalid_field (dialect): dialect must be one of meta, d360, sinch
    {"phone_number_id":"106540352242922","dialect":"D360","url":"https://hook.example/in"}
        400 invalid_field (dialect): dialect must be one of meta, d360, sinch
    {"phone_number_id":"106540352242922","dialect":"meta","url":"https://hook.example/in"}
        400 invalid_field (verify_token): verify_token is missing
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","verify_token":""}
        400 invalid_field (verify_token): verify_token must be 1 to 256 visible ASCII characters
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","verify_token":"two words"}
        400 invalid_field (verify_token): verify_token must be 1 to 256 visible ASCII characters
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","fields":[]}
        400 invalid_field (fields): fields must not be empty
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","fields":["group_status_update","messages"]}
        400 invalid_field (fields[1]): fields[1] must be one of group_lifecycle_update, group_participants_update, group_settings_update, group_status_update
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","fields":"group_status_update"}
        400 invalid_field (fields): fields has the wrong type: string, expected a list
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","secret":"fifteen-letters"}
        400 invalid_field (secret): secret must be 16 to 256 visible ASCII characters
    (long)
        400 invalid_field (secret): secret must be 16 to 256 visible ASCII characters
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","secret":"sixteen letters!"}
        400 invalid_field (secret): secret must be 16 to 256 visible ASCII characters
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","secret":"sechzehn-zeichen-ü"}
        400 invalid_field (secret): secret must be 16 to 256 visible ASCII characters
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","secret":"whsec_not*base64*"}
        400 invalid_field (secret): secret begins with whsec_ and must go on in base64
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","timeout_secs":0}
        400 invalid_field (timeout_secs): timeout_secs must be a whole number from 1 to 30
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","timeout_secs":31}
        400 invalid_field (timeout_secs): timeout_secs must be a whole number from 1 to 30
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","timeout_secs":1.5}
        400 invalid_field (timeout_secs): timeout_secs has the wrong type: floating point, expected a whole number
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","timeout_secs":"5"}
        400 invalid_field (timeout_secs): timeout_secs has the wrong type: string, expected a whole number
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"":"x"}}
        400 invalid_field (headers.): headers. is not the name of a header
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"X Team":"x"}}
        400 invalid_field (headers.X Team): headers.X Team is not the name of a header
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"X-Tëam":"x"}}
        400 invalid_field (headers.X-Tëam): headers.X-Tëam is not the name of a header
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"Host":"x"}}
        400 invalid_field (headers.Host): headers.Host is a header that klatch sets itself
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"content-TYPE":"x"}}
        400 invalid_field (headers.content-TYPE): headers.content-TYPE is a header that klatch sets itself
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"Webhook-Id":"x"}}
        400 invalid_field (headers.Webhook-Id): headers.Webhook-Id is a header that klatch sets itself
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"X-Hub-Signature-256":"x"}}
        400 invalid_field (headers.X-Hub-Signature-256): headers.X-Hub-Signature-256 is a header that klatch sets itself
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"x-hub-signature":"x"}}
        400 invalid_field (headers.x-hub-signature): headers.x-hub-signature is a header that klatch sets itself
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"X-Klatch-Agent":"x"}}
        400 invalid_field (headers.X-Klatch-Agent): headers.X-Klatch-Agent is a header that klatch sets itself
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"Sinch-WhatsApp-Callback-Signature-Nonce":"x"}}
        400 invalid_field (headers.Sinch-WhatsApp-Callback-Signature-Nonce): headers.Sinch-WhatsApp-Callback-Signature-Nonce is a header that klatch sets itself
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"X-Team":"a\r\nHost: b"}}
        400 invalid_field (headers.X-Team): headers.X-Team has a value with line breaks or control characters
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"X-Team":"x","x-team":"y"}}
        400 invalid_field (headers.x-team): headers.x-team is given twice
    (long)
        400 invalid_field (headers.X-Team): headers.X-Team must not be longer than 4096 bytes
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","headers":{"X-Team":1}}
        400 invalid_field (headers.X-Team): headers.X-Team has the wrong type: integer, expected a string
    (long)
        400 invalid_field (headers): headers must not be more than 20
    {"phone_number_id":"999999999999999","dialect":"sinch","url":"https://hook.example/in"}
        404 unknown (phone_number_id): phone_number_id does not exist
    {"phone_number_id":"","dialect":"sinch","url":"https://hook.example/in"}
        400 invalid_field (phone_number_id): phone_number_id must be an id of 1 to 256 bytes without blanks
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","waba_id":"102290129340398"}
        400 invalid_field (waba_id): waba_id cannot be combined with phone_number_id
    {"phone_number_id":"106540352242922","dialect":"sinch","url":"https://hook.example/in","account_id":"acc_other"}
        404 unknown (phone_number_id): phone_number_id does not exist
    {"waba_id":"102290129340398","dialect":"sinch","url":"https://hook.example/in"}
        400 invalid_field (account_id): account_id must be given beside waba_id
    {"waba_id":"1","account_id":"acc_dev","dialect":"sinch","url":"https://hook.example/in"}
        404 unknown (waba_id): waba_id does not exist
    {"account_id":"acc_nobody","dialect":"sinch","url":"https://hook.example/in"}
        404 unknown (account_id): account_id does not exist
    {"account_id":"","dialect":"sinch","url":"https://hook.example/in"}
        400 invalid_field (account_id): account_id must be an id of 1 to 256 bytes without blanks
    "#);
    assert_eq!(get(&app, "/subscriptions").await.ok()["data"], json!([]), "nobody was added");
}

#[tokio::test]
async fn bad_changes_change_nothing() {
    let app = strict().await;
    let subscription = subscribed(&app, new("d360", HOOK)).await;
    let before = subscription.shown(&app).await;
    let mut told = String::new();
    for body in [
        json!({ "dialect": "meta" }),
        json!({ "secret": "sixteen-letters!" }),
        json!({ "timeout_sec": 5 }),
        json!({ "timeout_secs": 31, "fields": ["group_status_update"] }),
        json!({ "fields": [] }),
        json!({ "url": "http://hook.example/" }),
        json!({ "headers": { "Host": "x" } }),
        json!({ "verify_token": "" }),
        json!([]),
    ] {
        let answer = app.admin(Method::PATCH, &subscription.path(""), Some(body.clone())).await;
        writeln!(told, "{body}\n    {}", refusal(&answer)).unwrap();
    }
    for body in [
        json!({ "overlap_hours": 169 }),
        json!({ "overlap_hours": -1 }),
        json!({ "secret": "short" }),
    ] {
        let answer = post(&app, &subscription.path("/rotate"), body.clone()).await;
        writeln!(told, "rotate {body}\n    {}", refusal(&answer)).unwrap();
    }
    assert_snapshot!(told, @r#"
    {"dialect":"meta"}
        400 invalid_field (dialect): dialect is not valid: unknown field `dialect`, expected one of `url`, `fields`, `headers`, `verify_token`, `timeout_secs`, `vendor_signature`
    {"secret":"sixteen-letters!"}
        400 invalid_field (secret): secret is not valid: unknown field `secret`, expected one of `url`, `fields`, `headers`, `verify_token`, `timeout_secs`, `vendor_signature`
    {"timeout_sec":5}
        400 invalid_field (timeout_sec): timeout_sec is not valid: unknown field `timeout_sec`, expected one of `url`, `fields`, `headers`, `verify_token`, `timeout_secs`, `vendor_signature`
    {"timeout_secs":31,"fields":["group_status_update"]}
        400 invalid_field (timeout_secs): timeout_secs must be a whole number from 1 to 30
    {"fields":[]}
        400 invalid_field (fields): fields must not be empty
    {"url":"http://hook.example/"}
        400 invalid_field (url): url must begin with https:// (the operator can allow http with webhook_allow_http)
    {"headers":{"Host":"x"}}
        400 invalid_field (headers.Host): headers.Host is a header that klatch sets itself
    {"verify_token":""}
        400 invalid_field (verify_token): verify_token must be 1 to 256 visible ASCII characters
    []
        400 invalid_body: Invalid JSON in request body: it must be a JSON object
    rotate {"overlap_hours":169}
        400 invalid_field (overlap_hours): overlap_hours must be a whole number from 0 to 168
    rotate {"overlap_hours":-1}
        400 invalid_field (overlap_hours): overlap_hours is not valid: invalid value: integer, expected a whole number
    rotate {"secret":"short"}
        400 invalid_field (secret): secret must be 16 to 256 visible ASCII characters
    "#);
    assert_eq!(subscription.shown(&app).await, before);
    assert_eq!(subscription.kinds(&app).await, ["subscription_added"]);
}

#[tokio::test]
async fn calls_that_cannot_be_repeated_say_so() {
    let app = strict().await;
    let subscription = subscribed(&app, new("d360", HOOK)).await;
    for (method, path, body) in [
        (Method::POST, "/subscriptions".to_owned(), new("d360", HOOK)),
        (Method::PATCH, subscription.path(""), json!({ "timeout_secs": 3 })),
        (Method::POST, subscription.path("/rotate"), json!({})),
        (Method::POST, subscription.path("/test"), json!({})),
        (Method::POST, "/deliveries/replay".to_owned(), json!({ "state": "dead" })),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/klatch/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", sandbox::ADMIN_TOKEN))
            .header(header::CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", "once");
        let answer = app.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(
            refusal(&answer),
            "400 invalid_field (Idempotency-Key): Idempotency-Key is not supported by this call",
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_route_wants_the_token_before_anything_else() {
    let app = strict().await;
    for (token, expected) in [
        (
            None,
            "401 unauthorized (Authorization): The admin token is missing: send it as Authorization: Bearer <token>",
        ),
        (Some("Bearer wrong"), "401 unauthorized (Authorization): This is not the admin token"),
    ] {
        for (method, path) in [
            (Method::GET, "/subscriptions?limit=0"),
            (Method::POST, "/subscriptions"),
            (Method::GET, "/subscriptions/x"),
            (Method::PATCH, "/subscriptions/x"),
            (Method::DELETE, "/subscriptions/x"),
            (Method::POST, "/subscriptions/x/pause"),
            (Method::POST, "/subscriptions/x/resume"),
            (Method::POST, "/subscriptions/x/rotate"),
            (Method::POST, "/subscriptions/x/test"),
            (Method::GET, "/events?limit=0"),
            (Method::GET, "/deliveries?state=x"),
            (Method::POST, "/deliveries/replay"),
            (Method::GET, "/deliveries/x"),
            (Method::POST, "/deliveries/x/replay"),
        ] {
            let mut request = Request::builder().method(&method).uri(format!("/klatch/v1{path}"));
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, token);
            }
            let answer = app.send(request.body("not json".into()).unwrap()).await;
            assert_eq!(refusal(&answer), expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_or_no_filter_is_refused() {
    let app = strict().await;
    let told = refused_calls(
        &app,
        &[
            (Method::GET, "/subscriptions/sub_nobody"),
            (Method::GET, "/subscriptions/nobody"),
            (Method::DELETE, "/subscriptions/sub_nobody"),
            (Method::POST, "/subscriptions/sub_nobody/pause"),
            (Method::GET, "/subscriptions?account_id="),
            (Method::GET, "/subscriptions?after=x"),
            (Method::GET, "/deliveries/msg_1_0000000000000000"),
            (Method::GET, "/deliveries?state=lost"),
            (Method::GET, "/deliveries?subscription_id=1"),
            (Method::GET, "/deliveries?from=yesterday"),
            (Method::GET, "/events?subscription_id=1"),
            (Method::GET, "/events?account_id=acc_dev&phone_number_id=106540352242922"),
        ],
    )
    .await;
    assert_snapshot!(told, @"
    GET /subscriptions/sub_nobody
        404 unknown (subscription_id): subscription_id does not exist
    GET /subscriptions/nobody
        404 unknown (subscription_id): subscription_id does not exist
    DELETE /subscriptions/sub_nobody
        404 unknown (subscription_id): subscription_id does not exist
    POST /subscriptions/sub_nobody/pause
        404 unknown (subscription_id): subscription_id does not exist
    GET /subscriptions?account_id=
        400 invalid_field (account_id): account_id must be an id of 1 to 256 bytes without blanks
    GET /subscriptions?after=x
        400 invalid_cursor (after): after is not a cursor of this list; start again from the first page
    GET /deliveries/msg_1_0000000000000000
        404 unknown (delivery_id): delivery_id does not exist
    GET /deliveries?state=lost
        400 invalid_field (state): state must be one of pending, failing, delivered, dead
    GET /deliveries?subscription_id=1
        400 invalid_field (subscription_id): subscription_id must be an id that begins with sub_
    GET /deliveries?from=yesterday
        400 invalid_field (from): from must be a moment such as 2026-01-31T12:00:00Z
    GET /events?subscription_id=1
        400 invalid_field (subscription_id): subscription_id must be an id that begins with sub_
    GET /events?account_id=acc_dev&phone_number_id=106540352242922
        400 invalid_field (account_id): account_id cannot be combined with phone_number_id
    ");
    for path in [
        "/deliveries?subscription_id=sub_nobody",
        "/deliveries?group_id=nobody&from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z&state=dead",
        "/events?group_id=nobody",
        "/events?account_id=acc_nobody",
        "/events?phone_number_id=1",
    ] {
        let empty = json!({ "data": [], "paging": {} });
        assert_eq!(get(&app, path).await.ok(), empty, "{path}");
    }
}
