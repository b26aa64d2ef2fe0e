//! `klatch listen`: a receiver in the terminal, to be left open beside the editor. It subscribes
//! itself, shows what arrives, hands it on to a program where one is named, and unsubscribes itself
//! at the end.

use std::collections::HashSet;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use jiff::Timestamp as Moment;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::client::{self, NoAnswer, call, given};
use super::receiver::{Arrived, Receiver, title};
use crate::app::clock::{Clock as _, SystemClock};
use crate::app::mint::Mint;
use crate::config::ClientArgs;
use crate::dialect::Dialect;
use crate::directory::Secret;
use crate::telemetry;

/// How often it is made sure that the server still knows of us: `klatch dev` forgets everything
/// when it is started again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the server may take to answer that, while webhooks wait.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
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
    #[arg(long, value_enum, default_value_t = Dialect::Meta)]
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
pub(super) async fn run(args: ListenArgs, client: &ClientArgs) -> anyhow::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mint = Mint::system();
    let secret = mint.signing_secret();
    let here = (IpAddr::V4(Ipv4Addr::LOCALHOST), args.port);
    let mut receiver = Receiver::start(here, Secret::new(secret.clone()))
        .await
        .with_context(|| format!("cannot listen on port {}", args.port))?;
    let url = args.public_url.clone().unwrap_or_else(|| format!("http://{}/", receiver.address));
    let (id, token) = (String::new(), mint.secret());
    let mut subscriber = Subscriber { args: &args, client, url, secret, token, id, is_gone: false };
    subscriber.subscribe().await?;
    let mut display = Display { brief: args.brief, seen: HashSet::new() };
    let forward = args.forward.clone().map(Forward::new).transpose()?.map(Arc::new);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = looks.tick() => subscriber.look().await?,
            arrived = receiver.next() => match arrived {
                Some(arrived) => {
                    display.show(&arrived)?;
                    answer(arrived, forward.clone());
                }
                None => bail!("the receiver has stopped"),
            },
        }
    }
    eprintln!("unsubscribing");
    subscriber.unsubscribe().await;
    Ok(())
}

struct Subscriber<'a> {
    args: &'a ListenArgs,
    client: &'a ClientArgs,
    url: String,
    secret: String,
    token: String,
    /// The subscription's id.
    id: String,
    /// Whether the server did not answer the last time.
    is_gone: bool,
}

impl Subscriber<'_> {
    /// Subscribes, and says so.
    async fn subscribe(&mut self) -> anyhow::Result<()> {
        let ListenArgs { dialect, fields, account_id, .. } = self.args;
        let number = match (&self.args.phone_number_id, account_id) {
            (None, None) => Some(self.only_number().await?),
            (number, _) => number.clone(),
        };
        let body = given([
            ("url", Some(json!(self.url))),
            ("dialect", Some(json!(dialect.as_str()))),
            ("phone_number_id", number.map(Value::from)),
            ("account_id", account_id.clone().map(Value::from)),
            ("fields", (!fields.is_empty()).then(|| json!(fields))),
            ("secret", Some(json!(self.secret))),
            ("verify_token", Some(json!(self.token))),
        ]);
        let made = call(self.client, Method::POST, &["subscriptions"], &[], Some(body))
            .await
            .with_context(|| format!("the server cannot tell this program at {}", self.url))?;
        let id = made["id"].as_str().context("the server has made a subscription without an id")?;
        let whose = made["phone_number_id"].as_str().or(made["account_id"].as_str());
        writeln!(
            std::io::stdout(),
            "listening to {} as {id}, in the words of {}; Ctrl-C stops\n  secret  {}",
            whose.unwrap_or_default(),
            dialect.as_str(),
            self.secret,
        )?;
        if let Some(url) = &self.args.forward {
            writeln!(std::io::stdout(), "  handing everything on to {url}")?;
        }
        writeln!(std::io::stdout())?;
        id.clone_into(&mut self.id);
        Ok(())
    }

    async fn only_number(&self) -> anyhow::Result<String> {
        let query = [("limit", "2".to_owned())];
        let listed = call(self.client, Method::GET, &["numbers"], &query, None).await?;
        let numbers = listed["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        ensure!(
            numbers.len() == 1,
            "the server has {} numbers: say which with --phone-number-id or --account-id",
            if numbers.is_empty() { "no" } else { "several" }
        );
        let id = numbers[0]["phone_number_id"].as_str().context("a number without an id")?;
        Ok(id.to_owned())
    }

    /// Subscribes anew if the server has forgotten us. One that does not answer may come back and
    /// remember.
    async fn look(&mut self) -> anyhow::Result<()> {
        let path = ["subscriptions", self.id.as_str()];
        let asked = call(self.client, Method::GET, &path, &[], None);
        let asked = tokio::time::timeout(LOOK_TIMEOUT, asked).await;
        match asked {
            Ok(Err(NoAnswer::Unreachable { url, .. })) => {
                if !std::mem::replace(&mut self.is_gone, true) {
                    eprintln!("the server at {url} is gone; waiting for it to come back");
                }
            }
            Ok(Err(NoAnswer::Refused { status: reqwest::StatusCode::NOT_FOUND, .. })) => {
                self.is_gone = false;
                eprintln!("the subscription is no more; subscribing anew");
                self.subscribe().await?;
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
        let _ = tokio::time::timeout(LOOK_TIMEOUT, removed).await;
    }
}

struct Display {
    brief: bool,
    seen: HashSet<String>,
}

impl Display {
    fn show(&mut self, arrived: &Arrived) -> anyhow::Result<()> {
        let mut out = std::io::stdout();
        let now = Moment::from_millisecond(SystemClock.now().as_millis())?;
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
fn answer(arrived: Arrived, forward: Option<Arc<Forward>>) {
    let Some(forward) = forward else {
        arrived.answer(StatusCode::OK.into_response());
        return;
    };
    // Each on its own: a slow program holds up its own webhook only.
    tokio::spawn(async move {
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
