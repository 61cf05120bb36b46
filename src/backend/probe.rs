//! One question to a member, over a connection of its own: does it answer, may it be written, whom does it follow.
//!
//! The connection is in no pool and counted nowhere, and stays open from probe to probe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accounts::BackendAccount;
use super::connect;
use super::connection::Connection;
use super::failure::Failure;
use super::member::{MemberState, ServerFacts};
use crate::net::timer;
use crate::session::State;
use crate::shard_map::Family;
use crate::telemetry::Metrics;
use crate::topology::{Answer, Position, Replication, Seen, Source};
use crate::wire::result_set::{Decoded, TextRows};

/// Characters of a failure that are kept.
const WHY_CHARACTERS_MAX: usize = 200;

/// MySQL calls a slave a replica from here on.
const REPLICA_SINCE: u32 = 80_022;

#[derive(Debug)]
pub struct Prober {
    member: Arc<MemberState>,
    /// The same server to this connection alone: what befalls it is not counted.
    own: Arc<MemberState>,
    connection: Option<(Arc<BackendAccount>, Connection)>,
}

impl Prober {
    pub fn new(member: Arc<MemberState>) -> Prober {
        let own = Arc::new(MemberState::new(member.at.clone(), Arc::new(Metrics::idle())));
        Prober { member, own, connection: None }
    }

    pub fn member(&self) -> &MemberState {
        &self.member
    }

    /// Asks the member. A connection that is not answered in time is given up.
    pub async fn probe(&mut self, account: &Arc<BackendAccount>, bound: Duration) -> Seen {
        let kept = self.connection.take().filter(|(of, _)| Arc::ptr_eq(of, account));
        let asked = timer::timeout(bound, self.ask(account, kept.map(|(_, connection)| connection))).await;
        match asked {
            Ok(Ok((answer, connection))) => {
                self.connection = Some((account.clone(), connection));
                Seen::Answer(answer)
            }
            Ok(Err(failure @ (Failure::Connect { .. } | Failure::Lost { .. }))) => Seen::Nothing(why(&failure)),
            // It answers, if only that.
            Ok(Err(failure)) => Seen::Unclear(why(&failure)),
            Err(_) => Seen::Nothing(format!("no answer within {} ms", bound.as_millis()).into()),
        }
    }

    async fn ask(&self, account: &BackendAccount, kept: Option<Connection>) -> Result<(Answer, Connection), Failure> {
        if let Some(mut connection) = kept
            && let Some(facts) = self.own.facts()
            // One that the server closed since says nothing about the server.
            && let Ok(answer) = answer(&mut connection, &facts).await
        {
            return Ok((answer, connection));
        }
        let state = State::new(45, None);
        let mut connection = connect::connect(&self.own, account, 0, &state).await?.connection;
        let facts = self.own.facts().ok_or_else(|| connection.garbage("no version"))?;
        let answer = answer(&mut connection, &facts).await?;
        self.member.learn((*facts).clone());
        Ok((answer, connection))
    }
}

