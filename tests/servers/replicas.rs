//! Reads from other members than the primary: which go there, when, and what a session sees of its own writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::replication::Replicated;
use crate::support::{Proxy, Raw, Reply, Settings, await_that};

const PORT: &str = "SELECT @@port FROM notes WHERE id = 1";
const SOON: &str =
    "region: near\nprobe: {interval_ms: 50, timeout_ms: 2000, backoff_ms_max: 200, lag_ms_max: 2000, backend: admin}\n";

/// A primary far away and a near replica of it, behind a proxy.
struct Near {
    proxy: Proxy,
    servers: Replicated,
    primary: String,
    replica: String,
}

impl Near {
    fn of(servers: Replicated, reads: &str) -> Near {
        servers.primary.run_all(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.notes (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(40))",
            "CREATE TABLE shop.strict (id INT PRIMARY KEY)",
            "INSERT INTO shop.notes VALUES (1, 'there')",
            "INSERT INTO shop.strict VALUES (1)",
        ]);
        servers.await_same("SELECT COUNT(*) FROM shop.strict");
        let map = format!(
            "version: 1\nregions: [far, near]\ngroups:\n  pair: {{members: [{{at: \"{}\", region: far}}, {{at: \"{}\", region: \
             near}}]}}\nshards:\n  only: {{group: pair}}\ndatabases:\n  shop:\n    family: {}\n    unlisted: only\n    reads: \
             {reads}\n    tables:\n      strict: {{on: only, reads: primary}}\n",
            servers.primary.at(),
            servers.replica.at(),
            servers.primary.family(),
        );
        let proxy = Proxy::start(&Settings { map, config: SOON.to_owned(), ..Settings::default() });
        let (primary, replica) = (servers.primary.port.to_string(), servers.replica.port.to_string());
        let near = Near { proxy, servers, primary, replica };
        near.await_reads(2);
        near
    }

    fn each(reads: &str) -> impl Iterator<Item = Near> {
        Replicated::each().map(move |servers| Near::of(servers, reads))
    }

    fn app(&self) -> Raw {
        Raw::app(self.proxy.port, "shop").expect("the proxy answers")
    }

    /// Waits until so many members serve reads.
    fn await_reads(&self, members: u64) {
        await_that("members that serve reads", || {
            (self.proxy.figure("meridian_members_read") == members).then_some(())
        });
    }
}

fn prepared(raw: &mut Raw) -> String {
    let (id, _, _) = raw.prepare("SELECT CAST(@@port AS CHAR) FROM notes WHERE id = 1").expect("it is sound");
    match raw.execute(id, &[], true).as_slice() {
        // Behind the head of a binary row, and the length.
        [Reply::Rows(rows)] => rows.value()[3..].to_owned(),
        other => panic!("no rows: {other:?}"),
    }
}

#[test]
fn what_certainly_only_reads_goes_to_the_nearest_member_and_nothing_else_does() {
    for near in Near::each("nearest") {
        let (primary, replica) = (near.primary.as_str(), near.replica.as_str());
        let mut raw = near.app();
        for (statement, there) in [
            (PORT, replica),
            ("SELECT @@port FROM notes n JOIN notes m ON n.id = m.id WHERE NOW() > '2020-01-01' LIMIT 1", replica),
            ("WITH c AS (SELECT id FROM notes) SELECT @@port FROM c LIMIT 1", replica),
            ("SELECT @@port FROM strict", primary),
            ("SELECT @@port FROM notes JOIN strict USING (id)", primary),
            ("SELECT @@port FROM notes WHERE id = 1 FOR UPDATE", primary),
            ("SELECT @@port FROM notes WHERE id = 1 LOCK IN SHARE MODE", primary),
            (
                "SELECT @@port FROM notes WHERE GET_LOCK('a', 0) IS NOT NULL AND RELEASE_LOCK('a') IS NOT NULL LIMIT 1",
                primary,
            ),
            ("SELECT @@port", primary),
        ] {
            let mut raw = near.app();
            assert_eq!(raw.value(statement), there, "{statement}");
            assert_eq!(raw.value(statement), there, "once more, {statement}");
        }
        assert_eq!(prepared(&mut raw), replica);
        // What is pinned, or may write, reads where it can be seen.
        raw.ok("BEGIN");
        assert_eq!((raw.value(PORT), prepared(&mut raw)), (primary.to_owned(), primary.to_owned()));
        raw.ok("COMMIT");
        assert_eq!(raw.value(PORT), replica);
        raw.ok("SET autocommit = 0");
        assert_eq!(raw.value(PORT), primary);
        raw.ok("COMMIT");
        raw.ok("SET SESSION TRANSACTION READ ONLY");
        assert_eq!(raw.value(PORT), replica);
        raw.ok("COMMIT");
        raw.ok("SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE");
        raw.ok("SET autocommit = 1");
        raw.ok("START TRANSACTION READ ONLY");
        assert_eq!(raw.value(PORT), primary, "such reads take locks");
        raw.ok("COMMIT");
        assert_eq!(raw.value("SELECT GET_LOCK('mine', 0)"), "1");
        assert_eq!(raw.value(PORT), primary, "whoever holds a lock sees what was written under it");
        raw.value("SELECT RELEASE_LOCK('mine')");
        let mut pinned = near.app();
        pinned.ok("CREATE TEMPORARY TABLE scratch (id INT)");
        assert_eq!(pinned.value(PORT), primary);
        // In a transaction that only reads each class of statements has its own snapshot.
        let mut inside = near.app();
        inside.ok("START TRANSACTION READ ONLY");
        assert_eq!((inside.value(PORT), prepared(&mut inside)), (replica.to_owned(), replica.to_owned()));
        assert_eq!(inside.value("SELECT @@port FROM strict"), primary);
        assert_eq!(inside.value(PORT), replica);
        inside.ok("COMMIT");
        assert_eq!(inside.value(PORT), replica);
        let plan = raw.rows(&format!("EXPLAIN ROUTE {PORT}")).lines();
        assert!(plan.contains(&"  reads nearest: the nearest member".to_owned()), "{plan:?}");
        assert!(near.proxy.figure("meridian_free_reads_total") > 5);
    }
}

