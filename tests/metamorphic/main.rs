//! A plan that was made for other literals sends a statement where a plan of its own would.
//!
//! Each statement is made three times: first with some values, in some style of spelling; then with others, in the same
//! style, when the cache has to have its plan; then with those others in the plainest spelling, planned anew. The last two
//! have to go to the same shards, or be refused for the same reason. One cache serves all sql_modes, charsets, families and
//! databases. No server is needed.
//!
//! MERIDIAN_METAMORPHIC says how many statements (15,000); MERIDIAN_SEED which.

mod dice;
mod spelling;
mod statements;

use std::collections::BTreeMap;
use std::sync::Arc;

use dice::Dice;
use meridian::execute::{PlanCache, Planned, Scope};
use meridian::plan::{Refusal, Statement, Target, plan};
use meridian::route::{ClientText, Literals, SessionFacts, Shards, TextFacts, served};
use meridian::shard_map::ShardMap;
use meridian::sql::{self, ClientCharset, Dialect, Flavor, Scratch};
use spelling::{Spelling, spell};

const MAP: &str = include_str!("map.yaml");

/// A session as far as it decides what a text says.
struct Session {
    database: Option<&'static str>,
    scope: u32,
    dialect: Dialect,
}

impl Session {
    fn any(dice: &mut Dice) -> Session {
        let (family, version) = if dice.one_in(2) { (Flavor::MariaDb, 101_119) } else { (Flavor::MySql, 90_704) };
        let mut dialect = Dialect::new(family, version);
        dialect.ansi_quotes = dice.one_in(4);
        dialect.no_backslash_escapes = dice.one_in(4);
        if dice.one_in(6) {
            dialect.charset = *dice.pick(&[ClientCharset::Gbk, ClientCharset::Sjis, ClientCharset::Big5]);
        }
        let (database, scope) = *dice.pick(&[(Some("shop"), 0), (Some("shop"), 0), (Some("crm"), 1), (None, u32::MAX)]);
        Session { database, scope, dialect }
    }

    fn facts(&self) -> SessionFacts {
        let text = if self.dialect.charset == ClientCharset::AsciiSafe { TextFacts::Utf8 } else { TextFacts::Unknown };
        let backslash_escapes = Some(!self.dialect.no_backslash_escapes);
        SessionFacts { zone: Some(meridian::shard_map::Zone::UTC), text, backslash_escapes, ..SessionFacts::ORDINARY }
    }

    fn plan(&self, map: &ShardMap, scratch: &Scratch) -> Statement {
        let normalized = scratch.normalized();
        plan(map, self.database, normalized, sql::facts(normalized), &self.dialect)
    }

    fn outcome(&self, map: &ShardMap, plan: &Statement, text: &[u8], scratch: &Scratch) -> Outcome {
        let tables = match &plan.target {
            Target::Tables(tables) => tables,
            Target::Refused(refusal) => return Outcome::Refused(refusal.clone()),
            other => return Outcome::Other(format!("{other:?}")),
        };
        let values = Literals::of_text(text, scratch, self.facts());
        match served(plan, tables, map, &values, ClientText { text, dialect: &self.dialect }) {
            Ok(shards) => Outcome::Sent(shards),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }
}

#[derive(Debug)]
enum Outcome {
    Sent(Shards),
    Refused(Refusal),
    Other(String),
}

impl Outcome {
    /// The same, but for how a refusal quotes the text.
    fn is_like(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Sent(a), Outcome::Sent(b)) => a == b,
            (Outcome::Other(a), Outcome::Other(b)) => a == b,
            (
                Outcome::Refused(Refusal::Together { shards: a, construct: x, .. }),
                Outcome::Refused(Refusal::Together { shards: b, construct: y, .. }),
            ) => a == b && x == y,
            (Outcome::Refused(Refusal::Unreadable { .. }), Outcome::Refused(Refusal::Unreadable { .. })) => true,
            (Outcome::Refused(a), Outcome::Refused(b)) => a == b,
            _ => false,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Outcome::Sent(Shards::One(_)) => "one shard",
            Outcome::Sent(Shards::Several(_)) => "several",
            Outcome::Refused(_) => "refused",
            Outcome::Other(_) => "other",
        }
    }
}

fn shown(text: &[u8]) -> String {
    text.escape_ascii().to_string()
}

#[test]
fn a_plan_made_for_other_literals_routes_as_one_of_its_own() {
    let number = |name: &str, other: u64| std::env::var(name).map_or(other, |text| text.parse().expect("a number"));
    let (statements, seed) = (number("MERIDIAN_METAMORPHIC", 15_000), number("MERIDIAN_SEED", 1));
    let map = ShardMap::load(MAP).expect("the map is sound");
    let plans = PlanCache::new(8 << 20);
    let (mut scratch, mut plain_scratch) = (Scratch::new(), Scratch::new());
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for n in 0..statements {
        let mut dice = Dice::numbered(seed, n);
        let session = Session::any(&mut dice);
        let statement = statements::any(&mut dice, session.database);
        let (style, first, second) = (dice.next(), dice.next(), dice.next());
        let scope = Scope { database: session.scope, dialect: session.dialect, hint: None };

        let earlier = spell(&statement, &session.dialect, Spelling::Any(style), first);
        if let Err(error) = sql::scan(&earlier, &session.dialect, &mut scratch) {
            panic!("{n}: {error} in {}", shown(&earlier));
        }
        let keep = |session: &Session, scope: Scope| {
            let planned = Arc::new(Planned::new(session.plan(&map, &scratch)));
            plans.keep(scratch.hash(), scope, scratch.normalized(), &planned);
        };
        keep(&session, scope);
        if dice.one_in(4) {
            // To another session the same text may be another statement.
            let other = Session { dialect: session.dialect, ..Session::any(&mut dice) };
            if other.scope != session.scope {
                keep(&other, Scope { database: other.scope, ..scope });
            }
        }

        let later = spell(&statement, &session.dialect, Spelling::Any(style), second);
        sql::scan(&later, &session.dialect, &mut scratch).expect("its like was scanned");
        let Some(cached) = plans.find(scratch.hash(), scope, scratch.normalized()) else {
            let other = shown(scratch.normalized());
            sql::scan(&earlier, &session.dialect, &mut scratch).expect("it was scanned before");
            let (earlier, later, one) = (shown(&earlier), shown(&later), shown(scratch.normalized()));
            panic!("{n}: other literals, another plan:\n{earlier}\n{one}\n{later}\n{other}");
        };
        let by_cache = session.outcome(&map, &cached.statement, &later, &scratch);

        let plain = spell(&statement, &session.dialect, Spelling::Plain, second);
        sql::scan(&plain, &session.dialect, &mut plain_scratch).expect("its like was scanned");
        let fresh = session.plan(&map, &plain_scratch);
        let by_itself = session.outcome(&map, &fresh, &plain, &plain_scratch);
        assert!(
            by_cache.is_like(&by_itself),
            "{n} in {:?} of {:?}:\n{}\n{by_cache:?}\n{}\n{by_itself:?}",
            session.database,
            session.dialect,
            shown(&later),
            shown(&plain),
        );
        *seen.entry(by_itself.kind()).or_default() += 1;
    }
    println!("{statements} statements: {seen:?}");
    for (kind, least) in [("one shard", 10), ("several", 50), ("refused", 10)] {
        assert!(seen.get(kind).is_some_and(|count| count * least > statements), "{kind} was hardly tried: {seen:?}");
    }
}
