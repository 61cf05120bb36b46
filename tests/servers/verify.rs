//! `meridian verify`: rows that are not on the shard that the map says.

use std::path::Path;
use std::process::Command;

use crate::support::fault::{Fault, Relay};
use crate::support::pair::{shop_map, shop_map_at};
use crate::support::{Folder, Pair, Server, Settings};

/// The exit status and what was printed to standard output and standard error.
type Printed = (Option<i32>, Vec<String>, String);

/// Runs the command with a configuration, as the account `app` of the servers.
pub fn verify(config: &Path, arguments: &[&str]) -> Printed {
    let output = Command::new(env!("CARGO_BIN_EXE_meridian"))
        .args(["verify", "--backend", "app", "--config"])
        .arg(config)
        .args(arguments)
        .args(["--rows-per-second=0"].iter().filter(|_| !arguments.contains(&"--rows-per-second")))
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout).lines().map(str::to_owned).collect(), text(output.stderr))
}

/// The shop of a pair, with further tables in its map.
fn with_tables(pair: &mut Pair, tables: &str) {
    let map = shop_map(&pair.first, &pair.second) + tables;
    pair.start_proxy(Settings { map, ..Settings::default() });
}

/// Runs the command on the pair's own configuration.
fn of_pair(pair: &mut Pair, arguments: &[&str]) -> Printed {
    verify(&pair.proxy().folder().join("config.yaml"), arguments)
}

#[track_caller]
fn check(found: Printed, status: i32, out: &[&str], err: &str) {
    let (code, lines, errors) = found;
    assert_eq!(
        (code, &lines[..], errors.trim_end()),
        (Some(status), &out.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()[..], err)
    );
}

#[test]
fn planted_rows_are_found() {
    for mut pair in Pair::each() {
        let sound = "shop.customers: 7 rows on first, second; 0 misplaced";
        check(of_pair(&mut pair, &[]), 0, &[sound], "");
        check(of_pair(&mut pair, &["customers"]), 0, &[sound], "");
        let row = |id: u64| format!("INSERT INTO shop.customers (id, name, city) VALUES ({id}, 'x', 'y')");
        pair.first.run_all(&[&row(1_000_000), &row(u64::MAX)]);
        pair.second.run_all(&[&row(999_999)]);
        let lines = [
            "shop.customers: id = 1000000 is on first, belongs on second",
            "shop.customers: id = 18446744073709551615 is on first, belongs on second",
            "shop.customers: id = 999999 is on second, belongs on first",
        ];
        let summary = "shop.customers: 10 rows on first, second; 3 misplaced";
        check(of_pair(&mut pair, &["shop.customers"]), 1, &[lines[0], lines[1], lines[2], summary], "");
        let cut = "shop.customers: 10 rows on first, second; 3 misplaced (1 shown)";
        check(of_pair(&mut pair, &["--limit", "1"]), 1, &[lines[0], cut], "");
        let progress =
            "shop.customers: on first; 6 rows read, 0 misplaced\nshop.customers: on second; 10 rows read, 2 misplaced";
        check(
            of_pair(&mut pair, &["--limit", "0", "--progress"]),
            1,
            &[&cut.replace('1', "0").replace("00", "10")],
            progress,
        );
        let (status, objects, _) = of_pair(&mut pair, &["--json"]);
        let objects: Vec<serde_json::Value> =
            objects.iter().map(|line| serde_json::from_str(line).expect("a line is an object")).collect();
        let misplaced = |id: &str, on: &str, belongs: &str| {
            serde_json::json!({
                "table": "shop.customers", "primary": {"id": id}, "key": {"id": id}, "on": on, "belongs": belongs, "rows": 1,
            })
        };
        let expected = [
            misplaced("1000000", "first", "second"),
            misplaced("18446744073709551615", "first", "second"),
            misplaced("999999", "second", "first"),
            serde_json::json!({
                "table": "shop.customers", "rows": 10, "shards": ["first", "second"], "misplaced": 3, "shown": 3,
                "copies": 0, "unlike": 0, "unread": [],
            }),
        ];
        assert_eq!((status, &objects[..]), (Some(1), &expected[..]));
        pair.check_sound();
    }
}

