//! Walks over a backend's replies: which bytes may go to the client now, and where a reply ends.
//!
//! The product's hot path. Of a row only the header and the first byte are looked at; nothing is
//! allocated; the work is O(packets). Changes (sequence shift, MORE_RESULTS, statement id) are made in
//! place, once, in the call that passes the packet on.
//!
//! Invariants: a packet whose payload is at most [`WHOLE_MAX`] is passed on only whole, and so is
//! every packet that ends a reply or may end one, which is at most [`TERMINATOR_MAX`]; larger rows
//! stream. After an error the walker's answers mean nothing: close that backend.

mod event;
mod terminator;
#[cfg(test)]
mod tests;

use super::packet::{self, HEADER_LEN, Header, PAYLOAD_MAX};
use super::{Malformed, status};
pub use event::{End, EndKind, Event, Expect, Prepared, Walked};
use terminator::Terminator;

/// Payloads up to here are passed on only whole, so that a reader's 16 KiB buffer nearly always
/// stops between packets, where an ERR can still be put in.
pub const WHOLE_MAX: usize = 12 * 1024;

/// The largest packet that is held back until it is complete.
pub const TERMINATOR_MAX: usize = 1 << 20;

/// The state of one command's replies.
#[derive(Debug, Clone)]
pub struct ReplyWalker {
    expect: Expect,
    deprecate_eof: bool,
    state: State,
    /// Bytes of the current packet that are still to be streamed.
    streaming: usize,
    /// The last packet was full, so the next one continues it.
    continuation: bool,
    /// The sequence id that must come next; any if `None`.
    next: Option<u8>,
    shift: u8,
    last: u8,
    started: bool,
    force_more: bool,
    statement_id: Option<u32>,
    prepared: Option<Prepared>,
    rows: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// OK, ERR, a file request or the number of columns.
    First,
    /// So many column definitions.
    Columns(u16),
    /// The EOF behind them.
    ColumnsEof,
    Rows,
    PrepareFirst,
    /// So many definitions of this list, then a list of so many.
    PrepareSkip {
        left: u16,
        then: u16,
    },
    PrepareEof {
        then: u16,
    },
    One,
    LocalInfile,
    Done,
}

/// What may be done with the packet that begins here.
enum Pass {
    /// A row, or a piece of one: stream it if it is large.
    Row,
    /// To be read as a whole.
    Held,
}

enum Step {
    Passed(usize),
    Short(usize),
    Event(usize, Event),
}

impl ReplyWalker {
    /// Begins before the first byte of the reply. `deprecate_eof` as agreed on with this backend.
    pub fn new(expect: Expect, deprecate_eof: bool) -> Self {
        let state = match expect {
            Expect::Command => State::First,
            Expect::Prepare => State::PrepareFirst,
            Expect::FieldList | Expect::Fetch => State::Rows,
            Expect::OnePacket => State::One,
        };
        Self {
            expect,
            deprecate_eof,
            state,
            streaming: 0,
            continuation: false,
            next: None,
            shift: 0,
            last: 0,
            started: false,
            force_more: false,
            statement_id: None,
            prepared: None,
            rows: 0,
        }
    }

    /// Whether the reply is that to a PREPARE.
    pub fn is_prepare(&self) -> bool {
        self.expect == Expect::Prepare
    }

    /// Looks at `bytes`: everything received and not yet forwarded. Stops at the first event; when
    /// that is an end with `more`, call again with the rest.
    pub fn walk(&mut self, bytes: &mut [u8]) -> Result<Walked, Malformed> {
        let mut at = 0;
        loop {
            if self.streaming > 0 {
                let part = self.streaming.min(bytes.len() - at);
                self.streaming -= part;
                at += part;
            } else if !self.continuation {
                if let State::Columns(left) = self.state {
                    at = self.small_columns(bytes, at, left)?;
                }
                if self.state == State::Rows {
                    at = self.small_rows(bytes, at)?;
                }
            }
            if at == bytes.len() {
                return Ok(Walked { forward: at, event: None, want: HEADER_LEN + 1 });
            }
            match self.step(&mut bytes[at..])? {
                Step::Passed(len) => at += len,
                Step::Short(want) => {
                    return Ok(Walked { forward: at, event: None, want });
                }
                Step::Event(len, event) => {
                    let want = HEADER_LEN + 1;
                    return Ok(Walked { forward: at + len, event: Some(event), want });
                }
            }
        }
    }

