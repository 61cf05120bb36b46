//! The group's standing for each order of answers: by hand for the cases that matter, by seeds for all others.

use std::time::Duration;

use super::{Answer, Change, Group, Health, Member, Options, Position, Primary, Replication, Role, Seen, Source};
use crate::shard_map::Family;

const OPTIONS: Options =
    Options { interval: Duration::from_secs(1), backoff_max: Duration::from_secs(10), lag_max: Duration::from_secs(5) };

fn answer(read_only: bool, replication: Replication) -> Seen {
    Seen::Answer(Answer {
        version: "10.11.19-MariaDB".into(),
        family: Family::MariaDb,
        read_only,
        server_id: 1,
        replication,
        position: None,
        latency_us: 100,
    })
}

/// What a probe finds, in a letter: w writable, r a replica, o read-only, x nothing.
fn seen(letter: char) -> Seen {
    match letter {
        'w' => answer(false, Replication::None),
        'r' => {
            let source = Source { at: "a:1".into(), running: true, lag_s: Some(3), server_ids: vec![1] };
            answer(true, Replication::From(source))
        }
        'o' => answer(true, Replication::None),
        'h' => answer(true, Replication::Hidden),
        'x' => Seen::Nothing("connection refused".into()),
        _ => panic!("no such answer: {letter}"),
    }
}

fn group(members: usize) -> Group {
    Group::new((0..members).map(|index| Member::new(&address(index), "eu", true)).collect())
}

fn address(index: usize) -> String {
    format!("{}:1", (b'a' + index as u8) as char)
}

/// Probes in order, as `0w 1r`; after each what is written and what is read then, as `-/-`, `0/0`, `+/0`.
#[track_caller]
fn check(members: usize, probes: &str, expected: &str) {
    let mut group = group(members);
    let mut found = Vec::new();
    for probe in probes.split(' ') {
        let (index, letter) = probe.split_at(1);
        let at = address(index.parse().expect("an index"));
        group.see(&at, seen(letter.parse().expect("a letter")), &OPTIONS).expect("it is a member");
        let primary = match group.primary() {
            Primary::Unsettled => "?".into(),
            Primary::None => "-".into(),
            Primary::One(index) => index.to_string(),
            Primary::Several => "+".into(),
        };
        let reads = group.reads().map_or("-".into(), |index: usize| index.to_string());
        found.push(format!("{primary}/{reads}"));
    }
    assert_eq!(found.join(" "), expected, "{probes}");
}

#[test]
fn the_one_writable_member_is_the_primary_once_all_were_probed() {
    check(2, "0w 1r", "?/- 0/0");
    check(2, "1r 0w", "?/- 0/0");
    check(3, "0w 1x 2r", "?/- ?/- 0/0");
    check(2, "0r 1r", "?/- -/-");
    check(2, "0x 1x", "?/- -/-");
}

#[test]
fn two_writable_members_stop_writes_at_once() {
    check(2, "0w 1w", "?/- +/-");
    check(2, "0w 1r 1w 0o", "?/- 0/0 +/0 1/1");
    // One that comes back writable counts before it is trusted.
    check(2, "0w 1r 0x 1w 0w 0w 0r", "?/- 0/0 -/- 1/1 +/1 +/1 1/1");
}

#[test]
fn a_member_that_is_lost_is_out_at_once_and_back_after_two_answers() {
    check(2, "0w 1r 0x 0w 0w", "?/- 0/0 -/- -/0 0/0");
    check(2, "0w 1r 0x 0w 0x 0w 0w", "?/- 0/0 -/- -/0 -/- -/0 0/0");
}

#[test]
fn a_promotion_is_followed() {
    check(2, "0w 1r 0o 1w 0r", "?/- 0/0 -/0 1/1 1/1");
    check(2, "0w 1r 0x 1w 0x", "?/- 0/0 -/- 1/1 1/1");
}

#[test]
fn the_last_primary_is_read_only_while_it_applies_nobody_elses_writes() {
    check(2, "0w 1r 0r", "?/- 0/0 -/-");
    check(2, "0w 1r 0h", "?/- 0/0 -/-");
    check(2, "0w 1r 0o", "?/- 0/0 -/0");
    check(2, "0w 1r 0x", "?/- 0/0 -/-");
}

