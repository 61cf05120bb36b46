//! Both sides of every login against each other, and what an observer can see of a wrong one.

use super::*;
use crate::wire::handshake::NONCE_LEN;
use crate::wire::reply;
use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const NONCE: &[u8; NONCE_LEN] = b"0123456789abcdefghij";

static KEY: LazyLock<PrivateDecryptingKey> =
    LazyLock::new(|| PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("an RSA key"));

fn pem() -> Vec<u8> {
    let der: PublicKeyX509Der<'_> = KEY.public_key().as_der().expect("an encodable key");
    let text = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n").into_bytes()
}

fn decrypt(bytes: &[u8]) -> Option<Vec<u8>> {
    let key = OaepPrivateDecryptingKey::new(KEY.clone()).expect("an RSA key");
    let mut out = vec![0; key.min_output_size()];
    let len = key.decrypt(&OAEP_SHA1_MGF1SHA1, bytes, &mut out, None).ok()?.len();
    out.truncate(len);
    Some(out)
}

struct Login<'a> {
    verifiers: &'a [Verifier],
    known: bool,
    /// The client's idea of the default plugin.
    plugin: &'static str,
    password: &'a [u8],
    secure: bool,
    rsa: bool,
    cached_fast: Option<[u8; 32]>,
}

/// Runs a login; what both sides sent in turn, and what the server's cache would be given.
fn run(login: &Login<'_>) -> (String, Option<[u8; 32]>) {
    let (mut client, response) = ClientAuth::start(login.plugin.as_bytes(), NONCE, login.password);
    let (mut server, mut step) = Exchange::start(Attempt {
        verifiers: login.verifiers,
        known: login.known,
        nonce: NONCE,
        plugin: Some(client.plugin()),
        response: &response,
        secure: login.secure,
        cached_fast: login.cached_fast,
        rsa: login.rsa,
    });
    let mut trace = vec![format!("{}", response.len())];
    loop {
        let mut from_server = match step {
            Step::Send(payload) => payload,
            Step::SendRsaKey => {
                trace.push("<key".into());
                [vec![1], pem()].concat()
            }
            Step::SendThenAccept(payload, accepted) => {
                trace.push(format!("<{payload:x?} <ok"));
                assert_eq!(client.next(&payload, login.secure), ClientStep::Wait);
                assert_eq!(client.next(&reply::ok(0, 0, 2, 0, b""), login.secure), ClientStep::Done);
                return (trace.join(" "), accepted.fast);
            }
            Step::Accept(accepted) => {
                trace.push("<ok".into());
                assert_eq!(client.next(&reply::ok(0, 0, 2, 0, b""), login.secure), ClientStep::Done);
                return (trace.join(" "), accepted.fast);
            }
            Step::Deny => {
                trace.push("<denied".into());
                let error = reply::err(1045, b"28000", "Access denied");
                let ClientStep::Refuse(Refuse::Server(error)) = client.next(&error, login.secure) else {
                    panic!("the client saw no error");
                };
                assert_eq!(error.code, 1045);
                return (trace.join(" "), None);
            }
        };
        match from_server[..] {
            [0xFE, ..] => trace.push("<switch".into()),
            [1, 4] => trace.push("<full".into()),
            _ => {}
        }
        let from_client = match client.next(&std::mem::take(&mut from_server), login.secure) {
            ClientStep::Send(payload) => payload,
            ClientStep::RequestRsaKey => vec![2],
            ClientStep::SendEncrypted(pem) => client.encrypt(&pem).expect("a good key"),
            other => panic!("{other:?} behind {trace:?}"),
        };
        trace.push(format!("{}", from_client.len()));
        step = server.next(&from_client, &decrypt);
    }
}

fn salted(password: &[u8]) -> Verifier {
    Verifier::from_password_salted(password, *b"\x01$\0efghij0123456789k").expect("short enough")
}

