//! A mapping whose fields the grammar names.

use super::{Explain, Faults, Key, Node, Position, Shape, Value};

/// The known fields of one mapping; unknown ones have become faults.
pub struct Fields<'n> {
    at: Position,
    of: &'static str,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// `of` names the thing for messages, as `a member`.
    pub fn read<P: Explain + From<Shape>>(
        node: &'n Node,
        of: &'static str,
        known: &'static [&'static str],
        faults: &mut Faults<P>,
    ) -> Option<Fields<'n>> {
        let entries = node.entries("a mapping", faults)?;
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let name = super::shape::name_of_key(&key.name);
                faults.add(key.at, Shape::UnknownField { name, fields: known });
            }
        }
        let at = node.at;
        Some(Fields { at, of, entries })
    }

    pub fn at(&self) -> Position {
        self.at
    }

    pub fn key(&self, name: &str) -> Option<&'n Key> {
        self.entry(name).map(|(key, _)| key)
    }

    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The field, or a fault at the mapping that lacks it.
    pub fn require<P: Explain + From<Shape>>(&self, name: &'static str, faults: &mut Faults<P>) -> Option<&'n Node> {
        let node = self.get(name);
        if node.is_none() {
            let of = self.of;
            faults.add(self.at, Shape::MissingField { name, of });
        }
        node
    }

    fn entry(&self, name: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.name == name)
    }
}

impl Node {
    /// The value of a field, where this is a mapping that has it.
    pub fn field(&self, name: &str) -> Option<&Node> {
        let Value::Mapping(entries) = &self.value else {
            return None;
        };
        let entry = entries.iter().find(|(key, _)| key.name == name);
        entry.map(|(_, node)| node)
    }
}
