//! Reads a normalized statement by MySQL's clauses: which tables it names, and which conditions restrict them.
//!
//! Never fails: what is not understood makes the shape unsure. It knows no map and no values.

mod condition;
mod from;
mod insert;
mod level;
mod operand;
mod other;
mod outputs;
mod predicate;
mod query;
mod reader;
mod schema;
mod shape;
mod temporal;
mod write;

pub use level::{Derived, Part, Reference, Seen};
pub use outputs::Output;
pub use reader::{Reader, Tok, toks};
pub use shape::{
    Column, Condition, Given, Insert, InsertSource, Merged, Occurrence, Role, Selected, Shape, Test, is_named,
    may_be_named,
};

use super::{Construct, View};

/// What a statement is about, besides the tables of its shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Subject {
    /// The tables of the shape; none at all is a statement without a table.
    #[default]
    Tables,
    Control,
    /// Any server can answer: SHOW VARIABLES.
    AnyServer,
    ShowDatabases,
    /// Without a view that there is.
    ShowMeridian(Option<View>),
    ShowTables(Option<Box<str>>),
    ShowCreateDatabase(Box<str>),
    /// Listings that each server answers for itself: SHOW TABLE STATUS [FROM database].
    PerServer {
        what: Box<str>,
        database: Option<Box<str>>,
    },
    /// Lives on a shard that the map does not name.
    Homeless {
        construct: Construct,
        database: Option<Box<str>>,
        name: Box<str>,
    },
    Admin(Box<str>),
}

/// Reads one statement.
pub fn read(toks: Vec<Tok>, returning_reserved: bool) -> (Subject, Shape, Reader) {
    let mut reader = Reader::new(toks, returning_reserved);
    let subject = reader.statement();
    if subject == Subject::Tables && !reader.at_end() {
        reader.unsure();
    }
    let shape = std::mem::take(&mut reader.shape);
    (subject, shape, reader)
}

const CONTROL: &[&str] =
    &["COMMIT", "ROLLBACK", "SAVEPOINT", "XA", "USE", "KILL", "PREPARE", "EXECUTE", "DEALLOCATE", "UNLOCK", "RELEASE"];

const ADMIN: &[&str] = &[
    "GRANT",
    "REVOKE",
    "FLUSH",
    "SHUTDOWN",
    "CHANGE",
    "RESET",
    "PURGE",
    "START",
    "STOP",
    "INSTALL",
    "UNINSTALL",
    "RESTART",
    "BACKUP",
    "BINLOG",
    "CLONE",
    "IMPORT",
    "CACHE",
];

impl Reader {
    /// A whole statement; EXPLAIN and others call it for the statement inside.
    pub fn statement(&mut self) -> Subject {
        let Some(word) = self.word(self.at).map(str::to_owned) else {
            if self.is_op(self.at, "(") {
                self.query();
            } else if !self.at_end() {
                self.unsure();
            }
            return Subject::Tables;
        };
        match &*word {
            "SELECT" | "VALUES" | "TABLE" => {
                self.query();
            }
            "WITH" => self.with_statement(),
            "INSERT" | "REPLACE" => self.insert(),
            "UPDATE" => self.update(),
            "DELETE" => self.delete(),
            "EXPLAIN" | "DESCRIBE" | "DESC" => return self.describe(),
            "ANALYZE" | "OPTIMIZE" | "CHECK" | "REPAIR" | "CHECKSUM" => return self.maintenance(),
            "SHOW" => return self.show(),
            "CREATE" | "ALTER" | "DROP" | "RENAME" | "TRUNCATE" => return self.schema(),
            "SET" => return self.set(),
            "LOCK" => return self.lock(),
            "LOAD" => self.load(),
            "HANDLER" => self.handler(),
            "CALL" => return self.call(),
            "DO" => {
                self.at += 1;
                self.scan(&[], false);
            }
            "BEGIN" if !self.is_word(self.at + 1, "NOT") => return Subject::Control,
            "START" if self.is_word(self.at + 1, "TRANSACTION") => return Subject::Control,
            "HELP" => return Subject::AnyServer,
            "SIGNAL" | "RESIGNAL" | "GET" => {
                self.at += 1;
                self.scan(&["FROM"], false);
            }
            word if CONTROL.contains(&word) => return Subject::Control,
            word if ADMIN.contains(&word) => return Subject::Admin(self.verb(2)),
            _ => self.unsure(),
        }
        Subject::Tables
    }

    fn with_statement(&mut self) {
        self.with_clause();
        match self.word(self.at) {
            Some("UPDATE") => self.update(),
            Some("DELETE") => self.delete(),
            _ => {
                self.query_body();
            }
        }
    }

    /// The first words from here, for a refusal.
    pub fn verb(&self, words: usize) -> Box<str> {
        let mut text = String::new();
        for at in self.at..self.at + words {
            let Some(word) = self.word(at) else { break };
            if !text.is_empty() {
                text.push(' ');
            }
            text.extend(word.chars().take(32));
        }
        text.into()
    }
}
