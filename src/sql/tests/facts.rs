//! What a statement is and does.

use super::MARIA;
use crate::sql::{Access, Facts, Flags, Object, Scratch, ShowKind, Verb, facts, scan};

fn of(text: &str) -> Facts {
    let mut scratch = Scratch::new();
    scan(text.as_bytes(), &MARIA, &mut scratch).unwrap();
    facts(scratch.normalized())
}

#[track_caller]
fn check(text: &str, verb: Verb, access: Access, flags: Flags) {
    let facts = of(text);
    assert_eq!((facts.verb, facts.access, facts.flags), (verb, access, flags), "{text}");
}

#[track_caller]
fn read(text: &str, flags: Flags) {
    check(text, Verb::Select, Access::Read, flags);
}

#[track_caller]
fn verb(text: &str, verb: Verb, implicit_commit: bool) {
    let facts = of(text);
    assert_eq!((facts.verb, facts.implicit_commit), (verb, implicit_commit), "{text}");
}

#[test]
fn reads() {
    read("SELECT a FROM t WHERE b = 1", Flags::NONE);
    read("((SELECT 1) UNION (SELECT 2))", Flags::NONE);
    read("SELECT COUNT(*), max(a), CAST(b AS CHAR(10)), CONVERT(c, DECIMAL(5,2)) FROM t", Flags::NONE);
    read("SELECT a FROM t WHERE (a, b) IN ((1,2)) AND NOT (c) OR EXISTS (SELECT 1)", Flags::NONE);
    read("SELECT a FROM (SELECT 1 a) AS d (a) JOIN u USING (a) USE INDEX (i)", Flags::NONE);
    read("SELECT row_number() OVER (PARTITION BY a) FROM t WINDOW w AS (ORDER BY b)", Flags::NONE);
    read("SELECT MATCH (a) AGAINST ('x' IN BOOLEAN MODE) FROM t", Flags::NONE);
    read("WITH x (a) AS (SELECT 1), y (b) AS (SELECT 2) SELECT a FROM x, y", Flags::WITH);
    read("WITH RECURSIVE x AS (SELECT 1 UNION SELECT a FROM x) (SELECT 1)", Flags::WITH);
    check("VALUES (1),(2)", Verb::Values, Access::Read, Flags::NONE);
    check("TABLE t", Verb::TableStmt, Access::Read, Flags::NONE);
    check("", Verb::Empty, Access::Read, Flags::NONE);
    check("EXPLAIN SELECT 1", Verb::Explain, Access::Read, Flags::NONE);
    check("DESC t", Verb::Describe, Access::Read, Flags::NONE);
    check("EXPLAIN FORMAT=JSON DELETE FROM t", Verb::Explain, Access::Read, Flags::NONE);
}

#[test]
fn session_state() {
    read("SELECT LAST_INSERT_ID()", Flags::LAST_INSERT_ID);
    read("SELECT LAST_INSERT_ID(5)", Flags::LAST_INSERT_ID | Flags::LAST_INSERT_ID_SET);
    read("SELECT @@identity", Flags::SYSVAR_READ | Flags::LAST_INSERT_ID);
    read("SELECT @@session.warning_count", Flags::SYSVAR_READ | Flags::DIAGNOSTICS);
    read("SELECT row_count(), FOUND_ROWS ()", Flags::ROW_COUNT | Flags::FOUND_ROWS);
    read("SELECT SQL_CALC_FOUND_ROWS a FROM t", Flags::CALC_FOUND_ROWS);
    read("SELECT connection_id()", Flags::CONNECTION_ID);
    read("SELECT @a, @b := 1", Flags::USER_VAR_READ | Flags::USER_VAR_ASSIGN);
    read("SELECT a, b INTO @a, @b FROM t", Flags::INTO_VAR);
    read("SELECT a INTO @a FROM t WHERE b = @c", Flags::INTO_VAR | Flags::USER_VAR_READ);
    read("SELECT NOW(), CURRENT_DATE, unix_timestamp(), unix_timestamp(a)", Flags::CLOCK);
    check("SHOW WARNINGS", Verb::Show(ShowKind::Warnings), Access::Read, Flags::DIAGNOSTICS);
    check("SHOW COUNT(*) ERRORS", Verb::Show(ShowKind::Errors), Access::Read, Flags::DIAGNOSTICS);
    check("SET @a = 1", Verb::Set, Access::Read, Flags::USER_VAR_ASSIGN);
    let hidden = Flags::LAST_INSERT_ID | Flags::LAST_INSERT_ID_SET;
    check("CALL p(@a)", Verb::Call, Access::Write, Flags::USER_VAR_READ | Flags::USER_VAR_ASSIGN | hidden);
}

