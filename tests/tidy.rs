//! The structure of the code: which room may import which, what the pure rooms may not name, what no file may hold.
//!
//! Reads the sources as text, with comments and the insides of strings blanked out, so that only code counts. Every rule
//! is a function from a file to its faults; the tests at the end show each rule a file that breaks it.

use std::fmt::Write;
use std::path::Path;

/// The rooms of `src/`, by rank: a room imports only rooms of lower rank. docs/ARCHITECTURE.md has them in this order.
///
/// `commands`, `server` and `main` together are the composition: one room of three names.
const ROOMS: [(&str, u8); 18] = [
    ("telemetry", 0),
    ("wire", 0),
    ("sql", 1),
    ("shard_map", 1),
    ("plan", 2),
    ("topology", 2),
    ("session", 3),
    ("route", 4),
    ("net", 4),
    ("backend", 5),
    ("execute", 6),
    ("frontend", 7),
    ("admin", 7),
    ("config", 8),
    ("server", COMPOSITION),
    ("commands", COMPOSITION),
    ("main", COMPOSITION),
    // Only lists the others.
    ("lib", COMPOSITION),
];

const COMPOSITION: u8 = 9;

/// Rooms without I/O, clock or lock: bytes and values in, bytes and values out. The random padding that `wire` takes for
/// RSA from aws-lc is the one exception, and names none of the words below.
const PURE: [&str; 7] = ["wire", "sql", "shard_map", "plan", "topology", "session", "route"];

/// Words that a pure room does not name. A path is matched whole, a single word wherever it stands as one.
const IMPURE: [&str; 13] = [
    "tokio",
    "tokio_rustls",
    "tokio_util",
    "Instant",
    "SystemTime",
    "Mutex",
    "RwLock",
    "Condvar",
    "std::net",
    "std::thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
];

/// Code that says that something is missing.
const UNFINISHED: [&str; 5] = ["todo!", "unimplemented!", "dbg!", "#[ignore", "#![ignore"];

/// A source file: its path from the repository's root, its text, and its code (see [`code`]).
struct File {
    path: String,
    text: String,
    code: String,
}

type Rule = fn(&File) -> Vec<String>;

#[test]
fn rooms_import_only_rooms_of_lower_rank() {
    hold(&["src"], ranks);
}

#[test]
fn pure_rooms_name_no_clock_lock_or_socket() {
    hold(&["src"], purity);
}

#[test]
fn files_begin_with_what_they_are() {
    hold(&["src", "tests", "fuzz/fuzz_targets"], header);
}

#[test]
fn nothing_is_left_unfinished_or_ignored() {
    hold(&["src", "tests"], finished);
}

#[test]
fn timers_are_made_in_one_place() {
    hold(&["src"], timers);
}

/// Applies a rule to every Rust file of these folders, and shows all faults at once.
#[track_caller]
fn hold(folders: &[&str], rule: Rule) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        collect(root, &root.join(folder), &mut files);
    }
    assert!(files.len() > folders.len(), "the sources were not found");
    let faults: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder of the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(root).expect("below the root").to_str().expect("paths are ASCII");
            files.push(File::new(inside, &std::fs::read_to_string(&path).expect("a readable source")));
        }
    }
}

impl File {
    fn new(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into(), code: code(text) }
    }

    /// `plan` of `src/plan/place/home.rs`, `server` of `src/server.rs`.
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").expect("a file of src/");
        let first = inside.split('/').next().expect("split yields one part at least");
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Modules between the crate's root and the file's own items: 1 in `src/plan/mod.rs`, 2 in `src/plan/place.rs`.
    fn depth(&self) -> usize {
        let parts = self.path.split('/').count() - 1;
        if self.path.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    fn fault(&self, at: usize, what: &str) -> String {
        let line = self.code[..at].matches('\n').count() + 1;
        format!("{}:{line}: {what}", self.path)
    }
}

