//! Who gets in, and as whom: passwords, plugins, COM_CHANGE_USER, COM_RESET_CONNECTION, the greeting.

use crate::support::pair::{shop_map, single_map};
use crate::support::proxy::ACCOUNTS;
use crate::support::raw::{AUTOCOMMIT, DEPRECATE_EOF, FOUND_ROWS, ORDINARY, Raw, Reply};
use crate::support::raw_login::{self, Login};
use crate::support::{MariaDb, Pair, Proxy, Settings};

fn shop() -> Login {
    Login { database: "shop".into(), ..Login::default() }
}

fn error_of(port: u16, login: &Login) -> String {
    Raw::login(port, login).expect_err("must not get in").to_string()
}

#[test]
fn both_plugins_let_the_right_password_in() {
    for mut pair in Pair::each() {
        for plugin in [None, Some("mysql_native_password"), Some("caching_sha2_password")] {
            // MySQL 9 has no native passwords, and the proxy's account has none: the exchange switches.
            let mut raw = pair.login(&Login { plugin, ..shop() });
            assert_eq!(raw.value("SELECT name FROM users WHERE id = 2"), "Grace", "{plugin:?}");
        }
        pair.check_sound();
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_error() {
    let pair = Pair::mariadb();
    for plugin in [None, Some("mysql_native_password"), Some("caching_sha2_password")] {
        let wrong = error_of(pair.port(), &Login { password: "wrong".into(), plugin, ..shop() });
        let unknown = error_of(pair.port(), &Login { user: "nobody".into(), plugin, ..shop() });
        assert!(wrong.contains("1045") && wrong.contains("28000"), "{wrong}");
        assert_eq!(wrong.replace("'app'", "'nobody'"), unknown);
        let empty = error_of(pair.port(), &Login { password: String::new(), plugin, ..shop() });
        assert!(empty.contains("1045"), "{empty}");
    }
}

#[test]
fn a_database_that_the_account_may_not_use_is_refused() {
    let mut pair = Pair::mariadb();
    let unknown = error_of(pair.port(), &Login { database: "nothing".into(), ..Login::default() });
    assert!(unknown.contains("1049") || unknown.contains("1044"), "{unknown}");
    let accounts = ACCOUNTS.replacen("databases: \"*\"", "databases: [other]", 1);
    let map = shop_map(&pair.first, &pair.second) + "  other:\n    family: mariadb\n    unlisted: second\n";
    pair.start_proxy(Settings { accounts, map, ..Settings::default() });
    let denied = error_of(pair.port(), &shop());
    assert!(denied.contains("1044"), "{denied}");
    let mut raw = pair.login(&Login::default());
    assert_eq!(raw.refused("USE shop").code, 1044);
    assert_eq!(raw.refused("SELECT name FROM shop.users WHERE id = 1").code, 1044);
}

#[test]
fn without_a_database_statements_name_it() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.login(&Login::default());
    assert_eq!(raw.value("SELECT DATABASE()"), "NULL");
    assert_eq!(raw.refused("SELECT * FROM users").code, 1046);
    assert_eq!(raw.value("SELECT name FROM shop.users WHERE id = 1"), "Ada");
    assert_eq!(raw.value("SELECT total FROM shop.orders WHERE id = 1"), "25.50");
    raw.ok("USE shop");
    assert_eq!(raw.value("SELECT name FROM users WHERE id = 1"), "Ada");
    assert_eq!(raw.value("SELECT DATABASE()"), "shop");
    // A server says 1044 to an account that may not know which databases exist.
    assert!([1044, 1049].contains(&raw.refused("USE nothing").code));
    assert_eq!(raw.value("SELECT DATABASE()"), "shop");
    // INIT_DB as a command of its own.
    assert!(matches!(raw.simple(b"\x02shop"), Reply::Ok(_)));
    assert!(matches!(raw.simple(b"\x02nothing"), Reply::Error(e) if [1044, 1049].contains(&e.code)));
    pair.check_sound();
}

#[test]
fn the_greeting_is_one_of_the_family() {
    for pair in Pair::each() {
        let raw = Raw::greeted(pair.port()).expect("a greeting");
        assert!(raw.greeting.status & AUTOCOMMIT != 0);
        assert_eq!(raw.greeting.nonce.len(), 20);
        assert!(!raw.greeting.nonce.contains(&0), "a zero would end the nonce early for some clients");
        let family = pair.first.family();
        // As the server itself greets, so that drivers choose the same charset and syntax.
        let direct = pair.first.connect().greeting.version;
        assert_eq!(raw.greeting.version, format!("{direct}-meridian"), "{family}");
        let again = Raw::greeted(pair.port()).expect("a greeting");
        assert_ne!(raw.greeting.nonce, again.greeting.nonce);
        assert_ne!(raw.greeting.connection, again.greeting.connection);
    }
}

#[test]
fn change_user_is_a_whole_login() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    raw.ok("SET @mine = 1, time_zone = '+05:00'");
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('lost')");
    raw_login::change_user(&mut raw, &shop()).expect("the right password");
    assert_eq!(raw.value("SELECT @mine"), "NULL");
    assert_eq!(raw.value("SELECT @@time_zone"), "SYSTEM");
    assert_eq!(raw.value("SELECT COUNT(*) FROM notes"), "0");
    let admin = Login { user: "admin".into(), password: "admin-password".into(), ..shop() };
    raw_login::change_user(&mut raw, &admin).expect("the right password");
    assert!(raw.value("SELECT CURRENT_USER()").starts_with("admin@"));
    let error = raw_login::change_user(&mut raw, &Login { password: "wrong".into(), ..shop() }).unwrap_err();
    assert!(error.to_string().contains("1045"), "{error}");
    // Some servers close the connection now, some leave it to the user it had; never to the one who failed.
    if let Ok(replies) = raw.try_query(b"SELECT CURRENT_USER()") {
        assert!(matches!(&replies[..], [Reply::Rows(rows)] if rows.value().starts_with("admin@")), "{replies:?}");
    }
    pair.check_sound();
}

