//! The part of a session that lives in server variables, as a value: two connections with equal `State` are
//! interchangeable. `State::replay` says which commands turn one into the other.
//!
//! Invariant: every text kept here was accepted by a real server on behalf of this session, and means the same
//! wherever and whenever it is run (literals only; expressions are read back before they are kept).

use std::collections::BTreeMap;

use crate::shard_map::Family;
use crate::wire::charset;

/// Charset and collation of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Charset {
    /// As the client asked in its login: a collation id of the protocol.
    Login(u16),
    /// A fragment for SET that the client sent: `NAMES utf8mb4`, `CHARACTER SET latin1`.
    Fragment(Vec<u8>),
    /// Only of connections, after a reset: what the server's defaults are is not known, so it equals nothing.
    Unknown,
}

/// The value of a session variable, as text that may stand right of `=` in a SET.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setting(pub Vec<u8>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub database: Option<String>,
    pub charset: Charset,
    /// Session variables by lower-case name. Absent means the server's default.
    pub system: BTreeMap<String, Setting>,
    /// User variables by lower-case name (they are case-insensitive), without the `@`.
    pub user: BTreeMap<Vec<u8>, Setting>,
}

/// What to send, in this order, to make a connection fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// INIT_DB with this name.
    pub database: Option<String>,
    /// One `SET ...` statement.
    pub set: Option<Vec<u8>>,
    /// Another, of user variables: their names are read in the charset that the first one sets.
    pub set_user: Option<Vec<u8>>,
}

impl Replay {
    pub fn is_empty(&self) -> bool {
        self.database.is_none() && self.set.is_none() && self.set_user.is_none()
    }
}

/// Variables that `SET NAMES` and `SET CHARACTER SET` overwrite.
const OF_CHARSET: [&str; 4] =
    ["character_set_client", "character_set_connection", "character_set_results", "collation_connection"];

/// Variables that a transaction takes over when it begins, and not after.
const OF_TRANSACTIONS: [&str; 2] = ["transaction_isolation", "transaction_read_only"];

impl State {
    pub fn new(collation: u16, database: Option<String>) -> Self {
        State { database, charset: Charset::Login(collation), system: BTreeMap::new(), user: BTreeMap::new() }
    }

    /// The state of a connection after COM_RESET_CONNECTION: variables are the server's defaults, the database stays.
    pub fn after_reset(&self) -> Self {
        State {
            database: self.database.clone(),
            charset: Charset::Unknown,
            system: BTreeMap::new(),
            user: BTreeMap::new(),
        }
    }

    /// Records `SET NAMES ...` or the like, which overwrites the single variables set before.
    pub fn set_charset(&mut self, fragment: Vec<u8>) {
        for name in OF_CHARSET {
            self.system.remove(name);
        }
        self.charset = Charset::Fragment(fragment);
    }

    /// Records a session variable; `DEFAULT` forgets it.
    pub fn set_system(&mut self, name: &str, value: Vec<u8>) {
        let name = canonical(name);
        // Each of a pair overwrites the other.
        if let Some(other) = counterpart(name) {
            self.system.remove(&other);
        }
        if value.eq_ignore_ascii_case(b"default") {
            self.system.remove(name);
        } else {
            self.system.insert(name.to_string(), Setting(value));
        }
    }

    /// Records a user variable; NULL is what an unset one is.
    pub fn set_user(&mut self, name: &[u8], value: Vec<u8>) {
        let name = name.to_ascii_lowercase();
        if value.eq_ignore_ascii_case(b"null") {
            self.user.remove(&name);
        } else {
            self.user.insert(name, Setting(value));
        }
    }

    /// What decides how a text is read by its server: charset and sql_mode.
    pub fn parsing(&self) -> (&Charset, Option<&Setting>) {
        (&self.charset, self.system.get("sql_mode"))
    }

    /// This state, but texts are read as in `other`: its database, charset and sql_mode.
    pub fn parsing_as(&self, other: &State) -> State {
        let mut state = self.clone();
        state.database.clone_from(&other.database);
        state.charset = other.charset.clone();
        state.take_over(&OF_CHARSET, other);
        state.take_over(&["sql_mode"], other);
        state
    }

