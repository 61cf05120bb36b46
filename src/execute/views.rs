//! What Meridian says of itself: members, pools, shards, the map, sessions. As SHOW MERIDIAN to accounts that may, and for
//! the admin's pages.

use super::registry::Stop;
use super::{Outcome, Proxy, Served, Session};
use crate::plan::View;
use crate::sql;
use crate::telemetry::Class;
use crate::topology::{Health, Primary, Replication};
use crate::wire::result_set::{Column, TextResult};
use Kind::{Number, Text};

/// Characters that a text column announces; a client shows longer ones as well.
const TEXT_CHARACTERS: u32 = 256;

/// Shapes that SHOW MERIDIAN DIGESTS lists.
const DIGESTS_MAX: usize = 1000;

/// Rows under named columns.
#[derive(Debug)]
pub struct Listing {
    pub columns: &'static [(&'static str, Kind)],
    pub rows: Vec<Vec<Cell>>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
}

/// One value of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Number(u64),
    Nothing,
}

impl From<Option<u64>> for Cell {
    fn from(number: Option<u64>) -> Cell {
        number.map_or(Cell::Nothing, Cell::Number)
    }
}

fn text(text: impl ToString) -> Cell {
    Cell::Text(text.to_string())
}

fn count(count: usize) -> Cell {
    Cell::Number(count as u64)
}

impl Proxy {
    pub fn view(&self, view: View) -> Listing {
        match view {
            View::Members => self.view_members(),
            View::Pools => self.view_pools(),
            View::Shards => self.view_shards(),
            View::Map => self.view_map(),
            View::Sessions => self.view_sessions(),
            View::Digests => self.view_digests(),
        }
    }

    fn view_members(&self) -> Listing {
        let columns = &[
            ("group", Text),
            ("member", Text),
            ("region", Text),
            ("role", Text),
            ("state", Text),
            ("primary", Text),
            ("version", Text),
            ("source", Text),
            ("lag_seconds", Number),
            ("latency_us", Number),
            ("reads", Text),
            ("error", Text),
        ];
        let mut rows = Vec::new();
        for group in &self.snapshot.load().groups {
            let seen = group.seen();
            for (index, member) in seen.members().iter().enumerate() {
                let state = match member.health {
                    Health::Unseen => "unknown",
                    Health::Up => "up",
                    Health::Down { .. } => "down",
                    Health::Rising { .. } => "rising",
                };
                let is_primary = seen.primary() == Primary::One(index);
                let answer = member.answers();
                let source = answer.map_or(Cell::Nothing, |answer| match &answer.replication {
                    Replication::None => Cell::Nothing,
                    Replication::Hidden => text("hidden"),
                    Replication::From(source) => text(&source.at),
                });
                rows.push(vec![
                    text(&group.name),
                    text(&member.at),
                    text(&member.region),
                    text(member.role().word()),
                    text(state),
                    text(if is_primary { "yes" } else { "no" }),
                    answer.map_or(Cell::Nothing, |answer| text(&answer.version)),
                    source,
                    member.lag_s().into(),
                    answer.and(member.latency_us()).map(u64::from).into(),
                    text(if seen.readers().all.contains(&index) { "yes" } else { "no" }),
                    if member.why.is_empty() { Cell::Nothing } else { text(&member.why) },
                ]);
            }
        }
        Listing { columns, rows }
    }

    fn view_pools(&self) -> Listing {
        let columns = &[
            ("member", Text),
            ("account", Text),
            ("open", Number),
            ("idle", Number),
            ("waiting", Number),
            ("open_max", Number),
        ];
        let mut rows: Vec<_> = self
            .pools()
            .into_iter()
            .map(|pool| {
                let (open, idle, waiting) = pool.counts();
                vec![
                    text(&pool.member.at),
                    text(&pool.account.name),
                    count(open),
                    count(idle),
                    count(waiting),
                    count(pool.options.connections_max),
                ]
            })
            .collect();
        rows.sort_by_key(|row| match row.as_slice() {
            [Cell::Text(member), Cell::Text(account), ..] => (member.clone(), account.clone()),
            _ => Default::default(),
        });
        Listing { columns, rows }
    }

    fn view_shards(&self) -> Listing {
        let snapshot = self.snapshot.load();
        let rows = snapshot.map.shard_ids().map(|shard| {
            let group = snapshot.group(shard);
            let standing = snapshot.standing(group);
            let primary = match standing.primary {
                Primary::One(index) => text(&standing.members[index].at),
                _ => Cell::Nothing,
            };
            vec![text(snapshot.shard_name(shard)), text(snapshot.group_name(group)), primary]
        });
        Listing { columns: &[("shard", Text), ("group", Text), ("primary", Text)], rows: rows.collect() }
    }

