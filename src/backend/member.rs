//! What is known of one server, beyond its address: facts asked once, which SETs it has accepted, and how to cut what
//! still runs there.

use std::collections::{HashMap, HashSet};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore};

use super::connection::Connection;
use super::failure::Failure;
use super::weights::Weighing;
use crate::shard_map::Family;
use crate::shard_map::collation::Stored;
use crate::telemetry::Metrics;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// `@@version`, such as `10.11.19-MariaDB-0+deb12u1`.
    pub version: String,
    pub family: Family,
    /// 101119 for 10.11.19, 90704 for 9.7.4: the form in which executable comments name versions.
    pub version_number: u32,
    /// `@@sql_mode` of a new connection: what a session has that sets none.
    pub sql_mode: String,
    /// What `SET` takes for the server's own charset, as `NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci`.
    pub names: String,
}

impl ServerFacts {
    /// The version for a greeting, as a server of this one's family and version would write it: MariaDB before 11 puts a version
    /// of MySQL in front, by which drivers choose what they say.
    pub fn greeting(&self) -> String {
        let before = if self.family == Family::MariaDb && self.version_number < 110_000 { "5.5.5-" } else { "" };
        format!("{before}{}-meridian", self.version)
    }

    pub fn new(version: String, sql_mode: String) -> Self {
        let family = if version.contains("MariaDB") { Family::MariaDb } else { Family::MySql };
        let mut parts =
            version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0).min(999));
        let mut next = || parts.next().unwrap_or(0);
        let version_number = next() * 10_000 + next().min(99) * 100 + next().min(99);
        ServerFacts { version, family, version_number, sql_mode, names: "NAMES DEFAULT".to_owned() }
    }
}

/// Cancels at once on one server.
const CANCELS_MAX: usize = 4;

/// Between two lines of the log about one server.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// A SET text longer than this is not remembered.
const SET_LENGTH_MAX: usize = 1024;
/// How many SET texts a member's memory holds before it is emptied.
const SETS_MAX: usize = 1024;

/// One server, shared by the pools of all accounts.
#[derive(Debug)]
pub struct MemberState {
    /// `host:port`.
    pub at: String,
    pub metrics: Arc<Metrics>,
    facts: ArcSwapOption<ServerFacts>,
    /// SET statements that this server answered with OK and no warning since it was last seen to start.
    accepted: Mutex<HashSet<Vec<u8>>>,
    /// Wakes the one who probes it.
    pub suspected: Notify,
    /// Probes that began, and that ended.
    probes_begun: AtomicU64,
    probes: AtomicU64,
    /// Places of cancels: each takes a connection beyond the pool's bound.
    pub cancels: Semaphore,
    /// When the log was last told of a failure.
    complained: Mutex<Option<Instant>>,
    /// It has been a member beside others.
    has_peers: AtomicBool,
    weighing: Weighing,
    /// Second handles of its connections' sockets, by the connections' ids; none of a member without peers.
    sockets: Mutex<HashMap<u64, TcpStream>>,
}

impl MemberState {
    pub fn new(at: String, metrics: Arc<Metrics>) -> Self {
        MemberState {
            at,
            metrics,
            facts: ArcSwapOption::empty(),
            accepted: Mutex::default(),
            suspected: Notify::new(),
            probes_begun: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            cancels: Semaphore::new(CANCELS_MAX),
            complained: Mutex::default(),
            has_peers: AtomicBool::new(false),
            weighing: Weighing::default(),
            sockets: Mutex::default(),
        }
    }

    /// Tells the log that connections fail; not of every failure while they do.
    pub fn complain(&self, failure: &Failure) {
        let now = Instant::now();
        let mut complained = self.complained.lock().expect("no panic under this lock");
        if complained.is_none_or(|last| now - last >= COMPLAINTS) {
            *complained = Some(now);
            tracing::warn!(server = self.at, %failure, "no connection; what follows of this within ten seconds is not logged");
        }
    }

    pub fn facts(&self) -> Option<Arc<ServerFacts>> {
        self.facts.load_full()
    }

    pub fn learn(&self, facts: ServerFacts) {
        if self.facts.load().as_deref() != Some(&facts) {
            self.facts.store(Some(facts.into()));
        }
    }

    /// A connection to the server broke or could not be made: it may be another one when it is back.
    pub fn forget(&self) {
        self.metrics.backend_failures.increment(1);
        self.facts.store(None);
        self.accepted.lock().expect("no panic under this lock").clear();
    }

    /// The weights of text that the server has to have, before a connection that is opened from now on serves. Whether there
    /// are some that connections of before were not asked for.
    pub fn need_weights(&self, weights: Vec<Stored>) -> bool {
        self.weighing.need(weights)
    }

    pub(super) async fn verify_weights(&self, connection: &mut Connection, version: &str) -> Result<(), Failure> {
        self.weighing.verify(connection, version).await
    }

    pub fn has_accepted(&self, set: &[u8]) -> bool {
        self.accepted.lock().expect("no panic under this lock").contains(set)
    }

    pub fn accept(&self, set: &[u8]) {
        if set.len() > SET_LENGTH_MAX {
            return;
        }
        let mut accepted = self.accepted.lock().expect("no panic under this lock");
        if accepted.len() >= SETS_MAX {
            accepted.clear();
        }
        accepted.insert(set.to_vec());
    }

    pub fn probes_begun(&self) -> u64 {
        self.probes_begun.load(Ordering::Acquire)
    }

    pub fn begin_probe(&self) {
        self.probes_begun.fetch_add(1, Ordering::AcqRel);
    }

    pub fn probes(&self) -> u64 {
        self.probes.load(Ordering::Acquire)
    }

    pub(super) fn count_probe(&self) {
        self.probes.fetch_add(1, Ordering::AcqRel);
    }

    /// There are others in its group: connections opened from now on can be cut.
    pub(super) fn have_peers(&self) {
        self.has_peers.store(true, Ordering::Relaxed);
    }

    pub fn has_peers(&self) -> bool {
        self.has_peers.load(Ordering::Relaxed)
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.sockets.lock().expect("no panic under this lock")
    }

    /// Keeps a second handle of a connection's socket, until `let_go`.
    pub(super) fn hold(&self, connection: u64, socket: TcpStream) {
        self.sockets().insert(connection, socket);
    }

    pub(super) fn let_go(&self, connection: u64) {
        self.sockets().remove(&connection);
    }

    /// Shuts the sockets of all connections down, so that whoever waits for an answer there finds its end; how many.
    pub fn cut(&self) -> usize {
        let sockets = std::mem::take(&mut *self.sockets());
        for socket in sockets.values() {
            // One that is not connected any more needs no end.
            let _ = socket.shutdown(Shutdown::Both);
        }
        sockets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_become_the_numbers_of_executable_comments() {
        for (version, family, number) in [
            ("10.11.19-MariaDB-0+deb12u1", Family::MariaDb, 101_119),
            ("9.7.4", Family::MySql, 90_704),
            ("8.0.36-28", Family::MySql, 80_036),
            ("garbage", Family::MySql, 0),
            ("99999999999.1.1", Family::MySql, 101),
        ] {
            let facts = ServerFacts::new(version.into(), String::new());
            assert_eq!((facts.family, facts.version_number), (family, number), "{version}");
        }
    }
}
