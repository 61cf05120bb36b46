//! Which shard, and why: a plan and this execution's values in, one shard out.
//!
//! Pure and hot: routing a cached statement parses no SQL, nor does it allocate where keys have one column.
//! Invariant: keys are read as docs/keys.md has them, tried on both servers. Reads may be
//! coarse (a literal that matches nothing goes anywhere), writes are exact or refused.

mod columns;
mod conditions;
pub mod explain;
mod key;
mod over;
#[cfg(test)]
mod tests;
mod values;

pub use explain::{Asked, Explanation, explain};
pub use over::{ClientText, served};
pub use values::{Literals, SessionFacts, TextFacts, Value, Values};

use crate::plan::{DatabaseId, Form, HintRefusal, KeySource, Keyed, Operand, Refusal, Statement, TableName, Tables};
use crate::shard_map::{KeyColumn, ShardId, ShardMap, SplitTable, Table};
use crate::sql::Flags;
use key::{Read, Written};

/// Where a statement goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub shards: Shards,
}

/// The shards that own all rows that can matter to one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shards {
    One(ShardId),
    /// Of a SELECT that [`Tables::scatters`]: two at least, ascending, each once.
    Several(Vec<ShardId>),
}

/// The shards that own all rows that can matter to this execution.
#[inline]
pub fn route(tables: &Tables, map: &ShardMap, values: &impl Values) -> Result<Route, Refusal> {
    let refusal = match single(tables, map, values) {
        Ok(shard) => return Ok(Route { shards: Shards::One(shard) }),
        Err(refusal) => refusal,
    };
    match several(tables, map, values) {
        Some(shards) => shards.map(|shards| Route { shards }),
        None => Err(refusal),
    }
}

/// Like [`route`] where only one shard will do. The refusal says why it is not one.
#[inline]
pub fn single(tables: &Tables, map: &ShardMap, values: &impl Values) -> Result<ShardId, Refusal> {
    let mut shard = tables.fixed.first().map(|fixed| fixed.shard);
    let mut rowless = false;
    for keyed in &tables.keyed {
        let Some(split) = split_of(map, &keyed.table) else {
            return Err(stale(keyed));
        };
        match restriction(split, keyed, values) {
            Ok(Reach::Shard(found)) => match shard {
                Some(other) if other != found => return Err(apart(tables, map, values)),
                _ => shard = Some(found),
            },
            Ok(Reach::Nothing) => rowless = true,
            Err(doubt) => return Err(doubt.refusal(keyed, split, map)),
        }
    }
    if rowless {
        shard = Some(among_rowless(tables, map, values, shard)?);
    }
    // A plan never holds no table at all.
    let shard = shard.ok_or(Refusal::NoDatabase)?;
    match tables.copies.is_empty() {
        true => Ok(shard),
        false => with_copies(tables, map, shard),
    }
}

/// The shard, if it has a copy of each table that is everywhere.
fn with_copies(tables: &Tables, map: &ShardMap, shard: ShardId) -> Result<ShardId, Refusal> {
    match tables.copies.iter().find(|copied| !copied.copies.is_on(shard)) {
        None => Ok(shard),
        Some(copied) => Err(copied.missing(map, shard)),
    }
}

/// A shard that has all tables of a statement, for their definitions: values are not known yet.
pub fn definition(tables: &Tables, map: &ShardMap) -> Option<ShardId> {
    if let Some(fixed) = tables.fixed.first() {
        return Some(fixed.shard);
    }
    let first = split_of(map, &tables.keyed.first()?.table)?;
    let candidates = std::iter::once(first.first()).chain(first.shards());
    Some(candidates.into_iter().find(|shard| has_all(tables, map, *shard)).unwrap_or_else(|| first.first()))
}

/// Whether the shard has part of each split table, and a copy of those that are everywhere.
fn has_all(tables: &Tables, map: &ShardMap, shard: ShardId) -> bool {
    tables.keyed.iter().all(|keyed| split_of(map, &keyed.table).is_some_and(|split| split.is_on(shard)))
        && tables.copies.iter().all(|copied| copied.copies.is_on(shard))
}

#[cold]
fn several(tables: &Tables, map: &ShardMap, values: &impl Values) -> Option<Result<Shards, Refusal>> {
    // The rows of the others are beside those of the first.
    let keyed = tables.keyed.first().filter(|_| tables.scatters)?;
    let split = split_of(map, &keyed.table)?;
    let shards = match keyed.sources.as_slice() {
        [KeySource::Columns(sources)] => columns::shards(split, sources, values),
        sources => conditions::shards(split, sources, values),
    };
    let shards = match shards.as_slice() {
        // No row matches, wherever it is looked for.
        [] => Shards::One(definition(tables, map)?),
        [shard] => Shards::One(*shard),
        _ => Shards::Several(shards),
    };
    let missing = |shard: &ShardId| with_copies(tables, map, *shard).err();
    let missing = match &shards {
        Shards::One(shard) => missing(shard),
        Shards::Several(shards) => shards.iter().find_map(missing),
    };
    Some(missing.map_or(Ok(shards), Err))
}

