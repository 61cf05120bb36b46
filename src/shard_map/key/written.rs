//! Key types and bounds as a map writes them.

use super::calendar::{self, Date, FRACTION_DIGITS_MAX};
use super::decimal::{self, DecimalType, NotExact};
use super::{IntegerType, Key, KeyType, TextType, Zone};
use crate::shard_map::collation::{COLLATIONS, Collation, trimmed};
use crate::shard_map::document::{self, near};
use crate::shard_map::problem::{Feature, Problem};

/// The types that a key can have, for "did you mean".
pub(in crate::shard_map) const NAMES: &[&str] = &[
    "tinyint",
    "smallint",
    "mediumint",
    "int",
    "bigint",
    "decimal",
    "date",
    "datetime",
    "timestamp",
    "varchar",
    "char",
    "varbinary",
    "binary",
];

/// Types that CREATE TABLE knows and a key cannot have yet.
const OTHER_TYPES: &[&str] = &[
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
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

/// A key of the map, in the form that splits compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shard_map) enum Bound {
    Number(i128),
    Text(Box<[u8]>),
}

impl Bound {
    pub fn key(&self) -> Key<'_> {
        match self {
            Bound::Number(number) => Key::Number(*number),
            Bound::Text(bytes) => Key::Text(bytes),
        }
    }
}

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
        if let Some(name) = ["varchar", "char", "varbinary", "binary"].into_iter().find(|text| *text == name) {
            return text_type(text, name, rest);
        }
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

    /// Reads a type as [`KeyType::read`] with what may stand behind it, `default current_timestamp`; whether that does.
    pub(in crate::shard_map) fn read_with_default(text: &str) -> Result<(KeyType, bool), Problem> {
        let lower = text.to_ascii_lowercase();
        let Some((before, default)) = lower.split_once(" default ") else {
            return KeyType::read(text).map(|kind| (kind, false));
        };
        let kind = KeyType::read(before.trim_end())?;
        let of_time = |digits: u8| match default.trim().strip_prefix("current_timestamp") {
            Some("" | "()") => digits == 0,
            Some(behind) => matches!(arguments(behind), Some((arguments, "")) if arguments == [digits]),
            None => false,
        };
        match kind {
            KeyType::DateTime { digits } | KeyType::Timestamp { digits, .. } if of_time(digits) => Ok((kind, true)),
            _ => Err(Problem::BadDefault { text: default.trim().into(), kind }),
        }
    }

    /// A bound or a listed key of the map, in the form that splits compare.
    pub(in crate::shard_map) fn bound(self, text: &str) -> Result<Bound, Problem> {
        if let KeyType::Text(kind) = self {
            let fault = || Problem::BoundNotOfType { text: text.into(), kind: self };
            let normal = kind.normal(text.as_bytes()).map_err(|_| fault())?;
            // Below a blank the order of padded texts is not that of their bytes.
            let ascends = !kind.is_padded() || !kind.is_ordered() || normal.iter().all(|byte| *byte >= b' ');
            let given = if kind.is_padded() { trimmed(text.as_bytes()) } else { text.as_bytes() };
            let sound = kind.holds(given) && ascends;
            return if sound { Ok(Bound::Text(normal.into())) } else { Err(fault()) };
        }
        self.number(text).map(Bound::Number)
    }

    fn number(self, text: &str) -> Result<i128, Problem> {
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
            KeyType::Text(_) => None,
        };
        value.ok_or_else(|| Problem::BoundNotOfType { text: text.into(), kind: self })
    }
}

