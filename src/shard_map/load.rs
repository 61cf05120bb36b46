//! From the text of a map to a checked [`ShardMap`]: the top level, regions, groups and shards.
//!
//! Every reader adds faults and goes on, so that one run reports all of them. A name that is used is
//! looked up among the names declared, whether or not their own declarations are sound.

use std::collections::HashMap;

use super::document::{Fields, Key, Node, Position, near};
use super::problem::{Fault, Faults, Feature, Problem, Thing};
use super::{Group, GroupId, Member, RegionId, Shard, ShardMap, accept, databases};

pub(super) const TOP: &[&str] = &["version", "generation", "regions", "groups", "shards", "databases", "accept"];

pub(super) const GROUP: &[&str] = &["members"];

pub(super) const MEMBER: &[&str] = &["at", "region"];

pub(super) const SHARD: &[&str] = &["group", "database"];

/// Ids are 16 bits.
const THINGS_MAX: usize = 1 << 16;

/// Regions are compared one by one.
const REGIONS_MAX: usize = 256;

/// Characters of a name; the bound of MySQL's identifiers.
pub(super) const NAME_CHARACTERS_MAX: usize = 64;

impl ShardMap {
    /// Reads and checks a whole map. Never panics and is bounded by the size of the text.
    pub fn load(yaml: &str) -> Result<ShardMap, Vec<Fault>> {
        let mut faults = Faults::default();
        let map = Node::parse(yaml, &mut faults).and_then(|root| read(&root, &mut faults));
        faults.finish(map)
    }
}

fn read(root: &Node, faults: &mut Faults) -> Option<ShardMap> {
    let top = Fields::read(root, "the map", TOP, faults)?;
    if let Some(node) = top.require("version", faults) {
        version(node, faults);
    }
    let generation = top.get("generation").and_then(|node| node.integer(0, u64::MAX, faults));
    let regions = regions(top.require("regions", faults), faults);
    let group_names = Names::read(Thing::Group, top.require("groups", faults), faults);
    let shard_names = Names::read(Thing::Shard, top.require("shards", faults), faults);
    let groups = groups(&group_names, &regions, faults);
    let shards = shards(&shard_names, &group_names, faults);
    let databases =
        top.require("databases", faults).and_then(|node| databases::read(node, &shard_names, &shards, &groups, faults));
    let accepts = top.get("accept").map_or_else(Vec::new, |node| accept::read(node, faults));
    Some(ShardMap {
        generation,
        regions: regions.into_iter().map(str::to_owned).collect(),
        groups,
        shards: shards.into_iter().flatten().collect(),
        databases: databases?,
        accepts,
    })
}

fn version(node: &Node, faults: &mut Faults) {
    if let Some(text) = node.text("`1`", faults)
        && text != "1"
    {
        let text = text.into();
        faults.add(node.at, Problem::WrongVersion { text });
    }
}

fn regions<'n>(node: Option<&'n Node>, faults: &mut Faults) -> Vec<&'n str> {
    let thing = Thing::Region;
    let nodes = node.and_then(|node| node.list("a list of regions", faults));
    let mut regions: Vec<&str> = Vec::new();
    for node in nodes.unwrap_or_default() {
        let Some(name) = node.text("a region's name", faults) else {
            continue;
        };
        check_name(thing, name, node.at, faults);
        match regions.contains(&name) {
            true => {
                let name = name.into();
                faults.add(node.at, Problem::DuplicateName { thing, name });
            }
            false if regions.len() < REGIONS_MAX => regions.push(name),
            false => {
                let (count, count_max) = (nodes.map_or(0, <[Node]>::len), REGIONS_MAX);
                faults.add(node.at, Problem::TooMany { thing, count, count_max });
                break;
            }
        }
    }
    regions
}

fn groups(names: &Names<'_>, regions: &[&str], faults: &mut Faults) -> Vec<Group> {
    let mut addresses: HashMap<String, u32> = HashMap::new();
    names
        .entries()
        .map(|(key, node)| {
            let members = Fields::read(node, "a group", GROUP, faults)
                .and_then(|fields| fields.require("members", faults))
                .and_then(|node| node.list("a list of members", faults))
                .unwrap_or_default();
            let members = members.iter().filter_map(|node| member(node, regions, &mut addresses, faults)).collect();
            let name = key.name.clone();
            Group { name, members }
        })
        .collect()
}

