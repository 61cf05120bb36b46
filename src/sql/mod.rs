//! What does this text say: lexer, fingerprint, facts, session statements, splicing.
//!
//! Pure: bytes in, facts out; no clock, no lock, no I/O. Nothing here prints SQL for a server: what is
//! sent is always the client's bytes, at most with spans replaced ([`splice`]).
//!
//! Invariant of the room: where it is unsure how the server will read some bytes, they are structure
//! (part of the fingerprint) or an error, never a literal. Two texts with equal normalized bytes are the
//! same statement but for the literals in their slots.

mod assignments;
pub mod calls;
mod classes;
mod comment;
pub mod control;
mod cursor;
mod dialect;
mod error;
mod explain_route;
pub mod facts;
pub mod fingerprint;
mod functions;
mod head;
mod hint;
mod literal;
mod mark;
mod place;
mod raw;
mod rename;
mod rows;
mod scratch;
mod shape;
mod signs;
pub mod splice;
pub mod split;
#[cfg(test)]
mod tests;
pub mod tokens;
mod verbs;
mod write;

pub use calls::{Call, connection_ids};
pub use control::{Assignment, Control, ControlError, Scope, TransactionAccess, Value, control};
pub use dialect::{ClientCharset, Dialect, Flavor};
pub use error::{LexError, LexFault};
pub use explain_route::explain_route;
pub use facts::{Access, Facts, Flags, Object, ShowKind, Verb, facts};
pub use fingerprint::{Scanned, scan};
pub use hint::{HintFault, hinted_shard, shard_setting};
pub use place::place_of;
pub use rename::{Renaming, renamed};
pub use scratch::{MarkerKind, NormSlot, Scratch, Slot, SlotKind, Slots};
pub use shape::shape;
pub use signs::unknown_function;
pub use splice::{Edit, splice};
pub use split::{Statements, statements};
pub use tokens::{Lexeme, SysVarScope, Token, Tokens, tokens};