    /// This state, with the isolation and access for transactions of `other`; `None` if they are the same.
    pub fn beginning_as(&self, other: &State) -> Option<State> {
        if OF_TRANSACTIONS.iter().all(|name| self.system.get(*name) == other.system.get(*name)) {
            return None;
        }
        let mut state = self.clone();
        state.take_over(&OF_TRANSACTIONS, other);
        Some(state)
    }

    /// Whether transactions that do not say otherwise are READ ONLY.
    pub fn transactions_only_read(&self) -> bool {
        let value = self.system.get("transaction_read_only").map(|value| value.0.to_ascii_lowercase());
        matches!(value.as_deref(), Some(b"1" | b"on" | b"true"))
    }

    /// Whether the session has asked for an isolation under which reads in a transaction take locks.
    pub fn reads_lock(&self) -> bool {
        let value = self.system.get("transaction_isolation").map(|value| value.0.to_ascii_lowercase());
        value.is_some_and(|value| value == b"3" || value.windows(12).any(|word| word == b"serializable"))
    }

    fn take_over(&mut self, names: &[&str], other: &State) {
        for name in names {
            match other.system.get(*name) {
                Some(value) => self.system.insert(name.to_string(), value.clone()),
                None => self.system.remove(*name),
            };
        }
    }

    /// Whether the client's text is known to be UTF-8.
    pub fn is_utf8(&self) -> bool {
        let is_utf8 = |name: &str| name.starts_with("utf8");
        match (self.system.get("character_set_client"), &self.charset) {
            (Some(Setting(value)), _) => value.strip_prefix(b"'").unwrap_or(value).starts_with(b"utf8"),
            (None, Charset::Login(id)) => charset::names(*id).is_some_and(|names| is_utf8(names.charset)),
            (None, Charset::Fragment(text)) => {
                text.starts_with(b"NAMES utf8") || text.starts_with(b"CHARACTER SET utf8")
            }
            (None, Charset::Unknown) => false,
        }
    }

    /// How many variables are remembered.
    pub fn variables(&self) -> usize {
        self.system.len() + self.user.len()
    }

    pub fn autocommit(&self) -> bool {
        match self.system.get("autocommit") {
            None => true,
            Some(Setting(value)) => {
                !matches!(value.to_ascii_lowercase().as_slice(), b"0" | b"off" | b"false" | b"'off'" | b"'0'")
            }
        }
    }

    /// Bytes this state holds, for the bound on a session.
    pub fn bytes(&self) -> usize {
        let system: usize = self.system.iter().map(|(name, value)| name.len() + value.0.len()).sum();
        let user: usize = self.user.iter().map(|(name, value)| name.len() + value.0.len()).sum();
        system + user
    }

    /// Whether a connection in state `from` can be brought here by commands at all: a database, once selected, cannot
    /// be unselected.
    pub fn is_reachable_from(&self, from: &State) -> bool {
        self.database.is_some() || from.database.is_none()
    }

    /// The commands that turn a connection in state `from` into this one.
    pub fn replay(&self, from: &State, family: Family) -> Replay {
        let database = if self.database == from.database { None } else { self.database.clone() };
        let mut set = Fragments::default();
        // A single variable of the charset that is gone again: only SET NAMES brings back what it was before.
        let gone = |name: &str| from.system.contains_key(name) && !self.system.contains_key(name);
        let charset_differs = self.charset != from.charset || OF_CHARSET.iter().any(|name| gone(name));
        if charset_differs {
            match &self.charset {
                Charset::Login(id) => set.names_of(*id, family),
                Charset::Fragment(text) => set.push(text),
                Charset::Unknown => {}
            }
        }
        let overwritten = |name: &str| charset_differs && OF_CHARSET.contains(&name);
        // What goes back to its default goes first: it may overwrite the other of a pair.
        for name in from.system.keys().filter(|name| !overwritten(name) && !self.system.contains_key(*name)) {
            match name.as_str() {
                "autocommit" => set.system(name, b"1", family),
                name => set.system(name, b"DEFAULT", family),
            }
        }
        // Points in time among the values are read in the time zone.
        let (zone, others): (Vec<_>, Vec<_>) = self.system.iter().partition(|(name, _)| *name == "time_zone");
        for (name, value) in zone.into_iter().chain(others) {
            if overwritten(name) || from.system.get(name) != Some(value) {
                set.system(name, &value.0, family);
            }
        }
        let mut user = Fragments::default();
        for (name, value) in &self.user {
            if from.user.get(name) != Some(value) {
                user.user(name, &value.0);
            }
        }
        for name in from.user.keys().filter(|name| !self.user.contains_key(*name)) {
            unset(&mut user, name, family);
        }
        let beyond_ascii = user.0.iter().any(|byte| !byte.is_ascii());
        if beyond_ascii {
            return Replay { database, set: set.finish(), set_user: user.finish() };
        }
        set.append(user);
        Replay { database, set: set.finish(), set_user: None }
    }
}

