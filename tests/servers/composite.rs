//! Keys of several columns: what is stored is where it is looked for, statements answer as on one server, and no row that
//! was planted on the wrong shard is ever found by its key.

use crate::support::pair::shop_map;
use crate::support::raw::Reply;
use crate::support::{Pair, Raw, Settings};
use crate::verify::verify;

/// A table with a key of two columns, and how values of both may be written.
struct Table {
    name: &'static str,
    columns: [&'static str; 2],
    definition: &'static str,
    split: &'static str,
    /// Written as the server would show them; several values of each column.
    plain: [&'static [&'static str]; 2],
    /// What may be stored as something else, by sql_mode and server.
    odd: [&'static [&'static str]; 2],
}

/// 16 buckets, on the two servers in turn.
const BUCKETS: &str = "hash: crc32/1, buckets: 16, range: [{from: 0, on: first}, {from: 1, on: second}, {from: 2, on: first}, \
                       {from: 3, on: second}, {from: 4, on: first}, {from: 5, on: second}, {from: 6, on: first}, {from: 7, on: second}, \
                       {from: 8, on: first}, {from: 9, on: second}, {from: 10, on: first}, {from: 11, on: second}, {from: 12, on: first}, \
                       {from: 13, on: second}, {from: 14, on: first}, {from: 15, on: second}]";

const TABLES: [Table; 4] = [
    Table {
        name: "parts",
        columns: ["tenant", "id"],
        definition: "tenant INT UNSIGNED NOT NULL, id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (tenant, id)",
        split: "key: {tenant: int unsigned, id: bigint unsigned}, range: [{from: MIN, on: first}, {from: [2, 3], on: \
                second}, {from: [3], on: first}, {from: [4, 2], on: second}]",
        plain: [&["1", "2", "'3'", "4", "4294967295"], &["1", "'2'", "3", "9007199254740993", "18446744073709551615"]],
        odd: [
            &[
                "0",
                "'02'",
                "2.0",
                "2.4",
                "'2x'",
                "2e0",
                "-2",
                "4294967296",
                "TRUE",
                "NULL",
                "x'32'",
                "''",
                "1 + 1",
                "DEFAULT",
            ],
            &[
                "0",
                "'03'",
                "3.0",
                "3.6",
                "' 3'",
                "3e0",
                "-1",
                "18446744073709551616",
                "'9007199254740993'",
                "b'11'",
                "NULL",
            ],
        ],
    },
    Table {
        name: "prices",
        columns: ["article", "day"],
        definition: "article VARCHAR(6) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, day DATE NOT NULL, \
                     PRIMARY KEY (day, article)",
        split: "key: {article: varchar(6) collate utf8mb4_bin, day: date}",
        plain: [
            &["'a'", "'b'", "'a:1'", "'1'", "''"],
            &["'2026-07-01'", "'2026-07-02'", "DATE'1999-12-31'", "'2000-01-01'"],
        ],
        odd: [
            &[
                "'a '",
                "'A'",
                "'\u{e9}'",
                "1",
                "1.0",
                "TRUE",
                "'toolong'",
                "x'61'",
                "N'a'",
                "_latin1'a'",
                "'a' 'b'",
                "NULL",
            ],
            &[
                "'2026-7-1'",
                "20260701",
                "'20260701'",
                "'2026-07-01 23:59:59.9'",
                "'2026-02-30'",
                "0",
                "'2026-07-01T10:00:00'",
                "NULL",
            ],
        ],
    },
    Table {
        name: "offices",
        columns: ["country", "number"],
        definition: "country VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, number DECIMAL(6,2) \
                     NOT NULL, PRIMARY KEY (country, number)",
        split: "key: {country: varchar(8) collate utf8mb4_general_ci, number: 'decimal(6,2)'}, list: [{in: [[de, 1], [DE, \
                2.50], [e, 3]], on: first}, {in: [[fr, 1], [DE, 3]], on: second}], else: second",
        plain: [&["'de'", "'DE'", "'fr'", "'\u{e9}'", "'us'"], &["1", "2.5", "2.50", "3", "'1'"]],
        odd: [
            &["'De '", "'E'", "1", "'toolong91'", "x'6465'", "'\u{1f600}'", "NULL"],
            &["2.499", "2.505", "1e0", "'1.0'", "' 1'", "10000", "-0.00", "'x'", "TRUE", "NULL"],
        ],
    },
    Table {
        name: "visits",
        columns: ["at", "who"],
        definition: "at DATETIME(3) NOT NULL, who VARBINARY(6) NOT NULL, KEY (at, who)",
        split: "key: {at: datetime(3), who: varbinary(6)}, range: [{from: MIN, on: first}, {from: ['2026-07-01 12:00:00', b], on: \
                second}, {from: ['2026-07-02'], on: first}]",
        plain: [
            &["'2026-07-01'", "'2026-07-01 12:00:00'", "'2026-07-01 12:00:00.001'", "'2026-07-02 00:00:00'"],
            &["'a'", "'b'", "'ba'", "'B'", "''", "'b '"],
        ],
        odd: [
            &[
                "'2026-07-01 12:00:00.0009'",
                "'2026-07-01 23:59:59.9999'",
                "20260701120000",
                "'2026-07-01T12:00:00'",
                "'x'",
                "NULL",
            ],
            &["1", "'toolong'", "x'6200'", "'\u{e9}'", "NULL"],
        ],
    },
];

