//! The arrangement of most tests: two servers that hold the demo's shop, and a proxy in front of both.
//!
//! users, and customers below 1,000,000, are on the first server; orders, order_items and the other customers on the second.

use super::{MariaDb, MySql9, Proxy, Server, Settings};

#[derive(Debug)]
pub struct Pair {
    // Dropped first, so that its log does not fill with the deaths of its servers.
    pub proxy: Proxy,
    pub first: Server,
    pub second: Server,
}

impl Pair {
    /// Two MariaDB servers.
    pub fn mariadb() -> Pair {
        Pair::mariadb_with("")
    }

    /// Two MariaDB servers, and further lines of the proxy's configuration.
    pub fn mariadb_with(config: &str) -> Pair {
        Pair::of(MariaDb::start("first", &[]), MariaDb::start("second", &[]), config)
    }

    /// Two MySQL 9 servers, where they can be had.
    pub fn mysql9() -> Option<Pair> {
        Some(Pair::of(MySql9::start("first", &[])?, MySql9::start("second", &[])?, ""))
    }

    /// Every kind of pair that can be had here.
    pub fn each() -> impl Iterator<Item = Pair> {
        [|| Some(Pair::mariadb()), Pair::mysql9 as fn() -> Option<Pair>].into_iter().filter_map(|start| start())
    }

    pub fn of(first: Server, second: Server, config: &str) -> Pair {
        first.load(include_str!("../../demo/shop-first.sql"));
        second.load(include_str!("../../demo/shop-second.sql"));
        let settings = Settings { map: shop_map(&first, &second), config: config.to_owned(), ..Settings::default() };
        Pair { proxy: Proxy::start(&settings), first, second }
    }

    /// Replaces the proxy by one with other settings.
    pub fn with_proxy(mut self, settings: Settings) -> Pair {
        let map = if settings.map.is_empty() { shop_map(&self.first, &self.second) } else { settings.map };
        self.proxy = Proxy::start(&Settings { map, ..settings });
        self
    }

    /// The pool's connections that a server sees: those of app and admin, but for the one that asks.
    pub fn connections(server: &Server) -> usize {
        server.rows("SELECT id FROM information_schema.processlist WHERE user = 'app'").rows.len()
    }
}

/// The map of the shop over two servers.
pub fn shop_map(first: &Server, second: &Server) -> String {
    format!(
        r#"version: 1
regions: [here]
groups:
  first: {{members: [{{at: "{}", region: here}}]}}
  second: {{members: [{{at: "{}", region: here}}]}}
shards:
  first: {{group: first}}
  second: {{group: second}}
databases:
  shop:
    family: {}
    unlisted: refuse
    tables:
      users: first
      orders: second
      order_items: second
      customers:
        key: {{id: bigint unsigned}}
        range:
          - {{from: MIN, on: first}}
          - {{from: 1000000, on: second}}
"#,
        first.at(),
        second.at(),
        first.family()
    )
}

/// A map with one more vertical table of shop on each server: wide enough for most tests, `scratch1` on the first and
/// `scratch2` on the second.
pub fn scratch_map(first: &Server, second: &Server) -> String {
    shop_map(first, second) + "      scratch1: first\n      scratch2: second\n"
}

/// A map of one database on one server, all its tables.
pub fn single_map(server: &Server, database: &str) -> String {
    format!(
        r#"version: 1
regions: [here]
groups:
  only: {{members: [{{at: "{}", region: here}}]}}
shards:
  only: {{group: only}}
databases:
  {database}:
    family: {}
    unlisted: only
"#,
        server.at(),
        server.family()
    )
}
