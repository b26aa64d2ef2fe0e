//! The measurements, one function for each part of the table.
//!
//! Measured and baseline take turns, and each turn gives one ratio: whatever else the machine does
//! in the meantime then meets both.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use domain::values::InviteCode;
use hyper::Method;
use klatch::page::Cursor;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::bulk::{Database, Names};
use crate::load::{Caller, Client, Load, Measured, Script};
use crate::process::{NUMBER, Server, operator};
use crate::report::{self, Line, Target, Unit, millis};
use crate::{Row, TableArgs, baseline, receiver};

/// What many groups are held against.
pub(crate) const FEW: u64 = 1_000;
/// Creates that share a transaction in the bare loop.
const TOGETHER: u64 = 128;
/// Groups in one transaction while a database is filled.
const FILLED_TOGETHER: u64 = 20_000;
/// Every field of a group.
const FIELDS: &str = "subject,description,join_approval_mode,suspended,creation_timestamp,\
                      participants,total_participant_count";
/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a server is left alone before it counts as idle.
const IDLE: Duration = Duration::from_secs(2);

/// A kind of load on a filled server, for a connection's seed.
type Kind = fn(&Filled, u64) -> Script;

/// What all measurements share.
pub(crate) struct Bench<'a> {
    pub(crate) args: &'a TableArgs,
    /// Where the databases are.
    pub(crate) folder: TempDir,
}

impl<'a> Bench<'a> {
    /// Makes room for the databases.
    pub(crate) fn new(args: &'a TableArgs) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&args.dir)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&args.dir)?;
        Ok(Self { args, folder })
    }
}

/// A server with groups in it.
struct Filled {
    server: Server,
    business: Caller,
    groups: u64,
    /// Keys of the list of groups: the first, and the last.
    keys: (u64, u64),
    /// The phone number of the next person.
    people: AtomicU64,
}

