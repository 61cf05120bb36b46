//! Processes that do not outlive this one: the servers of a playground, and what prepares their data.
//!
//! `setpriv` has the kernel kill a child when the thread that started it ends, whatever the reason. So [`Processes`] stays on
//! one thread, the main one. Each child has a process group of its own: Ctrl-C in a terminal reaches this process alone.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::net::timer;

/// How long servers may take to end after SIGTERM before they are killed.
const MERCY: Duration = Duration::from_secs(30);
/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Children that run; dropped, they are killed.
#[derive(Default)]
pub(super) struct Processes {
    running: Vec<Process>,
    /// Not Send: see above.
    thread: PhantomData<*const ()>,
}

struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Processes {
    /// Starts a child, whose output goes to `log`.
    pub fn start(&mut self, name: &str, command: &mut Command, log: &Path) -> io::Result<()> {
        let process = Process::start(name, command, log)?;
        self.running.push(process);
        Ok(())
    }

    /// The last lines of its log, if a child of this name has ended.
    pub fn ended(&mut self, name: &str) -> Option<String> {
        let process = self.running.iter_mut().find(|process| process.name == name)?;
        process.status().map(|_| tail(&process.log))
    }

    pub fn id(&self, name: &str) -> Option<u32> {
        self.running.iter().find(|process| process.name == name).map(|process| process.child.id())
    }

    /// Ends all in good order, so that their data can be gone on with.
    pub async fn end(&mut self) {
        for process in &mut self.running {
            process.signal(Signal::TERM);
        }
        let all = async {
            while self.running.iter_mut().any(|process| process.status().is_none()) {
                timer::sleep(LOOK).await;
            }
        };
        // Those that are left are killed by Drop.
        let _ = timer::timeout(MERCY, all).await;
    }
}

/// Runs a child to its end; the end of what it printed, if it failed.
pub(super) async fn run(command: &mut Command, log: &Path) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut process = Process::start(&program, command, log).map_err(|error| format!("{program}: {error}"))?;
    loop {
        match process.status() {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("{program} ended with {status}:\n{}", tail(log))),
            None => timer::sleep(LOOK).await,
        }
    }
}

impl Process {
    fn start(name: &str, command: &mut Command, log: &Path) -> io::Result<Process> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = command.process_group(0).stdout(output.try_clone()?).stderr(output).spawn()?;
        Ok(Process { name: name.to_owned(), child, log: log.to_path_buf() })
    }

    /// How it ended, if it has.
    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn signal(&mut self, signal: Signal) {
        if self.status().is_none() {
            // It is its group's first, and has not been waited for: the number is still its own.
            let _ = kill_process_group(Pid::from_child(&self.child), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The last lines of a file.
fn tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
