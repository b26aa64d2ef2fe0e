//! What the figures are held against: the same work without Klatch around it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::routing::get;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use reqwest::Url;
use reqwest::header::HeaderMap;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::bulk::Database;

/// As in the server: how long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// As in the server: bytes of a request's head.
const HEAD_BYTES_MAX: usize = 256 * 1_024;
/// As in the server: how long a connection to a receiver is kept without use.
const IDLE: Duration = Duration::from_secs(30);
/// As in the server: idle connections kept to one receiver.
const IDLE_MAX: usize = 32;

/// Serves these bytes for every group, with the server's own connection settings, until killed.
pub(crate) async fn serve_constant(body: &Path) -> anyhow::Result<ExitCode> {
    let body = Bytes::from(std::fs::read(body)?);
    let headers =
        [(header::CONTENT_TYPE.as_str(), "application/json"), ("x-request-id", "0123456789abcdef")];
    let answer = move || async move { (headers, body) };
    let router = Router::new().route("/groups/{group_id}", get(answer));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = hyper::service::Service::call(&router, request);
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // A client that breaks off is its own affair.
            let _ = connection.await;
        });
    }
}

/// Creates groups in a bare loop, so many to a transaction, each transaction on the disk before
/// the next begins. Gives creates a second.
pub(crate) fn create_bare(
    database: &mut Database,
    each: u64,
    lasting: Duration,
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut index = 0;
    while begun.elapsed() < lasting {
        database.create(index..index + each)?;
        index += each;
    }
    #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
    Ok(index as f64 / begun.elapsed().as_secs_f64())
}

/// What is posted, whither, and how often at a time.
#[derive(Debug, Clone)]
pub(crate) struct Posts {
    /// One address for each receiver.
    pub(crate) urls: Vec<Url>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How many are on their way at a time.
    pub(crate) connections: usize,
}

impl Posts {
    /// Posts so many with the server's own client settings, and nothing else. Gives posts a second.
    pub(crate) async fn send(&self, count: u64) -> anyhow::Result<f64> {
        // Built before, it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .user_agent(concat!("klatch/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let next = Arc::<AtomicUsize>::default();
        let count = usize::try_from(count)?;
        let begun = Instant::now();
        let mut posting = JoinSet::new();
        for _ in 0..self.connections {
            let (posts, client, next) = (self.clone(), client.clone(), Arc::clone(&next));
            posting.spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return anyhow::Ok(());
                    }
                    let url = posts.urls[index % posts.urls.len()].clone();
                    let request = client.post(url).headers(posts.headers.clone());
                    let answer = request.body(posts.body.clone()).send().await?;
                    answer.error_for_status()?.bytes().await?;
                }
            });
        }
        while let Some(posted) = posting.join_next().await {
            posted??;
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    }
}
