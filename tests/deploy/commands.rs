//! What the documents tell people to type: kubectl takes it, and what it names is in the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::groups::name;
use super::manifests::{Files, documents, files, kubectl, list, text, tools};

/// Secrets and their files, as the pods read them.
const SECRETS: [(&str, &str); 4] = [
    ("group-accounts", "replication-password begin.sql"),
    ("group-tls", "ca.crt tls.crt tls.key"),
    ("meridian-accounts", "accounts.yaml"),
    ("meridian-tls", ""),
];

/// What there is in the overlays of one cluster and of two regions together.
#[derive(Default)]
struct Named {
    /// The containers of each pod of a StatefulSet.
    pods: BTreeMap<String, BTreeSet<String>>,
    claims: BTreeSet<String>,
    deployments: BTreeSet<String>,
    /// Labels of the pods of Deployments.
    labels: BTreeSet<String>,
    secrets: BTreeSet<String>,
    scripts: BTreeSet<String>,
}

impl Named {
    fn collect(&mut self, objects: &[Value]) {
        for object in objects {
            let (name, pod) = (name(object), &object["spec"]["template"]["spec"]);
            let secrets = list(&pod["volumes"]).iter().map(|volume| text(&volume["secret"]["secretName"]));
            self.secrets.extend(secrets.filter(|name| !name.is_empty()).map(str::to_owned));
            match text(&object["kind"]) {
                "StatefulSet" => {
                    let containers = list(&pod["initContainers"]).iter().chain(list(&pod["containers"]));
                    let containers: BTreeSet<_> = containers.map(|one| text(&one["name"]).to_owned()).collect();
                    let pod = format!("{name}-0");
                    for claim in list(&object["spec"]["volumeClaimTemplates"]) {
                        self.claims.insert(format!("{}-{pod}", self::name(claim)));
                    }
                    self.pods.insert(pod, containers);
                }
                "Deployment" => {
                    self.deployments.insert(name.into());
                    let labels = &object["spec"]["template"]["metadata"]["labels"];
                    let labels = labels.as_object().into_iter().flatten();
                    self.labels.extend(labels.map(|(name, value)| format!("{name}={}", text(value))));
                }
                "ConfigMap" => {
                    let files = object["data"].as_object().into_iter().flatten().map(|(file, _)| file);
                    let scripts = files.filter(|file| file.ends_with(".sh"));
                    self.scripts.extend(scripts.map(|file| format!("/etc/mysql/group/{file}")));
                }
                _ => {}
            }
        }
    }

    /// What a command names and is not there; a command that is not known here is itself a fault.
    fn faults(&self, words: &[&str], files: &Files) -> Vec<String> {
        let (known, rest) = match words {
            ["apply", "-f", "-"] => (true, &[][..]),
            ["apply", "-k", folder] => {
                let folder = folder.replace("my-cluster", "single");
                (files.contains_key(&format!("{folder}/kustomization.yaml")), &[][..])
            }
            ["create", "secret", "generic", secret, rest @ ..] => {
                let made: Vec<_> = rest.iter().filter_map(|word| word.strip_prefix("--from-file=")).collect();
                (self.secrets.contains(*secret) && SECRETS.contains(&(secret, &made.join(" "))), &[][..])
            }
            ["create", "secret", "tls", secret, ..] => {
                (self.secrets.contains(*secret) && SECRETS.contains(&(secret, "")), &[][..])
            }
            ["exec", pod, "-c", container, "--", "bash", script, rest @ ..] => {
                (self.has(pod, container) && self.scripts.contains(*script), rest)
            }
            ["logs", pod, "-c", container] => (self.has(pod, container), &[][..]),
            ["delete", "pod", pod] => (self.pods.contains_key(*pod), &[][..]),
            ["delete", "pvc", claim] => (self.claims.contains(*claim), &[][..]),
            ["scale", "deployment", name, _] | ["rollout", "status" | "restart", "deployment", name] => {
                (self.deployments.contains(*name), &[][..])
            }
            ["annotate", "pod", "-l", label, ..] | ["wait", _, "pod", "-l", label, ..] => {
                (self.labels.contains(*label), &[][..])
            }
            ["taint", "nodes", "NODE", _] => (true, &[][..]),
            _ => (false, &[][..]),
        };
        let rest_known = match rest {
            [] => true,
            ["--without", host] => host
                .split_once('.')
                .is_some_and(|(pod, service)| self.pods.contains_key(pod) && pod == format!("{service}-0")),
            _ => false,
        };
        match known && rest_known {
            true => Vec::new(),
            false => vec![format!("kubectl {}: it names what is not there", words.join(" "))],
        }
    }

