//! Groups by the bare SQL that a create comes down to: rows as the server itself has written them,
//! with other names in them.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, ensure};
use domain::ids::GroupSerial;
use domain::values::WaId;
use klatch::app::mint;
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
        let business = WaId::parse(DISPLAY_NUMBER)?;
        let id = mint::group_id(&business, GroupSerial::new(serial).context("not a serial")?);
        let invite = format!("{:022X}", u128::from(serial).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let invite = invite[invite.len() - 22..].to_owned();
        Ok(Self { id: id.to_string(), serial: serial.to_string(), invite })
    }
}

/// A text with gaps for the names of a group: each piece ends in a gap, the last one need not.
struct Template(Vec<(String, Option<usize>)>);

impl Template {
    /// Cuts the names out of a text.
    fn of(text: &str, names: [&str; 4]) -> Self {
        // Control characters stand for the names; JSON has none of its own.
        let marks = ['\u{0}', '\u{1}', '\u{2}', '\u{3}'];
        let marked = std::iter::zip(names, marks)
            .fold(text.to_owned(), |text, (name, mark)| text.replace(name, &mark.to_string()));
        let pieces = marked.split_inclusive(marks).map(|piece| {
            let gap = marks.iter().position(|mark| piece.ends_with(*mark));
            (piece.trim_end_matches(marks).to_owned(), gap)
        });
        Self(pieces.collect())
    }

    /// Puts other names in.
    fn fill(&self, names: [&str; 4]) -> String {
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
}

impl Database {
    /// Opens the database as the server does.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(folder.join("klatch.db"))?;
        connection.execute_batch(PRAGMAS)?;
        connection.set_prepared_statement_cache_capacity(16);
        let sample = "SELECT groups.id, json_extract(state, '$.serial'), invite_code, alias_second,
                             account_id, subject, created_at, state, event
                      FROM groups JOIN events ON group_seq = groups.seq";
        connection
            .query_row(sample, [], |row| {
                let text = |index| row.get::<_, String>(index);
                let (id, serial, invite) = (text(0)?, row.get::<_, i64>(1)?.to_string(), text(2)?);
                let alias: i64 = row.get(3)?;
                let cut = |text: &str| {
                    Template::of(text, [&id, &serial, &invite, alias.to_string().as_str()])
                };
                let (state, event) = (cut(&text(7)?), cut(&text(8)?));
                Ok((alias, text(4)?, text(5)?, row.get(6)?, state, event))
            })
            .map(|(alias, account, subject, created_at, state, event)| Self {
                connection,
                account,
                subject,
                created_at,
                alias,
                state,
                event,
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
                "INSERT INTO events (group_seq, version, at, request_id, event)
                 VALUES (?1, 1, ?2, ?3, ?4)",
            )?;
            for index in indices {
                let Names { id, serial, invite } = Names::at(index)?;
                let alias = self.alias + 1 + i64::try_from(index)?;
                let alias_text = alias.to_string();
                let names = [id.as_str(), &serial, &invite, &alias_text];
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
                let request = format!("{index:032X}");
                event.execute((row, self.created_at, request, self.event.fill(names)))?;
            }
        }
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gives_its_text_back() {
        let names = ["id-1", "42", "code", "99"];
        let text = r#"{"id":"id-1","serial":42,"invite":"code","alias":99}"#;
        let template = Template::of(text, names);
        assert_eq!(template.fill(names), text);
        let other = r#"{"id":"id-2","serial":43,"invite":"edoc","alias":100}"#;
        assert_eq!(template.fill(["id-2", "43", "edoc", "100"]), other);
    }

    #[test]
    fn every_index_has_names_of_its_own() {
        let all: std::collections::HashSet<_> =
            (0..10_000).map(|index| Names::at(index).unwrap().serial).collect();
        assert_eq!(all.len(), 10_000);
    }
}
