//! Folding: rows of VALUES that have one shape become one row, IN lists of one kind one literal.
//!
//! Invariants: only a row with at least one slot is folded, so the slots tell how many rows there were.
//! Markers of a folded row are upper case even if there is one row, and nothing inside a row is folded
//! a second time, so the slots of a row are its arity, evenly spaced. Only runs of neighbouring rows
//! are folded.

use super::classes::{in_word, is_space};
use super::fingerprint::{Prev, Scan};
use super::literal::{Number, number, string_end};
use super::scratch::{MARKER, Marker};
use super::{MarkerKind, Scratch, Slot, SlotKind};

/// The rows being read, and the run of equal ones that ends the normalized text.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Rows {
    inside: bool,
    /// Paren depth outside the rows.
    pub depth: u32,
    /// Where the current row begins in the normalized text.
    start: usize,
    first_slot: usize,
    first_marker: usize,
    /// Where the word ROW was last written.
    pub row_word: usize,
    run: Option<Run>,
}

/// Neighbouring rows of one shape; written once.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    end: usize,
    first_marker: usize,
    arity: usize,
    count: u32,
    /// The row is plain enough to match further rows against it byte by byte.
    simple: bool,
}

impl Rows {
    pub(super) fn inside(&self) -> bool {
        self.inside
    }

    /// A first row begins, at `start` of the normalized text.
    pub(super) fn begin(&mut self, depth: u32, start: usize, out: &Scratch) {
        self.depth = depth;
        self.run = None;
        self.next(start, out);
    }

    fn next(&mut self, start: usize, out: &Scratch) {
        self.inside = true;
        self.start = start;
        self.first_slot = out.slots.len();
        self.first_marker = out.markers.len();
    }

    /// Gives the markers of the run their slots.
    pub(super) fn seal(&mut self, out: &mut Scratch) {
        if let Some(run) = self.run.take() {
            for marker in &mut out.markers[run.first_marker..run.first_marker + run.arity] {
                marker.stride = run.arity as u32;
                marker.count = run.count;
            }
        }
    }

    /// Folds the row that was just written.
    fn fold(&mut self, out: &mut Scratch) {
        self.inside = false;
        let arity = out.slots.len() - self.first_slot;
        if let Some(run) = &mut self.run
            && out.normalized[run.start..run.end] == out.normalized[self.start..]
        {
            out.normalized.truncate(run.end);
            out.markers.truncate(run.first_marker + run.arity);
            run.count += 1;
            return;
        }
        self.seal(out);
        if arity > 0 {
            self.run = Some(Run {
                start: self.start,
                end: out.normalized.len(),
                first_marker: self.first_marker,
                arity,
                count: 1,
                simple: is_simple(&out.normalized[self.start..]),
            });
        }
    }
}

/// Whether a row consists of markers, `-` before them, words, parentheses and commas only.
fn is_simple(row: &[u8]) -> bool {
    let mut before = b',';
    let mut i = 0;
    while let Some(&byte) = row.get(i) {
        let after = row.get(i + 1).copied().unwrap_or_default();
        let good = match byte {
            MARKER => {
                let separated = matches!(row.get(i + 2), Some(b',' | b')'));
                let fits = matches!(before, b'(' | b',' | b'-') && separated;
                i += 1;
                fits
            }
            b'-' => matches!(before, b'(' | b',') && after == MARKER,
            b'(' | b')' | b',' => true,
            _ => byte < 0x80 && in_word(byte) && !byte.is_ascii_digit() && before != b')',
        };
        if !good {
            return false;
        }
        before = byte;
        i += 1;
    }
    true
}

