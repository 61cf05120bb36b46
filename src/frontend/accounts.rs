//! Who may log in. Replaced as a whole when the accounts file changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::execute::Account;
use crate::wire::auth::Verifier;

/// A client's account.
#[derive(Debug, Clone)]
pub struct User {
    pub account: Arc<Account>,
    pub verifiers: Vec<Verifier>,
}

/// How many users' fast-path verifiers are kept after a full authentication.
const CACHE_MAX: usize = 4096;

#[derive(Debug)]
pub struct Accounts {
    users: HashMap<String, User>,
    /// For a user that does not exist: it goes through the same steps as one that does.
    dummy: Vec<Verifier>,
    /// What a full authentication showed, so that the next one is fast. Never more than the users there are.
    fast: Mutex<HashMap<String, [u8; 32]>>,
}

impl Accounts {
    /// `dummy` is a random secret.
    pub fn new(users: impl IntoIterator<Item = User>, dummy: &[u8]) -> Self {
        let users: HashMap<String, User> = users.into_iter().map(|user| (user.account.user.clone(), user)).collect();
        let salted =
            users.values().flat_map(|user| &user.verifiers).any(|held| matches!(held, Verifier::Salted { .. }));
        // Of the costliest kind that any account has: else the time of a refusal would tell who exists.
        let dummy = match Verifier::from_password_salted(dummy, *b"a salt of no account") {
            Some(verifier) if salted => verifier,
            _ => Verifier::from_password_fast(dummy),
        };
        Accounts { users, dummy: vec![dummy], fast: Mutex::default() }
    }

    pub(super) fn find(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    pub(super) fn dummy(&self) -> &[Verifier] {
        &self.dummy
    }

    pub(super) fn cached_fast(&self, name: &str) -> Option<[u8; 32]> {
        self.fast.lock().expect("no panic under this lock").get(name).copied()
    }

    pub(super) fn cache_fast(&self, name: &str, verifier: [u8; 32]) {
        let mut fast = self.fast.lock().expect("no panic under this lock");
        if fast.len() >= CACHE_MAX {
            fast.clear();
        }
        fast.insert(name.to_string(), verifier);
    }
}
