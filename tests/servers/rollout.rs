//! A rollout of the Deployment under load: each pod is replaced by a new one, as the controller, the kubelet and the Service
//! do it, while clients write, read and hold transactions open. No statement fails.
//!
//! A client may find its connection closed where it stands between statements, outside a transaction. It connects again and
//! says its statement again, which is safe because that statement was never run; the test looks whether it was.

use std::collections::BTreeSet;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::deployed::Pod;
use crate::support::proxy::get;
use crate::support::{PATIENCE, Pair, Raw, Reply, await_that};

/// Where the keys of the second server begin.
const SECOND: u64 = 1_000_000;

/// The Service: a new connection goes to one of the pods that are ready; those that are open stay where they are.
#[derive(Default)]
struct Service {
    ports: Mutex<Vec<u16>>,
    next: AtomicUsize,
    stop: AtomicBool,
    /// What each client has done.
    done: [AtomicU64; CLIENTS],
    /// Connections that were found closed between two statements.
    closed: AtomicU64,
}

type Client = fn(&mut Session<'_>, u64) -> io::Result<BTreeSet<u64>>;
const CLIENTS: usize = 6;

impl Service {
    fn add(&self, pod: &Pod) {
        self.ports.lock().expect("nobody panicked").push(pod.port);
    }

    fn remove(&self, pod: &Pod) {
        self.ports.lock().expect("nobody panicked").retain(|port| *port != pod.port);
    }

    fn connect(&self) -> Raw {
        let port = {
            let ports = self.ports.lock().expect("nobody panicked");
            ports[self.next.fetch_add(1, Ordering::Relaxed) % ports.len()]
        };
        Raw::app(port, "shop").unwrap_or_else(|error| panic!("a pod of the Service takes no client: {error}"))
    }

    /// Until every client has got on.
    fn await_progress(&self) {
        let before: Vec<u64> = self.done.iter().map(|done| done.load(Ordering::Relaxed)).collect();
        await_that("every client gets on", || {
            let all = self.done.iter().zip(&before).all(|(done, before)| done.load(Ordering::Relaxed) >= before + 5);
            assert!(!self.stop.load(Ordering::Relaxed), "a client has ended");
            all.then_some(())
        });
    }
}

/// A client's connection.
struct Session<'s> {
    service: &'s Service,
    raw: Raw,
    /// What was prepared on this connection.
    prepared: Option<u32>,
}

impl Session<'_> {
    /// Behind a command that got no answer, not even the beginning of one.
    fn again(&mut self, error: io::Error) {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        let closed = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(&error.kind());
        assert!(closed && self.raw.sequence == 1, "{error}, at packet {}", self.raw.sequence);
        self.service.closed.fetch_add(1, Ordering::Relaxed);
        self.raw = self.service.connect();
        self.prepared = None;
    }

    /// A statement outside a transaction; an answer that never began is none.
    fn first(&mut self, text: &str) -> Reply {
        loop {
            match self.raw.try_query(text.as_bytes()) {
                Ok(mut replies) => return replies.remove(0),
                Err(error) => self.again(error),
            }
        }
    }

    fn insert(&mut self, id: u64) {
        match self.first(&format!("INSERT INTO customers (id, name, city) VALUES ({id}, 'rollout', 'Oslo')")) {
            // Also that it was not there: said twice, it was run once.
            Reply::Ok(done) => assert_eq!(done.affected, 1),
            other => panic!("{id}: {other:?}"),
        }
    }
}

/// Rows on both servers in turn, each by itself.
fn writes(session: &mut Session<'_>, id: u64) -> io::Result<BTreeSet<u64>> {
    let ids = [id, SECOND + id];
    ids.iter().for_each(|id| session.insert(*id));
    Ok(ids.into())
}

/// Two rows in one transaction. From the answer to BEGIN to that to COMMIT nothing may fail.
fn transactions(session: &mut Session<'_>, id: u64) -> io::Result<BTreeSet<u64>> {
    assert!(matches!(session.first("BEGIN"), Reply::Ok(_)));
    let ids = [SECOND + id, SECOND + id + 1];
    for id in ids {
        let insert = format!("INSERT INTO customers (id, name, city) VALUES ({id}, 'rollout', 'Oslo')");
        assert!(matches!(session.raw.try_query(insert.as_bytes())?[..], [Reply::Ok(_)]));
    }
    assert!(matches!(session.raw.try_query(b"SELECT total FROM orders WHERE id = 1")?[..], [Reply::Rows(_)]));
    assert!(matches!(session.raw.try_query(b"COMMIT")?[..], [Reply::Ok(_)]));
    Ok(ids.into())
}

