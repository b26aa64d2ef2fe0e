//! The parameters of a call in Graph's family: one map, wherever they stood.
//!
//! Graph does not care whether a parameter came in the query, in a form, in a multipart form or in
//! JSON, nor how a list is written: brackets (`a[]`, `a[0][k]`), JSON text and comma-separated text
//! are the same. `Incoming` reads a request, [`Params`] is the map, [`Params::read`] turns it into
//! the struct that a call wants, in which the field's type decides how a value is understood.
//!
//! Source: Meta's own samples, and what the SDKs of PHP, Python and JavaScript send.

mod brackets;
mod coerce;
mod multipart;

use std::borrow::Cow;
use std::future::ready;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequest;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::future::Either;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wire::graph::value::Names;
use wire::problem::Problem;

use self::brackets::Tree;
use self::coerce::Coerced;
pub use self::multipart::Part;
use self::multipart::{Form, large_place};
use crate::app::App;
use crate::app::caller::Idempotency;
use crate::app::shares::Share;
use crate::kit::body::{
    ContentType, FORM_BYTES_MAX, IDEMPOTENCY_KEY, JSON_BYTES_MAX, Kind, collect, deserialize,
    idempotency, is_gzip, json_object, json_text, refuse_key,
};
use crate::kit::params;
use crate::page::Page;
use crate::runtime::Deadline;

/// Parameters in one call, brackets and parts counted one by one. Ours.
pub const PARAMETERS_MAX: usize = 4_096;
/// Bytes of a body that are kept before it is known who sends it. Ours.
const UNKNOWN_CALLER_BYTES_MAX: usize = 64 * 1_024;

/// The parameter that carries the key.
const TOKEN: &str = "access_token";

/// A value as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Param {
    /// A text, or a value of JSON.
    Value(Value),
    /// From `a[]` and `a[0]`.
    List(Vec<Param>),
    /// From `a[k]`.
    Map(Vec<(String, Param)>),
    /// A part of a multipart form that is a file or is not text.
    Bytes,
}

/// The parameters of a call. `E` is the error of the API that the call is for.
#[derive(Debug)]
pub struct Params<E> {
    read: Arc<Read>,
    error: PhantomData<E>,
}

/// What was read from a request, carried beside it.
#[derive(Debug)]
pub(crate) struct Read {
    /// An error where the body is not one that can be read: only calls that want parameters fail
    /// by that.
    values: Result<Vec<(String, Param)>, Problem>,
    parts: Vec<Part>,
    is_multipart: bool,
    idempotency: Option<Idempotency>,
    // Held as long as the bytes are.
    _share: Option<Share>,
}

/// Whose share of the memory a large body takes: a number's id, or an account's where the call is
/// not about one number.
#[derive(Debug, Clone)]
pub(crate) struct Payer(String);

impl Payer {
    /// Sets who pays for the body, beside the request: for whatever checks its key.
    pub(crate) fn set(parts: &mut Parts, id: &impl ToString) {
        if has_body(&parts.method) {
            parts.extensions.insert(Self(id.to_string()));
        }
    }
}

impl<E: From<Problem> + IntoResponse + Send> FromRequest<App> for Params<E> {
    type Rejection = E;

    /// Takes what was read before, or reads it. Only a body has to be waited for, and only a call
    /// that has one pays for the memory that waiting takes.
    fn from_request(
        request: Request<axum::body::Body>,
        app: &App,
    ) -> impl Future<Output = Result<Self, E>> + Send {
        let (parts, body) = request.into_parts();
        if let Some(read) = parts.extensions.get::<Arc<Read>>() {
            return Either::Left(ready(Ok(Self::from(Arc::clone(read)))));
        }
        let Incoming { query, body } = Incoming::new(app, &parts, body);
        let Some(unread) = body else {
            let read = Read::new(query, ReadBody::default(), &parts);
            return Either::Left(ready(read.map(Self::from).map_err(E::from)));
        };
        Either::Right(Box::pin(async move {
            let payer = parts.extensions.get().map_or("", |Payer(id)| id.as_str());
            let body = unread.read(app, &parts.headers, payer).await?;
            Ok(Self::from(Read::new(query, body, &parts)?))
        }))
    }
}

