//! Literals of the hot path: which become markers with a slot, and which stay in the text as structure.
//!
//! Invariant: a marker is written if and only if a slot is pushed. A literal next to which another one
//! changes its meaning (adjacent strings, introducers) is structure.

use super::fingerprint::{Prev, Scan};
use super::literal::{Number, number, string_end, word_end};
use super::scratch::{MARKER, Marker};
use super::{LexError, LexFault, MarkerKind, Slot, SlotKind};

impl Scan<'_> {
    pub(super) fn param(&mut self) -> Result<(), LexError> {
        let index = u16::try_from(self.params).map_err(|_| LexError::new(self.at, LexFault::TooManyParameters))?;
        self.params += 1;
        self.mark(self.at + 1, SlotKind::Param(index));
        self.prev = Prev::Literal;
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<(), LexError> {
        match number(self.text, self.at)? {
            Number::Literal(kind, end) => {
                if self.is_structure() {
                    self.write_structural(end);
                    self.prev = if self.prev == Prev::Limit { Prev::LimitNumber } else { Prev::Structural };
                } else {
                    let kind = match kind {
                        MarkerKind::Decimal => SlotKind::Decimal,
                        MarkerKind::Float => SlotKind::Float,
                        _ => SlotKind::Integer,
                    };
                    self.mark(end, kind);
                    self.prev = Prev::Literal;
                }
            }
            Number::Bits(end) => {
                self.write_structural(end);
                self.prev = Prev::Structural;
            }
            Number::Word => {
                let end = word_end(self.text, self.at, self.dialect.charset)?;
                self.write_word(end);
                self.prev = Prev::Word;
            }
        }
        Ok(())
    }

    /// Whether a number at this place is part of the structure.
    fn is_structure(&self) -> bool {
        match self.prev {
            Prev::Limit | Prev::Interval | Prev::By => true,
            Prev::Comma => self.depth >= 64 || self.positions & (1 << self.depth) != 0,
            _ => false,
        }
    }

    pub(super) fn string(&mut self) -> Result<(), LexError> {
        let end = string_end(self.text, self.at, self.dialect)?;
        match self.prev {
            Prev::Text => {
                self.unmark();
                self.write_string(end);
                self.prev = Prev::Structural;
            }
            Prev::As | Prev::Introducer | Prev::Interval | Prev::Structural => {
                self.write_string(end);
                self.prev = Prev::Structural;
            }
            prev => {
                let kind = match prev {
                    Prev::Date => SlotKind::Date,
                    Prev::Timestamp => SlotKind::Timestamp,
                    _ => SlotKind::String,
                };
                self.mark(end, kind);
                self.prev = Prev::Text;
            }
        }
        Ok(())
    }

    /// Turns the slot before into structure: adjacent strings are one literal.
    fn unmark(&mut self) {
        let (Some(slot), Some(_)) = (self.out.slots.pop(), self.out.markers.pop()) else {
            return;
        };
        let length = self.out.normalized.len() - 2;
        self.out.normalized.truncate(length);
        let next = std::mem::replace(&mut self.at, slot.start as usize);
        self.write_string(slot.end as usize);
        self.at = next;
    }

    /// Writes a marker for the literal `at..end`.
    fn mark(&mut self, end: usize, kind: SlotKind) {
        let first = self.out.slots.len() as u32;
        self.out.slots.push(Slot { start: self.at as u32, end: end as u32, kind });
        self.out.markers.push(Marker { first, stride: 1, count: 1 });
        let folded = self.rows.inside();
        self.out.normalized.extend_from_slice(&[MARKER, kind.marker().byte(folded)]);
        self.at = end;
    }
}
