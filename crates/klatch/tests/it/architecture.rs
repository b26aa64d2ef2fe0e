//! The architecture as tables that the sources are held against: which module may import which,
//! who may name what of other crates, and that every refusal is named where it becomes an answer.

mod imports;
mod refusals;
mod samples;
mod tables;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use self::imports::{Import, imports};
use self::refusals::refusals;
use self::tables::{DEBTS, REEXPORTS, RESERVED, ROOMS, Rooms};
use self::workspace::{Sources, Workspace};
use crate::tidy::{files, root, text};

/// The tables, so that small examples can have their own.
struct Tables<'a> {
    rooms: Rooms<'a>,
    debts: &'a [(&'a str, &'a str)],
    reexports: &'a [(&'a str, &'a str)],
    reserved: Rooms<'a>,
}

const TABLES: Tables =
    Tables { rooms: ROOMS, debts: DEBTS, reexports: REEXPORTS, reserved: RESERVED };

/// Characters of a line of the map.
const MAP_WIDTH: usize = 140;

/// Whether a path is another one, or below it.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl<'a> Tables<'a> {
    /// The room that a module belongs to, which is the nearest of those that it is in.
    fn room(&self, module: &str) -> Option<&'a str> {
        let rooms = self.rooms.iter().map(|(room, _)| *room);
        rooms.filter(|room| is_within(module, room)).max_by_key(|room| room.len())
    }

    /// All that the sources do against the tables, and what the tables have for nothing.
    fn faults(&self, workspace: &Workspace) -> Vec<String> {
        let imports = imports(workspace);
        let mut faults = self.faults_of_order();
        faults.extend(self.faults_of_rooms(workspace));
        faults.extend(self.faults_of_imports(workspace, &imports));
        faults.extend(self.faults_of_exports(workspace));
        faults.extend(self.faults_of_reserved(workspace, &imports));
        faults
    }

    /// A room may only import from rooms above it, so that there is no cycle.
    fn faults_of_order(&self) -> Vec<String> {
        let mut above = BTreeSet::new();
        let mut faults = Vec::new();
        for (room, uses) in self.rooms {
            for used in uses.iter().filter(|used| !above.contains(*used)) {
                faults.push(format!(
                    "ROOMS: {room} may not use {used}, which does not stand above it"
                ));
            }
            if !above.insert(room) {
                faults.push(format!("ROOMS: {room} stands there twice"));
            }
        }
        faults
    }

    /// Every file belongs to a room, and every room has a file.
    fn faults_of_rooms(&self, workspace: &Workspace) -> Vec<String> {
        let mut empty: BTreeSet<_> = self.rooms.iter().map(|(room, _)| *room).collect();
        let mut faults = Vec::new();
        for (path, module) in &workspace.modules {
            match self.room(&workspace.name_of(path)) {
                Some(room) => drop(empty.remove(room)),
                None => faults.push(format!("{}: {path} belongs to no room", module.file)),
            }
        }
        faults.extend(empty.iter().map(|room| format!("ROOMS: there is no module {room}")));
        faults
    }

    fn faults_of_imports(&self, workspace: &Workspace, imports: &[Import]) -> Vec<String> {
        let mut needless: BTreeSet<_> = self
            .rooms
            .iter()
            .flat_map(|(room, uses)| uses.iter().map(|used| (*room, *used)))
            .collect();
        let mut paid: BTreeSet<_> = self.debts.iter().copied().collect();
        let mut faults = Vec::new();
        for import in imports {
            let Some(room) = self.room(&workspace.name_of(&import.from)) else { continue };
            for module in &import.modules {
                let Some(used) = self.room(&workspace.name_of(module)).filter(|used| *used != room)
                else {
                    continue;
                };
                let allowed = self.rooms.iter().find(|(name, _)| *name == room);
                if allowed.is_some_and(|(_, uses)| uses.contains(&used)) {
                    needless.remove(&(room, used));
                    continue;
                }
                let is_debt =
                    |debt: &&(&str, &str)| is_within(&import.from, debt.0) && debt.1 == used;
                if let Some(debt) = self.debts.iter().find(is_debt) {
                    paid.remove(debt);
                } else {
                    let Import { file, line, full, .. } = import;
                    faults.push(format!("{file}:{line}: {room} imports from {used}: {full}"));
                }
            }
        }
        let needless =
            needless.iter().map(|(room, used)| format!("ROOMS: {room} does not use {used}"));
        faults.extend(needless);
        faults.extend(paid.iter().map(|(from, used)| format!("DEBTS: {from} does not use {used}")));
        faults
    }

    /// A module exports only what belongs to its own room: through others' exports, an import
    /// would go around the table.
    fn faults_of_exports(&self, workspace: &Workspace) -> Vec<String> {
        let mut needless: BTreeSet<_> = self.reexports.iter().copied().collect();
        let mut faults = Vec::new();
        for (path, module) in &workspace.modules {
            for exported in module.uses.iter().filter(|declared| declared.is_exported) {
                let resolved = workspace.resolve(path, &exported.path);
                let of = resolved.and_then(|resolved| resolved.modules.last().cloned());
                let room = of.as_ref().and_then(|of| self.room(&workspace.name_of(of)));
                let is_below = of.is_some_and(|of| is_within(&of, path));
                if is_below || room.is_some() && room == self.room(&workspace.name_of(path)) {
                    continue;
                }
                let of = room.map_or_else(|| exported.path.join("::"), str::to_owned);
                let is_known = |known: &&(&str, &str)| known.0 == path && known.1 == of;
                if let Some(known) = self.reexports.iter().find(is_known) {
                    needless.remove(known);
                } else {
                    let (file, line) = (&module.file, exported.line);
                    faults.push(format!("{file}:{line}: {path} exports what belongs to {of}"));
                }
            }
        }
        let needless = needless.iter();
        faults.extend(
            needless.map(|(from, of)| format!("REEXPORTS: {from} exports nothing of {of}")),
        );
        faults
    }

    fn faults_of_reserved(&self, workspace: &Workspace, imports: &[Import]) -> Vec<String> {
        let mut needless: BTreeSet<_> =
            self.reserved.iter().flat_map(|(item, by)| by.iter().map(|by| (*item, *by))).collect();
        let mut faults = Vec::new();
        for import in imports.iter().filter(|import| import.modules.is_empty()) {
            let Import { from, file, line, full, .. } = import;
            let name = workspace.name_of(from);
            for (item, by) in self.reserved.iter().filter(|(item, _)| is_within(full, item)) {
                match by.iter().find(|by| is_within(&name, by)) {
                    Some(by) => drop(needless.remove(&(*item, *by))),
                    None => faults.push(format!("{file}:{line}: {from} may not name {full}")),
                }
            }
        }
        let needless =
            needless.iter().map(|(item, by)| format!("RESERVED: {by} does not name {item}"));
        faults.extend(needless);
        faults
    }

    /// The rooms, lowest first, and what each imports from, without the name of the server's crate.
    fn map(&self) -> String {
        let short = |name: &'a str| name.strip_prefix("klatch::").unwrap_or(name);
        let rooms = self.rooms.iter().map(|(room, uses)| {
            let uses: Vec<_> = uses.iter().map(|used| short(used)).collect();
            (short(room), uses.join(", "))
        });
        let debts = self.debts.iter().map(|(from, used)| (short(from), short(used).to_owned()));
        let mut map = String::new();
        let rows = rooms.collect::<Vec<_>>();
        let owing = debts.collect::<Vec<_>>();
        let width = rows.iter().chain(&owing).map(|(name, _)| name.len()).max().unwrap_or_default();
        let write = |map: &mut String, rows: &[(&str, String)]| {
            for (name, uses) in rows {
                let mut line = format!("{name:width$} ");
                for used in uses.split_inclusive(", ") {
                    if line.len() + used.len() > MAP_WIDTH {
                        writeln!(map, "{}", line.trim_end()).unwrap();
                        line = " ".repeat(width + 1);
                    }
                    write!(line, " {}", used.trim_end()).unwrap();
                }
                writeln!(map, "{}", line.trim_end()).unwrap();
            }
        };
        write(&mut map, &rows);
        if !owing.is_empty() {
            map.push_str("\nagainst the table:\n");
            write(&mut map, &owing);
        }
        map
    }
}

