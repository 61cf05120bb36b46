//! Reads of several shards whose rows are one result: text and prepared, large and slow, and everything that ends them
//! before their time.

use std::io::Read;
use std::time::Duration;

use crate::support::fault::{Fault, Relay};
use crate::support::pair::{shop_map, shop_map_at};
use crate::support::raw::{AUTOCOMMIT, DEPRECATE_EOF, IN_TRANS, MORE_RESULTS, ORDINARY, Reply, ServerError};
use crate::support::raw_login::Login;
use crate::support::{MariaDb, Pair, Raw, Rows, Server, Settings, await_that};

const MIB: usize = 1 << 20;

/// All customers, which are on both servers.
const ALL: &str = "SELECT id, name, city, credit FROM customers";

/// One statement that takes long on both servers.
const LONG: &str = "SELECT SLEEP(50) FROM customers WHERE city IN ('Porto', 'Boston')";

fn session(pair: &Pair, capabilities: u32) -> Raw {
    pair.login(&Login { database: "shop".into(), capabilities, ..Login::default() })
}

/// So many more customers on each server.
fn add_customers(pair: &Pair, count: usize) {
    for (server, from) in [(&pair.first, 1000), (&pair.second, 1_001_000)] {
        for begin in (0..count).step_by(1000) {
            let rows: Vec<String> = (begin..count.min(begin + 1000))
                .map(|n| format!("({}, 'Number {n}', 'Townsville', {n})", from + n))
                .collect();
            server
                .run_all(&[&format!("INSERT INTO shop.customers (id, name, city, credit) VALUES {}", rows.join(","))]);
        }
    }
}

fn sorted(rows: &Rows) -> Vec<String> {
    let mut lines = rows.lines();
    lines.sort_unstable();
    lines
}

/// What both servers answer when they are asked directly.
fn of_both(pair: &Pair, statement: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for server in [&pair.first, &pair.second] {
        let mut direct = server.connect();
        direct.ok("USE shop");
        lines.extend(direct.rows(statement).lines());
    }
    lines.sort_unstable();
    lines
}

/// The connections of both pools serve right rows.
fn check_pools(pair: &mut Pair) {
    let expected = of_both(pair, ALL);
    for _ in 0..3 {
        assert_eq!(sorted(&pair.app().rows(ALL)), expected);
    }
    assert_eq!(pair.app().value("SELECT name FROM customers WHERE id = 42"), "Douglas & Co");
    assert_eq!(pair.app().value("SELECT name FROM customers WHERE id = 1000042"), "Pacific Rim Ltd");
    pair.check_sound();
}

fn running(server: &Server) -> usize {
    let text = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(50)%'";
    server.rows(text).rows.len()
}

fn await_running(pair: &Pair, count: usize) {
    await_that(&format!("{count} long statements run on each server"), || {
        (running(&pair.first) == count && running(&pair.second) == count).then_some(())
    });
}

#[track_caller]
fn refused(raw: &mut Raw, text: &str, code: u16, parts: &[&str]) -> ServerError {
    let error = raw.refused(text);
    assert_eq!(error.code, code, "{text}: {error:?}");
    for part in parts {
        assert!(error.message.contains(part), "{text}: {error:?}");
    }
    error
}

