//! The raw client's side of the login: mysql_native_password and caching_sha2_password, the latter with its RSA exchange.

use std::io;

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use mysql_common::scramble::{scramble_native, scramble_sha256};

use super::raw::{CONNECT_WITH_DB, ORDINARY, Raw, error};

#[derive(Debug, Default, Clone)]
pub struct Greeting {
    pub version: String,
    pub connection: u32,
    pub capabilities: u32,
    pub collation: u8,
    pub status: u16,
    pub nonce: Vec<u8>,
    pub plugin: String,
}

/// Who logs in, and how. By default app, with what an ordinary driver asks for.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
    /// Empty: none.
    pub database: String,
    pub capabilities: u32,
    pub collation: u8,
    /// None: the one that the greeting names.
    pub plugin: Option<&'static str>,
}

impl Default for Login {
    fn default() -> Login {
        Login {
            user: "app".into(),
            password: "app-password".into(),
            database: String::new(),
            capabilities: ORDINARY,
            collation: 45,
            plugin: None,
        }
    }
}

impl Greeting {
    pub fn parse(payload: &[u8]) -> Option<Greeting> {
        let rest = payload.strip_prefix(&[10])?;
        let zero = rest.iter().position(|&b| b == 0)?;
        let (version, rest) = (&rest[..zero], &rest[zero + 1..]);
        let connection = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?);
        let mut nonce = rest.get(4..12)?.to_vec();
        let low = u16::from_le_bytes(rest.get(13..15)?.try_into().ok()?);
        let collation = *rest.get(15)?;
        let status = u16::from_le_bytes(rest.get(16..18)?.try_into().ok()?);
        let high = u16::from_le_bytes(rest.get(18..20)?.try_into().ok()?);
        nonce.extend_from_slice(rest.get(31..43)?);
        let plugin = rest.get(44..)?;
        let end = plugin.iter().position(|&b| b == 0).unwrap_or(plugin.len());
        Some(Greeting {
            version: String::from_utf8_lossy(version).into_owned(),
            connection,
            capabilities: u32::from(high) << 16 | u32::from(low),
            collation,
            status,
            nonce,
            plugin: String::from_utf8_lossy(&plugin[..end]).into_owned(),
        })
    }
}

/// The response to a nonce.
pub fn scramble(plugin: &str, nonce: &[u8], password: &str) -> Vec<u8> {
    match plugin {
        _ if password.is_empty() => Vec::new(),
        "mysql_native_password" => scramble_native(nonce, password.as_bytes()).expect("20 bytes").to_vec(),
        "caching_sha2_password" => scramble_sha256(nonce, password.as_bytes()).expect("20 bytes").to_vec(),
        other => panic!("plugin {other} is not known to the raw client"),
    }
}

/// The first packet of a client.
pub fn login_request(greeting: &Greeting, login: &Login) -> Vec<u8> {
    let plugin = login.plugin.unwrap_or(&greeting.plugin);
    let with_database = if login.database.is_empty() { 0 } else { CONNECT_WITH_DB };
    let mut payload = Vec::new();
    payload.extend((login.capabilities | with_database).to_le_bytes());
    payload.extend((1u32 << 30).to_le_bytes());
    payload.push(login.collation);
    payload.extend([0; 23]);
    payload.extend(login.user.as_bytes());
    payload.push(0);
    let response = scramble(plugin, &greeting.nonce, &login.password);
    payload.push(u8::try_from(response.len()).expect("at most 32 bytes"));
    payload.extend(response);
    if with_database != 0 {
        payload.extend(login.database.as_bytes());
        payload.push(0);
    }
    payload.extend(plugin.as_bytes());
    payload.push(0);
    payload
}

/// Answers a greeting and all that follows it.
pub fn log_in(raw: &mut Raw, login: &Login) -> io::Result<()> {
    let request = login_request(&raw.greeting, login);
    raw.answer(&request)?;
    raw.capabilities = login.capabilities & raw.greeting.capabilities;
    let nonce = raw.greeting.nonce.clone();
    exchange(raw, &login.password, nonce)
}

/// COM_CHANGE_USER with all that follows it.
pub fn change_user(raw: &mut Raw, login: &Login) -> io::Result<()> {
    let plugin = login.plugin.map_or(raw.greeting.plugin.clone(), str::to_owned);
    let response = scramble(&plugin, &raw.greeting.nonce, &login.password);
    let mut payload = vec![0x11];
    payload.extend(login.user.as_bytes());
    payload.push(0);
    payload.push(u8::try_from(response.len()).expect("at most 32 bytes"));
    payload.extend(response);
    payload.extend(login.database.as_bytes());
    payload.push(0);
    payload.extend([login.collation, 0]);
    payload.extend(plugin.as_bytes());
    payload.push(0);
    raw.command(&payload)?;
    let nonce = raw.greeting.nonce.clone();
    exchange(raw, &login.password, nonce)
}

/// From the first response to OK or ERR.
fn exchange(raw: &mut Raw, password: &str, mut nonce: Vec<u8>) -> io::Result<()> {
    // No exchange takes more steps than switch, fast failure, key.
    for _ in 0..6 {
        let payload = raw.packet()?;
        match payload.as_slice() {
            [0x00, ..] => return Ok(()),
            [0xFF, ..] => return Err(io::Error::other(format!("{:?}", error(&payload)))),
            // Fast authentication succeeded; OK follows.
            [0x01, 0x03] => {}
            // Full authentication: ask for the key, without TLS.
            [0x01, 0x04] => raw.answer(&[2])?,
            [0x01, pem @ ..] => {
                let sealed = seal(pem, password, &nonce)?;
                raw.answer(&sealed)?;
            }
            [0xFE, rest @ ..] => {
                let zero = rest.iter().position(|&b| b == 0).ok_or_else(|| io::Error::other("no plugin named"))?;
                let plugin = String::from_utf8_lossy(&rest[..zero]).into_owned();
                nonce = rest[zero + 1..].iter().copied().take(20).collect();
                let response = scramble(&plugin, &nonce, password);
                raw.answer(&response)?;
            }
            _ => return Err(io::Error::other(format!("unexpected in a login: {payload:?}"))),
        }
    }
    Err(io::Error::other("a login without end"))
}

/// The password with its zero, XORed with the nonce, encrypted for the server.
fn seal(pem: &[u8], password: &str, nonce: &[u8]) -> io::Result<Vec<u8>> {
    use base64::Engine;
    let pem = String::from_utf8_lossy(pem);
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der =
        base64::engine::general_purpose::STANDARD.decode(body.trim_end_matches('\0')).map_err(io::Error::other)?;
    let key = PublicEncryptingKey::from_der(&der).map_err(io::Error::other)?;
    let key = OaepPublicEncryptingKey::new(key).map_err(io::Error::other)?;
    let plain: Vec<u8> = password.bytes().chain([0]).zip(nonce.iter().cycle()).map(|(p, n)| p ^ n).collect();
    let mut sealed = vec![0; key.ciphertext_size()];
    let sealed = key.encrypt(&OAEP_SHA1_MGF1SHA1, &plain, &mut sealed, None).map_err(io::Error::other)?;
    Ok(sealed.to_vec())
}
