//! Which image the operator runs, and where pgvector comes from in it.

use crate::evidence;
use crate::health::advisories::Version;
use crate::plan::Refusal;
use crate::settings::{Image, Settings};

/// The newest major that pgvector's image volumes are known for.
const DEFAULT_MAJOR: u16 = 18;

/// What `imageName` is, and what comes beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    pub major: u16,
    pub image: Image,
    /// pgvector in an image of its own.
    pub extension: Option<String>,
    /// The pgvector to ask for; `None` for the one that the image carries, whatever it is.
    pub version: Option<String>,
    /// The oldest CloudNativePG that can do all of it.
    pub operator: String,
    pub notes: Vec<String>,
}

impl Operand {
    /// # Errors
    /// [`Refusal`] for a major that there is no image for, and for an image that the operator could not tell the major of.
    pub fn chosen(settings: &Settings) -> Result<Self, Refusal> {
        match &settings.containers.image {
            Some(image) => Self::given(image, settings.postgres_major),
            None => Self::maintained(settings.postgres_major.unwrap_or(DEFAULT_MAJOR)),
        }
    }

    /// For a pgvector with CVE-2026-3172 indexes are built without workers; what an image carries unseen is taken to be current.
    pub fn parallel_build_is_safe(&self) -> bool {
        let version = self.version.as_deref().and_then(Version::parse);
        version.is_none_or(Version::parallel_build_is_safe)
    }

    fn maintained(major: u16) -> Result<Self, Refusal> {
        let (Some(known), Some(image)) = (evidence::operand(major), maintained_image(major)) else {
            return Err(Refusal::Unavailable {
                fact: format!("CloudNativePG builds no image of PostgreSQL {major} with pgvector"),
                alternatives: vec![
                    format!("pgvector-setup render kubernetes --pg {DEFAULT_MAJOR}"),
                    format!("pgvector-setup render kubernetes --image REGISTRY/postgresql:{major}"),
                ],
            });
        };
        let extension = known.extension.as_deref();
        let mut notes = Vec::new();
        if extension.is_none() {
            notes.push(format!(
                "{image} carries pgvector itself, {} or later; `doctor` names it once it runs",
                known.version
            ));
        }
        Ok(Self {
            major,
            image,
            version: extension.map(|_| known.version.clone()),
            extension: extension.map(|template| filled(template, major, "trixie")),
            operator: known.operator.clone(),
            notes,
        })
    }

    fn given(image: &Image, wanted: Option<u16>) -> Result<Self, Refusal> {
        let blocked = |fact: String, hint: String| Err(Refusal::Blocked { fact, hint });
        let tag = image.tag.as_deref().unwrap_or_default();
        let Some(major) = major_of(tag) else {
            let major = wanted.unwrap_or(DEFAULT_MAJOR);
            return blocked(
                format!(
                    "CloudNativePG reads PostgreSQL's version from the beginning of an image's tag, and {image} has none there"
                ),
                format!("pgvector-setup render kubernetes --image REGISTRY/postgresql:{major}"),
            );
        };
        if wanted.is_some_and(|wanted| wanted != major) {
            return blocked(
                format!("{image} is PostgreSQL {major} by its tag, and another major is asked for"),
                format!("leave out --pg, or give --pg {major}"),
            );
        }
        let known = evidence::operand(major);
        let is_minimal = tag.contains("minimal");
        let row = known.filter(|_| is_minimal);
        let template = row.and_then(|row| row.extension.as_deref());
        if is_minimal && template.is_none() {
            return blocked(
                format!(
                    "minimal images have no pgvector, and there is no image volume of it for PostgreSQL {major}"
                ),
                format!("pgvector-setup render kubernetes --pg {major}"),
            );
        }
        let distribution = if tag.contains("bookworm") {
            "bookworm"
        } else {
            "trixie"
        };
        let notes = if is_minimal {
            Vec::new()
        } else {
            vec![format!("{image} has to carry pgvector for PostgreSQL {major}")]
        };
        Ok(Self {
            major,
            image: image.clone(),
            extension: template.map(|template| filled(template, major, distribution)),
            version: row.filter(|_| template.is_some()).map(|row| row.version.clone()),
            operator: known.map_or("1.26", |row| &row.operator).to_owned(),
            notes,
        })
    }
}

fn maintained_image(major: u16) -> Option<Image> {
    let known = evidence::operand(major)?;
    filled(&known.reference, major, "trixie").parse().ok()
}

fn filled(template: &str, major: u16, distribution: &str) -> String {
    template
        .replace("{major}", &major.to_string())
        .replace("{distribution}", distribution)
}

/// As the operator does it: digits, then nothing or one of `._-`
/// (https://cloudnative-pg.io/docs, "Container image requirements").
fn major_of(tag: &str) -> Option<u16> {
    let digits = tag.len() - tag.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let ends_well = tag[digits..].is_empty() || tag[digits..].starts_with(['.', '_', '-']);
    let major = tag[..digits].parse().ok()?;
    (ends_well && major >= 13).then_some(major)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;
    use crate::settings::Target;

    fn chosen(image: Option<&str>, major: Option<u16>) -> Result<Operand, Refusal> {
        let mut settings = sample::settings(Target::Docker);
        settings.containers.image = image.map(|image| image.parse().unwrap());
        settings.postgres_major = major;
        Operand::chosen(&settings)
    }

    #[test]
    fn pgvector_is_a_volume_of_its_own_where_postgresql_can_load_it_from_there() {
        let cases: [(Option<&str>, Option<u16>, &str); 6] = [
            (
                None,
                None,
                "ghcr.io/cloudnative-pg/postgresql:18-minimal-trixie + ghcr.io/cloudnative-pg/pgvector:0.8.6-18-trixie",
            ),
            (
                None,
                Some(17),
                "ghcr.io/cloudnative-pg/postgresql:17-standard-trixie",
            ),
            (
                None,
                Some(15),
                "ghcr.io/cloudnative-pg/postgresql:15-standard-trixie",
            ),
            (
                Some("h.example/pg:18.1-minimal-bookworm"),
                None,
                "h.example/pg:18.1-minimal-bookworm + ghcr.io/cloudnative-pg/pgvector:0.8.6-18-bookworm",
            ),
            (Some("h.example/pg:18.1"), Some(18), "h.example/pg:18.1"),
            (Some("h.example/pg:13_x"), None, "h.example/pg:13_x"),
        ];
        for (image, major, expected) in cases {
            let operand = chosen(image, major).unwrap();
            let extension = operand.extension.map(|extension| format!(" + {extension}"));
            assert_eq!(
                format!("{}{}", operand.image, extension.unwrap_or_default()),
                expected
            );
        }
    }

    #[test]
    fn an_image_that_the_operator_could_not_use_is_refused() {
        for (image, major) in [
            (None, Some(13)),
            (None, Some(14)),
            (None, Some(19)),
            (Some("pgvector/pgvector:pg18"), None),
            (Some("h.example/pg"), None),
            (Some("h.example/pg:18beta1"), None),
            (Some("h.example/pg:9.6"), None),
            (Some("h.example/pg:17"), Some(18)),
            (Some("h.example/pg:17-minimal-trixie"), None),
        ] {
            assert!(chosen(image, major).is_err(), "{image:?} {major:?}");
        }
    }
}
