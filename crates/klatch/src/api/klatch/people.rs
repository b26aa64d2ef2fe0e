//! `/v1/people`: what people do with their phones.

use axum::Json;
use axum::extract::State;
use domain::Refusal;
use domain::ids::GroupId;
use domain::values::{BusinessNumber, InviteCode, WaId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::problem::{Problem, parse, required};

use super::auth::{Operator, Simulator};
use super::error::{Error, ErrorBody};
use super::{Body, rfc3339};
use crate::app::App;
use crate::app::caller::{Call, Idempotency};
use crate::app::people::Joined;
use crate::directory::{Actor, Profile, RecordChange};
use crate::kit::params::PathParams;
use crate::store::PersonStanding;

/// Shortest and longest username. Ours.
const USERNAME_CHARS: std::ops::RangeInclusive<usize> = 3..=35;

/// A tap on an invite link.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Tap {
    /// The whole link. Required.
    #[schema(example = "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv", value_type = String)]
    invite_link: Option<String>,
}

/// Names a group.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct InGroup {
    /// The group, by its id or by Sinch's name for it. Required.
    #[schema(value_type = String)]
    group_id: Option<String>,
}

/// What the tap came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TapResult {
    /// `joined` or `requested`.
    result: &'static str,
    group_id: String,
    /// Only where the business has to decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    join_request_id: Option<String>,
}

/// What a person did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// `cancelled` or `left`.
    result: &'static str,
    group_id: String,
}

/// What is special about a person. What is left out is as with everybody else.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProfile {
    /// Public name, 3 to 35 small letters, digits, points and underscores; unique.
    #[schema(example = "ann.lee")]
    username: Option<String>,
    /// Whether businesses do not see the number. Only with a username.
    #[serde(default)]
    phone_hidden: bool,
    /// Whether businesses get to know a `parent_user_id`, too.
    #[serde(default)]
    with_parent_user_id: bool,
    /// Whether the person has accepted WhatsApp's present terms; if not, no business can let the
    /// person in. True if left out.
    terms_accepted: Option<bool>,
}

/// What is special about a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProfileInfo {
    wa_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    phone_hidden: bool,
    with_parent_user_id: bool,
    terms_accepted: bool,
}

impl From<Profile> for ProfileInfo {
    fn from(profile: Profile) -> Self {
        let Profile { wa_id, username, hides_phone, enrolled, terms_accepted } = profile;
        Self {
            wa_id: wa_id.to_string(),
            username,
            phone_hidden: hides_phone,
            with_parent_user_id: enrolled,
            terms_accepted,
        }
    }
}

/// A person, and where they stand, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonInfo {
    #[serde(flatten)]
    profile: ProfileInfo,
    /// Groups the person is in.
    groups: Vec<StandingInfo>,
    /// Groups the person has asked to join.
    join_requests: Vec<StandingInfo>,
    /// Groups that a link does not lead this person back to.
    removed_from: Vec<StandingInfo>,
}

/// A standing in one group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandingInfo {
    group_id: String,
    since: String,
}

impl From<PersonStanding> for StandingInfo {
    fn from(standing: PersonStanding) -> Self {
        Self { group_id: standing.group.to_string(), since: rfc3339(standing.since) }
    }
}

fn person(path: &PathParams) -> Result<WaId, Problem> {
    parse("wa_id", path.get("wa_id"), WaId::parse)
}

/// What a person does.
fn call(wa_id: &WaId, idempotency: Option<Idempotency>) -> Call {
    Operator::call(Actor::Person(wa_id.clone()), idempotency)
}

/// The group that a body names, by its id or by the name that Sinch's API has for it.
async fn group(app: &App, body: &Body) -> Result<GroupId, Error> {
    let named = required("group_id", body.json::<InGroup>()?.group_id)?;
    let alias = named.strip_prefix("group:").and_then(|alias| alias.rsplit_once('-'));
    let alias = alias.and_then(|(digits, second)| {
        Some((BusinessNumber::parse(digits).ok()?, second.parse::<i64>().ok()?))
    });
    let Some((digits, second)) = alias else {
        return Ok(parse("group_id", &named, GroupId::parse)?);
    };
    let number = app.directory.number_of_digits(&digits).await?.ok_or(Refusal::GroupUnknown)?;
    Ok(app.groups.group_by_alias(&number.id, second).await?.ok_or(Refusal::GroupUnknown)?)
}

