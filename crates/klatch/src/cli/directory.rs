//! `klatch account|number|key …`: the operator's records, through the admin API.

use clap::{ArgGroup, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};
use wire::Answers;

use super::client::{ask, given};
use crate::config::ClientArgs;
use crate::words::answers;

/// Which page of a list.
#[derive(Debug, clap::Args)]
pub(super) struct PageArgs {
    /// How many, 1 to 1024.
    #[arg(long, default_value_t = 100)]
    limit: u16,
    /// Read on behind this cursor.
    #[arg(long)]
    after: Option<String>,
}

impl PageArgs {
    pub(super) fn query(self, account: Option<String>) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", self.limit.to_string())];
        query.extend(self.after.map(|cursor| ("after", cursor)));
        query.extend(account.map(|account| ("account_id", account)));
        query
    }
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Add an account.
    Add {
        /// What you call it.
        name: String,
        /// Its id; minted if left out.
        #[arg(long)]
        id: Option<String>,
    },
    /// List the accounts, without their app secrets.
    List {
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show an account with its app id and app secret.
    Show {
        /// The account's id.
        account_id: String,
    },
}

impl AccountCommand {
    pub(super) async fn run(self, client: &ClientArgs) -> anyhow::Result<()> {
        match self {
            Self::Add { name, id } => {
                let body = given([("name", Some(json!(name))), ("id", id.map(Value::from))]);
                ask(client, Method::POST, &["accounts"], &[], Some(body)).await
            }
            Self::List { page } => {
                ask(client, Method::GET, &["accounts"], &page.query(None), None).await
            }
            Self::Show { account_id } => {
                ask(client, Method::GET, &["accounts", &account_id], &[], None).await
            }
        }
    }
}

/// What can be done with numbers.
#[derive(Debug, Subcommand)]
pub(super) enum NumberCommand {
    /// Add a number to an account.
    Add {
        /// The account's id.
        account_id: String,
        /// The number in international form.
        display_phone_number: String,
        /// The id that API calls name it by; minted if left out.
        #[arg(long)]
        phone_number_id: Option<String>,
        /// The WhatsApp Business Account; minted if left out.
        #[arg(long)]
        waba_id: Option<String>,
        /// The name by which bot-style APIs know it; the digits if left out.
        #[arg(long)]
        bot_id: Option<String>,
        /// Which fields the vendors' APIs answer with; `published` if left out.
        #[arg(long, value_parser = answers())]
        answers: Option<Answers>,
    },
    /// List the numbers.
    List {
        /// Only this account's.
        #[arg(long)]
        account_id: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a number.
    Show {
        /// The number's id.
        phone_number_id: String,
    },
    /// Change what a number is allowed.
    #[command(group = ArgGroup::new("what").required(true).multiple(true))]
    Limits {
        /// The number's id.
        phone_number_id: String,
        /// Participants in one group.
        #[arg(long, group = "what")]
        participants: Option<u32>,
        /// Groups at a time.
        #[arg(long, group = "what")]
        groups: Option<u32>,
        /// Changes to its groups in a minute; 0 lifts the limit.
        #[arg(long, group = "what")]
        operations_per_minute: Option<u32>,
        /// Whether it may work with groups: eligible, `not_eligible`, or `creation_disabled`.
        #[arg(long, group = "what")]
        eligibility: Option<String>,
    },
    /// Choose which fields the vendors' APIs answer with.
    Answers {
        /// The number's id.
        phone_number_id: String,
        /// The choice.
        #[arg(value_parser = answers())]
        answers: Answers,
    },
}

impl NumberCommand {
    pub(super) async fn run(self, client: &ClientArgs) -> anyhow::Result<()> {
        match self {
            Self::Add {
                account_id,
                display_phone_number,
                phone_number_id,
                waba_id,
                bot_id,
                answers,
            } => {
                let body = given([
                    ("account_id", Some(json!(account_id))),
                    ("display_phone_number", Some(json!(display_phone_number))),
                    ("phone_number_id", phone_number_id.map(Value::from)),
                    ("waba_id", waba_id.map(Value::from)),
                    ("bot_id", bot_id.map(Value::from)),
                    ("answers", answers.map(Answers::as_str).map(Value::from)),
                ]);
                ask(client, Method::POST, &["numbers"], &[], Some(body)).await
            }
            Self::List { account_id, page } => {
                ask(client, Method::GET, &["numbers"], &page.query(account_id), None).await
            }
            Self::Show { phone_number_id } => {
                ask(client, Method::GET, &["numbers", &phone_number_id], &[], None).await
            }
            Self::Limits {
                phone_number_id,
                participants,
                groups,
                operations_per_minute,
                eligibility,
            } => {
                let limits = given([
                    ("participants", participants.map(Value::from)),
                    ("groups", groups.map(Value::from)),
                    ("operations_per_minute", operations_per_minute.map(Value::from)),
                ]);
                let body = given([
                    ("limits", Some(limits)),
                    ("eligibility", eligibility.map(Value::from)),
                ]);
                ask(client, Method::PATCH, &["numbers", &phone_number_id], &[], Some(body)).await
            }
            Self::Answers { phone_number_id, answers } => {
                let body = json!({ "answers": answers.as_str() });
                ask(client, Method::PATCH, &["numbers", &phone_number_id], &[], Some(body)).await
            }
        }
    }
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and show its secret, this once: of a number, or of a whole account.
    #[command(group = ArgGroup::new("opens").required(true).multiple(true))]
    Add {
        /// The only number that it opens.
        #[arg(long, group = "opens")]
        phone_number_id: Option<String>,
        /// The account that it opens, where no number is given.
        #[arg(long, group = "opens")]
        account_id: Option<String>,
    },
    /// List the keys, revoked ones included.
    List {
        /// Only this account's.
        #[arg(long)]
        account_id: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a key, without its secret.
    Show {
        /// The key's id, not its secret.
        key_id: String,
    },
    /// Revoke a key, at once.
    Revoke {
        /// The key's id, not its secret.
        key_id: String,
    },
}

impl KeyCommand {
    pub(super) async fn run(self, client: &ClientArgs) -> anyhow::Result<()> {
        match self {
            Self::Add { phone_number_id, account_id } => {
                let body = given([
                    ("phone_number_id", phone_number_id.map(Value::from)),
                    ("account_id", account_id.map(Value::from)),
                ]);
                ask(client, Method::POST, &["keys"], &[], Some(body)).await
            }
            Self::List { account_id, page } => {
                ask(client, Method::GET, &["keys"], &page.query(account_id), None).await
            }
            Self::Show { key_id } => ask(client, Method::GET, &["keys", &key_id], &[], None).await,
            Self::Revoke { key_id } => {
                ask(client, Method::DELETE, &["keys", &key_id], &[], None).await
            }
        }
    }
}