impl<E> From<Arc<Read>> for Params<E> {
    fn from(read: Arc<Read>) -> Self {
        Self { read, error: PhantomData }
    }
}

impl<E> From<Read> for Params<E> {
    fn from(read: Read) -> Self {
        Self::from(Arc::new(read))
    }
}

impl<E> Params<E> {
    /// The struct that a call wants. Unknown parameters are ignored.
    ///
    /// # Errors
    /// [`Problem::Field`] naming the parameter that cannot be understood, or what is wrong with the
    /// body.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let values = self.read.values.as_ref().map_err(Clone::clone)?;
        deserialize(Coerced::root(values))
    }

    /// The text of one parameter, if it was sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.read.text(name)
    }

    /// The page of the named list that `limit`, `after` and `before` ask for.
    ///
    /// # Errors
    /// [`Problem::Field`] for a limit out of range, for two cursors at once, and for one that is not
    /// a single value; [`Problem::Cursor`] for a cursor of another list.
    pub fn page(&self, list: &str) -> Result<Page, Problem> {
        self.read.values.as_ref().map_err(Clone::clone)?;
        for name in ["limit", "after", "before"] {
            self.read.only_text(name)?;
        }
        params::page(list, |name| self.get(name))
    }

    /// The parameter `fields`, which says what a call is to show.
    ///
    /// # Errors
    /// [`Problem::Field`] where it is not a list of names.
    pub fn fields(&self) -> Result<Option<String>, Problem> {
        #[derive(Deserialize)]
        struct Chosen {
            fields: Option<Names>,
        }
        if self.read.values.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(None);
        }
        Ok(self.read::<Chosen>()?.fields.map(|Names(fields)| fields))
    }

    /// A file, or any part of a multipart form, under the first of these names that was sent.
    #[must_use]
    pub fn part(&self, names: &[&str]) -> Option<&Part> {
        self.read.parts.iter().rev().find(|part| names.contains(&part.name.as_str()))
    }

    /// Whether the body is a multipart form.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.read.is_multipart
    }

    /// What makes the call repeatable, if the caller wants that.
    #[must_use]
    pub fn idempotency(&self) -> Option<Idempotency> {
        self.read.idempotency.clone()
    }

    /// Refuses an `Idempotency-Key` where the call could not keep what the key promises.
    ///
    /// # Errors
    /// [`Problem::Field`] naming the header, if there is a key.
    pub fn refuse_key(&self) -> Result<(), Problem> {
        refuse_key(self.read.idempotency.as_ref())
    }
}

impl Read {
    /// # Errors
    /// [`Problem::Field`] for an `Idempotency-Key` that is not one.
    fn new(mut query: Tree, body: ReadBody, parts: &Parts) -> Result<Self, Problem> {
        let ReadBody { tree, bytes, form, is_multipart } = body;
        // Most calls have no key: nothing is compared for them.
        let idempotency = if parts.headers.contains_key(&IDEMPOTENCY_KEY) {
            let content = content_of(&query, tree.as_ref().ok(), &bytes, &form.parts);
            idempotency(&parts.headers, parts.method.as_str(), parts.uri.path(), &content)?
        } else {
            None
        };
        let values = tree.and_then(|body| {
            query.overlay(body);
            query.into_values()
        });
        let ReadForm { parts, share } = form;
        Ok(Self { values, parts, is_multipart, idempotency, _share: share })
    }

