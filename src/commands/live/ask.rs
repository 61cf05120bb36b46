//! The facts of every member: variables, and of the map's schemas what decides about keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{BackendAccount, Connection, Options};
use crate::commands::query::{connect, fields, text, texts};
use crate::net::timer;
use crate::shard_map::{GroupId, ShardMap, Table};

/// One member, and what it said; or why it said nothing.
#[derive(Debug)]
pub(super) struct Asked {
    pub group: GroupId,
    pub at: String,
    pub answer: Result<Server, String>,
}

#[derive(Debug)]
pub(super) struct Server {
    pub version: String,
    pub sql_mode: String,
    pub lower_case_table_names: String,
    pub max_connections: u64,
    pub read_only: bool,
    /// CONVERT_TZ knows a zone by its name.
    pub has_zones: bool,
    /// Of the collations that the map's keys have, the tables that the server weighs by another than the stored one.
    pub other_weights: Vec<&'static str>,
    pub schemas: Vec<Schema>,
}

/// A database of the map that lives on the member's group.
#[derive(Debug, Default)]
pub(super) struct Schema {
    /// Index in the map.
    pub database: usize,
    /// The default; None: there is no such schema.
    pub collation: Option<String>,
    pub tables: BTreeSet<String>,
    pub columns: Vec<Column>,
    pub uniques: Vec<Unique>,
    pub references: Vec<Reference>,
    pub triggers: Vec<Trigger>,
}

/// A column of a table on several shards.
#[derive(Debug)]
pub(super) struct Column {
    pub table: String,
    pub name: String,
    pub kind: String,
    pub collation: String,
    pub nullable: bool,
    pub extra: String,
    /// As the server shows it; empty if there is none.
    pub default: String,
}

/// One column of a unique key.
#[derive(Debug)]
pub(super) struct Unique {
    pub table: String,
    pub name: String,
    pub column: String,
}

/// One column of a foreign key.
#[derive(Debug)]
pub(super) struct Reference {
    pub table: String,
    pub name: String,
    pub column: String,
    pub to_schema: String,
    pub to_table: String,
    pub to_column: String,
}

#[derive(Debug)]
pub(super) struct Trigger {
    pub table: String,
    pub name: String,
    pub statement: String,
}

/// No question takes longer on a server that is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tables asked for at once: replies stay small.
const TABLES_MAX: usize = 200;

/// Asks every member, one after the other.
pub(super) async fn ask(map: &ShardMap, account: &Arc<BackendAccount>, options: &Options) -> Vec<Asked> {
    let mut asked = Vec::new();
    for (group, id) in map.groups.iter().zip(map.group_ids()) {
        for member in &group.members {
            let answer = timer::timeout(PATIENCE, server(&member.at, account, options, map, id)).await;
            let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
            asked.push(Asked { group: id, at: member.at.clone(), answer });
        }
    }
    asked
}

async fn server(
    at: &str,
    account: &Arc<BackendAccount>,
    options: &Options,
    map: &ShardMap,
    group: GroupId,
) -> Result<Server, String> {
    let mut lease = connect(at, account, options).await?;
    let variables = "SELECT @@version, @@global.sql_mode, @@lower_case_table_names, @@max_connections, \
                     @@global.read_only, CONVERT_TZ('2026-01-01 00:00:00', '+00:00', 'Europe/Berlin')";
    let rows = texts(&mut lease, variables).await?;
    let [version, sql_mode, lower_case, connections, read_only, zone] =
        rows.into_iter().next().and_then(|row| row.try_into().ok()).ok_or("no row of variables")?;
    let mut schemas = Vec::new();
    for (index, database) in map.databases.iter().enumerate() {
        let is_here = |shard: &crate::shard_map::ShardId| map.shard(*shard).group == group;
        if database.shards().iter().any(is_here) {
            schemas.push(schema(&mut lease, map, index).await?);
        }
    }
    let other_weights = other_weights(&mut lease, map, group).await;
    Ok(Server {
        version,
        sql_mode,
        lower_case_table_names: lower_case,
        max_connections: connections.parse().unwrap_or(0),
        read_only: !matches!(read_only.as_str(), "0" | "OFF"),
        has_zones: !zone.is_empty(),
        other_weights,
        schemas,
    })
}

