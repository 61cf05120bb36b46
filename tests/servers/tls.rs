//! TLS on both sides, and the full authentication of caching_sha2_password, which goes over TLS or by RSA.

use std::io::Read;
use std::sync::Arc;

use crate::support::cli::{Cli, run};
use crate::support::pair::single_map;
use crate::support::proxy::ACCOUNTS;
use crate::support::raw::{ORDINARY, packet};
use crate::support::raw_login::Login;
use crate::support::{Certificates, MariaDb, Pair, Proxy, Raw, Server, Settings};

/// What MySQL 9 with caching_sha2_password_digest_rounds=5000 stores of `app-password`: `$A$005$`, salt and digest.
const SALTED: &str = "0x244124303035241057755168496E175A2B03766601041870177861683958546269694668727475684F567A71\
                      634E665A712E5565452E30482F746847703373746D3277556C31";

fn client_tls(certificates: &Certificates, more: &str) -> String {
    format!("tls:\n  certificate: {}\n  key: {}\n{more}", certificates.at("self.pem"), certificates.at("self.key"))
}

/// Runs a client with these options against the shop; None where there is no such client.
fn ask(cli: Cli, port: u16, options: &[&str]) -> Option<Result<String, String>> {
    let mut command = cli.command(port, "shop")?;
    if cli == Cli::MySql9 {
        // So that it reads \s.
        command.arg("--commands");
    }
    let run = run(command.args(options), "\\s\nSELECT name FROM users WHERE id = 1\n");
    Some(if run.ok { Ok(run.out) } else { Err(run.err) })
}

#[track_caller]
fn check_encrypted(answer: &Result<String, String>) {
    let out = answer.as_ref().expect("the client gets in");
    assert!(out.contains("Cipher in use is TLS"), "{out}");
    assert!(out.lines().any(|line| line == "Ada"), "{out}");
}

fn with_tls(cli: Cli) -> &'static [&'static str] {
    match cli {
        Cli::MariaDb => &["--ssl"],
        Cli::MySql9 => &["--ssl-mode=REQUIRED"],
    }
}

fn without_tls(cli: Cli) -> &'static [&'static str] {
    match cli {
        Cli::MariaDb => &["--skip-ssl"],
        Cli::MySql9 => &["--ssl-mode=DISABLED"],
    }
}

#[test]
fn clients_connect_over_tls_and_without() {
    let certificates = Certificates::new();
    let mut pair = Pair::mariadb_with(&client_tls(&certificates, ""));
    for cli in Cli::EACH {
        let Some(encrypted) = ask(cli, pair.port(), with_tls(cli)) else { continue };
        check_encrypted(&encrypted);
        let plain = ask(cli, pair.port(), without_tls(cli)).expect("the same client").expect("TLS is not required");
        assert!(!plain.contains("Cipher in use"), "{plain}");
    }
    // The certificate is the configured one.
    let checked = |ca: &str| {
        let ca = format!("--ssl-ca={}", certificates.at(ca));
        ask(Cli::MariaDb, pair.port(), &["--ssl", "--ssl-verify-server-cert", &ca]).expect("always there")
    };
    check_encrypted(&checked("self.pem"));
    checked("other-ca.pem").expect_err("another certificate is trusted");
    pair.check_sound();
}

#[test]
fn large_results_and_commands_pass_through_tls() {
    let certificates = Certificates::new();
    let mut pair = Pair::mariadb_with(&client_tls(&certificates, ""));
    for cli in Cli::EACH {
        let Some(mut command) = cli.command(pair.port(), "shop") else { continue };
        command.args(with_tls(cli)).args(["--skip-column-names", "--max-allowed-packet=64M"]);
        let text = "x".repeat(3_000_000);
        let input = format!("SELECT LENGTH('{text}');\nSELECT CONCAT('{text}', REPEAT('x', 6000000));\n");
        let out = run(&mut command, &input).fine();
        assert!(out == format!("3000000\n{}\n", text.repeat(3)), "{cli:?}: {} bytes", out.len());
    }
    pair.check_sound();
}

