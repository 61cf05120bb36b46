//! The values of one execution, found by the slots of its plan.

use crate::sql::{NormSlot, Scratch, SlotKind};

/// The values of one execution: the literals of its text, or its bound parameters.
pub trait Values {
    /// Calls `visit` with every value of the slot, in the order of the text, until it returns false.
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool);
}

/// A value as the client gave it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// An integer literal: its digits.
    Integer(&'a [u8]),
    /// A decimal literal: digits and a point, or more digits than 64 bits hold.
    Decimal(&'a [u8]),
    /// A literal with an exponent.
    Float,
    /// A string literal with its quotes and escapes.
    String(&'a [u8]),
    /// A bound integer.
    Signed(i64),
    Unsigned(u64),
    /// A bound float or double.
    Double(f64),
    /// A bound string, or a decimal sent as one.
    Text(&'a [u8]),
    Null,
    /// A parameter without a value, counted from 0: only explanations meet one.
    Unbound(u16),
    /// Temporal parameters, long data and whatever else names no integer.
    Other,
}

/// The literals of a scanned text; `parameter` answers for `?`.
#[derive(Clone, Copy)]
pub struct Literals<'a, P> {
    pub statement: &'a [u8],
    pub scratch: &'a Scratch,
    pub parameter: P,
}

impl<'a> Literals<'a, fn(u16) -> Value<'a>> {
    /// A text on its own: the parameters of one that is to be prepared have no values yet.
    pub fn of_text(statement: &'a [u8], scratch: &'a Scratch) -> Self {
        Literals { statement, scratch, parameter: Value::Unbound }
    }
}

impl<'a, P: Fn(u16) -> Value<'a>> Values for Literals<'a, P> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        for slot in self.scratch.slots(slot) {
            let text = slot.text(self.statement);
            let value = match slot.kind {
                SlotKind::Integer => Value::Integer(text),
                SlotKind::Decimal => Value::Decimal(text),
                SlotKind::Float => Value::Float,
                SlotKind::String => Value::String(text),
                SlotKind::Param(index) => (self.parameter)(index),
            };
            if !visit(value) {
                return;
            }
        }
    }
}