#[test]
fn a_session_reads_what_it_wrote() {
    for near in Near::each("nearest") {
        near.servers.apply(false);
        // Long before the lag would show.
        let mut raw = near.app();
        raw.ok("INSERT INTO notes VALUES (7, 'mine')");
        assert_eq!(raw.value("SELECT text FROM notes WHERE id = 7"), "mine");
        let (id, _, _) = raw.prepare("UPDATE notes SET text = 'yours' WHERE id = 7").expect("it is sound");
        raw.execute(id, &[], true);
        assert_eq!(raw.value("SELECT text FROM notes WHERE id = 7"), "yours");
        // Once all members have it, any of them may be read.
        near.servers.apply(true);
        await_that("reads are back at the replica", || (raw.value(PORT) == near.replica).then_some(()));
        assert_eq!(raw.value("SELECT text FROM notes WHERE id = 7"), "yours");
        // Each time anew, as fast as can be.
        for id in 100..400 {
            raw.ok(&format!("INSERT INTO notes VALUES ({id}, 'x')"));
            let read = |raw: &mut Raw| {
                assert_eq!(raw.value(&format!("SELECT COUNT(*) FROM notes WHERE id = {id}")), "1");
                raw.value(PORT)
            };
            assert_eq!(read(&mut raw), near.primary);
            if id % 50 == 0 {
                await_that("a replica has it", || (read(&mut raw) == near.replica).then_some(()));
            }
        }
    }
}

#[test]
fn statements_about_a_read_elsewhere_are_answered_there() {
    for near in Near::each("nearest") {
        let mut raw = near.app();
        assert_eq!(raw.rows("SELECT id FROM notes UNION ALL SELECT id FROM notes").rows.len(), 2);
        assert_eq!(raw.value("SELECT FOUND_ROWS()"), "2");
        raw.value("SELECT CAST('x' AS SIGNED) FROM notes WHERE id = 1");
        let warnings = raw.rows("SHOW WARNINGS").lines();
        assert!(warnings.len() == 1 && warnings[0].contains("1292"), "{warnings:?}");
    }
}

#[test]
fn a_replica_that_does_not_apply_is_not_read_from() {
    for near in Near::each("nearest") {
        let mut raw = near.app();
        assert_eq!(raw.value(PORT), near.replica);
        near.servers.apply(false);
        near.servers.primary.run_all(&["INSERT INTO shop.notes VALUES (2, 'new')"]);
        near.await_reads(1);
        assert_eq!(raw.value(PORT), near.primary);
        assert_eq!(raw.value("SELECT text FROM notes WHERE id = 2"), "new");
        let mut admin = Raw::admin(near.proxy.port).expect("the proxy answers");
        let shown = admin.rows("SHOW MERIDIAN MEMBERS");
        assert_eq!(shown.columns[8..11], ["lag_seconds", "latency_us", "reads"]);
        let reads = |line: &String| line.split('\t').nth(10).map(str::to_owned);
        assert_eq!(shown.lines().iter().filter_map(reads).collect::<Vec<_>>(), ["yes", "no"]);
        near.servers.apply(true);
        near.await_reads(2);
        await_that("reads are back at the replica", || (raw.value(PORT) == near.replica).then_some(()));
        near.servers.await_same("SELECT COUNT(*) FROM shop.notes");
    }
}

#[test]
fn a_replica_that_is_killed_under_load_fails_no_read() {
    for mut near in Near::each("replica") {
        let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (mut raw, stop, reads) = (near.app(), stop.clone(), reads.clone());
                thread::spawn(move || {
                    let mut ports = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let port = raw.value(PORT);
                        reads.fetch_add(1, Ordering::Relaxed);
                        if ports.last() != Some(&port) {
                            ports.push(port);
                        }
                    }
                    ports
                })
            })
            .collect();
        let more = |count: usize| {
            let before = reads.load(Ordering::Relaxed);
            await_that("the readers go on", || (reads.load(Ordering::Relaxed) > before + count).then_some(()));
        };
        more(200);
        near.servers.replica.kill();
        near.await_reads(1);
        more(200);
        near.servers.replica.start_again();
        near.await_reads(2);
        more(200);
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            let ports = reader.join().expect("no read failed");
            assert_eq!(ports, [near.replica.as_str(), near.primary.as_str(), near.replica.as_str()]);
        }
    }
}
