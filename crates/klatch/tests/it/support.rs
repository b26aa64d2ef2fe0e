//! A whole Klatch in the test's own process: fixed clock, seeded names, no sockets.

pub(crate) mod interposed;
pub(crate) mod process;
pub(crate) mod receiver;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use domain::Group;
use domain::ids::GroupId;
use domain::values::Timestamp;
use http_body_util::BodyExt as _;
use klatch::app::{App, AppSettings};
use klatch::directory::KeyHash;
use klatch::kit::choice::Hosts;
use klatch::kit::peer::Proxies;
use klatch::metrics::Metrics;
use klatch::mint::Mint;
use klatch::port::Port;
use klatch::runtime::{Clock, Runtime, SystemClock};
use klatch::sandbox::{self, Credentials};
use klatch::store::Scope;
use klatch::store::Store;
use klatch::store::sqlite::Sqlite;
use klatch::webhook::egress::Rules;
use klatch::webhook::lookup::{Lookup, SystemLookup};
use klatch::webhook::send::Outbound;
use serde_json::{Value, json};

/// 2025-08-18 20:27:57 UTC: the moment of Meta's samples.
pub(crate) const BEGINNING_MS: i64 = 1_755_548_877_000;

/// A clock that stands still until it is moved.
pub(crate) struct FixedClock {
    wall: AtomicI64,
    /// In milliseconds.
    monotonic: AtomicU64,
}

impl FixedClock {
    pub(crate) fn new() -> Self {
        Self { wall: AtomicI64::new(BEGINNING_MS), monotonic: AtomicU64::new(0) }
    }

    /// Time passes.
    pub(crate) fn advance(&self, duration: Duration) {
        self.jump(duration);
        let millis = u64::try_from(duration.as_millis()).unwrap();
        self.monotonic.fetch_add(millis, Ordering::SeqCst);
    }

    /// Somebody sets the clock ahead.
    pub(crate) fn jump(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.wall.fetch_add(millis, Ordering::SeqCst);
    }

    /// Somebody puts the clock back.
    pub(crate) fn put_back(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.wall.fetch_sub(millis, Ordering::SeqCst);
    }

    /// Time passes until then; a moment in the past is one that somebody puts the clock back to.
    pub(crate) fn set(&self, to: Timestamp) {
        let passed = to.as_millis() - self.wall.swap(to.as_millis(), Ordering::SeqCst);
        let passed = u64::try_from(passed).unwrap_or_default();
        self.monotonic.fetch_add(passed, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic.load(Ordering::SeqCst))
    }
}

/// Names that are the same for the same seed, for tests that stand in for a part of the server.
pub(crate) fn seeded(seed: u64) -> Mint {
    Mint::new(Runtime::seeded(Arc::new(SystemClock::new()), seed))
}

/// A Klatch with the sandbox's account, number and key in it.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) port: Port,
    pub(crate) clock: Arc<FixedClock>,
    /// The same that the app keeps, for tests that stand in for a part of it.
    pub(crate) store: Arc<dyn Store>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// The body, which has to be JSON and to say so. A trace id in it has to be the one in the
    /// header, and is left out: it is another one for each request.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let header = |name: &str| self.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/json"), "{self:?}");
        let mut body: Value = serde_json::from_slice(&self.bytes).unwrap();
        if let Some(meta) = body.get_mut("meta").and_then(Value::as_object_mut) {
            let trace = meta.remove("360dialog_trace_id");
            assert_eq!(trace.as_ref().and_then(Value::as_str), header("x-request-id"));
        }
        if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut)
            && let Some(trace) = error.remove("fbtrace_id")
        {
            assert_eq!(trace.as_str(), header("x-request-id"));
            assert_eq!(trace.as_str(), header("x-fb-trace-id"));
        }
        body
    }

    /// Status and body in one text, for a snapshot beside the test.
    #[track_caller]
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("{}\n", self.status);
        write!(text, "{}", serde_json::to_string_pretty(&self.json()).unwrap()).unwrap();
        text
    }

    /// The body of a call that went well.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// The text field of a call that went well.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> String {
        let body = self.ok();
        body[field].as_str().unwrap_or_else(|| panic!("no {field} in {body}")).to_owned()
    }
}

impl TestApp {
    /// In memory, people on.
    pub(crate) async fn new() -> Self {
        Self::with(Self::memory(), true).await
    }

    pub(crate) fn memory() -> Arc<dyn Store> {
        Arc::new(Sqlite::in_memory(&Runtime::system(), &Metrics::default()).unwrap())
    }

    /// Over any store.
    pub(crate) async fn with(store: Arc<dyn Store>, people: bool) -> Self {
        Self::over(store, Rules::sandbox(), SystemLookup::default(), Self::settings(people)).await
    }

    /// In memory, with its own rules about whither it may talk, and its own way to find that.
    pub(crate) async fn outbound(rules: Rules, lookup: impl Lookup) -> Self {
        Self::over(Self::memory(), rules, lookup, Self::settings(true)).await
    }

    /// In memory, with other settings.
    pub(crate) async fn configured(change: impl FnOnce(&mut AppSettings)) -> Self {
        let mut settings = Self::settings(true);
        change(&mut settings);
        Self::over(Self::memory(), Rules::sandbox(), SystemLookup::default(), settings).await
    }

    fn settings(people: bool) -> AppSettings {
        AppSettings {
            admin_token: KeyHash::of(sandbox::ADMIN_TOKEN),
            people,
            public_url: None,
            hosts: Hosts::Any,
            proxies: Proxies::default(),
            body_timeout: Duration::from_millis(200),
            retention: Duration::from_hours(14 * 24),
        }
    }

