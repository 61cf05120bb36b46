//! What the two files say when they are sound, and when they are not.

use std::fmt::Debug;
use std::path::Path;

use super::reference::{ACCOUNTS, CONFIG, reference};
use super::{Accounts, BackendTlsMode, Config, Databases, Fault, LogFormat, LogLevel};

const AT: &str = "/etc/meridian/meridian.yaml";

#[track_caller]
fn check<T: Debug>(loaded: Result<T, Vec<Fault>>, expected: &[&str]) {
    let found: Vec<String> = match &loaded {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(found, expected);
    for text in [format!("{loaded:?}"), found.concat()] {
        assert!(!text.contains("hunter2"), "prints a secret: {text}");
    }
}

#[track_caller]
fn check_config(yaml: &str, expected: &[&str]) {
    check(Config::load(yaml, Path::new(AT)), expected);
}

#[track_caller]
fn check_accounts(yaml: &str, expected: &[&str]) {
    check(Accounts::load(yaml, Path::new(AT)), expected);
}

#[test]
fn the_reference_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, reference()).expect("docs/configuration.md can be written");
    }
    let written = std::fs::read_to_string(path).expect("docs/configuration.md is in the repository");
    assert!(written == reference(), "docs/configuration.md is stale; run `UPDATE_DOCS=1 cargo test config`");
}

#[test]
fn the_examples_are_sound() {
    let config = Config::load(CONFIG, Path::new(AT)).expect("the example is sound");
    assert_eq!(config.listen, ["0.0.0.0:3306".parse().expect("an address")]);
    assert_eq!(config.backend_tls.mode, BackendTlsMode::VerifyIdentity);
    assert_eq!((config.log.format, config.log.level), (LogFormat::Json, LogLevel::Info));
    assert_eq!(config.limits.connections_max, 2000);
    assert_eq!(config.limits.pool_connections_max, 64);
    let tls = config.tls.expect("the example has TLS");
    assert!(!tls.require && tls.client_ca.is_none());

    let accounts = Accounts::load(ACCOUNTS, Path::new(AT)).expect("the example is sound");
    let app = accounts.user("app").expect("the example has this user");
    assert_eq!(app.databases, Databases::Listed(vec!["shop".into()]));
    assert!(app.databases.allow("shop") && !app.databases.allow("Shop"));
    assert!(accounts.user("App").is_none());
    let backend = accounts.backend(app.backend);
    assert_eq!((backend.user.as_str(), backend.password.expose()), ("app", "example"));
    assert_eq!(accounts.backends().count(), 1);
}

#[test]
fn paths_begin_at_the_file() {
    let config = Config::load("{map: m.yaml, accounts: /a.yaml}", Path::new(AT)).expect("a sound file");
    assert_eq!(config.map, Path::new("/etc/meridian/m.yaml"));
    assert_eq!(config.accounts, Path::new("/a.yaml"));
    let expected = Config { map: config.map.clone(), accounts: config.accounts.clone(), ..Config::default() };
    assert_eq!(config, expected);
}

#[test]
fn faults_of_a_configuration() {
    check_config(
        "{}",
        &["1:1: this section lacks `map`; add `map:`", "1:1: this section lacks `accounts`; add `accounts:`"],
    );
    check_config(
        "\
map: m
accounts: ''
listen: [localhost:3306, '1.2.3.4:1', '1.2.3.4:1', '1.2.3.4']
lisen: eu
tls: {certificate: c, require: yes}
backend_tls: {mode: verify-ca}
log: {level: trace, format: xml}
limits: {connections_max: 0, login_timeout_ms: 1e4, pool_wait_ms_max: 99999999999999}
drain: {hard_ms: 0}
",
        &[
            "2:11: an empty text, or one with control characters; write something readable or remove the field",
            "3:10: `localhost:3306` is not an address with a port; write an IP address and a port, as `0.0.0.0:3306`",
            "3:39: the same is written twice; remove one",
            "3:52: `1.2.3.4` is not an address with a port; write an IP address and a port, as `0.0.0.0:3306`",
            "4:1: unknown field `lisen`; did you mean `listen`?",
            "5:6: this section lacks `key`; add `key:`",
            "5:32: unknown word `yes`; write one of `false` or `true`",
            "6:21: unknown word `verify-ca`; did you mean `verify_ca`?",
            "7:29: unknown word `xml`; write one of `text` or `json`",
            "8:27: `0` is not a whole number of 1 to 4294967295; write decimal digits without leading zeros, separators or exponent",
            "8:48: `1e4` is not a whole number of 1 to 1099511627776; write decimal digits without leading zeros, separators or exponent",
            "8:71: `99999999999999` is not a whole number of 1 to 1099511627776; write decimal digits without leading zeros, separators or exponent",
            "9:18: `0` is not a whole number of 1 to 1099511627776; write decimal digits without leading zeros, separators or exponent",
        ],
    );
    check_config(
        "{map: m, accounts: a, backend_tls: {mode: verify_ca}}",
        &["1:36: `verify_ca` without `ca`; add `ca:` with the authorities' PEM file"],
    );
    check_config(
        "{map: m, accounts: a, backend_tls: {ca: f}}",
        &["1:36: `ca` has no effect, `preferred` checks no certificate; write `mode: verify_identity` or remove `ca`"],
    );
    check_config(
        "{map: m, accounts: a, server_version: \"8\\n\", log: json, limits: }",
        &[
            "1:39: an empty text, or one with control characters; write something readable or remove the field",
            "1:51: expected a mapping, found text; write a mapping here",
            "1:63: expected a mapping, found nothing; write a mapping here",
        ],
    );
}