#[test]
fn reset_connection_forgets_the_session() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    raw.ok("SET @mine = 1, time_zone = '+05:00'");
    let (id, _, _) = raw.prepare("SELECT name FROM users WHERE id = ?").expect("valid");
    raw.ok("BEGIN");
    raw.ok("INSERT INTO marks (text) VALUES ('lost')");
    assert!(matches!(raw.simple(&[0x1F]), Reply::Ok(_)));
    assert_eq!(raw.value("SELECT @mine"), "NULL");
    assert_eq!(raw.value("SELECT @@time_zone"), "SYSTEM");
    assert_eq!(raw.value("SELECT DATABASE()"), "shop");
    assert_eq!(raw.value("SELECT COUNT(*) FROM marks"), "0");
    assert!(matches!(&raw.execute(id, &[1], true)[..], [Reply::Error(e)] if e.code == 1243));
    pair.check_sound();
}

#[test]
fn small_commands_are_answered_as_by_a_server() {
    let mut pair = Pair::mariadb();
    for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
        let mut raw = pair.login(&Login { capabilities, ..shop() });
        assert!(matches!(raw.simple(&[0x0E]), Reply::Ok(_)), "PING");
        raw.command(&[0x09]).expect("the connection stands");
        let statistics = String::from_utf8(raw.packet().expect("STATISTICS")).expect("a text");
        assert!(statistics.contains("Uptime: "), "{statistics}");
        // Multi-statements off and on.
        assert!(matches!(raw.simple(&[0x1B, 1, 0]), Reply::Ok(_)));
        assert_eq!(raw.refused("SELECT 1; SELECT 2").code, 1064);
        assert!(matches!(raw.simple(&[0x1B, 0, 0]), Reply::Ok(_)));
        assert_eq!(raw.query("SELECT 1; SELECT 2").len(), 2);
        // A command that does not exist, and one that is not served (BINLOG_DUMP).
        for command in [0x7F, 0x12] {
            assert!(matches!(raw.simple(&[command]), Reply::Error(_)), "{command:#x}");
        }
        assert_eq!(raw.value("SELECT 1"), "1");
        raw.command(&[0x01]).expect("QUIT");
        assert!(raw.closed());
    }
    pair.check_sound();
}

#[test]
fn field_list_describes_a_table() {
    let mut pair = Pair::mariadb();
    let whole = pair.whole().port;
    let ask = |port: u16, table: &str| {
        let mut raw = Raw::login(port, &shop()).expect("app may log in");
        raw.command(&[b"\x04", table.as_bytes(), b"\0"].concat()).expect("the connection stands");
        let mut packets = Vec::new();
        loop {
            let packet = raw.packet().expect("a definition or the end");
            match packet[0] {
                0xFE | 0x00 => return packets,
                0xFF => return vec![packet[1..3].to_vec()],
                _ => packets.push(packet),
            }
        }
    };
    for table in ["users", "orders", "customers"] {
        assert_eq!(ask(pair.port(), table), ask(whole, table), "{table}");
    }
    assert_eq!(ask(pair.port(), "nothing").len(), 1);
    pair.check_sound();
}

