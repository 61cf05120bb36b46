//! What is kept of each shape of statement, and the log of slow ones.

use crate::support::{Pair, Raw, await_that};

/// The line of a shape: count, errors, rows, timed.
fn figures(admin: &mut Raw, shape: &str) -> Option<[u64; 4]> {
    let rows = admin.rows("SHOW MERIDIAN DIGESTS");
    assert_eq!(
        rows.columns,
        ["database", "statement", "count", "errors", "rows", "timed", "p50_us", "p95_us", "p99_us"]
    );
    let lines = rows.lines();
    let line = lines.iter().find(|line| line.split('\t').nth(1) == Some(shape))?;
    assert!(line.starts_with("shop\t"), "{line}");
    let number =
        |n: usize| line.split('\t').nth(n).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{line}"));
    Some([number(2), number(3), number(4), number(5)])
}

#[test]
fn statements_are_counted_by_their_shape() {
    let pair = Pair::mariadb();
    let (mut raw, mut admin) = (pair.app(), Raw::admin(pair.port()).expect("the proxy answers"));
    for id in 0..32 {
        raw.rows(&format!("SELECT name FROM users WHERE id = {}", 1 + id % 2));
    }
    let shape = "SELECT name FROM users WHERE id = ?";
    let [count, errors, rows, timed] = figures(&mut admin, shape).expect("it is listed");
    assert_eq!((count, errors, rows, timed), (32, 0, 32, 2));
    // Prepared or not, failed by a server or refused; rows that are changed.
    let (id, ..) = raw.prepare("SELECT total FROM orders WHERE id = 1").expect("it is prepared");
    for _ in 0..3 {
        raw.execute(id, &[], false);
    }
    assert_eq!(figures(&mut admin, "SELECT total FROM orders WHERE id = ?").expect("it is listed")[0], 3);
    raw.ok("INSERT INTO notes (text) VALUES ('a'), ('b')");
    assert_eq!(figures(&mut admin, "INSERT INTO notes (text) VALUES (?, ...)").expect("it is listed")[..3], [1, 0, 2]);
    raw.refused("SELECT nothing FROM users");
    assert_eq!(figures(&mut admin, "SELECT nothing FROM users").expect("it is listed")[..3], [1, 1, 0]);
    raw.refused("SELECT * FROM users, orders");
    assert_eq!(figures(&mut admin, "SELECT * FROM users, orders").expect("it is listed")[..3], [1, 1, 0]);
    assert_eq!(raw.refused("SHOW MERIDIAN DIGESTS").code, 1227);
}

#[test]
fn a_slow_statement_is_logged_by_its_shape() {
    let mut pair = Pair::mariadb();
    let map = crate::support::pair::shop_map(&pair.first, &pair.second);
    let config = "limits:\n  statement_ms_max: 60000\n".into();
    pair.start_proxy(crate::support::Settings { map, config, slow_ms: Some(1000), ..Default::default() });
    let mut raw = pair.app();
    raw.rows("SELECT name FROM users WHERE id = 1");
    raw.rows("SELECT SLEEP(3), 'quiet' FROM users WHERE id = 1");
    let log = await_that("it is logged", || {
        let log = pair.proxy().log();
        log.lines().any(|line| line.contains("a slow statement") && line.contains("SLEEP")).then_some(log)
    });
    let slow =
        log.lines().find(|line| line.contains("a slow statement") && line.contains("SLEEP")).expect("by its shape");
    assert!(slow.contains("SELECT SLEEP(?), ? FROM users WHERE id = ?") && !slow.contains("quiet"), "{slow}");
}
