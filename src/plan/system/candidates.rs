//! One choice for every package manager: the safest pgvector that serves the wanted PostgreSQL major.

use crate::health::Severity;
use crate::health::advisories::{Advisory, Scope, Version, advisories};
use crate::settings::{Settings, Source};

/// A pgvector that is here or can be had, for one PostgreSQL major.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Candidate {
    /// The PostgreSQL major that it is built for.
    pub major: u16,
    /// As the package manager prints it: `0.8.0-1`.
    pub version: String,
    pub source: Source,
    /// Where it comes from, for the reader: `http://mirror.example/debian trixie/main`.
    pub origin: String,
    pub seen: Seen,
}

/// How much a candidate is worth as evidence, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Its files are on this machine.
    Here,
    /// A repository of this machine offers it.
    Live,
    /// The evidence table says that a repository which would have to be added or read offers it.
    Table,
}

/// The chosen candidate, and what the reader should know of all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    pub chosen: Option<Candidate>,
    /// One note a candidate with its verdict, newest major first, and what follows from the chosen one.
    pub notes: Vec<String>,
}

/// Chooses among candidates. `major` narrows to one PostgreSQL major (the running server's, or `--pg`), `--source` to one
/// source. A safe one goes before an affected one; then one for which no repository is added; then the newest major.
/// With `--allow-vulnerable` what is at hand goes before what is safe. Files that are here are never replaced.
pub fn choose(candidates: &[Candidate], major: Option<u16>, settings: &Settings) -> Choice {
    let packages = &settings.packages;
    let may_be_chosen = |candidate: &&Candidate| {
        major.is_none_or(|major| candidate.major == major)
            && (candidate.seen == Seen::Here
                || packages.source.is_none_or(|source| candidate.source == source))
    };
    let rank = |candidate: &&Candidate| {
        let is_safe = packages.allow_vulnerable || defects(&candidate.version).is_empty();
        (
            candidate.seen != Seen::Here,
            !is_safe,
            candidate.seen,
            std::cmp::Reverse(candidate.major),
            std::cmp::Reverse(Version::parse(&candidate.version)),
        )
    };
    let chosen = candidates.iter().filter(may_be_chosen).min_by_key(rank).cloned();
    let mut shown: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| is_worth_showing(candidate, candidates, chosen.as_ref(), major))
        .collect();
    shown.sort_by_key(|candidate| (std::cmp::Reverse(candidate.major), candidate.seen));
    let has_safe = |major: u16| {
        candidates
            .iter()
            .any(|other| other.major == major && defects(&other.version).is_empty())
    };
    let mut notes: Vec<String> = Vec::new();
    for candidate in shown {
        notes.push(note(
            candidate,
            chosen.as_ref() == Some(candidate),
            has_safe(candidate.major),
        ));
    }
    if let Some(chosen) = &chosen
        && !Version::parse(&chosen.version).is_none_or(Version::parallel_build_is_safe)
    {
        notes.push(format!(
            "indexes are built with max_parallel_maintenance_workers = 0, because a parallel build is not safe \
             with pgvector {}",
            chosen.version
        ));
    }
    Choice { chosen, notes }
}

/// What a repository that is not read offers is shown beside what is here for the same major, and where it is chosen.
fn is_worth_showing(
    candidate: &Candidate,
    all: &[Candidate],
    chosen: Option<&Candidate>,
    major: Option<u16>,
) -> bool {
    let has_rival = || {
        all.iter()
            .any(|other| other.major == candidate.major && other.seen != Seen::Table)
    };
    candidate.seen != Seen::Table
        || chosen == Some(candidate)
        || major == Some(candidate.major)
        || has_rival()
}

fn note(candidate: &Candidate, is_chosen: bool, has_safe: bool) -> String {
    let Candidate {
        major,
        version,
        source,
        origin,
        seen,
    } = candidate;
    let place = match seen {
        Seen::Here => "on this machine".to_owned(),
        Seen::Live => origin.clone(),
        Seen::Table if *source == Source::Pgdg => format!("{origin}, which would have to be added"),
        Seen::Table => format!("{origin}, whose lists are not read yet"),
    };
    let defects = defects(version);
    let affected = format!("affected by {}", defects.join(", "));
    let verdict = match (is_chosen, defects.is_empty()) {
        (true, true) => "chosen".to_owned(),
        (true, false) if has_safe => format!("chosen, as asked; {affected}"),
        (true, false) => format!("chosen, there is no other; {affected}"),
        (false, true) => "not chosen".to_owned(),
        (false, false) => format!("not chosen; {affected}"),
    };
    format!("pgvector {version} for PostgreSQL {major} ({place}): {verdict}")
}

