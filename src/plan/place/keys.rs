//! What a statement says of the keys of its tables: by conditions of their own, and by those of other keys that theirs
//! must equal.
//!
//! A row of a table counts only if some row of the other table has the same key, where a condition `a.key = b.key`
//! restricts the first. So what holds of that other table's keys holds of this one's: first the other table is read as
//! if it had no more than the rows that count, then this one.

use super::Place;
use super::columns::{Columns, Found, Key};
use super::written::is_split_alike;
use crate::plan::read::{Column, Condition, Reader, Role, Shape, Test};
use crate::plan::{Comparison, KeySource, Refusal};
use crate::shard_map::SplitTable;

/// Conditions that an occurrence takes over from others. Leaving one out is sound.
const TAKEN_MAX: usize = 64;

/// The keys of all occurrences of a statement.
pub struct Keys<'a> {
    pub columns: Columns<'a>,
    /// What conditions say of each occurrence's key: all of it.
    own: Vec<Vec<KeySource>>,
    /// Of each occurrence, what columns of its key must equal.
    follows: Vec<Vec<Link>>,
}

/// A column of a key equals one of another.
#[derive(Clone, Copy)]
struct Link {
    place: u8,
    leader: Key,
}

/// What is known of the key of one occurrence.
#[derive(Debug, Default)]
pub struct Sources {
    pub sources: Vec<KeySource>,
    /// The keys that the last of them were said of, one for each.
    pub through: Vec<Box<str>>,
}

impl Sources {
    pub fn one(source: KeySource) -> Sources {
        Sources { sources: vec![source], through: Vec::new() }
    }
}

