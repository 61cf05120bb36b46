//! Derived tables and common table expressions that are all that a FROM has: the rows of a plain SELECT, of which each shard
//! makes its own.

use super::{JOINS, Select};
use crate::plan::Tables;
use crate::sql::Token;

/// A common table expression: its name, and the places of SELECT and of the parenthesis behind its query.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    name: Vec<u8>,
    select: usize,
    end: usize,
}

impl Select<'_> {
    /// `WITH name [(columns)] AS (query), ...`, if it is here: the queries are read where they are named.
    pub(super) fn with(&mut self) -> Result<(), String> {
        if !self.is_word(self.at, "WITH") {
            return Ok(());
        }
        if self.is_word(self.at + 1, "RECURSIVE") {
            return Err("WITH RECURSIVE".into());
        }
        loop {
            self.at += 1;
            let Some(name) = self.name_at(self.at).map(<[u8]>::to_vec) else {
                return Err("WITH".into());
            };
            self.at += 1;
            if self.is_punct(self.at, b'(') {
                self.names()?;
            }
            if !self.is_word(self.at, "AS") || !self.is_punct(self.at + 1, b'(') {
                return Err("WITH".into());
            }
            let select = self.at + 2;
            let end = self.closing(self.at + 1).ok_or("WITH")?;
            self.expressions.push(Expression { name, select, end });
            self.at = end + 1;
            if !self.is_punct(self.at, b',') {
                return Ok(());
            }
        }
    }

    /// A derived table, or a common table expression, that no other table stands beside; whether it has every table of the
    /// statement.
    pub(super) fn derived(&mut self, tables: &Tables) -> Result<Option<bool>, String> {
        let named = self.name_at(self.at).filter(|_| !self.is_punct(self.at + 1, b'.'));
        let place = self.expressions.iter().rposition(|known| Some(&*known.name) == named);
        let (has_all, behind) = match place {
            Some(place) => {
                let (known, behind) = (self.expressions[place].clone(), self.at + 1);
                // Its query sees those before it.
                let later = self.expressions.split_off(place);
                self.at = known.select;
                let has_all = self.query(tables, known.end)?;
                self.expressions.extend(later);
                (has_all, behind)
            }
            None if self.is_punct(self.at, b'(') && self.is_word(self.at + 1, "SELECT") => {
                let end = self.closing(self.at).ok_or("what could not be read")?;
                if self.is_joined(end) {
                    return Ok(None);
                }
                self.at += 1;
                (self.query(tables, end)?, end + 1)
            }
            None => return Ok(None),
        };
        self.at = behind;
        self.versions()?;
        if self.is_word(self.at, "AS") {
            self.at += 1;
            self.name()?;
        } else if self.begins_alias() {
            self.at += 1;
        }
        if self.is_punct(self.at, b'(') {
            self.names()?;
        }
        Ok(Some(has_all))
    }

    /// The SELECT that begins here and has to end at `end`.
    fn query(&mut self, tables: &Tables, end: usize) -> Result<bool, String> {
        if !self.is_word(self.at, "SELECT") {
            return Err(self.clause());
        }
        self.inner += 1;
        let has_all = self.select(tables)?;
        self.inner -= 1;
        match self.at == end {
            true => Ok(has_all),
            false => Err(self.clause()),
        }
    }

    /// Whether a join follows the derived table that ends at `end`, which is what is in the way then.
    fn is_joined(&self, end: usize) -> bool {
        let joins = |at: usize| {
            self.is_punct(at, b',') || self.is_word(at, "JOIN") || JOINS.iter().any(|word| self.is_word(at, word))
        };
        // `) d`, `) AS d`
        (end + 1..end + 4).any(joins)
    }

    fn name_at(&self, at: usize) -> Option<&[u8]> {
        match &self.tokens.get(at)?.token {
            Token::Word(name) => Some(name),
            Token::Quoted(name) => Some(name),
            _ => None,
        }
    }

    /// The place of the parenthesis that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        (open..self.tokens.len()).find(|at| {
            depth += usize::from(self.is_punct(*at, b'('));
            depth = depth.saturating_sub(usize::from(self.is_punct(*at, b')')));
            depth == 0
        })
    }
}
