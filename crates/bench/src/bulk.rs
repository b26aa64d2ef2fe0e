//! Groups by the bare SQL that a create comes down to: rows as the server itself has written them,
//! with other names in them.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, ensure};
use domain::ids::GroupSerial;
use domain::values::BusinessNumber;
use klatch::mint;
use rusqlite::Connection;

use crate::process::{DISPLAY_NUMBER, NUMBER};

/// The settings of the server's writing connection.
const PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA foreign_keys = true;
    PRAGMA cache_size = -16384;";
/// Settings for filling a database of which nobody will miss anything.
const HURRIED: &str = "PRAGMA synchronous = OFF; PRAGMA cache_size = -262144;";
/// Serials begin with this and go on with twelve digits.
const SERIALS: u64 = 120_363_000_000_000_000;
const SERIALS_EACH: u64 = 1_000_000_000_000;
/// Shares no factor with the above: every index gets a serial of its own, in no order.
const SCATTER: u64 = 618_033_988_749;

/// The names in a group's rows.
pub(crate) struct Names {
    /// Id.
    pub(crate) id: String,
    /// Number within WhatsApp.
    serial: String,
    /// Code of the invite link.
    pub(crate) invite: String,
}

impl Names {
    /// The names of the group with this index: always the same, and scattered like random ones.
    pub(crate) fn at(index: u64) -> anyhow::Result<Self> {
        let scattered = u128::from(index + 1) * u128::from(SCATTER) % u128::from(SERIALS_EACH);
        let serial = SERIALS + u64::try_from(scattered)?;
        let business = BusinessNumber::parse(DISPLAY_NUMBER)?;
        let id = mint::group_id(&business, GroupSerial::new(serial).context("not a serial")?);
        let invite = format!("{:022X}", u128::from(serial).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let invite = invite[invite.len() - 22..].to_owned();
        Ok(Self { id: id.to_string(), serial: serial.to_string(), invite })
    }
}

/// What is in the gaps of a template: id, serial, invite code, alias, and the id of the call.
type Filling<'a> = [&'a str; 5];

/// A text with gaps for the names of a group: each piece ends in a gap, the last one need not.
struct Template(Vec<(String, Option<usize>)>);

impl Template {
    /// Cuts the names out of a text.
    fn of(text: &str, names: Filling<'_>) -> Self {
        // Control characters stand for the names; JSON has none of its own.
        let marks = ['\u{0}', '\u{1}', '\u{2}', '\u{3}', '\u{4}'];
        let marked = std::iter::zip(names, marks)
            .fold(text.to_owned(), |text, (name, mark)| text.replace(name, &mark.to_string()));
        let pieces = marked.split_inclusive(marks).map(|piece| {
            let gap = marks.iter().position(|mark| piece.ends_with(*mark));
            (piece.trim_end_matches(marks).to_owned(), gap)
        });
        Self(pieces.collect())
    }

    /// Puts other names in.
    fn fill(&self, names: Filling<'_>) -> String {
        let mut text = String::with_capacity(512);
        for (piece, gap) in &self.0 {
            text.push_str(piece);
            text.push_str(gap.map_or("", |gap| names[gap]));
        }
        text
    }
}

/// A server's database, opened while no server has it. One group is in it: the sample.
pub(crate) struct Database {
    connection: Connection,
    account: String,
    subject: String,
    created_at: i64,
    /// The sample's alias; those of other groups follow.
    pub(crate) alias: i64,
    state: Template,
    event: Template,
    owed: Option<Owed>,
}

/// What the sample's receiver was owed, and that of every other group is.
struct Owed {
    subscription: String,
    topic: String,
    body: Template,
}

