//! Rows with text keys through the proxy: each is found by every text that its collation calls equal, text and prepared.

use crate::support::pair::shop_map;
use crate::support::{Pair, Settings};

/// Texts of one group are equal under unicode_ci of both servers; no two groups have equal ones.
const GROUPS: [&[&str]; 7] = [
    &["e", "E", "\u{e9}", "e\u{301}", "\u{e9} "],
    &["ss", "\u{df}", "S\u{1}s"],
    &["oeuvre", "\u{152}UVRE", "\u{153}uvr\u{e9}"],
    &["\u{416}", "\u{436}"],
    &["\u{3042}", "\u{30a2}"],
    &["\u{65e5}\u{672c}"],
    &["1", "\u{2460}", "\u{ff11}", "\u{661}"],
];

#[test]
fn a_row_is_found_by_every_text_that_is_equal_to_its_key() {
    for mut pair in Pair::each() {
        let table = "CREATE TABLE shop.words (word VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci \
                     NOT NULL, own INT NOT NULL, PRIMARY KEY (word))";
        pair.first.run_all(&[table]);
        pair.second.run_all(&[table]);
        let mut map = shop_map(&pair.first, &pair.second);
        map.push_str(
            "      words:\n        key: {word: varchar(20) collate utf8mb4_unicode_ci}\n        hash: crc32/1\n        \
             buckets: 16\n        range: [{from: 0, on: first}, {from: 8, on: second}]\n",
        );
        pair.start_proxy(Settings { map, ..Settings::default() });
        let mut app = pair.app();
        app.ok("SET NAMES utf8mb4");
        for (own, group) in GROUPS.iter().enumerate() {
            for stored in *group {
                app.ok(&format!("INSERT INTO words (word, own) VALUES ('{stored}', {own})"));
                for asked in *group {
                    let found = app.value(&format!("SELECT own FROM words WHERE word = '{asked}'"));
                    assert_eq!(found, own.to_string(), "{stored:?} by {asked:?}");
                    // The two have one home, or its primary key could not see the other.
                    let again = app.refused(&format!("INSERT INTO words (word, own) VALUES ('{asked}', 0)"));
                    assert_eq!(again.code, 1062, "{stored:?} and {asked:?}: {again:?}");
                }
                assert_eq!(app.ok(&format!("DELETE FROM words WHERE word = '{stored}'")).affected, 1);
            }
        }
        let refused = app.refused("INSERT INTO words (word, own) VALUES (_latin1'x', 0)");
        assert_eq!(refused.code, 1235, "{refused:?}");
        pair.check_sound();
    }
}
