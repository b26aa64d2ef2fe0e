//! Where new names come from: ids that look like the vendors', invite codes, secrets.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::Person;
use domain::ids::{GroupId, GroupSerial, JoinRequestId, RequestId};
use domain::values::{BusinessNumber, InviteCode};
use rand::rngs::StdRng;
use rand::{Rng, RngExt as _, SeedableRng as _};

use crate::directory::{PersonKey, Secret, SubscriptionId, VendorApp};
use crate::webhook::sign::STANDARD_PREFIX;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Letters and digits in the secret of a key: 190 bits.
const SECRET_CHARS: usize = 32;

/// Makes new names. Randomness comes from the system, or from a seed where a test wants the same
/// names each time.
pub struct Mint(Source);

enum Source {
    System,
    Seeded(Box<Mutex<StdRng>>),
}

impl Mint {
    /// Names that nobody can guess.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The same names for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the source that everybody asks")]
    fn draw<T>(&self, f: impl FnOnce(&mut dyn Rng) -> T) -> T {
        match &self.0 {
            Source::System => f(&mut rand::rng()),
            Source::Seeded(rng) => {
                f(&mut *rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
            }
        }
    }

    fn base62(&self, chars: usize) -> String {
        self.draw(|rng| {
            (0..chars).map(|_| char::from(BASE62[rng.random_range(0..BASE62.len())])).collect()
        })
    }

    fn digits(&self, from: u64, to: u64) -> u64 {
        self.draw(|rng| rng.random_range(from..to))
    }

    /// A number of the shape that WhatsApp gives its groups: `120363` and twelve more digits.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "every number of the range has 18 digits")]
    #[expect(clippy::expect_used, reason = "every number of the range has 18 digits")]
    pub fn group_serial(&self) -> GroupSerial {
        let serial = self.digits(120_363_000_000_000_000, 120_364_000_000_000_000);
        GroupSerial::new(serial).expect("18 digits")
    }

    /// A code for an invite link.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "letters and digits are what a code is made of")]
    #[expect(clippy::expect_used, reason = "letters and digits are what a code is made of")]
    pub fn invite_code(&self) -> InviteCode {
        InviteCode::parse(&self.base62(InviteCode::CHARS)).expect("letters and digits")
    }

    /// An id for a call that changes something: 32 hex digits, upper case as in Meta's samples.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "hex digits are an id")]
    #[expect(clippy::expect_used, reason = "hex digits are an id")]
    pub fn request_id(&self) -> RequestId {
        let bits: u128 = self.draw(|rng| rng.random());
        RequestId::parse(&format!("{bits:032X}")).expect("hex digits")
    }

    /// A random part for ids that count up, and the name of a lease: any number that is not
    /// negative.
    #[must_use]
    pub fn nonce(&self) -> i64 {
        self.draw(|rng| rng.random_range(0..i64::MAX))
    }

    /// Any number from 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.draw(|rng| rng.random_range(0.0..1.0))
    }

    /// A secret for signatures, as Standard Webhooks has them: 24 bytes in base64.
    #[must_use]
    pub fn signing_secret(&self) -> String {
        let bytes: [u8; 24] = self.draw(|rng| rng.random());
        format!("{STANDARD_PREFIX}{}", BASE64.encode(bytes))
    }

    /// A short id for log lines.
    #[must_use]
    pub fn log_id(&self) -> u64 {
        self.draw(|rng| rng.random())
    }

