//! Session statements, from their text.

use super::MARIA;
use crate::sql::{Assignment, Control, Dialect, Scope, TransactionAccess, Value, control};

#[track_caller]
fn check(text: &str, expected: Control<'_>) {
    assert_eq!(control(text.as_bytes(), &MARIA), Ok(expected), "{text}");
}

#[track_caller]
fn refused(text: &str) {
    assert!(control(text.as_bytes(), &MARIA).is_err(), "{text}");
}

/// One line for an assignment: `kind name = L value`, `E value`.
fn line(assignment: &Assignment<'_>) -> String {
    let value = |value: &Value<'_>| match value {
        Value::Literal(text) => format!("L {}", text.escape_ascii()),
        Value::Expression(text) => format!("E {}", text.escape_ascii()),
    };
    let label = |label: &Option<String>| label.clone().unwrap_or("DEFAULT".into());
    match assignment {
        Assignment::Names { charset, collation: None, .. } => format!("names {}", label(charset)),
        Assignment::Names { charset, collation, .. } => format!("names {} {}", label(charset), label(collation)),
        Assignment::CharacterSet { charset, .. } => format!("charset {}", label(charset)),
        Assignment::System { scope, name, value: v, .. } => format!("{scope:?} {name} = {}", value(v)),
        Assignment::User { name, value: v, .. } => format!("@{name} = {}", value(v)),
        Assignment::Other { kind, .. } => format!("other {kind}"),
    }
}

