//! Who is connected: ids for KILL, and the two ways to reach a session from outside, which are to end its running
//! statement and to end it altogether.
//!
//! Invariant: while a cancel is on its way to a server connection, that connection runs nothing else:
//! `SessionHandle::end` says whether one may be, and the session then waits until it has arrived (`settled`).

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use dashmap::DashMap;
use tokio::sync::Notify;

use super::client::Gone;
#[cfg(test)]
use super::progress::Phase;
use super::progress::{Overdue, Progress};
use super::together::together;
use crate::backend::{Failure, Pool};

/// What a session has been asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Nothing.
    No,
    /// End at the next boundary: idle, and no transaction open.
    Drain,
    /// End now.
    Kill,
    /// End now: the process does.
    Shutdown,
}

/// One session as others see it.
#[derive(Debug)]
pub struct SessionHandle {
    /// The connection id of the greeting.
    pub id: u32,
    pub progress: Progress,
    /// The map that it began its command with, by its number, and whether it holds connections for it between commands.
    map: AtomicU64,
    pinned: AtomicBool,
    user: Mutex<String>,
    stop: AtomicU8,
    waker: Mutex<Option<Waker>>,
    running: Mutex<Running>,
    settled: Notify,
    /// Cancels of a statement that waits for a connection.
    interrupted: Notify,
}

#[derive(Debug, Default)]
struct Running {
    /// The server connection that works for the session at this moment.
    backend: Option<(Arc<Pool>, u32)>,
    /// Those that work for it besides; only a statement over several shards has any.
    others: Vec<(Arc<Pool>, u32)>,
    /// A cancel was sent to all of these. Those that had answered by then do not know yet.
    cancelled: bool,
    /// The session waits for a server connection.
    waiting: bool,
    /// A cancel came while the statement waited, or since it began: what is still to be sent for it is not.
    interrupted: bool,
    /// Cancels that were read from these and are not finished.
    cancelling: u32,
    /// One of them was not answered: it may arrive at any time.
    astray: bool,
}

