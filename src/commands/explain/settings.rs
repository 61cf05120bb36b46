//! What `--set` takes: the variables that change how a text is cut into tokens, which key a literal means, or to which
//! shard the session is hinted.
//!
//! A mode or a charset that no server knows is a slip, and would explain another session than the one that is meant.
//! Source of the modes: MySQL 9 and MariaDB 11 manuals, "Server SQL Modes" and "SQL_MODE".

use super::ExplainFailure;
use crate::route::{SessionFacts, TextFacts};
use crate::shard_map::{ShardMap, Zone};
use crate::sql::{ClientCharset, Dialect};
use crate::wire::charset;

const MODES: [&str; 36] = [
    "ALLOW_INVALID_DATES",
    "ANSI",
    "ANSI_QUOTES",
    "DB2",
    "EMPTY_STRING_IS_NULL",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "HIGH_NOT_PRECEDENCE",
    "IGNORE_BAD_TABLE_OPTIONS",
    "IGNORE_SPACE",
    "MAXDB",
    "MSSQL",
    "MYSQL323",
    "MYSQL40",
    "NO_AUTO_CREATE_USER",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES",
    "NO_DIR_IN_CREATE",
    "NO_ENGINE_SUBSTITUTION",
    "NO_FIELD_OPTIONS",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ONLY_FULL_GROUP_BY",
    "ORACLE",
    "PAD_CHAR_TO_FULL_LENGTH",
    "PIPES_AS_CONCAT",
    "POSTGRESQL",
    "REAL_AS_FLOAT",
    "SIMULTANEOUS_ASSIGNMENT",
    "STRICT_ALL_TABLES",
    "STRICT_TRANS_TABLES",
    "TIME_ROUND_FRACTIONAL",
    "TIME_TRUNCATE_FRACTIONAL",
    "TRADITIONAL",
];

/// Collation ids of MySQL 9 end below; those of MariaDB above are of the same charsets.
const COLLATION_ID_MAX: u16 = 400;

/// What the client's session is like.
pub(super) struct Settings {
    pub dialect: Dialect,
    pub session: SessionFacts,
    /// `meridian_shard`.
    pub shard: Option<String>,
}

/// One `--set`.
pub(super) fn set(settings: &mut Settings, map: &ShardMap, setting: &str) -> Result<(), ExplainFailure> {
    let Settings { dialect, session, shard } = settings;
    let Some((name, value)) = setting.split_once('=') else {
        return Err(ExplainFailure::NotASetting { text: setting.into() });
    };
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('\''));
    match name.as_str() {
        "sql_mode" => {
            let modes = value.split(',').map(str::trim).filter(|mode| !mode.is_empty());
            for mode in modes {
                if !MODES.iter().any(|known| known.eq_ignore_ascii_case(mode)) {
                    return Err(ExplainFailure::UnknownMode { mode: mode.into() });
                }
            }
            dialect.set_sql_mode(value);
            session.backslash_escapes = Some(!dialect.no_backslash_escapes);
        }
        "character_set_client" | "names" => {
            if !is_charset(value) {
                return Err(ExplainFailure::UnknownCharset { charset: value.into() });
            }
            dialect.charset = ClientCharset::from_name(value);
            session.text = if value.eq_ignore_ascii_case("utf8mb4") { TextFacts::Utf8 } else { TextFacts::Unknown };
        }
        "meridian_shard" => match map.shard_named(value) {
            _ if value.is_empty() => *shard = None,
            Some(_) => *shard = Some(value.into()),
            None => return Err(ExplainFailure::UnknownShard { shard: value.into() }),
        },
        "time_zone" => match Zone::read(value) {
            Some(zone) => session.zone = Some(zone),
            None => return Err(ExplainFailure::NotAnOffset { zone: value.into() }),
        },
        "timestamp" => match value.parse::<u32>() {
            Ok(seconds) => session.now = Some(i128::from(seconds) * 1_000_000),
            Err(_) => return Err(ExplainFailure::NotSeconds { text: value.into() }),
        },
        _ => return Err(ExplainFailure::UnknownVariable { name }),
    }
    Ok(())
}

fn is_charset(name: &str) -> bool {
    let mut known = (0..=COLLATION_ID_MAX).filter_map(charset::names);
    // MariaDB's name of utf8mb3, and of what MySQL calls so.
    name.eq_ignore_ascii_case("utf8") || known.any(|known| known.charset.eq_ignore_ascii_case(name))
}
