//! One connection to a server: its socket, and everything known of its state there.
//!
//! Invariant: between leases nothing is unread and nothing is under way; `state` is what the server has, unless
//! `tainted`, which only a reset cures.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::failure::Failure;
use super::member::MemberState;
use super::previous::{InsertId, Owed};
use super::statements::{BackendStatement, KeptStatements, StatementKey};
use crate::net::{RELAY_CAPACITY, ReadBuffer, Stream};
use crate::session::State;
use crate::wire::result_set::{Decoded, decode_text};
use crate::wire::walker::{End, EndKind, Event, Expect, ReplyWalker};
use crate::wire::{capability, command::code, packet, reply};

/// The largest reply that is taken into memory: those of Meridian's own small statements.
const REPLY_MAX: usize = 4 * 1024 * 1024;

pub struct Connection {
    /// Unique in this process.
    pub id: u64,
    /// The server's own id, for KILL.
    pub thread_id: u32,
    /// Bits of `capability::KEYED`.
    pub capabilities: u32,
    pub member: Arc<MemberState>,
    pub state: Arc<State>,
    /// Something ran here that may have changed the state in ways that were not seen.
    pub tainted: bool,
    pub owed: Option<Owed>,
    pub insert_id: InsertId,
    /// A statement left warnings or an error; MariaDB lists them until a statement with a table runs.
    pub warnings_left: bool,
    /// Statements run here; a session that finds its number unchanged was the last to use the connection.
    pub uses: u64,
    /// When the pool first saw it idle; `None` while it is leased and until then.
    pub idle_since: Option<Instant>,
    pub opened: Instant,
    pub buffer: ReadBuffer,
    stream: Stream,
    statements: KeptStatements,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({} to {}, thread {})", self.id, self.member.at, self.thread_id)
    }
}

/// A whole reply in memory.
#[derive(Debug)]
pub struct Reply {
    pub bytes: Vec<u8>,
    pub end: End,
}

impl Reply {
    /// The error, if the reply is one.
    pub fn error(&self) -> Option<reply::ServerError> {
        match self.end.kind {
            EndKind::Err { .. } => {
                let packet = &self.bytes[self.bytes.len() - self.end.packet..];
                reply::parse_err(&packet[packet::HEADER_LEN..]).ok()
            }
            _ => None,
        }
    }
}

impl Connection {
    pub(super) fn new(
        id: u64,
        thread_id: u32,
        capabilities: u32,
        member: Arc<MemberState>,
        state: Arc<State>,
        stream: Stream,
    ) -> Self {
        Connection {
            id,
            thread_id,
            capabilities,
            member,
            state,
            tainted: false,
            owed: None,
            insert_id: InsertId::Is(0),
            warnings_left: false,
            uses: 0,
            idle_since: None,
            opened: Instant::now(),
            buffer: ReadBuffer::new(),
            stream,
            statements: KeptStatements::default(),
        }
    }

    pub fn deprecate_eof(&self) -> bool {
        self.capabilities & capability::DEPRECATE_EOF != 0
    }

    pub fn lost(&self, cause: io::Error, answered: bool) -> Failure {
        self.member.forget();
        Failure::Lost { member: self.member.at.clone(), cause, answered }
    }

    pub fn garbage(&self, what: &'static str) -> Failure {
        self.member.metrics.backend_failures.increment(1);
        Failure::Garbage { member: self.member.at.clone(), what }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut sent = 0;
        match self.try_send(bytes, &mut sent)? {
            true => Ok(()),
            false => self.send_rest(bytes, sent).await,
        }
    }

    /// Sends what the socket takes at once; whether that was all. Else [`Connection::send_rest`] has to go on.
    #[inline]
    pub fn try_send(&mut self, bytes: &[u8], sent: &mut usize) -> Result<bool, Failure> {
        self.stream.try_send(bytes, sent).map_err(|cause| self.lost(cause, false))
    }

    /// Sends `bytes` but for the first `sent`.
    pub async fn send_rest(&mut self, bytes: &[u8], mut sent: usize) -> Result<(), Failure> {
        let done = poll_fn(|cx| self.stream.poll_send(bytes, &mut sent, cx)).await;
        done.map_err(|cause| self.lost(cause, false))
    }

    /// Sends one command.
    pub async fn send_command(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(payload.len() + packet::HEADER_LEN);
        packet::append(&mut bytes, &mut 0, payload);
        self.send(&bytes).await
    }

    /// Reads once into the buffer, which grows to hold at least `want` bytes. `Ok(0)` is the end of the stream.
    pub fn poll_fill(&mut self, want: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.reserve(want.max(RELAY_CAPACITY));
        self.buffer.poll_fill(&mut self.stream, cx)
    }

