//! `klatch person …` and `klatch group …`: playing people, and playing WhatsApp.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::client::ask;
use crate::config::ClientArgs;

/// What a person can do.
#[derive(Debug, Subcommand)]
pub(super) enum PersonCommand {
    /// Tap an invite link: join, or ask to join.
    Join {
        /// The whole link.
        invite_link: String,
    },
    /// Withdraw an open request.
    Cancel {
        /// The group.
        group_id: String,
    },
    /// Leave a group.
    Leave {
        /// The group.
        group_id: String,
    },
    /// Say what is special about the person, from the next thing on that they do.
    Set {
        /// Public name.
        #[arg(long)]
        username: Option<String>,
        /// Businesses do not see the number; only with a username.
        #[arg(long)]
        hide_phone: bool,
        /// Businesses get to know a parent user id, too.
        #[arg(long)]
        with_parent_user_id: bool,
        /// The person has not accepted the present terms: no business can let them in.
        #[arg(long)]
        terms_missing: bool,
    },
    /// Show groups, open requests and bans.
    Show,
}

impl PersonCommand {
    pub(super) async fn run(self, wa_id: &str, client: &ClientArgs) -> anyhow::Result<()> {
        let (action, body) = match self {
            Self::Show => return ask(client, Method::GET, &["people", wa_id], &[], None).await,
            Self::Set { username, hide_phone, with_parent_user_id, terms_missing } => {
                let body = json!({
                    "username": username,
                    "phone_hidden": hide_phone,
                    "with_parent_user_id": with_parent_user_id,
                    "terms_accepted": !terms_missing,
                });
                return ask(client, Method::PUT, &["people", wa_id], &[], Some(body)).await;
            }
            Self::Join { invite_link } => ("join", json!({ "invite_link": invite_link })),
            Self::Cancel { group_id } => ("cancel", json!({ "group_id": group_id })),
            Self::Leave { group_id } => ("leave", json!({ "group_id": group_id })),
        };
        ask(client, Method::POST, &["people", wa_id, action], &[], Some(body)).await
    }
}

/// What WhatsApp can do.
#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// Suspend a group.
    Suspend {
        /// The group.
        group_id: String,
    },
    /// Lift a suspension.
    Restore {
        /// The group.
        group_id: String,
    },
}

impl GroupCommand {
    pub(super) async fn run(self, client: &ClientArgs) -> anyhow::Result<()> {
        let (action, group_id) = match self {
            Self::Suspend { group_id } => ("suspend", group_id),
            Self::Restore { group_id } => ("restore", group_id),
        };
        ask(client, Method::POST, &["groups", &group_id, action], &[], None).await
    }
}
