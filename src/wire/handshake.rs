//! The packets of the connection phase, both ways: greeting, login request, TLS request, switch of
//! plugin, COM_CHANGE_USER.
//!
//! Own code, not `mysql_common`'s, because that forces the collation of the login request, hides the
//! packet limit, and panics in debug builds on a garbled greeting. Strings stay bytes. Parsers are as lenient as the
//! servers where known clients differ (a last field without its NUL), and strict elsewhere.
//!
//! Sources: MySQL source documentation, "Connection Phase Packets"; MariaDB knowledge base, "Connection".

use super::command;
use super::lenenc::{self, Reader};
use super::{Malformed, capability};

/// Bytes of the random challenge that both password plugins use.
pub const NONCE_LEN: usize = 20;

/// The server's first packet. A server that turns us away sends an ERR instead
/// ([`super::reply::parse_err`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// As on the wire: MariaDB may put `5.5.5-` in front.
    pub version: Vec<u8>,
    /// The id that KILL takes.
    pub connection_id: u32,
    /// Bytes without NUL.
    pub nonce: [u8; NONCE_LEN],
    /// What the server offers.
    pub capabilities: u32,
    /// Low byte of the server's collation id.
    pub collation: u8,
    /// Status flags.
    pub status: u16,
    /// The plugin that the nonce is for.
    pub plugin: Vec<u8>,
}

impl Greeting {
    /// The payload that we send as a server.
    pub fn encode(&self) -> Vec<u8> {
        let capabilities = self.capabilities.to_le_bytes();
        let mut out = Vec::with_capacity(64 + self.version.len() + self.plugin.len());
        out.push(PROTOCOL_10);
        lenenc::write_nul(&mut out, &self.version);
        out.extend_from_slice(&self.connection_id.to_le_bytes());
        out.extend_from_slice(&self.nonce[..8]);
        out.push(0);
        out.extend_from_slice(&capabilities[..2]);
        out.push(self.collation);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&capabilities[2..]);
        out.push(NONCE_LEN as u8 + 1);
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&self.nonce[8..]);
        out.push(0);
        lenenc::write_nul(&mut out, &self.plugin);
        out
    }

    /// Parses a backend's greeting. Every server that we serve has protocol 4.1 and plugins.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != PROTOCOL_10 {
            return Err(Malformed::new("greeting of another protocol"));
        }
        let version = reader.nul()?.to_vec();
        let connection_id = reader.u32()?;
        let nonce_first = reader.array::<8>()?;
        reader.u8()?;
        let capabilities_low = reader.u16()?;
        let collation = reader.u8()?;
        let status = reader.u16()?;
        let capabilities = u32::from(capabilities_low) | u32::from(reader.u16()?) << 16;
        if capabilities & capability::PROTOCOL_41 == 0 || capabilities & capability::SECURE_CONNECTION == 0 {
            return Err(Malformed::new("greeting without protocol 4.1"));
        }
        // The length of the nonce, which is 21 with its NUL, then ten bytes, of which MariaDB uses
        // four for capabilities that we never ask for.
        reader.bytes(11)?;
        let nonce_second = reader.array::<{ NONCE_LEN - 8 }>()?;
        if !reader.is_empty() {
            reader.u8()?;
        }
        let plugin = if capabilities & capability::PLUGIN_AUTH != 0 {
            reader.nul_or_rest().to_vec()
        } else {
            b"mysql_native_password".to_vec()
        };
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&nonce_first);
        nonce[8..].copy_from_slice(&nonce_second);
        Ok(Self { version, connection_id, nonce, capabilities, collation, status, plugin })
    }

    /// Whether the server is MariaDB, by its version's text.
    pub fn is_mariadb(&self) -> bool {
        self.version.windows(7).any(|part| part.eq_ignore_ascii_case(b"mariadb"))
    }

    /// The version as executable comments count it: 10.11.19 is 101119, 9.7.4 is 90704.
    pub fn version_number(&self) -> u32 {
        let text = match self.version.strip_prefix(b"5.5.5-") {
            Some(behind) if self.is_mariadb() => behind,
            _ => &self.version,
        };
        let mut parts = [0_u32; 3];
        let mut split = text.split(|byte| *byte == b'.');
        for part in &mut parts {
            let digits = split.next().unwrap_or_default();
            for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()).take(4) {
                *part = *part * 10 + u32::from(digit - b'0');
            }
        }
        parts[0] * 10_000 + parts[1].min(99) * 100 + parts[2].min(99)
    }
}

