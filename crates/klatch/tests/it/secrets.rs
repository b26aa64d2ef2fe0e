//! Secrets that come as another type than text, or in the wrong place, are repeated neither in
//! answers nor in the log.

use std::io;
use std::sync::{Arc, Mutex};

use axum::http::Method;
use klatch::sandbox::{APP_ID, PHONE_NUMBER_ID, WABA_ID};
use serde_json::{Value, json};

use crate::support::TestApp;

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every value that the answers and the log must not repeat holds this.
const SECRET: u64 = 918_273_645_546_372;

fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of calls, and the loop over it")]
async fn no_answer_and_no_log_line_repeats_a_secret_of_the_wrong_type() {
    let app = TestApp::new().await;
    let url = "https://receiver.example/hook";
    let added = json!({
        "url": url, "dialect": "meta", "phone_number_id": PHONE_NUMBER_ID,
        "secret": "", "verify_token": "", "headers": { "Authorization": "" },
    });
    let subscription = json!({ "url": "http://127.0.0.1:1/hook", "dialect": "d360",
                               "phone_number_id": PHONE_NUMBER_ID });
    let subscription = app.admin(Method::POST, "/subscriptions", Some(subscription)).await;
    let subscription = format!("/klatch/v1/subscriptions/{}", subscription.text("id"));
    let headers = json!({ "url": url, "headers": { "Authorization": "" } });
    let app_receiver = json!({
        "object": "whatsapp_business_account", "callback_url": url,
        "verify_token": "", "fields": "group_lifecycle_update",
    });
    let waba = json!({ "override_callback_uri": url, "verify_token": "" });
    let number = json!({
        "messaging_product": "whatsapp",
        "webhook_configuration": { "override_callback_uri": url, "verify_token": "" },
    });
    let destinations = json!({
        "destinations": [{ "name": "crm", "url": url, "headers": { "Authorization": "" } }],
    });
    let meta = |path: &str| format!("/v23.0/{path}");
    let calls = [
        (Method::POST, "/klatch/v1/subscriptions".to_owned(), &added, "/secret"),
        (Method::POST, "/klatch/v1/subscriptions".to_owned(), &added, "/verify_token"),
        (Method::POST, "/klatch/v1/subscriptions".to_owned(), &added, "/headers"),
        (Method::POST, "/klatch/v1/subscriptions".to_owned(), &added, "/headers/Authorization"),
        (Method::PATCH, subscription.clone(), &added, "/verify_token"),
        (Method::PATCH, subscription.clone(), &added, "/headers/Authorization"),
        (Method::POST, format!("{subscription}/rotate"), &added, "/secret"),
        (Method::POST, meta(&format!("{APP_ID}/subscriptions")), &app_receiver, "/verify_token"),
        (Method::POST, meta(&format!("{WABA_ID}/subscribed_apps")), &waba, "/verify_token"),
        (Method::POST, meta(PHONE_NUMBER_ID), &number, "/webhook_configuration"),
        (Method::POST, meta(PHONE_NUMBER_ID), &number, "/webhook_configuration/verify_token"),
        (Method::POST, "/v1/configs/webhook".to_owned(), &headers, "/headers"),
        (Method::POST, "/v1/configs/webhook".to_owned(), &headers, "/headers/Authorization"),
        (Method::POST, "/waba_webhook".to_owned(), &headers, "/headers/Authorization"),
        (Method::PUT, "/multi_webhook".to_owned(), &destinations, "/destinations/0/headers"),
        (
            Method::PUT,
            "/multi_webhook".to_owned(),
            &destinations,
            "/destinations/0/headers/Authorization",
        ),
    ];
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);
    for (method, path, body, pointer) in calls {
        for value in [
            json!(SECRET),
            json!(-918_273_645_546_372_i64),
            json!(918_273_645.546_372),
            json!([SECRET.to_string()]),
            json!({ "nested": { "is": SECRET } }),
        ] {
            let wrong = with(body, pointer, value.clone());
            let answer = if path.starts_with("/klatch") {
                app.admin(method.clone(), path.trim_start_matches("/klatch/v1"), Some(wrong)).await
            } else if let Some(path) = path.strip_prefix("/v23.0") {
                app.meta(method.clone(), path, Some(wrong)).await
            } else {
                app.d360(method.clone(), &path, Some(wrong)).await
            };
            let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
            let what = format!("{method} {path} {pointer}={value}: {text}");
            assert_eq!(answer.status, 400, "{what}");
            assert!(!text.contains("918273645"), "{what}");
        }
    }
    drop(logging);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("verify_token has the wrong type: integer, expected a string"), "{log}");
    assert!(!log.contains("918273645"), "{log}");
}
