//! Who may log in, to which databases, and as whom the proxy logs in to the servers.
//!
//! Invariant: every [`User::backend`] indexes into the same [`Accounts`]. Nothing here prints a secret.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::Secret;
use super::options::Setting;
use super::problem::{Fault, Faults, Problem};
use crate::shard_map::document::{Fields, Node, Position, Shape, Value, near};
use crate::wire::auth::Verifier;

/// Bytes of a file that holds one password.
const PASSWORD_BYTES_MAX: usize = 4096;

/// Ids are 16 bits.
const BACKENDS_MAX: usize = 1 << 16;

/// All accounts of a process; replaced as a whole.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: HashMap<String, User>,
    backends: Vec<BackendAccount>,
}

/// Index of an account on the servers in [`Accounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BackendAccountId(pub u16);

/// An account of a client.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    /// What proves the password; several while one is being changed.
    pub verifiers: Vec<Verifier>,
    pub databases: Databases,
    pub backend: BackendAccountId,
    /// It may see what Meridian says of itself: SHOW MERIDIAN.
    pub admin: bool,
}

/// The databases that a user may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Databases {
    /// Written `"*"`: all of the map.
    All,
    Listed(Vec<String>),
}

/// An account on the servers.
#[derive(Debug, Clone)]
pub struct BackendAccount {
    pub name: String,
    pub user: String,
    pub password: Secret,
    /// Where the password was read, if not in the accounts file.
    pub password_file: Option<PathBuf>,
    /// What the proxy proves itself with where the servers ask for a client certificate.
    pub identity: Option<Identity>,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Accounts {
    /// Reads the accounts and the password files that they name; `path` is the file's own, from whose
    /// directory relative paths begin.
    pub fn load(yaml: &str, path: &Path) -> Result<Accounts, Vec<Fault>> {
        let mut faults = Faults::default();
        let base = path.parent().unwrap_or(Path::new(""));
        let root = Node::parse(yaml, &mut faults);
        let accounts = root.and_then(|root| read(&root, base, &mut faults));
        faults.finish(accounts)
    }

    /// The account of a client by its exact name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// All accounts of clients, in no order.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// The account on the servers that a user is served with.
    pub fn backend(&self, id: BackendAccountId) -> &BackendAccount {
        &self.backends[usize::from(id.0)]
    }

    /// The files that are part of the accounts beside their own.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.backends.iter().flat_map(|account| {
            let identity = account.identity.as_ref().map(|identity| [&identity.certificate, &identity.key]);
            identity.into_iter().flatten().chain(&account.password_file).map(PathBuf::as_path)
        })
    }

    /// All accounts on the servers, in the order of the file.
    pub fn backends(&self) -> impl Iterator<Item = (BackendAccountId, &BackendAccount)> {
        (0..=u16::MAX).map(BackendAccountId).zip(&self.backends)
    }
}

impl Databases {
    /// Whether the user may use a database, by its exact name.
    pub fn allow(&self, database: &str) -> bool {
        match self {
            Databases::All => true,
            Databases::Listed(names) => names.iter().any(|name| name == database),
        }
    }
}

fn read(root: &Node, base: &Path, faults: &mut Faults) -> Option<Accounts> {
    let top = Fields::read(root, "the accounts file", &["users", "backends"], faults)?;
    let mut names: HashMap<String, u16> = HashMap::new();
    let mut backends = Vec::new();
    let nodes =
        top.require("backends", faults).and_then(|node| node.list("a list of backends", faults)).unwrap_or_default();
    for (index, node) in nodes.iter().enumerate() {
        let Ok(index) = u16::try_from(index) else {
            let count_max = BACKENDS_MAX;
            faults.add(node.at, Problem::TooManyBackends { count_max });
            break;
        };
        backends.extend(backend(node, index, &mut names, base, faults));
    }
    let mut users = HashMap::new();
    let nodes = top.require("users", faults).and_then(|node| node.list("a list of users", faults)).unwrap_or_default();
    for node in nodes {
        let Some((at, user)) = user(node, &names, base, faults) else {
            continue;
        };
        if users.contains_key(&user.name) {
            let name = user.name.as_str().into();
            faults.add(at, Problem::NameTwice { name });
        }
        users.insert(user.name.clone(), user);
    }
    Some(Accounts { users, backends })
}

