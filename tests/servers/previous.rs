//! What a session may ask about its statement before, and what it set for the one behind, when others use the same
//! connection in between.

use crate::support::pair::ONE_CONNECTION;
use crate::support::raw::{Reply, ServerError};
use crate::support::{Pair, Raw, Server};

const NO_BACKSLASH_ESCAPES: u16 = 0x200;
const IN_TRANSACTION: u16 = 1;

#[track_caller]
fn own_or_refused(raw: &mut Raw, statement: &str, own: &str) {
    match raw.one(statement) {
        Reply::Rows(rows) => assert_eq!(rows.lines().join("\n"), own, "{statement}"),
        Reply::Error(error) if error.message.starts_with("Meridian: ") => {}
        other => panic!("{statement}: {other:?}"),
    }
}

#[track_caller]
fn fails(raw: &mut Raw, statement: &str, code: u16) -> ServerError {
    match raw.one(statement) {
        Reply::Error(error) if error.code == code => error,
        other => panic!("{statement}: {other:?}"),
    }
}

fn direct(server: &Server) -> Raw {
    Raw::app(server.port, "shop").expect("the server answers")
}

/// MariaDB lists warnings until a statement with a table runs.
#[test]
fn warnings_of_others_are_not_listed_behind_a_statement_without_a_table() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = (pair.app(), pair.app());
        fails(&mut a, "SELECT nothing FROM users", 1054);
        b.rows("SELECT 1");
        own_or_refused(&mut b, "SHOW WARNINGS", "");
        fails(&mut a, "SELECT nothing FROM users", 1054);
        b.ok("SET @x = 1");
        own_or_refused(&mut b, "SELECT @@warning_count", "0");
        pair.check_sound();
    }
}

#[test]
fn rows_that_others_found_are_not_counted() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = (pair.app(), pair.app());
        a.rows("SELECT id FROM users");
        b.ok("INSERT INTO notes (text) VALUES ('b')");
        own_or_refused(&mut b, "SELECT FOUND_ROWS()", "0");
        a.rows("SELECT id FROM users");
        fails(&mut b, "SELECT nothing FROM users", 1054);
        own_or_refused(&mut b, "SELECT FOUND_ROWS()", "0");
        pair.check_sound();
    }
}

/// In one statement there is no room for a question to the server in between.
#[test]
fn ids_and_counts_are_told_together_or_not_at_all() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = (pair.app(), pair.app());
        let own = b.ok("INSERT INTO marks (text) VALUES ('b')").last_id.to_string();
        a.ok("INSERT INTO notes (text) VALUES ('a')");
        b.ok("INSERT INTO notes (id, text) VALUES (700, 'b')");
        own_or_refused(&mut b, "SELECT ROW_COUNT(), LAST_INSERT_ID()", &format!("1\t{own}"));
        assert_eq!(b.value("SELECT LAST_INSERT_ID()"), own);
        b.ok("INSERT INTO marks (text) VALUES ('b')");
        a.ok("INSERT INTO notes (text) VALUES ('a')");
        let own = b.ok("INSERT INTO notes (text) VALUES ('b')").last_id.to_string();
        own_or_refused(&mut b, "SELECT ROW_COUNT(), LAST_INSERT_ID()", &format!("1\t{own}"));
        pair.check_sound();
    }
}

#[test]
fn an_id_is_not_lost_where_it_still_is() {
    for mut pair in Pair::each_of_one_connection() {
        let (mut a, mut b) = (pair.app(), pair.app());
        a.ok("INSERT INTO marks (text) VALUES ('a')");
        let own = b.ok("INSERT INTO notes (text) VALUES ('b')").last_id.to_string();
        b.ok("INSERT INTO marks (id, text) VALUES (700, 'b')");
        a.ok("INSERT INTO marks (text) VALUES ('a')");
        b.ok("CREATE TABLE IF NOT EXISTS notes (id INT)");
        assert_eq!(b.value("SELECT LAST_INSERT_ID()"), own);
        pair.check_sound();
    }
}

/// Rows and errors do not say which id was generated.
#[test]
fn ids_without_an_ok_are_not_missed() {
    let mut pair = Pair::mariadb_with(ONE_CONNECTION);
    let (mut a, mut b) = (pair.app(), pair.app());
    b.ok("INSERT INTO marks (text) VALUES ('b')");
    let own = b.rows("INSERT INTO notes (text) VALUES ('b') RETURNING id").value();
    a.ok("INSERT INTO notes (text) VALUES ('a')");
    assert_eq!(b.value("SELECT LAST_INSERT_ID()"), own);
    fails(&mut b, "INSERT INTO notes (id, text) VALUES (NULL, 'b'), (1, 'b')", 1062);
    a.ok("INSERT INTO notes (text) VALUES ('a')");
    let mut direct = direct(&pair.first);
    direct.ok("INSERT INTO notes (text) VALUES ('direct')");
    fails(&mut direct, "INSERT INTO notes (id, text) VALUES (NULL, 'b'), (1, 'b')", 1062);
    let advances = direct.value("SELECT LAST_INSERT_ID() > (SELECT MAX(id) FROM notes)") == "1";
    assert_eq!(b.value("SELECT LAST_INSERT_ID()") > own, advances);
    pair.check_sound();
}

