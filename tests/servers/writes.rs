//! Rows of split tables are stored where their keys live, and stay there. What one server that holds all rows makes of
//! the same statements is the expectation.

use crate::support::pair::shop_map;
use crate::support::raw::Reply;
use crate::support::{Pair, Raw, Settings};

/// Below this, keys live on the first server.
const BOUND: i64 = 100;

const TABLES: [&str; 2] = ["tickets", "archive"];

/// tickets and archive are split alike, extra is on the first server.
struct Desk {
    pair: Pair,
    routed: Raw,
    direct: Raw,
}

impl Desk {
    fn each() -> impl Iterator<Item = Desk> {
        Pair::each().map(Desk::of)
    }

    fn of(mut pair: Pair) -> Desk {
        let definition = |table: &str| {
            format!(
                "CREATE TABLE shop.{table} (id INT NOT NULL, code VARCHAR(20), n INT NOT NULL DEFAULT 0, PRIMARY KEY (id), \
                 UNIQUE (code))"
            )
        };
        let extra = "CREATE TABLE shop.extra (id INT NOT NULL PRIMARY KEY, word VARCHAR(20))";
        let low = "INSERT INTO shop.tickets VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)";
        let high = "INSERT INTO shop.tickets VALUES (101, 'aa', 1), (102, 'bb', 2)";
        let word = "INSERT INTO shop.extra VALUES (1, 'one'), (7, 'seven')";
        let (tickets, archive) = (definition("tickets"), definition("archive"));
        pair.whole().run_all(&[&tickets, &archive, extra, low, high, word]);
        pair.first.run_all(&[&tickets, &archive, extra, low, word]);
        pair.second.run_all(&[&tickets, &archive, high]);
        let mut map = shop_map(&pair.first, &pair.second);
        map.push_str("      extra: first\n");
        for table in TABLES {
            map.push_str(&format!(
                "      {table}:\n        key: {{id: int}}\n        range:\n          - {{from: MIN, on: first}}\n          \
                 - {{from: {BOUND}, on: second}}\n"
            ));
        }
        pair.start_proxy(Settings { map, ..Settings::default() });
        let routed = pair.app();
        let direct = Raw::app(pair.whole().port, "shop").expect("the whole server takes the login");
        Desk { pair, routed, direct }
    }

    /// Each server has the rows of its keys, and both together have what one server has.
    #[track_caller]
    fn check_rows(&mut self, statement: &str) {
        for table in TABLES {
            let rows = |condition: &str| format!("SELECT id, code, n FROM shop.{table} WHERE {condition} ORDER BY id");
            let (low, high) = (rows(&format!("id < {BOUND}")), rows(&format!("id >= {BOUND}")));
            let whole = self.pair.whole();
            let (low, high) = (whole.rows(&low).lines(), whole.rows(&high).lines());
            assert_eq!(self.pair.first.rows(&rows("TRUE")).lines(), low, "{table}: {statement}");
            assert_eq!(self.pair.second.rows(&rows("TRUE")).lines(), high, "{table}: {statement}");
        }
    }

    fn check_accepted(&mut self, statement: &str) {
        let (routed, direct) = (self.routed.one(statement), self.direct.one(statement));
        match (&routed, &direct) {
            (Reply::Ok(routed), Reply::Ok(direct)) => assert_eq!(routed.affected, direct.affected, "{statement}"),
            (Reply::Rows(routed), Reply::Rows(direct)) => assert_eq!(routed.lines(), direct.lines(), "{statement}"),
            // Syntax of the other family.
            (Reply::Error(_), Reply::Error(direct)) if direct.code == 1064 => {}
            (Reply::Error(routed), Reply::Error(direct)) => assert_eq!(routed.code, direct.code, "{statement}"),
            _ => panic!("{routed:?}, not {direct:?}, for {statement}"),
        }
        self.check_rows(statement);
    }

    fn check_refused(&mut self, statement: &str) {
        let error = self.routed.refused(statement);
        assert!(error.message.starts_with("Meridian: "), "{statement}: {error:?}");
        self.check_rows(statement);
    }
}