/// What happens to a right password, a wrong one of the same length, and an unknown user.
fn check(verifier: &Verifier, plugin: &'static str, secure: bool, rsa: bool, right: &str, wrong: &str) {
    let verifiers = [verifier.clone()];
    let login = |password, known| {
        run(&Login { verifiers: &verifiers, known, plugin, password, secure, rsa, cached_fast: None })
    };
    let case = format!("{verifier:?} {plugin} secure {secure} rsa {rsa}");
    assert_eq!(login(b"secret", true).0, right, "{case}: right");
    assert_eq!(login(b"Secret", true).0, wrong, "{case}: wrong");
    assert_eq!(login(b"secret", false).0, wrong, "{case}: unknown user, the dummy's password");
    assert_eq!(login(b"Secret", false).0, wrong, "{case}: unknown user");
    assert_eq!(login(b"", true).0, login(b"", false).0, "{case}: none");
    assert!(login(b"", true).0.ends_with("<denied"), "{case}: none");
}

#[test]
fn every_kind_of_verifier_with_every_client() {
    let native = Verifier::from_password_native(b"secret");
    let fast = Verifier::from_password_fast(b"secret");
    let salted = salted(b"secret");
    for (secure, rsa) in [(false, true), (true, true), (true, false), (false, false)] {
        check(&native, NATIVE, secure, rsa, "20 <ok", "20 <denied");
        check(&native, CACHING_SHA2, secure, rsa, "32 <switch 20 <ok", "32 <switch 20 <denied");
    }
    let fast_ok = "<[1, 3] <ok";
    for (secure, rsa, full) in [(true, true, "<full 7"), (true, false, "<full 7"), (false, true, "<full 1 <key 256")] {
        let wrong = format!("{full} <denied");
        let right = format!("{full} <ok");
        check(&fast, CACHING_SHA2, secure, rsa, &format!("32 {fast_ok}"), &format!("32 {wrong}"));
        check(&fast, NATIVE, secure, rsa, &format!("20 <switch 32 {fast_ok}"), &format!("20 <switch 32 {wrong}"));
        check(&salted, CACHING_SHA2, secure, rsa, &format!("32 {right}"), &format!("32 {wrong}"));
        check(&salted, NATIVE, secure, rsa, &format!("20 <switch 32 {right}"), &format!("20 <switch 32 {wrong}"));
    }
    check(&fast, CACHING_SHA2, false, false, &format!("32 {fast_ok}"), "32 <denied");
    check(&salted, CACHING_SHA2, false, false, "32 <denied", "32 <denied");
}

#[test]
fn a_full_authentication_fills_the_fast_path() {
    let verifiers = [salted(b"secret")];
    let login = |password, cached_fast| {
        run(&Login {
            verifiers: &verifiers,
            known: true,
            plugin: CACHING_SHA2,
            password,
            secure: true,
            rsa: false,
            cached_fast,
        })
    };
    let (trace, cached) = login(b"secret", None);
    assert_eq!(trace, "32 <full 7 <ok");
    assert!(cached.is_some());
    assert_eq!(login(b"secret", cached).0, "32 <[1, 3] <ok");
    assert_eq!(login(b"Secret", cached).0, "32 <full 7 <denied");
    assert_eq!(login(b"secret", Some([7; 32])).0, "32 <full 7 <ok", "a stale cache locks nobody out");
}

#[test]
fn an_account_may_have_verifiers_for_old_and_new_clients() {
    let verifiers = [Verifier::from_password_native(b"secret"), Verifier::from_password_fast(b"secret")];
    let login = |plugin| {
        run(&Login {
            verifiers: &verifiers,
            known: true,
            plugin,
            password: b"secret",
            secure: false,
            rsa: false,
            cached_fast: None,
        })
        .0
    };
    assert_eq!(login(NATIVE), "20 <ok");
    assert_eq!(login(CACHING_SHA2), "32 <[1, 3] <ok");
}

