//! Tables that have another name on their servers (`as`).

use crate::support::pair::shop_map;
use crate::support::raw::{DEPRECATE_EOF, ORDINARY, Reply};
use crate::support::raw_login::Login;
use crate::support::{Pair, Raw, Rows, Settings};

const TABLES: &str = "      bills: {on: first, as: old.t_bills}
      letters: {key: {customer: int}, range: [{from: MIN, on: first}, {from: 100, on: second}], as: shop.t_letters}
";

/// Two tables of the shop that are called otherwise on the servers; a table by the name that clients know is another one.
fn each() -> impl Iterator<Item = Pair> {
    Pair::each().map(|mut pair| {
        for server in [&pair.first, &pair.second] {
            server.run_all(&[
                "CREATE TABLE shop.t_letters (customer INT PRIMARY KEY, text VARCHAR(20)) CHARACTER SET utf8mb4",
                "CREATE TABLE shop.letters (customer INT PRIMARY KEY, text VARCHAR(20)) CHARACTER SET utf8mb4",
            ]);
        }
        pair.first.run_all(&[
            "CREATE DATABASE old",
            "GRANT ALL ON old.* TO app@'%'",
            "CREATE TABLE old.t_bills (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, total INT)",
            "CREATE TABLE shop.bills (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, total INT)",
            "INSERT INTO old.t_bills VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30)",
            "INSERT INTO shop.bills VALUES (1, 1, -1)",
        ]);
        let map = shop_map(&pair.first, &pair.second) + TABLES;
        pair.start_proxy(Settings { map, ..Settings::default() });
        pair
    })
}

/// Schema, alias and table of each column.
fn names(rows: &Rows) -> Vec<String> {
    let part = |bytes: &mut &[u8]| {
        let (length, rest) = bytes.split_first().expect("a length");
        let (part, rest) = rest.split_at(usize::from(*length));
        *bytes = rest;
        String::from_utf8_lossy(part).into_owned()
    };
    let of = |definition: &Vec<u8>| {
        let mut bytes = definition.as_slice();
        let parts: Vec<String> = (0..4).map(|_| part(&mut bytes)).collect();
        parts[1..].join(" ")
    };
    rows.definitions.iter().map(of).collect()
}

#[test]
fn rows_are_read_by_the_name_that_clients_know() {
    for mut pair in each() {
        for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
            let mut raw = pair.login(&Login { database: "shop".into(), capabilities, ..Login::default() });
            for (text, lines) in [
                ("SELECT total FROM bills WHERE bills.id = 1", "10"),
                ("SELECT SUM(b.total) FROM shop.bills b", "60"),
                (
                    "SELECT u.name, bills.total FROM users u JOIN bills ON bills.user_id = u.id WHERE total = 30",
                    "Grace\t30",
                ),
                ("SELECT name FROM users WHERE id IN (SELECT user_id FROM bills WHERE bills.total > 25)", "Grace"),
                (
                    "SELECT COUNT(*) FROM users WHERE NOT EXISTS (SELECT 1 FROM bills WHERE bills.user_id = users.id)",
                    "3",
                ),
                ("WITH bills AS (SELECT * FROM bills) SELECT COUNT(*) FROM bills", "3"),
                ("SELECT 'bills' FROM bills -- bills\n WHERE id = 1", "bills"),
            ] {
                assert_eq!(raw.rows(text).lines(), [lines], "{text}");
            }
            let rows = raw.rows("SELECT bills.id, b.total, u.name FROM bills, bills b, users u LIMIT 1");
            assert_eq!(names(&rows), ["shop bills bills", "shop b bills", "shop u users"]);
            // A row wider than a buffer, and several replies in one packet.
            let wide = raw.rows("SELECT REPEAT('x', 100000), total FROM bills");
            assert_eq!((wide.rows.len(), &*names(&wide)[1]), (3, "shop bills bills"));
            assert_eq!(raw.refused("SELECT nothing FROM bills").code, 1054);
        }
        let capabilities = ORDINARY;
        let mut raw = pair.login(&Login { database: "shop".into(), capabilities, ..Login::default() });
        let replies = raw.query("SELECT id FROM bills; SELECT id FROM users; SELECT total FROM bills WHERE id = 2");
        let found: Vec<_> = replies
            .iter()
            .map(|reply| match reply {
                Reply::Rows(rows) => names(rows)[0].clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, ["shop bills bills", "shop users users", "shop bills bills"]);
        pair.check_sound();
    }
}

