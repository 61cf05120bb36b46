//! Which member of a group may answer a statement: the strictest `reads` of its tables, if it is certain to read only.

use super::place::only_reads;
use super::{TableName, Target};
use crate::shard_map::{Reads, ShardMap};
use crate::sql::{Facts, Flags};

/// What the session or the connection that ran the statement before has to say, and no other.
const OF_THE_SESSION: [Flags; 6] = [
    Flags::LAST_INSERT_ID,
    Flags::ROW_COUNT,
    Flags::FOUND_ROWS,
    Flags::CALC_FOUND_ROWS,
    Flags::DIAGNOSTICS,
    Flags::CONNECTION_ID,
];

pub(super) fn reads(map: &ShardMap, facts: &Facts, target: &Target) -> Reads {
    let Target::Tables(tables) = target else {
        return Reads::Primary;
    };
    let of_the_session = OF_THE_SESSION.iter().any(|flag| facts.flags.intersects(*flag));
    if map.reads_primary() || !only_reads(facts) || of_the_session || tables.beyond.is_some() {
        return Reads::Primary;
    }
    let named = tables.fixed.iter().map(|fixed| &fixed.table);
    let named = named.chain(tables.keyed.iter().map(|keyed| &keyed.table));
    let named = named.chain(tables.copies.iter().map(|copied| &copied.table));
    named.map(|table| of_table(map, table)).min().unwrap_or_default()
}

fn of_table(map: &ShardMap, table: &TableName) -> Reads {
    // In the place of a table, what was not understood.
    if &*table.name == "*" {
        return Reads::Primary;
    }
    map.databases.get(usize::from(table.database.0)).map_or(Reads::Primary, |database| database.reads(&table.name))
}
