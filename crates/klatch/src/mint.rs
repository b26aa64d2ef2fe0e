//! What names look like: ids as the vendors have them, invite codes, secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::Person;
use domain::ids::{GroupId, GroupSerial, JoinRequestId, RequestId};
use domain::values::{BusinessNumber, InviteCode};
use rand::RngExt;

use crate::directory::{PersonKey, STANDARD_PREFIX, Secret, SubscriptionId, VendorApp};
use crate::runtime::{Runtime, Stream};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Letters and digits in the secret of a key: 190 bits.
const SECRET_CHARS: usize = 32;
/// Letters and digits in the id of a record of ours, behind its prefix.
const RECORD_ID_CHARS: usize = 16;

/// Makes new names out of a runtime's random numbers. Clones share them.
#[derive(Clone)]
pub struct Mint(Runtime);

impl Mint {
    /// Draws from the streams of this runtime.
    #[must_use]
    pub const fn new(runtime: Runtime) -> Self {
        Self(runtime)
    }

    fn base62(&self, stream: Stream, chars: usize) -> String {
        self.0.draw(stream, |rng| {
            (0..chars).map(|_| char::from(BASE62[rng.random_range(0..BASE62.len())])).collect()
        })
    }

    fn digits(&self, stream: Stream, from: u64, to: u64) -> u64 {
        self.0.draw(stream, |rng| rng.random_range(from..to))
    }

    /// A number of the shape that WhatsApp gives its groups: `120363` and twelve more digits.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "every number of the range has 18 digits")]
    #[expect(clippy::expect_used, reason = "every number of the range has 18 digits")]
    pub fn group_serial(&self) -> GroupSerial {
        let (from, to) = (120_363_000_000_000_000, 120_364_000_000_000_000);
        GroupSerial::new(self.digits(Stream::GroupSerial, from, to)).expect("18 digits")
    }

    /// A code for an invite link.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "letters and digits are what a code is made of")]
    #[expect(clippy::expect_used, reason = "letters and digits are what a code is made of")]
    pub fn invite_code(&self) -> InviteCode {
        let code = self.base62(Stream::InviteCode, InviteCode::CHARS);
        InviteCode::parse(&code).expect("letters and digits")
    }

    /// An id for a call that changes something: 32 hex digits, upper case as in Meta's samples.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "hex digits are an id")]
    #[expect(clippy::expect_used, reason = "hex digits are an id")]
    pub fn request_id(&self) -> RequestId {
        let bits: u128 = self.0.draw(Stream::RequestId, RngExt::random);
        RequestId::parse(&format!("{bits:032X}")).expect("hex digits")
    }

    /// The random part of a delivery's id: any number that is not negative.
    #[must_use]
    pub fn delivery_nonce(&self) -> i64 {
        self.0.draw(Stream::DeliveryId, |rng| rng.random_range(0..i64::MAX))
    }

    /// A secret for signatures, as Standard Webhooks has them: 24 bytes in base64.
    #[must_use]
    pub fn signing_secret(&self) -> String {
        let bytes: [u8; 24] = self.0.draw(Stream::SigningSecret, RngExt::random);
        format!("{STANDARD_PREFIX}{}", BASE64.encode(bytes))
    }

    /// A short id for log lines.
    #[must_use]
    pub fn log_id(&self) -> u64 {
        self.0.draw(Stream::LogId, RngExt::random)
    }

    /// An id for an account, such as `acc_4fQ…`.
    #[must_use]
    pub fn account_id(&self) -> String {
        format!("acc_{}", self.base62(Stream::AccountId, RECORD_ID_CHARS))
    }

    /// An id for a key, such as `key_4fQ…`.
    #[must_use]
    pub fn key_id(&self) -> String {
        format!("key_{}", self.base62(Stream::KeyId, RECORD_ID_CHARS))
    }

    /// An id for a subscription, such as `sub_4fQ…`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "letters and digits are an id")]
    #[expect(clippy::expect_used, reason = "letters and digits are an id")]
    pub fn subscription_id(&self) -> SubscriptionId {
        let id = format!("sub_{}", self.base62(Stream::SubscriptionId, RECORD_ID_CHARS));
        SubscriptionId::parse(&id).expect("letters and digits")
    }

    /// What a receiver of Meta's webhooks has to repeat: digits, since receivers read it as an
    /// integer, and often as one of 32 bits with a sign.
    #[must_use]
    pub fn challenge(&self) -> String {
        self.digits(Stream::Challenge, 1_000_000_000, 1 << 31).to_string()
    }

    /// An id for a number: fifteen digits, as Meta has them.
    #[must_use]
    pub fn phone_number_id(&self) -> String {
        self.numeric_id(Stream::PhoneNumberId)
    }

    /// An id for a WhatsApp Business Account: fifteen digits, as Meta has them.
    #[must_use]
    pub fn waba_id(&self) -> String {
        self.numeric_id(Stream::WabaId)
    }

    fn numeric_id(&self, stream: Stream) -> String {
        self.digits(stream, 100_000_000_000_000, 1_000_000_000_000_000).to_string()
    }

    /// A tenant's app: an id, and 32 hex digits as its secret, as Meta has them.
    #[must_use]
    pub fn vendor_app(&self) -> VendorApp {
        let bits: u128 = self.0.draw(Stream::AppSecret, RngExt::random);
        let secret = Secret::new(format!("{bits:032x}"));
        VendorApp { id: self.numeric_id(Stream::AppId), secret }
    }

    /// The key by which a new account's ids of people are made.
    #[must_use]
    pub fn person_key(&self) -> PersonKey {
        PersonKey::new(self.0.draw(Stream::PersonKey, RngExt::random))
    }

    /// The secret of a new key: letters and digits, as 360dialog's keys are.
    #[must_use]
    pub fn secret(&self) -> String {
        self.base62(Stream::Secret, SECRET_CHARS)
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
    use crate::directory::{PersonIds, Profile};

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
    fn names_are_as_long_as_the_vendors() {
        let mint = Mint::new(Runtime::system());
        assert_eq!(mint.request_id().as_str().len(), 32);
        assert_eq!(mint.invite_code().as_str().len(), 22);
    }
}
