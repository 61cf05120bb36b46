//! What all sessions share: the map with its plans, the groups, the pools, the registry.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use dashmap::DashMap;
use tokio::sync::Notify;

use super::plan_cache::PlanCache;
use super::registry::Registry;
use super::together::together;
use crate::backend::{self, BackendAccount, Failure, GroupState, MemberState, Pool, Standing};
use crate::net::timer;
use crate::session::State;
use crate::shard_map::{GroupId, Ownership, ShardId, ShardMap};
use crate::telemetry::{Label, MemberRole, Metrics};
use crate::topology::{self, Primary, Role};

/// Bounds on a session and on what sessions share.
#[derive(Debug, Clone)]
pub struct Options {
    pub pool: backend::Options,
    pub packet_bytes_max: usize,
    pub prepared_statements_max: usize,
    pub long_data_bytes_max: usize,
    pub session_variables_max: usize,
    pub session_state_bytes_max: usize,
    pub plan_cache_bytes_max: u64,
    pub client_stall: Duration,
    pub result_bytes_max: usize,
    pub probe: Probes,
    /// How long a statement waits for a member of its group that serves it.
    pub primary_wait: Duration,
    /// Where the proxy is, by a name of the map: members there are nearer than others.
    pub region: Option<String>,
}

/// How the members of the map are watched.
#[derive(Debug, Clone, Copy)]
pub struct Probes {
    /// Of one probe, connecting included.
    pub timeout: Duration,
    pub delays: topology::Options,
}

/// How many different states of sessions are shared, and how large each may be.
const STATES_MAX: usize = 1024;
const SHARED_STATE_BYTES_MAX: usize = 2048;

/// A client's account, as sessions need it.
#[derive(Debug, Clone)]
pub struct Account {
    pub user: String,
    /// `None` is all.
    pub databases: Option<Vec<String>>,
    /// It may see what Meridian says of itself.
    pub admin: bool,
    pub backend: Arc<BackendAccount>,
}

impl Account {
    pub fn may_use(&self, database: &str) -> bool {
        self.databases.as_ref().is_none_or(|names| names.iter().any(|name| name == database))
    }
}

/// One map, and what was computed from it. A command keeps the snapshot it began with.
#[derive(Debug)]
pub struct Snapshot {
    /// Of the maps of this process, from 0.
    pub number: u64,
    pub map: ShardMap,
    pub ownership: Ownership,
    pub plans: PlanCache,
    /// By the ids of the map.
    pub groups: Vec<Arc<GroupState>>,
    /// Where statements without a table go, by database: the `unlisted` shard, else the first of its shards.
    homes: Vec<ShardId>,
    /// The shards of each database, ascending.
    shards: Vec<Vec<ShardId>>,
}

impl Snapshot {
    pub fn new(number: u64, map: ShardMap, groups: Vec<Arc<GroupState>>, options: &Options) -> Self {
        let homes = map.databases.iter().map(|database| database.home()).collect();
        let shards = map.databases.iter().map(|database| database.shards()).collect();
        let ownership = map.ownership();
        Snapshot { number, map, ownership, plans: PlanCache::new(options.plan_cache_bytes_max), groups, homes, shards }
    }

    /// The home of a database by index; of the first shard when none is selected.
    pub fn home(&self, database: Option<usize>) -> ShardId {
        database.and_then(|index| self.homes.get(index).copied()).unwrap_or(ShardId(0))
    }

    /// As `home`, or while none of its servers answers another shard of a database that is there, if one of its servers does.
    pub fn answering_home(&self, database: Option<usize>) -> ShardId {
        let home = self.home(database);
        let answers = |shard: &ShardId| self.groups[usize::from(self.group(*shard).0)].answers();
        if answers(&home) {
            return home;
        }
        // Those of one database are of one family.
        let is_there = |index: usize, shards: &[ShardId]| match database {
            Some(selected) => index == selected,
            None => shards.iter().any(|shard| self.group(*shard) == self.group(home)),
        };
        let candidates = self.shards.iter().enumerate().filter(|(index, shards)| is_there(*index, shards));
        candidates.flat_map(|(_, shards)| shards).copied().find(answers).unwrap_or(home)
    }

    /// The shards of a database by index, ascending.
    pub fn shards(&self, database: usize) -> &[ShardId] {
        self.shards.get(database).map_or(&[], Vec::as_slice)
    }

    pub fn group(&self, shard: ShardId) -> GroupId {
        self.map.shards[usize::from(shard.0)].group
    }

    pub fn shard_name(&self, shard: ShardId) -> &str {
        &self.map.shards[usize::from(shard.0)].name
    }

    pub fn group_name(&self, group: GroupId) -> &str {
        &self.map.groups[usize::from(group.0)].name
    }

    pub fn standing(&self, group: GroupId) -> Arc<Standing> {
        self.groups[usize::from(group.0)].standing()
    }
}

