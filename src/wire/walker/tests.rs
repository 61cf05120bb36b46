//! Transcripts of replies, cut at every byte, and arbitrary bytes.
//!
//! Each transcript is fed whole, in all two-part splits, and byte by byte: the same bytes must be
//! forwarded in sum, and the same events found behind the same packets. In the expectations, the
//! number in front of an event is that of the packet which it is found at.

use super::*;
use crate::wire::packet;
use proptest::prelude::*;

/// A caller: keeps what isn't forwarded, and writes down what happened.
struct Feed {
    walker: ReplyWalker,
    held: Vec<u8>,
    out: Vec<u8>,
    events: Vec<(usize, Event)>,
}

impl Feed {
    fn new(walker: ReplyWalker) -> Self {
        Self { walker, held: Vec::new(), out: Vec::new(), events: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.held.extend_from_slice(bytes);
        loop {
            let Walked { forward, event, want } = self.walker.walk(&mut self.held)?;
            self.out.extend(self.held.drain(..forward));
            let Some(event) = event else {
                assert!(want > self.held.len(), "no progress is possible with {want} bytes");
                assert!(want <= TERMINATOR_MAX + HEADER_LEN, "unbounded: {want}");
                return Ok(());
            };
            if let Event::End(end) = event {
                let last = &self.out[self.out.len() - end.packet..];
                assert_eq!(packet::header(last).map(|h| h.len + HEADER_LEN), Some(end.packet));
            } else {
                self.walker.resume_after_infile();
            }
            self.events.push((count(&self.out), event));
            if self.held.is_empty() {
                return Ok(());
            }
        }
    }

    fn summary(&self) -> String {
        let one = |(at, event): &(usize, Event)| match event {
            Event::LocalInfile => format!("{at} infile"),
            Event::End(end) => {
                let kind = match end.kind {
                    EndKind::Ok => "ok".to_string(),
                    EndKind::Rows => format!("rows {}", end.rows),
                    EndKind::Err { code } => format!("err {code}"),
                };
                let status = if end.has_status { format!(" status {:#x}", end.status) } else { String::new() };
                let prepared = end.prepared.map(|p| format!(" prepared {}:{}:{}", p.id, p.params, p.columns));
                let more = if end.more { " more" } else { "" };
                format!("{at} {kind}{status}{}{more}", prepared.unwrap_or_default())
            }
        };
        self.events.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// The number of packets, which fill `bytes` exactly.
fn count(mut bytes: &[u8]) -> usize {
    let mut found = 0;
    while let Some(header) = packet::header(bytes) {
        bytes = &bytes[HEADER_LEN + header.len..];
        found += 1;
    }
    assert!(bytes.is_empty());
    found
}

/// Payloads as packets whose ids begin with 1.
fn packets(payloads: &[Vec<u8>]) -> Vec<u8> {
    let (mut out, mut seq) = (Vec::new(), 1);
    for payload in payloads {
        packet::append(&mut out, &mut seq, payload);
    }
    out
}

/// One line a payload: a name for the frequent ones, or hex digits.
fn payloads(script: &str) -> Vec<Vec<u8>> {
    let named = |word: &str| -> Vec<u8> {
        let hex = match word {
            "col" => "03646566000000016100 0c3f00010000000880000000 00",
            "eof" => "fe00000200",
            "eof-more" => "fe00000a00",
            "eof-cursor" => "fe00004200",
            "eof-last" => "fe00008200",
            "ok" => "00000002000000",
            "ok-7-9" => "000709020001 00",
            "ok-more" => "0000000a000000",
            "end" => "fe000002000000",
            "end-more" => "fe00000a000000",
            "end-cursor" => "fe000042000000",
            "end-tracked" => "fe000002400000 00 06 0104 03616263",
            "err" => "ff2804 233432303030 6261 64",
            "infile" => "fb2f746d702f78",
            "row" => "0131",
            "row-null" => "fb",
            "row-empty" => "00",
            "binrow" => "0000 01000000",
            other => other,
        };
        let digits: Vec<u8> = hex.bytes().filter(|b| *b != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
        digits.chunks(2).map(byte).collect()
    };
    script.split(',').map(|word| named(word.trim())).collect()
}

fn check(expect: Expect, deprecate_eof: bool, script: &str, expected: &str) {
    let bytes = packets(&payloads(script));
    let walker = ReplyWalker::new(expect, deprecate_eof);
    let run = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let mut feed = Feed::new(walker.clone());
        for part in parts {
            feed.push(part).unwrap_or_else(|error| panic!("{script}: {error}"));
        }
        assert_eq!(feed.out, bytes, "{script}: forwards");
        feed.summary()
    };
    assert_eq!(run(&mut [&bytes[..]].into_iter()), expected, "{script}");
    assert_eq!(run(&mut bytes.chunks(1)), expected, "{script}: byte by byte");
    for cut in 0..=bytes.len() {
        let (left, right) = bytes.split_at(cut);
        assert_eq!(run(&mut [left, right].into_iter()), expected, "{script}: cut at {cut}");
    }
}

#[test]
fn replies_of_the_old_form() {
    for (expect, script, expected) in [
        (Expect::Command, "ok", "1 ok status 0x2"),
        (Expect::Command, "err", "1 err 1064"),
        (Expect::Command, "01, col, eof, row, row-null, row-empty, eof", "7 rows 3 status 0x2"),
        (Expect::Command, "01, col, eof, eof", "4 rows 0 status 0x2"),
        (Expect::Command, "02, col, col, eof, row, err", "6 err 1064"),
        (Expect::Command, "01, err", "2 err 1064"),
        (
            Expect::Command,
            "01, col, eof, row, eof-more, ok-more, err",
            "5 rows 1 status 0xa more, 6 ok status 0xa more, 7 err 1064",
        ),
        (Expect::Command, "01, col, eof-cursor", "3 rows 0 status 0x42"),
        (Expect::Command, "infile, ok", "1 infile, 2 ok status 0x2"),
        (
            Expect::Command,
            "infile, ok-more, 01, col, eof, row, eof",
            "1 infile, 2 ok status 0xa more, 7 rows 1 status 0x2",
        ),
        (Expect::Command, "infile, err", "1 infile, 2 err 1064"),
        (Expect::Fetch, "binrow, binrow, eof-cursor", "3 rows 2 status 0x42"),
        (Expect::Fetch, "eof-last", "1 rows 0 status 0x82"),
        (Expect::Fetch, "err", "1 err 1064"),
        (Expect::FieldList, "col, col, eof", "3 rows 2 status 0x2"),
        (Expect::Prepare, "00 07000000 0000 0000 00 0000", "1 ok prepared 7:0:0"),
        (Expect::Prepare, "00 07000000 0100 0200 00 0000, col, col, eof, col, eof", "6 ok status 0x2 prepared 7:2:1"),
        (Expect::Prepare, "00 07000000 0200 0000 00 0000, col, col, eof", "4 ok status 0x2 prepared 7:0:2"),
        (Expect::Prepare, "err", "1 err 1064"),
        (Expect::OnePacket, "ok", "1 ok status 0x2"),
        (Expect::OnePacket, "eof", "1 ok status 0x2"),
        (Expect::OnePacket, "55707469 6d65", "1 ok"),
    ] {
        check(expect, false, script, expected);
    }
}

#[test]
fn replies_with_deprecate_eof() {
    for (expect, script, expected) in [
        (Expect::Command, "01, col, row, row, end", "5 rows 2 status 0x2"),
        (Expect::Command, "01, col, row, end-tracked", "4 rows 1 status 0x4002"),
        (Expect::Command, "01, col, end-cursor", "3 rows 0 status 0x42"),
        (Expect::Command, "01, col, row, end-more, 01, col, end", "4 rows 1 status 0xa more, 7 rows 0 status 0x2"),
        (Expect::OnePacket, "end", "1 ok status 0x2"),
        (Expect::FieldList, "col, end", "2 rows 1 status 0x2"),
        (Expect::Fetch, "binrow, end-cursor", "2 rows 1 status 0x42"),
        (Expect::Prepare, "00 07000000 0100 0200 00 0000, col, col, col", "4 ok prepared 7:2:1"),
        (Expect::Prepare, "00 07000000 0100 0000 00 0000, col", "2 ok prepared 7:0:1"),
        // A row whose first byte is 0xFE is none with this length: it would be an OK.
        (Expect::Command, "01, col, fe 01 00 0200 0000 00 00 00 00", "3 rows 0 status 0x2"),
    ] {
        check(expect, true, script, expected);
    }
}

#[test]
fn an_ok_tells_its_numbers() {
    let mut bytes = packets(&payloads("ok-7-9"));
    let walked = ReplyWalker::new(Expect::Command, true).walk(&mut bytes).expect("an OK");
    let Some(Event::End(end)) = walked.event else { panic!("{walked:?}") };
    assert_eq!((end.affected_rows, end.last_insert_id, end.warnings), (7, 9, 1));
    assert_eq!((walked.forward, end.packet), (11, 11));
}

/// A row of 16 MiB and more begins with 0xFE, as terminators do, and its continuations begin with
/// whatever, 0xFF included. Exact multiples end with an empty packet.
#[test]
fn rows_beyond_16_mib_stream() {
    let row = |value_len: usize| {
        let mut row = Vec::new();
        crate::wire::lenenc::write_string(&mut row, &vec![0xFF; value_len]);
        row
    };
    for (deprecate_eof, head, end) in [(false, "01, col, eof", "eof"), (true, "01, col", "end")] {
        // (length of the value, first byte of its row, packets of its row)
        for (value_len, first, row_packets) in [
            (PAYLOAD_MAX - 4, 0xFD, 2),
            (PAYLOAD_MAX, 0xFD, 2),
            (PAYLOAD_MAX + 1, 0xFE, 2),
            (PAYLOAD_MAX * 2 - 9, 0xFE, 3),
        ] {
            let large = row(value_len);
            assert_eq!(large[0], first);
            let script = [payloads(head), vec![large, row(5)], payloads(end)].concat();
            let bytes = packets(&script);
            let expected = format!("{} rows 2 status 0x2", script.len() - 1 + row_packets);
            for chunk in [bytes.len(), 16 * 1024, 1_000_003] {
                let mut feed = Feed::new(ReplyWalker::new(Expect::Command, deprecate_eof));
                for part in bytes.chunks(chunk) {
                    feed.push(part).expect("valid");
                    assert!(feed.held.len() <= WHOLE_MAX + HEADER_LEN, "rows aren't buffered");
                }
                assert!(feed.out == bytes);
                assert_eq!(feed.summary(), expected, "{value_len}");
            }
        }
    }
}

#[test]
fn large_rows_stream_and_small_ones_stay_whole() {
    let row = |len: usize| [vec![0xFD], vec![0; len - 1]].concat();
    let bytes = packets(&[payloads("01, col"), vec![row(WHOLE_MAX), row(WHOLE_MAX + 1)]].concat());
    let head = 5 + 27;
    let mut walker = ReplyWalker::new(Expect::Command, true);
    assert!(walker.nothing_forwarded());
    let mut held = bytes[..head + 4 + WHOLE_MAX - 1].to_vec();
    let walked = walker.walk(&mut held).expect("valid");
    assert_eq!((walked.forward, walked.want), (head, 4 + WHOLE_MAX));
    assert!(walker.between_packets() && !walker.nothing_forwarded());
    let mut held = bytes[head..head + 4 + WHOLE_MAX + 100].to_vec();
    let walked = walker.walk(&mut held).expect("valid");
    assert_eq!(walked.forward, held.len());
    assert!(!walker.between_packets());
    let mut held = bytes[head + 4 + WHOLE_MAX + 100..].to_vec();
    assert_eq!(walker.walk(&mut held).expect("valid").forward, held.len());
    assert!(walker.between_packets());
}

#[test]
fn sequence_ids_are_shifted_once_and_more_is_forced() {
    for (deprecate_eof, script) in [(false, "01, col, eof, row, row, eof"), (true, "01, col, row, row, end")] {
        let bytes = packets(&payloads(script));
        let packets = count(&bytes) as u8;
        for cut in 0..bytes.len() {
            let mut walker = ReplyWalker::new(Expect::Command, deprecate_eof);
            walker.set_sequence_shift(254);
            walker.force_more(true);
            assert_eq!(walker.last_sequence(), 254);
            let mut feed = Feed::new(walker);
            feed.push(&bytes[..cut]).expect("valid");
            feed.push(&bytes[cut..]).expect("valid");
            assert_eq!(feed.walker.last_sequence(), 254_u8.wrapping_add(packets));
            let mut rest = &feed.out[..];
            for index in 0..packets {
                let header = packet::header(rest).expect("a packet");
                assert_eq!(header.seq, 255_u8.wrapping_add(index));
                rest = &rest[HEADER_LEN + header.len..];
            }
            let (_, Event::End(end)) = feed.events[0] else { panic!("an end") };
            let last = &feed.out[feed.out.len() - end.packet..];
            assert_eq!(last[HEADER_LEN + 3], 0x0A, "the client sees MORE_RESULTS");
            assert!(!end.more && end.status == 2, "the caller sees the backend's status");
        }
    }
}

#[test]
fn our_statement_id_is_written_over_the_backends() {
    let bytes = packets(&payloads("00 07000000 0100 0000 00 0000, col"));
    for cut in 0..bytes.len() {
        let mut walker = ReplyWalker::new(Expect::Prepare, true);
        walker.patch_statement_id(0x0102_0304);
        let mut feed = Feed::new(walker);
        feed.push(&bytes[..cut]).expect("valid");
        feed.push(&bytes[cut..]).expect("valid");
        assert_eq!(feed.out[4..9], [0, 4, 3, 2, 1]);
        assert_eq!(feed.summary(), "2 ok prepared 7:0:1");
    }
}

#[test]
fn garbage_is_refused() {
    let refused = |expect, deprecate_eof, bytes: &[u8]| {
        let mut feed = Feed::new(ReplyWalker::new(expect, deprecate_eof));
        feed.push(bytes).expect_err("garbage").what
    };
    let script = |script: &str| packets(&payloads(script));
    let out_of_order = [script("01"), script("col")].concat();
    for (bytes, what) in [
        (out_of_order, "sequence id out of order"),
        (vec![0, 0, 0, 1], "empty packet in a reply"),
        (vec![1, 0, 0x20, 1, 0xFF], "a packet that isn't a row is over 1 MiB"),
        (script("ok, ok"), "bytes behind the end of a reply"),
        (script("fc0000"), "number of columns"),
        (script("0101"), "number of columns"),
        (script("fdffff01"), "number of columns"),
        (script("00"), "packet ends too early"),
        (script("ff01"), "packet ends too early"),
        (script("ffffff 01 01"), "progress report that was not asked for"),
        (script("fe 6d7973716c5f6e61 00"), "an EOF, or a switch of the login's method, instead of a reply"),
        (script("eof"), "an EOF, or a switch of the login's method, instead of a reply"),
        (script("01, col, col"), "EOF packet"),
    ] {
        assert_eq!(refused(Expect::Command, false, &bytes), what, "{bytes:x?}");
    }
    assert_eq!(refused(Expect::Prepare, false, &script("01")), "reply to PREPARE");
    assert_eq!(refused(Expect::Command, true, &[1, 0, 0x20, 1, 0xFE]), "a packet that isn't a row is over 1 MiB");
}

#[test]
fn a_reply_begins_with_the_id_that_is_expected() {
    let begun = |first: u8| {
        let mut walker = ReplyWalker::new(Expect::Command, true);
        walker.set_sequence_shift(3);
        walker.expect_sequence(first);
        walker.walk(&mut packets(&payloads("ok"))).map(|walked| walked.forward)
    };
    assert_eq!(begun(1), Ok(11));
    assert_eq!(begun(0).expect_err("out of order").what, "sequence id out of order");
    assert_eq!(begun(77).expect_err("out of order").what, "sequence id out of order");
}

/// Rows are found by header and first byte only: what is behind may be anything.
fn reply() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let word = prop::sample::select(vec![
        "01",
        "02",
        "col",
        "eof",
        "eof-more",
        "eof-cursor",
        "ok",
        "ok-more",
        "end",
        "end-more",
        "err",
        "infile",
        "row",
        "row-null",
        "row-empty",
        "binrow",
        "00 07000000 0100 0200 00 0000",
    ]);
    let payload = prop_oneof![
        8 => word.prop_map(|word| payloads(word).remove(0)),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(payload, 0..12)
}

fn any_expect() -> impl Strategy<Value = Expect> {
    prop::sample::select(vec![Expect::Command, Expect::Prepare, Expect::FieldList, Expect::Fetch, Expect::OnePacket])
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        expect in any_expect(),
        deprecate_eof: bool,
    ) {
        let mut feed = Feed::new(ReplyWalker::new(expect, deprecate_eof));
        let _ = feed.push(&bytes);
    }

    #[test]
    fn cuts_change_nothing(
        script in reply(),
        sizes in prop::collection::vec(1_usize..30, 1..20),
        expect in any_expect(),
        deprecate_eof: bool,
    ) {
        let bytes = packets(&script);
        let mut whole = Feed::new(ReplyWalker::new(expect, deprecate_eof));
        let mut cut = Feed::new(ReplyWalker::new(expect, deprecate_eof));
        let whole_result = whole.push(&bytes);
        let (mut rest, mut cut_result) = (&bytes[..], Ok(()));
        for size in sizes.iter().cycle() {
            if rest.is_empty() || cut_result.is_err() {
                break;
            }
            let (part, behind) = rest.split_at((*size).min(rest.len()));
            (rest, cut_result) = (behind, cut.push(part));
        }
        prop_assert_eq!(whole_result, cut_result);
        prop_assert_eq!(whole.summary(), cut.summary());
        if whole_result.is_ok() {
            prop_assert_eq!(&whole.out, &cut.out);
            prop_assert!(bytes.starts_with(&whole.out));
        }
    }
}
