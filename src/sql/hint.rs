//! Hints: comments that speak to Meridian, `/* meridian: shard=s0 */`, in front of a statement or inside it.
//!
//! The scan notes where they stand; what they say is read only of statements that have one. They are sent as they are:
//! to a server they are comments.
//!
//! Invariant: a comment that begins with `meridian:` is read as a hint or is a fault, never passed over.

use std::fmt;

use super::cursor::Cursor;
use super::raw::{RawKind, raw};
use super::{Dialect, Scratch};

/// What begins a hint, behind the comment's own mark.
const WORD: &[u8] = b"meridian:";

/// Why a statement's hints say nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HintFault {
    /// Begins as a hint does and goes on otherwise; the comment, cut.
    Unreadable(Box<str>),
    /// More than one in a statement.
    Several,
    /// In front of EXPLAIN ROUTE, which is not what it is about.
    Misplaced,
    /// A query attribute that is no text.
    Attribute,
}

/// Whether this comment, from its first byte on, is a hint or is meant as one.
pub(super) fn is_hint(comment: &[u8]) -> bool {
    inside(comment).is_some()
}

/// The name of the shard that the statement is hinted to. `scratch` is that of the statement, `text` what was scanned.
///
/// Whether there is such a shard only the map knows.
pub fn hinted_shard<'a>(text: &'a [u8], scratch: &Scratch) -> Result<Option<&'a str>, HintFault> {
    match scratch.hints.as_slice() {
        [] => Ok(None),
        [(start, end)] => {
            let comment = text.get(*start as usize..*end as usize).unwrap_or_default();
            let shard = shard(comment).ok_or_else(|| HintFault::Unreadable(cut(comment)))?;
            Ok(Some(shard))
        }
        _ => Err(HintFault::Several),
    }
}

/// The value of SET meridian_shard: a string or a word, empty for DEFAULT; `None` if it is something else.
pub fn shard_setting(value: &[u8], dialect: &Dialect) -> Option<String> {
    let tokens = raw(value, dialect).ok()?;
    let [token] = tokens.as_slice() else { return None };
    let written = &value[token.start..token.end];
    let name = match token.kind {
        RawKind::Word if written.eq_ignore_ascii_case(b"default") => Vec::new(),
        RawKind::Word => written.to_vec(),
        RawKind::String if matches!(written[0], b'\'' | b'"') && !written.contains(&b'\\') => {
            Cursor::new(value, dialect, Vec::new()).unquoted(*token)
        }
        _ => return None,
    };
    String::from_utf8(name).ok()
}

/// What stands behind `meridian:`, and whether the comment is one of the servers' optimizer hints.
fn inside(comment: &[u8]) -> Option<(&[u8], bool)> {
    let body = match comment {
        [b'/', b'*', body @ ..] => body.strip_suffix(b"*/").unwrap_or(body),
        [b'-', b'-', body @ ..] | [b'#', body @ ..] => body,
        _ => return None,
    };
    let optimizer = body.first() == Some(&b'+');
    let body = body[usize::from(optimizer)..].trim_ascii_start();
    let (word, rest) = body.split_at_checked(WORD.len())?;
    word.eq_ignore_ascii_case(WORD).then_some((rest, optimizer))
}

/// `shard=NAME`, the name bare or in quotes of any kind.
fn shard(comment: &[u8]) -> Option<&str> {
    let (text, false) = inside(comment)? else { return None };
    let text = std::str::from_utf8(text).ok()?.trim();
    let (field, name) = text.split_once('=')?;
    if !field.trim_end().eq_ignore_ascii_case("shard") {
        return None;
    }
    let name = name.trim_start();
    for quote in ['\'', '"', '`'] {
        if let Some(quoted) = name.strip_prefix(quote) {
            let name = quoted.strip_suffix(quote)?;
            return (!name.is_empty() && !name.contains(quote)).then_some(name);
        }
    }
    let bare = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!name.is_empty() && name.chars().all(bare)).then_some(name)
}

/// For a message.
fn cut(comment: &[u8]) -> Box<str> {
    const CHARACTERS_MAX: usize = 64;
    let text = String::from_utf8_lossy(comment);
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let mut cut: String = text.trim_end().chars().take(CHARACTERS_MAX).map(shown).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        cut.push_str("...");
    }
    cut.into()
}

