//! Faults of keys and of how a table is split by them.

use super::faults::check_tables;

#[track_caller]
fn check_key(key: &str, expected: &[&str]) {
    check_tables(&format!("t:\n  key: {key}\n  range: [{{from: MIN, on: s0}}]"), expected);
}

/// The ranges of a key `id: tinyint`, one a line; the first begins in line 14, column 13.
#[track_caller]
fn check_range(bounds: &[&str], expected: &[&str]) {
    let bounds: String = bounds.iter().map(|bound| format!("\n    - {bound}")).collect();
    check_tables(&format!("t:\n  key: {{id: tinyint}}\n  range:{bounds}"), expected);
}

#[test]
fn keys() {
    check_key("{id: bigint unsigned}", &[]);
    check_key("{id: bigin}", &["12:19: unknown key type `bigin`; did you mean `bigint`?"]);
    check_key(
        "{id: year}",
        &[
            "12:19: not yet: a key of this type; write an integer, decimal, date, datetime, timestamp, char, varchar or binary type",
        ],
    );
    check_key(
        "{id: 7}",
        &[
            "12:19: unknown key type `7`; write `tinyint`, `smallint`, `mediumint`, `int`, `bigint`, `decimal`, `date`, `datetime`, `timestamp`, `varchar`, `char`, `varbinary` or `binary`; numbers `unsigned` or not",
        ],
    );
    check_key(
        "{}",
        &[
            "12:14: expected a column and its type, as `{id: bigint unsigned}`, found a mapping; write a column and its type, as `{id: bigint unsigned}` here",
        ],
    );
    check_key(
        "id",
        &[
            "12:14: expected a column and its type, as `{id: bigint unsigned}`, found text; write a column and its type, as `{id: bigint unsigned}` here",
        ],
    );
    check_key("{id: [int]}", &["12:19: expected a column's type, found a list; write a column's type here"]);
}

#[test]
fn keys_of_several_columns() {
    let columns = |count: usize| {
        let columns: Vec<String> = (0..count).map(|column| format!("c{column}: int")).collect();
        format!("{{{}}}", columns.join(", "))
    };
    check_key("{a: int, b: varchar(9) collate utf8mb4_general_ci}", &[]);
    check_key(&columns(16), &[]);
    check_key(&columns(17), &["12:165: 17 columns; a key has at most 16"]);
    check_key("{a: int, A: int}", &["12:23: column `A` is written twice; remove one"]);
    check_key(
        "{a: int, b: decimal(10,2)}",
        &[
            "12:26: the comma of the type ends it, as YAML reads it; write it in quotes, as `{price: \"decimal(10,2)\"}`",
        ],
    );
    check_key(
        "{a: int, b: timestamp}",
        &[
            "12:26: the bounds of a timestamp key need a zone; write `zone: UTC`, or an offset as `zone: \"+02:00\"`, beside `key`",
        ],
    );
    check_tables(
        "\
t:
  key: {a: tinyint, b: date, c: varchar(9) collate utf8mb4_general_ci}
  range:
    - {from: MIN, on: s0}
    - {from: [1], on: s1}
    - {from: [1, MIN], on: s0}
    - {from: 2, on: s1}
    - {from: [300], on: s1}
    - {from: [3, 2026-7-1], on: s1}
    - {from: [MIN, 2026-07-01], on: s1}
    - {from: [4, 2026-07-01, x], on: s1}
    - {from: [5, 2026-07-01, x, y], on: s1}
    - {from: [[6]], on: s1}
    - {from: [], on: s1}
    - {from: [-5], on: s1}
u:
  key: {a: tinyint, b: char(2) collate ascii_bin}
  list:
    - {in: [[1, DE], [1, 'DE '], [2], 3], on: s0}
    - {in: [[2, MIN, 3]], on: s0}
  else: refuse
",
        &[
            "16:20: the bound (1) is not above the one before, (1); write lower bounds in ascending order",
            "17:20: expected MIN or a list of values, one for each column of the key, found text; write MIN or a list of values, one for each column of the key here",
            "18:21: the bound 300 is outside tinyint; it holds -128 to 127",
            "19:24: the bound `2026-7-1` is not a date; write MIN or a date, as `2026-07-01`, of the years 1000 to 9999",
            "20:26: a value behind MIN; give the columns in front of it a value, or leave it out",
            "21:36: ranges of varchar(9) collate utf8mb4_general_ci, whose order only its servers know; split by `hash` or `list`, or give the column a _bin collation",
            "22:20: 4 values for a key of (tinyint, date, varchar(9) collate utf8mb4_general_ci); write one for each column, in the order of `key`",
            "23:21: expected MIN or a value of the column's type, found a list; write MIN or a value of the column's type here",
            "24:20: expected MIN or a list of values, one for each column of the key, found an empty list; write MIN or a list of values, one for each column of the key here",
            "25:20: the bound (-5) is not above the one before, (1); write lower bounds in ascending order",
            "29:28: the key (1, 'DE') is listed twice; remove this one or the one in line 29",
            "29:40: 1 value for a key of (tinyint, char(2) collate ascii_bin); write one for each column, in the order of `key`",
            "29:45: expected a list of values, one for each column of the key, found text; write a list of values, one for each column of the key here",
            "30:19: 3 values for a key of (tinyint, char(2) collate ascii_bin); write one for each column, in the order of `key`",
        ],
    );
    check_tables(
        "\
u: {key: {a: tinyint, b: date}, range: [{from: MIN, on: s0}]}
v: {with: u, key: {a: tinyint}}
w: {with: u, key: {x: tinyint, y: date}}
x: {with: u, key: {x: date, y: tinyint}}
",
        &[
            "12:17: the key is of another type than that of `u`, (tinyint, date); write that type, or a split of its own",
            "14:17: the key is of another type than that of `u`, (tinyint, date); write that type, or a split of its own",
        ],
    );
}