/// The advisories for which a version counts as affected: those of high severity that concern any HNSW index, or this
/// architecture.
pub fn defects(version: &str) -> Vec<&'static str> {
    let counts = |advisory: &&Advisory| {
        advisory.severity == Severity::High
            && (advisory.scope != Scope::Ivfflat32Bit || cfg!(target_pointer_width = "32"))
    };
    let found = Version::parse(version).map(advisories).unwrap_or_default();
    found
        .into_iter()
        .filter(counts)
        .map(|advisory| advisory.id.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    fn candidate(text: &str) -> Candidate {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [major, version, source, seen] = words.as_slice() else {
            panic!("{text}");
        };
        Candidate {
            major: major.parse().unwrap(),
            version: (*version).to_owned(),
            source: if *source == "pgdg" {
                Source::Pgdg
            } else {
                Source::Distro
            },
            origin: format!("the {source} repository"),
            seen: match *seen {
                "here" => Seen::Here,
                "live" => Seen::Live,
                _ => Seen::Table,
            },
        }
    }

    fn chosen(candidates: &[&str], major: Option<u16>, change: fn(&mut Settings)) -> String {
        let candidates: Vec<Candidate> = candidates.iter().map(|text| candidate(text)).collect();
        let mut settings = sample::settings(crate::settings::Target::System);
        change(&mut settings);
        match choose(&candidates, major, &settings).chosen {
            Some(Candidate { major, version, .. }) => format!("{major} {version}"),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn safe_goes_before_affected_then_at_hand_then_newest() {
        let any: fn(&mut Settings) = |_| {};
        let distribution: fn(&mut Settings) = |settings| settings.packages.source = Some(Source::Distro);
        let pgdg: fn(&mut Settings) = |settings| settings.packages.source = Some(Source::Pgdg);
        let vulnerable: fn(&mut Settings) = |settings| settings.packages.allow_vulnerable = true;
        let trixie = &[
            "17 0.8.0-1 distro live",
            "17 0.8.6-1 pgdg table",
            "18 0.8.6-1 pgdg table",
        ][..];
        let forky = &[
            "18 0.8.7-1 distro live",
            "17 0.8.6-1 pgdg table",
            "18 0.8.6-1 pgdg table",
        ][..];
        let both = &[
            "17 0.8.0-1 distro live",
            "17 0.8.7-1 pgdg live",
            "16 0.8.7-1 pgdg live",
        ][..];
        let here = &["17 0.8.0 distro here", "17 0.8.7-1 distro live"][..];
        for (candidates, major, change, expected) in [
            (trixie, None, any, "18 0.8.6-1"),
            (trixie, Some(17), any, "17 0.8.6-1"),
            (trixie, Some(17), distribution, "17 0.8.0-1"),
            (trixie, Some(18), distribution, "none"),
            (trixie, None, vulnerable, "17 0.8.0-1"),
            (trixie, Some(18), vulnerable, "18 0.8.6-1"),
            (forky, None, any, "18 0.8.7-1"),
            (forky, None, pgdg, "18 0.8.6-1"),
            (forky, Some(17), any, "17 0.8.6-1"),
            (both, None, any, "17 0.8.7-1"),
            (both, None, distribution, "17 0.8.0-1"),
            (both, Some(16), distribution, "none"),
            (here, None, any, "17 0.8.0"),
            (here, None, pgdg, "17 0.8.0"),
            (&[], None, any, "none"),
        ] {
            assert_eq!(
                chosen(candidates, major, change),
                expected,
                "{candidates:?} {major:?}"
            );
        }
    }

    #[test]
    fn every_candidate_has_its_verdict_and_an_affected_choice_its_consequence() {
        let candidates = [
            "17 0.8.0-1 distro live",
            "17 0.8.6-1 pgdg table",
            "14 0.8.6-1 pgdg table",
        ];
        let candidates: Vec<Candidate> = candidates.iter().map(|text| candidate(text)).collect();
        let mut settings = sample::settings(crate::settings::Target::System);
        settings.packages.source = Some(Source::Distro);
        assert_eq!(
            choose(&candidates, None, &settings).notes,
            [
                "pgvector 0.8.0-1 for PostgreSQL 17 (the distro repository): chosen, as asked; \
                 affected by CVE-2026-3172, pgvector#988",
                "pgvector 0.8.6-1 for PostgreSQL 17 (the pgdg repository, which would have to be added): not chosen",
                "indexes are built with max_parallel_maintenance_workers = 0, because a parallel build is not safe \
                 with pgvector 0.8.0-1",
            ]
        );
    }
}
