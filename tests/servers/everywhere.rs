//! Tables that have every row on each of several shards.

use crate::support::pair::shop_map;
use crate::support::raw::Reply;
use crate::support::{Pair, Raw, Settings};

const TABLES: &str = "      cities: {everywhere: [first, second], from: second}\n";

const CITIES: [&str; 2] = [
    "CREATE TABLE shop.cities (name VARCHAR(60) PRIMARY KEY, country CHAR(2), server INT) CHARACTER SET utf8mb4",
    "INSERT INTO shop.cities VALUES ('Hamburg', 'DE', @@port), ('Porto', 'PT', @@port), ('Islington', 'GB', @@port)",
];

/// A pair whose cities are on both servers, each row with the port of the server that answers.
fn each() -> impl Iterator<Item = Pair> {
    Pair::each().map(|mut pair| {
        pair.first.run_all(&CITIES);
        pair.second.run_all(&CITIES);
        let map = shop_map(&pair.first, &pair.second) + TABLES;
        pair.start_proxy(Settings { map, ..Settings::default() });
        pair
    })
}

#[test]
fn a_read_is_answered_by_the_copy_beside_its_other_tables() {
    for mut pair in each() {
        let mut raw = pair.app();
        let (first, second) = (pair.first.port.to_string(), pair.second.port.to_string());
        for (text, port) in [
            ("SELECT server FROM cities WHERE name = 'Porto'", &second),
            ("SELECT MAX(server) FROM cities GROUP BY country ORDER BY country LIMIT 1", &second),
            ("SELECT c.server FROM users u JOIN cities c ON c.name = 'Porto' WHERE u.id = 1", &first),
            ("SELECT server FROM cities WHERE EXISTS (SELECT 1 FROM orders) LIMIT 1", &second),
            ("SELECT c.server FROM customers k JOIN cities c ON c.name = k.city WHERE k.id = 42", &first),
            ("SELECT (SELECT server FROM cities LIMIT 1) FROM customers WHERE id = 1000042", &second),
            ("WITH c AS (SELECT * FROM cities) SELECT c.server FROM c, users LIMIT 1", &first),
        ] {
            assert_eq!(&raw.value(text), port, "{text}");
        }
        // Prepared, the key decides with each execution.
        let text = "SELECT CONCAT(c.server) FROM customers k LEFT JOIN cities c ON c.name = 'Porto' WHERE k.id = ?";
        let (id, _, _) = raw.prepare(text).expect("a shard has all tables");
        for (key, port) in [(42, &first), (1_000_042, &second), (1, &first)] {
            let replies = raw.execute(id, &[key], true);
            assert!(
                matches!(&replies[..], [Reply::Rows(rows)] if rows.value().ends_with(port.as_str())),
                "{key}: {replies:?}"
            );
        }
        assert_eq!(raw.rows("SHOW TABLES LIKE 'cit%'").lines(), ["cities"]);
        assert_eq!(raw.rows("DESCRIBE cities").lines().len(), 3);
        pair.check_sound();
    }
}

#[test]
fn rows_are_written_by_what_a_copy_says() {
    for mut pair in each() {
        let mut raw = pair.app();
        raw.ok("INSERT INTO notes (text) SELECT server FROM cities WHERE name = 'Porto'");
        assert_eq!(raw.value("SELECT text FROM notes"), pair.first.port.to_string());
        raw.ok("UPDATE notes n JOIN cities c ON c.name = 'Hamburg' SET n.text = c.country");
        assert_eq!(raw.value("SELECT text FROM notes"), "DE");
        assert_eq!(raw.ok("DELETE n FROM notes n JOIN cities c ON c.country = n.text").affected, 1);
        raw.ok("UPDATE customers SET credit = (SELECT COUNT(*) FROM cities) WHERE id = 1000042");
        assert_eq!(raw.value("SELECT credit FROM customers WHERE id = 1000042"), "3.00");
        pair.check_sound();
    }
}