#[test]
fn the_rows_of_all_shards_are_one_result() {
    for mut pair in Pair::each() {
        add_customers(&pair, 4000);
        for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
            let mut raw = session(&pair, capabilities);
            let rows = raw.rows(ALL);
            assert_eq!(rows.columns, ["id", "name", "city", "credit"]);
            assert_eq!(rows.rows.len(), 8007);
            assert_eq!(sorted(&rows), of_both(&pair, ALL));
            assert_eq!(rows.status & (AUTOCOMMIT | IN_TRANS | MORE_RESULTS), AUTOCOMMIT);
            assert_eq!(rows.warnings, 0);
            for text in [
                "SELECT UPPER(name) AS n, credit * 2 FROM customers c WHERE c.city LIKE 'T%' AND credit BETWEEN 7 AND 900",
                "SELECT * FROM customers WHERE city = 'Hamburg'",
                "SELECT 1, NULL, name FROM shop.customers WHERE credit > 1000000",
                "/* a comment */ SELECT name FROM customers -- behind",
                "SELECT d.n, d.c FROM (SELECT UPPER(name) AS n, credit AS c FROM customers WHERE credit > 7) AS d WHERE c < 90",
                "WITH d AS (SELECT id, name FROM customers), e AS (SELECT name FROM d WHERE id > 50) SELECT * FROM e \
                 WHERE name LIKE 'N%'",
            ] {
                assert_eq!(sorted(&raw.rows(text)), of_both(&pair, text), "{text}");
            }
            // Among other statements of a packet.
            let replies = raw.query(&format!("SELECT 1; {ALL}; SELECT name FROM users WHERE id = 1; {ALL}"));
            let lines: Vec<usize> = replies
                .iter()
                .map(|reply| match reply {
                    Reply::Rows(rows) => rows.rows.len(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(lines, [1, 8007, 1, 8007]);
        }
        let scatters = pair.proxy().figure("meridian_scatters_total");
        assert_eq!(scatters, 18);
        check_pools(&mut pair);
    }
}

#[test]
fn keys_of_several_shards_ask_those_shards() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let text = "SELECT name FROM customers WHERE id IN (42, 1000042, 77, 2000000)";
    assert_eq!(sorted(&raw.rows(text)), ["Douglas & Co", "Gran Chaco SA", "Pacific Rim Ltd"]);
    let before = pair.proxy().figure("meridian_scatters_total");
    assert_eq!(
        sorted(&raw.rows("SELECT name FROM customers WHERE id IN (42, 1) AND city = 'Islington'")),
        ["Douglas & Co"]
    );
    assert_eq!(pair.proxy().figure("meridian_scatters_total"), before, "one shard is no scatter");
    check_pools(&mut pair);
}

#[test]
fn prepared_statements_read_several_shards() {
    for mut pair in Pair::each() {
        add_customers(&pair, 2000);
        for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
            let mut raw = session(&pair, capabilities);
            let (id, columns, parameters) =
                raw.prepare("SELECT id, name, credit FROM customers WHERE credit < ?").expect("valid");
            assert_eq!((columns, parameters), (3, 1));
            for (limit, bound) in [(500, true), (1_000_000, false), (0, false), (5, true)] {
                let rows = match &raw.execute(id, &[limit], bound)[..] {
                    [Reply::Rows(rows)] => rows.clone(),
                    other => panic!("{other:?}"),
                };
                // A binary row: a header, the map of NULLs, then the id in 8 bytes.
                let id_of = |row: &[u8]| u64::from_le_bytes(row[2..10].try_into().expect("eight bytes"));
                let mut ids: Vec<u64> =
                    rows.rows.iter().map(|row| id_of(row[0].as_deref().expect("a payload"))).collect();
                ids.sort_unstable();
                let text = format!("SELECT id FROM customers WHERE credit < {limit}");
                let mut expected: Vec<u64> =
                    of_both(&pair, &text).iter().map(|line| line.parse().expect("an id")).collect();
                expected.sort_unstable();
                assert_eq!(ids, expected, "{limit}");
            }
            // By its parameters one shard or two.
            let (some, _, _) = raw.prepare("SELECT name FROM customers WHERE id IN (?, ?)").expect("valid");
            for (keys, count) in [([1, 42], 2), ([42, 1_000_042], 2), ([1_000_042, 77], 1), ([5, 7], 0)] {
                let replies = raw.execute(some, &keys, true);
                assert!(
                    matches!(&replies[..], [Reply::Rows(rows)] if rows.rows.len() == count),
                    "{keys:?}: {replies:?}"
                );
            }
            // Refused when it is executed, for then it is known which shards it needs.
            let (ordered, _, _) =
                raw.prepare("SELECT name FROM customers WHERE id IN (?, ?) ORDER BY name").expect("valid");
            assert!(matches!(&raw.execute(ordered, &[1, 42], true)[..], [Reply::Rows(rows)] if rows.rows.len() == 2));
            let replies = raw.execute(ordered, &[1, 1_000_042], true);
            let named =
                |error: &ServerError| error.code == 1235 && error.message.contains("ORDER BY (near `ORDER BY name`");
            assert!(matches!(&replies[..], [Reply::Error(error)] if named(error)), "{replies:?}");
            // An error of one shard; the statement can be executed again.
            let (minus, _, _) = raw.prepare("SELECT ? - id FROM customers WHERE credit >= 0").expect("valid");
            assert!(
                matches!(&raw.execute(minus, &[5_000_000], true)[..], [Reply::Rows(rows)] if rows.rows.len() == 4007)
            );
            // A cursor.
            let mut payload = [&[0x17][..], &id.to_le_bytes(), &[1, 1, 0, 0, 0, 0, 1, 8, 0]].concat();
            payload.extend(9i64.to_le_bytes());
            raw.command(&payload).expect("the connection stands");
            let replies = raw.replies(true).expect("an answer");
            assert!(matches!(&replies[..], [Reply::Error(error)] if error.message.contains("cursor")), "{replies:?}");
            assert!(matches!(&raw.execute(id, &[5], false)[..], [Reply::Rows(_)]));
        }
        check_pools(&mut pair);
    }
}

