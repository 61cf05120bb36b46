//! Connections to servers: opening them, pooling them, leasing them for a statement or a transaction.
//!
//! First room with a socket to a server. It moves bytes and keeps what each connection's state is; what to send and
//! what an answer means for a session is decided by `execute`.
//! Invariant: a connection whose state is not known is closed, never pooled.

mod accounts;
mod connect;
mod connection;
mod failure;
mod group;
mod member;
#[cfg(debug_assertions)]
mod nonce;
mod pool;
mod previous;
mod probe;
mod record;
mod statements;
mod tls;
mod weights;

pub use accounts::{BackendAccount, Credentials};
pub use connect::{BackendTls, TlsMode};
pub use connection::{Connection, Reply};
pub use failure::Failure;
pub use group::{GroupState, Standing, Stays};
pub use member::{MemberState, ServerFacts};
pub use pool::{Lease, Options, Pool, Wanted};
pub use previous::{InsertId, Kept, Owed, Previous};
pub use probe::Prober;
pub use record::{Records, SCHEMA, Unrecorded};
pub use statements::{BackendStatement, StatementKey};
pub use tls::{Trust, client_config};
