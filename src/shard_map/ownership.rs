//! Who owns which rows, in a canonical form and its hash: equal for two maps if and only if every row of the one is
//! owned as in the other.
//!
//! The form is text, one line each, in this order; NAME is the length in bytes, a colon and the name (`4:shop`), OWNER is
//! the group's NAME and that of the schema, with a space between, or `refuse`:
//!
//! ```text
//! meridian ownership 1
//! database NAME OWNER            by name; the owner of tables that are not listed
//! table NAME                     by name, below their database
//! as NAME NAME                   of one that has another name on its servers: database and table
//! key NAME TYPE                  of a split table, each column; the type as `check` prints it
//! buckets 1024 crc32/1           of one split by hash: what follows is of its buckets
//! copy OWNER                     of a table that is everywhere, by owner; then OWNER of the copy that decides
//! from KEY OWNER                 ascending; MIN for the lowest; neighbours with one owner stand as one; of several columns as
//!                                one text (see `key::tuple`)
//! ```
//!
//! Names of shards, members, regions, reads and comments are not in it. The hash is SHA-256 of the form.

use std::cmp::Ordering;
use std::fmt::{self, Write};

use aws_lc_rs::digest;

use super::{CRC32_1, Database, Interval, Key, ShardId, ShardMap, Split, Table, TableKey};

/// The hash of a map's ownership; shown in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ownership([u8; 32]);

/// The rows of a table from a key on, up to the next cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut<'m> {
    /// None is MIN.
    pub from: Option<Key<'m>>,
    /// None: such rows are refused.
    pub on: Option<ShardId>,
}

/// A table as ownership sees it.
#[derive(Debug)]
pub(super) struct Owned<'m> {
    /// None: all rows are in one place, whatever their key.
    pub key: Option<&'m TableKey>,
    /// The cuts are of so many buckets, not of keys.
    pub buckets: Option<u32>,
    /// Never empty; the first begins at MIN.
    pub cuts: Vec<Cut<'m>>,
    /// Every shard that has all rows, where there are several; the one cut says which of them decides.
    pub copies: &'m [ShardId],
}

impl ShardMap {
    pub fn ownership(&self) -> Ownership {
        let hash = digest::digest(&digest::SHA256, self.canonical_ownership().as_bytes());
        Ownership(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// The text that the hash is of.
    fn canonical_ownership(&self) -> String {
        let mut text = String::from("meridian ownership 1\n");
        let mut databases: Vec<&Database> = self.databases.iter().collect();
        databases.sort_by(|a, b| a.name.cmp(&b.name));
        for database in databases {
            let owner = |on: Option<ShardId>| self.owner(database, on);
            line(&mut text, format_args!("database {} {}", Name(&database.name), owner(database.unlisted)));
            let mut tables: Vec<(&String, &Table)> = database.tables.iter().collect();
            tables.sort_by_key(|(name, _)| *name);
            for (name, table) in tables {
                line(&mut text, format_args!("table {}", Name(name)));
                if let Some(physical) = database.physical(name) {
                    line(&mut text, format_args!("as {} {}", Name(&physical.database), Name(&physical.table)));
                }
                let owned = Owned::of(table);
                for key in owned.key.iter().flat_map(|key| key.columns()) {
                    line(&mut text, format_args!("key {} {}", Name(&key.name), key.kind));
                }
                if let Some(buckets) = owned.buckets {
                    line(&mut text, format_args!("buckets {buckets} {CRC32_1}"));
                }
                let mut copies: Vec<String> = owned.copies.iter().map(|copy| owner(Some(*copy))).collect();
                copies.sort();
                for copy in copies {
                    line(&mut text, format_args!("copy {copy}"));
                }
                let mut before = None;
                for cut in &owned.cuts {
                    let owner = owner(cut.on);
                    if before.as_ref() != Some(&owner) {
                        line(&mut text, format_args!("from {} {owner}", Bound(cut.from)));
                    }
                    before = Some(owner);
                }
            }
        }
        text
    }

    /// Where rows of a database are on a shard: two shards with one answer are one owner.
    pub(super) fn owner(&self, database: &Database, on: Option<ShardId>) -> String {
        match on {
            Some(shard) => format!("{} {}", Name(&self.group_of(shard).name), Name(&database.name)),
            None => "refuse".into(),
        }
    }
}

impl Ownership {
    /// The first 48 bits, which a floating-point number holds exactly.
    pub fn first_bits(&self) -> u64 {
        self.0[..6].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }

    /// Reads what is shown.
    pub fn parse(text: &str) -> Option<Ownership> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Ownership(hash))
    }
}

