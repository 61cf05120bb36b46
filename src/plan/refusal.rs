//! What Meridian will not do for a client, and the one table that turns it into a MySQL error.
//!
//! Variants hold facts (names, forms), never sentences. A message names the construct and the way out,
//! begins with `Meridian: ` and fits MySQL's 512 bytes of an error message.

use std::fmt::Write;

use super::HintRefusal;
use super::concat::{JOIN, KEEPS_SPLIT};
use crate::shard_map::KeyType;
use crate::telemetry::RefusalKind;

/// A statement, or its values, that will not be routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// An unqualified table name, and the session has no database.
    NoDatabase,
    UnknownDatabase {
        database: Box<str>,
    },
    /// The map does not list the table and its database says `unlisted: refuse`.
    Unlisted {
        database: Box<str>,
        table: Box<str>,
    },
    /// The map lists the table under a name that differs in case only.
    OtherCase {
        database: Box<str>,
        table: Box<str>,
        listed: Box<str>,
    },
    /// A split table without a usable condition on its key.
    NoKey {
        table: Box<str>,
        key: Box<str>,
        shards: Vec<Box<str>>,
    },
    /// Tables, or keys of tables, that live on different shards.
    Apart {
        places: Vec<(Box<str>, Box<str>)>,
    },
    /// A read of several shards whose answer is more than the rows of each. `at`: the byte of the client's text.
    Together {
        shards: Vec<Box<str>>,
        construct: Box<str>,
        near: Box<str>,
        at: Option<usize>,
    },
    /// A read of several shards of a table of which the map says `scatter: refuse`.
    Scatter {
        table: Box<str>,
        key: Box<str>,
        shards: Vec<Box<str>>,
    },
    /// An IN list whose keys live on different shards.
    KeysApart {
        table: Box<str>,
        key: Box<str>,
        first: Box<str>,
        second: Box<str>,
    },
    /// A multi-row INSERT whose rows live on different shards.
    RowsApart {
        table: Box<str>,
        first: Box<str>,
        second: Box<str>,
    },
    /// A key in a WHERE or ON whose comparison with the column is not one of docs/keys.md.
    ReadForm {
        table: Box<str>,
        key: Box<str>,
        kind: KeyType,
        form: Form,
    },
    /// A key that is to be stored and is not an exact value of the column's type.
    WrittenForm {
        table: Box<str>,
        key: Box<str>,
        kind: KeyType,
        form: Form,
    },
    /// An INSERT that names a column of the key twice.
    ColumnTwice {
        table: Box<str>,
        key: Box<str>,
    },
    /// An INSERT into a split table that does not name its columns.
    Columns {
        table: Box<str>,
        key: Box<str>,
    },
    /// An INSERT into a split table from a SELECT, or LOAD DATA.
    Source {
        table: Box<str>,
        source: Construct,
    },
    /// An INSERT into a split table from a SELECT whose rows' shard is not certain.
    Selected {
        table: Box<str>,
        key: Box<str>,
        doubt: SelectDoubt,
    },
    /// An UPDATE, or ON DUPLICATE KEY UPDATE, that gives the key something else than a literal.
    KeyAssigned {
        table: Box<str>,
        key: Box<str>,
        construct: Construct,
    },
    /// An UPDATE, or ON DUPLICATE KEY UPDATE, of some columns of a key: the rest of it does not say where the row belongs then.
    KeyMayMove {
        table: Box<str>,
        key: Box<str>,
    },
    /// The same, of a key that lives on another shard.
    KeyMoved {
        table: Box<str>,
        key: Box<str>,
        from: Box<str>,
        to: Box<str>,
    },
    /// FOR PORTION OF: the rows that it stores of what is left may get another key.
    Portion {
        table: Box<str>,
        key: Box<str>,
    },
    /// What would change, or lock, one copy of a table that is everywhere.
    CopyChanged {
        table: Box<str>,
        construct: Construct,
        shards: Vec<Box<str>>,
    },
    /// A table that is everywhere, but not on the shard where the rest of the statement is.
    NoCopy {
        table: Box<str>,
        shard: Box<str>,
        copies: Vec<Box<str>>,
    },
    /// What a table is called on its servers, and clients know by another name.
    NameThere {
        name: Box<str>,
        table: Box<str>,
        database: Box<str>,
    },
    /// What would show, or would not find, the name that a table has on its servers.
    OtherName {
        table: Box<str>,
        what: Box<str>,
    },
    /// A definition of a split table.
    SplitSchema {
        table: Box<str>,
        construct: Construct,
    },
    /// Administration of a server, by its verb.
    /// SHOW MERIDIAN without a word that there is.
    NoView,
    Admin {
        verb: Box<str>,
    },
    /// A schema of the server itself, or a listing of one, where several servers have each their own.
    PerServer {
        what: Box<str>,
    },
    /// Something that lives on one shard without the map knowing which.
    Homeless {
        construct: Construct,
        name: Box<str>,
    },
    /// A named lock beside tables that are not on the shard of the named locks.
    LocksElsewhere {
        shard: Box<str>,
    },
    /// Under a hint.
    Hint(HintRefusal),
    /// The statement could not be read with certainty.
    Unreadable {
        near: Box<str>,
    },
}

