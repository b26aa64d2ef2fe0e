//! Bodies, fields and error codes of Graph's family: what Meta's API and those that pass it through
//! have in common.

use bytes::Bytes;
use domain::event::Answered;
use domain::group::{JoinRequest, Participant};
use domain::ids::{JoinRequestId, RequestId, UserId};
use domain::person::Entry;
use domain::refusal::List;
use domain::values::{Batch, Description, InviteCode, JoinApprovalMode, Subject, WaId};
use domain::{Command, Event, GroupState, PersonRef, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::GroupSummary;
use crate::app::mint::person_ref;
use crate::app::{Change, NewGroup, Outcome};
use crate::http::paging::Paging;
use crate::http::problem::{Problem, parse};
use crate::picture::{self, PictureProblem};

/// Entries in one call about participants. Published.
pub const PARTICIPANTS_PER_CALL_MAX: usize = 8;
/// Entries in one call about join requests. Ours: as many as can be open.
pub const REQUESTS_PER_CALL_MAX: usize = domain::limits::OPEN_REQUESTS_MAX;
/// The one value that `messaging_product` may have.
pub const PRODUCT: &str = "whatsapp";

/// `messaging_product`, where it is said, must be `whatsapp`; older clients leave it out.
fn check_product(product: Option<&str>) -> Result<(), Problem> {
    match product {
        None | Some(PRODUCT) => Ok(()),
        Some(_) => Err(Problem::field("messaging_product", "must be whatsapp")),
    }
}

// What callers send.

/// Asks for a new group.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateGroup {
    /// `whatsapp`; may be left out.
    messaging_product: Option<String>,
    /// Name of the group, 1 to 128 characters after trimming. Required.
    #[schema(example = "New Purchase Inquiry", max_length = 128)]
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
    pub fn parse(self) -> Result<NewGroup, Problem> {
        check_product(self.messaging_product.as_deref())?;
        let mode = self.join_approval_mode.as_deref();
        Ok(NewGroup {
            subject: parse("subject", self.subject.as_deref().unwrap_or_default(), Subject::parse)?,
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
    /// `whatsapp`; may be left out.
    messaging_product: Option<String>,
    /// New name, 1 to 128 characters after trimming.
    #[schema(max_length = 128)]
    subject: Option<String>,
    /// New about text, at most 2,048 characters; an empty one clears it.
    #[schema(max_length = 2048)]
    description: Option<String>,
    /// Cannot be sent as JSON: upload the picture as multipart/form-data, part `file`.
    profile_picture_file: Option<String>,
}

/// The names under which clients upload a picture.
const PICTURE_PARTS: [&str; 2] = ["file", "profile_picture_file"];

impl UpdateGroup {
    /// As a command, if it came as JSON.
    pub fn parse(self) -> Result<Change, Problem> {
        if self.profile_picture_file.is_some() {
            let detail = "must be uploaded as multipart/form-data, a path is of no use here";
            return Err(Problem::field("profile_picture_file", detail));
        }
        Ok(self.settings()?.into())
    }

    /// As a command, if it came as a form. A picture that breaks the published rules has codes of
    /// its own, hence the other error.
    pub fn parse_form(parts: Vec<(String, Bytes)>) -> Result<Change, UpdateProblem> {
        let mut update = Self::default();
        let mut uploaded = None;
        for (name, bytes) in parts {
            let text = || {
                std::str::from_utf8(&bytes)
                    .map(str::to_owned)
                    .map_err(|_| Problem::field(&name, "must be text in UTF-8"))
            };
            match name.as_str() {
                "messaging_product" => update.messaging_product = Some(text()?),
                "subject" => update.subject = Some(text()?),
                "description" => update.description = Some(text()?),
                part if PICTURE_PARTS.contains(&part) => uploaded = Some((name, bytes)),
                _ => {}
            }
        }
        let mut change = Change::from(update.settings()?);
        if let (Some((part, bytes)), Command::ChangeSettings { picture, .. }) =
            (uploaded, &mut change.command)
        {
            let inspected = picture::inspect(&bytes)
                .map_err(|problem| UpdateProblem::Picture { part, problem })?;
            *picture = Some(inspected);
            change.picture = Some(bytes);
        }
        Ok(change)
    }

    fn settings(&self) -> Result<Command, Problem> {
        check_product(self.messaging_product.as_deref())?;
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
    /// `whatsapp`; may be left out.
    messaging_product: Option<String>,
}

impl ProductOnly {
    /// Checks that it says nothing wrong.
    pub fn parse(self) -> Result<(), Problem> {
        check_product(self.messaging_product.as_deref())
    }
}

/// Names join requests to answer.
#[derive(Debug, Deserialize, ToSchema)]
pub struct JoinRequestList {
    /// `whatsapp`; may be left out.
    messaging_product: Option<String>,
    /// Ids of open requests, each once.
    join_requests: Option<Vec<String>>,
}

impl JoinRequestList {
    /// As ids. What cannot be an id is a mistake; what can be one but is none fails alone, later.
    pub fn parse(self) -> Result<Batch<JoinRequestId>, Problem> {
        check_product(self.messaging_product.as_deref())?;
        let ids = self.join_requests.unwrap_or_default();
        let ids = ids
            .iter()
            .enumerate()
            .map(|(index, id)| parse(&format!("join_requests[{index}]"), id, JoinRequestId::parse))
            .collect::<Result<_, _>>()?;
        Batch::new(ids, REQUESTS_PER_CALL_MAX)
            .map_err(|problem| Problem::field("join_requests", problem))
    }
}

/// Names participants.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ParticipantList {
    /// `whatsapp`; may be left out.
    messaging_product: Option<String>,
    /// One to eight people, each once.
    participants: Option<Vec<ParticipantEntry>>,
}

/// One person in a list.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ParticipantEntry {
    /// Phone number, with or without `+`, blanks and dashes; or user id.
    #[schema(example = "+16505551234")]
    user: Option<String>,
    /// User id, instead of `user`.
    user_id: Option<String>,
}

impl ParticipantList {
    /// As references to people, each with what the caller wrote.
    pub fn parse(self) -> Result<Batch<Entry<PersonRef>>, Problem> {
        check_product(self.messaging_product.as_deref())?;
        let entries = self.participants.unwrap_or_default();
        let entries = entries
            .into_iter()
            .enumerate()
            .map(|(index, entry)| {
                let name = |field: &str| format!("participants[{index}].{field}");
                let (input, target) = match (entry.user, entry.user_id) {
                    (Some(input), None) => {
                        let target = parse(&name("user"), &input, person_ref)?;
                        (input, target)
                    }
                    (None, Some(input)) => {
                        let target = parse(&name("user_id"), &input, UserId::parse)?;
                        (input, PersonRef::User(target))
                    }
                    (None, None) => return Err(Problem::field(name("user"), "must not be empty")),
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

/// The fields that a caller may choose from.
const FIELDS: [&str; 9] = [
    "messaging_product",
    "id",
    "subject",
    "description",
    "join_approval_mode",
    "suspended",
    "creation_timestamp",
    "participants",
    "total_participant_count",
];

/// The fields that a caller has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<&'static str>);

impl Fields {
    /// Reads a comma list; nothing chosen leaves `id` and `messaging_product`.
    pub fn parse(list: Option<&str>) -> Result<Self, Problem> {
        let names = list.unwrap_or_default().split(',').map(str::trim);
        let fields = names.filter(|name| !name.is_empty()).map(|name| {
            FIELDS.into_iter().find(|field| *field == name).ok_or_else(|| {
                let known = FIELDS.join(", ");
                Problem::field("fields", format!("must only name {known}; {name} is unknown"))
            })
        });
        Ok(Self(fields.collect::<Result<_, _>>()?))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

// What callers get.

/// A new group.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    messaging_product: &'static str,
    /// The group's id.
    id: String,
    /// The call's id, repeated in the webhook.
    request_id: String,
}

impl From<&Outcome> for Created {
    fn from(outcome: &Outcome) -> Self {
        Self {
            messaging_product: PRODUCT,
            id: outcome.stored.group.state().id.to_string(),
            request_id: outcome.request_id.to_string(),
        }
    }
}

/// Done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success {
    messaging_product: &'static str,
    /// Always true: what did not succeed has another answer.
    success: bool,
    /// The call's id, repeated in the webhook.
    request_id: String,
}

impl From<&Outcome> for Success {
    fn from(outcome: &Outcome) -> Self {
        let request_id = outcome.request_id.to_string();
        Self { messaging_product: PRODUCT, success: true, request_id }
    }
}

/// An invite link.
#[derive(Debug, Serialize, ToSchema)]
pub struct InviteLink {
    messaging_product: &'static str,
    /// The call's id, where it made the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Always begins with `https://chat.whatsapp.com/`.
    #[schema(example = "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv")]
    invite_link: String,
}

impl InviteLink {
    /// A link, and the call that made it, if one did.
    #[must_use]
    pub fn new(code: &InviteCode, request: Option<&RequestId>) -> Self {
        Self {
            messaging_product: PRODUCT,
            request_id: request.map(ToString::to_string),
            invite_link: code.link(),
        }
    }
}

/// A page of groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupPage {
    data: GroupPageData,
    paging: Paging,
}

/// The groups of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupPageData {
    /// Newest first.
    groups: Vec<GroupEntry>,
}

/// A group in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupEntry {
    id: String,
    subject: String,
    /// Unix seconds.
    created_at: i64,
}

impl GroupPage {
    /// Renders a page.
    #[must_use]
    pub fn new(groups: Vec<(u64, GroupSummary)>, paging: Paging) -> Self {
        let groups = groups
            .into_iter()
            .map(|(_, group)| GroupEntry {
                id: group.id.to_string(),
                subject: group.subject.as_str().to_owned(),
                created_at: group.created_at.as_secs(),
            })
            .collect();
        Self { data: GroupPageData { groups }, paging }
    }
}

/// A person, as every answer shows one.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonInfo<'a> {
    /// Phone number in digits; missing for a person who hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<&'a str>,
    /// The person as this business knows them.
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
}

impl<'a> From<&'a domain::Person> for PersonInfo<'a> {
    fn from(person: &'a domain::Person) -> Self {
        Self {
            wa_id: person.wa_id.as_ref().map(WaId::as_str),
            user_id: person.user_id.as_str(),
            parent_user_id: person.parent_user_id.as_ref().map(UserId::as_str),
            username: person.username.as_deref(),
        }
    }
}

/// What is known of a group, as far as it was asked for.
// Borrows from the group: this is the answer that is given most.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupInfo<'a> {
    messaging_product: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// Missing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended: Option<bool>,
    /// The business not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_participant_count: Option<usize>,
    /// The business not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    participants: Option<Vec<PersonInfo<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_approval_mode: Option<&'static str>,
}

impl<'a> GroupInfo<'a> {
    /// Renders the chosen fields.
    #[must_use]
    pub fn new(group: &'a GroupState, fields: &Fields) -> Self {
        let chosen = |name| fields.has(name);
        let description = group.description.as_str();
        let person = |participant: &'a Participant| PersonInfo::from(&participant.person);
        Self {
            messaging_product: PRODUCT,
            id: group.id.as_str(),
            subject: chosen("subject").then(|| group.subject.as_str()),
            description: Some(description).filter(|text| chosen("description") && !text.is_empty()),
            creation_timestamp: chosen("creation_timestamp").then(|| group.created_at.as_secs()),
            suspended: chosen("suspended").then_some(group.status == domain::Status::Suspended),
            total_participant_count: chosen("total_participant_count")
                .then_some(group.participants.len()),
            participants: chosen("participants")
                .then(|| group.participants.iter().map(person).collect()),
            join_approval_mode: chosen("join_approval_mode").then(|| group.mode.as_str()),
        }
    }
}

/// A page of open join requests.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinRequestPage<'a> {
    /// Oldest first.
    data: Vec<JoinRequestInfo<'a>>,
    paging: Paging,
}

