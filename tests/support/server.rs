//! Real database servers: MariaDB of this machine, MySQL 9 of the root made by `mysql9.sh`.
//!
//! Each has a copy of a data folder that was initialised once, with the accounts of `accounts.sql`:
//! app/app-password (databases shop, other, sbtest) and admin/admin-password (everything).
//! A server that is restarted keeps its port and its rows.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::folder::{free_port, serial};
use super::{Folder, PATIENCE, Process, Raw, Reply, Rows, until};

pub const SUPPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support");

/// Flushes nothing: no test needs a server's rows after a crash of the machine.
const MARIADB_OPTIONS: [&str; 11] = [
    "--no-defaults",
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--sync-binlog=0",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--max-allowed-packet=64M",
];

const MYSQL9_OPTIONS: [&str; 9] = [
    "--no-defaults",
    "--innodb-redo-log-capacity=16M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--mysqlx=OFF",
    "--max-allowed-packet=64M",
];

pub struct MariaDb;
pub struct MySql9;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    MariaDb,
    MySql9,
}

/// A running (or killed) server; ends on Drop.
#[derive(Debug)]
pub struct Server {
    pub kind: Kind,
    pub port: u16,
    process: Option<Process>,
    options: Vec<String>,
    /// `/` or the root of MySQL 9.
    root: PathBuf,
    folder: Folder,
}

impl MariaDb {
    /// Starts a MariaDB with further options, as `--wait-timeout=2`.
    pub fn start(name: &str, options: &[&str]) -> Server {
        let template = script("mariadb.sh", &["template"]).pop().expect("the script prints the template's path");
        let folder = Folder::new(name);
        Server::start(Kind::MariaDb, PathBuf::from("/"), Path::new(&template), folder, options)
    }
}

impl MySql9 {
    /// Starts a MySQL 9; None, and a line that says so, where it cannot be had: it takes root. As root its absence is an error.
    pub fn start(name: &str, options: &[&str]) -> Option<Server> {
        let (root, template) = mysql9_root()?;
        let within = root.join("srv").join(format!("{}-{}-{name}", std::process::id(), serial()));
        let folder = Folder::at(within);
        Some(Server::start(Kind::MySql9, root.clone(), &root.join(template.trim_start_matches('/')), folder, options))
    }
}

/// A command to be run inside the root of MySQL 9. Its /proc is mounted in a mount namespace of the command's own, so that
/// nothing is left mounted, and the folder can be deleted like any other.
pub fn in_root(root: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c"]);
    command.arg("mount -t proc proc \"$0/proc\" && exec chroot \"$0\" \"$@\"").arg(root);
    command
}

/// The root that holds MySQL 9 and the path of the initialised data folder within it.
pub fn mysql9_root() -> Option<(PathBuf, String)> {
    let reason = if std::env::var_os("MERIDIAN_MYSQL9_SKIP").is_some() {
        "MERIDIAN_MYSQL9_SKIP is set"
    } else if !is_root() {
        "it takes root"
    } else {
        let [root, template] = script("mysql9.sh", &[]).try_into().expect("the script prints two lines");
        return Some((PathBuf::from(root), template));
    };
    // Not eprintln: the runner would swallow it.
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: a test with MySQL 9 ({reason})");
    None
}

pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("/proc is mounted").uid() == 0
}

