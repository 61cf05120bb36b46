//! The packets in front of the rows of a result set: collected whole, numbered anew, compared with those of another
//! server.
//!
//! Invariant: at most [`BYTES_MAX`] are held of one result.

use super::Malformed;
use super::lenenc::Reader;
use super::packet::{self, HEADER_LEN};

/// More than 4096 columns with the longest names take.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Flags that say how a value is read. Those about keys and defaults are left out: an index may be added to one server
/// before the next. So is NOT_NULL: of an outer join a server says it by what rows it found while it planned (MariaDB).
const FLAGS_OF_VALUES: u16 = BLOB | UNSIGNED | ZEROFILL | BINARY | ENUM | TIMESTAMP | SET;

const BLOB: u16 = 16;
const UNSIGNED: u16 = 32;
const ZEROFILL: u16 = 64;
const BINARY: u16 = 128;
const ENUM: u16 = 256;
const TIMESTAMP: u16 = 1024;
const SET: u16 = 2048;

/// The number of columns, their definitions and, in the old form of replies, an EOF.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    bytes: Vec<u8>,
    /// Packets that are still to come; unknown before the first.
    left: Option<usize>,
}

/// The first way in which two results do not have the same columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Count(usize, usize),
    /// `number` counts from 1.
    Column {
        number: usize,
        name: Vec<u8>,
        what: &'static str,
    },
}

impl Definitions {
    /// Adds the next packet, header included; it must be whole, and of a result set.
    pub fn push(&mut self, packet: &[u8], deprecate_eof: bool) -> Result<(), Malformed> {
        if self.bytes.len() + packet.len() > BYTES_MAX {
            return Err(Malformed::new("definitions of columns over 16 MiB"));
        }
        self.left = Some(match self.left {
            Some(left) => left.checked_sub(1).ok_or(Malformed::new("more definitions than columns"))?,
            None => {
                let payload = packet.get(HEADER_LEN..).unwrap_or_default();
                let count = usize::try_from(Reader::new(payload).lenenc()?);
                count.map_err(|_| Malformed::new("number of columns"))?.saturating_add(usize::from(!deprecate_eof))
            }
        });
        self.bytes.extend_from_slice(packet);
        Ok(())
    }

    /// Whether rows come next.
    pub fn are_complete(&self) -> bool {
        self.left == Some(0)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the packets consecutive sequence ids; `sequence` is the first and becomes the next free one.
    pub fn renumber(&mut self, sequence: &mut u8) {
        let mut at = 0;
        while let Some(header) = packet::header(&self.bytes[at..]) {
            self.bytes[at + HEADER_LEN - 1] = *sequence;
            *sequence = sequence.wrapping_add(1);
            at += HEADER_LEN + header.len;
        }
    }

    /// How the columns of `other` differ from these, for whoever reads the values.
    pub fn difference(&self, other: &Definitions, deprecate_eof: bool) -> Result<Option<Difference>, Malformed> {
        let (ours, theirs) = (self.columns(deprecate_eof)?, other.columns(deprecate_eof)?);
        if ours.len() != theirs.len() {
            return Ok(Some(Difference::Count(ours.len(), theirs.len())));
        }
        let differing = ours.iter().zip(&theirs).enumerate().find_map(|(index, (one, two))| {
            let what = one.differs_in(two)?;
            Some(Difference::Column { number: index + 1, name: one.name.to_vec(), what })
        });
        Ok(differing)
    }

    fn columns(&self, deprecate_eof: bool) -> Result<Vec<Definition<'_>>, Malformed> {
        let mut payloads = Vec::new();
        let mut rest = self.bytes.as_slice();
        while let Some(header) = packet::header(rest) {
            let end = HEADER_LEN + header.len;
            payloads.push(rest.get(HEADER_LEN..end).ok_or(Malformed::new("definition of a column"))?);
            rest = &rest[end..];
        }
        let definitions = payloads.len().saturating_sub(usize::from(!deprecate_eof));
        payloads.iter().take(definitions).skip(1).map(|payload| Definition::parse(payload)).collect()
    }
}

