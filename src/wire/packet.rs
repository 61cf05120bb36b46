//! Framing: three bytes of length, one of sequence, then the payload.
//!
//! A payload of 16 MiB - 1 or more is split; a packet of exactly [`PAYLOAD_MAX`] bytes always has
//! a successor, which may be empty (MySQL source documentation, "Sending More Than 16Mb").

use std::borrow::Cow;

/// Bytes of a packet header.
pub const HEADER_LEN: usize = 4;

/// Largest payload of one packet; a packet of this size is continued in the next.
pub const PAYLOAD_MAX: usize = 0xFF_FFFF;

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of payload behind the header.
    pub len: usize,
    /// Sequence id: 0 begins a command, then one more (wrapping) for each packet of either side.
    pub seq: u8,
}

/// Reads a header; `None` while fewer than [`HEADER_LEN`] bytes are there.
#[inline]
pub fn header(bytes: &[u8]) -> Option<Header> {
    let bytes = bytes.first_chunk::<HEADER_LEN>()?;
    Some(Header { len: u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize, seq: bytes[3] })
}

/// Appends `payload` as one or more packets; `seq` is the first id and becomes the next free one.
pub fn append(out: &mut Vec<u8>, seq: &mut u8, payload: &[u8]) {
    let mut rest = payload;
    loop {
        let (part, behind) = rest.split_at(rest.len().min(PAYLOAD_MAX));
        let length = (part.len() as u32).to_le_bytes();
        out.extend_from_slice(&[length[0], length[1], length[2], *seq]);
        out.extend_from_slice(part);
        *seq = seq.wrapping_add(1);
        if part.len() < PAYLOAD_MAX {
            return;
        }
        rest = behind;
    }
}

/// A payload with all its continuations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// Bytes of all its packets, headers included.
    pub end: usize,
    /// Number of packets.
    pub packets: usize,
    /// Sequence id of the first packet.
    pub first_seq: u8,
    /// Bytes of payload.
    pub len: usize,
    /// Whether the sequence ids of its packets follow each other.
    pub in_order: bool,
}

/// Measures the payload at the beginning of `bytes`; `None` while it isn't complete.
pub fn whole(bytes: &[u8]) -> Option<Whole> {
    let mut at = 0;
    let mut found: Option<Whole> = None;
    loop {
        let header = header(bytes.get(at..)?)?;
        at += HEADER_LEN + header.len;
        let whole = found.get_or_insert(Whole { end: 0, packets: 0, first_seq: header.seq, len: 0, in_order: true });
        whole.in_order &= header.seq == whole.first_seq.wrapping_add(whole.packets as u8);
        whole.packets += 1;
        whole.len += header.len;
        whole.end = at;
        if header.len < PAYLOAD_MAX {
            return if at <= bytes.len() { found } else { None };
        }
    }
}

/// The payload of packets that [`whole`] measured (`bytes[..end]`): borrowed unless it was split.
pub fn payload(bytes: &[u8]) -> Cow<'_, [u8]> {
    match header(bytes) {
        Some(first) if first.len < PAYLOAD_MAX => {
            Cow::Borrowed(bytes.get(HEADER_LEN..HEADER_LEN + first.len).unwrap_or_default())
        }
        _ => {
            let mut joined = Vec::with_capacity(bytes.len());
            let mut rest = bytes;
            while let Some(header) = header(rest) {
                let end = (HEADER_LEN + header.len).min(rest.len());
                joined.extend_from_slice(&rest[HEADER_LEN..end]);
                rest = &rest[end..];
            }
            Cow::Owned(joined)
        }
    }
}
