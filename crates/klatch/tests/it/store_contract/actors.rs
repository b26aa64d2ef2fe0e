//! Who brought an event about is kept with the event, for groups and for subscriptions.

use domain::values::WaId;
use domain::{Command, Limits};
use klatch::directory::{
    Activity, Actor, Reach, RecordChange, SubscriptionChange, SubscriptionEvent,
};
use klatch::mint::Mint;
use klatch::store::outbox::{By, LogFilter, Notices};
use klatch::store::{Scope, Store};

use super::outbox::{subscription, subscription_id};
use super::{FIRST, account, at, change, create, id, number, planned};

pub(super) async fn story(store: &dyn Store, mint: &Mint) {
    let ours = number("1301", "acc_v", "15550000301", 9);
    let of_account = RecordChange::AddAccount(account("acc_v"));
    store.change(&Actor::Operator, of_account).await.unwrap();
    store.change(&Actor::Operator, RecordChange::AddNumber(ours.clone())).await.unwrap();

    let actors = [
        Some(Actor::Key { id: "key_1".to_owned() }),
        Some(Actor::App { account: ours.account.clone() }),
        Some(Actor::Operator),
        Some(Actor::Person(WaId::parse("16505550131").unwrap())),
        Some(Actor::WhatsApp),
        Some(Actor::Timer),
        // As in a log from before actors were kept.
        None,
    ];
    let made = create(mint, &ours, 31, "Of actors");
    let group = id(&made);
    for (index, actor) in actors.iter().enumerate() {
        let mut commit = if index == 0 {
            made.clone()
        } else {
            let stored = store.group(&Scope::Everything, &group).await.unwrap().unwrap();
            let command = Command::ResetInvite { code: mint.invite_code() };
            assert!(stored.group.decide(&command, Limits::default()).is_ok());
            change(mint, &stored, &command)
        };
        commit.recorded.actor.clone_from(actor);
        planned(store, commit).await.unwrap();
    }
    let history = store.history(&group, 1, 99).await.unwrap();
    assert_eq!(history.into_iter().map(|one| one.actor).collect::<Vec<_>>(), actors);
    let log = store.log(&LogFilter::Group(group), FIRST).await.unwrap().items;
    assert_eq!(log.into_iter().map(|(_, one)| one.actor).collect::<Vec<_>>(), actors);
    let wanted = Notices { by: By::Anyone, from: at(0), to: at(9), skip: 0, limit: 99 };
    let notices = store.notices(&ours.id, &wanted).await.unwrap();
    assert_eq!(notices.into_iter().map(|one| one.recorded.actor).collect::<Vec<_>>(), actors);

    let added = subscription("actors", "acc_v", Reach::Account);
    let name = subscription_id("actors");
    let paused = Activity::Paused { since: at(2) };
    let paused = SubscriptionChange { activity: Some(paused), ..SubscriptionChange::default() };
    let event = SubscriptionEvent::Paused;
    let changes = [
        (Actor::Key { id: "key_1".to_owned() }, RecordChange::AddSubscription(added)),
        (Actor::Operator, RecordChange::ChangeSubscription(name.clone(), paused, event, at(2))),
        (Actor::Timer, RecordChange::RemoveSubscription(name.clone(), at(3))),
    ];
    for (actor, change) in changes.clone() {
        store.change(&actor, change).await.unwrap();
    }
    let log = store.log(&LogFilter::Subscription(name), FIRST).await.unwrap().items;
    let logged: Vec<_> = log.into_iter().map(|(_, one)| one.actor).collect();
    assert_eq!(logged, changes.map(|(actor, _)| Some(actor)));
}
