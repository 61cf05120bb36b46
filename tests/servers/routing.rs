//! Each statement goes to the server that owns the rows, or is refused by name.

use crate::support::raw::Reply;
use crate::support::{Pair, Raw};

/// The statement has to be answered by the first (true) or the second server.
#[track_caller]
fn answered_by_first(pair: &Pair, raw: &mut Raw, tail: &str, first: bool) {
    let port = if first { pair.first.port } else { pair.second.port };
    let text = format!("SELECT @@port {tail}");
    assert_eq!(raw.rows(&text).lines().first(), Some(&port.to_string()), "{text}");
}

#[test]
fn a_read_goes_to_the_owner_of_its_key() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        for (tail, first) in [
            ("FROM users WHERE id = 1", true),
            ("FROM orders WHERE id = 1", false),
            ("FROM shop.orders LIMIT 1", false),
            ("FROM orders o JOIN order_items i ON i.order_id = o.id LIMIT 1", false),
            ("FROM customers WHERE id = 42", true),
            ("FROM customers WHERE id = 999999", true),
            ("FROM customers WHERE id = 1000000", false),
            ("FROM customers WHERE 1000042 = id", false),
            ("FROM customers WHERE id = 42 AND city LIKE 'I%'", true),
            ("FROM customers AS c WHERE c.id = 1000042", false),
            ("FROM customers WHERE id IN (1, 2, 42)", true),
            ("FROM customers WHERE id IN (2000000, 1000000)", false),
            ("FROM customers WHERE id = '1000042'", false),
            ("FROM `customers` WHERE `customers`.`id` = 42", true),
            ("FROM customers c JOIN users u ON u.id = c.id WHERE c.id = 1", true),
            ("FROM customers WHERE id = 2 FOR UPDATE", true),
        ] {
            answered_by_first(&pair, &mut raw, tail, first);
        }
        pair.check_sound();
    }
}

#[test]
fn rows_are_written_where_they_are_read() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        raw.ok("INSERT INTO customers (id, name, city) VALUES (500, 'low', 'x'), (501, 'low', 'y')");
        raw.ok("INSERT INTO shop.customers (id, name, city, credit) VALUES (1000500, 'high', 'x', 1.5)");
        raw.ok("INSERT INTO customers (name, id, city) VALUES ('high', 18446744073709551615, 'z')");
        raw.ok("REPLACE INTO customers (id, name, city) VALUES (500, 'replaced', 'x')");
        assert_eq!(raw.ok("UPDATE customers SET credit = 9 WHERE id = 1000500").affected, 1);
        assert_eq!(raw.ok("DELETE FROM customers WHERE id = 501").affected, 1);
        assert_eq!(
            raw.ok(
                "INSERT INTO customers (id, name, city) VALUES (500, 'a', 'b') ON DUPLICATE KEY UPDATE name = 'again'"
            )
            .affected,
            2
        );
        let rows = "SELECT id, name, credit FROM shop.customers WHERE id BETWEEN 500 AND 501 OR id = 1000500 OR id > 3000000 ORDER BY id";
        assert_eq!(pair.first.rows(rows).lines(), ["500\tagain\t0.00"]);
        assert_eq!(pair.second.rows(rows).lines(), ["1000500\thigh\t9.00", "18446744073709551615\thigh\t0.00"]);
        pair.check_sound();
    }
}

