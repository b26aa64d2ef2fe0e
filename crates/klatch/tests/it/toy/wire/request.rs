use domain::NewGroup;
use domain::values::{Description, JoinApprovalMode, Subject};
use serde::Deserialize;
use wire::problem::{Problem, parse, required};

#[derive(Deserialize)]
pub(in super::super) struct NewRoom {
    name: Option<String>,
}

impl NewRoom {
    pub(in super::super) fn parse(self) -> Result<NewGroup, Problem> {
        Ok(NewGroup {
            subject: parse("name", &required("name", self.name)?, Subject::parse)?,
            description: Description::default(),
            mode: JoinApprovalMode::AutoApprove,
        })
    }
}
