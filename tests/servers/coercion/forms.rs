//! The columns, the literals and the parameters that are tried.

use std::fmt::Write;

use super::literals::{DATE_LITERALS, LITERALS, TEXT_LITERALS, TYPED_LITERALS};

/// A key column, and rows that are told apart by what is tried: one on each shard.
pub struct Column {
    /// As the map has it.
    pub kind: &'static str,
    pub split: Split,
    /// The family of servers that has the type; `None` for both.
    pub only: Option<&'static str>,
    /// Ascending; the lower bounds of the shards as well.
    pub planted: &'static [&'static str],
    /// Literals that an ordinary client uses.
    pub ordinary: &'static [&'static str],
    /// Names of parameters that an ordinary driver sends.
    pub parameters: &'static [&'static str],
}

/// How the table is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Each planted key is a bound.
    Range,
    /// Each planted key is listed, and others have a shard of their own.
    List,
    /// Each bucket has a shard of its own.
    Hash,
}

/// Buckets of a split by hash.
const BUCKETS: usize = 16;

#[derive(Debug, Clone, Copy)]
pub struct Form {
    pub text: &'static str,
    pub ordinary: bool,
}

/// A parameter as a driver sends it.
pub struct Parameter {
    pub name: &'static str,
    /// Type and flag.
    pub kind: [u8; 2],
    /// `None` for NULL.
    pub value: Option<&'static [u8]>,
}

const INTEGER_FORMS: &[&str] = &["42", "'42'", "43", "'43'", "+42"];
const INTEGER_PARAMETERS: &[&str] = &["TINY 42", "LONG 42", "LONGLONG 42", "LONGLONG unsigned 42", "VAR_STRING 42"];
const DATE_FORMS: &[&str] = &["'2026-01-02'", "DATE'2026-01-02'", "DATE '2026-01-03'"];
const MOMENT_FORMS: &[&str] =
    &["'2026-01-02 00:00:00'", "'2026-01-02 12:30:00'", "TIMESTAMP'2026-01-02 12:30:00'", "'2026-01-02'"];
const MOMENT_PARAMETERS: &[&str] =
    &["DATETIME 2026-01-02", "DATETIME 2026-01-02 12:30:00", "TIMESTAMP 2026-01-02 12:30:00", "VAR_STRING moment"];

const TEXT_FORMS: &[&str] = &["'abc'", "'Abc'", "'abc '", "'a''b'", "''", "'a b'"];
const TEXT_PARAMETERS: &[&str] = &["VAR_STRING abc", "VAR_STRING empty", "STRING 42", "BLOB 42"];
const TEXTS: &[&str] = &["", "42", "A", "Abc", "a", "a b", "a'b", "abc", "abd", "b", "\u{e9}", "\u{1f600}"];
const ASCII_TEXTS: &[&str] = &["", "42", "A", "Abc", "a", "a b", "a'b", "abc", "abd", "b"];
const LETTERS: &[&str] = &["", "42", "a b", "a'b", "abc", "abd", "b", "ss", "z~"];

const fn text(
    kind: &'static str,
    split: Split,
    planted: &'static [&'static str],
    only: Option<&'static str>,
) -> Column {
    Column { kind, split, only, planted, ordinary: TEXT_FORMS, parameters: TEXT_PARAMETERS }
}