#[test]
fn bounds() {
    check_range(&["{from: MIN, on: s0}", "{from: -128, on: s1}", "{from: 127, on: s0}"], &[]);
    check_range(
        &["{from: 1, on: s0}"],
        &["14:13: keys below the first bound have no home; begin with `{from: MIN, on: SHARD}` or add `below: refuse`"],
    );
    check_range(
        &["{from: MIN, on: s0}", "{from: 5, on: s1}", "{from: 5, on: s0}", "{from: 4, on: s0}"],
        &[
            "16:20: the bound 5 is not above the one before, 5; write lower bounds in ascending order",
            "17:20: the bound 4 is not above the one before, 5; write lower bounds in ascending order",
        ],
    );
    check_range(
        &["{from: MIN, on: s0}", "{from: MIN, on: s1}"],
        &["15:20: MIN is not the first bound; move it to the beginning of the list"],
    );
    check_range(
        &[
            "{from: MIN, on: s0}",
            "{from: 010, on: s1}",
            "{from: 0x10, on: s1}",
            "{from: 1e1, on: s1}",
            "{from: 1_0, on: s1}",
            "{from: +9, on: s1}",
            "{from: 'MIN', on: s1}",
            "{from: min, on: s1}",
            "{from: , on: s1}",
        ],
        &[
            "15:20: the bound `010` is not an integer; write MIN or decimal digits without leading zeros",
            "16:20: the bound `0x10` is not an integer; write MIN or decimal digits without leading zeros",
            "17:20: the bound `1e1` is not an integer; write MIN or decimal digits without leading zeros",
            "18:20: the bound `1_0` is not an integer; write MIN or decimal digits without leading zeros",
            "19:20: the bound `+9` is not an integer; write MIN or decimal digits without leading zeros",
            "20:20: the bound `MIN` is not an integer; write MIN or decimal digits without leading zeros",
            "21:20: the bound `min` is not an integer; write MIN or decimal digits without leading zeros",
            "22:18: expected MIN or a value of the key's type, found nothing; write MIN or a value of the key's type here",
        ],
    );
    check_range(
        &["{from: MIN, on: s0}", "{from: 128, on: s1}", "{from: -129, on: s1}"],
        &[
            "15:20: the bound 128 is outside tinyint; it holds -128 to 127",
            "16:20: the bound -129 is outside tinyint; it holds -128 to 127",
        ],
    );
    check_range(
        &["{from: MIN, on: s9}", "{on: s0}", "{from: 1}", "s0", "{from: 3, on: s0, to: 4}"],
        &[
            "14:29: unknown shard `s9`; did you mean `s0`?",
            "15:13: a range lacks `from`; add `from:`",
            "16:13: a range lacks `on`; add `on:`",
            "17:13: expected a mapping, found text; write a mapping here",
            "18:31: unknown field `to`; known here: `from`, `on` or `home`",
        ],
    );
    check_range(
        &["{from: MIN, on: s0}", "{from: 1, on: s1}", "{from: 2, on: s2}"],
        &["16:13: `t` would be one table for shards `s1` and `s2`, both on group `g1`; put the shards on two groups"],
    );
    check_tables(
        "t: {key: {id: int}, below: refuse, range: [{from: MIN, on: s0}]}\nu: {key: {id: int}, below: s0, range: [{from: 1, on: s0}]}\nv: {key: {id: int}, range: []}",
        &[
            "11:34: `below` has no effect, the first bound is MIN; remove `below`",
            "12:34: unknown word `s0`; write `refuse`",
            "13:34: expected a list of `{from: BOUND, on: SHARD}`, found an empty list; write a list of `{from: BOUND, on: SHARD}` here",
        ],
    );
}

