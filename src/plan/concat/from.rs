//! The FROM of a concatenation: one split table, alone or joined with tables that follow it or are everywhere.
//!
//! A row of a table that follows counts only beside a row of the first split table that lives on its shard, and of a
//! table that is everywhere each shard has all rows. So a join distributes over the shards as long as no row is kept for
//! want of a match where it is not the first table's: every shard would keep it. So the first split table never stands on the
//! side of an outer join that is filled with NULL, the others only where they follow by their keys. Only chains are read,
//! where each LEFT and RIGHT JOIN has its condition at once.

use super::{End, JOINS, Read, Select};
use crate::plan::Tables;
use crate::sql::Token;

const KEEPS: &str = "an outer join that keeps all rows of a table that is everywhere";
pub(in crate::plan) const KEEPS_SPLIT: &str = "a RIGHT JOIN of split tables";

/// Where the split tables are, as far as FROM has been read.
struct Seen<'t> {
    tables: &'t Tables,
    split: usize,
    others: usize,
}

impl Select<'_> {
    /// Reads it; whether it has every table of the statement.
    pub(super) fn from(&mut self, tables: &Tables) -> Result<bool, String> {
        if let Some(has_all) = self.derived(tables)? {
            return Ok(has_all);
        }
        let is_alone = tables.copies.is_empty() && tables.keyed.len() <= 1;
        if is_alone || (tables.keyed.len() > 1 && !tables.scatters) {
            return self.table().map(|()| true);
        }
        let mut seen = Seen { tables, split: 0, others: 0 };
        self.reference(&mut seen)?;
        while let Some(join) = self.join() {
            let before = self.at;
            self.at += join.words;
            let split = seen.split;
            let had_split = split > 0;
            self.reference(&mut seen)?;
            let is_filled = match join.keeps {
                Keeps::None => false,
                Keeps::Left => !had_split && seen.split > 0,
                Keeps::Right => had_split,
            };
            if is_filled {
                self.at = before;
                return Err(if had_split && seen.split > split { KEEPS_SPLIT } else { KEEPS }.into());
            }
            let is_conditioned = self.condition()?;
            if !is_conditioned && join.keeps != Keeps::None && !join.natural {
                return Err("an outer join whose condition comes later".into());
            }
            // The conditions of inner joins that came without theirs.
            while self.condition()? {}
        }
        Ok(seen.split == tables.keyed.len() && seen.others == tables.copies.len())
    }

    fn reference(&mut self, seen: &mut Seen<'_>) -> Read {
        let start = self.at;
        self.table()?;
        let name = if self.is_punct(start + 1, b'.') { start + 2 } else { start };
        let is = |table: &str| match self.tokens.get(name).map(|lexeme| &lexeme.token) {
            Some(Token::Word(word)) => *word == table.as_bytes(),
            Some(Token::Quoted(word)) => **word == *table.as_bytes(),
            _ => false,
        };
        let split = seen.tables.keyed.iter().filter(|keyed| is(&keyed.table.name)).count();
        let others = seen.tables.copies.iter().filter(|copied| is(&copied.table.name)).count();
        match (split, others) {
            (1.., 0) => seen.split += 1,
            (0, 1..) => seen.others += 1,
            // Two databases with one name.
            _ => return Err("what could not be read".into()),
        }
        Ok(())
    }

    /// `FOR SYSTEM_TIME` of all versions, or at points that are literals: each server takes those for the same.
    pub(super) fn versions(&mut self) -> Read {
        if !self.is_word(self.at, "FOR") || !self.is_word(self.at + 1, "SYSTEM_TIME") {
            return Ok(());
        }
        let forms: [&[&str]; 4] = [&["ALL"], &["AS", "OF", ""], &["BETWEEN", "", "AND", ""], &["FROM", "", "TO", ""]];
        let is_literal = |at: usize| {
            matches!(self.tokens.get(at).map(|lexeme| &lexeme.token), Some(Token::Marker { .. } | Token::Structural(_)))
        };
        for form in forms {
            let mut at = self.at + 2;
            let matches = form.iter().all(|word| {
                at += usize::from(word.is_empty() && self.is_word(at, "TIMESTAMP"));
                at += 1;
                if word.is_empty() { is_literal(at - 1) } else { self.is_word(at - 1, word) }
            });
            // No operator goes on with the expression.
            if matches && (self.tokens.get(at).is_none() || self.word(at).is_some() || self.is_punct(at, b',')) {
                self.at = at;
                return Ok(());
            }
        }
        Err("FOR SYSTEM_TIME at a time that is no literal".into())
    }

    /// The words of the join that begins here.
    fn join(&self) -> Option<Join> {
        let inner = |words| Join { words, keeps: Keeps::None, natural: false };
        if self.is_punct(self.at, b',') || self.is_word(self.at, "STRAIGHT_JOIN") {
            return Some(inner(1));
        }
        let natural = self.is_word(self.at, "NATURAL");
        let mut words = usize::from(natural);
        let keeps = match [self.is_word(self.at + words, "LEFT"), self.is_word(self.at + words, "RIGHT")] {
            [true, _] => Keeps::Left,
            [_, true] => Keeps::Right,
            _ => Keeps::None,
        };
        if keeps != Keeps::None {
            words += 1 + usize::from(self.is_word(self.at + words + 1, "OUTER"));
        } else if self.is_word(self.at + words, "INNER") || self.is_word(self.at + words, "CROSS") {
            words += 1;
        }
        self.is_word(self.at + words, "JOIN").then_some(Join { words: words + 1, keeps, natural })
    }

    /// `ON expression` or `USING (columns)`; whether there is one.
    fn condition(&mut self) -> Result<bool, String> {
        if self.is_word(self.at, "ON") {
            self.at += 1;
            self.expression(End::On)?;
        } else if self.is_word(self.at, "USING") {
            self.at += 1;
            self.names()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether a condition of ON ends here, outside of parentheses.
    pub(super) fn ends_condition(&self) -> bool {
        let word = |word: &str| self.is_word(self.at, word) && !self.is_punct(self.at + 1, b'(');
        self.is_punct(self.at, b',') || ["JOIN", "ON", "USING", "WHERE"].iter().chain(&JOINS).any(|end| word(end))
    }
}

struct Join {
    /// How many they are.
    words: usize,
    keeps: Keeps,
    natural: bool,
}

/// The side of which a join keeps every row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    None,
    Left,
    Right,
}
