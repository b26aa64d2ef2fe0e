//! The soak: many clients change few groups for a while; then the server is killed, and every
//! change that it had answered has to be in the logs, no other, and the logs have to tell the same
//! as the groups.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use domain::ids::{GroupId, PhoneNumberId};
use domain::limits::PARTICIPANTS_MAX;
use domain::{Event, Group};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use klatch::metrics::Metrics;
use klatch::page::{Page, Seek};
use klatch::runtime::Runtime;
use klatch::store::sqlite::Sqlite;
use klatch::store::{Groups as _, Recorded, Scope, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::load::{Ask, Caller, Client};
use crate::process::{NUMBER, Server, operator};

/// Participants that a group may have.
const LIMIT: usize = PARTICIPANTS_MAX as usize;
/// People who take part.
const PEOPLE: u64 = 20_000;
/// Changes to a group before another takes its place: who was removed is remembered for ever.
const CHANGES_EACH: u32 = 2_000;
/// Violations that are printed.
const SHOWN: usize = 20;

/// How to soak.
#[derive(Debug, clap::Args)]
pub(crate) struct SoakArgs {
    /// For how long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients at a time.
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// Groups at a time; every other one lets nobody in unasked.
    #[arg(long, default_value_t = 6)]
    groups: usize,
    /// Where the database is made.
    #[arg(long, default_value = "target")]
    dir: PathBuf,
}

/// Soaks, verifies, prints a summary; anything but success if there is a violation.
pub(crate) async fn run(args: &SoakArgs) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.dir)?;
    let folder = tempfile::Builder::new().prefix("soak-").tempdir_in(&args.dir)?;
    let server = Server::klatch(folder.path()).await?;
    let business = server.furnish().await?;
    // Answers are held against the log by the id of the call.
    server.answer_with_superset().await?;
    let shared = Arc::new(Shared {
        operator: operator()?,
        business,
        slots: std::iter::repeat_with(Mutex::default).take(args.groups).collect(),
    });
    let mut founder = Soaker::new(&server, &shared, args.clients).await?;
    for slot in 0..args.groups {
        founder.create(slot).await?;
    }
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let mut soakers = Vec::new();
    for seed in 0..args.clients {
        let mut soaker = Soaker::new(&server, &shared, seed).await?;
        soakers.push(tokio::spawn(async move {
            while Instant::now() < until {
                soaker.act().await?;
            }
            anyhow::Ok(soaker.seen)
        }));
    }
    let mut seen = founder.seen;
    for soaker in soakers {
        seen.absorb(soaker.await??);
    }
    // No farewell: what was answered has to be on the disk.
    server.kill().await?;
    let changes: u64 = seen.answered.values().sum();
    let events = verify(folder.path(), &mut seen).await?;

    println!("{} clients for {} s on {} groups at a time", args.clients, args.seconds, args.groups);
    for ((what, status), count) in &seen.answers {
        println!("  {count:>9}  {what}: {status}");
    }
    println!("{changes} changes answered, {events} events in the logs");
    for violation in seen.violations.iter().take(SHOWN) {
        println!("VIOLATION: {violation}");
    }
    println!("{} violations", seen.violations.len());
    Ok(if seen.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the clients share.
struct Shared {
    operator: Caller,
    business: Caller,
    slots: Vec<Mutex<Slot>>,
}

impl Shared {
    fn slot(&self, slot: usize) -> MutexGuard<'_, Slot> {
        self.slots[slot].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The group that is at a place now. The link may be out of date by the time it is tapped.
#[derive(Debug, Clone, Default)]
struct Slot {
    group: String,
    link: String,
    changes: u32,
}

/// A change to a group, as the answer and as the log tell of it.
type Change = (String, String);

/// What a client has seen.
#[derive(Default)]
struct Seen {
    /// Answers by what was asked and status.
    answers: BTreeMap<(&'static str, u16), u64>,
    /// Changes that were answered as done.
    answered: BTreeMap<Change, u64>,
    violations: Vec<String>,
}

impl Seen {
    fn absorb(&mut self, other: Self) {
        for (what, count) in other.answers {
            *self.answers.entry(what).or_default() += count;
        }
        for (change, count) in other.answered {
            *self.answered.entry(change).or_default() += count;
        }
        self.violations.extend(other.violations);
    }

    fn done(&mut self, group: &str, what: impl Into<String>) {
        *self.answered.entry((group.to_owned(), what.into())).or_default() += 1;
    }
}

/// A client with a connection of its own.
struct Soaker {
    client: Client,
    shared: Arc<Shared>,
    random: StdRng,
    seen: Seen,
}

impl Soaker {
    async fn new(server: &Server, shared: &Arc<Shared>, seed: u64) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::connect(server.address).await?,
            shared: Arc::clone(shared),
            random: StdRng::seed_from_u64(seed),
            seen: Seen::default(),
        })
    }

    /// Does something, whatever it is.
    async fn act(&mut self) -> anyhow::Result<()> {
        let place = self.random.random_range(0..self.shared.slots.len());
        let slot = {
            let mut slot = self.shared.slot(place);
            slot.changes += 1;
            slot.clone()
        };
        if slot.changes == CHANGES_EACH {
            return self.create(place).await;
        }
        match self.random.random_range(0..100) {
            0..45 => self.join(&slot).await,
            45..60 => self.answer_requests(&slot).await,
            60..65 => self.cancel(&slot).await,
            65..80 => self.leave(&slot).await,
            80..90 => self.remove(&slot).await,
            90..93 => self.reset(place, &slot).await,
            93..95 => self.create_and_delete().await,
            _ => self.look(&slot).await.map(drop),
        }
    }

    /// Asks; gives the body where all went well. An answer of the 5xx is a violation.
    async fn ask(&mut self, what: &'static str, ask: Ask) -> anyhow::Result<Option<Value>> {
        let (status, body) = self.client.send(ask).await.context(what)?;
        *self.seen.answers.entry((what, status.as_u16())).or_default() += 1;
        if status.is_server_error() {
            let body = String::from_utf8_lossy(&body);
            self.seen.violations.push(format!("{what}: {status}: {body}"));
        }
        if status != StatusCode::OK {
            return Ok(None);
        }
        serde_json::from_slice(&body).context(what).map(Some)
    }

    async fn business(
        &mut self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Value,
    ) -> anyhow::Result<Option<Value>> {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let ask = self.shared.business.ask(method, path, body)?;
        self.ask(what, ask).await
    }

    async fn person(
        &mut self,
        what: &'static str,
        wa_id: &str,
        body: Value,
    ) -> anyhow::Result<Option<Value>> {
        let path = format!("/klatch/v1/people/{wa_id}/{what}");
        let ask = self.shared.operator.ask(Method::POST, &path, body.to_string().into())?;
        self.ask(what, ask).await
    }

    /// A new group. The call is made twice with the same key, and has to come to the same group.
    async fn new_group(&mut self, mode: &str) -> anyhow::Result<Option<String>> {
        let key = format!("{:032x}", self.random.random::<u128>());
        let body = json!({ "subject": "Soak", "join_approval_mode": mode }).to_string();
        let mut answers = Vec::new();
        for _ in 0..2 {
            let mut ask = self.shared.business.ask(Method::POST, "/groups", body.clone().into())?;
            let name = HeaderName::from_static("idempotency-key");
            ask.headers_mut().insert(name, HeaderValue::from_str(&key)?);
            answers.extend(self.ask("create", ask).await?);
        }
        let Some(first) = answers.first() else { return Ok(None) };
        if answers.iter().any(|answer| answer != first) {
            self.seen.violations.push(format!("the same call, other answers: {answers:?}"));
        }
        let group = text(first, "id");
        self.seen.done(&group, format!("created {}", text(first, "request_id")));
        Ok(Some(group))
    }

    /// Puts a new group in this place.
    async fn create(&mut self, place: usize) -> anyhow::Result<()> {
        let mode = if place.is_multiple_of(2) { "auto_approve" } else { "approval_required" };
        let Some(group) = self.new_group(mode).await? else { return Ok(()) };
        let path = format!("/groups/{group}/invite_link");
        let link = self.business("link", Method::GET, &path, Value::Null).await?;
        let link = link.map(|link| text(&link, "invite_link")).unwrap_or_default();
        *self.shared.slot(place) = Slot { group, link, changes: 0 };
        Ok(())
    }

    async fn create_and_delete(&mut self) -> anyhow::Result<()> {
        let Some(group) = self.new_group("auto_approve").await? else { return Ok(()) };
        let path = format!("/groups/{group}");
        if let Some(answer) = self.business("delete", Method::DELETE, &path, Value::Null).await? {
            self.seen.done(&group, format!("deleted {}", text(&answer, "request_id")));
        }
        Ok(())
    }

    async fn join(&mut self, slot: &Slot) -> anyhow::Result<()> {
        let wa_id = (49_151_000_000 + self.random.random_range(0..PEOPLE)).to_string();
        let body = json!({ "invite_link": slot.link });
        if let Some(answer) = self.person("join", &wa_id, body).await? {
            let group = text(&answer, "group_id");
            match answer["join_request_id"].as_str() {
                None => self.seen.done(&group, format!("joined {wa_id}")),
                Some(request) => self.seen.done(&group, format!("requested {request}")),
            }
        }
        Ok(())
    }

    /// The open requests: id and phone number.
    async fn requests(&mut self, slot: &Slot) -> anyhow::Result<Vec<(String, String)>> {
        let path = format!("/groups/{}/join_requests", slot.group);
        let page = self.business("requests", Method::GET, &path, Value::Null).await?;
        let page = page.unwrap_or_default();
        let requests = page["data"].as_array().into_iter().flatten();
        Ok(requests
            .map(|request| (text(request, "join_request_id"), text(request, "wa_id")))
            .collect())
    }

    /// Lets some in, or turns some away.
    async fn answer_requests(&mut self, slot: &Slot) -> anyhow::Result<()> {
        let requests = self.requests(slot).await?;
        if requests.is_empty() {
            return Ok(());
        }
        let some = self.random.random_range(1..=requests.len().min(4));
        let ids: Vec<_> = requests.into_iter().take(some).map(|request| request.0).collect();
        let path = format!("/groups/{}/join_requests", slot.group);
        let body = json!({ "join_requests": ids });
        let (what, method, list) = if self.random.random_bool(0.7) {
            ("approve", Method::POST, "approved")
        } else {
            ("reject", Method::DELETE, "rejected")
        };
        if let Some(answer) = self.business(what, method, &path, body).await? {
            let done = answer[format!("{list}_join_requests")].as_array().into_iter().flatten();
            for id in done {
                self.seen.done(&slot.group, format!("{list} {}", id.as_str().unwrap_or_default()));
            }
        }
        Ok(())
    }

    async fn cancel(&mut self, slot: &Slot) -> anyhow::Result<()> {
        if let Some((_, wa_id)) = self.requests(slot).await?.pop() {
            let body = json!({ "group_id": slot.group });
            if self.person("cancel", &wa_id, body).await?.is_some() {
                self.seen.done(&slot.group, format!("cancelled {wa_id}"));
            }
        }
        Ok(())
    }

    /// Who is in. More than may be is a violation.
    async fn look(&mut self, slot: &Slot) -> anyhow::Result<Vec<String>> {
        let path = format!("/groups/{}?fields=participants,total_participant_count", slot.group);
        let group = self.business("look", Method::GET, &path, Value::Null).await?;
        let group = group.unwrap_or_default();
        let people = group["participants"].as_array().into_iter().flatten();
        let people: Vec<_> = people.map(|person| text(person, "wa_id")).collect();
        let count = group["total_participant_count"].as_u64().unwrap_or_default();
        if people.len() > LIMIT || usize::try_from(count)? != people.len() {
            let told = format!("{} shows {} people and counts {count}", slot.group, people.len());
            self.seen.violations.push(told);
        }
        Ok(people)
    }

    async fn leave(&mut self, slot: &Slot) -> anyhow::Result<()> {
        if let Some(wa_id) = self.look(slot).await?.pop() {
            let body = json!({ "group_id": slot.group });
            if self.person("leave", &wa_id, body).await?.is_some() {
                self.seen.done(&slot.group, format!("left {wa_id}"));
            }
        }
        Ok(())
    }

    async fn remove(&mut self, slot: &Slot) -> anyhow::Result<()> {
        let people = self.look(slot).await?;
        if let Some(wa_id) = people.first() {
            let path = format!("/groups/{}/participants", slot.group);
            let body = json!({ "participants": [{ "user": wa_id }] });
            if let Some(answer) = self.business("remove", Method::DELETE, &path, body).await? {
                self.seen.done(&slot.group, format!("removed {}", text(&answer, "request_id")));
            }
        }
        Ok(())
    }

    async fn reset(&mut self, place: usize, slot: &Slot) -> anyhow::Result<()> {
        let path = format!("/groups/{}/invite_link", slot.group);
        if let Some(answer) = self.business("reset", Method::POST, &path, json!({})).await? {
            let link = text(&answer, "invite_link");
            self.seen.done(&slot.group, format!("reset {link}"));
            let mut now = self.shared.slot(place);
            if now.group == slot.group {
                now.link = link;
            }
        }
        Ok(())
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}

/// Compares the logs with the answers and with the groups; gives how many events there are.
async fn verify(folder: &Path, seen: &mut Seen) -> anyhow::Result<usize> {
    let store = Sqlite::open(folder, &Runtime::system(), &Metrics::default())?;
    let Seen { answered, violations, .. } = seen;
    let mut logged: BTreeMap<Change, u64> = BTreeMap::new();
    let mut events = 0;
    let groups: BTreeSet<_> = answered.keys().map(|key| key.0.clone()).collect();
    for group in &groups {
        let id = GroupId::parse(group)?;
        let log = store.history(&id, 1, u32::MAX).await?;
        events += log.len();
        for recorded in &log {
            for what in told(recorded) {
                *logged.entry((group.clone(), what)).or_default() += 1;
            }
        }
        let stored = store.group(&Scope::Everything, &id).await?.map(|s| s.group.clone());
        let refolded = Group::fold(log.iter().map(|recorded| (&recorded.event, recorded.at)));
        if refolded.is_none() || refolded != stored {
            violations.push(format!("{group}: the log does not fold to the group"));
        }
        if let Some(most) = most_participants(&log).filter(|most| *most > LIMIT) {
            violations.push(format!("{group}: {most} participants at some time"));
        }
    }
    let page = Page { limit: u16::MAX, seek: Seek::First };
    for (_, live) in store.groups(&PhoneNumberId::parse(NUMBER)?, page).await?.items {
        if !groups.contains(live.id.as_str()) {
            violations.push(format!("{}: exists, but no answer said so", live.id));
        }
    }
    for (change, count) in answered.iter() {
        let found = logged.get(change).copied().unwrap_or(0);
        // Asking again while a request is open is answered, and changes nothing.
        let asked = change.1.starts_with("requested ") && (1..=*count).contains(&found);
        if found != *count && !asked {
            violations.push(format!("{change:?}: answered {count} times, logged {found} times"));
        }
    }
    for (change, count) in logged {
        if !answered.contains_key(&change) {
            violations.push(format!("{change:?}: logged {count} times, never answered"));
        }
    }
    Ok(events)
}

/// An event in the words in which its answer was noted.
fn told(recorded: &Recorded) -> Vec<String> {
    let call = &recorded.request_id;
    let wa_id = |person: &domain::Person| person.spelled().to_owned();
    match &recorded.event {
        Event::Created(_) => vec![format!("created {call}")],
        Event::InviteReset { code, .. } => vec![format!("reset {}", code.link())],
        Event::ParticipantJoined { person } => vec![format!("joined {}", wa_id(person))],
        Event::JoinRequested { request, .. } => vec![format!("requested {request}")],
        Event::JoinRequestCancelled(answered) => {
            vec![format!("cancelled {}", wa_id(&answered.person))]
        }
        Event::JoinRequestsApproved { approved } => {
            approved.iter().map(|one| format!("approved {}", one.request)).collect()
        }
        Event::JoinRequestsRejected { rejected } => {
            rejected.iter().map(|one| format!("rejected {}", one.request)).collect()
        }
        Event::ParticipantsRemoved { .. } => vec![format!("removed {call}")],
        Event::ParticipantLeft { person } => vec![format!("left {}", wa_id(person))],
        Event::Deleted => vec![format!("deleted {call}")],
        other => vec![format!("{}, which nobody asked for", other.kind())],
    }
}

/// The most that were in at any time.
fn most_participants(log: &[Recorded]) -> Option<usize> {
    let (first, rest) = log.split_first()?;
    let mut group = Group::fold([(&first.event, first.at)])?;
    let mut most = 0;
    for recorded in rest {
        group.apply(&recorded.event, recorded.at);
        most = most.max(group.state().participants.len());
    }
    Some(most)
}
