//! Accounts that delay no other account, whatever they point at: names that are never found, and
//! hosts that never answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use klatch::sandbox;
use klatch::webhook::dispatch;
use klatch::webhook::egress::Rules;
use klatch::webhook::lookup::Lookup;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{any_group, get, new, post, subscribed};
use crate::support::receiver::{Behaviour, Receiver, answer};
use crate::support::{TestApp, jpeg};

/// Never finds the names below `dead.test`; every other one is here.
#[derive(Clone)]
struct Stalling {
    /// How many dead names are being looked up.
    waiting: Arc<watch::Sender<usize>>,
}

struct Waiting(Arc<watch::Sender<usize>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Stalling {
    fn new() -> Self {
        Self { waiting: Arc::new(watch::Sender::new(0)) }
    }

    async fn until(&self, count: usize) {
        self.waiting.subscribe().wait_for(|waiting| *waiting == count).await.unwrap();
    }
}

#[async_trait]
impl Lookup for Stalling {
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if !host.ends_with(".dead.test") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        self.waiting.send_modify(|count| *count += 1);
        let _waiting = Waiting(Arc::clone(&self.waiting));
        std::future::pending().await
    }
}

/// A number with a bot and a key of its own.
struct Tenant {
    number: String,
    bot: String,
    key: String,
}

impl Tenant {
    async fn new(app: &TestApp, account: &str, nth: usize) -> Self {
        let bot = format!("{account}-{nth}");
        let body = json!({
            "account_id": account,
            "display_phone_number": format!("+44 7700 9001{nth:02}"),
            "bot_id": bot,
        });
        let number = post(app, "/numbers", body).await.text("phone_number_id");
        let body = json!({ "phone_number_id": number });
        let key = post(app, "/keys", body).await.text("key");
        Self { number, bot, key }
    }

    async fn sinch(&self, app: &TestApp, path: &str, body: Value) -> crate::support::Answer {
        let path = format!("/whatsapp/v1/{}{path}", self.bot);
        app.bearer(&self.key, Method::POST, &path, Some(body)).await
    }

    /// A group; gives Sinch's name of it.
    async fn group(&self, app: &TestApp) -> String {
        self.sinch(app, "/groups", json!({ "subject": "Any" })).await.text("group_id")
    }

    async fn icon(&self, app: &TestApp, group: &str, url: &str) -> u16 {
        let path = format!("/groups/{group}/icon");
        self.sinch(app, &path, json!({ "url": url })).await.status.as_u16()
    }
}

/// The share of look-ups that an account has.
const LOOKUPS_PER_ACCOUNT: usize = 8;
/// The share of pictures that an account has.
const FETCHES_PER_ACCOUNT: usize = 8;

#[tokio::test]
async fn dead_names_of_one_account_delay_no_other() {
    let names = Stalling::new();
    let app = Arc::new(TestApp::outbound(Rules::sandbox(), names.clone()).await);
    let (receiver, pictures) =
        (Receiver::start(), Receiver::that(answer(200, &[], jpeg(200, 200))));

    // One account asks for dead names all the time: seventy callers, and deliveries besides.
    let body = new("d360", "http://receiver.dead.test/hook");
    subscribed(&app, body).await;
    any_group(&app).await;
    let mut callers = JoinSet::new();
    for nth in 0..70 {
        let app = Arc::clone(&app);
        callers.spawn(async move {
            loop {
                let url = format!("http://name{nth}.dead.test/hook");
                let body = json!({ "url": url });
                app.d360(Method::POST, "/v1/configs/webhook", Some(body)).await;
            }
        });
    }
    let stop = CancellationToken::new();
    let dispatching = tokio::spawn(dispatch::run(app.app.dispatch.clone(), stop.clone()));
    names.until(LOOKUPS_PER_ACCOUNT).await;

    // Another one is subscribed with a handshake, gets its webhooks, and fetches a picture.
    let account = post(&app, "/accounts", json!({ "name": "Other" })).await.text("id");
    let other = Tenant::new(&app, &account, 0).await;
    let body = json!({
        "phone_number_id": other.number,
        "dialect": "meta",
        "url": receiver.url_at("fine.test", "/hook"),
        "verify_token": "our-token",
    });
    subscribed(&app, body).await;
    assert_eq!(receiver.seen().len(), 1, "the handshake");
    let group = other.group(&app).await;
    assert_eq!(receiver.nth(2).await.kind(), "group_create");
    let icon = pictures.url_at("pictures.test", "/icon.jpg");
    assert_eq!(other.icon(&app, &group, &icon).await, 200);
    let changed = receiver.nth(3).await.news();
    assert_eq!(changed["profile_picture"]["update_successful"], true, "{changed}");

    // The first one still has its share, and no more.
    names.until(LOOKUPS_PER_ACCOUNT).await;
    let body = json!({ "events": get(&app, "/events?account_id=acc_dev").await.ok() });
    assert!(!body.to_string().contains("subscription_switched_off"), "{body}");
    callers.shutdown().await;
    dispatching.abort();
    assert!(dispatching.await.is_err_and(|ended| ended.is_cancelled()));
    names.until(0).await;
}

#[tokio::test]
async fn silent_hosts_of_one_account_delay_no_others_picture() {
    let app = Arc::new(TestApp::new().await);
    let (silent, pictures) =
        (Receiver::that(Behaviour::Hang(404)), Receiver::that(answer(200, &[], jpeg(200, 200))));

    // Four numbers, each with as many icons as a number may have under way.
    let mut callers = JoinSet::new();
    for nth in 0..4 {
        let tenant = Arc::new(Tenant::new(&app, sandbox::ACCOUNT, nth).await);
        for _ in 0..4 {
            let group = tenant.group(&app).await;
            let (app, tenant) = (Arc::clone(&app), Arc::clone(&tenant));
            let url = silent.url("/icon.jpg");
            callers.spawn(async move { tenant.icon(&app, &group, &url).await });
        }
    }
    silent.nth(FETCHES_PER_ACCOUNT).await;

    let account = post(&app, "/accounts", json!({ "name": "Other" })).await.text("id");
    let other = Tenant::new(&app, &account, 9).await;
    let group = other.group(&app).await;
    assert_eq!(other.icon(&app, &group, &pictures.url("/icon.jpg")).await, 200);
    assert!(callers.try_join_next().is_none(), "the first account's are still waiting");
    assert_eq!(silent.connections(), FETCHES_PER_ACCOUNT, "the others wait for their turn");

    // Those that have waited get their turn.
    silent.release();
    while let Some(status) = callers.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(silent.seen().len(), 16);
}
