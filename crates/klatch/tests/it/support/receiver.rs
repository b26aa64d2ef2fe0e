//! A receiver of webhooks that does as it is told: on plain sockets, so that it can also do what no
//! decent server does.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use klatch::webhook::lookup::Lookup;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Answers.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Bytes },
    /// Takes the request and says nothing until it is released; then it answers with this status.
    Hang(u16),
    /// Takes the request, writes half a header and closes the connection.
    HalfAHeader,
    /// Answers a handshake as it should.
    Challenge,
}

/// An answer of nothing but a status.
pub(crate) fn status(status: u16) -> Behaviour {
    answer(status, &[], Bytes::new())
}

pub(crate) fn answer(
    status: u16,
    headers: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) -> Behaviour {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Behaviour::Answer { status, headers, body: body.into() }
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// What receivers tell duplicates by.
    #[track_caller]
    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What happened, where the body is Meta's.
    #[track_caller]
    pub(crate) fn news(&self) -> Value {
        self.json()["entry"][0]["changes"][0]["value"]["groups"][0].take()
    }

    /// The kind of what happened, where the body is Meta's.
    #[track_caller]
    pub(crate) fn kind(&self) -> String {
        self.news()["type"].as_str().unwrap().to_owned()
    }

    /// The parameters of the query.
    pub(crate) fn query(&self) -> HashMap<String, String> {
        let url = url::Url::parse(&format!("http://receiver{}", self.target)).unwrap();
        url.query_pairs().into_owned().collect()
    }
}

struct Shared {
    script: Mutex<VecDeque<Behaviour>>,
    usual: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
    /// How many requests were seen.
    count: watch::Sender<usize>,
    /// How many connections were made.
    connections: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

/// A receiver on a port of its own; gone when it goes out of scope.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
    /// A port that is taken, and at which nobody listens.
    closed: Option<TcpSocket>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

impl Receiver {
    fn bound() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let shared = Shared {
            script: Mutex::default(),
            usual: Mutex::new(Behaviour::Challenge),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            connections: watch::Sender::new(0),
            released: watch::Sender::new(false),
        };
        let port = socket.local_addr().unwrap().port();
        Self { port, shared: Arc::new(shared), serving: None, closed: Some(socket) }
    }

    /// One that answers handshakes, and everything else with 200.
    pub(crate) fn start() -> Self {
        let mut receiver = Self::bound();
        receiver.open();
        receiver
    }

    /// One that usually behaves like this, handshakes included.
    pub(crate) fn that(usual: Behaviour) -> Self {
        let receiver = Self::start();
        receiver.usually(usual);
        receiver
    }

    /// One that refuses connections; nobody else can get the port in the meantime.
    pub(crate) fn refusing() -> Self {
        Self::bound()
    }

    /// One that speaks TLS, with a certificate that nobody has signed.
    pub(crate) fn with_tls(host: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let mut receiver = Self::bound();
        receiver.listen(Some(TlsAcceptor::from(Arc::new(config))));
        receiver
    }

    /// Where connections were refused, they are taken from now on.
    pub(crate) fn open(&mut self) {
        self.listen(None);
    }

    fn listen(&mut self, tls: Option<TlsAcceptor>) {
        let listener = self.closed.take().unwrap().listen(1_024).unwrap();
        let shared = Arc::clone(&self.shared);
        self.serving = Some(tokio::spawn(accept(listener, shared, tls)));
    }

    /// An address of the receiver.
    pub(crate) fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    /// The same under another name.
    pub(crate) fn url_at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    /// What comes next is treated like this, one after the other.
    pub(crate) fn then(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.shared.script.lock().unwrap().extend(behaviours);
    }

    /// What comes next is a handshake, and goes well, whatever else is to come.
    pub(crate) fn shakes_hands(&self) {
        self.shared.script.lock().unwrap().push_front(Behaviour::Challenge);
    }

    /// What was seen so far does not count.
    pub(crate) fn forget(&self) {
        self.shared.seen.lock().unwrap().clear();
        self.shared.count.send_replace(0);
    }

