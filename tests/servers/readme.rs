//! README's steps, run as they stand there: its files, its servers, its commands, and what it says that they print.

use std::fs;
use std::process::Command;

use crate::support::Folder;
use crate::support::folder::free_port;

/// Of the proxy and the servers in README; other ones here.
const PORTS: [&str; 3] = ["3406", "3407", "3408"];

/// README's steps: files by name, a script of its commands, and what the client has to print.
#[derive(Default)]
struct Steps {
    files: Vec<(String, String)>,
    script: String,
    printed: String,
}

impl Steps {
    fn read(section: &str) -> Steps {
        let mut steps = Steps::default();
        let mut lines = section.lines().peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("```") {
                steps.file(lines.by_ref().take_while(|line| *line != "```").collect());
            } else if let Some(first) = line.strip_prefix("    ") {
                let mut block = vec![first];
                while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                    block.push(&line[4..]);
                }
                steps.commands(&block);
            }
        }
        steps
    }

    /// A block in a fence: a file that its first line names, or what is typed in the client.
    fn file(&mut self, lines: Vec<&str>) {
        let name = lines[0].trim_start_matches(['#', '-', ' ']);
        let name = if name.starts_with("my-shop/") { name } else { "typed.sql" };
        self.files.push((name.into(), lines.join("\n") + "\n"));
    }

    /// An indented block: commands, or what was printed.
    fn commands(&mut self, lines: &[&str]) {
        if lines[0].starts_with("route ") {
            self.printed = lines.join("\n");
            return;
        }
        for line in lines {
            self.script += &match line {
                // These serve until they are ended, or read what is typed.
                line if line.contains(" serve ") => {
                    format!(
                        "{line} >proxy.log &\nuntil (: </dev/tcp/127.0.0.1/3406) 2>&-; do kill -0 $!; sleep 0.1; done\n"
                    )
                }
                line if line.starts_with("mariadb ") => format!("{line} <typed.sql >printed\n"),
                line if line.contains("mariadbd ") => {
                    format!("{line}\nmariadb-admin --no-defaults -h127.0.0.1 -P$server -uroot --wait=60 ping\n")
                }
                line => format!("{line}\n"),
            };
        }
    }
}

#[test]
fn the_steps_of_the_readme_end_in_what_it_shows() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("it is there");
    let section = readme.split("\n## ").find(|section| section.starts_with("Run it on your servers"));
    let steps = Steps::read(section.expect("README has that section"));
    let ports = PORTS.map(|port| (port, free_port().to_string()));
    let here = |text: &str| ports.iter().fold(text.to_owned(), |text, (port, free)| text.replace(port, free));

    let folder = Folder::new("readme");
    fs::create_dir(folder.path().join("my-shop")).expect("the folder is ours");
    assert_eq!(steps.files.len(), 5, "three files, what servers need, and what is typed");
    for (name, text) in &steps.files {
        folder.write(name, &here(text));
    }
    let script = here(&steps.script).replace("target/release/meridian", env!("CARGO_BIN_EXE_meridian"));
    let script = format!("set -eu\ntrap 'kill $(jobs -p); wait' EXIT\ntrap 'exit 1' TERM\n{script}");
    let mut bash = Command::new("setpriv");
    bash.args(["--pdeathsig", "TERM", "bash", "-c", &script]).current_dir(folder.path());
    let output = bash.output().expect("bash is there");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{said}");

    let printed = fs::read_to_string(folder.path().join("printed")).expect("the client's output");
    assert!(printed.contains("\nPacific Rim Ltd\n"), "{printed}");
    assert!(printed.contains(&here(&steps.printed)), "{printed}");
    assert!(said.contains("2 servers asked, 0 errors, 0 warnings"), "{said}");
}
