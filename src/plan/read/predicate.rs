//! Equalities among the conjuncts of a condition.
//!
//! No expression is parsed. A conjunct counts only if *all* of its tokens are `column = operand`, `operand = column` or
//! `column IN (operands)`, between AND and AND; so no precedence is guessed (`BINARY a = 'x'`, `id = 5 = 1`,
//! `NOT id = 5`, `id = 5 COLLATE c` do not count). One operator that binds looser than AND, anywhere
//! outside parentheses (OR, ||, XOR, :=), and the whole condition yields nothing.

use super::reader::{Reader, Tok};
use super::shape::Column;
use crate::plan::{KeySource, Operand};

/// Words that only a query has outside of parentheses: its conditions are none of the query around it.
const NO_CONDITION: &[&str] = &["SELECT", "FROM", "WHERE", "HAVING", "UNION", "WITH", "VALUES", "TABLE"];

impl Reader {
    /// Equalities of the condition in tokens `from..to`.
    pub fn equalities(&self, from: usize, to: usize) -> Vec<(Column, KeySource)> {
        let mut found = Vec::new();
        self.collect_equalities(from, to, &mut found);
        found
    }

    fn collect_equalities(&self, from: usize, to: usize, found: &mut Vec<(Column, KeySource)>) {
        let Some(conjuncts) = self.conjuncts(from, to) else {
            return;
        };
        for (from, to) in conjuncts {
            if let Some((inner_from, inner_to)) = self.parenthesized(from, to) {
                self.collect_equalities(inner_from, inner_to, found);
            } else if let Some(equality) = self.equality(from, to) {
                found.push(equality);
            }
        }
    }

    /// The token ranges between the ANDs of a condition, or `None` if something binds looser than AND.
    fn conjuncts(&self, from: usize, to: usize) -> Option<Vec<(usize, usize)>> {
        let mut ranges = Vec::new();
        let (mut start, mut depth, mut cases, mut betweens) = (from, 0usize, 0usize, 0usize);
        // END is no reserved word: a column may have that name, and then CASE cannot be told to have ended.
        let mut case_seen = false;
        for at in from..to {
            match self.tok(at) {
                Tok::Op(op) => match &**op {
                    "(" | "{" => depth += 1,
                    ")" | "}" => depth = depth.checked_sub(1)?,
                    "||" | ":=" | "," if depth == 0 => return None,
                    "&&" if depth == 0 && cases == 0 => {
                        ranges.push((start, at));
                        start = at + 1;
                    }
                    _ => {}
                },
                Tok::Word { upper, .. } if depth == 0 => match &**upper {
                    "OR" | "XOR" => return None,
                    "CASE" => {
                        cases += 1;
                        case_seen = true;
                    }
                    "END" if case_seen => cases = cases.checked_sub(1)?,
                    "BETWEEN" => betweens += 1,
                    "AND" if cases > 0 => {}
                    "AND" if betweens > 0 => betweens -= 1,
                    "AND" => {
                        ranges.push((start, at));
                        start = at + 1;
                    }
                    word if NO_CONDITION.contains(&word) => return None,
                    _ => {}
                },
                _ => {}
            }
        }
        if depth != 0 || cases != 0 || betweens != 0 {
            return None;
        }
        ranges.push((start, to));
        Some(ranges)
    }

    /// The inside of `( ... )` when the range is exactly one such group.
    pub fn parenthesized(&self, from: usize, to: usize) -> Option<(usize, usize)> {
        (to >= from + 2 && self.is_op(from, "(") && self.closing(from) == Some(to - 1)).then(|| (from + 1, to - 1))
    }

    fn equality(&self, from: usize, to: usize) -> Option<(Column, KeySource)> {
        let mut depth = 0usize;
        for at in from..to {
            match self.tok(at) {
                Tok::Op(op) if &**op == "(" => depth += 1,
                Tok::Op(op) if &**op == ")" => depth = depth.checked_sub(1)?,
                Tok::Op(op) if &**op == "=" && depth == 0 => {
                    let left_to_right = self.column(from, at).zip(self.operand(at + 1, to));
                    let (column, operand) =
                        left_to_right.or_else(|| self.column(at + 1, to).zip(self.operand(from, at)))?;
                    return Some((column, KeySource::Equal(operand)));
                }
                _ if depth == 0 && self.is_word(at, "IN") => {
                    let column = self.column(from, at)?;
                    let (inner_from, inner_to) = self.parenthesized(at + 1, to)?;
                    let operands = self
                        .comma_ranges(inner_from, inner_to)
                        .into_iter()
                        .map(|(from, to)| self.operand(from, to))
                        .collect::<Option<Vec<_>>>()?;
                    return Some((column, KeySource::In(operands)));
                }
                _ => {}
            }
        }
        None
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