#[test]
fn set_transaction_waits_for_a_transaction() {
    const READ_ONLY: u16 = 1792;
    for mut pair in Pair::each_of_one_connection() {
        let mut a = pair.app();
        a.ok("SET TRANSACTION READ ONLY");
        a.rows("SELECT 1");
        fails(&mut a, "SELECT id FROM notes, nothing", 1146);
        fails(&mut a, "UPDATE users SET email = 'x'", READ_ONLY);
        fails(&mut a, "UPDATE users SET email = 'x'", READ_ONLY);
        a.rows("SELECT id FROM users");
        a.ok("INSERT INTO notes (text) VALUES ('written')");
        // Both hold, and on every group.
        a.ok("SET TRANSACTION READ ONLY");
        a.ok("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        a.ok("BEGIN");
        a.rows("SELECT id FROM users");
        fails(&mut a, "INSERT INTO marks (text) VALUES ('a')", READ_ONLY);
        a.ok("COMMIT AND CHAIN");
        fails(&mut a, "INSERT INTO notes (text) VALUES ('a')", READ_ONLY);
        a.ok("ROLLBACK");
        a.ok("INSERT INTO marks (text) VALUES ('a')");
        a.ok("SET autocommit = 0");
        a.ok("SET TRANSACTION READ ONLY");
        a.rows("SELECT id FROM users WHERE id = 1");
        fails(&mut a, "INSERT INTO marks (text) VALUES ('a')", READ_ONLY);
        a.ok("ROLLBACK");
        a.ok("INSERT INTO marks (text) VALUES ('a')");
        a.ok("ROLLBACK");
        pair.check_sound();
    }
}

/// It has committed before it failed.
#[test]
fn a_definition_that_fails_ends_the_transaction() {
    for mut pair in Pair::each_of_one_connection() {
        let mut a = pair.app();
        a.ok("BEGIN");
        a.ok("INSERT INTO notes (text) VALUES ('a')");
        fails(&mut a, "ALTER TABLE notes DROP COLUMN nothing", 1091);
        assert_eq!(a.ok("INSERT INTO marks (text) VALUES ('a')").status & IN_TRANSACTION, 0);
        a.ok("ROLLBACK");
        assert_eq!(direct(&pair.first).value("SELECT COUNT(*) FROM notes"), "1");
        assert_eq!(direct(&pair.second).value("SELECT COUNT(*) FROM marks"), "1");
        pair.check_sound();
    }
}

/// A client escapes its strings as the status of the last reply tells it.
#[test]
fn the_answer_to_set_tells_how_to_escape() {
    for mut pair in Pair::each_of_one_connection() {
        let mut a = pair.app();
        let told = |raw: &mut Raw, statement: &str| raw.ok(statement).status & NO_BACKSLASH_ESCAPES != 0;
        assert!(told(&mut a, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"));
        assert!(told(&mut a, "BEGIN"));
        assert!(!told(&mut a, "SET sql_mode = ''"));
        a.ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'");
        let Reply::Ok(reset) = a.simple(&[0x1F]) else { panic!("a reset") };
        assert_eq!(reset.status & NO_BACKSLASH_ESCAPES, 0);
        pair.check_sound();
    }
}

#[test]
fn rows_that_found_rows_does_not_count_do_not_make_it_the_sessions() {
    let pair = Pair::mariadb_with("limits:\n  pool_connections_max: 1\n");
    let (mut other, mut raw) = (pair.app(), pair.app());
    for text in ["SHOW CREATE TABLE users", "EXPLAIN SELECT * FROM users", "SHOW COLUMNS FROM users"] {
        other.rows("SELECT id FROM users");
        raw.ok("UPDATE users SET name = name WHERE id = 1");
        raw.rows(text);
        assert_eq!(raw.refused("SELECT FOUND_ROWS()").code, 1235, "{text}");
    }
    raw.rows("SELECT id FROM users WHERE id = 1");
    assert_eq!(raw.value("SELECT FOUND_ROWS()"), "1");
}

#[test]
fn a_set_leaves_its_own_warnings() {
    for pair in Pair::each() {
        let text = match pair.first.family() {
            "mysql" => "SET sql_mode = 'STRICT_ALL_TABLES'",
            _ => "SET sort_buffer_size = 1",
        };
        let mut direct = pair.first.connect();
        let expected = direct.ok(text).warnings;
        let warnings = direct.rows("SHOW WARNINGS").lines();
        assert!(expected > 0 && warnings.len() == usize::from(expected), "{warnings:?}");
        let mut raw = pair.app();
        assert_eq!(raw.ok(text).warnings, expected);
        assert_eq!(raw.rows("SHOW WARNINGS").lines(), warnings);
        // They go with the next statement.
        raw.ok("SET time_zone = '+00:00'");
        assert!(raw.rows("SHOW WARNINGS").rows.is_empty());
    }
}
