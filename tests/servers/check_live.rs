//! `meridian check --live`: servers that are not what the map says.

use std::process::Command;

use crate::support::pair::shop_map;
use crate::support::{Pair, Server, Settings};

/// Time zone tables with one zone.
const ZONES: &str = "INSERT INTO mysql.time_zone (Use_leap_seconds) VALUES ('N'); SET @zone = LAST_INSERT_ID(); \
    INSERT INTO mysql.time_zone_name (Name, Time_zone_id) VALUES ('Europe/Berlin', @zone); \
    INSERT INTO mysql.time_zone_transition_type \
    VALUES (@zone, 0, 3600, 0, 'CET')";

/// Checks the pair's map; exit status, and the findings without the summary of the map and the map's path.
fn check(pair: &mut Pair) -> (Option<i32>, Vec<String>) {
    check_with(pair, &[])
}

fn check_with(pair: &mut Pair, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let folder = pair.proxy().folder().to_owned();
    let map = folder.join("map.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_meridian"))
        .arg("check")
        .arg(&map)
        .args(["--live", "--backend", "app", "--config"])
        .arg(folder.join("config.yaml"))
        .args(arguments)
        .output()
        .expect("the binary runs");
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    let prefix = format!("{}:", map.display());
    let lines = out.lines().chain(err.lines()).filter_map(|line| Some(line.strip_prefix(&prefix)?.trim().to_owned()));
    (output.status.code(), lines.filter(|line| line != "sound").collect())
}

/// Each of `expected` stands in the line of its place, and there are no others.
#[track_caller]
fn assert_lines(found: &[String], expected: &[&str]) {
    let fits = |(line, parts): (&String, &&str)| parts.split(" .. ").all(|part| line.contains(part));
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(fits), "{found:#?}");
}

fn family_version(server: &Server) -> String {
    server.value("SELECT @@version")
}

#[test]
fn servers_that_are_as_the_map_says_are_sound() {
    for mut pair in Pair::each() {
        let missing = ["error: server .. has no time zone tables .. mysql_tzinfo_to_sql"; 2];
        let (code, found) = check(&mut pair);
        assert_eq!(code, Some(1), "{found:#?}");
        assert_lines(&found, &[&missing[..], &["2 servers asked, 2 errors, 0 warnings"]].concat());
        pair.first.load(ZONES);
        pair.second.load(ZONES);
        let (code, found) = check(&mut pair);
        assert_lines(&found, &["2 servers asked, 0 errors, 0 warnings"]);
        assert_eq!(code, Some(0));
        pair.check_sound();
    }
}

#[test]
fn key_columns_are_compared_with_the_map() {
    for mut pair in Pair::each() {
        pair.first.load(ZONES);
        pair.second.load(ZONES);
        pair.second.run_all(&[
            "ALTER TABLE shop.customers DROP PRIMARY KEY, MODIFY id INT NULL, ADD UNIQUE KEY by_name (name)",
            "CREATE TRIGGER shop.stamps BEFORE INSERT ON shop.customers FOR EACH ROW SET NEW.id = NEW.id + 1",
            "DROP TABLE shop.marks",
        ]);
        pair.first.run_all(&[
            "ALTER TABLE shop.customers MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT",
            "CREATE TABLE shop.visits (id INT PRIMARY KEY, customer BIGINT UNSIGNED NOT NULL, user INT UNSIGNED, \
             CONSTRAINT to_customer FOREIGN KEY (customer) REFERENCES shop.customers (id), \
             CONSTRAINT to_user FOREIGN KEY (user) REFERENCES shop.users (id))",
        ]);
        let map = shop_map(&pair.first, &pair.second)
            .replace("      notes: first\n", "      notes: first\n      visits: first\n");
        pair.start_proxy(Settings { map, ..Settings::default() });
        let (code, found) = check(&mut pair);
        assert_lines(
            &found,
            &[
                "warning: foreign key to_customer of shop.visits points to shop.customers",
                "warning: server .. has no table shop.marks; create it there",
                "warning: unique key by_name of shop.customers lacks the sharding key id",
                "error: shop.customers.id is int .. on server .. and bigint unsigned in the map",
                "error: shop.customers.id may be NULL on server",
                "warning: shop.customers.id is AUTO_INCREMENT",
                "warning: trigger shop.stamps may set shop.customers.id",
                "2 servers asked, 2 errors, 5 warnings",
            ],
        );
        let line = std::fs::read_to_string(pair.proxy().folder().join("map.yaml"))
            .expect("the map")
            .lines()
            .position(|line| line.contains("key: {id"))
            .expect("a key")
            + 1;
        assert!(found[3].starts_with(&format!("{line}:9: ")), "{found:#?}");
        assert_eq!(code, Some(1));
    }
}

