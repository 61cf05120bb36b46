#!/bin/bash
# Beside a server for as long as it runs: looks at all members of its group, follows the one that is written, and opens this
# server for writes where the group's record names it and nobody can have gone ahead of it.
#
# At most one is writable, as far as scripts can see to that: opening takes an answer of every member that has ever followed.
. /etc/mysql/group/common.sh

step() {
    local mine read_only primary term position open host
    mine=$(look) || { say "the server does not answer yet"; return; }
    IFS=$'\t' read -r read_only primary term position <<<"$mine"
    [ ! -d $tls ] || attend_certificate
    look_at_others
    mapfile -t open < <(writable)
    if [ "$read_only" = 0 ]; then
        attend_primary
    elif [ ${#open[@]} = 1 ]; then
        attend_replica "${open[0]}"
    elif [ ${#open[@]} -gt 1 ]; then
        say "several members are writable: ${open[*]}; a person has to decide"
    elif [ "$primary" = "$self" ]; then
        open_if_sound
    else
        say "nobody is writable; $primary was the last one that was"
    fi
}

# A server reads its certificate as it starts; one that was renewed has to be shown to it.
taken_up=
refused=
attend_certificate() {
    local now error
    now=$(cat $tls/ca.crt $tls/tls.crt $tls/tls.key | cksum)
    if [ "$now" = "$taken_up" ]; then
        return
    elif error=$(here -e "$reload_tls_sql" 2>&1); then
        taken_up=$now
        say "has taken up its certificate"
    elif [ "$now" != "$refused" ]; then
        refused=$now
        say "cannot take up its certificate: $error"
    fi
}

attend_primary() {
    local host refused joined
    for host in "${open[@]}"; do
        if [ "$(field 3 "$host")" -gt "$term" ]; then
            here -e "$close_sql" && say "is not written any more: $host was made primary after it"
            return
        fi
    done
    # A new password of the Secret.
    refused=$(there "$self" -e 'DO 1' 2>&1) || case $refused in
    *1045*) here_in_secret <<<"ALTER USER replication@'%' IDENTIFIED BY '$(password)'" && say "has changed the password of replication" ;;
    esac
    joined=$(here -e 'SELECT name FROM group_record.members')
    for host in "${!answers[@]}"; do
        grep -qxF "$host" <<<"$joined" ||
            { here -e "INSERT INTO group_record.members VALUES ('$host')" && say "$host has joined the group"; }
    done
    say "is written, term $term"
}

attend_replica() {
    local host io sql number text
    read -r host io sql number text <<<"$(following)"
    if [ "$host" != "$1" ] || [ "$number" = 1045 ]; then
        follow "$1" && say "follows $1"
    elif [ "$io" != Yes ] && [ "$io" != Connecting ] || [ "$sql" != Yes ]; then
        say "does not follow $1: ${text:-stopped}"
        start_following
    else
        say "follows $1"
    fi
}

open_if_sound() {
    local host joined
    joined=$(here -e 'SELECT name FROM group_record.members') || return
    for host in $joined; do
        [ "$host" != "$self" ] || continue
        if [ -z "${answers[$host]:-}" ]; then
            say "waits for $host before it takes writes: it could have been made primary"
            return
        elif [ "$(field 3 "$host")" -gt "$term" ]; then
            say "takes no writes: $host knows of a later primary, $(field 2 "$host")"
            return
        elif ! covers "$position" "$(field 4 "$host")"; then
            say "gets the rows that only $host has, before it takes writes"
            attend_replica "$host"
            return
        fi
    done
    stop_following && open_for_writes && say "takes writes, term $term"
}

while :; do
    step
    pause $look_every
done
