//! Packets over 16 MiB in both directions, results larger than the proxy's memory, clients that read slowly.

use std::io::Read;
use std::time::Duration;

use crate::support::{MariaDb, Pair, Reply, Settings};

const MIB: usize = 1 << 20;

/// A row of 64 MiB needs a server that may send it.
fn pair() -> Pair {
    let start = |name| MariaDb::start(name, &["--max-allowed-packet=128M"]);
    Pair::of(start("first"), start("second"), "limits:\n  packet_bytes_max: 134217728\n")
}

#[test]
fn packets_of_16_mib_and_more_pass_in_both_directions() {
    let mut pair = pair();
    pair.first.run_all(&["ALTER TABLE shop.notes MODIFY text LONGTEXT"]);
    pair.second.run_all(&["ALTER TABLE shop.marks MODIFY text LONGTEXT"]);
    let mut raw = pair.app();
    for table in ["notes", "marks"] {
        let frame = format!("\x03INSERT INTO {table} (text) VALUES ('')").len();
        // Around the limit of a packet: a byte less, exactly, a byte more, and twice exactly.
        for payload in [0xFF_FFFE, 0xFF_FFFF, 0x100_0000, 2 * 0xFF_FFFF, 2 * 0xFF_FFFF + 1, 40 * MIB] {
            let text = "x".repeat(payload - frame);
            let done = raw.ok(&format!("INSERT INTO {table} (text) VALUES ('{text}')"));
            let id = done.last_id;
            assert_eq!(raw.value(&format!("SELECT LENGTH(text) FROM {table} WHERE id = {id}")), text.len().to_string());
            assert_eq!(raw.value(&format!("SELECT text FROM {table} WHERE id = {id}")).len(), text.len());
            assert_eq!(raw.value("SELECT name FROM users WHERE id = 1"), "Ada");
        }
    }
    pair.check_sound();
}

#[test]
fn rows_around_the_limit_of_a_packet_arrive_whole() {
    let pair = pair();
    let mut raw = pair.app();
    // A row of n bytes has a length of 4 bytes before it (9 from 16 MiB on).
    for bytes in [0xFF_FFFA, 0xFF_FFFB, 0xFF_FFFC, 0xFF_FFFF, 0x100_0000, 2 * 0xFF_FFFF - 9, 2 * 0xFF_FFFF] {
        let rows = raw.rows(&format!("SELECT REPEAT('y', {bytes}), 'behind' FROM users WHERE id IN (1, 2)"));
        assert_eq!(rows.rows.len(), 2, "{bytes}");
        for row in &rows.rows {
            assert_eq!(row[0].as_ref().map(Vec::len), Some(bytes));
            assert_eq!(row[1].as_deref(), Some(&b"behind"[..]));
        }
    }
}

#[test]
fn a_command_above_the_limit_is_refused() {
    let mut pair = Pair::mariadb_with("limits:\n  packet_bytes_max: 1048576\n");
    let mut raw = pair.app();
    let text = format!("\x03INSERT INTO notes (text) VALUES ('{}')", "x".repeat(3 * MIB));
    // The proxy may close before it has read everything.
    if raw.command(text.as_bytes()).is_ok() {
        match raw.reply(false) {
            Ok(Reply::Error(e)) => assert_eq!(e.code, 1153),
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
    }
    assert_eq!(pair.first.value("SELECT COUNT(*) FROM shop.notes"), "0");
    pair.check_sound();
}

/// 512 rows of 1 MiB from a table, so that the server streams them.
const HALF_GIB: &str = "SELECT REPEAT('z', 1048576) FROM hundreds LIMIT 512";

#[test]
fn a_result_of_512_mib_passes_a_proxy_of_128_mib_at_the_clients_pace() {
    let mut pair = pair();
    let map = crate::support::pair::shop_map(&pair.first, &pair.second) + "      hundreds: first\n";
    pair.first.run_all(&["CREATE TABLE shop.hundreds (n INT) SELECT seq AS n FROM shop.seq_1_to_512"]);
    pair.start_proxy(Settings { map, wrapper: limited_to_128_mib(), ..Settings::default() });
    let mut slow = pair.app();
    slow.send_query(HALF_GIB);
    let mut read = 0;
    let mut chunk = vec![0; 64 * 1024];
    while read < 16 * MIB {
        let n = slow.stream().read(&mut chunk).expect("the result goes on");
        assert!(n > 0);
        read += n;
    }
    // Nobody reads for a while: the proxy must stop reading as well, and serve others.
    let mut other = pair.app();
    for _ in 0..20 {
        assert_eq!(other.value("SELECT name FROM users WHERE id = 1"), "Ada");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(pair.proxy().memory_kib_max() < 64 * 1024, "{} KiB after the pause", pair.proxy().memory_kib_max());
    // The rest, with a pause now and then.
    while read < 512 * MIB {
        let n = slow.stream().read(&mut chunk).expect("the result goes on");
        assert!(n > 0, "closed after {read} bytes");
        if read / (64 * MIB) != (read + n) / (64 * MIB) {
            std::thread::sleep(Duration::from_millis(100));
        }
        read += n;
    }
    let peak = pair.proxy().memory_kib_max();
    assert!(peak < 128 * 1024, "{peak} KiB");
    drop(slow);
    pair.check_sound();
}

#[test]
fn a_client_that_never_reads_is_cancelled() {
    let mut pair = pair();
    let map = crate::support::pair::shop_map(&pair.first, &pair.second) + "      hundreds: first\n";
    pair.first.run_all(&["CREATE TABLE shop.hundreds (n INT) SELECT seq AS n FROM shop.seq_1_to_512"]);
    let config = "limits:\n  client_stall_ms_max: 500\n".to_owned();
    pair.start_proxy(Settings { map, config, ..Settings::default() });
    let mut stuck = pair.app();
    stuck.send_query(HALF_GIB);
    crate::support::await_that("the statement runs", || {
        let running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT REPEAT%'";
        (!pair.first.rows(running).rows.is_empty()).then_some(())
    });
    crate::support::await_that("the statement of a client that takes nothing is cancelled", || {
        let running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT REPEAT%'";
        pair.first.rows(running).rows.is_empty().then_some(())
    });
    pair.check_sound();
}

/// A hard limit where this machine has one to give: a scope of systemd. Elsewhere the peak is looked at afterwards.
fn limited_to_128_mib() -> Vec<String> {
    let scope = ["systemd-run", "--scope", "--quiet", "-p", "MemoryMax=128M", "-p", "MemorySwapMax=0"];
    let works = std::process::Command::new(scope[0])
        .args(&scope[1..])
        .arg("true")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if works { scope.map(str::to_owned).to_vec() } else { Vec::new() }
}
