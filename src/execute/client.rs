//! The client's side of a session: its socket, the command being served, and the replies that Meridian writes itself.
//!
//! Invariant: the bytes of a command stay in place until `finish`, so it can be sent again; what a client sends
//! meanwhile waits in `ahead`, which is bounded.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncRead;

use super::Options;
use super::progress::Overdue;
use super::registry::{SessionHandle, Stop};
use super::single::state_bytes;
use crate::backend::Failure;
use crate::net::{RELAY_CAPACITY, ReadBuffer, Stream, timer};
use crate::wire::names::TwoNames;
use crate::wire::{packet, reply};

/// What an idle session holds for the next command: enough for most, so that one read takes it whole, and small,
/// because there are many idle sessions.
const IDLE_CAPACITY: usize = 1024;

/// Bytes that are read from a client that pipelines, before its running command is served.
const AHEAD_MAX: usize = 4096;

/// A command that arrived whole.
#[derive(Debug)]
pub struct Incoming {
    /// The command as it came, header included, unless it came in several packets.
    bytes: ReadBuffer,
    raw: usize,
    /// The payload of a command of several packets.
    assembled: Option<Vec<u8>>,
}

impl Incoming {
    pub fn payload(&self) -> &[u8] {
        match &self.assembled {
            Some(payload) => payload,
            None => &self.bytes.filled()[packet::HEADER_LEN..self.raw],
        }
    }

    /// The packet with its header, if it is one packet: what can be relayed as it is.
    pub fn packet(&self) -> Option<&[u8]> {
        match self.assembled {
            Some(_) => None,
            None => Some(&self.bytes.filled()[..self.raw]),
        }
    }

    /// Cuts bytes behind the first of the payload, in place.
    ///
    /// # Panics
    /// If there are fewer: a logic error of the caller, who read `count` from the payload.
    pub fn cut_behind_command(&mut self, count: usize) {
        if let Some(payload) = &mut self.assembled {
            payload.drain(1..=count);
            return;
        }
        let bytes = self.bytes.filled_mut();
        let (sequence, command) = (bytes[3], bytes[packet::HEADER_LEN]);
        let payload_len = (self.raw - packet::HEADER_LEN - count) as u32;
        let [a, b, c, _] = payload_len.to_le_bytes();
        bytes[count..=count + packet::HEADER_LEN].copy_from_slice(&[a, b, c, sequence, command]);
        self.bytes.consume(count);
        self.raw -= count;
    }

    /// As `packet`, to be patched in place.
    pub fn packet_mut(&mut self) -> Option<&mut [u8]> {
        match self.assembled {
            Some(_) => None,
            None => Some(&mut self.bytes.filled_mut()[..self.raw]),
        }
    }
}

/// Why a client's connection ends.
#[derive(Debug)]
pub enum Gone {
    /// The end of the stream, or an error of the socket.
    Closed,
    Failed(io::Error),
    /// Asked to end, by KILL or because the process drains.
    Stopped(Stop),
    /// It did nothing for longer than a limit.
    Overdue(Overdue),

    /// It took no byte for longer than the limit.
    Stalled,
    /// It broke the protocol, and has been told so if it can be told.
    Protocol(&'static str),
}

#[derive(Debug)]
pub struct Client {
    pub stream: Stream,
    pub buffer: ReadBuffer,
    /// What both sides speak.
    pub capabilities: u32,
    /// Bytes read while a command was being served.
    ahead: ReadBuffer,
    /// The sequence id of the next packet of this reply.
    pub sequence: u8,
    /// The client has a part of a packet, so nothing can be said to it any more.
    torn: bool,
    /// It is to send a file, while its statement runs.
    in_file: bool,
    pub packet_bytes_max: usize,
    /// Bytes of a reply; a longer one is broken off.
    pub result_bytes_max: usize,
    pub stall: Duration,
    /// While a statement is served whose tables have other names on the servers.
    pub names: Option<Arc<[TwoNames]>>,
}

impl Client {
    pub fn new(stream: Stream, buffer: ReadBuffer, capabilities: u32, options: &Options) -> Self {
        Client {
            stream,
            buffer,
            capabilities,
            ahead: ReadBuffer::new(),
            sequence: 0,
            torn: false,
            in_file: false,
            packet_bytes_max: options.packet_bytes_max,
            result_bytes_max: options.result_bytes_max,
            stall: options.client_stall,
            names: None,
        }
    }

