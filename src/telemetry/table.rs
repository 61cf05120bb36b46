//! The table of metrics. One row makes the handle, its registration and its line in [`METRICS`].

use metrics::{Counter, Gauge, Recorder, Unit};

use super::metric::{Family, Handle, Metric};
use super::{Class, LoginFailure, MemberRole, RefusalKind, Reload};

macro_rules! table {
    ($( $field:ident : $type:ty = $name:literal, $unit:ident, $help:literal; )*) => {
        /// A handle for every metric; shared by reference, cloned never.
        pub struct Metrics {
            $( #[doc = $help] pub $field: $type, )*
        }

        impl std::fmt::Debug for Metrics {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "Metrics({} in the table)", METRICS.len())
            }
        }

        /// Every metric, in the order of the table.
        pub const METRICS: &[Metric] = &[
            $( Metric {
                name: $name,
                kind: <$type as Handle>::KIND,
                unit: Unit::$unit,
                label: <$type as Handle>::LABEL,
                help: $help,
            }, )*
        ];

        impl Metrics {
            /// Handles of this recorder; every series exists from here on, at zero.
            pub fn register(recorder: &dyn Recorder) -> Metrics {
                for metric in METRICS {
                    metric.describe(recorder);
                }
                Metrics { $( $field: <$type as Handle>::register($name, recorder), )* }
            }

            /// Handles that count nothing, for tests.
            pub fn idle() -> Metrics {
                Metrics { $( $field: <$type as Handle>::idle(), )* }
            }
        }
    };
}

