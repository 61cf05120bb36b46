//! The values of one execution, found by the slots of its plan.

use crate::shard_map::Zone;
use crate::sql::{NormSlot, Scratch, SlotKind};
use crate::wire::execute::{DateTime, Param};

/// The values of one execution: the literals of its text, or its bound parameters.
pub trait Values {
    /// Calls `visit` with every value of the slot, in the order of the text, until it returns false.
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool);

    /// Of the session that gave them. Asked only where the key's type needs it.
    fn session(&self) -> SessionFacts;
}

/// What of a session decides which key a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionFacts {
    /// `time_zone`, where it is set to a fixed offset.
    pub zone: Option<Zone>,
    /// What NOW() answers, in microseconds since 1970, where it is known.
    pub now: Option<i128>,
    pub text: TextFacts,
    /// Whether a backslash escapes what is behind it in a string literal; `None` if that is not known.
    pub backslash_escapes: Option<bool>,
}

impl SessionFacts {
    /// Those of a client that set nothing but NAMES utf8mb4, on servers with their own sql_mode.
    pub const ORDINARY: SessionFacts =
        SessionFacts { zone: None, now: None, text: TextFacts::Utf8, backslash_escapes: Some(true) };
}

/// What the bytes of the client's strings mean, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFacts {
    Utf8,
    /// A charset of which only the ASCII part is read.
    Ascii,
    Unknown,
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
    /// `DATE'..'`: the string, with its quotes.
    Date(&'a [u8]),
    /// `TIMESTAMP'..'`: the string, with its quotes.
    Timestamp(&'a [u8]),
    /// A bound string.
    Text(&'a [u8]),
    /// A bound decimal, as text.
    Digits(&'a [u8]),
    /// A bound DATE, DATETIME or TIMESTAMP.
    Temporal(DateTime),
    Null,
    /// A parameter without a value, counted from 0: only explanations meet one.
    Unbound(u16),
    /// A bound TIME, long data and whatever else names no key.
    Other,
}

impl<'a> From<Param<'a>> for Value<'a> {
    fn from(param: Param<'a>) -> Value<'a> {
        match param {
            Param::Null => Value::Null,
            Param::Signed(value) => Value::Signed(value),
            Param::Unsigned(value) => Value::Unsigned(value),
            Param::Float(value) => Value::Double(value),
            Param::Text(bytes) => Value::Text(bytes),
            Param::Decimal(digits) => Value::Digits(digits),
            Param::Date(fields) => Value::Temporal(fields),
            Param::Long | Param::Time(_) | Param::Opaque(_) => Value::Other,
        }
    }
}

/// The literals of a scanned text; `parameter` answers for `?`.
#[derive(Clone, Copy)]
pub struct Literals<'a, P> {
    pub statement: &'a [u8],
    pub scratch: &'a Scratch,
    pub parameter: P,
    pub session: SessionFacts,
}

impl<'a> Literals<'a, fn(u16) -> Value<'a>> {
    /// A text on its own: the parameters of one that is to be prepared have no values yet.
    pub fn of_text(statement: &'a [u8], scratch: &'a Scratch, session: SessionFacts) -> Self {
        Literals { statement, scratch, parameter: Value::Unbound, session }
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
                SlotKind::Date => Value::Date(text),
                SlotKind::Timestamp => Value::Timestamp(text),
                SlotKind::Param(index) => (self.parameter)(index),
            };
            if !visit(value) {
                return;
            }
        }
    }

    fn session(&self) -> SessionFacts {
        self.session
    }
}
