//! What is owed to whom: news and subscriptions in, deliveries out. No I/O, no clock, no chance.

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::{News, Topic};
use crate::dialect::{Dialect, Format};
use crate::directory::{Number, Reach, Role, Subscription, SubscriptionId};

/// Bodies, and who gets which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Frozen bytes: one for each format in which anybody is told.
    pub payloads: Vec<Payload>,
    /// One for each receiver.
    pub deliveries: Vec<Planned>,
}

/// What is sent, to however many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it is about.
    pub topic: Topic,
    /// The body: JSON in ASCII.
    pub body: Vec<u8>,
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
    format: Format,
    payload: Option<Payload>,
    topic: Option<Topic>,
    place: Option<usize>,
}

/// Plans the deliveries of news to the number's receivers.
#[must_use]
pub fn plan(news: &News<'_>, receivers: &[Subscription]) -> Plan {
    let mut plan = Plan::default();
    let mut rendered: Vec<Rendered> = Vec::new();
    // Where in the plan each of the chosen is, if there is anything to tell.
    let mut places: Vec<Option<usize>> = Vec::new();
    for Chosen { receiver, behind } in chosen(news.number, receivers) {
        let format = receiver.dialect.format();
        let known = rendered.iter().position(|known| known.format == format);
        let index = known.unwrap_or_else(|| {
            let payload = format.render(news).map(|(topic, body)| Payload { topic, body });
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
        let mains = of_dialect().filter_map(|receiver| Some((rank(receiver)?, receiver)));
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

/// The order among main receivers: a WABA's that was put over all, a number's, a WABA's. Published
/// by 360dialog; Meta's order is the same without the first.
fn rank(receiver: &Subscription) -> Option<u8> {
    match (&receiver.role, &receiver.reach) {
        (Role::Main { over_all: true }, _) => Some(0),
        (Role::Main { .. }, Reach::Number(_)) => Some(1),
        (Role::Main { .. }, Reach::Waba(_)) => Some(2),
        (Role::Main { .. }, Reach::Account) => Some(3),
        (Role::Added | Role::Extra { .. }, _) => None,
    }
}

/// JSON in nothing but ASCII: everything else as `\u` and four lower-case hex digits, as Meta writes
/// and signs it.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "structs of strings and numbers always serialize")]
#[expect(clippy::expect_used, reason = "structs of strings and numbers always serialize")]
pub fn ascii_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, Ascii(CompactFormatter)))
        .expect("a payload is made of strings and numbers");
    bytes
}

struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        let mut units = [0; 2];
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
            let (plain, behind) = rest.split_at(at);
            self.0.write_string_fragment(writer, plain)?;
            let mut characters = behind.chars();
            for unit in
                characters.next().into_iter().flat_map(|c| c.encode_utf16(&mut units).to_vec())
            {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        self.0.write_string_fragment(writer, rest)
    }
}
