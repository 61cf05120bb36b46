//! Commands of a client: framing, parsing, query attributes, and every parameter of an EXECUTE.
//!
//! Holds: no panic; a payload that was framed is read back; no value lies outside of its payload.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian::wire::attributes::{self, Known};
use meridian::wire::command::{self, Command};
use meridian::wire::execute::Execute;
use meridian::wire::packet;

fuzz_target!(|input: (u32, u16, Vec<u8>, &[u8])| {
    let (capabilities, params, earlier_types, bytes) = input;
    if let Some(whole) = packet::whole(bytes) {
        assert!(whole.end <= bytes.len());
        assert_eq!(packet::payload(&bytes[..whole.end]).len(), whole.len);
    }
    let (mut framed, mut seq) = (Vec::new(), 0);
    packet::append(&mut framed, &mut seq, bytes);
    assert_eq!(packet::payload(&framed), bytes);

    if let Ok(query) = attributes::of_query(bytes, "name") {
        assert!(query.length < bytes.len());
    }
    let long = |index: usize| index % 7 == 6;
    if let Ok(bare) = attributes::of_execute(bytes, params, &earlier_types, long, &Known::default(), "name") {
        assert!(bare.payload.len() <= bytes.len());
        let execute = Execute::parse(&bare.payload, params).expect("without attributes it is one as any");
        assert_eq!(execute.values(execute.types.unwrap_or(&earlier_types), long).filter(|value| value.is_err()).count(), 0);
    }

    let Ok(Command::Execute(payload)) = command::parse(bytes, capabilities) else {
        return;
    };
    let Ok(execute) = Execute::parse(payload, params) else {
        return;
    };
    assert!(execute.types_at <= payload.len());
    let types = execute.types.unwrap_or(&earlier_types);
    let is_long = |index: usize| index % 7 == 6;
    for (index, value) in execute.values(types, is_long).enumerate().take(100) {
        // Not by equality: a NaN differs from itself.
        let single = execute.value(types, index, is_long);
        assert_eq!(format!("{value:?}"), format!("{single:?}"));
    }
});
