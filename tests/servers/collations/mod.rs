//! What the servers call equal has one form as a key: all code points and random pairs, in every supported collation.
//!
//! UPDATE_COLLATIONS=1 writes the stored tables anew, from these servers' weights; a collation's name, only its table.

mod pairs;
mod routed;
mod stored;

use std::collections::HashSet;

use meridian::shard_map::Family;
use meridian::shard_map::collation::{COLLATIONS, Charset, Collation, Order, Stored};
use pairs::Mates;

use crate::support::server::Kind;
use crate::support::{MariaDb, MySql9, Raw, Server};

#[test]
fn equal_texts_have_one_form_on_mariadb() {
    check(&MariaDb::start("collations", &[]));
}

#[test]
fn equal_texts_have_one_form_on_mysql9() {
    if let Some(server) = MySql9::start("collations", &[]) {
        check(&server);
    }
}

fn check(server: &Server) {
    let family = match server.kind {
        Kind::MariaDb => Family::MariaDb,
        Kind::MySql9 => Family::MySql,
    };
    let mut raw = all_points(server);
    let own = |table: &Stored| match table {
        Stored::Unicode900 => family == Family::MySql,
        Stored::Unicode1400 => family == Family::MariaDb,
        _ => true,
    };
    if let Some(which) = std::env::var_os("UPDATE_COLLATIONS") {
        for table in Stored::ALL.into_iter().filter(own).filter(|table| which == "1" || which == *table.name()) {
            stored::write(&mut raw, table);
        }
        return;
    }
    // The most telling fault first.
    for table in Stored::ALL.into_iter().filter(own) {
        let probe = table.probe();
        assert_eq!(raw.value(&probe.sql), probe.expected, "{}: UPDATE_COLLATIONS=1 writes the tables", table.name());
    }
    let there = |collation: &Collation| {
        let old_spelling = collation.name.starts_with("utf8_");
        collation.family.is_none_or(|its| its == family) && !old_spelling
    };
    charsets(&mut raw);
    let mut mates = Mates::default();
    for collation in COLLATIONS.iter().copied().filter(there) {
        single_points(&mut raw, collation);
        pairs::check(&mut raw, collation, &mut mates);
    }
}

/// A table `points` of all code points, `n` and `c`.
fn all_points(server: &Server) -> Raw {
    let mut raw = Raw::admin(server.port).expect("the server answers");
    raw.ok("SET NAMES utf8mb4");
    // Else groups of a million go to disk.
    let room = match server.kind {
        Kind::MariaDb => "tmp_memory_table_size = 1073741824",
        Kind::MySql9 => "tmp_table_size = 1073741824",
    };
    raw.ok(&format!("SET max_heap_table_size = 1073741824, {room}, group_concat_max_len = 67108864"));
    raw.ok("CREATE DATABASE weights");
    raw.ok("USE weights");
    raw.ok("CREATE TABLE digits (d INT)");
    raw.ok("INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9),(10),(11),(12),(13),(14),(15)");
    raw.ok("CREATE TABLE points (n INT UNSIGNED, c VARCHAR(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \
            PRIMARY KEY (n) USING BTREE) ENGINE = MEMORY");
    raw.ok(
        "INSERT INTO points SELECT n, CONVERT(CONVERT(UNHEX(LPAD(HEX(n), 8, '0')) USING utf32) USING utf8mb4) FROM \
         (SELECT u.d * 1048576 + v.d * 65536 + w.d * 4096 + x.d * 256 + y.d * 16 + z.d n FROM digits u, digits v, \
         digits w, digits x, digits y, digits z WHERE u.d < 2) p WHERE n < 1114112 AND n NOT BETWEEN 55296 AND 57343",
    );
    assert_eq!(raw.value("SELECT COUNT(*) FROM points"), "1112064");
    raw
}

/// Groups of code points that the collation calls equal, against groups of one form.
fn single_points(raw: &mut Raw, collation: Collation) {
    let name = collation.name;
    let charset = charset(collation);
    // A collation that shares the table of another is tried where code points are assigned.
    let own_table = matches!(collation.order, Order::Weights(stored) if stored.name() == name);
    let there = if own_table { "1" } else { "(n < 196608 OR n BETWEEN 917504 AND 921599)" };
    let groups = raw.rows(&format!(
        "SELECT GROUP_CONCAT(n) FROM (SELECT n, CONVERT(c USING {charset}) t FROM points WHERE {there} AND \
         CONVERT(CONVERT(c USING {charset}) USING utf8mb4) = c COLLATE utf8mb4_bin) p \
         GROUP BY t COLLATE {name} HAVING COUNT(*) > 1"
    ));
    let mut equal = 0;
    for group in &groups.rows {
        let members = str::from_utf8(group[0].as_deref().expect("no NULL")).expect("ASCII").split(',');
        let mut members =
            members.map(|n| char::from_u32(n.parse().expect("a number")).expect("a code point")).peekable();
        let first = *members.peek().expect("a group has members");
        let form_of_first = form(collation, first.encode_utf8(&mut [0; 4]));
        let mut within = 0;
        for member in members {
            let own = form(collation, member.encode_utf8(&mut [0; 4]));
            assert_eq!(own, form_of_first, "{name}: U+{:04X} U+{:04X}", first as u32, member as u32);
            within += usize::from(member < SCRIPTS_END);
        }
        equal += within.saturating_sub(1);
    }
    if own_table {
        let scripts = ('\0'..SCRIPTS_END).filter(|c| collation.charset.holds(*c));
        let forms: HashSet<Vec<u8>> = scripts.clone().map(|c| form(collation, c.encode_utf8(&mut [0; 4]))).collect();
        // No coarser than it has to be: contractions cost some, and a blank weighs nothing at the end.
        let lost = scripts.count() - equal - forms.len();
        let most = if name.contains("uca1400") { 60 } else { usize::from(name.contains("0900")) };
        assert!(lost <= most, "{name}: {lost} code points have the form of an unequal one");
    }
}

/// Nearly all code points that scripts have are below.
const SCRIPTS_END: char = '\u{20000}';

fn charset(collation: Collation) -> &'static str {
    collation.name.split('_').next().expect("split yields one part at least")
}

/// The form of a text that has one.
fn form(collation: Collation, text: &str) -> Vec<u8> {
    match collation.key_form(text.as_bytes()) {
        Ok(form) => form.into_owned(),
        Err(e) => panic!("{}: {e:?}: {text:?}", collation.name),
    }
}

/// A charset has the characters that the server can write in it.
fn charsets(raw: &mut Raw) {
    for (charset, name) in [(Charset::Ascii, "ascii"), (Charset::Latin1, "latin1"), (Charset::Utf8mb3, "utf8mb3")] {
        let held = raw.rows(&format!(
            "SELECT n FROM points WHERE CONVERT(CONVERT(c USING {name}) USING utf8mb4) = c COLLATE utf8mb4_bin ORDER BY n"
        ));
        let held: Vec<u32> = held.rows.iter().map(|row| stored::number(&row[0])).collect();
        let own = ('\0'..=char::MAX).filter(|c| charset.holds(*c)).map(u32::from);
        assert!(own.eq(held), "{name}");
    }
}
