//! What is a concatenation, and what is named where something is none.

use super::*;
use crate::plan::plan;
use crate::shard_map::ShardMap;
use crate::sql::{Flavor, Scratch, facts, scan};

fn dialect() -> Dialect {
    Dialect::new(Flavor::MariaDb, 101_119)
}

fn read(text: &str) -> Concatenation {
    let mut scratch = Scratch::default();
    scan(text.as_bytes(), &dialect(), &mut scratch).expect("it can be lexed");
    concatenation(scratch.normalized(), &facts(scratch.normalized()), &Tables::default())
}

#[track_caller]
fn plain(text: &str) {
    assert_eq!(read(text), Concatenation::Yes, "{text}");
}

/// `place`: what the client's text has where the obstacle begins.
#[track_caller]
fn refused(text: &str, construct: &str, place: &str) {
    refused_as(read(text), text, construct, place);
}

#[track_caller]
fn refused_as(found: Concatenation, text: &str, construct: &str, place: &str) {
    let Concatenation::No(obstacle) = found else {
        panic!("{text} is read as a concatenation");
    };
    assert_eq!(&*obstacle.construct, construct, "{text}");
    let at = place_of(text.as_bytes(), &dialect(), &obstacle.token, obstacle.before);
    let at = at.unwrap_or_else(|| panic!("{text}: no place for {obstacle:?}"));
    assert!(text[at..].starts_with(place), "{text}: {:?}", &text[at..]);
}

#[test]
fn plain_selects_are_concatenations() {
    for text in [
        "SELECT * FROM t",
        "select a, b AS c, t.d e, 1, 'x', NULL, -a, @x FROM shop.t AS t WHERE a > 5",
        "SELECT ALL HIGH_PRIORITY SQL_NO_CACHE a FROM t FORCE INDEX FOR JOIN (i, j) WHERE a IN (1, 2, 3) AND (b OR NOT (c))",
        "SELECT a FROM t PARTITION (p0, p1) u WHERE u.a BETWEEN 1 AND 2",
        "SELECT UPPER(name), CAST(a AS CHAR(10)), CASE WHEN (a = 1) THEN (2) ELSE (3) END FROM t",
        "SELECT CONCAT(a, '-', b), COALESCE(c, 0), IF(a > 1, 'y', 'n'), a DIV (b), DATE_FORMAT(d, '%Y') FROM t",
        "SELECT TRIM(LEADING 'x' FROM a), EXTRACT(YEAR FROM d), SUBSTRING(a FROM 1 FOR 2), POSITION('a' IN b) FROM t",
        "SELECT d + INTERVAL 1 DAY, DATE'2026-01-02', x'4A', _utf8mb4'x' FROM t WHERE a LIKE '%x' ESCAPE '|'",
        "SELECT j->'$.a', j->>'$.b', JSON_EXTRACT(j, '$.c') FROM t WHERE a <=> NULL",
        "SELECT SLEEP(1), t.`count`, t.limit, `order`, UNIX_TIMESTAMP(d) FROM t",
        "SELECT a FROM t WHERE a = ? AND b IN (?, ?)",
        "SELECT a FROM t USE INDEX () IGNORE KEY (k)",
        "SELECT count, sum, rank, a.`max`\tFROM t a -- the end",
        "SELECT a FROM `t`",
        "SELECT a FROM t FOR SYSTEM_TIME ALL WHERE a > 5",
        "SELECT a FROM t PARTITION (p0) FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01' u WHERE u.a",
        "SELECT a FROM t FOR SYSTEM_TIME BETWEEN '2026-01-01' AND ? AS u",
        "SELECT a FROM t FOR SYSTEM_TIME FROM '2026-01-01' TO '2026-02-01'",
        "SELECT a FROM t offset WHERE offset.a",
        "SELECT a FROM (SELECT b AS a FROM t WHERE (c)) AS d (x, y) WHERE x = 1 AND (y)",
        "SELECT a FROM (SELECT a FROM (SELECT (a) FROM t) `d`) e",
        "WITH d AS (SELECT a FROM t), e (x) AS (SELECT UPPER(a) FROM d u) SELECT x FROM e WHERE (x)",
    ] {
        plain(text);
    }
}

