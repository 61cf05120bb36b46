//! Servers that restart, die in mid-result, answer garbage or nothing.

use crate::support::fault::{Fault, Relay};
use crate::support::pair::shop_map_at;
use crate::support::raw::Reply;
use crate::support::{Pair, Raw, Rows, Settings, await_that};

const NAME: &str = "SELECT name FROM users WHERE id = 1";

/// A pair whose proxy reaches the first server through a relay.
fn behind_relay(config: &str) -> (Pair, Relay) {
    let mut pair = Pair::mariadb();
    let relay = Relay::to(pair.first.port);
    let map = shop_map_at(&relay.at(), &pair.second.at(), pair.first.family());
    pair.start_proxy(Settings { map, config: config.to_owned(), nonces: true, ..Settings::default() });
    (pair, relay)
}

#[test]
fn after_a_restart_every_clients_next_read_succeeds() {
    for mut pair in Pair::each() {
        let mut clients: Vec<Raw> = (0..5).map(|_| pair.app()).collect();
        for round in 0..2 {
            for client in &mut clients {
                assert_eq!(client.value(NAME), "Ada", "{round}");
                assert_eq!(client.value("SELECT total FROM orders WHERE id = 1"), "25.50", "{round}");
            }
            if round == 0 {
                pair.first.restart();
            } else {
                pair.second.kill();
                pair.second.start_again();
            }
            for client in &mut clients {
                assert_eq!(client.value(NAME), "Ada", "{round}");
                assert_eq!(client.value("SELECT total FROM orders WHERE id = 1"), "25.50", "{round}");
            }
        }
        pair.check_sound();
    }
}

#[test]
fn connections_that_the_server_closed_for_being_idle_are_not_noticed() {
    use crate::support::MariaDb;
    let pair = Pair::of(MariaDb::start("first", &["--wait-timeout=1"]), MariaDb::start("second", &[]), "");
    let mut raw = pair.app();
    assert_eq!(raw.value(NAME), "Ada");
    await_that("the server closes the idle connection", || {
        let idle = pair.first.rows("SELECT id FROM information_schema.processlist WHERE user = 'app'");
        idle.rows.is_empty().then_some(())
    });
    assert_eq!(raw.value(NAME), "Ada");
}

