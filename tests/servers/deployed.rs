//! The binary on the files of `deploy/`, laid out as a kubelet lays out a pod's volumes, in front of real servers.

use std::fs;
use std::process::Stdio;

use crate::reload::swap;
use crate::support::cli::{Cli, run};
use crate::support::folder::free_port;
use crate::support::process::dying_with_us;
use crate::support::proxy::{ACCOUNTS, get};
use crate::support::{Certificates, Folder, PATIENCE, Pair, Process, Raw, Reply, await_that};

const DEPLOYMENT: &str = include_str!("../../deploy/base/deployment.yaml");
const CONFIG: &str = include_str!("../../deploy/base/config.yaml");
const MAP: &str = include_str!("../../deploy/overlays/single/map.yaml");

/// A text with each of these replaced; each has to be there.
fn with(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.into(), |text: String, (from, to)| {
        assert!(text.contains(from), "no {from} in\n{text}");
        text.replace(from, to)
    })
}

/// A pod of the Deployment: its volumes and its process.
pub struct Pod {
    folder: Folder,
    pub port: u16,
    pub admin: u16,
    pub process: Process,
}

impl Pod {
    /// What the manifests say, in front of these servers; started, and asked what the probes ask until all is well.
    pub fn start(pair: &Pair) -> Pod {
        let certificates = Certificates::new();
        let folder = Folder::new("pod");
        let (port, admin) = (free_port(), free_port());
        // Of the manifests, only what belongs to the machine is another.
        let root = folder.path().to_str().expect("ASCII");
        let (listen, pages) = (format!("\"127.0.0.1:{port}\""), format!("\"127.0.0.1:{admin}\""));
        let config =
            with(CONFIG, &[("/etc/meridian", root), ("\"0.0.0.0:3306\"", &listen), ("\"0.0.0.0:9306\"", &pages)]);
        let pem = |name: &str| fs::read_to_string(certificates.path(name)).expect("a PEM file");
        let volumes = [
            ("config", vec![("config.yaml", config)]),
            ("map", vec![("map.yaml", map(pair))]),
            ("accounts", vec![("accounts.yaml", ACCOUNTS.to_owned())]),
            ("tls", vec![("tls.crt", pem("self.pem")), ("tls.key", pem("self.key"))]),
        ];
        for (volume, files) in volumes {
            assert!(DEPLOYMENT.contains(&format!("mountPath: /etc/meridian/{volume},")), "{volume} is not mounted");
            mount(&folder.path().join(volume), &files);
        }
        let args = DEPLOYMENT.split("args: [").nth(1).and_then(|rest| rest.split(']').next()).expect("args");
        let args: Vec<String> = args.split(", ").map(|arg| arg.replace("/etc/meridian", root)).collect();
        let log = fs::File::create(folder.path().join("log")).expect("the folder is ours");
        let mut command = dying_with_us(env!("CARGO_BIN_EXE_meridian"));
        let process = Process::spawn(command.args(args).env_clear().stdin(Stdio::null()).stderr(log));
        let mut pod = Pod { folder, port, admin, process };
        pod.await_probes();
        pod
    }

    fn await_probes(&mut self) {
        let paths: Vec<&str> =
            DEPLOYMENT.split("httpGet: {path: ").skip(1).filter_map(|rest| rest.split(',').next()).collect();
        assert_eq!(paths.len(), 3);
        for path in paths {
            await_that(path, || {
                assert_eq!(self.process.ended(), None, "{}", self.log());
                (get(self.admin, path).ok()?.0 == 200).then_some(())
            });
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// SIGTERM, as a kubelet sends it: the manifests have no preStop that would come before. Until the pod says that it
    /// is not ready, which is what takes it out of the Service.
    pub fn terminate(&mut self) {
        assert!(!DEPLOYMENT.contains("lifecycle:"), "there is something to be run before SIGTERM");
        self.process.signal("TERM");
        await_that("it is not ready", || (get(self.admin, "/readyz").ok()?.0 == 503).then_some(()));
    }

    /// The end of drain.accept_ms, without waiting for it.
    pub fn end_accepting(&mut self) {
        self.process.signal("TERM");
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // A session that a failed test left open must not hold the end up.
        self.process.kill();
    }
}

/// The map of the overlay, of these servers.
fn map(pair: &Pair) -> String {
    with(MAP, &[("eu-users-0.eu-users:3306", &pair.first.at()), ("eu-orders-0.eu-orders:3306", &pair.second.at())])
}

#[test]
fn the_files_of_the_manifests_serve() {
    let pair = Pair::mariadb();
    let mut pod = Pod::start(&pair);
    let mut app = Raw::app(pod.port, "shop").expect("it serves");
    assert_eq!(app.value("SELECT name FROM users WHERE id = 1"), "Ada");
    assert_eq!(app.value("SELECT total FROM orders WHERE id = 1"), "25.50");
    assert_eq!(
        app.value("SELECT name FROM customers WHERE id = 42"),
        pair.first.value("SELECT name FROM shop.customers WHERE id = 42")
    );
    let mut client = Cli::MariaDb.command(pod.port, "shop").expect("MariaDB's client is there");
    let encrypted = run(client.arg("--ssl"), "\\s\n");
    assert!(encrypted.ok && encrypted.out.contains("Cipher in use is TLS"), "{encrypted:?}");

    // `kubectl apply` of a map with one more table.
    assert_eq!(app.refused("SELECT id FROM notes").code, 1146);
    let next = with(
        &map(&pair),
        &[("      users: users\n", "      users: users\n      notes: users\n"), ("generation: 1", "generation: 2")],
    );
    swap(&pod.folder.path().join("map"), "map.yaml", 2, &next);
    await_that("the map is in force", || matches!(app.one("SELECT COUNT(*) FROM notes"), Reply::Rows(_)).then_some(()));

    pod.terminate();
    assert_eq!(get(pod.admin, "/healthz").expect("it lives").0, 200);
    let mut late = Raw::app(pod.port, "shop").expect("new clients are served while nodes hear of the pod's end");
    assert_eq!(late.value("SELECT name FROM users WHERE id = 1"), "Ada");
    pod.end_accepting();
    assert!(app.closed() && late.closed());
    assert!(pod.process.wait(PATIENCE).expect("it ends").success());
}

/// A volume as the kubelet makes it: links to the files of one version.
fn mount(folder: &std::path::Path, files: &[(&str, String)]) {
    let version = folder.join("..version_1");
    fs::create_dir_all(&version).expect("the folder is ours");
    std::os::unix::fs::symlink("..version_1", folder.join("..data")).expect("the folder is ours");
    for (name, text) in files {
        fs::write(version.join(name), text).expect("the folder is ours");
        std::os::unix::fs::symlink(format!("..data/{name}"), folder.join(name)).expect("the folder is ours");
    }
}
