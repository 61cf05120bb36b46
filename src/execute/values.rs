//! The values of one execution, as `route` asks for them: literals of the text, or bound parameters.

use std::sync::OnceLock;

use super::clock::Instant;
use crate::route::{SessionFacts, TextFacts, Value, Values};
use crate::session::{Charset, Setting, State};
use crate::shard_map::Zone;
use crate::sql::{Dialect, Flavor, NormSlot, Scratch, Slot, SlotKind};
use crate::wire::charset;
use crate::wire::execute::Execute;

/// The literals of a text statement.
pub struct TextValues<'a> {
    pub text: &'a [u8],
    pub scratch: &'a Scratch,
    pub state: &'a State,
    /// Of `state`, once they were asked for.
    pub facts: OnceLock<SessionFacts>,
    pub instant: Option<Instant>,
}

impl Values for TextValues<'_> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        for slot in self.scratch.slots(slot) {
            if !visit(literal(self.text, slot)) {
                return;
            }
        }
    }

    fn session(&self) -> SessionFacts {
        *self.facts.get_or_init(|| facts(self.state, self.text, self.instant))
    }
}

fn literal(text: &[u8], slot: Slot) -> Value<'_> {
    let bytes = &text[slot.start as usize..slot.end as usize];
    match slot.kind {
        SlotKind::Integer => Value::Integer(bytes),
        SlotKind::Decimal => Value::Decimal(bytes),
        SlotKind::Float => Value::Float,
        SlotKind::String => Value::String(bytes),
        SlotKind::Date => Value::Date(bytes),
        SlotKind::Timestamp => Value::Timestamp(bytes),
        // In a text statement a `?` is a syntax error, which its server will say.
        SlotKind::Param(_) => Value::Other,
    }
}

/// The literals and the parameters of a prepared statement.
pub struct BoundValues<'a> {
    pub text: &'a [u8],
    pub scratch: &'a Scratch,
    pub execute: &'a Execute<'a>,
    pub types: &'a [u8],
    pub is_long: &'a (dyn Fn(usize) -> bool + Sync),
    /// The session when it prepared the text, which is how the text is read.
    pub prepared: &'a State,
    pub state: &'a State,
    /// Of both states, once they were asked for.
    pub facts: OnceLock<SessionFacts>,
    pub instant: Option<Instant>,
}

impl Values for BoundValues<'_> {
    fn each(&self, slot: NormSlot, visit: &mut dyn FnMut(Value<'_>) -> bool) {
        for slot in self.scratch.slots(slot) {
            let value = match slot.kind {
                SlotKind::Param(index) => {
                    let param = self.execute.value(self.types, usize::from(index), self.is_long);
                    param.map_or(Value::Other, Value::from)
                }
                _ => literal(self.text, slot),
            };
            if !visit(value) {
                return;
            }
        }
    }

    /// What was not the same when the text was prepared is not known: servers read some literals then, others now.
    fn session(&self) -> SessionFacts {
        *self.facts.get_or_init(|| {
            let [then, now] = [self.prepared, self.state].map(|state| facts(state, self.text, self.instant));
            SessionFacts {
                now: now.now,
                zone: now.zone.filter(|zone| then.zone == Some(*zone)),
                text: if then.text == now.text { now.text } else { TextFacts::Unknown },
                backslash_escapes: then.backslash_escapes,
            }
        })
    }
}

/// What the session's variables say; those that it did not set are the servers' own, which are not known.
pub fn facts(state: &State, text: &[u8], instant: Option<Instant>) -> SessionFacts {
    // An optimizer hint of MySQL sets variables for one statement; as a comment it is no part of the plan.
    let is_hinted = memchr::memmem::find(text, b"/*+").is_some();
    if is_hinted && text.windows(SET_VAR.len()).any(|word| word.eq_ignore_ascii_case(SET_VAR)) {
        return SessionFacts { zone: None, now: None, text: TextFacts::Unknown, backslash_escapes: None };
    }
    let quoted = |name: &str| state.system.get(name).and_then(unquoted);
    let backslash_escapes = quoted("sql_mode").map(|mode| {
        // What else a dialect has does not matter here.
        let mut dialect = Dialect::new(Flavor::MySql, 0);
        dialect.set_sql_mode(mode);
        !dialect.no_backslash_escapes
    });
    SessionFacts {
        zone: quoted("time_zone").and_then(Zone::read),
        now: instant.map(Instant::micros),
        text: text_facts(state),
        backslash_escapes,
    }
}

const SET_VAR: &[u8] = b"SET_VAR";

