//! The parts of one import: load, index, proof.

use std::path::PathBuf;
use std::time::Instant;

use sqlx::PgConnection;

use super::ImportError;
use super::digest::Digest;
use super::importer::Importer;
use super::job::{Imported, Job};
use super::judgement::Parts;
use super::load::Load;
use super::progress::{self, Progress, State};
use super::proof::Comparison;
use super::reading::{self, Output, Pass, SharedSource};
use super::rejects::Rejects;
use super::target::Target;
use crate::apply::interrupt;
use crate::database::DatabaseError;
use crate::database::index::BuildProgress;
use crate::database::migrate::{MigrationState, MigrationStatus};
use crate::database::sql::composed;
use crate::settings::Index;

/// One import under way.
pub struct Run<'r> {
    importer: &'r Importer<'r>,
    source: &'r SharedSource,
    job: &'r Job,
    target: &'r Target,
    /// As this run has found it.
    progress: &'r Progress,
    /// The digest of what was loaded by this run.
    loaded: Option<Digest>,
    pub imported: Imported,
}

impl<'r> Run<'r> {
    pub fn new(
        importer: &'r Importer<'r>,
        source: &'r SharedSource,
        job: &'r Job,
        target: &'r Target,
        progress: &'r Progress,
    ) -> Self {
        Self {
            importer,
            source,
            job,
            target,
            progress,
            loaded: None,
            imported: Imported {
                collection: job.collection.name.to_string(),
                table: target.table.qualified(),
                parts: job.parts,
                listed: job.collection.records,
                damage: job.collection.damage.clone(),
                without_vector: job.collection.without_vector,
                written_in_all: progress.written,
                ..Imported::default()
            },
        }
    }

    pub async fn load(&mut self, connection: &mut PgConnection, rejects: Rejects) -> Result<(), ImportError> {
        let (listener, progress) = (self.importer.listener, self.progress);
        listener.begins(&format!(
            "load {} into {}",
            self.imported.collection, self.imported.table
        ));
        let start = Instant::now();
        let mut batches = reading::begin(
            self.source,
            Pass {
                collection: self.job.collection.clone(),
                shape: self.target.shape,
                policies: progress.policies.clone(),
                before: progress.before(),
                output: Output::Rows(None),
                rejects: Some(rejects),
            },
        );
        let report = |loaded| listener.loaded(loaded);
        let mut load = Load {
            target: self.target,
            import: progress.id,
            policies: &progress.policies,
            is_staged: !progress.is_alone,
            begun_at: progress.passed,
            total: self.job.collection.records,
            report: &report,
        };
        let (ended, written) = load.run(connection, &mut batches).await?;
        if let Some(mut rejects) = ended.rejects {
            list_left_out(connection, progress.id, &mut rejects).await?;
            rejects.finish()?;
            self.imported.rejects = rejects.path().map(PathBuf::from);
            self.imported.skipped = rejects.skipped;
            self.imported.replaced = rejects.replaced;
        }
        progress::set_state(connection, progress.id, State::Loaded).await?;
        let seconds = start.elapsed().as_secs_f64();
        self.imported.load_seconds = seconds;
        self.imported.rows_per_second = (seconds > 0.0).then(|| written as f64 / seconds);
        self.imported.read = ended.passed;
        self.imported.written = written;
        self.imported.written_in_all += written;
        self.loaded = Some(ended.digest);
        Ok(())
    }

    pub async fn index(&mut self, connection: &mut PgConnection) -> Result<(), ImportError> {
        let (listener, table) = (self.importer.listener, &self.target.table);
        if table.effective_index() != Index::None {
            listener.begins(&format!("build the index of {}", self.imported.table));
        }
        let start = Instant::now();
        let progress = |build: BuildProgress| listener.builds(&build);
        let migrator = self.importer.migrator(table, &progress);
        let statuses = tokio::select! {
            statuses = migrator.up(connection, None) => statuses?,
            // The server gives the build up when the session ends, and the next run builds it again.
            exit = interrupt::wait() => return Err(ImportError::Interrupted { exit }),
        };
        match statuses.last().map(|status| &status.state) {
            Some(MigrationState::Skipped { reason } | MigrationState::Deferred { reason }) => {
                self.imported.without_index = Some(reason.clone());
            }
            _ => self.imported.index = Some(table.index_name().to_string()),
        }
        let sql = format!(
            "BEGIN; SET LOCAL ROLE {}; ANALYZE {}; COMMIT",
            self.target.owner.quoted(),
            table.qualified()
        );
        sqlx::raw_sql(composed(sql))
            .execute(connection)
            .await
            .map_err(DatabaseError::statement("analyze the table"))?;
        self.imported.index_seconds = start.elapsed().as_secs_f64();
        Ok(())
    }

    pub async fn prove(&mut self, connection: &mut PgConnection) -> Result<(), ImportError> {
        let (listener, progress) = (self.importer.listener, self.progress);
        listener.begins(&format!(
            "compare {} with {}",
            self.imported.table, self.job.source
        ));
        let mut comparison = Comparison {
            source: self.source,
            collection: &self.job.collection,
            target: self.target,
            policies: &progress.policies,
            import: progress.id,
            is_alone: progress.is_alone,
            is_complete: progress::left_out(connection, progress.id, None)
                .await?
                .is_empty(),
            loaded: self.loaded.take(),
        };
        self.imported.proof = comparison.run(connection).await?;
        if self.imported.proof.proven && progress.state != State::Proven {
            progress::set_state(connection, progress.id, State::Proven).await?;
        }
        Ok(())
    }

    /// Notes whether taking migrations back undoes the import, and down to which version.
    pub async fn look_for_the_way_back(&mut self, connection: &mut PgConnection) -> Result<(), ImportError> {
        let migrator = self.importer.migrator(&self.target.table, &|_| {});
        let statuses = migrator.status(connection).await?;
        self.imported.undone_by_version = way_back(&statuses, self.job.parts);
        Ok(())
    }
}

/// The table, or with [`Parts::Embedding`] the column, has to be of our making. An extension of our making stays: other tables
/// may use it.
fn way_back(statuses: &[MigrationStatus], parts: Parts) -> Option<i32> {
    let [extension, table, column, ..] = statuses else {
        return None;
    };
    match parts {
        Parts::Whole if table.state != MigrationState::Applied => None,
        Parts::Whole => Some(i32::from(extension.state == MigrationState::Applied)),
        Parts::Embedding => (column.state == MigrationState::Applied).then_some(2),
    }
}

async fn list_left_out(
    connection: &mut PgConnection,
    import: i64,
    rejects: &mut Rejects,
) -> Result<(), ImportError> {
    let mut after: Option<String> = None;
    loop {
        let some = progress::left_out(connection, import, after.as_deref()).await?;
        let Some((last, _)) = some.last() else {
            return Ok(());
        };
        for (key, kind) in &some {
            rejects.list_key(key, *kind)?;
        }
        after = Some(last.clone());
    }
}