#[derive(Debug)]
pub struct Proxy {
    pub snapshot: ArcSwap<Snapshot>,
    /// Grows when `snapshot` is replaced, and when a group's statements go to another member: what a session looks at before
    /// each command.
    epoch: AtomicU64,
    pub registry: Arc<Registry>,
    pub options: Options,
    pub started: Instant,
    pub metrics: Arc<Metrics>,
    /// States of sessions, one of each: sessions with equal states then share connections by comparing pointers.
    states: Mutex<HashSet<Arc<State>>>,
    members: DashMap<String, Arc<MemberState>>,
    /// Those of the map, by name.
    groups: DashMap<String, Arc<GroupState>>,
    /// Another map is in force.
    pub(super) remapped: Notify,
    /// Whom probes log in as; without one there are none.
    pub probe_account: ArcSwapOption<BackendAccount>,
    /// Why nothing is served yet.
    pub unready: ArcSwapOption<String>,
    /// Why the newest map is not in force.
    pub map_refused: ArcSwapOption<String>,
    /// Groups that do not have the map on record, and why.
    pub unrecorded: ArcSwapOption<String>,
    /// The clients' accounts on the servers, each once.
    pub accounts: ArcSwap<Vec<Arc<BackendAccount>>>,
    /// By address and account. An account that was changed is another one, whatever its name.
    pools: DashMap<(String, usize), Arc<Pool>>,
}

