//! What has to hold of the groups' manifests, as kubectl renders them: each rule is a function from them to its faults.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};

use meridian::config::{BackendTlsMode, Config};
use meridian::shard_map::ShardMap;
use serde_json::Value;

use super::between::{mesh, reached};
use super::manifests::{Files, kubectl, list, number, text};
use super::rules::quantity;

/// A whole overlay, the proxy's objects with it.
pub struct Overlay<'f> {
    pub objects: &'f [Value],
    pub files: &'f Files,
}

type Rule = fn(&Overlay<'_>) -> Vec<String>;

const RULES: [Rule; 15] = [
    kinds, members, regions, selectors, volumes, accounts, numbers, settings, scripts, ends, security, network,
    encrypted, reached, mesh,
];

const KINDS: [(&str, &str); 10] = [
    ("CiliumNetworkPolicy", "cilium.io/v2"),
    ("ConfigMap", "v1"),
    ("Deployment", "apps/v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v2"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("PodMonitor", "monitoring.coreos.com/v1"),
    ("PrometheusRule", "monitoring.coreos.com/v1"),
    ("Service", "v1"),
    ("StatefulSet", "apps/v1"),
];

/// What the documentation says how to make; the second where there is the component of TLS.
const SECRETS: [&str; 2] = ["group-accounts", "group-tls"];

pub fn group_faults(objects: &[Value], files: &Files) -> Vec<String> {
    let overlay = Overlay { objects, files };
    RULES.iter().flat_map(|rule| rule(&overlay)).collect()
}

pub fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

fn containers(set: &Value) -> impl Iterator<Item = &Value> {
    let pod = &set["spec"]["template"]["spec"];
    list(&pod["initContainers"]).iter().chain(list(&pod["containers"]))
}

impl<'f> Overlay<'f> {
    pub fn of(&self, kind: &'static str) -> impl Iterator<Item = &'f Value> {
        self.objects.iter().filter(move |object| text(&object["kind"]) == kind)
    }

    pub fn named(&self, kind: &'static str, wanted: &str) -> Option<&'f Value> {
        self.of(kind).find(|object| name(object) == wanted)
    }

    pub fn sets(&self) -> impl Iterator<Item = &'f Value> {
        self.of("StatefulSet")
    }

    /// The files that the servers of a set have.
    fn files_of(&self, set: &Value) -> Option<&'f Value> {
        let volumes = list(&set["spec"]["template"]["spec"]["volumes"]);
        let volume = volumes.iter().find(|volume| text(&volume["name"]) == "files")?;
        Some(&self.named("ConfigMap", text(&volume["configMap"]["name"]))?["data"])
    }

    pub fn map(&self) -> Option<ShardMap> {
        ShardMap::load(text(&self.named("ConfigMap", "meridian-map")?["data"]["map.yaml"])).ok()
    }
}

pub fn check(faults: &mut Vec<String>, holds: bool, fault: impl Into<String>) {
    if !holds {
        faults.push(fault.into());
    }
}

/// Kinds and versions that are known; each name once.
fn kinds(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = HashSet::new();
    for object in overlay.objects {
        let (kind, name) = (text(&object["kind"]), name(object));
        let known = KINDS.contains(&(kind, text(&object["apiVersion"])));
        check(&mut faults, known, format!("{kind} {name}: unknown kind or version"));
        check(&mut faults, seen.insert((kind, name)), format!("{kind} {name}: twice"));
        check(&mut faults, is_label(name), format!("{kind} {name}: no name for DNS"));
        let template = &object["spec"]["template"]["metadata"]["labels"];
        let labels = [&object["metadata"]["labels"], template].into_iter().filter_map(Value::as_object).flatten();
        for (label, value) in labels {
            // What the manifests use of what Kubernetes takes; DNS takes it as well.
            check(&mut faults, is_label(text(value)), format!("{kind} {name}: the value of the label {label}"));
        }
    }
    faults
}

/// Lower-case letters, digits and dashes, beginning with a letter, ending without a dash, at most 63.
fn is_label(text: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() < 64
        && text.chars().all(known)
        && !text.ends_with('-')
}

/// Every member of the map has a name in the cluster: of a pod of a set here, or of a Service for those of another cluster.
fn members(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(map) = overlay.map() else { return vec!["no map".into()] };
    for member in map.groups.iter().flat_map(|group| &group.members) {
        let at = &member.at;
        let host = at.rsplit_once(':').map_or("", |(host, _)| host);
        let (pod, service) = host.split_once('.').unwrap_or_default();
        let (set, ordinal) = pod.rsplit_once('-').unwrap_or_default();
        let Some(names) = overlay.named("Service", service) else {
            faults.push(format!("{at}: no Service {service}"));
            continue;
        };
        check(&mut faults, text(&names["spec"]["clusterIP"]) == "None", format!("{service}: not headless"));
        match overlay.named("StatefulSet", set) {
            Some(set) => {
                let there = ordinal.parse().is_ok_and(|ordinal: u64| ordinal < number(&set["spec"]["replicas"]));
                check(&mut faults, there, format!("{at}: the set has no such pod"));
                let of = text(&set["spec"]["serviceName"]) == service;
                check(&mut faults, of, format!("{at}: the set's Service is another"));
            }
            None => {
                let elsewhere = names["spec"]["selector"].is_null() && set == service;
                check(&mut faults, elsewhere, format!("{at}: no StatefulSet {set}"));
            }
        }
    }
    faults
}

/// Where the map has several regions, the proxies know which one is theirs: that of the servers beside them.
fn regions(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(map) = overlay.map().filter(|map| map.regions.len() > 1) else { return faults };
    let config = overlay.named("ConfigMap", "meridian-config").map_or("", |map| text(&map["data"]["config.yaml"]));
    let config = Config::load(config, "/etc/meridian/config/config.yaml".as_ref()).ok();
    let Some(region) = config.and_then(|config| config.region) else { return vec!["config.yaml: no region".into()] };
    check(&mut faults, map.regions.contains(&region), format!("config.yaml: the map has no region {region}"));
    for set in overlay.sets() {
        let of = text(&set["spec"]["template"]["metadata"]["labels"]["meridian-region"]);
        check(&mut faults, of == region, format!("config.yaml: region {region}, and {} is in {of}", name(set)));
    }
    faults
}

/// Each group's objects select the pods of their group, and no others.
fn selectors(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets() {
        let name = name(set);
        let pod = &set["spec"]["template"]["spec"];
        let spread = &pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"];
        let apart = &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
        let budget = overlay.named("PodDisruptionBudget", name).unwrap_or(&Value::Null);
        let policy = overlay.named("NetworkPolicy", name).unwrap_or(&Value::Null);
        let service = overlay.named("Service", name).unwrap_or(&Value::Null);
        for (what, selector) in [
            ("StatefulSet", &set["spec"]["selector"]["matchLabels"]),
            ("Service", &service["spec"]["selector"]),
            ("PodDisruptionBudget", &budget["spec"]["selector"]["matchLabels"]),
            ("NetworkPolicy", &policy["spec"]["podSelector"]["matchLabels"]),
            ("spread", spread),
            ("affinity", &apart["labelSelector"]["matchLabels"]),
        ] {
            let selected: Vec<_> = overlay
                .sets()
                .chain(overlay.of("Deployment"))
                .filter(|other| {
                    let labels = &other["spec"]["template"]["metadata"]["labels"];
                    let pairs = selector.as_object().filter(|pairs| !pairs.is_empty());
                    pairs.is_some_and(|pairs| pairs.iter().all(|(name, value)| labels.get(name) == Some(value)))
                })
                .map(self::name)
                .collect();
            check(&mut faults, selected == [name], format!("{name}: {what} selects {selected:?}"));
        }
        let ready = text(&service["spec"]["publishNotReadyAddresses"]) == "true";
        check(&mut faults, ready, format!("{name}: members find each other only when they are ready"));
        let hosts = text(&apart["topologyKey"]) == "kubernetes.io/hostname";
        check(&mut faults, hosts, format!("{name}: two members may be on one node"));
    }
    faults
}

/// Mounts name volumes; what a volume names is there; a file by subPath is of a ConfigMap whose name has a hash.
fn volumes(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets() {
        let pod = &set["spec"]["template"]["spec"];
        let claims = list(&set["spec"]["volumeClaimTemplates"]).iter().map(self::name);
        let known: HashSet<&str> =
            list(&pod["volumes"]).iter().map(|volume| text(&volume["name"])).chain(claims).collect();
        for container in containers(set) {
            for mount in list(&container["volumeMounts"]) {
                let volume = text(&mount["name"]);
                check(&mut faults, known.contains(volume), format!("{}: no volume {volume}", name(set)));
            }
        }
        for volume in list(&pod["volumes"]) {
            let (map, secret) = (&volume["configMap"], &volume["secret"]);
            check(&mut faults, map["optional"].is_null() && secret["optional"].is_null(), "optional");
            if map.is_object() {
                let map = text(&map["name"]);
                check(&mut faults, overlay.named("ConfigMap", map).is_some(), format!("no ConfigMap {map}"));
                // Ten characters that are of the contents: a change is a rollout.
                let hash = map.rsplit('-').next().is_some_and(|hash| hash.len() == 10);
                check(&mut faults, hash, format!("{map}: a change would start no rollout"));
            }
            if secret.is_object() {
                check(&mut faults, SECRETS.contains(&text(&secret["secretName"])), "a Secret that nobody makes");
                let closed = ["0440", "288"].contains(&text(&secret["defaultMode"]));
                check(&mut faults, closed, "a Secret is not for the pod's group alone");
            }
        }
        let data = list(&set["spec"]["volumeClaimTemplates"]).iter().any(|claim| self::name(claim) == "data");
        check(&mut faults, data, format!("{}: no volume for the rows", name(set)));
    }
    faults
}

/// The documentation says how the Secret is made, with the files that the scripts read.
fn accounts(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let page = &overlay.files["docs/deploy.md"];
    for (secret, folder) in SECRETS.into_iter().zip(["/etc/mysql/accounts/", "$tls/"]) {
        let begin = format!("create secret generic {secret} ");
        let made = page.lines().find(|line| line.contains(&begin)).unwrap_or_default();
        check(&mut faults, !made.is_empty(), format!("docs/deploy.md does not make {secret}"));
        for set in overlay.sets().take(1) {
            for (_, script) in overlay.files_of(set).and_then(Value::as_object).into_iter().flatten() {
                for rest in text(script).split(folder).skip(1) {
                    let file: String =
                        rest.chars().take_while(|c| c.is_ascii_lowercase() || "-.".contains(*c)).collect();
                    check(&mut faults, made.contains(&file), format!("docs/deploy.md: no {file} in {secret}"));
                }
            }
        }
    }
    faults
}

/// All servers have certificates, and the proxies check them, or nobody does; where there are several regions all do.
fn encrypted(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let config = overlay.named("ConfigMap", "meridian-config").map_or("", |map| text(&map["data"]["config.yaml"]));
    let config = Config::load(config, "/etc/meridian/config/config.yaml".as_ref()).ok();
    let checked = config.is_some_and(|config| config.backend_tls.mode == BackendTlsMode::VerifyIdentity);
    let several = overlay.map().is_some_and(|map| map.regions.len() > 1);
    for set in overlay.sets() {
        let name = name(set);
        let with = |container: &&Value| {
            list(&container["volumeMounts"])
                .iter()
                .any(|mount| text(&mount["mountPath"]) == "/etc/mysql/tls" && text(&mount["name"]) == "tls")
        };
        let (all, with) = (containers(set).count(), containers(set).filter(with).count());
        check(&mut faults, with == 0 || with == all, format!("{name}: a container without certificates"));
        check(&mut faults, (with > 0) == checked, format!("{name}: the proxies do not check what the servers show"));
        check(&mut faults, with > 0 || !several, format!("{name}: its rows go to the other region for all to read"));
    }
    faults
}

/// The lists of members.sh make a number of its own for every server.
fn numbers(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets() {
        let name = name(set);
        let Some(files) = overlay.files_of(set) else { return vec![format!("{name}: no files")] };
        let lists = text(&files["members.sh"]);
        let list = |of: &str| -> Vec<&str> {
            let line = lists.lines().find_map(|line| line.strip_prefix(of)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['(', ')']).split(' ').collect()
        };
        let (regions, groups) = (list("regions"), list("groups"));
        let ordinals: u64 = list("ordinals")[0].parse().unwrap_or_default();
        let (region, group) = name.split_once('-').unwrap_or_default();
        check(&mut faults, regions.contains(&region), format!("{name}: not a region of members.sh"));
        check(&mut faults, groups.contains(&group), format!("{name}: not a group of members.sh"));
        let unique = |list: &[&str]| list.iter().collect::<HashSet<_>>().len() == list.len();
        check(&mut faults, unique(&regions) && unique(&groups), "members.sh: a name twice, so a server's number twice");
        check(
            &mut faults,
            (1..=10).contains(&ordinals) && groups.len() < 100,
            "members.sh: more than there are numbers",
        );
        let replicas = number(&set["spec"]["replicas"]);
        check(
            &mut faults,
            (1..=ordinals).contains(&replicas),
            format!("{name}: {replicas} members, members.sh has less"),
        );
    }
    faults
}

/// The servers are what the scripts and the proxy count on.
fn settings(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets().take(1) {
        let my = overlay.files_of(set).map_or("", |files| text(&files["my.cnf"]));
        let setting = |name: &str| my.lines().filter_map(|line| line.split_once(" = ")).find(|pair| pair.0 == name);
        let is = |name: &str, value: &str| setting(name).is_some_and(|pair| pair.1 == value);
        let mysql = my.contains("gtid_mode");
        let closed = if mysql { "super_read_only" } else { "read_only" };
        let gtid = if mysql { ("enforce_gtid_consistency", "ON") } else { ("gtid_strict_mode", "ON") };
        let alone = if mysql { "skip_replica_start" } else { "skip_slave_start" };
        let wait = if mysql { "rpl_semi_sync_source_wait_point" } else { "rpl_semi_sync_master_wait_point" };
        for (name, value) in [
            (closed, "ON"),
            (alone, "ON"),
            gtid,
            ("binlog_format", "ROW"),
            ("sync_binlog", "1"),
            ("innodb_flush_log_at_trx_commit", "1"),
            (wait, "AFTER_SYNC"),
            ("port", "3306"),
        ] {
            check(&mut faults, is(name, value), format!("my.cnf: {name} is not {value}"));
        }
        check(&mut faults, setting("log_bin").is_some(), "my.cnf: no binary log");
        let config = overlay.named("ConfigMap", "meridian-config").map_or("", |map| text(&map["data"]["config.yaml"]));
        let Ok(config) = Config::load(config, "/etc/meridian/config/config.yaml".as_ref()) else { continue };
        for scaler in overlay.of("HorizontalPodAutoscaler") {
            let most = 2 * number(&scaler["spec"]["maxReplicas"]) * u64::from(config.limits.pool_connections_max + 1);
            let taken = setting("max_connections").and_then(|pair| pair.1.parse::<u64>().ok()).unwrap_or_default();
            check(&mut faults, taken > most, format!("my.cnf: the proxies need {most} connections, it takes {taken}"));
        }
    }
    faults
}

/// What containers run, and what scripts read, is in the ConfigMap; all of it is sound bash.
fn scripts(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets().take(1) {
        let Some(files) = overlay.files_of(set) else { return vec!["no files".into()] };
        let run = containers(set).flat_map(|container| {
            let probes = [&container["startupProbe"], &container["readinessProbe"]];
            let probes = probes.into_iter().filter(|probe| probe.is_object()).map(|probe| &probe["exec"]["command"]);
            std::iter::once(&container["command"]).chain(probes)
        });
        for command in run {
            let path = text(&command[1]).strip_prefix("/etc/mysql/group/").unwrap_or_default();
            check(
                &mut faults,
                text(&command[0]) == "bash" && files[path].is_string(),
                format!("no script in {command}"),
            );
        }
        for (name, script) in files.as_object().into_iter().flatten() {
            for rest in text(script).split("/etc/mysql/group/").skip(1) {
                let file: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '.').collect();
                check(&mut faults, files[&file].is_string(), format!("{name}: there is no {file}"));
            }
            if name.ends_with(".sh") {
                let mut bash = Command::new("bash");
                let bash = bash.arg("-n").stdin(Stdio::piped()).stderr(Stdio::null());
                let mut bash = bash.spawn().expect("bash is there");
                let mut input = bash.stdin.take().expect("it is a pipe");
                input.write_all(text(script).as_bytes()).expect("bash reads to the end");
                drop(input);
                check(&mut faults, bash.wait().expect("it is ours").success(), format!("{name}: not bash"));
            }
        }
    }
    faults
}

/// A server has time to end, and is not ended for being busy; nodes are emptied one member at a time.
fn ends(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets() {
        let name = name(set);
        let grace = number(&set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]);
        check(&mut faults, grace >= 120, format!("{name}: killed after {grace} s"));
        for container in containers(set) {
            check(&mut faults, container["livenessProbe"].is_null(), format!("{name}: ended for being busy"));
        }
        let parallel = text(&set["spec"]["podManagementPolicy"]) == "Parallel";
        check(&mut faults, parallel, format!("{name}: the first could wait for the second for ever"));
        let budget = overlay.named("PodDisruptionBudget", name).unwrap_or(&Value::Null);
        check(&mut faults, text(&budget["spec"]["maxUnavailable"]) == "1", format!("{name}: no budget of one"));
    }
    faults
}

