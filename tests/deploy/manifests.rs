//! The manifests of `deploy/`: as kubectl renders them, where it is or can be installed; and the proxy's part of them as
//! rendered here, which is compared with it.
//!
//! Scalars are strings, whatever YAML makes of them: the rules say what they mean.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use meridian::shard_map::Problem;
use meridian::shard_map::document::{self, Faults, Node};
use serde_json::{Map, Value, json};

/// Texts by their path from the repository's root.
pub type Files = BTreeMap<String, String>;

/// What is rendered here of a kustomization.
const FIELDS: [&str; 7] =
    ["apiVersion", "kind", "labels", "resources", "images", "generatorOptions", "configMapGenerator"];

/// Everything below `deploy/`, the Dockerfile and the pages about them.
pub fn files() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Files::new();
    collect(root, &root.join("deploy"), &mut files);
    for name in ["Dockerfile", "docs/deploy.md", "docs/runbook.md"] {
        files.insert(name.into(), std::fs::read_to_string(root.join(name)).expect("a file of the repository"));
    }
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root").to_str().expect("paths are ASCII");
            files.insert(name.into(), std::fs::read_to_string(&path).expect("a readable file"));
        }
    }
}

/// The documents of a stream of YAML. Anchors, tags and repeated keys are refused, as in the project's own files.
#[track_caller]
pub fn documents(yaml: &str) -> Vec<Value> {
    let parts = yaml.split("\n---\n").filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let mut faults = Faults::<Problem>::default();
            let node = Node::parse(part, &mut faults);
            let node = faults.finish(node).unwrap_or_else(|faults| panic!("{}\n{part}", faults[0]));
            value(&node)
        })
        .collect()
}

fn value(node: &Node) -> Value {
    match &node.value {
        document::Value::Scalar(scalar) => scalar.text.as_str().into(),
        document::Value::List(nodes) => nodes.iter().map(value).collect(),
        document::Value::Mapping(entries) => {
            let entries = entries.iter().map(|(key, node)| (key.name.clone(), value(node)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
        document::Value::Refused => unreachable!("a fault was reported"),
    }
}

/// What `kubectl kustomize` makes of a folder; None, and a line that says so, where kubectl cannot be had.
pub fn kubectl(folder: &str) -> Option<String> {
    let mut command = Command::new(tools()?.join("kubectl"));
    let output = command.args(["kustomize", folder]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("it was installed");
    assert!(output.status.success(), "{folder}:\n{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// The same of an overlay in which one file of `deploy/` has been edited.
pub fn edited(overlay: &str, file: &str, from: &str, to: &str) -> Option<String> {
    let mut files = files();
    edit(&mut files, file, from, to);
    kubectl_of(&files, overlay)
}

/// Replaces a text that is there.
#[track_caller]
pub fn edit(files: &mut Files, file: &str, from: &str, to: &str) {
    let text = files.get_mut(file).unwrap_or_else(|| panic!("{file} is not there"));
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replace(from, to);
}

/// What kubectl makes of an overlay of these files, which are laid out in a folder of their own.
pub fn kubectl_of(files: &Files, overlay: &str) -> Option<String> {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let copy = std::env::temp_dir().join(format!("meridian-deploy-{}-{serial}", std::process::id()));
    for (path, contents) in files {
        let path = copy.join(path);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder is ours");
        std::fs::write(path, contents).expect("the folder is ours");
    }
    let rendered = kubectl(copy.join(overlay).to_str().expect("ASCII"));
    std::fs::remove_dir_all(copy).expect("the folder is ours");
    rendered
}

/// The folder of kubectl and of what knows the schemas; None, and a line that says so, where they cannot be installed.
pub fn tools() -> Option<PathBuf> {
    static TOOLS: OnceLock<Option<PathBuf>> = OnceLock::new();
    TOOLS
        .get_or_init(|| {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/kubernetes.sh");
            let output = Command::new(script).output().expect("the script is executable");
            if output.status.success() {
                return Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()));
            }
            // Not eprintln: the runner would swallow it.
            let why = String::from_utf8_lossy(&output.stderr);
            let _ = writeln!(std::io::stderr(), "skipped: what kubectl renders (it cannot be installed)\n{why}");
            None
        })
        .clone()
}

/// The proxy's objects of a folder with a `kustomization.yaml`; folders named `servers` are left out.
#[track_caller]
pub fn render(files: &Files, folder: &str) -> Vec<Value> {
    let read = |name: &str| {
        let path = format!("{folder}/{name}");
        files.get(&path).unwrap_or_else(|| panic!("{path} is not there"))
    };
    let kustomization = documents(read("kustomization.yaml")).remove(0);
    for field in kustomization.as_object().expect("a mapping").keys() {
        assert!(FIELDS.contains(&field.as_str()), "{folder}: {field} of a kustomization is not rendered here");
    }
    let mut objects = Vec::new();
    for resource in list(&kustomization["resources"]) {
        let resource = text(resource);
        if resource == "servers" {
            continue;
        }
        if resource.ends_with(".yaml") {
            objects.extend(documents(read(resource)));
        } else {
            objects.extend(render(files, &joined(folder, resource)));
        }
    }
    let options = &kustomization["generatorOptions"];
    for generator in list(&kustomization["configMapGenerator"]) {
        let name = text(&generator["name"]);
        let hash = if text(&options["disableNameSuffixHash"]) == "true" { "" } else { "-5f4h8k2m7t" };
        let data: Map<String, Value> =
            list(&generator["files"]).iter().map(text).map(|file| (file.into(), read(file).as_str().into())).collect();
        objects.push(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("{name}{hash}")}, "data": data,
            "immutable": options["immutable"],
        }));
    }
    for image in list(&kustomization["images"]) {
        let name = text(&image["name"]);
        for object in objects.iter_mut().filter(|object| text(&object["kind"]) == "Deployment") {
            for container in object["spec"]["template"]["spec"]["containers"].as_array_mut().into_iter().flatten() {
                if text(&container["image"]) == name {
                    container["image"] = format!("{name}:{}", text(&image["newTag"])).into();
                }
            }
        }
    }
    objects
}

/// `deploy/base` of `deploy/overlays/single` and `../../base`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => parts.truncate(parts.len() - 1),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A scalar's text; empty where there is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A scalar as a number; 0 where there is none.
pub fn number(value: &Value) -> u64 {
    text(value).parse().unwrap_or_default()
}

/// The entries of a list; none where there is no list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The names of a mapping; none where there is no mapping.
pub fn names(value: &Value) -> Vec<&str> {
    value.as_object().map_or(Vec::new(), |entries| entries.keys().map(String::as_str).collect())
}