    fn find(&self, name: &str) -> Option<&Param> {
        let values = self.values.as_ref().ok()?;
        values.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The text of one parameter, if it was sent as a text or a number.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.find(name)? {
            Param::Value(Value::String(text)) => Some(Cow::Borrowed(text)),
            Param::Value(Value::Number(number)) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// The text of one parameter that has no other notation: an error, if it was sent as a list, an
    /// object or a file.
    pub(crate) fn only_text(&self, name: &str) -> Result<Option<Cow<'_, str>>, Problem> {
        match (self.find(name), self.text(name)) {
            (None | Some(Param::Value(Value::Null)), _) => Ok(None),
            (Some(_), Some(text)) => Ok(Some(text)),
            (Some(_), None) => Err(Problem::field(name, "must be a single value")),
        }
    }
}

/// A request that is being read.
pub(crate) struct Incoming {
    query: Tree,
    /// Where the call has one that counts.
    body: Option<Unread>,
}

/// A body that is being read.
struct Unread {
    content_type: ContentType,
    deadline: Deadline,
    state: State,
}

/// How far a body was read.
enum State {
    /// Nothing was read.
    Waiting(axum::body::Body),
    /// All of it was read.
    Whole(Bytes),
    /// Some parts were read.
    Form(Form),
    /// It cannot be read.
    Broken(Problem),
}

impl Incoming {
    pub(crate) fn new(app: &App, parts: &Parts, body: axum::body::Body) -> Self {
        let mut query = Tree::default();
        for (name, text) in
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        {
            query.add(&name, Param::Value(Value::String(text.into_owned())));
        }
        let body = has_body(&parts.method).then(|| Unread {
            content_type: ContentType::of(&parts.headers),
            deadline: app.runtime.deadline(app.settings.body_timeout),
            state: State::Waiting(body),
        });
        Self { query, body }
    }

    /// The token in the query, if there is one.
    pub(crate) fn token_in_query(&self) -> Option<String> {
        self.query.text(TOKEN).map(str::to_owned)
    }

    /// Looks for the token in the body, and reads no more of it than that takes and than may be
    /// kept of a caller who is not known.
    pub(crate) async fn find_token(
        &mut self,
        headers: &HeaderMap,
    ) -> Result<Option<String>, Problem> {
        let Some(mut unread) = self.body.take() else { return Ok(None) };
        let found = match unread.state {
            State::Waiting(body) if unread.content_type.is_streamed_form(headers)? => {
                match Form::new(body, headers) {
                    Ok(mut form) => {
                        let found = form.read_until(TOKEN, &unread.deadline).await?;
                        unread.state = State::Form(form);
                        found
                    }
                    Err(problem) => {
                        unread.state = State::Broken(problem);
                        None
                    }
                }
            }
            State::Waiting(body) => {
                let max = UNKNOWN_CALLER_BYTES_MAX;
                let bytes = match collect(body, headers, max, &unread.deadline).await {
                    Ok(bytes) => bytes,
                    // A key may be in there; whoever has one can send it in the header.
                    Err(Problem::BodyTooLarge { .. }) => return Ok(None),
                    Err(problem) => return Err(problem),
                };
                let token = body_tree(&unread.content_type, &bytes).ok();
                let token = token.and_then(|tree| tree.text(TOKEN).map(str::to_owned));
                unread.state = State::Whole(bytes);
                token
            }
            // Looked at before.
            State::Whole(_) | State::Form(_) | State::Broken(_) => None,
        };
        self.body = Some(unread);
        Ok(found)
    }

