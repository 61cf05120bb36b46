//! A TCP relay that delays what passes through it, as distance would.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::net::timer;

/// Pieces of one direction on their way; a writer that has more waits.
const PIECES_MAX: usize = 256;
const PIECE_BYTES: usize = 16 * 1024;

/// Relays every connection to `to`; bytes arrive `delay` later than they were sent, in both directions.
pub(super) async fn relay(listener: TcpListener, to: SocketAddr, delay: Duration) {
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            let Ok(far) = TcpStream::connect(to).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::join!(one_way(near_in, far_out, delay), one_way(far_in, near_out, delay));
        });
    }
}

/// Passes bytes on until their end, which arrives later as well.
async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let read = async move {
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let length = from.read(&mut piece).await.unwrap_or(0);
            piece.truncate(length);
            if sender.send((Instant::now() + delay, piece)).await.is_err() || length == 0 {
                return;
            }
        }
    };
    let write = async move {
        while let Some((at, piece)) = receiver.recv().await {
            timer::sleep(at.saturating_duration_since(Instant::now())).await;
            if piece.is_empty() || to.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}
