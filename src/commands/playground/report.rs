//! What a playground says when it serves: where everything runs, and what to type.

use std::fmt::Write;
use std::time::Duration;

use super::processes::Processes;
use super::stage::Stage;

pub(super) fn of(stage: &Stage, processes: &Processes) -> String {
    let mut rows: Vec<[String; 7]> =
        vec![["group", "member", "region", "role", "server", "process", "through"].map(str::to_owned)];
    for member in &stage.members {
        let delay = stage.delays[usize::from(member.region.0)];
        let late = format!("127.0.0.1:{}, {} ms a round trip", member.seen_port, delay.as_millis());
        rows.push([
            stage.map.groups[usize::from(member.group.0)].name.clone(),
            member.name.clone(),
            stage.map.regions[usize::from(member.region.0)].clone(),
            if member.is_primary { "primary" } else { "replica" }.to_owned(),
            member.at(),
            processes.id(&member.name).map(|id| id.to_string()).unwrap_or_default(),
            if delay.is_zero() { String::new() } else { late },
        ]);
    }
    if stage.delays.iter().all(Duration::is_zero) {
        rows[0][6].clear();
    }
    let mut text = String::from("\n");
    let widths: [usize; 7] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
    }
    let database = &stage.map.databases[0].name;
    let (port, admin_port, folder) = (stage.port, stage.admin_port, stage.folder.path.display());
    let _ = write!(
        text,
        "
Meridian serves them as one, on 127.0.0.1:{port}. In another terminal:

  mysql --default-character-set=utf8mb4 -h 127.0.0.1 -P {port} -u app -papp-password {database}
  curl http://127.0.0.1:{admin_port}/metrics

and in the client, for example:

"
    );
    for statement in statements(stage) {
        let _ = writeln!(text, "  {statement}");
    }
    if !stage.has_sample {
        let _ = writeln!(
            text,
            "\nThe map has no .sql file beside it, so there are no tables yet: create them through the proxy."
        );
    }
    let _ = writeln!(
        text,
        "
Its map, configuration and log (map.yaml, config.yaml, proxy.log) and the servers' data are in
{folder}; a change of map.yaml comes into force at once.
For trying out, not for production: passwords are well known. Ctrl-C ends everything."
    );
    text
}

/// What is worth typing: of the shop, or of any map.
fn statements(stage: &Stage) -> Vec<&'static str> {
    let mut statements = vec!["SHOW MERIDIAN MEMBERS;", "SHOW TABLES;"];
    let has = |table: &str| stage.map.databases.iter().any(|database| database.tables.contains_key(table));
    if stage.has_sample && has("customers") && has("countries") {
        statements.extend([
            "SELECT @@port, name FROM customers WHERE id = 1000042;",
            "EXPLAIN ROUTE SELECT name FROM customers WHERE id IN (42, 1000042);",
            "EXPLAIN ROUTE INSERT INTO events (user_id, at, kind) VALUES (7, NOW(), 'login');",
        ]);
    }
    statements
}
