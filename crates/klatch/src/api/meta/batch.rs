//! `POST /` with `batch`: several calls in one request.
//!
//! Each operation goes through the same routes, and costs the same, as a request of its own. They
//! are made one after the other. Source: Graph's guide to batch requests.

use std::collections::HashMap;
use std::fmt::Write as _;

use axum::body::to_bytes;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt as _;
use utoipa::ToSchema;
use wire::Dialect;
use wire::meta::error::ErrorBody;
use wire::meta::spec::version;
use wire::problem::{Problem, required};

use super::Params;
use super::error::Error;
use super::headers::NEWEST;
use super::token::Sent;
use crate::app::App;
use crate::kit::body::{IDEMPOTENCY_KEY, JSON_BYTES_MAX};
use crate::kit::choice::Api;
use crate::kit::choice::{Base, Choice};
use crate::kit::peer::Forwarded;

/// Operations in one batch. Published for Graph.
const OPERATIONS_MAX: usize = 50;
/// Once the answers together are longer than this, in bytes, no further operation is made. Ours.
const ANSWERS_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// After so many milliseconds no further operation is made. Ours: less than most clients wait.
const TIME_MAX_MS: i64 = 30_000;
/// References in one path or body. Ours: the answer that a reference names may be long.
const REFERENCES_MAX: usize = 64;
/// How a reference to the answer of an earlier operation begins.
const REFERENCE: &str = "{result=";
/// Headers that an operation can have for itself.
static OWN_HEADERS: [&HeaderName; 3] =
    [&header::CONTENT_TYPE, &IDEMPOTENCY_KEY, &header::IF_NONE_MATCH];

/// The routes that operations go through. They do not have it themselves: a batch cannot hold a
/// batch.
#[derive(Debug, Clone)]
pub(super) struct Routes(pub(super) Router);

/// Asks for several calls in one.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct BatchRequest {
    /// 1 to 50 operations, as a list or as its JSON text. Required.
    #[schema(min_items = 1, max_items = 50, value_type = Vec<Operation>)]
    batch: Option<Vec<Operation>>,
    /// Whether the answers have headers; true, if left out.
    include_headers: Option<bool>,
}

/// One call of a batch.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Operation {
    /// GET, POST, PUT or DELETE. Required.
    #[schema(example = "GET", value_type = String)]
    method: Option<String>,
    /// Path and query, with or without a version. Required.
    #[schema(example = "106540352242922/groups?limit=10", value_type = String)]
    relative_url: Option<String>,
    /// A url-encoded form, or a JSON object as text.
    body: Option<String>,
    /// The name by which later operations refer to this one.
    name: Option<String>,
    /// The name of an earlier operation. If that one failed or was not made, this one is not made.
    depends_on: Option<String>,
    /// Whether a success is answered with null: true, if left out, where another operation depends
    /// on this one; else false.
    omit_response_on_success: Option<bool>,
    /// The token of this operation; that of the whole batch, if left out.
    access_token: Option<String>,
    /// `Name: value`. Content-Type, Idempotency-Key and If-None-Match are passed on.
    #[serde(default)]
    headers: Vec<String>,
    /// Not supported: a batch cannot hold files.
    attached_files: Option<String>,
}

/// What one call of a batch was answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OperationAnswer {
    /// The status.
    #[schema(example = 200)]
    code: u16,
    /// Missing, if `include_headers` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<HeaderEntry>>,
    /// The body as text.
    body: String,
}

/// A header of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeaderEntry {
    name: String,
    value: String,
}

/// What the operations of a batch have in common.
pub(super) struct Shared {
    routes: Option<Routes>,
    /// The host that the request was sent to, and what a proxy says of it: what the addresses of
    /// neighbouring pages are made of.
    host: Option<HeaderValue>,
    forwarded: Option<Forwarded>,
    /// What stands before the paths of operations that have no version of their own.
    base: String,
}

impl FromRequestParts<App> for Shared {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let base = parts.extensions.get::<Base>();
        let mount = base.map(Base::mount).unwrap_or_default();
        let version = base.and_then(Base::version).unwrap_or(NEWEST);
        Ok(Self {
            routes: parts.extensions.get::<Routes>().cloned(),
            host: parts.headers.get(header::HOST).cloned(),
            forwarded: parts.extensions.get().cloned(),
            base: format!("{mount}/{version}"),
        })
    }
}

