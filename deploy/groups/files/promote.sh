#!/bin/bash
# Makes this member the one that is written. For a person:
#   kubectl exec us-orders-0 -c replication -- bash /etc/mysql/group/promote.sh
# With a primary that answers nothing is lost: it is closed first, and this member gets the rest of its rows before it opens.
# Without one, all other members have to answer and none may be ahead; each that is gone for good is named:
#   promote.sh --without eu-orders-0.eu-orders
# That one must be known not to run: if it does, it still takes writes, and they will be lost.
. /etc/mysql/group/common.sh

without=()
while [ $# -gt 0 ]; do
    [ "$1" = --without ] && [ $# -gt 1 ] || fail "usage: promote.sh [--without MEMBER]..."
    without+=("$2")
    shift 2
done

mine=$(look) || fail "the server does not answer"
IFS=$'\t' read -r read_only primary term position <<<"$mine"
[ "$read_only" = 1 ] || { echo "is written already"; exit 0; }
look_at_others
mapfile -t open < <(writable)
record="INSERT INTO group_record.primaries (term, name) SELECT MAX(term) + 1, '$self' FROM group_record.primaries AS last"
case ${#open[@]} in
1)
    [ ${#without[@]} = 0 ] || fail "${open[0]} is writable: nothing is to be left out"
    read -r host io sql rest <<<"$(following)"
    [ "$host $io $sql" = "${open[0]} Yes Yes" ] || fail "does not follow ${open[0]}, so it cannot take over from it"
    there "${open[0]}" -e "$record; $close_sql" || fail "${open[0]} could not be closed"
    ;;
0)
    joined=$(here -e 'SELECT name FROM group_record.members')
    for host in $joined; do
        case " $self ${without[*]} " in *" $host "*) continue ;; esac
        [ -n "${answers[$host]:-}" ] || fail "$host does not answer; --without $host if it is gone for good"
        covers "$position" "$(field 4 "$host")" || fail "$host has more rows: promote that one"
    done
    stop_following || exit 1
    for host in "${without[@]}"; do
        record="$record; DELETE FROM group_record.members WHERE name = '$host'"
    done
    write_closed "$record" || fail "the record could not be written"
    ;;
*) fail "several members are writable: ${open[*]}" ;;
esac

# attend.sh opens it, when it has all rows.
for ((tries = 0; tries < 120; tries++)); do
    [ "$(here -e 'SELECT @@read_only')" = 1 ] || { echo "is written now"; exit 0; }
    pause 0.5
done
fail "is named as primary but not open yet; the log of the container says what it waits for"