    /// And like this, once the script is at its end.
    pub(crate) fn usually(&self, behaviour: Behaviour) {
        *self.shared.usual.lock().unwrap() = behaviour;
    }

    /// Whoever hangs gets an answer.
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The request with this number, counted from 1, once it is there.
    pub(crate) async fn nth(&self, number: usize) -> Seen {
        let mut count = self.shared.count.subscribe();
        count.wait_for(|count| *count >= number).await.unwrap();
        self.shared.seen.lock().unwrap()[number - 1].clone()
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The ids of all deliveries so far.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.id().to_owned()).collect()
    }

    /// The kinds of what happened, where the bodies are Meta's.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.seen().iter().map(Seen::kind).collect()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tls: Option<TlsAcceptor>) {
    // With the receiver, its connections end.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        shared.connections.send_modify(|count| *count += 1);
        connections.spawn(connection(socket, Arc::clone(&shared), tls.clone()));
    }
}

async fn connection(socket: TcpStream, shared: Arc<Shared>, tls: Option<TlsAcceptor>) {
    // How a connection ends is the other side's business.
    let _ = match tls {
        None => converse(socket, &shared).await,
        Some(tls) => match tls.accept(socket).await {
            Ok(stream) => converse(stream, &shared).await,
            Err(error) => Err(error),
        },
    };
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(seen) = request(&mut stream, &mut buffer).await? {
        let next = shared.script.lock().unwrap().pop_front();
        let behaviour = next.unwrap_or_else(|| shared.usual.lock().unwrap().clone());
        let challenge = seen.query().remove("hub.challenge").unwrap_or_default();
        shared.seen.lock().unwrap().push(seen);
        shared.count.send_modify(|count| *count += 1);
        match behaviour {
            Behaviour::Answer { status, headers, body } => {
                respond(&mut stream, status, &headers, &body).await?;
            }
            Behaviour::Challenge => respond(&mut stream, 200, &[], challenge.as_bytes()).await?,
            Behaviour::Hang(status) => {
                let mut released = shared.released.subscribe();
                let mut rest = [0; 1];
                tokio::select! {
                    _ = released.wait_for(|released| *released) => {}
                    // The other side has lost its patience.
                    _ = stream.read(&mut rest) => return Ok(()),
                }
                respond(&mut stream, status, &[], b"").await?;
            }
            Behaviour::HalfAHeader => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await?;
                return stream.shutdown().await;
            }
        }
    }
    Ok(())
}

/// The next request of a connection; `None` at its end.
async fn request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Seen>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head: Vec<u8> = buffer.drain(..end + 4).collect();
    let head = String::from_utf8_lossy(&head[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).unwrap());
    }
    let length = headers.get("content-length").map_or(0, |length| {
        length.to_str().ok().and_then(|length| length.parse().ok()).unwrap_or_default()
    });
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body: Vec<u8> = buffer.drain(..length).collect();
    Ok(Some(Seen { method, target, headers, body: body.into() }))
}

async fn respond(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} As told\r\n");
    // Without a body by definition, such an answer must not speak of its length.
    if status != 204 {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await
}

/// Finds hosts as the test says: for each a list of answers, one per question, the last one for
/// ever.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>);

impl Names {
    /// A host that is always at the same place.
    pub(crate) fn at(self, host: &str, address: &str) -> Self {
        self.first_at(host, &[address])
    }

    /// A host that moves.
    pub(crate) fn first_at(self, host: &str, answers: &[&str]) -> Self {
        let parsed = answers.iter().map(|answer| {
            answer.split_whitespace().map(|address| address.parse().unwrap()).collect()
        });
        self.0.lock().unwrap().insert(host.to_owned(), parsed.collect());
        self
    }
}

#[async_trait]
impl Lookup for Names {
    async fn look_up(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut names = self.0.lock().unwrap();
        let answers = names.get_mut(host);
        let answers = answers.ok_or_else(|| std::io::Error::other("there is no such host"))?;
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Ok(answer.unwrap_or_default())
    }
}
