//! What a statement's normalized text is.

use super::{MARIA, MYSQL, normal};
use crate::sql::{ClientCharset, Dialect, Scratch, scan, statements};

#[track_caller]
fn check(text: &str, normalized: &str) {
    assert_eq!(normal(text.as_bytes(), &MARIA), normalized, "{text}");
    assert_eq!(normal(text.as_bytes(), &MYSQL), normalized, "{text} on MySQL");
}

#[track_caller]
fn check_in(dialect: Dialect, text: &[u8], normalized: &str) {
    assert_eq!(normal(text, &dialect), normalized, "{}", text.escape_ascii());
}

#[test]
fn literals_and_space() {
    check("SELECT c FROM sbtest1 WHERE id=12345", "SELECT c FROM sbtest1 WHERE id={i}");
    check("SELECT c\n FROM\tsbtest1 -- x\n WHERE id = 12345 # y", "SELECT c FROM sbtest1 WHERE id={i}");
    check("SELECT/**/1", "SELECT{i}");
    check("  ", "");
    check("/* only */ -- a comment", "");
    check("SELECT 1,1.5,.5,1.,1e5,'a',\"b\",?", "SELECT{i},{d},{d},{d},{f},{s},{s},{p}");
    check("SELECT -5, - 5, +5, - -5", "SELECT-{i},-{i},+{i},- -{i}");
    check("SELECT 42abc, t.1a, t.5, `t`.5", "SELECT 42abc,t.1a,t.5,`t`.5");
    check("SELECT NULL, TRUE, false, \\N", "SELECT NULL,TRUE,false,\\N");
    check("SELECT 18446744073709551616", "SELECT{d}");
    check("SELECT a.*, b . c FROM a", "SELECT a.*,b.c FROM a");
    check("SELECT 1 AND 2or 3", "SELECT{i} AND 2or{i}");
    check("SELECT DATE'2026-01-02', DATE '2026-01-02'", "SELECT DATE{s},DATE{s}");
    check("SELECT 1.5x", "error: a number is malformed at byte 7");
    check("SELECT 'a", "error: a string is not closed at byte 7");
    check("SELECT `a", "error: a quoted identifier is not closed at byte 7");
    check("SELECT /* a", "error: a comment is not closed at byte 7");
    check("SELECT \x01", "error: the byte 0x01 begins no token at byte 7");
    check("SELECT 1\0", "error: the byte 0x00 begins no token at byte 8");
}

#[test]
fn what_stays_apart() {
    check("a < = 1", "a< ={i}");
    check("a <= 1", "a<={i}");
    check("SELECT a- -1", "SELECT a- -{i}");
    check("SELECT now(), now ()", "SELECT now(),now ()");
    check("SELECT `a``b` `c`", "SELECT`a``b` `c`");
    check("SELECT * / 2", "SELECT* /{i}");
}

#[test]
fn structure() {
    check("SELECT a FROM t LIMIT 10", "SELECT a FROM t LIMIT 10");
    check("SELECT a FROM t LIMIT 5, 10", "SELECT a FROM t LIMIT 5,10");
    check("SELECT a FROM t LIMIT 10 OFFSET 5", "SELECT a FROM t LIMIT 10 OFFSET 5");
    check("SELECT a FROM t LIMIT ? OFFSET ?", "SELECT a FROM t LIMIT{p} OFFSET{p}");
    check("FETCH FIRST 3 ROWS ONLY", "FETCH FIRST 3 ROWS ONLY");
    check("SELECT a + INTERVAL 1 DAY + INTERVAL '1' DAY", "SELECT a+INTERVAL 1 DAY+INTERVAL '1'DAY");
    check("SELECT a FROM t ORDER BY 1, b+2, 3", "SELECT a FROM t ORDER BY 1,b+{i},3");
    check("SELECT a FROM t GROUP BY f(a,2), 3", "SELECT a FROM t GROUP BY f(a,{i}),3");
    check("(SELECT a ORDER BY 1) UNION SELECT 2, 3", "(SELECT a ORDER BY 1)UNION SELECT{i},{i}");
    check("SELECT a ORDER BY 1 UNION SELECT 2, 3", "SELECT a ORDER BY 1 UNION SELECT{i},{i}");
    check("SELECT x'2A', X'2a', b'01', 0x2A, 0b1", "SELECT x'2A',X'2a',b'01',0x2A,0b1");
    check("SELECT x'2'", "error: a number is malformed at byte 8");
    check("SELECT N'a''b', _utf8'a', _latin1 'b'", "SELECT<N'a''b'>,_utf8 'a',_latin1 'b'");
    check("SELECT 'a' 'b'", "SELECT 'a' 'b'");
    check("SELECT 'a' /**/ \"b\"\n'c\\'d' FROM t", "SELECT 'a'<\"b\"><'c\\'d'>FROM t");
    check("SELECT 'a''b', 'c'", "SELECT{s},{s}");
    check("SELECT a AS 'x y', 'z'", "SELECT a AS 'x y',{s}");
}

#[test]
fn variables() {
    check("SET @a := 1, @`b c` = 2, @'d' = @e", "SET@a:={i},@`b c`={i},@`d`= @e");
    check("SELECT @@global.x, @@y, @@`session`.z", "SELECT@@global.x,@@y,@@`session`.z");
    check("CREATE USER 'u'@'h', r@localhost", "CREATE USER{s}@`h`,r@localhost");
    check("SELECT @'a\\'b'", "error: the byte 0x5C begins no token at byte 10");
    check("SELECT @@ x", "error: the byte 0x20 begins no token at byte 9");
    check("SELECT @ a", "SELECT@ a");
}