impl<'m> Owned<'m> {
    pub fn of(table: &'m Table) -> Owned<'m> {
        match table {
            Table::Vertical(shard) => Owned::whole(Some(*shard)),
            Table::Everywhere(copies) => Owned { copies: copies.on(), ..Owned::whole(Some(copies.from())) },
            Table::Split(table) => {
                let (cuts, buckets) = match &table.split {
                    Split::Range(ranges) => (of_intervals(ranges.intervals(), None), None),
                    Split::Hash(hash) => (of_intervals(hash.ranges.intervals(), None), Some(hash.buckets)),
                    Split::List(list) => {
                        (of_intervals(list.entries().map(|(_, interval)| interval), list.otherwise), None)
                    }
                };
                Owned { key: Some(&table.key), buckets, cuts, copies: &[] }
            }
        }
    }

    /// Every shard that has the rows of a cut on this one, which stands first.
    pub fn all(&self, on: Option<ShardId>) -> Vec<ShardId> {
        let others = self.copies.iter().copied().filter(|copy| Some(*copy) != on);
        on.into_iter().chain(others).collect()
    }

    pub fn whole(on: Option<ShardId>) -> Owned<'m> {
        Owned { key: None, buckets: None, cuts: vec![Cut { from: None, on }], copies: &[] }
    }
}

/// The intervals, ascending, and between them what lives `otherwise`.
fn of_intervals<'m>(intervals: impl Iterator<Item = Interval<'m>>, otherwise: Option<ShardId>) -> Vec<Cut<'m>> {
    let mut cuts: Vec<Cut<'m>> = Vec::new();
    // Where the keys begin that no interval has held so far; none are left behind one without an end.
    let mut rest = Some(None);
    for Interval { from, to, on } in intervals {
        if let Some(rest) = rest
            && by_key(&rest, &from).is_lt()
        {
            cuts.push(Cut { from: rest, on: otherwise });
        }
        cuts.push(Cut { from, on: Some(on) });
        rest = to.map(Some);
    }
    if let Some(rest) = rest {
        cuts.push(Cut { from: rest, on: otherwise });
    }
    cuts
}

/// The order of bounds of one key; MIN is below all.
pub(super) fn by_key(a: &Option<Key<'_>>, b: &Option<Key<'_>>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(Key::Number(a)), Some(Key::Number(b))) => a.cmp(b),
        (Some(Key::Text(a)), Some(Key::Text(b))) => a.cmp(b),
        (Some(Key::Number(_)), Some(Key::Text(_))) => Ordering::Less,
        (Some(Key::Text(_)), Some(Key::Number(_))) => Ordering::Greater,
    }
}

fn line(text: &mut String, arguments: fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes all");
    text.push('\n');
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A name with its length before it, so that no name can look like two.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.len(), self.0)
    }
}

/// A key in a form that does not depend on how it is shown to people.
struct Bound<'a>(Option<Key<'a>>);

