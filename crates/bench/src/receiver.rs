//! Receivers of webhooks: whatever is posted is taken at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// Counts what is posted, and tells the count to whoever gets anything, until killed.
pub(crate) async fn count() -> anyhow::Result<ExitCode> {
    let listener = listen().await?;
    println!("{}", listener.local_addr()?);
    let posted = Arc::<AtomicU64>::default();
    take(listener, move |method, _| {
        if method == Method::GET {
            return posted.load(Ordering::Relaxed).to_string().into();
        }
        posted.fetch_add(1, Ordering::Relaxed);
        Bytes::new()
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// What has been posted, and when the last of its bytes were here.
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) body: Bytes,
}

/// A receiver in this process, whose clock is the one that requests are timed with.
pub(crate) async fn watch() -> anyhow::Result<(SocketAddr, UnboundedReceiver<Arrival>)> {
    let listener = listen().await?;
    let address = listener.local_addr()?;
    let (told, arrivals) = mpsc::unbounded_channel();
    tokio::spawn(take(listener, move |_, body| {
        // Nobody may be interested any more.
        let _ = told.send(Arrival { at: Instant::now(), body });
        Bytes::new()
    }));
    Ok((address, arrivals))
}

/// An address at which nobody listens.
pub(crate) async fn nobody() -> anyhow::Result<SocketAddr> {
    Ok(listen().await?.local_addr()?)
}

async fn listen() -> anyhow::Result<TcpListener> {
    Ok(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?)
}

/// Answers every request with 200 and with what `answer` makes of it.
async fn take<A>(listener: TcpListener, answer: A) -> anyhow::Result<()>
where
    A: Fn(Method, Bytes) -> Bytes + Clone + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer.clone();
            async move {
                let (head, body) = request.into_parts();
                // Whoever breaks off has posted nothing.
                let body = body.collect().await?.to_bytes();
                Ok::<_, hyper::Error>(Response::new(Full::new(answer(head.method, body))))
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // A client that breaks off is its own affair.
            let _ = connection.await;
        });
    }
}
