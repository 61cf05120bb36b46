//! What has to hold of the rendered manifests: each rule is a function from them to its faults.
//!
//! A validator of Kubernetes' schemas sees none of this: every field here may be well formed and the deployment broken.

use std::collections::HashSet;
use std::path::Path;

use meridian::config::Config;
use meridian::shard_map::ShardMap;
use serde_json::Value;

use super::manifests::{Files, list, names, number, text};

/// What is rendered, and the files beside it that have to agree.
pub struct Deploy<'f> {
    pub objects: Vec<Value>,
    pub files: &'f Files,
}

pub type Rule = fn(&Deploy<'_>) -> Vec<String>;

pub const RULES: [Rule; 13] =
    [kinds, labels, volumes, ports, probes, drain, security, resources, scale, network, image, contents, connections];

const KINDS: [(&str, &str); 8] = [
    ("ConfigMap", "v1"),
    ("Deployment", "apps/v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v2"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("PodMonitor", "monitoring.coreos.com/v1"),
    ("PrometheusRule", "monitoring.coreos.com/v1"),
    ("Service", "v1"),
];

/// Whoever deploys makes them: docs/deploy.md says how.
const SECRETS: [&str; 3] = ["meridian-accounts", "meridian-tls", "group-tls"];

/// Milliseconds that the process may take behind `drain.hard_ms` to close what is left.
const LEAVING_MS: u64 = 10_000;

impl<'f> Deploy<'f> {
    pub fn of(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| text(&object["kind"]) == kind)
    }

    pub fn named(&self, kind: &str, name: &str) -> Option<&Value> {
        let of = |object: &&Value| text(&object["kind"]) == kind && text(&object["metadata"]["name"]) == name;
        self.objects.iter().find(of)
    }

    pub fn deployment(&self) -> &Value {
        self.of("Deployment").next().expect("a Deployment")
    }

    pub fn pod(&self) -> &Value {
        &self.deployment()["spec"]["template"]["spec"]
    }

    pub fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    fn labels(&self) -> &Value {
        &self.deployment()["spec"]["template"]["metadata"]["labels"]
    }

    /// The text of a file in the pod, if a ConfigMap has it.
    pub fn file(&self, path: &Path) -> Option<&str> {
        let volume = self.volume(path.parent()?)?;
        let map = self.named("ConfigMap", text(&volume["configMap"]["name"]))?;
        map["data"][path.file_name()?.to_str()?].as_str()
    }

    /// The volume that is mounted at this folder.
    fn volume(&self, folder: &Path) -> Option<&Value> {
        let mounts = list(&self.container()["volumeMounts"]);
        let mount = mounts.iter().find(|mount| Path::new(text(&mount["mountPath"])) == folder)?;
        list(&self.pod()["volumes"]).iter().find(|volume| volume["name"] == mount["name"])
    }

    pub fn config_path(&self) -> &Path {
        let args = list(&self.container()["args"]);
        Path::new(args.iter().map(text).skip_while(|arg| *arg != "--config").nth(1).unwrap_or_default())
    }

    pub fn config(&self) -> Option<Config> {
        Config::load(self.file(self.config_path())?, self.config_path()).ok()
    }

    pub fn map(&self) -> Option<ShardMap> {
        ShardMap::load(self.file(&self.config()?.map)?).ok()
    }

    /// The container's port of this name, or of this number.
    fn port(&self, of: &Value) -> Option<u64> {
        let ports = list(&self.container()["ports"]);
        let port = ports.iter().find(|port| port["name"] == *of || port["containerPort"] == *of)?;
        Some(number(&port["containerPort"]))
    }
}

/// What is not so is a fault.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn unless(&mut self, holds: bool, fault: impl Into<String>) {
        if !holds {
            self.0.push(fault.into());
        }
    }
}

