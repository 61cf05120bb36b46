//! sysbench's workloads, text and prepared, on one database whose tables live on two servers.

use crate::support::cli::sysbench;
use crate::support::{MariaDb, MySql9, Proxy, Server, Settings};

/// sbtest1 on the first server, sbtest2 on the second: a transaction of sysbench stays within one table.
fn start(first: &Server, second: &Server) -> Proxy {
    for (server, other) in [(first, "sbtest2"), (second, "sbtest1")] {
        server.run_all(&["CREATE DATABASE sbtest"]);
        let prepared = sysbench(server.port, "oltp_common", &["--tables=2", "--table-size=1000", "prepare"]);
        assert!(prepared.ok, "{prepared:?}");
        server.run_all(&[&format!("DROP TABLE sbtest.{other}")]);
    }
    let map = format!(
        r#"version: 1
regions: [here]
groups:
  first: {{members: [{{at: "{}", region: here}}]}}
  second: {{members: [{{at: "{}", region: here}}]}}
shards:
  first: {{group: first}}
  second: {{group: second}}
databases:
  sbtest:
    family: {}
    unlisted: refuse
    tables:
      sbtest1: first
      sbtest2: second
"#,
        first.at(),
        second.at(),
        first.family()
    );
    Proxy::start(&Settings { map, ..Settings::default() })
}

fn run(proxy: &mut Proxy, workload: &str, tables: &str, mode: &str) {
    let mode = format!("--db-ps-mode={mode}");
    let words = ["--table-size=1000", tables, "--threads=8", "--time=0", "--events=400", &mode, "run"];
    let run = sysbench(proxy.port, workload, &words);
    assert!(run.ok && !run.err.contains("FATAL") && !run.out.contains("FATAL"), "{workload} {mode}: {run:?}");
    let errors = run.out.lines().find(|line| line.contains("ignored errors:")).expect("sysbench counts errors");
    // Deadlocks are the workload's own: sysbench ignores them and goes on.
    assert!(workload.contains("write") || errors.split_whitespace().nth(2) == Some("0"), "{errors}");
    proxy.check_runs();
    assert_eq!(proxy.figure("meridian_pins_total"), 0, "{workload} {mode} needs no pinned session");
    assert!(proxy.figure("meridian_statements_total{class=\"read\"}") >= 400, "they are counted");
}

fn each_workload(first: &Server, second: &Server) {
    let mut proxy = start(first, second);
    for mode in ["disable", "auto"] {
        for workload in ["oltp_point_select", "oltp_read_only"] {
            run(&mut proxy, workload, "--tables=2", mode);
        }
        // sysbench takes any table in each statement of a transaction: with one, it writes one server.
        run(&mut proxy, "oltp_read_write", "--tables=1", mode);
        run(&mut proxy, "oltp_update_index", "--tables=2", mode);
    }
}

#[test]
fn on_mariadb() {
    each_workload(&MariaDb::start("first", &[]), &MariaDb::start("second", &[]));
}

#[test]
fn on_mysql9() {
    let (Some(first), Some(second)) = (MySql9::start("first", &[]), MySql9::start("second", &[])) else { return };
    each_workload(&first, &second);
}