#[test]
fn rows_of_every_size_arrive_whole() {
    let start = |name| MariaDb::start(name, &["--max-allowed-packet=128M"]);
    let mut pair = Pair::of(start("first"), start("second"), "");
    for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
        let mut raw = session(&pair, capabilities);
        for bytes in
            [12 * 1024 - 4, 12 * 1024, 70_000, 0xFF_FFFA - 8, 0xFF_FFFB, 0xFF_FFFF, 2 * 0xFF_FFFF - 17, 20 * MIB]
        {
            let rows = raw.rows(&format!("SELECT REPEAT('y', {bytes}), id FROM customers WHERE city <> 'Salta'"));
            let mut ids: Vec<&[u8]> = rows.rows.iter().map(|row| row[1].as_deref().expect("an id")).collect();
            ids.sort_unstable();
            assert_eq!(ids, [&b"1"[..], b"1000000", b"1000042", b"2", b"42", b"999999"], "{bytes}");
            for row in &rows.rows {
                let text = row[0].as_ref().expect("a text");
                assert!(text.len() == bytes && text.iter().all(|byte| *byte == b'y'), "{bytes}");
            }
        }
    }
    check_pools(&mut pair);
}

#[test]
fn a_slow_client_stops_the_reads_from_all_servers() {
    let mut pair = Pair::mariadb();
    add_customers(&pair, 200);
    let mut slow = pair.app();
    // 407 rows of 1 MiB.
    slow.send_query("SELECT REPEAT('z', 1048576), id FROM customers");
    let mut chunk = vec![0; 64 * 1024];
    let mut read = 0;
    let mut other = pair.app();
    while read < 407 * MIB {
        let n = slow.stream().read(&mut chunk).expect("the result goes on");
        assert!(n > 0, "closed after {read} bytes");
        if read / (128 * MIB) != (read + n) / (128 * MIB) {
            assert_eq!(other.value("SELECT name FROM users WHERE id = 1"), "Ada");
            std::thread::sleep(Duration::from_millis(300));
        }
        read += n;
    }
    let peak = pair.proxy().memory_kib_max();
    assert!(peak < 64 * 1024, "{peak} KiB");
    drop(slow);
    check_pools(&mut pair);
}

