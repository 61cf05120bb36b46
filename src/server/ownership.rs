//! Keeps the groups' records of the map: what is on record is what a map may follow, and no map is served that does not.
//!
//! A record is read and judged in every group before any is changed, and they are changed in the order of the groups' names,
//! each by compare and swap: of two proxies that go in different directions one gets no further than the first.
//! Invariant: rows get another owner only when every group that may be recorded has the new map on record.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::load;
use crate::backend::{GroupState, MemberState, Records, Unrecorded};
use crate::config::{Config, RecordMode};
use crate::execute::Proxy;
use crate::net::timer;
use crate::shard_map::{Next, Record, ShardMap};
use crate::topology::Member;

/// Why a map is not served, for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsettled {
    /// It does not follow what a group has on record.
    Contrary(String),
    /// It has to wait for a group, or for another proxy.
    Later(String),
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsettled::Contrary(text) | Unsettled::Later(text) => f.write_str(text),
        }
    }
}

pub struct Keeper {
    proxy: Arc<Proxy>,
    mode: RecordMode,
    bound: Duration,
    retry: Duration,
    /// Of the map in force.
    text: Arc<str>,
    /// A group has had the map of this process on record: it belongs to those that run.
    confirmed: bool,
    /// Groups that could not be asked yet, and why.
    pending: BTreeMap<String, String>,
    /// Groups whose account has no right to the record.
    forbidden: BTreeMap<String, String>,
    /// The last complaint.
    said: String,
    /// Cancelled when this process turns out to serve a map that the groups never had.
    pub contradicted: CancellationToken,
}

/// A group's answer.
struct Answer {
    group: String,
    records: Option<Records>,
    found: Result<Option<Record>, Unrecorded>,
}

impl Keeper {
    /// `text` is that of the proxy's map.
    pub fn new(config: &Config, proxy: Arc<Proxy>, text: &str) -> Keeper {
        Keeper {
            proxy,
            mode: config.ownership.record,
            bound: Duration::from_millis(config.probe.timeout_ms),
            retry: Duration::from_millis(config.reload.poll_ms.max(1)),
            text: text.into(),
            confirmed: false,
            pending: BTreeMap::new(),
            forbidden: BTreeMap::new(),
            said: String::new(),
            contradicted: CancellationToken::new(),
        }
    }

    /// Waits until the map may be served, at the start. The map's file may change meanwhile.
    pub async fn begin(&mut self, config: &Config) {
        loop {
            let snapshot = self.proxy.snapshot.load_full();
            let unsettled = match self.settle(&snapshot.map, &self.text.clone(), &snapshot.groups, false).await {
                Ok(()) => return,
                Err(unsettled) => unsettled.to_string(),
            };
            self.proxy.unready.store(Some(Arc::new(unsettled.clone())));
            if self.said != unsettled {
                tracing::error!("not ready, serving nobody: {unsettled}");
                self.said = unsettled;
            }
            timer::sleep(self.retry).await;
            if let Ok((map, text)) = load::read_map(config)
                && *text != *self.text
            {
                self.text = text.as_str().into();
                self.proxy.replace(map);
            }
        }
    }

    /// Has a map put on record that is to follow the one in force; `moves`: it gives rows another owner.
    pub async fn follow(&mut self, map: &ShardMap, text: &str, moves: bool) -> Result<(), Unsettled> {
        let snapshot = self.proxy.snapshot.load_full();
        let groups: Vec<_> = map
            .groups
            .iter()
            .map(|group| {
                let known = snapshot.groups.iter().find(|known| known.name == group.name).cloned();
                known.unwrap_or_else(|| {
                    // Not probed yet, so that only one without peers is known to be written.
                    let new = |at: &String| {
                        let state = MemberState::new(at.clone(), self.proxy.metrics.clone());
                        (Arc::new(state), Member::new(at, "", false))
                    };
                    let members = group.members.iter().map(|member| new(&member.at));
                    Arc::new(GroupState::new(group.name.clone(), members.collect()))
                })
            })
            .collect();
        // What changes no owner follows whatever is on record of these owners: a map may bring a lost group back.
        if map.ownership() == snapshot.map.ownership() {
            if self.mode != RecordMode::Off {
                self.pending.extend(groups.iter().map(|group| (group.name.clone(), "not asked yet".into())));
            }
        } else {
            self.settle(map, text, &groups, moves).await?;
        }
        self.text = text.into();
        Ok(())
    }

    /// Asks the groups that could not be asked before.
    pub async fn tend(&mut self) {
        let snapshot = self.proxy.snapshot.load_full();
        let groups: Vec<_> =
            snapshot.groups.iter().filter(|group| self.pending.contains_key(&group.name)).cloned().collect();
        if groups.is_empty() {
            self.pending.clear();
            return;
        }
        let text = self.text.clone();
        match self.settle(&snapshot.map, &text, &groups, false).await {
            Ok(()) => self.said.clear(),
            Err(Unsettled::Contrary(text)) if !self.confirmed => {
                tracing::error!(
                    "this map is not the one of the groups, and none of them could be asked before: {text}"
                );
                self.contradicted.cancel();
            }
            Err(unsettled) => {
                let unsettled = unsettled.to_string();
                if self.said != unsettled {
                    tracing::error!("the map in force is not on record everywhere: {unsettled}");
                    self.said = unsettled;
                }
            }
        }
    }