#[test]
fn primary_keys_need_not_be_the_sharding_key() {
    const TABLES: &str = "      visits:\n        key: {user: int}\n        below: refuse\n        \
                          range: [{from: 0, on: first}, {from: 100, on: second}]\n      \
                          words:\n        key: {n: bigint}\n        range: [{from: MIN, on: second}]\n      \
                          plain:\n        key: {n: bigint}\n        range: [{from: MIN, on: first}]\n";
    for mut pair in Pair::each() {
        let definitions = [
            "CREATE TABLE shop.visits (at DATETIME(3) NOT NULL, place VARCHAR(20) CHARACTER SET latin1 NOT NULL, user INT NOT NULL, \
             PRIMARY KEY (at, place))",
            // A primary key of the text alone, of whose characters latin1 has none; and no table on the first server.
            "CREATE TABLE shop.words (word VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
            "CREATE TABLE shop.plain (n BIGINT, other INT, KEY (n, other))",
        ];
        pair.first.run_all(&[definitions[0], definitions[2]]);
        pair.second.run_all(&definitions);
        let visit = |place: &str, user: i32| {
            format!("INSERT INTO shop.visits VALUES ('2026-07-01 12:00:00.5', '{place}', {user})")
        };
        pair.first.run_all(&[&visit("Köln", 99), &visit("Ulm", 100), &visit("Aachen", -1)]);
        pair.second.run_all(&[&visit("Köln", 99), &visit("Ulm", 100)]);
        pair.second.run_all(&["INSERT INTO shop.words VALUES ('it''s', 1), ('語', 2)"]);
        pair.first.run_all(&["INSERT INTO shop.plain (n) VALUES (1), (1), (2), (NULL)"]);
        pair.second.run_all(&["INSERT INTO shop.plain (n) VALUES (7), (8), (7)"]);
        with_tables(&mut pair, TABLES);
        check(
            of_pair(&mut pair, &["visits", "words", "plain"]),
            1,
            &[
                "shop.visits: at = '2026-07-01 12:00:00.500', place = 'Aachen' (user = -1) is on first, has no home in the map",
                "shop.visits: at = '2026-07-01 12:00:00.500', place = 'Ulm' (user = 100) is on first, belongs on second",
                "shop.visits: at = '2026-07-01 12:00:00.500', place = _latin1 x'4BF66C6E' (user = 99) is on second, belongs on \
                 first",
                "shop.visits: 5 rows on first, second; 3 misplaced",
                "shop.words: 2 rows on second; 0 misplaced",
                "shop.plain: 1 row with n = NULL is on first, has no home in the map",
                "shop.plain: 2 rows with n = 7 are on second, belong on first",
                "shop.plain: 1 row with n = 8 is on second, belongs on first",
                "shop.plain: 7 rows on first, second; 4 misplaced",
            ],
            "",
        );
    }
}

