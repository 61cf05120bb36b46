//! The servers' weights of each code point, as they are stored, and as they are looked up.
//!
//! A weight is 16 bits, a code point has none to eight. A printable ASCII character has one; a unit of that weight is
//! written as the character in lower case, any other as three bytes from 80 upwards: ASCII text is its own form, and no
//! two sequences of weights have the same bytes.
//!
//! The files of `stored/` are made by tests/servers/collations.rs from what WEIGHT_STRING says; it describes their layout.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::LazyLock;

/// Code points are stored in pages of 256.
pub const PAGES: usize = 0x1100;

/// Of what the stored tables are; collations share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    General,
    Unicode400,
    Unicode520,
    Unicode900,
    Unicode1400,
    Latin1Swedish,
    Latin1General,
}

/// What all code points of a page weigh, where that is a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// No rule: each has its own, in the file.
    Listed,
    /// Itself.
    Same,
    /// As UCA has it for what its table does not list: a base and the upper bits, then the lower 15.
    ImplicitFb40,
    ImplicitFb80,
    ImplicitFbc0,
    /// As U+FFFD.
    Replacement,
}

/// A sequence of characters that does not weigh what its characters do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contraction {
    pub text: String,
    pub weights: Vec<u16>,
}

/// One table.
#[derive(Debug)]
pub struct Weights {
    pages: Vec<Page>,
    /// Where a listed code point's weights are in `units`, and how many.
    spans: Vec<(u32, u8)>,
    units: Vec<u16>,
    pub contractions: Vec<Contraction>,
    fold: Fold,
}

#[derive(Debug, Clone, Copy)]
enum Page {
    /// The first of its spans.
    Listed(u32),
    Ruled(Kind),
}

/// How weights become the bytes of a form.
#[derive(Debug)]
struct Fold {
    /// The ASCII character of a weight.
    ascii: BTreeMap<u16, u8>,
    /// What a weight stands for instead of itself, so that a contraction has the form of its characters.
    instead: BTreeMap<u16, Vec<u16>>,
}

impl Stored {
    pub const ALL: [Stored; 7] = [
        Stored::General,
        Stored::Unicode400,
        Stored::Unicode520,
        Stored::Unicode900,
        Stored::Unicode1400,
        Stored::Latin1Swedish,
        Stored::Latin1General,
    ];

    /// Reads the table at the first call.
    pub fn weights(self) -> &'static Weights {
        static TABLES: [LazyLock<Weights>; 7] = [
            LazyLock::new(|| Weights::read(include_bytes!("stored/general_ci.bin"))),
            LazyLock::new(|| Weights::read(include_bytes!("stored/unicode_ci.bin"))),
            LazyLock::new(|| Weights::read(include_bytes!("stored/unicode_520_ci.bin"))),
            LazyLock::new(|| Weights::read(include_bytes!("stored/0900_ai_ci.bin"))),
            LazyLock::new(|| Weights::read(include_bytes!("stored/uca1400_ai_ci.bin"))),
            LazyLock::new(|| Weights::read(include_bytes!("stored/latin1_swedish_ci.bin"))),
            LazyLock::new(|| Weights::read(include_bytes!("stored/latin1_general_ci.bin"))),
        ];
        &TABLES[self as usize]
    }
}

impl Weights {
    /// Reads a stored file; one that this crate did not make panics.
    fn read(deflated: &[u8]) -> Weights {
        let mut bytes = Vec::new();
        flate2::read::DeflateDecoder::new(deflated).read_to_end(&mut bytes).expect("stored by our own writer");
        let mut bytes = &bytes[..];
        let mut take = |count: usize| bytes.split_off(..count).expect("stored by our own writer");
        let kinds = take(PAGES);
        let (mut pages, mut listed) = (Vec::with_capacity(PAGES), 0);
        for kind in kinds {
            pages.push(match Kind::of(*kind) {
                Kind::Listed => {
                    listed += 256;
                    Page::Listed(listed - 256)
                }
                ruled => Page::Ruled(ruled),
            });
        }
        let (mut spans, mut count) = (Vec::with_capacity(listed as usize), 0);
        for length in take(listed as usize) {
            spans.push((count, *length));
            count += u32::from(*length);
        }
        let (low, high) = (take(count as usize), take(count as usize));
        let mut before = 0u16;
        let differences = low.iter().zip(high).map(|(low, high)| u16::from_le_bytes([*low, *high]));
        let units = differences.map(|difference| {
            before = before.wrapping_add(difference);
            before
        });
        let units: Vec<u16> = units.collect();
        let mut contractions = Vec::new();
        let [low, high] = *take(2) else { unreachable!("two were taken") };
        for _ in 0..u16::from_le_bytes([low, high]) {
            let text_bytes = usize::from(take(1)[0]);
            let text = str::from_utf8(take(text_bytes)).expect("stored by our own writer").to_owned();
            let unit_bytes = 2 * usize::from(take(1)[0]);
            let weights = take(unit_bytes).chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            contractions.push(Contraction { text, weights });
        }
        let fold = Fold { ascii: BTreeMap::new(), instead: BTreeMap::new() };
        let mut table = Weights { pages, spans, units, contractions, fold };
        table.fold = Fold::of(&table);
        table
    }

