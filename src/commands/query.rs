//! Small questions to a server, for commands that ask servers themselves.

use std::fmt::Write;
use std::sync::Arc;

use crate::backend::{BackendAccount, Connection, Lease, MemberState, Options, Pool, Wanted};
use crate::session::State;
use crate::telemetry::{Metrics, Prometheus};
use crate::wire::charset::UTF8MB4_GENERAL_CI;
use crate::wire::result_set::Decoded;

/// A row of text values; `None` is NULL.
pub(super) type Row = Vec<Option<Vec<u8>>>;

/// A connection to a server, in utf8mb4 and without a database.
pub(super) async fn connect(at: &str, account: &Arc<BackendAccount>, options: &Options) -> Result<Lease, String> {
    let metrics = Arc::new(Metrics::register(&Prometheus::default()));
    let member = Arc::new(MemberState::new(at.to_owned(), metrics));
    let pool = Arc::new(Pool::new(member, account.clone(), options.clone()));
    let state = Arc::new(State::new(u16::from(UTF8MB4_GENERAL_CI), None));
    pool.acquire(Wanted { capabilities: 0, state: &state }).await.map_err(|failure| failure.to_string())
}

/// The rows of the answer, none if it is an OK; or the error's text.
pub(super) async fn rows(connection: &mut Connection, sql: &str) -> Result<Vec<Row>, String> {
    match connection.query(sql.as_bytes()).await.map_err(|failure| failure.to_string())? {
        Decoded::Rows(rows) => Ok(rows.rows),
        Decoded::Err(error) => Err(format!("{} ({})", String::from_utf8_lossy(&error.message), error.code)),
        Decoded::Ok { .. } => Ok(Vec::new()),
    }
}

/// The same as texts; NULL is empty.
pub(super) async fn texts(connection: &mut Connection, sql: &str) -> Result<Vec<Vec<String>>, String> {
    let text = |value: Option<Vec<u8>>| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
    let rows = rows(connection, sql).await?;
    Ok(rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}

/// The values of a row that was asked for with so many.
pub(super) fn fields<const N: usize>(row: Vec<String>) -> Result<[String; N], String> {
    row.try_into().map_err(|_| "a row of another length than was asked for".to_owned())
}

/// A text as a literal that no sql_mode reads otherwise.
pub(super) fn text(text: &[u8]) -> String {
    format!("_utf8mb4 {}", hexadecimal(text))
}

/// Bytes as a literal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let mut literal = String::from("x'");
    for byte in bytes {
        let _ = write!(literal, "{byte:02x}");
    }
    literal + "'"
}

/// A name in backquotes.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
