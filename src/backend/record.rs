//! The record that a group keeps of the map that its proxies follow: one row of `meridian.ownership` on the server that is
//! written, read and changed over a connection of its own.
//!
//! Invariant: a record is changed only from the one that was read (compare and swap), so that of two who change it in
//! different directions one finds the other's.

use std::sync::Arc;
use std::time::Duration;

use super::accounts::BackendAccount;
use super::connect;
use super::connection::Connection;
use super::failure::Failure;
use super::member::MemberState;
use crate::net::timer;
use crate::session::State;
use crate::shard_map::Record;
use crate::telemetry::Metrics;
use crate::wire::reply::ServerError;
use crate::wire::result_set::Decoded;

/// What is made where it is missing and the account may.
pub const SCHEMA: [&str; 2] = [
    "CREATE DATABASE IF NOT EXISTS meridian",
    "CREATE TABLE IF NOT EXISTS meridian.ownership (id TINYINT UNSIGNED NOT NULL PRIMARY KEY, \
     hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, generation BIGINT UNSIGNED NULL, map LONGBLOB NOT NULL, \
     changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP) ENGINE=InnoDB",
];

/// What the server does for as long as this connection lives, however it is configured.
const BEFORE: &str = "SET autocommit = 1, sql_mode = ''";

const READ: &str = "SELECT hash, generation, map FROM meridian.ownership WHERE id = 1";

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unrecorded {
    /// The account has no right to the record; the server's words.
    Forbidden(String),
    /// The server was not reached, not in time, or had another error.
    Unavailable(String),
}

/// The record of one group, on the member that is written.
#[derive(Debug)]
pub struct Records {
    member: Arc<MemberState>,
    account: Arc<BackendAccount>,
    bound: Duration,
}

impl Records {
    /// `bound` is that of each question, with connecting.
    pub fn new(member: &MemberState, account: Arc<BackendAccount>, bound: Duration) -> Records {
        // What befalls these connections is not counted.
        let member = Arc::new(MemberState::new(member.at.clone(), Arc::new(Metrics::idle())));
        Records { member, account, bound }
    }

    /// The record, if there is one.
    pub async fn read(&self) -> Result<Option<Record>, Unrecorded> {
        self.bounded(async |connection| match read(connection).await? {
            Ok(record) => Ok(Ok(record)),
            Err(error) if is_missing(&error) => Ok(Ok(None)),
            Err(error) => Ok(Err(error)),
        })
        .await
    }

    /// Puts `next` on record if `base` is there now (`None`: nothing is); what is there then.
    pub async fn swap(&self, base: Option<&Record>, next: &Record) -> Result<Option<Record>, Unrecorded> {
        self.bounded(async |connection| {
            if base.is_none() {
                for statement in SCHEMA {
                    if let Decoded::Err(error) = connection.query(statement.as_bytes()).await? {
                        return Ok(Err(error));
                    }
                }
            }
            match connection.query(&change(base, next)).await? {
                Decoded::Err(error) => Ok(Err(error)),
                Decoded::Ok { .. } | Decoded::Rows(_) => read(connection).await,
            }
        })
        .await
    }

    async fn bounded<T>(
        &self,
        ask: impl AsyncFnOnce(&mut Connection) -> Result<Result<T, ServerError>, Failure>,
    ) -> Result<T, Unrecorded> {
        let asked = timer::timeout(self.bound, async {
            let mut connection =
                connect::connect(&self.member, &self.account, 0, &State::new(45, None)).await?.connection;
            match connection.query(BEFORE.as_bytes()).await? {
                Decoded::Err(error) => Ok(Err(error)),
                Decoded::Ok { .. } | Decoded::Rows(_) => ask(&mut connection).await,
            }
        });
        match asked.await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => {
                let text = format!("error {}: {}", error.code, String::from_utf8_lossy(&error.message));
                Err(if is_forbidden(&error) { Unrecorded::Forbidden(text) } else { Unrecorded::Unavailable(text) })
            }
            Ok(Err(failure)) => Err(Unrecorded::Unavailable(failure.to_string())),
            Err(_) => Err(Unrecorded::Unavailable(format!(
                "Meridian: no answer from server {} within {} ms",
                self.member.at,
                self.bound.as_millis()
            ))),
        }
    }
}

async fn read(connection: &mut Connection) -> Result<Result<Option<Record>, ServerError>, Failure> {
    let rows = match connection.query(READ.as_bytes()).await? {
        Decoded::Rows(rows) => rows.rows,
        Decoded::Err(error) => return Ok(Err(error)),
        Decoded::Ok { .. } => return Err(connection.garbage("no rows for a SELECT")),
    };
    let Some(row) = rows.into_iter().next() else { return Ok(Ok(None)) };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    let record = match <[Option<Vec<u8>>; 3]>::try_from(row) {
        Ok([Some(hash), generation, Some(map)]) => {
            let generation = generation.map(|number| text(number).and_then(|number| number.parse().ok()));
            match (text(hash), generation, text(map)) {
                (Some(hash), None, Some(map)) => Some(Record { hash, generation: None, map }),
                (Some(hash), Some(Some(number)), Some(map)) => Some(Record { hash, generation: Some(number), map }),
                _ => None,
            }
        }
        _ => None,
    };
    match record {
        Some(record) => Ok(Ok(Some(record))),
        None => Err(connection.garbage("unreadable row of meridian.ownership")),
    }
}

/// The statement that changes the record from `base`, and changes nothing where another one is there. The texts stand in
/// hexadecimal digits, whatever the server makes of quotes.
fn change(base: Option<&Record>, next: &Record) -> Vec<u8> {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("half a byte");
    let hex = |text: &str| text.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>();
    let number = |generation: Option<u64>| generation.map_or("NULL".into(), |number| number.to_string());
    let (hash, generation, map) = (hex(&next.hash), number(next.generation), hex(&next.map));
    let statement = match base {
        None => format!(
            "INSERT IGNORE INTO meridian.ownership (id, hash, generation, map) VALUES (1, 0x{hash}, {generation}, 0x{map})"
        ),
        Some(base) => format!(
            "UPDATE meridian.ownership SET hash = 0x{hash}, generation = {generation}, map = 0x{map} \
             WHERE id = 1 AND hash = 0x{} AND generation <=> {}",
            hex(&base.hash),
            number(base.generation)
        ),
    };
    statement.into_bytes()
}

/// The schema or the table is not there.
fn is_missing(error: &ServerError) -> bool {
    matches!(error.code, 1049 | 1146)
}

fn is_forbidden(error: &ServerError) -> bool {
    matches!(error.code, 1044 | 1142 | 1143 | 1227)
}
