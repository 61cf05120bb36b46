//! A YAML document as a small tree whose every key and value knows its line and column.
//!
//! Scalars stay text: the reader of a field decides what it means, never YAML's guess, so that
//! `no` is a name and `010` is not eight. Mappings keep their order.
//! Invariant: [`Node::parse`] has refused anchors, aliases, tags, merge keys and duplicate keys; what was
//! refused is absent or [`Value::Refused`], about which readers stay silent.

mod fault;
mod fields;
mod near;
mod shape;
mod yaml;

use zeroize::Zeroizing;

pub use fault::{Explain, Fault, Faults};
pub use fields::Fields;
pub use near::near;
pub use shape::{Found, Shape, Short, Words};

/// Bytes of a document; a longer one is refused unread. A ConfigMap holds 1 MiB.
pub const DOCUMENT_BYTES_MAX: usize = 4 << 20;

/// Depth of nesting of a document; the map's grammar needs 8.
pub const NESTING_MAX: usize = 16;

/// Where something begins; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// A value with its position. Has no Debug because documents hold secrets.
pub struct Node {
    pub at: Position,
    pub value: Value,
}

pub enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
    /// Something that has already been reported.
    Refused,
}

pub struct Scalar {
    pub text: Zeroizing<String>,
    /// Written without quotes.
    pub plain: bool,
}

pub struct Key {
    pub at: Position,
    pub name: String,
}

impl Position {
    pub const START: Position = Position { line: 1, column: 1 };
}

impl Node {
    /// Reads the one document of `yaml`. `None` only where a fault was added.
    pub fn parse<P: Explain + From<Shape>>(yaml: &str, faults: &mut Faults<P>) -> Option<Node> {
        yaml::parse(yaml, faults)
    }

    /// What a person would call this value.
    pub fn found(&self) -> Found {
        match &self.value {
            Value::Scalar(scalar) if scalar.plain && scalar.text.is_empty() => Found::Nothing,
            Value::Scalar(_) => Found::Text,
            Value::List(_) => Found::List,
            Value::Mapping(_) => Found::Mapping,
            Value::Refused => Found::Nothing,
        }
    }

    /// The scalar, or a fault that says that `expected` belongs here.
    pub fn scalar<P: Explain + From<Shape>>(&self, expected: &'static str, faults: &mut Faults<P>) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) if !(scalar.plain && scalar.text.is_empty()) => Some(scalar),
            _ => self.unexpected(expected, faults),
        }
    }

    /// The text of a scalar, quoted or not.
    pub fn text<P: Explain + From<Shape>>(&self, expected: &'static str, faults: &mut Faults<P>) -> Option<&str> {
        self.scalar(expected, faults).map(|scalar| scalar.text.as_str())
    }

    /// The entries of a list that is not empty.
    pub fn list<P: Explain + From<Shape>>(&self, expected: &'static str, faults: &mut Faults<P>) -> Option<&[Node]> {
        match &self.value {
            Value::List(nodes) if nodes.is_empty() => {
                faults.add(self.at, Shape::EmptyList { expected });
                None
            }
            Value::List(nodes) => Some(nodes),
            _ => self.unexpected(expected, faults),
        }
    }

    /// The entries of a mapping whose keys are names that the file chooses.
    pub fn entries<P: Explain + From<Shape>>(
        &self,
        expected: &'static str,
        faults: &mut Faults<P>,
    ) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => self.unexpected(expected, faults),
        }
    }

    /// A whole number in `min..=max`, in plain decimal digits only.
    pub fn integer<P: Explain + From<Shape>>(&self, min: u64, max: u64, faults: &mut Faults<P>) -> Option<u64> {
        let text = self.text("a whole number", faults)?;
        let value = decimal(text).and_then(|value| u64::try_from(value).ok());
        match value {
            Some(value) if (min..=max).contains(&value) => Some(value),
            _ => {
                let text = text.into();
                faults.add(self.at, Shape::NotInteger { text, min, max });
                None
            }
        }
    }

    /// One of `choices`, by its index.
    pub fn choice<P: Explain + From<Shape>>(
        &self,
        choices: &'static [&'static str],
        faults: &mut Faults<P>,
    ) -> Option<usize> {
        let text = self.text("one of a few words", faults)?;
        let index = choices.iter().position(|choice| *choice == text);
        if index.is_none() {
            let text = text.into();
            faults.add(self.at, Shape::NotOneOf { text, choices });
        }
        index
    }

    fn unexpected<P: Explain + From<Shape>, T>(&self, expected: &'static str, faults: &mut Faults<P>) -> Option<T> {
        if !matches!(self.value, Value::Refused) {
            let found = self.found();
            faults.add(self.at, Shape::Unexpected { expected, found });
        }
        None
    }
}

/// Reads an integer written as a person would: an optional minus, digits, no leading zero, no sign on zero.
///
/// `010`, `0x10`, `1_000`, `1e3` and `+1` mean different things to different readers of YAML and are refused.
pub fn decimal(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'))
        && text != "-0";
    canonical.then(|| text.parse().ok()).flatten()
}
