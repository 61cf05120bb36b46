//! The test support itself, without a proxy: servers start, clients log in, faults happen.

use crate::support::cli::{self, Cli};
use crate::support::fault::{Fault, Relay};
use crate::support::pty::{CTRL_C, Pty};
use crate::support::raw::{DEPRECATE_EOF, ORDINARY, Raw, Reply};
use crate::support::raw_login::{self, Login};
use crate::support::{MariaDb, MySql9, Server};

fn each_server() -> impl Iterator<Item = Server> {
    [|| Some(MariaDb::start("only", &[])), (|| MySql9::start("only", &[])) as fn() -> Option<Server>]
        .into_iter()
        .filter_map(|start| start())
}

#[test]
fn the_raw_client_speaks_with_each_server() {
    for mut server in each_server() {
        server.load("CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY, b TEXT)");
        for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
            let login = Login { database: "shop".into(), capabilities, ..Login::default() };
            let mut raw = Raw::login(server.port, &login).expect("app may log in");
            assert_eq!(raw.ok("REPLACE INTO t VALUES (1, NULL), (2, 'x')").affected, 2);
            assert_eq!(raw.rows("SELECT b FROM t ORDER BY a").lines(), ["NULL", "x"]);
            assert_eq!(raw.query("SELECT 1; SELECT 2; DO 1").len(), 3);
            assert_eq!(raw.refused("SELECT * FROM nothing").code, 1146);
            let (id, columns, parameters) = raw.prepare("SELECT a FROM t WHERE a = ?").expect("valid");
            assert_eq!((columns, parameters), (1, 1));
            for bound in [true, false] {
                let replies = raw.execute(id, &[2], bound);
                assert!(matches!(&replies[..], [Reply::Rows(rows)] if rows.rows.len() == 1), "{replies:?}");
            }
            raw.close(id);
            raw.ok("DELETE FROM t");
            raw_login::change_user(&mut raw, &login).expect("COM_CHANGE_USER");
            assert_eq!(raw.value("SELECT DATABASE()"), "shop");
        }
        let mut raw = server.connect();
        for payload in [0xFF_FFFE, 0xFF_FFFF, 0x100_0000, 2 * 0xFF_FFFF] {
            let text = format!("SELECT LENGTH('{}')", "x".repeat(payload - "\x03SELECT LENGTH('')".len()));
            assert_eq!(raw.value(&text), (payload - "\x03SELECT LENGTH('')".len()).to_string());
        }
        let wrong = Login { password: "wrong".into(), ..Login::default() };
        assert!(Raw::login(server.port, &wrong).unwrap_err().to_string().contains("1045"));
        server.restart();
        assert_eq!(server.value("SELECT COUNT(*) FROM shop.t"), "0");
    }
}

#[test]
fn the_command_line_clients_run() {
    for server in each_server() {
        server.load("CREATE DATABASE shop");
        for client in Cli::EACH {
            let Some(run) = client.feed(server.port, "shop", "SELECT '😀' AS face;") else { continue };
            assert_eq!(run.fine(), "face\n😀\n", "{client:?} on {:?}", server.kind);
        }
    }
}

#[test]
fn the_command_line_clients_run_in_a_terminal() {
    let server = MariaDb::start("only", &[]);
    server.load("CREATE DATABASE shop; CREATE TABLE shop.orders (a INT)");
    for client in Cli::EACH {
        let Some(command) = client.command(server.port, "shop") else { continue };
        let mut pty = Pty::start(&command);
        pty.expect("> ");
        pty.write("SELECT SLEEP(60);\n");
        pty.expect("SLEEP(60);");
        // The server has it: only then can it be interrupted.
        crate::support::await_that("the statement runs", || {
            let rows = server.rows("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'");
            (!rows.rows.is_empty()).then_some(())
        });
        pty.write(CTRL_C);
        pty.expect("> ");
        pty.write("SELECT 40 + 2;\n");
        pty.expect("42");
        pty.expect("> ");
        pty.end();
    }
}

#[test]
fn drivers_run() {
    let server = MariaDb::start("only", &[]);
    server.load("CREATE DATABASE shop");
    for script in ["hello.py", "hello.js"] {
        assert_eq!(cli::script(script, server.port, "shop", &[]).fine(), "1 😀 shop\n", "{script}");
    }
}

#[test]
fn a_relay_misbehaves_when_told_to() {
    let server = MariaDb::start("only", &[]);
    let relay = Relay::to(server.port);
    let connect = || Raw::app(relay.port, "").expect("the relay passes a login");
    let mut raw = connect();
    assert_eq!(raw.value("SELECT 'plain'"), "plain");
    relay.set("lie", Fault::Answer(b"\x01\x00\x00\x01\xEE".to_vec()));
    raw.send_query("SELECT 'lie'");
    assert_eq!(raw.packet().expect("one packet"), [0xEE]);
    let mut raw = connect();
    relay.set("half", Fault::CloseAfter(10));
    assert!(raw.try_query(b"SELECT 'half'").is_err());
    let mut raw = connect();
    relay.set("none", Fault::Close);
    assert!(raw.try_query(b"SELECT 'none'").is_err());
    assert_eq!(relay.accepted(), 3);
}