/// No rights but to serve.
fn security(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets() {
        let (name, pod) = (name(set), &set["spec"]["template"]["spec"]);
        let context = &pod["securityContext"];
        let mut wanted = vec![
            (&pod["automountServiceAccountToken"], "false", "automountServiceAccountToken"),
            (&context["runAsNonRoot"], "true", "runAsNonRoot"),
            (&context["seccompProfile"]["type"], "RuntimeDefault", "seccompProfile"),
        ];
        for container in containers(set) {
            let context = &container["securityContext"];
            wanted.push((&context["allowPrivilegeEscalation"], "false", "allowPrivilegeEscalation"));
            wanted.push((&context["readOnlyRootFilesystem"], "true", "readOnlyRootFilesystem"));
            wanted.push((&context["capabilities"]["drop"][0], "ALL", "capabilities.drop"));
            let of = |bound: &str, what: &str| quantity(&container["resources"][bound][what]);
            let sound = of("requests", "cpu").is_some()
                && of("requests", "memory").is_some_and(|least| of("limits", "memory") >= Some(least));
            check(&mut faults, sound, format!("{name}: no requests, or memory without a limit above them"));
        }
        for (value, wanted, what) in wanted {
            check(&mut faults, text(value) == wanted, format!("{name}: {what} is not {wanted}"));
        }
        check(&mut faults, context["runAsGroup"] == context["fsGroup"], format!("{name}: the Secret is not readable"));
    }
    faults
}

