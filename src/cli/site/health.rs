//! `doctor` of sites, and `verify` of one: one that is not well hides no other.

use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;

use super::options::Known;
use super::{Given, apply, declared, known};
use crate::apply::extension_version;
use crate::cli::arguments::{Doctor, DoctorFormat};
use crate::cli::{Ui, health, unattended};
use crate::error::{Error, Exit, Explain as _, Result};
use crate::health::metrics::{self, Reading};
use crate::health::{self as judged, DoctorOptions, HealthReport};
use crate::pipeline::{Installation, Sites, Surroundings};
use crate::settings::{Domain, Email, Settings, SiteSettings, Target};

/// One database and how it was found to be.
struct Looked {
    /// `None` for the settings' own.
    domain: Option<Domain>,
    email: Option<Email>,
    /// `None` where it is not known what there should be.
    settings: Option<Settings>,
    report: HealthReport,
    /// Why the report says nothing.
    error: Option<Error>,
    duration: Duration,
    taken: SystemTime,
}

/// What is asked for, site by site: which cannot be read is a result as well.
type Asked = Vec<(Domain, Result<SiteSettings>)>;

/// The site that is named, or every site that was deployed or is declared; `own` is looked at beside them.
pub(super) async fn doctor(
    given: &Given<'_>,
    own: Option<&Settings>,
    wanted: &Doctor,
    ui: &Ui,
) -> Result<Exit> {
    health::refuse_output(wanted)?;
    let sites = given.sites()?;
    let asked = match &wanted.domain {
        Some(domain) => {
            let known = Known {
                domain: domain.clone(),
            };
            let site = known::site(given, &sites, &known)?;
            vec![(site.domain.clone(), Ok(site))]
        }
        None => every(given, &sites)?,
    };
    let around = sites.surroundings().await;
    let around = match around {
        Err(error) if wanted.format == DoctorFormat::Text => return Err(error),
        around => around,
    };
    let look = |(domain, site)| one(given, &sites, &around, domain, site, wanted);
    let looking = futures_util::stream::iter(asked).map(look);
    let mut looked: Vec<Looked> = looking.buffered(apply::LOOKED_AT_ONCE).collect().await;
    if let Some(own) = own {
        looked.push(of_installation(given, own, wanted).await);
    }
    if wanted.format == DoctorFormat::Prometheus {
        return in_numbers(given, around, looked, wanted, ui);
    }
    if ui.is_json() {
        let entries: Vec<_> = looked.iter().map(|looked| entry(looked, ui)).collect();
        ui.json(&serde_json::json!({ "schema": 1, "healthy": is_healthy(&looked), "sites": entries }));
    } else {
        let versions = around.as_ref().map_or_else(
            |_| String::new(),
            |around| judged::versions::table(around.package.as_deref(), &around.versions),
        );
        ui.print(format!("{versions}\n{}", in_words(&looked, ui)));
    }
    Ok(exit(&looked))
}

fn every(given: &Given<'_>, sites: &Sites<'_>) -> Result<Asked> {
    let mut asked: Asked = known::every(sites)
        .into_iter()
        .map(|(domain, record)| {
            let site = record.and_then(|record| known::of_record(given, &record));
            (domain, site)
        })
        .collect();
    for options in &given.options.sites {
        let domain: Domain = options.domain.parse()?;
        if !asked.iter().any(|(known, _)| *known == domain) {
            let site = declared::site(&given.options, options.clone(), None)?;
            asked.push((domain, Ok(site)));
        }
    }
    asked.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(asked)
}

async fn one(
    given: &Given<'_>,
    sites: &Sites<'_>,
    around: &Result<Surroundings>,
    domain: Domain,
    site: Result<SiteSettings>,
    wanted: &Doctor,
) -> Looked {
    let started = Instant::now();
    let (site, examined) = match (site, around) {
        (Err(error), _) => (None, Err(Some(error))),
        // Its error is told once, at the end.
        (Ok(site), Err(_)) => (Some(site), Err(None)),
        (Ok(site), Ok(around)) => {
            let options = options(given, &site, wanted);
            let examined = sites.examine(around, &site, &options).await;
            (Some(site), examined.map_err(Some))
        }
    };
    let (email, settings) = match site {
        Some(site) => (Some(site.email.clone()), Some(as_its_login(&site))),
        None => (None, None),
    };
    let (report, error) = told(examined);
    Looked {
        domain: Some(domain),
        email,
        settings,
        report,
        error,
        duration: started.elapsed(),
        taken: SystemTime::now(),
    }
}

/// The settings' own database, where there are sites beside it.
async fn of_installation(given: &Given<'_>, own: &Settings, wanted: &Doctor) -> Looked {
    let started = Instant::now();
    let examined = async {
        let options = DoctorOptions {
            recall: wanted.recall,
            flags: unattended::options(own, given.host),
            model: own.embedder.model.clone(),
            ..DoctorOptions::default()
        };
        let examined = Installation::new(given.host, own)?.examine(&options).await?;
        Ok(examined.report)
    };
    let (report, error) = told(examined.await.map_err(Some));
    Looked {
        domain: None,
        email: None,
        settings: Some(own.clone()),
        report,
        error,
        duration: started.elapsed(),
        taken: SystemTime::now(),
    }
}

