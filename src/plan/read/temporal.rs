//! MariaDB's clauses of time behind a table: which versions of its rows are meant, and for which part of their period.
//!
//! None of them changes on which shard a version is: it has the key that it was stored with. What FOR PORTION OF stores
//! anew is another question, for who knows the key.

use super::level::Reference;
use super::reader::{Reader, Tok};
use super::shape::OccurrenceId;

/// Functions of the time that are called without parentheses.
const CLOCKS: &[&str] = &["CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_DATE"];

impl Reader {
    /// `FOR SYSTEM_TIME ...` or `FOR PORTION OF ...`, if it is here.
    pub fn versions(&mut self, reference: Option<Reference>) {
        if !self.is_word(self.at, "FOR") {
            return;
        }
        if self.is_word(self.at + 1, "SYSTEM_TIME") {
            self.at += 2;
            self.system_time();
        } else if self.is_word(self.at + 1, "PORTION")
            && self.is_word(self.at + 2, "OF")
            && let Some(Reference::Table(OccurrenceId(id))) = reference
        {
            self.at += 3;
            self.shape.occurrences[id].portion = true;
            if self.name(self.at).is_none() {
                return self.unsure();
            }
            self.at += 1;
            self.points("FROM", "TO");
        }
    }

    fn system_time(&mut self) {
        if self.accept("ALL") {
        } else if self.accept("AS") {
            if !self.accept("OF") {
                return self.unsure();
            }
            self.point();
        } else if self.is_word(self.at, "BETWEEN") {
            self.points("BETWEEN", "AND");
        } else {
            self.points("FROM", "TO");
        }
    }

    /// `BEFORE SYSTEM_TIME point` of DELETE HISTORY, if it is here.
    pub fn before_system_time(&mut self) {
        if self.is_word(self.at, "BEFORE") && self.is_word(self.at + 1, "SYSTEM_TIME") {
            self.at += 2;
            self.point();
        }
    }

    fn points(&mut self, first: &str, second: &str) {
        for word in [first, second] {
            if !self.accept(word) {
                return self.unsure();
            }
            self.point();
        }
    }

    /// `[TRANSACTION | TIMESTAMP] expression`. An alias may follow at once, so only forms whose end is certain are read:
    /// terms, with terms and intervals that are added.
    fn point(&mut self) {
        if !self.is_op(self.at + 1, "(") {
            self.accept_any(&["TRANSACTION", "TIMESTAMP"]);
        }
        self.term();
        while self.accept_op("+") || self.accept_op("-") {
            let interval = self.accept("INTERVAL");
            self.term();
            if interval {
                match self.word(self.at) {
                    Some(_) => self.at += 1,
                    None => return self.unsure(),
                }
            }
        }
    }

    /// A literal, a variable, a call, or something in parentheses.
    fn term(&mut self) {
        match self.tok(self.at) {
            Tok::Marker(_) | Tok::Literal(_) | Tok::Variable(_) => self.at += 1,
            Tok::Op("(") => self.seeing(None, Reader::group),
            Tok::Op("{") => self.braces(),
            Tok::Word { .. } if self.is_op(self.at + 1, "(") => {
                self.at += 1;
                self.seeing(None, Reader::group);
            }
            Tok::Word { .. } if self.is_any(self.at, CLOCKS) => self.at += 1,
            // DATE'...', TIMESTAMP'...', _utf8mb4'...'
            Tok::Word { upper, .. }
                if self.is_literal(self.at + 1)
                    && (upper.starts_with('_') || matches!(&**upper, "DATE" | "TIMESTAMP")) =>
            {
                self.at += 2;
            }
            _ => self.unsure(),
        }
    }

    fn is_literal(&self, at: usize) -> bool {
        matches!(self.tok(at), Tok::Marker(_) | Tok::Literal(_))
    }
}