pub const COLUMNS: &[Column] = &[
    text("varchar(20) collate utf8mb4_bin", Split::Range, TEXTS, None),
    text("varchar(20) collate utf8mb4_bin", Split::List, TEXTS, None),
    text("varchar(20) collate utf8mb4_bin", Split::Hash, TEXTS, None),
    text("varchar(20) collate utf8mb4_0900_bin", Split::Range, TEXTS, Some("mysql")),
    text("char(20) collate ascii_bin", Split::Range, ASCII_TEXTS, None),
    text("varchar(20) collate latin1_bin", Split::Hash, ASCII_TEXTS, None),
    text("varbinary(20)", Split::Range, TEXTS, None),
    text("varbinary(20)", Split::Hash, TEXTS, None),
    text("varchar(20) collate utf8mb4_general_ci", Split::Hash, LETTERS, None),
    text("varchar(20) collate utf8mb4_general_ci", Split::List, LETTERS, None),
    text("char(20) collate utf8mb4_unicode_ci", Split::Hash, LETTERS, None),
    text("varchar(20) collate latin1_swedish_ci", Split::List, LETTERS, None),
    text("varchar(20) collate utf8mb4_0900_ai_ci", Split::Hash, LETTERS, Some("mysql")),
    text("varchar(20) collate utf8mb4_0900_as_cs", Split::Hash, LETTERS, Some("mysql")),
    text("varchar(20) collate utf8mb4_uca1400_ai_ci", Split::Hash, LETTERS, Some("mariadb")),
    text("varchar(20) collate utf8mb4_uca1400_as_cs", Split::Hash, LETTERS, Some("mariadb")),
    Column {
        kind: "int",
        split: Split::Hash,
        only: None,
        planted: &["-42", "0", "1", "42", "43", "260102", "20260102"],
        ordinary: INTEGER_FORMS,
        parameters: INTEGER_PARAMETERS,
    },
    Column {
        kind: "decimal(10,2)",
        split: Split::Hash,
        only: None,
        planted: &["-42.50", "0.00", "42.00", "42.50", "43.00"],
        ordinary: &["42", "42.5", "42.50"],
        parameters: &["LONGLONG 42", "NEWDECIMAL 42.5"],
    },
    Column {
        kind: "date",
        split: Split::List,
        only: None,
        planted: &["2026-01-01", "2026-01-02", "2026-01-03"],
        ordinary: DATE_FORMS,
        parameters: &["DATE 2026-01-02"],
    },
    Column {
        kind: "timestamp(3)",
        split: Split::Hash,
        only: None,
        planted: &["2026-01-01 16:30:00", "2026-01-02 05:00:00", "2026-01-02 05:00:00.123", "2026-01-03"],
        ordinary: MOMENT_FORMS,
        parameters: MOMENT_PARAMETERS,
    },
    Column {
        kind: "tinyint",
        split: Split::Range,
        only: None,
        planted: &["-128", "-43", "-42", "-1", "0", "1", "2", "42", "43", "127"],
        ordinary: INTEGER_FORMS,
        parameters: INTEGER_PARAMETERS,
    },
    Column {
        kind: "int",
        split: Split::Range,
        only: None,
        planted: &["-42", "0", "1", "42", "43", "260102", "260103", "20260102", "20260103"],
        ordinary: INTEGER_FORMS,
        parameters: INTEGER_PARAMETERS,
    },
    Column {
        kind: "bigint unsigned",
        split: Split::Range,
        only: None,
        planted: &["0", "1", "42", "43", "9007199254740992", "9007199254740993", "18446744073709551615"],
        ordinary: INTEGER_FORMS,
        parameters: INTEGER_PARAMETERS,
    },
    Column {
        kind: "decimal(10,2)",
        split: Split::Range,
        only: None,
        planted: &["-42.50", "-42.00", "-0.01", "0.00", "0.01", "1.00", "42.00", "42.01", "42.50", "42.51", "43.00"],
        ordinary: &["42", "42.5", "42.50", "-42.5", "'42.5'", "'42.50'", "'42'"],
        parameters: &["LONG 42", "LONGLONG 42", "NEWDECIMAL 42.5", "NEWDECIMAL 42", "VAR_STRING 42", "VAR_STRING 42.5"],
    },
    Column {
        kind: "decimal(30,10) unsigned",
        split: Split::Range,
        only: None,
        planted: &[
            "0",
            "1",
            "42",
            "42.0000000001",
            "42.5",
            "43",
            "9007199254740992",
            "9007199254740993",
            "99999999999999999999.9999999999",
        ],
        ordinary: &["42", "42.5", "42.50"],
        parameters: &["LONG 42", "LONGLONG 42", "NEWDECIMAL 42.5", "NEWDECIMAL 42"],
    },
    Column {
        kind: "date",
        split: Split::Range,
        only: None,
        planted: &["2025-12-31", "2026-01-01", "2026-01-02", "2026-01-03", "2026-02-28", "2026-03-01", "2042-01-01"],
        ordinary: DATE_FORMS,
        parameters: &["DATE 2026-01-02", "DATETIME 2026-01-02", "VAR_STRING date"],
    },
    Column {
        kind: "datetime",
        split: Split::Range,
        only: None,
        planted: &[
            "2025-12-31 23:59:59",
            "2026-01-01 22:00:00",
            "2026-01-01 23:59:59",
            "2026-01-02",
            "2026-01-02 00:00:01",
            "2026-01-02 12:30:00",
            "2026-01-02 12:30:01",
            "2026-01-03",
        ],
        ordinary: MOMENT_FORMS,
        parameters: MOMENT_PARAMETERS,
    },
    Column {
        kind: "datetime(3)",
        split: Split::Range,
        only: None,
        planted: &[
            "2026-01-01 22:00:00",
            "2026-01-02",
            "2026-01-02 00:00:00.001",
            "2026-01-02 12:30:00",
            "2026-01-02 12:30:00.123",
            "2026-01-02 12:30:00.124",
            "2026-01-02 12:30:00.5",
            "2026-01-02 12:30:00.501",
            "2026-01-02 12:30:01",
            "2026-01-03",
        ],
        ordinary: &[
            "'2026-01-02 12:30:00'",
            "'2026-01-02 12:30:00.5'",
            "'2026-01-02 12:30:00.123'",
            "TIMESTAMP'2026-01-02 12:30:00.123'",
        ],
        parameters: &[
            "DATETIME 2026-01-02 12:30:00",
            "DATETIME 2026-01-02 12:30:00.123",
            "VAR_STRING moment",
            "VAR_STRING moment.123",
        ],
    },
    Column {
        kind: "timestamp",
        split: Split::Range,
        only: None,
        // In the map's zone: 7 hours and a half behind the session's.
        planted: &[
            "2025-12-31 16:29:59",
            "2026-01-01 16:29:59",
            "2026-01-01 16:30:00",
            "2026-01-01 16:30:01",
            "2026-01-02 00:00:00",
            "2026-01-02 05:00:00",
            "2026-01-02 05:00:01",
            "2026-01-02 12:30:00",
            "2026-01-03",
        ],
        ordinary: MOMENT_FORMS,
        parameters: MOMENT_PARAMETERS,
    },
    Column {
        kind: "timestamp(6)",
        split: Split::Range,
        only: None,
        planted: &[
            "2026-01-01 16:30:00",
            "2026-01-02 05:00:00",
            "2026-01-02 05:00:00.123",
            "2026-01-02 05:00:00.123001",
            "2026-01-02 05:00:01",
            "2026-01-02 12:30:00",
            "2026-01-03",
        ],
        ordinary: MOMENT_FORMS,
        parameters: MOMENT_PARAMETERS,
    },
];