impl Bench<'_> {
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn load(&self, server: &Server) -> Load {
        let TableArgs { connections, .. } = *self.args;
        Load { address: server.address, connections, lasting: self.args.lasting() }
    }

    /// Reading a group beside a constant.
    pub(crate) async fn reads(&self) -> anyhow::Result<Line> {
        let server = Server::klatch(&self.place("reads")).await?;
        let business = server.furnish().await?;
        let paths = populate(&server, &business).await?;
        let mut client = Client::connect(server.address).await?;
        let (_, body) = client.send(business.get(&paths[0])?).await?;
        let file = self.place("constant");
        std::fs::write(&file, &body)?;
        let constant = Server::constant(&file).await?;
        let mut client = Client::connect(constant.address).await?;
        let (_, same) = client.send(business.get(&paths[0])?).await?;
        ensure!(same == body, "the constant does not answer the same bytes");

        let script = |seed| {
            let (paths, business) = (paths.clone(), business.clone());
            let mut random = StdRng::seed_from_u64(seed);
            let script = move || business.get(&paths[random.random_range(0..paths.len())]);
            Box::new(script) as Script
        };
        let mut turns = Vec::new();
        for _ in 0..self.args.rounds {
            let klatch = self.load(&server).run(script).await?.per_second;
            let baseline = self.load(&constant).run(script).await?.per_second;
            turns.push(progress("reads", klatch, baseline));
        }
        let what = format!("read a group, {} connections", self.args.connections);
        Ok(Line::beside(what, &turns, Unit::PerSecond, Target::AtLeast(0.70)))
    }

    /// Creating a group beside bare loops. Every turn of each begins with an empty database.
    pub(crate) async fn creates(&self) -> anyhow::Result<[Line; 2]> {
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        for round in 0..self.args.rounds {
            let server = Server::klatch(&self.place(&format!("creates-{round}"))).await?;
            let business = server.furnish().await?;
            owing(&server).await?;
            let klatch = self.load(&server).run(|_| creating(&business)).await?.per_second;
            server.kill().await?;
            let baseline = self.bare(&format!("together-{round}"), TOGETHER).await?;
            together.push(progress("creates, together", klatch, baseline));
            let baseline = self.bare(&format!("alone-{round}"), 1).await?;
            alone.push(progress("creates, one by one", klatch, baseline));
        }
        let connections = self.args.connections;
        let what =
            |baseline| format!("create a group durably, {connections} connections; {baseline}");
        let least = Target::AtLeast;
        Ok([
            Line::beside(
                what(format!("beside a bare loop, {TOGETHER} a transaction")),
                &together,
                Unit::PerSecond,
                least(0.45),
            ),
            Line::beside(
                what("beside a bare loop, one a transaction".to_owned()),
                &alone,
                Unit::PerSecond,
                least(2.0),
            ),
        ])
    }

    async fn bare(&self, name: &str, each: u64) -> anyhow::Result<f64> {
        let folder = self.place(name);
        sample(&folder, true).await?;
        let lasting = self.args.lasting();
        spawn_blocking(move || {
            let mut database = Database::open(&folder)?;
            baseline::create_bare(&mut database, each, lasting)
        })
        .await?
    }

    /// Many groups beside few, and the memory that they take.
    pub(crate) async fn many(&self) -> anyhow::Result<Vec<Line>> {
        let mut lines = Vec::new();
        let groups = self.args.groups;
        let idle = Server::klatch(&self.place("idle")).await?;
        tokio::time::sleep(IDLE).await;
        let idle_resident = megabytes(idle.resident()?);
        idle.kill().await?;
        let many = self.filled("many", groups).await?;
        if self.args.wants(Row::Scale) {
            let few = self.filled("few", FEW).await?;
            lines.extend(self.scale(&many, &few).await?);
        }
        if self.args.wants(Row::Memory) {
            let most = Target::AtMost;
            lines.push(Line::alone("memory, idle", idle_resident, Unit::Megabytes, most(30.0)));
            let loaded = self.resident_under_load(&many).await?;
            let what = format!("memory, {groups} groups under load");
            lines.push(Line::alone(&what, loaded, Unit::Megabytes, most(200.0)));
        }
        Ok(lines)
    }

    /// Median latencies with many groups beside those with few, one connection and many.
    async fn scale(&self, many: &Filled, few: &Filled) -> anyhow::Result<Vec<Line>> {
        let kinds: [(&str, Kind); 4] = [
            ("read a group", Filled::reading),
            ("read a page", Filled::paging),
            ("join and leave", Filled::joining),
            // At the end, because it makes more of the few.
            ("create a group", Filled::creating),
        ];
        let mut lines = Vec::new();
        for (kind, script) in kinds {
            for connections in [1, self.args.connections] {
                let measure = async |filled: &Filled| -> anyhow::Result<f64> {
                    let load = Load { connections, ..self.load(&filled.server) };
                    let Measured { median, .. } = load.run(|seed| script(filled, seed)).await?;
                    Ok(millis(median))
                };
                let mut turns = Vec::new();
                for _ in 0..self.args.rounds {
                    turns.push(progress(kind, measure(many).await?, measure(few).await?));
                }
                let plural = if connections == 1 { "connection" } else { "connections" };
                let what = format!(
                    "{kind}, median with {} groups beside {FEW}, {connections} {plural}",
                    many.groups
                );
                lines.push(Line::beside(what, &turns, Unit::Millis, Target::AtMost(1.3)));
            }
        }
        Ok(lines)
    }

    /// The largest resident set that is seen while everything goes on at the same time.
    async fn resident_under_load(&self, many: &Filled) -> anyhow::Result<f64> {
        let load = self.load(&many.server);
        let running = load.run(|seed| match seed % 4 {
            0 => many.reading(seed),
            1 => many.paging(seed),
            2 => many.joining(seed),
            _ => many.creating(seed),
        });
        Ok(most_resident(&many.server, running).await?.0)
    }

    /// A server over a database with so many groups.
    async fn filled(&self, name: &str, groups: u64) -> anyhow::Result<Filled> {
        let folder = self.place(name);
        let business = sample(&folder, false).await?;
        let begun = Instant::now();
        let same = folder.clone();
        let alias = spawn_blocking(move || fill(&same, groups)).await??;
        eprintln!("filled with {groups} groups in {:.1} s", begun.elapsed().as_secs_f64());
        let server = Server::klatch(&folder).await?;
        let first = u64::try_from(alias)? + 1;
        Ok(Filled {
            server,
            business,
            groups,
            keys: (first, first + groups),
            people: AtomicU64::new(49_151_000_000),
        })
    }

    /// From exec to the first answer.
    pub(crate) async fn startup(&self) -> anyhow::Result<Line> {
        let mut took = Vec::new();
        for _ in 0..self.args.starts {
            let begun = Instant::now();
            let server = Server::dev().await?;
            let mut client = Client::connect(server.address).await?;
            client.json(Caller::business(klatch::sandbox::KEY)?.get("/groups")?).await?;
            took.push(millis(begun.elapsed()));
            server.kill().await?;
        }
        let median = report::median(took.into_iter());
        let what = "`klatch dev` from exec to the first answer";
        Ok(Line::alone(what, median, Unit::Millis, Target::AtMost(100.0)))
    }
}

impl Filled {
    /// Reads random groups.
    fn reading(&self, seed: u64) -> Script {
        let (business, groups) = (self.business.clone(), self.groups);
        let mut random = StdRng::seed_from_u64(seed);
        Box::new(move || {
            let Names { id, .. } = Names::at(random.random_range(0..groups))?;
            business.get(&format!("/groups/{id}?fields={FIELDS}"))
        })
    }

