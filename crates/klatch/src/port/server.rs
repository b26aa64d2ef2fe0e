//! Sockets: accept, serve, stop.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Port;
use super::connections::{Addresses, Impatient, Limits, turn_away};
use crate::kit::peer::Peer;
use crate::runtime::Runtime;

/// How long a request's head may take to arrive, and a kept-alive connection may be silent.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head, its first line included, that are ever held while it is read. A longer
/// one is answered with 431 and no body, and the connection is closed. Twice the limit that is
/// answered in the API's own shape.
const HEAD_BYTES_MAX: usize = 32 * 1_024;
/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Bytes of a body that nobody wanted which are read nevertheless, and how long that may take.
const DRAINED_BYTES_MAX: usize = 256 * 1_024;
const DRAINING_TIMEOUT: Duration = Duration::from_secs(5);

/// A request's body. Where an answer is given without it, as to a wrong key, what is left of it is
/// read all the same: the connection would have to be closed otherwise, and a client that writes
/// its body behind its head would find it so with the next request.
struct Drained {
    runtime: Runtime,
    body: Option<Incoming>,
}

impl Drained {
    fn body(runtime: &Runtime, body: Incoming) -> axum::body::Body {
        // Most requests have none.
        if body.is_end_stream() {
            axum::body::Body::empty()
        } else {
            axum::body::Body::new(Self { runtime: runtime.clone(), body: Some(body) })
        }
    }
}

impl Body for Drained {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced <= DRAINED_BYTES_MAX {
            let runtime = self.runtime.clone();
            self.runtime
                .spawn(async move { runtime.timeout(DRAINING_TIMEOUT, discard(body)).await });
        }
    }
}

/// Reads a body and keeps nothing of it, until it ends or is too long.
async fn discard(mut body: Incoming) {
    let mut left = DRAINED_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// A socket that is bound: its address is known before anything is served.
pub struct Server {
    listener: TcpListener,
    limits: Limits,
}

impl Server {
    /// Binds the address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, limits })
    }

    /// The address that was bound.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until told to stop, then lets running requests finish for at most the grace period.
    /// Gives whether all of them did.
    pub async fn serve(self, port: Port, stop: CancellationToken, grace: Duration) -> bool {
        let runtime = port.0.app.runtime.clone();
        let connections = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let addresses = Addresses::new(&self.limits);
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&self.listener, &places) => accepted,
            };
            let (stream, peer, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors: give the others time to close some.
                    runtime.sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let port = port.clone();
            let app = &port.0.app;
            let Some(counted) = addresses.admit(peer) else {
                app.metrics.connections_refused.inc();
                app.warnings.refused_connections.note(Some(peer.address()), app.runtime.now());
                turn_away(stream);
                continue;
            };
            app.metrics.connections.inc();
            let gauge = app.metrics.connections.clone();
            let stream = Impatient::new(runtime.clone(), stream, self.limits.write_timeout);
            let connection = connections.watch(connection(stream, peer, port));
            runtime.spawn(async move {
                // A client that breaks off is its own affair.
                let _ = connection.await;
                gauge.dec();
                drop((counted, place));
            });
        }
        drop(self.listener);
        runtime.timeout(grace, connections.shutdown()).await.is_ok()
    }
}

/// Waits for a free place, then for somebody to take it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    // Answers are one write each: waiting to fill a packet only costs time.
    let _ = stream.set_nodelay(true);
    Ok((stream, Peer::new(address.ip()), place))
}

fn connection(
    stream: Impatient<TcpStream>,
    peer: Peer,
    port: Port,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let port = port.clone();
        request.extensions_mut().insert(peer);
        async move {
            let request = request.map(|body| Drained::body(&port.0.app.runtime, body));
            let answer = port.call(request).await;
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}
