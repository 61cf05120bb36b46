//! A relay between the proxy and a server that misbehaves when told to.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{Raw, Reply};

/// What the relay does at the trigger.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Sends these bytes to the proxy instead of passing the command on.
    Answer(Vec<u8>),
    /// Closes both sides before the command is passed on.
    Close,
    /// Passes the command on, and this many bytes of what comes back; then closes both sides.
    CloseAfter(usize),
    /// Passes the command on and none of the answer, for as long as the relay lives.
    Silence,
    /// Runs these statements on the server as admin, then passes the command on.
    Run(String),
}

#[derive(Debug, Clone, Default)]
struct Rule {
    trigger: Vec<u8>,
    fault: Option<Fault>,
}

/// Listens on a port of its own, passes everything to a server, until bytes towards the server contain the trigger.
/// Its threads end with the connections.
#[derive(Debug)]
pub struct Relay {
    pub port: u16,
    rule: Arc<Mutex<Rule>>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    accepted: Arc<AtomicUsize>,
}

impl Relay {
    pub fn to(server: u16) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let rule = Arc::new(Mutex::new(Rule::default()));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::new(AtomicUsize::new(0));
        let relay =
            Relay { port, rule: Arc::clone(&rule), streams: Arc::clone(&streams), accepted: Arc::clone(&accepted) };
        std::thread::spawn(move || {
            for front in listener.incoming() {
                let Ok(front) = front else { return };
                accepted.fetch_add(1, Ordering::SeqCst);
                let Ok(back) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
                let _ = front.set_nodelay(true).and_then(|()| back.set_nodelay(true));
                let mut held = streams.lock().expect("no panic while it is held");
                held.extend([clone(&front), clone(&back)]);
                drop(held);
                connection(&front, &back, &rule, server);
            }
        });
        relay
    }

    pub fn at(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The next command that contains `trigger` meets the fault; once.
    pub fn set(&self, trigger: &str, fault: Fault) {
        *self.rule.lock().expect("no panic while it is held") = Rule { trigger: trigger.into(), fault: Some(fault) };
    }

    /// Whether the fault that was set is still to come.
    pub fn is_set(&self) -> bool {
        self.rule.lock().expect("no panic while it is held").fault.is_some()
    }

    /// How many connections there have been.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Closes all connections.
    pub fn cut(&self) {
        for stream in self.streams.lock().expect("no panic while it is held").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a second handle of a socket")
}

/// Bytes of the answer that may still pass; None: all.
type Allowance = Arc<Mutex<Option<usize>>>;

fn connection(front: &TcpStream, back: &TcpStream, rule: &Arc<Mutex<Rule>>, server: u16) {
    let allowance = Allowance::default();
    let (mut from, mut to, rule) = (clone(front), clone(back), Arc::clone(rule));
    let allow = Arc::clone(&allowance);
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut chunk) {
            let passed = match fault(&rule, &chunk[..n]) {
                None => to.write_all(&chunk[..n]),
                Some(Fault::Answer(bytes)) => from.write_all(&bytes),
                Some(Fault::Close) => break,
                Some(Fault::CloseAfter(bytes)) => {
                    *allow.lock().expect("no panic while it is held") = Some(bytes);
                    to.write_all(&chunk[..n])
                }
                // With nothing allowed, the other direction holds back all that comes.
                Some(Fault::Silence) => {
                    *allow.lock().expect("no panic while it is held") = Some(usize::MAX);
                    to.write_all(&chunk[..n])
                }
                Some(Fault::Run(statements)) => {
                    for reply in Raw::admin(server).expect("the server answers").query(&statements) {
                        assert!(!matches!(reply, Reply::Error(_)), "{statements}: {reply:?}");
                    }
                    to.write_all(&chunk[..n])
                }
            };
            if passed.is_err() {
                break;
            }
        }
        close(&from, &to);
    });
    let (mut from, mut to) = (clone(back), clone(front));
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut chunk) {
            let mut left = allowance.lock().expect("no panic while it is held");
            let pass = match *left {
                None => n,
                Some(usize::MAX) => continue,
                Some(bytes) => bytes.min(n),
            };
            if let Some(bytes) = left.as_mut() {
                *bytes -= pass;
            }
            drop(left);
            if to.write_all(&chunk[..pass]).is_err() || pass < n {
                break;
            }
        }
        close(&from, &to);
    });
}

fn fault(rule: &Mutex<Rule>, bytes: &[u8]) -> Option<Fault> {
    let mut rule = rule.lock().expect("no panic while it is held");
    let hit = rule.fault.is_some() && bytes.windows(rule.trigger.len().max(1)).any(|window| window == rule.trigger);
    if hit { rule.fault.take() } else { None }
}

fn close(a: &TcpStream, b: &TcpStream) {
    let _ = a.shutdown(Shutdown::Both);
    let _ = b.shutdown(Shutdown::Both);
}
