//! `meridian schema`: the JSON Schema of shard maps, for editors.

use std::io::{self, Write};

use clap::Args;

use crate::shard_map::schema;

/// Print the JSON Schema of shard maps, for editors that complete and check YAML.
#[derive(Debug, Args)]
pub struct Schema {}

impl Schema {
    pub fn run(&self) -> io::Result<()> {
        io::stdout().lock().write_all(schema().as_bytes())
    }
}
