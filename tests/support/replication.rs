//! Replication by GTID between two servers of one kind.

use super::server::{Kind, Server};
use super::{MariaDb, MySql9, await_that};

/// A primary and its replica, which is read-only and has received everything.
#[derive(Debug)]
pub struct Replicated {
    pub primary: Server,
    pub replica: Server,
}

const MARIADB: [&str; 2] = ["--log-bin=bin", "--gtid-strict-mode=ON"];
/// What its binary log has, its tables have as well when it was killed.
const MYSQL9: [&str; 4] =
    ["--log-bin=bin", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--innodb-flush-log-at-trx-commit=2"];

const PRIMARY: [&str; 1] = ["--server-id=1"];
const REPLICA: [&str; 2] = ["--server-id=2", "--read-only=ON"];

impl Replicated {
    pub fn mariadb() -> Replicated {
        let start = |name: &str, own: &[&str]| MariaDb::start(name, &[MARIADB.as_slice(), own].concat());
        Replicated::of(start("primary", &PRIMARY), start("replica", &REPLICA))
    }

    /// Where it can be had.
    pub fn mysql9() -> Option<Replicated> {
        let start = |name: &str, own: &[&str]| MySql9::start(name, &[MYSQL9.as_slice(), own].concat());
        Some(Replicated::of(start("primary", &PRIMARY)?, start("replica", &REPLICA)?))
    }

    pub fn each() -> impl Iterator<Item = Replicated> {
        [|| Some(Replicated::mariadb()), Replicated::mysql9 as fn() -> Option<Replicated>]
            .into_iter()
            .filter_map(|start| start())
    }

    fn of(primary: Server, replica: Server) -> Replicated {
        let port = primary.port;
        let (change, start) = match replica.kind {
            Kind::MariaDb => (
                format!(
                    "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'admin', \
                     MASTER_PASSWORD = 'admin-password', MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos"
                ),
                "START SLAVE",
            ),
            Kind::MySql9 => (
                format!(
                    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'admin', \
                     SOURCE_PASSWORD = 'admin-password', SOURCE_CONNECT_RETRY = 1, SOURCE_AUTO_POSITION = 1, \
                     GET_SOURCE_PUBLIC_KEY = 1"
                ),
                "START REPLICA",
            ),
        };
        replica.run_all(&[&change, start]);
        Replicated { primary, replica }
    }

    /// Stops what applies changes on the replica, or lets it go on.
    pub fn apply(&self, applies: bool) {
        let verb = if applies { "START" } else { "STOP" };
        let noun = if self.replica.kind == Kind::MariaDb { "SLAVE" } else { "REPLICA" };
        self.replica.run_all(&[&format!("{verb} {noun} SQL_THREAD")]);
    }

    /// Waits until the replica answers the same as the primary.
    pub fn await_same(&self, question: &str) {
        let expected = self.primary.value(question);
        await_that(question, || {
            let mut admin = super::Raw::admin(self.replica.port).ok()?;
            match admin.one(question) {
                super::Reply::Rows(rows) => (rows.value() == expected).then_some(()),
                _ => None,
            }
        });
    }
}
