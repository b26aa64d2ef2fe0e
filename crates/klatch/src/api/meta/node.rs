//! `GET /{id}`: what an id names, and what is told of it. `GET /?ids=`: several at once.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use domain::ids::{AccountId, GroupId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::graph::answer::GroupInfo;
use wire::graph::fields::{Fields, Known};
use wire::graph::person::Names;
use wire::graph::value::Names as NameList;
use wire::meta::error::Error as MetaError;
use wire::meta::error::ErrorBody;
use wire::problem::{Problem, required};

use super::Params;
use super::auth::{Caller, Identity, group_id};
use super::error::{Error, GroupErrors};
use super::number::{self, NumberInfo};
use super::token::user_id;
use super::waba::{self, WabaInfo};
use crate::api::graph::calls;
use crate::app::App;
use crate::directory::{Account, Number};
use crate::kit::params::PathParams;
use crate::kit::reply::WrittenJson;

/// Ids in one call. Published for Graph.
const IDS_MAX: usize = 50;

/// What an id names.
#[derive(Debug)]
pub(super) enum Node {
    /// One of the caller's numbers.
    Number(Arc<Number>),
    /// A WhatsApp Business Account of which the caller opens a number.
    Waba(String),
    /// The caller's app.
    App(Account),
    /// The system user that the caller's key stands for.
    User,
    /// A group; whether it exists is yet to be seen.
    Group(GroupId),
}

/// What the token is, and what the id in the path names.
pub(super) struct NodeInPath {
    /// What the token is.
    pub(super) identity: Identity,
    /// What the id names.
    pub(super) node: Node,
    /// The id.
    pub(super) id: String,
}

impl FromRequestParts<App> for NodeInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let identity = Identity::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let id = params.get("id").to_owned();
        let node = Node::find(app, &identity, &id, &parts.method).await?;
        Ok(Self { identity, node, id })
    }
}

impl Node {
    /// What an id names, as far as the token opens it.
    ///
    /// # Errors
    ///
    /// The id names nothing that the token opens, or the store failed.
    async fn find(
        app: &App,
        identity: &Identity,
        id: &str,
        method: &Method,
    ) -> Result<Self, Error> {
        let caller = match identity {
            Identity::App(account) if account.app.id == id => {
                return Ok(Self::App(account.clone()));
            }
            // An app's token opens what is the app's, and nothing else.
            Identity::App(_) => return Err(MetaError::wrong_token().into()),
            Identity::Key(caller) => caller,
        };
        if let Some(number) = caller.number(app, id).await? {
            return Ok(Self::Number(number));
        }
        if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
            if waba::exists(app, caller, id).await? {
                return Ok(Self::Waba(id.to_owned()));
            }
            if user_id(caller) == id {
                return Ok(Self::User);
            }
            let own = app.directory.account_of_app(id).await?;
            let own = own.filter(|account| account.id == caller.account);
            if let Some(own) = own {
                return Ok(Self::App(own));
            }
        }
        group_id(method, id).map(Self::Group)
    }

    /// Tells about it, as far as it was asked for.
    ///
    /// # Errors
    ///
    /// A field is unknown, the group does not exist, or the store failed.
    async fn show(
        self,
        app: &App,
        identity: &Identity,
        fields: Option<&str>,
    ) -> Result<WrittenJson, Error> {
        match self {
            Self::Number(number) => {
                let fields = Fields::parse(fields, number::FIELDS)?;
                Ok(fields.write(&NumberInfo::new(app, &number, &fields, None).await?)?.into())
            }
            Self::Waba(id) => {
                let fields = Fields::parse(fields, waba::FIELDS)?;
                let caller = identity.caller()?;
                Ok(fields.write(&WabaInfo::new(app, caller, id, &fields).await?)?.into())
            }
            Self::App(account) => {
                let fields = Fields::parse(fields, APP_FIELDS)?;
                Ok(fields.write(&AppView::new(&account, &fields))?.into())
            }
            Self::User => {
                let fields = Fields::parse(fields, USER_FIELDS)?;
                Ok(fields.write(&UserView::new(app, identity.caller()?, &fields).await?)?.into())
            }
            Self::Group(group) => {
                calls::info(app, &identity.caller()?.scope(), &group, fields, Names::All).await
            }
        }
    }
}

/// The fields of an app that a caller can select.
pub(super) const APP_FIELDS: &[Known] = &[
    Known::value("id"),
    Known::value("name"),
    Known::value("link"),
    Known::unsupported("category"),
    Known::unsupported("namespace"),
    Known::unsupported("app_domains"),
    Known::unsupported("icon_url"),
    Known::unsupported("logo_url"),
];

