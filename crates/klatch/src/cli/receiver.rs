//! A receiver in the terminal's own process: takes webhooks, says whether they are rightly signed,
//! and hands them on.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::directory::Secret;
use crate::runtime::Runtime;
use crate::webhook::sign;

/// Webhooks that may wait to be looked at; who comes then waits.
const WAITING_MAX: usize = 64;

/// A webhook that has arrived. The sender waits for the answer.
#[derive(Debug)]
pub(super) struct Arrived {
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// Its body.
    pub(super) body: Bytes,
    /// Whether it is rightly signed.
    pub(super) signed: bool,
    answer: oneshot::Sender<Response>,
}

impl Arrived {
    /// The delivery's id.
    pub(super) fn id(&self) -> &str {
        let id = self.headers.get(sign::ID_HEADER).and_then(|id| id.to_str().ok());
        id.unwrap_or_default()
    }

    /// Answers, and gives what arrived.
    pub(super) fn answer(self, answer: Response) -> (HeaderMap, Bytes) {
        // A sender that has gone away does not mind.
        let _ = self.answer.send(answer);
        (self.headers, self.body)
    }
}

/// What every webhook is about, in a word or two: `group_lifecycle_update group_create`.
pub(super) fn title(body: &Value) -> String {
    let change = &body["entry"][0]["changes"][0];
    if let Some(field) = change["field"].as_str() {
        let kind = change["value"]["groups"][0]["type"].as_str().unwrap_or_default();
        return format!("{field} {kind}");
    }
    let notifications = body["notifications"].as_array();
    let kinds = notifications.into_iter().flatten();
    let kinds = kinds.filter_map(|notification| notification["message"]["event_type"].as_str());
    kinds.collect::<Vec<_>>().join(" ")
}

/// A receiver that listens.
pub(super) struct Receiver {
    /// Where.
    pub(super) address: SocketAddr,
    arrivals: mpsc::Receiver<Arrived>,
}

#[derive(Clone)]
struct Shared {
    secret: Secret,
    arrivals: mpsc::Sender<Arrived>,
}

impl Receiver {
    /// Listens on a port; 0 takes a free one. Handshakes are answered with their challenge:
    /// whoever knows the address may be told.
    pub(super) async fn start(
        runtime: &Runtime,
        address: (IpAddr, u16),
        secret: Secret,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(address)).await?;
        let address = listener.local_addr()?;
        let (sender, arrivals) = mpsc::channel(WAITING_MAX);
        let router = Router::new()
            .route("/", get(shake_hands).post(take))
            .with_state(Shared { secret, arrivals: sender });
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, arrivals })
    }

    /// The next webhook.
    pub(super) async fn next(&mut self) -> Option<Arrived> {
        self.arrivals.recv().await
    }
}

async fn shake_hands(Query(query): Query<Vec<(String, String)>>) -> String {
    let challenge = query.into_iter().find(|(name, _)| name == "hub.challenge");
    challenge.map(|(_, challenge)| challenge).unwrap_or_default()
}

async fn take(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let signed = sign::is_right(&headers, &shared.secret, &body);
    let (answer, answered) = oneshot::channel();
    let arrived = Arrived { headers, body, signed, answer };
    if shared.arrivals.send(arrived).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    answered.await.unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response())
}
