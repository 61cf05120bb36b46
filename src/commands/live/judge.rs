//! What the servers' facts say against a map. Pure.

use std::collections::BTreeSet;
use std::fmt;

use super::ask::{Asked, Column, Schema, Server};
use super::copies;
use crate::shard_map::document::Position;
use crate::shard_map::{Database, Family, GroupId, KeyColumn, Positions, ShardMap, SplitTable, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Error,
    Warning,
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub at: Position,
    pub severity: Severity,
    /// What is wrong; what to do about it.
    pub text: String,
}

/// The proxies, and what all of them may open to one member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub proxies: u32,
    pub connections: u64,
}

/// Everything that is found, in the order of the map, each once.
pub(super) fn judge(map: &ShardMap, positions: &Positions, asked: &[Asked], budget: Budget) -> Vec<Finding> {
    let mut judge = Judge { map, positions, findings: BTreeSet::new() };
    for one in asked {
        let group = map.group(one.group).name.as_str();
        match &one.answer {
            Err(why) => judge.error(&["groups", group], format!("server {} was not asked: {why}", one.at)),
            Ok(server) => judge.server(one, server, group, budget),
        }
    }
    for group in map.group_ids() {
        judge.writable(group, asked);
    }
    for index in 0..map.databases.len() {
        judge.equal(index, asked);
        for (table, text) in copies::unlike(map, index, asked) {
            judge.error(&["databases", &map.databases[index].name, "tables", &table], text);
        }
    }
    judge.findings.into_iter().collect()
}

struct Judge<'a> {
    map: &'a ShardMap,
    positions: &'a Positions,
    findings: BTreeSet<Finding>,
}