/// An app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppView {
    id: String,
    /// The name of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl AppView {
    /// The selected fields of an account's app; all of them, if none is selected.
    pub(super) fn new(account: &Account, fields: &Fields) -> Self {
        let chosen = |name| fields.is_empty() || fields.has(name);
        Self {
            id: account.app.id.clone(),
            name: chosen("name").then(|| account.name.clone()),
            link: chosen("link").then(|| link(&account.app.id)),
        }
    }
}

/// The page of an app, as Graph has it.
pub(super) fn link(app_id: &str) -> String {
    format!("https://www.facebook.com/games/?app_id={app_id}")
}

/// The fields of a system user that a caller can select.
pub(super) const USER_FIELDS: &[Known] = &[Known::value("id"), Known::value("name")];

/// A system user: who a key is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserView {
    /// The name of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    id: String,
}

impl UserView {
    /// The selected fields of the caller's system user; all of them, if none is selected.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(super) async fn new(app: &App, caller: &Caller, fields: &Fields) -> Result<Self, Error> {
        let name = if fields.is_empty() || fields.has("name") {
            name_of(app, &caller.account).await?
        } else {
            None
        };
        Ok(Self { name, id: user_id(caller) })
    }
}

/// The name of an account.
pub(super) async fn name_of(app: &App, account: &AccountId) -> Result<Option<String>, Error> {
    Ok(app.directory.account(account).await?.map(|account| account.name))
}

/// What an id turned out to name, for the documentation.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes an answer, is never made")]
pub(super) enum NodeInfo<'a> {
    /// A group.
    Group(GroupInfo<'a>),
    /// A number.
    Number(NumberInfo),
    /// A WhatsApp Business Account.
    Waba(WabaInfo),
    /// An app.
    App(AppView),
    /// A system user.
    User(UserView),
}

/// Tells about a group, a number, a WhatsApp Business Account, an app or a system user.
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "getGroupInfo",
    params(
        ("id" = String, Path, description = "The group, the number, the WhatsApp Business Account, the app or the system user"),
        ("fields" = Option<String>, Query, description = "Comma list; braces select inside an object or a list, .limit(n) shortens a list. Of a group: subject, description, join_approval_mode, suspended, creation_timestamp, participants{wa_id,user_id,parent_user_id,username}, total_participant_count; without it only id and messaging_product come back. Of a number: display_phone_number, verified_name, is_official_business_account, status, code_verification_status, platform_type, is_pin_enabled, health_status, webhook_configuration. Of a WhatsApp Business Account: name, phone_numbers. Of an app: name, link. Of a system user: name"),
    ),
    responses(
        (status = 200, description = "What was found", body = NodeInfo),
        GroupErrors,
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    NodeInPath { identity, node, .. }: NodeInPath,
    params: Params,
) -> Result<WrittenJson, Error> {
    node.show(&app, &identity, params.fields()?.as_deref()).await
}

/// Names several objects.
#[derive(Debug, Deserialize)]
struct Several {
    ids: Option<NameList>,
}

/// Tells about several objects at once, each under its id. If one of them cannot be told about, the
/// call fails.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "getObjects",
    params(
        ("ids" = String, Query, description = "Comma list of at most 50 ids"),
        ("fields" = Option<String>, Query, description = "As for one object; each of the objects must have these fields"),
    ),
    responses(
        (status = 200, description = "An object for each id", body = std::collections::HashMap<String, NodeInfo>),
        (status = 400, description = "A parameter is wrong, or an id names nothing", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn get_several(
    State(app): State<App>,
    identity: Identity,
    params: Params,
) -> Result<Response, Error> {
    let Several { ids: list } = params.read()?;
    let NameList(list) = required("ids", list)?;
    let ids = ids(&list)?;
    let fields = params.fields()?;
    let mut all = Vec::from(*b"{");
    for id in ids {
        let node = Node::find(&app, &identity, id, &Method::GET).await?;
        let shown = node.show(&app, &identity, fields.as_deref()).await?;
        if all.len() > 1 {
            all.push(b',');
        }
        all.extend(serde_json::Value::from(id).to_string().into_bytes());
        all.push(b':');
        all.extend(shown.0);
    }
    all.push(b'}');
    let kind = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, kind)], all).into_response())
}

/// Reads a comma list of ids, each once.
fn ids(list: &str) -> Result<Vec<&str>, Problem> {
    let mut ids: Vec<&str> = Vec::new();
    for id in list.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > IDS_MAX {
            return Err(Problem::field("ids", format!("must not name more than {IDS_MAX} ids")));
        }
    }
    if ids.is_empty() {
        return Err(Problem::field("ids", "must name at least one id"));
    }
    Ok(ids)
}
