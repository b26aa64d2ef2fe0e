//! One story, told in each dialect as far as it has the words, ends in the same group and in the
//! same events.

use axum::http::Method;
use domain::ids::{GroupId, PhoneNumberId};
use klatch::sandbox;
use klatch::store::{Scope, Stored};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const ANN: &str = "16505550101";
const BOB: &str = "16505550102";

/// What a business can do in every dialect.
#[derive(Clone, Copy)]
enum Deed<'a> {
    Rename(&'a str),
    Link,
    NewLink,
    Remove(&'a [&'a str]),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Meta,
    D360,
    Sinch,
}

impl Tongue {
    const ALL: [Self; 3] = [Self::Meta, Self::D360, Self::Sinch];

    async fn call(self, app: &TestApp, method: Method, path: &str, body: Option<Value>) -> Answer {
        let answer = match self {
            Self::Meta => app.meta(method, path, body).await,
            Self::D360 => app.d360(method, path, body).await,
            Self::Sinch => app.sinch(method, path, body).await,
        };
        assert!(answer.status.is_success(), "{self:?} {path}: {answer:?}");
        answer
    }

    /// Makes a group; gives the name that this dialect has for it.
    async fn create(self, app: &TestApp, subject: &str) -> String {
        let body = json!({ "messaging_product": "whatsapp", "subject": subject });
        let created = self.call(app, Method::POST, &self.groups(), Some(body)).await;
        match self {
            Self::Meta => name_in(app, self).await,
            Self::D360 => created.text("id"),
            Self::Sinch => created.text("group_id"),
        }
    }

    /// The path of the groups.
    fn groups(self) -> String {
        match self {
            Self::Meta => format!("/{}/groups", sandbox::PHONE_NUMBER_ID),
            Self::D360 | Self::Sinch => "/groups".to_owned(),
        }
    }

    async fn act(self, app: &TestApp, group: &str, deed: Deed<'_>) -> Option<String> {
        let at = match self {
            Self::Meta => format!("/{group}"),
            Self::D360 | Self::Sinch => format!("/groups/{group}"),
        };
        let product = |mut body: Value| {
            body["messaging_product"] = json!("whatsapp");
            Some(body)
        };
        let graph = self != Self::Sinch;
        let (method, path, body) = match deed {
            Deed::Rename(subject) => {
                let method = if graph { Method::POST } else { Method::PATCH };
                (method, at, product(json!({ "subject": subject })))
            }
            Deed::Link if graph => (Method::GET, format!("{at}/invite_link"), None),
            Deed::Link => (Method::GET, format!("{at}/invite"), None),
            Deed::NewLink if graph => {
                (Method::POST, format!("{at}/invite_link"), product(json!({})))
            }
            // What the other two have one word for takes this one two.
            Deed::NewLink => {
                self.call(app, Method::DELETE, &format!("{at}/invite"), None).await;
                (Method::GET, format!("{at}/invite"), None)
            }
            Deed::Remove(people) if graph => {
                let people: Vec<_> = people.iter().map(|user| json!({ "user": user })).collect();
                let body = product(json!({ "participants": people }));
                (Method::DELETE, format!("{at}/participants"), body)
            }
            Deed::Remove(numbers) => {
                (Method::DELETE, format!("{at}/member"), Some(json!({ "numbers": numbers })))
            }
            Deed::End => (Method::DELETE, at, None),
        };
        let answer = self.call(app, method, &path, body).await;
        match deed {
            Deed::Link | Deed::NewLink => Some(answer.text("invite_link")),
            Deed::Rename(_) | Deed::Remove(_) | Deed::End => None,
        }
    }
}

/// The only group that there has ever been, and what is in it that does not depend on chance.
async fn outcome(app: &TestApp) -> (Value, Vec<Value>) {
    let log = app.admin(Method::GET, "/events?limit=100", None).await.ok();
    let log = log["data"].as_array().unwrap();
    let group = GroupId::parse(log[0]["group_id"].as_str().unwrap()).unwrap();
    let id = PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap();
    let number = app.app.directory.number(&id).await.unwrap().unwrap();
    let stored = app.store.group(&Scope::Number(number.id.clone()), &group).await.unwrap().unwrap();
    (shape(&stored), log.iter().map(told).collect())
}

fn shape(stored: &Stored) -> Value {
    let state = stored.group.state();
    let people: Vec<_> = state.participants.iter().map(|one| one.person.spelled()).collect();
    let removed: Vec<_> = state.removed.iter().map(domain::Person::spelled).collect();
    json!({
        "subject": state.subject.as_str(),
        "mode": state.mode.as_str(),
        "participants": people,
        "removed": removed,
        "has_link": state.invite.is_some(),
        "exists": state.exists(),
    })
}