#[test]
fn keys_of_several_columns_are_compared_column_by_column() {
    for mut pair in Pair::each() {
        let tables = |tenant: &str| {
            [
                format!(
                    "CREATE TABLE shop.pairs (tenant {tenant}, id BIGINT NOT NULL AUTO_INCREMENT, code INT, KEY (id), UNIQUE \
                     KEY whole (tenant, code, id), UNIQUE KEY part (tenant, code))"
                ),
                "CREATE TABLE shop.parts (tenant INT NOT NULL, id BIGINT NOT NULL, tag BIGINT NOT NULL, PRIMARY KEY (tenant, id), \
                 UNIQUE KEY tagged (tenant, tag))"
                    .into(),
            ]
        };
        for (server, tenant) in [(&pair.first, "INT NOT NULL"), (&pair.second, "BIGINT")] {
            server.load(ZONES);
            server.run_all(&tables(tenant).each_ref().map(String::as_str));
        }
        pair.first.run_all(&[
            "ALTER TABLE shop.pairs ADD UNIQUE KEY target (tenant, id), ADD CONSTRAINT sound FOREIGN KEY (tenant, id) \
             REFERENCES shop.parts (tenant, id), ADD CONSTRAINT apart FOREIGN KEY (tenant, id) \
             REFERENCES shop.parts (tenant, tag)",
        ]);
        let map = shop_map(&pair.first, &pair.second)
            + "      pairs: {key: {tenant: int, id: bigint}, range: [{from: MIN, on: first}, {from: [5], on: second}]}\n      \
               parts: {with: pairs}\n";
        pair.start_proxy(Settings { map, ..Settings::default() });
        let (code, found) = check(&mut pair);
        assert_lines(
            &found,
            &[
                "warning: foreign key apart of shop.pairs points to shop.parts",
                "warning: unique key part of shop.pairs lacks the sharding key (tenant, id)",
                "error: shop.pairs.tenant is bigint .. on server .. and int in the map",
                "error: shop.pairs.tenant may be NULL on server",
                "warning: shop.pairs.id is AUTO_INCREMENT",
                "warning: unique key tagged of shop.parts lacks the sharding key (tenant, id)",
                "2 servers asked, 2 errors, 4 warnings",
            ],
        );
        assert_eq!(code, Some(1));
    }
}

