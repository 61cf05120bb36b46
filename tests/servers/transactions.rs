//! What a transaction was begun with, and what a reset goes back to: scripts that one plain server and the proxy in front
//! of two answer alike.
//!
//! users and notes live on the first server, orders and marks on the second.

use crate::support::raw_login::Login;
use crate::support::server::Kind;
use crate::support::{Pair, Raw, Reply};

/// What a client sees of one statement.
fn seen(reply: &Reply) -> String {
    match reply {
        Reply::Ok(done) => format!("ok {}", done.status & 1),
        Reply::Rows(rows) => rows.lines().join(", "),
        Reply::Error(error) => format!("error {}", error.code),
    }
}

/// Runs the script with two sessions; lines of the second begin with `b:`.
fn run(port: u16, kind: Kind, script: &str) -> Vec<String> {
    let login = || Raw::app(port, "shop").expect("it answers");
    let (mut a, mut b) = (login(), login());
    for table in ["notes", "marks"] {
        a.ok(&format!("DELETE FROM {table}"));
    }
    let old = kind == Kind::MariaDb;
    let script = script
        .replace("@@ISOLATION", if old { "@@tx_isolation" } else { "@@transaction_isolation" })
        .replace("@@ACCESS", if old { "@@session.tx_read_only" } else { "@@session.transaction_read_only" });
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = |line: &str| match line.strip_prefix("b:") {
        Some(of_b) => format!("{line} -> {}", seen(&b.one(of_b))),
        None => format!("{line} -> {}", seen(&a.one(line))),
    };
    lines.map(line).collect()
}

#[track_caller]
fn as_on_one_server(scripts: &[&str]) {
    for mut pair in Pair::each() {
        let (kind, whole) = (pair.first.kind, pair.whole().port);
        for script in scripts {
            assert_eq!(run(pair.port(), kind, script), run(whole, kind, script), "{kind:?}");
        }
        pair.check_sound();
    }
}

#[test]
fn savepoints_stand_before_what_begins_a_transaction() {
    as_on_one_server(&[
        "SET autocommit = 0
         SAVEPOINT a
         SELECT 1
         INSERT INTO marks (text) VALUES ('a')
         ROLLBACK TO a
         COMMIT
         SELECT COUNT(*) FROM marks
         COMMIT",
        "SET autocommit = 0
         SAVEPOINT a
         SELECT 1
         ROLLBACK TO a
         COMMIT
         ROLLBACK TO a",
    ]);
}

#[test]
fn the_status_says_what_may_only_read() {
    for mut pair in Pair::each() {
        let (mut raw, mut whole) = (pair.app(), Raw::app(pair.whole().port, "shop").expect("app may log in"));
        for text in [
            "SET SESSION TRANSACTION READ ONLY",
            "BEGIN",
            "SELECT COUNT(*) FROM users",
            "COMMIT AND CHAIN",
            "SELECT COUNT(*) FROM users",
            "COMMIT",
            "START TRANSACTION READ WRITE",
            "COMMIT",
            "SET SESSION TRANSACTION READ WRITE",
            "SET TRANSACTION READ ONLY",
            "BEGIN",
            "COMMIT",
            "START TRANSACTION READ ONLY",
            "COMMIT AND CHAIN",
            "ROLLBACK",
        ] {
            let status = |raw: &mut Raw| match raw.one(text) {
                Reply::Ok(done) => done.status,
                Reply::Rows(rows) => rows.status,
                Reply::Error(error) => panic!("{text}: {error:?}"),
            };
            // What tells of indexes that a query did not use is a server's own.
            let of_transactions = 0x2003;
            assert_eq!(status(&mut raw) & of_transactions, status(&mut whole) & of_transactions, "{text}");
        }
        pair.check_sound();
    }
}

