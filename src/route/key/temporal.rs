//! Keys of DATE, DATETIME and TIMESTAMP columns: one spelling of each, and the parameters of those types.
//!
//! What is compared and what is stored are read alike: each form here is exact.

use super::{Normal, Read, unquoted};
use crate::plan::{Clock, Form};
use crate::route::{SessionFacts, Value};
use crate::shard_map::key::calendar::{self, Date, Time};
use crate::shard_map::{KeyType, Zone};
use crate::wire::execute::DateTime;

/// What both servers' TIMESTAMP columns hold: a second after 1970 to 31 bits of seconds.
const TIMESTAMPS: std::ops::Range<i128> = 1_000_000..(1 << 31) * 1_000_000;

pub fn read(value: Value<'_>, negated: bool, kind: KeyType, session: SessionFacts) -> Read<'static> {
    match value {
        Value::Null => Read::Nothing,
        value => match key(value, negated, kind, session) {
            Ok(key) => Read::Key(Normal::Number(key)),
            Err(form) => Read::Unsettled(form),
        },
    }
}

/// The key that storing the value stores.
pub fn written(value: Value<'_>, negated: bool, kind: KeyType, session: SessionFacts) -> Result<i128, Form> {
    match value {
        Value::Null => Err(Form::Null),
        value => key(value, negated, kind, session),
    }
}

fn key(value: Value<'_>, negated: bool, kind: KeyType, session: SessionFacts) -> Result<i128, Form> {
    if negated {
        return Err(Form::Expression);
    }
    let text = match value {
        Value::String(quoted) | Value::Timestamp(quoted) | Value::Date(quoted) => unquoted(quoted),
        Value::Text(bytes) => bytes,
        Value::Temporal(fields) => return of_fields(fields, kind, session),
        Value::Integer(_)
        | Value::Decimal(_)
        | Value::Float
        | Value::Signed(_)
        | Value::Unsigned(_)
        | Value::Double(_)
        | Value::Digits(_) => return Err(Form::Number),
        Value::Null | Value::Unbound(_) | Value::Other => return Err(Form::Other),
    };
    match kind {
        KeyType::Date if !matches!(value, Value::Timestamp(_)) => {
            Date::read(text).and_then(Date::days).ok_or(Form::Spelling)
        }
        KeyType::DateTime { digits } => calendar::read_moment(text, digits).ok_or(Form::Spelling),
        KeyType::Timestamp { digits, .. } => {
            in_utc(calendar::read_moment(text, digits).ok_or(Form::Spelling)?, session)
        }
        _ => Err(Form::Other),
    }
}

/// A parameter: its client has cut it into fields, and its server takes them as they are.
fn of_fields(fields: DateTime, kind: KeyType, session: SessionFacts) -> Result<i128, Form> {
    let DateTime { year, month, day, hour, minute, second, micros, date_only } = fields;
    let date = Date { year: year.into(), month: month.into(), day: day.into() };
    let time = Time { hour: hour.into(), minute: minute.into(), second: second.into(), micros };
    // MariaDB drops the time of a DATE, MySQL keeps it.
    if date_only && time != Time::default() {
        return Err(Form::Other);
    }
    let is_exact = |digits: u8| micros.is_multiple_of(10u32.pow(u32::from(calendar::FRACTION_DIGITS_MAX - digits)));
    let moment = calendar::moment(date, time).ok_or(Form::OutOfRange)?;
    match kind {
        KeyType::Date if time == Time::default() => date.days().ok_or(Form::OutOfRange),
        KeyType::DateTime { digits } if is_exact(digits) => Ok(moment),
        KeyType::Timestamp { digits, .. } if is_exact(digits) => in_utc(moment, session),
        _ => Err(Form::Digits),
    }
}

/// The key that storing what a function of the time answers stores, asked for so many digits behind its point.
pub fn clock(clock: Clock, digits: u8, kind: KeyType, session: SessionFacts) -> Result<i128, Form> {
    const DAY: i128 = 86_400_000_000;
    if !matches!(kind, KeyType::Date | KeyType::DateTime { .. } | KeyType::Timestamp { .. }) {
        return Err(Form::Expression);
    }
    let now = session.now.ok_or(Form::Clock)?;
    let local = match clock {
        Clock::Now | Clock::Today | Clock::Default => calendar::in_zone(now, session.zone.ok_or(Form::Zone)?),
        Clock::UtcNow | Clock::UtcToday => now,
        Clock::Called => return Err(Form::Called),
    };
    let is_day = matches!(clock, Clock::Today | Clock::UtcToday);
    let most = match kind {
        KeyType::DateTime { digits } | KeyType::Timestamp { digits, .. } => digits,
        _ => 0,
    };
    let digits = if clock == Clock::Default { most } else { digits };
    if digits > most || is_day && digits > 0 {
        return Err(Form::Digits);
    }
    let unit = if is_day { DAY } else { 10i128.pow(u32::from(calendar::FRACTION_DIGITS_MAX - digits)) };
    let moment = local - local.rem_euclid(unit);
    match kind {
        KeyType::Date => Ok(moment.div_euclid(DAY)),
        KeyType::Timestamp { .. } => in_utc(moment, session),
        _ => Ok(moment),
    }
}

fn in_utc(moment: i128, session: SessionFacts) -> Result<i128, Form> {
    let zone: Zone = session.zone.ok_or(Form::Zone)?;
    Some(calendar::in_utc(moment, zone)).filter(|moment| TIMESTAMPS.contains(moment)).ok_or(Form::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard_map::Key;

    const NOWHERE: SessionFacts = SessionFacts::ORDINARY;

    fn read_as(value: Value<'_>, kind: KeyType, session: SessionFacts) -> Result<String, Form> {
        match read(value, false, kind, session) {
            Read::Key(key) => Ok(kind.shown(key.key())),
            Read::Unsettled(form) => Err(form),
            Read::Nothing => panic!("{value:?} matches nothing"),
        }
    }

    #[test]
    fn dates_have_one_spelling() {
        let check = |value: Value<'_>, expected: Result<&str, Form>| {
            assert_eq!(read_as(value, KeyType::Date, NOWHERE), expected.map(String::from), "{value:?}");
        };
        check(Value::String(b"'2026-01-02'"), Ok("2026-01-02"));
        check(Value::Date(b"'2026-01-02'"), Ok("2026-01-02"));
        check(Value::Text(b"2026-01-02"), Ok("2026-01-02"));
        check(Value::Timestamp(b"'2026-01-02'"), Err(Form::Other));
        check(Value::String(b"'2026-1-2'"), Err(Form::Spelling));
        check(Value::String(b"'2026-01-02 00:00:00'"), Err(Form::Spelling));
        check(Value::String(b"'2026-02-30'"), Err(Form::Spelling));
        check(Value::Integer(b"20260102"), Err(Form::Number));
        let day = DateTime { year: 2026, month: 1, day: 2, ..DateTime::default() };
        check(Value::Temporal(day), Ok("2026-01-02"));
        check(Value::Temporal(DateTime { date_only: true, ..day }), Ok("2026-01-02"));
        check(Value::Temporal(DateTime { second: 1, ..day }), Err(Form::Digits));
        check(Value::Temporal(DateTime::default()), Err(Form::OutOfRange));
    }

    #[test]
    fn fractions_have_no_more_digits_than_the_column() {
        let check = |value: Value<'_>, digits: u8, expected: Result<&str, Form>| {
            let kind = KeyType::DateTime { digits };
            assert_eq!(read_as(value, kind, NOWHERE), expected.map(String::from), "{value:?} {digits}");
        };
        check(Value::String(b"'2026-01-02 03:04:05.5'"), 1, Ok("2026-01-02 03:04:05.5"));
        check(Value::String(b"'2026-01-02 03:04:05.5'"), 0, Err(Form::Spelling));
        check(Value::String(b"'2026-01-02'"), 0, Ok("2026-01-02 00:00:00"));
        check(Value::Timestamp(b"'2026-01-02 03:04:05'"), 0, Ok("2026-01-02 03:04:05"));
        let fields = DateTime { year: 2026, month: 1, day: 2, hour: 3, micros: 500_000, ..DateTime::default() };
        check(Value::Temporal(fields), 1, Ok("2026-01-02 03:00:00.5"));
        check(Value::Temporal(fields), 0, Err(Form::Digits));
        check(Value::Temporal(DateTime { date_only: true, ..fields }), 1, Err(Form::Other));
    }

    #[test]
    fn timestamps_need_the_sessions_zone() {
        let zone = |text| SessionFacts { zone: Zone::read(text), ..NOWHERE };
        let kind = KeyType::Timestamp { digits: 0, zone: Zone::UTC };
        let noon = Value::String(b"'2026-07-01 12:00:00'");
        assert_eq!(read_as(noon, kind, zone("+02:00")), Ok("2026-07-01 10:00:00".into()));
        assert_eq!(read_as(noon, kind, zone("UTC")), Ok("2026-07-01 12:00:00".into()));
        assert_eq!(read_as(noon, kind, zone("SYSTEM")), Err(Form::Zone));
        assert_eq!(read_as(Value::String(b"'1970-01-01 00:00:00'"), kind, zone("UTC")), Err(Form::OutOfRange));
        assert_eq!(read_as(Value::String(b"'2038-01-19 03:14:08'"), kind, zone("UTC")), Err(Form::OutOfRange));
        assert_eq!(
            read_as(Value::String(b"'2038-01-19 03:14:07'"), kind, zone("UTC")),
            Ok("2038-01-19 03:14:07".into())
        );
    }

    #[test]
    fn the_time_is_cut_to_what_the_function_and_the_column_have() {
        // 2026-07-01 23:30:15.25
        let now = Some(1_782_948_615_250_000);
        let check = |function, digits, kind: KeyType, zone, expected: Result<&str, Form>| {
            let session = SessionFacts { zone: Zone::read(zone), now, ..NOWHERE };
            let key = clock(function, digits, kind, session).map(|key| kind.shown(Key::Number(key)));
            assert_eq!(key, expected.map(String::from), "{function:?} {digits} {kind:?} {zone}");
        };
        let (datetime, timestamp) =
            (KeyType::DateTime { digits: 1 }, KeyType::Timestamp { digits: 0, zone: Zone::UTC });
        check(Clock::Now, 0, datetime, "UTC", Ok("2026-07-01 23:30:15.0"));
        check(Clock::Now, 1, datetime, "+01:00", Ok("2026-07-02 00:30:15.2"));
        check(Clock::Now, 2, datetime, "UTC", Err(Form::Digits));
        check(Clock::Default, 0, datetime, "UTC", Ok("2026-07-01 23:30:15.2"));
        check(Clock::Default, 0, timestamp, "+01:00", Ok("2026-07-01 23:30:15"));
        check(Clock::Default, 0, timestamp, "SYSTEM", Err(Form::Zone));
        check(Clock::Now, 0, datetime, "SYSTEM", Err(Form::Zone));
        check(Clock::UtcNow, 0, datetime, "SYSTEM", Ok("2026-07-01 23:30:15.0"));
        check(Clock::Today, 0, datetime, "+01:00", Ok("2026-07-02 00:00:00.0"));
        check(Clock::Now, 0, timestamp, "+01:00", Ok("2026-07-01 23:30:15"));
        check(Clock::UtcNow, 0, timestamp, "+01:00", Ok("2026-07-01 22:30:15"));
        check(Clock::Now, 0, KeyType::Date, "+01:00", Ok("2026-07-02"));
        check(Clock::UtcToday, 0, KeyType::Date, "+01:00", Ok("2026-07-01"));
        check(Clock::Called, 0, datetime, "UTC", Err(Form::Called));
        let unknown = SessionFacts { zone: Zone::read("UTC"), ..NOWHERE };
        assert_eq!(clock(Clock::Now, 0, datetime, unknown), Err(Form::Clock));
    }
}
