//! Keys that are the time: the shard that Meridian chose is the one of the instant that the server stores.

use crate::support::pair::shop_map;
use crate::support::raw::Reply;
use crate::support::{Pair, Raw, Settings};

const DEFINITIONS: [&str; 5] = [
    "CREATE TABLE shop.logs (at DATETIME(3) NOT NULL, seen DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3), n INT)",
    "CREATE TABLE shop.marks_at (at TIMESTAMP NULL, n INT)",
    "CREATE TABLE shop.days (day DATE NOT NULL, n INT)",
    "CREATE TABLE shop.arrivals (at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), n INT)",
    "CREATE TABLE shop.stamps (at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, n INT)",
];

/// 2023-11-14 22:13:20 UTC, and where the second server's keys begin.
const BOUND: i64 = 1_700_000_000;

fn start(pair: &mut Pair) {
    for server in [&pair.first, &pair.second] {
        server.run_all(&DEFINITIONS);
    }
    let mut map = shop_map(&pair.first, &pair.second);
    for (table, key, zone, bound) in [
        ("logs", "at: datetime(3)", "", "2023-11-14 22:13:20"),
        ("marks_at", "at: timestamp", "        zone: UTC\n", "2023-11-14 22:13:20"),
        ("days", "day: date", "", "2023-11-15"),
        ("arrivals", "at: datetime(6) default current_timestamp(6)", "", "2023-11-14 22:13:20"),
        ("stamps", "at: timestamp DEFAULT CURRENT_TIMESTAMP", "        zone: UTC\n", "2023-11-14 22:13:20"),
    ] {
        map.push_str(&format!(
            "      {table}:\n        key: {{{key}}}\n{zone}        range:\n          - {{from: MIN, on: first}}\n          \
             - {{from: \"{bound}\", on: second}}\n"
        ));
    }
    pair.start_proxy(Settings { map, ..Settings::default() });
}

fn count(pair: &Pair, table: &str) -> [String; 2] {
    let count = format!("SELECT COUNT(*) FROM shop.{table}");
    [pair.first.value(&count), pair.second.value(&count)]
}

/// Every row of the table is on the server that owns its key.
#[track_caller]
fn check_places(pair: &Pair, statement: &str) {
    for (table, key, bound) in [
        ("logs", "at", "'2023-11-14 22:13:20'"),
        ("marks_at", "UNIX_TIMESTAMP(at)", "1700000000"),
        ("days", "day", "'2023-11-15'"),
        ("arrivals", "at", "'2023-11-14 22:13:20'"),
        ("stamps", "UNIX_TIMESTAMP(at)", "1700000000"),
    ] {
        let wrong = |condition: &str| format!("SELECT COUNT(*) FROM shop.{table} WHERE {key} {condition} {bound}");
        assert_eq!(pair.first.value(&wrong(">=")), "0", "{table} on the first: {statement}");
        assert_eq!(pair.second.value(&wrong("<")), "0", "{table} on the second: {statement}");
    }
}

