//! From the operator's files to what the rooms work with.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{self, Digest};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use super::StartFailure;
use crate::backend::{self, BackendAccount, BackendTls, Credentials, TlsMode, Trust};
use crate::config::{self, BackendTlsMode, Config, Databases};
use crate::execute::Account;
use crate::frontend::{self, User};
use crate::shard_map::ShardMap;

/// The map of the configuration, and its text.
pub fn read_map(config: &Config) -> Result<(ShardMap, Zeroizing<String>), StartFailure> {
    let text = read(&config.map)?;
    let map = ShardMap::load(&text).map_err(|faults| faulty(&config.map, &faults))?;
    Ok((map, text))
}

/// The accounts of the configuration.
pub fn read_accounts(config: &Config) -> Result<config::Accounts, StartFailure> {
    config::Accounts::load(&read(&config.accounts)?, &config.accounts)
        .map_err(|faults| faulty(&config.accounts, &faults))
}

pub fn read(path: &Path) -> Result<Zeroizing<String>, StartFailure> {
    config::text(path).map_err(|error| StartFailure::Read { path: path.to_path_buf(), error })
}

pub fn faulty(path: &Path, faults: &[impl ToString]) -> StartFailure {
    StartFailure::Faults { path: path.to_path_buf(), faults: faults.iter().map(ToString::to_string).collect() }
}

/// TLS towards clients, if it is configured.
pub fn tls(config: &Config) -> Result<Option<TlsAcceptor>, StartFailure> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    let made = frontend::server_tls(&tls.certificate, &tls.key, tls.client_ca.as_deref());
    Ok(Some(TlsAcceptor::from(made.map_err(StartFailure::Tls)?)))
}

/// Databases that accounts name and the map does not have: a mistake in one of the two files, one line each.
pub fn unknown_databases(map: &ShardMap, accounts: &config::Accounts) -> Vec<String> {
    let mut unknown = Vec::new();
    for user in accounts.users() {
        if let Databases::Listed(names) = &user.databases {
            for name in names.iter().filter(|name| map.database(name).is_none()) {
                unknown.push(format!(" user `{}`: the map has no database `{name}`; list one that it has", user.name));
            }
        }
    }
    unknown.sort();
    unknown
}

/// The accounts on the servers. One that did not change stays what it was, and keeps its pools.
#[derive(Default)]
pub struct Backends {
    known: HashMap<String, (Digest, Arc<BackendAccount>)>,
}

impl Backends {
    /// The accounts on the servers, in the order of the file.
    fn of(&mut self, config: &Config, accounts: &config::Accounts) -> Result<Vec<Arc<BackendAccount>>, StartFailure> {
        let mut known = HashMap::new();
        let mut backends = Vec::new();
        for (_, account) in accounts.backends() {
            let digest = fingerprint(config, account);
            let same = self.known.get(&account.name).filter(|(before, _)| before.as_ref() == digest.as_ref());
            let backend = match same {
                Some((_, backend)) => backend.clone(),
                None => Arc::new(BackendAccount {
                    name: account.name.clone(),
                    user: account.user.clone(),
                    credentials: Credentials(Zeroizing::new(account.password.expose().as_bytes().to_vec())),
                    tls: backend_tls(config, account)?,
                }),
            };
            known.insert(account.name.clone(), (digest, backend.clone()));
            backends.push(backend);
        }
        self.known = known;
        Ok(backends)
    }

    /// Whom probes log in as: the account that the configuration names, else the first. After `users`.
    pub fn of_probes(
        &self,
        config: &Config,
        accounts: &config::Accounts,
    ) -> Result<Option<Arc<BackendAccount>>, StartFailure> {
        let names: Vec<&str> = accounts.backends().map(|(_, account)| account.name.as_str()).collect();
        let Some(name) = config.probe.backend.as_deref().or(names.first().copied()) else { return Ok(None) };
        match self.known.get(name) {
            Some((_, account)) => Ok(Some(account.clone())),
            None => {
                let names = names.join(", ");
                let fault = format!(" there is no backend `{name}`, which probe.backend names; there are {names}");
                Err(StartFailure::Faults { path: config.accounts.clone(), faults: vec![fault] })
            }
        }
    }

