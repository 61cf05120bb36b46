#!/bin/bash
# Installs PyMySQL and mysql2 once, below target/clients of this checkout, and prints that folder.
set -eu
. "$(dirname "$0")/mariadb.sh"

folder=$checkout/target/clients
pymysql='PyMySQL[rsa]==1.1.2'
mysql2='mysql2@3.15.3'
wanted="$pymysql $mysql2"

mkdir -p "$folder"
exec 7>"$folder.lock"
flock 7
if [ "$(cat "$folder/made" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$folder"
    mkdir -p "$folder/node"
    need python3 python3 node nodejs npm npm
    # Debian keeps what makes an environment in a package of its own.
    python3 -c 'import ensurepip, venv' 2>/dev/null || need no-such-command python3-venv
    python3 -m venv "$folder/python" >&2
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check "$pymysql" >&2
    (cd "$folder/node" && echo '{"private": true}' >package.json &&
        npm install --silent --no-audit --no-fund --no-package-lock "$mysql2" >&2)
    echo "$wanted" >"$folder/made"
fi
echo "$folder"