const VAR_STRING: [u8; 2] = [0xFD, 0];

pub const PARAMETERS: &[Parameter] = &[
    Parameter { name: "NULL", kind: [8, 0], value: None },
    Parameter { name: "TINY 42", kind: [1, 0], value: Some(&[42]) },
    Parameter { name: "TINY -42", kind: [1, 0], value: Some(&[214]) },
    Parameter { name: "TINY unsigned 214", kind: [1, 0x80], value: Some(&[214]) },
    Parameter { name: "SHORT 42", kind: [2, 0], value: Some(&[42, 0]) },
    Parameter { name: "LONG 42", kind: [3, 0], value: Some(&[42, 0, 0, 0]) },
    Parameter { name: "LONGLONG 42", kind: [8, 0], value: Some(&[42, 0, 0, 0, 0, 0, 0, 0]) },
    Parameter { name: "LONGLONG unsigned 42", kind: [8, 0x80], value: Some(&[42, 0, 0, 0, 0, 0, 0, 0]) },
    Parameter { name: "LONGLONG 0", kind: [8, 0], value: Some(&[0; 8]) },
    Parameter { name: "LONGLONG -1", kind: [8, 0], value: Some(&[0xFF; 8]) },
    Parameter { name: "LONGLONG unsigned max", kind: [8, 0x80], value: Some(&[0xFF; 8]) },
    Parameter { name: "LONGLONG 20260102", kind: [8, 0], value: Some(&[0xB6, 0x27, 0x35, 1, 0, 0, 0, 0]) },
    // 42.0, 42.5, 9007199254740992 and -0.0.
    Parameter { name: "DOUBLE 42", kind: [5, 0], value: Some(&[0, 0, 0, 0, 0, 0, 0x45, 0x40]) },
    Parameter { name: "DOUBLE 42.5", kind: [5, 0], value: Some(&[0, 0, 0, 0, 0, 0x40, 0x45, 0x40]) },
    Parameter { name: "DOUBLE 2^53", kind: [5, 0], value: Some(&[0, 0, 0, 0, 0, 0, 0x40, 0x43]) },
    Parameter { name: "DOUBLE -0", kind: [5, 0], value: Some(&[0, 0, 0, 0, 0, 0, 0, 0x80]) },
    Parameter { name: "FLOAT 42", kind: [4, 0], value: Some(&[0, 0, 0x28, 0x42]) },
    Parameter { name: "FLOAT 42.5", kind: [4, 0], value: Some(&[0, 0, 0x2A, 0x42]) },
    Parameter { name: "NEWDECIMAL 42", kind: [0xF6, 0], value: Some(b"\x0242") },
    Parameter { name: "NEWDECIMAL 42.5", kind: [0xF6, 0], value: Some(b"\x0442.5") },
    Parameter { name: "NEWDECIMAL 42.005", kind: [0xF6, 0], value: Some(b"\x0642.005") },
    Parameter { name: "NEWDECIMAL 4.2e1", kind: [0xF6, 0], value: Some(b"\x054.2e1") },
    Parameter { name: "NEWDECIMAL 042", kind: [0xF6, 0], value: Some(b"\x03042") },
    Parameter { name: "NEWDECIMAL 9007199254740993", kind: [0xF6, 0], value: Some(b"\x109007199254740993") },
    Parameter { name: "VAR_STRING 42", kind: VAR_STRING, value: Some(b"\x0242") },
    Parameter { name: "VAR_STRING 42.5", kind: VAR_STRING, value: Some(b"\x0442.5") },
    Parameter { name: "VAR_STRING 42 and space", kind: VAR_STRING, value: Some(b"\x0342 ") },
    Parameter { name: "VAR_STRING 042", kind: VAR_STRING, value: Some(b"\x03042") },
    Parameter { name: "VAR_STRING 42.5000000000000001", kind: VAR_STRING, value: Some(b"\x1342.5000000000000001") },
    Parameter { name: "VAR_STRING 9007199254740993", kind: VAR_STRING, value: Some(b"\x109007199254740993") },
    Parameter { name: "VAR_STRING empty", kind: VAR_STRING, value: Some(b"\0") },
    Parameter { name: "VAR_STRING abc", kind: VAR_STRING, value: Some(b"\x03abc") },
    Parameter { name: "VAR_STRING date", kind: VAR_STRING, value: Some(b"\x0a2026-01-02") },
    Parameter { name: "VAR_STRING 2026-1-2", kind: VAR_STRING, value: Some(b"\x082026-1-2") },
    Parameter { name: "VAR_STRING moment", kind: VAR_STRING, value: Some(b"\x132026-01-02 12:30:00") },
    Parameter { name: "VAR_STRING moment.123", kind: VAR_STRING, value: Some(b"\x172026-01-02 12:30:00.123") },
    Parameter { name: "VAR_STRING with zone", kind: VAR_STRING, value: Some(b"\x192026-01-02 00:00:00+02:00") },
    Parameter { name: "VAR_STRING Abc and blanks", kind: VAR_STRING, value: Some(b"\x05Abc  ") },
    Parameter { name: "VAR_STRING e9", kind: VAR_STRING, value: Some(b"\x02\xC3\xA9") },
    Parameter { name: "VAR_STRING not UTF-8", kind: VAR_STRING, value: Some(b"\x02\xC3\x28") },
    Parameter { name: "BLOB ABC", kind: [0xFC, 0], value: Some(b"\x03ABC") },
    Parameter { name: "STRING 42", kind: [0xFE, 0], value: Some(b"\x0242") },
    Parameter { name: "BLOB 42", kind: [0xFC, 0], value: Some(b"\x0242") },
    Parameter { name: "BLOB date", kind: [0xFC, 0], value: Some(b"\x0a2026-01-02") },
    Parameter { name: "JSON 42", kind: [0xF5, 0], value: Some(b"\x0242") },
    Parameter { name: "BIT *", kind: [0x10, 0], value: Some(b"\x01*") },
    Parameter { name: "DATE 2026-01-02", kind: [10, 0], value: Some(&[4, 0xEA, 7, 1, 2]) },
    Parameter { name: "DATE 0000-00-00", kind: [10, 0], value: Some(&[0]) },
    Parameter { name: "DATE 2026-02-30", kind: [10, 0], value: Some(&[4, 0xEA, 7, 2, 30]) },
    Parameter { name: "DATE with a time", kind: [10, 0], value: Some(&[7, 0xEA, 7, 1, 2, 12, 30, 0]) },
    Parameter { name: "DATETIME 2026-01-02", kind: [12, 0], value: Some(&[4, 0xEA, 7, 1, 2]) },
    Parameter { name: "DATETIME 2026-01-02 00:00:00", kind: [12, 0], value: Some(&[7, 0xEA, 7, 1, 2, 0, 0, 0]) },
    Parameter { name: "DATETIME 2026-01-02 12:30:00", kind: [12, 0], value: Some(&[7, 0xEA, 7, 1, 2, 12, 30, 0]) },
    Parameter {
        name: "DATETIME 2026-01-02 12:30:00.123",
        kind: [12, 0],
        value: Some(&[11, 0xEA, 7, 1, 2, 12, 30, 0, 0x78, 0xE0, 1, 0]),
    },
    Parameter {
        name: "DATETIME 2026-01-02 12:30:00.1235",
        kind: [12, 0],
        value: Some(&[11, 0xEA, 7, 1, 2, 12, 30, 0, 0x6C, 0xE2, 1, 0]),
    },
    Parameter { name: "DATETIME 2026-01-02 25:00:00", kind: [12, 0], value: Some(&[7, 0xEA, 7, 1, 2, 25, 0, 0]) },
    Parameter { name: "TIMESTAMP 2026-01-02 12:30:00", kind: [7, 0], value: Some(&[7, 0xEA, 7, 1, 2, 12, 30, 0]) },
    // What a server has taken a parameter for before may decide what it takes it for now.
    Parameter { name: "LONGLONG 2^53 + 1", kind: [8, 0], value: Some(&[1, 0, 0, 0, 0, 0, 0x20, 0]) },
    Parameter { name: "LONGLONG unsigned max again", kind: [8, 0x80], value: Some(&[0xFF; 8]) },
    Parameter { name: "LONGLONG 42 again", kind: [8, 0], value: Some(&[42, 0, 0, 0, 0, 0, 0, 0]) },
    Parameter { name: "TIME 00:00:42", kind: [11, 0], value: Some(&[8, 0, 0, 0, 0, 0, 0, 0, 42]) },
];

