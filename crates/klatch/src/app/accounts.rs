//! Accounts: the tenants.

use domain::ids::AccountId;

use super::App;
use crate::directory::{Account, Actor, RecordChange};
use crate::store::ChangeError;

/// Creates an account with an app and a person key of its own. Its id is minted unless it is given.
///
/// # Errors
///
/// [`ChangeError::Taken`] if the id is in use, or the store failed.
pub async fn create(
    app: &App,
    actor: &Actor,
    id: Option<AccountId>,
    name: String,
) -> Result<Account, ChangeError> {
    let account = Account {
        id: id.unwrap_or_else(|| minted(app)),
        name,
        app: app.mint.vendor_app(),
        person_key: app.mint.person_key(),
        created_at: app.runtime.now(),
    };
    app.change(actor, RecordChange::AddAccount(account.clone())).await?;
    tracing::info!(account = %account.id, "an account was created");
    Ok(account)
}

#[expect(clippy::expect_used, reason = "letters and digits are an id")]
fn minted(app: &App) -> AccountId {
    AccountId::parse(&app.mint.account_id()).expect("letters and digits")
}
