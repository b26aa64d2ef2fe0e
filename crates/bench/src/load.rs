//! The load: connections that ask one request after the other, each as fast as it is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request, ready to be sent.
pub(crate) type Ask = Request<Full<Bytes>>;
/// What a connection asks, one after the other.
pub(crate) type Script = Box<dyn FnMut() -> anyhow::Result<Ask> + Send>;

/// How long a load runs before anything is counted.
const WARM_UP: Duration = Duration::from_millis(400);

/// As whom to ask.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    name: HeaderName,
    value: HeaderValue,
}

impl Caller {
    /// The business, with the key of its number.
    pub(crate) fn business(key: &str) -> anyhow::Result<Self> {
        let name = HeaderName::from_static("d360-api-key");
        Ok(Self { name, value: HeaderValue::from_str(key)? })
    }

    /// The operator, with the admin token.
    pub(crate) fn operator(token: &str) -> anyhow::Result<Self> {
        let value = HeaderValue::from_str(&format!("Bearer {token}"))?;
        Ok(Self { name: header::AUTHORIZATION, value })
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Ask> {
        self.ask(Method::GET, path, Bytes::new())
    }

    /// A request with a JSON body.
    pub(crate) fn ask(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Ask> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse::<Uri>()?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        headers.insert(self.name.clone(), self.value.clone());
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }
}

/// One connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Asks, and reads the answer to its end.
    pub(crate) async fn send(&mut self, ask: Ask) -> anyhow::Result<(StatusCode, Bytes)> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(ask).await?.into_parts();
        Ok((head.status, body.collect().await?.to_bytes()))
    }

    /// Asks for something that has to go well, and reads the answer as JSON.
    pub(crate) async fn json(&mut self, ask: Ask) -> anyhow::Result<serde_json::Value> {
        let what = format!("{} {}", ask.method(), ask.uri());
        let (status, body) = self.send(ask).await.with_context(|| what.clone())?;
        ensure!(status.is_success(), "{what}: {status}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).context(what)
    }
}

/// How much to ask of whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Whom.
    pub(crate) address: SocketAddr,
    /// How many connections at a time.
    pub(crate) connections: usize,
    /// For how long, warm-up not counted.
    pub(crate) lasting: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Answers a second.
    pub(crate) per_second: f64,
    /// Half of the answers took no longer than this.
    pub(crate) median: Duration,
}

impl Load {
    /// Puts the load on. Every answer has to be a 200; the first that is not ends the measurement.
    pub(crate) async fn run(&self, script: impl Fn(u64) -> Script) -> anyhow::Result<Measured> {
        let from = Instant::now() + WARM_UP;
        let until = from + self.lasting;
        let connections = (0..).take(self.connections).map(|connection| {
            tokio::spawn(ask_until(self.address, script(connection), from, until))
        });
        // Spawned before the first of them is waited for.
        let connections: Vec<_> = connections.collect();
        let mut took = Vec::new();
        for connection in connections {
            took.append(&mut connection.await??);
        }
        ensure!(!took.is_empty(), "not one answer within {:?}", self.lasting);
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
        let per_second = took.len() as f64 / self.lasting.as_secs_f64();
        let middle = took.len() / 2;
        let (_, median, _) = took.select_nth_unstable(middle);
        Ok(Measured { per_second, median: *median })
    }
}

async fn ask_until(
    address: SocketAddr,
    mut script: Script,
    from: Instant,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::connect(address).await?;
    let mut took = Vec::new();
    loop {
        let ask = script()?;
        let begun = Instant::now();
        let (status, body) = client.send(ask).await?;
        let ended = Instant::now();
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        if ended >= until {
            return Ok(took);
        }
        if ended >= from {
            took.push(ended - begun);
        }
    }
}
