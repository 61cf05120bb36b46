//! Overlays are the same but for what each is there for: where two of them differ is listed here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::manifests::{documents, kubectl, text};

/// Two overlays, and how the lines begin in which they may differ.
const PAIRS: [(&str, &str, &[&str]); 3] = [
    ("region-eu", "region-us", &["ConfigMap/meridian-config: data.config.yaml: region: "]),
    (
        "single",
        "region-eu",
        &[
            "ConfigMap/meridian-config: data.config.yaml: region: ",
            "ConfigMap/meridian-map: data.map.yaml: ",
            // Groups that a small shop has not; the names of the other cluster's members; the way there.
            "StatefulSet/HERE-split",
            "Service/HERE-split",
            "PodDisruptionBudget/HERE-split",
            "NetworkPolicy/HERE-split",
            "Service/THERE-",
            "Service/HERE-orders: metadata.annotations.service.cilium.io/",
            "Service/HERE-users: metadata.annotations.service.cilium.io/",
            "CiliumNetworkPolicy/groups-elsewhere: ",
            // The component of TLS: the last volume of each, and its mounts.
            "ConfigMap/meridian-config: data.config.yaml: backend_tls: ",
            "Deployment/meridian: spec.template.spec.volumes.4.",
            "Deployment/meridian: spec.template.spec.containers.0.volumeMounts.4.",
            "StatefulSet/HERE-orders: spec.template.spec.volumes.5.",
            "StatefulSet/HERE-orders: spec.template.spec.initContainers.0.volumeMounts.7.",
            "StatefulSet/HERE-orders: spec.template.spec.containers.0.volumeMounts.6.",
            "StatefulSet/HERE-orders: spec.template.spec.containers.1.volumeMounts.4.",
            "StatefulSet/HERE-users: spec.template.spec.volumes.5.",
            "StatefulSet/HERE-users: spec.template.spec.initContainers.0.volumeMounts.7.",
            "StatefulSet/HERE-users: spec.template.spec.containers.0.volumeMounts.6.",
            "StatefulSet/HERE-users: spec.template.spec.containers.1.volumeMounts.4.",
        ],
    ),
    (
        "single",
        "single-mysql",
        &[
            "ConfigMap/meridian-map: data.map.yaml: ",
            "ConfigMap/HERE-group-files: data.my.cnf: ",
            "ConfigMap/HERE-group-files: data.family.sh: ",
            "StatefulSet/HERE-orders: spec.template.spec.initContainers.0.image = docker.io/library/m",
            "StatefulSet/HERE-orders: spec.template.spec.containers.0.image = docker.io/library/m",
            "StatefulSet/HERE-orders: spec.template.spec.containers.1.image = docker.io/library/m",
            "StatefulSet/HERE-users: spec.template.spec.initContainers.0.image = docker.io/library/m",
            "StatefulSet/HERE-users: spec.template.spec.containers.0.image = docker.io/library/m",
            "StatefulSet/HERE-users: spec.template.spec.containers.1.image = docker.io/library/m",
        ],
    ),
];

/// The region of an overlay; those for one cluster have eu's names.
fn region(overlay: &str) -> &str {
    overlay.strip_prefix("region-").unwrap_or("eu")
}

/// What an overlay says, a scalar or a file's line each: `Kind/name: path = value`. Its own region is HERE, the other THERE.
fn lines(yaml: &str, region: &str) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for object in documents(yaml) {
        let of = format!("{}/{}", text(&object["kind"]), neutral(text(&object["metadata"]["name"]), region));
        for (field, value) in object.as_object().expect("a mapping") {
            collect(&format!("{of}: {field}"), value, region, &mut lines);
        }
    }
    lines
}

fn collect(path: &str, value: &Value, region: &str, lines: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            collect(&format!("{path}.{name}"), value, region, lines);
        }),
        Value::Array(values) => values.iter().enumerate().for_each(|(at, value)| {
            collect(&format!("{path}.{at}"), value, region, lines);
        }),
        _ if path.starts_with("ConfigMap/") && path.contains(": data.") => {
            let code = text(value).lines().filter(|line| !line.trim_start().starts_with('#'));
            lines.extend(code.map(|line| format!("{path}: {line}")));
        }
        value => drop(lines.insert(format!("{path} = {}", neutral(text(value), region)))),
    }
}

/// A name without its region and without a hash.
fn neutral(text: &str, region: &str) -> String {
    let parts: Vec<&str> = text.split('-').collect();
    let first = match parts[0] {
        "eu" | "us" if parts[0] == region => "HERE",
        "eu" | "us" => "THERE",
        other => other,
    };
    let hashed = text.contains("-group-files-");
    let rest = &parts[1..parts.len() - usize::from(hashed)];
    [&[first], rest].concat().join("-")
}

/// The lines that only one of the two has, and that are not listed.
fn differences(one: (&str, &str), other: (&str, &str), allowed: &[&str]) -> Vec<String> {
    let (one, other) = (lines(one.1, region(one.0)), lines(other.1, region(other.0)));
    let differ = one.symmetric_difference(&other);
    differ.filter(|line| !allowed.iter().any(|begin| line.starts_with(begin))).cloned().collect()
}

#[test]
fn overlays_differ_only_where_they_may() {
    let render = |overlay: &str| kubectl(&format!("deploy/overlays/{overlay}"));
    for (one, other, allowed) in PAIRS {
        let (Some(first), Some(second)) = (render(one), render(other)) else { return };
        let found = differences((one, &first), (other, &second), allowed);
        assert_eq!(found, Vec::<String>::new(), "{one}, {other}");
        for at in 0..allowed.len() {
            let less = [&allowed[..at], &allowed[at + 1..]].concat();
            let found = differences((one, &first), (other, &second), &less);
            assert!(!found.is_empty(), "{one}, {other}: they do not differ in {}", allowed[at]);
        }
        for (from, to) in BROKEN {
            assert!(second.contains(from), "{other} has no {from}");
            let found = differences((one, &first), (other, &second.replacen(from, to, 1)), allowed);
            assert!(!found.is_empty(), "{one}, {other}: {to} is not found");
        }
    }
}

/// What is replaced once in the second overlay, by what.
const BROKEN: [(&str, &str); 5] = [
    ("terminationGracePeriodSeconds: 90", "terminationGracePeriodSeconds: 60"),
    ("pool_connections_max: 32", "pool_connections_max: 64"),
    ("accept_ms: 15000\n", ""),
    ("look_every=2", "look_every=5"),
    ("  name: meridian-map\n", "  name: meridian-maps\n"),
];
