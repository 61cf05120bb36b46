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
        if let Some(used) = used(&statement) {
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

/// The database of `USE DATABASE`.
fn used(statement: &str) -> Option<&str> {
    let mut words = words(statement);
    words.next().filter(|word| word.eq_ignore_ascii_case("USE"))?;
    words.next().map(bare)
}

/// The shards on each of which a statement is run; none: the proxy knows.
fn shards(statement: &str, database: &Database) -> Vec<ShardId> {
    let mut words = words(statement);
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let is_definition = ["CREATE", "ALTER", "DROP", "TRUNCATE"].contains(&verb.as_str());
    let is_of_rows = ["INSERT", "REPLACE"].contains(&verb.as_str());
    if is_definition && !words.next().is_some_and(|word| word.eq_ignore_ascii_case("TABLE")) {
        return Vec::new();
    }
    let is_name =
        |word: &&str| !["IF", "NOT", "EXISTS", "IGNORE", "INTO"].contains(&word.to_ascii_uppercase().as_str());
    let name = words.find(is_name).unwrap_or_default();
    let (of, name) = name.split_once('.').unwrap_or((&database.name, name));
    match database.tables.get(bare(name)) {
        _ if bare(of) != database.name => Vec::new(),
        Some(table @ Table::Split(_)) if is_definition => table.shards(),
        Some(Table::Everywhere(copies)) if is_definition || is_of_rows => {
            let others = copies.on().iter().filter(|shard| **shard != copies.from());
            std::iter::once(&copies.from()).chain(others).copied().collect()
        }
        _ => Vec::new(),
    }
}

/// What blanks and parentheses part.
fn words(statement: &str) -> impl Iterator<Item = &str> {
    statement.split(|c: char| c.is_whitespace() || c == '(').filter(|word| !word.is_empty())
}

fn bare(name: &str) -> &str {
    name.trim_matches('`')
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
        for form in
            ["create table customers(id INT)", "CREATE TABLE IF NOT EXISTS `customers` (", "DROP TABLE shop.customers"]
        {
            assert_eq!(names(form), ["s0", "s1"], "{form}");
        }
        assert_eq!(names("insert ignore into `shop`.`countries`(code) VALUES (1)").len(), 4);
        assert!(names("CREATE TABLE other.customers (id INT)").is_empty());
        assert!(names("CREATE VIEW customers AS SELECT 1").is_empty());
        assert_eq!((used("USE a"), used("use `b`"), used("USER a")), (Some("a"), Some("b"), None));
        assert_eq!(
            statements("-- a;\nUSE a;\n\nINSERT INTO t VALUES (';',\n  1);\n"),
            ["USE a", "INSERT INTO t VALUES (';',\n  1)"]
        );
    }
}
