//! Sixty-four clients on four groups at once: no limit is broken, no update is lost, and every log
//! folds to its group.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use domain::Event;
use domain::ids::GroupId;
use klatch::metrics::Metrics;
use klatch::runtime::Runtime;
use klatch::store::sqlite::Sqlite;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::TestApp;

const CLIENTS: u64 = 64;
const STEPS: usize = 40;
const PEOPLE: u32 = 400;

/// How often each kind of change was answered as done, by group and kind.
type Done = Arc<Mutex<BTreeMap<(String, &'static str), usize>>>;

/// Somebody in the group, as far as one can know in a crowd.
async fn somebody_in(klatch: &TestApp, group: &str, dice: &mut StdRng) -> Option<String> {
    let path = format!("/groups/{group}?fields=participants,total_participant_count");
    let info = klatch.d360(Method::GET, &path, None).await.ok();
    let people = info["participants"].as_array().unwrap();
    assert_eq!(info["total_participant_count"], people.len());
    assert!(people.len() <= 8, "{info}");
    if people.is_empty() {
        return None;
    }
    let one = &people[dice.random_range(0..people.len())];
    Some(one["wa_id"].as_str().unwrap().to_owned())
}

/// One client: does this and that to this and that group.
async fn client(klatch: Arc<TestApp>, groups: Vec<String>, seed: u64, done: Done) {
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..STEPS {
        let group = &groups[dice.random_range(0..groups.len())];
        let count = |kind, times| {
            *done.lock().unwrap().entry((group.clone(), kind)).or_insert(0) += times;
        };
        let requests = format!("/groups/{group}/join_requests");
        let answer = match dice.random_range(0..9) {
            0..=2 => {
                let wa_id = format!("1650555{:04}", dice.random_range(0..PEOPLE));
                let link = klatch.link(group).await;
                let answer = klatch.tap(&wa_id, &link).await;
                if answer.status == StatusCode::OK && answer.json()["result"] == "joined" {
                    count("joined", 1);
                }
                answer
            }
            3 | 4 => {
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
            5 | 6 => {
                let Some(wa_id) = somebody_in(&klatch, group, &mut dice).await else { continue };
                let path = format!("/people/{wa_id}/leave");
                let body = json!({ "group_id": group });
                let answer = klatch.admin(Method::POST, &path, Some(body)).await;
                count("left", usize::from(answer.status == StatusCode::OK));
                answer
            }
            7 => {
                let Some(wa_id) = somebody_in(&klatch, group, &mut dice).await else { continue };
                let path = format!("/groups/{group}/participants");
                let body = json!({ "participants": [{ "user": wa_id }] });
                let answer = klatch.d360(Method::DELETE, &path, Some(body)).await;
                answer.ok();
                count("removed", 1);
                answer
            }
            _ => {
                let path = format!("/groups/{group}/invite_link");
                let answer = klatch.d360(Method::POST, &path, None).await;
                answer.ok();
                count("reset", 1);
                answer
            }
        };
        assert!(answer.status.as_u16() < 500, "{answer:?}");
    }
    // And a group of one's own, beside all the others.
    klatch.group(&format!("Own {seed}"), "auto_approve").await;
}

fn tally(log: &[klatch::store::Recorded]) -> BTreeMap<&'static str, usize> {
    let mut tally = BTreeMap::new();
    for recorded in log {
        let (kind, times) = match &recorded.event {
            Event::ParticipantJoined { .. } => ("joined", 1),
            Event::JoinRequestsApproved { approved } => ("approved", approved.len()),
            Event::JoinRequestsRejected { rejected } => ("rejected", rejected.len()),
            Event::ParticipantLeft { .. } => ("left", 1),
            // A call counts, whether or not the person was still in.
            Event::ParticipantsRemoved { .. } => ("removed", 1),
            Event::InviteReset { .. } => ("reset", 1),
            _ => continue,
        };
        *tally.entry(kind).or_insert(0) += times;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_limit_is_broken_and_no_update_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap();
    let klatch = Arc::new(TestApp::with(Arc::new(store), true).await);
    let mut groups = Vec::new();
    for mode in ["auto_approve", "approval_required", "auto_approve", "approval_required"] {
        groups.push(klatch.group("Crowded", mode).await);
    }
    let done = Done::default();
    let mut clients = tokio::task::JoinSet::new();
    for seed in 0..CLIENTS {
        clients.spawn(client(Arc::clone(&klatch), groups.clone(), seed, Arc::clone(&done)));
    }
    clients.join_all().await;

    let done = done.lock().unwrap().clone();
    for group in &groups {
        klatch.assert_log_folds(group).await;
        let id = GroupId::parse(group).unwrap();
        let log = klatch.store.history(&id, 1, u32::MAX).await.unwrap();
        let told: BTreeMap<&'static str, usize> = done
            .iter()
            .filter(|((of, _), times)| of == group && **times > 0)
            .map(|((_, kind), times)| (*kind, *times))
            .collect();
        assert_eq!(tally(&log), told, "what was answered is what happened");
        assert!(told.len() >= 4, "the crowd was asleep: {told:?}");
    }
    let list: Value = klatch.d360(Method::GET, "/groups?limit=1024", None).await.ok();
    let listed = list["data"]["groups"].as_array().unwrap().len();
    assert_eq!(listed, groups.len() + usize::try_from(CLIENTS).unwrap());
}
