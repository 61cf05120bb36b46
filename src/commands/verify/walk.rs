//! Reading one table on one server, from the first row to the last.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::layout::{Layout, Unreadable};
use super::pace::Pace;
use super::report::{Misplaced, Report};
use super::select::{Row, Select};
use super::table::{Place, Table};
use crate::backend::{self, BackendAccount, Failure, Lease};
use crate::commands::query::{connect, name};
use crate::net::timer;
use crate::shard_map::{Group, ShardId, ShardMap, Stored};
use crate::wire::reply::ServerError;
use crate::wire::result_set::{Decoded, TextRows};

/// A chunk is small and read by an index; a server that takes longer is not well.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Bytes of an answer; `Connection::query` takes 4 MiB.
const ANSWER_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Rows that are read again with one statement.
const AGAIN_MAX: usize = 100;

/// Values are the same whatever the server's defaults are, dates that no calendar has among them.
const SETTINGS: &[u8] =
    b"SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00', character_set_results = utf8mb4";
const READ_ONLY: &[u8] = b"SET SESSION TRANSACTION READ ONLY";

/// Errors that say that there is no such table, or none that this account may see: ER_DBACCESS_DENIED_ERROR,
/// ER_BAD_DB_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_NO_SUCH_TABLE.
const ABSENT: [u16; 4] = [1044, 1049, 1142, 1146];

/// Why a table was not read on a server, or not to its end.
#[derive(Debug)]
pub enum Trouble {
    /// The server could not be reached, now or for a table before.
    Unreached(String),
    /// None of the group's members is writable, or several are: addresses.
    NoPrimary(Vec<String>),
    Server(Failure),
    Error(ServerError),
    Silent,
    Unreadable(Unreadable),
    NoTable,
    /// Standard output, not the server.
    Write(io::Error),
}

/// The servers, as this account sees them.
pub struct Servers {
    account: Arc<BackendAccount>,
    options: backend::Options,
    /// By address; whoever reads a table takes one out, and puts it back if it is well.
    readers: HashMap<String, Reader>,
    /// Servers that did not answer, by address: not to wait for them again for each table.
    unreached: HashMap<String, String>,
}

impl Servers {
    pub fn new(account: Arc<BackendAccount>, options: backend::Options) -> Servers {
        Servers { account, options, readers: HashMap::new(), unreached: HashMap::new() }
    }

    async fn take(&mut self, at: &str) -> Result<Reader, Trouble> {
        if let Some(reader) = self.readers.remove(at) {
            return Ok(reader);
        }
        if let Some(words) = self.unreached.get(at) {
            return Err(Trouble::Unreached(words.clone()));
        }
        let lease = connect(at, &self.account, &self.options).await.map_err(|words| {
            self.unreached.insert(at.to_owned(), words.clone());
            Trouble::Unreached(words)
        })?;
        let mut reader = Reader(lease);
        reader.ask(SETTINGS).await?;
        reader.ask(READ_ONLY).await?;
        Ok(reader)
    }

    /// The member that has all rows: the only one, or the one that is writable.
    async fn primary(&mut self, group: &Group) -> Result<String, Trouble> {
        if let [member] = group.members.as_slice() {
            return Ok(member.at.clone());
        }
        let mut writable = Vec::new();
        for member in &group.members {
            let Ok(mut reader) = self.take(&member.at).await else { continue };
            let answer = reader.ask(b"SELECT @@global.read_only").await?;
            let value = answer.rows.first().and_then(|row| row.first()).cloned().flatten();
            if matches!(value.as_deref(), Some(b"0" | b"OFF")) {
                writable.push(member.at.clone());
            }
            self.readers.insert(member.at.clone(), reader);
        }
        match writable.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(Trouble::NoPrimary(writable)),
        }
    }
}

/// A connection that only reads.
struct Reader(Lease);

impl Reader {
    /// Rows of a statement; none of one that has no result.
    async fn ask(&mut self, sql: &[u8]) -> Result<TextRows, Trouble> {
        match timer::timeout(ANSWER_WAIT, self.0.query(sql)).await {
            Err(_) => Err(Trouble::Silent),
            Ok(Err(failure)) => Err(Trouble::Server(failure)),
            Ok(Ok(Decoded::Err(error))) => Err(Trouble::Error(error)),
            Ok(Ok(Decoded::Rows(rows))) => Ok(rows),
            Ok(Ok(Decoded::Ok { .. })) => Ok(TextRows::default()),
        }
    }

    async fn layout(&mut self, table: &Table<'_>) -> Result<Layout, Trouble> {
        let of = quoted(table);
        let columns = self.ask(format!("SHOW FULL COLUMNS FROM {of}").as_bytes()).await?;
        let indexes = self.ask(format!("SHOW INDEX FROM {of}").as_bytes()).await?;
        Layout::of(table.split().map(|split| &split.key), &columns, &indexes).map_err(Trouble::Unreadable)
    }

    async fn rows(&mut self, select: &Select<'_>, sql: Option<String>) -> Result<Vec<Row>, Trouble> {
        const ODD: Trouble = Trouble::Unreadable(Unreadable::Answer);
        let answer = self.ask(sql.ok_or(ODD)?.as_bytes()).await?;
        answer.rows.into_iter().map(|values| select.row(values).ok_or(ODD)).collect()
    }