fn member(node: &Node, regions: &[&str], addresses: &mut HashMap<String, u32>, faults: &mut Faults) -> Option<Member> {
    let fields = Fields::read(node, "a member", MEMBER, faults)?;
    let at = fields.require("at", faults).and_then(|node| {
        let at = node.text("`host:port`", faults)?;
        address(at, node.at, addresses, faults).map(|()| at.to_owned())
    });
    let region = fields.require("region", faults).and_then(|node| {
        let name = node.text("a region's name", faults)?;
        let index = regions.iter().position(|region| *region == name);
        if index.is_none() {
            let near = near(name, regions.iter().copied());
            faults.add(node.at, unknown(Thing::Region, name, near));
        }
        index.and_then(|index| u16::try_from(index).ok())
    });
    Some(Member { at: at?, region: RegionId(region?) })
}

/// One server is one member of one group: roles and fencing are decided per group.
fn address(at: &str, position: Position, addresses: &mut HashMap<String, u32>, faults: &mut Faults) -> Option<()> {
    if !has_port(at) {
        let at = at.into();
        faults.add(position, Problem::MemberWithoutPort { at });
        return None;
    }
    let folded = at.to_ascii_lowercase();
    if let Some(&first_line) = addresses.get(&folded) {
        let at = at.into();
        faults.add(position, Problem::AddressTwice { at, first_line });
        return None;
    }
    addresses.insert(folded, position.line);
    Some(())
}

/// `host:port` or `[v6]:port`, the port as decimal digits.
fn has_port(at: &str) -> bool {
    const HOST_BYTES_MAX: usize = 253;
    let Some((host, port)) = at.rsplit_once(':') else {
        return false;
    };
    let host_is_sound = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inside) => inside.parse::<core::net::Ipv6Addr>().is_ok(),
        None => {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            !host.is_empty() && host.len() <= HOST_BYTES_MAX && host.bytes().all(known)
        }
    };
    let port_is_sound =
        port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0') && port.parse::<u16>().is_ok();
    host_is_sound && port_is_sound
}

fn shards(names: &Names<'_>, groups: &Names<'_>, faults: &mut Faults) -> Vec<Option<Shard>> {
    names
        .entries()
        .map(|(key, node)| {
            if key.name == databases::REFUSE {
                let name = key.name.as_str().into();
                faults.add(key.at, Problem::ReservedName { name });
            }
            let fields = Fields::read(node, "a shard", SHARD, faults)?;
            if let Some(key) = fields.key("database") {
                faults.add(key.at, Problem::NotYet(Feature::PhysicalDatabase));
            }
            let group = groups.find(fields.require("group", faults)?, faults)?;
            let name = key.name.clone();
            let group = GroupId(group);
            Some(Shard { name, group })
        })
        .collect()
}

/// The names that one section of the file declares, in its order.
pub(super) struct Names<'n> {
    thing: Thing,
    entries: &'n [(Key, Node)],
    index: HashMap<&'n str, u16>,
}

impl<'n> Names<'n> {
    pub(super) fn read(thing: Thing, node: Option<&'n Node>, faults: &mut Faults) -> Names<'n> {
        let mut entries = node.and_then(|node| node.entries("a mapping of names", faults)).unwrap_or_default();
        if let Some(node) = node
            && entries.len() > THINGS_MAX
        {
            let (count, count_max) = (entries.len(), THINGS_MAX);
            faults.add(node.at, Problem::TooMany { thing, count, count_max });
            entries = &entries[..THINGS_MAX];
        }
        for (key, _) in entries {
            check_name(thing, &key.name, key.at, faults);
        }
        let names = entries.iter().map(|(key, _)| key.name.as_str());
        let index = names.zip(0u16..=u16::MAX).collect();
        Names { thing, entries, index }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &'n (Key, Node)> + use<'n> {
        self.entries.iter()
    }

    /// The index of the name that `node` writes.
    pub(super) fn find(&self, node: &Node, faults: &mut Faults) -> Option<u16> {
        let name = node.text(self.expected(), faults)?;
        let index = self.index.get(name).copied();
        if index.is_none() && !faults.are_full() {
            let near = near(name, self.entries.iter().map(|(key, _)| key.name.as_str()));
            faults.add(node.at, unknown(self.thing, name, near));
        }
        index
    }

    fn expected(&self) -> &'static str {
        match self.thing {
            Thing::Group => "a group's name",
            Thing::Shard => "a shard's name",
            _ => "a name",
        }
    }
}

pub(super) fn unknown(thing: Thing, name: &str, near: Option<&str>) -> Problem {
    Problem::UnknownName { thing, name: name.into(), near: near.map(Into::into) }
}

pub(super) fn check_name(thing: Thing, name: &str, at: Position, faults: &mut Faults) {
    let sound = !name.is_empty()
        && name.trim() == name
        && name.chars().nth(NAME_CHARACTERS_MAX).is_none()
        && !name.chars().any(char::is_control);
    if !sound {
        let name = name.into();
        faults.add(at, Problem::BadName { thing, name });
    }
}
