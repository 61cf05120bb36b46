//! Query attributes: named values that a client with QUERY_ATTRIBUTES sends beside a statement, and the commands without
//! them, as a server reads them that was not told of any.
//!
//! Source: MySQL source documentation, "COM_QUERY" and "COM_STMT_EXECUTE". Names and types come in front of all values,
//! so both are read again when the values are; nothing is allocated by a number that a client claims.

use super::execute::{Execute, Param, scalar};
use super::lenenc::Reader;
use super::{Malformed, command};

/// COM_STMT_EXECUTE's flag: the number of parameters, attributes among them, is sent.
const COUNT_AVAILABLE: u8 = 8;

/// What stands in front of the text of a COM_QUERY.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Query<'a> {
    /// Bytes between the command and its text.
    pub length: usize,
    /// The value of the attribute that was looked for.
    pub value: Option<Param<'a>>,
}

/// Reads a whole payload; `name` is the attribute to look for, in any case of letters.
pub fn of_query<'a>(payload: &'a [u8], name: &str) -> Result<Query<'a>, Malformed> {
    // No attributes, as nearly always.
    if let [command::code::QUERY, 0, 1, ..] = payload {
        return Ok(Query { length: 2, value: None });
    }
    let mut reader = Reader::new(payload);
    reader.u8()?;
    let count = count(&mut reader)?;
    if reader.lenenc()? != 1 {
        return Err(Malformed::new("sets of query attributes"));
    }
    if count == 0 {
        return Ok(Query { length: reader.position() - 1, value: None });
    }
    let nulls = reader.bytes(count.div_ceil(8))?;
    if reader.u8()? != 1 {
        return Err(Malformed::new("query attributes without types"));
    }
    let mut names = reader;
    for _ in 0..count {
        typed(&mut reader)?;
    }
    let mut found = None;
    for index in 0..count {
        let (kind, named) = typed(&mut names)?;
        let value = value(&mut reader, kind, is_null(nulls, index))?;
        if is(named, name) {
            found = Some(value);
        }
    }
    Ok(Query { length: reader.position() - 1, value: found })
}

/// What a client said of the attributes of a prepared statement when it last sent types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Two bytes each.
    types: Vec<u8>,
    /// The one that was looked for.
    sought: Option<usize>,
}

/// A COM_STMT_EXECUTE without attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Bare<'a> {
    pub payload: Vec<u8>,
    /// The value of the attribute that was looked for.
    pub value: Option<Param<'a>>,
    /// What is known of its attributes from now on, if that is something else than before.
    pub known: Option<Known>,
}

