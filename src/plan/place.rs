//! From what a statement's text says to where its tables live.
//!
//! Invariant: `Target::Tables` holds every occurrence of the shape, the fixed ones on one shard, the split ones each
//! restricted by its key, those that are everywhere with their copies. Otherwise the statement is refused, unless the session's database has one shard only.

mod columns;
mod copies;
mod hinted;
mod home;
mod keys;
mod written;

use super::physical;
use super::read::{Occurrence, Reader, Role, Shape, Subject};
use super::{Construct, Copied, DatabaseId, Fixed, Keyed, Refusal, TableName, Tables, Target};
use crate::shard_map::{KeyColumn, KeyType, ShardId, ShardMap, SplitTable};
use crate::sql::{Access, Facts, Flags, Verb, unknown_function};
use home::Home;
use keys::{Keys, Sources};

/// The map, and the database that unqualified names mean.
pub struct Place<'a> {
    pub map: &'a ShardMap,
    pub session: Option<DatabaseId>,
    /// The normalized text.
    pub text: &'a [u8],
}

impl Place<'_> {
    /// Who answers the statement that was read as `subject` and `shape`.
    pub fn target(&self, facts: &Facts, subject: Subject, shape: &Shape, reader: &Reader) -> Target {
        self.try_target(facts, subject, shape, reader).unwrap_or_else(Target::Refused)
    }

    fn try_target(&self, facts: &Facts, subject: Subject, shape: &Shape, reader: &Reader) -> Result<Target, Refusal> {
        match subject {
            Subject::Tables => self.tables(facts, shape, reader),
            Subject::Control if shape.occurrences.is_empty() && shape.unsure.is_none() && !calls(facts) => {
                Ok(Target::Control)
            }
            // SET with a subquery or a stored function: `execute` evaluates it on the database's shard, so there must be one only.
            Subject::Control => match self.session.and_then(|id| self.sole_shard(id)) {
                Some(_) if !self.names_another_database(self.session, reader) => Ok(Target::Control),
                _ => Err(self.unreadable(shape)),
            },
            Subject::AnyServer => Ok(Target::NoTable),
            Subject::ShowDatabases => Ok(Target::ShowDatabases),
            Subject::ShowMeridian(view) => view.map(Target::ShowMeridian).ok_or(Refusal::NoView),
            Subject::ShowTables(database) => self.show_tables(database.as_deref()),
            Subject::PerServer { what, database } => match database.as_deref() {
                Some(name) if self.is_system(name) => {
                    Ok(beyond(self.per_server(Some(self.server(&what)?), &what)?, name))
                }
                name => self.per_server(Some(self.database(name)?), &what),
            },
            Subject::ShowCreateDatabase(name) if self.is_system(&name) => {
                let id = self.session.ok_or(Refusal::NoDatabase)?;
                Ok(beyond(whole_database(id, self.home_shard(id)), &name))
            }
            Subject::ShowCreateDatabase(name) => {
                let id = self.database(Some(&name))?;
                Ok(whole_database(id, self.home_shard(id)))
            }
            Subject::Homeless { construct, database, name } => {
                self.homeless(construct, database.as_deref(), &name, reader)
            }
            Subject::Admin(verb) => Err(Refusal::Admin { verb }),
        }
    }

    fn tables(&self, facts: &Facts, shape: &Shape, reader: &Reader) -> Result<Target, Refusal> {
        if shape.unsure.is_some() {
            return match self.session.and_then(|id| Some((id, self.sole_shard(id)?))) {
                Some((id, shard)) if !self.names_another_database(self.session, reader) => {
                    self.opaque(id, shard, reader).ok_or_else(|| self.unreadable(shape))
                }
                _ => Err(self.unreadable(shape)),
            };
        }
        let mut tables = Tables::default();
        let keys = Keys::new(self, shape, reader);
        let mut split = Vec::new();
        for (index, occurrence) in shape.occurrences.iter().enumerate() {
            let before = tables.keyed.len();
            self.occurrence(facts, shape, &keys, index, occurrence, &mut tables)?;
            split.extend((tables.keyed.len() > before).then_some(index));
        }
        tables.databases.sort();
        tables.databases.dedup();
        self.together(&tables)?;
        self.choose_copies(&mut tables)?;
        tables.scatters = tables.fixed.is_empty() && only_reads(facts) && keys.follow_the_first(&split);
        Ok(match self.routines(facts, tables, reader)? {
            Target::Tables(tables) if tables.fixed.is_empty() && tables.keyed.is_empty() => Target::NoTable,
            target => target,
        })
    }

    fn occurrence(
        &self,
        facts: &Facts,
        shape: &Shape,
        keys: &Keys<'_>,
        index: usize,
        occurrence: &Occurrence,
        tables: &mut Tables,
    ) -> Result<(), Refusal> {
        if let Some(schema) = occurrence.database.as_deref().filter(|name| self.is_system(name)) {
            let session = self.server(schema)?;
            let shard = self.only_shard(session).ok_or_else(|| Refusal::PerServer { what: schema.into() })?;
            tables.beyond.get_or_insert_with(|| schema.into());
            let name = format!("{schema}.{}", occurrence.name).into();
            tables.fixed.push(Fixed { table: TableName { database: session, name }, shard });
            return Ok(());
        }
        let database = self.database(occurrence.database.as_deref())?;
        tables.databases.push(database);
        let table = TableName { database, name: occurrence.name.clone() };
        match self.home(database, &occurrence.name)? {
            Home::One(shard) => tables.fixed.push(Fixed { table, shard }),
            Home::Copies(copies) => {
                self.refuse_changed_copy(facts, shape, index, copies)?;
                match occurrence.role {
                    Role::Described => tables.fixed.push(Fixed { table, shard: copies.from() }),
                    _ => tables.copies.push(Copied { table, copies: copies.clone() }),
                }
            }
            Home::Split(split) => match occurrence.role {
                // Every shard has the same definition.
                Role::Described => tables.fixed.push(Fixed { table, shard: split.first() }),
                Role::Whole(Construct::LoadData) => {
                    return Err(Refusal::Source { table: table.name, source: Construct::LoadData });
                }
                Role::Whole(construct) => {
                    return Err(Refusal::SplitSchema { table: table.name, construct });
                }
                Role::Rows | Role::Inserted => {
                    let Sources { sources, through } = keys.sources(index, split)?;
                    tables.keyed.push(Keyed { table: table.clone(), sources, through });
                    refuse_portion(occurrence, split)?;
                    let assigned = self.assigned(shape, keys, index, split)?;
                    tables.keyed.extend(assigned.map(|source| Keyed::of(table, source)));
                }
            },
        }
        Ok(())
    }

    /// The fixed tables must share a shard, and each split table must have that shard among its own.
    fn together(&self, tables: &Tables) -> Result<(), Refusal> {
        let Some(first) = tables.fixed.first() else {
            return Ok(());
        };
        let fixed_apart = tables.fixed.iter().any(|fixed| fixed.shard != first.shard);
        let split_apart =
            tables.keyed.iter().any(|keyed| self.split(&keyed.table).is_some_and(|split| !split.is_on(first.shard)));
        if !fixed_apart && !split_apart {
            return Ok(());
        }
        let mut places: Vec<(Box<str>, Box<str>)> = Vec::new();
        for fixed in &tables.fixed {
            places.push((fixed.table.name.clone(), self.shard_name(fixed.shard)));
        }
        for keyed in &tables.keyed {
            let shards = self.split(&keyed.table).map(|split| self.shard_names(split)).unwrap_or_default();
            places.push((keyed.table.name.clone(), shards.join(", ").into()));
        }
        places.sort();
        places.dedup();
        Err(Refusal::Apart { places })
    }

    /// A function that is no builtin may read tables; a sequence lives somewhere. Where rows of a split table
    /// stand beside it, or no table says which shard is meant, its answer would be one shard's.
    fn routines(&self, facts: &Facts, tables: Tables, reader: &Reader) -> Result<Target, Refusal> {
        let construct = if facts.flags.contains(Flags::NEXTVAL) {
            Construct::Sequence
        } else if facts.flags.contains(Flags::UNKNOWN_FUNCTION) {
            Construct::Function
        } else {
            return Ok(Target::Tables(tables));
        };
        let called = match construct {
            Construct::Function => unknown_function(self.text),
            _ => None,
        };
        let name = called.map_or_else(|| "in this statement".into(), |name| format!("{name}()").into());
        let refusal = Refusal::Homeless { construct, name };
        if self.calls_elsewhere(&tables.databases, reader) {
            return Err(refusal);
        }
        if tables.fixed.is_empty() && tables.keyed.is_empty() {
            let sole = self.session.and_then(|id| Some((id, self.sole_shard(id)?)));
            return match sole {
                Some((id, shard)) if !self.names_another_database(self.session, reader) => {
                    Ok(whole_database(id, shard))
                }
                _ => Err(refusal),
            };
        }
        if tables.keyed.is_empty() && tables.fixed.iter().all(|fixed| !self.hosts_shared_rows(fixed.shard)) {
            return Ok(Target::Tables(tables));
        }
        Err(refusal)
    }

    fn show_tables(&self, database: Option<&str>) -> Result<Target, Refusal> {
        if let Some(schema) = database.filter(|name| self.is_system(name)) {
            return Ok(beyond(self.per_server(Some(self.server(schema)?), schema)?, schema));
        }
        let id = self.database(database)?;
        physical::listing(self.map, id)?;
        Ok(match self.only_shard(id) {
            Some(shard) => whole_database(id, shard),
            None => Target::ShowTables { database: id },
        })
    }

    /// A database of the server that is asked about `what` of its own: the session's, or any if there is one server.
    fn server(&self, what: &str) -> Result<DatabaseId, Refusal> {
        match self.session {
            Some(id) => Ok(id),
            None if self.map.shards.len() == 1 && !self.map.databases.is_empty() => Ok(DatabaseId(0)),
            None => Err(Refusal::PerServer { what: what.into() }),
        }
    }

    fn per_server(&self, database: Option<DatabaseId>, what: &str) -> Result<Target, Refusal> {
        let id = database.ok_or(Refusal::NoDatabase)?;
        physical::listing(self.map, id)?;
        match self.only_shard(id) {
            Some(shard) => Ok(whole_database(id, shard)),
            None => Err(Refusal::PerServer { what: what.into() }),
        }
    }

    fn homeless(
        &self,
        construct: Construct,
        database: Option<&str>,
        name: &str,
        reader: &Reader,
    ) -> Result<Target, Refusal> {
        let id = match database {
            Some(schema) if self.is_system(schema) => self.session.ok_or(Refusal::NoDatabase)?,
            database => self.database(database)?,
        };
        match self.sole_shard(id) {
            // The body of a routine may name any table.
            Some(shard) if !self.names_another_database(Some(id), reader) => {
                self.opaque(id, shard, reader).ok_or_else(|| Refusal::Homeless { construct, name: name.into() })
            }
            _ => Err(Refusal::Homeless { construct, name: name.into() }),
        }
    }

    /// The whole database for a text that is not understood. A text that runs others, which it has in strings or
    /// variables, reaches every database of the server: `None` unless there is one shard in all.
    fn opaque(&self, id: DatabaseId, shard: ShardId, reader: &Reader) -> Option<Target> {
        let runs_texts = reader.is_too_long()
            || (0..reader.len()).any(|at| reader.is_any(at, &["PREPARE", "EXECUTE"]))
            // sys.execute_prepared_stmt and its like.
            || (0..reader.len()).any(|at| reader.is_op(at + 1, ".") && reader.name(at).is_some_and(|n| self.is_system(n)));
        let Target::Tables(tables) = whole_database(id, shard) else {
            return None;
        };
        match runs_texts {
            false => Some(Target::Tables(tables)),
            true if self.map.shards.len() == 1 => Some(Target::Tables(Tables { beyond: Some("*".into()), ..tables })),
            true => None,
        }
    }

    fn unreadable(&self, shape: &Shape) -> Refusal {
        Refusal::Unreadable { near: shape.unsure.clone().unwrap_or_else(|| "SET with a subquery or a function".into()) }
    }

    /// Whether a function is called by the name of a database that is neither the session's nor among `databases`.
    fn calls_elsewhere(&self, databases: &[DatabaseId], reader: &Reader) -> bool {
        (0..reader.len())
            .filter(|at| reader.is_op(at + 1, ".") && reader.name(at + 2).is_some() && reader.is_op(at + 3, "("))
            .filter(|at| *at == 0 || !reader.is_op(at - 1, "."))
            .filter_map(|at| reader.name(at))
            .any(|name| match DatabaseId::find(self.map, name) {
                Some(id) => Some(id) != self.session && !databases.contains(&id),
                None => true,
            })
    }

    /// Whether the text names a logical database other than `own`, as far as can be told without reading it.
    fn names_another_database(&self, own: Option<DatabaseId>, reader: &Reader) -> bool {
        let others = || {
            let own = own.map(|DatabaseId(own)| usize::from(own));
            self.map.databases.iter().enumerate().filter(move |(index, _)| Some(*index) != own)
        };
        if reader.is_too_long() {
            let text = String::from_utf8_lossy(self.text).to_lowercase();
            return others().any(|(_, database)| text.contains(&database.name.to_lowercase()));
        }
        (0..reader.len())
            .filter(|at| reader.is_op(at + 1, "."))
            .filter_map(|at| reader.name(at))
            .any(|name| others().any(|(_, database)| database.name.to_lowercase() == name.to_lowercase()))
    }

    fn shard_name(&self, shard: ShardId) -> Box<str> {
        self.map.shards[usize::from(shard.0)].name.as_str().into()
    }
}

