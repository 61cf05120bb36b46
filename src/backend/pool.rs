//! The connections of one account to one member: bounded, fair, handed out as leases.
//!
//! Invariants: `open` counts every connection that exists or is being opened, and never passes the maximum; waiters
//! are served first come, first served; a connection idles only while nobody waits. A lease that is dropped without
//! `release` closes its connection.
//! Cancel-safety: a dropped `acquire` gives back what it was granted.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::accounts::BackendAccount;
use super::connect::{self, Opened};
use super::connection::{Connection, Reply};
use super::failure::Failure;
use super::member::{MemberState, ServerFacts};
use crate::net::{RELAY_CAPACITY, timer};
use crate::session::State;

/// Bounds of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Kept open while nobody uses them.
    pub connections_min: usize,
    pub connections_max: usize,
    pub waiting_max: usize,
    pub wait_ms_max: u64,
    pub idle_ms_max: u64,
    pub age_ms_max: u64,
    pub connect_ms_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            connections_min: 0,
            connections_max: 64,
            waiting_max: 10_000,
            wait_ms_max: 10_000,
            idle_ms_max: 60_000,
            age_ms_max: 3_600_000,
            connect_ms_max: 3_000,
        }
    }
}

/// What a connection must be to serve.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The client's capabilities within `capability::KEYED`.
    pub capabilities: u32,
    pub state: &'a Arc<State>,
}

impl Wanted<'_> {
    fn fits(&self, connection: &Connection) -> bool {
        connection.capabilities == self.capabilities && self.state.is_reachable_from(&connection.state)
    }
}

#[derive(Debug)]
pub struct Pool {
    pub member: Arc<MemberState>,
    pub account: Arc<BackendAccount>,
    pub options: Options,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The most recently used last: it is the one whose caches are warm.
    #[expect(clippy::vec_box, reason = "a lease moves the box, not the connection")]
    idle: Vec<Box<Connection>>,
    open: usize,
    waiters: VecDeque<oneshot::Sender<Grant>>,
    /// What was wanted last: of this kind are those that are opened before anybody wants them.
    capabilities: u32,
}

/// How long an idle connection keeps its buffer: the time between two statements of a busy pool, and no longer.
const BUFFER_KEPT: Duration = Duration::from_secs(1);

/// How many idle connections are looked at for one that already has the session's state.
const LOOK_MAX: usize = 8;

#[derive(Debug)]
enum Grant {
    Lease(Lease),
    Slot(Slot),
}

enum Attempt {
    Lease(Lease),
    Open(Slot),
    Wait(oneshot::Receiver<Grant>),
    Full,
}

