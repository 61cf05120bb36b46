//! Tables and round trips of the room's packets; the walker's and the logins' tests are beside them.

mod connection;
mod replies;

use super::command::{self, Command};
use super::execute::{DateTime, Duration, Execute, Param, classes};
use super::lenenc::{self, Reader};
use super::{capability, packet};
use proptest::prelude::*;

#[test]
fn payloads_are_split_and_joined() {
    let max = packet::PAYLOAD_MAX;
    for (len, packets) in [(0, 1), (1, 1), (max - 1, 1), (max, 2), (max + 1, 2), (2 * max, 3)] {
        let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let (mut out, mut seq) = (Vec::new(), 254);
        packet::append(&mut out, &mut seq, &payload);
        assert_eq!(seq, 254_u8.wrapping_add(packets));
        assert_eq!(out.len(), len + usize::from(packets) * packet::HEADER_LEN);
        let whole = packet::whole(&out).expect("all is there");
        assert_eq!((whole.end, whole.len, whole.packets), (out.len(), len, usize::from(packets)));
        assert!(whole.in_order && whole.first_seq == 254);
        assert!(*packet::payload(&out) == payload);
        for cut in [0, 3, 4, out.len() / 2, out.len() - 1] {
            if cut < out.len() {
                assert_eq!(packet::whole(&out[..cut]), None, "{len} cut at {cut}");
            }
        }
        out[3] = 7;
        assert_eq!(packet::whole(&out).map(|w| w.in_order), Some(packets == 1));
    }
}

#[test]
fn lenenc_integers_take_the_shortest_form() {
    for (value, len) in
        [(0, 1), (250, 1), (251, 3), (0xFFFF, 3), (0x1_0000, 4), (0xFF_FFFF, 4), (0x100_0000, 9), (u64::MAX, 9)]
    {
        let mut out = Vec::new();
        lenenc::write_int(&mut out, value);
        assert_eq!(out.len(), len, "{value}");
        assert_eq!(Reader::new(&out).lenenc(), Ok(value));
        for cut in 0..out.len() {
            assert!(Reader::new(&out[..cut]).lenenc().is_err());
        }
    }
    for bad in [0xFB, 0xFF] {
        assert!(Reader::new(&[bad, 0, 0, 0, 0, 0, 0, 0, 0]).lenenc().is_err());
    }
    let claims_more = [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1];
    assert!(Reader::new(&claims_more).string().is_err());
}

#[test]
fn commands_are_told_apart() {
    let caps = capability::OFFERED;
    for (payload, expected) in [
        (&b"\x01"[..], Command::Quit),
        (b"\x02shop", Command::InitDb(b"shop")),
        (b"\x03SELECT '\xE9'", Command::Query(b"SELECT '\xE9'")),
        (b"\x03", Command::Query(b"")),
        (b"\x04t\0%", Command::FieldList { table: b"t", wildcard: b"%" }),
        (b"\x04t\0", Command::FieldList { table: b"t", wildcard: b"" }),
        (b"\x04t", Command::FieldList { table: b"t", wildcard: b"" }),
        (b"\x09", Command::Statistics),
        (b"\x0C\x01\x02\0\0", Command::ProcessKill(0x201)),
        (b"\x0E", Command::Ping),
        (b"\x1F", Command::ResetConnection),
        (b"\x1B\x01\0", Command::SetOption(command::OPTION_MULTI_STATEMENTS_OFF)),
        (b"\x16DO ?", Command::Prepare(b"DO ?")),
        (b"\x17\x01\0\0\0\0\x01\0\0\0", Command::Execute(b"\x17\x01\0\0\0\0\x01\0\0\0")),
        (b"\x18\x01\0\0\0\x02\0xyz", Command::SendLongData { statement: 1, param: 2, data: b"xyz" }),
        (b"\x1A\x01\0\0\0", Command::StmtReset(1)),
        (b"\x19\x01\0\0\0", Command::StmtClose(1)),
        (b"\x1C\x01\0\0\0\x05\0\0\0", Command::StmtFetch { statement: 1, rows: 5 }),
        (b"\x12binlog dump", Command::Other(0x12)),
        (b"\xFF", Command::Other(0xFF)),
    ] {
        assert_eq!(command::parse(payload, caps), Ok(expected), "{payload:?}");
    }
    let truncated: [&[u8]; 8] = [
        b"",
        b"\x0C\x01",
        b"\x1B\x01",
        b"\x17\x01\0\0\0\0\x01",
        b"\x18\x01\0\0\0",
        b"\x1A",
        b"\x19\0",
        b"\x1C\x01\0\0\0",
    ];
    for payload in truncated {
        assert!(command::parse(payload, caps).is_err(), "{payload:?}");
    }
}

