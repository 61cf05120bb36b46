//! Tables that have another name on their servers: which tokens of a text are edited, and what is refused because the other
//! name would show, or because not every place of the name is known.
//!
//! A table that is read gets its logical name as an alias, so that whatever else names it goes on to mean it.

use super::read::{Occurrence, Reader, Role, Shape};
use super::{Construct, DatabaseId, Refusal, Tables};
use crate::shard_map::{Physical, ShardMap};
use crate::sql::{Dialect, Facts, Renaming, Scratch, Verb};

/// One place where a text names such a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    pub renaming: Renaming,
    /// As clients know it: database and table.
    pub logical: (Box<str>, Box<str>),
    pub physical: Physical,
}

impl Tables {
    /// The text of the statement as its servers are to read it, with its scan; `None` if that is not certain.
    pub fn edited(&self, text: &[u8], dialect: &Dialect) -> Option<(Vec<u8>, Scratch)> {
        let renamings: Vec<Renaming> = self.renamed.iter().map(|renamed| renamed.renaming.clone()).collect();
        crate::sql::renamed(text, dialect, &renamings)
    }
}

/// The edits of the statement, by place.
pub(super) fn renamed(
    map: &ShardMap,
    session: Option<DatabaseId>,
    facts: &Facts,
    shape: &Shape,
    reader: &Reader,
) -> Result<Vec<Renamed>, Refusal> {
    // What is not understood runs only where no table has another name (`Place::sole_shard`, `hinted_unread`).
    if shape.unsure.is_some() || map.databases.iter().all(|database| database.physical.is_empty()) {
        return Ok(Vec::new());
    }
    let names = Names { map, session, facts, shape, reader };
    let mut all = Vec::new();
    for occurrence in &shape.occurrences {
        if let Some((database, physical)) = names.physical(occurrence) {
            all.push(names.one(occurrence, database, physical)?);
        }
    }
    all.sort_by_key(|renamed| renamed.renaming.token);
    // The columns of two tables would be one table's.
    let is_other = |occurrence: &&Occurrence| {
        let database = names.database(occurrence);
        names.physical(occurrence).is_none()
            && all.iter().any(|one: &Renamed| {
                Some(one.physical.database.as_str()) == database && *one.physical.table == *occurrence.name
            })
    };
    match shape.occurrences.iter().find(is_other) {
        Some(occurrence) => Err(refusal(&occurrence.name, "the same table by its other name")),
        None => Ok(all),
    }
}

struct Names<'a> {
    map: &'a ShardMap,
    session: Option<DatabaseId>,
    facts: &'a Facts,
    shape: &'a Shape,
    reader: &'a Reader,
}

