//! A client in a pseudo terminal, as a person uses it: prompts, tab completion, Ctrl-C.
//!
//! `script` of util-linux makes the terminal; what is written to it arrives as if typed.

use std::io::{Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::process::dying_with_us;
use super::{Process, await_that};

pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";

#[derive(Debug)]
pub struct Pty {
    stdin: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
    /// Up to where `expect` has read.
    seen: usize,
    process: Process,
}

impl Pty {
    pub fn start(command: &Command) -> Pty {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let line: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        let mut process = Process::spawn(
            dying_with_us("script")
                .args(["-q", "-e", "-f", "-c", &format!("exec {}", line.join(" ")), "/dev/null"])
                .env("TERM", "dumb")
                .env("LC_ALL", "C.UTF-8")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let stdin = process.child().stdin.take().expect("piped");
        let mut stdout = process.child().stdout.take().expect("piped");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&shown);
        // Ends with the terminal.
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = stdout.read(&mut chunk) {
                sink.lock().expect("no panic while it is held").extend_from_slice(&chunk[..n]);
            }
        });
        Pty { stdin, shown, seen: 0, process }
    }

    pub fn write(&mut self, text: &str) {
        self.stdin.write_all(text.as_bytes()).and_then(|()| self.stdin.flush()).expect("the terminal is open");
    }

    /// Waits until `text` is shown behind what was expected before; gives everything up to its end.
    pub fn expect(&mut self, text: &str) -> String {
        let what = format!("a terminal that shows {text:?}");
        let shown = Arc::clone(&self.shown);
        let begin = self.seen;
        let end = super::until(super::PATIENCE, || {
            let shown = shown.lock().expect("no panic while it is held");
            let at = shown[begin..].windows(text.len()).position(|window| window == text.as_bytes())?;
            Some(begin + at + text.len())
        });
        let Some(end) = end else { panic!("{what}; it shows:\n{}", self.all()) };
        self.seen = end;
        String::from_utf8_lossy(&self.shown.lock().expect("no panic while it is held")[begin..end]).into_owned()
    }

    /// Everything shown so far.
    pub fn all(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no panic while it is held")).into_owned()
    }

    /// Ctrl-D, and its end.
    pub fn end(mut self) {
        self.write(CTRL_D);
        await_that("the client ends after Ctrl-D", || self.process.ended());
    }
}
