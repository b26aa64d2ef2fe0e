//! The modules of the workspace's crates, and what a path in one of them names.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::{Attribute, Item, ItemUse, Meta, UseTree, Visibility};

/// Source files by their path from the root of the repository.
pub(super) type Sources = BTreeMap<String, String>;

/// All modules outside of `#[cfg(test)]`, by their path: `klatch::mint`.
pub(super) struct Workspace {
    pub(super) modules: BTreeMap<String, Module>,
}

/// A module, and what the checks need of it.
pub(super) struct Module {
    /// The file that its text is in.
    pub(super) file: String,
    /// Lines of the file; 0 for a module inside of a file.
    pub(super) lines: usize,
    /// Its items, without modules and without what is compiled for tests only.
    pub(super) items: Vec<Item>,
    /// What its `use` declarations name, those inside of functions included.
    pub(super) uses: Vec<Use>,
    /// The module that is the root of its crate.
    root: String,
}

/// One name that a `use` declaration brings into a module.
pub(super) struct Use {
    /// As it is written, from the first segment on.
    pub(super) path: Vec<String>,
    /// The name inside of the module. A glob and `as _` bring none.
    name: Option<String>,
    /// Whether it is `path::*`.
    pub(super) is_glob: bool,
    /// Whether other modules can use the name as well.
    pub(super) is_exported: bool,
    pub(super) line: usize,
}

/// What a path names.
pub(super) struct Resolved {
    /// The modules of the workspace that the path leads through because of `use` declarations in
    /// them, and the one that it ends in. Empty where it leads out of the workspace.
    pub(super) modules: Vec<String>,
    /// The path from the name of a crate on.
    pub(super) full: String,
}

/// `use` declarations that a path is followed through before it is given up as circular.
const HOPS_MAX: usize = 16;

impl Workspace {
    /// Reads the crates below `crates/`, from their roots along the `mod` declarations.
    ///
    /// # Panics
    ///
    /// If a file cannot be parsed, is missing, or is in no crate's module tree.
    pub(super) fn new(sources: &Sources) -> Self {
        let mut workspace = Self { modules: BTreeMap::new() };
        for file in sources.keys() {
            let Some((folder, root)) = file.rsplit_once('/') else { continue };
            let Some(name) = folder.strip_prefix("crates/").and_then(|f| f.strip_suffix("/src"))
            else {
                continue;
            };
            let has_library = sources.contains_key(&format!("{folder}/lib.rs"));
            match root {
                "main.rs" if has_library => {
                    let path = format!("{name}::main");
                    workspace.read(sources, &Place { path: &path, file, folder, root: &path });
                }
                "lib.rs" | "main.rs" => {
                    workspace.read(sources, &Place { path: name, file, folder, root: name });
                }
                _ => {}
            }
        }
        for file in sources.keys() {
            assert!(
                workspace.modules.values().any(|module| module.file == *file),
                "{file} belongs to no crate"
            );
        }
        workspace
    }

    fn read(&mut self, sources: &Sources, place: &Place) {
        let Place { path, file, .. } = place;
        let text = sources.get(*file).unwrap_or_else(|| panic!("{path}: {file} is missing"));
        let parsed = syn::parse_file(text).unwrap_or_else(|error| {
            panic!("{file}:{}: {error}", line(error.span()));
        });
        self.add(sources, place, text.lines().count(), parsed.items);
    }

    fn add(&mut self, sources: &Sources, place: &Place, lines: usize, items: Vec<Item>) {
        let Place { path, file, folder, root } = *place;
        let mut kept = Vec::new();
        for item in items.into_iter().filter(|item| !is_for_tests(attributes(item))) {
            let Item::Mod(module) = item else {
                kept.push(item);
                continue;
            };
            let path = &format!("{path}::{}", module.ident);
            let folder = &format!("{folder}/{}", module.ident);
            if let Some((_, items)) = module.content {
                self.add(sources, &Place { path, file, folder, root }, 0, items);
            } else {
                let file = &format!("{folder}.rs");
                self.read(sources, &Place { path, file, folder, root });
            }
        }
        let uses = super::imports::uses(&kept);
        let (file, root) = (file.to_owned(), root.to_owned());
        self.modules.insert(path.to_owned(), Module { file, lines, items: kept, uses, root });
    }

    /// The name by which the tables know a module. The root of a crate is called `lib` or `main`,
    /// so that it can be told from all that is below it.
    pub(super) fn name_of(&self, path: &str) -> String {
        let module = &self.modules[path];
        let root = if module.file.ends_with("/lib.rs") { "lib" } else { "main" };
        if module.root == path && !path.contains("::") {
            format!("{path}::{root}")
        } else {
            path.to_owned()
        }
    }

