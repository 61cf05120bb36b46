//! `reads`: which member of a group answers what only reads.

use super::document::Fields;
use super::problem::Faults;

/// The words of `reads`, in the order of the variants below.
pub(super) const READS: &[&str] = &["primary", "replica", "nearest"];

/// Which member answers reads, the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Reads {
    #[default]
    Primary,
    /// A replica that is not too late; without one, the primary.
    Replica,
    /// The nearest member that is not too late, the primary included.
    Nearest,
}

impl Reads {
    pub const ALL: [Reads; 3] = [Reads::Primary, Reads::Replica, Reads::Nearest];

    pub fn word(self) -> &'static str {
        READS[self as usize]
    }
}

/// Reads `reads`; `None` where it is not written, or a fault was added.
pub(super) fn read(fields: &Fields<'_>, faults: &mut Faults) -> Option<Reads> {
    let index = fields.get("reads")?.choice(READS, faults)?;
    Some(Reads::ALL[index])
}
