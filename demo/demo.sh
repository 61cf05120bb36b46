#!/bin/bash
# The playground with the shop of shard-maps/shop.yaml, eight MariaDB servers in two regions, and a tour of it; then it
# serves until Ctrl-C.
#
# Needs the Rust toolchain; installs MariaDB where it is missing (as root, with apt-get). Everything lives in one
# temporary folder, listens on 127.0.0.1 only, and goes when this ends. DEMO_ONCE=1 ends after the tour (for CI).
# MERIDIAN names a binary that is built already.
set -eu
cd "$(dirname "$0")/.."
. tests/support/mariadb.sh

need mariadbd mariadb-server mariadb mariadb-client setpriv util-linux
if [ -z "${MERIDIAN:-}" ]; then
    command -v cargo >/dev/null || { echo "the Rust toolchain is missing: https://rustup.rs" >&2; exit 1; }
    echo "Building Meridian (the first build takes some minutes) ..."
    cargo build --release --locked
    MERIDIAN=${CARGO_TARGET_DIR:-target}/release/meridian
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/meridian-demo-XXXXXX")
# As root the servers run as the user mysql.
chmod 755 "$folder"
playground=
end() {
    trap '' INT TERM
    [ -z "$playground" ] || server_stop "$playground"
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

port=$(free_port 3306)
[ "$port" = 3306 ] || echo "Port 3306 is taken; using $port."
began=$SECONDS
setpriv --pdeathsig TERM "$MERIDIAN" playground --folder "$folder/shop" --port "$port" --latency us=40ms \
    >"$folder/output" 2>&1 </dev/null &
playground=$!
until grep -q 'Ctrl-C ends' "$folder/output"; do
    kill -0 "$playground" 2>/dev/null || { playground=; cat "$folder/output" >&2; exit 1; }
    sleep 0.1
done
cat "$folder/output"

# The figures of the playground's table: member NAME COLUMN.
member() { awk -v name="$1" -v column="$2" '$2 == name { sub(".*:", "", $column); print $column }' "$folder/output"; }
us_port=$(sed -n 's/.* -P \([0-9]*\) .* # in us$/\1/p' "$folder/output")

client=(mariadb --no-defaults --default-character-set=utf8mb4 --comments -h127.0.0.1 -uapp -papp-password shop)
region=eu

# run STATEMENT: as a client of the region; its answer is in `answer`.
run() {
    local at=$port rc=0
    [ "$region" = eu ] || at=$us_port
    printf '\n%s> %s\n' "$region" "$1"
    answer=$("${client[@]}" -P"$at" -t -e "$1" 2>&1) || rc=$?
    [ -z "$answer" ] || printf '%s\n' "$answer"
    return $rc
}

fail() { echo "demo: $1" >&2; exit 1; }

# ask MEMBER STATEMENT: has to be answered by this member, as its @@port shows; by whichever where that is `-`.
ask() {
    run "$2" || fail "this statement failed"
    [ "$1" = - ] || printf '%s\n' "$answer" | grep -q "\\b$(member "$1" 5)\\b" || fail "not answered by $1"
    [ "$1" = - ] || echo "  -> answered by $1, the $(member "$1" 4) in $(member "$1" 3)"
}

# refuse STATEMENT: has to be refused by Meridian itself.
refuse() {
    if run "$1"; then fail "this statement should have been refused"; fi
    case $answer in *Meridian*) echo "  -> refused, with what to do instead" ;; *) fail "not Meridian's refusal" ;; esac
}

