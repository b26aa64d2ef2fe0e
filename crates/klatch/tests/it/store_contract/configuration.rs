//! The chapter of configurations: what deliveries are planned from, and who is in which place.

use std::sync::Arc;

use domain::Command;
use domain::ids::PhoneNumberId;
use klatch::directory::{
    Activity, Actor, Changed, Configured, KeyHash, Minted, Number, NumberChange, Place,
    PlaceChange, Reach, RecordChange, Role, Secret, Subscription, SubscriptionChange,
    SubscriptionEvent,
};
use klatch::mint::Mint;
use klatch::page::{Page, Seek};
use klatch::store::outbox::{LogFilter, LoggedEvent};
use klatch::store::{ChangeError, Commit, CommitError, Scope, Store};
use wire::Dialect;
use wire::news::Topic;

use super::outbox::{reaching, subscription, subscription_id};
use super::{FIRST, account, at, create, id, key, number, planned};

pub(super) async fn story(store: &dyn Store, mint: &Mint) {
    for id in ["acc_q", "acc_r"] {
        store.change(&Actor::Operator, RecordChange::AddAccount(account(id))).await.unwrap();
    }
    let ours = number("2101", "acc_q", "15550002101", 99);
    let other = number("2102", "acc_q", "15550002102", 99);
    let theirs = number("2103", "acc_r", "15550002103", 99);
    for number in [&ours, &other, &theirs] {
        store.change(&Actor::Operator, RecordChange::AddNumber(number.clone())).await.unwrap();
    }
    of_a_waba(store, [&ours, &other]).await;
    replanning(store, mint, [&ours, &theirs]).await;
    whole_or_not_at_all(store, &ours).await;
    places(store, &ours).await;
    extras(store, &other).await;
    pausing(store, &other).await;
}

/// A WABA's numbers, without those of others.
async fn of_a_waba(store: &dyn Store, [ours, other]: [&Number; 2]) {
    let apart = Number { waba_id: "apart".to_owned(), ..number("2104", "acc_q", "15550002104", 9) };
    store.change(&Actor::Operator, RecordChange::AddNumber(apart.clone())).await.unwrap();
    let read = async |waba_id: &str, page| {
        let slice = store.numbers_of_waba(&ours.account, waba_id, page).await.unwrap();
        slice.items.into_iter().map(|(key, number)| (key, number.id)).collect::<Vec<_>>()
    };
    let ids = |found: &[(u64, PhoneNumberId)]| -> Vec<PhoneNumberId> {
        found.iter().map(|(_, id)| id.clone()).collect()
    };
    let all = read("waba", FIRST).await;
    let [first, second] = [ours, other].map(|number| vec![number.id.clone()]);
    assert_eq!(ids(&all), [first.clone(), second.clone()].concat());
    let page = |seek| Page { limit: 1, seek };
    assert_eq!(ids(&read("waba", page(Seek::After(all[0].0))).await), second);
    assert_eq!(ids(&read("waba", page(Seek::Before(all[1].0))).await), first);
    assert_eq!(ids(&read("apart", FIRST).await), [apart.id]);
    assert_eq!(read("nowhere", FIRST).await, []);
}

