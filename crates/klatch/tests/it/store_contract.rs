//! What every store must do, as one story. A new backend is one more line at the end.

mod actors;
mod configuration;
mod outbox;

use std::sync::Arc;

use bytes::Bytes;
use domain::event::{Failed, Standing};
use domain::ids::{AccountId, GroupId, PhoneNumberId, RequestId};
use domain::values::{
    BusinessNumber, Description, InviteCode, JoinApprovalMode, Picture, Subject, Timestamp, WaId,
};
use domain::{Command, CreateGroup, Event, Group, Limits, Refusal};
use klatch::directory::{
    Account, Actor, Changed, Eligibility, Key, KeyHash, Number, NumberChange, PersonIds, PersonKey,
    Profile, RecordChange, Registration, Secret, VendorApp,
};
use klatch::metrics::Metrics;
use klatch::mint::{self, Mint};
use klatch::page::{Page, Seek};
use klatch::runtime::Runtime;
use klatch::store::outbox::{By, Notices, Owed, Sweep};
use klatch::store::sqlite::Sqlite;
use klatch::store::{
    ChangeError, Commit, CommitError, Groups as _, RECEIPT_HORIZON_MS, Receipt, Recorded, Revision,
    Scope, Store, Stored,
};
use wire::Answers;

use crate::support::seeded;

const FIRST: Page = Page { limit: 100, seek: Seek::First };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_755_548_877_000 + millis)
}

fn account(id: &str) -> Account {
    let app =
        VendorApp { id: format!("app of {id}"), secret: Secret::new(format!("{id}'s secret")) };
    Account {
        id: AccountId::parse(id).unwrap(),
        name: format!("{id}'s"),
        app,
        person_key: PersonKey::new([7; 32]),
        created_at: at(0),
    }
}

fn number(id: &str, of: &str, digits: &str, groups: u32) -> Number {
    Number {
        id: PhoneNumberId::parse(id).unwrap(),
        account: AccountId::parse(of).unwrap(),
        display_number: BusinessNumber::parse(digits).unwrap(),
        waba_id: "waba".to_owned(),
        bot_id: format!("bot{id}"),
        limits: Limits { groups, ..Limits::default() },
        eligibility: Eligibility::Eligible,
        answers: Answers::Published,
        registration: Registration::default(),
        unsubscribed_overrides: false,
        app_subscribed: false,
        extra_receivers: false,
        created_at: at(0),
    }
}

fn key(id: &str, of: &str, number: Option<&str>) -> Key {
    Key {
        id: id.to_owned(),
        account: AccountId::parse(of).unwrap(),
        number: number.map(|number| PhoneNumberId::parse(number).unwrap()),
        hint: "abcd".to_owned(),
        created_at: at(0),
        revoked_at: None,
    }
}

/// Changes the records as the operator.
async fn record(store: &dyn Store, change: RecordChange) -> Result<Changed, ChangeError> {
    store.change(&Actor::Operator, change).await
}

/// A group that nobody has stored yet.
fn create(mint: &Mint, of: &Number, alias_second: i64, subject: &str) -> Commit {
    let serial = mint.group_serial();
    let (group, event) = Group::create(
        CreateGroup {
            id: mint::group_id(&of.display_number, serial),
            serial,
            number: of.id.clone(),
            business: of.display_number.clone(),
            alias_second,
            subject: Subject::parse(subject).unwrap(),
            description: Description::parse("About: äöü 🚗").unwrap(),
            mode: JoinApprovalMode::ApprovalRequired,
            invite: mint.invite_code(),
        },
        at(1),
    );
    commit(mint, Stored { group, account: of.account.clone() }, event, of.limits.groups)
}

fn commit(mint: &Mint, stored: Stored, event: Event, groups_max: u32) -> Commit {
    let version = stored.group.state().version;
    let actor = Some(Actor::Operator);
    let recorded = Recorded { version, at: at(1), actor, request_id: mint.request_id(), event };
    Commit {
        stored: Arc::new(stored),
        recorded,
        groups_max,
        picture: None,
        receipt: None,
        owed: Owed::default(),
        revision: Revision::default(),
    }
}

