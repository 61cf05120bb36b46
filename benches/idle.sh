#!/bin/bash
# Memory of idle sessions: what the proxy's resident memory grows by, with so many clients logged in that have each run a
# statement and wait.
#
#   benches/idle.sh 5000 15000
#
# Prints Markdown. MERIDIAN names another binary. Each client is one descriptor here and one in the proxy: ulimit -n.
set -eu
cd "$(dirname "$0")/.."
. benches/common.sh

need mariadbd mariadb-server mariadb mariadb-client sysbench sysbench setpriv util-linux python3 python3
[ -n "${MERIDIAN:-}" ] || cargo build --release --locked --quiet

start_servers
prepare_target meridian
echo "limits: {connections_max: 100000, user_connections_max: 100000}" >>"$target_folder/config.yaml"

echo "| idle sessions | more than at the start, MiB | KiB a session |"
echo "|---|---|---|"
for sessions in "${@:-5000}"; do
    run_target
    pids+=("$pid")
    python3 benches/idle.py "$target_port" "$pid" "$sessions"
    server_stop "$pid"
done