#[test]
fn a_group_that_joins_later_begins_as_the_transaction_began() {
    as_on_one_server(&[
        "START TRANSACTION READ ONLY
         SET SESSION TRANSACTION READ WRITE
         SELECT @@ACCESS
         SELECT COUNT(*) FROM users
         INSERT INTO marks (text) VALUES ('a')
         COMMIT
         INSERT INTO marks (text) VALUES ('b')",
        "BEGIN
         SELECT COUNT(*) FROM users
         SET SESSION TRANSACTION READ ONLY
         SELECT @@ACCESS FROM orders WHERE id = 1
         INSERT INTO marks (text) VALUES ('a')
         SELECT @@ACCESS FROM orders WHERE id = 1
         COMMIT
         INSERT INTO marks (text) VALUES ('b')
         INSERT INTO notes (text) VALUES ('b')
         BEGIN
         INSERT INTO notes (text) VALUES ('b')
         COMMIT",
        "SET SESSION TRANSACTION READ ONLY
         BEGIN
         SELECT COUNT(*) FROM users
         SET SESSION TRANSACTION READ WRITE
         INSERT INTO marks (text) VALUES ('a')
         SELECT COUNT(*) FROM marks
         ROLLBACK
         INSERT INTO marks (text) VALUES ('b')",
        "BEGIN
         SELECT COUNT(*) FROM users
         SET @@ACCESS = 1
         INSERT INTO marks (text) VALUES ('a')
         COMMIT AND CHAIN
         INSERT INTO notes (text) VALUES ('b')
         COMMIT
         INSERT INTO notes (text) VALUES ('c')",
        "BEGIN
         SELECT COUNT(*) FROM users
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
         SELECT COUNT(*) FROM marks
         b:INSERT INTO marks (text) VALUES ('b')
         SELECT COUNT(*) FROM marks
         SELECT @@ISOLATION FROM orders WHERE id = 1
         COMMIT AND CHAIN
         SELECT COUNT(*) FROM marks
         b:INSERT INTO marks (text) VALUES ('b')
         SELECT COUNT(*) FROM marks
         COMMIT
         BEGIN
         SELECT COUNT(*) FROM marks
         b:INSERT INTO marks (text) VALUES ('b')
         SELECT COUNT(*) FROM marks
         COMMIT",
        "SET autocommit = 0
         SELECT COUNT(*) FROM users
         SET SESSION TRANSACTION READ ONLY
         INSERT INTO marks (text) VALUES ('a')
         SELECT @@ACCESS FROM orders WHERE id = 1
         COMMIT
         INSERT INTO marks (text) VALUES ('b')
         COMMIT
         SELECT COUNT(*) FROM users
         SET SESSION TRANSACTION READ WRITE
         INSERT INTO marks (text) VALUES ('b')
         COMMIT
         INSERT INTO marks (text) VALUES ('c')
         COMMIT
         SELECT COUNT(*) FROM marks
         COMMIT",
    ]);
}

#[test]
fn begin_inside_a_transaction_keeps_or_drops_its_characteristics_as_the_server_does() {
    as_on_one_server(&[
        "START TRANSACTION READ ONLY
         BEGIN
         INSERT INTO notes (text) VALUES ('a')
         COMMIT
         INSERT INTO notes (text) VALUES ('b')",
        "START TRANSACTION READ ONLY
         SELECT COUNT(*) FROM orders
         START TRANSACTION
         INSERT INTO notes (text) VALUES ('a')
         BEGIN
         INSERT INTO marks (text) VALUES ('a')
         START TRANSACTION READ WRITE
         INSERT INTO notes (text) VALUES ('b')
         BEGIN
         INSERT INTO notes (text) VALUES ('b')
         COMMIT",
        "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY
         BEGIN
         SELECT COUNT(*) FROM users
         BEGIN
         b:BEGIN
         b:INSERT INTO marks (text) VALUES ('b')
         SELECT COUNT(*) FROM marks
         INSERT INTO notes (text) VALUES ('a')
         COMMIT
         b:ROLLBACK
         INSERT INTO notes (text) VALUES ('a')",
        "START TRANSACTION READ ONLY
         ROLLBACK AND CHAIN
         INSERT INTO notes (text) VALUES ('a')
         START TRANSACTION READ WRITE
         INSERT INTO notes (text) VALUES ('a')
         COMMIT AND CHAIN
         BEGIN
         INSERT INTO marks (text) VALUES ('a')
         COMMIT",
        "SET SESSION TRANSACTION READ ONLY
         BEGIN
         SET SESSION TRANSACTION READ WRITE
         BEGIN
         INSERT INTO marks (text) VALUES ('a')
         COMMIT",
        "SET SESSION TRANSACTION READ ONLY
         START TRANSACTION READ WRITE
         BEGIN
         INSERT INTO marks (text) VALUES ('a')
         COMMIT",
        "SET autocommit = 0
         SET TRANSACTION READ ONLY
         SELECT COUNT(*) FROM users
         INSERT INTO marks (text) VALUES ('a')
         BEGIN
         INSERT INTO marks (text) VALUES ('a')
         COMMIT",
    ]);
}

