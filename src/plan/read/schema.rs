//! Definitions: CREATE, ALTER, DROP, RENAME, TRUNCATE.

use super::Subject;
use super::reader::{Reader, Tok};
use super::shape::Role;
use crate::plan::Construct;

const WHOLE: Role = Role::Whole(Construct::Definition);

impl Reader {
    pub fn schema(&mut self) -> Subject {
        let verb = self.verb(2);
        if self.is_word(self.at, "DROP") && self.is_word(self.at + 1, "PREPARE") {
            return Subject::Control;
        }
        if self.accept("TRUNCATE") {
            self.accept("TABLE");
            self.table_list(WHOLE);
            while self.accept_any(&["WAIT", "NOWAIT"]) {
                self.at = self.len();
            }
            return Subject::Tables;
        }
        if self.accept("RENAME") {
            return self.rename();
        }
        let drop = self.is_word(self.at, "DROP");
        let alter = self.is_word(self.at, "ALTER");
        self.at += 1;
        // Modifiers up to the word that says what is defined.
        for _ in 0..64 {
            match self.word(self.at) {
                Some("TABLE" | "TABLES") if drop => return self.drop_tables(),
                Some("VIEW" | "SEQUENCE") if drop => return self.drop_tables(),
                Some("TABLE") => return self.define_table(alter),
                Some("VIEW") => return self.define_view(),
                Some("SEQUENCE") => return self.define_table(alter),
                Some("INDEX") => return self.define_index(),
                Some("PROCEDURE" | "FUNCTION" | "TRIGGER" | "EVENT" | "PACKAGE") => {
                    self.at += 1;
                    self.accept("BODY");
                    self.if_exists();
                    return self.routine();
                }
                Some(
                    "DATABASE" | "SCHEMA" | "USER" | "ROLE" | "SERVER" | "TABLESPACE" | "LOGFILE" | "RESOURCE" | "UNDO"
                    | "INSTANCE" | "SPATIAL" | "LIBRARY",
                ) if !(self.is_word(self.at, "SPATIAL") && self.is_word(self.at + 1, "INDEX")) => {
                    return Subject::Admin(verb);
                }
                _ if self.at_end() => break,
                _ => self.at += 1,
            }
        }
        self.unsure();
        Subject::Tables
    }

    fn if_exists(&mut self) {
        if self.accept("IF") {
            self.accept("NOT");
            self.accept("EXISTS");
        }
    }

    fn drop_tables(&mut self) -> Subject {
        self.at += 1;
        self.if_exists();
        self.table_list(WHOLE);
        while self.accept_any(&["RESTRICT", "CASCADE"]) {}
        while self.accept_any(&["WAIT", "NOWAIT"]) {
            self.at = self.len();
        }
        Subject::Tables
    }

    /// RENAME TABLE a TO b, ...; RENAME USER.
    fn rename(&mut self) -> Subject {
        if !self.accept_any(&["TABLE", "TABLES"]) {
            return Subject::Admin("RENAME USER".into());
        }
        self.if_exists();
        while let Some(old) = self.take_table_name() {
            self.occurrence(old, WHOLE);
            if self.accept("WAIT") {
                self.at += 1;
            }
            self.accept("NOWAIT");
            if !self.accept("TO") {
                break;
            }
            let Some(new) = self.take_table_name() else {
                break;
            };
            self.occurrence(new, WHOLE);
            if !self.accept_op(",") {
                return Subject::Tables;
            }
        }
        self.unsure();
        Subject::Tables
    }

    fn define_table(&mut self, alter: bool) -> Subject {
        self.at += 1;
        self.if_exists();
        match self.take_table_name() {
            Some(table) => {
                self.occurrence(table, WHOLE);
                self.definition(alter);
            }
            None => self.unsure(),
        }
        Subject::Tables
    }

    /// Everything behind the name: only what names further tables is looked for.
    fn definition(&mut self, alter: bool) {
        while !self.at_end() {
            if self.at_query(self.at) && !self.is_word(self.at, "TABLE") && self.begins_query() {
                self.query();
                continue;
            }
            match self.word(self.at) {
                Some("REFERENCES" | "LIKE" | "TABLE") => {
                    self.at += 1;
                    match self.take_table_name() {
                        Some(table) => {
                            self.occurrence(table, WHOLE);
                        }
                        // `CHECK (a LIKE 'x')`.
                        None if self.is_word(self.at - 1, "LIKE") => {}
                        None => return self.unsure(),
                    }
                }
                Some("RENAME") if alter && !self.is_any(self.at + 1, &["COLUMN", "INDEX", "KEY"]) => {
                    self.at += 1;
                    self.accept_any(&["TO", "AS"]);
                    self.accept_op("=");
                    match self.take_table_name() {
                        Some(table) => {
                            self.occurrence(table, WHOLE);
                        }
                        None => return self.unsure(),
                    }
                }
                Some("UNION" | "FROM" | "JOIN") => return self.unsure(),
                Some("VALUES") if self.is_op(self.at + 1, "(") || self.is_word(self.at + 1, "ROW") => {
                    return self.unsure();
                }
                _ => self.at += 1,
            }
        }
    }

    /// SELECT always; WITH only where a query may begin (WITH PARSER, WITH SYSTEM VERSIONING).
    fn begins_query(&self) -> bool {
        self.is_word(self.at, "SELECT")
            || self.at > 0 && (self.is_word(self.at - 1, "AS") || self.is_op(self.at - 1, "("))
    }

    /// VIEW name [(columns)] AS query [WITH CHECK OPTION].
    fn define_view(&mut self) -> Subject {
        self.at += 1;
        self.if_exists();
        let Some(view) = self.take_table_name() else {
            self.unsure();
            return Subject::Tables;
        };
        self.occurrence(view, WHOLE);
        if self.is_op(self.at, "(") {
            self.skip_group();
        }
        if !self.accept("AS") {
            self.unsure();
            return Subject::Tables;
        }
        // The CHECK OPTION stands behind the query; its words end no clause.
        let end = self.len();
        if end >= 3 && self.is_word(end - 2, "CHECK") && self.is_word(end - 1, "OPTION") {
            self.cut_check_option();
        }
        self.query();
        Subject::Tables
    }

    /// INDEX name ... ON table.
    fn define_index(&mut self) -> Subject {
        while !self.at_end() && !self.is_word(self.at, "ON") {
            self.at += 1;
        }
        self.at += 1;
        match self.take_table_name() {
            Some(table) => {
                self.occurrence(table, WHOLE);
                self.at = self.len();
            }
            None => self.unsure(),
        }
        Subject::Tables
    }

    /// Drops `WITH [CASCADED|LOCAL] CHECK OPTION` from the end of the tokens.
    fn cut_check_option(&mut self) {
        let mut end = self.len() - 2;
        if self.is_any(end - 1, &["CASCADED", "LOCAL"]) {
            end -= 1;
        }
        if matches!(self.tok(end - 1), Tok::Word { upper, .. } if **upper == *"WITH") {
            self.cut(end - 1);
        }
    }
}