#[test]
fn writes() {
    let select = |text: &str, flags: Flags| check(text, Verb::Select, Access::Write, flags);
    let called = Flags::UNKNOWN_FUNCTION | Flags::LAST_INSERT_ID;
    select("SELECT a FROM t FOR UPDATE", Flags::LOCKING_READ);
    select("SELECT a FROM t FOR SHARE SKIP LOCKED", Flags::LOCKING_READ);
    select("SELECT a FROM t LOCK IN SHARE MODE", Flags::LOCKING_READ);
    select("SELECT a INTO OUTFILE 'x' FROM t", Flags::INTO_FILE);
    select("SELECT GET_LOCK('a', 1)", Flags::NAMED_LOCK);
    select("SELECT my_function(1)", called);
    select("SELECT `count`(1)", called);
    select("SELECT db.now()", called);
    select("SELECT NEXT VALUE FOR s", Flags::NEXTVAL);
    select("SELECT nextval(s)", Flags::NEXTVAL);
    check("INSERT INTO t (a, b) VALUES (1, 2)", Verb::Insert, Access::Write, Flags::NONE);
    check("INSERT IGNORE `t` (a) SELECT f(1)", Verb::Insert, Access::Write, called);
    check("REPLACE db.t (a) VALUES (REPLACE('a','b','c'))", Verb::Replace, Access::Write, Flags::NONE);
    check("INSERT INTO db.t(a) VALUES (VALUES(a))", Verb::Insert, Access::Write, Flags::NONE);
    check("UPDATE t SET a = f(a)", Verb::Update, Access::Write, called);
    check("WITH x AS (SELECT 1) DELETE FROM t", Verb::Delete, Access::Write, Flags::WITH);
    check("WITH x AS (SELECT 1) frobnicate", Verb::Unknown, Access::Write, Flags::WITH);
    check("EXPLAIN ANALYZE DELETE FROM t", Verb::Explain, Access::Write, Flags::NONE);
    check("ANALYZE SELECT 1", Verb::Explain, Access::Read, Flags::NONE);
    check("CREATE TABLE t (a INT, KEY i (a), CHECK (a > 1))", Verb::Create(Object::Table), Access::Write, Flags::NONE);
    check("CREATE TABLE t (a INT) SELECT f(1)", Verb::Create(Object::Table), Access::Write, called);
    check("frobnicate", Verb::Unknown, Access::Write, Flags::NONE);
}

#[test]
fn verbs_and_implicit_commits() {
    verb("BEGIN", Verb::Begin, true);
    verb("START TRANSACTION READ ONLY", Verb::StartTransaction, true);
    verb("START SLAVE", Verb::Admin("START"), true);
    verb("COMMIT AND CHAIN", Verb::Commit, false);
    verb("ROLLBACK WORK TO SAVEPOINT a", Verb::RollbackTo, false);
    verb("ROLLBACK", Verb::Rollback, false);
    verb("RELEASE SAVEPOINT a", Verb::ReleaseSavepoint, false);
    verb("XA START 'a'", Verb::Xa, false);
    verb("LOAD DATA LOCAL INFILE 'a' INTO TABLE t", Verb::Load, false);
    verb("LOAD INDEX INTO CACHE t", Verb::Admin("LOAD"), true);
    verb("CREATE TEMPORARY TABLE t (a INT)", Verb::Create(Object::Table), false);
    verb("DROP TEMPORARY TABLE t", Verb::Drop(Object::Table), false);
    verb("CREATE OR REPLACE ALGORITHM=MERGE DEFINER=table@x VIEW v AS SELECT 1", Verb::Create(Object::View), true);
    verb("CREATE UNIQUE INDEX i ON t (a)", Verb::Create(Object::Index), true);
    verb("CREATE DEFINER=`a`@`b` FUNCTION f() RETURNS INT RETURN 1", Verb::Create(Object::Function), true);
    verb("ALTER TABLE t ADD b INT", Verb::Alter(Object::Table), true);
    verb("DROP PREPARE s", Verb::Deallocate, false);
    verb("TRUNCATE t", Verb::Truncate, true);
    verb("ANALYZE TABLE t", Verb::Analyze, true);
    verb("SET PASSWORD = 'x'", Verb::Set, true);
    verb("SET a = 1", Verb::Set, false);
    verb("GRANT ALL ON *.* TO a", Verb::Admin("GRANT"), true);
    verb("SHOW FULL TABLES", Verb::Show(ShowKind::Tables), false);
    verb("SHOW CREATE TABLE t", Verb::Show(ShowKind::CreateTable), false);
    verb("SHOW SESSION VARIABLES LIKE 'a'", Verb::Show(ShowKind::Variables), false);
    verb("SHOW MASTER STATUS", Verb::Show(ShowKind::Other), false);
    verb("BEGIN NOT ATOMIC SELECT 1; END", Verb::Block, false);
    verb("a: LOOP SELECT 1; END LOOP", Verb::Block, false);
}
