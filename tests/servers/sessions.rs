//! Sessions that share connections: each sees its own state, or is refused; never another's.

use crate::support::pair::ONE_CONNECTION;
use crate::support::raw::{Reply, ServerError};
use crate::support::{Pair, Raw};

/// Two sessions, one connection to each server.
fn two_sessions(pair: &Pair) -> (Raw, Raw) {
    (pair.app(), pair.app())
}

fn is_refusal(error: &ServerError) -> bool {
    error.message.starts_with("Meridian: ")
}

/// The session's own value, or a refusal by name.
#[track_caller]
fn own_or_refused(raw: &mut Raw, statement: &str, own: &str) {
    match raw.one(statement) {
        Reply::Rows(rows) => assert_eq!(rows.lines().join("\n"), own, "{statement}"),
        Reply::Error(error) if is_refusal(&error) => {}
        other => panic!("{statement}: {other:?}"),
    }
}

#[test]
fn generated_ids_are_the_sessions_own() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = two_sessions(&pair);
        for round in 0..3 {
            let own_a = a.ok("INSERT INTO notes (text) VALUES ('a')").last_id;
            let own_b = b.ok("INSERT INTO notes (text) VALUES ('b'), ('b')").last_id;
            assert_eq!(own_b, own_a + 1, "{round}");
            own_or_refused(&mut a, "SELECT LAST_INSERT_ID()", &own_a.to_string());
            own_or_refused(&mut b, "SELECT LAST_INSERT_ID()", &own_b.to_string());
            own_or_refused(&mut a, "SELECT @@identity", &own_a.to_string());
            own_or_refused(&mut b, "SELECT last_insert_id() AS id", &own_b.to_string());
            b.ok("INSERT INTO notes (text) VALUES ('b')");
            // In a statement on the other server.
            let reply = a.one("INSERT INTO marks (id, text) VALUES (LAST_INSERT_ID() + 1000, 'of a')");
            match reply {
                Reply::Ok(_) => assert_eq!(
                    a.value("SELECT MAX(id) FROM marks"),
                    (own_a + 1000).to_string(),
                    "it must be the session's own id"
                ),
                Reply::Error(e) => assert!(is_refusal(&e), "{e:?}"),
                Reply::Rows(_) => panic!("rows for an INSERT"),
            }
            a.ok("DELETE FROM marks");
        }
        pair.check_sound();
    }
}

#[test]
fn an_id_that_the_client_gave_is_not_its_last_insert_id() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = two_sessions(&pair);
        let own_a = a.ok("INSERT INTO notes (text) VALUES ('a')").last_id;
        b.ok("INSERT INTO notes (id, text) VALUES (5000, 'b')");
        assert_eq!(b.value("SELECT LAST_INSERT_ID()"), "0");
        a.ok("INSERT INTO notes (text) VALUES ('a')");
        // The earlier one, of the other server, holds; also when others ask in between.
        let own_b = b.ok("INSERT INTO marks (text) VALUES ('b')").last_id;
        a.ok("INSERT INTO notes (text) VALUES ('a')");
        b.ok("INSERT INTO notes (id, text) VALUES (6000, 'b')");
        let own_a2 = a.ok("INSERT INTO notes (text) VALUES ('a')").last_id;
        assert_ne!(own_a, own_a2);
        assert_eq!(b.value("SELECT LAST_INSERT_ID()"), own_b.to_string());
        a.ok("INSERT INTO notes (id, text) VALUES (5000, 'a') ON DUPLICATE KEY UPDATE text = 'c'");
        assert_eq!(a.value("SELECT LAST_INSERT_ID()"), own_a2.to_string());
        for id in 7000..7100 {
            a.ok(&format!("INSERT INTO notes (id, text) VALUES ({id}, 'a')"));
        }
        assert_eq!(a.value("SELECT LAST_INSERT_ID()"), own_a2.to_string());
        // The very id that the other session generated last on this connection.
        let theirs = a.ok("INSERT INTO marks (text) VALUES ('a')").last_id;
        b.ok("DELETE FROM marks");
        b.ok(&format!("INSERT INTO marks (id, text) VALUES ({theirs}, 'b')"));
        assert_eq!(b.value("SELECT LAST_INSERT_ID()"), own_b.to_string());
        b.ok("INSERT INTO notes (id, text) VALUES (8000, 'b')");
        b.ok("SET @id = LAST_INSERT_ID()");
        assert_eq!(b.value("SELECT @id"), own_b.to_string());
        pair.check_sound();
    }
}

