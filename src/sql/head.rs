//! The first words of a statement, as far as the lexer must know them: where a block of statements
//! begins, whose semicolons do not end it, and whether VALUE may begin rows.

use super::classes::is_keyword;
use super::fingerprint::Prev;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Head {
    /// No word yet.
    First,
    /// CREATE, until the kind of object is known.
    Create,
    /// ALTER, until the kind of object is known.
    Alter,
    Begin,
    BeginNot,
    /// INSERT or REPLACE before its rows.
    Insert,
    /// A first word that ends at this offset of the normalized text: a colon would make it a label.
    Word(usize),
    /// A routine, a trigger or a compound statement: takes the rest of the text.
    Block,
    Decided,
}

impl Head {
    /// Whether further words may change it.
    pub(super) fn is_open(self) -> bool {
        !matches!(self, Head::Block | Head::Decided)
    }

    /// Takes the next unquoted word, which ends at `end` in the normalized text.
    pub(super) fn word(self, word: &[u8], before: Prev, end: usize) -> Head {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
        let any = |keywords: &[&str]| keywords.iter().any(|keyword| is(keyword));
        match self {
            Head::First if is_keyword(word, b"select") => Head::Decided,
            Head::First if before != Prev::Start => Head::Decided,
            Head::First if is("insert") || is("replace") => Head::Insert,
            Head::First if is("create") => Head::Create,
            Head::First if is("alter") => Head::Alter,
            Head::First if is("begin") => Head::Begin,
            Head::First if any(&["if", "case", "loop", "while", "repeat", "for", "declare"]) => Head::Block,
            Head::First => Head::Word(end),
            // The user of DEFINER = user@host.
            Head::Create | Head::Alter if before == Prev::Equal => self,
            Head::Create if any(&["procedure", "function", "trigger", "event", "package"]) => Head::Block,
            Head::Create if any(&["or", "replace", "aggregate", "definer", "if", "not", "exists"]) => self,
            Head::Alter if is("event") => Head::Block,
            Head::Alter if is("definer") => self,
            Head::Begin if is("not") => Head::BeginNot,
            Head::BeginNot if is("atomic") => Head::Block,
            Head::Insert if any(&["select", "set", "value", "values", "with", "table", "on"]) => Head::Decided,
            Head::Insert => self,
            Head::Create | Head::Alter | Head::Begin | Head::BeginNot | Head::Word(_) => Head::Decided,
            Head::Block | Head::Decided => self,
        }
    }

    /// Takes a colon that stands at `at` of the normalized text.
    pub(super) fn label(&mut self, at: usize) {
        if *self == Head::Word(at) {
            *self = Head::Block;
        }
    }
}
