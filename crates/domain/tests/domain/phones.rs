//! One person, however the phone number is spelled.

use domain::refusal::List;
use domain::values::{BusinessNumber, JoinApprovalMode, WaId};
use domain::{Command, CreateGroup, Event, Group, Person, PersonRef, Refusal};
use proptest::prelude::*;

use crate::common::{
    LINK, at, batch, code, config, creation, entry, group_after, limits, person, request_id,
};

fn wa_id(digits: &str) -> WaId {
    WaId::parse(digits).expect(digits)
}

#[test]
fn the_spelling_that_whatsapp_keeps() {
    for (other, kept) in [
        // São Paulo, Rio de Janeiro, Espírito Santo: with the ninth digit.
        ("551196883193", "5511996883193"),
        ("552164180266", "5521964180266"),
        ("552799990000", "5527999990000"),
        // Everywhere else: without it.
        ("5531996883193", "553196883193"),
        ("5592981723241", "559281723241"),
        ("5561978650001", "556178650001"),
        ("5555999990000", "555599990000"),
        // Mexico: with the 1.
        ("525512345678", "5215512345678"),
        ("526643334455", "5216643334455"),
        // Argentina: with the 9.
        ("541158749895", "5491158749895"),
        ("542214445566", "5492214445566"),
        ("543514445566", "5493514445566"),
    ] {
        for spelling in [other, kept] {
            for text in [spelling.to_owned(), format!("+{spelling}"), format!("00{spelling}")] {
                assert_eq!(wa_id(&text).as_str(), kept, "{text}");
            }
            assert_eq!(wa_id(spelling).spellings(), [kept, other], "{spelling}");
            let business = BusinessNumber::parse(&format!("+{spelling}")).unwrap();
            assert_eq!(business.as_str(), spelling, "a business keeps its spelling");
            assert!(business.is(&wa_id(other)) && business.is(&wa_id(kept)));
        }
    }
}

#[test]
fn numbers_with_one_spelling() {
    for digits in [
        // Brazil: landlines, mobile numbers that would be taken for one, areas that do not exist,
        // other lengths.
        "551132345678",
        "553132345678",
        "553152345678",
        "5531932345678",
        "5511912345678",
        "552396883193",
        "5520996883193",
        "5510996883193",
        "5531896883193",
        "55319968831",
        "55319968831931",
        "551",
        "55119",
        // Mexico: no area begins with 0 or 1; other lengths.
        "521234567890",
        "520234567890",
        "5210234567890",
        "52551234567",
        "52155123456789",
        // Argentina: areas begin with 11, 2 or 3; other lengths.
        "541258749895",
        "544158749895",
        "549958749895",
        "5494158749895",
        "54115874989",
        "549115874989567",
        // Countries whose codes and numbers look alike.
        "16505551234",
        "5025512345678",
        "5312345678",
        "5611987654321",
        "5491",
        "4915112345678",
        "351912345678",
    ] {
        let Ok(number) = WaId::parse(digits) else {
            assert!(digits.len() < 5, "{digits}");
            continue;
        };
        assert_eq!(number.as_str(), digits);
        assert_eq!(number.spellings(), [digits]);
    }
}

const SPELLINGS: [&str; 2] = ["+55 31 99688-3193", "553196883193"];

/// A person whom this account knows by another id for each spelling: so were ids made once.
fn spelled(digits: &str) -> Person {
    let name = format!("ana{}", digits.len());
    Person { phone: Some(wa_id(digits)), ..person(&name) }
}

fn by_phone(digits: &str) -> PersonRef {
    PersonRef::Phone(wa_id(digits))
}

fn join(group: &Group, digits: &str) -> Result<Option<Event>, Refusal> {
    let command =
        Command::Join { person: spelled(digits), code: code(LINK), request: request_id("r") };
    group.decide(&command, limits(8)).map(|decision| decision.event)
}

#[test]
fn one_person_has_one_standing() {
    for (first, second) in [(SPELLINGS[0], SPELLINGS[1]), (SPELLINGS[1], SPELLINGS[0])] {
        let joined = Event::ParticipantJoined { person: spelled(first) };
        let group = group_after(JoinApprovalMode::AutoApprove, std::slice::from_ref(&joined));
        assert_eq!(join(&group, second), Err(Refusal::AlreadyParticipant));
        assert!(group.state().participant(&by_phone(second)).is_some());

        let removed = vec![entry(first, spelled(first))];
        let removed = Event::ParticipantsRemoved { removed, failed: Vec::new() };
        let group = group_after(JoinApprovalMode::AutoApprove, &[joined.clone(), removed]);
        assert_eq!(join(&group, second), Err(Refusal::RemovedByBusiness));

        let asked = Event::JoinRequested { request: request_id("r"), person: spelled(first) };
        let group = group_after(JoinApprovalMode::ApprovalRequired, &[asked]);
        assert_eq!(join(&group, second), Ok(None), "asking twice is asking once");
        assert!(group.state().request_of(&by_phone(second)).is_some());

        // Somebody who came in twice before spellings were known is out at once.
        let again = Event::ParticipantJoined { person: spelled(second) };
        let left = Event::ParticipantLeft { person: spelled(second) };
        let group = group_after(JoinApprovalMode::AutoApprove, &[joined, again, left]);
        assert!(group.state().participants.is_empty());
    }
}

