//! Groups of several members: the one that is writable is written, whoever that is at the moment, and only while it is one.

use std::fs;
use std::io;
use std::process::Command;

use crate::support::proxy::get;
use crate::support::raw::{Raw, Reply};
use crate::support::server::Kind;
use crate::support::{MariaDb, MySql9, Proxy, Server, Settings, await_that};

/// A group of two members that hold the same table, the first writable and the second not. They do not replicate: what is
/// written is found where it was written.
struct Members {
    proxy: Proxy,
    first: Server,
    second: Server,
}

const NOTE: &str = "INSERT INTO notes (text) VALUES ('x')";
const PORT: &str = "SELECT @@port FROM notes WHERE id = 1";
const SOON: &str =
    "probe: {interval_ms: 50, timeout_ms: 2000, backoff_ms_max: 200, backend: admin}\nreload: {poll_ms: 20}\n";

fn map(family: &str, members: &[&Server]) -> String {
    let members: Vec<String> =
        members.iter().map(|server| format!("{{at: \"{}\", region: here}}", server.at())).collect();
    format!(
        "version: 1\nregions: [here]\ngroups:\n  pair: {{members: [{}]}}\nshards:\n  only: {{group: pair}}\ndatabases:\n  \
         shop: {{family: {family}, unlisted: only}}\n",
        members.join(", ")
    )
}

fn prepare(server: &Server, writable: bool) {
    server.run_all(&[
        "CREATE DATABASE shop",
        "CREATE TABLE shop.notes (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(40))",
        "INSERT INTO shop.notes VALUES (1, 'there')",
    ]);
    set_writable(server, writable);
}

fn set_writable(server: &Server, writable: bool) {
    let value = u8::from(!writable);
    server.run_all(&[&format!("SET GLOBAL read_only = {value}")]);
}

impl Members {
    fn of(first: Server, second: Server, limits: &str) -> Members {
        prepare(&first, true);
        prepare(&second, false);
        let map = map(first.family(), &[&first, &second]);
        let config = format!("{SOON}limits: {{{limits}}}\n");
        let proxy = Proxy::start(&Settings { map, config, ..Settings::default() });
        Members { proxy, first, second }
    }

    fn mariadb(limits: &str) -> Members {
        Members::of(MariaDb::start("first", &[]), MariaDb::start("second", &[]), limits)
    }

    /// Of every kind that can be had here.
    fn each(limits: &str) -> impl Iterator<Item = Members> {
        let mysql9 = MySql9::start("first", &[]).zip(MySql9::start("second", &[]));
        let mysql9 = mysql9.map(|(first, second)| Members::of(first, second, limits));
        std::iter::once(Members::mariadb(limits)).chain(mysql9)
    }

    fn app(&self) -> Raw {
        Raw::app(self.proxy.port, "shop").expect("the proxy answers")
    }

    fn await_log(&self, text: &str) {
        self.await_log_times(text, 1);
    }

    fn await_log_times(&self, text: &str, times: usize) {
        await_that(text, || (self.proxy.log().matches(text).count() >= times).then_some(()));
    }

    fn await_member(&self, raw: &mut Raw, server: &Server) {
        let port = server.port.to_string();
        await_that("the statement goes to the other member", || (raw.value(PORT) == port).then_some(()));
    }
}

fn notes(server: &Server) -> String {
    server.value("SELECT COUNT(*) FROM shop.notes WHERE text = 'x'")
}

/// COM_STMT_EXECUTE of a statement without parameters.
fn execute(statement: u32) -> Vec<u8> {
    [&[0x17][..], &statement.to_le_bytes(), &[0, 1, 0, 0, 0]].concat()
}

fn value(reply: io::Result<Reply>) -> String {
    match reply.expect("an answer") {
        Reply::Rows(rows) => rows.value(),
        other => panic!("no rows: {other:?}"),
    }
}

