//! `/{waba_id}` and `/{waba_id}/phone_numbers`.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;
use wire::graph::fields::{Fields, Inside, Known};
use wire::meta::error::Error as MetaError;
use wire::meta::error::ErrorBody;
use wire::paging::{LIMIT_DEFAULT, LIMIT_MAX, Paging};

use super::Params;
use super::auth::Caller;
use super::error::Error;
use super::node::name_of;
use super::number::{self, NumberInfo};
use crate::app::App;
use crate::directory::{Actor, Number};
use crate::kit::paging::{Address, cursors};
use crate::kit::params::{PageParams, PathParams};
use crate::kit::reply::WrittenJson;
use crate::page::{Page, Seek, Slice};

/// The fields of a WhatsApp Business Account that a caller can select.
pub(super) const FIELDS: &[Known] = &[
    Known::value("id"),
    Known::value("name"),
    Known { name: "phone_numbers", inside: Inside::List(number::FIELDS) },
    Known::unsupported("account_review_status"),
    Known::unsupported("business_verification_status"),
    Known::unsupported("country"),
    Known::unsupported("currency"),
    Known::unsupported("health_status"),
    Known::unsupported("is_enabled_for_insights"),
    Known::unsupported("marketing_messages_lite_api_status"),
    Known::unsupported("message_template_namespace"),
    Known::unsupported("on_behalf_of_business_info"),
    Known::unsupported("owner_business_info"),
    Known::unsupported("ownership_type"),
    Known::unsupported("primary_business_location"),
    Known::unsupported("primary_funding_id"),
    Known::unsupported("purchase_order_number"),
    Known::unsupported("status"),
    Known::unsupported("timezone_id"),
];

/// Whether the caller opens a number of this WhatsApp Business Account.
pub(super) async fn exists(app: &App, caller: &Caller, waba_id: &str) -> Result<bool, Error> {
    let first = Page { limit: 1, seek: Seek::First };
    Ok(!numbers(app, caller, waba_id, first).await?.items.is_empty())
}

/// A page of the numbers of a WhatsApp Business Account that the caller opens, oldest first.
async fn numbers(
    app: &App,
    caller: &Caller,
    waba_id: &str,
    page: Page,
) -> Result<Slice<Number>, Error> {
    match &caller.only {
        Some(only) if only.waba_id == waba_id => {
            Ok(page.cut([(1, Number::clone(only))].into_iter()))
        }
        Some(_) => Ok(Slice { items: Vec::new(), more_before: false, more_after: false }),
        None => Ok(app.directory.numbers_of_waba(&caller.account, waba_id, page).await?),
    }
}

/// All numbers of the WhatsApp Business Account in the path, every one of which the caller opens.
pub(super) struct WabaInPath {
    /// The account's numbers of this WABA: at least one.
    pub(super) numbers: Vec<Number>,
    /// The key.
    pub(super) actor: Actor,
}

impl FromRequestParts<App> for WabaInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let waba_id = params.get("waba_id");
        if !exists(app, &caller, waba_id).await? {
            return Err(MetaError::no_such_object(parts.method.as_str(), waba_id).into());
        }
        let page = Page { limit: LIMIT_MAX, seek: Seek::First };
        let slice = app.directory.numbers_of_waba(&caller.account, waba_id, page).await?;
        let numbers: Vec<_> = slice.items.into_iter().map(|(_, number)| number).collect();
        if caller.only.is_some() && numbers.len() > 1 {
            return Err(MetaError::not_permitted(
                "other numbers belong to this WABA, too: use a key of the whole account",
            )
            .into());
        }
        Ok(Self { numbers, actor: caller.actor })
    }
}

/// A WhatsApp Business Account, as far as it was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WabaInfo {
    id: String,
    /// The name of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its first numbers; the others are at `/{waba_id}/phone_numbers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_numbers: Option<NumberPage>,
}

impl WabaInfo {
    /// The selected fields; id and name, if none is selected.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(super) async fn new(
        app: &App,
        caller: &Caller,
        id: String,
        fields: &Fields,
    ) -> Result<Self, Error> {
        let name = if fields.is_empty() || fields.has("name") {
            name_of(app, &caller.account).await?
        } else {
            None
        };
        let phone_numbers = match fields.get("phone_numbers") {
            None => None,
            Some(selected) => {
                let limit = selected.limit.unwrap_or(LIMIT_DEFAULT);
                let page = Page { limit, seek: Seek::First };
                let slice = numbers(app, caller, &id, page).await?;
                let paging =
                    Paging { cursors: cursors(&list_name(&id), &slice), ..Paging::default() };
                Some(NumberPage::new(app, slice, paging, &selected.inside).await?)
            }
        };
        Ok(Self { id, name, phone_numbers })
    }
}

/// A page of numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumberPage {
    /// Oldest first.
    data: Vec<NumberInfo>,
    paging: Paging,
}

impl NumberPage {
    async fn new(
        app: &App,
        slice: Slice<Number>,
        paging: Paging,
        fields: &Fields,
    ) -> Result<Self, Error> {
        let name = match slice.items.first() {
            Some((_, first)) if number::shows_name(fields) => name_of(app, &first.account).await?,
            _ => None,
        };
        let mut data = Vec::with_capacity(slice.items.len());
        for (_, number) in &slice.items {
            data.push(NumberInfo::new(app, number, fields, name.clone()).await?);
        }
        Ok(Self { data, paging })
    }
}

/// The list that a cursor belongs to.
fn list_name(waba_id: &str) -> String {
    format!("numbers of WABA {waba_id}")
}

/// Lists the numbers of a WhatsApp Business Account that the token opens, oldest first.
#[utoipa::path(
    get,
    path = "/{waba_id}/phone_numbers",
    operation_id = "getPhoneNumbers",
    params(
        ("waba_id" = String, Path, description = "The WhatsApp Business Account"),
        ("fields" = Option<String>, Query, description = "As for one number"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of numbers", body = NumberPage),
        (status = 400, description = "A parameter is wrong, or there is no such WABA", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn list_numbers(
    State(app): State<App>,
    WabaOfCaller(caller, waba_id): WabaOfCaller,
    address: Address,
    params: Params,
) -> Result<WrittenJson, Error> {
    let fields = Fields::parse(params.fields()?.as_deref(), number::FIELDS)?;
    let list = list_name(&waba_id);
    let page = params.page(&list)?;
    let slice = numbers(&app, &caller, &waba_id, page).await?;
    let paging = address.paging(&list, &slice, page.limit);
    let page = NumberPage::new(&app, slice, paging, &fields).await?;
    Ok(fields.write_list(&page)?.into())
}

/// The caller, and the WhatsApp Business Account in the path, of which it opens a number.
pub(super) struct WabaOfCaller(Caller, String);

impl FromRequestParts<App> for WabaOfCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let waba_id = params.get("waba_id").to_owned();
        if !exists(app, &caller, &waba_id).await? {
            return Err(MetaError::no_such_object(parts.method.as_str(), &waba_id).into());
        }
        Ok(Self(caller, waba_id))
    }
}
