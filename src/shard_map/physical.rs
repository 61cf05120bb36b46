//! Tables that have another name on their servers: `as: "database.table"`.

use std::collections::HashMap;

use super::document::{Node, Position};
use super::load::NAME_CHARACTERS_MAX;
use super::problem::{Faults, Problem};
use super::{Database, GroupId, Shard, Table};

/// What a table is called on its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Physical {
    pub database: String,
    pub table: String,
}

/// Reads `as`. `None` where a fault was added.
pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Physical> {
    let text = node.text("`database.table`", faults)?;
    let sound = |name: &str| {
        !name.is_empty()
            && name.trim() == name
            && name.is_ascii()
            && name.len() <= NAME_CHARACTERS_MAX
            && !name.contains(['.', '`'])
            && !name.chars().any(char::is_control)
    };
    match text.split_once('.') {
        Some((database, table)) if sound(database) && sound(table) => {
            Some(Physical { database: database.into(), table: table.into() })
        }
        _ => {
            faults.add(node.at, Problem::BadPhysical { text: text.into() });
            None
        }
    }
}

/// A table's `as`, with the database and the name that clients use.
pub(super) struct Written {
    pub at: Position,
    pub database: String,
    pub table: String,
}

/// No two tables are one on a server.
pub(super) fn distinct(databases: &[Database], shards: &[Option<Shard>], written: &[Written], faults: &mut Faults) {
    let groups = |table: &Table| -> Vec<GroupId> {
        let group = |shard: &super::ShardId| shards[usize::from(shard.0)].as_ref().map(|shard| shard.group);
        table.shards().iter().filter_map(group).collect()
    };
    // In lower case: servers may fold the case of names.
    let mut places: HashMap<(GroupId, String, String), (&str, &str)> = HashMap::new();
    if written.is_empty() {
        return;
    }
    for database in databases {
        for (name, table) in database.tables.iter().filter(|(name, _)| database.physical(name).is_none()) {
            for group in groups(table) {
                places.insert((group, database.name.to_lowercase(), name.to_lowercase()), (&database.name, name));
            }
        }
    }
    for one in written {
        let Some(database) = databases.iter().find(|database| database.name == one.database) else { continue };
        let (Some(physical), Some(table)) = (database.physical(&one.table), database.table(&one.table)) else {
            continue;
        };
        for group in groups(table) {
            let place = (group, physical.database.to_lowercase(), physical.table.to_lowercase());
            if let Some((database, table)) = places.insert(place, (&one.database, &one.table)) {
                let other = format!("{database}.{table}").into();
                faults.add(one.at, Problem::SamePhysical { other });
                break;
            }
        }
    }
}
