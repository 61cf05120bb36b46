//! Every kind of fault, with its position and remedy, as a person reads it.

use super::super::ShardMap;

#[track_caller]
pub(super) fn check(yaml: &str, expected: &[&str]) {
    let found: Vec<String> = match ShardMap::load(yaml) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(found, expected, "in\n{yaml}");
}

/// A sound map but for `tables`, which begin in line 11 and column 7.
#[track_caller]
pub(super) fn check_tables(tables: &str, expected: &[&str]) {
    let head = "\
version: 1
regions: [eu]
groups:
  g0: {members: [{at: 'g0:3306', region: eu}]}
  g1: {members: [{at: 'g1:3306', region: eu}]}
shards: {s0: {group: g0}, s1: {group: g1}, s2: {group: g1}}
databases:
  shop:
    family: mariadb
    tables:
";
    let tables: String = tables.lines().map(|line| format!("      {line}\n")).collect();
    check(&format!("{head}{tables}"), expected);
}

#[test]
fn documents() {
    check("", &["1:1: expected a mapping, found nothing; write a mapping here"]);
    check("[", &["1:1: not YAML: unclosed bracket '['; correct the text at this position"]);
    check("- 1", &["1:1: expected a mapping, found a list; write a mapping here"]);
    check("a: 1\n---\nb: 1", &["2:1: a second document; keep one document to a file"]);
    check(
        "a: {b: [&x 1, *x, *y, !!int 2]}\n<<: {}\na: 1\n[1]: 2\n: 3",
        &[
            "1:1: unknown field `a`; known here: `version`, `generation`, `regions`, `groups`, `shards`, `databases` or `accept`",
            "1:1: the map lacks `version`; add `version:`",
            "1:1: the map lacks `regions`; add `regions:`",
            "1:1: the map lacks `groups`; add `groups:`",
            "1:1: the map lacks `shards`; add `shards:`",
            "1:1: the map lacks `databases`; add `databases:`",
            "1:12: anchors (`&name`) are not read; write the value out, in quotes if it begins with `&`",
            "1:15: aliases (`*name`) are not read; write the value out, in quotes if it begins with `*`",
            "1:19: aliases (`*name`) are not read; write the value out, in quotes if it begins with `*`",
            "1:23: tags (`!name`) are not read; leave it out, the field decides the type",
            "2:1: merge keys (`<<`) are not read; write the fields out",
            "3:1: `a` is written twice; remove this one or the one in line 1",
            "4:1: a key that is not a name; write a name before the colon",
            "5:1: a key that is not a name; write a name before the colon",
        ],
    );
    check("[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]", &["1:17: nested deeper than 16 levels; write it flatter"]);
    check(
        &" ".repeat((4 << 20) + 1),
        &["1:1: the document has 4194305 bytes, more than the 4194304 allowed; make it shorter"],
    );
    check(
        "%YAML 1.2\n---\nversion: 1",
        &["1:1: not YAML: YAML directives are disallowed; correct the text at this position"],
    );
}

#[test]
fn the_top() {
    check(
        "{}",
        &[
            "1:1: the map lacks `version`; add `version:`",
            "1:1: the map lacks `regions`; add `regions:`",
            "1:1: the map lacks `groups`; add `groups:`",
            "1:1: the map lacks `shards`; add `shards:`",
            "1:1: the map lacks `databases`; add `databases:`",
        ],
    );
    check(
        "version: 2\ngeneration: -1\nregion: [eu]\nregions: []\ngroups: []\nshards: x\ndatabases:",
        &[
            "1:10: unknown version `2`; write `version: 1`",
            "2:13: `-1` is not a whole number of 0 to 18446744073709551615; write decimal digits without leading zeros, separators or exponent",
            "3:1: unknown field `region`; did you mean `regions`?",
            "4:10: expected a list of regions, found an empty list; write a list of regions here",
            "5:9: expected a mapping of names, found a list; write a mapping of names here",
            "6:9: expected a mapping of names, found text; write a mapping of names here",
            "7:10: expected a mapping of databases, found nothing; write a mapping of databases here",
        ],
    );
    check(
        "version: '1'\ngeneration: 010\nregions: [eu, eu, '', ' us']\ngroups: {}\nshards: {}\ndatabases: {}\naccept: []",
        &[
            "2:13: `010` is not a whole number of 0 to 18446744073709551615; write decimal digits without leading zeros, separators or exponent",
            "3:15: region `eu` is written twice; remove one",
            "3:19: `` cannot name a region; write 1 to 64 characters without control characters or outer spaces",
            "3:23: ` us` cannot name a region; write 1 to 64 characters without control characters or outer spaces",
            "7:9: expected a list of changes, found an empty list; write a list of changes here",
        ],
    );
}

