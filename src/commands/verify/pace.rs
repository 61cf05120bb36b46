//! How fast tables are read.

use std::time::{Duration, Instant};

use crate::net::timer;

/// Rows in a chunk: enough that the round trip does not count, few enough that a server does not feel one.
const CHUNK_MAX: u64 = 1000;

/// A limit on rows per second. What was not used in one second is not caught up in the next.
#[derive(Debug)]
pub struct Pace {
    per_second: u64,
    next: Option<Instant>,
}

impl Pace {
    /// 0 is no limit.
    pub fn new(per_second: u64) -> Pace {
        Pace { per_second, next: None }
    }

    /// Rows to ask for at once: at a low rate fewer, so that they are spread over the second.
    pub fn chunk(&self) -> u64 {
        match self.per_second {
            0 => CHUNK_MAX,
            rate => (rate / 4).clamp(1, CHUNK_MAX),
        }
    }

    /// Waits until rows may be read again, after so many.
    pub async fn wait(&mut self, rows: u64) {
        let pause = self.pause(Instant::now(), rows);
        if !pause.is_zero() {
            timer::sleep(pause).await;
        }
    }

    fn pause(&mut self, now: Instant, rows: u64) -> Duration {
        if self.per_second == 0 {
            return Duration::ZERO;
        }
        let share = Duration::from_secs_f64(rows as f64 / self.per_second as f64);
        let next = self.next.map_or(now, |next| next.max(now)) + share;
        self.next = Some(next);
        next - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_rows_than_the_limit() {
        let mut pace = Pace::new(1000);
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        assert_eq!(pace.chunk(), 250);
        assert_eq!(pace.pause(at(0), 250), Duration::from_millis(250));
        // A slow answer took a part of the pause already.
        assert_eq!(pace.pause(at(350), 250), Duration::from_millis(250));
        assert_eq!(pace.pause(at(500), 250), Duration::from_millis(350));
        // An idle time gives no right to a rush.
        assert_eq!(pace.pause(at(60_000), 1000), Duration::from_secs(1));
        assert_eq!(pace.pause(at(60_000), 0), Duration::from_secs(1));
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let mut pace = Pace::new(0);
        assert_eq!((pace.chunk(), pace.pause(Instant::now(), 1_000_000)), (1000, Duration::ZERO));
        assert_eq!(Pace::new(1).chunk(), 1);
        assert_eq!(Pace::new(1_000_000).chunk(), 1000);
    }
}
