//! Bounds on time, results and a user's connections, and the drain of a process that others still send clients to.

use crate::support::pair::shop_map;
use crate::support::proxy::get;
use crate::support::raw::LOCAL_FILES;
use crate::support::raw_login::Login;
use crate::support::{Pair, Proxy, Raw, Reply, Settings, await_that};

/// A result of some million bytes on the first server.
const LARGE: &str = "SELECT REPEAT('x', 100000) FROM users a, users b, users c, users d";

fn limits(lines: &[&str]) -> String {
    format!("limits:\n  {}\n", lines.join("\n  "))
}

/// The error that a session is ended with while it waits for nothing, and the end behind it.
#[track_caller]
fn ended_with(raw: &mut Raw, code: u16, part: &str) {
    raw.sequence = 0;
    match raw.reply(false).expect("the reason is told") {
        Reply::Error(error) => {
            assert_eq!(error.code, code, "{}", error.message);
            assert!(error.message.contains(part), "{}", error.message);
        }
        other => panic!("{other:?}"),
    }
    assert!(raw.closed());
}

#[test]
fn a_statement_ends_at_its_time_and_its_transaction_goes_on() {
    for mut pair in [
        Some(Pair::mariadb_with(&limits(&["statement_ms_max: 2000"]))),
        Pair::mysql9_with(&limits(&["statement_ms_max: 2000"])),
    ]
    .into_iter()
    .flatten()
    {
        let mut raw = pair.app();
        raw.ok("BEGIN");
        raw.ok("INSERT INTO notes (text) VALUES ('kept')");
        let tables: Vec<String> = (0..24).map(|n| format!("users u{n}")).collect();
        let text = &format!("SELECT COUNT(*) FROM {} WHERE u0.id + u23.id > 0", tables.join(", "));
        let error = raw.refused(text);
        assert_eq!((error.code, error.state.as_str()), (3024, "HY000"), "{}", error.message);
        raw.ok("COMMIT");
        assert_eq!(raw.value("SELECT text FROM notes"), "kept");
        // A prepared one.
        let (id, ..) = raw.prepare(text).expect("it is prepared");
        match raw.execute(id, &[], true).as_slice() {
            [Reply::Error(error)] => assert_eq!(error.code, 3024),
            other => panic!("{other:?}"),
        }
        assert_eq!(raw.value("SELECT 1"), "1");
        pair.proxy().check_runs();
    }
}

#[test]
fn each_statement_of_a_packet_has_its_own_time() {
    let pair = Pair::mariadb_with(&limits(&["statement_ms_max: 10000"]));
    let mut raw = pair.app();
    let replies = raw.query("SELECT SLEEP(6); SELECT SLEEP(6); SELECT 3");
    assert!(matches!(replies.as_slice(), [Reply::Rows(_), Reply::Rows(_), Reply::Rows(_)]), "{replies:?}");
    let replies = raw.query("SELECT 1; SELECT SLEEP(50) FROM users WHERE id = 1; SELECT 3");
    match replies.as_slice() {
        [Reply::Rows(_), Reply::Error(error)] => assert_eq!(error.code, 3024),
        other => panic!("{other:?}"),
    }
    assert_eq!(raw.value("SELECT 1"), "1");
}

#[test]
fn a_client_that_does_not_send_its_file_is_not_waited_for() {
    for (line, code) in [("statement_ms_max: 2000", Some(3024)), ("client_stall_ms_max: 2000", None)] {
        let mut pair = Pair::mariadb_with(&limits(&[line, "pool_connections_max: 1"]));
        let capabilities = Login::default().capabilities | LOCAL_FILES;
        let login = Login { capabilities, database: "shop".into(), ..Login::default() };
        let mut raw = pair.login(&login);
        raw.send_query("LOAD DATA LOCAL INFILE 'x' INTO TABLE notes (text)");
        let asked = raw.packet().expect("the file is asked for");
        assert_eq!(asked.first(), Some(&0xFB), "{}", String::from_utf8_lossy(&asked));
        if let Some(code) = code {
            match raw.reply(false).expect("the reason is told") {
                Reply::Error(error) => assert_eq!(error.code, code),
                other => panic!("{other:?}"),
            }
        }
        assert!(raw.closed());
        assert!(!pair.app().rows("SELECT * FROM users").rows.is_empty(), "the pool's one connection is free");
        pair.proxy().check_runs();
    }
}

