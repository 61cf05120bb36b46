//! The statements that read a table in chunks, and the literals in them.

use std::fmt::Write;

use super::layout::{Column, Form, Layout};
use crate::commands::query::name;

/// A value as the server answered; `None` is NULL.
pub type Value = Option<Vec<u8>>;

/// One row of an answer: the columns that the table is read by, the sharding key, and how many rows these stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As the server answered: hexadecimal digits where the form says so.
    pub by: Vec<Value>,
    pub key: Vec<Value>,
    /// The sharding key's own texts or bytes.
    pub stored: Vec<Value>,
    pub count: u64,
}

/// Statements about one table on one server.
#[derive(Debug)]
pub struct Select<'a> {
    pub database: &'a str,
    pub table: &'a str,
    pub layout: &'a Layout,
}

impl Select<'_> {
    /// The next rows in order, behind that of these values, or the first ones.
    pub fn chunk(&self, after: Option<&[Value]>, rows: u64) -> Option<String> {
        let condition = match after {
            Some(values) => Some(self.behind(values)?),
            None => None,
        };
        Some(format!("{} LIMIT {rows}", self.statement(condition.as_deref())))
    }

    /// These rows again, as far as they are still there.
    pub fn again(&self, rows: &[Row]) -> Option<String> {
        let conditions: Option<Vec<String>> =
            rows.iter().map(|row| self.equal(self.layout.by.len(), &row.by)).collect();
        Some(self.statement(Some(&conditions?.join(" OR "))))
    }

    fn statement(&self, condition: Option<&str>) -> String {
        let layout = self.layout;
        let by: Vec<String> = layout.by.iter().map(|column| name(&column.name)).collect();
        let mut selected: Vec<String> = layout.by.iter().map(selected).collect();
        match layout.is_primary {
            true => selected.extend(layout.key.iter().map(self::selected)),
            false => selected.push("COUNT(*)".into()),
        }
        let mut text = format!(
            "SELECT {} FROM {}.{} FORCE INDEX ({})",
            selected.join(", "),
            name(self.database),
            name(self.table),
            name(&layout.index)
        );
        let mut add = |more: &str, what: &str| {
            let _ = write!(text, "{more}{what}");
        };
        if let Some(condition) = condition {
            add(" WHERE ", condition);
        }
        if !layout.is_primary {
            add(" GROUP BY ", &by.join(", "));
        }
        add(" ORDER BY ", &by.join(", "));
        text
    }

    /// `a > 1 OR a = 1 AND b > 2`: what optimizers make ranges of, unlike `(a, b) > (1, 2)`.
    fn behind(&self, values: &[Value]) -> Option<String> {
        let mut parts = Vec::new();
        for (index, (column, value)) in self.layout.by.iter().zip(values).enumerate() {
            let greater = match value {
                Some(value) => format!("{} > {}", compared(column), literal(&column.form, value)?),
                // NULL is first in order.
                None => format!("{} IS NOT NULL", name(&column.name)),
            };
            parts.push(match index {
                0 => greater,
                _ => format!("{} AND {greater}", self.equal(index, values)?),
            });
        }
        Some(parts.join(" OR "))
    }

    /// Equality of the first so many columns.
    fn equal(&self, columns: usize, values: &[Value]) -> Option<String> {
        let mut parts = Vec::new();
        for (column, value) in self.layout.by.iter().zip(values).take(columns) {
            parts.push(match value {
                Some(value) => format!("{} = {}", compared(column), literal(&column.form, value)?),
                None => format!("{} IS NULL", name(&column.name)),
            });
        }
        Some(parts.join(" AND "))
    }

    /// A row of an answer; `None` if it is none of these statements'.
    pub fn row(&self, mut values: Vec<Value>) -> Option<Row> {
        let layout = self.layout;
        let more = match layout.is_primary {
            true => layout.key.len(),
            false => 1,
        };
        if values.len() != layout.by.len() + more {
            return None;
        }
        let rest = values.split_off(layout.by.len());
        let (key, count) = match layout.is_primary {
            true => (rest, 1),
            false => (values.clone(), std::str::from_utf8(rest[0].as_deref()?).ok()?.parse().ok()?),
        };
        let plain = layout.key.iter().zip(&key).map(|(column, value)| plain(&column.form, value));
        let stored = plain.collect::<Option<_>>()?;
        Some(Row { by: values, key, stored, count })
    }
}

