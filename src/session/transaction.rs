//! How far is this client's transaction: asked for, opened on some groups, writing on one.
//!
//! A BEGIN is answered at once and opened on a group by the first statement there. Until atomic commit exists a
//! transaction may read any group and write one; `may_write` is where that is decided.

use std::sync::Arc;

use super::State;
use crate::shard_map::GroupId;

/// A savepoint's name as the client wrote it, and the form in which names are compared (they are case-insensitive).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Savepoint {
    /// The client's statement, to be replayed on groups that join later.
    pub text: Vec<u8>,
    pub name: Vec<u8>,
}

/// The access of START TRANSACTION READ ONLY.
pub const READ_ONLY: &str = "SET TRANSACTION READ ONLY";

/// The transaction of a session. `None` in the session means autocommit (or, under autocommit=0, nothing open yet).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The statement that opens it on a group; `None` when the server opens it by itself (autocommit=0).
    pub opening: Option<Vec<u8>>,
    /// READ ONLY or READ WRITE of `opening`, as the SET TRANSACTION that says the same.
    pub access: Option<&'static str>,
    /// The SET TRANSACTION statements before it, to be run before it begins on a group.
    pub characteristics: Vec<Vec<u8>>,
    /// The session's state when it began. A group that joins later begins it under the isolation and access of then,
    /// whatever the session has set since. `None`: it has not begun.
    pub began: Option<Arc<State>>,
    pub savepoints: Vec<Savepoint>,
    /// The one group that was written.
    pub writer: Option<GroupId>,
}

impl Transaction {
    pub fn begun(
        opening: Vec<u8>,
        access: Option<&'static str>,
        characteristics: Vec<Vec<u8>>,
        state: &Arc<State>,
    ) -> Self {
        let (opening, began) = (Some(opening), Some(state.clone()));
        Transaction { opening, access, characteristics, began, savepoints: Vec::new(), writer: None }
    }

    /// Whether it can certainly write nothing, and takes no locks by reading. `state` is the session's.
    pub fn only_reads(&self, state: &State) -> bool {
        let state = self.began.as_deref().unwrap_or(state);
        self.characteristics.is_empty()
            && !state.reads_lock()
            && match self.access {
                Some(access) => access == READ_ONLY,
                None => state.transactions_only_read(),
            }
    }

    /// What it was opened with beside the session's own isolation and access: SET TRANSACTION statements.
    pub fn carried(&self) -> Vec<Vec<u8>> {
        let mut carried = self.characteristics.clone();
        if let Some(access) = self.access {
            carried.retain(|text| text != access.as_bytes());
            carried.push(access.as_bytes().to_vec());
        }
        carried
    }

    /// The transaction behind this one that takes over its characteristics: by AND CHAIN, or on MySQL by a BEGIN within it.
    pub fn followed_by(self, opening: Vec<u8>, access: Option<&'static str>) -> Self {
        let characteristics = if access.is_some() { self.characteristics } else { self.carried() };
        Transaction { opening: Some(opening), access, characteristics, began: self.began, ..Transaction::default() }
    }

    /// Whether it may only read, by what opened it, by the SET TRANSACTION before it, or by the session's own setting.
    pub fn is_read_only(&self) -> bool {
        let said = |text: &[u8]| {
            let text = text.to_ascii_uppercase();
            let has = |words: &str| text.windows(words.len()).any(|window| window == words.as_bytes());
            if has("READ ONLY") { Some(true) } else { has("READ WRITE").then_some(false) }
        };
        let opened = self.access.and_then(|access| said(access.as_bytes()));
        let before = || self.characteristics.iter().rev().find_map(|text| said(text));
        opened
            .or_else(before)
            .unwrap_or_else(|| self.began.as_ref().is_some_and(|state| state.transactions_only_read()))
    }

    /// Claims the right to write on `group`; the other group if that one was written before.
    pub fn may_write(&mut self, group: GroupId) -> Result<(), GroupId> {
        match self.writer {
            Some(writer) if writer != group => Err(writer),
            _ => {
                self.writer = Some(group);
                Ok(())
            }
        }
    }

