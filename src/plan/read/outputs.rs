//! What a select list passes on, and whether rows that a query reads can be left out for the values of one column.

use super::insert::OPTIONS;
use super::level::Part;
use super::reader::Reader;
use super::shape::Column;
use crate::plan::concat::AGGREGATES;

/// One item of a select list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A column by itself, under a name.
    Column {
        name: Box<str>,
        column: Column,
    },
    /// `*`, or `t.*`.
    Star(Option<Box<str>>),
    Other,
}

/// Words of a query whose answer for one row may depend on the others that it reads.
const DEPENDENT: &[&str] =
    &["OVER", "LIMIT", "FETCH", "OFFSET", "ROWNUM", "PROCEDURE", "INTO", "ROLLUP", "CUBE", "QUALIFY"];

/// What may follow the expressions of GROUP BY.
const BEHIND_GROUPS: &[&str] = &["HAVING", "ORDER", "WINDOW", "FOR", "LOCK"];

impl Reader {
    /// The items of the select list in these tokens.
    pub fn outputs(&self, (mut from, to): (usize, usize)) -> Vec<Output> {
        while from < to && self.is_any(from, OPTIONS) {
            from += 1;
        }
        self.comma_ranges(from, to).into_iter().map(|(from, to)| self.output(from, to)).collect()
    }

    fn output(&self, from: usize, to: usize) -> Output {
        if to > from && self.is_op(to - 1, "*") {
            return match to - from {
                1 => Output::Star(None),
                3 if self.is_op(from + 1, ".") => match self.name(from) {
                    Some(table) => Output::Star(Some(table.into())),
                    None => Output::Other,
                },
                // `d.t.*`: of a table that is not looked for; its columns count as unknown ones.
                _ => Output::Star(Some("".into())),
            };
        }
        if let Some(column) = self.column(from, to) {
            return Output::Column { name: column.name.clone(), column };
        }
        let alias = to.checked_sub(1).and_then(|last| self.name(last)).map(Box::from);
        let end = if to >= from + 2 && self.is_word(to - 2, "AS") { to - 2 } else { to.saturating_sub(1) };
        match (alias, self.column(from, end)) {
            (Some(name), Some(column)) => Output::Column { name, column },
            _ => Output::Other,
        }
    }

    /// Whether the SELECT answers, of rows that have one value of this column of its list (none: of a `*`), the same
    /// without all rows that have another.
    pub fn rows_are_independent(&self, part: &Part, column: Option<&Column>) -> bool {
        let (mut groups, mut groups_end, mut depth, mut gathers) = (None, part.end, 0usize, false);
        for at in part.list.0..part.end {
            if self.is_op(at, ":=") || self.is_any(at, DEPENDENT) {
                return false;
            }
            if self.is_op(at, "(") {
                depth += 1;
            } else if self.is_op(at, ")") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && self.is_word(at, "GROUP") && self.is_word(at + 1, "BY") {
                groups = Some(at + 2);
            } else if depth == 0 && groups.is_some() && groups_end == part.end && self.is_any(at, BEHIND_GROUPS) {
                groups_end = at;
            }
            gathers |= self.is_any(at, AGGREGATES) && self.is_op(at + 1, "(");
            gathers |= depth == 0 && self.is_word(at, "HAVING");
        }
        let Some(groups) = groups else {
            return !gathers;
        };
        let is_same = |(from, to)| self.column(from, to).is_some_and(|group| Some(&group) == column);
        self.comma_ranges(groups, groups_end).into_iter().any(is_same)
    }
}