impl fmt::Display for HintFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HintFault::Unreadable(comment) => {
                write!(f, "the hint {comment} cannot be read; write /* meridian: shard=NAME */")
            }
            HintFault::Misplaced => {
                f.write_str("write the hint behind EXPLAIN ROUTE, into the statement that is explained")
            }
            HintFault::Attribute => {
                f.write_str("the query attribute meridian_shard holds no text; send the name of a shard")
            }
            HintFault::Several => {
                f.write_str("a statement has one hint /* meridian: ... */ at most; leave the others out")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, Flavor, scan};
    use super::*;

    const MARIA: Dialect = Dialect::new(Flavor::MariaDb, 101119);

    /// The shard, `-` for none, `!` for an unreadable hint, `+` for several; of each statement of the text.
    fn hinted(text: &str) -> String {
        let mut scratch = Scratch::new();
        let (mut found, mut rest) = (Vec::new(), Some(0));
        while let Some(at) = rest {
            let scanned = scan(&text.as_bytes()[at..], &MARIA, &mut scratch).expect("a sound text");
            found.push(match hinted_shard(&text.as_bytes()[at..], &scratch) {
                Ok(None) => "-".to_owned(),
                Ok(Some(shard)) => shard.to_owned(),
                Err(HintFault::Unreadable(_)) => "!".to_owned(),
                Err(_) => "+".to_owned(),
            });
            rest = scanned.rest.map(|rest| at + rest);
        }
        found.join(" ")
    }

    #[test]
    fn a_hint_is_found_wherever_a_comment_may_stand() {
        for (text, expected) in [
            ("/* meridian: shard=s0 */ SELECT 1", "s0"),
            ("/*meridian:shard=s0*/SELECT 1", "s0"),
            ("SELECT /* MERIDIAN: SHARD = s0 */ 1", "s0"),
            ("SELECT 1 /* meridian:\n shard=s0\n*/", "s0"),
            ("SELECT 1 -- meridian: shard=s0", "s0"),
            ("# meridian: shard=s0\nSELECT 1", "s0"),
            ("SELECT 1 /* meridian: shard='s 0' */", "s 0"),
            ("SELECT 1 /* meridian: shard=`a-b` */", "a-b"),
            ("SELECT 1 /* meridian: shard=a-b.c */", "a-b.c"),
            ("SELECT 1", "-"),
            ("SELECT '/* meridian: shard=s0 */'", "-"),
            ("SELECT /* by meridian: shard=s0 */ 1", "-"),
            ("SELECT /* shard=s0 */ 1", "-"),
            ("SELECT /*!99999 meridian: shard=s0 */ 1", "-"),
        ] {
            assert_eq!(hinted(text), expected, "{text}");
        }
    }

    #[test]
    fn a_hint_that_cannot_be_read_is_a_fault() {
        for inside in
            ["", "s0", "shard", "shard=", "shard=s0,s1", "shard=s0 shard=s1", "table=t", "shard='s0", "shard='a'b'"]
        {
            assert_eq!(hinted(&format!("SELECT /* meridian: {inside} */ 1")), "!", "{inside}");
        }
        assert_eq!(hinted("SELECT /*+ meridian: shard=s0 */ 1"), "!");
        assert_eq!(hinted("/* meridian: shard=s0 */ SELECT /* meridian: shard=s0 */ 1"), "+");
        let long = format!("SELECT /* meridian: {} */ 1", "x".repeat(1000));
        let mut scratch = Scratch::new();
        scan(long.as_bytes(), &MARIA, &mut scratch).expect("a sound text");
        let fault = hinted_shard(long.as_bytes(), &scratch).expect_err("no hint").to_string();
        assert!(fault.len() < 200, "{fault}");
    }

    #[test]
    fn each_statement_of_a_packet_has_its_own() {
        assert_eq!(hinted("SELECT 1; SELECT 2 /* meridian: shard=s1 */"), "- s1");
        assert_eq!(hinted("SELECT 1; /* meridian: shard=s1 */ SELECT 2"), "- s1");
        assert_eq!(hinted("/* meridian: shard=s0 */ SELECT 1; SELECT 2"), "s0 -");
        // Behind the last semicolon it is a hint of nothing, which is to be seen.
        assert_eq!(hinted("SELECT 1; /* meridian: shard=s1 */"), "- s1");
        assert_eq!(hinted("SELECT 1; /* a comment */"), "-");
    }
}