/// What is asked of a column.
fn selected(column: &Column) -> String {
    match column.form {
        Form::Bytes { .. } => format!("HEX({})", name(&column.name)),
        _ => compared(column),
    }
}

fn compared(column: &Column) -> String {
    match column.form {
        Form::Index => format!("{} + 0", name(&column.name)),
        _ => name(&column.name),
    }
}

/// The column's own value from its answer. The outer `None`: it is not what was asked for.
fn plain(form: &Form, value: &Value) -> Option<Value> {
    match (form, value) {
        (Form::Bytes { .. }, Some(digits)) => Some(Some(unhex(digits)?)),
        (_, value) => Some(value.clone()),
    }
}

/// A literal that compares with the column as another value of it does. What a server answered is not trusted to be safe.
fn literal(form: &Form, value: &[u8]) -> Option<String> {
    let all = |is_safe: fn(&u8) -> bool| value.iter().all(is_safe).then(|| String::from_utf8_lossy(value));
    match form {
        Form::Number | Form::Index => {
            let digits = all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))?;
            (!digits.is_empty()).then(|| digits.into_owned())
        }
        Form::Quoted => {
            let text = all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'.' | b' '))?;
            Some(format!("'{text}'"))
        }
        Form::Bytes { charset } => {
            let digits = all(u8::is_ascii_hexdigit)?;
            let introducer = charset.as_ref().map(|charset| format!("_{charset} ")).unwrap_or_default();
            Some(format!("{introducer}x'{digits}'"))
        }
    }
}

/// A value for people: text in quotes where it is text that all read alike, else the literal.
pub fn shown(form: &Form, value: &Value) -> String {
    let Some(value) = value else { return "NULL".into() };
    if let Form::Bytes { charset: Some(charset) } = form
        && let Some(bytes) = unhex(value)
        && let Some(text) = readable(charset, &bytes)
    {
        return format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    }
    literal(form, value).unwrap_or_else(|| String::from_utf8_lossy(value).escape_default().to_string())
}

/// A value for programs: the text itself where it has one.
pub fn bare(form: &Form, value: &Value) -> Option<String> {
    let value = value.as_ref()?;
    let Form::Bytes { charset } = form else {
        return Some(String::from_utf8_lossy(value).into_owned());
    };
    let bytes = unhex(value).unwrap_or_default();
    let text = charset.as_ref().and_then(|charset| readable(charset, &bytes));
    text.or_else(|| literal(form, value))
}