impl Scan<'_> {
    /// Behind the `)` of a row: folds it and goes on with the rows that follow.
    pub(super) fn row_end(&mut self) {
        self.rows.fold(self.out);
        loop {
            let comma = self.skip_spaces(self.at);
            let next = self.skip_spaces(comma + 1);
            let rest = self.text.get(next..).unwrap_or_default();
            if self.text.get(comma) != Some(&b',') {
                break;
            }
            if rest.first() == Some(&b'(') {
                if self.matches_run(next) {
                    continue;
                }
                self.out.normalized.push(b',');
                self.rows.next(self.out.normalized.len(), self.out);
                self.at = next;
                self.enter();
                return;
            }
            if rest.len() > 3 && rest[..3].eq_ignore_ascii_case(b"row") {
                let open = self.skip_spaces(next + 3);
                if self.text.get(open) == Some(&b'(') {
                    self.out.normalized.push(b',');
                    self.rows.next(self.out.normalized.len(), self.out);
                    self.out.normalized.extend_from_slice(&rest[..3]);
                    if open > next + 3 {
                        self.out.normalized.push(b' ');
                    }
                    self.at = open;
                    self.enter();
                    return;
                }
            }
            break;
        }
        self.rows.seal(self.out);
    }

    /// Reads the row whose `(` is at `open` if it is as the run's; else changes nothing.
    fn matches_run(&mut self, open: usize) -> bool {
        let Some(run) = self.rows.run else {
            return false;
        };
        if !run.simple {
            return false;
        }
        let slots = self.out.slots.len();
        let params = self.params;
        match self.match_row(open, run) {
            Some(end) => {
                self.at = end;
                if let Some(run) = &mut self.rows.run {
                    run.count += 1;
                }
                true
            }
            None => {
                self.out.slots.truncate(slots);
                self.params = params;
                false
            }
        }
    }

    fn match_row(&mut self, open: usize, run: Run) -> Option<usize> {
        let mut at = open;
        let mut before = b',';
        let mut i = run.start;
        while i < run.end {
            let byte = self.out.normalized[i];
            match byte {
                MARKER => {
                    at = self.skip_spaces(at);
                    let kind = self.out.normalized[i + 1].to_ascii_lowercase();
                    at = self.literal(at, Some(kind))?.1;
                    i += 1;
                }
                _ => {
                    // Between a word and its parenthesis, and inside words, a space would matter.
                    if matches!(byte, b',' | b')') || matches!(before, b',' | b'(') {
                        at = self.skip_spaces(at);
                    }
                    if *self.text.get(at)? != byte {
                        return None;
                    }
                    at += 1;
                }
            }
            before = byte;
            i += 1;
        }
        Some(at)
    }

    /// Pushes the slot of the literal at `at`, if there is one of this kind (of any, if `None`).
    fn literal(&mut self, at: usize, wanted: Option<u8>) -> Option<(u8, usize)> {
        let byte = *self.text.get(at)?;
        let (kind, end) = if self.quotes_string(byte) {
            (SlotKind::String, string_end(self.text, at, self.dialect).ok()?)
        } else if byte.is_ascii_digit() || (byte == b'.' && self.text.get(at + 1)?.is_ascii_digit()) {
            match number(self.text, at).ok()? {
                Number::Literal(MarkerKind::Decimal, end) => (SlotKind::Decimal, end),
                Number::Literal(MarkerKind::Float, end) => (SlotKind::Float, end),
                Number::Literal(_, end) => (SlotKind::Integer, end),
                _ => return None,
            }
        } else if byte == b'?' {
            let index = u16::try_from(self.params).ok()?;
            self.params += 1;
            (SlotKind::Param(index), at + 1)
        } else {
            return None;
        };
        let letter = kind.marker().byte(false);
        if wanted.is_some_and(|wanted| wanted != letter) {
            return None;
        }
        self.out.slots.push(Slot { start: at as u32, end: end as u32, kind });
        Some((letter, end))
    }

    /// Folds `(literal, literal, ..)` at `at` if all are of one kind and only spaces stand between them.
    pub(super) fn in_list(&mut self) -> bool {
        let first = self.out.slots.len();
        let params = self.params;
        match self.match_list() {
            Some((letter, end)) => {
                let count = (self.out.slots.len() - first) as u32;
                self.out.markers.push(Marker { first: first as u32, stride: 1, count });
                self.out.normalized.extend_from_slice(&[b'(', MARKER, letter.to_ascii_uppercase(), b')']);
                self.at = end;
                self.prev = Prev::Close;
                true
            }
            None => {
                self.out.slots.truncate(first);
                self.params = params;
                false
            }
        }
    }

    fn match_list(&mut self) -> Option<(u8, usize)> {
        let mut at = self.at + 1;
        let mut kind = None;
        loop {
            at = self.skip_spaces(at);
            let (letter, end) = self.literal(at, kind)?;
            kind = Some(letter);
            at = end;
            if self.text.get(at).copied().is_some_and(is_space) {
                at = self.skip_spaces(at);
            }
            match self.text.get(at)? {
                b',' => at += 1,
                b')' => return Some((letter, at + 1)),
                _ => return None,
            }
        }
    }
}