#[test]
fn a_promotion_by_hand_is_followed_and_loses_no_statement() {
    for members in Members::each("") {
        let (mut raw, mut prepared) = (members.app(), members.app());
        raw.ok(NOTE);
        let (statement, _, _) = prepared.prepare("INSERT INTO notes (text) VALUES ('x')").expect("it is sound");
        prepared.execute(statement, &[], true);
        assert_eq!((raw.value(PORT), notes(&members.first)), (members.first.port.to_string(), "2".into()));
        for (round, from, to) in [(1, &members.first, &members.second), (2, &members.second, &members.first)] {
            let before: u32 = notes(to).parse().expect("a number");
            set_writable(from, false);
            members.await_log_times("the group is not written now: none of its members is writable", round);
            // The last primary shows every acknowledged write still.
            assert_eq!(raw.value(PORT), from.port.to_string());
            // Written while there is none: it waits.
            raw.send_query(NOTE);
            prepared.command(&execute(statement)).expect("the proxy listens");
            set_writable(to, true);
            assert!(matches!(raw.reply(false).expect("an answer"), Reply::Ok(_)));
            assert!(matches!(prepared.reply(true).expect("an answer"), Reply::Ok(_)));
            assert_eq!(notes(to), (before + 2).to_string());
            assert_eq!(raw.value(PORT), to.port.to_string());
        }
    }
}

#[test]
fn a_write_that_a_server_refuses_for_being_read_only_is_done_on_the_one_that_is_not() {
    for members in Members::each("") {
        // One that probes when it has a reason to.
        let map = map(members.first.family(), &[&members.first, &members.second]);
        let config =
            "probe: {interval_ms: 600000, timeout_ms: 5000, backend: admin}\nlimits: {primary_wait_ms_max: 5000}\n";
        let proxy = Proxy::start(&Settings { map, config: config.to_owned(), ..Settings::default() });
        let app = || Raw::app(proxy.port, "shop").expect("the proxy answers");
        let (mut raw, mut prepared, mut inside, mut read_only) = (app(), app(), app(), app());
        raw.ok(NOTE);
        let (statement, _, _) = prepared.prepare(NOTE).expect("it is sound");
        prepared.execute(statement, &[], true);
        inside.ok("BEGIN");
        inside.value(PORT);
        set_writable(&members.first, false);
        set_writable(&members.second, true);
        // Its transaction has a snapshot of the first.
        assert_eq!(inside.refused(NOTE).code, 1290);
        raw.ok(NOTE);
        assert!(matches!(prepared.execute(statement, &[], true).as_slice(), [Reply::Ok(_)]));
        assert_eq!((notes(&members.first), notes(&members.second)), ("2".into(), "2".into()));
        assert_eq!(proxy.figure("meridian_retries_total"), 1);
        // What is refused for good is told once it was looked for.
        set_writable(&members.second, false);
        let error = read_only.refused("UPDATE notes SET text = 'y' WHERE id = 1");
        assert_eq!(error.code, 1290);
        assert!(error.message.contains("none of its members is writable"), "{error:?}");
    }
}

#[test]
fn two_writable_members_are_not_written_and_named() {
    for members in Members::each("primary_wait_ms_max: 300") {
        let (mut raw, mut inside) = (members.app(), members.app());
        raw.ok(NOTE);
        inside.ok("BEGIN");
        inside.ok(NOTE);
        set_writable(&members.second, true);
        members.await_log("several of its members are writable");
        let error = raw.refused(NOTE);
        let both = format!("{} in here is writable, {} in here is writable", members.first.at(), members.second.at());
        assert_eq!(error.code, 1290);
        assert!(error.message.contains("group pair") && error.message.contains(&both), "{error:?}");
        assert_eq!(raw.value(PORT), members.first.port.to_string());
        // A transaction is not written further, nor committed; it goes on when the matter is settled.
        assert_eq!(inside.refused(NOTE).code, 1290);
        assert_eq!(inside.refused("COMMIT").code, 1290);
        assert_eq!((notes(&members.first), notes(&members.second)), ("1".into(), "0".into()));
        set_writable(&members.second, false);
        await_that("one is writable", || matches!(raw.one(NOTE), Reply::Ok(_)).then_some(()));
        inside.ok("COMMIT");
        assert_eq!((notes(&members.first), notes(&members.second)), ("3".into(), "0".into()));
    }
}