/// The variable that says the same as this one in other words: a collation has its charset.
fn counterpart(name: &str) -> Option<String> {
    let (kind, of) = match name.split_once("collation_") {
        Some(("", of)) => ("character_set_", of),
        _ => ("collation_", name.strip_prefix("character_set_")?),
    };
    matches!(of, "connection" | "database" | "server").then(|| format!("{kind}{of}"))
}

/// The name under which a variable is kept: two names of one variable must not both be remembered.
fn canonical(name: &str) -> &str {
    match name {
        "tx_isolation" => "transaction_isolation",
        "tx_read_only" => "transaction_read_only",
        name => name,
    }
}

/// The name that servers of this family know. MariaDB before 11.1 has only the old names, MySQL 8.0 only the new.
fn spelled(name: &str, family: Family) -> &str {
    match (name, family) {
        ("transaction_isolation", Family::MariaDb) => "tx_isolation",
        ("transaction_read_only", Family::MariaDb) => "tx_read_only",
        (name, _) => name,
    }
}

#[derive(Default)]
struct Fragments(Vec<u8>);

impl Fragments {
    fn push(&mut self, fragment: &[u8]) {
        self.0.extend_from_slice(if self.0.is_empty() { b"SET " } else { b", " });
        self.0.extend_from_slice(fragment);
    }

    fn append(&mut self, other: Fragments) {
        if let Some(more) = other.0.strip_prefix(b"SET ") {
            self.push(more);
        }
    }

    fn names_of(&mut self, collation: u16, family: Family) {
        let id = charset::for_backend(collation, family == Family::MariaDb);
        let text = match charset::names(u16::from(id)) {
            Some(names) => format!("NAMES {} COLLATE {}", names.charset, names.collation),
            None => "NAMES utf8mb4".to_string(),
        };
        self.push(text.as_bytes());
    }

    fn system(&mut self, name: &str, value: &[u8], family: Family) {
        let mut text = b"@@session.".to_vec();
        text.extend_from_slice(spelled(name, family).as_bytes());
        text.push(b'=');
        text.extend_from_slice(value);
        self.push(&text);
    }

    fn user(&mut self, name: &[u8], value: &[u8]) {
        let mut text = b"@`".to_vec();
        for byte in name {
            text.push(*byte);
            if *byte == b'`' {
                text.push(b'`');
            }
        }
        text.extend_from_slice(b"`=");
        text.extend_from_slice(value);
        self.push(&text);
    }

