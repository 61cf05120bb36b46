//! Statements that their client sends to one shard, by a comment or by `meridian_shard`.

use crate::support::cli::{self, Cli};
use crate::support::pair::shop_map;
use crate::support::proxy::ACCOUNTS;
use crate::support::raw::Reply;
use crate::support::raw_login::Login;
use crate::support::{Pair, Raw, Settings};

fn count(raw: &mut Raw, hint: &str) -> String {
    raw.value(&format!("{hint} SELECT COUNT(*) FROM customers"))
}

#[test]
fn a_comment_sends_one_statement_to_its_shard() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        let (first, second) = (pair.first.port.to_string(), pair.second.port.to_string());
        assert_eq!(count(&mut raw, "/* meridian: shard=first */"), "4");
        assert_eq!(count(&mut raw, "/* meridian: shard=second */"), "3");
        // The same text but for its comment has a plan of its own.
        raw.refused("SELECT COUNT(*) FROM customers");
        assert_eq!(count(&mut raw, "/* meridian: shard=first */"), "4");
        assert_eq!(raw.value("SELECT @@port -- meridian: shard=second"), second);
        assert_eq!(raw.value("SELECT /* meridian: shard=first */ @@port"), first);
        // What the rows' keys say is not asked of a read.
        assert_eq!(
            raw.rows("/* meridian: shard=first */ SELECT id FROM customers WHERE id = 1000042").lines().len(),
            0
        );
        assert_eq!(raw.ok("/* meridian: shard=second */ UPDATE customers SET credit = 7").affected, 3);
        assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.customers WHERE credit = 7"), "0");
        pair.check_sound();
    }
}

#[test]
fn a_definition_of_a_split_table_goes_to_the_hinted_shard() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        raw.refused("ALTER TABLE customers ADD COLUMN note TEXT");
        for shard in ["first", "second"] {
            raw.ok(&format!(
                "/* meridian: shard={shard} */ ALTER TABLE customers ADD COLUMN note VARCHAR(20) DEFAULT 'x'"
            ));
        }
        assert_eq!(raw.value("SELECT note FROM customers WHERE id = 42"), "x");
        assert_eq!(raw.value("SELECT note FROM customers WHERE id = 1000042"), "x");
        raw.ok("/* meridian: shard=first */ CREATE TABLE customers_audit (id INT PRIMARY KEY)");
        assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.customers_audit"), "0");
        let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'customers_audit'";
        assert_eq!(pair.second.value(tables), "0");
        pair.check_sound();
    }
}

#[test]
fn a_hint_stores_no_row_where_its_key_does_not_live() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for statement in [
        "/* meridian: shard=first */ INSERT INTO customers (id, name, city) VALUES (1000500, 'a', 'b')",
        "/* meridian: shard=second */ INSERT INTO customers (id, name, city) VALUES (500, 'a', 'b')",
        "/* meridian: shard=second */ REPLACE INTO customers (id, name, city) VALUES (500, 'a', 'b')",
        "/* meridian: shard=second */ INSERT INTO customers (id, name, city) SELECT 500, 'a', 'b'",
        "/* meridian: shard=second */ UPDATE customers SET id = 500 WHERE id = 1000042",
        "/* meridian: shard=first */ SELECT total FROM orders WHERE id = 1",
        "/* meridian: shard=third */ SELECT 1",
        "/* meridian: first */ SELECT 1",
        "/* meridian: shard=first */ BEGIN",
        "/* meridian: shard=first */ EXPLAIN ROUTE SELECT 1",
    ] {
        let error = raw.refused(statement);
        let named = ["hint", "key", "split table"].iter().any(|word| error.message.contains(word));
        assert!(named, "{statement}: {error:?}");
    }
    let (insert, _, parameters) = raw
        .prepare("/* meridian: shard=second */ INSERT INTO customers (id, name, city) VALUES (?, 'a', 'b')")
        .expect("valid");
    assert_eq!(parameters, 1);
    assert!(matches!(&raw.execute(insert, &[600], true)[..], [Reply::Error(e)] if e.message.contains("hint")));
    assert!(matches!(&raw.execute(insert, &[1_000_600], false)[..], [Reply::Ok(done)] if done.affected == 1));
    raw.ok("/* meridian: shard=first */ INSERT INTO customers (id, name, city) VALUES (500, 'a', 'b')");
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.customers"), "5");
    assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.customers"), "4");
    pair.check_sound();
}