    /// Reads the rest. Large bodies take a place of the payer's share.
    pub(crate) async fn finish(
        self,
        app: &App,
        parts: &Parts,
        payer: &str,
    ) -> Result<Read, Problem> {
        let body = match self.body {
            None => ReadBody::default(),
            Some(unread) => unread.read(app, &parts.headers, payer).await?,
        };
        Read::new(self.query, body, parts)
    }
}

/// Whether a call has a body that counts. One in a GET means nothing in HTTP; programs send it by
/// mistake.
fn has_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

impl ContentType {
    /// Whether the body is a form whose parts can be read one by one.
    fn is_streamed_form(&self, headers: &HeaderMap) -> Result<bool, Problem> {
        Ok(self.kind == Kind::Multipart && !is_gzip(headers)?)
    }
}

/// A body that was read.
struct ReadBody {
    /// An error where it is not a body that can be understood.
    tree: Result<Tree, Problem>,
    /// The whole of it, where it is not a form of several parts.
    bytes: Bytes,
    form: ReadForm,
    is_multipart: bool,
}

impl Default for ReadBody {
    fn default() -> Self {
        let (bytes, form) = (Bytes::new(), ReadForm::default());
        Self { tree: Ok(Tree::default()), bytes, form, is_multipart: false }
    }
}

impl Unread {
    /// # Errors
    /// Nothing of the request can be used.
    async fn read(self, app: &App, headers: &HeaderMap, payer: &str) -> Result<ReadBody, Problem> {
        let Self { content_type, deadline, state } = self;
        let is_multipart = content_type.kind == Kind::Multipart;
        let mut bytes = Bytes::new();
        let mut form = ReadForm::default();
        let tree = match state {
            State::Broken(problem) => Err(problem),
            State::Waiting(body) if is_multipart => {
                let body = if is_gzip(headers)? {
                    // It may become large at once, before any part of it can be counted.
                    form.share = Some(large_place(app, payer).await?);
                    collect(body, headers, FORM_BYTES_MAX, &deadline).await?.into()
                } else {
                    body
                };
                match Form::new(body, headers) {
                    Ok(begun) => form.read(begun, app, payer, &deadline).await,
                    Err(problem) => Err(problem),
                }
            }
            State::Form(begun) => form.read(begun, app, payer, &deadline).await,
            State::Waiting(body) => {
                bytes = collect(body, headers, JSON_BYTES_MAX, &deadline).await?;
                body_tree(&content_type, &bytes)
            }
            State::Whole(whole) if is_multipart => match Form::new(whole.into(), headers) {
                Ok(begun) => form.read(begun, app, payer, &deadline).await,
                Err(problem) => Err(problem),
            },
            State::Whole(whole) => {
                bytes = whole;
                body_tree(&content_type, &bytes)
            }
        };
        match tree {
            Err(problem) if problem.ends_reading() => Err(problem),
            tree => Ok(ReadBody { tree, bytes, form, is_multipart }),
        }
    }
}

/// What makes a call the same call under an `Idempotency-Key`. The token does not count: it is not
/// what the call asks for.
fn content_of(query: &Tree, body: Option<&Tree>, bytes: &Bytes, parts: &[Part]) -> Vec<u8> {
    let mut content = match body.filter(|body| parts.is_empty() && body.text(TOKEN).is_some()) {
        Some(body) => body.spelled_without(TOKEN).into_bytes(),
        None => bytes.to_vec(),
    };
    for part in parts.iter().filter(|part| part.name != TOKEN) {
        content.extend_from_slice(&part.fingerprint());
    }
    let asked = query.spelled_without(TOKEN);
    if !asked.is_empty() {
        content.push(0);
        content.extend_from_slice(asked.as_bytes());
    }
    content
}

/// A form that was read, and the place in memory that it takes.
#[derive(Default)]
struct ReadForm {
    parts: Vec<Part>,
    share: Option<Share>,
}

impl ReadForm {
    /// Reads all parts, and gives the parameters among them.
    async fn read(
        &mut self,
        form: Form,
        app: &App,
        payer: &str,
        deadline: &Deadline,
    ) -> Result<Tree, Problem> {
        let share = self.share.take();
        (self.parts, self.share) = form.read_all(app, payer, share, deadline).await?;
        let mut tree = Tree::default();
        for part in &self.parts {
            tree.add(&part.name, part.param());
        }
        Ok(tree)
    }
}

/// The parameters in a body that is not multipart.
fn body_tree(content_type: &ContentType, bytes: &Bytes) -> Result<Tree, Problem> {
    let text = json_text(bytes);
    let mut tree = Tree::default();
    match content_type.kind {
        Kind::Urlencoded if !text.starts_with(b"{") => {
            for (name, text) in url::form_urlencoded::parse(bytes.trim_ascii()) {
                tree.add(&name, Param::Value(Value::String(text.into_owned())));
            }
        }
        Kind::Json | Kind::Urlencoded => {
            let object: serde_json::Map<String, Value> = json_object(bytes)?;
            for (name, value) in object {
                tree.add(&name, Param::Value(value));
            }
        }
        // A body that is not there is of no type.
        Kind::Other if text.is_empty() => {}
        Kind::Multipart | Kind::Other => return Err(content_type.refused()),
    }
    Ok(tree)
}

impl Part {
    /// What makes this part the same part when a call is repeated: clients draw a new boundary for
    /// each attempt.
    fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for text in [Some(&self.name), self.file_name.as_ref(), self.content_type.as_ref()] {
            let text = text.map_or("", String::as_str);
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
        hash.chain_update(&self.bytes).finalize().into()
    }
}