fn rank(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

fn ranks(file: &File) -> Vec<String> {
    let room = file.room();
    let Some(own) = rank(room) else {
        return vec![
            file.fault(0, &format!("`{room}` has no rank; give it one in tests/tidy.rs and docs/ARCHITECTURE.md")),
        ];
    };
    let mut faults = Vec::new();
    for (at, imported) in imports(file) {
        let Some(its) = rank(&imported).filter(|_| imported != room) else { continue };
        if its >= own && (its, own) != (COMPOSITION, COMPOSITION) {
            faults.push(file.fault(at, &format!("`{room}` (rank {own}) imports `{imported}` (rank {its})")));
        }
    }
    faults
}

/// What the file names in the crate's root: behind `crate::` (`meridian::` in the binary), alone or in a list of braces,
/// and behind a chain of `super::` that is long enough to get there.
fn imports(file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate", "meridian"] {
        for at in words(&file.code, root) {
            let Some(rest) = behind(&file.code[at + root.len()..], "::") else { continue };
            match rest.strip_prefix('{') {
                Some(list) => found.extend(heads(list).into_iter().map(|name| (at, name))),
                None => found.push((at, first_word(rest).into())),
            }
        }
    }
    let mut skip = 0;
    for at in words(&file.code, "super") {
        if at < skip {
            continue;
        }
        let (mut rest, mut supers) = (&file.code[at..], 0);
        while let Some(next) = behind(rest, "super").and_then(|rest| behind(rest, "::")) {
            (rest, supers) = (next, supers + 1);
        }
        skip = file.code.len() - rest.len();
        if supers >= file.depth() {
            match rest.strip_prefix('{') {
                Some(list) => found.extend(heads(list).into_iter().map(|name| (at, name))),
                None => found.push((at, first_word(rest).into())),
            }
        }
    }
    found
}

/// The first word of each element of a list up to its closing brace: `a` and `b` of `a::{c, d}, b::e}`.
fn heads(list: &str) -> Vec<String> {
    let (mut found, mut depth, mut begins) = (Vec::new(), 0, true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                found.push(first_word(&list[at..]).into());
                begins = false;
            }
            _ => {}
        }
    }
    found
}

fn purity(file: &File) -> Vec<String> {
    let room = file.room();
    if !PURE.contains(&room) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    // A test may start a thread, to see how much of a worker's stack something takes.
    let is_test = file.path.contains("/tests/");
    for word in IMPURE.iter().filter(|word| !(is_test && **word == "std::thread")) {
        for at in words(&file.code, word) {
            faults.push(file.fault(at, &format!("`{room}` is a pure room and names `{word}`")));
        }
    }
    // `use std::{net::IpAddr, ..}`.
    for at in words(&file.code, "std") {
        let list = behind(&file.code[at + 3..], "::").and_then(|rest| rest.strip_prefix('{'));
        for head in list.map(heads).unwrap_or_default() {
            if IMPURE.contains(&format!("std::{head}").as_str()) {
                faults.push(file.fault(at, &format!("`{room}` is a pure room and names `std::{head}`")));
            }
        }
    }
    faults
}

fn header(file: &File) -> Vec<String> {
    let first = file.text.lines().next().unwrap_or_default();
    match first.strip_prefix("//! ") {
        Some(text) if text.starts_with(|c: char| c.is_alphanumeric() || c == '`') => Vec::new(),
        _ => vec![file.fault(0, "does not begin with a `//!` header that says what the file is")],
    }
}

fn finished(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for word in UNFINISHED {
        for at in words(&file.code, word) {
            faults.push(file.fault(at, &format!("holds `{word}`")));
        }
    }
    faults
}

/// The runtime that serves has no timers, so tokio's own would panic there: `net::timer` makes them all.
fn timers(file: &File) -> Vec<String> {
    if file.path == "src/net/timer.rs" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for at in words(&file.code, "tokio") {
        let rest = behind(&file.code[at + 5..], "::").unwrap_or_default();
        let named = match rest.strip_prefix('{') {
            Some(list) => heads(list),
            None => vec![first_word(rest).into()],
        };
        if named.iter().any(|name| name == "time") {
            faults.push(file.fault(at, "names `tokio::time`; timers are made in src/net/timer.rs"));
        }
    }
    faults
}

