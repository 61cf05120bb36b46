//! What is printed: misplaced rows and a summary of each table on standard output; progress and troubles on standard error.

use std::io::{self, StdoutLock, Write};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::copies::Copies;
use super::layout::Layout;
use super::select::{Row, bare, shown};
use super::table::{Place, Table};
use super::walk::Trouble;
use crate::shard_map::{ShardId, ShardMap, Stored};

/// A line of progress now and then.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// How it is printed.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub json: bool,
    /// Misplaced rows printed of each table.
    pub limit: u64,
    pub progress: bool,
}

/// A row, or all rows of one key, where they do not belong.
#[derive(Debug)]
pub struct Misplaced<'a> {
    pub place: Place,
    pub layout: &'a Layout,
    pub row: &'a Row,
    pub belongs: Stored,
}

/// What has been found of the table that is being read.
pub struct Report<'m> {
    style: Style,
    out: StdoutLock<'static>,
    map: &'m ShardMap,
    table: String,
    is_split: bool,
    is_asked: bool,
    copies: Copies,
    rows: u64,
    /// Where rows were read.
    on: Vec<ShardId>,
    misplaced: u64,
    /// Of the misplaced.
    printed: u64,
    unread: Vec<(ShardId, String)>,
    progress_at: Instant,
}