#[test]
fn faults_of_accounts() {
    check_accounts(
        "users: []\nbackends: hunter2",
        &[
            "1:8: expected a list of users, found an empty list; write a list of users here",
            "2:11: expected a list of backends, found text; write a list of backends here",
        ],
    );
    check_accounts(
        "\
users:
  - {name: a, verifiers: [hunter2], databases: '*', backend: bb}
  - {name: a, verifiers: hunter2, databases: all, backend: c}
  - {name: '', verifiers: [*hunter2], databases: [], backend: b}
  - {verifiers: [], databases: {}, backend: b, password: hunter2}
  - {password:hunter2}
  - hunter2
backends:
  - {name: b, user: x, password: hunter2, password_file: f}
  - {name: b, user: x}
  - {name: d, user: x, password_file: missing, certificate: c}
  - {name: e, user: x, password: [hunter2], key: k}
  - {name: f, user: x, passwrod: hunter2}
",
        &[
            "2:27: not a verifier; paste a line that `meridian password` prints, with its quotes",
            "2:62: unknown backend `bb`; did you mean `b`?",
            "3:26: expected a list of verifiers, found text; write a list of verifiers here",
            "3:46: a text that is not `*`; write `\"*\"` or a list of databases",
            "3:60: unknown backend `c`; did you mean `b`?",
            "4:12: an empty text, or one with control characters; write something readable or remove the field",
            "4:28: aliases (`*name`) are not read; write the value out, in quotes if it begins with `*`",
            "4:50: expected a list, found an empty list; write a list here",
            "5:5: a user lacks `name`; add `name:`",
            "5:17: expected a list of verifiers, found an empty list; write a list of verifiers here",
            "5:32: expected a list of databases, found a mapping; write a list of databases here",
            "5:48: unknown field `password`; known here: `name`, `verifiers`, `databases`, `backend` or `admin`",
            "6:5: a user lacks `name`; add `name:`",
            "6:5: a user lacks `verifiers`; add `verifiers:`",
            "6:5: a user lacks `databases`; add `databases:`",
            "6:5: a user lacks `backend`; add `backend:`",
            "6:6: unknown field here; known here: `name`, `verifiers`, `databases`, `backend` or `admin`",
            "7:5: expected a mapping, found text; write a mapping here",
            "9:58: `password_file` beside `password`; keep one of the two",
            "10:5: a backend without a password; add `password_file:` or `password:`",
            "10:12: the name `b` is taken; choose another name",
            "11:5: a backend lacks `key`; add `key:`",
            "11:39: /etc/meridian/missing cannot be read (entity not found); correct the path or the file's permissions",
            "12:5: a backend lacks `certificate`; add `certificate:`",
            "12:34: expected a password, found a list; write a password here",
            "13:5: a backend without a password; add `password_file:` or `password:`",
            "13:24: unknown field `passwrod`; did you mean `password`?",
        ],
    );
}

#[test]
fn a_password_file_may_end_in_one_line_end() {
    let directory = std::env::temp_dir().join(format!("meridian-accounts-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the directory for temporary files is writable");
    for (name, text) in [("plain", "p w "), ("line", "p w \n"), ("crlf", "p w \r\n"), ("lines", "p\n\n")] {
        std::fs::write(directory.join(name), text).expect("a file can be written");
    }
    std::fs::write(directory.join("long"), "x".repeat(5000)).expect("a file can be written");
    let password = |file: &str| {
        let yaml = ACCOUNTS.replace("password: example ", &format!("password_file: {file} "));
        let accounts = Accounts::load(&yaml, &directory.join("accounts.yaml"));
        accounts.map(|accounts| {
            let app = accounts.user("app").expect("the example has this user");
            accounts.backend(app.backend).password.expose().to_owned()
        })
    };
    for name in ["plain", "line", "crlf"] {
        assert_eq!(password(name), Ok("p w ".into()), "{name}");
    }
    assert_eq!(password("lines"), Ok("p\n".into()));
    let faults = password("long").expect_err("too long").len();
    assert_eq!(faults, 1);
    std::fs::remove_dir_all(&directory).expect("the directory can be removed");
}