/// Reads a whole payload of a statement with `params` parameters. `types` are theirs as bound earlier, `known` the attributes.
pub fn of_execute<'a>(
    payload: &'a [u8],
    params: u16,
    types: &[u8],
    is_long: impl Fn(usize) -> bool,
    known: &Known,
    name: &str,
) -> Result<Bare<'a>, Malformed> {
    const HEAD: usize = 10;
    const FLAGS: usize = 5;
    let mut reader = Reader::new(payload);
    let mut bare = Bare { payload: reader.bytes(HEAD)?.to_vec(), value: None, known: None };
    if bare.payload[0] != command::code::STMT_EXECUTE {
        return Err(Malformed::new("COM_STMT_EXECUTE"));
    }
    let has_count = params > 0 || bare.payload[FLAGS] & COUNT_AVAILABLE != 0;
    bare.payload[FLAGS] &= !COUNT_AVAILABLE;
    if !has_count {
        return Ok(bare);
    }
    let (count, params) = (count(&mut reader)?, usize::from(params));
    if count < params {
        return Err(Malformed::new("fewer parameters than the statement has"));
    }
    if count == 0 {
        return Ok(bare);
    }
    let nulls = reader.bytes(count.div_ceil(8))?;
    let bound = match reader.u8()? {
        0 => false,
        1 => true,
        _ => return Err(Malformed::new("new_params_bound")),
    };
    let mut sent = Vec::new();
    let mut attributes = Known::default();
    if bound {
        for index in 0..count {
            let (kind, named) = typed(&mut reader)?;
            if index < params {
                sent.extend_from_slice(&kind);
            } else {
                if is(named, name) {
                    attributes.sought = Some(index - params);
                }
                attributes.types.extend_from_slice(&kind);
            }
        }
    }
    let (types, of_attributes) = if bound { (&sent[..], &attributes) } else { (types, known) };
    let values = reader.position();
    let kind_of = |types: &[u8], index: usize| -> Result<[u8; 2], Malformed> {
        types.get(2 * index..).and_then(|rest| rest.first_chunk().copied()).ok_or(Malformed::new("types of parameters"))
    };
    for index in 0..params {
        if !is_long(index) {
            value(&mut reader, kind_of(types, index)?, is_null(nulls, index))?;
        }
    }
    let end = reader.position();
    for index in 0..count - params {
        let found = value(&mut reader, kind_of(&of_attributes.types, index)?, is_null(nulls, params + index))?;
        if of_attributes.sought == Some(index) {
            bare.value = Some(found);
        }
    }
    if params > 0 {
        let from = bare.payload.len();
        bare.payload.extend_from_slice(&nulls[..params.div_ceil(8)]);
        let last = from + (params - 1) / 8;
        // Bits behind the last parameter were those of attributes.
        bare.payload[last] &= 0xFF >> (7 - (params - 1) % 8);
        bare.payload.push(u8::from(bound));
        bare.payload.extend_from_slice(&sent);
        bare.payload.extend_from_slice(&payload[values..end]);
    }
    bare.known = (bound && attributes != *known).then_some(attributes);
    Ok(bare)
}

/// As many as a statement may have parameters, at most.
fn count(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let count = reader.lenenc()?;
    u16::try_from(count).map(usize::from).map_err(|_| Malformed::new("number of parameters"))
}

/// A type with its flags, and a name.
fn typed<'a>(reader: &mut Reader<'a>) -> Result<([u8; 2], &'a [u8]), Malformed> {
    Ok((reader.array()?, reader.string()?))
}

fn value<'a>(reader: &mut Reader<'a>, [kind, flags]: [u8; 2], is_null: bool) -> Result<Param<'a>, Malformed> {
    if is_null { Ok(Param::Null) } else { scalar(reader, kind, flags & Execute::UNSIGNED != 0) }
}