/// Kinds and versions that a cluster of today knows; names that DNS takes; each once.
fn kinds(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let mut seen = HashSet::new();
    for object in &deploy.objects {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let known = KINDS.contains(&(kind, text(&object["apiVersion"])));
        faults.unless(known, format!("{kind} {name}: unknown kind or version"));
        let dns = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let sound = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() < 64 && name.chars().all(dns);
        faults.unless(sound && !name.ends_with('-'), format!("{kind} {name}: no name for DNS"));
        faults.unless(seen.insert((kind, name)), format!("{kind} {name}: twice"));
        faults.unless(text(&object["metadata"]["namespace"]).is_empty(), format!("{kind} {name}: has a namespace"));
    }
    faults.0
}

/// Every selector selects the pods.
fn labels(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let labels = deploy.labels();
    let mut check = |who: &str, selector: &Value| {
        let selects = selector.as_object().is_some_and(|pairs| {
            !pairs.is_empty() && pairs.iter().all(|(name, value)| labels.get(name) == Some(value))
        });
        faults.unless(selects, format!("{who} does not select the pods"));
    };
    for monitor in deploy.of("PodMonitor") {
        check("monitor", &monitor["spec"]["selector"]["matchLabels"]);
    }
    check("Deployment", &deploy.deployment()["spec"]["selector"]["matchLabels"]);
    for spread in list(&deploy.pod()["topologySpreadConstraints"]) {
        check("topologySpreadConstraints", &spread["labelSelector"]["matchLabels"]);
    }
    deploy.of("Service").for_each(|service| check("Service", &service["spec"]["selector"]));
    deploy.of("PodDisruptionBudget").for_each(|budget| check("budget", &budget["spec"]["selector"]["matchLabels"]));
    deploy.of("NetworkPolicy").for_each(|policy| check("policy", &policy["spec"]["podSelector"]["matchLabels"]));
    faults.0
}

/// Every mount has its volume, every volume its ConfigMap or Secret; and what is mounted will change.
fn volumes(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let volumes = list(&deploy.pod()["volumes"]);
    for mount in list(&deploy.container()["volumeMounts"]) {
        let name = text(&mount["name"]);
        faults.unless(volumes.iter().any(|volume| volume["name"] == mount["name"]), format!("no volume {name}"));
        let whole = mount["subPath"].is_null() && mount["subPathExpr"].is_null();
        faults.unless(whole, format!("mount {name}: by subPath, it would never change"));
    }
    for volume in volumes {
        let name = text(&volume["name"]);
        let (map, secret) = (&volume["configMap"], &volume["secret"]);
        let source = if map.is_object() { map } else { secret };
        faults.unless(source["optional"].is_null(), format!("volume {name}: optional"));
        let (map, secret) = (text(&map["name"]), text(&secret["secretName"]));
        if secret == "group-tls" {
            let items: Vec<&str> = list(&source["items"]).iter().map(|item| text(&item["key"])).collect();
            faults.unless(items == ["ca.crt"], "the proxies have the key of the servers");
        } else {
            faults
                .unless(source["items"].is_null(), format!("volume {name}: items, whose lack would stop its updates"));
        }
        let found =
            if secret.is_empty() { deploy.named("ConfigMap", map).is_some() } else { SECRETS.contains(&secret) };
        faults.unless(found, format!("volume {name}: no ConfigMap or Secret of that name"));
    }
    for map in deploy.of("ConfigMap") {
        let name = text(&map["metadata"]["name"]);
        faults.unless(map["immutable"].is_null(), format!("ConfigMap {name}: immutable"));
        let used = volumes.iter().any(|volume| volume["configMap"]["name"] == map["metadata"]["name"]);
        faults.unless(used, format!("ConfigMap {name}: not mounted"));
        let plain = ["meridian-config", "meridian-map"].contains(&name);
        faults.unless(plain, format!("ConfigMap {name}: not a name of docs/deploy.md, or one with a hash"));
    }
    for name in SECRETS {
        let documented = deploy.files["docs/deploy.md"].contains(&format!("create secret generic {name} "))
            || deploy.files["docs/deploy.md"].contains(&format!("create secret tls {name} "));
        faults.unless(documented, format!("Secret {name}: docs/deploy.md does not say how to make it"));
    }
    let annotations = names(&deploy.deployment()["spec"]["template"]["metadata"]["annotations"]);
    faults.unless(!annotations.iter().any(|name| name.starts_with("checksum/")), "a checksum would restart the pods");
    faults.0
}