fn told(examined: Result<HealthReport, Option<Error>>) -> (HealthReport, Option<Error>) {
    match examined {
        Ok(report) => (report, None),
        Err(error) => {
            let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
            (HealthReport::unavailable(text), error)
        }
    }
}

fn options(given: &Given<'_>, site: &SiteSettings, wanted: &Doctor) -> DoctorOptions {
    DoctorOptions {
        recall: wanted.recall,
        flags: unattended::options(&as_its_login(site), given.host),
        site: Some(site_flags(given, &site.domain)),
        model: site.database.embedder.model.clone(),
        ..DoctorOptions::default()
    }
}

/// The site's database as commands that know nothing of sites see it.
fn as_its_login(site: &SiteSettings) -> Settings {
    Settings {
        role: site.name.clone(),
        ..site.database.clone()
    }
}

/// What makes a command of sites mean this one.
fn site_flags(given: &Given<'_>, domain: &Domain) -> String {
    let mut server = given.server.clone();
    if server.target == Target::System {
        // Theirs without a word, which it is not of other commands.
        server.target = Target::Embedded;
    }
    let mut flags = vec![
        format!("--domain {domain}"),
        unattended::options(&server, given.host),
    ];
    if let Some(directory) = &given.options.site_directory {
        flags.push(unattended::typed(
            "--site-directory",
            &directory.display().to_string(),
        ));
    }
    flags.retain(|flag| !flag.is_empty());
    flags.join(" ")
}

/// Written before any error is told: that there is nobody to ask is a measurement, too.
fn in_numbers(
    given: &Given<'_>,
    around: Result<Surroundings>,
    looked: Vec<Looked>,
    wanted: &Doctor,
    ui: &Ui,
) -> Result<Exit> {
    let readings: Vec<Reading<'_>> = looked
        .iter()
        .filter_map(|looked| {
            Some(Reading {
                site: looked.domain.as_ref().map(Domain::as_str),
                settings: looked.settings.as_ref()?,
                report: &looked.report,
                duration: looked.duration,
                taken: looked.taken,
            })
        })
        .collect();
    health::put(given.host, wanted, &metrics::text(&readings), ui)?;
    around?;
    for looked in looked.iter().filter(|looked| looked.error.is_some()) {
        ui.say(heading(looked));
        ui.say(error_text(looked, ui));
    }
    let exit = exit(&looked);
    // Of a site that is not known no number tells.
    match looked.into_iter().find(|looked| looked.settings.is_none()) {
        Some(Looked {
            error: Some(error), ..
        }) => Err(error),
        _ => Ok(exit),
    }
}

fn entry(looked: &Looked, ui: &Ui) -> serde_json::Value {
    let mut entry = serde_json::json!({
        "domain": looked.domain, "email": looked.email,
        "database": looked.settings.as_ref().map(|settings| &settings.database),
    });
    if let (Some(entry), Ok(serde_json::Value::Object(report))) =
        (entry.as_object_mut(), serde_json::to_value(&looked.report))
    {
        entry.extend(report);
        if let Some(error) = &looked.error {
            entry.insert("code".to_owned(), error.code().into());
            let hint = error.hint().map(|hint| ui.completed(&hint));
            entry.insert("hint".to_owned(), hint.into());
        }
    }
    entry
}

fn in_words(looked: &[Looked], ui: &Ui) -> String {
    let mut text = String::new();
    for looked in looked {
        text.push_str(&format!("{}\n", heading(looked)));
        match looked.error {
            Some(_) => text.push_str(&error_text(looked, ui)),
            None => text.push_str(&judged::report::doctor(&looked.report)),
        }
        text.push('\n');
    }
    let well = looked.iter().filter(|looked| looked.report.healthy).count();
    text + &format!("healthy: {well} of {} databases\n", looked.len())
}

fn heading(looked: &Looked) -> String {
    let contact = looked.email.as_ref().map(|email| format!(" ({email})"));
    let domain = looked.domain.as_ref().map_or("no site", Domain::as_str);
    let database = looked
        .settings
        .as_ref()
        .map(|settings| format!(", database {}", settings.database));
    format!(
        "{domain}{}{}:",
        contact.unwrap_or_default(),
        database.unwrap_or_default()
    )
}

fn error_text(looked: &Looked, ui: &Ui) -> String {
    let Some(error) = &looked.error else {
        return String::new();
    };
    let hint = error
        .hint()
        .map(|hint| format!("hint: {}\n", ui.completed(&hint)));
    format!("error[{}]: {error}\n{}", error.code(), hint.unwrap_or_default())
}

fn is_healthy(looked: &[Looked]) -> bool {
    looked.iter().all(|looked| looked.report.healthy)
}

fn exit(looked: &[Looked]) -> Exit {
    if is_healthy(looked) {
        Exit::Done
    } else {
        Exit::Unhealthy
    }
}

/// Measures as the site's service, on scratch data.
pub(super) async fn verify(given: &Given<'_>, known: &Known, ui: &Ui) -> Result<Exit> {
    let sites = given.sites()?;
    let site = known::site(given, &sites, known)?;
    let server = sites.server.running_server().await?;
    let mut connection = sites.session(&server, &site).await?;
    let version = extension_version(&mut connection).await?;
    health::measure(&mut connection, version, &site.database.table, ui).await
}