impl Parameter {
    /// COM_STMT_EXECUTE with this as its only parameter, of the statement for its class.
    pub fn payload(&self, ids: &[u32]) -> Vec<u8> {
        let mut payload = vec![0x17];
        payload.extend([0; 4]);
        payload.extend([0, 1, 0, 0, 0]);
        payload.extend([u8::from(self.value.is_none()), 1]);
        payload.extend(self.kind);
        payload.extend(self.value.unwrap_or_default());
        let class = meridian::wire::execute::classes(&self.kind);
        payload[1..5].copy_from_slice(&ids[class as usize].to_le_bytes());
        payload
    }
}

impl Column {
    /// Everything that is tried as a literal.
    pub fn forms(&self) -> Vec<Form> {
        let further: &[&str] = match () {
            () if self.is_text() => TEXT_LITERALS,
            () if self.kind.starts_with("date") || self.kind.starts_with("timestamp") => DATE_LITERALS,
            () => &[],
        };
        let all = self.ordinary.iter().chain(LITERALS).chain(TYPED_LITERALS).chain(further);
        let mut texts: Vec<&'static str> = all.copied().collect();
        let mut seen = Vec::new();
        texts.retain(|text| {
            let new = !seen.contains(text);
            seen.push(*text);
            new
        });
        texts.into_iter().map(|text| Form { text, ordinary: self.ordinary.contains(&text) }).collect()
    }

