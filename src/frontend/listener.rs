//! Accepting connections, and each connection's life from login to close.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::login::{self, Login};
use super::{Accounts, LoginKey, Options};
use crate::execute::{Ended, Gone, Proxy};
use crate::net::{Stream, timer};
use crate::telemetry::LoginFailure;
use crate::wire::{packet, reply};

/// What every connection needs.
pub struct Frontend {
    pub proxy: Arc<Proxy>,
    pub accounts: ArcSwap<Accounts>,
    pub key: LoginKey,
    pub tls: ArcSwap<Option<TlsAcceptor>>,
    pub version: ArcSwap<String>,
    pub options: Options,
}

/// Binds a listening address; `shared`, if other processes that say so may bind it as well.
pub fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

impl Frontend {
    /// Accepts until `stop`; every connection is a task of `tasks`.
    pub async fn accept(self: Arc<Self>, listener: TcpListener, tasks: TaskTracker, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let frontend = self.clone();
                    tasks.spawn(async move { frontend.connection(stream, peer).await });
                }
                Err(error) => {
                    // Out of descriptors, or a connection that was gone before it was accepted: not a reason to end.
                    tracing::warn!(%error, "accept failed");
                    timer::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost before its login");
            return;
        }
        let mut stream = Stream::Plain(stream);
        if self.proxy.registry.len() >= self.options.connections_max {
            let mut bytes = Vec::new();
            packet::append(&mut bytes, &mut 0, &reply::err_before_handshake(1040, "Too many connections"));
            let _ = timer::timeout(Duration::from_secs(1), stream.send(&bytes)).await;
            stream.close().await;
            self.login_failed(LoginFailure::Capacity);
            tracing::warn!(%peer, "connection refused: limits.connections_max is reached");
            return;
        }
        let registered = self.proxy.registry.register();
        let id = registered.handle.id;
        let login = Login::new(&self, stream, registered, peer);
        let (mut session, nonce) = match timer::timeout(self.options.login_timeout, login.run()).await {
            Ok(Ok(done)) => done,
            Ok(Err(reason)) => {
                self.login_failed(reason.failure());
                tracing::info!(session = id, %peer, reason = reason.text(), "login failed");
                return;
            }
            Err(_) => {
                self.login_failed(LoginFailure::Timeout);
                tracing::info!(session = id, %peer, reason = "limits.login_timeout_ms passed", "login failed");
                return;
            }
        };
        self.proxy.metrics.logins.increment(1);
        tracing::debug!(session = id, %peer, "logged in");
        loop {
            match session.run().await {
                Ended::Closed(reason) => {
                    let (mut client, _registered) = session.into_parts();
                    if let Some(reason) = &reason {
                        client.last_words(reason).await;
                    }
                    log_end(id, reason);
                    client.stream.close().await;
                    return;
                }
                Ended::ChangeUser(payload) => {
                    let changed = login::change_user(&self, session, &nonce, &payload, peer);
                    match timer::timeout(self.options.login_timeout, changed).await {
                        Ok(Ok(changed)) => {
                            self.proxy.metrics.logins.increment(1);
                            session = changed;
                        }
                        Ok(Err(reason)) => {
                            self.login_failed(reason.failure());
                            tracing::info!(session = id, %peer, reason = reason.text(), "change of user failed");
                            return;
                        }
                        Err(_) => {
                            self.login_failed(LoginFailure::Timeout);
                            return;
                        }
                    }
                }
            }
        }
    }
}

impl Frontend {
    fn login_failed(&self, why: LoginFailure) {
        self.proxy.metrics.login_failures.of(why).increment(1);
    }
}

fn log_end(session: u32, reason: Option<Gone>) {
    match reason {
        None | Some(Gone::Closed) => tracing::debug!(session, "closed"),
        Some(Gone::Failed(error)) => tracing::debug!(session, %error, "client connection failed"),
        Some(Gone::Stopped(stop)) => tracing::info!(session, ?stop, "session ended on request"),
        Some(Gone::Overdue(overdue)) => tracing::info!(session, limit = overdue.limit(), "session closed for its time"),
        Some(Gone::Stalled) => tracing::warn!(session, "client took, or gave, no byte for limits.client_stall_ms_max"),
        Some(Gone::Protocol(reason)) => tracing::warn!(session, reason, "session closed"),
    }
}
