//! Two maps of one fleet: which rows change their owner, and what else is not as before.
//!
//! A row's owner is a schema on a group: a shard with another name on the same group is the same owner. Pure; both maps
//! are sound.
//! Invariant: if no row changes its owner and none is refused that was not, `moves` is empty.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use super::ownership::{Cut, Owned, Ownership, by_key};
use super::{Accept, CRC32_1, Database, Key, KeyType, ShardId, ShardMap, Table, TableKey};

/// What is between two maps.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The ownership that the new map changes, and its own.
    pub base: Ownership,
    pub ownership: Ownership,
    /// By database, table and key.
    pub moves: Vec<Move>,
    /// What the new map accepts of this base and does not change.
    pub unneeded: Vec<Accept>,
    /// Changes for which no row has to move.
    pub notes: Vec<Note>,
    /// That of the old map, where the new one's is not above it: a proxy that runs refuses it.
    pub old_generation: Option<u64>,
}

/// Rows that change their owner. Shown as an element of `accept`, but for its `base`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// `database.table`; `database.*` for the tables that neither map lists.
    pub table: String,
    /// `[MIN, 1000000)`; MAX as the end is the last key of all.
    pub keys: String,
    /// Names of shards, each of its own map.
    pub from: String,
    pub to: String,
    /// The shard has one name in both maps, and another group.
    pub regrouped: Option<(String, String)>,
    /// The new map accepts it.
    pub accepted: bool,
}

/// Something that is not as before and moves no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    Generation {
        old: Option<u64>,
        new: Option<u64>,
    },
    Added(String),
    Removed(String),
    /// What of it, before and now.
    Changed {
        what: String,
        old: String,
        new: String,
    },
    /// Keys without an owner that get one, or the other way round.
    Refused {
        table: String,
        keys: String,
        shard: String,
    },
    Opened {
        table: String,
        keys: String,
        shard: String,
    },
}

/// What `new` changes.
pub fn diff(old: &ShardMap, new: &ShardMap) -> Diff {
    let (base, ownership) = (old.ownership(), new.ownership());
    let (moves, unneeded, notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut diff = Diff { base, ownership, moves, unneeded, notes, old_generation: None };
    diff.old_generation = old.generation.filter(|_| new.generation <= old.generation);
    if old.generation != new.generation || diff.old_generation.is_some() {
        diff.notes.push(Note::Generation { old: old.generation, new: new.generation });
    }
    diff.compare("region", &names(&old.regions), &names(&new.regions));
    diff.compare("group", &members(old), &members(new));
    diff.compare("shard", &shards(old), &shards(new));
    let (was, is) = (by_name(&old.databases), by_name(&new.databases));
    for name in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
        match (was.get(name), is.get(name)) {
            (Some(was), Some(is)) => diff.database(Side { map: old, database: was }, Side { map: new, database: is }),
            (None, _) => diff.notes.push(Note::Added(format!("database {name}"))),
            (_, None) => diff.notes.push(Note::Removed(format!("database {name}"))),
        }
    }
    diff.settle(&new.accepts);
    diff
}

/// What keeps a map from following another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The generation of the map that it would follow.
    Generation(u64),
    /// The first of so many moves that it does not accept, and the base that they have.
    Moves { first: Box<Move>, count: usize, base: Ownership },
}

impl Diff {
    /// Whether proxies that have the old map take up the new one.
    pub fn follows(&self) -> Result<(), Unfit> {
        if let Some(generation) = self.old_generation {
            return Err(Unfit::Generation(generation));
        }
        let mut unaccepted = self.moves.iter().filter(|one| !one.accepted);
        match unaccepted.next() {
            Some(first) => {
                Err(Unfit::Moves { first: Box::new(first.clone()), count: 1 + unaccepted.count(), base: self.base })
            }
            None => Ok(()),
        }
    }

    /// Finds the moves that are accepted.
    fn settle(&mut self, accepts: &[Accept]) {
        let mut accepts: HashSet<&Accept> = accepts.iter().filter(|accept| accept.base == self.base).collect();
        for one in &mut self.moves {
            let Move { table, keys, from, to, .. } = one.clone();
            one.accepted = accepts.remove(&Accept { table, keys, from, to, base: self.base });
        }
        self.unneeded = accepts.into_iter().cloned().collect();
        self.unneeded.sort_by(|a, b| (&a.table, &a.keys, &a.from, &a.to).cmp(&(&b.table, &b.keys, &b.from, &b.to)));
    }
}

/// One of the two maps, and the database in it.
#[derive(Clone, Copy)]
struct Side<'m> {
    map: &'m ShardMap,
    database: &'m Database,
}

