//! Sixty-four clients on four groups at once: no limit is broken, no update is lost, and every log
//! folds to its group.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use domain::Event;
use domain::ids::GroupId;
use klatch::metrics::Metrics;
use klatch::store::sqlite::Sqlite;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::TestApp;

const CLIENTS: u64 = 64;
const STEPS: usize = 40;
const PEOPLE: u32 = 24;

/// How often each kind of change was answered as done, by group and kind.
type Done = Arc<Mutex<BTreeMap<(String, &'static str), usize>>>;

#[derive(Clone)]
struct Place {
    group: String,
    link: String,
}

async fn client(klatch: Arc<TestApp>, places: Vec<Place>, seed: u64, done: Done) {
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..STEPS {
        let Place { group, link } = &places[dice.random_range(0..places.len())];
        let wa_id = format!("1650555{:04}", dice.random_range(0..PEOPLE));
        let count = |kind, times| {
            *done.lock().unwrap().entry((group.clone(), kind)).or_insert(0) += times;
        };
        let requests = format!("/groups/{group}/join_requests");
        let answer = match dice.random_range(0..6) {
            0 | 1 => {
                let answer = klatch.tap(&wa_id, link).await;
                if answer.status == StatusCode::OK && answer.json()["result"] == "joined" {
                    count("joined", 1);
                }
                answer
            }
            2 | 3 => {
                let open = klatch.d360(Method::GET, &requests, None).await.ok();
                let Some(first) = open["data"].get(0) else { continue };
                let (verb, kind, field) = if dice.random() {
                    (Method::POST, "approved", "approved_join_requests")
                } else {
                    (Method::DELETE, "rejected", "rejected_join_requests")
                };
                let body = json!({ "join_requests": [first["join_request_id"]] });
                let answer = klatch.d360(verb, &requests, Some(body)).await;
                count(kind, answer.ok()[field].as_array().map_or(0, Vec::len));
                answer
            }
            4 => {
                let path = format!("/people/{wa_id}/leave");
                let answer =
                    klatch.admin(Method::POST, &path, Some(json!({ "group_id": group }))).await;
                if answer.status == StatusCode::OK {
                    count("left", 1);
                }
                answer
            }
            _ => {
                let path = format!("/groups/{group}?fields=participants,total_participant_count");
                let answer = klatch.d360(Method::GET, &path, None).await;
                let info = answer.ok();
                assert!(info["total_participant_count"].as_u64().unwrap() <= 8, "{info}");
                answer
            }
        };
        assert!(answer.status.as_u16() < 500, "{answer:?}");
    }
}

fn tally(log: &[klatch::store::Recorded]) -> BTreeMap<&'static str, usize> {
    let mut tally = BTreeMap::new();
    for recorded in log {
        let (kind, times) = match &recorded.event {
            Event::ParticipantJoined { .. } => ("joined", 1),
            Event::JoinRequestsApproved { approved } => ("approved", approved.len()),
            Event::JoinRequestsRejected { rejected } => ("rejected", rejected.len()),
            Event::ParticipantLeft { .. } => ("left", 1),
            _ => continue,
        };
        *tally.entry(kind).or_insert(0) += times;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_limit_is_broken_and_no_update_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path(), &Metrics::default()).unwrap();
    let klatch = Arc::new(TestApp::with(Arc::new(store), true).await);
    let mut places = Vec::new();
    for mode in ["auto_approve", "approval_required", "auto_approve", "approval_required"] {
        let group = klatch.group("Crowded", mode).await;
        let link = klatch.link(&group).await;
        places.push(Place { group, link });
    }
    let done = Done::default();
    let mut clients = tokio::task::JoinSet::new();
    for seed in 0..CLIENTS {
        clients.spawn(client(Arc::clone(&klatch), places.clone(), seed, Arc::clone(&done)));
    }
    clients.join_all().await;

    let mut everything = 0;
    for Place { group, .. } in &places {
        klatch.assert_log_folds(group).await;
        let id = GroupId::parse(group).unwrap();
        let log = klatch.app.history(&id, 1, u32::MAX).await.unwrap();
        let told: BTreeMap<&'static str, usize> = done
            .lock()
            .unwrap()
            .iter()
            .filter(|((of, _), times)| of == group && **times > 0)
            .map(|((_, kind), times)| (*kind, *times))
            .collect();
        assert_eq!(tally(&log), told, "what was answered is what happened");
        everything += told.values().sum::<usize>();
    }
    assert!(everything > 200, "only {everything} changes: the crowd was asleep");
    // Everybody else sees the same: groups of the sandbox, one for each place.
    let list: Value = klatch.d360(Method::GET, "/groups", None).await.ok();
    assert_eq!(list["data"]["groups"].as_array().unwrap().len(), places.len());
}
