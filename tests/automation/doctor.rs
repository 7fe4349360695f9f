//! `doctor` of many sites: one that is not well hides no other.

use std::path::PathBuf;
use std::process::Output;

use crate::place::Place;

struct Sites {
    place: Place,
    settings: PathBuf,
}

const DOMAINS: [&str; 3] = ["gp.example.com", "shop.example.com", "wiki.example.com"];

impl Sites {
    fn deployed() -> Self {
        let sites = Self::declared(&DOMAINS);
        let output = sites.run(&["apply", "--yes"]);
        assert!(output.status.success(), "{}", words(&output));
        sites
    }

    fn declared(domains: &[&str]) -> Self {
        let place = Place::new();
        let settings = place.path("pgvector-setup.toml");
        place.declare(&settings, domains);
        Self { place, settings }
    }

    fn run(&self, words: &[&str]) -> Output {
        self.place.product(&self.settings, words).output().unwrap()
    }

    fn metrics(&self) -> (Option<i32>, String) {
        let file = self.place.path("sites.prom");
        let option = format!("--output={}", file.display());
        let output = self.run(&["doctor", "--sites", "--format=prometheus", &option]);
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        (output.status.code(), std::fs::read_to_string(file).unwrap())
    }

    fn report(&self, words: &[&str]) -> (Option<i32>, serde_json::Value) {
        let output = self.run(&[&["doctor", "--json"], words].concat());
        let report = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    }
}

/// Of no site.
const OWN: &str = "pgvector_setup_up{database=\"vectors\",schema=\"vectors\",table=\"articles\"} 1\n";

fn words(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn is(metric: &str, domain: &str, value: u8, text: &str) -> bool {
    let name = domain.split('.').next().unwrap();
    let line = format!(
        "pgvector_setup_{metric}{{site=\"{domain}\",database=\"{name}\",schema=\"{name}\",table=\"articles\"}} {value}"
    );
    text.lines().any(|there| there == line)
}

#[test]
fn one_exposition_has_every_site_and_what_is_wrong_with_one_is_said_of_it_alone() {
    let sites = Sites::deployed();
    let (exit, text) = sites.metrics();
    assert_eq!(exit, Some(0), "{text}");
    for domain in DOMAINS {
        assert!(
            is("up", domain, 1, &text) && is("healthy", domain, 1, &text),
            "{text}"
        );
    }
    // Which databases there are besides is no site's business.
    let versions = text
        .lines()
        .filter(|line| line.starts_with("pgvector_setup_version_info{"));
    assert_eq!(versions.count(), DOMAINS.len(), "{text}");

    let environment = sites.place.path("services/shop.example.com.env");
    let kept = std::fs::read_to_string(&environment).unwrap();
    let (start, end) = kept.split_once("@127.0.0.1").unwrap();
    std::fs::write(&environment, format!("{start}x@127.0.0.1{end}")).unwrap();
    let (exit, text) = sites.metrics();
    assert_eq!(exit, Some(1), "{text}");
    for (domain, is_up) in DOMAINS.into_iter().zip([1, 0, 1]) {
        assert!(
            is("up", domain, is_up, &text) && is("healthy", domain, is_up, &text),
            "{text}"
        );
    }
}

#[test]
fn a_report_names_each_site_its_contact_and_why_it_could_not_be_read() {
    let sites = Sites::deployed();
    std::fs::remove_file(sites.place.path("services/gp.example.com.env")).unwrap();
    let (exit, report) = sites.report(&["--sites"]);
    assert_eq!((exit, &report["healthy"]), (Some(1), &false.into()), "{report}");
    let told: Vec<_> = report["sites"].as_array().unwrap().iter().collect();
    for (site, domain) in told.iter().zip(DOMAINS) {
        assert_eq!(site["domain"], domain);
        assert_eq!(site["email"], format!("contact@{domain}"));
    }
    assert_eq!(told[0]["code"], "E0404");
    let hint = told[0]["hint"].as_str().unwrap();
    assert!(hint.ends_with("site deploy --domain gp.example.com"), "{hint}");
    assert!(
        told[1]["healthy"] == true && told[1]["error"].is_null(),
        "{report}"
    );

    let (exit, report) = sites.report(&["--domain", "wiki.example.com"]);
    assert_eq!(exit, Some(0));
    assert_eq!(report["sites"].as_array().unwrap().len(), 1);
    let text = words(&sites.run(&["doctor", "--sites"]));
    assert!(
        text.contains("wiki.example.com (contact@wiki.example.com), database wiki:"),
        "{text}"
    );
    assert!(text.contains("healthy: 2 of 3 databases"), "{text}");
    assert!(
        text.contains("doctor --recall --domain wiki.example.com"),
        "{text}"
    );
}

#[test]
fn a_record_that_cannot_be_read_fails_the_run_after_the_others_were_written() {
    let sites = Sites::deployed();
    let record = sites.place.path("sites/gp.example.com/site.json");
    std::fs::write(record, "{").unwrap();
    // What is declared is what it was, and says nothing of what is recorded.
    let (exit, text) = sites.metrics();
    assert_eq!(exit, Some(3), "{text}");
    assert!(!text.contains("gp.example.com"), "{text}");
    assert!(
        is("up", "shop.example.com", 1, &text) && is("up", "wiki.example.com", 1, &text),
        "{text}"
    );
    let (exit, report) = sites.report(&["--sites"]);
    assert_eq!(exit, Some(1));
    assert!(
        report["sites"][0]["error"]
            .as_str()
            .unwrap()
            .contains("site.json"),
        "{report}"
    );
}

#[test]
fn a_declared_site_that_was_never_made_is_unhealthy_and_without_a_server_all_are() {
    let sites = Sites::deployed();
    let all = [&DOMAINS[..], &["zoo.example.com"]].concat();
    sites.place.declare(&sites.settings, &all);
    let (exit, text) = sites.metrics();
    assert_eq!(exit, Some(1), "{text}");
    assert!(
        is("up", "zoo.example.com", 0, &text) && is("up", "gp.example.com", 1, &text),
        "{text}"
    );

    assert!(sites.run(&["stop"]).status.success());
    let (exit, text) = sites.metrics();
    assert_eq!(exit, Some(3), "{text}");
    for domain in all {
        assert!(is("up", domain, 0, &text), "{text}");
    }
}

#[test]
fn the_database_of_the_settings_is_made_by_apply_without_sites_and_read_beside_them() {
    let sites = Sites::declared(&[]);
    let output = sites.run(&["apply", "--yes"]);
    assert!(output.status.success(), "{}", words(&output));
    let (exit, text) = sites.metrics();
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains(OWN), "{text}");

    let deploy = [
        "site",
        "deploy",
        "--yes",
        "--domain=gp.example.com",
        "--email=contact@gp.example.com",
    ];
    let output = sites.run(&deploy);
    assert!(output.status.success(), "{}", words(&output));
    let (exit, text) = sites.metrics();
    assert_eq!(exit, Some(0), "{text}");
    assert!(
        is("up", "gp.example.com", 1, &text) && text.contains(OWN),
        "{text}"
    );
    let output = sites.run(&["plan", "--check"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
}
