//! The databases of a map and the places of their tables, all but the split itself.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::document::{Fields, Key, Node, Position, Shape, Value, near};
use super::load::{Names, check_name, unknown};
use super::problem::{Faults, Feature, Problem, Thing};
use super::{
    Database, Family, Group, Reads, Shard, ShardId, SplitTable, Table, TableKey, everywhere, key_column, physical,
    reads, splits,
};

/// The word that stands where a shard could: no shard at all.
pub(super) const REFUSE: &str = "refuse";

pub(super) const DATABASE: &[&str] = &["family", "unlisted", "reads", "transactions", "tables"];

pub(super) const TABLE: &[&str] = &[
    "on",
    "everywhere",
    "from",
    "with",
    "key",
    "range",
    "list",
    "else",
    "hash",
    "buckets",
    "below",
    "as",
    "reads",
    "home",
    "ids",
    "zone",
    "scatter",
    "period",
    "table",
    "keep",
    "ahead",
];

/// Fields of a table that are in the grammar and not served.
pub(super) const NOT_YET: &[(&str, Feature)] =
    &[("home", Feature::Homes), ("ids", Feature::Ids), ("period", Feature::Periods)];

/// Fields that make sense only beside another.
pub(super) const BESIDE: &[(&str, &str)] = &[
    ("from", "everywhere"),
    ("everywhere", "from"),
    ("else", "list"),
    ("buckets", "hash"),
    ("table", "period"),
    ("keep", "period"),
    ("ahead", "period"),
    ("below", "range"),
    ("range", "key"),
    ("list", "key"),
    ("hash", "key"),
    ("zone", "key"),
];

/// Two of these beside each other contradict, but for `hash`, whose buckets are split by `range`.
pub(super) const PLACES: &[&str] = &["on", "everywhere", "with", "range", "list", "hash"];

/// What a table may refer to.
pub(super) struct Declared<'d> {
    pub(super) shard_names: &'d Names<'d>,
    /// `None` where a declaration is unsound.
    pub(super) shards: &'d [Option<Shard>],
    pub(super) groups: &'d [Group],
}

pub(super) fn read(
    node: &Node,
    shard_names: &Names<'_>,
    shards: &[Option<Shard>],
    groups: &[Group],
    faults: &mut Faults,
) -> Option<Vec<Database>> {
    let declared = Declared { shard_names, shards, groups };
    let entries = node.entries("a mapping of databases", faults)?;
    let mut written = Vec::new();
    let databases = entries.iter().filter_map(|(key, node)| {
        check_name(Thing::Database, &key.name, key.at, faults);
        database(&key.name, node, &declared, &mut written, faults)
    });
    let databases: Vec<Database> = databases.collect();
    physical::distinct(&databases, shards, &written, faults);
    Some(databases)
}

fn database(
    name: &str,
    node: &Node,
    declared: &Declared<'_>,
    written: &mut Vec<physical::Written>,
    faults: &mut Faults,
) -> Option<Database> {
    let fields = Fields::read(node, "a database", DATABASE, faults)?;
    let family = fields
        .require("family", faults)
        .and_then(|node| node.choice(&["mariadb", "mysql"], faults))
        .map(|index| [Family::MariaDb, Family::MySql][index]);
    let unlisted = fields.get("unlisted").and_then(|node| match node.text("a shard or `refuse`", faults)? {
        REFUSE => None,
        _ => declared.shard(node, faults),
    });
    let reads = reads::read(&fields, faults).unwrap_or_default();
    if let Some(node) = fields.get("transactions")
        && let Some(1..) = node.choice(&["single_shard", "atomic", "best_effort"], faults)
    {
        faults.add(node.at, Problem::NotYet(Feature::Transactions));
    }
    let entries = match fields.get("tables") {
        Some(node) => node.entries("a mapping of tables", faults)?,
        None => &[],
    };
    let mut tables = HashMap::with_capacity_and_hasher(entries.len(), FixedState::default());
    let mut followers = Vec::new();
    let mut names = HashMap::with_hasher(FixedState::default());
    let mut reads_of = HashMap::with_hasher(FixedState::default());
    for (key, node) in entries {
        check_name(Thing::Table, &key.name, key.at, faults);
        match table(&key.name, node, entries, declared, &mut reads_of, faults) {
            Some(Placed::Here(table)) => _ = tables.insert(key.name.clone(), table),
            Some(Placed::With(follower)) => followers.push((key.name.clone(), follower)),
            None => {}
        }
        if let Some(node) = node.field("as")
            && let Some(named) = physical::read(node, faults)
            && !(named.database == name && named.table == key.name)
        {
            written.push(physical::Written { at: node.at, database: name.to_owned(), table: key.name.clone() });
            names.insert(key.name.clone(), named);
        }
    }
    for (name, follower) in followers {
        if let Some(table) = follower.table(&tables, faults) {
            tables.insert(name, Table::Split(table));
        }
    }
    Some(Database { name: name.to_owned(), family: family?, unlisted, tables, physical: names, reads, reads_of })
}

/// What a table's own fields say.
enum Placed<'n> {
    Here(Table),
    With(Follower<'n>),
}

/// A table that is split as another.
struct Follower<'n> {
    at: Position,
    base: &'n str,
    /// `None` where it is called as in the other.
    key: Option<TableKey>,
    refuses_scatter: bool,
}

