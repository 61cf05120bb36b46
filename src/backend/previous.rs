//! Statements about the previous statement (LAST_INSERT_ID(), SHOW WARNINGS) when their connection has been handed to
//! another session: what must be kept for the first session is fetched by the next one, just before it takes the
//! connection over, and left where the first finds it.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

/// What a connection still owes to the session that used it last. Something is owed only while that session holds
/// the other end.
#[derive(Debug, Clone, Default)]
pub struct Owed {
    pub last_insert_id: Option<Arc<Previous>>,
    pub warnings: Option<Arc<Previous>>,
}

impl Owed {
    /// Forgets what nobody waits for any more.
    pub fn prune(&mut self) {
        for kept in [&mut self.last_insert_id, &mut self.warnings] {
            if kept.as_ref().is_some_and(|kept| Arc::strong_count(kept) == 1) {
                *kept = None;
            }
        }
    }

    pub fn is_settled(&self) -> bool {
        self.last_insert_id.is_none() && self.warnings.is_none()
    }

    /// The connection is gone, and what it owed with it.
    pub fn lose(self) {
        for kept in [self.last_insert_id, self.warnings].into_iter().flatten() {
            kept.settle(Kept::Lost);
        }
    }
}

/// What LAST_INSERT_ID() is on a connection, whoever left it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertId {
    Is(u64),
    /// A statement may have left another value.
    Unknown,
    /// It was to be set before a statement that ran since, and was not.
    Unsettled,
}

/// What became of something owed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kept {
    /// Still on its connection.
    #[default]
    There,
    LastInsertId(u64),
    /// The whole reply to SHOW WARNINGS, packet for packet.
    Warnings(Vec<u8>),
    /// The connection was closed before it was asked.
    Lost,
}

/// One thing owed, shared by the session and the connection.
#[derive(Debug, Default)]
pub struct Previous {
    kept: Mutex<Kept>,
    settled: Notify,
}

impl Previous {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no panic under this lock")
    }

    pub fn now(&self) -> Kept {
        self.kept().clone()
    }

    pub fn settle(&self, kept: Kept) {
        *self.kept() = kept;
        self.settled.notify_waiters();
    }

    /// Waits until it is no more on its connection. The caller sets the bound.
    pub async fn settled(&self) -> Kept {
        loop {
            let notified = self.settled.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            match self.now() {
                Kept::There => notified.await,
                kept => return kept,
            }
        }
    }
}
