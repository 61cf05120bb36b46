//! The database servers that are installed here: how a data folder is made, and how a server is started in one.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Failure;
use super::processes::run;
use crate::shard_map::Family;

/// A root that holds MySQL, to be entered by chroot: for machines whose own packages have none.
pub(super) const MYSQL_ROOT: &str = "MERIDIAN_MYSQL9_ROOT";
/// The server in that root.
const IN_ROOT: &str = "/usr/sbin/mysqld";
/// Where the playground's folder is, seen from within that root.
const SEEN_AT: &str = "/mnt";
/// Where servers are, beside PATH.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];
const NO_USER: &str = "as root the servers run as the user mysql, and there is none: make one (useradd --system mysql), or start \
     the playground as another user than root";
const ZONES: &str = "/usr/share/zoneinfo";

/// `app` is what Meridian logs in as, `admin` sets things up; a database's rights come with the database.
const ACCOUNTS: &str = "USE mysql;
FLUSH PRIVILEGES;
CREATE USER 'app'@'%' IDENTIFIED BY 'app-password';
GRANT ALL PRIVILEGES ON meridian.* TO 'app'@'%';
CREATE USER 'admin'@'%' IDENTIFIED BY 'admin-password';
GRANT ALL PRIVILEGES ON *.* TO 'admin'@'%' WITH GRANT OPTION;
";

/// Small, and nothing is flushed for the sake of a machine that loses its power.
const ALL: [&str; 13] = [
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
    "--max-connections=120",
    "--key-buffer-size=1M",
    "--max-allowed-packet=64M",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    // Whom to follow, and who is written, is said when all are there.
    "--read-only=1",
    "--character-set-server=utf8mb4",
];
const MARIADB: [&str; 6] = [
    MARIADB_SIZE[0],
    MARIADB_SIZE[1],
    "--aria-pagecache-buffer-size=1M",
    "--log-slave-updates",
    "--gtid-strict-mode=1",
    "--skip-slave-start",
];
/// As the data is initialised with.
const MARIADB_SIZE: [&str; 2] = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M"];
const MYSQL: [&str; 6] = [
    "--innodb-buffer-pool-size=32M",
    "--innodb-redo-log-capacity=16M",
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--skip-replica-start",
    "--mysqlx=OFF",
];

#[derive(Debug)]
pub(super) struct Software {
    pub family: Family,
    server: PathBuf,
    /// `Some`: what is run is run in there.
    root: Option<PathBuf>,
    /// As root, servers run as the user mysql: its ids.
    user: Option<(u32, u32)>,
    /// The playground's folder.
    folder: PathBuf,
}

impl Software {
    /// The servers of a family; `path` has the folders with programs, `root` is [`MYSQL_ROOT`], `folder` the playground's.
    pub fn find(family: Family, path: &[PathBuf], root: Option<PathBuf>, folder: &Path) -> Result<Software, Failure> {
        let root = root.filter(|_| family == Family::MySql);
        let name = match family {
            Family::MariaDb => "mariadbd",
            Family::MySql => "mysqld",
        };
        let server = match &root {
            Some(root) if !root.join(&IN_ROOT[1..]).is_file() => {
                let why = format!(
                    "{MYSQL_ROOT} is {}, which has no {IN_ROOT}: name the root that MySQL is installed in",
                    root.display()
                );
                return Err(Failure::Asked(why));
            }
            Some(_) => Some(PathBuf::from(IN_ROOT)),
            None => executable(name, path),
        };
        let Some(server) = server else {
            return Err(missing(family, "is not installed here"));
        };
        if executable("setpriv", path).is_none() {
            return Err(Failure::Asked("setpriv is not installed here; it is part of util-linux".into()));
        }
        if root.is_some() && !rustix::process::geteuid().is_root() {
            return Err(Failure::Asked(format!("{MYSQL_ROOT} is entered by chroot, which takes root")));
        }
        let mut software = Software { family, server, root, user: None, folder: folder.to_path_buf() };
        let version = output(software.plain("sh").args(["-c", "\"$0\" --version"]).arg(&software.server))?;
        if version.is_empty() {
            let why = format!("{} does not run here: asked for its version it says nothing", software.server.display());
            return Err(Failure::Asked(why));
        }
        if family == Family::MySql && version.contains("MariaDB") {
            return Err(missing(
                family,
                &format!("is not installed here ({} is MariaDB's)", software.server.display()),
            ));
        }
        if rustix::process::geteuid().is_root() {
            let id = |flag| -> Result<u32, Failure> {
                let text = output(software.plain("id").args([flag, "mysql"]))?;
                text.trim().parse().map_err(|_| Failure::Asked(NO_USER.into()))
            };
            software.user = Some((id("-u")?, id("-g")?));
        }
        Ok(software)
    }

