//! Commands: the first byte of a client's payload and what follows it.
//!
//! Text, names and attributes stay bytes: they are in the client's character set, and invalid
//! UTF-8 is the server's business. Nothing is copied.

use super::Malformed;
use super::handshake::ChangeUser;
use super::lenenc::Reader;

/// Command bytes (MySQL source documentation, `enum_server_command`).
pub mod code {
    pub const SLEEP: u8 = 0;
    pub const QUIT: u8 = 1;
    pub const INIT_DB: u8 = 2;
    pub const QUERY: u8 = 3;
    pub const FIELD_LIST: u8 = 4;
    pub const STATISTICS: u8 = 9;
    pub const PROCESS_KILL: u8 = 12;
    pub const PING: u8 = 14;
    pub const CHANGE_USER: u8 = 17;
    pub const STMT_PREPARE: u8 = 22;
    pub const STMT_EXECUTE: u8 = 23;
    pub const STMT_SEND_LONG_DATA: u8 = 24;
    pub const STMT_CLOSE: u8 = 25;
    pub const STMT_RESET: u8 = 26;
    pub const SET_OPTION: u8 = 27;
    pub const STMT_FETCH: u8 = 28;
    pub const RESET_CONNECTION: u8 = 31;
}

/// Argument of SET_OPTION that switches multi-statements on.
pub const OPTION_MULTI_STATEMENTS_ON: u16 = 0;
/// Argument of SET_OPTION that switches multi-statements off.
pub const OPTION_MULTI_STATEMENTS_OFF: u16 = 1;

/// One command of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    Quit,
    InitDb(&'a [u8]),
    Query(&'a [u8]),
    FieldList {
        table: &'a [u8],
        wildcard: &'a [u8],
    },
    Statistics,
    ProcessKill(u32),
    Ping,
    ChangeUser(ChangeUser<'a>),
    ResetConnection,
    SetOption(u16),
    Prepare(&'a [u8]),
    /// The whole payload, command byte included: for [`super::execute::Execute::parse`].
    Execute(&'a [u8]),
    /// No reply follows, not even for an error.
    SendLongData {
        statement: u32,
        param: u16,
        data: &'a [u8],
    },
    StmtReset(u32),
    /// No reply follows.
    StmtClose(u32),
    StmtFetch {
        statement: u32,
        rows: u32,
    },
    /// A command that this product doesn't serve.
    Other(u8),
}

/// Parses a payload without attributes; `capabilities` are those agreed on with this client.
pub fn parse(payload: &[u8], capabilities: u32) -> Result<Command<'_>, Malformed> {
    let mut reader = Reader::new(payload);
    let code = reader.u8().map_err(|_| Malformed::new("empty command"))?;
    let command = match code {
        code::QUIT => Command::Quit,
        code::INIT_DB => Command::InitDb(reader.rest()),
        code::QUERY => Command::Query(reader.rest()),
        code::FIELD_LIST => {
            let table = reader.nul_or_rest();
            let wildcard = reader.rest();
            Command::FieldList { table, wildcard: wildcard.strip_suffix(&[0]).unwrap_or(wildcard) }
        }
        code::STATISTICS => Command::Statistics,
        code::PROCESS_KILL => Command::ProcessKill(reader.u32()?),
        code::PING => Command::Ping,
        code::CHANGE_USER => Command::ChangeUser(ChangeUser::parse(payload, capabilities)?),
        code::RESET_CONNECTION => Command::ResetConnection,
        code::SET_OPTION => Command::SetOption(reader.u16()?),
        code::STMT_PREPARE => Command::Prepare(reader.rest()),
        code::STMT_EXECUTE => {
            reader.bytes(9)?;
            Command::Execute(payload)
        }
        code::STMT_SEND_LONG_DATA => {
            Command::SendLongData { statement: reader.u32()?, param: reader.u16()?, data: reader.rest() }
        }
        code::STMT_RESET => Command::StmtReset(reader.u32()?),
        code::STMT_CLOSE => Command::StmtClose(reader.u32()?),
        code::STMT_FETCH => Command::StmtFetch { statement: reader.u32()?, rows: reader.u32()? },
        other => Command::Other(other),
    };
    Ok(command)
}
