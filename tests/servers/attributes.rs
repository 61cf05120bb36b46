//! Query attributes: which statements they hint, and that no server gets to see one.

use crate::support::cli::{self, Cli};
use crate::support::raw::{ORDINARY, Reply};
use crate::support::raw_login::Login;
use crate::support::{Pair, Raw};

const QUERY_ATTRIBUTES: u32 = 1 << 27;
const COUNT_AVAILABLE: u8 = 8;

const COUNT: &str = "SELECT COUNT(*) FROM customers";

/// A client that has to say how many attributes come with each statement.
fn attributing(pair: &mut Pair) -> Raw {
    let raw =
        pair.login(&Login { capabilities: ORDINARY | QUERY_ATTRIBUTES, database: "shop".into(), ..Login::default() });
    assert_ne!(raw.capabilities & QUERY_ATTRIBUTES, 0, "offered");
    raw
}

fn string(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).expect("short")][..], text.as_bytes()].concat()
}

/// Number, bitmap, types and values of attributes that are all strings, behind `parameters` that are all BIGINT.
fn bound(parameters: &[i64], attributes: &[(&str, &str)]) -> Vec<u8> {
    let count = parameters.len() + attributes.len();
    let mut bytes = vec![0; count.div_ceil(8)];
    bytes.push(1);
    bytes.extend(parameters.iter().flat_map(|_| [8, 0, 0]));
    bytes.extend(attributes.iter().flat_map(|(name, _)| [&[0xFE, 0][..], &string(name)].concat()));
    bytes.extend(parameters.iter().flat_map(|parameter| parameter.to_le_bytes()));
    bytes.extend(attributes.iter().flat_map(|(_, value)| string(value)));
    bytes
}

fn query(raw: &mut Raw, attributes: &[(&str, &str)], text: &str) -> Vec<Reply> {
    let mut payload = vec![3, u8::try_from(attributes.len()).expect("few"), 1];
    if !attributes.is_empty() {
        payload.extend(bound(&[], attributes));
    }
    payload.extend(text.as_bytes());
    raw.command(&payload).expect("the connection stands");
    raw.replies(false).expect("an answer")
}

fn execute(raw: &mut Raw, id: u32, parameters: &[i64], attributes: &[(&str, &str)]) -> Vec<Reply> {
    let count = parameters.len() + attributes.len();
    let mut payload = vec![0x17];
    payload.extend(id.to_le_bytes());
    payload.push(COUNT_AVAILABLE);
    payload.extend(1u32.to_le_bytes());
    payload.push(u8::try_from(count).expect("few"));
    if count > 0 {
        payload.extend(bound(parameters, attributes));
    }
    raw.command(&payload).expect("the connection stands");
    raw.replies(true).expect("an answer")
}

#[track_caller]
fn value(replies: &[Reply]) -> String {
    match replies {
        [Reply::Rows(rows)] => rows.value(),
        other => panic!("{other:?}"),
    }
}

