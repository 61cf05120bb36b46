//! The keys that a statement gives for its split tables, and how each was read.

use super::{alone, database};
use crate::plan::{Clock, Form, KeySource, Keyed, Operand, Tables};
use crate::route::key::{self, Normal, Read as Compared, Written};
use crate::route::{self, Doubt, Reach, Value, columns, reach, restriction, split_of};
use crate::shard_map::{Interval, Key, ShardMap, Split, SplitTable, TableKey};
use crate::sql::NormSlot;

/// Values kept of one reading; of the others the number.
const VALUES_MAX: usize = 4;

/// Keys of several columns that are looked up for an explanation.
const TUPLES_MAX: usize = 256;

/// Readings kept of one key: an IN list may touch every range of a large map.
const READINGS_MAX: usize = 16;

/// One occurrence of a split table, with the source that decides about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFound {
    pub database: Box<str>,
    pub table: Box<str>,
    pub column: Box<str>,
    /// `range`, `list` or `hash`.
    pub method: &'static str,
    /// As a condition: `= 42`, `IN (1, 2)`, `<- 42` where it is stored, `:= 42` where a row is to get it. Empty if there is none.
    pub condition: String,
    /// The key of another table that this one equals: the condition was said of it, or there is none of either.
    pub through: Option<Box<str>>,
    /// Its values, gathered by what they were read as; cut after so many.
    pub values: Vec<ValuesRead>,
    pub values_are_cut: bool,
}

/// Values of one condition that were read as the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesRead {
    pub read: Read,
    /// The first ones.
    pub shown: Vec<KeyValue>,
    pub count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// As the client gave it.
    pub given: String,
    /// The key that it stands for.
    pub key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Keys of one place of the map: a range, the list or what is not listed, a range of buckets.
    Place { place: String, shard: Box<str> },
    /// No row has such a key.
    NoRow,
    /// The parameter has no value yet.
    Open,
    /// A form that names no key: why.
    Unsettled(&'static str),
}

pub(super) fn found(tables: &Tables, map: &ShardMap, values: &impl route::Values) -> Vec<KeyFound> {
    let mut found: Vec<KeyFound> = Vec::new();
    for keyed in &tables.keyed {
        if let Some(split) = split_of(map, &keyed.table) {
            let mut key = one(keyed, split, map, values);
            // Without a condition it is where the first one is, which it equals.
            if tables.scatters
                && key.condition.is_empty()
                && let Some(first) = found.first()
                && (&first.table, &first.column) != (&key.table, &key.column)
            {
                key.through = Some(format!("{}.{}", first.table, first.column).into());
            }
            if !found.contains(&key) {
                found.push(key);
            }
        }
    }
    found
}

fn one(keyed: &Keyed, split: &SplitTable, map: &ShardMap, values: &impl route::Values) -> KeyFound {
    let source = deciding(split, keyed, values).0;
    let mut gathered = Gathered { split, map, values: Vec::new(), cut: false };
    let alone = source.is_none_or(|source| is_simple(source) || restriction(split, keyed, values).is_err());
    let alone = alone || source.is_some_and(|source| reach(split, source, values).is_ok());
    let condition = match source {
        _ if !alone => text_of_all(&keyed.sources, &split.key, values),
        Some(KeySource::Columns(sources)) => {
            gathered.columns(sources, values);
            format!("where {}", text_of_all(sources, &split.key, values))
        }
        Some(KeySource::InsertedTuples(rows)) => {
            gathered.rows(rows, values);
            format!("<- {}", shown_rows(rows, values))
        }
        Some(KeySource::Equal(operand)) => {
            gathered.compared(std::slice::from_ref(operand), values, false);
            format!("= {}", shown(std::slice::from_ref(operand), values))
        }
        Some(KeySource::In(operands)) => {
            gathered.compared(operands, values, true);
            format!("IN ({})", shown(operands, values))
        }
        Some(KeySource::Inserted(operands)) => {
            gathered.stored(operands, values);
            format!("<- {}", shown(operands, values))
        }
        Some(KeySource::Assigned(operands)) => {
            gathered.stored(operands, values);
            format!(":= {}", shown(operands, values))
        }
        Some(source) => text_of_source(source, &split.key, values),
        None => String::new(),
    };
    KeyFound {
        database: database(map, keyed.table.database),
        table: keyed.table.name.clone(),
        column: split.key.name().into(),
        method: split.method(),
        condition,
        through: match source {
            Some(source) if alone => through(keyed, source),
            _ => keyed.through.last().cloned(),
        },
        values: gathered.values,
        values_are_cut: gathered.cut,
    }
}

