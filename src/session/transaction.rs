//! How far is this client's transaction: asked for, opened on some groups, writing on one.
//!
//! A BEGIN is answered at once and opened on a group by the first statement there. Until atomic commit exists a
//! transaction may read any group and write one; `may_write` is where that is decided.

use crate::shard_map::GroupId;

/// A savepoint's name as the client wrote it, and the form in which names are compared (they are case-insensitive).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Savepoint {
    /// The client's statement, to be replayed on groups that join later.
    pub text: Vec<u8>,
    pub name: Vec<u8>,
}

/// The transaction of a session. `None` in the session means autocommit (or, under autocommit=0, nothing open yet).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The statement that opens it on a group; `None` when the server opens it by itself (autocommit=0).
    pub opening: Option<Vec<u8>>,
    /// The SET TRANSACTION statements before it, to be run before it begins on a group.
    pub characteristics: Vec<Vec<u8>>,
    pub savepoints: Vec<Savepoint>,
    /// The one group that was written.
    pub writer: Option<GroupId>,
}

impl Transaction {
    pub fn begun(opening: Vec<u8>, characteristics: Vec<Vec<u8>>) -> Self {
        Transaction { opening: Some(opening), characteristics, savepoints: Vec::new(), writer: None }
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
    fn one_group_may_be_written() {
        let mut transaction = Transaction::begun(b"BEGIN".to_vec(), Vec::new());
        assert_eq!(transaction.may_write(GroupId(1)), Ok(()));
        assert_eq!(transaction.may_write(GroupId(1)), Ok(()));
        assert_eq!(transaction.may_write(GroupId(2)), Err(GroupId(1)));
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
