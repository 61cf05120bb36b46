//! What has to be done for this statement, whatever its values; or why we refuse.
//!
//! Pure, and cold: a plan is made once per normalized text, then cached. It holds no value and no server name, only ids
//! of the map that it was made from: the cache is dropped with that map.
//! Invariant: a statement is never planned for a shard when rows elsewhere could change its answer. Every table
//! of the text is either in [`Tables`] or the statement is refused.
//!
//! The text is read by our own reader of MySQL's clauses (`read`), which also knows what sqlparser cannot parse; where
//! sqlparser can, its list of tables must agree (`second`). Keys are taken only from whole conjuncts, so that no
//! operator's precedence is ever guessed.

mod bytes;
pub mod concat;
mod hint;
mod physical;
mod place;
pub(crate) mod read;
mod reads;
mod refusal;
pub(crate) mod second;
mod view;

pub use concat::{Concatenation, Obstacle};
pub use hint::{Hint, HintBy, HintRefusal, named};
pub use physical::Renamed;
pub use refusal::{Construct, Form, Refusal, SelectDoubt};
pub use view::View;

use crate::shard_map::{Everywhere, Reads, ShardId, ShardMap};
use crate::sql::{Dialect, Facts, Flags, Flavor, NormSlot};

/// Plans the statement whose normalized text and facts these are. `database` is the session's.
///
/// Never fails: a refusal is a plan, and is cached like one.
pub fn plan(map: &ShardMap, database: Option<&str>, normalized: &[u8], facts: Facts, dialect: &Dialect) -> Statement {
    plan_hinted(map, database, normalized, facts, dialect, None)
}

/// As [`plan`], for a statement that a hint may send to a shard.
pub fn plan_hinted(
    map: &ShardMap,
    database: Option<&str>,
    normalized: &[u8],
    facts: Facts,
    dialect: &Dialect,
    hint: Option<Hint>,
) -> Statement {
    let session = database.and_then(|name| DatabaseId::find(map, name));
    let place = place::Place { map, session, text: normalized };
    let returning_reserved = dialect.family == Flavor::MariaDb;
    let (subject, mut shape, reader) = read::read(read::toks(normalized), returning_reserved);
    if facts.flags.contains(Flags::SYSVAR_READ)
        && subject != read::Subject::Control
        && let Some(target) = shard_variable(&reader)
    {
        let concatenation = Concatenation::NotAsked;
        return Statement { facts, target, hint: None, concatenation, reads: Reads::Primary };
    }
    if let Some(unknown) = second::unknown_table(&subject, &shape, normalized) {
        shape.unsure = Some(unknown);
    }
    let target = match hint {
        None => place.target(&facts, subject, &shape, &reader),
        Some(hint) => place.hinted(&facts, subject, &shape, &reader, hint),
    };
    let facts = match &target {
        Target::Tables(tables) if tables.stores(|operand| matches!(operand, Operand::Clock(Clock::Default, _))) => {
            Facts { flags: facts.flags | Flags::CLOCK, ..facts }
        }
        _ => facts,
    };
    let (facts, mut target) = named_on_servers(&place, facts, target, &shape, &reader);
    let concatenation = match &mut target {
        Target::Tables(tables) if !tables.keyed.is_empty() => {
            let of_rows = concat::concatenation(normalized, &facts, tables);
            match tables.renamed.first() {
                None => of_rows,
                Some(renamed) => {
                    tables.scatters = false;
                    match of_rows {
                        Concatenation::Yes => Concatenation::OtherName(renamed.logical.1.clone()),
                        other => other,
                    }
                }
            }
        }
        _ => Concatenation::NotAsked,
    };
    let reads = reads::reads(map, &facts, &target);
    Statement { facts, target, hint, concatenation, reads }
}

/// The same with the edits of its text, if its tables have other names on their servers.
fn named_on_servers(
    place: &place::Place<'_>,
    facts: Facts,
    target: Target,
    shape: &read::Shape,
    reader: &read::Reader,
) -> (Facts, Target) {
    let Target::Tables(tables) = target else {
        return (facts, target);
    };
    match physical::renamed(place.map, place.session, &facts, shape, reader) {
        Ok(renamed) if renamed.is_empty() => (facts, Target::Tables(tables)),
        Ok(renamed) => {
            let facts = Facts { flags: facts.flags | Flags::OTHER_NAME, ..facts };
            (facts, Target::Tables(Tables { renamed, ..tables }))
        }
        Err(refusal) => (facts, Target::Refused(refusal)),
    }
}