/// Makes several calls, one after the other, and answers what each of them was answered, in their
/// order. An operation that was not made, and one whose success was to be left out, is null.
#[utoipa::path(
    post,
    path = "/",
    operation_id = "batch",
    request_body(content(
        (BatchRequest = "application/json"),
        (BatchRequest = "application/x-www-form-urlencoded"),
        (BatchRequest = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "An answer for each operation, or null", body = Vec<Option<OperationAnswer>>),
        (status = 400, description = "The batch is empty or too long, or an operation cannot be read", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn run(
    State(app): State<App>,
    Sent(token): Sent,
    shared: Shared,
    params: Params,
) -> Result<Json<Vec<Option<OperationAnswer>>>, Error> {
    params.refuse_key()?;
    let given: BatchRequest = params.read()?;
    let with_headers = given.include_headers.unwrap_or(true);
    let Some(routes) = &shared.routes else {
        return Err(Problem::field("batch", "cannot hold a batch").into());
    };
    let planned = plan(required("batch", given.batch)?)?;
    let begun = app.runtime.now();
    let mut done: Vec<Done> = Vec::with_capacity(planned.len());
    let mut bytes = 0;
    for operation in &planned {
        let in_time = app.runtime.now().as_millis().saturating_sub(begun.as_millis()) < TIME_MAX_MS;
        let may = in_time
            && bytes < ANSWERS_BYTES_MAX
            && operation.after.iter().all(|earlier| done[*earlier].succeeded());
        let one = if may {
            // What is wrong with one operation is its answer: others may have been made already.
            match operation.make(&shared, routes, &token, &done).await {
                Ok(response) => Done::read(response).await,
                Err(problem) => Done::read(Error::from(problem).into_response()).await,
            }
        } else {
            Done::Not
        };
        bytes += one.bytes();
        done.push(one);
    }
    let answers = planned.iter().zip(done);
    Ok(Json(answers.map(|(operation, done)| done.answer(operation, with_headers)).collect()))
}

/// An operation that can be made.
#[derive(Debug)]
struct Planned {
    at: String,
    method: Method,
    url: Template,
    body: Option<Template>,
    access_token: Option<String>,
    headers: HeaderMap,
    /// The places of the operations on which this one depends.
    after: Vec<usize>,
    omit_success: bool,
}

/// What came of an operation.
enum Done {
    /// It was not made.
    Not,
    Answered {
        status: u16,
        headers: HeaderMap,
        body: String,
    },
}

/// Checks the operations and finds out which depends on which.
fn plan(operations: Vec<Operation>) -> Result<Vec<Planned>, Problem> {
    if operations.is_empty() || operations.len() > OPERATIONS_MAX {
        let detail =
            format!("must hold 1 to {OPERATIONS_MAX} operations, got {}", operations.len());
        return Err(Problem::field("batch", detail));
    }
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut planned: Vec<Planned> = Vec::with_capacity(operations.len());
    let mut omitted = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        let at = format!("batch[{index}]");
        let method = required(&format!("{at}.method"), operation.method)?;
        let method = match method.to_ascii_uppercase().as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "DELETE" => Method::DELETE,
            _ => {
                let detail = format!("must be GET, POST, PUT or DELETE, got {method:?}");
                return Err(Problem::field(format!("{at}.method"), detail));
            }
        };
        if operation.attached_files.is_some() {
            let detail = "is not supported: send files in a request of their own";
            return Err(Problem::field(format!("{at}.attached_files"), detail));
        }
        let url = required(&format!("{at}.relative_url"), operation.relative_url)?;
        let url = Template::parse(&format!("{at}.relative_url"), &url, &names)?;
        let body = operation.body.filter(|body| !body.trim().is_empty());
        let body =
            body.map(|body| Template::parse(&format!("{at}.body"), &body, &names)).transpose()?;
        let mut after: Vec<usize> =
            url.after().chain(body.iter().flat_map(Template::after)).collect();
        if let Some(name) = operation.depends_on {
            let earlier = names.get(&name).ok_or_else(|| {
                let detail = format!("must be the name of an earlier operation, got {name:?}");
                Problem::field(format!("{at}.depends_on"), detail)
            })?;
            after.push(*earlier);
        }
        let headers = own_headers(&at, &operation.headers)?;
        if let Some(name) = operation.name
            && names.insert(name, index).is_some()
        {
            return Err(Problem::field(format!("{at}.name"), "is used twice"));
        }
        let access_token = operation.access_token;
        omitted.push(operation.omit_response_on_success);
        let omit_success = false;
        planned.push(Planned { at, method, url, body, access_token, headers, after, omit_success });
    }
    let depended: Vec<usize> = planned.iter().flat_map(|one| one.after.clone()).collect();
    for (index, (one, omit)) in planned.iter_mut().zip(omitted).enumerate() {
        one.omit_success = omit.unwrap_or_else(|| depended.contains(&index));
    }
    Ok(planned)
}

fn own_headers(at: &str, given: &[String]) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (index, line) in given.iter().enumerate() {
        let wrong = || {
            Problem::field(
                format!("{at}.headers[{index}]"),
                "must be like Content-Type: text/plain",
            )
        };
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name = name.trim().to_ascii_lowercase();
        if let Some(name) = OWN_HEADERS.into_iter().find(|own| own.as_str() == name) {
            let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

impl Planned {
    /// Sends the operation through the routes.
    ///
    /// # Errors
    ///
    /// What it refers to is not in the earlier answer, or its path cannot be a path.
    async fn make(
        &self,
        shared: &Shared,
        Routes(routes): &Routes,
        token: &str,
        done: &[Done],
    ) -> Result<Response, Problem> {
        let url = self.url.fill(&format!("{}.relative_url", self.at), done, Escape::Percent)?;
        let path = url.trim_start_matches('/');
        let separated = format!("/{path}");
        let mount = shared.base.rsplit_once('/').map_or("", |(mount, _)| mount);
        let uri = if version(&separated).is_some() {
            format!("{mount}{separated}")
        } else {
            format!("{}{separated}", shared.base)
        };
        let uri: Uri = uri.parse().map_err(|_| {
            Problem::field(format!("{}.relative_url", self.at), "must be a path, percent-encoded")
        })?;
        let body = match &self.body {
            None => String::new(),
            Some(body) => body.fill(&format!("{}.body", self.at), done, body.escape())?,
        };
        let is_json = self.body.as_ref().is_some_and(|body| body.escape() == Escape::Json);
        // The body of a GET is not read.
        let read = if self.method == Method::GET { "" } else { &body };
        let has_own = self.access_token.is_none() && names_token(&uri, read, is_json);
        let mut request = Request::builder().method(self.method.clone()).uri(uri);
        if let Some(headers) = request.headers_mut() {
            headers.extend(shared.host.clone().map(|host| (header::HOST, host)));
            if !body.is_empty() {
                let kind =
                    if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            headers.extend(self.headers.clone());
            if !has_own {
                let token = self.access_token.as_deref().unwrap_or(token);
                let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                    Problem::field(format!("{}.access_token", self.at), "cannot be a token")
                })?;
                headers.insert(header::AUTHORIZATION, bearer);
            }
        }
        let Ok(mut request) = request.body(axum::body::Body::from(body)) else {
            return Err(Problem::field(&self.at, "cannot be a request"));
        };
        if let Some(forwarded) = &shared.forwarded {
            request.extensions_mut().insert(forwarded.clone());
        }
        if Choice::make(&Dialect::ALL, &mut request) != Api::Vendor(Dialect::META) {
            let detail = "must lead to Graph's API";
            return Err(Problem::field(format!("{}.relative_url", self.at), detail));
        }
        match routes.clone().oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

/// Whether an operation has a token of its own, in its query or in its body.
fn names_token(uri: &Uri, body: &str, is_json: bool) -> bool {
    let among = |pairs: &str| {
        let mut pairs = url::form_urlencoded::parse(pairs.as_bytes());
        pairs.any(|(name, token)| name == "access_token" && !token.trim().is_empty())
    };
    let in_body = if is_json {
        let body = serde_json::from_str::<Value>(body).unwrap_or_default();
        let token = body.get("access_token").and_then(Value::as_str);
        token.is_some_and(|token| !token.trim().is_empty())
    } else {
        among(body)
    };
    in_body || among(uri.query().unwrap_or_default())
}

impl Done {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        // Our own answers are in memory, whole.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Self::Answered { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn succeeded(&self) -> bool {
        matches!(self, Self::Answered { status, .. } if *status < 400)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Not => 0,
            Self::Answered { body, .. } => body.len(),
        }
    }

    fn answer(self, operation: &Planned, with_headers: bool) -> Option<OperationAnswer> {
        let omitted = operation.omit_success && self.succeeded();
        let Self::Answered { status, headers, body } = self else { return None };
        if omitted {
            return None;
        }
        let entry = |(name, value): (&HeaderName, &HeaderValue)| HeaderEntry {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        let headers = with_headers.then(|| headers.iter().map(entry).collect());
        Some(OperationAnswer { code: status, headers, body })
    }
}

/// A text with references to the answers of earlier operations.
#[derive(Debug)]
struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Reference { earlier: usize, path: Vec<Step> },
}

/// One step of a `JSONPath`.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// `.name`
    Name(String),
    /// `[n]`
    Index(usize),
    /// `.*` or `[*]`
    All,
}

/// How a value is written where it is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// In a path, a query or a form.
    Percent,
    /// Inside a text in JSON.
    Json,
}

