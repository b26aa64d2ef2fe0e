//! `klatch webhook …`, `klatch delivery …` and `klatch event …`: who is told, what was told, what
//! happened.

use std::ffi::OsStr;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{ArgGroup, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};
use wire::Dialect;

use super::client::{ask, call, given};
use super::directory::PageArgs;
use crate::config::ClientArgs;
use crate::runtime::Runtime;
use crate::webhook::sample;
use crate::words::dialects;

/// How often a test delivery is looked at, and how long.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOKS_MAX: usize = 200;

/// Whose events are told, of what, and what is sent along.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("reach").required(true).multiple(true))]
pub(super) struct AddArgs {
    /// Where to send.
    // Not `url`: that is the server's.
    #[arg(value_name = "RECEIVER_URL")]
    receiver: String,
    /// In whose words.
    #[arg(long, value_parser = dialects())]
    dialect: Dialect,
    /// The number whose events are told.
    #[arg(long, group = "reach")]
    phone_number_id: Option<String>,
    /// The account whose numbers' events are told.
    #[arg(long, group = "reach")]
    account_id: Option<String>,
    /// Only the numbers of this WABA of the account.
    #[arg(long, requires = "account_id")]
    waba_id: Option<String>,
    /// Of what, such as `group_participants_update`; may be repeated. Everything if left out.
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// Sent along with every delivery, as `Name: value`; may be repeated.
    #[arg(long = "header", value_name = "HEADER", value_parser = HeaderParser)]
    headers: Vec<(String, String)>,
    /// What signs; minted, and shown this once, if left out.
    #[arg(long)]
    secret: Option<String>,
    /// What the handshake says, for the dialect that has one: `meta`.
    #[arg(long)]
    verify_token: Option<String>,
    /// How long an answer may take.
    #[arg(long)]
    timeout_secs: Option<u64>,
    /// Whether the vendor's own signature is sent as well.
    #[arg(long)]
    vendor_signature: Option<bool>,
}

/// What is to be another way.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub(super) struct ChangeArgs {
    /// Where to send.
    #[arg(long, group = "change", value_name = "RECEIVER_URL")]
    receiver: Option<String>,
    /// Of what; may be repeated, and replaces what was chosen before.
    #[arg(long = "field", group = "change", value_name = "FIELD")]
    fields: Vec<String>,
    /// Sent along with every delivery; may be repeated, and replaces those from before.
    #[arg(long = "header", group = "change", value_name = "HEADER", value_parser = HeaderParser)]
    headers: Vec<(String, String)>,
    /// What the handshake says.
    #[arg(long, group = "change")]
    verify_token: Option<String>,
    /// How long an answer may take.
    #[arg(long, group = "change")]
    timeout_secs: Option<u64>,
    /// Whether the vendor's own signature is sent as well.
    #[arg(long, group = "change")]
    vendor_signature: Option<bool>,
}

impl ChangeArgs {
    fn body(self) -> Value {
        given([
            ("url", self.receiver.map(Value::from)),
            ("fields", (!self.fields.is_empty()).then(|| json!(self.fields))),
            ("headers", object(self.headers)),
            ("verify_token", self.verify_token.map(Value::from)),
            ("timeout_secs", self.timeout_secs.map(Value::from)),
            ("vendor_signature", self.vendor_signature.map(Value::from)),
        ])
    }
}

/// Headers as an object, if there are any.
fn object(headers: Vec<(String, String)>) -> Option<Value> {
    let object: Map<String, Value> =
        headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

/// Reads `Name: value`. The errors of clap's own parsers repeat what was given, which here may be a
/// secret.
#[derive(Clone)]
struct HeaderParser;

impl TypedValueParser for HeaderParser {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let parts = value.to_str().and_then(|text| text.split_once(':'));
        let (name, value) = parts.ok_or_else(|| {
            let problem = "a value of --header must be written as Name: value\n";
            clap::Error::raw(ErrorKind::ValueValidation, problem).with_cmd(command)
        })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    }
}

