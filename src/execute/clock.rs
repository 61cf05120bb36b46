//! Statements that store the time as a key: shard and server have to mean the same instant.
//!
//! The session's own `timestamp`, if it has set one. Else the instant is chosen here, and the statement runs in a state
//! of the session that has it as `timestamp`; the next statement's state has none, so the replay sets it back.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::single::{Job, Ran};
use super::{Served, Session};
use crate::plan::{Operand, Tables};
use crate::session::State;
use crate::sql::facts::{Facts, Flags};

/// The instant at which a statement's NOW() stands, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// As the session has set it.
    Own(i128),
    /// The present: nothing is set.
    Present(i128),
}

impl Instant {
    pub fn micros(self) -> i128 {
        let (Instant::Own(micros) | Instant::Present(micros)) = self;
        micros
    }
}

/// The instant of a statement that reads the clock, if it is known.
pub fn instant(state: &State, facts: &Facts) -> Option<Instant> {
    if !facts.flags.contains(Flags::CLOCK) {
        return None;
    }
    match state.system.get("timestamp").map(|setting| seconds(&setting.0)) {
        None | Some(Some(0)) => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            i128::try_from(since.as_micros()).ok().map(Instant::Present)
        }
        Some(Some(seconds)) => Some(Instant::Own(seconds * 1_000_000)),
        Some(None) => None,
    }
}

/// Whole seconds: what servers make of a fraction differs in its last digit.
fn seconds(text: &[u8]) -> Option<i128> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b""[..]),
    };
    let sound = (1..=12).contains(&whole.len()) && whole.iter().all(u8::is_ascii_digit);
    let number = || whole.iter().fold(0, |sum, digit| 10 * sum + i128::from(digit - b'0'));
    (sound && fraction.iter().all(|digit| *digit == b'0')).then(number)
}

/// The session's state for this execution, if servers' clocks have to stand at the instant that keys were read at.
pub fn state_at(state: &State, tables: &Tables, instant: Option<Instant>) -> Option<Arc<State>> {
    let Some(Instant::Present(micros)) = instant else {
        return None;
    };
    if !tables.stores(|operand| matches!(operand, Operand::Clock(..))) {
        return None;
    }
    let mut fixed = state.clone();
    // The variable is a double, which has a quarter of a microsecond until 2038. MariaDB cuts it to microseconds, MySQL
    // rounds: with a third of one more, both find the same.
    let text = format!("{}.{:06}3", micros / 1_000_000, micros % 1_000_000);
    fixed.set_system("timestamp", text.into_bytes());
    Some(Arc::new(fixed))
}

impl Session {
    /// Runs a job in a state that is this statement's only.
    pub(super) async fn run_in(&mut self, state: Arc<State>, job: Job<'_>) -> Served<Ran> {
        let own = std::mem::replace(&mut self.state, state);
        let ran = self.run_single(job).await;
        self.state = own;
        ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_read_as_whole_seconds_or_not() {
        for (text, expected) in [
            ("1700000000", Some(1_700_000_000)),
            ("1700000000.000000", Some(1_700_000_000)),
            ("0", Some(0)),
            ("1700000000.5", None),
            ("'1700000000'", None),
            ("1.7e9", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), expected, "{text}");
        }
    }
}