#[test]
fn a_row_is_stored_where_its_key_lives_however_it_is_written() {
    for mut desk in Desk::each() {
        for statement in [
            "INSERT LOW_PRIORITY IGNORE INTO tickets (id, code) VALUES (10, 'j'), (1, 'again')",
            "INSERT HIGH_PRIORITY tickets SET code = 'k', id = 110",
            "INSERT DELAYED INTO tickets (id) VALUES (111)",
            "INSERT INTO tickets SET shop.tickets.id = 11, code = 'l'",
            "INSERT INTO tickets (tickets.id, n) VALUE (12, DEFAULT)",
            "REPLACE LOW_PRIORITY tickets (id, code) VALUES (101, 'new'), (112, 'bb')",
            "REPLACE INTO tickets SET id = 2, code = 'a'",
            "INSERT INTO tickets (id, code) VALUES (113, 'x') RETURNING id, code",
            "INSERT INTO tickets (id, code) VALUES ROW(13, 'y'), ROW(14, 'z')",
            "INSERT INTO tickets (id, n) VALUES (3, 33) ON DUPLICATE KEY UPDATE n = VALUES(n)",
            "INSERT INTO tickets (id, n) VALUES (3, 34) AS new ON DUPLICATE KEY UPDATE n = new.n",
            "INSERT INTO tickets (id, n) VALUES (102, 34) AS new(a, b) ON DUPLICATE KEY UPDATE n = b",
            "INSERT INTO tickets (code, id) VALUES (CONCAT('p', 5 MOD 2), (15)), ((SELECT word FROM extra WHERE id = 1), 16)",
        ] {
            desk.check_accepted(statement);
        }
        for statement in [
            "INSERT INTO tickets VALUES (20, 'q', 1)",
            "INSERT INTO tickets () VALUES ()",
            "INSERT INTO tickets (code) VALUES ('q')",
            "INSERT INTO tickets (id, code) VALUES (20, 'q'), (120, 'r')",
            "INSERT INTO tickets (id, code) VALUES (20 + 1, 'q')",
            "REPLACE INTO tickets SET id = '0x14'",
            "INSERT INTO tickets (id) VALUES (20.5)",
            "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE tickets (id)",
            "CREATE TABLE tickets SELECT 1 AS id",
        ] {
            desk.check_refused(statement);
        }
        desk.pair.check_sound();
    }
}

#[test]
fn rows_of_a_select_are_stored_on_the_shard_that_it_reads() {
    for mut desk in Desk::each() {
        for statement in [
            "INSERT INTO tickets (id, code) SELECT 7, word FROM extra WHERE id = 7",
            "INSERT INTO tickets (code, id) SELECT 'hundred', 130 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM tickets WHERE id = 130)",
            "INSERT INTO tickets (code, id) SELECT 'hundred', 130 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM tickets WHERE id = 130)",
            "INSERT INTO tickets (id, n) SELECT '8' AS a, COUNT(*) FROM extra",
            "INSERT INTO archive (id, code, n) SELECT id, code, n FROM tickets WHERE id = 102",
            "INSERT INTO archive (code, id) SELECT CONCAT(t.code, e.word), t.id FROM tickets t JOIN extra e ON e.id = t.id WHERE t.id IN (1, 2, 7)",
            "REPLACE INTO archive (id, code) SELECT DISTINCT `ID`, 'once' FROM tickets WHERE id = 102 ORDER BY n LIMIT 1 FOR UPDATE",
            "INSERT INTO tickets (id, n) SELECT id, 9 FROM archive a WHERE id = 102 ON DUPLICATE KEY UPDATE n = VALUES(n), id = VALUES(id)",
            "INSERT INTO archive (id, n) SELECT id, COUNT(*) FROM tickets WHERE id = 3 GROUP BY id",
            "INSERT INTO archive (id, n) SELECT id, COUNT(*) FROM tickets WHERE id = 55 GROUP BY id",
            "INSERT INTO extra (id, word) SELECT id + 50, code FROM tickets WHERE id = 3",
        ] {
            desk.check_accepted(statement);
        }
        for statement in [
            "INSERT INTO archive (id, code) SELECT id, code FROM tickets",
            "INSERT INTO archive (id, code) SELECT * FROM tickets WHERE id = 1",
            "INSERT INTO archive SELECT * FROM tickets WHERE id = 1",
            "INSERT INTO archive (id, code) SELECT id + 99, code FROM tickets WHERE id = 1",
            "INSERT INTO archive (id, code) SELECT n, code FROM tickets WHERE id = 1",
            "INSERT INTO archive (id, code) SELECT 140, word FROM extra",
            "INSERT INTO archive (id, code) SELECT 4, code FROM tickets WHERE id = 101",
            "INSERT INTO archive (id, n) SELECT id, COUNT(*) FROM tickets WHERE id = 55",
            "INSERT INTO archive (id, n) SELECT id, COUNT(*) FROM tickets WHERE id = 2 GROUP BY id WITH ROLLUP",
            "INSERT INTO archive (id) SELECT t.id FROM extra e LEFT JOIN tickets t ON t.id = e.id + 1 AND t.id = 2",
            "INSERT INTO archive (id) SELECT 4 UNION SELECT 140",
            "INSERT INTO archive (id) (SELECT 4)",
        ] {
            desk.check_refused(statement);
        }
        desk.pair.check_sound();
    }
}