#[test]
fn one_copy_is_changed_by_a_hint_only() {
    for mut pair in each() {
        let mut raw = pair.app();
        for text in [
            "INSERT INTO cities VALUES ('Ulm', 'DE', 0)",
            "REPLACE INTO cities VALUES ('Ulm', 'DE', 0)",
            "UPDATE cities SET country = 'XX'",
            "UPDATE users u, cities c SET c.country = 'XX'",
            "UPDATE users u, cities c SET country = 'XX'",
            "DELETE FROM cities",
            "DELETE c FROM users u, cities c",
            "TRUNCATE cities",
            "ALTER TABLE cities ADD COLUMN x INT",
            "DROP TABLE cities",
            "SELECT * FROM cities FOR UPDATE",
            "LOCK TABLES cities WRITE",
        ] {
            let error = raw.refused(text);
            assert_eq!(error.code, 1235, "{text}");
            assert!(error.message.contains("cities has a copy on each of shards first and second"), "{error:?}");
            let error = raw.prepare(text).expect_err(text);
            assert_eq!(error.code, 1235, "{text}");
        }
        for server in [&pair.first, &pair.second] {
            assert_eq!(server.value("SELECT COUNT(*) FROM shop.cities WHERE country <> 'XX'"), "3");
        }
        raw.ok("/* meridian: shard=first */ INSERT INTO cities VALUES ('Ulm', 'DE', 1)");
        assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.cities"), "4");
        assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.cities"), "3");
        raw.ok("SET meridian_shard = 'second'");
        raw.ok("ALTER TABLE cities ADD COLUMN x INT");
        raw.ok("DELETE FROM cities WHERE name = 'Porto'");
        raw.ok("SET meridian_shard = DEFAULT");
        assert_eq!(raw.value("SELECT COUNT(x IS NULL) FROM cities"), "2");
        assert!(matches!(&raw.query("SELECT x FROM users, cities")[..], [Reply::Error(e)] if e.code == 1054));
        pair.check_sound();
    }
}

/// What one server with all rows answers, its rows in any order.
#[test]
fn a_join_of_a_split_table_is_as_on_one_server() {
    for mut pair in each() {
        for server in [&pair.first, &pair.second] {
            server
                .run_all(&["UPDATE shop.cities SET server = LENGTH(name)", "ALTER TABLE shop.cities ADD COLUMN x INT"]);
        }
        let mut plain = Raw::app(pair.whole().port, "shop").expect("a session of the plain server");
        let whole = pair.whole();
        whole.run_all(&CITIES);
        whole.run_all(&["UPDATE shop.cities SET server = LENGTH(name)", "ALTER TABLE shop.cities ADD COLUMN x INT"]);
        let mut raw = pair.app();
        for text in [
            "SELECT k.id, c.country FROM customers k JOIN cities c ON c.name = k.city",
            "SELECT k.id, c.* FROM customers k LEFT JOIN cities c ON c.name = k.city AND c.country <> 'PT'",
            "SELECT * FROM cities c RIGHT JOIN customers k ON c.name = k.city WHERE c.name IS NULL OR k.id > 1000",
            "SELECT k.id, c.name FROM cities c, customers k WHERE k.id IN (42, 1000042, 1)",
            "SELECT k.id, c.name, d.name FROM customers k CROSS JOIN cities c LEFT JOIN cities d ON d.server > c.server",
            "SELECT id, country FROM customers NATURAL LEFT JOIN cities",
            "SELECT k.id FROM cities c RIGHT JOIN cities d ON c.name < d.name JOIN customers k ON k.city = d.name",
        ] {
            let sorted = |mut lines: Vec<String>| {
                lines.sort();
                lines
            };
            let expected = sorted(plain.rows(text).lines());
            assert_eq!(sorted(raw.rows(text).lines()), expected, "{text}");
            assert!(!expected.is_empty(), "{text}");
        }
        for text in [
            "SELECT k.id FROM cities c LEFT JOIN customers k ON c.name = k.city",
            "SELECT k.id FROM customers k RIGHT JOIN cities c ON c.name = k.city",
        ] {
            assert_eq!(raw.refused(text).code, 1235, "{text}");
        }
        pair.check_sound();
    }
}
