//! The relay: a server's reply goes to the client as it comes, unread but for packet headers and the packets that end
//! it. One read, walked in place, one write of everything complete.
//!
//! Invariant: at most one buffer of a reply is in memory; a client that does not read stops the reads from the server.

use std::future::poll_fn;
use std::task::Poll;

use super::client::{Client, Gone};
use super::registry::SessionHandle;
use super::single::state_bytes;
use crate::backend::{Connection, Failure};
use crate::wire::names::Namer;
use crate::wire::reply::ServerError;
use crate::wire::walker::{End, EndKind, Event, Expect, ReplyWalker, Walked};
use crate::wire::{capability, packet, reply};

/// How the reply differs from what the server sends.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub expect: Expect,
    /// Added to the server's sequence ids: its reply starts at 1, ours may be one of several.
    pub shift: u8,
    /// Another statement of the same packet follows.
    pub more: bool,
    /// The client's id of a statement being prepared.
    pub statement_id: Option<u32>,
    /// A refusal because the server is read-only is not for the client, but for whoever may run the statement elsewhere.
    pub may_move: bool,
}

impl Shape {
    pub fn plain(expect: Expect) -> Self {
        Shape { expect, shift: 0, more: false, statement_id: None, may_move: false }
    }
}

/// Why a reply did not come to its end.
#[derive(Debug)]
pub enum Broken {
    /// The server's side failed. `forwarded`: the client has seen some of the reply. `torn`: it has seen a part of a
    /// packet, so nothing can be said to it any more.
    Server { failure: Failure, forwarded: bool, torn: bool },
    /// The server refused the statement because it is read-only, which was asked to be told.
    ReadOnly { end: End, error: ServerError },
    /// The client's side ended; the server may still be at work.
    Client(Gone),
}

/// ER_OPTION_PREVENTS_STATEMENT: what a server answers to writes while it is read-only.
const READ_ONLY: u16 = 1290;

/// ER_QUERY_INTERRUPTED, which a statement ends with that was cancelled.
pub const INTERRUPTED: u16 = 1317;

/// What the relay waited for.
enum Waited {
    Read,
    Failed(Failure),
    Gone(Gone),
}

/// Relays one reply, of however many result sets.
pub async fn relay(
    client: &mut Client,
    connection: &mut Connection,
    handle: &SessionHandle,
    shape: Shape,
) -> Result<End, Broken> {
    let mut walker = ReplyWalker::new(shape.expect, connection.deprecate_eof());
    walker.set_sequence_shift(shape.shift);
    walker.expect_sequence(client.sequence.wrapping_sub(shape.shift));
    walker.force_more(shape.more);
    if let Some(id) = shape.statement_id {
        walker.patch_statement_id(id);
    }
    let rewrite = !client.has(capability::SESSION_TRACK);
    let names = client.names.clone();
    let mut namer = names.as_deref().map(Namer::new);
    let mut want = 0;
    let mut capacity = 0;
    let mut forwarded = 0;
    // The reply may have arrived already, together with those to the prelude.
    let mut arrived = !connection.buffer.is_empty();
    loop {
        if !std::mem::take(&mut arrived) {
            match wait(client, connection, handle, want.max(capacity)).await {
                Waited::Read => capacity = connection.buffer.next_capacity(),
                Waited::Failed(failure) => return Err(broken(failure, &walker)),
                Waited::Gone(gone) => return Err(Broken::Client(gone)),
            }
        }
        loop {
            let may_move = shape.may_move && forwarded == 0;
            let step = walk(&mut walker, connection, handle, rewrite, may_move, namer.as_mut())?;
            if step.forward > 0 {
                let bytes = &connection.buffer.filled()[..step.forward];
                let bytes = step.rewritten.as_deref().unwrap_or(bytes);
                let mut sent = 0;
                if !client.try_send(bytes, &mut sent).map_err(Broken::Client)? {
                    client.send_rest(bytes, sent, handle).await.map_err(Broken::Client)?;
                }
                connection.buffer.consume(step.forward);
                forwarded += step.forward;
                client.stands(walker.last_sequence().wrapping_add(1), !walker.between_packets());
            }
            match step.event {
                Some(Event::End(end)) if !end.more => {
                    if !connection.buffer.is_empty() {
                        let failure = connection.garbage("bytes behind the end of a reply");
                        return Err(Broken::Server { failure, forwarded: true, torn: true });
                    }
                    return Ok(end);
                }
                Some(Event::End(_)) => {}
                Some(Event::LocalInfile) => {
                    send_file(client, connection, handle, walker.last_sequence(), shape.shift).await?;
                    walker.resume_after_infile();
                    want = 0;
                    break;
                }
                None => {
                    if forwarded > client.result_bytes_max && walker.between_packets() {
                        let failure = Failure::ResultTooLarge { bytes_max: client.result_bytes_max };
                        return Err(Broken::Server { failure, forwarded: true, torn: false });
                    }
                    want = step.want;
                    break;
                }
            }
        }
    }
}

