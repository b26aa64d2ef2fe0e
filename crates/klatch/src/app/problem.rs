//! What came of a call that failed, as something that every API can put into words: a refusal of the
//! group's rules, or a [`Problem`].

use domain::Refusal;
use wire::problem::Problem;

use super::Failure;
use crate::store::{ChangeError, StoreError};

/// What is wrong with the store, for callers. The details are for the log, where they go here.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        error.log();
        match error {
            StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown,
            StoreError::Damaged(_) | StoreError::Corrupt { .. } => Self::Internal,
        }
    }
}

impl TryFrom<Failure> for Problem {
    type Error = Refusal;

    fn try_from(failure: Failure) -> Result<Self, Refusal> {
        Ok(match failure {
            Failure::Refused(refusal) => return Err(refusal),
            Failure::KeyReused => Self::KeyReused,
            Failure::Busy => Self::GroupBusy,
            Failure::TooManyFetches => Self::TooManyFetches,
            Failure::Store(error) => error.into(),
        })
    }
}

impl TryFrom<ChangeError> for Problem {
    type Error = Refusal;

    fn try_from(error: ChangeError) -> Result<Self, Refusal> {
        Ok(match error {
            ChangeError::NotRegistered => return Err(Refusal::NumberNotRegistered),
            ChangeError::Taken { field } => Self::Taken { field },
            ChangeError::Subscribed { subscription } => {
                Self::Subscribed { subscription: subscription.to_string() }
            }
            ChangeError::Unknown { field } => Self::Unknown { field },
            ChangeError::WrongPin => Self::WrongPin,
            ChangeError::TooMany { field, max } => Self::TooMany { field, max },
            ChangeError::Store(error) => error.into(),
        })
    }
}
