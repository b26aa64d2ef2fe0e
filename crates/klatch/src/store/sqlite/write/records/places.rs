//! Places in a vendor's configuration: each change is decided upon what the transaction finds there.

use domain::values::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use wire::news::Topic;

use super::super::super::super::{ChangeError, rows};
use super::super::super::read;
use super::super::Trouble;
use super::{
    Outcome, Touched, add_subscription, change_subscription, dirty, log, remove_subscription,
    require,
};
use crate::directory::{
    Activity, Configured, Minted, Place, PlaceChange, Role, Rotation, Secrets, Subscription,
    SubscriptionChange, SubscriptionEvent, Target,
};

/// The columns that name a place, with empty texts where one has no value.
type Columns<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a str);

fn columns(place: &Place) -> Columns<'_> {
    let (number, waba_id) = rows::subscription::reach_columns(&place.reach);
    let (role, _, name) = rows::subscription::role_columns(&place.role);
    let (number, waba_id) = (number.unwrap_or_default(), waba_id.unwrap_or_default());
    let (account, dialect) = (place.account.as_str(), place.dialect.as_str());
    (account, dialect, number, waba_id, role, name.unwrap_or_default())
}

pub(super) fn change(
    connection: &Connection,
    place: &Place,
    change: &PlaceChange,
    at: Timestamp,
    touched: &mut Touched<'_>,
) -> Outcome {
    let holder = read::holder(connection, place).map_err(dirty)?;
    match (change, holder) {
        (PlaceChange::Set(receiver, _), Some(holder)) => {
            let change = taken_over(place, receiver, &holder);
            let event = &SubscriptionEvent::Changed;
            change_subscription(connection, &holder.id, &change, event, at, touched)
        }
        (PlaceChange::Set(receiver, minted), None) => {
            add(connection, place, receiver, minted, at, touched)
        }
        (PlaceChange::Add { .. }, Some(_)) => {
            Err(Trouble::Clean(ChangeError::Taken { field: "name" }))
        }
        (PlaceChange::Add { receiver, minted, max }, None) => {
            let extras = read::extras(connection, place).map_err(dirty)?;
            let too_many = ChangeError::TooMany { field: "destinations", max: *max };
            require(extras.len() < *max, too_many)?;
            add(connection, place, receiver, minted, at, touched)
        }
        (PlaceChange::Change(change), Some(holder)) => {
            // Another address is a new chance for a receiver that was switched off.
            let off = matches!(holder.activity, Activity::Off { .. }) && change.url.is_some();
            let activity = change.activity.clone().or(off.then_some(Activity::On));
            let change = &SubscriptionChange { activity, ..change.clone() };
            let event = &SubscriptionEvent::Changed;
            change_subscription(connection, &holder.id, change, event, at, touched)
        }
        (PlaceChange::Change(_), None) => {
            Err(Trouble::Clean(ChangeError::Unknown { field: "name" }))
        }
        (PlaceChange::EndFields(ended), Some(holder)) => {
            let (mut topics, mut fields) = (holder.topics.clone(), holder.fields.clone());
            let topics = topics.get_or_insert_with(|| Topic::ALL.to_vec());
            topics.retain(|topic| ended.iter().all(|name| name != topic.as_str()));
            fields.retain(|field| !ended.contains(&field.name));
            // Fields without events are listed all the same: one of them keeps the receiver.
            if topics.is_empty() && fields.iter().all(|field| Topic::parse(&field.name).is_some()) {
                return remove_subscription(connection, &holder, at, touched);
            }
            let topics = Some(std::mem::take(topics));
            let fields = Some(fields);
            let change = SubscriptionChange { topics, fields, ..SubscriptionChange::default() };
            let event = &SubscriptionEvent::Changed;
            change_subscription(connection, &holder.id, &change, event, at, touched)
        }
        (PlaceChange::Clear, Some(holder)) => remove_subscription(connection, &holder, at, touched),
        (PlaceChange::Clear | PlaceChange::EndFields(_), None) => Ok(()),
    }
}

