//! Everything that can be wrong with a shard map, in one table of words.

use std::fmt;

use super::KeyType;
use super::document::{self, Explain, Shape, Short, Words};

/// One thing that is wrong with a map, with its position.
pub type Fault = document::Fault<Problem>;

pub(super) type Faults = document::Faults<Problem>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    Shape(Shape),
    /// Part of the grammar, not served by this version.
    NotYet(Feature),
    WrongVersion {
        text: Box<str>,
    },
    /// `near` is the known name that was probably meant.
    UnknownName {
        thing: Thing,
        name: Box<str>,
        near: Option<Box<str>>,
    },
    BadName {
        thing: Thing,
        name: Box<str>,
    },
    DuplicateName {
        thing: Thing,
        name: Box<str>,
    },
    /// A shard called `refuse` could not be told from the word.
    ReservedName {
        name: Box<str>,
    },
    TooMany {
        thing: Thing,
        count: usize,
        count_max: usize,
    },
    MemberWithoutPort {
        at: Box<str>,
    },
    AddressTwice {
        at: Box<str>,
        first_line: u32,
    },
    FieldsConflict {
        field: &'static str,
        other: &'static str,
    },
    /// A mapping that says nothing about where the rows are.
    NoPlace,
    /// `as` is not the name of a database and of a table in it.
    BadPhysical {
        text: Box<str>,
    },
    /// A table that is another one on their servers.
    SamePhysical {
        other: Box<str>,
    },
    /// `from` names a shard that is not among `everywhere`.
    FromWithoutCopy,
    UnknownKeyType {
        text: Box<str>,
        near: Option<&'static str>,
    },
    /// A text type without the characters or bytes it holds.
    NoLength {
        name: &'static str,
    },
    /// A text type without the collation that says which texts are one key.
    NoCollation,
    UnknownCollation {
        name: Box<str>,
        near: Option<&'static str>,
    },
    /// Ranges over a collation whose order is not that of bytes.
    UnorderedRange {
        kind: KeyType,
    },
    /// A key that stands in the list already, as its type compares.
    ListedTwice {
        key: Box<str>,
        first_line: u32,
    },
    /// `range` over buckets does not begin with bucket 0.
    FirstNotZero,
    UnknownHash {
        name: Box<str>,
    },
    /// `{price: decimal(10,2)}`: to YAML the comma ends the type.
    TypeCut,
    /// `zone` is neither UTC nor a fixed offset.
    BadZone {
        text: Box<str>,
    },
    /// A default of a key that is not the time, or not to the column's digits.
    BadDefault {
        text: Box<str>,
        kind: KeyType,
    },
    /// Bounds of a timestamp key without a zone to read them in.
    NoZone,
    /// `zone` beside a key whose values have none.
    ZoneWithoutEffect {
        kind: KeyType,
    },
    /// No value of the key's type, or not in the spelling that is read.
    BoundNotOfType {
        text: Box<str>,
        kind: KeyType,
    },
    BoundOutOfType {
        text: Box<str>,
        kind: KeyType,
    },
    BoundsDisorder {
        value: Box<str>,
        before: Box<str>,
    },
    /// A bound or a listed key has not as many values as the key has columns.
    TupleOfOther {
        count: usize,
        key: Box<str>,
    },
    /// `[MIN, 5]`
    ValueBehindMin,
    MinNotFirst,
    FirstNotMin,
    BelowBesideMin,
    WithNamesWith {
        table: Box<str>,
    },
    /// The table that `with` names is whole on one shard.
    WithUnsplit {
        table: Box<str>,
    },
    /// The keys of two tables that are split alike are of two types.
    WithOtherType {
        table: Box<str>,
        kind: Box<str>,
    },
    /// `base` is not the hash of a map's ownership.
    BadBase {
        text: Box<str>,
    },
    /// An entry of `accept` that stands there already.
    AcceptedTwice,
    /// Two shards of one group would hold the same physical table.
    SamePlace {
        table: Box<str>,
        shards: [Box<str>; 2],
        group: Box<str>,
    },
}

/// The kinds of things that a map names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    Region,
    Group,
    Member,
    Shard,
    Database,
    Table,
    Column,
    Accept,
}

/// What the grammar has and this version has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feature {
    /// A key of a type that CREATE TABLE knows.
    KeyType(Box<str>),
    /// A decimal key of more digits than are compared.
    WideDecimal,
    /// `database:` on a shard.
    PhysicalDatabase,
    /// `transactions:` other than `single_shard`.
    Transactions,
    /// `period:`, `keep:`, `ahead:`, and `table:` with them.
    Periods,
    /// `home:`.
    Homes,
    /// `ids:`.
    Ids,
}