/// Constructs that a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Construct {
    InsertSelect,
    CreateSelect,
    ExchangePartition,
    LoadData,
    Insert,
    Update,
    /// It may be of any of several tables.
    UnqualifiedUpdate,
    Delete,
    LockingRead,
    OnDuplicateKey,
    Definition,
    LockTables,
    Maintenance,
    Handler,
    Routine,
    Function,
    Sequence,
    Listing,
}

/// Why it is not certain where the rows of a query live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectDoubt {
    /// Not one SELECT: a set operation, WITH, TABLE, parentheses; or WITH ROLLUP.
    Query,
    /// `*` stands before the key.
    Star,
    Expression,
    /// The key is taken from a column that is no key of a table split alike.
    Column,
    /// The columns of the key are taken from several rows, or from a row and literals.
    Rows,
    OuterJoin,
    Aggregate,
}

/// The form in which a key was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Missing,
    Null,
    Default,
    Expression,
    Decimal,
    Float,
    /// A string that is no plain integer.
    Text,
    /// A string that is not in the one spelling of its type that is read.
    Spelling,
    /// A number, where the key is none.
    Number,
    /// More digits behind the point than the column has.
    Digits,
    /// Text that is longer than any VARCHAR.
    Long,
    /// Text in a charset that is not known, or that the column has not.
    Charset,
    /// A local time while the session's time zone is not known to be a fixed offset.
    Zone,
    /// The statement's time, and it is not known.
    Clock,
    /// The time at which a function is called.
    Called,
    Other,
    OutOfRange,
    /// In a list, an integer out of the column's range that a server may take for one within.
    Beyond,
    /// Stored, where AUTO_INCREMENT may replace it.
    Zero,
    /// Inside the type, below the first bound of the map.
    Below,
}

/// The way out where one shard can answer by itself.
const BY_HINT: &str = "send it to one shard by a hint, /* meridian: shard=NAME */";

impl Refusal {
    /// MySQL error number, SQLSTATE and text.
    pub fn error(&self) -> (u16, &'static str, String) {
        let (code, state) = self.number();
        (code, state, format!("Meridian: {}", self.text()))
    }

    /// 1235 (ER_NOT_SUPPORTED_YET) unless MySQL has a number of its own for the fact.
    fn number(&self) -> (u16, &'static str) {
        match self {
            Refusal::NoDatabase => (1046, "3D000"),
            Refusal::UnknownDatabase { .. } => (1049, "42000"),
            Refusal::Unlisted { .. } | Refusal::OtherCase { .. } => (1146, "42S02"),
            Refusal::Admin { .. } => (1227, "42000"),
            Refusal::NoView => (1064, "42000"),
            Refusal::ColumnTwice { .. } => (1110, "42000"),
            Refusal::Hint(refusal) => refusal.number(),
            Refusal::NoKey { .. }
            | Refusal::Apart { .. }
            | Refusal::Together { .. }
            | Refusal::Scatter { .. }
            | Refusal::KeysApart { .. }
            | Refusal::RowsApart { .. }
            | Refusal::ReadForm { .. }
            | Refusal::WrittenForm { .. }
            | Refusal::Columns { .. }
            | Refusal::Source { .. }
            | Refusal::Selected { .. }
            | Refusal::KeyAssigned { .. }
            | Refusal::KeyMayMove { .. }
            | Refusal::KeyMoved { .. }
            | Refusal::Portion { .. }
            | Refusal::OtherName { .. }
            | Refusal::NameThere { .. }
            | Refusal::CopyChanged { .. }
            | Refusal::NoCopy { .. }
            | Refusal::SplitSchema { .. }
            | Refusal::PerServer { .. }
            | Refusal::Homeless { .. }
            | Refusal::LocksElsewhere { .. } => (1235, "42000"),
            // Most of them are typos, and clients take it for one.
            Refusal::Unreadable { .. } => (1064, "42000"),
        }
    }

