//! The chapter of the outbox: what is owed, to whom it goes, and what becomes of it.

use std::time::Duration;

use domain::ids::{AccountId, PhoneNumberId};
use domain::values::Timestamp;
use domain::{Command, Event};
use klatch::directory::{
    Activity, Actor, Number, Reach, RecordChange, Role, Rotation, Secret, Secrets, Subscription,
    SubscriptionChange, SubscriptionEvent, SubscriptionId, Target,
};
use klatch::mint::Mint;
use klatch::page::{Page, Seek, Slice};
use klatch::store::outbox::{
    Amend, Amendment, Attempt, Delivery, DeliveryFilter, DeliveryId, DeliveryState, Exchange,
    Exchanged, Fate, Leased, LogFilter, Logged, LoggedEvent, Owed, Settlement, Sweep,
};
use klatch::store::{ChangeError, CommitError, Store, Stored};
use klatch::webhook::plan::{Plan, Planned};
use wire::Dialect;
use wire::news::Payload;
use wire::news::Topic;

use super::{FIRST, account, at, change, create, id, number, planned};

pub(super) fn subscription_id(name: &str) -> SubscriptionId {
    SubscriptionId::parse(&format!("sub_{name}")).unwrap()
}

pub(super) fn subscription(name: &str, account: &str, reach: Reach) -> Subscription {
    Subscription {
        id: subscription_id(name),
        account: AccountId::parse(account).unwrap(),
        reach,
        dialect: Dialect::D360,
        role: Role::Added,
        target: Target {
            url: format!("https://{name}.example/hook?ä=%20").parse().unwrap(),
            headers: vec![("x-team".parse().unwrap(), "ops, \"all\" of them".parse().unwrap())],
            timeout: Duration::from_millis(1_500),
        },
        topics: Some(vec![Topic::Status, Topic::Lifecycle]),
        fields: Vec::new(),
        secrets: Secrets { current: Secret::new("sixteen-letters!".to_owned()), old: None },
        vendor_signature: true,
        verify_token: Some(Secret::new("token".to_owned())),
        created_at: at(0),
        lease_until: None,
        failing_since: None,
        activity: Activity::On,
    }
}

/// One body for so many; each may follow another by its place.
fn owed(mint: &Mint, body: &str, to: &[(&str, Option<usize>)]) -> Owed {
    let planned = |(name, follows): &(&str, Option<usize>)| Planned {
        subscription: subscription_id(name),
        payload: 0,
        follows: *follows,
    };
    let payload = Payload { topic: Topic::Lifecycle, body: body.as_bytes().to_vec() };
    let plan = Plan { payloads: vec![payload], deliveries: to.iter().map(planned).collect() };
    Owed { plan, nonces: to.iter().map(|_| mint.delivery_nonce()).collect() }
}

/// A dispatcher of one subscription, with a lease of its own.
struct Dispatcher<'a> {
    store: &'a dyn Store,
    subscription: SubscriptionId,
    lease: i64,
}

impl<'a> Dispatcher<'a> {
    fn of(store: &'a dyn Store, name: &str, lease: i64) -> Self {
        Self { store, subscription: subscription_id(name), lease }
    }

    async fn exchange(
        &self,
        now: Timestamp,
        settlements: Vec<Settlement>,
        room: usize,
    ) -> Exchanged {
        let exchange = Exchange {
            subscription: self.subscription.clone(),
            now,
            settlements,
            room,
            lease: self.lease,
            lease_until: Timestamp::from_millis(now.as_millis() + 120_000),
        };
        self.store.exchange(exchange).await.unwrap()
    }

    async fn lease(&self, now: Timestamp, room: usize) -> Vec<Leased> {
        self.exchange(now, Vec::new(), room).await.leased
    }

    /// What is leased after this has become of that.
    async fn settle(&self, now: Timestamp, leased: &Leased, fate: Fate) -> Exchanged {
        self.exchange(now, vec![settled(leased, now, fate)], 16).await
    }
}

fn settled(leased: &Leased, now: Timestamp, fate: Fate) -> Settlement {
    let delivered = fate == Fate::Delivered;
    let attempt = Attempt {
        at: now,
        millis: 7,
        status: Some(if delivered { 200 } else { 500 }),
        problem: (!delivered).then(|| "it is down".to_owned()),
        head: "Größe".to_owned(),
    };
    let alive = Some(delivered);
    Settlement { id: leased.id, lease: leased.lease, attempt: Some(attempt), fate, alive }
}

