//! What is owed to whom: news and subscriptions in, deliveries out. No I/O, no clock, no chance.

use wire::Dialect;
use wire::news::{News, Payload, Topic};
use wire::spec::Format;

use crate::directory::{Number, Reach, Role, Subscription, SubscriptionId};

/// Bodies, and who gets which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Frozen bytes: one for each format in which anybody is told.
    pub payloads: Vec<Payload>,
    /// One for each receiver.
    pub deliveries: Vec<Planned>,
}

/// A delivery that is owed from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// To whom.
    pub subscription: SubscriptionId,
    /// Which of the payloads.
    pub payload: usize,
    /// The delivery that has to go through first, by its place in the plan.
    pub follows: Option<usize>,
}

/// News in one format, and its place in the plan once somebody gets it.
struct Rendered {
    format: &'static Format,
    payload: Option<Payload>,
    topic: Option<Topic>,
    place: Option<usize>,
}

/// Plans the deliveries of news to the number's receivers.
#[must_use]
pub fn plan(number: &Number, news: &News<'_>, receivers: &[Subscription]) -> Plan {
    let mut plan = Plan::default();
    let mut rendered: Vec<Rendered> = Vec::new();
    // Where in the plan each of the chosen is, if there is anything to tell.
    let mut places: Vec<Option<usize>> = Vec::new();
    for Chosen { receiver, behind } in chosen(number, receivers) {
        let format = receiver.dialect.webhooks.format;
        let known = rendered.iter().position(|known| known.format == format);
        let index = known.unwrap_or_else(|| {
            let payload = (format.render)(news);
            let topic = payload.as_ref().map(|payload| payload.topic);
            rendered.push(Rendered { format, payload, topic, place: None });
            rendered.len() - 1
        });
        let rendered = &mut rendered[index];
        let leader = behind.map(|leader| places[leader]);
        let wanted = rendered.topic.is_some_and(|topic| receiver.wants(topic));
        // Who follows somebody that is told nothing is told nothing.
        if !wanted || leader == Some(None) {
            places.push(None);
            continue;
        }
        if let Some(payload) = rendered.payload.take() {
            rendered.place = Some(plan.payloads.len());
            plan.payloads.push(payload);
        }
        places.push(Some(plan.deliveries.len()));
        plan.deliveries.extend(rendered.place.map(|payload| Planned {
            subscription: receiver.id.clone(),
            payload,
            follows: leader.flatten(),
        }));
    }
    plan
}

/// A receiver that is told, and the one that has to be told before, by its place among the chosen.
struct Chosen<'a> {
    receiver: &'a Subscription,
    behind: Option<usize>,
}

/// Who of those that reach the number is told. Everybody whom the operator has added; and in each
/// vendor's configuration the one main receiver that comes first, with its followers.
fn chosen<'a>(number: &Number, receivers: &'a [Subscription]) -> Vec<Chosen<'a>> {
    let reaching: Vec<_> = receivers.iter().filter(|receiver| receiver.reaches(number)).collect();
    let added = reaching.iter().filter(|receiver| receiver.role == Role::Added);
    let mut chosen: Vec<_> = added.map(|receiver| Chosen { receiver, behind: None }).collect();
    for dialect in Dialect::ALL {
        let of_dialect = || reaching.iter().filter(|receiver| receiver.dialect == dialect);
        let mains = of_dialect().filter_map(|receiver| Some((rank(number, receiver)?, receiver)));
        let Some((_, receiver)) = mains.min_by_key(|(rank, _)| *rank) else { continue };
        let leader = chosen.len();
        chosen.push(Chosen { receiver, behind: None });
        if number.extra_receivers {
            let extras = of_dialect().filter(|other| matches!(other.role, Role::Extra { .. }));
            chosen.extend(extras.map(|receiver| Chosen { receiver, behind: Some(leader) }));
        }
    }
    chosen
}