/// Where `word` stands in `code` and is not a part of a longer word.
fn words(code: &str, word: &str) -> Vec<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let ends_in_word = word.ends_with(in_word);
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| !(word.starts_with(in_word) && code[..*at].ends_with(in_word)))
        .filter(|at| !(ends_in_word && code[at + word.len()..].starts_with(in_word)))
        .collect()
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// What follows `prefix`, spaces aside.
fn behind<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.trim_start().strip_prefix(prefix).map(str::trim_start)
}

/// The text with comments and the insides of strings and character literals as spaces; lines and offsets stay.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let boundary = at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let end = match rest {
            [b'/', b'/', ..] => at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => at + block_comment(rest),
            [b'"', ..] => at + quoted(rest, b'"'),
            [b'r', b'"' | b'#', ..] | [b'b' | b'c', b'r', b'"' | b'#', ..] if boundary => match raw_string(rest) {
                Some(length) => at + length,
                None => at + 1,
            },
            // A lifetime has no quote behind its first character.
            [b'\'', b'\\', ..] => at + quoted(rest, b'\''),
            [b'\'', ..] if text[at + 1..].chars().nth(1) == Some('\'') => at + quoted(rest, b'\''),
            _ => {
                at += 1;
                continue;
            }
        };
        // A word of code that touched a blanked one would seem to go on: the ends are blanked as well.
        if end > at + 1 {
            for byte in &mut out[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at = end;
    }
    String::from_utf8(out).expect("whole literals were blanked")
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() && depth > 0 {
        match &rest[at..] {
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            _ => at += 1,
        }
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    rest.len().min(at + 1)
}

/// Bytes of `r"..."`, `r#"..."#`, `br"..."`; `None` of a raw name such as `r#type`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let start = rest.iter().position(|b| *b == b'r')? + 1;
    let hashes = rest[start..].iter().take_while(|b| **b == b'#').count();
    if rest.get(start + hashes) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes)).into_bytes();
    let inside = start + hashes + 1;
    let length = rest[inside..].windows(end.len()).position(|window| window == end)?;
    Some(inside + length + end.len())
}

/// The architecture says of each room what this test holds: its name and its rank, in order.
#[test]
fn the_architecture_names_every_room_by_rank() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    let mut expected = String::new();
    for (room, rank) in ROOMS.iter().filter(|(_, rank)| *rank < COMPOSITION) {
        writeln!(expected, "### {rank} `{room}`").expect("a String takes all");
    }
    writeln!(expected, "### {COMPOSITION} `commands`, `server`, `main`").expect("a String takes all");
    let found: String = text.lines().filter(|line| line.starts_with("### ")).map(|line| format!("{line}\n")).collect();
    assert_eq!(found, expected);
    let lines = text.lines().count();
    assert!(lines <= 280, "docs/ARCHITECTURE.md has {lines} lines; 280 is what one reads");
}

#[track_caller]
fn check(rule: Rule, path: &str, text: &str, expected: &[&str]) {
    assert_eq!(rule(&File::new(path, text)), expected, "{path}: {text}");
}