#[test]
fn groups_and_shards() {
    check(
        "\
version: 1
regions: [eu, us]
groups:
  g0:
    members:
      - {at: db, region: eu}
      - {at: 'db:0', region: ue}
      - {at: ':3306', region: asia}
      - {at: 'db:3306', region: eu, weight: 1}
      - {region: eu}
      - g0:3306
  g1: {members: [{at: 'DB:3306', region: us}]}
  g2: {members: []}
  g2: {}
  g3: {}
shards:
  s0: {group: g4}
  s1: {group: gruppe}
  s2: {group: g0, database: shop0}
  s3: {}
  s4: g0
  refuse: {group: g0}
databases: {}
",
        &[
            "6:14: `db` is not an address with a port; write `host:port`, as `orders-0.orders:3306`",
            "7:14: `db:0` is not an address with a port; write `host:port`, as `orders-0.orders:3306`",
            "7:30: unknown region `ue`; did you mean `eu`?",
            "8:14: `:3306` is not an address with a port; write `host:port`, as `orders-0.orders:3306`",
            "8:31: unknown region `asia`; list it under `regions`",
            "9:37: unknown field `weight`; known here: `at` or `region`",
            "10:9: a member lacks `at`; add `at:`",
            "11:9: expected a mapping, found text; write a mapping here",
            "12:23: the address `DB:3306` is written twice; one server is one member, see line 9",
            "13:17: expected a list of members, found an empty list; write a list of members here",
            "14:3: `g2` is written twice; remove this one or the one in line 13",
            "15:7: a group lacks `members`; add `members:`",
            "17:15: unknown group `g4`; did you mean `g0`?",
            "18:15: unknown group `gruppe`; declare it under `groups`",
            "19:19: not yet: a physical name (`database`) of a shard; give it the same name on every server and remove this",
            "20:7: a shard lacks `group`; add `group:`",
            "21:7: expected a mapping, found text; write a mapping here",
            "22:3: `refuse` is a word of the grammar, not a name; choose another name",
        ],
    );
}

#[test]
fn databases() {
    check(
        "\
version: 1
regions: [eu]
groups: {g0: {members: [{at: 'g0:3306', region: eu}]}}
shards: {s0: {group: g0}}
databases:
  a: {family: maria, unlisted: s9, reads: nearest, transactions: atomic}
  b: {unlisted: refused, reads: replicas, transactions: xa, tabels: {}}
  c: {family: mysql, unlisted: [s0], tables: []}
  d:
  ? ' e'
  : {family: mysql}
",
        &[
            "6:15: unknown word `maria`; did you mean `mariadb`?",
            "6:32: unknown shard `s9`; did you mean `s0`?",
            "6:66: not yet: transactions that write several shards; write `single_shard`",
            "7:6: a database lacks `family`; add `family:`",
            "7:17: unknown shard `refused`; declare it under `shards`",
            "7:33: unknown word `replicas`; did you mean `replica`?",
            "7:57: unknown word `xa`; write one of `single_shard`, `atomic` or `best_effort`",
            "7:61: unknown field `tabels`; did you mean `tables`?",
            "8:32: expected a shard or `refuse`, found a list; write a shard or `refuse` here",
            "8:46: expected a mapping of tables, found a list; write a mapping of tables here",
            "9:4: expected a mapping, found nothing; write a mapping here",
            "10:5: ` e` cannot name a database; write 1 to 64 characters without control characters or outer spaces",
        ],
    );
}

#[test]
fn tables() {
    check_tables(
        "t: s9\nu: {on: so}\nv: {}\nw: [s0]\nx:\ny: {onn: s0}",
        &[
            "11:10: unknown shard `s9`; did you mean `s0`?",
            "12:15: unknown shard `so`; did you mean `s0`?",
            "13:10: the table has no place; write a shard's name, `on: SHARD`, or `key` and `range`",
            "14:10: expected a shard's name, found a list; write a shard's name here",
            "15:8: expected a shard's name, found nothing; write a shard's name here",
            "16:10: the table has no place; write a shard's name, `on: SHARD`, or `key` and `range`",
            "16:11: unknown field `onn`; did you mean `on`?",
        ],
    );
    check_tables(
        "u: {on: s0, as: x.y, home: eu, ids: 1, reads: replica}",
        &[
            "11:28: not yet: home regions (`home`); remove it",
            "11:38: not yet: ids made by the proxy (`ids`); remove it",
        ],
    );
    check_tables(
        "t: {on: s0, key: {id: int}}\nu: {on: s0, with: t}\nv: {range: [{from: MIN, on: s0}]}\nw: {key: {id: int}}",
        &[
            "11:19: `key` beside `on`; keep one of the two",
            "12:19: `with` beside `on`; keep one of the two",
            "13:11: a table with this field lacks `key`; add `key:`",
            "14:10: a table with a key lacks `range`; add `range:`",
        ],
    );
    check_tables(
        "t: {on: s0, below: refuse, else: s0, buckets: 2}",
        &[
            "11:19: a table with this field lacks `range`; add `range:`",
            "11:34: a table with this field lacks `list`; add `list:`",
            "11:44: a table with this field lacks `hash`; add `hash:`",
        ],
    );
}

