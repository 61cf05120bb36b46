//! The alerts of `deploy/monitoring`: what they name exists, promtool takes them, and each goes off when it should.

use std::io::Write;
use std::process::Command;

use meridian::telemetry::METRICS;
use serde_json::{Value, json};

use super::folder::Folder;
use super::groups::group_faults;
use super::manifests::{Files, documents, edited, files, list, text};
use super::rules::Deploy;
use super::{SINGLE, faults, of_the_proxy};

const ALERTS: &str = "deploy/monitoring/alerts.yaml";

fn rules(files: &Files) -> Vec<Value> {
    let object = documents(&files[ALERTS]).remove(0);
    list(&object["spec"]["groups"]).iter().flat_map(|group| list(&group["rules"])).cloned().collect()
}

/// Metrics and values of labels that do not exist, runbooks without their heading, alerts that say too little.
fn alert_faults(files: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    for rule in rules(files) {
        let (name, expression) = (text(&rule["alert"]), text(&rule["expr"]));
        let mut rest = expression;
        while let Some(at) = rest.find("meridian_") {
            let metric: String = rest[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            rest = &rest[at + metric.len()..];
            let Some(known) = METRICS.iter().find(|known| known.name == metric) else {
                faults.push(format!("{name}: there is no metric {metric}"));
                continue;
            };
            let of = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
            let sound = of.is_none_or(|of| {
                let pair = of.split_once("=\"").map(|(label, value)| (label, value.trim_end_matches('"')));
                known
                    .label
                    .is_some_and(|(label, values)| pair.is_some_and(|pair| pair.0 == label && values.contains(&pair.1)))
            });
            if !sound {
                faults.push(format!("{name}: {metric} has no {}", of.unwrap_or_default()));
            }
        }
        if !["critical", "warning"].contains(&text(&rule["labels"]["severity"])) {
            faults.push(format!("{name}: no severity"));
        }
        if text(&rule["annotations"]["summary"]).is_empty() {
            faults.push(format!("{name}: it says nothing"));
        }
        let (page, anchor) = text(&rule["annotations"]["runbook"]).split_once('#').unwrap_or_default();
        let heading = |line: &str| line.starts_with("## ") && line[3..].to_lowercase().replace(' ', "-") == anchor;
        if !files.get(page).is_some_and(|page| page.lines().any(heading)) {
            faults.push(format!("{name}: no runbook of that name"));
        }
    }
    let monitor = &documents(&files["deploy/monitoring/pods.yaml"])[0]["spec"];
    let endpoint = &monitor["podMetricsEndpoints"][0];
    if (text(&endpoint["port"]), text(&endpoint["path"])) != ("admin", "/metrics") {
        faults.push("the figures are not there".into());
    }
    faults
}

#[test]
fn alerts_name_what_there_is() {
    let sound = files();
    assert_eq!(alert_faults(&sound), Vec::<String>::new());
    for (from, to, fault) in [
        ("meridian_files_missing", "meridian_files_lost", "no metric meridian_files_lost"),
        ("role=\"unreachable\"", "role=\"gone\"", "has no role"),
        ("severity: critical", "severity: page", "no severity"),
        ("summary: No proxy", "text: No proxy", "says nothing"),
        ("#lose-a-pod", "#lose-the-pods", "no runbook"),
    ] {
        let mut broken = sound.clone();
        let alerts = broken.get_mut(ALERTS).expect("it is there");
        assert!(alerts.contains(from), "no {from}");
        *alerts = alerts.replacen(from, to, 1);
        let found = alert_faults(&broken);
        assert!(found.iter().any(|line| line.contains(fault)), "{fault}: {found:?}");
    }
    let mut broken = sound.clone();
    let monitor = broken.get_mut("deploy/monitoring/pods.yaml").expect("it is there");
    *monitor = monitor.replace("port: admin", "port: mysql");
    assert_eq!(alert_faults(&broken), ["the figures are not there"]);
}

#[test]
fn an_overlay_with_alerts_keeps_the_rules() {
    let component = "components:\n  - ../../monitoring\nimages:\n";
    let Some(yaml) = edited(SINGLE, &format!("{SINGLE}/kustomization.yaml"), "images:\n", component) else { return };
    let (objects, files) = (documents(&yaml), files());
    assert!(yaml.contains("kind: PrometheusRule") && yaml.contains("kind: PodMonitor"));
    assert_eq!(group_faults(&objects, &files), Vec::<String>::new());
    assert_eq!(faults(&Deploy { objects: of_the_proxy(&objects), files: &files }), Vec::<String>::new());
}

/// An alert, a figure, its values in two pods minute by minute, and when it has gone off.
type Case = (&'static str, &'static str, [&'static str; 2], &'static str);

const CASES: [Case; 11] = [
    ("MeridianSilent", "meridian_sessions", ["1 1 1 stale", "1 1 1 stale"], "9m"),
    ("MeridianGroupUnwritten", "meridian_groups_unwritten", ["0x30", "1x30"], "2m"),
    ("MeridianMemberUnreachable", "meridian_members{role=\"unreachable\"}", ["0x30", "2x30"], "6m"),
    ("MeridianMemberAlone", "meridian_members{role=\"read_only\"}", ["1x30", "1x30"], "11m"),
    ("MeridianReplicaLate", "meridian_replica_lag_max_seconds", ["0x30", "40x30"], "6m"),
    ("MeridianFileRefused", "meridian_files_refused", ["0x30", "1x30"], "3m"),
    ("MeridianMapsDiffer", "meridian_map_generation", ["7x30", "8x30"], "6m"),
    ("MeridianOwnersDiffer", "meridian_map_ownership", ["123x30", "456x30"], "3m"),
    ("MeridianPoolExhausted", "meridian_pool_timeouts_total", ["0+5x30", "0x30"], "5m"),
    ("MeridianConnectionsBreak", "meridian_backend_failures_total", ["0+90x30", "0+90x30"], "12m"),
    ("MeridianClientsTurnedAway", "meridian_login_failures_total{reason=\"capacity\"}", ["0+1x30", "0x30"], "5m"),
];

/// What two pods show of all figures that alerts look at, well but for this one.
fn series(figure: &str, values: [&str; 2]) -> Vec<Value> {
    let mut series = Vec::new();
    for (pod, values) in ["a", "b"].into_iter().zip(values) {
        for (_, each, ..) in CASES {
            let (name, label) = each.split_once('{').unwrap_or((each, "}"));
            // Without a case of its own: what stands beside others in an expression.
            let beside: &[&str] = match name {
                "meridian_files_refused" => &["meridian_files_missing", "meridian_files_orphaned"],
                "meridian_pool_timeouts_total" => &["meridian_pool_rejections_total"],
                _ => &[],
            };
            let gauge = ["meridian_sessions", "meridian_map_generation", "meridian_map_ownership"].contains(&name);
            let well = if gauge || name.ends_with("_total") { "1x30" } else { "0x30" };
            let values = if each == figure { values } else { well };
            let of = |name: &str| format!("{name}{{namespace=\"shop\",pod=\"{pod}\",{label}");
            series.push(json!({"series": of(name), "values": values}));
            series.extend(beside.iter().map(|other| json!({"series": of(other), "values": "0x30"})));
        }
    }
    series
}

/// That so many alerts have gone off by then.
fn firing(of: &str, at: &str, count: usize) -> Value {
    let expression = format!("count(ALERTS{{alertstate=\"firing\"{of}}})");
    let samples = if count == 0 { json!([]) } else { json!([{"labels": "{}", "value": count}]) };
    json!({"expr": expression, "eval_time": at, "exp_samples": samples})
}

#[test]
fn promtool_takes_the_alerts_and_each_goes_off() {
    let files = files();
    let folder = Folder::new("alerts");
    // JSON is YAML.
    let alerts = folder.write("alerts.yaml", &documents(&files[ALERTS])[0]["spec"].to_string());
    let names: Vec<String> = rules(&files).iter().map(|rule| text(&rule["alert"]).to_owned()).collect();
    assert_eq!(names, CASES.map(|(alert, ..)| alert));
    let test = |series: Vec<Value>, expected: Vec<Value>| json!({"interval": "1m", "input_series": series, "promql_expr_test": expected});
    let mut tests: Vec<Value> = CASES
        .iter()
        .map(|(alert, figure, values, after)| {
            let this = format!(",alertname=\"{alert}\"");
            test(series(figure, *values), vec![firing(&this, "0m", 0), firing(&this, after, 1), firing("", after, 1)])
        })
        .collect();
    tests.push(test(series("", ["", ""]), vec![firing("", "29m", 0)]));
    let all = json!({"rule_files": [alerts], "evaluation_interval": "1m", "tests": tests});
    let tests = folder.write("tests.yaml", &all.to_string());
    for arguments in [["check", "rules"], ["test", "rules"]] {
        let file = if arguments[0] == "check" { &alerts } else { &tests };
        let Ok(output) = Command::new("promtool").args(arguments).arg(file).output() else {
            // Not eprintln: the runner would swallow it.
            let _ = writeln!(std::io::stderr(), "skipped: what promtool says of the alerts (it is not here)");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}