#[test]
fn an_error_of_one_shard_ends_the_result() {
    for mut pair in Pair::each() {
        add_customers(&pair, 3000);
        let expected = of_both(&pair, ALL);
        let mut raw = pair.app();
        for _ in 0..5 {
            // Out of range on the second server, from its first row; and on the first server, at its last one.
            refused(&mut raw, "SELECT name, 999998 - id FROM customers WHERE id < 1000000", 1690, &["out of range"]);
            refused(&mut raw, "SELECT REPEAT(name, 100), 999998 - id FROM customers", 1690, &["out of range"]);
            assert_eq!(raw.value("SELECT 1"), "1");
            refused(&mut raw, "SELECT no_such_column FROM customers", 1054, &["no_such_column"]);
            let shown = raw.rows("SHOW WARNINGS").lines();
            assert!(shown.len() == 1 && shown[0].contains("1054"), "{shown:?}");
            assert_eq!(sorted(&raw.rows(ALL)), expected);
        }
        // Statements behind it in the packet are not run.
        let replies = raw.query("SELECT no_such_column FROM customers; SELECT 1");
        assert!(matches!(&replies[..], [Reply::Error(error)] if error.code == 1054), "{replies:?}");
        check_pools(&mut pair);
    }
}

#[test]
fn what_runs_long_elsewhere_is_cancelled_by_an_error() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    // The first server sleeps, the second fails.
    let text = "SELECT SLEEP(50), 999999 - id FROM customers WHERE city = 'Porto' OR 999999 - id > 5";
    let text = text.replace("SLEEP(50)", "IF(id < 1000000, SLEEP(50), 1)");
    refused(&mut raw, &text, 1690, &["out of range"]);
    assert_eq!(raw.value("SELECT 1"), "1");
    await_that("nothing runs on", || {
        let text =
            "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(50)%' AND info NOT LIKE '%info%'";
        (pair.first.rows(text).rows.is_empty() && pair.second.rows(text).rows.is_empty()).then_some(())
    });
    assert_eq!(pair.proxy().figure("meridian_cancels_total"), 1);
    check_pools(&mut pair);
}

#[test]
fn kill_query_stops_all_shards() {
    for mut pair in Pair::each() {
        let mut victim = pair.app();
        let mut killer = pair.app();
        for transaction in [false, true] {
            if transaction {
                victim.ok("BEGIN");
            }
            victim.send_query(LONG);
            await_running(&pair, 1);
            killer.ok(&format!("KILL QUERY {}", victim.greeting.connection));
            let replies = victim.replies(false).expect("an answer");
            let was_stopped = match &replies[..] {
                [Reply::Error(error)] => error.code == 1317,
                [Reply::Rows(rows)] => rows.lines() == ["1", "1"],
                _ => false,
            };
            assert!(was_stopped, "{replies:?}");
            assert_eq!((running(&pair.first), running(&pair.second)), (0, 0));
            assert_eq!(sorted(&victim.rows(ALL)), of_both(&pair, ALL), "the session goes on");
        }
        victim.ok("COMMIT");
        // The whole session.
        victim.send_query(LONG);
        await_running(&pair, 1);
        killer.ok(&format!("KILL {}", victim.greeting.connection));
        await_running(&pair, 0);
        check_pools(&mut pair);
    }
}

#[test]
fn a_client_that_goes_away_takes_the_statements_of_all_shards_with_it() {
    let mut pair = Pair::mariadb();
    let mut gone = pair.app();
    gone.send_query(LONG);
    await_running(&pair, 1);
    drop(gone);
    await_running(&pair, 0);
    await_that("both servers were told", || (pair.proxy().figure("meridian_cancels_total") == 2).then_some(()));
    check_pools(&mut pair);
}

