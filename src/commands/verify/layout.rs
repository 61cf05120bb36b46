//! What a server says of a table: the columns by which it is read in order, and how their values are written.

use crate::shard_map::{KeyColumn, TableKey};
use crate::wire::result_set::TextRows;

/// How the values of a column are asked for, and written as literals that compare as the column orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Digits.
    Number,
    /// Text without anything to escape: dates, times, UUIDs, addresses.
    Quoted,
    /// Ordered by a number behind it: ENUM, SET, BIT.
    Index,
    /// Hexadecimal digits of the column's own bytes; `None` is a binary string.
    Bytes { charset: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub form: Form,
    /// Bytes that a value takes in a reply, at most.
    pub width: u64,
}

/// How a table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The primary key; where there is none, the sharding key's columns, whose values are read with the number of their rows.
    pub by: Vec<Column>,
    pub is_primary: bool,
    /// The columns of the sharding key in order; a table that is not split has none.
    pub key: Vec<Column>,
    /// The index that has them in order.
    pub index: String,
}

/// Why a table is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    NoKeyColumn {
        key: String,
    },
    OtherType {
        key: String,
        declared: String,
        found: String,
    },
    /// Neither a primary key nor an index that begins with the sharding key.
    NoOrder {
        key: Option<String>,
    },
    /// A column of the primary key whose text is not its value.
    Column {
        column: String,
        kind: String,
    },
    /// An answer in a form that no server of these families has.
    Answer,
}

/// What a column is declared as: its name and, where it has one, its collation.
struct Described {
    name: String,
    kind: String,
    collation: Option<String>,
}

impl Layout {
    /// From the answers to `SHOW FULL COLUMNS` and `SHOW INDEX`.
    pub fn of(key: Option<&TableKey>, columns: &TextRows, indexes: &TextRows) -> Result<Layout, Unreadable> {
        let columns = described(columns).ok_or(Unreadable::Answer)?;
        let find = |name: &str| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let column = |key: &KeyColumn| {
            let found = find(&key.name).ok_or_else(|| Unreadable::NoKeyColumn { key: key.name.clone() })?;
            if class(&key.kind.to_string()) != class(&found.kind) {
                let (declared, found) = (key.kind.to_string(), found.kind.clone());
                return Err(Unreadable::OtherType { key: key.name.clone(), declared, found });
            }
            found.column()
        };
        let name = key.map(TableKey::name);
        let key: Vec<Column> = key.into_iter().flat_map(TableKey::columns).map(column).collect::<Result<_, _>>()?;
        let indexes = index_columns(indexes).ok_or(Unreadable::Answer)?;
        let primary: Vec<_> = indexes.iter().filter(|one| one.index == "PRIMARY").collect();
        if !primary.is_empty() {
            let by = primary.iter().map(|one| find(&one.column).ok_or(Unreadable::Answer)?.column());
            let by = by.collect::<Result<_, _>>()?;
            return Ok(Layout { by, is_primary: true, key, index: "PRIMARY".into() });
        }
        // Its first columns are the key's, in order.
        let begins = |index: &&IndexColumn| {
            let columns: Vec<&IndexColumn> =
                indexes.iter().filter(|one| one.index == index.index).take(key.len()).collect();
            let same =
                |(one, column): (&&IndexColumn, &Column)| one.orders && one.column.eq_ignore_ascii_case(&column.name);
            !key.is_empty() && columns.len() == key.len() && columns[0].is_first && columns.iter().zip(&key).all(same)
        };
        match indexes.iter().find(begins).map(|one| one.index.clone()) {
            Some(index) => Ok(Layout { by: key.clone(), is_primary: false, key, index }),
            None => Err(Unreadable::NoOrder { key: name }),
        }
    }

    /// Bytes of a row of the answers, at most.
    pub fn width(&self) -> u64 {
        self.by.iter().chain(&self.key).map(|column| column.width).sum()
    }
}

impl Described {
    fn column(&self) -> Result<Column, Unreadable> {
        let unreadable = || Unreadable::Column { column: self.name.clone(), kind: self.kind.clone() };
        let (form, width) = form(&self.kind, self.collation.as_deref()).ok_or_else(unreadable)?;
        Ok(Column { name: self.name.clone(), form, width })
    }
}

/// The name of a type without its arguments; one for all integers. Which of a column's values fit the map's type is asked
/// of each.
fn class(kind: &str) -> String {
    let end = kind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(kind.len());
    let name = kind[..end].to_ascii_lowercase();
    match name.strip_suffix("int") {
        Some("tiny" | "small" | "medium" | "" | "big") => "int".into(),
        _ => name,
    }
}

/// Bytes of a number, a date or the like as text, at most.
const SHORT: u64 = 80;

/// Characters of utf8mb4, and two digits for each byte.
const HEX_OF_CHARACTER: u64 = 8;

/// `None` for floats, whose text is not their value, and for types that are no keys.
fn form(kind: &str, collation: Option<&str>) -> Option<(Form, u64)> {
    let lower = kind.to_ascii_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(lower.len());
    let (name, rest) = lower.split_at(end);
    let length: u64 = match name {
        "tinytext" | "tinyblob" => 255,
        "text" | "blob" => 1 << 16,
        "mediumtext" | "mediumblob" | "longtext" | "longblob" => 1 << 24,
        _ => rest.trim_start_matches('(').split(')').next().and_then(|digits| digits.parse().ok()).unwrap_or(1),
    };
    Some(match name {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" => (Form::Number, SHORT),
        "date" | "datetime" | "timestamp" | "time" | "uuid" | "inet4" | "inet6" => (Form::Quoted, SHORT),
        "enum" | "set" | "bit" => (Form::Index, SHORT),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            (Form::Bytes { charset: None }, 2 * length)
        }
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            let charset = collation?.split('_').next()?.to_owned();
            if !charset.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            (Form::Bytes { charset: Some(charset) }, HEX_OF_CHARACTER * length)
        }
        _ => return None,
    })
}

struct IndexColumn {
    index: String,
    column: String,
    is_first: bool,
    /// Whether it has the whole column in order: no prefix, no hash.
    orders: bool,
}

/// The columns of all indexes, in order; parts that are expressions are left out.
fn index_columns(answer: &TextRows) -> Option<Vec<IndexColumn>> {
    let [index, sequence, column, prefix, kind] =
        ["Key_name", "Seq_in_index", "Column_name", "Sub_part", "Index_type"].map(|name| position(answer, name));
    let (index, sequence, column, prefix, kind) = (index?, sequence?, column?, prefix?, kind?);
    let mut found = Vec::new();
    for row in &answer.rows {
        let Some(name) = text(row, column) else { continue };
        found.push(IndexColumn {
            index: text(row, index)?,
            column: name,
            is_first: text(row, sequence)? == "1",
            orders: text(row, prefix).is_none() && text(row, kind)? == "BTREE",
        });
    }
    Some(found)
}

fn described(answer: &TextRows) -> Option<Vec<Described>> {
    let (name, kind, collation) =
        (position(answer, "Field")?, position(answer, "Type")?, position(answer, "Collation")?);
    let described = |row: &Vec<Option<Vec<u8>>>| {
        Some(Described { name: text(row, name)?, kind: text(row, kind)?, collation: text(row, collation) })
    };
    answer.rows.iter().map(described).collect()
}

fn position(answer: &TextRows, name: &str) -> Option<usize> {
    answer.columns.iter().position(|column| column.eq_ignore_ascii_case(name.as_bytes()))
}

fn text(row: &[Option<Vec<u8>>], index: usize) -> Option<String> {
    String::from_utf8(row.get(index)?.clone()?).ok()
}