impl Table {
    fn create(&self) -> String {
        format!("CREATE TABLE shop.{} (n INT NOT NULL DEFAULT 0, {})", self.name, self.definition)
    }

    /// Its lines of the map.
    fn entry(&self) -> String {
        let buckets = if self.name == "prices" { format!(", {BUCKETS}") } else { String::new() };
        format!("      {}: {{{}{buckets}}}\n", self.name, self.split)
    }

    /// The rows of a server, each as a condition on both columns, and how many there are of each.
    fn conditions(&self, rows: &crate::support::raw::Rows) -> Vec<(String, u64)> {
        let quoted = |value: &Option<Vec<u8>>| {
            let text = String::from_utf8(value.clone().expect("no NULL")).expect("UTF-8");
            match text.parse::<f64>() {
                Ok(_) if self.name == "parts" => text,
                _ => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
            }
        };
        let [a, b] = self.columns;
        let one = |row: &Vec<Option<Vec<u8>>>| {
            let count = String::from_utf8(row[2].clone().expect("a count")).expect("digits").parse().expect("a count");
            (format!("{a} = {} AND {b} = {}", quoted(&row[0]), quoted(&row[1])), count)
        };
        rows.rows.iter().map(one).collect()
    }
}

/// The tables on both servers of a pair, on one that has all of their rows, and in the map.
fn arrange(pair: &mut Pair) {
    let mut map = shop_map(&pair.first, &pair.second);
    for table in &TABLES {
        let create = table.create();
        pair.first.run_all(&[&create]);
        pair.second.run_all(&[&create]);
        pair.whole().run_all(&[&create]);
        map.push_str(&table.entry());
    }
    pair.start_proxy(Settings { map, ..Settings::default() });
}

fn names() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.name).collect()
}

#[track_caller]
fn check_places(pair: &mut Pair) {
    let (status, lines, errors) = verify(&pair.proxy().folder().join("config.yaml"), &names());
    assert!(lines.iter().all(|line| line.ends_with("; 0 misplaced")), "{lines:#?}");
    assert_eq!((status, lines.len(), &*errors), (Some(0), TABLES.len(), ""));
}

#[test]
fn what_is_stored_is_found_by_its_key() {
    for mut pair in Pair::each() {
        arrange(&mut pair);
        let mut app = pair.app();
        let (mut accepted, mut refused) = (0, 0);
        for mode in ["STRICT_TRANS_TABLES", ""] {
            app.ok(&format!("SET sql_mode = '{mode}'"));
            for table in &TABLES {
                let [a, b] = table.columns;
                let forms = |index: usize| table.plain[index].iter().chain(table.odd[index]);
                for first in forms(0) {
                    for second in forms(1) {
                        let insert = format!("INSERT INTO {} ({b}, n, {a}) VALUES ({second}, 1, {first})", table.name);
                        let plain = table.plain[0].contains(first) && table.plain[1].contains(second);
                        match app.one(&insert) {
                            Reply::Ok(_) => accepted += 1,
                            Reply::Error(error) if error.message.starts_with("Meridian: ") => {
                                assert!(!plain, "{insert}: {error:?}");
                                refused += 1;
                            }
                            // The key is there already, or the server does not take the value.
                            Reply::Error(error) => assert!(error.code == 1062 || !plain, "{insert}: {error:?}"),
                            Reply::Rows(rows) => panic!("{rows:?}"),
                        }
                    }
                }
            }
        }
        let (id, ..) = app.prepare("INSERT INTO parts (id, tenant) VALUES (?, ?), (?, ?)").expect("it is prepared");
        let done = |replies: Vec<Reply>| matches!(replies[..], [Reply::Ok(_)]);
        assert!(done(app.execute(id, &[100, 2, 101, 2], true)));
        assert!(done(app.execute(id, &[100, 3, 101, 4], true)) != done(app.execute(id, &[102, 4, 103, 4], true)));
        assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
        check_places(&mut pair);
        for table in &TABLES {
            let [a, b] = table.columns;
            let mut found = 0;
            for server in [&pair.first, &pair.second] {
                let rows = server.rows(&format!(
                    "SELECT {a}, {b}, COUNT(*) FROM shop.{} GROUP BY BINARY {a}, BINARY {b}, {a}, {b}",
                    table.name
                ));
                for (condition, count) in table.conditions(&rows) {
                    // Counted, so that one shard has to answer.
                    let query = format!("SELECT COUNT(*) FROM {} WHERE {condition}", table.name);
                    let there = server.value(&query.replace(table.name, &format!("shop.{}", table.name)));
                    assert_eq!(app.value(&query), there, "{query}");
                    assert!(there.parse::<u64>().is_ok_and(|there| there >= count), "{query}");
                    found += 1;
                }
            }
            assert!(found >= 10, "{found} keys of {}", table.name);
        }
        pair.check_sound();
    }
}

