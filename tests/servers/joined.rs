//! Statements of several tables that one key sends to one shard: joins, subqueries, derived tables, writes. Beside the
//! rows of each key, both servers have rows that belong on the other: no answer may have one, and none may miss a row.
//! The expectation is what one server that holds the right rows answers to the same bytes.

use crate::support::raw::Reply;
use crate::support::server::Kind;
use crate::support::{Pair, Raw, Settings};

/// The keys that have rows; the first server owns those below 10.
const KEYS: std::ops::Range<i64> = 0..20;

/// Every `$` stands for a key.
const READS: &[&str] = &[
    "SELECT p.id, p.place, q.x, q.place FROM people p JOIN pets q ON q.owner = p.id WHERE p.id = $",
    "SELECT p.id, p.place, q.x, q.place FROM people p, pets q WHERE q.owner IN ($, $) AND p.id = q.owner",
    "SELECT p.id, p.place, q.place FROM people p LEFT JOIN pets q ON p.id = q.owner AND q.x = 1 WHERE p.id = $",
    "SELECT p.id, p.place, q.place FROM people p RIGHT JOIN pets q ON p.id = q.owner AND p.x = 1 WHERE q.owner = $",
    "SELECT p.place, q.place, h.place FROM people p LEFT JOIN (pets q JOIN homes h ON h.id = q.owner) ON q.owner = p.id \
     WHERE p.id = $",
    "SELECT id, p.place, h.place FROM people p JOIN homes h USING (id) WHERE id = $",
    "SELECT id, p.place, h.place FROM people p LEFT JOIN homes h USING (id) WHERE id = $",
    "SELECT p.id, h.place FROM people p RIGHT JOIN homes h USING (id) WHERE h.id = $",
    "SELECT id, a.place, c.place FROM people a JOIN homes b USING (id) JOIN people c USING (id) WHERE id = $",
    "SELECT id, p.place, h.roof FROM people p NATURAL JOIN homes h WHERE id = $",
    "SELECT id, p.place, b.note FROM people p JOIN book b USING (id) WHERE id = $",
    "SELECT COUNT(*), MAX(q.x), GROUP_CONCAT(p.place, q.place ORDER BY q.x) FROM people p JOIN pets q ON p.id = q.owner \
     AND p.id = $",
    "SELECT p.id, q.x, ROW_NUMBER() OVER (ORDER BY q.x) FROM people p JOIN pets q ON q.owner = p.id WHERE p.id = $",
    "SELECT p.place FROM people p WHERE p.id = $ AND EXISTS (SELECT 1 FROM pets q WHERE q.owner = p.id AND q.x = 1)",
    "SELECT p.place FROM people p WHERE p.id = $ AND NOT EXISTS (SELECT 1 FROM pets q WHERE q.owner = p.id AND q.x = 9)",
    "SELECT p.place, (SELECT GROUP_CONCAT(q.place ORDER BY q.x) FROM pets q WHERE q.owner = p.id) FROM people p \
     WHERE p.id = $",
    "SELECT d.id, d.place FROM (SELECT * FROM people) d WHERE d.id = $",
    "SELECT d.k, d.n FROM (SELECT owner AS k, COUNT(*) AS n, MAX(place) FROM pets GROUP BY owner) d WHERE k IN ($, $)",
    "SELECT * FROM (SELECT id, place FROM people UNION ALL SELECT owner, place FROM pets) d WHERE d.id = $",
    "SELECT * FROM (SELECT DISTINCT owner FROM pets EXCEPT SELECT id FROM homes) d WHERE d.owner = $",
    "WITH p AS (SELECT * FROM people), q (k, p) AS (SELECT owner, place FROM pets) SELECT p.place, q.p FROM p \
     LEFT JOIN q ON q.k = p.id WHERE p.id = $",
    "WITH p AS (SELECT id FROM people WHERE id = $) SELECT a.id, q.place FROM p a JOIN p b ON a.id = b.id JOIN pets q ON \
     q.owner = b.id",
    "SELECT a.place FROM people a WHERE a.id = $ UNION ALL SELECT q.place FROM pets q JOIN people p ON p.id = q.owner \
     WHERE p.id = $",
    "SELECT @n := p.x, q.place FROM people p JOIN pets q ON q.owner = p.id WHERE p.id = $",
];

