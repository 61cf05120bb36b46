//! One client's login: greeting, TLS, password exchange, database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::accounts::Accounts;
use super::listener::Frontend;
use crate::execute::{Account, Client, Registered, Session};
use crate::net::{ReadBuffer, Stream, timer};
use crate::telemetry::LoginFailure;
use crate::wire::auth::{Accepted, Attempt, CACHING_SHA2, Exchange, Step};
use crate::wire::handshake::{ChangeUser, Greeting, LoginRequest, NONCE_LEN, SslRequest};
use crate::wire::{capability, charset, packet, reply, status};

/// Why a login did not come to its end.
#[derive(Debug)]
pub enum Reason {
    Closed,
    Failed(std::io::Error),
    Malformed(&'static str),
    /// What the client was told, and what it is counted as.
    Denied(LoginFailure, String),
    /// The TLS handshake.
    Tls(std::io::Error),
    Randomness,
}

impl Reason {
    pub fn text(&self) -> String {
        match self {
            Reason::Closed => "connection closed by the client".into(),
            Reason::Failed(error) => error.to_string(),
            Reason::Malformed(what) => format!("malformed packet ({what})"),
            Reason::Denied(_, why) => why.clone(),
            Reason::Tls(error) => format!("TLS: {error}"),
            Reason::Randomness => "no random bytes to be had".into(),
        }
    }

    /// What it is counted as.
    pub fn failure(&self) -> LoginFailure {
        match self {
            Reason::Closed | Reason::Failed(_) => LoginFailure::Closed,
            Reason::Malformed(_) => LoginFailure::Malformed,
            Reason::Denied(failure, _) => *failure,
            Reason::Tls(_) => LoginFailure::Tls,
            Reason::Randomness => LoginFailure::Internal,
        }
    }
}

pub struct Login<'a> {
    frontend: &'a Frontend,
    accounts: Arc<Accounts>,
    stream: Stream,
    buffer: ReadBuffer,
    sequence: u8,
    registered: Registered,
    peer: SocketAddr,
    received: usize,
}

/// Challenge bytes: no NUL, which ends it in the packet, and no `$`, which separates fields of stored verifiers.
fn nonce() -> Result<[u8; NONCE_LEN], Reason> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| Reason::Randomness)?;
    for byte in &mut nonce {
        *byte &= 0x7F;
        if matches!(*byte, 0 | b'$') {
            *byte += 1;
        }
    }
    Ok(nonce)
}

impl<'a> Login<'a> {
    pub fn new(frontend: &'a Frontend, stream: Stream, registered: Registered, peer: SocketAddr) -> Self {
        let accounts = frontend.accounts.load_full();
        Login { frontend, accounts, stream, buffer: ReadBuffer::new(), sequence: 0, registered, peer, received: 0 }
    }

    /// The whole exchange; the session and the challenge, which COM_CHANGE_USER uses again.
    pub async fn run(mut self) -> Result<(Session, [u8; NONCE_LEN]), Reason> {
        let nonce = nonce()?;
        let tls = self.frontend.tls.load_full();
        let mut offered = capability::OFFERED;
        if tls.is_some() {
            offered |= capability::SSL;
        }
        let greeting = Greeting {
            version: self.frontend.version.load().as_bytes().to_vec(),
            connection_id: self.registered.handle.id,
            nonce,
            capabilities: offered,
            collation: charset::UTF8MB4_GENERAL_CI,
            status: status::AUTOCOMMIT,
            plugin: CACHING_SHA2.as_bytes().to_vec(),
        };
        self.send(&greeting.encode()).await?;
        if tls.is_some() {
            self.read_one_packet().await?;
        }
        let mut payload = self.receive().await?;
        if let Some(_request) = SslRequest::parse(&payload) {
            let Some(acceptor) = (*tls).clone() else {
                return self.fail(1835, b"HY000", "TLS is not offered here", Reason::Malformed("TLS request")).await;
            };
            self = self.encrypt(acceptor).await?;
            payload = self.receive().await?;
        } else if self.frontend.options.require_tls {
            let text = "Connections using insecure transport are prohibited (tls.require)";
            let why = "no TLS, which tls.require asks for".into();
            return self.fail(3159, b"HY000", text, Reason::Denied(LoginFailure::Tls, why)).await;
        }
        let request = match LoginRequest::parse(&payload) {
            Ok(request) => request,
            Err(malformed) => {
                let text = "Bad handshake";
                return self.fail(1043, b"08S01", text, Reason::Malformed(malformed.what)).await;
            }
        };
        let capabilities = request.capabilities & offered;
        let needed = capability::PROTOCOL_41 | capability::SECURE_CONNECTION;
        if capabilities & needed != needed {
            let text =
                "Client does not support authentication protocol requested by server; consider upgrading MySQL client";
            return self.fail(1251, b"08004", text, Reason::Malformed("client of before protocol 4.1")).await;
        }
        let user = String::from_utf8_lossy(request.user).into_owned();
        let plugin = request.plugin.map(|plugin| String::from_utf8_lossy(plugin).into_owned());
        let account = self.authenticate(&user, plugin.as_deref(), request.auth, &nonce).await?;
        let collation = u16::from(request.collation);
        let database = self.database(&account, request.database).await?;
        let ok = reply::ok(0, 0, status::AUTOCOMMIT, 0, b"");
        self.send(&ok).await?;
        let options = &self.frontend.proxy.options;
        let client = Client::new(self.stream, self.buffer, capabilities, options);
        let session = Session::new(self.frontend.proxy.clone(), client, self.registered, account, collation, database);
        Ok((session, nonce))
    }

