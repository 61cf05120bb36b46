//! What plans hold in memory, counted by the allocator: a plan's own count is exact, and a cache stays under its bound.
//!
//! MERIDIAN_PLANS says how many distinct statements go through the cache (100,000).

use std::alloc::System;
use std::sync::{Arc, Mutex};

use meridian::execute::{PlanCache, Planned, Scope};
use meridian::plan::{Statement, plan};
use meridian::shard_map::ShardMap;
use meridian::sql::{self, Dialect, Flavor, Scratch};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The counts are those of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

const DIALECT: Dialect = Dialect::new(Flavor::MariaDb, 101119);

/// Bytes that are allocated now and were not when the region began.
fn grown(region: &Region<'_, System>) -> usize {
    let change = region.change();
    usize::try_from(change.bytes_allocated as i64 - change.bytes_deallocated as i64).expect("nothing older was freed")
}

fn shop() -> ShardMap {
    ShardMap::load(include_str!("../shard-maps/shop.yaml")).expect("the example map is sound")
}

/// Statements of many shapes, each of them another text by `n`.
fn text(n: u64) -> String {
    let alias = format!("a{n}");
    let list = |count: u64, of: &str| vec![of; usize::try_from(count).expect("small")].join(", ");
    match n % 16 {
        0 => format!("SELECT name AS {alias} FROM customers WHERE id = 42"),
        1 => format!(
            "SELECT c.name {alias} FROM customers c JOIN customers d ON c.id = d.id WHERE c.id IN (1, 2, 3) AND d.id = 5"
        ),
        2 => format!("SELECT {alias}.id FROM orders {alias} WHERE customer_id = 7 ORDER BY id LIMIT 10"),
        3 => {
            format!("SELECT name FROM customers {alias} WHERE id BETWEEN 1 AND 5 AND (id = 2 OR id > 4 AND NOT id = 7)")
        }
        4 => format!("INSERT INTO customers (id, name, {alias}) VALUES (1, 'x', 5), (2, 'y', 6)"),
        5 => format!("UPDATE customers SET {alias} = 5 WHERE id = 3 AND name = 'x'"),
        6 => format!("SELECT COUNT(*) {alias} FROM customers GROUP BY name"),
        7 => format!("SELECT {alias} FROM no_such_table"),
        8 => format!("SELECT 1 AS {alias}"),
        9 => format!("SELECT {} FROM customers {alias} WHERE id = 1", list(n % 97 + 1, "name")),
        10 => {
            format!("SELECT name FROM customers {alias} WHERE {}", vec!["id = 5"; (n % 31 + 1) as usize].join(" OR "))
        }
        11 => format!("DELETE FROM customers WHERE id = 5 AND {alias} = 1 OR id = 7"),
        12 => format!("SELECT * FROM customers {alias} JOIN orders ON orders.id = 5 JOIN users"),
        13 => format!("GRANT SELECT ON {alias} TO app"),
        14 => format!("INSERT INTO customers ({alias}, id) SELECT name, id FROM customers WHERE id = 5"),
        _ => format!("SELECT name FROM customers WHERE id IN ({}) AND {alias} > 5", list(n % 7 + 1, "5 + 1")),
    }
}

fn planned(map: &ShardMap, scratch: &mut Scratch, text: &str) -> Statement {
    sql::scan(text.as_bytes(), &DIALECT, scratch).expect("the text has tokens");
    let normalized = scratch.normalized();
    plan(map, Some("shop"), normalized, sql::facts(normalized), &DIALECT)
}

#[test]
fn a_plan_knows_its_bytes() {
    let _alone = ALONE.lock().expect("no panic while it is held");
    let map = shop();
    let mut scratch = Scratch::new();
    for n in 0..2_000 {
        let text = text(n);
        // Once before, for what is allocated lazily.
        drop(planned(&map, &mut scratch, &text));
        let mut counted = || {
            let region = Region::new(ALLOCATOR);
            let plan = planned(&map, &mut scratch, &text);
            (plan.bytes(), size_of::<Statement>() + grown(&region))
        };
        // The test's runner allocates now and then.
        let counts: Vec<_> = (0..3).map(|_| counted()).collect();
        assert!(counts.iter().any(|(says, holds)| says == holds), "{text}: {counts:?}");
    }
}

#[test]
fn a_cache_keeps_its_bound_under_any_number_of_statements() {
    let _alone = ALONE.lock().expect("no panic while it is held");
    let statements = std::env::var("MERIDIAN_PLANS").map_or(100_000, |count| count.parse().expect("a number"));
    let map = shop();
    let mut scratch = Scratch::new();
    for n in 0..16 {
        drop(planned(&map, &mut scratch, &text(n)));
    }
    for bytes_max in [4 << 20, 1 << 20] {
        let region = Region::new(ALLOCATOR);
        let plans = PlanCache::new(bytes_max);
        let scope = Scope { database: 0, dialect: DIALECT, hint: None };
        let mut most = 0;
        let share = if bytes_max == 1 << 20 { statements / 10 } else { statements };
        for n in 0..share {
            let planned = Arc::new(Planned::new(planned(&map, &mut scratch, &text(n))));
            plans.keep(scratch.hash(), scope, scratch.normalized(), &planned);
            drop(planned);
            assert!(plans.bytes() <= bytes_max);
            most = most.max(grown(&region));
        }
        println!("{share} statements, {} kept: {most} bytes of {bytes_max}, {} counted", plans.len(), plans.bytes());
        assert!(most as u64 <= bytes_max, "{most} bytes are allocated, and the bound is {bytes_max}");
        assert!(plans.bytes() > bytes_max / 2, "the bound is made use of");
        assert!(plans.find(scratch.hash(), scope, scratch.normalized()).is_some(), "the last one is there");
    }
}