/// The key that a source of the occurrence was said of, if it is not its own.
fn through(keyed: &Keyed, source: &KeySource) -> Option<Box<str>> {
    let index = keyed.sources.iter().position(|other| std::ptr::eq(other, source))?;
    let own = keyed.sources.len() - keyed.through.len();
    keyed.through.get(index.checked_sub(own)?).cloned()
}

/// The source that decides about an occurrence, and the parameters, counted from 1, without which it cannot.
///
/// Sources are asked in their order, as `route` does: an open one may name a shard once it has values, and then those
/// behind it are not asked.
pub(super) fn deciding<'k>(
    split: &SplitTable,
    keyed: &'k Keyed,
    values: &impl route::Values,
) -> (Option<&'k KeySource>, Vec<u32>) {
    for source in &keyed.sources {
        let open = open(source, values);
        if !open.is_empty() && !is_simple(source) {
            // What the others say counts as well.
            return (Some(source), keyed.sources.iter().flat_map(|source| self::open(source, values)).collect());
        }
        if !open.is_empty() && !is_apart_anyway(split, source, values) {
            return (Some(source), open);
        }
        if matches!(reach(split, source, values), Ok(Reach::Shard(_))) {
            return (Some(source), Vec::new());
        }
    }
    let nothing = keyed
        .sources
        .iter()
        .find(|source| restriction(split, &alone(keyed, source), values).is_ok_and(|reach| reach == Reach::Nothing));
    (nothing.or(keyed.sources.first()), Vec::new())
}

/// Whether the values that are known already live on several shards.
fn is_apart_anyway(split: &SplitTable, source: &KeySource, values: &impl route::Values) -> bool {
    matches!(known(split, source, values), Err(Doubt::Keys(..) | Doubt::Rows(..)))
}

/// What a source says by the values that are known already.
pub(super) fn known(split: &SplitTable, source: &KeySource, values: &impl route::Values) -> Result<Reach, Doubt> {
    let mut source = source.clone();
    // A row to be stored without any key would be refused for that.
    if let KeySource::Inserted(operands) | KeySource::Assigned(operands) = &mut source {
        operands.retain(|operand| open(&KeySource::Equal(*operand), values).is_empty());
    }
    reach(split, &source, &Known(values))
}

/// The values without those of open parameters.
struct Known<'v, V>(&'v V);

impl<V: route::Values> route::Values for Known<'_, V> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        self.0.each(slot, &mut |value| match value {
            Value::Unbound(_) => true,
            value => visit(value),
        });
    }

    fn session(&self) -> route::SessionFacts {
        self.0.session()
    }
}

/// The open parameters of a source, counted from 1.
fn open(source: &KeySource, values: &impl route::Values) -> Vec<u32> {
    let mut operands = Vec::new();
    operands_of(source, &mut operands);
    let mut open = Vec::new();
    for operand in operands {
        if let Operand::Slot { slot, .. } = operand {
            values.each(slot, &mut |value| {
                if let Value::Unbound(parameter) = value {
                    open.push(u32::from(parameter) + 1);
                }
                true
            });
        }
    }
    open
}

fn operands_of(source: &KeySource, operands: &mut Vec<Operand>) {
    match source {
        KeySource::Equal(operand) | KeySource::Compare(_, operand) => operands.push(*operand),
        KeySource::In(all) | KeySource::Inserted(all) | KeySource::Assigned(all) => operands.extend(all),
        KeySource::Between { low, high, .. } => operands.extend([*low, *high]),
        KeySource::All(sources) | KeySource::Any(sources) | KeySource::Columns(sources) => {
            sources.iter().for_each(|source| operands_of(source, operands));
        }
        KeySource::Of(_, source) => operands_of(source, operands),
        KeySource::Tuples { rows, .. } | KeySource::InsertedTuples(rows) => operands.extend(rows.iter().flatten()),
    }
}

/// Whether each value of the source stands for a key by itself.
pub(super) fn is_simple(source: &KeySource) -> bool {
    match source {
        KeySource::Equal(_) | KeySource::In(_) | KeySource::Inserted(_) | KeySource::Assigned(_) => true,
        KeySource::Compare(..) | KeySource::Between { .. } | KeySource::All(_) | KeySource::Any(_) => false,
        KeySource::Columns(_) | KeySource::Of(..) | KeySource::Tuples { .. } | KeySource::InsertedTuples(_) => false,
    }
}

