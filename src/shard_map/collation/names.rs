//! The collations whose equality is known, by the names that servers give them.

use super::{Charset, Order, Stored};
use crate::shard_map::Family;

/// A collation, by what decides about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collation {
    pub name: &'static str,
    /// Whose servers have it; `None`: those of both families.
    pub family: Option<Family>,
    pub charset: Charset,
    pub order: Order,
    /// Trailing blanks do not count in a comparison; or they do, and are given up with what else is coarser.
    pub padded: bool,
}

const M: Option<Family> = Some(Family::MariaDb);
const Y: Option<Family> = Some(Family::MySql);

const fn bytes(name: &'static str, family: Option<Family>, charset: Charset, padded: bool) -> Collation {
    Collation { name, family, charset, order: Order::Bytes, padded }
}

const fn weights(name: &'static str, family: Option<Family>, charset: Charset, stored: Stored) -> Collation {
    Collation { name, family, charset, order: Order::Weights(stored), padded: true }
}

/// The collations that keys can have. What differs in accents or case only is one key as well, so that `as_cs` has the
/// keys of `ai_ci`.
pub const COLLATIONS: &[Collation] = {
    use Charset::{Ascii, Latin1, Utf8mb3, Utf8mb4};
    use Stored::{General, Latin1General, Latin1Swedish, Unicode400, Unicode520, Unicode900, Unicode1400};
    &[
        bytes("utf8mb4_bin", None, Utf8mb4, true),
        bytes("utf8mb4_0900_bin", Y, Utf8mb4, false),
        bytes("utf8mb4_nopad_bin", M, Utf8mb4, false),
        bytes("utf8mb3_bin", None, Utf8mb3, true),
        bytes("utf8_bin", None, Utf8mb3, true),
        bytes("utf8mb3_nopad_bin", M, Utf8mb3, false),
        bytes("ascii_bin", None, Ascii, true),
        bytes("ascii_nopad_bin", M, Ascii, false),
        bytes("latin1_bin", None, Latin1, true),
        bytes("latin1_nopad_bin", M, Latin1, false),
        weights("utf8mb4_general_ci", None, Utf8mb4, General),
        weights("utf8mb4_unicode_ci", None, Utf8mb4, Unicode400),
        weights("utf8mb4_unicode_520_ci", None, Utf8mb4, Unicode520),
        weights("utf8mb4_general_nopad_ci", M, Utf8mb4, General),
        weights("utf8mb4_unicode_nopad_ci", M, Utf8mb4, Unicode400),
        weights("utf8mb4_unicode_520_nopad_ci", M, Utf8mb4, Unicode520),
        weights("utf8mb4_0900_ai_ci", Y, Utf8mb4, Unicode900),
        weights("utf8mb4_0900_as_ci", Y, Utf8mb4, Unicode900),
        weights("utf8mb4_0900_as_cs", Y, Utf8mb4, Unicode900),
        weights("utf8mb4_uca1400_ai_ci", M, Utf8mb4, Unicode1400),
        weights("utf8mb4_uca1400_ai_cs", M, Utf8mb4, Unicode1400),
        weights("utf8mb4_uca1400_as_ci", M, Utf8mb4, Unicode1400),
        weights("utf8mb4_uca1400_as_cs", M, Utf8mb4, Unicode1400),
        weights("utf8mb4_uca1400_nopad_ai_ci", M, Utf8mb4, Unicode1400),
        weights("utf8mb4_uca1400_nopad_as_cs", M, Utf8mb4, Unicode1400),
        weights("utf8mb3_general_ci", None, Utf8mb3, General),
        weights("utf8mb3_unicode_ci", None, Utf8mb3, Unicode400),
        weights("utf8mb3_unicode_520_ci", None, Utf8mb3, Unicode520),
        weights("utf8_general_ci", None, Utf8mb3, General),
        weights("utf8_unicode_ci", None, Utf8mb3, Unicode400),
        weights("utf8_unicode_520_ci", None, Utf8mb3, Unicode520),
        weights("latin1_swedish_ci", None, Latin1, Latin1Swedish),
        weights("latin1_general_ci", None, Latin1, Latin1General),
        weights("ascii_general_ci", None, Ascii, General),
    ]
};

impl Collation {
    pub fn named(name: &str) -> Option<Collation> {
        COLLATIONS.iter().find(|known| known.name == name).copied()
    }
}