#[test]
fn an_empty_password_needs_its_verifier() {
    for verifier in [Verifier::from_password_native(b""), Verifier::from_password_fast(b"")] {
        for plugin in [NATIVE, CACHING_SHA2] {
            let login = |password, known| {
                let verifiers = std::slice::from_ref(&verifier);
                run(&Login { verifiers, known, plugin, password, secure: true, rsa: false, cached_fast: None }).0
            };
            assert!(login(b"", true).ends_with("<ok"));
            assert!(login(b"", false).ends_with("<denied"));
            assert!(login(b"x", true).ends_with("<denied"));
        }
    }
}

#[test]
fn garbage_is_denied_at_every_step() {
    let verifiers = [Verifier::from_password_fast(b"secret")];
    let junk: [&[u8]; 6] = [b"", b"\0", b"\x02", &[0; 31], &[0; 33], &[0; 5000]];
    for first in junk {
        for second in junk {
            for third in junk {
                for (plugin, secure) in
                    [(None, true), (Some(CACHING_SHA2), false), (Some(NATIVE), true), (Some("x"), false)]
                {
                    let (mut exchange, mut step) = Exchange::start(Attempt {
                        verifiers: &verifiers,
                        known: true,
                        nonce: NONCE,
                        plugin,
                        response: first,
                        secure,
                        cached_fast: None,
                        rsa: true,
                    });
                    for payload in [second, third, b"", b""] {
                        assert!(matches!(step, Step::Send(_) | Step::SendRsaKey | Step::Deny));
                        step = exchange.next(payload, &|_| None);
                    }
                    assert_eq!(step, Step::Deny);
                }
            }
        }
    }
}

#[test]
fn a_backend_cannot_make_us_show_the_password_or_go_on_for_ever() {
    let start = || ClientAuth::start(CACHING_SHA2.as_bytes(), NONCE, b"secret").0;
    assert_eq!(start().next(&[1, 4], false), ClientStep::RequestRsaKey);
    assert_eq!(start().next(&[1, 4], true), ClientStep::Send(b"secret\0".to_vec()));
    let refused = |payload: &[u8]| matches!(start().next(payload, true), ClientStep::Refuse(_));
    assert!(refused(b"\xFEmysql_clear_password\0\0"));
    assert!(refused(b"\xFEmysql_native_password\0short\0"));
    assert!(refused(b"\xFE") && refused(b"") && refused(b"\x01\x07") && refused(b"\xFF"));
    let mut endless = start();
    let steps = (0..100).take_while(|_| endless.next(&[1, 3], true) == ClientStep::Wait).count();
    assert!(steps < 10, "{steps}");
    assert!(start().encrypt(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").is_err());
    assert!(start().encrypt(b"").is_err());
}

#[test]
fn verifiers_are_read_as_servers_print_them() {
    let password = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19";
    assert_eq!(Verifier::parse(password), Ok(Verifier::from_password_native(b"password")));
    assert_eq!(Verifier::parse(&password.to_lowercase()), Ok(Verifier::from_password_native(b"password")));
    // hashcat's example for mode 7401, as MySQL's mysql.user would hold it.
    let hex = "0x2441243030352\
               4F9CC98CE08892924F50A213B6BC571A2C11778C5\
               625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F";
    let salted = Verifier::parse(hex).expect("MySQL's form");
    assert!(salted.accepts(b"hashcat") && !salted.accepts(b"Hashcat"));
    for verifier in [salted, Verifier::from_password_fast(b"x"), Verifier::from_password_native(b"x")] {
        assert_eq!(Verifier::parse(&verifier.reveal()), Ok(verifier.clone()));
        assert!(!format!("{verifier:?}").contains(&verifier.reveal()[10..]));
    }
    for bad in ["", "*", "*00", "sha256:00", "$A$005$", "$A$000$", "0x", "0x0", "0xzz", "password", "0x24412430"] {
        assert_eq!(Verifier::parse(bad), Err(VerifierError), "{bad}");
    }
    let plain = format!("$A$005${}{}", "a".repeat(20), ".".repeat(43));
    assert!(matches!(Verifier::parse(&plain), Ok(Verifier::Salted { rounds: 5000, .. })));
    assert_eq!(Verifier::parse(&plain.replace("005", "000")), Err(VerifierError));
}