    pub fn has(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }

    /// The next command. Cancel-safe.
    ///
    /// `boundary`: whether the session may end here when the process drains.
    pub async fn next(&mut self, handle: &SessionHandle, boundary: bool) -> Result<Incoming, Gone> {
        self.sequence = 0;
        loop {
            if let Some(header) = packet::header(self.buffer.filled()) {
                if header.seq != 0 {
                    self.sequence = header.seq.wrapping_add(1);
                    let _ = self.error(1156, b"08S01", "Got packets out of order").await;
                    return Err(Gone::Protocol("command with a sequence id other than 0"));
                }
                let whole = packet::HEADER_LEN + header.len;
                if header.len == packet::PAYLOAD_MAX {
                    return self.next_of_several(handle).await;
                }
                if header.len > self.packet_bytes_max {
                    return Err(self.too_large(0).await);
                }
                if self.buffer.filled().len() >= whole {
                    self.sequence = 1;
                    let bytes = std::mem::take(&mut self.buffer);
                    return Ok(Incoming { bytes, raw: whole, assembled: None });
                }
                self.buffer.reserve(whole);
            } else {
                self.buffer.reserve(IDLE_CAPACITY);
            }
            self.fill(handle, boundary && self.buffer.is_empty()).await?;
        }
    }

    /// Waits until some of the next command is there. Cancel-safe, which `next` is not for a command of several packets.
    pub async fn first_bytes(&mut self, handle: &SessionHandle, boundary: bool) -> Result<(), Gone> {
        if self.buffer.is_empty() {
            self.buffer.reserve(IDLE_CAPACITY);
            self.fill(handle, boundary).await?;
        }
        Ok(())
    }

    /// A command whose first packet is full and so continues in others.
    async fn next_of_several(&mut self, handle: &SessionHandle) -> Result<Incoming, Gone> {
        let mut payload = Vec::new();
        let mut expected = 0u8;
        loop {
            let header = loop {
                if let Some(header) = packet::header(self.buffer.filled()) {
                    break header;
                }
                self.buffer.reserve(RELAY_CAPACITY);
                self.fill(handle, false).await?;
            };
            if header.seq != expected {
                self.sequence = header.seq.wrapping_add(1);
                let _ = self.error(1156, b"08S01", "Got packets out of order").await;
                return Err(Gone::Protocol("continuation packet with a wrong sequence id"));
            }
            if payload.len() + header.len > self.packet_bytes_max {
                return Err(self.too_large(header.seq).await);
            }
            self.buffer.consume(packet::HEADER_LEN);
            let mut left = header.len;
            while left > 0 {
                let here = left.min(self.buffer.filled().len());
                payload.extend_from_slice(&self.buffer.filled()[..here]);
                self.buffer.consume(here);
                left -= here;
                if left > 0 {
                    self.buffer.reserve(RELAY_CAPACITY);
                    self.fill(handle, false).await?;
                }
            }
            expected = expected.wrapping_add(1);
            if header.len < packet::PAYLOAD_MAX {
                self.sequence = expected;
                let bytes = std::mem::take(&mut self.buffer);
                return Ok(Incoming { bytes, raw: 0, assembled: Some(payload) });
            }
        }
    }

    /// The command is served: its bytes go, those that arrived meanwhile come.
    pub fn finish(&mut self, incoming: Incoming) {
        let Incoming { mut bytes, raw, assembled } = incoming;
        drop(assembled);
        bytes.consume(raw);
        let ahead = self.ahead.filled();
        if !ahead.is_empty() {
            bytes.append(ahead);
            self.ahead = ReadBuffer::new();
        }
        bytes.shrink(RELAY_CAPACITY);
        self.buffer = bytes;
    }