    /// What a path names that stands in a module. `None` for a path that begins with something
    /// that is neither declared in a `use`, nor a module, nor a crate of the workspace: it is a
    /// type's own name, or a crate from elsewhere.
    pub(super) fn resolve(&self, from: &str, path: &[String]) -> Option<Resolved> {
        self.follow(from, path, HOPS_MAX)
    }

    fn follow(&self, from: &str, path: &[String], hops: usize) -> Option<Resolved> {
        let (first, mut rest) = path.split_first()?;
        let mut at = from.to_owned();
        match first.as_str() {
            "crate" => self.modules[from].root.clone_into(&mut at),
            "self" => {}
            "super" => {
                at = parent(&at)?;
                while let Some((_, further)) = rest.split_first().filter(|(s, _)| *s == "super") {
                    at = parent(&at)?;
                    rest = further;
                }
            }
            name => {
                if self.modules.contains_key(&format!("{from}::{name}")) {
                    at = format!("{from}::{name}");
                } else if let Some(found) = self.through_use(from, name, rest, hops) {
                    return Some(found);
                } else if self.is_root(name) {
                    name.clone_into(&mut at);
                } else {
                    return None;
                }
            }
        }
        while let Some((segment, further)) = rest.split_first() {
            let below = format!("{at}::{segment}");
            if self.modules.contains_key(&below) {
                at = below;
                rest = further;
            } else if let Some(mut found) = self.through_use(&at, segment, further, hops) {
                // Whoever names a crate's root means the crate, and not a module in it.
                if !self.is_root(&at) {
                    found.modules.insert(0, at);
                }
                return Some(found);
            } else {
                break;
            }
        }
        let full = std::iter::once(at.clone()).chain(rest.iter().cloned()).collect::<Vec<_>>();
        Some(Resolved { modules: vec![at], full: full.join("::") })
    }

    /// Goes on where a `use` declaration of the module leads.
    fn through_use(&self, at: &str, name: &str, rest: &[String], hops: usize) -> Option<Resolved> {
        let named = |declared: &&Use| declared.name.as_deref() == Some(name);
        let declared = self.modules.get(at)?.uses.iter().find(named)?;
        let path: Vec<_> = declared.path.iter().chain(rest).cloned().collect();
        let is_circular = declared.path == [name] || hops == 0;
        let found = if is_circular { None } else { self.follow(at, &path, hops - 1) };
        Some(found.unwrap_or_else(|| Resolved { modules: Vec::new(), full: path.join("::") }))
    }

    /// Whether a module is the root of a crate.
    fn is_root(&self, path: &str) -> bool {
        self.modules.get(path).is_some_and(|module| module.root == path)
    }
}

/// Where a module is read.
struct Place<'a> {
    path: &'a str,
    file: &'a str,
    /// Where the files of its submodules are.
    folder: &'a str,
    root: &'a str,
}

fn parent(path: &str) -> Option<String> {
    path.rsplit_once("::").map(|(parent, _)| parent.to_owned())
}

/// The line at which something begins, counted from 1.
pub(super) fn line(span: Span) -> usize {
    span.start().line
}

/// Whether something is compiled for tests only.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        Meta::Path(path) => path.is_ident("test"),
        Meta::NameValue(_) => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Takes a `use` declaration apart.
pub(super) fn leaves(item: &ItemUse) -> Vec<Use> {
    let mut found = Vec::new();
    let is_exported = !matches!(item.vis, Visibility::Inherited);
    collect(&item.tree, &mut Vec::new(), is_exported, &mut found);
    found
}

fn collect(tree: &UseTree, before: &mut Vec<String>, is_exported: bool, found: &mut Vec<Use>) {
    let mut leaf = |last: Option<&syn::Ident>, name: Option<String>, line| {
        let is_glob = last.is_none();
        let last = last.map(ToString::to_string).filter(|last| last != "self");
        let path: Vec<_> = before.iter().cloned().chain(last).collect();
        found.push(Use { path, name, is_glob, is_exported, line });
    };
    match tree {
        UseTree::Path(tree) => {
            before.push(tree.ident.to_string());
            collect(&tree.tree, before, is_exported, found);
            before.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                collect(tree, before, is_exported, found);
            }
        }
        UseTree::Name(name) => {
            let called = if name.ident == "self" {
                before.last().cloned()
            } else {
                Some(name.ident.to_string())
            };
            leaf(Some(&name.ident), called, line(name.ident.span()));
        }
        UseTree::Rename(renamed) => {
            let called = Some(renamed.rename.to_string()).filter(|name| name != "_");
            leaf(Some(&renamed.ident), called, line(renamed.ident.span()));
        }
        UseTree::Glob(glob) => leaf(None, None, line(glob.star_token.spans[0])),
    }
}
