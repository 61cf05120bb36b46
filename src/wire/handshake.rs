//! The packets of the connection phase, both ways.

use super::Malformed;

/// Bytes of the random challenge that both password plugins use.
pub const NONCE_LEN: usize = 20;

/// The server's first packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    pub version: Vec<u8>,
    pub connection_id: u32,
    pub nonce: [u8; NONCE_LEN],
    pub capabilities: u32,
    pub collation: u8,
    pub status: u16,
    pub plugin: Vec<u8>,
}

impl Greeting {
    pub fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
    pub fn parse(_payload: &[u8]) -> Result<Self, Malformed> {
        Err(Malformed::new("greeting"))
    }
    pub fn is_mariadb(&self) -> bool {
        false
    }
    pub fn version_number(&self) -> u32 {
        0
    }
}

/// The client's answer to the greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginRequest<'a> {
    pub capabilities: u32,
    pub packet_max: u32,
    pub collation: u8,
    pub user: &'a [u8],
    pub auth: &'a [u8],
    pub database: Option<&'a [u8]>,
    pub plugin: Option<&'a [u8]>,
    pub attributes: Attributes<'a>,
}

impl<'a> LoginRequest<'a> {
    pub fn parse(_payload: &'a [u8]) -> Result<Self, Malformed> {
        Err(Malformed::new("login request"))
    }
    pub fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Connection attributes as they are on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a>(pub &'a [u8]);

/// A client's request for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslRequest {
    pub capabilities: u32,
    pub packet_max: u32,
    pub collation: u8,
}

impl SslRequest {
    pub fn parse(_payload: &[u8]) -> Option<Self> {
        None
    }
    pub fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The server's wish for another plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthSwitch<'a> {
    pub plugin: &'a [u8],
    pub nonce: &'a [u8],
}

impl<'a> AuthSwitch<'a> {
    pub fn parse(_payload: &'a [u8]) -> Result<Self, Malformed> {
        Err(Malformed::new("auth switch"))
    }
    pub fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// COM_CHANGE_USER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeUser<'a> {
    pub user: &'a [u8],
    pub auth: &'a [u8],
    pub database: &'a [u8],
    pub collation: Option<u16>,
    pub plugin: Option<&'a [u8]>,
    pub attributes: Attributes<'a>,
}

impl<'a> ChangeUser<'a> {
    pub fn parse(_payload: &'a [u8], _capabilities: u32) -> Result<Self, Malformed> {
        Err(Malformed::new("change user"))
    }
}
