//! Opening a connection: TCP, greeting, TLS, login, and the facts that are asked of a member once.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use super::accounts::BackendAccount;
use super::connection::Connection;
use super::failure::Failure;
use super::member::{MemberState, ServerFacts};
use crate::net::{ReadBuffer, Stream};
use crate::session::{Charset, State};
use crate::wire::auth::{ClientAuth, ClientStep, Refuse};
use crate::wire::handshake::{Attributes, Greeting, LoginRequest, SslRequest};
use crate::wire::result_set::Decoded;
use crate::wire::{capability, charset, packet, reply};

/// How TLS towards servers is asked for. Whether certificates are checked is in the account's `rustls::ClientConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    #[default]
    Disabled,
    /// Where the server offers it.
    Preferred,
    Required,
}

/// TLS of one account towards the servers.
#[derive(Debug, Clone)]
pub struct BackendTls {
    pub mode: TlsMode,
    pub config: Arc<rustls::ClientConfig>,
}

/// What we ask of a server besides the client's own `KEYED` bits. No MULTI_STATEMENTS: packets are split here, so a
/// `;` that was missed is a syntax error there and not a statement that was never routed.
const ALWAYS: u32 = capability::LONG_PASSWORD
    | capability::LONG_FLAG
    | capability::PROTOCOL_41
    | capability::TRANSACTIONS
    | capability::SECURE_CONNECTION
    | capability::MULTI_RESULTS
    | capability::PLUGIN_AUTH
    | capability::PLUGIN_AUTH_LENENC
    | capability::SESSION_TRACK;

/// A packet of the connection phase longer than this is not one.
const LOGIN_PACKET_MAX: usize = 64 * 1024;

/// A connection to a server of this version.
pub(super) struct Opened {
    pub connection: Connection,
    pub version: String,
}

/// Opens a connection in the charset of `state`, without a database; the rest of the state is replayed by its user.
pub(super) async fn connect(
    member: &Arc<MemberState>,
    account: &BackendAccount,
    capabilities: u32,
    state: &State,
) -> Result<Opened, Failure> {
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    let failed = |cause| Failure::Connect { member: member.at.clone(), cause };
    let stream = TcpStream::connect(&*member.at).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let second = match member.has_peers() {
        true => Some(stream.as_fd().try_clone_to_owned().map_err(failed)?),
        false => None,
    };
    let mut socket = Login { member, stream: Stream::Plain(stream), buffer: ReadBuffer::new(), sequence: 0 };

    let greeting = socket.receive().await?;
    if greeting.first() == Some(&0xFF) {
        let error = reply::parse_err(&greeting).map_err(|malformed| socket.garbage(malformed.what))?;
        return Err(Failure::Login { member: member.at.clone(), error });
    }
    let greeting = Greeting::parse(&greeting).map_err(|malformed| socket.garbage(malformed.what))?;
    let mut asked = (ALWAYS | capabilities) & (greeting.capabilities | capability::LONG_PASSWORD);
    if asked & capabilities != capabilities {
        return Err(socket.policy("does not have a capability that the client uses"));
    }
    let collation = match state.charset {
        Charset::Login(id) => charset::for_backend(id, greeting.is_mariadb()),
        Charset::Fragment(_) | Charset::Unknown => charset::UTF8MB4_GENERAL_CI,
    };

    if let Some(tls) = &account.tls {
        if greeting.capabilities & capability::SSL != 0 {
            asked |= capability::SSL;
            let request = SslRequest { capabilities: asked, packet_max: 1 << 30, collation };
            socket.send(&request.encode()).await?;
            socket = socket.encrypt(tls).await?;
        } else if tls.mode == TlsMode::Required {
            return Err(socket.policy("offers no TLS, which backend_tls.mode asks for"));
        }
    }

    let secure = socket.stream.is_secure();
    let (mut auth, response) = ClientAuth::start(&greeting.plugin, &greeting.nonce, account.credentials.password());
    let login = LoginRequest {
        capabilities: asked,
        packet_max: 1 << 30,
        collation,
        user: account.user.as_bytes(),
        auth: &response,
        database: None,
        plugin: Some(auth.plugin().as_bytes()),
        attributes: Attributes::default(),
    };
    socket.send(&login.encode()).await?;
    loop {
        let payload = socket.receive().await?;
        match auth.next(&payload, secure) {
            ClientStep::Send(payload) => socket.send(&payload).await?,
            // Without TLS nobody vouches for the key; an operator who minds configures backend_tls.
            ClientStep::RequestRsaKey => socket.send(&[0x02]).await?,
            ClientStep::SendEncrypted(pem) => {
                let encrypted = auth.encrypt(&pem).map_err(|malformed| socket.garbage(malformed.what))?;
                socket.send(&encrypted).await?;
            }
            ClientStep::Wait => {}
            ClientStep::Done => break,
            ClientStep::Refuse(Refuse::Server(error)) => {
                return Err(Failure::Login { member: member.at.clone(), error });
            }
            ClientStep::Refuse(Refuse::Plugin(_)) => {
                return Err(socket.policy("asks for an authentication plugin that is not supported"));
            }
            ClientStep::Refuse(Refuse::Malformed(malformed)) => return Err(socket.garbage(malformed.what)),
        }
    }
    if !socket.buffer.is_empty() {
        return Err(socket.garbage("bytes behind the login"));
    }

    let mut connection = Connection::new(
        NEXT_ID.fetch_add(1, Ordering::Relaxed),
        greeting.connection_id,
        capabilities,
        member.clone(),
        Arc::new(State { charset: opened_with(state), ..State::new(0, None) }),
        socket.stream,
    );
    if let Some(second) = second {
        member.hold(connection.id, second.into());
    }
    // Asked of every connection, for SET GLOBAL may change it between two: sessions say their sql_mode explicitly.
    let facts = ask_facts(&mut connection).await?;
    let state = Arc::make_mut(&mut connection.state);
    state.set_system("sql_mode", format!("'{}'", facts.sql_mode).into_bytes());
    let version = facts.version.clone();
    member.learn(facts);
    member.metrics.backend_connects.increment(1);
    Ok(Opened { connection, version })
}

