//! Maps that change over and over under clients that never stop: no statement fails, no session ends, memory stays.
//!
//! MERIDIAN_TEST_SWAPS says how often, 40 times if it is not set.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use meridian::shard_map::{ShardMap, diff};

use crate::reload::{REFUSED, TAKEN_UP, await_figure};
use crate::support::cli::sysbench;
use crate::support::folder::free_port;
use crate::support::pair::shop_map;
use crate::support::{Pair, Proxy, Raw, Reply, Settings};

/// Tables that maps add one after the other, all on the second server.
const TABLES: usize = 8;

/// Above every key that is written; bounds move there.
const UNUSED: usize = 9_000_000;

/// What imitates a kubelet's volume: a folder a version, of which `..data` names the one in force, and a link a key.
struct Volume {
    folder: PathBuf,
    version: usize,
    /// Kubelets up to 1.20 make the links of new keys before they move `..data`, later ones after that.
    links_first: bool,
}

impl Volume {
    /// Puts a version in place, with one key that no other version has.
    fn write(&mut self, map: &str) {
        let at = |name: &str| self.folder.join(name);
        let before = fs::read_link(at("..data")).ok();
        self.version += 1;
        let (data, key) = (format!("..2026_11_24_00_00_00.{}", self.version), format!("key-{}", self.version));
        fs::create_dir(at(&data)).expect("the folder is ours");
        fs::write(at(&data).join("map.yaml"), map).expect("the folder is ours");
        fs::write(at(&data).join(&key), "").expect("the folder is ours");
        let link = |name: &str| {
            if fs::read_link(at(name)).is_err() {
                let _ = fs::remove_file(at(name));
                symlink(format!("..data/{name}"), at(name)).expect("the folder is ours");
            }
        };
        // The plain file that the proxy began with has to go, or it would be found until the link is there.
        let links = || ["map.yaml", &key].map(link);
        if self.links_first && before.is_some() {
            links();
        }
        symlink(&data, at("..data_tmp")).expect("the folder is ours");
        fs::rename(at("..data_tmp"), at("..data")).expect("the folder is ours");
        links();
        if let Some(before) = before {
            let _ = fs::remove_file(at(&format!("key-{}", self.version - 1)));
            fs::remove_dir_all(at(&before.display().to_string())).expect("the folder is ours");
        }
        self.links_first = !self.links_first;
    }
}

/// The map of a version: more tables, a bound above all keys that moves, a member that comes and goes.
fn map_of(base: &str, version: usize, nobody: u16) -> String {
    let bound = UNUSED + version / 5 * 10;
    let mut map = format!("generation: {}\n{base}          - {{from: {bound}, on: first}}\n", version + 1);
    for table in 0..tables(version) {
        map += &format!("      t{table}: second\n");
    }
    if version % 5 == 2 {
        map = map.replacen(
            "region: here}]",
            &format!("region: here}}, {{at: \"127.0.0.1:{nobody}\", region: here}}]"),
            1,
        );
    }
    map + "  sbtest:\n    family: mariadb\n    tables:\n      sbtest1: first\n"
}

/// How many of the tables a version has.
fn tables(version: usize) -> usize {
    (version / 5).min(TABLES)
}

/// A map that is refused, and would give rows another owner if it were not.
fn bad(map: &str, version: usize) -> String {
    match version % 4 {
        0 => map.replace("on: second", "on: nowhere"),
        1 => map.replace("users: first", "users: second"),
        2 => map.replace("generation:", "generation: 0 #"),
        _ => map[..map.len() / 2].to_owned(),
    }
}

/// What clients do and find.
struct Clients {
    port: u16,
    stop: AtomicBool,
    /// Tables t0, t1, ... that the map in force has.
    tables: AtomicUsize,
    statements: AtomicUsize,
}

impl Clients {
    /// Does it again and again, with a number that grows, until the end.
    fn again(&self, mut step: impl FnMut(usize)) -> usize {
        let mut count = 0;
        while !self.stop.load(Ordering::Relaxed) {
            step(count);
            count += 1;
        }
        self.statements.fetch_add(count, Ordering::Relaxed);
        count
    }

    fn app(&self) -> Raw {
        Raw::app(self.port, "shop").expect("it serves")
    }