#[test]
fn a_member_alone_is_always_the_primary() {
    check(1, "0x 0r 0w 0x", "0/0 0/0 0/0 0/0");
    assert_eq!(group(1).primary(), Primary::One(0));
    assert_eq!(group(2).primary(), Primary::Unsettled);
}

#[test]
fn members_that_stay_are_known_still() {
    let mut group = group(2);
    for (at, letter) in [("a:1", 'w'), ("b:1", 'r')] {
        group.see(at, seen(letter), &OPTIONS);
    }
    let map = |addresses: &[&str]| addresses.iter().map(|at| Member::new(at, "us", false)).collect::<Vec<_>>();
    // The new one is not waited for; the primary has another index.
    assert!(group.replace(map(&["c:1", "a:1"])));
    assert_eq!((group.primary(), group.reads()), (Primary::One(1), Some(1)));
    assert_eq!((&*group.members()[1].region, group.members()[1].role()), ("us", Role::Writable));
    assert_eq!(group.see("b:1", seen('w'), &OPTIONS), None);
    assert!(!group.replace(map(&["c:1", "a:1"])));
    // Without its primary, nothing is known of who may be one.
    assert!(group.replace(map(&["c:1", "d:1"])));
    assert_eq!((group.primary(), group.reads()), (Primary::Unsettled, None));
    assert!(group.replace(map(&["d:1"])));
    assert_eq!(group.primary(), Primary::One(0));
}

#[test]
fn a_step_says_when_to_look_again_and_what_changed() {
    let mut group = group(2);
    group.see("a:1", seen('w'), &OPTIONS);
    group.see("b:1", seen('r'), &OPTIONS);
    let mut delays = Vec::new();
    for round in 0..6 {
        let step = group.see("a:1", seen('x'), &OPTIONS).expect("it is a member");
        let lost = Change { from: Role::Writable, to: Role::Unreachable };
        assert_eq!(step.change, (round == 0).then_some(lost), "{round}");
        assert_eq!(step.moved, round == 0, "{round}");
        assert_eq!(step.cut, if round < 2 { vec![] } else { vec![0] }, "{round}");
        delays.push(step.next.as_secs());
    }
    assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
    // Another is written: what still runs on the lost one runs for nobody.
    let step = group.see("b:1", seen('w'), &OPTIONS).expect("it is a member");
    assert_eq!((step.moved, step.cut), (true, vec![0]));
    let step = group.see("a:1", seen('r'), &OPTIONS).expect("it is a member");
    assert_eq!((step.next.as_secs(), step.cut), (1, vec![]));
}

#[test]
fn what_is_missing_is_said() {
    let mut group = group(2);
    group.see("a:1", seen('x'), &OPTIONS);
    let said = "not all of its members were probed yet: a:1 in eu is unreachable (connection refused), b:1 in eu was not \
                probed yet";
    assert_eq!(group.to_string(), said);
    group.see("b:1", seen('r'), &OPTIONS);
    let said = "none of its members is writable: a:1 in eu is unreachable (connection refused), b:1 in eu is a read-only \
                replica";
    assert_eq!(group.to_string(), said);
    group.see("a:1", seen('w'), &OPTIONS);
    group.see("b:1", seen('w'), &OPTIONS);
    let said = "several of its members are writable: a:1 in eu is writable and only just back, b:1 in eu is writable";
    assert_eq!(group.to_string(), said);
    assert_eq!((group.members()[1].lag_s(), group.members()[1].health), (None, Health::Up));
}

