//! What an image's name tells: its PostgreSQL major, its pgvector, and what has to be said about it. Pure.

use crate::evidence;
use crate::health::advisories::{Advisory, Scope, Version, advisories};
use crate::plan::Refusal;
use crate::settings::{Image, Settings};

/// The newest major that the default image is built for.
pub const DEFAULT_MAJOR: u16 = 18;

/// The server's image and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerImage {
    pub image: Image,
    pub major: u16,
    /// `None` where the tag does not tell.
    pub pgvector: Option<Version>,
    /// One line each: advisories, a tag that moves, an image without pgvector.
    pub notes: Vec<String>,
}

impl ServerImage {
    /// The image of these settings: the one that was named, else the maintained one of the wanted major.
    ///
    /// # Errors
    /// [`Refusal`] where the major cannot be told or is another than `--pg`.
    pub fn of(settings: &Settings) -> Result<Self, Refusal> {
        match &settings.containers.image {
            Some(image) => Self::named(image, settings.postgres_major),
            None => Self::maintained(settings.postgres_major.unwrap_or(DEFAULT_MAJOR)),
        }
    }

    fn maintained(major: u16) -> Result<Self, Refusal> {
        let row = evidence::images().first();
        let row = row.filter(|row| row.majors.contains(&major));
        let image = row.and_then(|row| row.reference.replace("{major}", &major.to_string()).parse().ok());
        let Some(image) = image else {
            return Err(Refusal::Unavailable {
                fact: format!("there is no maintained image with pgvector for PostgreSQL {major}"),
                alternatives: vec![
                    format!("leave out --pg: PostgreSQL {DEFAULT_MAJOR} is taken"),
                    format!("--pg {major} --image IMAGE: an image of your own that has pgvector"),
                ],
            });
        };
        Ok(Self::described(image, major))
    }

    fn named(image: &Image, wanted: Option<u16>) -> Result<Self, Refusal> {
        let major = match (major_of(image), wanted) {
            (Some(told), Some(wanted)) if told != wanted => {
                return Err(Refusal::Blocked {
                    fact: format!("the image {image} is of PostgreSQL {told}, and --pg asks for {wanted}"),
                    hint: format!("leave out --pg, or name an image of PostgreSQL {wanted}"),
                });
            }
            (Some(major), _) | (None, Some(major)) => major,
            (None, None) => {
                return Err(Refusal::Blocked {
                    fact: format!(
                        "the name of the image {image} does not tell its PostgreSQL major, which decides where its data lies"
                    ),
                    hint: format!("--image {image} --pg {DEFAULT_MAJOR}, or whichever major it has"),
                });
            }
        };
        Ok(Self::described(image.clone(), major))
    }

    fn described(image: Image, major: u16) -> Self {
        let pgvector = version_of(&image);
        let notes = [moving_tag(&image), without_pgvector(&image, major)];
        let advisories = affected(&image, pgvector, major);
        Self {
            notes: notes.into_iter().flatten().chain(advisories).collect(),
            image,
            major,
            pgvector,
        }
    }

    /// Whether several workers may build an HNSW index; where the version is not known this program asks the server
    /// before every build of its own.
    pub fn parallel_build_is_safe(&self) -> bool {
        self.pgvector.is_none_or(Version::parallel_build_is_safe)
    }

    /// Where the volume is mounted: from 18 on the image keeps its data in a directory of the major below
    /// (docker-library/postgres#1259), and a volume at the old place would stay empty.
    pub fn data_path(&self) -> &'static str {
        if self.major >= 18 {
            "/var/lib/postgresql"
        } else {
            "/var/lib/postgresql/data"
        }
    }
}

/// `pg17` anywhere in a tag; the beginning of a tag of PostgreSQL's own images, `17.2-bookworm`; else what is known.
fn major_of(image: &Image) -> Option<u16> {
    let tag = image.tag.as_deref()?;
    let named = tag
        .split(['-', '_', '.'])
        .find_map(|part| major(part.strip_prefix("pg")?));
    let own = || {
        let is_postgres = matches!(last_component(image), "postgres" | "postgresql");
        is_postgres.then(|| major(tag.split(['-', '.']).next()?))?
    };
    named
        .or_else(own)
        .or_else(|| known(image)?.majors.first().copied())
}

/// Two digits: PostgreSQL 10 and later.
fn major(text: &str) -> Option<u16> {
    text.parse().ok().filter(|major| (10..100).contains(major))
}

/// pgvector's own images carry its version first in the tag, with or without `v`.
fn version_of(image: &Image) -> Option<Version> {
    let tag = image.tag.as_deref()?;
    let is_pgvector = last_component(image) == "pgvector";
    is_pgvector
        .then(|| Version::parse(tag.strip_prefix('v').unwrap_or(tag)))
        .flatten()
}

fn last_component(image: &Image) -> &str {
    image.repository.rsplit('/').next().unwrap_or_default()
}

/// Without the registry that Docker takes for names without one.
fn short_name(image: &Image) -> &str {
    let name = image.repository.as_str();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

fn known(image: &Image) -> Option<&'static evidence::table::Image> {
    let name = format!("{}:{}", short_name(image), image.tag.as_deref()?);
    evidence::images().iter().find(|row| row.reference == name)
}

fn moving_tag(image: &Image) -> Option<String> {
    let is_moving = match image.tag.as_deref() {
        None | Some("latest") => true,
        Some(_) => last_component(image) == "pgvector" && version_of(image).is_none(),
    };
    (is_moving && image.digest.is_none()).then(|| {
        format!(
            "{image} names no version: what is pulled tomorrow may be another; pin one, as {} or with @sha256:…",
            default_reference(DEFAULT_MAJOR)
        )
    })
}

