//! Column definitions as a client knows its tables: servers may call them by other names.
//!
//! Sans-IO: what may go to the client goes through, whole packets in front of the rows.

use super::Malformed;
use super::lenenc::{Reader, write_string};
use super::packet::{self, HEADER_LEN};

/// A table by its two names, each a database and a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoNames {
    pub client: (Box<str>, Box<str>),
    pub server: (Box<str>, Box<str>),
}

/// The definitions of one reply after the other.
#[derive(Debug)]
pub struct Namer<'a> {
    names: &'a [TwoNames],
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The next packet begins the reply.
    First,
    /// So many definitions come.
    Columns(u64),
    /// Definitions of a PREPARE, and what ends their lists.
    Prepared,
    /// Whatever comes is no definition.
    Rest,
}

impl<'a> Namer<'a> {
    pub fn new(names: &'a [TwoNames]) -> Namer<'a> {
        Namer { names, state: State::First }
    }

    /// Appends the bytes with the client's names to `out`. In front of the rows the packets have to be whole. Behind `is_end`
    /// another reply of the same command may begin.
    pub fn push(&mut self, bytes: &[u8], is_prepare: bool, is_end: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.packets(bytes, is_prepare, out)?;
        if is_end {
            self.state = State::First;
        }
        Ok(())
    }

    fn packets(&mut self, mut bytes: &[u8], is_prepare: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            if matches!(self.state, State::Rest) {
                out.extend_from_slice(bytes);
                return Ok(());
            }
            let torn = Malformed::new("a definition that is torn");
            let end = packet::header(bytes).map(|header| HEADER_LEN + header.len).ok_or(torn)?;
            let (whole, rest) = bytes.split_at_checked(end).ok_or(Malformed::new("a definition that is torn"))?;
            bytes = rest;
            let payload = &whole[HEADER_LEN..];
            let is_definition = match self.state {
                State::First => {
                    self.state = match payload.first() {
                        Some(0x00) if is_prepare => State::Prepared,
                        None | Some(0x00 | 0xFB | 0xFE | 0xFF) => State::Rest,
                        Some(_) => State::Columns(Reader::new(payload).lenenc()?),
                    };
                    false
                }
                State::Columns(left) => {
                    self.state = if left > 1 { State::Columns(left - 1) } else { State::Rest };
                    true
                }
                State::Prepared => payload.starts_with(b"\x03def"),
                State::Rest => false,
            };
            match is_definition.then(|| self.renamed(payload)).transpose()?.flatten() {
                Some(renamed) => packet::append(out, &mut { whole[3] }, &renamed),
                None => out.extend_from_slice(whole),
            }
        }
        Ok(())
    }

    /// Catalog, schema, alias of the table, table, and the rest.
    fn renamed(&self, payload: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let mut reader = Reader::new(payload);
        let catalog = reader.string()?;
        let (schema, alias, table) = (reader.string()?, reader.string()?, reader.string()?);
        let is = |two: &&TwoNames| *two.server.0.as_bytes() == *schema && *two.server.1.as_bytes() == *table;
        let Some(two) = self.names.iter().find(is) else {
            return Ok(None);
        };
        let mut out = Vec::with_capacity(payload.len() + 64);
        for part in [catalog, two.client.0.as_bytes(), alias, two.client.1.as_bytes()] {
            write_string(&mut out, part);
        }
        out.extend_from_slice(reader.rest());
        Ok(Some(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(payloads: &[&[u8]]) -> Vec<u8> {
        let (mut out, mut sequence) = (Vec::new(), 1);
        payloads.iter().for_each(|payload| packet::append(&mut out, &mut sequence, payload));
        out
    }

    fn definition(schema: &str, table: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for part in ["def", schema, "o", table, "a", "a"] {
            write_string(&mut out, part.as_bytes());
        }
        out.extend_from_slice(&[12, 63, 0, 11, 0, 0, 0, 3, 0, 0, 0, 0, 0]);
        out
    }

    #[test]
    fn definitions_have_the_names_that_the_client_knows() {
        let names = [TwoNames { client: ("shop".into(), "orders".into()), server: ("old".into(), "t_orders".into()) }];
        let (there, here) = (definition("old", "t_orders"), definition("shop", "orders"));
        let other = definition("old", "x");
        // A row that looks like a definition is one all the same.
        let rows: &[&[u8]] = &[&there, &[0xFE, 0, 0, 2, 0]];
        let check = |from: Vec<u8>, to: Vec<u8>, is_prepare: bool| {
            let mut namer = Namer::new(&names);
            let mut out = Vec::new();
            for _ in 0..2 {
                namer.push(&from, is_prepare, true, &mut out).expect("sound packets");
            }
            assert_eq!(out, [to.clone(), to].concat());
        };
        check(
            packets(&[&[2], &there, &other, rows[0], rows[1]]),
            packets(&[&[2], &here, &other, rows[0], rows[1]]),
            false,
        );
        let made: &[u8] = &[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        check(packets(&[made, &there, rows[1]]), packets(&[made, &here, rows[1]]), true);
        let ok: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
        check(packets(&[ok]), packets(&[ok]), false);
        assert!(Namer::new(&names).push(&[5, 0, 0, 1, 2], false, false, &mut Vec::new()).is_err());
    }
}