    /// Refuses a folder that the servers' user cannot get to, before anything is done there.
    pub fn check_reach(&self, folder: &Path) -> Result<(), Failure> {
        // Within another root it is mounted, whatever is above it.
        if self.user.is_none() || self.root.is_some() {
            return Ok(());
        }
        let is_closed = |path: &&Path| {
            let status = self.command("test").arg("-x").arg(path).status();
            !status.is_ok_and(|status| status.success())
        };
        match folder.ancestors().filter(is_closed).last() {
            None => Ok(()),
            Some(closed) => Err(Failure::Asked(format!(
                "as root the servers run as the user mysql, to whom {0} is closed: take a folder elsewhere by TMPDIR or \
                 --folder, or open it (chmod o+x {0})",
                closed.display()
            ))),
        }
    }

    /// Makes a folder that servers may write to.
    pub fn folder(&self, path: &Path) -> Result<(), Failure> {
        fs::create_dir(path).map_err(Failure::at(path))?;
        match self.user {
            Some((user, group)) => chown(path, Some(user), Some(group)).map_err(Failure::at(path)),
            None => Ok(()),
        }
    }

    /// Initialises a data folder with the accounts and the named time zones, which is copied for each server.
    pub async fn make_template(&self, folder: &Path) -> Result<PathBuf, Failure> {
        self.folder(folder)?;
        let (data, log) = (folder.join("data"), folder.join("log"));
        let sql = folder.join("first.sql");
        let monitor = match self.family {
            Family::MariaDb => "GRANT REPLICA MONITOR ON *.* TO 'app'@'%';\n",
            Family::MySql => "GRANT REPLICATION CLIENT ON *.* TO 'app'@'%';\n",
        };
        let mut file = File::create(&sql).map_err(Failure::at(&sql))?;
        file.write_all([ACCOUNTS, monitor].concat().as_bytes()).map_err(Failure::at(&sql))?;
        let zones = match self.family {
            Family::MariaDb => "mariadb-tzinfo-to-sql",
            Family::MySql => "mysql_tzinfo_to_sql",
        };
        let mut command = self.plain("sh");
        command.args(["-c", "\"$0\" \"$1\" >>\"$2\" 2>/dev/null || echo \"no time zones: $0\"", zones, ZONES]);
        run(command.arg(self.seen(&sql)), &log).await.map_err(Failure::Program)?;

        let data_option = format!("--datadir={}", self.seen(&data).display());
        match self.family {
            Family::MariaDb => {
                let mut install = self.command("mariadb-install-db");
                install.env("TMPDIR", self.seen(folder));
                install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                install.args(MARIADB_SIZE).arg(&data_option);
                run(&mut install, &log).await.map_err(Failure::Program)?;
                let mut fill = self.command(&self.server);
                fill.env("TMPDIR", self.seen(folder))
                    .args(["--no-defaults", "--bootstrap"])
                    .args(MARIADB_SIZE)
                    .arg(&data_option);
                fill.stdin(File::open(&sql).map_err(Failure::at(&sql))?);
                run(&mut fill, &log).await.map_err(Failure::Program)?;
            }
            Family::MySql => {
                let mut install = self.command(&self.server);
                install.env("TMPDIR", self.seen(folder));
                install.args(["--no-defaults", "--initialize-insecure"]).arg(&data_option);
                install.arg(format!("--init-file={}", self.seen(&sql).display()));
                run(&mut install, &log).await.map_err(Failure::Program)?;
                // Each copy finds its own server id.
                let _ = fs::remove_file(data.join("auto.cnf"));
            }
        }
        Ok(data)
    }

