//! Bodies of `/v1/subscriptions`, and how their fields are read.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::ids::{AccountId, PhoneNumberId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::news::Topic;
use wire::problem::{Problem, parse};

use crate::api::klatch::rfc3339;
use crate::app::subscriptions;
use crate::directory::STANDARD_PREFIX;
use crate::directory::{Activity, Reach, Role, Secret, Subscription};
use crate::webhook::target;

/// Shortest and longest secret that can be brought along, in characters. Ours.
const SECRET_CHARS: RangeInclusive<usize> = 16..=256;
/// How long a lease may last, in seconds. Ours.
const LEASE_SECS: RangeInclusive<u64> = 10..=3_600;

/// Asks for a subscription.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api::klatch) struct NewSubscription {
    /// The number whose events are told. This, `waba_id` with `account_id`, or `account_id`.
    pub(super) phone_number_id: Option<String>,
    /// The WhatsApp Business Account whose numbers' events are told.
    pub(super) waba_id: Option<String>,
    /// The account whose numbers' events are told.
    pub(super) account_id: Option<String>,
    /// Where to send; https, at most 200 characters. Required.
    #[schema(example = "https://example.com/hook", max_length = 200, value_type = String)]
    pub(super) url: Option<String>,
    /// In whose words: `meta`, `d360` or `sinch`. Required.
    #[schema(example = "meta", value_type = String)]
    pub(super) dialect: Option<String>,
    /// Of what; everything if left out.
    #[schema(example = json!(["group_participants_update"]))]
    pub(super) fields: Option<Vec<String>>,
    /// Headers that are sent along with every delivery.
    pub(super) headers: Option<BTreeMap<String, String>>,
    /// What signs; minted, and shown this once, if left out.
    pub(super) secret: Option<String>,
    /// What Meta's handshake says. Required where the dialect is `meta`.
    pub(super) verify_token: Option<String>,
    /// How long an answer may take, 1 to 30 seconds; 5 for `d360`, else 10, if left out.
    #[schema(minimum = 1, maximum = 30)]
    pub(super) timeout_secs: Option<u64>,
    /// Whether the vendor's own signature header is sent, besides `webhook-signature`. If left out:
    /// for `meta` it is, for the others if a secret is brought along.
    pub(super) vendor_signature: Option<bool>,
    /// Removes the subscription after so many seconds, 10 to 3600, unless its lease is renewed: for
    /// receivers that last as long as a process. If left out, it lasts until it is removed.
    #[schema(minimum = 10, maximum = 3600)]
    pub(super) lease_secs: Option<u64>,
}

/// Changes a subscription. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api::klatch) struct ChangedSubscription {
    pub(super) url: Option<String>,
    pub(super) fields: Option<Vec<String>>,
    pub(super) headers: Option<BTreeMap<String, String>>,
    pub(super) verify_token: Option<String>,
    #[schema(minimum = 1, maximum = 30)]
    pub(super) timeout_secs: Option<u64>,
    pub(super) vendor_signature: Option<bool>,
}

/// Asks for a new secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api::klatch) struct NewSecret {
    /// The new secret; minted if left out.
    pub(super) secret: Option<String>,
    /// For how many hours the old one signs as well, 0 to 168; 24 if left out.
    #[schema(minimum = 0, maximum = 168)]
    pub(super) overlap_hours: Option<u64>,
}

/// Asks for more time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api::klatch) struct Renewal {
    /// After how many seconds from now the lease ends, 10 to 3600; 60 if left out.
    #[schema(minimum = 10, maximum = 3600)]
    pub(super) lease_secs: Option<u64>,
}

/// Asks for a test delivery.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api::klatch) struct Trial {
    /// What to make up; `group_create` if left out.
    #[schema(example = "group_participants_remove_partly_failed")]
    pub(super) event: Option<String>,
}

/// A subscription, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::klatch) struct SubscriptionInfo {
    pub(super) id: String,
    pub(super) account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_number_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waba_id: Option<String>,
    pub(super) dialect: &'static str,
    pub(super) url: String,
    pub(super) fields: Vec<&'static str>,
    /// The names of the headers that are sent along; their values are not shown.
    pub(super) headers: Vec<String>,
    timeout_secs: u64,
    vendor_signature: bool,
    /// `added` through this API; `main` or `extra` through a vendor's configuration call.
    pub(super) role: &'static str,
    /// Of an extra receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// `on`; `paused` by the operator; `off` since the receiver has failed for too long.
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_since: Option<String>,
    /// Why it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// Since when nothing has gone through; missing while deliveries do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failing_since: Option<String>,
    /// When the subscription is removed unless its lease is renewed; missing if it has no lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lease_until: Option<String>,
    /// Until when the old secret signs as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old_secret_until: Option<String>,
    pub(super) created_at: String,
}

/// A subscription with a new secret.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::klatch) struct WithSecret {
    #[serde(flatten)]
    info: SubscriptionInfo,
    /// Shown this once; missing if the caller brought it along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

