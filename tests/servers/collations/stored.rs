//! Writes the stored tables of `src/shard_map/collation/stored/` from what a server's WEIGHT_STRING says.
//!
//! A file is deflated. Inside, integers with their low byte first: a byte for each page of 256 code points, which says by
//! what rule they weigh; for each page without a rule, 256 bytes that say how many weights its code points have; the
//! differences between those weights, all their low bytes and then all their high bytes; the number of contractions in
//! two bytes, and of each the length of its UTF-8 in a byte, that, the number of its weights in a byte, those.

use std::collections::BTreeMap;
use std::io::Write;

use meridian::shard_map::collation::{Charset, Contraction, Kind, PAGES, Stored};

use crate::support::{Raw, raw::Rows};

type Weights = BTreeMap<u32, Vec<u16>>;

/// Asks for all of a table; `points` has to have every code point.
pub fn write(server: &mut Raw, table: Stored) -> std::path::PathBuf {
    let weights = weights(server, table);
    let contractions = if table.charset() == Charset::Latin1 { Vec::new() } else { contractions(server, table.name()) };
    eprintln!("{}: {} code points, {} contractions", table.name(), weights.len(), contractions.len());
    let short = table.name().trim_start_matches("utf8mb4_");
    let path = format!("{}/src/shard_map/collation/stored/{short}.bin", env!("CARGO_MANIFEST_DIR"));
    let mut file = std::fs::File::create(&path).expect("the sources can be written");
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflated.write_all(&packed(&weights, &contractions)).expect("a Vec takes all");
    file.write_all(&deflated.finish().expect("a Vec takes all")).expect("the sources can be written");
    path.into()
}

fn weights(server: &mut Raw, table: Stored) -> Weights {
    let name = table.name();
    let charset = name.split('_').next().expect("split yields one part at least");
    let rows = server.rows(&format!(
        "SELECT n, HEX(WEIGHT_STRING(CONVERT(c USING {charset}) COLLATE {name})) FROM points \
         WHERE CONVERT(CONVERT(c USING {charset}) USING utf8mb4) = c COLLATE utf8mb4_bin"
    ));
    let digits = if table.charset() == Charset::Latin1 { 2 } else { 4 };
    rows.rows.iter().map(|row| (number(&row[0]), units(&row[1], digits))).collect()
}

/// Every sequence that does not weigh what its characters do: pairs of one page, any character and a combining mark, and
/// with a character that begins one any other; three characters whose first two are one.
fn contractions(server: &mut Raw, name: &str) -> Vec<Contraction> {
    let weight = |text: &str| format!("COALESCE(HEX(WEIGHT_STRING({text} COLLATE {name})), '')");
    let differs = |first: &str, second: &str| {
        let together = weight(&format!("CONCAT({first}, {second})"));
        format!("{together} <> CONCAT({}, {})", weight(first), weight(second))
    };
    // Scripts; what lies between them has no weights but implicit ones.
    let listed = |n: &str| {
        format!(
            "({n} < 13312 OR {n} BETWEEN 40960 AND 44031 OR {n} BETWEEN 63744 AND 77823 OR {n} BETWEEN 90112 AND 94207 \
             OR {n} BETWEEN 110592 AND 114687 OR {n} BETWEEN 118784 AND 131071)"
        )
    };
    let mut found: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    let mut keep = |rows: Rows| {
        for row in rows.rows {
            let text = String::from_utf8(row[0].clone().expect("a text")).expect("the text is in UTF-8");
            found.insert(text, units(&row[1], 4));
        }
    };
    server.ok("DROP TABLE IF EXISTS pairs");
    server.ok("CREATE TABLE pairs (first INT, last INT, t VARCHAR(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)");
    let heads = "(SELECT DISTINCT first n FROM pairs) heads JOIN points a USING (n)";
    for (firsts, lasts) in [
        ("points a", "b.n BETWEEN a.n DIV 256 * 256 AND a.n DIV 256 * 256 + 255"),
        ("points a", "b.n BETWEEN 768 AND 879"),
        ("points a", "b.n IN (12441, 12442)"),
        (heads, &listed("b.n")),
    ] {
        server.ok(&format!(
            "INSERT INTO pairs SELECT a.n, b.n, CONCAT(a.c, b.c) FROM {firsts} JOIN points b ON {lasts} WHERE {} AND {}",
            listed("a.n"),
            differs("a.c", "b.c"),
        ));
    }
    keep(server.rows(&format!("SELECT DISTINCT t, HEX(WEIGHT_STRING(t COLLATE {name})) FROM pairs")));
    keep(server.rows(&format!(
        "SELECT CONCAT(t, c), HEX(WEIGHT_STRING(CONCAT(t, c) COLLATE {name})) FROM (SELECT DISTINCT t, last FROM pairs) p \
         JOIN points ON n BETWEEN last DIV 256 * 256 AND last DIV 256 * 256 + 255 WHERE {}",
        differs("t", "c"),
    )));
    found.into_iter().map(|(text, weights)| Contraction { text, weights }).collect()
}

fn packed(weights: &Weights, contractions: &[Contraction]) -> Vec<u8> {
    let of = |code: u32| weights.get(&code).map(Vec::as_slice);
    let (mut kinds, mut lengths, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut before = 0u16;
    for page in 0..PAGES as u32 {
        let codes = page * 256..(page + 1) * 256;
        let kind = Kind::ALL[1..].iter().find(|kind| {
            codes.clone().all(|code| of(code).is_none_or(|units| kind.weights(code).eq(units.iter().copied())))
        });
        kinds.push(*kind.unwrap_or(&Kind::Listed) as u8);
        if kind.is_some() {
            continue;
        }
        for units in codes.map(|code| of(code).unwrap_or_default()) {
            lengths.push(u8::try_from(units.len()).expect("a code point has few weights"));
            for unit in units {
                let [lower, upper] = unit.wrapping_sub(before).to_le_bytes();
                low.push(lower);
                high.push(upper);
                before = *unit;
            }
        }
    }
    let mut out = [kinds, lengths, low, high].concat();
    out.extend(u16::try_from(contractions.len()).expect("there are few").to_le_bytes());
    for Contraction { text, weights } in contractions {
        out.push(text.len() as u8);
        out.extend(text.as_bytes());
        out.push(weights.len() as u8);
        weights.iter().for_each(|unit| out.extend(unit.to_le_bytes()));
    }
    out
}

pub fn number(value: &Option<Vec<u8>>) -> u32 {
    let text = value.as_deref().expect("no NULL");
    str::from_utf8(text).expect("ASCII").parse().expect("a number")
}

fn units(value: &Option<Vec<u8>>, digits: usize) -> Vec<u16> {
    let text = value.as_deref().unwrap_or_default();
    let unit = |digits: &[u8]| u16::from_str_radix(str::from_utf8(digits).expect("ASCII"), 16).expect("hexadecimal");
    text.chunks(digits).map(unit).collect()
}