/// Shows where a person stands.
#[utoipa::path(
    get,
    path = "/v1/people/{wa_id}",
    operation_id = "get-person",
    params(("wa_id" = String, Path, description = "The person's phone number")),
    responses(
        (status = 200, description = "Groups, open requests, bans", body = PersonInfo),
        (status = 400, description = "Not a phone number", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 403, description = "Simulated people are off", body = ErrorBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    _: Simulator,
    path: PathParams,
) -> Result<Json<PersonInfo>, Error> {
    let wa_id = person(&path)?;
    let standings = app.person(&wa_id).await?;
    let infos = |standings: Vec<PersonStanding>| standings.into_iter().map(Into::into).collect();
    Ok(Json(PersonInfo {
        profile: app.profile(&wa_id).await?.into(),
        groups: infos(standings.participant),
        join_requests: infos(standings.requested),
        removed_from: infos(standings.removed),
    }))
}

/// Says what is special about a person, from the next thing on that they do.
#[utoipa::path(
    put,
    path = "/v1/people/{wa_id}",
    operation_id = "set-person",
    params(("wa_id" = String, Path, description = "The person's phone number")),
    request_body = Option<NewProfile>,
    responses(
        (status = 200, description = "So it is", body = ProfileInfo),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 403, description = "Simulated people are off", body = ErrorBody),
        (status = 409, description = "Somebody else has this username", body = ErrorBody),
    ),
)]
pub(super) async fn set(
    State(app): State<App>,
    _: Simulator,
    path: PathParams,
    body: Body,
) -> Result<Json<ProfileInfo>, Error> {
    body.refuse_key()?;
    let wa_id = person(&path)?;
    let NewProfile { username, phone_hidden, with_parent_user_id, terms_accepted } = body.json()?;
    let profile = Profile {
        wa_id,
        username: username.map(parse_username).transpose()?,
        hides_phone: phone_hidden,
        enrolled: with_parent_user_id,
        terms_accepted: terms_accepted.unwrap_or(true),
    };
    if profile.hides_phone && profile.username.is_none() {
        let detail = "is missing: only a person with one can hide the phone number";
        return Err(Problem::field("username", detail).into());
    }
    app.change(&Actor::Operator, RecordChange::SetProfile(profile.clone())).await?;
    Ok(Json(profile.into()))
}

fn parse_username(text: String) -> Result<String, Problem> {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_')
    };
    if USERNAME_CHARS.contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text);
    }
    let (min, max) = (USERNAME_CHARS.start(), USERNAME_CHARS.end());
    let detail = format!("must be {min} to {max} small letters, digits, points and underscores");
    Err(Problem::field("username", detail))
}

/// A person taps an invite link, and joins or asks to join. Asking twice is asking once.
#[utoipa::path(
    post,
    path = "/v1/people/{wa_id}/join",
    operation_id = "join-group",
    params(("wa_id" = String, Path, description = "The person's phone number")),
    request_body = Tap,
    responses(
        (status = 200, description = "In, or waiting for the business", body = TapResult),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 403, description = "Simulated people are off, or the business has removed this person", body = ErrorBody),
        (status = 404, description = "The link is dead", body = ErrorBody),
        (status = 409, description = "The group is full or suspended, or the person is in it already", body = ErrorBody),
    ),
)]
pub(super) async fn join(
    State(app): State<App>,
    _: Simulator,
    path: PathParams,
    body: Body,
) -> Result<Json<TapResult>, Error> {
    let wa_id = person(&path)?;
    let link = required("invite_link", body.json::<Tap>()?.invite_link)?;
    let code = parse("invite_link", &link, InviteCode::from_link)?;
    let call = call(&wa_id, body.idempotency);
    let (result, group, request) = match app.join(&call, &wa_id, &code).await? {
        Joined::In(group) => ("joined", group, None),
        Joined::Requested(group, request) => ("requested", group, Some(request.to_string())),
    };
    Ok(Json(TapResult { result, group_id: group.to_string(), join_request_id: request }))
}

/// A person withdraws an open request.
#[utoipa::path(
    post,
    path = "/v1/people/{wa_id}/cancel",
    operation_id = "cancel-join-request",
    params(("wa_id" = String, Path, description = "The person's phone number")),
    request_body = InGroup,
    responses(
        (status = 200, description = "The request is withdrawn", body = Done),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 403, description = "Simulated people are off", body = ErrorBody),
        (status = 404, description = "No such group, or no open request in it", body = ErrorBody),
        (status = 409, description = "The group is suspended", body = ErrorBody),
    ),
)]
pub(super) async fn cancel(
    State(app): State<App>,
    _: Simulator,
    path: PathParams,
    body: Body,
) -> Result<Json<Done>, Error> {
    let (wa_id, group) = (person(&path)?, group(&app, &body).await?);
    app.cancel(&call(&wa_id, body.idempotency), &wa_id, &group).await?;
    Ok(Json(Done { result: "cancelled", group_id: group.to_string() }))
}

/// A participant walks out. They may come back by link.
#[utoipa::path(
    post,
    path = "/v1/people/{wa_id}/leave",
    operation_id = "leave-group",
    params(("wa_id" = String, Path, description = "The person's phone number")),
    request_body = InGroup,
    responses(
        (status = 200, description = "The person is out", body = Done),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 403, description = "Simulated people are off", body = ErrorBody),
        (status = 404, description = "No such group", body = ErrorBody),
        (status = 409, description = "Not a participant, or the group is suspended", body = ErrorBody),
    ),
)]
pub(super) async fn leave(
    State(app): State<App>,
    _: Simulator,
    path: PathParams,
    body: Body,
) -> Result<Json<Done>, Error> {
    let (wa_id, group) = (person(&path)?, group(&app, &body).await?);
    app.leave(&call(&wa_id, body.idempotency), &wa_id, &group).await?;
    Ok(Json(Done { result: "left", group_id: group.to_string() }))
}
