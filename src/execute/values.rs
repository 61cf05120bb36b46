//! The values of one execution, as `route` asks for them: literals of the text, or bound parameters.

use crate::route::{Value, Values};
use crate::sql::{NormSlot, Scratch, Slot, SlotKind};
use crate::wire::execute::{Execute, Param};

/// The literals of a text statement.
pub struct TextValues<'a> {
    pub text: &'a [u8],
    pub scratch: &'a Scratch,
}

impl Values for TextValues<'_> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        for slot in self.scratch.slots(slot) {
            if !visit(literal(self.text, slot)) {
                return;
            }
        }
    }
}

fn literal(text: &[u8], slot: Slot) -> Value<'_> {
    let bytes = &text[slot.start as usize..slot.end as usize];
    match slot.kind {
        SlotKind::Integer => Value::Integer(bytes),
        SlotKind::Decimal => Value::Decimal(bytes),
        SlotKind::Float => Value::Float,
        SlotKind::String => Value::String(bytes),
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
}

impl Values for BoundValues<'_> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        for slot in self.scratch.slots(slot) {
            let value = match slot.kind {
                SlotKind::Param(index) => match self.execute.value(self.types, usize::from(index), self.is_long) {
                    Ok(Param::Null) => Value::Null,
                    Ok(Param::Signed(value)) => Value::Signed(value),
                    Ok(Param::Unsigned(value)) => Value::Unsigned(value),
                    Ok(Param::Float(value)) => Value::Double(value),
                    Ok(Param::Text(bytes)) => Value::Text(bytes),
                    Ok(Param::Long | Param::Date(_) | Param::Time(_)) | Err(_) => Value::Other,
                },
                _ => literal(self.text, slot),
            };
            if !visit(value) {
                return;
            }
        }
    }
}