#[test]
fn counts_of_rows_are_the_sessions_own() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = two_sessions(&pair);
        a.ok("UPDATE users SET email = CONCAT(email, 'x')");
        b.ok("UPDATE users SET email = CONCAT(email, 'y') WHERE id = 1");
        own_or_refused(&mut a, "SELECT ROW_COUNT()", "5");
        own_or_refused(&mut b, "SELECT ROW_COUNT()", "1");
        a.rows("SELECT id FROM users");
        b.rows("SELECT id FROM users WHERE id < 3");
        own_or_refused(&mut a, "SELECT FOUND_ROWS()", "5");
        own_or_refused(&mut b, "SELECT FOUND_ROWS()", "2");
        a.rows("SELECT SQL_CALC_FOUND_ROWS id FROM users LIMIT 1");
        b.rows("SELECT id FROM users WHERE id = 1");
        own_or_refused(&mut a, "SELECT FOUND_ROWS()", "5");
        pair.check_sound();
    }
}

#[test]
fn warnings_are_the_sessions_own() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = two_sessions(&pair);
        let rows = a.rows("SELECT CAST('abc' AS SIGNED) FROM users WHERE id = 1");
        assert_eq!(rows.warnings, 1);
        assert_eq!(b.rows("SELECT 1 FROM users WHERE id = 1").warnings, 0);
        own_or_refused(&mut b, "SHOW WARNINGS", "");
        own_or_refused(&mut a, "SHOW WARNINGS", "Warning\t1292\tTruncated incorrect INTEGER value: 'abc'");
        own_or_refused(&mut a, "SHOW COUNT(*) WARNINGS", "1");
        own_or_refused(&mut b, "SELECT @@warning_count", "0");
        // Of a statement that failed.
        let error = a.refused("SELECT nothing FROM users");
        b.rows("SELECT 1 FROM users WHERE id = 1");
        own_or_refused(&mut a, "SHOW ERRORS", &format!("Error\t1054\t{}", error.message));
        pair.check_sound();
    }
}

#[test]
fn variables_are_the_sessions_own() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = two_sessions(&pair);
        a.ok("SET @x = 5, @word = 'it''s a'");
        b.ok("SET @x = 7");
        a.ok("SET time_zone = '+05:00', sql_mode = 'ANSI_QUOTES'");
        b.ok("SET NAMES latin1");
        for table in ["users", "orders", "users"] {
            let one = format!("FROM {table} WHERE id = 1");
            assert_eq!(a.value(&format!("SELECT @x {one}")), "5");
            assert_eq!(b.value(&format!("SELECT @x {one}")), "7");
            assert_eq!(a.value(&format!("SELECT @word {one}")), "it's a");
            assert_eq!(b.value(&format!("SELECT @word {one}")), "NULL");
            assert_eq!(a.value(&format!("SELECT @@time_zone {one}")), "+05:00");
            assert_eq!(b.value(&format!("SELECT @@time_zone {one}")), "SYSTEM");
            assert_eq!(a.value(&format!("SELECT \"id\" {one}")), "1", "a quoted identifier for a");
            assert_eq!(b.value(&format!("SELECT \"id\" {one}")), "id", "a string for b");
            assert_eq!(a.value(&format!("SELECT @@character_set_client {one}")), "utf8mb4");
            assert_eq!(b.value(&format!("SELECT @@character_set_client {one}")), "latin1");
        }
        assert_eq!(a.value("SELECT @x"), "5");
        assert_eq!(b.value("SELECT @@time_zone"), "SYSTEM");
        // Back to the default.
        a.ok("SET time_zone = DEFAULT");
        assert_eq!(a.value("SELECT @@time_zone FROM orders WHERE id = 1"), "SYSTEM");
        // Bytes of latin1 mean the same on both servers.
        for table in ["notes", "marks"] {
            let insert = [format!("INSERT INTO {table} (text) VALUES ('").as_bytes(), b"\xE9')"].concat();
            assert!(matches!(&b.query_bytes(&insert)[..], [Reply::Ok(_)]));
            assert_eq!(a.value(&format!("SELECT text FROM {table}")), "é");
        }
        pair.check_sound();
    }
}

