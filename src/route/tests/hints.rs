//! Under a hint: a statement goes to the hinted shard or nowhere, and no row is stored where its key does not live.

use super::generate::{Dice, Generator, SPLIT_AT};
use super::{DIALECT, shop};
use crate::plan::{Hint, HintBy, Target, plan_hinted};
use crate::route::{Literals, SessionFacts, Shards, route};
use crate::shard_map::{ShardId, ShardMap};
use crate::sql::{self, Scratch};

const BY: [HintBy; 2] = [HintBy::Statement, HintBy::Session];

/// Where the statement goes under the hint; `None` if it is refused.
fn hinted(map: &ShardMap, text: &str, scratch: &mut Scratch, hint: Hint) -> Option<ShardId> {
    sql::scan(text.as_bytes(), &DIALECT, scratch).expect("the text has tokens");
    let normalized = scratch.normalized();
    let planned = plan_hinted(map, Some("shop"), normalized, sql::facts(normalized), &DIALECT, Some(hint));
    assert_eq!(planned.hint, Some(hint), "{text}");
    match planned.target {
        Target::Tables(tables) => {
            let values = Literals::of_text(text.as_bytes(), scratch, SessionFacts::ORDINARY);
            match route(&tables, map, &values).ok()?.shards {
                Shards::One(shard) => Some(shard),
                several => panic!("{several:?}: {text}"),
            }
        }
        Target::NoTable => Some(hint.shard),
        _ => None,
    }
}

#[test]
fn a_hinted_read_goes_where_the_hint_says_if_its_tables_are_there() {
    let map = shop();
    let mut scratch = Scratch::new();
    let mut generator = Generator::new(0xD1CE);
    for _ in 0..1000 {
        generator.aliases = 0;
        let text = generator.query(1, &[]).print();
        for shard in [ShardId(0), ShardId(1)] {
            for by in BY {
                let found = hinted(&map, &text, &mut scratch, Hint { shard, by });
                // The ledger is on the first shard only.
                let there = shard == ShardId(0) || !text.contains("ledger");
                assert_eq!(found, there.then_some(shard), "{text}");
            }
        }
    }
}

#[test]
fn a_hinted_write_stores_rows_where_their_keys_live() {
    let map = shop();
    let mut scratch = Scratch::new();
    let mut dice = Dice(0xF00D);
    let (mut stored, mut refused) = (0, 0);
    for _ in 0..2000 {
        let keys: Vec<i64> = (0..=dice.below(2)).map(|_| dice.key()).collect();
        let rows: Vec<String> = keys.iter().map(|key| format!("({key}, 5)")).collect();
        let other = dice.key();
        let text = match dice.below(4) {
            0 => format!("INSERT INTO customers (id, x) VALUES {}", rows.join(", ")),
            1 => format!("REPLACE customers (id, x) VALUES {}", rows.join(", ")),
            2 => format!("INSERT INTO customers SET id = {}, x = 5", keys[0]),
            _ => format!("UPDATE customers SET id = {} WHERE id = {other} OR x = 5", keys[0]),
        };
        let keys = if text.contains("VALUES") { &keys[..] } else { &keys[..1] };
        for shard in [ShardId(0), ShardId(1)] {
            match hinted(&map, &text, &mut scratch, Hint { shard, by: HintBy::Statement }) {
                None => refused += 1,
                Some(found) => {
                    stored += 1;
                    assert_eq!(found, shard, "{text}");
                    assert!(keys.iter().all(|key| u16::from(*key >= SPLIT_AT) == shard.0), "on {shard:?}: {text}");
                }
            }
        }
    }
    assert!(stored > 500 && refused > 500, "{stored} stored, {refused} refused: one side was hardly tried");
}
