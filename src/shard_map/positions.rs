//! Where things stand in the text of a sound map, for findings that come later than its faults.

use super::document::{Faults, Node, Position};
use super::problem::Problem;

/// The text of a map as a tree.
pub struct Positions {
    root: Option<Node>,
}

impl Positions {
    pub fn of(yaml: &str) -> Positions {
        Positions { root: Node::parse::<Problem>(yaml, &mut Faults::default()) }
    }

    /// Where the name at the end of this path is written; of the last one that is, if some are not.
    pub fn find(&self, path: &[&str]) -> Position {
        let mut at = Position::START;
        let mut node = self.root.as_ref();
        for name in path {
            let found = node.and_then(|node| match &node.value {
                super::document::Value::Mapping(entries) => entries.iter().find(|(key, _)| key.name == *name),
                _ => None,
            });
            let Some((key, value)) = found else { break };
            at = key.at;
            node = Some(value);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_name() {
        let positions =
            Positions::of("groups:\n  a: {members: []}\ndatabases:\n  shop:\n    tables:\n      users: a\n");
        let find = |path: &[&str]| {
            let at = positions.find(path);
            (at.line, at.column)
        };
        assert_eq!(find(&["groups", "a"]), (2, 3));
        assert_eq!(find(&["databases", "shop", "tables", "users"]), (6, 7));
        assert_eq!(find(&["databases", "shop", "tables", "orders"]), (5, 5));
        assert_eq!(find(&["nowhere"]), (1, 1));
    }
}
