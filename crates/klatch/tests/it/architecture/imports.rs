//! Every path that a module names: in `use` declarations, types, expressions, patterns, attributes
//! and, as far as tokens show it, in macro calls.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, ItemUse, Lit, Macro, Meta, Path, Visibility};

use super::workspace::{Use, Workspace, is_for_tests, leaves, line};

/// That a module names something of another module, or of a crate from elsewhere.
pub(super) struct Import {
    /// The module that names it.
    pub(super) from: String,
    pub(super) file: String,
    pub(super) line: usize,
    /// The modules of the workspace that it concerns.
    pub(super) modules: Vec<String>,
    /// What is named, from the name of a crate on.
    pub(super) full: String,
}

/// All that the modules of a workspace import.
pub(super) fn imports(workspace: &Workspace) -> Vec<Import> {
    let mut found = Vec::new();
    for (from, module) in &workspace.modules {
        let mut add = |path: &[String], line| {
            let resolved = workspace.resolve(from, path);
            let (modules, full) = match resolved {
                Some(resolved) => (resolved.modules, resolved.full),
                None => (Vec::new(), path.join("::")),
            };
            let (from, file) = (from.clone(), module.file.clone());
            found.push(Import { from, file, line, modules, full });
        };
        for declared in &module.uses {
            add(&declared.path, declared.line);
        }
        let mut paths = Paths::default();
        for item in &module.items {
            paths.visit_item(item);
        }
        for (path, line) in &paths.found {
            add(path, *line);
        }
    }
    found
}

/// What the `use` declarations among some items name, those inside of functions included.
pub(super) fn uses(items: &[Item]) -> Vec<Use> {
    struct Uses(Vec<Use>);
    impl<'ast> Visit<'ast> for Uses {
        fn visit_item_use(&mut self, item: &'ast ItemUse) {
            self.0.extend(leaves(item));
        }
    }
    let mut uses = Uses(Vec::new());
    for item in items {
        uses.visit_item(item);
    }
    uses.0
}

/// Collects paths of two segments and more. A path of one segment names something of the module
/// itself, or what one of its `use` declarations has named already.
#[derive(Default)]
struct Paths {
    found: Vec<(Vec<String>, usize)>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, _: &'ast ItemUse) {}

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.len() > 1 {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.found.push((segments, line(path.segments[0].ident.span())));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.scan(called.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.visit_path(attribute.path());
        match &attribute.meta {
            Meta::List(list) => self.scan(list.tokens.clone(), true),
            Meta::NameValue(pair) if !pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(text) => self.literal(&text.lit),
                value => self.visit_expr(value),
            },
            Meta::NameValue(_) | Meta::Path(_) => {}
        }
    }
}

impl Paths {
    /// A path in a string, as attributes of serde have it: `with = "crate::serde_text"`.
    fn literal(&mut self, literal: &Lit) {
        if let Lit::Str(text) = literal
            && let Ok(path) = text.parse::<Path>()
        {
            let line = line(text.span());
            let known = self.found.len();
            self.visit_path(&path);
            self.found[known..].iter_mut().for_each(|(_, at)| *at = line);
        }
    }

    /// Reads tokens that syn leaves as they are; in those of attributes, strings are paths too.
    fn scan(&mut self, tokens: TokenStream, in_attribute: bool) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match token {
                TokenTree::Ident(_) => self.chain(&tokens, at, Vec::new()),
                TokenTree::Group(group) => {
                    self.scan(group.stream(), in_attribute);
                    at + 1
                }
                TokenTree::Literal(literal) => {
                    if in_attribute {
                        self.literal(&Lit::new(literal.clone()));
                    }
                    at + 1
                }
                TokenTree::Punct(_) => at + 1,
            };
        }
    }

    /// Reads `a::b::c` or `a::{b, c::d}` from an identifier on, and says where it ends.
    fn chain(&mut self, tokens: &[TokenTree], begin: usize, mut path: Vec<String>) -> usize {
        let mut at = begin;
        while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
            path.push(ident.to_string());
            at += 1;
            let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
            if !(is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1))) {
                break;
            }
            at += 2;
            if let Some(TokenTree::Group(group)) = tokens.get(at)
                && group.delimiter() == Delimiter::Brace
            {
                let inside: Vec<_> = group.stream().into_iter().collect();
                let mut next = 0;
                while next < inside.len() {
                    next = self.chain(&inside, next, path.clone()).max(next + 1);
                }
                return at + 1;
            }
        }
        if path.len() > 1 {
            self.found.push((path, line(tokens[begin].span())));
        }
        at.max(begin + 1)
    }
}
