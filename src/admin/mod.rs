//! What operators and their machines ask of a running proxy, over plain HTTP: figures, and whether it lives and serves.
//!
//! GET and HEAD of /metrics, /healthz, /readyz and /status. One request a connection, of which the head alone counts.
//! Invariant: a request is at most [`HEAD_MAX`] bytes and [`REQUEST_TIME`] long, and [`CONNECTIONS_MAX`] are served at
//! once. Nothing here changes anything.

mod request;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::execute::{Cell, Proxy};
use crate::net::timer;
use crate::plan::View;
use crate::telemetry::Prometheus;
use request::{Asked, Page, Status};

/// Bytes of a request's head.
const HEAD_MAX: usize = 8 * 1024;

/// From accept to close.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Connections at once; others wait to be accepted.
const CONNECTIONS_MAX: usize = 32;

/// Bytes behind a request that are read and thrown away, lest the answer be lost in a reset.
const REST_MAX: u64 = 64 * 1024;

/// What the pages show.
#[derive(Debug)]
pub struct Admin {
    pub proxy: Arc<Proxy>,
    pub recorder: Prometheus,
    /// Cancelled when the process takes no more clients.
    pub draining: CancellationToken,
}

impl Admin {
    /// Answers until `stop`; every connection is a task of `tasks`.
    pub async fn accept(self: Arc<Self>, listener: TcpListener, tasks: TaskTracker, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let admin = self.clone();
                    tasks.spawn(async move {
                        let _place = place;
                        match timer::timeout(REQUEST_TIME, converse(stream, |asked| admin.answer(asked))).await {
                            Ok(Ok(())) => {}
                            Ok(Err(error)) => tracing::debug!(%error, "admin: connection failed"),
                            Err(_) => tracing::debug!("admin: no request in time"),
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "admin: accept failed");
                    timer::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    fn answer(&self, asked: Asked) -> Vec<u8> {
        match asked {
            Asked::Refused(status) => request::response(status, request::TEXT, "", true),
            Asked::Page { page, with_body } => {
                let (status, body) = self.page(page);
                request::response(status, page.content(), &body, with_body)
            }
        }
    }

    fn page(&self, page: Page) -> (Status, String) {
        match page {
            Page::Metrics => {
                self.proxy.measure();
                (Status::Ok, self.recorder.render())
            }
            Page::Healthz => (Status::Ok, "alive\n".into()),
            Page::Readyz if self.draining.is_cancelled() => (Status::Unavailable, "draining\n".into()),
            Page::Readyz => match &*self.proxy.unready.load() {
                Some(why) => (Status::Unavailable, format!("not ready: {why}\n")),
                None => (Status::Ok, "ready\n".into()),
            },
            Page::Status => (Status::Ok, self.status()),
        }
    }
}

impl Admin {
    /// What SHOW MERIDIAN shows, but for the sessions, of which there may be many: a list of objects each.
    fn status(&self) -> String {
        let mut status = Map::new();
        status.insert("draining".into(), self.draining.is_cancelled().into());
        status.insert("sessions".into(), self.proxy.registry.len().into());
        for view in View::ALL.into_iter().filter(|view| !matches!(view, View::Sessions | View::Digests)) {
            let listing = self.proxy.view(view);
            let object = |row: &Vec<Cell>| {
                let values = row.iter().map(|cell| match cell {
                    Cell::Text(text) => Value::from(text.as_str()),
                    Cell::Number(number) => Value::from(*number),
                    Cell::Nothing => Value::Null,
                });
                listing.columns.iter().map(|(name, _)| (*name).to_owned()).zip(values).collect::<Map<_, _>>()
            };
            let objects: Vec<Value> = listing.rows.iter().map(object).map(Value::Object).collect();
            status.insert(view.word().to_ascii_lowercase(), objects.into());
        }
        Value::Object(status).to_string() + "\n"
    }
}

/// One request and its answer.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: impl FnOnce(Asked) -> Vec<u8>,
) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    let asked = loop {
        if let Some(asked) = request::read(&head) {
            break asked;
        }
        if head.len() >= HEAD_MAX {
            break Asked::Refused(Status::TooLarge);
        }
        let room = (HEAD_MAX - head.len()) as u64;
        if (&mut stream).take(room).read_buf(&mut head).await? == 0 {
            // Gone before its request was complete.
            return Ok(());
        }
    };
    stream.write_all(&answer(asked)).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(REST_MAX), &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client gets that sends this, in pieces of that many bytes, and then waits for the end.
    #[track_caller]
    fn check(sent: &[u8], piece: usize, expected: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let got = runtime.block_on(async {
            let (mut client, server) = tokio::io::duplex(256);
            let answer = |asked| match asked {
                Asked::Page { page, .. } => format!("{page:?}").into_bytes(),
                Asked::Refused(status) => format!("{status:?}").into_bytes(),
            };
            let asking = async {
                for bytes in sent.chunks(piece) {
                    client.write_all(bytes).await.expect("all is read, or thrown away");
                }
                client.shutdown().await.expect("the other side reads");
                let mut got = String::new();
                client.read_to_string(&mut got).await.expect("the other side closes");
                got
            };
            let (served, got) = tokio::join!(converse(server, answer), asking);
            served.expect("no error of the stream");
            got
        });
        assert_eq!(got, expected, "{} bytes in pieces of {piece}", sent.len());
    }

    #[test]
    fn a_request_is_answered_however_it_arrives() {
        for piece in [1, 7, 4096] {
            check(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", piece, "Metrics");
            check(b"GET /metrics HTTP/1.1\r\nHost: x\r\n", piece, "");
            check(b"", piece, "");
            check(b"\x16\x03\x01\x02\x00", piece, "BadRequest");
        }
    }

    #[test]
    fn a_request_is_bounded() {
        let long = |bytes: usize| {
            let head = "GET /healthz HTTP/1.1\r\nX: ";
            format!("{head}{}\r\n\r\n", "x".repeat(bytes - head.len() - 4)).into_bytes()
        };
        check(&long(HEAD_MAX), 100, "Healthz");
        check(&long(HEAD_MAX + 1), 100, "TooLarge");
        check(&[b'x'; HEAD_MAX + 1000], 100, "TooLarge");
        // What is behind a request is read for a while, so that the answer arrives.
        check(&[b"POST /metrics HTTP/1.1\r\n\r\n", &vec![0; 50_000][..]].concat(), 1000, "MethodNotAllowed");
    }
}