#[test]
fn keys_of_several_columns_are_read_with_any_index() {
    const TABLES: &str = "      pairs: {key: {tenant: int, name: varchar(9) collate utf8mb4_bin}, range: [{from: MIN, on: first}, \
                          {from: [5, m], on: second}]}\n      loose: {with: pairs, key: {tenant: int, word: varchar(9) collate \
                          utf8mb4_bin}}\n";
    for mut pair in Pair::each() {
        let name = "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
        for server in [&pair.first, &pair.second] {
            server.run_all(&[
                &format!("CREATE TABLE shop.pairs (id INT PRIMARY KEY, tenant INT, name {name})"),
                &format!("CREATE TABLE shop.loose (word {name}, tenant INT, KEY (word, tenant), KEY (tenant, word))"),
            ]);
        }
        let rows = "(5, 'a'), (5, 'm'), (5, 'n'), (6, ''), (5, NULL)";
        let loose = format!("INSERT INTO shop.loose (tenant, word) VALUES {rows}, (5, 'm')");
        pair.first.run_all(&[&loose, "INSERT INTO shop.pairs VALUES (1, 5, 'a'), (2, 5, 'm'), (3, NULL, 'a')"]);
        pair.second.run_all(&[&loose, "INSERT INTO shop.pairs VALUES (7, 5, 'l'), (8, 6, '')"]);
        with_tables(&mut pair, TABLES);
        check(
            of_pair(&mut pair, &["pairs", "loose"]),
            1,
            &[
                "shop.pairs: id = 2 (tenant = 5, name = 'm') is on first, belongs on second",
                "shop.pairs: id = 3 (tenant = NULL, name = 'a') is on first, has no home in the map",
                "shop.pairs: id = 7 (tenant = 5, name = 'l') is on second, belongs on first",
                "shop.pairs: 5 rows on first, second; 3 misplaced",
                "shop.loose: 1 row with tenant = 5, word = NULL is on first, has no home in the map",
                "shop.loose: 2 rows with tenant = 5, word = 'm' are on first, belong on second",
                "shop.loose: 1 row with tenant = 5, word = 'n' is on first, belongs on second",
                "shop.loose: 1 row with tenant = 6, word = '' is on first, belongs on second",
                "shop.loose: 1 row with tenant = 5, word = NULL is on second, has no home in the map",
                "shop.loose: 1 row with tenant = 5, word = 'a' is on second, belongs on first",
                "shop.loose: 12 rows on first, second; 7 misplaced",
            ],
            "",
        );
        for server in [&pair.first, &pair.second] {
            server.run_all(&["ALTER TABLE shop.loose DROP KEY tenant"]);
        }
        let (status, _, errors) = of_pair(&mut pair, &["loose"]);
        assert_eq!(status, Some(2));
        assert!(errors.contains("an index that begins with `(tenant, word)`"), "{errors}");
    }
}

#[test]
fn a_table_that_is_not_split_is_looked_for_elsewhere() {
    for mut pair in Pair::each() {
        check(of_pair(&mut pair, &["users"]), 0, &["shop.users: 0 rows on any other shard; 0 misplaced"], "");
        // An empty table without a primary key is none to complain of.
        pair.second.run_all(&["CREATE TABLE shop.users (id INT PRIMARY KEY)", "CREATE TABLE shop.notes (text TEXT)"]);
        pair.second.run_all(&["INSERT INTO shop.users VALUES (7)"]);
        let lines = [
            "shop.customers: 7 rows on first, second; 0 misplaced",
            "shop.users: id = 7 is on second, belongs on first",
            "shop.users: 1 rows on second; 1 misplaced",
        ];
        check(of_pair(&mut pair, &[]), 1, &lines, "");
        let (_, objects, _) = of_pair(&mut pair, &["users", "--json"]);
        let object: serde_json::Value = serde_json::from_str(&objects[0]).expect("an object");
        assert_eq!((&object["key"], &object["belongs"]), (&serde_json::Value::Null, &"first".into()));
        pair.second.run_all(&["INSERT INTO shop.notes VALUES ('x')"]);
        let at = pair.second.at();
        let error = format!(
            "meridian: shop.notes on second ({at}) was not read: it has rows and no primary key to read them by; add one"
        );
        let line = "shop.notes: 0 rows on any other shard; 0 misplaced; not read to the end on second";
        check(of_pair(&mut pair, &["notes"]), 2, &[line], &error);
    }
}

/// Of eight buckets.
const HALVES: &str = "range: [{from: 0, on: first}, {from: 4, on: second}]";