impl<'m> Side<'m> {
    fn owned(self, table: Option<&'m Table>) -> Owned<'m> {
        table.map_or_else(|| Owned::whole(self.database.unlisted), Owned::of)
    }

    fn owner(self, on: Option<ShardId>) -> String {
        self.map.owner(self.database, on)
    }

    fn shard(self, on: ShardId) -> String {
        self.map.shard(on).name.clone()
    }

    fn group(self, on: ShardId) -> String {
        self.map.group_of(on).name.clone()
    }
}

impl Diff {
    /// Things by name, each with what is said about it.
    fn compare(&mut self, kind: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            match (old.get(name), new.get(name)) {
                (None, _) => self.notes.push(Note::Added(format!("{kind} {name}"))),
                (_, None) => self.notes.push(Note::Removed(format!("{kind} {name}"))),
                (Some(old), Some(new)) if old != new => {
                    let what = format!("{kind} {name}");
                    self.notes.push(Note::Changed { what, old: old.clone(), new: new.clone() });
                }
                _ => {}
            }
        }
    }

    fn database(&mut self, old: Side<'_>, new: Side<'_>) {
        let name = &old.database.name;
        if old.database.family != new.database.family {
            let what = format!("family of database {name}");
            let family = |side: Side<'_>| side.database.family.to_string();
            self.notes.push(Note::Changed { what, old: family(old), new: family(new) });
        }
        self.table(&format!("{name}.*"), old, None, new, None);
        let (was, is) = (&old.database.tables, &new.database.tables);
        for table in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            self.table(&format!("{name}.{table}"), old, was.get(table), new, is.get(table));
        }
    }

    fn table(&mut self, name: &str, old: Side<'_>, was: Option<&Table>, new: Side<'_>, is: Option<&Table>) {
        match (was, is) {
            (None, Some(_)) => self.notes.push(Note::Added(format!("table {name}"))),
            (Some(_), None) => self.notes.push(Note::Removed(format!("table {name}"))),
            _ => {}
        }
        let appears = was.is_none() && is.is_some() && old.database.unlisted.is_none();
        let vanishes = was.is_some() && is.is_none() && new.database.unlisted.is_none();
        if appears || vanishes {
            return;
        }
        if let (Some(Table::Split(was)), Some(Table::Split(is))) = (was, is)
            && was.refuses_scatter != is.refuses_scatter
        {
            let shown = |refused: bool| if refused { "refused" } else { "served" }.to_owned();
            let (old, new) = (shown(was.refuses_scatter), shown(is.refuses_scatter));
            self.notes.push(Note::Changed { what: format!("scatter of {name}"), old, new });
        }
        let (before, after) = (old.owned(was), new.owned(is));
        if self.renamed(name, old, &before, new, &after) {
            return;
        }
        if let (Some(was), Some(is)) = (before.key, after.key)
            && was != is
        {
            let what = format!("key of {name}");
            self.notes.push(Note::Changed { what, old: was.declared(), new: is.declared() });
            if !compare(was, is) {
                return self.rekeyed(name, old, &before, new, &after);
            }
        }
        let buckets = |owned: &Owned<'_>| owned.key.map(|_| owned.buckets);
        if let (Some(was), Some(is)) = (buckets(&before), buckets(&after))
            && was != is
        {
            let what = format!("split of {name}");
            let shown = |buckets: Option<u32>| {
                buckets.map_or_else(|| "by the key itself".into(), |count| format!("{CRC32_1} of {count} buckets"))
            };
            self.notes.push(Note::Changed { what, old: shown(was), new: shown(is) });
            return self.rekeyed(name, old, &before, new, &after);
        }
        if !(before.copies.is_empty() && after.copies.is_empty()) {
            return self.copied(name, old, &before, new, &after);
        }
        let Some(key) = after.key.or(before.key) else {
            return self.piece(name, None, (None, None), (old, before.cuts[0].on), (new, after.cuts[0].on));
        };
        // Buckets are shown as such.
        let key = Some(key).filter(|_| after.buckets.or(before.buckets).is_none());
        for piece in pieces(&before.cuts, &after.cuts) {
            self.piece(name, key, piece.keys, (old, piece.was), (new, piece.is));
        }
    }

    /// Keys that have one owner before, and one now.
    fn piece(
        &mut self,
        name: &str,
        key: Option<&TableKey>,
        keys: (Option<Key<'_>>, Option<Key<'_>>),
        (old, was): (Side<'_>, Option<ShardId>),
        (new, is): (Side<'_>, Option<ShardId>),
    ) {
        if old.owner(was) == new.owner(is) {
            return;
        }
        let (table, keys) = (name.to_owned(), interval(key, keys));
        match (was, is) {
            (Some(was), Some(is)) => self.moves.push(moved(table, keys, (old, was), (new, is))),
            (Some(was), None) => self.notes.push(Note::Refused { table, keys, shard: old.shard(was) }),
            (None, Some(is)) => self.notes.push(Note::Opened { table, keys, shard: new.shard(is) }),
            (None, None) => {}
        }
    }

    /// A table that is everywhere in one of the maps: each new copy needs its rows; one that goes needs nothing.
    fn copied(&mut self, name: &str, old: Side<'_>, was: &Owned<'_>, new: Side<'_>, is: &Owned<'_>) {
        let key = was.key.or(is.key).filter(|_| was.buckets.or(is.buckets).is_none());
        for piece in pieces(&was.cuts, &is.cuts) {
            let (before, after) = (was.all(piece.was), is.all(piece.is));
            let (Some(from), false) = (before.first(), after.is_empty()) else {
                self.piece(name, key, piece.keys, (old, piece.was), (new, piece.is));
                continue;
            };
            for to in &after {
                if before.iter().all(|shard| old.owner(Some(*shard)) != new.owner(Some(*to))) {
                    let keys = interval(key, piece.keys);
                    self.moves.push(moved(name.to_owned(), keys, (old, *from), (new, *to)));
                }
            }
        }
        let owners = |side: Side<'_>, owned: &Owned<'_>| {
            let all = owned.all(owned.cuts[0].on).into_iter();
            let mut all: Vec<_> = all.map(|shard| (side.owner(Some(shard)), side.shard(shard))).collect();
            all[1..].sort_unstable();
            all.into_iter().unzip::<_, _, Vec<_>, Vec<_>>()
        };
        if was.key.is_none() && is.key.is_none() && was.cuts[0].on.is_some() && is.cuts[0].on.is_some() {
            let ((before, old), (after, new)) = (owners(old, was), owners(new, is));
            if before != after && old != new {
                let what = format!("copies of {name}, the one that decides first");
                self.notes.push(Note::Changed { what, old: old.join(", "), new: new.join(", ") });
            }
        }
    }

    /// A table with another name on its servers than before: all of its rows have to move there.
    fn renamed(&mut self, name: &str, old: Side<'_>, was: &Owned<'_>, new: Side<'_>, is: &Owned<'_>) -> bool {
        let table = name.strip_prefix(&format!("{}.", old.database.name)).unwrap_or(name);
        let shown = |side: Side<'_>| match side.database.physical(table) {
            Some(physical) => format!("{}.{}", physical.database, physical.table),
            None => name.to_owned(),
        };
        let (before, after) = (shown(old), shown(new));
        if before == after {
            return false;
        }
        self.notes.push(Note::Changed { what: format!("name of {name} on its servers"), old: before, new: after });
        let on = |owned: &Owned<'_>| owned.cuts.iter().flat_map(|cut| owned.all(cut.on)).collect::<BTreeSet<_>>();
        for from in on(was) {
            for to in on(is) {
                self.moves.push(moved(name.to_owned(), interval(None, (None, None)), (old, from), (new, to)));
            }
        }
        true
    }

    /// Rows that are found by another key than before: any of them may have moved.
    fn rekeyed(&mut self, name: &str, old: Side<'_>, was: &Owned<'_>, new: Side<'_>, is: &Owned<'_>) {
        let on = |owned: &Owned<'_>| owned.cuts.iter().filter_map(|cut| cut.on).collect::<BTreeSet<_>>();
        for was in on(was) {
            for is in on(is) {
                if old.owner(Some(was)) != new.owner(Some(is)) {
                    let keys = interval(None, (None, None));
                    self.moves.push(moved(name.to_owned(), keys, (old, was), (new, is)));
                }
            }
        }
    }
}