/// What can be done with subscriptions.
#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Add a receiver.
    Add(AddArgs),
    /// List the receivers.
    List {
        /// Only this account's.
        #[arg(long)]
        account_id: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a receiver.
    Show {
        /// The subscription's id.
        subscription_id: String,
    },
    /// Change a receiver. What is owed already goes by the new address, too.
    Change {
        /// The subscription's id.
        subscription_id: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Send something made up, and show what came of it. Fails unless the receiver takes it.
    Test {
        /// The subscription's id.
        subscription_id: String,
        /// What to make up.
        #[arg(
            long,
            default_value = "group_create",
            value_parser = clap::builder::PossibleValuesParser::new(sample::NAMES)
        )]
        event: String,
    },
    /// Give a receiver a new secret and show it, this once. The old one signs as well for a while.
    Rotate {
        /// The subscription's id.
        subscription_id: String,
        /// The new secret; minted if left out.
        #[arg(long)]
        secret: Option<String>,
        /// For how many hours the old one signs as well, 0 to 168.
        #[arg(long, default_value_t = 24)]
        overlap_hours: u64,
    },
    /// Hold deliveries back.
    Pause {
        /// The subscription's id.
        subscription_id: String,
    },
    /// Let deliveries go out again, also after the receiver was switched off.
    Resume {
        /// The subscription's id.
        subscription_id: String,
    },
    /// Remove a receiver; what it was owed is given up.
    Remove {
        /// The subscription's id.
        subscription_id: String,
    },
}

impl WebhookCommand {
    pub(super) async fn run(self, client: &ClientArgs, runtime: &Runtime) -> anyhow::Result<()> {
        const LIST: &str = "subscriptions";
        let post = async |id: &str, action: &str, body: Value| {
            ask(client, Method::POST, &[LIST, id, action], &[], Some(body)).await
        };
        match self {
            Self::Add(add) => ask(client, Method::POST, &[LIST], &[], Some(add.body())).await,
            Self::List { account_id, page } => {
                ask(client, Method::GET, &[LIST], &page.query(account_id), None).await
            }
            Self::Show { subscription_id: id } => {
                ask(client, Method::GET, &[LIST, &id], &[], None).await
            }
            Self::Change { subscription_id: id, change } => {
                let body = Some(change.body());
                ask(client, Method::PATCH, &[LIST, &id], &[], body).await
            }
            Self::Test { subscription_id: id, event } => {
                try_out(runtime, client, &id, &event).await
            }
            Self::Rotate { subscription_id: id, secret, overlap_hours } => {
                let secret = secret.map(Value::from);
                let body =
                    given([("secret", secret), ("overlap_hours", Some(json!(overlap_hours)))]);
                post(&id, "rotate", body).await
            }
            Self::Pause { subscription_id: id } => post(&id, "pause", json!({})).await,
            Self::Resume { subscription_id: id } => post(&id, "resume", json!({})).await,
            Self::Remove { subscription_id: id } => {
                ask(client, Method::DELETE, &[LIST, &id], &[], None).await
            }
        }
    }
}

impl AddArgs {
    fn body(self) -> Value {
        given([
            ("url", Some(json!(self.receiver))),
            ("dialect", Some(json!(self.dialect.as_str()))),
            ("phone_number_id", self.phone_number_id.map(Value::from)),
            ("account_id", self.account_id.map(Value::from)),
            ("waba_id", self.waba_id.map(Value::from)),
            ("fields", (!self.fields.is_empty()).then(|| json!(self.fields))),
            ("headers", object(self.headers)),
            ("secret", self.secret.map(Value::from)),
            ("verify_token", self.verify_token.map(Value::from)),
            ("timeout_secs", self.timeout_secs.map(Value::from)),
            ("vendor_signature", self.vendor_signature.map(Value::from)),
        ])
    }
}