/// A sharding key: its type, further lines of its table in the map, how it is split, and values that the proxy stores.
const KEYS: [(&str, &str, &str, &[&str]); 9] = [
    (
        "decimal(10,2)",
        "",
        "range: [{from: MIN, on: first}, {from: '0.50', on: second}]",
        &["-7", "0.49", "0.5", "0.51", "12345678"],
    ),
    (
        "date",
        "",
        "range: [{from: MIN, on: first}, {from: '2026-07-01', on: second}]",
        &["'1000-01-01'", "'2026-06-30'", "'2026-07-01'", "'9999-12-31'"],
    ),
    (
        "datetime(3)",
        "",
        "range: [{from: MIN, on: first}, {from: '2026-07-01 12:00:00.5', on: second}]",
        &["'2026-07-01'", "'2026-07-01 12:00:00.499'", "'2026-07-01 12:00:00.5'", "'2026-07-01 12:00:01'"],
    ),
    (
        "timestamp",
        "        zone: '+02:00'\n",
        "range: [{from: MIN, on: first}, {from: '2026-07-01', on: second}]",
        // In the session's zone, three hours east of the map's.
        &["'2026-07-01 00:00:00'", "'2026-07-01 02:59:59'", "'2026-07-01 03:00:00'", "'2026-07-02 00:00:00'"],
    ),
    (
        "bigint",
        "        hash: crc32/1\n        buckets: 8\n",
        HALVES,
        &["1", "2", "3", "4", "-5", "9223372036854775807"],
    ),
    (
        "varbinary(8)",
        "",
        "range: [{from: MIN, on: first}, {from: m, on: second}]",
        &["'a'", "'lz'", "'m'", "'m '", "'Z'"],
    ),
    (
        "varchar(8) collate utf8mb4_bin",
        "",
        "range: [{from: MIN, on: first}, {from: m, on: second}]",
        &["'a'", "'ä'", "'M'", "'語'"],
    ),
    (
        "char(8) collate latin1_swedish_ci",
        "        else: first\n",
        "list: [{in: [de, AT], on: first}, {in: [us], on: second}]",
        &["'DE'", "'at'", "'US'", "'xx'"],
    ),
    (
        "varchar(8) collate utf8mb4_general_ci",
        "        hash: crc32/1\n        buckets: 8\n",
        HALVES,
        &["'Abc'", "'x'", "'it''s '", "'Y'", "'42'"],
    ),
];

/// What the proxy stores is where it belongs; a copy of each row on the other server is not.
#[test]
fn rows_that_the_proxy_stores_are_at_home() {
    for mut pair in Pair::each() {
        let mut tables = String::new();
        for (index, (kind, lines, split, _)) in KEYS.iter().enumerate() {
            let definition = format!("CREATE TABLE shop.keys{index} (k {kind} NOT NULL PRIMARY KEY)");
            for server in [&pair.first, &pair.second] {
                // No server's own zone counts.
                server.run_all(&["SET GLOBAL time_zone = '-08:00'", &definition]);
            }
            tables += &format!("      keys{index}:\n        key: {{k: '{kind}'}}\n{lines}        {split}\n");
        }
        with_tables(&mut pair, &tables);
        let mut raw = pair.app();
        raw.ok("SET time_zone = '+05:00'");
        for (index, (kind, _, _, values)) in KEYS.iter().enumerate() {
            for value in *values {
                raw.ok(&format!("INSERT INTO keys{index} (k) VALUES ({value})"));
            }
            let table = format!("shop.keys{index}");
            let count = values.len();
            let sound = format!("{table}: {count} rows on first, second; 0 misplaced");
            let found = of_pair(&mut pair, &[&table]);
            assert_eq!((found.0, &found.1), (Some(0), &vec![sound]), "{kind}: {}", found.2);
            let keys = |server: &Server| server.rows(&format!("SELECT k FROM {table}")).lines();
            let (of_first, of_second) = (keys(&pair.first), keys(&pair.second));
            assert!(!of_first.is_empty() && !of_second.is_empty(), "{kind}: {of_first:?} {of_second:?}");
            for (server, keys) in [(&pair.second, of_first), (&pair.first, of_second)] {
                for key in keys {
                    server.run_all(&[&format!("INSERT INTO {table} VALUES ('{}')", key.replace('\'', "''"))]);
                }
            }
            let (status, lines, _) = of_pair(&mut pair, &[&table]);
            let doubled = format!("{table}: {} rows on first, second; {count} misplaced", 2 * count);
            assert_eq!((status, lines.last()), (Some(1), Some(&doubled)), "{kind}: {lines:?}");
        }
    }
}

