//! What the walker is asked and what it answers.
//!
//! Plain values, copied; offsets are into the bytes of the call that answered.

/// What command the reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// COM_QUERY and COM_STMT_EXECUTE: any reply, perhaps several.
    Command,
    /// COM_STMT_PREPARE.
    Prepare,
    /// COM_FIELD_LIST: column definitions without their number.
    FieldList,
    /// COM_STMT_FETCH: rows without columns.
    Fetch,
    /// One packet: OK, ERR, EOF or the string of COM_STATISTICS.
    OnePacket,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndKind {
    /// No rows: OK, the EOF of SET_OPTION, the string of STATISTICS, the end of a PREPARE.
    Ok,
    /// The end of a result set, or its columns' if a cursor was opened.
    Rows,
    /// An ERR packet; it also ends all further results of the command.
    Err {
        /// MySQL's error number.
        code: u16,
    },
}

/// The first packet of a reply to PREPARE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// The backend's id, also if ours was written over it.
    pub id: u32,
    /// Columns of the result, 0 if there is none.
    pub columns: u16,
    /// Placeholders in the text.
    pub params: u16,
}

/// The end of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// How it ended.
    pub kind: EndKind,
    /// Whether the reply told a status. ERR, the string of STATISTICS and (under DEPRECATE_EOF)
    /// PREPARE don't; `status` is 0 then and says nothing.
    pub has_status: bool,
    /// The backend's status flags, as they were before [`super::ReplyWalker::force_more`].
    pub status: u16,
    /// Number of warnings.
    pub warnings: u16,
    /// Of an OK.
    pub affected_rows: u64,
    /// Of an OK.
    pub last_insert_id: u64,
    /// Rows of this result; of FIELD_LIST its columns.
    pub rows: u64,
    /// Bytes of the ending packet with its header: `bytes[forward - packet..forward]`.
    pub packet: usize,
    /// Whether the backend itself sends another reply to the same command.
    pub more: bool,
    /// Of a PREPARE that succeeded.
    pub prepared: Option<Prepared>,
}

/// What the caller has to know at a certain byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A reply ended.
    End(End),
    /// The backend asks for a file: relay the client's packets up to the empty one, then call
    /// [`super::ReplyWalker::resume_after_infile`].
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
