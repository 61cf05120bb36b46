//! A child process that ends with its value.

use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use super::until;

/// How long a process may take to end after SIGTERM before it is killed.
const MERCY: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Process {
    child: Child,
    status: Option<ExitStatus>,
}

impl Process {
    pub fn spawn(command: &mut Command) -> Process {
        let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Process { child, status: None }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("the child is ours");
        }
        self.status
    }

    /// Sends a signal, as `TERM`, unless it has ended.
    pub fn signal(&mut self, name: &str) {
        if self.ended().is_none() {
            signal(self.id(), name);
            if name == "STOP" {
                until(MERCY, || is_stopped(self.id()).then_some(())).expect("it stops");
            }
        }
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, bound: Duration) -> Option<ExitStatus> {
        until(bound, || self.ended())
    }

    /// SIGTERM, a bounded wait, SIGKILL.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        match self.wait(MERCY) {
            Some(status) => status,
            None => self.kill(),
        }
    }

    pub fn kill(&mut self) -> ExitStatus {
        if self.ended().is_none() {
            self.child.kill().expect("the child is ours and has not been waited for");
        }
        let status = self.child.wait().expect("the child is ours");
        self.status = Some(status);
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// Sends a signal to one process by its id.
pub fn signal(id: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().expect("sh is there");
    assert!(sent.success(), "kill -{name} {id}");
}

/// Whether each thread of a process is stopped; the signal has them do so one after the other.
fn is_stopped(id: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("the process lives");
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // Behind the name, which may hold anything, comes the state.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}

/// A figure of /proc/ID/status in KiB, as `VmHWM`, the most memory that was resident.
pub fn memory_kib(id: u32, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process lives");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("a figure of /proc/ID/status");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("`VmHWM:  123 kB`")
}

/// A command that ends when the thread that started it dies, whatever the reason.
pub fn dying_with_us(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}