    /// An id for a record of ours, such as `acc_4fQ…`.
    #[must_use]
    pub fn record_id(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.base62(16))
    }

    /// An id for a subscription.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "letters and digits are an id")]
    #[expect(clippy::expect_used, reason = "letters and digits are an id")]
    pub fn subscription_id(&self) -> SubscriptionId {
        SubscriptionId::parse(&self.record_id("sub")).expect("letters and digits")
    }

    /// What a receiver of Meta's webhooks has to repeat: digits, since receivers read it as an
    /// integer, and often as one of 32 bits with a sign.
    #[must_use]
    pub fn challenge(&self) -> String {
        self.digits(1_000_000_000, 1 << 31).to_string()
    }

    /// Fifteen digits, like the ids that Meta gives to numbers and business accounts.
    #[must_use]
    pub fn numeric_id(&self) -> String {
        self.digits(100_000_000_000_000, 1_000_000_000_000_000).to_string()
    }

    /// A tenant's app: an id, and 32 hex digits as its secret, as Meta has them.
    #[must_use]
    pub fn vendor_app(&self) -> VendorApp {
        let bits: u128 = self.draw(|rng| rng.random());
        VendorApp { id: self.numeric_id(), secret: Secret::new(format!("{bits:032x}")) }
    }

    /// The key by which a new account's ids of people are made.
    #[must_use]
    pub fn person_key(&self) -> PersonKey {
        PersonKey::new(self.draw(|rng| rng.random()))
    }

    /// The secret of a new key: letters and digits, as 360dialog's keys are.
    #[must_use]
    pub fn secret(&self) -> String {
        self.base62(SECRET_CHARS)
    }
}

/// The id of a group: base64 of `capi_group:<number>:<serial>`, escaped as Graph escapes its
/// cursors. Decoded from Meta's sample ids; nobody ever needs to decode ours.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "escaped base64 is an id")]
#[expect(clippy::expect_used, reason = "escaped base64 is an id")]
pub fn group_id(business: &BusinessNumber, serial: GroupSerial) -> GroupId {
    let plain = BASE64.encode(format!("capi_group:{business}:{}", serial.get()));
    GroupId::parse(&plain.replace('Z', "ZA").replace('=', "ZD")).expect("letters and digits")
}

/// How the id of every group begins: base64 of `capi_group:` and of the first bits of a digit.
const GROUP_ID_BEGINNING: &str = "Y2FwaV9ncm91cDo";

/// Whether an id looks like a group's. Meta's all do, and so do ours.
#[must_use]
pub fn may_be_group_id(id: &GroupId) -> bool {
    id.as_str().starts_with(GROUP_ID_BEGINNING)
}

/// The id of a join request: base64 of `<person>:<serial>`. The same person gets the same id when
/// they ask the same group again.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "base64 is an id")]
#[expect(clippy::expect_used, reason = "base64 is an id")]
pub fn join_request_id(person: &Person, serial: GroupSerial) -> JoinRequestId {
    let id = BASE64.encode(format!("{}:{}", person.spelled(), serial.get()));
    JoinRequestId::parse(&id).expect("base64")
}

#[cfg(test)]
mod tests {
    use domain::values::WaId;

    use super::*;
    use crate::app::person_ids::PersonIds;
    use crate::directory::Profile;

    #[test]
    fn ids_look_like_the_published_samples() {
        let serial = GroupSerial::new(120_363_404_694_233_820).unwrap();
        assert_eq!(
            group_id(&BusinessNumber::parse("17055550139").unwrap(), serial).as_str(),
            "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD"
        );
        for number in ["10000", "999999999999999"] {
            let number = BusinessNumber::parse(number).unwrap();
            assert!(may_be_group_id(&group_id(&number, serial)), "{number}");
        }
        assert!(!may_be_group_id(&GroupId::parse("me").unwrap()));
        let asker = Profile::plain(WaId::parse("16467043595").unwrap());
        let asker = PersonIds::new(PersonKey::new([0; 32])).person(&asker);
        assert_eq!(
            join_request_id(&asker, serial).as_str(),
            "MTY0NjcwNDM1OTU6MTIwMzYzNDA0Njk0MjMzODIw"
        );
    }

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Mint::seeded(1).secret(), Mint::seeded(1).secret());
        assert_ne!(Mint::system().secret(), Mint::system().secret());
        assert_eq!(Mint::system().request_id().as_str().len(), 32);
        assert_eq!(Mint::system().invite_code().as_str().len(), 22);
    }
}