fn told(event: &Value) -> Value {
    let people = event["people"].as_array().cloned().unwrap_or_default();
    let people: Vec<_> = people.iter().map(|person| person["wa_id"].clone()).collect();
    let failed = event["failed"].as_array().cloned().unwrap_or_default();
    json!({
        "kind": event["kind"],
        "subject": event["subject"],
        "people": people,
        "failed": failed.len(),
    })
}

/// A story without the last step.
async fn tell(tongues: [Tongue; 3]) -> (TestApp, String) {
    let [first, second, third] = tongues;
    let app = TestApp::new().await;
    let group = first.create(&app, "One story").await;
    let named = |tongue: Tongue| name_in(&app, tongue);
    let link = second.act(&app, &named(second).await, Deed::Link).await.unwrap();
    app.tap(ANN, &link).await.ok();
    app.tap(BOB, &link).await.ok();
    third.act(&app, &named(third).await, Deed::Rename("Another name")).await;
    first.act(&app, &group, Deed::Remove(&[ANN, "16505559999"])).await;
    assert_eq!(app.tap(ANN, &link).await.status, 403);
    let path = format!("/people/{BOB}/leave");
    let group_id = named(Tongue::Meta).await;
    app.admin(Method::POST, &path, Some(json!({ "group_id": group_id }))).await.ok();
    (app, group)
}

/// The name that a dialect has for the newest group.
async fn name_in(app: &TestApp, tongue: Tongue) -> String {
    let list = tongue.call(app, Method::GET, &tongue.groups(), None).await.ok();
    let name = match tongue {
        Tongue::Meta | Tongue::D360 => &list["data"]["groups"][0]["id"],
        Tongue::Sinch => &list["groups"][0],
    };
    name.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_story_in_each_dialect_ends_alike() {
    let mut told = Vec::new();
    for tongue in Tongue::ALL {
        let (app, group) = tell([tongue; 3]).await;
        let link = tongue.act(&app, &group, Deed::NewLink).await.unwrap();
        app.tap(BOB, &link).await.ok();
        told.push(outcome(&app).await);
    }
    let [meta, d360, sinch] = &told[..] else { panic!("three") };
    assert_eq!(meta, d360);
    assert_eq!(meta.0, sinch.0);
    // Where the others replace a link, this one deletes it and asks for one.
    let without_links = |events: &[Value]| -> Vec<Value> {
        let links = ["invite_reset", "invite_deleted"];
        let told = |event: &&Value| links.iter().all(|link| event["kind"] != *link);
        events.iter().filter(told).cloned().collect()
    };
    assert_eq!(without_links(&meta.1), without_links(&sinch.1));
    let kinds: Vec<_> = meta.1.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "created",
            "participant_joined",
            "participant_joined",
            "settings_changed",
            "participants_removed",
            "participant_left",
            "invite_reset",
            "participant_joined"
        ]
    );
    assert_eq!(meta.0["participants"], json!([BOB]));
    assert_eq!(meta.0["removed"], json!([ANN]));
}

/// A group is the same whoever looks at it, and whoever does the next thing to it.
#[tokio::test]
async fn a_story_told_by_all_of_them_in_turns_is_the_same_story() {
    use Tongue::{D360, Meta, Sinch};
    let (alone, _) = tell([D360, D360, D360]).await;
    let expected = outcome(&alone).await;
    for turns in
        [[Meta, D360, Sinch], [D360, Sinch, Meta], [Sinch, Meta, D360], [Sinch, D360, Meta]]
    {
        let (app, _) = tell(turns).await;
        assert_eq!(outcome(&app).await, expected, "{turns:?}");
    }
}

/// The end of a group has two names: the events differ, and to everybody it is gone.
#[tokio::test]
async fn whoever_ends_a_group_it_has_ended_for_all() {
    for tongue in Tongue::ALL {
        let (app, group) = tell([tongue; 3]).await;
        let names = [
            name_in(&app, Tongue::Meta).await,
            name_in(&app, Tongue::D360).await,
            name_in(&app, Tongue::Sinch).await,
        ];
        tongue.act(&app, &group, Deed::End).await;
        let (shape, events) = outcome(&app).await;
        assert_eq!((&shape["exists"], &shape["participants"]), (&json!(false), &json!([])));
        let last = if tongue == Tongue::Sinch { "business_left" } else { "deleted" };
        assert_eq!(events.last().unwrap()["kind"], last);
        assert_eq!(app.meta(Method::GET, &format!("/{}", names[0]), None).await.status, 400);
        let path = format!("/groups/{}", names[1]);
        assert_eq!(app.d360(Method::GET, &path, None).await.status, 404);
        let path = format!("/groups/{}", names[2]);
        assert_eq!(app.sinch(Method::GET, &path, None).await.status, 406);
        let id = GroupId::parse(&names[0]).unwrap();
        assert!(app.app.group(&Scope::Everything, &id).await.is_err());
    }
}