/// Commits what was planned from the configuration as it is now.
async fn planned(store: &dyn Store, mut commit: Commit) -> Result<(), CommitError> {
    let number = &commit.stored.group.state().number;
    commit.revision = store.receivers(number).await.unwrap().unwrap().revision;
    store.commit(commit).await
}

/// What a command makes of a stored group; the command must bring something about.
fn change(mint: &Mint, before: &Stored, command: &Command) -> Commit {
    let limits = Limits::default();
    let event = before.group.decide(command, limits).unwrap().event.unwrap();
    let mut after = before.clone();
    after.group.apply(&event, at(1));
    commit(mint, after, event, limits.groups)
}

fn receipts_before(receipts_before: Timestamp) -> Sweep {
    Sweep { now: at(0), receipts_before, owed_before: at(0), settled_before: at(0) }
}

fn id(commit: &Commit) -> GroupId {
    commit.stored.group.state().id.clone()
}

async fn story(store: &dyn Store) {
    let mint = seeded(1);
    records(store).await;
    let ours = number("1001", "acc_a", "15550000001", 4);
    let groups = creating(store, &mint, &ours).await;
    changing(store, &mint, &groups[0]).await;
    repeating(store, &mint, &groups[1]).await;
    ending(store, &mint, &ours, &groups[2]).await;
    by_person(store, &mint, &number("1002", "acc_b", "15550000002", 5)).await;
    outbox::story(store, &mint).await;
    configuration::story(store, &mint).await;
    actors::story(store, &mint).await;
    assert_eq!(store.last_seen().await.unwrap(), None);
    for seen in [at(7), at(9), at(3)] {
        store.saw(seen).await.unwrap();
        assert_eq!(store.last_seen().await.unwrap(), Some(seen), "the latest that was said");
    }
    store.ready().await.unwrap();
}

