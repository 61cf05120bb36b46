//! Keys of one or several columns; the values of several as one text.
//!
//! That text has the values one behind the other, each in a form of bytes that ascend as the column does, and none of
//! which is the beginning of another's. So texts ascend as tuples do, column by column, and the values of the first
//! columns alone are the beginning of every tuple that has them: bounds may be those. The text of a table that is split
//! by hash is what the hash is of instead. Neither form ever changes: bounds are hashed in it, and rows live by it.

use super::{Key, KeyColumn, KeyType};
use crate::shard_map::collation::trimmed;

/// The columns that decide where a row of a split table lives, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableKey {
    /// The only one of most tables.
    pub first: KeyColumn,
    pub more: Vec<KeyColumn>,
}

/// Columns of a key; more than any index has.
pub const COLUMNS_MAX: usize = 16;

/// A number's sign bit, turned over: so bytes ascend as numbers do.
const SIGN: u128 = 1 << 127;

/// Behind a blank: what comes next is below a blank, the end, or above.
const BELOW: u8 = 0;
const END: u8 = 1;
const ABOVE: u8 = 2;

impl TableKey {
    pub fn is_composite(&self) -> bool {
        !self.more.is_empty()
    }

    pub fn columns(&self) -> impl Iterator<Item = &KeyColumn> {
        std::iter::once(&self.first).chain(&self.more)
    }

    pub fn count(&self) -> usize {
        1 + self.more.len()
    }

    pub fn column(&self, index: usize) -> Option<&KeyColumn> {
        match index {
            0 => Some(&self.first),
            index => self.more.get(index - 1),
        }
    }

    /// `id`, or `(tenant, id)`, as SQL writes it.
    pub fn name(&self) -> String {
        self.joined(|column| column.name.clone())
    }

    /// `id int`, `(tenant int, id int)`.
    pub fn declared(&self) -> String {
        self.joined(|column| format!("{} {}", column.name, column.kind))
    }

    /// `int`, `(int, date)`.
    pub fn kinds(&self) -> String {
        self.joined(|column| column.kind.to_string())
    }

