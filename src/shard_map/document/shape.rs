//! What can be wrong with a document before its meaning is looked at.
//!
//! Invariant: no variant holds the text of a value that a secret could be in. Texts are kept only
//! where a number or one of a few words was expected; names of fields only if they look like one.

use std::fmt;

use super::{Explain, near};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    TooLong {
        bytes: usize,
        bytes_max: usize,
    },
    TooDeep {
        depth_max: usize,
    },
    /// The parser's own words, which quote nothing of the document.
    Syntax(Box<str>),
    SeveralDocuments,
    Anchor,
    Alias,
    MergeKey,
    Tag,
    KeyNotText,
    /// As [`Shape::UnknownField`], the name is empty if it does not look like one.
    DuplicateKey {
        name: Box<str>,
        first_line: u32,
    },
    Unexpected {
        expected: &'static str,
        found: Found,
    },
    EmptyList {
        expected: &'static str,
    },
    /// The name is empty if it does not look like one.
    UnknownField {
        name: Box<str>,
        fields: &'static [&'static str],
    },
    MissingField {
        name: &'static str,
        of: &'static str,
    },
    NotInteger {
        text: Box<str>,
        min: u64,
        max: u64,
    },
    NotOneOf {
        text: Box<str>,
        choices: &'static [&'static str],
    },
}

/// The kind of a value, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Text,
    List,
    Mapping,
}

impl Explain for Shape {
    fn problem(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::TooLong { bytes, bytes_max } => {
                write!(f, "the document has {bytes} bytes, more than the {bytes_max} allowed")
            }
            Shape::TooDeep { depth_max } => {
                write!(f, "nested deeper than {depth_max} levels")
            }
            Shape::Syntax(text) => write!(f, "not YAML: {text}"),
            Shape::SeveralDocuments => f.write_str("a second document"),
            Shape::Anchor => f.write_str("anchors (`&name`) are not read"),
            Shape::Alias => f.write_str("aliases (`*name`) are not read"),
            Shape::MergeKey => f.write_str("merge keys (`<<`) are not read"),
            Shape::Tag => f.write_str("tags (`!name`) are not read"),
            Shape::KeyNotText => f.write_str("a key that is not a name"),
            Shape::DuplicateKey { name, .. } => {
                write!(f, "{} is written twice", Name(name, "this key"))
            }
            Shape::Unexpected { expected, found } => {
                write!(f, "expected {expected}, found {found}")
            }
            Shape::EmptyList { expected } => write!(f, "expected {expected}, found an empty list"),
            Shape::UnknownField { name, .. } => {
                write!(f, "unknown field {}", Name(name, "here"))
            }
            Shape::MissingField { name, of } => write!(f, "{of} lacks `{name}`"),
            Shape::NotInteger { text, min, max } => {
                write!(f, "{} is not a whole number of {min} to {max}", Short(text))
            }
            Shape::NotOneOf { text, .. } => write!(f, "unknown word {}", Short(text)),
        }
    }

    fn remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::TooLong { .. } => f.write_str("make it shorter"),
            Shape::TooDeep { .. } => f.write_str("write it flatter"),
            Shape::Syntax(_) => f.write_str("correct the text at this position"),
            Shape::SeveralDocuments => f.write_str("keep one document to a file"),
            Shape::Anchor => f.write_str("write the value out, in quotes if it begins with `&`"),
            Shape::Alias => f.write_str("write the value out, in quotes if it begins with `*`"),
            Shape::MergeKey => f.write_str("write the fields out"),
            Shape::Tag => f.write_str("leave it out, the field decides the type"),
            Shape::KeyNotText => f.write_str("write a name before the colon"),
            Shape::DuplicateKey { first_line, .. } => {
                write!(f, "remove this one or the one in line {first_line}")
            }
            Shape::Unexpected { expected, .. } | Shape::EmptyList { expected } => {
                write!(f, "write {expected} here")
            }
            Shape::UnknownField { name, fields } => match near(name, fields.iter().copied()) {
                Some(field) => write!(f, "did you mean `{field}`?"),
                None => write!(f, "known here: {}", Words(fields)),
            },
            Shape::MissingField { name, .. } => write!(f, "add `{name}:`"),
            Shape::NotInteger { .. } => {
                f.write_str("write decimal digits without leading zeros, separators or exponent")
            }
            Shape::NotOneOf { text, choices } => match near(text, choices.iter().copied()) {
                Some(choice) => write!(f, "did you mean `{choice}`?"),
                None if choices.len() == 1 => write!(f, "write {}", Words(choices)),
                None => write!(f, "write one of {}", Words(choices)),
            },
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Found::Nothing => "nothing",
            Found::Text => "text",
            Found::List => "a list",
            Found::Mapping => "a mapping",
        })
    }
}

/// A text of the file in backquotes, cut to a length that suits a message; control characters are escaped.
pub struct Short<'a>(pub &'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHARACTERS_MAX: usize = 64;
        f.write_str("`")?;
        for character in self.0.chars().take(CHARACTERS_MAX) {
            match character.is_control() {
                true => write!(f, "{}", character.escape_default())?,
                false => write!(f, "{character}")?,
            }
        }
        let cut = self.0.chars().nth(CHARACTERS_MAX).is_some();
        f.write_str(if cut { "...`" } else { "`" })
    }
}

/// The name of a key if it looks like a name, else nothing: to YAML `{password:hunter2}` is a key.
pub(super) fn name_of_key(key: &str) -> Box<str> {
    const BYTES_MAX: usize = 64;
    let in_names = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match key.len() <= BYTES_MAX && key.bytes().all(in_names) {
        true => key.into(),
        false => "".into(),
    }
}

/// A key's name in backquotes, or `otherwise` where it is not known.
struct Name<'a>(&'a str, &'static str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name("", otherwise) => f.write_str(otherwise),
            Name(name, _) => write!(f, "`{name}`"),
        }
    }
}

/// `a, b or c`.
pub struct Words<'a>(pub &'a [&'static str]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            let separator = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}`{word}`")?;
        }
        Ok(())
    }
}
