//! WhatsApp Business Accounts, their numbers, and what is selected of an object.

use axum::http::Method;
use insta::assert_snapshot;
use klatch::sandbox::{self, PHONE_NUMBER_ID, WABA_ID};
use serde_json::{Value, json};

use super::{Refusals, key, neighbour};
use crate::support::{Answer, TestApp};

async fn get(app: &TestApp, token: &str, path: &str) -> Answer {
    app.bearer(token, Method::GET, &format!("/v23.0{path}"), None).await
}

/// Another number of the sandbox's account in the same WABA; gives its id.
async fn sibling(app: &TestApp, digits: &str) -> String {
    let body = json!({
        "account_id": sandbox::ACCOUNT,
        "display_phone_number": digits,
        "waba_id": WABA_ID,
    });
    app.admin(Method::POST, "/numbers", Some(body)).await.text("phone_number_id")
}

fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_waba_is_an_object_with_numbers() {
    let app = TestApp::new().await;
    assert_snapshot!(get(&app, sandbox::KEY, &format!("/{WABA_ID}")).await.shown(), @r#"
    200 OK
    {
      "id": "102290129340398",
      "name": "Dev"
    }
    "#);
    let path = format!("/{WABA_ID}?fields=name,timezone_id,phone_numbers.limit(1){{status}}");
    assert_snapshot!(get(&app, sandbox::KEY, &path).await.shown(), @r#"
    200 OK
    {
      "id": "102290129340398",
      "name": "Dev",
      "phone_numbers": {
        "data": [
          {
            "id": "106540352242922",
            "status": "CONNECTED"
          }
        ],
        "paging": {
          "cursors": {
            "before": "ODU4MzIxNDkwMg==",
            "after": "ODU4MzIxNDkwMg=="
          }
        }
      }
    }
    "#);
    let path = format!("/{WABA_ID}/phone_numbers");
    assert_snapshot!(get(&app, sandbox::KEY, &path).await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "id": "106540352242922",
          "display_phone_number": "15550783881",
          "verified_name": "Dev"
        }
      ],
      "paging": {
        "cursors": {
          "before": "ODU4MzIxNDkwMg==",
          "after": "ODU4MzIxNDkwMg=="
        }
      }
    }
    "#);
    let path = format!("{path}?fields=platform_type,webhook_configuration{{application}}");
    assert_snapshot!(get(&app, sandbox::KEY, &path).await.shown(), @r#"
    200 OK
    {
      "data": [
        {
          "id": "106540352242922",
          "platform_type": "CLOUD_API",
          "webhook_configuration": {}
        }
      ],
      "paging": {
        "cursors": {
          "before": "ODU4MzIxNDkwMg==",
          "after": "ODU4MzIxNDkwMg=="
        }
      }
    }
    "#);
}

#[tokio::test]
async fn the_numbers_of_a_waba_are_read_in_pages() {
    let app = TestApp::new().await;
    let mut all = vec![PHONE_NUMBER_ID.to_owned()];
    for n in 2..=5 {
        all.push(sibling(&app, &format!("+1 555 078 388{n}")).await);
        // Of another WABA.
        if n == 3 {
            neighbour_of(&app, "+1 555 078 4444").await;
        }
    }
    let (_, whole) = key(&app, json!({ "account_id": sandbox::ACCOUNT })).await;
    let path = format!("/{WABA_ID}/phone_numbers?limit=2");
    let mut found = Vec::new();
    let mut next = Some(format!("/v23.0{path}"));
    while let Some(address) = next {
        let page = app.bearer(&whole, Method::GET, &address, None).await.ok();
        found.push(ids(&page));
        let address = page["paging"]["next"].as_str().map(|next| next.split_once("//").unwrap().1);
        next = address.map(|next| format!("/{}", next.split_once('/').unwrap().1));
    }
    assert_eq!(found, [&all[..2], &all[2..4], &all[4..]]);
    // A key of one number sees its own.
    let own = get(&app, sandbox::KEY, &format!("/{WABA_ID}/phone_numbers")).await.ok();
    assert_eq!(ids(&own), [PHONE_NUMBER_ID]);
    // Cursors lead from the object to the list.
    let path = format!("/{WABA_ID}?fields=phone_numbers.limit(2)");
    let first = get(&app, &whole, &path).await.ok();
    let after = first["phone_numbers"]["paging"]["cursors"]["after"].as_str().unwrap();
    let path = format!("/{WABA_ID}/phone_numbers?after={}", after.replace('=', "%3D"));
    assert_eq!(ids(&get(&app, &whole, &path).await.ok()), all[2..]);
}

async fn neighbour_of(app: &TestApp, digits: &str) {
    let body = json!({ "account_id": sandbox::ACCOUNT, "display_phone_number": digits });
    app.admin(Method::POST, "/numbers", Some(body)).await.ok();
}

#[tokio::test]
async fn a_waba_of_somebody_else_is_none() {
    let app = TestApp::new().await;
    let stranger = app.stranger().await;
    neighbour(&app).await;
    for path in ["", "?fields=name", "/phone_numbers", "/phone_numbers?limit=1", "/subscribed_apps"]
    {
        let theirs = get(&app, &stranger, &format!("/{WABA_ID}{path}")).await;
        let none = get(&app, &stranger, &format!("/102290129340399{path}")).await;
        let shown = |answer: &Answer| answer.shown().replace("102290129340399", WABA_ID);
        assert_eq!(shown(&theirs), shown(&none), "{path}");
        assert!(super::refusal(&theirs).starts_with("400 100/33 "), "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_selected_of_a_waba() {
    let app = TestApp::new().await;
    let mut refusals = Refusals::default();
    for path in [
        "?fields=subject",
        "?fields=phone_numbers{subject}",
        "?fields=name{x}",
        "/phone_numbers?fields=name",
        "/phone_numbers?limit=0",
        "/phone_numbers?after=damaged",
    ] {
        refusals.add(path, &get(&app, sandbox::KEY, &format!("/{WABA_ID}{path}")).await);
    }
    assert_snapshot!(refusals.shown(), @"
    ?fields=subject => 400 100 (#100) Invalid parameter: fields must only name id, name, phone_numbers; subject is unknown
    ?fields=phone_numbers{subject} => 400 100 (#100) Invalid parameter: fields must only name id, display_phone_number, verified_name, is_official_business_account, status, code_verification_status, platform_type, is_pin_enabled, health_status, webhook_configuration inside phone_numbers; phone_numbers{subject} is unknown
    ?fields=name{x} => 400 100 (#100) Invalid parameter: fields cannot select inside name: it has no fields
    /phone_numbers?fields=name => 400 100 (#100) Invalid parameter: fields must only name id, display_phone_number, verified_name, is_official_business_account, status, code_verification_status, platform_type, is_pin_enabled, health_status, webhook_configuration; name is unknown
    /phone_numbers?limit=0 => 400 100 (#100) Invalid parameter: limit must be a whole number from 1 to 1024
    /phone_numbers?after=damaged => 400 131059 (#131059) Invalid cursor: after is not a cursor of this list; start again from the first page
    ");
}

#[tokio::test]
async fn a_selection_reaches_into_lists_and_objects() {
    let app = TestApp::new().await;
    let group = app.group("Hello", "auto_approve").await;
    let link = app.link(&group).await;
    for person in ["16505550101", "16505550102", "16505550103"] {
        app.tap(person, &link).await.ok();
    }
    let at = |fields: &str| format!("/{group}?fields={fields}");
    let selected = get(&app, sandbox::KEY, &at("subject,participants.limit(2){wa_id}")).await;
    assert_snapshot!(selected.shown(), @r#"
    200 OK
    {
      "messaging_product": "whatsapp",
      "id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "subject": "Hello",
      "participants": [
        {
          "wa_id": "16505550101"
        },
        {
          "wa_id": "16505550102"
        }
      ]
    }
    "#);
    let whole = get(&app, sandbox::KEY, &at("participants")).await;
    let all = get(&app, sandbox::KEY, &at("participants%7Bwa_id,user_id%7D")).await;
    assert_eq!(whole.ok(), all.ok());
    // The other API of the family reads the same selections.
    let path = format!("/groups/{group}?fields=participants.limit(1)%7Bwa_id%7D");
    let d360 = app.d360(Method::GET, &path, None).await.ok();
    assert_eq!(d360["participants"], json!([{ "wa_id": "16505550101" }]));
    let mut refusals = Refusals::default();
    for fields in [
        "participants%7Bphone%7D",
        "participants%7B%7D",
        "participants%7Bwa_id",
        "subject.limit(2)",
        "participants.limit(0)",
        "participants.as(people)",
    ] {
        refusals.add(fields, &get(&app, sandbox::KEY, &at(fields)).await);
    }
    assert_snapshot!(refusals.shown(), @"
    participants%7Bphone%7D => 400 100 (#100) Invalid parameter: fields must only name wa_id, user_id, parent_user_id, username inside participants; participants{phone} is unknown
    participants%7B%7D => 400 100 (#100) Invalid parameter: fields must name a field inside participants{}
    participants%7Bwa_id => 400 100 (#100) Invalid parameter: fields cannot be read: expected the name of a field at character 19
    subject.limit(2) => 400 100 (#100) Invalid parameter: fields cannot limit subject: it is not a list
    participants.limit(0) => 400 100 (#100) Invalid parameter: fields .limit() must be a whole number from 1 to 1024
    participants.as(people) => 400 100 (#100) Invalid parameter: fields can only be modified by .limit(n), got .as
    ");
}

#[tokio::test]
async fn several_objects_are_told_of_at_once() {
    let app = TestApp::new().await;
    let one = app.group("One", "auto_approve").await;
    let two = app.group("Two", "auto_approve").await;
    let path = format!("/?ids={one},{two}&fields=subject,participants%7Bwa_id%7D");
    let answer = get(&app, sandbox::KEY, &path).await;
    let shown = answer.shown().replace(&one, "ONE").replace(&two, "TWO");
    assert_snapshot!(shown, @r#"
    200 OK
    {
      "ONE": {
        "messaging_product": "whatsapp",
        "id": "ONE",
        "subject": "One",
        "participants": []
      },
      "TWO": {
        "messaging_product": "whatsapp",
        "id": "TWO",
        "subject": "Two",
        "participants": []
      }
    }
    "#);
    let mixed = format!("/?ids={PHONE_NUMBER_ID},{WABA_ID}%2C{one},,{one}&fields=id");
    let mixed = get(&app, sandbox::KEY, &mixed).await.ok();
    assert_eq!(
        mixed.as_object().unwrap().keys().collect::<Vec<_>>(),
        [PHONE_NUMBER_ID, WABA_ID, &one]
    );
    assert_eq!(mixed[WABA_ID], json!({ "id": WABA_ID }));
    // One that fails fails the call, with the answer that it gets alone.
    let mut refusals = Refusals::default();
    let stranger = app.stranger().await;
    let many = vec!["1"; 51].iter().enumerate().map(|(n, _)| n.to_string()).collect::<Vec<_>>();
    for (what, query) in [
        ("an unknown one", format!("ids={one},17")),
        ("a field of others", format!("ids={one},{WABA_ID}&fields=subject")),
        ("no ids", String::new()),
        ("empty", "ids=,%20,".to_owned()),
        ("too many", format!("ids={}", many.join(","))),
    ] {
        refusals.add(what, &get(&app, sandbox::KEY, &format!("/?{query}")).await);
    }
    assert_snapshot!(refusals.shown(), @"
    an unknown one => 400 100/33 Unsupported get request. Object with ID '17' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api
    a field of others => 400 100 (#100) Invalid parameter: fields must only name id, name, phone_numbers; subject is unknown
    no ids => 400 100 (#100) The parameter ids is required.: ids is missing
    empty => 400 100 (#100) Invalid parameter: ids must name at least one id
    too many => 400 100 (#100) Invalid parameter: ids must not name more than 50 ids
    ");
    let theirs = get(&app, &stranger, &format!("/?ids={one}")).await;
    let alone = get(&app, &stranger, &format!("/{one}")).await;
    assert_eq!(theirs.shown(), alone.shown());
}
