//! Session statements, parsed from the client's own text: transactions, SET, USE, KILL.
//!
//! Every part that is to be replayed is kept as the exact bytes that the client wrote.

use super::assignments::set;
use super::cursor::Cursor;
use super::raw::raw;
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
        /// What stands behind TRANSACTION.
        characteristics: &'a [u8],
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
    Names { charset: Option<String>, collation: Option<String>, text: &'a [u8] },
    /// SET CHARACTER SET, SET CHARSET; `None` is DEFAULT.
    CharacterSet { charset: Option<String>, text: &'a [u8] },
    /// A system variable; `name` in lower case, unquoted.
    System { scope: Scope, name: String, value: Value<'a>, text: &'a [u8] },
    /// A user variable; `name` unquoted, in lower case (names are case-insensitive).
    User { name: String, value: Value<'a>, text: &'a [u8] },
    /// SET PASSWORD, SET ROLE, SET DEFAULT ROLE, SET STATEMENT: `kind` in upper case.
    Other { kind: &'static str, text: &'a [u8] },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// `SET x`, `SET SESSION x`, `SET @@x`, `SET @@session.x`, LOCAL.
    Session,
    /// `SET @@x` of a variable that this sets for the next transaction only: isolation and read only.
    Next,
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

/// Parses one session statement, up to its `;`.
pub fn control<'a>(text: &'a [u8], dialect: &Dialect) -> Result<Control<'a>, ControlError> {
    let tokens = raw(text, dialect)?;
    let mixed = tokens.windows(2).find(|pair| pair[0].comment != pair[1].comment).map(|pair| pair[1].start);
    let mut cursor = Cursor::new(text, dialect, tokens);
    let whole = cursor.whole();
    if cursor.take(&["start", "transaction"]) {
        return start_transaction(&mut cursor);
    }
    // A part that is replayed must not begin or end inside an executable comment.
    if let Some(at) = mixed {
        return Err(ControlError::Syntax { at: u32::try_from(at).unwrap_or(u32::MAX) });
    }
    if cursor.take(&["begin"]) {
        let _ = cursor.take(&["work"]);
        return cursor.finish(Control::Begin { text: whole, access: None, snapshot: false });
    }
    if cursor.take(&["commit"]) {
        let (chain, release) = completion(&mut cursor)?;
        return cursor.finish(Control::Commit { chain, release });
    }
    if cursor.take(&["rollback"]) {
        return rollback(&mut cursor);
    }
    if cursor.take(&["savepoint"]) {
        let name = cursor.name()?;
        return cursor.finish(Control::Savepoint(name));
    }
    if cursor.take(&["release", "savepoint"]) {
        let name = cursor.name()?;
        return cursor.finish(Control::Release(name));
    }
    if cursor.take(&["use"]) {
        let name = cursor.name()?;
        return cursor.finish(Control::Use(name));
    }
    if cursor.take(&["kill"]) {
        return kill(&mut cursor);
    }
    if cursor.take(&["set"]) {
        return set(&mut cursor, whole);
    }
    if cursor.take(&["unlock"]) {
        let _ = cursor.take(&["tables"]) || cursor.take(&["table"]);
        return cursor.finish(Control::UnlockTables);
    }
    if cursor.take(&["lock", "tables"]) || cursor.take(&["lock", "table"]) {
        return Ok(Control::LockTables { text: whole });
    }
    cursor.syntax()
}

/// START TRANSACTION [characteristic [, characteristic]], of which a part may be an executable comment, as mysqldump
/// writes it.
fn start_transaction<'a>(cursor: &mut Cursor<'a>) -> Result<Control<'a>, ControlError> {
    let mut access = None;
    let mut snapshot = false;
    if cursor.peek().is_some() {
        loop {
            if cursor.take(&["with", "consistent", "snapshot"]) {
                snapshot = true;
            } else if cursor.take(&["read", "only"]) {
                access = Some(TransactionAccess::ReadOnly);
            } else if cursor.take(&["read", "write"]) {
                access = Some(TransactionAccess::ReadWrite);
            } else {
                return cursor.syntax();
            }
            if !cursor.take_punct(b',') {
                break;
            }
        }
    }
    let text: &[u8] = match (snapshot, access) {
        (false, None) => b"START TRANSACTION",
        (false, Some(TransactionAccess::ReadOnly)) => b"START TRANSACTION READ ONLY",
        (false, Some(TransactionAccess::ReadWrite)) => b"START TRANSACTION READ WRITE",
        (true, None) => b"START TRANSACTION WITH CONSISTENT SNAPSHOT",
        (true, Some(TransactionAccess::ReadOnly)) => b"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        (true, Some(TransactionAccess::ReadWrite)) => b"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE",
    };
    cursor.finish(Control::Begin { text, access, snapshot })
}

/// [WORK] [AND [NO] CHAIN] [[NO] RELEASE]
fn completion(cursor: &mut Cursor<'_>) -> Result<(Option<bool>, Option<bool>), ControlError> {
    let _ = cursor.take(&["work"]);
    let chain = if cursor.take(&["and", "chain"]) {
        Some(true)
    } else if cursor.take(&["and", "no", "chain"]) {
        Some(false)
    } else {
        None
    };
    let release = if cursor.take(&["release"]) {
        Some(true)
    } else if cursor.take(&["no", "release"]) {
        Some(false)
    } else {
        None
    };
    if chain == Some(true) && release == Some(true) {
        return cursor.syntax();
    }
    Ok((chain, release))
}

fn rollback<'a>(cursor: &mut Cursor<'a>) -> Result<Control<'a>, ControlError> {
    let words = usize::from(cursor.word_at(0, "work"));
    if cursor.word_at(words, "to") {
        cursor.advance(words + 1);
        if !cursor.word_at(0, "savepoint") || cursor.peek_at(1).is_some() {
            let _ = cursor.take(&["savepoint"]);
        }
        let name = cursor.name()?;
        return cursor.finish(Control::RollbackTo(name));
    }
    let (chain, release) = completion(cursor)?;
    cursor.finish(Control::Rollback { chain, release })
}

/// KILL [HARD | SOFT] [CONNECTION | QUERY] id
fn kill<'a>(cursor: &mut Cursor<'a>) -> Result<Control<'a>, ControlError> {
    let _ = cursor.take(&["hard"]) || cursor.take(&["soft"]);
    let query_only = cursor.take(&["query"]);
    if !query_only {
        let _ = cursor.take(&["connection"]);
    }
    let id = cursor.peek().map(|token| cursor.bytes(token)).unwrap_or_default();
    match std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()) {
        Some(id) if cursor.text[cursor.start()].is_ascii_digit() => {
            cursor.advance(1);
            cursor.finish(Control::Kill { query_only, id })
        }
        _ => cursor.syntax(),
    }
}