/// The proxy and the members come in; members and names are reached.
fn network(overlay: &Overlay<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for set in overlay.sets() {
        let name = name(set);
        let policy = overlay.named("NetworkPolicy", name).unwrap_or(&Value::Null);
        let froms: Vec<&Value> = list(&policy["spec"]["ingress"]).iter().flat_map(|rule| list(&rule["from"])).collect();
        let proxy = froms.iter().any(|from| {
            let selector = &from["podSelector"];
            let only = selector["matchLabels"].is_null();
            only && text(&selector["matchExpressions"][0]["values"][0]) == "meridian"
        });
        check(&mut faults, proxy, format!("{name}: the proxy is not let in"));
        let labels = &set["spec"]["template"]["metadata"]["labels"];
        let itself = froms.iter().any(|from| from["podSelector"]["matchLabels"] == *labels);
        check(&mut faults, itself, format!("{name}: its members are not let in"));
        let open = list(&policy["spec"]["ingress"]).iter().any(|rule| list(&rule["from"]).is_empty());
        check(&mut faults, !open && !froms.is_empty(), format!("{name}: open to everybody"));
        let rules = list(&policy["spec"]["egress"]).iter().flat_map(|rule| list(&rule["ports"]));
        let out: HashSet<_> = rules.map(|port| (text(&port["protocol"]), text(&port["port"]))).collect();
        for (protocol, port) in [("UDP", "53"), ("TCP", "53"), ("TCP", "3306")] {
            check(&mut faults, out.contains(&(protocol, port)), format!("{name}: no way to {port} by {protocol}"));
        }
    }
    faults
}

