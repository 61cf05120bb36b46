# Functions that write the files of a proxy; sourced by the benches.
#
# write_proxy_files FOLDER PORT MAP: configuration and accounts beside a map that is given as text.
# wait_listening FOLDER PID: until the proxy's log says that it listens.

# The one account, app with the password app-password; a verifier is what `meridian password` prints.
write_proxy_files() {
    local folder=$1 proxy_port=$2
    printf '%s\n' "$3" >"$folder/map.yaml"
    cat >"$folder/accounts.yaml" <<'YAML'
users:
  - name: app
    verifiers: ["sha256:6681bbfe12153c1b4a0268cf4733a0a3021ff47751fafc3c0a4bdae5a0a89db6"]
    databases: "*"
    backend: app
backends:
  - name: app
    user: app
    password: app-password
YAML
    chmod 600 "$folder/accounts.yaml"
    cat >"$folder/config.yaml" <<YAML
listen: ["127.0.0.1:$proxy_port"]
map: map.yaml
accounts: accounts.yaml
YAML
}

wait_listening() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        if grep -q listening "$1/proxy.log" 2>/dev/null; then return 0; fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    echo "the proxy did not start:" >&2
    cat "$1/proxy.log" >&2
    return 1
}
