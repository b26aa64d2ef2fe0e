//! Pages of lists, as all APIs that have pages describe them: Graph's cursors and addresses.

use serde::Serialize;
use utoipa::ToSchema;

/// Longest page. Published for lists of groups; ours for the other lists.
pub const LIMIT_MAX: u16 = 1_024;
/// Page length where the caller does not say. Published for lists of groups.
pub const LIMIT_DEFAULT: u16 = 25;

/// Where a page is in its list. All of it is missing where the page is empty.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Paging {
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The ends of the page.
    pub cursors: Option<Cursors>,
    /// The next page, whole address; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The previous page, whole address; missing on the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// The ends of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cursors {
    /// Of the first item.
    pub before: String,
    /// Of the last item.
    pub after: String,
}