#[test]
fn what_needs_several_servers_is_refused_and_writes_nothing() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for statement in [
        "SELECT COUNT(*) FROM customers",
        "SELECT * FROM customers WHERE city = 'Boston' ORDER BY id",
        "SELECT DISTINCT city FROM customers WHERE id IN (1, 1000000)",
        "SELECT * FROM customers WHERE id = 1 OR id = 1000000 LIMIT 1",
        "SELECT * FROM users u JOIN orders o ON o.user_id = u.id",
        "SELECT * FROM users WHERE id IN (SELECT user_id FROM orders)",
        "INSERT INTO customers (id, name, city) VALUES (7, 'a', 'b'), (1000007, 'a', 'b')",
        "INSERT INTO customers (name, city) VALUES ('no key', 'b')",
        "INSERT INTO customers (id, name, city) VALUES (NULL, 'a', 'b')",
        "INSERT INTO customers (id, name, city) VALUES (DEFAULT, 'a', 'b')",
        "INSERT INTO customers (id, name, city) VALUES (6 + 1, 'a', 'b')",
        "INSERT INTO customers (id, name, city) VALUES (7.5, 'a', 'b')",
        "INSERT INTO customers (id, name, city) VALUES (-1, 'a', 'b')",
        "INSERT INTO customers SELECT id + 100, name, city, 0 FROM customers",
        "UPDATE customers SET credit = 0",
        "DELETE FROM customers",
        "UPDATE customers SET id = 1000001 WHERE id = 1",
        "SELECT * FROM nothing",
        "SELECT * FROM mysql.user",
    ] {
        let error = raw.refused(statement);
        assert!(error.message.starts_with("Meridian: ") && error.message.len() > 40, "{statement}: {error:?}");
        assert_eq!(error.state.len(), 5, "{statement}: {error:?}");
    }
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.customers"), "4");
    assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.customers"), "3");
    pair.check_sound();
}

#[test]
fn inserts_and_lists_of_every_length_go_where_they_belong() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let mut next = 10_000;
    for rows in [1, 2, 3, 10, 100, 999, 1000] {
        let values: Vec<String> = (0..rows).map(|n| format!("({}, 'n{n}', 'c')", next + n)).collect();
        assert_eq!(
            raw.ok(&format!("INSERT INTO customers (id, name, city) VALUES {}", values.join(", "))).affected,
            rows
        );
        let ids: Vec<String> = (0..rows).map(|n| (next + n).to_string()).collect();
        let list = ids.join(",");
        assert_eq!(raw.value(&format!("SELECT COUNT(*) FROM customers WHERE id IN ({list})")), rows.to_string());
        // One stray key anywhere, and it is for two servers.
        let stray = format!("SELECT COUNT(*) FROM customers WHERE id IN ({list},1000000)");
        assert!(raw.refused(&stray).message.starts_with("Meridian: "));
        next += rows;
    }
    assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.customers"), "3");
    pair.check_sound();
}

#[test]
fn a_transaction_reads_any_server_and_writes_one() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        raw.ok("BEGIN");
        assert_eq!(raw.value("SELECT name FROM users WHERE id = 1"), "Ada");
        assert_eq!(raw.value("SELECT total FROM orders WHERE id = 1"), "25.50");
        raw.ok("INSERT INTO marks (text) VALUES ('written')");
        assert_eq!(raw.value("SELECT name FROM users WHERE id = 2"), "Grace");
        let error = raw.refused("INSERT INTO notes (text) VALUES ('second')");
        assert!(error.message.starts_with("Meridian: "), "{error:?}");
        raw.ok("COMMIT");
        assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.marks"), "1");
        assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.notes"), "0");
        // The next one may write the other.
        raw.ok("BEGIN");
        raw.ok("INSERT INTO notes (text) VALUES ('first')");
        raw.ok("SAVEPOINT s");
        raw.ok("INSERT INTO notes (text) VALUES ('undone')");
        raw.ok("ROLLBACK TO s");
        raw.ok("COMMIT");
        assert_eq!(raw.rows("SELECT text FROM notes").lines(), ["first"]);
        // Locking reads are writes to those who wait for them: on one server they work.
        raw.ok("BEGIN");
        assert_eq!(raw.value("SELECT total FROM orders WHERE id = 1 FOR UPDATE"), "25.50");
        raw.ok("ROLLBACK");
        pair.check_sound();
    }
}

