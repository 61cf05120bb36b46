//! Ascending numbers, for lookups by halving that touch little memory.
//!
//! Nearly all bounds fit 64 bits: they are kept so, and every so many of them once more, close together, to be halved first.
//! Wider ones, of decimals and the upper half of `bigint unsigned`, are halved as they are.

/// Strictly ascending. Equal numbers are equal here: how they are kept follows from what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    Narrow { all: Box<[i64]>, heads: Box<[i64]> },
    Wide(Box<[i128]>),
}

/// A head is the first of so many: 8 cache lines.
const BLOCK: usize = 64;

impl Numbers {
    pub fn new(numbers: Vec<i128>) -> Numbers {
        let narrow = numbers.iter().map(|number| i64::try_from(*number)).collect::<Result<Box<[i64]>, _>>();
        match narrow {
            Ok(all) => Numbers::Narrow { heads: all.iter().copied().step_by(BLOCK).collect(), all },
            Err(_) => Numbers::Wide(numbers.into()),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Numbers::Narrow { all, .. } => all.len(),
            Numbers::Wide(all) => all.len(),
        }
    }

    pub fn get(&self, index: usize) -> Option<i128> {
        match self {
            Numbers::Narrow { all, .. } => all.get(index).map(|number| i128::from(*number)),
            Numbers::Wide(all) => all.get(index).copied(),
        }
    }

    /// The least number above each.
    pub fn successors(&self) -> Numbers {
        let next = (0..self.len()).filter_map(|index| self.get(index)).map(|number| number.saturating_add(1));
        Numbers::new(next.collect())
    }

    /// How many are not above this one.
    #[inline]
    pub fn count_to(&self, number: i128) -> usize {
        match self {
            Numbers::Narrow { all, heads } => match i64::try_from(number) {
                Ok(number) => narrow_count_to(all, heads, number),
                Err(_) if number < 0 => 0,
                Err(_) => all.len(),
            },
            Numbers::Wide(all) => all.partition_point(|one| *one <= number),
        }
    }

    /// How many are below this one.
    pub fn count_below(&self, number: i128) -> usize {
        number.checked_sub(1).map_or(0, |before| self.count_to(before))
    }

    /// The index of exactly this one.
    #[inline]
    pub fn find(&self, number: i128) -> Option<usize> {
        let last = self.count_to(number).checked_sub(1)?;
        (self.get(last) == Some(number)).then_some(last)
    }
}

#[inline]
fn narrow_count_to(all: &[i64], heads: &[i64], number: i64) -> usize {
    if heads.len() <= 1 {
        return all.partition_point(|one| *one <= number);
    }
    let Some(block) = heads.partition_point(|head| *head <= number).checked_sub(1) else {
        return 0;
    };
    let start = block * BLOCK;
    let end = all.len().min(start + BLOCK);
    start + all[start..end].partition_point(|one| *one <= number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a count of each.
    fn check(numbers: &[i128], probes: impl IntoIterator<Item = i128>) {
        let kept = Numbers::new(numbers.to_vec());
        for probe in probes {
            let count = |holds: &dyn Fn(&i128) -> bool| numbers.iter().filter(|number| holds(number)).count();
            assert_eq!(kept.count_to(probe), count(&|number| *number <= probe), "{probe} of {}", numbers.len());
            assert_eq!(kept.count_below(probe), count(&|number| *number < probe), "{probe} of {}", numbers.len());
            assert_eq!(kept.find(probe), numbers.iter().position(|number| *number == probe), "{probe}");
        }
        let all: Vec<i128> = (0..kept.len()).filter_map(|index| kept.get(index)).collect();
        assert_eq!(all, numbers);
    }

    #[test]
    fn a_number_is_where_counting_finds_it() {
        for count in [0, 1, 2, 63, 64, 65, 127, 128, 129, 1000] {
            let numbers: Vec<i128> = (0..count).map(|at| at * 3 - 100).collect();
            check(&numbers, -110..count * 3 - 90);
        }
    }

    #[test]
    fn numbers_of_more_than_64_bits_count_as_others() {
        let ends = [i128::MIN, i128::MAX, i64::MIN.into(), i64::MAX.into(), u64::MAX.into()];
        let around = || ends.into_iter().flat_map(|end| [end.saturating_sub(1), end, end.saturating_add(1)]);
        let mut wide: Vec<i128> = around().chain([0, 5]).collect();
        wide.sort_unstable();
        wide.dedup();
        check(&wide, around().chain([0, 1, 5, 6]));
        check(&[i64::MIN.into(), 0, i64::MAX.into()], around().chain([-1, 0, 1]));
        assert_eq!(Numbers::new(vec![i64::MAX.into()]).successors(), Numbers::new(vec![i128::from(i64::MAX) + 1]));
    }
}
