//! A map with the playground's addresses in the place of its own.

use crate::commands::playground::Failure;
use crate::shard_map::document::{Faults, Node, Position, Value};
use crate::shard_map::{Family, Problem, ShardMap};

/// The text with `addresses` for its members, in the order of the map, and every database of this family. Comments and
/// form stay.
pub(super) fn rewritten(yaml: &str, addresses: &[String], family: Family) -> Result<String, Failure> {
    let mut edits: Vec<(Position, String)> = Vec::new();
    let root = Node::parse::<Problem>(yaml, &mut Faults::default());
    let field = |name: &str| root.as_ref().and_then(|root| root.field(name));
    let members = values(field("groups")).filter_map(|group| group.field("members")).flat_map(items);
    edits.extend(members.filter_map(|member| member.field("at")).map(|at| at.at).zip(addresses.iter().cloned()));
    let families = values(field("databases")).filter_map(|database| database.field("family"));
    edits.extend(families.map(|node| (node.at, word(family).to_owned())));
    let text = replaced(yaml, edits);

    let wrong = || Failure::Asked("the addresses of this map cannot be replaced: write each on one line".into());
    let map = ShardMap::load(&text).map_err(|_| wrong())?;
    let now: Vec<&String> = map.groups.iter().flat_map(|group| &group.members).map(|member| &member.at).collect();
    if now.iter().copied().ne(addresses) {
        return Err(wrong());
    }
    Ok(text)
}

pub(super) fn word(family: Family) -> &'static str {
    match family {
        Family::MariaDb => "mariadb",
        Family::MySql => "mysql",
    }
}

fn values(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    let entries = match node.map(|node| &node.value) {
        Some(Value::Mapping(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(_, value)| value)
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

/// Puts others in the place of the scalars that begin at these positions.
fn replaced(text: &str, edits: Vec<(Position, String)>) -> String {
    let mut lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let mut edits = edits;
    // From the end, so that no position moves.
    edits.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (at, new) in edits {
        let (line, begin) = (at.line as usize - 1, at.column as usize - 1);
        let Some(line) = lines.get_mut(line).filter(|line| begin < line.len()) else { continue };
        let rest = &line[begin..];
        let length = match rest[0] {
            quote @ ('"' | '\'') => rest.iter().skip(1).position(|c| *c == quote).map_or(rest.len(), |end| end + 2),
            _ => rest.iter().position(|c| c.is_whitespace() || matches!(c, ',' | '}' | ']')).unwrap_or(rest.len()),
        };
        line.splice(begin..begin + length, format!("\"{new}\"").chars());
    }
    lines.iter().map(|line| line.iter().collect::<String>() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "# a:1 is the first.
version: 1
regions: [x]
groups:
  g: {members: [{at: a:1, region: x}, {region: x, at: 'a:12'}]}
  h:
    members:
      - at: \"b:1\"  # the last
        region: x
shards: {s: {group: g}, t: {group: h}}
databases:
  shop: {family: mariadb, unlisted: s}
";

    #[test]
    fn addresses_and_families_are_replaced_and_nothing_else() {
        let addresses = ["[::1]:1", "c:2", "d:3"].map(str::to_owned);
        let found = rewritten(MAP, &addresses, Family::MySql).expect("a sound map");
        let expected = MAP
            .replace("{at: a:1,", "{at: \"[::1]:1\",")
            .replace("'a:12'", "\"c:2\"")
            .replace("\"b:1\"", "\"d:3\"")
            .replace("mariadb", "\"mysql\"");
        assert_eq!(found, expected);
        assert_eq!(rewritten(&found, &addresses, Family::MySql).expect("a sound map"), found);
    }

    #[test]
    fn a_form_that_cannot_be_replaced_is_refused() {
        let map = MAP.replace("\"b:1\"", ">-\n          b:1\n       ");
        ShardMap::load(&map).expect("a sound map");
        let addresses = ["c:1", "c:2", "c:3"].map(str::to_owned);
        assert!(matches!(rewritten(&map, &addresses, Family::MySql), Err(Failure::Asked(_))));
    }
}
