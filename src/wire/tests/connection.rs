//! Packets of the connection phase: bytes of real servers, round trips, cuts.

use crate::wire::capability;
use crate::wire::handshake::{Attributes, AuthSwitch, ChangeUser, Greeting, LoginRequest, SslRequest};
use proptest::prelude::*;

fn greeting(version: &str) -> Greeting {
    Greeting {
        version: version.into(),
        connection_id: 0x0102_0304,
        nonce: *b"0123456789abcdefghij",
        capabilities: capability::OFFERED | capability::SSL,
        collation: 45,
        status: 2,
        plugin: b"caching_sha2_password".to_vec(),
    }
}

#[test]
fn a_greeting_is_read_back() {
    let ours = greeting("8.4.0-Meridian");
    let bytes = ours.encode();
    assert_eq!(Greeting::parse(&bytes), Ok(ours));
    for cut in 0..bytes.len() {
        // Only what is behind the nonce may be missing.
        let parsed = Greeting::parse(&bytes[..cut]);
        assert!(parsed.is_err() || cut > bytes.len() - 24, "cut at {cut}");
    }
}

/// As sent by MariaDB 10.11.19: no LONG_PASSWORD, and its own capabilities in the filler.
#[test]
fn mariadbs_greeting_is_understood() {
    let bytes = [
        b"\x0A5.5.5-10.11.19-MariaDB-0+deb12u1\0\x1F\0\0\0abcdefgh\0".as_slice(),
        b"\xFE\xF7\x2D\x02\0\xFF\x81\x15\0\0\0\0\0\0\x1D\0\0\0ijklmnopqrst\0mysql_native_password\0",
    ]
    .concat();
    let parsed = Greeting::parse(&bytes).expect("well-formed");
    assert!(parsed.is_mariadb());
    assert_eq!(parsed.version_number(), 101_119);
    assert_eq!(&parsed.nonce, b"abcdefghijklmnopqrst");
    assert_eq!(parsed.plugin, b"mysql_native_password");
    assert_eq!(parsed.capabilities, 0x81FF_F7FE);
    assert_eq!(parsed.connection_id, 31);
}

#[test]
fn versions_are_numbered_as_executable_comments_count() {
    for (version, number, mariadb) in [
        ("5.5.5-10.11.19-MariaDB-log", 101_119, true),
        ("11.4.2-MariaDB-ubu2404", 110_402, true),
        ("8.0.36", 80_036, false),
        ("9.7.4-1debian", 90_704, false),
        ("5.5.5", 50_505, false),
        ("", 0, false),
        ("99999999999.99999.99999", 99_999_999, false),
    ] {
        let parsed = greeting(version);
        assert_eq!((parsed.version_number(), parsed.is_mariadb()), (number, mariadb), "{version}");
    }
}

#[test]
fn a_login_request_is_read_back_and_cuts_are_malformed() {
    let attributes = Attributes::encode(&[("_client_name", "libmysql"), ("program_name", "mysql")]);
    let login = LoginRequest {
        capabilities: capability::OFFERED,
        packet_max: 1 << 24,
        collation: 255,
        user: b"app",
        auth: &[7; 32],
        database: Some(b"shop"),
        plugin: Some(b"caching_sha2_password"),
        attributes: Attributes(&attributes),
    };
    let bytes = login.encode();
    assert_eq!(LoginRequest::parse(&bytes), Ok(login));
    let pairs: Vec<_> = login.attributes.pairs().collect();
    assert_eq!(pairs[1], (&b"program_name"[..], &b"mysql"[..]));
    for cut in 0..bytes.len() {
        let _ = LoginRequest::parse(&bytes[..cut]);
    }
    for cut in 0..32 + 4 + 33 {
        assert!(LoginRequest::parse(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let bare = LoginRequest { database: None, plugin: None, attributes: Attributes(&[]), ..login };
    let parsed = bare.encode();
    let parsed = LoginRequest::parse(&parsed).expect("well-formed");
    assert_eq!((parsed.database, parsed.plugin, parsed.attributes), (None, None, Attributes(&[])));
    assert_eq!(parsed.capabilities & capability::CONNECT_WITH_DB, 0);
}

#[test]
fn a_request_for_tls_is_no_login_request() {
    let ssl = SslRequest { capabilities: capability::OFFERED | capability::SSL, packet_max: 1 << 24, collation: 45 };
    let bytes = ssl.encode();
    assert_eq!(bytes.len(), 32);
    assert_eq!(SslRequest::parse(&bytes), Some(ssl));
    assert!(LoginRequest::parse(&bytes).is_err());
    assert_eq!(SslRequest::parse(&[&bytes[..], b"app\0\0"].concat()), None);
    assert_eq!(SslRequest::parse(&bytes[..31]), None);
    let without = SslRequest { capabilities: capability::PROTOCOL_41, ..ssl };
    let mut plain = bytes;
    plain[..4].copy_from_slice(&without.capabilities.to_le_bytes());
    assert_eq!(SslRequest::parse(&plain), None);
}

#[test]
fn a_switch_of_plugin_is_read_back() {
    let switch = AuthSwitch { plugin: b"mysql_native_password", nonce: b"0123456789abcdefghij" };
    assert_eq!(AuthSwitch::parse(&switch.encode()), Ok(switch));
    assert!(AuthSwitch::parse(b"\xFE").is_err());
    assert!(AuthSwitch::parse(b"\xFEno nul").is_err());
}

#[test]
fn change_user_may_end_behind_any_field() {
    let caps = capability::OFFERED;
    let full = ChangeUser {
        user: b"app",
        auth: &[7; 20],
        database: b"shop",
        collation: Some(45),
        plugin: Some(b"mysql_native_password"),
        attributes: Attributes(b"\x01a\x01b"),
    };
    let bytes = full.encode(caps);
    assert_eq!(ChangeUser::parse(&bytes, caps), Ok(full));
    let short = ChangeUser { collation: None, plugin: None, attributes: Attributes(&[]), ..full };
    assert_eq!(ChangeUser::parse(&short.encode(caps), caps), Ok(short));
    for cut in 0..1 + 4 + 21 {
        assert!(ChangeUser::parse(&bytes[..cut], caps).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn arbitrary_packets_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), capabilities: u32) {
        let mut login = bytes.clone();
        if let Some(second) = login.get_mut(1) {
            *second |= 2;
        }
        for bytes in [&bytes[..], &login, &[&[0x0A], &bytes[..]].concat(), &[&[0x11], &bytes[..]].concat()] {
            if let Ok(parsed) = Greeting::parse(bytes) {
                let _ = (parsed.version_number(), parsed.is_mariadb());
            }
            let _ = LoginRequest::parse(bytes).map(|login| login.attributes.pairs().count());
            let _ = SslRequest::parse(bytes);
            let _ = AuthSwitch::parse(bytes);
            let _ = ChangeUser::parse(bytes, capabilities);
        }
    }
}
