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

/// How long a picture may take to arrive. Ours.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

impl App {
    /// Fetches a picture and sets it; or has it written down, for whom it concerns, that it could
    /// not be had.
    pub async fn fetch_picture(
        &self,
        call: &Call,
        id: &GroupId,
        url: &Url,
    ) -> Result<Outcome, Failure> {
        if let Some(outcome) = self.repeated(call).await? {
            return Ok(outcome);
        }
        // What would be refused afterwards is refused before anybody is asked for anything.
        self.may_change(call, id).await?;
        let change = match self.picture_at(url).await {
            Ok((picture, bytes)) => {
                let picture = Some(picture);
                let command = Command::ChangeSettings { subject: None, description: None, picture };
                Change { command, picture: Some(bytes) }
            }
            Err(problem) => Command::ReportPictureFailure { problem }.into(),
        };
        self.execute(call, id, change).await
    }

    async fn picture_at(&self, url: &Url) -> Result<(Picture, Bytes), String> {
        let bytes = self.outbound.fetch(url, PICTURE_BYTES_MAX, FETCH_TIMEOUT).await?;
        match picture::inspect_icon(&bytes) {
            Ok(picture) => Ok((picture, bytes)),
            Err(problem) => Err(format!("it {problem}")),
        }
    }
}