#[test]
fn prepared_statements_have_the_names_that_clients_know() {
    for mut pair in each() {
        let mut raw = pair.app();
        let (id, columns, parameters) =
            raw.prepare("SELECT bills.id, CONCAT(total) FROM bills WHERE id IN (?, ?)").expect("valid");
        assert_eq!((columns, parameters), (2, 2));
        for bound in [true, false] {
            let replies = raw.execute(id, &[1, 3], bound);
            let [Reply::Rows(rows)] = &replies[..] else { panic!("{replies:?}") };
            assert_eq!((rows.rows.len(), &*names(rows)[0]), (2, "shop bills bills"));
        }
        let (insert, _, _) = raw.prepare("INSERT INTO letters (customer, text) VALUES (?, 'a')").expect("valid");
        for key in [5, 500] {
            assert!(matches!(&raw.execute(insert, &[key], true)[..], [Reply::Ok(done)] if done.affected == 1));
        }
        let (select, _, _) = raw.prepare("SELECT letters.text FROM letters WHERE customer = ?").expect("valid");
        for key in [5, 500] {
            let replies = raw.execute(select, &[key], true);
            let [Reply::Rows(rows)] = &replies[..] else { panic!("{replies:?}") };
            assert_eq!((rows.rows.len(), &*names(rows)[0]), (1, "shop letters letters"));
        }
        // It is cut as it was when it was prepared, also when it is planned anew for a hint.
        let (then, _, _) =
            raw.prepare(r"SELECT 'a\' FROM letters -- ' FROM letters WHERE customer = ?").expect("valid");
        raw.ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'");
        raw.ok("SET meridian_shard = 'first'");
        let replies = raw.execute(then, &[5], true);
        assert!(matches!(&replies[..], [Reply::Rows(rows)] if rows.rows.len() == 1), "{replies:?}");
        raw.ok("SET meridian_shard = DEFAULT");
        for (server, key) in [(&pair.first, "5"), (&pair.second, "500")] {
            assert_eq!(server.rows("SELECT customer FROM shop.t_letters").lines(), [key]);
            assert_eq!(server.value("SELECT COUNT(*) FROM shop.letters"), "0");
        }
        pair.check_sound();
    }
}

#[test]
fn rows_are_written_by_the_name_that_clients_know() {
    for mut pair in each() {
        let mut raw = pair.app();
        let inserted = raw.ok("INSERT INTO bills (user_id, total) VALUES (3, 40), (4, 50)");
        assert_eq!((inserted.affected, inserted.last_id), (2, 4));
        raw.ok(
            "INSERT INTO shop.bills (id, total) VALUES (4, 1) ON DUPLICATE KEY UPDATE total = total + VALUES(total)",
        );
        raw.ok("UPDATE bills SET bills.total = 51 WHERE bills.id = 5");
        raw.ok("UPDATE bills b JOIN users u ON u.id = b.user_id SET b.total = 11 WHERE b.id = 1");
        raw.ok("DELETE FROM bills WHERE id = 2 LIMIT 1");
        raw.ok("DELETE bills FROM bills JOIN users ON users.id = bills.user_id WHERE bills.id = 3");
        raw.ok("REPLACE INTO letters (customer, text) VALUES (7, 'x')");
        raw.ok("BEGIN");
        raw.ok("INSERT INTO notes (text) SELECT total FROM bills WHERE id = 4");
        raw.ok("COMMIT");
        let bills = ["1\t11", "4\t41", "5\t51"];
        assert_eq!(raw.rows("SELECT id, total FROM bills ORDER BY bills.id").lines(), bills);
        assert_eq!(pair.first.rows("SELECT id, total FROM old.t_bills ORDER BY id").lines(), bills);
        assert_eq!(pair.first.rows("SELECT id, total FROM shop.bills").lines(), ["1\t-1"]);
        assert_eq!(raw.value("SELECT text FROM notes"), "41");
        for text in [
            "SELECT (SELECT MAX(id) FROM bills)",
            "SELECT shop.bills.id FROM bills",
            "DELETE FROM bills WHERE bills.id = 1",
            "TRUNCATE bills",
            "DESCRIBE bills",
            "SHOW TABLES",
        ] {
            let error = raw.refused(text);
            assert!(error.message.contains("another name on its servers"), "{text}: {error:?}");
        }
        for text in ["SELECT * FROM t_letters", "/* meridian: shard=first */ SELECT * FROM T_LETTERS"] {
            let error = raw.refused(text);
            assert!(error.message.contains("what shop.letters is called on its servers"), "{text}: {error:?}");
        }
        let explained = raw.rows("EXPLAIN ROUTE SELECT total FROM bills").lines().join("\n");
        assert!(explained.ends_with("SELECT total FROM `old`.`t_bills` `bills`"), "{explained}");
        pair.check_sound();
    }
}

/// The name that a server answers to, for who compares the two.
#[test]
fn a_session_is_as_before_behind_such_a_statement() {
    let mut pair = each().next().expect("MariaDB is there");
    let mut raw: Raw = pair.app();
    raw.ok("SET @x = 5");
    assert_eq!(raw.value("SELECT @x + total FROM bills WHERE id = 1"), "15");
    assert_eq!(names(&raw.rows("SELECT id FROM users LIMIT 1")), ["shop users users"]);
    raw.refused("SELECT nothing FROM bills");
    assert_eq!(raw.rows("SHOW WARNINGS").lines().len(), 1);
    assert_eq!(names(&raw.rows("SELECT id FROM users LIMIT 1")), ["shop users users"]);
    pair.check_sound();
}
