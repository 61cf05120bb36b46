//! What a playground says when it serves: where everything runs, and what to type.

use std::fmt::Write;

use super::processes::Processes;
use super::stage::Stage;

pub(super) fn of(stage: &Stage, processes: &Processes) -> String {
    let mut text = format!("\n{}\n", members(stage, processes));
    let database = &stage.map.databases[0].name;
    let _ = writeln!(text, "Meridian serves them as one. In another terminal:\n");
    for front in &stage.fronts {
        let (port, region) = (front.port, &front.region);
        let _ = writeln!(
            text,
            "  mysql --default-character-set=utf8mb4 -h 127.0.0.1 -P {port} -u app -papp-password {database}    # in {region}"
        );
    }
    let _ = writeln!(text, "  curl http://127.0.0.1:{}/metrics\n\nand in the client:\n", stage.fronts[0].admin_port);
    for statement in statements(stage) {
        let _ = writeln!(text, "  {statement}");
    }
    if !stage.has_sample {
        let _ = writeln!(
            text,
            "\nThe map has no .sql file beside it: there are no tables yet. Create them through the proxy."
        );
    }
    let _ = writeln!(
        text,
        "
Maps, configurations, the log (map.yaml, config.yaml, proxy.log) and the servers' data are in
{}. A changed map comes into force at once;
that of another region is a file of its own (map-1.yaml).
For trying out, not for production: passwords are well known. Ctrl-C ends everything.",
        stage.folder.path.display()
    );
    text
}

/// A line for each member. Where distance is played, also the ports by which the proxies find it, which SHOW MERIDIAN MEMBERS
/// names.
fn members(stage: &Stage, processes: &Processes) -> String {
    let is_far = |at: usize| stage.fronts.iter().any(|front| front.addresses[at] != stage.members[at].at());
    let mut head: Vec<String> = ["group", "member", "region", "role", "server", "process"].map(str::to_owned).into();
    let with_ports = (0..stage.members.len()).any(is_far);
    if with_ports {
        head.extend(stage.fronts.iter().map(|front| format!("seen from {}", front.region)));
    }
    let mut rows = vec![head];
    for (at, member) in stage.members.iter().enumerate() {
        let mut row = vec![
            stage.map.groups[usize::from(member.group.0)].name.clone(),
            member.name.clone(),
            stage.map.regions[usize::from(member.region.0)].clone(),
            if member.is_primary { "primary" } else { "replica" }.to_owned(),
            member.at(),
            processes.id(&member.name).map(|id| id.to_string()).unwrap_or_default(),
        ];
        if with_ports {
            row.extend(stage.fronts.iter().map(|front| front.addresses[at].clone()));
        }
        rows.push(row);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
    }
    text
}

/// What is worth typing: of the shop, or of any map.
fn statements(stage: &Stage) -> Vec<&'static str> {
    let mut statements = vec!["SHOW MERIDIAN MEMBERS;"];
    // Not where the listing would have other names.
    if stage.map.databases[0].physical.is_empty() {
        statements.push("SHOW TABLES;");
    }
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
