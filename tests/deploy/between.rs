//! What leads from one region's cluster to the other's: `deploy/network`, as it is rendered in an overlay.
//!
//! No schema of Cilium is at hand, so its policies are held to the few fields that they use.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::groups::{Overlay, check, group_faults, name};
use super::manifests::{documents, edited, files, kubectl, list, names, text};

const GLOBAL: [&str; 2] = ["service.cilium.io/global", "service.cilium.io/global-sync-endpoint-slices"];

/// Members that the map has in another region get in to each server here: by addresses, or by a policy of the mesh.
pub fn reached(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let several = overlay.map().is_some_and(|map| map.regions.len() > 1);
    for set in overlay.sets().filter(|_| several) {
        let name = name(set);
        let policy = overlay.named("NetworkPolicy", name).unwrap_or(&Value::Null);
        let rules = list(&policy["spec"]["ingress"]).iter();
        let addresses: Vec<_> = rules
            .filter(|rule| list(&rule["ports"]).iter().any(|port| text(&port["port"]) == "mysql"))
            .flat_map(|rule| list(&rule["from"]))
            .map(|from| text(&from["ipBlock"]["cidr"]))
            .filter(|range| !range.is_empty())
            .collect();
        for range in &addresses {
            let parts = range.split_once('/').map(|(at, bits)| (at.parse::<Ipv4Addr>(), bits.parse::<u8>()));
            let sound = matches!(parts, Some((Ok(_), Ok(8..=32))));
            check(&mut faults, sound, format!("{name}: {range} is no range, or one of half the world"));
        }
        let meshed = overlay.of("CiliumNetworkPolicy").any(|policy| {
            let labels = &policy["spec"]["endpointSelector"]["matchLabels"];
            selects(labels, set) && list(&policy["spec"]["ingress"]).iter().any(|rule| !froms(rule).is_empty())
        });
        check(&mut faults, meshed || !addresses.is_empty(), format!("{name}: the other region is not let in"));
    }
    faults
}

fn selects(labels: &Value, workload: &Value) -> bool {
    let of = &workload["spec"]["template"]["metadata"]["labels"];
    labels
        .as_object()
        .is_some_and(|pairs| !pairs.is_empty() && pairs.iter().all(|(name, value)| of.get(name) == Some(value)))
}

fn froms(rule: &Value) -> &[Value] {
    list(&rule["fromEndpoints"])
}

/// Policies of Cilium let in members and proxies of every cluster, on the servers' port; the groups' Services are those of
/// all clusters, and the proxies' own is not.
pub fn mesh(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let policies: Vec<&Value> = overlay.of("CiliumNetworkPolicy").collect();
    for policy in &policies {
        let name = name(policy);
        let mut fields = |value: &Value, known: &[&str]| {
            for field in names(value).into_iter().filter(|field| !known.contains(field)) {
                faults.push(format!("{name}: {field} is no field that is known here"));
            }
        };
        let spec = &policy["spec"];
        fields(spec, &["endpointSelector", "ingress"]);
        fields(&spec["endpointSelector"], &["matchLabels"]);
        for rule in list(&spec["ingress"]) {
            fields(rule, &["fromEndpoints", "toPorts"]);
            for from in froms(rule) {
                fields(from, &["matchLabels", "matchExpressions"]);
            }
            for to in list(&rule["toPorts"]) {
                fields(to, &["ports"]);
                list(&to["ports"]).iter().for_each(|port| fields(port, &["port", "protocol"]));
            }
        }
        for rule in list(&spec["ingress"]) {
            for from in froms(rule) {
                let everywhere = list(&from["matchExpressions"]).iter().any(|expression| {
                    text(&expression["key"]) == "io.cilium.k8s.policy.cluster"
                        && text(&expression["operator"]) == "Exists"
                });
                check(&mut faults, everywhere, format!("{name}: lets in this cluster's alone"));
            }
            let ports = list(&rule["toPorts"]).iter().flat_map(|to| list(&to["ports"]));
            let ports: Vec<_> = ports.map(|port| (text(&port["protocol"]), text(&port["port"]))).collect();
            check(&mut faults, ports == [("TCP", "3306")], format!("{name}: not the servers' port"));
        }
        for workload in overlay.sets().chain(overlay.of("Deployment")) {
            let all = list(&spec["ingress"]).iter().flat_map(froms).map(|from| &from["matchLabels"]);
            let let_in = all.filter(|labels| selects(labels, workload)).count();
            check(&mut faults, let_in == 1, format!("{name}: {} is let in {let_in} times", self::name(workload)));
        }
    }
    for service in overlay.of("Service") {
        let (name, annotations) = (name(service), &service["metadata"]["annotations"]);
        let global = GLOBAL.iter().filter(|annotation| text(&annotations[**annotation]) == "true").count();
        if name == "meridian" || policies.is_empty() {
            check(&mut faults, global == 0, format!("{name}: its clients would go to the other region, too"));
        } else {
            check(&mut faults, global == GLOBAL.len(), format!("{name}: does not lead to the other cluster"));
        }
    }
    faults
}