/// The charset that a connection has whose login asked for that of `state`.
fn opened_with(state: &State) -> Charset {
    match &state.charset {
        Charset::Login(id) => Charset::Login(*id),
        Charset::Fragment(_) | Charset::Unknown => Charset::Login(u16::from(charset::UTF8MB4_GENERAL_CI)),
    }
}

async fn ask_facts(connection: &mut Connection) -> Result<ServerFacts, Failure> {
    const FACTS: &[u8] = b"SELECT @@version, @@session.sql_mode, @@global.character_set_client, \
                           @@global.character_set_results, @@global.collation_connection";
    let answer = connection.query(FACTS).await?;
    let Decoded::Rows(rows) = answer else {
        return Err(connection.garbage("no row for @@version"));
    };
    let mut values = rows.rows.into_iter().next().unwrap_or_default().into_iter();
    let mut text = || values.next().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    match (text(), text()) {
        (Some(version), Some(sql_mode))
            if sql_mode.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b',') =>
        {
            let names = names(&text().unwrap_or_default(), &text().unwrap_or_default(), &text().unwrap_or_default());
            Ok(ServerFacts { names, ..ServerFacts::new(version, sql_mode) })
        }
        _ => Err(connection.garbage("no row for @@version")),
    }
}

/// The SET NAMES that sets these three; DEFAULT where none does.
fn names(client: &str, results: &str, collation: &str) -> String {
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let of_client = collation.strip_prefix(client).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    if client.is_empty() || client != results || !of_client || !is_word(collation) {
        return "NAMES DEFAULT".to_owned();
    }
    format!("NAMES {client} COLLATE {collation}")
}

/// The socket while the login lasts: sequence ids run through the whole exchange.
struct Login<'a> {
    member: &'a MemberState,
    stream: Stream,
    buffer: ReadBuffer,
    sequence: u8,
}

impl Login<'_> {
    fn garbage(&self, what: &'static str) -> Failure {
        Failure::Garbage { member: self.member.at.clone(), what }
    }

    fn policy(&self, what: &'static str) -> Failure {
        Failure::Policy { member: self.member.at.clone(), what }
    }

    fn failed(&self, cause: io::Error) -> Failure {
        Failure::Connect { member: self.member.at.clone(), cause }
    }

    async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(payload.len() + packet::HEADER_LEN);
        packet::append(&mut bytes, &mut self.sequence, payload);
        match self.stream.send(&bytes).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.failed(cause)),
        }
    }

    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            let mut want = packet::HEADER_LEN;
            if let Some(header) = packet::header(self.buffer.filled()) {
                if header.len > LOGIN_PACKET_MAX {
                    return Err(self.garbage("packet of the login longer than 64 KiB"));
                }
                want += header.len;
                if self.buffer.filled().len() >= want {
                    let payload = self.buffer.filled()[packet::HEADER_LEN..want].to_vec();
                    self.buffer.consume(want);
                    self.sequence = header.seq.wrapping_add(1);
                    return Ok(payload);
                }
            }
            self.buffer.reserve(want.max(1024));
            let read = std::future::poll_fn(|cx| self.buffer.poll_fill(&mut self.stream, cx)).await;
            match read {
                Ok(0) => return Err(self.failed(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(cause) => return Err(self.failed(cause)),
            }
        }
    }

    async fn encrypt(self, tls: &BackendTls) -> Result<Self, Failure> {
        let Login { member, stream, buffer, sequence } = self;
        let failed = |cause| Failure::Connect { member: member.at.clone(), cause };
        let Stream::Plain(plain) = stream else {
            return Err(Failure::Garbage { member: member.at.clone(), what: "TLS within TLS" });
        };
        if !buffer.is_empty() {
            return Err(Failure::Garbage { member: member.at.clone(), what: "bytes between greeting and TLS" });
        }
        let host = member.at.rsplit_once(':').map_or(&*member.at, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_string()).map_err(|_| Failure::Policy {
            member: member.at.clone(),
            what: "has an address that no certificate can name",
        })?;
        let stream = TlsConnector::from(tls.config.clone()).connect(name, plain).await.map_err(failed)?;
        Ok(Login { member, stream: Stream::Tls(Box::new(TlsStream::Client(stream))), buffer, sequence })
    }
}
