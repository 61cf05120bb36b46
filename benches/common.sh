# What both bench scripts need: two servers with sysbench's table, targets in front of them. Sourced.
#
# Sets: folder, first, second (ports), first_pid. Everything ends with the script.
# sbtest1 (10,000 rows) is split by id over both servers as the shard map says; each holds all rows, so that a target
# which only relays to the first answers the same. sbtest2 (10,000 rows) is on the first alone.

. tests/support/mariadb.sh
. benches/files.sh

folder=$(mktemp -d "${TMPDIR:-/tmp}/meridian-bench-XXXXXX")
chmod 755 "$folder"
pids=()
end() {
    trap '' INT TERM
    local i
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do server_stop "${pids[i]}"; done
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

# The connection options of sysbench for a port.
sysbench_at() { echo "--db-driver=mysql --mysql-host=127.0.0.1 --mysql-port=$1 --mysql-user=app --mysql-password=app-password --mysql-db=sbtest"; }

start_servers() {
    local name
    for name in first second; do
        mariadb_start "$folder/$name" --table-open-cache=400
        pids+=("$pid")
        printf -v "$name" %s "$port"
        printf -v "${name}_pid" %s "$pid"
        mariadb --no-defaults -h127.0.0.1 -P"$port" -uadmin -padmin-password -e 'CREATE DATABASE sbtest'
        # shellcheck disable=SC2046
        sysbench oltp_common $(sysbench_at "$port") --tables=2 --table-size=10000 prepare >"$folder/prepare.log" ||
            { cat "$folder/prepare.log" >&2; return 1; }
    done
    mariadb --no-defaults -h127.0.0.1 -P"$second" -uadmin -padmin-password -e 'DROP TABLE sbtest.sbtest2'
}

bench_map() {
    cat <<YAML
version: 1
regions: [here]
groups:
  first:  {members: [{at: "127.0.0.1:$first", region: here}]}
  second: {members: [{at: "127.0.0.1:$second", region: here}]}
shards:
  first:  {group: first}
  second: {group: second}
databases:
  sbtest:
    family: mariadb
    unlisted: refuse
    tables:
      sbtest2: first
      sbtest1:
        key: {id: bigint}
        range:
          - {from: MIN, on: first}
          - {from: 5001, on: second}
YAML
}

# prepare_target NAME: writes the files of a target and chooses its port; sets target_port and target (the command).
# direct has no command. `meridian` is the release binary, or $MERIDIAN.
prepare_target() {
    target_folder=$folder/$1
    mkdir -p "$target_folder"
    target_port=$(free_port)
    target=()
    case $1 in
    direct) target_port=$first ;;
    meridian)
        write_proxy_files "$target_folder" "$target_port" "$(bench_map)"
        target=("${MERIDIAN:-${CARGO_TARGET_DIR:-target}/release/meridian}" serve --config "$target_folder/config.yaml")
        ;;
    haproxy)
        cat >"$target_folder/haproxy.cfg" <<CFG
global
    nbthread $(nproc)
    maxconn 4096
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen mysql
    bind 127.0.0.1:$target_port
    server first 127.0.0.1:$first
CFG
        target=(haproxy -db -f "$target_folder/haproxy.cfg")
        ;;
    *) echo "no such target: $1" >&2; return 1 ;;
    esac
}

# run_target [WRAPPER...]: starts the prepared target; sets pid; returns when it lets a client in.
# The client is one that the target knows, so that the wait costs the target the same each time.
run_target() {
    local tries
    setpriv --pdeathsig KILL "$@" "${target[@]}" >"$target_folder/proxy.log" 2>&1 </dev/null &
    pid=$!
    for ((tries = 0; tries < 600; tries++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$target_port") 2>/dev/null; then return 0; fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "the target did not start: $* ${target[*]}" >&2
    cat "$target_folder/proxy.log" >&2
    return 1
}
