//! One collection from beginning to proof: table, rows, index, comparison. Each part goes on where an earlier run ended.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::ImportError;
use super::job::{Imported, Job, Listener, Standing};
use super::judgement::Parts;
use super::progress::{self, Beginning, Progress, State};
use super::reading::SharedSource;
use super::rejects::Rejects;
use super::run::Run;
use super::target::Target;
use crate::database::index::BuildProgress;
use crate::database::migrate::{Limits, Migrator, lock, table_facts};
use crate::database::{Endpoint, Login, connect};
use crate::host::Host;
use crate::settings::{Identifier, VectorTable};

/// The letters `pgvi`; the other half is a digest of the target.
const LOCK: i32 = 0x7067_7669;
/// The migration that adds the column: the index comes after the rows.
const COLUMN: i32 = 3;

/// Where collections go.
#[derive(Clone, Copy)]
pub struct Importer<'a> {
    pub host: &'a Host,
    pub endpoint: &'a Endpoint,
    /// The administrator.
    pub login: &'a Login,
    pub database: &'a str,
    /// The application's role: owns what is made.
    pub owner: &'a Identifier,
    pub limits: Limits,
    pub listener: &'a (dyn Listener + Sync),
}

impl std::fmt::Debug for Importer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Importer")
            .field("endpoint", self.endpoint)
            .field("database", &self.database)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl Importer<'_> {
    /// Imports or verifies one collection.
    ///
    /// # Errors
    /// [`ImportError`]; what was committed stays, and the same call goes on.
    pub async fn run(&self, source: &SharedSource, job: &Job) -> Result<Imported, ImportError> {
        let mut connection = connect(self.endpoint, self.login, self.database).await?;
        let key = lock_key(&job.table);
        lock::acquire_key(&mut connection, key).await?;
        // After a failure the session ends, and with it whatever it was at, and its lock.
        let imported = self.import(&mut connection, source, job).await?;
        lock::release_key(&mut connection, key).await?;
        Ok(imported)
    }

    /// How far the import of each job is.
    ///
    /// # Errors
    /// [`ImportError`], where a job would be refused before it changes anything; what the server says.
    pub async fn standings(&self, jobs: &[Job]) -> Result<Vec<Standing>, ImportError> {
        let mut connection = connect(self.endpoint, self.login, self.database).await?;
        let mut standings = Vec::new();
        for job in jobs {
            let found = progress::find(&mut connection, &job.collection, &job.table).await?;
            self.refuse_reject_file(job, found.as_ref())?;
            let found = found.filter(|found| found.is_of_this_table && !job.is_restart);
            job.refuse_undecided_loss(found.as_ref().map(|found| &found.policies))?;
            standings.push(match found {
                None => Standing::New,
                Some(found) if found.state == State::Proven => Standing::Complete,
                Some(found) => Standing::Begun { passed: found.passed },
            });
        }
        Ok(standings)
    }

    async fn import(
        &self,
        connection: &mut PgConnection,
        source: &SharedSource,
        job: &Job,
    ) -> Result<Imported, ImportError> {
        let found = progress::find(connection, &job.collection, &job.table).await?;
        let rejects_are_ours = job.owns_rejects(found.as_ref());
        self.refuse_reject_file(job, found.as_ref())?;
        let found = found.filter(|found| found.is_of_this_table && !job.is_restart);
        if job.is_verification && !found.as_ref().is_some_and(|found| found.state != State::Loading) {
            return Err(ImportError::NothingToVerify {
                collection: job.collection.name.to_string(),
                table: job.table.qualified(),
            });
        }
        job.refuse_undecided_loss(found.as_ref().map(|found| &found.policies))?;
        let was_complete = found.as_ref().is_some_and(|found| found.state == State::Proven);
        let (target, progress) = match found {
            Some(found) => self.go_on(connection, job, found).await?,
            None => self.begin(connection, job).await?,
        };
        let mut run = Run::new(self, source, job, &target, &progress);
        run.imported.was_complete = was_complete;
        // What the run that loaded has left out is not to be forgotten by those after it.
        let listed = PathBuf::from(&progress.rejects);
        if progress.state != State::Loading && self.host.exists(&listed) {
            run.imported.rejects = Some(listed);
        }
        if progress.state == State::Loading {
            let name = job.collection.name.to_string();
            let rejects = Rejects::new(self.host, &job.rejects, name, rejects_are_ours)?;
            run.load(connection, rejects).await?;
        }
        if progress.state != State::Proven && !job.is_verification {
            run.index(connection).await?;
        }
        run.prove(connection).await?;
        run.look_for_the_way_back(connection).await?;
        Ok(run.imported)
    }

    /// Before anything is made. A run that only compares, or goes on after the rows, lists nothing.
    fn refuse_reject_file(&self, job: &Job, found: Option<&Progress>) -> Result<(), ImportError> {
        let is_loaded =
            |found: &Progress| found.is_of_this_table && !job.is_restart && found.state != State::Loading;
        if job.is_verification || found.is_some_and(is_loaded) {
            return Ok(());
        }
        // A place of ours is made with the lock of the instance, later than this.
        if job.rejects_are_ours {
            return Ok(());
        }
        Rejects::check(self.host, &job.rejects, job.owns_rejects(found))
    }

    /// An import that another run has begun.
    async fn go_on(
        &self,
        connection: &mut PgConnection,
        job: &Job,
        mut found: Progress,
    ) -> Result<(Target, Progress), ImportError> {
        let otherwise = |difference: String| ImportError::BegunOtherwise {
            collection: job.collection.name.to_string(),
            difference,
        };
        if found.parts != job.parts {
            let modes = match found.parts {
                Parts::Whole => "without --match",
                Parts::Embedding => "with --match",
            };
            return Err(otherwise(modes.to_owned()));
        }
        let before = &found.policies;
        found.policies = job
            .policies
            .continuing(before)
            .map_err(|kind| otherwise(format!("--on {kind}={}", before.of(kind).name())))?;
        if found.fingerprint.is_some()
            && job.fingerprint.is_some()
            && found.fingerprint != job.fingerprint
            && found.state == State::Loading
        {
            return Err(ImportError::SourceChanged {
                collection: job.collection.name.to_string(),
                fact: format!("{} was written to since", job.source),
            });
        }
        if found.state == State::Loading {
            progress::resume(connection, found.id, &found.policies, &job.rejects_text()).await?;
        }
        let target = Target::find(connection, &job.table, job.parts).await?;
        Ok((target, found))
    }

    async fn begin(
        &self,
        connection: &mut PgConnection,
        job: &Job,
    ) -> Result<(Target, Progress), ImportError> {
        let there = table_facts(connection, &job.table).await?.table;
        if there.is_some() || job.parts == Parts::Embedding {
            // What cannot take the rows is refused before it gets a column.
            Target::find(connection, &job.table, job.parts).await?;
        }
        let has_rows = there.is_some_and(|table| table.has_rows);
        let progress = |build: BuildProgress| self.listener.builds(&build);
        let migrator = self.migrator(&job.table, &progress);
        migrator.up(connection, Some(COLUMN)).await?;
        let target = Target::find(connection, &job.table, job.parts).await?;
        progress::prepare(connection).await?;
        let beginning = Beginning {
            source: &job.source,
            fingerprint: job.fingerprint.as_deref(),
            parts: job.parts,
            is_alone: job.parts == Parts::Whole && !has_rows,
            policies: &job.policies,
            rejects: &job.rejects_text(),
        };
        progress::begin(connection, &job.collection, &job.table, &beginning).await?;
        let begun = progress::find(connection, &job.collection, &job.table).await?;
        let begun = begun.ok_or_else(|| ImportError::Progress {
            detail: "its row is gone".to_owned(),
        })?;
        Ok((target, begun))
    }

    pub(super) fn migrator<'m>(
        &'m self,
        table: &'m VectorTable,
        progress: &'m (dyn Fn(BuildProgress) + Sync),
    ) -> Migrator<'m> {
        Migrator {
            table,
            owner: self.owner,
            endpoint: self.endpoint,
            login: self.login,
            database: self.database,
            limits: self.limits,
            progress,
        }
    }
}

/// Of a table: two imports of one at once would not know each other's rows.
fn lock_key(table: &VectorTable) -> lock::Key {
    let digest = Sha256::digest(format!("{}\0{}", table.schema, table.table));
    (
        LOCK,
        i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]),
    )
}
