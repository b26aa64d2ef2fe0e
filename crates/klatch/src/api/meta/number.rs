//! `/{id}` where the id is a number's: what is known of it, and what can be changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::graph::code::Code;
use wire::graph::fields::{Fields, Inside, Known};
use wire::graph::value::Id;
use wire::problem::Problem;

use super::error::{Error, not_configured};
use super::node::name_of;
use super::registration::pin;
use super::webhook::{self, Configuration, IN_CONFIGURATION, NewOverride, OVERRIDE};
use crate::app::webhooks::Step;
use crate::app::{App, webhooks};
use crate::directory::{Actor, Eligibility, Number, NumberChange, Reach};

/// The fields of a number that a caller can select.
pub(super) const FIELDS: &[Known] = &[
    Known::value("id"),
    Known::value("display_phone_number"),
    Known::value("verified_name"),
    Known::value("is_official_business_account"),
    Known::value("status"),
    Known::value("code_verification_status"),
    Known::value("platform_type"),
    Known::value("is_pin_enabled"),
    Known {
        name: "health_status",
        inside: Inside::Object(&[
            Known::value("can_send_message"),
            Known {
                name: "entities",
                inside: Inside::List(&[
                    Known::value("entity_type"),
                    Known::value("id"),
                    Known::value("can_send_message"),
                    Known { name: "errors", inside: Inside::List(HEALTH_ERROR_FIELDS) },
                ]),
            },
        ]),
    },
    Known {
        name: "webhook_configuration",
        inside: Inside::Object(&[
            Known::value("phone_number"),
            Known::value("whatsapp_business_account"),
            Known::value("application"),
        ]),
    },
    // Graph has these besides. Nothing is known of them here.
    Known::unsupported("account_mode"),
    Known::unsupported("certificate"),
    Known::unsupported("conversational_automation"),
    Known::unsupported("country_code"),
    Known::unsupported("country_dial_code"),
    Known::unsupported("host_platform"),
    Known::unsupported("last_onboarded_time"),
    Known::unsupported("messaging_limit_tier"),
    Known::unsupported("name_status"),
    Known::unsupported("new_certificate"),
    Known::unsupported("new_display_name"),
    Known::unsupported("new_name_status"),
    Known::unsupported("quality_rating"),
    Known::unsupported("quality_score"),
    Known::unsupported("search_visibility"),
    Known::unsupported("throughput"),
    Known::unsupported("unified_cert_status"),
    Known::unsupported("username"),
];

const HEALTH_ERROR_FIELDS: &[Known] = &[
    Known::value("error_code"),
    Known::value("error_description"),
    Known::value("possible_solution"),
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
    /// `CONNECTED` while the number is registered, else `DISCONNECTED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// `VERIFIED`: numbers need no code here.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_verification_status: Option<&'static str>,
    /// `CLOUD_API` while the number is registered, else `NOT_APPLICABLE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_type: Option<&'static str>,
    /// Whether a two-step verification PIN was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_pin_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_status: Option<HealthStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_configuration: Option<Configuration>,
}

/// Whether a number can be worked with, and what stands in the way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthStatus {
    /// `AVAILABLE` or `BLOCKED`.
    can_send_message: &'static str,
    /// The number, its WhatsApp Business Account, and the app.
    entities: Vec<HealthEntity>,
}

/// One of those on which a number's work depends.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthEntity {
    /// `PHONE_NUMBER`, `WABA` or `APP`.
    entity_type: &'static str,
    id: String,
    /// `AVAILABLE` or `BLOCKED`.
    can_send_message: &'static str,
    /// What blocks it; only there if it is blocked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<HealthError>,
}

/// What stands in the way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthError {
    #[schema(example = 133_010)]
    error_code: u32,
    error_description: &'static str,
    possible_solution: &'static str,
}

/// Whether the selected fields of a number include the account's name.
pub(super) fn shows_name(fields: &Fields) -> bool {
    fields.is_empty() || fields.has("verified_name")
}