#[track_caller]
fn set(text: &str, lines: &[&str]) {
    match control(text.as_bytes(), &MARIA) {
        Ok(Control::Set(assignments)) => {
            assert_eq!(assignments.iter().map(line).collect::<Vec<_>>(), lines, "{text}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn transactions() {
    let begin = |text: &'static str, access, snapshot| Control::Begin { text: text.as_bytes(), access, snapshot };
    check("BEGIN", begin("BEGIN", None, false));
    check(" begin work ; x", begin("begin work", None, false));
    check("START TRANSACTION", begin("START TRANSACTION", None, false));
    let text = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    check(text, begin(text, Some(TransactionAccess::ReadOnly), true));
    check("COMMIT", Control::Commit { chain: None, release: None });
    check("COMMIT WORK AND CHAIN NO RELEASE", Control::Commit { chain: Some(true), release: Some(false) });
    check("ROLLBACK AND NO CHAIN RELEASE", Control::Rollback { chain: Some(false), release: Some(true) });
    check("ROLLBACK TO `a``b`", Control::RollbackTo(b"a`b".to_vec()));
    check("ROLLBACK WORK TO SAVEPOINT a", Control::RollbackTo(b"a".to_vec()));
    check("ROLLBACK TO savepoint", Control::RollbackTo(b"savepoint".to_vec()));
    check("SAVEPOINT a", Control::Savepoint(b"a".to_vec()));
    check("RELEASE SAVEPOINT a", Control::Release(b"a".to_vec()));
    let (text, characteristics) = (&b"SET TRANSACTION READ ONLY"[..], &b"READ ONLY"[..]);
    check("SET TRANSACTION READ ONLY", Control::SetTransaction { scope: None, text, characteristics });
    check(
        "SET LOCAL TRANSACTION ISOLATION LEVEL READ COMMITTED",
        Control::SetTransaction {
            scope: Some(Scope::Session),
            text: b"SET LOCAL TRANSACTION ISOLATION LEVEL READ COMMITTED",
            characteristics: b"ISOLATION LEVEL READ COMMITTED",
        },
    );
    for text in
        ["BEGIN x", "BEGIN NOT ATOMIC SELECT 1", "COMMIT AND CHAIN RELEASE", "START TRANSACTION READ", "SAVEPOINT", ""]
    {
        refused(text);
    }
}

#[test]
fn set_transaction() {
    for text in [
        "SET TRANSACTION READ ONLY",
        "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ WRITE",
        "set transaction read write, isolation level repeatable read;",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ] {
        let parsed = control(text.as_bytes(), &MARIA);
        assert!(matches!(parsed, Ok(Control::SetTransaction { scope: None, .. })), "{text}");
    }
    for text in [
        "SET TRANSACTION",
        "SET TRANSACTION ISOLATION LEVEL NONSENSE",
        "SET TRANSACTION ISOLATION LEVEL READ",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED x",
        "SET TRANSACTION READ ONLY, READ WRITE",
        "SET TRANSACTION READ ONLY,",
        "SET TRANSACTION READ ONLY ISOLATION LEVEL SERIALIZABLE",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, ISOLATION LEVEL SERIALIZABLE",
    ] {
        refused(text);
    }
}

#[test]
fn others() {
    check("USE `my db`", Control::Use(b"my db".to_vec()));
    check("use shop;", Control::Use(b"shop".to_vec()));
    check("KILL 5", Control::Kill { query_only: false, id: 5 });
    check("KILL CONNECTION 5", Control::Kill { query_only: false, id: 5 });
    check("KILL QUERY 18446744073709551615", Control::Kill { query_only: true, id: u64::MAX });
    check("LOCK TABLES t READ", Control::LockTables { text: b"LOCK TABLES t READ" });
    check("UNLOCK TABLES", Control::UnlockTables);
    for text in ["USE a b", "USE 'a'", "KILL", "KILL @a", "KILL 5 6", "KILL QUERY ID 5", "KILL 'a", "SELECT 1"] {
        refused(text);
    }
}

#[test]
fn sets() {
    set("SET NAMES utf8mb4", &["names utf8mb4"]);
    set("SET NAMES 'UTF8MB4' COLLATE utf8mb4_bin", &["names utf8mb4 utf8mb4_bin"]);
    set("SET NAMES DEFAULT", &["names DEFAULT"]);
    set("SET CHARACTER SET latin1, @a = 1", &["charset latin1", "@a = L 1"]);
    set("SET CHARSET 'gbk'", &["charset gbk"]);
    set("SET autocommit=0", &["Session autocommit = L 0"]);
    set("SET @@AUTOCOMMIT := ON, sql_mode = ''", &["Session autocommit = L ON", "Session sql_mode = L \\'\\'"]);
    set("SET SESSION a = -1, LOCAL b = DEFAULT", &["Session a = L -1", "Session b = L DEFAULT"]);
    set("SET @@session.a = 1, @@global.b = 2", &["Session a = L 1", "Global b = L 2"]);
    set("SET GLOBAL a = 1, b = 2", &["Global a = L 1", "Session b = L 2"]);
    set("SET PERSIST a = 1, @@persist_only.b = NULL", &["Persist a = L 1", "PersistOnly b = L NULL"]);
    set("SET `sql_mode` = 'a' 'b'", &["Session sql_mode = L \\'a\\' \\'b\\'"]);
    set("SET x = _utf8'a', y = 1 + 1", &["Session x = L _utf8\\'a\\'", "Session y = E 1 + 1"]);
    set(
        "SET sql_mode = CONCAT(@@sql_mode, ',x'), a = (SELECT 1, 2)",
        &["Session sql_mode = E CONCAT(@@sql_mode, \\',x\\')", "Session a = E (SELECT 1, 2)"],
    );
    set(
        "SET @a = 5, @`B c` = 'x', @'d' := NOW(), @e.f = @a",
        &["@a = L 5", "@b c = L \\'x\\'", "@d = E NOW()", "@e.f = E @a"],
    );
    refused("SET a = 1 /*!50000 + 1 */");
    set("/*!40101 SET NAMES utf8 */", &["names utf8"]);
    set("/*!40101 SET @OLD = @@CHARACTER_SET_CLIENT */", &["@old = E @@CHARACTER_SET_CLIENT"]);
    set("SET timestamp = CURRENT_TIMESTAMP", &["Session timestamp = E CURRENT_TIMESTAMP"]);
    set("SET PASSWORD = 'x'", &["other PASSWORD"]);
    set("SET ROLE r", &["other ROLE"]);
    set("SET STATEMENT a = 1 FOR SELECT 1", &["other STATEMENT"]);
    for text in
        ["SET", "SET a", "SET a =", "SET a = 1,", "SET @ = 1", "SET a = (1", "SET NAMES utf8 x", "SET @@ a = 1)"]
    {
        refused(text);
    }
}

#[test]
fn parts_keep_their_bytes() {
    let text = b"SET  @a = 1 ,  SESSION  b='x'  ;";
    let Ok(Control::Set(assignments)) = control(text, &MARIA) else { panic!() };
    let texts: Vec<&[u8]> = assignments
        .iter()
        .map(|assignment| match assignment {
            Assignment::System { text, .. } | Assignment::User { text, .. } => *text,
            _ => b"",
        })
        .collect();
    assert_eq!(texts, [&b"@a = 1"[..], b"SESSION  b='x'"]);
    let ansi = Dialect { ansi_quotes: true, ..MARIA };
    assert_eq!(control(br#"USE "a""b""#, &ansi), Ok(Control::Use(b"a\"b".to_vec())));
}
