//! Why a statement goes where it goes: the one source of EXPLAIN ROUTE, `meridian explain` and the plan goldens.
//!
//! Evaluates again what `route` evaluated, so that the hot path keeps no reasons. `print` makes lines of it.

mod keys;
mod print;

pub use keys::{KeyFound, KeyValue, Read, ValuesRead, interval};

use super::over::{named, scatter_refused};
use super::{
    ClientText, LOCKS, Reach, Shards, Values, apart, locks_elsewhere, name, restriction, served, split_of, with_copies,
};
use crate::plan::{Concatenation, Copied, Keyed, Refusal, Statement, TableName, Tables, Target, View};
use crate::shard_map::{Reads, ShardId, ShardMap, SplitTable, Table};
use crate::sql::{Dialect, Flags, Scratch, SlotKind};

/// What of the client's session an explanation needs beside its plan.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where a statement without a table goes.
    pub home: ShardId,
    /// What would be sent: the client's text, but for what is replaced in it.
    pub text: &'a [u8],
    pub dialect: &'a Dialect,
    /// It has parameters, so that it can only be prepared.
    pub prepared: bool,
}

impl<'a> Asked<'a> {
    /// `scratch` is that of the client's text.
    pub fn new(home: ShardId, text: &'a [u8], dialect: &'a Dialect, scratch: &Scratch) -> Self {
        let prepared = scratch.all_slots().iter().any(|slot| matches!(slot.kind, SlotKind::Param(_)));
        Asked { home, text, dialect, prepared }
    }
}

/// Everything that decides where one statement goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub verdict: Verdict,
    /// Split tables, in the order of the statement, and the keys found for them.
    pub keys: Vec<KeyFound>,
    /// Tables, or parts of tables, that live on one shard.
    pub tables: Vec<TableFound>,
    /// Where it goes; where it may go, if parameters decide. None: no server sees it.
    pub destinations: Vec<Destination>,
    /// Who may answer it there.
    pub reads: Reads,
    /// The text of the command that each of them gets.
    pub text: Vec<u8>,
    /// That command is a PREPARE.
    pub prepared: bool,
    /// The shard that a hint names.
    pub hint: Option<Box<str>>,
    /// The servers' CONNECTION_ID() would be another number than the client's.
    pub connection_id: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// About the session: Meridian reads it, and servers get what it means for them.
    Control,
    /// No table: any server can answer.
    NoTable,
    /// SHOW TABLES of several shards.
    Gather,
    /// SHOW DATABASES.
    Answer,
    /// SHOW MERIDIAN.
    View(View),
    /// SELECT @@meridian_shard.
    ShardVariable,
    Single,
    /// Several shards, whose rows together are the answer.
    Scatter,
    /// The values of these parameters, counted from 1, decide.
    Parameters {
        parameters: Vec<u32>,
        /// There are values for which it is refused, because other tables or other parameters have their say too.
        may_refuse: bool,
        /// There are values for which it goes to several of the shards.
        may_scatter: bool,
    },
    Refused {
        number: u16,
        sqlstate: &'static str,
        text: String,
    },
}

/// A table, or what is named in its place, and the one shard that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFound {
    pub database: Box<str>,
    pub table: Box<str>,
    pub kind: TableKind,
    pub shard: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    Vertical,
    /// One of the copies of a table that is everywhere.
    Copy,
    /// Of a split table, what lives on the hinted shard.
    Part,
    /// Of a split table, whose definition is the same on all its shards.
    Definition,
    /// The whole database has one shard, whatever the statement names.
    OneShard,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub shard: Box<str>,
    pub group: Box<str>,
    pub members: Vec<MemberFound>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFound {
    pub at: Box<str>,
    pub region: Box<str>,
}

