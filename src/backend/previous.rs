//! Statements about the previous statement (LAST_INSERT_ID(), SHOW WARNINGS, ROW_COUNT()) when their connection has
//! been handed to another session: what must be kept for the first session is fetched by the next one, just before
//! it takes the connection over, and left where the first finds it.

use std::sync::{Arc, Mutex};

/// What a connection still owes to the session that used it last.
#[derive(Debug, Clone)]
pub struct Owed {
    pub to: Arc<Previous>,
    pub last_insert_id: bool,
    pub warnings: bool,
}

/// A session's previous statement, shared with the connection it ran on until that is settled.
#[derive(Debug, Default)]
pub struct Previous {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    last_insert_id: Option<u64>,
    /// The whole reply to SHOW WARNINGS, packet for packet.
    warnings: Option<Vec<u8>>,
    lost: bool,
}

impl Previous {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().expect("no panic under this lock")
    }

    pub fn keep_last_insert_id(&self, value: u64) {
        self.kept().last_insert_id = Some(value);
    }

    pub fn keep_warnings(&self, reply: Vec<u8>) {
        self.kept().warnings = Some(reply);
    }

    /// The connection was closed before anything was fetched.
    pub fn lose(&self) {
        self.kept().lost = true;
    }

    pub fn last_insert_id(&self) -> Option<u64> {
        self.kept().last_insert_id
    }

    pub fn warnings(&self) -> Option<Vec<u8>> {
        self.kept().warnings.clone()
    }

    pub fn is_lost(&self) -> bool {
        self.kept().lost
    }
}