/// A condition as it follows the name of its column.
fn text_of_source(source: &KeySource, key: &TableKey, values: &impl route::Values) -> String {
    let one = |operand: &Operand| shown(std::slice::from_ref(operand), values);
    match source {
        KeySource::Equal(operand) => format!("= {}", one(operand)),
        KeySource::Compare(comparison, operand) => format!("{} {}", comparison.sign(), one(operand)),
        KeySource::In(operands) | KeySource::Inserted(operands) | KeySource::Assigned(operands) => {
            format!("IN ({})", shown(operands, values))
        }
        KeySource::Between { low, high, outside } => {
            format!("{}BETWEEN {} AND {}", if *outside { "NOT " } else { "" }, one(low), one(high))
        }
        KeySource::All(sources) => format!("({})", text_of_all(sources, key, values)),
        KeySource::Any(sources) => format!("({})", joined(sources, " OR ", key, values)),
        KeySource::Columns(sources) => text_of_all(sources, key, values),
        KeySource::Of(place, source) => match (key.column(usize::from(*place)), &**source) {
            (Some(column), KeySource::Assigned(operands)) => format!("{} := {}", column.name, shown(operands, values)),
            (column, source) => {
                let name = column.map_or("", |column| column.name.as_str());
                format!("{name} {}", text_of_source(source, key, values))
            }
        },
        KeySource::Tuples { columns, rows } => {
            let names = columns.iter().filter_map(|place| key.column(usize::from(*place)));
            let names: Vec<&str> = names.map(|column| column.name.as_str()).collect();
            format!("({}) IN ({})", names.join(", "), shown_rows(rows, values))
        }
        KeySource::InsertedTuples(rows) => shown_rows(rows, values),
    }
}

fn text_of_all(sources: &[KeySource], key: &TableKey, values: &impl route::Values) -> String {
    joined(sources, " AND ", key, values)
}

fn joined(sources: &[KeySource], between: &str, key: &TableKey, values: &impl route::Values) -> String {
    let mut texts: Vec<String> =
        sources.iter().take(VALUES_MAX).map(|source| text_of_source(source, key, values)).collect();
    if sources.len() > VALUES_MAX {
        texts.push("...".into());
    }
    texts.join(between)
}

/// Gathers values by what they were read as, in the order of the statement.
struct Gathered<'m> {
    split: &'m SplitTable,
    map: &'m ShardMap,
    values: Vec<ValuesRead>,
    cut: bool,
}