/// Types of every kind, split in every way.
#[test]
fn key_columns_of_every_type_are_compared() {
    for mut pair in Pair::each() {
        let tables = [
            (
                "amounts",
                "DECIMAL(10,2)",
                "key: {k: 'decimal(10,2)'}, range: [{from: MIN, on: first}, {from: 5, on: second}]",
            ),
            ("days", "DATE", "key: {k: date}, range: [{from: MIN, on: first}, {from: '2026-07-01', on: second}]"),
            (
                "moments",
                "DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3)",
                "key: {k: 'datetime(3) default current_timestamp(3)'}, range: [{from: MIN, on: first}, {from: '2026-07-01', on: second}]",
            ),
            (
                "stamps",
                "TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
                "key: {k: timestamp}, zone: UTC, range: [{from: MIN, on: first}, {from: '2026-07-01', on: second}]",
            ),
            (
                "places",
                "VARCHAR(20) COLLATE utf8mb4_bin",
                "key: {k: 'varchar(20) collate utf8mb4_bin'}, list: [{in: [a], on: first}, {in: [b], on: second}], else: refuse",
            ),
            (
                "buckets",
                "INT UNSIGNED",
                "key: {k: int unsigned}, hash: crc32/1, buckets: 8, range: [{from: 0, on: first}, {from: 4, on: second}]",
            ),
        ];
        let mut map = shop_map(&pair.first, &pair.second);
        for (name, kind, split) in tables {
            map += &format!("      {name}: {{{split}}}\n");
            for server in [&pair.first, &pair.second] {
                server.run_all(&[&format!("CREATE TABLE shop.{name} (k {kind} NOT NULL, PRIMARY KEY (k))")]);
            }
        }
        pair.first.load(ZONES);
        pair.second.load(ZONES);
        pair.start_proxy(Settings { map, ..Settings::default() });
        let (code, found) = check(&mut pair);
        assert_lines(&found, &["2 servers asked, 0 errors, 0 warnings"]);
        assert_eq!(code, Some(0));
        pair.second.run_all(&[
            "ALTER TABLE shop.amounts MODIFY k DECIMAL(10,3) NOT NULL",
            "ALTER TABLE shop.days MODIFY k DATETIME NOT NULL",
            "ALTER TABLE shop.moments MODIFY k DATETIME NOT NULL",
            "ALTER TABLE shop.stamps MODIFY k TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
            "ALTER TABLE shop.places MODIFY k VARCHAR(20) COLLATE utf8mb4_general_ci NOT NULL",
            "ALTER TABLE shop.buckets MODIFY k INT NOT NULL",
        ]);
        let (code, found) = check(&mut pair);
        assert_lines(
            &found,
            &[
                "error: shop.amounts.k is decimal(10,3) .. and decimal(10,2) in the map",
                "error: shop.days.k is datetime .. and date in the map",
                "error: shop.moments.k has no DEFAULT CURRENT_TIMESTAMP on server",
                "error: shop.moments.k is datetime .. and datetime(3) in the map",
                "error: shop.stamps.k is timestamp(6) .. and timestamp",
                "warning: shop.stamps.k changes by itself (ON UPDATE)",
                "error: shop.places.k is varchar(20) collate utf8mb4_general_ci .. and varchar(20) collate utf8mb4_bin in the map",
                "error: shop.buckets.k is int .. and int unsigned in the map",
                "2 servers asked, 7 errors, 1 warnings",
            ],
        );
        assert_eq!(code, Some(1));
    }
}

#[test]
fn a_server_without_the_collation_of_a_key_is_named() {
    for mut pair in Pair::each() {
        pair.first.load(ZONES);
        pair.second.load(ZONES);
        let words = "CREATE TABLE shop.words (word VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci \
                     NOT NULL PRIMARY KEY)";
        pair.first.run_all(&[words]);
        pair.second.run_all(&[words]);
        // Of the other family.
        let other = if pair.first.family() == "mysql" { "uca1400_ai_ci" } else { "0900_ai_ci" };
        let map = |pair: &Pair, collation: &str| {
            format!(
                "{}      words:\n        key: {{word: varchar(20) collate utf8mb4_{collation}}}\n        hash: crc32/1\n        \
                 buckets: 16\n        range: [{{from: 0, on: first}}, {{from: 8, on: second}}]\n",
                shop_map(&pair.first, &pair.second)
            )
        };
        let settings = Settings { map: map(&pair, "unicode_ci"), ..Settings::default() };
        pair.start_proxy(settings);
        let (code, found) = check(&mut pair);
        assert_lines(&found, &["2 servers asked, 0 errors, 0 warnings"]);
        assert_eq!(code, Some(0));
        let settings = Settings { map: map(&pair, other), ..Settings::default() };
        pair.start_proxy(settings);
        let (code, found) = check(&mut pair);
        let weights = format!("has other weights for utf8mb4_{other} than Meridian");
        let kind = format!("shop.words.word is varchar(20) collate utf8mb4_unicode_ci on server .. {other} in the map");
        assert_lines(&found, &[&weights, &weights, &kind, &kind, "2 servers asked, 4 errors, 0 warnings"]);
        assert_eq!(code, Some(1));
    }
}