/// An open join request.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinRequestInfo<'a> {
    join_request_id: &'a str,
    #[serde(flatten)]
    person: PersonInfo<'a>,
    /// Unix seconds.
    creation_timestamp: i64,
}

impl<'a> JoinRequestPage<'a> {
    /// Renders a page.
    #[must_use]
    pub fn new(requests: Vec<(u64, &'a JoinRequest)>, paging: Paging) -> Self {
        let data = requests
            .into_iter()
            .map(|(_, request)| JoinRequestInfo {
                join_request_id: request.id.as_str(),
                person: (&request.person).into(),
                creation_timestamp: request.created_at.as_secs(),
            })
            .collect();
        Self { data, paging }
    }
}

/// What became of the join requests that were named.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinRequestsAnswered {
    messaging_product: &'static str,
    /// The call's id, repeated in the webhook.
    request_id: String,
    /// Ids of those let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_join_requests: Option<Vec<String>>,
    /// Ids of those turned away.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_join_requests: Option<Vec<String>>,
    /// Those that came to nothing; only there if some did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_join_requests: Vec<FailedJoinRequest>,
    /// Why, once for each reason; only there if some came to nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
}

/// A join request that came to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailedJoinRequest {
    join_request_id: String,
    errors: Vec<ErrorItem>,
}