/// Where named locks live, whatever the database: two sessions that ask for one name must ask one server.
pub const LOCKS: ShardId = ShardId(0);

/// A named lock beside tables of this shard, which is not on the server of the named locks.
pub fn locks_elsewhere(statement: &Statement, map: &ShardMap, shard: ShardId) -> Option<Refusal> {
    let elsewhere =
        statement.facts.flags.contains(Flags::NAMED_LOCK) && map.shard(shard).group != map.shard(LOCKS).group;
    elsewhere.then(|| Refusal::LocksElsewhere { shard: name(map, LOCKS) })
}

/// The rows of one occurrence that can matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Shard(ShardId),
    /// No row matches, wherever it is looked for.
    Nothing,
}

/// Why a source names no single shard.
#[derive(Clone, Copy)]
enum Doubt {
    NoKey,
    Read(Form),
    Written(Form),
    /// Of the column with this index.
    ReadOf(u8, Form),
    WrittenOf(u8, Form),
    /// A row may belong on another shard once it has the columns that it is to get.
    MayMove,
    Keys(ShardId, ShardId),
    Rows(ShardId, ShardId),
}

fn split_of<'a>(map: &'a ShardMap, table: &TableName) -> Option<&'a SplitTable> {
    let DatabaseId(database) = table.database;
    match map.databases.get(usize::from(database))?.tables.get(&*table.name)? {
        Table::Split(split) => Some(split),
        Table::Vertical(_) | Table::Everywhere(_) => None,
    }
}

/// The sources restrict one by one: any that names a shard, or no row, is enough.
#[inline]
fn restriction(split: &SplitTable, keyed: &Keyed, values: &impl Values) -> Result<Reach, Doubt> {
    let mut result = None;
    for source in &keyed.sources {
        match (reach(split, source, values), result) {
            (Ok(Reach::Shard(shard)), _) => return Ok(Reach::Shard(shard)),
            (Ok(Reach::Nothing), _) => result = Some(Ok(Reach::Nothing)),
            (Err(doubt), None) => result = Some(Err(doubt)),
            (Err(_), Some(_)) => {}
        }
    }
    match result {
        // None of them names a shard by itself; together they may.
        Some(Err(doubt)) if keyed.sources.len() > 1 => together(split, keyed, values).ok_or(doubt),
        Some(result) => result,
        None => Err(Doubt::NoKey),
    }
}

#[cold]
fn together(split: &SplitTable, keyed: &Keyed, values: &impl Values) -> Option<Reach> {
    match conditions::shards(split, &keyed.sources, values).as_slice() {
        [] => Some(Reach::Nothing),
        [shard] => Some(Reach::Shard(*shard)),
        _ => None,
    }
}

#[inline]
fn reach(split: &SplitTable, source: &KeySource, values: &impl Values) -> Result<Reach, Doubt> {
    let mut found = Found::default();
    found.source(split, source, values);
    found.reach()
}

/// The shards of the values seen so far: at most one, or a doubt.
#[derive(Default)]
struct Found {
    shard: Option<ShardId>,
    doubt: Option<Doubt>,
}

impl Found {
    fn reach(self) -> Result<Reach, Doubt> {
        match (self.doubt, self.shard) {
            (Some(doubt), _) => Err(doubt),
            (None, Some(shard)) => Ok(Reach::Shard(shard)),
            (None, None) => Ok(Reach::Nothing),
        }
    }

    #[inline]
    fn source(&mut self, split: &SplitTable, source: &KeySource, values: &impl Values) {
        match source {
            KeySource::Equal(operand) => self.read_all(split, std::slice::from_ref(operand), values, false),
            KeySource::In(operands) => self.read_all(split, operands, values, true),
            KeySource::Inserted(operands) | KeySource::Assigned(operands) => self.write_all(split, operands, values),
            KeySource::Compare(..) | KeySource::Between { .. } | KeySource::All(_) | KeySource::Any(_) => {
                match conditions::shards(split, std::slice::from_ref(source), values).as_slice() {
                    [] => {}
                    [shard] => self.shard = Some(*shard),
                    _ => self.doubt = Some(conditions::doubt(split, source, values)),
                }
            }
            KeySource::Columns(sources) => self.take(columns::reach(split, sources, values)),
            KeySource::InsertedTuples(rows) => self.take(columns::stored(split, rows, values)),
            // Inside of `Columns` only.
            KeySource::Of(..) | KeySource::Tuples { .. } => self.doubt = Some(Doubt::NoKey),
        }
    }

