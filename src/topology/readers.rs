//! Which members of a group serve reads, and which of these are the nearest.
//!
//! A replica serves reads if it is up, not late, and receives its changes from the member that shows every acknowledged
//! write, or from a replica that does: one that was left with a former primary is never late by its own figure.

use super::member::Member;
use super::shown::Shown;

/// Members as indexes; those in one list are equally near.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readers {
    /// Of all that serve reads.
    pub nearest: Vec<usize>,
    /// Of the replicas among them.
    pub replicas: Vec<usize>,
    /// All that serve reads, ascending.
    pub all: Vec<usize>,
}

/// `shows_all` is the member that shows every acknowledged write, if there is one.
pub fn readers(members: &[Member], shows_all: Option<usize>, shown: &Shown) -> Readers {
    let Some(first) = shows_all else {
        return Readers::default();
    };
    let mut all = vec![first];
    let mut servers: Vec<u32> = members[first].answers().map(|answer| answer.server_id).into_iter().collect();
    // Where positions are known, each has to have shown one.
    let by_position = shown.latest() > 0 || members[first].answers().is_some_and(|answer| answer.position.is_some());
    loop {
        let joins = |(index, member): &(usize, &Member)| {
            !all.contains(index) && member.is_fresh(shown, by_position) && member.follows(&servers)
        };
        let Some((index, member)) = members.iter().enumerate().find(joins) else {
            break;
        };
        servers.extend(member.answers().map(|answer| answer.server_id));
        all.push(index);
    }
    let replicas: Vec<usize> = all[1..].to_vec();
    all.sort_unstable();
    Readers { nearest: nearest(members, &all), replicas: nearest(members, &replicas), all }
}

fn nearest(members: &[Member], of: &[usize]) -> Vec<usize> {
    let least = of.iter().map(|index| members[*index].distance()).min();
    let mut nearest: Vec<usize> =
        of.iter().copied().filter(|index| Some(members[*index].distance()) == least).collect();
    nearest.sort_unstable();
    nearest
}
