//! What goes to a connection before a statement: what it owes to another session is fetched, then it is brought into
//! this session's state, then the transaction is opened there.
//!
//! Written together with the statement where that cannot do harm; awaited first where it can: never a write behind an
//! unacknowledged USE, SET or BEGIN, and no statement behind a SET that this server has not accepted before.

use std::sync::Arc;

use crate::backend::{Connection, Failure, InsertId, Kept, Lease, MemberState, Previous};
use crate::session::State;
use crate::shard_map::Family;
use crate::wire::command::code;
use crate::wire::packet;
use crate::wire::reply::ServerError;
use crate::wire::result_set::{Decoded, decode_text};
use crate::wire::walker::Expect;

/// One command of the prelude.
#[derive(Debug)]
pub enum Step {
    /// SHOW WARNINGS, for the session that used the connection before.
    KeepWarnings(Arc<Previous>),
    /// SELECT LAST_INSERT_ID(), for the same.
    KeepLastInsertId(Arc<Previous>),
    Use(String),
    Set(Vec<u8>),
    /// The statement that opens the transaction, SET TRANSACTION for one transaction, a savepoint.
    Transaction(Vec<u8>),
    LastInsertId(u64),
    /// Makes LAST_INSERT_ID() the session's, or 0 where that is not known, so that an id that the statement generates can be
    /// told from what is there.
    InsertIdBefore(u64),
    /// A statement after which no server lists warnings: MariaDB drops them only where a table is read.
    ClearWarnings,
    /// COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE: they have no answer.
    Unanswered(Vec<u8>),
}

#[derive(Debug, Default)]
pub struct Prelude {
    steps: Vec<Step>,
}

/// A step that the server refused: the statement behind it must not run.
#[derive(Debug)]
pub struct Rejected {
    /// The connection has seen some of the prelude, so it is not what it was.
    pub sent: bool,
    pub error: ServerError,
}

