//! Prepared statements of the binary protocol and in text, over two servers.

use crate::support::raw::{DEPRECATE_EOF, ORDINARY, Reply, packet};
use crate::support::raw_login::Login;
use crate::support::{Pair, Raw};

fn rows_of(replies: &[Reply]) -> Vec<Vec<u8>> {
    match replies {
        [Reply::Rows(rows)] => rows.rows.iter().map(|row| row[0].clone().expect("a payload")).collect(),
        other => panic!("{other:?}"),
    }
}

/// The text is in the one binary row.
#[track_caller]
fn one_row_with(replies: &[Reply], text: &str) {
    let rows = rows_of(replies);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].windows(text.len()).any(|w| w == text.as_bytes()), "{text}: {rows:?}");
}

#[test]
fn one_statement_runs_on_both_servers_by_its_key() {
    for mut pair in Pair::each() {
        for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
            let mut raw = pair.login(&Login { database: "shop".into(), capabilities, ..Login::default() });
            let (id, columns, parameters) = raw.prepare("SELECT name FROM customers WHERE id = ?").expect("valid");
            assert_eq!((columns, parameters), (1, 1));
            // The types are sent once; the second server has to learn them from the proxy.
            one_row_with(&raw.execute(id, &[42], true), "Douglas & Co");
            one_row_with(&raw.execute(id, &[1_000_042], false), "Pacific Rim Ltd");
            one_row_with(&raw.execute(id, &[1], false), "Nordlicht GmbH");
            one_row_with(&raw.execute(id, &[2_000_000], true), "Gran Chaco SA");
            assert!(rows_of(&raw.execute(id, &[77], false)).is_empty());
            assert!(matches!(raw.simple(&[&[0x1A][..], &id.to_le_bytes()].concat()), Reply::Ok(_)), "STMT_RESET");
            one_row_with(&raw.execute(id, &[42], true), "Douglas & Co");
            raw.close(id);
            assert!(matches!(&raw.execute(id, &[42], true)[..], [Reply::Error(e)] if e.code == 1243));
        }
        pair.check_sound();
    }
}

#[test]
fn statements_of_two_sessions_with_one_connection_stay_apart() {
    let mut pair = Pair::mariadb_with("limits:\n  pool_connections_max: 1\n");
    let (mut a, mut b) = (pair.app(), pair.app());
    let (of_a, _, _) = a.prepare("SELECT name FROM users WHERE id = ?").expect("valid");
    let (of_b, _, _) = b.prepare("SELECT email FROM users WHERE id = ?").expect("valid");
    for bound in [true, false, false] {
        one_row_with(&a.execute(of_a, &[1], bound), "Ada");
        one_row_with(&b.execute(of_b, &[1], bound), "ada@example.com");
    }
    // Another session's id is unknown here unless it is one's own as well.
    let (second, _, _) = a.prepare("SELECT total FROM orders WHERE id = ?").expect("valid");
    assert!(matches!(&b.execute(second + 1000, &[1], true)[..], [Reply::Error(e)] if e.code == 1243));
    pair.check_sound();
}

#[test]
fn texts_that_do_not_prepare_are_errors() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    assert!([1064, 1235].contains(&raw.prepare("SELECT * FROM").expect_err("no table").code));
    assert_eq!(raw.prepare("SELECT nothing FROM users").expect_err("no column").code, 1054);
    assert!(raw.prepare("SELECT 1; SELECT 2").is_err());
    match raw.prepare("SELECT * FROM users JOIN orders ON user_id = users.id") {
        Err(e) => assert!(e.message.starts_with("Meridian: "), "{e:?}"),
        Ok((id, _, _)) => assert!(matches!(&raw.execute(id, &[], false)[..], [Reply::Error(_)])),
    }
    // Without parameters, and with no rows.
    let (id, columns, parameters) = raw.prepare("INSERT INTO notes (text) VALUES ('x')").expect("valid");
    assert_eq!((columns, parameters), (0, 0));
    assert!(matches!(&raw.execute(id, &[], false)[..], [Reply::Ok(done)] if done.affected == 1 && done.last_id == 1));
    pair.check_sound();
}

