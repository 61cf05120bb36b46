//! Real servers, a real proxy and real clients for the integration tests.
//!
//! Everything listens on 127.0.0.1, on ports chosen free, in folders of its own that end with the value. A process
//! is ended by its own id, on Drop, and by the kernel should the test die before. Waits look for the event and have a bound.

#![allow(dead_code, reason = "each test binary uses a part")]

pub mod certificates;
pub mod cli;
pub mod fault;
pub mod folder;
pub mod pair;
pub mod process;
pub mod proxy;
pub mod pty;
pub mod raw;
pub mod raw_login;
pub mod replication;
pub mod server;

pub use certificates::Certificates;
pub use folder::Folder;
pub use pair::Pair;
pub use process::Process;
pub use proxy::{Proxy, Settings};
pub use raw::{Raw, Reply, Rows};
pub use server::{MariaDb, MySql9, Server};

use std::time::{Duration, Instant};

/// No event that a test waits for takes longer than this on a loaded machine of two cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polls `look` until it finds something; None after `bound`.
pub fn until<T>(bound: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// As [`until`] with [`PATIENCE`]; panics with what was waited for.
pub fn await_that<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until(PATIENCE, look).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain: {what}"))
}
