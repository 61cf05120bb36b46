# How MySQL is spoken to, from 8.4 on. The same functions as MariaDB's.
socket=/run/mysqld/mysqld.sock
data=/var/lib/mysql/data
new=/var/lib/mysql/new
# Of the component groups/tls; without it there is no such folder.
tls=/etc/mysql/tls
serve=(mysqld --defaults-file=/etc/mysql/my.cnf)

# Statements for this server, by its socket, as the user that all containers of the pod run as.
here() {
    timeout 60 mysql --no-defaults --user=root --socket=$socket --batch --skip-column-names "$@"
}

# The same for statements with a password.
here_in_secret() {
    local out
    out=$(here 2>&1) || { grep '^ERROR' <<<"$out" >&2; return 1; }
}

# there HOST ...: for another one.
there() {
    local host=$1
    shift
    timeout 10 mysql --defaults-file=<(login) --host="$host" --connect-timeout=2 --batch --skip-column-names "$@"
}

look_sql="SELECT @@read_only, name, term, REPLACE(@@gtid_executed, CHAR(10), '') FROM group_record.primaries ORDER BY term DESC LIMIT 1"

# Lines of a client's file: the server's certificate has to be signed, and of its name.
login_tls='ssl-ca=/etc/mysql/tls/ca.crt
ssl-mode=VERIFY_IDENTITY'

# Takes up changed certificates; not a change of this server's that others would replicate.
reload_tls_sql='ALTER INSTANCE RELOAD TLS'

# What differs between members: member_settings SERVER_ID
member_settings() {
    printf '[mysqld]\nserver_id = %s\nreport_host = %s\n' "$1" "$self"
    [ "$commits_alone" = yes ] || echo 'rpl_semi_sync_source_wait_no_replica = ON'
}

# Whether the first position has all of the second: covers POSITION POSITION
covers() {
    [ "$(here -e "SELECT GTID_SUBSET('$2', '$1')")" = 1 ]
}

# Whom it follows, whether both threads run, and the last errors: HOST IO SQL ERROR-NUMBER TEXT
following() {
    here --vertical --column-names -e 'SHOW REPLICA STATUS' | awk -F': ' '
        { sub(/^ */, "", $1) }
        $1 == "Source_Host" { host = $2 }
        $1 == "Replica_IO_Running" { io = $2 }
        $1 == "Replica_SQL_Running" { sql = $2 }
        $1 == "Last_IO_Errno" && $2 != 0 { number = $2 }
        $1 == "Last_SQL_Errno" && $2 != 0 { number = $2 }
        ($1 == "Last_IO_Error" || $1 == "Last_SQL_Error") && $2 != "" { text = substr($0, index($0, ":") + 2) }
        END { if (host != "") print host, io, sql, number + 0, text }'
}

# follow HOST: replicate from it, from where this server is. MySQL would take up a member that has transactions of its own,
# without a word, and differ for ever; so that is looked at first.
follow() {
    local own options="SOURCE_SSL_CA='', SOURCE_SSL_VERIFY_SERVER_CERT=0"
    [ ! -d $tls ] || options="SOURCE_SSL_CA='$tls/ca.crt', SOURCE_SSL_VERIFY_SERVER_CERT=1"
    own=$(there "$1" -e "SELECT GTID_SUBTRACT('$(here -e "SELECT REPLACE(@@gtid_executed, CHAR(10), '')")', @@gtid_executed)") || return 1
    [ -z "$own" ] || { say "does not follow $1, which lacks its transactions $own"; return 1; }
    here_in_secret <<SQL
STOP REPLICA;
CHANGE REPLICATION SOURCE TO SOURCE_HOST='$1', SOURCE_PORT=3306, SOURCE_USER='replication', SOURCE_PASSWORD='$(password)',
    SOURCE_CONNECT_RETRY=1, SOURCE_HEARTBEAT_PERIOD=5, SOURCE_AUTO_POSITION=1, SOURCE_SSL=1, $options;
START REPLICA;
SQL
}

start_following() {
    here -e 'START REPLICA'
}

stop_following() {
    here -e 'STOP REPLICA; RESET REPLICA ALL'
}

open_for_writes() {
    here -e 'SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF'
}

# By statements, so that the same works here and there. Open transactions cannot commit any more.
close_sql='SET SESSION lock_wait_timeout = 5; SET GLOBAL super_read_only = ON'

# Statements for this server while it takes no others.
write_closed() {
    here -e "SET GLOBAL super_read_only = OFF; $1; SET GLOBAL super_read_only = ON"
}

# A temporary server on the new folder, reached by a socket of its own alone: temporary OPTION...
temporary() {
    socket=/run/mysqld/prepare.sock
    "${serve[@]}" --datadir=$new --skip-networking --socket=$socket --rpl-semi-sync-source-enabled=OFF --super-read-only=OFF \
        --read-only=OFF "$@" &
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
    mysqld --no-defaults --initialize-insecure --datadir=$new
}

# An empty server with the group's record and accounts. root is who runs the pod's containers, by the socket alone.
begin_group() {
    initialise && temporary || return 1
    here_in_secret <<SQL && here_in_secret </etc/mysql/accounts/begin.sql || return 1
ALTER USER root@localhost IDENTIFIED WITH auth_socket AS 'mysql';
CREATE USER replication@'%' IDENTIFIED BY '$(password)';
$record_sql
-- To follow, to copy all rows, to look, and to hand the writes over.
GRANT REPLICATION SLAVE, REPLICATION CLIENT, BACKUP_ADMIN, SYSTEM_VARIABLES_ADMIN ON *.* TO replication@'%';
GRANT SELECT, INSERT ON group_record.* TO replication@'%';
SQL
    end_temporary
}

# clone HOST: all rows and accounts of another member, and the position they are of. Of the donor's certificate it looks at who
# signed it, not at the name.
clone() {
    local authority=
    [ ! -d $tls ] || authority=$tls/ca.crt
    rm -rf $new-copy
    initialise && temporary --skip-log-bin || return 1
    here_in_secret <<SQL || return 1
SET GLOBAL clone_valid_donor_list = '$1:3306';
SET GLOBAL clone_ssl_ca = '$authority';
CLONE INSTANCE FROM replication@'$1':3306 IDENTIFIED BY '$(password)' DATA DIRECTORY = '$new-copy' REQUIRE SSL;
SQL
    end_temporary || return 1
    rm -rf $new && mv $new-copy $new
}