/// Text without control characters, in a charset that has the ASCII characters where ASCII has them.
fn readable(charset: &str, bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let reads = match charset {
        "utf8mb4" | "utf8mb3" | "utf8" | "ascii" => true,
        "ucs2" | "utf16" | "utf16le" | "utf32" => false,
        _ => text.is_ascii(),
    };
    (reads && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.chunks_exact(2);
    let sound = pairs.remainder().is_empty();
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect::<Option<_>>().filter(|_| sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, form: Form) -> Column {
        Column { name: name.into(), form, width: 10 }
    }

    fn text(value: &str) -> Value {
        Some(value.into())
    }

    fn layout() -> Layout {
        let utf8mb4 = Form::Bytes { charset: Some("utf8mb4".into()) };
        Layout {
            by: vec![column("a", Form::Number), column("b`", utf8mb4), column("c", Form::Index)],
            is_primary: true,
            key: vec![column("at", Form::Quoted)],
            index: "PRIMARY".into(),
        }
    }

    #[test]
    fn chunks_go_on_behind_the_last_row() {
        let layout = layout();
        let select = Select { database: "shop", table: "t", layout: &layout };
        let head = "SELECT `a`, HEX(`b```), `c` + 0, `at` FROM `shop`.`t` FORCE INDEX (`PRIMARY`)";
        let order = "ORDER BY `a`, `b```, `c`";
        assert_eq!(select.chunk(None, 10), Some(format!("{head} {order} LIMIT 10")));
        let condition = "`a` > -7 OR `a` = -7 AND `b``` > _utf8mb4 x'C3A4' OR `a` = -7 AND `b``` = _utf8mb4 x'C3A4' AND `c` + 0 > 2";
        let last = [text("-7"), text("C3A4"), text("2")];
        assert_eq!(select.chunk(Some(&last), 10), Some(format!("{head} WHERE {condition} {order} LIMIT 10")));
        let row = |a| Row { by: vec![text(a), text(""), text("2")], key: vec![None], stored: vec![None], count: 1 };
        let equal = |a| format!("`a` = {a} AND `b``` = _utf8mb4 x'' AND `c` + 0 = 2");
        let again = format!("{head} WHERE {} OR {} {order}", equal(1), equal(2));
        assert_eq!(select.again(&[row("1"), row("2")]), Some(again));
    }

    #[test]
    fn without_a_primary_key_the_rows_of_each_key_are_counted() {
        let key = column("k", Form::Number);
        let layout = Layout { by: vec![key.clone()], is_primary: false, key: vec![key], index: "k_at".into() };
        let select = Select { database: "shop", table: "t", layout: &layout };
        let head = "SELECT `k`, COUNT(*) FROM `shop`.`t` FORCE INDEX (`k_at`)";
        let order = "GROUP BY `k` ORDER BY `k`";
        assert_eq!(select.chunk(None, 5), Some(format!("{head} {order} LIMIT 5")));
        assert_eq!(select.chunk(Some(&[None]), 5), Some(format!("{head} WHERE `k` IS NOT NULL {order} LIMIT 5")));
        let row = select.row(vec![text("5"), text("12")]).expect("a row");
        assert_eq!((&row.stored, row.count), (&vec![text("5")], 12));
        assert_eq!(select.again(&[row]), Some(format!("{head} WHERE `k` = 5 {order}")));
        assert_eq!(select.row(vec![text("5"), None]), None);
        assert_eq!(select.row(vec![text("5")]), None);
    }

    #[test]
    fn what_a_server_answers_cannot_leave_its_literal() {
        let bytes = |charset: Option<&str>| Form::Bytes { charset: charset.map(str::to_owned) };
        for (form, value, expected) in [
            (Form::Number, "-12.50", Some("-12.50")),
            (Form::Number, "", None),
            (Form::Number, "1 OR 1", None),
            (Form::Quoted, "2026-07-01 12:00:00.5", Some("'2026-07-01 12:00:00.5'")),
            (Form::Quoted, "2026' OR '1", None),
            (bytes(None), "00FF", Some("x'00FF'")),
            (bytes(Some("latin1")), "E4", Some("_latin1 x'E4'")),
            (bytes(None), "0g", None),
        ] {
            assert_eq!(literal(&form, value.as_bytes()).as_deref(), expected, "{form:?} {value}");
        }
    }

    #[test]
    fn values_are_shown_as_they_can_be_written() {
        let bytes = |charset: Option<&str>| Form::Bytes { charset: charset.map(str::to_owned) };
        for (form, value, expected, plain) in [
            (Form::Number, text("42"), "42", Some("42")),
            (Form::Number, None, "NULL", None),
            (Form::Quoted, text("2026-07-01"), "'2026-07-01'", Some("2026-07-01")),
            (bytes(Some("utf8mb4")), text("C3A4275C"), r"'ä''\\'", Some(r"ä'\")),
            (bytes(Some("utf8mb4")), text("610A"), "_utf8mb4 x'610A'", Some("_utf8mb4 x'610A'")),
            (bytes(Some("latin1")), text("E4"), "_latin1 x'E4'", Some("_latin1 x'E4'")),
            (bytes(Some("latin1")), text("C3A4"), "_latin1 x'C3A4'", Some("_latin1 x'C3A4'")),
            (bytes(Some("latin1")), text("61"), "'a'", Some("a")),
            (bytes(Some("utf16")), text("0061"), "_utf16 x'0061'", Some("_utf16 x'0061'")),
            (bytes(None), text("61"), "x'61'", Some("x'61'")),
        ] {
            assert_eq!(shown(&form, &value), expected);
            assert_eq!(bare(&form, &value).as_deref(), plain);
        }
    }
}
