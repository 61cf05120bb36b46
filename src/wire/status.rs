//! Server status flags of OK and EOF packets (MySQL source documentation, `SERVER_STATUS_flags_enum`).

pub const IN_TRANS: u16 = 1;
pub const AUTOCOMMIT: u16 = 2;
/// Another reply to the same command follows.
pub const MORE_RESULTS: u16 = 8;
pub const NO_GOOD_INDEX_USED: u16 = 0x10;
pub const NO_INDEX_USED: u16 = 0x20;
/// EXECUTE opened a cursor: no rows follow the columns until COM_STMT_FETCH.
pub const CURSOR_EXISTS: u16 = 0x40;
pub const LAST_ROW_SENT: u16 = 0x80;
pub const DB_DROPPED: u16 = 0x100;
/// Backslash is an ordinary character in string literals: the lexer must know.
pub const NO_BACKSLASH_ESCAPES: u16 = 0x200;
/// A re-prepared statement has other columns now.
pub const METADATA_CHANGED: u16 = 0x400;
pub const QUERY_WAS_SLOW: u16 = 0x800;
pub const PS_OUT_PARAMS: u16 = 0x1000;
pub const IN_TRANS_READONLY: u16 = 0x2000;
/// The OK packet carries session state changes.
pub const SESSION_STATE_CHANGED: u16 = 0x4000;
/// MariaDB: ANSI_QUOTES is in force.
pub const ANSI_QUOTES: u16 = 0x8000;
