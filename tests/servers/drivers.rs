//! Drivers as applications use them: PyMySQL and mysql2, the same script direct and through the proxy.

use crate::support::Pair;
use crate::support::cli::script;

#[test]
fn pymysql_sees_what_one_server_would_show() {
    same("shop.py");
}

#[test]
fn mysql2_sees_what_one_server_would_show() {
    same("shop.js");
}

fn same(name: &str) {
    for mut pair in Pair::each() {
        let expected = script(name, pair.whole().port, "shop", &[]).fine();
        assert!(expected.lines().count() > 8, "{expected}");
        let got = script(name, pair.port(), "shop", &[]).fine();
        // Into an empty table once more where both are the same server.
        assert_eq!(got, expected, "{name} on {:?}", pair.first.kind);
        if pair.has_proxy() {
            let proxy = pair.proxy();
            assert_eq!(proxy.figure("meridian_pins_total"), 0, "{name} needs no pinned session");
            assert!(proxy.figure("meridian_statements_total{class=\"write\"}") > 0, "they are counted");
        }
        pair.check_sound();
    }
}