impl Judge<'_> {
    fn error(&mut self, path: &[&str], text: String) {
        self.findings.insert(Finding { at: self.positions.find(path), severity: Severity::Error, text });
    }

    fn warn(&mut self, path: &[&str], text: String) {
        self.findings.insert(Finding { at: self.positions.find(path), severity: Severity::Warning, text });
    }

    /// Of several members one is written, if all others are read-only.
    fn writable(&mut self, group: GroupId, asked: &[Asked]) {
        let members = asked.iter().filter(|one| one.group == group);
        let answers: Vec<(&str, bool)> =
            members.filter_map(|one| Some((one.at.as_str(), one.answer.as_ref().ok()?.read_only))).collect();
        if self.map.group(group).members.len() == 1 || answers.is_empty() {
            return;
        }
        let name = self.map.group(group).name.as_str();
        let writable: Vec<&str> = answers.iter().filter(|(_, read_only)| !read_only).map(|(at, _)| *at).collect();
        match writable.as_slice() {
            [_] => {}
            [] => {
                let text = format!(
                    "group {name} has no writable member; set read_only = OFF on the one that is to be written"
                );
                self.error(&["groups", name], text);
            }
            several => {
                let text = format!(
                    "group {name} has several writable members, {}; set read_only = ON on all but one",
                    several.join(", ")
                );
                self.error(&["groups", name], text);
            }
        }
    }

    fn server(&mut self, asked: &Asked, server: &Server, group: &str, budget: Budget) {
        let at = &asked.at;
        if !server.has_zones {
            let text = format!(
                "server {at} has no time zone tables: CONVERT_TZ with named zones is NULL there; load them with \
                 mysql_tzinfo_to_sql"
            );
            self.error(&["groups", group], text);
        }
        if budget.connections > server.max_connections {
            let proxies = match budget.proxies {
                1 => "one proxy".to_owned(),
                several => format!("{several} proxies"),
            };
            let connections = budget.connections;
            let text = format!(
                "server {at} allows {} connections, and {proxies} may open {connections} (limits.pool_connections_max for \
                 each backend account); raise max_connections, or lower the limit",
                server.max_connections
            );
            self.warn(&["groups", group], text);
        }
        for name in &server.other_weights {
            let text = format!(
                "server {at} has other weights for {name} than Meridian, or no such collation: texts that it calls equal \
                 could have two homes; give the key a _bin collation"
            );
            self.error(&["groups", group], text);
        }
        for schema in &server.schemas {
            let map = self.map;
            let database = &map.databases[schema.database];
            let family = if server.version.contains("MariaDB") { Family::MariaDb } else { Family::MySql };
            if family != database.family {
                let text = format!(
                    "server {at} is {} ({family}), and database {} is declared {}; write what its servers are",
                    server.version, database.name, database.family
                );
                self.error(&["databases", &database.name, "family"], text);
            }
            if schema.collation.is_none() {
                let text = format!(
                    "server {at} has no database {}, or shows none to this account; create it, and grant it",
                    database.name
                );
                self.error(&["databases", &database.name], text);
                continue;
            }
            self.tables(asked, database, schema);
        }
    }

    fn tables(&mut self, asked: &Asked, database: &Database, schema: &Schema) {
        for (name, table) in &database.tables {
            let is_everywhere = matches!(table, Table::Everywhere(_));
            let path = ["databases", &*database.name, "tables", name];
            if database.physical(name).is_some() {
                let text =
                    format!("{}.{name} has another name on its servers (`as`) and was not looked at", database.name);
                self.warn(&path, text);
                continue;
            }
            let is_here = |shard| self.map.shard(shard).group == asked.group;
            let (here, split) = match table {
                Table::Vertical(shard) => (is_here(*shard), None),
                Table::Everywhere(copies) => (copies.on().iter().any(|shard| is_here(*shard)), None),
                Table::Split(split) => (split.shards().into_iter().any(is_here), Some(split)),
            };
            if !here {
                continue;
            }
            if !schema.tables.contains(name) {
                let text = format!("server {} has no table {}.{name}; create it there", asked.at, database.name);
                match split.is_some() || is_everywhere {
                    true => self.error(&path, text),
                    false => self.warn(&path, text),
                }
                continue;
            }
            if let Some(split) = split {
                for key in split.key.columns() {
                    self.key(asked, database, schema, name, key);
                }
                self.uniques(database, schema, name, split);
            }
            self.references(asked, database, schema, name, split);
        }
    }

    /// A column of the key on one server.
    fn key(&mut self, asked: &Asked, database: &Database, schema: &Schema, table: &str, column: &KeyColumn) {
        let key = column.name.as_str();
        let path = ["databases", &*database.name, "tables", table, "key"];
        let (at, declared, defaults_to_now) = (&asked.at, column.kind.to_string(), column.defaults_to_now);
        let of = format!("{}.{table}.{key}", database.name);
        let is_key = |column: &&Column| column.table == table && column.name.eq_ignore_ascii_case(key);
        let Some(column) = schema.columns.iter().find(is_key) else {
            return self.error(&path, format!("server {at} has no column {of}; name the key as the table does"));
        };
        if !same_type(&column.kind, &column.collation, &declared) {
            let collation = if column.collation.is_empty() { "" } else { " collate " };
            let text = format!(
                "{of} is {}{collation}{} on server {at}, and {declared} in the map; write the column's type",
                column.kind, column.collation
            );
            self.error(&path, text);
        }
        if column.nullable {
            let text = format!("{of} may be NULL on server {at}: no shard is the home of NULL; make it NOT NULL");
            self.error(&path, text);
        }
        if defaults_to_now && !column.default.to_ascii_lowercase().starts_with("current_timestamp") {
            let text = format!(
                "{of} has no DEFAULT CURRENT_TIMESTAMP on server {at}: rows without it would get another key than the one that \
                 they are routed by; give it that default, or remove `default` from the key's type"
            );
            self.error(&path, text);
        }
        let extra = column.extra.to_ascii_lowercase();
        if extra.contains("auto_increment") {
            let text = format!(
                "{of} is AUTO_INCREMENT: each server counts by itself, so numbers that servers give collide and lie on \
                 any shard; give keys in every INSERT"
            );
            self.warn(&path, text);
        }
        // Not MySQL's DEFAULT_GENERATED, which an expression as default makes.
        if [" generated", "virtual", "persistent"].iter().any(|word| extra.contains(word)) {
            let text =
                format!("{of} is generated: no INSERT can name it, so rows cannot be routed; split by a stored column");
            self.warn(&path, text);
        }
        if extra.contains("on update") {
            let text = format!(
                "{of} changes by itself (ON UPDATE): its rows would be on the wrong shard then; drop that clause"
            );
            self.warn(&path, text);
        }
        for trigger in schema.triggers.iter().filter(|trigger| trigger.table == table) {
            if sets_new(&trigger.statement, key) {
                let text = format!(
                    "trigger {}.{} may set {of} behind the router's back; keep the key out of triggers",
                    database.name, trigger.name
                );
                self.warn(&path, text);
            }
        }
    }

    fn uniques(&mut self, database: &Database, schema: &Schema, table: &str, split: &SplitTable) {
        let path = ["databases", &*database.name, "tables", table];
        let key = split.key.name();
        let names: BTreeSet<&str> =
            schema.uniques.iter().filter(|one| one.table == table).map(|one| one.name.as_str()).collect();
        for name in names {
            let columns: Vec<_> = schema.uniques.iter().filter(|one| one.table == table && one.name == name).collect();
            let has = |key: &KeyColumn| columns.iter().any(|one| one.column.eq_ignore_ascii_case(&key.name));
            if !split.key.columns().all(has) {
                let text = format!(
                    "unique key {name} of {}.{table} lacks the sharding key {key}: it is unique on each shard only; add {key} \
                     to it, or make sure of it elsewhere",
                    database.name
                );
                self.warn(&path, text);
            }
        }
    }

    /// Foreign keys to tables that are on other shards, or may be for some rows.
    fn references(
        &mut self,
        asked: &Asked,
        database: &Database,
        schema: &Schema,
        table: &str,
        split: Option<&SplitTable>,
    ) {
        let path = ["databases", &*database.name, "tables", table];
        let names: BTreeSet<&str> =
            schema.references.iter().filter(|one| one.table == table).map(|one| one.name.as_str()).collect();
        for name in names {
            let columns: Vec<_> =
                schema.references.iter().filter(|one| one.table == table && one.name == name).collect();
            let to = columns[0];
            let Some(target) = self.map.database(&to.to_schema) else { continue };
            let target_table = target.tables.get(&to.to_table);
            let is_here = |shard| self.map.shard(shard).group == asked.group;
            let together = match (target_table, split) {
                (None, _) => target.unlisted.is_some_and(is_here) && split.is_none(),
                (Some(Table::Vertical(shard)), _) => {
                    is_here(*shard) && split.is_none_or(|split| split.shards().into_iter().all(is_here))
                }
                (Some(Table::Everywhere(copies)), _) => copies.on().iter().any(|shard| is_here(*shard)),
                (Some(Table::Split(_)), None) => false,
                // The same rows of both are together only if the keys are equal and split alike.
                (Some(Table::Split(other)), Some(split)) => {
                    let joined = |(own, their): (&KeyColumn, &KeyColumn)| {
                        columns.iter().any(|one| {
                            one.column.eq_ignore_ascii_case(&own.name)
                                && one.to_column.eq_ignore_ascii_case(&their.name)
                        })
                    };
                    split.is_like(other) && split.key.columns().zip(other.key.columns()).all(joined)
                }
            };
            if !together {
                let text = format!(
                    "foreign key {name} of {}.{table} points to {}.{}, whose rows may be on another shard: the servers would \
                     refuse sound rows; drop it, or put the tables together",
                    database.name, to.to_schema, to.to_table
                );
                self.warn(&path, text);
            }
        }
    }

    /// What all servers of a database must have alike.
    fn equal(&mut self, index: usize, asked: &[Asked]) {
        let database = self.map.databases[index].name.clone();
        let mut first: Option<(&str, [&str; 3])> = None;
        for one in asked {
            let Ok(server) = &one.answer else { continue };
            let Some(schema) = server.schemas.iter().find(|schema| schema.database == index) else { continue };
            let Some(collation) = &schema.collation else { continue };
            let values = [&*server.sql_mode, &*server.lower_case_table_names, collation];
            let Some((other, others)) = first else {
                first = Some((&one.at, values));
                continue;
            };
            let names = ["sql_mode", "lower_case_table_names", "default collation"];
            for ((name, value), expected) in names.iter().zip(values).zip(others) {
                if value != expected {
                    let text = format!(
                        "database {database}: {name} is '{value}' on server {} and '{expected}' on {other}; one \
                         statement would mean two things: make them equal",
                        one.at
                    );
                    self.error(&["databases", &database], text);
                }
            }
        }
    }
}