/// Accounts, numbers, keys.
async fn records(store: &dyn Store) {
    for id in ["acc_a", "acc_b"] {
        record(store, RecordChange::AddAccount(account(id))).await.unwrap();
    }
    let taken = record(store, RecordChange::AddAccount(account("acc_a"))).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { field: "id" }), "{taken:?}");
    let found = store.account(&AccountId::parse("acc_b").unwrap()).await.unwrap();
    assert_eq!(found, Some(account("acc_b")));
    assert_eq!(store.account(&AccountId::parse("acc_c").unwrap()).await.unwrap(), None);

    let first = number("1001", "acc_a", "15550000001", 4);
    record(store, RecordChange::AddNumber(first.clone())).await.unwrap();
    record(store, RecordChange::AddNumber(number("1002", "acc_b", "15550000002", 9)))
        .await
        .unwrap();
    let same_id = number("1001", "acc_b", "15550000003", 9);
    let taken = record(store, RecordChange::AddNumber(same_id)).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { field: "phone_number_id" }), "{taken:?}");
    let same_bot =
        Number { bot_id: "bot1001".to_owned(), ..number("1003", "acc_b", "15550000003", 9) };
    let taken = record(store, RecordChange::AddNumber(same_bot)).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { field: "bot_id" }), "{taken:?}");
    let orphan =
        record(store, RecordChange::AddNumber(number("1004", "acc_c", "15550000004", 9))).await;
    let orphan = orphan.unwrap_err();
    assert!(matches!(orphan, ChangeError::Unknown { field: "account_id" }), "{orphan:?}");
    assert_eq!(store.number(&first.id).await.unwrap().as_deref(), Some(&first));

    let (one, whole) = (KeyHash::of("one"), KeyHash::of("whole"));
    assert_eq!(store.opening(&one).await.unwrap(), None, "asked before there is such a key");
    record(store, RecordChange::AddKey(key("k1", "acc_a", Some("1001")), one)).await.unwrap();
    record(store, RecordChange::AddKey(key("k2", "acc_b", None), whole)).await.unwrap();
    let opened = store.opening(&one).await.unwrap().expect("the miss is forgotten");
    assert_eq!((opened.key.as_str(), opened.number.as_deref()), ("k1", Some(&first)));
    let opened = store.opening(&whole).await.unwrap().unwrap();
    let only = opened.number.as_ref().map(|number| number.id.as_str());
    assert_eq!((opened.account.as_str(), only), ("acc_b", Some("1002")), "the account's only one");
    record(store, RecordChange::AddNumber(number("1005", "acc_b", "15550000005", 9)))
        .await
        .unwrap();
    assert_eq!(store.opening(&whole).await.unwrap().unwrap().number, None, "it has two now");
    let foreign = RecordChange::AddKey(key("k3", "acc_b", Some("1001")), KeyHash::of("foreign"));
    let foreign = record(store, foreign).await.unwrap_err();
    assert!(matches!(foreign, ChangeError::Unknown { field: "phone_number_id" }), "{foreign:?}");

    record(store, RecordChange::RevokeKey("k2".to_owned(), at(5))).await.unwrap();
    assert_eq!(store.opening(&whole).await.unwrap(), None, "at once");
    record(store, RecordChange::RevokeKey("k2".to_owned(), at(9))).await.unwrap();
    assert_eq!(store.key("k2").await.unwrap().unwrap().revoked_at, Some(at(5)), "the first time");
    let unknown = record(store, RecordChange::RevokeKey("k9".to_owned(), at(5))).await.unwrap_err();
    assert!(matches!(unknown, ChangeError::Unknown { field: "id" }), "{unknown:?}");

    numbers_change(store, &first).await;
    profiles(store).await;

    let ids = |numbers: Vec<(u64, Number)>| -> Vec<String> {
        numbers.into_iter().map(|(_, number)| number.id.to_string()).collect()
    };
    let all = store.numbers(None, FIRST).await.unwrap();
    assert_eq!(ids(all.items), ["1001", "1002", "1005"]);
    let acc_b = AccountId::parse("acc_b").unwrap();
    let of_b = store.numbers(Some(&acc_b), FIRST).await.unwrap();
    assert_eq!(ids(of_b.items.clone()), ["1002", "1005"]);
    let behind = Page { limit: 1, seek: Seek::After(of_b.items[0].0) };
    assert_eq!(ids(store.numbers(Some(&acc_b), behind).await.unwrap().items), ["1005"]);
    let before = Page { limit: 1, seek: Seek::Before(of_b.items[1].0) };
    assert_eq!(ids(store.numbers(Some(&acc_b), before).await.unwrap().items), ["1002"]);
    assert_eq!(store.accounts(FIRST).await.unwrap().items.len(), 2);
    assert_eq!(store.keys(None, FIRST).await.unwrap().items.len(), 2);
    assert_eq!(store.keys(Some(&acc_b), FIRST).await.unwrap().items.len(), 1);
}

/// Numbers change, are found by their bots, and belong to WABAs.
async fn numbers_change(store: &dyn Store, first: &Number) {
    let of_second = PhoneNumberId::parse("1002").unwrap();
    for change in [
        NumberChange { participants: Some(20), ..NumberChange::default() },
        NumberChange { groups: Some(5), ..NumberChange::default() },
        NumberChange { operations: Some(9), ..NumberChange::default() },
        NumberChange { operations: Some(0), ..NumberChange::default() },
        NumberChange { operations: Some(7), ..NumberChange::default() },
        NumberChange {
            eligibility: Some(Eligibility::CreationDisabled),
            ..NumberChange::default()
        },
        NumberChange { answers: Some(Answers::Superset), ..NumberChange::default() },
        NumberChange { extra_receivers: Some(true), ..NumberChange::default() },
    ] {
        record(store, RecordChange::ChangeNumber(of_second.clone(), change)).await.unwrap();
    }
    let limits = Limits { participants: 20, groups: 5, operations: Some(7) };
    let second = store.number(&of_second).await.unwrap().unwrap();
    assert_eq!(second.limits, limits);
    assert_eq!(second.eligibility, Eligibility::CreationDisabled);
    assert_eq!(second.answers, Answers::Superset);
    assert!(second.extra_receivers && !second.app_subscribed);
    let number_of = async |account: &str, bot: &str| {
        let account = AccountId::parse(account).unwrap();
        let number = store.number_of_bot(&account, bot).await.unwrap();
        number.map(|number| number.id.to_string())
    };
    assert_eq!(number_of("acc_b", "bot1002").await.as_deref(), Some("1002"));
    assert_eq!(number_of("acc_a", "bot1002").await, None, "of another account");
    assert_eq!(number_of("acc_b", "bot1009").await, None);
    for on in [true, true, false, true] {
        let account = second.account.clone();
        let subscribe = |waba_id: &str| RecordChange::SubscribeApp {
            account: account.clone(),
            waba_id: waba_id.to_owned(),
            on,
        };
        record(store, subscribe("waba")).await.unwrap();
        let second = store.number(&of_second).await.unwrap().unwrap();
        assert_eq!(second.app_subscribed, on);
        let unknown = record(store, subscribe("another")).await.unwrap_err();
        assert!(matches!(unknown, ChangeError::Unknown { field: "waba_id" }), "{unknown:?}");
    }
    // The same WABA in another account is another matter.
    assert!(!store.number(&first.id).await.unwrap().unwrap().app_subscribed);
}

