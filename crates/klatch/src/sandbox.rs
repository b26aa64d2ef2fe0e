//! The sandbox's account, number and key: fixed, documented values, so that examples work as they
//! stand. Where other machines can reach it, its secrets are made anew.

use anyhow::ensure;
use domain::Limits;
use domain::ids::{AccountId, PhoneNumberId};
use domain::values::BusinessNumber;
use wire::Answers;

use crate::app::App;
use crate::directory::{
    Account, Actor, Eligibility, Key, KeyHash, Number, NumberChange, PersonKey, RecordChange,
    Registration, Secret, VendorApp,
};
use crate::mint::Mint;
use crate::page::{Page, Seek};
use crate::store::ChangeError;

/// The account's id.
pub const ACCOUNT: &str = "acc_dev";
/// The number's id; also in Meta's samples.
pub const PHONE_NUMBER_ID: &str = "106540352242922";
/// The number's digits.
pub const DISPLAY_NUMBER: &str = "15550783881";
/// The WhatsApp Business Account.
pub const WABA_ID: &str = "102290129340398";
/// The account's app.
pub const APP_ID: &str = "155507838810001";
/// The app's secret.
pub const APP_SECRET: &str = "klatch-app-secret";
/// The key by which the account's ids of people are made: the same people have the same ids in
/// every sandbox.
pub const PERSON_KEY: [u8; 32] = *b"klatch-dev, and no secret at all";
/// The number's bot id.
pub const BOT_ID: &str = "klatch";
/// The key that opens the number.
pub const KEY: &str = "klatch-dev";
/// The id of that key.
const KEY_ID: &str = "key_dev";
/// The token that opens the admin API.
pub const ADMIN_TOKEN: &str = "klatch-admin";

/// The secrets of a sandbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Opens the admin API.
    pub admin_token: String,
    /// Opens the number.
    pub key: String,
    /// The secret of the account's app.
    pub app_secret: String,
}

impl Credentials {
    /// The documented ones, for a sandbox that only this machine can reach.
    #[must_use]
    pub fn known() -> Self {
        Self {
            admin_token: ADMIN_TOKEN.to_owned(),
            key: KEY.to_owned(),
            app_secret: APP_SECRET.to_owned(),
        }
    }

    /// Ones that nobody else knows.
    #[must_use]
    pub fn fresh(mint: &Mint) -> Self {
        Self { admin_token: mint.secret(), key: mint.secret(), app_secret: mint.secret() }
    }

    fn are_known(&self) -> bool {
        self.key == KEY
    }
}

/// Adds account, number and key, unless they are there already, and gives the credentials that hold:
/// an account that is there keeps the secret of its app. Data that have accounts, but not this one,
/// are somebody's own: no key that everybody knows is put into them. And data that such a key opens
/// are not shown to other machines. Sets what the number answers with, where that is given.
pub async fn seed(
    app: &App,
    credentials: &Credentials,
    answers: Option<Answers>,
) -> anyhow::Result<Credentials> {
    let first = Page { limit: 1, seek: Seek::First };
    let ours = app.directory.account(&AccountId::parse(ACCOUNT)?).await?;
    ensure!(
        ours.is_some() || app.directory.accounts(first).await?.items.is_empty(),
        "the data belong to a `klatch serve`: give `klatch dev` a folder of its own"
    );
    let mut credentials = credentials.clone();
    if let Some(account) = ours {
        let secret = account.app.secret.reveal();
        if credentials.are_known() {
            ensure!(
                app.directory.key(KEY_ID).await?.is_some(),
                "the data belong to a `klatch dev --public`: give --public again, or another folder"
            );
        } else {
            ensure!(
                secret != APP_SECRET && app.opening(KEY).await?.is_none(),
                "everybody knows the keys of the data, which belong to a `klatch dev` without \
                 --public: give `klatch dev --public` a folder of its own"
            );
        }
        secret.clone_into(&mut credentials.app_secret);
    }
    for change in records(app, &credentials)? {
        match app.change(&Actor::Operator, change).await {
            Ok(_) | Err(ChangeError::Taken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if answers.is_some() {
        let change = NumberChange { answers, ..NumberChange::default() };
        let number = PhoneNumberId::parse(PHONE_NUMBER_ID)?;
        app.change(&Actor::Operator, RecordChange::ChangeNumber(number, change)).await?;
    }
    Ok(credentials)
}

/// The account, the number and the key.
fn records(app: &App, credentials: &Credentials) -> anyhow::Result<[RecordChange; 3]> {
    let created_at = app.runtime.now();
    let account = AccountId::parse(ACCOUNT)?;
    let number = PhoneNumberId::parse(PHONE_NUMBER_ID)?;
    let (key_id, person_key) = if credentials.are_known() {
        (KEY_ID.to_owned(), PersonKey::new(PERSON_KEY))
    } else {
        (app.mint.key_id(), app.mint.person_key())
    };
    Ok([
        RecordChange::AddAccount(Account {
            id: account.clone(),
            name: "Dev".to_owned(),
            app: VendorApp {
                id: APP_ID.to_owned(),
                secret: Secret::new(credentials.app_secret.clone()),
            },
            person_key,
            created_at,
        }),
        RecordChange::AddNumber(Number {
            id: number.clone(),
            account: account.clone(),
            display_number: BusinessNumber::parse(DISPLAY_NUMBER)?,
            waba_id: WABA_ID.to_owned(),
            bot_id: BOT_ID.to_owned(),
            limits: Limits::default(),
            eligibility: Eligibility::Eligible,
            answers: Answers::default(),
            registration: Registration::default(),
            unsubscribed_overrides: false,
            app_subscribed: false,
            extra_receivers: false,
            created_at,
        }),
        RecordChange::AddKey(
            Key {
                id: key_id,
                account,
                number: Some(number),
                hint: credentials.key.chars().take(4).collect(),
                created_at,
                revoked_at: None,
            },
            KeyHash::of(&credentials.key),
        ),
    ])
}
