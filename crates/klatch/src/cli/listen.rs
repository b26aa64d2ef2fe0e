//! `klatch listen`: a receiver in the terminal, to be left open beside the editor. It subscribes
//! itself, shows what arrives, hands it on to a program where one is named, and unsubscribes itself
//! at the end.

use std::collections::HashSet;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use domain::values::Timestamp;
use jiff::Timestamp as Moment;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use wire::Dialect;

use super::client::{self, NoAnswer, call, given};
use super::receiver::{Arrived, Receiver, title};
use crate::config::ClientArgs;
use crate::directory::Secret;
use crate::mint::Mint;
use crate::runtime::Runtime;
use crate::words::dialects;
use crate::{sandbox, telemetry};

/// How often the lease of the subscription is renewed. That also shows whether the server still
/// knows the subscription: `klatch dev` forgets everything when it is started again.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Seconds after which the server removes the subscription if this program has been killed.
const LEASE_SECS: u64 = 30;
/// How long the server may take to answer, while webhooks wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the program that webhooks are handed on to may take.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);
/// Ids that are remembered, to tell which webhooks come again.
const SEEN_MAX: usize = 100_000;
/// Headers that belong to a connection, and are not handed on.
const HOP_BY_HOP: [&str; 4] = ["host", "content-length", "connection", "transfer-encoding"];

/// What to listen to.
#[derive(Debug, clap::Args)]
pub(super) struct ListenArgs {
    /// Hand everything on to this address, and answer as it does.
    #[arg(long, value_name = "URL")]
    forward: Option<reqwest::Url>,
    /// In whose words to be told.
    #[arg(long, value_parser = dialects(), default_value = Dialect::META.name)]
    dialect: Dialect,
    /// The number whose events are told; the server's only one if left out.
    #[arg(long)]
    phone_number_id: Option<String>,
    /// The account whose numbers' events are told, instead of a number's.
    #[arg(long, conflicts_with = "phone_number_id")]
    account_id: Option<String>,
    /// Of what, such as `group_participants_update`; may be repeated. Everything if left out.
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// Secret that signs the webhooks, 16 to 256 characters; other users of this machine can see
    /// it in the list of processes. If left out: the app secret for `meta`, and a random one for
    /// the others.
    #[arg(long)]
    secret: Option<String>,
    /// Port to listen on; a free one if left out.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where the server reaches this program, if not at this machine's own address.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Print one line for each webhook, without its body.
    #[arg(long)]
    brief: bool,
}

/// Listens until it is told to stop.
pub(super) async fn run(
    args: ListenArgs,
    client: &ClientArgs,
    runtime: Runtime,
) -> anyhow::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // The terminal was closed.
    let mut hangup = signal(SignalKind::hangup())?;
    let mint = Mint::new(runtime.clone());
    let source = Source::find(&args, client).await?;
    let signing = Signing::choose(&args, client, &source.account, &mint).await?;
    let here = (IpAddr::V4(Ipv4Addr::LOCALHOST), args.port);
    let mut receiver = Receiver::start(&runtime, here, signing.secret.clone())
        .await
        .with_context(|| format!("cannot listen on port {}", args.port))?;
    let url = args.public_url.clone().unwrap_or_else(|| format!("http://{}/", receiver.address));
    let (id, token) = (String::new(), mint.secret());
    let mut subscriber = Subscriber {
        runtime: runtime.clone(),
        args: &args,
        client,
        url,
        source,
        signing,
        token,
        id,
        is_gone: false,
    };
    subscriber.start().await?;
    let mut display = Display { brief: args.brief, seen: HashSet::new() };
    let forward = args.forward.clone().map(Forward::new).transpose()?.map(Arc::new);
    let mut renewals = runtime.interval(RENEW_EVERY, RENEW_EVERY);
    loop {
        tokio::select! {
            biased;
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = hangup.recv() => break,
            _ = renewals.tick() => subscriber.renew().await?,
            arrived = receiver.next() => match arrived {
                Some(arrived) => {
                    display.show(&arrived, runtime.now())?;
                    answer(&runtime, arrived, forward.clone());
                }
                None => bail!("the receiver has stopped"),
            },
        }
    }
    eprintln!("unsubscribing");
    subscriber.unsubscribe().await;
    Ok(())
}

/// Whose events are subscribed to.
struct Source {
    /// The number; `None` for all numbers of the account.
    number: Option<String>,
    account: String,
}

