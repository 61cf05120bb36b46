//! Everything that can be wrong with a configuration or with the accounts.
//!
//! Invariant: no variant holds a secret, nor a text that stands where one belongs.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::BackendTlsMode;
use crate::shard_map::document::{self, Explain, Shape, Short};

/// One thing that is wrong, with its position.
pub type Fault = document::Fault<Problem>;

pub(super) type Faults = document::Faults<Problem>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    Shape(Shape),
    /// Empty, or with control characters.
    BadText,
    /// The same value is earlier in the list.
    Twice,
    NotAddress {
        text: Box<str>,
    },
    /// A certificate cannot be verified without an authority.
    CaMissing {
        mode: BackendTlsMode,
    },
    /// An authority that nothing is verified by.
    CaWithoutUse {
        mode: BackendTlsMode,
    },
    NameTwice {
        name: Box<str>,
    },
    UnknownBackend {
        name: Box<str>,
        near: Option<Box<str>>,
    },
    TooManyBackends {
        count_max: usize,
    },
    /// `databases` is a text other than `*`.
    DatabasesText,
    BadVerifier,
    FieldsConflict {
        field: &'static str,
        other: &'static str,
    },
    NoPassword,
    Unreadable {
        path: PathBuf,
        kind: io::ErrorKind,
    },
    PasswordTooLong {
        bytes_max: usize,
    },
}

impl From<Shape> for Problem {
    fn from(shape: Shape) -> Problem {
        Problem::Shape(shape)
    }
}

impl Explain for Problem {
    fn problem(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Shape(shape) => shape.problem(f),
            Problem::BadText => f.write_str("an empty text, or one with control characters"),
            Problem::Twice => f.write_str("the same is written twice"),
            Problem::NotAddress { text } => {
                write!(f, "{} is not an address with a port", Short(text))
            }
            Problem::CaMissing { mode } => write!(f, "`{}` without `ca`", mode.word()),
            Problem::CaWithoutUse { mode } => {
                write!(f, "`ca` has no effect, `{}` checks no certificate", mode.word())
            }
            Problem::NameTwice { name } => write!(f, "the name {} is taken", Short(name)),
            Problem::UnknownBackend { name, .. } => {
                write!(f, "unknown backend {}", Short(name))
            }
            Problem::TooManyBackends { count_max } => {
                write!(f, "more than {count_max} backends")
            }
            Problem::DatabasesText => f.write_str("a text that is not `*`"),
            Problem::BadVerifier => f.write_str("not a verifier"),
            Problem::FieldsConflict { field, other } => {
                write!(f, "`{field}` beside `{other}`")
            }
            Problem::NoPassword => f.write_str("a backend without a password"),
            Problem::Unreadable { path, kind } => {
                write!(f, "{} cannot be read ({kind})", path.display())
            }
            Problem::PasswordTooLong { bytes_max } => {
                write!(f, "the file has more than {bytes_max} bytes")
            }
        }
    }

    fn remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Shape(shape) => shape.remedy(f),
            Problem::BadText => f.write_str("write something readable or remove the field"),
            Problem::Twice => f.write_str("remove one"),
            Problem::NotAddress { .. } => f.write_str("write an IP address and a port, as `0.0.0.0:3306`"),
            Problem::CaMissing { .. } => f.write_str("add `ca:` with the authorities' PEM file"),
            Problem::CaWithoutUse { .. } => f.write_str("write `mode: verify_identity` or remove `ca`"),
            Problem::NameTwice { .. } => f.write_str("choose another name"),
            Problem::UnknownBackend { near, .. } => match near {
                Some(near) => write!(f, "did you mean {}?", Short(near)),
                None => f.write_str("declare it under `backends`"),
            },
            Problem::TooManyBackends { .. } => f.write_str("share accounts between users"),
            Problem::DatabasesText => f.write_str("write `\"*\"` or a list of databases"),
            Problem::BadVerifier => f.write_str("paste a line that `meridian password` prints, with its quotes"),
            Problem::FieldsConflict { .. } => f.write_str("keep one of the two"),
            Problem::NoPassword => f.write_str("add `password_file:` or `password:`"),
            Problem::Unreadable { .. } => f.write_str("correct the path or the file's permissions"),
            Problem::PasswordTooLong { .. } => f.write_str("write the password alone into it"),
        }
    }
}
