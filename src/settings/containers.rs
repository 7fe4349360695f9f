//! What containers are made of: images, where the port is published, how much memory there is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

use super::SettingsError;

/// Everything that the targets and files for Docker and Kubernetes need besides the database's own settings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ContainerSettings {
    /// Directory of the compose project; `None` for the instance's own.
    pub project: Option<PathBuf>,
    /// The server's image; `None` for the maintained one of the wanted major.
    pub image: Option<Image>,
    /// The image of this program, which runs the migrations.
    pub tool_image: Image,
    /// The user's application, if it runs beside the database.
    pub app_image: Option<Image>,
    /// The address of this machine that the server's port is published on; `None` for where it is, or loopback.
    pub publish: Option<IpAddr>,
    /// Memory of the server's container; `None` for what it has, or [`Memory::default`].
    pub memory: Option<Memory>,
}

impl Default for ContainerSettings {
    fn default() -> Self {
        Self {
            project: None,
            image: None,
            tool_image: Image::of_this_program(),
            app_image: None,
            publish: None,
            memory: None,
        }
    }
}

impl ContainerSettings {
    pub fn published_on(&self) -> IpAddr {
        self.publish.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

/// An image as `docker pull` takes it: `[HOST[:PORT]/]PATH[:TAG][@sha256:HEX]`
/// (https://github.com/distribution/reference/blob/main/reference.go).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image {
    /// With the registry's host, if one was given.
    pub repository: String,
    pub tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: Option<String>,
}

impl Image {
    pub fn of_this_program() -> Self {
        Self {
            repository: "pgvector-setup".into(),
            tag: Some(env!("CARGO_PKG_VERSION").into()),
            digest: None,
        }
    }

    /// The host that the image names to be pulled from; without one, each engine has its own idea.
    pub fn registry(&self) -> Option<&str> {
        registry_and_path(&self.repository).0
    }
}

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl From<Image> for String {
    fn from(image: Image) -> Self {
        image.to_string()
    }
}

impl TryFrom<String> for Image {
    type Error = SettingsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Image {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unusable = || SettingsError::Range {
            option: "--image",
            range: "an image such as pgvector/pgvector:0.8.7-pg18".into(),
            given: format!("{text:?}"),
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let after_slash = name.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match name[after_slash..].split_once(':') {
            Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag)),
            None => (name, None),
        };
        let is_good = is_repository(repository) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        if !is_good || text.len() > 255 {
            return Err(unusable());
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

fn registry_and_path(repository: &str) -> (Option<&str>, &str) {
    match repository.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, repository),
    }
}

fn is_repository(text: &str) -> bool {
    let (host, path) = registry_and_path(text);
    let is_name = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    path.split('/').all(is_name) && host.is_none_or(is_host)
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(is_plain)
        && port.parse::<u16>().is_ok()
}

fn is_tag(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with(['.', '-'])
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// An amount of memory, in whole mebibytes. From 256 MiB, below which a server with an index build has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(into = "String")]
pub struct Memory {
    mebibytes: u32,
}

impl Memory {
    const DEFAULT: Self = Self { mebibytes: 2048 };
    const LEAST: u32 = 256;
    /// 16 TiB.
    const MOST: u32 = 16 * 1024 * 1024;

    pub fn mebibytes(self) -> u32 {
        self.mebibytes
    }

    /// An amount in bytes that could have been asked for here.
    pub fn of_bytes(bytes: u64) -> Option<Self> {
        let mebibytes = u32::try_from(bytes / 1024 / 1024).ok()?;
        let is_whole = bytes.is_multiple_of(1024 * 1024);
        (is_whole && (Self::LEAST..=Self::MOST).contains(&mebibytes)).then_some(Self { mebibytes })
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// As Docker takes it, `512m` or `2g`.
impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mebibytes {
            whole if whole % 1024 == 0 => write!(formatter, "{}g", whole / 1024),
            other => write!(formatter, "{other}m"),
        }
    }
}

impl From<Memory> for String {
    fn from(memory: Memory) -> Self {
        memory.to_string()
    }
}

impl FromStr for Memory {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let factor = match unit {
                "m" | "M" => 1,
                "g" | "G" => 1024,
                _ => return None,
            };
            let mebibytes = number.parse::<u32>().ok()?.checked_mul(factor)?;
            (Self::LEAST..=Self::MOST)
                .contains(&mebibytes)
                .then_some(Self { mebibytes })
        };
        parsed().ok_or_else(|| SettingsError::Range {
            option: "--memory",
            range: "from 256m to 16384g".into(),
            given: format!("{text:?}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_taken_apart_as_docker_does_and_put_together_again() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let pinned = format!("pgvector/pgvector:0.8.7-pg18@{digest}");
        let cases = [
            ("postgres", "postgres", None),
            ("ankane/pgvector:v0.6.0", "ankane/pgvector", Some("v0.6.0")),
            ("localhost:5000/a/b-c:1_x", "localhost:5000/a/b-c", Some("1_x")),
            (&pinned, "pgvector/pgvector", Some("0.8.7-pg18")),
        ];
        for (text, repository, tag) in cases {
            let image: Image = text.parse().unwrap();
            assert_eq!(
                (image.repository.as_str(), image.tag.as_deref()),
                (repository, tag)
            );
            assert_eq!(image.to_string(), text);
        }
    }

    #[test]
    fn what_no_engine_would_take_is_refused() {
        for text in [
            "",
            "a b",
            "A/b",
            "a:",
            "a:$x",
            "a:-t",
            "/a",
            "a//b",
            "a@sha256:12",
            "x:y:z",
            "-a",
            "a\n",
            "host:port/a",
        ] {
            assert!(text.parse::<Image>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn memory_is_read_and_shown_as_docker_does() {
        for (text, shown) in [("2g", "2g"), ("2048m", "2g"), ("512M", "512m")] {
            assert_eq!(text.parse::<Memory>().unwrap().to_string(), shown);
        }
        for text in ["", "g", "2", "2t", "-1g", "100m", "99999999g", "2gé"] {
            assert!(text.parse::<Memory>().is_err(), "{text:?}");
        }
    }
}