/// Where servers know them.
const OF_MYSQL: &[&str] = &[
    "SELECT p.place, t.n FROM people p, LATERAL (SELECT COUNT(*) AS n FROM pets q WHERE q.owner = p.id) t WHERE p.id = $",
    "SELECT p.place, j.x FROM people p JOIN pets q ON q.owner = p.id, JSON_TABLE('[1, 2]', '$[*]' COLUMNS (x INT PATH '$')) \
     j WHERE p.id = 5 AND j.x = q.x",
];

/// Of all keys: both servers add what they have of the wrong ones.
const OF_ALL: &[&str] = &[
    "SELECT p.id, q.x, p.place, q.place FROM people p JOIN pets q ON q.owner = p.id",
    "SELECT p.id, q.x, p.place, q.place FROM people p LEFT JOIN pets q ON q.owner = p.id AND q.x = 1 WHERE p.x < 2",
    "SELECT p.id, q.x, h.roof, p.place, q.place FROM people p LEFT JOIN pets q ON p.id = q.owner LEFT JOIN homes h ON h.id = \
     q.owner WHERE p.x = 1 OR h.roof IS NULL",
    "SELECT id, q.x, p.place, h.place FROM people p JOIN homes h USING (id), pets q WHERE q.owner = h.id AND q.x > 0",
    "SELECT a.id, b.id, a.place, b.place FROM people a JOIN people b ON a.id = b.id WHERE a.id > 5 AND b.x <> 2",
    "SELECT * FROM people p NATURAL JOIN homes h",
];

const WRITES: &[&str] = &[
    "UPDATE people p JOIN pets q ON q.owner = p.id SET q.x = q.x + 10, p.place = 'new' WHERE p.id = $",
    "UPDATE people p, (SELECT owner, COUNT(*) AS n FROM pets GROUP BY owner) q SET p.x = q.n WHERE p.id = q.owner AND \
     p.id = $",
    "UPDATE people SET x = (SELECT SUM(q.x) FROM pets q WHERE q.owner = people.id) WHERE id = $",
    "DELETE p, q FROM people p LEFT JOIN pets q ON q.owner = p.id WHERE p.id = $",
    "DELETE FROM pets WHERE pets.owner = $ AND EXISTS (SELECT 1 FROM people p WHERE p.id = pets.owner AND p.x = 1)",
    "INSERT INTO homes (id, place, roof) SELECT p.id + 0 * q.x, q.place, 'new' FROM people p JOIN pets q ON q.owner = p.id \
     WHERE p.id = 3 AND 1 = 0",
    "INSERT INTO homes (id, place, roof) SELECT q.owner, q.place, 'new' FROM people p JOIN pets q ON q.owner = p.id WHERE \
     p.id = $",
];

fn shard_of(key: i64) -> usize {
    usize::from(key >= 10)
}

