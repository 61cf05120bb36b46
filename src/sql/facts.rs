//! What a statement is, from its normalized text: verb, read or write, and what it does to a session.
//!
//! Cold: runs once per plan. Invariant: `access` is `Read` only for what certainly changes no row and
//! takes no lock; a function that neither server is known to have makes a statement a write.

use super::signs::signs;
use super::tokens::{Token, tokens};
use super::verbs::{Opening, opening};
use std::ops::{BitOr, BitOrAssign};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    pub verb: Verb,
    pub access: Access,
    /// Ends a transaction by itself when run in one.
    pub implicit_commit: bool,
    pub flags: Flags,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    Read,
    Write,
}

/// What a statement begins with, `WITH`, parentheses and labels resolved.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verb {
    Select,
    Insert,
    Replace,
    Update,
    Delete,
    /// `VALUES ROW(..)`, `VALUES (..)` as a statement.
    Values,
    /// `TABLE t`.
    TableStmt,
    /// LOAD DATA, LOAD XML.
    Load,
    Call,
    Do,
    Handler,
    Begin,
    StartTransaction,
    Commit,
    Rollback,
    Savepoint,
    RollbackTo,
    ReleaseSavepoint,
    Xa,
    Set,
    Use,
    Kill,
    Prepare,
    Execute,
    Deallocate,
    Lock,
    Unlock,
    Show(ShowKind),
    /// DESCRIBE, DESC or EXPLAIN of a table.
    Describe,
    /// EXPLAIN, DESCRIBE or ANALYZE of a statement.
    Explain,
    Create(Object),
    Alter(Object),
    Drop(Object),
    Rename(Object),
    Truncate,
    Analyze,
    Optimize,
    Check,
    Checksum,
    Repair,
    /// SIGNAL, RESIGNAL.
    Signal,
    GetDiagnostics,
    Help,
    /// GRANT, FLUSH, SHUTDOWN, CHANGE ..: the first word, in upper case.
    Admin(&'static str),
    /// BEGIN NOT ATOMIC, IF, LOOP, labels: a block of statements.
    Block,
    /// Nothing but spaces and comments.
    Empty,
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ShowKind {
    Tables,
    Databases,
    Columns,
    Index,
    CreateTable,
    TableStatus,
    Variables,
    Status,
    Warnings,
    Errors,
    ProcessList,
    Engines,
    Collation,
    CharacterSet,
    Grants,
    Other,
}

/// What CREATE, ALTER, DROP and RENAME are about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Object {
    Table,
    View,
    Index,
    Database,
    Procedure,
    Function,
    Trigger,
    Event,
    Package,
    Sequence,
    User,
    Role,
    Server,
    Tablespace,
    Other,
}

/// A set of facts about a statement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Flags(u32);