/// What is special about people.
async fn profiles(store: &dyn Store) {
    let ann = WaId::parse("16505551234").unwrap();
    assert_eq!(store.profile(&ann).await.unwrap(), None);
    let profile = |wa_id: &WaId, name: Option<&str>| Profile {
        username: name.map(str::to_owned),
        hides_phone: true,
        terms_accepted: false,
        ..Profile::plain(wa_id.clone())
    };
    for known in [
        profile(&ann, Some("ann")),
        Profile { enrolled: true, ..profile(&ann, Some("ann")) },
        Profile::plain(ann.clone()),
        profile(&ann, Some("ann")),
    ] {
        record(store, RecordChange::SetProfile(known.clone())).await.unwrap();
        assert_eq!(store.profile(&ann).await.unwrap(), Some(known));
    }
    let bob = WaId::parse("16505551235").unwrap();
    let taken = record(store, RecordChange::SetProfile(profile(&bob, Some("ann")))).await;
    assert!(matches!(taken, Err(ChangeError::Taken { field: "username" })), "{taken:?}");
    for wa_id in [&bob, &WaId::parse("16505551236").unwrap()] {
        record(store, RecordChange::SetProfile(profile(wa_id, None))).await.unwrap();
    }
}

/// New groups: scopes, limits, names that are taken.
async fn creating(store: &dyn Store, mint: &Mint, ours: &Number) -> Vec<Arc<Stored>> {
    let mut groups = Vec::new();
    for second in 1..=3 {
        let made = create(mint, ours, second, &format!("Group {second}"));
        planned(store, made.clone()).await.unwrap();
        groups.push(made.stored);
    }
    let state = groups[0].group.state();
    for (scope, seen) in [
        (Scope::Everything, true),
        (Scope::Number(ours.id.clone()), true),
        (Scope::Number(PhoneNumberId::parse("1002").unwrap()), false),
        (Scope::Account(ours.account.clone()), true),
        (Scope::Account(AccountId::parse("acc_b").unwrap()), false),
    ] {
        let found = store.group(&scope, &state.id).await.unwrap();
        assert_eq!(found.as_ref(), seen.then_some(&groups[0]), "{scope:?}");
    }
    let nobody = GroupId::parse("nobody").unwrap();
    assert_eq!(store.group(&Scope::Everything, &nobody).await.unwrap(), None);
    let code = state.invite.as_ref().unwrap();
    assert_eq!(store.group_by_invite(code).await.unwrap(), Some(state.id.clone()));
    let dead = InviteCode::parse("dead").unwrap();
    assert_eq!(store.group_by_invite(&dead).await.unwrap(), None);
    assert_eq!(store.last_alias(&ours.id).await.unwrap(), 3);

    let subjects = |slice: klatch::page::Slice<domain::GroupSummary>| -> Vec<String> {
        slice.items.into_iter().map(|(_, group)| group.subject.as_str().to_owned()).collect()
    };
    let newest_first = store.groups(&ours.id, FIRST).await.unwrap();
    assert_eq!(subjects(newest_first), ["Group 3", "Group 2", "Group 1"]);
    let two = store.groups(&ours.id, Page { limit: 2, seek: Seek::First }).await.unwrap();
    assert!(two.more_after && !two.more_before);
    let after = Page { limit: 2, seek: Seek::After(two.items[1].0) };
    assert_eq!(subjects(store.groups(&ours.id, after).await.unwrap()), ["Group 1"]);
    let before = Page { limit: 2, seek: Seek::Before(1) };
    assert_eq!(subjects(store.groups(&ours.id, before).await.unwrap()), ["Group 3", "Group 2"]);
    let of_nobody = PhoneNumberId::parse("9999").unwrap();
    assert!(store.groups(&of_nobody, FIRST).await.unwrap().items.is_empty());

    let same_alias = planned(store, create(mint, ours, 3, "Same alias")).await.unwrap_err();
    assert!(matches!(same_alias, CommitError::Conflict), "{same_alias:?}");
    let mut same_link = create(mint, ours, 7, "Same link");
    let mut taken = same_link.stored.group.state().clone();
    taken.invite.clone_from(&state.invite);
    let account = ours.account.clone();
    same_link.stored = Arc::new(Stored { group: Group::from_state(taken), account });
    let same_link = planned(store, same_link).await.unwrap_err();
    assert!(matches!(same_link, CommitError::Conflict), "{same_link:?}");

    // What was refused has taken no room: the fourth fits, the fifth does not.
    planned(store, create(mint, ours, 4, "Group 4")).await.unwrap();
    let fifth = planned(store, create(mint, ours, 5, "Group 5")).await.unwrap_err();
    assert!(matches!(fifth, CommitError::NoRoom), "{fifth:?}");
    by_alias(store, ours, &groups).await;
    by_time(store, ours, &groups).await;
    groups
}

