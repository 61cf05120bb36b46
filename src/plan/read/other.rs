//! Statements that are neither queries, writes nor definitions: SHOW, EXPLAIN, SET, LOCK, LOAD, HANDLER, CALL, upkeep.

use super::Subject;
use super::reader::{Reader, Tok};
use super::shape::Role;
use crate::plan::{Construct, View};

/// Variables that say what the statement's time is.
fn is_of_time(name: &str) -> bool {
    name.eq_ignore_ascii_case("time_zone") || name.eq_ignore_ascii_case("timestamp")
}

impl Reader {
    /// EXPLAIN, DESCRIBE, DESC of a table or of a statement.
    pub fn describe(&mut self) -> Subject {
        const STATEMENTS: &[&str] =
            &["SELECT", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE", "TABLE", "VALUES", "ALTER"];
        let verb = self.verb(1);
        self.at += 1;
        let start = self.at;
        while self.is_any(self.at, &["EXTENDED", "PARTITIONS", "ANALYZE", "FORMAT"]) {
            self.at += 1;
            if self.accept_op("=") {
                self.at += 1;
            }
        }
        // Of MySQL, behind FORMAT=JSON.
        if self.is_word(self.at, "INTO") && matches!(self.tok(self.at + 1), Tok::Variable(_)) {
            self.at += 2;
        }
        if self.is_any(self.at, STATEMENTS) || self.is_op(self.at, "(") {
            return self.statement();
        }
        if self.is_word(self.at, "FOR") && self.is_word(self.at + 1, "CONNECTION") {
            return Subject::Admin(format!("{verb} FOR CONNECTION").into());
        }
        // MySQL's FOR SCHEMA gives the tables another database.
        if self.is_word(self.at, "FOR") && self.is_any(self.at + 1, &["SCHEMA", "DATABASE"]) {
            self.unsure();
            return Subject::Tables;
        }
        self.at = start;
        match self.take_table_name() {
            Some(table) => {
                self.occurrence(table, Role::Described);
                // A column or a pattern.
                self.at += usize::from(!self.at_end());
            }
            None => self.unsure(),
        }
        Subject::Tables
    }

    /// ANALYZE TABLE and its like; ANALYZE of a statement runs it (MariaDB).
    pub fn maintenance(&mut self) -> Subject {
        let start = self.at;
        self.at += 1;
        self.accept_any(&["NO_WRITE_TO_BINLOG", "LOCAL"]);
        if self.accept_any(&["TABLE", "TABLES", "VIEW"]) {
            self.table_list(Role::Whole(Construct::Maintenance));
            // Options: QUICK, PERSISTENT FOR ..., UPDATE HISTOGRAM ON ...
            self.at = self.len();
            return Subject::Tables;
        }
        if self.is_word(start, "ANALYZE") {
            self.at = start;
            return self.describe();
        }
        self.unsure();
        Subject::Tables
    }

    pub fn table_list(&mut self, role: Role) {
        loop {
            let Some(table) = self.take_table_name() else {
                return self.unsure();
            };
            self.occurrence(table, role);
            if !self.accept_op(",") {
                return;
            }
        }
    }

    pub fn show(&mut self) -> Subject {
        let verb = self.verb(2);
        self.at += 1;
        if (self.at..self.len()).any(|at| self.is_word(at, "SELECT")) {
            self.unsure();
            return Subject::Tables;
        }
        while self.accept_any(&["FULL", "EXTENDED", "GLOBAL", "SESSION", "LOCAL", "STORAGE", "ALL"]) {}
        let Some(what) = self.word(self.at).map(str::to_owned) else {
            self.unsure();
            return Subject::Tables;
        };
        self.at += 1;
        match &*what {
            "DATABASES" | "SCHEMAS" => Subject::ShowDatabases,
            "MERIDIAN" => {
                let view = self.word(self.at).and_then(View::named);
                Subject::ShowMeridian(view.filter(|_| self.at + 1 == self.len()))
            }
            "TABLES" => {
                let database = self.named_database();
                Subject::ShowTables(database)
            }
            "COLUMNS" | "FIELDS" | "INDEX" | "INDEXES" | "KEYS" => self.show_table(),
            "CREATE" => self.show_create(),
            "TABLE" | "OPEN" => {
                let what = format!("SHOW {what} {}", self.verb(1)).into();
                self.at += 1;
                Subject::PerServer { what, database: self.named_database() }
            }
            "TRIGGERS" | "EVENTS" => {
                Subject::PerServer { what: format!("SHOW {what}").into(), database: self.named_database() }
            }
            "PROCEDURE" | "FUNCTION" | "PACKAGE" => Subject::PerServer { what: verb, database: None },
            // They are those of the account on the server, with its password's hash.
            "GRANTS" => Subject::Admin("SHOW GRANTS".into()),
            // What everybody runs there, in databases that the account may not use too.
            "ENGINE" => Subject::Admin("SHOW ENGINE".into()),
            // Its ids are the server's, and KILL takes Meridian's.
            "PROCESSLIST" => Subject::Admin("SHOW PROCESSLIST".into()),
            "MASTER" | "BINARY" | "BINLOG" | "SLAVE" | "SLAVES" | "REPLICA" | "REPLICAS" | "RELAYLOG" | "EXPLAIN"
            | "ANALYZE" => Subject::Admin(verb),
            _ => Subject::AnyServer,
        }
    }

    /// `[FROM|IN database]`.
    fn named_database(&mut self) -> Option<Box<str>> {
        if !self.accept_any(&["FROM", "IN"]) {
            return None;
        }
        let name = self.name(self.at).map(Box::from);
        if name.is_none() {
            self.unsure();
        }
        name
    }

    /// `FROM|IN table [FROM|IN database]`.
    fn show_table(&mut self) -> Subject {
        if !self.accept_any(&["FROM", "IN"]) {
            self.unsure();
            return Subject::Tables;
        }
        let Some((mut database, table)) = self.take_table_name() else {
            self.unsure();
            return Subject::Tables;
        };
        if let Some(named) = self.named_database() {
            database = Some(named);
        }
        if self.shape.unsure.is_none() {
            self.occurrence((database, table), Role::Described);
            self.at = self.len();
        }
        Subject::Tables
    }

    fn show_create(&mut self) -> Subject {
        if self.accept_any(&["TABLE", "VIEW", "SEQUENCE"]) {
            self.table_list(Role::Described);
            return Subject::Tables;
        }
        if self.is_any(self.at, &["DATABASE", "SCHEMA", "USER"]) {
            let user = self.is_word(self.at, "USER");
            if user {
                return Subject::Admin("SHOW CREATE USER".into());
            }
            self.at += 1;
            if self.accept("IF") && self.accept("NOT") {
                self.accept("EXISTS");
            }
            let Some(name) = self.name(self.at).map(Box::from) else {
                self.unsure();
                return Subject::Tables;
            };
            return Subject::ShowCreateDatabase(name);
        }
        self.at += 1;
        self.routine()
    }

    /// A routine's name here; the map does not know routines.
    pub fn routine(&mut self) -> Subject {
        match self.take_table_name() {
            Some((database, name)) => Subject::Homeless { construct: Construct::Routine, database, name },
            None => {
                self.unsure();
                Subject::Tables
            }
        }
    }

    pub fn call(&mut self) -> Subject {
        self.at += 1;
        self.routine()
    }

    /// SET: control, unless it administers a server, or reads tables.
    pub fn set(&mut self) -> Subject {
        let start = self.at;
        self.at += 1;
        if self.accept("STATEMENT") {
            // MariaDB: variables for one statement. Those of the time decide where rows belong.
            let from = self.at;
            self.scan(&["FOR"], false);
            if (from..self.at).any(|at| self.name(at).is_some_and(is_of_time)) {
                self.at = from;
                self.unsure();
                return Subject::Tables;
            }
            if !self.accept("FOR") {
                self.unsure();
                return Subject::Tables;
            }
            return self.nested(Reader::statement);
        }
        for at in self.at..self.len() {
            let first = at == self.at || self.is_op(at - 1, ",");
            let global = first && self.is_any(at, &["GLOBAL", "PERSIST", "PERSIST_ONLY"]);
            if global || first && self.is_global_variable(at) {
                return Subject::Admin("SET GLOBAL".into());
            }
            if first && self.is_word(at, "PASSWORD") {
                return Subject::Admin("SET PASSWORD".into());
            }
        }
        self.scan(&[], false);
        self.at = if self.shape.unsure.is_none() { self.len() } else { start };
        Subject::Control
    }

    /// LOCK TABLES t [AS a] READ [LOCAL] | WRITE, ...
    pub fn lock(&mut self) -> Subject {
        self.at += 1;
        if !self.accept_any(&["TABLE", "TABLES"]) {
            return Subject::Admin("LOCK".into());
        }
        loop {
            let Some(table) = self.take_table_name() else {
                self.unsure();
                return Subject::Tables;
            };
            self.occurrence(table, Role::Whole(Construct::LockTables));
            self.accept("AS");
            if self.name(self.at).is_some() && !self.is_any(self.at, &["READ", "WRITE", "LOW_PRIORITY"]) {
                self.at += 1;
            }
            while self.accept_any(&["READ", "LOCAL", "LOW_PRIORITY", "WRITE", "CONCURRENT"]) {}
            if !self.accept_op(",") {
                break;
            }
        }
        while self.accept_any(&["WAIT", "NOWAIT"]) {
            self.at = self.len();
        }
        Subject::Tables
    }

    /// LOAD DATA|XML ... INTO TABLE t ...
    pub fn load(&mut self) {
        while !(self.at_end() || self.is_word(self.at, "INTO") && self.is_word(self.at + 1, "TABLE")) {
            self.at += 1;
        }
        self.at += 2;
        let Some(table) = self.take_table_name() else {
            return self.unsure();
        };
        self.occurrence(table, Role::Whole(Construct::LoadData));
        // Fields, columns and SET: a subquery may hide there.
        while !self.at_end() {
            if self.is_op(self.at, "(") {
                self.group();
            } else if self.is_word(self.at, "SELECT") {
                return self.unsure();
            } else {
                self.at += 1;
            }
        }
    }

    pub fn handler(&mut self) {
        self.at += 1;
        let Some(table) = self.take_table_name() else {
            return self.unsure();
        };
        self.occurrence(table, Role::Whole(Construct::Handler));
        self.scan(&["WHERE"], false);
        if self.accept("WHERE") {
            self.scan(&[], false);
        }
    }
}
