//! Hints: which shard a client sends its statement to, by a comment of the statement, by a query attribute of its command
//! or by a variable of its session.
//!
//! They are asked in this order, from the nearest to the statement. What a hinted statement may do there is decided by
//! `place/hinted.rs`.

use super::Refusal;
use super::refusal::list;
use crate::shard_map::{ShardId, ShardMap};
use crate::sql::{HintFault, Scratch, hinted_shard};
use crate::telemetry::RefusalKind;

/// The shard that a statement goes to, whatever its tables say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    pub shard: ShardId,
    pub by: HintBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HintBy {
    /// A comment, or a query attribute of its command: of this statement, which has to be one that a shard can answer.
    Statement,
    /// `SET meridian_shard`: of all statements that a shard can answer.
    Session,
}

/// Why a statement is not sent where its hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintRefusal {
    Fault(HintFault),
    /// The map has no such shard, or none of a database that the account may use.
    UnknownShard {
        shard: Box<str>,
        known: Vec<Box<str>>,
    },
    /// No shard answers such a statement.
    Session,
    /// Nothing of the table lives on the hinted shard.
    Table {
        table: Box<str>,
        shard: Box<str>,
        shards: Vec<Box<str>>,
    },
    /// Nothing of the database does.
    Database {
        database: Box<str>,
        shard: Box<str>,
        shards: Vec<Box<str>>,
    },
    /// A row is to be stored on the hinted shard whose key lives on another.
    Key {
        table: Box<str>,
        shard: Box<str>,
        home: Box<str>,
    },
    /// `@@meridian_shard` inside of something else.
    Variable,
}

impl Hint {
    /// The hint of a comment of a scanned statement, or else the one that was given `beside` it.
    ///
    /// `hosts` says of a shard whether a database that the account may use lives on it.
    pub fn of(
        map: &ShardMap,
        text: &[u8],
        scratch: &Scratch,
        beside: Option<(&str, HintBy)>,
        hosts: &dyn Fn(ShardId) -> bool,
    ) -> Result<Option<Hint>, Refusal> {
        let comment = hinted_shard(text, scratch).map_err(|fault| Refusal::Hint(HintRefusal::Fault(fault)))?;
        let Some((name, by)) = comment.map(|name| (name, HintBy::Statement)).or(beside) else {
            return Ok(None);
        };
        Ok(Some(Hint { shard: named(map, name, hosts)?, by }))
    }
}

/// The shard of that name, if `hosts` says that something of it may be used.
pub fn named(map: &ShardMap, name: &str, hosts: &dyn Fn(ShardId) -> bool) -> Result<ShardId, Refusal> {
    map.shard_named(name).filter(|shard| hosts(*shard)).ok_or_else(|| {
        let known = map.shard_ids().filter(|shard| hosts(*shard)).map(|shard| map.shard(shard).name.as_str().into());
        Refusal::Hint(HintRefusal::UnknownShard { shard: name.into(), known: known.collect() })
    })
}

impl HintRefusal {
    pub(super) fn number(&self) -> (u16, &'static str) {
        match self {
            HintRefusal::Fault(_) => (1064, "42000"),
            _ => (1235, "42000"),
        }
    }

    pub(super) fn kind(&self) -> RefusalKind {
        match self {
            HintRefusal::Fault(_) => RefusalKind::Unreadable,
            HintRefusal::UnknownShard { .. } => RefusalKind::Name,
            HintRefusal::Session | HintRefusal::Variable => RefusalKind::Construct,
            HintRefusal::Table { .. } | HintRefusal::Database { .. } => RefusalKind::Shards,
            HintRefusal::Key { .. } => RefusalKind::Key,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            HintRefusal::Fault(fault) => fault.to_string(),
            HintRefusal::UnknownShard { shard, known } => {
                let shard: String = shard.chars().take(64).collect();
                match known.is_empty() {
                    true => format!("the hint names shard `{shard}`, and this account may use none"),
                    false => format!("the hint names shard `{shard}`; this account may use {}", list(known)),
                }
            }
            HintRefusal::Session => {
                "the hint names a shard, and this statement is about the session, not for a shard; leave \
                                     the hint out"
                    .into()
            }
            HintRefusal::Table { table, shard, shards } => format!(
                "the hint names shard {shard}, and {table} lives on {}; hint to one of these, or leave the hint out",
                list(shards)
            ),
            HintRefusal::Database { database, shard, shards } => format!(
                "the hint names shard {shard}, and database {database} lives on {}; hint to one of these, or leave the \
                 hint out",
                list(shards)
            ),
            HintRefusal::Key { table, shard, home } => format!(
                "the hint names shard {shard}, and the key of a row to be stored in {table} lives on {home}; leave the \
                 hint out, so that the row goes where its key is looked for"
            ),
            HintRefusal::Variable => "@@meridian_shard is answered alone: SELECT @@meridian_shard".into(),
        }
    }
}