    /// The client's file went to the backend; its answer comes next, with whatever sequence id.
    pub fn resume_after_infile(&mut self) {
        if self.state == State::LocalInfile {
            self.state = State::One;
            self.next = None;
        }
    }

    /// The reply has to begin with this sequence id; without this, with any.
    pub fn expect_sequence(&mut self, first: u8) {
        self.next = Some(first);
    }

    /// Adds `shift` (wrapping) to every sequence id from the next packet on: packets were put in
    /// front of this reply.
    pub fn set_sequence_shift(&mut self, shift: u8) {
        self.shift = shift;
    }

    /// The last sequence id that was forwarded, as the client sees it; before the first packet the
    /// shift, which is right behind a command of one packet. A packet put in carries one more.
    pub fn last_sequence(&self) -> u8 {
        if self.started { self.last } else { self.shift }
    }

    /// Sets MORE_RESULTS for the client in each status that ends a reply: another statement of the
    /// same client packet follows.
    pub fn force_more(&mut self, on: bool) {
        self.force_more = on;
    }

    /// Whether the client has only whole payloads, so that an ERR may follow.
    pub fn between_packets(&self) -> bool {
        self.streaming == 0 && !self.continuation
    }

    /// Whether the client has seen no byte of this command's replies.
    pub fn nothing_forwarded(&self) -> bool {
        !self.started
    }

    /// Whether the last reply has ended.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Writes `id` over the statement id that the backend gives in its reply to PREPARE.
    pub fn patch_statement_id(&mut self, id: u32) {
        self.statement_id = Some(id);
    }

    /// Passes complete rows of at most `WHOLE_MAX` bytes: the loop that large results live in.
    fn small_rows(&mut self, bytes: &mut [u8], mut at: usize) -> Result<usize, Malformed> {
        let Some(mut next) = self.next else {
            return Ok(at);
        };
        let total = bytes.len();
        let mut rows = 0;
        while let Some(head) = bytes[at..].first_chunk_mut::<{ HEADER_LEN + 1 }>() {
            let len = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
            let end = at + HEADER_LEN + len;
            if head[4] >= 0xFE || len == 0 || len > WHOLE_MAX || end > total {
                break;
            }
            if head[3] != next {
                return Err(OUT_OF_ORDER);
            }
            head[3] = next.wrapping_add(self.shift);
            next = next.wrapping_add(1);
            rows += 1;
            at = end;
        }
        if rows > 0 {
            self.next = Some(next);
            self.last = next.wrapping_sub(1).wrapping_add(self.shift);
            self.rows += rows;
        }
        Ok(at)
    }

    /// Passes complete definitions of at most `WHOLE_MAX` bytes, of which `left` are to come.
    fn small_columns(&mut self, bytes: &mut [u8], mut at: usize, mut left: u16) -> Result<usize, Malformed> {
        let Some(mut next) = self.next else {
            return Ok(at);
        };
        let total = bytes.len();
        while left > 0
            && let Some(head) = bytes[at..].first_chunk_mut::<{ HEADER_LEN + 1 }>()
        {
            let len = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
            let end = at + HEADER_LEN + len;
            if head[4] == 0xFF || len == 0 || len > WHOLE_MAX || end > total {
                break;
            }
            if head[3] != next {
                return Err(OUT_OF_ORDER);
            }
            head[3] = next.wrapping_add(self.shift);
            self.last = head[3];
            next = next.wrapping_add(1);
            left -= 1;
            at = end;
        }
        self.next = Some(next);
        self.state = match (left, self.deprecate_eof) {
            (1.., _) => State::Columns(left),
            (0, false) => State::ColumnsEof,
            (0, true) => State::Rows,
        };
        Ok(at)
    }

