//! Length-encoded integers and strings, and the cursor that all parsers of this room read with.
//!
//! Invariant: a [`Reader`] never moves past its end and never allocates; a claimed length is only
//! ever compared with what is there.

use super::Malformed;

/// Appends a length-encoded integer.
pub fn write_int(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    match value {
        0..=250 => out.push(bytes[0]),
        251..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            out.extend_from_slice(&bytes[..3]);
        }
        _ => {
            out.push(0xFE);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Appends a length-encoded string.
pub fn write_string(out: &mut Vec<u8>, value: &[u8]) {
    write_int(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a string and a NUL. A NUL inside would end it early for the reader, so it is cut there.
pub fn write_nul(out: &mut Vec<u8>, value: &[u8]) {
    let end = memchr::memchr(0, value).unwrap_or(value.len());
    out.extend_from_slice(&value[..end]);
    out.push(0);
}

/// A cursor over one payload.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The next byte, not consumed.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Exactly `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(len).ok_or(TRUNCATED)?;
        let part = self.bytes.get(self.at..end).ok_or(TRUNCATED)?;
        self.at = end;
        Ok(part)
    }

    /// Exactly `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N)?.first_chunk().copied().ok_or(TRUNCATED)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// A fixed integer of two bytes.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// A fixed integer of three bytes.
    pub fn u24(&mut self) -> Result<u32, Malformed> {
        let bytes = self.array::<3>()?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]))
    }

    /// A fixed integer of four bytes.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A fixed integer of eight bytes.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A length-encoded integer; 0xFB (NULL) and 0xFF are malformed here.
    pub fn lenenc(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            small @ 0..=0xFA => Ok(u64::from(small)),
            0xFC => Ok(u64::from(self.u16()?)),
            0xFD => Ok(u64::from(self.u24()?)),
            0xFE => self.u64(),
            _ => Err(Malformed::new("length-encoded integer")),
        }
    }

    /// A length-encoded string.
    pub fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.lenenc()?;
        self.bytes(usize::try_from(len).map_err(|_| TRUNCATED)?)
    }

    /// A length-encoded string, or 0xFB for NULL (a text row's value).
    pub fn nullable_string(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        if self.peek() == Some(0xFB) {
            self.at += 1;
            return Ok(None);
        }
        self.string().map(Some)
    }

    /// A string up to a NUL, which is consumed.
    pub fn nul(&mut self) -> Result<&'a [u8], Malformed> {
        let rest = &self.bytes[self.at..];
        let end = memchr::memchr(0, rest).ok_or(Malformed::new("string without its NUL"))?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    /// A string up to a NUL or to the end: what several clients send as the last field.
    pub fn nul_or_rest(&mut self) -> &'a [u8] {
        match self.nul() {
            Ok(found) => found,
            Err(_) => self.rest(),
        }
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }
}

const TRUNCATED: Malformed = Malformed::new("packet ends too early");