/// The weaker of the client's charset and the connection's: literals are converted from the one to the other.
fn text_facts(state: &State) -> TextFacts {
    let (client, connection) = match &state.charset {
        Charset::Login(id) => {
            let known = charset::names(*id).map_or(TextFacts::Unknown, |names| of_charset(names.charset));
            (known, known)
        }
        Charset::Fragment(fragment) => {
            let fragment = String::from_utf8_lossy(fragment).to_lowercase();
            let mut words = fragment.split([' ', '\'', '"', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("names") => {
                    let known = words.next().map_or(TextFacts::Unknown, of_charset);
                    (known, known)
                }
                // The connection has the database's charset then.
                _ => {
                    let known = words.find(|word| *word != "set").map_or(TextFacts::Unknown, of_charset);
                    (known, if known == TextFacts::Utf8 { TextFacts::Ascii } else { known })
                }
            }
        }
        Charset::Unknown => (TextFacts::Unknown, TextFacts::Unknown),
    };
    let set = |names: &[&str], otherwise: TextFacts| {
        let value = names.iter().find_map(|name| state.system.get(*name));
        value.map_or(otherwise, |Setting(value)| {
            let value = String::from_utf8_lossy(value).to_lowercase();
            of_charset(value.trim_matches(['\'', '"']))
        })
    };
    let client = set(&["character_set_client"], client);
    let connection = set(&["character_set_connection", "collation_connection"], connection);
    match (client, connection) {
        (TextFacts::Utf8, TextFacts::Utf8) => TextFacts::Utf8,
        (TextFacts::Unknown, _) | (_, TextFacts::Unknown) => TextFacts::Unknown,
        _ => TextFacts::Ascii,
    }
}

/// By the name of a charset or of one of its collations.
fn of_charset(name: &str) -> TextFacts {
    match name.split('_').next().unwrap_or_default() {
        "utf8mb4" => TextFacts::Utf8,
        "utf8" | "utf8mb3" | "latin1" | "ascii" => TextFacts::Ascii,
        _ => TextFacts::Unknown,
    }
}

/// A string without escapes.
fn unquoted(Setting(value): &Setting) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let inside = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inside('\'').or(inside('"')).filter(|inside| !inside.contains(['\\', '\'', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session with utf8mb4 that has set these.
    fn of(set: &[(&str, &str)]) -> SessionFacts {
        let mut state = State::new(45, None);
        for (name, value) in set {
            match *name {
                "" => state.set_charset(value.as_bytes().to_vec()),
                name => state.set_system(name, value.as_bytes().to_vec()),
            }
        }
        facts(&state, b"", None)
    }

    #[test]
    fn only_fixed_offsets_are_known_zones() {
        assert_eq!(of(&[]).zone, None);
        assert_eq!(of(&[("time_zone", "'+00:00'")]).zone, Some(Zone::UTC));
        assert_eq!(of(&[("time_zone", "\"utc\"")]).zone, Some(Zone::UTC));
        assert_eq!(of(&[("time_zone", "'SYSTEM'")]).zone, None);
        assert_eq!(of(&[("time_zone", "'Europe/Berlin'")]).zone, None);
    }

    #[test]
    fn the_weaker_charset_of_client_and_connection_counts() {
        let text = |set: &[(&str, &str)]| of(set).text;
        assert_eq!(text(&[]), TextFacts::Utf8);
        assert_eq!(text(&[("", "NAMES latin1")]), TextFacts::Ascii);
        assert_eq!(text(&[("", "NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'")]), TextFacts::Utf8);
        assert_eq!(text(&[("", "CHARACTER SET utf8mb4")]), TextFacts::Ascii);
        assert_eq!(text(&[("", "NAMES gbk")]), TextFacts::Unknown);
        assert_eq!(text(&[("", "NAMES DEFAULT")]), TextFacts::Unknown);
        assert_eq!(text(&[("character_set_connection", "latin1")]), TextFacts::Ascii);
        assert_eq!(text(&[("collation_connection", "'sjis_bin'")]), TextFacts::Unknown);
        assert_eq!(text(&[("character_set_client", "swe7")]), TextFacts::Unknown);
    }

    #[test]
    fn escapes_are_as_the_sql_mode_has_them() {
        assert_eq!(of(&[]).backslash_escapes, None);
        assert_eq!(of(&[("sql_mode", "''")]).backslash_escapes, Some(true));
        assert_eq!(of(&[("sql_mode", "'ANSI,no_backslash_escapes'")]).backslash_escapes, Some(false));
        assert_eq!(of(&[("sql_mode", "1048576")]).backslash_escapes, None);
    }
}