table! {
    sessions: Gauge = "meridian_sessions", Count, "Client sessions, from accept to close.";
    sessions_pinned: Gauge = "meridian_sessions_pinned", Count, "Sessions that keep a server connection for what lives on it, beyond their transactions.";
    pins: Counter = "meridian_pins_total", Count, "Reasons to keep a server connection, each time one arose in a session.";
    logins: Counter = "meridian_logins_total", Count, "Logins that succeeded, changes of user included.";
    login_failures: Family<LoginFailure, Counter> = "meridian_login_failures_total", Count, "Logins that failed.";
    statements: Family<Class, Counter> = "meridian_statements_total", Count, "Statements of clients, prepared ones at each execution.";
    scatters: Counter = "meridian_scatters_total", Count, "Statements that were run on several shards at once.";
    plan_cache_hits: Counter = "meridian_plan_cache_hits_total", Count, "Statements, or preparations of one, whose plan was cached.";
    plan_cache_misses: Counter = "meridian_plan_cache_misses_total", Count, "Statements, or preparations of one, that were planned anew.";
    plan_cache_bytes: Gauge = "meridian_plan_cache_bytes", Bytes, "Memory of the cached plans.";
    refusals: Family<RefusalKind, Counter> = "meridian_refusals_total", Count, "Statements that were refused, before or while they were run.";
    pool_connections: Gauge = "meridian_pool_connections", Count, "Connections to servers, idle and in use.";
    pool_connections_idle: Gauge = "meridian_pool_connections_idle", Count, "Connections to servers that nobody uses.";
    pool_waits: Counter = "meridian_pool_waits_total", Count, "Statements that had to wait for a connection.";
    pool_timeouts: Counter = "meridian_pool_timeouts_total", Count, "Statements that waited in vain for a connection.";
    pool_rejections: Counter = "meridian_pool_rejections_total", Count, "Statements that were refused because too many waited for a connection.";
    backend_connects: Counter = "meridian_backend_connects_total", Count, "Connections opened to servers.";
    backend_failures: Counter = "meridian_backend_failures_total", Count, "Failures to open a connection to a server, and breaks of one.";
    members: Family<MemberRole, Gauge> = "meridian_members", Count, "Members of all groups, by what their last probe found.";
    groups_unwritten: Gauge = "meridian_groups_unwritten", Count, "Groups without a member that is written: none is writable, or several are.";
    members_read: Gauge = "meridian_members_read", Count, "Members of all groups that serve reads: primaries, and replicas that are not late.";
    free_reads: Counter = "meridian_free_reads_total", Count, "Statements that went where `reads` of the map lets them go, instead of to the primary for certain.";
    replica_lag_max: Gauge = "meridian_replica_lag_max_seconds", Seconds, "The latest replica's delay, by its own figure.";
    retries: Counter = "meridian_retries_total", Count, "Statements sent again on another connection.";
    reloads: Family<Reload, Counter> = "meridian_reloads_total", Count, "Changed files (configuration, map, accounts, certificate) that were looked into.";
    files_refused: Gauge = "meridian_files_refused", Count, "Files whose content is not in force: faulty, not allowed to follow what is, or gone.";
    files_missing: Gauge = "meridian_files_missing", Count, "Files that cannot be read any more; what they said stays in force.";
    files_orphaned: Gauge = "meridian_files_orphaned", Count, "Files that are mounted by themselves, as by a subPath, so that no change of them arrives.";
    map_generation: Gauge = "meridian_map_generation", Count, "The `generation` of the map in force, 0 if it has none.";
    map_ownership: Gauge = "meridian_map_ownership", Count, "The first 48 bits of the ownership hash of the map in force, as a number: alike in all proxies whose rows have the same owners.";
    sessions_older_map: Gauge = "meridian_sessions_older_map", Count, "Sessions that run a statement, or hold a connection, under a map that is not in force any more.";
    groups_unrecorded: Gauge = "meridian_groups_unrecorded", Count, "Groups that do not have the map in force on record: not asked yet, or the account has no right to it.";
    cancels: Counter = "meridian_cancels_total", Count, "Statements cancelled on a server, by KILL or because the client left.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use metrics::{Histogram, Key, KeyName, Metadata, SharedString};

    use super::*;
    use crate::telemetry::{Kind, Label};

    #[test]
    fn names_are_unique_and_say_what_they_count() {
        let mut names = HashSet::new();
        for Metric { name, kind, unit, label, help } in METRICS {
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.starts_with("meridian_"), "{name}");
            assert!(help.ends_with('.'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_bytes"), *unit == Unit::Bytes, "{name}");
            assert!(label.is_none_or(|(_, values)| !values.is_empty()), "{name}");
        }
    }

    #[derive(Default)]
    struct Registered {
        series: Mutex<Vec<String>>,
        described: Mutex<usize>,
    }

    impl Registered {
        fn note(&self, key: &Key) {
            let labels = key.labels().map(|label| format!("{{{}={}}}", label.key(), label.value()));
            let text = format!("{}{}", key.name(), labels.collect::<String>());
            self.series.lock().expect("one thread").push(text);
        }
    }

    impl Recorder for Registered {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
            *self.described.lock().expect("one thread") += 1;
        }

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
            *self.described.lock().expect("one thread") += 1;
        }

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
            *self.described.lock().expect("one thread") += 1;
        }

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            self.note(key);
            Counter::noop()
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            self.note(key);
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn every_series_is_registered_once() {
        let recorder = Registered::default();
        let metrics = Metrics::register(&recorder);
        metrics.statements.of(Class::Refused).increment(1);
        let series = recorder.series.into_inner().expect("one thread");
        let expected: usize = METRICS.iter().map(|metric| metric.label.map_or(1, |(_, values)| values.len())).sum();
        assert_eq!(series.len(), expected);
        assert!(series.contains(&"meridian_statements_total{class=refused}".to_owned()));
        assert!(series.contains(&"meridian_sessions".to_owned()));
        assert_eq!(recorder.described.into_inner().expect("one thread"), METRICS.len());
    }

    #[test]
    fn idle_handles_may_be_used() {
        let metrics = Metrics::idle();
        let last = [Class::Read, Class::Write, Class::Refused].map(|class| {
            metrics.statements.of(class).increment(1);
            Class::VALUES[class.index()]
        });
        assert_eq!(last, ["read", "write", "refused"]);
    }
}
