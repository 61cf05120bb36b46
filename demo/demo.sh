#!/bin/bash
# Two real MariaDB servers, a small shop spread over them, Meridian in front, a short tour; then it serves until Ctrl-C.
#
# Needs the Rust toolchain; installs MariaDB where it is missing (as root, with apt-get). Everything lives in one
# temporary folder, listens on 127.0.0.1 only, and goes when this ends. DEMO_ONCE=1 ends after the tour (for CI).
set -eu
cd "$(dirname "$0")/.."
. tests/support/mariadb.sh
. demo/files.sh

command -v cargo >/dev/null || { echo "the Rust toolchain is missing: https://rustup.rs" >&2; exit 1; }
need mariadbd mariadb-server mariadb mariadb-client setpriv util-linux

echo "Building Meridian (the first build takes some minutes) ..."
cargo build --release --locked
meridian=${CARGO_TARGET_DIR:-target}/release/meridian

folder=$(mktemp -d "${TMPDIR:-/tmp}/meridian-demo-XXXXXX")
chmod 755 "$folder"
pids=()
end() {
    trap '' INT TERM
    local i
    # The proxy before its servers.
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do server_stop "${pids[i]}"; done
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

echo "Starting two MariaDB servers ..."
mariadb_start "$folder/first" --server-id=1
first=$port
pids+=("$pid")
mariadb_start "$folder/second" --server-id=2
second=$port
pids+=("$pid")
for server in first second; do
    mariadb --no-defaults --default-character-set=utf8mb4 -h127.0.0.1 -P"${!server}" -uadmin -padmin-password \
        <"demo/shop-$server.sql"
done

port=$(free_port 3306)
[ "$port" = 3306 ] || echo "Port 3306 is taken; using $port."
write_proxy_files "$folder" "$port" "version: 1
regions: [here]
groups:
  first:  {members: [{at: \"127.0.0.1:$first\", region: here}]}
  second: {members: [{at: \"127.0.0.1:$second\", region: here}]}
shards:
  first:  {group: first}
  second: {group: second}
databases:
  shop:
    family: mariadb
    unlisted: refuse
    tables:
      users: first
      orders: second
      order_items: second
      customers:
        key: {id: bigint unsigned}
        range:
          - {from: MIN, on: first}
          - {from: 1000000, on: second}"
setpriv --pdeathsig TERM "$meridian" serve --config "$folder/config.yaml" >"$folder/proxy.log" 2>&1 </dev/null &
proxy=$!
pids+=("$proxy")
wait_listening "$folder" "$proxy"

client=(mariadb --no-defaults --default-character-set=utf8mb4 -h127.0.0.1 -P"$port" -uapp -papp-password shop)

# ask WHERE STATEMENT: runs a statement that has to be answered by that server, as its @@port shows.
ask() {
    local answer
    printf '\n> %s\n' "$2"
    answer=$("${client[@]}" -t -e "$2") || { echo "demo: this statement failed" >&2; exit 1; }
    printf '%s\n' "$answer"
    case $1 in
    first | second)
        printf '%s\n' "$answer" | grep -q "\\b${!1}\\b" || { echo "demo: not answered by $1 (${!1})" >&2; exit 1; }
        echo "  -> routed to the $1 server, 127.0.0.1:${!1}"
        ;;
    *) echo "  -> $1" ;;
    esac
}

# change WHERE STATEMENT: a statement without rows; the server's own word follows from the next `ask`.
change() {
    printf '\n> %s\n' "$2"
    "${client[@]}" -e "$2" || { echo "demo: this statement failed" >&2; exit 1; }
    echo "  -> routed to the $1 server"
}

# refuse STATEMENT: has to be refused by Meridian itself.
refuse() {
    local answer
    printf '\n> %s\n' "$1"
    if answer=$("${client[@]}" -e "$1" 2>&1); then echo "demo: this statement should have been refused" >&2; exit 1; fi
    printf '%s\n' "$answer"
    case $answer in *Meridian*) echo "  -> refused, with what to do instead" ;; *) echo "demo: not Meridian's refusal" >&2; exit 1 ;; esac
}

cat <<TOUR

A tour. users live on the first server (127.0.0.1:$first); orders and order_items on the second (127.0.0.1:$second);
customers on both, split at id 1,000,000. @@port is the port of the server that answered.
TOUR
ask "one session, whatever the server" "SELECT @@version_comment, DATABASE()"
ask "both servers' tables, as one database" "SHOW TABLES"
ask first "SELECT @@port, id, name FROM users WHERE name LIKE 'T%'"
ask second "SELECT @@port, id, total FROM orders WHERE user_id = 1 ORDER BY id"
ask second "SELECT @@port, o.id, i.product, i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.id = 1"
ask first "SELECT @@port, id, name, city FROM customers WHERE id = 42"
ask second "SELECT @@port, id, name, city FROM customers WHERE id = 1000042"
ask second "SELECT @@port, id, name FROM customers WHERE id IN (1000000, 2000000)"
change first "INSERT INTO customers (id, name, city) VALUES (77, 'Kontor & Söhne', 'Bremen')"
change second "INSERT INTO customers (id, name, city) VALUES (1500000, 'Andes Ltda', 'Cusco')"
ask first "SELECT @@port, name FROM customers WHERE id = 77"
ask second "SELECT @@port, name FROM customers WHERE id = 1500000"
change second "BEGIN; UPDATE orders SET total = total + 1 WHERE id = 3; ROLLBACK"
ask second "SELECT @@port, total FROM orders WHERE id = 3"
refuse "SELECT u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id"

[ -z "${DEMO_ONCE:-}" ] || exit 0
cat <<EOT

Meridian serves the shop. In another terminal:

    mysql --default-character-set=utf8mb4 -h 127.0.0.1 -P $port -u app -papp-password shop

Its map, accounts and log (map.yaml, accounts.yaml, proxy.log) are in $folder while it runs.
Ctrl-C ends everything.
EOT
trap 'exit 0' INT
wait "$proxy" || { echo "demo: the proxy ended" >&2; tail -n 3 "$folder/proxy.log" >&2; exit 1; }
