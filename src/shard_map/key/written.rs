//! Key types and bounds as a map writes them.

use super::calendar::{self, Date, FRACTION_DIGITS_MAX};
use super::decimal::{self, DecimalType, NotExact};
use super::{IntegerType, KeyType, Zone};
use crate::shard_map::document::{self, near};
use crate::shard_map::problem::{Feature, Problem};

/// The types that a key can have, for "did you mean".
pub(in crate::shard_map) const NAMES: &[&str] =
    &["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "date", "datetime", "timestamp"];

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
    "time",
    "year",
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

/// Digits behind the point, of any decimal.
const SCALE_MAX: u8 = 30;
const PRECISION_MAX: u8 = 65;

impl KeyType {
    /// Reads a type as CREATE TABLE has it: `BIGINT(20) UNSIGNED`, `decimal(10,2)`, `datetime(6)`. A timestamp's zone is
    /// [`Zone::UTC`] until the map says it.
    pub(in crate::shard_map) fn read(text: &str) -> Result<KeyType, Problem> {
        let lower = text.to_ascii_lowercase();
        let name_end = lower.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(lower.len());
        let (name, rest) = lower.split_at(name_end);
        let Some((arguments, rest)) = arguments(rest) else {
            return Err(unknown(text, None));
        };
        let integer = |bytes| {
            let unsigned = unsigned(text, rest)?;
            match arguments[..] {
                // A display width has no effect on what a column holds.
                [] | [_] => Ok(KeyType::Integer(IntegerType { bytes, unsigned })),
                _ => Err(unknown(text, None)),
            }
        };
        let fraction = || match (&arguments[..], rest) {
            ([], "") => Ok(0),
            ([digits @ 0..=FRACTION_DIGITS_MAX], "") => Ok(*digits),
            _ => Err(unknown(text, None)),
        };
        match name {
            "tinyint" => integer(1),
            "smallint" => integer(2),
            "mediumint" => integer(3),
            "int" | "integer" => integer(4),
            "bigint" => integer(8),
            "decimal" | "numeric" | "dec" | "fixed" => {
                let unsigned = unsigned(text, rest)?;
                let (precision, scale) = match arguments[..] {
                    [] | [0] => (10, 0),
                    [precision] => (precision, 0),
                    [precision, scale] => (precision, scale),
                    _ => return Err(unknown(text, None)),
                };
                if precision == 0 || precision > PRECISION_MAX || scale > precision.min(SCALE_MAX) {
                    return Err(unknown(text, None));
                }
                if precision > decimal::DIGITS_MAX {
                    return Err(Problem::NotYet(Feature::WideDecimal));
                }
                Ok(KeyType::Decimal(DecimalType { precision, scale, unsigned }))
            }
            "date" if arguments.is_empty() && rest.is_empty() => Ok(KeyType::Date),
            "datetime" => fraction().map(|digits| KeyType::DateTime { digits }),
            "timestamp" => fraction().map(|digits| KeyType::Timestamp { digits, zone: Zone::UTC }),
            other if OTHER_TYPES.contains(&other) => Err(Problem::NotYet(Feature::KeyType(text.into()))),
            _ => Err(unknown(text, near(name, NAMES.iter().copied()))),
        }
    }

    /// A bound of the map, in the form that splits compare.
    pub(in crate::shard_map) fn bound(self, text: &str) -> Result<i128, Problem> {
        let out_of_type = || Problem::BoundOutOfType { text: text.into(), kind: self };
        let value = match self {
            KeyType::Integer(integer) => match document::decimal(text) {
                Some(value) if integer.holds(value) => Some(value),
                Some(_) => return Err(out_of_type()),
                None => None,
            },
            KeyType::Decimal(kind) => match kind.read(text.as_bytes()) {
                Ok(Some(value)) => Some(value).filter(|_| decimal::is_canonical(text.as_bytes())),
                Ok(None) => return Err(out_of_type()),
                Err(NotExact) => None,
            },
            KeyType::Date => Date::read(text.as_bytes()).and_then(Date::days),
            KeyType::DateTime { digits } => calendar::read_moment(text.as_bytes(), digits),
            KeyType::Timestamp { digits, zone } => {
                calendar::read_moment(text.as_bytes(), digits).map(|moment| calendar::in_utc(moment, zone))
            }
        };
        value.ok_or_else(|| Problem::BoundNotOfType { text: text.into(), kind: self })
    }
}

/// The numbers in parentheses behind a type's name, and the words behind them.
fn arguments(rest: &str) -> Option<(Vec<u8>, &str)> {
    let Some(inside) = rest.trim_start().strip_prefix('(') else {
        return Some((Vec::new(), rest.trim()));
    };
    let (inside, rest) = inside.split_once(')')?;
    let numbers = inside.split(',').map(|number| number.trim().parse::<u8>().ok());
    Some((numbers.collect::<Option<Vec<u8>>>()?, rest.trim()))
}

fn unsigned(text: &str, rest: &str) -> Result<bool, Problem> {
    match rest {
        "" | "signed" => Ok(false),
        "unsigned" => Ok(true),
        word => Err(unknown(text, near(word, ["unsigned"].into_iter()))),
    }
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
        let read = |text| KeyType::read(text).map(|kind| kind.to_string());
        for (text, shown) in [
            ("bigint unsigned", "bigint unsigned"),
            ("BIGINT(20) UNSIGNED", "bigint unsigned"),
            ("int(11)", "int"),
            ("integer signed", "int"),
            ("decimal", "decimal(10,0)"),
            ("NUMERIC(12, 2) unsigned", "decimal(12,2) unsigned"),
            ("dec(38)", "decimal(38,0)"),
            ("Date", "date"),
            ("datetime", "datetime"),
            ("datetime(6)", "datetime(6)"),
            ("timestamp(3)", "timestamp(3) in UTC"),
        ] {
            assert_eq!(read(text), Ok(shown.into()), "{text}");
        }
        assert_eq!(read("bigint unsinged"), Err(unknown("bigint unsinged", Some("unsigned"))));
        assert_eq!(read("bigin"), Err(unknown("bigin", Some("bigint"))));
        for text in [
            "int(999)",
            "int(1",
            "int(1,2)",
            "decimal(5,6)",
            "decimal(66,0)",
            "decimal(0,1)",
            "datetime(7)",
            "datetime(6) unsigned",
            "timestamp(1,2)",
        ] {
            assert_eq!(read(text), Err(unknown(text, None)), "{text}");
        }
        assert_eq!(read("decimal(39,2)"), Err(Problem::NotYet(Feature::WideDecimal)));
        assert_eq!(read("varchar(20)"), Err(Problem::NotYet(Feature::KeyType("varchar(20)".into()))));
    }

    #[test]
    fn bounds_are_read_by_the_type() {
        let shown = |kind: &str, text: &str| {
            let kind = KeyType::read(kind).expect("a type");
            kind.bound(text).map(|value| kind.shown(crate::shard_map::Key::Number(value))).ok()
        };
        for (kind, text, expected) in [
            ("decimal(5,2)", "-1.5", "-1.50"),
            ("decimal(5,2)", "100", "100.00"),
            ("date", "2026-07-01", "2026-07-01"),
            ("datetime", "2026-07-01", "2026-07-01 00:00:00"),
            ("datetime(3)", "2026-07-01 12:00:00.5", "2026-07-01 12:00:00.500"),
            ("timestamp", "2026-07-01 12:00:00", "2026-07-01 12:00:00"),
        ] {
            assert_eq!(shown(kind, text).as_deref(), Some(expected), "{kind} {text}");
        }
        for (kind, text) in [
            ("decimal(5,2)", "1.555"),
            ("decimal(5,2)", "1000"),
            ("decimal(5,2)", "01"),
            ("decimal(5,2)", ".5"),
            ("decimal(5,2)", "-0"),
            ("date", "2026-02-30"),
            ("date", "2026-07-01 00:00:00"),
            ("datetime", "2026-07-01 12:00:00.5"),
            ("datetime", "1 July 2026"),
        ] {
            assert_eq!(shown(kind, text), None, "{kind} {text}");
        }
    }
}
