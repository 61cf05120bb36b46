//! One metric, and the handles of a metric with a label.

use metrics::{Counter, Gauge, Key, Level, Metadata, Recorder, Unit};

use super::Label;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// The name and the values of its label, if it has one.
    pub label: Option<(&'static str, &'static [&'static str])>,
    pub help: &'static str,
}

/// One handle for each value of a label.
#[derive(Clone)]
pub struct Family<L, H> {
    handles: Box<[H]>,
    label: std::marker::PhantomData<fn(L)>,
}

impl<L: Label, H> Family<L, H> {
    /// The handle of one value.
    pub fn of(&self, label: L) -> &H {
        &self.handles[label.index()]
    }
}

/// What can be registered under the name of a metric.
pub(super) trait Handle: Sized {
    const KIND: Kind;
    const LABEL: Option<(&'static str, &'static [&'static str])>;

    fn register(name: &'static str, recorder: &dyn Recorder) -> Self;

    /// A handle that counts nothing.
    fn idle() -> Self;
}

/// A handle of one time series.
pub(super) trait Series: Sized {
    const KIND: Kind;

    fn series(key: &Key, recorder: &dyn Recorder) -> Self;

    fn idle() -> Self;
}

impl Metric {
    /// Tells the recorder the unit and the help.
    pub(super) fn describe(&self, recorder: &dyn Recorder) {
        let (name, unit, help) = (self.name.into(), Some(self.unit), self.help.into());
        match self.kind {
            Kind::Counter => recorder.describe_counter(name, unit, help),
            Kind::Gauge => recorder.describe_gauge(name, unit, help),
        }
    }
}

impl<S: Series> Handle for S {
    const KIND: Kind = S::KIND;
    const LABEL: Option<(&'static str, &'static [&'static str])> = None;

    fn register(name: &'static str, recorder: &dyn Recorder) -> S {
        S::series(&Key::from_static_name(name), recorder)
    }

    fn idle() -> S {
        S::idle()
    }
}

impl<L: Label, S: Series> Handle for Family<L, S> {
    const KIND: Kind = S::KIND;
    const LABEL: Option<(&'static str, &'static [&'static str])> = Some((L::NAME, L::VALUES));

    fn register(name: &'static str, recorder: &dyn Recorder) -> Family<L, S> {
        let label = std::marker::PhantomData;
        let key = |value: &&'static str| {
            let label = metrics::Label::from_static_parts(L::NAME, value);
            Key::from_parts(name, vec![label])
        };
        let handles = L::VALUES.iter().map(|value| S::series(&key(value), recorder));
        let handles = handles.collect();
        Family { handles, label }
    }

    fn idle() -> Family<L, S> {
        let label = std::marker::PhantomData;
        let handles = L::VALUES.iter().map(|_| S::idle()).collect();
        Family { handles, label }
    }
}

/// Where the metrics come from, for recorders that filter by it.
fn metadata() -> Metadata<'static> {
    Metadata::new("meridian", Level::INFO, None)
}

impl Series for Counter {
    const KIND: Kind = Kind::Counter;

    fn series(key: &Key, recorder: &dyn Recorder) -> Counter {
        recorder.register_counter(key, &metadata())
    }

    fn idle() -> Counter {
        Counter::noop()
    }
}

impl Series for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn series(key: &Key, recorder: &dyn Recorder) -> Gauge {
        recorder.register_gauge(key, &metadata())
    }

    fn idle() -> Gauge {
        Gauge::noop()
    }
}