    async fn authenticate(
        &mut self,
        user: &str,
        plugin: Option<&str>,
        response: &[u8],
        nonce: &[u8; NONCE_LEN],
    ) -> Result<Arc<Account>, Reason> {
        let accounts = self.accounts.clone();
        let found = accounts.find(user);
        let attempt = Attempt {
            verifiers: found.map_or(accounts.dummy(), |user| &user.verifiers),
            known: found.is_some(),
            nonce,
            plugin,
            response,
            secure: self.stream.is_secure(),
            cached_fast: accounts.cached_fast(user),
            rsa: true,
        };
        let key = &self.frontend.key;
        let decrypt = |bytes: &[u8]| key.decrypt(bytes);
        let (mut exchange, mut step) = Exchange::start(attempt);
        loop {
            step = match step {
                Step::Send(payload) => {
                    self.send(&payload).await?;
                    let answer = self.receive().await?;
                    exchange.next(&answer, &decrypt)
                }
                Step::SendRsaKey => {
                    let mut payload = vec![0x01];
                    payload.extend_from_slice(key.public().await.ok_or(Reason::Randomness)?);
                    self.send(&payload).await?;
                    let answer = self.receive().await?;
                    exchange.next(&answer, &decrypt)
                }
                Step::SendThenAccept(payload, accepted) => {
                    self.send(&payload).await?;
                    Step::Accept(accepted)
                }
                Step::Accept(Accepted { fast }) => {
                    if let Some(fast) = fast {
                        accounts.cache_fast(user, fast);
                    }
                    // A dummy is never accepted.
                    let found = found.ok_or(Reason::Denied(LoginFailure::Credentials, "unknown user".into()))?;
                    let account = found.account.clone();
                    return self.count(&account.user).await.map(|()| account);
                }
                Step::Deny => {
                    let using = if response.is_empty() { "NO" } else { "YES" };
                    let text =
                        format!("Access denied for user '{user}'@'{}' (using password: {using})", self.peer.ip());
                    let denied = Reason::Denied(LoginFailure::Credentials, text.clone());
                    return self.fail(1045, b"28000", &text, denied).await;
                }
            };
        }
    }

    async fn count(&mut self, user: &str) -> Result<(), Reason> {
        if self.registered.log_in(user, self.frontend.options.user_connections_max) {
            return Ok(());
        }
        let text = format!(
            "User {user} already has more than 'max_user_connections' active connections (limits.user_connections_max)"
        );
        self.fail(1203, b"42000", &text, Reason::Denied(LoginFailure::Capacity, text.clone())).await
    }

    /// The database that the login names, if the map has it and the account may use it.
    async fn database(&mut self, account: &Account, name: Option<&[u8]>) -> Result<Option<String>, Reason> {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let snapshot = self.frontend.proxy.snapshot.load_full();
        if !account.may_use(&name) {
            let text = format!("Access denied for user '{}'@'{}' to database '{name}'", account.user, self.peer.ip());
            return self.fail(1044, b"42000", &text, Reason::Denied(LoginFailure::Database, text.clone())).await;
        }
        if snapshot.map.database(&name).is_none() {
            let text = format!("Unknown database '{name}'");
            return self.fail(1049, b"42000", &text, Reason::Denied(LoginFailure::Database, text.clone())).await;
        }
        Ok(Some(name))
    }

    async fn fail<T>(&mut self, code: u16, sqlstate: &[u8; 5], text: &str, reason: Reason) -> Result<T, Reason> {
        // Before the login request a client does not expect a SQLSTATE in an error, but all read one.
        let _ = self.send(&reply::err(code, sqlstate, text)).await;
        Err(reason)
    }

    async fn send(&mut self, payload: &[u8]) -> Result<(), Reason> {
        let mut bytes = Vec::with_capacity(payload.len() + packet::HEADER_LEN);
        packet::append(&mut bytes, &mut self.sequence, payload);
        self.stream.send(&bytes).await.map_err(Reason::Failed)
    }

