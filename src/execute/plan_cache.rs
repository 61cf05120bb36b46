//! Plans by fingerprint. A statement is planned once; the next of its shape finds the plan by its normalized text,
//! which is compared in full: a hash that collides costs a plan, never a wrong shard.
//!
//! Bounded by bytes; what is used seldom goes first. One cache a map: ids in a plan are those of its map.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::digest::Planned;
use crate::plan::Hint;
use crate::sql::Dialect;

/// Longer shapes are planned anew each time.
const TEXT_MAX: usize = 64 * 1024;

/// The two counters of an `Arc`.
const COUNTERS: usize = 2 * size_of::<usize>();

/// What the cache keeps of an entry in its own tables: keys and links of those that are there, and of some that were.
const ENTRY: usize = 4 * size_of::<Key>();

/// What a plan depends on beside the text: where unqualified names are looked up, how the text is read, and to which
/// shard it is hinted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// An index that stands for the session's database in the map, for a system schema, or for none.
    pub database: u32,
    pub dialect: Dialect,
    pub hint: Option<Hint>,
}

#[derive(Debug, Clone)]
struct Key {
    hash: u64,
    scope: Scope,
    /// Of the entry, with everything that it alone keeps in memory.
    bytes: u32,
    text: Box<[u8]>,
}

#[derive(Clone, Copy)]
struct Lookup<'a> {
    hash: u64,
    scope: Scope,
    text: &'a [u8],
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash ^ u64::from(self.scope.database));
    }
}

impl Hash for Lookup<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash ^ u64::from(self.scope.database));
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.hash == other.hash && self.scope == other.scope && self.text == other.text
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Lookup<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.hash == key.hash && self.scope == key.scope && *self.text == *key.text
    }
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Arc<Planned>> for Bytes {
    fn weight(&self, key: &Key, _: &Arc<Planned>) -> u64 {
        u64::from(key.bytes)
    }
}

#[derive(Debug)]
pub struct PlanCache {
    plans: Cache<Key, Arc<Planned>, Bytes, foldhash::fast::FixedState>,
}

impl PlanCache {
    pub fn new(bytes_max: u64) -> Self {
        let items = usize::try_from(bytes_max / 8192).unwrap_or(usize::MAX).max(16);
        let plans = Cache::with(
            items,
            bytes_max,
            Bytes,
            foldhash::fast::FixedState::with_seed(0x4d65_7269_6469_616e),
            quick_cache::sync::DefaultLifecycle::default(),
        );
        PlanCache { plans }
    }

    pub fn find(&self, hash: u64, scope: Scope, text: &[u8]) -> Option<Arc<Planned>> {
        self.plans.get(&Lookup { hash, scope, text })
    }

    pub fn keep(&self, hash: u64, scope: Scope, text: &[u8], statement: &Arc<Planned>) {
        if text.len() <= TEXT_MAX {
            let bytes = ENTRY + text.len() + COUNTERS + statement.bytes();
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.plans.insert(Key { hash, scope, bytes, text: text.into() }, statement.clone());
        }
    }

    /// Each plan with its text and the database that it is planned in, as an index of the scope.
    pub fn all(&self) -> Vec<(u32, Box<[u8]>, Arc<Planned>)> {
        self.plans.iter().map(|(key, planned)| (key.scope.database, key.text, planned)).collect()
    }

    /// Forgets all; what is planned from now on is kept.
    pub fn clear(&self) {
        self.plans.clear();
    }

    pub fn len(&self) -> usize {
        self.plans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    pub fn bytes(&self) -> u64 {
        self.plans.weight()
    }
}
