//! `/{id}` where the id is a number's.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Error;
use super::webhook::{self, Configuration, NewOverride};
use crate::app::App;
use crate::dialect::graph::ask::Fields;
use crate::directory::{Eligibility, Number};
use crate::http::problem::Problem;

/// The fields that a caller may choose from.
const FIELDS: [&str; 5] = [
    "id",
    "display_phone_number",
    "verified_name",
    "is_official_business_account",
    "webhook_configuration",
];

/// Fields that Graph has besides, and that have no value here: whoever asks for them does without.
const WITHOUT_VALUE: [&str; 14] = [
    "account_mode",
    "certificate",
    "code_verification_status",
    "health_status",
    "host_platform",
    "is_pin_enabled",
    "messaging_limit_tier",
    "name_status",
    "new_name_status",
    "platform_type",
    "quality_rating",
    "quality_score",
    "status",
    "throughput",
];

/// What is known of a number, as far as it was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberInfo {
    id: String,
    /// In digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_phone_number: Option<String>,
    /// The name of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_name: Option<String>,
    /// Whether the number may work with groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_official_business_account: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_configuration: Option<Configuration>,
}

/// Tells about a number: what was chosen, or else what Graph tells without being asked.
pub(super) async fn info(
    app: &App,
    number: &Number,
    fields: Option<&str>,
) -> Result<NumberInfo, Error> {
    let fields = Fields::parse_besides(fields, &FIELDS, &WITHOUT_VALUE)?;
    let chosen = |name| fields.has(name);
    let usual = |name| fields.is_empty() || chosen(name);
    let verified_name = if usual("verified_name") {
        app.account(&number.account).await?.map(|account| account.name)
    } else {
        None
    };
    let webhook_configuration = if chosen("webhook_configuration") {
        Some(webhook::configuration(app, number).await?)
    } else {
        None
    };
    Ok(NumberInfo {
        id: number.id.to_string(),
        display_phone_number: usual("display_phone_number")
            .then(|| number.display_number.to_string()),
        verified_name,
        is_official_business_account: chosen("is_official_business_account")
            .then_some(number.eligibility != Eligibility::NotEligible),
        webhook_configuration,
    })
}

/// Asks for something else about a number.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NumberUpdate {
    /// Where the number's webhooks go, before any other place. Required.
    #[schema(value_type = NewOverride)]
    webhook_configuration: Option<NewOverride>,
}

/// Done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    /// Always true: what did not succeed has another answer.
    success: bool,
}

impl Done {
    pub(super) const DONE: Self = Self { success: true };
}

/// Changes a number.
pub(super) async fn update(
    app: &App,
    number: &Number,
    update: NumberUpdate,
) -> Result<Done, Error> {
    let wanted = update
        .webhook_configuration
        .ok_or_else(|| Problem::field("webhook_configuration", "is missing"))?;
    webhook::override_number(app, number, wanted).await?;
    Ok(Done::DONE)
}
