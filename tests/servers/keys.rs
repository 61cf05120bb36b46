//! Tables that are split by text, through the proxy.

use crate::support::raw::Reply;
use crate::support::{Pair, Settings};

/// A prepared statement with one string, or one BIGINT.
fn execute(raw: &mut crate::support::Raw, id: u32, kind: u8, value: &[u8]) -> usize {
    let mut payload = vec![0x17];
    payload.extend(id.to_le_bytes());
    payload.extend([0, 1, 0, 0, 0, 0, 1, kind, 0]);
    payload.extend(value);
    raw.command(&payload).expect("the connection stands");
    match &raw.replies(true).expect("an answer")[..] {
        [Reply::Rows(rows)] => rows.rows.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_number_does_not_make_numbers_of_the_strings_behind_it() {
    for mut pair in Pair::each() {
        let definition = "CREATE TABLE shop.words (word VARCHAR(20) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY)";
        pair.first.run_all(&[definition]);
        pair.second.run_all(&[definition]);
        let (first, second) = (pair.first.at(), pair.second.at());
        let map = format!(
            "version: 1\nregions: [here]\ngroups:\n  a: {{members: [{{at: '{first}', region: here}}]}}\n  \
             b: {{members: [{{at: '{second}', region: here}}]}}\nshards: {{a: {{group: a}}, b: {{group: b}}}}\ndatabases:\n  \
             shop:\n    family: {}\n    tables:\n      users: a\n      orders: b\n      words:\n        key: {{word: varchar(20) collate utf8mb4_bin}}\n        \
             hash: crc32/1\n        buckets: 64\n        range: [{{from: 0, on: a}}, {{from: 32, on: b}}]\n",
            pair.first.family()
        );
        pair.start_proxy(Settings { map, ..Settings::default() });
        let mut raw = pair.app();
        raw.ok("SET NAMES utf8mb4");
        let words = ["alpha", "beta", "gamma", "delta", "it''s", "\u{e9}t\u{e9}", "1"];
        for word in words {
            raw.ok(&format!("INSERT INTO words (word) VALUES ('{word}')"));
        }
        let on = |server: &crate::support::Server| server.value("SELECT COUNT(*) FROM shop.words");
        assert!(on(&pair.first) != "0" && on(&pair.second) != "0", "all words are on one server");
        for word in words {
            assert_eq!(raw.rows(&format!("SELECT word FROM words WHERE word = '{word} '")).rows.len(), 1, "{word}");
        }
        let (id, _, _) = raw.prepare("SELECT word FROM words WHERE word = ?").expect("it prepares");
        // 0 is equal to every word that does not begin with a digit, wherever it lives.
        assert_eq!(execute(&mut raw, id, 8, &[0; 8]), words.len() - 1);
        for word in ["alpha", "beta", "gamma", "delta"] {
            let value = [&[word.len() as u8][..], word.as_bytes()].concat();
            assert_eq!(execute(&mut raw, id, 0xFD, &value), 1, "{word}");
        }
        pair.check_sound();
    }
}

#[test]
fn parameters_of_one_client_decide_nothing_for_those_of_another() {
    for mut pair in Pair::each_of_one_connection() {
        for (text, name) in [
            ("SELECT id FROM users WHERE name = ?", "Ada"),
            ("SELECT id FROM customers WHERE id = 42 AND city = ?", "Islington"),
            ("SELECT id FROM customers WHERE city = ?", "Boston"),
        ] {
            let string = [&[name.len() as u8][..], name.as_bytes()].concat();
            // LONGLONG, DOUBLE, DATE and DATETIME before VAR_STRING.
            let before: [(u8, &[u8]); 4] =
                [(8, &[0; 8]), (5, &[0; 8]), (10, &[4, 0xEA, 7, 1, 2]), (12, &[4, 0xEA, 7, 1, 2])];
            for (kind, value) in before {
                let (mut other, mut raw) = (pair.app(), pair.app());
                let [(of_other, ..), (id, ..)] =
                    [&mut other, &mut raw].map(|session| session.prepare(text).expect("it prepares"));
                execute(&mut other, of_other, kind, value);
                assert_eq!(execute(&mut raw, id, 0xFD, &string), 1, "{text} after type {kind}");
            }
        }
        pair.check_sound();
    }
}