fn is_null(nulls: &[u8], index: usize) -> bool {
    nulls.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

fn is(named: &[u8], name: &str) -> bool {
    named.eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "meridian_shard";
    const STRING: [u8; 2] = [0xFE, 0];
    const LONG: [u8; 2] = [0x03, 0];

    fn named(kind: [u8; 2], name: &str) -> Vec<u8> {
        [&kind[..], &[name.len() as u8], name.as_bytes()].concat()
    }

    fn string(text: &str) -> Vec<u8> {
        [&[text.len() as u8][..], text.as_bytes()].concat()
    }

    fn check_query(payload: &[u8], expected: Option<Param<'_>>) {
        let found = of_query(payload, NAME).expect("sound");
        assert_eq!(&payload[1 + found.length..], b"SELECT 1");
        assert_eq!(found.value, expected);
        // Cut anywhere in front of the text it is nothing, and never a panic.
        for end in 1..=found.length {
            assert!(of_query(&payload[..end], NAME).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn attributes_end_where_the_text_begins() {
        check_query(b"\x03\0\x01SELECT 1", None);
        let none = [&[3, 0xFC, 0, 0, 1][..], b"SELECT 1"].concat();
        check_query(&none, None);
        let two = [
            &[3, 2, 1, 0b00, 1][..],
            &named(LONG, "trace"),
            &named(STRING, "Meridian_Shard"),
            &7u32.to_le_bytes(),
            &string("s0"),
            b"SELECT 1",
        ];
        check_query(&two.concat(), Some(Param::Text(b"s0")));
        let null = [&[3, 1, 1, 0b01, 1][..], &named(STRING, NAME), b"SELECT 1"];
        check_query(&null.concat(), Some(Param::Null));
        let another = [&[3, 1, 1, 0, 1][..], &named(STRING, "meridian_shards"), &string("s0"), b"SELECT 1"];
        check_query(&another.concat(), None);
    }

    #[test]
    fn what_cannot_be_told_from_text_is_malformed() {
        for payload in [
            &b"\x03SELECT 1"[..],
            b"\x03",
            b"\x03\0\x02SELECT 1",
            b"\x03\x01\x01\0\0\xFE\0\x01as",
            b"\x03\xFD\0\0\x01\x01SELECT 1",
            b"\x03\x01\x01\0\x01\x06\0\x01aSELECT 1",
        ] {
            assert!(of_query(payload, NAME).is_err(), "{payload:?}");
        }
    }

    /// Head of an EXECUTE of statement 9.
    fn head(flags: u8) -> Vec<u8> {
        vec![0x17, 9, 0, 0, 0, flags, 1, 0, 0, 0]
    }

    #[test]
    fn an_execute_is_left_as_one_without_attributes() {
        let none = Known::default();
        let bare = |payload: &[u8], params: u16, types: &[u8], known: &Known| {
            of_execute(payload, params, types, |_| false, known, NAME).map(|bare| (bare.payload, bare.known))
        };
        // No parameters, no attributes.
        assert_eq!(bare(&head(0), 0, &[], &none), Ok((head(0), None)));
        assert_eq!(bare(&[&head(8)[..], &[0]].concat(), 0, &[], &none), Ok((head(0), None)));
        // A parameter with its name, which is empty.
        let sent = [&head(0)[..], &[1, 0, 1], &named(LONG, ""), &5u32.to_le_bytes()].concat();
        let plain = [&head(0)[..], &[0, 1], &LONG, &5u32.to_le_bytes()].concat();
        assert_eq!(bare(&sent, 1, &[], &none), Ok((plain.clone(), None)));
        // And an attribute behind it, NULL's bit of which goes as well.
        let sent = [&head(8)[..], &[2, 0b10, 1], &named(LONG, ""), &named(STRING, NAME), &5u32.to_le_bytes()].concat();
        let known = Known { types: STRING.to_vec(), sought: Some(0) };
        assert_eq!(bare(&sent, 1, &[], &none), Ok((plain, Some(known.clone()))));
        // Types that were sent before.
        let sent = [&head(8)[..], &[2, 0, 0], &6u32.to_le_bytes(), &string("s1")].concat();
        let plain = [&head(0)[..], &[0, 0], &6u32.to_le_bytes()].concat();
        assert_eq!(bare(&sent, 1, &LONG, &known), Ok((plain, None)));
        let found = of_execute(&sent, 1, &LONG, |_| false, &known, NAME).expect("sound").value;
        assert_eq!(found, Some(Param::Text(b"s1")));
        assert!(bare(&sent, 1, &LONG, &none).is_err(), "of an attribute without a type");
        assert!(bare(&sent, 3, &LONG, &known).is_err(), "too few");
        for end in 0..sent.len() {
            assert!(bare(&sent[..end], 1, &LONG, &known).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn long_data_has_no_value_among_the_others() {
        let sent = [&head(8)[..], &[2, 0, 1], &named(STRING, ""), &named(STRING, NAME), &string("second")].concat();
        let bare = of_execute(&sent, 1, &[], |index| index == 0, &Known::default(), NAME).expect("sound");
        assert_eq!(bare.value, Some(Param::Text(b"second")));
        assert_eq!(bare.payload, [&head(0)[..], &[0, 1], &STRING].concat());
    }
}