impl NumberInfo {
    /// The selected fields of a number; without a selection those that Graph answers by itself. The
    /// account's name is looked up unless it is given.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(super) async fn new(
        app: &App,
        number: &Number,
        fields: &Fields,
        name: Option<String>,
    ) -> Result<Self, Error> {
        let chosen = |name| fields.has(name);
        let usual = |name| fields.is_empty() || chosen(name);
        let verified_name = match name {
            None if shows_name(fields) => name_of(app, &number.account).await?,
            name => name,
        };
        let health_status =
            if chosen("health_status") { Some(HealthStatus::of(app, number).await?) } else { None };
        let webhook_configuration = if chosen("webhook_configuration") {
            Some(webhook::configuration(app, number).await?)
        } else {
            None
        };
        let registration = &number.registration;
        let (status, platform) = if registration.is_active {
            ("CONNECTED", "CLOUD_API")
        } else {
            ("DISCONNECTED", "NOT_APPLICABLE")
        };
        Ok(Self {
            id: number.id.to_string(),
            display_phone_number: usual("display_phone_number")
                .then(|| number.display_number.to_string()),
            verified_name,
            is_official_business_account: chosen("is_official_business_account")
                .then_some(number.eligibility != Eligibility::NotEligible),
            status: chosen("status").then_some(status),
            code_verification_status: chosen("code_verification_status").then_some("VERIFIED"),
            platform_type: chosen("platform_type").then_some(platform),
            is_pin_enabled: chosen("is_pin_enabled").then_some(registration.pin.is_some()),
            health_status,
            webhook_configuration,
        })
    }
}

impl HealthStatus {
    async fn of(app: &App, number: &Number) -> Result<Self, Error> {
        let can = |available: bool| if available { "AVAILABLE" } else { "BLOCKED" };
        let entity = |entity_type, id, available, errors| HealthEntity {
            entity_type,
            id,
            can_send_message: can(available),
            errors,
        };
        let blocked = || HealthError {
            error_code: Code::NOT_REGISTERED.code,
            error_description: "The phone number is not registered.",
            possible_solution: "Register the phone number: POST /{phone_number_id}/register.",
        };
        let registered = number.registration.is_active;
        let errors = if registered { Vec::new() } else { vec![blocked()] };
        let mut entities = vec![
            entity("PHONE_NUMBER", number.id.to_string(), registered, errors),
            entity("WABA", number.waba_id.clone(), true, Vec::new()),
        ];
        if let Some(account) = app.directory.account(&number.account).await? {
            entities.push(entity("APP", account.app.id, true, Vec::new()));
        }
        Ok(Self { can_send_message: can(registered), entities })
    }
}

/// Asks for something else about a number: at least one of the two.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NumberUpdate {
    /// Where the number's webhooks go, before any other place.
    webhook_configuration: Option<NewOverride>,
    /// A new two-step verification PIN: six digits. The earlier one is not asked for.
    #[schema(example = "123456", value_type = Option<String>)]
    pin: Option<Id>,
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
///
/// # Errors
///
/// Nothing is asked for, a field is wrong, the receiver does not answer the handshake, or the store
/// failed.
pub(super) async fn update(
    app: &App,
    actor: &Actor,
    number: &Number,
    update: NumberUpdate,
) -> Result<Done, Error> {
    let NumberUpdate { webhook_configuration, pin: new_pin } = update;
    if webhook_configuration.is_none() && new_pin.is_none() {
        return Err(Problem::field("webhook_configuration", "is missing").into());
    }
    let new_pin = new_pin.as_ref().map(pin).transpose()?;
    webhooks::admit(app, &number.account, &Reach::Number(number.id.clone())).await?;
    let mut steps = Vec::new();
    if let Some(wanted) = webhook_configuration {
        steps.push(webhook::override_number(app, number, wanted).await?);
    }
    if new_pin.is_some() {
        let change = NumberChange { pin: new_pin, ..NumberChange::default() };
        steps.push(Step::Number(number.id.clone(), change));
    }
    let configured = webhooks::configure(app, actor, steps).await;
    configured.map_err(|error| not_configured(IN_CONFIGURATION, OVERRIDE, error))?;
    tracing::info!(number = %number.id, "a number was configured");
    Ok(Done::DONE)
}
