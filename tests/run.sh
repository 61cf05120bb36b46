#!/bin/bash
# All tests: installs the real servers and clients that they need, then runs them with cargo-nextest, or cargo test.
#
# MySQL 9 takes root (tests/support/mysql9.sh); without, its tests are skipped and this says so. Arguments go to the runner.
set -eu
cd "$(dirname "$0")/.."
. tests/support/mariadb.sh

command -v cargo >/dev/null || { echo "the Rust toolchain is missing: https://rustup.rs" >&2; exit 1; }
need mariadbd mariadb-server mariadb mariadb-client sysbench sysbench script bsdutils setpriv util-linux ip iproute2 \
    promtool prometheus
tests/support/mariadb.sh template >/dev/null
tests/support/clients.sh >/dev/null
if [ -n "${MERIDIAN_MYSQL9_SKIP:-}" ]; then
    mysql9="skipped: the tests with MySQL 9 (MERIDIAN_MYSQL9_SKIP is set)"
elif [ "$(id -u)" = 0 ]; then
    mysql9="MySQL 9 is in $(tests/support/mysql9.sh | head -n 1)"
else
    mysql9="skipped: the tests with MySQL 9 (it takes root; CI runs them)"
fi
echo "$mysql9"

rc=0
if cargo nextest --version >/dev/null 2>&1; then
    # nextest does not run the examples in the documentation.
    cargo test --locked --doc --quiet || rc=$?
    cargo nextest run --locked --no-fail-fast "$@" || rc=$?
else
    cargo test --locked --no-fail-fast "$@" || rc=$?
fi
case $mysql9 in skipped*) echo "$mysql9" ;; esac
exit $rc
