//! Dates and points in time as ordered integers, and the one spelling in which they are read.
//!
//! A date is its number of days, a point in time its number of microseconds, both since 1970. Only what a calendar has:
//! no zero dates, no 30th of February. Years have four digits and begin at 1000, as in the servers' manuals.

use std::fmt;

/// The most digits of a fraction of a second.
pub const FRACTION_DIGITS_MAX: u8 = 6;

const SECOND: i128 = 1_000_000;
const DAY: i128 = 86_400 * SECOND;

/// A fixed offset from UTC, in seconds; ahead of it if positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    seconds: i32,
}

impl Zone {
    pub const UTC: Zone = Zone { seconds: 0 };

    /// `UTC` in any case, or `+hh:mm`, as `time_zone` has them. Named zones are none: their offsets change.
    pub fn read(text: &str) -> Option<Zone> {
        if text.eq_ignore_ascii_case("UTC") {
            return Some(Zone::UTC);
        }
        let (sign, digits) = match text.split_at_checked(1)? {
            ("+", digits) => (1, digits),
            ("-", digits) => (-1, digits),
            _ => return None,
        };
        let (hours, minutes) = digits.split_once(':')?;
        let [hours, minutes] = [hours, minutes].map(|part| number(part.as_bytes(), 2));
        let (hours, minutes) = (hours?, minutes?);
        // As both servers have it: MariaDB allows no more than 13 hours.
        let seconds = 3600 * hours + 60 * minutes;
        let most = if sign > 0 { 13 * 3600 } else { 13 * 3600 - 60 };
        (minutes < 60 && seconds <= most).then_some(Zone { seconds: sign * seconds as i32 })
    }

