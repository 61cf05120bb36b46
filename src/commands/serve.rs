//! `meridian serve --config FILE`.

use std::path::PathBuf;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, reload};

use crate::config::{Log, LogFormat, LogLevel};
use crate::net::timer;
use crate::server::{self, SetLevel, StartFailure};

/// Serve clients until SIGTERM or SIGINT.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The configuration file (YAML); docs/configuration.md describes every field.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Serve {
    pub fn run(&self) -> Result<(), StartFailure> {
        let config = server::read_config(&self.config)?;
        let set_level = log(&config.log, std::io::stderr);
        timer::start().map_err(StartFailure::System)?;
        // Without timers: see `net::timer`.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build().map_err(StartFailure::System)?;
        runtime.block_on(server::serve(config, self.config.clone(), set_level))
    }
}

/// Sets logging up; what is returned changes its level.
pub(super) fn log<W: for<'w> MakeWriter<'w> + Send + Sync + 'static>(log: &Log, writer: W) -> SetLevel {
    let (level, handle) = reload::Layer::new(filter(log.level));
    let lines = fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(level);
    match log.format {
        LogFormat::Text => registry.with(lines.with_ansi(false)).init(),
        LogFormat::Json => registry.with(lines.json()).init(),
    }
    // It fails only when logging itself is gone.
    Box::new(move |level| drop(handle.reload(filter(level))))
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