#[test]
fn a_variable_sends_the_session_to_its_shard() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        let (first, second) = (pair.first.port.to_string(), pair.second.port.to_string());
        assert_eq!(raw.value("SELECT @@meridian_shard"), "");
        raw.ok("SET meridian_shard = 'second'");
        assert_eq!(raw.value("SELECT @@meridian_shard"), "second");
        assert_eq!(raw.value("SELECT @@port"), second);
        assert_eq!(count(&mut raw, ""), "3");
        // A comment speaks of one statement.
        assert_eq!(count(&mut raw, "/* meridian: shard=first */"), "4");
        // The session's own statements go on as ever.
        raw.ok("BEGIN");
        raw.ok("INSERT INTO customers (id, name, city) VALUES (1000700, 'a', 'b')");
        raw.ok("COMMIT");
        raw.refused("SELECT * FROM users");
        raw.ok("SET SESSION meridian_shard = first");
        assert_eq!(raw.value("SELECT @@port"), first);
        // A statement that is prepared goes where the session is when it runs.
        let (id, _, _) = raw.prepare("SELECT COUNT(*) FROM customers").expect("one shard");
        assert!(matches!(&raw.execute(id, &[], false)[..], [Reply::Rows(_)]));
        raw.ok("SET @@meridian_shard = DEFAULT");
        assert_eq!(raw.value("SELECT @@session.meridian_shard AS shard"), "");
        assert!(matches!(&raw.execute(id, &[], false)[..], [Reply::Error(e)] if e.message.contains("shards")));
        raw.refused("SELECT COUNT(*) FROM customers");
        for (statement, code) in [
            ("SET meridian_shard = 'third'", 1231),
            ("SET meridian_shard = CONCAT('fi', 'rst')", 1231),
            ("SET meridian_shard = 'first', sql_mode = ''", 1235),
            ("SET meridian_other = 1", 1235),
            ("SELECT CONCAT(@@meridian_shard)", 1235),
        ] {
            let error = raw.refused(statement);
            assert_eq!(error.code, code, "{statement}: {error:?}");
            let named = error.message.contains("meridian_") || error.message.contains("third");
            assert!(named, "{statement}: {error:?}");
        }
        assert_eq!(raw.refused("SET GLOBAL meridian_shard = 'first'").code, 1227);
        assert_eq!(raw.value("SELECT @@meridian_shard"), "");
        raw.ok("SET meridian_shard = 'second'");
        assert!(matches!(raw.simple(&[0x1F]), Reply::Ok(_)), "RESET_CONNECTION");
        assert_eq!(raw.value("SELECT @@meridian_shard"), "");
        pair.check_sound();
    }
}

#[test]
fn explain_route_shows_the_hint() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let rows = raw.rows("EXPLAIN ROUTE SELECT COUNT(*) FROM customers /* meridian: shard=second */").lines();
    assert_eq!(
        rows[..3],
        [
            "route customers (hint) -> second single",
            "  table shop.customers: the part on second",
            "  hint shard second"
        ]
    );
    raw.ok("SET meridian_shard = 'first'");
    let rows = raw.rows("EXPLAIN ROUTE SELECT COUNT(*) FROM customers").lines();
    assert_eq!(rows[0], "route customers (hint) -> first single");
    pair.check_sound();
}

#[test]
fn an_account_is_hinted_to_shards_of_its_databases_only() {
    let mut pair = Pair::mariadb();
    let map = shop_map(&pair.first, &pair.second)
        + "  notes:\n    family: mariadb\n    unlisted: refuse\n    tables:\n      pages: second\n";
    pair.second.run_all(&[
        "CREATE DATABASE notes",
        "CREATE TABLE notes.pages (id INT PRIMARY KEY)",
        "GRANT ALL ON notes.* TO app@'%'",
    ]);
    let accounts = ACCOUNTS.replacen("databases: \"*\"", "databases: [notes]", 1);
    pair.start_proxy(Settings { map, accounts, ..Settings::default() });
    let mut raw = pair.login(&Login { database: "notes".into(), ..Login::default() });
    assert_eq!(raw.value("/* meridian: shard=second */ SELECT COUNT(*) FROM pages"), "0");
    for (statement, code) in [
        ("/* meridian: shard=first */ SELECT 1", 1235),
        ("/* meridian: shard=no_such */ SELECT 1", 1235),
        ("SET meridian_shard = 'first'", 1231),
        ("/* meridian: shard=second */ SELECT COUNT(*) FROM shop.customers", 1044),
        ("/* meridian: shard=second */ SELECT * FROM mysql.user", 1044),
        ("/* meridian: shard=second */ CALL no_such()", 1044),
        ("/* meridian: shard=second */ SELECT 1 FROM pages FOR SYSTEM_TIME AS OF (SELECT 1 FROM a b c)", 1044),
    ] {
        let error = raw.refused(statement);
        assert_eq!(error.code, code, "{statement}: {error:?}");
        // A shard that the account may not use is as one that is not there.
        assert!(!error.message.contains("may use first"), "{statement}: {error:?}");
    }
}

/// The clients cut comments out unless they are told to keep them.
#[test]
fn the_command_line_clients_pass_hints_on() {
    let mut pair = Pair::mariadb();
    let statements = "SELECT COUNT(*) FROM customers /* meridian: shard=second */";
    for cli in Cli::EACH {
        let Some(mut command) = cli.command(pair.port(), "shop") else { continue };
        let run = cli::run(command.args(["--comments", "-N"]), statements);
        assert_eq!(run.fine().trim(), "3", "{cli:?}");
    }
    pair.check_sound();
}