    fn joined(&self, of: impl Fn(&KeyColumn) -> String) -> String {
        match self.more.as_slice() {
            [] => of(&self.first),
            _ => format!("({})", self.columns().map(of).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Whether values of both are of the same types.
    pub fn is_of_types(&self, other: &TableKey) -> bool {
        self.count() == other.count() && self.columns().zip(other.columns()).all(|(a, b)| a.kind == b.kind)
    }

    /// A key as the servers show it: of several columns in parentheses, and of a bound as many as it has.
    pub fn shown(&self, key: Key<'_>) -> String {
        let (true, Key::Text(mut text)) = (self.is_composite(), key) else {
            return self.first.kind.shown(key);
        };
        let mut shown = Vec::new();
        for column in self.columns() {
            let Some((value, rest)) = first_value(column.kind, text) else { break };
            shown.push(value);
            text = rest;
        }
        // What follows a tuple immediately.
        let behind = if text.is_empty() { "" } else { "behind " };
        format!("{behind}({})", shown.join(", "))
    }
}

/// Appends a value of a key of several columns.
pub fn append(kind: KeyType, value: Key<'_>, text: &mut Vec<u8>) {
    match value {
        Key::Number(number) => text.extend((number as u128 ^ SIGN).to_be_bytes()),
        Key::Text(bytes) if is_padded(kind) => {
            let bytes = trimmed(bytes);
            for (index, byte) in bytes.iter().enumerate() {
                text.push(*byte);
                if *byte == b' ' {
                    let next = bytes[index..].iter().find(|byte| **byte != b' ');
                    text.push(next.map_or(END, |next| if *next < b' ' { BELOW } else { ABOVE }));
                }
            }
            text.extend([b' ', END]);
        }
        Key::Text(bytes) => {
            for byte in bytes {
                text.push(*byte);
                if *byte == 0 {
                    text.push(END);
                }
            }
            text.extend([0, 0]);
        }
    }
}

/// Appends a value to what the hash of a key of several columns is of: its length, a colon and the value, with colons
/// between, as `CONCAT_WS(':', LENGTH(a), a, LENGTH(b), b)`.
pub fn append_hashed(kind: KeyType, value: Key<'_>, text: &mut Vec<u8>) {
    if !text.is_empty() {
        text.push(b':');
    }
    let add = |value: &[u8], text: &mut Vec<u8>| {
        text.extend(value.len().to_string().into_bytes());
        text.push(b':');
        text.extend(value);
    };
    match value {
        Key::Number(number) => add(kind.text(number).as_bytes(), text),
        Key::Text(bytes) => add(bytes, text),
    }
}

/// What is behind everything that begins so; `None` if nothing is.
pub fn behind(mut beginning: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = beginning.pop() {
        if last < u8::MAX {
            beginning.push(last + 1);
            return Some(beginning);
        }
    }
    None
}

/// The value that a text begins with, as servers show it, and the rest.
fn first_value(kind: KeyType, text: &[u8]) -> Option<(String, &[u8])> {
    let KeyType::Text(_) = kind else {
        let (number, rest) = text.split_first_chunk()?;
        let number = (u128::from_be_bytes(*number) ^ SIGN) as i128;
        return Some((kind.shown(Key::Number(number)), rest));
    };
    let marked = if is_padded(kind) { b' ' } else { 0 };
    let (mut value, mut at) = (Vec::new(), 0);
    loop {
        let byte = *text.get(at)?;
        at += 1;
        if byte == marked {
            let mark = *text.get(at)?;
            at += 1;
            // The end is marked by END behind a blank, and by another zero behind a zero.
            if (mark == END) == is_padded(kind) {
                return Some((kind.shown(Key::Text(&value)), &text[at..]));
            }
        }
        value.push(byte);
    }
}

fn is_padded(kind: KeyType) -> bool {
    matches!(kind, KeyType::Text(text) if text.is_padded())
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;
    use crate::shard_map::sorted::order;

    fn column(name: &str, kind: &str) -> KeyColumn {
        let kind = KeyType::read(kind).unwrap_or_else(|fault| panic!("{kind}: {fault:?}"));
        KeyColumn { name: name.into(), kind, defaults_to_now: false }
    }

    const TEXTS: [&[u8]; 18] = [
        b"",
        b"a",
        b"a b",
        b"a  b",
        b"a \t",
        b"a  \t",
        b"a\t",
        b"ab",
        b"b",
        b"\t",
        b"\0",
        b"\0\0",
        b"a\0",
        b"a\0b",
        b"\x01",
        b"\xff",
        b"\xff\xff",
        b"a!",
    ];

    #[test]
    fn texts_ascend_as_tuples_do() {
        let numbers = [i128::MIN, -256, -1, 0, 1, 255, 256, i128::MAX];
        for kind in ["varbinary(9)", "varchar(9) collate utf8mb4_bin"] {
            let kind = column("a", kind).kind;
            let mut tuples = Vec::new();
            for text in TEXTS {
                for number in numbers {
                    tuples.push((text, number));
                }
            }
            let encoded = |(text, number): (&[u8], i128)| {
                let mut bytes = Vec::new();
                append(kind, Key::Text(text), &mut bytes);
                append(column("b", "bigint").kind, Key::Number(number), &mut bytes);
                bytes
            };
            for a in &tuples {
                for b in &tuples {
                    let texts = order(Key::Text(a.0), Key::Text(b.0), is_padded(kind));
                    let expected = texts.then(a.1.cmp(&b.1));
                    assert_eq!(encoded(*a).cmp(&encoded(*b)), expected, "{kind} {a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn the_first_columns_begin_every_tuple_that_has_them() {
        for kind in ["varbinary(9)", "varchar(9) collate utf8mb4_bin"] {
            let kind = column("a", kind).kind;
            let prefix = |text: &[u8]| {
                let mut bytes = Vec::new();
                append(kind, Key::Text(text), &mut bytes);
                bytes
            };
            for a in TEXTS {
                let end = behind(prefix(a)).expect("an end");
                for b in TEXTS {
                    let mut tuple = prefix(b);
                    append(column("b", "bigint").kind, Key::Number(i128::MAX), &mut tuple);
                    let inside = prefix(a) <= tuple && tuple < end;
                    let equal = order(Key::Text(a), Key::Text(b), is_padded(kind)) == Ordering::Equal;
                    assert_eq!(inside, equal, "{kind} {a:?} {b:?}");
                }
            }
        }
        assert_eq!(behind(vec![1, 255]), Some(vec![2]));
        assert_eq!(behind(vec![255, 255]), None);
    }

    #[test]
    fn keys_are_shown_as_they_were() {
        for kind in ["varbinary(9)", "varchar(9) collate utf8mb4_bin"] {
            let key = TableKey { first: column("name", kind), more: vec![column("day", "date")] };
            for text in ["", "a", "a b", "a\0b", "a \t"] {
                let mut bytes = Vec::new();
                append(key.first.kind, Key::Text(text.as_bytes()), &mut bytes);
                assert_eq!(key.shown(Key::Text(&bytes)), format!("('{text}')"));
                append(key.more[0].kind, Key::Number(-1), &mut bytes);
                assert_eq!(key.shown(Key::Text(&bytes)), format!("('{text}', 1969-12-31)"));
                bytes.push(0);
                assert_eq!(key.shown(Key::Text(&bytes)), format!("behind ('{text}', 1969-12-31)"));
            }
        }
        let key = TableKey { first: column("id", "int"), more: Vec::new() };
        assert_eq!((key.name(), key.declared(), key.shown(Key::Number(5))), ("id".into(), "id int".into(), "5".into()));
    }

    #[test]
    fn the_hash_is_of_lengths_and_values() {
        let mut text = Vec::new();
        append_hashed(column("a", "int").kind, Key::Number(-7), &mut text);
        append_hashed(column("b", "varbinary(9)").kind, Key::Text(b"a:b"), &mut text);
        append_hashed(column("c", "decimal(5,2)").kind, Key::Number(150), &mut text);
        assert_eq!(text, b"2:-7:3:a:b:4:1.50");
    }
}
