//! KILL, Ctrl-C and clients that go away: the right statement stops, before it would have ended by itself, and nobody else's.

use crate::support::cli::Cli;
use crate::support::fault::{Fault, Relay};
use crate::support::pair::shop_map_at;
use crate::support::pty::{CTRL_C, Pty};
use crate::support::{Pair, Raw, Reply, Server, Settings, await_that};

/// Long enough to be noticed if it is not stopped, on a table so that it is routed; on the first or the second server.
const LONG_FIRST: &str = "SELECT SLEEP(50) FROM users WHERE id = 1";
const LONG_SECOND: &str = "SELECT SLEEP(50) FROM orders WHERE id = 1";

fn running(server: &Server) -> usize {
    let text = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(50)%'";
    server.rows(text).rows.len()
}

fn await_running(server: &Server, count: usize) {
    await_that(&format!("{count} long statements run"), || (running(server) == count).then_some(()));
}

/// So many statements had to wait for a connection.
fn await_waits(pair: &mut Pair, count: u64) {
    let waits = || (pair.proxy().figure("meridian_pool_waits_total") == count).then_some(());
    await_that("a statement waits", waits);
}

/// The answer of a statement that was stopped: an error, or 1 of SLEEP where 0 would be if it had slept.
fn was_stopped(replies: &[Reply]) -> bool {
    match replies {
        [Reply::Error(e)] => e.code == 1317,
        [Reply::Rows(rows)] => rows.value() == "1",
        _ => false,
    }
}

/// Sends the statement; the answer is read by `stopped`.
fn begin(pair: &Pair, statement: &str) -> Raw {
    let mut raw = pair.app();
    raw.send_query(statement);
    raw
}

fn stopped(mut raw: Raw) {
    let replies = raw.replies(false).expect("an answer");
    assert!(was_stopped(&replies), "{replies:?}");
    assert_eq!(raw.value("SELECT 1"), "1", "the session goes on");
}

#[test]
fn kill_query_stops_that_statement_and_nobody_elses() {
    for mut pair in Pair::each() {
        let victim = begin(&pair, LONG_FIRST);
        let bystander = begin(&pair, LONG_FIRST);
        await_running(&pair.first, 2);
        let mut killer = pair.app();
        killer.ok(&format!("KILL QUERY {}", victim.greeting.connection));
        stopped(victim);
        assert_eq!(running(&pair.first), 1, "the bystander's goes on");
        // The other server's, by the command of the old protocol.
        let victim = begin(&pair, LONG_SECOND);
        await_running(&pair.second, 1);
        killer.ok(&format!("KILL {} {}", "QUERY", bystander.greeting.connection));
        stopped(bystander);
        assert_eq!(running(&pair.second), 1);
        killer.ok(&format!("kill query {}", victim.greeting.connection));
        stopped(victim);
        pair.check_sound();
    }
}

#[test]
fn kill_ends_the_session() {
    let mut pair = Pair::mariadb();
    let mut victim = begin(&pair, LONG_SECOND);
    await_running(&pair.second, 1);
    let mut killer = pair.app();
    killer.ok(&format!("KILL {}", victim.greeting.connection));
    match victim.replies(false) {
        Err(_) => {}
        Ok(replies) => {
            assert!(
                matches!(&replies[..], [Reply::Error(e)] if e.code == 1317 || e.code == 1927 || e.code == 1053),
                "{replies:?}"
            );
            assert!(victim.closed());
        }
    }
    await_running(&pair.second, 0);
    // An idle one.
    let mut victim = pair.app();
    killer.ok(&format!("KILL CONNECTION {}", victim.greeting.connection));
    await_that("the idle session is closed", || {
        victim.try_query(b"SELECT 1").map_or(true, |r| matches!(r[0], Reply::Error(_))).then_some(())
    });
    pair.check_sound();
}

#[test]
fn what_waits_for_a_connection_is_stopped() {
    let mut pair = Pair::mariadb_with("limits:\n  pool_connections_max: 1\n  pool_wait_ms_max: 60000\n");
    let (mut holder, mut killer) = (pair.app(), pair.app());
    holder.ok("BEGIN");
    holder.rows("SELECT id FROM users WHERE id = 1");
    let mut waiting = begin(&pair, "SELECT id FROM users WHERE id = 1");
    await_waits(&mut pair, 1);
    killer.ok(&format!("KILL QUERY {}", waiting.greeting.connection));
    let replies = waiting.replies(false).expect("an answer");
    assert!(matches!(&replies[..], [Reply::Error(e)] if e.code == 1317), "{replies:?}");
    waiting.send_query("SELECT id FROM users WHERE id = 1");
    await_waits(&mut pair, 2);
    killer.ok(&format!("KILL {}", waiting.greeting.connection));
    await_that("the waiting session is closed", || waiting.replies(false).is_err().then_some(()));
    holder.ok("COMMIT");
    pair.check_sound();
}

