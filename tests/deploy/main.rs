//! What `deploy/` says holds together, and with the binary; each rule finds what breaks it. No cluster is asked.

mod added;
mod between;
mod commands;
#[path = "../support/folder.rs"]
#[allow(dead_code, reason = "others need ports, too")]
mod folder;
mod groups;
mod manifests;
mod monitoring;
mod overlays;
mod rules;

use std::process::Command;

use between::plain;
use folder::Folder;
use groups::group_faults;
use manifests::{Files, documents, files, kubectl, list, render, text, tools};
use meridian::telemetry::METRICS;
use rules::{Deploy, RULES};

/// Rendered without kubectl, too.
const SINGLE: &str = "deploy/overlays/single";
const OVERLAYS: [&str; 4] =
    [SINGLE, "deploy/overlays/single-mysql", "deploy/overlays/region-eu", "deploy/overlays/region-us"];

fn faults(deploy: &Deploy<'_>) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(deploy)).collect()
}

/// The objects of the proxy among all.
fn of_the_proxy(objects: &[serde_json::Value]) -> Vec<serde_json::Value> {
    objects.iter().filter(|object| text(&object["metadata"]["name"]).starts_with("meridian")).cloned().collect()
}

fn meridian(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_meridian")).args(arguments).output().expect("the binary runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_proxy_keeps_the_rules() {
    let files = files();
    let deploy = Deploy { objects: render(&files, SINGLE), files: &files };
    assert_eq!(faults(&deploy), Vec::<String>::new());
}

#[test]
fn every_overlay_as_kubectl_renders_it_keeps_the_rules() {
    let files = files();
    for overlay in OVERLAYS {
        let Some(yaml) = kubectl(overlay) else { return };
        let objects = documents(&yaml);
        let deploy = Deploy { objects: of_the_proxy(&objects), files: &files };
        assert_eq!(faults(&deploy), Vec::<String>::new(), "{overlay}");
        assert_eq!(group_faults(&objects, &files), Vec::<String>::new(), "{overlay}");
        for (from, to, fault) in BROKEN_TLS.iter().filter(|(from, ..)| yaml.contains(from)) {
            let objects = of_the_proxy(&documents(&yaml.replacen(from, to, 1)));
            let found = faults(&Deploy { objects, files: &files });
            assert!(found.iter().any(|line| line.contains(fault)), "{from} -> {to}: {fault} is not in {found:?}");
        }
        assert!(!overlay.contains("region") || BROKEN_TLS.iter().all(|(from, ..)| yaml.contains(from)), "{overlay}");
    }
}

/// What is replaced once in what the regions' overlays say of TLS, by what, and a part of the fault.
const BROKEN_TLS: [(&str, &str, &str); 3] = [
    ("          items:\n          - key: ca.crt\n            path: ca.crt\n", "", "have the key of the servers"),
    ("/etc/meridian/ca/ca.crt", "/etc/meridian/ca/authority.crt", "ca/authority.crt is not mounted"),
    ("mountPath: /etc/meridian/ca\n", "mountPath: /etc/meridian/authority\n", "ca/ca.crt is not mounted"),
];

#[test]
fn kubectl_renders_what_is_rendered_here() {
    let files = files();
    let Some(yaml) = kubectl(SINGLE) else { return };
    let what = |objects: &[serde_json::Value]| {
        let line = |object: &serde_json::Value| {
            let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
            format!("{kind} {name} {}", object["data"])
        };
        let mut lines: Vec<String> = objects.iter().map(line).collect();
        lines.sort();
        lines
    };
    assert_eq!(what(&of_the_proxy(&documents(&yaml))), what(&render(&files, SINGLE)));
}

#[test]
fn the_schemas_of_kubernetes_take_every_overlay() {
    let Some(tools) = tools() else { return };
    let check = |yaml: &str| {
        let path = std::env::temp_dir().join(format!("meridian-manifests-{}.yaml", std::process::id()));
        std::fs::write(&path, yaml).expect("a temporary file");
        let found = ["1.32", "1.37"].map(|version| {
            let mut command = Command::new(tools.join("kubernetes-validate"));
            let output = command.args(["--strict", "--quiet", "--no-warn", "-k", version]).arg(&path).output();
            let output = output.expect("it was installed");
            (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
        });
        std::fs::remove_file(&path).expect("a temporary file");
        found
    };
    let overlays = OVERLAYS.map(|overlay| kubectl(overlay).expect("the tools are there"));
    for yaml in overlays.into_iter().chain(plain("region-eu")) {
        for (sound, found) in check(&yaml) {
            assert!(sound, "{found}");
        }
    }
    let yaml = kubectl(SINGLE).expect("the tools are there");
    let broken = yaml.replacen("terminationGracePeriodSeconds", "terminationGracePeriod", 1);
    assert_ne!(broken, yaml);
    for (sound, found) in check(&broken) {
        assert!(!sound && found.contains("terminationGracePeriod"), "{found}");
    }
}

#[test]
fn hadolint_takes_the_dockerfile() {
    let Some(tools) = tools() else { return };
    let folder = Folder::new("dockerfile");
    let check = |dockerfile: &str| {
        let path = folder.write("Dockerfile", dockerfile);
        let mut hadolint = Command::new(tools.join("hadolint"));
        let output = hadolint.args(["--no-color", "--failure-threshold", "info"]).arg(path).output();
        let output = output.expect("it was installed");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let dockerfile = &files()["Dockerfile"];
    let (sound, found) = check(dockerfile);
    assert!(sound, "{found}");
    let (sound, found) = check(&dockerfile.replace("USER 65532:65532", "USER root"));
    assert!(!sound && found.contains("DL3002"), "{found}");
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let sound = files();
    for (file, from, to, fault) in BROKEN {
        let mut broken: Files = sound.clone();
        let (path, text) = broken.iter_mut().find(|(path, _)| path.ends_with(file)).expect("a file of deploy/");
        assert!(text.contains(from), "{path} has no {from}");
        *text = text.replacen(from, to, 1);
        let found = faults(&Deploy { objects: render(&broken, SINGLE), files: &broken });
        assert!(found.iter().any(|line| line.contains(fault)), "{from} -> {to}: {fault} is not in {found:?}");
    }
}

/// A file, what is replaced in it, by what, and a part of the fault.
const BROKEN: [(&str, &str, &str, &str); 67] = [
    ("budget.yaml", "policy/v1", "policy/v1beta1", "unknown kind or version"),
    ("service.yaml", "kind: Service", "kind: Servise", "unknown kind or version"),
    ("service.yaml", "name: meridian\n", "name: Meridian\n", "no name for DNS"),
    ("service.yaml", "name: meridian\n", "name: 3meridian\n", "no name for DNS"),
    ("service.yaml", "name: meridian\n", "name: meridian\n  namespace: shop\n", "has a namespace"),
    ("base/kustomization.yaml", "  - service.yaml\n", "  - service.yaml\n  - service.yaml\n", "twice"),
    ("base/kustomization.yaml", "  - budget.yaml\n", "", "not one PodDisruptionBudget"),
    (
        "service.yaml",
        "selector: {app.kubernetes.io/name: meridian}",
        "selector: {app: meridian}",
        "Service does not select",
    ),
    (
        "deployment.yaml",
        "    matchLabels: {app.kubernetes.io/name: meridian}",
        "    matchLabels: {app: x}",
        "Deployment does not",
    ),
    (
        "deployment.yaml",
        "            matchLabels: {app.kubernetes.io/name: meridian}",
        "            matchLabels: {app: x}",
        "topologySpread",
    ),
    ("budget.yaml", "matchLabels: {app.kubernetes.io/name: meridian}", "matchLabels: {}", "budget does not"),
    ("network.yaml", "matchLabels: {app.kubernetes.io/name: meridian}", "matchLabels: {app: x}", "policy does not"),
    ("deployment.yaml", "- {name: map, mountPath", "- {name: maps, mountPath", "no volume maps"),
    (
        "deployment.yaml",
        "mountPath: /etc/meridian/map, ",
        "mountPath: /etc/meridian/map, subPath: map.yaml, ",
        "by subPath",
    ),
    (
        "deployment.yaml",
        "configMap: {name: meridian-map}",
        "configMap: {name: meridian-map, optional: true}",
        "optional",
    ),
    (
        "deployment.yaml",
        "configMap: {name: meridian-map}",
        "configMap: {name: meridian-map, items: [{key: a, path: a}]}",
        "items",
    ),
    (
        "deployment.yaml",
        "configMap: {name: meridian-map}",
        "configMap: {name: meridian-maps}",
        "no ConfigMap or Secret",
    ),
    ("deployment.yaml", "secretName: meridian-tls", "secretName: meridian-certificate", "no ConfigMap or Secret"),
    ("single/kustomization.yaml", "disableNameSuffixHash: true", "disableNameSuffixHash: false", "one with a hash"),
    (
        "single/kustomization.yaml",
        "disableNameSuffixHash: true",
        "disableNameSuffixHash: true\n  immutable: true",
        "immutable",
    ),
    ("base/config.yaml", "tls/tls.crt", "certificates/tls.crt", "certificates/tls.crt is not mounted"),
    ("base/config.yaml", "map/map.yaml", "map/maps.yaml", "map/maps.yaml is not mounted"),
    ("docs/deploy.md", "create secret tls meridian-tls ", "create secret tls tls ", "does not say how to make it"),
    (
        "deployment.yaml",
        "      labels: {app",
        "      annotations: {checksum/config: x}\n      labels: {app",
        "checksum",
    ),
    ("deployment.yaml", "{name: admin, containerPort: 9306", "{name: mysql, containerPort: 9306", "name of two ports"),
    ("deployment.yaml", "containerPort: 9306", "containerPort: 9090", "port admin is not"),
    ("config.yaml", "listen: [\"0.0.0.0:3306\"]", "listen: [\"0.0.0.0:3307\"]", "port mysql is not"),
    ("config.yaml", "listen: [\"0.0.0.0:3306\"]", "listen: [\"127.0.0.1:3306\"]", "does not reach it"),
    ("service.yaml", "targetPort: mysql", "targetPort: sql", "leads to no port"),
    ("service.yaml", "port: 3306", "port: 3307", "not on 3306"),
    (
        "service.yaml",
        "protocol: TCP}",
        "protocol: TCP}\n    - {name: admin, port: 9306, targetPort: admin}",
        "one port",
    ),
    ("deployment.yaml", "path: /healthz", "path: /health", "livenessProbe does not ask"),
    ("deployment.yaml", "path: /readyz, port: admin", "path: /readyz, port: mysql", "not on the port of the pages"),
    ("deployment.yaml", "            periodSeconds: 10\n", "            successThreshold: 2\n", "has to be 1"),
    (
        "deployment.yaml",
        "terminationGracePeriodSeconds: 90",
        "terminationGracePeriodSeconds: 80",
        "the drain takes 85000 ms",
    ),
    ("config.yaml", "hard_ms: 60000", "hard_ms: 70000", "the drain takes 95000 ms"),
    ("config.yaml", "  accept_ms: 15000\n", "", "too short"),
    (
        "deployment.yaml",
        "          resources:",
        "          lifecycle: {preStop: {sleep: {seconds: 5}}}\n          resources:",
        "preStop",
    ),
    ("deployment.yaml", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "automount"),
    ("deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"),
    ("deployment.yaml", "type: RuntimeDefault", "type: Unconfined", "seccompProfile"),
    ("deployment.yaml", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilege"),
    ("deployment.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "readOnlyRoot"),
    ("deployment.yaml", "drop: [ALL]", "drop: [NET_RAW]", "capabilities.drop"),
    ("deployment.yaml", "drop: [ALL]", "drop: [ALL], add: [NET_ADMIN]", "capabilities.add"),
    (
        "deployment.yaml",
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: true\n            privileged: true",
        "privileged",
    ),
    ("deployment.yaml", "      enableServiceLinks", "      hostNetwork: true\n      enableServiceLinks", "hostNetwork"),
    ("deployment.yaml", "runAsUser: 65532", "runAsUser: 1000", "not the USER"),
    ("deployment.yaml", "fsGroup: 65532", "fsGroup: 1000", "for the pod's group alone"),
    ("deployment.yaml", "defaultMode: 0440", "defaultMode: 0444", "for the pod's group alone"),
    ("deployment.yaml", "limits: {memory: 512Mi}", "limits: {memory: 256Mi}", "below its request"),
    ("deployment.yaml", "limits: {memory: 512Mi}", "limits: {cpu: 2}", "memory is not limited"),
    ("deployment.yaml", "requests: {cpu: 500m, ", "requests: {", "no request of cpu"),
    ("deployment.yaml", "maxUnavailable: 0, maxSurge: 1", "maxUnavailable: 1, maxSurge: 0", "a rollout would take"),
    ("deployment.yaml", "  minReadySeconds: 10\n", "  replicas: 2\n", "undo what the scaler decided"),
    ("scaler.yaml", "minReplicas: 2", "minReplicas: 5", "from 5 to 4"),
    ("scaler.yaml", "kind: Deployment, name: meridian}", "kind: Deployment, name: proxy}", "nothing to scale"),
    ("budget.yaml", "  maxUnavailable: 1\n", "  maxUnavailable: 1\n  minAvailable: 1\n", "has one of"),
    ("budget.yaml", "  maxUnavailable: 1\n", "  maxUnavailable: 0\n", "stops nodes"),
    ("network.yaml", "policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]", "leaves a direction open"),
    ("network.yaml", "        - {port: 53, protocol: TCP}\n", "", "no names by TCP"),
    ("single/map.yaml", "eu-orders:3306", "eu-orders:3307", "no way to eu-orders-0.eu-orders:3307"),
    ("network.yaml", "{port: admin, protocol: TCP}", "{port: pages, protocol: TCP}", "not the pod's ports"),
    ("single/kustomization.yaml", "newTag: 0.1.0", "newTag: latest", "the image is not"),
    ("Dockerfile", "\"serve\", ", "", "CMD is not"),
    ("single/map.yaml", "{from: MIN, on: users}", "{from: MIN, on: user}", "unknown shard `user`"),
    ("scaler.yaml", "maxReplicas: 4", "maxReplicas: 5", "need 330 connections"),
];

#[test]
fn what_the_manifests_name_exists_in_the_binary() {
    let files = files();
    let deploy = Deploy { objects: render(&files, SINGLE), files: &files };
    let args: Vec<&str> = list(&deploy.container()["args"]).iter().map(text).collect();
    let (known, help) = meridian(&[args[0], "--help"]);
    assert!(known, "meridian {}", args[0]);
    for flag in args.iter().filter(|arg| arg.starts_with('-')) {
        assert!(help.contains(&format!("{flag} ")), "{flag} is not in\n{help}");
    }
    for (path, text) in &files {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        for word in words.filter(|word| word.starts_with("meridian_")) {
            assert!(METRICS.iter().any(|metric| metric.name == word), "{path}: there is no metric {word}");
        }
        // Where a command begins: in a line of code, or in backquotes.
        let commands = ["\n    meridian ", "`meridian "].into_iter().flat_map(|mark| text.split(mark).skip(1));
        for command in commands.filter(|_| path.ends_with(".md")) {
            let command: String = command.chars().take_while(char::is_ascii_lowercase).collect();
            assert!(meridian(&[&command, "--help"]).0, "{path}: meridian {command}");
        }
    }
}

#[test]
fn maps_of_the_overlays_pass_check() {
    for map in ["overlays/single", "overlays/single-mysql", "maps/shop"] {
        let path = format!("{}/deploy/{map}/map.yaml", env!("CARGO_MANIFEST_DIR"));
        let (sound, summary) = meridian(&["check", &path]);
        assert!(sound && summary.contains(": sound"), "{path}: {summary}");
    }
}

#[test]
fn the_map_of_the_regions_is_that_of_the_shop() {
    // Kustomize reads no file above its folder, so there are two.
    let files = files();
    assert_eq!(files["deploy/maps/shop/map.yaml"], include_str!("../../shard-maps/shop.yaml"));
}
