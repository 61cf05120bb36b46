//! Files that change under a serving proxy: what is sound comes into force without a client noticing, what is not stays out.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::cli::{Cli, run};
use crate::support::proxy::ACCOUNTS;
use crate::support::raw_login::Login;
use crate::support::{Certificates, Pair, Raw, Reply, Settings, await_that};

const SOON: &str = "reload:\n  poll_ms: 20\n";

fn pair() -> Pair {
    Pair::mariadb_with(SOON)
}

/// Replaces a file as editors do.
pub fn replace(folder: &Path, name: &str, text: &str) {
    let new = folder.join(format!("{name}.new"));
    fs::write(&new, text).expect("the folder is ours");
    fs::rename(&new, folder.join(name)).expect("the folder is ours");
}

/// Replaces a file as a kubelet does: each version has a folder, and one rename moves from one to the next.
pub fn swap(folder: &Path, name: &str, version: u32, text: &str) {
    let data = format!("..version_{version}");
    fs::create_dir(folder.join(&data)).expect("the folder is ours");
    fs::write(folder.join(&data).join(name), text).expect("the folder is ours");
    symlink(&data, folder.join("..data_tmp")).expect("the folder is ours");
    let before = fs::read_link(folder.join("..data")).ok();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("the folder is ours");
    if fs::read_link(folder.join(name)).is_err() {
        fs::remove_file(folder.join(name)).expect("it was there");
        symlink(format!("..data/{name}"), folder.join(name)).expect("the folder is ours");
    }
    if let Some(before) = before {
        fs::remove_dir_all(folder.join(before)).expect("the folder is ours");
    }
}

pub fn await_figure(pair: &mut Pair, series: &str, value: u64) {
    let proxy = pair.proxy();
    await_that(series, || (proxy.figure(series) == value).then_some(()));
}

pub const TAKEN_UP: &str = "meridian_reloads_total{result=\"taken_up\"}";
pub const REFUSED: &str = "meridian_reloads_total{result=\"refused\"}";
const NOT_IN_FORCE: &str = "meridian_files_refused";

#[test]
fn a_new_map_is_in_force_at_the_next_statement_of_every_session() {
    let mut pair = pair();
    pair.second.run_all(&["CREATE TABLE shop.parcels (id INT PRIMARY KEY)", "INSERT INTO shop.parcels VALUES (7)"]);
    let (mut plain, mut prepared, mut inside) = (pair.app(), pair.app(), pair.app());
    assert_eq!(plain.refused("SELECT id FROM parcels").code, 1146);
    let (statement, _, _) = prepared.prepare("SELECT name FROM users WHERE id = ?").expect("it is sound");
    inside.ok("BEGIN");
    inside.ok("UPDATE users SET email = 'inside' WHERE id = 1");
    let folder = pair.proxy().folder().to_path_buf();
    let map = fs::read_to_string(folder.join("map.yaml")).expect("it was written");
    for version in 1..=3 {
        swap(&folder, "map.yaml", version, &format!("{map}      parcels: second\n# {version}\n"));
        await_figure(&mut pair, TAKEN_UP, u64::from(version));
        assert_eq!(plain.value("SELECT id FROM parcels"), "7");
        // A transaction keeps the map that it began with.
        assert_eq!(inside.refused("SELECT id FROM parcels").code, 1146);
        assert_eq!(inside.value("SELECT email FROM users WHERE id = 1"), "inside");
        let answered = prepared.execute(statement, &[1], version == 1);
        assert!(format!("{answered:?}").contains("65, 100, 97"), "{answered:?}");
    }
    inside.ok("COMMIT");
    assert_eq!(inside.value("SELECT id FROM parcels"), "7");
    assert_eq!(pair.proxy().figure(NOT_IN_FORCE), 0);
    pair.check_sound();
}

#[test]
fn a_session_that_is_hinted_to_a_shard_of_the_old_map_can_end_that() {
    let mut pair = pair();
    let mut raw = pair.app();
    raw.ok("SET meridian_shard = 'second'");
    let (statement, _, _) = raw.prepare("SELECT COUNT(*) FROM customers").expect("it is sound");
    let folder = pair.proxy().folder().to_path_buf();
    let map = fs::read_to_string(folder.join("map.yaml")).expect("the map of the proxy");
    let renamed = map
        .replace("  second: {group: second}", "  other: {group: second}")
        .replace(": second\n", ": other\n")
        .replace("on: second}", "on: other}");
    replace(&folder, "map.yaml", &renamed);
    await_figure(&mut pair, TAKEN_UP, 1);
    for error in [raw.refused("SELECT 1"), raw.refused("SHOW TABLES")] {
        assert!(error.message.contains("`second`") && error.message.contains("other"), "{error:?}");
    }
    assert!(matches!(&raw.execute(statement, &[], false)[..], [Reply::Error(e)] if e.message.contains("`second`")));
    // What concerns the session goes on.
    raw.ok("BEGIN");
    raw.ok("COMMIT");
    assert_eq!(raw.value("SELECT @@meridian_shard"), "second");
    let (set, _, _) = raw.prepare("SET meridian_shard = 'other'").expect("it is sound");
    assert!(matches!(&raw.execute(set, &[], false)[..], [Reply::Ok(_)]));
    assert_eq!(raw.value("SELECT COUNT(*) FROM customers"), "3");
    assert!(matches!(&raw.execute(statement, &[], false)[..], [Reply::Rows(_)]));
    pair.check_sound();
}

