#!/bin/bash
# Begins a group on this member, which becomes the first one that is written. For a person, once for each group:
#   kubectl exec eu-orders-0 -c prepare -- bash /etc/mysql/group/begin.sh
. /etc/mysql/group/common.sh

[ ! -d $data ] || fail "has rows already"
look_at_others
[ ${#answers[@]} = 0 ] || fail "the group has begun: ${!answers[*]}"
touch /var/lib/mysql/begin