    /// One packet of a file that a server asked for, header included. It is the client's turn, so nothing else arrives.
    pub async fn file_packet(&mut self, handle: &SessionHandle, sequence: u8) -> Result<Vec<u8>, Gone> {
        // The command being served still lies where `finish` expects it: the file is read through `ahead`.
        std::mem::swap(&mut self.buffer, &mut self.ahead);
        self.in_file = true;
        let part = self.whole_packet(handle, sequence).await;
        self.in_file = false;
        std::mem::swap(&mut self.buffer, &mut self.ahead);
        if part.is_err() {
            self.stands(sequence, false);
        }
        part
    }

    async fn whole_packet(&mut self, handle: &SessionHandle, sequence: u8) -> Result<Vec<u8>, Gone> {
        loop {
            let mut want = RELAY_CAPACITY;
            if let Some(header) = packet::header(self.buffer.filled()) {
                if header.seq != sequence {
                    return Err(Gone::Protocol("file packet with a wrong sequence id"));
                }
                want = packet::HEADER_LEN + header.len;
                if self.buffer.filled().len() >= want {
                    let whole = self.buffer.filled()[..want].to_vec();
                    self.buffer.consume(want);
                    return Ok(whole);
                }
            }
            self.buffer.reserve(want);
            let filled = timer::timeout(self.stall, self.fill(handle, false)).await;
            filled.unwrap_or(Err(Gone::Stalled))?;
        }
    }

    async fn too_large(&mut self, sequence: u8) -> Gone {
        self.sequence = sequence.wrapping_add(1);
        let text = "Got a packet bigger than 'max_allowed_packet' bytes (limits.packet_bytes_max)";
        let _ = self.error(1153, b"08S01", text).await;
        Gone::Protocol("command larger than limits.packet_bytes_max")
    }

    async fn fill(&mut self, handle: &SessionHandle, boundary: bool) -> Result<(), Gone> {
        poll_fn(|cx| {
            if let Poll::Ready(read) = self.buffer.poll_fill(&mut self.stream, cx) {
                return Poll::Ready(match read {
                    Ok(0) => Err(Gone::Closed),
                    Ok(_) => Ok(()),
                    Err(error) => Err(Gone::Failed(error)),
                });
            }
            match handle.poll_stopped(cx) {
                stop @ (Stop::Kill | Stop::Shutdown) => Poll::Ready(Err(Gone::Stopped(stop))),
                Stop::Drain if boundary => Poll::Ready(Err(Gone::Stopped(Stop::Drain))),
                Stop::No | Stop::Drain => match handle.progress.expired() {
                    None => Poll::Pending,
                    Some(Overdue::Statement) if !self.in_file => Poll::Pending,
                    Some(overdue) => Poll::Ready(Err(Gone::Overdue(overdue))),
                },
            }
        })
        .await
    }

