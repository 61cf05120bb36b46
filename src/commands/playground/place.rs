//! Where everything listens: a port of 127.0.0.1 for each member and for the proxy of each region, and relays for the
//! distance between regions.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use super::members::Member;
use super::relay::relay;
use crate::shard_map::{GroupId, ShardMap};

const ADMIN_PORT: u16 = 9306;

/// The proxy of a region.
pub(super) struct Front {
    pub region: String,
    pub port: u16,
    pub admin_port: u16,
    /// Where it finds the members, in their order.
    pub addresses: Vec<String>,
}

/// Finds ports, and starts the relays. The first region's proxy is to be on `port`, if that is not 0; what regions are late by is
/// in their order.
pub(super) async fn place(map: &ShardMap, delays: &[Duration], port: u16) -> io::Result<(Vec<Member>, Vec<Front>)> {
    // All held until the last is found, so that each is another.
    let mut held = Vec::new();
    let mut members = Vec::new();
    for (group, id) in map.groups.iter().zip(map.group_ids()) {
        for (number, member) in group.members.iter().enumerate() {
            let name = format!("{}-{number}", folder_name(&group.name, id));
            let port = unused(&mut held)?;
            members.push(Member { group: id, name, region: member.region, port, is_primary: false });
        }
    }
    let mut fronts = Vec::new();
    for (region, name) in map.regions.iter().enumerate() {
        let (port, admin_port) = match (port, u16::try_from(region)) {
            (1.., Ok(0)) => (port, wanted(ADMIN_PORT, &mut held)?),
            (1.., Ok(next)) => {
                (wanted(port.saturating_add(next), &mut held)?, wanted(ADMIN_PORT.saturating_add(next), &mut held)?)
            }
            _ => (unused(&mut held)?, unused(&mut held)?),
        };
        let mut addresses = Vec::new();
        for member in &members {
            let its = usize::from(member.region.0);
            let delay = if its == region { Duration::ZERO } else { delays[its] + delays[region] };
            addresses.push(format!("127.0.0.1:{}", seen(member.port, delay).await?));
        }
        fronts.push(Front { region: name.clone(), port, admin_port, addresses });
    }
    Ok((members, fronts))
}

/// A group's name as a part of file names; with the group's number, where two names could become one.
fn folder_name(group: &str, id: GroupId) -> String {
    let safe: String = group.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if safe == group { safe } else { format!("{safe}-{}", id.0) }
}

/// The port itself, or that of a relay whose round trips take longer.
async fn seen(port: u16, delay: Duration) -> io::Result<u16> {
    if delay.is_zero() {
        return Ok(port);
    }
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let seen = listener.local_addr()?.port();
    tokio::spawn(relay(listener, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), delay / 2));
    Ok(seen)
}

/// This port, or another if somebody listens there.
fn wanted(port: u16, held: &mut Vec<TcpListener>) -> io::Result<u16> {
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else {
        return unused(held);
    };
    held.push(listener);
    Ok(port)
}

/// A port below those that the kernel takes for outgoing connections: a server may be stopped and come back to it.
fn unused(held: &mut Vec<TcpListener>) -> io::Result<u16> {
    let begin = std::process::id().wrapping_mul(7919);
    let ports = (0..10_000u32).map(|step| 20_000 + (begin.wrapping_add(step * 7) % 11_000) as u16);
    let mut found = ports.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let listener = found.next().ok_or_else(|| io::Error::other("no port is free"))?;
    let port = listener.local_addr()?.port();
    held.push(listener);
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_whose_names_differ_have_folders_that_differ() {
        let names = ["orders", "g_1", "g.1", "g-1", "g_1-2"];
        let folders: Vec<String> = (0..).zip(names).map(|(id, name)| folder_name(name, GroupId(id)) + "-0").collect();
        assert_eq!(folders, ["orders-0", "g_1-0", "g_1-2-0", "g_1-3-0", "g_1_2-4-0"]);
    }
}
