//! Statements about the previous statement: LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS(), SHOW WARNINGS.
//!
//! They answer for this session or not at all. The value is asked of the connection that has it, for as long as nobody
//! else used it; who takes the connection over first fetches what it owes (`prelude.rs`), and leaves it in a
//! `Previous`.

use std::sync::Arc;

use crate::backend::{Connection, InsertId, Kept, Lease, Owed, Pool, Previous};
use crate::sql::facts::Flags;
use crate::wire::reply::ServerError;
use crate::wire::status;
use crate::wire::walker::{End, EndKind};

/// Where LAST_INSERT_ID() of the session is.
#[derive(Debug, Clone, Default)]
pub enum LastInsertId {
    #[default]
    Zero,
    Known(u64),
    On(Inserted),
}

/// A connection where the session may have changed LAST_INSERT_ID().
///
/// A reply names an id that was generated and one that the client gave in the same way, but only the former becomes
/// LAST_INSERT_ID(). So the connection's value is made the session's before the session's first statement there that may
/// generate an id; or 0 while the session's is on another connection: if it still says 0 when it is asked, nothing was
/// generated there, and `earlier` holds.
#[derive(Debug, Clone)]
pub struct Inserted {
    pub place: Place,
    /// The connection's value is the session's, be it 0.
    pub sure: bool,
    pub earlier: Box<LastInsertId>,
}

impl LastInsertId {
    /// Without the places whose value is known meanwhile.
    fn compact(self) -> LastInsertId {
        match self {
            LastInsertId::On(mut inserted) => match inserted.place.kept.now() {
                Kept::LastInsertId(value) if inserted.is_own(value) => LastInsertId::Known(value),
                Kept::LastInsertId(_) => inserted.earlier.compact(),
                Kept::There => {
                    inserted.earlier = Box::new(inserted.earlier.compact());
                    LastInsertId::On(inserted)
                }
                _ => {
                    inserted.earlier = Box::default();
                    LastInsertId::On(inserted)
                }
            },
            known => known,
        }
    }
}

impl Inserted {
    /// Whether this value, read from the connection, is one of the session's.
    pub fn is_own(&self, value: u64) -> bool {
        self.sure || value != 0
    }
}

/// Where the warnings of the session's previous statement are.
#[derive(Debug, Clone, Default)]
pub enum Diagnostics {
    /// There were none.
    #[default]
    None,
    /// An error that Meridian gave itself.
    Ours(ServerError),
    On(Place),
    /// The rows of SHOW WARNINGS of all shards of a statement that ran on several.
    Gathered(Arc<[WarningRow]>),
}

/// Level, code and message.
pub type WarningRow = Vec<Option<Vec<u8>>>;

/// A connection that holds something for the session.
#[derive(Debug, Clone)]
pub struct Place {
    pub pool: Arc<Pool>,
    pub connection: u64,
    pub kept: Arc<Previous>,
}

/// The connection of the previous statement and how often it had been used then.
#[derive(Debug, Clone)]
pub struct LastUsed {
    pub pool: Arc<Pool>,
    pub connection: u64,
    pub uses: u64,
    /// FOUND_ROWS() there is the session's: rows were its last, or nothing but the session's own came since.
    pub found_rows: bool,
}

#[derive(Debug, Default)]
pub struct Before {
    pub last_insert_id: LastInsertId,
    pub diagnostics: Diagnostics,
    pub last_used: Option<LastUsed>,
    /// A PING of Meridian's own followed the statement that is about to end, the one that ended last: ROW_COUNT() is the
    /// PING's.
    pub pinged: bool,
    pub row_count_lost: bool,
}

impl Before {
    /// A statement was answered without a server, with OK.
    pub fn answered_ok(&mut self) {
        self.diagnostics = Diagnostics::None;
        self.last_used = None;
    }

    /// A statement was answered with an error of ours.
    pub fn answered_error(&mut self, error: ServerError) {
        self.diagnostics = Diagnostics::Ours(error);
        self.last_used = None;
    }

    /// Whether the session was the last to leave a LAST_INSERT_ID() on this connection, if only perhaps.
    pub fn may_have_last_insert_id(&self, connection: &Connection) -> bool {
        self.inserted_on(connection.id, connection.owed.as_ref().and_then(|owed| owed.last_insert_id.as_ref()))
            .is_some()
    }

    /// Whether this connection holds the session's LAST_INSERT_ID().
    pub fn has_last_insert_id(&self, connection: &Connection) -> bool {
        let kept = connection.owed.as_ref().and_then(|owed| owed.last_insert_id.as_ref());
        self.was_carried_to(connection) || self.inserted_on(connection.id, kept).is_some_and(|inserted| inserted.sure)
    }

    /// The session's LAST_INSERT_ID(), unless it is on a connection.
    fn known_insert_id(&self) -> Option<u64> {
        match self.last_insert_id {
            LastInsertId::Zero => Some(0),
            LastInsertId::Known(value) => Some(value),
            LastInsertId::On(_) => None,
        }
    }

    fn was_carried_to(&self, connection: &Connection) -> bool {
        self.known_insert_id().is_some_and(|value| connection.insert_id == InsertId::Is(value))
    }

    fn inserted_on(&self, connection: u64, kept: Option<&Arc<Previous>>) -> Option<&Inserted> {
        match &self.last_insert_id {
            LastInsertId::On(inserted)
                if inserted.place.connection == connection
                    && kept.is_some_and(|kept| Arc::ptr_eq(kept, &inserted.place.kept)) =>
            {
                Some(inserted)
            }
            _ => None,
        }
    }