#[test]
fn a_changed_table_is_seen_by_a_statement_prepared_before() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let (id, _, _) = raw.prepare("SELECT * FROM notes WHERE id = ?").expect("valid");
    raw.ok("INSERT INTO notes (id, text) VALUES (1, 'x')");
    one_row_with(&raw.execute(id, &[1], true), "x");
    pair.first.run_all(&["ALTER TABLE shop.notes ADD COLUMN more VARCHAR(20) DEFAULT 'added'"]);
    if pair.whole().port == pair.port() {
        pair.whole().run_all(&["ALTER TABLE shop.notes ADD COLUMN more VARCHAR(20) DEFAULT 'added'"]);
    }
    one_row_with(&raw.execute(id, &[1], false), "added");
    pair.check_sound();
}

#[test]
fn a_statement_outlives_its_connection() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let (id, _, _) = raw.prepare("SELECT name FROM users WHERE id = ?").expect("valid");
    one_row_with(&raw.execute(id, &[1], true), "Ada");
    pair.first.restart();
    one_row_with(&raw.execute(id, &[2], false), "Grace");
    pair.check_sound();
}

#[test]
fn long_data_is_joined_and_sent_to_the_owner() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        for table in ["notes", "marks"] {
            let text = format!("INSERT INTO {table} (id, text) VALUES (?, ?)");
            let (id, _, parameters) = raw.prepare(&text).expect("valid");
            assert_eq!(parameters, 2);
            for part in ["long ", "data ", "in parts"] {
                let command = [&[0x18][..], &id.to_le_bytes(), &1u16.to_le_bytes(), part.as_bytes()].concat();
                raw.command(&command).expect("no answer comes");
            }
            // BIGINT 7 and a BLOB whose value was sent before.
            let mut execute =
                [&[0x17][..], &id.to_le_bytes(), &[0], &1u32.to_le_bytes(), &[0, 1, 8, 0, 252, 0]].concat();
            execute.extend(7i64.to_le_bytes());
            raw.command(&execute).expect("the connection stands");
            assert!(matches!(&raw.replies(true).expect("an answer")[..], [Reply::Ok(done)] if done.affected == 1));
            assert_eq!(raw.value(&format!("SELECT text FROM {table} WHERE id = 7")), "long data in parts");
            raw.close(id);
        }
        pair.check_sound();
    }
}

#[test]
fn what_is_not_a_servers_is_not_prepared_with_parameters() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for text in ["SET @a = ?", "SET NAMES ?", "SET @a = 1, sql_mode = ?"] {
        assert_eq!(raw.prepare(text).expect_err(text).code, 1295, "{text}");
    }
    let (id, _, parameters) = raw.prepare("SET @a = 5").expect("valid");
    assert_eq!(parameters, 0);
    assert!(matches!(&raw.execute(id, &[], true)[..], [Reply::Ok(_)]));
    assert_eq!(raw.value("SELECT @a"), "5");
    pair.check_sound();
}

#[test]
fn long_data_over_the_limit_is_refused_and_the_statement_goes_on() {
    let mut pair = Pair::mariadb_with("limits:\n  long_data_bytes_max: 1000\n");
    let mut raw = pair.app();
    let (id, _, _) = raw.prepare("INSERT INTO notes (text) VALUES (?)").expect("valid");
    let send = |raw: &mut Raw, bytes: usize| {
        let data = vec![b'x'; bytes];
        raw.command(&[&[0x18][..], &id.to_le_bytes(), &0u16.to_le_bytes(), &data].concat()).expect("no answer comes");
    };
    let execute = |raw: &mut Raw| {
        let execute = [&[0x17][..], &id.to_le_bytes(), &[0], &1u32.to_le_bytes(), &[0, 1, 252, 0]].concat();
        raw.command(&execute).expect("the connection stands");
        raw.replies(true).expect("an answer")
    };
    for part in [800, 800, 10] {
        send(&mut raw, part);
    }
    match &execute(&mut raw)[..] {
        [Reply::Error(error)] => {
            assert!(error.code == 1105 && error.message.contains("limits.long_data_bytes_max"), "{error:?}")
        }
        other => panic!("{other:?}"),
    }
    send(&mut raw, 2000);
    raw.command(&[&[0x1A][..], &id.to_le_bytes()].concat()).expect("the connection stands");
    assert!(matches!(&raw.replies(false).expect("an answer")[..], [Reply::Ok(_)]));
    send(&mut raw, 800);
    assert!(matches!(&execute(&mut raw)[..], [Reply::Ok(done)] if done.affected == 1));
    assert_eq!(raw.value("SELECT LENGTH(text) FROM notes"), "800");
    pair.check_sound();
}