    async fn walk(
        &mut self,
        table: &Table<'_>,
        place: Place,
        pace: &mut Pace,
        report: &mut Report<'_>,
    ) -> Result<(), Trouble> {
        let layout = match self.layout(table).await {
            // Where the map has no rows of the table, there need not be one.
            Err(Trouble::Error(error)) if !place.is_used && ABSENT.contains(&error.code) => return Ok(()),
            // An empty one need not be read in order.
            Err(Trouble::Unreadable(why)) if !place.is_used => match self.is_empty(table).await? {
                true => return Ok(()),
                false => return Err(Trouble::Unreadable(why)),
            },
            layout => layout?,
        };
        let (database, named) = table.there();
        let select = Select { database, table: named, layout: &layout };
        let chunk = pace.chunk().min(ANSWER_BYTES_MAX / layout.width().max(1)).max(1);
        let belongs_here = |row: &Row| table.home(&row.stored) == Stored::Home(place.shard);
        let mut last = None;
        loop {
            let rows = self.rows(&select, select.chunk(last.as_deref(), chunk)).await?;
            let count = rows.iter().map(|row| row.count).sum();
            report.read(place, count);
            let is_end = (rows.len() as u64) < chunk;
            let next = rows.last().map(|row| row.by.clone());
            if next.is_some() && next == last {
                // Else it would be read for ever.
                return Err(Trouble::Unreadable(Unreadable::Answer));
            }
            last = next;
            let suspects: Vec<Row> = rows.into_iter().filter(|row| !belongs_here(row)).collect();
            pace.wait(count).await;
            for some in suspects.chunks(AGAIN_MAX) {
                // Meanwhile it may have been deleted, or have been given its home's key.
                let rows = self.rows(&select, select.again(some)).await?;
                pace.wait(rows.iter().map(|row| row.count).sum()).await;
                for row in rows.iter().filter(|row| !belongs_here(row)) {
                    let belongs = table.home(&row.stored);
                    report.misplaced(&Misplaced { place, layout: &layout, row, belongs }).map_err(Trouble::Write)?;
                }
            }
            if is_end {
                return Ok(());
            }
        }
    }

    async fn is_empty(&mut self, table: &Table<'_>) -> Result<bool, Trouble> {
        let of = quoted(table);
        let answer = self.ask(format!("SELECT 1 FROM {of} LIMIT 1").as_bytes()).await?;
        Ok(answer.rows.is_empty())
    }
}

fn quoted(table: &Table<'_>) -> String {
    let (database, table) = table.there();
    format!("{}.{}", name(database), name(table))
}

/// A number that is the same for equal tables of alike servers: MySQL manual, CHECKSUM TABLE.
pub async fn checksum(
    map: &ShardMap,
    table: &Table<'_>,
    shard: ShardId,
    servers: &mut Servers,
) -> Result<Vec<u8>, Trouble> {
    let at = servers.primary(map.group_of(shard)).await?;
    let mut reader = servers.take(&at).await?;
    let sql = format!("CHECKSUM TABLE {}", quoted(table));
    let answer = reader.ask(sql.as_bytes()).await?;
    servers.readers.insert(at, reader);
    // NULL, and a warning, where there is none.
    answer.rows.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()).ok_or(Trouble::NoTable)
}

/// Reads the table on one server, and reports the rows that do not belong there.
pub async fn walk(
    map: &ShardMap,
    table: &Table<'_>,
    place: Place,
    servers: &mut Servers,
    pace: &mut Pace,
    report: &mut Report<'_>,
) -> Result<(), Trouble> {
    let at = servers.primary(map.group_of(place.shard)).await?;
    let mut reader = servers.take(&at).await?;
    reader.walk(table, place, pace, report).await?;
    servers.readers.insert(at, reader);
    Ok(())
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unreached(words) => f.write_str(words.strip_prefix("Meridian: ").unwrap_or(words)),
            Trouble::NoPrimary(writable) if writable.is_empty() => f.write_str("no member of its group is writable"),
            Trouble::NoPrimary(writable) => {
                write!(f, "several members of its group are writable: {}", writable.join(", "))
            }
            Trouble::Server(failure) => {
                let words = failure.to_string();
                f.write_str(words.strip_prefix("Meridian: ").unwrap_or(&words))
            }
            Trouble::Error(error) => write!(f, "error {error}"),
            Trouble::Silent => write!(f, "no answer within {} s", ANSWER_WAIT.as_secs()),
            Trouble::Write(error) => write!(f, "cannot write the answer: {error}"),
            Trouble::Unreadable(unreadable) => unreadable.fmt(f),
            Trouble::NoTable => f.write_str("there is no such table, or none that this account may see; create it"),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::NoKeyColumn { key } => write!(f, "there is no column `{key}`; name the key as the table does"),
            Unreadable::OtherType { key, declared, found } => {
                write!(f, "`{key}` is {found} there and {declared} in the map; write the column's type")
            }
            Unreadable::NoOrder { key: Some(key) } => write!(
                f,
                "there is neither a primary key nor an index that begins with `{key}`: it cannot be read in chunks; add one"
            ),
            Unreadable::NoOrder { key: None } => f.write_str("it has rows and no primary key to read them by; add one"),
            Unreadable::Column { column, kind } => {
                write!(f, "its key column `{column}` is {kind}, whose values cannot be read exactly")
            }
            Unreadable::Answer => f.write_str("the server's answer has an unknown form"),
        }
    }
}