#[test]
fn scatters() {
    check_tables(
        "t: {on: s0, scatter: refuse}\nu: {key: {id: int}, scatter: no, range: [{from: MIN, on: s0}]}",
        &["11:19: a table with this field lacks `key`; add `key:`", "12:36: unknown word `no`; write `refuse`"],
    );
}

#[test]
fn other_names() {
    check_tables(
        "a: {on: s0, as: plain}\nb: {on: s0, as: 'x.y.z'}\nc: {on: s0, as: 'x.`y'}\nd: {on: s0, as: shop.e}\ne: s0\n\
         f: {on: s1, as: x.y}\ng: {everywhere: [s0, s1], from: s0, as: x.y}\nh: {on: s0, as: [x, y]}\ni: {on: s1, as: x.y}",
        &[
            "11:23: `plain` is not the name of a database and a table in it; write `as: \"database.table\"`, both of ASCII",
            "12:23: `x.y.z` is not the name of a database and a table in it; write `as: \"database.table\"`, both of ASCII",
            "13:23: `x.`y` is not the name of a database and a table in it; write `as: \"database.table\"`, both of ASCII",
            "14:23: this is `shop.e` on its servers; give each table a name of its own",
            "17:47: this is `shop.f` on its servers; give each table a name of its own",
            "18:23: expected `database.table`, found a list; write `database.table` here",
            "19:23: this is `shop.g` on its servers; give each table a name of its own",
        ],
    );
}

#[test]
fn tables_that_are_everywhere() {
    check_tables(
        "\
t: {everywhere: [s0, s9, s0], from: s0}
u: {everywhere: [s0, s1]}
v: {from: s0}
w: {everywhere: [s0], from: s1}
x: {everywhere: [s0, s1, s2], from: s0, on: s0}
y: {everywhere: [], from: s0, key: {id: int}}
z: {everywhere: s0, from: s0}
a: {everywhere: [s0, s1], from: s0}
b: {with: a}
c: {everywhere: [s0, s1], from: so}
",
        &[
            "11:28: unknown shard `s9`; did you mean `s0`?",
            "11:32: shard `s0` is written twice; remove one",
            "12:11: a table with this field lacks `from`; add `from:`",
            "13:10: the table has no place; write a shard's name, `on: SHARD`, or `key` and `range`",
            "13:11: a table with this field lacks `everywhere`; add `everywhere:`",
            "14:35: the shard that decides has no copy; name one of `everywhere`, or add it there",
            "15:11: `everywhere` beside `on`; keep one of the two",
            "15:32: `x` would be one table for shards `s1` and `s2`, both on group `g1`; put the shards on two groups",
            "16:23: expected a list of shards, found an empty list; write a list of shards here",
            "16:37: `key` beside `everywhere`; keep one of the two",
            "17:23: expected a list of shards, found text; write a list of shards here",
            "19:17: `a` is not split; write the shard itself, or name a table with a `key`",
            "20:39: unknown shard `so`; did you mean `s0`?",
        ],
    );
}

#[test]
fn the_grammar_to_come() {
    check_tables(
        "\
l:
  key: {country: char(2) collate ascii_bin}
  list: [{in: [DE], on: s0, home: eu}]
  else: refuse
h:
  key: {user_id: bigint unsigned}
  hash: crc32/1
  buckets: 1024
  range: [{from: 0, on: s0}]
c: {with: h, key: {uid: bigint unsigned}}
d: {with: c}
e: {with: hh}
p:
  key: {created_at: timestamp}
  zone: '+00:00'
  range: [{from: MIN, on: s0, home: eu}]
  period: day
  table: p_%Y
  keep: 90d
  ahead: 7d
",
        &[
            "13:35: not yet: home regions (`home`); remove it",
            "21:17: `c` itself follows another table; name the table that has the split",
            "22:17: unknown table `hh`; did you mean `h`?",
            "26:37: not yet: home regions (`home`); remove it",
            "27:9: not yet: physical tables per period; remove it",
        ],
    );
}
