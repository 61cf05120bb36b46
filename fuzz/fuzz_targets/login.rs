//! The connection phase on both sides: what is parsed can be written and parsed again; a login ends.

#![no_main]

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use meridian::wire::auth::{Attempt, ClientAuth, ClientStep, Exchange, Step, Verifier};
use meridian::wire::handshake::{AuthSwitch, ChangeUser, Greeting, LoginRequest, SslRequest};
use meridian::wire::reply;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    capabilities: u32,
    nonce: [u8; 20],
    flags: u8,
    plugin: u8,
    first: &'a [u8],
    payloads: Vec<&'a [u8]>,
}

fuzz_target!(|input: Input<'_>| {
    packets(&input);
    server(&input);
    client(&input);
    if let Ok(text) = std::str::from_utf8(input.first) {
        if let Ok(verifier) = Verifier::parse(text) {
            assert!(Verifier::parse(&verifier.reveal()) == Ok(verifier));
        }
    }
});

fn packets(input: &Input<'_>) {
    let bytes = input.first;
    if let Ok(greeting) = Greeting::parse(bytes) {
        let _ = (greeting.is_mariadb(), greeting.version_number());
        let _ = Greeting::parse(&greeting.encode()).expect("ours is well-formed");
    }
    if let Ok(login) = LoginRequest::parse(bytes) {
        let _ = login.attributes.pairs().count();
        if login.auth.len() < 251 {
            let encoded = login.encode();
            let again = LoginRequest::parse(&encoded).expect("ours is well-formed");
            assert_eq!(
                (again.user, again.auth, again.database),
                (login.user, login.auth, login.database)
            );
        }
    }
    if let Ok(switch) = AuthSwitch::parse(bytes) {
        assert_eq!(
            AuthSwitch::parse(&switch.encode())
                .expect("ours is well-formed")
                .plugin,
            switch.plugin
        );
    }
    let _ = SslRequest::parse(bytes);
    let _ = ChangeUser::parse(bytes, input.capabilities);
    let _ = reply::parse_err(bytes);
}

/// Whatever a client sends, a user without a password that it knows isn't let in.
fn server(input: &Input<'_>) {
    let all = [
        Verifier::from_password_native(b"correct horse battery staple"),
        Verifier::from_password_fast(b"correct horse battery staple"),
    ];
    let has = |bit: u8| input.flags & bit != 0;
    let plugins = [
        None,
        Some("caching_sha2_password"),
        Some("mysql_native_password"),
        Some(""),
    ];
    let (exchange, mut step) = Exchange::start(Attempt {
        verifiers: &all[usize::from(has(1))..1 + usize::from(has(1) || has(2))],
        known: has(4),
        nonce: &input.nonce,
        plugin: plugins[usize::from(input.plugin % 4)],
        response: input.first,
        secure: has(8),
        cached_fast: None,
        rsa: has(16),
    });
    let mut exchange = exchange;
    let mut steps = 0;
    for payload in &input.payloads {
        match step {
            Step::Send(_) | Step::SendRsaKey => {
                step = exchange.next(payload, &|bytes| Some(bytes.to_vec()))
            }
            Step::Deny => break,
            Step::Accept(_) | Step::SendThenAccept(..) => panic!("let in"),
        }
        steps += 1;
        assert!(steps <= 4, "an exchange ends");
    }
    assert!(
        !matches!(step, Step::Accept(_) | Step::SendThenAccept(..)),
        "let in"
    );
}

/// Over a transport that others can read, no payload of ours holds the password.
fn client(input: &Input<'_>) {
    let password = b"correct horse battery staple";
    let (mut auth, response) = ClientAuth::start(input.first, &input.nonce, password);
    let shows = |bytes: &[u8]| bytes.windows(password.len()).any(|part| part == password);
    assert!(!shows(&response));
    for payload in &input.payloads {
        match auth.next(payload, false) {
            ClientStep::Send(bytes) => assert!(!shows(&bytes)),
            ClientStep::SendEncrypted(pem) => {
                if let Ok(bytes) = auth.encrypt(&pem) {
                    assert!(!shows(&bytes));
                }
            }
            ClientStep::Done | ClientStep::Refuse(_) => return,
            ClientStep::RequestRsaKey | ClientStep::Wait => {}
        }
    }
}