impl<'a> Keys<'a> {
    pub fn new(place: &'a Place<'a>, shape: &'a Shape, reader: &'a Reader) -> Keys<'a> {
        let columns = Columns::new(place, shape, reader);
        let mut keys = Keys { columns, own: Vec::new(), follows: Vec::new() };
        keys.own.resize_with(shape.occurrences.len(), Vec::new);
        keys.follows.resize_with(shape.occurrences.len(), Vec::new);
        if keys.columns.splits.iter().any(Option::is_some) {
            for condition in &shape.conditions {
                keys.add(condition);
            }
        }
        keys
    }

    /// What restricts the key of an occurrence, if anything does.
    pub fn sources(&self, index: usize, split: &SplitTable) -> Result<Sources, Refusal> {
        let shape = self.columns.shape;
        if shape.occurrences[index].role == Role::Inserted {
            return self.columns.place.inserted(shape, self, index, split);
        }
        Ok(self.read(index))
    }

    /// What conditions of its own say of the key of an occurrence.
    pub fn own(&self, index: usize) -> &[KeySource] {
        &self.own[index]
    }

    /// What conditions say of the key of an occurrence.
    pub fn read(&self, index: usize) -> Sources {
        let own = self.own[index].len();
        let mut found = Sources { sources: self.own[index].clone(), through: Vec::new() };
        let count = self.columns.splits[index].map_or(0, |split| split.key.count());
        for place in (0u8..).take(count) {
            for leader in self.equals(index, place) {
                let said = self.own[leader.occurrence].iter();
                let said = said.filter_map(|source| self.moved(source, leader, index, place));
                found.sources.extend(said.take(TAKEN_MAX.saturating_sub(found.through.len())));
                found.through.resize(found.sources.len() - own, self.named(leader));
            }
        }
        if count > 1 && !found.sources.is_empty() {
            found.sources = vec![KeySource::Columns(found.sources)];
            found.through.dedup();
            found.through = found.through.pop().into_iter().collect();
        }
        found
    }

    /// Whether a row of any of these occurrences counts only beside a row of the first one that lives on the same shard.
    pub fn follow_the_first(&self, occurrences: &[usize]) -> bool {
        let Some((first, others)) = occurrences.split_first() else {
            return false;
        };
        others.iter().all(|other| {
            let (Some(split), Some(of_first)) = (self.columns.splits[*other], self.columns.splits[*first]) else {
                return false;
            };
            // Columns of a key that are equal one by one may be so to several rows.
            !split.key.is_composite()
                && self.equals(*other, 0).iter().any(|leader| leader.occurrence == *first)
                && is_split_alike(split, of_first)
        })
    }

    /// The keys of other occurrences that this column of a key must equal, the nearest first.
    fn equals(&self, index: usize, place: u8) -> Vec<Key> {
        let mut equals = vec![Key { occurrence: index, place, restricted: true }];
        let mut next = 0;
        while let Some(Key { occurrence, place, .. }) = equals.get(next).copied() {
            next += 1;
            for Link { leader, .. } in self.follows[occurrence].iter().filter(|link| link.place == place) {
                let is_leader = |key: &Key| (key.occurrence, key.place) == (leader.occurrence, leader.place);
                if !equals.iter().any(is_leader) {
                    equals.push(*leader);
                }
            }
        }
        equals.split_off(1)
    }

    fn add(&mut self, condition: &Condition) {
        let restricts = |found: &Found| found.own.is_some_and(|own| condition.restricts.contains(&own));
        match &condition.test {
            Test::Same(one, other) => {
                let find = |column| self.columns.find(condition.seen, column);
                if let (Some(one), Some(other)) = (find(one), find(other)) {
                    self.link(&one, &other, restricts);
                }
            }
            Test::Merged(merged) => {
                for (one, other) in self.columns.merged(condition.seen, merged) {
                    self.link(&one, &other, restricts);
                }
            }
            test => {
                let of = |column: &Column| {
                    let found = self.columns.find(condition.seen, column).filter(restricts);
                    let mut keys = found.map(|found| found.keys).unwrap_or_default();
                    keys.retain(|key| key.restricted);
                    keys
                };
                for (occurrence, source) in self.said(test, &of) {
                    match source {
                        KeySource::All(all) => self.own[occurrence].extend(all),
                        source => self.own[occurrence].push(source),
                    }
                }
            }
        }
    }

    /// Both are equal in every row that counts of those that `restricts` picks.
    fn link(&mut self, one: &Found, other: &Found, restricts: impl Fn(&Found) -> bool) {
        if !self.columns.are_of_one_type(&[&one.keys[..], &other.keys].concat()) {
            return;
        }
        for (leader, follower) in [(one, other), (other, one)] {
            if let ([leader], true) = (leader.keys.as_slice(), restricts(follower))
                && !self.is_assigned(leader)
            {
                for key in follower.keys.iter().filter(|key| key.restricted && key.occurrence != leader.occurrence) {
                    self.follows[key.occurrence].push(Link { place: key.place, leader: *leader });
                }
            }
        }
    }

    /// Whether the statement gives the key another value: what it reads of it behind that is the new one.
    fn is_assigned(&self, Key { occurrence, place, .. }: &Key) -> bool {
        let column = self.columns.splits[*occurrence].and_then(|split| split.key.columns().nth(usize::from(*place)));
        let assigns = |name: &str| {
            let of_it =
                self.columns.shape.assignments.iter().filter(|one| one.visible.iter().any(|id| id.0 == *occurrence));
            of_it.into_iter().any(|one| one.column.may_be_named(name))
        };
        column.is_some_and(|column| assigns(&column.name))
    }

    /// What a condition says of the keys of occurrences, each once; nothing of those of which it says nothing for certain.
    /// `of` names the keys that a column is.
    fn said(&self, test: &Test, of: &impl Fn(&Column) -> Vec<Key>) -> Vec<(usize, KeySource)> {
        let each = |column: &Column, source: KeySource| {
            let of_key = |key: Key| (key.occurrence, self.of_place(key.occurrence, key.place, source.clone()));
            of(column).into_iter().map(of_key).collect::<Vec<_>>()
        };
        match test {
            Test::Unknown | Test::Same(..) | Test::Merged(_) => Vec::new(),
            Test::All(tests) => {
                let mut all: Vec<(usize, Vec<KeySource>)> = Vec::new();
                for (occurrence, source) in tests.iter().flat_map(|test| self.said(test, of)) {
                    match all.iter_mut().find(|(other, _)| *other == occurrence) {
                        Some((_, sources)) => sources.push(source),
                        None => all.push((occurrence, vec![source])),
                    }
                }
                let together = |mut sources: Vec<KeySource>| match sources.len() {
                    1 => sources.swap_remove(0),
                    _ => KeySource::All(sources),
                };
                all.into_iter().map(|(occurrence, sources)| (occurrence, together(sources))).collect()
            }
            Test::Any(tests) => {
                let mut arms = tests.iter().map(|test| self.said(test, of));
                let first = arms.next().unwrap_or_default().into_iter();
                let mut any: Vec<(usize, Vec<KeySource>)> =
                    first.map(|(occurrence, source)| (occurrence, vec![source])).collect();
                for mut arm in arms {
                    any.retain_mut(|(occurrence, sources)| {
                        let found = arm.iter().position(|(other, _)| other == occurrence);
                        sources.extend(found.map(|found| arm.swap_remove(found).1));
                        found.is_some()
                    });
                }
                any.into_iter().map(|(occurrence, sources)| (occurrence, KeySource::Any(sources))).collect()
            }
            Test::Compare(column, Comparison::Equal, operand) => each(column, KeySource::Equal(*operand)),
            Test::Compare(column, comparison, operand) => each(column, KeySource::Compare(*comparison, *operand)),
            Test::In(column, operands) => each(column, KeySource::In(operands.clone())),
            Test::Rows(columns, rows) => {
                let mut known: Vec<(usize, Vec<(usize, u8)>)> = Vec::new();
                for (at, key) in
                    columns.iter().enumerate().flat_map(|(at, column)| of(column).into_iter().map(move |key| (at, key)))
                {
                    match known.iter_mut().find(|(other, _)| *other == key.occurrence) {
                        Some((_, places)) => places.push((at, key.place)),
                        None => known.push((key.occurrence, vec![(at, key.place)])),
                    }
                }
                // What is said of one column alone stands beside.
                known.retain(|(_, places)| places.len() > 1);
                let tuples = |places: Vec<(usize, u8)>| KeySource::Tuples {
                    columns: places.iter().map(|(_, place)| *place).collect(),
                    rows: rows.iter().map(|row| places.iter().map(|(at, _)| row[*at]).collect()).collect(),
                };
                known.into_iter().map(|(occurrence, places)| (occurrence, tuples(places))).collect()
            }
            Test::Between { column, low, high, outside } => {
                each(column, KeySource::Between { low: *low, high: *high, outside: *outside })
            }
        }
    }

    fn is_composite(&self, occurrence: usize) -> bool {
        self.columns.splits[occurrence].is_some_and(|split| split.key.is_composite())
    }

    /// What is said of one column, as what is said of the key.
    fn of_place(&self, occurrence: usize, place: u8, source: KeySource) -> KeySource {
        match self.is_composite(occurrence) {
            true => KeySource::Of(place, Box::new(source)),
            false => source,
        }
    }

    /// What a source of the leader says of its column, said of that column of another occurrence's key.
    fn moved(&self, source: &KeySource, leader: Key, occurrence: usize, place: u8) -> Option<KeySource> {
        let each = |source| self.moved(source, leader, occurrence, place);
        match source {
            KeySource::All(all) => {
                let all: Vec<KeySource> = all.iter().filter_map(each).collect();
                (!all.is_empty()).then_some(KeySource::All(all))
            }
            KeySource::Any(any) => any.iter().map(each).collect::<Option<_>>().map(KeySource::Any),
            KeySource::Of(of, source) => {
                (*of == leader.place).then(|| self.of_place(occurrence, place, (**source).clone()))
            }
            KeySource::Tuples { .. } => None,
            source => (!self.is_composite(leader.occurrence)).then(|| self.of_place(occurrence, place, source.clone())),
        }
    }

    /// `customers.id`
    fn named(&self, key: Key) -> Box<str> {
        let column = self.columns.column(key).map_or("", |column| &column.name);
        format!("{}.{column}", self.columns.shape.occurrences[key.occurrence].name).into()
    }
}