impl Gathered<'_> {
    fn compared(&mut self, operands: &[Operand], values: &impl route::Values, list: bool) {
        let kind = self.split.key.first.kind;
        for operand in operands {
            match operand {
                Operand::Slot { slot, negated } => values.each(*slot, &mut |value| {
                    self.compare(key::read(value, *negated, &kind, list, values), value, *negated);
                    true
                }),
                Operand::Bool(truth) => {
                    let read = key::read_truth(*truth, &kind);
                    self.add(text_of(operand), comparison(read));
                }
                Operand::Null => self.add(text_of(operand), Ok(None)),
                Operand::Default | Operand::Clock(..) | Operand::Expression | Operand::Missing => {
                    self.add(text_of(operand), Err(Form::Expression.named()));
                }
            }
        }
    }

    fn compare(&mut self, read: Compared<'_>, value: Value<'_>, negated: bool) {
        match value {
            Value::Unbound(_) => self.push(Read::Open, literal(value, negated), None),
            _ => self.add(literal(value, negated), comparison(read)),
        }
    }

    fn stored(&mut self, operands: &[Operand], values: &impl route::Values) {
        let kind = self.split.key.first.kind;
        for operand in operands {
            if let Operand::Clock(clock, digits) = operand {
                key::each_digits(*digits, values, &mut |digits| {
                    self.store(text_of(operand), key::clock(*clock, digits, &kind, values));
                    true
                });
                continue;
            }
            let Operand::Slot { slot, negated } = operand else {
                self.add(text_of(operand), Err(Form::Missing.named()));
                continue;
            };
            values.each(*slot, &mut |value| {
                let text = literal(value, *negated);
                match value {
                    Value::Unbound(_) => self.push(Read::Open, text, None),
                    _ => self.store(text, key::written(value, *negated, &kind, values)),
                }
                true
            });
        }
    }

    fn store(&mut self, given: String, written: Written<'_>) {
        match written {
            Ok(key) if self.split.home(key.key()).is_none() => self.add(given, Err(Form::Below.named())),
            Ok(key) => self.add(given, Ok(Some(key))),
            Err(form) => self.add(given, Err(form.named())),
        }
    }

    /// Of a key of several columns: the keys that are compared, where they are few, and what names none.
    fn columns(&mut self, sources: &[KeySource], values: &impl route::Values) {
        let split = self.split;
        for source in sources {
            let KeySource::Of(place, source) = source else { continue };
            let (operands, list) = match &**source {
                KeySource::Equal(operand) => (std::slice::from_ref(operand), false),
                KeySource::In(operands) => (&operands[..], true),
                _ => continue,
            };
            let Some(column) = split.key.column(usize::from(*place)) else { continue };
            for operand in operands {
                let Operand::Slot { slot, negated } = operand else { continue };
                values.each(*slot, &mut |value| {
                    let given = || format!("{} = {}", column.name, literal(value, *negated));
                    match (value, key::read(value, *negated, &column.kind, list, values)) {
                        (Value::Unbound(_), _) => self.push(Read::Open, given(), None),
                        (_, Compared::Unsettled(form)) => self.push(Read::Unsettled(form.named()), given(), None),
                        (_, Compared::Nothing) => self.push(Read::NoRow, given(), None),
                        (_, Compared::Key(_)) => {}
                    }
                    true
                });
            }
        }
        if !sources.iter().any(|source| !open(source, values).is_empty()) {
            columns::each_key_left(split, sources, values, TUPLES_MAX, &mut |keys| self.tuple(keys));
        }
    }

    /// Of rows that are to be stored with a key of several columns.
    fn rows(&mut self, rows: &[Vec<Operand>], values: &impl route::Values) {
        for operand in rows.iter().flatten() {
            let Operand::Slot { slot, negated } = operand else { continue };
            values.each(*slot, &mut |value| {
                if let Value::Unbound(_) = value {
                    self.push(Read::Open, literal(value, *negated), None);
                }
                true
            });
        }
        let _ = columns::each_row(self.split, rows, values, &mut |keys| {
            self.tuple(keys);
            Ok(())
        });
    }

    fn tuple(&mut self, keys: &[Key<'_>]) {
        let (mut text, mut shown) = (Vec::new(), Vec::new());
        for (column, key) in self.split.key.columns().zip(keys) {
            self.split.append(column, *key, &mut text);
            shown.push(column.kind.shown(*key));
        }
        let read = self.place_of(Key::Text(&text));
        self.push(read, format!("({})", shown.join(", ")), None);
    }

    fn add(&mut self, given: String, key: Result<Option<Normal<'_>>, &'static str>) {
        let key = key.as_ref().map(|key| key.as_ref().map(Normal::key));
        let read = match key {
            Ok(Some(key)) => self.place_of(key),
            Ok(None) => Read::NoRow,
            Err(form) => Read::Unsettled(form),
        };
        self.push(read, given, key.ok().flatten().map(|key| self.split.key.first.kind.shown(key)));
    }

    fn push(&mut self, read: Read, given: String, key: Option<String>) {
        let value = KeyValue { given, key };
        if let Some(values) = self.values.iter_mut().find(|values| values.read == read) {
            values.count += 1;
            if values.shown.len() < VALUES_MAX {
                values.shown.push(value);
            }
        } else if self.values.len() < READINGS_MAX {
            let shown = vec![value];
            self.values.push(ValuesRead { read, shown, count: 1 });
        } else {
            self.cut = true;
        }
    }

    fn place_of(&self, key: Key<'_>) -> Read {
        let Some(home) = self.split.home(key) else {
            return Read::NoRow;
        };
        let place = match &self.split.split {
            Split::Range(ranges) => ranges.around(key).map(|found| interval(Some(&self.split.key), found)),
            Split::List(list) if list.holds(key) => Some("listed".into()),
            Split::List(_) => Some("not listed".into()),
            Split::Hash(hash) => {
                let bucket = Key::Number(self.split.bucket(hash, key).into());
                hash.ranges.around(bucket).map(|found| format!("buckets {}", interval(None, found)))
            }
        };
        Read::Place { place: place.unwrap_or_default(), shard: self.map.shard(home).name.as_str().into() }
    }
}

