//! What a map says when it is sound. What it says when it is not: `faults` and
//! `key_faults`.

mod accept;
mod faults;
mod key_faults;
mod mutations;
mod schema;

use super::{Family, Key, ShardId, ShardMap, Split, Table};

const SHOP: &str = include_str!("../../../shard-maps/shop.yaml");

fn load(yaml: &str) -> ShardMap {
    ShardMap::load(yaml).unwrap_or_else(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[test]
fn every_map_of_the_repository_is_sound() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shard-maps");
    let mut maps = 0;
    for entry in std::fs::read_dir(folder).expect("shard-maps/ is in the repository") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            load(&std::fs::read_to_string(&path).expect("a readable map"));
            maps += 1;
        }
    }
    assert!(maps > 0);
}

#[test]
fn the_shop_is_sound() {
    let map = load(SHOP);
    assert_eq!(map.generation, Some(1));
    assert_eq!(map.regions, ["eu", "us"]);
    assert_eq!(map.groups.iter().map(|group| group.members.len()).collect::<Vec<_>>(), [2, 2, 2, 2]);
    let shop = map.database("shop").expect("shop.yaml has a shop");
    assert_eq!((shop.family, shop.unlisted), (Family::MariaDb, None));
    let home = |table: &str| match shop.table(table) {
        Some(Table::Vertical(id)) => map.shard(*id).name.as_str(),
        _ => "none",
    };
    assert_eq!(home("orders"), "orders");
    assert_eq!(home("order_items"), "orders");
    assert_eq!(home("users"), "users");
    assert_eq!(home("Users"), "none");
    assert!(map.database("Shop").is_none());
    let orders = map.shard_named("orders").expect("a shard of shop.yaml");
    assert_eq!(map.group_of(orders).members[0].at, "eu-orders-0.eu-orders:3306");
}

#[test]
fn a_key_has_the_home_of_the_last_bound_not_above_it() {
    let customers = |range: &str| {
        let yaml = SHOP.replace(
            "        range:                # lower bounds\n          - {from: MIN, on: s0}\n          - {from: 1000000, on: s1}\n",
            range,
        );
        let map = load(&yaml);
        match map.databases[0].tables["customers"].clone() {
            Table::Split(split) => split,
            _ => unreachable!("customers has a key"),
        }
    };
    let (orders, users) = (Some(ShardId(0)), Some(ShardId(1)));
    let open = customers("        range: [{from: MIN, on: users}, {from: 10, on: orders}, {from: '20', on: users}]\n");
    for (key, home) in
        [(i128::MIN, users), (0, users), (9, users), (10, orders), (19, orders), (20, users), (i128::MAX, users)]
    {
        assert_eq!(open.home(Key::Number(key)), home, "{key}");
    }
    assert_eq!(open.shards(), [ShardId(0), ShardId(1)]);
    let closed = customers("        below: refuse\n        range: [{from: 10, on: orders}]\n");
    assert_eq!(closed.home(Key::Number(9)), None);
    assert_eq!(closed.home(Key::Number(10)), orders);
}

#[test]
fn scalars_are_text_until_a_field_reads_them() {
    let yaml = "
version: 1
regions: [no, 010]
groups: {1e3: {members: [{at: '[::1]:3306', region: 010}]}}
shards: {null: {group: 1e3}, yes: {group: 1e3}}
databases: {shop: {family: mysql, unlisted: null, tables: {2026-07-01: yes, t: {on: yes, reads: primary}}}}
";
    let map = load(yaml);
    assert_eq!(map.regions, ["no", "010"]);
    assert_eq!(map.groups[0].name, "1e3");
    assert_eq!(map.groups[0].members[0].at, "[::1]:3306");
    assert_eq!(map.databases[0].unlisted, Some(ShardId(0)));
    assert!(matches!(map.databases[0].tables["2026-07-01"], Table::Vertical(ShardId(1))));
}

#[test]
fn ten_thousand_ranges_load() {
    let mut bounds = String::from("          - {from: 1000000, on: s1}\n");
    for index in 1..10_000 {
        let shard = ["users", "orders"][index % 2];
        bounds += &format!("          - {{from: {}, on: {shard}}}\n", 1_000_000 + index);
    }
    let map = load(&SHOP.replace("          - {from: 1000000, on: s1}\n", &bounds));
    let Table::Split(customers) = &map.databases[0].tables["customers"] else { unreachable!("customers has a key") };
    let Split::Range(ranges) = &customers.split else { unreachable!("customers has ranges") };
    assert_eq!(ranges.count(), 10_001);
    assert_eq!(customers.home(Key::Number(1_005_000)), Some(ShardId(1)));
}

#[test]
fn a_table_with_another_has_its_split_and_a_key_of_its_own() {
    let map = load(&format!("{SHOP}      visits: {{with: customers, key: {{customer: bigint unsigned}}}}\n"));
    let split = |table: &str| match &map.databases[0].tables[table] {
        Table::Split(split) => split.clone(),
        _ => unreachable!("{table} is split"),
    };
    let (customers, visits) = (split("customers"), split("visits"));
    assert_eq!(visits.key.first.name, "customer");
    assert!(visits.is_like(&customers));
    for key in [0, 999_999, 1_000_000] {
        assert_eq!(visits.home(Key::Number(key)), customers.home(Key::Number(key)));
    }
}
