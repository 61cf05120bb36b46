//! The pieces of a statement as a client may write them: values, quotes, comments, blanks, cases.

use meridian::sql::{ClientCharset, Dialect};

use crate::dice::Dice;
use crate::statements::{Kind, Piece};

#[derive(Debug, Clone, Copy)]
pub enum Spelling {
    /// One blank between two pieces, no comment, the first of all forms.
    Plain,
    /// Of this seed.
    Any(u64),
}

/// The statement with the values of a seed.
pub fn spell(pieces: &[Piece], dialect: &Dialect, spelling: Spelling, values: u64) -> Vec<u8> {
    let mut values = Dice::numbered(values, 0);
    let mut out = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        // Of its own, so that a longer list changes nothing behind it.
        let dice = match spelling {
            Spelling::Plain => None,
            Spelling::Any(seed) => Some(Dice::numbered(seed, at as u64)),
        };
        Pen { out: &mut out, dialect, values: &mut values, dice }.piece(piece);
    }
    out
}

struct Pen<'a> {
    out: &'a mut Vec<u8>,
    dialect: &'a Dialect,
    values: &'a mut Dice,
    /// How it is spelled; `None` is plainly.
    dice: Option<Dice>,
}

impl Pen<'_> {
    fn one_in(&mut self, sides: u64) -> bool {
        self.dice.as_mut().is_some_and(|dice| dice.one_in(sides))
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            // With a comment inside, each length is a shape of its own.
            Piece::Values(_) | Piece::Rows(_) => self.put(" "),
            _ => self.gap(),
        }
        match piece {
            Piece::Word(word) if !word.ends_with('(') && self.one_in(40) => {
                self.put("/*!50001 ");
                self.put(word);
                self.put(" */");
            }
            Piece::Word(word) => self.in_any_case(word),
            Piece::Sign(sign) => self.put(sign),
            Piece::Name(name) => self.name(name),
            Piece::Column(name) => {
                let name = if self.one_in(6) { name.to_uppercase() } else { (*name).to_owned() };
                self.name(&name);
            }
            Piece::Value(kind) => {
                let quoted = self.one_in(3);
                self.value(*kind, quoted);
            }
            Piece::Bare(kind) => self.value(*kind, false),
            Piece::Values(kind) => {
                // DATE'..' is not folded.
                let quoted = self.one_in(3) && !matches!(kind, Kind::Day | Kind::Moment);
                self.put("(");
                let count = self.count();
                self.repeat(count, |pen| pen.value(*kind, quoted));
                self.put(")");
            }
            Piece::Pairs(first, second, count) => {
                let quoted = self.one_in(3);
                self.repeat(*count, |pen| {
                    pen.put("(");
                    pen.value(*first, quoted);
                    pen.put(", ");
                    pen.value(*second, quoted);
                    pen.put(")");
                });
            }
            Piece::Rows(kinds) => {
                let quoted = self.one_in(3);
                let count = self.count();
                self.repeat(count, |pen| {
                    for (at, kind) in kinds.iter().enumerate() {
                        pen.put(if at == 0 { "(" } else { ", " });
                        pen.value(*kind, quoted);
                    }
                    pen.put(")");
                });
            }
        }
    }

    fn count(&mut self) -> u64 {
        if self.values.one_in(20) { 40 } else { 1 + self.values.below(4) }
    }

    fn repeat(&mut self, count: u64, one: impl Fn(&mut Self)) {
        for at in 0..count {
            if at > 0 {
                self.put(", ");
            }
            one(self);
        }
    }

    /// What stands between two pieces.
    fn gap(&mut self) {
        let Some(dice) = &mut self.dice else {
            return self.put(" ");
        };
        let gaps = [
            " ",
            " ",
            " ",
            "\n",
            "\t",
            "  ",
            " /* it's \"a\" `comment` */ ",
            "/**/",
            " -- it's one\n",
            " # \"another\n",
            "\r\n",
        ];
        let gap = *dice.pick(&gaps);
        self.put(gap);
    }

    fn in_any_case(&mut self, word: &str) {
        match &mut self.dice {
            None => self.put(word),
            Some(dice) => {
                let lower = dice.one_in(2);
                let text = if lower { word.to_lowercase() } else { word.to_owned() };
                self.put(&text);
            }
        }
    }

    fn name(&mut self, name: &str) {
        let quote = match (self.one_in(4), self.dialect.ansi_quotes && self.one_in(2)) {
            (_, true) => "\"",
            (true, _) => "`",
            _ => "",
        };
        self.put(quote);
        self.put(name);
        self.put(quote);
    }

    /// The next value; in quotes where that says the same.
    fn value(&mut self, kind: Kind, quoted: bool) {
        let text = match kind {
            Kind::Integer => (1 + self.values.below(999)).to_string(),
            Kind::Decimal => format!("{}.{:02}", 1 + self.values.below(600), self.values.below(100)),
            Kind::Day => format!("2026-{:02}-{:02}", 1 + self.values.below(12), 1 + self.values.below(28)),
            Kind::Moment => {
                let (day, hour) = (1 + self.values.below(28), self.values.below(24));
                format!("2026-{:02}-{day:02} {hour:02}:30:00", 1 + self.values.below(12))
            }
            Kind::Word => {
                let letters = [b'a' + self.values.below(26) as u8, b'a' + self.values.below(26) as u8];
                format!("{}{}", String::from_utf8_lossy(&letters), self.values.below(50))
            }
            Kind::Text => return self.text(),
        };
        match kind {
            Kind::Integer | Kind::Decimal if !quoted => self.put(&text),
            Kind::Day if quoted => self.put(&format!("DATE'{text}'")),
            Kind::Moment if quoted => self.put(&format!("TIMESTAMP '{text}'")),
            Kind::Word if quoted && !self.dialect.ansi_quotes => self.put(&format!("\"{text}\"")),
            _ => self.put(&format!("'{text}'")),
        }
    }

    /// A text with all that may be taken for the end of a string.
    fn text(&mut self) {
        let mut text = b"'".to_vec();
        for _ in 0..self.values.below(6) {
            let part: &[u8] = match (self.values.below(8), self.dialect.no_backslash_escapes) {
                (0, _) => b"''",
                (1, _) => b"\"",
                (2, false) => b"\\'",
                (2, true) => b"\\",
                (3, false) => b"\\\\",
                (4, _) => b"-- ",
                (5, _) => b"/* ? ",
                (6, _) => match self.dialect.charset {
                    // Its second byte is a backslash.
                    ClientCharset::Gbk | ClientCharset::Big5 => b"\xB5\x5C",
                    ClientCharset::Sjis => b"\x95\x5C",
                    _ => "\u{e9}\u{1F600}".as_bytes(),
                },
                _ => b" x;",
            };
            text.extend_from_slice(part);
        }
        text.push(b'\'');
        self.out.extend_from_slice(&text);
    }
}
