//! `kill -9` thirty times while a receiver fails at random: every event arrives at least once, what
//! arrives twice says so by its id, and of each group things arrive in order at their first attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::support::process::Sandbox;

const ROUNDS: usize = 30;
const CLIENTS: usize = 8;
/// Of a hundred webhooks, how many the receiver does not take.
const FAILING_PERCENT: u32 = 25;

/// What has arrived, in order.
#[derive(Clone)]
struct Receiver {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    chance: Arc<Mutex<StdRng>>,
    fails: Arc<AtomicBool>,
}

struct Arrived {
    id: String,
    body: Value,
    taken: bool,
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> StatusCode {
    let drawn = receiver.chance.lock().unwrap().random_range(0..100);
    let taken = drawn >= FAILING_PERCENT || !receiver.fails.load(Ordering::SeqCst);
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let body = serde_json::from_str(&body).unwrap();
    receiver.arrived.lock().unwrap().push(Arrived { id, body, taken });
    if taken { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}

async fn listen() -> (Receiver, String) {
    let receiver = Receiver {
        arrived: Arc::default(),
        chance: Arc::new(Mutex::new(StdRng::seed_from_u64(3))),
        fails: Arc::new(AtomicBool::new(true)),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (receiver, url)
}

/// One client: groups with a few joins each, some of them deleted; until nobody answers any more.
async fn client(
    sandbox: &Sandbox,
    number: usize,
    answers: &watch::Sender<usize>,
) -> Option<Infallible> {
    let call = async |method, path: &str, body: Value| {
        let (status, answer) = sandbox.call(method, path, Some(body)).await?;
        assert_eq!(status, 200, "{answer}");
        answers.send_modify(|answers| *answers += 1);
        Some(answer)
    };
    for attempt in 0.. {
        let subject = format!("Group {number}.{attempt}");
        let created = call(Method::POST, "/groups", json!({ "subject": subject })).await?;
        let id = created["id"].as_str().unwrap().to_owned();
        let path = format!("/groups/{id}/invite_link");
        let (_, link) = sandbox.call(Method::GET, &path, None).await?;
        for person in 0..4 {
            let path = format!("/klatch/v1/people/1650555{person:04}/join");
            call(Method::POST, &path, json!({ "invite_link": link["invite_link"] })).await?;
        }
        let subject = json!({ "subject": format!("{number}.{attempt} renamed") });
        call(Method::POST, &format!("/groups/{id}"), subject).await?;
        if attempt % 2 == 0 {
            call(Method::DELETE, &format!("/groups/{id}"), json!({})).await?;
        }
    }
    None
}

/// All items of a list of our own API.
async fn all(sandbox: &Sandbox, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut path = format!("{path}limit=1000");
    loop {
        let (status, mut page) = sandbox.call(Method::GET, &path, None).await.unwrap();
        assert_eq!(status, 200, "{page}");
        items.append(page["data"].as_array_mut().unwrap());
        match page["paging"]["next"].as_str() {
            Some(next) => path = next.strip_prefix(&sandbox.url).unwrap().to_owned(),
            None => return items,
        }
    }
}

/// Has everything delivered that is still owed. The receiver takes everything from now on.
async fn settle(sandbox: &Sandbox) {
    let open = async |state: &str| {
        let path = format!("/klatch/v1/deliveries?limit=1&state={state}");
        let (_, page) = sandbox.call(Method::GET, &path, None).await.unwrap();
        !page["data"].as_array().unwrap().is_empty()
    };
    loop {
        while open("pending").await {
            tokio::task::yield_now().await;
        }
        if !open("failing").await {
            return;
        }
        // Not waiting for the retries' own time.
        let body = json!({ "state": "failing" });
        sandbox.call(Method::POST, "/klatch/v1/deliveries/replay", Some(body)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (receiver, url) = listen().await;
    for round in 0..ROUNDS {
        let mut sandbox = Sandbox::start(Some(folder.path()));
        if round == 0 {
            let config = json!({ "url": url });
            let set = sandbox.call(Method::POST, "/v1/configs/webhook", Some(config)).await;
            assert_eq!(set.unwrap().0, 200);
        }
        let (answers, mut answered) = watch::channel(0);
        // Each round is cut off at another point.
        let enough = 15 + 7 * round;
        let clients = (0..CLIENTS).map(|number| client(&sandbox, number, &answers));
        tokio::select! {
            _ = futures_util::future::join_all(clients) => panic!("nobody killed the server"),
            enough = answered.wait_for(|answers| *answers >= enough) => drop(enough.unwrap()),
        }
        sandbox.kill();
    }
    receiver.fails.store(false, Ordering::SeqCst);
    let sandbox = Sandbox::start(Some(folder.path()));
    settle(&sandbox).await;

    // Everything that happened and is told of is owed once, and has arrived.
    let events = all(&sandbox, "/klatch/v1/events?").await;
    let told = events.iter().filter(|event| !event["group_id"].is_null());
    let told: BTreeSet<_> = told
        .map(|event| (event["group_id"].clone().to_string(), event["version"].as_u64()))
        .collect();
    let deliveries = all(&sandbox, "/klatch/v1/deliveries?").await;
    let owed: BTreeSet<_> = deliveries
        .iter()
        .map(|one| (one["group_id"].to_string(), one["version"].as_u64()))
        .collect();
    assert_eq!(owed, told);
    assert_eq!(deliveries.len(), told.len(), "something is owed twice");
    assert!(deliveries.iter().all(|delivery| delivery["state"] == "delivered"));
    let arrived = receiver.arrived.lock().unwrap();
    let ids: BTreeSet<&str> = deliveries.iter().map(|one| one["id"].as_str().unwrap()).collect();
    let taken: BTreeSet<&str> =
        arrived.iter().filter(|one| one.taken).map(|one| one.id.as_str()).collect();
    assert_eq!(taken, ids);

    // The same id is the same webhook.
    let mut bodies: BTreeMap<&str, &Value> = BTreeMap::new();
    // Ids count up in the order of the changes.
    let seq = |id: &str| id.split('_').nth(1).unwrap().parse::<u64>().unwrap();
    let mut latest: BTreeMap<String, u64> = BTreeMap::new();
    for one in arrived.iter() {
        if let Some(body) = bodies.insert(&one.id, &one.body) {
            assert_eq!(body, &one.body);
            continue;
        }
        let group = &one.body["entry"][0]["changes"][0]["value"]["groups"][0]["group_id"];
        let latest = latest.entry(group.to_string()).or_default();
        assert!(seq(&one.id) > *latest, "{} came after {latest}", one.id);
        *latest = seq(&one.id);
    }
    assert!(arrived.len() > ids.len(), "nothing was ever sent twice: what does this test?");
}
