#!/bin/bash
# Proxy CPU per statement beside a direct connection and HAProxy in TCP mode, interleaved.
#
# In each round every target runs each workload for a while, in turn, so that what else the machine does falls on all.
# CPU is what the scheduler counted (schedstat of all threads, nanoseconds), not the 10 ms ticks of /proc/PID/stat.
# Prints Markdown: date, machine, medians, and the ratio of Meridian to HAProxy of the same round with a bootstrap interval.
#
#   ROUNDS=15 SECONDS_EACH=3 benches/cpu.sh >benches/RESULTS.md
#
# TARGETS="direct haproxy" leaves Meridian out (to check this script); MERIDIAN names another binary.
set -eu
cd "$(dirname "$0")/.."
. benches/common.sh

rounds=${ROUNDS:-15}
each=${SECONDS_EACH:-3}
read -ra targets <<<"${TARGETS:-direct haproxy meridian}"
# name : sysbench script or workload : connections : further options
workloads=(
    "point select, text, 8 connections:benches/point.lua:8:"
    "point select, text, 64 connections:benches/point.lua:64:"
    "range of 1000 rows, text, 8 connections:benches/range.lua:8:"
)

need mariadbd mariadb-server mariadb mariadb-client sysbench sysbench haproxy haproxy setpriv util-linux python3 python3
case " ${targets[*]} " in
*" meridian "*) [ -n "${MERIDIAN:-}" ] || cargo build --release --locked --quiet ;;
esac

start_servers
declare -A ports processes
for name in "${targets[@]}"; do
    prepare_target "$name"
    ports[$name]=$target_port
    processes[$name]=
    if [ "$name" != direct ]; then
        run_target
        pids+=("$pid")
        processes[$name]=$pid
    fi
done

# Nanoseconds that the threads of some processes have run.
cpu_ns() {
    local process files=()
    for process in "$@"; do files+=(/proc/"$process"/task/*/schedstat); done
    [ ${#files[@]} -gt 0 ] || { echo 0; return; }
    awk '{ sum += $1 } END { printf "%.0f\n", sum }' "${files[@]}"
}

# one TARGET WORKLOAD-LINE: a line of figures for the evaluation.
one() {
    local name script threads more
    IFS=: read -r name script threads more <<<"$2"
    local before_proxy before_servers after_proxy after_servers
    # A connection of its own thread in the server keeps its figures until it ends; the cache of threads keeps it.
    before_proxy=$(cpu_ns ${processes[$1]})
    before_servers=$(cpu_ns "$first_pid" "$second_pid")
    # shellcheck disable=SC2046,SC2086
    sysbench "$script" $(sysbench_at "${ports[$1]}") --threads="$threads" --time="$each" --events=0 $more run >"$folder/load.log" 2>&1 ||
        { cat "$folder/load.log" >&2; return 1; }
    after_proxy=$(cpu_ns ${processes[$1]})
    after_servers=$(cpu_ns "$first_pid" "$second_pid")
    awk -v target="$1" -v name="$name" -v proxy=$((after_proxy - before_proxy)) -v servers=$((after_servers - before_servers)) '
        /total number of events/ { events = $NF }
        /total time:/ { sub("s", "", $NF); seconds = $NF }
        END {
            if (!events) exit 1
            printf "%s\t%s\t%.3f\t%.3f\t%.1f\n", name, target, proxy / events / 1000, servers / events / 1000, events / seconds
        }' "$folder/load.log"
}

: >"$folder/figures"
for ((round = 1; round <= rounds; round++)); do
    echo "round $round of $rounds" >&2
    for workload in "${workloads[@]}"; do
        # The order turns with the round: nobody always comes after the same neighbour.
        for ((i = 0; i < ${#targets[@]}; i++)); do
            one "${targets[(i + round) % ${#targets[@]}]}" "$workload" >>"$folder/figures"
        done
    done
done

haproxy_version=$(haproxy -v | awk 'NR == 1 { print $3 }')
mariadb_version=$(/usr/sbin/mariadbd --version | sed 's/.*Ver \([0-9.]*\)-.*/\1/')
cat <<HEAD
# Proxy CPU per statement

$(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD), $(nproc) cores of $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r | cut -d- -f1),
MariaDB $mariadb_version, HAProxy $haproxy_version (TCP mode), sysbench, all on one machine over loopback.
$rounds interleaved rounds of $each s; medians; the interval is the middle 95 % of 10,000 bootstrap medians of the rounds' ratios.
Made by \`benches/cpu.sh\`. A loaded or virtual machine scatters by 15 to 30 %: compare within a table, never between two.
HEAD
python3 - "$folder/figures" <<'PY'
import random
import statistics
import sys

random.seed(1)
figures = {}
for line in open(sys.argv[1]):
    workload, target, *numbers = line.rstrip("\n").split("\t")
    figures.setdefault(workload, {}).setdefault(target, []).append([float(n) for n in numbers])

for workload, targets in figures.items():
    print(f"\n## {workload[0].upper()}{workload[1:]}\n")
    print("| target | proxy CPU us | servers' CPU us | statements/s |")
    print("|---|---|---|---|")
    for target in sorted(targets, key=["direct", "haproxy", "meridian"].index):
        proxy, servers, rate = (statistics.median(column) for column in zip(*targets[target]))
        shown = "-" if target == "direct" else f"{proxy:.1f}"
        print(f"| {target} | {shown} | {servers:.1f} | {rate:.0f} |")
    if "haproxy" in targets and "meridian" in targets:
        ratios = [m[0] / h[0] for m, h in zip(targets["meridian"], targets["haproxy"])]
        medians = sorted(statistics.median(random.choices(ratios, k=len(ratios))) for _ in range(10_000))
        low, high = medians[250], medians[9_750]
        print(f"\nProxy CPU, Meridian to HAProxy: median {statistics.median(ratios):.2f}, 95 % interval {low:.2f} to {high:.2f}.")
PY