impl Prelude {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Whether a step gives the connection the session's own LAST_INSERT_ID().
    pub fn sets_insert_id(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::LastInsertId(_)))
    }

    /// Adds, in front of all, what the connection owes to others.
    pub fn settle(&mut self, connection: &mut Connection) {
        let Some(mut owed) = connection.owed.take() else {
            return;
        };
        owed.prune();
        // The warnings before the id: any other statement would clear them.
        let warnings = owed.warnings.take().map(Step::KeepWarnings);
        let id = owed.last_insert_id.take().map(Step::KeepLastInsertId);
        self.steps.splice(0..0, warnings.into_iter().chain(id));
    }

    /// Adds what makes the connection's state that of the session.
    pub fn replay(&mut self, connection: &mut Connection, state: &Arc<State>) {
        if Arc::ptr_eq(&connection.state, state) {
            return;
        }
        if !self.replay_from(&connection.state, state, family(connection)) {
            // Equal, so that the next comparison is one of pointers.
            connection.state = state.clone();
        }
    }

    /// Adds what makes `state` of the state `from`; false if that is nothing.
    pub fn replay_from(&mut self, from: &State, state: &State, family: Family) -> bool {
        let replay = state.replay(from, family);
        let differs = !replay.is_empty();
        if let Some(database) = replay.database {
            self.push(Step::Use(database));
        }
        if let Some(set) = replay.set {
            self.push(Step::Set(set));
        }
        if let Some(set) = replay.set_user {
            self.push(Step::Set(set));
        }
        differs
    }

    /// Whether the steps must be acknowledged before the statement leaves.
    pub fn must_wait(&self, write: bool, member: &MemberState) -> bool {
        self.steps.iter().any(|step| match step {
            Step::KeepWarnings(_) | Step::KeepLastInsertId(_) | Step::Unanswered(_) => false,
            // Every server has the variable. A cancel may hit the step; then the id is not claimed (`read`).
            Step::InsertIdBefore(_) => false,
            // A cancel may hit it, and the write behind it would be done for a client that is told it was not.
            Step::LastInsertId(_) | Step::ClearWarnings => write,
            Step::Use(_) | Step::Transaction(_) => write || !member.has_accepted(&step.text()),
            Step::Set(set) => write || !member.has_accepted(set),
        })
    }

    /// The packets, one per command.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for step in &self.steps {
            let mut payload;
            match step {
                Step::Unanswered(bytes) => payload = bytes.clone(),
                Step::Use(name) => {
                    payload = vec![code::INIT_DB];
                    payload.extend_from_slice(name.as_bytes());
                }
                step => {
                    payload = vec![code::QUERY];
                    payload.extend_from_slice(&step.text());
                }
            }
            packet::append(out, &mut 0, &payload);
        }
    }

    /// Reads the answers. A rejected step does not stop the ones behind it, which were sent already: all are read, and
    /// the first rejection counts.
    pub async fn read(mut self, lease: &mut Lease, state: &Arc<State>) -> Result<Result<(), Rejected>, Failure> {
        let mut rejected = None;
        let mut all_settings = true;
        while let Some(next) = self.steps.first() {
            if matches!(next, Step::Unanswered(_)) {
                self.steps.remove(0);
                continue;
            }
            let reply = lease.read_reply(Expect::Command).await?;
            let step = self.steps.remove(0);
            let error = reply.error();
            match step {
                Step::KeepWarnings(kept) => {
                    kept.settle(if error.is_none() { Kept::Warnings(reply.bytes) } else { Kept::Lost });
                    continue;
                }
                Step::KeepLastInsertId(kept) => {
                    kept.settle(
                        last_insert_id(&reply.bytes, lease.deprecate_eof()).map_or(Kept::Lost, Kept::LastInsertId),
                    );
                    continue;
                }
                Step::InsertIdBefore(value) => {
                    lease.insert_id = if error.is_none() { InsertId::Is(value) } else { InsertId::Unsettled };
                    continue;
                }
                Step::LastInsertId(value) if error.is_none() => lease.insert_id = InsertId::Is(value),
                Step::Use(_) | Step::Set(_) | Step::Transaction(_) if error.is_none() && reply.end.warnings == 0 => {
                    lease.member.accept(&step.text());
                }
                Step::ClearWarnings if error.is_none() => lease.warnings_left = false,
                _ => {}
            }
            if let Some(error) = error {
                all_settings &= !matches!(step, Step::Use(_) | Step::Set(_));
                rejected.get_or_insert(Rejected { error, sent: true });
            }
        }
        if all_settings {
            lease.state = state.clone();
        } else {
            // Some of the settings may have been made.
            lease.tainted = true;
        }
        Ok(rejected.map_or(Ok(()), Err))
    }
}

/// What was to be fetched for another session and was not is lost: it must not wait for it.
impl Drop for Prelude {
    fn drop(&mut self) {
        for step in &self.steps {
            if let Step::KeepWarnings(kept) | Step::KeepLastInsertId(kept) = step {
                kept.settle(Kept::Lost);
            }
        }
    }
}

impl Step {
    /// The text by which a member remembers it.
    fn text(&self) -> Vec<u8> {
        match self {
            Step::KeepWarnings(_) => b"SHOW WARNINGS".to_vec(),
            Step::KeepLastInsertId(_) => b"SELECT LAST_INSERT_ID()".to_vec(),
            Step::Use(name) => format!("USE {name}").into_bytes(),
            Step::Set(text) | Step::Transaction(text) => text.clone(),
            Step::InsertIdBefore(value) | Step::LastInsertId(value) => {
                format!("SET last_insert_id={value}").into_bytes()
            }
            Step::ClearWarnings => b"DO (SELECT 0 FROM (SELECT 0) AS t)".to_vec(),
            Step::Unanswered(_) => Vec::new(),
        }
    }
}

/// The family of the connection's server, as far as it is known.
pub fn family(connection: &Connection) -> Family {
    connection.member.facts().map_or(Family::MySql, |facts| facts.family)
}

fn last_insert_id(reply: &[u8], deprecate_eof: bool) -> Option<u64> {
    match decode_text(reply, deprecate_eof).ok()? {
        Decoded::Rows(rows) => {
            let value = rows.rows.first()?.first()?.as_ref()?;
            std::str::from_utf8(value).ok()?.parse().ok()
        }
        _ => None,
    }
}