#[test]
fn the_time_of_a_session_decides_where_its_rows_go() {
    for mut pair in Pair::each() {
        start(&mut pair);
        let mut raw = pair.app();
        for (offset, zone) in [(0, "+00:00"), (3600, "+01:00"), (-5 * 3600, "-05:00")] {
            raw.ok(&format!("SET time_zone = '{zone}'"));
            for seconds in
                [BOUND - 86_400, BOUND - offset - 1, BOUND - offset, BOUND - 1, BOUND, BOUND + 6400, BOUND + 86_400]
            {
                raw.ok(&format!("SET timestamp = {seconds}"));
                for statement in [
                    "INSERT INTO logs (at, n) VALUES (NOW(), 1), (CURRENT_TIMESTAMP, 2), (LOCALTIME(3), 3)",
                    "INSERT INTO logs SET n = 4, at = now(2)",
                    "INSERT INTO logs (n, at) SELECT 5, CURRENT_TIMESTAMP()",
                    "INSERT INTO logs (at) VALUES (CURDATE()), (CURRENT_DATE)",
                    "INSERT INTO logs (at) VALUES (UTC_TIMESTAMP())",
                    "INSERT INTO logs (at) VALUES (UTC_DATE)",
                    "REPLACE INTO marks_at (at, n) VALUES (NOW(), 1)",
                    "INSERT INTO marks_at (at, n) VALUES (UTC_TIMESTAMP, 1)",
                    "INSERT INTO days (day) VALUES (CURDATE())",
                    "INSERT INTO days (day) VALUES (NOW())",
                    "INSERT INTO arrivals (n) VALUES (1), (2)",
                    "INSERT INTO arrivals (at, n) VALUES (DEFAULT, 3), (NOW(6), 4)",
                    "INSERT INTO arrivals () VALUES ()",
                    "INSERT INTO arrivals SET n = 5 ON DUPLICATE KEY UPDATE n = 6",
                    "REPLACE INTO stamps (at) VALUES (DEFAULT)",
                    "INSERT INTO stamps (n) VALUES (1)",
                ] {
                    raw.ok(statement);
                    check_places(&pair, &format!("{statement} at {seconds} in {zone}"));
                }
            }
        }
        for table in ["logs", "arrivals", "stamps"] {
            let [first, second] = count(&pair, table);
            assert!(first != "0" && second != "0", "{table}: {first} {second}");
        }
        pair.check_sound();
    }
}

#[test]
fn the_present_is_the_same_to_the_proxy_and_to_the_server() {
    for mut pair in Pair::each() {
        start(&mut pair);
        let (mut raw, mut other) = (pair.app(), pair.app());
        raw.ok("SET time_zone = '+00:00'");
        pair.second.run_all(&["SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = 1"]);
        raw.ok("INSERT INTO logs (at, n) VALUES (NOW(3), 1), (NOW(), 2)");
        pair.second.run_all(&["SET GLOBAL general_log = 0"]);
        // The server was told the instant that the row has.
        let set =
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE argument LIKE 'SET %timestamp=1%'";
        let stored = "SELECT CONCAT('timestamp=', TIMESTAMPDIFF(SECOND, '1970-01-01', at), '.', \
                      LPAD(MICROSECOND(at) DIV 1000, 3, '0')) FROM shop.logs WHERE n = 1";
        let (set, stored) = (pair.second.value(set), pair.second.value(stored));
        assert!(set.contains(&stored), "{set}, {stored}");
        let (id, _, parameters) = raw.prepare("INSERT INTO logs (at, n) VALUES (NOW(3), ?)").expect("valid");
        assert_eq!(parameters, 1);
        for n in [3, 4] {
            assert!(matches!(&raw.execute(id, &[n], n == 3)[..], [Reply::Ok(done)] if done.affected == 1));
        }
        assert_eq!(count(&pair, "logs"), ["0", "4"]);
        // As a column's default it has all digits of the column.
        let (id, _, _) = raw.prepare("INSERT INTO arrivals (n) VALUES (?)").expect("valid");
        for n in [1, 2] {
            assert!(matches!(&raw.execute(id, &[n], n == 1)[..], [Reply::Ok(done)] if done.affected == 1));
        }
        raw.ok("INSERT INTO arrivals (n, at) VALUES (3, DEFAULT), (3, NOW(6))");
        assert_eq!(count(&pair, "arrivals"), ["0", "4"]);
        assert_eq!(pair.second.value("SELECT COUNT(DISTINCT at) FROM shop.arrivals"), "3");
        // The column beside it has the same instant.
        assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.logs WHERE at = seen OR n = 2"), "4");
        // The clock goes on: neither this session nor another finds it standing.
        for session in [&mut raw, &mut other] {
            session.ok("SET @before = NOW(6)");
            assert_eq!(session.value("SELECT SLEEP(0.002) + (NOW(6) > @before)"), "1");
        }
        // In a transaction the connection is kept.
        raw.ok("BEGIN");
        raw.ok("INSERT INTO logs (at, n) VALUES (NOW(3), 5)");
        let later = "SELECT NOW(6) >= at FROM logs WHERE n = 5 AND at >= '2023-11-14 22:13:20'";
        assert_eq!(raw.value(later), "1");
        assert_eq!(
            raw.value("/* meridian: shard=second */ SELECT COUNT(*) FROM logs WHERE n = 5 AND at < SYSDATE(6)"),
            "1"
        );
        raw.ok("SELECT SLEEP(0.002) INTO @slept");
        assert_eq!(
            raw.value("/* meridian: shard=second */ SELECT COUNT(*) FROM logs WHERE n = 5 AND at < NOW(6)"),
            "1"
        );
        raw.ok("COMMIT");
        check_places(&pair, "the present");
        pair.check_sound();
    }
}

