//! EXPLAIN ROUTE: where the session's next statement would go, and why, as a result set. No server sees it.
//!
//! The plan is the one that the statement itself would get, from the same cache; what the account may not use is
//! refused as the statement itself would be. Whether the transaction that is open may write there is not asked.

use super::clock;
use super::text::scratch_of;
use super::values::facts;
use super::{Outcome, Served, Session};
use crate::plan::{Statement, Target};
use crate::route::{Asked, Literals, explain};
use crate::sql::{self, SlotKind};
use crate::telemetry::Class;
use crate::wire::result_set::{Column, TextResult};

/// Characters of a line that the column announces; a client shows longer ones as well.
const LINE_CHARACTERS: u32 = 1024;

impl Session {
    /// `text` is the statement that was scanned last, without the two words in front of it.
    pub(super) async fn explain_route(&mut self, text: &[u8], statement: &Statement, more: bool) -> Served<Outcome> {
        self.count(Class::Local);
        let databases = match &statement.target {
            Target::Tables(tables) => tables.databases.as_slice(),
            Target::ShowTables { database } => std::slice::from_ref(database),
            _ => &[],
        };
        if let Some(refused) = self.forbidden(databases) {
            return self.deny_database(&refused).await;
        }
        let Some(sent) = self.with_connection_id(text, statement) else {
            return self.refuse_connection_id().await;
        };
        let asked = Asked::new(self.home_shard(statement, self.database_index()), &sent, &self.dialect, &self.scratch);
        let instant = clock::instant(&self.state, &statement.facts);
        let session = facts(&self.state, text, instant);
        let values = Literals::of_text(text, &self.scratch, session);
        let explanation = explain(statement, &self.snapshot.map, &values, asked);
        let mut rows = TextResult::new(vec![Column::text("route", LINE_CHARACTERS)]);
        for line in explanation.lines() {
            rows.row(&[Some(line.as_bytes())]);
        }
        self.send_rows(&rows, more).await
    }

    /// Whether a PREPARE in text, scanned last, has EXPLAIN ROUTE in its string. What a variable holds is not known; the
    /// server that gets it does not know the statement.
    pub(super) fn prepares_an_explanation(&self, text: &[u8]) -> bool {
        let string = self.scratch.all_slots().iter().find(|slot| slot.kind == SlotKind::String);
        let inside = string.and_then(|slot| slot.text(text).get(1..)?.split_last()).map(|(_, inside)| inside);
        let Some(inside) = inside else { return false };
        let scratch = scratch_of(inside, &self.dialect);
        scratch.is_ok_and(|scratch| sql::explain_route(scratch.normalized(), inside, &self.dialect).is_some())
    }

    pub(super) async fn refuse_prepared_explanation(&mut self) -> Served<Outcome> {
        let text = "This command is not supported in the prepared statement protocol yet; send EXPLAIN ROUTE as text";
        self.answer_error(1295, b"HY000", text).await
    }
}