    fn micros(self) -> i128 {
        i128::from(self.seconds) * SECOND
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.seconds.abs() / 60;
        match self.seconds {
            0 => f.write_str("UTC"),
            seconds => {
                let sign = if seconds < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

/// The fields of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: u32,
    pub month: u32,
    pub day: u32,
}

/// The fields of a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Time {
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub micros: u32,
}

impl Date {
    /// `YYYY-MM-DD`.
    pub fn read(text: &[u8]) -> Option<Date> {
        let (year, rest) = text.split_first_chunk::<4>()?;
        let [b'-', m1, m2, b'-', d1, d2] = *rest else {
            return None;
        };
        Some(Date { year: number(year, 4)?, month: number(&[m1, m2], 2)?, day: number(&[d1, d2], 2)? })
    }

    /// Days since 1970, if the calendar has the date.
    pub fn days(self) -> Option<i128> {
        let Date { year, month, day } = self;
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let length = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        if !(1000..=9999).contains(&year) || !(1..=length).contains(&day) {
            return None;
        }
        // Years that begin in March, so that the leap day is the last one (Hinnant, "chrono-Compatible Low-Level Date
        // Algorithms").
        let year = i128::from(year) - i128::from(month < 3);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((i128::from(month) + 9) % 12) + 2) / 5 + i128::from(day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(era * 146_097 + day_of_era - 719_468)
    }

    fn of_days(days: i128) -> Date {
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i128::from(month < 3);
        Date { year: year as u32, month: month as u32, day: day as u32 }
    }
}

impl Time {
    /// `hh:mm:ss`, or with a point and at most `digits_max` digits behind it.
    pub fn read(text: &[u8], digits_max: u8) -> Option<Time> {
        let (whole, fraction) = text.split_at_checked(8)?;
        let [h1, h2, b':', m1, m2, b':', s1, s2] = *whole else {
            return None;
        };
        let micros = match fraction {
            [] => 0,
            [b'.', digits @ ..] if !digits.is_empty() && digits.len() <= usize::from(digits_max) => {
                number(digits, digits.len())? * 10u32.pow(6 - digits.len() as u32)
            }
            _ => return None,
        };
        Some(Time { hour: number(&[h1, h2], 2)?, minute: number(&[m1, m2], 2)?, second: number(&[s1, s2], 2)?, micros })
    }

    /// Microseconds since midnight, if a day has the time.
    pub fn micros(self) -> Option<i128> {
        let Time { hour, minute, second, micros } = self;
        let sound = hour < 24 && minute < 60 && second < 60 && micros < 1_000_000;
        sound.then(|| i128::from(3600 * hour + 60 * minute + second) * SECOND + i128::from(micros))
    }
}

/// Microseconds since 1970 of a local time.
pub fn moment(date: Date, time: Time) -> Option<i128> {
    Some(date.days()? * DAY + time.micros()?)
}

/// `YYYY-MM-DD`, at midnight, or `YYYY-MM-DD hh:mm:ss` with at most `digits_max` digits behind a point.
pub fn read_moment(text: &[u8], digits_max: u8) -> Option<i128> {
    let (date, time) = text.split_at_checked(10)?;
    let time = match time {
        [] => Time::default(),
        [b' ', time @ ..] => Time::read(time, digits_max)?,
        _ => return None,
    };
    moment(Date::read(date)?, time)
}

/// The point in time of a local time of the zone.
pub fn in_utc(moment: i128, zone: Zone) -> i128 {
    moment - zone.micros()
}

/// The local time in the zone of a point in time.
pub fn in_zone(moment: i128, zone: Zone) -> i128 {
    moment + zone.micros()
}

/// Days as `YYYY-MM-DD`.
pub fn show_date(days: i128) -> String {
    let Date { year, month, day } = Date::of_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A local time as `YYYY-MM-DD hh:mm:ss`, with so many digits behind a point.
pub fn show_moment(micros: i128, digits: u8) -> String {
    let date = show_date(micros.div_euclid(DAY));
    let of_day = micros.rem_euclid(DAY);
    let (seconds, fraction) = (of_day / SECOND, of_day % SECOND);
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match digits {
        0 => format!("{date} {time}"),
        digits => {
            format!("{date} {time}.{}", &format!("{fraction:06}")[..usize::from(digits.min(FRACTION_DIGITS_MAX))])
        }
    }
}

/// Exactly so many decimal digits; at most nine.
fn number(digits: &[u8], count: usize) -> Option<u32> {
    let sound = digits.len() == count && count <= 9 && digits.iter().all(u8::is_ascii_digit);
    sound.then(|| digits.iter().fold(0, |value, digit| 10 * value + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_one_spelling() {
        let days = |text: &str| Date::read(text.as_bytes()).and_then(Date::days);
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("1969-12-31"), Some(-1));
        assert_eq!(days("2000-02-29"), Some(11_016));
        assert_eq!(days("9999-12-31"), Some(2_932_896));
        assert_eq!(days("1000-01-01"), Some(-354_285));
        for text in [
            "2026-1-2",
            "26-01-02",
            "20260102",
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "0000-00-00",
            "0999-12-31",
            " 2026-01-02",
            "2026-01-02 ",
            "2026/01/02",
            "+026-01-02",
            "",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }

    #[test]
    fn each_day_has_one_name() {
        let (first, last) = (-354_285, 2_932_896);
        for days in (first..=last).step_by(13).chain([last]) {
            let text = show_date(days);
            assert_eq!(Date::read(text.as_bytes()).and_then(Date::days), Some(days), "{text}");
        }
    }

    #[test]
    fn moments_are_read_in_one_spelling() {
        let read = |text: &str, digits| read_moment(text.as_bytes(), digits);
        assert_eq!(read("1970-01-01 00:00:01", 0), Some(1_000_000));
        assert_eq!(read("1970-01-01", 0), Some(0));
        assert_eq!(read("1970-01-02 23:59:59.5", 3), Some(172_799_500_000));
        assert_eq!(read("1969-12-31 23:59:59.999999", 6), Some(-1));
        assert_eq!(show_moment(-1, 6), "1969-12-31 23:59:59.999999");
        assert_eq!(show_moment(172_799_500_000, 1), "1970-01-02 23:59:59.5");
        assert_eq!(show_moment(0, 0), "1970-01-01 00:00:00");
        for text in [
            "1970-01-01 24:00:00",
            "1970-01-01 00:60:00",
            "1970-01-01 00:00:60",
            "1970-01-01T00:00:00",
            "1970-01-01 00:00",
            "1970-01-01 0:00:00",
            "1970-01-01 00:00:00.",
            "1970-01-01 00:00:00.1234",
            "1970-01-01 00:00:00Z",
            "1970-01-01 00:00:00+00:00",
            "1970-01-01 ",
        ] {
            assert_eq!(read(text, 3), None, "{text}");
        }
    }

    #[test]
    fn zones_are_fixed_offsets() {
        let shown = |text: &str| Zone::read(text).map(|zone| zone.to_string());
        assert_eq!(shown("UTC").as_deref(), Some("UTC"));
        assert_eq!(shown("+00:00").as_deref(), Some("UTC"));
        assert_eq!(shown("+02:00").as_deref(), Some("+02:00"));
        assert_eq!(shown("-05:30").as_deref(), Some("-05:30"));
        for text in
            ["SYSTEM", "Europe/Berlin", "", "+2:00", "+02", "02:00", "+02:60", "+14:00", "-13:00", "+\u{e9}2:00"]
        {
            assert_eq!(shown(text), None, "{text}");
        }
        let zone = Zone::read("+02:00").expect("an offset");
        let noon = read_moment(b"2026-07-01 12:00:00", 0).expect("a moment");
        assert_eq!(show_moment(in_utc(noon, zone), 0), "2026-07-01 10:00:00");
        assert_eq!(in_zone(in_utc(noon, zone), zone), noon);
    }
}
