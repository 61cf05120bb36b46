//! `meridian diff OLD NEW`: which rows change their owner from one map to another. Offline: no server is asked.
//!
//! Standard output is YAML: the entries of `accept` that the new map needs, and everything else as comments.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::check::{MapFailure, read_map};
use crate::shard_map::{Accept, Diff, diff};

/// Say which rows change their owner between two shard maps.
///
/// Prints an entry of `accept` for each such interval of keys, and as comments what changes without moving rows. Exit
/// status 0 if no row changes its owner or the new map accepts each change, 1 if it does not or the generation does not
/// grow, so that proxies that run refuse the new map, 2 if a map is faulty.
#[derive(Debug, Args)]
pub struct DiffMaps {
    /// The shard map in use (YAML).
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The one to come.
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// Something is faulty.
const FAULTS: u8 = 2;

impl DiffMaps {
    pub fn run(&self) -> Result<ExitCode, MapFailure> {
        let (old, new) = match (read_map(&self.old), read_map(&self.new)) {
            (Ok(old), Ok(new)) => (old, new),
            (old, new) => {
                for failure in [old.err(), new.err()].into_iter().flatten() {
                    match failure {
                        MapFailure::Faults { .. } => eprintln!("{failure}"),
                        failure => eprintln!("meridian: {failure}"),
                    }
                }
                return Ok(ExitCode::from(FAULTS));
            }
        };
        let diff = diff(&old, &new);
        io::stdout().lock().write_all(text(&diff).as_bytes()).map_err(MapFailure::Write)?;
        Ok(ExitCode::from(u8::from(diff.follows().is_err())))
    }
}

fn text(diff: &Diff) -> String {
    let mut text = String::new();
    match diff.moves.is_empty() {
        true => text.push_str("# no row changes its owner\n"),
        false => text.push_str("accept:\n"),
    }
    for one in &diff.moves {
        let _ = write!(text, "  - {{{one}, base: \"{}\"}}", diff.base);
        if let Some((from, to)) = &one.regrouped {
            let _ = write!(text, "    # from group {} to group {}", plain(from), plain(to));
        }
        text.push('\n');
    }
    match diff.moves.iter().filter(|one| one.accepted).count() {
        0 => {}
        count => {
            let _ = writeln!(text, "# {count} of these {} are accepted by the new map", diff.moves.len());
        }
    }
    for Accept { table, keys, from, to, .. } in &diff.unneeded {
        let what = format!("accepted, and no change: {table} {keys} from {from} to {to}");
        let _ = writeln!(text, "# {}", plain(&what));
    }
    for note in &diff.notes {
        let _ = writeln!(text, "# {}", plain(&note.to_string()));
    }
    text
}

/// A comment ends with its line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