    /// As which it is counted.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Refusal::NoDatabase
            | Refusal::UnknownDatabase { .. }
            | Refusal::Unlisted { .. }
            | Refusal::OtherCase { .. } => RefusalKind::Name,
            Refusal::NoKey { .. }
            | Refusal::Apart { .. }
            | Refusal::Together { .. }
            | Refusal::Scatter { .. }
            | Refusal::KeysApart { .. }
            | Refusal::RowsApart { .. }
            | Refusal::NoCopy { .. } => RefusalKind::Shards,
            Refusal::ReadForm { .. }
            | Refusal::WrittenForm { .. }
            | Refusal::Columns { .. }
            | Refusal::KeyAssigned { .. }
            | Refusal::KeyMayMove { .. }
            | Refusal::KeyMoved { .. }
            | Refusal::ColumnTwice { .. }
            | Refusal::Portion { .. } => RefusalKind::Key,
            Refusal::LocksElsewhere { .. } => RefusalKind::Shards,
            Refusal::Hint(refusal) => refusal.kind(),
            Refusal::NoView => RefusalKind::Unreadable,
            Refusal::Admin { .. } | Refusal::PerServer { .. } => RefusalKind::Server,
            Refusal::Source { .. }
            | Refusal::Selected { .. }
            | Refusal::OtherName { .. }
            | Refusal::NameThere { .. }
            | Refusal::CopyChanged { .. }
            | Refusal::SplitSchema { .. }
            | Refusal::Homeless { .. } => RefusalKind::Construct,
            Refusal::Unreadable { .. } => RefusalKind::Unreadable,
        }
    }

    fn text(&self) -> String {
        match self {
            Refusal::NoDatabase => "no database selected; USE one, or write database.table".into(),
            Refusal::UnknownDatabase { database } => {
                format!("unknown database `{database}`; the shard map's databases are listed by SHOW DATABASES")
            }
            Refusal::Unlisted { database, table } => format!(
                "table {database}.{table} is not in the shard map; add it under databases.{database}.tables, or \
                 give databases.{database}.unlisted a shard"
            ),
            Refusal::OtherCase { database, table, listed } => format!(
                "table {database}.{table} is not in the shard map, which has {database}.{listed}; write the name \
                 as the map does, or list both"
            ),
            Refusal::NoKey { table, key, shards } => format!(
                "this statement needs rows of shards {} ({table}: no equality on its key `{key}` found); add \
                 `{key} = ...` or `{key} IN (...)` with keys of one shard, or {BY_HINT}",
                list(shards)
            ),
            Refusal::Apart { places } => format!(
                "this statement needs rows of several shards in one place ({}), which is not served yet: run one \
                 statement per shard",
                places_text(places)
            ),
            Refusal::Together { shards, construct, near, at } => {
                let place = at.map_or(String::new(), |at| format!(", at byte {at}"));
                format!(
                    "this statement needs rows of shards {}, and {construct} (near `{near}`{place}) needs them in one \
                     place, which is not served yet; {}, give keys of one shard, or send it to one shard by a \
                     hint, /* meridian: shard=NAME */",
                    list(shards),
                    match &**construct {
                        JOIN => "join by the keys of tables that are split alike, as `a.key = b.key`",
                        KEEPS_SPLIT => "write it as a LEFT JOIN, from the table whose rows are kept",
                        _ => "leave it out",
                    }
                )
            }
            Refusal::Scatter { table, key, shards } => format!(
                "this statement reads shards {}, and the shard map says `scatter: refuse` of {table}; add `{key} = ...` or \
                 `{key} IN (...)` with keys of one shard, or {BY_HINT}",
                list(shards)
            ),
            Refusal::KeysApart { table, key, first, second } => format!(
                "the keys given for {table}.{key} live on shards {first} and {second}; give keys of one shard, \
                 in one statement per shard"
            ),
            Refusal::RowsApart { table, first, second } => format!(
                "rows of this INSERT into {table} live on shards {first} and {second}; insert the rows of each \
                 shard by a statement of their own"
            ),
            Refusal::ReadForm { table, key, kind, form } => format!(
                "{table}.{key} is compared with {}, which does not name one shard; compare it with {}",
                form.named(),
                kind.example()
            ),
            Refusal::WrittenForm { table, key, form: Form::Below, .. } => format!(
                "the shard map gives this value of sharding key {table}.{key} to no shard; give it one there: a range from below \
                 it, a list with it, or `else`"
            ),
            Refusal::WrittenForm { table, key, kind, form } => format!(
                "sharding key {table}.{key} must be given as {} of its column's type, and it is {}{}",
                kind.example(),
                form.named(),
                match (form, kind) {
                    (Form::Missing | Form::Default | Form::Null, KeyType::Integer(_)) => {
                        "; name the column and give its value (AUTO_INCREMENT on a split table is not served yet)"
                    }
                    (
                        Form::Missing | Form::Default | Form::Null,
                        KeyType::Date | KeyType::DateTime { .. } | KeyType::Timestamp { .. },
                    ) => {
                        "; name the column and give its value, NOW() or CURDATE() for instance (its DEFAULT is not known here)"
                    }
                    (Form::Called, _) => "; write NOW()",
                    (Form::Clock, _) => "; SET timestamp to whole seconds or to DEFAULT, or write the value itself",
                    (Form::Missing | Form::Default | Form::Null, _) => "; name the column and give its value",
                    (Form::Charset, _) => "; SET NAMES utf8mb4 first",
                    (Form::Zone, _) => "; SET time_zone = '+00:00', or another offset, first",
                    (_, KeyType::Integer(_)) => "; write the integer itself",
                    _ => "; write the value itself",
                }
            ),
            Refusal::ColumnTwice { table, key } => {
                format!("column {table}.{key}, the sharding key, is specified twice; name it once")
            }
            Refusal::Columns { table, key } => format!(
                "INSERT into split table {table} must name its columns, so that its key `{key}` can be found; \
                 write INSERT INTO {table} (..., {key}, ...) VALUES ..."
            ),
            Refusal::Source { table, source } => format!(
                "{} into split table {table} is not served yet; insert its rows by INSERT ... VALUES",
                source.named()
            ),
            Refusal::Selected { table, key, doubt } => format!(
                "INSERT ... SELECT into split table {table}: {}, so it is not certain where its rows live; select for \
                 `{key}` a literal, or the key of a table that is split alike, under an equality on that key",
                doubt.named()
            ),
            Refusal::KeyAssigned { table, key, construct } => format!(
                "{} gives sharding key {table}.{key} something else than a literal, and the row may belong on another \
                 shard then; write the key as a literal that lives on the same shard, or insert the row anew and \
                 delete it here",
                construct.named()
            ),
            Refusal::KeyMayMove { table, key } => format!(
                "the columns of sharding key {table}.{key} that are given do not say for certain that the row stays on its \
                 shard; give all of them: in an UPDATE as literals (an equality in WHERE does for one that stays), in ON \
                 DUPLICATE KEY UPDATE as VALUES(column)"
            ),
            Refusal::KeyMoved { table, key, from, to } => format!(
                "the new value of sharding key {table}.{key} lives on shard {to}, and the row on {from}; insert it there \
                 and delete it here"
            ),
            Refusal::Portion { table, key } => format!(
                "FOR PORTION OF stores what is left of each row of split table {table} anew, and sharding key {table}.{key} may be \
                 another one then (AUTO_INCREMENT gives a new one, and a column of the period changes); insert the rows that \
                 are to be left, with their keys, and UPDATE or DELETE without FOR PORTION OF"
            ),
            Refusal::NameThere { name, table, database } => {
                format!(
                    "{name} is what {database}.{table} is called on its servers (`as` in the shard map); write {database}.{table}"
                )
            }
            Refusal::OtherName { table, what } => format!(
                "{table} has another name on its servers (`as` in the shard map), and {what} cannot be written with it yet; \
                 write it in a plainer form, or run it on the server itself"
            ),
            Refusal::CopyChanged { table, construct, shards } => format!(
                "{}: {table} has a copy on each of shards {}, and they are not changed together yet; {}change one copy \
                 after the other by a hint, /* meridian: shard=NAME */",
                construct.named(),
                list(shards),
                match construct {
                    Construct::LockingRead => "read it without a lock, or ",
                    Construct::UnqualifiedUpdate => "write the table before each column if another one is meant, or ",
                    _ => "",
                }
            ),
            Refusal::NoCopy { table, shard, copies } => format!(
                "this statement needs rows of shard {shard}, which has no copy of {table} (copies on {}); add \
                 {shard} to its `everywhere` in the shard map, or read them by two statements",
                list(copies)
            ),
            Refusal::SplitSchema { table, construct } => {
                format!(
                    "{} of split table {table} is not served yet; {BY_HINT}, on each of its shards",
                    construct.named()
                )
            }
            Refusal::NoView => {
                let words = super::View::ALL.map(|view| view.word().into());
                format!("SHOW MERIDIAN shows {}, and nothing else behind the word", list(&words))
            }
            Refusal::Admin { verb } => {
                format!("{verb} administers one server and is not passed on; connect to that server and run it there")
            }
            Refusal::PerServer { what } => {
                format!("{what} differs from server to server and this database lives on several; {BY_HINT}")
            }
            Refusal::Homeless { construct, name } => format!(
                "{} {name}: the shard map does not say on which shard it lives; {BY_HINT}, or \
                 use a database whose tables live on one shard",
                construct.named()
            ),
            Refusal::LocksElsewhere { shard } => format!(
                "named locks live on shard {shard}, and this statement's tables on another; take the lock by a statement of \
                 its own: SELECT GET_LOCK(...)"
            ),
            Refusal::Hint(refusal) => refusal.text(),
            Refusal::Unreadable { near } => format!(
                "cannot read this statement near `{near}` (literals shown as ?): a typo, or syntax that is not known here; \
                 the database lives on several shards, so it must be certain which tables are meant: correct it, \
                 write it in a plainer form, or (if it only reads) {BY_HINT}"
            ),
        }
    }
}

