//! Undoing an installation: what was made, what it holds by now, and taking it back.

use super::{Installation, MachineFacts};
use crate::apply::{self, Made, Progress, Server};
use crate::database::facts as database_facts;
use crate::database::{DatabaseError, connect};
use crate::error::Result;
use crate::import::REJECTS;
use crate::plan::{self, DataFacts, Step, UndoStep};
use crate::settings::{Identifier, Target};

impl Installation<'_> {
    /// What an undo would do now. Changes nothing.
    pub async fn undo_plan(&self, destroy: bool) -> Result<Vec<UndoStep>> {
        let made = self.made()?;
        if made.is_empty() {
            return Ok(Vec::new());
        }
        self.settle_restart().await?;
        let server = self.server_to_undo_in(&made).await?;
        let data = self.data_facts(&made, server.as_ref(), destroy).await?;
        Ok(plan::undo_plan(&made, &data, self.settings)?)
    }

    /// What is in a volume stays or goes with it, so no server is asked there; but an engine has to answer for its containers.
    async fn server_to_undo_in(&self, made: &[Made]) -> Result<Option<Server>> {
        let facts = self.machine_facts().await?;
        if let MachineFacts::Docker(facts) = &facts {
            if made
                .iter()
                .any(|entry| matches!(entry.step, Step::StartProject { .. }))
            {
                plan::docker::answering(facts)?;
                plan::docker::refuse_foreign(facts)?;
            }
            return Ok(None);
        }
        if let MachineFacts::Url(facts) = &facts {
            plan::url::refuse_pooler(facts)?;
        }
        self.server(&facts).await
    }

    async fn data_facts(&self, made: &[Made], server: Option<&Server>, destroy: bool) -> Result<DataFacts> {
        let mut data = DataFacts {
            destroy,
            ..DataFacts::default()
        };
        match self.settings.target {
            Target::Embedded => {
                data.other_instances = self.host.list(&self.layout.root.join("instances"));
                data.other_instances
                    .retain(|name| name != self.settings.instance.as_str() && !name.starts_with('.'));
            }
            Target::System => {
                if let Some(server) = server {
                    self.system_data(made, server, &mut data).await?;
                }
            }
            Target::Docker => {}
            // What else is on that server is none of our business.
            Target::Url => {
                for entry in made {
                    if let Some(server) = server {
                        data.held.extend(self.held_by(&entry.step, server).await?);
                    }
                }
            }
        }
        Ok(data)
    }

    async fn system_data(&self, made: &[Made], server: &Server, data: &mut DataFacts) -> Result<()> {
        let mut ours = Vec::new();
        for entry in made {
            data.held.extend(self.held_by(&entry.step, server).await?);
            if let Step::CreateDatabase { database, .. }
            | Step::Migrate {
                database, version: 1, ..
            } = &entry.step
            {
                ours.push(database.to_string());
            }
        }
        let mut connection = connect(&server.endpoint, &server.administrator, "postgres").await?;
        for name in database_facts::databases(&mut connection).await? {
            if ours.contains(&name) {
                continue;
            }
            let mut connection = connect(&server.endpoint, &server.administrator, &name).await?;
            let is_untouched = name == "postgres"
                && database_facts::tables_with_rows(&mut connection)
                    .await?
                    .is_empty();
            if database_facts::has_extension(&mut connection).await? {
                data.extension_users.push(name.clone());
            }
            if !is_untouched {
                data.other_databases.push(name);
            }
        }
        Ok(())
    }

    /// What a step's object holds by now.
    async fn held_by(&self, step: &Step, server: &Server) -> Result<Vec<String>> {
        let connect = |database: &Identifier| {
            let database = database.as_str().to_owned();
            async move { connect(&server.endpoint, &server.administrator, &database).await }
        };
        match step {
            Step::CreateDatabase { database, .. } => match connect(database).await {
                Ok(mut connection) => database_facts::tables_with_rows(&mut connection).await,
                // It is gone already, and nothing with it.
                Err(error) if is_gone(&error) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            },
            Step::Migrate {
                database,
                table,
                version,
                ..
            } => match connect(database).await {
                Ok(mut connection) => {
                    database_facts::held_by_migration(&mut connection, table, *version).await
                }
                Err(error) if is_gone(&error) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            },
            _ => Ok(Vec::new()),
        }
    }

    /// Undoes what the receipt says was made; returns how many steps and what stays.
    pub async fn undo(&self, destroy: bool, progress: &dyn Progress) -> Result<(usize, Vec<String>)> {
        let (_lock, mut receipt) = self.open("rollback")?;
        let steps = self.undo_plan(destroy).await?;
        let server = self.server_to_undo_in(&self.made()?).await?;
        let mut engine = self.engine(&mut receipt, progress, server);
        let mut kept = apply::undo(&mut engine, &steps).await?;
        kept.extend(self.kept_rejects());
        Ok((steps.len(), kept))
    }

    /// They hold records that are in no table.
    fn kept_rejects(&self) -> impl Iterator<Item = String> {
        let place = &self.layout.instance;
        let names = self.host.list(place).into_iter();
        names.filter(|name| name.starts_with(REJECTS)).map(|name| {
            format!(
                "{}: it lists what an import left out or changed",
                place.join(name).display()
            )
        })
    }
}

fn is_gone(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::Login { .. } => true,
        DatabaseError::ServerLogin { code, .. } => code == "3D000",
        _ => false,
    }
}