/// The same, for accounts that may use `what` as well.
fn beyond(target: Target, what: &str) -> Target {
    match target {
        Target::Tables(tables) => Target::Tables(Tables { beyond: Some(what.into()), ..tables }),
        target => target,
    }
}

/// What FOR PORTION OF leaves of a row is a row with the same key, unless that is generated, or is the period itself.
fn refuse_portion(occurrence: &Occurrence, split: &SplitTable) -> Result<(), Refusal> {
    let stays = |key: &KeyColumn| matches!(key.kind, KeyType::Decimal(_) | KeyType::Text(_));
    match split.key.columns().find(|key| occurrence.portion && !stays(key)) {
        None => Ok(()),
        Some(key) => Err(Refusal::Portion { table: occurrence.name.clone(), key: key.name.as_str().into() }),
    }
}

/// Whether the statement calls what may read tables, or reads a sequence.
fn calls(facts: &Facts) -> bool {
    facts.flags.intersects(Flags::UNKNOWN_FUNCTION | Flags::NEXTVAL)
}

/// A SELECT whose rows are all that comes of it.
pub(super) fn only_reads(facts: &Facts) -> bool {
    const MORE: [Flags; 8] = [
        Flags::LOCKING_READ,
        Flags::INTO_VAR,
        Flags::INTO_FILE,
        Flags::USER_VAR_ASSIGN,
        Flags::LAST_INSERT_ID_SET,
        Flags::NAMED_LOCK,
        Flags::UNKNOWN_FUNCTION,
        Flags::NEXTVAL,
    ];
    facts.verb == Verb::Select && facts.access == Access::Read && MORE.iter().all(|flag| !facts.flags.intersects(*flag))
}

/// All of a database that lives on one shard.
fn whole_database(database: DatabaseId, shard: ShardId) -> Target {
    Target::Tables(Tables {
        fixed: vec![Fixed { table: TableName { database, name: "*".into() }, shard }],
        databases: vec![database],
        ..Tables::default()
    })
}
