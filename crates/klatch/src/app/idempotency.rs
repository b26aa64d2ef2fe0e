//! The same call twice has the effect, and the answer, of the call once.

use super::caller::Call;
use super::{App, Failure, Outcome};
use crate::store::{RECEIPT_HORIZON_MS, Receipt, Scope, StoreError};

/// Whose keys these are.
pub(super) fn receipt_scope(scope: &Scope) -> String {
    match scope {
        Scope::Number(number) => format!("number:{number}"),
        Scope::Account(account) => format!("account:{account}"),
        Scope::Everything => "operator".to_owned(),
    }
}

impl App {
    /// The outcome of the same call, if it was made in the last 24 hours.
    pub(crate) async fn repeated(&self, call: &Call) -> Result<Option<Outcome>, Failure> {
        let Some(idempotency) = &call.idempotency else { return Ok(None) };
        let receipt = self.store.receipt(&receipt_scope(&call.scope), &idempotency.key).await?;
        let horizon = self.runtime.now().minus_millis(RECEIPT_HORIZON_MS);
        // A key does not become free because the clock has jumped.
        let expires = self.runtime.believes_clock();
        match receipt.filter(|receipt| !expires || receipt.created_at > horizon) {
            None => Ok(None),
            Some(receipt) if receipt.fingerprint == idempotency.fingerprint => {
                self.outcome_of(receipt).await.map(Some)
            }
            Some(_) => Err(Failure::KeyReused),
        }
    }

    /// The event is in the log; all else that an answer is made of is in the receipt.
    async fn outcome_of(&self, receipt: Receipt) -> Result<Outcome, Failure> {
        let Receipt { group, request_id, version, refused, answers, .. } = receipt;
        let lost = |table| StoreError::Corrupt {
            table,
            column: "group_id",
            row: group.to_string(),
            problem: "a receipt points at it, but it is not there".to_owned(),
        };
        let stored = self.store.group(&Scope::Everything, &group).await?;
        let event = match version {
            None => None,
            Some(version) => {
                let history = self.store.history(&group, version, 1).await?;
                let recorded = history.into_iter().next().ok_or_else(|| lost("events"))?;
                Some(recorded.event)
            }
        };
        let stored = stored.ok_or_else(|| lost("groups"))?;
        Ok(Outcome { stored, request_id, event, refused, answers })
    }
}
