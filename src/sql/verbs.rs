//! The verb of a statement from its first tokens.

use super::facts::{Flags, Object, ShowKind, Verb};
use super::tokens::Token;

/// A verb, where it was found among the tokens, and what its clauses already say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub verb: Verb,
    /// Index of the token that is the verb; the end if there is none.
    pub at: usize,
    pub flags: Flags,
    /// EXPLAIN ANALYZE, ANALYZE SELECT: the explained statement is run.
    pub runs: bool,
}

/// The verb of a whole statement.
pub(super) fn opening(tokens: &[Token<'_>]) -> Opening {
    let mut at = 0;
    while tokens.get(at).is_some_and(|token| token.is_punct(b'(')) {
        at += 1;
    }
    let plain = |verb| Opening { verb, at, flags: Flags::NONE, runs: false };
    let Some(first) = tokens.get(at) else {
        return plain(if at == 0 { Verb::Empty } else { Verb::Unknown });
    };
    if first.is_word("with") {
        return with(tokens, at);
    }
    let next = tokens.get(at + 1);
    let next_is = |word: &str| next.is_some_and(|token| token.is_word(word));
    if ["explain", "describe", "desc"].iter().any(|word| first.is_word(word)) {
        return explain(tokens, at);
    }
    if first.is_word("analyze") && !["table", "tables", "local", "no_write_to_binlog"].iter().any(|word| next_is(word))
    {
        return explain(tokens, at);
    }
    if next.is_some_and(|token| token.is_punct(b':')) {
        return plain(Verb::Block);
    }
    let rest = &tokens[at + 1..];
    let Token::Word(word) = first else {
        return plain(Verb::Unknown);
    };
    let lower = word.to_ascii_lowercase();
    let verb = match lower.as_slice() {
        b"begin" if next_is("not") => Verb::Block,
        b"if" | b"case" | b"loop" | b"while" | b"repeat" | b"for" | b"declare" => Verb::Block,
        b"start" if next_is("transaction") => Verb::StartTransaction,
        b"rollback" if rolls_back_to(rest) => Verb::RollbackTo,
        b"show" => Verb::Show(show(rest)),
        b"create" => Verb::Create(object(rest)),
        b"alter" => Verb::Alter(object(rest)),
        b"drop" if next_is("prepare") => Verb::Deallocate,
        b"drop" => Verb::Drop(object(rest)),
        b"rename" => Verb::Rename(object(rest)),
        b"load" if !next_is("data") && !next_is("xml") => Verb::Admin("LOAD"),
        b"get" => Verb::GetDiagnostics,
        word => simple(word),
    };
    let temporary =
        matches!(verb, Verb::Create(_) | Verb::Drop(_)) && rest.iter().take(4).any(|t| t.is_word("temporary"));
    Opening { flags: if temporary { Flags::TEMPORARY } else { Flags::NONE }, ..plain(verb) }
}

/// Verbs that one word decides.
fn simple(word: &[u8]) -> Verb {
    match word {
        b"select" => Verb::Select,
        b"insert" => Verb::Insert,
        b"replace" => Verb::Replace,
        b"update" => Verb::Update,
        b"delete" => Verb::Delete,
        b"values" => Verb::Values,
        b"table" => Verb::TableStmt,
        b"load" => Verb::Load,
        b"call" => Verb::Call,
        b"do" => Verb::Do,
        b"handler" => Verb::Handler,
        b"begin" => Verb::Begin,
        b"commit" => Verb::Commit,
        b"rollback" => Verb::Rollback,
        b"savepoint" => Verb::Savepoint,
        b"release" => Verb::ReleaseSavepoint,
        b"xa" => Verb::Xa,
        b"set" => Verb::Set,
        b"use" => Verb::Use,
        b"kill" => Verb::Kill,
        b"prepare" => Verb::Prepare,
        b"execute" => Verb::Execute,
        b"deallocate" => Verb::Deallocate,
        b"lock" => Verb::Lock,
        b"unlock" => Verb::Unlock,
        b"truncate" => Verb::Truncate,
        b"analyze" => Verb::Analyze,
        b"optimize" => Verb::Optimize,
        b"check" => Verb::Check,
        b"checksum" => Verb::Checksum,
        b"repair" => Verb::Repair,
        b"signal" | b"resignal" => Verb::Signal,
        b"help" => Verb::Help,
        _ => admin(word),
    }
}

fn admin(word: &[u8]) -> Verb {
    const WORDS: [&str; 19] = [
        "BACKUP",
        "BINLOG",
        "CACHE",
        "CHANGE",
        "CLONE",
        "FLUSH",
        "GRANT",
        "IMPORT",
        "INSTALL",
        "PURGE",
        "RESET",
        "RESTART",
        "RESYNC",
        "REVOKE",
        "SHUTDOWN",
        "SLAVE",
        "START",
        "STOP",
        "UNINSTALL",
    ];
    let found = WORDS.iter().find(|name| name.as_bytes().eq_ignore_ascii_case(word));
    found.map_or(Verb::Unknown, |name| Verb::Admin(name))
}

/// ROLLBACK [WORK] TO ..
fn rolls_back_to(rest: &[Token<'_>]) -> bool {
    let work = rest.first().is_some_and(|token| token.is_word("work"));
    rest.get(usize::from(work)).is_some_and(|token| token.is_word("to"))
}

/// The statement behind `WITH a AS (..), b (c) AS (..)`: it follows a closing parenthesis of the outermost level.
fn with(tokens: &[Token<'_>], start: usize) -> Opening {
    let mut depth = 0_u32;
    for at in start + 1..tokens.len() {
        match &tokens[at] {
            Token::Punct(b'(') if depth == 0 && tokens[at - 1].is_punct(b')') => {
                return Opening { verb: Verb::Select, at, flags: Flags::WITH, runs: false };
            }
            Token::Punct(b'(') => depth += 1,
            Token::Punct(b')') => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 => {
                let before = &tokens[at - 1];
                let verb = simple(&word.to_ascii_lowercase());
                let opens = matches!(
                    verb,
                    Verb::Select
                        | Verb::Insert
                        | Verb::Replace
                        | Verb::Update
                        | Verb::Delete
                        | Verb::Values
                        | Verb::TableStmt
                );
                if opens && (before.is_punct(b')') || before.is_word("restrict")) {
                    return Opening { verb, at, flags: Flags::WITH, runs: false };
                }
            }
            _ => {}
        }
    }
    Opening { verb: Verb::Unknown, at: tokens.len(), flags: Flags::WITH, runs: false }
}

/// EXPLAIN and DESCRIBE of a statement or of a table; ANALYZE of a statement.
fn explain(tokens: &[Token<'_>], start: usize) -> Opening {
    let mut runs = tokens[start].is_word("analyze");
    let mut at = start + 1;
    while let Some(token) = tokens.get(at) {
        if token.is_word("format") && tokens.get(at + 1).is_some_and(|token| token.is_punct(b'=')) {
            at += 3;
        } else if token.is_word("analyze") {
            runs = true;
            at += 1;
        } else if token.is_word("extended") || token.is_word("partitions") {
            at += 1;
        } else {
            break;
        }
    }
    let inner = opening_of_explained(tokens.get(at..).unwrap_or_default());
    match inner {
        Some(inner) => Opening { verb: Verb::Explain, at: at + inner.at, flags: inner.flags, runs },
        None => Opening { verb: Verb::Describe, at: tokens.len(), flags: Flags::NONE, runs },
    }
}

fn opening_of_explained(tokens: &[Token<'_>]) -> Option<Opening> {
    let explained = ["select", "insert", "replace", "update", "delete", "with", "values", "table", "for", "into"];
    let first = tokens.first()?;
    (first.is_punct(b'(') || explained.iter().any(|word| first.is_word(word))).then(|| opening(tokens))
}

fn show(rest: &[Token<'_>]) -> ShowKind {
    let mut words = rest.iter();
    let is = |token: Option<&Token<'_>>, word: &str| token.is_some_and(|token| token.is_word(word));
    loop {
        let token = words.next();
        let any = |list: &[&str]| list.iter().any(|word| is(token, word));
        let second = words.as_slice().first();
        match () {
            () if any(&["full", "extended", "global", "session", "local", "storage"]) => {}
            () if any(&["tables"]) => return ShowKind::Tables,
            () if any(&["databases", "schemas"]) => return ShowKind::Databases,
            () if any(&["columns", "fields"]) => return ShowKind::Columns,
            () if any(&["index", "indexes", "keys"]) => return ShowKind::Index,
            () if any(&["create"]) && is(second, "table") => return ShowKind::CreateTable,
            () if any(&["table"]) && is(second, "status") => return ShowKind::TableStatus,
            () if any(&["variables"]) => return ShowKind::Variables,
            () if any(&["status"]) => return ShowKind::Status,
            () if any(&["warnings"]) => return ShowKind::Warnings,
            () if any(&["errors"]) => return ShowKind::Errors,
            () if any(&["count"]) => {
                let errors = words.as_slice().iter().any(|token| token.is_word("errors"));
                return if errors { ShowKind::Errors } else { ShowKind::Warnings };
            }
            () if any(&["processlist"]) => return ShowKind::ProcessList,
            () if any(&["engines"]) => return ShowKind::Engines,
            () if any(&["collation"]) => return ShowKind::Collation,
            () if any(&["charset"]) => return ShowKind::CharacterSet,
            () if any(&["character"]) && is(second, "set") => return ShowKind::CharacterSet,
            () if any(&["grants"]) => return ShowKind::Grants,
            () => return ShowKind::Other,
        }
    }
}

/// The kind of object behind CREATE and its like; words before it are options.
fn object(rest: &[Token<'_>]) -> Object {
    let mut before_equal = false;
    for token in rest {
        let Token::Word(word) = token else {
            before_equal = token.is_punct(b'=');
            continue;
        };
        if std::mem::take(&mut before_equal) {
            continue;
        }
        let lower = word.to_ascii_lowercase();
        let object = match lower.as_slice() {
            b"table" | b"tables" => Object::Table,
            b"view" => Object::View,
            b"index" => Object::Index,
            b"database" | b"schema" => Object::Database,
            b"procedure" => Object::Procedure,
            b"function" => Object::Function,
            b"trigger" => Object::Trigger,
            b"event" => Object::Event,
            b"package" => Object::Package,
            b"sequence" => Object::Sequence,
            b"user" => Object::User,
            b"role" => Object::Role,
            b"server" => Object::Server,
            b"tablespace" | b"logfile" => Object::Tablespace,
            b"or" | b"replace" | b"temporary" | b"unique" | b"fulltext" | b"spatial" | b"vector" | b"online"
            | b"offline" | b"ignore" | b"definer" | b"algorithm" | b"sql" | b"security" | b"invoker" | b"aggregate"
            | b"undo" | b"undefined" | b"merge" | b"temptable" => continue,
            _ => return Object::Other,
        };
        return object;
    }
    Object::Other
}
