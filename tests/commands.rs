//! The offline commands, `meridian check`, `meridian diff` and `meridian explain`, by what they print. No server is needed.

use std::path::Path;
use std::process::Command;

/// The exit status and what was printed to standard output and standard error.
type Printed = (Option<i32>, String, String);

fn meridian(arguments: &[&str]) -> Printed {
    let output = Command::new(env!("CARGO_BIN_EXE_meridian"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs a command; what it prints is given without the end of the last line.
#[track_caller]
fn check(arguments: &[&str], status: i32, out: &str, err: &str) {
    let (code, stdout, stderr) = meridian(arguments);
    let found = (code, stdout.trim_end(), stderr.trim_end());
    assert_eq!(found, (Some(status), out, err), "{arguments:?}\n{stdout}{stderr}");
}

/// `meridian explain` with the map of the goldens, and further arguments.
#[track_caller]
fn explains(arguments: &[&str], lines: &[&str]) {
    let with_map = [&["explain", "--shard-map", "tests/goldens/map.yaml"], arguments].concat();
    let refused = lines.iter().any(|line| line.starts_with("refuse "));
    check(&with_map, i32::from(refused), &lines.join("\n"), "");
}

/// The same, where nothing is explained.
#[track_caller]
fn fails(arguments: &[&str], error: &str) {
    let with_map = [&["explain", "--shard-map", "tests/goldens/map.yaml"], arguments].concat();
    check(&with_map, 2, "", &format!("meridian: {error}"));
}

/// A file with this text that is left behind below target/.
fn file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("a file can be written");
    path.to_str().expect("UTF-8").into()
}

#[test]
fn a_sound_map_is_summed_up() {
    check(
        &["check", "tests/goldens/map.yaml"],
        0,
        "\
tests/goldens/map.yaml: sound
no generation
regions eu
group orders: 127.0.0.1:3311 in eu; shards: orders
group users: 127.0.0.1:3312 in eu; shards: users
group split0: 127.0.0.1:3313 in eu; shards: s0
group split1: 127.0.0.1:3314 in eu; shards: s1
group archive: 127.0.0.1:3315 in eu; shards: archive
database shop (mariadb); tables not listed: refused
  cities: everywhere on s1, archive, from archive
  countries: everywhere on orders, s0, s1, from s1
  currencies: everywhere on orders, s0, from s0
  customers: by id bigint unsigned: [MIN, 1000000) s0, [1000000, MAX] s1
  events: by user_id int: [0, 5000) s0, [5000, MAX] s1
  items: orders
  ledger: s0
  lines: by (tenant int unsigned, id bigint unsigned): [MIN, (5, 1000)) s0, [(5, 1000), (6)) s1, [(6), (7)) s0, [(7), MAX] s1
  offices: by (country char(2) collate ascii_bin, number int): ('AT', 1) s0, ('DE', 1) s0, ('DE', 2) s0, ('DE', 3) s1, ('FR', 1) s1, others refused
  orders: orders
  payments: by customer int: [MIN, 1000) s0, [1000, MAX] archive; scatter refused
  prices: by (article varchar(20) collate utf8mb4_bin, day date), crc32/1 of 16 buckets: [0, 8) s0, [8, MAX] s1
  refunds: by customer int: [MIN, 1000) s0, [1000, MAX] archive; scatter refused
  remarks: by (owner int unsigned, number bigint unsigned): [MIN, (5, 1000)) s0, [(5, 1000), (6)) s1, [(6), (7)) s0, [(7), MAX] s1
  users: users
database crm (mariadb); tables not listed: on users
  contacts: users
database mixed (mariadb); tables not listed: on s0
  customers: by id bigint unsigned: [MIN, 1000000) s0, [1000000, MAX] s1
database books (mariadb); tables not listed: on orders
  accounts: orders
  invoices (as old.t_invoices): orders
  letters (as old.letters): by customer int: [MIN, 1000) s0, [1000, MAX] archive
  rates (as books.t_rates): everywhere on orders, s0, from s0",
        "",
    );
}

#[test]
fn all_faults_of_a_map_are_named_where_they_are() {
    let text = "version: 1\nregions: [eu]\ngroups: {a: {members: [{at: a, region: us}]}}\nshards: {s: {group: b}}\n\
                databases: {shop: {family: mariadb, unlisted: refuse, tables: {t: nowhere}}}\n";
    let map = file("faulty.yaml", text);
    let faults = [
        "3:29: `a` is not an address with a port; write `host:port`, as `orders-0.orders:3306`",
        "3:40: unknown region `us`; list it under `regions`",
        "4:21: unknown group `b`; did you mean `a`?",
        "5:67: unknown shard `nowhere`; declare it under `shards`",
    ];
    let faults: Vec<String> = faults.iter().map(|fault| format!("{map}:{fault}")).collect();
    check(&["check", &map], 1, "", &faults.join("\n"));
    check(&["explain", "--shard-map", &map, "SELECT 1"], 2, "", &faults.join("\n"));
    let missing = "meridian: nowhere.yaml: No such file or directory (os error 2)";
    check(&["check", "nowhere.yaml"], 1, "", missing);
    check(&["explain", "--shard-map", "nowhere.yaml", "SELECT 1"], 2, "", missing);
}

#[test]
fn statements_are_explained_one_after_the_other() {
    explains(
        &["--database", "shop", "SELECT name FROM customers WHERE id = '42'"],
        &[
            "route customers.id = '42' (range) -> s0 single",
            "  key shop.customers.id = '42'",
            "    [MIN, 1000000) on s0: '42' read as 42",
            "  shard s0: group split0, member 127.0.0.1:3313 in eu",
            "  send 42 bytes: SELECT name FROM customers WHERE id = '42'",
        ],
    );
    explains(
        &["EXPLAIN ROUTE SELECT 1;; USE crm; SELECT *\nFROM contacts; SELECT 'x"],
        &[
            "> SELECT 1",
            "route no table -> any shard",
            "  shard orders: group orders, member 127.0.0.1:3311 in eu",
            "  send 8 bytes: SELECT 1",
            "",
            "> USE crm",
            "control session",
            "",
            "> SELECT *\\nFROM contacts",
            "route contacts (vertical) -> users single",
            "  table crm.contacts on users",
            "  shard users: group users, member 127.0.0.1:3312 in eu",
            "  send 22 bytes: SELECT *\\nFROM contacts",
            "",
            "> SELECT 'x",
            "refuse 1064 (42000) You have an error in your SQL syntax: a string is not closed at byte 7",
        ],
    );
    explains(
        &["SELECT CONNECTION_ID()"],
        &[
            "route no table -> any shard",
            "  shard orders: group orders, member 127.0.0.1:3311 in eu",
            "  send 22 bytes: SELECT CONNECTION_ID()",
            "  with the session's own number in the place of CONNECTION_ID()",
        ],
    );
}

#[test]
fn the_session_that_is_told_decides_how_a_text_is_read() {
    let first = |arguments: &[&str], expected: &str| {
        let base = ["explain", "--shard-map", "tests/goldens/map.yaml", "--database", "shop"];
        let (code, out, err) = meridian(&[&base, arguments].concat());
        let status = i32::from(expected.starts_with("refuse "));
        assert_eq!((code, out.lines().next()), (Some(status), Some(expected)), "{arguments:?}\n{out}{err}");
    };
    let quoted = "SELECT * FROM customers WHERE \"id\" = 42";
    let scattered = "route customers (no key) -> s0, s1 scatter";
    let routed = "route customers.id = 42 (range) -> s0 single";
    first(&[quoted], scattered);
    first(&["--set", "meridian_shard=s1", "SELECT COUNT(*) FROM customers"], "route customers (hint) -> s1 single");
    first(&["--set", "sql_mode=STRICT_TRANS_TABLES,ansi_quotes", quoted], routed);
    first(&["--set", "sql_mode='ANSI'", quoted], routed);
    first(&["--set", "sql_mode=", quoted], scattered);
    let by_version = "SELECT * FROM customers WHERE id = 42 /*!110000 OR 1 = 1 */";
    first(&[by_version], routed);
    first(&["--server-version", "11.4.2-MariaDB", by_version], scattered);
    let escaped = "SELECT * FROM customers WHERE name = '\\' AND id = 42 -- '";
    first(&["--set", "sql_mode=NO_BACKSLASH_ESCAPES", escaped], routed);
    // Three bytes of UTF-8; in gbk the last of them and the quote are no character.
    let character = "SELECT * FROM customers WHERE id = 42 AND name = '縗'";
    first(&[character], routed);
    let malformed = "refuse 1064 (42000) You have an error in your SQL syntax: a character is malformed in the client's charset \
                     at byte 52";
    first(&["--set", "character_set_client=gbk", character], malformed);
}

#[test]
fn what_cannot_be_explained_is_said() {
    fails(
        &["--database", "nope", "SELECT 1"],
        "--database: the map has no database `nope`; it has shop, crm, mixed, books",
    );
    fails(
        &["--set", "sql_mode=ANSI_QUOTE", "SELECT 1"],
        "--set sql_mode: no server knows the mode `ANSI_QUOTE`; write its name as in @@sql_mode",
    );
    fails(
        &["--set", "names=gbx", "SELECT 1"],
        "--set character_set_client: no server knows `gbx`; write a name as utf8mb4 or gbk",
    );
    fails(
        &["--set", "autocommit=0", "SELECT 1"],
        "--set autocommit: where a statement goes does not depend on it; sql_mode, character_set_client, time_zone, timestamp and meridian_shard can be set",
    );
    fails(
        &["--set", "time_zone=Europe/Berlin", "SELECT 1"],
        "--set time_zone: keys are read in a fixed offset only, not in `Europe/Berlin`; write UTC or +02:00",
    );
    fails(&["--set", "meridian_shard=s9", "SELECT 1"], "--set meridian_shard: the map has no shard `s9`");
    fails(&["--set", "x", "SELECT 1"], "--set `x`: write NAME=VALUE, as sql_mode=ANSI_QUOTES");
    fails(
        &["--server-version", "x", "SELECT 1"],
        "--server-version `x` is no version; write it as @@version has it, as 10.11.6-MariaDB or 8.4.3",
    );
    fails(
        &["--database", "shop", "--server-version", "8.4.3", "SELECT 1"],
        "--server-version 8.4.3 is of the other family than the map says of database shop; MariaDB's versions end with \
         -MariaDB",
    );
    fails(&[" ; -- nothing"], "the text holds no statement; write one, as \"SELECT 1\"");
}

#[test]
fn a_diff_prints_what_the_new_map_has_to_accept() {
    const OLD: &str = "tests/goldens/map.yaml";
    let old = std::fs::read_to_string(OLD).expect("the map of the goldens");
    let new = old
        .replacen("- {from: 1000000, on: s1}", "- {from: 500000, on: s1}", 1)
        .replacen("      ledger: s0\n", "      ledger: s0\n      more: s0\n", 1)
        .replace("s1:     {group: split1}", "s1:     {group: users}");
    let new = file("diff-new.yaml", &new);
    let (code, out, err) = meridian(&["diff", OLD, &new]);
    assert_eq!((code, &*err), (Some(1), ""));
    let base = out.split("base: \"").nth(1).and_then(|rest| rest.get(..64)).expect("a hash").to_owned();
    let expected = format!(
        "accept:\n  \
         - {{table: \"mixed.customers\", keys: \"[1000000, MAX]\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.cities\", keys: \"[MIN, MAX]\", from: \"archive\", to: \"s1\", base: \"{base}\"}}\n  \
         - {{table: \"shop.countries\", keys: \"[MIN, MAX]\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.customers\", keys: \"[500000, 1000000)\", from: \"s0\", to: \"s1\", base: \"{base}\"}}\n  \
         - {{table: \"shop.customers\", keys: \"[1000000, MAX]\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.events\", keys: \"[5000, MAX]\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.lines\", keys: \"[(5, 1000), (6))\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.lines\", keys: \"[(7), MAX]\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.offices\", keys: \"('DE', 3)\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.offices\", keys: \"('FR', 1)\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.prices\", keys: \"[bucket 8, MAX]\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.remarks\", keys: \"[(5, 1000), (6))\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n  \
         - {{table: \"shop.remarks\", keys: \"[(7), MAX]\", from: \"s1\", to: \"s1\", base: \"{base}\"}}    # from group split1 to group users\n\
         # shard s1: on group split1 -> on group users\n# table shop.more is new\n"
    );
    assert_eq!(out, expected);
    // What was printed, put into the new map.
    let accepting = std::fs::read_to_string(&new).expect("just written") + out.split("# shard").next().expect("a part");
    let accepting = file("diff-accepting.yaml", &accepting);
    let (code, again, err) = meridian(&["diff", OLD, &accepting]);
    assert_eq!((code, &*err), (Some(0), ""));
    let count = "# 13 of these 13 are accepted by the new map\n# shard s1";
    assert_eq!(again, expected.replace("# shard s1", count));
    let members = file("diff-members.yaml", &old.replace("127.0.0.1:3314", "127.0.0.1:3399"));
    check(
        &["diff", OLD, &members],
        0,
        "# no row changes its owner\n# group split1: 127.0.0.1:3314 in eu -> 127.0.0.1:3399 in eu",
        "",
    );
    check(&["diff", OLD, OLD], 0, "# no row changes its owner", "");
    let faulty = file(
        "diff-faulty.yaml",
        &old.replace("family: mysql", "family: postgres").replace("family: mariadb", "family: mariabd"),
    );
    let (code, out, err) = meridian(&["diff", &faulty, "nowhere.yaml"]);
    assert_eq!((code, &*out), (Some(2), ""));
    assert!(err.contains("did you mean `mariadb`?") && err.contains("nowhere.yaml: "), "{err}");
}

#[test]
fn the_schema_is_that_of_the_documents() {
    check(&["schema"], 0, include_str!("../docs/shard-map.schema.json").trim_end(), "");
}

#[test]
fn explanations_are_printed_as_json() {
    let object_of = |status: i32, sql: &str| {
        let base = ["explain", "--shard-map", "tests/goldens/map.yaml", "--database", "shop", "--json"];
        let (code, out, err) = meridian(&[&base, &[sql][..]].concat());
        assert_eq!(code, Some(status), "{err}");
        let value: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
        value.as_array().expect("a list").clone()
    };
    let object = |sql: &str| object_of(0, sql);
    let list = object("INSERT INTO customers (id, name) VALUES (1000000, '\"\\n\u{1F600}')");
    let send = "INSERT INTO customers (id, name) VALUES (1000000, '\"\\n\u{1F600}')";
    let shard = serde_json::json!({
        "shard": "s1", "group": "split1", "members": [{"at": "127.0.0.1:3314", "region": "eu"}],
    });
    let key = serde_json::json!({
        "database": "shop", "table": "customers", "column": "id", "condition": "<- 1000000", "through": null,
        "values_are_cut": false,
        "values": [{
            "read": "[1000000, MAX]", "shard": "s1", "count": 1, "values": [{"given": "1000000", "key": "1000000"}],
        }],
    });
    let expected = serde_json::json!({
        "statement": send,
        "explanation": "route customers.id <- 1000000 (range) -> s1 single",
        "verdict": "single", "refusal": null, "parameters": null, "prepared": false, "hint": null,
        "keys": [key], "tables": [], "shards": [shard], "send": {"bytes": send.len(), "text": send},
    });
    assert_eq!(list, [expected]);
    let list = object_of(
        1,
        "SELECT COUNT(*) FROM customers /* meridian: shard=s1 */; /* meridian: s1 */ EXPLAIN ROUTE SELECT 1",
    );
    assert_eq!((&list[0]["hint"], &list[0]["tables"][0]["kind"]), (&"s1".into(), &"hint".into()));
    assert_eq!(list[1]["refusal"]["number"], 1064);
    let list = object_of(1, "SELECT * FROM nothing; SELECT * FROM customers WHERE id = ?");
    assert_eq!(list[0]["refusal"]["number"], 1146);
    assert_eq!(list[0]["refusal"]["sqlstate"], "42S02");
    assert_eq!((&list[0]["send"], &list[0]["verdict"]), (&serde_json::Value::Null, &"refused".into()));
    assert_eq!(list[1]["parameters"], serde_json::json!({"decide": [1], "may_refuse": false, "may_scatter": false}));
}
