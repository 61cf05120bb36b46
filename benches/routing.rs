//! What a cached statement costs on its way to a shard: scan, find the plan, route. Bytes in, shard out.
//!
//! The goals are under 1 microsecond for a point select, and under 100 for a plan of a 3-join select on a miss. The cache
//! here is a plain map by hash with the normalized text compared on a hit, as `execute` does it.

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use meridian::plan::{Statement, Target, plan};
use meridian::route::{Literals, SessionFacts, route};
use meridian::shard_map::{Key, ShardMap, Table};
use meridian::sql::{self, Dialect, Flavor, Scratch};

const DIALECT: Dialect = Dialect::new(Flavor::MariaDb, 101119);

fn statements() -> Vec<(&'static str, String)> {
    let list = |count: u32| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
    let rows = |count: u32| (1..=count).map(|id| format!("({id}, 'name {id}', 5)")).collect::<Vec<_>>().join(", ");
    vec![
        ("point select", "SELECT name FROM customers WHERE id = 42".into()),
        ("vertical select", "SELECT id, status FROM orders WHERE customer_id = 7 ORDER BY id LIMIT 10".into()),
        (
            "3-join select",
            "SELECT o.id, i.price, p.status, q.amount FROM orders AS o JOIN order_items AS i ON i.order_id = o.id \
             JOIN orders AS p ON p.id = i.parent_id AND p.status = 'open' LEFT JOIN order_items q ON q.order_id = p.id \
             WHERE o.customer_id = 7 AND o.created_at >= '2026-01-01' AND (i.price > 5 OR q.amount IN (1, 2, 3)) \
             ORDER BY o.id DESC LIMIT 10"
                .into(),
        ),
        ("IN list of 100", format!("SELECT name FROM customers WHERE id IN ({})", list(100))),
        ("INSERT of 100 rows", format!("INSERT INTO customers (id, name, age) VALUES {}", rows(100))),
    ]
}

fn routing(criterion: &mut Criterion) {
    let text = include_str!("../shard-maps/shop.yaml");
    let map = ShardMap::load(text).expect("the example map is sound");
    let mut scratch = Scratch::new();
    let mut cache: HashMap<u64, (Vec<u8>, Statement)> = HashMap::new();
    for (name, text) in statements() {
        let text = text.as_bytes();
        sql::scan(text, &DIALECT, &mut scratch).expect("the statement has tokens");
        let normalized = scratch.normalized();
        let planned = plan(&map, Some("shop"), normalized, sql::facts(normalized), &DIALECT);
        assert!(matches!(planned.target, Target::Tables(_)), "{name}: {:?}", planned.target);
        cache.insert(scratch.hash(), (normalized.to_vec(), planned));
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("bytes in, shard out", |bencher| {
            bencher.iter(|| {
                sql::scan(black_box(text), &DIALECT, &mut scratch).expect("scanned before");
                let (normalized, planned) = cache.get(&scratch.hash()).expect("cached above");
                assert!(normalized == scratch.normalized());
                let Target::Tables(tables) = &planned.target else { unreachable!("checked above") };
                route(tables, &map, &Literals::of_text(text, &scratch, SessionFacts::ORDINARY)).expect("one shard")
            });
        });
        let (normalized, planned) = cache.get(&scratch.hash()).expect("cached above");
        let Target::Tables(tables) = &planned.target else { unreachable!("checked above") };
        group.bench_function("route alone", |bencher| {
            let values = Literals::of_text(text, &scratch, SessionFacts::ORDINARY);
            bencher.iter(|| route(black_box(tables), &map, &values).expect("one shard"));
        });
        group.bench_function("plan on a miss", |bencher| {
            let facts = planned.facts;
            bencher.iter(|| plan(&map, Some("shop"), black_box(normalized), facts, &DIALECT));
        });
        group.finish();
    }
}

/// A map of one table with so many ranges.
fn wide(ranges: u32) -> String {
    let mut text = String::from(
        "version: 1\nregions: [eu]\ngroups: {a: {members: [{at: 'a:1', region: eu}]}, b: {members: [{at: 'b:1', region: eu}]}}\n\
         shards: {s: {group: a}, t: {group: b}}\ndatabases:\n  shop:\n    family: mysql\n    tables:\n      wide:\n        \
         key: {id: bigint unsigned}\n        range:\n        - {from: MIN, on: s}\n",
    );
    for bound in 1..ranges {
        text += &format!("        - {{from: {bound}00, on: {}}}\n", if bound % 2 == 0 { 's' } else { 't' });
    }
    text
}

/// One key among 100,000 ranges, in under 100 nanoseconds; a map of 10,000 ranges in under a second.
fn maps(criterion: &mut Criterion) {
    let map = ShardMap::load(&wide(100_000)).expect("a sound map");
    let Some(Table::Split(split)) = map.databases[0].table("wide") else { unreachable!("it has a key") };
    let mut key: u64 = 1;
    criterion.bench_function("a key among 100,000 ranges", |bencher| {
        bencher.iter(|| {
            // Another one each time, as clients ask.
            key = key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            split.home(black_box(Key::Number(i128::from(key >> 32) % 10_000_000)))
        });
    });
    let text = wide(10_000);
    criterion.bench_function("a map of 10,000 ranges, read and checked", |bencher| {
        bencher.iter(|| ShardMap::load(black_box(&text)).expect("a sound map"));
    });
}

criterion_group!(benches, routing, maps);
criterion_main!(benches);