async fn answer(connection: &mut Connection, facts: &ServerFacts) -> Result<Answer, Failure> {
    let asked = Instant::now();
    // On MariaDB a server without a binary log has no position of its own writes.
    let question: &[u8] = match facts.family {
        Family::MariaDb => {
            b"SELECT @@global.read_only, @@global.server_id, @@global.gtid_slave_pos, @@global.gtid_binlog_pos"
        }
        Family::MySql => b"SELECT @@global.read_only, @@global.server_id, @@global.gtid_executed",
    };
    let row = match connection.query(question).await? {
        Decoded::Rows(rows) => rows.rows.into_iter().next().unwrap_or_default(),
        Decoded::Ok { .. } | Decoded::Err(_) => Vec::new(),
    };
    let latency_us = u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX);
    let value = |at: usize| row.get(at).and_then(|value| value.as_deref());
    let server_id = value(1).and_then(number).unwrap_or(0);
    let read_only = match value(0) {
        Some(b"0" | b"OFF") => false,
        // MariaDB has more than one kind of it.
        Some(_) => true,
        None => return Err(connection.garbage("no value for @@global.read_only")),
    };
    let status: &[u8] = match facts.family {
        Family::MariaDb => b"SHOW ALL SLAVES STATUS",
        Family::MySql if facts.version_number >= REPLICA_SINCE => b"SHOW REPLICA STATUS",
        Family::MySql => b"SHOW SLAVE STATUS",
    };
    let replication = match connection.query(status).await? {
        Decoded::Rows(rows) => replication(&rows),
        // The account has no right to it.
        Decoded::Err(_) => Replication::Hidden,
        Decoded::Ok { .. } => Replication::None,
    };
    let own = match replication {
        Replication::None if facts.family == Family::MariaDb => value(3),
        _ => value(2),
    };
    let position = own.and_then(|own| Position::parse(std::str::from_utf8(own).ok()?, facts.family));
    let version = facts.version.as_str().into();
    Ok(Answer { version, family: facts.family, read_only, server_id, replication, position, latency_us })
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Of all the sources of a replica: the address of the first, running if all run, as late as the latest.
fn replication(rows: &TextRows) -> Replication {
    let column = |names: [&str; 2]| {
        rows.columns.iter().position(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name.as_bytes())))
    };
    let host = column(["Source_Host", "Master_Host"]);
    let port = column(["Source_Port", "Master_Port"]);
    let id = column(["Source_Server_Id", "Master_Server_Id"]);
    let receives = column(["Replica_IO_Running", "Slave_IO_Running"]);
    let applies = column(["Replica_SQL_Running", "Slave_SQL_Running"]);
    let lag = column(["Seconds_Behind_Source", "Seconds_Behind_Master"]);
    let mut found: Option<Source> = None;
    for row in &rows.rows {
        let text = |column: Option<usize>| {
            let value = row.get(column?)?.as_deref()?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let yes = |column| text(column).is_some_and(|value| value == "Yes");
        let running = yes(receives) && yes(applies);
        let lag_s = text(lag).and_then(|value| value.parse().ok());
        let server_id = text(id).and_then(|value| value.parse().ok()).filter(|id| *id != 0);
        let at = format!("{}:{}", text(host).unwrap_or_default(), text(port).unwrap_or_default());
        found = Some(match found {
            None => Source { at: at.into(), running, lag_s, server_ids: server_id.into_iter().collect() },
            Some(first) => Source {
                running: first.running && running,
                lag_s: first.lag_s.zip(lag_s).map(|(one, other)| one.max(other)),
                server_ids: first.server_ids.into_iter().chain(server_id).collect(),
                ..first
            },
        });
    }
    found.map_or(Replication::None, Replication::From)
}

fn why(failure: &Failure) -> Box<str> {
    let text = match failure {
        Failure::Connect { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    let text = text.strip_prefix("Meridian: ").unwrap_or(&text);
    text.chars().filter(|c| !c.is_control()).take(WHY_CHARACTERS_MAX).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(columns: &[&str], rows: &[&[Option<&str>]], expected: Replication) {
        let text = |text: &str| text.as_bytes().to_vec();
        let rows = TextRows {
            columns: columns.iter().map(|name| text(name)).collect(),
            rows: rows.iter().map(|row| row.iter().map(|value| value.map(text)).collect()).collect(),
            ..TextRows::default()
        };
        assert_eq!(replication(&rows), expected);
    }

    #[test]
    fn the_status_of_a_replica_is_read_by_the_names_of_both_families() {
        let source_of = |running, lag_s, server_ids: &[u32]| {
            Replication::From(Source { at: "db:3306".into(), running, lag_s, server_ids: server_ids.to_vec() })
        };
        let source = |running, lag_s| source_of(running, lag_s, &[]);
        let old = ["Slave_IO_Running", "Slave_SQL_Running", "Master_Host", "Master_Port", "Seconds_Behind_Master"];
        let yes: &[Option<&str>] = &[Some("Yes"), Some("Yes"), Some("db"), Some("3306"), Some("7")];
        check(&old, &[yes], source(true, Some(7)));
        check(&old, &[], Replication::None);
        let connecting = &[Some("Connecting"), Some("Yes"), Some("db"), Some("3306"), None];
        check(&old, &[connecting], source(false, None));
        check(&old, &[yes, connecting], source(false, None));
        let later = &[Some("Yes"), Some("Yes"), Some("other"), Some("3306"), Some("9")];
        check(&old, &[yes, later], source(true, Some(9)));
        let new = ["Replica_IO_Running", "Replica_SQL_Running", "Source_Host", "Source_Port", "Seconds_Behind_Source"];
        check(&new, &[yes], source(true, Some(7)));
        let ids = [new.as_slice(), &["Source_Server_Id"]].concat();
        let (third, fourth) = ([yes, &[Some("3")]].concat(), [yes, &[Some("4")]].concat());
        check(&ids, &[&third, &fourth], source_of(true, Some(7), &[3, 4]));
        check(&ids, &[&[yes, &[Some("0")]].concat()], source_of(true, Some(7), &[]));
        check(
            &["Something"],
            &[&[Some("else")]],
            Replication::From(Source { at: ":".into(), running: false, lag_s: None, server_ids: Vec::new() }),
        );
    }
}