#[test]
fn a_time_that_is_not_certain_is_refused() {
    for mut pair in Pair::each() {
        start(&mut pair);
        let mut raw = pair.app();
        let now = "INSERT INTO logs (at) VALUES (NOW())";
        let error = raw.refused(now);
        assert!(error.message.contains("SET time_zone"), "{error:?}");
        raw.ok("INSERT INTO logs (at) VALUES (UTC_TIMESTAMP())");
        raw.ok("SET time_zone = '+00:00'");
        for statement in [
            "INSERT INTO logs (at) VALUES (SYSDATE())",
            "INSERT INTO logs (at) VALUES (NOW(6))",
            "INSERT INTO logs (at) VALUES (NOW() + INTERVAL 1 DAY)",
            "INSERT INTO logs (at) VALUES (DEFAULT)",
            "INSERT INTO logs (n) VALUES (1)",
            "INSERT INTO logs (at) VALUES (CURTIME())",
            "INSERT INTO arrivals (at) VALUES (NULL)",
            "INSERT INTO arrivals (n) SELECT 1",
            "INSERT INTO arrivals (at) SELECT DEFAULT",
            "UPDATE arrivals SET at = DEFAULT WHERE at = '2020-01-01'",
            "INSERT /*+ SET_VAR(timestamp=1) */ INTO arrivals (n) VALUES (1)",
            "SET STATEMENT timestamp = 1 FOR INSERT INTO arrivals (n) VALUES (1)",
            "INSERT INTO days (day) VALUES (NOW(6))",
            "INSERT INTO logs (at) VALUES (NOW()), ('2020-01-01')",
            "INSERT /*+ SET_VAR(timestamp=1) */ INTO logs (at) VALUES (NOW())",
            "INSERT /*+ SET_VAR(time_zone='+10:00') */ INTO logs (at) VALUES (NOW())",
            "SET STATEMENT timestamp = 1 FOR INSERT INTO logs (at) VALUES (NOW())",
            "SET STATEMENT time_zone = '+10:00' FOR INSERT INTO logs (at) VALUES (NOW())",
        ] {
            let error = raw.refused(statement);
            assert!(error.message.starts_with("Meridian: "), "{statement}: {error:?}");
        }
        raw.ok("SET timestamp = 1700000000.5");
        assert!(raw.refused(now).message.contains("SET timestamp"));
        raw.ok("SET timestamp = DEFAULT");
        assert_eq!(count(&pair, "logs"), ["0", "1"]);
        raw.ok(now);
        assert_eq!(count(&pair, "logs"), ["0", "2"]);
        pair.check_sound();
    }
}

/// What the instants that Meridian sets rely on.
#[test]
fn servers_set_their_clocks_to_the_microsecond() {
    for pair in Pair::each() {
        let mut raw = Raw::app(pair.first.port, "shop").expect("app may log in");
        raw.ok("SET time_zone = '+00:00'");
        let mut dice = 0x5EED_u64;
        for _ in 0..500 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (seconds, micros) = (BOUND as u64 + (dice >> 36), dice >> 10 & 0xF_FFFF);
            let micros = micros % 1_000_000;
            raw.ok(&format!("SET timestamp = {seconds}.{micros:06}3"));
            let found = raw.value("SELECT CONCAT(UNIX_TIMESTAMP(NOW(6)))");
            assert_eq!(found, format!("{seconds}.{micros:06}"));
        }
    }
}
