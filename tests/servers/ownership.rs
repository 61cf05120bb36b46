//! The record that each group keeps of the map: what a new proxy may serve, and what a running one may take up.

use std::fs;

use crate::reload::{TAKEN_UP, await_figure, meridian, replace};
use crate::support::pair::shop_map;
use crate::support::proxy::get;
use crate::support::{Pair, Proxy, Raw, Server, Settings, await_that};

const SOON: &str = "reload:\n  poll_ms: 20\n";
const GRANT: &str = "GRANT ALL PRIVILEGES ON meridian.* TO app@'%'";
const HASH: &str = "SELECT hash FROM meridian.ownership";

/// Two servers whose account may keep the record, and a proxy in front that has done so.
fn pair() -> Pair {
    granted(Pair::mariadb_with(SOON))
}

fn granted(mut pair: Pair) -> Pair {
    for server in [&pair.first, &pair.second] {
        server.run_all(&[GRANT]);
    }
    pair.start_proxy(Settings { config: SOON.into(), ..Settings::default() });
    assert_eq!(pair.proxy().figure(UNRECORDED), 0);
    pair
}

fn settings(map: &str) -> Settings {
    Settings { map: map.into(), config: SOON.into(), ..Settings::default() }
}

fn is_empty(server: &Server) -> bool {
    server.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'meridian'") == "0"
}

/// What `diff` says that `new` has to accept to follow `old`.
fn accept(pair: &mut Pair, old: &str, new: &str) -> String {
    let folder = pair.proxy().folder().to_path_buf();
    let [old, new] = [("old.yaml", old), ("new.yaml", new)].map(|(name, text)| {
        fs::write(folder.join(name), text).expect("the folder is ours");
        folder.join(name).to_str().expect("it is ASCII").to_owned()
    });
    meridian(&["diff", &old, &new])
}

const UNRECORDED: &str = "meridian_groups_unrecorded";

fn new_proxies_serve_what_is_on_record(mut pair: Pair) {
    let (first, second) = (pair.first.value(HASH), pair.second.value(HASH));
    assert_eq!(first, second);
    let map = shop_map(&pair.first, &pair.second);
    assert_eq!(pair.first.value("SELECT map FROM meridian.ownership"), map);
    // One more with the same map, and one that adds a table.
    Proxy::start(&settings(&map)).check_runs();
    let more = format!("{map}      parcels: second\n");
    let mut adds = Proxy::start(&settings(&more));
    assert_ne!(pair.first.value(HASH), first);
    assert_eq!(pair.first.value(HASH), pair.second.value(HASH));
    // Another owner, unannounced.
    let moved = more.replace("1000000", "500000");
    let waits = Proxy::waits(&settings(&moved));
    let why = "shop.customers with keys [500000, 1000000) would move from shard first to shard second";
    assert!(waits.log().contains(why), "{}", waits.log());
    let (status, page) = get(waits.admin, "/readyz").expect("the page is served");
    assert!(status == 503 && page.contains(why), "{page}");
    assert!(get(waits.admin, "/status").expect("the page is served").1.contains("unrecorded"));
    assert!(Raw::app(waits.port, "shop").is_err(), "it serves nobody");
    assert_ne!(pair.first.value(HASH), first);
    // Announced; the file is looked at again.
    let announced = moved.clone() + &accept(&mut pair, &more, &moved);
    replace(waits.folder(), "map.yaml", &announced);
    waits.await_ready();
    assert!(Raw::app(waits.port, "shop").is_ok());
    assert_eq!(get(waits.admin, "/readyz").expect("the page is served").0, 200);
    // The older maps are not what is on record any more; those that run go on.
    let late = Proxy::waits(&settings(&more));
    assert!(late.log().contains("is not followed by this one"), "{}", late.log());
    adds.check_runs();
    pair.check_sound();
}

#[test]
fn new_proxies_serve_what_is_on_record_of_mariadb() {
    new_proxies_serve_what_is_on_record(pair());
}

#[test]
fn new_proxies_serve_what_is_on_record_of_mysql9() {
    let Some(pair) = Pair::mysql9() else { return };
    new_proxies_serve_what_is_on_record(granted(pair));
}

