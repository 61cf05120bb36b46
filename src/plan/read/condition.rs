//! A condition as a tree: what is ANDed, what is ORed, and what is not understood.
//!
//! No expression is parsed. A piece counts only if *all* of its tokens are understood, between AND and AND; so no
//! precedence is guessed (`BINARY a = 'x'`, `id = 5 = 1`, `NOT id = 5`, `id = 5 COLLATE c` do not count). OR binds
//! looser than AND in every mode of both servers; one operator whose meaning depends (||), or that binds between or
//! looser (XOR, :=), and all that it may reach is unknown. NOT is read only in front of parentheses that end the piece.
//! Invariant: a tree is true wherever its text is, and [`Test::Unknown`] is the text that may be true of any row.

use super::reader::{Reader, Tok};
use super::shape::Test;

/// Comparisons kept of a statement. What is above is unknown, which is sound.
pub const COMPARISONS_MAX: usize = 4096;

/// Words that only a query has outside of parentheses: what stands between them is no condition.
const NO_CONDITION: &[&str] = &["SELECT", "FROM", "WHERE", "HAVING", "UNION", "WITH", "VALUES", "TABLE"];

impl Reader {
    /// The conjuncts of the condition in tokens `from..to`, without those that are unknown.
    pub fn conjuncts(&mut self, from: usize, to: usize) -> Vec<Test> {
        match self.condition(from, to, false) {
            Test::Unknown => Vec::new(),
            Test::All(tests) => tests,
            test => vec![test],
        }
    }

    /// The condition in tokens `from..to`, or its negation.
    pub fn condition(&mut self, from: usize, to: usize, negated: bool) -> Test {
        let Some(arms) = self.arms(from, to) else {
            return Test::Unknown;
        };
        let mut alternatives = Vec::with_capacity(arms.len());
        for pieces in arms {
            let tests: Vec<Test> = pieces.into_iter().map(|(from, to)| self.piece(from, to, negated)).collect();
            alternatives.push(if negated { any(tests) } else { all(tests) });
        }
        if negated { all(alternatives) } else { any(alternatives) }
    }

    fn piece(&mut self, from: usize, to: usize, negated: bool) -> Test {
        if let Some((from, to)) = self.parenthesized(from, to) {
            return self.condition(from, to, negated);
        }
        if (self.is_word(from, "NOT") || self.is_op(from, "!"))
            && let Some((from, to)) = self.parenthesized(from + 1, to)
        {
            return self.condition(from, to, !negated);
        }
        if self.comparisons >= COMPARISONS_MAX {
            return Test::Unknown;
        }
        self.comparisons += 1;
        self.comparison(from, to, negated)
    }

    /// The token ranges between the ANDs of what stands between the ORs; `None` if something else than those two joins
    /// conditions here, or may.
    fn arms(&self, from: usize, to: usize) -> Option<Vec<Vec<(usize, usize)>>> {
        let (mut arms, mut pieces) = (Vec::new(), Vec::new());
        let (mut start, mut depth, mut cases, mut betweens) = (from, 0usize, 0usize, 0usize);
        // END is no reserved word: a column may have that name, and then CASE cannot be told to have ended.
        let mut case_seen = false;
        for at in from..to {
            match self.tok(at) {
                Tok::Op(op) => match &**op {
                    "(" | "{" => depth += 1,
                    ")" | "}" => depth = depth.checked_sub(1)?,
                    "||" | ":=" | "," if depth == 0 => return None,
                    "&&" if depth == 0 && cases == 0 => {
                        pieces.push((start, at));
                        start = at + 1;
                    }
                    _ => {}
                },
                Tok::Word { upper, .. } if depth == 0 => match &**upper {
                    "XOR" => return None,
                    "OR" if case_seen || betweens > 0 => return None,
                    "OR" => {
                        pieces.push((start, at));
                        arms.push(std::mem::take(&mut pieces));
                        start = at + 1;
                    }
                    "CASE" => {
                        cases += 1;
                        case_seen = true;
                    }
                    "END" if case_seen => cases = cases.checked_sub(1)?,
                    "BETWEEN" => betweens += 1,
                    "AND" if cases > 0 => {}
                    "AND" if betweens > 0 => betweens -= 1,
                    "AND" => {
                        pieces.push((start, at));
                        start = at + 1;
                    }
                    word if NO_CONDITION.contains(&word) => return None,
                    _ => {}
                },
                _ => {}
            }
        }
        if depth != 0 || cases != 0 || betweens != 0 || (case_seen && !arms.is_empty()) {
            return None;
        }
        pieces.push((start, to));
        arms.push(pieces);
        Some(arms)
    }
}

/// All of these hold. Leaving out what is unknown is sound.
pub fn all(tests: Vec<Test>) -> Test {
    let mut known = Vec::with_capacity(tests.len());
    for test in tests {
        match test {
            Test::Unknown => {}
            Test::All(tests) => known.extend(tests),
            test => known.push(test),
        }
    }
    match known.len() {
        0 => Test::Unknown,
        1 => known.swap_remove(0),
        _ => Test::All(known),
    }
}

/// One of these holds, at least.
pub fn any(tests: Vec<Test>) -> Test {
    let mut known = Vec::with_capacity(tests.len());
    for test in tests {
        match test {
            Test::Unknown => return Test::Unknown,
            Test::Any(tests) => known.extend(tests),
            test => known.push(test),
        }
    }
    match known.len() {
        1 => known.swap_remove(0),
        _ => Test::Any(known),
    }
}