fn sources() -> Sources {
    files("crates", ".rs")
        .into_iter()
        .filter(|(path, _)| path.split('/').nth(2) == Some("src"))
        .collect()
}

#[test]
fn imports_follow_the_order_of_the_rooms() {
    let workspace = Workspace::new(&sources());
    let mut lines = BTreeMap::<_, usize>::new();
    for (path, module) in &workspace.modules {
        *lines.entry(TABLES.room(&workspace.name_of(path))).or_default() += module.lines;
    }
    println!("room, and what it imports from:\n\n{}\nroom, and its lines:\n", TABLES.map());
    for (room, _) in ROOMS {
        println!("{:6} {room}", lines.get(&Some(room)).copied().unwrap_or_default());
    }
    let faults = TABLES.faults(&workspace);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_map_of_the_rooms_is_in_the_documentation() {
    let map = format!("```text\n{}```\n", TABLES.map());
    let is_there = text(&root().join("ARCHITECTURE.md")).contains(&map);
    assert!(is_there, "put this block into ARCHITECTURE.md, in the place of the old one:\n\n{map}");
}

#[test]
fn every_match_over_refusals_names_each_of_them() {
    let (faults, matches) = refusals(&Workspace::new(&sources()));
    assert!(matches > 0, "there is no match over refusals: has the enum been renamed?");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