/// Head of an EXECUTE of statement 7, then the bitmap and what follows.
fn execute(rest: &[u8]) -> Vec<u8> {
    [b"\x17\x07\0\0\0\0\x01\0\0\0", rest].concat()
}

#[test]
fn parameters_of_every_type() {
    let date = |year, month, day| DateTime { year, month, day, ..DateTime::default() };
    let at_noon = DateTime { hour: 12, ..date(2026, 11, 23) };
    // (type, flag, bytes, value)
    let table: &[(u8, u8, &[u8], Param<'_>)] = &[
        (1, 0, b"\xFF", Param::Signed(-1)),
        (1, 0x80, b"\xFF", Param::Unsigned(255)),
        (2, 0, b"\xFE\xFF", Param::Signed(-2)),
        (3, 0, b"\xFD\xFF\xFF\xFF", Param::Signed(-3)),
        (8, 0, b"\xFC\xFF\xFF\xFF\xFF\xFF\xFF\xFF", Param::Signed(-4)),
        (8, 0x80, b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", Param::Unsigned(u64::MAX)),
        (4, 0, b"\0\0\xC0\x3F", Param::Float(1.5)),
        (5, 0, b"\0\0\0\0\0\0\xF8\x3F", Param::Float(1.5)),
        (253, 0, b"\x02ab", Param::Text(b"ab")),
        (246, 0, b"\x031.5", Param::Decimal(b"1.5")),
        (245, 0, b"\x02{}", Param::Opaque(b"{}")),
        (252, 0, b"\xFC\x01\0x", Param::Text(b"x")),
        (10, 0, b"\x04\xEA\x07\x0B\x17", Param::Date(DateTime { date_only: true, ..date(2026, 11, 23) })),
        (12, 0, b"\x07\xEA\x07\x0B\x17\x0C\0\0", Param::Date(at_noon)),
        (7, 0, b"\x0B\xEA\x07\x0B\x17\x0C\0\0\x01\0\0\0", Param::Date(DateTime { micros: 1, ..at_noon })),
        (12, 0, b"\0", Param::Date(DateTime::default())),
        (11, 0, b"\0", Param::Time(Duration::default())),
        (
            11,
            0,
            b"\x0C\x01\x02\0\0\0\x03\x04\x05\x06\0\0\0",
            Param::Time(Duration { negative: true, days: 2, hours: 3, minutes: 4, seconds: 5, micros: 6 }),
        ),
    ];
    // All in one payload, each followed by a NULL and by a long one.
    let params = table.len() * 3;
    let mut bitmap = vec![0_u8; params.div_ceil(8)];
    let (mut types, mut values) = (Vec::new(), Vec::new());
    for (index, (kind, flag, bytes, _)) in table.iter().enumerate() {
        let null = index * 3 + 1;
        bitmap[null / 8] |= 1 << (null % 8);
        types.extend_from_slice(&[*kind, *flag, 6, 0, 252, 0]);
        values.extend_from_slice(bytes);
    }
    let is_long = |index: usize| index % 3 == 2;
    let payload = execute(&[&bitmap[..], &[1], &types, &values].concat());
    let parsed = Execute::parse(&payload, params as u16).expect("well-formed");
    assert_eq!((parsed.statement_id, parsed.bound, parsed.types), (7, true, Some(&types[..])));
    let all: Vec<_> = parsed.values(&types, is_long).map(|value| value.expect("well-formed")).collect();
    for (index, (.., value)) in table.iter().enumerate() {
        assert_eq!(all[index * 3], *value);
        assert_eq!(parsed.value(&types, index * 3, is_long), Ok(*value));
        assert_eq!((all[index * 3 + 1], all[index * 3 + 2]), (Param::Null, Param::Long));
    }
    assert!(parsed.value(&types, params, is_long).is_err());

    // The same without types: they go in where `types_at` says.
    let again = execute(&[&bitmap[..], &[0], &values].concat());
    let unbound = Execute::parse(&again, params as u16).expect("well-formed");
    assert_eq!((unbound.bound, unbound.types), (false, None));
    assert!(unbound.values(&types, is_long).eq(parsed.values(&types, is_long)));
    let mut rebuilt = again.clone();
    rebuilt[unbound.types_at - 1] = 1;
    rebuilt.splice(unbound.types_at..unbound.types_at, types.iter().copied());
    assert!(rebuilt == payload);

    // Cut anywhere, it is malformed, or its values are.
    for cut in 0..payload.len() {
        let whole = Execute::parse(&payload[..cut], params as u16)
            .is_ok_and(|cut| cut.values(&types, is_long).all(|value| value.is_ok()));
        assert!(!whole, "cut at {cut}");
    }
}

#[test]
fn types_that_servers_read_in_two_ways_are_no_values_nor_is_what_follows() {
    for (kind, bytes) in [(6, &b""[..]), (9, b"\x2A\0\0\0"), (13, b"\xEA\x07"), (14, b"\0")] {
        let types = [1, 0, kind, 0, 1, 0];
        let payload = execute(&[b"\0\x01", &types[..], b"\x05", bytes, b"\x07"].concat());
        let parsed = Execute::parse(&payload, 3).expect("well-formed");
        let value = |index| parsed.value(&types, index, |_| false);
        assert_eq!(value(0), Ok(Param::Signed(5)));
        assert!(value(1).is_err() && value(2).is_err(), "{kind}");
    }
}

#[test]
fn parameters_are_apart_by_what_a_server_takes_them_for() {
    let of = |kinds: &[u8]| classes(&kinds.iter().flat_map(|kind| [*kind, 0]).collect::<Vec<u8>>());
    assert_eq!((of(&[]), of(&[1, 2, 3, 6, 8])), (0, 0));
    assert_eq!(of(&[0xFD, 12]), of(&[0xFC, 7]));
    let all = [3, 5, 0xFD, 0xF6, 10, 12, 11, 0xF5];
    let mut seen: Vec<u64> = all.iter().flat_map(|one| all.map(|two| of(&[*one, two]))).collect();
    // However many are behind it.
    seen.extend(all[1..].iter().map(|one| of(&[&[*one][..], &[3; 200]].concat())));
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn an_execute_without_parameters_has_nothing_behind_its_head() {
    let payload = execute(b"");
    let parsed = Execute::parse(&payload, 0).expect("well-formed");
    assert_eq!(parsed.values(&[], |_| false).count(), 0);
    assert!(Execute::parse(&payload, 1).is_err(), "truncated");
    assert!(Execute::parse(&execute(b"\0\x02"), 1).is_err(), "neither bound nor not");
    for bad in [[6, 0], [14, 0], [0x7F, 0]] {
        let payload = execute(&[&[0, 1][..], &bad, &[0; 16]].concat());
        let parsed = Execute::parse(&payload, 1).expect("the head is well-formed");
        assert!(parsed.value(&bad, 0, |_| false).is_err(), "type {}", bad[0]);
    }
}

proptest! {
    #[test]
    fn arbitrary_commands_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        capabilities: u32,
        params in 0_u16..20,
    ) {
        let _ = command::parse(&bytes, capabilities);
        let _ = packet::whole(&bytes);
        let _ = packet::payload(&bytes);
        for payload in [bytes.clone(), execute(&bytes)] {
            if let Ok(parsed) = Execute::parse(&payload, params) {
                let types = parsed.types.unwrap_or(&bytes);
                let _ = parsed.values(types, |index| index == 3).count();
            }
        }
    }
}