    /// Reads pages behind random cursors.
    fn paging(&self, seed: u64) -> Script {
        let (business, keys) = (self.business.clone(), self.keys);
        let list = format!("groups of {NUMBER}");
        let mut random = StdRng::seed_from_u64(seed);
        Box::new(move || {
            let cursor = Cursor::encode(&list, random.random_range(keys.0..keys.1));
            business.get(&format!("/groups?limit=25&after={}", cursor.trim_end_matches('=')))
        })
    }

    /// Creates groups.
    fn creating(&self, _seed: u64) -> Script {
        creating(&self.business)
    }

    /// Has people join random groups and leave them again, so that groups stay small.
    fn joining(&self, seed: u64) -> Script {
        let groups = self.groups;
        let mut random = StdRng::seed_from_u64(seed);
        // A person of whom no other connection knows, and no earlier load: those end in the middle.
        let person = self.people.fetch_add(1, Ordering::Relaxed);
        let person = format!("/klatch/v1/people/{person}");
        let mut joined: Option<String> = None;
        Box::new(move || {
            let (action, body) = if let Some(group) = joined.take() {
                ("leave", json!({ "group_id": group }))
            } else {
                let Names { id, invite, .. } = Names::at(random.random_range(0..groups))?;
                joined = Some(id);
                ("join", json!({ "invite_link": format!("{}{invite}", InviteCode::LINK_PREFIX) }))
            };
            operator()?.ask(Method::POST, &format!("{person}/{action}"), body.to_string().into())
        })
    }
}

/// Creates groups, all alike.
pub(crate) fn creating(business: &Caller) -> Script {
    let business = business.clone();
    let body = json!({ "messaging_product": "whatsapp", "subject": "New Purchase Inquiry" });
    let body = Bytes::from(body.to_string());
    Box::new(move || business.ask(Method::POST, "/groups", body.clone()))
}

/// Creates groups of two participants; gives the paths that read them whole.
async fn populate(server: &Server, business: &Caller) -> anyhow::Result<Vec<String>> {
    let operator = operator()?;
    let mut client = Client::connect(server.address).await?;
    let body = Bytes::from_static(br#"{"subject":"New Purchase Inquiry"}"#);
    let mut paths = Vec::new();
    for _ in 0..FEW {
        let created = client.json(business.ask(Method::POST, "/groups", body.clone())?).await?;
        let id = created["id"].as_str().context("no id in the answer")?;
        let link = client.json(business.get(&format!("/groups/{id}/invite_link"))?).await?;
        let tap = Bytes::from(json!({ "invite_link": link["invite_link"] }).to_string());
        for person in ["16505551234", "16505551235"] {
            let path = format!("/klatch/v1/people/{person}/join");
            client.json(operator.ask(Method::POST, &path, tap.clone())?).await?;
        }
        paths.push(format!("/groups/{id}?fields={FIELDS}"));
    }
    Ok(paths)
}

/// Has a server make a database with a single group in it, of which a receiver may have to be told;
/// gives who holds the number's key.
async fn sample(folder: &Path, owed: bool) -> anyhow::Result<Caller> {
    let server = Server::klatch(folder).await?;
    let business = server.furnish().await?;
    if owed {
        owing(&server).await?;
    }
    let mut client = Client::connect(server.address).await?;
    client.json(creating(&business)()?).await?;
    server.kill().await?;
    Ok(business)
}

/// Adds a receiver whose deliveries are written down, and wait: to send them is another row.
async fn owing(server: &Server) -> anyhow::Result<()> {
    let subscription = server.subscribe(&format!("http://{}", receiver::nobody().await?)).await?;
    server.pause(&subscription).await
}

/// Fills a database; gives the alias that the groups' aliases follow.
fn fill(folder: &Path, groups: u64) -> anyhow::Result<i64> {
    let mut database = Database::open(folder)?;
    database.hurry()?;
    let mut index = 0;
    while index < groups {
        let end = groups.min(index + FILLED_TOGETHER);
        database.create(index..end)?;
        index = end;
    }
    Ok(database.alias)
}

/// The largest resident set of a server while something goes on, in megabytes, and what came of it.
pub(crate) async fn most_resident<T>(
    server: &Server,
    running: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(f64, T)> {
    let mut running = std::pin::pin!(running);
    let mut most = 0;
    loop {
        tokio::select! {
            ended = &mut running => return Ok((megabytes(most), ended?)),
            () = tokio::time::sleep(LOOK_EVERY) => most = most.max(server.resident()?),
        }
    }
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nobody has that much memory")]
    let bytes = bytes as f64;
    bytes / 1_000_000.0
}

/// Says how it goes.
pub(crate) fn progress(what: &str, klatch: f64, baseline: f64) -> (f64, f64) {
    eprintln!("{what}: {klatch:.3} beside {baseline:.3}: {:.3}", klatch / baseline);
    (klatch, baseline)
}