#[test]
fn a_variable_set_from_an_expression_keeps_its_value() {
    let pair = Pair::mariadb_with(ONE_CONNECTION);
    let (mut a, mut b) = two_sessions(&pair);
    for statement in [
        "SET @y = 2 + 3",
        "SET @y = (SELECT COUNT(*) FROM users)",
        "SELECT COUNT(*) INTO @y FROM users",
        "SELECT @y := 5 FROM users WHERE id = 1",
    ] {
        a.ok("SET @y = NULL");
        if let Reply::Error(e) = a.one(statement) {
            assert!(is_refusal(&e), "{statement}: {e:?}");
            continue;
        }
        // A pinned session holds the one connection: the other may have to give up, but sees nothing of it.
        own_or_not(&mut b, "SELECT @y FROM orders WHERE id = 1", "NULL");
        own_or_refused(&mut a, "SELECT @y FROM users WHERE id = 1", "5");
        a.ok("SET @y = NULL");
    }
}

/// The value, or any error.
#[track_caller]
fn own_or_not(raw: &mut Raw, statement: &str, own: &str) {
    if let Reply::Rows(rows) = raw.one(statement) {
        assert_eq!(rows.lines().join("\n"), own, "{statement}");
    }
}

#[test]
fn a_set_that_the_server_rejects_is_not_followed_by_the_statement_behind_it() {
    for mut pair in Pair::each_of_one_connection() {
        let mut raw = pair.app();
        for bad in [
            "SET time_zone = 'Nowhere/Here'",
            "SET sql_mode = 'NO_SUCH_MODE'",
            "SET no_such_variable = 1",
            "SET NAMES nothing",
            "SET SESSION sql_select_limit = 'x'",
        ] {
            let replies = raw.query(&format!("{bad}; INSERT INTO notes (text) VALUES ('behind')"));
            assert!(matches!(&replies[..], [Reply::Error(_)]), "{bad}: {replies:?}");
            assert!(matches!(raw.one(bad), Reply::Error(_)), "{bad}");
            assert_eq!(raw.value("SELECT COUNT(*) FROM notes"), "0", "{bad}");
            assert_eq!(raw.value("SELECT COUNT(*) FROM marks"), "0", "{bad}");
        }
        pair.check_sound();
    }
}