/// A prepared statement, prepared again on each connection, and a read of both servers.
fn reads(session: &mut Session<'_>, _: u64) -> io::Result<BTreeSet<u64>> {
    match session.first("SELECT id FROM customers WHERE id IN (42, 1000042)") {
        Reply::Rows(rows) => assert_eq!(rows.rows.len(), 2),
        other => panic!("{other:?}"),
    }
    let executed = |session: &mut Session<'_>| {
        let bound = session.prepared.is_none();
        let id = match session.prepared {
            Some(id) => id,
            None => session.raw.try_prepare("SELECT name FROM users WHERE id = ?")?.expect("it is sound").0,
        };
        session.prepared = Some(id);
        session.raw.try_execute(id, &[1], bound)
    };
    loop {
        match executed(session) {
            Ok(replies) => {
                assert!(matches!(replies[..], [Reply::Rows(_)]), "{replies:?}");
                return Ok(BTreeSet::new());
            }
            Err(error) => session.again(error),
        }
    }
}

/// A connection for each statement.
fn visits(session: &mut Session<'_>, id: u64) -> io::Result<BTreeSet<u64>> {
    session.raw = session.service.connect();
    session.insert(id);
    Ok([id].into())
}

#[test]
fn a_rollout_fails_no_statement() {
    let pair = Pair::mariadb();
    let clients: [Client; CLIENTS] = [writes, writes, transactions, transactions, reads, visits];
    let service = &Service::default();
    let mut old = [Pod::start(&pair), Pod::start(&pair)];
    old.iter().for_each(|pod| service.add(pod));
    let mut written = BTreeSet::new();
    thread::scope(|scope| {
        let ends = Ends(&service.stop);
        let clients: Vec<_> = (0..CLIENTS as u64)
            .map(|at| {
                scope.spawn(move || {
                    let ends = Ends(&service.stop);
                    let mut session = Session { service, raw: service.connect(), prepared: None };
                    let (mut written, mut id) = (BTreeSet::new(), 10_000 + 100_000 * at);
                    while !service.stop.load(Ordering::Relaxed) {
                        let done = clients[at as usize](&mut session, id);
                        written.extend(done.unwrap_or_else(|error| panic!("client {at} with {id}: {error}")));
                        service.done[at as usize].fetch_add(1, Ordering::Relaxed);
                        id += 2;
                    }
                    drop(ends);
                    written
                })
            })
            .collect();
        service.await_progress();
        let mut new = Vec::new();
        for (at, pod) in old.iter_mut().enumerate() {
            // maxSurge: 1, maxUnavailable: 0.
            new.push(Pod::start(&pair));
            service.add(&new[at]);
            let id = SECOND + 900_000 + at as u64;
            let mut held = Raw::app(pod.port, "shop").expect("it serves");
            held.ok("BEGIN");
            held.ok(&format!("INSERT INTO customers (id, name, city) VALUES ({id}, 'held', 'Oslo')"));
            written.insert(id);

            // The Service hears of the end later than the pod does: new clients come meanwhile.
            pod.terminate();
            let before = logins(pod);
            await_that("new clients come", || (logins(pod) > before).then_some(()));
            service.remove(pod);
            service.await_progress();
            pod.end_accepting();
            await_that("it takes nobody any more", || Raw::greeted(pod.port).is_err().then_some(()));
            service.await_progress();
            assert_eq!(pod.process.ended(), None, "a transaction is open");
            held.ok("COMMIT");
            assert!(held.closed());
            let ended = pod.process.wait(PATIENCE).expect("it ends");
            assert!(ended.success() && pod.log().contains("drained"), "{ended}:\n{}", pod.log());
        }
        service.await_progress();
        drop(ends);
        written.extend(clients.into_iter().flat_map(|client| client.join().expect("no statement failed")));
    });
    assert!(service.closed.load(Ordering::Relaxed) > 0, "no client had to connect again");
    let on = |server: &crate::support::Server, rows: &str| -> Vec<u64> {
        let rows = server.rows(&format!("SELECT id FROM shop.customers WHERE name IN ('rollout', 'held') AND {rows}"));
        rows.lines().iter().map(|id| id.parse().expect("a key")).collect()
    };
    let found: BTreeSet<u64> =
        on(&pair.first, "id < 1000000").into_iter().chain(on(&pair.second, "id >= 1000000")).collect();
    assert_eq!(found, written);
}

fn logins(pod: &Pod) -> u64 {
    let (_, page) = get(pod.admin, "/metrics").expect("it lives");
    let logins = page.lines().find_map(|line| line.strip_prefix("meridian_logins_total "));
    logins.and_then(|logins| logins.parse().ok()).expect("a figure")
}

/// The clients end with the test, and the test with a client that fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
