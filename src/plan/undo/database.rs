//! What takes back what was done inside a server.

use super::{All, object};
use crate::apply::{Made, Outcome};
use crate::plan::{Step, Undo};
use crate::settings::Identifier;

pub(super) fn undo(entry: &Made, all: &All<'_>) -> Undo {
    // What is inside a database that we made goes with it.
    let goes_with_its_database = |inside: &Identifier| {
        all.made
            .iter()
            .any(|entry| matches!(&entry.step, Step::CreateDatabase { database, .. } if database == inside))
    };
    match &entry.step {
        Step::RestrictDatabase { role: None, .. } => Undo::Nothing,
        // What is inside a cluster or a volume of ours stays or goes with it.
        Step::Migrate { .. }
        | Step::CreateSchema { .. }
        | Step::RestrictDatabase { .. }
        | Step::AllowLogin { .. }
        | Step::CreateDatabase { .. }
        | Step::CreateRole { .. }
        | Step::SetPassword { .. }
        | Step::UpgradeExtension { .. }
        | Step::GrantMembership { .. }
            if all.keeps_data_in_one_place() =>
        {
            Undo::Nothing
        }
        Step::Migrate { database, .. }
        | Step::CreateSchema { database, .. }
        | Step::RestrictDatabase { database, .. }
        | Step::UpgradeExtension { database, .. }
            if goes_with_its_database(database) =>
        {
            Undo::Nothing
        }
        Step::RestrictDatabase {
            database,
            role: Some(role),
            ..
        } => Undo::Revoke {
            database: database.clone(),
            role: role.clone(),
        },
        Step::Migrate {
            database,
            table,
            owner,
            version,
            ..
        } => Undo::MigrateDown {
            database: database.clone(),
            table: table.clone(),
            owner: owner.clone(),
            destroy: all.data.destroy,
            to: version - 1,
            adopted: entry.outcome == Some(Outcome::AlreadyThere),
        },
        Step::UpgradeExtension {
            database, from, to, ..
        } => Undo::Keep {
            what: format!("the extension in database {database} at {to} (it was {from})"),
            why: "the version of an extension cannot go down".into(),
        },
        Step::CreateSchema {
            database,
            schema,
            role,
            ..
        } => Undo::DropSchema {
            database: database.clone(),
            role: role.clone(),
            schema: schema.clone(),
        },
        // The newest takes back every version of the same lines, or of the same file.
        Step::AllowLogin { .. } | Step::Listen { .. } if !is_newest(entry, all) => Undo::Nothing,
        Step::AllowLogin {
            database,
            role,
            file,
            owner,
            ..
        } => Undo::WithdrawLogin {
            database: database.clone(),
            role: role.clone(),
            file: file.clone(),
            owner: owner.clone(),
            versions: crate::plan::network::lines_of(all.made, file, database, role),
        },
        Step::Listen {
            cluster,
            file,
            owner,
            restart,
            ..
        } => Undo::StopListening {
            cluster: cluster.clone(),
            file: file.clone(),
            owner: owner.clone(),
            versions: crate::plan::network::contents_of(all.made, file),
            restart: restart.clone(),
        },
        // It goes with a role that we made.
        Step::GrantMembership { role, .. } | Step::SetPassword { role, .. }
            if all
                .made
                .iter()
                .any(|entry| matches!(&entry.step, Step::CreateRole { role: ours, .. } if ours == role)) =>
        {
            Undo::Nothing
        }
        Step::SetPassword { role, .. } => Undo::Keep {
            what: format!("the password of role {}", role.quoted()),
            why: "nobody here knows the one before".into(),
        },
        Step::GrantMembership { role, member, .. } => Undo::RevokeMembership {
            role: role.clone(),
            member: member.clone(),
        },
        Step::CreateDatabase { database, .. } => Undo::DropDatabase {
            database: database.clone(),
            oid: object(entry),
        },
        Step::CreateRole { role, .. } => Undo::DropRole {
            role: role.clone(),
            oid: object(entry),
        },
        _ => Undo::Nothing,
    }
}

/// Whether no later entry is about the same lines of `pg_hba.conf`, or the same file of settings.
fn is_newest(entry: &Made, all: &All<'_>) -> bool {
    let is_same = |other: &Step| match (&entry.step, other) {
        (
            Step::AllowLogin {
                database, role, file, ..
            },
            Step::AllowLogin {
                database: of_database,
                role: of_role,
                file: of_file,
                ..
            },
        ) => (database, role, file) == (of_database, of_role, of_file),
        (Step::Listen { file, .. }, Step::Listen { file: of_file, .. }) => file == of_file,
        _ => false,
    };
    let newest = all.made.iter().find(|other| is_same(&other.step));
    newest.is_none_or(|newest| newest.sequence == entry.sequence)
}
