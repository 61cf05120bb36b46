//! What SHOW MERIDIAN shows, by its last word.

/// What SHOW MERIDIAN shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    Members,
    Pools,
    Shards,
    Map,
    Sessions,
    Digests,
}

impl View {
    pub const ALL: [View; 6] = [View::Members, View::Pools, View::Shards, View::Map, View::Sessions, View::Digests];

    pub fn word(self) -> &'static str {
        match self {
            View::Members => "MEMBERS",
            View::Pools => "POOLS",
            View::Shards => "SHARDS",
            View::Map => "MAP",
            View::Sessions => "SESSIONS",
            View::Digests => "DIGESTS",
        }
    }

    pub(super) fn named(word: &str) -> Option<View> {
        View::ALL.into_iter().find(|view| view.word() == word)
    }
}
