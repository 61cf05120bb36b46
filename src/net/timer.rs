//! Timers, on a thread of their own.
//!
//! A runtime that has timers reads the clock around every wait for its sockets and computes when the next timer is due:
//! a tenth of what a point select costs, for timers that hardly ever run. So the runtime that moves bytes has none,
//! and waits are bounded through here.
//!
//! Invariant: tokio's own timers are named in no other file: on a runtime without timers they panic. Where `start` was
//! not called (tests), the timers are those of the current runtime.

use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{Interval, Sleep, Timeout};

/// Never dropped: whoever waits, waits until the process ends.
static TIMERS: OnceLock<Runtime> = OnceLock::new();

/// Starts the thread; once is enough for the process.
pub fn start() -> io::Result<()> {
    if TIMERS.get().is_none() {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("timers").enable_time().build()?;
        // Of two that start at once one stays; the other has no timer yet.
        let _ = TIMERS.set(runtime);
    }
    Ok(())
}

/// Makes a timer that is driven by the thread; whoever polls it may be on any runtime.
fn on_thread<T>(make: impl FnOnce() -> T) -> T {
    let _entered = TIMERS.get().map(Runtime::enter);
    make()
}

/// The future's output, or an error if it takes longer. The timer starts only when the future has to wait.
pub fn timeout<F: Future>(bound: Duration, future: F) -> Timeout<F> {
    on_thread(|| tokio::time::timeout(bound, future))
}

pub fn sleep(duration: Duration) -> Sleep {
    on_thread(|| tokio::time::sleep(duration))
}

/// Ticks, the first at once.
pub fn interval(period: Duration) -> Interval {
    on_thread(|| tokio::time::interval(period))
}
