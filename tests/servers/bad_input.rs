//! What no honest client sends: an error or a closed connection, no panic, no growth, other sessions untouched.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::support::raw::{Raw, Reply, packet};
use crate::support::raw_login::{Login, login_request};
use crate::support::{Pair, await_that};

/// Sends bytes after the greeting; the proxy has to answer with an ERR (or ask for another plugin) or close, within the bound of the login.
fn before_login(port: u16, bytes: &[u8]) {
    let mut raw = Raw::greeted(port).expect("a greeting");
    let _ = raw.bytes(bytes);
    let mut answer = Vec::new();
    raw.stream().set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    // A reset is a closed connection too.
    let read = raw.stream().read_to_end(&mut answer);
    if let Err(e) = read {
        assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{bytes:?}: neither answered nor closed");
    }
    assert!(answer.is_empty() || [Some(&0xFF), Some(&0xFE)].contains(&answer.get(4)), "{bytes:?}: {answer:?}");
}

#[test]
fn nonsense_before_the_login_is_refused() {
    let mut pair = Pair::mariadb_with("limits:\n  login_timeout_ms: 1000\n");
    let mut bystander = pair.app();
    let good = login_request(&Raw::greeted(pair.port()).expect("a greeting").greeting, &Login::default());
    let mut cases: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0; 4],
        vec![0xFF; 4],
        b"\xFF\xFF\xFF\x01".to_vec(),
        [&b"\xFF\xFF\xFF\x01"[..], &vec![b'x'; 200_000]].concat(),
        packet(1, b""),
        packet(1, b"\x00"),
        packet(1, &[0xFF; 32]),
        // Wrong sequence ids.
        packet(0, &good),
        packet(7, &good),
        // A command instead of a login.
        packet(1, b"\x03SELECT 1"),
        // A user name without end.
        packet(1, &[&good[..32], &[b'u'; 5000]].concat()),
    ];
    // Cut anywhere before the name of the plugin, behind which nothing more is needed.
    let needed = good.len() - "caching_sha2_password\0".len();
    cases.extend((0..needed).step_by(3).map(|len| packet(1, &good[..len])));
    for bytes in &cases {
        before_login(pair.port(), bytes);
    }
    assert_eq!(bystander.value("SELECT name FROM users WHERE id = 1"), "Ada");
    pair.check_sound();
}

#[test]
fn a_client_that_says_nothing_is_closed() {
    let mut pair = Pair::mariadb_with("limits:\n  login_timeout_ms: 300\n");
    before_login(pair.port(), b"");
    // One byte now and then does not help.
    let mut drip = Raw::greeted(pair.port()).expect("a greeting");
    await_that("a login that drips is closed", || drip.bytes(b"\x20").is_err().then_some(()));
    pair.check_sound();
}

#[test]
fn nonsense_after_the_login_is_refused() {
    let mut pair = Pair::mariadb();
    let mut bystander = pair.app();
    let cases: [&[u8]; 14] = [
        &packet(0, b""),
        &packet(3, b"\x03SELECT 1"),
        // EXECUTE, SEND_LONG_DATA, FETCH, RESET, SET_OPTION, KILL, CHANGE_USER: all cut short.
        &packet(0, b"\x17"),
        &packet(0, b"\x17\x01\x00"),
        &packet(0, b"\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00"),
        &packet(0, b"\x1C\x01"),
        &packet(0, b"\x1A"),
        &packet(0, b"\x1B"),
        &packet(0, b"\x0C\x01"),
        &packet(0, b"\x11"),
        &packet(0, b"\x11app"),
        &packet(0, b"\x04"),
        &packet(0, b"\x16"),
        &packet(0, b"\xFE\xFE\xFE"),
    ];
    for bytes in cases {
        let mut raw = pair.app();
        raw.bytes(bytes).expect("the connection stands");
        raw.sequence = bytes[3].wrapping_add(1);
        match raw.packet() {
            // FIELD_LIST and CHANGE_USER may be answered by more than an ERR, never by OK.
            Ok(answer) => assert_ne!(answer[0], 0x00, "{bytes:?}: {answer:?}"),
            Err(_) => continue,
        }
    }
    // SEND_LONG_DATA and CLOSE have no answer, not even if they are cut.
    for bytes in [&b"\x18\x01"[..], b"\x19\x01", b"\x19\xFF\xFF\xFF\xFF", b"\x18\xFF\xFF\xFF\xFF\x00\x00data"] {
        let mut raw = pair.app();
        raw.command(bytes).expect("the connection stands");
        if let Ok(replies) = raw.try_query(b"SELECT 1") {
            assert!(matches!(&replies[..], [Reply::Rows(_) | Reply::Error(_)]), "{bytes:?}: {replies:?}");
        }
    }
    assert_eq!(bystander.value("SELECT name FROM users WHERE id = 1"), "Ada");
    pair.check_sound();
}