#[test]
fn columns_that_differ_between_shards_are_refused() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        let statement = "SELECT * FROM customers";
        for (change, back, parts) in [
            ("ADD note INT", "DROP note", &["4 columns on shard first", "5 on shard second"][..]),
            ("CHANGE city town VARCHAR(60) NOT NULL", "CHANGE town city VARCHAR(60) NOT NULL", &["column 3", "name"]),
            ("MODIFY credit DOUBLE NOT NULL", "MODIFY credit DECIMAL(10, 2) NOT NULL DEFAULT 0", &["`credit`", "type"]),
            (
                "MODIFY credit DECIMAL(10, 2) UNSIGNED NOT NULL",
                "MODIFY credit DECIMAL(10, 2) NOT NULL DEFAULT 0",
                &["`credit`", "attributes"],
            ),
            ("MODIFY city VARCHAR(50) NOT NULL", "MODIFY city VARCHAR(60) NOT NULL", &["`city`", "length"]),
        ] {
            pair.second.run_all(&[&format!("ALTER TABLE shop.customers {change}")]);
            // Whichever shard comes first, the other one differs.
            let error = raw.refused(statement);
            assert_eq!((error.code, &*error.state), (1222, "21000"), "{error:?}");
            let either = error.message.contains(parts[0]) || error.message.contains("5 columns on shard second");
            assert!(either && error.message.contains("second"), "{change}: {error:?}");
            assert!(change.starts_with("ADD") || error.message.contains(parts[1]), "{change}: {error:?}");
            assert_eq!(raw.value("SELECT name FROM customers WHERE id = 42"), "Douglas & Co");
            assert_eq!(raw.rows("SELECT id, name FROM customers").rows.len(), 7, "what is the same is served");
            pair.second.run_all(&[&format!("ALTER TABLE shop.customers {back}")]);
        }
        // A server that finds no row of the first table while it plans says of the second one's columns that they are NOT
        // NULL (MariaDB).
        let joined = "SELECT b.name FROM customers a LEFT JOIN customers b ON b.id = a.id WHERE a.id IN (0x2A)";
        assert_eq!(raw.rows(joined).lines(), ["Douglas & Co"]);
        // An index may come to one server before the other.
        pair.second.run_all(&["ALTER TABLE shop.customers MODIFY city VARCHAR(60), ADD KEY (city)"]);
        assert_eq!(raw.rows(statement).rows.len(), 7);
        check_pools(&mut pair);
    }
}

#[test]
fn pools_of_one_connection_serve_scatters_at_once() {
    let mut pair = Pair::mariadb_with("limits:\n  pool_connections_max: 1\n  pool_wait_ms_max: 60000\n");
    add_customers(&pair, 300);
    let expected = of_both(&pair, ALL);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (pair, expected) = (&pair, &expected);
            scope.spawn(move || {
                let mut raw = pair.app();
                for n in 0..20 {
                    assert_eq!(sorted(&raw.rows(ALL)), *expected, "{n}");
                    assert_eq!(raw.value("SELECT name FROM customers WHERE id = 1000042"), "Pacific Rim Ltd");
                    assert_eq!(raw.refused("SELECT 999998 - id FROM customers").code, 1690);
                }
            });
        }
    });
    check_pools(&mut pair);
}

#[test]
fn a_transaction_reads_all_its_shards() {
    for mut pair in Pair::each() {
        let (mut raw, mut other) = (pair.app(), pair.app());
        let before = of_both(&pair, ALL);
        raw.ok("BEGIN");
        let rows = raw.rows(ALL);
        assert_eq!(rows.status & IN_TRANS, IN_TRANS);
        assert_eq!(sorted(&rows), before);
        for id in [7, 1_000_007] {
            other.ok(&format!("INSERT INTO customers (id, name, city) VALUES ({id}, 'New', 'Oslo')"));
        }
        assert_eq!(sorted(&raw.rows(ALL)), before, "the snapshots of both servers");
        raw.ok("UPDATE customers SET city = 'Kiel' WHERE id = 1");
        assert_eq!(raw.rows("SELECT id FROM customers WHERE city = 'Kiel'").rows.len(), 1, "what it wrote itself");
        // An error ends the statement and not the transaction.
        refused(&mut raw, "SELECT 999998 - id FROM customers", 1690, &[]);
        assert_eq!(raw.rows("SELECT id FROM customers WHERE city = 'Kiel'").rows.len(), 1);
        refused(&mut raw, "UPDATE customers SET city = 'Kiel' WHERE id = 1000000", 1235, &["atomic commit"]);
        raw.ok("ROLLBACK");
        assert_eq!(sorted(&raw.rows(ALL)), of_both(&pair, ALL));
        assert_eq!(raw.rows("SELECT id FROM customers WHERE city IN ('Kiel', 'Oslo')").rows.len(), 2);
        // Without a BEGIN.
        raw.ok("SET autocommit = 0");
        assert_eq!(raw.rows(ALL).status & (IN_TRANS | AUTOCOMMIT), IN_TRANS);
        other.ok("DELETE FROM customers WHERE id = 1000007");
        assert_eq!(raw.rows("SELECT id FROM customers WHERE city = 'Oslo'").rows.len(), 2);
        raw.ok("COMMIT");
        assert_eq!(raw.rows("SELECT id FROM customers WHERE city = 'Oslo'").rows.len(), 1);
        raw.ok("ROLLBACK");
        check_pools(&mut pair);
    }
}

