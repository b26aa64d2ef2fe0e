//! `kill -9` in the middle of everything, twenty times over: every change that was answered is
//! there, and of those that were not, each is there whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Mutex;

use domain::Group;
use domain::ids::{GroupId, PhoneNumberId};
use klatch::metrics::Metrics;
use klatch::page::{Page, Seek};
use klatch::runtime::Runtime;
use klatch::sandbox;
use klatch::store::Scope;
use klatch::store::sqlite::Sqlite;
use klatch::store::{Groups as _, Store as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::process::Sandbox;

const ROUNDS: usize = 20;
const CLIENTS: usize = 8;

/// What was asked and answered.
#[derive(Clone, Default)]
struct Told {
    /// Groups, and who was let into each.
    groups: BTreeMap<String, BTreeSet<String>>,
    /// Groups that were asked to end.
    ending: BTreeSet<String>,
    /// Groups that have ended.
    ended: BTreeSet<String>,
}

/// One client: creates groups, lets people in by link or by approval, ends every other group; until
/// there is no answer any more.
async fn client(
    sandbox: &Sandbox,
    number: usize,
    told: &Mutex<Told>,
    answers: &watch::Sender<usize>,
) -> Option<Infallible> {
    let call = async |method, path: &str, body: Value| {
        let (status, answer) = sandbox.call(method, path, Some(body)).await?;
        assert_eq!(status, 200, "{answer}");
        answers.send_modify(|answers| *answers += 1);
        Some(answer)
    };
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mode = if attempt % 2 == 0 { "auto_approve" } else { "approval_required" };
        let subject = format!("Group {number}.{attempt}");
        let body = json!({ "subject": subject, "join_approval_mode": mode });
        let created = call(Method::POST, "/groups", body).await?;
        let id = created["id"].as_str().unwrap().to_owned();
        told.lock().unwrap().groups.insert(id.clone(), BTreeSet::new());
        let path = format!("/groups/{id}/invite_link");
        let (_, link) = sandbox.call(Method::GET, &path, None).await?;
        for person in 0..3 {
            let wa_id = format!("1650555{person:04}");
            let path = format!("/klatch/v1/people/{wa_id}/join");
            let tap = json!({ "invite_link": link["invite_link"] });
            let tapped = call(Method::POST, &path, tap).await?;
            if let Some(request) = tapped.get("join_request_id") {
                let path = format!("/groups/{id}/join_requests");
                let body = json!({ "join_requests": [request] });
                let approved = call(Method::POST, &path, body).await?;
                assert_eq!(approved["approved_join_requests"][0], *request);
            }
            told.lock().unwrap().groups.get_mut(&id).unwrap().insert(wa_id);
        }
        if attempt % 3 == 0 {
            told.lock().unwrap().ending.insert(id.clone());
            call(Method::DELETE, &format!("/groups/{id}"), json!({})).await?;
            told.lock().unwrap().ended.insert(id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let told = Mutex::<Told>::default();
    let mut unanswered_max = 0;
    for round in 0..ROUNDS {
        let mut sandbox = Sandbox::start(Some(folder.path()));
        let (answers, mut answered) = watch::channel(0);
        // Each round is cut off at another point.
        let enough = 20 + 13 * round;
        let clients = (0..CLIENTS).map(|number| client(&sandbox, number, &told, &answers));
        tokio::select! {
            _ = futures_util::future::join_all(clients) => panic!("nobody killed the server"),
            enough = answered.wait_for(|answers| *answers >= enough) => drop(enough.unwrap()),
        }
        sandbox.kill();
        // Each client had at most one change on its way.
        unanswered_max += CLIENTS;
        let told = told.lock().unwrap().clone();
        check(folder.path(), &told, unanswered_max).await;
    }
}

async fn check(folder: &Path, told: &Told, unanswered_max: usize) {
    let store = Sqlite::open(folder, &Runtime::system(), &Metrics::default()).unwrap();
    let listed = list(&store).await;
    let mut unanswered = 0;
    let known = told.groups.keys().cloned();
    let everything: BTreeSet<String> = listed.iter().cloned().chain(known).collect();
    for id in &everything {
        let group_id = GroupId::parse(id).unwrap();
        let stored = store.group(&Scope::Everything, &group_id).await.unwrap();
        let group = stored.unwrap_or_else(|| panic!("{id} was lost")).group.clone();
        let log = store.history(&group_id, 1, u32::MAX).await.unwrap();
        let folded = Group::fold(log.iter().map(|one| (&one.event, one.at))).unwrap();
        assert_eq!(folded, group);

        let alive = group.state().exists();
        assert_eq!(alive, listed.contains(id));
        if !alive {
            assert!(told.ending.contains(id), "{id} has ended, and nobody asked for it");
            unanswered += usize::from(!told.ended.contains(id));
            continue;
        }
        assert!(!told.ended.contains(id), "the end of {id} was lost");
        let inside: BTreeSet<String> = group
            .state()
            .participants
            .iter()
            .map(|participant| participant.person.spelled().to_owned())
            .collect();
        let nobody = BTreeSet::new();
        let answered = told.groups.get(id).unwrap_or(&nobody);
        assert!(answered.is_subset(&inside), "a join of {id} was lost");
        unanswered += usize::from(!told.groups.contains_key(id)) + inside.len() - answered.len();
    }
    assert!(unanswered <= unanswered_max, "{unanswered} changes that nobody was told of");
    drop(store);

    // The tables that are kept beside the groups agree with them.
    let file = rusqlite::Connection::open(folder.join("klatch.db")).unwrap();
    let count = |sql: &str| file.query_row(sql, [], |row| row.get::<_, usize>(0)).unwrap();
    assert_eq!(count("SELECT groups FROM number_usage"), listed.len());
    let of_the_living = "SELECT count(*) FROM standings JOIN groups ON seq = group_seq
                         WHERE status = 'active'";
    let in_their_states = "SELECT coalesce(sum(
                             coalesce(json_array_length(state, '$.participants'), 0) +
                             coalesce(json_array_length(state, '$.requests'), 0)), 0)
                           FROM groups WHERE status = 'active'";
    assert_eq!(count(of_the_living), count(in_their_states));
}

/// The ids of all groups that exist.
async fn list(store: &Sqlite) -> BTreeSet<String> {
    let number = PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap();
    let mut page = Page { limit: 1_000, seek: Seek::First };
    let mut listed = BTreeSet::new();
    loop {
        let slice = store.groups(&number, page).await.unwrap();
        listed.extend(slice.items.iter().map(|(_, summary)| summary.id.to_string()));
        match slice.items.last() {
            Some((key, _)) if slice.more_after => page.seek = Seek::After(*key),
            _ => return listed,
        }
    }
}