impl Flags {
    pub const NONE: Flags = Flags(0);
    /// Begins with WITH.
    pub const WITH: Flags = Flags(1);
    /// Reads LAST_INSERT_ID(), @@last_insert_id or @@identity.
    pub const LAST_INSERT_ID: Flags = Flags(1 << 1);
    /// LAST_INSERT_ID(expr).
    pub const LAST_INSERT_ID_SET: Flags = Flags(1 << 2);
    pub const ROW_COUNT: Flags = Flags(1 << 3);
    pub const FOUND_ROWS: Flags = Flags(1 << 4);
    pub const CALC_FOUND_ROWS: Flags = Flags(1 << 5);
    pub const CONNECTION_ID: Flags = Flags(1 << 6);
    pub const USER_VAR_READ: Flags = Flags(1 << 7);
    /// `@x := ..`.
    pub const USER_VAR_ASSIGN: Flags = Flags(1 << 8);
    /// SELECT .. INTO @x.
    pub const INTO_VAR: Flags = Flags(1 << 9);
    /// INTO OUTFILE, INTO DUMPFILE.
    pub const INTO_FILE: Flags = Flags(1 << 10);
    /// FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
    pub const LOCKING_READ: Flags = Flags(1 << 11);
    /// GET_LOCK and its family.
    pub const NAMED_LOCK: Flags = Flags(1 << 12);
    /// A call of what is a builtin of neither server.
    pub const UNKNOWN_FUNCTION: Flags = Flags(1 << 13);
    /// CREATE TEMPORARY, DROP TEMPORARY.
    pub const TEMPORARY: Flags = Flags(1 << 14);
    /// Reads any @@variable.
    pub const SYSVAR_READ: Flags = Flags(1 << 15);
    /// SHOW WARNINGS, SHOW ERRORS, @@warning_count, @@error_count, GET DIAGNOSTICS.
    pub const DIAGNOSTICS: Flags = Flags(1 << 16);
    /// NOW() and its family.
    pub const CLOCK: Flags = Flags(1 << 17);
    /// Takes from or sets a sequence.
    pub const NEXTVAL: Flags = Flags(1 << 18);
    /// Names a table that has another name on its servers: set by whoever knows the map.
    pub const OTHER_NAME: Flags = Flags(1 << 19);

    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn intersects(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

/// The facts of a normalized text.
pub fn facts(normalized: &[u8]) -> Facts {
    let tokens: Vec<Token<'_>> = tokens(normalized).map(|lexeme| lexeme.token).collect();
    let opening = opening(&tokens);
    let mut flags = opening.flags | signs(&tokens, &opening);
    // What a routine does is hidden. A procedure leaves its LAST_INSERT_ID() to the statements behind it, a function does
    // not. The OK of LOAD DATA names no id.
    if matches!(opening.verb, Verb::Call | Verb::Block | Verb::Execute | Verb::Load) {
        flags |= Flags::LAST_INSERT_ID | Flags::LAST_INSERT_ID_SET;
    } else if flags.contains(Flags::UNKNOWN_FUNCTION) {
        flags |= Flags::LAST_INSERT_ID;
    }
    Facts {
        verb: opening.verb,
        access: access(&opening, &tokens, flags),
        implicit_commit: implicit_commit(opening.verb, &tokens, flags),
        flags,
    }
}

/// Flags that make any statement a write.
const WRITES: Flags = Flags(
    Flags::INTO_FILE.0 | Flags::LOCKING_READ.0 | Flags::NAMED_LOCK.0 | Flags::UNKNOWN_FUNCTION.0 | Flags::NEXTVAL.0,
);

fn access(opening: &Opening, tokens: &[Token<'_>], flags: Flags) -> Access {
    let reads = match opening.verb {
        Verb::Explain if opening.runs => {
            matches!(tokens.get(opening.at), Some(token) if token.is_word("select") || token.is_punct(b'('))
        }
        Verb::Select | Verb::Values | Verb::TableStmt | Verb::Show(_) | Verb::Describe | Verb::Explain => true,
        Verb::Begin | Verb::StartTransaction | Verb::Commit | Verb::Rollback => true,
        Verb::Savepoint | Verb::RollbackTo | Verb::ReleaseSavepoint => true,
        // MariaDB's SET STATEMENT .. FOR runs what follows.
        Verb::Set => !tokens.get(1).is_some_and(|token| token.is_word("statement")),
        Verb::Use | Verb::Help | Verb::GetDiagnostics | Verb::Empty => true,
        _ => false,
    };
    // EXPLAIN calls nothing, but a subquery may be run while it is planned.
    if reads && !flags.intersects(WRITES) { Access::Read } else { Access::Write }
}

/// From both manuals, "Statements That Cause an Implicit Commit".
fn implicit_commit(verb: Verb, tokens: &[Token<'_>], flags: Flags) -> bool {
    match verb {
        Verb::Create(_) | Verb::Drop(_) => !flags.contains(Flags::TEMPORARY),
        Verb::Alter(_) | Verb::Rename(_) | Verb::Truncate => true,
        Verb::Analyze | Verb::Optimize | Verb::Check | Verb::Repair => true,
        Verb::Begin | Verb::StartTransaction | Verb::Lock | Verb::Unlock | Verb::Admin(_) => true,
        Verb::Set => tokens.get(1).is_some_and(|token| token.is_word("password")),
        _ => false,
    }
}