#[test]
fn a_server_that_answers_nothing_is_not_waited_for() {
    // No probe finds it first: whoever it takes out of use is told of another fault.
    let config = limits(&["statement_ms_max: 2000", "backend_connect_ms_max: 500"]) + "probe: {interval_ms: 600000}\n";
    let mut pair = Pair::mariadb_with(&config);
    let mut raw = pair.app();
    raw.ok("INSERT INTO notes (text) VALUES ('before')");
    pair.first.signal("STOP");
    let error = raw.refused("SELECT * FROM notes");
    assert!(error.code == 3024 && error.message.contains("does not answer"), "{error:?}");
    pair.first.signal("CONT");
    assert_eq!(raw.value("SELECT text FROM notes"), "before");
    pair.proxy().check_runs();
}

#[test]
fn what_a_healthy_server_owns_is_served_beside_a_silent_one() {
    let mut pair = Pair::mariadb_with(&limits(&["statement_ms_max: 3000", "backend_connect_ms_max: 500"]));
    let mut raw = pair.app();
    raw.value("SELECT name FROM users WHERE id = 1");
    pair.first.signal("STOP");
    let proxy = pair.proxy();
    await_that("it is missed", || (proxy.figure("meridian_members{role=\"unreachable\"}") == 1).then_some(()));
    // What is known of it is forgotten with its connections.
    for _ in 0..2 {
        assert!([1429, 3024, 1158].contains(&raw.refused("SELECT name FROM users WHERE id = 1").code));
    }
    for _ in 0..2 {
        let mut raw = pair.app();
        for text in ["SET NAMES utf8mb4", "SET autocommit = 1", "SET @a = 2", "BEGIN"] {
            raw.ok(text);
        }
        assert_eq!(raw.value("SELECT total + @a FROM orders WHERE id = 1"), "27.50");
        raw.ok("COMMIT");
        assert_eq!(raw.value("SELECT @a"), "2");
    }
    pair.first.signal("CONT");
    pair.proxy().check_runs();
}

#[test]
fn whoever_is_killed_in_a_commit_is_told_that_its_outcome_is_unknown() {
    let mut pair = Pair::mariadb();
    let (mut raw, mut killer) = (pair.app(), pair.app());
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('perhaps')");
    pair.first.signal("STOP");
    raw.send_query("COMMIT");
    killer.value("SELECT total FROM orders WHERE id = 1");
    killer.send_query(&format!("KILL {}", raw.greeting.connection));
    match raw.replies(false).expect("an answer").as_slice() {
        [Reply::Error(error)] => assert_eq!(error.code, 1180, "{}", error.message),
        other => panic!("{other:?}"),
    }
    assert!(raw.closed());
    pair.first.signal("CONT");
    killer.replies(false).expect("the cancel was sent or given up");
    pair.proxy().check_runs();
}

#[test]
fn waiting_for_a_connection_is_a_part_of_a_statements_time() {
    let pair = Pair::mariadb_with(&limits(&["statement_ms_max: 2000", "pool_connections_max: 1"]));
    let (mut holder, mut raw) = (pair.app(), pair.app());
    holder.ok("BEGIN");
    holder.ok("INSERT INTO notes (text) VALUES ('held')");
    let error = raw.refused("SELECT * FROM users");
    assert_eq!(error.code, 3024, "{}", error.message);
    holder.ok("COMMIT");
    assert!(!raw.rows("SELECT * FROM users").rows.is_empty());
}

#[test]
fn an_idle_session_is_told_why_it_ends() {
    let mut pair = Pair::mariadb_with(&limits(&["idle_ms_max: 2000"]));
    let mut raw = pair.app();
    // A transaction is not idle, however long its client thinks.
    let mut open = pair.app();
    open.ok("BEGIN");
    ended_with(&mut raw, 4031, "limits.idle_ms_max");
    assert_eq!(open.value("SELECT 1"), "1");
    open.ok("ROLLBACK");
    ended_with(&mut open, 4031, "limits.idle_ms_max");
    pair.proxy().check_runs();
}

#[test]
fn a_transaction_that_its_client_leaves_open_is_rolled_back() {
    for line in ["transaction_idle_ms_max: 2000", "transaction_ms_max: 2000"] {
        let pair = Pair::mariadb_with(&limits(&[line]));
        let mut raw = pair.app();
        raw.ok("BEGIN");
        raw.ok("INSERT INTO notes (text) VALUES ('lost')");
        ended_with(&mut raw, 4031, line.split(':').next().expect("a name"));
        await_that("it is rolled back", || {
            let open = pair.first.value("SELECT COUNT(*) FROM information_schema.innodb_trx");
            (open == "0").then_some(())
        });
        assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.notes"), "0");
    }
}

