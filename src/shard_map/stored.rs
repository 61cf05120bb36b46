//! Where a row belongs by its key as a server shows it: for rows that are there already.

use std::borrow::Cow;

use super::key::calendar::{self, Date};
use super::{Key, KeyColumn, KeyType, ShardId, SplitTable};

/// What a stored key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    Home(ShardId),
    /// The map refuses such keys.
    Nowhere,
    /// No value of the key's type.
    Unread,
}

impl SplitTable {
    /// Where the row with this key belongs, its columns in order: numbers, dates and times as a session with `time_zone = '+00:00'` is shown them,
    /// text as the column's own bytes.
    pub fn stored(&self, key: &[&[u8]]) -> Stored {
        let home = match key {
            [only] if !self.key.is_composite() => read(&self.key.first, only, |key| self.home(key)),
            values if values.len() == self.key.count() => {
                let mut text = Vec::new();
                let read = |(column, value): (&KeyColumn, &&[u8])| {
                    read(column, value, |key| self.append(column, key, &mut text))
                };
                let all: Option<()> = self.key.columns().zip(values).map(read).collect();
                all.map(|()| self.home(Key::Text(&text)))
            }
            _ => None,
        };
        match home {
            Some(Some(shard)) => Stored::Home(shard),
            Some(None) => Stored::Nowhere,
            None => Stored::Unread,
        }
    }
}

/// What `with` makes of a column's value; `None` if it is none of its type.
fn read<T>(column: &KeyColumn, value: &[u8], with: impl FnOnce(Key<'_>) -> T) -> Option<T> {
    let number = match column.kind {
        KeyType::Integer(integer) => {
            let value = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            value.filter(|value| integer.holds(*value))
        }
        KeyType::Decimal(decimal) => decimal.read(value).ok().flatten(),
        KeyType::Date => Date::read(value).and_then(Date::days),
        KeyType::DateTime { digits } | KeyType::Timestamp { digits, .. } => calendar::read_moment(value, digits),
        KeyType::Text(kind) => {
            let text = kind.collation.map_or(Cow::Borrowed(value), |collation| collation.charset.to_utf8(value));
            return kind.normal(&text).ok().map(|key| with(Key::Text(&key)));
        }
    };
    number.map(|number| with(Key::Number(number)))
}

#[cfg(test)]
mod tests {
    use super::super::{ShardMap, Table};
    use super::*;

    /// The shard of a stored key of this type, split at this bound: `a` below, `b` from it on; `-` for none, `!` if it is unread.
    fn home(kind: &str, zone: &str, bound: &str, stored: &str) -> &'static str {
        let yaml = format!(
            "version: 1\nregions: [eu]\n\
             groups: {{a: {{members: [{{at: 'a:1', region: eu}}]}}, b: {{members: [{{at: 'b:1', region: eu}}]}}}}\n\
             shards: {{a: {{group: a}}, b: {{group: b}}}}\ndatabases:\n  shop:\n    family: mysql\n    tables:\n      t:\n        \
             key: {{k: '{kind}'}}\n{zone}        range: [{{from: MIN, on: a}}, {{from: '{bound}', on: b}}]\n"
        );
        let map = ShardMap::load(&yaml).unwrap_or_else(|faults| panic!("{faults:?}"));
        let Some(Table::Split(split)) = map.databases[0].table("t") else { panic!("a split table") };
        match split.stored(&[stored.as_bytes()]) {
            Stored::Home(ShardId(0)) => "a",
            Stored::Home(_) => "b",
            Stored::Nowhere => "-",
            Stored::Unread => "!",
        }
    }

    #[test]
    fn a_stored_key_has_the_home_that_statements_look_for() {
        for (kind, zone, bound, stored, expected) in [
            ("int", "", "5", "4", "a"),
            ("int", "", "5", "5", "b"),
            ("int", "", "5", "-7", "a"),
            ("tinyint", "", "5", "300", "!"),
            ("int", "", "5", "x", "!"),
            ("decimal(10,2)", "", "0.50", "0.49", "a"),
            ("decimal(10,2)", "", "0.50", "0.50", "b"),
            ("varchar(4) collate utf8mb4_bin", "", "m", "\u{FFFD}", "b"),
            ("date", "", "2026-07-01", "2026-06-30", "a"),
            ("date", "", "2026-07-01", "2026-07-01", "b"),
            ("datetime", "", "2026-07-01", "2026-07-01 00:00:00", "b"),
            ("datetime", "", "2026-07-01", "2026-06-30 23:59:59", "a"),
            ("varchar(9) collate utf8mb4_bin", "", "m", "M", "a"),
            ("varchar(9) collate utf8mb4_bin", "", "m", "m ", "b"),
            ("varchar(9) collate ascii_bin", "", "m", "\u{e9}", "!"),
            ("varbinary(9)", "", "m", "z\u{fffd}", "b"),
            // Midnight two hours east of Greenwich is ten in the evening in UTC.
            ("timestamp", "        zone: '+02:00'\n", "2026-07-01", "2026-06-30 22:00:00", "b"),
            ("timestamp", "        zone: '+02:00'\n", "2026-07-01", "2026-06-30 21:59:59", "a"),
        ] {
            assert_eq!(home(kind, zone, bound, stored), expected, "{kind} split at {bound}: {stored}");
        }
    }
}