#[test]
fn keys_of_dates_and_decimals() {
    let range = |key: &str, more: &str, bounds: &[&str]| {
        let bounds: String = bounds.iter().map(|bound| format!("\n    - {{from: {bound}, on: s0}}")).collect();
        format!("t:\n  key: {{k: {key}}}\n  range:\n    - {{from: MIN, on: s1}}{bounds}{more}")
    };
    check_tables(&range("'decimal(5,2)'", "", &["-1", "0.5", "'1.50'", "999.99"]), &[]);
    check_tables(&range("date", "", &["2026-07-01", "'2026-08-01'"]), &[]);
    check_tables(&range("datetime(3)", "", &["2026-07-01", "2026-07-01 00:00:00.5"]), &[]);
    check_tables(&range("timestamp", "\n  zone: UTC", &["2026-07-01"]), &[]);
    check_tables(&range("timestamp", "\n  zone: '+02:00'", &["2026-07-01"]), &[]);
    check_tables(
        &range("'decimal(5,2)'", "", &["1.555", "1000", "01", "'1,5'", "2.0", "2"]),
        &[
            "15:20: the bound `1.555` is not a decimal of the key's scale; write MIN or digits without leading zeros, with at most 2 behind the point",
            "16:20: the bound 1000 is outside decimal(5,2); it holds at most 3 digits before the point",
            "17:20: the bound `01` is not a decimal of the key's scale; write MIN or digits without leading zeros, with at most 2 behind the point",
            "18:20: the bound `1,5` is not a decimal of the key's scale; write MIN or digits without leading zeros, with at most 2 behind the point",
            "20:20: the bound 2.00 is not above the one before, 2.00; write lower bounds in ascending order",
        ],
    );
    check_tables(
        &range("date", "", &["2026-02-30", "2026-7-1", "2026-07-02", "2026-07-01"]),
        &[
            "15:20: the bound `2026-02-30` is not a date; write MIN or a date, as `2026-07-01`, of the years 1000 to 9999",
            "16:20: the bound `2026-7-1` is not a date; write MIN or a date, as `2026-07-01`, of the years 1000 to 9999",
            "18:20: the bound 2026-07-01 is not above the one before, 2026-07-02; write lower bounds in ascending order",
        ],
    );
    check_tables(
        &range("timestamp(3)", "", &["2026-07-01"]),
        &[
            "12:18: the bounds of a timestamp key need a zone; write `zone: UTC`, or an offset as `zone: \"+02:00\"`, beside `key`",
        ],
    );
    check_tables(
        &range("timestamp(3) default now()", "\n  zone: UTC", &["2026-07-01"]),
        &[
            "12:18: the default `now()` of a key of type timestamp(3) in UTC is not known; of a datetime or timestamp write `default current_timestamp`, with the column's digits, as `{at: \"datetime(6) default current_timestamp(6)\"}`; remove others, keys are given then",
        ],
    );
    check_tables(
        &range("timestamp(3)", "\n  zone: Europe/Berlin", &["2026-07-01T00:00:00"]),
        &[
            "16:15: the zone `Europe/Berlin` is neither UTC nor a fixed offset; write `zone: UTC`, or an offset as `zone: \"+02:00\"`",
        ],
    );
    check_tables(
        &range("datetime(3)", "\n  zone: UTC", &["2026-07-01T00:00:00"]),
        &[
            "15:20: the bound `2026-07-01T00:00:00` is not a point in time of the key's type; write MIN, or `2026-07-01 12:00:00` or `2026-07-01`, of the years 1000 to 9999, with at most 3 digits of a fraction",
            "16:15: `zone` has no effect, a key of type datetime(3) has none; remove it",
        ],
    );
    check_key(
        "{id: decimal(10,2)}",
        &[
            "12:19: the comma of the type ends it, as YAML reads it; write it in quotes, as `{price: \"decimal(10,2)\"}`",
        ],
    );
    check_key(
        "{id: 'decimal(39,2)'}",
        &["12:19: not yet: a decimal key of more than 38 digits; write `decimal(38,...)` or fewer digits"],
    );
}

