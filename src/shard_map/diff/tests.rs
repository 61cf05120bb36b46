//! Which rows a change of the map moves, and what it only notes.

use super::*;

const SHOP: &str = include_str!("../../../tests/goldens/map.yaml");

/// What is changed when `from` is written as `to`: moves, then notes.
#[track_caller]
fn check(changes: &[(&str, &str)], expected: &[&str]) {
    let mut yaml = SHOP.to_owned();
    for (from, to) in changes {
        assert!(yaml.contains(from), "{from}");
        yaml = yaml.replacen(from, to, 1);
    }
    check_map(&yaml, expected);
}

#[track_caller]
fn check_map(yaml: &str, expected: &[&str]) {
    let load = |yaml: &str| ShardMap::load(yaml).unwrap_or_else(|faults| panic!("{faults:?}"));
    let found = diff(&load(SHOP), &load(yaml));
    let lines: Vec<String> =
        found.moves.iter().map(ToString::to_string).chain(found.notes.iter().map(ToString::to_string)).collect();
    assert_eq!(lines, expected, "{yaml}");
    assert_eq!(found.base, load(SHOP).ownership());
}

#[test]
fn a_moved_bound_moves_the_keys_between() {
    check(&[], &[]);
    check(
        &[("{from: 1000000, on: s1}", "{from: 500000, on: s1}")],
        &[r#"table: "shop.customers", keys: "[500000, 1000000)", from: "s0", to: "s1""#],
    );
    check(
        &[("{from: 1000000, on: s1}", "{from: 2000000, on: s1}")],
        &[r#"table: "shop.customers", keys: "[1000000, 2000000)", from: "s1", to: "s0""#],
    );
    check(
        &[(
            "{from: MIN, on: s0}",
            "{from: MIN, on: users}\n          - {from: 7, on: users}\n          - {from: 9, on: orders}",
        )],
        &[
            r#"table: "shop.customers", keys: "[MIN, 9)", from: "s0", to: "users""#,
            r#"table: "shop.customers", keys: "[9, 1000000)", from: "s0", to: "orders""#,
        ],
    );
}

#[test]
fn a_bound_between_ranges_of_one_shard_moves_nothing() {
    check(&[("{from: 1000000, on: s1}", "{from: 10, on: s0}\n          - {from: 1000000, on: s1}")], &[]);
}

#[test]
fn whole_tables_move() {
    check(
        &[("items: orders", "items: users")],
        &[r#"table: "shop.items", keys: "[MIN, MAX]", from: "orders", to: "users""#],
    );
    check(
        &[("ledger: s0", "ledger: {key: {id: int}, range: [{from: MIN, on: s0}, {from: 5, on: s1}]}")],
        &[r#"table: "shop.ledger", keys: "[5, MAX]", from: "s0", to: "s1""#],
    );
    // A table that was never listed, and one that is no longer.
    check(
        &[("      contacts: users\n", "      contacts: users\n      calls: orders\n")],
        &[r#"table: "crm.calls", keys: "[MIN, MAX]", from: "users", to: "orders""#, "table crm.calls is new"],
    );
    check(
        &[("      contacts: users\n", "      calls: users\n")],
        &["table crm.calls is new", "table crm.contacts is gone"],
    );
    check(
        &[("unlisted: users", "unlisted: orders")],
        &[r#"table: "crm.*", keys: "[MIN, MAX]", from: "users", to: "orders""#],
    );
}

#[test]
fn another_name_moves_every_row() {
    check(
        &[("as: old.t_invoices", "as: old.invoices")],
        &[
            r#"table: "books.invoices", keys: "[MIN, MAX]", from: "orders", to: "orders""#,
            "name of books.invoices on its servers: old.t_invoices -> old.invoices",
        ],
    );
    let load = |yaml: &str| ShardMap::load(yaml).expect("a sound map");
    let renamed = diff(&load(SHOP), &load(&SHOP.replace("as: old.t_invoices", "as: old.invoices")));
    assert_eq!(renamed.moves[0].regrouped, None, "the group is the same");
}

#[test]
fn a_new_copy_needs_its_rows() {
    let moved =
        |from: &str, to: &str| format!("table: \"shop.items\", keys: \"[MIN, MAX]\", from: \"{from}\", to: \"{to}\"");
    let copies = |old: &str, new: &str| format!("copies of shop.items, the one that decides first: {old} -> {new}");
    let to = |items: &str| SHOP.replace("items: orders", items);
    let check = |old: &str, new: &str, expected: &[String]| {
        let load = |yaml: &str| ShardMap::load(yaml).unwrap_or_else(|faults| panic!("{faults:?}"));
        let found = diff(&load(&to(old)), &load(&to(new)));
        let lines: Vec<String> =
            found.moves.iter().map(ToString::to_string).chain(found.notes.iter().map(ToString::to_string)).collect();
        assert_eq!(lines, expected, "{old} to {new}");
    };
    let (whole, two) = ("items: orders", "items: {everywhere: [users, orders], from: orders}");
    let three = "items: {everywhere: [users, s0, orders], from: users}";
    let split = "items: {key: {id: int}, range: [{from: MIN, on: users}, {from: 5, on: s1}]}";
    check(two, two, &[]);
    check(whole, two, &[moved("orders", "users"), copies("orders", "orders, users")]);
    check(two, whole, &[copies("orders, users", "orders")]);
    check(two, three, &[moved("orders", "s0"), copies("orders, users", "users, orders, s0")]);
    check(three, two, &[copies("users, orders, s0", "orders, users")]);
    check(two, split, &[moved("orders", "s1").replace("[MIN", "[5")]);
    check(
        split,
        two,
        &[
            moved("users", "orders").replace("MAX]", "5)"),
            moved("s1", "orders").replace("[MIN", "[5"),
            moved("s1", "users").replace("[MIN", "[5"),
        ],
    );
}

#[test]
fn a_shard_on_another_group_moves_all_that_it_has() {
    check(
        &[("s1:     {group: split1}", "s1:     {group: users}")],
        &[
            r#"table: "mixed.customers", keys: "[1000000, MAX]", from: "s1", to: "s1""#,
            r#"table: "shop.cities", keys: "[MIN, MAX]", from: "archive", to: "s1""#,
            r#"table: "shop.countries", keys: "[MIN, MAX]", from: "s1", to: "s1""#,
            r#"table: "shop.customers", keys: "[1000000, MAX]", from: "s1", to: "s1""#,
            r#"table: "shop.events", keys: "[5000, MAX]", from: "s1", to: "s1""#,
            r#"table: "shop.lines", keys: "[(5, 1000), (6))", from: "s1", to: "s1""#,
            r#"table: "shop.lines", keys: "[(7), MAX]", from: "s1", to: "s1""#,
            r#"table: "shop.offices", keys: "('DE', 3)", from: "s1", to: "s1""#,
            r#"table: "shop.offices", keys: "('FR', 1)", from: "s1", to: "s1""#,
            r#"table: "shop.prices", keys: "[bucket 8, MAX]", from: "s1", to: "s1""#,
            r#"table: "shop.remarks", keys: "[(5, 1000), (6))", from: "s1", to: "s1""#,
            r#"table: "shop.remarks", keys: "[(7), MAX]", from: "s1", to: "s1""#,
            "shard s1: on group split1 -> on group users",
        ],
    );
}

#[test]
fn a_moved_bound_of_several_columns_moves_the_keys_between() {
    check(
        &[("{from: [5, 1000], on: s1}", "{from: [5, 2000], on: s1}")],
        &[
            r#"table: "shop.lines", keys: "[(5, 1000), (5, 2000))", from: "s1", to: "s0""#,
            r#"table: "shop.remarks", keys: "[(5, 1000), (5, 2000))", from: "s1", to: "s0""#,
        ],
    );
    // Nothing is below 0.
    check(&[("{from: [6], on: s0}", "{from: [6, 0], on: s0}")], &[]);
    check(
        &[("{in: [[FR, 1], [DE, 3]], on: s1}", "{in: [[FR, 1]], on: s1}")],
        &["shop.offices ('DE', 3): refused from now on, was on s1"],
    );
    check(
        &[
            ("key: {tenant: int unsigned, id:", "key: {tenant: bigint unsigned, id:"),
            ("key: {owner: int unsigned,", "key: {owner: bigint unsigned,"),
        ],
        &[
            "key of shop.lines: (tenant int unsigned, id bigint unsigned) -> (tenant bigint unsigned, id bigint unsigned)",
            "key of shop.remarks: (owner int unsigned, number bigint unsigned) -> (owner bigint unsigned, number bigint unsigned)",
        ],
    );
}

#[test]
fn another_key_may_move_any_row() {
    check(
        &[("key: {id: bigint unsigned}", "key: {number: bigint unsigned}")],
        &[
            r#"table: "shop.customers", keys: "[MIN, MAX]", from: "s0", to: "s1""#,
            r#"table: "shop.customers", keys: "[MIN, MAX]", from: "s1", to: "s0""#,
            "key of shop.customers: id bigint unsigned -> number bigint unsigned",
        ],
    );
    // A wider integer is compared as before.
    check(&[("user_id: int", "user_id: bigint")], &["key of shop.events: user_id int -> user_id bigint"]);
}

#[test]
fn what_moves_no_row_is_noted() {
    check(&[("127.0.0.1:3314", "127.0.0.1:3399")], &["group split1: 127.0.0.1:3314 in eu -> 127.0.0.1:3399 in eu"]);
    check(&[("version: 1\n", "version: 1\ngeneration: 5\n")], &["generation none -> 5"]);
    check(
        &[("key: {user_id: int}", "scatter: refuse\n        key: {user_id: int}")],
        &["scatter of shop.events: served -> refused"],
    );
    check_map(&SHOP.replace(" s1", " third"), &["shard s1 is gone", "shard third is new"]);
    check(&[("      users: users\n", "")], &["table shop.users is gone"]);
    check(&[("      users: users\n", "      users: users\n      more: s0\n")], &["table shop.more is new"]);
    check(&[("{from: 0, on: s0}", "{from: 10, on: s0}")], &["shop.events [0, 10): refused from now on, was on s0"]);
    check(&[("{from: 0, on: s0}", "{from: -5, on: s0}")], &["shop.events [-5, 0): on s0 from now on, was refused"]);
}

#[test]
fn texts_are_quoted_for_yaml() {
    assert_eq!(Quoted("a\"b\\c\n\u{e9}").to_string(), r#""a\"b\\c\U0000000a\u{e9}""#.replace("\\u{e9}", "\u{e9}"));
}