/// Sends a test and waits for its first attempt. Fails unless the receiver takes it.
async fn try_out(
    runtime: &Runtime,
    client: &ClientArgs,
    id: &str,
    event: &str,
) -> anyhow::Result<()> {
    let subscription = call(client, Method::GET, &["subscriptions", id], &[], None).await?;
    if let Some(status @ ("off" | "paused")) = subscription["status"].as_str() {
        let reason = subscription["reason"].as_str().map(|reason| format!(" ({reason})"));
        let reason = reason.unwrap_or_default();
        bail!("the receiver is {status}{reason}: let it go on with `klatch webhook resume {id}`");
    }
    let body = Some(json!({ "event": event }));
    let sent = call(client, Method::POST, &["subscriptions", id, "test"], &[], body).await?;
    let delivery = sent["delivery_id"].as_str().unwrap_or_default().to_owned();
    let mut looks = runtime.interval(Duration::ZERO, LOOK_EVERY);
    let mut state = Value::Null;
    for _ in 0..LOOKS_MAX {
        looks.tick().await;
        let path = ["deliveries", &delivery];
        let seen = call(client, Method::GET, &path, &[], None).await?;
        state = seen["state"].clone();
        if state != "pending" {
            break;
        }
    }
    ask(client, Method::GET, &["deliveries", &delivery], &[], None).await?;
    ensure!(state == "delivered", "the receiver has not taken it");
    Ok(())
}

/// Which deliveries are meant.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// Only those in this state.
    #[arg(long, value_parser = ["pending", "failing", "delivered", "dead"])]
    state: Option<String>,
    /// Only those to this subscription.
    #[arg(long)]
    subscription_id: Option<String>,
    /// Only those about this group.
    #[arg(long)]
    group_id: Option<String>,
    /// Only those about what happened at this moment, or later: 2026-01-31T12:00:00Z.
    #[arg(long)]
    from: Option<String>,
    /// Only those about what happened before this moment.
    #[arg(long)]
    to: Option<String>,
}

impl FilterArgs {
    fn pairs(self) -> [(&'static str, Option<String>); 5] {
        let Self { state, subscription_id, group_id, from, to } = self;
        [
            ("state", state),
            ("subscription_id", subscription_id),
            ("group_id", group_id),
            ("from", from),
            ("to", to),
        ]
    }
}

/// What can be done with deliveries.
#[derive(Debug, Subcommand)]
pub(super) enum DeliveryCommand {
    /// List deliveries, newest first.
    List {
        #[command(flatten)]
        filter: FilterArgs,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a delivery with its body and its attempts.
    Show {
        /// Its id: what the header webhook-id says.
        delivery_id: String,
    },
    /// Make deliveries once more: one, or all that are meant.
    Replay {
        /// The one.
        #[arg(conflicts_with_all = ["state", "subscription_id", "group_id", "from", "to"])]
        delivery_id: Option<String>,
        #[command(flatten)]
        filter: FilterArgs,
    },
}

impl DeliveryCommand {
    pub(super) async fn run(self, client: &ClientArgs) -> anyhow::Result<()> {
        match self {
            Self::List { filter, page } => {
                let mut query = page.query(None);
                query.extend(
                    filter.pairs().into_iter().filter_map(|(name, value)| Some((name, value?))),
                );
                ask(client, Method::GET, &["deliveries"], &query, None).await
            }
            Self::Show { delivery_id: id } => {
                ask(client, Method::GET, &["deliveries", &id], &[], None).await
            }
            Self::Replay { delivery_id: Some(id), .. } => {
                ask(client, Method::POST, &["deliveries", &id, "replay"], &[], None).await
            }
            Self::Replay { delivery_id: None, filter } => {
                let fields = filter.pairs().map(|(name, value)| (name, value.map(Value::from)));
                let body = Some(given(fields));
                ask(client, Method::POST, &["deliveries", "replay"], &[], body).await
            }
        }
    }
}

/// What can be done with the log.
#[derive(Debug, Subcommand)]
pub(super) enum EventCommand {
    /// List what happened, oldest first.
    List {
        /// Only this group's.
        #[arg(long)]
        group_id: Option<String>,
        /// Only this number's.
        #[arg(long)]
        phone_number_id: Option<String>,
        /// Only this account's.
        #[arg(long)]
        account_id: Option<String>,
        /// Only this subscription's.
        #[arg(long)]
        subscription_id: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
}

impl EventCommand {
    pub(super) async fn run(self, client: &ClientArgs) -> anyhow::Result<()> {
        let Self::List { group_id, phone_number_id, account_id, subscription_id, page } = self;
        let mut query = page.query(account_id);
        let others = [
            ("group_id", group_id),
            ("phone_number_id", phone_number_id),
            ("subscription_id", subscription_id),
        ];
        query.extend(others.into_iter().filter_map(|(name, value)| Some((name, value?))));
        ask(client, Method::GET, &["events"], &query, None).await
    }
}