#[test]
fn the_rule_of_ranks_sees_imports() {
    let check = |path: &str, text: &str, expected: &[&str]| check(ranks, path, text, expected);
    check("src/sql/mod.rs", "use crate::wire::packet;", &[]);
    check("src/sql/mod.rs", "\nuse crate::plan::plan;", &["src/sql/mod.rs:2: `sql` (rank 1) imports `plan` (rank 2)"]);
    check("src/sql/a.rs", "crate::shard_map::x()", &["src/sql/a.rs:1: `sql` (rank 1) imports `shard_map` (rank 1)"]);
    check(
        "src/wire/mod.rs",
        "crate::telemetry::X",
        &["src/wire/mod.rs:1: `wire` (rank 0) imports `telemetry` (rank 0)"],
    );
    check("src/sql/a.rs", "pub(in crate::sql) fn x() {}", &[]);
    let both = "use crate::{wire::{a, b}, net,\n route::r};";
    check(
        "src/session/a.rs",
        both,
        &[
            "src/session/a.rs:1: `session` (rank 3) imports `net` (rank 4)",
            "src/session/a.rs:1: `session` (rank 3) imports `route` (rank 4)",
        ],
    );
    check(
        "src/plan/a.rs",
        "use super::super::execute::x;",
        &["src/plan/a.rs:1: `plan` (rank 2) imports `execute` (rank 6)"],
    );
    check("src/wire/walker/mod.rs", "use super::execute::Execute;", &[]);
    check("src/wire/walker/tests.rs", "use super::super::execute::Execute;", &[]);
    check(
        "src/plan/mod.rs",
        "use super::{backend::x, sql};",
        &["src/plan/mod.rs:1: `plan` (rank 2) imports `backend` (rank 5)"],
    );
    check("src/commands/serve.rs", "use crate::server;", &[]);
    check("src/main.rs", "use meridian::commands::serve::Serve;", &[]);
    check("src/config/a.rs", "use crate::server;", &["src/config/a.rs:1: `config` (rank 8) imports `server` (rank 9)"]);
    check("src/sql/a.rs", "// crate::plan\n/* crate::plan /* */ */ \"crate::plan\" r#\"crate::plan\"#", &[]);
    check(
        "src/sql/a.rs",
        "fn x<'a>(c: char) { c == '\"' } use crate::plan;",
        &["src/sql/a.rs:1: `sql` (rank 1) imports `plan` (rank 2)"],
    );
    check(
        "src/cellar/mod.rs",
        "",
        &["src/cellar/mod.rs:1: `cellar` has no rank; give it one in tests/tidy.rs and docs/ARCHITECTURE.md"],
    );
}

#[test]
fn the_rule_of_purity_sees_what_is_named() {
    let check = |path: &str, text: &str, expected: &[&str]| check(purity, path, text, expected);
    for (text, word) in [
        ("use tokio::net::X;", "tokio"),
        ("let now = std::time::Instant::now();", "Instant"),
        ("SystemTime::now()", "SystemTime"),
        ("use std::sync::{Arc, Mutex};", "Mutex"),
        ("std::net::Ipv6Addr", "std::net"),
        ("use std::{fmt, net::IpAddr};", "std::net"),
        ("x: TcpStream", "TcpStream"),
    ] {
        check("src/route/a.rs", text, &[&format!("src/route/a.rs:1: `route` is a pure room and names `{word}`")]);
        check("src/backend/a.rs", text, &[]);
    }
    check("src/route/a.rs", "use std::time::Duration; use core::net::Ipv6Addr; InstantCoffee", &[]);
}

#[test]
fn the_rule_of_timers_sees_them() {
    let fault = ["src/a.rs:1: names `tokio::time`; timers are made in src/net/timer.rs"];
    for text in ["tokio::time::sleep(x)", "use tokio::time;", "use tokio::{net, time::timeout};"] {
        check(timers, "src/a.rs", text, &fault);
        check(timers, "src/net/timer.rs", text, &[]);
    }
    check(timers, "src/a.rs", "use tokio::net::X; crate::time(); // tokio::time", &[]);
}

#[test]
fn the_rule_of_headers_sees_their_absence() {
    let fault = ["src/a.rs:1: does not begin with a `//!` header that says what the file is"];
    for text in ["", "use std::fmt;\n", "// A comment.\n", "\n//! Too late.\n", "//!\n", "//! (later)\n"] {
        check(header, "src/a.rs", text, &fault);
    }
    check(header, "src/a.rs", "//! What it is.\n", &[]);
    check(header, "src/a.rs", "//! `meridian serve`.\n", &[]);
}

#[test]
fn the_rule_of_the_unfinished_sees_it() {
    for word in ["todo!", "unimplemented!", "dbg!"] {
        check(finished, "tests/a.rs", &format!("fn x() {{ {word}() }}"), &[&format!("tests/a.rs:1: holds `{word}`")]);
    }
    check(finished, "tests/a.rs", "#[test]\n#[ignore = \"slow\"]", &["tests/a.rs:2: holds `#[ignore`"]);
    check(finished, "tests/a.rs", "// todo!\n\"dbg!\" ", &[]);
}