    /// Has each of the groups put the map on record, if all that answer allow it.
    async fn settle(
        &mut self,
        map: &ShardMap,
        text: &str,
        groups: &[Arc<GroupState>],
        moves: bool,
    ) -> Result<(), Unsettled> {
        if self.mode == RecordMode::Off {
            return Ok(());
        }
        let (ownership, next) = (map.ownership(), Record::of(map, text));
        let (mut pending, mut forbidden, mut swaps) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut moves = moves;
        let mut known = false;
        for Answer { group, records, found } in self.ask(groups).await {
            match found {
                Ok(None) => swaps.push((group, records, None)),
                Ok(Some(record)) => match record.next(map, ownership) {
                    Ok(Next::Same) => known = true,
                    Ok(Next::Follows { moves: these }) => {
                        moves |= these;
                        swaps.push((group, records, Some(record)));
                    }
                    Err(contrary) => return Err(Unsettled::Contrary(format!("group {group}: {contrary}"))),
                },
                Err(Unrecorded::Forbidden(why)) => drop(forbidden.insert(group, why)),
                Err(Unrecorded::Unavailable(why)) => drop(pending.insert(group, why)),
            }
        }
        let all = moves || self.mode == RecordMode::Required;
        if all && let Some((group, why)) = pending.first_key_value() {
            return Err(Unsettled::Later(format!(
                "group {group} has to put the map on record, and cannot be asked: {why}"
            )));
        }
        if self.mode == RecordMode::Required
            && let Some((group, why)) = forbidden.first_key_value()
        {
            return Err(Unsettled::Later(format!(
                "group {group}: the account may not keep the record of the map: {why}"
            )));
        }
        for (group, records, base) in swaps {
            let Some(records) = records else { continue };
            match records.swap(base.as_ref(), &next).await {
                Ok(Some(now)) if now.hash == next.hash => {
                    known = true;
                    tracing::info!(group, ownership = %next.hash, generation = next.generation, "the map is on record");
                }
                Ok(_) => {
                    return Err(Unsettled::Later(format!(
                        "group {group}: its record of the map was changed meanwhile"
                    )));
                }
                Err(Unrecorded::Forbidden(why)) if self.mode == RecordMode::Granted => {
                    drop(forbidden.insert(group, why));
                }
                Err(Unrecorded::Unavailable(why)) if !all => drop(pending.insert(group, why)),
                Err(Unrecorded::Forbidden(why) | Unrecorded::Unavailable(why)) => {
                    return Err(Unsettled::Later(format!("group {group} did not put the map on record: {why}")));
                }
            }
        }
        self.confirmed |= known;
        self.note(groups, pending, forbidden);
        Ok(())
    }

    /// Keeps what is not on record, and tells it.
    fn note(
        &mut self,
        groups: &[Arc<GroupState>],
        pending: BTreeMap<String, String>,
        forbidden: BTreeMap<String, String>,
    ) {
        for group in groups {
            self.pending.remove(&group.name);
            let before = self.forbidden.remove(&group.name);
            if let (None, Some(why)) = (before, forbidden.get(&group.name)) {
                tracing::warn!(
                    group = group.name,
                    "the map is not on record, so that a proxy with another one would not be stopped: {why}; \
                     GRANT ALL ON meridian.* to this account, or set ownership.record: off"
                );
            }
        }
        self.pending.extend(pending);
        self.forbidden.extend(forbidden);
        let missing: Vec<_> =
            self.pending.iter().chain(&self.forbidden).map(|(group, why)| format!("{group}: {why}")).collect();
        self.proxy.metrics.groups_unrecorded.set(missing.len() as f64);
        self.proxy.unrecorded.store((!missing.is_empty()).then(|| Arc::new(missing.join("; "))));
    }

    /// The record of each group, by its name.
    async fn ask(&self, groups: &[Arc<GroupState>]) -> Vec<Answer> {
        let (account, bound) = (self.proxy.probe_account.load_full(), self.bound);
        let mut asked = JoinSet::new();
        for group in groups.iter().cloned() {
            let account = account.clone();
            asked.spawn(async move {
                let unavailable = |why: String| Answer {
                    group: group.name.clone(),
                    records: None,
                    found: Err(Unrecorded::Unavailable(why)),
                };
                let Some(account) = account else {
                    return unavailable("there is no backend account to ask it with".into());
                };
                let written = group.until(|standing| standing.serving(true).cloned());
                let Ok(member) = timer::timeout(bound, written).await else {
                    return unavailable(group.seen().to_string());
                };
                let records = Records::new(&member, account, bound);
                let found = records.read().await;
                Answer { group: group.name.clone(), records: Some(records), found }
            });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by(|a, b| a.group.cmp(&b.group));
        answers
    }
}