#[test]
fn without_a_writable_member_a_write_ends_in_an_error_and_a_read_does_not() {
    for members in Members::each("primary_wait_ms_max: 300") {
        let mut raw = members.app();
        raw.ok(NOTE);
        set_writable(&members.first, false);
        members.await_log("the group is not written now");
        let error = raw.refused(NOTE);
        assert_eq!(error.code, 1290);
        assert!(error.message.contains("none of its members is writable"), "{error:?}");
        assert!(error.message.contains(&members.second.at()), "{error:?}");
        assert_eq!(raw.value(PORT), members.first.port.to_string());
        // A proxy that starts now has never seen a primary: it reads nowhere.
        let map = map(members.first.family(), &[&members.first, &members.second]);
        let config = format!("{SOON}limits: {{primary_wait_ms_max: 300}}\n");
        let other = Proxy::start(&Settings { map, config, ..Settings::default() });
        assert_eq!(Raw::app(other.port, "shop").expect("it answers").refused(PORT).code, 1290);
    }
}

#[test]
fn a_killed_primary_is_replaced_by_the_one_that_is_promoted() {
    let mut members = Members::mariadb("");
    let (mut raw, mut inside, mut waiting) = (members.app(), members.app(), members.app());
    raw.ok(NOTE);
    inside.ok("BEGIN");
    inside.ok(NOTE);
    assert_eq!(waiting.value(PORT), members.first.port.to_string());
    members.first.kill();
    // A read, on a connection that is dead already, waits as well: no other member shows every write.
    waiting.send_query(PORT);
    members.await_log("the group is not written now");
    set_writable(&members.second, true);
    assert_eq!(value(waiting.reply(false)), members.second.port.to_string());
    members.await_member(&mut raw, &members.second);
    raw.ok(NOTE);
    assert_eq!(notes(&members.second), "1");
    let reply = inside.try_query(NOTE.as_bytes());
    assert!(matches!(reply.as_deref(), Err(_) | Ok([Reply::Error(_)])), "{reply:?}");
    // The old primary comes back as it was, writable: none is written until one of the two is not.
    members.first.start_again();
    members.await_log("several of its members are writable");
    raw.send_query(NOTE);
    set_writable(&members.first, false);
    assert!(matches!(raw.reply(false).expect("an answer"), Reply::Ok(_)));
    assert_eq!(notes(&members.second), "2");
}

#[test]
fn a_stopped_primary_is_given_up_with_all_that_runs_there() {
    let mut members = Members::mariadb("");
    let (mut running, mut inside, mut idle) = (members.app(), members.app(), members.app());
    inside.ok("BEGIN");
    inside.ok(NOTE);
    assert_eq!(idle.value(PORT), members.first.port.to_string());
    let mut blocker = Raw::admin(members.first.port).expect("it answers");
    blocker.ok("BEGIN");
    blocker.rows("SELECT id FROM shop.notes WHERE id = 1 FOR UPDATE");
    running.send_query("UPDATE notes SET text = 'y' WHERE id = 1");
    await_that("it runs", || {
        let waiting = "SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE notes%'";
        (!members.first.rows(waiting).rows.is_empty()).then_some(())
    });
    members.first.signal("STOP");
    set_writable(&members.second, true);
    members.await_member(&mut idle, &members.second);
    idle.ok(NOTE);
    // Nobody hears from the stopped server any more, and still all get an answer.
    let answered = running.reply(false);
    assert!(matches!(&answered, Ok(Reply::Error(error)) if error.code == 1158), "{answered:?}");
    let reply = inside.try_query(NOTE.as_bytes());
    assert!(matches!(reply.as_deref(), Err(_) | Ok([Reply::Error(_)])), "{reply:?}");
    assert_eq!(notes(&members.second), "1");
    members.first.signal("CONT");
    blocker.ok("ROLLBACK");
    members.await_log("several of its members are writable");
    set_writable(&members.first, false);
    assert_eq!(notes(&members.first), "0");
    idle.ok(NOTE);
    assert_eq!(notes(&members.second), "2");
}

#[test]
fn a_transaction_on_a_demoted_member_is_over() {
    for members in Members::each("") {
        let (mut writes, mut reads, mut commits, mut pinned) =
            (members.app(), members.app(), members.app(), members.app());
        for raw in [&mut writes, &mut commits] {
            raw.ok("BEGIN");
            raw.ok(NOTE);
        }
        reads.ok("BEGIN");
        reads.value(PORT);
        pinned.ok("CREATE TEMPORARY TABLE scratch (id INT)");
        set_writable(&members.first, false);
        set_writable(&members.second, true);
        let mut other = members.app();
        members.await_member(&mut other, &members.second);
        for (raw, statement) in [(&mut writes, NOTE), (&mut reads, PORT), (&mut commits, "COMMIT"), (&mut pinned, PORT)]
        {
            let error = raw.refused(statement);
            assert_eq!(error.code, 1158, "{error:?}");
            assert!(error.message.contains("is not the writable member of group pair any more"), "{error:?}");
            assert!(raw.closed(), "{statement}");
        }
        assert_eq!((notes(&members.first), notes(&members.second)), ("0".into(), "0".into()));
    }
}

