//! Notices of what happened to the groups of a number, for those who ask instead of being told.

use domain::PersonRef;
use domain::values::Timestamp;

use super::App;
use crate::directory::Number;
use crate::store::StoreError;
use crate::store::outbox::{By, Notice, Notices};

/// Which notices are wanted.
#[derive(Debug)]
pub struct Wanted {
    /// Whose, if not everybody's: the number's own, or a person's.
    pub sender: Option<PersonRef>,
    /// From then on.
    pub from: Timestamp,
    /// Until then, not included; including this very moment, if left out.
    pub to: Option<Timestamp>,
    /// How many of the oldest are left out.
    pub skip: u32,
    /// How many at most.
    pub limit: u32,
}

/// The notices of a number's groups, oldest first.
///
/// # Errors
///
/// The store failed.
pub async fn list(app: &App, number: &Number, wanted: Wanted) -> Result<Vec<Notice>, StoreError> {
    let Wanted { sender, from, to, skip, limit } = wanted;
    let by = match sender.map(|sender| sender.to_string()) {
        None => By::Anyone,
        Some(sender) if sender == number.display_number.as_str() => By::Business,
        Some(sender) => By::Person(sender),
    };
    let to = to.unwrap_or_else(|| app.runtime.now().minus_millis(-1));
    app.store.notices(&number.id, &Notices { by, from, to, skip, limit }).await
}
