//! Which pins a session has, as others see it: a gauge of sessions, and a line of the log for each pin.

use std::sync::Arc;

use super::Session;
use super::held::Pins;
use crate::telemetry::Metrics;

/// How pins are called in the log.
const NAMES: [(Pins, &str); 9] = [
    (Pins::TEMPORARY_TABLE, "temporary table"),
    (Pins::NAMED_LOCK, "named lock"),
    (Pins::TABLE_LOCK, "table lock"),
    (Pins::USER_VARIABLE, "user variable"),
    (Pins::CURSOR, "cursor"),
    (Pins::TEXT_STATEMENT, "statement prepared as text"),
    (Pins::ROUTINE, "routine"),
    (Pins::HANDLER, "handler"),
    (Pins::FOUND_ROWS, "found rows"),
];

/// The pins that a session was last seen with. Counted as long as there are any; dropped with the session.
#[derive(Debug)]
pub struct Pinned {
    pins: Pins,
    metrics: Arc<Metrics>,
}

impl Pinned {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Pinned { pins: Pins::default(), metrics }
    }

    /// Takes notice of a change; the pins that are new.
    fn become_these(&mut self, pins: Pins) -> Pins {
        match (self.pins.is_empty(), pins.is_empty()) {
            (true, false) => self.metrics.sessions_pinned.increment(1.0),
            (false, true) => self.metrics.sessions_pinned.decrement(1.0),
            _ => {}
        }
        let mut new = pins;
        new.remove(std::mem::replace(&mut self.pins, pins));
        new
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.become_these(Pins::default());
    }
}

impl Session {
    /// Called when a command may have made or ended a pin.
    pub(super) fn note_pins(&mut self) {
        let mut pins = Pins::default();
        for held in &self.held {
            pins.add(held.pins);
        }
        if pins == self.pinned.pins {
            return;
        }
        let new = self.pinned.become_these(pins);
        self.registered.handle.set_pinned(!pins.is_empty());
        for (_, why) in NAMES.iter().filter(|(pin, _)| new.contains(*pin)) {
            self.pinned.metrics.pins.increment(1);
            tracing::debug!(session = self.registered.handle.id, why, "pinned");
        }
    }
}
