//! What can go wrong between Meridian and a server, by whose fault it is and whether a retry may help.

use std::fmt;
use std::io;

use crate::wire::reply::ServerError;

#[derive(Debug)]
pub enum Failure {
    /// The member could not be reached, or not within the limit.
    Connect { member: String, cause: io::Error },
    /// The member refused the login; its own words.
    Login { member: String, error: ServerError },
    /// The member asked for something that this configuration forbids (TLS missing, an unknown plugin).
    Policy { member: String, what: &'static str },
    /// The member weighs text otherwise than the keys of rows there are known by.
    Weights { member: String, collation: &'static str },
    /// No connection became free within the limit.
    PoolExhausted { member: String, waited_ms: u64, connections_max: usize },
    /// So many statements wait for a connection already.
    QueueFull { member: String, waiting_max: usize },
    /// The group had no member that serves the statement, within the limit. `seen`: what its members are.
    NoPrimary { group: String, seen: String, waited_ms: u64 },
    /// What the session held was on a member that is not written any more.
    Demoted { group: String, member: String },
    /// The session's statement was cancelled, or the session ended, before it got a connection.
    Cancelled,
    /// The session's statement was cancelled because its time ran out.
    Overdue,
    /// The time of the session's statement ran out, and the server answers nothing, not even to its cancel.
    Silent { member: String },
    /// The process ends.
    Shutdown,
    /// The reply was broken off behind so many bytes.
    ResultTooLarge { bytes_max: usize },
    /// The connection broke. `answered`: a part of the reply had arrived.
    Lost { member: String, cause: io::Error, answered: bool },
    /// The member sent what the protocol does not allow.
    Garbage { member: String, what: &'static str },
}

impl Failure {
    /// Whether another server might have answered.
    pub fn is_of_member(&self) -> bool {
        matches!(self, Failure::Connect { .. } | Failure::Login { .. } | Failure::Lost { .. } | Failure::Policy { .. })
    }

    /// Number, SQLSTATE and text for the client. Numbers are of servers (1000 to 1999): a client library that is sent one of
    /// its own (2000 to 2999) calls the packet malformed.
    pub fn client_error(&self) -> (u16, &'static str, String) {
        match self {
            Failure::Connect { member, cause } => {
                (1429, "08S01", format!("Meridian: can't connect to server {member} ({cause})"))
            }
            Failure::Login { member, error } => (
                1429,
                "08S01",
                format!(
                    "Meridian: server {member} refused the backend account (error {}: {})",
                    error.code,
                    String::from_utf8_lossy(&error.message)
                ),
            ),
            Failure::Policy { member, what } => (1429, "08S01", format!("Meridian: server {member}: {what}")),
            Failure::Weights { member, collation } => (
                1429,
                "08S01",
                format!(
                    "Meridian: server {member} has other weights for {collation} than Meridian, or no such collation, and the \
                     shard map has keys of it there: texts that are equal there could have two homes, so the server is not used; \
                     give the keys a _bin collation, or take another version of the server"
                ),
            ),
            Failure::PoolExhausted { member, waited_ms, connections_max } => (
                1040,
                "08004",
                format!(
                    "Meridian: no connection to server {member} became free within {waited_ms} ms (all \
                     {connections_max} are in use); retry, or raise limits.pool_connections_max"
                ),
            ),
            Failure::QueueFull { member, waiting_max } => (
                1040,
                "08004",
                format!(
                    "Meridian: {waiting_max} statements wait for a connection to server {member} already \
                     (limits.pool_waiting_max); retry later"
                ),
            ),
            // As a server answers that is read-only, and drivers take for a reason to try again.
            Failure::NoPrimary { group, seen, waited_ms } => (
                1290,
                "HY000",
                format!(
                    "Meridian: group {group} is not served, and was waited for {waited_ms} ms; {seen}. One member has to be \
                     writable and all others read_only"
                ),
            ),
            Failure::Demoted { group, member } => (
                1158,
                "08S01",
                format!(
                    "Meridian: server {member} is not the writable member of group {group} any more; what this session had \
                     there is rolled back and its connection is closed: begin again on a new one"
                ),
            ),
            Failure::Cancelled => (1317, "70100", "Query execution was interrupted".to_string()),
            Failure::Overdue => (
                3024,
                "HY000",
                "Query execution was interrupted, maximum statement execution time exceeded (limits.statement_ms_max)"
                    .to_string(),
            ),
            Failure::Silent { member } => (
                3024,
                "HY000",
                format!(
                    "Meridian: maximum statement execution time exceeded (limits.statement_ms_max), and server {member} does not \
                     answer; whether the statement takes effect is not known"
                ),
            ),
            Failure::Shutdown => (1053, "08S01", "Server shutdown in progress".to_string()),
            Failure::ResultTooLarge { bytes_max } => (
                1317,
                "70100",
                format!(
                    "Meridian: query execution was interrupted: the result is larger than {bytes_max} bytes \
                     (limits.result_bytes_max); ask for less, or in parts"
                ),
            ),
            Failure::Lost { member, cause, .. } => (
                1158,
                "08S01",
                format!(
                    "Meridian: lost connection to server {member} during the statement ({cause}); whether it took effect is not known"
                ),
            ),
            Failure::Garbage { member, what } => {
                (1835, "HY000", format!("Meridian: malformed reply from server {member} ({what})"))
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.client_error().2)
    }
}

impl std::error::Error for Failure {}
