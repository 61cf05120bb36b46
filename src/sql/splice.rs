//! Replaces spans of a client's statement; the only way in which Meridian changes a text.
//!
//! Invariant: bytes outside the spans are copied untouched.

/// One replacement: the bytes `start..end` of the text become `with`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edit<'a> {
    pub start: usize,
    pub end: usize,
    pub with: &'a [u8],
}

/// Appends `text` with `edits` applied to `out`.
///
/// Edits must be ascending, disjoint and inside the text; else `None`, and `out` is as before.
pub fn splice(text: &[u8], edits: &[Edit<'_>], out: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    for edit in edits {
        if edit.start < at || edit.end < edit.start || edit.end > text.len() {
            return None;
        }
        at = edit.end;
    }
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&text[at..edit.start]);
        out.extend_from_slice(edit.with);
        at = edit.end;
    }
    out.extend_from_slice(&text[at..]);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, edits: &[(usize, usize, &str)], result: Option<&str>) {
        let edits: Vec<Edit<'_>> =
            edits.iter().map(|&(start, end, with)| Edit { start, end, with: with.as_bytes() }).collect();
        let mut out = b"> ".to_vec();
        let done = splice(text.as_bytes(), &edits, &mut out);
        let expected = format!("> {}", result.unwrap_or_default());
        assert_eq!(done.is_some(), result.is_some());
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn edits() {
        check("abcdef", &[], Some("abcdef"));
        check("abcdef", &[(0, 1, "XY"), (3, 3, "-"), (5, 6, "")], Some("XYbc-de"));
        check("abc", &[(3, 3, "!")], Some("abc!"));
        check("abc", &[(2, 3, ""), (0, 1, "")], None);
        check("abc", &[(0, 2, ""), (1, 3, "")], None);
        check("abc", &[(1, 4, "")], None);
        check("abc", &[(2, 1, "")], None);
    }
}