    /// While a server works: ready when the client went away. What it sends ahead is kept, up to a bound; a client
    /// that pipelines more is not watched further, its socket's buffer holds the rest.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        // A look at the reactor's flag comes first: this is polled for each statement and nearly always in vain.
        while self.ahead.filled().len() < AHEAD_MAX && self.stream.poll_readable(cx).is_ready() {
            let mut bytes = [0u8; 128];
            let mut read = tokio::io::ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Gone::Failed(error)),
                Poll::Ready(Ok(())) if read.filled().is_empty() => return Poll::Ready(Gone::Closed),
                Poll::Ready(Ok(())) => self.ahead.append(read.filled()),
            }
        }
        Poll::Pending
    }

    /// Waits for what a server does, as long as the client is there and its session is not killed. What is dropped half way
    /// leaves a connection in doubt.
    pub async fn watched<T>(&mut self, handle: &SessionHandle, work: impl Future<Output = T>) -> Result<T, Gone> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if let Some(gone) = handle.poll_ended(cx) {
                return Poll::Ready(Err(gone));
            }
            if handle.progress.is_abandoned() {
                return Poll::Ready(Err(Gone::Overdue(Overdue::Statement)));
            }
            self.poll_gone(cx).map(Err)
        })
        .await
    }

    /// Sends reply bytes. A client that does not read stops here everything behind it: that is the back-pressure.
    pub async fn send(&mut self, bytes: &[u8], handle: &SessionHandle) -> Result<(), Gone> {
        let mut sent = 0;
        match self.try_send(bytes, &mut sent)? {
            true => Ok(()),
            false => self.send_rest(bytes, sent, handle).await,
        }
    }

    /// Sends what the socket takes at once; whether that was all. Else [`Client::send_rest`] has to go on.
    #[inline]
    pub fn try_send(&mut self, bytes: &[u8], sent: &mut usize) -> Result<bool, Gone> {
        self.stream.try_send(bytes, sent).map_err(Gone::Failed)
    }

    /// Sends `bytes` but for the first `sent`.
    pub async fn send_rest(&mut self, bytes: &[u8], mut sent: usize, handle: &SessionHandle) -> Result<(), Gone> {
        let first = poll_fn(|cx| Poll::Ready(self.stream.poll_send(bytes, &mut sent, cx))).await;
        if let Poll::Ready(done) = first {
            return done.map_err(Gone::Failed);
        }
        // Only a send that had to wait pays for a timer.
        let or_stopped = poll_fn(|cx| match self.stream.poll_send(bytes, &mut sent, cx) {
            Poll::Ready(done) => Poll::Ready(done.map_err(Gone::Failed)),
            Poll::Pending => handle.poll_ended(cx).map_or(Poll::Pending, |gone| Poll::Ready(Err(gone))),
        });
        let done = timer::timeout(self.stall, or_stopped).await;
        self.torn = sent < bytes.len();
        match done {
            Ok(done) => done,
            Err(_) => Err(Gone::Stalled),
        }
    }

    /// Sends one packet of our own as the next of this reply.
    pub async fn reply(&mut self, payload: &[u8]) -> Result<(), Gone> {
        let mut bytes = Vec::with_capacity(payload.len() + packet::HEADER_LEN);
        packet::append(&mut bytes, &mut self.sequence, payload);
        match timer::timeout(self.stall, self.stream.send(&bytes)).await {
            Ok(done) => done.map_err(Gone::Failed),
            Err(_) => Err(Gone::Stalled),
        }
    }

    /// How far the reply is, should it be broken off here: the next packet's id, and whether the client has a part of one.
    #[inline]
    pub fn stands(&mut self, sequence: u8, torn: bool) {
        self.sequence = sequence;
        self.torn = torn;
    }

    /// Tells a client whose session ends for a reason of ours what it is, if a packet can be sent.
    pub async fn last_words(&mut self, reason: &Gone) {
        let said = match reason {
            _ if self.torn => return,
            Gone::Overdue(Overdue::Statement) => {
                let (code, sqlstate, text) = Failure::Overdue.client_error();
                self.error(code, &state_bytes(sqlstate), &text).await
            }
            Gone::Overdue(overdue) => {
                let text = format!(
                    "The client was disconnected by the server because of inactivity or for the length of its transaction \
                     ({} passed)",
                    overdue.limit()
                );
                self.error(4031, b"HY000", &text).await
            }
            Gone::Stopped(Stop::Shutdown) => self.error(1053, b"08S01", "Server shutdown in progress").await,
            _ => return,
        };
        if let Err(gone) = said {
            tracing::debug!(?gone, "the client did not take the reason");
        }
    }

    pub async fn error(&mut self, code: u16, sqlstate: &[u8; 5], text: &str) -> Result<(), Gone> {
        self.reply(&reply::err(code, sqlstate, text)).await
    }

    pub async fn ok(&mut self, status: u16) -> Result<(), Gone> {
        let payload = reply::ok(0, 0, status, 0, b"");
        self.reply(&payload).await
    }
}