impl<'m> Report<'m> {
    pub fn new(style: Style, out: StdoutLock<'static>, map: &'m ShardMap) -> Report<'m> {
        Report {
            style,
            out,
            map,
            table: String::new(),
            is_split: false,
            is_asked: false,
            copies: Copies::default(),
            rows: 0,
            on: Vec::new(),
            misplaced: 0,
            printed: 0,
            unread: Vec::new(),
            progress_at: Instant::now(),
        }
    }

    /// Of a table that nobody asked for by name a line is printed only if it says something.
    pub fn begin(&mut self, table: &Table<'_>, is_asked: bool) {
        self.table = table.full_name();
        self.is_split = table.split().is_some();
        self.is_asked = is_asked;
        self.copies = Copies::default();
        (self.rows, self.misplaced, self.printed) = (0, 0, 0);
        self.on.clear();
        self.unread.clear();
    }

    /// So many more rows were read.
    pub fn read(&mut self, place: Place, rows: u64) {
        self.rows += rows;
        let is_first = !self.on.contains(&place.shard);
        if is_first {
            self.on.push(place.shard);
        }
        let is_due = is_first || self.progress_at.elapsed() >= PROGRESS_EVERY;
        if self.style.progress && is_due {
            let (rows, misplaced) = (grouped(self.rows), grouped(self.misplaced));
            eprintln!("{}: on {}; {rows} rows read, {misplaced} misplaced", self.table, self.name(place.shard));
            self.progress_at = Instant::now();
        }
    }

    pub fn misplaced(&mut self, misplaced: &Misplaced<'_>) -> io::Result<()> {
        self.misplaced += misplaced.row.count;
        if self.printed >= self.style.limit {
            return Ok(());
        }
        self.printed += misplaced.row.count;
        let line = match self.style.json {
            true => self.object(misplaced).to_string(),
            false => self.line(misplaced),
        };
        writeln!(self.out, "{line}")
    }

    pub fn trouble(&mut self, place: Place, trouble: &Trouble) {
        let members: Vec<&str> = self.map.group_of(place.shard).members.iter().map(|member| &*member.at).collect();
        let at = members.join(", ");
        let text = trouble.to_string();
        eprintln!("meridian: {} on {} ({at}) was not read: {text}", self.table, self.name(place.shard));
        self.unread.push((place.shard, text));
    }

    /// What became of the copies; whether they are alike.
    pub fn copies(&mut self, copies: Copies) -> io::Result<bool> {
        for shard in &copies.unlike {
            let (copy, first) = (self.name(*shard), self.name(copies.on[0]));
            match self.style.json {
                true => writeln!(self.out, "{}", json!({"table": self.table, "copy": copy, "unlike": first}))?,
                false => writeln!(self.out, "{}: the copy on {copy} is not like the one on {first}", self.table)?,
            }
        }
        self.copies = copies;
        Ok(self.copies.unlike.is_empty())
    }

    /// The table is done; how many of its rows are misplaced.
    pub fn end(&mut self) -> io::Result<u64> {
        let is_plain = !self.is_split && self.copies.on.is_empty();
        if is_plain && !self.is_asked && self.rows == 0 && self.unread.is_empty() {
            return Ok(0);
        }
        let line = match self.style.json {
            true => self.summary_object().to_string(),
            false => self.summary(),
        };
        writeln!(self.out, "{line}")?;
        self.out.flush()?;
        Ok(self.misplaced)
    }

    fn name(&self, shard: ShardId) -> &'m str {
        &self.map.shard(shard).name
    }

    fn line(&self, misplaced: &Misplaced<'_>) -> String {
        let Misplaced { place, layout, row, belongs } = misplaced;
        let values = layout.by.iter().zip(&row.by);
        let by: Vec<String> =
            values.map(|(column, value)| format!("{} = {}", column.name, shown(&column.form, value))).collect();
        let (count, are, belong, have) = match (layout.is_primary, row.count) {
            (true, _) => (String::new(), "is", "belongs", "has"),
            (false, 1) => ("1 row with ".into(), "is", "belongs", "has"),
            (false, count) => (format!("{} rows with ", grouped(count)), "are", "belong", "have"),
        };
        let mut line = format!("{}: {count}{}", self.table, by.join(", "));
        let unseen =
            layout.key.iter().zip(&row.key).filter(|(key, _)| !layout.by.iter().any(|one| one.name == key.name));
        let unseen: Vec<String> =
            unseen.map(|(key, value)| format!("{} = {}", key.name, shown(&key.form, value))).collect();
        if !unseen.is_empty() {
            line += &format!(" ({})", unseen.join(", "));
        }
        line += &format!(" {are} on {}, ", self.name(place.shard));
        match belongs {
            Stored::Home(shard) => line + &format!("{belong} on {}", self.name(*shard)),
            Stored::Nowhere => line + &format!("{have} no home in the map"),
            Stored::Unread => line + &format!("{have} a key that Meridian does not read"),
        }
    }

    fn object(&self, misplaced: &Misplaced<'_>) -> Value {
        let Misplaced { place, layout, row, belongs } = misplaced;
        let values = layout.by.iter().zip(&row.by);
        let by: Map<String, Value> =
            values.map(|(column, value)| (column.name.clone(), bare(&column.form, value).into())).collect();
        let key: Map<String, Value> = layout
            .key
            .iter()
            .zip(&row.key)
            .map(|(column, value)| (column.name.clone(), bare(&column.form, value).into()))
            .collect();
        let belongs = match belongs {
            Stored::Home(shard) => Some(self.name(*shard)),
            Stored::Nowhere | Stored::Unread => None,
        };
        json!({
            "table": self.table,
            "primary": if layout.is_primary { Value::from(by) } else { Value::Null },
            "key": if layout.key.is_empty() { Value::Null } else { Value::from(key) },
            "on": self.name(place.shard),
            "belongs": belongs,
            "rows": row.count,
        })
    }

    fn summary(&self) -> String {
        let on: Vec<&str> = self.on.iter().map(|shard| self.name(*shard)).collect();
        let on = match (on.is_empty(), self.is_split) {
            (true, true) => "no shard".into(),
            (true, false) => "any other shard".into(),
            (false, _) => on.join(", "),
        };
        let mut line =
            format!("{}: {} rows on {on}; {} misplaced", self.table, grouped(self.rows), grouped(self.misplaced));
        if self.printed < self.misplaced {
            line += &format!(" ({} shown)", grouped(self.printed));
        }
        match (self.copies.on.len(), self.copies.unlike.len()) {
            (0, _) => {}
            (copies, 0) => line += &format!("; {copies} copies alike"),
            (copies, unlike) => line += &format!("; {unlike} of {copies} copies unlike"),
        }
        if !self.unread.is_empty() {
            let unread: Vec<&str> = self.unread.iter().map(|(shard, _)| self.name(*shard)).collect();
            line += &format!("; not read to the end on {}", unread.join(", "));
        }
        line
    }

    fn summary_object(&self) -> Value {
        let on: Vec<&str> = self.on.iter().map(|shard| self.name(*shard)).collect();
        let unread: Vec<Value> =
            self.unread.iter().map(|(shard, error)| json!({"shard": self.name(*shard), "error": error})).collect();
        json!({
            "table": self.table, "rows": self.rows, "shards": on, "misplaced": self.misplaced, "shown": self.printed,
            "copies": self.copies.on.len(), "unlike": self.copies.unlike.len(), "unread": unread,
        })
    }
}

/// 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
