//! Queries inside of others: what a derived table, or a common table expression, has for rows.

use super::generate::{Column, Query, Values};
use super::model::Row;

pub(super) struct Inner {
    /// Each with what joins it to those before.
    pub(super) parts: Vec<(SetOperation, Part)>,
}

#[derive(Clone, Copy)]
pub(super) enum SetOperation {
    UnionAll,
    Union,
    Intersect,
    Except,
}

/// One SELECT of two columns, called `id` and `x`.
pub(super) struct Part {
    pub(super) query: Query,
    pub(super) key: Column,
    pub(super) x: Column,
    pub(super) selects: Selects,
}

#[derive(Clone, Copy)]
pub(super) enum Selects {
    Columns,
    /// Of one table, whose columns keep their names.
    Star,
    Distinct,
    /// By the key; x is the number of rows.
    Grouped,
    /// x is the number of the row, in the order of both.
    Numbered,
    /// The first rows in the order of both.
    Limited(usize),
}

impl Inner {
    pub(super) fn rows(&self, outer: &Row, shard: Option<u16>) -> Vec<Values> {
        let mut rows: Vec<Values> = Vec::new();
        for (operation, part) in &self.parts {
            let others = part.rows(outer, shard);
            match operation {
                SetOperation::UnionAll | SetOperation::Union => rows.extend(others),
                SetOperation::Intersect => rows.retain(|row| others.contains(row)),
                SetOperation::Except => rows.retain(|row| !others.contains(row)),
            }
            rows.sort_unstable();
            if !matches!(operation, SetOperation::UnionAll) {
                rows.dedup();
            }
        }
        rows
    }

    pub(super) fn print(&self, named: bool) -> String {
        let mut text = String::new();
        for (index, (operation, part)) in self.parts.iter().enumerate() {
            // It binds tighter than the others.
            if index > 1 && matches!(operation, SetOperation::Intersect) {
                text = format!("({text})");
            }
            if index > 0 {
                text.push_str(match operation {
                    SetOperation::UnionAll => " UNION ALL ",
                    SetOperation::Union => " UNION ",
                    SetOperation::Intersect => " INTERSECT ",
                    SetOperation::Except => " EXCEPT DISTINCT ",
                });
            }
            let part = part.print(named);
            let is_whole = self.parts.len() == 1 || !(part.starts_with("WITH") || part.contains("LIMIT"));
            text.push_str(&if is_whole { part } else { format!("({part})") });
        }
        text
    }
}

impl Part {
    fn rows(&self, outer: &Row, shard: Option<u16>) -> Vec<Values> {
        let all = self.query.rows(outer, shard);
        let mut rows: Vec<Values> = all.iter().map(|row| (self.key.value(row), self.x.value(row))).collect();
        rows.sort_unstable();
        let number = |index: usize| i64::try_from(index).expect("few rows");
        match self.selects {
            Selects::Columns | Selects::Star => rows,
            Selects::Distinct => {
                rows.dedup();
                rows
            }
            Selects::Grouped => {
                let groups = rows.chunk_by(|a, b| a.0 == b.0);
                groups.map(|group| (group[0].0, Some(number(group.len())))).collect()
            }
            Selects::Numbered => rows.iter().enumerate().map(|(index, row)| (row.0, Some(number(index + 1)))).collect(),
            Selects::Limited(count) => {
                rows.truncate(count);
                rows
            }
        }
    }

    fn print(&self, named: bool) -> String {
        let (key, x) = (self.key.print(), self.x.print());
        let columns = match named {
            true => format!("{key}, {x}"),
            false => format!("{key} AS id, {x} x"),
        };
        match self.selects {
            Selects::Columns => self.query.print_as(&columns, ""),
            Selects::Star => self.query.print_as("*", ""),
            Selects::Distinct => self.query.print_as(&format!("DISTINCT {columns}"), ""),
            Selects::Grouped => {
                self.query.print_as(&format!("{key} AS id, COUNT(*) AS x"), &format!(" GROUP BY {key}"))
            }
            Selects::Numbered => {
                let x = format!("ROW_NUMBER() OVER (ORDER BY {key}, {x})");
                self.query.print_as(&format!("{key} AS id, {x} AS x"), "")
            }
            Selects::Limited(count) => self.query.print_as(&columns, &format!(" ORDER BY {key}, {x} LIMIT {count}")),
        }
    }
}
