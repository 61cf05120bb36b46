//! Connections that a session keeps between statements, why it keeps them, and how one goes back to its pool.

use std::sync::Arc;
use std::time::Duration;

use super::prelude::Prelude;
use crate::backend::Lease;
use crate::net::timer;
use crate::session::State;
use crate::shard_map::{GroupId, ShardId};
use crate::wire::command::code;
use crate::wire::packet;

/// A connection that the session keeps between statements.
#[derive(Debug)]
pub struct Held {
    pub group: GroupId,
    /// The shard that it was leased for first.
    pub shard: ShardId,
    pub lease: Lease,
    pub in_transaction: bool,
    pub pins: Pins,
    /// Its member is not the primary: nothing but reads that may be a little late goes there.
    pub only_reads: bool,
}

impl Held {
    pub fn new(group: GroupId, shard: ShardId, lease: Lease) -> Held {
        Held { group, shard, lease, in_transaction: false, pins: Pins::default(), only_reads: false }
    }

    /// Whether user variables live here that a query or a routine assigned.
    pub fn has_user_variables(&self) -> bool {
        self.pins.contains(Pins::USER_VARIABLE) || self.pins.contains(Pins::ROUTINE)
    }
}

/// Why a connection is kept beyond its transaction: what lives on it and cannot be carried to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pins(u16);

impl Pins {
    pub const TEMPORARY_TABLE: Pins = Pins(1);
    pub const NAMED_LOCK: Pins = Pins(2);
    pub const TABLE_LOCK: Pins = Pins(4);
    /// Assigned inside a query, so its value is not known here.
    pub const USER_VARIABLE: Pins = Pins(8);
    pub const CURSOR: Pins = Pins(16);
    /// PREPARE in text.
    pub const TEXT_STATEMENT: Pins = Pins(32);
    /// A procedure may have done any of these.
    pub const ROUTINE: Pins = Pins(64);
    pub const HANDLER: Pins = Pins(128);
    /// SQL_CALC_FOUND_ROWS: until the next statement, which usually asks.
    pub const FOUND_ROWS: Pins = Pins(256);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn contains(self, other: Pins) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn add(&mut self, other: Pins) {
        self.0 |= other.0;
    }

    pub fn remove(&mut self, other: Pins) {
        self.0 &= !other.0;
    }
}

/// Runs a small statement; false if the connection is not to be used any more.
pub(super) async fn run_quietly(lease: &mut Lease, sql: &[u8]) -> bool {
    let mut payload = vec![code::QUERY];
    payload.extend_from_slice(sql);
    matches!(lease.call(&payload).await, Ok(reply) if reply.error().is_none())
}

/// Gives a connection back to its pool, after a reset if its state is in doubt.
pub(super) async fn give_back(mut lease: Lease) {
    if lease.tainted {
        let mut prelude = Prelude::default();
        prelude.settle(&mut lease);
        let mut out = Vec::new();
        prelude.encode(&mut out);
        let state: Arc<State> = lease.state.clone();
        let bound = Duration::from_millis(lease.pool().options.connect_ms_max);
        let reset = async {
            if !prelude.is_empty() {
                lease.send(&out).await?;
                let _ = prelude.read(&mut lease, &state).await?;
            }
            lease.reset().await
        };
        if !matches!(timer::timeout(bound, reset).await, Ok(Ok(_))) {
            return;
        }
    }
    let oversized = lease.remove_oversized_statement();
    close_statement(&mut lease, oversized).await;
    lease.release();
}

pub(super) async fn close_statements(lease: &mut Lease, ids: &[u32]) {
    for id in ids {
        close_statement(lease, Some(*id)).await;
    }
}

/// COM_STMT_CLOSE, which has no answer.
pub(super) async fn close_statement(lease: &mut Lease, id: Option<u32>) {
    if let Some(id) = id {
        let mut bytes = Vec::new();
        packet::append(&mut bytes, &mut 0, &close_payload(id));
        // A connection that fails here fails its next user as well, before anything of theirs has left.
        let _ = lease.send(&bytes).await;
    }
}

pub(super) fn close_payload(id: u32) -> Vec<u8> {
    let mut payload = vec![code::STMT_CLOSE];
    payload.extend_from_slice(&id.to_le_bytes());
    payload
}