#[test]
fn lists() {
    let list = |key: &str, otherwise: &str, entries: &[&str]| {
        let entries: String = entries.iter().map(|entry| format!("\n    - {entry}")).collect();
        format!("t:\n  key: {{k: {key}}}\n  {otherwise}\n  list:{entries}")
    };
    check_tables(&list("int", "else: refuse", &["{in: [1, 5], on: s0}", "{in: ['7'], on: s1}"]), &[]);
    check_tables(
        &list("char(2) collate latin1_swedish_ci", "else: s1", &["{in: [DE, no, 010], on: s0}"]),
        &[
            "15:27: the bound `010` is not a text of the key's type; write text that char(2) collate latin1_swedish_ci holds",
        ],
    );
    check_tables(
        &list(
            "int",
            "below: refuse",
            &["{in: [1, 5, 1], on: s0}", "{in: [5, x], on: s1}", "{in: [], on: s9}", "{on: s2}"],
        ),
        &[
            "12:9: a table lacks `else`; add `else:`",
            "13:9: a table with this field lacks `range`; add `range:`",
            "15:25: the key 1 is listed twice; remove this one or the one in line 15",
            "16:19: the key 5 is listed twice; remove this one or the one in line 15",
            "16:22: the bound `x` is not an integer; write MIN or decimal digits without leading zeros",
            "17:18: expected a list of keys, found an empty list; write a list of keys here",
            "17:26: unknown shard `s9`; did you mean `s0`?",
            "18:13: an entry of a list lacks `in`; add `in:`",
            "18:13: `t` would be one table for shards `s1` and `s2`, both on group `g1`; put the shards on two groups",
        ],
    );
    check_tables(
        &list(
            "varchar(3) collate utf8mb4_general_ci",
            "else: s1",
            &["{in: [ab, AB, 'ab ', \u{e1}b, \u{e9}, abcd], on: s0}", "s0", "{in: [x], on: s2}"],
        ),
        &[
            "13:15: `t` would be one table for shards `s2` and `s1`, both on group `g1`; put the shards on two groups",
            "15:23: the key 'ab' is listed twice; remove this one or the one in line 15",
            "15:27: the key 'ab' is listed twice; remove this one or the one in line 15",
            "15:34: the key 'ab' is listed twice; remove this one or the one in line 15",
            "15:41: the bound `abcd` is not a text of the key's type; write text that varchar(3) collate utf8mb4_general_ci holds",
            "16:13: expected a mapping, found text; write a mapping here",
        ],
    );
}

