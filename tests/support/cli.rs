//! Real clients: MariaDB's and MySQL 9's `mysql`, PyMySQL, mysql2 and sysbench.
//!
//! PyMySQL and mysql2 are installed once, below target/clients. Each run is a process of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::server::{in_root, mysql9_root};

/// A `mysql` command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cli {
    MariaDb,
    MySql9,
}

/// What a client printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub out: String,
    pub err: String,
    pub ok: bool,
}

impl Cli {
    pub const EACH: [Cli; 2] = [Cli::MariaDb, Cli::MySql9];

    /// The command as app; None where MySQL 9 cannot be had.
    pub fn command(self, port: u16, database: &str) -> Option<Command> {
        let mut command = match self {
            Cli::MariaDb => Command::new("mariadb"),
            Cli::MySql9 => {
                let (root, _) = mysql9_root()?;
                let mut command = in_root(&root);
                command.arg("mysql");
                command
            }
        };
        command.args(["--no-defaults", "-h127.0.0.1", &format!("-P{port}"), "-uapp", "-papp-password"]);
        command.arg("--default-character-set=utf8mb4");
        command.env("LC_ALL", "C.UTF-8").env("TERM", "dumb");
        if !database.is_empty() {
            command.arg(database);
        }
        Some(command)
    }

    /// Feeds statements to the client in batch mode.
    pub fn feed(self, port: u16, database: &str, statements: &str) -> Option<Run> {
        Some(run(&mut self.command(port, database)?, statements))
    }
}

/// Runs a command with a text on stdin.
pub fn run(command: &mut Command, input: &str) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    // In a thread of its own: a client that answers before it has read everything must not block both of us.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the client ran");
    // A client that stops at an error closes its input early.
    let _ = writer.join().expect("the writer does not panic");
    Run::of(&output)
}

impl Run {
    fn of(output: &Output) -> Run {
        // The same warning of every `mysql` that gets a password as an argument.
        let err = String::from_utf8_lossy(&output.stderr)
            .lines()
            .filter(|line| !line.contains("Using a password on the command line"))
            .collect::<Vec<_>>()
            .join("\n");
        Run { out: String::from_utf8_lossy(&output.stdout).into_owned(), err, ok: output.status.success() }
    }

    /// The output of a run that has to succeed without complaint.
    pub fn fine(self) -> String {
        assert!(self.ok && self.err.is_empty(), "{self:?}");
        self.out
    }
}

/// Runs a script of tests/clients with PyMySQL or mysql2, by its ending; arguments: port, database, and what is given.
pub fn script(name: &str, port: u16, database: &str, arguments: &[&str]) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
    let mut command = match path.extension().and_then(|e| e.to_str()) {
        Some("py") => Command::new(python()),
        Some("js") => {
            let mut node = Command::new("node");
            node.env("NODE_PATH", node_modules());
            node
        }
        _ => panic!("{name}: neither Python nor JavaScript"),
    };
    command.arg(&path).arg(port.to_string()).arg(database).args(arguments);
    run(&mut command, "")
}

/// sysbench against a port and the database sbtest; `words` are options and the command.
pub fn sysbench(port: u16, workload: &str, words: &[&str]) -> Run {
    let mut command = Command::new("sysbench");
    command.arg(workload).args(["--db-driver=mysql", "--mysql-host=127.0.0.1", &format!("--mysql-port={port}")]);
    command.args(["--mysql-user=app", "--mysql-password=app-password", "--mysql-db=sbtest"]).args(words);
    run(&mut command, "")
}

/// The interpreter of an environment that has PyMySQL.
fn python() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| clients().join("python/bin/python"))
}

fn node_modules() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| clients().join("node/node_modules"))
}

/// Installs the clients once per machine.
fn clients() -> PathBuf {
    let made = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/clients.sh")).output();
    let made = made.expect("the script is executable");
    assert!(made.status.success(), "clients.sh failed:\n{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim())
}
