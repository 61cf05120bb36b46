//! `docs/configuration.md`, made from the same lists as the structs.

use std::fmt::Write as _;

use super::Config;
use super::options::{Row, Setting};

/// A configuration as one would write it; a test loads it.
pub(super) const CONFIG: &str = r#"listen: ["0.0.0.0:3306"]
map: /etc/meridian/map/shards.yaml
accounts: /etc/meridian/accounts/accounts.yaml
admin: {listen: "0.0.0.0:9306"}
tls:
  certificate: /etc/meridian/tls/tls.crt
  key: /etc/meridian/tls/tls.key
backend_tls: {mode: verify_identity, ca: /etc/meridian/ca/ca.crt}
log: {format: json}
limits: {connections_max: 2000}
"#;

/// Accounts as one would write them; a test loads them.
pub(super) const ACCOUNTS: &str = r#"users:
  - name: app
    verifiers:                # any of them; two while a password is being changed
      - "sha256:6d8a7e8b5ffe5a2d5a8a3b6c1ee9a1c4b2b7a3f8e1d0c9b8a7968574635241f0"
    databases: [shop]         # or "*"
    backend: app
backends:
  - name: app
    user: app
    password: example         # or password_file: PATH
"#;

/// The text of the page.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    for row in rows() {
        let Row { path, kind, default, help } = row;
        let default = default.map_or(String::from("required"), |text| format!("`{text}`"));
        let default = default.replace("`absent`", "absent");
        writeln!(page, "| `{path}` | {kind} | {default} | {help} |").expect("writing to a String does not fail");
    }
    let _ = write!(page, "\n## Example\n\n```yaml\n{CONFIG}```\n\n{MIDDLE}```yaml\n{ACCOUNTS}```\n{TAIL}");
    page
}

fn rows() -> Vec<Row> {
    let root = Row { path: String::new(), kind: String::new(), default: None, help: String::new() };
    let mut rows = Vec::new();
    Config::rows(root, &mut rows);
    rows
}

const HEAD: &str = "\
# Configuration

Generated from `src/config`; `UPDATE_DOCS=1 cargo test config` rewrites it.

`meridian serve --config FILE` reads one YAML file. Unknown fields, repeated keys, anchors, aliases and
tags are refused, all at once, with line and column. Relative paths begin at the file's directory. Names
with `_ms` are milliseconds, with `_bytes` bytes. The sections `admin`, `tls`, `backend_tls`, `log`,
`limits`, `probe`, `reload` and `drain` may be left out; `required` inside one means: where that section is written.

| field | what | default | meaning |
|---|---|---|---|
";

const MIDDLE: &str = "\
## Accounts

Users are who logs in to Meridian; backends are who Meridian logs in as to the servers. No password of a
user is stored: `meridian password` prints the verifier to paste.

";

const TAIL: &str = "
| field | what |
|---|---|
| `users[].name` | the exact name |
| `users[].verifiers` | lines that `meridian password` prints, or `authentication_string` of `mysql.user`; in quotes |
| `users[].databases` | a list of databases of the map, or `\"*\"` |
| `users[].backend` | the `name` of a backend |
| `users[].admin` | whether the user may `SHOW MERIDIAN`; `true` or `false`, the default |
| `backends[].name` | the name that users refer to |
| `backends[].user` | the account on every server |
| `backends[].password` | its password; or |
| `backends[].password_file` | a file that holds it and at most one line end |
| `backends[].certificate`, `backends[].key` | PEM files of a client certificate, where the servers ask for one |
";