#[test]
fn a_map_that_may_not_follow_stays_out_and_the_old_one_in() {
    let mut pair = pair();
    let mut raw = pair.app();
    let folder = pair.proxy().folder().to_path_buf();
    let map = fs::read_to_string(folder.join("map.yaml")).expect("it was written");
    let mut refused = 0;
    for (text, said) in [
        (map.replace("orders: second", "orders: nowhere"), "nowhere"),
        (map.replace("orders: second", "orders: first"), "shop.orders"),
        (map.replace("1000000", "2000000"), "shop.customers with keys [1000000, 2000000)"),
        (String::new(), "map.yaml"),
    ] {
        replace(&folder, "map.yaml", &text);
        refused += 1;
        await_figure(&mut pair, REFUSED, refused);
        assert_eq!(pair.proxy().figure(NOT_IN_FORCE), 1);
        let log = pair.proxy().log();
        assert!(log.lines().any(|line| line.contains("refused") && line.contains(said)), "{said} in {log}");
        assert_eq!(raw.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    }
    fs::remove_file(folder.join("map.yaml")).expect("it was there");
    let proxy = pair.proxy();
    await_that("the missing file is named", || proxy.log().contains("cannot be read").then_some(()));
    await_figure(&mut pair, "meridian_files_missing", 1);
    assert_eq!(raw.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    replace(&folder, "map.yaml", &map);
    await_figure(&mut pair, NOT_IN_FORCE, 0);
    assert_eq!(pair.proxy().figure("meridian_files_missing"), 0);
    // Generations only grow, once there are any.
    for (generation, taken) in [(5, true), (4, false), (6, true)] {
        let before = pair.proxy().figure(if taken { TAKEN_UP } else { REFUSED });
        replace(&folder, "map.yaml", &map.replacen("version: 1", &format!("version: 1\ngeneration: {generation}"), 1));
        await_figure(&mut pair, if taken { TAKEN_UP } else { REFUSED }, before + 1);
    }
    pair.check_sound();
}

#[test]
fn an_accepted_change_of_owners_is_in_force_at_the_next_statement() {
    let mut pair = pair();
    let (mut plain, mut prepared, mut inside) = (pair.app(), pair.app(), pair.app());
    let folder = pair.proxy().folder().to_path_buf();
    let at = |name: &str| folder.join(name).to_str().expect("it is ASCII").to_owned();
    let map = fs::read_to_string(at("map.yaml")).expect("it was written");
    let (statement, _, _) =
        prepared.prepare("INSERT INTO customers (id, name, city) VALUES (?, 'late', 'Oslo')").expect("it is sound");
    prepared.execute(statement, &[600_000], true);
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.customers WHERE id = 600000"), "1");
    inside.ok("BEGIN");
    inside.ok("INSERT INTO customers (id, name, city) VALUES (500001, 'inside', 'Oslo')");
    // The rows move before the map does.
    let (rows, of_rows) = ("(600000, 'late', 'Oslo')", "id BETWEEN 500002 AND 999999");
    pair.second.run_all(&[&format!("INSERT INTO shop.customers (id, name, city) VALUES {rows}")]);
    pair.first.run_all(&[&format!("DELETE FROM shop.customers WHERE {of_rows}")]);
    let moved = map.replace("1000000", "500000");
    fs::write(at("moved.yaml"), &moved).expect("the folder is ours");
    let accept = meridian(&["diff", &at("map.yaml"), &at("moved.yaml")]);
    assert!(accept.starts_with("accept:\n  - {table: \"shop.customers\", keys: \"[500000, 1000000)\""), "{accept}");
    replace(&folder, "map.yaml", &moved);
    await_figure(&mut pair, REFUSED, 1);
    replace(&folder, "map.yaml", &(moved.clone() + &accept));
    await_figure(&mut pair, TAKEN_UP, 1);
    assert_eq!(pair.proxy().figure(NOT_IN_FORCE), 0);
    assert_eq!(plain.value("SELECT name FROM customers WHERE id = 600000"), "late");
    prepared.execute(statement, &[700_000], false);
    assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.customers WHERE id = 700000"), "1");
    // A transaction ends under the map that it began with.
    inside.ok("COMMIT");
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.customers WHERE id = 500001"), "1");
    // The way back is a change like any other.
    replace(&folder, "map.yaml", &map);
    await_figure(&mut pair, REFUSED, 2);
    assert_eq!(plain.value("SELECT name FROM customers WHERE id = 600000"), "late");
    pair.check_sound();
}

/// What the binary prints.
pub fn meridian(arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_meridian")).args(arguments).output().expect("the binary is built");
    String::from_utf8(run.stdout).expect("UTF-8")
}

#[test]
fn accounts_and_their_password_files_come_into_force() {
    let mut pair = pair();
    let folder = pair.proxy().folder().to_path_buf();
    let mut before = pair.app();
    let login = |user: &str| Login { user: user.into(), database: "shop".into(), ..Login::default() };
    let port = pair.port();
    assert!(Raw::login(port, &login("late")).is_err());
    for server in [&pair.first, &pair.second] {
        server.run_all(&["CREATE USER rotated@'%' IDENTIFIED BY 'old-password'", "GRANT ALL ON shop.* TO rotated@'%'"]);
    }
    replace(&folder, "password", "old-password\n");
    let user = "users:\n  - name: late\n    verifiers: [\"sha256:6681bbfe12153c1b4a0268cf4733a0a3021ff47751fafc3c0a4bdae5a0a89db6\"]\n    \
                databases: [shop]\n    backend: rotated\n";
    let accounts =
        ACCOUNTS.replacen("users:\n", user, 1) + "  - name: rotated\n    user: rotated\n    password_file: password\n";
    replace(&folder, "accounts.yaml", &accounts);
    let mut late = await_that("the new user gets in", || Raw::login(port, &login("late")).ok());
    assert_eq!(late.value("SELECT name FROM users WHERE id = 1"), "Ada");
    // Another password on the servers, and in the file that the accounts name.
    for server in [&pair.first, &pair.second] {
        server.run_all(&["ALTER USER rotated@'%' IDENTIFIED BY 'new-password'"]);
    }
    replace(&folder, "password", "new-password\n");
    let taken = pair.proxy().figure(TAKEN_UP);
    await_that("a new session uses the new password", || {
        let mut raw = Raw::login(port, &login("late")).ok()?;
        // On the server that no pooled connection leads to.
        raw.try_query(b"SELECT total FROM orders WHERE id = 1")
            .ok()
            .filter(|replies| format!("{replies:?}").contains("Rows("))
    });
    assert!(pair.proxy().figure(TAKEN_UP) >= taken);
    // A faulty file changes nothing.
    replace(&folder, "accounts.yaml", "users: [");
    await_figure(&mut pair, REFUSED, 1);
    assert!(Raw::login(port, &login("late")).is_ok());
    // A user that is gone logs in no more; who is in stays in.
    replace(&folder, "accounts.yaml", ACCOUNTS);
    await_that("the user is gone", || Raw::login(port, &login("late")).is_err().then_some(()));
    assert_eq!(late.value("SELECT name FROM users WHERE id = 1"), "Ada");
    assert_eq!(before.value("SELECT name FROM users WHERE id = 1"), "Ada");
    let log = pair.proxy().log();
    assert!(!log.contains("new-password") && !log.contains("old-password"), "{log}");
    pair.check_sound();
}

#[test]
fn a_new_certificate_is_shown_to_the_next_client() {
    let (old, new) = (Certificates::new(), Certificates::new());
    let mut pair = pair();
    let config = format!("{SOON}tls:\n  certificate: shown.pem\n  key: shown.key\n");
    // The files have to be there when the proxy starts, so it starts with those of another folder.
    let config = config.replace("shown.pem", &old.at("self.pem")).replace("shown.key", &old.at("self.key"));
    pair.start_proxy(Settings { config, ..Settings::default() });
    let port = pair.port();
    let trusts = |certificates: &Certificates| {
        let mut command = Cli::MariaDb.command(port, "shop").expect("MariaDB's client is there");
        let ca = format!("--ssl-ca={}", certificates.at("self.pem"));
        run(command.args([&ca]), "SELECT name FROM users WHERE id = 1\n").ok
    };
    assert!(trusts(&old) && !trusts(&new));
    // The key first: for a moment the two do not fit, which is refused.
    for name in ["self.key", "self.pem"] {
        fs::copy(new.path(name), old.path(name)).expect("the folder is ours");
    }
    await_that("the new certificate is shown", || trusts(&new).then_some(()));
    pair.check_sound();
}

#[test]
fn the_level_of_the_log_changes() {
    let mut pair = pair();
    let folder = pair.proxy().folder().to_path_buf();
    let config = fs::read_to_string(folder.join("config.yaml")).expect("it was written");
    drop(pair.app());
    let logins = |pair: &mut Pair| pair.proxy().log().matches("logged in").count();
    await_that("logins are logged at debug", || (logins(&mut pair) > 0).then_some(()));
    replace(&folder, "config.yaml", &config.replace("level: debug", "level: info"));
    await_figure(&mut pair, TAKEN_UP, 1);
    let before = logins(&mut pair);
    pair.check_sound();
    assert_eq!(logins(&mut pair), before);
    replace(&folder, "config.yaml", &config);
    await_figure(&mut pair, TAKEN_UP, 2);
    pair.check_sound();
    assert!(logins(&mut pair) > before);
}
