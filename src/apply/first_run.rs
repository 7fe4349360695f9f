//! The directory of an instance appears in one move, together with the receipt that says who made it, and goes in one.
//!
//! Made one by one, directories would come before any receipt could name them: a run killed in between would leave them
//! to nobody.

use std::ffi::OsStr;
use std::path::Path;

use super::{Outcome, Receipt, checkpoint};
use crate::error::Result;
use crate::facts::Layout;
use crate::host::Host;
use crate::plan::Step;
use crate::settings::Settings;

/// Makes the instance's directory with those above it that are missing. Another run may be first: then its is taken.
pub fn make_directory(host: &Host, layout: &Layout, settings: &Settings) -> Result<()> {
    let missing = layout
        .instance
        .ancestors()
        .take_while(|ancestor| !host.exists(ancestor));
    let mut missing: Vec<&Path> = missing.collect();
    missing.reverse();
    let Some(top) = missing.first() else {
        return Ok(());
    };
    let partial = host.partial_beside(top);
    let made = fill(host, layout, settings, &missing, &partial).and_then(|()| {
        checkpoint::reached();
        match host.rename(&partial, top) {
            Err(error) if !host.is_directory(top) => Err(error.into()),
            _ => Ok(()),
        }
    });
    host.remove_directory(&partial)?;
    made
}

fn fill(host: &Host, layout: &Layout, settings: &Settings, missing: &[&Path], partial: &Path) -> Result<()> {
    let (text, mode) = if host.is_root() {
        ("0755", 0o755)
    } else {
        ("0700", 0o700)
    };
    let within = |path: &Path| match path.strip_prefix(missing[0]) {
        Ok(below) if below != Path::new("") => partial.join(below),
        _ => partial.to_owned(),
    };
    for path in missing {
        host.create_directory(&within(path), mode, None)?;
    }
    let mut receipt = Receipt::open(
        host,
        &within(&layout.receipt),
        &settings.target.to_string(),
        settings.instance.as_str(),
    )?;
    for path in missing {
        let sequence = receipt.begin(&Step::CreateDirectory {
            path: (*path).to_owned(),
            mode: text.into(),
            owner: None,
        })?;
        receipt.end(sequence, Outcome::Changed { object: None })?;
    }
    Ok(())
}

/// Removes the receipt with the directories above it that are `ours` and hold nothing else.
pub(super) fn remove_directory(host: &Host, layout: &Layout, ours: &[&Path]) -> Result<()> {
    let own = [&layout.receipt, &layout.lock].map(|path| path.file_name().unwrap_or_default());
    let mut expected: Vec<&OsStr> = own.to_vec();
    let mut top = None;
    for path in layout.instance.ancestors() {
        if !ours.contains(&path) || !host.holds_only(path, &expected) {
            break;
        }
        top = Some(path);
        expected = path.file_name().into_iter().collect();
    }
    let Some(top) = top else {
        // The receipt goes last: as long as it is there, an undo that was cut off knows what is left to do.
        host.remove_file(&layout.lock)?;
        return Ok(host.remove_file(&layout.receipt)?);
    };
    let partial = host.partial_beside(top);
    host.rename(top, &partial)?;
    checkpoint::reached();
    Ok(host.remove_directory(&partial)?)
}

/// Removes what killed runs left under way wherever an installation keeps things.
pub fn clear_partials(host: &Host, layout: &Layout) {
    for directory in [&layout.instance, &layout.root, &layout.bundles] {
        host.clear_partials(directory, None);
    }
    let extensions = layout.root.join("extensions");
    for major in host.list(&extensions) {
        host.clear_partials(&extensions.join(major), None);
    }
    for path in layout.instance.ancestors() {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            host.clear_partials(parent, name.to_str());
        }
    }
}