impl Follower<'_> {
    fn table(self, tables: &HashMap<String, Table, FixedState>, faults: &mut Faults) -> Option<SplitTable> {
        match tables.get(self.base) {
            Some(Table::Split(base)) => {
                let key = self.key.unwrap_or_else(|| base.key.clone());
                if !key.is_of_types(&base.key) {
                    let (table, kind) = (self.base.into(), base.key.kinds().into());
                    faults.add(self.at, Problem::WithOtherType { table, kind });
                }
                Some(SplitTable { key, split: base.split.clone(), refuses_scatter: self.refuses_scatter })
            }
            Some(Table::Vertical(_) | Table::Everywhere(_)) => {
                faults.add(self.at, Problem::WithUnsplit { table: self.base.into() });
                None
            }
            // Its own faults were added.
            None => None,
        }
    }
}

fn table<'n>(
    name: &str,
    node: &'n Node,
    siblings: &[(Key, Node)],
    declared: &Declared<'_>,
    reads_of: &mut HashMap<String, Reads, FixedState>,
    faults: &mut Faults,
) -> Option<Placed<'n>> {
    if !matches!(node.value, Value::Mapping(_)) {
        return declared.shard(node, faults).map(|shard| Placed::Here(Table::Vertical(shard)));
    }
    let fields = Fields::read(node, "a table", TABLE, faults)?;
    reads_of.extend(reads::read(&fields, faults).map(|reads| (name.to_owned(), reads)));
    let mut served = true;
    for (field, feature) in NOT_YET {
        if let Some(key) = fields.key(field) {
            faults.add(key.at, Problem::NotYet(feature.clone()));
            served = false;
        }
    }
    contradictions(&fields, faults);
    let refuses_scatter = scatter(&fields, faults);
    if let Some(node) = fields.get("with") {
        let base = with(node, siblings, faults);
        let key = fields.get("key").map(|key| key_column::read(key, &fields, faults));
        let key = match key {
            Some(key) => Some(key?),
            None => None,
        };
        return Some(Placed::With(Follower { at: node.at, base: base?, key, refuses_scatter }));
    }
    let on = fields.get("on").and_then(|node| declared.shard(node, faults));
    let copies = fields.get("everywhere").map(|node| everywhere::read(name, node, &fields, declared, faults));
    let split = fields.get("key").map(|key| splits::read(name, key, &fields, declared, faults));
    let placed = PLACES.iter().any(|field| fields.get(field).is_some()) || split.is_some();
    if !placed && served {
        faults.add(fields.at(), Problem::NoPlace);
    }
    match (split, copies) {
        (Some(split), _) => split.map(|split| Table::Split(SplitTable { refuses_scatter, ..split })),
        (None, Some(copies)) => copies.map(everywhere::Everywhere::table),
        (None, None) => on.map(Table::Vertical),
    }
    .map(Placed::Here)
}

/// Whether the table has `scatter: refuse`, which only one with rows on several shards can have.
fn scatter(fields: &Fields<'_>, faults: &mut Faults) -> bool {
    let (Some(key), Some(node)) = (fields.key("scatter"), fields.get("scatter")) else {
        return false;
    };
    if fields.get("key").is_none() && fields.get("with").is_none() {
        faults.add(key.at, Shape::MissingField { name: "key", of: "a table with this field" });
    }
    node.choice(&[REFUSE], faults).is_some()
}

/// The table that `with` names.
fn with<'n>(node: &'n Node, siblings: &[(Key, Node)], faults: &mut Faults) -> Option<&'n str> {
    let name = node.text("a table's name", faults)?;
    match siblings.iter().find(|(key, _)| key.name == name) {
        None => {
            if !faults.are_full() {
                let near = near(name, siblings.iter().map(|(key, _)| key.name.as_str()));
                faults.add(node.at, unknown(Thing::Table, name, near));
            }
            None
        }
        Some((_, other)) if other.field("with").is_some() => {
            faults.add(node.at, Problem::WithNamesWith { table: name.into() });
            None
        }
        Some(_) => Some(name),
    }
}

fn contradictions(fields: &Fields<'_>, faults: &mut Faults) {
    let mut places = PLACES.iter().filter(|field| fields.get(field).is_some());
    if let Some(other) = places.next() {
        for field in places.filter(|field| (*other, **field) != ("range", "hash")) {
            conflict(fields, field, other, faults);
        }
    }
    if fields.get("on").is_some() {
        conflict(fields, "key", "on", faults);
    }
    if fields.get("everywhere").is_some() {
        conflict(fields, "key", "everywhere", faults);
    }
    for (field, beside) in BESIDE {
        if let Some(key) = fields.key(field)
            && fields.get(beside).is_none()
        {
            let (name, of) = (*beside, "a table with this field");
            faults.add(key.at, Shape::MissingField { name, of });
        }
    }
}

fn conflict(fields: &Fields<'_>, field: &'static str, other: &'static str, faults: &mut Faults) {
    if let Some(key) = fields.key(field) {
        faults.add(key.at, Problem::FieldsConflict { field, other });
    }
}

impl Declared<'_> {
    pub(super) fn shard(&self, node: &Node, faults: &mut Faults) -> Option<ShardId> {
        self.shard_names.find(node, faults).map(ShardId)
    }
}