impl Construct {
    pub fn named(self) -> &'static str {
        match self {
            Construct::InsertSelect => "INSERT ... SELECT",
            Construct::CreateSelect => "CREATE TABLE ... SELECT",
            Construct::ExchangePartition => "bringing rows by ALTER TABLE",
            Construct::LoadData => "LOAD DATA",
            Construct::Insert => "INSERT or REPLACE",
            Construct::Update => "UPDATE",
            Construct::UnqualifiedUpdate => "UPDATE of a column that does not say its table",
            Construct::Delete => "DELETE",
            Construct::LockingRead => "a locking read",
            Construct::OnDuplicateKey => "ON DUPLICATE KEY UPDATE",
            Construct::Definition => "definition (CREATE, ALTER, DROP, TRUNCATE, RENAME)",
            Construct::LockTables => "LOCK TABLES",
            Construct::Maintenance => "ANALYZE, OPTIMIZE, CHECK or REPAIR",
            Construct::Handler => "HANDLER",
            Construct::Routine => "stored routine, trigger or event",
            Construct::Function => "stored or unknown function",
            Construct::Sequence => "sequence",
            Construct::Listing => "a listing of the database's tables",
        }
    }
}

impl SelectDoubt {
    fn named(self) -> &'static str {
        match self {
            SelectDoubt::Query => "its rows are not those of one SELECT without WITH, set operations and ROLLUP",
            SelectDoubt::Star => "`*` stands where its key would be looked for",
            SelectDoubt::Expression => "its key is an expression",
            SelectDoubt::Column => "its key comes from a column that is no key of a table split alike",
            SelectDoubt::Rows => "its key is put together of several rows, or of a row and literals",
            SelectDoubt::OuterJoin => "its key may be NULL by an outer join",
            SelectDoubt::Aggregate => "its key may be NULL by an aggregate without GROUP BY",
        }
    }
}

