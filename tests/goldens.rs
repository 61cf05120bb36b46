//! Plan goldens: statements and where each goes, printed by the code that prints EXPLAIN ROUTE.
//!
//! A file of `tests/goldens/` holds `map FILE` lines, if its map is not `map.yaml`, `use DATABASE` lines, `> statement` lines, each followed by the first line of its
//! explanation, `>> statement` lines, each followed by all of them, comments (`#`) and empty lines. `UPDATE_GOLDENS=1 cargo test --test goldens` rewrites
//! the explanations; the diff is what is reviewed.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use meridian::plan::{self, Hint, Statement};
use meridian::route::{Asked, Literals, SessionFacts, explain};
use meridian::shard_map::{Family, ShardId, ShardMap};
use meridian::sql::{self, Dialect, Flavor, Scratch};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// The lines of an explanation.
fn explained(map: &ShardMap, database: Option<&str>, statement: &str) -> Vec<String> {
    let dialect = match database.and_then(|name| map.database(name)).map(|database| database.family) {
        Some(Family::MySql) => Dialect::new(Flavor::MySql, 90704),
        Some(Family::MariaDb) | None => Dialect::new(Flavor::MariaDb, 101119),
    };
    let mut scratch = Scratch::new();
    if let Err(error) = sql::scan(statement.as_bytes(), &dialect, &mut scratch) {
        return vec![format!("lexical error: {error}")];
    }
    let facts = sql::facts(scratch.normalized());
    let hosts = |shard| map.databases.iter().any(|database| database.shards().contains(&shard));
    let planned = match Hint::of(map, statement.as_bytes(), &scratch, None, &hosts) {
        Ok(hint) => plan::plan_hinted(map, database, scratch.normalized(), facts, &dialect, hint),
        Err(refusal) => Statement::refused(facts, refusal),
    };
    let home = database.and_then(|name| map.database(name)).map_or(ShardId(0), |database| database.home());
    let asked = Asked::new(home, statement.as_bytes(), &dialect, &scratch);
    explain(&planned, map, &Literals::of_text(statement.as_bytes(), &scratch, SessionFacts::ORDINARY), asked).lines()
}

fn map_of(file: &str) -> ShardMap {
    let map = std::fs::read_to_string(directory().join(file)).expect("the map of the goldens is there");
    ShardMap::load(&map).expect("the map of the goldens is sound")
}

/// The file with every explanation made anew.
fn rewritten(text: &str) -> String {
    let mut map = map_of("map.yaml");
    let mut out = String::new();
    let mut database: Option<&str> = None;
    let mut skip_explanation = false;
    for line in text.lines() {
        // Only explanations are indented.
        if line.starts_with("  ") {
            continue;
        }
        let is_setting = line.starts_with("use ") || line.starts_with("map ");
        if skip_explanation && !line.is_empty() && !line.starts_with(['#', '>']) && !is_setting {
            skip_explanation = false;
            continue;
        }
        skip_explanation = false;
        let _ = writeln!(out, "{line}");
        if let Some(name) = line.strip_prefix("use ") {
            database = Some(name).filter(|name| *name != "none");
        } else if let Some(file) = line.strip_prefix("map ") {
            map = map_of(file);
        } else if let Some(statement) = line.strip_prefix("> ") {
            let _ = writeln!(out, "{}", explained(&map, database, statement)[0]);
            skip_explanation = true;
        } else if let Some(statement) = line.strip_prefix(">> ") {
            let _ = writeln!(out, "{}", explained(&map, database, statement).join("\n"));
            skip_explanation = true;
        }
    }
    out
}

#[test]
fn plans_are_as_the_goldens_say() {
    let mut wrong = String::new();
    let mut files = 0;
    for entry in std::fs::read_dir(directory()).expect("the goldens are there") {
        let path = entry.expect("a directory can be listed").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        files += 1;
        let text = std::fs::read_to_string(&path).expect("a golden can be read");
        let now = rewritten(&text);
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::write(&path, now).expect("a golden can be written");
            continue;
        }
        for (was, is) in text.lines().zip(now.lines()).filter(|(was, is)| was != is) {
            let _ = writeln!(wrong, "{}\n  golden {was}\n  now    {is}", path.display());
        }
        if text.lines().count() != now.lines().count() {
            let _ = writeln!(wrong, "{}: explanations are missing", path.display());
        }
    }
    assert!(files >= 5, "only {files} goldens found");
    assert!(wrong.is_empty(), "{wrong}\nUPDATE_GOLDENS=1 rewrites them");
}