    fn finish(self) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// A user variable as one to which nothing was ever assigned: NULL keeps the type of what was there before. (Tried: of
/// `COALESCE(@x, 0) + 1`, which is a double on MariaDB and an integer on MySQL.)
fn unset(set: &mut Fragments, name: &[u8], family: Family) {
    match family {
        Family::MariaDb => set.user(name, b"CAST(NULL AS BINARY)"),
        Family::MySql => {
            set.user(name, b"0");
            set.user(name, b"NULL");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: impl Fn(&mut State), to: impl Fn(&mut State), database: Option<&str>, set: Option<&str>) {
        let base = State::new(45, Some("shop".into()));
        let (mut a, mut b) = (base.clone(), base);
        from(&mut a);
        to(&mut b);
        let replay = b.replay(&a, Family::MariaDb);
        assert_eq!(replay.database.as_deref(), database);
        assert_eq!(replay.set.map(|text| String::from_utf8(text).expect("ascii")).as_deref(), set);
    }

    #[test]
    fn equal_states_need_nothing() {
        check(|_| {}, |_| {}, None, None);
        check(|s| s.set_system("sql_mode", b"''".to_vec()), |s| s.set_system("sql_mode", b"''".to_vec()), None, None);
    }

    #[test]
    fn differences_become_one_set() {
        check(
            |s| s.set_user(b"x", b"5".to_vec()),
            |s| {
                s.database = Some("crm".into());
                s.set_system("time_zone", b"'+00:00'".to_vec());
                s.set_user(b"Y", b"'a'".to_vec());
            },
            Some("crm"),
            Some("SET @@session.time_zone='+00:00', @`y`='a', @`x`=CAST(NULL AS BINARY)"),
        );
    }

    #[test]
    fn a_variable_that_is_gone_goes_back_to_the_default() {
        check(|s| s.set_system("sql_mode", b"''".to_vec()), |_| {}, None, Some("SET @@session.sql_mode=DEFAULT"));
        check(|s| s.set_system("autocommit", b"0".to_vec()), |_| {}, None, Some("SET @@session.autocommit=1"));
    }

    #[test]
    fn names_overwrite_the_single_variables_of_the_charset() {
        check(
            |s| s.set_system("character_set_results", b"NULL".to_vec()),
            |s| s.set_charset(b"NAMES latin1".to_vec()),
            None,
            Some("SET NAMES latin1"),
        );
        check(
            |s| s.set_charset(b"NAMES latin1".to_vec()),
            |s| {
                s.set_charset(b"NAMES utf8mb4".to_vec());
                s.set_system("character_set_results", b"NULL".to_vec());
            },
            None,
            Some("SET NAMES utf8mb4, @@session.character_set_results=NULL"),
        );
    }

    #[test]
    fn a_charset_variable_that_is_gone_needs_the_names_again() {
        check(
            |s| s.set_system("character_set_results", b"NULL".to_vec()),
            |_| {},
            None,
            Some("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci"),
        );
    }

    #[test]
    fn charset_and_collation_overwrite_each_other() {
        check(
            |_| {},
            |s| {
                s.set_system("collation_server", b"latin1_bin".to_vec());
                s.set_system("character_set_server", b"utf8mb4".to_vec());
                s.set_system("time_zone", b"'+01:00'".to_vec());
            },
            None,
            Some("SET @@session.time_zone='+01:00', @@session.character_set_server=utf8mb4"),
        );
        check(
            |s| s.set_system("character_set_server", b"latin1".to_vec()),
            |s| s.set_system("collation_server", b"utf8mb4_bin".to_vec()),
            None,
            Some("SET @@session.character_set_server=DEFAULT, @@session.collation_server=utf8mb4_bin"),
        );
    }

    #[test]
    fn names_of_user_variables_are_read_in_the_new_charset() {
        let mut from = State::new(45, None);
        let mut to = from.clone();
        from.set_charset(b"NAMES latin1".to_vec());
        to.set_user("\u{e4}".as_bytes(), b"5".to_vec());
        let replay = to.replay(&from, Family::MySql);
        assert_eq!(replay.set.as_deref(), Some(&b"SET NAMES utf8mb4 COLLATE utf8mb4_general_ci"[..]));
        assert_eq!(replay.set_user.as_deref(), Some("SET @`\u{e4}`=5".as_bytes()));
        assert!(to.is_utf8() && !from.is_utf8());
    }

    #[test]
    fn isolation_has_one_name_per_family() {
        let from = State::new(45, None);
        let mut to = from.clone();
        to.set_system("tx_isolation", b"'SERIALIZABLE'".to_vec());
        let text = |family| String::from_utf8(to.replay(&from, family).set.expect("differs")).expect("ascii");
        assert_eq!(text(Family::MariaDb), "SET @@session.tx_isolation='SERIALIZABLE'");
        assert_eq!(text(Family::MySql), "SET @@session.transaction_isolation='SERIALIZABLE'");
    }
}