impl From<subscriptions::WithSecret> for WithSecret {
    fn from(created: subscriptions::WithSecret) -> Self {
        Self { info: created.subscription.into(), secret: created.minted }
    }
}

/// A subscription that is no more.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::klatch) struct RemovedSubscription {
    pub(super) id: String,
    /// `removed`.
    pub(super) status: &'static str,
}

/// A test delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::klatch) struct TrialInfo {
    /// To be looked at under `/klatch/v1/deliveries/{delivery_id}`.
    pub(super) delivery_id: String,
    pub(super) event: String,
}

impl From<Subscription> for SubscriptionInfo {
    fn from(subscription: Subscription) -> Self {
        let Subscription { id, account, reach, dialect, role, target, topics, .. } = subscription;
        let (phone_number_id, waba_id) = match reach {
            Reach::Number(number) => (Some(number.to_string()), None),
            Reach::Waba(waba_id) => (None, Some(waba_id)),
            Reach::Account => (None, None),
        };
        let (role, name) = match role {
            Role::Added => ("added", None),
            Role::Main { .. } => ("main", None),
            Role::Extra { name } => ("extra", Some(name)),
        };
        let (status, status_since, reason) = match subscription.activity {
            Activity::On => ("on", None, None),
            Activity::Paused { since } => ("paused", Some(since), None),
            Activity::Off { since, reason } => ("off", Some(since), Some(reason)),
        };
        let topics = topics.unwrap_or_else(|| Topic::ALL.to_vec());
        Self {
            id: id.to_string(),
            account_id: account.to_string(),
            phone_number_id,
            waba_id,
            dialect: dialect.as_str(),
            url: target.url.into(),
            fields: topics.into_iter().map(Topic::as_str).collect(),
            headers: target.headers.iter().map(|(name, _)| name.clone()).collect(),
            timeout_secs: target.timeout.as_secs(),
            vendor_signature: subscription.vendor_signature,
            role,
            name,
            status,
            status_since: status_since.map(rfc3339),
            reason,
            failing_since: subscription.failing_since.map(rfc3339),
            lease_until: subscription.lease_until.map(rfc3339),
            old_secret_until: subscription.secrets.old.map(|(_, until)| rfc3339(until)),
            created_at: rfc3339(subscription.created_at),
        }
    }
}

/// Whose events are meant, and the account that is named.
pub(super) fn reach(
    number: Option<String>,
    waba_id: Option<String>,
    account: Option<String>,
) -> Result<(Reach, Option<AccountId>), Problem> {
    let account =
        account.map(|account| parse("account_id", &account, AccountId::parse)).transpose()?;
    let reach = match (number, waba_id, &account) {
        (Some(number), None, _) => {
            Reach::Number(parse("phone_number_id", &number, PhoneNumberId::parse)?)
        }
        (None, Some(waba_id), Some(_)) => Reach::Waba(waba_id),
        (None, None, Some(_)) => Reach::Account,
        (Some(_), Some(_), _) => {
            return Err(Problem::field("waba_id", "cannot be combined with phone_number_id"));
        }
        (None, Some(_), None) => {
            return Err(Problem::field("account_id", "must be given beside waba_id"));
        }
        (None, None, None) => {
            return Err(Problem::field("phone_number_id", "or account_id must be given"));
        }
    };
    Ok((reach, account))
}

pub(super) fn topics(fields: Vec<String>) -> Result<Vec<Topic>, Problem> {
    if fields.is_empty() {
        return Err(Problem::field("fields", "must not be empty"));
    }
    let mut topics = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let topic = Topic::parse(field).ok_or_else(|| {
            let all = Topic::ALL.map(Topic::as_str).join(", ");
            Problem::field(format!("fields[{index}]"), format!("must be one of {all}"))
        })?;
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    Ok(topics)
}

pub(super) fn timeout(secs: Option<u64>) -> Result<Option<Duration>, Problem> {
    within("timeout_secs", secs, target::TIMEOUT_SECS)
}

/// A number of seconds within a range.
fn within(
    field: &'static str,
    secs: Option<u64>,
    range: RangeInclusive<u64>,
) -> Result<Option<Duration>, Problem> {
    match secs {
        Some(secs) if !range.contains(&secs) => {
            let detail =
                format!("must be a whole number from {} to {}", range.start(), range.end());
            Err(Problem::field(field, detail))
        }
        secs => Ok(secs.map(Duration::from_secs)),
    }
}

pub(super) fn lease(secs: Option<u64>) -> Result<Option<Duration>, Problem> {
    within("lease_secs", secs, LEASE_SECS)
}

pub(super) fn token(text: String) -> Result<Secret, Problem> {
    target::verify_token("verify_token", text)
}

pub(super) fn secret(text: String) -> Result<Secret, Problem> {
    let text = target::visible("secret", text, SECRET_CHARS)?;
    if text.strip_prefix(STANDARD_PREFIX).is_some_and(|rest| BASE64.decode(rest).is_err()) {
        let detail = format!("begins with {STANDARD_PREFIX} and must go on in base64");
        return Err(Problem::field("secret", detail));
    }
    Ok(Secret::new(text))
}