#[test]
fn a_bucket_is_what_sql_says() {
    for mut pair in Pair::each() {
        arrange(&mut pair);
        let mut app = pair.app();
        for article in ["a", "b", "a:1", "1", "", "abcdef"] {
            for day in 10..30 {
                app.ok(&format!("INSERT INTO prices (article, day) VALUES ('{article}', '2026-07-{day}')"));
            }
        }
        let bucket = "CRC32(CONCAT_WS(':', LENGTH(article), article, LENGTH(day), day)) % 16";
        for (server, rest) in [(&pair.first, 0), (&pair.second, 1)] {
            let count = |condition: &str| server.value(&format!("SELECT COUNT(*) FROM shop.prices WHERE {condition}"));
            assert_eq!(count(&format!("{bucket} % 2 <> {rest}")), "0");
            assert_ne!(count("TRUE"), "0");
        }
    }
}

/// Statements by chance, from a seed.
struct Text(u64);

impl Text {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn value(&mut self, table: &Table, column: usize) -> &'static str {
        let plain = table.plain[column];
        plain[self.below(plain.len())]
    }

    fn row(&mut self, table: &Table) -> String {
        format!("({}, {})", self.value(table, 0), self.value(table, 1))
    }

    fn condition(&mut self, table: &Table, depth: u32) -> String {
        if depth > 0 && self.below(3) > 0 {
            let (left, right) = (self.condition(table, depth - 1), self.condition(table, depth - 1));
            return match self.below(5) {
                0 => format!("({left} OR {right})"),
                1 => format!("NOT ({left})"),
                _ => format!("({left} AND {right})"),
            };
        }
        let column = self.below(2);
        let [a, b] = table.columns;
        let name = table.columns[column];
        match self.below(9) {
            0..4 => format!("{name} = {}", self.value(table, column)),
            4 => format!("{name} IN ({}, {})", self.value(table, column), self.value(table, column)),
            5 => {
                let sign = ["<", "<=", ">", ">=", "<=>", "<>"][self.below(6)];
                format!("{name} {sign} {}", self.value(table, column))
            }
            6 => format!("{name} BETWEEN {} AND {}", self.value(table, column), self.value(table, column)),
            7 => {
                let sign = ["=", "<", ">="][self.below(3)];
                format!("({a}, {b}) {sign} {}", self.row(table))
            }
            _ => format!("({a}, {b}) IN ({}, {})", self.row(table), self.row(table)),
        }
    }

    fn set(&mut self, table: &Table) -> String {
        let [a, b] = table.columns;
        let (first, second) = (self.value(table, 0), self.value(table, 1));
        match self.below(5) {
            0 => "n = n + 1".into(),
            1 => format!("{a} = {first}"),
            2 => format!("{b} = {second}, n = n + 1"),
            3 => format!("{a} = {first}, {b} = {second}"),
            _ => format!("{a} = {a}, n = n + 10"),
        }
    }

    fn statement(&mut self, table: &Table) -> String {
        let name = table.name;
        let [a, b] = table.columns;
        let condition = self.condition(table, 2);
        match self.below(10) {
            0..3 => format!("SELECT COUNT(*), SUM(n) FROM {name} WHERE {condition}"),
            3 => format!("SELECT {a}, {b}, n FROM {name} WHERE {condition}"),
            4 => format!("UPDATE {name} SET {} WHERE {condition}", self.set(table)),
            5 => format!("DELETE FROM {name} WHERE {condition}"),
            6 => format!(
                "REPLACE INTO {name} ({a}, {b}, n) VALUES ({}, {}, 7)",
                self.value(table, 0),
                self.value(table, 1)
            ),
            kind => {
                let rows: Vec<String> = (0..=self.below(2)).map(|_| self.row(table)).collect();
                let insert = format!("INSERT INTO {name} ({a}, {b}) VALUES {}", rows.join(", "));
                match kind {
                    7 => format!("{insert} ON DUPLICATE KEY UPDATE {}", self.set(table)),
                    8 => format!("{insert} ON DUPLICATE KEY UPDATE {b} = VALUES({b}), {a} = VALUES({a}), n = 3"),
                    _ => insert,
                }
            }
        }
    }
}

