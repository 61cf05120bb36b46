//! Properties: whatever the bytes, the lexer neither panics nor points outside the text; what it calls
//! a literal can be replaced by another of its kind without changing the statement.

use crate::sql::{
    ClientCharset, Dialect, Flavor, LexError, NormSlot, Scratch, SlotKind, Token, control, facts, scan, statements,
    tokens,
};
use proptest::prelude::*;

fn dialects() -> impl Strategy<Value = Dialect> {
    let charset = prop_oneof![
        4 => Just(ClientCharset::AsciiSafe),
        1 => Just(ClientCharset::Gbk),
        1 => Just(ClientCharset::Sjis),
        1 => Just(ClientCharset::Gb18030),
    ];
    let family = prop_oneof![Just((Flavor::MariaDb, 101119)), Just((Flavor::MySql, 90704))];
    (any::<bool>(), any::<bool>(), charset, family).prop_map(|(ansi_quotes, no_backslash_escapes, charset, family)| {
        Dialect { ansi_quotes, no_backslash_escapes, charset, ..Dialect::new(family.0, family.1) }
    })
}

/// Pieces that meet in surprising ways.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        " ",
        " ",
        "\n",
        "SELECT",
        "FROM",
        "t",
        "`t`",
        "`a``b`",
        "'a'",
        "'a''b'",
        "'a\\'b'",
        "\"q\"",
        "1",
        "42",
        "1.5",
        ".5",
        "1.",
        "1e5",
        "42abc",
        "0x2A",
        "x'2A'",
        "b'1'",
        "n'x'",
        "_utf8",
        "?",
        "(",
        ")",
        "(",
        ")",
        ",",
        ",",
        ".",
        "=",
        "<",
        ">",
        "-",
        "--",
        "/",
        "*",
        "/*",
        "*/",
        "/*!",
        "/*!50000",
        "/*!99999",
        "/*M!",
        "#",
        ";",
        "@",
        "@@",
        ":=",
        "@a",
        "@@x",
        "IN",
        "IN (",
        "VALUES",
        "VALUES (",
        "ROW",
        "LIMIT",
        "OFFSET",
        "ORDER BY",
        "INTERVAL",
        "AS",
        "value",
        "INSERT",
        "INTO",
        "SET",
        "NAMES",
        "NULL",
        "now()",
        "$a$",
        "\\",
        "'",
        "`",
        "\"",
        "é",
        "CREATE",
        "PROCEDURE",
        "BEGIN",
        "COMMIT",
        "x",
        "b",
        "n",
        ":",
        "!",
        "|",
        "(1,'a')",
        ",(2,'b')",
        "(1,2,3)",
        "\u{a0}",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..30).prop_map(|pieces| pieces.concat().into_bytes())
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => pieces(), 1 => prop::collection::vec(any::<u8>(), 0..80)]
}

