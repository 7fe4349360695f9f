//! What becomes of records that PostgreSQL does not take as they are, or whose place is taken.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Why a record cannot become a row as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// NUL in a text: PostgreSQL keeps none.
    Nul,
    /// NaN or an infinity in the vector or in metadata, or a component too large for the column's type.
    NotFinite,
    MissingVector,
    /// A vector of other dimensions than its collection.
    Dimension,
    /// The row is there already; with `--match`: it has another embedding already.
    Existing,
    /// With `--match`: the table has no row of that key. Always listed, never decided.
    NoRow,
}

impl Kind {
    /// Those that a user decides about.
    pub const DECIDED: [Self; 5] = [
        Self::Nul,
        Self::NotFinite,
        Self::MissingVector,
        Self::Dimension,
        Self::Existing,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nul => "nul",
            Self::NotFinite => "not-finite",
            Self::MissingVector => "missing-vector",
            Self::Dimension => "dimension",
            Self::Existing => "existing",
            Self::NoRow => "no-row",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The import stops there; the same command with another action goes on.
    Fail,
    /// The record stays out and is listed.
    Skip,
    /// NUL: taken out of the text. Not finite: null in metadata, and a row without embedding where the vector has it. Missing
    /// vector: a row without embedding. Existing: overwritten.
    Replace,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Replace => "replace",
        }
    }
}

/// One `KIND=ACTION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    pub kind: Kind,
    pub action: Action,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = Kind::DECIDED.map(Kind::name).join(", ");
        let (kind, action) = text.split_once('=').ok_or("is not KIND=ACTION, as nul=replace")?;
        let kind = Kind::DECIDED
            .into_iter()
            .find(|known| known.name() == kind)
            .ok_or_else(|| format!("{kind:?} is none of {names}"))?;
        let action = match action {
            "fail" => Action::Fail,
            "skip" => Action::Skip,
            "replace" if kind == Kind::Dimension => {
                return Err("nothing can stand for a vector of other dimensions: fail or skip".to_owned());
            }
            "replace" => Action::Replace,
            _ => return Err(format!("{action:?} is none of fail, skip, replace")),
        };
        Ok(Self { kind, action })
    }
}

/// The action of each kind; `fail` where nothing was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Policies(BTreeMap<Kind, Action>);

impl Policies {
    pub fn of(&self, kind: Kind) -> Action {
        match kind {
            Kind::NoRow => Action::Skip,
            kind => self.0.get(&kind).copied().unwrap_or(Action::Fail),
        }
    }

    /// These policies for an import that was begun with `before`: what fails may be decided now, and what was decided stays.
    ///
    /// # Errors
    /// The kind that was decided otherwise: what is in the table was made by that.
    pub fn continuing(&self, before: &Self) -> Result<Self, Kind> {
        let mut joined = before.clone();
        for (kind, action) in &self.0 {
            match before.of(*kind) {
                Action::Fail => joined.0.insert(*kind, *action),
                decided if decided == *action => None,
                _ => return Err(*kind),
            };
        }
        Ok(joined)
    }
}

impl fmt::Display for Policies {
    /// As JSON, which is read back from the row of an import.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::json!(self.0).to_string())
    }
}

impl FromIterator<Choice> for Policies {
    fn from_iter<Choices: IntoIterator<Item = Choice>>(choices: Choices) -> Self {
        Self(
            choices
                .into_iter()
                .map(|choice| (choice.kind, choice.action))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(texts: &[&str]) -> Policies {
        texts.iter().map(|text| text.parse::<Choice>().unwrap()).collect()
    }

    #[test]
    fn what_was_decided_stays_and_what_failed_can_be_decided() {
        let before = policies(&["nul=skip", "existing=fail"]);
        let joined = policies(&["existing=replace"]).continuing(&before).unwrap();
        assert_eq!(joined, policies(&["nul=skip", "existing=replace"]));
        assert_eq!(policies(&["nul=replace"]).continuing(&before), Err(Kind::Nul));
        assert_eq!(policies(&["nul=fail"]).continuing(&before), Err(Kind::Nul));
    }

    #[test]
    fn choices_are_read_or_refused_with_what_there_is() {
        assert_eq!(
            policies(&["not-finite=replace"]).of(Kind::NotFinite),
            Action::Replace
        );
        assert_eq!(policies(&[]).of(Kind::Nul), Action::Fail);
        for refused in ["nul", "nul=drop", "no-row=skip", "dimension=replace", "=", ""] {
            assert!(refused.parse::<Choice>().is_err(), "{refused:?}");
        }
    }
}
