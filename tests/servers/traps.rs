//! Trap rows: of each key there is a row on the shard that owns it, and one on the other shard, which no statement for
//! that key may ever return. (One that names no key asks all shards, and has the rows of each.) Seeded statements in
//! every spelling that the lexer must see through, under changing sql_modes and charsets; the expectation is what one
//! server that holds the right rows answers to the same bytes.
//!
//! MERIDIAN_TRAP_STATEMENTS sets the number of statements, MERIDIAN_TRAP_SEED the seed.

use crate::support::raw::Reply;
use crate::support::{Pair, Raw, Settings};
use crate::verify::verify;

/// In all, on both kinds of servers.
const STATEMENTS: u64 = 100_000;

/// Settings change after so many statements.
const STATEMENTS_A_SESSION: u64 = 500;

/// The keys that have rows.
const KEYS: std::ops::RangeInclusive<i64> = -20..=120;

/// The lower bounds of the ranges after the first; they lie on the two servers in turn.
const BOUNDS: [i64; 5] = [0, 42, 43, 60, 100];

const MODES: [&str; 8] = [
    "",
    "ANSI_QUOTES",
    "NO_BACKSLASH_ESCAPES",
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
    "IGNORE_SPACE,STRICT_TRANS_TABLES",
    "PIPES_AS_CONCAT",
    "HIGH_NOT_PRECEDENCE",
    "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO",
];

/// Charsets whose second bytes may be a backslash or a quote are among them.
const CHARSETS: [&str; 6] = ["utf8mb4", "latin1", "gbk", "sjis", "big5", "ascii"];

#[test]
fn no_statement_returns_a_row_of_the_wrong_shard() {
    let of_environment = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let statements = of_environment("MERIDIAN_TRAP_STATEMENTS").unwrap_or(STATEMENTS);
    let seed = of_environment("MERIDIAN_TRAP_SEED").unwrap_or(0x5EED);
    let mut pairs: Vec<Pair> = Pair::each().collect();
    let share = statements / pairs.len() as u64;
    for (index, pair) in pairs.iter_mut().enumerate() {
        plant(pair);
        every_trap_is_found(pair);
        let tried = Tried::run(pair, share, seed + index as u64);
        // Else it is the refusals that were tried.
        assert!(tried.answered * 3 > tried.all, "{tried:?}");
        // Else it is all shards that were asked.
        assert!((tried.with_rows - tried.scattered) * 4 > tried.all, "{tried:?}");
        pair.check_sound();
    }
}

fn shard_of(key: i64) -> usize {
    BOUNDS.iter().filter(|bound| **bound <= key).count() % 2
}

fn plant(pair: &mut Pair) {
    let definition = "CREATE TABLE shop.traps (id BIGINT NOT NULL, place VARCHAR(10) CHARACTER SET utf8mb4 NOT NULL, \
                      word VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL DEFAULT 'x', PRIMARY KEY (id))";
    pair.whole();
    let whole: Vec<String> = KEYS.map(|key| format!("({key}, 'right')")).collect();
    let load = |rows: &[String]| format!("INSERT INTO shop.traps (id, place) VALUES {}", rows.join(", "));
    pair.whole().run_all(&[definition, &load(&whole)]);
    for (index, server) in [&pair.first, &pair.second].into_iter().enumerate() {
        let rows: Vec<String> =
            KEYS.map(|key| format!("({key}, '{}')", if shard_of(key) == index { "right" } else { "trap" })).collect();
        server.run_all(&[definition, &load(&rows)]);
    }
    let mut map = crate::support::pair::shop_map(&pair.first, &pair.second);
    map.push_str("      traps:\n        key: {id: bigint}\n        range:\n          - {from: MIN, on: first}\n");
    for (index, bound) in BOUNDS.iter().enumerate() {
        let on = ["second", "first"][index % 2];
        map.push_str(&format!("          - {{from: {bound}, on: {on}}}\n"));
    }
    pair.start_proxy(Settings { map, ..Settings::default() });
}

/// What no statement returns is what `meridian verify` reports.
fn every_trap_is_found(pair: &mut Pair) {
    let (status, lines, errors) = verify(&pair.proxy().folder().join("config.yaml"), &["traps"]);
    let shards = ["first", "second"];
    let on = |index: usize| KEYS.filter(move |key| shard_of(*key) != index).map(move |key| (index, key));
    let mut expected: Vec<String> = on(0)
        .chain(on(1))
        .map(|(index, key)| format!("shop.traps: id = {key} is on {}, belongs on {}", shards[index], shards[1 - index]))
        .collect();
    let traps = expected.len();
    expected.push(format!("shop.traps: {} rows on first, second; {traps} misplaced", 2 * traps));
    assert_eq!((status, lines, &*errors), (Some(1), expected, ""));
}

