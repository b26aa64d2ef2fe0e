//! What receivers are told, to the letter, and what proves that it was us.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::process::{Command, Stdio};

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use insta::assert_snapshot;
use klatch::sandbox;
use klatch::webhook::sample;
use serde_json::{Value, json};

use super::{HOUR, Subscribed, new, post, rename, run_due, subscribe, subscribed};
use crate::d360::{answer_requests, ask, remove, send_form};
use crate::support::receiver::{Receiver, Seen};
use crate::support::{TestApp, jpeg};

const ANN: &str = "16505550101";
const BEN: &str = "16505550102";

/// A Klatch with one receiver for each dialect.
struct Told {
    app: TestApp,
    meta: Receiver,
    d360: Receiver,
    sinch: Receiver,
}

impl Told {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let [meta, d360, sinch] = [(); 3].map(|()| Receiver::start());
        subscribe(&app, "meta", &meta).await;
        subscribe(&app, "d360", &d360).await;
        subscribe(&app, "sinch", &sinch).await;
        Self { app, meta, d360, sinch }
    }

    /// What the receivers have been told since the last time: bodies of the two formats. Nobody
    /// gets anything but ASCII, and 360dialog passes Meta's bytes on.
    async fn bodies(&self) -> (Vec<Value>, Vec<Value>) {
        run_due(&self.app).await;
        let raw = |receiver: &Receiver| -> Vec<_> {
            let bodies: Vec<_> = receiver.seen().into_iter().map(|seen| seen.body).collect();
            receiver.forget();
            assert!(bodies.iter().all(|body| body.is_ascii()));
            bodies
        };
        let [meta, d360, sinch] = [&self.meta, &self.d360, &self.sinch].map(raw);
        assert_eq!(meta, d360);
        let parsed = |raw: Vec<bytes::Bytes>| {
            raw.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
        };
        (parsed(meta), parsed(sinch))
    }

    /// The same as text. What all of Meta's bodies have in common is looked at and left out.
    async fn news(&self) -> String {
        let (meta, sinch) = self.bodies().await;
        let mut shown = String::new();
        for mut body in meta {
            let change = &mut body["entry"][0]["changes"][0];
            let (field, news) = (change["field"].take(), change["value"]["groups"][0].take());
            assert_eq!(
                body,
                json!({
                    "object": "whatsapp_business_account",
                    "entry": [{
                        "id": sandbox::WABA_ID,
                        "changes": [{
                            "field": null,
                            "value": {
                                "messaging_product": "whatsapp",
                                "metadata": {
                                    "display_phone_number": sandbox::DISPLAY_NUMBER,
                                    "phone_number_id": sandbox::PHONE_NUMBER_ID,
                                },
                                "groups": [null],
                            },
                        }],
                    }],
                })
            );
            let news = serde_json::to_string_pretty(&news).unwrap();
            writeln!(shown, "graph, {}: {news}", field.as_str().unwrap()).unwrap();
        }
        for body in sinch {
            let body = serde_json::to_string_pretty(&body).unwrap();
            writeln!(shown, "sinch: {body}").unwrap();
        }
        shown
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of bodies")]
async fn a_group_comes_and_goes() {
    let told = Told::new().await;
    let body = json!({
        "subject": "Road trip",
        "description": "Sunday",
        "join_approval_mode": "auto_approve",
    });
    let group = told.app.d360(Method::POST, "/groups", Some(body)).await.text("id");
    let (meta, sinch) = told.bodies().await;
    assert_snapshot!(serde_json::to_string_pretty(&meta[0]).unwrap(), @r#"
    {
      "object": "whatsapp_business_account",
      "entry": [
        {
          "id": "102290129340398",
          "changes": [
            {
              "field": "group_lifecycle_update",
              "value": {
                "messaging_product": "whatsapp",
                "metadata": {
                  "display_phone_number": "15550783881",
                  "phone_number_id": "106540352242922"
                },
                "groups": [
                  {
                    "timestamp": "1755548877",
                    "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
                    "type": "group_create",
                    "request_id": "B1470F7F2B56BFE903E78BCD463D2AC2",
                    "subject": "Road trip",
                    "description": "Sunday",
                    "invite_link": "https://chat.whatsapp.com/AqnxzaRqG07LsGY7OrIQxr",
                    "join_approval_mode": "auto_approve"
                  }
                ]
              }
            }
          ]
        }
      ]
    }
    "#);
    assert_snapshot!(serde_json::to_string_pretty(&sinch[0]).unwrap(), @r#"
    {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "B1470F7F2B56BFE903E78BCD463D2AC200",
          "message": {
            "type": "group_event",
            "event_type": "group_created",
            "body": "‎‎+15550783881 created group \"Road trip\"‎",
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
    }
    "#);
    told.app.admin(Method::POST, &format!("/groups/{group}/suspend"), None).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_status_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_suspend"
    }
    "#);
    told.app.admin(Method::POST, &format!("/groups/{group}/restore"), None).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_status_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_suspend_cleared"
    }
    "#);
    told.app.d360(Method::DELETE, &format!("/groups/{group}"), None).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_lifecycle_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_delete",
      "request_id": "7D8934FDA1ED80BA7284926B9225C076"
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "7D8934FDA1ED80BA7284926B9225C07600",
          "message": {
            "type": "group_event",
            "event_type": "group_ended",
            "body": "‎‎The group has ended‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn people_come_by_link_and_go() {
    let told = Told::new().await;
    let group = told.app.group("Open", "auto_approve").await;
    told.bodies().await;
    told.app.tap(ANN, &told.app.link(&group).await).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_participants_add",
      "reason": "invite_link",
      "added_participants": [
        {
          "wa_id": "16505550101",
          "user_id": "US.10675678526246432575"
        }
      ]
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "16505550101",
          "message_id": "26E3FAC3F851BF89A8EAE7B77323D69D00",
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
    }
    "#);
    let body = json!({ "group_id": group });
    post(&told.app, &format!("/people/{ANN}/leave"), body).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_participants_remove",
      "initiated_by": "participant",
      "removed_participants": [
        {
          "wa_id": "16505550101",
          "user_id": "US.10675678526246432575"
        }
      ]
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "16505550101",
          "message_id": "904683A80B0B69E5E1B1AABD9A21596200",
          "message": {
            "type": "group_event",
            "event_type": "group_user_left",
            "body": "‎‎+16505550101 left‎",
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
    }
    "#);
}

#[tokio::test]
async fn people_ask_and_are_answered() {
    let told = Told::new().await;
    let group = told.app.group("Closed", "approval_required").await;
    told.bodies().await;
    let link = told.app.link(&group).await;
    let ann = ask(&told.app, ANN, &link).await;
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_join_request_created",
      "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz",
      "wa_id": "16505550101",
      "user_id": "US.10675678526246432575"
    }
    "#);
    post(&told.app, &format!("/people/{ANN}/cancel"), json!({ "group_id": group })).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_join_request_revoked",
      "join_request_id": "MTY1MDU1NTAxMDE6MTIwMzYzNjA1NzU4ODc2Nzgz",
      "wa_id": "16505550101",
      "user_id": "US.10675678526246432575"
    }
    "#);
    ask(&told.app, ANN, &link).await;
    let ben = ask(&told.app, BEN, &link).await;
    told.bodies().await;
    answer_requests(&told.app, Method::POST, &group, &[&ann, &ben, "nobody"]).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_participants_add",
      "reason": "invite_link",
      "added_participants": [
        {
          "input": "16505550101",
          "wa_id": "16505550101",
          "user_id": "US.10675678526246432575"
        },
        {
          "input": "16505550102",
          "wa_id": "16505550102",
          "user_id": "US.10884060011739327663"
        }
      ]
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "DFA374DC870DE895C3597533FE3FF00700",
          "message": {
            "type": "group_event",
            "event_type": "group_user_joined",
            "body": "‎‎+16505550101, +16505550102 were added‎",
            "members": [
              "16505550101",
              "16505550102"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
    // Published: nobody is told of a rejection.
    let cid = ask(&told.app, "16505550103", &link).await;
    told.bodies().await;
    answer_requests(&told.app, Method::DELETE, &group, &[&cid]).await.ok();
    assert_eq!(told.news().await, "");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of bodies")]
async fn people_are_removed() {
    let told = Told::new().await;
    let group = told.app.group("Open", "auto_approve").await;
    let link = told.app.link(&group).await;
    for person in [ANN, BEN] {
        told.app.tap(person, &link).await.ok();
    }
    told.bodies().await;
    remove(&told.app, &group, &["+1 650-555-0101"]).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_participants_remove",
      "request_id": "7D8934FDA1ED80BA7284926B9225C076",
      "initiated_by": "business",
      "removed_participants": [
        {
          "input": "+1 650-555-0101"
        }
      ]
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "7D8934FDA1ED80BA7284926B9225C07600",
          "message": {
            "type": "group_event",
            "event_type": "group_user_left",
            "body": "‎‎+16505550101 was removed‎",
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
    }
    "#);
    remove(&told.app, &group, &["+16505550101", BEN, "4915112345678"]).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_participants_remove",
      "request_id": "BDDD6F61D3137F7DF165AF2A9A53250C",
      "initiated_by": "business",
      "removed_participants": [
        {
          "input": "16505550102"
        }
      ],
      "failed_participants": [
        {
          "input": "+16505550101",
          "errors": [
            {
              "code": 131212,
              "message": "(#131212) the person is not a participant of the group",
              "title": "Participant is not a part of the group.",
              "error_data": {
                "details": "the person is not a participant of the group"
              }
            }
          ]
        },
        {
          "input": "4915112345678",
          "errors": [
            {
              "code": 131212,
              "message": "(#131212) the person is not a participant of the group",
              "title": "Participant is not a part of the group.",
              "error_data": {
                "details": "the person is not a participant of the group"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131201,
          "message": "Failed to remove some participants from the group",
          "title": "Not All Participants Remove Succeeded",
          "error_data": {
            "details": "2 of the participants failed; each entry says why"
          }
        }
      ]
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "BDDD6F61D3137F7DF165AF2A9A53250C00",
          "message": {
            "type": "group_event",
            "event_type": "group_user_left",
            "body": "‎‎+16505550102 was removed‎",
            "members": [
              "16505550102"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        },
        {
          "from": "15550783881",
          "message_id": "BDDD6F61D3137F7DF165AF2A9A53250C01",
          "message": {
            "type": "group_event",
            "event_type": "group_error_removing_user",
            "body": "‎‎+16505550101, +4915112345678 could not be removed‎",
            "members": [
              "16505550101",
              "4915112345678"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
    remove(&told.app, &group, &["+1 650 555 0101", "4915112345678"]).await;
    assert_snapshot!(told.news().await, @r#"
    graph, group_participants_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_participants_remove",
      "request_id": "DFA374DC870DE895C3597533FE3FF007",
      "initiated_by": "business",
      "failed_participants": [
        {
          "input": "+1 650 555 0101"
        },
        {
          "input": "4915112345678"
        }
      ],
      "errors": [
        {
          "code": 131212,
          "message": "(#131212) the person is not a participant of the group",
          "title": "Participant is not a part of the group.",
          "error_data": {
            "details": "the person is not a participant of the group"
          }
        }
      ]
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "DFA374DC870DE895C3597533FE3FF00700",
          "message": {
            "type": "group_event",
            "event_type": "group_error_removing_user",
            "body": "‎‎+16505550101, +4915112345678 could not be removed‎",
            "members": [
              "16505550101",
              "4915112345678"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of bodies")]
async fn settings_change() {
    let told = Told::new().await;
    let group = told.app.group("Before", "auto_approve").await;
    told.bodies().await;
    rename(&told.app, &group, "After").await;
    assert_snapshot!(told.news().await, @r#"
    graph, group_settings_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_settings_update",
      "request_id": "26E3FAC3F851BF89A8EAE7B77323D69D",
      "group_subject": {
        "text": "After",
        "update_successful": true
      }
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "26E3FAC3F851BF89A8EAE7B77323D69D00",
          "message": {
            "type": "group_event",
            "event_type": "group_subject_changed",
            "body": "‎‎The subject is now \"After\"‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
    let parts: [(&str, Option<&str>, &[u8]); 3] = [
        ("file", Some("us.jpg"), &jpeg(640, 640)),
        ("subject", None, b"All"),
        ("description", None, b"of it"),
    ];
    send_form(&told.app, &group, &parts).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_settings_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_settings_update",
      "request_id": "904683A80B0B69E5E1B1AABD9A215962",
      "profile_picture": {
        "mime_type": "image/jpeg",
        "sha256": "2Iwm6iXii/AwLQhlzetA39PIzk/ZcF07uP7N3JcrfyA=",
        "update_successful": true
      },
      "group_subject": {
        "text": "All",
        "update_successful": true
      },
      "group_description": {
        "text": "of it",
        "update_successful": true
      }
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "904683A80B0B69E5E1B1AABD9A21596200",
          "message": {
            "type": "group_event",
            "event_type": "group_subject_changed",
            "body": "‎‎The subject is now \"All\"‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        },
        {
          "from": "15550783881",
          "message_id": "904683A80B0B69E5E1B1AABD9A21596201",
          "message": {
            "type": "group_event",
            "event_type": "group_description_changed",
            "body": "‎‎The description was changed‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        },
        {
          "from": "15550783881",
          "message_id": "904683A80B0B69E5E1B1AABD9A21596202",
          "message": {
            "type": "group_event",
            "event_type": "group_icon_changed",
            "body": "‎‎The icon was changed‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
    let body = json!({ "description": "" });
    told.app.d360(Method::POST, &format!("/groups/{group}"), Some(body)).await.ok();
    assert_snapshot!(told.news().await, @r#"
    graph, group_settings_update: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM2MDU3NTg4NzY3ODMZD",
      "type": "group_settings_update",
      "request_id": "7D8934FDA1ED80BA7284926B9225C076",
      "group_description": {
        "text": "",
        "update_successful": true
      }
    }
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "7D8934FDA1ED80BA7284926B9225C07600",
          "message": {
            "type": "group_event",
            "event_type": "group_description_changed",
            "body": "‎‎The description was changed‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
    // Of links Meta's family tells nothing.
    let path = format!("/groups/{group}/invite_link");
    told.app.d360(Method::POST, &path, None).await.ok();
    assert_snapshot!(told.news().await, @r#"
    sinch: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "BDDD6F61D3137F7DF165AF2A9A53250C00",
          "message": {
            "type": "group_event",
            "event_type": "group_invite_link_revoked",
            "body": "‎‎The invite link was revoked‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
}

/// As Meta writes and signs it: whoever compares bytes compares these.
#[tokio::test]
async fn what_is_not_ascii_is_escaped_in_lower_case() {
    let told = Told::new().await;
    let group = told.app.group("Ausflug: Größe 🚗 中 \"\\/", "auto_approve").await;
    run_due(&told.app).await;
    let raw = |receiver: &Receiver| String::from_utf8(receiver.seen()[0].body.to_vec()).unwrap();
    let line = |text: &str, start: &str| {
        let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}"));
        text[from..].split("\",\"").next().unwrap().to_owned()
    };
    assert_snapshot!(line(&raw(&told.meta), r#""subject":"#), @r#""subject":"Ausflug: Gr\u00f6\u00dfe \ud83d\ude97 \u4e2d \"\\\/"#);
    assert_snapshot!(line(&raw(&told.sinch), r#""body":"#), @r#""body":"\u200e\u200e+15550783881 created group \"Ausflug: Gr\u00f6\u00dfe \ud83d\ude97 \u4e2d \"\\/\"\u200e"#);
    assert_eq!(told.meta.seen()[0].news()["subject"], "Ausflug: Größe 🚗 中 \"\\/");
    told.bodies().await;
    // The first and the last of those that need two units, and the last that needs one.
    rename(&told.app, &group, "\u{10000}\u{10ffff}\u{ffee}x").await;
    run_due(&told.app).await;
    assert_snapshot!(line(&raw(&told.meta), r#""text":"#), @r#""text":"\ud800\udc00\udbff\udfff\uffeex"#);
}

/// Failures, which the engine tells of in its answers; and admins, whom no API of ours makes.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of bodies")]
async fn what_only_trials_tell_of() {
    let app = TestApp::new().await;
    let (meta, sinch) = (Receiver::start(), Receiver::start());
    let of_meta = subscribe(&app, "meta", &meta).await;
    let of_sinch = subscribe(&app, "sinch", &sinch).await;
    let mut shown = String::new();
    let never = |name: &&str| name.contains("failed") || name.contains("admins");
    for name in sample::NAMES.into_iter().filter(never) {
        for (subscription, receiver) in [(&of_meta, &meta), (&of_sinch, &sinch)] {
            let tried = post(&app, &subscription.path("/test"), json!({ "event": name })).await;
            if tried.status == 400 {
                continue;
            }
            receiver.forget();
            run_due(&app).await;
            let seen = receiver.nth(1).await;
            let body = match seen.json().get("object") {
                Some(_) => seen.news(),
                None => seen.json(),
            };
            let body = serde_json::to_string_pretty(&body).unwrap();
            writeln!(shown, "{name}: {body}").unwrap();
        }
    }
    assert_snapshot!(shown, @r#"
    group_create_failed: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
      "type": "group_create",
      "request_id": "B1470F7F2B56BFE903E78BCD463D2AC2",
      "subject": "Test: my group",
      "description": "Made up by klatch to try a receiver with.",
      "errors": [
        {
          "code": 131211,
          "message": "(#131211) the number already has 10000 groups",
          "title": "Group create limit reached",
          "error_data": {
            "details": "the number already has 10000 groups"
          }
        }
      ]
    }
    group_delete_failed: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
      "type": "group_delete",
      "request_id": "904683A80B0B69E5E1B1AABD9A215962",
      "errors": [
        {
          "code": 131207,
          "message": "(#131207) the group is suspended",
          "title": "Group suspended",
          "error_data": {
            "details": "the group is suspended"
          }
        }
      ]
    }
    group_participants_add_partly_failed: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
      "type": "group_participants_add",
      "request_id": "BDDD6F61D3137F7DF165AF2A9A53250C",
      "added_participants": [
        {
          "input": "16505551234",
          "wa_id": "16505551234",
          "user_id": "US.17673898368602614152"
        }
      ],
      "failed_participants": [
        {
          "input": "+16505551235",
          "errors": [
            {
              "code": 131204,
              "message": "(#131204) the group already holds 8 participants",
              "title": "Participant overlimit",
              "error_data": {
                "details": "the group already holds 8 participants"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131201,
          "message": "Failed to add some participants to the group",
          "title": "Not All Participants Add Succeeded",
          "error_data": {
            "details": "1 of the participants failed; its entry says why"
          }
        }
      ]
    }
    group_participants_add_partly_failed: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "DFA374DC870DE895C3597533FE3FF00700",
          "message": {
            "type": "group_event",
            "event_type": "group_user_joined",
            "body": "‎‎+16505551234 was added‎",
            "members": [
              "16505551234"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        },
        {
          "from": "15550783881",
          "message_id": "DFA374DC870DE895C3597533FE3FF00701",
          "message": {
            "type": "group_event",
            "event_type": "group_error_full_adding_users",
            "body": "‎‎+16505551235 could not be added‎",
            "members": [
              "16505551235"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    group_participants_remove_partly_failed: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
      "type": "group_participants_remove",
      "request_id": "21DE0E2815F3ECE5C6848974448C3F60",
      "initiated_by": "business",
      "removed_participants": [
        {
          "input": "16505551234"
        }
      ],
      "failed_participants": [
        {
          "input": "+16505551235",
          "errors": [
            {
              "code": 131212,
              "message": "(#131212) the person is not a participant of the group",
              "title": "Participant is not a part of the group.",
              "error_data": {
                "details": "the person is not a participant of the group"
              }
            }
          ]
        }
      ],
      "errors": [
        {
          "code": 131201,
          "message": "Failed to remove some participants from the group",
          "title": "Not All Participants Remove Succeeded",
          "error_data": {
            "details": "1 of the participants failed; its entry says why"
          }
        }
      ]
    }
    group_participants_remove_partly_failed: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "8A38B53FA579290A9B2AF3289CF00F1900",
          "message": {
            "type": "group_event",
            "event_type": "group_user_left",
            "body": "‎‎+16505551234 was removed‎",
            "members": [
              "16505551234"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        },
        {
          "from": "15550783881",
          "message_id": "8A38B53FA579290A9B2AF3289CF00F1901",
          "message": {
            "type": "group_event",
            "event_type": "group_error_removing_user",
            "body": "‎‎+16505551235 could not be removed‎",
            "members": [
              "16505551235"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    group_participants_remove_failed: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
      "type": "group_participants_remove",
      "request_id": "3B9110622C3DFB38FCB52D40A66622CB",
      "initiated_by": "business",
      "failed_participants": [
        {
          "input": "+16505551235"
        }
      ],
      "errors": [
        {
          "code": 131212,
          "message": "(#131212) the person is not a participant of the group",
          "title": "Participant is not a part of the group.",
          "error_data": {
            "details": "the person is not a participant of the group"
          }
        }
      ]
    }
    group_participants_remove_failed: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "3A2F225F07BD3B291FB51062B1E8533100",
          "message": {
            "type": "group_event",
            "event_type": "group_error_removing_user",
            "body": "‎‎+16505551235 could not be removed‎",
            "members": [
              "16505551235"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    group_settings_update_partly_failed: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
      "type": "group_settings_update",
      "request_id": "5F88784BC2D8CAB30A9C1B506B8E0BAF",
      "profile_picture": {
        "mime_type": "image/jpeg",
        "sha256": "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=",
        "update_successful": false,
        "errors": [
          {
            "code": 131207,
            "message": "(#131207) the group is suspended",
            "title": "Group suspended",
            "error_data": {
              "details": "the group is suspended"
            }
          }
        ]
      },
      "group_subject": {
        "text": "Test: my group",
        "update_successful": true
      },
      "group_description": {
        "text": "Made up by klatch to try a receiver with.",
        "update_successful": false,
        "errors": [
          {
            "code": 131207,
            "message": "(#131207) the group is suspended",
            "title": "Group suspended",
            "error_data": {
              "details": "the group is suspended"
            }
          }
        ]
      },
      "errors": [
        {
          "code": 131207,
          "message": "(#131207) the group is suspended",
          "title": "Group suspended",
          "error_data": {
            "details": "the group is suspended"
          }
        }
      ]
    }
    group_settings_update_failed: {
      "timestamp": "1755548877",
      "group_id": "Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
      "type": "group_settings_update",
      "request_id": "8923882111105C5BB5E82CCC46B9C518",
      "profile_picture": {
        "mime_type": "image/jpeg",
        "sha256": "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=",
        "update_successful": false,
        "errors": [
          {
            "code": 131207,
            "message": "(#131207) the group is suspended",
            "title": "Group suspended",
            "error_data": {
              "details": "the group is suspended"
            }
          }
        ]
      },
      "group_subject": {
        "text": "Test: my group",
        "update_successful": false,
        "errors": [
          {
            "code": 131207,
            "message": "(#131207) the group is suspended",
            "title": "Group suspended",
            "error_data": {
              "details": "the group is suspended"
            }
          }
        ]
      },
      "group_description": {
        "text": "Made up by klatch to try a receiver with.",
        "update_successful": false,
        "errors": [
          {
            "code": 131207,
            "message": "(#131207) the group is suspended",
            "title": "Group suspended",
            "error_data": {
              "details": "the group is suspended"
            }
          }
        ]
      },
      "errors": [
        {
          "code": 131207,
          "message": "(#131207) the group is suspended",
          "title": "Group suspended",
          "error_data": {
            "details": "the group is suspended"
          }
        }
      ]
    }
    group_picture_failed: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "1381EE6B561BD1DDB313C5E0413D2DC000",
          "message": {
            "type": "group_event",
            "event_type": "group_error_fetching_photo",
            "body": "‎‎The icon could not be fetched: the answer was 404‎",
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    group_admins_promote: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "547D2AF8BB4D799D8AA05659E518998300",
          "message": {
            "type": "group_event",
            "event_type": "group_user_promoted",
            "body": "‎‎+16505551234 is now an admin‎",
            "members": [
              "16505551234"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    group_admins_demote: {
      "type": "whatsapp",
      "notifications": [
        {
          "from": "15550783881",
          "message_id": "9635C3A814EA39CDDF989963041FE68E00",
          "message": {
            "type": "group_event",
            "event_type": "group_user_demoted",
            "body": "‎‎+16505551234 is no longer an admin‎",
            "members": [
              "16505551234"
            ],
            "in_group": "group:15550783881-1755548877"
          },
          "timestamp": "2025-08-18T20:27:57Z",
          "in_group": "group:15550783881-1755548877",
          "to": "klatch"
        }
      ]
    }
    "#);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

const PYTHON: &str = "import hashlib, hmac, sys
message = sys.stdin.buffer.read()
print(hmac.new(bytes.fromhex(sys.argv[1]), message, hashlib.sha256).hexdigest())";

/// HMAC-SHA256 by every implementation that is at hand and not ours, in hex.
fn independent(key: &[u8], message: &[u8]) -> Vec<String> {
    let key = hex(key);
    let hexkey = format!("hexkey:{key}");
    let calls = [
        ("openssl", vec!["dgst", "-sha256", "-mac", "HMAC", "-macopt", &hexkey, "-r"]),
        ("python3", vec!["-c", PYTHON, &key]),
    ];
    let mut found = Vec::new();
    for (program, args) in calls {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("{program} is missing: signatures are not checked with it");
                continue;
            }
            Err(error) => panic!("{program}: {error}"),
        };
        child.stdin.take().unwrap().write_all(message).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        found.push(printed.split_whitespace().next().unwrap().to_owned());
    }
    assert!(!found.is_empty(), "neither openssl nor python3 is there: install one of them");
    found
}

/// What Standard Webhooks signs of a delivery, by each of the secrets.
#[track_caller]
fn assert_standard(seen: &Seen, keys: &[&[u8]]) {
    let (id, timestamp) = (seen.id(), seen.header("webhook-timestamp"));
    let signed = [format!("{id}.{timestamp}.").as_bytes(), &seen.body].concat();
    let given: Vec<String> = seen
        .header("webhook-signature")
        .split(' ')
        .map(|one| hex(&BASE64.decode(one.strip_prefix("v1,").unwrap()).unwrap()))
        .collect();
    assert_eq!(given.len(), keys.len());
    for (given, key) in given.iter().zip(keys) {
        assert!(independent(key, &signed).iter().all(|expected| expected == given));
    }
}

fn decoded(subscription: &Subscribed) -> Vec<u8> {
    BASE64.decode(subscription.secret.reveal().strip_prefix("whsec_").unwrap()).unwrap()
}

#[tokio::test]
async fn signatures_are_what_others_make_of_the_same_bytes() {
    let told = Told::new().await;
    let app = &told.app;
    let (meta, sinch) = (Receiver::start(), Receiver::start());
    let of_meta = subscribe(app, "meta", &meta).await;
    let mut body = new("sinch", &sinch.url("/hook"));
    body["secret"] = json!("a-secret-of-our-own");
    post(app, "/subscriptions", body).await.ok();
    app.group("Größe 🚗", "auto_approve").await;
    run_due(app).await;

    let seen = meta.nth(1).await;
    assert_standard(&seen, &[&decoded(&of_meta)]);
    let hub = seen.header("x-hub-signature-256").strip_prefix("sha256=").unwrap().to_owned();
    // Meta's key is the text as it stands.
    for expected in independent(of_meta.secret.reveal().as_bytes(), &seen.body) {
        assert_eq!(hub, expected);
    }

    let seen = sinch.nth(1).await;
    let key = b"a-secret-of-our-own";
    assert_standard(&seen, &[key]);
    let header = |rest: &str| seen.header(&format!("sinch-whatsapp-callback-signature{rest}"));
    assert_eq!(header("-algorithm"), "HMAC_SHA_256");
    let signed = [&seen.body[..], b".", header("-nonce").as_bytes()].concat();
    let given = hex(&BASE64.decode(header("")).unwrap());
    assert!(independent(key, &signed).iter().all(|expected| *expected == given));
    // Where nobody asked for it there is none.
    let plain = told.d360.nth(1).await;
    assert_eq!(plain.headers.get("x-hub-signature-256"), None);
}

#[tokio::test]
async fn while_a_secret_changes_both_sign() {
    let app = TestApp::new().await;
    let receiver = Receiver::start();
    let mut body = new("d360", &receiver.url("/hook"));
    body["vendor_signature"] = json!(true);
    let before = subscribed(&app, body).await;
    let body = json!({ "secret": "another-secret-of-ours" });
    post(&app, &before.path("/rotate"), body).await.ok();
    app.group("Any", "auto_approve").await;
    run_due(&app).await;
    let (old, new) = (decoded(&before), b"another-secret-of-ours");
    let seen = receiver.nth(1).await;
    assert_standard(&seen, &[&old, new]);
    let hub =
        |seen: &Seen| seen.header("x-hub-signature-256").trim_start_matches("sha256=").to_owned();
    // There is room for one: the one that the receiver has known for longer.
    assert!(independent(before.secret.reveal().as_bytes(), &seen.body).contains(&hub(&seen)));

    app.clock.advance(HOUR * 24);
    app.group("Any", "auto_approve").await;
    run_due(&app).await;
    let seen = receiver.nth(2).await;
    assert_standard(&seen, &[new]);
    assert!(independent(new, &seen.body).contains(&hub(&seen)));
}