#[test]
fn a_client_without_tls_is_refused_where_it_is_required() {
    let certificates = Certificates::new();
    let mut pair = Pair::of(MariaDb::start("first", &[]), MariaDb::start("second", &[]), "");
    pair.start_proxy(Settings { config: client_tls(&certificates, "  require: true\n"), ..Settings::default() });
    for cli in Cli::EACH {
        let Some(encrypted) = ask(cli, pair.port(), with_tls(cli)) else { continue };
        check_encrypted(&encrypted);
        let refused = ask(cli, pair.port(), without_tls(cli)).expect("the same client").expect_err("no TLS");
        assert!(refused.contains("3159") && refused.contains("tls.require"), "{cli:?}: {refused}");
    }
    let error = Raw::app(pair.port(), "shop").expect_err("no TLS").to_string();
    assert!(error.contains("3159"), "{error}");
    pair.proxy().check_runs();
}

/// What clients do whose system sends both at once; the proxy took the second for an attack, now and then.
#[test]
fn a_tls_handshake_in_the_segment_of_its_request_is_read() {
    let certificates = Certificates::new();
    let mut pair = Pair::mariadb_with(&client_tls(&certificates, ""));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a host's name");
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut bytes = packet(1, &tls_request());
    client.write_tls(&mut bytes).expect("a Vec takes all");
    let mut raw = Raw::greeted(pair.port()).expect("a greeting");
    raw.bytes(&bytes).expect("the connection stands");
    let mut record = [0; 3];
    raw.stream().read_exact(&mut record).expect("an answer");
    // A handshake record: the server's hello.
    assert_eq!(record, [22, 3, 3]);
    pair.check_sound();
}

fn tls_request() -> Vec<u8> {
    const SSL: u32 = 0x800;
    [&(ORDINARY | SSL).to_le_bytes()[..], &[0, 0, 0, 64, 45], &[0; 23]].concat()
}

#[test]
fn garbage_in_place_of_a_tls_handshake_ends_that_connection_only() {
    let certificates = Certificates::new();
    let mut pair = Pair::mariadb_with(&client_tls(&certificates, ""));
    for behind in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xFF, 0xFF], &[0; 40]] {
        let mut raw = Raw::greeted(pair.port()).expect("a greeting");
        raw.answer(&tls_request()).expect("the connection stands");
        raw.bytes(behind).expect("the connection stands");
        // At most an alert, never an answer of the protocol.
        let mut rest = Vec::new();
        let _ = raw.stream().read_to_end(&mut rest);
        assert!(matches!(rest[..], [] | [21, ..]), "{behind:?}: {rest:?}");
    }
    pair.check_sound();
}

/// A proxy in front of a pair whose account app has only a salted verifier.
fn salted(config: &str) -> Pair {
    let mut pair = Pair::of(MariaDb::start("first", &[]), MariaDb::start("second", &[]), "");
    start_salted(&mut pair, config);
    pair
}

fn start_salted(pair: &mut Pair, config: &str) {
    let fast = "sha256:6681bbfe12153c1b4a0268cf4733a0a3021ff47751fafc3c0a4bdae5a0a89db6";
    let accounts = ACCOUNTS.replace(fast, SALTED);
    assert_ne!(accounts, ACCOUNTS);
    pair.start_proxy(Settings { accounts, config: config.to_owned(), ..Settings::default() });
}

/// Logs in without TLS; whether no more than greeting, request, "fast" and OK went over the wire.
fn took_the_fast_path(port: u16) -> bool {
    let raw = Raw::app(port, "shop").expect("the right password");
    match raw.sequence {
        4 => true,
        // Greeting, request, "full", wish for the key, key, password, OK.
        7 => false,
        other => panic!("a login of {other} packets"),
    }
}