/// The code and text of an error.
#[track_caller]
fn error(replies: &[Reply]) -> (u16, String) {
    match replies {
        [Reply::Error(error)] => (error.code, error.message.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_attribute_sends_one_command_to_its_shard() {
    for mut pair in Pair::each() {
        let mut raw = attributing(&mut pair);
        let of = |shard| [("meridian_shard", shard)];
        assert_eq!(value(&query(&mut raw, &of("first"), COUNT)), "4");
        assert_eq!(value(&query(&mut raw, &of("second"), COUNT)), "3");
        // Its own command, and no other.
        assert_eq!(error(&query(&mut raw, &[], COUNT)).0, 1235);
        assert_eq!(value(&query(&mut raw, &[], "SELECT name FROM customers WHERE id = 42")), "Douglas & Co");
        // What others mean is not Meridian's concern, and the name is one in any case.
        let several = [("traceparent", "00-1"), ("Meridian_Shard", "second"), ("x", "")];
        assert_eq!(value(&query(&mut raw, &several, COUNT)), "3");
        assert_eq!(error(&query(&mut raw, &[("traceparent", "00-1"), ("meridian_shard", "")], COUNT)).0, 1235);
        // A comment is nearer to the statement, the session's variable farther off.
        assert_eq!(value(&query(&mut raw, &of("second"), &format!("{COUNT} /* meridian: shard=first */"))), "4");
        assert!(matches!(query(&mut raw, &[], "SET meridian_shard = 'first'")[..], [Reply::Ok(_)]));
        assert_eq!(value(&query(&mut raw, &of("second"), COUNT)), "3");
        assert_eq!(value(&query(&mut raw, &of("second"), "SELECT 1 /* meridian: shard=second */")), "1");
        assert_eq!(value(&query(&mut raw, &[], COUNT)), "4");
        assert!(matches!(query(&mut raw, &[], "SET meridian_shard = DEFAULT")[..], [Reply::Ok(_)]));
        // Each statement of the command.
        let both = query(&mut raw, &of("second"), &format!("SELECT 1; {COUNT}"));
        assert!(matches!(&both[..], [Reply::Rows(_), Reply::Rows(count)] if count.value() == "3"), "{both:?}");
        assert_eq!(
            value(&query(&mut raw, &of("second"), &format!("EXPLAIN ROUTE {COUNT}"))),
            "route customers (hint) -> second single"
        );
        pair.check_sound();
    }
}

#[test]
fn an_attribute_that_does_not_fit_is_refused() {
    let mut pair = Pair::mariadb();
    let mut raw = attributing(&mut pair);
    for (shard, text, code, word) in [
        ("third", COUNT, 1235, "third"),
        ("first", "BEGIN", 1235, "about the session"),
        ("first", "SET @a = 1", 1235, "about the session"),
        ("first", "SELECT total FROM orders WHERE id = 1", 1235, "orders"),
        ("first", "INSERT INTO customers (id, name, city) VALUES (1000500, 'a', 'b')", 1235, "key"),
    ] {
        let (found, message) = error(&query(&mut raw, &[("meridian_shard", shard)], text));
        assert_eq!(found, code, "{text}: {message}");
        assert!(message.contains(word), "{text}: {message}");
    }
    // A number is no name.
    let number =
        [&[3, 1, 1, 0, 1, 8, 0][..], &string("meridian_shard"), &7u64.to_le_bytes(), COUNT.as_bytes()].concat();
    raw.command(&number).expect("the connection stands");
    assert_eq!(error(&raw.replies(false).expect("an answer")).0, 1064);
    // Attributes that end before they begin.
    raw.command(b"\x03\x05\x01\0\x01SELECT 1").expect("the connection stands");
    assert_eq!(error(&raw.replies(false).expect("an answer")).0, 1835);
    assert_eq!(value(&query(&mut raw, &[], "SELECT 1")), "1");
    pair.check_sound();
}

#[test]
fn an_execution_has_attributes_of_its_own() {
    for mut pair in Pair::each() {
        let mut raw = attributing(&mut pair);
        let rows = |replies: Vec<Reply>| match &replies[..] {
            [Reply::Rows(rows)] => rows.rows.len(),
            other => panic!("{other:?}"),
        };
        // Two servers, two ports; three customers on the second.
        let (id, _, parameters) = raw.prepare("SELECT id FROM customers WHERE id > ? ORDER BY id").expect("one shard");
        assert_eq!(parameters, 1);
        let of = |shard| [("tag", "x"), ("meridian_shard", shard)];
        assert_eq!(rows(execute(&mut raw, id, &[0], &of("first"))), 4);
        assert_eq!(rows(execute(&mut raw, id, &[0], &of("second"))), 3);
        assert_eq!(error(&execute(&mut raw, id, &[0], &[])).0, 1235);
        assert_eq!(rows(execute(&mut raw, id, &[999_999], &[])), 3);
        // Without types, for they were sent before: of the parameter and of both attributes.
        assert_eq!(rows(execute(&mut raw, id, &[0], &of("second"))), 3);
        let mut again = vec![0x17];
        again.extend(id.to_le_bytes());
        again.push(COUNT_AVAILABLE);
        again.extend(1u32.to_le_bytes());
        again.extend([3, 0, 0]);
        again.extend(0i64.to_le_bytes());
        again.extend([string("y"), string("first")].concat());
        raw.command(&again).expect("the connection stands");
        assert_eq!(rows(raw.replies(true).expect("an answer")), 4);
        let (count, _, _) = raw.prepare(COUNT).expect("a statement");
        assert_eq!(rows(execute(&mut raw, count, &[], &of("second"))), 1);
        assert_eq!(error(&execute(&mut raw, count, &[], &[])).0, 1235);
        assert_eq!(error(&execute(&mut raw, count, &[], &of("third"))).0, 1235);
        let (insert, _, _) =
            raw.prepare("INSERT INTO customers (id, name, city) VALUES (?, 'a', 'b')").expect("a statement");
        assert!(
            matches!(&execute(&mut raw, insert, &[1_000_700], &of("second"))[..], [Reply::Ok(d)] if d.affected == 1)
        );
        assert!(error(&execute(&mut raw, insert, &[1_000_701], &of("first"))).1.contains("key"));
        assert_eq!(pair.second.value("SELECT COUNT(*) FROM shop.customers"), "4");
        pair.check_sound();
    }
}

/// MySQL's own client sends attributes with the next statement.
#[test]
fn the_client_of_mysql_sends_attributes() {
    let mut pair = Pair::mariadb();
    let Some(mut command) = Cli::MySql9.command(pair.port(), "shop") else { return };
    let statements = format!("query_attributes meridian_shard second other x\n{COUNT};\nSELECT 1;\n");
    let run = cli::run(command.args(["-N", "--commands"]), &statements);
    assert_eq!(run.fine(), "3\n1\n");
    pair.check_sound();
}