#[test]
fn a_truncated_execute_is_an_error() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let (id, _, _) = raw.prepare("SELECT name FROM customers WHERE id = ? AND name <> ?").expect("valid");
    // BIGINT 42 and VARCHAR 'abc', whole.
    let mut whole = [&[0x17][..], &id.to_le_bytes(), &[0], &1u32.to_le_bytes(), &[0, 1, 8, 0, 253, 0]].concat();
    whole.extend(42i64.to_le_bytes());
    whole.extend(b"\x03abc");
    for len in 1..whole.len() {
        let mut raw = pair.app();
        let (same, _, _) = raw.prepare("SELECT name FROM customers WHERE id = ? AND name <> ?").expect("valid");
        let mut cut = whole[..len].to_vec();
        if len >= 5 {
            cut[1..5].copy_from_slice(&same.to_le_bytes());
        }
        raw.command(&cut).expect("the connection stands");
        if let Ok(replies) = raw.replies(true) {
            // Behind the key it is the server's to judge.
            let judged = len >= 24 && matches!(&replies[..], [Reply::Rows(_)]);
            assert!(judged || matches!(&replies[..], [Reply::Error(_)]), "{len}: {replies:?}");
        }
    }
    // Unknown parameter types, and a length beyond the end.
    for tail in [
        &[0, 1, 99, 0, 253, 0, 1][..],
        &[0, 1, 8, 0, 253, 0, 42, 0, 0, 0, 0, 0, 0, 0, 0xFE, 255, 255, 255, 255, 255, 255, 255, 127],
    ] {
        let mut raw = pair.app();
        let (same, _, _) = raw.prepare("SELECT name FROM customers WHERE id = ? AND name <> ?").expect("valid");
        raw.command(&[&[0x17][..], &same.to_le_bytes(), &[0], &1u32.to_le_bytes(), tail].concat())
            .expect("the connection stands");
        if let Ok(replies) = raw.replies(true) {
            let judged = tail.len() > 14 && matches!(&replies[..], [Reply::Rows(_)]);
            assert!(judged || matches!(&replies[..], [Reply::Error(_)]), "{tail:?}: {replies:?}");
        }
    }
    raw.command(&whole).expect("the connection stands");
    assert!(matches!(&raw.replies(true).expect("an answer")[..], [Reply::Rows(rows)] if rows.rows.len() == 1));
    pair.check_sound();
}

#[test]
fn texts_that_are_not_utf8_or_do_not_end_are_the_servers_to_judge() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for text in [
        &b"SELECT 'no end"[..],
        b"SELECT \"no end",
        b"SELECT `no end",
        b"SELECT 1 /* no end",
        b"SELECT name FROM users WHERE name = 'x",
        b"\xFF\xFE\xFD",
        b"SELECT \xC3\x28 FROM users",
        b"SELECT 1 FROM users WHERE (((((",
        b"\0\0\0",
    ] {
        let replies = raw.query_bytes(text);
        assert!(
            matches!(&replies[..], [Reply::Error(e)] if [1054, 1064, 1065, 1235, 1300].contains(&e.code)),
            "{text:?}: {replies:?}"
        );
    }
    // Bytes that are no UTF-8, in a literal, pass as they are.
    let insert = b"INSERT INTO notes (text) VALUES (HEX(_binary'\xFF\xFE'))";
    assert!(matches!(&raw.query_bytes(insert)[..], [Reply::Ok(_)]));
    assert_eq!(raw.value("SELECT text FROM notes"), "FFFE");
    // Deep nesting.
    let deep = format!("SELECT {}1{}", "(".repeat(3000), ")".repeat(3000));
    let replies = raw.query(&deep);
    assert_eq!(replies.len(), 1);
    let sum = format!("SELECT {} FROM users WHERE id = 1", vec!["1"; 5000].join("+"));
    assert!(matches!(&raw.query(&sum)[..], [Reply::Rows(_) | Reply::Error(_)]));
    assert_eq!(raw.value("SELECT 1"), "1");
    pair.check_sound();
}

#[test]
fn two_commands_in_one_segment_are_answered_in_turn() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    for _ in 0..20 {
        let pair_of = [
            packet(0, b"\x03SELECT name FROM users WHERE id = 1"),
            packet(0, b"\x03SELECT total FROM orders WHERE id = 1"),
        ];
        raw.bytes(&pair_of.concat()).expect("the connection stands");
        for expected in ["Ada", "25.50"] {
            raw.sequence = 1;
            assert!(
                matches!(&raw.replies(false).expect("an answer")[..], [Reply::Rows(rows)] if rows.value() == expected)
            );
        }
    }
    // A command byte by byte.
    for byte in packet(0, b"\x03SELECT name FROM users WHERE id = 2") {
        raw.bytes(&[byte]).expect("the connection stands");
    }
    raw.sequence = 1;
    assert!(matches!(&raw.replies(false).expect("an answer")[..], [Reply::Rows(rows)] if rows.value() == "Grace"));
    pair.check_sound();
}

#[test]
fn memory_does_not_grow_with_clients_that_come_and_go() {
    let mut pair = Pair::mariadb();
    if pair.whole().port == pair.port() {
        return;
    }
    let visit = |pair: &Pair, rounds: usize| {
        for _ in 0..rounds {
            let mut raw = pair.app();
            raw.value("SELECT name FROM users WHERE id = 1");
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, pair.port())).expect("it listens");
            let _ = stream.write_all(b"\xFF\xFF\xFF\x01junk");
        }
    };
    visit(&pair, 200);
    let before = pair.proxy().memory_kib("VmRSS");
    visit(&pair, 1000);
    let after = pair.proxy().memory_kib("VmRSS");
    assert!(after < before + 8 * 1024, "{before} KiB, then {after} KiB");
    pair.check_sound();
}
