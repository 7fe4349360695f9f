//! What there is of sites: the server's part asked once for all of them, each site's own part by one session in its database.

use std::path::PathBuf;

use sqlx::PgConnection;

use super::Sites;
use crate::apply::{Server, Unfinished, receipt, site_environment};
use crate::database::facts as database_facts;
use crate::database::login::{self, LoginFacts};
use crate::database::{connect, credentials};
use crate::error::Result;
use crate::facts::service::{self, ServiceFacts};
use crate::facts::site::{self as site_facts, EnvironmentFacts, SiteFacts, SiteFiles, SiteRecords};
use crate::plan::network;
use crate::plan::site::reader;
use crate::plan::{Plan, Step};
use crate::settings::{Identifier, SiteSettings, UnitName};
use crate::site::{Places, SiteRecord, environment};

/// What is the same for every site of a server.
#[derive(Debug)]
pub struct ServerView {
    pub server: Server,
    /// Those that take connections.
    databases: Vec<String>,
    login: Option<LoginFacts>,
    services: Vec<ServiceFacts>,
}

impl Sites<'_> {
    /// Asks the server and systemd once.
    ///
    /// # Errors
    /// What the server says, [`crate::host::HostError`] where systemctl fails.
    pub async fn view(&self, server: &Server, sites: &[&SiteSettings]) -> Result<ServerView> {
        let units: Vec<_> = sites
            .iter()
            .map(|site| (site.unit(), self.places(site).drop_in))
            .collect();
        let services = service::gather(self.server.host, &units).await?;
        let mut connection = maintenance(server).await?;
        let login = match &server.owner {
            Some(owner) => login::gather(&mut connection, owner).await?,
            None => None,
        };
        Ok(ServerView {
            server: server.clone(),
            databases: database_facts::databases(&mut connection).await?,
            login,
            services,
        })
    }

    /// What there is of one site.
    ///
    /// # Errors
    /// What the server says; a record or a receipt that cannot be read.
    pub async fn facts(&self, view: &ServerView, site: &SiteSettings) -> Result<SiteFacts> {
        let (host, layout, server) = (self.server.host, self.layout(site), &view.server);
        let records = receipt::read(host, &layout.receipt)?;
        // What is the server's can be read in any database, so one session does for all.
        let is_there = view.databases.iter().any(|name| name == site.name.as_str());
        let mut connection = if is_there {
            connect(&server.endpoint, &server.administrator, site.name.as_str()).await?
        } else {
            maintenance(server).await?
        };
        let mut database = database_facts::server(&mut connection, &site.database).await?;
        database.login.clone_from(&view.login);
        if let Some(login) = &mut database.login {
            login.recorded = network::blocks_of(&receipt::made(&records));
        }
        database.unfinished = Unfinished::of(&records, &site.name);
        let catalog = site_facts::catalog(&mut connection, site).await?;
        let mut rights = None;
        if is_there {
            database.inside = Some(database_facts::inside(&mut connection, &site.database).await?);
            rights = Some(site_facts::rights(&mut connection, site).await?);
        }
        let unit = site.unit();
        let service = view.services.iter().find(|service| service.unit == unit);
        let own_records = SiteRecords::of(&records);
        let former_units = self.former_units(site, &own_records)?;
        Ok(SiteFacts {
            database,
            catalog,
            rights,
            files: SiteFiles {
                former_units,
                ..self.files(server, site, service)?
            },
            service: service.filter(|service| service.is_there).cloned(),
            records: own_records,
            host: server.application.host(),
            port: server.application.port(),
        })
    }

    /// What there is of a site on a server that does not run yet: its files alone. `server` is what brings that up.
    ///
    /// # Errors
    /// As [`Sites::facts`].
    pub async fn facts_without_server(&self, server: &Plan, site: &SiteSettings) -> Result<SiteFacts> {
        let (host, layout) = (self.server.host, self.layout(site));
        let units = [(site.unit(), self.places(site).drop_in)];
        let services = service::gather(host, &units).await?;
        Ok(SiteFacts {
            service: services.into_iter().find(|service| service.is_there),
            records: SiteRecords::of(&receipt::read(host, &layout.receipt)?),
            host: "127.0.0.1".into(),
            port: port_of(server).or(self.server.settings.port).unwrap_or(5432),
            ..SiteFacts::default()
        })
    }

    fn files(
        &self,
        server: &Server,
        site: &SiteSettings,
        service: Option<&ServiceFacts>,
    ) -> Result<SiteFiles> {
        let (host, places) = (self.server.host, self.places(site));
        let record = host.read_text(&places.record)?;
        let record: Option<SiteRecord> = record.and_then(|text| serde_json::from_str(&text).ok());
        let drop_in = service.and_then(|service| service.drop_in.as_deref());
        // A file that is gone is nobody's any more.
        let named = drop_in.and_then(service::named).filter(|path| host.exists(path));
        let prepared = host.read_text(&places.prepared)?.unwrap_or_default();
        let logins = [site.name.clone(), site.alternate()];
        let prepared = logins
            .iter()
            .find(|login| credentials::password(&prepared, login).is_some())
            .cloned();
        let environment = host.read_text(&places.environment)?;
        Ok(SiteFiles {
            record,
            has_drop_in: drop_in.is_some_and(service::is_ours),
            unit_taken_by: named.and_then(|path| Places::other_site(site, &path)),
            former_units: Vec::new(),
            environment: environment.map(|text| self.environment(server, site, service, &logins, &text)),
            has_previous: host.exists(&places.previous) || host.exists(&places.previous_drop_in),
            prepared,
        })
    }

    /// Units that a deploy before connected to this site's file, and that still are.
    fn former_units(&self, site: &SiteSettings, records: &SiteRecords) -> Result<Vec<(UnitName, PathBuf)>> {
        let mut former = Vec::new();
        for (path, unit) in &records.connected {
            let text = self.server.host.read_text(path)?;
            let named = text.as_deref().and_then(service::named);
            let is_of_site = named.is_some_and(|named| Places::other_site(site, &named).is_none());
            if *unit != site.unit() && is_of_site {
                former.push((unit.clone(), path.clone()));
            }
        }
        Ok(former)
    }

    fn environment(
        &self,
        server: &Server,
        site: &SiteSettings,
        service: Option<&ServiceFacts>,
        logins: &[Identifier],
        text: &str,
    ) -> EnvironmentFacts {
        let (host, path) = (self.server.host, self.places(site).environment);
        let found = logins
            .iter()
            .find_map(|login| Some((login, environment::password(text, login)?)));
        let is_current = found.as_ref().is_some_and(|(login, password)| {
            let wanted = site_environment(site, &server.application, login).text(password);
            wanted == text
                && host
                    .mode_and_owner(&path)
                    .is_some_and(|(mode, _)| mode == site.environment_mode())
                && self.is_readers(&path, site, service)
        });
        EnvironmentFacts {
            login: found.map(|(login, _)| login.clone()),
            is_current,
        }
    }

    /// Where we are not root, the file is ours.
    fn is_readers(
        &self,
        path: &std::path::Path,
        site: &SiteSettings,
        service: Option<&ServiceFacts>,
    ) -> bool {
        let host = self.server.host;
        let wanted = host.group_named(reader(site, service.filter(|service| service.is_there)));
        !host.is_root() || host.group_of(path) == wanted
    }
}

/// Where a server of our own will listen.
fn port_of(server: &Plan) -> Option<u16> {
    server.steps.iter().find_map(|step| match step {
        Step::InitializeCluster { port, .. } | Step::StartCluster { port, .. } => Some(*port),
        _ => None,
    })
}

async fn maintenance(server: &Server) -> Result<PgConnection> {
    Ok(connect(&server.endpoint, &server.administrator, &server.maintenance).await?)
}