/// A commit is refused if the configuration that its deliveries were planned from is not the one of
/// its account any more. Another account's does not matter.
async fn replanning(store: &dyn Store, mint: &Mint, [ours, theirs]: [&Number; 2]) {
    let unknown = PhoneNumberId::parse("9999").unwrap();
    assert!(store.receivers(&unknown).await.unwrap().is_none());
    let late = subscription("late", "acc_q", Reach::Account);
    let fewer = SubscriptionChange { topics: Some(vec![]), ..SubscriptionChange::default() };
    let fewer =
        RecordChange::ChangeSubscription(late.id.clone(), fewer, SubscriptionEvent::Changed, at(1));
    let extras = |on| {
        let change = NumberChange { extra_receivers: Some(on), ..NumberChange::default() };
        RecordChange::ChangeNumber(ours.id.clone(), change)
    };
    let subscribe = |on| {
        let (account, waba_id) = (ours.account.clone(), "waba".to_owned());
        RecordChange::SubscribeApp { account, waba_id, on }
    };
    let place = main_of(ours);
    for (second, change) in (1..).zip([
        RecordChange::AddSubscription(late.clone()),
        fewer,
        RecordChange::RemoveSubscription(late.id.clone(), at(1)),
        subscribe(true),
        RecordChange::All(vec![subscribe(false)]),
        extras(true),
        extras(false),
        set(&place, "planned", None),
        RecordChange::ChangePlace(place.clone(), PlaceChange::Clear, at(1)),
    ]) {
        let mut commits = Vec::new();
        for number in [ours, theirs] {
            let mut commit = create(mint, number, second, "Planned before");
            commit.revision = store.receivers(&number.id).await.unwrap().unwrap().revision;
            commits.push(commit);
        }
        let [of_ours, of_theirs] = <[Commit; 2]>::try_from(commits).unwrap();
        store.change(&Actor::Operator, change.clone()).await.unwrap();
        let stale = store.commit(of_ours.clone()).await.unwrap_err();
        assert!(matches!(stale, CommitError::Conflict), "{change:?}: {stale:?}");
        let missing = store.group(&Scope::Everything, &id(&of_ours)).await.unwrap();
        assert_eq!(missing, None, "nothing of it was written");
        store.commit(of_theirs).await.unwrap();
        planned(store, of_ours.clone()).await.unwrap();
        let deleted = super::change(mint, &of_ours.stored, &Command::Delete);
        planned(store, deleted).await.unwrap();
    }
    let receivers = store.receivers(&ours.id).await.unwrap().unwrap();
    assert!(!receivers.number.app_subscribed && !receivers.number.extra_receivers);
}

/// Several changes at once: if the last one fails, the first was never made.
async fn whole_or_not_at_all(store: &dyn Store, ours: &Number) {
    let (account, waba_id) = (ours.account.clone(), "nowhere".to_owned());
    let all = RecordChange::All(vec![
        set(&main_of(ours), "half", None),
        RecordChange::AddKey(key("k_half", "acc_q", None), KeyHash::of("half")),
        RecordChange::SubscribeApp { account, waba_id, on: true },
    ]);
    let failed = store.change(&Actor::Operator, all).await.unwrap_err();
    assert!(matches!(failed, ChangeError::Unknown { field: "waba_id" }), "{failed:?}");
    assert_eq!(reaching(store, ours).await, []);
    assert!(store.opening(&KeyHash::of("half")).await.unwrap().is_none());
}

fn main_of(number: &Number) -> Place {
    Place {
        account: number.account.clone(),
        dialect: Dialect::D360,
        reach: Reach::Number(number.id.clone()),
        role: Role::Main { over_all: false },
    }
}

fn configured(name: &str, topics: Option<Vec<Topic>>) -> Configured {
    let Subscription { target, .. } = subscription(name, "acc_q", Reach::Account);
    Configured {
        target,
        topics,
        fields: Vec::new(),
        secret: None,
        verify_token: None,
        vendor_signature: false,
    }
}

fn minted(name: &str) -> Minted {
    Minted { id: subscription_id(name), secret: Secret::new(format!("{name}'s own secret")) }
}

/// Sets the receiver of this name in a place.
fn set(place: &Place, name: &str, topics: Option<Vec<Topic>>) -> RecordChange {
    let change = PlaceChange::Set(configured(name, topics), minted(name));
    RecordChange::ChangePlace(place.clone(), change, at(1))
}