/// `[MIN, 1000000)`, `[1000000, MAX]`; buckets are keys without a type.
pub fn interval(of: Option<&TableKey>, Interval { from, to, .. }: Interval<'_>) -> String {
    let shown = |key: Key<'_>| match (of, key) {
        (Some(of), key) => of.shown(key),
        (None, Key::Number(bucket)) => bucket.to_string(),
        (None, Key::Text(_)) => String::new(),
    };
    let from = from.map_or_else(|| "MIN".into(), shown);
    match to {
        Some(to) => format!("[{from}, {})", shown(to)),
        None => format!("[{from}, MAX]"),
    }
}

fn comparison(read: Compared<'_>) -> Result<Option<Normal<'_>>, &'static str> {
    match read {
        Compared::Key(key) => Ok(Some(key)),
        Compared::Nothing => Ok(None),
        Compared::Unsettled(form) => Err(form.named()),
    }
}

fn shown(operands: &[Operand], values: &impl route::Values) -> String {
    let mut texts: Vec<String> = Vec::new();
    for operand in operands {
        match operand {
            Operand::Slot { slot, negated } => values.each(*slot, &mut |value| {
                texts.push(literal(value, *negated));
                texts.len() <= VALUES_MAX
            }),
            other => texts.push(text_of(other)),
        }
        if texts.len() > VALUES_MAX {
            texts.truncate(VALUES_MAX);
            texts.push("...".into());
            break;
        }
    }
    texts.join(", ")
}

/// Rows in parentheses; a folded one with all that its slots stand for.
fn shown_rows(rows: &[Vec<Operand>], values: &impl route::Values) -> String {
    let mut texts: Vec<String> = Vec::new();
    for row in rows {
        let mut columns: Vec<Vec<String>> = Vec::new();
        for operand in row {
            let mut column = Vec::new();
            match operand {
                Operand::Slot { slot, negated } => values.each(*slot, &mut |value| {
                    column.push(literal(value, *negated));
                    column.len() <= VALUES_MAX
                }),
                other => column.push(text_of(other)),
            }
            columns.push(column);
        }
        let count = columns.iter().map(Vec::len).max().unwrap_or_default();
        for index in 0..count {
            let of_row = columns.iter().filter_map(|column| column.get(index).or(column.last()));
            texts.push(format!("({})", of_row.cloned().collect::<Vec<_>>().join(", ")));
        }
        if texts.len() > VALUES_MAX {
            texts.truncate(VALUES_MAX);
            texts.push("...".into());
            break;
        }
    }
    texts.join(", ")
}

/// What stands where a value could.
fn text_of(operand: &Operand) -> String {
    let text = match operand {
        Operand::Null => "NULL",
        Operand::Bool(true) => "TRUE",
        Operand::Bool(false) => "FALSE",
        Operand::Default => "DEFAULT",
        Operand::Clock(Clock::Now, _) => "NOW()",
        Operand::Clock(Clock::Today, _) => "CURDATE()",
        Operand::Clock(Clock::UtcNow, _) => "UTC_TIMESTAMP()",
        Operand::Clock(Clock::UtcToday, _) => "UTC_DATE()",
        Operand::Clock(Clock::Called, _) => "SYSDATE()",
        Operand::Clock(Clock::Default, _) => "DEFAULT (CURRENT_TIMESTAMP)",
        Operand::Expression => "an expression",
        Operand::Missing => "nothing",
        Operand::Slot { .. } => "a value",
    };
    text.into()
}

fn literal(value: Value<'_>, negated: bool) -> String {
    let text = match value {
        Value::Integer(bytes) | Value::Decimal(bytes) | Value::String(bytes) => lossy(bytes),
        Value::Date(bytes) => format!("DATE{}", lossy(bytes)),
        Value::Timestamp(bytes) => format!("TIMESTAMP{}", lossy(bytes)),
        Value::Text(bytes) => format!("'{}'", lossy(bytes)),
        Value::Digits(bytes) => lossy(bytes),
        Value::Temporal(_) => "a point in time".into(),
        Value::Signed(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Double(value) => format!("{value:e}"),
        Value::Null => "NULL".into(),
        Value::Float => "a float".into(),
        Value::Unbound(parameter) => format!("?{}", u32::from(parameter) + 1),
        Value::Other => "?".into(),
    };
    if negated { format!("-{text}") } else { text }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(64).collect()
}