/// Any order of answers, of groups whose members come and go.
#[test]
fn no_order_of_answers_gives_a_primary_that_is_not_the_one_writable_member() {
    let mut primaries = 0;
    for seed in 1..=400u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) % below
        };
        let mut names: Vec<String> = (0..2 + random(3) as usize).map(address).collect();
        let mut group = Group::new(names.iter().map(|at| Member::new(at, "eu", true)).collect());
        // The last answer of each and how many came since it was lost.
        let mut last: std::collections::HashMap<String, (char, u32)> = std::collections::HashMap::new();
        for _ in 0..200 {
            if random(40) == 0 {
                names = (0..5).map(address).filter(|_| random(2) == 0).collect();
                if names.len() < 2 {
                    names = vec![address(0), address(4)];
                }
                last.retain(|at, _| names.contains(at));
                group.replace(names.iter().map(|at| Member::new(at, "eu", true)).collect());
            } else {
                let at = &names[random(names.len() as u64) as usize];
                let letter = ['w', 'r', 'o', 'x', 'r', 'r', 'h'][random(7) as usize];
                let before = last.get(at).copied();
                let step = group.see(at, seen(letter), &OPTIONS).expect("it is a member");
                let answers = match (letter, before) {
                    ('x', _) => 0,
                    (_, None) => 2,
                    (_, Some((_, answers))) => answers + 1,
                };
                last.insert(at.clone(), (letter, answers));
                assert!(step.next >= OPTIONS.interval && step.next <= OPTIONS.backoff_max);
                assert!(step.cut.iter().all(|index| last[&names[*index]].0 == 'x'), "{seed}: cut of one that answers");
            }
            let writable: Vec<&String> =
                names.iter().filter(|at| last.get(*at).is_some_and(|(letter, _)| *letter == 'w')).collect();
            match group.primary() {
                Primary::One(index) => {
                    primaries += 1;
                    assert_eq!(writable, [&names[index]], "seed {seed}");
                    assert!(last[&names[index]].1 >= 2, "seed {seed}: trusted at its first answer");
                    assert_eq!(group.reads(), Some(index));
                }
                Primary::Several => assert!(writable.len() > 1, "seed {seed}"),
                Primary::None => assert!(writable.len() <= 1, "seed {seed}"),
                Primary::Unsettled => assert!(last.len() < names.len(), "seed {seed}: all were probed"),
            }
            if let Some(index) = group.reads() {
                let (letter, _) = last[&names[index]];
                assert!(matches!(letter, 'w' | 'o'), "seed {seed}: {letter} is read");
            }
        }
    }
    assert!(primaries > 1000, "{primaries}");
}

/// A replica of the server with this id, so late, at that position of MariaDB's; its own id is 10 and its index.
fn replica(index: usize, of: u32, lag_s: Option<u64>, position: Option<&str>) -> Seen {
    let source = Source { at: "a:1".into(), running: true, lag_s, server_ids: vec![of] };
    at_position(answer(true, Replication::From(source)), 10 + index as u32, position)
}

fn primary(position: Option<&str>) -> Seen {
    at_position(answer(false, Replication::None), 10, position)
}

fn at_position(seen: Seen, server_id: u32, position: Option<&str>) -> Seen {
    let Seen::Answer(answer) = seen else { panic!("it is an answer") };
    let position = position.and_then(|position| Position::parse(position, Family::MariaDb));
    Seen::Answer(Answer { server_id, position, ..answer })
}

/// Probes by member; after each the members that serve reads.
#[track_caller]
fn check_readers(group: &mut Group, probes: &[(usize, Seen, &[usize])]) {
    for (step, (index, seen, expected)) in probes.iter().enumerate() {
        group.see(&address(*index), seen.clone(), &OPTIONS).expect("it is a member");
        assert_eq!(group.readers().all, *expected, "after probe {step}");
    }
}

#[test]
fn a_replica_serves_reads_while_it_is_little_late() {
    let late = |lag_s| replica(1, 10, lag_s, None);
    check_readers(
        &mut group(2),
        &[
            (0, primary(None), &[]),
            (1, late(Some(0)), &[0]),
            (1, late(Some(2)), &[0, 1]),
            (1, late(Some(5)), &[0, 1]),
            (1, late(Some(6)), &[0]),
            // Within the bound, but not well within.
            (1, late(Some(4)), &[0]),
            (1, late(Some(3)), &[0]),
            (1, late(Some(1)), &[0]),
            (1, late(Some(1)), &[0, 1]),
            (1, late(None), &[0]),
            (1, late(Some(0)), &[0]),
            (1, late(Some(0)), &[0, 1]),
            (1, Seen::Nothing("refused".into()), &[0]),
            (1, late(Some(0)), &[0]),
            (1, late(Some(0)), &[0, 1]),
        ],
    );
}