impl JoinRequestsAnswered {
    /// Those let in, and those that came to nothing.
    #[must_use]
    pub fn approved(outcome: &Outcome) -> Self {
        Self { approved_join_requests: Some(answered(outcome)), ..Self::failed(outcome) }
    }

    /// Those turned away, and those that came to nothing.
    #[must_use]
    pub fn rejected(outcome: &Outcome) -> Self {
        Self { rejected_join_requests: Some(answered(outcome)), ..Self::failed(outcome) }
    }

    fn failed(outcome: &Outcome) -> Self {
        let mut errors: Vec<ErrorItem> = Vec::new();
        let mut failed_join_requests = Vec::new();
        for failed in &outcome.refused {
            let error = ErrorItem::from(&failed.refusal);
            if !errors.contains(&error) {
                errors.push(error.clone());
            }
            let join_request_id = failed.input.clone();
            failed_join_requests.push(FailedJoinRequest { join_request_id, errors: vec![error] });
        }
        Self {
            messaging_product: PRODUCT,
            request_id: outcome.request_id.to_string(),
            approved_join_requests: None,
            rejected_join_requests: None,
            failed_join_requests,
            errors,
        }
    }
}

/// The requests that a call answered.
fn answered(outcome: &Outcome) -> Vec<String> {
    let answered: &[Answered] = match &outcome.event {
        Some(Event::JoinRequestsApproved { approved }) => approved,
        Some(Event::JoinRequestsRejected { rejected }) => rejected,
        _ => &[],
    };
    answered.iter().map(|answered| answered.request.to_string()).collect()
}