#[test]
fn found_rows_counts_as_the_client_asked() {
    let pair = Pair::mariadb();
    for (capabilities, affected) in [(ORDINARY | FOUND_ROWS, 1), (ORDINARY, 0)] {
        let mut raw = pair.login(&Login { capabilities, ..shop() });
        assert_eq!(raw.ok("UPDATE users SET name = 'Ada' WHERE id = 1").affected, affected);
    }
}

#[test]
fn a_collation_of_mysql_works_on_every_server() {
    // 255 is utf8mb4_0900_ai_ci, which MariaDB does not have; 45 is utf8mb4_general_ci, 8 latin1.
    for pair in Pair::each() {
        for collation in [255, 45, 46, 224] {
            let mut raw = pair.login(&Login { collation, ..shop() });
            assert_eq!(raw.value("SELECT '😀'"), "😀", "{collation}");
            assert_eq!(raw.value("SELECT name FROM users WHERE id = 5"), "Tony 😀", "{collation}");
            assert_eq!(raw.value("SELECT @@character_set_client"), "utf8mb4");
        }
        let mut raw = pair.login(&Login { collation: 8, ..shop() });
        let rows = raw.query_bytes(b"SELECT HEX(CONVERT('\xE9' USING utf8mb4)), 'x\xE9'");
        let [Reply::Rows(rows)] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(rows.rows[0], [Some(b"C3A9".to_vec()), Some(b"x\xE9".to_vec())]);
    }
}

#[test]
fn a_backend_with_one_database_needs_no_tables_in_the_map() {
    let mut pair = Pair::mariadb();
    let map = single_map(&pair.second, "shop");
    pair.start_proxy(Settings { map, ..Settings::default() });
    assert_eq!(pair.app().value("SELECT COUNT(*) FROM orders JOIN order_items ON order_id = orders.id"), "4");
}

#[test]
fn an_account_of_some_databases_reaches_no_other() {
    let server = MariaDb::start("only", &[]);
    server.load(
        "CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE other.secret (a INT); INSERT INTO other.secret VALUES (42); \
         CREATE FUNCTION other.f() RETURNS INT RETURN (SELECT a FROM secret)",
    );
    let map = single_map(&server, "shop") + &format!("  other:\n    family: {}\n    unlisted: only\n", server.family());
    let few = ACCOUNTS.replacen("databases: \"*\"", "databases: [shop]", 1);
    let login = Login { database: "shop".into(), ..Login::default() };
    let proxy = Proxy::start(&Settings { map: map.clone(), accounts: few, ..Settings::default() });
    let mut raw = Raw::login(proxy.port, &login).expect("app may log in");
    for text in [
        "EXECUTE IMMEDIATE 'SELECT * FROM other.secret'",
        "PREPARE p FROM 'SELECT * FROM other.secret'",
        "BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'SELECT * FROM other.secret'; END",
        "SELECT other.f()",
        "SET @x = other.f()",
        "SELECT user FROM mysql.user",
        "SELECT table_name FROM information_schema.tables",
        "SELECT * FROM performance_schema.threads",
        "CREATE VIEW v AS SELECT * FROM mysql.user",
        "CREATE PROCEDURE p() SELECT * FROM mysql.user",
        "SHOW CREATE DATABASE other",
        "SHOW CREATE SCHEMA IF NOT EXISTS mysql",
        "SHOW TABLES FROM other",
        "SHOW TABLES FROM mysql",
        "SHOW TABLE STATUS FROM mysql",
        "SHOW COLUMNS FROM user FROM mysql",
        "USE mysql",
        "CREATE PROCEDURE p() EXECUTE IMMEDIATE 'SELECT * FROM other.secret'",
    ] {
        let error = raw.refused(text);
        assert!(matches!(error.code, 1235 | 1044 | 1064), "{text}: {error:?}");
    }
    assert_eq!(raw.rows("SHOW DATABASES").lines(), ["shop"]);
    raw.rows("SHOW CREATE DATABASE shop");
    raw.rows("SHOW TABLES");
    assert_eq!(raw.refused("SHOW FULL PROCESSLIST").code, 1227);
    assert_eq!(raw.refused("SHOW GRANTS").code, 1227, "they have the hash of the backend account's password");
    // One shard and all databases: as on the server.
    let proxy = Proxy::start(&Settings { map, ..Settings::default() });
    let mut raw = Raw::login(proxy.port, &login).expect("app may log in");
    assert_eq!(raw.value("EXECUTE IMMEDIATE 'SELECT * FROM other.secret'"), "42");
    assert_eq!(raw.value("SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'shop'"), "shop");
}