#[test]
fn servers_of_one_database_have_to_be_alike() {
    let mut pair = Pair::mariadb();
    pair.first.load(ZONES);
    pair.second.load(ZONES);
    pair.second.run_all(&[
        "SET GLOBAL sql_mode = 'ANSI_QUOTES'",
        "ALTER DATABASE shop COLLATE latin1_swedish_ci",
        "SET GLOBAL max_connections = 100",
    ]);
    let family = pair.first.family();
    let map = shop_map(&pair.first, &pair.second).replace(&format!("family: {family}"), "family: mysql");
    pair.start_proxy(Settings { map, ..Settings::default() });
    let (code, found) = check(&mut pair);
    assert_lines(
        &found,
        &[
            "warning: server .. allows 100 connections, and one proxy may open 128",
            "error: database shop: default collation is 'latin1_swedish_ci' on server",
            "error: database shop: sql_mode is 'ANSI_QUOTES' on server",
            &format!(
                "error: server .. is {} (mariadb), and database shop is declared mysql",
                family_version(&pair.first)
            ),
            "(mariadb), and database shop is declared mysql",
            "2 servers asked, 4 errors, 1 warnings",
        ],
    );
    assert_eq!(code, Some(1));
    // Both of MariaDB's ordinary 151 and the other's 100.
    let (_, found) = check_with(&mut pair, &["--proxies", "3"]);
    let budget = |line: &&String| line.contains("and 3 proxies may open 384 (limits.pool_connections_max");
    assert_eq!(found.iter().filter(budget).count(), 2, "{found:#?}");
}

#[test]
fn a_server_that_is_not_reached_is_no_sound_one() {
    let mut pair = Pair::mariadb();
    pair.first.load(ZONES);
    pair.second.stop();
    let (code, found) = check(&mut pair);
    assert_lines(&found, &["error: server .. was not asked: ", "1 servers asked, 1 errors, 0 warnings"]);
    assert_eq!(code, Some(2));
    let (code, found) = check_with(&mut pair, &["--account", "nobody"]);
    assert_eq!((code, found.len()), (Some(2), 0));
}

#[test]
fn copies_are_compared_with_each_other() {
    for mut pair in Pair::each() {
        pair.first.load(ZONES);
        pair.second.load(ZONES);
        let map = shop_map(&pair.first, &pair.second) + "      cities: {everywhere: [first, second], from: second}\n";
        pair.start_proxy(Settings { map, ..Settings::default() });
        pair.second.run_all(&["CREATE TABLE shop.cities (id INT PRIMARY KEY, name VARCHAR(20))"]);
        let (code, found) = check(&mut pair);
        assert_lines(&found, &["error: server .. has no table shop.cities; create it", "2 servers asked, 1 errors, 0"]);
        assert_eq!(code, Some(1));
        pair.first.run_all(&["CREATE TABLE shop.cities (id INT PRIMARY KEY, name VARCHAR(30) NOT NULL, x INT)"]);
        let (code, found) = check(&mut pair);
        let different = "error: column 2 of shop.cities is `name` varchar(20) .. on server .. and `name` varchar(30) .. \
                         not null on .. make the copies alike";
        assert_lines(&found, &[different, "2 servers asked, 1 errors, 0 warnings"]);
        assert_eq!(code, Some(1));
        pair.first.run_all(&["ALTER TABLE shop.cities MODIFY name VARCHAR(20), DROP COLUMN x"]);
        let (code, found) = check(&mut pair);
        assert_lines(&found, &["2 servers asked, 0 errors, 0 warnings"]);
        assert_eq!(code, Some(0));
    }
}