/// The client's answer to the greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginRequest<'a> {
    /// What the client asks for, not yet cut to what was offered.
    pub capabilities: u32,
    /// The client's max_allowed_packet.
    pub packet_max: u32,
    /// Low byte of the collation id.
    pub collation: u8,
    /// Account name.
    pub user: &'a [u8],
    /// Response to the nonce, for `plugin`.
    pub auth: &'a [u8],
    /// Default database; an empty name is none.
    pub database: Option<&'a [u8]>,
    /// The plugin that `auth` is of.
    pub plugin: Option<&'a [u8]>,
    /// Connection attributes.
    pub attributes: Attributes<'a>,
}

impl<'a> LoginRequest<'a> {
    /// Parses a client's payload; first try [`SslRequest::parse`].
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let head = SslRequest::read(&mut reader)?;
        let has = |flag| head.capabilities & flag != 0;
        let user = reader.nul()?;
        let auth = if has(capability::PLUGIN_AUTH_LENENC) {
            reader.string()?
        } else if has(capability::SECURE_CONNECTION) {
            let len = reader.u8()?;
            reader.bytes(usize::from(len))?
        } else {
            reader.nul()?
        };
        let database = has(capability::CONNECT_WITH_DB).then(|| reader.nul_or_rest());
        let plugin = has(capability::PLUGIN_AUTH).then(|| reader.nul_or_rest());
        let attributes = Attributes::read(&mut reader, has(capability::CONNECT_ATTRS))?;
        Ok(Self {
            capabilities: head.capabilities,
            packet_max: head.packet_max,
            collation: head.collation,
            user,
            auth,
            database: database.filter(|name| !name.is_empty()),
            plugin,
            attributes,
        })
    }

    /// The payload towards a backend. The flags of fields that are there are set, the others
    /// cleared. The response has to be shorter than 251 bytes, as all that we make are: its length is
    /// then one byte, with PLUGIN_AUTH_LENENC or without.
    pub fn encode(&self) -> Vec<u8> {
        let mut capabilities = self.capabilities | capability::PROTOCOL_41 | capability::SECURE_CONNECTION;
        let optional = [
            (capability::CONNECT_WITH_DB, self.database.is_some()),
            (capability::PLUGIN_AUTH, self.plugin.is_some()),
            (capability::CONNECT_ATTRS, !self.attributes.0.is_empty()),
        ];
        for (flag, present) in optional {
            capabilities = if present { capabilities | flag } else { capabilities & !flag };
        }
        let Self { packet_max, collation, .. } = *self;
        let mut out = SslRequest { capabilities, packet_max, collation }.head();
        lenenc::write_nul(&mut out, self.user);
        lenenc::write_string(&mut out, self.auth);
        if let Some(database) = self.database {
            lenenc::write_nul(&mut out, database);
        }
        if let Some(plugin) = self.plugin {
            lenenc::write_nul(&mut out, plugin);
        }
        if !self.attributes.0.is_empty() {
            lenenc::write_string(&mut out, self.attributes.0);
        }
        out
    }
}

/// Connection attributes as they are on the wire: lenenc strings, name and value in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a>(pub &'a [u8]);

impl<'a> Attributes<'a> {
    /// Name and value of each; ends silently where the bytes are garbled, as servers do.
    pub fn pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || Some((reader.string().ok()?, reader.string().ok()?)))
    }

    /// The bytes for a list of attributes.
    pub fn encode(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in pairs {
            lenenc::write_string(&mut out, name.as_bytes());
            lenenc::write_string(&mut out, value.as_bytes());
        }
        out
    }

    fn read(reader: &mut Reader<'a>, present: bool) -> Result<Self, Malformed> {
        if present && !reader.is_empty() { reader.string().map(Self) } else { Ok(Self(&[])) }
    }
}

/// A client's request for TLS: the first 32 bytes of a login request. What it says is not protected;
/// the login request that follows inside TLS counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslRequest {
    /// As in the login request, with SSL set.
    pub capabilities: u32,
    /// As in the login request.
    pub packet_max: u32,
    /// As in the login request.
    pub collation: u8,
}

impl SslRequest {
    const LEN: usize = 32;

