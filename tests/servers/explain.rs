//! EXPLAIN ROUTE: the route of a statement as a result set, by the session that asks, without running anything.

use crate::support::cli::Cli;
use crate::support::pair::single_map;
use crate::support::raw::{DEPRECATE_EOF, ORDINARY, Raw, Reply};
use crate::support::raw_login::Login;
use crate::support::{MariaDb, Pair, Proxy, Settings};

/// The lines of an explanation.
fn lines(raw: &mut Raw, statement: &str) -> Vec<String> {
    let rows = raw.rows(&format!("EXPLAIN ROUTE {statement}"));
    assert_eq!(rows.columns, ["route"], "{statement}");
    rows.lines()
}

#[track_caller]
fn check(raw: &mut Raw, statement: &str, first: &str) {
    assert_eq!(lines(raw, statement)[0], first, "{statement}");
}

#[test]
fn the_route_of_a_statement_is_a_result_set() {
    for mut pair in Pair::each() {
        let (first, second) = (pair.first.at(), pair.second.at());
        for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
            let mut raw = pair.login(&Login { database: "shop".into(), capabilities, ..Login::default() });
            assert_eq!(
                lines(&mut raw, "SELECT name FROM customers WHERE id = '1000042'"),
                [
                    "route customers.id = '1000042' (range) -> second single",
                    "  key shop.customers.id = '1000042'",
                    "    [1000000, MAX] on second: '1000042' read as 1000042",
                    &format!("  shard second: group second, member {second} in here"),
                    "  send 47 bytes: SELECT name FROM customers WHERE id = '1000042'",
                ]
            );
            let id = raw.greeting.connection;
            let sent = format!("SELECT CAST({id} AS UNSIGNED) AS `connection_id()`");
            assert_eq!(
                lines(&mut raw, "SELECT connection_id()"),
                [
                    "route no table -> any shard",
                    &format!("  shard first: group first, member {first} in here"),
                    &format!("  send {} bytes: {sent}", sent.len()),
                ]
            );
            check(&mut raw, "BEGIN", "control session");
            check(&mut raw, "SHOW DATABASES", "answer SHOW DATABASES");
            check(
                &mut raw,
                "SELECT * FROM customers WHERE id = ?",
                "route customers.id = ?1 (range) -> by parameter 1: first or second",
            );
        }
        pair.check_sound();
    }
}

#[test]
fn what_would_be_refused_is_explained_as_it_would_be_said() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for statement in
        ["SELECT * FROM customers ORDER BY id", "SELECT * FROM nothing", "FLUSH TABLES", "DROP TABLE customers"]
    {
        let error = raw.refused(statement);
        check(&mut raw, statement, &format!("refuse {} ({}) {}", error.code, error.state, error.message));
    }
    assert_eq!(raw.refused("EXPLAIN ROUTE SELECT 'x").code, 1064);
    assert_eq!(raw.refused("/*! EXPLAIN */ ROUTE SELECT 1").code, 1064);
    pair.check_sound();
}

#[test]
fn nothing_is_run_on_any_server() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let asked = |pair: &Pair| -> Vec<u64> {
        let count = |server: &crate::support::Server| {
            let value = server.value(
                "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'COM_INSERT'",
            );
            value.parse().expect("a number")
        };
        vec![count(&pair.first), count(&pair.second)]
    };
    let before = asked(&pair);
    for statement in [
        "INSERT INTO notes (text) VALUES ('x')",
        "INSERT INTO marks (text) VALUES ('x')",
        "INSERT INTO customers (id, name, city) VALUES (7000, 'a', 'b')",
    ] {
        lines(&mut raw, statement);
    }
    check(&mut raw, "DROP TABLE notes", "route notes (vertical) -> first single");
    check(&mut raw, "SET autocommit = 0", "control session");
    assert_eq!(asked(&pair), before);
    assert_eq!(raw.value("SELECT @@autocommit"), "1");
    assert_eq!(raw.value("SELECT COUNT(*) FROM notes"), "0");
    // A transaction does not begin by it, either.
    check(&mut raw, "START TRANSACTION", "control session");
    assert!(matches!(raw.one("EXPLAIN ROUTE BEGIN"), Reply::Rows(rows) if rows.status & 1 == 0));
    pair.check_sound();
}