#[test]
fn a_replica_of_another_server_serves_no_reads() {
    let mut group = group(3);
    check_readers(
        &mut group,
        &[
            (0, primary(None), &[]),
            (1, replica(1, 99, Some(0), None), &[]),
            (1, replica(1, 99, Some(0), None), &[]),
            // Of a replica that serves none.
            (2, replica(2, 11, Some(0), None), &[0]),
            (2, replica(2, 11, Some(0), None), &[0]),
            (1, replica(1, 10, Some(0), None), &[0, 1, 2]),
            (0, Seen::Nothing("refused".into()), &[]),
        ],
    );
    assert_eq!(group.readers().nearest, Vec::<usize>::new());
}

#[test]
fn a_replica_that_comes_back_has_to_show_what_the_others_show() {
    let at = |position| replica(1, 10, Some(0), Some(position));
    let mut group = group(2);
    check_readers(
        &mut group,
        &[
            (0, primary(Some("0-10-5")), &[]),
            (1, at("0-10-5"), &[0]),
            (1, at("0-10-5"), &[0]),
            (0, primary(Some("0-10-6")), &[0]),
            (1, at("0-10-5"), &[0]),
            (1, at("0-10-6"), &[0, 1]),
            (0, primary(Some("0-10-9")), &[0, 1]),
            (1, at("0-10-7"), &[0, 1]),
            (1, Seen::Nothing("refused".into()), &[0]),
        ],
    );
    // Restarted: never late by its own figure, and not even where it was.
    for _ in 0..4 {
        check_readers(&mut group, &[(1, at("0-10-3"), &[0])]);
    }
    check_readers(&mut group, &[(1, at("0-10-9"), &[0, 1])]);
    assert_eq!((group.shown().latest(), group.shown().by_all()), (2, 2));
    // Nobody but the primary: what it has is shown by all, and by whoever comes next.
    check_readers(
        &mut group,
        &[
            (1, Seen::Nothing("refused".into()), &[0]),
            (0, primary(Some("0-10-11")), &[0]),
            (1, at("0-10-10"), &[0]),
            (1, at("0-10-10"), &[0]),
            (1, at("0-10-11"), &[0, 1]),
        ],
    );
    assert_eq!(group.shown().by_all(), 3);
}

#[test]
fn reads_go_to_the_own_region_and_then_by_latency() {
    let members = (0..4).map(|index| Member::new(&address(index), "", index != 0)).collect();
    let mut group = Group::new(members);
    let far = |index: usize, latency_us: u32| {
        let seen = if index == 0 { primary(None) } else { replica(index, 10, Some(0), None) };
        let Seen::Answer(answer) = seen else { panic!("it is an answer") };
        Seen::Answer(Answer { latency_us, ..answer })
    };
    let see = |group: &mut Group, index: usize, latency_us: u32| {
        for _ in 0..20 {
            group.see(&address(index), far(index, latency_us), &OPTIONS).expect("it is a member");
        }
        (group.readers().nearest.clone(), group.readers().replicas.clone())
    };
    see(&mut group, 0, 100);
    see(&mut group, 1, 5000);
    see(&mut group, 2, 900);
    assert_eq!(see(&mut group, 3, 300), (vec![2, 3], vec![2, 3]), "below a millisecond all are alike");
    // At the border it stays where it was; well behind it it does not.
    assert_eq!(see(&mut group, 2, 1100), (vec![2, 3], vec![2, 3]));
    assert_eq!(see(&mut group, 2, 1900), (vec![3], vec![3]));
    assert_eq!(see(&mut group, 2, 1100), (vec![3], vec![3]));
    assert_eq!(see(&mut group, 2, 700), (vec![2, 3], vec![2, 3]));
    for index in [1, 2, 3] {
        group.see(&address(index), Seen::Nothing("refused".into()), &OPTIONS).expect("it is a member");
    }
    assert_eq!((group.readers().nearest.clone(), group.readers().replicas.clone()), (vec![0], vec![]));
}
