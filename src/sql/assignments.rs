//! SET: its assignments, one by one, each with the client's own bytes.
//!
//! Invariant: a value is `Literal` only if it means the same on any connection with the same dialect;
//! everything else is `Expression`.

use super::control::{Assignment, Control, ControlError, Scope, Value};
use super::cursor::Cursor;
use super::raw::{Raw, RawKind};

/// Behind SET.
pub(super) fn set<'a>(cursor: &mut Cursor<'a>, whole: &'a [u8]) -> Result<Control<'a>, ControlError> {
    if let Some(scope) = transaction(cursor) {
        cursor.advance(1 + usize::from(scope.is_some()));
        let behind = cursor.rest();
        characteristics(cursor)?;
        return cursor.finish(Control::SetTransaction { scope, text: whole, characteristics: behind });
    }
    if let Some(kind) = other(cursor) {
        return Ok(Control::Set(vec![Assignment::Other { kind, text: whole }]));
    }
    let mut assignments = Vec::new();
    // SET GLOBAL a = 1, b = 2: MySQL takes the scope for one assignment, as does MariaDB.
    loop {
        assignments.push(assignment(cursor)?);
        if !cursor.take_punct(b',') {
            break;
        }
    }
    cursor.finish(Control::Set(assignments))
}

/// SET [GLOBAL | SESSION | LOCAL] TRANSACTION ..
fn transaction(cursor: &Cursor<'_>) -> Option<Option<Scope>> {
    let scope = word_scope(cursor);
    let words = usize::from(scope.is_some());
    let named = cursor.word_at(words, "transaction") && !cursor.punct_at(words + 1, b'=');
    named.then_some(scope)
}

/// ISOLATION LEVEL .. and READ ONLY | READ WRITE, each at most once.
fn characteristics(cursor: &mut Cursor<'_>) -> Result<(), ControlError> {
    const LEVELS: [&[&str]; 4] =
        [&["read", "uncommitted"], &["read", "committed"], &["repeatable", "read"], &["serializable"]];
    let (mut level, mut access) = (false, false);
    loop {
        if !level && cursor.take(&["isolation", "level"]) {
            if !LEVELS.iter().any(|words| cursor.take(words)) {
                return cursor.syntax();
            }
            level = true;
        } else if !access && (cursor.take(&["read", "only"]) || cursor.take(&["read", "write"])) {
            access = true;
        } else {
            return cursor.syntax();
        }
        if !cursor.take_punct(b',') {
            return Ok(());
        }
    }
}

/// Forms that are not assignments of variables.
fn other(cursor: &Cursor<'_>) -> Option<&'static str> {
    let assigns = |ahead: usize| cursor.punct_at(ahead, b'=') || cursor.punct_at(ahead, b':');
    match () {
        () if cursor.word_at(0, "password") => Some("PASSWORD"),
        () if cursor.word_at(0, "role") && !assigns(1) => Some("ROLE"),
        () if cursor.word_at(0, "default") && cursor.word_at(1, "role") => Some("DEFAULT ROLE"),
        () if cursor.word_at(0, "statement") && !assigns(1) => Some("STATEMENT"),
        () if cursor.word_at(0, "resource") && cursor.word_at(1, "group") => Some("RESOURCE GROUP"),
        () => None,
    }
}

fn word_scope(cursor: &Cursor<'_>) -> Option<Scope> {
    let is = |word: &str| cursor.word_at(0, word);
    match () {
        () if is("session") || is("local") => Some(Scope::Session),
        () if is("global") => Some(Scope::Global),
        () if is("persist") => Some(Scope::Persist),
        () if is("persist_only") => Some(Scope::PersistOnly),
        () => None,
    }
}

fn assignment<'a>(cursor: &mut Cursor<'a>) -> Result<Assignment<'a>, ControlError> {
    let start = cursor.start();
    if cursor.punct_at(0, b'@') && !cursor.punct_at(1, b'@') {
        return user(cursor, start);
    }
    let assigns = cursor.punct_at(1, b'=') || cursor.punct_at(1, b':');
    if cursor.word_at(0, "names") && !assigns {
        return names(cursor, start);
    }
    let charset = cursor.take(&["character", "set"]) || (!assigns && cursor.take(&["charset"]));
    if charset {
        let charset = if cursor.take(&["default"]) { None } else { Some(cursor.label()?) };
        return Ok(Assignment::CharacterSet { charset, text: &cursor.text[start..cursor.end()] });
    }
    system(cursor, start)
}

/// SET NAMES charset [COLLATE collation] | DEFAULT
fn names<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Assignment<'a>, ControlError> {
    cursor.advance(1);
    let charset = if cursor.take(&["default"]) { None } else { Some(cursor.label()?) };
    let collation = if cursor.take(&["collate"]) { Some(cursor.label()?) } else { None };
    Ok(Assignment::Names { charset, collation, text: &cursor.text[start..cursor.end()] })
}

