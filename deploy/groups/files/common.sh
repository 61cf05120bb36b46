# What all scripts share: who this member is, who the others are, and what a member says of itself.
#
# Each group keeps a record of its own, which is replicated like its rows:
#   group_record.primaries   who was made the one that is written, by ascending terms; the last one counts
#   group_record.members     who has ever followed
set -u -o pipefail
trap 'exit 143' TERM INT
. /etc/mysql/group/members.sh

me=$HOSTNAME
region=${me%%-*}
ordinal=${me##*-}
group=${me#*-}
group=${group%-*}
self=$me.$region-$group

. /etc/mysql/group/family.sh

# Lines of the log; the same line again only when another one was between.
said=
say() {
    [ "$*" = "$said" ] || echo "$me: $*" >&2
    said=$*
}

fail() {
    echo "$me: $*" >&2
    exit 1
}

# In the background, for a shell that waits in the foreground hears no SIGTERM.
pause() {
    sleep "$1" &
    wait $!
}

# place WORD LIST...: at which place of the list the word is, from 1 on.
place() {
    local word=$1 at=0 other
    shift
    for other in "$@"; do
        at=$((at + 1))
        [ "$other" != "$word" ] || { echo $at; return 0; }
    done
    fail "$word is not in: $*"
}

# All members but this one, those of its own region first.
others() {
    local of each near=() far=()
    for of in "${regions[@]}"; do
        for ((each = 0; each < ordinals; each++)); do
            case $of-$group-$each in
            "$me") ;;
            "$region"-*) near+=("$of-$group-$each.$of-$group") ;;
            *) far+=("$of-$group-$each.$of-$group") ;;
            esac
        done
    done
    printf '%s\n' "${near[@]}" "${far[@]}" | grep .
}

# The replication account's password. What quotes in SQL and in a client's file would need is refused.
password() {
    local text
    text=$(cat /etc/mysql/accounts/replication-password) || return 1
    case $text in
    *[!A-Za-z0-9_.+/=-]* | '') fail "replication-password is empty, or has other characters than letters, digits and _.+/=-" ;;
    esac
    echo "$text"
}

login() {
    printf '[client]\nuser=replication\npassword="%s"\nport=3306\nprotocol=tcp\n' "$(password)"
    [ ! -d $tls ] || echo "$login_tls"
}

# The server's own part of that: its certificate, and nobody over TCP without.
tls_settings() {
    [ ! -d $tls ] || printf '%s\n' "ssl_ca = $tls/ca.crt" "ssl_cert = $tls/tls.crt" "ssl_key = $tls/tls.key" \
        'require_secure_transport = ON'
}

# The record of a group that begins on this member.
record_sql="CREATE DATABASE group_record;
CREATE TABLE group_record.primaries (term BIGINT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL,
    since TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB;
CREATE TABLE group_record.members (name VARCHAR(255) NOT NULL PRIMARY KEY) ENGINE=InnoDB;
INSERT INTO group_record.primaries (term, name) VALUES (1, '$self');
INSERT INTO group_record.members VALUES ('$self');"

# look [HOST]: a member's read_only, the last of its record (name, term), and its position, tab by tab; without HOST, this one's.
look() {
    if [ $# = 0 ]; then here -e "$look_sql"; else there "$1" -e "$look_sql"; fi 2>/dev/null | grep .
}

# look_at_others: fills answers[HOST], with what each that answers says.
declare -A answers
look_at_others() {
    local host line folder
    folder=$(mktemp -d)
    for host in $(others); do
        look "$host" >"$folder/$host" &
    done
    wait
    answers=()
    for host in $(others); do
        line=$(cat "$folder/$host")
        [ -z "$line" ] || answers[$host]=$line
    done
    rm -rf "$folder"
}

# Of the others, those that are writable.
writable() {
    local host
    for host in "${!answers[@]}"; do
        case ${answers[$host]} in 0*) echo "$host" ;; esac
    done
}

# field N HOST
field() {
    cut -f "$1" <<<"${answers[$2]}"
}