/// Every port that is named is one of the container, and the container's are those of its configuration.
fn ports(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let ports = list(&deploy.container()["ports"]);
    for field in ["name", "containerPort"] {
        let unique: HashSet<_> = ports.iter().map(|port| text(&port[field])).collect();
        faults.unless(unique.len() == ports.len(), format!("{field} of two ports is the same"));
    }
    let Some(config) = deploy.config() else { return faults.0 };
    let of = |name: &str| deploy.port(&name.into()).unwrap_or_default();
    let listens = config.listen.iter().map(|at| u64::from(at.port())).eq([of("mysql")]);
    faults.unless(listens, "port mysql is not where the configuration listens");
    let admin = config.admin.as_ref().map(|admin| u64::from(admin.listen.port()));
    faults.unless(admin == Some(of("admin")), "port admin is not that of the configuration");
    let all = config.listen.iter().chain(config.admin.as_ref().map(|admin| &admin.listen));
    faults.unless(all.into_iter().all(|at| at.ip().is_unspecified()), "it listens where the Service does not reach it");
    let services: Vec<_> = deploy.of("Service").flat_map(|service| list(&service["spec"]["ports"])).collect();
    faults.unless(services.len() == 1, "the Service has to show one port, and not that of the figures");
    for port in services {
        faults.unless(deploy.port(&port["targetPort"]) == Some(of("mysql")), "the Service leads to no port of clients");
        faults.unless(number(&port["port"]) == 3306, "the Service is not on 3306");
    }
    faults.0
}

/// Each probe asks its page on the admin's port, and none asks of the servers.
fn probes(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz"), ("startupProbe", "/healthz")] {
        let asks = &deploy.container()[probe]["httpGet"];
        faults.unless(text(&asks["path"]) == path, format!("{probe} does not ask {path}"));
        let admin = deploy.port(&asks["port"]) == deploy.port(&"admin".into());
        faults.unless(admin, format!("{probe} is not on the port of the pages"));
        let once = deploy.container()[probe]["successThreshold"].is_null();
        faults.unless(once || probe == "readinessProbe", format!("{probe}: successThreshold has to be 1"));
    }
    faults.0
}

/// The pod is left the time that its drain takes.
fn drain(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let Some(config) = deploy.config() else { return faults.0 };
    let needed = config.drain.accept_ms.unwrap_or_default() + config.drain.hard_ms + LEAVING_MS;
    let grace = number(&deploy.pod()["terminationGracePeriodSeconds"]) * 1000;
    faults.unless(grace >= needed, format!("the drain takes {needed} ms, the pod is killed after {grace}"));
    faults.unless(deploy.container()["lifecycle"].is_null(), "preStop would delay the drain");
    let accepts = config.drain.accept_ms.is_some_and(|ms| ms >= 5_000);
    faults.unless(accepts, "drain.accept_ms is too short for the pod's end to be heard of");
    faults.0
}

/// No rights but to serve.
fn security(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let (pod, container) = (deploy.pod(), &deploy.container()["securityContext"]);
    let wanted = [
        (&pod["automountServiceAccountToken"], "false", "automountServiceAccountToken"),
        (&pod["securityContext"]["runAsNonRoot"], "true", "runAsNonRoot"),
        (&pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "seccompProfile"),
        (&container["allowPrivilegeEscalation"], "false", "allowPrivilegeEscalation"),
        (&container["readOnlyRootFilesystem"], "true", "readOnlyRootFilesystem"),
        (&container["capabilities"]["drop"][0], "ALL", "capabilities.drop"),
    ];
    for (value, wanted, what) in wanted {
        faults.unless(text(value) == wanted, format!("{what} is not {wanted}"));
    }
    faults.unless(container["capabilities"]["add"].is_null(), "capabilities.add");
    for what in ["privileged", "runAsUser", "runAsNonRoot", "seccompProfile"] {
        faults.unless(container[what].is_null(), format!("the container overrides {what}"));
    }
    for what in ["hostNetwork", "hostPID", "hostIPC"] {
        faults.unless(pod[what].is_null(), what);
    }
    let user = format!("USER {0}:{0}", text(&pod["securityContext"]["runAsUser"]));
    faults.unless(deploy.files["Dockerfile"].contains(&user), "runAsUser is not the USER of the Dockerfile");
    let group = pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"];
    for secret in list(&pod["volumes"]).iter().map(|volume| &volume["secret"]).filter(|secret| secret.is_object()) {
        // 0440, which kubectl prints as 288.
        let closed = ["0440", "288"].contains(&text(&secret["defaultMode"]));
        faults.unless(closed && group, "a Secret is not for the pod's group alone");
    }
    faults.0
}

