//! `kill -9` in the middle of everything, twenty times over: every change that was answered is
//! there, and of those that were not, each is there whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::Group;
use domain::ids::{GroupId, PhoneNumberId};
use klatch::app::Scope;
use klatch::metrics::Metrics;
use klatch::page::{Page, Seek};
use klatch::sandbox;
use klatch::store::Store as _;
use klatch::store::sqlite::Sqlite;
use reqwest::Method;
use serde_json::json;

use crate::support::process::Sandbox;

const ROUNDS: usize = 20;
const CLIENTS: usize = 8;

/// What was answered: groups, and who was let into each.
type Answered = Mutex<BTreeMap<String, BTreeSet<String>>>;

/// One client: creates groups and lets people join, until there is no answer any more.
async fn client(sandbox: &Sandbox, number: usize, answered: &Answered, answers: &AtomicUsize) {
    for attempt in 0.. {
        let subject = format!("Group {number}.{attempt}");
        let body = json!({ "subject": subject });
        let Some((200, created)) = sandbox.call(Method::POST, "/groups", Some(body)).await else {
            return;
        };
        let id = created["id"].as_str().unwrap().to_owned();
        answered.lock().unwrap().entry(id.clone()).or_default();
        answers.fetch_add(1, Ordering::SeqCst);
        let path = format!("/groups/{id}/invite_link");
        let Some((200, link)) = sandbox.call(Method::GET, &path, None).await else { return };
        for person in 0..3 {
            let wa_id = format!("1650555{person:04}");
            let path = format!("/klatch/v1/people/{wa_id}/join");
            let tap = json!({ "invite_link": link["invite_link"] });
            let Some((200, _)) = sandbox.call(Method::POST, &path, Some(tap)).await else { return };
            answered.lock().unwrap().get_mut(&id).unwrap().insert(wa_id);
            answers.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let answered = Answered::default();
    let mut unanswered_max = 0;
    for round in 0..ROUNDS {
        let mut sandbox = Sandbox::start(Some(folder.path()));
        let answers = AtomicUsize::new(0);
        // Each round is cut off at another point.
        let enough = 20 + 13 * round;
        let clients = (0..CLIENTS).map(|number| client(&sandbox, number, &answered, &answers));
        tokio::select! {
            _ = futures_util::future::join_all(clients) => panic!("nobody killed the server"),
            () = async {
                while answers.load(Ordering::SeqCst) < enough {
                    tokio::task::yield_now().await;
                }
            } => {}
        }
        sandbox.kill();
        // Each client had at most one change on its way.
        unanswered_max += CLIENTS;
        check(folder.path(), &answered, unanswered_max).await;
    }
}

async fn check(folder: &Path, answered: &Answered, unanswered_max: usize) {
    let store = Sqlite::open(folder, &Metrics::default()).unwrap();
    let answered = answered.lock().unwrap().clone();
    let mut unanswered = 0;
    let mut found = 0;
    let number = PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap();
    let mut page = Page { limit: 1_000, seek: Seek::First };
    loop {
        let slice = store.groups(&number, page).await.unwrap();
        for (_, summary) in &slice.items {
            found += 1;
            let stored = store.group(&Scope::Everything, &summary.id).await.unwrap().unwrap();
            let log = store.history(&summary.id, 1, u32::MAX).await.unwrap();
            let folded = Group::fold(log.iter().map(|one| (&one.event, one.at))).unwrap();
            assert_eq!(folded, stored.group);
            let people: BTreeSet<String> = stored
                .group
                .state()
                .participants
                .iter()
                .map(|participant| participant.person.wa_id.as_ref().unwrap().to_string())
                .collect();
            let nobody = BTreeSet::new();
            let joined = answered.get(summary.id.as_str());
            assert!(joined.unwrap_or(&nobody).is_subset(&people), "a join was lost");
            unanswered += usize::from(joined.is_none());
            unanswered += people.difference(joined.unwrap_or(&nobody)).count();
        }
        match slice.items.last() {
            Some((key, _)) if slice.more_after => page.seek = Seek::After(*key),
            _ => break,
        }
    }
    for id in answered.keys() {
        let id = GroupId::parse(id).unwrap();
        assert!(store.group(&Scope::Everything, &id).await.unwrap().is_some(), "{id} was lost");
    }
    assert!(unanswered <= unanswered_max, "{unanswered} changes that nobody was told of");
    drop(store);

    // The tables that are kept beside the groups agree with them.
    let file = rusqlite::Connection::open(folder.join("klatch.db")).unwrap();
    let count = |sql: &str| file.query_row(sql, [], |row| row.get::<_, usize>(0)).unwrap();
    assert_eq!(count("SELECT groups FROM number_usage"), found);
    let participants =
        "SELECT coalesce(sum(json_array_length(state, '$.participants')), 0) FROM groups";
    assert_eq!(count("SELECT count(*) FROM standings"), count(participants));
}
