//! The arrangement of most tests: two servers that hold a small shop, and a proxy in front of both.
//!
//! users, notes, and customers below 1,000,000 are on the first server; orders, order_items, marks and the other
//! customers on the second. notes and marks are scratch: (id INT AUTO_INCREMENT, text TEXT), empty.
//! MERIDIAN_TEST_WHOLE=1 puts one plain server that holds everything in the proxy's place: what fails then, for another
//! reason than looking at `first` and `second`, is a fault of the test, not of the proxy.

use super::raw::Raw;
use super::raw_login::Login;
use super::server::Kind;
use super::{MariaDb, MySql9, Proxy, Server, Settings};

#[derive(Debug)]
pub struct Pair {
    // Dropped first, so that its log does not fill with the deaths of its servers.
    proxy: Option<Proxy>,
    pub whole: Option<Server>,
    pub first: Server,
    pub second: Server,
}

/// Whatever sessions do, they do it on the same connection, and each time it changes hands it is asked a nonce.
pub const ONE_CONNECTION: &str = "limits:\n  pool_connections_max: 1\n";

const SCRATCH: [&str; 2] = [
    "CREATE TABLE shop.notes (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT, text TEXT)",
    "CREATE TABLE shop.marks (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT, text TEXT)",
];

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
        Pair::mysql9_with("")
    }

    /// Two MySQL 9 servers, where they can be had, and further lines of the proxy's configuration.
    pub fn mysql9_with(config: &str) -> Option<Pair> {
        Some(Pair::of(MySql9::start("first", &[])?, MySql9::start("second", &[])?, config))
    }

    /// Every kind of pair that can be had here.
    pub fn each() -> impl Iterator<Item = Pair> {
        Pair::each_with("")
    }

    /// The same with further lines of the proxy's configuration; one pair runs at a time.
    pub fn each_with(config: &str) -> impl Iterator<Item = Pair> {
        let mariadb: fn(&str) -> Option<Pair> = |config| Some(Pair::mariadb_with(config));
        [mariadb, Pair::mysql9_with].into_iter().filter_map(move |start| start(config))
    }

    /// The same with one connection to each server.
    pub fn each_of_one_connection() -> impl Iterator<Item = Pair> {
        Pair::each_with(ONE_CONNECTION)
    }

    pub fn of(first: Server, second: Server, config: &str) -> Pair {
        first.load(include_str!("shop-first.sql"));
        first.run_all(&SCRATCH[..1]);
        second.load(include_str!("shop-second.sql"));
        second.run_all(&SCRATCH[1..]);
        let mut pair = Pair { proxy: None, whole: None, first, second };
        if std::env::var_os("MERIDIAN_TEST_WHOLE").is_some() {
            pair.start_whole();
        } else {
            let nonces = config == ONE_CONNECTION;
            pair.start_proxy(Settings { config: config.to_owned(), nonces, ..Settings::default() });
        }
        pair
    }

    /// Starts a proxy with these settings, instead of the one that runs; no map means the shop's.
    pub fn start_proxy(&mut self, settings: Settings) {
        self.proxy = None;
        let map = if settings.map.is_empty() { shop_map(&self.first, &self.second) } else { settings.map.clone() };
        self.proxy = Some(Proxy::start(&Settings { map, ..settings }));
    }

    pub fn proxy(&mut self) -> &mut Proxy {
        self.proxy.as_mut().expect("a test of the proxy itself does not run with MERIDIAN_TEST_WHOLE")
    }

    /// Whether there is one: not with MERIDIAN_TEST_WHOLE.
    pub fn has_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// One server that holds both halves: what one server would answer.
    pub fn whole(&mut self) -> &Server {
        if self.whole.is_none() {
            self.start_whole();
        }
        self.whole.as_ref().expect("just started")
    }

    fn start_whole(&mut self) {
        let whole = match self.first.kind {
            Kind::MariaDb => MariaDb::start("whole", &[]),
            Kind::MySql9 => MySql9::start("whole", &[]).expect("the first is one"),
        };
        whole.load(include_str!("shop-first.sql"));
        whole.load(include_str!("shop-second.sql"));
        whole.run_all(&SCRATCH);
        self.whole = Some(whole);
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        match &self.proxy {
            Some(proxy) => proxy.port,
            None => self.whole.as_ref().expect("one of the two runs").port,
        }
    }

    /// A session of app in the database shop.
    pub fn app(&self) -> Raw {
        self.login(&Login { database: "shop".into(), ..Login::default() })
    }

    pub fn login(&self, login: &Login) -> Raw {
        Raw::login(self.port(), login).unwrap_or_else(|e| panic!("{login:?}: {e}"))
    }

    /// Asserts that the proxy runs, has not panicked and still serves both servers' tables.
    pub fn check_sound(&mut self) {
        let mut app = self.app();
        assert_eq!(app.value("SELECT name FROM users WHERE id = 1"), "Ada");
        assert_eq!(app.value("SELECT total FROM orders WHERE id = 1"), "25.50");
        if let Some(proxy) = &mut self.proxy {
            proxy.check_runs();
        }
    }
}

/// The map of the shop over two servers.
pub fn shop_map(first: &Server, second: &Server) -> String {
    shop_map_at(&first.at(), &second.at(), first.family())
}

/// The same with other addresses, as of a relay in front of a server.
pub fn shop_map_at(first: &str, second: &str, family: &str) -> String {
    format!(
        r#"version: 1
regions: [here]
groups:
  first: {{members: [{{at: "{first}", region: here}}]}}
  second: {{members: [{{at: "{second}", region: here}}]}}
shards:
  first: {{group: first}}
  second: {{group: second}}
databases:
  shop:
    family: {family}
    unlisted: refuse
    tables:
      users: first
      notes: first
      orders: second
      order_items: second
      marks: second
      customers:
        key: {{id: bigint unsigned}}
        range:
          - {{from: MIN, on: first}}
          - {{from: 1000000, on: second}}
"#
    )
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