#[test]
fn each_rule_of_groups_finds_what_breaks_it() {
    let files = super::files();
    let Some(sound) = kubectl("deploy/overlays/region-eu") else { return };
    for (from, to, fault) in BROKEN {
        assert!(sound.contains(from), "nothing has {from}");
        let found = group_faults(&super::documents(&sound.replacen(from, to, 1)), &files);
        assert!(found.iter().any(|line| line.contains(fault)), "{from} -> {to}: {fault} is not in {found:?}");
    }
    // What is outside of the manifests.
    let mut files = files;
    let page = files.get_mut("docs/deploy.md").expect("it is there");
    *page = page.replace("--from-file=begin.sql", "");
    let found = group_faults(&super::documents(&sound), &files);
    assert!(found.iter().any(|line| line.contains("no begin.sql")), "{found:?}");
}

/// What is replaced once in the rendered text, by what, and a part of the fault.
const BROKEN: [(&str, &str, &str); 53] = [
    ("  name: us-users\nspec:\n  clusterIP", "  name: us_users\nspec:\n  clusterIP", "us_users: no name for DNS"),
    ("        meridian-region: eu\n    spec:", "        meridian-region: EU\n    spec:", "the value of the label"),
    ("            memory: 128Mi\n", "            memory: 32Mi\n", "memory without a limit above them"),
    (
        "        - mountPath: /etc/mysql/tls\n          name: tls\n          readOnly: true\n",
        "",
        "a container without certificates",
    ),
    ("mode: verify_identity", "mode: verify_ca", "do not check"),
    (
        "defaultMode: 288\n          secretName: group-tls\n",
        "defaultMode: 288\n          secretName: groups-tls\n",
        "a Secret that nobody makes",
    ),
    ("    backend_tls: {", "    # {", "do not check"),
    ("    region: eu\n", "", "no region"),
    ("    region: eu\n", "    region: asia\n", "the map has no region asia"),
    ("    region: eu\n", "    region: us\n", "region us, and eu-orders is in eu"),
    ("kind: StatefulSet", "kind: StatefulSets", "unknown kind or version"),
    ("apiVersion: cilium.io/v2", "apiVersion: cilium.io/v3", "unknown kind or version"),
    ("  name: eu-split0\nspec:\n  clusterIP", "  name: eu-orders\nspec:\n  clusterIP", "Service eu-orders: twice"),
    ("  name: us-users\nspec:\n  clusterIP", "  name: us-user\nspec:\n  clusterIP", "no Service us-users"),
    ("  clusterIP: None\n", "", "not headless"),
    ("\"us-orders-0.us-orders:3306\"", "\"eu-orders-1.eu-orders:3306\"", "no such pod"),
    ("  serviceName: eu-orders\n", "  serviceName: eu-users\n", "Service is another"),
    ("  name: eu-users\nspec:\n  podManagement", "  name: eu-user\nspec:\n  podManagement", "no StatefulSet eu-users"),
    ("  publishNotReadyAddresses: true\n  selector:\n", "  selector:\n", "only when they are ready"),
    (
        "  selector:\n    app.kubernetes.io/component: group\n    app.kubernetes.io/name: orders",
        SELECTS_ALL,
        "Service selects",
    ),
    ("kubernetes.io/hostname\n      automount", "topology.kubernetes.io/zone\n      automount", "on one node"),
    ("mountPath: /run/mysqld\n          name: run", "mountPath: /run/mysqld\n          name: runs", "no volume runs"),
    ("          name: eu-group-files-", "          name: eu-group-file-", "no ConfigMap"),
    ("secretName: group-accounts", "secretName: accounts", "a Secret that nobody makes"),
    ("          defaultMode: 288\n          secretName: group", "          secretName: group", "the pod's group alone"),
    ("secretName: group-accounts", "secretName: group-accounts\n          optional: true", "optional"),
    ("      name: data\n    spec:", "      name: rows\n    spec:", "no volume for the rows"),
    ("regions=(eu us)", "regions=(us)", "not a region"),
    ("groups=(orders users", "groups=(users", "not a group"),
    ("groups=(orders users", "groups=(orders orders users", "number twice"),
    ("ordinals=3", "ordinals=11", "more than there are numbers"),
    ("  replicas: 1\n", "  replicas: 4\n", "members.sh has less"),
    ("    read_only = ON", "    read_only = OFF", "read_only is not ON"),
    ("    skip_slave_start = ON\n", "", "skip_slave_start"),
    ("gtid_strict_mode = ON", "gtid_strict_mode = OFF", "gtid_strict_mode"),
    ("binlog_format = ROW", "binlog_format = MIXED", "binlog_format"),
    ("sync_binlog = 1", "sync_binlog = 0", "sync_binlog"),
    ("wait_point = AFTER_SYNC", "wait_point = AFTER_COMMIT", "wait_point"),
    ("    log_bin = binlog\n", "", "no binary log"),
    ("max_connections = 400", "max_connections = 200", "the proxies need 264"),
    ("/etc/mysql/group/attend.sh\n", "/etc/mysql/group/attends.sh\n", "no script in"),
    (". /etc/mysql/group/members.sh", ". /etc/mysql/group/member.sh", "there is no member.sh"),
    ("    while :; do", "    while :;", "not bash"),
    ("terminationGracePeriodSeconds: 120", "terminationGracePeriodSeconds: 30", "killed after 30 s"),
    (
        "        readinessProbe:\n          exec",
        "        livenessProbe: {}\n        readinessProbe:\n          exec",
        "for being busy",
    ),
    ("podManagementPolicy: Parallel", "podManagementPolicy: OrderedReady", "for ever"),
    (
        "  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/component",
        TWO_AT_ONCE,
        "no budget of one",
    ),
    ("fsGroup: 999", "fsGroup: 1000", "not readable"),
    ("          readOnlyRootFilesystem: true\n        volumeMounts", "        volumeMounts", "readOnlyRootFilesystem"),
    ("            memory: 128Mi\n", "            cpu: 1\n", "memory without a limit"),
    ("          values:\n          - meridian", "          values:\n          - proxy", "the proxy is not let in"),
    (
        "    ports:\n    - port: mysql\n      protocol: TCP\n  - from:\n    - podSelector:\n        matchLabels:",
        OPEN,
        "open to everybody",
    ),
    ("    - port: 53\n      protocol: TCP\n  - ports", "  - ports", "no way to 53 by TCP"),
];

const SELECTS_ALL: &str = "  selector:\n    app.kubernetes.io/component: group\n    app.kubernetes.io/part: orders";
const TWO_AT_ONCE: &str = "  maxUnavailable: 2\n  selector:\n    matchLabels:\n      app.kubernetes.io/component";
const OPEN: &str = "    ports:\n    - port: mysql\n      protocol: TCP\n  - ports: []\n  - from:\n    - podSelector:\n        matchLabels:";
