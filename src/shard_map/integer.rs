//! The integer types of MySQL and MariaDB: what they are called and what they hold.

use std::fmt;

use super::IntegerType;
use super::document::near;
use super::problem::{Feature, Problem};

pub(super) const NAMES: &[&str] = &["tinyint", "smallint", "mediumint", "int", "bigint"];

/// Types that CREATE TABLE knows and a key cannot have yet.
const OTHER_TYPES: &[&str] = &[
    "char",
    "varchar",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "binary",
    "varbinary",
    "blob",
    "tinyblob",
    "mediumblob",
    "longblob",
    "date",
    "datetime",
    "timestamp",
    "time",
    "year",
    "decimal",
    "numeric",
    "dec",
    "fixed",
    "float",
    "double",
    "real",
    "bit",
    "enum",
    "set",
    "json",
    "uuid",
    "inet4",
    "inet6",
    "bool",
    "boolean",
];

impl IntegerType {
    pub fn min(self) -> i128 {
        match self.unsigned {
            true => 0,
            false => -(1 << (self.bits() - 1)),
        }
    }

    pub fn max(self) -> i128 {
        match self.unsigned {
            true => (1 << self.bits()) - 1,
            false => (1 << (self.bits() - 1)) - 1,
        }
    }

    pub fn holds(self, value: i128) -> bool {
        (self.min()..=self.max()).contains(&value)
    }

    fn bits(self) -> u32 {
        8 * u32::from(self.bytes)
    }

    /// Reads a type as CREATE TABLE has it: `BIGINT(20) UNSIGNED`, `int`, `integer signed`.
    pub(super) fn read(text: &str) -> Result<IntegerType, Problem> {
        let lower = text.to_ascii_lowercase();
        let name_end = lower.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(lower.len());
        let (name, rest) = lower.split_at(name_end);
        let bytes = match name {
            "tinyint" => 1,
            "smallint" => 2,
            "mediumint" => 3,
            "int" | "integer" => 4,
            "bigint" => 8,
            other if OTHER_TYPES.contains(&other) => {
                return Err(Problem::NotYet(Feature::KeyType(text.into())));
            }
            _ => return Err(unknown(text, near(name, NAMES.iter().copied()))),
        };
        let unsigned = match without_width(rest).map(str::trim) {
            Some("" | "signed") => false,
            Some("unsigned") => true,
            Some(word) => return Err(unknown(text, near(word, ["unsigned"].into_iter()))),
            None => return Err(unknown(text, None)),
        };
        Ok(IntegerType { bytes, unsigned })
    }
}

impl fmt::Display for IntegerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.bytes {
            1 => "tinyint",
            2 => "smallint",
            3 => "mediumint",
            4 => "int",
            _ => "bigint",
        })?;
        f.write_str(if self.unsigned { " unsigned" } else { "" })
    }
}

/// Drops a display width, `(11)`, which has no effect on what a column holds.
fn without_width(rest: &str) -> Option<&str> {
    let Some(inside) = rest.trim_start().strip_prefix('(') else {
        return Some(rest);
    };
    let (width, rest) = inside.split_once(')')?;
    width.trim().parse::<u8>().is_ok().then_some(rest)
}

fn unknown(text: &str, near: Option<&'static str>) -> Problem {
    let text = text.into();
    Problem::UnknownKeyType { text, near }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_as_create_table_writes_them() {
        let read = |text| IntegerType::read(text).map(|integer| integer.to_string());
        assert_eq!(read("bigint unsigned"), Ok("bigint unsigned".into()));
        assert_eq!(read("BIGINT(20) UNSIGNED"), Ok("bigint unsigned".into()));
        assert_eq!(read("int(11)"), Ok("int".into()));
        assert_eq!(read("integer signed"), Ok("int".into()));
        assert_eq!(read("bigint unsinged"), Err(unknown("bigint unsinged", Some("unsigned"))));
        assert_eq!(read("bigin"), Err(unknown("bigin", Some("bigint"))));
        assert_eq!(read("int(999)"), Err(unknown("int(999)", None)));
        assert_eq!(read("int(1"), Err(unknown("int(1", None)));
        let not_yet = Problem::NotYet(Feature::KeyType("varchar(20)".into()));
        assert_eq!(read("varchar(20)"), Err(not_yet));
    }

    #[test]
    fn holds_what_the_manual_says() {
        // MySQL manual, 13.1.2 Integer Types.
        let limits = |text| IntegerType::read(text).map(|t| (t.min(), t.max())).ok();
        assert_eq!(limits("tinyint"), Some((-128, 127)));
        assert_eq!(limits("smallint unsigned"), Some((0, 65_535)));
        assert_eq!(limits("mediumint"), Some((-8_388_608, 8_388_607)));
        assert_eq!(limits("int unsigned"), Some((0, 4_294_967_295)));
        assert_eq!(limits("bigint"), Some((i64::MIN.into(), i64::MAX.into())));
        assert_eq!(limits("bigint unsigned"), Some((0, u64::MAX.into())));
    }
}