/// Groups by the second that only they have.
async fn by_alias(store: &dyn Store, ours: &Number, groups: &[Arc<Stored>]) {
    for stored in groups {
        let state = stored.group.state();
        let found = store.group_by_alias(&ours.id, state.alias_second).await.unwrap();
        assert_eq!(found.as_ref(), Some(&state.id));
        let elsewhere = PhoneNumberId::parse("1002").unwrap();
        let found = store.group_by_alias(&elsewhere, state.alias_second).await.unwrap();
        assert_eq!(found, None, "of another number");
    }
    assert_eq!(store.group_by_alias(&ours.id, 99).await.unwrap(), None);
}

/// Notices of what happened to a number's groups, by time and by whom.
async fn by_time(store: &dyn Store, ours: &Number, groups: &[Arc<Stored>]) {
    let read = async |by, from, to, skip, limit| {
        let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
        let wanted = Notices { by, from, to, skip, limit };
        store.notices(&ours.id, &wanted).await.unwrap()
    };
    let all = read(By::Anyone, 0, i64::MAX, 0, 99).await;
    assert!(all.len() > 3 && all.iter().all(|one| one.recorded.version == 1), "{all:?}");
    assert!(all.is_sorted_by_key(|one| one.recorded.at));
    assert_eq!(read(By::Business, 0, i64::MAX, 0, 99).await, all);
    for (skip, one) in (0..).zip(&all) {
        let [found] = &read(By::Anyone, 0, i64::MAX, skip, 1).await[..] else { panic!("{skip}") };
        assert_eq!(found, one);
    }
    let alias_second = groups[1].group.state().alias_second;
    let found = all.iter().find(|one| one.alias_second == alias_second).unwrap();
    // From its moment on, and not before; up to its moment, and not at it.
    let millis = found.recorded.at.as_millis();
    assert!(read(By::Anyone, millis, millis + 1, 0, 99).await.contains(found));
    assert!(!read(By::Anyone, 0, millis, 0, 99).await.contains(found));
    assert!(!read(By::Anyone, millis + 1, i64::MAX, 0, 99).await.contains(found));
}