    async fn over(
        store: Arc<dyn Store>,
        rules: Rules,
        lookup: impl Lookup,
        settings: AppSettings,
    ) -> Self {
        let clock = Arc::new(FixedClock::new());
        let runtime = Runtime::seeded(Arc::<FixedClock>::clone(&clock), 7);
        let outbound = Outbound::new(runtime.clone(), rules, Arc::new(lookup)).unwrap();
        let app = App::new(Arc::clone(&store), runtime, Metrics::default(), outbound, settings);
        sandbox::seed(&app, &Credentials::known(), None).await.unwrap();
        Self { port: Port::new(app.clone()), app, clock, store }
    }

    /// Any request at all.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.port.call(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// The 360dialog API with the sandbox's key.
    pub(crate) async fn d360(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.d360_as(sandbox::KEY, method, path, body).await
    }

    /// The 360dialog API with this key.
    pub(crate) async fn d360_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path).header("D360-API-KEY", key);
        self.send(with_json(request, body)).await
    }

    /// The Meta API with a version, and with the sandbox's key, or the app's token where the app is
    /// meant.
    pub(crate) async fn meta(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.bearer(&meta_token(path), method, &format!("/v23.0{path}"), body).await
    }

    /// The Sinch API with the sandbox's key and bot.
    pub(crate) async fn sinch(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/whatsapp/v1/{}{path}", sandbox::BOT_ID);
        self.bearer(sandbox::KEY, method, &path, body).await
    }

    /// Any API that takes a bearer token.
    pub(crate) async fn bearer(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let token = format!("Bearer {token}");
        let request = Request::builder().method(method).uri(path).header("Authorization", token);
        self.send(with_json(request, body)).await
    }

    /// Our own API with the admin token.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.bearer(sandbox::ADMIN_TOKEN, method, &format!("/klatch/v1{path}"), body).await
    }

    /// A group of the sandbox's number; gives its id.
    pub(crate) async fn group(&self, subject: &str, mode: &str) -> String {
        let body = json!({ "subject": subject, "join_approval_mode": mode });
        self.d360(Method::POST, "/groups", Some(body)).await.text("id")
    }

    /// The newest group in the list at this path of Meta's: its create does not answer with the id.
    pub(crate) async fn newest(&self, token: &str, groups: &str) -> String {
        let list = self.bearer(token, Method::GET, &format!("{groups}?limit=1"), None).await.ok();
        let id = &list["data"]["groups"][0]["id"];
        id.as_str().unwrap_or_else(|| panic!("no group in {list}")).to_owned()
    }

    /// The link of a group.
    pub(crate) async fn link(&self, group: &str) -> String {
        let path = format!("/groups/{group}/invite_link");
        self.d360(Method::GET, &path, None).await.text("invite_link")
    }

    /// The user id of somebody who is in a group, as Meta's API shows it.
    pub(crate) async fn user_id(&self, key: &str, group: &str, wa_id: &str) -> String {
        let path = format!("/v23.0/{group}?fields=participants");
        let info = self.bearer(key, Method::GET, &path, None).await.ok();
        let people = info["participants"].as_array().unwrap();
        let person = people.iter().find(|person| person["wa_id"] == wa_id).unwrap();
        person["user_id"].as_str().unwrap().to_owned()
    }

    /// A person taps a link.
    pub(crate) async fn tap(&self, wa_id: &str, link: &str) -> Answer {
        let path = format!("/people/{wa_id}/join");
        self.admin(Method::POST, &path, Some(json!({ "invite_link": link }))).await
    }

    /// Another number in another account, with a key of its own; gives the key.
    pub(crate) async fn stranger(&self) -> String {
        let account = self.admin(Method::POST, "/accounts", Some(json!({ "name": "Other" }))).await;
        let number = json!({
            "account_id": account.text("id"),
            "display_phone_number": "+44 7700 900123",
        });
        let number = self.admin(Method::POST, "/numbers", Some(number)).await;
        let key = json!({ "phone_number_id": number.text("phone_number_id") });
        self.admin(Method::POST, "/keys", Some(key)).await.text("key")
    }

    /// The log of a group, folded, is the group. Called where a test has done much to one.
    pub(crate) async fn assert_log_folds(&self, group: &str) {
        let id = GroupId::parse(group).unwrap();
        let log = self.store.history(&id, 1, u32::MAX).await.unwrap();
        let folded = Group::fold(log.iter().map(|one| (&one.event, one.at))).unwrap();
        let stored = self.app.group(&Scope::Everything, &id).await.unwrap();
        assert_eq!(folded, stored.group);
    }
}

/// The token that opens what a path of Meta's leads to, with or without a version.
pub(crate) fn meta_token(path: &str) -> String {
    if path.contains(&format!("/{}/", sandbox::APP_ID)) {
        format!("{}|{}", sandbox::APP_ID, sandbox::APP_SECRET)
    } else {
        sandbox::KEY.to_owned()
    }
}

pub(crate) fn with_json(
    builder: axum::http::request::Builder,
    body: Option<Value>,
) -> Request<Body> {
    match body {
        None => builder.body(Body::empty()).unwrap(),
        Some(body) => builder
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
    }
}

/// A JPEG of this size, as far as anybody can tell without decompressing it.
pub(crate) fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC0, 0, 11, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([1, 1, 0x11, 0, 0xFF, 0xDA, 0, 3, 1, 1, 2, 3, 0xFF, 0xD9]);
    bytes
}

/// A multipart form: parts with name, file name and content.
pub(crate) fn form(parts: &[(&str, Option<&str>, &[u8])]) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head =
            format!("--+++\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        bytes.extend(head.as_bytes());
        bytes.extend(*content);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"--+++--\r\n");
    ("multipart/form-data; boundary=+++".to_owned(), bytes)
}
