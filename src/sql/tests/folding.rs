//! Rows and lists of any length are one statement; their literals are all found.

use super::{MARIA, literals, normal};
use crate::sql::{NormSlot, Scratch, scan};

#[track_caller]
fn check(text: &str, normalized: &str, slots: &str) {
    assert_eq!(normal(text.as_bytes(), &MARIA), normalized, "{text}");
    assert_eq!(literals(text.as_bytes(), &MARIA), slots, "{text}");
}

#[test]
fn rows() {
    check("INSERT INTO t VALUES (1,'a')", "INSERT INTO t VALUES ({I},{S})", "1 | 'a'");
    check(
        "INSERT INTO t VALUES (1,'a'),(2 , 'b') ,\n( 3,'c')",
        "INSERT INTO t VALUES ({I},{S})",
        "1,2,3 | 'a','b','c'",
    );
    check("INSERT INTO t (a) VALUE (1),(2)", "INSERT INTO t (a)VALUE ({I})", "1,2");
    check("VALUES ROW(1,2), ROW(3,4)", "VALUES ROW({I},{I})", "1,3 | 2,4");
    check("INSERT INTO t VALUES (-1,NULL,now()),(-2,NULL,now())", "INSERT INTO t VALUES (-{I},NULL,now())", "1,2");
    check("INSERT INTO t VALUES (1),(NULL),(2),(3)", "INSERT INTO t VALUES ({I}),(NULL),({I})", "1 | 2,3");
    check("INSERT INTO t VALUES (NULL),(NULL)", "INSERT INTO t VALUES (NULL),(NULL)", "");
    check("INSERT INTO t VALUES (),()", "INSERT INTO t VALUES (),()", "");
    check("INSERT INTO t VALUES (1),('a'),(2)", "INSERT INTO t VALUES ({I}),({S}),({I})", "1 | 'a' | 2");
    check("INSERT INTO t VALUES (1,'a'),(2,'b' 'c')", "INSERT INTO t VALUES ({I},{S}),({I},'b' 'c')", "1 | 'a' | 2");
    check("INSERT INTO t VALUES (x'41',1),(x'42',2)", "INSERT INTO t VALUES (x'41',{I}),(x'42',{I})", "1 | 2");
    check("INSERT INTO t VALUES (`a`+1),(`a`+2)", "INSERT INTO t VALUES (`a`+{I})", "1,2");
    check("INSERT INTO t VALUES (?,?),(?,?)", "INSERT INTO t VALUES ({P},{P})", "?,? | ?,?");
    check(
        "INSERT INTO t VALUES ((SELECT a FROM b WHERE c IN (1,2))),((SELECT a FROM b WHERE c IN (3,4)))",
        "INSERT INTO t VALUES ((SELECT a FROM b WHERE c IN ({I},{I})))",
        "1,3 | 2,4",
    );
    check(
        "INSERT INTO t VALUES (1,2),(3,4) ON DUPLICATE KEY UPDATE a = VALUES(a), b = 5",
        "INSERT INTO t VALUES ({I},{I})ON DUPLICATE KEY UPDATE a=VALUES(a),b={i}",
        "1,3 | 2,4 | 5",
    );
    check("INSERT INTO t VALUES (1), /* x */ (2)", "INSERT INTO t VALUES ({I}),({i})", "1 | 2");
    check("INSERT INTO t VALUES (1),(2), (3", "INSERT INTO t VALUES ({I}),({I}", "1,2 | 3");
    check("SELECT value (1), (2)", "SELECT value ({i}),({i})", "1 | 2");
    check("WITH x AS (VALUES (1),(2)) SELECT 3", "WITH x AS (VALUES ({I}))SELECT{i}", "1,2 | 3");
}

#[test]
fn lists() {
    check("a IN (1)", "a IN ({I})", "1");
    check("a IN (1, 2 ,3)", "a IN ({I})", "1,2,3");
    check("a NOT IN ('x','y') AND b = 5", "a NOT IN ({S})AND b={i}", "'x','y' | 5");
    check("a IN (1,'x')", "a IN ({i},{s})", "1 | 'x'");
    check("a IN (1,NULL)", "a IN ({i},NULL)", "1");
    check("a IN (-1,2)", "a IN (-{i},{i})", "1 | 2");
    check("a IN (1,2+3)", "a IN ({i},{i}+{i})", "1 | 2 | 3");
    check("a IN ('x' 'y')", "a IN ('x' 'y')", "");
    check("a IN ((1,2),(3,4))", "a IN (({i},{i}),({i},{i}))", "1 | 2 | 3 | 4");
    check("a IN (?,?,?)", "a IN ({P})", "?,?,?");
    check("a IN ()", "a IN ()", "");
    check("t.in (1,2)", "t.in ({i},{i})", "1 | 2");
    check("a IN (SELECT b FROM c WHERE d IN (1,2))", "a IN (SELECT b FROM c WHERE d IN ({I}))", "1,2");
}

#[test]
fn a_thousand_rows_are_as_one() {
    let row = |n: usize| format!("({n}, {}, 'name \\' of {n}', {}.25, NULL, now())", n * 7, n);
    let insert =
        |rows: usize| format!("INSERT INTO t (a, b, c) VALUES {}", (0..rows).map(row).collect::<Vec<_>>().join(", "));
    let one = normal(insert(1).as_bytes(), &MARIA);
    let mut scratch = Scratch::new();
    for rows in [1, 2, 3, 999, 1000] {
        let text = insert(rows);
        scan(text.as_bytes(), &MARIA, &mut scratch).unwrap();
        assert_eq!(super::show(scratch.normalized()), one);
        let keys = scratch.slots(NormSlot(1)).map(|slot| slot.text(text.as_bytes()).to_vec());
        assert!(keys.eq((0..rows).map(|n| (n * 7).to_string().into_bytes())));
    }
    for list in 1..1000 {
        let items: Vec<String> = (0..list).map(|n| n.to_string()).collect();
        let text = format!("SELECT a FROM t WHERE b IN ({})", items.join(","));
        scan(text.as_bytes(), &MARIA, &mut scratch).unwrap();
        assert_eq!(super::show(scratch.normalized()), "SELECT a FROM t WHERE b IN ({I})");
        assert_eq!(scratch.slots(NormSlot(0)).len(), list);
    }
}