    fn take(&mut self, reach: Result<Reach, Doubt>) {
        match reach {
            Ok(Reach::Shard(shard)) => self.shard = Some(shard),
            Ok(Reach::Nothing) => {}
            Err(doubt) => self.doubt = Some(doubt),
        }
    }

    fn read_all(&mut self, split: &SplitTable, operands: &[Operand], values: &impl Values, list: bool) {
        debug_assert!(!split.key.is_composite(), "sources of several columns are in `Columns`");
        let kind = &split.key.first.kind;
        for operand in operands {
            match operand {
                Operand::Slot { slot, negated } => values.each(*slot, &mut |value| {
                    self.read(split, key::read(value, *negated, kind, list, values));
                    self.doubt.is_none()
                }),
                Operand::Bool(truth) => self.read(split, key::read_truth(*truth, kind)),
                Operand::Null => {}
                Operand::Default | Operand::Clock(..) | Operand::Expression | Operand::Missing => {
                    self.doubt = Some(Doubt::Read(Form::Expression));
                }
            }
            if self.doubt.is_some() {
                return;
            }
        }
    }

    fn read(&mut self, split: &SplitTable, read: Read<'_>) {
        match read {
            // A key below the first bound has no row.
            Read::Key(key) => {
                if let Some(shard) = split.home(key.key()) {
                    self.add(shard, Doubt::Keys);
                }
            }
            Read::Nothing => {}
            Read::Unsettled(form) => self.doubt = Some(Doubt::Read(form)),
        }
    }

    fn write_all(&mut self, split: &SplitTable, operands: &[Operand], values: &impl Values) {
        debug_assert!(!split.key.is_composite(), "sources of several columns are in `Columns`");
        let kind = &split.key.first.kind;
        for operand in operands {
            let mut given = false;
            if let Operand::Slot { slot, negated } = operand {
                values.each(*slot, &mut |value| {
                    given = true;
                    self.write(split, key::written(value, *negated, kind, values));
                    self.doubt.is_none()
                });
            }
            if let Operand::Clock(clock, digits) = operand {
                given = true;
                key::each_digits(*digits, values, &mut |digits| {
                    self.write(split, key::clock(*clock, digits, kind, values));
                    self.doubt.is_none()
                });
            }
            if !given && self.doubt.is_none() {
                self.doubt = Some(Doubt::Written(Form::Missing));
            }
            if self.doubt.is_some() {
                return;
            }
        }
    }

    fn write(&mut self, split: &SplitTable, written: Written<'_>) {
        match written.map(|key| split.home(key.key())) {
            Ok(Some(shard)) => self.add(shard, Doubt::Rows),
            Ok(None) => self.doubt = Some(Doubt::Written(Form::Below)),
            Err(form) => self.doubt = Some(Doubt::Written(form)),
        }
    }

    fn add(&mut self, shard: ShardId, apart: fn(ShardId, ShardId) -> Doubt) {
        match self.shard {
            Some(other) if other != shard => self.doubt = Some(apart(other, shard)),
            _ => self.shard = Some(shard),
        }
    }
}

/// A shard that has all tables of whose rows none matches: the rest of the statement decides, if there is one.
#[cold]
fn among_rowless(
    tables: &Tables,
    map: &ShardMap,
    values: &impl Values,
    decided: Option<ShardId>,
) -> Result<ShardId, Refusal> {
    let candidates = match decided {
        Some(shard) => vec![shard],
        None => tables
            .keyed
            .first()
            .and_then(|keyed| split_of(map, &keyed.table))
            .map(SplitTable::shards)
            .unwrap_or_default(),
    };
    candidates.into_iter().find(|shard| has_all(tables, map, *shard)).ok_or_else(|| apart(tables, map, values))
}

