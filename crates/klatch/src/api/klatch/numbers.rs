//! `/v1/numbers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{AccountId, PhoneNumberId};
use domain::limits::{GROUPS_CEILING, OPERATIONS_CEILING, PARTICIPANTS_CEILING};
use domain::values::{self, BusinessNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::Answers;
use wire::problem::{Problem, parse, required};

use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::{Body, Listed, Query, listed, of_account, rfc3339};
use crate::app::{App, numbers};
use crate::directory::{self, Actor, Eligibility, Number};
use crate::kit::paging::Address;
use crate::kit::params::{PageParams, PathParams};

/// Asks for a number.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewNumber {
    /// Whose it is. Required.
    #[schema(value_type = String)]
    account_id: Option<String>,
    /// Its digits in international form. Required.
    #[schema(example = "+1 555 078 3881", value_type = String)]
    display_phone_number: Option<String>,
    /// The id that API calls name it by; minted if left out.
    #[schema(example = "106540352242922")]
    phone_number_id: Option<String>,
    /// The WhatsApp Business Account; minted if left out.
    #[schema(example = "102290129340398")]
    waba_id: Option<String>,
    /// The name by which bot-style APIs know it; the digits if left out.
    #[schema(example = "acmebot")]
    bot_id: Option<String>,
    limits: Option<LimitsChange>,
    /// `eligible` (the default), `not_eligible`, or `creation_disabled`.
    #[schema(example = "eligible")]
    eligibility: Option<String>,
    /// Which fields the vendors' APIs answer with: `published` (the default), those that the vendor
    /// publishes and no others; `superset`, Klatch's own besides.
    #[schema(example = "published")]
    answers: Option<String>,
}

/// Changes a number. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberChange {
    limits: Option<LimitsChange>,
    /// `eligible`; `not_eligible`: the number can look, and change nothing; `creation_disabled`: it
    /// can create no groups.
    #[schema(example = "not_eligible")]
    eligibility: Option<String>,
    /// Which fields the vendors' APIs answer with: `published`, those that the vendor publishes and
    /// no others; `superset`, Klatch's own besides.
    #[schema(example = "superset")]
    answers: Option<String>,
    /// Whether the number is registered with the vendor's API. One that is not can change nothing.
    registered: Option<bool>,
    /// Whether Meta's API takes an override of the callback URL although the app is not subscribed
    /// to the WABA. Meta refuses it.
    unsubscribed_overrides: Option<bool>,
}

/// Other limits. What is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsChange {
    /// Participants in one group, 1 to 1024; 8 unless changed.
    #[schema(minimum = 1, maximum = 1024)]
    participants: Option<u64>,
    /// Groups at a time, 0 to 10,000,000; 10,000 unless changed.
    #[schema(minimum = 0, maximum = 10_000_000)]
    groups: Option<u64>,
    /// Changes to its groups that the business may ask for in a minute, up to 1,000,000; 0, as at
    /// first, is no limit.
    #[schema(minimum = 0, maximum = 1_000_000)]
    operations_per_minute: Option<u64>,
}

fn eligibility(word: Option<&str>) -> Result<Option<Eligibility>, Problem> {
    one_of("eligibility", word, Eligibility::ALL, Eligibility::as_str)
}

fn answers(word: Option<&str>) -> Result<Option<Answers>, Problem> {
    one_of("answers", word, Answers::ALL, Answers::as_str)
}

/// Reads the word of one of these values.
fn one_of<T: Copy, const N: usize>(
    field: &str,
    word: Option<&str>,
    values: [T; N],
    as_str: fn(T) -> &'static str,
) -> Result<Option<T>, Problem> {
    let find = |word| {
        let found = values.into_iter().find(|value| as_str(*value) == word);
        let words = || values.map(as_str).join(", ");
        found.ok_or_else(|| Problem::field(field, format!("must be one of {}", words())))
    };
    word.map(find).transpose()
}

impl LimitsChange {
    fn parse(&self) -> Result<directory::NumberChange, Problem> {
        let within = |name: &str, value: Option<u64>, min: u32, max: u32| {
            let Some(value) = value else { return Ok(None) };
            let value = u32::try_from(value).ok().filter(|value| (min..=max).contains(value));
            let (min, max) = (min.into(), max.into());
            let problem = values::Problem::OutOfRange { min, max };
            value.map(Some).ok_or_else(|| Problem::field(name, problem))
        };
        Ok(directory::NumberChange {
            participants: within(
                "limits.participants",
                self.participants,
                1,
                PARTICIPANTS_CEILING,
            )?,
            groups: within("limits.groups", self.groups, 0, GROUPS_CEILING)?,
            operations: within(
                "limits.operations_per_minute",
                self.operations_per_minute,
                0,
                OPERATIONS_CEILING,
            )?,
            ..directory::NumberChange::default()
        })
    }
}

/// A business phone number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumberInfo {
    phone_number_id: String,
    account_id: String,
    /// Digits only.
    display_phone_number: String,
    waba_id: String,
    bot_id: String,
    limits: LimitsInfo,
    eligibility: &'static str,
    answers: &'static str,
    registered: bool,
    unsubscribed_overrides: bool,
    created_at: String,
}

