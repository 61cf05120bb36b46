//! Cursors of prepared statements: rows that stay on a server until the client fetches them, and pin its connection.

use super::{Prepared, hash};
use crate::backend::StatementKey;
use crate::execute::relay::{self, Broken, Shape};
use crate::execute::{Ended, Gone, Served, Session, held};
use crate::shard_map::Reads;
use crate::wire::command::code;
use crate::wire::status;
use crate::wire::walker::{EndKind, Expect};

impl Session {
    /// Closes a statement's cursor, and ends the pin with the last of them.
    pub(super) async fn close_cursor(&mut self, id: u32, prepared: &mut Prepared) {
        let Some(group) = prepared.cursor.take() else {
            return;
        };
        let key = self.cursor_key(id, prepared);
        if let Some(at) = self.held_for(group, Reads::Primary) {
            let held = &mut self.held[at];
            let backend_id = held.lease.remove_statement(key);
            held::close_statement(&mut held.lease, backend_id).await;
        }
        self.statements.cursors.remove(&id);
        if self.statements.cursors.is_empty() {
            self.unpin(held::Pins::CURSOR).await;
        }
    }

    fn cursor_key(&self, id: u32, prepared: &Prepared) -> StatementKey {
        StatementKey { text: prepared.key.text, context: hash(&(prepared.key.context, self.registered.handle.id, id)) }
    }

    pub(in crate::execute) async fn fetch(&mut self, id: u32, rows: u32) -> Served {
        let Some(mut prepared) = self.statements.by_id.remove(&id) else {
            return self.unknown_statement(id, "mysqld_stmt_fetch").await;
        };
        let served = self.fetch_prepared(id, &mut prepared, rows).await;
        self.statements.by_id.insert(id, prepared);
        served
    }

    async fn fetch_prepared(&mut self, id: u32, prepared: &mut Prepared, rows: u32) -> Served {
        let key = self.cursor_key(id, prepared);
        let at = prepared.cursor.and_then(|group| self.held_for(group, Reads::Primary));
        let Some(mut held) = at.map(|at| self.held.swap_remove(at)) else {
            let text = format!("The statement ({id}) has no open cursor.");
            return self.answer_error(1421, b"HY000", &text).await.map(drop);
        };
        let Some(backend_id) = held.lease.statement(key, &prepared.sent).map(|statement| statement.id) else {
            self.held.push(held);
            let text = format!("The statement ({id}) has no open cursor.");
            return self.answer_error(1421, b"HY000", &text).await.map(drop);
        };
        let mut payload = vec![code::STMT_FETCH];
        payload.extend_from_slice(&backend_id.to_le_bytes());
        payload.extend_from_slice(&rows.to_le_bytes());
        let handle = self.registered.handle.clone();
        handle.begin(held.lease.pool(), held.lease.thread_id);
        let relayed = match self.client.watched(&handle, held.lease.send_command(&payload)).await? {
            Ok(()) => relay::relay(&mut self.client, &mut held.lease, &handle, Shape::plain(Expect::Fetch)).await,
            Err(failure) => Err(Broken::Server { failure, forwarded: false, torn: false }),
        };
        let hit = handle.end();
        if hit && relayed.is_ok() && !self.absorb_cancel(&mut held).await {
            drop(held);
            return Err(Ended::Closed(Some(Gone::Protocol("cursor lost with its server"))));
        }
        match relayed {
            Ok(end) => {
                let done = matches!(end.kind, EndKind::Err { .. })
                    || end.has_status && end.status & status::LAST_ROW_SENT != 0;
                self.held.push(held);
                if done {
                    self.close_cursor(id, prepared).await;
                }
                Ok(())
            }
            Err(Broken::Client(gone)) => Err(gone.into()),
            Err(Broken::ReadOnly { .. }) => unreachable!("a plain shape does not ask for it"),
            Err(Broken::Server { failure, torn, .. }) => {
                drop(held);
                if !torn {
                    self.answer_failure(&failure).await?;
                }
                Err(Ended::Closed(Some(Gone::Protocol("cursor lost with its server"))))
            }
        }
    }
}
