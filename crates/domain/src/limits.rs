//! Every number that bounds a group, with its unit and its source.
//!
//! "Published" means that the API owner prints the figure in its guide; the rest are ours, because
//! every list needs an end.

/// Longest subject, in Unicode scalar values after trimming. Published.
pub const SUBJECT_CHARS_MAX: usize = 128;
/// Longest description, in Unicode scalar values. Published.
pub const DESCRIPTION_CHARS_MAX: usize = 2_048;
/// Participants a group may hold, the business not counted. Published.
pub const PARTICIPANTS_MAX: u32 = 8;
/// Groups one business number may have at a time. Published.
pub const GROUPS_PER_NUMBER_MAX: u32 = 10_000;
/// Join requests that may be open in one group at a time. Ours: one page of the longest length.
pub const OPEN_REQUESTS_MAX: usize = 1_024;
/// Bytes in an id that somebody else minted. Ours: ids are opaque, but not endless.
pub const ID_BYTES_MAX: usize = 256;
/// Largest picture, in bytes (5 MB). Published.
pub const PICTURE_BYTES_MAX: usize = 5 * 1_024 * 1_024;
/// Shortest side of a picture, in pixels. Published.
pub const PICTURE_SIDE_MIN: u16 = 192;

/// Highest value that an operator may give to [`Limits::participants`]. Ours.
pub const PARTICIPANTS_CEILING: u32 = 1_024;
/// Highest value that an operator may give to [`Limits::groups`]. Ours.
pub const GROUPS_CEILING: u32 = 10_000_000;

/// Highest value that an operator may give to [`Limits::operations`]. Ours.
pub const OPERATIONS_CEILING: u32 = 1_000_000;

/// What one business number is allowed; the operator may change it at any time.
///
/// A group that already holds more than a lowered limit keeps what it has and takes nobody new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Participants in one group, the business not counted.
    pub participants: u32,
    /// Groups that exist at the same time; a deleted group gives its place back.
    pub groups: u32,
    /// Changes to its groups that the business may ask for in a minute; `None` is no limit. The
    /// API owner has such a limit and has never published the figure.
    pub operations: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { participants: PARTICIPANTS_MAX, groups: GROUPS_PER_NUMBER_MAX, operations: None }
    }
}