#[test]
fn members_come_and_go_with_the_map() {
    let members = Members::mariadb("");
    let third = MariaDb::start("third", &[]);
    prepare(&third, false);
    let folder = members.proxy.folder().to_path_buf();
    let taken_up = "meridian_reloads_total{result=\"taken_up\"}";
    let replace = |servers: &[&Server], reloads: u64| {
        fs::write(folder.join("new.yaml"), map("mariadb", servers)).expect("the folder is ours");
        fs::rename(folder.join("new.yaml"), folder.join("map.yaml")).expect("the folder is ours");
        await_that("the map is in force", || (members.proxy.figure(taken_up) == reloads).then_some(()));
    };
    let (mut raw, mut inside) = (members.app(), members.app());
    raw.ok(NOTE);
    inside.ok("BEGIN");
    inside.ok(NOTE);
    replace(&[&members.second, &third, &members.first], 1);
    raw.ok(NOTE);
    inside.ok(NOTE);
    inside.ok("COMMIT");
    assert_eq!(notes(&members.first), "4");
    // Away from the map, it is no second writable member.
    replace(&[&members.second, &third], 2);
    set_writable(&third, true);
    members.await_member(&mut raw, &third);
    raw.ok(NOTE);
    assert_eq!((notes(&members.first), notes(&third)), ("4".into(), "1".into()));
    // One alone is what it is, probed or not.
    replace(&[&members.first], 3);
    members.await_member(&mut raw, &members.first);
    raw.ok(NOTE);
    assert_eq!(notes(&members.first), "5");
}

#[test]
fn the_check_of_a_map_counts_writable_members() {
    let members = Members::mariadb("");
    let folder = members.proxy.folder().to_path_buf();
    let found = |text: &str| {
        let mut check = Command::new(env!("CARGO_BIN_EXE_meridian"));
        check.arg("check").arg(folder.join("map.yaml")).args(["--live", "--backend", "admin", "--config"]);
        let output = check.arg(folder.join("config.yaml")).output().expect("the binary runs");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.contains("writable"), !text.is_empty(), "{said}");
        assert!(said.contains(text), "{said}");
    };
    found("");
    set_writable(&members.second, true);
    let (first, second) = (members.first.at(), members.second.at());
    found(&format!("4:3: error: group pair has several writable members, {first}, {second}; set read_only = ON"));
    set_writable(&members.first, false);
    found("");
    set_writable(&members.second, false);
    found("4:3: error: group pair has no writable member");
}

/// A member that replicates from another, as its servers' manuals say.
fn replicate(from: &Server, to: &Server) {
    let port = from.port;
    match from.kind {
        Kind::MariaDb => to.run_all(&[
            &format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='admin', \
                 MASTER_PASSWORD='admin-password'"
            ),
            "START SLAVE",
        ]),
        Kind::MySql9 => to.run_all(&[
            &format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='admin', \
                 SOURCE_PASSWORD='admin-password', GET_SOURCE_PUBLIC_KEY=1"
            ),
            "START REPLICA",
        ]),
    }
}

