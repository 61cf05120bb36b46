//! What the documents show is true: the README's files load, its links and make targets exist.

use std::path::Path;

use meridian::config::{Accounts, Config};
use meridian::shard_map::ShardMap;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The block of YAML that begins with the comment `# NAME`.
fn example(readme: &str, name: &str) -> String {
    let blocks =
        readme.split("```yaml\n").skip(1).map(|block| block.split("```").next().expect("split yields one part"));
    let found: Vec<&str> = blocks.filter(|block| block.starts_with(&format!("# {name}\n"))).collect();
    assert_eq!(found.len(), 1, "blocks of {name}");
    found[0].into()
}

#[test]
fn the_files_of_the_readme_belong_together() {
    let readme = read("README.md");
    assert_eq!(readme.matches("```yaml").count(), 3);
    let at = Path::new("my-shop/config.yaml");
    let config = Config::load(&example(&readme, "my-shop/config.yaml"), at).expect("a sound configuration");
    assert_eq!(config.map, Path::new("my-shop/map.yaml"));
    assert_eq!(config.accounts, Path::new("my-shop/accounts.yaml"));
    let accounts = example(&readme, "my-shop/accounts.yaml");
    let accounts = Accounts::load(&accounts, &config.accounts).expect("sound accounts");
    let map = ShardMap::load(&example(&readme, "my-shop/map.yaml")).expect("a sound map");
    let app = accounts.user("app").expect("the user of the example");
    assert!(map.databases.iter().all(|database| app.databases.allow(&database.name)));
}

#[test]
fn the_map_of_the_tables_is_sound() {
    ShardMap::load(&example(&read("docs/tables.md"), "tables.yaml")).expect("a sound map");
}

/// What the tour of the README shows is a part of the demo, which CI runs.
#[test]
fn statements_of_the_tour_are_those_of_the_demo() {
    let (readme, demo) = (read("README.md"), read("demo/demo.sh"));
    let shown: Vec<&str> = readme
        .lines()
        .filter_map(|line| ["    eu> ", "    us> "].iter().find_map(|at| line.strip_prefix(at)))
        .collect();
    assert!(shown.len() >= 2, "{shown:?}");
    for statement in shown {
        assert!(demo.contains(statement), "demo/demo.sh does not run: {statement}");
    }
}

const DOCUMENTS: [&str; 15] = [
    "README.md",
    "CHANGELOG.md",
    "docs/ARCHITECTURE.md",
    "docs/commands.md",
    "docs/configuration.md",
    "docs/deploy.md",
    "docs/faq.md",
    "docs/keys.md",
    "docs/members.md",
    "docs/operations.md",
    "docs/ownership.md",
    "docs/playground.md",
    "docs/runbook.md",
    "docs/statements.md",
    "docs/tables.md",
];

#[test]
fn links_lead_somewhere() {
    for document in DOCUMENTS {
        let text = read(document);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let folder = folder.parent().expect("a file is in a folder");
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().expect("split yields one part")) {
            let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            assert!(folder.join(file).exists(), "{document}: {file} does not exist");
            if let Some(anchor) = anchor {
                let headings = if file.is_empty() {
                    text.clone()
                } else {
                    std::fs::read_to_string(folder.join(file)).expect("a document")
                };
                let heading = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
                let found = headings.lines().any(|line| line.starts_with('#') && heading(line) == anchor);
                assert!(found, "{document}: no heading for {target}");
            }
        }
    }
}

/// Arguments, of each command line of the binary that a document shows in an indented block.
fn shown_commands(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    let lines = lines.map(|line| line.trim_start_matches("$ ").trim_start_matches("target/release/"));
    let commands = lines.filter_map(|line| line.strip_prefix("meridian "));
    commands
        .map(|command| {
            let command = command.split(" && ").next().expect("split yields one part");
            // Quotes around a statement.
            let quoted = command.split('"').enumerate();
            let words = quoted.flat_map(|(part, text)| match part % 2 {
                0 => text.split_whitespace().map(str::to_owned).collect(),
                _ => vec![text.to_owned()],
            });
            words.collect()
        })
        .collect()
}

/// With `--help` behind them, so that nothing is done; unknown arguments are named first.
#[test]
fn command_lines_that_the_documents_show_are_the_binarys() {
    let mut shown = 0;
    for document in DOCUMENTS {
        for arguments in shown_commands(&read(document)) {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_meridian"));
            let output = command.args(&arguments).arg("--help").output().expect("the binary runs");
            assert!(output.status.success(), "{document}: {arguments:?}: {output:?}");
            shown += 1;
        }
    }
    assert!(shown > 12, "only {shown} found");
}

#[test]
fn files_and_make_targets_that_the_documents_name_exist() {
    let makefile = read("Makefile");
    for document in DOCUMENTS {
        let text = read(document);
        for rest in text.split("make ").skip(1) {
            let target: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            let marked = rest[target.len()..].starts_with(['`', '\n']) || rest[target.len()..].starts_with("  ");
            assert!(!marked || makefile.contains(&format!("\n{target}:")), "{document}: make {target}");
        }
        // In backquotes: paths below the root, src/ or deploy/. Not what is a page of the proxy, relative to a folder, or a file of
        // somebody else's.
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let exists = |name: &str| ["", "src", "deploy"].iter().any(|under| root.join(under).join(name).exists());
        let is_ours =
            |name: &str| !name.starts_with(['/', '.']) && !name.contains("my-") && !name.contains([' ', ':', '=']);
        for name in text.split('`').skip(1).step_by(2).filter(|name| is_ours(name)) {
            let Some((first, rest)) = name.split_once('/') else { continue };
            let is_path = exists(first) || rest.contains('.');
            assert!(!is_path || exists(name), "{document}: {name} does not exist");
        }
    }
}
