//! Two proxies that are killed, started again and given maps that nobody announced, at random, while clients of both write
//! the same keys: no row is on two servers, and each that was acknowledged is found through both.
//!
//! MERIDIAN_TEST_SWAPS says how many such events there are, 40 if it is not set.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::reload::replace;
use crate::support::folder::free_port;
use crate::support::pair::shop_map;
use crate::support::{Pair, Proxy, Raw, Reply, Settings, await_that, until as until_or};

/// Keys that are written: on both sides of the bound.
const KEYS: std::ops::Range<u64> = 999_000..1_001_000;

/// Numbers that look random; the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn settings(map: &str, port: u16) -> Settings {
    Settings { map: map.into(), port, config: "reload:\n  poll_ms: 20\n".into(), nonces: true, ..Settings::default() }
}

/// Writes keys through one proxy or the other until the end; those that were acknowledged, by their first insert.
fn write(ports: [u16; 2], seed: u64, stop: &AtomicBool, tried: &AtomicU64) -> BTreeSet<u64> {
    let (mut random, mut written) = (Random(seed), BTreeSet::new());
    let mut raw: Option<Raw> = None;
    while !stop.load(Ordering::Relaxed) {
        let Some(session) = &mut raw else {
            raw = Raw::app(ports[random.below(2) as usize], "shop").ok();
            if raw.is_none() {
                thread::yield_now();
            }
            continue;
        };
        tried.fetch_add(1, Ordering::Relaxed);
        let id = KEYS.start + random.below(KEYS.end - KEYS.start);
        let insert = format!("INSERT INTO customers (id, name, city) VALUES ({id}, 'of {seed}', 'Oslo')");
        match session.try_query(insert.as_bytes()).as_deref() {
            Ok([Reply::Ok(_)]) => drop(written.insert(id)),
            // Somebody else's.
            Ok([Reply::Error(error)]) if error.code == 1062 => {}
            // A proxy that ends, or has ended: whether the row is there is not known.
            _ => raw = None,
        }
        if random.below(50) == 0 {
            raw = None;
        }
    }
    written
}

#[test]
fn no_row_is_on_two_servers_whatever_maps_two_proxies_are_given() {
    let events = std::env::var("MERIDIAN_TEST_SWAPS").map_or(40, |events| events.parse().expect("a number"));
    let pair = Pair::mariadb();
    for server in [&pair.first, &pair.second] {
        server.run_all(&["GRANT ALL PRIVILEGES ON meridian.* TO app@'%'", "DELETE FROM shop.customers"]);
    }
    let sound = shop_map(&pair.first, &pair.second);
    let ports = [free_port(), free_port()];
    let mut maps = [sound.clone(), sound.clone()];
    let mut proxies = [0, 1].map(|at| Some(Proxy::start(&settings(&sound, ports[at]))));
    let (stop, tried) = (&AtomicBool::new(false), &AtomicU64::new(0));
    let mut refused = 0;
    let mut count = |proxy: &Proxy| refused += proxy.log().matches("would move from shard").count();
    let written: BTreeSet<u64> = thread::scope(|scope| {
        let writers = [11, 22, 33, 44].map(|seed| scope.spawn(move || write(ports, seed, stop, tried)));
        let ends = Ends(stop);
        let mut random = Random(0x5eed);
        for event in 0..events {
            let at = random.below(2) as usize;
            match random.below(4) {
                // Rows get another owner, and nothing says so.
                0 | 1 => maps[at] = sound.replace("1000000", &(KEYS.start + random.below(2000)).to_string()),
                2 => maps[at] = format!("{sound}      t{event}: first\n"),
                _ => maps[at] = sound.clone(),
            }
            match proxies[at].take() {
                Some(proxy) if random.below(2) == 0 => {
                    replace(proxy.folder(), "map.yaml", &maps[at]);
                    proxies[at] = Some(proxy);
                }
                killed => {
                    killed.iter().for_each(&mut count);
                    drop(killed);
                    proxies[at] = Some(Proxy::begins(&settings(&maps[at], ports[at])));
                }
            }
            let until = tried.load(Ordering::Relaxed) + random.below(400);
            // If both wait for a sound map nothing is written.
            until_or(Duration::from_millis(300), || (tried.load(Ordering::Relaxed) >= until).then_some(()));
        }
        // What is on record last need not be the map of either; all tables of the maps are harmless.
        for proxy in proxies.iter().flatten() {
            replace(proxy.folder(), "map.yaml", &sound);
            proxy.await_ready();
        }
        drop(ends);
        writers.into_iter().flat_map(|writer| writer.join().expect("it ended well")).collect()
    });
    assert!(written.len() > 100, "{} rows", written.len());
    let ids = |server: &crate::support::Server| -> BTreeSet<u64> {
        let rows = server.rows("SELECT id FROM shop.customers").lines();
        rows.iter().map(|id| id.parse().expect("a key")).collect()
    };
    let (first, second) = (ids(&pair.first), ids(&pair.second));
    assert_eq!(first.intersection(&second).count(), 0, "rows on both");
    assert!(first.iter().all(|id| *id < 1_000_000) && second.iter().all(|id| *id >= 1_000_000), "rows elsewhere");
    for proxy in proxies.iter_mut().flatten() {
        count(proxy);
        let mut app = await_that("it serves", || Raw::app(proxy.port, "shop").ok());
        let found: BTreeSet<u64> =
            app.rows("SELECT id FROM customers").lines().iter().map(|id| id.parse().expect("a key")).collect();
        assert!(found.is_superset(&written), "{} rows are lost", written.difference(&found).count());
        proxy.check_runs();
    }
    assert!(refused > 0 || events < 10, "no map was refused");
}

/// The writers end with the test, also when it fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
