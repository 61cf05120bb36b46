//! Whatever the text, loading ends with a map or with faults.

use proptest::prelude::*;

use super::super::ShardMap;
use super::SHOP;

/// Pieces of YAML that change the meaning of what is around them.
const PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\t",
    ":",
    ": ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "|",
    ">",
    "&a ",
    "*a",
    "!t ",
    "<<: ",
    "#",
    "%",
    "---\n",
    "...\n",
    "\u{feff}",
    "\0",
    "MIN",
    "0",
    "-1",
    "9",
    "99999999999999999999",
    "on",
    "from",
    "key",
    "range",
    "with",
    "refuse",
    "s0",
    "orders",
    "\u{e9}",
    "\\",
];

fn load_twice(text: &str) {
    let first = ShardMap::load(text).map(|map| map.shards.len());
    let second = ShardMap::load(text).map(|map| map.shards.len());
    assert_eq!(first, second);
    if let Err(faults) = first {
        assert!(!faults.is_empty());
        for fault in faults {
            assert!(fault.line > 0 && fault.column > 0);
            assert!(fault.to_string().len() < 2_000, "{fault}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_map_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..24usize, prop::sample::select(PIECES)), 1..6)
    ) {
        let mut text: Vec<char> = SHOP.chars().collect();
        for (at, removed, piece) in edits {
            let at = at.index(text.len());
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece.chars());
        }
        load_twice(&text.into_iter().collect::<String>());
    }

    #[test]
    fn pieces_alone_never_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..200)) {
        load_twice(&pieces.concat());
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,200}") {
        load_twice(&text);
    }
}

#[test]
fn long_runs_of_one_piece_are_refused_quickly() {
    for piece in PIECES {
        load_twice(&piece.repeat(100_000 / piece.len()));
        load_twice(&format!("{SHOP}{}", piece.repeat(100_000 / piece.len())));
    }
    for line in ["- {from: 7, on: x}\n", "- {}\n", "x: {with: x}\n", "a0: [\n"] {
        load_twice(&format!("{SHOP}{}", format!("          {line}").repeat(10_000)));
    }
}
