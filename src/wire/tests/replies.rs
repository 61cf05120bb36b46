//! OK, ERR, EOF and result sets: written, read back, rewritten.

use crate::wire::reply::{self, Change, Changes, ServerError};
use crate::wire::result_set::{Column, ColumnType, Decoded, TextResult, TextRows, decode_text};
use crate::wire::walker::{Event, Expect, ReplyWalker};
use crate::wire::{capability, packet, status};
use proptest::prelude::*;

const TRACK: u32 = capability::SESSION_TRACK;

#[test]
fn an_ok_is_read_back_with_and_without_session_track() {
    for track in [false, true] {
        for info in [&b""[..], b"Rows matched: 1"] {
            let payload = reply::ok(300, 70_000, status::AUTOCOMMIT | status::SESSION_STATE_CHANGED, 5, info);
            let caps = if track { TRACK } else { 0 };
            let ok = reply::parse_ok(&payload, caps).expect("ours");
            assert_eq!((ok.affected_rows, ok.last_insert_id, ok.status, ok.warnings), (300, 70_000, 2, 5));
            assert_eq!((ok.info, ok.changes), (info, Changes(&[])));
        }
    }
    let eof = reply::eof(0x22, 3);
    let eof = reply::parse_ok(&eof, TRACK).expect("ours");
    assert_eq!((eof.status, eof.warnings), (0x22, 3));
    for payload in [&b""[..], b"\0", b"\0\0\0\x02", b"\xFE\0\0\0", b"\x01\0\0\x02\0\0\0", b"\0\0\0\x02\0\0\0\x09x"] {
        assert!(reply::parse_ok(payload, TRACK).is_err(), "{payload:?}");
    }
}

/// As sent by MariaDB 10.11 for `USE w`, and two variables in one entry.
const USE_W: &[u8] = b"\0\0\0\x02\x40\0\0\0\x04\x01\x02\x01w";
const VARIABLES: &[u8] = b"\0\0\0\x02\x40\0\0\0\x11\0\x0F\x03foo\x03bar\x01a\x04utf8";

#[test]
fn session_changes_are_read() {
    let changes = |payload| -> Vec<Change<'static>> {
        let ok = reply::parse_ok(payload, TRACK).expect("well-formed");
        ok.changes.iter().map(|change| change.expect("well-formed")).collect()
    };
    assert_eq!(changes(USE_W), [Change::Schema(b"w")]);
    let variable = |name, value| Change::SystemVariable { name, value };
    assert_eq!(changes(VARIABLES), [variable(b"foo", b"bar"), variable(b"a", b"utf8")]);
    let others = Changes(b"\x02\x02\x011\x03\x05\0\x03g:1\x04\x02\x01c\x05\x09\x08T_______\x63\0");
    let others: Vec<_> = others.iter().map(|change| change.expect("well-formed")).collect();
    let expected = [
        Change::State,
        Change::Gtids(b"g:1"),
        Change::TransactionCharacteristics(b"c"),
        Change::TransactionState(b"T_______"),
        Change::Other(0x63),
    ];
    assert_eq!(others, expected);
    assert!(Changes(b"\x01\x09x").iter().collect::<Result<Vec<_>, _>>().is_err());
    assert_eq!(Changes(b"\x01\x09x").iter().count(), 1);
}

#[test]
fn clients_without_session_track_get_a_plain_ok() {
    let info = b"\0\x01\0\x02\x40\0\0\x05hello\x04\x01\x02\x01w";
    for (payload, expected) in [
        (USE_W, &b"\0\0\0\x02\0\0\0"[..]),
        (VARIABLES, b"\0\0\0\x02\0\0\0"),
        (info, b"\0\x01\0\x02\0\0\0\x05hello"),
        (b"\xFE\0\0\x02\x40\0\0\0\x04\x01\x02\x01w", b"\xFE\0\0\x02\0\0\0"),
        (b"\xFE\0\0\x02\0\x01\0", b"\xFE\0\0\x02\0\x01\0"),
        (b"\xFE\x01\0\x02\x40", b"\xFE\x01\0\x02\0"),
        (b"\xFF\x28\x04#42000no", b"\xFF\x28\x04#42000no"),
        (b"", b""),
    ] {
        assert_eq!(reply::without_session_track(payload), expected, "{payload:x?}");
    }
}