    /// SAVEPOINT: an older one of the same name is replaced, as the server does.
    pub fn savepoint(&mut self, savepoint: Savepoint) {
        self.savepoints.retain(|held| !held.name.eq_ignore_ascii_case(&savepoint.name));
        self.savepoints.push(savepoint);
    }

    /// ROLLBACK TO: later savepoints are gone. False if there is none of that name.
    pub fn roll_back_to(&mut self, name: &[u8]) -> bool {
        match self.savepoints.iter().position(|held| held.name.eq_ignore_ascii_case(name)) {
            Some(at) => {
                self.savepoints.truncate(at + 1);
                true
            }
            None => false,
        }
    }

    /// RELEASE SAVEPOINT: it and the later ones are gone. False if there is none of that name.
    pub fn release(&mut self, name: &[u8]) -> bool {
        match self.savepoints.iter().position(|held| held.name.eq_ignore_ascii_case(name)) {
            Some(at) => {
                self.savepoints.truncate(at);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str) -> Savepoint {
        Savepoint { text: format!("SAVEPOINT {name}").into_bytes(), name: name.as_bytes().to_vec() }
    }

    fn names(transaction: &Transaction) -> Vec<&[u8]> {
        transaction.savepoints.iter().map(|held| held.name.as_slice()).collect()
    }

    #[test]
    fn the_nearest_word_says_whether_it_may_only_read() {
        let mut state = State::new(45, None);
        let begun = |access: Option<&'static str>, before: &[&str], state: &State| {
            let before = before.iter().map(|text| text.as_bytes().to_vec()).collect();
            Transaction::begun(b"BEGIN".to_vec(), access, before, &Arc::new(state.clone())).is_read_only()
        };
        assert!(!begun(None, &[], &state));
        assert!(begun(Some("SET TRANSACTION READ ONLY"), &["SET TRANSACTION READ WRITE"], &state));
        assert!(begun(None, &["set transaction read only", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"], &state));
        state.set_system("transaction_read_only", b"1".to_vec());
        assert!(begun(None, &[], &state));
        assert!(!begun(None, &["SET TRANSACTION READ WRITE"], &state));
    }

    #[test]
    fn one_group_may_be_written() {
        let mut transaction = Transaction::default();
        assert_eq!(transaction.may_write(GroupId(1)), Ok(()));
        assert_eq!(transaction.may_write(GroupId(1)), Ok(()));
        assert_eq!(transaction.may_write(GroupId(2)), Err(GroupId(1)));
    }

    #[test]
    fn a_transaction_hands_its_characteristics_on() {
        let state = Arc::new(State::new(45, None));
        let read_only = Some("SET TRANSACTION READ ONLY");
        let isolation = b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE".to_vec();
        let first = Transaction::begun(b"START TRANSACTION READ ONLY".to_vec(), read_only, vec![isolation], &state);
        let mut next = first.clone();
        for _ in 0..3 {
            next = next.followed_by(b"BEGIN".to_vec(), None);
            assert_eq!(next.characteristics, first.carried(), "each once");
            assert!(next.began.as_ref().is_some_and(|began| Arc::ptr_eq(began, &state)));
        }
        let chained = first.clone().followed_by(b"START TRANSACTION READ ONLY".to_vec(), read_only);
        assert_eq!(chained, first);
    }

    #[test]
    fn savepoints_nest_as_on_a_server() {
        let mut transaction = Transaction::default();
        for name in ["a", "b", "c", "A"] {
            transaction.savepoint(point(name));
        }
        assert_eq!(names(&transaction), [b"b".as_slice(), b"c", b"A"]);
        assert!(transaction.roll_back_to(b"C"));
        assert_eq!(names(&transaction), [b"b".as_slice(), b"c"]);
        assert!(!transaction.release(b"a"));
        assert!(transaction.release(b"b"));
        assert!(transaction.savepoints.is_empty());
    }
}
