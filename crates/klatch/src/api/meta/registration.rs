//! `/{phone_number_id}/register` and `/{phone_number_id}/deregister`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::graph::value::Id;
use wire::meta::error::ErrorBody;
use wire::problem::{Problem, required};

use super::auth::NumberInPath;
use super::error::Error;
use super::number::Done;
use super::{Params, product};
use crate::app::{App, numbers};
use crate::directory::Pin;

/// Asks for the registration of a number.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Register {
    /// `whatsapp`. Required.
    #[schema(example = "whatsapp", value_type = String)]
    messaging_product: Option<String>,
    /// The two-step verification PIN, six digits: the number's own, if one was set; else it is set
    /// to this one. Required.
    #[schema(example = "123456", value_type = String)]
    pin: Option<Id>,
    /// Not supported: data are where this server is.
    data_localization_region: Option<String>,
    /// Not supported: there is no number to migrate.
    backup: Option<Backup>,
}

/// A number's data from another platform.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(super) struct Backup {}

/// Reads a two-step verification PIN.
///
/// # Errors
///
/// It is not six digits.
pub(super) fn pin(Id(text): &Id) -> Result<Pin, Problem> {
    Pin::parse(text).ok_or_else(|| Problem::field("pin", "must be six digits"))
}

/// Registers a number. A number is registered when it is created; one that was deregistered can
/// change nothing until it is registered again.
#[utoipa::path(
    post,
    path = "/{phone_number_id}/register",
    operation_id = "registerPhoneNumber",
    params(("phone_number_id" = String, Path, description = "The number")),
    request_body(content(
        (Register = "application/json"),
        (Register = "application/x-www-form-urlencoded"),
        (Register = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "It is registered", body = Done),
        (status = 400, description = "A field is wrong, the number has another PIN, it was tried too often, or there is no such number", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn register(
    State(app): State<App>,
    NumberInPath { number, caller }: NumberInPath,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    let given: Register = params.read()?;
    product(&params).check(given.messaging_product.as_deref())?;
    let pin = pin(&required("pin", given.pin)?)?;
    for (name, given) in [
        ("data_localization_region", given.data_localization_region.is_some()),
        ("backup", given.backup.is_some()),
    ] {
        if given {
            return Err(Problem::field(name, "is not supported: leave it out").into());
        }
    }
    numbers::register(&app, &caller.actor, &number, pin).await?;
    Ok(Json(Done::DONE))
}

/// Deregisters a number: it can change nothing until it is registered again. Its groups and its PIN
/// stay.
#[utoipa::path(
    post,
    path = "/{phone_number_id}/deregister",
    operation_id = "deregisterPhoneNumber",
    params(("phone_number_id" = String, Path, description = "The number")),
    responses(
        (status = 200, description = "It is registered no more", body = Done),
        (status = 400, description = "It is not registered, it was tried too often, or there is no such number", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn deregister(
    State(app): State<App>,
    NumberInPath { number, caller }: NumberInPath,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    numbers::deregister(&app, &caller.actor, &number).await?;
    Ok(Json(Done::DONE))
}