/// Explains a plan with the values of one execution, or without those of its parameters.
pub fn explain(statement: &Statement, map: &ShardMap, values: &impl Values, asked: Asked<'_>) -> Explanation {
    let mut explanation = Explanation {
        verdict: Verdict::Control,
        keys: Vec::new(),
        tables: Vec::new(),
        destinations: Vec::new(),
        reads: statement.reads,
        text: asked.text.to_vec(),
        prepared: asked.prepared,
        hint: statement.hint.map(|hint| name(map, hint.shard)),
        connection_id: statement.facts.flags.contains(Flags::CONNECTION_ID),
    };
    let (verdict, shards) = match &statement.target {
        Target::Control => (Verdict::Control, Vec::new()),
        Target::NoTable => {
            let locks = statement.facts.flags.contains(Flags::NAMED_LOCK);
            let shard = match statement.hint {
                Some(hint) => hint.shard,
                None if locks => LOCKS,
                None => asked.home,
            };
            beside_locks(statement, map, Verdict::NoTable, vec![shard])
        }
        Target::ShowTables { database } => {
            let database = map.databases.get(usize::from(database.0));
            let shards = database.map(|database| database.shards());
            (Verdict::Gather, shards.unwrap_or_default())
        }
        Target::ShowDatabases => (Verdict::Answer, Vec::new()),
        Target::ShowMeridian(view) => (Verdict::View(*view), Vec::new()),
        Target::ShardVariable { .. } => (Verdict::ShardVariable, Vec::new()),
        Target::Refused(refusal) => (refused(refusal), Vec::new()),
        Target::Tables(tables) => {
            explanation.keys = keys::found(tables, map, values);
            explanation.tables = fixed(tables, map);
            let client = ClientText { text: asked.text, dialect: asked.dialect };
            let edited = (!tables.renamed.is_empty()).then(|| tables.edited(asked.text, asked.dialect));
            let (verdict, shards) = match edited {
                Some(None) => (refused(&Refusal::Unreadable { near: "a table with another name".into() }), Vec::new()),
                _ => decided(statement, tables, map, values, client),
            };
            if let Some((edited, _)) = edited.flatten() {
                explanation.text = edited;
            }
            explanation.tables.extend(copies(tables, map, &shards));
            beside_locks(statement, map, verdict, shards)
        }
    };
    explanation.verdict = verdict;
    explanation.destinations = shards.into_iter().map(|shard| destination(map, shard)).collect();
    explanation
}

/// The answer to a text that cannot be cut into tokens.
pub fn unreadable(text: &[u8], message: String) -> Explanation {
    Explanation {
        verdict: Verdict::Refused { number: 1064, sqlstate: "42000", text: message },
        keys: Vec::new(),
        tables: Vec::new(),
        destinations: Vec::new(),
        reads: Reads::Primary,
        text: text.to_vec(),
        prepared: false,
        hint: None,
        connection_id: false,
    }
}

fn refused(refusal: &Refusal) -> Verdict {
    let (number, sqlstate, text) = refusal.error();
    Verdict::Refused { number, sqlstate, text }
}

fn decided(
    statement: &Statement,
    tables: &Tables,
    map: &ShardMap,
    values: &impl Values,
    client: ClientText<'_>,
) -> (Verdict, Vec<ShardId>) {
    match by_parameters(statement, tables, map, values) {
        Ok(Some(decided)) => decided,
        Ok(None) => match served(statement, tables, map, values, client) {
            Ok(Shards::One(shard)) => (Verdict::Single, vec![shard]),
            Ok(Shards::Several(shards)) => (Verdict::Scatter, shards),
            Err(refusal) => (refused(&refusal), Vec::new()),
        },
        Err(refusal) => (refused(&named(refusal, statement, client)), Vec::new()),
    }
}

/// Takes out the shards where the statement would be refused for its named lock.
fn beside_locks(
    statement: &Statement,
    map: &ShardMap,
    mut verdict: Verdict,
    shards: Vec<ShardId>,
) -> (Verdict, Vec<ShardId>) {
    let elsewhere = |shard: &ShardId| locks_elsewhere(statement, map, *shard);
    let Some(refusal) = shards.iter().find_map(elsewhere) else {
        return (verdict, shards);
    };
    let left: Vec<ShardId> = shards.into_iter().filter(|shard| elsewhere(shard).is_none()).collect();
    if left.is_empty() {
        return (refused(&refusal), left);
    }
    if let Verdict::Parameters { may_refuse, .. } = &mut verdict {
        *may_refuse = true;
    }
    (verdict, left)
}

