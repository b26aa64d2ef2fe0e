//! Business phone numbers.

use std::sync::Arc;

use domain::ids::{AccountId, PhoneNumberId};
use domain::limits::{GROUPS_PER_NUMBER_MAX, PARTICIPANTS_MAX};
use domain::values::BusinessNumber;
use domain::{Limits, Refusal};

use super::App;
use crate::directory::{Actor, Number, NumberChange, Pin, RecordChange, Registration};
use crate::store::ChangeError;

/// Why a number was neither registered nor deregistered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The number has used up its operations.
    #[error(transparent)]
    TooMany(Refusal),
    /// The PIN is another one, the number is not registered, or the store failed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// What is said about a new number.
#[derive(Debug)]
pub struct NewNumber {
    /// Whose it is.
    pub account: AccountId,
    /// Its digits.
    pub display_number: BusinessNumber,
    /// The id that API calls name it by; minted, if left out.
    pub id: Option<PhoneNumberId>,
    /// The WhatsApp Business Account; minted, if left out.
    pub waba_id: Option<PhoneNumberId>,
    /// The name by which bot-style APIs know it; its digits, if left out.
    pub bot_id: Option<PhoneNumberId>,
    /// Its limits, eligibility and answers, where they are not the usual ones.
    pub settings: NumberChange,
}

/// Creates a number: registered, without a PIN.
///
/// # Errors
///
/// [`ChangeError::Taken`] if one of its ids or its digits are in use, [`ChangeError::Unknown`] if
/// there is no such account.
pub async fn create(app: &App, actor: &Actor, new: NewNumber) -> Result<Number, ChangeError> {
    let NewNumber { account, display_number, id, waba_id, bot_id, settings } = new;
    let number = Number {
        account,
        id: id.unwrap_or_else(|| minted(&app.mint.phone_number_id())),
        waba_id: waba_id.map_or_else(|| app.mint.waba_id(), |id| id.to_string()),
        bot_id: bot_id.map_or_else(|| display_number.to_string(), |id| id.to_string()),
        limits: Limits {
            participants: settings.participants.unwrap_or(PARTICIPANTS_MAX),
            groups: settings.groups.unwrap_or(GROUPS_PER_NUMBER_MAX),
            operations: settings.operations.filter(|limit| *limit > 0),
        },
        eligibility: settings.eligibility.unwrap_or_default(),
        answers: settings.answers.unwrap_or_default(),
        registration: Registration::default(),
        unsubscribed_overrides: false,
        app_subscribed: false,
        extra_receivers: false,
        created_at: app.runtime.now(),
        display_number,
    };
    app.change(actor, RecordChange::AddNumber(number.clone())).await?;
    tracing::info!(number = %number.id, account = %number.account, "a number was created");
    Ok(number)
}

/// Changes a number. Groups that hold more than a lowered limit keep what they have.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such number.
pub async fn change(
    app: &App,
    actor: &Actor,
    id: &PhoneNumberId,
    change: NumberChange,
) -> Result<Arc<Number>, ChangeError> {
    app.change(actor, RecordChange::ChangeNumber(id.clone(), change)).await?;
    tracing::info!(number = %id, "a number was changed");
    find(app, id).await
}

/// A number.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such number.
pub async fn find(app: &App, id: &PhoneNumberId) -> Result<Arc<Number>, ChangeError> {
    let found = app.store.number(id).await?;
    found.ok_or(ChangeError::Unknown { field: "phone_number_id" })
}

/// Registers a number with the vendor's API. Sets its PIN, or compares it with the one that it has.
///
/// # Errors
///
/// [`RegistrationError::TooMany`]; [`ChangeError::WrongPin`] if the number has another PIN.
pub async fn register(
    app: &App,
    actor: &Actor,
    number: &Number,
    pin: Pin,
) -> Result<(), RegistrationError> {
    app.admit_operation(number).map_err(RegistrationError::TooMany)?;
    app.change(actor, RecordChange::RegisterNumber(number.id.clone(), pin)).await?;
    tracing::info!(number = %number.id, "a number was registered");
    Ok(())
}

/// Deregisters a number: it can change nothing until it is registered again. Its groups and its PIN
/// stay.
///
/// # Errors
///
/// [`RegistrationError::TooMany`]; [`ChangeError::NotRegistered`].
pub async fn deregister(
    app: &App,
    actor: &Actor,
    number: &Number,
) -> Result<(), RegistrationError> {
    app.admit_operation(number).map_err(RegistrationError::TooMany)?;
    app.change(actor, RecordChange::DeregisterNumber(number.id.clone())).await?;
    tracing::info!(number = %number.id, "a number was deregistered");
    Ok(())
}

#[expect(clippy::expect_used, reason = "digits are an id")]
fn minted(digits: &str) -> PhoneNumberId {
    PhoneNumberId::parse(digits).expect("digits")
}