fn bodies(leased: &[Leased]) -> Vec<&str> {
    leased.iter().map(|one| std::str::from_utf8(&one.body).unwrap()).collect()
}

async fn found(store: &dyn Store, id: DeliveryId) -> Delivery {
    store.delivery(id).await.unwrap().unwrap().delivery
}

async fn set_activity(store: &dyn Store, name: &str, activity: Activity) {
    let change = SubscriptionChange { activity: Some(activity), ..SubscriptionChange::default() };
    let event = SubscriptionEvent::Changed;
    let change = RecordChange::ChangeSubscription(subscription_id(name), change, event, at(5));
    store.change(&Actor::Operator, change).await.unwrap();
}

pub(super) async fn story(store: &dyn Store, mint: &Mint) {
    for id in ["acc_o", "acc_p"] {
        store.change(&Actor::Operator, RecordChange::AddAccount(account(id))).await.unwrap();
    }
    let ours = number("2001", "acc_o", "15550002001", 99);
    let other = number("2002", "acc_o", "15550002002", 99);
    let theirs = number("2003", "acc_p", "15550002003", 99);
    for number in [&ours, &other, &theirs] {
        store.change(&Actor::Operator, RecordChange::AddNumber(number.clone())).await.unwrap();
    }
    receivers(store, [&ours, &other, &theirs]).await;
    let group = owing(store, mint, &ours).await;
    leasing(store, mint, &group).await;
    retrying(store, mint).await;
    following(store, mint, &other).await;
    holding_back(store, mint).await;
    amending(store, mint, &theirs).await;
    listing(store).await;
    log(store, [&ours, &other, &theirs]).await;
    removing(store, mint, &ours).await;
    sweeping(store).await;
    leases(store).await;
}

/// A lease ends unless it is renewed.
async fn leases(store: &dyn Store) {
    let leased = Subscription {
        lease_until: Some(at(50)),
        ..subscription("leased", "acc_p", Reach::Account)
    };
    store.change(&Actor::Operator, RecordChange::AddSubscription(leased.clone())).await.unwrap();
    assert_eq!(store.subscription(&leased.id).await.unwrap().as_ref(), Some(&leased));
    let only = std::slice::from_ref(&leased.id);
    assert_eq!(store.lapsed(at(49)).await.unwrap(), []);
    assert_eq!(store.lapsed(at(50)).await.unwrap(), only);
    store
        .change(&Actor::Operator, RecordChange::RenewLease(leased.id.clone(), at(70)))
        .await
        .unwrap();
    assert_eq!(store.lapsed(at(69)).await.unwrap(), []);
    assert_eq!(store.lapsed(at(70)).await.unwrap(), only);
    // A renewal that came in between wins.
    let early = RecordChange::EndLease(leased.id.clone(), at(69));
    let early = store.change(&Actor::Operator, early).await.unwrap_err();
    assert!(matches!(early, ChangeError::Unknown { field: "subscription_id" }), "{early:?}");
    store
        .change(&Actor::Operator, RecordChange::EndLease(leased.id.clone(), at(71)))
        .await
        .unwrap();
    assert_eq!(store.lapsed(at(99)).await.unwrap(), []);
    let late = store
        .change(&Actor::Operator, RecordChange::RenewLease(leased.id, at(99)))
        .await
        .unwrap_err();
    assert!(matches!(late, ChangeError::Unknown { field: "subscription_id" }), "{late:?}");
}