#[test]
fn transactions_of_two_sessions_do_not_mix() {
    // Two connections: a transaction holds its own.
    let mut pair = Pair::mariadb_with("limits:\n  pool_connections_max: 2\n");
    let (mut a, mut b) = two_sessions(&pair);
    a.ok("BEGIN");
    a.ok("INSERT INTO notes (text) VALUES ('a')");
    assert_eq!(b.value("SELECT COUNT(*) FROM notes"), "0");
    b.ok("START TRANSACTION");
    b.ok("INSERT INTO notes (text) VALUES ('b')");
    b.ok("ROLLBACK");
    a.ok("COMMIT");
    assert_eq!(b.rows("SELECT text FROM notes").lines(), ["a"]);
    a.ok("SET autocommit = 0");
    a.ok("INSERT INTO notes (text) VALUES ('a2')");
    assert_eq!(b.value("SELECT COUNT(*) FROM notes"), "1");
    a.ok("COMMIT");
    assert_eq!(b.value("SELECT COUNT(*) FROM notes"), "2");
    a.ok("INSERT INTO notes (text) VALUES ('a3')");
    a.ok("SET autocommit = 1");
    assert_eq!(b.value("SELECT COUNT(*) FROM notes"), "3");
    // Isolation of the next transaction only, and of the session.
    a.ok("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
    a.ok("BEGIN");
    assert_eq!(a.value("SELECT COUNT(*) FROM notes"), "3");
    b.ok("INSERT INTO notes (text) VALUES ('b4')");
    assert_eq!(a.value("SELECT COUNT(*) FROM notes"), "4", "READ COMMITTED sees it");
    a.ok("COMMIT");
    a.ok("BEGIN");
    assert_eq!(a.value("SELECT COUNT(*) FROM notes"), "4");
    b.ok("INSERT INTO notes (text) VALUES ('b5')");
    assert_eq!(a.value("SELECT COUNT(*) FROM notes"), "4", "REPEATABLE READ does not");
    a.ok("COMMIT");
    pair.check_sound();
}

#[test]
fn an_isolation_set_without_a_scope_is_for_one_transaction() {
    for mut pair in Pair::each() {
        let (mut a, mut b) = two_sessions(&pair);
        for name in ["tx_isolation", "transaction_isolation"] {
            let counted = b.value("SELECT COUNT(*) FROM notes");
            a.ok(&format!("SET @@{name} = 'READ-COMMITTED'"));
            for sees in [true, false] {
                a.ok("BEGIN");
                let before = a.value("SELECT COUNT(*) FROM notes");
                b.ok("INSERT INTO notes (text) VALUES ('b')");
                assert_eq!(a.value("SELECT COUNT(*) FROM notes") != before, sees, "{name}, {counted}");
                if sees {
                    assert_eq!(a.refused(&format!("SET @@{name} = 'SERIALIZABLE'")).code, 1568);
                }
                a.ok("COMMIT");
            }
        }
        a.ok("SET @@transaction_read_only = 1");
        a.ok("BEGIN");
        assert_eq!(a.refused("INSERT INTO notes (text) VALUES ('a')").code, 1792);
        a.ok("ROLLBACK");
        a.ok("INSERT INTO notes (text) VALUES ('a')");
        pair.check_sound();
    }
}

#[test]
fn user_variables_are_read_where_a_query_assigned_them() {
    for mut pair in Pair::each() {
        let mut a = pair.app();
        a.ok("BEGIN");
        a.rows("SELECT id FROM users WHERE id = 1");
        a.rows("SELECT @x := 9 FROM orders WHERE id = 1");
        assert_eq!(a.value("SELECT @x"), "9");
        a.ok("SET @x = @x + 1");
        assert_eq!(a.value("SELECT @x"), "10");
        a.ok("COMMIT");
        // The other way round.
        let mut b = pair.app();
        b.ok("BEGIN");
        b.rows("SELECT id FROM orders WHERE id = 1");
        b.rows("SELECT @x := 9 FROM users WHERE id = 1");
        b.ok("SET @x = @x + 1");
        assert_eq!(b.value("SELECT @x FROM users WHERE id = 1"), "10");
        b.ok("COMMIT");
        pair.check_sound();
    }
}

#[test]
fn variables_mean_the_same_wherever_they_are_carried() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = two_sessions(&pair);
        a.ok("SET @u = CAST(5 AS UNSIGNED), @men\u{fc} = 6");
        a.ok("SET character_set_results = latin1, character_set_results = DEFAULT");
        let results = a.value("SELECT @@character_set_results");
        b.ok("SET NAMES latin1");
        b.ok("SET collation_connection = utf8mb4_bin");
        b.ok("SET character_set_connection = latin1");
        b.ok("SET character_set_results = DEFAULT");
        for table in ["users", "orders", "users"] {
            let one = format!("FROM {table} WHERE id = 1");
            assert_eq!(b.value(&format!("SELECT @@collation_connection {one}")), "latin1_swedish_ci");
            assert_eq!(b.value(&format!("SELECT @@character_set_results {one}")), results);
            assert_eq!(a.value(&format!("SELECT @men\u{fc} {one}")), "6");
            assert_eq!(a.refused(&format!("SELECT @u - 6 {one}")).code, 1690);
        }
        assert!(is_refusal(&a.refused("SET NAMES latin1")));
        a.ok("SET @men\u{fc} = NULL");
        a.ok("SET NAMES latin1");
        pair.check_sound();
    }
}

#[test]
fn what_ties_a_session_to_a_connection_is_not_seen_by_others() {
    let mut pair = Pair::mariadb_with("limits:\n  pool_connections_max: 3\n");
    let (mut a, mut b) = two_sessions(&pair);
    // Temporary tables, named locks, table locks: they work for their session, or are refused by name.
    if let Reply::Ok(_) = a.one("CREATE TEMPORARY TABLE users_temporary (id INT)") {
        assert!(matches!(b.one("SELECT * FROM users_temporary"), Reply::Error(_)));
    }
    match a.one("SELECT GET_LOCK('mine', 0)") {
        Reply::Rows(rows) => {
            assert_eq!(rows.value(), "1");
            own_or_refused(&mut b, "SELECT GET_LOCK('mine', 0)", "0");
            own_or_refused(&mut a, "SELECT RELEASE_LOCK('mine')", "1");
            own_or_refused(&mut b, "SELECT GET_LOCK('mine', 0)", "1");
            drop(b);
            let mut b = pair.app();
            crate::support::await_that("the lock of a session that ended is free", || {
                (b.value("SELECT GET_LOCK('mine', 0)") == "1").then_some(())
            });
        }
        Reply::Error(e) => assert!(is_refusal(&e), "{e:?}"),
        Reply::Ok(_) => panic!("no rows"),
    }
    match a.one("LOCK TABLES notes WRITE") {
        Reply::Ok(_) => {
            a.ok("INSERT INTO notes (text) VALUES ('locked')");
            a.ok("UNLOCK TABLES");
        }
        Reply::Error(e) => assert!(is_refusal(&e), "{e:?}"),
        Reply::Rows(_) => panic!("rows"),
    }
    drop(a);
    pair.check_sound();
}

