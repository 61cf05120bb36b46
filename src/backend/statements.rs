//! The statements that are prepared on one connection, bounded in number and in bytes of text.

use std::collections::HashMap;
use std::sync::Arc;

/// How many prepared statements a connection keeps; the one unused longest is closed for a new one. Small against
/// max_prepared_stmt_count (16382 by default, for all connections of a server).
const STATEMENTS_MAX: usize = 128;

/// How many bytes their texts have together; a larger one is closed after its use.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// What a prepared statement is known by: hashes of its text and of the settings under which it was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatementKey {
    pub text: u64,
    pub context: u64,
}

/// A statement prepared on one connection.
#[derive(Debug)]
pub struct BackendStatement {
    pub id: u32,
    /// Compared on every use: hashes may collide.
    pub text: Arc<[u8]>,
    pub params: u16,
    /// The parameter types bound last, two bytes each; empty before the first EXECUTE.
    pub types: Vec<u8>,
    pub(super) used: u64,
}

#[derive(Debug, Default)]
pub(super) struct KeptStatements {
    /// Few, and found by what is a hash already.
    by_key: HashMap<StatementKey, BackendStatement, foldhash::fast::RandomState>,
    text_bytes: usize,
}

impl KeptStatements {
    pub fn get_mut(&mut self, key: StatementKey) -> Option<&mut BackendStatement> {
        self.by_key.get_mut(&key)
    }

    /// Keeps a statement; the ids of those to be closed for it.
    pub fn keep(&mut self, key: StatementKey, statement: BackendStatement) -> Vec<u32> {
        let mut closed = Vec::new();
        closed.extend(self.remove(key));
        self.text_bytes += statement.text.len();
        self.by_key.insert(key, statement);
        while self.by_key.len() > STATEMENTS_MAX || self.text_bytes > TEXT_BYTES_MAX {
            let others = self.by_key.iter().filter(|(held, _)| **held != key);
            let Some(oldest) = others.min_by_key(|(_, held)| held.used).map(|(key, _)| *key) else {
                break;
            };
            closed.extend(self.remove(oldest));
        }
        closed
    }

    /// Forgets a statement; its id, to be closed.
    pub fn remove(&mut self, key: StatementKey) -> Option<u32> {
        let removed = self.by_key.remove(&key)?;
        self.text_bytes -= removed.text.len();
        Some(removed.id)
    }

    /// Forgets the one whose text alone is over the bound; its id, to be closed.
    pub fn remove_oversized(&mut self) -> Option<u32> {
        if self.text_bytes <= TEXT_BYTES_MAX {
            return None;
        }
        let key = *self.by_key.iter().max_by_key(|(_, held)| held.text.len())?.0;
        self.remove(key)
    }

    pub fn clear(&mut self) {
        self.by_key.clear();
        self.text_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(kept: &mut KeptStatements, id: u32, bytes: usize) -> Vec<u32> {
        let statement =
            BackendStatement { id, text: vec![b'x'; bytes].into(), params: 0, types: Vec::new(), used: u64::from(id) };
        kept.keep(StatementKey { text: u64::from(id), context: 0 }, statement)
    }

    #[test]
    fn many_small_ones_are_bounded_in_number() {
        let mut kept = KeptStatements::default();
        for id in 0..128 {
            assert!(keep(&mut kept, id, 10).is_empty());
        }
        assert_eq!(keep(&mut kept, 128, 10), [0]);
        assert_eq!(keep(&mut kept, 128, 20), [128], "the same again");
        assert_eq!(kept.text_bytes, 127 * 10 + 20);
    }

    #[test]
    fn large_ones_are_bounded_in_bytes() {
        let mut kept = KeptStatements::default();
        for id in 0..4 {
            assert!(keep(&mut kept, id, 250_000).is_empty());
        }
        assert_eq!(keep(&mut kept, 4, 500_000), [0, 1]);
        assert_eq!(kept.remove_oversized(), None);
        assert_eq!(keep(&mut kept, 5, 2_000_000), [2, 3, 4]);
        assert!(kept.get_mut(StatementKey { text: 5, context: 0 }).is_some(), "it is to be used once");
        assert_eq!(kept.remove_oversized(), Some(5));
        assert_eq!((kept.text_bytes, kept.by_key.len()), (0, 0));
    }
}