#[test]
fn a_row_may_get_a_key_of_its_own_shard_and_no_other() {
    for mut desk in Desk::each() {
        for statement in [
            "UPDATE tickets SET id = 20 WHERE id = 2",
            "UPDATE tickets SET id = '103', n = n + 1 WHERE id = 102 ORDER BY n LIMIT 1",
            "UPDATE tickets SET n = 7, id = id WHERE id IN (1, 3, 20)",
            "UPDATE tickets t JOIN extra e ON e.id = t.id SET t.id = 21, e.id = 9, t.n = e.id WHERE t.id = 1",
            "UPDATE tickets SET id = 22, id = 23 WHERE id = 21",
            "INSERT INTO tickets (id, code) VALUES (3, 'c') ON DUPLICATE KEY UPDATE id = 4",
            // The row with that code, whose key is another, gets the key.
            "INSERT INTO tickets (id, code, n) VALUES (150, 'aa', 5) ON DUPLICATE KEY UPDATE id = VALUES(id), n = VALUES(n)",
            "INSERT INTO tickets (id, code) VALUES (5, 'c') ON DUPLICATE KEY UPDATE n = 70, id = id",
            "INSERT INTO tickets (id, code) VALUES (6, 'c') AS new ON DUPLICATE KEY UPDATE tickets.id = new.id",
            "DELETE FROM tickets WHERE id IN (150, 103) ORDER BY id DESC LIMIT 1",
            "DELETE t, e FROM tickets t JOIN extra e WHERE t.id = 20 AND e.id = 9",
            "UPDATE tickets a, tickets b SET a.n = 1, b.n = 2 WHERE a.id = 4 AND b.id = 23",
        ] {
            desk.check_accepted(statement);
        }
        for statement in [
            "UPDATE tickets SET id = 200 WHERE id = 23",
            "UPDATE tickets SET id = 24, id = 200 WHERE id = 23",
            "UPDATE tickets SET id = id + 100 WHERE id = 23",
            "UPDATE tickets SET id = n WHERE id = 23",
            "UPDATE tickets SET id = NULL WHERE id = 23",
            "UPDATE tickets SET id = 24.6 WHERE id = 23",
            "UPDATE tickets SET id = 24 WHERE n = 2",
            "UPDATE tickets t JOIN extra e SET t.id = e.id WHERE t.id = 23",
            "INSERT INTO tickets (id, code) VALUES (23, 'q') ON DUPLICATE KEY UPDATE id = 200",
            "INSERT INTO tickets (id, code, n) VALUES (23, 'q', 200) ON DUPLICATE KEY UPDATE id = VALUES(n)",
            "INSERT INTO tickets (id, code) VALUES (23, 'q') ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(200)",
            "/* meridian: shard=first */ UPDATE tickets SET id = 200 WHERE code = 'c'",
        ] {
            desk.check_refused(statement);
        }
        desk.check_accepted("UPDATE tickets SET id = 24 WHERE id = 23");
        desk.pair.check_sound();
    }
}

#[test]
fn prepared_writes_go_where_their_parameters_say() {
    for mut desk in Desk::each() {
        for (text, accepted, refused) in [
            (
                "INSERT INTO tickets (id, n) VALUES (?, ?), (?, 1)",
                &[[60, 1, 61], [160, 2, 161]][..],
                &[[62, 1, 162], [162, 1, 62]][..],
            ),
            ("INSERT INTO tickets (id, n) SELECT ?, ? FROM extra WHERE id = ?", &[[63, 5, 7]], &[[163, 5, 7]]),
            ("INSERT INTO archive (id, n) SELECT id, ? + ? FROM tickets WHERE id = ?", &[[1, 2, 60], [1, 2, 160]], &[]),
            (
                "UPDATE tickets SET id = ?, n = ? WHERE id = ?",
                &[[64, 1, 60], [164, 2, 160]],
                &[[64, 1, 161], [165, 1, 61]],
            ),
            (
                "INSERT INTO tickets (id, n) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = ?",
                &[[61, 1, 65], [161, 1, 165]],
                &[[64, 1, 170], [164, 1, 70]],
            ),
        ] {
            let (routed, _, _) = desk.routed.prepare(text).expect("valid");
            let (direct, _, _) = desk.direct.prepare(text).expect("valid");
            for parameters in accepted {
                let routed = desk.routed.execute(routed, parameters, true);
                let direct = desk.direct.execute(direct, parameters, true);
                let [Reply::Ok(routed)] = &routed[..] else { panic!("{text} {parameters:?}: {routed:?}") };
                assert!(matches!(&direct[..], [Reply::Ok(direct)] if direct.affected == routed.affected), "{text}");
                desk.check_rows(text);
            }
            for parameters in refused {
                let refused = desk.routed.execute(routed, parameters, true);
                let [Reply::Error(error)] = &refused[..] else { panic!("{text} {parameters:?}: {refused:?}") };
                assert!(error.message.starts_with("Meridian: "), "{text}: {error:?}");
                desk.check_rows(text);
            }
        }
        desk.pair.check_sound();
    }
}
