//! COM_STMT_EXECUTE: its head, and the values of its parameters.

use super::Malformed;

/// A parsed COM_STMT_EXECUTE.
#[derive(Debug, Clone, Copy)]
pub struct Execute<'a> {
    pub statement_id: u32,
    pub flags: u8,
    pub iterations: u32,
    pub null_bitmap: &'a [u8],
    /// `new_params_bound`.
    pub bound: bool,
    /// Two bytes each; `None` if the types were sent with an earlier EXECUTE.
    pub types: Option<&'a [u8]>,
    pub values: &'a [u8],
    /// Offset in the payload where the types are, or would be.
    pub types_at: usize,
    pub params: u16,
}

/// A parameter's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param<'a> {
    Null,
    /// Sent before by COM_STMT_SEND_LONG_DATA.
    Long,
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a [u8]),
    Date(DateTime),
    Time(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateTime {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Duration {
    pub negative: bool,
    pub days: u32,
    pub hours: u8,
    pub minutes: u8,
    pub seconds: u8,
    pub micros: u32,
}

impl<'a> Execute<'a> {
    pub fn parse(_payload: &'a [u8], _params: u16) -> Result<Self, Malformed> {
        Err(Malformed::new("EXECUTE"))
    }
    pub fn value(
        &self,
        _types: &[u8],
        _index: usize,
        _is_long: impl Fn(usize) -> bool,
    ) -> Result<Param<'a>, Malformed> {
        Err(Malformed::new("EXECUTE"))
    }
}
