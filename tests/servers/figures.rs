//! What the pages for operators show: that every event is counted where it happens, and how the process is.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::fault::{Fault, Relay};
use crate::support::pair::shop_map_at;
use crate::support::proxy::{get, http};
use crate::support::raw::Reply;
use crate::support::raw_login::{self, Login};
use crate::support::{PATIENCE, Pair, Proxy, Raw, Settings, await_that, until};

const NAME: &str = "SELECT name FROM users WHERE id = 1";

fn shop() -> Login {
    Login { database: "shop".into(), ..Login::default() }
}

/// A figure of this proxy, by its name without what all have in common.
fn figure(proxy: &Proxy, series: &str) -> u64 {
    proxy.figure(&format!("meridian_{series}"))
}

/// Waits until a figure is this: the other side of a socket takes a moment to see its end.
#[track_caller]
fn await_figure(proxy: &Proxy, series: &str, expected: u64) {
    let mut last = 0;
    let found = until(PATIENCE, || {
        last = figure(proxy, series);
        (last == expected).then_some(())
    });
    assert!(found.is_some(), "{series} is {last} and not {expected}");
}

/// By how much these figures grow while something is done.
#[track_caller]
fn check_growth(pair: &mut Pair, expected: &[(&str, u64)], done: impl FnOnce(&mut Pair)) {
    let before: Vec<u64> = expected.iter().map(|(series, _)| figure(pair.proxy(), series)).collect();
    done(pair);
    for ((series, by), before) in expected.iter().zip(before) {
        await_figure(pair.proxy(), series, before + by);
    }
}

#[test]
fn one_plan_serves_inserts_and_in_lists_of_every_length() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    raw.value(NAME);
    let bytes = figure(pair.proxy(), "plan_cache_bytes");
    assert!(bytes > 0);
    check_growth(&mut pair, &[("plan_cache_misses_total", 1), ("plan_cache_hits_total", 999)], |_| {
        for rows in 1..=1000 {
            let rows: Vec<String> = (0..rows).map(|row| format!("('row {row}')")).collect();
            raw.ok(&format!("INSERT INTO notes (text) VALUES {}", rows.join(",")));
        }
    });
    assert_eq!(raw.value("SELECT COUNT(*) FROM notes"), "500500");
    check_growth(&mut pair, &[("plan_cache_misses_total", 1), ("plan_cache_hits_total", 999)], |_| {
        for keys in 1..=1000 {
            let keys: Vec<String> = (1..=keys).map(|key| key.to_string()).collect();
            let found = raw.rows(&format!("SELECT id FROM customers WHERE id IN ({}) ORDER BY id", keys.join(", ")));
            assert_eq!(found.lines()[..2.min(keys.len())], ["1", "2"][..2.min(keys.len())]);
        }
    });
    assert!(figure(pair.proxy(), "plan_cache_bytes") > bytes);
    assert_eq!(figure(pair.proxy(), "pins_total"), 0);
}

#[test]
fn a_pin_is_shown_from_when_it_begins_until_it_ends() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('mine')");
    assert_eq!(figure(pair.proxy(), "sessions_pinned"), 0, "a transaction is no pin");
    raw.ok("ROLLBACK");
    raw.ok("LOCK TABLES notes WRITE");
    await_figure(pair.proxy(), "pins_total", 1);
    await_figure(pair.proxy(), "sessions_pinned", 1);
    raw.ok("INSERT INTO notes (text) VALUES ('locked')");
    raw.ok("UNLOCK TABLES");
    await_figure(pair.proxy(), "sessions_pinned", 0);

    raw.ok("CREATE TEMPORARY TABLE notes (id INT)");
    raw.rows("SELECT GET_LOCK('mine', 0) FROM users WHERE id = 1");
    // Two pins, one session.
    await_figure(pair.proxy(), "pins_total", 3);
    await_figure(pair.proxy(), "sessions_pinned", 1);
    let mut other = pair.app();
    other.rows("SELECT @sum := 1 FROM users");
    await_figure(pair.proxy(), "sessions_pinned", 2);
    drop(other);
    await_figure(pair.proxy(), "sessions_pinned", 1);
    assert!(matches!(raw.simple(&[0x1F]), Reply::Ok(_)), "RESET_CONNECTION");
    await_figure(pair.proxy(), "sessions_pinned", 0);

    // This one ends by itself, of a client that says nothing.
    raw.rows("SELECT SQL_CALC_FOUND_ROWS name FROM users LIMIT 1");
    await_figure(pair.proxy(), "pins_total", 5);
    await_figure(pair.proxy(), "sessions_pinned", 1);
    await_figure(pair.proxy(), "sessions_pinned", 0);
    let log = pair.proxy().log();
    for why in ["table lock", "temporary table", "named lock", "user variable", "found rows"] {
        let lines = log.lines().filter(|line| line.contains("pinned") && line.contains(&format!("\"{why}\""))).count();
        assert_eq!(lines, 1, "{why} in\n{log}");
    }
    pair.check_sound();
}