/// Whether a column's type is the one that the map declares, as `check` prints it.
fn same_type(kind: &str, collation: &str, declared: &str) -> bool {
    let declared = declared.to_ascii_lowercase();
    let (declared, wanted) = declared.split_once(" collate ").unwrap_or((&declared, ""));
    let declared = declared.split_once(" in ").map_or(declared, |(declared, _)| declared);
    plain_type(kind) == plain_type(declared) && (wanted.is_empty() || wanted.eq_ignore_ascii_case(collation))
}

/// Without what changes no value: the display width of an integer, ZEROFILL, spaces.
fn plain_type(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase().replace(" zerofill", "");
    let (name, rest) = match kind.find(|c: char| !c.is_ascii_alphanumeric()) {
        Some(end) => kind.split_at(end),
        None => (kind.as_str(), ""),
    };
    let is_integer = name.ends_with("int");
    let rest = match (rest.strip_prefix('('), rest.split_once(')')) {
        (Some(_), Some((_, behind))) if is_integer => behind,
        _ => rest,
    };
    format!("{name}{}", rest.replace(", ", ",").trim_end())
}

/// Whether a trigger's text assigns `NEW.key`.
fn sets_new(statement: &str, key: &str) -> bool {
    let text = statement.to_lowercase().replace('`', "");
    let wanted = format!("new.{}", key.to_lowercase());
    let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(&wanted).any(|(at, _)| {
        let (before, behind) = (&text[..at], text[at + wanted.len()..].trim_start());
        let whole = !before.ends_with(in_name) && !text[at + wanted.len()..].starts_with(in_name);
        // `SET NEW.id = ..`, `, NEW.id := ..`; not `IF NEW.id = ..`.
        let assigned = before.trim_end().ends_with("set") || before.trim_end().ends_with(',');
        let selected = before.trim_end().ends_with("into");
        whole && (selected || assigned && (behind.starts_with('=') || behind.starts_with(":=")))
    })
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{}: {severity}: {}", self.at.line, self.at.column, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_what_changes_no_value() {
        for (kind, collation, declared, same) in [
            ("bigint(20) unsigned", "", "bigint unsigned", true),
            ("bigint unsigned", "", "bigint unsigned", true),
            ("int(10) unsigned zerofill", "", "int unsigned", true),
            ("int(11)", "", "int unsigned", false),
            ("decimal(10,2)", "", "decimal(10, 2)", true),
            ("decimal(10,2)", "", "decimal(10,3)", false),
            ("datetime(3)", "", "datetime", false),
            ("timestamp", "", "timestamp in UTC", true),
            ("varchar(20)", "utf8mb4_bin", "varchar(20) collate utf8mb4_bin", true),
            ("varchar(20)", "utf8mb4_general_ci", "varchar(20) collate utf8mb4_bin", false),
        ] {
            assert_eq!(same_type(kind, collation, declared), same, "{kind} {collation}, {declared}");
        }
    }

    #[test]
    fn a_trigger_that_sets_the_key_is_seen() {
        for (statement, sets) in [
            ("SET NEW.id = 5", true),
            ("BEGIN IF NEW.id IS NULL THEN SET NEW.`id` := 5; END IF; END", true),
            ("SET NEW.name = 'x', new.ID=5", true),
            ("SELECT 5 INTO NEW.id", true),
            ("SET NEW.idx = 5", false),
            ("IF NEW.id = 5 THEN SET NEW.name = 'x'; END IF", false),
        ] {
            assert_eq!(sets_new(statement, "id"), sets, "{statement}");
        }
    }
}