fn plant(pair: &mut Pair) {
    const TABLES: &[&str] = &[
        "CREATE TABLE shop.people (id BIGINT NOT NULL PRIMARY KEY, place VARCHAR(10), x INT)",
        "CREATE TABLE shop.pets (owner BIGINT NOT NULL, place VARCHAR(10), x INT, KEY (owner))",
        "CREATE TABLE shop.homes (id BIGINT NOT NULL, place VARCHAR(10), roof VARCHAR(10), KEY (id))",
        "CREATE TABLE shop.book (id VARCHAR(10) NOT NULL, note VARCHAR(10))",
    ];
    pair.whole();
    let whole = pair.whole.as_ref().expect("just started");
    for (index, server) in [(None, whole), (Some(0), &pair.first), (Some(1), &pair.second)] {
        server.run_all(TABLES);
        let mut rows = Vec::new();
        for key in KEYS {
            let place = if index.is_none_or(|index| shard_of(key) == index) { "right" } else { "trap" };
            rows.push(format!("INSERT INTO shop.people VALUES ({key}, '{place}', {})", key % 3));
            // Some have no pet, some no home.
            let pets = (0..key % 4).map(|x| format!("INSERT INTO shop.pets VALUES ({key}, '{place}', {x})"));
            rows.extend(pets);
            if key % 5 != 1 {
                rows.push(format!("INSERT INTO shop.homes VALUES ({key}, '{place}', 'tiles')"));
            }
            if index != Some(1) {
                // Texts that equal the number, and some that do so beside numbers only.
                rows.push(format!(
                    "INSERT INTO shop.book VALUES ('{key}', 'plain'), ('{key}x', 'odd'), (' {key}', 'wide')"
                ));
            }
        }
        server.run_all(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let mut map = crate::support::pair::shop_map(&pair.first, &pair.second);
    map.push_str(
        "      people: {key: {id: bigint}, range: [{from: MIN, on: first}, {from: 10, on: second}]}\n      pets: {with: \
         people, key: {owner: bigint}}\n      homes: {with: people}\n      book: first\n",
    );
    pair.start_proxy(Settings { map, ..Settings::default() });
}

#[test]
fn statements_of_one_key_answer_as_one_server_does() {
    for mut pair in Pair::each() {
        plant(&mut pair);
        let mut direct = Raw::app(pair.whole().port, "shop").expect("the whole server takes the login");
        let mut routed = pair.app();
        // MySQL warns, and refuses dates, not this.
        let more = if pair.first.kind == Kind::MySql9 { OF_MYSQL } else { &[] };
        for (template, key) in READS.iter().chain(more).flat_map(|read| KEYS.map(move |key| (read, key))) {
            let statement = template.replace(" $", &format!(" {key}")).replace("($", &format!("({key}"));
            let beyond = template.contains("book") && shard_of(key) == 1;
            match (routed.query(&statement).remove(0), direct.query(&statement).remove(0)) {
                (Reply::Rows(found), Reply::Rows(expected)) => {
                    let (mut found, mut expected) = (found.lines(), expected.lines());
                    found.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(found, expected, "{statement}");
                }
                (Reply::Error(error), _) if beyond => assert!(error.message.contains("book"), "{error:?}"),
                (found, expected) => panic!("{found:?}, not {expected:?}, for {statement}"),
            }
        }
        for statement in OF_ALL {
            let explained = routed.rows(&format!("EXPLAIN ROUTE {statement}")).lines();
            assert!(explained[0].ends_with(" -> first, second scatter"), "{explained:?}");
            let (mut found, mut expected) = (routed.rows(statement).lines(), direct.rows(statement).lines());
            found.retain(|row| !row.contains("trap"));
            found.sort_unstable();
            expected.sort_unstable();
            assert!(!expected.is_empty() && found == expected, "{found:?}, not {expected:?}, for {statement}");
        }
        for (template, key) in WRITES.iter().flat_map(|write| KEYS.map(move |key| (write, key))) {
            let statement = template.replace('$', &key.to_string());
            let state = |raw: &mut Raw| {
                let mut rows = Vec::new();
                for table in ["people WHERE id", "pets WHERE owner", "homes WHERE id"] {
                    let Reply::Rows(found) = raw.query(&format!("SELECT * FROM {table} = {key}")).remove(0) else {
                        panic!("no rows of {table}");
                    };
                    rows.push(found.lines());
                    rows.last_mut().expect("just pushed").sort_unstable();
                }
                rows
            };
            for raw in [&mut direct, &mut routed] {
                raw.ok("BEGIN");
            }
            match (routed.query(&statement).remove(0), direct.query(&statement).remove(0)) {
                (Reply::Ok(_), Reply::Ok(_)) => assert_eq!(state(&mut routed), state(&mut direct), "{statement}"),
                (Reply::Error(error), _) if template.contains("1 = 0") => {
                    assert!(error.message.contains("its key is an expression"), "{error:?}");
                }
                (found, expected) => panic!("{found:?}, not {expected:?}, for {statement}"),
            }
            for raw in [&mut direct, &mut routed] {
                raw.ok("ROLLBACK");
            }
        }
        pair.check_sound();
    }
}
