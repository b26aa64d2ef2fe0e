//! What callers send, and what it means.

use domain::ids::{JoinRequestId, UserId};
use domain::person::Entry;
use domain::values::{Batch, Description, JoinApprovalMode, Subject, WaId};
use domain::{Command, PersonRef};
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use super::PRODUCT;
use super::params::{Id, Part};
use crate::app::{Change, NewGroup};
use crate::http::problem::{Problem, parse, required};
use crate::mint::person_ref;
use crate::picture::{self, PictureProblem};

/// Entries in one call about participants. Published.
pub const PARTICIPANTS_PER_CALL_MAX: usize = 8;
/// Entries in one call about join requests. Ours: as many as can be open.
pub const REQUESTS_PER_CALL_MAX: usize = domain::limits::OPEN_REQUESTS_MAX;

/// Whether `messaging_product` has to be said. It must be `whatsapp` in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// It has: so Meta.
    Required,
    /// Clients leave it out, and are understood: so 360dialog, and forms.
    Optional,
}

impl Product {
    /// Checks what a caller says about the product.
    ///
    /// # Errors
    ///
    /// It is missing although it is required, or it is not `whatsapp`.
    pub fn check(self, product: Option<&str>) -> Result<(), Problem> {
        match product {
            Some(PRODUCT) => Ok(()),
            None if self == Self::Optional => Ok(()),
            None => Err(Problem::missing("messaging_product")),
            Some(other) => Err(Problem::not_one_of("messaging_product", &[PRODUCT], other)),
        }
    }
}

/// Asks for a new group.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateGroup {
    /// `whatsapp`.
    #[schema(example = "whatsapp")]
    messaging_product: Option<String>,
    /// Name of the group, 1 to 128 characters after trimming. Required.
    #[schema(example = "New Purchase Inquiry", min_length = 1, max_length = 128, value_type = String)]
    subject: Option<String>,
    /// About text, at most 2,048 characters.
    #[schema(max_length = 2048)]
    description: Option<String>,
    /// `auto_approve` (the default) or `approval_required`; cannot be changed later.
    #[schema(example = "auto_approve")]
    join_approval_mode: Option<String>,
}

impl CreateGroup {
    /// As values.
    pub fn parse(self, product: Product) -> Result<NewGroup, Problem> {
        product.check(self.messaging_product.as_deref())?;
        let mode = self.join_approval_mode.as_deref();
        Ok(NewGroup {
            subject: parse("subject", &required("subject", self.subject)?, Subject::parse)?,
            description: parse(
                "description",
                self.description.as_deref().unwrap_or_default(),
                Description::parse,
            )?,
            mode: mode
                .map(|mode| parse("join_approval_mode", mode, JoinApprovalMode::parse))
                .transpose()?
                .unwrap_or_default(),
        })
    }
}

/// Asks for other settings. What is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct UpdateGroup {
    /// `whatsapp`.
    #[schema(example = "whatsapp")]
    messaging_product: Option<String>,
    /// New name, 1 to 128 characters after trimming.
    #[schema(max_length = 128)]
    subject: Option<String>,
    /// New about text, at most 2,048 characters; an empty one clears it.
    #[schema(max_length = 2048)]
    description: Option<String>,
    /// Cannot be sent as JSON: upload the picture as multipart/form-data, part `file`.
    #[schema(value_type = Option<String>)]
    profile_picture_file: Option<IgnoredAny>,
    /// Cannot be changed: it is what it was when the group was created.
    join_approval_mode: Option<String>,
}

/// Other settings as a form, for the documentation: forms are read part by part.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a form, is never made")]
pub struct UpdateForm {
    messaging_product: Option<String>,
    #[schema(max_length = 128)]
    subject: Option<String>,
    #[schema(max_length = 2048)]
    description: Option<String>,
    /// A square JPEG of at most 5 MB with sides of at least 192 pixels; the part may also be named
    /// `profile_picture_file`.
    #[schema(format = Binary, content_media_type = "image/jpeg")]
    file: Option<String>,
}

/// The names under which clients upload a picture.
pub const PICTURE_PARTS: [&str; 2] = ["file", "profile_picture_file"];

impl UpdateGroup {
    /// As a change. `picture` is the part of a multipart form that holds one: a picture that breaks
    /// the published rules has codes of its own, hence the other error.
    pub fn parse(self, product: Product, picture: Option<&Part>) -> Result<Change, UpdateProblem> {
        let mut change = Change::from(self.settings(product)?);
        match (picture, &mut change.command) {
            (Some(part), Command::ChangeSettings { picture, .. }) => {
                let inspected = picture::inspect(&part.bytes).map_err(|problem| {
                    UpdateProblem::Picture { part: part.name.clone(), problem }
                })?;
                *picture = Some(inspected);
                change.picture = Some(part.bytes.clone());
            }
            (None, _) if self.profile_picture_file.is_some() => {
                let detail = "must be uploaded as multipart/form-data, a path is of no use here";
                return Err(Problem::field("profile_picture_file", detail).into());
            }
            _ => {}
        }
        Ok(change)
    }

