//! What came of an import.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::{Address, Ui};
use crate::host::quote_word;
use crate::import::{Counts, Imported, Inventory, Job, Kind, Parts, PassedOver};
use crate::pipeline::Installation;

/// Differences that are printed; `--json` has more.
const SHOWN: usize = 20;

pub(super) fn show(
    inventory: &Inventory,
    imported: &[Imported],
    passed_over: &[PassedOver],
    took: Duration,
    ui: &Ui,
) {
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1, "changed": imported.iter().any(Imported::has_written), "source": inventory.source,
            "version": inventory.version, "oddities": inventory.oddities, "collections": imported,
            "passed_over": passed_over, "proven": imported.iter().all(|one| one.proof.proven),
            "seconds": took.as_secs_f64(),
        }));
    }
}

pub(super) fn text(imported: &Imported, job: &Job, installation: &Installation<'_>) -> String {
    let mut text = format!("{} -> {}\n", imported.collection, imported.table);
    if imported.was_complete && !job.is_verification {
        text.push_str("  import:   complete before; source and table were compared again\n");
    }
    if imported.load_seconds > 0.0 {
        loaded(&mut text, imported);
    }
    damage(&mut text, imported, job, installation);
    for (what, counts) in [
        ("left out:", &imported.skipped),
        ("changed: ", &imported.replaced),
    ] {
        if !counts.is_empty() {
            let _ = writeln!(text, "  {what} {}", shown(counts));
        }
    }
    if let Some(rejects) = &imported.rejects {
        let _ = writeln!(text, "  listed:   {}", rejects.display());
    }
    if imported.matches_nothing() {
        let _ = writeln!(
            text,
            "  note:     no row has one of these ids in its column {}; is that the key? --key NAME names another",
            job.table.key.quoted()
        );
    }
    if let Some(index) = &imported.index {
        let _ = writeln!(text, "  index:    {index} in {:.1} s", imported.index_seconds);
    }
    if let Some(reason) = &imported.without_index {
        let _ = writeln!(text, "  index:    none: {reason}");
    }
    proof(&mut text, imported);
    if let Some(version) = imported.undone_by_version {
        let _ = writeln!(text, "  undo:     {}", undo(version, job, installation));
    }
    text
}

fn loaded(text: &mut String, imported: &Imported) {
    let _ = writeln!(
        text,
        "  records:  {} read, {} rows written in {:.1} s{}",
        imported.read,
        imported.written,
        imported.load_seconds,
        imported
            .rows_per_second
            .map_or_else(String::new, |rate| format!(" ({rate:.0} rows/s)")),
    );
    if imported.read != imported.listed {
        let _ = writeln!(
            text,
            "            the source says that it has {}",
            imported.listed
        );
    }
    if imported.written_in_all != imported.written {
        let _ = writeln!(
            text,
            "            {} rows by all runs together",
            imported.written_in_all
        );
    }
}

fn damage(text: &mut String, imported: &Imported, job: &Job, installation: &Installation<'_>) {
    let (Some(damage), Some(without_vector)) = (&imported.damage, imported.without_vector) else {
        return;
    };
    let _ = writeln!(
        text,
        "  damaged:  {damage}: {without_vector} of {} records have no vector",
        imported.listed
    );
    if imported.replaced.contains_key(&Kind::MissingVector) {
        let backfill = format!(
            "pgvector-setup embed backfill --table {} --key {}",
            quote_word(job.table.table.as_str()),
            quote_word(job.table.key.as_str())
        );
        let backfill = Address::of(installation.settings, installation.host).complete(&backfill);
        let _ = writeln!(text, "            new ones, from their documents: {backfill}");
    }
}

fn shown(counts: &Counts) -> String {
    let counts: Vec<String> = counts
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    counts.join(", ")
}

fn proof(text: &mut String, imported: &Imported) {
    let proof = &imported.proof;
    if proof.proven {
        let _ = write!(
            text,
            "  proof:    {} rows of the source and {} of the table are the same",
            proof.source_rows, proof.target_rows
        );
        if proof.within_rounding > 0 {
            let _ = write!(
                text,
                ", {} of them within Chroma's rounding",
                proof.within_rounding
            );
        }
        let _ = writeln!(text, " ({:.1} s)", proof.seconds);
        return;
    }
    let _ = writeln!(
        text,
        "  proof:    FAILED: {} rows of the source, {} of the table: {} missing, {} extra, {} not the same",
        proof.source_rows, proof.target_rows, proof.missing, proof.extra, proof.changed
    );
    for difference in proof.differences.iter().take(SHOWN) {
        let _ = writeln!(text, "    - {:?}: {}", difference.id, difference.what);
    }
    let all = proof.missing + proof.extra + proof.changed;
    if all > SHOWN as u64 {
        let _ = writeln!(text, "    and {} more", all - SHOWN as u64);
    }
    if all > 0 {
        let _ = writeln!(
            text,
            "    to mend it, import with --restart --on existing=replace: {}",
            match imported.parts {
                Parts::Whole => "the source's rows go over these, and rows that only the table has stay",
                Parts::Embedding => "the source's embeddings go over these",
            }
        );
    } else {
        let _ = writeln!(
            text,
            "    the source or the table was changed while they were compared; compare them again"
        );
    }
}

fn undo(version: i32, job: &Job, installation: &Installation<'_>) -> String {
    let table = &job.table;
    let mut command = format!(
        "pgvector-setup migrate down --table {} --key {} --to {version} --destroy {}",
        quote_word(table.table.as_str()),
        quote_word(table.key.as_str()),
        quote_word(table.column.as_str())
    );
    if job.parts == Parts::Whole {
        let _ = write!(command, " --destroy {}", quote_word(table.table.as_str()));
    } else {
        command.push_str("   (drops the column with every embedding in it)");
    }
    Address::of(installation.settings, installation.host).complete(&command)
}
