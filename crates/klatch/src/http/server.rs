//! Sockets: accept, serve, stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Port;

/// How long a request's head may take to arrive, and a kept-alive connection may be silent.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that a request's head may have before the connection is given up. Above the limit that is
/// answered in the API's own shape.
const HEAD_BYTES_MAX: usize = 256 * 1_024;
/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Connections at a time; who comes then waits in the system's queue.
const CONNECTIONS_MAX: usize = 4_096;

/// A socket that is bound: its address is known before anything is served.
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Binds the address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// The address that was bound.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until told to stop, then lets running requests finish for at most the grace period.
    /// Gives whether all of them did.
    pub async fn serve(self, port: Port, stop: CancellationToken, grace: Duration) -> bool {
        let connections = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener, &places) => accepted,
            };
            let (stream, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors: give the others time to close some.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let port = port.clone();
            port.0.app.metrics.connections.inc();
            let gauge = port.0.app.metrics.connections.clone();
            let connection = connections.watch(connection(stream, port));
            tokio::spawn(async move {
                // A client that breaks off is its own affair.
                let _ = connection.await;
                gauge.dec();
                drop(place);
            });
        }
        drop(self.listener);
        tokio::time::timeout(grace, connections.shutdown()).await.is_ok()
    }
}

/// Waits for a free place, then for somebody to take it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

fn connection(
    stream: TcpStream,
    port: Port,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    // Answers are one write each: waiting to fill a packet only costs time.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let port = port.clone();
        async move {
            let answer = port.call(request.map(axum::body::Body::new)).await;
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}
