//! The servers of a playground's groups: their start, who of a group is written, and the others' replication.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Failure;
use super::processes::Processes;
use super::software::Software;
use crate::backend::{BackendAccount, Credentials, Lease, Options};
use crate::commands::query::{connect, name, texts};
use crate::net::timer;
use crate::shard_map::{Family, GroupId, RegionId, ShardMap};

/// How long a server may take to answer after its start.
const START: Duration = Duration::from_secs(120);
/// How long replicas may take to have what their primary has.
const CATCH_UP_S: u32 = 60;

/// One server.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub group: GroupId,
    /// `orders-0`: also its folder.
    pub name: String,
    pub region: RegionId,
    pub port: u16,
    pub is_primary: bool,
}

/// Starts all of them; they are read-only and follow nobody.
pub(super) async fn start(
    members: &[Member],
    folder: &Path,
    is_new: bool,
    software: &Software,
    processes: &mut Processes,
) -> Result<(), Failure> {
    let template = folder.join("template");
    if is_new {
        let data = software.make_template(&template).await?;
        for member in members {
            let own = folder.join(&member.name);
            software.folder(&own)?;
            software.folder(&own.join("tmp"))?;
            let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&data).arg(own.join("data")).status();
            if !copied.map_err(Failure::at(&own))?.success() {
                return Err(Failure::Asked(format!(
                    "the data cannot be copied to {}: is the disk full?",
                    own.display()
                )));
            }
        }
        std::fs::remove_dir_all(&template).map_err(Failure::at(&template))?;
    }
    for (number, member) in members.iter().enumerate() {
        let own = folder.join(&member.name);
        let mut command = software.server(&own, number, member.port);
        processes.start(&member.name, &mut command, &own.join("error.log")).map_err(Failure::at(&own))?;
    }
    for member in members {
        let began = Instant::now();
        while let Err(text) = admin(member).await {
            if let Some(log) = processes.ended(&member.name) {
                return Err(Failure::Program(format!("the server {} ended:\n{log}", member.name)));
            }
            if began.elapsed() > START {
                return Err(Failure::Program(format!("the server {} does not answer: {text}", member.name)));
            }
            timer::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Makes one member of each group its primary, writable and with the group's databases, and the others its replicas.
pub(super) async fn replicate(
    members: &mut [Member],
    map: &ShardMap,
    is_new: bool,
    family: Family,
) -> Result<(), Failure> {
    for group in map.group_ids() {
        let mut own: Vec<&mut Member> = members.iter_mut().filter(|member| member.group == group).collect();
        let primary = if is_new { 0 } else { most_advanced(&own, family).await? };
        own[primary].is_primary = true;
        let (port, databases) = (own[primary].port, databases(map, group));
        for member in own {
            let mut statements = match member.is_primary {
                true => lead(family),
                false => follow(family, port),
            };
            if member.is_primary && is_new {
                for database in &databases {
                    statements.push(format!("CREATE DATABASE {}", name(database)));
                    statements.push(format!("GRANT ALL PRIVILEGES ON {}.* TO 'app'@'%'", name(database)));
                }
            }
            let mut connection = admin(member).await.map_err(|text| member.failed(&text))?;
            for statement in statements {
                ask(&mut connection, member, &statement).await?;
            }
        }
    }
    Ok(())
}

/// Waits until every replica has what its primary has now.
pub(super) async fn catch_up(members: &[Member], family: Family) -> Result<(), Failure> {
    for primary in members.iter().filter(|member| member.is_primary) {
        let at = position(primary, family).await?;
        for replica in members.iter().filter(|member| member.group == primary.group && !member.is_primary) {
            let wait = match family {
                Family::MariaDb => format!("SELECT MASTER_GTID_WAIT('{at}', {CATCH_UP_S})"),
                Family::MySql => format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{at}', {CATCH_UP_S})"),
            };
            let mut connection = admin(replica).await.map_err(|text| replica.failed(&text))?;
            if ask(&mut connection, replica, &wait).await? != "0" {
                return Err(replica.failed("it does not follow its primary; its error.log says why"));
            }
        }
    }
    Ok(())
}

/// Who has all that the others have, as a server that was promoted in an earlier run: the first of them.
async fn most_advanced(members: &[&mut Member], family: Family) -> Result<usize, Failure> {
    let mut best = 0;
    for other in 1..members.len() {
        let (mine, its) = (position(members[best], family).await?, position(members[other], family).await?);
        let is_behind = match family {
            Family::MariaDb => sequence(&mine) < sequence(&its),
            Family::MySql => {
                let mut connection = admin(members[other]).await.map_err(|text| members[other].failed(&text))?;
                let subset = format!("SELECT '{mine}' <> '{its}' AND GTID_SUBSET('{mine}', '{its}')");
                ask(&mut connection, members[other], &subset).await? == "1"
            }
        };
        if is_behind {
            best = other;
        }
    }
    Ok(best)
}

/// The last number of `0-1-17`.
fn sequence(position: &str) -> u64 {
    position.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

async fn position(member: &Member, family: Family) -> Result<String, Failure> {
    let mut connection = admin(member).await.map_err(|text| member.failed(&text))?;
    let question = match family {
        Family::MariaDb => "SELECT @@global.gtid_current_pos",
        Family::MySql => "SELECT REPLACE(@@global.gtid_executed, '\\n', '')",
    };
    ask(&mut connection, member, question).await
}

fn lead(family: Family) -> Vec<String> {
    let forget = match family {
        Family::MariaDb => "RESET SLAVE ALL",
        Family::MySql => "RESET REPLICA ALL",
    };
    vec![forget.into(), "SET GLOBAL read_only = 0".into()]
}

fn follow(family: Family, port: u16) -> Vec<String> {
    match family {
        Family::MariaDb => vec![
            // It may have been a primary before.
            "SET GLOBAL gtid_slave_pos = @@global.gtid_current_pos".into(),
            format!(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'admin', MASTER_PASSWORD = \
                 'admin-password', MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos"
            ),
            "START SLAVE".into(),
        ],
        Family::MySql => vec![
            format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'admin', \
                 SOURCE_PASSWORD = 'admin-password', SOURCE_CONNECT_RETRY = 1, SOURCE_AUTO_POSITION = 1, \
                 GET_SOURCE_PUBLIC_KEY = 1"
            ),
            "START REPLICA".into(),
        ],
    }
}

/// The schemas that a group holds: of the map's databases, and of tables that have their servers' own names.
fn databases(map: &ShardMap, group: GroupId) -> Vec<String> {
    let is_here = |shard: &crate::shard_map::ShardId| map.shard(*shard).group == group;
    let mut names = Vec::new();
    for database in &map.databases {
        if database.shards().iter().any(is_here) {
            names.push(database.name.clone());
        }
        for (table, physical) in &database.physical {
            if database.tables.get(table).is_some_and(|table| table.shards().iter().any(is_here)) {
                names.push(physical.database.clone());
            }
        }
    }
    names.sort();
    names.dedup();
    names
}

impl Member {
    pub fn at(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    fn failed(&self, text: &str) -> Failure {
        Failure::Program(format!("the server {}: {text}", self.name))
    }
}

/// An account of the playground: `app` or `admin`.
pub(super) fn account(user: &str) -> Arc<BackendAccount> {
    let password = format!("{user}-password").into_bytes();
    let credentials = Credentials(Zeroizing::new(password));
    Arc::new(BackendAccount { name: user.to_owned(), user: user.to_owned(), credentials, tls: None })
}

async fn admin(member: &Member) -> Result<Lease, String> {
    connect(&member.at(), &account("admin"), &Options::default()).await
}

/// The first value of the answer; empty if there is none.
async fn ask(connection: &mut Lease, member: &Member, statement: &str) -> Result<String, Failure> {
    let rows = texts(connection, statement).await.map_err(|text| member.failed(&format!("{statement}: {text}")))?;
    Ok(rows.into_iter().flatten().next().unwrap_or_default())
}