#[test]
fn the_sessions_database_and_sql_mode_count() {
    for mut pair in Pair::each() {
        let mut raw = pair.login(&Login::default());
        let route = "route customers.id = 42 (range) -> first single";
        check(
            &mut raw,
            "SELECT * FROM customers WHERE id = 42",
            "refuse 1046 (3D000) Meridian: no database selected; USE one, or write database.table",
        );
        check(&mut raw, "SELECT * FROM shop.customers WHERE id = 42", route);
        raw.ok("USE shop");
        check(&mut raw, "SELECT * FROM customers WHERE id = 42", route);
        let scattered = "route customers (no key) -> first, second scatter";
        check(&mut raw, "SELECT * FROM customers WHERE \"id\" = 42", scattered);
        raw.ok("SET sql_mode = 'ANSI_QUOTES'");
        check(&mut raw, "SELECT * FROM customers WHERE \"id\" = 42", route);
        pair.check_sound();
    }
}

#[test]
fn several_statements_of_one_packet_are_told_apart() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let replies = raw.query("SELECT 1; EXPLAIN ROUTE BEGIN NOT ATOMIC SELECT 1; SELECT 2; END");
    assert!(matches!(&replies[..], [Reply::Rows(_), Reply::Rows(rows)] if rows.columns == ["route"]), "{replies:?}");
    let replies = raw.query("EXPLAIN ROUTE SELECT 'a;b'; SELECT total FROM orders WHERE id = 1");
    match &replies[..] {
        [Reply::Rows(route), Reply::Rows(total)] => {
            assert_eq!(route.lines()[2], "  send 12 bytes: SELECT 'a;b'");
            assert_eq!(total.value(), "25.50");
        }
        other => panic!("{other:?}"),
    }
    pair.check_sound();
}

#[test]
fn it_is_refused_where_statements_are_prepared() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        let error = raw.prepare("EXPLAIN ROUTE SELECT 1").expect_err("not served");
        assert_eq!((error.code, error.state.as_str()), (1295, "HY000"), "{error:?}");
        // A table called route is described, and is not in the map.
        assert_eq!(raw.refused("EXPLAIN ROUTE").code, 1146);
        assert_eq!(raw.refused("EXPLAIN route id").code, 1146);
        pair.check_sound();
    }
    // As text it is served where one shard has everything.
    let server = MariaDb::start("only", &[]);
    server.load("CREATE DATABASE shop");
    let proxy = Proxy::start(&Settings { map: single_map(&server, "shop"), ..Settings::default() });
    let login = Login { database: "shop".into(), ..Login::default() };
    let mut raw = Raw::login(proxy.port, &login).expect("app may log in");
    raw.ok("PREPARE s FROM 'SELECT 1'");
    for text in ["PREPARE s FROM 'EXPLAIN ROUTE SELECT 1'", "prepare s from \" explain /**/ route select 'x'\""] {
        assert_eq!(raw.refused(text).code, 1295, "{text}");
    }
    assert_eq!(raw.value("EXECUTE s"), "1");
    assert_eq!(lines(&mut raw, "CALL anything()")[0], "route * (one shard) -> only single");
}

#[test]
fn the_shells_show_it() {
    for mut pair in Pair::each() {
        for client in Cli::EACH {
            let statement = "EXPLAIN ROUTE SELECT total FROM orders WHERE id = 1;\n";
            let Some(run) = client.feed(pair.port(), "shop", statement) else { continue };
            let expected = format!(
                "route\nroute orders (vertical) -> second single\n  table shop.orders on second\n  shard second: group second, \
                 member {} in here\n  send 37 bytes: SELECT total FROM orders WHERE id = 1\n",
                pair.second.at()
            );
            assert_eq!(run.fine(), expected, "{client:?} on {:?}", pair.first.kind);
        }
        pair.check_sound();
    }
}
