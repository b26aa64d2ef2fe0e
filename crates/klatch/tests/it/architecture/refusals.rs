//! Every `match` over the domain's refusals names each of them.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Arm, ExprMatch, ImplItemFn, ItemImpl, Member, Pat, Path, Type};

use super::workspace::{Module, Workspace, is_for_tests, line};

/// The enum that is matched.
const REFUSAL: &str = "domain::refusal::Refusal";

/// What the matches over refusals leave out, as `file:line: …`, and how many matches there are.
pub(super) fn refusals(workspace: &Workspace) -> (Vec<String>, usize) {
    let mut found = Vec::new();
    let mut matches = 0;
    for (path, module) in &workspace.modules {
        for declared in &module.uses {
            let full = workspace.resolve(path, &declared.path).map(|resolved| resolved.full);
            let full = full.unwrap_or_default();
            let hides =
                full.starts_with(&format!("{REFUSAL}::")) || declared.is_glob && full == REFUSAL;
            if hides {
                let Module { file, .. } = module;
                let line = declared.line;
                found.push(format!("{file}:{line}: imports variants of Refusal; write Refusal::…"));
            }
        }
        let of = String::new();
        let mut visitor = Matches { workspace, path, module, of, found: &mut found, matches: 0 };
        for item in &module.items {
            visitor.visit_item(item);
        }
        matches += visitor.matches;
    }
    (found, matches)
}

struct Matches<'a> {
    workspace: &'a Workspace,
    path: &'a str,
    module: &'a Module,
    /// What `Self` is.
    of: String,
    found: &'a mut Vec<String>,
    matches: usize,
}

/// One step from a pattern to a pattern inside of it: the name of what is taken apart, and which
/// part of it.
type Step = (String, Member);

impl<'ast> Visit<'ast> for Matches<'_> {
    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if let Type::Path(of) = &*item.self_ty {
            self.of = self.full(&of.path);
        }
        visit::visit_item_impl(self, item);
        self.of.clear();
    }

    fn visit_expr_match(&mut self, matched: &'ast ExprMatch) {
        let steps = matched.arms.iter().find_map(|arm| self.steps(&arm.pat));
        if let Some(steps) = steps {
            self.matches += 1;
            for Arm { pat, .. } in &matched.arms {
                self.check(pat, &steps);
            }
        }
        visit::visit_expr_match(self, matched);
    }
}

impl Matches<'_> {
    /// The full path of a type or variant.
    fn full(&self, path: &Path) -> String {
        let segments: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments[0] == "Self" {
            return std::iter::once(&self.of)
                .chain(&segments[1..])
                .cloned()
                .collect::<Vec<_>>()
                .join("::");
        }
        let resolved = self.workspace.resolve(self.path, &segments);
        // A name that is declared in the module itself is found neither among modules nor imports.
        resolved.map_or_else(|| format!("{}::{}", self.path, segments.join("::")), |r| r.full)
    }

    fn is_refusal(&self, path: &Path) -> bool {
        self.full(path).rsplit_once("::").is_some_and(|(of, _)| of == REFUSAL)
    }

    /// The way to the first refusal that a pattern names.
    fn steps(&self, pattern: &Pat) -> Option<Vec<Step>> {
        let path = match pattern {
            Pat::Path(named) => Some(&named.path),
            Pat::Struct(named) => Some(&named.path),
            Pat::TupleStruct(named) => Some(&named.path),
            _ => None,
        };
        if path.is_some_and(|path| self.is_refusal(path)) {
            return Some(Vec::new());
        }
        if let Pat::Or(any) = pattern {
            return any.cases.iter().find_map(|case| self.steps(case));
        }
        if let Some(inner) = inner(pattern) {
            return self.steps(inner);
        }
        parts(pattern).into_iter().find_map(|(step, part)| {
            let mut steps = self.steps(part)?;
            steps.insert(0, step);
            Some(steps)
        })
    }

    /// Finds what takes refusals together at the place that the steps lead to.
    fn check(&mut self, pattern: &Pat, steps: &[Step]) {
        match pattern {
            Pat::Wild(_) | Pat::Rest(_) => self.report(pattern, "a wildcard"),
            Pat::Ident(bound) if bound.subpat.is_none() => {
                self.report(pattern, &format!("the binding `{}`", bound.ident));
            }
            Pat::Or(any) => any.cases.iter().for_each(|case| self.check(case, steps)),
            _ => {
                if let Some(inner) = inner(pattern) {
                    self.check(inner, steps);
                } else if let Some(((name, member), further)) = steps.split_first() {
                    let parts = parts(pattern);
                    let part = parts.iter().find(|((_, part), _)| part == member);
                    match part {
                        Some(((of, _), part)) if of == name => self.check(part, further),
                        None if of(pattern).is_some_and(|of| of == *name) => {
                            self.report(pattern, "`..` in the place of a refusal");
                        }
                        Some(_) | None => {}
                    }
                }
            }
        }
    }

    fn report(&mut self, pattern: &Pat, what: &str) {
        let (file, line) = (&self.module.file, line(pattern.span()));
        self.found.push(format!("{file}:{line}: {what} in a match over refusals; name each"));
    }
}

/// The pattern that another one only wraps.
fn inner(pattern: &Pat) -> Option<&Pat> {
    match pattern {
        Pat::Guard(guarded) => Some(&guarded.pat),
        Pat::Ident(bound) => bound.subpat.as_ref().map(|(_, pattern)| &**pattern),
        Pat::Paren(wrapped) => Some(&wrapped.pat),
        Pat::Reference(wrapped) => Some(&wrapped.pat),
        Pat::Type(typed) => Some(&typed.pat),
        _ => None,
    }
}

/// What a pattern takes apart, by the last part of its name.
fn of(pattern: &Pat) -> Option<String> {
    let last = |path: &Path| path.segments.last().map(|segment| segment.ident.to_string());
    match pattern {
        Pat::Struct(named) => last(&named.path),
        Pat::TupleStruct(named) => last(&named.path),
        Pat::Tuple(_) => Some(String::new()),
        _ => None,
    }
}

/// The parts of a pattern, up to a `..` in a tuple.
fn parts(pattern: &Pat) -> Vec<(Step, &Pat)> {
    let name = of(pattern).unwrap_or_default();
    let elements = match pattern {
        Pat::Struct(named) => {
            let part = |field: &'_ syn::FieldPat| (name.clone(), field.member.clone());
            return named.fields.iter().map(|field| (part(field), &*field.pat)).collect();
        }
        Pat::Tuple(tuple) => &tuple.elems,
        Pat::TupleStruct(tuple) => &tuple.elems,
        _ => return Vec::new(),
    };
    let whole = elements.iter().take_while(|part| !matches!(part, Pat::Rest(_)));
    whole.enumerate().map(|(index, part)| ((name.clone(), Member::from(index)), part)).collect()
}