impl Pool {
    pub fn new(member: Arc<MemberState>, account: Arc<BackendAccount>, options: Options) -> Self {
        Pool { member, account, options, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic under this lock")
    }

    /// (open, idle, waiting) at this moment.
    pub fn counts(&self) -> (usize, usize, usize) {
        let inner = self.inner();
        (inner.open, inner.idle.len(), inner.waiters.len())
    }

    /// A connection that fits, from the idle ones, newly opened, or when one becomes free.
    pub async fn acquire(self: &Arc<Self>, wanted: Wanted<'_>) -> Result<Lease, Failure> {
        self.acquire_any(wanted, true).await
    }

    /// A new connection, whatever idles: for a retry after an idle one was found dead.
    pub async fn acquire_new(self: &Arc<Self>, wanted: Wanted<'_>) -> Result<Lease, Failure> {
        self.acquire_any(wanted, false).await
    }

    async fn acquire_any(self: &Arc<Self>, wanted: Wanted<'_>, idle_serves: bool) -> Result<Lease, Failure> {
        let lease = match self.attempt(wanted, idle_serves) {
            Attempt::Lease(lease) => lease,
            Attempt::Open(slot) => self.open(slot, wanted).await?,
            Attempt::Wait(receiver) => self.wait(receiver, wanted).await?,
            Attempt::Full => return Err(self.full()),
        };
        #[cfg(debug_assertions)]
        let lease = lease.asked_nonce().await?;
        Ok(lease)
    }

    fn full(&self) -> Failure {
        self.member.metrics.pool_rejections.increment(1);
        let failure = Failure::QueueFull { member: self.member.at.clone(), waiting_max: self.options.waiting_max };
        self.member.complain(&failure);
        failure
    }

    /// That very connection if it idles, untouched since.
    pub fn acquire_same(self: &Arc<Self>, id: u64) -> Option<Lease> {
        let mut inner = self.inner();
        let at = inner.idle.iter().position(|connection| connection.id == id)?;
        let connection = inner.idle.remove(at);
        drop(inner);
        let mut lease = Lease::new(connection, self.clone());
        if lease.is_stale() { None } else { Some(lease) }
    }

    /// An idle connection that is in the session's very state already, if there is one: the common case, which waits
    /// for nothing.
    pub fn acquire_ready(self: &Arc<Self>, wanted: Wanted<'_>) -> Option<Lease> {
        let mut inner = self.inner();
        let back = inner.idle.iter().rev().take(LOOK_MAX).position(|connection| {
            Arc::ptr_eq(&connection.state, wanted.state) && connection.capabilities == wanted.capabilities
        })?;
        let at = inner.idle.len() - 1 - back;
        let connection = inner.idle.swap_remove(at);
        drop(inner);
        let mut lease = Lease::new(connection, self.clone());
        if lease.is_stale() {
            self.member.forget();
            return None;
        }
        Some(lease)
    }

    fn attempt(self: &Arc<Self>, wanted: Wanted<'_>, idle_serves: bool) -> Attempt {
        let mut inner = self.inner();
        inner.capabilities = wanted.capabilities;
        while idle_serves && let Some(at) = choose(&inner.idle, wanted) {
            let connection = inner.idle.swap_remove(at);
            drop(inner);
            let mut lease = Lease::new(connection, self.clone());
            if !lease.is_stale() {
                return Attempt::Lease(lease);
            }
            self.member.forget();
            drop(lease);
            inner = self.inner();
        }
        if inner.open < self.options.connections_max {
            inner.open += 1;
            return Attempt::Open(Slot::new(self.clone()));
        }
        // All are open; one that idles has another kind (or is not trusted): it makes place.
        if !inner.idle.is_empty() {
            let victim = inner.idle.remove(0);
            drop(inner);
            drop(victim);
            return Attempt::Open(Slot::new(self.clone()));
        }
        if inner.waiters.len() >= self.options.waiting_max {
            return Attempt::Full;
        }
        let (sender, receiver) = oneshot::channel();
        inner.waiters.push_back(sender);
        Attempt::Wait(receiver)
    }

    async fn wait(self: &Arc<Self>, receiver: oneshot::Receiver<Grant>, wanted: Wanted<'_>) -> Result<Lease, Failure> {
        self.member.metrics.pool_waits.increment(1);
        let bound = Duration::from_millis(self.options.wait_ms_max);
        match timer::timeout(bound, receiver).await {
            Ok(Ok(Grant::Lease(mut lease))) => {
                if wanted.fits(&lease) && !lease.is_stale() {
                    return Ok(lease);
                }
                // Its place is ours, the connection is of no use to us.
                let Lease { connection, slot } = lease;
                drop(connection);
                self.open(slot, wanted).await
            }
            Ok(Ok(Grant::Slot(slot))) => self.open(slot, wanted).await,
            // A sender that is dropped unsent would be a waiter forgotten; it is reported as the wait it was.
            Ok(Err(_)) | Err(_) => {
                self.inner().waiters.retain(|waiter| !waiter.is_closed());
                self.member.metrics.pool_timeouts.increment(1);
                let failure = Failure::PoolExhausted {
                    member: self.member.at.clone(),
                    waited_ms: self.options.wait_ms_max,
                    connections_max: self.options.connections_max,
                };
                self.member.complain(&failure);
                Err(failure)
            }
        }
    }

    async fn open(&self, slot: Slot, wanted: Wanted<'_>) -> Result<Lease, Failure> {
        let bound = Duration::from_millis(self.options.connect_ms_max);
        let connecting = connect::connect(&self.member, &self.account, wanted.capabilities, wanted.state);
        let opened = match timer::timeout(bound, connecting).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Connect {
                member: self.member.at.clone(),
                cause: std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "no answer within limits.backend_connect_ms_max",
                ),
            }),
        };
        let verified = match opened {
            Ok(Opened { mut connection, version }) => {
                self.member.verify_weights(&mut connection, &version).await.map(|()| connection)
            }
            Err(failure) => Err(failure),
        };
        match verified {
            Ok(connection) => Ok(Lease { connection: Box::new(connection), slot }),
            Err(failure) => {
                self.member.forget();
                self.member.complain(&failure);
                Err(failure)
            }
        }
    }

    /// What the server says of itself, over a connection that is pooled afterwards.
    pub async fn probe(self: &Arc<Self>) -> Result<Arc<ServerFacts>, Failure> {
        let state = Arc::new(State::new(45, None));
        let lease = self.acquire(Wanted { capabilities: 0, state: &state }).await?;
        let facts = lease.member.facts();
        lease.release();
        facts.ok_or_else(|| Failure::Policy { member: self.member.at.clone(), what: "did not say its version" })
    }

    /// Tells the server to end what its connection `thread_id` does, over a connection of its own that is outside the
    /// pool's bound: a full pool is when a cancel is needed most.
    pub async fn kill_query(&self, thread_id: u32) -> Result<(), Failure> {
        let state = Arc::new(State::new(45, None));
        let bound = Duration::from_millis(self.options.connect_ms_max);
        let kill = async {
            let _place = self.member.cancels.acquire().await.expect("the semaphore is never closed");
            let mut connection = connect::connect(&self.member, &self.account, 0, &state).await?.connection;
            let mut command = vec![0x03];
            command.extend_from_slice(format!("KILL QUERY {thread_id}").as_bytes());
            // An error says that there is no such thread any more, which is what was wanted.
            connection.call(&command).await?;
            self.member.metrics.cancels.increment(1);
            Ok(())
        };
        match timer::timeout(bound, kill).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Connect {
                member: self.member.at.clone(),
                cause: std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer to KILL QUERY"),
            }),
        }
    }

    /// Opens connections until there are as many as are kept; the first one that fails ends it.
    pub async fn warm(self: &Arc<Self>) {
        let state = Arc::new(State::new(45, None));
        while let Some((slot, capabilities)) = self.missing() {
            match self.open(slot, Wanted { capabilities, state: &state }).await {
                Ok(lease) => lease.release(),
                Err(_) => return,
            }
        }
    }

    fn missing(self: &Arc<Self>) -> Option<(Slot, u32)> {
        let mut inner = self.inner();
        if inner.open >= self.options.connections_min.min(self.options.connections_max) {
            return None;
        }
        inner.open += 1;
        Some((Slot::new(self.clone()), inner.capabilities))
    }

    /// Closes idle connections that are too old, or idled longer than the bound but for `kept` of them, and takes the buffers of those that idle; called every
    /// second. It alone looks at the clock, so that a release need not: an age counts from the first call that finds
    /// the connection idle.
    pub fn reap(&self, now: Instant, kept: usize) {
        let (idle, age) =
            (Duration::from_millis(self.options.idle_ms_max), Duration::from_millis(self.options.age_ms_max));
        let mut guard = self.inner();
        let inner = &mut *guard;
        let idle_for = |connection: &mut Connection| {
            let age = now.saturating_duration_since(*connection.idle_since.get_or_insert(now));
            if age >= BUFFER_KEPT {
                connection.buffer.shrink(0);
            }
            age
        };
        let open = &mut inner.open;
        let is_over = |connection: &mut Box<Connection>| {
            let is_idle = idle_for(connection) >= jittered(idle, connection.id) && *open > kept;
            let is_old = now.saturating_duration_since(connection.opened) >= jittered(age, connection.id);
            *open -= usize::from(is_idle || is_old);
            is_idle || is_old
        };
        let over: Vec<_> = inner.idle.extract_if(.., is_over).collect();
        drop(guard);
        drop(over);
    }

    fn put_back(self: Arc<Self>, mut connection: Box<Connection>) {
        loop {
            let mut inner = self.inner();
            let Some(waiter) = inner.waiters.pop_front() else {
                inner.idle.push(connection);
                return;
            };
            drop(inner);
            match waiter.send(Grant::Lease(Lease::new(connection, self.clone()))) {
                Ok(()) => return,
                Err(Grant::Lease(returned)) => {
                    let Lease { connection: back, slot } = returned;
                    slot.keep();
                    connection = back;
                }
                Err(Grant::Slot(_)) => unreachable!("a lease was sent"),
            }
        }
    }

    fn slot_freed(self: &Arc<Self>) {
        loop {
            let mut inner = self.inner();
            let Some(waiter) = inner.waiters.pop_front() else {
                inner.open -= 1;
                return;
            };
            drop(inner);
            match waiter.send(Grant::Slot(Slot::new(self.clone()))) {
                Ok(()) => return,
                // Its receiver is gone; the place goes to the next, without the drop that would call us again.
                Err(Grant::Slot(slot)) => slot.keep(),
                Err(Grant::Lease(_)) => unreachable!("a slot was sent"),
            }
        }
    }
}

