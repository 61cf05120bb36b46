//! Walks over the replies of a backend.

use super::Malformed;

/// What command the reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// COM_QUERY, COM_STMT_EXECUTE, COM_SET_OPTION.
    Command,
    /// COM_STMT_PREPARE.
    Prepare,
    /// COM_FIELD_LIST.
    FieldList,
    /// COM_STMT_FETCH.
    Fetch,
    /// One packet: OK, ERR, EOF or the string of COM_STATISTICS.
    OnePacket,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndKind {
    Ok,
    Rows,
    Err { code: u16 },
}

/// The first packet of a PREPARE reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// The backend's id, also if ours was written over it.
    pub id: u32,
    pub columns: u16,
    pub params: u16,
}

/// The end of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub kind: EndKind,
    /// Whether the reply told a status. ERR, the string of STATISTICS and PREPARE under
    /// DEPRECATE_EOF don't; `status` is 0 then and says nothing.
    pub has_status: bool,
    pub status: u16,
    pub warnings: u16,
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub rows: u64,
    /// Bytes of the terminating packet with its header: `bytes[forward - packet..forward]`.
    pub packet: usize,
    /// Whether the backend itself sends another reply to the same command.
    pub more: bool,
    pub prepared: Option<Prepared>,
}

/// What the caller has to know at a certain byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    End(End),
    /// The backend asks for a file; then [`ReplyWalker::resume_after_infile`].
    LocalInfile,
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// Prefix of the bytes that may go to the client now.
    pub forward: usize,
    /// Something happened exactly at `forward`.
    pub event: Option<Event>,
    /// Bytes that the buffer must be able to hold from `forward` on for progress.
    pub want: usize,
}

/// The walker.
#[derive(Debug, Clone)]
pub struct ReplyWalker {}

impl ReplyWalker {
    pub fn new(_expect: Expect, _deprecate_eof: bool) -> Self {
        Self {}
    }
    pub fn walk(&mut self, _bytes: &mut [u8]) -> Result<Walked, Malformed> {
        Err(Malformed::new("reply"))
    }
    pub fn resume_after_infile(&mut self) {}
    pub fn set_sequence_shift(&mut self, _shift: u8) {}
    pub fn last_sequence(&self) -> u8 {
        0
    }
    pub fn force_more(&mut self, _on: bool) {}
    pub fn between_packets(&self) -> bool {
        true
    }
    pub fn nothing_forwarded(&self) -> bool {
        true
    }
    pub fn patch_statement_id(&mut self, _id: u32) {}
}
