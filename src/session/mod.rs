//! What is this client's state, and what must be replayed on a connection before its statement may run there.
//!
//! Pure: no sockets, no clock. `execute` asks this room what to send and tells it what was answered.

mod state;
mod transaction;

pub use state::{Charset, Replay, Setting, State};
pub use transaction::{READ_ONLY, Savepoint, Transaction};
