//! Requests to receivers: deliveries, handshakes and pictures. What works for the one works for the
//! other.
//!
//! Each account has a client of its own, with its own connections and its own share of look-ups, so
//! that an account with dead names or silent receivers delays no other account.

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::{Bytes, BytesMut};
use domain::ids::AccountId;
use lru::LruCache;
use reqwest::{Client, RequestBuilder, Response};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;
use wire::Dialect;

use super::egress::{Forbidden, Guard, LOOKUPS_MAX, Rules};
use super::lookup::Lookup;
use crate::directory::{Secret, Target};
use crate::runtime::{Deadline, Runtime};
use crate::telemetry;

/// Bytes of an answer that are kept, to show what a receiver has to say.
pub const ANSWER_HEAD_BYTES_MAX: usize = 1_024;
/// Bytes of an answer that are read, so that the connection can be used again; what is longer is
/// cut off with the connection.
const ANSWER_READ_BYTES_MAX: usize = 16 * 1_024;
/// How long an answer's body may take once its status is here.
const ANSWER_BODY_WAIT: Duration = Duration::from_secs(1);
/// How long a connection is kept without use.
const IDLE: Duration = Duration::from_secs(30);
/// Idle connections kept to one host, where there may be many receivers.
const IDLE_MAX: usize = 1_024;
/// Accounts whose clients are kept; of more, those that were not used for longest are made anew when
/// they are needed.
const CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// Pictures that are fetched at a time for one account, so that an account with silent hosts delays
/// nobody else. Ours.
const FETCHES_PER_ACCOUNT: usize = 8;
/// Pictures that are read into memory at a time. Ours.
const FETCHES_MAX: usize = 32;
/// How long to wait for the account's turn. Ours.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// What we are, in `User-Agent`; and in [`AGENT_HEADER`] where that has to be the vendor's.
const AGENT: &str = concat!("klatch/", env!("CARGO_PKG_VERSION"));
/// Beginning of the names of headers that are ours.
pub const OWN_HEADERS: &str = "x-klatch-";
/// What we are, where `User-Agent` is the vendor's.
pub const AGENT_HEADER: HeaderName = HeaderName::from_static("x-klatch-agent");
/// What came of talking to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status; `None` if there was no answer.
    pub status: Option<u16>,
    /// What was wrong, where there was no answer.
    pub problem: Option<String>,
    /// How the answer begins, as text.
    pub head: String,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// How long it took.
    pub millis: u32,
}

/// Why a receiver has not passed its handshake. Never holds the text of its answer: whoever sets an
/// address must not be able to read with it what this server can reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFailure {
    /// Another status than 200.
    #[error("answered {0} instead of 200 with the challenge")]
    Status(StatusCode),
    /// 200 with something else than the challenge.
    #[error("answered 200 with another body than the challenge")]
    Body,
    /// No answer, and why.
    #[error("did not answer: {0}")]
    NoAnswer(String),
}

/// What was fetched. Its places are taken for as long as it is kept, since so long its bytes are in
/// memory.
#[derive(Debug)]
pub struct Fetched {
    /// The body of the answer.
    pub bytes: Bytes,
    _places: [OwnedSemaphorePermit; 2],
}

/// Why nothing was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchFailure {
    /// Too much is being fetched at once.
    NoPlace,
    /// Reads on after "could not be fetched:".
    Failed(String),
}

/// What requests are made with. Clones share it.
#[derive(Clone)]
pub struct Outbound(Arc<Shared>);

struct Shared {
    runtime: Runtime,
    rules: Arc<Rules>,
    lookup: Arc<dyn Lookup>,
    /// Look-ups of all accounts together.
    lookups: Arc<Semaphore>,
    /// Answers of all accounts that are read into memory.
    fetches: Arc<Semaphore>,
    tls: ClientConfig,
    clients: Mutex<LruCache<AccountId, AccountClient>>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("rules", &self.0.rules).finish_non_exhaustive()
    }
}

impl Outbound {
    /// Reads the system's certificates.
    ///
    /// # Errors
    ///
    /// Where the system has none, or no client can be built upon them.
    pub fn new(runtime: Runtime, rules: Rules, lookup: Arc<dyn Lookup>) -> anyhow::Result<Self> {
        // Somebody else may have installed it before; then it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut tls = ClientConfig::builder().with_platform_verifier()?.with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let shared = Shared {
            runtime,
            rules: Arc::new(rules),
            lookup,
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            fetches: Arc::new(Semaphore::new(FETCHES_MAX)),
            tls,
            clients: Mutex::new(LruCache::new(CLIENTS_MAX)),
        };
        // If one can be built, all can.
        shared.build()?;
        Ok(Self(Arc::new(shared)))
    }

    /// The client of an account.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "one was built with these settings before")]
    #[expect(clippy::expect_used, reason = "one was built with these settings before")]
    pub fn of(&self, account: &AccountId) -> AccountClient {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.get_or_insert_ref(account, || self.0.build().expect("a client"));
        client.clone()
    }
}