#[test]
fn quoting_modes() {
    let ansi = Dialect { ansi_quotes: true, ..MARIA };
    check_in(ansi, br#"SELECT "a", 'b', "c""d`e" FROM "t""#, "SELECT`a`,{s},`c\"d``e`FROM`t`");
    check_in(ansi, br#"SELECT 'a' "b""#, "SELECT{s}`b`");
    check_in(ansi, br#"SELECT @"a\b""#, "SELECT@`a\\b`");
    let raw = Dialect { no_backslash_escapes: true, ..MARIA };
    check_in(raw, br"SELECT 'a\', 'b'", "SELECT{s},{s}");
    check_in(MARIA, br"SELECT 'a\', 'c'", "error: a string is not closed at byte 15");
}

#[test]
fn charsets() {
    let gbk = Dialect { charset: ClientCharset::Gbk, ..MARIA };
    check_in(gbk, b"SELECT '\xBF\x5C', 'a'", "SELECT{s},{s}");
    check_in(MARIA, b"SELECT '\xBF\x5C', 'a'", "error: a string is not closed at byte 15");
    check_in(gbk, b"SELECT `\x81\x60`, \x81\x7C", "SELECT`\\x81``\\x`,`\\x81|`".replace("``\\x`", "```").as_str());
    check_in(gbk, b"SELECT '\x81'", "error: a character is malformed in the client's charset at byte 8");
    check_in(MARIA, b"SELECT \xE9t\xE9 FROM t", "SELECT \\xe9t\\xe9 FROM t");
    check_in(MARIA, b"SELECT 'a'\xA0'b'", "error: the byte 0xA0 begins no token at byte 10");
    check_in(MARIA, "SELECT à".as_bytes(), "SELECT \\xc3\\xa0");
}

#[test]
fn executable_comments() {
    check("SELECT /*!50000 a, */ b", "SELECT a,b");
    check("SELECT /*! 1 */ + 2", "SELECT{i}+{i}");
    check("SELECT /*!99999 1, */ 2", "SELECT{i}");
    check("SELECT 1 /*!50000 + 2", "error: a comment is not closed at byte 9");
    check("SELECT 1 /*!50000 ; */", "error: an executable comment contains ';' at byte 18");
    check("SELECT 1 */ 2", "SELECT{i}*/{i}");
    check_in(MYSQL, b"SELECT /*!80000 1, */ 2", "SELECT{i},{i}");
    check_in(MARIA, b"SELECT /*!80000 1, */ 2", "SELECT{i}");
    check_in(MARIA, b"SELECT /*M!100000 1, */ 2", "SELECT{i},{i}");
    check_in(MYSQL, b"SELECT /*M!100000 1, */ 2", "SELECT{i}");
}

#[test]
fn dollar_quotes() {
    let text = b"CREATE LIBRARY l AS $a$ 'x; 5 $a$; SELECT 1";
    check_in(MYSQL, text, "CREATE LIBRARY l AS<$a$ 'x; 5 $a$>");
    check_in(MARIA, b"SELECT $a$ 5 $a$", "SELECT $a${i} $a$");
    check_in(MYSQL, b"select $$", "select $$");
}

#[test]
fn statements_of_a_packet() {
    let check = |text: &str, parts: &[&str]| {
        let found: Result<Vec<_>, _> = statements(text.as_bytes(), &MARIA).collect();
        let found: Vec<&str> = found.unwrap().into_iter().map(|range| text[range].trim()).collect();
        assert_eq!(found, parts, "{text}");
    };
    check("", &[]);
    check(" ; /* a */ ;", &[]);
    check("SELECT 1", &["SELECT 1"]);
    check("SELECT 1; ", &["SELECT 1"]);
    check("SELECT 1;;SELECT 2;-- end", &["SELECT 1", "SELECT 2"]);
    check("SELECT ';'; /*;*/ SELECT `;`", &["SELECT ';'", "SELECT `;`"]);
    check("BEGIN; SELECT 1; COMMIT", &["BEGIN", "SELECT 1", "COMMIT"]);
    for block in [
        "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
        "CREATE OR REPLACE DEFINER = root@localhost FUNCTION f() RETURNS INT RETURN 1; x",
        "create definer=`a`@`b` trigger t before insert on u for each row begin set @a = 1; end",
        "/*!50003 CREATE*/ /*!50017 DEFINER='a'@'b'*/ /*!50003 TRIGGER t AFTER UPDATE ON u FOR EACH ROW SET @a = 1 */; x",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN a; b; END",
        "ALTER EVENT e DO BEGIN a; b; END",
        "CREATE PACKAGE BODY p AS a; b; END",
        "BEGIN NOT ATOMIC SELECT 1; END",
        "IF @a THEN SELECT 1; END IF",
        "a: LOOP SELECT 1; END LOOP",
    ] {
        check(block, &[block]);
    }
    check(
        "CREATE DEFINER=event VIEW v AS SELECT 1; SELECT 2",
        &["CREATE DEFINER=event VIEW v AS SELECT 1", "SELECT 2"],
    );
    check("CREATE TABLE function (a INT); SELECT 2", &["CREATE TABLE function (a INT)", "SELECT 2"]);
}

#[test]
fn an_error_leaves_nothing_behind() {
    let mut scratch = Scratch::new();
    scan(b"SELECT 1, 'a'", &MARIA, &mut scratch).unwrap();
    scan(b"SELECT 1, 'a", &MARIA, &mut scratch).unwrap_err();
    assert!(scratch.normalized().is_empty() && scratch.all_slots().is_empty() && scratch.marker_count() == 0);
}
