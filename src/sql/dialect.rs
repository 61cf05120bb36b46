//! How the server that will run a statement reads its bytes: quoting modes, client charset, family, version.
//!
//! Invariant: everything that changes where a token ends is in here; two sessions with equal dialects
//! lex equal bytes alike.

/// The family of the server; they differ in executable comments and builtin functions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flavor {
    MariaDb,
    MySql,
}

/// `character_set_client`, as far as it matters to a lexer.
///
/// The charsets named have trail bytes in the ASCII range (0x5C, 0x60, ...); in all others a byte
/// below 0x80 is always a character of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ClientCharset {
    /// utf8, latin1, ascii, binary, ujis, gb2312, ...
    #[default]
    AsciiSafe,
    Gbk,
    Sjis,
    Cp932,
    Big5,
    Gb18030,
    Euckr,
}

impl ClientCharset {
    /// By charset name (`gbk`) or collation name (`gbk_chinese_ci`), in any case.
    pub fn from_name(name: &str) -> ClientCharset {
        let charset = name.split('_').next().unwrap_or_default();
        let is = |other: &str| charset.eq_ignore_ascii_case(other);
        match () {
            () if is("gbk") => ClientCharset::Gbk,
            () if is("sjis") => ClientCharset::Sjis,
            () if is("cp932") => ClientCharset::Cp932,
            () if is("big5") => ClientCharset::Big5,
            () if is("gb18030") => ClientCharset::Gb18030,
            () if is("euckr") => ClientCharset::Euckr,
            () => ClientCharset::AsciiSafe,
        }
    }

    /// Length in bytes of the character at the start of `bytes`; `None` if a lead byte has no valid trail.
    ///
    /// Ranges as in the servers' `ismbchar_*` (strings/ctype-gbk.c and its neighbours).
    pub(super) fn character(self, bytes: &[u8]) -> Option<usize> {
        let lead = *bytes.first()?;
        let leads = match self {
            ClientCharset::AsciiSafe => false,
            ClientCharset::Gbk | ClientCharset::Gb18030 | ClientCharset::Euckr => {
                matches!(lead, 0x81..=0xFE)
            }
            ClientCharset::Sjis | ClientCharset::Cp932 => matches!(lead, 0x81..=0x9F | 0xE0..=0xFC),
            ClientCharset::Big5 => matches!(lead, 0xA1..=0xF9),
        };
        if !leads {
            return Some(1);
        }
        let trail = *bytes.get(1)?;
        let two = match self {
            ClientCharset::AsciiSafe => false,
            ClientCharset::Gbk | ClientCharset::Gb18030 => {
                matches!(trail, 0x40..=0x7E | 0x80..=0xFE)
            }
            ClientCharset::Sjis | ClientCharset::Cp932 => {
                matches!(trail, 0x40..=0x7E | 0x80..=0xFC)
            }
            ClientCharset::Big5 => matches!(trail, 0x40..=0x7E | 0xA1..=0xFE),
            ClientCharset::Euckr => matches!(trail, 0x41..=0x5A | 0x61..=0x7A | 0x81..=0xFE),
        };
        if two {
            return Some(2);
        }
        let four = self == ClientCharset::Gb18030
            && trail.is_ascii_digit()
            && matches!(bytes.get(2..4), Some([0x81..=0xFE, b'0'..=b'9']));
        four.then_some(4)
    }
}

/// What of a session and its server decides how bytes become tokens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Dialect {
    /// sql_mode ANSI_QUOTES: `"` quotes identifiers.
    pub ansi_quotes: bool,
    /// sql_mode NO_BACKSLASH_ESCAPES (status flag 0x200).
    pub no_backslash_escapes: bool,
    pub charset: ClientCharset,
    pub family: Flavor,
    /// As in executable comments: 101119 is 10.11.19, 90704 is 9.7.4.
    pub version: u32,
}

impl Dialect {
    /// A family's defaults: backslash escapes, `"` strings, a charset without traps.
    pub const fn new(family: Flavor, version: u32) -> Dialect {
        Dialect { ansi_quotes: false, no_backslash_escapes: false, charset: ClientCharset::AsciiSafe, family, version }
    }

    /// Takes over what of a `sql_mode` changes how a text is cut: names between commas, in any case.
    ///
    /// Servers write out what a combination such as ANSI stands for; a client need not.
    pub fn set_sql_mode(&mut self, mode: &str) {
        const QUOTING: [&str; 7] = ["ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];
        let has = |name: &str| mode.split(',').any(|part| part.trim().eq_ignore_ascii_case(name));
        self.ansi_quotes = QUOTING.into_iter().any(has);
        self.no_backslash_escapes = has("NO_BACKSLASH_ESCAPES");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_charsets_and_collations() {
        let check = |name: &str, charset: ClientCharset| {
            assert_eq!(ClientCharset::from_name(name), charset, "{name}");
        };
        check("gbk", ClientCharset::Gbk);
        check("GBK_chinese_ci", ClientCharset::Gbk);
        check("cp932_bin", ClientCharset::Cp932);
        check("utf8mb4_general_ci", ClientCharset::AsciiSafe);
        check("latin1", ClientCharset::AsciiSafe);
        check("", ClientCharset::AsciiSafe);
    }

    #[test]
    fn modes_that_change_quoting() {
        let check = |mode: &str, ansi_quotes: bool, no_backslash_escapes: bool| {
            let mut dialect = Dialect::new(Flavor::MariaDb, 101119);
            dialect.set_sql_mode(mode);
            let found = (dialect.ansi_quotes, dialect.no_backslash_escapes);
            assert_eq!(found, (ansi_quotes, no_backslash_escapes), "{mode}");
        };
        check("", false, false);
        check("STRICT_TRANS_TABLES,ANSI_QUOTES", true, false);
        check("ansi_quotes, no_backslash_escapes", true, true);
        check("ANSI", true, false);
        check("ORACLE", true, false);
        check("NO_ANSI_QUOTES,BACKSLASH_ESCAPES", false, false);
    }

    #[test]
    fn characters() {
        let check = |charset: ClientCharset, bytes: &[u8], length: Option<usize>| {
            assert_eq!(charset.character(bytes), length, "{charset:?} {bytes:02X?}");
        };
        check(ClientCharset::AsciiSafe, b"\xBF\x5C", Some(1));
        check(ClientCharset::Gbk, b"\xBF\x5C", Some(2));
        check(ClientCharset::Gbk, b"\xBF\x27", None);
        check(ClientCharset::Gbk, b"\xBF", None);
        check(ClientCharset::Gbk, b"a", Some(1));
        check(ClientCharset::Sjis, b"\xB1\x5C", Some(1));
        check(ClientCharset::Sjis, b"\x95\x5C", Some(2));
        check(ClientCharset::Big5, b"\xA5\x5C", Some(2));
        check(ClientCharset::Gb18030, b"\x81\x30\x81\x30", Some(4));
        check(ClientCharset::Gb18030, b"\x81\x30\x81", None);
        check(ClientCharset::Euckr, b"\xB0\x5C", None);
    }
}