    /// What the connection's LAST_INSERT_ID() must be made, so that what a statement generates can be told from what
    /// another session left. `None`: it is that.
    pub fn insert_id_before(&mut self, connection: &Connection) -> Option<u64> {
        if self.may_have_last_insert_id(connection) {
            return None;
        }
        self.last_insert_id = std::mem::take(&mut self.last_insert_id).compact();
        // What came after it elsewhere generated nothing.
        if self.may_have_last_insert_id(connection) {
            return None;
        }
        let value = self.known_insert_id().unwrap_or(0);
        (connection.insert_id != InsertId::Is(value)).then_some(value)
    }

    /// Whether the connection may list warnings that are not the session's.
    pub fn must_clear_warnings(&self, connection: &Connection) -> bool {
        connection.warnings_left && !self.was_here(connection)
    }

    /// Whether the previous statement left no warnings.
    pub fn has_no_diagnostics(&self) -> bool {
        matches!(self.diagnostics, Diagnostics::None)
    }

    /// Whether this connection's previous statement is the session's.
    pub fn was_here(&self, connection: &Connection) -> bool {
        self.last_used.as_ref().is_some_and(|last| last.connection == connection.id && last.uses == connection.uses)
    }

    /// Whether ROW_COUNT() and FOUND_ROWS(), as far as the flags have them, are still the session's on its connection.
    pub fn has_counts(&self, flags: Flags) -> bool {
        let found_rows = self.last_used.as_ref().is_some_and(|last| last.found_rows);
        !(flags.contains(Flags::ROW_COUNT) && self.row_count_lost) && (found_rows || !flags.contains(Flags::FOUND_ROWS))
    }

    /// Notes what a statement left on its connection. `generates`: it may have generated an id. `selects`: it is a SELECT, whose
    /// rows are what FOUND_ROWS() counts; those of SHOW, EXPLAIN, VALUES are not.
    pub fn ended(&mut self, lease: &mut Lease, end: &End, flags: Flags, generates: bool, selects: bool) {
        let counts_rows = matches!(end.kind, EndKind::Rows) && selects && end.status & status::CURSOR_EXISTS == 0;
        let found_rows =
            counts_rows || self.was_here(lease) && self.last_used.as_ref().is_some_and(|last| last.found_rows);
        lease.uses += 1;
        self.row_count_lost = std::mem::take(&mut self.pinged);
        let pool = lease.pool().clone();
        let id = lease.id;
        self.last_used = Some(LastUsed { pool: pool.clone(), connection: id, uses: lease.uses, found_rows });
        if lease.owed.is_none() && flags.is_empty() && leaves_nothing(end, generates) {
            self.diagnostics = Diagnostics::None;
            return;
        }
        let place =
            |kept: &Arc<Previous>, connection: u64| Place { pool: pool.clone(), connection, kept: kept.clone() };
        let unsettled = lease.insert_id == InsertId::Unsettled;
        let carried = self.was_carried_to(lease);
        let leaves_id = flags.contains(Flags::LAST_INSERT_ID_SET) || may_leave_id(end, generates);
        if leaves_id {
            lease.insert_id = InsertId::Unknown;
        }
        let is_error = matches!(end.kind, EndKind::Err { .. });
        lease.warnings_left |= is_error || end.warnings > 0;
        let owed = lease.owed.get_or_insert_default();
        if leaves_id {
            let goes_on = self.inserted_on(id, owed.last_insert_id.as_ref()).is_some();
            let kept = Arc::new(Previous::default());
            let mut inserted = match std::mem::take(&mut self.last_insert_id) {
                LastInsertId::On(inserted) if goes_on => Inserted { place: place(&kept, id), ..inserted },
                earlier => Inserted { place: place(&kept, id), sure: false, earlier: Box::new(earlier.compact()) },
            };
            inserted.sure |= carried || flags.contains(Flags::LAST_INSERT_ID_SET);
            if unsettled && !inserted.sure {
                kept.settle(Kept::Lost);
            }
            self.last_insert_id = LastInsertId::On(inserted);
            owed.last_insert_id = (kept.now() == Kept::There).then_some(kept);
        }
        if is_error || end.warnings > 0 {
            let kept = Arc::new(Previous::default());
            self.diagnostics = Diagnostics::On(place(&kept, id));
            owed.warnings = Some(kept);
        } else if !flags.contains(Flags::DIAGNOSTICS) {
            self.diagnostics = Diagnostics::None;
            owed.warnings = None;
        }
        if owed.is_settled() {
            lease.owed = None;
        }
    }

    /// Whether what a connection owes is owed to this session, so that nothing need be fetched.
    pub fn is_owed(&self, owed: &Owed) -> bool {
        let ours = |kept: &Option<Arc<Previous>>, place: Option<&Place>| match kept {
            None => true,
            Some(kept) => place.is_some_and(|place| Arc::ptr_eq(kept, &place.kept)),
        };
        let id = match &self.last_insert_id {
            LastInsertId::On(inserted) => Some(&inserted.place),
            _ => None,
        };
        let warnings = match &self.diagnostics {
            Diagnostics::On(place) => Some(place),
            _ => None,
        };
        ours(&owed.last_insert_id, id) && ours(&owed.warnings, warnings)
    }
}

/// A reply that leaves nothing on its connection that the session may ask about.
pub fn leaves_nothing(end: &End, generates: bool) -> bool {
    !may_leave_id(end, generates) && end.warnings == 0 && !matches!(end.kind, EndKind::Err { .. })
}

/// Only an OK says whether an id was generated: an error or the rows of INSERT .. RETURNING do not.
fn may_leave_id(end: &End, generates: bool) -> bool {
    end.last_insert_id != 0 || generates && !matches!(end.kind, EndKind::Ok)
}
