//! An explanation as lines: the first says all in short, the others, indented, why.
//!
//! ```text
//! route customers.id = '42' (range) -> s0 single
//!   key shop.customers.id = '42'
//!     [MIN, 1000000) on s0: '42' read as 42
//!   shard s0: group split0, member 127.0.0.1:3313 in eu
//!   send 43 bytes: SELECT name FROM customers WHERE id = '42'
//! ```

use std::fmt::{self, Write};

use crate::shard_map::Reads;

use super::{Destination, Explanation, KeyFound, KeyValue, Read, TableFound, TableKind, ValuesRead, Verdict};

/// Characters shown of the text that is sent.
const TEXT_MAX: usize = 1000;

/// Shards shown of those that parameters may choose, or that SHOW TABLES asks.
const SHARDS_MAX: usize = 16;

impl fmt::Display for Explanation {
    /// The first line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Control => f.write_str("control session"),
            Verdict::NoTable => match &self.hint {
                Some(shard) => write!(f, "route no table -> {shard} single"),
                None => f.write_str("route no table -> any shard"),
            },
            Verdict::Gather => f.write_str("gather SHOW TABLES"),
            Verdict::Answer => f.write_str("answer SHOW DATABASES"),
            Verdict::View(view) => write!(f, "answer SHOW MERIDIAN {}", view.word()),
            Verdict::ShardVariable => f.write_str("answer @@meridian_shard"),
            Verdict::Single => write!(f, "route {} -> {} single", self.parts(), self.shards(", ")),
            Verdict::Scatter => write!(f, "route {} -> {} scatter", self.parts(), self.shards(", ")),
            Verdict::Parameters { parameters, may_refuse, may_scatter } => {
                let noun = if parameters.len() == 1 { "parameter" } else { "parameters" };
                let numbers: Vec<String> = parameters.iter().map(u32::to_string).collect();
                write!(f, "route {} -> by {noun} {}: {}", self.parts(), numbers.join(", "), self.shards(" or "))?;
                f.write_str(match (may_refuse, may_scatter) {
                    (true, _) => ", or refused",
                    (_, true) => ", or several of them",
                    _ => "",
                })
            }
            Verdict::Refused { number, sqlstate, text } => write!(f, "refuse {number} ({sqlstate}) {text}"),
        }
    }
}

impl Explanation {
    /// All lines, without their ends.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.to_string()];
        for key in &self.keys {
            key_lines(key, &mut lines);
        }
        lines.extend(self.tables.iter().map(table_line));
        if let Some(shard) = &self.hint {
            lines.push(format!("  hint shard {shard}"));
        }
        lines.extend(self.destinations.iter().take(SHARDS_MAX).map(shard_line));
        if self.destinations.len() > SHARDS_MAX {
            lines.push(format!("  and {} more shards", self.destinations.len() - SHARDS_MAX));
        }
        if !self.destinations.is_empty() {
            lines.extend(reads_line(self.reads));
            let verb = if self.prepared { "prepare" } else { "send" };
            lines.push(format!("  {verb} {} bytes: {}", self.text.len(), self.shown_text()));
        }
        lines
    }

    /// What decides: `customers.id = 42 (range), orders (vertical)`.
    fn parts(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let keys = self.keys.iter().map(|key| match key.condition.as_str() {
            "" => format!("{} (no key)", key.table),
            condition => format!("{}.{} {condition} ({})", key.table, key.column, key.method),
        });
        let tables = self.tables.iter().map(|table| format!("{} ({})", table.table, table.kind.word()));
        for part in keys.chain(tables) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts.join(", ")
    }

    fn shards(&self, between: &str) -> String {
        let names: Vec<&str> = self.destinations.iter().take(SHARDS_MAX).map(|to| &*to.shard).collect();
        let more = if self.destinations.len() > SHARDS_MAX { between.to_owned() + "others" } else { String::new() };
        names.join(between) + &more
    }

    /// The text on one line, cut after so many characters.
    pub fn shown_text(&self) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let text = text.trim();
        let mut shown = String::new();
        for c in text.chars().take(TEXT_MAX) {
            match c {
                '\n' => shown.push_str("\\n"),
                '\r' => shown.push_str("\\r"),
                '\t' => shown.push_str("\\t"),
                c if c.is_control() => write!(shown, "\\u{{{:x}}}", u32::from(c)).expect("a String takes all"),
                c => shown.push(c),
            }
        }
        if text.chars().nth(TEXT_MAX).is_some() {
            shown.push_str("...");
        }
        shown
    }
}

impl TableKind {
    pub fn word(self) -> &'static str {
        match self {
            TableKind::Vertical => "vertical",
            TableKind::Copy => "everywhere",
            TableKind::Part => "hint",
            TableKind::Definition => "definition",
            TableKind::OneShard => "one shard",
        }
    }
}

fn key_lines(key: &KeyFound, lines: &mut Vec<String>) {
    let said = match (key.condition.as_str(), &key.through) {
        ("", None) => "not given".into(),
        ("", Some(other)) => format!("not given, but it equals {other}"),
        (condition, None) => condition.into(),
        (condition, Some(other)) => format!("{condition}, for it equals {other}"),
    };
    lines.push(format!("  key {}.{}.{} {said}", key.database, key.table, key.column));
    lines.extend(key.values.iter().map(values_line));
    if key.values_are_cut {
        lines.push("    and further ranges".into());
    }
}

fn values_line(values: &ValuesRead) -> String {
    let shown: Vec<String> = values.shown.iter().map(value).collect();
    let more = match values.count - values.shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = shown.join(", ") + &more;
    match &values.read {
        Read::Place { place, shard } => format!("    {place} on {shard}: {shown}"),
        Read::NoRow => format!("    no row: {shown}"),
        Read::Open => format!("    not known yet: {shown}"),
        Read::Unsettled(form) => format!("    not settled: {shown} is {form}"),
    }
}

fn value(value: &KeyValue) -> String {
    match &value.key {
        Some(key) if *key != value.given => format!("{} read as {key}", value.given),
        _ => value.given.clone(),
    }
}

fn table_line(table: &TableFound) -> String {
    let TableFound { database, table, kind, shard } = table;
    match kind {
        // A schema of the server itself, named in the statement.
        TableKind::Vertical if table.contains('.') => format!("  table {table} on {shard}"),
        TableKind::Vertical => format!("  table {database}.{table} on {shard}"),
        TableKind::Copy => format!("  table {database}.{table}: the copy on {shard}"),
        TableKind::Part if &**table == "*" => format!("  database {database}: the part on {shard}"),
        TableKind::Part => format!("  table {database}.{table}: the part on {shard}"),
        TableKind::Definition => format!("  table {database}.{table}: its definition, read on {shard}"),
        TableKind::OneShard => format!("  database {database} on {shard} alone"),
    }
}

/// Nothing where the primary answers.
fn reads_line(reads: Reads) -> Option<String> {
    let who = match reads {
        Reads::Primary => return None,
        Reads::Replica => "the nearest replica, or the primary without one",
        Reads::Nearest => "the nearest member",
    };
    Some(format!("  reads {}: {who}", reads.word()))
}

fn shard_line(to: &Destination) -> String {
    let members: Vec<String> = to.members.iter().map(|member| format!("{} in {}", member.at, member.region)).collect();
    let noun = if members.len() == 1 { "member" } else { "members" };
    format!("  shard {}: group {}, {noun} {}", to.shard, to.group, members.join(", "))
}
