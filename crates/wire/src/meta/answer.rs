//! Bodies that no other API of Graph's family has.

use domain::Event;
use domain::event::Failed;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::Effect;
use crate::graph::PRODUCT;
use crate::graph::code::{ErrorItem, PeopleCall};

/// A new group. Its id is in the webhook and in the list of groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    messaging_product: &'static str,
    /// The group's id. Not published: only for numbers whose `answers` are `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The call's id, repeated in the webhook.
    request_id: String,
}

impl From<Effect<'_>> for Created {
    fn from(effect: Effect<'_>) -> Self {
        let id = effect.group.id.to_string();
        Self {
            messaging_product: PRODUCT,
            id: effect.answers.besides(id),
            request_id: effect.request_id.to_string(),
        }
    }
}

/// The call was taken. Meta publishes no body for these calls; clients read `success` and
/// `request_id`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Taken {
    /// Only for numbers whose `answers` are `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_product: Option<&'static str>,
    /// Always true. Participants for whom the call failed are listed besides, and in the webhook.
    success: bool,
    /// The call's id, repeated in the webhook.
    request_id: String,
}

impl From<Effect<'_>> for Taken {
    fn from(effect: Effect<'_>) -> Self {
        let request_id = effect.request_id.to_string();
        let messaging_product = effect.answers.besides(PRODUCT);
        Self { messaging_product, success: true, request_id }
    }
}

/// There is no invite link any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkDeleted {
    messaging_product: &'static str,
    /// `true`, as text. So published, here and nowhere else.
    #[schema(example = "true")]
    success: &'static str,
    /// The call's id. Not published: only for numbers whose `answers` are `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl From<Effect<'_>> for LinkDeleted {
    fn from(effect: Effect<'_>) -> Self {
        let request_id = effect.answers.besides(effect.request_id.to_string());
        Self { messaging_product: PRODUCT, success: "true", request_id }
    }
}

/// What became of the participants that were named: 206 where it is not the same for all.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParticipantsAnswered {
    #[serde(flatten)]
    taken: Taken,
    /// Those that came to nothing; only there if some did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_participants: Vec<FailedParticipant>,
    /// Why: 131201 where it went well for others; only there if some came to nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
}

/// A participant for whom the call came to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailedParticipant {
    /// As the caller had written it.
    input: String,
    errors: Vec<ErrorItem>,
}

impl ParticipantsAnswered {
    /// Status and body.
    #[must_use]
    pub fn new(call: PeopleCall, effect: Effect<'_>) -> (u16, Self) {
        let done = match effect.event {
            Some(Event::ParticipantsAdded { added, .. }) => added.len(),
            Some(Event::ParticipantsRemoved { removed, .. }) => removed.len(),
            _ => 0,
        };
        let why = |failed: &Failed| ErrorItem::from(&failed.refusal);
        let failed = effect.refused;
        let (status, errors) = match (done, failed.len()) {
            (_, 0) => (200, Vec::new()),
            (0, _) => (200, ErrorItem::distinct(failed.iter().map(why))),
            (_, some) => (206, vec![ErrorItem::partly(call, some)]),
        };
        let failed_participants = failed
            .iter()
            .map(|failed| FailedParticipant {
                input: failed.input.clone(),
                errors: vec![why(failed)],
            })
            .collect();
        (status, Self { taken: effect.into(), failed_participants, errors })
    }
}
