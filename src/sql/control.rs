//! Session statements, parsed from the client's own text: transactions, SET, USE, KILL.
//!
//! Every part that is to be replayed is kept as the exact bytes that the client wrote.

use super::{Dialect, LexError};
use std::fmt;

/// A statement about the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Control<'a> {
    /// BEGIN, START TRANSACTION ..; `text` is the whole statement.
    Begin {
        text: &'a [u8],
        access: Option<TransactionAccess>,
        snapshot: bool,
    },
    Commit {
        chain: Option<bool>,
        release: Option<bool>,
    },
    Rollback {
        chain: Option<bool>,
        release: Option<bool>,
    },
    Savepoint(Vec<u8>),
    RollbackTo(Vec<u8>),
    Release(Vec<u8>),
    /// The database's name, unquoted.
    Use(Vec<u8>),
    Kill {
        query_only: bool,
        id: u64,
    },
    /// In the order written; later ones win.
    Set(Vec<Assignment<'a>>),
    /// SET [scope] TRANSACTION ..; without a scope it holds for the next transaction. `text` is the whole statement.
    SetTransaction {
        scope: Option<Scope>,
        text: &'a [u8],
    },
    LockTables {
        text: &'a [u8],
    },
    UnlockTables,
}

/// READ ONLY or READ WRITE of START TRANSACTION.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionAccess {
    ReadOnly,
    ReadWrite,
}

/// One part of SET; `text` is what stood between the commas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Assignment<'a> {
    /// SET NAMES; `None` is DEFAULT. Names in lower case.
    Names {
        charset: Option<String>,
        collation: Option<String>,
        text: &'a [u8],
    },
    /// SET CHARACTER SET, SET CHARSET; `None` is DEFAULT.
    CharacterSet {
        charset: Option<String>,
        text: &'a [u8],
    },
    /// A system variable; `name` in lower case, unquoted.
    System {
        scope: Scope,
        name: String,
        value: Value<'a>,
        text: &'a [u8],
    },
    /// A user variable; `name` unquoted, in lower case (names are case-insensitive).
    User {
        name: String,
        value: Value<'a>,
        text: &'a [u8],
    },
    /// SET PASSWORD, SET ROLE, SET DEFAULT ROLE, SET STATEMENT: `kind` in upper case.
    Other { kind: &'static str, text: &'a [u8] },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// `SET x`, `SET SESSION x`, `SET @@x`, `SET @@session.x`, LOCAL.
    Session,
    Global,
    Persist,
    PersistOnly,
}

/// The right side of an assignment, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// Means the same everywhere: a number, string, NULL, DEFAULT, a word such as ON.
    Literal(&'a [u8]),
    Expression(&'a [u8]),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ControlError {
    Lex(LexError),
    /// Not one of the statements above; the byte where it stopped making sense.
    Syntax {
        at: u32,
    },
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControlError::Lex(error) => error.fmt(f),
            ControlError::Syntax { at } => write!(f, "the statement cannot be read at byte {at}"),
        }
    }
}

impl std::error::Error for ControlError {}

impl From<LexError> for ControlError {
    fn from(error: LexError) -> ControlError {
        ControlError::Lex(error)
    }
}

/// Parses one session statement.
pub fn control<'a>(text: &'a [u8], dialect: &Dialect) -> Result<Control<'a>, ControlError> {
    let _ = (text, dialect);
    Err(ControlError::Syntax { at: 0 })
}