#[derive(Debug, Default)]
struct Tried {
    all: u64,
    answered: u64,
    with_rows: u64,
    /// With rows of all shards.
    scattered: u64,
}

impl Tried {
    fn run(pair: &mut Pair, statements: u64, seed: u64) -> Tried {
        let mut tried = Tried::default();
        let mut direct = Raw::app(pair.whole().port, "shop").expect("the whole server takes the login");
        let mut routed = pair.app();
        let mut text = Text { dice: seed | 1, quotes: true, backslashes: true, out: String::new() };
        while tried.all < statements {
            if tried.all.is_multiple_of(STATEMENTS_A_SESSION) {
                let mode = MODES[text.below(MODES.len())];
                let charset = CHARSETS[text.below(CHARSETS.len())];
                for raw in [&mut direct, &mut routed] {
                    raw.ok(&format!("SET NAMES {charset}"));
                    raw.ok(&format!("SET sql_mode = '{mode}'"));
                }
                text.quotes = !mode.contains("ANSI_QUOTES");
                text.backslashes = !mode.contains("NO_BACKSLASH_ESCAPES");
            }
            let statement = text.statement();
            tried.all += 1;
            let seed = format!("statement {} of seed {seed}", tried.all);
            match routed.query(&statement).remove(0) {
                Reply::Error(error) if error.message.starts_with("Meridian: ") => {}
                Reply::Rows(rows) => {
                    tried.answered += 1;
                    let mut found = rows.lines();
                    let Reply::Rows(expected) = direct.query(&statement).remove(0) else {
                        panic!("{seed}: only the proxy has rows for {statement}");
                    };
                    let mut expected = expected.lines();
                    found.sort_unstable();
                    expected.sort_unstable();
                    tried.with_rows += u64::from(!expected.is_empty());
                    if found != expected {
                        let explained = routed.query(&format!("EXPLAIN ROUTE {statement}"));
                        if is_scatter(&explained) {
                            found.retain(|row| !row.ends_with("\ttrap"));
                            tried.scattered += 1;
                        }
                        assert!(
                            found == expected,
                            "{seed}: {found:?}, not {expected:?}, for {statement}\n{explained:?}"
                        );
                    }
                }
                Reply::Error(error) => {
                    tried.answered += 1;
                    let direct = direct.query(&statement).remove(0);
                    assert!(
                        matches!(&direct, Reply::Error(same) if same.code == error.code),
                        "{seed}: {error:?}, not {direct:?}, for {statement}"
                    );
                }
                Reply::Ok(done) => panic!("{seed}: {done:?} for {statement}"),
            }
        }
        tried
    }
}

/// Whether a statement was explained as one for several shards.
fn is_scatter(explained: &[Reply]) -> bool {
    matches!(explained, [Reply::Rows(rows)] if rows.lines().first().is_some_and(|line| line.ends_with(" scatter")))
}

/// Writes statements: each token after whatever may stand between two tokens.
struct Text {
    /// xorshift64*
    dice: u64,
    /// Whether `"` quotes strings.
    quotes: bool,
    backslashes: bool,
    out: String,
}