#[test]
fn a_transaction_that_never_rests_ends_at_its_time() {
    let pair = Pair::mariadb_with(&limits(&["transaction_ms_max: 2000"]));
    let mut raw = pair.app();
    raw.ok("BEGIN");
    // Statement after statement until it is told; the error takes the place of an answer.
    await_that("it is ended", || match raw.try_query(b"SELECT * FROM users") {
        Ok(replies) => replies.iter().any(|reply| matches!(reply, Reply::Error(_))).then_some(()),
        Err(_) => Some(()),
    });
    assert!(raw.try_query(b"SELECT 1").is_err());
}

#[test]
fn a_result_that_is_too_large_is_broken_off() {
    let mut pair = Pair::mariadb_with(&limits(&["result_bytes_max: 1000000"]));
    let mut raw = pair.app();
    let error = raw.refused(LARGE);
    assert_eq!(error.code, 1317);
    assert!(error.message.contains("1000000 bytes (limits.result_bytes_max)"), "{}", error.message);
    assert_eq!(raw.value("SELECT 1"), "1", "the session goes on");
    // The transaction is gone with its connection, and the session with it.
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('lost')");
    assert_eq!(raw.refused(LARGE).code, 1317);
    assert!(raw.closed());
    await_that("it is rolled back", || {
        (pair.first.value("SELECT COUNT(*) FROM information_schema.innodb_trx") == "0").then_some(())
    });
    assert_eq!(pair.app().value("SELECT COUNT(*) FROM notes"), "0");
    pair.proxy().check_runs();
}

#[test]
fn one_user_does_not_take_all_connections() {
    let pair = Pair::mariadb_with(&limits(&["user_connections_max: 2"]));
    let (first, _second) = (pair.app(), pair.app());
    let error = Raw::app(pair.port(), "shop").expect_err("the third").to_string();
    assert!(error.contains("1203") && error.contains("max_user_connections"), "{error}");
    assert!(Raw::admin(pair.port()).is_ok(), "another user's");
    drop(first);
    await_that("a place is free", || Raw::app(pair.port(), "shop").ok());
    // Who fails to log in takes none.
    for _ in 0..3 {
        let wrong = Login { password: "wrong".into(), ..Login::default() };
        assert!(Raw::login(pair.port(), &wrong).is_err());
    }
    await_that("a place is free", || Raw::app(pair.port(), "shop").ok());
}

#[test]
fn new_clients_are_served_until_those_who_send_them_know() {
    let mut pair = Pair::mariadb_with("drain:\n  accept_ms: 600000\n");
    let admin = pair.proxy().admin;
    let mut idle = pair.app();
    pair.proxy().signal("TERM");
    await_that("it is not ready", || (get(admin, "/readyz").ok()?.0 == 503).then_some(()));
    assert_eq!(pair.app().value("SELECT 1"), "1", "a new client");
    assert_eq!(idle.value("SELECT 1"), "1");
    // Who is in a hurry says so again.
    pair.proxy().signal("TERM");
    assert!(idle.closed());
    assert!(pair.proxy().wait().expect("it ends").success());
}

#[test]
fn the_hard_limit_is_told_in_the_middle_of_a_statement() {
    let mut pair = Pair::mariadb_with("drain:\n  hard_ms: 500\n");
    let mut raw = pair.app();
    raw.send_query("SELECT SLEEP(50) FROM users WHERE id = 1");
    await_that("it runs", || {
        let text = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(50)%'";
        (pair.first.rows(text).rows.len() == 1).then_some(())
    });
    pair.proxy().signal("TERM");
    match raw.replies(false).expect("an answer").as_slice() {
        [Reply::Error(error)] => assert_eq!((error.code, error.state.as_str()), (1053, "08S01")),
        other => panic!("{other:?}"),
    }
    assert!(raw.closed());
    pair.proxy().wait().expect("it ends");
}

#[test]
fn a_second_process_listens_where_the_first_drains() {
    let mut pair = Pair::mariadb_with("listen_shared: true\n");
    let port = pair.port();
    let map = shop_map(&pair.first, &pair.second);
    let settings = |config: &str| Settings { map: map.clone(), config: config.into(), port, ..Settings::default() };
    let (status, log) = Proxy::fails(&settings(""));
    assert!(!status.success() && log.contains("cannot listen"), "{log}");
    let mut next = Proxy::start(&settings("listen_shared: true\n"));
    let mut open = pair.app();
    open.ok("BEGIN");
    pair.proxy().signal("TERM");
    next.signal("HUP");
    await_that("all new clients are the second's", || {
        let before = next.figure("meridian_logins_total");
        let all = (0..8).filter(|_| Raw::app(port, "shop").is_ok()).count() as u64;
        (all == 8 && next.figure("meridian_logins_total") == before + 8).then_some(())
    });
    next.check_runs();
}