/// `SELECT @@meridian_shard [[AS] name]`, or a refusal of that variable elsewhere.
fn shard_variable(reader: &read::Reader) -> Option<Target> {
    const NAME: &str = "@@meridian_shard";
    let named = |at| matches!(reader.tok(at), read::Tok::Variable(name) if name.eq_ignore_ascii_case(NAME));
    if !(0..reader.len()).any(named) {
        return None;
    }
    let alias = if reader.is_word(2, "AS") { 3 } else { 2 };
    let column = match reader.name(alias) {
        _ if !reader.is_word(0, "SELECT") || !named(1) => None,
        None if reader.len() == 2 => Some(NAME),
        Some(alias_name) if reader.len() == alias + 1 => Some(alias_name),
        _ => None,
    };
    Some(match column {
        Some(column) => Target::ShardVariable { column: column.into() },
        None => Target::Refused(Refusal::Hint(HintRefusal::Variable)),
    })
}

/// A planned statement.
#[derive(Debug, Clone)]
pub struct Statement {
    pub facts: Facts,
    pub target: Target,
    /// The hint that it was planned under.
    pub hint: Option<Hint>,
    /// What it comes to over several shards.
    pub concatenation: Concatenation,
    /// Who may answer it, on each of its groups.
    pub reads: Reads,
}

impl Statement {
    /// One that is refused whatever else it says.
    pub fn refused(facts: Facts, refusal: Refusal) -> Statement {
        let (target, concatenation) = (Target::Refused(refusal), Concatenation::NotAsked);
        Statement { facts, target, hint: None, concatenation, reads: Reads::Primary }
    }
}

/// Who answers a statement.
#[derive(Debug, Clone)]
pub enum Target {
    /// Changes or ends something of the session: `execute` reads the client's text.
    Control,
    /// No table: any server can answer.
    NoTable,
    /// The shards that own these tables' rows.
    Tables(Tables),
    /// SHOW TABLES of a database on several shards: the names of all its shards, each once.
    ShowTables {
        database: DatabaseId,
    },
    /// SHOW DATABASES: the map's, as far as the account may see them.
    ShowDatabases,
    /// SHOW MERIDIAN: what Meridian says of itself.
    ShowMeridian(View),
    /// `SELECT @@meridian_shard`: the shard that the session hints to.
    ShardVariable {
        column: Box<str>,
    },
    Refused(Refusal),
}

/// Index of a database in `ShardMap::databases`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DatabaseId(pub u16);

impl DatabaseId {
    /// The database of exactly that name.
    pub fn find(map: &ShardMap, name: &str) -> Option<DatabaseId> {
        let index = map.databases.iter().position(|database| database.name == name)?;
        u16::try_from(index).ok().map(DatabaseId)
    }
}

/// The tables of a statement and what their shards depend on.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Tables whose rows live on one shard. The plan made sure that it is the same one.
    pub fixed: Vec<Fixed>,
    /// Occurrences of split tables; each is restricted by its own keys.
    pub keyed: Vec<Keyed>,
    /// Tables with a copy on several shards, where only the keys of `keyed` say which is read. Beside `fixed` they are there.
    pub copies: Vec<Copied>,
    /// Places where the text names a table that has another name on its servers, ascending.
    pub renamed: Vec<Renamed>,
    /// A SELECT that changes nothing, takes no lock and writes nowhere, of split tables whose rows count only beside rows of
    /// the first of `keyed` that live on the same shard, and of copies: its rows may be on several shards. Whether the rows
    /// of each make its answer is another question.
    pub scatters: bool,
    /// Every logical database that the statement touches, ascending; for the account's rights.
    pub databases: Vec<DatabaseId>,
    /// What the statement may reach besides: `*` for anything at all. Only for accounts that may use all databases.
    pub beyond: Option<Box<str>>,
    /// A hint chose the shard of all `fixed`; of split tables only the part there is meant.
    pub hinted: bool,
}

