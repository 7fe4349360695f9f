//! Formulae, as `brew info --json=v2` describes them.

use std::path::Path;

use super::{command, document, errors, unreadable};
use crate::error::Result;
use crate::host::Host;

/// One formula and what is installed of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Formula {
    pub name: String,
    /// Where it comes from: `homebrew/core`.
    pub tap: String,
    /// The version that an installation would bring.
    pub stable: String,
    /// Whether there is a built package of it for this machine; else it is compiled.
    pub is_bottled: bool,
    pub build_dependencies: Vec<String>,
    /// The versions that have a keg.
    pub installed: Vec<String>,
    /// Whether its keg is linked into the prefix; a keg-only formula's never is.
    pub is_linked: bool,
    /// The version of the keg that is linked: `0.8.5`, or `0.8.5_1` where the formula was revised.
    #[serde(default)]
    pub linked: Option<String>,
    /// Whether its owner told brew not to upgrade it (`brew pin`).
    #[serde(default)]
    pub is_pinned: bool,
    /// Why brew refuses to install it.
    pub disabled: Option<String>,
    /// The names of what its installed keg needs.
    pub needs: Vec<String>,
}

/// What a bottle has to be built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    pub is_macos: bool,
    pub is_arm: bool,
}

impl Platform {
    /// The one that this program was built for.
    pub const fn here() -> Self {
        Self {
            is_macos: cfg!(target_os = "macos"),
            is_arm: cfg!(target_arch = "aarch64"),
        }
    }

    /// Whether a bottle of this tag (`x86_64_linux`, `arm64_sequoia`, `sonoma`, `all`) can be poured. Bottles of older
    /// macOS serve newer ones; one for a newer macOS than this is left to brew to refuse.
    fn takes(self, tag: &str) -> bool {
        let is_linux = tag.ends_with("_linux");
        let is_arm = tag.starts_with("arm64_");
        tag == "all" || (is_linux != self.is_macos && is_arm == self.is_arm)
    }
}

/// Asks for formulae; those that brew does not know are left out.
pub async fn ask(host: &Host, program: &Path, names: &[String]) -> Result<Vec<Formula>> {
    let mut names = names.to_vec();
    while !names.is_empty() {
        let command = command(host, program, "ask brew for formulae")
            .arguments(["info", "--json=v2"])
            .arguments(&names);
        match host.run(&command).await {
            Ok(output) => return Ok(parse(&output.stdout, Platform::here())?),
            // One unknown name, and brew describes none of them.
            Err(error) => match unknown(&errors(&error)) {
                Some(name) if names.contains(&name) => names.retain(|other| *other != name),
                _ => return Err(error.into()),
            },
        }
    }
    Ok(Vec::new())
}

/// The name in `No available formula with the name "postgresql@13".`
fn unknown(errors: &[&str]) -> Option<String> {
    let rest = errors
        .iter()
        .find_map(|line| line.strip_prefix("No available formula with the name \""))?;
    rest.split('"').next().map(str::to_owned)
}

#[derive(serde::Deserialize)]
struct Answer {
    formulae: Vec<Described>,
}

/// The fields that are used. brew leaves none of them out, but for those of newer versions.
#[derive(serde::Deserialize)]
struct Described {
    name: String,
    #[serde(default)]
    tap: Option<String>,
    versions: Versions,
    #[serde(default)]
    bottle: Bottles,
    #[serde(default)]
    build_dependencies: Vec<String>,
    #[serde(default)]
    installed: Vec<Installed>,
    #[serde(default)]
    linked_keg: Option<String>,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    keg_only: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    disable_reason: Option<String>,
}

#[derive(serde::Deserialize)]
struct Versions {
    #[serde(default)]
    stable: Option<String>,
}

#[derive(serde::Deserialize, Default)]
struct Bottles {
    #[serde(default)]
    stable: Option<Bottle>,
}

#[derive(serde::Deserialize)]
struct Bottle {
    #[serde(default)]
    files: std::collections::BTreeMap<String, serde_json::Value>,
}

#[derive(serde::Deserialize)]
struct Installed {
    version: String,
    #[serde(default)]
    runtime_dependencies: Option<Vec<Needed>>,
}

#[derive(serde::Deserialize)]
struct Needed {
    full_name: String,
}

/// Reads the answer of `brew info --json=v2`.
///
/// # Errors
/// [`super::FactsError::Unreadable`] when it is none.
pub fn parse(text: &str, platform: Platform) -> Result<Vec<Formula>, super::FactsError> {
    let answer: Answer =
        serde_json::from_str(document(text, '{')).map_err(|error| unreadable("info", error))?;
    Ok(answer
        .formulae
        .into_iter()
        .map(|formula| formula.on(platform))
        .collect())
}

impl Described {
    fn on(self, platform: Platform) -> Formula {
        let bottles = self.bottle.stable.map(|bottle| bottle.files).unwrap_or_default();
        let needs = self
            .installed
            .iter()
            .filter_map(|keg| keg.runtime_dependencies.as_ref());
        Formula {
            is_bottled: bottles.keys().any(|tag| platform.takes(tag)),
            needs: needs
                .flatten()
                .map(|needed| needed.full_name.rsplit('/').next().unwrap_or_default().to_owned())
                .collect(),
            tap: self.tap.unwrap_or_default(),
            stable: self.versions.stable.unwrap_or_default(),
            build_dependencies: self.build_dependencies,
            installed: self.installed.into_iter().map(|keg| keg.version).collect(),
            is_linked: self.keg_only || self.linked_keg.is_some(),
            linked: self.linked_keg,
            is_pinned: self.pinned,
            disabled: self.disabled.then(|| {
                self.disable_reason
                    .unwrap_or_else(|| "no reason is given".to_owned())
            }),
            name: self.name,
        }
    }
}
