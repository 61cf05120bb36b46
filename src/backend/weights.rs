//! Whether a server weighs text as Meridian does, by whose weights the keys of rows there are known: it is asked before the first
//! connection of its version serves anybody.
//!
//! Invariant: no statement runs on a server over a connection that was opened while the map had text keys there, unless all
//! of their weights were found to be Meridian's.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::connection::Connection;
use super::failure::Failure;
use crate::net::timer;
use crate::shard_map::collation::Stored;
use crate::wire::result_set::Decoded;

/// A server digests some 130,000 weights in a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Weighing {
    /// Those of the map in force.
    needed: Mutex<Vec<Stored>>,
    /// Held while the server is asked, so that it is asked once.
    found: tokio::sync::Mutex<Found>,
}

/// What one version of the server was found to have.
#[derive(Debug, Default)]
struct Found {
    version: String,
    equal: Vec<Stored>,
    other: Vec<Stored>,
}

impl Weighing {
    fn needed(&self) -> MutexGuard<'_, Vec<Stored>> {
        self.needed.lock().expect("no panic under this lock")
    }

    /// Whether some were not needed before.
    pub fn need(&self, weights: Vec<Stored>) -> bool {
        let before = std::mem::replace(&mut *self.needed(), weights.clone());
        weights.iter().any(|one| !before.contains(one))
    }

    /// Asks over a connection to a server of this version.
    pub async fn verify(&self, connection: &mut Connection, version: &str) -> Result<(), Failure> {
        let needed = self.needed().clone();
        if needed.is_empty() {
            return Ok(());
        }
        match timer::timeout(PATIENCE, self.ask(connection, version, &needed)).await {
            Ok(done) => done,
            Err(_) => Err(connection.lost(std::io::ErrorKind::TimedOut.into(), false)),
        }
    }

    async fn ask(&self, connection: &mut Connection, version: &str, needed: &[Stored]) -> Result<(), Failure> {
        let mut found = self.found.lock().await;
        if found.version != version {
            *found = Found { version: version.to_owned(), ..Found::default() };
        }
        for weights in needed {
            if found.equal.contains(weights) {
                continue;
            }
            let probe = weights.probe();
            let is_known = found.other.contains(weights);
            let answer = if is_known { None } else { Some(connection.query(probe.sql.as_bytes()).await?) };
            match &answer {
                Some(Decoded::Rows(rows)) => {
                    let value = rows.rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
                    if value == Some(probe.expected.as_bytes()) {
                        found.equal.push(*weights);
                        continue;
                    }
                    found.other.push(*weights);
                }
                // It has no such collation, or it could not say.
                Some(Decoded::Err(_) | Decoded::Ok { .. }) | None => {}
            }
            return Err(Failure::Weights { member: connection.member.at.clone(), collation: weights.name() });
        }
        Ok(())
    }
}