impl Database {
    /// Opens the database as the server does.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(folder.join("klatch.db"))?;
        connection.execute_batch(PRAGMAS)?;
        connection.set_prepared_statement_cache_capacity(16);
        let sample = "SELECT groups.id, json_extract(groups.state, '$.serial'), invite_code,
                             alias_second, groups.account_id, subject, groups.created_at,
                             groups.state, event, request_id, subscriptions.id, topic, body
                      FROM groups JOIN events ON events.group_seq = groups.seq
                      LEFT JOIN deliveries ON deliveries.group_seq = groups.seq
                      LEFT JOIN subscriptions ON subscriptions.seq = deliveries.subscription_seq
                      LEFT JOIN payloads ON payloads.seq = payload_seq";
        connection
            .query_row(sample, [], |row| {
                let text = |index| row.get::<_, String>(index);
                let (id, serial, invite) = (text(0)?, row.get::<_, i64>(1)?.to_string(), text(2)?);
                let alias: i64 = row.get(3)?;
                let (alias_text, request) = (alias.to_string(), text(9)?);
                let cut =
                    |text: &str| Template::of(text, [&id, &serial, &invite, &alias_text, &request]);
                let body: Option<Vec<u8>> = row.get(12)?;
                let body = body.map(|body| cut(&String::from_utf8_lossy(&body)));
                let (subscription, topic): (Option<String>, Option<String>) =
                    (row.get(10)?, row.get(11)?);
                let owed = subscription.zip(topic).zip(body);
                let owed =
                    owed.map(|((subscription, topic), body)| Owed { subscription, topic, body });
                let (state, event) = (cut(&text(7)?), cut(&text(8)?));
                Ok((alias, text(4)?, text(5)?, row.get(6)?, state, event, owed))
            })
            .map(|(alias, account, subject, created_at, state, event, owed)| Self {
                connection,
                account,
                subject,
                created_at,
                alias,
                state,
                event,
                owed,
            })
            .context("no sample group to go by")
    }

    /// Gives up durability until the database is opened anew.
    pub(crate) fn hurry(&self) -> anyhow::Result<()> {
        Ok(self.connection.execute_batch(HURRIED)?)
    }

    /// Creates the groups with these indices in one transaction.
    pub(crate) fn create(&mut self, indices: Range<u64>) -> anyhow::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut count = transaction.prepare_cached(
                "UPDATE number_usage SET groups = groups + 1, last_alias = max(last_alias, ?2)
                 WHERE number_id = ?1 AND groups < ?3",
            )?;
            let mut group = transaction.prepare_cached(
                "INSERT INTO groups (id, account_id, number_id, alias_second, version, status,
                                     subject, created_at, invite_code, state)
                 VALUES (?1, ?2, ?3, ?4, 1, 'active', ?5, ?6, ?7, ?8)
                 ON CONFLICT DO NOTHING",
            )?;
            let mut event = transaction.prepare_cached(
                "INSERT INTO events (number_seq, group_seq, version, at, request_id, event)
                 VALUES ((SELECT seq FROM numbers WHERE id = ?1), ?2, 1, ?3, ?4, ?5)",
            )?;
            for index in indices {
                let Names { id, serial, invite } = Names::at(index)?;
                let alias = self.alias + 1 + i64::try_from(index)?;
                let alias_text = alias.to_string();
                let request = format!("{index:032X}");
                let names = [id.as_str(), &serial, &invite, &alias_text, &request];
                count.execute((NUMBER, alias, i64::MAX))?;
                let inserted = group.execute((
                    &id,
                    &self.account,
                    NUMBER,
                    alias,
                    &self.subject,
                    self.created_at,
                    &invite,
                    self.state.fill(names),
                ))?;
                ensure!(inserted == 1, "the group with index {index} is there already");
                let row = transaction.last_insert_rowid();
                event.execute((NUMBER, row, self.created_at, &request, self.event.fill(names)))?;
                if let Some(owed) = &self.owed {
                    owe(&transaction, owed, row, self.created_at, names)?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}

/// A payload and its delivery, in the server's own statements.
fn owe(
    connection: &Connection,
    owed: &Owed,
    group_seq: i64,
    at: i64,
    names: Filling<'_>,
) -> anyhow::Result<()> {
    let Owed { subscription, topic, body } = owed;
    connection
        .prepare_cached("INSERT INTO payloads (topic, body, deliveries_left) VALUES (?1, ?2, ?3)")?
        .execute((topic, body.fill(names).into_bytes(), 1))?;
    let payload = connection.last_insert_rowid();
    // As good as random, and costs nothing to draw.
    let nonce = payload.wrapping_mul(0x1E37_79B9_7F4A_7C15) & i64::MAX;
    let delivery: i64 = connection
        .prepare_cached(
            "INSERT INTO deliveries (nonce, subscription_seq, group_seq, version,
                                     payload_seq, state, attempts, due_at, follows,
                                     created_at, owed_since, failed, leads)
             SELECT ?2, subscriptions.seq, ?3, ?4, ?5, iif(?6 IS NULL, 'pending', 'held'),
                    0,
                    iif(?6 IS NOT NULL OR EXISTS (
                        SELECT 1 FROM deliveries
                        WHERE state = 'pending' AND group_seq = ?3
                              AND subscription_seq = subscriptions.seq
                    ), NULL, 0),
                    ?6, ?7, ?7, 0, false
             FROM subscriptions WHERE id = ?1 AND removed_at IS NULL RETURNING seq",
        )?
        .query_row((subscription, nonce, group_seq, 1, payload, None::<i64>, at), |row| {
            row.get(0)
        })?;
    ensure!(delivery > 0, "nothing is owed for the group in row {group_seq}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gives_its_text_back() {
        let names = ["id-1", "42", "code", "99", "call"];
        let text = r#"{"id":"id-1","serial":42,"invite":"code","alias":99,"by":"call"}"#;
        let template = Template::of(text, names);
        assert_eq!(template.fill(names), text);
        let other = r#"{"id":"id-2","serial":43,"invite":"edoc","alias":100,"by":"llac"}"#;
        assert_eq!(template.fill(["id-2", "43", "edoc", "100", "llac"]), other);
    }

    #[test]
    fn every_index_has_names_of_its_own() {
        let all: std::collections::HashSet<_> =
            (0..10_000).map(|index| Names::at(index).unwrap().serial).collect();
        assert_eq!(all.len(), 10_000);
    }
}
