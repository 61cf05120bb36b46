//! The name that was probably meant.

/// Characters of a name that is compared; longer ones have no near name.
const LENGTH_MAX: usize = 64;

/// Candidates that are compared, so that a file of thousands of unknown names is refused quickly.
const CANDIDATES_MAX: usize = 256;

/// The candidate nearest to `text` by edit distance, if one is near enough to be a slip of the finger:
/// one edit in a short name, two in a longer one; a change of case is none.
pub fn near<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text: Vec<char> = text.chars().take(LENGTH_MAX + 1).flat_map(char::to_lowercase).collect();
    if text.is_empty() || text.len() > LENGTH_MAX {
        return None;
    }
    let distance_max = if text.len() <= 4 { 1 } else { 2 };
    candidates
        .take(CANDIDATES_MAX)
        .filter_map(|candidate| {
            let folded: Vec<char> = candidate.chars().take(LENGTH_MAX + 1).flat_map(char::to_lowercase).collect();
            let comparable = folded.len().abs_diff(text.len()) <= distance_max;
            let distance = comparable.then(|| distance(&text, &folded))?;
            (distance <= distance_max).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance where swapping two neighbours counts once.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn finds_slips_of_the_finger_only() {
        let names = ["s0", "orders", "customers"];
        let near = |text| near(text, names.into_iter());
        assert_eq!(near("s1"), Some("s0"));
        assert_eq!(near("ordres"), Some("orders"));
        assert_eq!(near("Customers"), Some("customers"));
        assert_eq!(near("custom"), None);
        assert_eq!(near(""), None);
        assert_eq!(near(&"x".repeat(1000)), None);
    }
}
