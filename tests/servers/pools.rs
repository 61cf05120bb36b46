//! Pools of connections to servers: what is kept open, for how long, and who waits.

use crate::support::{Pair, Raw, Reply, await_that};

const NAME: &str = "SELECT name FROM users WHERE id = 1";
const OF_APP: &str = "SELECT GROUP_CONCAT(id ORDER BY id) FROM information_schema.processlist WHERE user = 'app'";

/// The server's ids of the connections of the backend account `app`.
fn connections(pair: &Pair) -> Vec<u64> {
    let ids = pair.first.value(OF_APP);
    ids.split(',').filter_map(|id| id.parse().ok()).collect()
}

#[test]
fn so_many_connections_are_kept_open_and_made_anew_when_they_are_old() {
    let config =
        "limits: {pool_connections_min: 2, pool_idle_ms_max: 1, pool_age_ms_max: 2000}\nprobe: {backend: admin}\n";
    let pair = Pair::mariadb_with(config);
    // Nobody asked for anything.
    let first = await_that("two are open", || Some(connections(&pair)).filter(|open| open.len() == 2));
    let next = await_that("two others are open", || {
        let open = connections(&pair);
        (open.len() == 2 && open.iter().all(|id| !first.contains(id))).then_some(open)
    });
    assert!(next > first, "{next:?} {first:?}");
    // What is beyond them goes when it idles.
    let mut sessions: Vec<Raw> = (0..4).map(|_| pair.app()).collect();
    for raw in &mut sessions {
        raw.ok("BEGIN");
        raw.value(NAME);
    }
    assert!(connections(&pair).len() >= 4);
    for raw in &mut sessions {
        raw.ok("COMMIT");
    }
    await_that("two are open", || (connections(&pair).len() == 2).then_some(()));
}

#[test]
fn a_queue_that_is_full_refuses_at_once() {
    let limits = "limits: {pool_connections_max: 1, pool_waiting_max: 1, pool_wait_ms_max: 600000}\n";
    let mut pair = Pair::mariadb_with(limits);
    let (mut holds, mut waits, mut refused) = (pair.app(), pair.app(), pair.app());
    // Each has asked for the server's version by now.
    assert_eq!((waits.value(NAME), refused.value(NAME)), ("Ada".to_owned(), "Ada".to_owned()));
    holds.ok("BEGIN");
    holds.value(NAME);
    waits.send_query(NAME);
    await_that("it waits", || (pair.proxy().figure("meridian_pool_waits_total") > 0).then_some(()));
    let error = refused.refused(NAME);
    assert_eq!(error.code, 1040, "{error:?}");
    assert!(error.message.contains("1 statements wait") && error.message.contains("pool_waiting_max"), "{error:?}");
    assert_eq!(pair.proxy().figure("meridian_pool_rejections_total"), 1);
    assert_eq!(pair.proxy().figure("meridian_pool_timeouts_total"), 0);
    holds.ok("COMMIT");
    assert!(matches!(waits.reply(false).expect("an answer"), Reply::Rows(_)));
    assert_eq!(refused.value(NAME), "Ada");
}