#[test]
fn clauses_are_in_the_way() {
    refused("SELECT a FROM t ORDER BY a", "ORDER BY", "ORDER BY a");
    refused("SELECT a FROM t WHERE b = 'ORDER' /* order */ order by a", "ORDER BY", "order by a");
    refused("SELECT a FROM t GROUP BY a", "GROUP BY", "GROUP BY a");
    refused("SELECT a FROM t HAVING a > 1", "HAVING", "HAVING");
    refused("SELECT a FROM t WHERE a LIMIT 5", "LIMIT", "LIMIT 5");
    refused("SELECT a FROM t FETCH FIRST ROW ONLY", "FETCH", "FETCH");
    refused("SELECT a FROM t PROCEDURE ANALYSE()", "PROCEDURE", "PROCEDURE");
    refused("SELECT a FROM t INTO @a", "INTO", "INTO @a");
    refused("SELECT a INTO @a FROM t", "INTO", "INTO @a");
    refused("SELECT a FROM t WINDOW w AS (ORDER BY a)", "WINDOW", "WINDOW");
    refused("SELECT a FROM t FOR UPDATE", "FOR", "FOR UPDATE");
    refused("SELECT a FROM t x LOCK IN SHARE MODE", "LOCK", "LOCK IN");
    refused("SELECT a FROM t WHERE b LOCK IN SHARE MODE", "LOCK", "LOCK IN");
    refused("SELECT DISTINCT a FROM t", "DISTINCT", "DISTINCT");
    refused("SELECT SQL_CALC_FOUND_ROWS a FROM t", "SQL_CALC_FOUND_ROWS", "SQL_CALC");
    refused("SELECT a FROM t UNION ALL SELECT b FROM t", "UNION", "UNION");
    refused("SELECT a FROM t WHERE b EXCEPT SELECT 1", "EXCEPT", "EXCEPT");
}

#[test]
fn other_statements_are_in_the_way() {
    refused("EXPLAIN SELECT a FROM t", "EXPLAIN", "EXPLAIN");
    refused("WITH RECURSIVE x AS (SELECT 1) SELECT a FROM t", "WITH RECURSIVE", "WITH");
    refused("WITH x AS (SELECT a FROM t LIMIT 1) SELECT a FROM x", "LIMIT", "LIMIT 1)");
    refused("WITH x AS (TABLE t) SELECT a FROM x", "TABLE", "TABLE t");
    refused("(SELECT a FROM t)", "a query in parentheses", "(SELECT");
    refused("TABLE t", "TABLE", "TABLE");
    refused("ANALYZE SELECT a FROM t", "ANALYZE", "ANALYZE");
}

#[test]
fn tables_and_queries_beside_are_in_the_way() {
    refused("SELECT a FROM t, u", "a join", ", u");
    refused("SELECT a FROM t JOIN u ON t.a = u.a", "a join", "JOIN u");
    refused("SELECT a FROM t AS x LEFT JOIN u USING (a)", "a join", "LEFT JOIN");
    refused("SELECT a FROM t x NATURAL JOIN u", "a join", "NATURAL");
    refused("SELECT a FROM (t)", "parentheses in FROM", "(t)");
    refused("SELECT a FROM (WITH x AS (SELECT 1) SELECT a FROM t) d", "WITH in FROM", "(WITH");
    refused("SELECT a FROM (SELECT a FROM t ORDER BY b) d", "ORDER BY", "ORDER BY b) d");
    refused("SELECT a FROM (SELECT DISTINCT a FROM t) d", "DISTINCT", "DISTINCT a");
    refused("SELECT a FROM (SELECT a FROM (SELECT COUNT(*) a FROM t) e) d", "aggregate COUNT()", "COUNT(*)");
    refused("SELECT a FROM (SELECT a FROM t) d LIMIT 1", "LIMIT", "LIMIT 1");
    refused("SELECT a FROM (SELECT a FROM t) d JOIN t", "a derived table beside other tables", "(SELECT");
    refused("SELECT a FROM t WHERE a IN (SELECT b FROM u)", "a subquery", "SELECT b");
    refused("SELECT (SELECT 1), a FROM t", "a subquery", "SELECT 1)");
    refused("SELECT a FROM t WHERE EXISTS (SELECT 1)", "a subquery", "SELECT 1)");
    let at_no_literal = "FOR SYSTEM_TIME at a time that is no literal";
    refused("SELECT a FROM t FOR SYSTEM_TIME AS OF NOW()", at_no_literal, "FOR SYSTEM_TIME");
    refused("SELECT a FROM t FOR SYSTEM_TIME AS OF '2026-01-01' + 1 WHERE a", at_no_literal, "FOR SYSTEM_TIME");
    refused("SELECT a FROM t FOR SYSTEM_TIME AS OF TRANSACTION 7", at_no_literal, "FOR SYSTEM_TIME");
    refused("SELECT a FROM t WHERE a > 5 OFFSET 1 ROWS", "OFFSET", "OFFSET 1");
    refused("SELECT a FROM t OFFSET 1 ROW", "OFFSET", "OFFSET 1");
    refused("SELECT a FROM t WHERE b QUALIFY a = 1", "QUALIFY", "QUALIFY a");
}