impl From<Shape> for Problem {
    fn from(shape: Shape) -> Problem {
        Problem::Shape(shape)
    }
}

impl Explain for Problem {
    fn problem(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Shape(shape) => shape.problem(f),
            Problem::NotYet(feature) => write!(f, "not yet: {}", feature.name()),
            Problem::WrongVersion { text } => write!(f, "unknown version {}", Short(text)),
            Problem::UnknownName { thing, name, .. } => {
                write!(f, "unknown {thing} {}", Short(name))
            }
            Problem::BadName { thing, name } => {
                write!(f, "{} cannot name a {thing}", Short(name))
            }
            Problem::DuplicateName { thing, name } => {
                write!(f, "{thing} {} is written twice", Short(name))
            }
            Problem::ReservedName { name } => {
                write!(f, "`{name}` is a word of the grammar, not a name")
            }
            Problem::TooMany { thing, count, .. } => write!(f, "{count} {thing}s"),
            Problem::MemberWithoutPort { at } => {
                write!(f, "{} is not an address with a port", Short(at))
            }
            Problem::AddressTwice { at, .. } => {
                write!(f, "the address {} is written twice", Short(at))
            }
            Problem::FieldsConflict { field, other } => {
                write!(f, "`{field}` beside `{other}`")
            }
            Problem::NoPlace => f.write_str("the table has no place"),
            Problem::BadPhysical { text } => {
                write!(f, "{} is not the name of a database and a table in it", Short(text))
            }
            Problem::SamePhysical { other } => write!(f, "this is {} on its servers", Short(other)),
            Problem::FromWithoutCopy => f.write_str("the shard that decides has no copy"),
            Problem::UnknownKeyType { text, .. } => {
                write!(f, "unknown key type {}", Short(text))
            }
            Problem::NoLength { name } => write!(f, "the type {name} lacks its length"),
            Problem::NoCollation => f.write_str("the type lacks its collation, which decides which texts are one key"),
            Problem::UnknownCollation { name, .. } => write!(f, "no keys of collation {} yet", Short(name)),
            Problem::UnorderedRange { kind } => write!(f, "ranges of {kind}, whose order only its servers know"),
            Problem::ListedTwice { key, .. } => write!(f, "the key {key} is listed twice"),
            Problem::FirstNotZero => f.write_str("the first range does not begin with bucket 0"),
            Problem::UnknownHash { name } => write!(f, "unknown hash function {}", Short(name)),
            Problem::TypeCut => f.write_str("the comma of the type ends it, as YAML reads it"),
            Problem::BadZone { text } => write!(f, "the zone {} is neither UTC nor a fixed offset", Short(text)),
            Problem::BadDefault { text, kind } => {
                write!(f, "the default {} of a key of type {kind} is not known", Short(text))
            }
            Problem::NoZone => f.write_str("the bounds of a timestamp key need a zone"),
            Problem::ZoneWithoutEffect { kind } => write!(f, "`zone` has no effect, a key of type {kind} has none"),
            Problem::BoundNotOfType { text, kind } => {
                write!(f, "the bound {} is not {}", Short(text), noun(*kind))
            }
            Problem::BoundOutOfType { text, kind } => {
                write!(f, "the bound {text} is outside {kind}")
            }
            Problem::BoundsDisorder { value, before } => {
                write!(f, "the bound {value} is not above the one before, {before}")
            }
            Problem::TupleOfOther { count, key } => match count {
                1 => write!(f, "1 value for a key of {key}"),
                count => write!(f, "{count} values for a key of {key}"),
            },
            Problem::ValueBehindMin => f.write_str("a value behind MIN"),
            Problem::MinNotFirst => f.write_str("MIN is not the first bound"),
            Problem::FirstNotMin => f.write_str("keys below the first bound have no home"),
            Problem::BelowBesideMin => f.write_str("`below` has no effect, the first bound is MIN"),
            Problem::WithNamesWith { table } => {
                write!(f, "{} itself follows another table", Short(table))
            }
            Problem::WithUnsplit { table } => write!(f, "{} is not split", Short(table)),
            Problem::WithOtherType { table, kind } => {
                write!(f, "the key is of another type than that of {}, {kind}", Short(table))
            }
            Problem::BadBase { text } => write!(f, "{} is not the hash of a map's ownership", Short(text)),
            Problem::AcceptedTwice => f.write_str("the change is accepted already"),
            Problem::SamePlace { table, shards: [a, b], group } => {
                let (table, a, b, group) = (Short(table), Short(a), Short(b), Short(group));
                write!(f, "{table} would be one table for shards {a} and {b}, both on group {group}")
            }
        }
    }

    fn remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Shape(shape) => shape.remedy(f),
            Problem::NotYet(feature) => f.write_str(feature.instead()),
            Problem::WrongVersion { .. } => f.write_str("write `version: 1`"),
            Problem::UnknownName { thing, near, .. } => match near {
                Some(near) => write!(f, "did you mean {}?", Short(near)),
                None => write!(f, "{}", thing.declared()),
            },
            Problem::BadName { .. } => {
                f.write_str("write 1 to 64 characters without control characters or outer spaces")
            }
            Problem::DuplicateName { .. } => f.write_str("remove one"),
            Problem::ReservedName { .. } => f.write_str("choose another name"),
            Problem::TooMany { thing: Thing::Column, count_max, .. } => write!(f, "a key has at most {count_max}"),
            Problem::TooMany { thing, count_max, .. } => write!(f, "a map holds at most {count_max} {thing}s"),
            Problem::MemberWithoutPort { .. } => f.write_str("write `host:port`, as `orders-0.orders:3306`"),
            Problem::AddressTwice { first_line, .. } => {
                write!(f, "one server is one member, see line {first_line}")
            }
            Problem::FieldsConflict { .. } => f.write_str("keep one of the two"),
            Problem::NoPlace => f.write_str("write a shard's name, `on: SHARD`, or `key` and `range`"),
            Problem::BadPhysical { .. } => f.write_str("write `as: \"database.table\"`, both of ASCII"),
            Problem::SamePhysical { .. } => f.write_str("give each table a name of its own"),
            Problem::FromWithoutCopy => f.write_str("name one of `everywhere`, or add it there"),
            Problem::UnknownKeyType { near, .. } => match near {
                Some(near) => write!(f, "did you mean `{near}`?"),
                None => write!(f, "write {}; numbers `unsigned` or not", Words(super::key::NAMES)),
            },
            Problem::NoLength { name } => write!(f, "write {name}(N)"),
            Problem::NoCollation => {
                f.write_str("write it as SHOW CREATE TABLE has it, as `varchar(64) collate utf8mb4_bin`")
            }
            Problem::UnknownCollation { near, .. } => match near {
                Some(near) => write!(f, "did you mean `{near}`?"),
                None => f.write_str("write one of docs/keys.md, as `utf8mb4_bin`"),
            },
            Problem::UnorderedRange { .. } => {
                f.write_str("split by `hash` or `list`, or give the column a _bin collation")
            }
            Problem::ListedTwice { first_line, .. } => write!(f, "remove this one or the one in line {first_line}"),
            Problem::FirstNotZero => f.write_str("begin with `{from: 0, on: SHARD}`"),
            Problem::UnknownHash { .. } => f.write_str("write `crc32/1`"),
            Problem::TypeCut => f.write_str("write it in quotes, as `{price: \"decimal(10,2)\"}`"),
            Problem::BadZone { .. } => f.write_str("write `zone: UTC`, or an offset as `zone: \"+02:00\"`"),
            Problem::BadDefault { .. } => f.write_str(
                "of a datetime or timestamp write `default current_timestamp`, with the column's digits, as \
                 `{at: \"datetime(6) default current_timestamp(6)\"}`; remove others, keys are given then",
            ),
            Problem::NoZone => f.write_str("write `zone: UTC`, or an offset as `zone: \"+02:00\"`, beside `key`"),
            Problem::ZoneWithoutEffect { .. } => f.write_str("remove it"),
            Problem::BoundNotOfType { kind, .. } => bound_of(*kind, f),
            Problem::BoundOutOfType { kind, .. } => match kind {
                KeyType::Integer(integer) => write!(f, "it holds {} to {}", integer.min(), integer.max()),
                KeyType::Decimal(decimal) => {
                    let digits = decimal.precision - decimal.scale;
                    let sign = if decimal.unsigned { "no sign and " } else { "" };
                    write!(f, "it holds {sign}at most {digits} digits before the point")
                }
                _ => bound_of(*kind, f),
            },
            Problem::BoundsDisorder { .. } => f.write_str("write lower bounds in ascending order"),
            Problem::TupleOfOther { .. } => f.write_str("write one for each column, in the order of `key`"),
            Problem::ValueBehindMin => f.write_str("give the columns in front of it a value, or leave it out"),
            Problem::MinNotFirst => f.write_str("move it to the beginning of the list"),
            Problem::FirstNotMin => f.write_str("begin with `{from: MIN, on: SHARD}` or add `below: refuse`"),
            Problem::BelowBesideMin => f.write_str("remove `below`"),
            Problem::WithNamesWith { .. } => f.write_str("name the table that has the split"),
            Problem::WithUnsplit { .. } => f.write_str("write the shard itself, or name a table with a `key`"),
            Problem::WithOtherType { .. } => f.write_str("write that type, or a split of its own"),
            Problem::BadBase { .. } => f.write_str("copy it as `meridian diff` prints it"),
            Problem::AcceptedTwice => f.write_str("remove one of the two"),
            Problem::SamePlace { .. } => f.write_str("put the shards on two groups"),
        }
    }
}