    pub fn is_hashed_by_weights(&self) -> bool {
        self.split == Split::Hash && ["_ci", "_cs"].iter().any(|end| self.kind.ends_with(end))
    }

    pub fn is_text(&self) -> bool {
        self.kind.contains("char") || self.kind.contains("binary")
    }

    pub fn is_ordinary_parameter(&self, parameter: &Parameter) -> bool {
        self.parameters.contains(&parameter.name)
    }

    /// A map with a shard for each planted row, or each bucket.
    pub fn map(&self, family: &str, zone: &str) -> String {
        let (mut groups, mut shards, mut split) = (String::new(), String::new(), String::new());
        let count = if self.split == Split::Hash { BUCKETS } else { self.planted.len() + 1 };
        for index in 0..count {
            let _ = writeln!(groups, "  g{index}: {{members: [{{at: 'g{index}:3306', region: here}}]}}");
            let _ = writeln!(shards, "  s{index}: {{group: g{index}}}");
        }
        let _ = match self.split {
            Split::Range => writeln!(split, "        range:"),
            Split::List => writeln!(split, "        else: s{}\n        list:", count - 1),
            Split::Hash => writeln!(split, "        hash: crc32/1\n        buckets: {BUCKETS}\n        range:"),
        };
        for (index, planted) in self.planted.iter().map(|planted| quoted(planted)).enumerate() {
            let _ = match (self.split, index) {
                (Split::Range, 0) => writeln!(split, "          - {{from: MIN, on: s0}}"),
                (Split::Range, _) => writeln!(split, "          - {{from: {planted}, on: s{index}}}"),
                (Split::List, _) => writeln!(split, "          - {{in: [{planted}], on: s{index}}}"),
                (Split::Hash, _) => Ok(()),
            };
        }
        for bucket in 0..BUCKETS * usize::from(self.split == Split::Hash) {
            let _ = writeln!(split, "          - {{from: {bucket}, on: s{bucket}}}");
        }
        let zone = if self.kind.starts_with("timestamp") { format!("        zone: '{zone}'\n") } else { String::new() };
        format!(
            "version: 1\nregions: [here]\ngroups:\n{groups}shards:\n{shards}databases:\n  shop:\n    family: {family}\n    \
             tables:\n      t:\n        key: {{k: '{}'}}\n{zone}{split}",
            self.kind
        )
    }

    /// The shard of a row of `table`, as its server computes it; of one hashed by weights, if it is printable ASCII.
    pub fn home(&self, table: &str, index: Option<usize>) -> String {
        match (self.split, index) {
            (Split::Hash, _) if self.is_hashed_by_weights() => format!("CRC32(LOWER(RTRIM({table}.k))) % {BUCKETS}"),
            (Split::Hash, _) if self.kind.contains("collate") => {
                format!("CRC32(TRIM(TRAILING ' ' FROM {table}.k)) % {BUCKETS}")
            }
            (Split::Hash, _) => format!("CRC32({table}.k) % {BUCKETS}"),
            (_, Some(index)) => index.to_string(),
            // The last bound that is not above it; MIN is below all.
            (Split::Range, None) => {
                format!("(SELECT GREATEST(COUNT(*), 1) - 1 FROM bounds WHERE bounds.k <= {table}.k)")
            }
            (Split::List, None) => {
                format!("COALESCE((SELECT MIN(home) FROM bounds WHERE bounds.k = {table}.k), {})", self.planted.len())
            }
        }
    }
}

/// As SQL and YAML have it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