fn without_pgvector(image: &Image, major: u16) -> Option<String> {
    (short_name(image) == "postgres").then(|| {
        format!(
            "{image} is PostgreSQL's own image, which has no pgvector; with it: {}",
            default_reference(major)
        )
    })
}

/// A line for each advisory that this program's use of pgvector is in the scope of, and one for the way out.
fn affected(image: &Image, pgvector: Option<Version>, major: u16) -> Vec<String> {
    let Some(version) = pgvector else {
        return vec![];
    };
    let concerns = |advisory: &&Advisory| {
        advisory.severity.is_unhealthy() && matches!(advisory.scope, Scope::Hnsw | Scope::Everyone)
    };
    let found = advisories(version).into_iter().filter(concerns);
    let mut notes: Vec<String> = found
        .map(|advisory| {
            let (id, summary) = (&advisory.id, &advisory.summary);
            format!("{image} has pgvector {version}, affected by {id}: {summary}")
        })
        .collect();
    if !version.parallel_build_is_safe() {
        notes.push("indexes are therefore built without parallel workers".into());
    }
    if !notes.is_empty() {
        notes.push(format!("not affected: --image {}", default_reference(major)));
    }
    notes
}

fn default_reference(major: u16) -> String {
    let row = evidence::images().first();
    row.map(|row| row.reference.replace("{major}", &major.to_string()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(image: &str, wanted: Option<u16>) -> Result<ServerImage, Refusal> {
        ServerImage::named(&image.parse().unwrap(), wanted)
    }

    #[test]
    fn the_name_of_an_image_tells_its_major_its_pgvector_and_where_its_data_lies() {
        let digest = format!("postgres:17@sha256:{}", "0a".repeat(32));
        let below_18 = "/var/lib/postgresql/data";
        let cases = [
            (
                "pgvector/pgvector:0.8.7-pg18",
                18,
                Some("0.8.7"),
                "/var/lib/postgresql",
            ),
            (
                "pgvector/pgvector:0.8.7-pg18-trixie",
                18,
                Some("0.8.7"),
                "/var/lib/postgresql",
            ),
            (
                "docker.io/pgvector/pgvector:0.8.6-pg17",
                17,
                Some("0.8.6"),
                below_18,
            ),
            ("pgvector/pgvector:pg16", 16, None, below_18),
            ("ankane/pgvector:v0.6.0", 15, Some("0.6.0"), below_18),
            ("ankane/pgvector:v0.6.0-pg16", 16, Some("0.6.0"), below_18),
            ("ankane/pgvector:v0.5.1", 15, Some("0.5.1"), below_18),
            ("postgres:17", 17, None, below_18),
            (&digest, 17, None, below_18),
            ("postgres:18.1-bookworm", 18, None, "/var/lib/postgresql"),
            ("localhost:5000/team/postgresql:16.4", 16, None, below_18),
            ("timescale/timescaledb-ha:pg17.2-ts2.17", 17, None, below_18),
        ];
        for (name, major, pgvector, path) in cases {
            let server = server(name, None).unwrap();
            let found = server.pgvector.map(|version| version.to_string());
            assert_eq!(
                (server.major, found.as_deref(), server.data_path()),
                (major, pgvector, path),
                "{name}"
            );
            assert_eq!(server.image.to_string(), name);
        }
    }

    #[test]
    fn a_major_that_cannot_be_told_has_to_be_given_and_one_that_is_told_cannot_be_changed() {
        for name in [
            "postgres",
            "pgvector/pgvector:latest",
            "example/database:1.2",
            "x:pgvector",
            "x:pg1",
        ] {
            let refusal = server(name, None).unwrap_err();
            use crate::error::Explain as _;
            assert!(refusal.hint().unwrap().contains("--pg"), "{refusal}");
            assert_eq!(server(name, Some(16)).unwrap().major, 16, "{name}");
        }
        assert!(server("pgvector/pgvector:0.8.7-pg17", Some(18)).is_err());
        assert!(server("pgvector/pgvector:0.8.7-pg17", Some(17)).is_ok());
    }

    #[test]
    fn what_is_wrong_with_an_image_is_said() {
        let digest = format!("pgvector/pgvector:pg17@sha256:{}", "0a".repeat(32));
        let cases = [
            ("pgvector/pgvector:0.8.7-pg18", ""),
            (&digest, ""),
            ("pgvector/pgvector:pg17", "names no version"),
            ("example/own:latest", "names no version"),
            ("postgres:17", "has no pgvector"),
            ("ankane/pgvector:v0.6.0", "CVE-2026-3172"),
            ("ankane/pgvector:v0.6.0", "0.8.7-pg15"),
            ("pgvector/pgvector:0.8.3-pg17", "pgvector#988"),
        ];
        for (name, said) in cases {
            let notes = server(name, Some(major_of(&name.parse().unwrap()).unwrap_or(17)))
                .unwrap()
                .notes;
            assert_eq!(notes.is_empty(), said.is_empty(), "{name}: {notes:?}");
            assert!(notes.concat().contains(said), "{name}: {notes:?}");
        }
    }

    #[test]
    fn the_default_is_the_maintained_image_of_the_wanted_major() {
        for major in [13, 15, 17, 18] {
            let server = ServerImage::maintained(major).unwrap();
            assert_eq!(
                (server.image.to_string(), server.notes),
                (format!("pgvector/pgvector:0.8.7-pg{major}"), vec![])
            );
            assert_eq!(major_of(&server.image), Some(major));
        }
        assert!(ServerImage::maintained(12).is_err());
    }
}
