//! `meridian password`: turns a password into the verifier that the accounts file holds.
//!
//! Reads one line, from the terminal without echo or from standard input. The password is wiped and
//! never printed; only the verifier is.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};

use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use crate::wire::auth::Verifier;

/// Bytes of a password; `caching_sha2_password` of MySQL takes no longer ones.
const PASSWORD_BYTES_MAX: usize = 256;

/// Print the verifier of a password, to be pasted below `verifiers:`.
#[derive(Debug, Args)]
pub struct Password {
    /// What the user's clients log in with.
    #[arg(long, value_enum, default_value_t = Plugin::CachingSha2)]
    plugin: Plugin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Plugin {
    /// The default of MySQL 8 and later.
    #[value(name = "caching_sha2_password")]
    CachingSha2,
    /// For clients that know no other.
    #[value(name = "mysql_native_password")]
    Native,
}

/// Why there is no verifier.
#[derive(Debug)]
pub enum PasswordFailure {
    Read(io::Error),
    Write(io::Error),
    /// Standard input ended before a line began.
    NoLine,
    TooLong {
        bytes_max: usize,
    },
    /// The two texts typed at the terminal differ.
    Differ,
}

impl Password {
    /// Asks, and prints one line of YAML on standard output.
    pub fn run(&self) -> Result<(), PasswordFailure> {
        let password = match io::stdin().is_terminal() {
            true => ask()?,
            false => line(io::stdin().lock())?,
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{}", self.plugin.line(&password)).map_err(PasswordFailure::Write)?;
        if password.is_empty() {
            eprintln!("note: this is the verifier of the empty password");
        }
        Ok(())
    }
}

impl Plugin {
    /// An element of the list of verifiers; quoted, because `*` begins an alias in YAML.
    fn line(self, password: &[u8]) -> String {
        let verifier = match self {
            Plugin::CachingSha2 => Verifier::from_password_fast(password),
            Plugin::Native => Verifier::from_password_native(password),
        };
        format!("- \"{}\"", verifier.reveal())
    }
}

/// Asks twice at the terminal, because what is typed is not seen.
fn ask() -> Result<Zeroizing<Vec<u8>>, PasswordFailure> {
    let ask = |prompt| {
        let text = rpassword::prompt_password(prompt).map_err(PasswordFailure::Read)?;
        checked(Zeroizing::new(text.into_bytes()))
    };
    let password = ask("Password: ")?;
    let again = ask("Again: ")?;
    match password == again {
        true => Ok(password),
        false => Err(PasswordFailure::Differ),
    }
}

/// The first line, without its end.
fn line(input: impl BufRead) -> Result<Zeroizing<Vec<u8>>, PasswordFailure> {
    // Allocated whole at once: a growing buffer would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(PASSWORD_BYTES_MAX + 3));
    let bytes_max = u64::try_from(PASSWORD_BYTES_MAX + 3).expect("a small constant");
    let bytes = input.take(bytes_max).read_until(b'\n', &mut line).map_err(PasswordFailure::Read)?;
    if bytes == 0 {
        return Err(PasswordFailure::NoLine);
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    checked(line)
}

fn checked(password: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, PasswordFailure> {
    let bytes_max = PASSWORD_BYTES_MAX;
    match password.len() <= bytes_max {
        true => Ok(password),
        false => Err(PasswordFailure::TooLong { bytes_max }),
    }
}

impl fmt::Display for PasswordFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordFailure::Read(error) => write!(f, "cannot read the password: {error}"),
            PasswordFailure::Write(error) => write!(f, "cannot write the verifier: {error}"),
            PasswordFailure::NoLine => f.write_str("no password on standard input; write it as one line"),
            PasswordFailure::TooLong { bytes_max } => {
                write!(f, "the password is longer than {bytes_max} bytes")
            }
            PasswordFailure::Differ => f.write_str("the two passwords differ; start again"),
        }
    }
}

impl std::error::Error for PasswordFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PasswordFailure::Read(error) | PasswordFailure::Write(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[u8], expected: Result<&[u8], &str>) {
        let found = line(input).map_err(|failure| failure.to_string());
        let found = found.as_ref().map(|line| line.as_slice());
        assert_eq!(found.map_err(String::as_str), expected);
    }

    #[test]
    fn one_line_is_read() {
        check(b"a b \nnext\n", Ok(b"a b "));
        check(b"a\r\n", Ok(b"a"));
        check(b"a", Ok(b"a"));
        check(b"\n", Ok(b""));
        check(b"", Err("no password on standard input; write it as one line"));
        check(&[b'x'; 256], Ok(&[b'x'; 256]));
        let line = [&[b'x'; 256][..], b"\r\n"].concat();
        check(&line, Ok(&[b'x'; 256]));
        check(&[b'x'; 257], Err("the password is longer than 256 bytes"));
        check(&[b'x'; 9999], Err("the password is longer than 256 bytes"));
    }

    #[test]
    fn lines_can_be_pasted() {
        // MariaDB: SELECT PASSWORD('secret').
        let native = Plugin::Native.line(b"secret");
        assert_eq!(native, "- \"*14E65567ABDB5135D0CFD9A70B3032C179A49EE7\"");
        let fast = Plugin::CachingSha2.line(b"secret");
        assert!(fast.starts_with("- \"sha256:"), "{fast}");
        for line in [native, fast] {
            let text = line.trim_start_matches("- \"").trim_end_matches('"');
            assert!(Verifier::parse(text).is_ok(), "{line}");
        }
    }
}