#[test]
fn functions_are_in_the_way_unless_they_are_known() {
    refused("SELECT COUNT(*) FROM t", "aggregate COUNT()", "COUNT(*)");
    refused("SELECT a, max (b) FROM t", "aggregate MAX()", "max (b)");
    refused("SELECT ABS(SUM(b)) FROM t", "aggregate SUM()", "SUM(b)");
    refused("SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t", "window function ROW_NUMBER()", "ROW_NUMBER");
    refused("SELECT a OVER (w) FROM t", "a window function (OVER)", "OVER");
    refused("SELECT a FROM t WHERE d > NOW() - INTERVAL 1 DAY", "the clock (NOW())", "NOW()");
    refused("SELECT UNIX_TIMESTAMP() FROM t", "the clock (UNIX_TIMESTAMP())", "UNIX_TIMESTAMP()");
    refused("SELECT CURRENT_DATE, a FROM t", "the clock (CURRENT_DATE)", "CURRENT_DATE");
    refused("SELECT RAND(3) FROM t", "function RAND()", "RAND");
    refused("SELECT my_function(a) FROM t", "function MY_FUNCTION()", "my_function");
    refused("SELECT shop.abs(a) FROM t", "stored function ABS()", "abs(a)");
    refused("SELECT `abs`(a) FROM t", "function `abs`()", "`abs`(a)");
    refused("SELECT LAST_INSERT_ID() FROM t", "function LAST_INSERT_ID()", "LAST_INSERT_ID");
    refused("SELECT CONNECTION_ID() FROM t", "function CONNECTION_ID()", "CONNECTION_ID");
    refused("SELECT a FROM t WHERE MATCH (b) AGAINST ('x')", "function MATCH()", "MATCH");
    refused("SELECT DEFAULT(a) FROM t", "function DEFAULT()", "DEFAULT(a)");
    refused("SELECT GET_LOCK('a', 1) FROM t", "function GET_LOCK()", "GET_LOCK");
    refused("SELECT NEXTVAL(s), a FROM t", "a sequence", "NEXTVAL");
    refused("SELECT @@port, a FROM t", "system variable @@port", "@@port");
    refused("SELECT @a := a FROM t", "an assignment (:=)", ":= a");
    refused("SELECT {d '2026-01-02'} FROM t", "what could not be read", "{d");
}

#[test]
fn the_refusal_names_construct_and_place() {
    let text = "SELECT name FROM customers  ORDER BY name";
    let Concatenation::No(obstacle) = read(text) else { panic!("there is an ORDER BY") };
    let (number, state, message) = obstacle.refusal(&["s0".into(), "s1".into()], text.as_bytes(), &dialect()).error();
    assert_eq!((number, state), (1235, "42000"));
    assert!(
        message.contains(
            "rows of shards s0 and s1, and ORDER BY (near `ORDER BY name`, at byte 28) needs them in one place"
        ),
        "{message}"
    );
}