/// An error inside an answer or a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorItem {
    /// One of the published codes.
    #[schema(example = 131_213)]
    code: u32,
    /// `(#code) ` and details.
    message: String,
    title: &'static str,
    error_data: ErrorData,
}

/// The human part of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorData {
    details: String,
}

impl From<&Refusal> for ErrorItem {
    fn from(refusal: &Refusal) -> Self {
        let Code { code, title } = Code::of(refusal);
        let details = sentence(refusal);
        let message = format!("(#{code}) {details}");
        Self { code, message, title, error_data: ErrorData { details } }
    }
}

/// A published error: number and title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Number.
    pub code: u32,
    /// Title.
    pub title: &'static str,
}

impl Code {
    /// Graph's general code for anything that is wrong with a parameter.
    pub const INVALID_PARAMETER: Self = Self::new(100, "Invalid parameter");
    /// A cursor that leads nowhere.
    pub const INVALID_CURSOR: Self = Self::new(131_059, "Invalid cursor");

    const fn new(code: u32, title: &'static str) -> Self {
        Self { code, title }
    }

    /// The code of a refusal. Meta's table of group errors; where it has none, 100.
    #[must_use]
    pub const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::GroupUnknown => Self::new(131_041, "Group unknown"),
            Refusal::GroupSuspended => Self::new(131_207, "Group suspended"),
            Refusal::GroupFull { .. } => Self::new(131_204, "Participant overlimit"),
            Refusal::GroupLimitReached { .. } => Self::new(131_211, "Group create limit reached"),
            Refusal::NotParticipant => {
                Self::new(131_212, "Participant is not a part of the group.")
            }
            Refusal::JoinRequestUnknown => Self::new(131_213, "Group join request does not exist."),
            Refusal::DuplicateEntry { .. } => Self::new(131_202, "Duplicate participant"),
            Refusal::BusinessNamed
            | Refusal::NothingToChange
            | Refusal::InviteLinkDead
            | Refusal::RemovedByBusiness
            | Refusal::AlreadyParticipant
            | Refusal::TooManyJoinRequests { .. } => Self::INVALID_PARAMETER,
        }
    }

    /// The code of a picture that breaks the published rules.
    #[must_use]
    pub const fn of_picture(problem: PictureProblem) -> Self {
        match problem {
            PictureProblem::NotSquare { .. } => {
                Self::new(131_209, "Invalid Group Profile Picture Aspect Ratio")
            }
            PictureProblem::TooSmall { .. } => Self::new(131_210, "Image is Too Small to Process"),
            PictureProblem::Empty
            | PictureProblem::TooLarge { .. }
            | PictureProblem::NotJpeg
            | PictureProblem::Damaged => Self::INVALID_PARAMETER,
        }
    }
}

/// What a refusal says to a caller of this family, naming the field where there is one.
#[must_use]
pub fn sentence(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NothingToChange => {
            "give at least one of subject, description and a picture (part file)".to_owned()
        }
        Refusal::DuplicateEntry { list, input, first, second } => {
            let list = match list {
                List::JoinRequests => "join_requests",
                List::People => "participants",
            };
            format!("{list}[{second}] repeats {list}[{first}]: {input}")
        }
        plain => plain.to_string(),
    }
}