    /// A server in its own folder, which holds its `data`.
    pub fn server(&self, folder: &Path, number: usize, port: u16) -> Command {
        let mut command = self.command(&self.server);
        let seen = self.seen(folder);
        command.args(ALL).args(match self.family {
            Family::MariaDb => &MARIADB[..],
            Family::MySql => &MYSQL[..],
        });
        command
            .arg(format!("--datadir={}", seen.join("data").display()))
            .arg(format!("--tmpdir={}", seen.join("tmp").display()))
            .arg(format!("--pid-file={}", seen.join("pid").display()))
            // Relative to the data: a longer path would not fit a socket's address.
            .arg("--socket=socket")
            .arg(format!("--server-id={}", number + 1))
            .arg(format!("--port={port}"));
        command
    }

    /// A command as the servers' user, which dies with this process.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.plain("setpriv");
        if let Some((user, group)) = self.user {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
        }
        command.args(["--pdeathsig", "KILL"]).arg(program.as_ref());
        command
    }

    /// A command as who we are, in the root if there is one. What is mounted there is gone with the command.
    fn plain(&self, program: &str) -> Command {
        let mut command = match &self.root {
            None => Command::new(program),
            Some(root) => {
                let enter = "mount -t proc proc \"$0/proc\" && mount --bind \"$1\" \"$0/mnt\" && shift && exec chroot \"$0\" \"$@\"";
                let mut command = Command::new("unshare");
                command.args(["--mount", "--propagation", "private", "sh", "-c", enter]).arg(root).arg(&self.folder);
                command.arg(program);
                command
            }
        };
        // Installers look for programs that only root's PATH has.
        if let Ok(path) = std::env::join_paths(path()) {
            command.env("PATH", path);
        }
        // It need not be there in the root, nor be open to the servers' user.
        command.env_remove("TMPDIR").stdin(Stdio::null());
        command
    }

    /// A path of the playground's folder as the servers see it.
    fn seen(&self, path: &Path) -> PathBuf {
        match (&self.root, path.strip_prefix(&self.folder)) {
            (Some(_), Ok(inside)) => Path::new(SEEN_AT).join(inside),
            _ => path.to_path_buf(),
        }
    }
}

/// The folders of PATH, and those that only root's has.
pub(super) fn path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from)).collect()
}

fn executable(name: &str, path: &[PathBuf]) -> Option<PathBuf> {
    path.iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn missing(family: Family, why: &str) -> Failure {
    Failure::Asked(match family {
        Family::MariaDb => format!(
            "MariaDB {why}: there is no mariadbd in PATH or /usr/sbin; install it (Debian, Ubuntu: apt-get install \
             mariadb-server), or take MySQL with --server mysql"
        ),
        Family::MySql => format!(
            "MySQL {why}: install it so that mysqld is in PATH, name a root that holds it in {MYSQL_ROOT}, or take MariaDB \
             with --server mariadb"
        ),
    })
}

/// What a short command prints.
fn output(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| Failure::Program(format!("{program}: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_installed_is_said_with_the_way_out() {
        let of = |family| match Software::find(family, &[], None, Path::new("/tmp")) {
            Err(Failure::Asked(text)) => text,
            other => panic!("{other:?}"),
        };
        assert!(of(Family::MariaDb).starts_with("MariaDB is not installed here"), "{}", of(Family::MariaDb));
        assert!(of(Family::MariaDb).contains("apt-get install mariadb-server"));
        assert!(of(Family::MySql).starts_with("MySQL is not installed here"), "{}", of(Family::MySql));
        assert!(of(Family::MySql).contains("MERIDIAN_MYSQL9_ROOT"));
    }
}
