//! Bytes in and out of sockets: a stream that may be encrypted, and the buffer it is read into.
//!
//! Knows nothing of MySQL. Everything here is cancel-safe: a dropped future loses no byte that was read,
//! and a send is only ever dropped together with its stream.

mod buffer;
pub mod timer;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

pub use buffer::{RELAY_CAPACITY, ReadBuffer};

/// A TCP connection, plain or under TLS.
#[derive(Debug)]
pub enum Stream {
    Plain(TcpStream),
    /// Boxed: the TLS state is large and most of it is cold.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether what is sent here is hidden from the network.
    pub fn is_secure(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// Writes all of `bytes` and hands them to the socket.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        poll_fn(|cx| self.poll_send(bytes, &mut sent, cx)).await
    }

    /// Sends what the socket takes at once of `bytes`, of which `sent` were taken already. Whether that was all; never
    /// under TLS, where [`Stream::poll_send`] has to go on.
    #[inline]
    pub fn try_send(&mut self, bytes: &[u8], sent: &mut usize) -> io::Result<bool> {
        let Stream::Plain(stream) = self else {
            return Ok(false);
        };
        // Most sends are taken whole, without a look at the task's budget: the reads between them have theirs.
        match stream.try_write(&bytes[*sent..]) {
            Ok(taken) => *sent += taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(*sent == bytes.len())
    }

    /// Goes on with sending `bytes`, of which `sent` were taken already; ready when all are with the socket.
    pub fn poll_send(&mut self, bytes: &[u8], sent: &mut usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if *sent < bytes.len() && self.try_send(bytes, sent)? {
            return Poll::Ready(Ok(()));
        }
        while *sent < bytes.len() {
            match ready!(Pin::new(&mut *self).poll_write(cx, &bytes[*sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => *sent += taken,
            }
        }
        match self {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    /// Whether a read may find something: bytes or the end. Asks to be woken if not. The answer may be a false yes.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Stream::Plain(stream) => stream.poll_read_ready(cx).map(drop),
            // Only a read knows whether there is plain text.
            Stream::Tls(_) => Poll::Ready(()),
        }
    }

    /// Whether there is something to read, the end included. Costs no system call while the reactor has seen nothing.
    /// For a stream that is to be silent: a byte that is there is taken.
    pub fn has_input(&mut self) -> bool {
        let mut byte = [0u8; 1];
        match self {
            Stream::Plain(stream) => {
                !matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Stream::Tls(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                Pin::new(stream.as_mut()).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_ready()
            }
        }
    }

    /// Says good-bye as far as TLS and TCP can; never waits for the peer.
    pub async fn close(mut self) {
        let shutdown = async {
            match &mut self {
                Stream::Plain(stream) => stream.shutdown().await,
                Stream::Tls(stream) => stream.shutdown().await,
            }
        };
        let _ = timer::timeout(std::time::Duration::from_millis(100), shutdown).await;
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