#[test]
fn every_shard_has_the_sessions_state() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    raw.ok("SET @who = 'me', time_zone = '+05:00', sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'");
    let text = "SELECT @who || '-' || \"name\", FROM_UNIXTIME(0) FROM customers WHERE credit > 1000";
    assert_eq!(
        sorted(&raw.rows(text)),
        ["me-Nordlicht GmbH\t1970-01-01 05:00:00", "me-Pacific Rim Ltd\t1970-01-01 05:00:00"]
    );
    raw.ok("SET SESSION TRANSACTION READ ONLY");
    assert_eq!(raw.rows(ALL).rows.len(), 7);
    check_pools(&mut pair);
}

#[test]
fn a_limit_of_the_session_is_no_limit_of_each_shard() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for set in ["SET sql_select_limit = 2", "SET @@session.SQL_SELECT_LIMIT = 1 + 1"] {
        raw.ok(set);
        refused(&mut raw, ALL, 1235, &["sql_select_limit"]);
        assert_eq!(raw.rows("SELECT * FROM customers WHERE id IN (1, 2, 42)").rows.len(), 2);
        raw.ok("SET sql_select_limit = DEFAULT");
        assert_eq!(raw.rows(ALL).rows.len(), 7);
    }
    raw.ok("SET sql_select_limit = 18446744073709551615");
    assert_eq!(raw.rows(ALL).rows.len(), 7);
    check_pools(&mut pair);
}

#[test]
fn warnings_of_all_shards_are_counted_and_shown() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        let text = "SELECT CAST(name AS SIGNED) FROM customers WHERE credit > 1000";
        assert_eq!(raw.rows(text).warnings, 2);
        let shown = raw.rows("SHOW WARNINGS").lines();
        assert!(shown.len() == 2 && shown.iter().all(|line| line.starts_with("Warning\t1292\t")), "{shown:?}");
        assert!(shown.iter().any(|line| line.contains("Nordlicht")), "{shown:?}");
        assert_eq!(raw.rows("SHOW WARNINGS").rows.len(), 2, "once more");
        refused(&mut raw, "SHOW ERRORS", 1235, &["several shards"]);
        assert_eq!(raw.rows(text).warnings, 2);
        refused(&mut raw, "SELECT FOUND_ROWS()", 1235, &["several shards"]);
        assert_eq!(raw.rows(ALL).warnings, 0);
        assert!(raw.rows("SHOW WARNINGS").rows.is_empty());
        check_pools(&mut pair);
    }
}

#[test]
fn after_a_restart_the_next_scatter_succeeds() {
    let mut pair = Pair::mariadb();
    let mut clients: Vec<Raw> = (0..3).map(|_| pair.app()).collect();
    for client in &mut clients {
        assert_eq!(client.rows(ALL).rows.len(), 7);
    }
    pair.first.restart();
    for client in &mut clients {
        assert_eq!(client.rows(ALL).rows.len(), 7);
    }
    let mut reader = pair.app();
    reader.ok("BEGIN");
    assert_eq!(reader.rows(ALL).rows.len(), 7);
    pair.second.restart();
    assert_eq!(reader.refused(ALL).code, 1158, "a transaction is never run again");
    assert!(reader.closed(), "what it had is gone");
    check_pools(&mut pair);
}

