//! Whether the copies of a table that is everywhere are alike.

use super::table::Table;
use super::walk::{Servers, Trouble, checksum};
use crate::shard_map::{ShardId, ShardMap};

/// The copies of one table; none, if it is not everywhere.
#[derive(Debug, Default)]
pub struct Copies {
    /// The one that decides first.
    pub on: Vec<ShardId>,
    /// Those that are not like the first.
    pub unlike: Vec<ShardId>,
}

/// Compares the checksums of all copies. Those that differ are asked a second time: they may have been about to change.
pub async fn compare(map: &ShardMap, table: &Table<'_>, servers: &mut Servers) -> Result<Copies, (ShardId, Trouble)> {
    let Some(copies) = table.copies() else {
        return Ok(Copies::default());
    };
    let others = copies.on().iter().copied().filter(|shard| *shard != copies.from());
    let mut found = Copies { on: std::iter::once(copies.from()).chain(others).collect(), unlike: Vec::new() };
    for _ in 0..2 {
        let mut sums = Vec::new();
        for shard in &found.on {
            sums.push(checksum(map, table, *shard, servers).await.map_err(|trouble| (*shard, trouble))?);
        }
        let unlike = found.on.iter().zip(&sums).filter(|(_, sum)| **sum != sums[0]);
        found.unlike = unlike.map(|(shard, _)| *shard).collect();
        if found.unlike.is_empty() {
            break;
        }
    }
    Ok(found)
}
