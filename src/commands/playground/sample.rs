//! The sample tables and rows of a playground: statements that are run through the proxy.
//!
//! A definition of a table of several shards is run on each of them, by a hint; so is a row of a table that is everywhere,
//! first on the copy that decides. Everything else is run once.

use std::time::{Duration, Instant};

use super::Failure;
use super::members::account;
use crate::backend::{Lease, Options};
use crate::commands::query::{connect, rows};
use crate::net::timer;
use crate::shard_map::{Database, ShardId, ShardMap, Table};

/// How long the proxy may take until it serves.
const START: Duration = Duration::from_secs(60);

/// A connection to the proxy, as app; waits until it serves.
pub(super) async fn client(port: u16) -> Result<Lease, Failure> {
    let began = Instant::now();
    loop {
        match connect(&format!("127.0.0.1:{port}"), &account("app"), &Options::default()).await {
            Ok(lease) => return Ok(lease),
            Err(text) if began.elapsed() > START => return Err(Failure::Program(text)),
            Err(_) => timer::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Runs all statements of the text; each ends with a `;` at the end of a line.
pub(super) async fn load(client: &mut Lease, map: &ShardMap, text: &str) -> Result<(), Failure> {
    let mut database = None;
    for statement in statements(text) {
        if let Some(used) = statement.strip_prefix("USE ") {
            database = map.database(used);
        }
        let shards = database.map(|database| shards(&statement, database)).unwrap_or_default();
        if shards.is_empty() {
            run(client, &statement).await?;
        }
        for shard in &shards {
            run(client, &format!("SET meridian_shard = '{}'", map.shard(*shard).name)).await?;
            run(client, &statement).await?;
        }
        if !shards.is_empty() {
            run(client, "SET meridian_shard = DEFAULT").await?;
        }
    }
    Ok(())
}

async fn run(client: &mut Lease, statement: &str) -> Result<(), Failure> {
    let done = rows(client, statement).await;
    done.map(drop).map_err(|text| Failure::Program(format!("the sample data: {statement}\n{text}")))
}

fn statements(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
    let text = lines.join("\n") + "\n";
    text.split(";\n").map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}

/// The shards on each of which a statement is run; none: the proxy knows.
fn shards(statement: &str, database: &Database) -> Vec<ShardId> {
    let words: Vec<&str> = statement.split_whitespace().take(3).collect();
    let [verb, "TABLE" | "INTO", table] = words[..] else { return Vec::new() };
    match (verb, database.tables.get(table)) {
        ("CREATE", Some(table @ Table::Split(_))) => table.shards(),
        ("CREATE" | "INSERT", Some(Table::Everywhere(copies))) => {
            let others = copies.on().iter().filter(|shard| **shard != copies.from());
            std::iter::once(&copies.from()).chain(others).copied().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_goes_to_every_shard_of_its_table_and_a_copys_row_to_the_one_that_decides_first() {
        let map = ShardMap::load(include_str!("../../../shard-maps/shop.yaml")).expect("a sound map");
        let shop = map.database("shop").expect("the shop");
        let names = |statement| -> Vec<&str> {
            shards(statement, shop).into_iter().map(|shard| map.shard(shard).name.as_str()).collect()
        };
        assert_eq!(names("CREATE TABLE customers (\n id INT)"), ["s0", "s1"]);
        assert_eq!(names("INSERT INTO countries (code) VALUES ('ES')"), ["orders", "users", "s0", "s1"]);
        assert!(names("INSERT INTO customers (id) VALUES (1)").is_empty());
        assert!(names("CREATE TABLE orders (id INT)").is_empty());
        assert_eq!(
            statements("-- a;\nUSE a;\n\nINSERT INTO t VALUES (';',\n  1);\n"),
            ["USE a", "INSERT INTO t VALUES (';',\n  1)"]
        );
    }
}