impl Template {
    /// Reads a text; `names` are the operations that it can refer to.
    ///
    /// # Errors
    ///
    /// A reference names no earlier operation, or has a path that is not supported; or there are too
    /// many of them.
    fn parse(field: &str, text: &str, names: &HashMap<String, usize>) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::field(field, detail);
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(REFERENCE) {
            if pieces.len() >= 2 * REFERENCES_MAX {
                return Err(wrong(format!("must not have more than {REFERENCES_MAX} references")));
            }
            let supported = "must refer as {result=name:$.path}; steps are .name, [n], .* and [*]";
            let (reference, behind) =
                behind.split_once('}').ok_or_else(|| wrong(supported.to_owned()))?;
            let (name, path) =
                reference.split_once(':').ok_or_else(|| wrong(supported.to_owned()))?;
            let earlier = names.get(name).ok_or_else(|| {
                wrong(format!("must refer to an earlier operation, got {name:?}"))
            })?;
            let path = steps(path).ok_or_else(|| wrong(format!("{supported}; got {path:?}")))?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Reference { earlier: *earlier, path });
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The places of the operations that it refers to.
    fn after(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Reference { earlier, .. } => Some(*earlier),
        })
    }

    /// As what values are filled in, where the text is a body.
    fn escape(&self) -> Escape {
        match self.0.first() {
            Some(Piece::Text(text)) if text.trim_start().starts_with('{') => Escape::Json,
            _ => Escape::Percent,
        }
    }

    /// Fills in what earlier operations were answered.
    ///
    /// # Errors
    ///
    /// There is nothing at a path, or no text, number or boolean; or the text becomes longer than a
    /// request may be.
    fn fill(&self, field: &str, done: &[Done], escape: Escape) -> Result<String, Problem> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Reference { earlier, path } => {
                    let value = value(&done[*earlier], path).ok_or_else(|| {
                        let detail = "refers to something that batch";
                        let what =
                            format!("[{earlier}] did not answer as a text, number or boolean");
                        Problem::field(field, format!("{detail}{what}"))
                    })?;
                    escape.push(&mut filled, &value);
                }
            }
            if filled.len() > JSON_BYTES_MAX {
                let detail = format!("is longer than {JSON_BYTES_MAX} bytes once filled in");
                return Err(Problem::field(field, detail));
            }
        }
        Ok(filled)
    }
}

