//! What takes back a compose project. Its volume has the data; the secrets are what the volume was made with, so both stay or
//! go together.

use std::path::PathBuf;

use super::All;
use crate::apply::Made;
use crate::plan::{Step, Undo};

pub(super) fn undo(entry: &Made, all: &All<'_>) -> Undo {
    // Without a start there is no volume.
    let is_started = all
        .made
        .iter()
        .any(|entry| matches!(entry.step, Step::StartProject { .. }));
    let destroy = all.data.destroy || !is_started;
    match &entry.step {
        Step::WriteProject {
            directory,
            files,
            secrets,
        } => Undo::RemoveProject {
            directory: directory.clone(),
            files: files.clone(),
            secrets: {
                let new = secrets.iter().filter(|secret| secret.is_new);
                new.map(|secret| secret.secret.path.clone()).collect()
            },
            destroy,
        },
        Step::StartProject {
            engine,
            project,
            volumes,
            ..
        } => Undo::RemoveContainers {
            engine: engine.clone(),
            project: project.clone(),
            before: volumes.clone(),
            destroy,
        },
        Step::PullImage { image, .. } if !destroy => Undo::Keep {
            what: format!("the image {image}"),
            why: "the kept data needs it".into(),
        },
        Step::PullImage { image, argv } => Undo::RemoveImage {
            engine: argv.first().map(PathBuf::from).unwrap_or_default(),
            image: image.clone(),
        },
        _ => Undo::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use crate::apply::{Made, Outcome};
    use crate::plan::sample::{name, settings};
    use crate::plan::{DataFacts, ProjectFile, ProjectSecret, Step, undo_plan};
    use crate::render::{RenderedSecret, SecretSource};
    use crate::settings::Target;

    /// What an `up` of nothing makes, newest first.
    fn made() -> Vec<Made> {
        let steps = [
            Step::CreateDirectory {
                path: "/srv/p".into(),
                mode: "0755".into(),
                owner: None,
            },
            Step::WriteProject {
                directory: "/srv/p".into(),
                files: vec![ProjectFile {
                    path: "compose.yaml".into(),
                    mode: 0o644,
                    content: String::new(),
                    previous: None,
                }],
                secrets: vec![ProjectSecret {
                    secret: RenderedSecret {
                        path: "secrets/postgres_password".into(),
                        purpose: String::new(),
                        source: SecretSource::Generated,
                    },
                    is_new: true,
                }],
            },
            Step::PullImage {
                image: "a/b:1".into(),
                argv: vec!["/usr/bin/docker".into(), "pull".into(), "a/b:1".into()],
            },
            Step::StartProject {
                engine: "/usr/bin/docker".into(),
                project: "p".into(),
                directory: "/srv/p".into(),
                argv: Vec::new(),
                volumes: Vec::new(),
            },
            Step::WriteCredentials {
                path: "/srv/credentials".into(),
                role: name("vectors"),
                from: None,
            },
            Step::CreateDatabase {
                database: name("vectors"),
                sql: String::new(),
            },
        ];
        let made = steps.into_iter().zip(1..).map(|(step, sequence)| Made {
            sequence,
            step,
            outcome: Some(Outcome::Changed { object: None }),
        });
        let mut made: Vec<Made> = made.collect();
        made.reverse();
        made
    }

    fn outline(made: &[Made], destroy: bool) -> String {
        let data = DataFacts {
            destroy,
            ..DataFacts::default()
        };
        let steps = undo_plan(made, &data, &settings(Target::Docker)).unwrap();
        let titles: Vec<String> = steps.iter().filter_map(|step| step.undo.title()).collect();
        titles.join("\n")
    }

    #[test]
    fn the_data_stays_without_consent_with_all_that_it_needs() {
        let expected = "\
            keep /srv/credentials: data is only removed with --destroy-data\n\
            stop the compose project p and remove its containers and networks\n\
            keep the image a/b:1: the kept data needs it\n\
            remove the files of the compose project /srv/p\n\
            remove /srv/p if it is empty";
        assert_eq!(outline(&made(), false), expected);
    }

    #[test]
    fn everything_goes_with_consent_or_where_no_data_can_be() {
        let expected = "\
            remove /srv/credentials\n\
            stop the compose project p and remove its containers, networks and volumes\n\
            remove the image a/b:1\n\
            remove the files of the compose project /srv/p and its secrets\n\
            remove /srv/p if it is empty";
        assert_eq!(outline(&made(), true), expected);
        let unstarted: Vec<Made> = made().into_iter().filter(|entry| entry.sequence < 4).collect();
        let expected = "\
            remove the image a/b:1\n\
            remove the files of the compose project /srv/p and its secrets\n\
            remove /srv/p if it is empty";
        assert_eq!(outline(&unstarted, false), expected);
    }
}