#[test]
fn a_server_lost_in_mid_result_is_an_error() {
    let mut pair = Pair::mariadb();
    add_customers(&pair, 500);
    let relay = Relay::to(pair.second.port);
    let map = shop_map_at(&pair.first.at(), &relay.at(), pair.first.family());
    pair.start_proxy(Settings { map, ..Settings::default() });
    let mut raw = pair.app();
    assert_eq!(raw.rows(ALL).rows.len(), 1007);
    for bytes in [0, 3, 200, 5000, 20_000] {
        relay.set("FROM customers", Fault::CloseAfter(bytes));
        let text = "SELECT id, REPEAT('x', 100) FROM customers";
        match raw.one(text) {
            // Nothing had been seen, and it was run again.
            Reply::Rows(rows) => assert_eq!(rows.rows.len(), 1007, "{bytes}"),
            Reply::Error(error) => assert_eq!(error.code, 1158, "{bytes}: {error:?}"),
            Reply::Ok(done) => panic!("{bytes}: {done:?}"),
        }
        assert_eq!(raw.rows(ALL).rows.len(), 1007, "{bytes}");
    }
    // Within a row.
    relay.set("REPEAT", Fault::CloseAfter(MIB));
    raw.send_query("SELECT REPEAT('x', 15000000) FROM customers WHERE city = 'Salta'");
    assert!(raw.replies(false).is_err(), "nothing can be said to it");
    drop(raw);
    check_pools(&mut pair);
}

#[test]
fn what_is_no_concatenation_is_refused_by_name_and_place() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for (text, construct, place) in [
        ("SELECT name FROM customers ORDER BY name", "ORDER BY", "byte 27"),
        ("SELECT COUNT(*) FROM customers", "aggregate COUNT()", "byte 7"),
        ("SELECT name FROM customers LIMIT 3", "LIMIT", "byte 27"),
        ("SELECT DISTINCT city FROM customers", "DISTINCT", "byte 7"),
        ("SELECT id FROM customers WHERE credit > RAND()", "RAND()", "byte 40"),
        ("EXPLAIN SELECT name FROM customers", "EXPLAIN", "byte 0"),
    ] {
        refused(&mut raw, text, 1235, &["first and second", construct, place]);
    }
    check_pools(&mut pair);
}

#[test]
fn a_table_that_refuses_it_is_read_by_its_key_only() {
    for mut pair in Pair::each() {
        let map = shop_map(&pair.first, &pair.second);
        let map = map.replace("      customers:\n", "      customers:\n        scatter: refuse\n");
        pair.start_proxy(Settings { map, ..Settings::default() });
        let mut raw = pair.app();
        for text in ["SELECT id FROM customers", "SELECT id FROM customers WHERE id IN (42, 1000042)"] {
            let error = raw.refused(text);
            assert_eq!(error.code, 1235);
            assert!(error.message.contains("`scatter: refuse` of customers; add `id = ...`"), "{error:?}");
        }
        assert_eq!(raw.value("SELECT name FROM customers WHERE id = 42"), "Douglas & Co");
        assert_eq!(raw.value("SELECT COUNT(*) FROM customers WHERE id < 1000"), "3");
        assert_eq!(raw.value("/* meridian: shard=first */ SELECT COUNT(*) FROM customers"), "4");
        // Prepared, the values of an execution decide.
        let (id, _, _) = raw.prepare("SELECT id FROM customers WHERE id IN (?, ?)").expect("one shard may have them");
        assert!(matches!(&raw.execute(id, &[42, 1], true)[..], [Reply::Rows(rows)] if rows.rows.len() == 2));
        assert!(matches!(&raw.execute(id, &[42, 1_000_042], false)[..], [Reply::Error(e)] if e.code == 1235));
        pair.check_sound();
    }
}