#[test]
fn a_snapshot_holds_on_each_server() {
    let pair = Pair::mariadb();
    let (mut a, mut b) = (pair.app(), pair.app());
    a.ok("START TRANSACTION READ ONLY");
    assert_eq!(a.value("SELECT COUNT(*) FROM notes"), "0");
    assert_eq!(a.value("SELECT COUNT(*) FROM marks"), "0");
    b.ok("INSERT INTO notes (text) VALUES ('x')");
    b.ok("INSERT INTO marks (text) VALUES ('x')");
    assert_eq!(a.value("SELECT COUNT(*) FROM notes"), "0");
    assert_eq!(a.value("SELECT COUNT(*) FROM marks"), "0");
    assert!(matches!(a.one("INSERT INTO notes (text) VALUES ('y')"), Reply::Error(e) if e.code == 1792));
    a.ok("COMMIT");
    assert_eq!(a.value("SELECT COUNT(*) FROM notes"), "1");
}

#[test]
fn errors_of_servers_pass_as_they_are() {
    for mut pair in Pair::each() {
        let mut whole = Raw::app(pair.whole().port, "shop").expect("app may log in");
        let mut raw = pair.app();
        for statement in [
            "SELECT nothing FROM users",
            "INSERT INTO users (id, name, email) VALUES (1, 'x', 'y')",
            "SELECT * FROM orders WHERE",
            "SELECT 1 +",
        ] {
            assert_eq!(raw.refused(statement), whole.refused(statement), "{statement}");
        }
        pair.check_sound();
    }
}

#[test]
fn versions_of_rows_are_where_their_key_is() {
    let mut pair = Pair::mariadb();
    for server in [&pair.first, &pair.second] {
        server.run_all(&["ALTER TABLE shop.customers ADD SYSTEM VERSIONING"]);
    }
    let mut raw = pair.app();
    raw.ok("UPDATE customers SET city = 'Lima' WHERE id = 42");
    raw.ok("UPDATE customers SET city = 'Quito' WHERE id = 1000042");
    raw.ok("DELETE FROM customers WHERE id = 1000042");
    let cities = |raw: &mut Raw, tail: &str| {
        let mut lines = raw.rows(&format!("SELECT city FROM customers {tail}")).lines();
        lines.sort_unstable();
        lines
    };
    assert_eq!(cities(&mut raw, "FOR SYSTEM_TIME ALL WHERE id = 42"), ["Islington", "Lima"]);
    assert_eq!(cities(&mut raw, "FOR SYSTEM_TIME ALL AS c WHERE c.id = 1000042"), ["Quito", "Seattle"]);
    assert_eq!(cities(&mut raw, "FOR SYSTEM_TIME AS OF NOW() + INTERVAL 1 DAY WHERE id = 1000042"), [""; 0]);
    assert_eq!(
        cities(&mut raw, "FOR SYSTEM_TIME ALL WHERE city IN ('Islington', 'Lima', 'Quito')"),
        ["Islington", "Lima", "Quito"]
    );
    pair.check_sound();
}

#[test]
fn a_fraction_is_looked_for_where_an_index_finds_it() {
    for mut pair in Pair::each() {
        for server in [&pair.first, &pair.second] {
            server.run_all(&["ALTER TABLE shop.customers DROP PRIMARY KEY, ADD KEY by_id (id)"]);
        }
        let mut raw = pair.app();
        for (number, key) in [("999999.5", 1000000), ("999999.4", 999999), ("41.5", 42), ("42.4", 42)] {
            let text = format!("SELECT name FROM customers FORCE INDEX (by_id) WHERE id = {number}");
            // The server of the rounded key answers it by itself, one with rows or one without.
            let server = if key < 1000000 { &pair.first } else { &pair.second };
            let mut direct = server.connect();
            direct.ok("USE shop");
            assert_eq!(raw.rows(&text).lines(), direct.rows(&text).lines(), "{text}");
        }
        pair.check_sound();
    }
}