impl SessionHandle {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().expect("no panic under this lock")
    }

    pub fn user(&self) -> String {
        self.user.lock().expect("no panic under this lock").clone()
    }

    pub fn set_user(&self, user: &str) {
        *self.user.lock().expect("no panic under this lock") = user.to_string();
    }

    pub(super) fn set_map(&self, number: u64) {
        self.map.store(number, Ordering::Relaxed);
    }

    pub(super) fn set_pinned(&self, pinned: bool) {
        self.pinned.store(pinned, Ordering::Relaxed);
    }

    /// Whether a map that was replaced by this one still decides what it does. One that is idle sees the new one next.
    pub fn is_older_than(&self, map: u64) -> bool {
        let holds = self.pinned.load(Ordering::Relaxed) || !self.progress.is_idle();
        holds && self.map.load(Ordering::Relaxed) < map
    }

    /// Asks the session to end; a weaker wish after a stronger one changes nothing.
    pub fn stop(&self, stop: Stop) {
        self.stop.fetch_max(stop as u8, Ordering::AcqRel);
        self.wake();
    }

    /// Has the session look whether it is to end.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.lock().expect("no panic under this lock").take() {
            waker.wake();
        }
    }

    pub fn stopped(&self) -> Stop {
        match self.stop.load(Ordering::Acquire) {
            0 => Stop::No,
            1 => Stop::Drain,
            2 => Stop::Kill,
            _ => Stop::Shutdown,
        }
    }

    /// As `stopped`, and wakes the task when that changes.
    pub fn poll_stopped(&self, cx: &mut Context<'_>) -> Stop {
        {
            let mut waker = self.waker.lock().expect("no panic under this lock");
            match &mut *waker {
                Some(held) if held.will_wake(cx.waker()) => {}
                held => *held = Some(cx.waker().clone()),
            }
        }
        self.stopped()
    }

    /// As `poll_stopped`, of what ends the session wherever it is.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Option<Gone> {
        match self.poll_stopped(cx) {
            Stop::No | Stop::Drain => None,
            stop @ (Stop::Kill | Stop::Shutdown) => Some(Gone::Stopped(stop)),
        }
    }

    /// Whether the running statement was cancelled because its time ran out.
    pub fn is_overdue(&self) -> bool {
        self.progress.expired() == Some(Overdue::Statement)
    }

    /// Waits for a server connection, or until the wait is cancelled: then nothing. `wait` may be dropped half way.
    pub async fn or_interrupted<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let _waiting = Waiting::on(self);
        let mut wait = std::pin::pin!(wait);
        let mut interrupted = std::pin::pin!(self.interrupted.notified());
        interrupted.as_mut().enable();
        poll_fn(|cx| {
            if let Poll::Ready(done) = wait.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            let told = interrupted.as_mut().poll(cx).is_ready() || self.interrupted();
            if told || self.poll_ended(cx).is_some() {
                self.running().interrupted = false;
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await
    }

    /// The server that works for the session at this moment, and its thread.
    pub fn running_on(&self) -> Option<(String, u32)> {
        let running = self.running();
        running.backend.as_ref().map(|(pool, thread)| (pool.member.at.clone(), *thread))
    }

    /// Whether the session waits for a server connection.
    pub fn is_waiting(&self) -> bool {
        self.running().waiting
    }

    /// Whether a cancel has come for the statement that runs.
    pub fn interrupted(&self) -> bool {
        self.running().interrupted
    }

    /// A statement of the session starts on a server connection.
    pub fn begin(&self, pool: &Arc<Pool>, thread_id: u32) {
        self.running().backend = Some((pool.clone(), thread_id));
    }

    /// It starts on one more, until `end`.
    pub fn begin_beside(&self, pool: &Arc<Pool>, thread_id: u32) {
        self.running().others.push((pool.clone(), thread_id));
    }

    /// The statement ended, wherever it ran. True if a cancel may still be on its way to a connection of it.
    #[must_use]
    pub fn end(&self) -> bool {
        let mut running = self.running();
        running.backend = None;
        let idle_hit = running.cancelled && !running.others.is_empty();
        running.others.clear();
        running.cancelled = false;
        let interrupted = std::mem::take(&mut running.interrupted);
        running.cancelling > 0 || idle_hit || interrupted || running.astray
    }

    /// Ends what the session runs on servers, if anything, and waits until they were told.
    pub async fn cancel(&self) {
        self.cancel_if(|| true).await;
    }

    /// As `cancel`, unless the session has gone on from this step: what runs now may be another statement. False if a server
    /// did not answer.
    pub async fn cancel_step(&self, step: u64) -> bool {
        self.cancel_if(|| self.progress.step() == step).await
    }

    async fn cancel_if(&self, applies: impl FnOnce() -> bool + Send) -> bool {
        let backends: Vec<_> = {
            let mut running = self.running();
            // Under the lock: a statement that begins later takes it first, one that ends sees the cancel.
            if !applies() {
                return true;
            }
            running.cancelling += 1;
            if running.waiting || running.backend.is_some() {
                running.interrupted = true;
                self.interrupted.notify_waiters();
            }
            running.cancelled = !running.others.is_empty();
            running.backend.iter().chain(&running.others).cloned().collect()
        };
        let (silent, failed) = (AtomicBool::new(false), AtomicBool::new(false));
        together(backends.iter().map(|(pool, thread_id)| async {
            if let Err(failure) = pool.kill_query(*thread_id).await {
                failed.store(true, Ordering::Relaxed);
                silent.fetch_or(matches!(failure, Failure::Connect { .. } | Failure::Lost { .. }), Ordering::Relaxed);
                tracing::warn!(session = self.id, %failure, "a running statement could not be cancelled");
            }
        }))
        .await;
        let mut running = self.running();
        running.cancelling -= 1;
        running.astray |= failed.into_inner();
        drop(running);
        self.settled.notify_waiters();
        !silent.into_inner()
    }

    /// Waits until no cancel is on its way; each is bounded by the limit on connecting. False if one may still arrive: its
    /// connection is to be closed.
    #[must_use]
    pub async fn settled(&self) -> bool {
        loop {
            let mut notified = std::pin::pin!(self.settled.notified());
            notified.as_mut().enable();
            if let Some(arrived) = self.all_arrived() {
                return arrived;
            }
            notified.await;
        }
    }

    /// Whether all cancels arrived; nothing while one is on its way.
    fn all_arrived(&self) -> Option<bool> {
        let mut running = self.running();
        (running.cancelling == 0).then(|| !std::mem::take(&mut running.astray))
    }

    /// The statement ended before it ran; a cancel of it is not one of the next.
    pub fn forget_interrupt(&self) {
        self.running().interrupted = false;
    }
}

/// The time that a session waits.
struct Waiting<'a>(&'a SessionHandle);