/// The same by a map in which `t` is split, and `r` and `s` are everywhere.
fn joined(text: &str) -> Concatenation {
    let yaml = "version: 1\nregions: [eu]\ngroups: {a: {members: [{at: 'a:1', region: eu}]}, b: {members: [{at: 'b:1', region: eu}]}}\n\
                shards: {x: {group: a}, y: {group: b}}\ndatabases:\n  shop:\n    family: mariadb\n    unlisted: refuse\n    \
                tables:\n      t: {key: {id: int}, range: [{from: MIN, on: x}, {from: 5, on: y}]}\n      \
                r: {everywhere: [x, y], from: x}\n      s: {everywhere: [x, y], from: y}\n";
    let map = ShardMap::load(yaml).expect("a sound map");
    let mut scratch = Scratch::default();
    scan(text.as_bytes(), &dialect(), &mut scratch).expect("it can be lexed");
    plan(&map, Some("shop"), scratch.normalized(), facts(scratch.normalized()), &dialect()).concatenation
}

#[track_caller]
fn joins_refused(text: &str, construct: &str, place: &str) {
    refused_as(joined(text), text, construct, place);
}

#[test]
fn a_join_with_tables_that_are_everywhere_is_one() {
    for text in [
        "SELECT t.a, r.b FROM t JOIN r ON r.id = t.r",
        "SELECT * FROM r INNER JOIN t ON r.id = t.r AND LEFT(t.a, 1) = 'x' WHERE t.b > 5",
        "SELECT * FROM t, r WHERE t.r = r.id",
        "SELECT * FROM t LEFT JOIN r ON t.r = r.id LEFT OUTER JOIN s USING (x, y) WHERE r.id IS NULL",
        "SELECT * FROM r AS q RIGHT JOIN shop.`t` ON q.id = t.r",
        "SELECT * FROM r LEFT JOIN s ON r.a = s.a, t",
        "SELECT * FROM r LEFT JOIN s ON (r.a, 1) = (s.a, 1) CROSS JOIN t STRAIGHT_JOIN r q ON q.x = t.x",
        "SELECT * FROM t NATURAL LEFT JOIN r",
        "SELECT * FROM t JOIN r JOIN s ON r.a = s.a ON t.r = r.id",
        "SELECT * FROM r RIGHT JOIN s ON r.a = s.a JOIN t USE INDEX (i) ON 1 = 1",
    ] {
        assert_eq!(joined(text), Concatenation::Yes, "{text}");
    }
    let keeps = "an outer join that keeps all rows of a table that is everywhere";
    joins_refused("SELECT * FROM r LEFT JOIN t ON t.r = r.id", keeps, "LEFT JOIN t");
    joins_refused("SELECT * FROM t RIGHT OUTER JOIN r ON t.r = r.id", keeps, "RIGHT OUTER");
    joins_refused("SELECT * FROM t JOIN s ON 1 = 1 RIGHT JOIN r ON t.r = r.id", keeps, "RIGHT JOIN r");
    joins_refused("SELECT * FROM r NATURAL LEFT JOIN t", keeps, "NATURAL");
    let later = "an outer join whose condition comes later";
    joins_refused("SELECT * FROM r LEFT JOIN s JOIN t ON s.a = t.a ON r.a = s.a", later, "JOIN t");
    joins_refused("SELECT * FROM t JOIN r ON r.id = t.r ORDER BY 1", "ORDER BY", "ORDER");
    joins_refused("SELECT * FROM t JOIN r ON r.id = (SELECT 1)", "a subquery", "SELECT 1");
    joins_refused("SELECT * FROM t JOIN r ON r.id = NOW()", "the clock (NOW())", "NOW");
    joins_refused("SELECT COUNT(*) FROM t JOIN r ON r.id = t.r", "aggregate COUNT()", "COUNT");
    joins_refused("SELECT * FROM (t JOIN r ON r.id = t.r)", "parentheses in FROM", "(t");
    joins_refused("SELECT * FROM t JOIN (r, s) ON r.id = t.r", "parentheses in FROM", "(r");
    joins_refused("SELECT * FROM t JOIN r ON r.id = t.r JOIN t q ON 1 = 1", "a join", "JOIN r");
}