#[test]
fn a_set_is_stopped_as_other_statements_are() {
    let mut pair = Pair::mariadb();
    let sleeping = |count: usize| {
        await_that("the SET", || {
            let text = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SET @x = SLEEP%'";
            let running = pair.first.rows(text).rows.len() + pair.second.rows(text).rows.len();
            (running == count).then_some(())
        });
    };
    let mut victim = begin(&pair, "SET @x = SLEEP(50)");
    sleeping(1);
    let mut killer = pair.app();
    killer.ok(&format!("KILL QUERY {}", victim.greeting.connection));
    victim.replies(false).expect("an answer");
    assert_eq!(victim.value("SELECT 1"), "1");
    victim.send_query("SET @x = SLEEP(50)");
    sleeping(1);
    drop(victim);
    sleeping(0);
    pair.check_sound();
}

#[test]
fn an_id_that_is_no_sessions_is_refused() {
    let pair = Pair::mariadb();
    let mut raw = pair.app();
    assert_eq!(raw.refused("KILL QUERY 4294967").code, 1094);
    assert_eq!(raw.refused("KILL 4294967").code, 1094);
    // A server's own id is not one of ours: it must not reach a server.
    let theirs = pair.first.value("SELECT MAX(id) FROM information_schema.processlist WHERE user = 'app'");
    if theirs != "NULL" && theirs.parse() != Ok(raw.greeting.connection) {
        let reply = raw.one(&format!("KILL {theirs}"));
        assert!(matches!(&reply, Reply::Error(e) if e.code == 1094) || matches!(reply, Reply::Ok(_)));
    }
}

#[test]
fn a_user_cannot_kill_another_users_session() {
    let mut pair = Pair::mariadb();
    let mut admin = Raw::admin(pair.port()).expect("admin may log in");
    let mut app = pair.app();
    let error = app.refused(&format!("KILL {}", admin.greeting.connection));
    assert!([1094, 1095].contains(&error.code), "{error:?}");
    assert_eq!(admin.value("SELECT 1"), "1");
    pair.check_sound();
}

#[test]
fn ctrl_c_in_either_shell_stops_the_statement_and_nothing_else() {
    for mut pair in Pair::each() {
        for client in Cli::EACH {
            for (statement, first) in [(LONG_FIRST, true), (LONG_SECOND, false)] {
                let Some(command) = client.command(pair.port(), "shop") else { continue };
                let server = if first { &pair.first } else { &pair.second };
                let bystander = begin(&pair, statement);
                let mut pty = Pty::start(&command);
                pty.expect("> ");
                pty.write(&format!("{statement};\n"));
                await_running(server, 2);
                pty.write(CTRL_C);
                await_running(server, 1);
                pty.expect("> ");
                pty.write("SELECT name FROM users WHERE id = 3;\n");
                pty.expect("Edsger");
                pty.expect("> ");
                pty.end();
                assert_eq!(running(server), 1, "{client:?}: the bystander's goes on");
                pair.app().ok(&format!("KILL QUERY {}", bystander.greeting.connection));
                stopped(bystander);
            }
        }
        pair.check_sound();
    }
}

#[test]
fn a_client_that_goes_away_takes_its_statement_with_it() {
    let mut pair = Pair::mariadb();
    let gone = begin(&pair, LONG_FIRST);
    let stays = begin(&pair, LONG_FIRST);
    await_running(&pair.first, 2);
    drop(gone);
    await_running(&pair.first, 1);
    pair.app().ok(&format!("KILL QUERY {}", stays.greeting.connection));
    stopped(stays);
    pair.check_sound();
}

#[test]
fn a_client_that_goes_away_rolls_its_transaction_back() {
    let mut pair = Pair::mariadb();
    let mut gone = pair.app();
    gone.ok("BEGIN");
    gone.ok("UPDATE users SET name = 'lost' WHERE id = 1");
    drop(gone);
    // Waits for the row's lock if the transaction is still there.
    let mut raw = pair.app();
    assert_eq!(raw.ok("UPDATE users SET email = 'ada2@example.com' WHERE id = 1").affected, 1);
    assert_eq!(raw.value("SELECT name FROM users WHERE id = 1"), "Ada");
    pair.check_sound();
}

/// A pair whose proxy reaches the first server through a relay, by one connection.
fn behind_relay(mut pair: Pair) -> (Pair, Relay) {
    let relay = Relay::to(pair.first.port);
    let map = shop_map_at(&relay.at(), &pair.second.at(), pair.first.family());
    let config = "limits:\n  pool_connections_max: 1\n  pool_wait_ms_max: 600000\n".to_owned();
    pair.start_proxy(Settings { map, config, ..Settings::default() });
    (pair, relay)
}

