//! `meridian serve --config FILE`.

use std::path::PathBuf;

use tracing_subscriber::filter::LevelFilter;

use crate::config::{Log, LogFormat, LogLevel};
use crate::net::timer;
use crate::server::{self, StartFailure};

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
        log(&config.log);
        timer::start().map_err(StartFailure::System)?;
        // Without timers: see `net::timer`.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build().map_err(StartFailure::System)?;
        runtime.block_on(server::serve(config))
    }
}

fn log(log: &Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}