#[test]
fn a_salted_verifier_takes_one_full_authentication_over_tls() {
    let certificates = Certificates::new();
    let config = client_tls(&certificates, "");
    let mut pair = salted(&config);
    for cli in Cli::EACH {
        start_salted(&mut pair, &config);
        let Some(mut command) = cli.command(pair.port(), "shop") else { continue };
        let wrong = run(command.args(with_tls(cli)).arg("-pwrong"), "SELECT 1\n");
        assert!(wrong.err.contains("1045"), "{wrong:?}");
        check_encrypted(&ask(cli, pair.port(), with_tls(cli)).expect("the same client"));
        assert!(took_the_fast_path(pair.port()), "{cli:?}");
        check_encrypted(&ask(cli, pair.port(), with_tls(cli)).expect("the same client"));
        let wrong = run(cli.command(pair.port(), "shop").expect("the same").args(["-pwrong"]), "SELECT 1\n");
        assert!(!wrong.ok, "{wrong:?}");
    }
    pair.check_sound();
}

#[test]
fn a_salted_verifier_takes_one_full_authentication_by_rsa() {
    let mut pair = salted("");
    assert!(!took_the_fast_path(pair.port()), "nothing is known of the password yet");
    assert!(took_the_fast_path(pair.port()));
    for cli in Cli::EACH {
        start_salted(&mut pair, "");
        let Some(mut command) = cli.command(pair.port(), "shop") else { continue };
        let wrong = run(command.args(without_tls(cli)).args(with_key(cli)).arg("-pwrong"), "SELECT 1\n");
        assert!(wrong.err.contains("1045"), "{wrong:?}");
        if cli == Cli::MySql9 {
            // It sends no password to a key that it was not told to ask for: the fast path is its only way in.
            let refused = ask(cli, pair.port(), without_tls(cli)).expect("the same client").expect_err("no key");
            assert!(refused.contains("2061"), "{refused}");
        }
        let options = [without_tls(cli), with_key(cli)].concat();
        let full = ask(cli, pair.port(), &options).expect("the same client").expect("the right password");
        assert!(full.lines().any(|line| line == "Ada"), "{full}");
        assert!(took_the_fast_path(pair.port()), "{cli:?}");
        let fast = ask(cli, pair.port(), without_tls(cli)).expect("the same client").expect("by the fast path");
        assert!(fast.lines().any(|line| line == "Ada"), "{fast}");
    }
    let wrong = Login { password: "wrong".into(), ..Login::default() };
    let error = Raw::login(pair.port(), &wrong).expect_err("after the fast path is known").to_string();
    assert!(error.contains("1045"), "{error}");
    pair.check_sound();
}

/// What makes a client ask for the RSA key; MariaDB's does so by itself.
fn with_key(cli: Cli) -> &'static [&'static str] {
    match cli {
        Cli::MariaDb => &[],
        Cli::MySql9 => &["--get-server-public-key"],
    }
}

// Towards the servers.

/// A MariaDB that shows this certificate, and asks clients for one of the same authority.
fn server_with(certificates: &Certificates, name: &str) -> Server {
    let options = [
        format!("--ssl-ca={}", certificates.at("ca.pem")),
        format!("--ssl-cert={}", certificates.at(&format!("{name}.pem"))),
        format!("--ssl-key={}", certificates.at(&format!("{name}.key"))),
    ];
    let server = MariaDb::start(name, &options.each_ref().map(String::as_str));
    server.run_all(&["CREATE DATABASE shop"]);
    server
}

/// A proxy in front of one server, with these lines of configuration and these accounts.
fn in_front_of(server: &Server, mode: &str, accounts: &str) -> Proxy {
    let config = format!("backend_tls:\n{mode}");
    Proxy::start(&Settings {
        map: single_map(server, "shop"),
        config,
        accounts: accounts.into(),
        ..Settings::default()
    })
}

