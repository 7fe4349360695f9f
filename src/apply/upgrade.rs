//! The steps of an upgrade inside the databases, and what earlier ones still owe by the receipt.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use sqlx::Executor as _;

use super::engine::{Engine, Server};
use super::{Outcome, Record};
use crate::database::index::{BuildProgress, Rebuild, Sizing, Watch, drop_index};
use crate::database::migrate::Limits;
use crate::database::sql::composed;
use crate::database::{DatabaseError, connect, sqlstate};
use crate::error::Result;
use crate::plan::upgrade::Receipted;
use crate::plan::{Refusal, Step};

/// `undefined_function`: the update's new functions are not in the library that this session has.
const NOT_IN_LIBRARY: &str = "42883";

/// A wait shorter than this is not worth a word.
const PATIENCE: Duration = Duration::from_secs(3);

fn server<'a>(engine: &'a Engine<'_>) -> Result<&'a Server> {
    let stopped = || Refusal::Blocked {
        fact: "the server is not running".into(),
        hint: "pgvector-setup start".into(),
    };
    Ok(engine.server.as_ref().ok_or_else(stopped)?)
}

/// `ALTER EXTENSION` as the first statement of a new session, which has loaded no library of before.
pub(super) async fn update_extension(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let Step::UpgradeExtension {
        database, to, sql, ..
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    let server = server(engine)?;
    let mut connection = connect(&server.endpoint, &server.administrator, database.as_str()).await?;
    if let Err(error) = connection.execute(composed(sql)).await {
        let purpose = match sqlstate(&error).as_deref() {
            Some(NOT_IN_LIBRARY) => format!(
                "update the extension in {database}, because sessions get a library of before: restart the server if \
                 vector is in shared_preload_libraries"
            ),
            _ => format!("update the extension in {database}"),
        };
        return Err(DatabaseError::statement(purpose)(error).into());
    }
    let version: Option<String> =
        sqlx::query_scalar("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
            .fetch_optional(&mut connection)
            .await
            .map_err(DatabaseError::statement("read the extension's version"))?;
    if version.as_ref() == Some(to) {
        return Ok(Outcome::Changed { object: version });
    }
    let found = sqlx::Error::Protocol(format!("it is at {}", version.unwrap_or_default()));
    Err(DatabaseError::statement(format!("update the extension in {database} to {to}"))(found).into())
}

pub(super) async fn rebuild_index(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let Step::RebuildIndex {
        database,
        schema,
        table,
        index,
        oid,
        sql,
        memory_kilobytes,
        workers,
        ..
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    let server = server(engine)?;
    let mut connection = connect(&server.endpoint, &server.administrator, database.as_str()).await?;
    let told = AtomicI32::new(0);
    let rebuild = Rebuild {
        schema,
        table,
        index,
        oid: *oid,
        statement: sql,
        sizing: Sizing {
            memory_kilobytes: *memory_kilobytes,
            workers: *workers,
        },
        watch: Watch {
            endpoint: &server.endpoint,
            login: &server.administrator,
            database: database.as_str(),
            patience: Limits::default().snapshot_wait,
            report: &|build| {
                tell_who_is_waited_for(engine, &told, &build);
                engine.progress.builds(&build);
            },
        },
    };
    Ok(if rebuild.run(&mut connection).await? {
        Outcome::Changed { object: None }
    } else {
        Outcome::AlreadyThere
    })
}

/// Says once who keeps a rebuild waiting for longer than a moment.
fn tell_who_is_waited_for(engine: &Engine<'_>, told: &AtomicI32, build: &BuildProgress) {
    if let Some(blocker) = &build.waiting_for
        && build.elapsed > PATIENCE
        && told.swap(blocker.pid, Ordering::Relaxed) != blocker.pid
    {
        engine.progress.waits(&format!(
            "server process {} to end its transaction: {}",
            blocker.pid, blocker.query
        ));
    }
}

pub(super) async fn drop_copy(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let Step::DropIndexCopy {
        database,
        schema,
        table,
        sql,
        ..
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    let server = server(engine)?;
    let mut connection = connect(&server.endpoint, &server.administrator, database.as_str()).await?;
    let relation = format!("{}.{}", schema.quoted(), table.quoted());
    drop_index(
        &mut connection,
        &relation,
        sql,
        None,
        Limits::default().snapshot_wait,
    )
    .await?;
    Ok(Outcome::Changed { object: None })
}

/// What upgrades of ours noted and did not come to the end of.
pub fn receipted(records: &[Record]) -> Receipted {
    let mut receipted = Receipted::default();
    for record in records {
        let Record::Begun { sequence, step } = record else {
            continue;
        };
        match step {
            Step::UpgradeExtension {
                database, rebuild, ..
            } => {
                let owed = receipted.owed.entry(database.to_string()).or_default();
                let is_new = |new: &&_| !owed.contains(*new);
                let new: Vec<_> = rebuild.iter().filter(is_new).cloned().collect();
                owed.extend(new);
            }
            Step::RebuildIndex {
                database,
                schema,
                index,
                oid,
                ..
            } => {
                let name = format!("{}.{}", schema.quoted(), index.quoted());
                let begun = receipted.begun.entry(database.to_string()).or_default();
                if !begun.contains(&name) {
                    begun.push(name);
                }
                let has_ended = records.iter().any(|record| {
                    matches!(record, Record::Ended { sequence: of, outcome: Outcome::Changed { .. } | Outcome::AlreadyThere } if of == sequence)
                });
                if has_ended && let Some(owed) = receipted.owed.get_mut(database.as_str()) {
                    owed.retain(|owed| owed.oid != *oid);
                }
            }
            _ => {}
        }
    }
    receipted.owed.retain(|_, owed| !owed.is_empty());
    receipted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::upgrade::Owed;
    use crate::settings::Identifier;

    fn name(text: &str) -> Identifier {
        Identifier::new(text).unwrap()
    }

    fn extension() -> Step {
        let owed = |oid| Owed {
            oid,
            lived_under: "0.8.0".into(),
        };
        Step::UpgradeExtension {
            database: name("shop"),
            from: "0.8.0".into(),
            to: "0.8.7".into(),
            sql: String::new(),
            rebuild: vec![owed(11), owed(12)],
        }
    }

    fn rebuild(oid: i64) -> Step {
        Step::RebuildIndex {
            database: name("shop"),
            schema: name("public"),
            table: name("items"),
            index: name(&format!("index_{oid}")),
            oid,
            because: String::new(),
            sql: String::new(),
            memory_kilobytes: 65_536,
            workers: 0,
        }
    }

    #[test]
    fn an_index_is_owed_until_its_rebuild_ended_well() {
        let begun = |sequence, step| Record::Begun { sequence, step };
        let ended = |sequence, outcome| Record::Ended { sequence, outcome };
        let changed = || Outcome::Changed { object: None };
        let failed = || Outcome::Failed {
            error: "canceled".into(),
        };
        let records = [
            begun(1, extension()),
            ended(1, changed()),
            begun(2, rebuild(11)),
            ended(2, failed()),
            begun(3, rebuild(11)),
            ended(3, changed()),
            begun(4, rebuild(12)),
            ended(4, Outcome::AlreadyThere),
        ];
        for (length, owed) in [
            (0, vec![]),
            (1, vec![11, 12]),
            (4, vec![11, 12]),
            (5, vec![11, 12]),
            (6, vec![12]),
            (7, vec![12]),
            (8, vec![]),
        ] {
            let found: Vec<i64> = receipted(&records[..length])
                .owed_in("shop")
                .iter()
                .map(|owed| owed.oid)
                .collect();
            assert_eq!(found, owed, "after {length} records");
        }
    }
}
