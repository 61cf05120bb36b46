//! `meridian playground`: the servers of a map, their replication and their sample data, and that nothing of it is left.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::raw::Raw;
use crate::support::server::{is_root, mysql9_root};
use crate::support::{Folder, PATIENCE, Process, await_that};

/// A playground that has said that it serves.
struct Playground {
    process: Process,
    /// What it printed.
    printed: String,
    output: PathBuf,
    _folder: Folder,
}

/// A line of its table.
struct Member {
    is_primary: bool,
    port: u16,
    process: u32,
}

impl Playground {
    fn start(arguments: &[&str]) -> Playground {
        let folder = Folder::new("play");
        let output = folder.path().join("output");
        let file = fs::File::create(&output).expect("the folder is ours");
        let mut command = command();
        command.args(["--port", "0"]).args(arguments).stdin(Stdio::null());
        command.stdout(file.try_clone().expect("a second handle of a file")).stderr(file);
        if let Some((root, _)) = arguments.contains(&"mysql").then(mysql9_root).flatten() {
            command.env("MERIDIAN_MYSQL9_ROOT", root);
        }
        let mut process = Process::spawn(&mut command);
        let printed = await_that("the playground serves", || {
            let printed = fs::read_to_string(&output).expect("its output");
            assert_eq!(process.ended(), None, "it ended:\n{printed}");
            printed.contains("Ctrl-C ends everything").then_some(printed)
        });
        Playground { process, printed, output, _folder: folder }
    }

    /// The word behind this mark.
    fn word(&self, mark: &str) -> &str {
        let rest = self.printed.split(mark).nth(1).unwrap_or_else(|| panic!("no {mark} in\n{}", self.printed));
        rest.split([' ', '\n', ';']).next().expect("split yields one part at least").trim_end_matches('.')
    }

    fn port(&self) -> u16 {
        self.ports()[0]
    }

    /// Of the proxy of each region.
    fn ports(&self) -> Vec<u16> {
        let ports = self.printed.split(" -P ").skip(1).map(|rest| rest.split(' ').next().expect("one part at least"));
        ports.map(|port| port.parse().expect("a port")).collect()
    }

    fn app(&self) -> Raw {
        Raw::app(self.port(), "shop").expect("the proxy answers")
    }

    fn members(&self) -> Vec<Member> {
        let rows = self.printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let rows = rows.filter(|words| words.len() > 5 && ["primary", "replica"].contains(&words[3]));
        rows.map(|words| Member {
            is_primary: words[3] == "primary",
            port: words[4].strip_prefix("127.0.0.1:").and_then(|port| port.parse().ok()).expect("an address"),
            process: words[5].parse().expect("a process"),
        })
        .collect()
    }

    /// SIGTERM: it ends well, and so do its servers.
    fn end(&mut self) {
        let status = self.process.terminate();
        assert!(status.success(), "{status}: {}", fs::read_to_string(&self.output).unwrap_or_default());
        self.check_servers_ended();
    }

    fn check_servers_ended(&self) {
        for member in self.members() {
            await_that("its servers end", || (!runs(member.process)).then_some(()));
        }
    }
}

fn command() -> Command {
    let mut command = crate::support::process::dying_with_us(env!("CARGO_BIN_EXE_meridian"));
    command.arg("playground");
    command
}

