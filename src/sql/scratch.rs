//! What a scan leaves behind: the normalized text, its hash, and where the literals stand.
//!
//! A session keeps one [`Scratch`] and reuses it; when its buffers have grown, a scan allocates nothing.
//!
//! The normalized text is a self-describing token sequence (read it with [`super::tokens`]):
//! - `0x01 kind`: a marker, the place of one literal, or of many if folded (see [`MarkerKind::byte`]);
//! - `0x02 len:u32le bytes`: a structural string whose raw text depends on the dialect;
//! - everything else is plain: words as written, identifiers always in backquotes, punctuation.
//!
//! Invariants: slots stand in the order of the text, do not overlap, and lie inside it. The n-th marker
//! of the normalized text is `markers[n]`. Slots of a folded marker are `stride` apart.

use std::hash::{BuildHasher, Hasher};

/// Begins a marker in the normalized text.
pub(super) const MARKER: u8 = 1;
/// Begins a structural string of given length in the normalized text.
pub(super) const STRUCTURAL: u8 = 2;

/// A literal of the client's text that the plan does not depend on. `start..end` are bytes of the text,
/// quotes included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    pub start: u32,
    pub end: u32,
    pub kind: SlotKind,
}

impl Slot {
    /// The literal as written.
    pub fn text(self, statement: &[u8]) -> &[u8] {
        &statement[self.start as usize..self.end as usize]
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotKind {
    /// Digits, at most 18446744073709551615; signs are punctuation outside the slot.
    Integer,
    /// `1.5`, `.5`, `1.`, or an integer above 18446744073709551615.
    Decimal,
    /// With an exponent.
    Float,
    /// `'..'`, or `".."` without ANSI_QUOTES; escapes not undone.
    String,
    /// The string of `DATE'..'`.
    Date,
    /// The string of `TIMESTAMP'..'`.
    Timestamp,
    /// `?`, counted from 0.
    Param(u16),
}

/// The kind of a marker: a [`SlotKind`] without the number of a parameter, and without what the word in front of a string
/// says already.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MarkerKind {
    Integer,
    Decimal,
    Float,
    String,
    Param,
}

impl MarkerKind {
    /// The byte behind 0x01: a letter, upper case if folded.
    pub fn byte(self, folded: bool) -> u8 {
        let letter = match self {
            MarkerKind::Integer => b'i',
            MarkerKind::Decimal => b'd',
            MarkerKind::Float => b'f',
            MarkerKind::String => b's',
            MarkerKind::Param => b'p',
        };
        if folded { letter.to_ascii_uppercase() } else { letter }
    }

    /// The reverse of [`MarkerKind::byte`]: kind and folded.
    pub fn from_byte(byte: u8) -> Option<(MarkerKind, bool)> {
        let kind = match byte.to_ascii_lowercase() {
            b'i' => MarkerKind::Integer,
            b'd' => MarkerKind::Decimal,
            b'f' => MarkerKind::Float,
            b's' => MarkerKind::String,
            b'p' => MarkerKind::Param,
            _ => return None,
        };
        Some((kind, byte.is_ascii_uppercase()))
    }
}

impl SlotKind {
    pub fn marker(self) -> MarkerKind {
        match self {
            SlotKind::Integer => MarkerKind::Integer,
            SlotKind::Decimal => MarkerKind::Decimal,
            SlotKind::Float => MarkerKind::Float,
            SlotKind::String | SlotKind::Date | SlotKind::Timestamp => MarkerKind::String,
            SlotKind::Param(_) => MarkerKind::Param,
        }
    }
}

/// The n-th marker of a normalized text, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NormSlot(pub u32);

/// The slots of one marker: `first`, `first + stride`, ... `count` times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    pub first: u32,
    pub stride: u32,
    pub count: u32,
}

/// The buffers and the result of a scan.
#[derive(Default, Debug, Clone)]
pub struct Scratch {
    pub(super) normalized: Vec<u8>,
    pub(super) slots: Vec<Slot>,
    pub(super) markers: Vec<Marker>,
    /// The first two comments that are hints, as bytes of the text.
    pub(super) hints: Vec<(u32, u32)>,
    pub(super) hash: u64,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch::default()
    }

    /// The normalized text of the last scan; empty for an empty statement or after an error.
    pub fn normalized(&self) -> &[u8] {
        &self.normalized
    }

    /// A hash of [`Scratch::normalized`], equal across processes of one build. Not collision-proof: compare the text on a hit.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The literals at marker `n`, in the order of the text; none if there is no such marker.
    pub fn slots(&self, n: NormSlot) -> Slots<'_> {
        let marker = self.markers.get(n.0 as usize);
        let (slots, stride, left) = match marker {
            Some(m) => (&self.slots[m.first as usize..], m.stride.max(1), m.count),
            None => (&[][..], 1, 0),
        };
        Slots { slots, stride: stride as usize, left: left as usize }
    }

    /// Every slot of the statement, in the order of the text.
    pub fn all_slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether a comment of the statement is a hint; see [`super::hinted_shard`].
    pub fn has_hint(&self) -> bool {
        !self.hints.is_empty()
    }

    /// Whether a hint begins before this byte of the text.
    pub fn has_hint_before(&self, offset: usize) -> bool {
        self.hints.first().is_some_and(|(start, _)| (*start as usize) < offset)
    }

    /// How many markers the normalized text has.
    pub fn marker_count(&self) -> usize {
        self.markers.len()
    }

    /// Bytes held by the buffers.
    pub fn capacity_bytes(&self) -> usize {
        self.normalized.capacity()
            + self.slots.capacity() * size_of::<Slot>()
            + self.markers.capacity() * size_of::<Marker>()
    }

    /// Gives memory back if the buffers hold more than `bytes_max`; for a session that goes idle.
    pub fn release(&mut self, bytes_max: usize) {
        if self.capacity_bytes() > bytes_max {
            *self = Scratch::default();
        }
    }

    pub(super) fn clear(&mut self) {
        self.normalized.clear();
        self.slots.clear();
        self.markers.clear();
        self.hints.clear();
        self.hash = 0;
    }

    /// Writes the first `len` bytes of `text`, with a space before them if they are to stand `apart`. Words are short: a copy
    /// of fixed size, of which too much is taken back, is cheaper than one of the right size.
    #[inline]
    pub(super) fn push_word(&mut self, text: &[u8], len: usize, apart: bool) {
        const SHORT: usize = size_of::<u128>();
        match text.first_chunk::<SHORT>() {
            Some(chunk) if len < SHORT => {
                let word = u128::from_le_bytes(*chunk);
                let (word, len) = if apart { (word << 8 | u128::from(b' '), len + 1) } else { (word, len) };
                let end = self.normalized.len() + len;
                self.normalized.extend_from_slice(&word.to_le_bytes());
                self.normalized.truncate(end);
            }
            _ => {
                if apart {
                    self.normalized.push(b' ');
                }
                self.normalized.extend_from_slice(&text[..len]);
            }
        }
    }

    pub(super) fn seal(&mut self) {
        let mut hasher = foldhash::quality::FixedState::with_seed(0x4D65_7269).build_hasher();
        hasher.write(&self.normalized);
        self.hash = hasher.finish();
    }
}

/// The slots of one marker.
#[derive(Clone, Debug)]
pub struct Slots<'a> {
    slots: &'a [Slot],
    stride: usize,
    left: usize,
}

impl Iterator for Slots<'_> {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        self.left = self.left.checked_sub(1)?;
        let slot = *self.slots.first()?;
        self.slots = self.slots.get(self.stride..).unwrap_or_default();
        Some(slot)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Slots<'_> {}