#[test]
fn logins_and_their_failures_are_counted() {
    let mut pair = Pair::mariadb_with("limits:\n  connections_max: 2\n");
    let failures = |reason: &str| format!("login_failures_total{{reason=\"{reason}\"}}");
    let port = pair.port();
    for (reason, login) in [
        ("credentials", Login { password: "wrong".into(), ..shop() }),
        ("credentials", Login { user: "nobody".into(), ..shop() }),
        ("database", Login { database: "nothing".into(), ..shop() }),
    ] {
        check_growth(&mut pair, &[(&failures(reason), 1), ("logins_total", 0)], |_| {
            Raw::login(port, &login).expect_err("must not get in");
        });
    }
    check_growth(&mut pair, &[(&failures("malformed"), 1)], |_| {
        Raw::greeted(port).expect("a greeting").answer(b"x").expect("the connection stands");
    });
    check_growth(&mut pair, &[(&failures("closed"), 1)], |_| drop(Raw::greeted(port).expect("a greeting")));
    await_figure(pair.proxy(), "sessions", 0);
    let mut raw = pair.app();
    await_figure(pair.proxy(), "logins_total", 1);
    check_growth(&mut pair, &[("logins_total", 1), (&failures("credentials"), 0)], |_| {
        raw_login::change_user(&mut raw, &shop()).expect("the right password");
    });
    assert_eq!((figure(pair.proxy(), "sessions"), figure(pair.proxy(), "logins_total")), (1, 2));
    let _second = pair.app();
    await_figure(pair.proxy(), "logins_total", 3);
    check_growth(&mut pair, &[(&failures("capacity"), 1), ("logins_total", 0)], |_| {
        Raw::app(port, "shop").expect_err("one too many");
    });
    check_growth(&mut pair, &[(&failures("credentials"), 1)], |_| {
        raw_login::change_user(&mut raw, &Login { password: "wrong".into(), ..shop() }).expect_err("not this one");
    });
    await_figure(pair.proxy(), "sessions", 1);
    pair.start_proxy(Settings { config: "limits:\n  login_timeout_ms: 100\n".into(), ..Settings::default() });
    check_growth(&mut pair, &[(&failures("timeout"), 1)], |pair| {
        assert!(Raw::greeted(pair.port()).expect("a greeting").closed(), "the limit passed");
    });
}

