//! Several statements in one packet, several results of one statement.

use crate::support::raw::{DEPRECATE_EOF, MORE_RESULTS, ORDINARY, Reply};
use crate::support::raw_login::Login;
use crate::support::{Pair, Raw};

const THREE: &str =
    "SELECT total FROM orders WHERE id = 1; SELECT name FROM users WHERE id = 1; SELECT total FROM orders WHERE id = 3";

fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::Ok(done) => done.status,
        Reply::Rows(rows) => rows.status,
        Reply::Error(_) => 0,
    }
}

#[test]
fn three_statements_for_two_servers_give_three_results() {
    for mut pair in Pair::each() {
        for capabilities in [ORDINARY, ORDINARY & !DEPRECATE_EOF] {
            let mut raw = pair.login(&Login { database: "shop".into(), capabilities, ..Login::default() });
            for text in [THREE.to_owned(), format!("{THREE};"), format!(" {THREE} ;  ")] {
                let replies = raw.query(&text);
                let values: Vec<_> = replies
                    .iter()
                    .map(|r| if let Reply::Rows(rows) = r { rows.value() } else { String::new() })
                    .collect();
                assert_eq!(values, ["25.50", "Ada", "5.00"], "{text}");
                let more: Vec<_> = replies.iter().map(|r| status(r) & MORE_RESULTS != 0).collect();
                assert_eq!(more, [true, true, false], "{text}");
                let begun = replies.iter().filter_map(|reply| match reply {
                    Reply::Rows(rows) => rows.columns_status.map(|status| status & MORE_RESULTS != 0),
                    _ => None,
                });
                let expected = if capabilities == ORDINARY { vec![] } else { more };
                assert_eq!(begun.collect::<Vec<_>>(), expected, "{text}");
            }
        }
        pair.check_sound();
    }
}

#[test]
fn an_error_stops_what_comes_behind_it() {
    for mut pair in Pair::each() {
        let mut raw = pair.app();
        let replies = raw.query("INSERT INTO marks (text) VALUES ('one'); SELECT nothing FROM users; INSERT INTO marks (text) VALUES ('three')");
        assert!(matches!(&replies[..], [Reply::Ok(_), Reply::Error(e)] if e.code == 1054), "{replies:?}");
        assert_eq!(raw.rows("SELECT text FROM marks").lines(), ["one"]);
        // A refusal of ours stops as well.
        let replies = raw.query("DO 1; SELECT * FROM users, orders; INSERT INTO marks (text) VALUES ('three')");
        assert_eq!(
            raw.rows("SELECT text FROM marks").lines(),
            if replies.len() == 2 { vec!["one"] } else { vec!["one", "three"] }
        );
        // So does an unterminated text, before which the rest has run.
        let replies = raw.query("INSERT INTO notes (text) VALUES ('one'); SELECT 'no end");
        assert!(matches!(replies.last(), Some(Reply::Error(e)) if e.code == 1064), "{replies:?}");
        pair.check_sound();
    }
}

#[test]
fn empty_texts_are_answered_as_by_a_server() {
    for mut pair in Pair::each() {
        let mut whole = Raw::app(pair.whole().port, "shop").expect("app may log in");
        let mut raw = pair.app();
        for text in ["", ";", "-- only a comment\n", "/* nothing */", "SELECT 1;", "SELECT 1; -- the end\n"] {
            let (got, direct) = (raw.query(text), whole.query(text));
            // MariaDB says OK to a text without a statement, MySQL that it is empty; to say so is never wrong.
            let empty = matches!(got.last(), Some(Reply::Error(e)) if e.code == 1065);
            assert!(empty || got.len() == direct.len() || got.len() == 1, "{text:?}: {got:?} for {direct:?}");
        }
        pair.check_sound();
    }
}

#[test]
fn statements_of_one_packet_share_a_transaction_and_variables() {
    let mut pair = Pair::mariadb();
    let mut raw = pair.app();
    let replies = raw.query("BEGIN; INSERT INTO notes (text) VALUES ('x'); SELECT COUNT(*) FROM notes; ROLLBACK; SELECT COUNT(*) FROM notes");
    assert_eq!(replies.len(), 5, "{replies:?}");
    let counts: Vec<_> =
        replies.iter().filter_map(|r| if let Reply::Rows(rows) = r { Some(rows.value()) } else { None }).collect();
    assert_eq!(counts, ["1", "0"]);
    let replies = raw.query("SET @n = 3; SELECT @n FROM users WHERE id = 1; SELECT @n FROM orders WHERE id = 1");
    assert!(
        matches!(&replies[1..], [Reply::Rows(a), Reply::Rows(b)] if a.value() == "3" && b.value() == "3"),
        "{replies:?}"
    );
    pair.check_sound();
}

#[test]
fn a_procedure_gives_all_its_results() {
    for mut pair in Pair::each() {
        let procedure = "CREATE PROCEDURE shop.two() BEGIN SELECT 1; SELECT 2; END";
        pair.first.run_all(&[procedure]);
        pair.second.run_all(&[procedure]);
        pair.whole().run_all(&[procedure]);
        let mut raw = pair.app();
        let replies = raw.query("CALL two()");
        match &replies[..] {
            [Reply::Rows(a), Reply::Rows(b), Reply::Ok(_)] => {
                assert_eq!((a.value(), b.value()), ("1".into(), "2".into()))
            }
            [Reply::Error(e)] => assert!(e.message.starts_with("Meridian: "), "{e:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(raw.value("SELECT name FROM users WHERE id = 1"), "Ada");
        pair.check_sound();
    }
}