impl Tables {
    /// Whether rows are to get a key, or a column of one, that `is`.
    pub fn stores(&self, is: impl Fn(&Operand) -> bool) -> bool {
        fn in_source(source: &KeySource, is: &impl Fn(&Operand) -> bool) -> bool {
            match source {
                KeySource::Inserted(operands) | KeySource::Assigned(operands) => operands.iter().any(is),
                KeySource::InsertedTuples(rows) => rows.iter().flatten().any(is),
                KeySource::Columns(sources) => sources.iter().any(|source| in_source(source, is)),
                KeySource::Of(_, source) => in_source(source, is),
                _ => false,
            }
        }
        self.keyed.iter().flat_map(|keyed| &keyed.sources).any(|source| in_source(source, &is))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    pub table: TableName,
    pub shard: ShardId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub table: TableName,
    pub copies: Everywhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    pub database: DatabaseId,
    pub name: Box<str>,
}

impl Copied {
    /// The refusal of a statement whose other tables are on a shard without a copy.
    pub fn missing(&self, map: &ShardMap, shard: ShardId) -> Refusal {
        let name = |shard: ShardId| map.shard(shard).name.as_str().into();
        let copies = self.copies.on().iter().copied().map(name).collect();
        Refusal::NoCopy { table: self.table.name.clone(), shard: name(shard), copies }
    }
}

/// One occurrence of a split table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    pub table: TableName,
    /// Each restricts the occurrence by itself; `route` takes the first that names one shard. None: every row may matter.
    pub sources: Vec<KeySource>,
    /// The keys of other occurrences that this one's equals and that the last of `sources` were said of, one for each.
    pub through: Vec<Box<str>>,
}

impl Keyed {
    /// An occurrence with one source.
    pub fn of(table: TableName, source: KeySource) -> Keyed {
        Keyed { table, sources: vec![source], through: Vec::new() }
    }
}

/// Where the key of an occurrence is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// `key = operand` holds for every row that matters.
    Equal(Operand),
    /// `key IN (operands)` holds for every row that matters.
    In(Vec<Operand>),
    /// `key comparison operand` holds for every row that matters.
    Compare(Comparison, Operand),
    /// `key BETWEEN low AND high` holds, or `key NOT BETWEEN low AND high` if `outside`.
    Between { low: Operand, high: Operand, outside: bool },
    /// Each of them holds.
    All(Vec<KeySource>),
    /// One of them holds, at least.
    Any(Vec<KeySource>),
    /// The keys of the rows to be stored; a folded slot stands for many rows.
    Inserted(Vec<Operand>),
    /// The keys that the rows found are to get.
    Assigned(Vec<Operand>),
    /// Of a key of several columns, and nowhere else: each of these holds. They are `Of`, `Tuples`, `All` and `Any`.
    Columns(Vec<KeySource>),
    /// What a source says of the column with this index; what the column is to get, if it is `Assigned`.
    Of(u8, Box<KeySource>),
    /// The columns with these indexes equal one of the rows, value by value; folded slots stand for many rows.
    Tuples { columns: Vec<u8>, rows: Vec<Vec<Operand>> },
    /// As `Inserted`: a row has an operand for each column of the key.
    InsertedTuples(Vec<Vec<Operand>>),
}

/// How a key is compared with an operand that stands right of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    /// `<=>`
    NullSafe,
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparison {
    /// The same with the sides exchanged.
    pub fn mirrored(self) -> Comparison {
        match self {
            Comparison::Equal | Comparison::NullSafe => self,
            Comparison::Below => Comparison::Above,
            Comparison::AtMost => Comparison::AtLeast,
            Comparison::Above => Comparison::Below,
            Comparison::AtLeast => Comparison::AtMost,
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NullSafe => "<=>",
            Comparison::Below => "<",
            Comparison::AtMost => "<=",
            Comparison::Above => ">",
            Comparison::AtLeast => ">=",
        }
    }
}

/// What stands in the place of a key value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    Slot {
        slot: NormSlot,
        negated: bool,
    },
    Null,
    Bool(bool),
    Default,
    /// What a function of the statement's time answers. The slot has the digits behind its point, if they are given.
    Clock(Clock, Option<NormSlot>),
    Expression,
    /// The row, or the column list, has no such value.
    Missing,
}

/// Functions of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// `NOW()` and its synonyms.
    Now,
    /// `CURDATE()`.
    Today,
    UtcNow,
    UtcToday,
    /// The column's `DEFAULT CURRENT_TIMESTAMP`, to its own digits.
    Default,
    /// `SYSDATE()`: the time at which it is called, not the statement's.
    Called,
}