/// `None` if no parameter matters; a refusal that no value of them averts.
fn by_parameters(
    statement: &Statement,
    tables: &Tables,
    map: &ShardMap,
    values: &impl Values,
) -> Result<Option<(Verdict, Vec<ShardId>)>, Refusal> {
    let mut parameters: Vec<u32> = Vec::new();
    let mut candidates: Option<Vec<ShardId>> = None;
    let mut may_refuse = false;
    let mut undecided = None;
    let mut settled: Vec<ShardId> = tables.fixed.iter().map(|fixed| fixed.shard).collect();
    for keyed in &tables.keyed {
        let Some(split) = split_of(map, &keyed.table) else {
            continue;
        };
        let (source, open) = keys::deciding(split, keyed, values);
        if open.is_empty() {
            match restriction(split, keyed, values) {
                Ok(Reach::Shard(shard)) => settled.push(shard),
                Ok(Reach::Nothing) => {}
                // No value of a parameter makes it one shard.
                Err(_) if tables.scatters => return Ok(None),
                Err(doubt) => {
                    // Not the parameter's form, which is not known, but what is.
                    let known = source.map(|source| keys::known(split, source, values));
                    let doubt = known.and_then(Result::err).unwrap_or(doubt);
                    return Err(doubt.refusal(keyed, split, map));
                }
            }
            continue;
        }
        parameters.extend(open);
        // One parameter may be a key of both, and they may have different homes for it.
        may_refuse |= undecided.is_some_and(|other: &SplitTable| other.split != split.split);
        undecided = Some(split);
        may_refuse |= source.is_some_and(|source| !keys::is_simple(source));
        let known = source.filter(|source| keyed.sources.last() == Some(source));
        let mut shards = match known.map(|source| keys::known(split, source, values)) {
            Some(Ok(Reach::Shard(shard))) => {
                may_refuse = true;
                vec![shard]
            }
            _ => split.shards(),
        };
        if let Some(candidates) = &candidates {
            shards.retain(|shard| candidates.contains(shard));
        }
        candidates = Some(shards);
    }
    let Some(mut candidates) = candidates else {
        return Ok(None);
    };
    candidates.retain(|shard| settled.iter().all(|other| other == shard));
    if candidates.is_empty() {
        return Err(apart(tables, map, values));
    }
    let (with, without): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|shard| with_copies(tables, map, *shard).is_ok());
    may_refuse |= !without.is_empty();
    let candidates = match (with.is_empty(), without.first()) {
        (true, Some(shard)) => return with_copies(tables, map, *shard).map(|_| None),
        _ => with,
    };
    parameters.sort_unstable();
    parameters.dedup();
    may_refuse |= !settled.is_empty() || parameters.len() > 1;
    let scatters = tables.scatters && without.is_empty() && statement.concatenation == Concatenation::Yes;
    let may_scatter = may_refuse && scatters && scatter_refused(tables, map, &candidates).is_none();
    let verdict = Verdict::Parameters { parameters, may_refuse: may_refuse && !may_scatter, may_scatter };
    Ok(Some((verdict, candidates)))
}

fn fixed(tables: &Tables, map: &ShardMap) -> Vec<TableFound> {
    let mut found: Vec<TableFound> = Vec::new();
    for fixed in &tables.fixed {
        if tables.keyed.iter().any(|keyed| keyed.table == fixed.table) {
            continue;
        }
        let kind = match split_of(map, &fixed.table) {
            Some(_) if tables.hinted => TableKind::Part,
            Some(_) => TableKind::Definition,
            None if tables.hinted && &*fixed.table.name == "*" => TableKind::Part,
            None if &*fixed.table.name == "*" => TableKind::OneShard,
            None if is_everywhere(map, &fixed.table) => TableKind::Copy,
            None => TableKind::Vertical,
        };
        let table = TableFound {
            database: database(map, fixed.table.database),
            table: fixed.table.name.clone(),
            kind,
            shard: name(map, fixed.shard),
        };
        if !found.contains(&table) {
            found.push(table);
        }
    }
    found
}

fn is_everywhere(map: &ShardMap, table: &TableName) -> bool {
    let database = map.databases.get(usize::from(table.database.0));
    matches!(database.and_then(|database| database.table(&table.name)), Some(Table::Everywhere(_)))
}

/// The copies that are read where the keys say which.
fn copies(tables: &Tables, map: &ShardMap, shards: &[ShardId]) -> Vec<TableFound> {
    let mut found: Vec<TableFound> = Vec::new();
    for Copied { table, .. } in &tables.copies {
        let of = |shard: &ShardId| TableFound {
            database: database(map, table.database),
            table: table.name.clone(),
            kind: TableKind::Copy,
            shard: name(map, *shard),
        };
        found.extend(shards.iter().map(of));
    }
    found
}

fn database(map: &ShardMap, id: crate::plan::DatabaseId) -> Box<str> {
    let database = map.databases.get(usize::from(id.0));
    database.map_or_else(Box::default, |database| database.name.as_str().into())
}

fn destination(map: &ShardMap, shard: ShardId) -> Destination {
    let group = map.group_of(shard);
    let members = group
        .members
        .iter()
        .map(|member| MemberFound { at: member.at.as_str().into(), region: map.region(member.region).into() });
    Destination { shard: name(map, shard), group: group.name.as_str().into(), members: members.collect() }
}

/// One occurrence with one source, to ask what that source says by itself.
fn alone(keyed: &Keyed, source: &crate::plan::KeySource) -> Keyed {
    Keyed::of(keyed.table.clone(), source.clone())
}
