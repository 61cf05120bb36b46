//! Statements whose tables have other names on their servers: the text is edited, and the reply's columns are named back.

use std::sync::Arc;

use super::{Outcome, Served, Session};
use crate::plan::{Refusal, Statement, Target};
use crate::sql::Dialect;
use crate::wire::names::TwoNames;

impl Session {
    /// As `statement`, of a text that names such tables.
    pub(super) async fn with_other_names(&mut self, text: &[u8], statement: &Statement, more: bool) -> Served<Outcome> {
        let Target::Tables(tables) = &statement.target else {
            return self.statement(text, None, statement, more).await;
        };
        let Some((edited, scratch)) = tables.edited(text, &self.dialect) else {
            return self.refuse(&unreadable()).await;
        };
        let scanned = std::mem::replace(&mut *self.scratch, scratch);
        self.client.names = two_names(statement);
        let outcome = self.statement(&edited, None, statement, more).await;
        self.client.names = None;
        *self.scratch = scanned;
        outcome
    }
}

/// The tables of a statement that have two names; `None` for most.
pub(super) fn two_names(statement: &Statement) -> Option<Arc<[TwoNames]>> {
    let Target::Tables(tables) = &statement.target else { return None };
    let two = tables.renamed.iter().map(|renamed| TwoNames {
        client: renamed.logical.clone(),
        server: (renamed.physical.database.as_str().into(), renamed.physical.table.as_str().into()),
    });
    (!tables.renamed.is_empty()).then(|| two.collect())
}

/// The text as servers get it; `None` if that is not certain.
pub(super) fn sent_text(statement: &Statement, text: &Arc<[u8]>, dialect: &Dialect) -> Option<Arc<[u8]>> {
    match &statement.target {
        Target::Tables(tables) if !tables.renamed.is_empty() => {
            tables.edited(text, dialect).map(|(edited, _)| edited.into())
        }
        _ => Some(text.clone()),
    }
}

pub(super) fn unreadable() -> Refusal {
    Refusal::Unreadable { near: "a table that has another name on its servers".into() }
}