/// `@name = ..`, `@'name' := ..`
fn user<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Assignment<'a>, ControlError> {
    cursor.advance(1);
    let mut name = Vec::new();
    let mut end = None;
    // An unquoted name may hold dots: `@a.b`.
    while let Some(token) = cursor.peek() {
        if end.is_some_and(|end| end != token.start) {
            break;
        }
        match token.kind {
            RawKind::Word | RawKind::Number | RawKind::Punct(b'.') => name.extend_from_slice(cursor.bytes(token)),
            RawKind::Quoted | RawKind::String if end.is_none() => {
                let bytes = cursor.unquoted(token);
                if !matches!(cursor.text[token.start], b'`' | b'\'' | b'"') || bytes.contains(&b'\\') {
                    return cursor.syntax();
                }
                name = bytes;
                cursor.advance(1);
                break;
            }
            _ => break,
        }
        end = Some(token.end);
        cursor.advance(1);
    }
    let Ok(name) = String::from_utf8(name) else {
        return cursor.syntax();
    };
    if name.is_empty() {
        return cursor.syntax();
    }
    let value = assigned(cursor)?;
    Ok(Assignment::User { name: name.to_lowercase(), value, text: &cursor.text[start..cursor.end()] })
}

/// `[scope] name = ..`, `@@[scope.]name = ..`
fn system<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Assignment<'a>, ControlError> {
    let mut scope = None;
    let mut bare = false;
    if cursor.take_punct(b'@') {
        if !cursor.take_punct(b'@') {
            return cursor.syntax();
        }
        if cursor.punct_at(1, b'.') {
            scope = word_scope(cursor);
            cursor.advance(if scope.is_some() { 2 } else { 0 });
        }
        bare = scope.is_none();
    } else if let Some(found) = word_scope(cursor) {
        cursor.advance(1);
        scope = Some(found);
    }
    let mut name = cursor.name()?;
    while cursor.take_punct(b'.') {
        name.push(b'.');
        name.extend_from_slice(&cursor.name()?);
    }
    let Ok(name) = String::from_utf8(name) else {
        return cursor.syntax();
    };
    let value = assigned(cursor)?;
    let text = &cursor.text[start..cursor.end()];
    let name = name.to_ascii_lowercase();
    let scope = scope.unwrap_or(if bare && is_of_transaction(&name) { Scope::Next } else { Scope::Session });
    Ok(Assignment::System { scope, name, value, text })
}

/// Variables that `SET @@x` sets for the next transaction only, unlike `SET x`.
fn is_of_transaction(name: &str) -> bool {
    matches!(name, "tx_isolation" | "transaction_isolation" | "tx_read_only" | "transaction_read_only")
}

/// `=` or `:=`, and the value up to a comma of the outermost level.
fn assigned<'a>(cursor: &mut Cursor<'a>) -> Result<Value<'a>, ControlError> {
    let _ = cursor.take_punct(b':');
    if !cursor.take_punct(b'=') {
        return cursor.syntax();
    }
    let start = cursor.start();
    let mut tokens: Vec<Raw> = Vec::new();
    let mut depth = 0_u32;
    while let Some(token) = cursor.peek() {
        match token.kind {
            RawKind::Punct(b',') if depth == 0 => break,
            RawKind::Punct(b'(') => depth += 1,
            RawKind::Punct(b')') => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return cursor.syntax(),
            },
            _ => {}
        }
        tokens.push(token);
        cursor.advance(1);
    }
    if tokens.is_empty() || depth > 0 {
        return cursor.syntax();
    }
    let text = &cursor.text[start..cursor.end()];
    Ok(if is_literal(cursor, &tokens) { Value::Literal(text) } else { Value::Expression(text) })
}

/// A number with an optional sign, strings with an optional introducer, or a word such as ON or DEFAULT.
fn is_literal(cursor: &Cursor<'_>, tokens: &[Raw]) -> bool {
    let kinds: Vec<RawKind> = tokens.iter().map(|token| token.kind).collect();
    match kinds.as_slice() {
        [RawKind::Number] | [RawKind::Punct(b'-' | b'+'), RawKind::Number] => true,
        [RawKind::Word] => !is_function(cursor.bytes(tokens[0])),
        [RawKind::Word, strings @ ..] if cursor.bytes(tokens[0]).starts_with(b"_") => all_strings(strings),
        strings => all_strings(strings),
    }
}

fn all_strings(kinds: &[RawKind]) -> bool {
    !kinds.is_empty() && kinds.iter().all(|kind| *kind == RawKind::String)
}

/// Words that call a function without parentheses.
fn is_function(word: &[u8]) -> bool {
    const WORDS: [&str; 10] = [
        "current_date",
        "current_role",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "utc_date",
        "utc_time",
        "utc_timestamp",
    ];
    WORDS.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(word))
}