#[test]
fn a_named_lock_is_one_lock_wherever_the_session_is() {
    for mut pair in Pair::each() {
        let (mut a, mut b) = (pair.app(), pair.app());
        a.ok("BEGIN");
        assert_eq!(a.value("SELECT total FROM orders WHERE id = 1"), "25.50");
        assert_eq!(a.value("SELECT GET_LOCK('one', 0)"), "1");
        assert_eq!(b.value("SELECT GET_LOCK('one', 0)"), "0");
        assert!(is_refusal(&b.refused("SELECT GET_LOCK('one', 0), total FROM orders WHERE id = 1")));
        a.ok("ROLLBACK");
        assert_eq!(a.value("SELECT RELEASE_LOCK('one')"), "1");
        assert_eq!(b.value("SELECT GET_LOCK('one', 0)"), "1");
        pair.check_sound();
    }
}

#[test]
fn administration_is_refused_by_name() {
    let mut pair = Pair::mariadb();
    if pair.whole().port == pair.port() {
        return;
    }
    let mut admin = Raw::admin(pair.port()).expect("admin may log in");
    for statement in [
        "SET GLOBAL max_connections = 50",
        "FLUSH TABLES",
        "FLUSH PRIVILEGES",
        "SHUTDOWN",
        "GRANT SELECT ON shop.* TO app",
        "REVOKE SELECT ON shop.* FROM app",
        "CREATE USER eve IDENTIFIED BY 'x'",
        "DROP USER app",
        "SET PASSWORD = PASSWORD('x')",
        "CHANGE MASTER TO MASTER_HOST = 'x'",
        "RESET MASTER",
        "START SLAVE",
        "STOP SLAVE",
        "PURGE BINARY LOGS BEFORE '2020-01-01'",
        "INSTALL SONAME 'x'",
    ] {
        let error = admin.refused(statement);
        assert!(is_refusal(&error), "{statement}: {error:?}");
        let word = statement.split_whitespace().next().expect("a word");
        assert!(error.message.contains(word), "{statement} is named: {error:?}");
    }
    pair.check_sound();
}

#[test]
fn connection_id_is_replaced_where_it_is_called() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let id = raw.value("SELECT CONNECTION_ID()");
    raw.ok("INSERT INTO notes (text) VALUES ('how connection_id() works'), (CONCAT('cid', CONNECTION_ID()))");
    assert_eq!(
        raw.rows("SELECT text FROM notes ORDER BY id").lines(),
        ["how connection_id() works", &format!("cid{id}")]
    );
    assert_eq!(raw.value("SELECT CONNECTION_ID/**/()"), id);
    assert_eq!(raw.rows("SELECT 1, CONNECTION_ID(), 2 FROM users WHERE id = 1").columns, ["1", "CONNECTION_ID()", "2"]);
    own_or_refused(&mut raw, "SELECT `connection_id`() FROM users WHERE id = 1", &id);
    own_or_refused(&mut raw, "SELECT @@pseudo_thread_id", &id);
    let reply = raw.simple(&[&[0x16][..], b"SELECT CONNECTION_ID()"].concat());
    assert!(matches!(&reply, Reply::Error(error) if is_refusal(error)), "{reply:?}");
    pair.check_sound();
}

#[test]
fn variables_are_bounded_by_what_they_become() {
    let mut pair = Pair::mariadb_with("limits:\n  session_state_bytes_max: 4096\n");
    let mut raw = pair.app();
    raw.ok("SET @x = REPEAT('a', 1000)");
    for opening in ["DO 1", "BEGIN"] {
        raw.one(opening);
        raw.value("SELECT name FROM users WHERE id = 1");
        let error = raw.refused("SET @x = REPEAT('b', 100000)");
        assert!(error.message.contains("session_state_bytes_max"), "{error:?}");
        assert_eq!(raw.value("SELECT LENGTH(@x) FROM users WHERE id = 1"), "1000");
        raw.ok("SET @y = 5");
        assert_eq!(raw.value("SELECT LENGTH(@x) + @y FROM users WHERE id = 1"), "1005");
    }
    pair.check_sound();
}