fn noun(kind: KeyType) -> &'static str {
    match kind {
        KeyType::Integer(_) => "an integer",
        KeyType::Decimal(_) => "a decimal of the key's scale",
        KeyType::Date => "a date",
        KeyType::DateTime { .. } | KeyType::Timestamp { .. } => "a point in time of the key's type",
        KeyType::Text(_) => "a text of the key's type",
    }
}

/// How a bound of the type is written.
fn bound_of(kind: KeyType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match kind {
        KeyType::Text(text) if text.is_ordered() && text.collation.is_none() => {
            write!(f, "write MIN or text of the length of {kind}")
        }
        KeyType::Text(text) if text.is_ordered() => {
            write!(f, "write MIN or text that {kind} holds, without control characters")
        }
        KeyType::Text(_) => write!(f, "write text that {kind} holds"),
        KeyType::Integer(_) => f.write_str("write MIN or decimal digits without leading zeros"),
        KeyType::Decimal(decimal) => {
            write!(f, "write MIN or digits without leading zeros, with at most {} behind the point", decimal.scale)
        }
        KeyType::Date => f.write_str("write MIN or a date, as `2026-07-01`, of the years 1000 to 9999"),
        KeyType::DateTime { digits } | KeyType::Timestamp { digits, .. } => {
            f.write_str("write MIN, or `2026-07-01 12:00:00` or `2026-07-01`, of the years 1000 to 9999")?;
            match digits {
                0 => f.write_str(", without a fraction"),
                digits => write!(f, ", with at most {digits} digits of a fraction"),
            }
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Thing::Region => "region",
            Thing::Group => "group",
            Thing::Member => "member",
            Thing::Shard => "shard",
            Thing::Database => "database",
            Thing::Table => "table",
            Thing::Column => "column",
            Thing::Accept => "accepted change",
        })
    }
}

