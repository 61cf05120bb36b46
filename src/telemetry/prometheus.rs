//! The recorder of a serving process: one atomic number a series, printed in the text format of Prometheus.
//!
//! The format: <https://prometheus.io/docs/instrumenting/exposition_formats/>. Names, values of labels and helps come
//! from the table, so nothing that a client sent is ever printed and nothing needs to be escaped; a test holds that.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::{Kind, METRICS};

/// What was registered, in the order in which it was.
#[derive(Debug, Default)]
pub struct Prometheus {
    series: Mutex<Vec<Series>>,
}

/// One time series. The number of a gauge is the bits of an `f64`.
#[derive(Debug)]
struct Series {
    key: Key,
    number: Arc<AtomicU64>,
}

impl Prometheus {
    /// Every metric of the table with all of its series.
    pub fn render(&self) -> String {
        let series = self.series();
        let mut page = String::with_capacity(8 * 1024);
        for metric in METRICS {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let name = metric.name;
            writeln!(page, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help).expect("a String takes all");
            for one in series.iter().filter(|one| one.key.name() == name) {
                let number = one.number.load(Ordering::Relaxed);
                page.push_str(name);
                for label in one.key.labels() {
                    write!(page, "{{{}=\"{}\"}}", label.key(), label.value()).expect("a String takes all");
                }
                match metric.kind {
                    Kind::Counter => writeln!(page, " {number}"),
                    Kind::Gauge => writeln!(page, " {}", f64::from_bits(number)),
                }
                .expect("a String takes all");
            }
        }
        page
    }

    fn series(&self) -> MutexGuard<'_, Vec<Series>> {
        self.series.lock().expect("no panic under this lock")
    }

    fn register(&self, key: &Key) -> Arc<AtomicU64> {
        let number = Arc::new(AtomicU64::new(0));
        self.series().push(Series { key: key.clone(), number: number.clone() });
        number
    }
}

impl Recorder for Prometheus {
    // Descriptions are read from the table when they are printed.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.register(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.register(key))
    }

    /// The table has no histograms.
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Class, Metrics};

    #[test]
    fn what_was_counted_is_printed() {
        let recorder = Prometheus::default();
        let metrics = Metrics::register(&recorder);
        metrics.retries.increment(2);
        metrics.statements.of(Class::Write).increment(3);
        metrics.sessions_pinned.increment(2.0);
        metrics.sessions_pinned.decrement(1.0);
        metrics.plan_cache_bytes.set(1536.0);
        let page = recorder.render();
        for lines in [
            "# HELP meridian_retries_total Statements sent again on another connection.\n\
             # TYPE meridian_retries_total counter\nmeridian_retries_total 2\n",
            "\nmeridian_statements_total{class=\"read\"} 0\nmeridian_statements_total{class=\"write\"} 3\n",
            "# TYPE meridian_sessions_pinned gauge\nmeridian_sessions_pinned 1\n",
            "\nmeridian_plan_cache_bytes 1536\n",
        ] {
            assert!(page.contains(lines), "{lines} is not in\n{page}");
        }
        assert_eq!(page.matches("# TYPE").count(), METRICS.len());
        let series: usize = METRICS.iter().map(|metric| metric.label.map_or(1, |(_, values)| values.len())).sum();
        assert_eq!(page.lines().filter(|line| !line.starts_with('#')).count(), series);
    }

    #[test]
    fn nothing_in_the_table_needs_an_escape() {
        for metric in METRICS {
            let (label, values) = metric.label.unwrap_or_default();
            let words = [metric.name, label].into_iter().chain(values.iter().copied());
            for word in words {
                assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{word}");
            }
            assert!(!metric.help.contains(['\\', '\n']), "{}", metric.help);
        }
    }
}