#[test]
fn two_spellings_in_one_list_are_a_duplicate() {
    let group = group_after(JoinApprovalMode::AutoApprove, &[]);
    let repeated = Err(Refusal::DuplicateEntry {
        list: List::People,
        input: SPELLINGS[1].to_owned(),
        first: 0,
        second: 1,
    });
    let added = SPELLINGS.map(|digits| entry(digits, spelled(digits))).to_vec();
    let added = Command::AddParticipants { people: batch(added) };
    let people = || batch(SPELLINGS.map(|digits| entry(digits, by_phone(digits))).to_vec());
    for command in [
        added,
        Command::RemoveParticipants { people: people() },
        Command::PromoteAdmins { people: people() },
        Command::DemoteAdmins { people: people() },
    ] {
        assert_eq!(group.decide(&command, limits(8)), repeated, "{command:?}");
    }
}

#[test]
fn a_business_is_known_by_every_spelling() {
    for (own, named) in [(SPELLINGS[0], SPELLINGS[1]), (SPELLINGS[1], SPELLINGS[0])] {
        let business = BusinessNumber::parse(own).unwrap();
        let creation = CreateGroup { business, ..creation(JoinApprovalMode::AutoApprove) };
        let (group, _) = Group::create(creation, at(0));
        assert_eq!(join(&group, named), Err(Refusal::BusinessNamed));
        let people = batch(vec![entry(named, by_phone(named))]);
        let demote = Command::DemoteAdmins { people };
        assert_eq!(group.decide(&demote, limits(8)), Err(Refusal::BusinessNamed));
    }
}

/// All calling codes of countries with one spelling begin with one of these.
const OTHERS: &str = "(1|2|3|4|6|7|8|9|50|51|53|56|57|58|59)[0-9]{4,12}";

proptest! {
    #![proptest_config(config())]

    #[test]
    fn all_spellings_of_a_number_are_one_person(
        digits in prop_oneof![
            "55[0-9]{2}9?[0-9]{8}", "521?[0-9]{10}", "549?[0-9]{10}", "5[245][0-9]{3,13}", OTHERS,
        ],
    ) {
        let number = wa_id(&digits);
        prop_assert_eq!(&wa_id(number.as_str()), &number, "reading it again changes nothing");
        let spellings = number.spellings();
        prop_assert!(spellings.contains(&digits));
        prop_assert_eq!(spellings[0].as_str(), number.as_str());
        for spelling in &spellings {
            prop_assert_eq!(&wa_id(spelling), &number);
            prop_assert!(BusinessNumber::parse(spelling).unwrap().is(&number));
        }
        // They differ in one digit, so that no two people become one.
        let lengths: Vec<_> = spellings.iter().map(String::len).collect();
        prop_assert!(lengths.len() == 1 || lengths[0].abs_diff(lengths[1]) == 1);
        prop_assert!(lengths.len() <= 2);
    }

    #[test]
    fn no_other_country_is_touched(digits in OTHERS) {
        let number = wa_id(&digits);
        prop_assert_eq!(number.as_str(), digits.as_str());
        prop_assert_eq!(number.spellings(), [digits]);
    }

    #[test]
    fn invisible_characters_do_not_count(
        digits in "[1-9][0-9]{6,13}",
        marks in prop::collection::vec(
            "[\u{200b}-\u{200f}\u{202a}-\u{202f}\u{2060}-\u{2069}\u{feff}\u{a0}\u{2007}]{0,2}",
            15,
        ),
    ) {
        let marked = digits.chars().zip(&marks).flat_map(|(c, mark)| [mark.clone(), c.to_string()]);
        let marked = format!("{}+{}", marks[14], marked.collect::<String>());
        prop_assert_eq!(WaId::parse(&marked), WaId::parse(&digits));
        prop_assert_eq!(BusinessNumber::parse(&marked), BusinessNumber::parse(&digits));
    }
}