fn moved(table: String, keys: String, (old, was): (Side<'_>, ShardId), (new, is): (Side<'_>, ShardId)) -> Move {
    let (from, to) = (old.shard(was), new.shard(is));
    let regrouped = Some((old.group(was), new.group(is))).filter(|(before, now)| from == to && before != now);
    Move { table, keys, from, to, regrouped, accepted: false }
}

/// Whether the values of two keys are in one order, so that bounds of the one say something of the other.
fn compare(a: &TableKey, b: &TableKey) -> bool {
    let alike = |a: KeyType, b: KeyType| match (a, b) {
        (KeyType::Integer(_), KeyType::Integer(_))
        | (KeyType::DateTime { .. }, KeyType::DateTime { .. })
        | (KeyType::Timestamp { .. }, KeyType::Timestamp { .. }) => true,
        (KeyType::Decimal(a), KeyType::Decimal(b)) => a.scale == b.scale,
        (a, b) => a == b,
    };
    let mut columns = a.columns().zip(b.columns());
    a.count() == b.count() && columns.all(|(a, b)| alike(a.kind, b.kind) && a.name.eq_ignore_ascii_case(&b.name))
}

/// Keys that have one shard in each of the maps.
struct Piece<'m> {
    keys: (Option<Key<'m>>, Option<Key<'m>>),
    was: Option<ShardId>,
    is: Option<ShardId>,
}

