//! The documents that describe the routes, made from the routes themselves.

use std::collections::HashSet;
use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Info, License, ObjectBuilder, OpenApi, Ref, RefOr, Required, Schema, SecurityRequirement, Type,
};

use crate::api::{d360, klatch, meta, sinch};

/// What every version of Graph looks like.
const VERSION: &str = r"^v[0-9]+\.[0-9]+$";

/// Bodies in which Meta wants to read which product is meant.
const PRODUCT_REQUIRED: [&str; 5] =
    ["CreateGroup", "UpdateGroup", "ProductOnly", "JoinRequestList", "ParticipantList"];

/// What every call can answer besides.
const ANYWHERE: &str = "Besides what is listed, any call may answer, in the same shape as other errors: 408, 413, 415 and 431 where the request is slow, large or of another kind, 409 where an Idempotency-Key was used for another one, 429 where the number has asked for too many changes, and 500 and 503.";

/// A document and the name it is served and committed under.
pub struct Document {
    /// `d360` for `docs/openapi/d360.json`.
    pub name: &'static str,
    json: LazyLock<String>,
}

/// All documents. Each is made when it is first asked for.
pub static DOCUMENTS: [Document; 4] = [
    Document { name: "meta", json: LazyLock::new(|| print(&meta())) },
    Document { name: "d360", json: LazyLock::new(|| print(&d360())) },
    Document { name: "sinch", json: LazyLock::new(|| print(&sinch())) },
    Document { name: "klatch", json: LazyLock::new(|| print(&klatch())) },
];

impl Document {
    /// The document as JSON, as it is committed.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }
}

fn print(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Serves each document.
pub fn router() -> Router {
    DOCUMENTS.iter().fold(Router::new(), |router, document| {
        let answer = async || ([(header::CONTENT_TYPE, "application/json")], document.json());
        router.route(&format!("/openapi/{}.json", document.name), get(answer))
    })
}

fn meta() -> OpenApi {
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let description = "The group operations of Meta's Cloud API, as Klatch answers them. Every path works without a version, too.";
    let mut document = meta::document();
    // The version is taken off before any route is looked for, so that none has it by itself.
    for item in document.paths.paths.values_mut() {
        let version = ParameterBuilder::new()
            .name("version")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("Any version of Graph"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some(VERSION))))
            .build();
        let operations = [&mut item.get, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let parameters = operation.parameters.get_or_insert_default();
            parameters.insert(0, version.clone().into());
        }
    }
    // What the family's bodies leave open is required here.
    let components = document.components.get_or_insert_default();
    for (name, schema) in &mut components.schemas {
        if PRODUCT_REQUIRED.contains(&name.as_str())
            && let RefOr::T(Schema::Object(object)) = schema
        {
            object.required.insert(0, "messaging_product".to_owned());
        }
    }
    finish(document, "Klatch: Meta groups", description, "access token", token)
}

fn sinch() -> OpenApi {
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let description =
        "The group operations of Sinch's WhatsApp API of 2020, as Klatch answers them.";
    finish(sinch::document(), "Klatch: Sinch groups", description, "bearer token", token)
}

fn d360() -> OpenApi {
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("D360-API-KEY")));
    let description = "The group operations of 360dialog's Messaging API, as Klatch answers them.";
    finish(d360::document(), "Klatch: 360dialog groups", description, "D360-API-KEY", key)
}

fn klatch() -> OpenApi {
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let description = "Klatch's own API: accounts, numbers, keys, subscriptions, deliveries, events, and simulated people. An address that sends wrong admin tokens is answered 429 with Retry-After for a while.";
    finish(klatch::document(), "Klatch", description, "admin token", token)
}

fn finish(
    mut document: OpenApi,
    title: &str,
    description: &str,
    scheme: &str,
    security: SecurityScheme,
) -> OpenApi {
    let mut info = Info::new(title, env!("CARGO_PKG_VERSION"));
    info.description = Some(format!("{description} {ANYWHERE}"));
    info.license = Some(License::new("MIT OR Apache-2.0"));
    document.info = info;
    drop_unreferenced(&mut document);
    let scheme = scheme.replace(' ', "-");
    document.components.get_or_insert_default().add_security_scheme(&scheme, security);
    document.security = Some(vec![SecurityRequirement::new(scheme, Vec::<String>::new())]);
    document
}

/// Drops the schemas that nothing refers to. What stands only inside a page of a list is written
/// out there.
fn drop_unreferenced(document: &mut OpenApi) {
    fn collect(value: Value, found: &mut HashSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(target) if name == "$ref" => drop(found.insert(target)),
                        value => collect(value, found),
                    }
                }
            }
            Value::Array(items) => items.into_iter().for_each(|item| collect(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut referenced = HashSet::new();
    collect(serde_json::to_value(&*document).unwrap_or_default(), &mut referenced);
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .retain(|name, _| referenced.contains(Ref::from_schema_name(name).ref_location.as_str()));
}
