//! Which metrics exist, with kind, unit and help: one table, from which the typed handles come.
//!
//! A handle is looked up in the registry once, when [`Metrics::register`] runs behind the
//! installation of a recorder; afterwards it costs an atomic operation, or nothing without a recorder.
//! Invariant: a metric that is not in the table cannot be counted.

mod labels;
mod metric;
mod table;

pub use labels::{Class, Label, LoginFailure, RefusalKind};
pub use metric::{Family, Kind, Metric};
pub use table::{METRICS, Metrics};