fn sorted(reply: &Reply) -> Option<Vec<String>> {
    let Reply::Rows(rows) = reply else { return None };
    let mut lines = rows.lines();
    lines.sort();
    Some(lines)
}

#[test]
fn statements_answer_as_on_one_server() {
    for mut pair in Pair::each() {
        arrange(&mut pair);
        let mut direct = Raw::app(pair.whole().port, "shop").expect("the whole server takes the login");
        let mut app = pair.app();
        let mut text = Text(0x1234_5678_9ABC_DEF1);
        let (mut writes, mut reads, mut refused) = (0, 0, 0);
        for round in 1..=3000 {
            let table = &TABLES[text.below(4)];
            let statement = text.statement(table);
            let routed = app.one(&statement);
            if let Reply::Error(error) = &routed
                && error.message.starts_with("Meridian: ")
            {
                refused += 1;
                continue;
            }
            match (&routed, direct.one(&statement)) {
                (Reply::Ok(routed), Reply::Ok(direct)) => {
                    assert_eq!(routed.affected, direct.affected, "{statement}");
                    writes += 1;
                }
                (Reply::Error(routed), Reply::Error(direct)) => assert_eq!(routed.code, direct.code, "{statement}"),
                (routed @ Reply::Rows(_), direct) => {
                    assert_eq!(sorted(routed), sorted(&direct), "{statement}");
                    reads += 1;
                }
                (routed, direct) => panic!("{routed:?}, not {direct:?}, for {statement}"),
            }
            if round % 300 == 0 {
                for table in &TABLES {
                    let all = format!("SELECT * FROM shop.{}", table.name);
                    let lines = |server: &crate::support::Server| server.rows(&all).lines();
                    let mut parts = [lines(&pair.first), lines(&pair.second)].concat();
                    let mut whole = lines(pair.whole());
                    parts.sort();
                    whole.sort();
                    assert_eq!(parts, whole, "{}", table.name);
                }
                check_places(&mut pair);
            }
        }
        assert!(writes > 300 && reads > 300 && refused > 300, "{writes} writes, {reads} reads, {refused} refused");
        pair.check_sound();
    }
}

#[test]
fn no_row_of_the_wrong_shard_is_found_by_its_key() {
    for mut pair in Pair::each() {
        arrange(&mut pair);
        let mut app = pair.app();
        for table in &TABLES {
            let [a, b] = table.columns;
            for first in table.plain[0] {
                for second in table.plain[1] {
                    // Of those that are one key there is one row.
                    app.one(&format!("INSERT INTO {} ({a}, {b}, n) VALUES ({first}, {second}, 1)", table.name));
                }
            }
            let rows = |server: &crate::support::Server| {
                server.rows(&format!("SELECT {a}, {b}, COUNT(*) FROM shop.{} GROUP BY {a}, {b}", table.name))
            };
            let (first, second) = (rows(&pair.first), rows(&pair.second));
            for (server, others) in [(&pair.first, &second), (&pair.second, &first)] {
                for (condition, _) in table.conditions(others) {
                    let (left, right) = condition.split_once(" AND ").expect("two columns");
                    let value = |part: &str| part.split_once(" = ").expect("an equality").1.to_owned();
                    let insert = format!(
                        "INSERT INTO shop.{} ({a}, {b}, n) VALUES ({}, {}, 1000000)",
                        table.name,
                        value(left),
                        value(right)
                    );
                    server.run_all(&[&insert]);
                }
            }
        }
        let mut text = Text(0xFEDC_BA98_7654_3211);
        let (mut answered, mut refused) = (0, 0);
        for _ in 0..2000 {
            let table = &TABLES[text.below(4)];
            let query = format!("SELECT COALESCE(MAX(n), 0) FROM {} WHERE {}", table.name, text.condition(table, 2));
            match app.one(&query) {
                Reply::Rows(rows) => {
                    // A trap that matches has a row of its key on the other shard that does.
                    assert!(rows.value() != "1000000", "{query}");
                    answered += 1;
                }
                Reply::Error(error) => {
                    assert!(error.message.starts_with("Meridian: "), "{query}: {error:?}");
                    refused += 1;
                }
                Reply::Ok(done) => panic!("{done:?}"),
            }
        }
        assert!(answered > 300 && refused > 100, "{answered} answered, {refused} refused");
    }
}