#[test]
fn a_server_killed_in_mid_result_is_an_error_to_its_client_only() {
    let mut pair = Pair::mariadb();
    let mut other = pair.app();
    let mut idle = pair.app();
    assert_eq!(other.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    assert_eq!(idle.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    other.ok("BEGIN");
    other.ok("INSERT INTO marks (text) VALUES ('other')");
    let mut victim = pair.app();
    // Some 100 MB, more than all buffers between hold: the server is still sending when it dies.
    victim.send_query("SELECT REPEAT('x', 1000000) FROM users a, users b, users c WHERE a.id > 0 LIMIT 100");
    assert_eq!(victim.packet().expect("the result has begun"), [1]);
    pair.first.kill();
    loop {
        match victim.packet() {
            Ok(packet) if packet[0] == 0xFF => break,
            Ok(packet) => assert_ne!(packet[0], 0xFE, "the result must not look complete"),
            // A row was cut: nothing can be said in the middle of a packet, so the connection is closed.
            Err(error) => {
                assert!(!error.to_string().contains("sequence id"), "{error}");
                break;
            }
        }
    }
    assert_eq!(other.value("SELECT COUNT(*) FROM marks"), "1");
    other.ok("COMMIT");
    assert_eq!(idle.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    pair.first.start_again();
    assert_eq!(idle.value(NAME), "Ada");
    pair.check_sound();
}

#[test]
fn a_transaction_whose_server_died_is_over() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('lost')");
    pair.first.restart();
    let reply = raw.try_query(b"INSERT INTO notes (text) VALUES ('behind')");
    assert!(matches!(reply.as_deref(), Err(_) | Ok([Reply::Error(_)])), "{reply:?}");
    // It must not commit half of it, whatever the client says next.
    let _ = raw.try_query(b"COMMIT");
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.notes"), "0");
    pair.check_sound();
}

#[test]
fn a_lost_answer_to_a_write_is_never_sent_again() {
    let (mut pair, relay) = behind_relay("");
    let mut raw = pair.app();
    assert_eq!(raw.value(NAME), "Ada");
    relay.set("once", Fault::CloseAfter(0));
    let reply = raw.try_query(b"INSERT INTO notes (text) VALUES ('once')");
    assert!(matches!(reply.as_deref(), Err(_) | Ok([Reply::Error(_)])), "{reply:?}");
    let mut other = pair.app();
    await_that("the server has run it", || (other.value("SELECT COUNT(*) FROM notes") == "1").then_some(()));
    relay.set("COMMIT", Fault::CloseAfter(0));
    let mut raw = pair.app();
    raw.ok("BEGIN");
    raw.ok("INSERT INTO notes (text) VALUES ('unknown')");
    let reply = raw.try_query(b"COMMIT");
    assert!(matches!(reply.as_deref(), Err(_) | Ok([Reply::Error(_)])), "the end is not known: {reply:?}");
    pair.check_sound();
}

#[test]
fn garbage_of_a_server_is_an_error_and_ends_that_connection() {
    let garbage: [&[u8]; 10] = [
        b"\x01\x00\x00\x01",         // half a packet, then the next command's answer
        b"\x00\x00\x00\x01",         // an empty packet
        b"\x01\x00\x00\x07\x00",     // a wrong sequence id
        b"\x01\x00\x00\x01\x00",     // a truncated OK
        b"\x02\x00\x00\x01\xFF\x01", // a truncated ERR
        b"\x01\x00\x00\x01\xFE",     // an EOF where none can be
        b"\x09\x00\x00\x01\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", // columns without number
        b"\x01\x00\x00\x01\xFB",     // LOCAL INFILE that nobody asked for
        b"\xFF\xFF\xFF\x01\x00junk", // an OK of 16 MiB
        b"GET / HTTP/1.1\r\n\r\n",   // another protocol
    ];
    let (mut pair, relay) = behind_relay("");
    let mut other = pair.app();
    other.ok("BEGIN");
    assert_eq!(other.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    for bytes in garbage {
        let mut raw = pair.app();
        relay.set("garbage", Fault::Answer(bytes.to_vec()));
        raw.send_query("SELECT name AS garbage FROM users WHERE id = 1");
        // Half an answer may leave the proxy waiting; then the server is lost.
        let cut = std::thread::scope(|scope| {
            let reader = scope.spawn(move || raw.replies(false));
            crate::support::until(std::time::Duration::from_secs(1), || reader.is_finished().then_some(()));
            relay.cut();
            reader.join().expect("the raw client does not panic")
        });
        // A read of which the client saw nothing may be sent again: then the right row is right.
        let ada = |rows: &Rows| rows.rows == [[Some(b"Ada".to_vec())]];
        let answered = match cut.as_deref() {
            Err(_) | Ok([Reply::Error(_)]) => true,
            Ok([Reply::Rows(rows)]) => ada(rows),
            Ok(_) => false,
        };
        assert!(answered, "{bytes:?}: {cut:?}");
        assert_eq!(pair.app().value(NAME), "Ada", "{bytes:?}");
    }
    assert_eq!(other.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    other.ok("COMMIT");
    pair.check_sound();
}

#[test]
fn a_server_that_is_down_is_named_and_the_other_serves() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    pair.first.kill();
    let error = raw.refused(NAME);
    assert!(error.message.contains(&pair.first.at()), "{error:?}");
    assert_eq!(raw.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    // New clients get in, and may begin.
    let mut new = pair.app();
    new.ok("BEGIN");
    assert_eq!(new.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    new.ok("COMMIT");
    pair.first.start_again();
    assert_eq!(raw.value(NAME), "Ada");
    pair.check_sound();
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let mut pair = Pair::mariadb();
    let silent = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let at = silent.local_addr().expect("bound").to_string();
    let map = shop_map_at(&at, &pair.second.at(), "mariadb");
    let config = "limits:\n  backend_connect_ms_max: 300\n".to_owned();
    pair.start_proxy(Settings { map, config, ..Settings::default() });
    let mut raw = pair.app();
    let error = raw.refused(NAME);
    assert!(error.message.contains(&at), "{error:?}");
    assert_eq!(raw.value("SELECT total FROM orders WHERE id = 1"), "25.50");
}
