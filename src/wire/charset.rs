//! Collation ids: their names, and which id to present to a backend.
//!
//! The table is `mysql_common`'s, which is MySQL 8's. The login request has one byte for the id, so
//! ids above 255 are set by `SET NAMES ... COLLATE ...` behind it.

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

/// The names behind a collation id; `None` for an id that MySQL doesn't know.
pub fn names(id: u16) -> Option<Names> {
    let found = CollationId::from(id);
    if found == CollationId::UNKNOWN_COLLATION_ID {
        return None;
    }
    let Collation { charset, collation, .. } = Collation::resolve(found);
    Some(Names { charset, collation })
}

/// Whether a client may speak in this character set: servers refuse those in which ASCII takes more
/// than one byte (MySQL manual, "Impermissible Client Character Sets").
pub fn usable_by_clients(id: u16) -> bool {
    !matches!(names(id), Some(Names { charset: "ucs2" | "utf16" | "utf16le" | "utf32", .. }))
}

/// The id to put into the login request towards a backend for a client that chose `id`.
///
/// MariaDB has no 0900 collations, so a MySQL 9 client's 255 becomes utf8mb4_general_ci there: the
/// character set, which decides what bytes mean, stays. So does what the login request's one byte
/// can't hold. Ids that the backend doesn't know, or refuses for clients, become utf8mb4_general_ci
/// too, as the servers themselves answer an unknown id with their default.
pub fn for_backend(id: u16, family_is_mariadb: bool) -> u8 {
    if !usable_by_clients(id) {
        return UTF8MB4_GENERAL_CI;
    }
    match (names(id), u8::try_from(id)) {
        (Some(Names { collation, .. }), Ok(byte)) if !family_is_mariadb || !mysql_only(collation) => byte,
        (Some(Names { charset: "utf8mb4", .. }), Err(_)) if !family_is_mariadb => UTF8MB4_0900_AI_CI,
        _ => UTF8MB4_GENERAL_CI,
    }
}

/// Collations up to id 255 that MariaDB 10.6 to 11 lacks (its information_schema.COLLATIONS against
/// MySQL's).
fn mysql_only(collation: &str) -> bool {
    collation.contains("_0900_")
        || collation.starts_with("gb18030")
        || matches!(collation, "utf8_tolower_ci" | "utf8mb3_tolower_ci")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_given_an_id_that_it_knows() {
        // (client's id, on MySQL, on MariaDB)
        let table = [
            (8, 8, 8),
            (33, 33, 33),
            (45, 45, 45),
            (63, 63, 63),
            (224, 224, 224),
            (255, 255, 45),
            (309, 255, 45),
            (248, 248, 45),
            (28, 28, 28),
            (35, 45, 45),
            (0, 45, 45),
            (2304, 45, 45),
        ];
        for (id, mysql, mariadb) in table {
            assert_eq!((for_backend(id, false), for_backend(id, true)), (mysql, mariadb), "{id}");
        }
    }

    #[test]
    fn names_come_from_the_table() {
        let found = names(255).expect("255 is utf8mb4_0900_ai_ci");
        assert_eq!((found.charset, found.collation), ("utf8mb4", "utf8mb4_0900_ai_ci"));
        assert_eq!(names(9999), None);
        assert_eq!(names(0), None);
    }
}