#[test]
fn what_is_set_for_one_transaction_holds_as_long_as_on_one_server() {
    as_on_one_server(&[
        "SET autocommit = 0
         START TRANSACTION READ ONLY
         SELECT COUNT(*) FROM users
         SET autocommit = 1
         INSERT INTO marks (text) VALUES ('a')
         SELECT COUNT(*) FROM users
         INSERT INTO marks (text) VALUES ('a')",
        "SET TRANSACTION READ ONLY
         SET SESSION TRANSACTION READ WRITE
         BEGIN
         INSERT INTO marks (text) VALUES ('a')
         COMMIT",
        "SET TRANSACTION READ ONLY
         SET @@ACCESS = 0
         INSERT INTO marks (text) VALUES ('a')",
        "SET TRANSACTION READ ONLY
         SET /* transaction */ LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE
         INSERT INTO marks (text) VALUES ('a')
         SELECT COUNT(*) FROM users
         INSERT INTO marks (text) VALUES ('a')",
    ]);
}

const CHARSETS: &str = "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, \
                        @@collation_connection";

#[test]
fn a_reset_goes_back_to_the_charset_of_the_server() {
    const RESET_CONNECTION: &[u8] = &[0x1F];
    for mut pair in Pair::each() {
        let whole = pair.whole().port;
        // MariaDB does not know 255, and goes back to what it finds then.
        let known: &[u8] = if pair.first.kind == Kind::MySql9 { &[8, 33, 45, 46, 255] } else { &[8, 33, 45, 46] };
        for collation in known.iter().copied() {
            let answers = [pair.port(), whole].map(|port| {
                let login = Login { database: "shop".into(), collation, ..Login::default() };
                let mut raw = Raw::login(port, &login).expect("it answers");
                let mut answers = vec![raw.rows(CHARSETS).lines()];
                raw.ok("SET NAMES latin1");
                for _ in 0..2 {
                    raw.simple(RESET_CONNECTION);
                    answers.push(raw.rows(CHARSETS).lines());
                    answers.push(raw.rows(&format!("{CHARSETS} FROM orders WHERE id = 1")).lines());
                }
                answers
            });
            assert_eq!(answers[0], answers[1], "{collation}");
        }
        pair.check_sound();
    }
}

#[test]
fn a_chain_begins_with_what_was_set_for_the_next_transaction() {
    for pair in Pair::each() {
        for end in ["COMMIT AND CHAIN", "ROLLBACK AND CHAIN"] {
            let mut raw = pair.app();
            raw.ok("SET TRANSACTION READ ONLY");
            raw.ok(end);
            assert_eq!(raw.refused("INSERT INTO notes (text) VALUES ('no')").code, 1792, "{end}");
            raw.ok("ROLLBACK");
            raw.ok("INSERT INTO notes (text) VALUES ('yes')");
        }
    }
}

#[test]
fn the_status_says_that_a_transaction_is_read_only() {
    for pair in Pair::each() {
        let (mut direct, mut raw) = (pair.first.connect(), pair.app());
        for text in
            ["START TRANSACTION READ ONLY", "COMMIT", "START TRANSACTION READ WRITE", "ROLLBACK", "BEGIN", "COMMIT"]
        {
            assert_eq!(raw.ok(text).status, direct.ok(text).status, "{text}");
        }
    }
}