/// A place holds one receiver; each change is decided upon the one that is there.
async fn places(store: &dyn Store, ours: &Number) {
    let place = main_of(ours);
    let holder = async || store.holder(&place).await.unwrap();
    let change = async |change| {
        store
            .change(&Actor::Operator, RecordChange::ChangePlace(place.clone(), change, at(2)))
            .await
    };
    let nothing = change(PlaceChange::Clear).await.unwrap();
    assert_eq!(nothing, Changed::default(), "nobody is there");
    assert_eq!(change(PlaceChange::EndFields(vec![])).await.unwrap(), Changed::default());
    let unknown = change(PlaceChange::Change(SubscriptionChange::default())).await.unwrap_err();
    assert!(matches!(unknown, ChangeError::Unknown { field: "name" }), "{unknown:?}");

    let of = |name| vec![subscription_id(name)];
    let added = store.change(&Actor::Operator, set(&place, "first", None)).await.unwrap();
    assert_eq!(added, Changed { subscriptions: of("first"), removed: vec![] });
    let first = holder().await.unwrap();
    assert_eq!((first.id.clone(), first.topics.clone()), (subscription_id("first"), None));
    // The next one takes over: its address, and the id of the one before.
    let topics = Some(vec![Topic::Status, Topic::Lifecycle, Topic::Settings]);
    let changed = store.change(&Actor::Operator, set(&place, "second", topics)).await.unwrap();
    assert_eq!(changed, Changed { subscriptions: of("first"), removed: vec![] });
    let second = holder().await.unwrap();
    assert_eq!(second.secrets, first.secrets, "nobody has asked for another one");
    assert_eq!(second.target.url.host_str(), Some("second.example"));
    // Topics end one by one, and with the last one the receiver.
    change(PlaceChange::EndFields(vec![Topic::Status.as_str().to_owned()])).await.unwrap();
    change(PlaceChange::EndFields(vec![
        Topic::Settings.as_str().to_owned(),
        Topic::Participants.as_str().to_owned(),
    ]))
    .await
    .unwrap();
    assert_eq!(holder().await.unwrap().topics, Some(vec![Topic::Lifecycle]));
    let removed =
        change(PlaceChange::EndFields(vec![Topic::Lifecycle.as_str().to_owned()])).await.unwrap();
    assert_eq!(removed, Changed { subscriptions: vec![], removed: of("first") });
    assert_eq!(holder().await, None);
    // A new one has another id.
    store.change(&Actor::Operator, set(&place, "third", None)).await.unwrap();
    assert_eq!(holder().await.unwrap().id, subscription_id("third"));
    assert_eq!(change(PlaceChange::Clear).await.unwrap().removed, of("third"));
}

/// Of the receivers beside the main one there are only so many.
async fn extras(store: &dyn Store, other: &Number) {
    let place =
        |name: &str| Place { role: Role::Extra { name: name.to_owned() }, ..main_of(other) };
    let add = |name: &str, id: &str| {
        let receiver = configured(name, None);
        let change = PlaceChange::Add { receiver, minted: minted(id), max: 2 };
        RecordChange::ChangePlace(place(name), change, at(1))
    };
    let names = async || -> Vec<String> {
        let receivers = reaching(store, other).await;
        let name = |one: Subscription| match one.role {
            Role::Extra { name } => name,
            other => panic!("{other:?}"),
        };
        receivers.into_iter().map(name).collect()
    };
    store.change(&Actor::Operator, add("one", "x1")).await.unwrap();
    let taken = store
        .change(&Actor::Operator, RecordChange::All(vec![add("two", "x2"), add("one", "x3")]))
        .await;
    assert!(matches!(taken, Err(ChangeError::Taken { field: "name" })), "{taken:?}");
    let three = vec![add("two", "x2"), add("three", "x3")];
    let too_many = store.change(&Actor::Operator, RecordChange::All(three)).await;
    let is_too_many = matches!(too_many, Err(ChangeError::TooMany { max: 2, .. }));
    assert!(is_too_many, "{too_many:?}");
    assert_eq!(names().await, ["one"], "none of them");
    store.change(&Actor::Operator, add("two", "x2")).await.unwrap();
    let retain = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        RecordChange::RetainExtras(main_of(other), names, at(1))
    };
    let changed = store
        .change(&Actor::Operator, RecordChange::All(vec![retain(&["two"]), add("four", "x4")]))
        .await;
    assert_eq!(changed.unwrap().removed, [subscription_id("x1")]);
    assert_eq!(names().await, ["two", "four"]);
    store.change(&Actor::Operator, retain(&[])).await.unwrap();
    assert_eq!(names().await, Vec::<String>::new());
}

