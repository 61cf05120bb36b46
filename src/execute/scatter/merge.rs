//! The replies of several servers become one result set: the columns once, the rows of all as they come, one end.
//!
//! Rows change hands only between packets, and a row of several packets is sent to its end before another server's.
//! Sequence ids are written anew in place. The client's pace is that of all servers: while a send waits nothing is read.

use std::future::poll_fn;
use std::task::Poll;

use super::leg::{Leg, Part};
use crate::backend::Failure;
use crate::execute::client::{Client, Gone};
use crate::execute::registry::SessionHandle;
use crate::shard_map::ShardId;
use crate::wire::columns::{Definitions, Difference};
use crate::wire::packet::HEADER_LEN;
use crate::wire::walker::EndKind;

/// Why a merged reply did not come to its end.
#[derive(Debug)]
pub enum Stopped {
    /// A server answered with an error, or ended its rows with one: its payload.
    Error {
        leg: usize,
        payload: Vec<u8>,
    },
    /// The columns of this leg are not those of `of`, whose rows the client gets.
    Drift {
        leg: usize,
        of: ShardId,
        difference: Difference,
    },
    /// `torn`: the client has a part of a row, so nothing can be said to it any more.
    Server {
        leg: usize,
        failure: Failure,
        torn: bool,
    },
    Client(Gone),
}

/// What the client has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// The columns, and whose they are.
    columns: Option<(ShardId, Definitions)>,
    /// The leg within whose row the client is.
    within: Option<usize>,
    /// Bytes of rows.
    bytes: usize,
}

impl Seen {
    pub fn anything(&self) -> bool {
        self.columns.is_some()
    }
}

/// Relays the rows of all legs until each has ended. What ends the result is left to the caller.
pub async fn merge(
    client: &mut Client,
    legs: &mut [Leg],
    handle: &SessionHandle,
    seen: &mut Seen,
) -> Result<(), Stopped> {
    let mut turn = 0;
    while legs.iter().any(Leg::is_running) {
        match next(legs, seen.within, turn) {
            Some(leg) => {
                serve(client, legs, leg, handle, seen).await?;
                turn = leg + 1;
            }
            None => wait(client, legs, handle, seen.within).await?,
        }
    }
    Ok(())
}

/// The next leg, from `turn` on, that has something and may be served.
fn next(legs: &[Leg], within: Option<usize>, turn: usize) -> Option<usize> {
    match within {
        Some(leg) => legs[leg].has_arrived().then_some(leg),
        None => (0..legs.len()).map(|n| (turn + n) % legs.len()).find(|leg| legs[*leg].has_arrived()),
    }
}

/// Sends the client what one leg has.
async fn serve(
    client: &mut Client,
    legs: &mut [Leg],
    at: usize,
    handle: &SessionHandle,
    seen: &mut Seen,
) -> Result<(), Stopped> {
    let leg = &mut legs[at];
    let torn = seen.within.is_some();
    let failed = |failure| Stopped::Server { leg: at, failure, torn };
    let (rows, end) = match leg.part(client.sequence).map_err(failed)? {
        Part::Nothing => return Ok(()),
        Part::Columns => {
            if let Some((of, columns)) = &seen.columns {
                return match columns.difference(leg.columns(), leg.held.lease.deprecate_eof()) {
                    Ok(None) => Ok(()),
                    Ok(Some(difference)) => Err(Stopped::Drift { leg: at, of: *of, difference }),
                    Err(malformed) => Err(failed(leg.held.lease.garbage(malformed.what))),
                };
            }
            leg.columns_mut().renumber(&mut client.sequence);
            let (_, columns) = seen.columns.insert((leg.shard, leg.columns().clone()));
            return client.send(columns.bytes(), handle).await.map_err(Stopped::Client);
        }
        Part::Rows(rows) => (rows, 0),
        Part::Last { rows, packet } => (rows, packet),
    };
    if rows > 0 || end > 0 {
        let next = leg.next_sequence();
        if rows > 0 {
            let bytes = &leg.held.lease.buffer.filled()[..rows];
            client.send(bytes, handle).await.map_err(Stopped::Client)?;
            client.sequence = next;
        }
        leg.held.lease.buffer.consume(rows);
        seen.bytes += rows;
    }
    seen.within = leg.is_within_row().then_some(at);
    if seen.bytes > client.result_bytes_max && seen.within.is_none() {
        let failure = Failure::ResultTooLarge { bytes_max: client.result_bytes_max };
        return Err(Stopped::Server { leg: at, failure, torn: false });
    }
    if end > 0 {
        let payload = leg.held.lease.buffer.filled()[HEADER_LEN..end].to_vec();
        leg.held.lease.buffer.consume(end);
        if matches!(leg.end.map(|end| end.kind), Some(EndKind::Err { .. })) {
            return Err(Stopped::Error { leg: at, payload });
        }
    }
    Ok(())
}

/// Waits until a leg that may be served has read something; watches the client and the registry meanwhile.
async fn wait(
    client: &mut Client,
    legs: &mut [Leg],
    handle: &SessionHandle,
    within: Option<usize>,
) -> Result<(), Stopped> {
    poll_fn(|cx| {
        let mut read = false;
        for (at, leg) in legs.iter_mut().enumerate() {
            if !leg.is_running() || within.is_some_and(|within| within != at) {
                continue;
            }
            match leg.poll_read(cx) {
                Poll::Ready(Ok(())) => read = true,
                Poll::Ready(Err(failure)) => {
                    return Poll::Ready(Err(Stopped::Server { leg: at, failure, torn: within.is_some() }));
                }
                Poll::Pending => {}
            }
        }
        if read {
            return Poll::Ready(Ok(()));
        }
        if let Some(gone) = handle.poll_ended(cx) {
            client.stands(client.sequence, within.is_some());
            return Poll::Ready(Err(Stopped::Client(gone)));
        }
        client.poll_gone(cx).map(|gone| Err(Stopped::Client(gone)))
    })
    .await
}