    /// `None` if the payload is something else; a login request is never that short, since its user
    /// has a NUL.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let found = Self::read(&mut Reader::new(payload)).ok()?;
        let asks = payload.len() == Self::LEN && found.capabilities & capability::SSL != 0;
        asks.then_some(found)
    }

    /// The payload towards a backend.
    pub fn encode(&self) -> Vec<u8> {
        Self { capabilities: self.capabilities | capability::SSL, ..*self }.head()
    }

    fn head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(&self.capabilities.to_le_bytes());
        out.extend_from_slice(&self.packet_max.to_le_bytes());
        out.push(self.collation);
        out.resize(Self::LEN, 0);
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let capabilities = reader.u32()?;
        if capabilities & capability::PROTOCOL_41 == 0 {
            return Err(Malformed::new("login request of a protocol before 4.1"));
        }
        let packet_max = reader.u32()?;
        let collation = reader.u8()?;
        reader.bytes(23)?;
        Ok(Self { capabilities, packet_max, collation })
    }
}

/// The server's wish for another plugin; the client answers with a bare response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthSwitch<'a> {
    /// The plugin to use.
    pub plugin: &'a [u8],
    /// Its challenge, without the NUL behind it.
    pub nonce: &'a [u8],
}

impl<'a> AuthSwitch<'a> {
    /// Parses a backend's payload. A lone 0xFE asks for the passwords of before 4.1 and is refused.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != 0xFE || reader.is_empty() {
            return Err(Malformed::new("request to switch the plugin"));
        }
        let plugin = reader.nul()?;
        let nonce = reader.rest();
        Ok(Self { plugin, nonce: nonce.strip_suffix(&[0]).unwrap_or(nonce) })
    }

    /// The payload that we send as a server.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0xFE];
        lenenc::write_nul(&mut out, self.plugin);
        lenenc::write_nul(&mut out, self.nonce);
        out
    }
}

/// COM_CHANGE_USER. A driver that resets its connection this way may leave out what is behind the
/// database; the plugin is then that of the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeUser<'a> {
    /// Account name.
    pub user: &'a [u8],
    /// Response to the nonce of the greeting.
    pub auth: &'a [u8],
    /// Default database; empty if none.
    pub database: &'a [u8],
    /// Collation id; absent, the session's stays.
    pub collation: Option<u16>,
    /// The plugin that `auth` is of.
    pub plugin: Option<&'a [u8]>,
    /// Connection attributes.
    pub attributes: Attributes<'a>,
}

impl<'a> ChangeUser<'a> {
    /// Parses a payload, command byte included.
    pub fn parse(payload: &'a [u8], capabilities: u32) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != command::code::CHANGE_USER {
            return Err(Malformed::new("COM_CHANGE_USER"));
        }
        let has = |flag| capabilities & flag != 0;
        let user = reader.nul()?;
        let auth = if has(capability::SECURE_CONNECTION) {
            let len = reader.u8()?;
            reader.bytes(usize::from(len))?
        } else {
            reader.nul()?
        };
        let database = reader.nul_or_rest();
        let collation = if reader.remaining() >= 2 { Some(reader.u16()?) } else { None };
        let has_plugin = has(capability::PLUGIN_AUTH) && !reader.is_empty();
        let plugin = has_plugin.then(|| reader.nul_or_rest());
        let attributes = Attributes::read(&mut reader, has(capability::CONNECT_ATTRS))?;
        Ok(Self { user, auth, database, collation, plugin, attributes })
    }

    /// The payload, for tests of both sides.
    pub fn encode(&self, capabilities: u32) -> Vec<u8> {
        let mut out = vec![command::code::CHANGE_USER];
        lenenc::write_nul(&mut out, self.user);
        let auth = &self.auth[..self.auth.len().min(0xFF)];
        out.push(auth.len() as u8);
        out.extend_from_slice(auth);
        lenenc::write_nul(&mut out, self.database);
        if let Some(collation) = self.collation {
            out.extend_from_slice(&collation.to_le_bytes());
            if let (Some(plugin), true) = (self.plugin, capabilities & capability::PLUGIN_AUTH != 0) {
                lenenc::write_nul(&mut out, plugin);
            }
            if capabilities & capability::CONNECT_ATTRS != 0 {
                lenenc::write_string(&mut out, self.attributes.0);
            }
        }
        out
    }
}

const PROTOCOL_10: u8 = 10;
