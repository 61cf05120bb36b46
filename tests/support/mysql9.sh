#!/bin/sh
# Puts a real MySQL 9.x (server and `mysql` client, from Debian sid) into a folder of its own, for the tests.
#
#   tests/support/mysql9.sh          make the root if it is not there; print its path and, within it, the path of an
#                                    initialised data folder with the accounts of accounts.sql
#   tests/support/mysql9.sh remove   delete it
#
# Its /proc is mounted only for this script and, by the tests, for each command in it: nothing is left mounted.
#
# The folder is $MERIDIAN_MYSQL9_ROOT, or target/mysql9-root of this checkout. Needs root (chroot, mount). The mirror
# is the one in this machine's apt sources, or $MERIDIAN_MYSQL9_MIRROR. Safe to run again and at the same time.
# Never touches a folder that it did not make: one without its mark is refused.
set -eu

support=$(cd "$(dirname "$0")" && pwd)
here=$(cd "$support/../.." && pwd)
root=${MERIDIAN_MYSQL9_ROOT:-$here/target/mysql9-root}
begun=$root/.meridian-mysql9-begun
ready=$root/.meridian-mysql9-ready

say() { echo "mysql9: $*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || fail "needs root, for chroot and mount; run as root, or do without the tests of MySQL 9"

# A mount namespace of our own: what is mounted in it is gone with us.
if [ -z "${MERIDIAN_MYSQL9_INSIDE:-}" ]; then
    exec env MERIDIAN_MYSQL9_INSIDE=1 unshare --mount --propagation private "$0" "$@"
fi

mirror() {
    if [ -n "${MERIDIAN_MYSQL9_MIRROR:-}" ]; then
        echo "$MERIDIAN_MYSQL9_MIRROR"
    elif [ -f /etc/apt/sources.list.d/debian.sources ]; then
        awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources
    else
        # Old form: deb [options] URL suite components
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | grep debian | grep -v security | head -n 1
    fi
}

mounted() { grep -q " $root/proc " /proc/mounts; }

remove() {
    if mounted; then fail "something is mounted on $root/proc; unmount it"; fi
    [ ! -e "$root" ] || [ -e "$begun" ] || fail "$root exists and was not made by this script; not touching it"
    rm -rf --one-file-system "$root"
}

mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9

if [ "${1:-}" = remove ]; then
    remove
    rm -f "$root.lock"
    exit 0
fi

if [ ! -e "$ready" ]; then
    from=$(mirror)
    [ -n "$from" ] || fail "no Debian mirror in the apt sources of this machine; name one in MERIDIAN_MYSQL9_MIRROR"
    if ! command -v debootstrap >/dev/null; then
        apt-get install -y --no-install-recommends debootstrap >&2 ||
            { apt-get update >&2 && apt-get install -y --no-install-recommends debootstrap >&2; }
    fi
    remove
    mkdir -p "$root"
    : >"$begun"
    say "building $root (one to three minutes)"
    debootstrap --variant=minbase sid "$root" "$from" >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; fail "debootstrap failed; the whole log is $root.log"; }
    # No package may start a service in there.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    mount -t proc proc "$root/proc"
    chroot "$root" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends mysql-server mysql-client >>"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; fail "apt-get in the root failed; the whole log is $root.log"; }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    chroot "$root" mysqld --version >&2
    chroot "$root" mysql --version >&2
    : >"$ready"
fi

mounted || mount -t proc proc "$root/proc"

template=/srv/template-$(cksum <"$support/accounts.sql" | cut -d ' ' -f 1)
if [ ! -d "$root$template" ]; then
    rm -rf "$root"/srv/*
    cp "$support/accounts.sql" "$root/srv/accounts.sql"
    install -d -o "$(chroot "$root" id -u mysql)" "$root/srv/new"
    # Without X.509 files of its own the server makes some at its first start; here it does so once.
    chroot "$root" mysqld --no-defaults --user=mysql --initialize-insecure --init-file=/srv/accounts.sql \
        --datadir=/srv/new/data >>"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; fail "mysqld --initialize failed; the whole log is $root.log"; }
    # Each copy must find its own server id.
    rm -f "$root/srv/new/data/auto.cnf"
    mv "$root/srv/new/data" "$root$template"
fi

echo "$root"
echo "$template"
