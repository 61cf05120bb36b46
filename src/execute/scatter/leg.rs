//! One shard's part of a scatter: its connection, and how far its reply was read.
//!
//! Invariant: bytes of a reply are only ever in the connection's own buffer, but for the definitions of its columns;
//! what is not taken from there is not read from the server either.

use std::task::{Context, Poll};

use crate::backend::{Connection, Failure};
use crate::execute::held::Held;
use crate::shard_map::ShardId;
use crate::wire::columns::Definitions;
use crate::wire::packet::{self, HEADER_LEN};
use crate::wire::walker::{End, EndKind, Event, Expect, ReplyWalker};

#[derive(Debug)]
pub struct Leg {
    pub shard: ShardId,
    pub held: Held,
    /// The session had this connection before, in a transaction or for what lives on it.
    pub was_held: bool,
    /// The statement was sent, so that a reply is due.
    pub sent: bool,
    /// How the reply ended.
    pub end: Option<End>,
    lost: bool,
    walker: ReplyWalker,
    columns: Definitions,
    /// There may be something to be taken.
    arrived: bool,
    /// What the buffer must hold for progress, and what the last read suggests.
    want: usize,
    capacity: usize,
}

/// What can be taken of a reply now.
#[derive(Debug)]
pub enum Part {
    /// Nothing until more is read.
    Nothing,
    /// All definitions of the columns are there.
    Columns,
    /// So many bytes of rows lie in the connection's buffer, with the client's sequence ids.
    Rows(usize),
    /// The last rows, and behind them a packet that is not for the client. `end` says how the reply ended.
    Last { rows: usize, packet: usize },
}

impl Leg {
    pub fn new(shard: ShardId, held: Held, was_held: bool) -> Leg {
        let walker = ReplyWalker::new(Expect::Command, held.lease.deprecate_eof());
        Leg {
            shard,
            held,
            was_held,
            sent: false,
            end: None,
            lost: false,
            walker,
            columns: Definitions::default(),
            arrived: true,
            want: 0,
            capacity: 0,
        }
    }

    pub fn is_running(&self) -> bool {
        self.sent && self.end.is_none() && !self.lost
    }

    /// Whether nothing is under way on the connection, and its reply was read to the end.
    pub fn is_at_rest(&self) -> bool {
        !self.lost && !self.is_running()
    }

    /// The connection is of no use any more.
    pub fn lose(&mut self) {
        self.lost = true;
    }

    /// Whether there may be something to be taken without a read.
    pub fn has_arrived(&self) -> bool {
        self.arrived && self.end.is_none()
    }

    pub fn columns_mut(&mut self) -> &mut Definitions {
        &mut self.columns
    }

    pub fn columns(&self) -> &Definitions {
        &self.columns
    }

    /// Whether a row was begun and not ended: the next bytes for the client must be its own.
    pub fn is_within_row(&self) -> bool {
        !self.walker.between_packets()
    }

    /// The client's next sequence id, once `Rows` were taken; of `Last`, that of its packet.
    pub fn next_sequence(&self) -> u8 {
        if self.end.is_some() { self.walker.last_sequence() } else { self.walker.last_sequence().wrapping_add(1) }
    }

    /// Looks at what is in the buffer. `sequence`: the client's next.
    pub fn part(&mut self, sequence: u8) -> Result<Part, Failure> {
        if !self.columns.are_complete() {
            return self.definitions();
        }
        let connection = &mut *self.held.lease;
        if self.walker.between_packets()
            && let Some(header) = packet::header(connection.buffer.filled())
        {
            self.walker.set_sequence_shift(sequence.wrapping_sub(header.seq));
        }
        let walked = match self.walker.walk(connection.buffer.filled_mut()) {
            Ok(walked) => walked,
            Err(malformed) => return Err(connection.garbage(malformed.what)),
        };
        match walked.event {
            None => {
                self.arrived = false;
                self.want = walked.want;
                Ok(if walked.forward > 0 { Part::Rows(walked.forward) } else { Part::Nothing })
            }
            Some(Event::End(end)) => {
                self.ends(end, walked.forward)?;
                Ok(Part::Last { rows: walked.forward - end.packet, packet: end.packet })
            }
            Some(Event::LocalInfile) => Err(self.held.lease.garbage("request for a file that nothing asked for")),
        }
    }

    /// Takes packets until the rows begin.
    fn definitions(&mut self) -> Result<Part, Failure> {
        loop {
            let connection = &mut *self.held.lease;
            let deprecate_eof = connection.deprecate_eof();
            let filled = connection.buffer.filled_mut();
            let whole = packet::header(filled).map_or(filled.len(), |header| HEADER_LEN + header.len);
            let one = whole.min(filled.len());
            let walked = match self.walker.walk(&mut filled[..one]) {
                Ok(walked) => walked,
                Err(malformed) => return Err(connection.garbage(malformed.what)),
            };
            match walked.event {
                None if walked.forward == 0 => {
                    self.arrived = false;
                    self.want = walked.want;
                    return Ok(Part::Nothing);
                }
                None => {}
                Some(Event::End(end)) => {
                    self.ends(end, walked.forward)?;
                    if !matches!(end.kind, EndKind::Err { .. }) {
                        return Err(self.held.lease.garbage("no rows in the reply to a SELECT"));
                    }
                    return Ok(Part::Last { rows: 0, packet: end.packet });
                }
                Some(Event::LocalInfile) => {
                    return Err(connection.garbage("request for a file that nothing asked for"));
                }
            }
            if let Err(malformed) = self.columns.push(&connection.buffer.filled()[..walked.forward], deprecate_eof) {
                return Err(connection.garbage(malformed.what));
            }
            connection.buffer.consume(walked.forward);
            if self.columns.are_complete() {
                return Ok(Part::Columns);
            }
        }
    }

    fn ends(&mut self, end: End, forward: usize) -> Result<(), Failure> {
        let connection = &*self.held.lease;
        if end.more || connection.buffer.filled().len() != forward {
            return Err(connection.garbage("bytes behind the end of a reply"));
        }
        self.end = Some(end);
        Ok(())
    }

    /// Reads once from the server.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let connection = &mut *self.held.lease;
        let read = match connection.poll_fill(self.want.max(self.capacity), cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(read) => read,
        };
        let answered = !self.walker.nothing_forwarded();
        Poll::Ready(match read {
            Ok(0) => Err(connection.lost(std::io::ErrorKind::UnexpectedEof.into(), answered)),
            Ok(_) => {
                self.capacity = connection.buffer.next_capacity();
                self.arrived = true;
                Ok(())
            }
            Err(cause) => Err(connection.lost(cause, answered)),
        })
    }

    /// Reads the rest of the reply, for nobody. Cancel-safe.
    pub async fn discard(&mut self) -> Result<(), Failure> {
        while self.is_running() {
            let connection: &mut Connection = &mut self.held.lease;
            let walked = match self.walker.walk(connection.buffer.filled_mut()) {
                Ok(walked) => walked,
                Err(malformed) => return Err(connection.garbage(malformed.what)),
            };
            match walked.event {
                Some(Event::End(end)) => {
                    self.ends(end, walked.forward)?;
                    self.held.lease.buffer.consume(walked.forward);
                }
                Some(Event::LocalInfile) => {
                    return Err(connection.garbage("request for a file that nothing asked for"));
                }
                None => {
                    connection.buffer.consume(walked.forward);
                    self.want = walked.want;
                    std::future::poll_fn(|cx| self.poll_read(cx)).await?;
                }
            }
        }
        Ok(())
    }
}