    async fn receive(&mut self) -> Result<Vec<u8>, Reason> {
        loop {
            let mut want = packet::HEADER_LEN;
            if let Some(header) = packet::header(self.buffer.filled()) {
                want += header.len;
                if self.received + want > self.frontend.options.login_bytes_max {
                    let text = "Got a packet bigger than a login may be (limits.login_bytes_max)";
                    self.sequence = header.seq.wrapping_add(1);
                    return self
                        .fail(1153, b"08S01", text, Reason::Malformed("packet larger than limits.login_bytes_max"))
                        .await;
                }
                if header.seq != self.sequence {
                    self.sequence = header.seq.wrapping_add(1);
                    return self
                        .fail(1156, b"08S01", "Got packets out of order", Reason::Malformed("sequence id"))
                        .await;
                }
                if self.buffer.filled().len() >= want {
                    let payload = self.buffer.filled()[packet::HEADER_LEN..want].to_vec();
                    self.buffer.consume(want);
                    self.received += want;
                    self.sequence = header.seq.wrapping_add(1);
                    return Ok(payload);
                }
            }
            self.buffer.reserve(want.max(512));
            match std::future::poll_fn(|cx| self.buffer.poll_fill(&mut self.stream, cx)).await {
                Ok(0) => return Err(Reason::Closed),
                Ok(_) => {}
                Err(error) => return Err(Reason::Failed(error)),
            }
        }
    }

    /// Reads the packet that may ask for TLS, and nothing behind it: the client's side of TLS begins there, and clients
    /// send it without waiting. `receive` judges what was read.
    async fn read_one_packet(&mut self) -> Result<(), Reason> {
        let mut bytes = vec![0; packet::HEADER_LEN];
        self.read_exactly(&mut bytes).await?;
        let len = packet::header(&bytes).map_or(0, |header| header.len);
        if len <= self.frontend.options.login_bytes_max {
            bytes.resize(packet::HEADER_LEN + len, 0);
            self.read_exactly(&mut bytes[packet::HEADER_LEN..]).await?;
        }
        self.buffer.append(&bytes);
        Ok(())
    }

    async fn read_exactly(&mut self, bytes: &mut [u8]) -> Result<(), Reason> {
        match self.stream.read_exact(bytes).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(Reason::Closed),
            Err(error) => Err(Reason::Failed(error)),
        }
    }

    async fn encrypt(mut self, acceptor: TlsAcceptor) -> Result<Self, Reason> {
        // Bytes in clear text would be taken as if they had come encrypted; `read_one_packet` read none.
        if !self.buffer.is_empty() {
            return Err(Reason::Malformed("bytes between the TLS request and TLS"));
        }
        let Stream::Plain(plain) = self.stream else {
            return Err(Reason::Malformed("TLS within TLS"));
        };
        let stream = acceptor.accept(plain).await.map_err(Reason::Tls)?;
        self.stream = Stream::Tls(Box::new(TlsStream::Server(stream)));
        Ok(self)
    }
}

/// COM_CHANGE_USER: a login on a connection that had one, over the same challenge.
pub async fn change_user(
    frontend: &Frontend,
    session: Session,
    nonce: &[u8; NONCE_LEN],
    payload: &[u8],
    peer: SocketAddr,
) -> Result<Session, Reason> {
    let (client, registered) = session.into_parts();
    let mut login = Login::new(frontend, client.stream, registered, peer);
    login.buffer = client.buffer;
    login.sequence = 1;
    let request = match ChangeUser::parse(payload, client.capabilities) {
        Ok(request) => request,
        Err(malformed) => {
            let text = "Malformed communication packet";
            return login.fail(1835, b"HY000", text, Reason::Malformed(malformed.what)).await;
        }
    };
    let user = String::from_utf8_lossy(request.user).into_owned();
    let plugin = request.plugin.map(|plugin| String::from_utf8_lossy(plugin).into_owned());
    let account = match login.authenticate(&user, plugin.as_deref(), request.auth, nonce).await {
        Ok(account) => account,
        Err(reason) => {
            // As after a login that failed: the connection ends.
            let _ = timer::timeout(Duration::from_millis(100), login.stream.close()).await;
            return Err(reason);
        }
    };
    let database = login.database(&account, Some(request.database)).await?;
    let ok = reply::ok(0, 0, status::AUTOCOMMIT, 0, b"");
    login.send(&ok).await?;
    let collation = request.collation.unwrap_or(u16::from(charset::UTF8MB4_GENERAL_CI));
    let options = &frontend.proxy.options;
    let client = Client::new(login.stream, login.buffer, client.capabilities, options);
    Ok(Session::new(frontend.proxy.clone(), client, login.registered, account, collation, database))
}
