//! Forms of keys, and the stored tables themselves.

use aws_lc_rs::digest::{SHA256, digest};

use super::*;

fn named(name: &str) -> Collation {
    Collation::named(name).unwrap_or_else(|| panic!("{name}"))
}

#[track_caller]
fn form(collation: Collation, text: &str) -> Vec<u8> {
    match collation.key_form(text.as_bytes()) {
        Ok(form) => form.into_owned(),
        Err(e) => panic!("{}: {e:?}: {text:?}", collation.name),
    }
}

/// Printable ASCII has one space in all collations, whichever way its form is found.
#[test]
fn ascii_is_its_own_form_in_lower_case() {
    let all: String = (' '..='~').collect();
    for collation in COLLATIONS.iter().copied() {
        let text = format!("{all}  ");
        let expected = match collation.order {
            Order::Bytes if collation.padded => all.clone(),
            Order::Bytes => text.clone(),
            Order::Weights(_) => all.to_lowercase(),
        };
        assert_eq!(form(collation, &text), expected.as_bytes(), "{}", collation.name);
        let slow = collation.slow_form(trimmed(text.as_bytes())).expect("ASCII has a form");
        assert_eq!(trimmed(&slow), trimmed(expected.as_bytes()), "{}", collation.name);
    }
}

#[test]
fn equal_texts_have_one_form() {
    let check = |name: &str, equal: &[&str]| {
        let forms: Vec<Vec<u8>> = equal.iter().map(|text| form(named(name), text)).collect();
        assert!(forms.windows(2).all(|pair| pair[0] == pair[1]), "{name} {equal:?}: {forms:?}");
    };
    let differ =
        |name: &str, a: &str, b: &str| assert_ne!(form(named(name), a), form(named(name), b), "{name} {a} {b}");
    check("utf8mb4_general_ci", &["E", "e", "\u{e9}", "\u{c9} "]);
    check("utf8mb4_general_ci", &["s", "\u{df}"]);
    check("utf8mb4_general_ci", &["\u{1f600}", "\u{10ffff}", "\u{fffd}"]);
    differ("utf8mb4_general_ci", "a", "a\u{1}");
    for name in ["utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb4_0900_ai_ci", "utf8mb4_uca1400_ai_ci"] {
        check(name, &["oe", "OE", "\u{153}", "\u{152}"]);
        check(name, &["ss", "\u{df}"]);
        check(name, &["a", "\u{1}a", "a\u{301}", "a \u{7f}"]);
        check(name, &["1", "\u{2460}", "\u{ff11}"]);
        check(name, &["", "\u{1}", "  "]);
    }
    differ("utf8mb4_unicode_520_ci", "\u{1f600}", "\u{1f601}");
    check("utf8mb4_unicode_ci", &["\u{1f600}", "\u{1f601}"]);
    // A contraction, and its characters apart.
    check("utf8mb4_uca1400_ai_ci", &["\u{e40}\u{e01}", "\u{e40}\u{1}\u{e01}"]);
    check("utf8mb4_uca1400_ai_ci", &["\u{438}\u{306}", "\u{439}"]);
    differ("utf8mb4_0900_ai_ci", "\u{438}\u{306}", "\u{439}");
    check("latin1_swedish_ci", &["y", "Y", "\u{fc}", "\u{dd}"]);
    check("latin1_swedish_ci", &["]", "\u{d6}"]);
    differ("latin1_bin", "\u{e9}", "e");
    assert_eq!(form(named("latin1_bin"), "a\u{20ac}\u{e9} "), b"a\x80\xe9");
    check("utf8mb4_bin", &["\u{e9}", "\u{e9} "]);
    differ("utf8mb4_0900_bin", "\u{e9}", "\u{e9} ");
}

#[test]
fn latin1_is_read_and_written_byte_by_byte() {
    let all: Vec<u8> = (0..=255).collect();
    let text = Charset::Latin1.to_utf8(&all);
    assert_eq!(named("latin1_bin").key_form(&text).as_deref(), Ok(&all[..]));
}

#[test]
fn what_is_no_text_of_the_column_has_no_form() {
    let check = |name: &str, text: &[u8], expected: NoForm| assert_eq!(named(name).key_form(text), Err(expected));
    check("utf8mb4_general_ci", b"\xff", NoForm::Malformed);
    check("utf8mb4_bin", b"\xed\xa0\x80", NoForm::Malformed);
    check("utf8mb3_bin", "\u{1f600}".as_bytes(), NoForm::OutOfCharset);
    check("utf8mb3_general_ci", "\u{1f600}".as_bytes(), NoForm::OutOfCharset);
    check("latin1_swedish_ci", "\u{100}".as_bytes(), NoForm::OutOfCharset);
    check("ascii_general_ci", "\u{e9}".as_bytes(), NoForm::OutOfCharset);
    check("utf8mb4_unicode_ci", "\u{e9}".repeat(TEXT_BYTES_MAX).as_bytes(), NoForm::TooLong);
}

/// However a server cuts a text into contractions, its form is that of the characters.
#[test]
fn contractions_have_the_form_of_their_characters() {
    for stored in Stored::ALL {
        let weights = stored.weights();
        for contraction in &weights.contractions {
            let (mut apart, mut whole) = (Vec::new(), Vec::new());
            contraction.text.chars().for_each(|c| weights.append(c, &mut apart));
            contraction.weights.iter().for_each(|unit| weights.append_unit(*unit, &mut whole));
            assert_eq!(whole, apart, "{} {:?}", stored.name(), contraction.text);
        }
    }
    assert!(Stored::Unicode1400.weights().contractions.len() > 900);
    assert!(Stored::Unicode520.weights().contractions.is_empty());
}

/// A stored table changes on purpose only: rows may live by it.
#[test]
fn tables_are_those_that_rows_live_by() {
    let found: Vec<String> = Stored::ALL
        .into_iter()
        .map(|stored| {
            let weights = stored.weights();
            let chars = ('\0'..'\u{30000}').filter(|c| stored.charset().holds(*c));
            let mut forms = Vec::new();
            for c in chars {
                weights.append(c, &mut forms);
                forms.push(0);
            }
            let digest = digest(&SHA256, &forms);
            let hex: String = digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {hex}", stored.name())
        })
        .collect();
    assert_eq!(found, DIGESTS);
}

const DIGESTS: [&str; 7] = [
    "utf8mb4_general_ci 419cdbf9397b6946",
    "utf8mb4_unicode_ci c0f40755c07751c1",
    "utf8mb4_unicode_520_ci 7ac120e318c3946e",
    "utf8mb4_0900_ai_ci d321031fbbbaa3d4",
    "utf8mb4_uca1400_ai_ci ee706c8f8edac898",
    "latin1_swedish_ci 3af79d3590820d48",
    "latin1_general_ci 04e11b9b7e7e8129",
];

#[test]
fn probes_expect_the_digests_of_the_tables() {
    for stored in Stored::ALL {
        assert_eq!(stored.probe().expected, stored.digest(), "{}", stored.name());
    }
}

#[test]
fn probes_fit_a_packet() {
    for stored in Stored::ALL {
        let probe = stored.probe();
        assert!(probe.sql.len() < 64 * 1024, "{}", probe.sql.len());
        assert!(probe.sql.is_ascii());
    }
}
