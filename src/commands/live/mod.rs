//! `meridian check MAP --live`: whether the servers are what the map says.
//!
//! `ask` gets the facts from every member, `judge` compares them with the map, without I/O.

mod ask;
mod copies;
mod judge;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::config::Config;
use crate::server::{self, StartFailure};
use crate::shard_map::{Positions, ShardMap};
use judge::Severity;

/// What cannot be looked at is no sound map either, but another status.
pub(super) const NOT_DONE: u8 = 2;

/// Checks a sound map against its servers; prints a line for each finding.
pub(super) fn check(
    path: &Path,
    yaml: &str,
    map: &ShardMap,
    config: &Path,
    account: Option<&str>,
    proxies: u32,
) -> Result<(String, ExitCode), StartFailure> {
    let config: Config = server::read_config(config)?;
    let account_count = server::read_accounts(&config)?.backends().count();
    let account = server::backend_account(&config, account)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartFailure::System)?;
    let asked = runtime.block_on(ask::ask(map, &account, &server::pool_options(&config)));
    let of_one = u64::from(config.limits.pool_connections_max) * account_count as u64;
    let budget = judge::Budget { proxies, connections: of_one * u64::from(proxies) };
    let findings = judge::judge(map, &Positions::of(yaml), &asked, budget);

    let mut text = String::new();
    for finding in &findings {
        let _ = writeln!(text, "{}:{finding}", path.display());
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let unasked = asked.iter().filter(|server| server.answer.is_err()).count();
    let _ = writeln!(
        text,
        "{}: {} servers asked, {errors} errors, {warnings} warnings",
        path.display(),
        asked.len() - unasked
    );
    let status = match (unasked, errors) {
        (1.., _) => NOT_DONE,
        (0, 0) => 0,
        (0, _) => 1,
    };
    Ok((text, ExitCode::from(status)))
}