/// Notices of what people did are found by the person, without reading what others did.
async fn by_person(store: &dyn Store, mint: &Mint, ours: &Number) {
    let made = create(mint, ours, 11, "Of people");
    planned(store, made.clone()).await.unwrap();
    let mut stored = made.stored;
    let mut state = stored.group.state().clone();
    state.mode = JoinApprovalMode::AutoApprove;
    stored = Arc::new(Stored { group: Group::from_state(state), account: ours.account.clone() });
    let people: Vec<_> = ["16505550111", "16505550112", "16505550113"]
        .into_iter()
        .zip([false, false, true])
        .map(|(wa_id, hides_phone)| Profile {
            hides_phone,
            username: hides_phone.then(|| "hidden".to_owned()),
            ..Profile::plain(WaId::parse(wa_id).unwrap())
        })
        .map(|profile| PersonIds::new(PersonKey::new([7; 32])).person(&profile))
        .collect();
    let code = stored.group.state().invite.clone().unwrap();
    for person in &people {
        let request = mint::join_request_id(person, stored.group.state().serial);
        let join = Command::Join { person: person.clone(), code: code.clone(), request };
        let joined = change(mint, &stored, &join);
        planned(store, joined.clone()).await.unwrap();
        stored = joined.stored;
    }
    let by = async |by: By| -> Vec<String> {
        let (from, to) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
        let wanted = Notices { by, from, to, skip: 0, limit: 99 };
        let found = store.notices(&ours.id, &wanted).await.unwrap();
        let of_group = found.into_iter().filter(|one| one.alias_second == 11);
        of_group.map(|one| one.recorded.event.kind().to_owned()).collect()
    };
    for person in &people {
        assert_eq!(by(By::Person(person.spelled().to_owned())).await, ["participant_joined"]);
    }
    let none: [&str; 0] = [];
    assert_eq!(by(By::Person("16505550113".to_owned())).await, none, "the number is hidden");
    assert_eq!(by(By::Person(String::new())).await, none);
    assert_eq!(by(By::Business).await, ["created"]);
    let joined = ["participant_joined"; 3];
    assert_eq!(by(By::Anyone).await, [&["created"][..], &joined].concat());
    let deleted = change(mint, &stored, &Command::Delete);
    planned(store, deleted).await.unwrap();
}

