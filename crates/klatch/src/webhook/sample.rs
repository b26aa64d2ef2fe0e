//! Made-up news, to try a receiver with: every kind of thing that it can ever be told, failures
//! included, about a group that does not exist.

use domain::event::{Answered, Failed};
use domain::ids::{GroupSerial, RequestId};
use domain::person::Entry;
use domain::values::{
    Description, InviteCode, JoinApprovalMode, Picture, Problem, Subject, Timestamp, WaId,
};
use domain::{CreateGroup, Event, Group, Person, Refusal};
use wire::news::{News, Payload, Settings, What};
use wire::spec::Format;

use crate::directory::{Number, PersonIds, Profile};
use crate::mint;

/// The people in the samples.
const PEOPLE: [&str; 2] = ["16505551234", "16505551235"];
/// The group in the samples: the number in Meta's own.
const SERIAL: u64 = 120_363_404_694_233_820;

/// What a receiver can be tried with, by the name that Meta's webhooks have for it, with an ending
/// where one name stands for several things.
pub const NAMES: [&str; 21] = [
    "group_create",
    "group_create_failed",
    "group_delete",
    "group_delete_failed",
    "group_participants_add",
    "group_participants_add_approved",
    "group_participants_add_partly_failed",
    "group_join_request_created",
    "group_join_request_revoked",
    "group_participants_remove",
    "group_participants_remove_partly_failed",
    "group_participants_remove_failed",
    "group_participants_remove_left",
    "group_settings_update",
    "group_settings_update_partly_failed",
    "group_settings_update_failed",
    "group_picture_failed",
    "group_suspend",
    "group_suspend_cleared",
    "group_admins_promote",
    "group_admins_demote",
];

/// The sample of this name, in this format. `Ok(None)` if the format does not tell of such things;
/// an error only if the samples themselves are wrong.
pub fn render(
    name: &str,
    format: &Format,
    number: &Number,
    ids: &PersonIds,
    request_id: &RequestId,
    at: Timestamp,
) -> Result<Option<Payload>, Problem> {
    let cast = Cast::new(number, ids, at)?;
    let group = group(number, at)?;
    let event = cast.event(name);
    let what = match &event {
        Some(event) => Some(What::Happened(event)),
        None => cast.failure(name),
    };
    let Some(what) = what else { return Ok(None) };
    let group = group.state();
    let news = News { number: number.sender(), group, at, request_id, what };
    Ok((format.render)(&news))
}

/// The group that the samples are about.
pub(super) fn group(number: &Number, at: Timestamp) -> Result<Group, Problem> {
    let created = Event::Created(Box::new(create(number, at)?));
    Group::fold([(&created, at)]).ok_or(Problem::Empty)
}

fn create(number: &Number, at: Timestamp) -> Result<CreateGroup, Problem> {
    let serial = GroupSerial::new(SERIAL).ok_or(Problem::Empty)?;
    Ok(CreateGroup {
        id: mint::group_id(&number.display_number, serial),
        serial,
        number: number.id.clone(),
        business: number.display_number.clone(),
        alias_second: at.as_secs(),
        subject: Subject::parse("Test: my group")?,
        description: Description::parse("Made up by klatch to try a receiver with.")?,
        mode: JoinApprovalMode::ApprovalRequired,
        invite: InviteCode::parse("AbCdEfGhIjKlMnOpQrStUv")?,
    })
}

/// Who and what the samples are about.
struct Cast {
    create: CreateGroup,
    ann: Person,
    bob: Person,
    picture: Picture,
    limit_reached: Refusal,
    full: Refusal,
    suspended: Refusal,
}

impl Cast {
    fn new(number: &Number, ids: &PersonIds, at: Timestamp) -> Result<Self, Problem> {
        let person = |digits| Ok(ids.person(&Profile::plain(WaId::parse(digits)?)));
        Ok(Self {
            create: create(number, at)?,
            ann: person(PEOPLE[0])?,
            bob: person(PEOPLE[1])?,
            picture: Picture { sha256: [0x5A; 32], mime_type: "image/jpeg".to_owned() },
            limit_reached: Refusal::GroupLimitReached { limit: number.limits.groups },
            full: Refusal::GroupFull { limit: number.limits.participants },
            suspended: Refusal::GroupSuspended,
        })
    }

    fn created(&self) -> Event {
        Event::Created(Box::new(self.create.clone()))
    }

    fn event(&self, name: &str) -> Option<Event> {
        let (ann, bob) = (self.ann.clone(), self.bob.clone());
        let answered = |person: Person| Answered {
            request: mint::join_request_id(&person, self.create.serial),
            person,
        };
        let entries = || vec![Entry { input: PEOPLE[0].to_owned(), target: self.ann.clone() }];
        let failed = |refusal: &Refusal| {
            vec![Failed { input: format!("+{}", PEOPLE[1]), refusal: refusal.clone() }]
        };
        let stranger = failed(&Refusal::NotParticipant);
        Some(match name {
            "group_create" => self.created(),
            "group_delete" => Event::Deleted,
            "group_participants_add" => Event::ParticipantJoined { person: ann },
            "group_participants_add_approved" => {
                Event::JoinRequestsApproved { approved: vec![answered(ann), answered(bob)] }
            }
            "group_participants_add_partly_failed" => {
                Event::ParticipantsAdded { added: entries(), failed: failed(&self.full) }
            }
            "group_join_request_created" => {
                let Answered { request, person } = answered(ann);
                Event::JoinRequested { request, person }
            }
            "group_join_request_revoked" => Event::JoinRequestCancelled(answered(ann)),
            "group_participants_remove" => {
                Event::ParticipantsRemoved { removed: entries(), failed: Vec::new() }
            }
            "group_participants_remove_partly_failed" => {
                Event::ParticipantsRemoved { removed: entries(), failed: stranger }
            }
            "group_participants_remove_failed" => {
                Event::ParticipantsRemoved { removed: Vec::new(), failed: stranger }
            }
            "group_participants_remove_left" => Event::ParticipantLeft { person: ann },
            "group_settings_update" => Event::SettingsChanged {
                subject: Some(self.create.subject.clone()),
                description: Some(self.create.description.clone()),
                picture: Some(self.picture.clone()),
            },
            "group_picture_failed" => {
                Event::PictureFailed { problem: "the answer was 404".to_owned() }
            }
            "group_suspend" => Event::Suspended,
            "group_suspend_cleared" => Event::Restored,
            "group_admins_promote" => Event::AdminsPromoted { people: vec![ann] },
            "group_admins_demote" => Event::AdminsDemoted { people: vec![ann] },
            _ => return None,
        })
    }

    fn failure(&self, name: &str) -> Option<What<'_>> {
        let subject = Some(&self.create.subject);
        let rest = Settings {
            subject: None,
            description: Some(&self.create.description),
            picture: Some(&self.picture),
        };
        let refusal = &self.suspended;
        let none = Settings::default();
        Some(match name {
            "group_create_failed" => What::CreateFailed(&self.limit_reached),
            "group_delete_failed" => What::DeleteFailed(refusal),
            "group_settings_update_partly_failed" => {
                let done = Settings { subject, ..none };
                What::SettingsFailed { done, failed: rest, refusal }
            }
            "group_settings_update_failed" => {
                let failed = Settings { subject, ..rest };
                What::SettingsFailed { done: none, failed, refusal }
            }
            _ => return None,
        })
    }
}