/// `varchar(64) character set utf8mb4 collate utf8mb4_bin`: the collation decides, and is always written.
fn text_type(text: &str, name: &'static str, rest: &str) -> Result<KeyType, Problem> {
    let inside = rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let length = inside.and_then(|(length, _)| length.trim().parse::<u16>().ok()).filter(|length| *length > 0);
    let (Some(length), Some((_, rest))) = (length, inside) else {
        return Err(Problem::NoLength { name });
    };
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let is_binary = name.ends_with("binary");
    let behind_charset = match words[..] {
        ["character", "set", _, ..] => 3,
        ["charset", _, ..] => 2,
        _ => 0,
    };
    let collation = match words[behind_charset..] {
        [] if is_binary && behind_charset == 0 => None,
        [] if !is_binary => return Err(Problem::NoCollation),
        ["collate", collation] if !is_binary => Some(collation),
        _ => return Err(unknown(text, None)),
    };
    let known = |collation: &str| {
        // Two spellings of the servers.
        let name = match collation.strip_prefix("utf8_") {
            Some(rest) => format!("utf8mb3_{rest}"),
            None if collation.starts_with("uca1400") => format!("utf8mb4_{collation}"),
            None => collation.to_owned(),
        };
        Collation::named(&name).ok_or_else(|| Problem::UnknownCollation {
            near: near(&name, COLLATIONS.iter().map(|known| known.name)),
            name: name.into(),
        })
    };
    let collation = collation.map(known).transpose()?;
    let charset = collation.map(|collation| collation.name.split('_').next().unwrap_or_default());
    let stated = behind_charset.checked_sub(1).map(|at| if words[at] == "utf8" { "utf8mb3" } else { words[at] });
    if stated.is_some() && stated != charset {
        return Err(unknown(text, None));
    }
    Ok(KeyType::Text(TextType { name, length, collation }))
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
    fn the_time_is_the_one_default() {
        let read = |text| KeyType::read_with_default(text).map(|(kind, is_now)| (kind.to_string(), is_now));
        for (text, shown, is_now) in [
            ("datetime", "datetime", false),
            ("datetime default current_timestamp", "datetime", true),
            ("DATETIME  DEFAULT  CURRENT_TIMESTAMP()", "datetime", true),
            ("timestamp(3) default current_timestamp(3)", "timestamp(3) in UTC", true),
        ] {
            assert_eq!(read(text), Ok((shown.into(), is_now)), "{text}");
        }
        for text in [
            "datetime default now()",
            "datetime(3) default current_timestamp",
            "datetime default current_timestamp(3)",
            "datetime default '2026-07-01'",
            "datetime default current_timestamp on update current_timestamp",
            "date default current_timestamp",
            "int default 5",
        ] {
            assert!(matches!(read(text), Err(Problem::BadDefault { .. })), "{text}: {:?}", read(text));
        }
        assert!(matches!(read("datum default current_timestamp"), Err(Problem::UnknownKeyType { .. })));
    }

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
        assert_eq!(read("year"), Err(Problem::NotYet(Feature::KeyType("year".into()))));
    }

    #[test]
    fn texts_have_a_length_and_a_collation() {
        let read = |text| KeyType::read(text).map(|kind| kind.to_string());
        for (text, shown) in [
            ("varchar(64) collate utf8mb4_bin", "varchar(64) collate utf8mb4_bin"),
            ("CHAR(2) CHARACTER SET ascii COLLATE ascii_general_ci", "char(2) collate ascii_general_ci"),
            ("varchar(64) charset utf8mb4 collate uca1400_ai_ci", "varchar(64) collate utf8mb4_uca1400_ai_ci"),
            ("varchar(9) charset utf8 collate utf8_bin", "varchar(9) collate utf8mb3_bin"),
            ("varbinary(16)", "varbinary(16)"),
            ("binary(16)", "binary(16)"),
        ] {
            assert_eq!(read(text), Ok(shown.into()), "{text}");
        }
        assert_eq!(read("varchar collate utf8mb4_bin"), Err(Problem::NoLength { name: "varchar" }));
        assert_eq!(read("varchar(64)"), Err(Problem::NoCollation));
        assert_eq!(read("varchar(64) charset utf8mb4"), Err(Problem::NoCollation));
        let unknown_collation = Problem::UnknownCollation { name: "utf8mb4_bim".into(), near: Some("utf8mb4_bin") };
        assert_eq!(read("varchar(64) collate utf8mb4_bim"), Err(unknown_collation));
        for text in
            ["varbinary(16) collate utf8mb4_bin", "varchar(6) charset ascii collate utf8mb4_bin", "char(2) binary"]
        {
            assert_eq!(read(text), Err(unknown(text, None)), "{text}");
        }
    }

    #[test]
    fn bounds_are_read_by_the_type() {
        let shown = |kind: &str, text: &str| {
            let kind = KeyType::read(kind).expect("a type");
            kind.bound(text).map(|bound| kind.shown(bound.key())).ok()
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