/// What a client reads values by (MySQL source documentation, "Column Definition").
#[derive(Debug, PartialEq, Eq)]
struct Definition<'a> {
    name: &'a [u8],
    charset: u16,
    length: u32,
    kind: u8,
    flags: u16,
    decimals: u8,
}

impl<'a> Definition<'a> {
    fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        // Catalog, schema, alias of the table, table.
        for _ in 0..4 {
            reader.string()?;
        }
        let name = reader.string()?;
        reader.string()?;
        // The length of what follows, which is fixed.
        reader.lenenc()?;
        Ok(Definition {
            name,
            charset: reader.u16()?,
            length: reader.u32()?,
            kind: reader.u8()?,
            flags: reader.u16()? & FLAGS_OF_VALUES,
            decimals: reader.u8()?,
        })
    }

    fn differs_in(&self, other: &Self) -> Option<&'static str> {
        [
            (self.name != other.name, "name"),
            (self.kind != other.kind, "type"),
            (self.charset != other.charset, "character set"),
            (self.flags != other.flags, "attributes (UNSIGNED, BINARY or the like)"),
            (self.decimals != other.decimals, "number of decimals"),
            (self.length != other.length, "length"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::result_set::{Column, ColumnType, TextResult};

    /// The packets in front of the rows.
    fn of(columns: &[Column], deprecate_eof: bool) -> Definitions {
        let mut bytes = Vec::new();
        TextResult::new(columns.to_vec()).encode(&mut bytes, &mut 1, deprecate_eof, 2, 0);
        let mut definitions = Definitions::default();
        let mut rest = bytes.as_slice();
        while !definitions.are_complete() {
            let end = HEADER_LEN + packet::header(rest).expect("a packet").len;
            definitions.push(&rest[..end], deprecate_eof).expect("sound");
            rest = &rest[end..];
        }
        definitions
    }

    #[test]
    fn they_end_where_the_rows_begin() {
        for deprecate_eof in [false, true] {
            let mut two = of(&[Column::text("a", 5), Column::integer("b")], deprecate_eof);
            let mut sequence = 254;
            two.renumber(&mut sequence);
            assert_eq!(sequence, if deprecate_eof { 1 } else { 2 });
            assert_eq!(two.bytes()[3], 254);
            assert!(two.push(&[0, 0, 0, 0], deprecate_eof).is_err(), "more than were announced");
        }
    }

    #[test]
    fn differences_are_named() {
        let base = || vec![Column::text("a", 5), Column::integer("b")];
        let changed = |change: fn(&mut Column)| {
            let mut columns = base();
            change(&mut columns[1]);
            columns
        };
        for deprecate_eof in [false, true] {
            let difference = |columns: &[Column]| {
                of(&base(), deprecate_eof).difference(&of(columns, deprecate_eof), deprecate_eof).expect("sound")
            };
            assert_eq!(difference(&base()), None);
            assert_eq!(difference(&base()[..1]), Some(Difference::Count(2, 1)));
            for (columns, expected) in [
                (changed(|column| column.name = b"c".to_vec()), "name"),
                (changed(|column| column.kind = ColumnType::DOUBLE), "type"),
                (changed(|column| column.charset = 8), "character set"),
                (changed(|column| column.flags ^= UNSIGNED), "attributes (UNSIGNED, BINARY or the like)"),
                (changed(|column| column.decimals += 1), "number of decimals"),
                (changed(|column| column.length += 1), "length"),
            ] {
                let found = difference(&columns);
                let named = matches!(&found, Some(Difference::Column { number: 2, name, what })
                    if name == b"b" && *what == expected);
                assert!(named, "{expected}: {found:?}");
            }
            // NOT_NULL, PRI_KEY, MULTIPLE_KEY, NO_DEFAULT_VALUE.
            assert_eq!(difference(&changed(|column| column.flags ^= 1 | 2 | 8 | 0x1000)), None);
        }
    }

    #[test]
    fn garbage_is_an_error() {
        let mut one = Definitions::default();
        one.push(&[1, 0, 0, 1, 1], true).expect("a count");
        one.push(&[2, 0, 0, 2, 3, b'd'], true).expect("not read yet");
        assert!(one.difference(&one.clone(), true).is_err());
        assert!(Definitions::default().push(&[0, 0, 0, 1], true).is_err(), "no count");
    }
}