/// A quantity in thousandths: `500m`, `2`, `512Mi`.
pub fn quantity(value: &Value) -> Option<u64> {
    let text = value.as_str()?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "m" => 1,
        "" => 1000,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        _ => return None,
    };
    Some(digits.parse::<u64>().ok()? * factor)
}

/// Requests are there and within limits; memory is limited.
fn resources(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let resources = &deploy.container()["resources"];
    for what in ["cpu", "memory"] {
        let (request, limit) = (quantity(&resources["requests"][what]), quantity(&resources["limits"][what]));
        faults.unless(request.is_some(), format!("no request of {what}"));
        faults.unless(limit.is_none_or(|limit| Some(limit) >= request), format!("{what} is limited below its request"));
        faults.unless(limit.is_some() || what == "cpu", "memory is not limited");
    }
    faults.0
}

/// A rollout gets on, a scaler has room, a budget lets nodes be emptied.
fn scale(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let spec = &deploy.deployment()["spec"];
    let rolling = &spec["strategy"]["rollingUpdate"];
    let (unavailable, surge) = (text(&rolling["maxUnavailable"]), text(&rolling["maxSurge"]));
    faults
        .unless(unavailable == "0" && !["", "0"].contains(&surge), "a rollout would take a pod before it has another");
    for scaler in deploy.of("HorizontalPodAutoscaler") {
        let target = &scaler["spec"]["scaleTargetRef"];
        let name = text(&target["name"]);
        faults.unless(deploy.named(text(&target["kind"]), name).is_some(), format!("nothing to scale: {name}"));
        faults.unless(spec["replicas"].is_null(), "replicas would undo what the scaler decided");
        let (min, max) = (number(&scaler["spec"]["minReplicas"]), number(&scaler["spec"]["maxReplicas"]));
        faults.unless(2 <= min && min <= max, format!("from {min} to {max} replicas"));
    }
    for budget in deploy.of("PodDisruptionBudget") {
        let (min, max) = (&budget["spec"]["minAvailable"], &budget["spec"]["maxUnavailable"]);
        faults.unless(min.is_null() != max.is_null(), "a budget has one of minAvailable and maxUnavailable");
        faults.unless(text(max) != "0", "a budget of nothing stops nodes from being emptied");
    }
    for kind in ["HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "Service"] {
        faults.unless(deploy.of(kind).count() == 1, format!("not one {kind}"));
    }
    faults.0
}