/// Changes: versions, the log, the index of people, pictures.
async fn changing(store: &dyn Store, mint: &Mint, group: &Arc<Stored>) {
    let state = group.group.state();
    let ann = Profile::plain(WaId::parse("16505551234").unwrap());
    let ann = PersonIds::new(PersonKey::new([7; 32])).person(&ann);
    let join = |stored: &Stored| {
        let code = stored.group.state().invite.clone().unwrap();
        let request = mint::join_request_id(&ann, state.serial);
        change(mint, stored, &Command::Join { person: ann.clone(), code, request })
    };
    let asked = join(group);
    planned(store, asked.clone()).await.unwrap();
    let late = planned(store, join(group)).await.unwrap_err();
    assert!(matches!(late, CommitError::Conflict), "decided upon an old version: {late:?}");

    let standing = async |wanted| {
        let standings = store.standings("16505551234").await.unwrap();
        assert_eq!(standings.iter().map(|one| one.standing).collect::<Vec<_>>(), wanted);
    };
    standing(vec![Standing::Requested]).await;
    let request = asked.stored.group.state().requests[0].id.clone();
    let requests = domain::values::Batch::new(vec![request], 8).unwrap();
    let approved = change(mint, &asked.stored, &Command::ApproveJoinRequests { requests });
    planned(store, approved.clone()).await.unwrap();
    standing(vec![Standing::Participant]).await;
    let person = domain::PersonRef::User(ann.user_id.clone());
    let entry = domain::person::Entry { input: "+1 650".to_owned(), target: person };
    let people = domain::values::Batch::new(vec![entry], 8).unwrap();
    let removed = change(mint, &approved.stored, &Command::RemoveParticipants { people });
    planned(store, removed.clone()).await.unwrap();
    standing(vec![Standing::Removed]).await;

    let picture = Picture { sha256: [7; 32], mime_type: "image/jpeg".to_owned() };
    let settings = Command::ChangeSettings {
        subject: Some(Subject::parse("Renamed").unwrap()),
        description: None,
        picture: Some(picture),
    };
    let mut pictured = change(mint, &removed.stored, &settings);
    pictured.picture = Some(Bytes::from_static(b"JPEG"));
    planned(store, pictured.clone()).await.unwrap();
    let found = store.picture(&Scope::Everything, &state.id).await.unwrap();
    assert_eq!(found, Some(("image/jpeg".to_owned(), Bytes::from_static(b"JPEG"))));
    let elsewhere = Scope::Number(PhoneNumberId::parse("1002").unwrap());
    assert_eq!(store.picture(&elsewhere, &state.id).await.unwrap(), None);

    let found = store.group(&Scope::Everything, &state.id).await.unwrap().unwrap();
    assert_eq!(found, pictured.stored);
    let log = store.history(&state.id, 1, 100).await.unwrap();
    assert_eq!(log.iter().map(|one| one.version).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let folded = Group::fold(log.iter().map(|one| (&one.event, one.at))).unwrap();
    assert_eq!(folded, found.group);
    assert_eq!(log[1].request_id, asked.recorded.request_id);
    let part = store.history(&state.id, 4, 1).await.unwrap();
    assert_eq!(part, [log[3].clone()]);
}

/// Receipts: one key, one call, for a day.
async fn repeating(store: &dyn Store, mint: &Mint, group: &Arc<Stored>) {
    let receipt = |created_at, group: &Stored| Receipt {
        scope: "number:1001".to_owned(),
        key: "once".to_owned(),
        fingerprint: [3; 32],
        group: group.group.state().id.clone(),
        request_id: RequestId::parse("CALL").unwrap(),
        version: Some(group.group.state().version),
        refused: vec![Failed { input: "x".to_owned(), refusal: Refusal::GroupFull { limit: 8 } }],
        answers: Answers::Superset,
        created_at,
    };
    let reset =
        |stored: &Stored| change(mint, stored, &Command::ResetInvite { code: mint.invite_code() });
    let mut first = reset(group);
    first.receipt = Some(receipt(at(1), &first.stored));
    assert_eq!(store.receipt("number:1001", "once").await.unwrap(), None);
    planned(store, first.clone()).await.unwrap();
    assert_eq!(store.receipt("number:1001", "once").await.unwrap(), first.receipt);
    assert_eq!(store.receipt("number:1002", "once").await.unwrap(), None);

    let nothing = Receipt { version: None, ..receipt(at(2), &first.stored) };
    let taken = store.remember(nothing.clone()).await.unwrap_err();
    assert!(matches!(taken, CommitError::ReceiptTaken), "{taken:?}");
    let other = Receipt { key: "nothing".to_owned(), ..nothing };
    store.remember(other.clone()).await.unwrap();
    assert_eq!(store.receipt("number:1001", "nothing").await.unwrap(), Some(other));

    let mut second = reset(&first.stored);
    second.receipt = Some(receipt(at(2), &second.stored));
    let taken = planned(store, second.clone()).await.unwrap_err();
    assert!(matches!(taken, CommitError::ReceiptTaken), "{taken:?}");
    let unchanged = store.group(&Scope::Everything, &id(&first)).await.unwrap().unwrap();
    assert_eq!(unchanged, first.stored, "nothing of the second was written");
    assert_eq!(store.history(&id(&first), 3, 9).await.unwrap(), []);

    let next_day = Timestamp::from_millis(at(1).as_millis() + RECEIPT_HORIZON_MS);
    second.receipt = Some(receipt(next_day, &second.stored));
    planned(store, second.clone()).await.unwrap();
    assert_eq!(store.receipt("number:1001", "once").await.unwrap(), second.receipt);
    assert_eq!(
        store.sweep(receipts_before(next_day)).await.unwrap(),
        1,
        "the one without a change"
    );
    assert_eq!(store.sweep(receipts_before(next_day)).await.unwrap(), 0);
    let later = Timestamp::from_millis(next_day.as_millis() + 1);
    assert_eq!(store.sweep(receipts_before(later)).await.unwrap(), 1);
    assert_eq!(store.receipt("number:1001", "once").await.unwrap(), None);
}

/// Ends: a dead group is kept but not found, and gives its place back.
async fn ending(store: &dyn Store, mint: &Mint, ours: &Number, group: &Arc<Stored>) {
    let full = planned(store, create(mint, ours, 8, "No room")).await.unwrap_err();
    assert!(matches!(full, CommitError::NoRoom), "{full:?}");
    let code = group.group.state().invite.clone().unwrap();
    let deleted = change(mint, group, &Command::Delete);
    planned(store, deleted.clone()).await.unwrap();
    assert_eq!(store.group_by_invite(&code).await.unwrap(), None);
    let kept = store.group(&Scope::Everything, &id(&deleted)).await.unwrap().unwrap();
    assert!(!kept.group.state().exists());
    let listed = store.groups(&ours.id, FIRST).await.unwrap();
    assert!(listed.items.iter().all(|(_, summary)| summary.id != id(&deleted)));
    planned(store, create(mint, ours, 9, "Room again")).await.unwrap();
    assert_eq!(store.last_alias(&ours.id).await.unwrap(), 9);
}

/// Many at once: of all that decide upon one version one wins, the others are told so and lose
/// nothing.
async fn crowd(store: Arc<dyn Store>) {
    let mint = Arc::new(seeded(2));
    record(&*store, RecordChange::AddAccount(account("acc_a"))).await.unwrap();
    let ours = number("1001", "acc_a", "15550000001", 1_000);
    record(&*store, RecordChange::AddNumber(ours.clone())).await.unwrap();
    let made = create(&mint, &ours, 1, "Contended");
    planned(&*store, made.clone()).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for second in 2..102 {
        let (store, mint, ours) = (Arc::clone(&store), Arc::clone(&mint), ours.clone());
        let contended = Arc::clone(&made.stored);
        writers.spawn(async move {
            planned(&*store, create(&mint, &ours, second, "Alone")).await.unwrap();
            let reset = Command::ResetInvite { code: mint.invite_code() };
            match planned(&*store, change(&mint, &contended, &reset)).await {
                Ok(()) => 1,
                Err(CommitError::Conflict) => 0,
                Err(other) => panic!("{other}"),
            }
        });
    }
    let won: u32 = writers.join_all().await.into_iter().sum();
    assert_eq!(won, 1);
    assert_eq!(store.history(&id(&made), 1, 999).await.unwrap().len(), 2);
    let mut page = Page { limit: 30, seek: Seek::First };
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let slice = store.groups(&ours.id, page).await.unwrap();
        seen.extend(slice.items.iter().map(|(key, _)| *key));
        match slice.items.last() {
            Some((key, _)) if slice.more_after => page.seek = Seek::After(*key),
            _ => break,
        }
    }
    assert_eq!(seen.len(), 101);
}

