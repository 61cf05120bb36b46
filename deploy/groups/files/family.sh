# How MariaDB is spoken to. The MySQL component has a file of the same functions.
socket=/run/mysqld/mysqld.sock
data=/var/lib/mysql/data
new=/var/lib/mysql/new
# Of the component groups/tls; without it there is no such folder.
tls=/etc/mysql/tls
serve=(mariadbd --defaults-file=/etc/mysql/my.cnf)

# Statements for this server, by its socket, as the user that all containers of the pod run as.
here() {
    timeout 60 mariadb --no-defaults --user=mysql --socket=$socket --batch --skip-column-names "$@"
}

# there HOST ...: for another one.
there() {
    local host=$1
    shift
    timeout 10 mariadb --defaults-file=<(login) --host="$host" --connect-timeout=2 --batch --skip-column-names "$@"
}

# The same for statements with a password, which the client would print where one fails.
here_in_secret() {
    local out
    out=$(here 2>&1) || { grep '^ERROR' <<<"$out" >&2; return 1; }
}

look_sql='SELECT @@read_only, name, term, @@gtid_current_pos FROM group_record.primaries ORDER BY term DESC LIMIT 1'

# Lines of a client's file: the server's certificate has to be signed, and of its name.
login_tls='ssl-ca=/etc/mysql/tls/ca.crt
ssl-verify-server-cert'

# Takes up changed certificates; not a change of this server's that others would replicate.
reload_tls_sql='FLUSH LOCAL SSL'

# What differs between members: member_settings SERVER_ID
member_settings() {
    printf '[mysqld]\nserver_id = %s\nreport_host = %s\ngtid_domain_id = %s\n' "$1" "$self" "$(place "$group" "${groups[@]}")"
    [ "$commits_alone" = yes ] || echo 'rpl_semi_sync_master_wait_no_slave = ON'
}

# Whether the first position has all of the second: covers POSITION POSITION
covers() {
    awk -v one="$1" -v two="$2" 'BEGIN {
        n = split(one, parts, ","); for (i = 1; i <= n; i++) { split(parts[i], p, "-"); has[p[1]] = p[3] }
        n = split(two, parts, ","); for (i = 1; i <= n; i++) { split(parts[i], p, "-"); if (has[p[1]] + 0 < p[3] + 0) exit 1 }
    }'
}

# Whom it follows, whether both threads run, and the last errors: HOST IO SQL ERROR-NUMBER TEXT
following() {
    here --vertical --column-names -e 'SHOW SLAVE STATUS' | awk -F': ' '
        { sub(/^ */, "", $1) }
        $1 == "Master_Host" { host = $2 }
        $1 == "Slave_IO_Running" { io = $2 }
        $1 == "Slave_SQL_Running" { sql = $2 }
        $1 == "Last_IO_Errno" && $2 != 0 { number = $2 }
        $1 == "Last_SQL_Errno" && $2 != 0 { number = $2 }
        ($1 == "Last_IO_Error" || $1 == "Last_SQL_Error") && $2 != "" { text = substr($0, index($0, ":") + 2) }
        END { if (host != "") print host, io, sql, number + 0, text }'
}

# follow HOST: replicate from it, from where this server is.
follow() {
    local options='MASTER_SSL=0'
    [ ! -d $tls ] || options="MASTER_SSL=1, MASTER_SSL_CA='$tls/ca.crt', MASTER_SSL_VERIFY_SERVER_CERT=1"
    here_in_secret <<SQL
STOP SLAVE;
CHANGE MASTER TO MASTER_HOST='$1', MASTER_PORT=3306, MASTER_USER='replication', MASTER_PASSWORD='$(password)',
    MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=5, MASTER_USE_GTID=slave_pos, MASTER_DEMOTE_TO_SLAVE=1, $options;
START SLAVE;
SQL
}

start_following() {
    here -e 'START SLAVE'
}

stop_following() {
    here -e 'STOP SLAVE; RESET SLAVE ALL'
}

open_for_writes() {
    here -e 'SET GLOBAL read_only = OFF'
}

# By statements, so that the same works here and there. Open transactions cannot commit any more.
close_sql='SET SESSION lock_wait_timeout = 5; SET GLOBAL read_only = ON'

# Statements for this server while it takes no others.
write_closed() {
    here -e "$1"
}

# A temporary server on the new folder, reached by a socket of its own alone: temporary OPTION...
temporary() {
    socket=/run/mysqld/prepare.sock
    "${serve[@]}" --datadir=$new --skip-networking --socket=$socket --rpl-semi-sync-master-enabled=OFF "$@" &
    server=$!
    until here -e 'DO 1' 2>/dev/null; do
        kill -0 $server 2>/dev/null || return 1
        pause 0.2
    done
}

end_temporary() {
    kill $server && wait $server
}

initialise() {
    mariadb-install-db --no-defaults --datadir=$new --auth-root-authentication-method=socket --auth-root-socket-user=mysql \
        --skip-test-db >/dev/null
}

# An empty server with the group's record and accounts.
begin_group() {
    initialise && temporary --skip-read-only || return 1
    here_in_secret <<SQL && here_in_secret </etc/mysql/accounts/begin.sql || return 1
CREATE USER replication@'%' IDENTIFIED BY '$(password)';
-- To follow, to copy all rows, to look, and to hand the writes over.
GRANT REPLICATION SLAVE, SELECT, RELOAD, PROCESS, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT, BINLOG MONITOR, SLAVE MONITOR,
    READ_ONLY ADMIN ON *.* TO replication@'%';
$record_sql
GRANT INSERT ON group_record.* TO replication@'%';
SQL
    end_temporary
}

# clone HOST: all rows and accounts of another member, and the position they are of.
clone() {
    initialise && temporary --skip-log-bin || return 1
    mariadb-dump --defaults-file=<(login) --host="$1" --all-databases --single-transaction --gtid --master-data=1 \
        --routines --events --triggers --hex-blob --flush-privileges |
        mariadb --no-defaults --user=mysql --socket=$socket || return 1
    [ -n "$(here -e 'SELECT @@gtid_slave_pos')" ] || return 1
    # The copy is followed up by attend.sh, as any member is.
    here -e 'STOP SLAVE; RESET SLAVE ALL' || return 1
    end_temporary
}