    /// Text: a row to one server or the other, and its way back.
    fn write_text(&self, from: usize) -> usize {
        let mut raw = self.app();
        self.again(|count| {
            let id = from + count;
            raw.ok(&format!("INSERT INTO customers (id, name, city) VALUES ({id}, 'token {id}', 'Oslo')"));
            assert_eq!(raw.value(&format!("SELECT name FROM customers WHERE id = {id}")), format!("token {id}"));
        })
    }

    /// Transactions of several statements.
    fn write_transactions(&self, from: usize) -> usize {
        let mut raw = self.app();
        self.again(|count| {
            let id = from + count;
            raw.ok("BEGIN");
            raw.ok(&format!("INSERT INTO customers (id, name, city) VALUES ({id}, 'open', 'Oslo')"));
            assert_eq!(raw.value("SELECT name FROM users WHERE id = 1"), "Ada");
            raw.ok(&format!("UPDATE customers SET name = 'token {id}' WHERE id = {id}"));
            raw.ok("COMMIT");
        })
    }

    /// Prepared once, before the first swap, and run under every map.
    fn write_prepared(&self, from: usize) -> usize {
        let mut raw = self.app();
        let (insert, _, _) =
            raw.prepare("INSERT INTO customers (id, name, city) VALUES (?, 'p', 'Oslo')").expect("it is sound");
        let (read, _, _) = raw.prepare("SELECT name FROM customers WHERE id = ?").expect("it is sound");
        self.again(|count| {
            let id = i64::try_from(from + count).expect("a key");
            let replies = raw.execute(insert, &[id], count == 0);
            assert!(matches!(&replies[..], [Reply::Ok(_)]), "{replies:?}");
            let replies = raw.execute(read, &[id], count == 0);
            assert!(
                matches!(&replies[..], [Reply::Rows(rows)] if !format!("{rows:?}").contains("rows: []")),
                "{replies:?}"
            );
        })
    }

    /// Prepares statements on the tables that are new.
    fn write_new_tables(&self) -> usize {
        let mut raw = self.app();
        let mut known = Vec::new();
        self.again(|count| {
            while known.len() < self.tables.load(Ordering::Acquire) {
                let text = format!("INSERT INTO t{} (id) VALUES (?)", known.len());
                known.push((raw.prepare(&text).expect("the map has the table").0, false));
            }
            if known.is_empty() {
                raw.ok("DO 1");
                return;
            }
            let index = count % known.len();
            let (insert, bound) = &mut known[index];
            let replies = raw.execute(*insert, &[count as i64], !std::mem::replace(bound, true));
            assert!(matches!(&replies[..], [Reply::Ok(_)]), "{replies:?}");
        })
    }

    fn run_sysbench(&self) {
        let words = ["--tables=1", "--table-size=100", "--threads=2", "--time=0", "--events=200", "run"];
        self.again(|_| {
            let run = sysbench(self.port, "oltp_read_write", &words);
            assert!(run.ok && !run.err.contains("FATAL") && !run.out.contains("FATAL"), "{run:?}");
            let reconnects = run.out.lines().find(|line| line.contains("reconnects:")).expect("sysbench counts them");
            assert_eq!(reconnects.split_whitespace().nth(1), Some("0"), "{run:?}");
        });
    }
}