/// Ports that Cilium wants as texts, in YAML: a number is refused.
fn numbers_as_ports(yaml: &str) -> usize {
    let policies = yaml.split("\n---\n").filter(|part| part.contains("kind: CiliumNetworkPolicy"));
    policies.flat_map(str::lines).filter(|line| line.contains("- port: ") && !line.contains("- port: \"")).count()
}

#[test]
fn policies_of_cilium_are_held_to_what_they_are_for() {
    let files = files();
    for overlay in ["deploy/overlays/region-eu", "deploy/overlays/region-us"] {
        let Some(sound) = kubectl(overlay) else { return };
        assert!(sound.contains("kind: CiliumNetworkPolicy"));
        assert_eq!(numbers_as_ports(&sound), 0, "{overlay}");
        for (from, to, fault) in BROKEN {
            assert!(sound.contains(from), "{overlay} has no {from}");
            let broken = sound.replacen(from, to, 1);
            let found = group_faults(&documents(&broken), &files);
            let number = fault.is_empty() && numbers_as_ports(&broken) == 1;
            assert!(number || found.iter().any(|line| line.contains(fault)), "{from} -> {to}: {fault}: {found:?}");
        }
    }
}

/// What is replaced once in the rendered text, by what, and a part of the fault.
const BROKEN: [(&str, &str, &str); 10] = [
    ("kind: CiliumNetworkPolicy", "kind: CiliumNetworkPolicies", "unknown kind"),
    ("  endpointSelector:", "  endpointSelectors:", "endpointSelectors is no field"),
    ("    toPorts:\n", "    toPort:\n", "toPort is no field"),
    ("  - fromEndpoints:", "  - fromEndpoint:", "the other region is not let in"),
    (
        "      - key: io.cilium.k8s.policy.cluster\n        operator: Exists",
        "      - key: x\n        operator: Exists",
        "alone",
    ),
    ("      - port: \"3306\"", "      - port: \"3307\"", "not the servers' port"),
    ("      - port: \"3306\"", "      - port: 3306", ""),
    (
        "        app.kubernetes.io/name: meridian\n    toPorts",
        "        app.kubernetes.io/name: proxy\n    toPorts",
        "meridian is let in 0 times",
    ),
    ("    service.cilium.io/global: \"true\"\n", "", "does not lead to the other cluster"),
    (
        "    app.kubernetes.io/part-of: meridian\n  name: meridian\nspec:\n  ports:",
        "    app.kubernetes.io/part-of: meridian\n  annotations: {service.cilium.io/global: \"true\"}\n  name: meridian\nspec:\n  ports:",
        "would go to the other region",
    ),
];

/// A region's overlay with `network/plain` in the place of Cilium, as deploy/network/README.md says.
pub fn plain(overlay: &str) -> Option<String> {
    let overlay = format!("deploy/overlays/{overlay}");
    edited(&overlay, &format!("{overlay}/kustomization.yaml"), "network/cilium", "network/plain")
}

#[test]
fn the_plain_way_keeps_the_rules_too() {
    let files = files();
    for overlay in ["region-eu", "region-us"] {
        let Some(yaml) = plain(overlay) else { return };
        assert!(!yaml.contains("cilium"));
        assert_eq!(group_faults(&documents(&yaml), &files), Vec::<String>::new(), "{overlay}");
        for (from, to, fault) in [
            ("cidr: 10.2.0.0/16", "cidr: 10.2.0.0", "is no range"),
            ("cidr: 10.2.0.0/16", "cidr: 0.0.0.0/0", "half the world"),
            ("- ipBlock:\n        cidr: 10.2.0.0/16", "- podSelector: {}", "the other region is not let in"),
        ] {
            assert!(yaml.contains(from), "{overlay} has no {from}:\n{yaml}");
            let found = group_faults(&documents(&yaml.replacen(from, to, 1)), &files);
            assert!(found.iter().any(|line| line.contains(fault)), "{from} -> {to}: {fault}: {found:?}");
        }
    }
}