impl<'a> Names<'a> {
    fn database(&self, occurrence: &'a Occurrence) -> Option<&'a str> {
        let session = || self.session.map(|DatabaseId(id)| self.map.databases[usize::from(id)].name.as_str());
        occurrence.database.as_deref().or_else(session)
    }

    fn physical(&self, occurrence: &'a Occurrence) -> Option<(&'a str, &'a Physical)> {
        let database = self.database(occurrence)?;
        Some((database, self.map.database(database)?.physical(&occurrence.name)?))
    }

    fn one(&self, occurrence: &Occurrence, database: &str, physical: &Physical) -> Result<Renamed, Refusal> {
        let refused = |what| Err(refusal(&occurrence.name, what));
        let (Some(token), reader) = (occurrence.end.checked_sub(1), self.reader) else {
            return refused("this statement");
        };
        let qualified = occurrence.database.is_some();
        let first = if qualified { token.saturating_sub(2) } else { token };
        match (occurrence.role, self.facts.verb) {
            (Role::Rows, Verb::Select | Verb::Insert | Verb::Replace | Verb::Update | Verb::Delete) => {}
            (Role::Inserted, Verb::Insert | Verb::Replace) => {}
            (Role::Whole(construct), _) => return refused(construct.named()),
            _ => return refused("this kind of statement"),
        }
        if !occurrence.name.is_ascii() || reader.name(token) != Some(&*occurrence.name) {
            return refused("a name that is not ASCII");
        }
        for word in ["PROCEDURE", "RETURNING"] {
            if reader.any_word(word) {
                return refused(word);
            }
        }
        // The name of a column would be the text with the other name.
        if self.facts.verb == Verb::Select && is_in_select_list(reader, first) {
            return refused("a subquery among the columns");
        }
        let named = |at: usize| reader.name(at) == Some(&*occurrence.name);
        let is_reference = |at: usize| self.shape.occurrences.iter().any(|other| other.end == at + 1);
        if (2..reader.len()).any(|at| {
            named(at) && reader.is_op(at - 1, ".") && reader.name(at - 2) == Some(database) && !is_reference(at)
        }) {
            return refused("a column or a target that is written with its database");
        }
        let takes_alias = occurrence.role == Role::Rows && !self.is_deleted_alone(first);
        if first > 0 && reader.is_word(first - 1, "TABLE") {
            return refused("TABLE, which takes no alias,");
        }
        let lacks_alias = takes_alias && occurrence.alias.is_none();
        if lacks_alias && reader.is_word(token + 1, "PARTITION") {
            return refused("PARTITION without an alias");
        }
        if lacks_alias && reader.is_word(token + 1, "FOR") && reader.is_any(token + 2, &["SYSTEM_TIME", "PORTION"]) {
            return refused("FOR SYSTEM_TIME or FOR PORTION OF without an alias");
        }
        if !takes_alias
            && occurrence.alias.is_none()
            && (0..reader.len()).any(|at| named(at) && reader.is_op(at + 1, ".") && !is_reference(at))
        {
            return refused("a column that is written with its table, in a statement that writes it,");
        }
        let Physical { database: to, table } = physical;
        let with = match lacks_alias {
            true => format!("`{to}`.`{table}` `{}`", occurrence.name.replace('`', "``")),
            false => format!("`{to}`.`{table}`"),
        };
        let renaming = Renaming { token, qualified, with: with.into_bytes().into() };
        let logical = (database.into(), occurrence.name.clone());
        Ok(Renamed { renaming, logical, physical: physical.clone() })
    }

    /// `DELETE FROM t`, where not every server takes an alias.
    fn is_deleted_alone(&self, first: usize) -> bool {
        let reader = self.reader;
        let mut at = first.wrapping_sub(1);
        if self.facts.verb != Verb::Delete || !reader.is_word(at, "FROM") {
            return false;
        }
        loop {
            at = at.wrapping_sub(1);
            if !reader.is_any(at, &["LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"]) {
                return reader.is_word(at, "DELETE");
            }
        }
    }
}

/// Whether the token stands inside of parentheses among the columns of a SELECT.
fn is_in_select_list(reader: &Reader, token: usize) -> bool {
    const CLAUSES: &[&str] =
        &["FROM", "WHERE", "HAVING", "ON", "USING", "GROUP", "ORDER", "LIMIT", "WITH", "JOIN", "SET", "VALUES"];
    let (mut inner, mut is_placed) = (0usize, false);
    for at in (0..token).rev() {
        if reader.is_op(at, ")") {
            inner += 1;
        } else if reader.is_op(at, "(") {
            match inner.checked_sub(1) {
                Some(outer) => inner = outer,
                None => is_placed = false,
            }
        } else if inner == 0 && !is_placed {
            if reader.is_word(at, "SELECT") {
                return true;
            }
            is_placed = reader.is_any(at, CLAUSES);
        }
    }
    false
}

fn refusal(table: &str, what: &str) -> Refusal {
    Refusal::OtherName { table: table.into(), what: what.into() }
}

/// What names tables of a database as such.
pub(super) fn listing(map: &ShardMap, DatabaseId(id): DatabaseId) -> Result<(), Refusal> {
    let here = &map.databases[usize::from(id)];
    let elsewhere = map.databases.iter().flat_map(|of| &of.physical).filter(|(_, there)| there.database == here.name);
    match here.physical.keys().chain(elsewhere.map(|(name, _)| name)).min() {
        None => Ok(()),
        Some(table) => Err(refusal(table, Construct::Listing.named())),
    }
}
