//! Pictures that a business points at instead of sending them.

use std::time::Duration;

use bytes::Bytes;
use domain::Command;
use domain::ids::GroupId;
use domain::limits::PICTURE_BYTES_MAX;
use domain::values::Picture;
use url::Url;

use super::caller::Call;
use super::{App, Change, Failure, Outcome};
use crate::picture;
use crate::webhook::send::{AccountClient, FetchFailure, Fetched};

/// How long a picture may take to arrive. Ours.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Pictures that are asked for at a time for one number: what comes then is refused at once. What an
/// account may fetch is limited by its [`AccountClient`]. Ours.
pub(super) const FETCHES_PER_NUMBER_MAX: usize = 4;

/// Whether a picture is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayFetch {
    /// It is.
    Yes,
    /// The same call was made before, and is answered as it was.
    Done,
}

impl App {
    /// Whether a picture that is meant for a group is to be fetched at all.
    pub async fn may_fetch(&self, call: &Call, id: &GroupId) -> Result<MayFetch, Failure> {
        if self.repeated(call).await?.is_some() {
            return Ok(MayFetch::Done);
        }
        self.may_change(call, id).await?;
        Ok(MayFetch::Yes)
    }

    /// Fetches a picture and sets it; or has it written down, for whom it concerns, that it could
    /// not be had.
    ///
    /// # Errors
    ///
    /// [`Failure::TooManyFetches`] where the number has too many calls waiting for pictures, or the
    /// account's turn did not come in time; else what `execute` says.
    pub async fn fetch_picture(
        &self,
        call: &Call,
        id: &GroupId,
        client: &AccountClient,
        url: &Url,
    ) -> Result<Outcome, Failure> {
        let stored = self.group(&call.scope, id).await?;
        let number = stored.group.state().number.as_str();
        let turn = self.fetching.take(number, Duration::ZERO).await;
        let _turn = turn.ok_or(Failure::TooManyFetches)?;
        // Kept until the picture is on the disk.
        let fetched = client.fetch(url, PICTURE_BYTES_MAX, FETCH_TIMEOUT).await;
        let change = match picture_of(&fetched) {
            Ok((picture, bytes)) => {
                let picture = Some(picture);
                let command = Command::ChangeSettings { subject: None, description: None, picture };
                Change { command, picture: Some(bytes) }
            }
            Err(FetchFailure::NoPlace) => return Err(Failure::TooManyFetches),
            Err(FetchFailure::Failed(problem)) => Command::ReportPictureFailure { problem }.into(),
        };
        self.execute(call, id, change).await
    }
}

fn picture_of(fetched: &Result<Fetched, FetchFailure>) -> Result<(Picture, Bytes), FetchFailure> {
    let bytes = &fetched.as_ref().map_err(FetchFailure::clone)?.bytes;
    match picture::inspect_icon(bytes) {
        Ok(picture) => Ok((picture, bytes.clone())),
        Err(problem) => Err(FetchFailure::Failed(format!("it {problem}"))),
    }
}