impl Source {
    /// What the arguments name, or else the server's only number.
    async fn find(args: &ListenArgs, client: &ClientArgs) -> anyhow::Result<Self> {
        if let Some(account) = args.account_id.clone() {
            return Ok(Self { number: None, account });
        }
        let number = match &args.phone_number_id {
            Some(id) => call(client, Method::GET, &["numbers", id], &[], None).await?,
            None => only_number(client).await?,
        };
        let text = |field: &str| {
            let value = number[field].as_str().map(str::to_owned);
            value.with_context(|| format!("the server has shown a number without {field}"))
        };
        Ok(Self { number: Some(text("phone_number_id")?), account: text("account_id")? })
    }
}

async fn only_number(client: &ClientArgs) -> anyhow::Result<Value> {
    let query = [("limit", "2".to_owned())];
    let mut listed = call(client, Method::GET, &["numbers"], &query, None).await?;
    match listed["data"].as_array().map_or(0, Vec::len) {
        0 => bail!(
            "the server has no number yet: add one with `klatch number add`, or name an account \
             with --account-id"
        ),
        1 => Ok(listed["data"][0].take()),
        _ => bail!(
            "the server has several numbers: name one with --phone-number-id, or all of an \
                    account with --account-id"
        ),
    }
}

/// The secret that signs the webhooks.
struct Signing {
    secret: Secret,
    /// What is printed about it. The secret itself is in it only if it was given as an argument,
    /// or if the server is a sandbox.
    description: String,
}

impl Signing {
    async fn choose(
        args: &ListenArgs,
        client: &ClientArgs,
        account: &str,
        mint: &Mint,
    ) -> anyhow::Result<Self> {
        if let Some(secret) = &args.secret {
            let description = format!("{secret}  (from --secret)");
            return Ok(Self { secret: Secret::new(secret.clone()), description });
        }
        let shown = call(client, Method::GET, &["accounts", account], &[], None).await?;
        let app_secret = shown["app_secret"].as_str().unwrap_or_default();
        let is_sandbox = app_secret == sandbox::APP_SECRET;
        let (secret, description) = match (args.dialect.webhooks.always_signs, is_sandbox) {
            (true, true) => {
                (app_secret.to_owned(), format!("{app_secret}  (the sandbox's app secret)"))
            }
            (true, false) => (
                app_secret.to_owned(),
                format!("the app secret of {account}; `klatch account show {account}` shows it"),
            ),
            (false, true) => {
                let secret = mint.signing_secret();
                let description = format!("{secret}  (random; choose one with --secret)");
                (secret, description)
            }
            (false, false) => (
                mint.signing_secret(),
                "random, and not shown; choose one with --secret".to_owned(),
            ),
        };
        Ok(Self { secret: Secret::new(secret), description })
    }
}

struct Subscriber<'a> {
    runtime: Runtime,
    args: &'a ListenArgs,
    client: &'a ClientArgs,
    url: String,
    source: Source,
    signing: Signing,
    token: String,
    /// The subscription's id.
    id: String,
    /// Whether the server did not answer the last time.
    is_gone: bool,
}

