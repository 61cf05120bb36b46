//! What `accept` may say, and which changes of a map it lets through.

use super::super::{ShardMap, diff};
use super::faults::check;

const SHOP: &str = include_str!("../../../tests/goldens/map.yaml");

fn load(yaml: &str) -> ShardMap {
    ShardMap::load(yaml).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The map of the goldens with its bound moved, and with these lines of `accept`.
fn moved(accept: &[String]) -> ShardMap {
    let moved = SHOP.replacen("- {from: 1000000, on: s1}", "- {from: 500000, on: s1}", 1);
    let head = if accept.is_empty() { "" } else { "accept:\n" };
    load(&format!("{head}{}{moved}", accept.concat()))
}

fn entry(base: impl ToString, keys: &str) -> String {
    let base = base.to_string();
    format!("  - {{table: shop.customers, keys: \"{keys}\", from: s0, to: s1, base: {base}}}\n")
}

#[test]
fn faults_of_entries_are_named() {
    let hash = "0123456789abcdef".repeat(4);
    let head = "version: 1\nregions: [eu]\ngroups: {g: {members: [{at: 'g:1', region: eu}]}}\nshards: {s: {group: g}}\n\
                databases: {}\naccept:\n";
    check(&format!("{head}  - {{table: a.b, keys: '[1, 2)', from: s, to: t, base: {hash}}}\n"), &[]);
    let entry = format!("  - {{table: a.b, keys: '[1, 2)', from: s, to: t, base: {hash}}}\n");
    check(&format!("{head}{entry}{entry}"), &["8:5: the change is accepted already; remove one of the two"]);
    check(
        &format!("{head}  - {{table: a.b, key: 5, from: [s], base: {}}}\n  - all\n", &hash[1..]),
        &[
            "7:5: an accepted change lacks `keys`; add `keys:`",
            "7:5: an accepted change lacks `to`; add `to:`",
            "7:18: unknown field `key`; did you mean `keys`?",
            "7:32: expected a shard's name, found a list; write a shard's name here",
            &format!(
                "7:43: `{}` is not the hash of a map's ownership; copy it as `meridian diff` prints it",
                &hash[1..]
            ),
            "8:5: expected a mapping, found text; write a mapping here",
        ],
    );
}

#[test]
fn a_change_follows_if_each_of_its_moves_is_accepted() {
    let old = load(SHOP);
    let base = old.ownership();
    let sound = entry(base, "[500000, 1000000)");
    let follows = |new: &ShardMap| diff(&old, new).follows().map_err(|unfit| unfit.to_string());
    assert_eq!(follows(&moved(std::slice::from_ref(&sound))), Ok(()));
    let refused = format!(
        "shop.customers with keys [500000, 1000000) would move from shard s0 to shard s1: move the rows, and have the map \
         `accept` what `meridian diff` prints (base {base})"
    );
    let other = moved(&[]).ownership();
    for entries in [
        vec![],
        vec![entry(other, "[500000, 1000000)")],
        vec![entry(base, "[400000, 1000000)")],
        vec![sound.replace("shop.customers", "shop.events")],
        vec![sound.replace("from: s0", "from: s1")],
        vec![sound.replace("to: s1", "to: s0")],
    ] {
        assert_eq!(follows(&moved(&entries)), Err(refused.clone()), "{entries:?}");
    }
    // Entries of other bases stay without effect; one of this base that is no change is shown.
    let new = moved(&[sound, entry(other, "[1, 2)"), entry(base, "[1, 2)")]);
    assert_eq!(follows(&new), Ok(()));
    assert_eq!(diff(&old, &new).unneeded.len(), 1);
    // What is accepted is no part of who owns the rows.
    assert_eq!(new.ownership(), other);
}

#[test]
fn an_accepted_change_needs_a_higher_generation_as_any_does() {
    let numbered = |yaml: &str, generation: u32| load(&format!("generation: {generation}\n{yaml}"));
    let old = numbered(SHOP, 5);
    for (generation, fits) in [(4, false), (5, false), (6, true)] {
        assert_eq!(diff(&old, &numbered(SHOP, generation)).follows().is_ok(), fits, "{generation}");
    }
    let unfit = diff(&old, &load(SHOP)).follows().expect_err("it has no generation").to_string();
    assert_eq!(unfit, "a map that follows generation 5 needs a `generation` above it");
}