/// What a number is allowed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LimitsInfo {
    participants: u32,
    groups: u32,
    /// 0 is no limit.
    operations_per_minute: u32,
}

impl From<Number> for NumberInfo {
    fn from(number: Number) -> Self {
        Self::from(Arc::new(number))
    }
}

impl From<Arc<Number>> for NumberInfo {
    fn from(number: Arc<Number>) -> Self {
        Self {
            phone_number_id: number.id.to_string(),
            account_id: number.account.to_string(),
            display_phone_number: number.display_number.to_string(),
            waba_id: number.waba_id.clone(),
            bot_id: number.bot_id.clone(),
            limits: LimitsInfo {
                participants: number.limits.participants,
                groups: number.limits.groups,
                operations_per_minute: number.limits.operations.unwrap_or(0),
            },
            eligibility: number.eligibility.as_str(),
            answers: number.answers.as_str(),
            registered: number.registration.is_active,
            unsubscribed_overrides: number.unsubscribed_overrides,
            created_at: rfc3339(number.created_at),
        }
    }
}

/// Lists the numbers, oldest first.
#[utoipa::path(
    get,
    path = "/v1/numbers",
    operation_id = "list-numbers",
    params(
        ("account_id" = Option<String>, Query, description = "Only this account's"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of numbers", body = Listed<NumberInfo>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Operator,
    query: Query,
    address: Address,
) -> Result<Json<Listed<NumberInfo>>, Error> {
    let (account, list) = of_account("numbers", &query)?;
    let read = async |page| Ok(app.directory.numbers(account.as_ref(), page).await?);
    listed(&list, &query, &address, read).await
}

/// Creates a number.
#[utoipa::path(
    post,
    path = "/v1/numbers",
    operation_id = "create-number",
    request_body = NewNumber,
    responses(
        (status = 201, description = "The number exists", body = NumberInfo),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such account", body = ErrorBody),
        (status = 409, description = "An id is in use", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    _: Operator,
    body: Body,
) -> Result<(StatusCode, Json<NumberInfo>), Error> {
    body.refuse_key()?;
    let new: NewNumber = body.json()?;
    let display_number = parse(
        "display_phone_number",
        &required("display_phone_number", new.display_phone_number)?,
        BusinessNumber::parse,
    )?;
    // Each of these is an id like the number's own, as far as its form goes.
    let id = |name: &str, value: Option<String>| {
        value.map(|value| parse(name, &value, PhoneNumberId::parse)).transpose()
    };
    let limits = new.limits.unwrap_or_default().parse()?;
    let new = numbers::NewNumber {
        account: parse("account_id", &required("account_id", new.account_id)?, AccountId::parse)?,
        id: id("phone_number_id", new.phone_number_id)?,
        waba_id: id("waba_id", new.waba_id)?,
        bot_id: id("bot_id", new.bot_id)?,
        settings: directory::NumberChange {
            eligibility: eligibility(new.eligibility.as_deref())?,
            answers: answers(new.answers.as_deref())?,
            ..limits
        },
        display_number,
    };
    let number = numbers::create(&app, &Actor::Operator, new).await?;
    Ok((StatusCode::CREATED, Json(number.into())))
}

fn named(path: &PathParams) -> Result<PhoneNumberId, Error> {
    PhoneNumberId::parse(path.get("phone_number_id")).map_err(|_| Error::unknown("phone_number_id"))
}

/// Shows a number.
#[utoipa::path(
    get,
    path = "/v1/numbers/{phone_number_id}",
    operation_id = "get-number",
    params(("phone_number_id" = String, Path, description = "The number")),
    responses(
        (status = 200, description = "The number", body = NumberInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such number", body = ErrorBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
) -> Result<Json<NumberInfo>, Error> {
    Ok(Json(numbers::find(&app, &named(&path)?).await?.into()))
}

/// Changes what a number is allowed. Groups that hold more than a lowered limit keep what they have.
#[utoipa::path(
    patch,
    path = "/v1/numbers/{phone_number_id}",
    operation_id = "change-number",
    params(("phone_number_id" = String, Path, description = "The number")),
    request_body = NumberChange,
    responses(
        (status = 200, description = "The number", body = NumberInfo),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such number", body = ErrorBody),
    ),
)]
pub(super) async fn change(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<Json<NumberInfo>, Error> {
    body.refuse_key()?;
    let change: NumberChange = body.json()?;
    let NumberChange { limits, eligibility: word, answers: fields, .. } = &change;
    let switches = [change.registered, change.unsubscribed_overrides];
    if limits.is_none() && word.is_none() && fields.is_none() && switches == [None, None] {
        let detail = "must be given, or eligibility, answers, registered or unsubscribed_overrides";
        return Err(Problem::field("limits", detail).into());
    }
    let id = named(&path)?;
    let change = directory::NumberChange {
        eligibility: eligibility(change.eligibility.as_deref())?,
        answers: answers(change.answers.as_deref())?,
        registered: change.registered,
        unsubscribed_overrides: change.unsubscribed_overrides,
        ..change.limits.unwrap_or_default().parse()?
    };
    Ok(Json(numbers::change(&app, &Actor::Operator, &id, change).await?.into()))
}
