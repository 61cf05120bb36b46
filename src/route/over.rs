//! The shards of a statement as far as they are served: one, or several whose rows together are the answer.

use super::{Route, Shards, Values, route, split_of};
use crate::plan::{Concatenation, Obstacle, Refusal, Statement, Tables};
use crate::shard_map::{ShardId, ShardMap};
use crate::sql::{Access, Dialect, Verb};

/// The client's own text, in which a refusal names a place.
#[derive(Debug, Clone, Copy)]
pub struct ClientText<'a> {
    pub text: &'a [u8],
    pub dialect: &'a Dialect,
}

/// As [`route`], but several shards only for a statement that they can answer; a refusal for want of a key names what
/// stands in the way of that.
#[inline]
pub fn served(
    statement: &Statement,
    tables: &Tables,
    map: &ShardMap,
    values: &impl Values,
    client: ClientText<'_>,
) -> Result<Shards, Refusal> {
    match route(tables, map, values) {
        Ok(Route { shards: Shards::One(shard) }) => Ok(Shards::One(shard)),
        Ok(Route { shards: Shards::Several(shards) }) => match &statement.concatenation {
            Concatenation::Yes => match scatter_refused(tables, map, &shards) {
                None => Ok(Shards::Several(shards)),
                Some(refusal) => Err(refusal),
            },
            Concatenation::No(obstacle) => Err(together(obstacle, &names(map, &shards), client)),
            Concatenation::NotAsked | Concatenation::OtherName(_) => Err(Refusal::Apart { places: Vec::new() }),
        },
        Err(refusal) => Err(named(refusal, statement, client)),
    }
}

/// The refusal of a read of these shards, if the map refuses it of one of the tables.
#[cold]
pub(super) fn scatter_refused(tables: &Tables, map: &ShardMap, shards: &[ShardId]) -> Option<Refusal> {
    tables.keyed.iter().find_map(|keyed| {
        let split = split_of(map, &keyed.table).filter(|split| split.refuses_scatter)?;
        let (table, key) = (keyed.table.name.clone(), split.key.name().into());
        Some(Refusal::Scatter { table, key, shards: names(map, shards) })
    })
}

/// A read that has no key of one shard: why it needs one.
#[cold]
pub(super) fn named(refusal: Refusal, statement: &Statement, client: ClientText<'_>) -> Refusal {
    let obstacle = match &statement.concatenation {
        Concatenation::No(obstacle) => obstacle,
        Concatenation::OtherName(table) if matches!(refusal, Refusal::NoKey { .. } | Refusal::KeysApart { .. }) => {
            return Refusal::OtherName {
                table: table.clone(),
                what: "a read of several shards (give keys of one)".into(),
            };
        }
        _ => return refusal,
    };
    match refusal {
        _ if statement.facts.access != Access::Read && statement.facts.verb != Verb::Select => refusal,
        Refusal::NoKey { shards, .. } => together(obstacle, &shards, client),
        Refusal::KeysApart { first, second, .. } => together(obstacle, &[first, second], client),
        refusal => refusal,
    }
}

fn names(map: &ShardMap, shards: &[ShardId]) -> Vec<Box<str>> {
    shards.iter().map(|shard| super::name(map, *shard)).collect()
}

#[cold]
fn together(obstacle: &Obstacle, shards: &[Box<str>], client: ClientText<'_>) -> Refusal {
    obstacle.refusal(shards, client.text, client.dialect)
}
