//! Whether a server weighs as the stored tables do: a query that digests its weights, and what it has to answer.
//!
//! The digest is the exclusive or of the first eight bytes of SHA-256 over `code point:weights` in hexadecimal, so that
//! the server may take the code points in any order and needs no long value. It covers the first two planes, what is
//! listed beyond them, one code point in 256 of the rest; and the sequences that any collation here contracts.

use std::fmt::Write;

#[cfg(test)]
use aws_lc_rs::digest::{SHA256, digest};

use super::{Charset, Collation, Order, PAGES, Stored, Weights};

/// One query, without effect and with one row of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub sql: String,
    /// Text of that column.
    pub expected: String,
}

/// Sequences are numbered behind the code points.
const FIRST_SEQUENCE: u32 = 0x11_0000;

/// Hexadecimal digits of the longest sequence in UTF-8.
const SEQUENCE_DIGITS: usize = 32;

impl Collation {
    /// `None` where the text's own bytes are compared.
    pub fn probe(self) -> Option<Probe> {
        match self.order {
            Order::Bytes => None,
            Order::Weights(stored) => Some(stored.probe()),
        }
    }
}

impl Stored {
    /// The collation whose WEIGHT_STRING the table holds.
    pub fn name(self) -> &'static str {
        match self {
            Stored::General => "utf8mb4_general_ci",
            Stored::Unicode400 => "utf8mb4_unicode_ci",
            Stored::Unicode520 => "utf8mb4_unicode_520_ci",
            Stored::Unicode900 => "utf8mb4_0900_ai_ci",
            Stored::Unicode1400 => "utf8mb4_uca1400_ai_ci",
            Stored::Latin1Swedish => "latin1_swedish_ci",
            Stored::Latin1General => "latin1_general_ci",
        }
    }

    /// The characters that the table is for.
    pub fn charset(self) -> Charset {
        match self {
            Stored::Latin1Swedish | Stored::Latin1General => Charset::Latin1,
            _ => Charset::Utf8mb4,
        }
    }

    pub fn probe(self) -> Probe {
        Probe { sql: self.sql(), expected: self.expected().to_owned() }
    }

    /// What [`Stored::digest`] is: computing it takes as long as a server takes.
    fn expected(self) -> &'static str {
        match self {
            Stored::General => "133801 69c356a7bbf9ae61",
            Stored::Unicode400 => "133801 dcfee05e614d4ff5",
            Stored::Unicode520 => "135076 5187c2b183ae0abe",
            Stored::Unicode900 => "136096 9fa92e65dbfb620d",
            Stored::Unicode1400 => "136606 06a49c6d4df75e0f",
            Stored::Latin1Swedish => "256 ac73301c303eaea8",
            Stored::Latin1General => "256 22c37ed9c79e7723",
        }
    }

    fn sql(self) -> String {
        let (name, weights) = (self.name(), self.weights());
        let (charset, there) = match self.charset() {
            Charset::Latin1 => ("latin1", "CONVERT(CONVERT(c USING latin1) USING utf8mb4) = c COLLATE utf8mb4_bin"),
            _ => ("utf8mb4", "1"),
        };
        let beyond: Vec<String> = weights.listed_beyond().map(|page| page.to_string()).collect();
        let beyond = beyond.join(",");
        let digits = |alias: &str| {
            let rest: String = (1..16).map(|digit| format!(" UNION ALL SELECT {digit}")).collect();
            format!("(SELECT 0 d{rest}) {alias}")
        };
        let three = format!("{}, {}, {}", digits("x"), digits("y"), digits("z"));
        let mut sequences = String::new();
        for (text, _) in sequences_of(self) {
            let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            write!(sequences, "{hex:<SEQUENCE_DIGITS$}").expect("a String takes all");
        }
        let count = sequences.len() / SEQUENCE_DIGITS;
        format!(
            "SELECT CONCAT(COUNT(*), ' ', LPAD(LOWER(HEX(BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT(n, ':', \
             COALESCE(HEX(WEIGHT_STRING(CONVERT(c USING {charset}) COLLATE {name})), '')), 256), 16), 16, 10) AS \
             UNSIGNED)))), 16, '0')) FROM (SELECT n, CONVERT(CONVERT(UNHEX(LPAD(HEX(n), 8, '0')) USING utf32) USING \
             utf8mb4) c FROM (SELECT u.d * 1048576 + v.d * 65536 + w.d * 4096 + x.d * 256 + y.d * 16 + z.d n FROM \
             (SELECT 0 d UNION ALL SELECT 1) u, {}, {}, {three}) p WHERE n < 1114112 AND n NOT BETWEEN 55296 AND 57343 \
             AND (n < 131072 OR n % 256 = 255 OR n DIV 256 IN (-1{}{beyond})) UNION ALL SELECT {FIRST_SEQUENCE} + i, \
             CONVERT(UNHEX(TRIM(SUBSTRING('{sequences}', 1 + {SEQUENCE_DIGITS} * i, {SEQUENCE_DIGITS}))) USING utf8mb4) \
             FROM (SELECT x.d * 256 + y.d * 16 + z.d i FROM {three}) q WHERE i < {count}) r WHERE {there}",
            digits("v"),
            digits("w"),
            if beyond.is_empty() { "" } else { "," },
        )
    }

    /// The answer of a server that weighs as the table does.
    #[cfg(test)]
    pub(super) fn digest(self) -> String {
        let weights = self.weights();
        let beyond: Vec<u32> = weights.listed_beyond().collect();
        let sampled = |code: u32| code < 0x2_0000 || code % 256 == 255 || beyond.contains(&(code / 256));
        let (mut count, mut all) = (0u32, 0u64);
        let mut add = |number: u32, units: &mut dyn Iterator<Item = u16>| {
            let mut text = format!("{number}:");
            for unit in units {
                match self.charset() {
                    Charset::Latin1 => write!(text, "{unit:02X}"),
                    _ => write!(text, "{unit:04X}"),
                }
                .expect("a String takes all");
            }
            let first = digest(&SHA256, text.as_bytes()).as_ref().first_chunk().copied();
            all ^= u64::from_be_bytes(first.expect("a digest has 32 bytes"));
            count += 1;
        };
        let chars = (0..FIRST_SEQUENCE).filter(|code| sampled(*code)).filter_map(char::from_u32);
        for c in chars.filter(|c| self.charset().holds(*c)) {
            add(c.into(), &mut weights.of(c));
        }
        for (number, (text, contracted)) in (FIRST_SEQUENCE..).zip(sequences_of(self)) {
            match contracted {
                Some(units) => add(number, &mut units.iter().copied()),
                None => add(number, &mut text.chars().flat_map(|c| weights.of(c))),
            }
        }
        format!("{count} {all:016x}")
    }
}

/// The sequences that any table contracts, with the weights of those that this one does. All are short.
fn sequences_of(stored: Stored) -> impl Iterator<Item = (&'static str, Option<&'static [u16]>)> {
    let contracts = stored == Stored::Unicode1400;
    let any: &'static [_] = match stored.charset() {
        Charset::Utf8mb4 => &Stored::Unicode1400.weights().contractions,
        _ => &[],
    };
    any.iter().map(move |contraction| (&*contraction.text, contracts.then_some(&*contraction.weights)))
}

impl Weights {
    /// Listed pages beyond the first two planes.
    fn listed_beyond(&self) -> impl Iterator<Item = u32> + '_ {
        (0x200..PAGES as u32).filter(|page| self.is_listed(*page))
    }
}