/// Whether a process of this number is there, and is more than a number that nobody has asked for yet.
fn runs(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// What it says of what it does not start.
fn refused(arguments: &[&str]) -> String {
    let output = command().args(arguments).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn the_shop_is_served_from_eight_servers_that_end_with_it() {
    let mut playground = Playground::start(&["--latency", "us=40ms"]);
    let members = playground.members();
    assert_eq!((members.len(), members.iter().filter(|member| member.is_primary).count()), (8, 4));
    let mut app = playground.app();
    assert_eq!(app.value("SELECT name FROM users WHERE id = 1"), "Ada");
    assert_eq!(
        app.value("SELECT c.name FROM orders o JOIN countries c ON c.code = o.country WHERE o.id = 1"),
        "United Kingdom"
    );
    assert_eq!(app.value("SELECT message FROM logs WHERE created_at = '2026-07-01'"), "the first of July");
    assert_eq!(app.value("SELECT COUNT(*) FROM clicks WHERE uid = 1"), "2");
    assert_eq!(app.value("SELECT CONVERT_TZ('2026-01-01', 'UTC', 'Europe/Berlin')"), "2026-01-01 01:00:00");
    // split1 is written in the other region, and read in each by its own member.
    let mut other = Raw::app(playground.ports()[1], "shop").expect("the proxy of the other region answers");
    let read = "SELECT @@port FROM customers WHERE id = 1000042";
    for (raw, member) in [(&mut app, &members[7]), (&mut other, &members[6])] {
        await_that("a read by the nearest member", || (raw.value(read) == member.port.to_string()).then_some(()));
    }
    let locking = format!("{read} FOR UPDATE");
    let began = Instant::now();
    assert_eq!(app.value(&locking), members[6].port.to_string());
    assert!(began.elapsed() >= Duration::from_millis(40), "{:?}", began.elapsed());
    // What is written reaches the replica, which takes no writes.
    app.ok("INSERT INTO customers (id, name, city, country) VALUES (77, 'new', 'x', 'DE')");
    let mut replica = Raw::app(members[5].port, "shop").expect("the replica answers");
    await_that("the replica follows", || {
        (replica.value("SELECT COUNT(*) FROM customers WHERE id = 77") == "1").then_some(())
    });
    assert_eq!(replica.refused("DELETE FROM customers").code, 1290);
    drop((app, other));

    let folder = Path::new(playground.word("servers in ")).to_path_buf();
    for command in ["check", "verify"] {
        let map = folder.join("map.yaml");
        let live = [map.as_os_str(), "--live".as_ref()];
        let mut run = Command::new(env!("CARGO_BIN_EXE_meridian"));
        run.arg(command)
            .args(live.iter().filter(|_| command == "check"))
            .arg("--config")
            .arg(folder.join("config.yaml"));
        let output = run.output().expect("the binary runs");
        assert!(output.status.success(), "{command}: {output:?}");
    }
    playground.end();
    assert!(!folder.exists(), "{} is left", folder.display());
}

#[test]
fn what_is_kept_is_gone_on_with_after_a_kill_and_a_promotion() {
    let place = Folder::new("kept");
    let at = place.path().join("play");
    let map = place.write("small.yaml", &small("mariadb"));
    place.write("small.sql", SMALL_SQL);
    let (map, folder) = (map.to_str().expect("UTF-8"), at.to_str().expect("UTF-8"));
    let mut playground = Playground::start(&["--map", map, "--folder", folder, "--keep"]);
    assert!(refused(&["--port", "0", "--folder", folder]).contains("another playground runs in"));
    let members = playground.members();
    let admin = |member: &Member, statements: &[&str]| {
        let mut admin = Raw::admin(member.port).expect("the server answers");
        for statement in statements {
            admin.ok(statement);
        }
    };
    admin(&members[0], &["SET GLOBAL read_only = 1"]);
    admin(&members[1], &["STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = 0"]);
    playground.app().ok("INSERT INTO notes VALUES (2, 'after the promotion')");
    playground.process.kill();
    playground.check_servers_ended();

    let mut again = Playground::start(&["--folder", folder]);
    assert_eq!(again.members().iter().map(|member| member.is_primary).collect::<Vec<_>>(), [false, true]);
    let mut app = again.app();
    assert_eq!(app.value("SELECT GROUP_CONCAT(text) FROM notes"), "there,after the promotion");
    app.ok("INSERT INTO notes VALUES (3, 'more')");
    let mut replica = Raw::app(again.members()[0].port, "shop").expect("the replica answers");
    await_that("the old primary follows", || (replica.value("SELECT COUNT(*) FROM notes") == "3").then_some(()));
    again.end();
    assert!(at.join("map.yaml").exists(), "a folder that was there stays");
    assert!(refused(&["--port", "0", "--folder", folder, "--map", map]).contains("leave out --map"));
}

#[test]
fn mysql_servers_are_played_with_as_well() {
    if mysql9_root().is_none() {
        return;
    }
    let place = Folder::new("mysql");
    let map = place.write("small.yaml", &small("mariadb"));
    place.write("small.sql", SMALL_SQL);
    let mut playground = Playground::start(&["--map", map.to_str().expect("UTF-8"), "--server", "mysql"]);
    let mut app = playground.app();
    assert_eq!(app.value("SELECT text FROM notes"), "there");
    assert_eq!(app.value("SELECT CONVERT_TZ('2026-01-01', 'UTC', 'Europe/Berlin')"), "2026-01-01 01:00:00");
    app.ok("INSERT INTO notes VALUES (2, 'more')");
    let mut replica = Raw::app(playground.members()[1].port, "shop").expect("the replica answers");
    await_that("the replica follows", || (replica.value("SELECT COUNT(*) FROM notes") == "2").then_some(()));
    assert!(app.value("SELECT VERSION()").starts_with('9'));
    playground.end();
}

#[test]
fn what_cannot_be_played_is_refused_before_anything_is_started() {
    let place = Folder::new("refused");
    let faulty = small("mariadb").replace("region: a}]", "region: c}]").replace("unlisted: only", "unlisted: other");
    let faulty = place.write("faulty.yaml", &faulty);
    let printed = refused(&["--map", faulty.to_str().expect("UTF-8"), "--port", "0"]);
    assert!(printed.contains("unknown region `c`") && printed.contains("unknown shard `other`"), "{printed}");

    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let printed = refused(&["--port", &port]);
    assert!(
        printed.contains(&format!("port {port} of 127.0.0.1 is in use")) && printed.contains("--port"),
        "{printed}"
    );

    let printed = refused(&["--port", "0", "--folder", place.path().to_str().expect("UTF-8")]);
    assert!(printed.contains("is not empty"), "{printed}");
    assert!(place.path().join("faulty.yaml").exists());
    assert!(refused(&["--port", "0", "--latency", "de=4ms"]).contains("no region de; it has eu, us"));

    let nothing = small("mariadb").split("databases:").next().expect("one part").to_owned() + "databases: {}\n";
    let nothing = place.write("nothing.yaml", &nothing);
    let printed = refused(&["--map", nothing.to_str().expect("UTF-8"), "--port", "0"]);
    assert!(printed.contains("the map has no databases"), "{printed}");

    let closed = place.path().join("closed");
    fs::create_dir(&closed).expect("the folder is ours");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("the folder is ours");
    if is_root() {
        let printed = refused(&["--port", "0", "--folder", closed.join("play").to_str().expect("UTF-8")]);
        let text = format!("as root the servers run as the user mysql, to whom {} is closed", closed.display());
        assert!(printed.contains(&text) && printed.contains("chmod o+x"), "{printed}");
        assert!(!closed.join("play").exists());
    }
}

/// Who asks for its first line only, as `| head -1`, and then types Ctrl-C.
#[test]
fn an_interrupted_start_leaves_nothing_whoever_reads_what_it_says() {
    let place = Folder::new("ended");
    let mut command = command();
    command.args(["--port", "0"]).env("TMPDIR", place.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = Process::spawn(&mut command);
    let mut output = BufReader::new(process.child().stdout.take().expect("it is piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a first line");
    assert!(line.starts_with("Starting 8 servers in "), "{line}");
    drop(output);
    process.signal("INT");
    let status = process.wait(PATIENCE).expect("it ends");
    assert!(status.success(), "{status}");
    assert_eq!(fs::read_dir(place.path()).expect("the folder is ours").count(), 0);
}

fn small(family: &str) -> String {
    format!(
        "version: 1\nregions: [a]\ngroups:\n  pair: {{members: [{{at: \"x:1\", region: a}}, {{at: \"y:1\", region: a}}]}}\n\
         shards: {{only: {{group: pair}}}}\ndatabases:\n  shop: {{family: {family}, unlisted: only}}\n"
    )
}

const SMALL_SQL: &str =
    "USE shop;\nCREATE TABLE notes (id INT PRIMARY KEY, text VARCHAR(40));\nINSERT INTO notes VALUES (1, 'there');\n";
