//! Statements under a hint: they go to the hinted shard, whatever their tables say.
//!
//! Invariant: a hint never stores a row of a split table where its key does not live: such rows keep their key source,
//! and `route` refuses them elsewhere. A table that the map has is on the shard, or the statement is refused.

use super::keys::{Keys, Sources};
use super::{Place, beyond, calls, refuse_portion};
use crate::plan::physical;
use crate::plan::read::{Occurrence, Reader, Role, Shape, Subject};
use crate::plan::{Construct, DatabaseId, Fixed, Hint, HintBy, HintRefusal, Keyed, Refusal, TableName, Tables, Target};
use crate::shard_map::{Database, ShardId, SplitTable, Table};
use crate::sql::{Access, Facts, Object, Verb};

impl Place<'_> {
    /// Who answers the statement that was read as `subject` and `shape` and is hinted.
    pub fn hinted(&self, facts: &Facts, subject: Subject, shape: &Shape, reader: &Reader, hint: Hint) -> Target {
        self.try_hinted(facts, subject, shape, reader, hint).unwrap_or_else(Target::Refused)
    }

    fn try_hinted(
        &self,
        facts: &Facts,
        subject: Subject,
        shape: &Shape,
        reader: &Reader,
        hint: Hint,
    ) -> Result<Target, Refusal> {
        let shard = hint.shard;
        match subject {
            Subject::Control | Subject::ShowDatabases | Subject::ShowMeridian(_) if hint.by == HintBy::Statement => {
                Err(Refusal::Hint(HintRefusal::Session))
            }
            Subject::Control | Subject::ShowDatabases | Subject::ShowMeridian(_) | Subject::Admin(_) => {
                self.try_target(facts, subject, shape, reader)
            }
            Subject::AnyServer => Ok(Target::NoTable),
            Subject::Tables if shape.unsure.is_some() => self.hinted_unread(facts, shape, reader, shard),
            Subject::Tables => self.hinted_tables(facts, shape, reader, shard),
            Subject::ShowTables(database) | Subject::PerServer { database, .. } => {
                if let Ok(id) = self.database(database.as_deref()) {
                    physical::listing(self.map, id)?;
                }
                self.hinted_database(database.as_deref(), shard)
            }
            Subject::ShowCreateDatabase(name) => self.hinted_database(Some(&name), shard),
            // What a routine does there is not seen.
            Subject::Homeless { database, .. } => Ok(beyond(self.hinted_database(database.as_deref(), shard)?, "*")),
        }
    }

    fn hinted_tables(&self, facts: &Facts, shape: &Shape, reader: &Reader, shard: ShardId) -> Result<Target, Refusal> {
        let mut tables = Tables { hinted: true, ..Tables::default() };
        let keys = Keys::new(self, shape, reader);
        for (index, occurrence) in shape.occurrences.iter().enumerate() {
            self.hinted_occurrence(shape, &keys, index, occurrence, shard, &mut tables)?;
            if self.split_named(occurrence).is_some() {
                refuse_rows_unseen(facts, occurrence, reader)?;
            }
        }
        tables.databases.sort();
        tables.databases.dedup();
        if calls(facts) && self.calls_elsewhere(&tables.databases, reader) {
            tables.beyond = Some("*".into());
        }
        match tables.fixed.is_empty() {
            true if calls(facts) => self.hinted_database(None, shard),
            true => Ok(Target::NoTable),
            false => Ok(Target::Tables(tables)),
        }
    }

    fn hinted_occurrence(
        &self,
        shape: &Shape,
        keys: &Keys<'_>,
        index: usize,
        occurrence: &Occurrence,
        shard: ShardId,
        tables: &mut Tables,
    ) -> Result<(), Refusal> {
        if let Some(schema) = occurrence.database.as_deref().filter(|name| self.is_system(name)) {
            let database = self.database_on(shard)?;
            let name = format!("{schema}.{}", occurrence.name).into();
            tables.beyond.get_or_insert_with(|| schema.into());
            tables.fixed.push(Fixed { table: TableName { database, name }, shard });
            return Ok(());
        }
        let database = self.database(occurrence.database.as_deref())?;
        tables.databases.push(database);
        let table = TableName { database, name: occurrence.name.clone() };
        match self.data(database).tables.get(&*occurrence.name) {
            Some(listed) => self.refuse_elsewhere(&occurrence.name, listed, shard)?,
            // A name that differs in case from a listed one is refused as ever.
            None => match self.home(database, &occurrence.name) {
                Err(refusal @ (Refusal::OtherCase { .. } | Refusal::OtherName { .. } | Refusal::NameThere { .. })) => {
                    return Err(refusal);
                }
                _ => self.refuse_database(database, shard)?,
            },
        }
        tables.fixed.push(Fixed { table: table.clone(), shard });
        let Some(split) = self.split_named(occurrence) else { return Ok(()) };
        match occurrence.role {
            Role::Inserted => {
                let Sources { sources, through } = keys.sources(index, split)?;
                tables.keyed.push(Keyed { table: table.clone(), sources, through });
                let assigned = self.assigned(shape, keys, index, split)?;
                tables.keyed.extend(assigned.map(|source| Keyed::of(table, source)));
            }
            Role::Rows => {
                refuse_portion(occurrence, split)?;
                let assigned = self.assigned(shape, keys, index, split)?;
                tables.keyed.extend(assigned.map(|source| Keyed::of(table, source)));
            }
            Role::Whole(Construct::LoadData) => {
                return Err(Refusal::Source { table: table.name, source: Construct::LoadData });
            }
            Role::Described | Role::Whole(_) => {}
        }
        Ok(())
    }

    /// A text that is not understood: a read does no harm there, but may name tables of any database.
    fn hinted_unread(&self, facts: &Facts, shape: &Shape, reader: &Reader, shard: ShardId) -> Result<Target, Refusal> {
        if self.session.and_then(|id| self.sole_shard(id)) == Some(shard) {
            return self.tables(facts, shape, reader);
        }
        match facts.access {
            Access::Read if self.map.databases.iter().all(|database| database.physical.is_empty()) => {
                Ok(beyond(self.hinted_database(None, shard)?, "*"))
            }
            _ => Err(self.unreadable(shape)),
        }
    }

    /// All that a shard has of a database; of the session's, if none is named.
    fn hinted_database(&self, name: Option<&str>, shard: ShardId) -> Result<Target, Refusal> {
        let (database, system) = match name {
            Some(name) if self.is_system(name) => (self.database_on(shard)?, Some(name)),
            name => (self.database(name)?, None),
        };
        self.refuse_database(database, shard)?;
        let table = TableName { database, name: "*".into() };
        Ok(Target::Tables(Tables {
            fixed: vec![Fixed { table, shard }],
            databases: vec![database],
            beyond: system.map(Box::from),
            hinted: true,
            ..Tables::default()
        }))
    }

    /// The session's database if it lives on the shard, else the first that does.
    fn database_on(&self, shard: ShardId) -> Result<DatabaseId, Refusal> {
        let is_on = |id: &DatabaseId| self.data(*id).shards().contains(&shard);
        let all = (0..=u16::MAX).take(self.map.databases.len()).map(DatabaseId);
        self.session.into_iter().chain(all).find(is_on).ok_or(Refusal::NoDatabase)
    }

    fn data(&self, DatabaseId(index): DatabaseId) -> &Database {
        &self.map.databases[usize::from(index)]
    }

    /// The split table that an occurrence names.
    fn split_named(&self, occurrence: &Occurrence) -> Option<&SplitTable> {
        let database = self.database(occurrence.database.as_deref()).ok()?;
        let split = self.split(&TableName { database, name: occurrence.name.clone() })?;
        split.sole().is_none().then_some(split)
    }

    fn refuse_elsewhere(&self, name: &str, table: &Table, shard: ShardId) -> Result<(), Refusal> {
        let shards = match table {
            Table::Vertical(on) => vec![*on],
            Table::Everywhere(copies) => copies.on().to_vec(),
            Table::Split(split) => split.shards(),
        };
        if shards.contains(&shard) {
            return Ok(());
        }
        let shards = shards.into_iter().map(|shard| self.shard_name(shard)).collect();
        Err(Refusal::Hint(HintRefusal::Table { table: name.into(), shard: self.shard_name(shard), shards }))
    }

    fn refuse_database(&self, id: DatabaseId, shard: ShardId) -> Result<(), Refusal> {
        let database = self.data(id);
        let shards = database.shards();
        if shards.contains(&shard) {
            return Ok(());
        }
        let shards = shards.into_iter().map(|shard| self.shard_name(shard)).collect();
        let (database, shard) = (database.name.as_str().into(), self.shard_name(shard));
        Err(Refusal::Hint(HintRefusal::Database { database, shard, shards }))
    }
}

/// Definitions that bring rows into a split table without naming their keys.
fn refuse_rows_unseen(facts: &Facts, occurrence: &Occurrence, reader: &Reader) -> Result<(), Refusal> {
    if occurrence.role != Role::Whole(Construct::Definition) {
        return Ok(());
    }
    let count = |word| (0..reader.len()).filter(|at| reader.is_word(*at, word)).count();
    let source = match facts.verb {
        Verb::Create(Object::Table) if count("SELECT") > 0 || count("TABLE") > 1 => Construct::CreateSelect,
        // EXCHANGE PARTITION, CONVERT TABLE ... TO PARTITION, IMPORT TABLESPACE.
        Verb::Alter(Object::Table) if count("EXCHANGE") + count("IMPORT") > 0 => Construct::ExchangePartition,
        Verb::Alter(Object::Table) if count("CONVERT") > 0 && count("TABLE") > 1 => Construct::ExchangePartition,
        _ => return Ok(()),
    };
    Err(Refusal::Source { table: occurrence.name.clone(), source })
}
