use domain::GroupState;
use serde::Serialize;

#[derive(Serialize)]
pub(in super::super) struct MadeRoom {
    room: String,
}

impl From<&GroupState> for MadeRoom {
    fn from(group: &GroupState) -> Self {
        Self { room: group.id.to_string() }
    }
}

#[derive(Serialize)]
pub(in super::super) struct Room {
    room: String,
    name: String,
    people: usize,
}

impl From<&GroupState> for Room {
    fn from(group: &GroupState) -> Self {
        Self {
            room: group.id.to_string(),
            name: group.subject.as_str().to_owned(),
            people: group.participants.len(),
        }
    }
}