#[test]
fn close_shares_a_segment_with_the_next_command() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let (id, _, _) = raw.prepare("SELECT name FROM users WHERE id = ?").expect("valid");
    let close = packet(0, &[&[0x19][..], &id.to_le_bytes()].concat());
    let query = packet(0, b"\x03SELECT total FROM orders WHERE id = 1");
    raw.bytes(&[close, query].concat()).expect("the connection stands");
    raw.sequence = 1;
    assert!(matches!(&raw.replies(false).expect("an answer")[..], [Reply::Rows(rows)] if rows.value() == "25.50"));
    pair.check_sound();
}

#[test]
fn a_cursor_fetches_or_is_refused() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let (id, _, _) = raw.prepare("SELECT name FROM users ORDER BY id").expect("valid");
    // EXECUTE with CURSOR_TYPE_READ_ONLY; a server answers with the columns and waits for FETCH.
    raw.command(&[&[0x17][..], &id.to_le_bytes(), &[1], &1u32.to_le_bytes()].concat()).expect("the connection stands");
    match &raw.replies(true).expect("an answer")[..] {
        [Reply::Rows(rows)] if rows.rows.is_empty() => {
            let fetched = fetch(&mut raw, id, 2);
            assert_eq!(fetched, 2);
            assert_eq!(fetch(&mut raw, id, 100), 3);
            assert!(matches!(raw.simple(&[&[0x1A][..], &id.to_le_bytes()].concat()), Reply::Ok(_)));
        }
        [Reply::Rows(rows)] => assert_eq!(rows.rows.len(), 5, "all at once is an answer too"),
        [Reply::Error(e)] => assert!(e.message.starts_with("Meridian: "), "{e:?}"),
        other => panic!("{other:?}"),
    }
    pair.check_sound();
}

fn fetch(raw: &mut Raw, id: u32, count: u32) -> usize {
    raw.command(&[&[0x1C][..], &id.to_le_bytes(), &count.to_le_bytes()].concat()).expect("the connection stands");
    let mut rows = 0;
    loop {
        let packet = raw.packet().expect("a row or the end");
        match packet[0] {
            0x00 => rows += 1,
            0xFE => return rows,
            _ => panic!("{packet:?}"),
        }
    }
}

#[test]
fn prepare_in_text_works_or_is_refused() {
    let mut pair = Pair::mariadb_with("limits:\n  pool_connections_max: 2\n");
    let (mut a, mut b) = (pair.app(), pair.app());
    match a.one("PREPARE s FROM 'SELECT name FROM users WHERE id = ?'") {
        Reply::Ok(_) => {
            a.ok("SET @id = 2");
            assert_eq!(a.value("EXECUTE s USING @id"), "Grace");
            assert!(matches!(b.one("EXECUTE s USING @id"), Reply::Error(_)));
            a.ok("DEALLOCATE PREPARE s");
        }
        Reply::Error(e) => assert!(e.message.starts_with("Meridian: "), "{e:?}"),
        Reply::Rows(_) => panic!("rows"),
    }
    pair.check_sound();
}

#[test]
fn a_transaction_of_prepared_statements_writes_one_server() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let (insert, _, _) = raw.prepare("INSERT INTO customers (id, name, city) VALUES (?, 'n', 'c')").expect("valid");
    raw.ok("BEGIN");
    assert!(matches!(&raw.execute(insert, &[300], true)[..], [Reply::Ok(_)]));
    assert!(
        matches!(&raw.execute(insert, &[1_000_300], false)[..], [Reply::Error(e)] if e.message.starts_with("Meridian: "))
    );
    raw.ok("COMMIT");
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.customers WHERE id = 300"), "1");
    assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.customers WHERE id = 1000300"), "0");
    pair.check_sound();
}