    fn view_map(&self) -> Listing {
        let columns = &[
            ("generation", Number),
            ("ownership", Text),
            ("groups", Number),
            ("members", Number),
            ("shards", Number),
            ("databases", Number),
            ("tables", Number),
            ("older_sessions", Number),
            ("unrecorded", Text),
            ("refused", Text),
        ];
        let snapshot = self.snapshot.load();
        let map = &snapshot.map;
        let row = vec![
            map.generation.into(),
            text(snapshot.ownership),
            count(map.groups.len()),
            count(map.groups.iter().map(|group| group.members.len()).sum()),
            count(map.shards.len()),
            count(map.databases.len()),
            count(map.databases.iter().map(|database| database.tables.len()).sum()),
            count(self.older_sessions()),
            self.unrecorded.load().as_deref().map_or(Cell::Nothing, text),
            self.map_refused.load().as_deref().map_or(Cell::Nothing, text),
        ];
        Listing { columns, rows: vec![row] }
    }

    /// The shapes that ran most, since the map was taken up.
    fn view_digests(&self) -> Listing {
        let columns = &[
            ("database", Text),
            ("statement", Text),
            ("count", Number),
            ("errors", Number),
            ("rows", Number),
            ("timed", Number),
            ("p50_us", Number),
            ("p95_us", Number),
            ("p99_us", Number),
        ];
        let snapshot = self.snapshot.load();
        let mut shapes: Vec<_> =
            snapshot.plans.all().into_iter().map(|shape| (shape.2.digest.figures(), shape)).collect();
        shapes.retain(|(figures, _)| figures.count > 0);
        shapes.sort_by_key(|(figures, _)| std::cmp::Reverse(figures.count));
        let rows = shapes.into_iter().take(DIGESTS_MAX).map(|(figures, (database, normalized, _))| {
            let database = snapshot.map.databases.get(database as usize);
            vec![
                database.map_or(Cell::Nothing, |database| text(&database.name)),
                Cell::Text(sql::shape(&normalized, TEXT_CHARACTERS as usize)),
                Cell::Number(figures.count),
                Cell::Number(figures.errors),
                Cell::Number(figures.rows),
                Cell::Number(figures.timed()),
                figures.percentile(50).into(),
                figures.percentile(95).into(),
                figures.percentile(99).into(),
            ]
        });
        Listing { columns, rows: rows.collect() }
    }

    fn view_sessions(&self) -> Listing {
        let columns = &[("session", Number), ("user", Text), ("state", Text), ("member", Text), ("thread", Number)];
        let mut sessions = self.registry.handles();
        sessions.sort_by_key(|session| session.id);
        let rows = sessions.into_iter().map(|session| {
            let running = session.running_on();
            let state = match (session.stopped(), session.is_waiting(), &running) {
                (Stop::Drain | Stop::Kill | Stop::Shutdown, ..) => "ending",
                (_, true, _) => "waiting",
                (_, _, Some(_)) => "running",
                _ => "idle",
            };
            let (member, thread) = match running {
                Some((member, thread)) => (text(member), Cell::Number(thread.into())),
                None => (Cell::Nothing, Cell::Nothing),
            };
            vec![Cell::Number(session.id.into()), text(session.user()), text(state), member, thread]
        });
        Listing { columns, rows: rows.collect() }
    }
}

impl Session {
    /// SHOW MERIDIAN.
    pub(super) async fn show_meridian(&mut self, view: View, more: bool) -> Served<Outcome> {
        if !self.account.admin {
            let text = format!(
                "Access denied; SHOW MERIDIAN takes `admin: true` at the user '{}' of Meridian's accounts",
                self.account.user
            );
            self.count(Class::Refused);
            return self.answer_error(1227, b"42000", &text).await;
        }
        self.count(Class::Local);
        let listing = self.proxy.view(view);
        let columns = listing.columns.iter().map(|(name, kind)| match kind {
            Number => Column::integer(name),
            Text => Column::text(name, TEXT_CHARACTERS),
        });
        let mut rows = TextResult::new(columns.collect());
        for row in &listing.rows {
            let values: Vec<Option<String>> = row
                .iter()
                .map(|cell| match cell {
                    Cell::Text(text) => Some(text.clone()),
                    Cell::Number(number) => Some(number.to_string()),
                    Cell::Nothing => None,
                })
                .collect();
            rows.row(&values.iter().map(|value| value.as_ref().map(String::as_bytes)).collect::<Vec<_>>());
        }
        self.send_rows(&rows, more).await
    }
}