fn backend(
    node: &Node,
    index: u16,
    names: &mut HashMap<String, u16>,
    base: &Path,
    faults: &mut Faults,
) -> Option<BackendAccount> {
    const KNOWN: &[&str] = &["name", "user", "password", "password_file", "certificate", "key"];
    let fields = Fields::read(node, "a backend", KNOWN, faults)?;
    let name = fields.require("name", faults).and_then(|node| {
        let name = String::read(node, base, faults)?;
        if names.insert(name.clone(), index).is_some() {
            let name = name.as_str().into();
            faults.add(node.at, Problem::NameTwice { name });
        }
        Some(name)
    });
    let user = fields.require("user", faults).and_then(|node| String::read(node, base, faults));
    let password = password(&fields, base, faults);
    let (password, password_file) = password.unzip();
    let password_file = password_file.flatten();
    let mut file = |name: &'static str, other: &str| {
        let node = match fields.get(other) {
            Some(_) => fields.require(name, faults),
            None => fields.get(name),
        };
        node.and_then(|node| PathBuf::read(node, base, faults))
    };
    let (certificate, key) = (file("certificate", "key"), file("key", "certificate"));
    let identity = certificate.zip(key).map(|(certificate, key)| Identity { certificate, key });
    Some(BackendAccount { name: name?, user: user?, password: password?, password_file, identity })
}

/// The password, and the file that it is in, if it is in one of its own.
fn password(fields: &Fields<'_>, base: &Path, faults: &mut Faults) -> Option<(Secret, Option<PathBuf>)> {
    match (fields.get("password"), fields.get("password_file")) {
        (Some(node), None) => node.text("a password", faults).map(|text| (Secret::new(text.to_owned()), None)),
        (None, Some(node)) => {
            let path = PathBuf::read(node, base, faults)?;
            match password_of(&path) {
                Ok(secret) if secret.expose().len() <= PASSWORD_BYTES_MAX => Some((secret, Some(path))),
                Ok(_) => {
                    let bytes_max = PASSWORD_BYTES_MAX;
                    faults.add(node.at, Problem::PasswordTooLong { bytes_max });
                    None
                }
                Err(error) => {
                    let kind = error.kind();
                    faults.add(node.at, Problem::Unreadable { path, kind });
                    None
                }
            }
        }
        (Some(_), Some(node)) => {
            let (field, other) = ("password_file", "password");
            faults.add(node.at, Problem::FieldsConflict { field, other });
            None
        }
        (None, None) => {
            faults.add(fields.at(), Problem::NoPassword);
            None
        }
    }
}

/// The file's text without the one line end that editors add.
fn password_of(path: &Path) -> io::Result<Secret> {
    let text = super::text(path)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Secret::new(line.to_owned()))
}

fn user(node: &Node, backends: &HashMap<String, u16>, base: &Path, faults: &mut Faults) -> Option<(Position, User)> {
    const KNOWN: &[&str] = &["name", "verifiers", "databases", "backend", "admin"];
    let fields = Fields::read(node, "a user", KNOWN, faults)?;
    let name_node = fields.require("name", faults);
    let name = name_node.and_then(|node| String::read(node, base, faults));
    let verifiers = fields.require("verifiers", faults).and_then(|node| verifiers(node, faults));
    let databases = fields.require("databases", faults).and_then(|node| databases(node, base, faults));
    let backend = fields.require("backend", faults).and_then(|node| {
        let name = node.text("a backend's name", faults)?;
        let index = backends.get(name).copied();
        if index.is_none() {
            let near = near(name, backends.keys().map(String::as_str)).map(Into::into);
            let name = name.into();
            faults.add(node.at, Problem::UnknownBackend { name, near });
        }
        index.map(BackendAccountId)
    });
    let admin = fields.get("admin").and_then(|node| bool::read(node, base, faults)).unwrap_or(false);
    let user = User { name: name?, verifiers: verifiers?, databases: databases?, backend: backend?, admin };
    Some((name_node?.at, user))
}

fn verifiers(node: &Node, faults: &mut Faults) -> Option<Vec<Verifier>> {
    let nodes = node.list("a list of verifiers", faults)?;
    let mut verifiers = Vec::with_capacity(nodes.len());
    for node in nodes {
        match Verifier::parse(node.text("a verifier", faults)?) {
            Ok(verifier) => verifiers.push(verifier),
            // What the parser says is not passed on: the text beside it is a secret.
            Err(_) => faults.add(node.at, Problem::BadVerifier),
        }
    }
    Some(verifiers)
}

fn databases(node: &Node, base: &Path, faults: &mut Faults) -> Option<Databases> {
    match &node.value {
        Value::Scalar(scalar) if *scalar.text == "*" => Some(Databases::All),
        Value::Scalar(_) => {
            faults.add(node.at, Problem::DatabasesText);
            None
        }
        Value::List(_) => Vec::read(node, base, faults).map(Databases::Listed),
        Value::Mapping(_) => {
            let expected = "a list of databases";
            let found = node.found();
            faults.add(node.at, Shape::Unexpected { expected, found });
            None
        }
        Value::Refused => None,
    }
}