/// Everything that may go to the client now.
struct Step {
    forward: usize,
    /// Instead of those bytes, where a packet among them had to be written anew.
    rewritten: Option<Vec<u8>>,
    event: Option<Event>,
    want: usize,
}

/// Walks what is in the buffer, over the ends of result sets that are followed by others.
#[inline]
fn walk(
    walker: &mut ReplyWalker,
    connection: &mut Connection,
    handle: &SessionHandle,
    rewrite: bool,
    may_move: bool,
    namer: Option<&mut Namer<'_>>,
) -> Result<Step, Broken> {
    let walked = walk_once(walker, connection, 0)?;
    let is_special = namer.is_some()
        || matches!(&walked.event, Some(Event::End(end)) if end.more
            || matches!(end.kind, EndKind::Err { .. })
            || rewrite && tells_more_than_status(end));
    if is_special {
        return walk_on(walked, walker, connection, handle, rewrite, may_move, namer);
    }
    Ok(Step { forward: walked.forward, rewritten: None, event: walked.event, want: walked.want })
}

#[inline]
fn walk_once(walker: &mut ReplyWalker, connection: &mut Connection, from: usize) -> Result<Walked, Broken> {
    match walker.walk(&mut connection.buffer.filled_mut()[from..]) {
        Ok(walked) => Ok(walked),
        Err(malformed) => Err(broken(connection.garbage(malformed.what), walker)),
    }
}

/// As `walk`, from what was walked first on, where something may have to be written anew.
#[cold]
fn walk_on(
    mut walked: Walked,
    walker: &mut ReplyWalker,
    connection: &mut Connection,
    handle: &SessionHandle,
    rewrite: bool,
    may_move: bool,
    mut namer: Option<&mut Namer<'_>>,
) -> Result<Step, Broken> {
    let mut step = Step { forward: 0, rewritten: None, event: None, want: 0 };
    let is_named = namer.is_some();
    loop {
        let from = step.forward;
        let to = from + walked.forward;
        let filled = connection.buffer.filled();
        let is_end = matches!(walked.event, Some(Event::End(_)));
        let mut pass = |out: &mut Vec<u8>, bytes: &[u8]| match namer.as_deref_mut() {
            Some(namer) => namer.push(bytes, walker.is_prepare(), is_end, out),
            None => {
                out.extend_from_slice(bytes);
                Ok(())
            }
        };
        let passed = match walked.event {
            Some(Event::End(end)) if matches!(end.kind, EndKind::Err { code: INTERRUPTED }) && handle.is_overdue() => {
                let out = step.rewritten.get_or_insert_with(|| filled[..from].to_vec());
                let last = to - end.packet;
                let passed = pass(out, &filled[from..last]);
                let (code, sqlstate, text) = Failure::Overdue.client_error();
                let mut sequence = filled[last + 3];
                packet::append(out, &mut sequence, &reply::err(code, &state_bytes(sqlstate), &text));
                passed
            }
            Some(Event::End(end))
                if may_move && matches!(end.kind, EndKind::Err { code: READ_ONLY }) && to == end.packet =>
            {
                let error = reply::parse_err(&filled[packet::HEADER_LEN..to]);
                let error = error.map_err(|malformed| broken(connection.garbage(malformed.what), walker))?;
                connection.buffer.consume(to);
                return Err(Broken::ReadOnly { end, error });
            }
            Some(Event::End(end)) if rewrite && tells_more_than_status(&end) => {
                let out = step.rewritten.get_or_insert_with(|| filled[..from].to_vec());
                let last = to - end.packet;
                let passed = pass(out, &filled[from..last]);
                append_without_track(out, &filled[last..to]);
                passed
            }
            _ if is_named => pass(step.rewritten.get_or_insert_with(|| filled[..from].to_vec()), &filled[from..to]),
            _ => match &mut step.rewritten {
                Some(out) => pass(out, &filled[from..to]),
                None => Ok(()),
            },
        };
        if let Err(malformed) = passed {
            return Err(broken(connection.garbage(malformed.what), walker));
        }
        step.forward = to;
        step.event = walked.event;
        step.want = walked.want;
        if !matches!(walked.event, Some(Event::End(end)) if end.more) {
            return Ok(step);
        }
        walked = walk_once(walker, connection, to)?;
    }
}

