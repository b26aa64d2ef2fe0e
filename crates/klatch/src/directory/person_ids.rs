//! The ids by which an account knows people.

use domain::Person;
use domain::ids::UserId;
use domain::values::WaId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{PersonKey, Profile};

/// Introduces people to one account: the same phone number always gets the same ids there, and
/// other ones in another account.
#[derive(Debug, Clone)]
pub struct PersonIds(PersonKey);

impl PersonIds {
    /// Those of the account that has this key.
    #[must_use]
    pub const fn new(key: PersonKey) -> Self {
        Self(key)
    }

    /// A person as the account sees them.
    #[must_use]
    pub fn person(&self, profile: &Profile) -> Person {
        let Profile { wa_id, username, hides_phone, enrolled, terms_accepted } = profile;
        Person {
            user_id: self.user_id("", wa_id),
            phone: Some(wa_id.clone()),
            hides_phone: *hides_phone,
            parent_user_id: enrolled.then(|| self.user_id("ENT.", wa_id)),
            username: username.clone(),
            terms_accepted: *terms_accepted,
        }
    }

    /// Twenty digits, as in Meta's samples; for a whole portfolio `ENT.` stands before them. Taken
    /// from the HMAC-SHA256 of the phone number under the account's key.
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of any length; a country and digits are a user id"
    )]
    fn user_id(&self, kind: &str, wa_id: &WaId) -> UserId {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.reveal()).expect("32 bytes are a key");
        let tag = mac.chain_update(kind).chain_update(wa_id.as_str()).finalize().into_bytes();
        let mut bits = [0; 8];
        bits.copy_from_slice(&tag[..8]);
        let bits = u64::from_be_bytes(bits);
        let digits = 10_000_000_000_000_000_000 + bits % 8_000_000_000_000_000_000;
        UserId::parse(&format!("{}.{kind}{digits}", country(wa_id))).expect("country, dot, digits")
    }
}

/// The country that a calling code belongs to; `ZZ`, which no country has, where the list ends.
/// Only makes user ids look right.
fn country(wa_id: &WaId) -> &'static str {
    const COUNTRIES: [(&str, &str); 40] = [
        ("1", "US"),
        ("20", "EG"),
        ("212", "MA"),
        ("234", "NG"),
        ("254", "KE"),
        ("27", "ZA"),
        ("30", "GR"),
        ("31", "NL"),
        ("32", "BE"),
        ("33", "FR"),
        ("34", "ES"),
        ("351", "PT"),
        ("353", "IE"),
        ("358", "FI"),
        ("36", "HU"),
        ("380", "UA"),
        ("39", "IT"),
        ("40", "RO"),
        ("41", "CH"),
        ("420", "CZ"),
        ("43", "AT"),
        ("44", "GB"),
        ("45", "DK"),
        ("46", "SE"),
        ("47", "NO"),
        ("48", "PL"),
        ("49", "DE"),
        ("52", "MX"),
        ("54", "AR"),
        ("55", "BR"),
        ("56", "CL"),
        ("57", "CO"),
        ("60", "MY"),
        ("61", "AU"),
        ("62", "ID"),
        ("65", "SG"),
        ("81", "JP"),
        ("90", "TR"),
        ("91", "IN"),
        ("971", "AE"),
    ];
    COUNTRIES
        .iter()
        .find(|(code, _)| wa_id.as_str().starts_with(code))
        .map_or("ZZ", |(_, country)| country)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(key: u8) -> PersonIds {
        PersonIds::new(PersonKey::new([key; 32]))
    }

    #[test]
    fn a_person_is_the_same_in_one_account_and_another_in_another() {
        let plain = |digits| Profile::plain(WaId::parse(digits).unwrap());
        let ann = Profile { enrolled: true, ..plain("4915112345678") };
        assert_eq!(ids(1).person(&ann), ids(1).person(&ann));
        assert_ne!(ids(1).person(&ann).user_id, ids(2).person(&ann).user_id);
        assert!(ids(1).person(&ann).user_id.as_str().starts_with("DE."));
        assert!(ids(1).person(&plain("99999999")).user_id.as_str().starts_with("ZZ."));
        let parent = ids(1).person(&ann).parent_user_id.unwrap();
        assert!(parent.as_str().starts_with("DE.ENT."), "{parent}");
        assert_ne!(Some(parent), ids(2).person(&ann).parent_user_id);
        let spelled = |digits| ids(1).person(&plain(digits)).user_id;
        assert_eq!(spelled("5531996883193"), spelled("553196883193"));
        assert_eq!(format!("{:?}", ids(1)), "PersonIds(PersonKey(…))", "no log may have the key");
    }

    /// The key counts whole: what is known about the account does not help to find a number.
    #[test]
    fn every_bit_of_the_key_counts() {
        let ann = Profile::plain(WaId::parse("16505551234").unwrap());
        let base = ids(0).person(&ann).user_id;
        for bit in 0..256 {
            let mut key = [0; 32];
            key[bit / 8] = 1 << (bit % 8);
            let other = PersonIds::new(PersonKey::new(key)).person(&ann).user_id;
            assert_ne!(other, base, "bit {bit}");
        }
    }
}