#[test]
fn swaps_of_maps_under_load_fail_no_statement_and_end_no_session() {
    let swaps = std::env::var("MERIDIAN_TEST_SWAPS").map_or(40, |swaps| swaps.parse().expect("a number"));
    let mut pair = Pair::mariadb();
    pair.first.run_all(&["CREATE DATABASE sbtest"]);
    for server in [&pair.first, &pair.second] {
        server.run_all(&["GRANT ALL PRIVILEGES ON meridian.* TO app@'%'"]);
    }
    let prepared = sysbench(pair.first.port, "oltp_common", &["--tables=1", "--table-size=100", "prepare"]);
    assert!(prepared.ok, "{prepared:?}");
    for table in 0..TABLES {
        pair.second.run_all(&[&format!("CREATE TABLE shop.t{table} (id BIGINT)")]);
    }
    let (base, nobody) = (shop_map(&pair.first, &pair.second), free_port());
    let mut map = map_of(&base, 0, nobody);
    pair.start_proxy(Settings { map: map.clone(), nonces: true, ..Settings::default() });
    let folder = pair.proxy().folder().to_path_buf();
    let mut volume = Volume { folder, version: 0, links_first: true };
    let clients = Clients {
        port: pair.port(),
        stop: AtomicBool::new(false),
        tables: AtomicUsize::new(0),
        statements: AtomicUsize::new(0),
    };
    let mut inside = pair.app();
    inside.ok("BEGIN");
    inside.ok("INSERT INTO customers (id, name, city) VALUES (7000001, 'inside', 'Oslo')");
    let clients = &clients;
    let written: Vec<(usize, usize)> = thread::scope(|scope| {
        // The proxy's own threads have a chance on a machine of two cores, and so has what swaps.
        let text = [2_100, 2_100_000].map(|from| (from, scope.spawn(move || clients.write_text(from))));
        let transactions = (3_100_000, scope.spawn(|| clients.write_transactions(3_100_000)));
        let prepared = (4_100_000, scope.spawn(|| clients.write_prepared(4_100_000)));
        let others = scope.spawn(|| clients.write_new_tables());
        let bench = scope.spawn(|| clients.run_sysbench());
        let ends = StopAtEnd(clients);
        let (mut taken_up, mut refused, mut memory) = (0, 0, 0);
        for version in 1..=swaps {
            if version % 5 == 4 {
                volume.write(&bad(&map, version));
                refused += 1;
                await_figure(&mut pair, REFUSED, refused);
                continue;
            }
            let mut next = map_of(&base, version, nobody);
            let load = |map: &str| ShardMap::load(map).unwrap_or_else(|faults| panic!("{faults:?} in\n{map}"));
            let change = diff(&load(&map), &load(&next));
            let accept: Vec<_> =
                change.moves.iter().map(|one| format!("  - {{{one}, base: \"{}\"}}\n", change.base)).collect();
            if !accept.is_empty() {
                next += &format!("accept:\n{}", accept.concat());
            }
            volume.write(&next);
            taken_up += 1;
            await_figure(&mut pair, TAKEN_UP, taken_up);
            clients.tables.store(tables(version), Ordering::Release);
            map = next;
            if version == swaps / 4 {
                memory = pair.proxy().memory_kib("VmRSS");
            }
        }
        assert_eq!(
            pair.proxy().figure("meridian_map_generation"),
            ShardMap::load(&map).expect("sound").generation.unwrap_or(0)
        );
        // The transaction that began before the first of them, and nothing else for longer than a statement.
        let proxy: &Proxy = pair.proxy();
        crate::support::await_that("one is left", || (proxy.figure("meridian_sessions_older_map") == 1).then_some(()));
        let grown = pair.proxy().memory_kib("VmRSS").saturating_sub(memory);
        assert!(grown < 24 * 1024, "{grown} KiB more since a quarter of the swaps");
        drop(ends);
        bench.join().expect("no statement of sysbench failed");
        others.join().expect("no statement on new tables failed");
        let all = text.into_iter().chain([transactions, prepared]);
        all.map(|(from, thread)| (from, thread.join().expect("no statement failed"))).collect()
    });
    assert_eq!(inside.value("SELECT name FROM customers WHERE id = 7000001"), "inside");
    inside.ok("COMMIT");
    let mut after = pair.app();
    for (from, count) in written {
        assert!(count > 0);
        let found = format!("SELECT COUNT(*) FROM customers WHERE id BETWEEN {from} AND {}", from + 900_000);
        let servers =
            [&pair.first, &pair.second].map(|server| server.value(&found.replace("customers", "shop.customers")));
        let found: usize = servers.iter().map(|found| found.parse::<usize>().expect("a number")).sum();
        assert_eq!(found, count, "from {from}: {servers:?}");
        let last = from + count - 1;
        assert_ne!(after.value(&format!("SELECT name FROM customers WHERE id = {last}")), "");
    }
    assert!(clients.statements.load(Ordering::Relaxed) > swaps);
    assert_eq!(pair.proxy().figure("meridian_groups_unrecorded"), 0);
    assert_eq!(
        pair.first.value("SELECT hash FROM meridian.ownership"),
        ShardMap::load(&map).expect("sound").ownership().to_string()
    );
    pair.check_sound();
}

/// The clients end with what swaps, also when that fails.
struct StopAtEnd<'a>(&'a Clients);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}
