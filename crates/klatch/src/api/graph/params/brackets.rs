//! Names with brackets, as PHP and jQuery write lists and objects: `a[]`, `a[0]`, `a[0][k]`.

use serde_json::Value;
use wire::problem::Problem;

use super::{PARAMETERS_MAX, Param};

/// Brackets behind one name. Ours: nothing that Graph publishes is deeper than four.
const DEPTH_MAX: usize = 8;
/// Characters of a name that are repeated where it is wrong.
const SHOWN_CHARS_MAX: usize = 64;

/// Parameters as they come in, by name. The first thing that is wrong is kept and given at the end:
/// only calls that want parameters fail by it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<(String, Node)>,
    count: usize,
    problem: Option<Problem>,
}

#[derive(Debug)]
enum Node {
    Leaf(Param),
    /// By place, which need not be without gaps: PHP leaves gaps where it has removed entries.
    List(Vec<(u32, Node)>),
    Map(Vec<(String, Node)>),
}

/// What stands in a pair of brackets.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Append,
    Place(u32),
    Key(&'a str),
}

impl Tree {
    /// Takes a parameter in. Of what is given twice the last counts.
    pub(super) fn add(&mut self, name: &str, value: Param) {
        self.count += 1;
        let added = match steps(name) {
            _ if self.count > PARAMETERS_MAX => {
                Err(format!("is one of more than {PARAMETERS_MAX} parameters"))
            }
            Err(detail) => Err(detail.to_owned()),
            Ok((base, steps)) => insert(named(&mut self.nodes, base), &steps, value)
                .map_err(|()| "is given in two ways that contradict each other".to_owned()),
        };
        if let Err(detail) = added
            && self.problem.is_none()
        {
            let name: String = name.chars().take(SHOWN_CHARS_MAX).collect();
            self.problem = Some(Problem::field(name, detail));
        }
    }

    /// Puts other parameters in the place of those that have the same name.
    pub(super) fn overlay(&mut self, other: Self) {
        for (name, node) in other.nodes {
            *named(&mut self.nodes, &name) = node;
        }
        self.problem = self.problem.take().or(other.problem);
    }

    /// The text of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.nodes.iter().find(|(key, _)| key == name) {
            Some((_, Node::Leaf(Param::Value(Value::String(text))))) => Some(text),
            _ => None,
        }
    }

    /// All parameters but one in one text: the same parameters have the same text.
    pub(super) fn spelled_without(&self, name: &str) -> String {
        let mut named: Vec<_> = self.nodes.iter().filter(|(key, _)| key != name).collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        if named.is_empty() { String::new() } else { format!("{named:?}") }
    }

    /// # Errors
    /// The first thing that was wrong.
    pub(super) fn into_values(self) -> Result<Vec<(String, Param)>, Problem> {
        match self.problem {
            Some(problem) => Err(problem),
            None => Ok(self.nodes.into_iter().map(|(name, node)| (name, node.into())).collect()),
        }
    }
}

impl From<Node> for Param {
    fn from(node: Node) -> Self {
        match node {
            Node::Leaf(value) => value,
            Node::List(mut list) => {
                list.sort_by_key(|(place, _)| *place);
                Self::List(list.into_iter().map(|(_, node)| node.into()).collect())
            }
            Node::Map(map) => {
                Self::Map(map.into_iter().map(|(key, node)| (key, node.into())).collect())
            }
        }
    }
}

/// The node of this name, which is made if it is not there.
fn named<'a>(nodes: &'a mut Vec<(String, Node)>, name: &str) -> &'a mut Node {
    let place = nodes.iter().position(|(key, _)| key == name).unwrap_or_else(|| {
        nodes.push((name.to_owned(), Node::Leaf(Param::Value(Value::Null))));
        nodes.len() - 1
    });
    &mut nodes[place].1
}

