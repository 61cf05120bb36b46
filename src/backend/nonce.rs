//! In builds with debug assertions, and where MERIDIAN_TEST_NONCE is set, each lease begins with a question that only its own
//! answer fits: whoever left anything unread on the connection, or got anything into its stream, is found out at once.
//!
//! A session's question about its previous statement goes to the very connection of that statement, and is not disturbed.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::Failure;
use super::pool::Lease;
use crate::wire::command::code;
use crate::wire::result_set::{Decoded, decode_text};
use crate::wire::walker::EndKind;

static ASKS: LazyLock<bool> = LazyLock::new(|| std::env::var_os("MERIDIAN_TEST_NONCE").is_some());
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Lease {
    /// The same lease. One whose server has left it fails at its statement, as it would have without the question.
    ///
    /// # Panics
    /// If something else came than the answer.
    pub async fn asked_nonce(mut self) -> Result<Lease, Failure> {
        if !*ASKS {
            return Ok(self);
        }
        assert!(self.buffer.is_empty(), "leased with bytes unread: {self:?}");
        // Warnings and LAST_INSERT_ID() that are still to be fetched outlive a PING.
        let nonce = self.owed.is_none().then(|| format!("lease {} {}", self.id, NEXT.fetch_add(1, Ordering::Relaxed)));
        let command = match &nonce {
            Some(nonce) => [&[code::QUERY], format!("SELECT _binary'{nonce}'").as_bytes()].concat(),
            None => vec![code::PING],
        };
        let reply = match self.call_soon(&command).await {
            Ok(reply) => reply,
            Err(Failure::Lost { cause, .. }) if cause.kind() != std::io::ErrorKind::TimedOut => return Ok(self),
            Err(failure @ Failure::Garbage { .. }) => panic!("{failure} on {self:?}"),
            Err(failure) => return Err(failure),
        };
        // It was the last to use the connection.
        self.uses += 1;
        let fits = match &nonce {
            Some(nonce) => matches!(
                decode_text(&reply.bytes, self.deprecate_eof()),
                Ok(Decoded::Rows(rows)) if rows.rows == [[Some(nonce.as_bytes().to_vec())]]
            ),
            None => reply.end.kind == EndKind::Ok,
        };
        assert!(fits && self.buffer.is_empty(), "{command:?} was answered by {reply:?} on {self:?}");
        Ok(self)
    }
}