/// What changes about the receiver that is there when another one is set in its place. It starts
/// with a clean record, but what the operator has paused stays paused.
fn taken_over(place: &Place, receiver: &Configured, holder: &Subscription) -> SubscriptionChange {
    let Configured { target, topics, fields, secret, verify_token, vendor_signature } =
        receiver.clone();
    let Target { url, headers, timeout } = target;
    let off = matches!(holder.activity, Activity::Off { .. });
    SubscriptionChange {
        url: Some(url),
        headers: Some(headers),
        timeout: Some(timeout),
        topics,
        fields: Some(fields),
        verify_token,
        rotation: secret
            .filter(|secret| *secret != holder.secrets.current)
            .map(|secret| Rotation { secret, overlap_until: None }),
        vendor_signature: vendor_signature.then_some(true),
        activity: off.then_some(Activity::On),
        over_all: match place.role {
            Role::Main { over_all } => Some(over_all),
            Role::Added | Role::Extra { .. } => None,
        },
    }
}

/// Adds a receiver: paused, if the one before it was.
fn add(
    connection: &Connection,
    place: &Place,
    receiver: &Configured,
    minted: &Minted,
    at: Timestamp,
    touched: &mut Touched<'_>,
) -> Outcome {
    let Configured { target, topics, fields, secret, verify_token, vendor_signature } =
        receiver.clone();
    let Place { account, reach, dialect, role } = place.clone();
    let paused: Option<i64> = connection
        .prepare_cached(
            "DELETE FROM paused_places
             WHERE account_id = ?1 AND dialect = ?2 AND number_id = ?3 AND waba_id = ?4
                   AND role = ?5 AND name = ?6
             RETURNING paused_at",
        )?
        .query_row(columns(place), |row| row.get(0))
        .optional()?;
    let paused = paused.map(Timestamp::from_millis);
    let subscription = Subscription {
        id: minted.id.clone(),
        account,
        reach,
        dialect,
        role,
        target,
        topics,
        fields,
        secrets: Secrets { current: secret.unwrap_or_else(|| minted.secret.clone()), old: None },
        vendor_signature,
        verify_token,
        created_at: at,
        lease_until: None,
        failing_since: None,
        activity: paused.map_or(Activity::On, |since| Activity::Paused { since }),
    };
    add_subscription(connection, &subscription, touched)?;
    if paused.is_some() {
        log(connection, &subscription.id, &SubscriptionEvent::Paused, at, touched.actor)?;
    }
    Ok(())
}

/// Remembers an operator's pause for whoever is put in the place of a receiver that was removed.
pub(super) fn vacated(
    connection: &Connection,
    subscription: &Subscription,
) -> Result<(), rusqlite::Error> {
    let Subscription { account, reach, dialect, role, activity, .. } = subscription;
    let Activity::Paused { since } = activity else { return Ok(()) };
    if *role == Role::Added {
        return Ok(());
    }
    let (account, reach, role) = (account.clone(), reach.clone(), role.clone());
    let place = Place { account, dialect: *dialect, reach, role };
    let (account, dialect, number, waba_id, role, name) = columns(&place);
    connection
        .prepare_cached(
            "INSERT INTO paused_places (account_id, dialect, number_id, waba_id, role, name,
                                        paused_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET paused_at = excluded.paused_at",
        )?
        .execute((account, dialect, number, waba_id, role, name, since.as_millis()))?;
    Ok(())
}

/// Removes the extra receivers beside the main one, unless they have one of these names.
pub(super) fn retain_extras(
    connection: &Connection,
    main: &Place,
    names: &[String],
    at: Timestamp,
    touched: &mut Touched<'_>,
) -> Outcome {
    for extra in read::extras(connection, main).map_err(dirty)? {
        if !matches!(&extra.role, Role::Extra { name } if names.contains(name)) {
            remove_subscription(connection, &extra, at, touched)?;
        }
    }
    Ok(())
}