fn insert(node: &mut Node, steps: &[Step<'_>], value: Param) -> Result<(), ()> {
    let Some((step, rest)) = steps.split_first() else {
        return match node {
            Node::Leaf(leaf) => {
                *leaf = value;
                Ok(())
            }
            Node::List(_) | Node::Map(_) => Err(()),
        };
    };
    if matches!(node, Node::Leaf(Param::Value(Value::Null))) {
        *node = match step {
            Step::Append | Step::Place(_) => Node::List(Vec::new()),
            Step::Key(_) => Node::Map(Vec::new()),
        };
    }
    let next = match (node, step) {
        (Node::List(list), Step::Append) => {
            let last = list.iter().map(|(place, _)| *place).max();
            let place = last.map_or(0, |last| last.saturating_add(1));
            list.push((place, Node::Leaf(Param::Value(Value::Null))));
            list.last_mut().map(|(_, node)| node)
        }
        (Node::List(list), Step::Place(place)) => {
            let known = list.iter().position(|(other, _)| other == place);
            let index = known.unwrap_or_else(|| {
                list.push((*place, Node::Leaf(Param::Value(Value::Null))));
                list.len() - 1
            });
            list.get_mut(index).map(|(_, node)| node)
        }
        (Node::Map(map), Step::Key(key)) => Some(named(map, key)),
        (Node::Leaf(_) | Node::List(_) | Node::Map(_), _) => None,
    };
    insert(next.ok_or(())?, rest, value)
}

/// A name taken apart: `a[0][k]` is `a`, then place 0, then key `k`. A name that begins with a
/// bracket is a name like any other.
fn steps(name: &str) -> Result<(&str, Vec<Step<'_>>), &'static str> {
    let Some(begin) = name.find('[').filter(|begin| *begin > 0) else {
        return Ok((name, Vec::new()));
    };
    let (base, mut rest) = name.split_at(begin);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (inner, behind) = inner.ok_or("has brackets that do not match")?;
        if steps.len() == DEPTH_MAX {
            return Err("has too many brackets");
        }
        steps.push(match inner {
            "" => Step::Append,
            _ if inner.bytes().all(|byte| byte.is_ascii_digit()) => {
                Step::Place(inner.parse().map_err(|_| "has too large a number in brackets")?)
            }
            key => Step::Key(key),
        });
        rest = behind;
    }
    Ok((base, steps))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(value: &str) -> Param {
        Param::Value(json!(value))
    }

    fn tree(pairs: &[(&str, &str)]) -> Result<Vec<(String, Param)>, Problem> {
        let mut tree = Tree::default();
        for (name, value) in pairs {
            tree.add(name, text(value));
        }
        tree.into_values()
    }

    #[test]
    fn brackets_are_lists_and_objects() {
        let list = |entries: &[&str]| Param::List(entries.iter().map(|one| text(one)).collect());
        for (pairs, expected) in [
            (&[("a", "1"), ("a", "2")][..], text("2")),
            (&[("a[]", "1"), ("a[]", "2")], list(&["1", "2"])),
            (&[("a[5]", "2"), ("a[1]", "1"), ("a[]", "3")], list(&["1", "2", "3"])),
            (&[("a[0]", "1"), ("a[0]", "2")], list(&["2"])),
            (&[("a[k]", "1")], Param::Map(vec![("k".to_owned(), text("1"))])),
            (
                &[("a[0][k]", "1"), ("a[0][l]", "2"), ("a[1][k]", "3")],
                Param::List(vec![
                    Param::Map(vec![("k".to_owned(), text("1")), ("l".to_owned(), text("2"))]),
                    Param::Map(vec![("k".to_owned(), text("3"))]),
                ]),
            ),
        ] {
            assert_eq!(tree(pairs), Ok(vec![("a".to_owned(), expected)]), "{pairs:?}");
        }
        for literal in ["[a]", "a]", ""] {
            assert_eq!(tree(&[(literal, "1")]), Ok(vec![(literal.to_owned(), text("1"))]));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let deep = format!("a{}", "[0]".repeat(9));
        for pairs in [
            &[("a[", "1")][..],
            &[("a[0]b", "1")],
            &[("a[0][", "1")],
            &[("a[99999999999]", "1")],
            &[(&deep, "1")],
            &[("a", "1"), ("a[0]", "2")],
            &[("a[0]", "1"), ("a", "2")],
            &[("a[0]", "1"), ("a[k]", "2")],
        ] {
            assert!(matches!(tree(pairs), Err(Problem::Field { .. })), "{pairs:?}");
        }
        let many: Vec<_> = (0..=PARAMETERS_MAX).map(|_| ("a", "1")).collect();
        assert!(tree(&many).is_err());
        assert!(tree(&many[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(names in proptest::collection::vec("[a\\[\\]0-9k]{0,12}", 0..8)) {
            let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
            let _ = tree(&pairs);
        }
    }
}