# await WHAT COMMAND...: until it succeeds.
await() {
    local tries what=$1
    shift
    for ((tries = 0; tries < 300; tries++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "waited in vain: $what"
}

# Whether a client of the region is answered by this member: answered_by MEMBER STATEMENT.
answered_by() {
    local at=$port
    [ "$region" = eu ] || at=$us_port
    "${client[@]}" -P"$at" -N -e "$2" | grep -q "\\b$(member "$1" 5)\\b"
}

say() { printf '\n-- %s\n' "$1"; }

# Replicas serve reads once they were seen twice to keep up.
await "reads by replicas" answered_by split1-1 "SELECT @@port FROM customers WHERE id = 1000042"
region=us
await "reads by replicas" answered_by orders-1 "SELECT @@port FROM orders WHERE id = 1"
await "reads by replicas" answered_by split0-1 "SELECT @@port FROM customers WHERE id = 42"
region=eu

printf '\nThe prompt was there after %s s. A tour; @@port is that of the server that answered.\n' $((SECONDS - began))

say "Whole tables are on one group, as users and orders; tables of one group are joined as ever."
ask users-0 "SELECT @@port, id, name FROM users WHERE name LIKE 'T%'"
ask orders-0 "SELECT @@port, o.id, i.product FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.id = 1"

say "countries are everywhere, so each group can join them."
ask orders-0 "SELECT @@port, o.id, c.name FROM orders o JOIN countries c ON c.code = o.country WHERE o.id = 2"

say "customers are split by id: below 1,000,000 they are on split0. clicks are split as events are, and joined with them."
ask split0-0 "SELECT @@port, name, city FROM customers WHERE id = 42"
ask - "SELECT e.kind, c.page FROM events e JOIN clicks c ON c.uid = e.user_id AND c.at > e.at WHERE e.user_id = 3"

say "A read of all shards: their rows are one result."
ask - "SELECT id, name, country FROM customers"
ask - "EXPLAIN ROUTE SELECT message FROM logs WHERE created_at >= '2026-06-30' AND level = 'error'"

say "Rows from 1,000,000 on are written in us, 40 ms away. They are read from the replica in eu."
ask split1-1 "SELECT @@port, name, city FROM customers WHERE id = 1000042"
ask split1-0 "INSERT INTO customers (id, name, city, country) VALUES (1500000, 'Andes Ltda', 'Cusco', 'AR');
    SELECT @@port, name FROM customers WHERE id = 1500000"
echo "     (a session sees what it wrote, so this read went to the primary)"

say "The same in the other region, by its own proxy: local reads of what is written in eu."
region=us
ask orders-1 "SELECT @@port, id, total FROM orders WHERE user_id = 1 ORDER BY id"
region=eu

say "What cannot be answered exactly is refused."
refuse "SELECT u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id"
refuse "SELECT COUNT(*) FROM customers"

say "A live change of the map: a table of vouchers, beside the users. No session ends."
for map in "$folder"/shop/map.yaml "$folder"/shop/map-1.yaml; do
    sed -e 's/^generation: 1$/generation: 2/' -e 's/^      users: users$/&\n      vouchers: users/' "$map" >"$map.new"
    mv "$map.new" "$map"
done
echo "  map.yaml: generation: 2, vouchers: users"
await "the new map" "${client[@]}" -P"$port" -e "CREATE TABLE IF NOT EXISTS vouchers (code CHAR(8) PRIMARY KEY, worth DECIMAL(10, 2))"
ask - "INSERT INTO vouchers VALUES ('AUTUMN26', 5); SELECT * FROM vouchers"
ask - "EXPLAIN ROUTE SELECT worth FROM vouchers WHERE code = 'AUTUMN26'"

say "A member is killed: the replica split1-1, process $(member split1-1 6). Its reads go elsewhere, to the primary in us."
kill -KILL "$(member split1-1 6)"
ask split1-0 "SELECT @@port, name FROM customers WHERE id = 1000042"
ask - "SHOW MERIDIAN MEMBERS"

[ -z "${DEMO_ONCE:-}" ] || exit 0
cat <<EOT

Meridian serves the shop. In another terminal:

    mysql --default-character-set=utf8mb4 -h 127.0.0.1 -P $port -u app -papp-password shop
    mysql --default-character-set=utf8mb4 -h 127.0.0.1 -P $us_port -u app -papp-password shop    # in us

Its maps, accounts and log (map.yaml, map-1.yaml, accounts.yaml, proxy.log) are in $folder/shop while it runs.
Ctrl-C ends everything.
EOT
trap 'exit 0' INT
wait "$playground" || { playground=; echo "demo: the playground ended" >&2; tail -n 3 "$folder/output" >&2; exit 1; }