    fn has(&self, pod: &str, container: &str) -> bool {
        self.pods.get(pod).is_some_and(|containers| containers.contains(container))
    }
}

/// The commands of kubectl in these files: lines of code or of a comment, and what stands in backquotes.
fn commands(files: &Files) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in files.values() {
        for line in text.lines() {
            let code = line.strip_prefix("    ").or_else(|| line.strip_prefix("#   "));
            let parts = code.into_iter().flat_map(|line| line.split(" | ")).flat_map(|line| line.split(" && "));
            found.extend(parts.filter_map(|part| part.strip_prefix("kubectl ")).map(str::to_owned));
        }
        let quoted = text.split('`').skip(1).step_by(2).filter_map(|part| part.strip_prefix("kubectl "));
        found.extend(quoted.map(|command| command.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    found
}

fn faults(named: &Named, files: &Files) -> Vec<String> {
    let commands = commands(files);
    commands.iter().flat_map(|command| named.faults(&command.split(' ').collect::<Vec<_>>(), files)).collect()
}

#[test]
fn commands_for_kubectl_name_what_there_is_and_are_taken_by_it() {
    let mut named = Named::default();
    for overlay in ["single", "region-eu", "region-us"] {
        let Some(yaml) = kubectl(&format!("deploy/overlays/{overlay}")) else { return };
        named.collect(&documents(&yaml));
    }
    let files = files();
    assert_eq!(faults(&named, &files), Vec::<String>::new());
    for (from, to) in BROKEN {
        let mut files = files.clone();
        let page = files.get_mut("docs/runbook.md").expect("it is there");
        assert!(page.contains(from), "no {from} in the runbook");
        *page = page.replacen(from, to, 1);
        let found = faults(&named, &files);
        assert!(found.iter().any(|line| line.contains(to.trim_end_matches("`"))), "{to} is not found: {found:?}");
    }

    let tool = tools().expect("it rendered").join("kubectl");
    // With --help, kubectl reads all flags and does nothing.
    let taken = |command: &str| {
        let (before, _) = command.split_once(" -- ").unwrap_or((command, ""));
        Command::new(&tool).args(before.split(' ')).arg("--help").output().expect("it was installed")
    };
    let commands = commands(&files);
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let output = taken(&command);
        assert!(output.status.success(), "{command}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    for wrong in ["scale deployment meridian --replica=0", "wait --for=delete pod -l a=b --timeout=120x"] {
        assert!(!taken(wrong).status.success(), "{wrong}");
    }
}

/// What is replaced once in the runbook, and by what.
const BROKEN: [(&str, &str); 14] = [
    ("exec eu-orders-0", "exec eu-order-0"),
    ("-c prepare", "-c prepares"),
    ("group/promote.sh", "group/promotes.sh"),
    ("logs eu-orders-0 -c replication", "logs eu-orders-0 -c server-log"),
    ("--without us-orders-0.us-orders", "--without us-orders-0.eu-orders"),
    ("delete pvc data-eu-orders-0", "delete pvc rows-eu-orders-0"),
    ("delete pod eu-orders-0", "delete pod eu-orders-9"),
    ("rollout status deployment meridian", "rollout status deployment proxy"),
    ("rollout status deployment", "rollout state deployment"),
    ("apply -k deploy/overlays/my-cluster", "apply -k deploy/overlay/my-cluster"),
    ("generic meridian-accounts", "generic accounts"),
    ("--from-file=replication-password", "--from-file=password"),
    ("tls meridian-tls", "tls meridian"),
    ("taint nodes NODE", "taint node NODE"),
];