/// A text cut into pieces by its own slots: everything but the literals.
fn frame<'a>(text: &'a [u8], scratch: &Scratch) -> Vec<&'a [u8]> {
    let mut at = 0;
    let mut frame = Vec::new();
    for slot in scratch.all_slots() {
        frame.push(&text[at..slot.start as usize]);
        at = slot.end as usize;
    }
    frame.push(&text[at..]);
    frame
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_slots_lie_inside(text in texts(), dialect in dialects()) {
        let mut scratch = Scratch::new();
        let _ = control(&text, &dialect);
        let scanned = match scan(&text, &dialect, &mut scratch) {
            Ok(scanned) => scanned,
            Err(LexError { at, .. }) => {
                prop_assert!(at as usize <= text.len());
                return Ok(());
            }
        };
        prop_assert!(scanned.end <= text.len());
        if let Some(rest) = scanned.rest {
            prop_assert!(rest > scanned.end && rest < text.len());
        }
        let mut at = 0;
        for slot in scratch.all_slots() {
            prop_assert!(at <= slot.start && slot.start < slot.end && slot.end as usize <= scanned.end);
            at = slot.end;
        }
        let _ = facts(scratch.normalized());
    }

    #[test]
    fn tokens_find_every_marker(text in texts(), dialect in dialects()) {
        let mut scratch = Scratch::new();
        if scan(&text, &dialect, &mut scratch).is_err() {
            return Ok(());
        }
        let mut at = 0;
        let mut markers = 0;
        let mut slots = 0;
        for lexeme in tokens(scratch.normalized()) {
            prop_assert!(lexeme.start >= at && lexeme.end > lexeme.start);
            prop_assert!(scratch.normalized()[at..lexeme.start].iter().all(|byte| *byte == b' '));
            at = lexeme.end;
            if let Token::Marker { n, kind, folded } = lexeme.token {
                prop_assert_eq!(n, NormSlot(markers));
                markers += 1;
                let found = scratch.slots(n);
                prop_assert!(found.len() == 1 || folded);
                for slot in found {
                    prop_assert_eq!(slot.kind.marker(), kind);
                    slots += 1;
                }
            }
        }
        prop_assert_eq!(markers as usize, scratch.marker_count());
        prop_assert_eq!(slots, scratch.all_slots().len());
    }

    #[test]
    fn another_literal_of_the_kind_changes_nothing(text in texts(), dialect in dialects()) {
        let mut scratch = Scratch::new();
        let Ok(scanned) = scan(&text, &dialect, &mut scratch) else { return Ok(()) };
        let text = &text[..scanned.end];
        let mut other = Vec::new();
        for (piece, slot) in frame(text, &scratch).into_iter().zip(
            scratch.all_slots().iter().map(Some).chain([None])) {
            other.extend_from_slice(piece);
            other.extend_from_slice(match slot.map(|slot| slot.kind) {
                Some(SlotKind::Integer) => b"987654321",
                Some(SlotKind::Decimal) if slot.is_some_and(|slot| text[slot.start as usize] == b'.') => b".4321",
                Some(SlotKind::Float) if slot.is_some_and(|slot| text[slot.start as usize] == b'.') => b".4321e1",
                Some(SlotKind::Decimal) => b"98765.4321",
                Some(SlotKind::Float) => b"9.25E+10",
                Some(SlotKind::String | SlotKind::Date | SlotKind::Timestamp) if slot.is_some_and(|slot| text[slot.start as usize] == b'"') => b"\"it\"\"s -- /* ` ' ; \"",
                Some(SlotKind::String | SlotKind::Date | SlotKind::Timestamp) => b"'it''s -- /* ` \"\" ; '",
                Some(SlotKind::Param(_)) => b"?",
                None => b"",
            });
        }
        let mut again = Scratch::new();
        let done = scan(&other, &dialect, &mut again);
        prop_assert!(done.is_ok(), "{:?} {}", done, other.escape_ascii());
        prop_assert_eq!(scratch.normalized(), again.normalized(), "{}", other.escape_ascii());
        prop_assert_eq!(scratch.hash(), again.hash());
        prop_assert_eq!(scratch.all_slots().len(), again.all_slots().len());
        // Seen from the other side: equal normalized texts differ in their slots only.
        let frames = (frame(text, &scratch), frame(&other, &again));
        prop_assert_eq!(frames.0, frames.1);
    }

    #[test]
    fn joined_statements_are_split_again(
        parts in prop::collection::vec(prop::sample::select(&[
            "SELECT 1", "SELECT ';' FROM `;`", "/* ; */ INSERT INTO t VALUES (1),(2)", "BEGIN", "SET @a = ';'",
            "SELECT a -- ;\n", "UPDATE t SET a = \"x;\\\";\" WHERE b IN (1,2)", "SELECT /*!50000 1 */",
        ][..]), 0..9),
    ) {
        let text = parts.join(";");
        let dialect = Dialect::new(Flavor::MariaDb, 101119);
        let found: Vec<&str> = statements(text.as_bytes(), &dialect).map(|range| &text[range.unwrap()]).collect();
        prop_assert_eq!(found.len(), parts.len());
        for (found, part) in found.iter().zip(parts) {
            // Comments before a statement are left out with the spaces.
            prop_assert!(part.ends_with(found));
        }
    }

    #[test]
    fn rows_of_any_shape_keep_their_literals(
        rows in prop::collection::vec(prop::collection::vec(prop::sample::select(&[
            "1", "23", "-4", "0.5", "1e3", "'a'", "'b,)('", "NULL", "now()", "?", "x'41'", "1 + 1", "'a' 'b'", "`c`",
            "(SELECT a FROM t WHERE b IN (1, 2) LIMIT 1)",
        ][..]), 1..3), 1..12),
        space in prop::sample::select(&["", " ", "\n\t"][..]),
    ) {
        let join = |space: &str| {
            let comma = format!("{space},{space}");
            let row = |row: &Vec<&str>| format!("({space}{}{space})", row.join(&comma));
            format!("INSERT INTO t VALUES {} ON DUPLICATE KEY UPDATE a = 7", rows.iter().map(row).collect::<Vec<_>>().join(&comma))
        };
        let dialect = Dialect::new(Flavor::MySql, 90704);
        let (tight, wide) = (join(""), join(space));
        let (mut a, mut b) = (Scratch::new(), Scratch::new());
        scan(tight.as_bytes(), &dialect, &mut a).unwrap();
        scan(wide.as_bytes(), &dialect, &mut b).unwrap();
        prop_assert_eq!(a.normalized(), b.normalized());
        // Every marker's slots are of its kind, and together they are all slots, each once.
        let mut seen: Vec<u32> = Vec::new();
        for lexeme in tokens(a.normalized()) {
            if let Token::Marker { n, kind, .. } = lexeme.token {
                for (slot, other) in a.slots(n).zip(b.slots(n)) {
                    prop_assert_eq!(slot.kind.marker(), kind);
                    prop_assert_eq!(slot.text(tight.as_bytes()), other.text(wide.as_bytes()));
                    seen.push(slot.start);
                }
            }
        }
        seen.sort_unstable();
        let all: Vec<u32> = a.all_slots().iter().map(|slot| slot.start).collect();
        prop_assert_eq!(seen, all);
        // A run of folded rows has as many slots at each marker as the text has such rows.
        let count: usize = rows.iter().flatten().map(|item| match *item {
            "NULL" | "now()" | "x'41'" | "'a' 'b'" | "`c`" => 0,
            "1 + 1" | "(SELECT a FROM t WHERE b IN (1, 2) LIMIT 1)" => 2,
            _ => 1,
        }).sum();
        prop_assert_eq!(a.all_slots().len(), count + 1);
    }
}