/// A server that cannot be asked for a collation's weights has not got it.
async fn other_weights(connection: &mut Connection, map: &ShardMap, group: GroupId) -> Vec<&'static str> {
    let mut others = Vec::new();
    for weights in map.weights_on(group) {
        let probe = weights.probe();
        let answer = texts(connection, &probe.sql).await.unwrap_or_default();
        if answer.first().and_then(|row| row.first()) != Some(&probe.expected) {
            others.push(weights.name());
        }
    }
    others
}

async fn schema(connection: &mut Connection, map: &ShardMap, index: usize) -> Result<Schema, String> {
    let database = &map.databases[index];
    let name = text(database.name.as_bytes());
    let mut schema = Schema { database: index, ..Schema::default() };
    let sql = format!("SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = {name}");
    schema.collation = texts(connection, &sql).await?.into_iter().next().and_then(|row| row.into_iter().next());
    if schema.collation.is_none() {
        return Ok(schema);
    }
    let mut tables: Vec<&String> = database.tables.keys().collect();
    tables.sort();
    for chunk in tables.chunks(TABLES_MAX) {
        let list: Vec<String> = chunk.iter().map(|table| text(table.as_bytes())).collect();
        let of = |name_of_schema: &str, name_of_table: &str| {
            format!("{name_of_schema} = {name} AND {name_of_table} IN ({})", list.join(", "))
        };
        let here = of("table_schema", "table_name");
        let sql = format!("SELECT table_name FROM information_schema.tables WHERE {here}");
        schema.tables.extend(texts(connection, &sql).await?.into_iter().flatten());
        let sql = format!(
            "SELECT table_name, index_name, column_name FROM information_schema.statistics WHERE {here} AND non_unique = 0 \
             ORDER BY table_name, index_name, seq_in_index"
        );
        for row in texts(connection, &sql).await? {
            let [table, name, column] = fields(row)?;
            schema.uniques.push(Unique { table, name, column });
        }
        let sql = format!(
            "SELECT table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name, \
             referenced_column_name FROM information_schema.key_column_usage WHERE {here} AND referenced_table_name IS NOT \
             NULL ORDER BY table_name, constraint_name, ordinal_position"
        );
        for row in texts(connection, &sql).await? {
            let [table, name, column, to_schema, to_table, to_column] = fields(row)?;
            schema.references.push(Reference { table, name, column, to_schema, to_table, to_column });
        }
    }
    let shared: Vec<&&String> =
        tables.iter().filter(|table| !matches!(database.tables[**table], Table::Vertical(_))).collect();
    for chunk in shared.chunks(TABLES_MAX) {
        let list: Vec<String> = chunk.iter().map(|table| text(table.as_bytes())).collect();
        let list = list.join(", ");
        let sql = format!(
            "SELECT table_name, column_name, column_type, collation_name, is_nullable, extra, column_default FROM \
             information_schema.columns WHERE table_schema = {name} AND table_name IN ({list}) \
             ORDER BY table_name, ordinal_position"
        );
        for row in texts(connection, &sql).await? {
            let [table, name, kind, collation, nullable, extra, default] = fields(row)?;
            schema.columns.push(Column { table, name, kind, collation, nullable: nullable == "YES", extra, default });
        }
        let sql = format!(
            "SELECT event_object_table, trigger_name, action_statement FROM information_schema.triggers WHERE \
             event_object_schema = {name} AND event_object_table IN ({list}) AND action_timing = 'BEFORE'"
        );
        for row in texts(connection, &sql).await? {
            let [table, name, statement] = fields(row)?;
            schema.triggers.push(Trigger { table, name, statement });
        }
    }
    Ok(schema)
}
