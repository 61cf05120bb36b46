//! The scripts of `deploy/groups`, taken out of what kubectl renders, on real servers under their pods' names.
//!
//! Each test runs itself once more in namespaces of its own: there the names of a group's members are addresses of 127.0.1.0/24,
//! all on port 3306, and each "pod" has the folders that its containers mount. That takes root.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::manifests::{documents, edited, kubectl, list, text, tools};
use crate::support::server::{in_root, mysql9_root};
use crate::support::{Certificates, Folder, Process, Proxy, Raw, Reply, Settings, await_that};

const GROUPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/groups");
const INSIDE: &str = "MERIDIAN_TEST_NAMESPACE";
const EU: &str = "eu-orders-0";
const EU_NEXT: &str = "eu-orders-1";
const US: &str = "us-orders-0";
const MEMBERS: [&str; 3] = [EU, EU_NEXT, US];

fn host(pod: &str) -> String {
    format!("{pod}.{}", pod.rsplit_once('-').expect("it has an ordinal").0)
}

/// Runs the test of this name inside, or returns true inside. False also where it cannot be run, with a line that says so.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").expect("/proc is mounted").uid() != 0 {
        // Not eprintln: the runner would swallow it.
        let _ = writeln!(std::io::stderr(), "skipped: {test} (it takes root)");
        return false;
    }
    // Outside, where there is a network to install from.
    if tools().is_none() {
        return false;
    }
    let hosts = Folder::new("hosts");
    let lines = MEMBERS.iter().enumerate().map(|(at, pod)| format!("127.0.1.{} {}\n", at + 1, host(pod)));
    hosts.write("hosts", &format!("127.0.0.1 localhost\n{}", lines.collect::<String>()));
    // There is no name server: other names are not to be asked for.
    hosts.write("switch", "passwd: files\ngroup: files\nhosts: files\n");
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private", "sh", "-ec"])
        .arg("ip link set lo up; mount --bind \"$0\"/hosts /etc/hosts; mount --bind \"$0\"/switch /etc/nsswitch.conf; exec \"$@\"")
        .arg(hosts.path())
        .arg(std::env::current_exe().expect("we run"))
        .args(["--exact", &format!("groups::{test}"), "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare is there");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// What the pods of one overlay mount, and their folders.
struct Cluster {
    folder: Folder,
    /// `/` or the root of MySQL 9.
    root: PathBuf,
}

impl Cluster {
    /// The ConfigMap's files as they are rendered, and Secrets as docs/deploy.md makes them.
    fn of(rendered: Option<String>, root: &Path) -> Cluster {
        let objects = documents(&rendered.expect("the tools were there outside"));
        let named = |kind: &str, start: &str| {
            let mut found = objects.iter().filter(|object| text(&object["kind"]) == kind);
            found.find(|object| text(&object["metadata"]["name"]).starts_with(start)).expect("it is rendered")
        };
        let folder = if root == Path::new("/") { Folder::new("cluster") } else { Folder::at(root.join("srv/cluster")) };
        let files = folder.path().join("files");
        fs::create_dir(&files).expect("the folder is ours");
        for (name, contents) in named("ConfigMap", "eu-group-files")["data"].as_object().expect("files") {
            // No waiting where there is nothing to wait for.
            let contents = text(contents).replace("look_every=2", "look_every=0.2");
            fs::write(files.join(name), contents).expect("the folder is ours");
        }
        // The containers run these, and their mounts are those that a pod here has.
        let pod = &named("StatefulSet", "eu-orders")["spec"]["template"]["spec"];
        let containers = || list(&pod["initContainers"]).iter().chain(list(&pod["containers"]));
        let run: Vec<_> = containers().map(|container| text(&container["command"][1])).collect();
        assert_eq!(run, ["prepare", "serve", "attend"].map(|script| format!("/etc/mysql/group/{script}.sh")));
        let paths = containers().flat_map(|container| list(&container["volumeMounts"]));
        let mut paths: Vec<_> = paths.map(|mount| text(&mount["mountPath"])).collect();
        paths.sort_unstable();
        paths.dedup();
        let tls = paths.contains(&"/etc/mysql/tls");
        paths.retain(|path| *path != "/etc/mysql/tls");
        let mounted =
            "/etc/mysql/accounts /etc/mysql/group /etc/mysql/member /etc/mysql/my.cnf /run/mysqld /tmp /var/lib/mysql";
        assert_eq!(paths.join(" "), mounted);
        let accounts = folder.path().join("accounts");
        fs::create_dir(&accounts).expect("the folder is ours");
        let begin = "CREATE DATABASE shop;\nCREATE TABLE shop.notes (id INT PRIMARY KEY AUTO_INCREMENT, text TEXT);\n\
             CREATE USER app@'%' IDENTIFIED BY 'app-password';\nGRANT ALL ON shop.* TO app@'%';\n\
             CREATE USER admin@'%' IDENTIFIED BY 'admin-password';\nGRANT ALL ON *.* TO admin@'%';\n";
        fs::write(accounts.join("begin.sql"), begin).expect("the folder is ours");
        let cluster = Cluster { folder, root: root.into() };
        cluster.set_password("first-Password_1");
        if tls {
            // What installs openssl.
            drop(Certificates::new());
            for (folder, group) in [("sound", "orders"), ("forged", "orders"), ("of-others", "others")] {
                cluster.make_certificates(folder, group);
            }
            for region in ["eu", "us"] {
                fs::create_dir(cluster.secret(region)).expect("the folder is ours");
                cluster.show_certificate(region, "sound");
            }
        }
        cluster
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// By the script that docs/deploy.md names, with lists in which a group is another one's. All but `forged` are signed by
    /// the same authority.
    fn make_certificates(&self, folder: &str, group: &str) {
        let scripts = self.path(&format!("{folder}-scripts"));
        for name in ["tls/certificates.sh", "files/members.sh"] {
            let text = fs::read_to_string(Path::new(GROUPS).join(name)).expect("a file of the repository");
            let path = scripts.join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("the folder is ours");
            fs::write(path, text.replace("groups=(orders", &format!("groups=({group}"))).expect("the folder is ours");
        }
        fs::create_dir(self.path(folder)).expect("the folder is ours");
        if folder == "of-others" {
            for name in ["ca.crt", "ca.key"] {
                fs::copy(self.path("sound").join(name), self.path(folder).join(name)).expect("it was made");
            }
        }
        let made = Command::new("bash").arg(scripts.join("tls/certificates.sh")).arg(self.path(folder)).output();
        let made = made.expect("bash is there");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// group-tls of a region's cluster.
    fn secret(&self, region: &str) -> PathBuf {
        self.path(&format!("tls-{region}"))
    }

    /// The Secret is this one from now on. What is mounted is for the servers' user, who is not us.
    fn show_certificate(&self, region: &str, folder: &str) {
        for name in ["ca.crt", "tls.crt", "tls.key"] {
            let new = self.path("new");
            fs::copy(self.path(folder).join(name), &new).expect("it was made");
            fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).expect("it is ours");
            fs::rename(&new, self.secret(region).join(name)).expect("the folder is ours");
        }
    }

    fn set_password(&self, password: &str) {
        fs::write(self.folder.path().join("accounts/replication-password"), password).expect("the folder is ours");
    }

    fn pod(&self, name: &'static str) -> Pod {
        let folder = self.folder.path().join(name);
        let address = MEMBERS.iter().position(|member| *member == name).expect("a member") + 1;
        for volume in ["data", "member", "run", "tmp"] {
            fs::create_dir_all(folder.join(volume)).expect("the folder is ours");
        }
        // Pods have addresses of their own; and the tests' servers are small.
        let small = format!(
            "[mysqld]\nbind_address = 127.0.1.{address}\ninnodb_buffer_pool_size = 64M\nperformance_schema = OFF\n"
        );
        fs::write(folder.join("member/test.cnf"), small).expect("the folder is ours");
        let owner =
            in_root(&self.root).args(["stat", "-c", "%u %g", "/var/lib/mysql"]).output().expect("stat is there");
        let owner = String::from_utf8(owner.stdout).expect("two numbers");
        let owner: Vec<u32> = owner.split_whitespace().map(|id| id.parse().expect("a number")).collect();
        for volume in ["data", "member", "run", "tmp"] {
            std::os::unix::fs::chown(folder.join(volume), Some(owner[0]), Some(owner[1])).expect("we are root");
        }
        Pod { name, cluster: self.folder.path().into(), root: self.root.clone(), processes: BTreeMap::new() }
    }
}

/// The containers of a pod, and its volumes.
struct Pod {
    name: &'static str,
    cluster: PathBuf,
    root: PathBuf,
    processes: BTreeMap<&'static str, Process>,
}

impl Pod {
    fn folder(&self) -> PathBuf {
        self.cluster.join(self.name)
    }

    /// A command as in a container of this pod.
    fn command(&self, arguments: &[&str]) -> Command {
        const SETUP: &str = r#"
            root=${1%/}; cluster=$2; pod=$2/$3; secret=$2/tls-${3%%-*}
            hostname "$3"; shift 3
            [ -e "$root/etc/hosts" ] || : >"$root/etc/hosts"
            mount --bind /etc/hosts "$root/etc/hosts"
            mount -t proc proc "$root/proc"
            mount -t tmpfs tmpfs "$root/etc/mysql"
            mkdir "$root/etc/mysql/group" "$root/etc/mysql/accounts" "$root/etc/mysql/member"
            touch "$root/etc/mysql/my.cnf"
            mount --bind "$cluster/files" "$root/etc/mysql/group"
            mount --bind "$cluster/files/my.cnf" "$root/etc/mysql/my.cnf"
            mount --bind "$cluster/accounts" "$root/etc/mysql/accounts"
            if [ -d "$secret" ]; then
                mkdir "$root/etc/mysql/tls"
                mount --bind "$secret" "$root/etc/mysql/tls"
            fi
            mount --bind "$pod/member" "$root/etc/mysql/member"
            mount --bind "$pod/data" "$root/var/lib/mysql"
            mount -t tmpfs tmpfs "$root/run"
            mkdir "$root/run/mysqld"
            mount --bind "$pod/run" "$root/run/mysqld"
            mount --bind "$pod/tmp" "$root/tmp"
            export PATH=$PATH:/usr/sbin
            exec chroot "$root/" setpriv --reuid=mysql --regid=mysql --clear-groups --pdeathsig KILL "$@"
        "#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--uts", "--propagation", "private", "bash", "-ec", SETUP, "-"]);
        command.arg(&self.root).arg(&self.cluster).arg(self.name).args(arguments);
        command.stdin(Stdio::null()).env_remove("HOSTNAME").current_dir("/");
        command
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn await_log(&self, line: &str) {
        await_that(line, || self.log().contains(line).then_some(()));
    }

    fn script(&self, name: &str, arguments: &[&str]) -> Command {
        self.command(&[&["bash", &format!("/etc/mysql/group/{name}.sh")], arguments].concat())
    }

    fn spawn(&mut self, container: &'static str) {
        let log = fs::OpenOptions::new().append(true).create(true).open(self.log_path()).expect("the folder is ours");
        let mut command = self.script(container, &[]);
        command.stdout(log.try_clone().expect("a second handle of a file")).stderr(log);
        self.processes.insert(container, Process::spawn(&mut command));
    }

    /// `kubectl exec`: whether it succeeded, and what it said.
    fn exec(&self, script: &str, arguments: &[&str]) -> (bool, String) {
        let output = self.script(script, arguments).output().expect("bash is there");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said.into_owned())
    }

    /// The init container to its end, then the others.
    fn start(&mut self) {
        self.spawn("prepare");
        self.serve();
    }

    fn serve(&mut self) {
        let mut prepare = self.processes.remove("prepare").expect("it was started");
        let status = await_that("the init container ends", || prepare.ended());
        assert!(status.success(), "{}:\n{}", self.name, self.log());
        self.spawn("serve");
        self.spawn("attend");
    }

    /// The first start of a group.
    fn begin(&mut self) {
        self.spawn("prepare");
        self.await_log("a new group is begun by begin.sh");
        let (begun, said) = self.exec("begin", &[]);
        assert!(begun, "{said}");
        self.serve();
        self.await_log("is written, term 1");
        assert!(!self.exec("begin", &[]).0, "a group begins once");
    }

    /// As the kubelet ends a pod, or as a node that fails.
    fn end(&mut self, signal: &str) {
        for (_, mut process) in std::mem::take(&mut self.processes) {
            process.signal(signal);
            await_that("it ends", || process.ended());
        }
    }

    fn lose_volume(&self) {
        fs::remove_dir_all(self.folder().join("data/data")).expect("it had rows");
    }

    /// One value, as the scripts ask their server.
    fn value(&self, statement: &str) -> Option<String> {
        let ask = "set -u; . /etc/mysql/group/common.sh; here -e \"$1\"";
        let output = self.command(&["bash", "-c", ask, "-", statement]).output().expect("bash is there");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    fn await_value(&self, statement: &str, value: &str) {
        await_that(&format!("{}: {statement} is {value}", self.name), || {
            (self.value(statement).as_deref() == Some(value)).then_some(())
        });
    }

    fn is_writable(&self) -> bool {
        self.value("SELECT @@read_only").as_deref() == Some("0")
    }

    /// Whether it follows that pod, with both threads.
    fn follows(&self, other: &str) -> bool {
        self.following().starts_with(&format!("{} Yes Yes 0", host(other)))
    }

    fn following(&self) -> String {
        let ask = "set -u; . /etc/mysql/group/common.sh; following";
        let output = self.command(&["bash", "-c", ask]).output().expect("bash is there");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn await_follows(&self, other: &str) {
        await_that(&format!("{} follows {other}:\n{}", self.name, self.log()), || self.follows(other).then_some(()));
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            process.kill();
        }
        if std::thread::panicking() {
            eprintln!("--- {}:\n{}", self.name, self.log());
        }
    }
}

/// A proxy before the group, by the names that the overlays' map has; it checks certificates where there are any.
fn proxy(cluster: &Cluster, family: &str) -> Proxy {
    let shop = include_str!("../../deploy/maps/shop/map.yaml");
    let member = |pod| {
        let (at, region) = (format!("{}:3306", host(pod)), &pod[..2]);
        assert!(pod == EU_NEXT || shop.contains(&at), "{at}");
        format!("{{at: \"{at}\", region: {region}}}")
    };
    let map = format!(
        "version: 1\nregions: [eu, us]\ngroups:\n  orders: {{members: [{}]}}\nshards:\n  orders: {{group: orders}}\n\
         databases:\n  shop: {{family: {family}, unlisted: orders}}\n",
        MEMBERS.map(member).join(", ")
    );
    let mut config =
        "probe: {interval_ms: 100, backoff_ms_max: 200, backend: admin}\nlimits: {primary_wait_ms_max: 60000}\n"
            .to_owned();
    let authority = cluster.secret("eu").join("ca.crt");
    if authority.exists() {
        config += &format!("backend_tls: {{mode: verify_identity, ca: {}}}\n", authority.display());
    }
    Proxy::start(&Settings { map, config, ..Settings::default() })
}

const COUNT: &str = "SELECT COUNT(*) FROM shop.notes";

fn write(app: &mut Raw) {
    assert!(matches!(app.one("INSERT INTO notes (text) VALUES ('x')"), Reply::Ok(_)));
}

#[test]
fn a_group_begins_restarts_and_goes_over_to_a_region_that_joined() {
    if inside("a_group_begins_restarts_and_goes_over_to_a_region_that_joined") {
        let cluster = Cluster::of(kubectl("deploy/overlays/region-eu"), "/".as_ref());
        over_two_regions(&cluster, "mariadb", ("--skip-ssl", "ERROR 1045"));
    }
}

#[test]
fn a_group_of_mysql_does_the_same() {
    // Outside, where its packages come from.
    let Some((root, _)) = mysql9_root() else { return };
    if inside("a_group_of_mysql_does_the_same") {
        // With the component that the regions' overlays have.
        let overlay = "deploy/overlays/single-mysql";
        let component = "components:\n  - ../../groups/tls\nimages:\n";
        let rendered = edited(overlay, &format!("{overlay}/kustomization.yaml"), "images:\n", component);
        over_two_regions(&Cluster::of(rendered, &root), "mysql", ("--ssl-mode=DISABLED", "ERROR 3159"));
    }
}

fn over_two_regions(cluster: &Cluster, family: &str, without_tls: (&str, &str)) {
    let mut eu = cluster.pod(EU);
    eu.begin();
    let proxy = proxy(cluster, family);
    let mut app = Raw::app(proxy.port, "shop").expect("it serves");
    write(&mut app);

    // A restart: writes wait, and go on.
    eu.end("TERM");
    app.send_query("INSERT INTO notes (text) VALUES ('x')");
    eu.start();
    assert!(matches!(app.reply(false).expect("an answer"), Reply::Ok(_)));
    assert_eq!(app.value("SELECT @@server_id FROM notes LIMIT 1"), "1010");

    // The second region joins: all rows and accounts, and then what is written.
    let mut us = cluster.pod(US);
    us.start();
    us.await_follows(EU);
    write(&mut app);
    us.await_value(COUNT, "3");
    assert_eq!(us.value("SELECT @@server_id").as_deref(), Some("2010"));
    assert!(!us.is_writable() && eu.is_writable());
    eu.await_value("SELECT COUNT(*) FROM group_record.members", "2");

    // It takes over, and back from it.
    for (to, from, server, count) in [(&us, &eu, "2010", "4"), (&eu, &us, "1010", "5")] {
        let (promoted, said) = to.exec("promote", &[]);
        assert!(promoted, "{said}");
        write(&mut app);
        assert_eq!(app.value("SELECT @@server_id FROM notes LIMIT 1"), server);
        from.await_follows(to.name);
        from.await_value(COUNT, count);
    }

    // A primary alone does not know whether another one was made meanwhile.
    us.end("TERM");
    eu.end("TERM");
    eu.start();
    eu.await_log("waits for us-orders-0.us-orders before it takes writes");
    app.send_query("INSERT INTO notes (text) VALUES ('x')");
    us.start();
    assert!(matches!(app.reply(false).expect("an answer"), Reply::Ok(_)));
    us.await_value(COUNT, "6");
    assert!(eu.is_writable() && !us.is_writable());

    // Nobody comes in without TLS, and nobody follows a server that has not a certificate of its name by their authority.
    let login = |tls: &str, options: &[&str]| {
        let script = format!("set -u; . /etc/mysql/group/common.sh; tls={tls}; there \"$@\"");
        let mut client = us.command(&["bash", "-c", &script, "-", &host(EU), "-e", "DO 1"]);
        let output = client.args(options).output().expect("bash is there");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(login("/etc/mysql/tls", &[]).0);
    let (let_in, said) = login("/none", &[without_tls.0]);
    assert!(!let_in && said.contains(without_tls.1), "{said}");
    for certificate in ["forged", "of-others"] {
        us.await_follows(EU);
        let before = eu.log().matches(RELOADED).count();
        cluster.show_certificate("eu", certificate);
        await_that("it is taken up", || (eu.log().matches(RELOADED).count() > before).then_some(()));
        us.value("STOP REPLICA; START REPLICA").expect("it did follow");
        await_that(&format!("{certificate}: {}", us.log()), || us.following().contains(" 2026 ").then_some(()));
        cluster.show_certificate("eu", "sound");
    }
    us.await_follows(EU);
    write(&mut app);
    us.await_value(COUNT, "7");
}

const RELOADED: &str = "has taken up its certificate";

#[test]
fn volumes_and_servers_are_lost_and_no_rows_with_them() {
    if !inside("volumes_and_servers_are_lost_and_no_rows_with_them") {
        return;
    }
    // Without the component of TLS.
    let cluster = Cluster::of(kubectl("deploy/overlays/single"), "/".as_ref());
    let (mut first, mut second) = (cluster.pod(EU), cluster.pod(EU_NEXT));
    first.begin();
    let proxy = proxy(&cluster, "mariadb");
    let mut app = Raw::app(proxy.port, "shop").expect("it serves");
    write(&mut app);
    second.start();
    second.await_follows(EU);
    first.await_value("SELECT COUNT(*) FROM group_record.members", "2");

    // The primary's volume, while nobody is there to copy from: it stays empty.
    first.end("KILL");
    second.end("TERM");
    first.lose_volume();
    let before = first.log().matches("no member answers to copy them from").count();
    first.spawn("prepare");
    await_that("it waits", || {
        (first.log().matches("no member answers to copy them from").count() > before).then_some(())
    });
    app.send_query("INSERT INTO notes (text) VALUES ('x')");
    second.start();
    first.serve();
    assert!(matches!(app.reply(false).expect("an answer"), Reply::Ok(_)));
    assert!(first.is_writable());
    second.await_follows(EU);
    second.await_value(COUNT, "2");

    // A new password, of which the Secret alone is told; who follows is let in by it again.
    cluster.set_password("second-Password_2");
    first.await_log("has changed the password of replication");
    second.end("TERM");
    second.start();
    second.await_follows(EU);

    // A server that is gone: somebody says so, or nothing happens.
    first.end("KILL");
    let (promoted, said) = second.exec("promote", &[]);
    assert!(!promoted && said.contains("--without eu-orders-0.eu-orders if it is gone for good"), "{said}");
    assert!(!second.is_writable());
    let (promoted, said) = second.exec("promote", &["--without", &host(EU)]);
    assert!(promoted, "{said}");
    write(&mut app);
    assert_eq!(app.value("SELECT @@server_id FROM notes LIMIT 1"), "1011");

    // It comes back, and is not written.
    first.start();
    first.await_follows(EU_NEXT);
    first.await_value(COUNT, "3");
    assert!(!first.is_writable() && second.is_writable());
    second.await_value("SELECT COUNT(*) FROM group_record.members", "2");

    // Nothing that was logged has a password.
    for log in [first.log(), second.log()] {
        assert!(!log.contains("Password_"), "{log}");
    }
}