impl Text {
    fn below(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice >> 12;
        self.dice ^= self.dice << 25;
        self.dice ^= self.dice >> 27;
        (self.dice.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    fn key(&mut self) -> i64 {
        let near = BOUNDS[self.below(BOUNDS.len())] + self.below(3) as i64 - 1;
        let any = KEYS.start() + self.below(141) as i64;
        if self.below(2) == 0 { near } else { any }
    }

    fn statement(&mut self) -> String {
        self.out.clear();
        if self.below(8) == 0 {
            let comment = self.one_of(&["/* id = 42 */", "-- id = 43\n", "#'\n", " \t\n"]);
            self.out.push_str(comment);
        }
        let select = self.one_of(&["SELECT", "select", "Select", "SELECT /*!40001 SQL_NO_CACHE */", "SELECT ALL"]);
        self.out.push_str(select);
        let (table, alias) = match self.below(6) {
            0 => ("shop.traps", "traps"),
            1 => ("traps AS t", "t"),
            2 => ("`traps` t", "t"),
            3 => ("`shop` . `traps`", "traps"),
            _ => ("traps", ""),
        };
        let qualifier = if alias.is_empty() { String::new() } else { format!("{alias}.") };
        self.word(&format!("{qualifier}id,"));
        self.word(&format!("{qualifier}place"));
        self.word("FROM");
        self.word(table);
        self.word("WHERE");
        let column = match self.below(4) {
            0 => format!("{qualifier}`id`"),
            1 => format!("{qualifier}ID"),
            _ => format!("{qualifier}id"),
        };
        let before = self.below(5) == 0;
        if before {
            self.beside(&qualifier);
            self.word("AND");
        }
        self.condition(&column);
        if self.below(2) == 0 {
            let and = if self.below(9) == 0 { "&&" } else { "AND" };
            self.word(and);
            self.beside(&qualifier);
        }
        std::mem::take(&mut self.out)
    }

    fn condition(&mut self, column: &str) {
        match self.below(12) {
            0..5 => {
                self.word(column);
                self.word("=");
                self.literal();
            }
            5 => {
                self.literal();
                self.word("=");
                self.word(column);
            }
            6 => {
                self.word("(");
                self.word(column);
                self.word("=");
                self.literal();
                self.word(")");
            }
            7 | 8 => {
                let key = self.key();
                self.word(column);
                self.word("IN (");
                for index in 0..=self.below(3) {
                    if index > 0 {
                        self.word(",");
                    }
                    match self.below(3) {
                        0 => self.literal(),
                        _ => self.word(&key.to_string()),
                    }
                }
                self.word(")");
            }
            9 => {
                let low = self.key();
                let high = low + self.below(4) as i64;
                self.word(&format!("{column} BETWEEN {low} AND {high}"));
            }
            10 => {
                let (low, high) = (self.key(), self.key());
                self.word(&format!("({column} = {low} OR {column} = {high})"));
            }
            _ => {
                let key = self.key();
                self.word(&format!("{column} <=> {key}"));
            }
        }
    }

    /// A condition about something else, which is nearly always true; its strings look like what they are not.
    fn beside(&mut self, qualifier: &str) {
        let string = match self.below(12) {
            0 => "'id = 42'".to_owned(),
            1 => "'it''s'".to_owned(),
            2 if self.backslashes => r"'it\'s AND id = 1'".to_owned(),
            2 => r"'it\'".to_owned(),
            3 if self.quotes => "\"'\"".to_owned(),
            3 => "'\"'".to_owned(),
            4 if self.quotes && self.backslashes => "\"a\\\"b\"".to_owned(),
            5 if self.quotes => "\"x\"\"y\"".to_owned(),
            6 => "'/*'".to_owned(),
            7 => "'-- '".to_owned(),
            8 if self.backslashes => r"'\\'".to_owned(),
            8 => r"'\\\'".to_owned(),
            9 => "'a' 'b'".to_owned(),
            10 => "_utf8mb4'z'".to_owned(),
            _ => "'*/ OR 1'".to_owned(),
        };
        match self.below(5) {
            0 => self.word(&format!("{qualifier}word <> {string}")),
            1 => self.word(&format!("{string} <> {qualifier}word")),
            2 => self.word(&format!("{qualifier}word NOT IN ({string}, 'q')")),
            3 => self.word(&format!("CONCAT({qualifier}word, {string}) IS NOT NULL")),
            _ => self.word(&format!("(LENGTH({string}) > 0 OR {qualifier}id = 7)")),
        }
    }

    fn literal(&mut self) {
        let key = self.key();
        let magnitude = key.unsigned_abs();
        let sign = if key < 0 { "-" } else { "" };
        let text = match self.below(26) {
            0..9 => key.to_string(),
            9 => format!("{sign}0{magnitude}"),
            10 => format!("+{key}"),
            11 => format!("{key}.0"),
            12 => format!("{key}.5"),
            13 => format!("{key}e0"),
            14 => format!("'{key}'"),
            15 if self.quotes => format!("\"{key}\""),
            16 => format!("' {key}'"),
            17 => format!("'{key}x'"),
            18 => format!("0x{magnitude:02X}"),
            19 => format!("_latin1'{key}'"),
            20 => format!("N'{key}'"),
            21 => format!("({key})"),
            22 => format!("{key} + 0"),
            23 => self.one_of(&["TRUE", "FALSE", "NULL", "@nothing", "DATE'2026-01-02'", "b'101010'"]).to_owned(),
            24 if self.backslashes => format!("'\\{}'", magnitude % 10),
            25 => format!("'{}' '{}'", magnitude % 10, magnitude / 10),
            _ => format!("-({})", -key),
        };
        self.word(&text);
    }

    /// A token, and what may stand in front of it.
    fn word(&mut self, token: &str) {
        let between = match self.below(14) {
            0 => "\n",
            1 => "\t ",
            2 => "/**/",
            3 => " /* id = 99 ' */ ",
            4 => " -- id = 99 \"\n",
            5 => " # '\n",
            6 => "/*!99999 OR 1 */",
            7 => "/*!50000 */",
            8 => "/*M!999999 OR 1 */",
            _ => " ",
        };
        self.out.push_str(between);
        self.out.push_str(token);
    }
}