#[test]
fn hashes() {
    let hash = |hash: &str, bounds: &[&str]| {
        let bounds: String = bounds.iter().map(|bound| format!("\n    - {bound}")).collect();
        format!("t:\n  key: {{k: varchar(9) collate utf8mb4_0900_ai_ci}}\n  {hash}\n  range:{bounds}")
    };
    check_tables(&hash("hash: crc32/1\n  buckets: 4", &["{from: 0, on: s0}", "{from: 3, on: s1}"]), &[]);
    check_tables(
        &hash("hash: crc32\n  buckets: 0", &["{from: 0, on: s0}"]),
        &[
            "13:15: unknown hash function `crc32`; write `crc32/1`",
            "14:18: `0` is not a whole number of 1 to 65536; write decimal digits without leading zeros, separators or exponent",
        ],
    );
    check_tables(&hash("hash: crc32/1", &["{from: 0, on: s0}"]), &["12:9: a table lacks `buckets`; add `buckets:`"]);
    check_tables(
        &hash(
            "hash: crc32/1\n  buckets: 4\n  below: refuse",
            &["{from: 1, on: s0}", "{from: 4, on: s1}", "{from: MIN, on: s2}"],
        ),
        &[
            "15:9: `below` beside `hash`; keep one of the two",
            "17:13: the first range does not begin with bucket 0; begin with `{from: 0, on: SHARD}`",
            "18:20: `4` is not a whole number of 0 to 3; write decimal digits without leading zeros, separators or exponent",
            "19:13: `t` would be one table for shards `s1` and `s2`, both on group `g1`; put the shards on two groups",
            "19:20: `MIN` is not a whole number of 0 to 3; write decimal digits without leading zeros, separators or exponent",
        ],
    );
    check_tables("t:\n  key: {k: int}\n  hash: crc32/1\n  buckets: 4", &["12:9: a table lacks `range`; add `range:`"]);
    check_tables(
        &hash("zone: UTC", &["{from: MIN, on: s0}"]),
        &[
            "13:15: `zone` has no effect, a key of type varchar(9) collate utf8mb4_0900_ai_ci has none; remove it",
            "15:11: ranges of varchar(9) collate utf8mb4_0900_ai_ci, whose order only its servers know; split by `hash` or `list`, or give the column a _bin collation",
        ],
    );
}

#[test]
fn text_keys() {
    check_key(
        "{id: varchar(20)}",
        &[
            "12:19: the type lacks its collation, which decides which texts are one key; write it as SHOW CREATE TABLE has it, as `varchar(64) collate utf8mb4_bin`",
        ],
    );
    check_key("{id: varchar collate utf8mb4_bin}", &["12:19: the type varchar lacks its length; write varchar(N)"]);
    check_key(
        "{id: varchar(20) collate utf8mb4_turkish_ci}",
        &["12:19: no keys of collation `utf8mb4_turkish_ci` yet; write one of docs/keys.md, as `utf8mb4_bin`"],
    );
    check_key(
        "{id: varchar(20) collate utf8mb4_general_cy}",
        &["12:19: no keys of collation `utf8mb4_general_cy` yet; did you mean `utf8mb4_general_ci`?"],
    );
    check_key(
        "{id: varchar(20) collate utf8mb4_general_ci}",
        &[
            "13:16: ranges of varchar(20) collate utf8mb4_general_ci, whose order only its servers know; split by `hash` or `list`, or give the column a _bin collation",
        ],
    );
    check_key("{id: varbinary(16)}", &[]);
    check_tables(
        "t:\n  key: {k: varchar(3) collate utf8mb4_bin}\n  range:\n    - {from: MIN, on: s0}\n    - {from: b, on: s1}\n    - {from: 'b ', on: s0}\n    - {from: \"c\\t\", on: s0}\n    - {from: abcd, on: s0}",
        &[
            "16:20: the bound 'b' is not above the one before, 'b'; write lower bounds in ascending order",
            "17:20: the bound `c\\t` is not a text of the key's type; write MIN or text that varchar(3) collate utf8mb4_bin holds, without control characters",
            "18:20: the bound `abcd` is not a text of the key's type; write MIN or text that varchar(3) collate utf8mb4_bin holds, without control characters",
        ],
    );
}

#[test]
fn tables_along_with_another() {
    let base = "t: {key: {id: int}, range: [{from: MIN, on: s0}, {from: 5, on: s1}]}\n";
    check_tables(&format!("u: {{with: t}}\nv: {{with: t, key: {{t_id: int}}}}\n{base}"), &[]);
    check_tables(
        &format!(
            "{base}u: {{with: t, key: {{id: bigint}}}}\nv: {{with: w}}\nw: s0\nx: {{with: t, range: []}}\ny: {{with: y}}"
        ),
        &[
            "12:17: the key is of another type than that of `t`, int; write that type, or a split of its own",
            "13:17: `w` is not split; write the shard itself, or name a table with a `key`",
            "15:20: `range` beside `with`; keep one of the two",
            "15:20: a table with this field lacks `key`; add `key:`",
            "16:17: `y` itself follows another table; name the table that has the split",
        ],
    );
}
