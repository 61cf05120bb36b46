//! Random pairs of short texts, many of them equal: characters of one script, marks, spaces, and what weighs the same.
//!
//! MERIDIAN_COLLATION_SEED sets the seed, MERIDIAN_COLLATION_PAIRS the number for each collation.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::rc::Rc;

use meridian::shard_map::collation::{Charset, Collation, Order, Stored};

use super::form;
use crate::support::Raw;

const PAIRS: u64 = 20_000;

/// Whatever `=` says of a pair, its forms say; the reverse too, where the collation has a table of its own and pads.
pub fn check(raw: &mut Raw, collation: Collation, mates: &mut Mates) {
    let name = collation.name;
    let of_environment = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let pairs = of_environment("MERIDIAN_COLLATION_PAIRS").unwrap_or(PAIRS);
    let seed = of_environment("MERIDIAN_COLLATION_SEED").unwrap_or(0x5EED);
    let mates = mates.of(collation);
    let mut dice = Dice { state: seed | 1, collation, mates };
    let tried: Vec<(String, String)> = (0..pairs).map(|_| dice.pair()).collect();
    raw.ok("DROP TABLE IF EXISTS tried");
    raw.ok("CREATE TABLE tried (i INT, a VARCHAR(64) CHARACTER SET utf8mb4, b VARCHAR(64) CHARACTER SET utf8mb4)");
    let mut insert = String::from("INSERT INTO tried VALUES ");
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    for (index, (a, b)) in tried.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(insert, "{comma}({index}, _utf8mb4 X'{}', _utf8mb4 X'{}')", hex(a), hex(b)).expect("a String takes all");
    }
    raw.ok(&insert);
    let charset = super::charset(collation);
    let equal = raw.rows(&format!(
        "SELECT i FROM tried WHERE CONVERT(a USING {charset}) = CONVERT(b USING {charset}) COLLATE {name}"
    ));
    let equal: HashSet<usize> = equal.rows.iter().map(|row| super::stored::number(&row[0]) as usize).collect();
    let exact = !["0900", "uca1400", "nopad"].iter().any(|part| name.contains(part));
    for (index, (a, b)) in tried.iter().enumerate() {
        let same = form(collation, a) == form(collation, b);
        let equal = equal.contains(&index);
        assert!(same || !equal, "{name}, seed {seed}: {a:?} = {b:?}, and their forms differ");
        assert!(equal || !same || !exact, "{name}, seed {seed}: {a:?} <> {b:?}, and their forms are one");
    }
    // Else nothing was tried.
    assert!(equal.len() as u64 > pairs / 10, "{name}: {} of {pairs} are equal", equal.len());
    assert!((equal.len() as u64) < pairs * 9 / 10, "{name}: {} of {pairs} are equal", equal.len());
}

/// What weighs the same, once for all collations that are equal in this.
#[derive(Default)]
pub struct Mates {
    of: HashMap<(Order, Charset, bool), Rc<Of>>,
}

#[derive(Default)]
struct Of {
    /// Blocks of 64 code points that the charset has.
    blocks: Vec<u32>,
    /// The characters of each form.
    chars: HashMap<Vec<u8>, Vec<char>>,
    /// Those of no form, and no space.
    nothing: Vec<char>,
}

impl Mates {
    fn of(&mut self, collation: Collation) -> Rc<Of> {
        let key = (collation.order, collation.charset, collation.padded);
        self.of.entry(key).or_insert_with(|| Rc::new(Of::new(collation))).clone()
    }
}

impl Of {
    fn new(collation: Collation) -> Of {
        let mut of = Of::default();
        for c in ('\0'..super::SCRIPTS_END).filter(|c| collation.charset.holds(*c)) {
            // Ideographs and private code points are like one another.
            let alike = matches!(c, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}' | '\u{e000}'..='\u{f8ff}');
            let code = u32::from(c);
            if alike && !code.is_multiple_of(512) {
                continue;
            }
            let own = form(collation, c.encode_utf8(&mut [0; 4]));
            if own.is_empty() && c != ' ' {
                of.nothing.push(c);
            }
            of.chars.entry(own).or_default().push(c);
            if of.blocks.last() != Some(&(code / 64)) {
                of.blocks.push(code / 64);
            }
        }
        of
    }
}

struct Dice {
    /// xorshift64*
    state: u64,
    collation: Collation,
    mates: Rc<Of>,
}

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    /// A text, and one that is equal to it or nearly.
    fn pair(&mut self) -> (String, String) {
        let at = self.below(self.mates.blocks.len());
        let block = self.mates.blocks[at];
        let (mut a, mut b) = (String::new(), String::new());
        for _ in 0..=self.below(5) {
            let piece = self.piece(block);
            a.push_str(&piece);
            match self.below(8) {
                0..3 => b.push_str(&piece),
                3 => b.push_str(&self.piece(block)),
                4 => b.push_str(&piece.to_uppercase().chars().filter(|c| self.holds(*c)).collect::<String>()),
                _ => piece.chars().for_each(|c| {
                    let mate = self.mate(c);
                    b.push_str(&mate);
                }),
            }
        }
        for text in [&mut a, &mut b] {
            if self.below(8) == 0 {
                text.push_str([" ", "  ", " \u{1}"][self.below(3)]);
            }
        }
        (a, b)
    }

    fn holds(&self, c: char) -> bool {
        self.collation.charset.holds(c)
    }

    fn piece(&mut self, block: u32) -> String {
        let code = match self.below(8) {
            0 => 0x20 + self.below(0x5f) as u32,
            1 => 0x300 + self.below(0x70) as u32,
            2 if self.collation.order == Order::Weights(Stored::Unicode1400) => {
                let contractions = &Stored::Unicode1400.weights().contractions;
                return contractions[self.below(contractions.len())].text.clone();
            }
            2 => self.below(0x100) as u32,
            3 => self.below(0x11_0000) as u32,
            _ => block * 64 + self.below(64) as u32,
        };
        char::from_u32(code).filter(|c| self.holds(*c)).unwrap_or('x').to_string()
    }

    /// Other characters of the same form, one or two, or the same with a character of none.
    fn mate(&mut self, c: char) -> String {
        let mates = Rc::clone(&self.mates);
        if self.below(4) == 0 && !mates.nothing.is_empty() {
            return format!("{c}{}", self.one_of(&mates.nothing));
        }
        let own = form(self.collation, c.encode_utf8(&mut [0; 4]));
        let halves = (1..own.len())
            .map(|cut| own.split_at(cut))
            .find_map(|(head, tail)| Some((mates.chars.get(head)?, mates.chars.get(tail)?)));
        match (halves, mates.chars.get(&own)) {
            (Some((heads, tails)), _) => format!("{}{}", self.one_of(heads), self.one_of(tails)),
            (None, Some(chars)) => self.one_of(chars).to_string(),
            (None, None) => c.to_string(),
        }
    }

    fn one_of(&mut self, chars: &[char]) -> char {
        chars[self.below(chars.len())]
    }
}