#[test]
fn members_are_shown_with_role_source_and_lag() {
    let options = |id: &str| [format!("--server-id={id}"), "--log-bin=log".to_owned()];
    let (one, two) = (options("1"), options("2"));
    let (one, two) = (one.each_ref().map(String::as_str), two.each_ref().map(String::as_str));
    let mariadb = (MariaDb::start("first", &one), MariaDb::start("second", &two));
    let mysql9 = MySql9::start("first", &one).zip(MySql9::start("second", &two));
    for (first, second) in [Some(mariadb), mysql9].into_iter().flatten() {
        replicate(&first, &second);
        set_writable(&second, false);
        prepare(&first, true);
        let map = map(first.family(), &[&first, &second]);
        let proxy = Proxy::start(&Settings { map, config: SOON.to_owned(), ..Settings::default() });
        let mut admin = Raw::admin(proxy.port).expect("the proxy answers");
        // Without the latency, which differs from run to run.
        let without = |line: &String| {
            let mut fields: Vec<&str> = line.split('\t').collect();
            fields.remove(9);
            fields.join("\t")
        };
        let shown =
            |admin: &mut Raw| admin.rows("SHOW MERIDIAN MEMBERS").lines().iter().map(without).collect::<Vec<_>>();
        let lines = await_that("the replica has caught up", || {
            let lines = shown(&mut admin);
            (lines[0].contains("\tyes\t") && lines[1].ends_with("\t0\tyes\tNULL")).then_some(lines)
        });
        let version = first.value("SELECT @@version");
        let expected = [
            format!("pair\t{}\there\twritable\tup\tyes\t{version}\tNULL\tNULL\tyes\tNULL", first.at()),
            format!("pair\t{}\there\treplica\tup\tno\t{version}\t{}\t0\tyes\tNULL", second.at(), first.at()),
        ];
        assert_eq!(lines, expected);
        let mut app = Raw::app(proxy.port, "shop").expect("the proxy answers");
        app.ok(NOTE);
        await_that("the note is replicated", || (notes(&second) == "1").then_some(()));
        assert_eq!(app.value(PORT), first.port.to_string());
        assert_eq!(proxy.figure("meridian_members{role=\"writable\"}"), 1);
        assert_eq!(proxy.figure("meridian_members{role=\"replica\"}"), 1);
        assert_eq!(proxy.figure("meridian_groups_unwritten"), 0);
        assert_eq!(proxy.figure("meridian_replica_lag_max_seconds"), 0);
    }
}

#[test]
fn what_meridian_knows_is_shown_to_those_who_may_see_it() {
    let mut members = Members::mariadb("pool_connections_max: 3");
    let mut app = members.app();
    app.ok("BEGIN");
    app.ok(NOTE);
    let error = app.refused("SHOW MERIDIAN MEMBERS");
    assert_eq!((error.code, error.message.contains("`admin: true`")), (1227, true), "{error:?}");
    let (first, second) = (members.first.at(), members.second.at());
    let mut admin = Raw::admin(members.proxy.port).expect("the proxy answers");
    let shown = admin.rows("SHOW MERIDIAN POOLS");
    assert_eq!(shown.columns, ["member", "account", "open", "idle", "waiting", "open_max"]);
    let app = shown.lines().into_iter().find(|line| line.starts_with(&format!("{first}\tapp\t")));
    assert!(app.as_ref().is_some_and(|line| line.ends_with("\t0\t3")), "{:?}", shown.lines());
    assert_eq!(admin.rows("show meridian shards").lines(), [format!("only\tpair\t{first}")]);
    let map = admin.rows("SHOW MERIDIAN MAP").lines();
    assert!(map[0].starts_with("NULL\t") && map[0].ends_with("\t1\t2\t1\t1\t0\t0\tNULL\tNULL"), "{map:?}");
    let sessions = admin.rows("SHOW MERIDIAN SESSIONS").lines();
    assert_eq!(sessions, ["1\tapp\tidle\tNULL\tNULL", "2\tadmin\tidle\tNULL\tNULL"]);
    // The same for the machines of operators, and what is amiss.
    set_writable(&members.first, false);
    members.second.kill();
    let page = await_that("both are seen", || {
        let (status, page) = get(members.proxy.admin, "/status").expect("the page is served");
        assert_eq!(status, 200);
        (page.contains("\"unreachable\"") && page.contains("\"read_only\"")).then_some(page)
    });
    for text in [
        format!(
            "\"error\":\"Connection refused (os error 111)\",\"group\":\"pair\",\"lag_seconds\":null,\"latency_us\":null,\"member\":\"{second}\""
        ),
        "\"shards\":[{\"group\":\"pair\",\"primary\":null,\"shard\":\"only\"}]".to_owned(),
        "\"sessions\":2".to_owned(),
    ] {
        assert!(page.contains(&text), "{text} is not in {page}");
    }
    assert_eq!(members.proxy.figure("meridian_groups_unwritten"), 1);
    assert_eq!(members.proxy.figure("meridian_members{role=\"unreachable\"}"), 1);
}