#[test]
fn statements_and_refusals_are_counted_once_by_their_kind() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let class = |class: &str| format!("statements_total{{class=\"{class}\"}}");
    let classes = ["read", "write", "transaction", "session", "local", "refused"];
    let reasons = ["shards", "key", "name", "server", "construct", "unreadable", "session"];
    for (statement, of_class, refused) in [
        (NAME, "read", None),
        ("SELECT @@version", "read", None),
        ("UPDATE users SET name = name WHERE id = 1", "write", None),
        ("SELECT name FROM users WHERE id = 1 FOR UPDATE", "write", None),
        ("BEGIN", "transaction", None),
        ("COMMIT", "transaction", None),
        ("SET @x = 1", "session", None),
        ("USE shop", "session", None),
        ("SHOW DATABASES", "local", None),
        ("SHOW TABLES", "local", None),
        ("SELECT * FROM users JOIN orders ON user_id = users.id", "refused", Some("shards")),
        ("SELECT * FROM customers", "read", None),
        ("SELECT * FROM customers ORDER BY id", "refused", Some("shards")),
        ("UPDATE customers SET city = 'x' WHERE id = '1x'", "refused", Some("key")),
        ("UPDATE customers SET id = id + 1 WHERE id = 1", "refused", Some("key")),
        ("SELECT * FROM nothing", "refused", Some("name")),
        ("FLUSH TABLES", "refused", Some("server")),
        ("SET GLOBAL wait_timeout = 1", "refused", Some("server")),
        ("TRUNCATE customers", "refused", Some("construct")),
        ("FROB users", "refused", Some("unreadable")),
    ] {
        let mut expected: Vec<(String, u64)> =
            classes.iter().map(|name| (class(name), u64::from(*name == of_class))).collect();
        expected.extend(
            reasons
                .iter()
                .map(|reason| (format!("refusals_total{{reason=\"{reason}\"}}"), u64::from(refused == Some(*reason)))),
        );
        let expected: Vec<(&str, u64)> = expected.iter().map(|(series, by)| (series.as_str(), *by)).collect();
        check_growth(&mut pair, &expected, |_| {
            let replies = raw.query(statement);
            assert_eq!(matches!(replies[..], [Reply::Error(_)]), refused.is_some(), "{statement}: {replies:?}");
        });
    }
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('first')");
    check_growth(&mut pair, &[(&class("write"), 1), ("refusals_total{reason=\"session\"}", 1)], |_| {
        raw.refused("INSERT INTO marks (text) VALUES ('second')");
    });
    raw.ok("ROLLBACK");
    // A prepared statement counts when it is executed, and is planned when it is prepared.
    let (id, _, _) = raw.prepare("SELECT name FROM users WHERE id = ? AND id > 0").expect("valid");
    let expected = [(class("read"), 3), ("plan_cache_misses_total".into(), 0)];
    let expected = expected.each_ref().map(|(series, by): &(String, u64)| (series.as_str(), *by));
    check_growth(&mut pair, &expected, |_| {
        for _ in 0..3 {
            raw.execute(id, &[1], true);
        }
    });
    pair.check_sound();
}

#[test]
fn connections_to_servers_are_counted() {
    let mut pair = Pair::mariadb();
    let relay = Relay::to(pair.first.port);
    let map = shop_map_at(&relay.at(), &pair.second.at(), pair.first.family());
    let config = "limits:\n  pool_connections_max: 1\n  pool_wait_ms_max: 300\n".to_owned();
    pair.start_proxy(Settings { map, config, ..Settings::default() });
    let (mut a, mut b) = (pair.app(), pair.app());
    assert_eq!(a.value(NAME), "Ada");
    let open = figure(pair.proxy(), "pool_connections");
    await_figure(pair.proxy(), "pool_connections_idle", open);
    let quiet = [("pool_waits_total", 0), ("backend_connects_total", 0), ("backend_failures_total", 0)];
    check_growth(&mut pair, &quiet, |_| assert_eq!(b.value(NAME), "Ada"));

    // In a transaction the only connection is not idle.
    let idle = figure(pair.proxy(), "pool_connections_idle");
    a.ok("BEGIN");
    a.value(NAME);
    await_figure(pair.proxy(), "pool_connections_idle", idle - 1);
    check_growth(&mut pair, &[("pool_waits_total", 1), ("pool_timeouts_total", 1)], |_| {
        assert_eq!(b.refused(NAME).code, 1040);
    });
    a.ok("COMMIT");
    await_figure(pair.proxy(), "pool_connections_idle", idle);

    // Lost once: the read is sent again, on a new connection.
    let again = [("retries_total", 1), ("backend_connects_total", 1), ("backend_failures_total", 1)];
    check_growth(&mut pair, &again, |_| {
        relay.set("SELECT name FROM users", Fault::Close);
        assert_eq!(a.value(NAME), "Ada");
    });
    let open = figure(pair.proxy(), "pool_connections");
    pair.second.kill();
    check_growth(&mut pair, &[("retries_total", 0)], |_| {
        assert!([1158, 1429].contains(&a.refused("SELECT total FROM orders WHERE id = 1").code));
    });
    assert!(figure(pair.proxy(), "backend_failures_total") >= 2);
    assert!(figure(pair.proxy(), "pool_connections") <= open);
    pair.second.start_again();
    pair.check_sound();
}