impl Thing {
    /// Where a name of this kind has to be declared.
    fn declared(self) -> &'static str {
        match self {
            Thing::Region => "list it under `regions`",
            Thing::Group => "declare it under `groups`",
            Thing::Member => "declare it under `members`",
            Thing::Shard => "declare it under `shards`",
            Thing::Database => "declare it under `databases`",
            Thing::Table => "declare it under `tables`",
            Thing::Column => "declare it under `key`",
            Thing::Accept => "declare it under `accept`",
        }
    }
}

impl Feature {
    fn name(&self) -> &'static str {
        match self {
            Feature::KeyType(_) => "a key of this type",
            Feature::WideDecimal => "a decimal key of more than 38 digits",
            Feature::PhysicalDatabase => "a physical name (`database`) of a shard",
            Feature::Transactions => "transactions that write several shards",
            Feature::Periods => "physical tables per period",
            Feature::Homes => "home regions (`home`)",
            Feature::Ids => "ids made by the proxy (`ids`)",
        }
    }

    /// What can be written today.
    fn instead(&self) -> &'static str {
        match self {
            Feature::KeyType(_) => "write an integer, decimal, date, datetime, timestamp, char, varchar or binary type",
            Feature::WideDecimal => "write `decimal(38,...)` or fewer digits",
            Feature::PhysicalDatabase => "give it the same name on every server and remove this",
            Feature::Transactions => "write `single_shard`",
            Feature::Periods | Feature::Homes | Feature::Ids => "remove it",
        }
    }
}
