#!/bin/bash
# Before the server starts: writes what is this member's own, and fills an empty volume. Safe to end at any point and to run again.
#
# An empty volume never becomes an empty group by itself: it waits for a member to copy from, or for begin.sh.
. /etc/mysql/group/common.sh

[ "$ordinal" -lt 10 ] || fail "server numbers have room for ten members of a group in a region"
number=$(($(place "$region" "${regions[@]}") * 1000 + $(place "$group" "${groups[@]}") * 10 + ordinal)) || exit 1
{ member_settings $number && tls_settings; } >/etc/mysql/member/member.cnf || exit 1

# The name `data` is given to what is complete.
until [ -d $data ]; do
    rm -rf $new
    if [ -e /var/lib/mysql/begin ]; then
        say "begins the group $group"
        begin_group || fail "the group could not be begun"
    else
        look_at_others
        donor=
        for host in $(others); do
            [ -z "${answers[$host]:-}" ] || { donor=$host; break; }
        done
        if [ -z "$donor" ]; then
            say "has no rows, and no member answers to copy them from; a new group is begun by begin.sh"
            pause $look_every
            continue
        fi
        say "has no rows, and copies those of $donor"
        clone "$donor" || fail "the copy from $donor failed"
    fi
    find $new -exec sync {} +
    mv $new $data
    rm -f /var/lib/mysql/begin
done
say "is server $number"