    /// The clients' accounts, on those that the files have now.
    pub fn users(&mut self, config: &Config, accounts: &config::Accounts) -> Result<Vec<User>, StartFailure> {
        let backends = self.of(config, accounts)?;
        let users = accounts.users().map(|user| User {
            account: Arc::new(Account {
                user: user.name.clone(),
                databases: match &user.databases {
                    Databases::All => None,
                    Databases::Listed(names) => Some(names.clone()),
                },
                admin: user.admin,
                backend: backends[usize::from(user.backend.0)].clone(),
            }),
            verifiers: user.verifiers.clone(),
        });
        Ok(users.collect())
    }
}

/// The accounts on the servers of these users, each once.
pub fn accounts_of(users: &[User]) -> Vec<Arc<BackendAccount>> {
    let mut accounts: Vec<Arc<BackendAccount>> = Vec::new();
    for user in users {
        if !accounts.iter().any(|account| Arc::ptr_eq(account, &user.account.backend)) {
            accounts.push(user.account.backend.clone());
        }
    }
    accounts
}

/// The account on the servers of that name; without a name the only one.
pub fn backend_account(config: &Config, name: Option<&str>) -> Result<Arc<BackendAccount>, StartFailure> {
    let mut accounts = Backends::default().of(config, &read_accounts(config)?)?;
    let names: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
    let fault = match (name, names.len()) {
        (None, 1) => return Ok(accounts.remove(0)),
        (None, _) => format!(" there are several backends, {}; say which with --backend", names.join(", ")),
        (Some(name), _) => match names.iter().position(|other| *other == name) {
            Some(index) => return Ok(accounts.remove(index)),
            None => format!(" there is no backend `{name}`; there are {}", names.join(", ")),
        },
    };
    Err(StartFailure::Faults { path: config.accounts.clone(), faults: vec![fault] })
}

/// Of everything by which this account logs in.
fn fingerprint(config: &Config, account: &config::BackendAccount) -> Digest {
    let mut of = digest::Context::new(&digest::SHA256);
    of.update(account.user.as_bytes());
    of.update(&[0]);
    of.update(account.password.expose().as_bytes());
    let identity = account.identity.as_ref().map(|identity| [&identity.certificate, &identity.key]);
    for path in identity.into_iter().flatten().chain(&config.backend_tls.ca) {
        of.update(&[0]);
        of.update(&config::bytes(path).unwrap_or_default());
    }
    of.finish()
}

fn backend_tls(config: &Config, account: &config::BackendAccount) -> Result<Option<BackendTls>, StartFailure> {
    let settings = &config.backend_tls;
    let roots = || match &settings.ca {
        Some(path) => frontend::roots(path).map(Arc::new).map_err(StartFailure::Tls),
        None => Err(StartFailure::Tls("backend_tls.ca is needed to verify servers".into())),
    };
    let (mode, trust) = match settings.mode {
        BackendTlsMode::Disabled => return Ok(None),
        BackendTlsMode::Preferred => (TlsMode::Preferred, Trust::Anybody),
        BackendTlsMode::Required => (TlsMode::Required, Trust::Anybody),
        BackendTlsMode::VerifyCa => (TlsMode::Required, Trust::Signed(roots()?)),
        BackendTlsMode::VerifyIdentity => (TlsMode::Required, Trust::Named(roots()?)),
    };
    let identity = match &account.identity {
        None => None,
        Some(identity) => {
            let chain = frontend::certificates(&identity.certificate).map_err(StartFailure::Tls)?;
            let key = frontend::private_key(&identity.key).map_err(StartFailure::Tls)?;
            Some((chain, key))
        }
    };
    let made = backend::client_config(&trust, identity).map_err(StartFailure::Tls)?;
    Ok(Some(BackendTls { mode, config: made }))
}