#[tokio::test]
async fn sqlite_in_memory() {
    story(&Sqlite::in_memory(&Runtime::system(), &Metrics::default()).unwrap()).await;
    crowd(Arc::new(Sqlite::in_memory(&Runtime::system(), &Metrics::default()).unwrap())).await;
    configuration::crowd(Arc::new(
        Sqlite::in_memory(&Runtime::system(), &Metrics::default()).unwrap(),
    ))
    .await;
}

#[tokio::test]
async fn sqlite_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    story(&Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    crowd(Arc::new(Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap()))
        .await;
}

/// What was taken is there after the store was closed and opened again.
#[tokio::test]
async fn sqlite_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let mint = seeded(3);
    let ours = number("1001", "acc_a", "15550000001", 10);
    let store = Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap();
    record(&store, RecordChange::AddAccount(account("acc_a"))).await.unwrap();
    record(&store, RecordChange::AddNumber(ours.clone())).await.unwrap();
    let made = create(&mint, &ours, 1, "Kept");
    planned(&store, made.clone()).await.unwrap();
    drop(store);
    let store = Sqlite::open(folder.path(), &Runtime::system(), &Metrics::default()).unwrap();
    let found = store.group(&Scope::Everything, &id(&made)).await.unwrap();
    assert_eq!(found.as_ref(), Some(&made.stored));
    let log = store.history(&id(&made), 1, 10).await.unwrap();
    assert_eq!(log, [made.recorded]);
    assert_eq!(RequestId::parse(log[0].request_id.as_str()).unwrap(), log[0].request_id);
}
