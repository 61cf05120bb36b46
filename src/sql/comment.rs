//! Comments, and which executable ones the server will run.
//!
//! Follows the servers' own lexers (`lex_one_token`, `consume_comment` in sql/sql_lex.cc): a plain comment
//! ends at the first `*/`; a version comment that is not run may hold plain comments one level deep.

use super::classes::is_space;
use super::{Dialect, Flavor, LexError, LexFault};

/// What begins at a `/`, `-` or `#`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comment {
    /// Not a comment.
    None,
    /// A comment up to this offset.
    Skip(usize),
    /// An executable comment whose code begins at this offset.
    Run(usize),
}

/// Looks at `text[at]`, one of `/ - #`.
pub(super) fn comment(text: &[u8], at: usize, dialect: &Dialect) -> Result<Comment, LexError> {
    let rest = &text[at..];
    match rest {
        [b'#', ..] => Ok(Comment::Skip(line_end(text, at))),
        // The manual: the second dash must be followed by a space or control character, or the end.
        // Cut off before its semicolon, the statement would end in a comment.
        [b'-', b'-', b';', ..] => Err(LexError::new(at, LexFault::StrayByte(b'-'))),
        [b'-', b'-'] => Ok(Comment::Skip(text.len())),
        [b'-', b'-', next, ..] if is_space(*next) || next.is_ascii_control() => Ok(Comment::Skip(line_end(text, at))),
        [b'/', b'*', b'!', ..] => executable(text, at, at + 3, false, dialect),
        [b'/', b'*', b'M', b'!', ..] if dialect.family == Flavor::MariaDb => {
            executable(text, at, at + 4, true, dialect)
        }
        [b'/', b'*', ..] => skip(text, at, 0),
        _ => Ok(Comment::None),
    }
}

fn line_end(text: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |offset| at + offset + 1)
}

/// Skips a comment that begins at `at`, with comments inside it `depth` levels deep.
fn skip(text: &[u8], at: usize, depth: u32) -> Result<Comment, LexError> {
    let mut i = at + 2;
    let mut inner = 0;
    let unterminated = || LexError::new(at, LexFault::UnterminatedComment);
    loop {
        let offset = memchr::memchr2(b'*', b'/', text.get(i..).unwrap_or_default()).ok_or_else(unterminated)?;
        i += offset;
        match &text[i..] {
            [b'*', b'/', ..] if inner == 0 => return Ok(Comment::Skip(i + 2)),
            [b'*', b'/', ..] => {
                inner -= 1;
                i += 2;
            }
            [b'/', b'*', ..] if inner < depth => {
                inner += 1;
                i += 2;
            }
            _ => i += 1,
        }
    }
}

fn executable(text: &[u8], at: usize, code: usize, maria: bool, dialect: &Dialect) -> Result<Comment, LexError> {
    let digits = text[code..].iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    match digits {
        0 => return Ok(Comment::Run(code)),
        5 | 6 => {}
        // A server would take a part of these digits, or none, as the version and run the rest.
        _ => return Err(LexError::new(code, LexFault::MalformedNumber)),
    }
    let version = text[code..code + digits].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    // MariaDB leaves out what newer MySQL versions are meant to run, unless it is marked as MariaDB's.
    let foreign = dialect.family == Flavor::MariaDb && !maria && (50700..=99999).contains(&version);
    if version <= dialect.version && !foreign { Ok(Comment::Run(code + digits)) } else { skip(text, at, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIA: Dialect = Dialect::new(Flavor::MariaDb, 101119);
    const MYSQL: Dialect = Dialect::new(Flavor::MySql, 90704);

    #[test]
    fn comments() {
        let check = |text: &str, maria: Result<Comment, LexFault>, mysql: Result<Comment, LexFault>| {
            let got = |dialect| comment(text.as_bytes(), 0, dialect).map_err(|error| error.fault);
            assert_eq!(got(&MARIA), maria, "{text} on MariaDB");
            assert_eq!(got(&MYSQL), mysql, "{text} on MySQL");
        };
        let both = |text: &str, result: Result<Comment, LexFault>| check(text, result, result);
        let skip = |end| Ok(Comment::Skip(end));
        let run = |at| Ok(Comment::Run(at));
        let open = Err(LexFault::UnterminatedComment);
        both("# x\ny", skip(4));
        both("# x", skip(3));
        both("-- x\ny", skip(5));
        both("--\ny", skip(3));
        both("--", skip(2));
        both("--5", Ok(Comment::None));
        both("/5", Ok(Comment::None));
        both("/* x */y", skip(7));
        both("/*/ */", skip(6));
        both("/*/", open);
        both("/*", open);
        both("/* /* */ */", skip(8));
        both("/*+ hint */", skip(11));
        both("/*! x */", run(3));
        both("/*!5000 x */", Err(LexFault::MalformedNumber));
        both("/*!1000001 x */", Err(LexFault::MalformedNumber));
        both("/*!50000 x */", run(8));
        check("/*!50700 x */", skip(13), run(8));
        check("/*!80000 x */", skip(13), run(8));
        check("/*!90800 x */", skip(13), skip(13));
        check("/*!99999 x */", skip(13), skip(13));
        check("/*!100000 x */", run(9), skip(14));
        check("/*!110000 x */", skip(14), skip(14));
        check("/*M! x */", run(4), skip(9));
        check("/*M!80000 x */", run(9), skip(14));
        check("/*M!100200 x */", run(10), skip(15));
        both("/*!99999 /* */ */", skip(17));
        both("/*!99999 /* */", open);
    }
}