    fn settings(&self, product: Product) -> Result<Command, Problem> {
        product.check(self.messaging_product.as_deref())?;
        if self.join_approval_mode.is_some() {
            let detail = "cannot be changed once the group is there";
            return Err(Problem::field("join_approval_mode", detail));
        }
        let subject = self.subject.as_deref();
        let description = self.description.as_deref();
        Ok(Command::ChangeSettings {
            subject: subject.map(|text| parse("subject", text, Subject::parse)).transpose()?,
            description: description
                .map(|text| parse("description", text, Description::parse))
                .transpose()?,
            picture: None,
        })
    }
}

/// What can be wrong with new settings.
#[derive(Debug)]
pub enum UpdateProblem {
    /// As with any request.
    Request(Problem),
    /// The picture is none, or not a fit one.
    Picture {
        /// The part it was uploaded as.
        part: String,
        /// What is wrong.
        problem: PictureProblem,
    },
}

impl From<Problem> for UpdateProblem {
    fn from(problem: Problem) -> Self {
        Self::Request(problem)
    }
}

/// A body that says nothing but which product is meant.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ProductOnly {
    /// `whatsapp`.
    #[schema(example = "whatsapp")]
    messaging_product: Option<String>,
}

impl ProductOnly {
    /// Checks that it says nothing wrong.
    pub fn parse(self, product: Product) -> Result<(), Problem> {
        product.check(self.messaging_product.as_deref())
    }
}

/// Names join requests to answer.
#[derive(Debug, Deserialize, ToSchema)]
pub struct JoinRequestList {
    /// `whatsapp`.
    #[schema(example = "whatsapp")]
    messaging_product: Option<String>,
    /// Ids of open requests, each once.
    #[schema(min_items = 1, max_items = 1_024, value_type = Vec<String>)]
    join_requests: Option<Vec<Id>>,
}

impl JoinRequestList {
    /// As ids. What cannot be an id is a mistake; what can be one but is none fails alone, later.
    pub fn parse(self, product: Product) -> Result<Batch<JoinRequestId>, Problem> {
        product.check(self.messaging_product.as_deref())?;
        let ids = required("join_requests", self.join_requests)?;
        let ids = ids
            .iter()
            .enumerate()
            .map(|(index, Id(id))| {
                parse(&format!("join_requests[{index}]"), id, JoinRequestId::parse)
            })
            .collect::<Result<_, _>>()?;
        Batch::new(ids, REQUESTS_PER_CALL_MAX)
            .map_err(|problem| Problem::field("join_requests", problem))
    }
}

/// Names participants.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ParticipantList {
    /// `whatsapp`.
    #[schema(example = "whatsapp")]
    messaging_product: Option<String>,
    /// One to eight people, each once.
    #[schema(min_items = 1, max_items = 8, value_type = Vec<ParticipantEntry>)]
    participants: Option<Vec<ParticipantEntry>>,
}

/// One person in a list.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ParticipantEntry {
    /// Phone number, with or without `+`, blanks and dashes; or user id.
    #[schema(example = "+16505551234", value_type = Option<String>)]
    user: Option<Id>,
    /// User id, instead of `user`.
    user_id: Option<String>,
}

impl ParticipantList {
    /// As phone numbers of people to be added, each with what the caller wrote. Meta has published
    /// no other way to name them here.
    pub fn parse_new(self, product: Product) -> Result<Batch<Entry<WaId>>, Problem> {
        let by_id = |entry: &ParticipantEntry| entry.user.is_none() && entry.user_id.is_some();
        if let Some(index) = self.participants.iter().flatten().position(by_id) {
            let detail = "cannot be used where participants are added: give a phone number as user";
            return Err(Problem::field(format!("participants[{index}].user_id"), detail));
        }
        let mut index = 0..;
        self.parse(product)?.try_map(|Entry { input, target }| match (target, index.next()) {
            (PersonRef::Phone(target), _) => Ok(Entry { input, target }),
            (PersonRef::User(_), index) => {
                let detail = "must be a phone number where participants are added";
                let index: usize = index.unwrap_or_default();
                Err(Problem::field(format!("participants[{index}].user"), detail))
            }
        })
    }

    /// As references to people, each with what the caller wrote.
    pub fn parse(self, product: Product) -> Result<Batch<Entry<PersonRef>>, Problem> {
        product.check(self.messaging_product.as_deref())?;
        let entries = required("participants", self.participants)?;
        let entries = entries
            .into_iter()
            .enumerate()
            .map(|(index, entry)| {
                let name = |field: &str| format!("participants[{index}].{field}");
                let (input, target) = match (entry.user, entry.user_id) {
                    (Some(Id(input)), None) => {
                        let target = parse(&name("user"), &input, person_ref)?;
                        (input, target)
                    }
                    (None, Some(input)) => {
                        let target = parse(&name("user_id"), &input, UserId::parse)?;
                        (input, PersonRef::User(target))
                    }
                    (None, None) => return Err(Problem::missing(name("user"))),
                    (Some(_), Some(_)) => {
                        let detail = "cannot be combined with user";
                        return Err(Problem::field(name("user_id"), detail));
                    }
                };
                Ok(Entry { input, target })
            })
            .collect::<Result<_, _>>()?;
        Batch::new(entries, PARTICIPANTS_PER_CALL_MAX)
            .map_err(|problem| Problem::field("participants", problem))
    }
}
