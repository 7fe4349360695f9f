//! Where an instance's compose project is, and what compose calls it.

use std::path::{Path, PathBuf};

use crate::digest::sha256_hex;
use crate::error::Result;
use crate::facts::Layout;
use crate::render::compose;
use crate::settings::{Settings, SettingsError};

/// A compose project. Its name is what compose itself makes of the directory's name, so that a command typed in the
/// directory means the same containers as ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Project {
    pub directory: PathBuf,
    pub name: String,
}

impl Project {
    /// # Errors
    /// [`SettingsError::File`] for a directory whose name has nothing that compose could call it by.
    pub fn of(settings: &Settings, layout: &Layout) -> Result<Self> {
        let directory = match &settings.containers.project {
            Some(given) => std::path::absolute(given).map_err(|error| unusable(given, &error.to_string()))?,
            None => layout.instance.join(own_name(settings, &layout.root)),
        };
        match name_of(&directory) {
            Some(name) => Ok(Self { directory, name }),
            None => Err(unusable(
                &directory,
                "has no letter or digit that compose could name the project by",
            )
            .into()),
        }
    }

    /// The password of the superuser `postgres`, which the image made the volume with.
    pub fn administrator_password(&self) -> PathBuf {
        self.directory.join(compose::administrator_password())
    }

    /// The password of the application's role.
    pub fn role_password(&self) -> PathBuf {
        self.directory.join(compose::role_password())
    }
}

fn unusable(path: &Path, problem: &str) -> SettingsError {
    SettingsError::File {
        path: path.display().to_string(),
        problem: problem.to_owned(),
    }
}

/// Named by the instance; one in a place of the user's choice also by that place, because an engine's projects share one
/// name space.
fn own_name(settings: &Settings, root: &Path) -> String {
    let instance = settings.instance.as_str();
    let lower = instance.to_lowercase();
    if settings.directory.is_none() && lower == instance {
        return format!("pgvector-setup-{instance}");
    }
    let place = format!("{}\0{instance}", root.display());
    format!("pgvector-setup-{lower}-{}", &sha256_hex(place.as_bytes())[..8])
}

/// As compose does it (compose-go, `loader.NormalizeProjectName`; docker-compose 1.29 and podman-compose do the same).
fn name_of(directory: &Path) -> Option<String> {
    let name = directory.file_name()?.to_string_lossy().to_lowercase();
    let plain = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(*c);
    let name: String = name.chars().filter(plain).collect();
    let name = name.trim_start_matches(['-', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_named_as_compose_names_it_in_its_directory() {
        for (directory, expected) in [
            ("/srv/app", Some("app")),
            ("/srv/My App.v2", Some("myappv2")),
            ("/srv/_x", Some("x")),
            ("/srv/...", None),
            ("/", None),
        ] {
            assert_eq!(name_of(Path::new(directory)).as_deref(), expected, "{directory}");
        }
    }

    #[test]
    fn two_places_never_share_a_project() {
        let mut settings = crate::plan::sample::settings(crate::settings::Target::Docker);
        let plain = own_name(&settings, Path::new("/var/lib/pgvector-setup"));
        assert_eq!(plain, "pgvector-setup-default");
        settings.directory = Some("/a".into());
        let elsewhere = [
            own_name(&settings, Path::new("/a")),
            own_name(&settings, Path::new("/b")),
        ];
        assert_ne!(elsewhere[0], elsewhere[1]);
        settings.directory = None;
        settings.instance = "Default".parse().unwrap();
        assert_ne!(own_name(&settings, Path::new("/var/lib/pgvector-setup")), plain);
    }
}