/// What the pods need is let through: clients, pages, names by both protocols, the servers of the map.
fn network(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    for policy in deploy.of("NetworkPolicy") {
        let types: Vec<_> = list(&policy["spec"]["policyTypes"]).iter().map(text).collect();
        faults.unless(types == ["Ingress", "Egress"], "the policy leaves a direction open");
        let through = |direction: &str| -> HashSet<(String, String)> {
            let rules = list(&policy["spec"][direction]).iter();
            let ports = rules.flat_map(|rule| list(&rule["ports"]));
            ports.map(|port| (text(&port["protocol"]).into(), text(&port["port"]).into())).collect()
        };
        let pair = |protocol: &str, port: &str| (protocol.to_owned(), port.to_owned());
        let inwards = through("ingress");
        faults
            .unless(inwards == HashSet::from(["mysql", "admin"].map(|port| pair("TCP", port))), "not the pod's ports");
        for rule in list(&policy["spec"]["ingress"]) {
            faults.unless(!list(&rule["from"]).is_empty(), "a port is open to everybody");
        }
        let outwards = through("egress");
        for protocol in ["UDP", "TCP"] {
            faults.unless(outwards.contains(&pair(protocol, "53")), format!("no names by {protocol}"));
        }
        let map = deploy.map();
        for member in map.iter().flat_map(|map| &map.groups).flat_map(|group| &group.members) {
            let port = member.at.rsplit(':').next().unwrap_or_default();
            faults.unless(outwards.contains(&pair("TCP", port)), format!("no way to {}", member.at));
        }
    }
    faults.0
}

/// The image is a version of this source, and runs what the pods run.
fn image(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let wanted = format!("meridian:{}", env!("CARGO_PKG_VERSION"));
    faults.unless(text(&deploy.container()["image"]) == wanted, format!("the image is not {wanted}"));
    let dockerfile = &deploy.files["Dockerfile"];
    let args: Vec<String> = list(&deploy.container()["args"]).iter().map(|arg| format!("\"{}\"", text(arg))).collect();
    faults.unless(dockerfile.contains(&format!("CMD [{}]\n", args.join(", "))), "CMD is not what the pods run");
    let ports: Vec<&str> = list(&deploy.container()["ports"]).iter().map(|port| text(&port["containerPort"])).collect();
    faults.unless(dockerfile.contains(&format!("EXPOSE {}\n", ports.join(" "))), "EXPOSE is not the pod's ports");
    let rust = format!("FROM docker.io/library/rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    faults.unless(dockerfile.contains(&rust), "not built by the Rust of Cargo.toml");
    faults.0
}

/// What the ConfigMaps hold is sound, and the files that it names are mounted.
fn contents(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let Some(config) = deploy.file(deploy.config_path()) else { return vec!["no configuration in the pod".into()] };
    let config = match Config::load(config, deploy.config_path()) {
        Ok(config) => config,
        Err(found) => return found.iter().map(|fault| format!("config.yaml:{fault}")).collect(),
    };
    match deploy.file(&config.map).map(ShardMap::load) {
        None => faults.0.push(format!("{} is not mounted", config.map.display())),
        Some(Err(found)) => faults.0.extend(found.iter().map(|fault| format!("map.yaml:{fault}"))),
        Some(Ok(_)) => {}
    }
    let tls = config.tls.as_ref().map(|tls| [&tls.certificate, &tls.key]);
    let mut secrets = vec![(&config.accounts, "meridian-accounts", "accounts.yaml")];
    if let Some([certificate, key]) = tls {
        secrets.extend([(certificate, "meridian-tls", "tls.crt"), (key, "meridian-tls", "tls.key")]);
    }
    secrets.extend(config.backend_tls.ca.iter().map(|ca| (ca, "group-tls", "ca.crt")));
    for (path, secret, file) in secrets {
        let mounted = path.parent().and_then(|folder| deploy.volume(folder));
        let there = mounted.is_some_and(|volume| text(&volume["secret"]["secretName"]) == secret);
        faults.unless(there && path.ends_with(file), format!("{} is not mounted", path.display()));
    }
    faults.0
}

/// docs/deploy.md says how many connections the servers have to take.
fn connections(deploy: &Deploy<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let Some(config) = deploy.config() else { return faults.0 };
    for scaler in deploy.of("HorizontalPodAutoscaler") {
        // During a rollout each pod may have a successor while it drains; one more of each is its probe's.
        let most = 2 * number(&scaler["spec"]["maxReplicas"]) * u64::from(config.limits.pool_connections_max + 1);
        let said = deploy.files["docs/deploy.md"].contains(&format!("`max_connections` of {most}"));
        faults.unless(said, format!("docs/deploy.md does not say that servers need {most} connections"));
    }
    faults.0
}
