//! Byte classes: one table look-up says which rule lexes the token that a byte begins.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Class {
    /// Begins no token.
    Stray,
    Space,
    /// Letter, `_`, `$`, or a byte above 0x7F.
    Word,
    Digit,
    Quote,
    DoubleQuote,
    Backquote,
    Dot,
    Open,
    Close,
    Comma,
    Semicolon,
    Question,
    At,
    /// May begin a comment.
    Dash,
    Slash,
    Hash,
    /// May end an executable comment.
    Star,
    /// Other punctuation.
    Operator,
}

pub(super) const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut table = [Class::Stray; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        table[i] = match byte {
            b'\t'..=b'\r' | b' ' => Class::Space,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80..=0xFF => Class::Word,
            b'0'..=b'9' => Class::Digit,
            b'\'' => Class::Quote,
            b'"' => Class::DoubleQuote,
            b'`' => Class::Backquote,
            b'.' => Class::Dot,
            b'(' => Class::Open,
            b')' => Class::Close,
            b',' => Class::Comma,
            b';' => Class::Semicolon,
            b'?' => Class::Question,
            b'@' => Class::At,
            b'-' => Class::Dash,
            b'/' => Class::Slash,
            b'#' => Class::Hash,
            b'*' => Class::Star,
            b'!' | b'%' | b'&' | b'+' | b':' | b'<' | b'=' | b'>' | b'[' | b'\\' | b']' | b'^' | b'{' | b'|' | b'}'
            | b'~' => Class::Operator,
            _ => Class::Stray,
        };
        i += 1;
    }
    table
}

/// Whether a byte continues an unquoted word.
#[inline]
pub(super) fn in_word(byte: u8) -> bool {
    matches!(CLASSES[byte as usize], Class::Word | Class::Digit)
}

/// The bytes that continue an unquoted word and are ASCII.
const ASCII_WORD: [bool; 256] = ascii_word();

const fn ascii_word() -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 0x80 {
        table[i] = matches!(CLASSES[i], Class::Word | Class::Digit);
        i += 1;
    }
    table
}

/// How many of the first bytes continue an unquoted word and are ASCII.
#[inline]
pub(super) fn ascii_word_len(text: &[u8]) -> usize {
    text.iter().position(|byte| !ASCII_WORD[*byte as usize]).unwrap_or(text.len())
}

/// Whether a word is this keyword, which is of lower-case letters, in whatever case.
#[inline]
pub(super) fn is_keyword<const N: usize>(word: &[u8], keyword: &[u8; N]) -> bool {
    let Ok(word) = <&[u8; N]>::try_from(word) else {
        return false;
    };
    // Only a letter of either case becomes a lower-case letter by this bit. Without a branch a byte, it is one comparison.
    let mut differs = 0;
    for (byte, letter) in word.iter().zip(keyword) {
        differs |= (byte | 0x20) ^ letter;
    }
    differs == 0
}

pub(super) fn is_space(byte: u8) -> bool {
    CLASSES[byte as usize] == Class::Space
}

/// Whether two of these bytes side by side may mean something else than apart.
pub(super) fn combines(byte: u8) -> bool {
    matches!(
        CLASSES[byte as usize],
        Class::Operator | Class::Dash | Class::Slash | Class::Star | Class::At | Class::Dot | Class::Hash
    )
}