    /// Passes, or waits for, the packet at the beginning of `bytes`, which aren't empty.
    fn step(&mut self, bytes: &mut [u8]) -> Result<Step, Malformed> {
        match self.state {
            State::Done => return Err(Malformed::new("bytes behind the end of a reply")),
            State::LocalInfile => return Err(Malformed::new("bytes while a file was asked for")),
            _ => {}
        }
        let Some(header) = packet::header(bytes) else {
            return Ok(Step::Short(HEADER_LEN + 1));
        };
        if self.next.is_some_and(|next| next != header.seq) {
            return Err(OUT_OF_ORDER);
        }
        let pass = if self.continuation {
            Pass::Row
        } else if header.len == 0 {
            return Err(Malformed::new("empty packet in a reply"));
        } else {
            match bytes.get(HEADER_LEN) {
                Some(&first) => self.pass(first, header.len),
                None => return Ok(Step::Short(HEADER_LEN + 1)),
            }
        };
        let end = HEADER_LEN + header.len;
        match pass {
            Pass::Row if header.len > WHOLE_MAX => {
                self.row(header, bytes);
                self.streaming = header.len;
                Ok(Step::Passed(HEADER_LEN))
            }
            Pass::Held if header.len > TERMINATOR_MAX => Err(Malformed::new("a packet that isn't a row is over 1 MiB")),
            _ if bytes.len() < end => Ok(Step::Short(end)),
            Pass::Row => {
                self.row(header, bytes);
                Ok(Step::Passed(end))
            }
            Pass::Held => {
                let event = self.held(&mut bytes[HEADER_LEN..end])?;
                self.seal(header, bytes);
                Ok(match event {
                    None => Step::Passed(end),
                    Some(Event::End(found)) => Step::Event(end, Event::End(End { packet: end, ..found })),
                    Some(event) => Step::Event(end, event),
                })
            }
        }
    }

    fn pass(&self, first: u8, len: usize) -> Pass {
        if self.state != State::Rows {
            return Pass::Held;
        }
        // A row may begin with 0xFE: a first value of 16 MiB or more, in a packet that is full then.
        let ends = match first {
            0xFF => true,
            0xFE if self.deprecate_eof => len < PAYLOAD_MAX,
            0xFE => len < terminator::EOF_BELOW,
            _ => false,
        };
        if ends { Pass::Held } else { Pass::Row }
    }

    /// Passes a row's packet.
    fn row(&mut self, header: Header, bytes: &mut [u8]) {
        self.rows += u64::from(!self.continuation);
        self.continuation = header.len == PAYLOAD_MAX;
        self.seal(header, bytes);
    }

    /// Does to a packet's header what is done to each that is passed.
    fn seal(&mut self, header: Header, bytes: &mut [u8]) {
        self.next = Some(header.seq.wrapping_add(1));
        self.last = header.seq.wrapping_add(self.shift);
        self.started = true;
        bytes[HEADER_LEN - 1] = self.last;
    }