    async fn fill(&mut self, want: usize, answered: bool) -> Result<(), Failure> {
        match poll_fn(|cx| self.poll_fill(want, cx)).await {
            Ok(0) => Err(self.lost(io::ErrorKind::UnexpectedEof.into(), answered)),
            Ok(_) => Ok(()),
            Err(cause) => Err(self.lost(cause, answered)),
        }
    }

    /// Reads one whole reply to a command that was sent.
    pub async fn read_reply(&mut self, expect: Expect) -> Result<Reply, Failure> {
        let mut walker = ReplyWalker::new(expect, self.deprecate_eof());
        let mut bytes = Vec::new();
        loop {
            let walked = walker.walk(self.buffer.filled_mut()).map_err(|malformed| self.garbage(malformed.what))?;
            if bytes.len() + walked.forward > REPLY_MAX {
                return Err(self.garbage("reply to a statement of the proxy larger than 4 MiB"));
            }
            bytes.extend_from_slice(&self.buffer.filled()[..walked.forward]);
            self.buffer.consume(walked.forward);
            match walked.event {
                Some(Event::End(end)) if !end.more => return Ok(Reply { bytes, end }),
                Some(Event::End(_)) => {}
                Some(Event::LocalInfile) => return Err(self.garbage("request for a file that nothing asked for")),
                None => self.fill(walked.want, !bytes.is_empty()).await?,
            }
        }
    }

    /// Reads one whole reply, and keeps nothing of it.
    pub async fn skip_reply(&mut self, expect: Expect) -> Result<(), Failure> {
        let mut walker = ReplyWalker::new(expect, self.deprecate_eof());
        loop {
            let walked = walker.walk(self.buffer.filled_mut()).map_err(|malformed| self.garbage(malformed.what))?;
            self.buffer.consume(walked.forward);
            match walked.event {
                Some(Event::End(end)) if !end.more => return Ok(()),
                Some(Event::End(_)) => {}
                Some(Event::LocalInfile) => return Err(self.garbage("request for a file that nothing asked for")),
                None => self.fill(walked.want, true).await?,
            }
        }
    }

    /// Runs one small command of Meridian's own.
    pub async fn call(&mut self, payload: &[u8]) -> Result<Reply, Failure> {
        self.send_command(payload).await?;
        self.read_reply(Expect::Command).await
    }

    /// Runs one small statement of Meridian's own and decodes its text rows.
    pub async fn query(&mut self, sql: &[u8]) -> Result<Decoded, Failure> {
        let mut payload = vec![code::QUERY];
        payload.extend_from_slice(sql);
        let reply = self.call(&payload).await?;
        decode_text(&reply.bytes, self.deprecate_eof()).map_err(|malformed| self.garbage(malformed.what))
    }

    /// Whether an idle connection has something to read: its end, or bytes nobody asked for. Costs no system call
    /// while there is nothing, for the reactor has seen it.
    pub(super) fn is_stale(&mut self) -> bool {
        !self.buffer.is_empty() || self.stream.has_input()
    }

    /// The statement, if it is prepared here.
    pub fn statement(&mut self, key: StatementKey, text: &[u8]) -> Option<&mut BackendStatement> {
        let uses = self.uses;
        let held = self.statements.get_mut(key).filter(|held| *held.text == *text)?;
        held.used = uses;
        Some(held)
    }

    /// Keeps a statement that was prepared here; returns the ids of those to be closed for it.
    pub fn keep_statement(&mut self, key: StatementKey, id: u32, text: Arc<[u8]>, params: u16) -> Vec<u32> {
        self.statements.keep(key, BackendStatement { id, text, params, types: Vec::new(), used: self.uses })
    }

    /// Forgets a statement; its id, to be closed.
    pub fn remove_statement(&mut self, key: StatementKey) -> Option<u32> {
        self.statements.remove(key)
    }

    /// Forgets a statement that is too large to be kept; its id, to be closed.
    pub fn remove_oversized_statement(&mut self) -> Option<u32> {
        self.statements.remove_oversized()
    }

    /// COM_RESET_CONNECTION: rolls back, drops temporary tables, locks, variables and prepared statements.
    pub async fn reset(&mut self) -> Result<(), Failure> {
        let reply = self.call(&[code::RESET_CONNECTION]).await?;
        if reply.error().is_some() {
            return Err(self.garbage("refusal of a connection reset"));
        }
        self.statements.clear();
        self.state = Arc::new(self.state.after_reset());
        self.tainted = false;
        self.insert_id = InsertId::Is(0);
        self.warnings_left = false;
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.member.let_go(self.id);
        if let Some(owed) = self.owed.take() {
            owed.lose();
        }
    }
}