/// The cipher between proxy and server, empty without TLS; or the error that a statement gets.
fn cipher(proxy: &mut Proxy) -> Result<String, String> {
    let mut app = Raw::app(proxy.port, "shop").expect("the login does not need a server");
    let answer = match app.query("SHOW STATUS LIKE 'Ssl_cipher'").remove(0) {
        crate::support::Reply::Rows(rows) => {
            Ok(rows.lines().join("\n").strip_prefix("Ssl_cipher\t").expect("the status").into())
        }
        crate::support::Reply::Error(error) => Err(format!("{} {}", error.code, error.message)),
        crate::support::Reply::Ok(done) => panic!("{done:?}"),
    };
    proxy.check_runs();
    answer
}

#[test]
fn servers_are_trusted_as_configured() {
    let certificates = Certificates::new();
    let here = server_with(&certificates, "here");
    let elsewhere = server_with(&certificates, "elsewhere");
    let plain = MariaDb::start("plain", &[]);
    plain.run_all(&["CREATE DATABASE shop"]);
    let good = certificates.at("ca.pem");
    let wrong = certificates.at("other-ca.pem");
    let verify = |mode: &str, ca: &str| format!("  mode: {mode}\n  ca: {ca}\n");
    let mode = |mode: &str| format!("  mode: {mode}\n");
    // Ok: whether there is a cipher. Err: what the error says.
    for (server, lines, expected) in [
        (&here, mode("disabled"), Ok(false)),
        (&here, mode("preferred"), Ok(true)),
        (&here, mode("required"), Ok(true)),
        (&plain, mode("disabled"), Ok(false)),
        (&plain, mode("preferred"), Ok(false)),
        (&plain, mode("required"), Err("offers no TLS")),
        (&plain, verify("verify_ca", &good), Err("offers no TLS")),
        (&here, verify("verify_ca", &good), Ok(true)),
        (&elsewhere, verify("verify_ca", &good), Ok(true)),
        (&here, verify("verify_ca", &wrong), Err("invalid peer certificate")),
        (&here, verify("verify_identity", &good), Ok(true)),
        (&elsewhere, verify("verify_identity", &good), Err("not valid for name")),
        (&here, verify("verify_identity", &wrong), Err("invalid peer certificate")),
    ] {
        let got = cipher(&mut in_front_of(server, &lines, ""));
        match (&got, expected) {
            (Ok(cipher), Ok(encrypted)) => assert_eq!(!cipher.is_empty(), encrypted, "{lines}: {cipher}"),
            (Err(error), Err(part)) => {
                assert!(error.starts_with("1429 ") && error.contains(part), "{lines}: {error}");
            }
            _ => panic!("{lines}: {got:?} and not {expected:?}"),
        }
    }
}

#[test]
fn an_account_that_needs_a_client_certificate_is_reached_with_one() {
    let certificates = Certificates::new();
    let server = server_with(&certificates, "here");
    server.run_all(&[
        "CREATE USER 'certified'@'%' IDENTIFIED BY 'secret' REQUIRE X509",
        "GRANT ALL PRIVILEGES ON shop.* TO 'certified'@'%'",
    ]);
    let accounts = |more: &str| {
        let user = ACCOUNTS.split("  - name: admin").next().expect("the first user");
        format!("{user}backends:\n  - name: app\n    user: certified\n    password: secret\n{more}")
    };
    let mode = format!("  mode: verify_identity\n  ca: {}\n", certificates.at("ca.pem"));
    let refused = cipher(&mut in_front_of(&server, &mode, &accounts(""))).expect_err("no certificate");
    assert!(refused.starts_with("1429 ") && refused.contains("certified"), "{refused}");
    let pair_of = |name: &str| {
        let file = |ending: &str| certificates.at(&format!("{name}.{ending}"));
        format!("    certificate: {}\n    key: {}\n", file("pem"), file("key"))
    };
    let got = cipher(&mut in_front_of(&server, &mode, &accounts(&pair_of("client")))).expect("its certificate");
    assert!(got.starts_with("TLS_"), "{got}");
    // One that the server's authority did not sign.
    cipher(&mut in_front_of(&server, &mode, &accounts(&pair_of("self")))).expect_err("a stranger's certificate");
}