impl fmt::Display for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("MIN"),
            Some(Key::Number(number)) => write!(f, "{number}"),
            Some(Key::Text(bytes)) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = include_str!("../../tests/goldens/map.yaml");

    fn of(yaml: &str) -> ShardMap {
        ShardMap::load(yaml).unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    #[test]
    fn the_form_is_as_documented() {
        let map = of("version: 1\nregions: [eu]\n\
             groups: {a: {members: [{at: 'a:1', region: eu}]}, b: {members: [{at: 'b:1', region: eu}]}}\n\
             shards: {s: {group: a}, t: {group: b}}\ndatabases:\n  shop:\n    family: mysql\n    unlisted: refuse\n    \
             tables:\n      users: t\n      countries: {everywhere: [t, s], from: t}\n      customers:\n        key: {id: int unsigned}\n        below: refuse\n        \
             range: [{from: 5, on: s}, {from: 7, on: s}, {from: 9, on: t}]\n");
        assert_eq!(
            map.canonical_ownership(),
            "meridian ownership 1\ndatabase 4:shop refuse\ntable 9:countries\ncopy 1:a 4:shop\ncopy 1:b 4:shop\n\
             from MIN 1:b 4:shop\ntable 9:customers\nkey 2:id int unsigned\nfrom MIN refuse\n\
             from 5 1:a 4:shop\nfrom 9 1:b 4:shop\ntable 5:users\nfrom MIN 1:b 4:shop\n"
        );
        let hash = map.ownership().to_string();
        assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
        assert_eq!(Ownership::parse(&hash), Some(map.ownership()));
        for other in ["", &hash[1..], &format!("{hash}0"), &hash.to_uppercase(), &hash.replace('a', "g")] {
            assert_eq!(Ownership::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_of_several_columns_has_a_line_for_each() {
        let map = of("version: 1\nregions: [eu]\n\
             groups: {a: {members: [{at: 'a:1', region: eu}]}, b: {members: [{at: 'b:1', region: eu}]}}\n\
             shards: {s: {group: a}, t: {group: b}}\ndatabases:\n  shop:\n    family: mysql\n    tables:\n      \
             parts: {key: {n: int, c: varbinary(3)}, range: [{from: MIN, on: s}, {from: [-1], on: t}, {from: [1, a], on: s}]}\n");
        assert_eq!(
            map.canonical_ownership(),
            "meridian ownership 1\ndatabase 4:shop refuse\ntable 5:parts\nkey 1:n int\nkey 1:c varbinary(3)\nfrom MIN 1:a 4:shop\n\
             from 0x7fffffffffffffffffffffffffffffff 1:b 4:shop\n\
             from 0x80000000000000000000000000000001610000 1:a 4:shop\n"
        );
    }

    #[test]
    fn only_what_decides_who_owns_rows_changes_the_hash() {
        let base = of(SHOP).ownership();
        let changed = |from: &str, to: &str| {
            assert!(SHOP.contains(from), "{from}");
            of(&SHOP.replace(from, to)).ownership() != base
        };
        for (from, to) in [
            ("# The map", "# A map"),
            ("127.0.0.1:3311", "127.0.0.1:3399"),
            ("key: {user_id: int}", "scatter: refuse\n        key: {user_id: int}"),
            ("version: 1\n", "version: 1\ngeneration: 5\n"),
            (" s1", " s2"),
            ("[archive, s1]", "[s1, archive]"),
            (
                "          - {from: 1000000, on: s1}",
                "          - {from: 500000, on: s0}\n          - {from: 1000000, on: s1}",
            ),
        ] {
            assert!(!changed(from, to), "{from} -> {to}");
        }
        for (from, to) in [
            ("1000000", "1000001"),
            ("{from: 1000000, on: s1}", "{from: 1000000, on: s0}"),
            ("s1:     {group: split1}", "s1:     {group: users}"),
            ("key: {user_id: int}", "key: {user_id: bigint}"),
            ("key: {user_id: int}", "key: {other_id: int}"),
            ("items: orders", "items: users"),
            ("as: old.t_invoices", "as: old.invoices"),
            (", as: old.letters", ""),
            ("[archive, s1], from: archive", "[archive, s1, s0], from: archive"),
            ("[archive, s1], from: archive", "[archive, s1], from: s1"),
            ("      users: users\n", ""),
            ("unlisted: refuse", "unlisted: orders"),
        ] {
            assert!(changed(from, to), "{from} -> {to}");
        }
    }
}