impl Shared {
    fn build(&self) -> Result<AccountClient, reqwest::Error> {
        let (rules, lookup) = (Arc::clone(&self.rules), Arc::clone(&self.lookup));
        let runtime = self.runtime.clone();
        let guard = Guard::new(runtime.clone(), rules, lookup, Arc::clone(&self.lookups));
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(guard.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .user_agent(AGENT)
            .build()?;
        let fetches = Arc::clone(&self.fetches);
        let fetch_share = Arc::new(Semaphore::new(FETCHES_PER_ACCOUNT));
        Ok(AccountClient { runtime, client, guard, fetches, fetch_share })
    }
}

/// What the requests of one account are made with: its connections and its look-ups. Clones share
/// them.
#[derive(Clone)]
pub struct AccountClient {
    runtime: Runtime,
    client: Client,
    guard: Guard,
    fetches: Arc<Semaphore>,
    fetch_share: Arc<Semaphore>,
}

impl fmt::Debug for AccountClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountClient").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl AccountClient {
    /// Which addresses may be reached.
    #[must_use]
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends a body with these headers, the target's own, and the dialect's `User-Agent`.
    pub async fn post(
        &self,
        dialect: Dialect,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
    ) -> Answer {
        let mut request = self.client.post(target.url.clone());
        for (name, value) in &target.headers {
            request = request.header(name, value);
        }
        let json = HeaderValue::from_static("application/json");
        let request = request
            .headers(headers)
            .headers(agent(dialect.webhooks.agents.map(|agents| agents.delivery)))
            .header(header::CONTENT_TYPE, json)
            .body(body);
        self.talk(&target.url, request, target.timeout).await
    }

    /// Asks a receiver whether it wants to be one, as Meta does it.
    ///
    /// # Errors
    ///
    /// What came back instead of the challenge.
    pub async fn shake_hands(
        &self,
        dialect: Dialect,
        target: &Target,
        verify_token: &Secret,
        challenge: &str,
    ) -> Result<(), HandshakeFailure> {
        let mut url = target.url.clone();
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", challenge)
            .append_pair("hub.verify_token", verify_token.reveal());
        let agents = dialect.webhooks.agents;
        let request = self.client.get(url).headers(agent(agents.map(|agents| agents.handshake)));
        let Answer { status, problem, head, .. } =
            self.talk(&target.url, request, target.timeout).await;
        match status.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(StatusCode::OK) if head.trim() == challenge => Ok(()),
            Some(StatusCode::OK) => Err(HandshakeFailure::Body),
            Some(status) => Err(HandshakeFailure::Status(status)),
            None => Err(HandshakeFailure::NoAnswer(problem.unwrap_or_default())),
        }
    }

    /// Fetches what is at an address, if it is no longer than that and comes in time. Waits for one
    /// of the account's turns. A place among those of all accounts is taken when the answer begins:
    /// a host that does not answer takes up none.
    ///
    /// # Errors
    ///
    /// Why there is nothing, or that there was no place for it in time.
    pub async fn fetch(
        &self,
        url: &Url,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Fetched, FetchFailure> {
        let turn = place(&self.fetch_share, &self.runtime.deadline(TURN_TIMEOUT)).await?;
        let failed = FetchFailure::Failed;
        let deadline = self.runtime.deadline(timeout);
        let asking = async {
            self.guard.rules().check_literal(url).map_err(|forbidden| forbidden.to_string())?;
            let response = self.client.get(url.clone()).send().await.map_err(describe)?;
            if response.status() != StatusCode::OK {
                let why = redirected(response.status()).map(|why| format!("; {why}"));
                let status = response.status().as_u16();
                return Err(format!("the answer was {status}{}", why.unwrap_or_default()));
            }
            Ok(response)
        };
        let late = || failed(format!("it did not arrive within {} s", timeout.as_secs_f64()));
        let asked = deadline.limit(asking).await.map_err(|_| late())?;
        let mut response = asked.map_err(failed)?;
        let place = place(&self.fetches, &deadline).await?;
        let reading = async {
            let too_long = || format!("it is longer than {max_bytes} bytes");
            let said = response.content_length().unwrap_or(0);
            if usize::try_from(said).is_ok_and(|said| said > max_bytes) {
                return Err(too_long());
            }
            let mut bytes = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(describe)? {
                if bytes.len() + chunk.len() > max_bytes {
                    return Err(too_long());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes.freeze())
        };
        let read = deadline.limit(reading).await.map_err(|_| late())?;
        Ok(Fetched { bytes: read.map_err(failed)?, _places: [turn, place] })
    }

    async fn talk(&self, url: &Url, request: RequestBuilder, timeout: Duration) -> Answer {
        let begun = self.runtime.instant();
        let answered = match self.guard.rules().check_literal(url) {
            Err(forbidden) => Err(forbidden.to_string()),
            Ok(()) => match self.runtime.timeout(timeout, request.send()).await {
                Err(_) => Err(format!("no answer within {} s", timeout.as_secs_f64())),
                Ok(Err(error)) => Err(describe(error)),
                Ok(Ok(response)) => Ok(response),
            },
        };
        let millis = self.runtime.elapsed(begun).as_millis();
        let millis = u32::try_from(millis).unwrap_or(u32::MAX);
        match answered {
            Err(problem) => Answer {
                status: None,
                problem: Some(problem),
                head: String::new(),
                retry_after: None,
                millis,
            },
            Ok(response) => {
                let retry_after = response.headers().get(header::RETRY_AFTER);
                let retry_after = retry_after.and_then(|value| value.to_str().ok());
                Answer {
                    status: Some(response.status().as_u16()),
                    problem: redirected(response.status()),
                    retry_after: retry_after.map(str::to_owned),
                    head: head(&self.runtime, response).await,
                    millis,
                }
            }
        }
    }
}

async fn place(
    places: &Arc<Semaphore>,
    deadline: &Deadline,
) -> Result<OwnedSemaphorePermit, FetchFailure> {
    let place = deadline.limit(Arc::clone(places).acquire_owned()).await;
    // Nobody closes it.
    place.ok().and_then(Result::ok).ok_or(FetchFailure::NoPlace)
}

/// What a request says it comes from, where that has to be the vendor.
fn agent(vendor: Option<&'static str>) -> HeaderMap {
    let Some(vendor) = vendor else { return HeaderMap::new() };
    HeaderMap::from_iter([
        (header::USER_AGENT, HeaderValue::from_static(vendor)),
        (AGENT_HEADER, HeaderValue::from_static(AGENT)),
    ])
}

fn redirected(status: StatusCode) -> Option<String> {
    // 304 leads nowhere.
    let leads_on = status.is_redirection() && status != StatusCode::NOT_MODIFIED;
    leads_on.then(|| "redirects are not followed".to_owned())
}

/// How an answer begins. The status has decided by now: a body that does not come changes nothing.
async fn head(runtime: &Runtime, mut response: Response) -> String {
    if response.content_length() == Some(0) {
        return String::new();
    }
    let mut kept = Vec::new();
    let mut read = 0;
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = ANSWER_HEAD_BYTES_MAX - kept.len();
            kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            read += chunk.len();
            if read > ANSWER_READ_BYTES_MAX {
                return;
            }
        }
    };
    let _ = runtime.timeout(ANSWER_BODY_WAIT, reading).await;
    // A database's text has no zero bytes. What stands for a byte that is no text is longer than it.
    let mut head = String::from_utf8_lossy(&kept).replace('\0', "\u{fffd}");
    head.truncate(head.floor_char_boundary(ANSWER_HEAD_BYTES_MAX));
    head
}