/// Primary keys of so many rows are walked in three chunks.
const ROWS: u64 = 2100;

/// Rows that are planted on the wrong side, at the chunks' ends among them.
const PLANTED: [u64; 6] = [0, 999, 1000, 1001, 2000, 2099];

/// A primary key: the definition of its columns, the values of row `n`, and whether MySQL has the type.
const PRIMARY: [(&str, &str, bool); 18] = [
    ("a BIGINT UNSIGNED", "18446744073709540000 + n", true),
    ("a INT(8) ZEROFILL", "n", true),
    ("a DECIMAL(30, 4)", "(n - 1000) * 0.125", true),
    ("a VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "CONCAT('Ä''\\\\', n)", true),
    (
        "a VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CONCAT(IF(n % 2, 'a', 'B'), n, IF(n % 3, '', ' '))",
        true,
    ),
    // A thousand of these at once would be more than Meridian takes of an answer.
    ("a VARCHAR(700) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "RPAD(n, 700, '語')", true),
    ("a CHAR(20) CHARACTER SET latin1", "CONCAT(CONVERT(x'E4' USING latin1), n)", true),
    ("a VARCHAR(20) CHARACTER SET utf16", "n", true),
    ("a VARBINARY(20)", "UNHEX(LPAD(HEX(n * 7919), 8, '0'))", true),
    ("a DATE", "DATE'1000-01-01' + INTERVAL n DAY", true),
    ("a DATETIME(6)", "TIMESTAMP'2026-01-01 00:00:00' + INTERVAL n MICROSECOND", true),
    ("a TIMESTAMP", "FROM_UNIXTIME(1700000000 + 600 * n)", true),
    ("a TIME(1)", "SEC_TO_TIME((n - 1000) * 0.5)", true),
    ("a ENUM('z', 'a', 'm'), b INT", "1 + n % 3, n", true),
    ("a SET('z', 'a', 'm'), b BIT(20)", "n % 8, n", true),
    ("a YEAR, b TINYINT UNSIGNED, c VARCHAR(5)", "1901 + n % 11, n % 13, n", true),
    ("a UUID", "UUID()", false),
    ("a INET6", "CONCAT('::', HEX(n))", false),
];

#[test]
fn tables_are_walked_by_any_primary_key() {
    for mut pair in Pair::each() {
        let is_mariadb = pair.first.family() == "mariadb";
        let kinds: Vec<_> = PRIMARY.iter().filter(|(_, _, of_mysql)| is_mariadb || *of_mysql).collect();
        let digits: Vec<String> = (0..10).map(|digit| format!("SELECT {digit} AS d")).collect();
        let digits = digits.join(" UNION ALL ");
        let n = format!(
            "(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n FROM ({digits}) a, ({digits}) b, ({digits}) c, ({digits}) e) n"
        );
        let planted: Vec<String> = PLANTED.iter().map(u64::to_string).collect();
        let mut tables = String::new();
        for (index, (columns, values, _)) in kinds.iter().enumerate() {
            let names: Vec<&str> = columns
                .split(", ")
                .filter_map(|column| column.split_once(' '))
                .map(|(name, _)| name)
                .filter(|name| name.len() == 1)
                .collect();
            let definition = format!(
                "CREATE TABLE shop.walk{index} ({columns}, k INT NOT NULL, PRIMARY KEY ({}))",
                names.join(", ")
            );
            // In the order of the primary key, so that the chunks end where they are meant to, by and large.
            let rows = format!(
                "INSERT INTO shop.walk{index} SELECT {values}, n IN ({}) FROM {n} WHERE n < {ROWS}",
                planted.join(", ")
            );
            pair.first.run_all(&["SET sql_mode = '', time_zone = '+00:00'"]);
            pair.first.run_all(&[&definition, &rows]);
            pair.second.run_all(&[&definition]);
            tables += &format!(
                "      walk{index}:\n        key: {{k: int}}\n        range: [{{from: MIN, on: first}}, {{from: 1, on: second}}]\n"
            );
        }
        with_tables(&mut pair, &tables);
        for (index, (columns, _, _)) in kinds.iter().enumerate() {
            let table = format!("shop.walk{index}");
            let (status, lines, errors) = of_pair(&mut pair, &[&table]);
            let summary = format!("{table}: 2,100 rows on first, second; {} misplaced", PLANTED.len());
            assert_eq!((status, lines.last(), &*errors), (Some(1), Some(&summary), ""), "{columns}: {lines:?}");
            assert_eq!(lines.len(), PLANTED.len() + 1, "{columns}: {lines:?}");
        }
    }
}

#[test]
fn a_large_table_is_read_to_its_end() {
    const TABLE: &str = "      lines:\n        key: {customer: int}\n        range:\n          - {from: MIN, on: first}\n          \
                         - {from: 5000, on: second}\n          - {from: 7000, on: first}\n";
    for mut pair in Pair::each() {
        let digits: Vec<String> = (0..10).map(|digit| format!("SELECT {digit} AS d")).collect();
        let digits = digits.join(" UNION ALL ");
        let definition = "CREATE TABLE shop.lines (customer INT, line INT, PRIMARY KEY (line, customer))";
        let customers = format!(
            "a.d + 10 * b.d + 100 * c.d + 1000 * e.d FROM ({digits}) a, ({digits}) b, ({digits}) c, ({digits}) e"
        );
        let all =
            format!("INSERT INTO shop.lines (line, customer) SELECT 1, {customers} UNION ALL SELECT 2, {customers}");
        // But for two rows, each is where it belongs.
        let keep = |condition: &str| format!("DELETE FROM shop.lines WHERE NOT ({condition})");
        let is_second = "customer >= 5000 AND customer < 7000";
        pair.first.run_all(&[definition, &all, &keep(&format!("NOT ({is_second}) OR customer = 5000 AND line = 2"))]);
        pair.second.run_all(&[definition, &all, &keep(&format!("{is_second} OR customer = 7000 AND line = 1"))]);
        with_tables(&mut pair, TABLE);
        let lines = [
            "shop.lines: line = 2, customer = 5000 is on first, belongs on second",
            "shop.lines: line = 1, customer = 7000 is on second, belongs on first",
            "shop.lines: 20,002 rows on first, second; 2 misplaced",
        ];
        check(of_pair(&mut pair, &["lines"]), 1, &lines, "");
        check(of_pair(&mut pair, &["lines", "--rows-per-second", "100000"]), 1, &lines, "");
    }
}

#[test]
fn a_row_that_is_gone_when_it_is_read_again_is_not_reported() {
    for mut pair in Pair::each() {
        let row = |id: u32| format!("INSERT INTO shop.customers (id, name, city) VALUES ({id}, 'x', 'y')");
        pair.first.run_all(&[&row(2_000_000), &row(2_000_001), &row(2_000_002)]);
        let relay = Relay::to(pair.first.port);
        relay.set(
            "WHERE `id` = 2000000",
            Fault::Run(
                "DELETE FROM shop.customers WHERE id = 2000000; UPDATE shop.customers SET id = 7 WHERE id = 2000001"
                    .into(),
            ),
        );
        let map = shop_map_at(&relay.at(), &pair.second.at(), pair.first.family());
        // The relay looks for the trigger in plain bytes.
        pair.start_proxy(Settings { map, config: "backend_tls: {mode: disabled}\n".into(), ..Settings::default() });
        let lines = [
            "shop.customers: id = 2000002 is on first, belongs on second",
            "shop.customers: 10 rows on first, second; 1 misplaced",
        ];
        check(of_pair(&mut pair, &[]), 1, &lines, "");
    }
}

#[test]
fn a_server_that_is_down_is_named() {
    for mut pair in Pair::each() {
        pair.first.run_all(&["INSERT INTO shop.customers (id, name, city) VALUES (1000000, 'x', 'y')"]);
        let at = pair.second.at();
        pair.second.stop();
        let lines = [
            "shop.customers: id = 1000000 is on first, belongs on second",
            "shop.customers: 5 rows on first; 1 misplaced; not read to the end on second",
        ];
        let refused = format!("can't connect to server {at} (Connection refused (os error 111))");
        let error = format!("meridian: shop.customers on second ({at}) was not read: {refused}");
        check(of_pair(&mut pair, &["customers"]), 2, &lines, &error);
        let (_, objects, _) = of_pair(&mut pair, &["customers", "--json"]);
        let summary: serde_json::Value = serde_json::from_str(&objects[1]).expect("an object");
        assert_eq!(summary["unread"], serde_json::json!([{"shard": "second", "error": refused}]));
    }
}

#[test]
fn a_server_that_is_lost_midway_is_named() {
    let mut pair = Pair::mariadb();
    let relay = Relay::to(pair.first.port);
    relay.set("SELECT `id`", Fault::Close);
    let map = shop_map_at(&relay.at(), &pair.second.at(), "mariadb");
    pair.start_proxy(Settings { map, ..Settings::default() });
    let (status, lines, errors) = of_pair(&mut pair, &["customers"]);
    assert_eq!(
        (status, lines),
        (Some(2), vec!["shop.customers: 3 rows on second; 0 misplaced; not read to the end on first".into()])
    );
    assert!(errors.contains("shop.customers on first") && errors.contains("lost connection to server"), "{errors}");
}

#[test]
fn tables_that_cannot_be_read_are_refused_by_name() {
    const TABLES: &str = "      heap:\n        key: {n: bigint}\n        range: [{from: MIN, on: first}]\n      \
                          drift:\n        key: {n: bigint}\n        range: [{from: MIN, on: first}]\n      \
                          floats:\n        key: {n: bigint}\n        range: [{from: MIN, on: first}]\n      \
                          missing:\n        key: {n: bigint}\n        range: [{from: MIN, on: first}]\n";
    for mut pair in Pair::each() {
        pair.first.run_all(&[
            "CREATE TABLE shop.heap (n BIGINT NOT NULL, other INT, KEY (other, n))",
            "CREATE TABLE shop.drift (n VARCHAR(20) NOT NULL PRIMARY KEY)",
            "CREATE TABLE shop.floats (n BIGINT, f FLOAT NOT NULL PRIMARY KEY)",
        ]);
        with_tables(&mut pair, TABLES);
        for (table, error) in [
            (
                "heap",
                "there is neither a primary key nor an index that begins with `n`: it cannot be read in chunks; add one",
            ),
            ("drift", "`n` is varchar(20) there and bigint in the map; write the column's type"),
            ("floats", "its key column `f` is float, whose values cannot be read exactly"),
            ("missing", "error 1146 (42S02): Table 'shop.missing' doesn't exist"),
        ] {
            let error = format!("meridian: shop.{table} on first ({}) was not read: {error}", pair.first.at());
            let summary = format!("shop.{table}: 0 rows on no shard; 0 misplaced; not read to the end on first");
            check(of_pair(&mut pair, &[table]), 2, &[&summary], &error);
        }
        let unknown = "meridian: the map has no table `nothing`; write a table that it lists, as DATABASE.TABLE";
        check(of_pair(&mut pair, &["users", "nothing"]), 2, &[], unknown);
    }
}

#[test]
fn the_account_is_said_where_there_are_several() {
    let pair = Pair::mariadb();
    let folder = Folder::new("verify");
    let config = configured(&folder, &pair.first, &pair.second);
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_meridian"))
            .args(["verify", "--config"])
            .arg(&config)
            .args(arguments)
            .output()
            .expect("the binary runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let accounts = folder.path().join("accounts.yaml");
    let fault = |text: &str| (Some(2), format!("meridian: {}: {text}\n", accounts.display()));
    assert_eq!(run(&[]), fault("there are several backends, app, admin; say which with --backend"));
    assert_eq!(run(&["--backend", "nobody"]), fault("there is no backend `nobody`; there are app, admin"));
    assert_eq!(run(&["--backend", "admin"]), (Some(0), String::new()));
    let accounts = crate::support::proxy::ACCOUNTS;
    let (users, _) = accounts.split_once("  - name: admin").expect("two users");
    let only = "backends:\n  - {name: app, user: app, password: app-password}\n";
    folder.write("accounts.yaml", &format!("{users}{only}"));
    assert_eq!(run(&[]), (Some(0), String::new()));
}

/// The files of a proxy in front of the two servers.
fn configured(folder: &Folder, first: &Server, second: &Server) -> std::path::PathBuf {
    folder.write("map.yaml", &shop_map(first, second));
    folder.write("accounts.yaml", crate::support::proxy::ACCOUNTS);
    folder.write("config.yaml", "map: map.yaml\naccounts: accounts.yaml\n")
}

#[test]
fn copies_that_differ_are_named() {
    for mut pair in Pair::each() {
        with_tables(&mut pair, "      cities: {everywhere: [first, second], from: second}\n");
        let at = pair.first.at();
        pair.second.run_all(&["CREATE TABLE shop.cities (id INT PRIMARY KEY, name VARCHAR(20))"]);
        pair.second.run_all(&["INSERT INTO shop.cities VALUES (1, 'Ulm'), (2, NULL)"]);
        let error = format!(
            "meridian: shop.cities on first ({at}) was not read: there is no such table, or none that this account may \
             see; create it"
        );
        let line = "shop.cities: 0 rows on any other shard; 0 misplaced; not read to the end on first";
        check(of_pair(&mut pair, &["cities"]), 2, &[line], &error);
        // In another order, and by other statements.
        pair.first.run_all(&["CREATE TABLE shop.cities (id INT PRIMARY KEY, name VARCHAR(20))"]);
        for row in ["(2, 'x')", "(1, 'Ulm')"] {
            pair.first.run_all(&[&format!("INSERT INTO shop.cities VALUES {row}")]);
        }
        let lines = [
            "shop.cities: the copy on first is not like the one on second",
            "shop.cities: 0 rows on any other shard; 0 misplaced; 1 of 2 copies unlike",
        ];
        check(of_pair(&mut pair, &["cities"]), 1, &lines, "");
        let (_, objects, _) = of_pair(&mut pair, &["cities", "--json"]);
        let objects: Vec<serde_json::Value> =
            objects.iter().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!((&objects[0]["copy"], &objects[0]["unlike"]), (&"first".into(), &"second".into()));
        assert_eq!((&objects[1]["copies"], &objects[1]["unlike"]), (&2.into(), &1.into()));
        pair.first.run_all(&["UPDATE shop.cities SET name = NULL WHERE id = 2"]);
        let lines = [
            "shop.cities: 0 rows on any other shard; 0 misplaced; 2 copies alike",
            "shop.customers: 7 rows on first, second; 0 misplaced",
        ];
        check(of_pair(&mut pair, &[]), 0, &lines, "");
    }
}