/// The order among main receivers: a WABA's that was put over all, a number's, a WABA's, the app's.
/// Published by 360dialog without the last, and by Meta without the first.
fn rank(number: &Number, receiver: &Subscription) -> Option<u8> {
    match (&receiver.role, &receiver.reach) {
        (Role::Main { over_all: true }, _) => Some(0),
        (Role::Main { .. }, Reach::Number(_)) => Some(1),
        (Role::Main { .. }, Reach::Waba(_)) => Some(2),
        // An app is told of the WABAs that it is subscribed to.
        (Role::Main { .. }, Reach::Account) => number.app_subscribed.then_some(3),
        (Role::Added | Role::Extra { .. }, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::ids::{AccountId, PhoneNumberId, RequestId};
    use domain::values::{BusinessNumber, Timestamp};
    use domain::{Event, Limits};
    use url::Url;
    use wire::Answers;
    use wire::news::What;

    use super::*;
    use crate::directory::{Activity, Eligibility, Registration, Secret, Secrets, Target};
    use crate::webhook::sample;

    const AT: Timestamp = Timestamp::from_millis(1_755_548_877_000);

    fn number(extra_receivers: bool) -> Number {
        Number {
            id: PhoneNumberId::parse("1").unwrap(),
            account: AccountId::parse("acc").unwrap(),
            display_number: BusinessNumber::parse("15550783881").unwrap(),
            waba_id: "waba".to_owned(),
            bot_id: "bot".to_owned(),
            limits: Limits::default(),
            eligibility: Eligibility::Eligible,
            answers: Answers::Published,
            registration: Registration::default(),
            unsubscribed_overrides: false,
            app_subscribed: false,
            extra_receivers,
            created_at: AT,
        }
    }

    fn receiver(name: &str, dialect: Dialect, reach: Reach, role: Role) -> Subscription {
        Subscription {
            id: SubscriptionId::parse(&format!("sub_{name}")).unwrap(),
            account: AccountId::parse("acc").unwrap(),
            reach,
            dialect,
            role,
            target: Target {
                url: Url::parse("https://example.com").unwrap(),
                headers: Vec::new(),
                timeout: Duration::from_secs(1),
            },
            topics: None,
            fields: Vec::new(),
            secrets: Secrets { current: Secret::new("secret".to_owned()), old: None },
            vendor_signature: false,
            verify_token: None,
            created_at: AT,
            lease_until: None,
            failing_since: None,
            activity: Activity::On,
        }
    }

    /// Who is told of an event of the number, and behind whom.
    fn told(number: &Number, receivers: &[Subscription], name: &str) -> Vec<String> {
        let group = sample::group(number, AT).unwrap();
        let event = match name {
            "rejected" => Event::JoinRequestsRejected { rejected: Vec::new() },
            "suspended" => Event::Suspended,
            _ => Event::InviteDeleted,
        };
        let request_id = RequestId::parse("R").unwrap();
        let news = News {
            number: number.sender(),
            group: group.state(),
            at: AT,
            request_id: &request_id,
            what: What::Happened(&event),
        };
        let plan = plan(number, &news, receivers);
        assert!(plan.deliveries.iter().all(|one| one.payload < plan.payloads.len()));
        let name = |planned: &Planned| planned.subscription.as_str()[4..].to_owned();
        plan.deliveries
            .iter()
            .map(|one| match one.follows {
                None => name(one),
                Some(leader) => format!("{} behind {}", name(one), name(&plan.deliveries[leader])),
            })
            .collect()
    }

    #[test]
    fn in_a_vendors_configuration_one_comes_first() {
        let (ours, waba) = (Reach::Number(number(false).id), Reach::Waba("waba".to_owned()));
        let main = |over_all| Role::Main { over_all };
        let d360 = Dialect::D360;
        let of_number = receiver("number", d360, ours.clone(), main(false));
        let of_waba = receiver("waba", d360, waba.clone(), main(false));
        let over_all = receiver("over", d360, waba, main(true));
        let extra = receiver("extra", d360, ours, Role::Extra { name: "extra".to_owned() });
        let added = receiver("added", d360, Reach::Account, Role::Added);
        let told = |on, receivers: &[&Subscription]| {
            let receivers: Vec<_> = receivers.iter().map(|one| (*one).clone()).collect();
            told(&number(on), &receivers, "suspended")
        };
        assert_eq!(told(true, &[&of_waba, &of_number]), ["number"]);
        assert_eq!(told(true, &[&of_waba]), ["waba"]);
        assert_eq!(told(true, &[&of_number, &over_all]), ["over"]);
        assert_eq!(told(true, &[&of_number, &extra]), ["number", "extra behind number"]);
        assert_eq!(told(false, &[&of_number, &extra]), ["number"]);
        assert_eq!(told(true, &[&extra]), Vec::<String>::new());
        assert_eq!(
            told(true, &[&extra, &of_number, &added]),
            ["added", "number", "extra behind number"]
        );
        // Another vendor's configuration is another matter.
        let meta = receiver("meta", Dialect::META, Reach::Number(number(false).id), main(false));
        assert_eq!(told(true, &[&of_number, &meta]), ["meta", "number"]);
    }

    #[test]
    fn in_metas_configuration_a_number_comes_first_and_the_app_last() {
        let subscribed = Number { app_subscribed: true, ..number(false) };
        let of = |name, reach| receiver(name, Dialect::META, reach, Role::Main { over_all: false });
        let app = of("app", Reach::Account);
        let waba = of("waba", Reach::Waba("waba".to_owned()));
        let own = of("number", Reach::Number(subscribed.id.clone()));
        let all = [app, waba, own];
        assert_eq!(told(&subscribed, &all, "suspended"), ["number"]);
        assert_eq!(told(&subscribed, &all[..2], "suspended"), ["waba"]);
        assert_eq!(told(&subscribed, &all[..1], "suspended"), ["app"]);
        // An app that is not subscribed to the WABA is told nothing of it.
        let none: [&str; 0] = [];
        assert_eq!(told(&number(false), &all[..1], "suspended"), none);
    }

    #[test]
    fn only_who_is_reached_and_wants_to_be_told_is() {
        let elsewhere = Reach::Number(PhoneNumberId::parse("2").unwrap());
        let other = receiver("other", Dialect::META, elsewhere, Role::Added);
        let foreign = Subscription {
            account: AccountId::parse("other").unwrap(),
            ..receiver("foreign", Dialect::META, Reach::Account, Role::Added)
        };
        let choosy = Subscription {
            topics: Some(vec![Topic::Settings]),
            ..receiver("choosy", Dialect::SINCH, Reach::Account, Role::Added)
        };
        let all = receiver("all", Dialect::SINCH, Reach::Account, Role::Added);
        let graph = receiver("graph", Dialect::D360, Reach::Account, Role::Added);
        let receivers = [other, foreign, choosy, all, graph];
        // Meta tells nothing of links, Sinch nothing of suspensions.
        assert_eq!(told(&number(false), &receivers, "link"), ["choosy", "all"]);
        assert_eq!(told(&number(false), &receivers, "suspended"), ["graph"]);
        assert_eq!(told(&number(false), &receivers, "rejected"), Vec::<String>::new());
    }

    #[test]
    fn one_body_serves_all_who_share_its_format() {
        let receivers = Dialect::ALL
            .map(|dialect| receiver(dialect.as_str(), dialect, Reach::Account, Role::Added));
        let number = number(false);
        let group = sample::group(&number, AT).unwrap();
        let request_id = RequestId::parse("R").unwrap();
        let news = News {
            number: number.sender(),
            group: group.state(),
            at: AT,
            request_id: &request_id,
            what: What::Happened(&Event::Deleted),
        };
        let plan = plan(&number, &news, &receivers);
        assert_eq!(plan.payloads.len(), 2);
        let payloads: Vec<_> = plan.deliveries.iter().map(|planned| planned.payload).collect();
        assert_eq!(payloads, [0, 0, 1]);
    }
}
