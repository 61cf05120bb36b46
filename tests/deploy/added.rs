//! What the runbook and the documentation say how to add, done to a copy of `deploy/`: what comes of it keeps the rules, and
//! a step that is left out does not.

use super::groups::group_faults;
use super::manifests::{Files, documents, edit, files, kubectl_of};
use super::{faults, meridian, of_the_proxy};
use crate::folder::Folder;
use crate::rules::Deploy;

type Step = fn(&mut Files);

/// "Add a shard" of docs/runbook.md: a group `parcels`, and a table on it.
const SHARD: [Step; 5] = [
    |files| edit(files, "deploy/groups/files/members.sh", " split1)", " split1 parcels)"),
    |files| {
        let copy = files["deploy/groups/split1/kustomization.yaml"].replace("split1", "parcels");
        files.insert("deploy/groups/parcels/kustomization.yaml".into(), copy);
        for region in ["eu", "us"] {
            let file = format!("deploy/overlays/region-{region}/servers/kustomization.yaml");
            edit(files, &file, "groups/split1\n", "groups/split1\n  - ../../../groups/parcels\n");
        }
    },
    |files| {
        let file = "deploy/network/elsewhere/services/services.yaml";
        let last = files[file].split("---\n").last().expect("split yields one part").replace("split1", "parcels");
        let all = format!("{}---\n{last}", files[file]);
        files.insert(file.into(), all);
    },
    |files| {
        let members =
            "{at: \"eu-parcels-0.eu-parcels:3306\", region: eu}, {at: \"us-parcels-0.us-parcels:3306\", region: us}";
        let group = format!("groups:\n  parcels: {{members: [{members}]}}\n");
        let file = "deploy/maps/shop/map.yaml";
        let at = files[file].lines().find(|line| line.starts_with("groups:")).expect("groups").to_owned() + "\n";
        edit(files, file, &at, &group);
    },
    |files| {
        edit(
            files,
            "deploy/maps/shop/map.yaml",
            "  s1:     {group: split1}\n",
            "  s1:     {group: split1}\n  p: {group: parcels}\n",
        );
        edit(files, "deploy/maps/shop/map.yaml", "    tables:\n", "    tables:\n      parcels: p\n");
    },
];

/// What is found of both regions' overlays.
fn found(files: &Files) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for overlay in ["deploy/overlays/region-eu", "deploy/overlays/region-us"] {
        let objects = documents(&kubectl_of(files, overlay)?);
        found.extend(group_faults(&objects, files));
        found.extend(faults(&Deploy { objects: of_the_proxy(&objects), files }));
    }
    Some(found)
}

#[test]
fn a_shard_is_added_as_the_runbook_says() {
    let mut all = files();
    SHARD.iter().for_each(|step| step(&mut all));
    let Some(faults) = found(&all) else { return };
    assert_eq!(faults, Vec::<String>::new());
    let folder = Folder::new("added");
    let map = folder.write("map.yaml", &all["deploy/maps/shop/map.yaml"]);
    let before = folder.write("before.yaml", &files()["deploy/maps/shop/map.yaml"]);
    let (sound, said) = meridian(&["check", map.to_str().expect("ASCII")]);
    assert!(sound, "{said}");
    let raised = std::fs::read_to_string(&map).expect("just written").replace("generation: 1", "generation: 2");
    std::fs::write(&map, raised).expect("the folder is ours");
    let (free, said) = meridian(&["diff", before.to_str().expect("ASCII"), map.to_str().expect("ASCII")]);
    assert!(free, "{said}");
    for left_out in 0..3 {
        let mut less = files();
        SHARD.iter().enumerate().filter(|(at, _)| *at != left_out).for_each(|(_, step)| step(&mut less));
        assert_ne!(found(&less), Some(Vec::new()), "without step {left_out}");
    }
}

#[test]
fn a_cluster_alone_gets_tls_between_its_servers_as_the_documentation_says() {
    let mut files = files();
    let overlay = "deploy/overlays/single";
    let kustomization = format!("{overlay}/kustomization.yaml");
    edit(&mut files, &kustomization, "images:\n", "components:\n  - ../../groups/tls\nimages:\n");
    let rendered = |files: &Files| Some(group_faults(&documents(&kubectl_of(files, overlay)?), files));
    let Some(half) = rendered(&files) else { return };
    assert!(!half.is_empty() && half.iter().all(|fault| fault.contains("the proxies do not check")), "{half:?}");
    let config = files["deploy/overlays/region-eu/config.yaml"].replace("region: eu\n", "");
    files.insert(format!("{overlay}/config.yaml"), config);
    let replaced = "configMapGenerator:\n  - name: meridian-config\n    behavior: replace\n    files: [config.yaml]\n";
    edit(&mut files, &kustomization, "configMapGenerator:\n", replaced);
    assert_eq!(rendered(&files), Some(Vec::new()));
}