/// What went wrong, in words; without the address, which the reader knows.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    let mut last = None;
    while let Some(error) = cause {
        if let Some(forbidden) = error.downcast_ref::<Forbidden>() {
            return forbidden.to_string();
        }
        last = Some(error);
        cause = error.source();
    }
    let why = last.map_or_else(|| error.to_string(), telemetry::chain);
    let what = if error.is_connect() { "no connection" } else { "the connection broke" };
    format!("{what}: {why}")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::IpAddr;

    use async_trait::async_trait;

    use super::*;

    struct Nowhere;

    #[async_trait]
    impl Lookup for Nowhere {
        async fn look_up(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(Vec::new())
        }
    }

    fn account(name: &str) -> AccountId {
        AccountId::parse(name).unwrap()
    }

    fn outbound() -> Outbound {
        Outbound::new(Runtime::system(), Rules::default(), Arc::new(Nowhere)).unwrap()
    }

    #[test]
    fn an_account_has_one_client() {
        let outbound = outbound();
        let (one, same) = (outbound.of(&account("acc_1")), outbound.of(&account("acc_1")));
        let other = outbound.of(&account("acc_2"));
        assert!(Arc::ptr_eq(&one.fetch_share, &same.fetch_share));
        assert!(!Arc::ptr_eq(&one.fetch_share, &other.fetch_share));
        assert!(Arc::ptr_eq(&one.fetches, &other.fetches));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_waited_for_no_longer_than_agreed() {
        let client = outbound().of(&account("acc_1"));
        let turns = u32::try_from(FETCHES_PER_ACCOUNT).unwrap();
        let _all = client.fetch_share.acquire_many(turns).await.unwrap();
        let url = "https://pictures.example/".parse().unwrap();
        let begun = client.runtime.instant();
        let fetched = client.fetch(&url, 1, Duration::from_secs(1)).await;
        assert_eq!(fetched.unwrap_err(), FetchFailure::NoPlace);
        assert_eq!(client.runtime.elapsed(begun), TURN_TIMEOUT);
    }
}
