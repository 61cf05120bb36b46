#!/bin/bash
# The gate of the relay: user-mode instructions (callgrind) and system calls (strace -c) per statement at one connection.
#
# Both are differences of two run lengths, so that start and login cancel out; they hold on a noisy machine. Fails above the bounds. TARGET=haproxy measures HAProxy instead (to check this script); MERIDIAN names
# another binary.
#
#   statement                         instructions   system calls
#   cached point select, text               10,000            6.2
#   1000-row range, text                    90,000             20
set -eu
cd "$(dirname "$0")/.."
. benches/common.sh

TARGET=${TARGET:-meridian}
need mariadbd mariadb-server mariadb mariadb-client sysbench sysbench valgrind valgrind strace strace setpriv util-linux
if [ "$TARGET" = haproxy ]; then need haproxy haproxy; fi
if [ "$TARGET" = meridian ] && [ -z "${MERIDIAN:-}" ]; then cargo build --release --locked --quiet; fi

start_servers
prepare_target "$TARGET"
# What is done once a second is no statement's, and callgrind's slowness would count it fifty times.
[ "$TARGET" != meridian ] || printf 'reload: {poll_ms: 60000}\nprobe: {interval_ms: 60000}\n' >>"$target_folder/config.yaml"

# load WORKLOAD EVENTS: that many statements at one connection.
load() {
    # shellcheck disable=SC2046
    sysbench "benches/$1.lua" $(sysbench_at "$target_port") --threads=1 --time=0 --events="$2" --rand-seed=1 run \
        >"$folder/load.log" 2>&1 || { echo "the load failed:" >&2; cat "$folder/load.log" "$target_folder/proxy.log" >&2; return 1; }
    # An error that sysbench ignores would make the figures look good.
    if ! grep -q "total number of events: *$2\$" "$folder/load.log"; then cat "$folder/load.log" >&2; return 1; fi
}

# Waits for a file that is written when the target ends.
ended() {
    local tries
    server_stop "$1"
    for ((tries = 0; tries < 100; tries++)); do
        if [ -s "$2" ] && grep -q "$3" "$2"; then return 0; fi
        sleep 0.1
    done
    echo "no $3 in $2" >&2
    return 1
}

# Writes what callgrind has counted since the last time, in all threads: counted NUMBER.
counted() {
    local tries out=$folder/callgrind.out.$1
    callgrind_control --dump "$pid" >"$folder/control.log" 2>&1 || { cat "$folder/control.log" >&2; return 1; }
    for ((tries = 0; tries < 100; tries++)); do
        if grep -q '^totals:' "$out" 2>/dev/null; then awk '/^totals:/ { print $2 }' "$out"; return 0; fi
        sleep 0.1
    done
    echo "callgrind wrote no $out" >&2
    return 1
}

# instructions WORKLOAD SHORT LONG: of a load of each length, on one process that has served one before. Not two
# processes: making an RSA key at the start takes a random number of instructions, more than all that is measured.
instructions() {
    rm -f "$folder"/callgrind.out*
    run_target valgrind --tool=callgrind --callgrind-out-file="$folder/callgrind.out" --log-file="$folder/callgrind.log"
    local start short long
    load "$1" "$2"
    start=$(counted 1)
    load "$1" "$2"
    short=$(counted 2)
    load "$1" "$3"
    long=$(counted 3)
    server_stop "$pid"
    [ "$start" -gt 0 ] && echo "$short $long"
}

# system_calls WORKLOAD SHORT LONG: of two processes, each with a load of one length. With -D strace is not the parent,
# so that the id is the target's own.
system_calls() {
    local log=$folder/strace.log events figures=()
    for events in "$2" "$3"; do
        rm -f "$log"
        run_target strace -D -f -c -o "$log"
        load "$1" "$events"
        ended "$pid" "$log" total >&2
        # The column of errors may be empty in the last line.
        figures+=("$(awk '$NF == "total" { print $4 }' "$log")")
    done
    echo "${figures[*]}"
}

failed=0

# verdict NAME BOUND SHORT LONG EVENTS: the difference per event against the bound.
verdict() {
    local name=$1 bound=$2 short=$3 long=$4 events=$5
    awk -v name="$name" -v bound="$bound" -v short="$short" -v long="$long" -v events="$events" 'BEGIN {
        figure = (long - short) / events
        printf "%-38s %12.2f   at most %8s   %s\n", name, figure, bound, figure <= bound ? "ok" : "TOO MUCH"
        exit !(figure <= bound)
    }'
}

# figure NAME FUNCTION WORKLOAD BOUND SHORT LONG: up to six measurements. What else the machine does adds wake-ups and
# split reads, which cost instructions and calls and never save any: one within the bound shows that the work fits.
figure() {
    local figures short long tries
    for tries in 1 2 3 4 5 6; do
        figures=$($2 "$3" "$5" "$6")
        read -r short long <<<"$figures"
        if verdict "$1" "$4" "$short" "$long" $(($6 - $5)); then return; fi
    done
    failed=1
}

echo "$TARGET, one connection, per statement:"
figure "point select, instructions" instructions point 10000 500 2500
figure "point select, system calls" system_calls point 6.2 500 2500
figure "range of 1000 rows, instructions" instructions range 90000 100 500
figure "range of 1000 rows, system calls" system_calls range 20 100 500
exit $failed
