//! Groups that a session has written: its reads of them stay with the primary until all members that serve reads show what it
//! wrote.

use std::sync::Arc;

use crate::backend::GroupState;

#[derive(Debug, Default)]
pub struct Written {
    groups: Vec<OfGroup>,
}

/// By the group itself: another map may give its id to another.
#[derive(Debug)]
struct OfGroup {
    group: Arc<GroupState>,
    /// Taken at the first read behind the last write: that is acknowledged by then.
    mark: Option<u64>,
}

impl Written {
    /// The session writes the group, or may.
    pub fn note(&mut self, group: &Arc<GroupState>) {
        match self.groups.iter_mut().find(|written| Arc::ptr_eq(&written.group, group)) {
            Some(written) => written.mark = None,
            None => self.groups.push(OfGroup { group: group.clone(), mark: None }),
        }
    }

    /// Whether every member that serves reads of the group shows what the session wrote; asked when it does not write.
    /// `is_current`: the session knows these members.
    pub fn is_shown(&mut self, group: &Arc<GroupState>, is_current: impl FnOnce() -> bool) -> bool {
        let Some(at) = self.groups.iter().position(|written| Arc::ptr_eq(&written.group, group)) else {
            return true;
        };
        let written = &mut self.groups[at];
        match written.mark {
            None => {
                written.mark = Some(group.mark());
                false
            }
            Some(mark) if group.is_shown(mark) && is_current() => {
                self.groups.swap_remove(at);
                true
            }
            Some(_) => false,
        }
    }
}