#[test]
fn errors_are_read_back() {
    let error = ServerError { code: 1235, sqlstate: *b"42000", message: b"Meridian: no".to_vec() };
    assert_eq!(reply::parse_err(&reply::err(1235, b"42000", "Meridian: no")), Ok(error.clone()));
    assert_eq!(error.to_string(), "1235 (42000): Meridian: no");
    let early = reply::parse_err(&reply::err_before_handshake(1040, "Too many connections")).expect("ours");
    assert_eq!((early.code, &early.sqlstate, early.message), (1040, b"HY000", b"Too many connections".to_vec()));
    for payload in [&b""[..], b"\xFF", b"\xFF\x01", b"\0\0\0"] {
        assert!(reply::parse_err(payload).is_err());
    }
    assert_eq!(reply::parse_err(b"\xFF\x01\x02#4200").map(|e| e.message), Ok(b"#4200".to_vec()));
}

/// Our result sets, read by our own decoder and passed by our own walker.
#[test]
fn result_sets_are_read_back() {
    let mut result = TextResult::new(vec![Column::text("Tables_in_shop", 64), Column::integer("n")]);
    let long = vec![b'x'; 300];
    result.row(&[Some(b"orders"), Some(b"1")]).row(&[None, Some(b"")]).row(&[Some(&long)]);
    for deprecate_eof in [false, true] {
        let (mut bytes, mut seq) = (Vec::new(), 1);
        result.encode(&mut bytes, &mut seq, deprecate_eof, status::AUTOCOMMIT, 9);
        let decoded = decode_text(&bytes, deprecate_eof).expect("ours");
        let expected = TextRows {
            columns: vec![b"Tables_in_shop".to_vec(), b"n".to_vec()],
            types: vec![ColumnType::VAR_STRING, ColumnType::LONGLONG],
            unsigned: vec![false, false],
            rows: vec![
                vec![Some(b"orders".to_vec()), Some(b"1".to_vec())],
                vec![None, Some(Vec::new())],
                vec![Some(long.clone()), None],
            ],
            status: 2,
            warnings: 9,
        };
        assert_eq!(decoded, Decoded::Rows(expected));
        for cut in 0..bytes.len() {
            assert!(decode_text(&bytes[..cut], deprecate_eof).is_err(), "cut at {cut}");
        }
        let walked = ReplyWalker::new(Expect::Command, deprecate_eof).walk(&mut bytes.clone()).expect("ours");
        let Some(Event::End(end)) = walked.event else { panic!("{walked:?}") };
        assert_eq!((walked.forward, end.rows, end.warnings), (bytes.len(), 3, 9));
        assert_eq!(seq, if deprecate_eof { 8 } else { 9 });
    }
}

#[test]
fn other_replies_are_decoded() {
    let one = |payload: &[u8]| {
        let (mut bytes, mut seq) = (Vec::new(), 1);
        packet::append(&mut bytes, &mut seq, payload);
        decode_text(&bytes, true)
    };
    let ok = Decoded::Ok { affected_rows: 1, last_insert_id: 0, status: 2, warnings: 0 };
    assert_eq!(one(&reply::ok(1, 0, 2, 0, b"")), Ok(ok));
    let Ok(Decoded::Err(error)) = one(&reply::err(1064, b"42000", "bad")) else { panic!("an error") };
    assert_eq!(error.code, 1064);
    assert!(one(b"\xFB/etc/passwd").is_err(), "we never asked for a file");
    assert!(one(b"").is_err());
    assert!(one(b"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF").is_err(), "a count that is only claimed");
}

proptest! {
    #[test]
    fn arbitrary_replies_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), capabilities: u32, deprecate_eof: bool) {
        for bytes in [&bytes[..], &[&[0], &bytes[..]].concat(), &[&[0xFE], &bytes[..]].concat()] {
            if let Ok(ok) = reply::parse_ok(bytes, capabilities) {
                prop_assert!(ok.changes.iter().count() <= bytes.len());
            }
            let _ = reply::parse_err(bytes);
            prop_assert!(reply::without_session_track(bytes).len() <= bytes.len());
            let _ = decode_text(bytes, deprecate_eof);
        }
    }
}
