//! Servers that weigh text otherwise than the keys of the map are known by: they are not used.

use std::fs;

use crate::support::pair::shop_map;
use crate::support::{Pair, Settings, await_that};

const TAKEN_UP: &str = "meridian_reloads_total{result=\"taken_up\"}";

/// A table that is split by words of a collation.
fn words(collation: &str) -> String {
    format!(
        "      words:\n        key: {{word: varchar(20) collate utf8mb4_{collation}}}\n        hash: crc32/1\n        \
         buckets: 16\n        range: [{{from: 0, on: first}}, {{from: 8, on: second}}]\n"
    )
}

/// A collation that the pair's servers do not have: it is of the other family.
fn other(pair: &Pair) -> &'static str {
    if pair.first.family() == "mysql" { "uca1400_ai_ci" } else { "0900_ai_ci" }
}

#[test]
fn a_server_with_other_weights_serves_nothing() {
    for mut pair in Pair::each() {
        let map = shop_map(&pair.first, &pair.second);
        for server in [&pair.first, &pair.second] {
            server.run_all(&[
                "CREATE TABLE shop.words (word VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci PRIMARY KEY)",
            ]);
        }
        pair.start_proxy(Settings { map: map.clone() + &words("unicode_ci"), ..Settings::default() });
        let mut raw = pair.app();
        raw.ok("INSERT INTO words (word) VALUES ('stra\u{df}e')");
        assert_eq!(raw.value("SELECT word FROM words WHERE word = 'STRASSE'"), "stra\u{df}e");
        let other = other(&pair);
        pair.start_proxy(Settings { map: map + &words(other), ..Settings::default() });
        let mut raw = pair.app();
        // Also not for tables that have no such key.
        for text in ["SELECT 1", "SELECT name FROM users WHERE id = 1", "INSERT INTO words (word) VALUES ('a')"] {
            let error = raw.refused(text);
            let said = format!("has other weights for utf8mb4_{other} than Meridian");
            assert!(error.code == 1429 && error.message.contains(&said), "{text}: {error:?}");
        }
    }
}

#[test]
fn a_key_that_a_new_map_brings_is_asked_for_before_its_map_serves() {
    let mut pair = Pair::mariadb_with("reload:\n  poll_ms: 20\n");
    let (mut before, mut inside) = (pair.app(), pair.app());
    assert_eq!(before.value("SELECT name FROM users WHERE id = 1"), "Ada");
    inside.ok("BEGIN");
    assert_eq!(inside.value("SELECT name FROM users WHERE id = 1"), "Ada");
    let path = pair.proxy().folder().join("map.yaml");
    let map = fs::read_to_string(&path).expect("the map of the proxy");
    fs::write(&path, map + &words("0900_ai_ci")).expect("the folder is ours");
    let proxy = pair.proxy();
    await_that("the map is taken up", || (proxy.figure(TAKEN_UP) == 1).then_some(()));
    // A transaction ends under the map that it began with.
    assert_eq!(inside.value("SELECT name FROM users WHERE id = 1"), "Ada");
    inside.ok("COMMIT");
    for raw in [&mut before, &mut inside] {
        assert_eq!(raw.refused("SELECT name FROM users WHERE id = 1").code, 1429);
    }
}
