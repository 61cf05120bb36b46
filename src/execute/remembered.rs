//! What is kept of a SET: a text that means the same on every server, whenever it is replayed.
//!
//! Invariant: a value is kept as the client wrote it only if it reads alike under every charset and sql_mode; any other is
//! read back from the server that computed it, and kept as a literal with its type, charset and collation.

use crate::backend::{Failure, Lease};
use crate::session::State;
use crate::sql::{Assignment, Scope, Value};
use crate::wire::result_set::{ColumnType, Decoded};

/// A variable whose value only the server knows now.
pub enum ReadBack {
    System(String),
    User(String),
}

/// Puts what is plain into the state; what is not must be read back.
pub fn remember(state: &mut State, assignments: &[Assignment<'_>]) -> Vec<ReadBack> {
    let mut back = Vec::new();
    for assignment in assignments {
        match assignment {
            // Written anew: a comment in the client's own text could pass for the name.
            Assignment::Names { charset, collation, .. } => {
                let mut text = format!("NAMES {}", charset.as_deref().unwrap_or("DEFAULT"));
                if let Some(collation) = collation {
                    text.push_str(" COLLATE ");
                    text.push_str(collation);
                }
                state.set_charset(text.into_bytes());
            }
            Assignment::CharacterSet { charset, .. } => {
                state.set_charset(format!("CHARACTER SET {}", charset.as_deref().unwrap_or("DEFAULT")).into_bytes());
            }
            Assignment::System { name, .. } if is_insert_id(name) => {}
            // Another default than that which SET NAMES left.
            Assignment::System { name, value: Value::Literal(value), .. }
                if value.eq_ignore_ascii_case(b"default")
                    && (name.starts_with("character_set_") || name.starts_with("collation_")) =>
            {
                let of = name.strip_prefix("character_set_");
                let of = of.filter(|of| matches!(*of, "connection" | "database" | "server"));
                // A collation says its charset too.
                back.push(ReadBack::System(of.map_or(name.clone(), |of| format!("collation_{of}"))));
            }
            Assignment::System { name, value: Value::Literal(value), .. }
                if !decides_parsing(name) && is_plain(value) && (name != "autocommit" || is_switch(value)) =>
            {
                state.set_system(name, value.to_vec());
            }
            Assignment::System { name, .. } => back.push(ReadBack::System(name.clone())),
            Assignment::User { name, value: Value::Literal(value), .. } if is_number(value) => {
                state.set_user(name.as_bytes(), value.to_vec());
            }
            Assignment::User { name, .. } => back.push(ReadBack::User(name.clone())),
            Assignment::Other { .. } => {}
        }
    }
    back
}

/// `SET @@transaction_isolation = ..` as the SET TRANSACTION that it is, in words that every server knows; `None` if it
/// says something else besides.
pub fn next_transaction(assignments: &[Assignment<'_>]) -> Option<String> {
    assignments.iter().all(|one| characteristic(one, Scope::Next).is_some()).then_some(())?;
    characteristics(assignments, Scope::Next)
}

/// What the assignments in this scope say of transactions, as a SET TRANSACTION.
pub fn characteristics(assignments: &[Assignment<'_>], scope: Scope) -> Option<String> {
    let parts: Vec<_> = assignments.iter().filter_map(|one| characteristic(one, scope)).collect();
    (!parts.is_empty()).then(|| format!("SET TRANSACTION {}", parts.join(", ")))
}

fn characteristic(assignment: &Assignment<'_>, of: Scope) -> Option<&'static str> {
    let Assignment::System { scope, name, value: Value::Literal(value), .. } = assignment else {
        return None;
    };
    let is_isolation = match name.as_str() {
        "transaction_isolation" | "tx_isolation" => true,
        "transaction_read_only" | "tx_read_only" => false,
        _ => return None,
    };
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    let value = value.trim_matches(|quote| matches!(quote, '\'' | '"'));
    let said = match (is_isolation, value) {
        (true, "read-uncommitted" | "0") => "ISOLATION LEVEL READ UNCOMMITTED",
        (true, "read-committed" | "1") => "ISOLATION LEVEL READ COMMITTED",
        (true, "repeatable-read" | "2") => "ISOLATION LEVEL REPEATABLE READ",
        (true, "serializable" | "3") => "ISOLATION LEVEL SERIALIZABLE",
        (false, "1" | "on" | "true") => "READ ONLY",
        (false, "0" | "off" | "false") => "READ WRITE",
        _ => return None,
    };
    (*scope == of).then_some(said)
}

/// Variables that may only be off, and why.
pub fn not_off(name: &str, value: &Value<'_>) -> Option<&'static str> {
    let why = match name {
        "completion_type" => "a COMMIT that opens the next transaction or disconnects is not followed",
        "sql_auto_is_null" => "`IS NULL` would read the LAST_INSERT_ID() of whoever used the server connection before",
        name if is_insert_id(name) && matches!(value, Value::Expression(_)) => "its value must be a number",
        _ => return None,
    };
    let off: &[&[u8]] = &[b"0", b"off", b"'off'", b"false", b"no_chain", b"'no_chain'", b"default"];
    let is_off = matches!(value, Value::Literal(text) if off.iter().any(|off| text.eq_ignore_ascii_case(off)));
    let numbers = is_insert_id(name) && matches!(value, Value::Literal(_));
    (!is_off && !numbers).then_some(why)
}

/// The names of the variable behind LAST_INSERT_ID().
pub fn is_insert_id(name: &str) -> bool {
    matches!(name, "last_insert_id" | "identity")
}

/// Variables that the lexer must know by name, whatever form the client gave: numbers, combined modes, DEFAULT.
pub fn decides_parsing(name: &str) -> bool {
    matches!(name, "sql_mode" | "character_set_client")
}

/// The values of autocommit that `State` knows; of others, the server says what they mean.
pub fn is_switch(value: &[u8]) -> bool {
    let known: [&[u8]; 10] = [b"0", b"1", b"on", b"off", b"true", b"false", b"'on'", b"'off'", b"'0'", b"'1'"];
    known.iter().any(|known| value.eq_ignore_ascii_case(known))
}

pub fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) || value.eq_ignore_ascii_case(b"null")
}

/// A number, a word, or a string in single quotes that reads the same in every mode and charset.
fn is_plain(value: &[u8]) -> bool {
    let word = |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+'));
    match value {
        [b'\'', inner @ .., b'\''] => inner.iter().all(|b| (0x20..0x7F).contains(b) && !matches!(b, b'\'' | b'\\')),
        value => !value.is_empty() && word(value),
    }
}

impl ReadBack {
    pub async fn read(&self, lease: &mut Lease, next: &mut State) -> Result<(), Failure> {
        let sql = match self {
            ReadBack::System(name) => format!("SELECT @@session.{name}"),
            ReadBack::User(name) => {
                let name = name.replace('`', "``");
                format!("SELECT @`{name}`, CHARSET(@`{name}`), COLLATION(@`{name}`), HEX(@`{name}`)")
            }
        };
        let Decoded::Rows(rows) = lease.query(sql.as_bytes()).await? else {
            return Err(lease.garbage("no row for a variable that was just set"));
        };
        let kind = rows.types.first().copied();
        let unsigned = rows.unsigned.first().is_some_and(|unsigned| *unsigned);
        let Some(row) = rows.rows.into_iter().next() else {
            return Err(lease.garbage("no row for a variable that was just set"));
        };
        match self {
            ReadBack::System(name) => next.set_system(name, system_literal(row.into_iter().next().flatten())),
            ReadBack::User(name) => next.set_user(name.as_bytes(), user_literal(&row, kind, unsigned)),
        }
        Ok(())
    }
}

fn system_literal(value: Option<Vec<u8>>) -> Vec<u8> {
    let Some(value) = value else {
        return b"NULL".to_vec();
    };
    let number = is_number(&value);
    let mut quoted = b"'".to_vec();
    quoted.extend_from_slice(&value);
    quoted.push(b'\'');
    if number {
        value
    } else if is_plain(&quoted) {
        quoted
    } else {
        let mut literal = b"_utf8mb4 X'".to_vec();
        literal.extend_from_slice(hex(&value).as_bytes());
        literal.push(b'\'');
        literal
    }
}

/// A literal with the value, type, charset and collation of a user variable: value, CHARSET, COLLATION, HEX.
fn user_literal(row: &[Option<Vec<u8>>], kind: Option<ColumnType>, unsigned: bool) -> Vec<u8> {
    let text = |at: usize| row.get(at).and_then(|value| value.as_deref()).map(String::from_utf8_lossy);
    let Some(value) = text(0) else {
        return b"NULL".to_vec();
    };
    match kind {
        Some(ColumnType::LONGLONG | ColumnType::LONG) if unsigned => format!("CAST({value} AS UNSIGNED)").into_bytes(),
        Some(ColumnType::LONGLONG | ColumnType::LONG) => value.into_owned().into_bytes(),
        Some(ColumnType::NEWDECIMAL) if value.contains('.') => value.into_owned().into_bytes(),
        Some(ColumnType::NEWDECIMAL) => format!("{value}.").into_bytes(),
        Some(ColumnType::DOUBLE | ColumnType::FLOAT) if value.contains('e') => value.into_owned().into_bytes(),
        Some(ColumnType::DOUBLE | ColumnType::FLOAT) => format!("{value}e0").into_bytes(),
        _ => {
            let bytes = text(3).unwrap_or_default();
            match (text(1).as_deref(), text(2).as_deref()) {
                (None | Some("binary"), _) | (_, None) => format!("X'{bytes}'").into_bytes(),
                (Some(charset), Some(collation)) => format!("_{charset} X'{bytes}' COLLATE {collation}").into_bytes(),
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_variables_of_a_transaction_are_set_transaction() {
        let check = |text: &str, expected: Option<&str>| {
            let dialect = crate::sql::Dialect::new(crate::sql::Flavor::MySql, 0);
            let Ok(crate::sql::Control::Set(assignments)) = crate::sql::control(text.as_bytes(), &dialect) else {
                panic!("{text}");
            };
            assert_eq!(next_transaction(&assignments).as_deref(), expected, "{text}");
        };
        let level = Some("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        check("SET @@tx_isolation = 'SERIALIZABLE'", level);
        check("SET @@transaction_isolation = 3", level);
        check("SET @@transaction_read_only = ON", Some("SET TRANSACTION READ ONLY"));
        for other in ["SET tx_isolation = 3", "SET @@session.tx_isolation = 3", "SET @@tx_isolation = @x"] {
            check(other, None);
        }
    }

    #[test]
    fn plain_values_read_alike_everywhere() {
        for plain in ["1", "ON", "'+00:00'", "''", "utf8mb4", "DEFAULT", "1.5", "-1"] {
            assert!(is_plain(plain.as_bytes()), "{plain}");
        }
        for other in ["\"x\"", "'a\\'b'", "'a''b'", "'\u{e4}'", "@@sql_mode", "", "_latin1'x'"] {
            assert!(!is_plain(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn autocommit_is_remembered_in_plain_forms_only() {
        let check = |value: &'static [u8], autocommit: Option<bool>| {
            let mut state = State::new(45, None);
            let value = Value::Literal(value);
            let set = Assignment::System { scope: Scope::Session, name: "autocommit".into(), value, text: b"" };
            let back = remember(&mut state, &[set]);
            assert_eq!(back.is_empty().then(|| state.autocommit()), autocommit, "{value:?}");
        };
        for off in [&b"0"[..], b"OFF", b"false", b"'off'", b"'0'"] {
            check(off, Some(false));
        }
        for on in [&b"1"[..], b"on", b"TRUE", b"'ON'", b"'1'"] {
            check(on, Some(true));
        }
        for other in [&b"00"[..], b"-0", b"0x0", b"DEFAULT", b"01"] {
            check(other, None);
        }
    }

    #[test]
    fn user_variables_keep_type_and_collation() {
        let some = |text: &str| Some(text.as_bytes().to_vec());
        let check = |row: [Option<Vec<u8>>; 4], kind, literal: &str| {
            assert_eq!(String::from_utf8(user_literal(&row, Some(kind), false)).expect("ascii"), literal);
        };
        check([some("5"), some("binary"), some("binary"), some("5")], ColumnType::LONGLONG, "5");
        check([some("1.50"), some("binary"), some("binary"), some("1")], ColumnType::NEWDECIMAL, "1.50");
        check([some("0.1"), some("binary"), some("binary"), some("0")], ColumnType::DOUBLE, "0.1e0");
        check(
            [some("a\u{e4}"), some("latin1"), some("latin1_swedish_ci"), some("61E4")],
            ColumnType::VAR_STRING,
            "_latin1 X'61E4' COLLATE latin1_swedish_ci",
        );
        check([None, some("binary"), some("binary"), None], ColumnType::NULL, "NULL");
        let row = [some("5"), some("binary"), some("binary"), some("5")];
        assert_eq!(user_literal(&row, Some(ColumnType::LONGLONG), true), b"CAST(5 AS UNSIGNED)");
    }
}