impl Subscriber<'_> {
    /// Subscribes. A leased subscription of an earlier run, which was killed, may still be there
    /// for this address; it is replaced.
    async fn start(&mut self) -> anyhow::Result<()> {
        let error = match self.subscribe().await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Some(NoAnswer::Refused { subscription_id: Some(earlier), .. }) = error.downcast_ref()
        else {
            return Err(error);
        };
        let path = ["subscriptions", earlier];
        let found = call(self.client, Method::GET, &path, &[], None).await?;
        if found["lease_until"].is_null() {
            return Err(error);
        }
        call(self.client, Method::DELETE, &path, &[], None).await?;
        eprintln!("replaced {earlier}, which an earlier `klatch listen` has left");
        self.subscribe().await
    }

    /// Subscribes, and says so.
    async fn subscribe(&mut self) -> anyhow::Result<()> {
        let ListenArgs { dialect, fields, .. } = self.args;
        let Source { number, account } = &self.source;
        let body = given([
            ("url", Some(json!(self.url))),
            ("dialect", Some(json!(dialect.as_str()))),
            ("phone_number_id", number.clone().map(Value::from)),
            ("account_id", Some(json!(account))),
            ("fields", (!fields.is_empty()).then(|| json!(fields))),
            ("secret", Some(json!(self.signing.secret.reveal()))),
            ("verify_token", Some(json!(self.token))),
            ("lease_secs", Some(json!(LEASE_SECS))),
        ]);
        let made = call(self.client, Method::POST, &["subscriptions"], &[], Some(body))
            .await
            .with_context(|| format!("cannot subscribe {}", self.url))?;
        let id = made["id"].as_str().context("the server has made a subscription without an id")?;
        writeln!(
            std::io::stdout(),
            "listening to {} as {id}, in the words of {}; Ctrl-C stops\n  secret  {}",
            number.as_ref().unwrap_or(account),
            dialect.as_str(),
            self.signing.description,
        )?;
        if let Some(url) = &self.args.forward {
            writeln!(std::io::stdout(), "  handing everything on to {url}")?;
        }
        writeln!(std::io::stdout())?;
        id.clone_into(&mut self.id);
        Ok(())
    }

    /// Renews the lease, or subscribes again if the server has forgotten the subscription. A server
    /// that does not answer may come back and remember it.
    async fn renew(&mut self) -> anyhow::Result<()> {
        let path = ["subscriptions", self.id.as_str(), "renew"];
        let body = json!({ "lease_secs": LEASE_SECS });
        let renewed = call(self.client, Method::POST, &path, &[], Some(body));
        match self.runtime.timeout(ANSWER_TIMEOUT, renewed).await {
            Ok(Err(NoAnswer::Unreachable { url, .. })) => {
                if !std::mem::replace(&mut self.is_gone, true) {
                    eprintln!("the server at {url} is gone; waiting for it to come back");
                }
            }
            Ok(Err(NoAnswer::Refused { status: reqwest::StatusCode::NOT_FOUND, .. })) => {
                self.is_gone = false;
                eprintln!("the server does not know the subscription any more; subscribing again");
                self.subscribe().await?;
            }
            Ok(Err(
                error @ NoAnswer::Refused { status: reqwest::StatusCode::UNAUTHORIZED, .. },
            )) => {
                // It is another server now, or has another token: it would refuse all that follows.
                return Err(error.into());
            }
            Ok(Ok(_)) if std::mem::replace(&mut self.is_gone, false) => {
                eprintln!("the server is back");
            }
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    /// A server that is gone has forgotten us, or finds out by itself.
    async fn unsubscribe(&self) {
        let path = ["subscriptions", self.id.as_str()];
        let removed = call(self.client, Method::DELETE, &path, &[], None);
        let _ = self.runtime.timeout(ANSWER_TIMEOUT, removed).await;
    }
}

struct Display {
    brief: bool,
    seen: HashSet<String>,
}

impl Display {
    fn show(&mut self, arrived: &Arrived, now: Timestamp) -> anyhow::Result<()> {
        let mut out = std::io::stdout();
        let now = Moment::from_millisecond(now.as_millis())?;
        let body: Value = serde_json::from_slice(&arrived.body).unwrap_or_default();
        let signed = if arrived.signed { "signed" } else { "WRONG SIGNATURE" };
        if self.seen.len() >= SEEN_MAX {
            self.seen.clear();
        }
        let again = if self.seen.insert(arrived.id().to_owned()) { "" } else { ", again" };
        writeln!(out, "{now:.3}  {}  {} ({signed}{again})", title(&body), arrived.id())?;
        if self.brief {
            return Ok(());
        }
        // What is around the news is the same each time.
        let news = [&body["entry"][0]["changes"][0]["value"]["groups"], &body["notifications"]];
        let news = news.into_iter().find(|news| !news.is_null()).unwrap_or(&body);
        for line in serde_json::to_string_pretty(news)?.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out)?;
        Ok(())
    }
}

/// Answers a webhook: by itself, or as the program does that it is handed on to.
fn answer(runtime: &Runtime, arrived: Arrived, forward: Option<Arc<Forward>>) {
    let Some(forward) = forward else {
        arrived.answer(StatusCode::OK.into_response());
        return;
    };
    // Each on its own: a slow program holds up its own webhook only.
    runtime.spawn(async move {
        let (headers, body) = (arrived.headers.clone(), arrived.body.clone());
        let id = arrived.id().to_owned();
        let answer = match forward.hand_on(headers, body).await {
            Ok(answer) => answer,
            Err(error) => {
                let why = telemetry::chain(&error.without_url());
                eprintln!("{id}: {} did not take it: {why}", forward.url);
                StatusCode::BAD_GATEWAY.into_response()
            }
        };
        let status = answer.status();
        if !status.is_success() {
            eprintln!("{id}: answered {status}");
        }
        arrived.answer(answer);
    });
}

/// The program that webhooks are handed on to.
struct Forward {
    client: Client,
    url: reqwest::Url,
}

impl Forward {
    fn new(url: reqwest::Url) -> anyhow::Result<Self> {
        Ok(Self { client: client::build()?, url })
    }

    /// Sends a webhook on as it came, and gives the answer as it comes.
    async fn hand_on(&self, mut headers: HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        for name in HOP_BY_HOP {
            headers.remove(name);
        }
        let request = self.client.post(self.url.clone()).headers(headers).body(body);
        let response = request.timeout(FORWARD_TIMEOUT).send().await?;
        let status = response.status();
        let mut headers = HeaderMap::new();
        for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
            if let Some(value) = response.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Ok((status, headers, response.bytes().await?).into_response())
    }
}
