//! The values of one execution, as `route` asks for them: literals of the text, or bound parameters.

use crate::route::{SessionFacts, Value, Values};
use crate::session::State;
use crate::shard_map::Zone;
use crate::sql::{NormSlot, Scratch, Slot, SlotKind};
use crate::wire::execute::Execute;

/// The literals of a text statement.
pub struct TextValues<'a> {
    pub text: &'a [u8],
    pub scratch: &'a Scratch,
    pub state: &'a State,
}

impl Values for TextValues<'_> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        for slot in self.scratch.slots(slot) {
            if !visit(literal(self.text, slot)) {
                return;
            }
        }
    }

    fn session(&self) -> SessionFacts {
        facts(self.state)
    }
}

/// What the session's variables say; those that it did not set are the servers' own, which are not known.
pub fn facts(state: &State) -> SessionFacts {
    let zone = state.system.get("time_zone").and_then(|setting| {
        let text = std::str::from_utf8(&setting.0).ok()?;
        let quoted = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        Zone::read(quoted('\'').or(quoted('"'))?)
    });
    SessionFacts { zone }
}

fn literal(text: &[u8], slot: Slot) -> Value<'_> {
    let bytes = &text[slot.start as usize..slot.end as usize];
    match slot.kind {
        SlotKind::Integer => Value::Integer(bytes),
        SlotKind::Decimal => Value::Decimal(bytes),
        SlotKind::Float => Value::Float,
        SlotKind::String => Value::String(bytes),
        SlotKind::Date => Value::Date(bytes),
        SlotKind::Timestamp => Value::Timestamp(bytes),
        // In a text statement a `?` is a syntax error, which its server will say.
        SlotKind::Param(_) => Value::Other,
    }
}

/// The literals and the parameters of a prepared statement.
pub struct BoundValues<'a> {
    pub text: &'a [u8],
    pub scratch: &'a Scratch,
    pub execute: &'a Execute<'a>,
    pub types: &'a [u8],
    pub is_long: &'a (dyn Fn(usize) -> bool + Sync),
    pub state: &'a State,
}

impl Values for BoundValues<'_> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        for slot in self.scratch.slots(slot) {
            let value = match slot.kind {
                SlotKind::Param(index) => {
                    let param = self.execute.value(self.types, usize::from(index), self.is_long);
                    param.map_or(Value::Other, Value::from)
                }
                _ => literal(self.text, slot),
            };
            if !visit(value) {
                return;
            }
        }
    }

    fn session(&self) -> SessionFacts {
        facts(self.state)
    }
}
