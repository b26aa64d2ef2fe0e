//! What one connection, and one address, may take of the server.

use std::collections::HashMap;
use std::io::{Error, ErrorKind, IoSlice, Result, Write as _};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::kit::peer::{Peer, Proxies};
use crate::runtime::Runtime;

/// Connections at a time, where the limit of open files allows it. Ours.
pub const CONNECTIONS_MAX: usize = 4_096;
/// How long a client may take to read the next 16 KB of an answer. Ours.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that a client that holds up a write has to read within the write timeout, so
/// that one that reads a byte now and then does not keep its place. Ours.
const PROGRESS_BYTES: usize = 16 * 1_024;

/// What is answered to an address that has all the connections that it may have. Which API is meant
/// is not known: no request has been read.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\n\
    content-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n\
    content-length: 104\r\n\r\n\
    {\"error\":{\"code\":\"too_many_connections\",\"message\":\"This address has too many connections; \
    close some\"}}\n";

/// Limits of a server's connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time; further ones wait in the system's queue until one is closed.
    pub connections: usize,
    /// Connections at a time from one address; further ones are closed at once.
    pub per_address: usize,
    /// How long a client may take to read the next 16 KB of an answer.
    pub write_timeout: Duration,
    /// Addresses to which `per_address` does not apply, since they speak for many clients.
    pub proxies: Proxies,
}

/// How many connections each address has.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    max: usize,
    proxies: Proxies,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection that is counted for its address until this is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    network: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Addresses {
    pub(super) fn new(limits: &Limits) -> Self {
        let proxies = limits.proxies.clone();
        Self { max: limits.per_address, proxies, open: Arc::default() }
    }

    /// Counts one more connection, unless its address has all that it may have.
    pub(super) fn admit(&self, peer: Peer) -> Option<Counted> {
        let network = peer.network();
        let mut open = locked(&self.open);
        let count = open.entry(network).or_default();
        if *count >= self.max && !self.proxies.trust(peer) {
            return None;
        }
        *count += 1;
        Some(Counted { network, open: Arc::clone(&self.open) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = locked(&self.open);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that there are too many connections from this address, without waiting for anything, and
/// closes the connection.
pub(super) fn turn_away(stream: TcpStream) {
    // The socket does not block: what it does not take at once is not said.
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(TOO_MANY);
    }
}

/// A stream whose writes fail if the other end does not read.
#[derive(Debug)]
pub(super) struct Impatient<S> {
    runtime: Runtime,
    stream: S,
    timeout: Duration,
    /// While a write waits: until when, and how many bytes have gone since that was set.
    waiting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Impatient<S> {
    pub(super) fn new(runtime: Runtime, stream: S, timeout: Duration) -> Self {
        Self { runtime, stream, timeout, waiting: None }
    }

    /// Looks at how a write of so many bytes went, and fails it if it has waited for too long.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        wanted: usize,
        written: Poll<Result<usize>>,
    ) -> Poll<Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                if let Some((_, gone)) = &mut self.waiting {
                    *gone += bytes;
                    if bytes >= wanted || *gone >= PROGRESS_BYTES {
                        self.waiting = None;
                    }
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let (until, _) = self
                    .waiting
                    .get_or_insert_with(|| (Box::pin(self.runtime.sleep(self.timeout)), 0));
                ready!(until.as_mut().poll(context));
                Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client does not read")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.judge(context, buffer.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        let wanted = buffers.iter().map(|buffer| buffer.len()).sum();
        self.judge(context, wanted, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn what_is_said_to_one_too_many_is_whole() {
        let text = std::str::from_utf8(TOO_MANY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{text}");
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }

    #[test]
    fn an_address_has_its_share_and_a_trusted_one_has_none() {
        let addresses = Addresses::new(&Limits {
            connections: 9,
            per_address: 2,
            write_timeout: WRITE_TIMEOUT,
            proxies: Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]),
        });
        let admit = |text: &str| addresses.admit(Peer::new(text.parse().unwrap()));
        let (first, second) = (admit("192.0.2.1").unwrap(), admit("192.0.2.1"));
        assert!(second.is_some() && admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some(), "another address");
        drop(first);
        let third = admit("::ffff:192.0.2.1");
        assert!(third.is_some() && admit("192.0.2.1").is_none());
        let proxied: Vec<_> = (0..5).map(|_| admit("10.0.0.1").unwrap()).collect();
        drop((second, third, proxied));
        assert!(locked(&addresses.open).is_empty(), "nothing is kept of who has gone");
    }

    /// A client that takes everything in the end, in pieces of so many bytes, one a second.
    async fn read_slowly(piece: usize) -> Result<()> {
        let (mut client, server) = tokio::io::duplex(1_024);
        let mut server = Impatient::new(Runtime::system(), server, Duration::from_secs(30));
        let reading = async move {
            let mut piece = vec![0; piece];
            while client.read_exact(&mut piece).await.is_ok() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
        };
        let writing = async move { server.write_all(&vec![0; 100_000]).await };
        tokio::join!(reading, writing).1
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_fails_where_the_client_does_not_read() {
        let (client, server) = tokio::io::duplex(1_024);
        let mut server = Impatient::new(Runtime::system(), server, Duration::from_secs(30));
        let begun = server.runtime.instant();
        let error = server.write_all(&[0; 2_000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(server.runtime.elapsed(begun) >= Duration::from_secs(30));
        drop(client);

        assert_eq!(read_slowly(100).await.unwrap_err().kind(), ErrorKind::TimedOut);
        read_slowly(1_000).await.unwrap();
    }
}