impl Proxy {
    pub fn new(map: ShardMap, options: Options, metrics: Arc<Metrics>) -> Self {
        let (members, groups) = (DashMap::new(), DashMap::new());
        let states = group_states(&map, &groups, &members, &metrics, options.region.as_deref());
        need_weights(&map, &states);
        Proxy {
            snapshot: ArcSwap::from_pointee(Snapshot::new(0, map, states, &options)),
            epoch: AtomicU64::new(0),
            registry: Arc::default(),
            options,
            started: Instant::now(),
            metrics,
            states: Mutex::default(),
            members,
            groups,
            remapped: Notify::new(),
            probe_account: ArcSwapOption::empty(),
            accounts: ArcSwap::default(),
            unready: ArcSwapOption::empty(),
            map_refused: ArcSwapOption::empty(),
            unrecorded: ArcSwapOption::empty(),
            pools: DashMap::new(),
        }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The snapshot, and an epoch that is not younger than it: a replacement in between is seen by the next look.
    pub fn current(&self) -> (u64, Arc<Snapshot>) {
        let epoch = self.epoch();
        (epoch, self.snapshot.load_full())
    }

    /// Puts another map in force. Each session sees it at its next command, or when it holds no connection any more.
    pub fn replace(&self, map: ShardMap) {
        let region = self.options.region.as_deref();
        let groups = group_states(&map, &self.groups, &self.members, &self.metrics, region);
        // Those who see the new map open connections of which the weights of its keys are asked.
        for at in need_weights(&map, &groups) {
            self.pools.retain(|(of, _), _| *of != at);
        }
        let number = self.snapshot.load().number + 1;
        let before = self.snapshot.swap(Arc::new(Snapshot::new(number, map, groups, &self.options)));
        self.moved();
        // Sessions that rest keep the map that they began with, which is little without its plans.
        before.plans.clear();
        self.remapped.notify_one();
    }

    /// Statements go elsewhere than before: sessions look for their pools anew.
    pub fn moved(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// The pool of an account to a server.
    pub fn pool(&self, member: &Arc<MemberState>, account: &Arc<BackendAccount>) -> Arc<Pool> {
        // The pool keeps the account, so that its address stands for it.
        let key = (member.at.clone(), Arc::as_ptr(account).addr());
        if let Some(pool) = self.pools.get(&key) {
            return pool.clone();
        }
        let pool = Pool::new(member.clone(), account.clone(), self.options.pool.clone());
        self.pools.entry(key).or_insert_with(|| Arc::new(pool)).clone()
    }

    /// Waits until `look` finds something in the group's standing.
    pub async fn serving<T>(&self, group: &GroupState, look: impl Fn(&Standing) -> Option<T>) -> Result<T, Failure> {
        match timer::timeout(self.options.primary_wait, group.until(look)).await {
            Ok(found) => Ok(found),
            Err(_) => Err(Failure::NoPrimary {
                group: group.name.clone(),
                seen: group.seen().to_string(),
                waited_ms: self.options.primary_wait.as_millis() as u64,
            }),
        }
    }

    /// The one shared value that equals this state. Past a bound sharing begins anew, which costs comparisons only.
    pub fn shared_state(&self, state: &Arc<State>) -> Arc<State> {
        if state.bytes() > SHARED_STATE_BYTES_MAX {
            return state.clone();
        }
        let mut states = self.states.lock().expect("no panic under this lock");
        if let Some(shared) = states.get(state) {
            return shared.clone();
        }
        if states.len() >= STATES_MAX {
            states.clear();
        }
        states.insert(state.clone());
        state.clone()
    }

    /// The pools that are kept warm: of every account to the members that statements go to.
    fn warm_pools(&self) -> Vec<Arc<Pool>> {
        if self.options.pool.connections_min == 0 {
            return Vec::new();
        }
        let (snapshot, accounts) = (self.snapshot.load(), self.accounts.load());
        let readers = !snapshot.map.reads_primary();
        let mut pools = Vec::new();
        for standing in snapshot.groups.iter().map(|group| group.standing()) {
            for member in standing.in_use(readers) {
                pools.extend(accounts.iter().map(|account| self.pool(member, account)));
            }
        }
        pools
    }

    /// Opens what is missing of the connections that are kept; called now and then.
    pub async fn warm(&self) {
        let pools = self.warm_pools();
        together(pools.iter().map(Pool::warm)).await;
    }

    /// Closes connections that idled too long or are too old; called now and then.
    pub fn reap(&self) {
        let now = Instant::now();
        let warm = self.warm_pools();
        for entry in &self.pools {
            let is_warm = warm.iter().any(|pool| Arc::ptr_eq(pool, entry.value()));
            entry.value().reap(now, if is_warm { self.options.pool.connections_min } else { 0 });
        }
        // Of servers and accounts that are not used any more; others are made again when they are.
        self.pools.retain(|_, pool| Arc::strong_count(pool) > 1 || pool.counts().0 > 0);
    }

    pub fn pools(&self) -> Vec<Arc<Pool>> {
        self.pools.iter().map(|entry| entry.value().clone()).collect()
    }

    /// Sessions that still go by a map that is not in force any more.
    pub fn older_sessions(&self) -> usize {
        let number = self.snapshot.load().number;
        self.registry.handles().iter().filter(|session| session.is_older_than(number)).count()
    }

    /// Sets the gauges whose figures are kept elsewhere anyway; called before they are printed.
    pub fn measure(&self) {
        let (mut open, mut idle) = (0, 0);
        for entry in &self.pools {
            let counts = entry.value().counts();
            open += counts.0;
            idle += counts.1;
        }
        let metrics = &self.metrics;
        let (mut roles, mut unwritten, mut read, mut lag_s) = ([0u32; MemberRole::VALUES.len()], 0, 0, 0);
        for group in &self.snapshot.load().groups {
            let seen = group.seen();
            unwritten += u32::from(!matches!(seen.primary(), Primary::One(_)));
            read += seen.readers().all.len();
            for member in seen.members() {
                roles[label(member.role()).index()] += 1;
                lag_s = lag_s.max(member.lag_s().unwrap_or(0));
            }
        }
        for role in [Role::Unknown, Role::Unreachable, Role::Writable, Role::Replica, Role::ReadOnly].map(label) {
            metrics.members.of(role).set(f64::from(roles[role.index()]));
        }
        metrics.groups_unwritten.set(f64::from(unwritten));
        metrics.members_read.set(read as f64);
        metrics.replica_lag_max.set(lag_s as f64);
        metrics.pool_connections.set(open as f64);
        metrics.pool_connections_idle.set(idle as f64);
        metrics.sessions.set(self.registry.len() as f64);
        let snapshot = self.snapshot.load();
        metrics.map_generation.set(snapshot.map.generation.unwrap_or(0) as f64);
        metrics.map_ownership.set(snapshot.ownership.first_bits() as f64);
        metrics.sessions_older_map.set(self.older_sessions() as f64);
        metrics.plan_cache_bytes.set(self.snapshot.load().plans.bytes() as f64);
    }
}

fn label(role: Role) -> MemberRole {
    match role {
        Role::Unknown => MemberRole::Unknown,
        Role::Unreachable => MemberRole::Unreachable,
        Role::Writable => MemberRole::Writable,
        Role::Replica => MemberRole::Replica,
        Role::ReadOnly => MemberRole::ReadOnly,
    }
}

/// Tells the members what weights of text the map's keys take; the addresses of those that were not told of all before.
fn need_weights(map: &ShardMap, groups: &[Arc<GroupState>]) -> Vec<String> {
    let mut more = Vec::new();
    for (group, id) in groups.iter().zip(map.group_ids()) {
        let weights = map.weights_on(id);
        for member in &group.standing().members {
            if member.need_weights(weights.clone()) {
                more.push(member.at.clone());
            }
        }
    }
    more
}

/// The groups of a map; one whose name was known stays what it was, with the members that it has now.
fn group_states(
    map: &ShardMap,
    groups: &DashMap<String, Arc<GroupState>>,
    members: &DashMap<String, Arc<MemberState>>,
    metrics: &Arc<Metrics>,
    own_region: Option<&str>,
) -> Vec<Arc<GroupState>> {
    groups.retain(|name, _| map.groups.iter().any(|group| group.name == *name));
    let states = map.groups.iter().map(|group| {
        let of_group = group.members.iter().map(|member| {
            let new = || Arc::new(MemberState::new(member.at.clone(), metrics.clone()));
            let state = members.entry(member.at.clone()).or_insert_with(new).clone();
            let region = map.region(member.region);
            (state, topology::Member::new(&member.at, region, own_region == Some(region)))
        });
        let of_group: Vec<_> = of_group.collect();
        if let Some(known) = groups.get(&group.name) {
            known.replace(of_group);
            return known.clone();
        }
        let state = Arc::new(GroupState::new(group.name.clone(), of_group));
        groups.insert(group.name.clone(), state.clone());
        state
    });
    states.collect()
}
