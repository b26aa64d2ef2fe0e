//! Bodies that Meta's API has in another shape.

use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::Effect;
use crate::graph::PRODUCT;

/// A new group.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    /// Not published: only for numbers whose `answers` are `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_product: Option<&'static str>,
    /// The group's id.
    id: String,
    /// The call's id, repeated in the webhook. Not published: only for numbers whose `answers` are
    /// `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl From<Effect<'_>> for Created {
    fn from(effect: Effect<'_>) -> Self {
        let Effect { answers, request_id, group, .. } = effect;
        Self {
            messaging_product: answers.besides(PRODUCT),
            id: group.id.to_string(),
            request_id: answers.besides(request_id.to_string()),
        }
    }
}