/// Whether the packet may hold session changes, which a client without SESSION_TRACK cannot read. The smallest OK has 7
/// bytes, an EOF 5.
fn tells_more_than_status(end: &End) -> bool {
    end.has_status
        && !matches!(end.kind, EndKind::Err { .. })
        && end.prepared.is_none()
        && end.packet > packet::HEADER_LEN + 7
}

fn append_without_track(out: &mut Vec<u8>, whole: &[u8]) {
    let mut sequence = whole[3];
    packet::append(out, &mut sequence, &reply::without_session_track(&whole[packet::HEADER_LEN..]));
}

fn broken(failure: Failure, walker: &ReplyWalker) -> Broken {
    let failure = match failure {
        Failure::Lost { member, cause, .. } => Failure::Lost { member, cause, answered: !walker.nothing_forwarded() },
        failure => failure,
    };
    Broken::Server { failure, forwarded: !walker.nothing_forwarded(), torn: !walker.between_packets() }
}

/// Waits for the server, and watches the client and the registry meanwhile.
async fn wait(client: &mut Client, connection: &mut Connection, handle: &SessionHandle, want: usize) -> Waited {
    poll_fn(|cx| {
        match connection.poll_fill(want, cx) {
            Poll::Ready(Ok(0)) => {
                let cause = std::io::ErrorKind::UnexpectedEof.into();
                return Poll::Ready(Waited::Failed(connection.lost(cause, false)));
            }
            Poll::Ready(Ok(_)) => return Poll::Ready(Waited::Read),
            Poll::Ready(Err(cause)) => return Poll::Ready(Waited::Failed(connection.lost(cause, false))),
            Poll::Pending => {}
        }
        if let Some(gone) = handle.poll_ended(cx) {
            return Poll::Ready(Waited::Gone(gone));
        }
        if handle.progress.is_abandoned() {
            return Poll::Ready(Waited::Failed(Failure::Silent { member: connection.member.at.clone() }));
        }
        client.poll_gone(cx).map(Waited::Gone)
    })
    .await
}

/// LOAD DATA LOCAL: the client's packets go to the server until an empty one, which ends the file.
async fn send_file(
    client: &mut Client,
    connection: &mut Connection,
    handle: &SessionHandle,
    last_sequence: u8,
    shift: u8,
) -> Result<(), Broken> {
    let mut sequence = last_sequence.wrapping_add(1);
    loop {
        let mut part = client.file_packet(handle, sequence).await.map_err(Broken::Client)?;
        part[3] = sequence.wrapping_sub(shift);
        sequence = sequence.wrapping_add(1);
        let sent = client.watched(handle, connection.send(&part)).await.map_err(Broken::Client)?;
        if let Err(failure) = sent {
            client.stands(sequence, false);
            return Err(Broken::Server { failure, forwarded: true, torn: false });
        }
        if part.len() == packet::HEADER_LEN {
            return Ok(());
        }
    }
}
