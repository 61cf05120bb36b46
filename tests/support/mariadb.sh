#!/bin/bash
# Real MariaDB servers in private folders, for the benches and (the `template` command) the Rust tests.
#
#   tests/support/mariadb.sh template   initialise a data folder once per version, print its path
#   . tests/support/mariadb.sh          functions: free_port, mariadb_start, server_stop
#
# Every server listens on 127.0.0.1 only, holds the accounts of accounts.sql, and never reads /etc/mysql.
# As root the servers run as the user `mysql`. Processes are ended by their own id, never by name.
set -eu

support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$support/../.." && pwd)

# Installs Debian packages whose command is missing: need COMMAND PACKAGE [COMMAND PACKAGE ...]
need() {
    local missing=()
    while [ $# -gt 1 ]; do
        PATH=$PATH:/usr/sbin command -v "$1" >/dev/null || missing+=("$2")
        shift 2
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "missing here: ${missing[*]}; install them (Debian, Ubuntu: sudo apt-get install ${missing[*]}) and try again" >&2
        return 1
    fi
    echo "installing ${missing[*]}" >&2
    # Debian would start a server of its own after installing one; nobody asked for that.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
    local rc=0 log; log=$(mktemp)
    { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; }
    } >"$log" 2>&1 || { rc=$?; tail -n 20 "$log" >&2; }
    [ -z "$made" ] || rm -f $policy
    rm -f "$log"
    return $rc
}

# What runs a server: as root, by the user mysql; and it ends when the one who started it dies.
as_server_user() {
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=mysql --regid=mysql --clear-groups --pdeathsig KILL "$@"
    fi
    exec setpriv --pdeathsig KILL "$@"
}

# Small files and no flushes: these servers hold nothing that anybody needs after a crash.
mariadb_options=(
    --innodb-log-file-size=8M --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0
    --innodb-doublewrite=0 --sync-binlog=0 --skip-name-resolve --performance-schema=OFF
    --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci
)

mariadb_template() {
    local version cache work
    version=$(/usr/sbin/mariadbd --version | sed 's/.*Ver \([0-9.]*\)-.*/\1/')
    cache=$checkout/target/mariadb-template-$version-$(cksum <"$support/accounts.sql" | cut -d ' ' -f 1)
    mkdir -p "$checkout/target"
    exec 8>"$cache.lock"
    flock 8
    if [ ! -d "$cache" ]; then
        work=$(mktemp -d)
        chmod 755 "$work"
        local user=()
        if [ "$(id -u)" = 0 ]; then user=(--user=mysql); chown mysql: "$work"; fi
        mariadb-install-db --no-defaults "${user[@]}" --datadir="$work/data" --auth-root-authentication-method=normal \
            --skip-test-db --extra-file="$support/accounts.sql" "${mariadb_options[@]}" >"$work/log" 2>&1 ||
            { cat "$work/log" >&2; rm -rf "$work"; return 1; }
        cp -a "$work/data" "$cache.new"
        mv "$cache.new" "$cache"
        rm -rf "$work"
    fi
    exec 8>&-
    echo "$cache"
}

# A port nobody listens on, below the range from which the kernel takes ports for outgoing connections.
# Tries first the ports from $1 on (default: a random one).
free_port() {
    local port=${1:-$((20000 + RANDOM % 11000))} tries
    for ((tries = 0; tries < 200; tries++)); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return 0; fi
        port=$((port + 1))
    done
    echo "no free port in $((port - 200))..$port" >&2
    return 1
}

# mariadb_start FOLDER [OPTION ...]: starts a server in the new folder FOLDER; sets `port` and `pid`.
# FOLDER must be reachable for the user mysql when root (so: below /tmp).
mariadb_start() {
    local folder=$1 template tries
    shift
    template=$(mariadb_template)
    mkdir -p "$folder/tmp"
    chmod 755 "$folder"
    cp -a "$template" "$folder/data"
    [ "$(id -u)" != 0 ] || chown mysql: "$folder" "$folder/tmp"
    port=$(free_port)
    ( as_server_user /usr/sbin/mariadbd --no-defaults --datadir="$folder/data" --port="$port" --bind-address=127.0.0.1 \
        --tmpdir="$folder/tmp" --socket="$folder/socket" --pid-file="$folder/pid" "${mariadb_options[@]}" "$@" ) >"$folder/error.log" 2>&1 </dev/null &
    pid=$!
    for ((tries = 0; tries < 600; tries++)); do
        if mariadb --no-defaults -h127.0.0.1 -P"$port" -uapp -papp-password -e 'DO 1' >/dev/null 2>&1; then return 0; fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "MariaDB did not start in $folder:" >&2
    tail -n 20 "$folder/error.log" >&2
    return 1
}

# server_stop PID: SIGTERM, and SIGKILL after ten seconds.
server_stop() {
    local tries
    kill -TERM "$1" 2>/dev/null || return 0
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$1" 2>/dev/null || { wait "$1" 2>/dev/null || true; return 0; }
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    case ${1:-} in
    template)
        need mariadbd mariadb-server setpriv util-linux
        mariadb_template
        ;;
    *)
        sed -n '2,8s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
    esac
fi
