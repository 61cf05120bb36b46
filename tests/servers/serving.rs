//! The process: what it says when it starts, how it refuses faulty files, how it ends.

use crate::support::pair::shop_map;
use crate::support::proxy::ACCOUNTS;
use crate::support::raw::Raw;
use crate::support::{Pair, Proxy, Settings, await_that};

#[test]
fn sigterm_lets_a_transaction_end_and_takes_no_new_client() {
    let mut pair = Pair::mariadb();
    let port = pair.port();
    let mut raw = pair.app();
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('in time')");
    pair.proxy().signal("TERM");
    await_that("no new client is taken", || Raw::greeted(port).is_err().then_some(()));
    raw.ok("COMMIT");
    drop(raw);
    let status = pair.proxy().wait().expect("it ends when the last session has");
    assert!(status.success(), "{status}");
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.notes"), "1");
}

#[test]
fn a_second_sigterm_or_the_hard_limit_ends_it() {
    let mut pair = Pair::mariadb_with("drain:\n  hard_ms: 500\n");
    let mut raw = pair.app();
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('too late')");
    pair.proxy().signal("TERM");
    pair.proxy().wait().expect("it ends at the hard limit");
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.notes"), "0");
}

#[test]
fn faulty_files_are_all_named_with_line_and_column() {
    let pair = Pair::mariadb();
    let good = shop_map(&pair.first, &pair.second);
    for (settings, part) in [
        (Settings { map: good.replace("users: first", "users: frist"), ..Settings::default() }, "frist"),
        (Settings { map: good.clone() + "surprise: 1\n", ..Settings::default() }, "surprise"),
        (Settings { map: "version: [".into(), ..Settings::default() }, "map.yaml"),
        (Settings { map: good.clone(), config: "surprise: 1\n".into(), ..Settings::default() }, "surprise"),
        (
            Settings { map: good.clone(), config: "limits:\n  connections_max: many\n".into(), ..Settings::default() },
            "many",
        ),
        (
            Settings {
                map: good.clone(),
                accounts: ACCOUNTS.replace("backend: app", "backend: nobody"),
                ..Settings::default()
            },
            "nobody",
        ),
    ] {
        let (status, log) = Proxy::fails(&settings);
        assert!(!status.success());
        assert!(log.contains(part), "{part} is not named in:\n{log}");
        assert!(!log.contains("panicked"), "{log}");
        assert!(!log.contains("app-password"), "a password in the log:\n{log}");
    }
}

#[test]
fn too_many_clients_are_told_so() {
    let mut pair = Pair::mariadb_with("limits:\n  connections_max: 2\n");
    let (mut a, b) = (pair.app(), pair.app());
    let error = Raw::app(pair.port(), "shop").expect_err("the third").to_string();
    assert!(error.contains("1040"), "{error}");
    drop(b);
    let mut c = await_that("a place is free", || Raw::app(pair.port(), "shop").ok());
    assert_eq!(a.value("SELECT 1"), c.value("SELECT 1"));
    drop(a);
    drop(c);
    pair.proxy().check_runs();
}

#[test]
fn no_secret_is_logged() {
    let mut pair = Pair::mariadb();
    pair.check_sound();
    let log = pair.proxy().log();
    assert!(log.contains("listening"));
    assert!(!log.contains("app-password") && !log.contains("admin-password"), "{log}");
}

#[test]
fn it_greets_as_a_server_that_answers_late() {
    let (mut pair, mut second) = (Pair::mariadb(), Pair::mariadb());
    let direct = pair.first.connect().greeting.version;
    pair.first.stop();
    pair.second.stop();
    let map = shop_map(&pair.first, &pair.second);
    second.start_proxy(Settings { map, ..Settings::default() });
    let greeting = Raw::greeted(second.port()).expect("it listens").greeting.version;
    assert!(greeting.starts_with("5.5.5-10.") && greeting.contains("MariaDB"), "{greeting}");
    let log = second.proxy().log();
    assert!(log.contains("no server answered at start") && log.contains("no connection"), "{log}");
    pair.second.start_again();
    await_that("it knows the version", || {
        let greeting = Raw::greeted(second.port()).expect("it listens").greeting.version;
        (greeting == format!("{direct}-meridian")).then_some(())
    });
}

#[test]
fn a_schema_that_each_server_has_is_not_selected() {
    let pair = Pair::mariadb();
    let mut raw = pair.app();
    for schema in ["mysql", "information_schema", "performance_schema"] {
        let error = raw.refused(&format!("USE {schema}"));
        assert!(error.code == 1235 && error.message.contains("a hint sends"), "{error:?}");
    }
    assert_eq!(raw.value("SELECT DATABASE()"), "shop");
    // As mysqldump begins.
    let error = raw.refused("START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */");
    assert!(error.code == 1235 && error.message.contains("CONSISTENT SNAPSHOT"), "{error:?}");
    raw.ok("START TRANSACTION /*!40100 READ ONLY */");
    assert_eq!(raw.refused("INSERT INTO notes (text) VALUES ('no')").code, 1792);
    raw.ok("ROLLBACK");
    let error = raw.refused("SELEC 1");
    assert!(error.code == 1064 && error.message.starts_with("Meridian: "), "{error:?}");
    let error = raw.refused("SELECT 1 /* open");
    assert!(error.code == 1064 && error.message.starts_with("Meridian: "), "{error:?}");
}