/// The bound for one connection, up to a tenth below the given one: those that were opened at one moment do not end at one.
fn jittered(bound: Duration, id: u64) -> Duration {
    // Knuth's multiplicative hash; its upper bits are the mixed ones.
    let sixty_fourths = u32::try_from(id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58).unwrap_or(0);
    bound - bound / 640 * sixty_fourths
}

/// The index of the idle connection to take: one that has the wanted state already, else the warmest that fits.
fn choose(idle: &[Box<Connection>], wanted: Wanted<'_>) -> Option<usize> {
    let mut found = None;
    for (at, connection) in idle.iter().enumerate().rev() {
        if wanted.fits(connection) {
            if Arc::ptr_eq(&connection.state, wanted.state) {
                return Some(at);
            }
            found = found.or(Some(at));
        }
        if found.is_some() && idle.len() - at > LOOK_MAX {
            break;
        }
    }
    found
}

/// The right to have one connection open.
#[derive(Debug)]
struct Slot(Option<Arc<Pool>>);

impl Slot {
    fn new(pool: Arc<Pool>) -> Self {
        Slot(Some(pool))
    }

    /// Ends the slot without giving the place back: the connection in it lives on.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take() {
            pool.slot_freed();
        }
    }
}

/// A connection for exclusive use. Dropped, it is closed; released, it goes back to the pool.
#[derive(Debug)]
pub struct Lease {
    connection: Box<Connection>,
    slot: Slot,
}