/// Subscriptions: kept whole, and found by whom they reach.
async fn receivers(store: &dyn Store, [ours, other, theirs]: [&Number; 3]) {
    assert_eq!(reaching(store, ours).await, [], "asked before there are any");
    let all = [
        subscription("one", "acc_o", Reach::Number(ours.id.clone())),
        subscription("waba", "acc_o", Reach::Waba("waba".to_owned())),
        subscription("all", "acc_o", Reach::Account),
        Subscription { topics: None, ..subscription("theirs", "acc_p", Reach::Account) },
    ];
    for one in &all {
        store.change(&Actor::Operator, RecordChange::AddSubscription(one.clone())).await.unwrap();
        assert_eq!(store.subscription(&one.id).await.unwrap().as_ref(), Some(one));
    }
    assert_eq!(reaching(store, ours).await, all[..3], "the miss is forgotten");
    assert_eq!(reaching(store, other).await, all[1..3]);
    assert_eq!(reaching(store, theirs).await, all[3..]);
    for (wrong, field) in [
        (subscription("one", "acc_o", Reach::Account), "id"),
        (subscription("x", "acc_nobody", Reach::Account), "account_id"),
        (subscription("x", "acc_p", Reach::Number(ours.id.clone())), "phone_number_id"),
        (subscription("x", "acc_o", Reach::Waba("1".to_owned())), "waba_id"),
    ] {
        match store
            .change(&Actor::Operator, RecordChange::AddSubscription(wrong))
            .await
            .unwrap_err()
        {
            ChangeError::Taken { field: found } | ChangeError::Unknown { field: found } => {
                assert_eq!(found, field);
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(store.subscription(&subscription_id("x")).await.unwrap(), None);
    let rotated = Secrets {
        current: Secret::new("another-of-them!".to_owned()),
        old: Some((all[0].secrets.current.clone(), at(9))),
    };
    let rotation = Rotation { secret: rotated.current.clone(), overlap_until: Some(at(9)) };
    let change = SubscriptionChange { rotation: Some(rotation), ..SubscriptionChange::default() };
    let event = SubscriptionEvent::SecretRotated;
    let change = RecordChange::ChangeSubscription(all[0].id.clone(), change, event, at(2));
    store.change(&Actor::Operator, change).await.unwrap();
    assert_eq!(reaching(store, ours).await[0].secrets, rotated, "at once");
}

/// The subscriptions that reach a number.
pub(super) async fn reaching(store: &dyn Store, number: &Number) -> Vec<Subscription> {
    let receivers = store.receivers(&number.id).await.unwrap().unwrap();
    assert_eq!(receivers.number.id, number.id);
    receivers.subscriptions.clone()
}

/// With a commit, or not at all.
async fn owing(store: &dyn Store, mint: &Mint, ours: &Number) -> std::sync::Arc<Stored> {
    assert_eq!(store.due(at(0)).await.unwrap(), []);
    let mut made = create(mint, ours, 1, "Owed");
    made.owed = owed(mint, "created", &[("one", None), ("nobody", None), ("all", None)]);
    let nonces = made.owed.nonces.clone();
    planned(store, made.clone()).await.unwrap();
    assert_eq!(due(store, at(1)).await, ["all", "one"]);
    let mut late = create(mint, ours, 1, "The same second");
    late.owed = owed(mint, "never", &[("one", None)]);
    let late = planned(store, late).await.unwrap_err();
    assert!(matches!(late, CommitError::Conflict), "{late:?}");

    let list = store.deliveries(&DeliveryFilter::default(), FIRST).await.unwrap().items;
    let [(key, to_all), (_, to_one)] = &list[..] else { panic!("{list:?}") };
    assert_eq!((*key, to_all.id.nonce, to_one.id.nonce), (to_all.id.seq, nonces[2], nonces[0]));
    let expected = Delivery {
        id: to_one.id,
        subscription: subscription_id("one"),
        about: Some((id(&made), 1)),
        topic: Topic::Lifecycle,
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: None,
        created_at: at(1),
        settled_at: None,
        reason: None,
    };
    assert_eq!(to_one, &expected);
    let detail = store.delivery(to_one.id).await.unwrap().unwrap();
    assert_eq!(
        (detail.delivery, &detail.body[..], detail.attempts),
        (expected, &b"created"[..], vec![])
    );
    let guessed = DeliveryId { nonce: to_one.id.nonce ^ 1, ..to_one.id };
    assert_eq!(store.delivery(guessed).await.unwrap(), None, "the number alone is not the id");
    made.stored
}

/// The subscriptions that have something due, by name.
async fn due(store: &dyn Store, now: Timestamp) -> Vec<String> {
    let due = store.due(now).await.unwrap();
    let mut names: Vec<_> =
        due.iter().map(|id| id.as_str().trim_start_matches("sub_").to_owned()).collect();
    names.sort_unstable();
    names
}

/// One by one in a lane; and only under one's own lease.
async fn leasing(store: &dyn Store, mint: &Mint, group: &Stored) {
    let reset = |stored: &Stored, body: &str| {
        let mut next = change(mint, stored, &Command::ResetInvite { code: mint.invite_code() });
        next.owed = owed(mint, body, &[("one", None)]);
        next
    };
    let second = reset(group, "second");
    planned(store, second.clone()).await.unwrap();
    planned(store, reset(&second.stored, "third")).await.unwrap();

    let one = Dispatcher::of(store, "one", 1);
    assert!(one.lease(at(10), 0).await.is_empty(), "no room");
    let first = one.lease(at(10), 16).await;
    assert_eq!(bodies(&first), ["created"]);
    assert_eq!((first[0].failed, first[0].owed_since, first[0].lease), (0, at(1), 1));
    assert!(one.lease(at(10), 16).await.is_empty(), "it is leased");
    assert_eq!(due(store, at(10)).await, ["all"]);

    let stranger = Leased { lease: 2, ..first[0].clone() };
    let other = Dispatcher::of(store, "one", 2);
    let nothing = other.settle(at(11), &stranger, Fate::Delivered).await;
    assert!(nothing.leased.is_empty());
    let unchanged = store.delivery(first[0].id).await.unwrap().unwrap();
    assert_eq!((unchanged.delivery.state, unchanged.attempts.len()), (DeliveryState::Pending, 0));

    // Two minutes later it is anybody's, and then the first one's lease is worth nothing.
    let taken = other.lease(at(120_010), 16).await;
    assert_eq!((taken[0].id, taken[0].lease), (first[0].id, 2));
    let late = one.settle(at(120_011), &first[0], Fate::Delivered).await;
    assert!(late.leased.is_empty());
    assert_eq!(found(store, first[0].id).await.attempts, 0);

    // What fails lets the next one go.
    let retry = Fate::Retry { due_at: at(500_000) };
    let exchanged = other.settle(at(120_012), &taken[0], retry).await;
    assert_eq!(bodies(&exchanged.leased), ["second"]);
    assert_eq!(exchanged.subscription.unwrap().failing_since, Some(at(120_012)));
    let exchanged = other.settle(at(120_013), &exchanged.leased[0], Fate::Delivered).await;
    assert_eq!(bodies(&exchanged.leased), ["third"]);
    assert_eq!(exchanged.subscription.unwrap().failing_since, None, "it has taken something");
    let dead = Fate::Dead { reason: "the receiver answered 404".to_owned() };
    let exchanged = other.settle(at(120_014), &exchanged.leased[0], dead).await;
    assert!(exchanged.leased.is_empty());
    let of_one =
        DeliveryFilter { subscription: Some(subscription_id("one")), ..DeliveryFilter::default() };
    let list = store.deliveries(&of_one, FIRST).await.unwrap().items;
    let shown: Vec<_> = list
        .iter()
        .map(|(_, one)| (one.state, one.attempts, one.next_attempt_at, one.settled_at))
        .collect();
    assert_eq!(
        shown,
        [
            (DeliveryState::Dead, 1, None, Some(at(120_014))),
            (DeliveryState::Delivered, 1, None, Some(at(120_013))),
            (DeliveryState::Failing, 1, Some(at(500_000)), None),
        ]
    );
    assert_eq!(list[0].1.reason.as_deref(), Some("the receiver answered 404"));
    let detail = store.delivery(first[0].id).await.unwrap().unwrap();
    let expected = settled(&first[0], at(120_012), Fate::Retry { due_at: at(0) }).attempt;
    assert_eq!(detail.attempts, expected.into_iter().collect::<Vec<_>>());
}

/// Not before the time, and then the oldest first.
async fn retrying(store: &dyn Store, mint: &Mint) {
    let waba = Dispatcher::of(store, "waba", 3);
    for body in ["a", "b", "c"] {
        let owed = owed(mint, body, &[("waba", None)]);
        assert!(store.enqueue(owed, at(200_000)).await.unwrap().is_some());
    }
    let nobody = owed(mint, "x", &[("nobody", None)]);
    assert_eq!(store.enqueue(nobody, at(200_000)).await.unwrap(), None);
    let leased = waba.lease(at(200_000), 2).await;
    assert_eq!(bodies(&leased), ["a", "b"], "tests have no lane; there was room for two");
    let last = waba.lease(at(200_000), 2).await;
    let settlements = [(&leased[0], 230_000), (&leased[1], 210_000), (&last[0], 220_000)]
        .map(|(leased, due)| settled(leased, at(200_001), Fate::Retry { due_at: at(due) }));
    let exchanged = waba.exchange(at(200_001), settlements.to_vec(), 16).await;
    assert!(exchanged.leased.is_empty());
    assert_eq!(due(store, at(209_999)).await, ["all"]);
    assert_eq!(due(store, at(210_000)).await, ["all", "waba"]);
    assert!(waba.lease(at(209_999), 16).await.is_empty());
    let again = waba.lease(at(230_000), 16).await;
    assert_eq!(bodies(&again), ["b", "c", "a"]);
    assert!(again.iter().all(|one| one.failed == 1 && one.owed_since == at(200_000)));
    let settlements = again.iter().map(|one| settled(one, at(230_001), Fate::Delivered)).collect();
    waba.exchange(at(230_001), settlements, 16).await;
    assert_eq!(due(store, at(230_001)).await, ["all"]);
}

/// What follows another delivery waits until that one has arrived.
async fn following(store: &dyn Store, mint: &Mint, other: &Number) {
    let mut made = create(mint, other, 1, "Followed");
    made.recorded.at = at(250_000);
    // The second follows the first, the fourth somebody who is not there.
    made.owed = owed(
        mint,
        "led",
        &[("waba", None), ("all", Some(0)), ("nobody", None), ("theirs", Some(2))],
    );
    planned(store, made.clone()).await.unwrap();
    let about = DeliveryFilter { group: Some(id(&made)), ..DeliveryFilter::default() };
    assert_eq!(store.deliveries(&about, FIRST).await.unwrap().items.len(), 2);
    let (waba, all) = (Dispatcher::of(store, "waba", 4), Dispatcher::of(store, "all", 5));
    let before = all.lease(at(300_000), 16).await;
    assert_eq!(bodies(&before), ["created"], "only what does not follow");
    let delivered = all.settle(at(300_001), &before[0], Fate::Delivered).await;
    assert!(delivered.leased.is_empty() && delivered.released.is_empty());
    let leader = waba.lease(at(300_000), 16).await;
    let retry = Fate::Retry { due_at: at(300_010) };
    let failed = waba.settle(at(300_001), &leader[0], retry).await;
    assert!(failed.released.is_empty());
    assert!(all.lease(at(300_005), 16).await.is_empty());
    let leader = waba.lease(at(300_010), 16).await;
    let delivered = waba.settle(at(300_011), &leader[0], Fate::Delivered).await;
    assert_eq!(delivered.released, [subscription_id("all")]);
    assert_eq!(due(store, at(300_011)).await, ["all"]);
    let follower = all.lease(at(300_011), 16).await;
    assert_eq!(bodies(&follower), ["led"]);
    all.settle(at(300_012), &follower[0], Fate::Delivered).await;
    assert_eq!(due(store, at(300_012)).await, Vec::<String>::new());
}

/// Whoever is paused or off is not due, and gets no lease.
async fn holding_back(store: &dyn Store, mint: &Mint) {
    let waba = Dispatcher::of(store, "waba", 6);
    let owed = owed(mint, "held back", &[("waba", None)]);
    store.enqueue(owed, at(400_000)).await.unwrap();
    let off = Activity::Off { since: at(5), reason: "it is gone".to_owned() };
    for activity in [Activity::Paused { since: at(5) }, off] {
        set_activity(store, "waba", activity.clone()).await;
        assert_eq!(due(store, at(400_000)).await, Vec::<String>::new());
        let exchanged = waba.exchange(at(400_000), Vec::new(), 16).await;
        assert_eq!(exchanged.subscription.unwrap().activity, activity);
        assert!(exchanged.leased.is_empty());
    }
    set_activity(store, "waba", Activity::On).await;
    assert_eq!(due(store, at(400_000)).await, ["waba"]);
    let leased = waba.lease(at(400_000), 16).await;
    waba.settle(at(400_000), &leased[0], Fate::Delivered).await;
}

/// Many at once, some at a time.
async fn amending(store: &dyn Store, mint: &Mint, theirs: &Number) {
    let theirs_too = Dispatcher::of(store, "theirs", 7);
    let mut stored = create(mint, theirs, 1, "Amended");
    stored.recorded.at = at(500_000);
    stored.owed = owed(mint, "1", &[("theirs", None)]);
    planned(store, stored.clone()).await.unwrap();
    for body in ["2", "3", "4", "5"] {
        let command = Command::ResetInvite { code: mint.invite_code() };
        let mut next = change(mint, &stored.stored, &command);
        next.recorded.at = at(500_000);
        next.owed = owed(mint, body, &[("theirs", None)]);
        planned(store, next.clone()).await.unwrap();
        stored = next;
    }
    let mut seen = Vec::new();
    let mut leased = theirs_too.lease(at(600_000), 16).await;
    while let Some(one) = leased.pop() {
        seen.push(one.id);
        leased = theirs_too.settle(at(600_000), &one, Fate::Delivered).await.leased;
    }
    assert_eq!(seen.len(), 5);

    // The last one is owed once more and leased: it is left alone.
    let filter = |id| DeliveryFilter {
        id,
        group: Some(stored.stored.group.state().id.clone()),
        ..DeliveryFilter::default()
    };
    let replay = |id, after, limit| Amend {
        now: at(700_000),
        amendment: Amendment::Replay,
        filter: filter(id),
        after,
        limit,
    };
    let amended = store.amend(replay(Some(seen[4]), 0, 2)).await.unwrap();
    assert_eq!((amended.count, amended.next), (1, None));
    assert_eq!(amended.subscriptions, [subscription_id("theirs")]);
    let last = theirs_too.lease(at(700_000), 16).await;
    assert_eq!((last[0].id, last[0].failed, last[0].owed_since), (seen[4], 0, at(700_000)));
    let mut amended = store.amend(replay(None, 0, 2)).await.unwrap();
    assert_eq!((amended.count, amended.next), (2, Some(seen[1].seq)));
    amended = store.amend(replay(None, amended.next.unwrap(), 2)).await.unwrap();
    assert_eq!((amended.count, amended.next), (2, Some(seen[3].seq)));
    amended = store.amend(replay(None, amended.next.unwrap(), 2)).await.unwrap();
    assert_eq!((amended.count, amended.next), (0, None));
    assert!(theirs_too.lease(at(700_000), 16).await.is_empty(), "one of the lane is under way");

    // Once it is settled the others come, in order.
    let mut leased = theirs_too.settle(at(700_001), &last[0], Fate::Delivered).await.leased;
    assert_eq!(bodies(&leased), ["1"]);
    let pending = found(store, seen[1]).await;
    assert_eq!(
        (pending.state, pending.attempts, pending.settled_at),
        (DeliveryState::Pending, 1, None)
    );

    let reason = "the subscription was removed".to_owned();
    let give_up = Amend {
        amendment: Amendment::GiveUp { reason: reason.clone() },
        ..replay(Some(seen[1]), 0, 9)
    };
    assert_eq!(store.amend(give_up.clone()).await.unwrap().count, 1);
    assert_eq!(store.amend(give_up.clone()).await.unwrap().count, 0, "it is dead already");
    let dead = found(store, seen[1]).await;
    assert_eq!(
        (dead.state, dead.settled_at, dead.reason),
        (DeliveryState::Dead, Some(at(700_000)), Some(reason))
    );
    leased = theirs_too.settle(at(700_002), &leased[0], Fate::Delivered).await.leased;
    assert_eq!(bodies(&leased), ["3"], "the one in between was given up");
    // The head of the lane is given up while nobody has it.
    let retry = Fate::Retry { due_at: at(900_000) };
    leased = theirs_too.settle(at(700_003), &leased[0], retry).await.leased;
    let leased = theirs_too.settle(at(700_004), &leased[0], Fate::Delivered).await.leased;
    assert!(leased.is_empty());
    let failing = Amend { filter: filter(Some(seen[2])), ..give_up };
    assert_eq!(store.amend(failing).await.unwrap().count, 1);
}

/// Reads a list in pages of every length to its end and back again.
async fn assert_pages<T>(fetch: impl AsyncFn(Page) -> Slice<T>) -> Vec<T> {
    let keys = |slice: &Slice<T>| slice.items.iter().map(|(key, _)| *key).collect::<Vec<_>>();
    let whole = fetch(FIRST).await;
    let all = keys(&whole);
    assert!(all.len() > 2, "{} have hardly any pages", all.len());
    for limit in 1..=u16::try_from(all.len()).unwrap() + 1 {
        let mut forth = vec![fetch(Page { limit, seek: Seek::First }).await];
        while forth.last().unwrap().more_after {
            let seek = Seek::After(*keys(forth.last().unwrap()).last().unwrap());
            forth.push(fetch(Page { limit, seek }).await);
        }
        let forth: Vec<_> = forth.iter().map(keys).collect();
        assert_eq!(forth.concat(), all, "limit {limit}");
        let mut back = vec![forth.last().unwrap().clone()];
        loop {
            let slice = fetch(Page { limit, seek: Seek::Before(back[0][0]) }).await;
            if slice.items.is_empty() {
                break;
            }
            let more = slice.more_before;
            back.insert(0, keys(&slice));
            assert_eq!(more, back[0][0] != all[0], "limit {limit}");
        }
        assert_eq!(back, forth, "limit {limit}");
    }
    whole.items.into_iter().map(|(_, item)| item).collect()
}

/// Every filter, in pages.
async fn listing(store: &dyn Store) {
    let list = async |filter: DeliveryFilter| {
        assert_pages(async |page| store.deliveries(&filter, page).await.unwrap()).await
    };
    let none = DeliveryFilter::default;
    let all = list(none()).await;
    assert!(all.is_sorted_by(|one, next| one.id.seq > next.id.seq), "newest first");
    let of = |name| Some(subscription_id(name));
    let group = all.iter().find_map(|one| one.about.clone()).unwrap().0;
    let kept = async |filter: DeliveryFilter, keep: &dyn Fn(&Delivery) -> bool| {
        let expected: Vec<_> = all.iter().filter(|one| keep(one)).cloned().collect();
        assert_eq!(list(filter.clone()).await, expected, "{filter:?}");
    };
    let state = |state| DeliveryFilter { state: Some(state), ..none() };
    kept(state(DeliveryState::Delivered), &|one| one.state == DeliveryState::Delivered).await;
    kept(state(DeliveryState::Dead), &|one| one.state == DeliveryState::Dead).await;
    let theirs = DeliveryFilter { subscription: of("theirs"), ..none() };
    kept(theirs, &|one| one.subscription == subscription_id("theirs")).await;
    let about = DeliveryFilter { group: Some(group.clone()), ..none() };
    kept(about, &|one| one.about.as_ref().is_some_and(|(about, _)| *about == group)).await;
    let (from, to) = (at(200_000), at(400_000));
    let since = DeliveryFilter { from: Some(from), ..none() };
    kept(since.clone(), &|one| one.created_at >= from).await;
    kept(DeliveryFilter { to: Some(to), ..none() }, &|one| one.created_at < to).await;
    let between = DeliveryFilter { to: Some(to), ..since };
    kept(between, &|one| (from..to).contains(&one.created_at)).await;
    let both = DeliveryFilter { subscription: of("one"), ..state(DeliveryState::Failing) };
    let failing = store.deliveries(&both, FIRST).await.unwrap().items;
    assert_eq!(failing.len(), 1);
    assert_eq!(failing[0].1.next_attempt_at, Some(at(500_000)));
    let nothing = DeliveryFilter { subscription: of("nobody"), ..none() };
    assert!(store.deliveries(&nothing, FIRST).await.unwrap().items.is_empty());
}

/// Streams of what happened, in pages.
async fn log(store: &dyn Store, [ours, other, theirs]: [&Number; 3]) {
    let read = async |filter: LogFilter| -> Vec<Logged> {
        assert_pages(async |page| store.log(&filter, page).await.unwrap()).await
    };
    let everything = read(LogFilter::Everything).await;
    let of = |keep: &dyn Fn(&Logged) -> bool| -> Vec<Logged> {
        everything.iter().filter(|one| keep(one)).cloned().collect()
    };
    let account = |id: &str| AccountId::parse(id).unwrap();
    for id in ["acc_o", "acc_p", "acc_a"] {
        let stream = read(LogFilter::Account(account(id))).await;
        assert_eq!(stream, of(&|one| one.account == account(id)), "{id}");
    }
    for number in [ours, theirs] {
        let stream = read(LogFilter::Number(number.id.clone())).await;
        assert_eq!(stream, of(&|one| one.number.as_ref() == Some(&number.id)));
        assert!(stream.iter().all(|one| one.account == number.account));
    }
    // One that has a single event has no pages.
    let single = store.log(&LogFilter::Number(other.id.clone()), FIRST).await.unwrap().items;
    assert_eq!(single.len(), 1);
    let waba = subscription_id("waba");
    let stream = read(LogFilter::Subscription(waba.clone())).await;
    assert_eq!(stream.len(), 4);
    for (one, event) in stream.iter().zip([SubscriptionEvent::Added, SubscriptionEvent::Changed]) {
        assert_eq!(one.what, LoggedEvent::Subscription(waba.clone(), event));
        assert_eq!((one.account.as_str(), one.number.as_ref()), ("acc_o", None));
    }
    let group = everything.iter().rev().find_map(|one| match &one.what {
        LoggedEvent::Group(group, _) => Some(group.clone()),
        LoggedEvent::Subscription(..) => None,
    });
    let group = group.unwrap();
    let stream = read(LogFilter::Group(group.clone())).await;
    let history = store.history(&group, 1, 99).await.unwrap();
    let logged: Vec<_> =
        history.into_iter().map(|recorded| LoggedEvent::Group(group.clone(), recorded)).collect();
    assert_eq!(stream.into_iter().map(|one| one.what).collect::<Vec<_>>(), logged);
    assert!(
        matches!(&logged[0], LoggedEvent::Group(_, one) if matches!(one.event, Event::Created(_)))
    );
    for nobody in [
        LogFilter::Account(account("acc_nobody")),
        LogFilter::Number(PhoneNumberId::parse("9").unwrap()),
        LogFilter::Subscription(subscription_id("nobody")),
    ] {
        assert!(store.log(&nobody, FIRST).await.unwrap().items.is_empty());
    }
}

/// Whoever is removed is told nothing; what is on its way to them is settled all the same.
async fn removing(store: &dyn Store, mint: &Mint, ours: &Number) {
    let one = Dispatcher::of(store, "one", 8);
    let due_again = one.lease(at(500_000), 16).await;
    assert_eq!(bodies(&due_again), ["created"]);
    store
        .change(&Actor::Operator, RecordChange::RemoveSubscription(subscription_id("one"), at(6)))
        .await
        .unwrap();
    assert_eq!(store.subscription(&subscription_id("one")).await.unwrap(), None);
    assert_eq!(reaching(store, ours).await.len(), 2);
    let retry = Fate::Retry { due_at: at(600_000) };
    let exchanged = one.settle(at(500_001), &due_again[0], retry).await;
    assert!(exchanged.subscription.is_none() && exchanged.leased.is_empty());
    let dead = found(store, due_again[0].id).await;
    assert_eq!((dead.state, dead.attempts), (DeliveryState::Dead, 2));
    assert_eq!(dead.reason.as_deref(), Some("the subscription was removed"));
    let owed = owed(mint, "x", &[("one", None)]);
    assert_eq!(store.enqueue(owed, at(500_002)).await.unwrap(), None);
    let again = store
        .change(&Actor::Operator, RecordChange::RemoveSubscription(subscription_id("one"), at(7)));
    let again = again.await.unwrap_err();
    assert!(matches!(again, ChangeError::Unknown { field: "subscription_id" }), "{again:?}");
}

/// What is owed for too long is given up, what was settled long ago is forgotten.
async fn sweeping(store: &dyn Store) {
    let count = async || {
        let all = store.deliveries(&DeliveryFilter::default(), FIRST).await.unwrap().items;
        let settled = all.iter().filter(|(_, one)| one.settled_at.is_some()).count();
        (all.len(), settled)
    };
    let (all, settled) = count().await;
    assert_eq!(all, settled, "the story leaves nothing owed");
    let sweep = |owed_before, settled_before| Sweep {
        now: at(1_000_000),
        receipts_before: at(0),
        owed_before,
        settled_before,
    };
    assert_eq!(store.sweep(sweep(at(0), at(0))).await.unwrap(), 0);
    // Those of the first moment go, with their attempts and their bodies.
    let first = store.deliveries(&DeliveryFilter::default(), FIRST).await.unwrap().items;
    let first = first.last().unwrap().1.id;
    assert!(store.sweep(sweep(at(0), at(600_000))).await.unwrap() > 0);
    assert_eq!(store.delivery(first).await.unwrap(), None);
    while store.sweep(sweep(at(0), at(2_000_000))).await.unwrap() > 0 {}
    assert_eq!(count().await, (0, 0));
    // So do subscriptions that were removed, with everything that the log says of them.
    let removed = LogFilter::Subscription(subscription_id("one"));
    assert!(store.log(&removed, FIRST).await.unwrap().items.is_empty());
    let waba = LogFilter::Subscription(subscription_id("waba"));
    assert!(!store.log(&waba, FIRST).await.unwrap().items.is_empty(), "it is still there");
    store
        .change(
            &Actor::Operator,
            RecordChange::AddSubscription(subscription("one", "acc_o", Reach::Account)),
        )
        .await
        .expect("not even its id is taken any more");
}