    /// The server's weights of one code point.
    pub fn of(&self, c: char) -> impl Iterator<Item = u16> + '_ {
        let code = u32::from(c);
        let (listed, ruled) = match self.pages[(code >> 8) as usize] {
            Page::Listed(first) => {
                let (begin, count) = self.spans[(first + (code & 0xff)) as usize];
                (&self.units[begin as usize..][..usize::from(count)], None)
            }
            Page::Ruled(kind) => (&[][..], Some(kind.weights(code))),
        };
        listed.iter().copied().chain(ruled.into_iter().flatten())
    }

    /// Whether the page of 256 code points follows no rule.
    pub(super) fn is_listed(&self, page: u32) -> bool {
        matches!(self.pages[page as usize], Page::Listed(_))
    }

    /// Appends the form of one code point.
    pub(super) fn append(&self, c: char, out: &mut Vec<u8>) {
        self.of(c).for_each(|unit| self.append_unit(unit, out));
    }

    pub(super) fn append_unit(&self, unit: u16, out: &mut Vec<u8>) {
        match self.fold.instead.get(&unit) {
            None => self.fold.append(unit, out),
            Some(others) => others.iter().for_each(|unit| self.fold.append(*unit, out)),
        }
    }
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::Listed, Kind::Same, Kind::ImplicitFb40, Kind::ImplicitFb80, Kind::ImplicitFbc0, Kind::Replacement];

    fn of(byte: u8) -> Kind {
        Kind::ALL[usize::from(byte)]
    }

    /// The weights of a code point by the rule; none for a listed one.
    pub fn weights(self, code: u32) -> impl Iterator<Item = u16> + Clone {
        let implicit = |base: u16| [Some(base + (code >> 15) as u16), Some(0x8000 | (code & 0x7fff) as u16)];
        let weights = match self {
            Kind::Listed => [None, None],
            Kind::Same => [Some(code as u16), None],
            Kind::ImplicitFb40 => implicit(0xfb40),
            Kind::ImplicitFb80 => implicit(0xfb80),
            Kind::ImplicitFbc0 => implicit(0xfbc0),
            Kind::Replacement => [Some(0xfffd), None],
        };
        weights.into_iter().flatten()
    }
}

impl Fold {
    /// A string with contractions can be cut in more than one way, and a server's cut is its own affair. So weights are
    /// given up or replaced until each contraction weighs what its characters do: then every cut has the same form.
    fn of(table: &Weights) -> Fold {
        let ascii = (b' '..=b'~').filter_map(|byte| {
            let mut units = table.of(char::from(byte));
            Some((units.next()?, byte.to_ascii_lowercase()))
        });
        let mut fold = Fold { ascii: ascii.collect(), instead: BTreeMap::new() };
        let mut erased = BTreeSet::new();
        let mut composed = BTreeMap::new();
        for contraction in &table.contractions {
            let whole = &contraction.weights;
            let mut chars = contraction.text.chars();
            let first: Vec<u16> = chars.next().into_iter().flat_map(|c| table.of(c)).collect();
            let rest: Vec<u16> = chars.flat_map(|c| table.of(c)).collect();
            let without = |weights: &[u16]| -> Vec<u16> {
                weights.iter().copied().filter(|weight| !first.contains(weight)).collect()
            };
            if without(whole) == without(&rest) {
                // A vowel that is written before the consonant behind which it is sorted.
                erased.extend(&first);
            } else if *whole == first {
                erased.extend(rest);
            } else if let [one] = whole[..] {
                composed.insert(one, [first, rest].concat());
            } else {
                erased.extend(first.into_iter().chain(rest).chain(whole.iter().copied()));
            }
        }
        for weight in erased.iter().chain(composed.keys()) {
            let mut parts = vec![*weight];
            // Parts may be composed in their turn.
            while let Some(at) = parts.iter().position(|part| composed.contains_key(part) && !erased.contains(part)) {
                assert!(parts.len() <= 8, "a contraction that contains itself");
                let of_part = composed[&parts[at]].clone();
                parts.splice(at..=at, of_part);
            }
            parts.retain(|part| !erased.contains(part));
            fold.instead.insert(*weight, parts);
        }
        fold
    }

    fn append(&self, unit: u16, out: &mut Vec<u8>) {
        match self.ascii.get(&unit) {
            Some(byte) => out.push(*byte),
            None => out.extend([0x80 | (unit >> 14) as u8, 0x80 | (unit >> 7) as u8, 0x80 | unit as u8]),
        }
    }
}