#[test]
fn cancels_are_counted() {
    let mut pair = Pair::mariadb();
    let mut killer = pair.app();
    let running = |pair: &Pair| {
        let text = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(50)%'";
        (pair.first.rows(text).rows.len() == 1).then_some(())
    };
    check_growth(&mut pair, &[("cancels_total", 1)], |pair| {
        let mut victim = pair.app();
        victim.send_query("SELECT SLEEP(50) FROM users WHERE id = 1");
        await_that("the statement runs", || running(pair));
        killer.ok(&format!("KILL QUERY {}", victim.greeting.connection));
        victim.replies(false).expect("an answer");
    });
    check_growth(&mut pair, &[("cancels_total", 1)], |pair| {
        let mut victim = pair.app();
        victim.send_query("SELECT SLEEP(50) FROM users WHERE id = 1");
        await_that("the statement runs", || running(pair));
    });
    pair.check_sound();
}

#[test]
fn names_and_helps_are_as_prometheus_wants_them() {
    let mut pair = Pair::mariadb();
    pair.app().value(NAME);
    let (_, page) = get(pair.proxy().admin, "/metrics").expect("the page is served");
    let lint = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn();
    let mut lint = lint.expect("promtool, of the package prometheus, is there");
    lint.stdin.take().expect("it is piped").write_all(page.as_bytes()).expect("it reads all");
    assert!(lint.wait().expect("it ends").success(), "{page}");
}

#[test]
fn a_draining_process_lives_and_is_not_ready() {
    let mut pair = Pair::mariadb();
    let admin = pair.proxy().admin;
    let page = |path: &str| get(admin, path).map(|(status, _)| status).expect("the page is served");
    assert_eq!((page("/healthz"), page("/readyz"), page("/metrics"), page("/status")), (200, 200, 200, 200));
    let mut raw = pair.app();
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('in time')");
    pair.proxy().signal("TERM");
    await_that("it is not ready", || (page("/readyz") == 503).then_some(()));
    assert_eq!((page("/healthz"), page("/metrics")), (200, 200));
    assert_eq!(figure(pair.proxy(), "sessions"), 1);
    raw.ok("COMMIT");
    drop(raw);
    let status = pair.proxy().wait().expect("it ends when the last session has");
    assert!(status.success(), "{status}");
    get(admin, "/healthz").expect_err("nobody is there");
}

#[test]
fn the_pages_are_bounded_and_refuse_everything_else() {
    let mut pair = Pair::mariadb();
    let admin = pair.proxy().admin;
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for (request, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", 404),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 405),
        ("SELECT 1\r\n\r\n", 400),
        (long.as_str(), 431),
        ("HEAD /healthz HTTP/1.1\r\n\r\n", 200),
    ] {
        let (status, body) = http(admin, request).expect("an answer");
        assert_eq!((status, body.as_str()), (expected, ""), "{request:.40}");
    }
    // Clients that say nothing take every place, and are sent away.
    let mut silent: Vec<TcpStream> =
        (0..40).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, admin)).expect("accepted or queued")).collect();
    let (status, _) = get(admin, "/healthz").expect("served after some of them");
    assert_eq!(status, 200);
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a bound");
        assert_eq!(stream.read(&mut [0; 1]).expect("closed"), 0);
    }
    pair.check_sound();
}
