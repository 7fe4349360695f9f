//! The steps of one site.

mod catalog;
pub mod error;
mod export;
mod files;
mod journal;
mod service;
mod start;

pub use files::environment_of;

use super::Outcome;
use super::engine::Engine;
use crate::error::Result;
use crate::plan::site::SiteStep;

/// Nothing to tell but that it was done.
const CHANGED: Outcome = Outcome::Changed { object: None };

pub(super) async fn act(engine: &mut Engine<'_>, step: &SiteStep) -> Result<Outcome> {
    match step {
        SiteStep::WriteRecord { path, record } => files::write_record(engine.host, path, record),
        SiteStep::CreateOwner { role, sql } => catalog::create_owner(engine, role, sql).await,
        SiteStep::PreparePassword { path, login } => files::prepare_password(engine.host, path, login),
        SiteStep::EnableLogin {
            database, login, sql, ..
        } => catalog::enable_login(engine, database, login, sql).await,
        SiteStep::GrantUse { database, sql, .. } => {
            super::database::run_statements(engine, database, sql).await
        }
        SiteStep::DescribeDatabase { sql, .. } => {
            catalog::run(engine, "note whose the database is", &[sql]).await
        }
        SiteStep::Prove { login, .. } => catalog::prove(engine, login).await,
        SiteStep::WriteEnvironment { .. } => files::write_environment(engine, step),
        SiteStep::ConnectUnit {
            path,
            content,
            before,
            ..
        } => service::connect(engine, path, content, before.as_deref()).await,
        SiteStep::RestartService { .. } => service::restart(engine, step).await,
        SiteStep::RetireLogin { login, sql } => {
            let purpose = format!("let {login} log in no more");
            catalog::run(engine, &purpose, &sql.iter().collect::<Vec<_>>()).await
        }
        SiteStep::ExportDatabase { file, argv, .. } => export::export(engine, file, argv).await,
        SiteStep::DisconnectUnit { path, .. } => service::disconnect(engine.host, path).await,
        SiteStep::WithdrawLogin {
            database,
            role,
            file,
            owner,
            lines,
        } => Ok(
            match super::login::withdraw(engine, database, role, file, owner, std::slice::from_ref(lines))
                .await?
            {
                Some(why) => Outcome::Skipped { why },
                None => CHANGED,
            },
        ),
        SiteStep::DropDatabase { database, sql } => {
            catalog::run(engine, &format!("drop the database {database}"), &[sql]).await
        }
        SiteStep::DropRole { role, database, sql } => {
            catalog::drop_role(engine, role, database.as_ref(), sql).await
        }
        SiteStep::RemoveFiles { paths } => {
            for path in paths {
                engine.host.remove_file(path)?;
            }
            Ok(CHANGED)
        }
    }
}
