//! One table of one server, read whole in the order of its primary key.
//!
//! Invariant: each chunk begins behind the last row of the one before, by the server's own order; a primary key whose
//! values cannot be written back exactly is an error, not a guess.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::{BackendAccount, Connection, Options};
use crate::commands::query::{connect, fields, hexadecimal, name, rows, text, texts};
use crate::net::timer;

/// What is read, and by whom.
pub(super) struct Source<'a> {
    pub at: &'a str,
    pub account: &'a Arc<BackendAccount>,
    pub options: &'a Options,
    pub database: &'a str,
    pub table: &'a str,
    /// The column; none where every row is misplaced.
    pub key: Option<&'a str>,
    pub rows_per_second: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Rows(u64),
    NoTable,
}

/// Rows of one question. Their keys are at most 3 KiB each, and replies at most 4 MiB.
const CHUNK_ROWS: usize = 500;

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(5);

/// How a value of the primary key is written back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Number,
    Text,
    Bytes,
}

struct Column {
    name: String,
    form: Form,
}

impl Source<'_> {
    /// Calls `row` with each row, as `id=5`, and its key; `progress` now and then with the rows so far.
    pub async fn read(
        &self,
        row: &mut dyn FnMut(&str, Option<&str>),
        progress: &dyn Fn(u64),
    ) -> Result<Counted, String> {
        let mut lease = connect(self.at, self.account, self.options).await?;
        rows(&mut lease, "SET time_zone = '+00:00', sql_mode = ''").await?;
        let Some(columns) = self.primary_key(&mut lease).await? else {
            return Ok(Counted::NoTable);
        };
        let names: Vec<String> = columns.iter().map(|column| name(&column.name)).collect();
        let table = format!("{}.{}", name(self.database), name(self.table));
        let (names, key) = (names.join(", "), self.key.map_or_else(|| "NULL".into(), name));
        let (mut last, mut count, begun): (Option<Vec<Vec<u8>>>, u64, Instant) = (None, 0, Instant::now());
        let mut told = begun;
        loop {
            let behind = last.as_deref().map_or_else(String::new, |last| format!("WHERE {} ", behind(&columns, last)));
            let sql = format!("SELECT {names}, {key} FROM {table} {behind}ORDER BY {names} LIMIT {CHUNK_ROWS}");
            let chunk = rows(&mut lease, &sql).await?;
            for mut values in chunk.iter().cloned() {
                let key = values.pop().flatten();
                let primary = values.into_iter().collect::<Option<Vec<_>>>().ok_or("NULL in a primary key")?;
                if last.as_ref() == Some(&primary) {
                    return Err("its primary key does not come back in order".into());
                }
                let key = key.as_deref().map(String::from_utf8_lossy);
                row(&shown(&columns, &primary), key.as_deref());
                last = Some(primary);
            }
            count += chunk.len() as u64;
            if chunk.len() < CHUNK_ROWS {
                return Ok(Counted::Rows(count));
            }
            if told.elapsed() >= PROGRESS {
                progress(count);
                told = Instant::now();
            }
            let due = Duration::from_secs_f64(count as f64 / f64::from(self.rows_per_second));
            if let Some(early) = due.checked_sub(begun.elapsed()) {
                timer::sleep(early).await;
            }
        }
    }

    /// The columns of the primary key, in its order; `None` if there is no such table.
    async fn primary_key(&self, connection: &mut Connection) -> Result<Option<Vec<Column>>, String> {
        let here = format!(
            "table_schema = {} AND table_name = {}",
            text(self.database.as_bytes()),
            text(self.table.as_bytes())
        );
        let sql = format!("SELECT COUNT(*) FROM information_schema.tables WHERE {here}");
        if texts(connection, &sql).await? == [["0"]] {
            return Ok(None);
        }
        let sql = format!(
            "SELECT s.column_name, c.data_type FROM information_schema.statistics s JOIN information_schema.columns c ON \
             c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name WHERE \
             s.{} AND s.index_name = 'PRIMARY' ORDER BY s.seq_in_index",
            here.replace(" AND ", " AND s.")
        );
        let mut columns = Vec::new();
        for row in texts(connection, &sql).await? {
            let [name, kind] = fields(row)?;
            let form = form(&kind).ok_or_else(|| format!("its primary key has a column of type {kind}"))?;
            columns.push(Column { name, form });
        }
        match columns.is_empty() {
            true => Err("it has no primary key to be read by".into()),
            false => Ok(Some(columns)),
        }
    }
}

/// Of a type whose values are ordered as their literals are compared.
fn form(kind: &str) -> Option<Form> {
    match kind.to_ascii_lowercase().as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" => Some(Form::Number),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "date" | "datetime" | "timestamp"
        | "time" | "uuid" | "inet4" | "inet6" => Some(Form::Text),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Some(Form::Bytes),
        _ => None,
    }
}

/// `a > 1 OR (a = 1 AND b > 2)`, with a first bound that an index is read from.
fn behind(columns: &[Column], last: &[Vec<u8>]) -> String {
    let literals: Vec<String> = columns.iter().zip(last).map(|(column, value)| literal(column.form, value)).collect();
    let names: Vec<String> = columns.iter().map(|column| name(&column.name)).collect();
    let mut alternatives = Vec::new();
    for at in 0..columns.len() {
        let equal = (0..at).map(|before| format!("{} = {}", names[before], literals[before]));
        let greater = std::iter::once(format!("{} > {}", names[at], literals[at]));
        alternatives.push(format!("({})", equal.chain(greater).collect::<Vec<_>>().join(" AND ")));
    }
    format!("{} >= {} AND ({})", names[0], literals[0], alternatives.join(" OR "))
}

fn literal(form: Form, value: &[u8]) -> String {
    match form {
        Form::Number => String::from_utf8_lossy(value).into_owned(),
        Form::Text => text(value),
        Form::Bytes => hexadecimal(value),
    }
}

/// `id=5, line=1`, cut where it is long.
fn shown(columns: &[Column], values: &[Vec<u8>]) -> String {
    let value = |column: &Column, value: &[u8]| match column.form {
        Form::Bytes => hexadecimal(value),
        _ => String::from_utf8_lossy(value).chars().map(|c| if c.is_control() { ' ' } else { c }).take(64).collect(),
    };
    let shown = columns.iter().zip(values).map(|(column, bytes)| format!("{}={}", column.name, value(column, bytes)));
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_begins_behind_the_last_row() {
        let column = |name: &str, form| Column { name: name.into(), form };
        let columns = [column("a", Form::Number), column("b", Form::Text), column("c`", Form::Bytes)];
        assert_eq!(
            behind(&columns, &[b"5".to_vec(), b"x'".to_vec(), vec![0, 255]]),
            "`a` >= 5 AND ((`a` > 5) OR (`a` = 5 AND `b` > _utf8mb4 x'7827') OR (`a` = 5 AND `b` = _utf8mb4 x'7827' AND \
             `c``` > x'00ff'))"
        );
        assert_eq!(behind(&columns[..1], &[b"-5".to_vec()]), "`a` >= -5 AND ((`a` > -5))");
        assert_eq!((form("float"), form("enum"), form("BIGINT")), (None, None, Some(Form::Number)));
    }
}