    /// Reads a complete payload that isn't a row; it isn't empty.
    fn held(&mut self, payload: &mut [u8]) -> Result<Option<Event>, Malformed> {
        if payload[0] == 0xFF {
            let end = terminator::error(payload)?;
            return self.end(end, payload).map(Some);
        }
        match self.state {
            State::First => self.first(payload),
            State::Columns(left) => {
                self.state = match (left, self.deprecate_eof) {
                    (2.., _) => State::Columns(left - 1),
                    (_, false) => State::ColumnsEof,
                    (_, true) => State::Rows,
                };
                Ok(None)
            }
            State::ColumnsEof => {
                let end = terminator::eof(payload)?;
                if end.status & status::CURSOR_EXISTS != 0 {
                    return self.end(end, payload).map(Some);
                }
                self.patch_more(&end, payload)?;
                self.state = State::Rows;
                Ok(None)
            }
            State::PrepareFirst => self.prepare_first(payload),
            State::PrepareSkip { left, then } => {
                self.state = match (left, self.deprecate_eof) {
                    (2.., _) => State::PrepareSkip { left: left - 1, then },
                    (_, false) => State::PrepareEof { then },
                    (_, true) => return self.prepare_list(then, 0, Terminator::SILENT, payload),
                };
                Ok(None)
            }
            State::PrepareEof { then } => {
                let end = Terminator { kind: EndKind::Ok, ..terminator::eof(payload)? };
                self.prepare_list(then, 0, end, payload)
            }
            State::One => {
                let end = match payload[0] {
                    0x00 | 0xFE => terminator::ok_or_eof(payload, self.deprecate_eof)?,
                    _ if self.expect == Expect::OnePacket => Terminator::SILENT,
                    _ => return Err(Malformed::new("answer to a file")),
                };
                self.end(Terminator { kind: EndKind::Ok, ..end }, payload).map(Some)
            }
            State::Rows => {
                let end = terminator::ok_or_eof(payload, self.deprecate_eof)?;
                self.end(Terminator { kind: EndKind::Rows, ..end }, payload).map(Some)
            }
            State::LocalInfile | State::Done => Err(Malformed::new("bytes behind the end of a reply")),
        }
    }

    fn first(&mut self, payload: &mut [u8]) -> Result<Option<Event>, Malformed> {
        match payload[0] {
            0x00 => {
                let end = terminator::ok_or_eof(payload, self.deprecate_eof)?;
                self.end(end, payload).map(Some)
            }
            0xFE => Err(Malformed::new("an EOF, or a switch of the login's method, instead of a reply")),
            0xFB => {
                self.state = State::LocalInfile;
                Ok(Some(Event::LocalInfile))
            }
            _ => {
                self.state = State::Columns(terminator::column_count(payload)?);
                Ok(None)
            }
        }
    }

    fn prepare_first(&mut self, payload: &mut [u8]) -> Result<Option<Event>, Malformed> {
        let prepared = terminator::prepared(payload)?;
        if let Some(id) = self.statement_id {
            payload[1..5].copy_from_slice(&id.to_le_bytes());
        }
        self.prepared = Some(prepared);
        self.prepare_list(prepared.params, prepared.columns, Terminator::SILENT, payload)
    }

    /// Goes on to the next list of definitions that isn't empty, or ends.
    fn prepare_list(
        &mut self,
        first: u16,
        second: u16,
        end: Terminator,
        payload: &mut [u8],
    ) -> Result<Option<Event>, Malformed> {
        self.state = match (first, second) {
            (0, 0) => return self.end(end, payload).map(Some),
            (0, left) => State::PrepareSkip { left, then: 0 },
            (left, then) => State::PrepareSkip { left, then },
        };
        Ok(None)
    }

    /// As `force_more` asks, in the packet that `end` was read from.
    fn patch_more(&self, end: &Terminator, payload: &mut [u8]) -> Result<(), Malformed> {
        if let (true, Some(at)) = (self.force_more, end.status_at) {
            let patched = (end.status | status::MORE_RESULTS).to_le_bytes();
            payload.get_mut(at..at + 2).ok_or(Malformed::new("status"))?.copy_from_slice(&patched);
        }
        Ok(())
    }

    /// Ends a reply with the packet that `end` was read from.
    fn end(&mut self, end: Terminator, payload: &mut [u8]) -> Result<Event, Malformed> {
        let more = self.expect == Expect::Command && end.status & status::MORE_RESULTS != 0;
        self.patch_more(&end, payload)?;
        self.state = if more { State::First } else { State::Done };
        let failed = matches!(end.kind, EndKind::Err { .. });
        Ok(Event::End(End {
            kind: end.kind,
            has_status: end.status_at.is_some(),
            status: end.status,
            warnings: end.warnings,
            affected_rows: end.affected_rows,
            last_insert_id: end.last_insert_id,
            rows: std::mem::take(&mut self.rows),
            packet: 0,
            more,
            prepared: self.prepared.take().filter(|_| !failed),
        }))
    }
}

const OUT_OF_ORDER: Malformed = Malformed::new("sequence id out of order");
