//! Behaviour of the room, as tables; what prints a normalized text readably.

mod control;
mod facts;
mod fingerprint;
mod folding;
mod soundness;

use super::{Dialect, Flavor, NormSlot, Scratch, scan};

pub(super) const MARIA: Dialect = Dialect::new(Flavor::MariaDb, 101119);
pub(super) const MYSQL: Dialect = Dialect::new(Flavor::MySql, 90704);

/// The normalized text with markers as `{i}`, folded ones as `{I}`, strings with length as `<..>`.
pub(super) fn show(normalized: &[u8]) -> String {
    let mut shown = Vec::new();
    let mut i = 0;
    while i < normalized.len() {
        match normalized[i] {
            1 => {
                shown.extend_from_slice(&[b'{', normalized[i + 1], b'}']);
                i += 2;
            }
            2 => {
                let length = u32::from_le_bytes(normalized[i + 1..i + 5].try_into().unwrap()) as usize;
                shown.push(b'<');
                shown.extend_from_slice(&normalized[i + 5..i + 5 + length]);
                shown.push(b'>');
                i += 5 + length;
            }
            byte => {
                shown.push(byte);
                i += 1;
            }
        }
    }
    shown.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\")
}

/// Scans and shows; errors as `error: .. at byte n`.
pub(super) fn normal(text: &[u8], dialect: &Dialect) -> String {
    let mut scratch = Scratch::new();
    match scan(text, dialect, &mut scratch) {
        Ok(_) => show(scratch.normalized()),
        Err(error) => format!("error: {error}"),
    }
}

/// The literals at each marker, as `a,b | c`.
pub(super) fn literals(text: &[u8], dialect: &Dialect) -> String {
    let mut scratch = Scratch::new();
    scan(text, dialect, &mut scratch).unwrap();
    let marker = |n| {
        let slots = scratch.slots(NormSlot(n));
        let texts = slots.map(|slot| String::from_utf8_lossy(slot.text(text)).into_owned());
        texts.collect::<Vec<_>>().join(",")
    };
    (0..scratch.marker_count() as u32).map(marker).collect::<Vec<_>>().join(" | ")
}