fn await_sessions(pair: &mut Pair, count: u64) {
    await_that(&format!("{count} sessions"), || (pair.proxy().figure("meridian_sessions") == count).then_some(()));
}

/// The pools of both servers have no more connections than they may.
#[track_caller]
fn check_bound(pair: &mut Pair) {
    let connections = pair.proxy().figure("meridian_pool_connections");
    assert!((1..=2).contains(&connections), "{connections}");
}

/// What goes before a statement, and begins a transaction: a write waits for its answer, a read is sent with it.
const BEHIND_BEGIN: [&str; 2] =
    ["UPDATE users SET name = 'x' WHERE SLEEP(50) = 0 AND id = 1", "SELECT SLEEP(50) FROM users WHERE id = 1"];

#[test]
fn a_kill_that_arrives_before_the_statement_itself_stops_it() {
    // Behind MySQL's TLS the relay would see nothing.
    let (mut pair, relay) = behind_relay(Pair::mariadb());
    let mut victim = pair.app();
    // BEGIN has been accepted once: a read is sent behind it without waiting.
    victim.ok("BEGIN");
    victim.rows("SELECT id FROM users WHERE id = 1");
    victim.ok("COMMIT");
    let mut killer = pair.app();
    for statement in BEHIND_BEGIN {
        victim.ok("BEGIN");
        // The server gets the BEGIN only when the KILL has come to nothing there.
        relay.set("BEGIN", Fault::Run("SELECT SLEEP(1)".into()));
        victim.send_query(statement);
        await_that("the BEGIN is on its way", || {
            let text = "SELECT id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(1)'";
            (pair.first.rows(text).rows.len() == 1).then_some(())
        });
        killer.ok(&format!("KILL QUERY {}", victim.greeting.connection));
        let replies = victim.replies(false).expect("an answer");
        assert!(was_stopped(&replies), "{statement}: {replies:?}");
        assert_eq!(victim.value("SELECT name FROM users WHERE id = 1"), "Ada", "the transaction goes on");
        victim.ok("COMMIT");
    }
    check_bound(&mut pair);
    drop((victim, killer));
    pair.check_sound();
}

#[test]
fn whoever_leaves_before_the_statement_itself_takes_the_connection_with_him() {
    let (mut pair, relay) = behind_relay(Pair::mariadb());
    for (statement, killed) in BEHIND_BEGIN.into_iter().flat_map(|one| [(one, false), (one, true)]) {
        let mut killer = pair.app();
        let mut victim = pair.app();
        victim.ok("BEGIN");
        let connections = relay.accepted();
        relay.set("BEGIN", Fault::Silence);
        victim.send_query(statement);
        if killed {
            await_that("the BEGIN is on its way", || (!relay.is_set()).then_some(()));
            killer.ok(&format!("KILL {}", victim.greeting.connection));
            await_sessions(&mut pair, 1);
            assert!(victim.closed());
        } else {
            await_that("the BEGIN is on its way", || (!relay.is_set()).then_some(()));
            drop(victim);
            await_sessions(&mut pair, 1);
        }
        // The silent connection is gone, and its place is free for another.
        assert_eq!(killer.value("SELECT name FROM users WHERE id = 1"), "Ada");
        assert!(relay.accepted() > connections);
        check_bound(&mut pair);
        drop(killer);
        await_sessions(&mut pair, 0);
    }
    pair.check_sound();
}

#[test]
fn clients_that_leave_while_they_wait_for_a_connection_leave_nothing() {
    let (mut pair, _relay) = behind_relay(Pair::mariadb());
    let mut holder = pair.app();
    holder.ok("BEGIN");
    holder.rows("SELECT id FROM users WHERE id = 1");
    for round in 0..3 {
        let waiting: Vec<Raw> = (0..10)
            .map(|_| {
                let mut raw = pair.app();
                raw.send_query("INSERT INTO notes (text) VALUES ('of one who left')");
                raw
            })
            .collect();
        let mut stays = pair.app();
        stays.send_query("INSERT INTO notes (text) VALUES ('stays')");
        let waits = 11 * (round + 1);
        await_that("all wait", || (pair.proxy().figure("meridian_pool_waits_total") == waits).then_some(()));
        drop(waiting);
        await_sessions(&mut pair, 2);
        check_bound(&mut pair);
        holder.ok("COMMIT");
        assert!(matches!(stays.replies(false).expect("an answer")[..], [Reply::Ok(_)]));
        check_bound(&mut pair);
        holder.ok("BEGIN");
        let texts = holder.rows("SELECT DISTINCT text, COUNT(*) FROM notes GROUP BY text").lines();
        assert_eq!(texts, [format!("stays\t{}", round + 1)]);
        drop(stays);
        await_sessions(&mut pair, 1);
    }
    drop(holder);
    pair.check_sound();
}
