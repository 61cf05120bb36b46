//! Whether the copies of tables that are everywhere have the same columns. Pure.

use super::ask::{Asked, Column};
use crate::shard_map::{ShardMap, Table};

/// The tables of a database whose copies differ: name, and what is wrong.
pub(super) fn unlike(map: &ShardMap, database: usize, asked: &[Asked]) -> Vec<(String, String)> {
    let name = &map.databases[database].name;
    let mut found = Vec::new();
    for (table, place) in &map.databases[database].tables {
        let Table::Everywhere(copies) = place else { continue };
        if map.databases[database].physical(table).is_some() {
            continue;
        }
        let here = asked.iter().filter(|one| copies.on().iter().any(|shard| map.shard(*shard).group == one.group));
        let mut first: Option<(&str, Vec<String>)> = None;
        for one in here {
            let Ok(server) = &one.answer else { continue };
            let Some(schema) = server.schemas.iter().find(|schema| schema.database == database) else { continue };
            let columns: Vec<String> =
                schema.columns.iter().filter(|column| column.table == *table).map(shown).collect();
            if columns.is_empty() {
                // It is missed by itself.
                continue;
            }
            let Some((other, expected)) = &first else {
                first = Some((&one.at, columns));
                continue;
            };
            let count = columns.len().max(expected.len());
            let at = |columns: &[String], index: usize| columns.get(index).map_or("none", String::as_str).to_owned();
            if let Some(index) = (0..count).find(|index| columns.get(*index) != expected.get(*index)) {
                let text = format!(
                    "column {} of {name}.{table} is {} on server {} and {} on {other}; one statement would mean two \
                     things: make the copies alike",
                    index + 1,
                    at(&columns, index),
                    one.at,
                    at(expected, index)
                );
                found.push((table.clone(), text));
            }
        }
    }
    found
}

/// A column as far as it decides what a statement means.
fn shown(column: &Column) -> String {
    let collation = if column.collation.is_empty() { String::new() } else { format!(" collate {}", column.collation) };
    let null = if column.nullable { "" } else { " not null" };
    format!("`{}` {}{collation}{null}", column.name, column.kind)
}
