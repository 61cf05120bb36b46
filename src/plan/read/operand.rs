//! Columns and literals, where they are a whole range of tokens.

use super::reader::{Reader, Tok};
use super::shape::Column;
use crate::plan::Operand;

impl Reader {
    /// The inside of `( ... )` when the range is exactly one such group.
    pub fn parenthesized(&self, from: usize, to: usize) -> Option<(usize, usize)> {
        (to >= from + 2 && self.is_op(from, "(") && self.closing(from) == Some(to - 1)).then(|| (from + 1, to - 1))
    }

    /// `c`, `t.c`, `d.t.c`, if that is the whole range.
    pub fn column(&self, from: usize, to: usize) -> Option<Column> {
        if let Some((from, to)) = self.parenthesized(from, to) {
            return self.column(from, to);
        }
        let name = |at: usize| self.name(at).map(Box::from);
        match to.checked_sub(from)? {
            1 => Some(Column { database: None, table: None, name: name(from)? }),
            3 if self.is_op(from + 1, ".") => {
                Some(Column { database: None, table: Some(name(from)?), name: name(from + 2)? })
            }
            5 if self.is_op(from + 1, ".") && self.is_op(from + 3, ".") => {
                Some(Column { database: Some(name(from)?), table: Some(name(from + 2)?), name: name(from + 4)? })
            }
            _ => None,
        }
    }

    /// A literal, if that is the whole range: a slot with at most one sign, `DATE'..'`, NULL, TRUE or FALSE.
    pub fn operand(&self, from: usize, to: usize) -> Option<Operand> {
        if let Some((from, to)) = self.parenthesized(from, to) {
            return self.operand(from, to);
        }
        match (to.checked_sub(from)?, self.tok(from)) {
            (1, Tok::Marker(slot)) => Some(Operand::Slot { slot: *slot, negated: false }),
            (1, Tok::Word { upper, .. }) => match &**upper {
                "NULL" => Some(Operand::Null),
                "TRUE" => Some(Operand::Bool(true)),
                "FALSE" => Some(Operand::Bool(false)),
                _ => None,
            },
            (2, Tok::Word { upper, .. }) => match (&**upper, self.tok(from + 1)) {
                ("DATE" | "TIMESTAMP", Tok::Marker(slot)) => Some(Operand::Slot { slot: *slot, negated: false }),
                _ => None,
            },
            (2, Tok::Op(sign)) => match (&**sign, self.tok(from + 1)) {
                ("-", Tok::Marker(slot)) => Some(Operand::Slot { slot: *slot, negated: true }),
                ("+", Tok::Marker(slot)) => Some(Operand::Slot { slot: *slot, negated: false }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Like [`Reader::operand`] for a value that is stored: never `None`.
    pub fn stored(&self, from: usize, to: usize) -> Operand {
        if from >= to {
            return Operand::Missing;
        }
        if to == from + 1 && self.is_word(from, "DEFAULT") {
            return Operand::Default;
        }
        let value = self.operand(from, to).or_else(|| self.clock(from, to));
        value.unwrap_or(Operand::Expression)
    }

    /// The ranges between the commas of `from..to` that stand outside parentheses.
    pub fn comma_ranges(&self, from: usize, to: usize) -> Vec<(usize, usize)> {
        if from >= to {
            return Vec::new();
        }
        let (mut ranges, mut start, mut depth) = (Vec::new(), from, 0usize);
        for at in from..to {
            if self.is_op(at, "(") {
                depth += 1;
            } else if self.is_op(at, ")") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && self.is_op(at, ",") {
                ranges.push((start, at));
                start = at + 1;
            }
        }
        ranges.push((start, to));
        ranges
    }
}