#[test]
fn a_map_is_on_record_before_it_is_in_force() {
    let mut pair = pair();
    let folder = pair.proxy().folder().to_path_buf();
    let map = shop_map(&pair.first, &pair.second);
    let before = pair.first.value(HASH);
    replace(&folder, "map.yaml", &format!("{map}      parcels: second\n"));
    await_figure(&mut pair, TAKEN_UP, 1);
    let after = pair.first.value(HASH);
    assert!(after != before && after == pair.second.value(HASH));
    // Another proxy has gone elsewhere meanwhile: with rows of parcels on the first server.
    let elsewhere = format!("{map}      parcels: first\n");
    pair.second.run_all(&[&format!(
        "UPDATE meridian.ownership SET hash = REPEAT('0', 64), map = '{}'",
        elsewhere.replace('\'', "''")
    )]);
    replace(&folder, "map.yaml", &format!("{map}      parcels: second\n      more: second\n"));
    let proxy = pair.proxy();
    await_that("the map is refused", || proxy.log().contains("group second: the map on record").then_some(()));
    assert_eq!(pair.first.value(HASH), after, "no group is changed if one refuses");
    assert_eq!(pair.app().refused("SELECT * FROM more").code, 1146);
    let shown = Raw::admin(pair.port()).expect("it serves").rows("SHOW MERIDIAN MAP").lines().join("\n");
    assert!(shown.contains("group second: the map on record"), "{shown}");
    pair.check_sound();
}

#[test]
fn a_change_that_was_broken_off_is_finished_by_the_next() {
    let mut pair = pair();
    let map = shop_map(&pair.first, &pair.second);
    let moved = map.replace("1000000", "500000");
    let announced = moved.clone() + &accept(&mut pair, &map, &moved);
    let old = pair.second.value(HASH);
    // The first group has the new map, and the proxy that did it is gone.
    let mut done = Proxy::start(&settings(&announced));
    let new = pair.first.value(HASH);
    done.stop();
    pair.second
        .run_all(&[&format!("UPDATE meridian.ownership SET hash = '{old}', map = '{}'", map.replace('\'', "''"))]);
    let back = Proxy::waits(&settings(&map));
    assert!(back.log().contains("group first: "), "{}", back.log());
    Proxy::start(&settings(&announced)).check_runs();
    assert_eq!((pair.first.value(HASH), pair.second.value(HASH)), (new.clone(), new));
}

#[test]
fn rows_get_another_owner_only_when_all_groups_can_be_told() {
    let mut pair = pair();
    let folder = pair.proxy().folder().to_path_buf();
    let map = shop_map(&pair.first, &pair.second);
    let moved = map.replace("1000000", "500000");
    let announced = moved.clone() + &accept(&mut pair, &map, &moved);
    let before = pair.first.value(HASH);
    pair.second.stop();
    replace(&folder, "map.yaml", &announced);
    let proxy = pair.proxy();
    await_that("it waits", || proxy.log().contains("group second has to put the map on record").then_some(()));
    assert_eq!(pair.first.value(HASH), before);
    pair.second.start_again();
    await_figure(&mut pair, TAKEN_UP, 1);
    assert_ne!(pair.first.value(HASH), before);
    assert_eq!(pair.first.value(HASH), pair.second.value(HASH));
    pair.check_sound();
}

#[test]
fn without_the_right_to_it_nothing_is_on_record_unless_it_has_to_be() {
    let mut pair = Pair::mariadb();
    assert_eq!(pair.proxy().figure(UNRECORDED), 2);
    assert!(pair.proxy().log().contains("GRANT ALL ON meridian.*"));
    assert!(is_empty(&pair.first) && is_empty(&pair.second));
    let map = shop_map(&pair.first, &pair.second);
    let with = |record: &str| Settings {
        map: map.clone(),
        config: format!("{SOON}ownership:\n  record: {record}\n"),
        ..Settings::default()
    };
    assert_eq!(Proxy::start(&with("off")).figure(UNRECORDED), 0);
    let waits = Proxy::waits(&with("required"));
    assert!(waits.log().contains("may not keep the record"), "{}", waits.log());
    for server in [&pair.first, &pair.second] {
        server.run_all(&[GRANT]);
    }
    waits.await_ready();
    assert!(!is_empty(&pair.first) && !is_empty(&pair.second));
}

#[test]
fn a_proxy_that_began_without_servers_ends_if_they_have_another_map() {
    let mut pair = pair();
    let map = shop_map(&pair.first, &pair.second);
    pair.first.stop();
    pair.second.stop();
    let mut alike = Proxy::start(&settings(&map));
    let mut other = Proxy::start(&settings(&map.replace("1000000", "500000")));
    pair.first.start_again();
    let status = other.wait().expect("it ends");
    assert!(!status.success() && other.log().contains("have another map on record"), "{}", other.log());
    pair.second.start_again();
    await_that("both are on record", || (alike.figure(UNRECORDED) == 0).then_some(()));
    alike.check_runs();
}
