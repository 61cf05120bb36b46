//! Capability flags that client and server exchange in the greeting and the login request.
//!
//! Names and values: MySQL source documentation, "Capabilities Flags". Only the flags that this
//! product looks at are listed; what is not listed is never offered.

pub const LONG_PASSWORD: u32 = 1;
/// OK counts matched rows of an UPDATE, not changed ones.
pub const FOUND_ROWS: u32 = 2;
pub const LONG_FLAG: u32 = 4;
pub const CONNECT_WITH_DB: u32 = 8;
pub const COMPRESS: u32 = 0x20;
/// The client can serve LOAD DATA LOCAL INFILE.
pub const LOCAL_FILES: u32 = 0x80;
/// Spaces are allowed between a function's name and its parenthesis.
pub const IGNORE_SPACE: u32 = 0x100;
pub const PROTOCOL_41: u32 = 0x200;
pub const INTERACTIVE: u32 = 0x400;
pub const SSL: u32 = 0x800;
pub const TRANSACTIONS: u32 = 0x2000;
pub const SECURE_CONNECTION: u32 = 0x8000;
pub const MULTI_STATEMENTS: u32 = 1 << 16;
pub const MULTI_RESULTS: u32 = 1 << 17;
pub const PS_MULTI_RESULTS: u32 = 1 << 18;
pub const PLUGIN_AUTH: u32 = 1 << 19;
pub const CONNECT_ATTRS: u32 = 1 << 20;
/// The login response has a lenenc length instead of one byte.
pub const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
pub const CAN_HANDLE_EXPIRED_PASSWORDS: u32 = 1 << 22;
/// OK packets carry session state changes, and their text is a lenenc string.
pub const SESSION_TRACK: u32 = 1 << 23;
/// Result sets end by an OK packet with header 0xFE, and no EOF follows the columns.
pub const DEPRECATE_EOF: u32 = 1 << 24;
pub const OPTIONAL_RESULTSET_METADATA: u32 = 1 << 25;
pub const ZSTD_COMPRESSION: u32 = 1 << 26;
/// COM_QUERY and COM_STMT_EXECUTE carry a prefix of attributes.
pub const QUERY_ATTRIBUTES: u32 = 1 << 27;

/// What we offer to clients. Not here on purpose: COMPRESS and OPTIONAL_RESULTSET_METADATA, which
/// change the grammar of replies; SSL is added by the front end when TLS is configured.
pub const OFFERED: u32 = LONG_PASSWORD
    | FOUND_ROWS
    | LONG_FLAG
    | CONNECT_WITH_DB
    | LOCAL_FILES
    | IGNORE_SPACE
    | PROTOCOL_41
    | INTERACTIVE
    | TRANSACTIONS
    | SECURE_CONNECTION
    | MULTI_STATEMENTS
    | MULTI_RESULTS
    | PS_MULTI_RESULTS
    | PLUGIN_AUTH
    | CONNECT_ATTRS
    | PLUGIN_AUTH_LENENC
    | SESSION_TRACK
    | DEPRECATE_EOF
    | QUERY_ATTRIBUTES;

/// What must be equal on the client's connection and on the backend connection that serves it,
/// because the bytes of replies, or the meaning of statements, depend on it.
pub const KEYED: u32 = DEPRECATE_EOF | FOUND_ROWS | IGNORE_SPACE | LOCAL_FILES | PS_MULTI_RESULTS;