/// What the operator has paused stays paused, whoever is put in its place, until it is resumed.
async fn pausing(store: &dyn Store, other: &Number) {
    let place = main_of(other);
    let clear = || RecordChange::ChangePlace(place.clone(), PlaceChange::Clear, at(3));
    let set_activity = async |name: &str, activity| {
        let change =
            SubscriptionChange { activity: Some(activity), ..SubscriptionChange::default() };
        let (id, event) = (subscription_id(name), SubscriptionEvent::Changed);
        let change = RecordChange::ChangeSubscription(id, change, event, at(2));
        store.change(&Actor::Operator, change).await.unwrap();
    };
    store.change(&Actor::Operator, set(&place, "held1", None)).await.unwrap();
    set_activity("held1", Activity::Paused { since: at(2) }).await;
    for name in ["held2", "held3"] {
        store.change(&Actor::Operator, clear()).await.unwrap();
        store.change(&Actor::Operator, set(&place, name, None)).await.unwrap();
        let held = store.holder(&place).await.unwrap().unwrap();
        assert_eq!(held.id, subscription_id(name));
        assert_eq!(held.activity, Activity::Paused { since: at(2) });
        let log = store.log(&LogFilter::Subscription(held.id), FIRST).await.unwrap().items;
        let events: Vec<_> = log.into_iter().map(|(_, one)| one.what).collect();
        let of = |event| LoggedEvent::Subscription(subscription_id(name), event);
        assert_eq!(events[..2], [of(SubscriptionEvent::Added), of(SubscriptionEvent::Paused)]);
    }
    // Another place is not paused.
    let elsewhere = Place { dialect: Dialect::SINCH, ..place.clone() };
    store.change(&Actor::Operator, set(&elsewhere, "held4", None)).await.unwrap();
    assert_eq!(store.holder(&elsewhere).await.unwrap().unwrap().activity, Activity::On);
    // Nor is this one after it was resumed, or after its receiver was switched off.
    set_activity("held3", Activity::On).await;
    for name in ["held5", "held6"] {
        store.change(&Actor::Operator, clear()).await.unwrap();
        store.change(&Actor::Operator, set(&place, name, None)).await.unwrap();
        assert_eq!(store.holder(&place).await.unwrap().unwrap().activity, Activity::On);
        let reason = "it is gone".to_owned();
        set_activity(name, Activity::Off { since: at(2), reason }).await;
    }
}

/// Two calls at the same moment: each is decided upon what the other has left.
pub(super) async fn crowd(store: Arc<dyn Store>) {
    store.change(&Actor::Operator, RecordChange::AddAccount(account("acc_q"))).await.unwrap();
    let ours = number("2101", "acc_q", "15550002101", 99);
    store.change(&Actor::Operator, RecordChange::AddNumber(ours.clone())).await.unwrap();
    let place = main_of(&ours);
    store.change(&Actor::Operator, set(&place, "all", Some(Topic::ALL.to_vec()))).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for topic in [Topic::Status, Topic::Settings] {
        let change = PlaceChange::EndFields(vec![topic.as_str().to_owned()]);
        let change = RecordChange::ChangePlace(place.clone(), change, at(1));
        let store = Arc::clone(&store);
        calls.spawn(async move { store.change(&Actor::Operator, change).await.map(drop) });
    }
    for index in 0..9 {
        let name = format!("extra{index}");
        let (receiver, minted) = (configured(&name, None), minted(&name));
        let place = Place { role: Role::Extra { name }, ..place.clone() };
        let change = PlaceChange::Add { receiver, minted, max: 3 };
        let change = RecordChange::ChangePlace(place, change, at(1));
        let store = Arc::clone(&store);
        calls.spawn(async move { store.change(&Actor::Operator, change).await.map(drop) });
    }
    let outcomes = calls.join_all().await;
    let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!(refused, 6, "{outcomes:?}");
    assert_eq!(reaching(&*store, &ours).await.len(), 1 + 3);
    let left = store.holder(&place).await.unwrap().unwrap().topics.unwrap();
    assert!(!left.contains(&Topic::Status) && !left.contains(&Topic::Settings), "{left:?}");
    assert_eq!(left.len(), Topic::ALL.len() - 2);
}