/// All keys, ascending; neighbours differ.
fn pieces<'m>(old: &[Cut<'m>], new: &[Cut<'m>]) -> Vec<Piece<'m>> {
    let mut starts: Vec<Option<Key<'m>>> = old.iter().chain(new).map(|cut| cut.from).collect();
    starts.sort_by(by_key);
    starts.dedup_by(|a, b| by_key(a, b).is_eq());
    let mut pieces: Vec<Piece<'m>> = Vec::new();
    for (at, from) in starts.iter().enumerate() {
        let on = |cuts: &[Cut<'m>]| cuts[cuts.partition_point(|cut| by_key(&cut.from, from).is_le()) - 1].on;
        let (was, is, to) = (on(old), on(new), starts.get(at + 1).copied().flatten());
        match pieces.last_mut() {
            Some(last) if (last.was, last.is) == (was, is) => last.keys.1 = to,
            _ => pieces.push(Piece { keys: (*from, to), was, is }),
        }
    }
    pieces
}

fn interval(of: Option<&TableKey>, (from, to): (Option<Key<'_>>, Option<Key<'_>>)) -> String {
    let shown = |key: Key<'_>| match (of, key) {
        (Some(of), key) => of.shown(key),
        (None, Key::Number(bucket)) => format!("bucket {bucket}"),
        (None, Key::Text(_)) => String::new(),
    };
    // One text alone: the next one is a byte longer.
    if let (Some(Key::Text(text)), Some(Key::Text(next))) = (from, to)
        && next.strip_suffix(b"\0") == Some(text)
    {
        return shown(Key::Text(text));
    }
    let from = from.map_or_else(|| "MIN".into(), shown);
    match to {
        Some(to) => format!("[{from}, {})", shown(to)),
        None => format!("[{from}, MAX]"),
    }
}

fn names(names: &[String]) -> BTreeMap<String, String> {
    names.iter().map(|name| (name.clone(), String::new())).collect()
}

fn members(map: &ShardMap) -> BTreeMap<String, String> {
    let shown = |group: &super::Group| {
        let members = group.members.iter().map(|member| format!("{} in {}", member.at, map.region(member.region)));
        members.collect::<Vec<_>>().join(", ")
    };
    map.groups.iter().map(|group| (group.name.clone(), shown(group))).collect()
}

fn shards(map: &ShardMap) -> BTreeMap<String, String> {
    map.shards.iter().map(|shard| (shard.name.clone(), format!("on group {}", map.group(shard.group).name))).collect()
}

fn by_name(databases: &[Database]) -> BTreeMap<&str, &Database> {
    databases.iter().map(|database| (database.name.as_str(), database)).collect()
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Move { table, keys, from, to, .. } = self;
        write!(f, "table: {}, keys: {}, from: {}, to: {}", Quoted(table), Quoted(keys), Quoted(from), Quoted(to))
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Generation(old) => write!(f, "a map that follows generation {old} needs a `generation` above it"),
            Unfit::Moves { first, count, base } => {
                let Move { table, keys, from, to, .. } = &**first;
                write!(f, "{table} with keys {keys} would move from shard {from} to shard {to}")?;
                if *count > 1 {
                    write!(f, ", and {} more", count - 1)?;
                }
                write!(f, ": move the rows, and have the map `accept` what `meridian diff` prints (base {base})")
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Generation { old, new } => {
                let shown =
                    |generation: &Option<u64>| generation.map_or_else(|| "none".into(), |number| number.to_string());
                write!(f, "generation {} -> {}", shown(old), shown(new))?;
                if old.is_some() && new <= old {
                    f.write_str(": it must grow")?;
                }
                Ok(())
            }
            Note::Added(what) => write!(f, "{what} is new"),
            Note::Removed(what) => write!(f, "{what} is gone"),
            Note::Changed { what, old, new } => write!(f, "{what}: {old} -> {new}"),
            Note::Refused { table, keys, shard } => write!(f, "{table} {keys}: refused from now on, was on {shard}"),
            Note::Opened { table, keys, shard } => write!(f, "{table} {keys}: on {shard} from now on, was refused"),
        }
    }
}

/// A text as YAML in double quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\U{:08x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}
