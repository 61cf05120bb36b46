//! `meridian verify`: rows that are not where the map says.

use std::process::Command;

use crate::support::{Pair, Settings};

/// Exit status, standard output and standard error, by line.
fn verify(pair: &mut Pair, arguments: &[&str]) -> (Option<i32>, Vec<String>, Vec<String>) {
    let config = pair.proxy().folder().join("config.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_meridian"))
        .arg("verify")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .output()
        .expect("the binary runs");
    let lines = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").lines().map(str::to_owned).collect();
    (output.status.code(), lines(output.stdout), lines(output.stderr))
}

#[test]
fn rows_that_are_not_at_home_are_found() {
    for mut pair in Pair::each() {
        let (code, out, err) = verify(&mut pair, &[]);
        assert_eq!((code, &out[..]), (Some(0), &["6 tables, 0 misplaced rows".to_owned()][..]), "{err:?}");
        assert_eq!(
            err,
            ["shop.customers on first: 4 rows read, 0 misplaced", "shop.customers on second: 3 rows read, 0 misplaced"]
        );
        pair.first.run_all(&["INSERT INTO shop.customers (id, name, city) VALUES (1000001, 'a', 'b')"]);
        pair.second.run_all(&["INSERT INTO shop.customers (id, name, city) VALUES (999999, 'a', 'b'), (0, 'a', 'b')"]);
        let (code, out, err) = verify(&mut pair, &["shop.customers"]);
        assert_eq!(code, Some(1), "{err:?}");
        assert_eq!(
            out,
            [
                "shop.customers on first: id=1000001 belongs on second",
                "shop.customers on second: id=0 belongs on first",
                "shop.customers on second: id=999999 belongs on first",
                "1 tables, 3 misplaced rows",
            ]
        );
        // A table that is not split, on the server that has none of its rows.
        pair.second.run_all(&["CREATE TABLE shop.users (id INT PRIMARY KEY)", "INSERT INTO shop.users VALUES (7)"]);
        let (code, out, err) = verify(&mut pair, &["users"]);
        assert_eq!((code, &err[..]), (Some(1), &["shop.users on second: 1 rows read, 1 misplaced".to_owned()][..]));
        assert_eq!(out, ["shop.users on second: id=7 belongs on first", "1 tables, 1 misplaced rows"]);
        pair.check_sound();
    }
}

/// Numbers, texts of several collations, bytes and points in time, alone and behind each other.
#[test]
fn tables_of_any_primary_key_are_read_whole() {
    for mut pair in Pair::each() {
        let mut tables = String::new();
        let definitions = [
            ("number", "id BIGINT, PRIMARY KEY (id)"),
            ("negative", "id INT, n INT, PRIMARY KEY (n, id)"),
            ("words", "id INT, word VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, PRIMARY KEY (word)"),
            (
                "latin",
                "id INT, word VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci, PRIMARY KEY (word, id)",
            ),
            ("bytes", "id INT, word VARBINARY(40), PRIMARY KEY (word)"),
            ("moments", "id INT, at TIMESTAMP(6) NOT NULL DEFAULT '2026-01-01', PRIMARY KEY (at, id)"),
            ("amounts", "id INT, amount DECIMAL(12,3), day DATE, PRIMARY KEY (day, amount)"),
        ];
        let expressions = [
            ("number", "id", "n - 700"),
            ("negative", "id, n", "n, (n % 7) - 3"),
            ("words", "id, word", "n, CONCAT(IF(n % 2, 'b''\\\\', 'Ä'), n)"),
            ("latin", "id, word", "n, CONCAT('é', n % 11)"),
            ("bytes", "id, word", "n, CONCAT(UNHEX('00FF27'), n)"),
            ("moments", "id, at", "n, '2026-03-29 01:00:00' + INTERVAL (n % 500) MINUTE"),
            ("amounts", "id, amount, day", "n, n / 7, '2026-01-01' + INTERVAL (n % 3) DAY"),
        ];
        let numbers = "(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n FROM digits a, digits b, digits c, (SELECT 0 AS d \
                       UNION SELECT 1) e) numbers";
        let mut statements = vec![
            "CREATE TABLE shop.digits (d INT PRIMARY KEY)".to_owned(),
            "INSERT INTO shop.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)".to_owned(),
            "USE shop".to_owned(),
            "SET sql_mode = '', time_zone = 'SYSTEM'".to_owned(),
        ];
        for ((name, columns), (_, names, values)) in definitions.iter().zip(expressions) {
            statements.push(format!("CREATE TABLE {name} ({columns})"));
            statements.push(format!("INSERT INTO {name} ({names}) SELECT {values} FROM {numbers} WHERE n < 1501"));
            tables += &format!("      {name}: {{key: {{id: int}}, range: [{{from: MIN, on: first}}]}}\n");
        }
        let tables = tables.replacen("id: int", "id: bigint", 1);
        pair.first.load(&statements.join("; "));
        let map = crate::support::pair::shop_map(&pair.first, &pair.second) + &tables;
        pair.start_proxy(Settings { map, ..Settings::default() });
        for (name, _) in definitions {
            let (code, out, err) = verify(&mut pair, &[name, "--rows-per-second", "1000000"]);
            let read = format!("shop.{name} on first: 1501 rows read, 0 misplaced");
            assert_eq!((code, &err[..]), (Some(0), &[read][..]), "{out:?}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_no_clean_table() {
    let mut pair = Pair::mariadb();
    pair.second.run_all(&["ALTER TABLE shop.customers DROP PRIMARY KEY"]);
    let (code, out, err) = verify(&mut pair, &["customers"]);
    assert_eq!((code, out), (Some(2), vec!["1 tables, 0 misplaced rows; 1 parts not read to their end".to_owned()]));
    assert_eq!(err[1], "shop.customers on second: not read to its end: it has no primary key to be read by");
    let (code, out, err) = verify(&mut pair, &["nothing"]);
    assert_eq!((code, out.len()), (Some(2), 0));
    assert!(err[0].ends_with("the map has no table nothing"), "{err:?}");
    pair.second.stop();
    let (code, _, err) = verify(&mut pair, &["customers"]);
    assert!(code == Some(2) && err[1].contains("can't connect to server"), "{code:?} {err:?}");
}
