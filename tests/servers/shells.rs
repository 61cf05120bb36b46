//! The `mysql` clients of MariaDB and MySQL 9, in batches and in a terminal, on each family of servers.

use crate::support::Pair;
use std::process::Command;

use crate::support::cli::{Cli, run};
use crate::support::pty::Pty;

/// What a client prints for each of these is the same as from one server.
const SAME: [&str; 21] = [
    "SELECT 1",
    "SELECT 1+1 AS two, 'x' AS x",
    "select $$",
    "select @@version_comment limit 1",
    "SELECT DATABASE()",
    "SELECT database(), user() LIKE 'app@%'",
    "DESCRIBE users",
    "DESC orders",
    "SHOW COLUMNS FROM order_items",
    "SHOW FULL COLUMNS FROM orders",
    "SHOW CREATE TABLE users",
    "SHOW CREATE TABLE orders\\G",
    "EXPLAIN SELECT * FROM users WHERE id = 1",
    "SELECT * FROM users ORDER BY id",
    "SELECT * FROM shop.orders ORDER BY id",
    "SELECT * FROM users WHERE id = 1; SELECT * FROM orders WHERE id = 1;",
    "SELECT 'it''s', \"a \\\" b\", 'semi;colon' -- comment",
    "SELECT * FROM nothing_here_users WHERE",
    "SELECT * FROM users WHERE nothing = 1",
    "SELECT 'é', '😀', _latin1 x'E9'",
    "SHOW VARIABLES LIKE 'character_set_client'",
];

/// Runs as direct, or is refused by Meridian by name.
const SAME_OR_REFUSED: [&str; 6] = [
    "SHOW DATABASES LIKE 'shop'",
    "SHOW TABLES",
    "SHOW FULL TABLES",
    "SHOW TABLE STATUS LIKE 'users'",
    "SHOW TABLES LIKE 'order%'",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY 1",
];

#[test]
fn batches_print_what_one_server_would() {
    for mut pair in Pair::each() {
        let whole = pair.whole().port;
        for client in Cli::EACH {
            for statement in SAME.into_iter().chain(SAME_OR_REFUSED) {
                let Some(got) = client.feed(pair.port(), "shop", statement) else { continue };
                let mut expected = client.feed(whole, "shop", statement).expect("the same client");
                if SAME_OR_REFUSED.contains(&statement) && got.err.contains("Meridian: ") {
                    continue;
                }
                // Not in the map: Meridian's own words are as good.
                if got.err.contains("Meridian: ") && !expected.ok && statement.contains("nothing_here") {
                    expected = got.clone();
                }
                assert_eq!(got, expected, "{client:?} on {:?}: {statement}", pair.first.kind);
            }
        }
        pair.check_sound();
    }
}

#[test]
fn show_tables_names_the_tables_of_all_servers() {
    for pair in Pair::each() {
        let lines = pair.app().rows("SHOW TABLES").lines();
        assert_eq!(lines, ["customers", "marks", "notes", "order_items", "orders", "users"]);
    }
}

#[test]
fn an_emoji_survives_every_pair_of_client_and_server() {
    for mut pair in Pair::each() {
        for (n, client) in Cli::EACH.into_iter().enumerate() {
            let statements = format!(
                "INSERT INTO notes (id, text) VALUES ({n}+1, '👩‍🚀 é 漢');\nSELECT text, CHAR_LENGTH(text) FROM notes WHERE id = {n}+1;\n"
            );
            let Some(run) = client.feed(pair.port(), "shop", &statements) else { continue };
            assert_eq!(run.fine(), "text\tCHAR_LENGTH(text)\n👩‍🚀 é 漢\t7\n", "{client:?} on {:?}", pair.first.kind);
        }
        pair.check_sound();
    }
}

#[test]
fn status_is_shown() {
    for pair in Pair::each() {
        for client in Cli::EACH {
            let Some(mut command) = client.command(pair.port(), "shop") else { continue };
            let out = run(with_commands(client, &mut command), "\\s").fine();
            for part in ["Current database:\tshop", "Connection id:", "Server version:", "Uptime:", "utf8mb4"] {
                assert!(out.contains(part), "{client:?}: no {part:?} in\n{out}");
            }
            let id = pair.app().value("SELECT CONNECTION_ID()");
            assert!(id.parse::<u32>().is_ok_and(|id| id > 0), "{id}");
        }
    }
}

#[test]
fn the_shell_completes_names_of_tables_and_columns() {
    for pair in Pair::each() {
        for client in Cli::EACH {
            let Some(mut command) = client.command(pair.port(), "shop") else { continue };
            let mut pty = Pty::start(with_commands(client, &mut command));
            pty.expect("> ");
            pty.write("SELECT ordered_a\t FROM order_it\t");
            let echo = pty.expect("order_items");
            assert!(echo.contains("ordered_at"), "{client:?}: {echo}");
            pty.write(" WHERE 1 = 0;\n");
            pty.expect("> ");
            pty.write("SELECT orders.tot\t FROM orders WHERE id = 1;\n");
            let echo = pty.expect("25.50");
            assert!(echo.contains("orders.total"), "{client:?}: {echo}");
            pty.expect("> ");
            pty.write("use shop\n");
            pty.expect("Database changed");
            pty.expect("> ");
            pty.end();
        }
    }
}

#[test]
fn the_connection_id_is_the_greetings() {
    let pair = Pair::mariadb();
    let mut raw = pair.app();
    let id = raw.greeting.connection.to_string();
    assert_eq!(raw.value("SELECT CONNECTION_ID()"), id);
    assert_eq!(raw.value("SELECT connection_id()"), id);
}

/// MySQL 9's client takes no commands of its own (`\\s`, `use`) unless it is told to.
fn with_commands(client: Cli, command: &mut Command) -> &mut Command {
    match client {
        Cli::MariaDb => command,
        Cli::MySql9 => command.arg("--commands"),
    }
}
