//! A backend's replies: the walker fed whole and in pieces finds the same, and the parsers behind it
//! take whatever it lets through.

#![no_main]

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use meridian::wire::walker::{Event, Expect, ReplyWalker, TERMINATOR_MAX};
use meridian::wire::{Malformed, packet, reply, result_set};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    expect: u8,
    deprecate_eof: bool,
    /// Renumber the packets, so that most inputs get further than the second one.
    in_order: bool,
    shift: u8,
    force_more: bool,
    cuts: Vec<u8>,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let mut bytes = input.bytes.to_vec();
    if input.in_order {
        renumber(&mut bytes);
    }
    let whole = feed(&input, &mut std::iter::once(&bytes[..]));
    let mut rest = &bytes[..];
    let mut cuts = input.cuts.iter().cycle();
    let mut pieces = std::iter::from_fn(|| {
        let size = cuts
            .next()
            .map_or(1, |cut| usize::from(*cut) + 1)
            .min(rest.len());
        let (piece, behind) = rest.split_at(size);
        rest = behind;
        (size > 0).then_some(piece)
    });
    let cut = feed(&input, &mut pieces);
    assert_eq!(whole.1, cut.1);
    assert_eq!(whole.2, cut.2);
    if whole.2.is_ok() {
        assert_eq!(whole.0, cut.0);
    }
    let _ = result_set::decode_text(&bytes, input.deprecate_eof);
});

fn feed(
    input: &Input<'_>,
    pieces: &mut dyn Iterator<Item = &[u8]>,
) -> (Vec<u8>, Vec<Event>, Result<(), Malformed>) {
    let expects = [
        Expect::Command,
        Expect::Prepare,
        Expect::FieldList,
        Expect::Fetch,
        Expect::OnePacket,
    ];
    let mut walker = ReplyWalker::new(expects[usize::from(input.expect) % 5], input.deprecate_eof);
    walker.set_sequence_shift(input.shift);
    walker.force_more(input.force_more);
    let (mut held, mut out, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            let walked = match walker.walk(&mut held) {
                Ok(walked) => walked,
                Err(malformed) => return (out, events, Err(malformed)),
            };
            assert!(walked.want <= TERMINATOR_MAX + packet::HEADER_LEN);
            out.extend(held.drain(..walked.forward));
            let Some(event) = walked.event else {
                assert!(walked.want > held.len(), "no progress is possible");
                break;
            };
            if let Event::End(end) = event {
                let payload = &out[out.len() - end.packet + packet::HEADER_LEN..];
                let _ = (
                    reply::parse_ok(payload, u32::MAX),
                    reply::parse_err(payload),
                );
                if let Ok(ok) = reply::parse_ok(payload, u32::MAX) {
                    assert!(ok.changes.iter().count() <= payload.len());
                }
                let plain = reply::without_session_track(payload);
                assert!(plain.len() <= payload.len());
            } else {
                walker.resume_after_infile();
            }
            events.push(event);
            if held.is_empty() {
                break;
            }
        }
    }
    (out, events, Ok(()))
}

fn renumber(bytes: &mut [u8]) {
    let (mut at, mut seq) = (0, 1_u8);
    while let Some(header) = bytes.get(at..).and_then(packet::header) {
        bytes[at + 3] = seq;
        seq = seq.wrapping_add(1);
        at += packet::HEADER_LEN + header.len;
    }
}
