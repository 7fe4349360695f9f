//! What an import would do: which collection goes to which table, how much there is, and whether it fits.

use super::{Chroma, Named, absolute};
use crate::digest::sha256_hex;
use crate::error::Result;
use crate::import::{
    self, Action, ImportError, Inventory, Job, Kind, Parts, PassedOver, Policies, Standing, Wish, least_bytes,
};
use crate::pipeline::Installation;
use crate::settings::{Identifier, SettingsError, Target, VectorTable};

/// The key column of tables that are made for collections.
const KEY: &str = "id";

/// # Errors
/// What is not known, not clear or cannot be a table; options that cannot be meant together.
pub(super) fn jobs(
    installation: &Installation<'_>,
    chroma: &Chroma,
    named: Named,
    inventory: &Inventory,
) -> Result<(Vec<Job>, Vec<PassedOver>)> {
    let collections = import::choose(inventory, &chroma.collection)?;
    refuse_one_for_many(chroma, collections.len())?;
    let policies: Policies = chroma.on.iter().copied().collect();
    let wish = wish(installation, chroma, named)?;
    refuse_replacing_by_nothing(&policies, wish.parts)?;
    let (mapped, passed_over) = import::map(&collections, &wish)?;
    let job = |(collection, table): (import::Collection, VectorTable)| {
        let rejects = match &chroma.rejects {
            Some(file) => absolute(file)?,
            None => installation
                .layout
                .instance
                .join(rejects_name(&collection, &table)),
        };
        Ok(Job {
            source: inventory.source.clone(),
            fingerprint: inventory.fingerprint.clone(),
            parts: wish.parts,
            policies: policies.clone(),
            rejects,
            rejects_are_ours: chroma.rejects.is_none(),
            is_restart: chroma.restart,
            is_verification: chroma.verify_only,
            collection,
            table,
        })
    };
    let jobs: Result<Vec<Job>> = mapped.into_iter().map(job).collect();
    Ok((jobs?, passed_over))
}

fn wish(installation: &Installation<'_>, chroma: &Chroma, named: Named) -> Result<Wish> {
    let mut table = installation.settings.table.clone();
    let (parts, metric) = if chroma.is_match {
        // Of a table that is there, its own settings are meant.
        (Parts::Embedding, Some(table.metric))
    } else {
        table.key = Identifier::new(named.key.unwrap_or_else(|| KEY.to_owned()))?;
        (Parts::Whole, named.metric)
    };
    let into = chroma.into.clone().map(Identifier::new).transpose()?;
    Ok(Wish {
        table,
        parts,
        into,
        metric,
    })
}

fn refuse_one_for_many(chroma: &Chroma, collections: usize) -> Result<()> {
    let of_one = [
        ("--into", chroma.into.is_some()),
        ("--match", chroma.is_match),
        ("--rejects", chroma.rejects.is_some()),
    ];
    match of_one.into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) if collections > 1 => Err(ImportError::Several {
            option,
            count: collections,
        }
        .into()),
        _ => Ok(()),
    }
}

fn refuse_replacing_by_nothing(policies: &Policies, parts: Parts) -> Result<()> {
    let kinds = [Kind::NotFinite, Kind::MissingVector];
    match kinds
        .into_iter()
        .find(|kind| policies.of(*kind) == Action::Replace)
    {
        Some(kind) if parts == Parts::Embedding => Err(SettingsError::Conflict {
            first: "--match".to_owned(),
            second: format!("--on {kind}=replace"),
            reason: "there would be no embedding to give; skip leaves the row as it is",
        }
        .into()),
        _ => Ok(()),
    }
}

/// One file for each collection and table: readable, and with a digest, so that no two share one.
fn rejects_name(collection: &import::Collection, table: &VectorTable) -> String {
    let whole = format!("{}\0{}\0{}", collection.id, table.qualified(), table.column);
    let plain: String = table
        .table
        .as_str()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    format!(
        "{}{plain}-{}.jsonl",
        import::REJECTS,
        &sha256_hex(whole.as_bytes())[..10]
    )
}

/// # Errors
/// [`ImportError::NoRoom`] where the rows and the index alone need more than there is.
pub(super) fn refuse_without_room(
    installation: &Installation<'_>,
    jobs: &[Job],
    standings: &[Standing],
) -> Result<()> {
    // Only an embedded server's data are known to be on a disk that can be asked.
    if installation.settings.target != Target::Embedded {
        return Ok(());
    }
    let Some(free) = installation.host.free_bytes(&installation.layout.data) else {
        return Ok(());
    };
    let needed = needed(jobs, standings);
    if needed <= free {
        return Ok(());
    }
    Err(ImportError::NoRoom {
        free: import::shown(free),
        needed: import::shown(needed),
    }
    .into())
}

fn needed(jobs: &[Job], standings: &[Standing]) -> u64 {
    let of_one = |(job, standing): (&Job, &Standing)| match standing {
        Standing::Complete => 0,
        Standing::Begun { passed } => least_bytes(&job.table, job.collection.records.saturating_sub(*passed)),
        Standing::New => least_bytes(&job.table, job.collection.records),
    };
    jobs.iter().zip(standings).map(of_one).sum()
}

pub(super) fn text(inventory: &Inventory, jobs: &[Job], standings: &[Standing]) -> String {
    let mut text = format!("from {} ({})\n", inventory.source, inventory.version);
    for oddity in &inventory.oddities {
        text.push_str(&format!("note: {oddity}\n"));
    }
    for (number, (job, standing)) in jobs.iter().zip(standings).enumerate() {
        let (collection, table) = (&job.collection, &job.table);
        let how = match (job.is_verification, standing, job.parts) {
            (true, ..) => "compare with".to_owned(),
            (_, Standing::Complete, _) => "was imported; compare with".to_owned(),
            (_, Standing::Begun { passed: passed @ 1.. }, _) => format!("go on after {passed} of them, into"),
            (_, Standing::New | Standing::Begun { .. }, Parts::Whole) => "into".to_owned(),
            (_, Standing::New | Standing::Begun { .. }, Parts::Embedding) => {
                format!("embeddings into column {} of", table.column.quoted())
            }
        };
        let index = table.effective_index().method().unwrap_or("no");
        text.push_str(&format!(
            "{:>3}. {}, {} records: {how} {} ({}, {}, {index} index)\n",
            number + 1,
            collection.name,
            collection.records,
            table.qualified(),
            table.type_name(),
            table.metric.name(),
        ));
        for oddity in &collection.oddities {
            text.push_str(&format!("     note: {oddity}\n"));
        }
    }
    let needed = needed(jobs, standings);
    if needed > 0 && jobs.iter().all(|job| !job.is_verification) {
        text.push_str(&format!(
            "needs at least {} on the server's disk; documents and metadata come on top\n",
            import::shown(needed)
        ));
    }
    text
}
