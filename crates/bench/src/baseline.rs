//! What the figures are held against: the same work without Klatch around it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
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
use tokio::net::TcpListener;

use crate::bulk::Database;

/// As in the server: how long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// As in the server: bytes of a request's head.
const HEAD_BYTES_MAX: usize = 256 * 1_024;

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