impl Escape {
    fn push(self, filled: &mut String, value: &str) {
        match self {
            Self::Percent => {
                for byte in value.bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        filled.push(char::from(byte));
                    } else {
                        let _ = write!(filled, "%{byte:02X}");
                    }
                }
            }
            Self::Json => {
                let quoted = Value::from(value).to_string();
                filled.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
}

/// Reads the subset of `JSONPath` that is supported; `None` for anything else.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, behind) = if let Some(behind) = rest.strip_prefix('.') {
            let end = behind.find(['.', '[']).unwrap_or(behind.len());
            let (name, behind) = behind.split_at(end);
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let step = match name {
                "*" => Step::All,
                "" => return None,
                name if name.chars().all(word) => Step::Name(name.to_owned()),
                _ => return None,
            };
            (step, behind)
        } else {
            let (index, behind) = rest.strip_prefix('[')?.split_once(']')?;
            let step = if index == "*" { Step::All } else { Step::Index(index.parse().ok()?) };
            (step, behind)
        };
        steps.push(step);
        rest = behind;
    }
    Some(steps)
}

/// What is at a path of an answer; several values with commas between them.
fn value(done: &Done, path: &[Step]) -> Option<String> {
    let Done::Answered { body, .. } = done else { return None };
    let body: Value = serde_json::from_str(body).ok()?;
    let mut found = vec![&body];
    for step in path {
        found = found
            .into_iter()
            .flat_map(|value| -> Vec<&Value> {
                match (step, value) {
                    (Step::Name(name), value) => value.get(name).into_iter().collect(),
                    (Step::Index(index), value) => value.get(*index).into_iter().collect(),
                    (Step::All, Value::Array(items)) => items.iter().collect(),
                    (Step::All, Value::Object(fields)) => fields.values().collect(),
                    (Step::All, _) => Vec::new(),
                }
            })
            .collect();
    }
    if found.is_empty() {
        return None;
    }
    let texts = found.into_iter().map(|value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    Some(texts.collect::<Option<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answered(body: &str) -> Done {
        Done::Answered { status: 200, headers: HeaderMap::new(), body: body.to_owned() }
    }

    #[test]
    fn references_are_filled_in() {
        let names = HashMap::from([("list".to_owned(), 0)]);
        let done = [answered(
            r#"{"data":[{"id":"a/b","n":1},{"id":"c\"d","n":true}],"paging":{"x y":null}}"#,
        )];
        for (text, escape, expected) in [
            ("plain", Escape::Percent, Some("plain")),
            ("{result=list:$.data.*.id}", Escape::Percent, Some("a%2Fb%2Cc%22d")),
            ("ids={result=list:$.data[*].id}&x", Escape::Percent, Some("ids=a%2Fb%2Cc%22d&x")),
            ("{result=list:$.data[0].n}{result=list:$.data[1].n}", Escape::Percent, Some("1true")),
            ("{\"a\":\"{result=list:$.data[1].id}\"}", Escape::Json, Some("{\"a\":\"c\\\"d\"}")),
            ("{result=list:$.data[2].id}", Escape::Percent, None),
            ("{result=list:$.data}", Escape::Percent, None),
            ("{result=list:$.paging.*}", Escape::Percent, None),
            ("{result=list:$.nothing.*}", Escape::Percent, None),
        ] {
            let template = Template::parse("f", text, &names).unwrap();
            let filled = template.fill("f", &done, escape).ok();
            assert_eq!(filled.as_deref(), expected, "{text}");
        }
        let long = [answered(&serde_json::json!({ "a": "x".repeat(10_000) }).to_string())];
        for (references, expected) in [(26, true), (27, false)] {
            let text = "{result=list:$.a}".repeat(references);
            let template = Template::parse("f", &text, &names).unwrap();
            assert_eq!(template.fill("f", &long, Escape::Percent).is_ok(), expected);
        }
        for (references, expected) in [(64, true), (65, false)] {
            let text = "{result=list:$.a}".repeat(references);
            assert_eq!(Template::parse("f", &text, &names).is_ok(), expected);
        }
        for text in [
            "{result=",
            "{result=list}",
            "{result=other:$.a}",
            "{result=list:data}",
            "{result=list:$..id}",
            "{result=list:$.}",
            "{result=list:$.data[?(@.n>1)]}",
            "{result=list:$.data[-1]}",
            "{result=list:$.data[0}",
            "{result=list:$['data']}",
        ] {
            assert!(Template::parse("f", text, &names).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "(\\{result=(one|two)?:?|\\$|\\.|\\*|\\[|\\]|[0-9]|\\}|[a-z é\"]){0,30}",
        ) {
            let names = HashMap::from([("one".to_owned(), 0)]);
            if let Ok(template) = Template::parse("f", &text, &names) {
                let done = [answered(r#"{"a":[1,{"b":"c"}]}"#)];
                let _ = template.fill("f", &done, Escape::Percent);
                let _ = template.fill("f", &done, Escape::Json);
            }
        }
    }
}