impl Form {
    pub fn named(self) -> &'static str {
        match self {
            Form::Missing => "missing",
            Form::Null => "NULL",
            Form::Default => "DEFAULT",
            Form::Expression => "an expression",
            Form::Decimal => "a decimal literal",
            Form::Float => "a floating-point value",
            Form::Text => "a string that is not a plain integer",
            Form::Spelling => "a string in another spelling",
            Form::Number => "a number",
            Form::Long => "text of more than 65,535 bytes",
            Form::Charset => "text beyond the session's or the column's character set",
            Form::Digits => "a value with more digits than the column has",
            Form::Clock => "the time of a session whose timestamp has a fraction, is no number, or is set by SET_VAR",
            Form::Called => "SYSDATE(), which is not the statement's time",
            Form::Zone => "a local time while the session's time_zone is no fixed offset",
            Form::Other => "a literal of another type",
            Form::Beyond => "an integer beyond the column's range in a list",
            Form::OutOfRange => "out of the column's range",
            Form::Zero => "0, which an AUTO_INCREMENT column replaces by a number of its own",
            Form::Below => "a key that the shard map gives to no shard",
        }
    }
}

/// `s0 and s1`, `s0, s1 and s2`; cut after eight.
pub(super) fn list(names: &[Box<str>]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().take(8).enumerate() {
        let last = index + 1 == names.len();
        text.push_str(if index == 0 {
            ""
        } else if last {
            " and "
        } else {
            ", "
        });
        text.push_str(name);
    }
    if names.len() > 8 {
        let _ = write!(text, " and {} more", names.len() - 8);
    }
    text
}

fn places_text(places: &[(Box<str>, Box<str>)]) -> String {
    let shown: Vec<Box<str>> =
        places.iter().map(|(what, shard)| format!("{what} on {shard}").into_boxed_str()).collect();
    list(&shown)
}
