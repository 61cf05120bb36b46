//! One comparison of a column: all of its tokens are understood, or none.

use super::condition::all;
use super::reader::{Reader, Tok};
use super::shape::Test;
use crate::plan::Comparison;

impl Reader {
    /// The comparison that is all of `from..to`, or its negation.
    pub fn comparison(&self, from: usize, to: usize, negated: bool) -> Test {
        self.comparison_of(from, to, negated).unwrap_or(Test::Unknown)
    }

    fn comparison_of(&self, from: usize, to: usize, negated: bool) -> Option<Test> {
        let mut depth = 0usize;
        for at in from..to {
            match self.tok(at) {
                Tok::Op(op) => match &**op {
                    "(" | "{" => depth += 1,
                    ")" | "}" => depth = depth.checked_sub(1)?,
                    op if depth == 0 => {
                        if let Some(comparison) = operator(op, negated) {
                            return self.sides((from, at), comparison, (at + 1, to));
                        }
                        if matches!(op, "=" | "<=>" | "<>" | "!=") {
                            return None;
                        }
                    }
                    _ => {}
                },
                Tok::Word { upper, .. } if depth == 0 => {
                    let not = at > from && self.is_word(at - 1, "NOT");
                    let left = (from, if not { at - 1 } else { at });
                    match &**upper {
                        "IN" => return if not == negated { self.list(left, (at + 1, to)) } else { None },
                        "BETWEEN" => return self.between(left, (at + 1, to), not != negated),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn sides(&self, left: (usize, usize), comparison: Comparison, right: (usize, usize)) -> Option<Test> {
        let sides = |column: (usize, usize), operand: (usize, usize)| {
            self.column(column.0, column.1).zip(self.operand(operand.0, operand.1))
        };
        if let Some((column, operand)) = sides(left, right) {
            return Some(Test::Compare(column, comparison, operand));
        }
        if let Some((column, operand)) = sides(right, left) {
            return Some(Test::Compare(column, comparison.mirrored(), operand));
        }
        if comparison == Comparison::Equal
            && let (Some(left), Some(right)) = (self.column(left.0, left.1), self.column(right.0, right.1))
        {
            return Some(Test::Same(left, right));
        }
        let (left, right) = (self.row(left)?, self.row(right)?);
        match comparison {
            Comparison::Equal => self.rows_equal(&left, &[right]),
            comparison => self.rows_ordered(&left, comparison, &right),
        }
    }

    /// `column IN (operands)`, `(columns) IN ((operands), ...)`.
    fn list(&self, left: (usize, usize), right: (usize, usize)) -> Option<Test> {
        let (from, to) = self.parenthesized(right.0, right.1)?;
        let members = self.comma_ranges(from, to);
        if let Some(column) = self.column(left.0, left.1) {
            let operands = members.into_iter().map(|(from, to)| self.operand(from, to)).collect::<Option<Vec<_>>>()?;
            return Some(Test::In(column, operands));
        }
        let left = self.row(left)?;
        let rows = members.into_iter().map(|range| self.row(range)).collect::<Option<Vec<_>>>()?;
        self.rows_equal(&left, &rows)
    }

    /// `column BETWEEN operand AND operand`; `right` is what stands behind BETWEEN.
    fn between(&self, left: (usize, usize), right: (usize, usize), outside: bool) -> Option<Test> {
        let column = self.column(left.0, left.1)?;
        let and = (right.0..right.1).find(|&at| self.is_word(at, "AND"))?;
        let (low, high) = (self.operand(right.0, and)?, self.operand(and + 1, right.1)?);
        Some(Test::Between { column, low, high, outside })
    }

    /// The components of `(a, b)` or `ROW(a, b)`.
    fn row(&self, (from, to): (usize, usize)) -> Option<Vec<(usize, usize)>> {
        let from = if self.is_word(from, "ROW") { from + 1 } else { from };
        let (from, to) = self.parenthesized(from, to)?;
        let components = self.comma_ranges(from, to);
        (components.len() > 1).then_some(components)
    }

    /// `left` equals one of `rows`, component by component: each column is in the list of what it is compared with.
    fn rows_equal(&self, left: &[(usize, usize)], rows: &[Vec<(usize, usize)>]) -> Option<Test> {
        if rows.iter().any(|row| row.len() != left.len()) {
            return None;
        }
        let column_in = |index: usize, (from, to): (usize, usize)| {
            if let [row] = rows
                && let (Some(left), Some(right)) = (self.column(from, to), self.column(row[index].0, row[index].1))
                && self.operand(row[index].0, row[index].1).is_none()
            {
                return Some(Test::Same(left, right));
            }
            let column = self.column(from, to)?;
            let operands = rows.iter().map(|row| self.operand(row[index].0, row[index].1)).collect::<Option<Vec<_>>>();
            operands.map(|operands| Test::In(column, operands))
        };
        let mut tests: Vec<Test> =
            left.iter().enumerate().filter_map(|(index, range)| column_in(index, *range)).collect();
        if rows.len() > 1 {
            tests.extend(self.pairs(left, rows));
        }
        Some(all(tests))
    }

    /// The same of those columns together that are compared with operands.
    fn pairs(&self, left: &[(usize, usize)], rows: &[Vec<(usize, usize)>]) -> Option<Test> {
        let operands = |index: usize| {
            let operands = rows.iter().map(|row| self.operand(row[index].0, row[index].1));
            operands.collect::<Option<Vec<_>>>()
        };
        let known = left.iter().enumerate();
        let known = known.filter_map(|(index, (from, to))| Some((self.column(*from, *to)?, operands(index)?)));
        let (columns, operands): (Vec<_>, Vec<_>) = known.unzip();
        if columns.len() < 2 {
            return None;
        }
        let row = |row: usize| operands.iter().map(|column| column[row]).collect();
        Some(Test::Rows(columns, (0..rows.len()).map(row).collect()))
    }

    /// `(a, b) < (1, 2)`: then `a` is no more than 1.
    fn rows_ordered(&self, left: &[(usize, usize)], comparison: Comparison, right: &[(usize, usize)]) -> Option<Test> {
        let comparison = match comparison {
            Comparison::Below | Comparison::AtMost => Comparison::AtMost,
            Comparison::Above | Comparison::AtLeast => Comparison::AtLeast,
            Comparison::Equal | Comparison::NullSafe => return None,
        };
        let (first, other) = (left.first()?, right.first()?);
        let operand = self.operand(other.0, other.1)?;
        (left.len() == right.len()).then_some(Test::Compare(self.column(first.0, first.1)?, comparison, operand))
    }
}

/// The comparison that holds where `left op right` does, or where it is false if `negated`.
fn operator(op: &str, negated: bool) -> Option<Comparison> {
    Some(match (op, negated) {
        ("=", false) | ("<>" | "!=", true) => Comparison::Equal,
        ("<=>", false) => Comparison::NullSafe,
        ("<", false) | (">=", true) => Comparison::Below,
        ("<=", false) | (">", true) => Comparison::AtMost,
        (">", false) | ("<=", true) => Comparison::Above,
        (">=", false) | ("<", true) => Comparison::AtLeast,
        _ => return None,
    })
}
