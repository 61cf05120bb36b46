//! How this session's text is to be read: what its server will do with quotes, backslashes, bytes and comments.

use std::sync::Arc;

use super::{Served, Session};
use crate::backend::{Failure, ServerFacts};
use crate::session::Charset;
use crate::shard_map::Family;
use crate::sql::{ClientCharset, Dialect, Flavor};
use crate::wire::charset;

/// The indexes of `Scope::database` for what is not in the map.
const NO_DATABASE: u32 = u32::MAX;
pub(super) const SYSTEM_SCHEMAS: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];

impl Session {
    /// The session must look at its dialect again before the next statement.
    pub(super) fn forget_dialect(&mut self) {
        self.dialect_known = false;
        self.scope = None;
    }

    /// Makes sure that the dialect is that of the session's state. The first time this asks a server for its version
    /// and sql_mode, if no connection to any has been made yet. False if none answers; the client was told.
    pub(super) async fn refresh_dialect(&mut self) -> Served<bool> {
        if self.dialect_known {
            return Ok(true);
        }
        let index = self.database_index();
        let facts = match self.facts(index).await {
            Ok(facts) => facts,
            Err(failure) => {
                self.answer_failure(&failure).await?;
                return Ok(false);
            }
        };
        let family = index.map_or(facts.family, |index| self.snapshot.map.databases[index].family);
        // A mode that the session did not set is made explicit, so that it is the same on all servers.
        if !self.state.system.contains_key("sql_mode") {
            let value = format!("'{}'", facts.sql_mode).into_bytes();
            Arc::make_mut(&mut self.state).set_system("sql_mode", value);
        }
        let family = match family {
            Family::MariaDb => Flavor::MariaDb,
            Family::MySql => Flavor::MySql,
        };
        let mut dialect = Dialect { charset: self.client_charset(), ..Dialect::new(family, facts.version_number) };
        let mode = self.state.system.get("sql_mode").map(|value| String::from_utf8_lossy(&value.0));
        dialect.set_sql_mode(mode.unwrap_or_default().trim_matches('\''));
        self.dialect = dialect;
        self.state = self.proxy.shared_state(&self.state);
        self.dialect_known = true;
        Ok(true)
    }

    /// Facts of a server of the session's database: what is known of the home's, else of another, else what the first says
    /// that answers; the home's failure if none does.
    async fn facts(&mut self, index: Option<usize>) -> Result<Arc<ServerFacts>, Failure> {
        let snapshot = self.snapshot.clone();
        let family = index.map(|index| snapshot.map.databases[index].family);
        let home = usize::from(snapshot.group(snapshot.answering_home(index)).0);
        let (behind, first) = snapshot.groups.split_at(home);
        let mut asked: Vec<_> = first.iter().chain(behind).map(|group| group.standing().any().clone()).collect();
        let known =
            asked.iter().find_map(|member| member.facts().filter(|facts| family.is_none_or(|of| of == facts.family)));
        if let Some(facts) = known {
            return Ok(facts);
        }
        let home = asked.remove(0);
        let failure = match self.proxy.pool(&home, &self.account.backend).probe().await {
            Ok(facts) => return Ok(facts),
            Err(failure) => failure,
        };
        for member in asked {
            if let Ok(facts) = self.proxy.pool(&member, &self.account.backend).probe().await {
                return Ok(facts);
            }
        }
        Err(failure)
    }

    fn client_charset(&self) -> ClientCharset {
        if let Some(set) = self.state.system.get("character_set_client") {
            let name = String::from_utf8_lossy(&set.0).to_lowercase();
            return ClientCharset::from_name(name.trim_matches('\''));
        }
        match &self.state.charset {
            Charset::Login(id) => {
                charset::names(*id).map_or(ClientCharset::AsciiSafe, |names| ClientCharset::from_name(names.charset))
            }
            Charset::Fragment(text) => {
                // `NAMES gbk COLLATE ...`, `CHARACTER SET 'gbk'`: the first word that is no keyword.
                let text = String::from_utf8_lossy(text).to_lowercase();
                let mut words =
                    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
                let name = words.find(|word| !matches!(*word, "names" | "character" | "charset" | "set"));
                name.map_or(ClientCharset::AsciiSafe, ClientCharset::from_name)
            }
            Charset::Unknown => ClientCharset::AsciiSafe,
        }
    }

    /// What the plan cache knows the session's database by.
    pub(super) fn database_scope(&mut self) -> u32 {
        if let Some(scope) = self.scope {
            return scope;
        }
        let scope = match (self.database_index(), self.state.database.as_deref()) {
            (Some(index), _) => index as u32,
            (None, None) => NO_DATABASE,
            (None, Some(name)) => {
                let schema = SYSTEM_SCHEMAS.iter().position(|schema| schema.eq_ignore_ascii_case(name)).unwrap_or(4);
                NO_DATABASE - 1 - schema as u32
            }
        };
        self.scope = Some(scope);
        scope
    }
}
