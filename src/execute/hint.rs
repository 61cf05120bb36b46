//! Which shard the client sends its statement to: a comment of the statement, the query attribute `meridian_shard` of its
//! command, or the session's variable of that name. No server gets to see the latter two.

use super::{Incoming, Outcome, Served, Session};
use crate::plan::{Hint, HintBy, HintRefusal, Refusal, named};
use crate::shard_map::ShardId;
use crate::sql::{Assignment, HintFault, Scope, Scratch, Value, shard_setting};
use crate::telemetry::{Class, RefusalKind};
use crate::wire::execute::Param;
use crate::wire::result_set::{Column, TextResult};
use crate::wire::{Malformed, attributes};

/// Characters of a shard's name, as `check` allows.
const NAME_CHARACTERS: u32 = 64;

/// The query attribute, called as the variable is.
pub(super) const ATTRIBUTE: &str = "meridian_shard";

/// The hint of a command's query attribute; NULL and an empty text are none.
pub(super) type Attributed = Result<Option<Box<str>>, HintFault>;

/// What the value of the attribute hints to.
pub(super) fn attributed(value: Option<Param<'_>>) -> Attributed {
    match value {
        None | Some(Param::Null) => Ok(None),
        Some(Param::Text(text)) => {
            let name = std::str::from_utf8(text).map_err(|_| HintFault::Attribute)?;
            Ok((!name.is_empty()).then(|| name.into()))
        }
        Some(_) => Err(HintFault::Attribute),
    }
}

impl Session {
    /// The hint of a statement, `text` being what was scanned into `scratch`.
    #[inline]
    pub(super) fn hint(&self, text: &[u8], scratch: &Scratch) -> Result<Option<Hint>, Refusal> {
        if self.hinted.is_none() && !scratch.has_hint() && matches!(self.attributed, Ok(None)) {
            return Ok(None);
        }
        self.find_hint(text, scratch)
    }

    #[cold]
    fn find_hint(&self, text: &[u8], scratch: &Scratch) -> Result<Option<Hint>, Refusal> {
        let hosts = |shard| self.may_use_shard(shard);
        let attribute = self.attributed.as_ref().map_err(|fault| Refusal::Hint(HintRefusal::Fault(fault.clone())))?;
        let beside = match (attribute, &self.hinted) {
            (Some(name), _) => Some((&**name, HintBy::Statement)),
            (None, Some(name)) => Some((&**name, HintBy::Session)),
            (None, None) => None,
        };
        Hint::of(&self.snapshot.map, text, scratch, beside, &hosts)
    }

    /// Whether nothing but the session hints this statement.
    pub(super) fn hints_by_session(&self, scratch: &Scratch) -> bool {
        !scratch.has_hint() && matches!(self.attributed, Ok(None))
    }

    /// Takes the query attributes out of the packet of a COM_QUERY, for what serves it knows none.
    pub(super) fn take_attributes(&mut self, incoming: &mut Incoming) -> Result<(), Malformed> {
        let query = attributes::of_query(incoming.payload(), ATTRIBUTE)?;
        let length = query.length;
        self.attributed = attributed(query.value);
        incoming.cut_behind_command(length);
        Ok(())
    }

    /// Whether a database that the account may use lives on the shard.
    fn may_use_shard(&self, shard: ShardId) -> bool {
        let databases = self.snapshot.map.databases.iter().enumerate();
        databases.filter(|(_, database)| self.account.may_use(&database.name)).any(|(index, _)| {
            let shards = self.snapshot.shards(index);
            shards.binary_search(&shard).is_ok()
        })
    }

    /// `SET meridian_shard = ...`, if these assignments are about it.
    pub(super) async fn set_shard(&mut self, assignments: &[Assignment<'_>], more: bool) -> Served<Option<Outcome>> {
        let about = |one: &&Assignment<'_>| matches!(one, Assignment::System { scope: Scope::Session, name, .. } if name == "meridian_shard");
        let Some(Assignment::System { value, .. }) = assignments.iter().find(about) else {
            return Ok(None);
        };
        if assignments.len() > 1 {
            let text = "Meridian: SET meridian_shard stands alone; set other variables by a SET of their own";
            return self.answer_refusal(RefusalKind::Construct, text).await.map(Some);
        }
        let name = match value {
            Value::Literal(text) => shard_setting(text, &self.dialect),
            Value::Expression(_) => None,
        };
        let Some(name) = name else {
            let text = "Meridian: SET meridian_shard takes the name of a shard as a plain string, or DEFAULT for none";
            return self.answer_error(1231, b"42000", text).await.map(Some);
        };
        if !name.is_empty()
            && let Err(refusal) = named(&self.snapshot.map, &name, &|shard| self.may_use_shard(shard))
        {
            self.proxy.metrics.refusals.of(refusal.kind()).increment(1);
            let (_, _, text) = refusal.error();
            return self.answer_error(1231, b"42000", &text).await.map(Some);
        }
        self.hinted = Some(name).filter(|name| !name.is_empty()).map(String::into_boxed_str);
        self.answer_ok(more).await.map(Some)
    }

    /// `SELECT @@meridian_shard`.
    pub(super) async fn show_shard(&mut self, column: &str, more: bool) -> Served<Outcome> {
        self.count(Class::Local);
        let mut rows = TextResult::new(vec![Column::text(column, NAME_CHARACTERS)]);
        rows.row(&[Some(self.hinted.as_deref().unwrap_or_default().as_bytes())]);
        self.send_rows(&rows, more).await
    }
}
