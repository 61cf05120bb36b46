//! What is wrong in a document, where, and what to do about it.
//!
//! Each file of the product has its own enum of problems; [`Shape`](super::Shape) is part of each.
//! Faults are collected, so that one run reports all of them, up to a bound.

use std::fmt;

use super::Position;

/// Faults that are kept; a file with more of them is not worth listing in full.
const FAULTS_MAX: usize = 500;

/// One thing that is wrong; prints as `line:column: problem; remedy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<P> {
    pub line: u32,
    pub column: u32,
    pub problem: P,
}

/// A problem that can say what is wrong and what to do, each as part of one sentence.
pub trait Explain {
    fn problem(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    fn remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Collects faults while a document is read.
pub struct Faults<P> {
    list: Vec<Fault<P>>,
}

impl<P: Explain> fmt::Display for Fault<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        self.problem.problem(f)?;
        f.write_str("; ")?;
        self.problem.remedy(f)
    }
}

impl<P: Explain + fmt::Debug> std::error::Error for Fault<P> {}

impl<P> Default for Faults<P> {
    fn default() -> Faults<P> {
        Faults { list: Vec::new() }
    }
}

impl<P> Faults<P> {
    pub fn add(&mut self, at: Position, problem: impl Into<P>) {
        if !self.are_full() {
            let (line, column) = (at.line, at.column);
            let problem = problem.into();
            self.list.push(Fault { line, column, problem });
        }
    }

    /// Further faults would be dropped; what only looks for faults may stop.
    pub fn are_full(&self) -> bool {
        self.list.len() >= FAULTS_MAX
    }

    /// The value, if nothing was wrong; else every fault in the order of the file.
    ///
    /// A reader that returns `None` has added a fault; should one forget to, that is a bug of ours.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Fault<P>>> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => {
                assert!(!self.list.is_empty(), "a reader gave up without a fault");
                self.list.sort_by_key(|fault| (fault.line, fault.column));
                Err(self.list)
            }
        }
    }
}
