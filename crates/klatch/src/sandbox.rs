//! The sandbox's account, number and key: fixed, documented values, so that examples work as they
//! stand.

use anyhow::ensure;
use domain::Limits;
use domain::ids::{AccountId, PhoneNumberId};
use domain::values::BusinessNumber;

use crate::app::{App, ChangeError};
use crate::directory::{
    Account, Answers, Eligibility, Key, KeyHash, Number, NumberChange, PersonKey, RecordChange,
    Secret, VendorApp,
};
use crate::page::{Page, Seek};

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
/// The token that opens the admin API.
pub const ADMIN_TOKEN: &str = "klatch-admin";

/// Adds account, number and key, unless they are there already, and sets what the number answers
/// with, where that is given. Data that have accounts, but not
/// this one, are somebody's own: no key that everybody knows is put into them.
pub async fn seed(app: &App, answers: Option<Answers>) -> anyhow::Result<()> {
    let first = Page { limit: 1, seek: Seek::First };
    let ours = app.account(&AccountId::parse(ACCOUNT)?).await?.is_some();
    ensure!(
        ours || app.accounts(first).await?.items.is_empty(),
        "the data belong to a `klatch serve`: give `klatch dev` a folder of its own"
    );
    let created_at = app.now();
    let account = AccountId::parse(ACCOUNT)?;
    let number = PhoneNumberId::parse(PHONE_NUMBER_ID)?;
    let changes = [
        RecordChange::AddAccount(Account {
            id: account.clone(),
            name: "Dev".to_owned(),
            app: VendorApp { id: APP_ID.to_owned(), secret: Secret::new(APP_SECRET.to_owned()) },
            person_key: PersonKey::new(PERSON_KEY),
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
            app_subscribed: false,
            extra_receivers: false,
            created_at,
        }),
        RecordChange::AddKey(
            Key {
                id: "key_dev".to_owned(),
                account,
                number: Some(number.clone()),
                hint: KEY.chars().take(4).collect(),
                created_at,
                revoked_at: None,
            },
            KeyHash::of(KEY),
        ),
    ];
    for change in changes {
        match app.change(change).await {
            Ok(_) | Err(ChangeError::Taken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if answers.is_some() {
        let change = NumberChange { answers, ..NumberChange::default() };
        app.change(RecordChange::ChangeNumber(number, change)).await?;
    }
    Ok(())
}
