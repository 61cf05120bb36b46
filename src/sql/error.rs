//! Why a text cannot be cut into tokens. A server would answer 1064 to nearly all of these.

use std::fmt;

/// A fault and the byte offset in the client's text where it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LexError {
    pub at: u32,
    pub fault: LexFault,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LexFault {
    UnterminatedString,
    UnterminatedIdentifier,
    UnterminatedComment,
    /// A byte that begins no token: a control character, NUL.
    StrayByte(u8),
    /// A number with letters behind it whose end servers see differently: `1.5x`, `1e5x`, `x'0g'`.
    MalformedNumber,
    /// A lead byte without its trail byte in the client's charset.
    MalformedCharacter,
    /// `;` inside an executable comment.
    SemicolonInComment,
    /// More than 65535 parameters.
    TooManyParameters,
    /// More than 4 GiB.
    TooLong,
}

impl LexError {
    pub(super) fn new(at: usize, fault: LexFault) -> LexError {
        LexError { at: u32::try_from(at).unwrap_or(u32::MAX), fault }
    }
}

impl fmt::Display for LexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LexFault::UnterminatedString => f.write_str("a string is not closed"),
            LexFault::UnterminatedIdentifier => f.write_str("a quoted identifier is not closed"),
            LexFault::UnterminatedComment => f.write_str("a comment is not closed"),
            LexFault::StrayByte(byte) => write!(f, "the byte 0x{byte:02X} begins no token"),
            LexFault::MalformedNumber => f.write_str("a number is malformed"),
            LexFault::MalformedCharacter => f.write_str("a character is malformed in the client's charset"),
            LexFault::SemicolonInComment => f.write_str("an executable comment contains ';'"),
            LexFault::TooManyParameters => f.write_str("there are more than 65535 parameters"),
            LexFault::TooLong => f.write_str("the statement is longer than 4 GiB"),
        }
    }
}

impl fmt::Display for LexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault, self.at)
    }
}

impl std::error::Error for LexError {}
