//! What a vendor's calls for the configuration of webhooks do. The vendors differ in the places that
//! they have and in what they say about a receiver; how a place is changed is the same for all.

use std::sync::Arc;

use domain::ids::{AccountId, PhoneNumberId};

use super::handshake::{HandshakeError, shake_hands};
use super::{App, Failure};
use crate::directory::{
    Actor, Changed, Configured, Minted, Number, NumberChange, Place, PlaceChange, Reach,
    RecordChange, Secret, Subscription, SubscriptionChange,
};
use crate::page::{Page, Seek};
use crate::store::{ChangeError, StoreError};

/// One of the changes that a configuration call makes.
#[derive(Debug)]
pub enum Step {
    /// Sets the receiver of a place, whether or not there is one. A dialect that has a handshake
    /// asks the receiver first.
    Set(Place, Configured),
    /// Adds a receiver to those that a number has besides its main one, `max` at most.
    Add {
        /// Where. It has to be vacant.
        place: Place,
        /// The receiver.
        receiver: Configured,
        /// How many there may be beside the main one.
        max: usize,
    },
    /// Changes the receiver of a place.
    Change(Place, SubscriptionChange),
    /// Ends the subscription of a place to some of the vendor's fields, by name.
    EndFields(Place, Vec<String>),
    /// Removes the receiver of a place, if there is one.
    Clear(Place),
    /// Removes the receivers beside this main place, unless they have one of these names.
    RetainExtras(Place, Vec<String>),
    /// Subscribes the account's app to a WABA, or ends that.
    SubscribeApp {
        /// The account.
        account: AccountId,
        /// The WhatsApp Business Account.
        waba_id: String,
        /// Whether it is subscribed from now on.
        on: bool,
    },
    /// Changes what the configuration says of a number.
    Number(PhoneNumberId, NumberChange),
}

/// Why a configuration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// A receiver was not taken.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The store did not take the change.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Counts a configuration call as one operation of the number, or of the oldest number of the WABA
/// or of the account. To be called before anything is looked up or asked in the caller's name.
///
/// # Errors
///
/// [`TooManyOperations`](domain::Refusal::TooManyOperations) if the number has used up its
/// operations, or the store failed.
pub async fn admit(app: &App, account: &AccountId, reach: &Reach) -> Result<(), Failure> {
    if let Some(number) = first_number(app, account, reach).await? {
        app.admit_operation(&number)?;
    }
    Ok(())
}

/// Makes the changes of one call: all of them, or none.
///
/// # Errors
///
/// [`ConfigureError::Handshake`] for the first receiver that is not taken; then nothing has changed.
/// Otherwise what the store says.
pub async fn configure(
    app: &App,
    actor: &Actor,
    steps: Vec<Step>,
) -> Result<Changed, ConfigureError> {
    for step in &steps {
        if let Step::Set(place, receiver) = step {
            let Configured { target, verify_token, .. } = receiver;
            let Place { account, dialect, .. } = place;
            shake_hands(app, account, *dialect, target, verify_token.as_ref()).await?;
        }
    }
    let changes = steps.into_iter().map(|step| change_of(app, step)).collect();
    Ok(app.change(actor, RecordChange::All(changes)).await?)
}

fn change_of(app: &App, step: Step) -> RecordChange {
    let minted = || {
        let secret = Secret::new(app.mint.signing_secret());
        Minted { id: app.mint.subscription_id(), secret }
    };
    let (place, change) = match step {
        Step::Set(place, receiver) => (place, PlaceChange::Set(receiver, minted())),
        Step::Add { place, receiver, max } => {
            (place, PlaceChange::Add { receiver, minted: minted(), max })
        }
        Step::Change(place, change) => (place, PlaceChange::Change(change)),
        Step::EndFields(place, names) => (place, PlaceChange::EndFields(names)),
        Step::Clear(place) => (place, PlaceChange::Clear),
        Step::RetainExtras(main, names) => {
            return RecordChange::RetainExtras(main, names, app.runtime.now());
        }
        Step::SubscribeApp { account, waba_id, on } => {
            return RecordChange::SubscribeApp { account, waba_id, on };
        }
        Step::Number(number, change) => return RecordChange::ChangeNumber(number, change),
    };
    RecordChange::ChangePlace(place, change, app.runtime.now())
}

/// The oldest number that a subscription or a call with this reach is about.
pub(super) async fn first_number(
    app: &App,
    account: &AccountId,
    reach: &Reach,
) -> Result<Option<Arc<Number>>, StoreError> {
    let page = Page { limit: 1, seek: Seek::First };
    let slice = match reach {
        Reach::Number(id) => {
            let number = app.store.number(id).await?;
            return Ok(number.filter(|number| number.account == *account));
        }
        Reach::Waba(waba_id) => app.store.numbers_of_waba(account, waba_id, page).await?,
        Reach::Account => app.store.numbers(Some(account), page).await?,
    };
    Ok(slice.items.into_iter().next().map(|(_, number)| Arc::new(number)))
}

/// The subscriptions that reach a number, oldest first.
///
/// # Errors
///
/// The store failed.
pub async fn reaching(app: &App, number: &Number) -> Result<Vec<Subscription>, StoreError> {
    Ok(app.receivers(&number.id).await?.subscriptions.clone())
}

/// Whether a number is the only one of its WABA.
///
/// # Errors
///
/// The store failed.
pub async fn is_alone_on_waba(app: &App, number: &Number) -> Result<bool, StoreError> {
    let page = Page { limit: 2, seek: Seek::First };
    let slice = app.store.numbers_of_waba(&number.account, &number.waba_id, page).await?;
    Ok(slice.items.iter().all(|(_, other)| other.id == number.id))
}