impl<'a> Waiting<'a> {
    fn on(handle: &'a SessionHandle) -> Self {
        let mut running = handle.running();
        running.waiting = true;
        Waiting(handle)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.running().waiting = false;
    }
}

/// All sessions of the process.
#[derive(Debug, Default)]
pub struct Registry {
    sessions: DashMap<u32, Arc<SessionHandle>>,
    /// How many sessions each user has, if any.
    users: DashMap<String, usize>,
    last_id: AtomicU32,
}

impl Registry {
    /// A new session under an id that no other has.
    pub fn register(self: &Arc<Self>) -> Registered {
        loop {
            let id = self.last_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if id == 0 || self.sessions.contains_key(&id) {
                continue;
            }
            let handle = Arc::new(SessionHandle {
                id,
                progress: Progress::default(),
                map: AtomicU64::new(u64::MAX),
                pinned: AtomicBool::new(false),
                user: Mutex::default(),
                stop: AtomicU8::new(Stop::No as u8),
                waker: Mutex::default(),
                running: Mutex::default(),
                settled: Notify::new(),
                interrupted: Notify::new(),
            });
            self.sessions.insert(id, handle.clone());
            return Registered { handle, registry: self.clone(), user: None };
        }
    }

    pub fn find(&self, id: u32) -> Option<Arc<SessionHandle>> {
        self.sessions.get(&id).map(|entry| entry.value().clone())
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub fn handles(&self) -> Vec<Arc<SessionHandle>> {
        self.sessions.iter().map(|entry| entry.value().clone()).collect()
    }

    pub fn stop_all(&self, stop: Stop) {
        for entry in &self.sessions {
            entry.value().stop(stop);
        }
    }
}

/// A session's place in the registry; given back when dropped.
#[derive(Debug)]
pub struct Registered {
    pub handle: Arc<SessionHandle>,
    registry: Arc<Registry>,
    /// Whose session it is counted as.
    user: Option<String>,
}

impl Registered {
    /// Counts the session as the user's, unless that has `sessions_max` already.
    #[must_use]
    pub fn log_in(&mut self, user: &str, sessions_max: usize) -> bool {
        self.log_out();
        let mut sessions = self.registry.users.entry(user.to_string()).or_default();
        if *sessions >= sessions_max {
            return false;
        }
        *sessions += 1;
        self.user = Some(user.to_string());
        true
    }

    fn log_out(&mut self) {
        if let Some(user) = self.user.take() {
            let users = &self.registry.users;
            if let Some(mut sessions) = users.get_mut(&user) {
                *sessions -= 1;
            }
            users.remove_if(&user, |_, sessions| *sessions == 0);
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.log_out();
        self.registry.sessions.remove(&self.handle.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_of_a_step_that_is_over_cancels_nothing() {
        let registered = Arc::new(Registry::default()).register();
        let handle = &registered.handle;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        handle.progress.enter(Phase::Running);
        let over = handle.progress.step();
        handle.progress.enter(Phase::Idle);
        handle.progress.enter(Phase::Running);
        let _waiting = Waiting::on(handle);
        runtime.block_on(handle.cancel_step(over));
        assert!(!handle.running().interrupted);
        runtime.block_on(handle.cancel_step(handle.progress.step()));
        assert!(handle.running().interrupted);
    }
}
