//! How far a server has come in what its group has written: by GTIDs.
//!
//! MariaDB: the last sequence number of each domain, as `0-1-5,1-2-7`. MySQL: every transaction, as intervals of each
//! server and tag, as `3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:8,...:tag:1-3`.

use std::collections::HashMap;

use crate::shard_map::Family;

/// A longer text is not read: it would be compared with every probe.
const TEXT_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Server id and sequence number by domain.
    MariaDb(HashMap<u32, (u32, u64)>),
    /// By server and tag.
    MySql(HashMap<Box<str>, Intervals>),
}

/// Both ends in, ascending and apart.
type Intervals = Vec<(u64, u64)>;

impl Position {
    /// `None` where it says nothing, or is not understood.
    pub fn parse(text: &str, family: Family) -> Option<Position> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return None;
        }
        match family {
            Family::MariaDb => mariadb(text).map(Position::MariaDb),
            Family::MySql => mysql(text).map(Position::MySql),
        }
    }

    /// Whether everything that was written up to `other` is written here.
    pub fn covers(&self, other: &Position) -> bool {
        match (self, other) {
            (Position::MariaDb(own), Position::MariaDb(other)) => other.iter().all(|(domain, (server, sequence))| {
                own.get(domain).is_some_and(|(own_server, own_sequence)| {
                    own_sequence > sequence || own_sequence == sequence && own_server == server
                })
            }),
            (Position::MySql(own), Position::MySql(other)) => other.iter().all(|(source, intervals)| {
                let own = own.get(source).map_or(&[][..], Vec::as_slice);
                intervals.iter().all(|(first, last)| own.iter().any(|(from, to)| from <= first && last <= to))
            }),
            _ => false,
        }
    }
}

fn mariadb(text: &str) -> Option<HashMap<u32, (u32, u64)>> {
    let mut position = HashMap::new();
    for gtid in text.split(',') {
        let mut parts = gtid.trim().split('-');
        let (domain, server, sequence) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let sequence: (u32, u64) = (server.parse().ok()?, sequence.parse().ok()?);
        // Of two servers of one domain the last one counts.
        let known = position.entry(domain.parse().ok()?).or_insert(sequence);
        if known.1 < sequence.1 {
            *known = sequence;
        }
    }
    Some(position)
}

fn mysql(text: &str) -> Option<HashMap<Box<str>, Intervals>> {
    let mut position: HashMap<Box<str>, Intervals> = HashMap::new();
    for of_server in text.split(',') {
        let mut parts = of_server.trim().split(':');
        let server = parts.next()?;
        let mut source: Box<str> = server.into();
        for part in parts {
            let part = part.trim();
            if !part.starts_with(|c: char| c.is_ascii_digit()) {
                source = format!("{server}:{part}").into();
                continue;
            }
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let interval: (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            position.entry(source.clone()).or_default().push(interval);
        }
    }
    for intervals in position.values_mut() {
        intervals.sort_unstable();
        let mut joined = Intervals::new();
        for (first, last) in intervals.drain(..) {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        *intervals = joined;
    }
    Some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(family: Family, own: &str, other: &str, expected: bool) {
        let position = |text| Position::parse(text, family).expect("it is one");
        assert_eq!(position(own).covers(&position(other)), expected, "{own} covers {other}");
    }

    #[test]
    fn one_covers_what_it_has() {
        let mariadb = |own, other, expected| check(Family::MariaDb, own, other, expected);
        mariadb("0-1-5", "0-1-5", true);
        mariadb("0-1-6", "0-2-5", true);
        mariadb("0-2-5", "0-1-5", false);
        mariadb("0-1-4", "0-1-5", false);
        mariadb("0-1-5,1-1-7", "0-1-5", true);
        mariadb("0-1-5", "0-1-5,1-1-7", false);
        let mysql = |own, other, expected| check(Family::MySql, own, other, expected);
        mysql("a:1-5", "a:1-5", true);
        mysql("a:1-5:6-9", "a:2-8", true);
        mysql("a:1-4:6-9", "a:2-8", false);
        mysql("a:1-9", "a:3,\nb:1", false);
        mysql("b:1-2,a:1-9:x:1-4", "a:3:x:2,\nb:1", true);
        mysql("a:1-9", "a:x:2", false);
    }

    #[test]
    fn what_is_none_is_not_read() {
        for text in ["", "x", "0-1", "0-1-5-6", "0-1-x", "a:1-x", "0-1-99999999999999999999"] {
            assert_eq!(Position::parse(text, Family::MariaDb), None, "{text}");
        }
        assert_eq!(Position::parse("a:1-x", Family::MySql), None);
        let long = "0-1-5,".repeat(20_000);
        assert_eq!(Position::parse(&long, Family::MariaDb), None);
    }
}