impl Lease {
    /// A small command of Meridian's own: a failure if it is not answered within the limit on connecting. The connection is not
    /// to be used then.
    pub async fn call_soon(&mut self, payload: &[u8]) -> Result<Reply, Failure> {
        let bound = Duration::from_millis(self.pool().options.connect_ms_max);
        match timer::timeout(bound, self.call(payload)).await {
            Ok(done) => done,
            Err(_) => Err(self.lost(std::io::ErrorKind::TimedOut.into(), false)),
        }
    }

    fn new(connection: Box<Connection>, pool: Arc<Pool>) -> Self {
        Lease { connection, slot: Slot::new(pool) }
    }

    pub fn pool(&self) -> &Arc<Pool> {
        self.slot.0.as_ref().expect("a lease's slot is kept only where the lease ends")
    }

    /// Gives the connection back. The caller vouches for its state: nothing unread, nothing under way, not tainted.
    pub fn release(mut self) {
        self.connection.idle_since = None;
        // The buffer stays as long as connections go from hand to hand: to allocate it anew for each statement costs
        // more than all the rest of a release. `reap` takes it.
        self.connection.buffer.shrink(RELAY_CAPACITY);
        let pool = self.slot.0.take().expect("a lease's slot is kept only where the lease ends");
        pool.put_back(self.connection);
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