#[cold]
fn apart(tables: &Tables, map: &ShardMap, values: &impl Values) -> Refusal {
    if let Some(refusal) = tables.hinted.then(|| key_elsewhere(tables, map, values)).flatten() {
        return refusal;
    }
    if let Some(refusal) = key_moved(tables, map, values) {
        return refusal;
    }
    let mut places: Vec<(Box<str>, Box<str>)> = Vec::new();
    for fixed in &tables.fixed {
        places.push((fixed.table.name.clone(), name(map, fixed.shard)));
    }
    for keyed in &tables.keyed {
        let Some(split) = split_of(map, &keyed.table) else {
            continue;
        };
        let shards: Vec<Box<str>> = match restriction(split, keyed, values) {
            Ok(Reach::Shard(shard)) => vec![name(map, shard)],
            _ => split.shards().into_iter().map(|shard| name(map, shard)).collect(),
        };
        places.push((keyed.table.name.clone(), shards.join(", ").into()));
    }
    for copied in &tables.copies {
        let shards: Vec<Box<str>> = copied.copies.on().iter().map(|shard| name(map, *shard)).collect();
        places.push((copied.table.name.clone(), shards.join(", ").into()));
    }
    places.sort();
    places.dedup();
    Refusal::Apart { places }
}

/// A row that is to be stored elsewhere than its statement is hinted to.
fn key_elsewhere(tables: &Tables, map: &ShardMap, values: &impl Values) -> Option<Refusal> {
    let hinted = tables.fixed.first()?.shard;
    tables.keyed.iter().find_map(|keyed| match restriction(split_of(map, &keyed.table)?, keyed, values) {
        Ok(Reach::Shard(home)) if home != hinted => Some(Refusal::Hint(HintRefusal::Key {
            table: keyed.table.name.clone(),
            shard: name(map, hinted),
            home: name(map, home),
        })),
        _ => None,
    })
}

/// A row that is found on one shard and is to get a key of another.
fn key_moved(tables: &Tables, map: &ShardMap, values: &impl Values) -> Option<Refusal> {
    let shard_of = |keyed: &Keyed| match restriction(split_of(map, &keyed.table)?, keyed, values) {
        Ok(Reach::Shard(shard)) => Some(shard),
        _ => None,
    };
    tables.keyed.iter().find_map(|assigned| {
        let [source] = assigned.sources.as_slice() else {
            return None;
        };
        if !is_assigned(source) {
            return None;
        }
        let to = shard_of(assigned)?;
        let of_table = tables.keyed.iter().filter(|keyed| keyed.table == assigned.table);
        let from = of_table.filter_map(shard_of).find(|from| *from != to)?;
        let key = split_of(map, &assigned.table)?.key.name().into();
        Some(Refusal::KeyMoved { table: assigned.table.name.clone(), key, from: name(map, from), to: name(map, to) })
    })
}

fn is_assigned(source: &KeySource) -> bool {
    match source {
        KeySource::Assigned(_) => true,
        KeySource::Columns(sources) => sources.iter().any(is_assigned),
        KeySource::Of(_, source) => is_assigned(source),
        _ => false,
    }
}

/// The plan was made with another map: `execute` drops its plans with their map, so this is its fault.
#[cold]
fn stale(keyed: &Keyed) -> Refusal {
    Refusal::Unreadable { near: keyed.table.name.clone() }
}

impl Doubt {
    #[cold]
    fn refusal(self, keyed: &Keyed, split: &SplitTable, map: &ShardMap) -> Refusal {
        let (table, key) = (keyed.table.name.clone(), Box::from(split.key.name()));
        let column = |place: u8| split.key.column(usize::from(place)).unwrap_or(&split.key.first);
        match self {
            Doubt::NoKey => {
                let shards = split.shards().into_iter().map(|shard| name(map, shard)).collect();
                Refusal::NoKey { table, key, shards }
            }
            Doubt::Read(form) => Refusal::ReadForm { table, key, kind: split.key.first.kind, form },
            Doubt::Written(form) => Refusal::WrittenForm { table, key, kind: split.key.first.kind, form },
            Doubt::ReadOf(place, form) => {
                let KeyColumn { name, kind, .. } = column(place);
                Refusal::ReadForm { table, key: name.as_str().into(), kind: *kind, form }
            }
            Doubt::WrittenOf(place, form @ Form::Below) => {
                Refusal::WrittenForm { table, key, kind: column(place).kind, form }
            }
            Doubt::WrittenOf(place, form) => {
                let KeyColumn { name, kind, .. } = column(place);
                Refusal::WrittenForm { table, key: name.as_str().into(), kind: *kind, form }
            }
            Doubt::MayMove => Refusal::KeyMayMove { table, key },
            Doubt::Keys(first, second) => {
                Refusal::KeysApart { table, key, first: name(map, first), second: name(map, second) }
            }
            Doubt::Rows(first, second) => {
                Refusal::RowsApart { table, first: name(map, first), second: name(map, second) }
            }
        }
    }
}

fn name(map: &ShardMap, shard: ShardId) -> Box<str> {
    map.shard(shard).name.as_str().into()
}
