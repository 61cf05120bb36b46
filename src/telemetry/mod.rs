//! Which metrics exist, with kind, unit and help: one table, from which the typed handles come.
//!
//! A handle is made once, when [`Metrics::register`] runs before a recorder; afterwards an event costs an atomic
//! addition, or nothing without a recorder. [`Prometheus`] is the recorder of a serving process, and prints what was counted.
//! Invariant: a metric that is not in the table cannot be counted.

mod labels;
mod metric;
mod prometheus;
mod table;

pub use labels::{Class, Label, LoginFailure, MemberRole, RefusalKind, Reload, Source};
pub use metric::{Family, Kind, Metric};
pub use prometheus::Prometheus;
pub use table::{METRICS, Metrics};