/// The lines that a script of this folder prints.
fn script(name: &str, arguments: &[&str]) -> Vec<String> {
    let run = Command::new(format!("{SUPPORT}/{name}")).args(arguments).output().expect("the script is executable");
    assert!(run.status.success(), "{name} failed:\n{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("paths in UTF-8").lines().map(str::to_owned).collect()
}

impl Server {
    fn start(kind: Kind, root: PathBuf, template: &Path, folder: Folder, options: &[&str]) -> Server {
        let copied =
            Command::new("cp").args(["-a", "--reflink=auto"]).arg(template).arg(folder.path().join("data")).status();
        assert!(copied.expect("cp is there").success(), "cp of {}", template.display());
        // MySQL makes itself another identity: servers that share one do not replicate.
        let _ = std::fs::remove_file(folder.path().join("data/auto.cnf"));
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).expect("the folder is ours");
        if is_root() {
            let data = std::fs::metadata(folder.path().join("data")).expect("just copied");
            for path in [folder.path(), &temporary] {
                std::os::unix::fs::chown(path, Some(data.uid()), Some(data.gid())).expect("we are root");
            }
        }
        let options = options.iter().map(|&o| o.to_owned()).collect();
        let mut server = Server { kind, port: free_port(), process: None, options, root, folder };
        // Another process may take the port between our look and the server's bind.
        for _ in 0..5 {
            if server.run() {
                return server;
            }
            assert!(server.log().contains("ddress already in use"), "{kind:?} did not start:\n{}", server.log_tail());
            server.port = free_port();
        }
        panic!("five ports in a row were taken by others:\n{}", server.log_tail());
    }

    /// Starts the process and waits until it answers. False if it ended instead.
    fn run(&mut self) -> bool {
        let log = std::fs::File::create(self.folder.path().join("error.log")).expect("the folder is ours");
        let mut process = Process::spawn(
            self.command().stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle of a file")).stderr(log),
        );
        let answered = until(PATIENCE, || {
            if process.ended().is_some() {
                return Some(false);
            }
            Raw::admin(self.port).ok().map(|_| true)
        });
        match answered {
            Some(true) => self.process = Some(process),
            Some(false) => {}
            None => panic!("{:?} answers nobody:\n{}", self.kind, self.log_tail()),
        }
        answered == Some(true)
    }

    fn command(&self) -> Command {
        let as_user = ["--reuid=mysql", "--regid=mysql", "--clear-groups"];
        let mut command = match self.kind {
            Kind::MariaDb => Command::new("setpriv"),
            Kind::MySql9 => {
                let mut command = in_root(&self.root);
                command.arg("setpriv");
                command
            }
        };
        if is_root() {
            command.args(as_user);
        }
        command.args(["--pdeathsig", "KILL"]);
        // The folder as the server sees it.
        let seen = Path::new("/").join(self.folder.path().strip_prefix(&self.root).expect("the folder is in the root"));
        match self.kind {
            Kind::MariaDb => command.arg("/usr/sbin/mariadbd").args(MARIADB_OPTIONS),
            Kind::MySql9 => command.arg("/usr/sbin/mysqld").args(MYSQL9_OPTIONS),
        };
        command
            .arg(format!("--datadir={}", seen.join("data").display()))
            // One's start would delete another's temporary tables from a folder that they share.
            .arg(format!("--tmpdir={}", seen.join("tmp").display()))
            .arg(format!("--socket={}", seen.join("socket").display()))
            .arg(format!("--pid-file={}", seen.join("pid").display()))
            .arg(format!("--port={}", self.port))
            .arg("--bind-address=127.0.0.1")
            .args(&self.options);
        command
    }

    pub fn at(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The family as shard maps name it.
    pub fn family(&self) -> &'static str {
        match self.kind {
            Kind::MariaDb => "mariadb",
            Kind::MySql9 => "mysql",
        }
    }

    /// A connection as app, without a database.
    pub fn connect(&self) -> Raw {
        Raw::app(self.port, "").expect("the server answers")
    }

    /// Runs statements as admin; each has to succeed.
    pub fn run_all(&self, statements: &[&str]) {
        let mut admin = Raw::admin(self.port).expect("the server answers");
        for statement in statements {
            for reply in admin.query(statement) {
                assert!(!matches!(reply, Reply::Error(_)), "{statement}: {reply:?}");
            }
        }
    }

    /// Loads a text of several statements, as admin.
    pub fn load(&self, text: &str) {
        let mut admin = Raw::admin(self.port).expect("the server answers");
        for reply in admin.query(text) {
            assert!(!matches!(reply, Reply::Error(_)), "{reply:?} in\n{text}");
        }
    }

    /// One value, as admin.
    pub fn value(&self, statement: &str) -> String {
        let mut admin = Raw::admin(self.port).expect("the server answers");
        admin.value(statement)
    }

    /// The rows of one statement, as admin.
    pub fn rows(&self, statement: &str) -> Rows {
        let mut admin = Raw::admin(self.port).expect("the server answers");
        admin.rows(statement)
    }

    /// Ends it in good order.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate();
        }
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again after `stop` or `kill`, on the same port.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        assert!(self.run(), "{:?} did not come back:\n{}", self.kind, self.log_tail());
    }

    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Stops it from running without ending it (`STOP`), or lets it go on (`CONT`).
    pub fn signal(&mut self, name: &str) {
        self.process.as_mut().expect("it runs").signal(name);
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The folder goes after the process; on a failing test its log is worth seeing.
        let mut process = self.process.take();
        if let Some(process) = &mut process {
            process.signal("CONT");
            process.kill();
        }
        if std::thread::panicking() {
            eprintln!("--- error log of {:?} on {}:\n{}", self.kind, self.port, self.log_tail());
        }
    }
}
